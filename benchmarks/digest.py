"""One digest of many simulations: equal before and after a change that must not touch a single bit of them.

    python -m benchmarks.digest > before; ...; python -m benchmarks.digest | diff before -

Run from a source tree, it prints a line a run and then the digest of all lines. Both engines, all proposals, starts,
schedules, records, extensions and saved runs are among them, one to three threads, few and many levels, the gas,
annealing and thermodynamic integration. Libraries and processors may differ in the last bit of an exponential, so
compare on one machine only.
"""

from __future__ import annotations

import hashlib
import itertools
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

import simsoftmax as ss
from simsoftmax import annealing, gas, thermodynamics

Z = [2.0, 1.0, 0.1]


def digest(*values: Any) -> str:
    """Return a short digest of arrays and numbers: their types, shapes and bytes."""
    total = hashlib.sha256()
    for value in values:
        array = np.asarray(value)
        total.update(repr((array.dtype.str, array.shape)).encode())
        total.update(array.tobytes())
    return total.hexdigest()[:16]


def facts(run: ss.Trajectory) -> tuple[Any, ...]:
    """Return all that a run holds."""
    states = 0 if run.states is None else run.states
    arrays = run.logits, run.counts, states, run.energy, run.occupancies, run.start, run.proposal, run._streams
    return *arrays, run.temperature, run.record, run.sweeps, str(run.moved), run.engine, run.annealed, run.interrupted


def matrix(levels: int) -> np.ndarray[Any, Any]:
    """Return a symmetric proposal matrix that also proposes to stay."""
    return 0.5 * np.eye(levels) + 0.25 * (np.roll(np.eye(levels), 1, axis=0) + np.roll(np.eye(levels), -1, axis=0))


def again(run: ss.Trajectory) -> ss.Trajectory:
    """Return a run after it was saved and loaded."""
    with tempfile.TemporaryDirectory() as folder:
        run.save(Path(folder) / "run.npz")
        return ss.Trajectory.load(Path(folder) / "run.npz")


def simulations() -> Iterator[tuple[str, tuple[Any, ...]]]:
    """Yield a name and all that came out, for one run after the other."""
    seed = itertools.count(1)
    for engine, rule, levels in itertools.product(
        ("particles", "occupations"), ("uniform", "neighbour", "matrix"), (1, 2, 3, 4, 7, 50, 100, 300)
    ):
        z = 2 * np.sin(np.arange(levels))
        options: dict[str, Any] = {
            "engine": engine,
            "proposal": matrix(levels) if rule == "matrix" and levels > 2 else "uniform" if rule == "matrix" else rule,
            "rng": next(seed),
            "threads": 1 + levels % 3,
            "record": levels % 4,
        }
        run = ss.simulate(z, 0.7, particles=20_011, sweeps=17, start=("ground", "uniform")[levels % 2], **options)
        name = f"{engine} {rule} {levels}"
        yield name, facts(run)
        yield f"{name}, saved and extended", facts(again(run).extend(6, temperature=1.3, threads=2))
    for engine in ("particles", "occupations"):
        options = {"engine": engine, "rng": next(seed)}
        yield f"{engine}, automatic", facts(ss.simulate(Z, 0.5, **options))
        yield f"{engine}, counts", facts(ss.simulate(Z, 2.0, start=[4000, 0, 3000], sweeps=9, **options))
        yield f"{engine}, states", facts(ss.simulate(Z, 2.0, start=[0, 1, 2, 2, 1] * 300, sweeps=9, **options))
        yield f"{engine}, schedule", facts(ss.simulate(Z, np.geomspace(3, 0.1, 40), record=3, **options))
        for t in (0.0, 1e-300, np.inf):
            yield f"{engine}, T = {t}", facts(ss.simulate([1, 0, 1, -np.inf], t, sweeps=20, particles=5000, **options))
        wide = np.linspace(-2000, 0, 70_000)
        yield f"{engine}, 70,000 levels", facts(ss.simulate(wide, 3.0, sweeps=3, particles=10_000, **options))
    for threads in (1, 2, 3):
        yield (
            f"a million particles on {threads} threads",
            facts(ss.simulate(Z, 0.4, particles=1_000_003, sweeps=30, engine="particles", threads=threads, rng=5)),
        )
    many = ss.simulate(np.arange(9.0), 2.0, particles=10**15, sweeps=50, record=10, rng=next(seed))
    yield "10^15 particles", facts(many)
    yield "10^15 particles, extended", facts(many.extend(7, temperature=np.linspace(2, 1, 7)))
    for options in (
        {"particles": 1000},
        {"particles": 500, "levels": 6, "mean_quanta": 2.0},
        {"particles": 100, "gases": 7, "record": 5},
        {"start": [5, 0, 0, 2], "sweeps": 40, "spacing": 0.5, "record": 40},
        {"particles": 10, "sweeps": 0, "record": 3},
        {"particles": 300_000, "sweeps": 20, "record": 7},
    ):
        g = gas.simulate_gas(rng=next(seed), **options)
        recorded = g.record * np.arange(1, len(g.occupancies) + 1)
        yield f"gas {options}", (g.quanta, g.sweeps, g.acceptance_rate, g.occupancies, recorded)
    for start in ("uniform", "ground"):
        cooled = annealing.anneal(
            np.cos(np.arange(12)), annealing.geometric_cooling(3, 0.05, 60), start=start, record=7, rng=next(seed)
        )
        yield f"annealing, {start}", (cooled.success, cooled.low, cooled.high, *facts(cooled.trajectory))
    for t in (0.5, 2.0):
        measured = thermodynamics.integrate_log_partition(Z, t, particles=100_000, rng=next(seed))
        yield f"ln Z at {t}", (measured.value, measured.error, measured.mean_energies, measured.particles)
    lowest = ss.minimize_free_energy(Z, 0.7)
    yield "least free energy", (lowest.distribution, lowest.path, lowest.free_energy)


def main() -> None:
    """Print a line a run and the digest of all."""
    lines = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # short schedules are meant here
        for name, values in simulations():
            lines.append(f"{digest(*values)}  {name}")
            print(lines[-1], flush=True)
    print(hashlib.sha256("\n".join(lines).encode()).hexdigest(), f" all {len(lines)}")


if __name__ == "__main__":
    main()
