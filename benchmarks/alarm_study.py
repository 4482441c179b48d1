"""Test the tester: how often the verdict raises a false alarm, and how often it catches a faulty sampler.

Run ``python -m benchmarks.alarm_study [output.json [part ...]]`` from the top of the repository; it takes about twenty
minutes on one core. Parts are peeking, faults, promises and false_alarms; with some of them named, the others stay as
they are in the file. Every case repeats an experiment: draw N particles, ask for the verdict's p-value. The verdict's
own mathematics is used, over many experiments at once.
"""

from __future__ import annotations

import json
import math
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

from benchmarks.wrong_samplers import LOGITS, TEMPERATURE, wrong_samplers
from simsoftmax import EProcess, detectable_difference, required_particles, softmax
from simsoftmax.verdict.null import Null

SEED = 20250101
EXPERIMENTS = 100_000
RATES = (1e-2, 1e-3, 1e-4)
PARTS = ("peeking", "faults", "promises", "false_alarms")
INTERVAL = 0.999  # of the binomial interval that a rate is held against

Floats = NDArray[np.float64]


def ladder(levels: int) -> Floats:
    """Return scores that fall from 3 to 0 with a wiggle: no level is rare at T near 1."""
    return np.linspace(3, 0, levels) + 0.2 * np.cos(np.arange(levels))


def gaussian(levels: int) -> Floats:
    """Return Gaussian scores of width 2, as a language model's: a few levels are likely, most are rare."""
    return 2 * np.random.default_rng(0).normal(size=levels)


def null_cases() -> list[tuple[str, Floats, float, int]]:
    """Return (name, logits, temperature, particles) of every case without a fault."""
    rare3, rare10 = np.array([4.0, -0.5, -0.7]), np.append(np.zeros(7), [-5.0, -5.5, -9.0])
    return [
        ("K = 2", ladder(2), 0.5, 100),
        ("K = 2", ladder(2), 2.0, 100_000),
        ("K = 2, one level rare", ladder(2), 0.3, 20_000),
        ("K = 3", np.array(LOGITS), 0.5, 100),
        ("K = 3", np.array(LOGITS), 2.0, 1000),
        ("K = 3", np.array(LOGITS), 2.0, 100_000),
        ("K = 3", np.array(LOGITS), math.inf, 10_000),
        ("K = 3, two levels rare", rare3, 0.5, 50_000),
        ("K = 10", ladder(10), 0.5, 100),
        ("K = 10", ladder(10), 2.0, 10_000),
        ("K = 10, three levels rare", rare10, 0.8, 10_000),
        ("K = 100", ladder(100), 2.0, 10_000),
        ("K = 100, most levels rare", gaussian(100), 0.7, 2000),
        ("K = 1000, pooled", ladder(1000), 2.0, 2000),
        ("K = 1000, most levels unseen", gaussian(1000), 0.7, 1000),
    ]


