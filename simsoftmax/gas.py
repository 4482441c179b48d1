"""An isolated gas: no heat bath and no temperature in the rule, and yet a temperature emerges.

N particles stand on a ladder of equally spaced levels and hand each other single quanta of energy. The total energy
never changes, and in the long run every division of it is equally likely: the microcanonical ensemble. What one
particle then does is known exactly (`microcanonical_marginal`). As N grows it becomes the Boltzmann distribution, at
the temperature that the mean energy sets (`gas_temperature`): the rest of the gas is the heat bath of each particle.

The rule is the zero-range process with constant rate on the complete graph, whose relaxation takes of the order of
(1 + m)^2 sweeps at m quanta a particle (B. Morris, "Spectral gap for the zero range process with constant rate",
Ann. Probab. 34 (2006)).
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, stats
from scipy.linalg import eigh_tridiagonal
from scipy.special import chndtrinc

from .arguments import RNG, Row, WholeNumber, as_count, as_positive, as_probability, as_real, generator
from .boltzmann import softmax
from .interruption import finished, postponed_interrupt, progress_bar
from .results import Displayed, Result, counted

__all__ = ["Gas", "GasVerdict", "gas_temperature", "microcanonical_marginal", "simulate_gas"]

# Cells that expect fewer particles than this are pooled before a chi-square test.
_SMALLEST_CELL = 10.0
_MOST_LEVELS = 50_000_000
_MOST_QUANTA = 2**31 - 1
"""Of one particle: they are kept as int32."""
_AT_ONCE = 20_000_000
"""Handovers between two looks for Ctrl-C, about a tenth of a second."""
_MANY = 1e10
"""So many handovers are announced before they begin: they take about a minute."""


def _as_ladder(levels: WholeNumber | None) -> int | None:
    return None if levels is None else as_count("levels", levels, low=2, high=2**31 - 1)


def _inverse_temperature(mean_quanta: float, levels: int | None) -> float:
    """Return spacing / T at which a Boltzmann ladder holds ``mean_quanta`` on average; negative above the middle."""
    if mean_quanta <= 0:
        return np.inf
    if mean_quanta < 1e-17:  # the ladder ends at its first rung, to rounding
        return -math.log(mean_quanta)
    if levels is None:
        return float(np.log1p(1 / mean_quanta))
    top = levels - 1
    if mean_quanta >= top:
        return -np.inf
    if 2 * mean_quanta > top:
        return -_inverse_temperature(top - mean_quanta, levels)
    # The bounded ladder is colder than the unbounded one that holds as much: its top is missing.
    k = np.arange(levels)
    coldest = float(np.log1p(1 / mean_quanta))

    def excess(b: float) -> float:
        return float(k @ np.exp(-b * k) / np.exp(-b * k).sum() - mean_quanta)

    if excess(coldest) >= 0:  # what is missing is less than rounding
        return coldest
    return float(optimize.brentq(excess, 0.0, coldest, xtol=1e-15))


def _boltzmann(beta: float, size: int) -> NDArray[np.float64]:
    """Return the Boltzmann shares of levels 0 to size - 1; ``beta`` may be negative: the ladder upside down."""
    rungs = np.arange(float(size))
    return np.asarray(softmax(-rungs if beta > 0 else rungs, abs(1 / beta) if beta else np.inf), dtype=np.float64)


def gas_temperature(mean_quanta: float, *, levels: WholeNumber | None = None, spacing: float = 1.0) -> float:
    """Return the temperature that a mean energy sets: the one at which a Boltzmann ladder has that mean.

    Parameters
    ----------
    mean_quanta : float
        Quanta a particle, m >= 0.
    levels : int, optional
        Levels of the ladder; unbounded by default, and then T = spacing / ln(1 + 1 / m).
    spacing : float, optional
        Energy of a quantum.

    Returns
    -------
    float
        In units of ``spacing``. A bounded ladder filled above its middle has a negative temperature: it gives energy to
        whatever it touches (N. F. Ramsey, Phys. Rev. 103 (1956)). Half full it is infinite.

    See Also
    --------
    simulate_gas : Particles that find a temperature without a heat bath.
    estimate_temperature : At which temperature counts were drawn.

    Examples
    --------
    >>> round(gas_temperature(1.0), 6)  # 1 / ln 2
    1.442695
    """
    levels = _as_ladder(levels)
    mean = _as_mean(mean_quanta, levels)
    beta = _inverse_temperature(mean, levels)
    return as_positive("spacing", spacing) / beta if beta else np.inf


def _as_mean(value: Any, levels: int | None) -> float:
    mean = as_real("mean_quanta", value, "pass quanta a particle, such as 2.0")
    high = np.inf if levels is None else levels - 1
    if mean.ndim or not 0 <= mean <= high or np.isinf(mean):
        raise ValueError(f"mean_quanta must be finite and from 0 to {high:g}, got {value}")
    return float(mean)


def microcanonical_marginal(
    quanta: WholeNumber, particles: WholeNumber, *, levels: WholeNumber | None = None
) -> NDArray[np.float64]:
    """Return the exact probability that one given particle holds k quanta, when all divisions are equally likely.

    Parameters
    ----------
    quanta : int
        Quanta in the whole gas, Q.
    particles : int
        N >= 2.
    levels : int, optional
        Levels of the ladder, so that a particle holds at most ``levels - 1``; unbounded by default.

    Returns
    -------
    ndarray of float64, shape (levels,)
        Unbounded, it ends at k = Q or where the probability leaves the range of float64.

    See Also
    --------
    simulate_gas : Particles that find a temperature without a heat bath.

    Notes
    -----
    Unbounded, p(k) = C(Q-k+N-2, N-2) / C(Q+N-1, N-1): the other N - 1 particles share what is left, in that many ways.
    It is computed from the ratio p(k+1) / p(k) = (Q-k) / (Q-k+N-2), which loses no digits at any N.

    Bounded, the count of ways is a coefficient of (1 + x + ... + x^(levels-1))^(N-1). Conditioning N independent
    Boltzmann particles on their sum gives the same distribution, so p(k) is proportional to
    pi_k P(S_{N-1} = Q - k), and the probability of the sum is a Fourier integral over its characteristic function. The
    lattice sum used in its place misses less than exp(-80), by Bernstein's inequality.

    Examples
    --------
    >>> microcanonical_marginal(2, 2).round(6).tolist()
    [0.333333, 0.333333, 0.333333]
    """
    levels = _as_ladder(levels)
    n = as_count("particles", particles, low=2, high=2**32 - 1)
    high = 2**53 if levels is None else n * (levels - 1)
    total = as_count("quanta", quanta, low=0, high=high)
    if total == 0 or total == high:
        certain = np.zeros(levels or 1)
        certain[0 if total == 0 else -1] = 1.0
        return certain
    if levels is None:
        steepest = np.log1p((n - 2) / total)  # the ratio falls with k, so the first one bounds the length
        size = int(min(total, 750 / steepest if steepest else total)) + 1
        if size > _MOST_LEVELS:
            raise ValueError(
                f"quanta must be fewer for so few particles, got {total:,} for {n:,}: it would fill {size:,} levels; "
                "measure energy in larger quanta"
            )
        k = np.arange(size - 1)
        falls = -np.log1p((n - 2) / (total - k))
        first = np.log((n - 1) / (total + n - 1))
        shares = np.exp(first + np.concatenate([[0.0], np.cumsum(falls)]))
        return np.asarray(np.trim_zeros(shares, "b"))
    mean = total / n
    k = np.arange(levels)
    prior = _boltzmann(_inverse_temperature(mean, levels), levels)
    variance = prior @ (k - mean) ** 2
    reach = 80 * levels / 3
    reach += float(np.sqrt(reach**2 + 160 * n * variance))
    points = int(min((n - 1) * (levels - 1) + levels, 2 * reach + 2 * levels)) + 1
    chances = np.zeros(levels)
    for angles in np.array_split(2 * np.pi * np.arange(points) / points, max(1, points * levels // 2**22)):
        angles = (angles + np.pi) % (2 * np.pi) - np.pi
        phases = np.exp(1j * np.outer(angles, k - mean))
        centred = phases @ prior
        with np.errstate(divide="ignore", invalid="ignore", under="ignore"):
            power = np.where(centred == 0, 0.0, np.exp((n - 1) * np.log(centred)))
        # Q - k - (N - 1) m = m - k: what the others hold, counted from their mean
        chances += (power[:, None] * phases).sum(axis=0).real
    shares = np.maximum(prior * chances, 0.0)
    return np.asarray(shares / shares.sum())


@dataclass(frozen=True)
class GasVerdict(Displayed):
    """Whether the shape of a gas's occupancies agrees with the expected one, and what would have been noticed.

    Attributes
    ----------
    passed : bool
        ``p_value > false_alarm``; also the truth value of the verdict.
    p_value : float
        How often a perfect gas would be at least as far off, by the chi-square distribution of ``statistic``.
    statistic : float
        Pearson's sum of squared residuals over the cells, without the part along a change of temperature.
    degrees : int
        Degrees of freedom: cells - 2, since neither the number of particles nor the energy can vary.
    particles : int
        Particles in the gas.
    false_alarm, power : float
        What was asked.
    detectable_misfit : float
        Root-mean-square relative error of the shares, at fixed energy, that would fail with the stated power.
    against : str
        "microcanonical" or "boltzmann": the shares compared with.
    """

    passed: bool
    p_value: float
    statistic: float
    degrees: int
    particles: int
    false_alarm: float
    power: float
    detectable_misfit: float
    against: str

    def __bool__(self) -> bool:
        return self.passed

    def __str__(self) -> str:
        verb = "agree" if self.passed else "do not agree"
        law = "exact microcanonical" if self.against == "microcanonical" else "Boltzmann"
        return (
            f"{self.particles:,} particles of an isolated gas {verb} with the {law} shares (p = {self.p_value:.2g}, "
            f"false alarms {self.false_alarm:.3g}); a typical relative error of {100 * self.detectable_misfit:.2g} % "
            f"in the shares would be noticed {100 * self.power:g} times in 100."
        )


@dataclass(frozen=True, eq=False)
class Gas(Result):
    """An isolated gas after some sweeps, or several gases that never met; made by `simulate_gas`.

    Attributes
    ----------
    quanta : ndarray of int32, shape (N,) or (gases, N)
        Quanta of every particle.
    sweeps : int
        Sweeps so far; in one, every particle is asked to give once and to take once, on average.
    levels : int or None
        Levels of the ladder; None if it is unbounded.
    spacing : float
        Energy of a quantum.
    acceptance_rate : float
        Share of the attempted handovers that took place; 0 before the first.
    occupancies : ndarray of float64, shape (R, K)
        Share of all particles in each level at each record.
    record : int
        Sweeps from one record to the next, the first being that many after the start; 0 if nothing was recorded.
    interrupted : bool
        Whether Ctrl-C ended the run before the sweeps that were asked for.
    """

    quanta: NDArray[np.int32] = field(repr=False)
    sweeps: int
    levels: int | None
    spacing: float
    acceptance_rate: float
    occupancies: NDArray[np.float64] = field(repr=False)
    record: int = 0
    interrupted: bool = False

    @property
    def particles(self) -> int:
        """Particles in each gas."""
        return int(self.quanta.shape[-1])

    @property
    def total(self) -> int:
        """Quanta in each gas."""
        return int(self.quanta.sum(dtype=np.int64)) // (self.quanta.size // self.particles)

    @property
    def mean_quanta(self) -> float:
        """Quanta a particle: fixed, so it has no error."""
        return self.total / self.particles

    @property
    def temperature(self) -> float:
        """The temperature that the mean energy sets, in the units of ``spacing``."""
        return gas_temperature(self.mean_quanta, levels=self.levels, spacing=self.spacing)

    @property
    def counts(self) -> NDArray[np.int64]:
        """Particles in each level, all gases together, shape (K,).

        Unbounded, K is long enough that a Boltzmann ladder would have less than 1e-18 of its particles above. Particles
        of one gas share a fixed energy and so are not independent: `Gas.verify` takes that into account, a test for
        independent draws would not. Of several gases, use `tagged_counts`.
        """
        return np.bincount(self.quanta.ravel(), minlength=_countable(self._size(), self.mean_quanta))

    @property
    def tagged_counts(self) -> NDArray[np.int64]:
        """Gases whose first particle stands in each level, shape (K,): independent draws from the exact marginal."""
        if self.quanta.ndim == 1:
            raise ValueError("tagged_counts needs several gases, got one; pass gases=1000 or more to simulate_gas")
        return np.bincount(self.quanta[:, 0], minlength=_countable(self._size(), self.mean_quanta))

    @property
    def logits(self) -> NDArray[np.float64]:
        """The ladder as logits, -spacing * k, shape (K,), to go with `counts`."""
        return np.asarray(-self.spacing * np.arange(len(self.counts)), dtype=np.float64)

    def _size(self) -> int:
        if self.levels is not None:
            return self.levels
        return 1 + max(int(self.quanta.max()), _levels_reached(self.mean_quanta))

    def expected(self, against: Literal["microcanonical", "boltzmann"] = "microcanonical") -> NDArray[np.float64]:
        """Return the shares that one particle should have, shape (K,) as in `counts`."""
        size = len(self.counts)
        if against == "boltzmann":
            return _boltzmann(_inverse_temperature(self.mean_quanta, self.levels), size)
        if against != "microcanonical":
            raise ValueError(f'against must be "microcanonical" or "boltzmann", got {against!r}')
        shares = microcanonical_marginal(self.total, self.particles, levels=self.levels)[:size]
        return np.asarray(np.pad(shares, (0, size - len(shares))), dtype=np.float64)

    def verify(
        self,
        *,
        against: Literal["microcanonical", "boltzmann"] = "microcanonical",
        false_alarm: float = 1e-3,
        power: float = 0.99,
    ) -> GasVerdict:
        """Test the shape of one gas's occupancies, with its fixed energy taken into account.

        All divisions of the energy being equally likely, the counts are those of N independent Boltzmann particles
        conditioned on their total energy. Their covariance is N (diag p - p p' - v v' / var(k)), v_k = p_k (k - m): the
        directions of the particle number and of the energy are frozen. In what remains Pearson's statistic is
        chi-square with two degrees of freedom fewer than cells. Levels that expect fewer than 10 particles are pooled,
        and the part along v, which a change of temperature would mimic, is left out. The chi-square is an
        approximation: in the book's study of promises a perfect gas failed in .75 to 1.2 % of 2,000 runs each at a
        stated 1 %, and in .15 to .2 % at .1 %.

        Returns
        -------
        GasVerdict

        Raises
        ------
        ValueError
            If there are several gases, or so few particles that fewer than three cells are left.
        """
        false_alarm = as_probability("false_alarm", false_alarm)
        power = as_probability("power", power)
        if self.quanta.ndim != 1:
            raise ValueError("verify tests one gas, got several; pass tagged_counts to simsoftmax.verify instead")
        n, k = self.particles, np.arange(len(self.counts))
        p = self.expected(against)
        cell = _cells(n * p)
        share, seen, moment = (np.bincount(cell, weights) for weights in (p, self.counts, p * (k - self.mean_quanta)))
        degrees = len(share) - 2
        if degrees < 1:
            raise ValueError(
                f"verify needs at least three levels that expect {_SMALLEST_CELL:g} particles, got {len(share)}; "
                "pass more particles, or several gases and tagged_counts"
            )
        residual = (seen - n * share) / np.sqrt(n * share)
        frozen = moment / np.sqrt(share)
        statistic = float(residual @ residual - (frozen @ residual) ** 2 / (frozen @ frozen))
        limit = stats.chi2.isf(false_alarm, degrees)
        noncentrality = chndtrinc(limit, degrees, 1 - power)
        p_value = float(stats.chi2.sf(statistic, degrees))
        return GasVerdict(
            passed=p_value > false_alarm,
            p_value=p_value,
            statistic=statistic,
            degrees=degrees,
            particles=n,
            false_alarm=false_alarm,
            power=power,
            detectable_misfit=float(np.sqrt(noncentrality / n)),
            against=against,
        )

    def __str__(self) -> str:
        gases = "An isolated gas" if self.quanta.ndim == 1 else f"{len(self.quanta):,} isolated gases"
        quanta = f"{self.mean_quanta:g} {'quantum' if self.mean_quanta == 1 else 'quanta'}"
        cut = ", interrupted" if self.interrupted else ""
        return (
            f"{gases} of {counted(self.particles, 'particle')} with {quanta} each, after "
            f"{counted(self.sweeps, 'sweep')}{cut}: the energy sets T = {self.temperature:.6g}."
        )


def _levels_reached(mean_quanta: float) -> int:
    """Return the level above which an unbounded Boltzmann ladder has less than 1e-18 of its particles."""
    beta = _inverse_temperature(mean_quanta, None)
    return 0 if np.isinf(beta) else int(np.ceil(42 / beta))


def _countable(size: int, mean_quanta: float) -> int:
    """Return how many levels are counted, if they fit into memory."""
    if size > _MOST_LEVELS:
        raise ValueError(
            f"mean_quanta must be lower for particles to be counted in each level, got {mean_quanta:g}: they reach "
            f"{size:,} levels; measure energy in larger quanta"
        )
    return size


def _cells(expected: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return a cell for every level: neighbours are pooled until each cell expects enough."""
    rest = np.cumsum(expected[::-1])[::-1]  # from each level on, small terms first
    # What is left over at the top, too few for a cell of its own, belongs to the last one.
    last = int(np.count_nonzero(rest >= _SMALLEST_CELL))
    starts = np.zeros(len(expected), dtype=np.int64)
    held = 0.0
    for level, below in enumerate(expected[: max(last - 1, 0)].tolist(), start=1):
        held += below
        if held >= _SMALLEST_CELL:
            starts[level] = 1
            held = 0.0
    return np.cumsum(starts)


