"""What a verdict would have seen: the smallest errors that are caught with a stated power.

The residuals of `null` are tested in two ways, and each answers for one kind of error. A wrong temperature moves the
score, whose distribution at that temperature is followed to its skewness. Any other error, of a given total variation,
adds at least so much to the sum of squares, whichever way it points.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special, stats

from ..arguments import Reals, as_count, as_probability, as_temperature, as_vector_logits
from ..kernels.compiler import compiled
from ..kernels.few import draw_few
from ..results import Displayed
from .null import Caution, Cells, Null, binomial_quantile, peel

__all__ = ["DetectableDifference", "detectable", "detectable_difference", "prepare", "required_particles"]

Floats = NDArray[np.float64]

MARGIN = 0.04
"""Standard deviations by which the score must exceed what its series asks for: 0.1 % at a power of 99 %."""
FEW, OUTCOMES = 50.0, 300
"""Where fewer particles than this are expected outside one group, so many outcomes are drawn to see a promise kept."""
NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(5)
WEIGHTS = WEIGHTS / WEIGHTS.sum()
"""Five nodes and weights whose sums are the moments of a standard normal variable, up to the ninth."""


@dataclass(frozen=True)
class _Thresholds:
    """What the two tests of a null ask for at a rate of false alarms: infinite where there is no such test.

    The score must exceed ``score`` by ``score_steps`` standard deviations within the cells, and the chi-square
    ``rest`` by ``rest_steps``; ``score_loose``, ``loose`` and ``loosest`` give them: that of the score, and the sum and
    the largest of the squares for the chi-square.
    """

    freedom: int
    directed: bool
    score: float
    score_steps: float
    score_loose: float
    rest: float
    rest_steps: float
    loose: float
    loosest: float

    @classmethod
    def of(cls, null: Null, false_alarm: float) -> _Thresholds:
        directed, groups = bool(null.direction.any()), len(null.groups.probability)
        freedom = groups - 1 - directed
        alarm = null.share(false_alarm) / (2 if directed and freedom else 1)
        along, across = null.cautions
        if groups == 2:  # exact, up to the end of the cell that is nearer to 0: half a width, as `Cells.loose` has it
            along = across = Caution(math.pi / 2, 1.0)
        loose = null.usual_cells.loose
        return cls(
            freedom,
            directed,
            -float(special.ndtri(alarm / 2 / along.factor)) if directed else math.inf,
            along.steps,
            math.sqrt(float(loose @ null.direction**2)),
            float(special.chdtri(freedom, alarm / across.factor)) if freedom else math.inf,
            across.steps,
            float(loose @ (1 - null.direction**2)),
            float(loose.max(initial=0.0)),
        )


@lru_cache(maxsize=4096)
def _noncentrality(need: _Thresholds, power: float) -> float:
    """Return the length squared of a shift of the residuals that is caught with ``power``, wherever it points."""
    directed, freedom = need.directed, need.freedom
    along = np.linspace(0, 1, 21) if directed and freedom else np.array([1.0 if directed else 0.0])
    critical = need.score + need.score_steps * need.score_loose if directed else math.inf

    def missed(length: float) -> float:
        miss = np.ones_like(along)
        if directed:
            miss = special.ndtr(critical - length * along) - special.ndtr(-critical - length * along)
        if freedom:
            across = length**2 * (1 - along**2)
            within = 2 * np.sqrt(need.loose * need.rest / freedom + need.loosest * across)
            threshold = need.rest + need.rest_steps * within
            miss = miss * np.asarray(stats.ncx2.cdf(threshold, freedom, np.maximum(across, 1e-12)))
        return float(miss.max()) - (1 - power)

    if missed(0.0) <= 0:  # more false alarms allowed than power asked for
        return 0.0
    high = 1.0
    while missed(high) > 0:
        high *= 2
    return float(optimize.brentq(missed, 0.0, high, xtol=1e-9, rtol=1e-9)) ** 2


def _detectable_total_variation(null: Null, false_alarm: float, power: float) -> float:
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
    length2 = _noncentrality(_Thresholds.of(null, false_alarm), power)
    a = min(float(1 - p.max()), 0.5)
    half = (n + length2, -length2 * (1 - 2 * a), -length2 * a * (1 - a))
    seen = (-half[1] + math.sqrt(half[1] ** 2 - 4 * half[0] * half[2])) / (2 * half[0])
    if a + seen > 0.5:
        seen = math.sqrt(length2 / (4 * n))
    return min(seen + hidden, 1.0)


def _quick_cells(counts: Floats, left: Floats, q: Floats, rest: Floats) -> Cells:
    """Return the cells of `binomial_cells` for real counts and without a distribution function."""
    start, end = binomial_quantile(counts - 1, left, q, rest), binomial_quantile(counts, left, q, rest)
    # Nothing lies beyond an empty group, nor beyond a group that holds all.
    few, full = 2 * counts < 1, 2 * (left - counts) < 1
    start = np.where(few, special.ndtri(special.ndtr(start) * np.clip(2 * counts, 0.0, 1.0)), start)
    end = np.where(full, -special.ndtri(special.ndtr(-end) * np.clip(2 * (left - counts), 0.0, 1.0)), end)
    return Cells.between(start, np.maximum(end, start))


def _bent(u: Floats, skew: Floats, kurtosis: Floats) -> Floats:
    """Return normal quantiles u bent to a skewness and an excess kurtosis (E. A. Cornish and R. A. Fisher 1938)."""
    return u + skew * (u**2 - 1) / 6 + kurtosis * (u**3 - 3 * u) / 24 - skew**2 * (2 * u**3 - 5 * u) / 36


def _usual_counts(u: Floats, left: Floats, x: Floats, rest: Floats) -> Floats:
    """Return the counts of Binomial(left, x) that stand where u does in a normal distribution; rest = 1 - x."""
    width = np.sqrt(left * x * rest)
    least = np.maximum(width, 0.3)  # the series has no meaning below
    return np.clip(left * x + width * _bent(u, (rest - x) / least, (1 - 6 * x * rest) / least**2), 0.0, left)


def _moments(terms: Floats) -> tuple[float, float]:
    """Return the variance and the skewness of a sum of independent terms, given at NODES, shape (5, G - 1)."""
    deviation = terms - WEIGHTS @ terms
    variance, third = (float((WEIGHTS @ deviation**power).sum()) for power in (2, 3))
    return variance, third / max(variance, 1e-9) ** 1.5


def _sure_score(null: Null, need: _Thresholds, q: Floats, power: float) -> float:
    """Return the size of the score that counts drawn from group probabilities q exceed with the stated power.

    It is drawn back as the test does.

    The score is a sum over the groups, peeled off one by one, and each residual depends on the count of its group and
    on the particles left. Its mean, variance and skewness follow from those of each binomial count, at five nodes of
    Gauss and Hermite; what a count takes from the particles left is passed on to all later residuals to first order.
    The series of Cornish and Fisher, the other way round, then gives the quantile.
    """
    q = np.maximum(q, 1e-30)  # a group that is empty for certain
    left = null.particles * np.cumsum(q[::-1])[::-1][:-1]
    (x, rest), (null_x, null_rest) = peel(q), peel(null.groups.probability)
    quantile = float(special.ndtri(power))
    # The last row is where the outcome is just caught.
    u = np.vstack([np.repeat(NODES[:, None], len(x), axis=1), -quantile * np.sign(x - null_x)])
    counts = _usual_counts(u, left, x, rest)
    cells = _quick_cells(counts, left, null_x, null_rest)
    counts, z, caught = counts[:-1], cells.mean[:-1], cells.loose[-1]

    pull = null.direction * (WEIGHTS @ z)
    ahead = np.cumsum((pull / 2)[::-1])[::-1] / left  # a residual grows like the root of the particles left,
    passed_on = np.append(ahead[1:], 0.0)  # and all after this group lose what it takes
    variance, skewness = _moments(null.direction * z - passed_on * counts)
    centre = float(pull.sum())
    sign = math.copysign(1.0, centre)
    bend = sign * min(max(skewness, -1.0), 1.0) * (quantile**2 - 1) / 6
    sure = sign * centre - math.sqrt(variance) * (quantile - bend)
    return sure - need.score_steps * math.sqrt(float(caught @ null.direction**2)) - _jump(null.direction, caught)


def _jump(direction: Floats, loose: Floats) -> float:
    """Return by how much a score may stay short of the next value it can take.

    Where one group is all that counts, the score moves in jumps, and the next one may be just out of reach; the other
    groups blur them, as they blur the first harmonic of a lattice.
    """
    grain = math.pi / 2 * float((np.abs(direction) * np.sqrt(loose)).max())
    blur = max(1 - float((direction**2).max()), 0.0)
    return grain * math.exp(-(math.pi**2) * blur / (2 * grain**2)) if grain > 1e-6 else 0.0


def _detectable_temperature(null: Null, logits: Floats, temperature: float, false_alarm: float, power: float) -> float:
    """Return the relative error in T that the score alone catches with the stated power, hotter or colder."""
    if not null.direction.any() or temperature in (0.0, math.inf):
        return math.inf  # then T (1 + x) is the same distribution for every x
    groups = null.groups
    need = _Thresholds.of(null, false_alarm)
    gap = 2 * ((logits[groups.order] / 2 - logits[groups.order[0]] / 2) / temperature)  # halves cannot overflow
    mean = np.add.reduceat(null.p[groups.order] * gap, groups.starts)
    variance = float((mean**2 / groups.probability).sum()) - float(mean.sum()) ** 2
    if variance <= 0:
        return math.inf
    linear = (need.score + max(float(special.ndtri(power)), 0.0)) / math.sqrt(null.particles * variance)

    @lru_cache(maxsize=64)
    def margin(x: float) -> float:
        """Return by how much the score at T exp(x) exceeds what is needed."""
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            weight = np.add.reduceat(np.exp(gap * math.exp(-x)), groups.starts)
            more = _sure_score(null, need, weight / weight.sum(), power) - need.score - MARGIN
        return -1.0 if math.isnan(more) else more  # beyond what floats can tell, nothing is promised

    def smallest(sign: float) -> float:
        """Return the change of ln T at which the margin turns positive, in the direction of ``sign``."""
        near, far = min(linear, 1.0) / 1.1, min(linear, 1.0) * 1.1
        while margin(sign * far) <= 0:
            if far > 60:
                return math.inf
            near, far = far, 1.5 * far
        while margin(sign * near) > 0:
            if near < 1e-12:  # more false alarms allowed than power asked for
                return 0.0
            near, far = near / 1.5, near
        return float(optimize.brentq(lambda x: margin(sign * x), near, far, xtol=1e-14, rtol=1e-6))

    hotter, colder = smallest(1.0), smallest(-1.0)
    if math.isinf(hotter) or math.isinf(colder):
        return math.inf
    change = max(math.expm1(hotter), -math.expm1(-colder))
    with np.errstate(over="ignore"):
        others = [np.add.reduceat(np.exp(gap * (1 / (1 + x))), groups.starts) for x in (change, -change) if x > -1]
    return change if all(_is_caught(null, w / w.sum(), false_alarm, power) for w in others) else math.inf


def _is_caught(null: Null, q: Floats, false_alarm: float, power: float) -> bool:
    """Return whether counts drawn from group probabilities q are caught with the stated power, where few decide.

    Where all but a few particles are in one group, the score has nowhere left to go, and the series of `_sure_score`
    says little. There some outcomes are drawn, always the same, and judged.
    """
    if null.particles * (1 - q.max()) > FEW:
        return True
    draws = np.empty((OUTCOMES, len(q)))
    draw = compiled(draw_few)
    for outcome, row in enumerate(draws):
        draw(q, null.particles, outcome, row)
    counts = np.zeros((OUTCOMES, len(null.p)), np.int64)
    counts[:, null.groups.order[null.groups.starts]] = draws
    caught = float((null.judge(counts)[2] <= false_alarm).mean())
    return caught >= power - 3 * math.sqrt(power * (1 - power) / OUTCOMES)


@dataclass(frozen=True)
class DetectableDifference(Displayed):
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
            f"{self.particles:,} particles show a {errors_in_words(self.temperature, self.total_variation)} "
            f"with {percent(self.power)} power at a false-alarm rate of {self.false_alarm:.3g}."
        )


@lru_cache(maxsize=4)
def prepare(
    logits: bytes, temperature: float, particles: int, false_alarm: float, power: float
) -> tuple[Null, DetectableDifference]:
    """Return all that does not depend on the counts; kept, as many samples of one problem are often judged in a row.

    The logits are the bytes of a float64 array, which can be compared.
    """
    z = np.frombuffer(logits)
    null = Null.of(z, temperature, particles)
    return null, detectable(null, z, temperature, false_alarm, power)


def detectable(null: Null, logits: Floats, temperature: float, alarm: float, power: float) -> DetectableDifference:
    """Return the smallest errors that counts tested against ``null`` show."""
    return DetectableDifference(
        total_variation=_detectable_total_variation(null, alarm, power),
        temperature=_detectable_temperature(null, logits, temperature, alarm, power),
        particles=null.particles,
        false_alarm=alarm,
        power=power,
    )


def detectable_difference(
    particles: int,
    logits: Reals,
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
        The power against a wrong temperature is that of the score, with mean, variance and skewness of its
        distribution at that temperature. That is an approximation: in the study kept with the book the power measured
        at a promise of 99 % is the stated one or up to 0.3 percentage points above it, for the harder of hotter and
        colder, and more where so few particles decide that p-values are summed over all outcomes. The promise against
        a total variation takes the residuals to be normal, and holds for the least visible direction.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong kind or out of range.

    See Also
    --------
    verify : Whether counts follow softmax.
    required_particles : How many particles show an error.

    Examples
    --------
    >>> seen = detectable_difference(100_000, [2.0, 1.0, 0.1])
    >>> round(seen.temperature, 3), round(seen.total_variation, 3)
    (0.03, 0.01)
    """
    n, z = as_count("particles", particles), as_vector_logits(logits)
    t = float(as_temperature(temperature, scalar=True))
    alarm, strength = as_probability("false_alarm", false_alarm), as_probability("power", power)
    return prepare(z.tobytes(), t, n, alarm, strength)[1]


