"""Measure how often the intervals of `simsoftmax.thermodynamics` hold the truth: `python -m benchmarks.coverage_study`.

Nominal 95 %. Every interval is made from fresh draws, and compared with the exact value. The result goes to
``book/data/coverage_study.json``; takes about three minutes.
"""

from __future__ import annotations

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
RESULT = Path(__file__).parents[1] / "book" / "data" / "coverage_study.json"

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


def main() -> None:
    rng = np.random.default_rng(SEED)
    table = []
    for name, t, n, runs, estimate, exact in studies():
        results = [estimate(rng) for _ in range(runs)]
        hits = sum(e.low <= exact <= e.high for e in results)
        # How far off the value is on average, in units of its own error: a bias would show here.
        pull = np.array([(e.value - exact) / e.error for e in results])
        interval = stats.binomtest(hits, runs).proportion_ci(0.99)
        table.append({
            "estimate": name, "temperature": t, "particles": n, "runs": runs, "coverage": hits / runs,
            "low": round(interval.low, 4), "high": round(interval.high, 4), "mean_pull": round(float(pull.mean()), 3),
        })  # fmt: skip
        print(f"{name:32} T={t:<4g} N={n:<7,} {hits / runs:.4f}  pull {pull.mean():+.3f}", flush=True)
    result = {
        "about": "Share of intervals that hold the exact value; low and high bound it with 99 % confidence.",
        "command": "python -m benchmarks.coverage_study",
        "logits": Z.tolist(),
        "nominal": NOMINAL,
        "seed": SEED,
        "rows": table,
    }
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
