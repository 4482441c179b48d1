"""The verdict: whether particles follow softmax, and what error would have been seen.

Particles that do not interact are independent draws, so their counts are multinomial. Everything here rests on one
construction, `_Null`. Sort the levels by energy, pool neighbours until each group expects a few particles, and peel
off one group after the other: given the particles that remain, the next count is exactly binomial. Its distribution
function turns it into a normal residual z_j that does not depend on those before it (M. Rosenblatt 1952). Two tests
share the residuals:

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
from functools import lru_cache
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize, special, stats

from .arguments import as_count, as_counts, as_probability, as_real, as_temperature, as_vector_logits, first_index
from .boltzmann import softmax
from .kernels.evidence import grow_evidence
from .markov import Proposal, transition_matrix

__all__ = [
    "DetectableDifference",
    "EProcess",
    "TemperatureEstimate",
    "Verdict",
    "detectable_difference",
    "estimate_temperature",
    "required_particles",
    "verify",
    "verify_average",
]

Floats = NDArray[np.float64]

POOL = 5.0
"""A group of levels is closed as soon as it expects this many particles."""
POOL_AVERAGE = 100.0
"""The same for time averages, whose residuals are normal only in the limit of many particles."""
RARE_SHARE = 0.1
"""The share of the false alarms that goes to the check of rare levels, where levels had to be pooled."""


# --------------------------------------------------------------------------------------------------------------------
# The null hypothesis


@dataclass(frozen=True)
class _Groups:
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


def _pool(logits: Floats, p: Floats, particles: float, least: float, *, merge: bool = False) -> _Groups:
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
    return _Groups(order, cuts, probability, mean, unresolved)


def _residuals(counts: NDArray[np.int64], p: Floats) -> tuple[Floats, Floats, Floats]:
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


def _temperature_direction(p: Floats, energy: Floats) -> Floats:
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


def _tests(z: Floats, jump: Floats, spread: Floats, direction: Floats) -> tuple[Floats, Floats, Floats]:
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


@dataclass(frozen=True)
class _Null:
    """Everything about the hypothesis "N independent draws from softmax(z / T)" that does not depend on the counts."""

    particles: int
    p: Floats
    groups: _Groups
    direction: Floats

    @classmethod
    def of(cls, logits: Floats, temperature: float, particles: int) -> _Null:
        p = np.asarray(softmax(logits, temperature), dtype=np.float64)
        groups = _pool(logits, p, particles, POOL)
        direction = _temperature_direction(groups.probability, groups.energy)
        return cls(particles, p, groups, direction)

    @property
    def pooled(self) -> bool:
        return len(self.groups.starts) < len(self.groups.order)

    def share(self, false_alarm: float) -> float:
        """Return the part of the false-alarm rate that is left to the tests on the residuals."""
        return false_alarm * (1 - RARE_SHARE) if self.pooled else false_alarm

    def judge(self, counts: NDArray[np.int64]) -> tuple[Floats, Floats, Floats]:
        """Return (score, chi-square of the rest, p-value) for counts of shape (..., K)."""
        grouped = self.groups.gather(counts)
        score, rest, p_value = _tests(*_residuals(grouped, self.groups.probability), self.direction)
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


# --------------------------------------------------------------------------------------------------------------------
# What would have been seen


@lru_cache(maxsize=4096)
def _critical(freedom: int, directed: bool, false_alarm: float) -> tuple[float, float]:
    """Return the critical score and the critical chi-square of the rest; infinite where there is no such test."""
    both = directed and freedom > 0
    each = -math.expm1(math.log1p(-false_alarm) / 2) if both else false_alarm
    score = -float(special.ndtri(each / 2)) if directed else math.inf
    rest = float(special.chdtri(freedom, each)) if freedom > 0 else math.inf
    return score, rest


@lru_cache(maxsize=4096)
def _noncentrality(freedom: int, directed: bool, false_alarm: float, power: float) -> float:
    """Return the length squared of a shift of the residuals that is caught with ``power``, wherever it points."""
    critical, threshold = _critical(freedom, directed, false_alarm)
    along = np.linspace(0, 1, 21) if directed and freedom else np.array([1.0 if directed else 0.0])

    def missed(length: float) -> float:
        miss = np.ones_like(along)
        if directed:
            miss = special.ndtr(critical - length * along) - special.ndtr(-critical - length * along)
        if freedom:
            across = length**2 * (1 - along**2)
            miss = miss * np.asarray(stats.ncx2.cdf(threshold, freedom, np.maximum(across, 1e-12)))
        return float(miss.max()) - (1 - power)

    if missed(0.0) <= 0:  # more false alarms allowed than power asked for
        return 0.0
    high = 1.0
    while missed(high) > 0:
        high *= 2
    return float(optimize.brentq(missed, 0.0, high, xtol=1e-9, rtol=1e-9)) ** 2


def _detectable_total_variation(null: _Null, false_alarm: float, power: float) -> float:
    """Return a total variation such that any sampler this far off, or farther, is caught with the stated power.

    A shift of mass t between sets of levels of mass a and 1 - a moves the residuals by a squared length of at least
    N t^2 / v, where v is the largest variance m (1 - m) met on the way from m = a to a + t: both Pearson's and
    Kullback's divergence obey this. The worst set is the one nearest to one half. What may hide within pools and in
    levels of probability zero is added.
    """
    p, n = null.groups.probability, null.particles
    hidden = null.groups.unresolved
    if (null.p == 0).any():  # mass t on levels of probability zero escapes with probability (1 - t)^N
        hidden -= math.expm1(math.log1p(-power) / n)
    if len(p) == 1:
        return min(hidden, 1.0)
    directed = bool(null.direction.any())
    length2 = _noncentrality(len(p) - 1 - directed, directed, null.share(false_alarm), power)
    a = min(float(1 - p.max()), 0.5)
    half = (n + length2, -length2 * (1 - 2 * a), -length2 * a * (1 - a))
    seen = (-half[1] + math.sqrt(half[1] ** 2 - 4 * half[0] * half[2])) / (2 * half[0])
    if a + seen > 0.5:
        seen = math.sqrt(length2 / (4 * n))
    return min(seen + hidden, 1.0)


def _detectable_temperature(null: _Null, logits: Floats, temperature: float, false_alarm: float, power: float) -> float:
    """Return the relative error in T that the score alone catches with the stated power, hotter or colder."""
    if not null.direction.any() or temperature in (0.0, math.inf):
        return math.inf  # then T (1 + x) is the same distribution for every x
    groups, n = null.groups, null.particles
    p = groups.probability
    critical, _ = _critical(len(p) - 2, True, null.share(false_alarm))
    after = np.cumsum(p[::-1])[::-1]
    sizes = np.sqrt(n * p[:-1] * after[1:] / after[:-1])  # standard deviations of the counts that are peeled off
    critical += float((np.abs(null.direction) * np.minimum(0.5 / sizes, sizes)).max())  # half a particle, the jump
    quantile = float(special.ndtri(power))
    gap = (logits[groups.order] - logits[groups.order[0]]) / temperature

    def margin(x: float) -> float:
        """Return by how much the score at T exp(x) exceeds what is needed, in its linear and its entropic form."""
        weight = np.add.reduceat(np.exp(gap * math.exp(-x)), groups.starts)
        q = weight / weight.sum()
        mean = float((q * groups.energy).sum())  # sums, as BLAS would start threads for each of these products
        width = math.sqrt(float((q * (groups.energy - mean) ** 2).sum()))
        linear = (math.sqrt(n) * abs(mean - centre) - quantile * max(width, spread)) / spread
        ratio = np.log(np.maximum(q, 1e-300) / p)
        divergence = max(float((q * ratio).sum()), 1e-300)
        slope = math.sqrt(float((q * (ratio - divergence) ** 2).sum()) / (2 * divergence))
        entropic = math.sqrt(2 * n * divergence) - quantile * slope
        return min(linear, entropic) - critical

    centre = float(p @ groups.energy)
    spread = math.sqrt(float(p @ (groups.energy - centre) ** 2))

    def smallest(sign: float) -> float:
        """Return the change of ln T at which the margin turns positive, in the direction of ``sign``."""
        far = 1e-4
        while margin(sign * far) <= 0:
            if far > 60:
                return math.inf
            far *= 4
        near = far / 4
        while margin(sign * near) > 0 and near > 1e-12:
            far, near = near, near / 4
        return float(optimize.brentq(lambda x: margin(sign * x), near, far, xtol=1e-14, rtol=1e-9))

    hotter, colder = smallest(1.0), smallest(-1.0)
    if math.isinf(hotter) or math.isinf(colder):
        return math.inf
    return max(math.expm1(hotter), -math.expm1(-colder))


@dataclass(frozen=True)
class DetectableDifference:
    """The smallest errors that a number of particles shows with the stated power.

    Attributes
    ----------
    total_variation : float
        Any sampler at this total variation or more from softmax is caught; 1 if no such promise can be made.
    temperature : float
        A temperature off by this relative amount, either way, is caught: 0.01 is 1 %. Infinite if none is.
    particles, false_alarm, power
        What was asked.
    """

    total_variation: float
    temperature: float
    particles: int
    false_alarm: float
    power: float

    def __str__(self) -> str:
        return (
            f"{self.particles} particles show a {_errors(self.temperature, self.total_variation)} "
            f"with {_percent(self.power)} power at a false-alarm rate of {self.false_alarm:g}."
        )


def _detectable(null: _Null, logits: Floats, temperature: float, alarm: float, power: float) -> DetectableDifference:
    return DetectableDifference(
        total_variation=_detectable_total_variation(null, alarm, power),
        temperature=_detectable_temperature(null, logits, temperature, alarm, power),
        particles=null.particles,
        false_alarm=alarm,
        power=power,
    )


def detectable_difference(
    particles: int,
    logits: ArrayLike,
    temperature: float = 1.0,
    *,
    false_alarm: float = 1e-3,
    power: float = 0.99,
) -> DetectableDifference:
    """Return the smallest errors that `verify` would catch with this many particles.

    Parameters
    ----------
    particles : int
        Number of independent draws.
    logits : array_like, shape (K,)
        Scores z; -inf marks a level that cannot be occupied.
    temperature : float, optional
        T >= 0 in units of the logits.
    false_alarm : float, optional
        Probability of rejecting a perfect sampler.
    power : float, optional
        Probability of catching an error of the size returned.

    Returns
    -------
    DetectableDifference
        ``total_variation`` holds for the least visible direction, so for every wrong distribution at that distance
        or more; levels that had to be pooled count as entirely unseen within their pool. ``temperature`` is relative.
        Both use the noncentral normal and chi-square distributions of the residuals, which leave out the skewness of
        small counts: measured power stays above the stated one, or within 0.3 percentage points below it.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong kind or out of range.
    """
    n, z, t = as_count("particles", particles), as_vector_logits(logits), _temperature(temperature)
    alarm, strength = _rates(false_alarm, power)
    return _detectable(_Null.of(z, t, n), z, t, alarm, strength)


def required_particles(
    difference: float,
    logits: ArrayLike,
    temperature: float = 1.0,
    *,
    of: Literal["total_variation", "temperature"] = "total_variation",
    false_alarm: float = 1e-3,
    power: float = 0.99,
) -> int:
    """Return how many particles `verify` needs to catch an error: the inverse of `detectable_difference`.

    Parameters
    ----------
    difference : float
        A total variation between 0 and 1, or a relative error in T (0.05 is 5 %), as ``of`` says.
    logits, temperature, false_alarm, power
        As in `detectable_difference`.
    of : {"total_variation", "temperature"}, optional
        What ``difference`` measures.

    Returns
    -------
    int

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong kind or out of range, or if no number of particles below 2**53 is enough.
    """
    z, t = as_vector_logits(logits), _temperature(temperature)
    alarm, strength = _rates(false_alarm, power)
    if of not in ("total_variation", "temperature"):
        raise ValueError(f"of must be 'total_variation' or 'temperature', got {of!r}")
    if isinstance(difference, (bool, str)) or not isinstance(difference, (int, float, np.integer, np.floating)):
        raise TypeError(f"difference must be a number, got {difference!r}; pass a positive number such as 0.01")
    top = 1.0 if of == "total_variation" else math.inf
    if not 0 < difference < top:
        raise ValueError(
            f"difference must lie strictly between 0 and {top:g}, got {difference!r}; pass a small number such as 0.01"
        )

    def enough(n: int) -> bool:
        null = _Null.of(z, t, n)
        if of == "temperature":
            return _detectable_temperature(null, z, t, alarm, strength) <= difference
        return _detectable_total_variation(null, alarm, strength) <= difference

    low, high = 0, 1
    while not enough(high):
        low, high = high, 4 * high
        if high > 2**53:
            raise ValueError(
                f"difference of {difference!r} in {of.replace('_', ' ')} is not caught by 2**53 particles; "
                "ask for a larger difference"
            )
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


# --------------------------------------------------------------------------------------------------------------------
# The verdict


@dataclass(frozen=True)
class Verdict:
    """What a check of counts against softmax found, and what it would have found.

    Attributes
    ----------
    passed : bool
        ``p_value > false_alarm``; also the truth value of the verdict.
    p_value : float
        Probability that a perfect sampler looks at least this bad. 0 if a level of probability zero is occupied.
    statistic : float
        The sum of squares of all normal residuals; about ``groups - 1`` for a perfect sampler.
    temperature_score : float
        The residual along the direction of a wrong temperature, standard normal for a perfect sampler; positive means
        colder than stated.
    particles, groups : int
        Number of particles; number of groups of levels compared, after pooling those that expect too few.
    temperature, false_alarm, power : float
        What was asked.
    total_variation : float
        Observed: half the sum of ``|n_i / N - p_i|``.
    total_variation_bound : float
        The sampler itself is closer to softmax than this, with confidence ``1 - false_alarm``.
    detectable_total_variation, detectable_temperature : float
        See `detectable_difference`.
    worst_level : int
        The level with the largest standardised residual (n_i - N p_i) / sqrt(N p_i (1 - p_i)) in size.
    worst_residual : float
        That residual; infinite where a level of probability zero is occupied.
    """

    passed: bool
    p_value: float
    statistic: float
    temperature_score: float
    particles: int
    groups: int
    temperature: float
    false_alarm: float
    power: float
    total_variation: float
    total_variation_bound: float
    detectable_total_variation: float
    detectable_temperature: float
    worst_level: int
    worst_residual: float

    def __bool__(self) -> bool:
        return self.passed

    def __str__(self) -> str:
        who = f"{self.particles} particle{'s' if self.particles > 1 else ''}"
        impossible = math.isinf(self.worst_residual)
        chance = f"p = {self.p_value:.2g}" if impossible or self.p_value > 1e-290 else "p < 1e-290"
        within = (
            f"the sampler is within {_percent(self.total_variation_bound)} of softmax in total variation, with "
            f"{_percent(1 - self.false_alarm)} confidence"
        )
        if self.detectable_total_variation == 0:
            return f"Passed: {who} in the only level there is; nothing else was possible."
        if self.passed:
            return (
                f"Passed: {who} agree with softmax at T = {self.temperature:g} ({chance}, rejected below "
                f"{self.false_alarm:g}); a {_errors(self.detectable_temperature, self.detectable_total_variation)} "
                f"would have been caught with {_percent(self.power)} power, and {within}."
            )
        where = (
            f"level {self.worst_level} is occupied though its probability is zero"
            if impossible
            else f"level {self.worst_level} is worst, {abs(self.worst_residual):.1f} standard deviations too "
            + ("full" if self.worst_residual > 0 else "empty")
        )
        return (
            f"Failed: {who} do not follow softmax at T = {self.temperature:g} ({chance}, rejected below "
            f"{self.false_alarm:g}); they are {_percent(self.total_variation)} away in total variation, and {where}."
        )


def verify(
    counts: ArrayLike,
    logits: ArrayLike,
    temperature: float = 1.0,
    *,
    false_alarm: float = 1e-3,
    power: float = 0.99,
) -> Verdict:
    """Judge whether independent draws follow softmax(z / T).

    Parameters
    ----------
    counts : array_like, shape (K,)
        Number of particles (draws) in each level. The draws must be independent: for time averages of a Markov chain
        use `verify_average`.
    logits : array_like, shape (K,)
        Scores z; -inf marks a level that cannot be occupied, as after top-k or top-p truncation.
    temperature : float, optional
        T >= 0 in units of the logits; 0 and infinity are the exact limits.
    false_alarm : float, optional
        Probability of failing a perfect sampler: the total of all tests made here.
    power : float, optional
        Probability with which errors of the size that the verdict states are caught.

    Returns
    -------
    Verdict

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong kind, shape or range.

    Notes
    -----
    Neighbours in energy are pooled until each group expects 5 particles; what is left over at the high end is a group
    of its own. The groups' residuals are tested as the module says: p = m (2 - m) for the lesser m of the two
    p-values. If levels were pooled, a tenth of the false-alarm rate goes to one more test: the probability that any
    particle is in a level at most as likely as the least likely one that is occupied. A level of probability zero that
    is occupied makes it zero.

    The bound on the total variation: t(n) = TV(n / N, p) moves by at most 1 / N with one particle, so it exceeds its
    mean less sqrt(ln(1 / false_alarm) / 2 N) with the stated confidence (C. McDiarmid 1989); and its mean is at least
    TV(q, p) for the sampler's distribution q, by convexity. Nothing in it grows with the number of levels, which the
    bound of T. Weissman et al. (2003) on the distance between n / N and q does.

    Examples
    --------
    >>> bool(verify([65900, 24200, 9900], [2.0, 1.0, 0.1]))
    True
    >>> bool(verify([71000, 23000, 6000], [2.0, 1.0, 0.1]))
    False
    """
    z, t = as_vector_logits(logits), _temperature(temperature)
    n = as_counts(counts, len(z))
    alarm, strength = _rates(false_alarm, power)
    null = _Null.of(z, t, int(n.sum()))
    score, rest, p_value = null.judge(n)
    detectable = _detectable(null, z, t, alarm, strength)
    observed = 0.5 * float(np.abs(n / null.particles - null.p).sum())
    worst, residual = _worst_level(n, null.p)
    return Verdict(
        passed=bool(p_value > alarm),
        p_value=float(p_value),
        statistic=float(score**2 + rest),
        temperature_score=float(score),
        particles=null.particles,
        groups=len(null.groups.starts),
        temperature=t,
        false_alarm=alarm,
        power=strength,
        total_variation=observed,
        total_variation_bound=_total_variation_bound(observed, null.particles, len(z), alarm),
        detectable_total_variation=detectable.total_variation,
        detectable_temperature=detectable.temperature,
        worst_level=worst,
        worst_residual=residual,
    )


def _total_variation_bound(observed: float, particles: int, levels: int, false_alarm: float) -> float:
    """Return what McDiarmid's inequality allows, or 0 for the only distribution over a single level."""
    margin = math.sqrt(-math.log(false_alarm) / (2 * particles))
    return min(1.0, observed + margin) if levels > 1 else 0.0


