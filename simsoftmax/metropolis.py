"""The Metropolis simulator: independent particles hopping between K energy levels.

A sweep gives every particle one Metropolis move, so one sweep is one step of the transition matrix of `markov`, and
N particles after t sweeps are N independent draws from its t-th step.
"""

from __future__ import annotations

import json
import math
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .arguments import RNG, as_count, as_path, as_real, as_temperature, as_vector_logits, first_index, generator
from .files import atomic_writer, read_npz
from .interruption import finished, postponed_interrupt, progress_bar
from .markov import (
    BIAS,
    Proposal,
    Relaxation,
    boltzmann_exponents,
    check_proposal,
    exponents_relaxation,
    matrix_moves,
    rank_levels,
    relaxation,
    transition_matrix,
)
from .results import Result, counted

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from .verdict.verification import Verdict

__all__ = ["Relaxation", "Trajectory", "relaxation", "simulate", "transition_matrix"]

Engine = Literal["auto", "particles", "occupations"]

PARTICLES = 100_000
MOST_SWEEPS = 10_000_000  # sweeps="auto" refuses to start on more
MOST_STATES = 1 << 34  # particles with a state each
MANY_MOVES = 2e10  # so many are announced before they begin: they take about half a minute
DRAWN_AT_ONCE = 1 << 14  # starting states
FEW_TEMPERATURES = 100  # a longer sequence is hardly a list of temperatures to compare


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
    proposal : str or ndarray
    engine : str
        "particles" or "occupations".
    start : ndarray of int64, shape (K,)
        Particles in each level before the first sweep.
    annealed : bool
        Whether the temperature changed on the way.
    interrupted : bool
        Whether Ctrl-C ended the run before the sweeps that were asked for.
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
    proposal: str | NDArray[np.float64]
    engine: str
    start: NDArray[np.int64]
    annealed: bool = False
    interrupted: bool = False
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

    def verify(self, **options: Any) -> Verdict:
        """Check the final counts against softmax(z / T); options and result are those of `verify`."""
        from .verdict.verification import verify

        return verify(self.counts, self.logits, self.temperature, **options)

    def verify_average(self, **options: Any) -> Verdict:
        """Check the average of the records against softmax(z / T), with the exact covariance of successive sweeps.

        Records from before the particles had forgotten their start (`relaxation`, a total variation of 1e-9) are left
        out. Many records of few particles then judge as sharply as the counts of many particles.

        Parameters
        ----------
        **options
            ``false_alarm`` and ``power``, as in `verify`.

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
        theory = exponents_relaxation(boltzmann_exponents(self.logits, self.temperature), self.proposal)
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
            **options,
        )

    def extend(
        self,
        sweeps: int,
        *,
        temperature: ArrayLike | None = None,
        threads: int | None = None,
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
        schedule = _schedule(self.temperature if temperature is None else temperature, further)
        workers = _check_threads(threads)
        _check(self)  # a kernel would read and write wherever a state points
        return _run(self, schedule, further, workers, progress)

    def save(self, path: str | Path) -> None:
        """Write everything, the generator's state included, to a NumPy .npz file (no pickles), whole or not at all."""
        path = as_path("path", path)
        header: dict[str, Any] = {"format": FORMAT, **{name: getattr(self, name) for name in _HEADER}}
        header |= {"moved": str(self.moved), "proposal": self.proposal if isinstance(self.proposal, str) else "matrix"}
        arrays = {name: getattr(self, "_streams" if name == "streams" else name) for name in _ARRAYS}
        if self.states is not None:
            arrays["states"] = self.states
        if not isinstance(self.proposal, str):
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
            known = {"format", "moved", "proposal", *_HEADER}
            if set(header) != known or header.pop("format") != FORMAT or set(arrays) != {*_ARRAYS, *matrix, *states}:
                raise ValueError("its contents are those of something else")
            header |= {"moved": int(header["moved"]), "_streams": arrays.pop("streams"), "states": None}
            return cls(**(header | arrays))
        except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError, MemoryError) as error:
            reason = str(error) if type(error) in (ValueError, TypeError) else "its header is damaged"
            raise ValueError(
                f"path must name a saved trajectory, got {str(path)!r}: {reason}; write one with Trajectory.save"
            ) from None

    def plot(self, ax: Axes | None = None, **options: Any) -> Axes:
        """Plot the final occupancy against softmax; options are those of `plotting.plot_occupancy`."""
        from .plotting import plot_occupancy

        return plot_occupancy(self, ax=ax, **options)


