"""A run: what a simulation leaves behind, how it goes on, and how it is kept in a file.

Whatever makes a `Trajectory`, its parts must agree with each other, for kernels take the arrays of a run as they are.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from .arguments import (
    Reals,
    Scalar,
    WholeNumber,
    as_count,
    as_path,
    as_temperature,
    as_threads,
    as_vector_logits,
    sums_to_one,
)
from .engine import MOST_STATES, Occupations, Particles
from .files import atomic_writer, read_npz
from .interruption import finished, postponed_interrupt, progress_bar
from .markov import relaxation
from .proposals import Rule, as_proposal
from .results import Result, counted

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from .verdict.verification import Verdict

__all__ = ["Trajectory"]


@dataclass(frozen=True, eq=False)
class Trajectory(Result):
    """What a simulation leaves behind; made by `simulate`.

    Its arrays are read-only, and whatever makes one, a file, a pickle, `dataclasses.replace` or a call, its parts must
    agree with each other: a `ValueError` names the one that does not.

    Attributes
    ----------
    logits : ndarray of float64, shape (K,)
    temperature : float
        The temperature of the last sweep, in units of the logits.
    counts : ndarray of int64, shape (K,)
        Particles in each level after the last sweep: they are independent draws.
    states : ndarray of unsigned integers, shape (N,), or None
        The level of each particle; None if the occupation engine ran.
    energy : ndarray of float64, shape (R,)
        Mean energy of a particle at each record, in units of the logits.
    occupancies : ndarray of float64, shape (R, K)
        Share of the particles in each level at each record.
    record : int
        Sweeps from one record to the next; 0 if nothing was recorded.
    sweeps : int
        Sweeps done, over all extensions.
    acceptance_rate : float
        Share of all proposals that took a particle to another level.
    moved : int
        How many proposals took a particle to another level, over all sweeps.
    proposal : str or ndarray of float64, shape (K, K)
        "uniform", "neighbour" or a symmetric matrix.
    engine : str
        "particles" or "occupations".
    start : ndarray of int64, shape (K,)
        Particles in each level before the first sweep.
    annealed : bool
        Whether the temperature changed on the way.
    interrupted : bool
        Whether Ctrl-C ended the run before the sweeps that were asked for.
    seed : int or None
        The seed that the run began with; None if it began with a generator, or with none.
    """

    logits: NDArray[np.float64]
    temperature: float
    counts: NDArray[np.int64]
    states: NDArray[Any] | None
    energy: NDArray[np.float64]
    occupancies: NDArray[np.float64]
    record: int
    sweeps: int
    moved: int
    proposal: Literal["uniform", "neighbour"] | NDArray[np.float64]
    engine: str
    start: NDArray[np.int64]
    annealed: bool = False
    interrupted: bool = False
    seed: int | None = None
    _streams: NDArray[np.uint64] = field(default_factory=lambda: np.zeros(0, np.uint64), repr=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        _check(self)

    @property
    def particles(self) -> int:
        """Number of particles N."""
        return int(self.counts.sum())

    @property
    def occupancy(self) -> NDArray[np.float64]:
        """Share of the particles in each level after the last sweep, shape (K,)."""
        return self.counts / self.particles

    @property
    def acceptance_rate(self) -> float:
        """Share of all proposals that took a particle to another level; NaN before the first sweep."""
        return self.moved / (self.particles * self.sweeps) if self.sweeps else math.nan

    def __str__(self) -> str:
        cut = ", interrupted" if self.interrupted else ""
        return (
            f"{counted(self.particles, 'particle')} on {counted(len(self.logits), 'level')} at "
            f"T = {self.temperature:g} after {counted(self.sweeps, 'sweep')}{cut}; "
            f"{self.acceptance_rate:.1%} of the proposals moved a particle."
        )

    def __repr__(self) -> str:
        return f"<Trajectory: {self}>"

    def verify(self, *, false_alarm: float = 1e-3, power: float = 0.99) -> Verdict:
        """Check the final counts against softmax(z / T); options and result are those of `verify`."""
        from .verdict.verification import verify

        return verify(self.counts, self.logits, self.temperature, false_alarm=false_alarm, power=power)

    def verify_average(self, *, false_alarm: float = 1e-3, power: float = 0.99) -> Verdict:
        """Check the average of the records against softmax(z / T), with the exact covariance of successive sweeps.

        Records from before the particles had forgotten their start (`relaxation`, a total variation of 1e-9) are left
        out. Many records of few particles then judge as sharply as the counts of many particles.

        Parameters
        ----------
        false_alarm, power : float, optional
            As in `verify`.

        Raises
        ------
        ValueError
            If the temperature changed on the way, or if no record is late enough.
        """
        from .verdict.verification import verify_average

        if self.annealed:
            raise ValueError(
                "temperature must not change in a run that is averaged, got a schedule; use verify() instead"
            )
        theory = relaxation(self.logits, self.temperature, proposal=self.proposal)
        forgotten = theory.sweeps(start=self.start / self.particles)
        late = self.occupancies[np.arange(1, len(self.occupancies) + 1) * self.record >= forgotten]
        if not len(late):
            raise ValueError(
                f"record must leave records after {forgotten:,.0f} sweeps, when the start is forgotten, got "
                f"record={self.record} and {counted(self.sweeps, 'sweep')}; extend the run or record more often"
            )
        return verify_average(
            late.mean(axis=0),
            self.logits,
            self.temperature,
            particles=self.particles,
            recorded=len(late),
            every=self.record,
            proposal=self.proposal,
            false_alarm=false_alarm,
            power=power,
        )

    def extend(
        self,
        sweeps: WholeNumber,
        *,
        temperature: Scalar | Reals | None = None,
        threads: WholeNumber | None = None,
        progress: bool = False,
    ) -> Trajectory:
        """Return this run continued: bit for bit what one longer run would have given.

        Parameters
        ----------
        sweeps : int
            Further sweeps.
        temperature : float or array_like, shape (sweeps,), optional
            The temperature of the further sweeps; that of the last sweep by default.
        threads, progress
            As in `simulate`.

        Returns
        -------
        Trajectory

        Raises
        ------
        TypeError, ValueError
            If an argument is refused, or if somebody has changed this run so that its parts no longer agree.
        KeyboardInterrupt
            If Ctrl-C came too late to cut the run short.
        """
        further = as_count("sweeps", sweeps, high=2**53 - self.sweeps)
        schedule = as_schedule(self.temperature if temperature is None else temperature, further)
        workers = as_threads(threads)
        rule = _check(self)  # a kernel would read and write wherever a state points
        return continued(self, rule, schedule, further, workers, progress)

    def save(self, path: str | Path) -> None:
        """Write everything to a NumPy .npz file (no pickles), whole or not at all.

        The generator's state is part of it, and so are the seed and the version of the package, for whoever asks later
        how the numbers came about.
        """
        from . import __version__

        path = as_path("path", path)
        header: dict[str, Any] = {"format": FORMAT, **{name: getattr(self, name) for name in _HEADER}}
        header |= {"moved": str(self.moved), "proposal": "matrix", "version": __version__}
        header["seed"] = None if self.seed is None else hex(self.seed)  # however long, it can be read again
        arrays = {name: getattr(self, "_streams" if name == "streams" else name) for name in _ARRAYS}
        if self.states is not None:
            arrays["states"] = self.states
        if isinstance(self.proposal, str):
            header["proposal"] = self.proposal
        else:
            arrays["proposal"] = self.proposal
        with atomic_writer(path) as file:
            np.savez(file, header=np.array(json.dumps(header)), **arrays)

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read what `save` wrote.

        Raises
        ------
        ValueError
            If the file is not a saved trajectory, or if its parts do not agree with each other.
        OSError
            If the file cannot be opened.
        """
        path = as_path("path", path)
        arrays = read_npz(path, what="a saved trajectory")
        try:
            header = json.loads(str(arrays.pop("header")))
            matrix = {"proposal"} if header["proposal"] == "matrix" else set()
            states = {"states"} if header["engine"] == "particles" else set()
            known = {"format", "version", "seed", "moved", "proposal", *_HEADER}
            if set(header) != known or header.pop("format") != FORMAT or set(arrays) != {*_ARRAYS, *matrix, *states}:
                raise ValueError("its contents are those of something else")
            if not isinstance(header.pop("version"), str):
                raise ValueError("its version is no text")
            if header["seed"] is not None:
                header["seed"] = int(header["seed"], 16)
            header |= {"moved": int(header["moved"]), "_streams": arrays.pop("streams"), "states": None}
            return cls(**(header | arrays))
        except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError, MemoryError) as error:
            reason = str(error) if type(error) in (ValueError, TypeError) else "its header is damaged"
            raise ValueError(
                f"path must name a saved trajectory, got {str(path)!r}: {reason}; write one with Trajectory.save"
            ) from None

    def plot(
        self, ax: Axes | None = None, *, temperature: float | None = None, names: Sequence[str] | None = None
    ) -> Axes:
        """Plot the final occupancy against softmax; options are those of `plotting.plot_occupancy`."""
        from .plotting import plot_occupancy

        return plot_occupancy(self, temperature=temperature, names=names, ax=ax)