def _worst_level(counts: NDArray[np.int64], p: Floats) -> tuple[int, float]:
    excess = counts - counts.sum() * p
    spread = np.sqrt(counts.sum() * p * (1 - p))
    with np.errstate(divide="ignore", invalid="ignore"):
        residual = np.where((spread == 0) & (counts * (1 - p) == 0), 0.0, excess / spread)
    worst = int(np.abs(residual).argmax())
    return worst, float(residual[worst])


def verify_average(
    occupancy: ArrayLike,
    logits: ArrayLike,
    temperature: float = 1.0,
    *,
    particles: int,
    recorded: int,
    every: int = 1,
    proposal: Proposal = "uniform",
    false_alarm: float = 1e-3,
    power: float = 0.99,
) -> Verdict:
    """Judge time-averaged occupancies of a Metropolis chain with their exact covariance.

    Parameters
    ----------
    occupancy : array_like, shape (K,)
        Mean over the recorded sweeps of the share of particles in each level; sums to 1.
    logits, temperature, false_alarm, power
        As in `verify`.
    particles : int
        Number of independent particles N, started in equilibrium.
    recorded : int
        Number t of recorded sweeps.
    every : int, optional
        Sweeps from one record to the next.
    proposal : optional
        The proposal of the chain, as in `transition_matrix`.

    Returns
    -------
    Verdict
        The errors that it would have caught are those of the independent draws whose variance equals that of the
        slowest mode, so they are promises on the safe side.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong kind, shape or range, or if there are more than 4096 levels: the covariance is
        a dense matrix. Then judge the counts of the last sweep with `verify`.

    Notes
    -----
    With D = diag(p) and the symmetrised transition matrix D^(1/2) P D^(-1/2) = sum_j lambda_j u_j u_j^T, the average
    over t records of N particles has variance f(lambda_j^every, t) / N along u_j, where
    f(l, t) = (t + 2 sum_{d=1}^{t-1} (t - d) l^d) / t^2. Groups that expect 100 particles are whitened with that
    covariance. The residuals are normal in the limit of many particles only: trust false-alarm rates down to about
    1e-4, and use `verify` on the counts of one sweep for less.
    """
    z, t = as_vector_logits(logits), _temperature(temperature)
    n, records = as_count("particles", particles), as_count("recorded", recorded)
    stride = as_count("every", every)
    alarm, strength = _rates(false_alarm, power)
    mean = _as_occupancy(occupancy, len(z))
    if len(z) > 4096:
        raise ValueError(
            f"logits must hold at most 4096 levels here, got {len(z)}; pass the counts of one sweep to verify instead"
        )
    p = np.asarray(softmax(z, t), dtype=np.float64)
    groups = _pool(z, p, n, POOL_AVERAGE, merge=True)
    order = groups.order
    matrix = np.asarray(transition_matrix(z, t, proposal=proposal))[np.ix_(order, order)]
    by_level, slowest = _average_covariance(matrix, p[order], records, stride)
    covariance = np.add.reduceat(np.add.reduceat(by_level, groups.starts, axis=0), groups.starts, axis=1)
    # The covariance of all groups but one is regular, and a Cholesky factor whitens it.
    factor = np.linalg.cholesky(covariance[:-1, :-1] / n)
    residuals = np.linalg.solve(factor, (groups.gather(mean) - groups.probability)[:-1])
    pull = np.linalg.solve(factor, (groups.probability * (groups.probability @ groups.energy - groups.energy))[:-1])
    length = float(np.sqrt((pull**2).sum()))
    direction = pull / length if length > 0 else np.zeros_like(pull)
    score, rest, p_value = _tests(residuals, np.zeros_like(residuals), np.zeros_like(residuals), direction)
    impossible = bool((mean[p == 0] > 0).any())
    p_final = 0.0 if impossible else float(p_value)

    equivalent = max(1, int(n / slowest))
    null = _Null(equivalent, p, groups, direction)
    observed = 0.5 * float(np.abs(mean - p).sum())
    spread = np.zeros(len(z))
    spread[order] = np.sqrt(np.diag(by_level) / n)
    with np.errstate(divide="ignore", invalid="ignore"):
        off = np.where((spread == 0) & (mean == p), 0.0, (mean - p) / spread)
    worst = int(np.abs(off).argmax())
    return Verdict(
        passed=p_final > alarm,
        p_value=p_final,
        statistic=float(score**2 + rest),
        temperature_score=float(score),
        particles=n,
        groups=len(groups.starts),
        temperature=t,
        false_alarm=alarm,
        power=strength,
        total_variation=observed,
        total_variation_bound=_total_variation_bound(observed, n, len(z), alarm),
        detectable_total_variation=_detectable_total_variation(null, alarm, strength),
        detectable_temperature=_detectable_temperature(null, z, t, alarm, strength),
        worst_level=worst,
        worst_residual=float(off[worst]),
    )


