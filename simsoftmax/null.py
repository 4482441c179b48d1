"""The null hypothesis of the verdict: N particles are independent draws from softmax(z / T).

Particles that do not interact are independent draws, so their counts are multinomial. Sort the levels by energy, pool
neighbours until each group expects a few particles, and peel off one group after the other: given the particles that
remain, the next count is exactly binomial. Its distribution function turns it into a normal residual z_j that does not
depend on those before it (M. Rosenblatt 1952). Two tests share the residuals:

* their component along the change that a wrong temperature makes, the most powerful direction for that error;
* the sum of squares of all that is left, a chi-square for every other error.

The two are independent, so the false alarms of both together come at the stated rate. Tails are binomial, not
Gaussian, so this holds far out and for skewed energies.
A count is a whole number, so a residual moves in jumps. It is taken in the middle of its jump (the mid-p of
H. O. Lancaster 1961), each test gives away the largest jump in its direction, and the chi-square is given the variance
within the jumps, which makes it the mean of a true chi-square over what the jumps leave open: by Jensen's inequality
no convex function of it is larger on average than that of a true one. False alarms are then at most as frequent as
stated, a little rarer where few particles are expected. This last step is not a theorem; the tests sum the rate of
false alarms over all outcomes of small problems, at every level from 1/2 to 1e-9, and find it kept.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from .boltzmann import softmax
from .results import Result

__all__ = ["Groups", "Null", "combine", "pool", "residuals", "temperature_direction"]

Floats = NDArray[np.float64]

POOL = 5.0
"""A group of levels is closed as soon as it expects this many particles."""
RARE_SHARE = 0.1
"""The share of the false alarms that goes to the check of rare levels, where levels had to be pooled."""


@dataclass(frozen=True, eq=False)
class Groups(Result):
    """Levels sorted by energy and pooled.

    Attributes
    ----------
    order : ndarray of int, shape (A,)
        The levels of positive probability, by rising energy.
    starts : ndarray of int, shape (G,)
        Where each group begins in ``order``.
    probability, energy : ndarray, shape (G,)
        Probability of each group, and its mean energy under the null, in an arbitrary unit.
    unresolved : float
        The largest total variation that moves particles only within groups: such an error is invisible here.
    """

    order: NDArray[np.intp]
    starts: NDArray[np.intp]
    probability: Floats
    energy: Floats
    unresolved: float

    def gather(self, values: NDArray[Any]) -> NDArray[Any]:
        """Sum values over the levels of each group along the last axis."""
        return np.add.reduceat(values[..., self.order], self.starts, axis=-1)


def pool(logits: Floats, p: Floats, particles: float, least: float, *, merge: bool = False) -> Groups:
    """Pool neighbours in energy until each group expects ``least`` particles; neighbours keep the thermometer sharp.

    What is left over at the high end is a group of its own, so that too many particles there are seen, unless it is to
    be merged with the last one.
    """
    allowed = np.flatnonzero(p > 0)
    order = allowed[np.argsort(-logits[allowed], kind="stable")]
    expected = particles * p[order]
    starts = list(range(len(order)))
    if expected.min() < least:
        # Sums run up from the rare end, where they are small and exact; tail[i] is that of levels i and above.
        ascending = np.append(0.0, np.cumsum(expected[::-1]))
        tail = ascending[::-1]
        following = len(order) + 1 - np.searchsorted(ascending, tail - least * (1 - 1e-12), side="right")
        starts = [0]
        while (start := int(following[starts[-1]])) < len(order) and not (merge and tail[start] < least):
            starts.append(start)
    cuts = np.array(starts, dtype=np.intp)
    probability = np.add.reduceat(p[order], cuts)
    scaled = logits[order] / max(1.0, float(np.abs(logits[order]).max()))
    energy = scaled[0] - scaled
    mean = np.add.reduceat(p[order] * energy, cuts) / probability
    lightest = np.minimum.reduceat(p[order], cuts)
    sizes = np.diff(np.append(cuts, len(order)))
    unresolved = float(np.where(sizes > 1, probability - lightest, 0.0).sum())
    return Groups(order, cuts, probability, mean, unresolved)


def residuals(counts: NDArray[np.int64], p: Floats) -> tuple[Floats, Floats, Floats]:
    """Peel off one group after the other; return the G - 1 normal residuals, their jumps and the variance within.

    With R particles left, n of them in the next group of conditional probability q, the residual is the normal
    quantile of the mid-distribution function P(X < n) + P(X = n) / 2 of X ~ Binomial(R, q). The jump is the distance
    from there towards 0, to the quantile of P(X <= n) or of P(X < n). A true normal residual would be somewhere within
    P(X = n); the variance within is the mean of its square less the square of the middle.
    """
    n = counts[..., :-1].astype(np.float64)
    left = np.cumsum(counts[..., ::-1], axis=-1)[..., ::-1][..., :-1].astype(np.float64)
    q = np.broadcast_to(p[:-1] / np.cumsum(p[::-1])[::-1][:-1], n.shape)
    strict, weak = np.empty(n.shape), np.empty(n.shape)  # the tail without the jump, and with it
    low = n <= left * q  # always work in the smaller tail: the other one rounds to 1
    a, r, x = n[low], left[low], q[low]
    strict[low] = np.where(a > 0, special.betaincc(np.maximum(a, 0.5), r - a + 1, x), 0.0)  # P(X < n)
    weak[low] = np.where(a < r, special.betaincc(a + 1, np.maximum(r - a, 0.5), x), 1.0)  # P(X <= n)
    a, r, x = n[~low], left[~low], q[~low]
    strict[~low] = np.where(a < r, special.betainc(a + 1, np.maximum(r - a, 0.5), x), 0.0)  # P(X > n)
    weak[~low] = special.betainc(a, r - a + 1, x)  # P(X >= n), and n > 0 here
    z = special.ndtri(np.clip((strict + weak) / 2, 1e-300, 0.5))
    start, end = special.ndtri(strict), special.ndtri(weak)
    jump = np.minimum(end, 0.0) - z
    # Mean of the square of a normal variable between start and end, by parts; then less the square of the middle.
    with np.errstate(invalid="ignore", divide="ignore"):
        surface = _surface(end) - _surface(start)
        spread = 1 - surface / (weak - strict) - z**2
    fine = (weak - strict < 1e-6 * weak) | (weak < 1e-290)  # nothing left to add, and rounding would show
    spread = np.where(fine, 0.0, np.maximum(spread, 0.0))
    return np.where(low, z, -z), np.maximum(jump, 0.0), spread


def _surface(x: Floats) -> Floats:
    """Return x phi(x) with the normal density phi, and its limit 0 at infinity."""
    return np.where(np.isinf(x), 0.0, x) * np.exp(-(x**2) / 2) / math.sqrt(2 * math.pi)


def temperature_direction(p: Floats, energy: Floats) -> Floats:
    """Return the unit vector along which a wrong temperature moves the residuals; zeros if it moves nothing.

    Cooling by d(1/T) changes the logit of the j-th binomial by the mean energy of what is left after group j, minus
    that of group j; its standardised residual moves by that times the square root of the particles' information.
    """
    after = np.cumsum(p[::-1])[::-1]
    with np.errstate(invalid="ignore", divide="ignore"):
        rest = np.cumsum((p * energy)[::-1])[::-1][1:] / after[1:]
    pull = np.sqrt(p[:-1] * after[1:] / after[:-1]) * (rest - energy[:-1])
    length = float(np.sqrt((pull**2).sum()))
    scale = float(np.abs(energy).max(initial=0.0))
    return pull / length if length > 1e-12 * scale > 0 else np.zeros_like(pull)


def combine(z: Floats, jump: Floats, spread: Floats, direction: Floats) -> tuple[Floats, Floats, Floats]:
    """Return (the temperature score, the chi-square of the rest, the p-value of both) of normal residuals.

    Each is shortened by the largest jump met along its way; the variance within the jumps is part of a normal
    residual's, and is added to the chi-square. The two tests are independent under the null, so the lesser of their
    p-values has the distribution function 1 - (1 - x)^2 (Z. Sidak 1967).
    """
    score = np.einsum("...j,j->...", z, direction)
    rest = z - score[..., None] * direction
    length = np.sqrt((rest**2).sum(axis=-1))
    grain = (np.abs(rest) * jump).max(axis=-1, initial=0.0) / np.maximum(length, 1e-300)
    length = np.maximum(length - grain, 0.0)
    grain = (np.abs(direction) * jump).max(axis=-1, initial=0.0)
    score = np.copysign(np.maximum(np.abs(score) - grain, 0.0), score)
    freedom = z.shape[-1] - int(direction.any())
    p_score = 2 * special.ndtr(-np.abs(score))
    if freedom == 0:
        return score, 0.0 * length, p_score if direction.any() else np.ones(z.shape[:-1])
    square = length**2 + np.einsum("...j,j->...", spread, 1 - direction**2)
    p_rest = special.chdtrc(freedom, square)
    if not direction.any():
        return score, square, p_rest
    least = np.minimum(p_score, p_rest)
    return score, square, least * (2 - least)


@dataclass(frozen=True, eq=False)
class Null(Result):
    """Everything about the hypothesis "N independent draws from softmax(z / T)" that does not depend on the counts."""

    particles: int
    p: Floats
    groups: Groups
    direction: Floats

    @classmethod
    def of(cls, logits: Floats, temperature: float, particles: int) -> Null:
        """Return the hypothesis that so many particles follow softmax(logits / temperature)."""
        p = np.asarray(softmax(logits, temperature), dtype=np.float64)
        groups = pool(logits, p, particles, POOL)
        direction = temperature_direction(groups.probability, groups.energy)
        return cls(particles, p, groups, direction)

    @property
    def pooled(self) -> bool:
        """Whether any group holds more than one level."""
        return len(self.groups.starts) < len(self.groups.order)

    def share(self, false_alarm: float) -> float:
        """Return the part of the false-alarm rate that is left to the tests on the residuals."""
        return false_alarm * (1 - RARE_SHARE) if self.pooled else false_alarm

    def judge(self, counts: NDArray[np.int64]) -> tuple[Floats, Floats, Floats]:
        """Return (score, chi-square of the rest, p-value) for counts of shape (..., K)."""
        grouped = self.groups.gather(counts)
        score, rest, p_value = combine(*residuals(grouped, self.groups.probability), self.direction)
        if self.pooled:
            p_value = np.minimum(p_value / (1 - RARE_SHARE), self._rarest(counts) / RARE_SHARE)
        impossible = (counts[..., self.p == 0] > 0).any(axis=-1)
        return score, rest, np.where(impossible, 0.0, np.minimum(p_value, 1.0))

    def _rarest(self, counts: NDArray[np.int64]) -> Floats:
        """Return P(any of N particles is in a level at most as likely as the least likely one occupied)."""
        least = np.where(counts > 0, self.p, np.inf).min(axis=-1)
        ascending = np.sort(self.p)
        mass = np.append(0.0, np.cumsum(ascending))
        at_most = np.minimum(mass[np.searchsorted(ascending, least, side="right")], 1.0)
        with np.errstate(divide="ignore"):
            return np.asarray(-np.expm1(self.particles * np.log1p(-at_most)))
