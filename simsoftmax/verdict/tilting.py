"""The temperature score of draws from many rows of logits, and its distribution at the stated temperature and near.

The score is S, the sum over draws of beta (z_y - <z>). At an inverse temperature of (1 + theta) beta the draws are
those of an exponential family, so K(theta) = ln E exp(theta S) is a sum over rows of ln Z((1 + theta) beta)
- ln Z(beta) - theta beta <z>: exact, and all that is needed. K' and K'' are the mean and variance of S at that
temperature, and theta with K'(theta) = S is the most likely one. What follows from K is in
`simsoftmax.kernels.tilting`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import special

from ..kernels import tilting
from ..kernels.compiler import compiled

__all__ = ["Heat", "relative_error"]

Floats = NDArray[np.float64]

SMOOTH = tilting.SMOOTH


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
    def _curve(self) -> tuple[Floats, Floats, int, int]:
        theta, *rows = (
            np.ascontiguousarray(row, np.float64) for row in (self.theta, self.value, self.slope, self.curvature)
        )
        coefficients = np.zeros(tilting.TERMS * len(theta))
        first, last = compiled(tilting.lay_curve)(theta, *rows, coefficients)
        return theta, coefficients, int(first), int(last)

    @cached_property
    def _blurred(self) -> tuple[Floats, Floats, int, int]:
        """The curve of the score that is judged, with a normal number in it."""
        theta, coefficients, first, last = self._curve
        curve = theta, coefficients.copy(), first, last
        compiled(tilting.blur)(curve, self.width)
        return curve

    @cached_property
    def spread(self) -> float:
        """The standard deviation of S at the stated temperature."""
        return math.sqrt(float(self.curvature[np.flatnonzero(self.theta == 0)[0]]))

    @property
    def tells(self) -> bool:
        """Whether a score tells anything: not where all are alike, nor where they leave the range of floats."""
        return 0 < self.spread < math.inf and self.step < math.inf

    @cached_property
    def step(self) -> float:
        """E |x|^3 / E x^2, a length that S moves by in one draw."""
        return float(self.cubes / self.spread**2) if self.spread else 0.0

    @property
    def width(self) -> float:
        """That of the normal number by which S is blurred before it is judged.

        It is a step; but where not even one is expected, less in proportion, so that what is certain stays so.
        """
        return min(self.step, self.spread**2 / self.step) if self.step else 0.0

    def ends(self) -> tuple[float, float]:
        """Return the lowest and the highest theta at which K is known."""
        low, high = compiled(tilting.ends)(self._curve)
        return float(low), float(high)

    def mean(self, theta: float) -> float:
        """Return the mean of S at another temperature."""
        return float(compiled(tilting.derivative)(self._curve, float(theta), 1))

    def saddle(self, score: float) -> float:
        """Return theta with K'(theta) = score, or the end that is nearest to it."""
        return float(compiled(tilting.saddle)(self._curve, float(score)))

    def tail(self, score: float, at: float = 0.0) -> float:
        """Return the probability of a score at least as far out, on its own side of the mean, at theta = ``at``."""
        return float(compiled(tilting.tail)(self._curve, float(score), float(at)))

    def p_value(self, score: float, chance: float) -> float:
        """Return a two-sided p-value of a score at the stated temperature, blurred by a normal number times `width`.

        Few draws, or draws that are all alike, have few possible scores, and no test of the score itself alarms at
        just the rate that is wanted. A blurred one does, all but for how well a saddle point tells of its tails.
        """
        if not self.tells:
            return 1.0
        return float(compiled(tilting.p_value)(self._blurred, float(score + self.width * chance)))

    def critical(self, alarm: float, side: int) -> float:
        """Return the blurred score on one side (1 or -1) beyond which a p-value is at most ``alarm``, or infinity."""
        if not self.tells:
            return side * math.inf
        return float(compiled(tilting.critical)(self._blurred, float(alarm), float(side)))

    def detectable(self, alarm: float, power: float) -> tuple[float, float]:
        """Return the theta below 0 and above 0 from which on a wrong temperature is caught; infinite where none is."""
        if not self.tells:
            return -math.inf, math.inf
        hot, cold = (
            float(compiled(tilting.detectable)(self._blurred, self.width, float(alarm), float(power), side))
            for side in (-1.0, 1.0)
        )
        return hot, cold

    def estimate(self, score: float, confidence_level: float) -> tuple[float, float, float]:
        """Return the most likely theta and the ends of its interval; infinite beyond the ends of what is known."""
        wanted = float(special.ndtri((1 + confidence_level) / 2))
        best, low, high = compiled(tilting.estimate)(self._curve, float(score), wanted)
        return float(best), float(low), float(high)


def relative_error(theta: tuple[float, float]) -> float:
    """Return the larger of the relative errors of T that inverse temperatures of 1 + theta mean."""
    hot, cold = theta
    too_hot = math.inf if hot <= -1 else -hot / (1 + hot)
    return max(too_hot, math.inf if math.isinf(cold) else cold / (1 + cold))