def _average_covariance(matrix: Floats, p: Floats, records: int, every: int) -> tuple[Floats, float]:
    """Return N times the covariance of time-averaged occupancies, shape (A, A), and the largest f of any mode."""
    root = np.sqrt(p)
    values, vectors = np.linalg.eigh(root[:, None] * matrix / root)
    values, vectors = np.clip(values[:-1], -1, 1), vectors[:, :-1]  # the last one is equilibrium itself
    f = _average_variance(values**every, records)
    modes = root[:, None] * vectors
    return (modes * f) @ modes.T, float(f.max(initial=1 / records))


def _average_variance(correlation: Floats, records: int) -> Floats:
    """Return f(l, t) = (t + 2 sum_{d=1}^{t-1} (t - d) l^d) / t^2, the variance of the mean of t correlated records."""
    t = float(records)
    gap = 1 - correlation
    small = gap * t < 1e-4
    safe = np.where(small, 1.0, gap)
    geometric = (t * safe - (1 - correlation**records)) * correlation / safe**2
    return np.where(small, 1 - gap * (t * t - 1) / (3 * t), (t + 2 * geometric) / t**2)


# --------------------------------------------------------------------------------------------------------------------
# The thermometer


@dataclass(frozen=True)
class TemperatureEstimate:
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
            f"{_percent(self.confidence)} confidence ({self.particles} particle{'s' if self.particles > 1 else ''})"
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


