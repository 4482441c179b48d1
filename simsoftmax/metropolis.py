"""The Metropolis simulator: independent particles hopping between K energy levels.

A sweep gives every particle one Metropolis move, so one sweep is one step of the transition matrix of `markov`, and
N particles after t sweeps are N independent draws from its t-th step.
"""

from __future__ import annotations

import math
import warnings
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .arguments import (
    RNG,
    Proposal,
    Reals,
    Scalar,
    Start,
    WholeNumber,
    as_count,
    as_real,
    as_temperature,
    as_threads,
    as_vector_logits,
    first_index,
    generator,
    seed_of,
)
from .engine import MOST_STATES, Occupations, Particles
from .markov import BIAS, boltzmann_exponents, exponents_relaxation
from .proposals import Rule, as_proposal
from .results import counted
from .trajectory import Trajectory, as_schedule, continued, made

__all__ = ["simulate"]

PARTICLES = 100_000
MOST_SWEEPS = 10_000_000  # sweeps="auto" refuses to start on more
MANY_MOVES = 2e10  # so many are announced before they begin: they take about half a minute
DRAWN_AT_ONCE = 1 << 14  # starting states
FEW_TEMPERATURES = 100  # a longer sequence is hardly a list of temperatures to compare
MOST_LEVELS_AT_ONCE = 1000  # whose spectrum, where it has no closed form, takes less time than a run


