"""Annealing: cool particles from hot to cold, and see how many end in the ground level.

Cooled slowly, the particles stay near equilibrium, whose cold limit is the ground level. Quenched, they fall into the
valley at hand and are trapped, for a ridge of height d is crossed only once in exp(d / T) sweeps (S. Kirkpatrick,
C. D. Gelatt and M. P. Vecchi, "Optimization by simulated annealing", Science 220 (1983)).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from .arguments import (
    RNG,
    Proposal,
    Reals,
    Row,
    Start,
    WholeNumber,
    as_count,
    as_distribution,
    as_positive,
    as_probability,
    as_temperature,
    as_vector_logits,
)
from .intervals import clopper_pearson
from .markov import transition_matrix
from .metropolis import simulate
from .results import Result, counted
from .trajectory import Trajectory

__all__ = [
    "Annealing",
    "anneal",
    "annealed_distribution",
    "barrier",
    "geometric_cooling",
    "linear_cooling",
    "logarithmic_cooling",
]


def _ends(hot: Any, cold: Any, *, positive: bool) -> tuple[float, float]:
    first, last = (float(as_temperature(t, scalar=True, name=n)) for t, n in ((hot, "hot"), (cold, "cold")))
    if not last <= first < np.inf:
        raise ValueError(f"hot must be finite and no lower than cold, got hot={first:g} and cold={last:g}")
    if positive and last == 0:
        raise ValueError("cold must be > 0 for geometric cooling, got 0; take a hundredth of the smallest energy gap")
    return first, last


_HUGE = 1e300  # from here on what NumPy computes on the way from hot to cold may leave the range of floats


def _between(first: float, temperatures: NDArray[np.float64], last: float) -> NDArray[np.float64]:
    """Return a schedule with its two ends as they were given."""
    temperatures[-1] = last
    temperatures[0] = first
    return temperatures


def geometric_cooling(hot: float, cold: float, sweeps: WholeNumber) -> NDArray[np.float64]:
    """Return temperatures from hot to cold that fall by the same factor each sweep.

    Parameters
    ----------
    hot, cold : float
        The first and the last, finite and above 0.
    sweeps : int
        How many.

    Returns
    -------
    ndarray of float64, shape (sweeps,)

    See Also
    --------
    anneal : Particles that are cooled along a schedule.
    annealing.linear_cooling : A schedule that falls by the same amount.
    annealing.logarithmic_cooling : The schedule that finds the ground level for certain, if run for ever.

    Examples
    --------
    >>> geometric_cooling(8.0, 1.0, 4).round(6).tolist()
    [8.0, 4.0, 2.0, 1.0]
    """
    first, last = _ends(hot, cold, positive=True)
    number = as_count("sweeps", sweeps)
    if first < _HUGE:
        return np.geomspace(first, last, number)
    with np.errstate(over="ignore"):
        middle = np.exp(np.linspace(np.log(first), np.log(last), number))
    return _between(first, np.minimum(middle, first), last)


def linear_cooling(hot: float, cold: float, sweeps: WholeNumber) -> NDArray[np.float64]:
    """Return temperatures from hot to cold that fall by the same amount each sweep.

    Parameters
    ----------
    hot, cold : float
        The first and the last, finite and not negative.
    sweeps : int
        How many.

    Returns
    -------
    ndarray of float64, shape (sweeps,)

    See Also
    --------
    annealing.geometric_cooling : A schedule that falls by the same factor.
    annealing.logarithmic_cooling : The schedule that finds the ground level for certain, if run for ever.

    Examples
    --------
    >>> linear_cooling(4.0, 1.0, 4).tolist()
    [4.0, 3.0, 2.0, 1.0]
    """
    first, last = _ends(hot, cold, positive=False)
    number = as_count("sweeps", sweeps)
    if first < _HUGE:
        return np.linspace(first, last, number)
    return _between(first, 2 * np.linspace(first / 2, last / 2, number), last)


def logarithmic_cooling(depth: float, sweeps: WholeNumber) -> NDArray[np.float64]:
    """Return T_t = depth / ln(t + 1) for t = 1, 2, ..., as many as there are sweeps.

    Run for ever, it finds the ground level with certainty if and only if ``depth`` is at least the `barrier` of the
    landscape (B. Hajek, "Cooling schedules for optimal annealing", Math. Oper. Res. 13 (1988)). "For ever" is meant: to
    reach temperature T takes exp(depth / T) sweeps.

    Parameters
    ----------
    depth : float
        The highest climb that it allows for, in units of the logits, above 0.
    sweeps : int
        How many.

    Returns
    -------
    ndarray of float64, shape (sweeps,)

    See Also
    --------
    annealing.geometric_cooling : A schedule that falls by the same factor.
    annealing.linear_cooling : A schedule that falls by the same amount.
    annealing.barrier : How high a particle must climb.

    Examples
    --------
    >>> logarithmic_cooling(2.0, 3).round(3).tolist()
    [2.885, 1.82, 1.443]
    """
    depth, last = as_positive("depth", depth), as_count("sweeps", sweeps)
    if depth > 1e308:  # the first temperature is higher still, for ln 2 is less than 1
        raise ValueError(f"depth must be at most 1e308, got {depth:g}; divide scores and depth by a power of ten")
    return np.asarray(depth / np.log(np.arange(2.0, last + 2)))


def barrier(logits: Reals) -> float:
    """Return the highest climb that any particle must make on its way to the ground level, moving to neighbours only.

    From each level outside the ground level, a particle must climb to a pass before it can reach a lower one. The
    largest of these climbs is Hajek's depth d*. The time to equilibrium grows as exp(d* / T) when T falls.

    Parameters
    ----------
    logits : array_like, shape (K,)
        E = -z, neighbours by index; a level of logit -inf cannot be crossed.

    Returns
    -------
    float
        0 if every way goes downhill, infinity if a forbidden level cuts some levels off from the ground.

    See Also
    --------
    anneal : Particles that are cooled along a schedule.
    annealing.logarithmic_cooling : The schedule that finds the ground level for certain, if run for ever.

    Examples
    --------
    >>> barrier([0.0, -1.0, 0.5])  # from the level at 0 over the one at 1 to the ground at -0.5
    1.0
    """
    energy = -as_vector_logits(logits)
    return max(
        (
            min(_climb(energy[i:]), _climb(energy[i::-1]))
            for i in range(len(energy))
            if energy.min() < energy[i] < np.inf
        ),
        default=0.0,
    )


def _climb(energy: NDArray[np.float64]) -> float:
    """Return how far above its first level one must climb, along one way, to get below it."""
    lower = np.flatnonzero(energy < energy[0])
    return float(energy[: lower[0]].max() - energy[0]) if lower.size else np.inf


def annealed_distribution(
    logits: Reals,
    schedule: Reals,
    *,
    proposal: Proposal = "neighbour",
    start: Literal["uniform"] | Row = "uniform",
) -> NDArray[np.float64]:
    """Return the exact distribution of one particle after a schedule: the product of its transition matrices.

    Parameters
    ----------
    logits : array_like, shape (K,)
        Scores z; -inf marks a level that cannot be occupied.
    schedule : array_like, shape (sweeps,)
        The temperature of each sweep.
    proposal : optional
        As in `simsoftmax.transition_matrix`.
    start : "uniform" or array_like, shape (K,), optional
        The first distribution; uniform over the allowed levels by default.

    Returns
    -------
    ndarray of float64, shape (K,)

    See Also
    --------
    anneal : Particles that are cooled along a schedule.
    transition_matrix : Where a particle goes in one sweep.

    Examples
    --------
    >>> annealed_distribution([0.0, -1.0, 0.5], geometric_cooling(5.0, 0.05, 300)).round(2).tolist()
    [0.24, 0.0, 0.76]
    """
    z = as_vector_logits(logits)
    temperatures = _as_schedule(schedule)
    if isinstance(start, str):
        if start != "uniform":
            raise ValueError(f'start must be "uniform" or a distribution, got {start!r}')
        p = (z > -np.inf) / np.count_nonzero(z > -np.inf)
    else:
        p = as_distribution("start", start, z.size)
    moves, at = None, None
    for t in temperatures:
        if moves is None or t != at:
            moves, at = transition_matrix(z, float(t), proposal=proposal), t
        p = p @ moves
    return p


def _as_schedule(schedule: Reals) -> NDArray[np.float64]:
    temperatures = as_temperature(schedule, name="schedule")
    if temperatures.ndim != 1 or temperatures.size == 0:
        raise ValueError(f"schedule must hold one temperature a sweep, got shape {temperatures.shape}")
    return temperatures


@dataclass(frozen=True, eq=False)
class Annealing(Result):
    """How many of the particles that were cooled ended in the ground level; made by `anneal`.

    Attributes
    ----------
    success : float
        Share in the ground level (in any of them, if several tie).
    low, high : float
        Exact binomial interval of the chance of success (`intervals.clopper_pearson`).
    confidence_level : float
        Coverage of the interval, at least.
    trajectory : Trajectory
        The run; its ``counts`` are the particles in each level at the end.
    schedule : ndarray of float64, shape (sweeps,)
        The temperature of each sweep, in units of the logits.
    """

    success: float
    low: float
    high: float
    confidence_level: float
    trajectory: Trajectory = field(repr=False)
    schedule: NDArray[np.float64] = field(repr=False)

    def __str__(self) -> str:
        return (
            f"{100 * self.success:.3g} % of {counted(self.trajectory.particles, 'particle')} found the ground level in "
            f"{counted(len(self.schedule), 'sweep')} ({100 * self.confidence_level:g} % interval {100 * self.low:.3g} "
            f"to {100 * self.high:.3g} %)."
        )


def anneal(
    logits: Reals,
    schedule: Reals,
    *,
    particles: WholeNumber = 10_000,
    proposal: Proposal = "neighbour",
    start: Start = "uniform",
    record: WholeNumber = 0,
    confidence_level: float = 0.95,
    rng: RNG = None,
) -> Annealing:
    """Cool independent particles along a schedule and count those that reach the ground level.

    Parameters
    ----------
    logits : array_like, shape (K,)
        Scores z; -inf marks a level that cannot be occupied.
    schedule : array_like, shape (sweeps,)
        The temperature of each sweep; `annealing.geometric_cooling` and its like make one, and ``[T] * sweeps`` is a
        quench to T.
    particles, proposal, start, record
        As in `simsoftmax.simulate`.
    confidence_level : float, optional
        Coverage of the interval.
    rng : numpy.random.Generator, int or None, optional
        Source of randomness.

    Returns
    -------
    Annealing

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong kind or out of range.
    KeyboardInterrupt
        At Ctrl-C: how many a cooling that was cut short would have taken to the ground level, nobody knows. `simulate`
        with a sequence of temperatures returns what was done by then.

    See Also
    --------
    simulate : Particles that find softmax by hopping.
    annealing.geometric_cooling : A schedule that falls by the same factor.
    annealing.annealed_distribution : Where a schedule leaves a particle, exactly.
    annealing.barrier : How high a particle must climb.
    disorder.rugged_ladder : A landscape with valleys within valleys.

    Examples
    --------
    >>> from simsoftmax.annealing import geometric_cooling
    >>> z = [0.0, -1.0, 0.5]  # a ridge between the end where they begin and the ground level
    >>> haste, patience = (anneal(z, geometric_cooling(5.0, 0.05, sweeps), rng=1) for sweeps in (3, 300))
    >>> bool(haste.high < patience.low)  # intervals of the share that reached it
    True
    """
    z = as_vector_logits(logits)
    temperatures = _as_schedule(schedule)
    confidence_level = as_probability("confidence_level", confidence_level)
    run = simulate(
        z,
        temperatures,
        particles=particles,
        sweeps=temperatures.size,
        proposal=proposal,
        start=start,
        record=record,
        rng=rng,
    )
    if run.interrupted:
        raise KeyboardInterrupt
    hits = int(run.counts[z == z.max()].sum())
    low, high = clopper_pearson(hits, run.particles, (1 - confidence_level) / 2)
    return Annealing(
        success=hits / run.particles,
        low=float(low),
        high=float(high),
        confidence_level=confidence_level,
        trajectory=run,
        schedule=temperatures,
    )