# --------------------------------------------------------------------------------------------------------------------
# For looking while it runs


@lru_cache(maxsize=1)
def _native_grow_evidence() -> Any:
    import numba

    return numba.njit(cache=True)(grow_evidence)


class EProcess:
    """Evidence against softmax that may be watched after every draw.

    The evidence is the ratio of two forecasts of the draws: that of a Dirichlet mixture centred on the null, which
    learns, and that of the null itself. Under the null it is a nonnegative martingale of mean 1, so it ever exceeds
    1 / a with probability at most a (J. Ville 1939): one may look at every step and stop at will. A. Ramdas, P.
    Gruenwald, V. Vovk and G. Shafer (2023) review such e-processes. It costs power: for a final answer use `verify`.

    Parameters
    ----------
    logits : array_like, shape (K,)
        Scores z; -inf marks a level that cannot be occupied.
    temperature : float, optional
        T >= 0 in units of the logits.
    concentration : float, optional
        Weight of the prior in draws: larger looks for smaller errors. The number of allowed levels if not given.

    Examples
    --------
    >>> watch = EProcess([2.0, 1.0, 0.1])
    >>> watch.update([7100, 2300, 600])
    >>> watch.alarm(1e-6)
    True
    """

    def __init__(self, logits: ArrayLike, temperature: float = 1.0, *, concentration: float | None = None) -> None:
        z, t = as_vector_logits(logits), _temperature(temperature)
        self._probabilities = np.asarray(softmax(z, t), dtype=np.float64)
        if concentration is None:
            self._concentration = float((self._probabilities > 0).sum())
        else:
            value = as_real("concentration", concentration, "pass a positive number of draws")
            if value.ndim or not 0 < value < np.inf:
                raise ValueError(f"concentration must be a positive number, got {concentration!r}; pass one such as 10")
            self._concentration = float(value)
        self._counts = np.zeros(len(z), dtype=np.int64)
        self._log_evidence = 0.0
        self._highest = 0.0

    def update(self, counts: ArrayLike) -> None:
        """Add new draws, given as counts per level; those added before are remembered."""
        added = as_counts(counts, len(self._counts))
        self._log_evidence = float(
            _native_grow_evidence()(self._log_evidence, self._counts, added, self._probabilities, self._concentration)
        )
        self._highest = max(self._highest, self._log_evidence)

    @property
    def counts(self) -> NDArray[np.int64]:
        """All draws so far, shape (K,)."""
        return self._counts.copy()

    @property
    def log_evidence(self) -> float:
        """Natural logarithm of the present evidence; infinite once a level of probability zero was drawn."""
        return self._log_evidence

    @property
    def evidence(self) -> float:
        """The present evidence: a bet against the null with a fair stake of 1 would be worth this much now."""
        return math.exp(self._log_evidence) if self._log_evidence < 709 else math.inf

    def alarm(self, false_alarm: float = 1e-3) -> bool:
        """Return whether the evidence has ever, at the end of an update, reached 1 / false_alarm."""
        return self._highest >= -math.log(as_probability("false_alarm", false_alarm))

    def __str__(self) -> str:
        return (
            f"After {int(self._counts.sum())} draws the evidence against softmax is {self.evidence:.3g}; a perfect "
            f"sampler ever reaches its highest value of {math.exp(min(self._highest, 709)):.3g} with probability at "
            f"most {math.exp(-self._highest):.2g}."
        )


