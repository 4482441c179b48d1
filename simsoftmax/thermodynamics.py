"""Thermodynamics measured from particles: heat capacities and free energies, each with its error.

A simulation shows energies, and energies only. Their mean and their fluctuations give the heat capacity at once. ln Z,
and with it the free energy, is not the mean of anything that a particle carries. It can be had all the same: by adding
up mean energies along a path of temperatures (J. G. Kirkwood, J. Chem. Phys. 3 (1935)), or from the overlap of two
simulations (C. H. Bennett, J. Comput. Phys. 22 (1976)).

All counts are independent draws, such as `Trajectory.counts` holds.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy import optimize
from scipy.special import expit, ndtri

from .arguments import (
    RNG,
    Reals,
    Scalar,
    WholeNumber,
    as_count,
    as_counts,
    as_logits,
    as_probability,
    as_real,
    as_temperature,
    as_vector_logits,
    generator,
)
from .results import Displayed, Result

__all__ = [
    "Estimate",
    "LogPartitionEstimate",
    "heat_capacity_from_counts",
    "integrate_log_partition",
    "log_partition_difference",
    "mean_energy_from_counts",
]

# Beyond this many temperatures, thermodynamic integration from T = infinity is the wrong tool.
_MOST_NODES = 2000

Sampler = Callable[[float, int, np.random.Generator], Reals]


@dataclass(frozen=True)
class Estimate(Displayed):
    """A measured number with its error.

    Attributes
    ----------
    quantity : str
        What was measured, in words.
    value, error : float
        The estimate and its standard error.
    low, high : float
        The interval, which need not be symmetric.
    confidence_level : float
        Coverage of the interval, nominal.
    """

    quantity: str
    value: float
    error: float
    low: float
    high: float
    confidence_level: float

    def __str__(self) -> str:
        return (
            f"{self.quantity} = {self.value:.6g} ± {self.error:.2g}; "
            f"{100 * self.confidence_level:g} % interval {self.low:.6g} to {self.high:.6g}."
        )


@dataclass(frozen=True, eq=False)
class LogPartitionEstimate(Result, Estimate):
    """A measured ln Z, from thermodynamic integration, with the measurements that it was added up from.

    Attributes
    ----------
    quantity, value, error, low, high, confidence_level
        As in `Estimate`.
    quadrature_bound : float
        Proven bound on the error of the quadrature; it is part of the interval.
    inverse_temperatures : ndarray of float64, shape (nodes,)
        Where the mean energy was measured.
    mean_energies, mean_energy_errors : ndarray of float64, shape (nodes,)
        What was measured there, in units of the logits, and its standard errors.
    particles : ndarray of int64, shape (nodes,)
        Particles spent on each node.
    """

    quadrature_bound: float
    inverse_temperatures: NDArray[np.float64] = field(repr=False)
    mean_energies: NDArray[np.float64] = field(repr=False)
    mean_energy_errors: NDArray[np.float64] = field(repr=False)
    particles: NDArray[np.int64] = field(repr=False)


def _positive_temperature(temperature: Scalar | Reals) -> float:
    t = float(as_temperature(temperature, scalar=True))
    if not 0 < t < np.inf:
        raise ValueError(f"temperature must be > 0 and finite here, got {t:g}; at its limits the answer is exact")
    return t


def _moments(counts: Reals, logits: Reals) -> tuple[int, NDArray[np.float64], NDArray[np.float64], float]:
    """Return N, shares and energies of the occupied levels, and the energy from which they are counted."""
    z = as_vector_logits(logits)
    n = as_counts(counts, z.size)
    if (n[np.isneginf(z)] > 0).any():
        raise ValueError("counts must be 0 where the logit is -inf, got particles there; check the order of the levels")
    used = n > 0
    total = int(n.sum())
    if total < 2:
        raise ValueError(f"counts must hold at least 2 particles, got {total}; draw more")
    energy = -z[used]
    if energy.max() / 2 - energy.min() / 2 > 2.0**1021:
        raise ValueError(
            f"logits must lie within 2**1022 of each other, got {z[used].min():g} and {z[used].max():g}; divide them "
            "by a power of ten"
        )
    return total, n[used] / total, energy - energy.min(), float(energy.min())


def mean_energy_from_counts(counts: Reals, logits: Reals, *, confidence_level: float = 0.95) -> Estimate:
    """Return the mean energy of independent particles, with its standard error and interval.

    Parameters
    ----------
    counts : array_like of int, shape (K,)
        Independent draws.
    logits : array_like, shape (K,)
        E = -z.
    confidence_level : float, optional
        Nominal: at 95 % the interval held the exact value in 94.4 to 95.1 % of the book's study, least for the fewest
        particles, 1,000.

    Returns
    -------
    Estimate
        In units of the logits.

    See Also
    --------
    mean_energy : The mean energy, exactly.
    heat_capacity_from_counts : The heat capacity, measured.

    Notes
    -----
    Cold energies are skewed: few particles sit high, and where too few do, mean and standard error are both too low. A
    normal interval then misses on one side. This one is normal after the cubic transformation that removes the skewness
    (P. Hall, "On the removal of skewness by transformation", J. R. Statist. Soc. B 54 (1992)).

    Examples
    --------
    >>> print(mean_energy_from_counts([65900, 24200, 9900], [2.0, 1.0, 0.1]))
    mean energy = -1.5699 ± 0.002; 95 % interval -1.57388 to -1.5659.
    """
    confidence_level = as_probability("confidence_level", confidence_level)
    n, share, energy, offset = _moments(counts, logits)
    mean = float(share @ energy)
    deviation = energy - mean
    unit = _unit(deviation)
    error = unit * float(np.sqrt(share @ (deviation / unit) ** 2 / (n - 1)))
    value = offset + mean
    quantile = float(-ndtri((1 - confidence_level) / 2))
    skewness = float(share @ (deviation / (error * np.sqrt(n - 1))) ** 3) if error else 0.0
    low, high = (value - error * _skewed(x, skewness, n) for x in (quantile, -quantile))
    return Estimate("mean energy", value, error, low, high, confidence_level)


def _unit(deviation: NDArray[np.float64]) -> float:
    """Return a power of two in which the fourth power of deviations is a float; 1 for all but extreme ones."""
    largest = float(np.abs(deviation).max())
    return 1.0 if 1e-60 < largest < 1e60 or largest == 0 else 2.0 ** (math.frexp(largest)[1] - 1)


def _skewed(quantile: float, skewness: float, n: int) -> float:
    """Return where a studentized mean of n draws has the given normal quantile (Hall 1992, the inverse of T2)."""
    lean = skewness / np.sqrt(n)
    if abs(lean) < 1e-6:  # the limit, up to what rounding in the other form would cost
        return quantile
    return float(3 / lean * (np.cbrt(1 + lean * (quantile - lean / 6)) - 1))


def heat_capacity_from_counts(
    counts: Reals, logits: Reals, temperature: float = 1.0, *, confidence_level: float = 0.95
) -> Estimate:
    """Return the heat capacity that the particles' energy fluctuations imply: C = Var(E) / T^2.

    Parameters
    ----------
    counts : array_like of int, shape (K,)
        Independent draws at equilibrium.
    logits : array_like, shape (K,)
        E = -z.
    temperature : float, optional
        0 < T < infinity.
    confidence_level : float, optional
        Nominal: at 95 % the interval held the exact value in 94.0 to 95.2 % of the book's study, least for the fewest
        particles, 1,000.

    Returns
    -------
    Estimate
        In units of Boltzmann's constant. The interval is normal in ln C, from the variance of a sample variance,
        (mu_4 - Var^2) / N: a heat capacity has no negative values, and cold counts are skewed.

    Raises
    ------
    TypeError, ValueError
        If an argument is refused, or if every particle has the same energy: then there is no fluctuation to measure,
        and more particles or a higher temperature are needed.

    See Also
    --------
    heat_capacity : The heat capacity, exactly.
    mean_energy_from_counts : The mean energy, measured.

    Examples
    --------
    >>> print(heat_capacity_from_counts([65900, 24200, 9900], [2.0, 1.0, 0.1]))
    heat capacity = 0.414408 ± 0.0018; 95 % interval 0.410818 to 0.41803.
    """
    confidence_level = as_probability("confidence_level", confidence_level)
    t = _positive_temperature(temperature)
    n, share, energy, _ = _moments(counts, logits)
    deviation = energy - share @ energy
    unit = _unit(deviation)
    deviation = deviation / unit
    second = float(share @ deviation**2)
    if second == 0:
        raise ValueError(
            f"counts must hold particles of different energies, got all {n:,} at one; "
            "pass more, or a higher temperature"
        )
    fourth = float(share @ deviation**4)
    relative = np.sqrt(max(fourth / second**2 - 1, 2 / n) / n)
    with np.errstate(over="ignore", divide="ignore"):
        value = float(np.float64(second * n / (n - 1)) / np.square(t / unit))
    if not 0 < value < np.inf:
        raise ValueError(
            f"logits must keep their variance over T^2 within floating point, got a spread of {unit:.3g} at "
            f"temperature {t:g}; divide both by a power of ten"
        )
    reach = np.exp(-ndtri((1 - confidence_level) / 2) * relative)
    return Estimate("heat capacity", value, value * relative, value / reach, value * reach, confidence_level)


def integrate_log_partition(
    logits: Reals,
    temperature: float = 1.0,
    *,
    particles: WholeNumber = 1_000_000,
    confidence_level: float = 0.95,
    quadrature_error: float = 1e-9,
    sampler: Sampler | None = None,
    rng: RNG = None,
) -> LogPartitionEstimate:
    """Measure ln Z by thermodynamic integration: simulated mean energies, added up from infinite temperature.

    d ln Z / d beta = -<E> with beta = 1/T, and at beta = 0 every allowed level counts as one, so

        ln Z(1/T) = ln K - integral from 0 to 1/T of <E> d beta.

    Parameters
    ----------
    logits : array_like, shape (K,)
        Scores z; -inf marks a level that cannot be occupied.
    temperature : float, optional
        T > 0; at infinity ln Z = ln K without any measurement.
    particles : int, optional
        In all. They are divided among the temperatures in proportion to the quadrature weights, so that the error of
        ln Z does not depend on the number of temperatures.
    confidence_level : float, optional
        Nominal: at 95 % the interval held the exact value in 93.7 to 95.9 % of 2,000 runs each of the book's study.
    quadrature_error : float, optional
        Largest proven error of the quadrature, in ln Z. It sets the number of temperatures.
    sampler : callable, optional
        ``sampler(temperature, particles, rng)`` returns counts, shape (K,); by default `simsoftmax.simulate`.
    rng : numpy.random.Generator, int or None, optional
        Source of randomness.

    Returns
    -------
    LogPartitionEstimate

    Raises
    ------
    TypeError, ValueError
        If an argument is refused, or if the logits span so many T that thousands of temperatures would be needed.
    KeyboardInterrupt
        At Ctrl-C: a part of the integral is no estimate of it.

    See Also
    --------
    log_partition : Ln Z, exactly.
    log_partition_difference : The difference of two ln Z, measured.

    Notes
    -----
    Gauss-Legendre quadrature in beta. ln Z is analytic where abs(Im beta) < pi / (max z - min z): there K unit vectors
    within less than a half turn cannot cancel, and <E>, counted from the middle of the range, stays below half the
    range over cos(Im beta range / 2). The bound for functions analytic in an ellipse (L. N. Trefethen, "Is Gauss
    quadrature better than Clenshaw-Curtis?", SIAM Review 50 (2008)) then limits the error before anything is measured.

    Examples
    --------
    >>> from simsoftmax import log_partition
    >>> found = integrate_log_partition([2.0, 1.0, 0.1], 0.5, particles=100_000, rng=1)
    >>> bool(abs(found.value - log_partition([2.0, 1.0, 0.1], 0.5)) < 4 * found.error)
    True
    """
    if sampler is not None and not callable(sampler):
        raise TypeError(f"sampler must be callable, got {sampler!r}; pass a function of (temperature, particles, rng)")
    z = as_vector_logits(logits)
    t = float(as_temperature(temperature, scalar=True))
    if t == 0:
        raise ValueError(
            "temperature must be > 0 here, got 0; ln Z has no finite limit, look at T ln Z = max z instead"
        )
    budget = as_count("particles", particles, low=2)
    confidence_level = as_probability("confidence_level", confidence_level)
    bound = as_probability("quadrature_error", quadrature_error)
    source = generator(rng)
    finite = z[z > -np.inf]
    with np.errstate(over="ignore"):
        span = float(np.ptp(finite) / t)
        largest = float(np.abs(finite).max() / t)
    if not largest < np.inf:
        raise ValueError(
            f"logits must be at most {np.finfo(float).max:.3g} T in size, got {np.abs(finite).max():g} at temperature "
            f"{t:g}; ln Z would leave the range of floating point"
        )
    start = float(np.log(finite.size))
    if span == 0:  # one energy: nothing to integrate over
        value = start + (finite[0] / t if finite[0] else 0.0)
        none = np.empty(0)
        return LogPartitionEstimate(
            "ln Z", value, 0.0, value, value, confidence_level, 0.0, none, none, none, none.astype(int)
        )
    nodes, missed = _nodes_needed(span, bound)
    abscissae, weights = np.polynomial.legendre.leggauss(nodes)
    beta, weights = (1 + abscissae) / 2 / t, weights / 2 / t
    with np.errstate(over="ignore"):
        temperatures = 1 / beta
    share = np.maximum(2, np.rint(budget * weights * t)).astype(np.int64)
    draw = _simulated(z) if sampler is None else sampler
    means = [
        mean_energy_from_counts(draw(float(hot), int(n), source), z, confidence_level=confidence_level)
        for hot, n in zip(temperatures, share, strict=True)
    ]
    energies = np.array([m.value for m in means])
    errors = np.array([m.error for m in means])
    value = float(start - weights @ energies)
    error = float(np.sqrt(weights**2 @ errors**2))
    reach = -ndtri((1 - confidence_level) / 2) * error + missed
    return LogPartitionEstimate(
        quantity="ln Z",
        value=value,
        error=error,
        low=value - reach,
        high=value + reach,
        confidence_level=confidence_level,
        quadrature_bound=missed,
        inverse_temperatures=beta,
        mean_energies=energies,
        mean_energy_errors=errors,
        particles=share,
    )


def _simulated(z: NDArray[np.float64]) -> Sampler:
    from .metropolis import simulate

    def draw(temperature: float, particles: int, rng: np.random.Generator) -> Reals:
        run = simulate(z, temperature, particles=particles, rng=rng)
        if run.interrupted:
            raise KeyboardInterrupt
        return run.counts

    return draw


def _nodes_needed(span: float, error: float) -> tuple[int, float]:
    """Return the fewest Gauss nodes whose proven error in ln Z is at most ``error``, and that bound.

    ``span`` is (max z - min z) / T. The bound is minimised over the height of the ellipse in the strip of analyticity.
    """
    height = np.linspace(0.01, 0.999, 400) * np.pi
    slope = 2 * height / max(span, 1e-100)  # the bound grows with the span, and one node does for either
    rho = slope + np.hypot(1, slope)
    largest = 0.5 / np.cos(height / 2)  # of <E> less the mid-range, over the range
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):  # then no number of nodes is enough
        factor = span / 2 * largest * 64 / 15 / (1 - rho**-2.0)
        needed = np.log(factor / error) / (2 * np.log(rho))
    nodes = max(1.0, float(np.ceil(needed.min())))
    if not nodes <= _MOST_NODES:
        raise ValueError(
            f"temperature must be higher: the logits span {span:.3g} T, and integrating from T = infinity would take "
            f"{nodes:,.0f} temperatures; use log_partition_difference between neighbouring temperatures"
        )
    return int(nodes), float((factor * rho ** (-2.0 * nodes)).min())


def log_partition_difference(
    counts: Reals, logits: Reals, temperature: Scalar | Reals = 1.0, *, confidence_level: float = 0.95
) -> Estimate:
    """Return ln Z_1 - ln Z_0 from draws of two systems, by Bennett's acceptance ratio.

    The systems share their levels and differ in logits, in temperature or in both.

    Parameters
    ----------
    counts : array_like of int, shape (2, K)
        Independent draws from system 0 and from system 1.
    logits : array_like, shape (K,) or (2, K)
        Scores of both systems, or of each.
    temperature : float or array_like, shape (2,)
        T_0 and T_1, > 0 and finite. With one temperature T the free energies differ by -T times the result.
    confidence_level : float, optional
        Nominal: at 95 % the interval held the exact value in 94.5 to 95.2 % of 4,000 runs each of the book's study.

    Returns
    -------
    Estimate

    Raises
    ------
    TypeError, ValueError
        If an argument is refused, or if the two sets of draws do not overlap at all.

    See Also
    --------
    log_partition : Ln Z, exactly.
    integrate_log_partition : Ln Z, measured.

    Notes
    -----
    It is a logistic regression with one unknown: which of the two systems did this draw come from? The log-odds are
    ln(N_1 / N_0) + z_1 / T_1 - z_0 / T_0 - (ln Z_1 - ln Z_0), whose likelihood is concave (M. R. Shirts, E. Bair,
    G. Hooker and V. S. Pande, Phys. Rev. Lett. 91 (2003)). Of all estimators that weight the draws of two systems it
    has the least variance for many draws (X.-L. Meng and W. H. Wong, Statistica Sinica 6 (1996)); one that knows which
    levels were visited can do better where few levels hold nearly all.

    Examples
    --------
    >>> import numpy as np
    >>> from simsoftmax import log_partition, simulate
    >>> z = [2.0, 1.0, 0.1]
    >>> counts = [simulate(z, t, particles=10_000, rng=1).counts for t in (1.0, 2.0)]
    >>> found = log_partition_difference(counts, z, [1.0, 2.0])
    >>> bool(abs(found.value - np.diff(log_partition(z, [1.0, 2.0]))[0]) < 4 * found.error)
    True
    """
    confidence_level = as_probability("confidence_level", confidence_level)
    z = as_logits(logits).astype(np.float64)
    if z.ndim > 2 or (z.ndim == 2 and len(z) != 2):
        raise ValueError(f"logits must have shape (K,) or (2, K), got {z.shape}; pass one row, or one for each system")
    z = np.broadcast_to(z, (2, z.shape[-1]))
    t = as_temperature(temperature)
    if t.shape not in ((), (2,)) or not ((t > 0) & (t < np.inf)).all():
        raise ValueError(f"temperature must be one or two numbers > 0 and finite, got {temperature!r}")
    table = as_real("counts", counts, "pass the counts of both systems")
    if table.ndim != 2 or len(table) != 2:
        raise ValueError(f"counts must have shape (2, K), got {table.shape}; pass the counts of both systems")
    n = np.array([as_counts(row, z.shape[1]) for row in table])
    if (n[np.isneginf(z)] > 0).any():
        raise ValueError("counts must be 0 where the logit is -inf, got particles there; check the order of the levels")
    totals = n.sum(axis=1)
    seen = n.sum(axis=0)
    used = seen > 0
    with np.errstate(over="ignore", invalid="ignore"):  # a score that leaves the range is one that no particle has
        x = z / np.broadcast_to(t, (2,))[:, None]
        gap = x[1, used] - x[0, used]
    both = np.isfinite(gap)
    offset = np.log(totals[1] / totals[0])

    def shortfall(difference: float) -> float:
        return float(seen[used] @ expit(offset + gap - difference) - totals[1])

    if not both.any():
        raise ValueError("counts must overlap, got no level that both systems allow; put systems between them")
    low, high = gap[both].min() - 1e-9, gap[both].max() + 1e-9
    # Levels that only one system allows push the root out of that bracket, at most by the log of the odds.
    reach = np.log(totals.sum()) + 1
    if not shortfall(low - reach) >= 0 >= shortfall(high + reach):
        raise ValueError("counts must overlap, got systems too far apart; put systems between them")
    value = float(optimize.brentq(shortfall, low - reach, high + reach, xtol=1e-13, maxiter=5000))
    odds = expit(offset + gap - value)
    information = float(seen[used] @ (odds * (1 - odds)))
    variance = 1 / information - (1 / totals).sum() if information > 0 else np.inf
    error = float(np.sqrt(max(variance, 0.0)))
    span = -ndtri((1 - confidence_level) / 2) * error
    return Estimate("ln Z_1 - ln Z_0", value, error, value - span, value + span, confidence_level)
