"""The temperature score of draws from many rows of logits, and its distribution at the stated temperature and near.

The score is S, the sum over draws of beta (z_y - <z>). At an inverse temperature of (1 + theta) beta the draws are
those of an exponential family, so K(theta) = ln E exp(theta S) is a sum over rows of ln Z((1 + theta) beta)
- ln Z(beta) - theta beta <z>: exact, and all that is needed. K' and K'' are the mean and variance of S at that
temperature, and theta with K'(theta) = S is the most likely one. Between a few temperatures at which K, K' and K''
were summed, K is the polynomial of degree five that has all of them.

Tails are those of R. Lugannani and S. Rice (1980); where few draws decide, so that the sum is not smooth, they are the
bound exp(K - theta S) of H. Chernoff (1952).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import interpolate, optimize, special

__all__ = ["Heat"]

Floats = NDArray[np.float64]

SMOOTH = 0.35
"""The skewness of a sum up to which its tails are taken as those of a smooth one."""


@dataclass(frozen=True)
class Heat:
    """K of a sum of scores at some theta, with its first two derivatives, and the length of its steps.

    Attributes
    ----------
    theta, value, slope, curvature : ndarray, shape (tilts,)
        Rising theta, 0 among them; K(theta), K'(theta), K''(theta).
    cubes : float
        Sum over draws of E |x|^3, for x = beta (z - <z>).
    """

    theta: Floats
    value: Floats
    slope: Floats
    curvature: Floats
    cubes: float

    def times(self, factor: float) -> Heat:
        """Return that of so many times as many draws."""
        return Heat(self.theta, factor * self.value, factor * self.slope, factor * self.curvature, factor * self.cubes)

    @cached_property
    def spread(self) -> float:
        """The standard deviation of S at the stated temperature."""
        return math.sqrt(float(self.curvature[self._centre]))

    @property
    def tells(self) -> bool:
        """Whether a score tells anything: not where all are alike, nor where they leave the range of floats."""
        return 0 < self.spread < math.inf and self.step < math.inf

    @cached_property
    def step(self) -> float:
        """E |x|^3 / E x^2, a length that S moves by in one draw; its tails are judged so much further in."""
        return self.cubes / self.spread**2 if self.spread else 0.0

    @property
    def _centre(self) -> int:
        return int(np.flatnonzero(self.theta == 0)[0])

    @cached_property
    def _sound(self) -> slice:
        """The knots around 0 at which nothing overflowed and more heat means a smaller S."""
        fine = np.isfinite(self.value) & np.isfinite(self.slope) & np.isfinite(self.curvature)
        first = last = self._centre
        while first > 0 and fine[first - 1] and self.slope[first - 1] < self.slope[first]:
            first -= 1
        while last < len(fine) - 1 and fine[last + 1] and self.slope[last + 1] > self.slope[last]:
            last += 1
        return slice(first, last + 1)

    @cached_property
    def _curves(self) -> tuple[Callable[[Any], Floats], ...]:
        here = self._sound
        table = np.stack([self.value[here], self.slope[here], self.curvature[here]], axis=1)
        curve = interpolate.BPoly.from_derivatives(self.theta[here], table)
        return (curve, *(curve.derivative(order) for order in (1, 2, 3)))

    def ends(self) -> tuple[float, float]:
        """Return the lowest and the highest theta at which K is known."""
        here = self.theta[self._sound]
        return float(here[0]), float(here[-1])

    def mean(self, theta: float) -> float:
        """Return the mean of S at another temperature."""
        return float(self._curves[1](theta))

    def saddle(self, score: float) -> float:
        """Return theta with K'(theta) = score, or the end that is nearest to it."""
        low, high = self.ends()
        if low == high or score == 0:
            return 0.0
        if score <= self.mean(low):
            return low
        if score >= self.mean(high):
            return high
        found = _crossing(lambda theta: self.mean(theta) - score, low, high)
        return found if found is not None else low if score < 0 else high

    @cached_property
    def _smooth(self) -> tuple[float, float]:
        """The theta below and above 0 up to which sums with their means there are smooth."""
        low, high = self.ends()
        _, _, curvature, third = self._curves
        found = []
        for end in (low, high):
            theta = end * np.linspace(0, 1, 200, endpoint=False)
            fine = abs(third(theta)) <= SMOOTH * np.maximum(curvature(theta), 0.0) ** 1.5
            found.append(float(theta[fine.argmin() - 1]) if fine[0] and not fine.all() else end * float(fine[0]))
        return found[0], found[1]

    def tail(self, score: float, at: float = 0.0) -> float:
        """Return the probability of a score at least as far out, on its own side of the mean, at theta = ``at``."""
        theta = self.saddle(score)
        if theta == at:
            return 1.0
        low, high = self._smooth
        last = min(max(theta, low), high)  # up to where the sum is smooth
        bound = math.exp(min(self._exponent(theta, score, at), 0.0))
        if last == at or not min(at, theta) <= last <= max(at, theta):
            return bound
        # Farther out it is less than there, and less than its bound.
        score = score if last == theta else self.mean(last)
        r = math.sqrt(max(-2 * self._exponent(last, score, at), 0.0))
        smooth = _beyond(r, abs(last - at) * math.sqrt(float(self._curves[2](last))))
        return smooth if last == theta else min(smooth, bound)

    def _exponent(self, theta: float, score: float, at: float) -> float:
        value = self._curves[0]
        return float(value(theta) - value(at)) - (theta - at) * score

    def inward(self, score: float) -> float:
        """Return a score one step nearer to the mean."""
        return math.copysign(max(abs(score) - self.step, 0.0), score)

    def p_value(self, score: float) -> float:
        """Return a two-sided p-value of a score at the stated temperature."""
        if not self.tells:
            return 1.0
        return min(1.0, 2 * self.tail(self.inward(score)))

    def critical(self, alarm: float, side: int) -> float:
        """Return the score on one side (1 or -1) beyond which a p-value is at most ``alarm``; infinite if none is."""
        low, high = self.ends()
        end = high if side > 0 else low
        if not self.tells or end == 0:
            return side * math.inf

        def excess(theta: float) -> float:
            return math.log(max(2 * self.tail(self.mean(theta)), 1e-300)) - math.log(alarm)

        if excess(end * (1 - 1e-9)) > 0:
            return side * math.inf
        theta = _crossing(excess, 1e-9 * end, end * (1 - 1e-9))
        return side * math.inf if theta is None else self.mean(theta) + side * self.step

    def detectable(self, alarm: float, power: float) -> tuple[float, float]:
        """Return the theta below 0 and above 0 from which on a wrong temperature is caught; infinite where none is."""
        return self._caught(alarm, power, -1), self._caught(alarm, power, 1)

    def _caught(self, alarm: float, power: float, side: int) -> float:
        score = self.critical(alarm, side)
        low, high = self.ends()
        end = high if side > 0 else low

        def missed(theta: float) -> float:
            # One step more, as the score may fall short of a smooth one by so much.
            return self.tail(score + side * self.step, theta) - (1 - power)

        if math.isinf(score) or abs(self.mean(end)) <= abs(score) + self.step or missed(end) > 0:
            return side * math.inf
        start = self.saddle(score + side * self.step)
        theta = _crossing(missed, start + 1e-9 * (end - start), end)
        return side * math.inf if theta is None else theta

    def estimate(self, score: float, confidence_level: float) -> tuple[float, float, float]:
        """Return the most likely theta and the ends of its interval; infinite beyond the ends of what is known.

        The ends are where the modified root of the likelihood ratio, r + ln(u / r) / r (O. E. Barndorff-Nielsen 1986),
        is a quantile of the normal distribution.
        """
        low, high = self.ends()
        best = self.saddle(score)
        wanted = float(special.ndtri((1 + confidence_level) / 2))
        found = []
        for side, end in ((-1.0, low), (1.0, high)):

            def short(theta: float, side: float = side) -> float:
                return self._root(score, best, theta) * side + wanted

            crossing = None if best == end or short(end) > 0 else _crossing(short, best + 1e-9 * (end - best), end)
            found.append(side * math.inf if crossing is None else crossing)
        return (-math.inf if best == low else math.inf if best == high else best), found[0], found[1]

    def _root(self, score: float, best: float, theta: float) -> float:
        """Return the modified root of the likelihood ratio of theta; negative if it is above the most likely one."""
        value, _, curvature, _ = self._curves
        away = best - theta
        r = math.copysign(math.sqrt(max(2 * (away * score - float(value(best) - value(theta))), 0.0)), away)
        u = away * math.sqrt(float(curvature(best)))
        return r + math.log(u / r) / r if abs(r) > 1e-3 and u * r > 0 else r


def _crossing(function: Callable[[float], float], low: float, high: float) -> float | None:
    """Return where a function changes its sign, or None if it does not, as may be where scores are extreme."""
    if not function(low) * function(high) <= 0:
        return None
    return float(optimize.brentq(function, low, high, xtol=1e-14, rtol=1e-13))


def _beyond(r: float, u: float) -> float:
    """Return the tail beyond a signed root r > 0 with its factor u, both in standard deviations."""
    if r < 1e-4:
        return 0.5
    density = math.exp(-r * r / 2) / math.sqrt(2 * math.pi)
    return min(1.0, max(float(special.ndtr(-r)) + density * (1 / u - 1 / r), 0.0))
