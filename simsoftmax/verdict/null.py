"""The null hypothesis of the verdict: N particles are independent draws from softmax(z / T).

Particles that do not interact are independent draws, so their counts are multinomial. Sort the levels by energy, pool
neighbours until each group expects a few particles, and peel off one group after the other: given the particles that
remain, the next count is exactly binomial. A count is a whole number, so it stands for a cell of the normal line, that
between the quantiles of P(X < n) and P(X <= n). Were a point drawn from each cell, the points z_j would be independent
and standard normal (M. Rosenblatt 1952). Two tests look at them:

* their component along the change that a wrong temperature makes, the most powerful direction for that error;
* the sum of squares of all that is left, a chi-square for every other error.

No point is drawn: given the counts, each statistic has a mean and a bounded standard deviation, and if its mean less c
standard deviations lies in a tail, then the drawn point would lie there with a probability of at least 1 / f. So f
times the tail's weight is a p-value, whatever K, N and T, ties included; `Caution` says where f comes from. Two groups
need no such care: a single binomial count has an exact test. And where all outcomes of the groups can be written down,
each p-value is replaced by its exact probability, the sum over all outcomes that are at least as extreme. Under the
null a p-value of a or less has a probability of at most a, by a theorem in every case.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

from ..boltzmann import softmax
from ..results import Result

__all__ = ["Cells", "Groups", "Null", "combine", "pool", "residuals", "temperature_direction"]

Floats = NDArray[np.float64]

POOL = 5.0
"""A group of levels is closed as soon as it expects this many particles."""
RARE_SHARE = 0.1
"""The share of the false alarms that goes to the check of rare levels, where levels had to be pooled."""
MOST_OUTCOMES, MOST_PARTICLES = 150_000, 200
"""P-values are summed over all outcomes of the groups where there are no more than this: a fifth of a second."""
LARGE = 1e6
"""Binomial tails with an expectation above this on both sides are those of Peizer and Pratt, right to 1e-9 there."""
USUAL = 1e-3
"""The rate of false alarms for which the cautions are chosen; they are right for every rate."""


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


@dataclass(frozen=True)
class Cells:
    """The cells of the normal line that counts stand for, seen through what a point drawn from each would be.

    Attributes
    ----------
    mean : ndarray, shape (..., G - 1)
        Mean of a standard normal variable within its cell: the residual.
    within : ndarray
        Its variance within the cell, or 0 where the cell is too narrow for it to matter.
    loose : ndarray
        The constant C with Var f(z) <= C E f'(z)^2 for every smooth f within the cell. A normal density is
        log-concave, so it is at most the square of width / pi (L. E. Payne and H. F. Weinberger 1960), and at most 1.
    nearest : ndarray
        Distance of the cell from 0.
    """

    mean: Floats
    within: Floats
    loose: Floats
    nearest: Floats

    @classmethod
    def points(cls, z: Floats) -> Cells:
        """Return the cells of normal residuals that are known to the point."""
        return cls(z, np.zeros_like(z), np.zeros_like(z), np.abs(z))

    @classmethod
    def between(cls, start: Floats, end: Floats) -> Cells:
        """Return the cells between two normal quantiles; either may be infinite."""
        upper = start > -end  # always work in the smaller tail: the other one rounds to 1
        low, high = np.where(upper, -end, start), np.where(upper, -start, end)
        open_ended = np.isinf(low)
        width = np.where(open_ended, np.inf, high - np.where(open_ended, 0.0, low))
        narrow = width < 1e-3
        far = ~narrow & (high < -37.0)  # beyond the range of floats: all that is so far out is one cell
        low, high = np.where(far, -np.inf, low), np.where(far, -37.0, high)
        a, b = np.where(narrow, -1.0, low), np.where(narrow, 0.0, high)
        mass = special.ndtr(b) - special.ndtr(a)
        thin = np.where(narrow, width, 0.0)
        middle = np.where(narrow, high, 0.0) - thin / 2
        mean = np.where(narrow, middle * (1 - thin**2 / 12), (_density(a) - _density(b)) / mass)
        surface = np.where(np.isinf(b), 0.0, b) * _density(b) - np.where(np.isinf(a), 0.0, a) * _density(a)
        within = np.where(narrow, 0.0, np.maximum(1 - surface / mass - mean**2, 0.0))
        loose = np.where(far, 1.0, np.minimum(width / math.pi, 1.0) ** 2)
        return cls(np.where(upper, -mean, mean), within, loose, np.maximum(-high, 0.0))


def _density(x: Floats) -> Floats:
    size = np.minimum(np.abs(x), 1e3)  # the density is 0 long before, and no square overflows
    return np.asarray(np.exp(-(size**2) / 2) / math.sqrt(2 * math.pi))


def binomial_quantile(n: Floats, trials: Floats, q: Floats, rest: Floats) -> Floats:
    """Return the normal quantile of P(X <= n) for X ~ Binomial(trials, q), for real n; rest = 1 - q.

    The series of D. B. Peizer and J. W. Pratt (1968), right to 0.06 where 5 or more are expected, and to 1e-9 where a
    million are, on either side.
    """
    mean, other = trials * q, trials * rest
    width = np.sqrt(mean * rest)
    # Not quite -1: the term there is 0 times the logarithm of 0, which is 0.
    above = np.maximum(np.maximum(n + 0.5, 1e-3) / mean - 1, 2.0**-53 - 1)
    below = np.maximum(np.maximum(trials - n - 0.5, 1e-3) / other - 1, 2.0**-53 - 1)
    # Each bracket is of second order in the deviation; written like this it keeps its digits for 1e15 particles.
    half_square = mean * ((1 + above) * np.log1p(above) - above) + other * ((1 + below) * np.log1p(below) - below)
    small = q / np.maximum(n + 1, 0.5) - rest / np.maximum(trials - n, 0.5) + (q - 0.5) / (trials + 1)
    centred = n - mean + 2 / 3 - q / 3 + 0.02 * small
    beyond = np.abs(n + 0.5 - mean)
    near = beyond < 1e-6 * width
    length = np.sqrt(2 * np.maximum(half_square, 0.0) / (1 + 1 / (6 * trials)))
    return np.asarray(np.where(near, centred / width, centred * length / np.where(near, 1, beyond)))


def binomial_cells(n: Floats, left: Floats, q: Floats, rest: Floats) -> Cells:
    """Return the cells of counts n of X ~ Binomial(left, q); rest = 1 - q, with all its digits."""
    start, end = np.full(n.shape, -np.inf), np.full(n.shape, np.inf)
    large = left * np.minimum(q, rest) > LARGE
    a, r, x, y = n[large], left[large], q[large], rest[large]
    start[large] = np.where(a > 0, binomial_quantile(a - 1, r, x, y), -np.inf)
    end[large] = np.where(a < r, binomial_quantile(a, r, x, y), np.inf)
    low = ~large & (n <= left * q)
    a, r, x = n[low], left[low], q[low]
    start[low] = np.where(a > 0, special.ndtri(special.betaincc(np.maximum(a, 0.5), r - a + 1, x)), -np.inf)
    end[low] = np.where(a < r, special.ndtri(special.betaincc(a + 1, np.maximum(r - a, 0.5), x)), np.inf)
    high = ~large & ~low  # and n > 0 here
    a, r, x = n[high], left[high], q[high]
    start[high] = -special.ndtri(special.betainc(a, r - a + 1, x))
    end[high] = np.where(a < r, -special.ndtri(special.betainc(a + 1, np.maximum(r - a, 0.5), x)), np.inf)
    return Cells.between(start, end)


def peel(p: Floats) -> tuple[Floats, Floats]:
    """Return the probability of each group but the last among those left, and that of all beyond it."""
    tail = np.cumsum(p[::-1])[::-1]
    return p[:-1] / tail[:-1], tail[1:] / tail[:-1]


def residuals(counts: NDArray[np.int64], p: Floats) -> Cells:
    """Peel off one group after the other; return the G - 1 cells of counts of shape (..., G)."""
    n = counts[..., :-1].astype(np.float64)
    left = np.cumsum(counts[..., ::-1], axis=-1)[..., ::-1][..., :-1].astype(np.float64)
    q, rest = (np.broadcast_to(x, n.shape) for x in peel(p))
    return binomial_cells(n, left, q, rest)


@dataclass(frozen=True)
class Caution:
    """How far a statistic that is known but for its cells is drawn back, and what its tail is then multiplied with.

    Given the counts, let the statistic have the mean m and a standard deviation of at most s. It exceeds m - c s with a
    probability of at least 1 / f, so P(m - c s >= x) <= f P(statistic >= x).

    * The score is a sum of independent variables of log-concave density, so its own density is log-concave. It exceeds
      its mean with a probability of at least 1 / e (B. Gruenbaum 1960): c = 0 and f = e. It also has a single peak, so
      it falls short of m - c s with a probability of at most 4 / 9 (1 + c^2) if c^2 >= 5 / 3, the one-sided inequality
      of D. F. Vysochanskij and Y. I. Petunin (M. Mercadier and F. Strobel 2021).
    * The chi-square falls short of m - c s with a probability of at most 1 / (1 + c^2) (F. P. Cantelli 1928). With two
      degrees of freedom or more its density is log-concave, and so P(chi-square >= x) >= P(m >= x) / e by Jensen's
      inequality: of all variables with such a tail, the mean m exceeds x most often where it is the mean beyond a
      quantile, and Gruenbaum's inequality holds there.
    """

    steps: float
    factor: float

    @classmethod
    def of_score(cls, spread: float) -> Caution:
        """Return the cheapest caution at a usual spread within the cells."""
        slope = -float(special.ndtri(USUAL / 4))  # d ln(tail) / d score, a little more in truth
        steps = max(math.sqrt(5 / 3), (8 / (9 * slope * max(spread, 1e-300))) ** (1 / 3))
        factor = 1 / (1 - 4 / 9 / (1 + steps**2))
        return cls(steps, factor) if math.log(factor) + slope * steps * spread < 1 else cls(0.0, math.e)

    @classmethod
    def of_rest(cls, freedom: int, spread: float) -> Caution:
        """Return the cheapest caution for a chi-square at a usual spread within the cells."""
        critical = float(special.chdtri(freedom, USUAL / 2))
        density = (freedom / 2 - 1) * math.log(critical / 2) - critical / 2 - math.lgamma(freedom / 2) - math.log(2)
        slope = math.exp(density) / (USUAL / 2)
        steps = max(0.5, (2 / (slope * max(spread, 1e-300))) ** (1 / 3))
        factor = 1 + 1 / steps**2
        if freedom > 1 and math.log(factor) + slope * steps * spread > 1:
            return cls(0.0, math.e)
        return cls(steps, factor)


NONE = Caution(0.0, 1.0)


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


def rest_spread(cells: Cells, rest: Floats, direction: Floats) -> Floats:
    """Return the largest standard deviation that the sum of squares across ``direction`` may have within the cells.

    By the inequality of `Cells.loose`, taken coordinate by coordinate: the square's derivative along z_j is twice the
    j-th component across.
    """
    along = (cells.loose * direction**2).sum(axis=-1)[..., None]
    square = rest**2 + cells.loose * (1 - 2 * direction**2) + direction**2 * along
    return np.asarray(2 * np.sqrt((cells.loose * square).sum(axis=-1)))


def _rest_p_value(cells: Cells, rest: Floats, square: Floats, direction: Floats, caution: Caution) -> Floats:
    freedom = cells.mean.shape[-1] - int(direction.any())
    nearest = np.maximum(square - caution.steps * rest_spread(cells, rest, direction), 0.0)
    return np.asarray(caution.factor * special.chdtrc(freedom, nearest))


def combine(
    cells: Cells, direction: Floats, cautions: tuple[Caution, Caution] = (NONE, NONE)
) -> tuple[Floats, Floats, Floats]:
    """Return (the temperature score, the chi-square of the rest, the p-value of both, which may exceed 1).

    The chi-square is the mean over the cells. The p-value is twice the lesser of the two tests' (C. E. Bonferroni), or,
    where no caution is needed and the two are independent, 1 - (1 - m)^2 for the lesser m (Z. Sidak 1967).
    """
    score = np.einsum("...j,j->...", cells.mean, direction)
    rest = cells.mean - score[..., None] * direction
    square = (rest**2).sum(axis=-1) + np.einsum("...j,j->...", cells.within, 1 - direction**2)
    freedom = cells.mean.shape[-1] - int(direction.any())
    if cells.mean.shape[-1] == 1:  # a single binomial count: twice its tail is exact
        return score, square, 2 * special.ndtr(-cells.nearest[..., 0])
    p_values = []
    if direction.any():
        loose = np.sqrt(np.einsum("...j,j->...", cells.loose, direction**2))
        nearest = np.maximum(np.abs(score) - cautions[0].steps * loose, 0.0)
        p_values.append(2 * cautions[0].factor * special.ndtr(-nearest))
    if freedom > 0:
        p_values.append(_rest_p_value(cells, rest, square, direction, cautions[1]))
    if not p_values:
        return score, square, np.ones(cells.mean.shape[:-1])
    least = np.minimum.reduce(p_values)
    if cautions == (NONE, NONE) and len(p_values) == 2:
        return score, square, least * (2 - least)
    return score, square, len(p_values) * least


@dataclass(frozen=True, eq=False)
class Null(Result):
    """Everything about the hypothesis "N independent draws from softmax(z / T)" that does not depend on the counts.

    Attributes
    ----------
    particles : int
        Number N of draws.
    p : ndarray, shape (K,)
        Probability of each level.
    groups : Groups
        The levels of positive probability, pooled until each group expects a few particles.
    direction : ndarray, shape (G - 1,)
        The unit vector along which a wrong temperature moves the residuals; zeros if it moves nothing.
    """

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

    @cached_property
    def cautions(self) -> tuple[Caution, Caution]:
        """The cautions of the score and of the chi-square, chosen at the expected counts."""
        cells = self.usual_cells
        score = math.sqrt(float(cells.loose @ self.direction**2))
        freedom = len(cells.mean) - int(self.direction.any())
        if freedom < 1:
            return Caution.of_score(score), NONE
        usual = float(special.chdtri(freedom, USUAL / 2)) / freedom  # per degree of freedom, where it just alarms
        rest = 2 * math.sqrt(usual * float(cells.loose @ (1 - self.direction**2)))
        return Caution.of_score(score), Caution.of_rest(freedom, rest)

    @cached_property
    def usual_cells(self) -> Cells:
        """The cells at the expected counts, as wide as the inverse standard deviation of each binomial."""
        q, rest = peel(self.groups.probability)
        left = self.particles * np.cumsum(self.groups.probability[::-1])[::-1][:-1]
        half = 0.5 / np.sqrt(left * q * rest)
        return Cells.between(-half, half)

    @cached_property
    def _exact(self) -> tuple[Floats, Floats] | None:
        """The p-values of all outcomes of the groups, sorted, and the probability of each or less; None if too many."""
        p, n = self.groups.probability, self.particles
        bars = len(p) - 1
        size = math.comb(n + bars, bars) if n <= MOST_PARTICLES else MOST_OUTCOMES + 1
        if bars < 2 or size > MOST_OUTCOMES:
            return None
        places = np.fromiter(chain.from_iterable(combinations(range(n + bars), bars)), np.int64, size * bars)
        edges = np.pad(places.reshape(size, bars), ((0, 0), (1, 1)), constant_values=((0, 0), (-1, n + bars)))
        counts = np.diff(edges, axis=1) - 1
        chance = np.exp(stats.multinomial.logpmf(counts, n, p / p.sum()))
        stated = combine(self._looked_up(counts), self.direction, self.cautions)[2]
        order = np.argsort(stated, kind="stable")
        return stated[order], np.minimum(np.cumsum(chance[order]), 1.0)

    def _looked_up(self, counts: NDArray[np.int64]) -> Cells:
        """Return `residuals`, each pair of a count and of the particles left being worked out only once."""
        left = np.cumsum(counts[:, ::-1], axis=1)[:, ::-1]
        columns = []
        for j, (q, rest) in enumerate(zip(*peel(self.groups.probability), strict=True)):
            pairs, place = np.unique(left[:, j] * (self.particles + 1) + counts[:, j], return_inverse=True)
            trials, n = (x.astype(np.float64) for x in np.divmod(pairs, self.particles + 1))
            cells = binomial_cells(n, trials, np.full(n.shape, q), np.full(n.shape, rest))
            columns.append([values[place] for values in (cells.mean, cells.within, cells.loose, cells.nearest)])
        return Cells(*(np.stack(values, axis=-1) for values in zip(*columns, strict=True)))

    def judge(self, counts: NDArray[np.int64]) -> tuple[Floats, Floats, Floats]:
        """Return (score, chi-square of the rest, p-value) for counts of shape (..., K)."""
        cells = residuals(self.groups.gather(counts), self.groups.probability)
        score, rest, p_value = combine(cells, self.direction, self.cautions)
        if self._exact is not None:
            stated, at_most = self._exact
            # Outcomes that tie but for rounding, as with equal levels, count as equally extreme.
            p_value = at_most[np.searchsorted(stated, p_value * (1 + 1e-9), side="right") - 1]
        if self.pooled:
            p_value = np.minimum(p_value / (1 - RARE_SHARE), self._rarest(counts) / RARE_SHARE)
        impossible = (counts[..., self.p == 0] > 0).any(axis=-1)
        return score, rest, np.where(impossible, 0.0, np.minimum(p_value, 1.0))

    def misfit(self, counts: NDArray[np.int64]) -> float:
        """Return the p-value of the chi-square alone, with that of rare levels: whatever no other temperature mends."""
        cells = residuals(self.groups.gather(counts), self.groups.probability)
        rest = cells.mean - float(cells.mean @ self.direction) * self.direction
        p_value = 1.0
        if len(rest) > int(self.direction.any()):
            square = np.asarray((rest**2).sum() + cells.within @ (1 - self.direction**2))
            p_value = (
                2 * float(special.ndtr(-cells.nearest[0]))
                if len(rest) == 1
                else float(_rest_p_value(cells, rest, square, self.direction, self.cautions[1]))
            )
        if self.pooled:
            p_value = min(p_value / (1 - RARE_SHARE), float(self._rarest(counts)) / RARE_SHARE)
        return min(p_value, 1.0)

    def _rarest(self, counts: NDArray[np.int64]) -> Floats:
        """Return P(any of N particles is in a level at most as likely as the least likely one occupied)."""
        least = np.where(counts > 0, self.p, np.inf).min(axis=-1)
        ascending = np.sort(self.p)
        mass = np.append(0.0, np.cumsum(ascending))
        at_most = np.minimum(mass[np.searchsorted(ascending, least, side="right")], 1.0)
        with np.errstate(divide="ignore"):
            return np.asarray(-np.expm1(self.particles * np.log1p(-at_most)))