FORMAT = "simsoftmax-trajectory-2"
_HEADER = ("temperature", "record", "sweeps", "engine", "annealed", "interrupted")
_ARRAYS = ("logits", "counts", "start", "energy", "occupancies", "streams")


def _check(run: Trajectory) -> Rule:
    """Refuse a run whose parts do not agree with each other; return its proposal.

    Kernels take the arrays of a run as they are: a state out of range would be read and written elsewhere in memory, a
    generator of zeros would never leave a loop. So everything that they rely on is checked, and what follows from the
    rest must follow from it.
    """
    from .kernels.particles import count, state_dtype, streams_shape

    def array(name: str, dtype: Any, shape: tuple[int, ...]) -> Any:
        value = getattr(run, name)
        if not isinstance(value, np.ndarray) or value.dtype != dtype or value.shape != shape:
            got = f"{value.dtype} of shape {value.shape}" if isinstance(value, np.ndarray) else repr(value)[:60]
            wanted = f"{np.dtype(dtype)} of shape {shape}"
            raise ValueError(f"{name.strip('_')} must be an array of {wanted} here, got {got}; simulate makes one")
        return value

    def agree(name: str, true: Any, remedy: str) -> None:
        if not true:
            raise ValueError(f"{name} must agree with the other parts of a trajectory: {remedy}")

    levels = len(as_vector_logits(run.logits))
    z = array("logits", np.float64, (levels,))
    allowed = z > -np.inf
    totals = []
    for name in ("counts", "start"):
        numbers = array(name, np.int64, (levels,))
        total = int(numbers.sum()) if numbers.min() >= 0 and numbers.max() <= 2**53 else 0
        agree(name, 0 < total <= 2**53 and float(numbers.sum(dtype=np.float64)) <= 2.0**53, "1 to 2**53 particles")
        agree(name, not numbers[~allowed].any(), "no particles where the logit is -inf")
        totals.append(total)
    particles = totals[0]
    agree("start", totals[1] == particles, f"as many particles as counts, {particles:,}")
    agree(
        "engine", isinstance(run.engine, str) and run.engine in ("particles", "occupations"), "one of the two engines"
    )
    agree("seed", run.seed is None or (type(run.seed) is int and run.seed >= 0), "a whole number, or None")
    for name in ("annealed", "interrupted"):
        agree(name, isinstance(getattr(run, name), bool), "True or False")
    record, sweeps = as_count("record", run.record, low=0), as_count("sweeps", run.sweeps, low=0)
    whole = {
        "temperature": float(as_temperature(run.temperature, scalar=True)),
        "record": record,
        "sweeps": sweeps,
        "moved": as_count("moved", run.moved, low=0, high=particles * sweeps),
    }
    for name, value in whole.items():
        object.__setattr__(run, name, value)
    agree("counts", sweeps or np.array_equal(run.counts, run.start), "those of the start before the first sweep")
    named = isinstance(run.proposal, str)
    rule = as_proposal(run.proposal if named else array("proposal", np.float64, (levels, levels)), levels)

    records = sweeps // record if record else 0
    energy, occupancies = array("energy", np.float64, (records,)), array("occupancies", np.float64, (records, levels))
    agree("occupancies", ((occupancies >= 0) & (occupancies <= 1)).all(), "shares from 0 to 1")
    agree("occupancies", sums_to_one(occupancies, counted=True).all(), "rows that sum to 1")
    agree("occupancies", not occupancies[:, ~allowed].any(), "no particles where the logit is -inf")
    finite = np.where(allowed, z, 0.0)
    scale = float(np.abs(finite).max())
    if records and scale:
        means = occupancies @ (finite / scale)
        agree("energy", (np.abs(energy / scale + means) <= 1e-9).all(), "-z averaged over the occupancies")
        if sweeps % record == 0:
            agree("occupancies", np.array_equal(occupancies[-1], run.counts / particles), "the counts at the end")
    elif records:
        agree("energy", not energy.any(), "-z averaged over the occupancies")

    if run.engine == "particles":
        agree("particles", particles <= MOST_STATES, f"at most {MOST_STATES:,} with a state each")
        states = array("states", state_dtype(levels), (particles,))
        agree("states", states.max() < levels, f"levels from 0 to {levels - 1}")
        agree("states", np.array_equal(count(states, levels), run.counts), "as many in each level as counts")
    else:
        agree("states", run.states is None, "None for the engine 'occupations'")
    streams = array("_streams", np.uint64, streams_shape(particles, levels) if run.engine == "particles" else (1, 4))
    agree("streams", streams.any(axis=1).all(), "no generator of zeros only, which would give nothing but zeros")
    return rule