def simulate(
    logits: Reals,
    temperature: Scalar | Reals = 1.0,
    *,
    particles: WholeNumber | None = None,
    sweeps: WholeNumber | Literal["auto"] = "auto",
    proposal: Proposal = "uniform",
    start: Start = "ground",
    engine: Literal["auto", "particles", "occupations"] = "auto",
    record: WholeNumber = 0,
    rng: RNG = None,
    threads: WholeNumber | None = None,
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

    See Also
    --------
    softmax : The probabilities themselves.
    verify : Whether counts follow softmax.
    relaxation : How fast they find it.
    anneal : Particles that are cooled along a schedule.
    simulate_gas : Particles that find a temperature without a heat bath.
    sweep : A grid of runs.
    plot_trajectory : A run sweep by sweep, as a picture.

    Examples
    --------
    >>> run = simulate([2.0, 1.0, 0.1], temperature=0.5, particles=10**6, rng=0)
    >>> bool(run.verify())
    True
    """
    z = as_vector_logits(logits)
    rule = as_proposal(proposal, len(z))
    temperatures = as_temperature(temperature)
    if temperatures.ndim > 1 or temperatures.size == 0:
        raise ValueError(
            f"temperature must be a number or one value a sweep, got shape {temperatures.shape}; pass a flat sequence"
        )
    every = as_count("record", record, low=0)
    workers = as_threads(threads)
    if engine not in ("auto", "particles", "occupations"):
        raise ValueError(f"engine must be 'auto', 'particles' or 'occupations', got {engine!r}; choose one of them")
    begin = _as_start(start, particles, z)
    last = float(temperatures if temperatures.ndim == 0 else temperatures[-1])
    asked = _as_sweeps(sweeps, temperatures)
    if rule.alternates(boltzmann_exponents(z, last)):
        raise ValueError(
            "proposal must not make particles alternate for ever, got a matrix that does (an eigenvalue of -1); "
            "let it propose the present level now and then, as 'uniform' does"
        )
    needed = _sweeps_that_settle(z, last, rule, begin) if asked is None else asked
    chosen = _choose_engine(engine, begin, needed, rule)
    source = generator(rng)
    schedule = as_schedule(temperatures, needed)
    if isinstance(sweeps, str) and temperatures.ndim:
        _warn_of_a_short_schedule(temperatures, z, rule, begin)
    elif isinstance(sweeps, str) and not progress:
        _warn_of_a_long_run(chosen, needed, rule, begin.particles, len(z))

    # Everything is checked; from here on there is work.
    from .kernels.particles import allocate_streams
    from .kernels.seeds import seed_streams

    key = int(source.integers(2**64, dtype=np.uint64))
    if chosen == "particles":
        states = begin.states(z, source)
        counts = begin.counts_of(states, z)
    else:
        states, counts = None, begin.counts(z, source)
    run = made(
        logits=z,
        temperature=last,
        counts=counts,
        states=states,
        energy=np.empty(0),
        occupancies=np.empty((0, len(z))),
        record=every,
        sweeps=0,
        moved=0,
        proposal=rule.given,
        engine=chosen,
        start=counts,
        annealed=False,
        interrupted=False,
        seed=seed_of(rng),
        _streams=seed_streams(key, 1) if states is None else allocate_streams(key, begin.particles, len(z)),
    )
    return continued(run, rule, schedule, needed, workers, progress)


class _Start(NamedTuple):
    """Where the particles begin."""

    kind: Literal["ground", "uniform", "counts", "states"]
    given: NDArray[np.int64]
    """The counts or the states; empty for a start that has a name."""
    particles: int

    def shares(self, z: NDArray[np.float64]) -> NDArray[np.float64] | None:
        """Return the first distribution, shape (K,); None for the ground level."""
        if self.kind == "ground":
            return None
        return _evenly(z) if self.kind == "uniform" else np.asarray(self._given_counts(z) / self.particles)

    def _given_counts(self, z: NDArray[np.float64]) -> NDArray[np.int64]:
        if self.kind == "states":
            return np.bincount(self.given, minlength=len(z)).astype(np.int64)
        if self.kind == "counts":
            return self.given.copy()
        counts = np.zeros(len(z), np.int64)
        counts[int(np.argmax(z))] = self.particles
        return counts

    def counts(self, z: NDArray[np.float64], source: np.random.Generator) -> NDArray[np.int64]:
        """Return the particles in each level, shape (K,)."""
        if self.kind == "uniform":
            return source.multinomial(self.particles, _evenly(z)).astype(np.int64)
        return self._given_counts(z)

    def states(self, z: NDArray[np.float64], source: np.random.Generator) -> NDArray[Any]:
        """Return the level of each particle, shape (N,)."""
        from .kernels.particles import state_dtype

        dtype = state_dtype(len(z))
        if self.kind == "states":
            return self.given.astype(dtype)
        if self.kind != "uniform":
            return np.repeat(np.arange(len(z), dtype=dtype), self._given_counts(z))
        allowed = np.flatnonzero(z > -np.inf).astype(dtype)
        states = np.empty(self.particles, dtype)
        for part in np.array_split(states, -(-self.particles // DRAWN_AT_ONCE)):  # the draws are eight times as large
            part[:] = allowed[source.integers(len(allowed), size=len(part))]
        return states

    def counts_of(self, states: NDArray[Any], z: NDArray[np.float64]) -> NDArray[np.int64]:
        """Return the particles in each level, given the level of each."""
        from .kernels.particles import count

        return count(states, len(z)) if self.kind in ("uniform", "states") else self._given_counts(z)


def _evenly(z: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return equal shares of the levels that can be occupied."""
    return np.asarray((z > -np.inf) / np.count_nonzero(z > -np.inf))


def _as_start(start: Any, particles: Any, z: NDArray[np.float64]) -> _Start:
    """Return the start that is meant, and so the number of particles."""
    wanted = None if particles is None else as_count("particles", particles)
    remedy = "pass 'ground', 'uniform', the number of particles in each level or the state of each particle"
    if isinstance(start, str):
        if start not in ("ground", "uniform"):
            raise ValueError(f"start must be 'ground', 'uniform' or an array, got {start!r}; {remedy}")
        return _Start(start, np.empty(0, np.int64), PARTICLES if wanted is None else wanted)  # type: ignore[arg-type]
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
    kind: Literal["counts", "states"]
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
    return _Start(kind, whole, int(counts.sum()))


def _as_sweeps(sweeps: Any, temperatures: NDArray[np.float64]) -> int | None:
    """Return the number of sweeps, if it is not to be found from the spectrum."""
    if isinstance(sweeps, str):
        if sweeps != "auto":
            raise ValueError(f"sweeps must be a whole number or 'auto', got {sweeps!r}; pass one of them")
        return int(temperatures.size) if temperatures.ndim else None
    number = as_count("sweeps", sweeps)
    if temperatures.ndim and number != temperatures.size:
        raise ValueError(f"sweeps must equal the {temperatures.size} temperatures, got {sweeps}; leave it at 'auto'")
    return number


def _sweeps_that_settle(z: NDArray[np.float64], temperature: float, rule: Rule, begin: _Start) -> int:
    """Return as many sweeps as bring the distribution near softmax, or say why nobody can wait for it."""
    needed = _sweeps_needed(z, temperature, rule, begin)
    if needed > MOST_SWEEPS:
        how_many = f"{needed:.3g}" if math.isfinite(needed) else "infinitely many"
        alternative = "a number of sweeps, a higher temperature or a slow cooling schedule"
        if not rule.closed_form:
            alternative += ", or proposal='uniform', which no ladder can trap"
        raise ValueError(
            f"sweeps='auto' would take {how_many} sweeps for a bias of {BIAS:g} at temperature "
            f"{temperature:g}, more than {MOST_SWEEPS:,}: these particles are frozen. Pass {alternative}"
        )
    return max(1, int(needed))


def _sweeps_needed(z: NDArray[np.float64], temperature: float, rule: Rule, begin: _Start) -> float:
    """Return how many sweeps bring the distribution near softmax, by the spectral bound."""
    return exponents_relaxation(boltzmann_exponents(z, temperature), rule).sweeps(start=begin.shares(z))


def _warn_of_a_short_schedule(
    temperatures: NDArray[np.float64], z: NDArray[np.float64], rule: Rule, begin: _Start
) -> None:
    """Say what a sequence of temperatures means, where it may have been meant otherwise.

    `softmax` gives a row for each temperature; here each is a single sweep of one run, and a few sweeps leave the
    particles on their way.
    """
    last, size = float(temperatures[-1]), temperatures.size
    if size > FEW_TEMPERATURES or (temperatures == last).all():
        return
    # A long ladder takes more sweeps than it has levels, and its spectrum more time than the run.
    quick = rule.closed_form or len(z) <= MOST_LEVELS_AT_ONCE
    if size < (_sweeps_needed(z, last, rule, begin) if quick else math.inf):
        warnings.warn(
            f"temperature holds {counted(size, 'value')}, one a sweep of a single run: fewer sweeps than softmax "
            f"at the last, {last:g}, would take. Pass sweeps={size} too if you mean this schedule; for a result at "
            "each temperature write [simulate(logits, t) for t in temperature]",
            stacklevel=3,
        )


def _warn_of_a_long_run(engine: str, sweeps: int, rule: Rule, particles: int, levels: int) -> None:
    """Say before a long run of automatic length what it will do, and what else would do."""
    moves = sweeps * (Particles if engine == "particles" else Occupations).cost(particles, rule)
    if moves > MANY_MOVES:
        warnings.warn(
            f"sweeps='auto' takes {counted(sweeps, 'sweep')} of {counted(particles, 'particle')} on "
            f"{counted(levels, 'level')}, of the order of {moves:.1g} steps: minutes or more. Pass progress=True to "
            "watch, or fewer sweeps. Independent draws from softmax need no chain: "
            "rng.multinomial(particles, softmax(logits, temperature)) makes them at once",
            stacklevel=3,
        )


def _choose_engine(engine: str, begin: _Start, sweeps: int, rule: Rule) -> str:
    """Return the engine: the one asked for, or the cheaper one by a fixed estimate, the same on every machine."""
    total = begin.particles
    if engine == "auto":
        small = total * sweeps <= 10_000_000
        cheaper = Particles.cost(total, rule) <= Occupations.cost(total, rule)
        engine = "particles" if begin.kind == "states" or small or cheaper else "occupations"
    if engine == "particles" and total > MOST_STATES:
        raise ValueError(
            f"particles must be at most {MOST_STATES} with engine='particles', got {total}; "
            "engine='occupations' takes any number at no cost"
        )
    return engine
