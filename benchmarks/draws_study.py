"""Test the tester of samplers: how often `verify_draws` raises a false alarm, and whether it keeps its promises.

    python -m benchmarks.draws_study [--experiments 100000] [--promises 400] [--seed 1] [--output FILE]

Every experiment draws once from each row of a case and asks for the verdict's p-value. Experiments are shared out over
the cases; rates are held against the binomial interval of 99.9 %. A promise is an error of the size that the verdict
states to catch with 99 %, planted and counted. It takes some ten minutes on two cores.
"""

from __future__ import annotations

import argparse
import json
import math
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from simsoftmax import Pipeline, Temperature, TopK, TopP, Typical, verify_draws
from simsoftmax.verdict.contexts import as_contexts
from simsoftmax.verdict.residuals import residuals
from simsoftmax.verdict.samplers import judge

OUTPUT = Path(__file__).parents[1] / "book" / "data" / "draws_study.json"
RATES = (1e-2, 1e-3)
INTERVAL = 0.999
POWER = 0.99
CHUNK = 250


class Case(NamedTuple):
    """Rows of Gaussian scores, the same at every experiment, and what is done with them."""

    name: str
    rows: int
    levels: int
    width: float
    pipeline: Pipeline
    alike: bool = False

    def logits(self) -> NDArray[np.float64]:
        """Return the rows."""
        z = self.width * np.random.default_rng(self.rows + self.levels).standard_normal((self.rows, self.levels))
        return np.repeat(z[:1], self.rows, axis=0) if self.alike else z


def heat(temperature: float, *steps: Any) -> Pipeline:
    """Return a pipeline that begins with a temperature."""
    return Pipeline([Temperature(temperature), *steps])


CASES = [
    Case("two tokens, rows alike", 300, 2, 2.0, heat(0.7), True),
    Case("two tokens, peaked", 1000, 2, 6.0, heat(0.5)),
    Case("few rows", 20, 50, 2.0, heat(0.7)),
    Case("flat", 300, 30, 0.3, heat(2.0)),
    Case("usual", 500, 100, 2.0, heat(0.7)),
    Case("usual, hot", 500, 100, 2.0, heat(1.8)),
    Case("peaked", 2000, 40, 6.0, heat(0.3)),
    Case("one peak in each row", 1000, 20, 12.0, heat(0.8)),
    Case("many tokens", 500, 1000, 3.0, heat(0.7)),
    Case("top-k", 500, 200, 2.0, heat(0.9, TopK(8))),
    Case("nucleus", 500, 200, 2.0, heat(0.7, TopP(0.9))),
    Case("nucleus before temperature", 500, 200, 2.0, Pipeline([TopP(0.9), Temperature(1.6)])),
    Case("typical", 500, 100, 2.0, heat(0.7, Typical(0.8))),
    Case("infinite temperature", 300, 40, 2.0, heat(math.inf)),
]


def p_values(case: Case, number: int, seed: int) -> list[float]:
    """Return p-values of so many experiments with a right sampler."""
    z, rng = case.logits(), np.random.default_rng([seed, case.rows, case.levels])
    found = []
    for _ in range(number):
        draws = case.pipeline.sample(z, rng=rng, threads=1)
        found.append(judge(residuals(as_contexts(draws, z), case.pipeline, 1)).p_value)
    return found


def interval(experiments: int, rate: float) -> tuple[int, int]:
    """Return the numbers of false alarms between which a rate is believed."""
    low, high = stats.binom.interval(INTERVAL, experiments, rate)
    return int(low), int(high)


def false_alarms(experiments: int, seed: int, workers: ProcessPoolExecutor) -> list[dict[str, Any]]:
    """Return what was found in each case, and in all of them."""
    each = -(-experiments // len(CASES))
    tasks = [(case, min(CHUNK, each - done), seed + 7919 * done) for case in CASES for done in range(0, each, CHUNK)]
    found: dict[str, list[float]] = {case.name: [] for case in CASES}
    for (case, _, _), values in zip(tasks, workers.map(p_values, *zip(*tasks, strict=True)), strict=True):
        found[case.name] += values
    found["all"] = [p for values in found.values() for p in values]
    rows = []
    for name, values in found.items():
        row: dict[str, Any] = {"case": name, "experiments": len(values)}
        for rate in RATES:
            row[f"{rate:g}"] = alarms = int(np.sum(np.array(values) <= rate))
            row[f"{rate:g} interval"] = interval(len(values), rate)
            low, high = row[f"{rate:g} interval"]
            row[f"{rate:g} kept"] = alarms <= high and (name != "all" or alarms >= low)
        rows.append(row)
        print(row, flush=True)
    return rows


def kept(case: Case, error: str, number: int, seed: int) -> tuple[float, int]:
    """Return the size of an error that is promised to be caught, and how often it was."""
    z, rng = case.logits(), np.random.default_rng([seed, case.rows, case.levels, len(error)])
    verdict = verify_draws(case.pipeline.sample(z, rng=rng), z, pipeline=case.pipeline, power=POWER)
    size = verdict.detectable_noise if error == "noise" else verdict.detectable_temperature
    if error == "truncation":
        size = verdict.detectable_truncation
    if math.isinf(size):
        return size, 0
    factor = {"hot": 1 + size, "cold": max(1 - size, 0.0)}.get(error, 1.0)
    steps = [*case.pipeline.steps, Temperature(factor), *([TopP(1 - size)] if error == "truncation" else [])]
    wrong, caught = Pipeline(steps), 0
    for _ in range(number):
        draws = wrong.sample(z, rng=rng, threads=1)
        if error == "noise":
            draws = np.where(rng.random(len(draws)) < size, rng.integers(0, case.levels, len(draws)), draws)
        found = residuals(as_contexts(draws, z), case.pipeline, 1)
        p = 0.0 if np.isnan(found.ranks).any() else judge(found).p_value
        caught += p <= verdict.false_alarm
    return size, caught


def promises(number: int, seed: int, workers: ProcessPoolExecutor) -> list[dict[str, Any]]:
    """Return how often errors of the promised size were caught."""
    tasks = [(case, error, number, seed) for case in CASES for error in ("hot", "cold", "truncation", "noise")]
    rows = []
    for (case, error, _, _), (size, caught) in zip(tasks, workers.map(kept, *zip(*tasks, strict=True)), strict=True):
        if math.isinf(size):
            continue
        least = int(stats.binom.ppf((1 - INTERVAL) / 2, number, POWER))
        rows.append(
            {"case": case.name, "error": error, "size": size, "caught": caught, "of": number, "kept": caught >= least}
        )
        print(rows[-1], flush=True)
    return rows


def main() -> None:
    """Run the study and write what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--experiments", type=int, default=100_000)
    parser.add_argument("--promises", type=int, default=400)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--output", default=str(OUTPUT))
    options = parser.parse_args()
    with ProcessPoolExecutor() as workers:
        found = {
            "seed": options.seed,
            "promises": promises(options.promises, options.seed, workers),
            "false_alarms": false_alarms(options.experiments, options.seed, workers),
        }
    Path(options.output).write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
