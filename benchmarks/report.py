"""Tables from the results: what was asked for, what was found. NumPy and the standard library only."""

from __future__ import annotations

import json
from pathlib import Path

BITS = {3: 13.25}
"""Random bits that the bit-sliced kernel draws for a move: one for the direction, 12 and sometimes more to compare."""

TARGETS = [
    # (what, ours, against, levels, the ratio asked for)
    ("ours, 1 thread", "numba, as first written", 3, 400),
    ("ours, 1 thread", "C, scalar", 3, 60),
    ("ours, 1 thread", "C, auto-vectorised", 3, 10),
    ("ours, 2 threads", "JAX, threefry", 3, 400),
    ("ours, 2 threads", "JAX, xoshiro by hand", 3, 70),
    ("ours, 2 threads", "PyTorch, eager", 3, 280),
    ("ours, 2 threads", "ours, 1 thread", 3, 1.9),
    ("ours, 1 thread", "numba, as first written", 10, 150),
    ("ours, 1 thread", "numba, as first written", 100, 50),
    ("ours, 1 thread", "numba, as first written", 1000, 50),
    ("ours, 1 thread", "C, AVX-512 gathers", 100, 0.95),
    ("ours, 1 thread", "C, AVX-512 gathers", 1000, 0.95),
]


def load():
    """Return the results of the last run that was kept."""
    return json.loads((Path(__file__).parents[1] / "book" / "data" / "speed.json").read_text())


def show(records):
    """Print one line a record."""
    for r in sorted(records, key=lambda r: -r["median"]):
        unit = "bits/ns" if r["peer"] == "generator" else "moves/ns"
        print(f"  {r['peer']:28} {r['median']:10.4g} {unit}   ({r['low']:.4g} to {r['high']:.4g})", flush=True)


def ratios(found):
    """Return every ratio of `TARGETS` that the results allow, and the share of the generator's wall at K = 3."""
    size = max((r["particles"] for r in found["wall"]), default=0)
    at = {(r["peer"], r["levels"]): r["median"] for r in found["moves"] if r["particles"] == size}
    result = [
        {"ours": a, "against": b, "levels": k, "target": target, "ratio": at[a, k] / at[b, k]}
        for a, b, k, target in TARGETS
        if (a, k) in at and (b, k) in at
    ]
    bare = {r["levels"]: r["median"] for r in found["wall"]}
    result += [
        {
            "ours": "ours, 1 thread",
            "against": "generator",
            "levels": k,
            "target": 0.5,
            "ratio": at["ours, 1 thread", k] * bits / bare[k],
        }
        for k, bits in BITS.items()
        if ("ours, 1 thread", k) in at and k in bare
    ]
    counts = {r["peer"]: r["microseconds"] for r in found["counts"]}
    if len(counts) == 2:
        a, b = "ours, occupations", "NumPy, K multinomials"
        result.append({"ours": a, "against": b, "levels": 1000, "target": 300, "ratio": counts[b] / counts[a]})
    return result


def lines(found):
    """Return the ratios as sentences."""
    return [
        f"K = {r['levels']}: {r['ours']} is {r['ratio']:.3g} times {r['against']} (asked for: {r['target']})"
        for r in found
    ]


def table(found):
    """Return the main comparison as rows (peer, levels, moves per nanosecond, low, high), fastest first within K."""
    size = max(r["particles"] for r in found["wall"])
    rows = [r for r in found["moves"] if r["particles"] == size]
    rows.sort(key=lambda r: (r["levels"], -r["median"]))
    return [(r["peer"], r["levels"], r["median"], r["low"], r["high"]) for r in rows]


def by_size(found, levels=3):
    """Return for each of our peers the numbers of particles and the rates, for a plot over size."""
    curves: dict[str, list[tuple[int, float]]] = {}
    for r in found["moves"]:
        if r["levels"] == levels:
            curves.setdefault(r["peer"], []).append((r["particles"], r["median"]))
    return {name: sorted(points) for name, points in curves.items() if len(points) > 1}
