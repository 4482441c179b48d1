"""Sum the verdict's false alarms over all outcomes of small problems: `python -m benchmarks.enumeration_study`.

For every number of levels from 2 to 5 and of particles from 1 to 40, levels equal, nearly equal and far apart, at
several temperatures, each p-value that can occur is compared with the exact probability of that p-value or less. It
takes about a quarter of an hour on one core and writes ``book/data/enumeration_study.json``. The tests do a part of it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from itertools import chain, combinations
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from simsoftmax.verdict.null import Null

Floats = NDArray[np.float64]

LEVELS, PARTICLES = (2, 3, 4, 5), range(1, 41)
TEMPERATURES = (0.4, 1.3, 5.0)
ROUNDING = 1e-12
"""Relative, of sums over up to a hundred thousand outcomes."""


def shapes(levels: int) -> dict[str, Floats]:
    """Return logits by name: equal, nearly equal, and apart."""
    steps = np.arange(levels, dtype=np.float64)
    return {
        "equal": 0 * steps,
        "1e-9 apart": 1e-9 * steps,
        "1e-3 apart": 1e-3 * steps,
        "two alike": np.where(steps == 1, 0.0, steps),
        "1 apart": steps,
        "4 apart": 4 * steps,
    }


def problems() -> Iterator[tuple[str, Floats, float, int]]:
    """Yield (name, logits, temperature, particles) of every problem."""
    for levels in LEVELS:
        for name, logits in shapes(levels).items():
            alike = name == "equal" or levels == LEVELS[-1]  # the most outcomes by far: one temperature is enough
            for temperature in TEMPERATURES[1:2] if alike else TEMPERATURES:
                for particles in PARTICLES:
                    yield name, logits, temperature, particles


def outcomes(particles: int, levels: int) -> NDArray[np.int64]:
    """Return all ways to put so many particles into so many levels, one a row: stars and bars."""
    bars = levels - 1
    size = math.comb(particles + bars, bars)
    places = np.fromiter(chain.from_iterable(combinations(range(particles + bars), bars)), np.int64, size * bars)
    edges = np.full((size, levels + 1), -1, dtype=np.int64)
    edges[:, 1:-1], edges[:, -1] = places.reshape(size, bars), particles + bars
    return np.diff(edges, axis=1) - 1


def probability(counts: NDArray[np.int64], p: Floats) -> Floats:
    """Return the multinomial probability of each row of counts."""
    log = special.gammaln(counts.sum(axis=1) + 1) - special.gammaln(counts + 1).sum(axis=1)
    return np.asarray(np.exp(log + special.xlogy(counts, p).sum(axis=1)))


def attained(p_value: Floats, chance: Floats) -> tuple[Floats, Floats]:
    """Return every p-value that occurs, rising, and the exact probability of it or less."""
    order = np.argsort(p_value, kind="stable")
    values, rate = p_value[order], np.cumsum(chance[order])
    last = np.append(values[1:] > values[:-1], True)
    return values[last], rate[last]


def excess(p_value: Floats, chance: Floats) -> float:
    """Return the largest ratio of a rate of false alarms to the rate stated; at most 1 where the promise is kept.

    A p-value of 1 promises nothing and is left out; 0 if no other occurs.
    """
    values, rate = attained(p_value, chance)
    below = values < 1
    return float((rate[below] / np.maximum(values[below], 1e-300)).max(initial=0.0))


def main() -> None:
    """Write the largest excess of every shape, of the verdict and of the theorem alone."""
    rows: list[dict[str, Any]] = []
    for name, logits, temperature, particles in problems():
        null = Null.of(logits, temperature, particles)
        counts = outcomes(particles, len(logits))
        chance = probability(counts, null.p)
        found = {"exact": excess(null.judge(counts)[2], chance)}
        if null._exact is not None:
            null.__dict__["_exact"] = None  # the theorem alone, as for problems of more outcomes
            found["theorem"] = excess(null.judge(counts)[2], chance)
        key = {"levels": len(logits), "shape": name, "temperature": temperature}
        if not rows or {k: rows[-1][k] for k in key} != key:
            rows.append(key | {"problems": 0, "outcomes": 0, "exact": 0.0, "theorem": 0.0})
            print(rows[-2:-1], flush=True)
        row = rows[-1]
        row["problems"] += 1
        row["outcomes"] += len(counts)
        for rule, largest in found.items():
            row[rule] = max(row[rule], largest)
    result = {
        "about": "Largest ratio of the exact rate of false alarms to the one stated, at every p-value that occurs.",
        "command": "python -m benchmarks.enumeration_study",
        "particles": [PARTICLES.start, PARTICLES.stop - 1],
        "rounding": ROUNDING,
        "rows": rows,
    }
    path = Path(__file__).parents[1] / "book" / "data" / "enumeration_study.json"
    path.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
