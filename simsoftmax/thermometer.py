"""The thermometer: the temperature at which a sampler really runs, from its counts."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize, special

from .arguments import as_counts, as_probability, as_vector_logits, first_index
from .results import Displayed

__all__ = ["TemperatureEstimate", "estimate_temperature"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class TemperatureEstimate(Displayed):
    """The temperature at which a sampler really runs.

    Attributes
    ----------
    temperature : float
        The maximum-likelihood estimate; 0 if only maximisers are occupied, infinite if the mean energy is that of a
        uniform distribution or above.
    low, high : float
        Confidence interval; ``high`` is infinite if a uniform distribution cannot be excluded.
    confidence : float
        What was asked.
    particles : int
    inverted : bool
        True where the mean energy exceeds that of a uniform distribution: as in an inverted population, only a
        negative temperature would fit. If ``low`` is infinite as well, no temperature agrees with the counts.
    """

    temperature: float
    low: float
    high: float
    confidence: float
    particles: int
    inverted: bool

    def __str__(self) -> str:
        text = (
            f"T = {self.temperature:.4g}, between {self.low:.4g} and {self.high:.4g} with "
            f"{100 * self.confidence:.7g} % confidence ({self.particles:,} particle{'s' if self.particles > 1 else ''})"
        )
        if not self.inverted:
            return text + "."
        return text + "; the high levels are fuller than at any temperature, so infinity is the nearest."


def estimate_temperature(counts: ArrayLike, logits: ArrayLike, *, confidence: float = 0.95) -> TemperatureEstimate:
    """Estimate the temperature of a sampler from its counts, with a confidence interval.

    Parameters
    ----------
    counts : array_like, shape (K,)
        Number of independent draws of each level.
    logits : array_like, shape (K,)
        Scores z; -inf marks a level that cannot be occupied.
    confidence : float, optional
        Coverage of the interval.

    Returns
    -------
    TemperatureEstimate

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong kind, shape or range; if all finite logits are equal, so that every temperature
        gives the same distribution; or if a level with a logit of -inf is occupied, which no temperature allows.

    Notes
    -----
    The likelihood is that of an exponential family in b = 1 / T: concave, and greatest where the mean energy of the
    Boltzmann distribution is the observed one. The interval holds every b for which neither tail of the mean energy
    is smaller than (1 - confidence) / 2. Tails are those of the modified signed root of the likelihood ratio,
    r* = r + ln(u / r) / r (O. E. Barndorff-Nielsen 1986), accurate for few particles; they are exact where all
    particles are in the lowest levels or all in the highest, and where there are only two energies (C. J. Clopper
    and E. S. Pearson 1934).
    """
    z = as_vector_logits(logits)
    n = as_counts(counts, len(z))
    level = as_probability("confidence", confidence)
    allowed = z > -np.inf
    if n[~allowed].any():
        where = first_index(~allowed & (n > 0))
        raise ValueError(
            f"counts must be 0 where the logit is -inf, got {n[~allowed & (n > 0)][0]} at index {where}; "
            "no temperature puts a particle there"
        )
    z, n = z[allowed], n[allowed]
    with np.errstate(over="ignore"):
        width = float(z.max() - z.min())
    if not 0 < width < math.inf:
        raise ValueError(
            f"logits must differ by a finite amount for a temperature to be seen, got a range of {width:g}; "
            "with equal scores every temperature gives the same distribution"
        )
    family = _Family((z - z.max()) / width, n)
    best, lower, upper = family.best(), *family.interval((1 - level) / 2)

    def as_t(b: float) -> float:
        return width / b if b > 0 else math.inf

    return TemperatureEstimate(as_t(best), as_t(upper), as_t(lower), level, int(n.sum()), best < 0)


class _Family:
    """Boltzmann distributions over scores in [-1, 0] as an exponential family in b = 1 / T, seen through counts."""

    def __init__(self, scores: Floats, counts: NDArray[np.int64]) -> None:
        self.scores = scores
        self.particles = int(counts.sum())
        self.mean = float(counts @ scores) / self.particles
        self.top = int(counts[scores == 0].sum())
        self.coldest = self.top == self.particles
        self.hottest = bool(counts[scores == -1].sum() == self.particles)
        self.binary = bool(np.isin(scores, (0.0, -1.0)).all())

    def moments(self, b: float) -> tuple[float, float, float]:
        """Return (ln Z, mean score, variance of the score) at b."""
        x = b * self.scores
        shift = max(0.0, -b)  # the largest of x, as the scores span [-1, 0]
        weight = np.exp(x - shift)
        total = float(weight.sum())
        mean = float(weight @ self.scores) / total
        return math.log(total) + shift, mean, float(weight @ (self.scores - mean) ** 2) / total

    def best(self) -> float:
        if self.coldest or self.hottest:
            return math.inf if self.coldest else -math.inf
        return _root(lambda b: self.moments(b)[1] - self.mean, 0.0)

    def interval(self, tail: float) -> tuple[float, float]:
        """Return the least and the greatest b for which neither tail is smaller than ``tail``."""
        if self.binary:
            return self._two_energies(tail)
        if self.coldest or self.hottest:
            # The probability that every particle is at this end is known exactly, and only one tail can be small.
            log_tail = math.log(tail) / self.particles
            end = 0.0 if self.coldest else -1.0
            ways = math.log(float((self.scores == end).sum()))
            b = _root(lambda b: (1 if self.coldest else -1) * (ways + b * end - self.moments(b)[0] - log_tail), 0.0)
            return (b, math.inf) if self.coldest else (-math.inf, b)
        best = self.best()
        log_z, _, variance = self.moments(best)
        step = 1 / math.sqrt(self.particles * variance)
        quantile = -float(special.ndtri(tail))

        def root(b: float) -> float:
            """Return the modified signed root r*, falling in b."""
            here = self.moments(b)[0]
            divergence = max((best - b) * self.mean - (log_z - here), 0.0)
            r = math.copysign(math.sqrt(2 * self.particles * divergence), best - b)
            u = (best - b) / step
            return r + math.log(u / r) / r if r != 0 else 0.0

        # Start at a distance where r is far from 0, at which r* takes a removable singularity.
        low = _edge(lambda b: root(b) - quantile, best, -step)
        high = _edge(lambda b: root(b) + quantile, best, step)
        return low, high

    def _two_energies(self, tail: float) -> tuple[float, float]:
        """Return the Clopper-Pearson interval of the share of particles with the higher score, as inverse T."""
        k, n = self.top, self.particles
        low = float(special.betaincinv(k, n - k + 1, tail)) if k else 0.0
        high = float(special.betaincinv(k + 1, n - k, 1 - tail)) if k < n else 1.0
        ways = math.log(float((self.scores == 0).sum()) / float((self.scores == -1).sum()))
        return float(special.logit(low)) - ways, float(special.logit(high)) - ways


def _root(rising: Any, start: float) -> float:
    """Return the root of a rising function, found by doubling steps and Brent's method (R. P. Brent 1973)."""
    step = -1.0 if rising(start) > 0 else 1.0
    while rising(start + step) * math.copysign(1.0, step) < 0:
        step *= 2
    return float(optimize.brentq(rising, min(start, start + step), max(start, start + step), xtol=1e-12, rtol=1e-12))


def _edge(falling: Any, best: float, step: float) -> float:
    """Return the root of a falling function on one side of the best estimate, half a step away or more."""
    near = best + 0.5 * step
    while falling(near) * step < 0:  # a wide margin at a lenient confidence: come closer
        near = best + 0.5 * (near - best)
        if abs(near - best) < 1e-3 * abs(step):
            return near
    far = best + 2 * (near - best)
    while falling(far) * step > 0:
        far = best + 2 * (far - best)
    return float(optimize.brentq(falling, min(near, far), max(near, far), xtol=1e-12 * max(1.0, abs(best)), rtol=1e-12))