# --------------------------------------------------------------------------------------------------------------------
# Arguments and words


def _temperature(temperature: float) -> float:
    return float(as_temperature(temperature, scalar=True))


def _rates(false_alarm: float, power: float) -> tuple[float, float]:
    return as_probability("false_alarm", false_alarm), as_probability("power", power)


def _as_occupancy(occupancy: ArrayLike, levels: int) -> Floats:
    share = as_real("occupancy", occupancy, "pass the mean share of particles in each level").astype(np.float64)
    if share.shape != (levels,):
        raise ValueError(
            f"occupancy must hold one share for each of the {levels} logits, got shape {share.shape}; "
            "pass the mean over the records, one number per level"
        )
    if not (share >= 0).all():
        raise ValueError(f"occupancy must be >= 0, got {share[~(share >= 0)][0]} at index {first_index(~(share >= 0))}")
    if abs(float(share.sum()) - 1) > 1e-9:
        raise ValueError(f"occupancy must sum to 1, got {share.sum():.12g}; divide counts by the number of particles")
    return share


def _percent(share: float) -> str:
    return f"{100 * share:.7g} %" if share > 0.99 else f"{100 * share:.3g} %" if share > 0.1 else f"{100 * share:.2g} %"


def _errors(temperature: float, total_variation: float) -> str:
    variation = f"total variation of {_percent(total_variation)}"
    return variation if math.isinf(temperature) else f"temperature off by {_percent(temperature)} or a {variation}"
