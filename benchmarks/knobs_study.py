"""Do richer maps of the scores calibrate better than one temperature? `python -m benchmarks.knobs_study`.

Two networks trained on CIFAR (`simsoftmax.calibration.datasets.fetch_cifar_logits`, downloaded once). Their 10,000 test
pictures are split at random, many times over: some fit the knobs of `book/knobs.py`, 4,000 others judge them, the same
for every size of the fit within a split. The results go to ``book/data/knobs_study.json``. Takes some ten minutes on
two cores, nearly all of it for the matrices of a hundred levels.
"""

from __future__ import annotations

import json
import sys
import warnings
from importlib.metadata import version
from pathlib import Path

import numpy as np
from scipy.stats import t as student

import simsoftmax as sm
from simsoftmax.calibration.datasets import CIFAR, fetch_cifar_logits

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "book"))

import knobs  # noqa: E402 - the book's own

RESULT = ROOT / "book" / "data" / "knobs_study.json"
SIZES = (300, 1000, 5000)
JUDGED = 4000
SPLITS = {"wideresnet-16-4-cifar-10": 20, "densenet-bc-100-cifar-100": 8}
KINDS = {
    "temperature": knobs.one_temperature,
    "one for each answer": knobs.one_for_each_answer,
    "vector scaling": knobs.vector_scaling,
    "matrix scaling": knobs.matrix_scaling,
}


def study(name: str, splits: int) -> dict[str, object]:
    """Return, for each size and kind, the mean loss, share of right answers and gain over one temperature."""
    data = fetch_cifar_logits(name)
    logits = np.maximum(data.logits, -100.0)  # a matrix cannot take -inf
    found = np.empty((splits, len(SIZES), len(KINDS), 3))
    for split in range(splits):
        order = np.random.default_rng(split).permutation(len(data.labels))
        rest = order[-JUDGED:]
        for i, size in enumerate(SIZES):
            seen = order[:size]
            for j, fit in enumerate(KINDS.values()):
                log_p = fit(logits[seen], data.labels[seen])(logits[rest])
                own = log_p[np.arange(JUDGED), data.labels[rest]]
                right = log_p.argmax(axis=1) == data.labels[rest]
                error = sm.expected_calibration_error(np.exp(log_p), data.labels[rest])
                found[split, i, j] = -np.maximum(own, -700.0).mean(), right.mean(), error
        print(name, split, found[split, ..., 0].round(3).tolist(), flush=True)
    gain = found[..., 0] - found[:, :, :1, 0]
    # Splits of the same pictures overlap, so that their scatter tells of the split alone.
    half = student.isf(0.025, splits - 1) * gain.std(axis=0, ddof=1) / np.sqrt(splits)
    rows = []
    for i, size in enumerate(SIZES):
        for j, kind in enumerate(KINDS):
            nll, right, error = found[:, i, j].mean(axis=0)
            rows.append(
                {
                    "size": size,
                    "kind": kind,
                    "nll": nll,
                    "right": right,
                    "error": error,
                    "excess": gain[:, i, j].mean(),
                    "half": half[i, j],
                    "won": int((gain[:, i, j] < 0).sum()),
                }
            )
    return {"levels": data.logits.shape[1], "splits": splits, "judged": JUDGED, "rows": rows}


if __name__ == "__main__":
    warnings.simplefilter("ignore")  # a level that a small sample lacks
    results = {name: study(name, SPLITS[name]) for name in CIFAR}
    used = {package: version(package) for package in ("numpy", "scipy", "scikit-learn")}
    RESULT.write_text(json.dumps({"versions": used, "networks": results}, indent=1) + "\n")