FORMAT = "simsoftmax-trajectory-1"
_HEADER = ("temperature", "record", "sweeps", "engine", "annealed", "interrupted")
_ARRAYS = ("logits", "counts", "start", "energy", "occupancies", "streams")


def _check(run: Trajectory) -> None:
    """Refuse a run whose parts do not agree with each other.

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
    if isinstance(run.proposal, str):
        check_proposal(run.proposal, levels)
    else:
        check_proposal(array("proposal", np.float64, (levels, levels)), levels)

    records = sweeps // record if record else 0
    energy, occupancies = array("energy", np.float64, (records,)), array("occupancies", np.float64, (records, levels))
    agree("occupancies", ((occupancies >= 0) & (occupancies <= 1)).all(), "shares from 0 to 1")
    agree("occupancies", (np.abs(occupancies.sum(axis=1) - 1) <= 1e-9).all(), "rows that sum to 1")
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


def _made(**parts: Any) -> Trajectory:
    """Return a run that the engines made, with its arrays read-only: it needs no check."""
    run = object.__new__(Trajectory)
    for name, value in parts.items():
        object.__setattr__(run, name, value)
    Result.__post_init__(run)
    return run


# ------------------------------------------------------------------------------------------------------------ simulate


def simulate(
    logits: ArrayLike,
    temperature: ArrayLike = 1.0,
    *,
    particles: int | None = None,
    sweeps: int | Literal["auto"] = "auto",
    proposal: Proposal = "uniform",
    start: Literal["ground", "uniform"] | ArrayLike = "ground",
    engine: Engine = "auto",
    record: int = 0,
    rng: RNG = None,
    threads: int | None = None,
    progress: bool = False,
) -> Trajectory:
    """Let particles hop between levels of energy -z under the Metropolis rule at temperature T.

    Parameters
    ----------
    logits : array_like, shape (K,)
        Scores z, higher is likelier; -inf marks a level that cannot be occupied.
    temperature : float or array_like, shape (sweeps,), optional
        T >= 0 in units of the logits; a sequence gives each sweep its own (annealing), in one run.
    particles : int, optional
        Number of independent particles N: 100,000, or as many as ``start`` says.
    sweeps : int or "auto", optional
        Moves given to each particle. "auto": as many as bring the distribution within a total variation of 1e-9 of
        softmax by the spectral bound of `relaxation`, or one for each temperature of a sequence.
    proposal : {"uniform", "neighbour"} or array_like, shape (K, K), optional
        As in `transition_matrix`. A matrix under which the particles alternate for ever is refused.
    start : {"ground", "uniform"} or array_like, optional
        All particles in the ground level (the first of them, if several tie); spread at random over the levels that
        can be occupied; the number of particles in each level, shape (K,); or the state of each particle, shape (N,).
        Where K = N, an array that sums to N is taken for counts.
    engine : {"auto", "particles", "occupations"}, optional
        "particles" keeps the state of every particle; "occupations" keeps exact counts only, at a cost that does not
        depend on N. "auto" takes particles if ``start`` gives states or if that is the cheaper of the two.
    record : int, optional
        Record energy and occupancies every so many sweeps; 0 records nothing.
    rng : numpy.random.Generator, int or None, optional
        Seed. The same seed gives the same result whatever the number of threads.
    threads : int, optional
        Threads of the particle engine; all processors by default.
    progress : bool, optional
        Show a progress bar (tqdm).

    Returns
    -------
    Trajectory
        After Ctrl-C, what was simulated so far, with ``interrupted`` set.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong kind or out of range, before any work; or if "auto" would need more than ten
        million sweeps.
    KeyboardInterrupt
        If Ctrl-C came too late to cut the run short.

    Warns
    -----
    UserWarning
        If ``sweeps`` is left to "auto" and either a sequence of temperatures is shorter than softmax at its last
        would take, or the run will take long and nothing would show it.

    Examples
    --------
    >>> run = simulate([2.0, 1.0, 0.1], temperature=0.5, particles=10**6, rng=0)
    >>> bool(run.verify())
    True
    """
    z = as_vector_logits(logits)
    levels = len(z)
    checked = check_proposal(proposal, levels)
    temperatures = as_temperature(temperature)
    if temperatures.ndim > 1 or temperatures.size == 0:
        raise ValueError(
            f"temperature must be a number or one value a sweep, got shape {temperatures.shape}; pass a flat sequence"
        )
    every = as_count("record", record, low=0)
    workers = _check_threads(threads)
    if engine not in ("auto", "particles", "occupations"):
        raise ValueError(f"engine must be 'auto', 'particles' or 'occupations', got {engine!r}; choose one of them")
    kind, first, total = _check_start(start, particles, z)
    last = float(temperatures if temperatures.ndim == 0 else temperatures[-1])
    needed = _check_sweeps(sweeps, temperatures, z, checked, kind, first, total)
    _refuse_alternating(z, last, checked)
    chosen = _choose_engine(engine, kind, total, needed, levels, checked)
    source = generator(rng)
    schedule = _schedule(temperatures, needed)
    if isinstance(sweeps, str) and temperatures.ndim:
        _warn_of_a_short_schedule(temperatures, z, checked, kind, first, total)
    elif isinstance(sweeps, str) and not progress:
        _warn_of_a_long_run(chosen, total, needed, levels, checked)

    # Everything is checked; from here on there is work.
    from .kernels import particles as particle_engine
    from .kernels.seeds import seed_streams

    if kind == "ground":
        first = np.zeros(levels, np.int64)
        first[int(np.argmax(z))] = total
    key = int(source.integers(2**64, dtype=np.uint64))
    states: NDArray[Any] | None = None
    if chosen == "particles":
        dtype = particle_engine.state_dtype(levels)
        if kind == "states":
            states = first.astype(dtype)
        elif kind == "uniform":
            allowed = np.flatnonzero(z > -np.inf).astype(dtype)
            states = np.empty(total, dtype)
            for part in np.array_split(states, -(-total // DRAWN_AT_ONCE)):  # the draws are eight times as large
                part[:] = allowed[source.integers(len(allowed), size=len(part))]
        else:
            states = np.repeat(np.arange(levels, dtype=dtype), first)
        counts = first.copy() if kind in ("ground", "counts") else particle_engine.count(states, levels)
        streams = particle_engine.allocate_streams(key, total, levels)
    else:
        if kind == "states":
            counts = np.bincount(first, minlength=levels).astype(np.int64)
        elif kind == "uniform":
            shares = (z > -np.inf) / np.count_nonzero(z > -np.inf)
            counts = source.multinomial(total, shares).astype(np.int64)
        else:
            counts = first.copy()
        streams = seed_streams(key, 1)
    begin = _made(
        logits=z,
        temperature=float(last),
        counts=counts,
        states=states,
        energy=np.empty(0),
        occupancies=np.empty((0, levels)),
        record=every,
        sweeps=0,
        moved=0,
        proposal=checked,
        engine=chosen,
        start=counts,
        annealed=False,
        interrupted=False,
        _streams=streams,
    )
    return _run(begin, schedule, needed, workers, progress)


def _check_threads(threads: int | None) -> int:
    from .kernels.particles import available_threads

    return available_threads() if threads is None else as_count("threads", threads, high=4096)


def _check_start(start: Any, particles: Any, z: NDArray[np.float64]) -> tuple[str, NDArray[np.int64], int]:
    """Return the kind of start, its states or counts (empty for a named one) and the number of particles."""
    wanted = None if particles is None else as_count("particles", particles)
    remedy = "pass 'ground', 'uniform', the number of particles in each level or the state of each particle"
    if isinstance(start, str):
        if start not in ("ground", "uniform"):
            raise ValueError(f"start must be 'ground', 'uniform' or an array, got {start!r}; {remedy}")
        return start, np.empty(0, np.int64), PARTICLES if wanted is None else wanted
    array = as_real("start", start, remedy).astype(np.float64, copy=False)
    if array.ndim != 1 or array.size == 0:
        raise ValueError(f"start must be one-dimensional and not empty, got shape {array.shape}; {remedy}")
    bad = ~(array >= 0) | (array != np.floor(array)) | (array > 2.0**53)
    if bad.any():
        raise ValueError(
            f"start must hold whole numbers from 0 to 2**53, got {array[bad][0]} at index {first_index(bad)}; {remedy}"
        )
    whole = np.asarray(start).astype(np.int64)
    levels = len(z)
    held = float(array.sum(dtype=np.float64))  # the sum of the whole numbers may leave their range
    if len(whole) == levels and (wanted is None or (held <= 2.0**53 and int(whole.sum()) == wanted)):
        kind, counts = "counts", whole
        if not 0 < held <= 2.0**53:
            raise ValueError(f"start must hold from 1 to 2**53 particles, got {held:g}; {remedy}")
    elif wanted is None or len(whole) == wanted:
        kind = "states"
        out = whole >= levels
        if out.any():
            raise ValueError(
                f"start must hold levels from 0 to {levels - 1}, got {whole[out][0]} at index {first_index(out)}; "
                f"{remedy}"
            )
        counts = np.bincount(whole, minlength=levels)
    else:
        raise ValueError(
            f"start must hold {levels} counts that sum to particles = {wanted}, or {wanted} states, "
            f"got {len(whole)} numbers that sum to {held:.17g}; {remedy}"
        )
    stuck = (counts > 0) & np.isneginf(z)
    if stuck.any():
        raise ValueError(
            f"start must not use levels that cannot be occupied, got particles in level {first_index(stuck)} "
            "whose logit is -inf; put them elsewhere"
        )
    return kind, whole, int(counts.sum())


def _check_sweeps(
    sweeps: Any,
    temperatures: NDArray[np.float64],
    z: NDArray[np.float64],
    proposal: str | NDArray[np.float64],
    kind: str,
    first: NDArray[np.int64],
    total: int,
) -> int:
    """Return the number of sweeps, from the spectral bound if "auto" is asked for."""
    automatic = isinstance(sweeps, str)
    if automatic and sweeps != "auto":
        raise ValueError(f"sweeps must be a whole number or 'auto', got {sweeps!r}; pass one of them")
    if temperatures.ndim == 1:
        if not automatic and as_count("sweeps", sweeps) != temperatures.size:
            raise ValueError(
                f"sweeps must equal the {temperatures.size} temperatures, got {sweeps}; leave it at 'auto'"
            )
        return int(temperatures.size)
    if not automatic:
        return as_count("sweeps", sweeps)
    needed = _sweeps_needed(float(temperatures), z, proposal, kind, first, total)
    if needed > MOST_SWEEPS:
        how_many = f"{needed:.3g}" if math.isfinite(needed) else "infinitely many"
        alternative = "a number of sweeps, a higher temperature or a slow cooling schedule"
        if not (isinstance(proposal, str) and proposal == "uniform"):
            alternative += ", or proposal='uniform', which no ladder can trap"
        raise ValueError(
            f"sweeps='auto' would take {how_many} sweeps for a bias of {BIAS:g} at temperature "
            f"{float(temperatures):g}, more than {MOST_SWEEPS:,}: these particles are frozen. Pass {alternative}"
        )
    return max(1, int(needed))


def _sweeps_needed(
    temperature: float,
    z: NDArray[np.float64],
    proposal: str | NDArray[np.float64],
    kind: str,
    first: NDArray[np.int64],
    total: int,
) -> float:
    """Return how many sweeps bring the distribution near softmax, by the spectral bound."""
    theory = exponents_relaxation(boltzmann_exponents(z, temperature), proposal)
    allowed = z > -np.inf
    if kind == "ground":
        distribution = None
    elif kind == "uniform":
        distribution = allowed / allowed.sum()
    else:
        counts = first if kind == "counts" else np.bincount(first, minlength=len(z))
        distribution = counts / total
    return theory.sweeps(start=distribution)


def _warn_of_a_short_schedule(
    temperatures: NDArray[np.float64],
    z: NDArray[np.float64],
    proposal: str | NDArray[np.float64],
    kind: str,
    first: NDArray[np.int64],
    total: int,
) -> None:
    """Say what a sequence of temperatures means, where it may have been meant otherwise.

    `softmax` gives a row for each temperature; here each is a single sweep of one run, and a few sweeps leave the
    particles on their way.
    """
    last, size = float(temperatures[-1]), temperatures.size
    if size > FEW_TEMPERATURES or (temperatures == last).all():
        return
    if not (isinstance(proposal, str) and proposal == "uniform") and len(z) > 1000:
        needed = math.inf  # a ladder takes more sweeps than levels; its spectrum would take longer than the run
    else:
        needed = _sweeps_needed(last, z, proposal, kind, first, total)
    if size < needed:
        warnings.warn(
            f"temperature holds {counted(size, 'value')}, one a sweep of a single run: fewer sweeps than softmax "
            f"at the last, {last:g}, would take. Pass sweeps={size} too if you mean this schedule; for a result at "
            "each temperature write [simulate(logits, t) for t in temperature]",
            stacklevel=3,
        )


def _warn_of_a_long_run(engine: str, total: int, sweeps: int, levels: int, proposal: str | NDArray[np.float64]) -> None:
    """Say before a long run of automatic length what it will do, and what else would do."""
    moves = sweeps * _cost(engine, total, levels, proposal)
    if moves > MANY_MOVES:
        warnings.warn(
            f"sweeps='auto' takes {counted(sweeps, 'sweep')} of {counted(total, 'particle')} on "
            f"{counted(levels, 'level')}, of the order of {moves:.1g} steps: minutes or more. Pass progress=True to "
            "watch, or fewer sweeps. Independent draws from softmax need no chain: "
            "rng.multinomial(particles, softmax(logits, temperature)) makes them at once",
            stacklevel=3,
        )


def _cost(engine: str, total: int, levels: int, proposal: str | NDArray[np.float64]) -> int:
    """Return what a sweep costs, in moves of a particle."""
    moves_per_binomial = 20  # what a particle kernel does while the other engine draws one binomial
    binomials = 4 * levels if isinstance(proposal, str) else levels**2
    return total if engine == "particles" else binomials * moves_per_binomial


def _refuse_alternating(z: NDArray[np.float64], temperature: float, proposal: str | NDArray[np.float64]) -> None:
    """Refuse a proposal matrix under which the chain has a period: it would never settle."""
    if isinstance(proposal, str) or len(z) == 1:
        return
    eigenvalues = exponents_relaxation(boltzmann_exponents(z, temperature), proposal).eigenvalues
    if len(eigenvalues) and eigenvalues[-1] < -1 + 1e-12:
        raise ValueError(
            "proposal must not make particles alternate for ever, got a matrix that does (an eigenvalue of -1); "
            "let it propose the present level now and then, as 'uniform' does"
        )


def _choose_engine(
    engine: str, kind: str, total: int, sweeps: int, levels: int, proposal: str | NDArray[np.float64]
) -> str:
    """Return the engine: the one asked for, or the cheaper one by a fixed estimate, the same on every machine."""
    if engine == "auto":
        if kind == "states":
            return "particles"
        small = total * sweeps <= 10_000_000
        cheaper = total <= _cost("occupations", total, levels, proposal)
        engine = "particles" if small or cheaper else "occupations"
    if engine == "particles" and total > MOST_STATES:
        raise ValueError(
            f"particles must be at most {MOST_STATES} with engine='particles', got {total}; "
            "engine='occupations' takes any number at no cost"
        )
    return engine


def _schedule(temperature: ArrayLike, sweeps: int) -> NDArray[np.float64]:
    """Return one temperature, or one a sweep."""
    schedule = as_temperature(temperature)
    if schedule.ndim > 1 or (schedule.ndim == 1 and schedule.size != sweeps):
        raise ValueError(
            f"temperature must be a number or one value for each of {sweeps} sweeps, got shape {schedule.shape}"
        )
    return schedule


def _run(begin: Trajectory, schedule: NDArray[np.float64], sweeps: int, threads: int, progress: bool) -> Trajectory:
    """Continue ``begin`` by ``sweeps`` sweeps: the one loop behind `simulate` and `Trajectory.extend`."""
    from .kernels.particles import count

    states = None if begin.states is None else begin.states.copy()
    counts = begin.counts.copy()
    streams = begin._streams.copy()
    advance = _engine(begin, states, counts, streams, threads)
    levels = len(begin.logits)
    finite = np.where(np.isneginf(begin.logits), 0.0, begin.logits)  # an empty level adds nothing to the energy
    energy: list[float] = []
    occupancies: list[NDArray[np.float64]] = []
    # Stop to look for Ctrl-C and to show progress about ten times a second, on a slow machine too; and before a kernel
    # has counted more moves than it has numbers for.
    cost = begin.particles if states is not None else levels * 10
    most = max(1, min(20_000_000 // cost, 2**62 // begin.particles))
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
            moved += advance(temperature, step)
            done += step
            if bar is not None:
                bar.update(step)
            if begin.record and (begin.sweeps + done) % begin.record == 0:
                now = counts if states is None else count(states, levels)
                occupancies.append(now / begin.particles)
                energy.append(-float(occupancies[-1] @ finite))
    if states is not None:
        counts = count(states, levels)
    return _made(
        logits=begin.logits,
        temperature=temperature,
        counts=counts,
        states=states,
        energy=np.concatenate([begin.energy, energy]),
        occupancies=np.concatenate([begin.occupancies, np.reshape(occupancies, (-1, levels))]),
        record=begin.record,
        sweeps=begin.sweeps + done,
        moved=begin.moved + moved,
        proposal=begin.proposal,
        engine=begin.engine,
        start=begin.start,
        annealed=annealed,
        interrupted=not finished(interrupt, done == sweeps),
        _streams=streams,
    )


def _engine(
    begin: Trajectory,
    states: NDArray[Any] | None,
    counts: NDArray[np.int64],
    streams: NDArray[np.uint64],
    threads: int,
) -> Any:
    """Return ``advance(temperature, sweeps) -> moves``, which changes states or counts, and streams, in place."""
    proposal = begin.proposal
    z = begin.logits
    prepared: dict[float, Any] = {}  # what depends on the temperature only; one entry, for schedules may be long

    def at(temperature: float, make: Any) -> Any:
        if temperature not in prepared:
            prepared.clear()
            prepared[temperature] = make(boltzmann_exponents(z, temperature))
        return prepared[temperature]

    if states is not None:
        from .kernels import particles as particle_engine

        rule = proposal if isinstance(proposal, str) else _alias_tables(proposal)
        return lambda temperature, sweeps: particle_engine.advance(
            states, streams, at(temperature, lambda x: x), rule, sweeps, threads
        )
    from .kernels import occupations
    from .kernels.calling import Bundle
    from .kernels.compiler import compiled

    stream = streams[0]
    work = Bundle(np.empty((2, len(z)), np.int64))
    if isinstance(proposal, str) and proposal == "uniform":
        uniform = compiled(occupations.sweep_uniform)

        def ranked_tables(exponents: NDArray[np.float64]) -> tuple[NDArray[np.int64], Bundle]:
            order, above = rank_levels(exponents)
            return order, occupations.uniform_tables(above)

        def by_rank(temperature: float, sweeps: int) -> int:
            order, tables = at(temperature, ranked_tables)
            ranked = counts[order]
            moved = int(uniform(ranked, tables, stream, work, sweeps))
            counts[order] = ranked
            return moved

        return by_rank
    if isinstance(proposal, str):
        kernel, make = compiled(occupations.sweep_neighbour), occupations.neighbour_tables
    else:
        kernel = compiled(occupations.sweep_matrix)

        def make(exponents: NDArray[np.float64]) -> Bundle:
            return occupations.matrix_tables(matrix_moves(exponents, proposal))

    return lambda temperature, sweeps: int(kernel(counts, at(temperature, make), stream, work, sweeps))


def _alias_tables(matrix: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return Walker's alias tables of the rows of a matrix (M. D. Vose, IEEE Trans. Softw. Eng. 17 (1991))."""
    levels = len(matrix)
    keep = matrix / matrix.sum(axis=1, keepdims=True) * levels
    alias = np.tile(np.arange(levels), (levels, 1))
    for row, other in zip(keep, alias, strict=True):
        small = [i for i in range(levels) if row[i] < 1]
        large = [i for i in range(levels) if row[i] >= 1]
        while small and large:
            poor, rich = small.pop(), large[-1]
            other[poor] = rich
            row[rich] -= 1 - row[poor]
            if row[rich] < 1:
                small.append(large.pop())
        for i in small + large:
            row[i] = 1.0  # what rounding left
    return keep, alias
