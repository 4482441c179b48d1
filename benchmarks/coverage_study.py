"""Measure how often intervals hold the truth: `python -m benchmarks.coverage_study [thermodynamics] [calibration]`.

Nominal 95 %. Every interval is made from fresh draws, and compared with the exact value. The estimates of
`simsoftmax.thermodynamics` go to ``book/data/coverage_study.json`` and take about three minutes, the temperatures of
`simsoftmax.fit_temperature` to ``book/data/coverage_calibration.json`` in about one.
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
from simsoftmax.thermodynamics import (
    Estimate,
    heat_capacity_from_counts,
    integrate_log_partition,
    log_partition_difference,
    mean_energy_from_counts,
)

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
    """Run the studies that are named, or both."""
    parts = {"thermodynamics": thermodynamics, "calibration": calibration}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART", help=" or ".join(parts))
    for part in parser.parse_args().parts or parts:
        parts[part]()


if __name__ == "__main__":
    main()