def required_particles(
    difference: float,
    logits: Reals,
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
    logits, temperature
        As in `detectable_difference`.
    of : {"total_variation", "temperature"}, optional
        What ``difference`` measures.
    false_alarm, power
        As in `detectable_difference`.

    Returns
    -------
    int

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong kind or out of range, or if no number of particles below 2**53 is enough.

    See Also
    --------
    detectable_difference : Which errors so many particles show.
    required_draws : How many contexts show an error.

    Examples
    --------
    >>> round(required_particles(0.01, [2.0, 1.0, 0.1], of="temperature"), -4)  # to see that T is off by 1 %
    840000
    """
    z, t = as_vector_logits(logits), float(as_temperature(temperature, scalar=True))
    alarm, strength = as_probability("false_alarm", false_alarm), as_probability("power", power)
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
        null = Null.of(z, t, n)
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


def errors_in_words(temperature: float, total_variation: float) -> str:
    variation = f"total variation of {percent(total_variation)}"
    return variation if math.isinf(temperature) else f"temperature off by {percent(temperature)} or a {variation}"


def percent(share: float) -> str:
    """Return a share as a percentage: with enough digits to tell one near 100 % from 100 %."""
    digits = 2 if share <= 0.1 else 3
    if 0.99 < share < 1:
        digits = max(4, 2 - math.floor(math.log10(100 * (1 - share))))
    return f"{100 * share:.{digits}g} %"
