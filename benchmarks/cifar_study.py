"""Calibrate two networks trained on CIFAR: `python -m benchmarks.cifar_study`.

Half of the 10,000 test pictures fit the temperature, the other half is scored. The files are downloaded
once (`simsoftmax.calibration.datasets.fetch_cifar_logits`); the results go to ``book/data/cifar_calibration.json``, as
the book is built without a network. Takes half a minute.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

import simsoftmax as sm
from simsoftmax.calibration.datasets import CIFAR, fetch_cifar_logits
from simsoftmax.calibration.metrics import estimate_calibration_error

RESULT = Path(__file__).parents[1] / "book" / "data" / "cifar_calibration.json"
GRID = np.linspace(1.0, 4.0, 1501)


def local_minima(values: np.ndarray) -> int:
    """Return how many values are lower than both neighbours."""
    return int(np.sum((values[1:-1] < values[:-2]) & (values[1:-1] < values[2:])))


def study(name: str) -> dict[str, object]:
    data = fetch_cifar_logits(name)
    order = np.random.default_rng(0).permutation(len(data.labels))
    fitted, scored = np.split(order, 2)
    fit = sm.fit_temperature(data.logits[fitted], data.labels[fitted])
    rest, labels = data.logits[scored], data.labels[scored]
    record: dict[str, object] = {
        "rows": len(data.labels),
        "levels": data.logits.shape[1],
        "accuracy": float((rest.argmax(axis=1) == labels).mean()),
        "temperature": fit.temperature,
        "low": fit.low,
        "high": fit.high,
    }
    for when, t in (("before", 1.0), ("after", fit.temperature)):
        p = sm.softmax(rest, t)
        error = estimate_calibration_error(p, labels, rng=0)
        record[when] = {
            "error": error.value,
            "low": error.low,
            "high": error.high,
            "by_chance": error.by_chance,
            "nll": sm.negative_log_likelihood(p, labels),
            "brier": sm.brier_score(p, labels),
        }
    likelihood, errors = np.empty(len(GRID)), np.empty(len(GRID))
    for i, t in enumerate(GRID):
        p = sm.softmax(rest, t)
        likelihood[i] = sm.negative_log_likelihood(p, labels)
        errors[i] = sm.expected_calibration_error(p, labels)
    record["minima_of_nll"], record["minima_of_error"] = local_minima(likelihood), local_minima(errors)
    record["temperature_of_least_error"] = float(GRID[errors.argmin()])
    return record


if __name__ == "__main__":
    RESULT.write_text(json.dumps({name: study(name) for name in CIFAR}, indent=1) + "\n")
    print(RESULT.read_text())
