"""Measure how often promises are kept: `python -m benchmarks.coverage_study [thermodynamics] [calibration] [verdict]`.

Nominal 95 %. Every interval is made from fresh draws, and compared with the exact value. The estimates of
`simsoftmax.thermodynamics` go to ``book/data/coverage_study.json`` and take about three minutes, the temperatures of
`simsoftmax.fit_temperature` to ``book/data/coverage_calibration.json`` in about one. What the verdict promises beside
its p-value (the thermometer, time averages, the bound on the total variation, the gas) goes to
``book/data/promises_study.json`` in about five; `benchmarks.alarm_study` has the p-value itself.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

import simsoftmax as sm
from simsoftmax.calibration.metrics import estimate_calibration_error
from simsoftmax.gas import Gas
from simsoftmax.proposals import as_proposal
from simsoftmax.thermodynamics import (
    Estimate,
    heat_capacity_from_counts,
    integrate_log_partition,
    log_partition_difference,
    mean_energy_from_counts,
)
from simsoftmax.verdict.verification import AverageNull

Z = np.array([2.0, 1.0, 0.1, -1.5, -3.0])
NOMINAL = 0.95
SEED = 20250101
DATA = Path(__file__).parents[1] / "book" / "data"
# Rows, levels, temperature, and whether the rows are weighted; labels are drawn from softmax(logits / T).
FITS = (
    (100, 3, 0.7, False),
    (200, 10, 2.0, False),
    (300, 5, 1.5, True),
    (1000, 10, 2.5, True),
    (1000, 100, 0.8, False),
    (5000, 2, 3.0, False),
)

Draw = Callable[[np.random.Generator], Estimate]


def drawn(t: float, n: int, rng: np.random.Generator) -> Any:
    return rng.multinomial(n, sm.softmax(Z, t))


def studies() -> list[tuple[str, float, int, int, Draw, float]]:
    """Return (estimate, temperature, particles, runs, one estimate, exact value)."""
    rows: list[tuple[str, float, int, int, Draw, float]] = []
    for t in (0.3, 1.0, 5.0):
        for n in (1_000, 10_000, 100_000):
            rows += [
                ("mean energy", t, n, 10_000, lambda r, t=t, n=n: mean_energy_from_counts(drawn(t, n, r), Z),
                 sm.mean_energy(Z, t)),
                ("heat capacity", t, n, 10_000, lambda r, t=t, n=n: heat_capacity_from_counts(drawn(t, n, r), Z, t),
                 sm.heat_capacity(Z, t)),
                ("ln Z by integration", t, n, 2_000,
                 lambda r, t=t, n=n: integrate_log_partition(Z, t, particles=n, rng=r, sampler=drawn),
                 sm.log_partition(Z, t)),
                ("ln Z difference to 2 T", t, n, 4_000,
                 lambda r, t=t, n=n: log_partition_difference([drawn(t, n, r), drawn(2 * t, n, r)], Z, [t, 2 * t]),
                 sm.log_partition(Z, 2 * t) - sm.log_partition(Z, t)),
            ]  # fmt: skip
    rows.append(
        ("ln Z by integration, simulated", 1.0, 100_000, 1_000,
         lambda r: integrate_log_partition(Z, 1.0, particles=100_000, rng=r), sm.log_partition(Z, 1.0))
    )  # fmt: skip
    return rows


def interval(hits: int, runs: int) -> dict[str, float]:
    """Return the share of hits and its 99 % confidence limits."""
    limits = stats.binomtest(hits, runs).proportion_ci(0.99)
    return {"coverage": hits / runs, "low": round(limits.low, 4), "high": round(limits.high, 4)}


def thermodynamics() -> None:
    """Write the coverage of measured energies, heat capacities and partition functions."""
    rng = np.random.default_rng(SEED)
    table = []
    for name, t, n, runs, estimate, exact in studies():
        results = [estimate(rng) for _ in range(runs)]
        hits = sum(e.low <= exact <= e.high for e in results)
        # How far off the value is on average, in units of its own error: a bias would show here.
        pull = np.array([(e.value - exact) / e.error for e in results])
        table.append({
            "estimate": name, "temperature": t, "particles": n, "runs": runs, **interval(hits, runs),
            "mean_pull": round(float(pull.mean()), 3),
        })  # fmt: skip
        print(f"{name:32} T={t:<4g} N={n:<7,} {hits / runs:.4f}  pull {pull.mean():+.3f}", flush=True)
    write("coverage_study.json", table, "thermodynamics", logits=Z.tolist())


def calibration(runs: int = 2000) -> None:
    """Write the coverage of both intervals of a fitted temperature, from the same draws."""
    rng = np.random.default_rng(SEED)
    table = []
    for rows, levels, t, weighted in FITS:
        hits = {"sandwich": 0, "bootstrap": 0}
        for _ in range(runs):
            logits = 3 * rng.standard_normal((rows, levels))
            labels = (logits / t + rng.gumbel(size=logits.shape)).argmax(axis=1)
            weights = rng.exponential(size=rows) if weighted else None
            for kind in hits:
                fit = sm.fit_temperature(logits, labels, weights=weights, interval=kind, rng=rng)
                hits[kind] += fit.low <= t <= fit.high
        for kind, number in hits.items():
            table.append({
                "interval": kind, "rows": rows, "levels": levels, "temperature": t, "weighted": weighted, "runs": runs,
                **interval(number, runs),
            })  # fmt: skip
            print(
                f"{kind:10} {rows:>5} x {levels:<4} T={t:<4g} weighted={weighted!s:<6} {number / runs:.4f}", flush=True
            )
    write("coverage_calibration.json", table, "calibration")


def average(matrix: Any, p: Any, particles: int, records: int, runs: int, rng: np.random.Generator) -> Any:
    """Return time-averaged occupancies of independent chains started in equilibrium, shape (runs, K)."""
    counts = rng.multinomial(particles, p, size=runs)
    total = counts.astype(float)
    for _ in range(records - 1):
        counts = rng.multinomial(counts, matrix).sum(axis=1)
        total += counts
    return total / (particles * records)


def divided(quanta: int, particles: int, rng: np.random.Generator) -> Gas:
    """Return a gas in equilibrium: every division of its quanta is equally likely, and stars and bars draw one."""
    bars = np.sort(rng.choice(quanta + particles - 1, particles - 1, replace=False))
    each = np.diff(np.concatenate([[-1], bars, [quanta + particles - 1]])) - 1
    return Gas(each.astype(np.int32), 0, None, 1.0, 1.0, np.zeros((0, 0)), np.zeros(0, np.int64))


def verdict(runs: int = 10_000) -> None:
    """Write how often the promises of the verdict that no theorem keeps are broken, each beside what it states."""
    rng = np.random.default_rng(SEED)
    table: list[dict[str, Any]] = []

    def keep(promise: str, case: str, stated: float, broken: int, tried: int) -> None:
        limits = stats.binomtest(broken, tried).proportion_ci(0.99)
        table.append({
            "promise": promise, "case": case, "stated": stated, "runs": tried, "broken": broken / tried,
            "low": round(limits.low, 5), "high": round(limits.high, 5),
        })  # fmt: skip
        print(table[-1], flush=True)

    rare = np.linspace(0, 9, 12)
    for logits, t, n in ((Z[:3], 2.0, 5), (Z[:3], 0.5, 30), (Z[:2], 0.7, 12), (rare, 0.6, 50), (rare, 1.3, 2000),
                         (np.array([0.0, 0.0, 3.0]), 4.0, 10**6)):  # fmt: skip
        p, missed, misfit = sm.softmax(logits, t), 0, np.zeros(2, dtype=int)
        for counts in rng.multinomial(n, p, size=runs // 5):
            estimate = sm.estimate_temperature(counts, logits)
            missed += not estimate.low <= t <= estimate.high
            misfit += estimate.p_value <= np.array([1e-2, 1e-3])
        case = f"{len(logits)} levels, T = {t:g}, {n:,} particles"
        keep("thermometer, interval", case, 0.05, missed, runs // 5)
        for stated, broken in zip((1e-2, 1e-3), misfit, strict=True):
            keep("thermometer, p-value", case, stated, int(broken), runs // 5)

    for logits, t, proposal, n, records in (
        (Z, 1.5, "uniform", 1000, 20), (Z, 1.5, "neighbour", 1000, 20), (Z, 0.6, "uniform", 10_000, 60),
        (rare, 1.3, "neighbour", 20_000, 50), (np.array([1.0, 0.0]), 0.7, "uniform", 1000, 20),
        (np.linspace(0, 3, 30), 2.0, "uniform", 5000, 10),
    ):  # fmt: skip
        null = AverageNull.of(logits, t, n, records, 1, as_proposal(proposal, len(logits)))
        matrix = sm.transition_matrix(logits, t, proposal=proposal)
        matrix /= matrix.sum(axis=1, keepdims=True)
        times = 10 if len(logits) < 10 else 2
        p_values = np.concatenate([
            null.judge(average(matrix, null.p, n, records, runs // 2, rng))[2] for _ in range(2 * times)
        ])  # fmt: skip
        for stated in (1e-2, 1e-3, 1e-4):
            case = f"{len(logits)} levels, T = {t:g}, {n:,} particles, {records} records, {proposal}"
            keep("verify_average, p-value", case, stated, int((p_values <= stated).sum()), len(p_values))

    for logits, t, wrong, n in ((Z, 2.0, 2.0, 400), (Z, 2.0, 2.3, 400), (rare, 1.3, 1.5, 5000)):
        p, q, missed = sm.softmax(logits, t), sm.softmax(logits, wrong), 0
        truth = 0.5 * np.abs(p - q).sum()
        for counts in rng.multinomial(n, q, size=runs // 5):
            missed += truth > sm.verify(counts, logits, t, false_alarm=0.05).total_variation_bound
        case = f"{len(logits)} levels, T = {wrong:g} for {t:g}, {n:,} particles"
        keep("verify, bound on the total variation", case, 0.05, int(missed), runs // 5)

    for mean, n in ((1, 100), (1, 1000), (5, 1000), (0.5, 10_000)):
        values = np.array([divided(int(mean * n), n, rng).verify().p_value for _ in range(runs // 5)])
        for stated in (1e-2, 1e-3):
            keep("Gas.verify, p-value", f"{mean:g} quanta, {n:,} particles", stated, int((values <= stated).sum()),
                 len(values))  # fmt: skip

    for n in (300, 3000):
        edges = np.linspace(0, 1, 16)
        truth = np.abs(0.08 * (1 - (edges[1:] + edges[:-1]))).mean()
        missed, tried = 0, runs // 50
        for _ in range(tried):
            claimed = rng.random(n)
            happened = rng.random(n) < claimed + 0.08 * (1 - 2 * claimed)
            found = estimate_calibration_error(claimed, happened.astype(int), resamples=500, rng=rng)
            missed += not found.low <= truth <= found.high
        keep("calibration error, interval", f"{n:,} events, 15 bins", 0.05, int(missed), tried)

    result = {
        "about": "Share of experiments that break a promise, beside the share stated; low and high bound it with 99 % "
        "confidence. The sampler is perfect, or off as the case says.",
        "command": "python -m benchmarks.coverage_study verdict",
        "seed": SEED,
        "rows": table,
    }
    (DATA / "promises_study.json").write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n")


def write(name: str, table: list[dict[str, Any]], part: str, **more: Any) -> None:
    """Write a study's result beside how it was made."""
    result = {
        "about": "Share of intervals that hold the exact value; low and high bound it with 99 % confidence.",
        "command": f"python -m benchmarks.coverage_study {part}",
        **more,
        "nominal": NOMINAL,
        "seed": SEED,
        "rows": table,
    }
    DATA.mkdir(exist_ok=True)
    (DATA / name).write_text(json.dumps(result, indent=1) + "\n")


def main() -> None:
    """Run the studies that are named, or all."""
    parts = {"thermodynamics": thermodynamics, "calibration": calibration, "verdict": verdict}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART", help=" or ".join(parts))
    for part in parser.parse_args().parts or parts:
        parts[part]()


if __name__ == "__main__":
    main()
