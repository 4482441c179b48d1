"""Ask whether a student learns more from a warm teacher than from labels.

    python -m benchmarks.distillation_study [--seeds 40] [--workers 1] [--output FILE]

The plan, written before the study was run, and kept:

- A seed deals out scikit-learn's 1797 digits anew: 1000 that may be learned from, 797 for the test. There is one seed
  for each of 40 replicas, 0 to 39. Two others, 9001 and 9002, served as a pilot: they timed the study, and on them a
  temperature of 20 was chosen for the main comparison.
- The well-read teacher has 256 hidden units and learns all 1000 with their labels. The teacher of the same book is of
  the same kind and learns only the pictures that the student gets.
- A student has 16 hidden units and gets the first 30, 100, 300 or 1000 of them. All students of a seed and a size have
  the same start, the same pictures in the same order, and the same number of steps. They differ in their targets: the
  labels; labels smoothed by 0.1; a teacher's softmax at T = 1, 4, 20, 100, each learned at this T; and that at T = 20
  with the shares of the nine other classes shuffled in each picture.
- Each student is read at T = 1. Measured on the test: right answers; mean negative log-likelihood in nats; calibration
  error (root mean square over 15 bins, debiased); the temperature that calibrates; and the same loss and error once
  the student has been heated, with the temperature of one half of the test for the other half.
- The main comparison is T = 20 of the well-read teacher against labels, in pairs that share a seed, at each size, by
  Student's t-interval of the mean difference. It speaks of the luck of the deal and of the start; the 1797 pictures
  are always the same. Everything is reported whichever way it falls. Nothing else was tuned, for any of the students.
- Besides, a student is taught without a single picture of one digit, the seed modulo 10, and tested on that digit: as
  it is, and once told how common the digit is (its score is raised until a tenth of the test is called so).
- Added after a first run, and tried on six of its seeds: what the well-read teacher knows besides the answer. On the
  test, where it is right, how often is its second choice the other digit whose mean picture (of the 1000) is nearest?
  Beside it: how often would it be if second choices were dealt out anew among the pictures of each digit, and how often
  is its third choice? Where it is wrong: how often is its second or its third choice the answer?

It takes some ten minutes on one core.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import sklearn
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

import simsoftmax as ss

BOOK = Path(__file__).parents[1] / "book"
sys.path.insert(0, str(BOOK))

from teaching import (  # noqa: E402
    STUDENT,
    TAUGHT,
    Labels,
    Split,
    nearest_other,
    one_hot,
    shuffled,
    smoothed,
    split,
    teach,
    teacher_of,
    warm,
)

OUTPUT = BOOK / "data" / "distillation_study.json"
SIZES = (30, 100, 300, 1000)
TEMPERATURES = (1, 4, 20, 100)
MAIN = 20
EPSILON = 0.1
MEASURES = ("right", "nll", "ece", "temperature", "heated_nll", "heated_ece")

Floats = NDArray[np.float64]
Arms = dict[str, tuple[Floats, float]]  # what students are told, and at which temperature they learn it


def told_by(name: str, logits: Floats, labels: Labels, rng: np.random.Generator) -> Arms:
    """Return what a teacher with these logits tells."""
    arms: Arms = {f"{name} at {t}": (warm(logits, t), t) for t in TEMPERATURES}
    arms[f"{name} shuffled"] = shuffled(warm(logits, MAIN), labels, rng), MAIN
    return arms


def taught(pictures: Floats, arms: Arms, rng: np.random.Generator) -> Any:
    """Return one student for each arm."""
    targets, temperatures = (np.array(part, float) for part in zip(*arms.values(), strict=True))
    return teach(pictures, targets, temperatures, hidden=STUDENT, rng=rng)


def calibration_error(p: Floats, labels: Labels) -> float:
    """Return the debiased error, whose square has no bias."""
    return float(ss.expected_calibration_error(p, labels, norm=2, debias=True))


def measured(logits: Floats, labels: Labels) -> list[float]:
    """Return the `MEASURES` of one student on the test."""
    p = ss.softmax(logits)
    heated = np.empty_like(p)
    halves = np.array_split(np.arange(len(labels)), 2)
    for one, other in (halves, halves[::-1]):
        heated[other] = ss.softmax(logits[other], ss.fit_temperature(logits[one], labels[one]).temperature)
    found = (
        ss.negative_log_likelihood(p, labels),
        calibration_error(p, labels),
        ss.fit_temperature(logits, labels).temperature,
        ss.negative_log_likelihood(heated, labels),
        calibration_error(heated, labels),
    )
    return [int((logits.argmax(axis=1) == labels).sum()), *(float(f"{value:.4g}") for value in found)]


def never_seen(logits: Floats, labels: Labels, digit: int) -> list[int]:
    """Return how many pictures of a digit are recognised: as it is, and once told how common the digit is."""
    raised = logits.copy()
    others = np.delete(logits, digit, axis=1).max(axis=1)
    raised[:, digit] += np.quantile(others - logits[:, digit], 0.1)
    return [int((scores.argmax(axis=1) == labels)[labels == digit].sum()) for scores in (logits, raised)]


def second_choices(logits: Floats, given: Split) -> dict[str, float]:
    """Return what a teacher's second and third choices on the test agree with, in pictures."""
    order, labels = np.argsort(-logits, axis=1), given.test_labels
    right = order[:, 0] == labels
    near = nearest_other(given)
    by_label = 0.0
    for digit in range(10):
        these = right & (labels == digit)
        both = [np.bincount(choice[these], minlength=10) for choice in (near, order[:, 1])]
        by_label += float(both[0] @ both[1] / these.sum())
    return {
        "right": int(right.sum()),
        "second is nearest": int((order[:, 1] == near)[right].sum()),
        "third is nearest": int((order[:, 2] == near)[right].sum()),
        "by label alone": round(by_label, 2),
        "wrong": int((~right).sum()),
        "second is true": int((order[:, 1] == labels)[~right].sum()),
        "third is true": int((order[:, 2] == labels)[~right].sum()),
    }