def _relaxation_gap(mean_quanta: float, levels: int | None) -> float:
    """Return the spectral gap per sweep of one particle in an equilibrium gas: a birth-and-death chain.

    It gives a quantum at the rate at which takers have room and takes one at the rate at which givers have any.
    Unbounded the gap is (1 - sqrt(x))^2 with x = m / (1 + m), as for the M/M/1 queue.
    """
    beta = _inverse_temperature(mean_quanta, levels)
    if levels is None or (levels > 10_000 and beta > 0):
        return float((1 - np.exp(-beta / 2)) ** 2)
    p = _boltzmann(beta, levels)
    up, down = 1 - p[0], 1 - p[-1]
    leave = np.full(levels, up + down)
    leave[0], leave[-1] = up, down
    rates = eigh_tridiagonal(leave, np.full(levels - 1, -np.sqrt(up * down)), select="i", select_range=(1, 1))[0]
    return float(rates[0])


def simulate_gas(
    mean_quanta: float = 1.0,
    *,
    particles: WholeNumber = 100_000,
    levels: WholeNumber | None = None,
    spacing: float = 1.0,
    sweeps: WholeNumber | Literal["auto"] = "auto",
    start: Literal["even"] | Row = "even",
    gases: WholeNumber = 1,
    record: WholeNumber = 0,
    rng: RNG = None,
    progress: bool = False,
) -> Gas:
    """Let an isolated gas come to equilibrium by itself.

    In a step one particle is drawn to give a quantum and one to take it. It passes if the giver has one and the taker
    is not at the top. A sweep is as many steps as there are particles.

    Parameters
    ----------
    mean_quanta : float, optional
        Quanta a particle; times ``particles`` it must be whole. Not used where ``start`` is an array.
    particles : int, optional
        Particles in each gas, N >= 2.
    levels : int, optional
        Levels of the ladder; unbounded by default.
    spacing : float, optional
        Energy of a quantum.
    sweeps : int or "auto", optional
        How long to run. "auto" waits 21 relaxation times of one particle in the gas, exp(-21) = 1e-9.
    start : "even" or array_like of int, optional
        "even" deals the quanta out as equally as they go; an array of shape (N,) gives each particle's quanta.
    gases : int, optional
        Independent gases; with more than one, `Gas.quanta` has shape (gases, N).
    record : int, optional
        Record the occupancies every so many sweeps, as `simsoftmax.simulate` does; 0 records nothing.
    rng : numpy.random.Generator, int or None, optional
        Source of the seed of the streams, one a gas.
    progress : bool, optional
        Show a progress bar (tqdm).

    Returns
    -------
    Gas
        After Ctrl-C, what was simulated so far, whole sweeps, with ``interrupted`` set. A second Ctrl-C acts at once.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong kind or out of range, or if the quanta do not make a whole number.
    KeyboardInterrupt
        If Ctrl-C came too late to cut the run short.

    Warns
    -----
    UserWarning
        If ``sweeps`` is left to "auto", the run will take long, and no progress is shown.

    See Also
    --------
    simulate : Particles that find softmax by hopping.
    gas.gas_temperature : The temperature that a mean energy sets.
    gas.microcanonical_marginal : The exact law of one particle of a gas.

    Examples
    --------
    >>> gas = simulate_gas(1.0, particles=1000, rng=0)
    >>> gas.total, int(gas.quanta.sum())
    (1000, 1000)
    """
    levels = _as_ladder(levels)
    spacing = as_positive("spacing", spacing)
    gases = as_count("gases", gases, high=2**31)
    record = as_count("record", record, low=0)
    if isinstance(start, str):
        if start != "even":
            raise ValueError(f'start must be "even" or an array of quanta, got {start!r}')
        particles = as_count("particles", particles, low=2, high=2**32 - 1)
        mean_quanta = _as_mean(mean_quanta, levels)
        if mean_quanta > _MOST_QUANTA or mean_quanta * particles > 2.0**53:
            raise ValueError(
                f"mean_quanta must be at most {_MOST_QUANTA:,}, and times particles at most 2**53, got {mean_quanta:g} "
                f"for {particles:,}; measure energy in larger quanta"
            )
        total = round(mean_quanta * particles)
        if abs(mean_quanta * particles - total) > 1e-6:
            raise ValueError(
                f"mean_quanta * particles must be whole, got {mean_quanta * particles:.6g}; "
                f"pass mean_quanta={total / particles:.6g}"
            )
        each = total // particles
        quanta = np.full(particles, each, dtype=np.int32)
        quanta[: total - each * particles] += 1
    else:
        quanta = _as_quanta(start, levels)
        total = int(quanta.sum(dtype=np.int64))
    n = quanta.size
    top = min(total, _MOST_QUANTA) if levels is None else levels - 1
    if record:
        _countable(max(int(quanta.max()), _levels_reached(total / n)) if levels is None else levels, total / n)
    if isinstance(sweeps, str):
        if sweeps != "auto":
            raise ValueError(f"sweeps must be a whole number or 'auto', got {sweeps!r}; pass one of them")
        stuck = total == 0 or (levels is not None and total == n * (levels - 1))
        gap = np.inf if stuck else _relaxation_gap(total / n, levels)
        needed = np.ceil(21 / gap) if gap > 0 else np.inf
        if needed * n * gases > 2.0**53:
            raise ValueError(
                f"sweeps='auto' would take {needed:.3g} sweeps at {total / n:g} quanta a particle, years of work; "
                "pass a number of sweeps, or measure energy in larger quanta"
            )
        waits = int(needed)
        if waits * n * gases > _MANY and not progress:
            warnings.warn(
                f"sweeps='auto' takes {counted(waits, 'sweep')}, {waits * n * gases:.1g} handovers: minutes or more. "
                "Pass progress=True to watch, or fewer sweeps",
                stacklevel=2,
            )
    else:
        waits = as_count("sweeps", sweeps, low=0)

    from .kernels.handovers import exchange_each
    from .kernels.seeds import seed_streams

    streams = seed_streams(int(generator(rng).integers(2**63)), gases)
    state = np.tile(quanta, (gases, 1))
    seen: list[NDArray[Any]] = []
    passed = done = 0
    at_once = max(1, _AT_ONCE // gases)
    with postponed_interrupt() as interrupt, progress_bar(waits, "sweep", progress) as bar:
        while True:
            if record and done and done % record == 0:
                seen.append(np.bincount(state.ravel()) / state.size)
            if done == waits or interrupt:
                break
            chunk = min(record - done % record if record else waits, waits - done, max(1, at_once // n))
            for begin in range(0, chunk * n, at_once):
                passed += int(exchange_each(state, top, streams, min(at_once, chunk * n - begin)))
            done += chunk
            if bar is not None:
                bar.update(chunk)
    gas = Gas(
        quanta=state[0] if gases == 1 else state,
        sweeps=done,
        levels=levels,
        spacing=spacing,
        acceptance_rate=passed / (done * state.size) if done else 0.0,
        occupancies=np.empty((0, 0)),
        record=record,
        interrupted=not finished(interrupt, done == waits),
    )
    size = max([gas._size(), *map(len, seen)])
    table = np.array([np.pad(row, (0, size - len(row))) for row in seen]).reshape(len(seen), size)
    return replace(gas, occupancies=table)


def _as_quanta(start: Any, levels: int | None) -> NDArray[np.int32]:
    quanta = np.asarray(start)
    if quanta.ndim != 1 or quanta.size < 2 or quanta.dtype.kind not in "iu":
        raise ValueError(
            f'start must be "even" or a list of at least two whole numbers, got shape {quanta.shape} of {quanta.dtype}'
        )
    high = 2**31 - 1 if levels is None else levels - 1
    if quanta.min() < 0 or quanta.max() > high:
        raise ValueError(f"start must hold quanta from 0 to {high}, got {quanta.min()} to {quanta.max()}")
    return quanta.astype(np.int32)