def p_values(null: Null, q: Floats, experiments: int, rng: np.random.Generator) -> Floats:
    """Return the verdict's p-values over repeated experiments with a sampler that has distribution q."""
    batch = max(1, 2_000_000 // len(q))
    sizes = [min(batch, experiments - done) for done in range(0, experiments, batch)]
    return np.concatenate([null.judge(rng.multinomial(null.particles, q, size=size))[2] for size in sizes])


def naive_p_values(null: Null, experiments: int, rng: np.random.Generator) -> Floats:
    """Return the p-values of Pearson's chi-square on all levels, as it is often done, over repeated experiments."""
    counts = rng.multinomial(null.particles, null.p, size=experiments)
    expected = null.particles * null.p
    return np.asarray(special.chdtrc(len(expected) - 1, ((counts - expected) ** 2 / expected).sum(axis=1)))


def false_alarms(name: str, logits: Floats, temperature: float, particles: int, rng: np.random.Generator) -> Any:
    """Return the measured rate of false alarms at each nominal rate, with the binomial limit it must not pass."""
    null = Null.of(logits, temperature, particles)
    values = p_values(null, null.p, EXPERIMENTS, rng)
    naive = naive_p_values(null, EXPERIMENTS // 10, rng)
    return {
        "case": name,
        "levels": len(logits),
        "temperature": "inf" if math.isinf(temperature) else temperature,
        "particles": particles,
        "groups": len(null.groups.starts),
        "experiments": EXPERIMENTS,
        "rates": [
            {
                "nominal": rate,
                "measured": float((values <= rate).mean()),
                "limit": float(stats.binom.ppf((1 + INTERVAL) / 2, EXPERIMENTS, rate) / EXPERIMENTS),
                "pearson": float((naive <= rate).mean()),
            }
            for rate in RATES
        ],
    }


def power(name: str, logits: Floats, temperature: float, wrong: Floats, rng: np.random.Generator) -> Any:
    """Return the share of experiments that catch a fault, at the number of particles that promises 99 %."""
    distance = float(0.5 * np.abs(wrong - softmax(logits, temperature)).sum())
    if name == "temperature off by 5 %":
        particles = required_particles(0.05, logits, temperature, of="temperature")
    else:
        particles = required_particles(distance, logits, temperature)
    null = Null.of(logits, temperature, particles)
    experiments = 10 * EXPERIMENTS
    return {
        "fault": name,
        "temperature": temperature,
        "total_variation": distance,
        "particles": particles,
        "experiments": experiments,
        "false_alarm": 1e-3,
        "promised": 0.99,
        "caught": float((p_values(null, wrong, experiments, rng) <= 1e-3).mean()),
    }


def promise(name: str, logits: Floats, temperature: float, particles: int, rng: np.random.Generator) -> Any:
    """Return the share of experiments that catch a temperature off by just the amount that the verdict promises."""
    least = detectable_difference(particles, logits, temperature).temperature
    experiments = min(EXPERIMENTS, 10_000_000 // len(logits))
    null = Null.of(logits, temperature, particles)
    caught = {}
    for word, sign in (("hotter", 1), ("colder", -1)):
        off = 1 + sign * least
        caught[word] = (
            float((p_values(null, softmax(logits, temperature * off), experiments, rng) <= 1e-3).mean())
            if 0 < off < math.inf
            else None
        )
    return {
        "case": name,
        "levels": len(logits),
        "temperature": "inf" if math.isinf(temperature) else temperature,
        "particles": particles,
        "experiments": experiments,
        "false_alarm": 1e-3,
        "promised": 0.99,
        "off_by": least if math.isfinite(least) else None,
        "caught": caught,
    }


def peeking(rng: np.random.Generator, runs: int = 5000, looks: int = 40, batch: int = 50, nominal: float = 0.01) -> Any:
    """Return how often a test that is looked at after every batch ever raises an alarm, with no fault present."""
    p = softmax(np.array(LOGITS), TEMPERATURE)
    threshold = stats.chi2.isf(nominal, len(p) - 1)
    chi_square = evidence = at_the_end = 0
    for draws in rng.multinomial(batch, p, size=(runs, looks)):
        seen = draws.cumsum(axis=0)
        expected = seen.sum(axis=1, keepdims=True) * p
        alarm = ((seen - expected) ** 2 / expected).sum(axis=1) > threshold
        watch = EProcess(LOGITS, TEMPERATURE)
        for counts in draws:
            watch.update(counts)
        chi_square += bool(alarm.any())
        at_the_end += bool(alarm[-1])
        evidence += watch.alarm(nominal)
    return {
        "runs": runs,
        "looks": looks,
        "draws_between_looks": batch,
        "nominal": nominal,
        "chi_square_once": at_the_end / runs,
        "chi_square_peeked": chi_square / runs,
        "evidence_peeked": evidence / runs,
    }


def main(output: Path, parts: tuple[str, ...]) -> None:
    started = time.time()
    output.parent.mkdir(parents=True, exist_ok=True)
    streams = np.random.default_rng(SEED).spawn(1000)
    study: dict[str, Any] = json.loads(output.read_text()) if output.exists() and parts != PARTS else {}
    study |= {"seed": SEED, "interval": INTERVAL} | {part: [] for part in parts}

    def keep(part: str, row: Any) -> None:
        study[part].append(row)
        output.write_text(json.dumps(study, indent=1) + "\n")
        print(row, f"{time.time() - started:.0f} s", flush=True)

    if "peeking" in parts:
        study["peeking"] = peeking(streams[200])
    if "faults" in parts:
        for (name, fault), rng in zip(wrong_samplers().items(), streams[100:], strict=False):
            keep("faults", power(name, *fault, rng))
    if "promises" in parts:
        for case, rng in zip(null_cases(), streams[300:], strict=False):
            keep("promises", promise(*case, rng))
    if "false_alarms" in parts:
        for case, rng in zip(null_cases(), streams, strict=False):
            keep("false_alarms", false_alarms(*case, rng))


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "book/data/alarm_study.json"), tuple(sys.argv[2:]) or PARTS)