def replica(seed: int) -> dict[str, Any]:
    """Return all that one seed tells."""
    rng = np.random.default_rng(seed)
    given = split(rng)
    x, y, test_x, test_y = given
    well_read = teacher_of(x, y, rng)
    scores = well_read.logits(x)[0]
    answers = well_read.logits(test_x)[0]
    found: dict[str, Any] = {"teacher": measured(answers, test_y), "choices": second_choices(answers, given)}
    for n in SIZES:
        arms: Arms = {"labels": (one_hot(y[:n]), 1), "smoothed": (smoothed(y[:n], EPSILON), 1)}
        arms |= told_by("well-read", scores[:n], y[:n], rng)
        if n < TAUGHT:
            same_book = teacher_of(x[:n], y[:n], rng)
            found[f"teacher of {n}"] = measured(same_book.logits(test_x)[0], test_y)
            arms |= told_by("same book", same_book.logits(x[:n])[0], y[:n], rng)
        logits = taught(x[:n], arms, rng).logits(test_x)
        found[str(n)] = {arm: measured(z, test_y) for arm, z in zip(arms, logits, strict=True)}
    digit = seed % 10
    kept = y != digit
    arms = {"labels": (one_hot(y[kept]), 1), **told_by("well-read", scores[kept], y[kept], rng)}
    logits = taught(x[kept], arms, rng).logits(test_x)
    found["never seen"] = {arm: never_seen(z, test_y, digit) for arm, z in zip(arms, logits, strict=True)}
    found["never seen"] |= {"digit": digit, "pictures": int((test_y == digit).sum())}
    return found


def alone(seed: int) -> dict[str, Any]:
    """Return a replica, computed with one thread: such small matrices are multiplied faster by one."""
    with threadpool_limits(1):
        return replica(seed)


def main() -> None:
    """Run the study and write what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=40)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--output", type=Path, default=OUTPUT)
    options = parser.parse_args()
    replicas = []
    with ProcessPoolExecutor(options.workers) as workers:
        for seed, found in enumerate(workers.map(alone, range(options.seeds))):
            replicas.append(found)
            print(seed, found["teacher"], found["30"]["labels"], found["30"]["well-read at 20"], flush=True)
    plan = {
        "seeds": options.seeds,
        "sizes": SIZES,
        "temperatures": TEMPERATURES,
        "main": MAIN,
        "epsilon": EPSILON,
        "student": STUDENT,
        "test": 1797 - TAUGHT,
        "measures": MEASURES,
        "versions": {"python": platform.python_version(), "numpy": np.__version__, "scikit-learn": sklearn.__version__},
    }
    text = json.dumps(plan, indent=1)[:-2] + ',\n "replicas": [\n  '
    text += ",\n  ".join(json.dumps(found, separators=(",", ":")) for found in replicas) + "\n ]\n}\n"
    options.output.write_text(text)


if __name__ == "__main__":
    main()