def made(**parts: Any) -> Trajectory:
    """Return a run that the engines made, with its arrays read-only: it needs no check.

    The arrays that are passed are nobody else's, so they are closed and not copied: states may be large.
    """
    run = object.__new__(Trajectory)
    if missing := {part.name for part in fields(Trajectory)} - parts.keys():
        raise TypeError(f"a run has no {missing}")  # the engines are ours, so this is for whoever adds a part
    for name, value in parts.items():
        if isinstance(value, np.ndarray) and value.base is None:
            value.flags.writeable = False
        object.__setattr__(run, name, value)
    Result.__post_init__(run)
    return run


def as_schedule(temperature: Scalar | Reals, sweeps: int) -> NDArray[np.float64]:
    """Return one temperature, or one a sweep."""
    schedule = as_temperature(temperature)
    if schedule.ndim > 1 or (schedule.ndim == 1 and schedule.size != sweeps):
        raise ValueError(
            f"temperature must be a number or one value for each of {sweeps} sweeps, got shape {schedule.shape}"
        )
    return schedule


def continued(
    begin: Trajectory, rule: Rule, schedule: NDArray[np.float64], sweeps: int, threads: int, progress: bool
) -> Trajectory:
    """Continue ``begin`` by ``sweeps`` sweeps: the one loop behind `simulate` and `Trajectory.extend`."""
    z, streams = begin.logits, begin._streams.copy()
    engine: Particles | Occupations
    if begin.states is not None:
        engine = Particles(z, rule, begin.states.copy(), streams, threads)
    else:
        engine = Occupations(z, rule, begin.counts.copy(), streams)
    finite = np.where(np.isneginf(z), 0.0, z)  # an empty level adds nothing to the energy
    energy: list[float] = []
    occupancies: list[NDArray[np.float64]] = []
    # Stop to look for Ctrl-C and to show progress ten times a second or oftener, on a slow machine too; and before a
    # kernel has counted more moves than it has numbers for.
    most = max(1, min(20_000_000 // engine.cost(begin.particles, rule), 2**62 // begin.particles))
    done = moved = 0
    temperature = begin.temperature
    annealed = begin.annealed
    with postponed_interrupt() as interrupt, progress_bar(sweeps, "sweep", progress) as bar:
        while done < sweeps and not interrupt:
            step = min(most, sweeps - done)
            if begin.record:
                step = min(step, begin.record - (begin.sweeps + done) % begin.record)
            if schedule.ndim:
                following, step = float(schedule[done]), 1
            else:
                following = float(schedule)
            annealed |= begin.sweeps + done > 0 and following != temperature
            temperature = following
            moved += engine.advance(temperature, step)
            done += step
            if bar is not None:
                bar.update(step)
            if begin.record and (begin.sweeps + done) % begin.record == 0:
                occupancies.append(engine.counts / begin.particles)
                energy.append(-float(occupancies[-1] @ finite))
    return made(
        logits=z,
        temperature=temperature,
        counts=engine.counts,
        states=engine.states,
        energy=np.concatenate([begin.energy, energy]),
        occupancies=np.concatenate([begin.occupancies, np.reshape(occupancies, (-1, len(z)))]),
        record=begin.record,
        sweeps=begin.sweeps + done,
        moved=begin.moved + moved,
        proposal=begin.proposal,
        engine=begin.engine,
        start=begin.start,
        annealed=annealed,
        interrupted=not finished(interrupt, done == sweeps),
        seed=begin.seed,
        _streams=streams,
    )
