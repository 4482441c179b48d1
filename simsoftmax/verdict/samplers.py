"""The verdict on a sampler as it is used: one draw from each context, and every context with logits of its own.

Three tests share one false-alarm budget in equal parts, so that the whole alarms falsely no more often than stated
(C. E. Bonferroni 1936); one that the rows give nothing to tell by takes no part. A draw of what the pipeline forbids
fails outright.

Temperature: the sum of beta (z_y - <z>), whose distribution `tilting` knows.
Tail: the rank mass of a draw is the mass of what is less likely, and a random part of the mass of what is as likely; it
is uniform on (0, 1). So the numbers between the `EDGES` are multinomial, exactly, and the chance that any edge has so
surprising a number below it is known.
Place: draws less expected draws, by parts of the vocabulary and by the remainder of the token's number; the quadratic
form with their exact covariance.

Where outcomes are few, a test alarms at just its rate only if chance decides between them. All random bits come from a
hash of the draws, so the same draws always get the same verdict.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, special, stats

from ..arguments import Reals, Row, as_positive, as_probability, as_threads
from ..kernels.compiler import compiled
from ..kernels.crossing import any_edge, binomial_bounds
from ..kernels.streams import normals
from ..results import Result, counted
from ..sampling import Pipeline, as_pipeline
from .contexts import as_contexts, as_rows
from .power import percent
from .residuals import Places, Residuals, residuals
from .tilting import Heat, relative_error

__all__ = ["EDGES", "DrawsVerdict", "judge", "required_draws", "verify_draws"]

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Integers = NDArray[np.int64]

EDGES = np.array([0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875])
"""Rank masses below which draws are counted: they halve toward the tail."""
TESTS = ("temperature", "tail", "place")
EXACT = 50_000
"""Up to so many draws the chance of any edge is exact; beyond, it is a sum over the edges, which is a little more."""
POOL = 25.0
"""Places are put together until the variance of their draws is so much, as the quadratic form is one in the limit."""


@dataclass(frozen=True, eq=False)
class DrawsVerdict(Result):
    """What a check of draws, each against a row of logits of its own, found, and what it would have found.

    Attributes
    ----------
    passed : bool
        ``p_value > false_alarm``; also the truth value of the verdict.
    p_value : float
        A right sampler has a p-value of at most a with a probability of about a, or less. 0 if a token that cannot be
        drawn was.
    temperature_p, tail_p, place_p : float
        Those of the three tests, 1 of what has nothing to tell by; the least, times the number of those that have, is
        ``p_value``.
    caught : tuple of str
        What failed, of "forbidden", "temperature", "tail" and "place".
    forbidden : tuple of int, or None
        Row and token of the first draw that the pipeline does not allow.
    rows, draws, levels : int
    temperature, false_alarm, power, confidence_level : float
        What was asked; the temperature is that of all steps of the pipeline together.
    temperature_score : float
        The sum of observed less expected energies over its standard deviation, with its sign turned: positive means
        colder than stated.
    tail_edge, tail_share : float
        The rank mass below which the number of draws is most surprising, and the share of draws that lie below.
    place : str
        Where the number of draws is farthest from what was expected.
    rank_counts : tuple of int
        Draws by rank mass, between 0, `verdict.samplers.EDGES` and 1; without those from rows that tell nothing by it.
    detectable_temperature : float
        The smallest relative error of T, hotter or colder, that is caught with the stated power; infinite if none is.
    detectable_truncation : float
        The smallest share of mass whose loss at the tail of every row (an unsaid top-p of 1 less that) is caught.
    detectable_noise : float
        The smallest share of draws that, made evenly from the whole vocabulary, are caught.
    estimate, low, high : float
        The temperature at which the sampler runs, and its interval. 0 and infinity stand for what is beyond a fifth of
        the stated one, and for what no finite temperature explains. NaN where the rows do not tell.
    """

    passed: bool
    p_value: float
    temperature_p: float
    tail_p: float
    place_p: float
    caught: tuple[str, ...]
    forbidden: tuple[int, int] | None
    rows: int
    draws: int
    levels: int
    temperature: float
    false_alarm: float
    power: float
    confidence_level: float
    temperature_score: float
    tail_edge: float
    tail_share: float
    place: str
    rank_counts: tuple[int, ...]
    detectable_temperature: float
    detectable_truncation: float
    detectable_noise: float
    estimate: float
    low: float
    high: float

    def __bool__(self) -> bool:
        return self.passed

    def __str__(self) -> str:
        who = f"{counted(self.draws, 'draw')} from {counted(self.rows, 'row')} of {self.levels:,} logits"
        if self.forbidden is not None:
            row, token = self.forbidden
            return f"Failed: {who}; token {token} was drawn in row {row}, where its probability is zero."
        chance = f"p = {self.p_value:.2g}" if self.p_value > 1e-290 else "p < 1e-290"
        chance += f", rejected below {self.false_alarm:.3g}"
        runs = (
            f"it runs at T = {self.estimate:.4g}, between {self.low:.4g} and {self.high:.4g} with "
            f"{percent(self.confidence_level)} confidence"
        )
        if self.passed:
            errors = [
                (self.detectable_temperature, "temperature {} off"),
                (self.detectable_truncation, "loss of {} of the mass at the tail"),
                (self.detectable_noise, "share of {} of even noise"),
            ]
            seen = [words.format(percent(error)) for error, words in errors if error < math.inf]
            would = (
                f"a {', a '.join(seen)} would have been caught with {percent(self.power)} power"
                if seen
                else "but they are too few to have caught an error"
            )
            tail = "" if math.isnan(self.estimate) else f"; {runs}"
            return f"Passed: {who} agree with what was stated ({chance}); {would}{tail}."
        reasons = {
            "temperature": f"{runs}, instead of {self.temperature:.4g}",
            "tail": f"{percent(self.tail_share)} of the draws, instead of {percent(self.tail_edge)}, are in the least "
            f"likely {percent(self.tail_edge)} of the mass",
            "place": self.place,
        }
        return (
            f"Failed: {who} do not agree with what was stated ({chance}): {'; '.join(reasons[c] for c in self.caught)}."
        )


def verify_draws(
    draws: Row | Reals,
    logits: Reals | Iterable[Reals],
    temperature: float = 1.0,
    *,
    pipeline: Pipeline | None = None,
    false_alarm: float = 1e-3,
    power: float = 0.99,
    confidence_level: float = 0.95,
    threads: int | None = None,
    progress: bool = False,
) -> DrawsVerdict:
    """Judge draws of which each was made from a row of logits of its own.

    Parameters
    ----------
    draws : array_like of int, shape (n,) or (n, m)
        The tokens that were drawn, one or m of each row, independently; with a single row of logits, shape (m,).
    logits : array_like, shape (K,) or (n, K); dask.array; or iterable of array_like, shape (b, K)
        The scores that the sampler was given, before any step of it: what cannot be drawn is -inf. A file is read in
        blocks; blocks that come from an iterable are read once.
    temperature : float, optional
        T >= 0; 0 and infinity are the exact limits.
    pipeline : Pipeline, optional
        What the sampler says that it does, in the place of a temperature alone.
    false_alarm : float, optional
        Probability of failing a right sampler: the total of all tests made here.
    power : float, optional
        Probability with which errors of the size that the verdict states are caught.
    confidence_level : float, optional
        Of the interval of the temperature at which the sampler runs.
    threads : int, optional
        As many as there are processors by default; the verdict does not depend on it.
    progress : bool, optional
        Whether to show a bar.

    Returns
    -------
    DrawsVerdict

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong kind, shape or range.

    See Also
    --------
    verify : Whether counts follow softmax.
    sample : Exact draws.
    required_draws : How many contexts show an error.
    diagnose : Which mistake a sampler makes.
    plot_draws : A verdict on draws, as a picture.

    Notes
    -----
    A histogram is blind here, for no two draws have one distribution. The three tests are those of this module. Their
    false alarms: those of the tail are exact up to 50,000 draws, and beyond that the sum of 28 exact probabilities, a
    little more; those of the temperature are tails of a saddle-point approximation to the blurred sum, and bounds
    where few draws decide; those of the place come from a gamma distribution with the mean and the variance of the
    quadratic form. What was measured of them stands in the chapter "Is your sampler right?".

    Examples
    --------
    >>> import numpy as np
    >>> from simsoftmax import sample
    >>> logits = np.random.default_rng(0).normal(0.0, 2.0, (20_000, 50))
    >>> bool(verify_draws(sample(logits, 0.7, rng=1), logits, 0.7))
    True
    >>> bool(verify_draws(sample(logits, 0.75, rng=1), logits, 0.7))
    False
    """
    steps = as_pipeline(temperature, pipeline)
    alarm, strength = as_probability("false_alarm", false_alarm), as_probability("power", power)
    level, workers = as_probability("confidence_level", confidence_level), as_threads(threads)
    contexts = as_contexts(draws, logits, progress=progress)
    found = residuals(contexts, steps, workers)
    impossible = np.isnan(found.ranks)
    forbidden = None
    if impossible.any():
        row, column = (int(i) for i in np.argwhere(impossible)[0])
        forbidden = (row, int(contexts.draws[row, column]))
    judged = judge(found)
    ranks, each, share = judged.ranks, judged.each, alarm / max(judged.telling, 1)
    heat = found.heat
    p = 0.0 if forbidden else judged.p_value
    caught = tuple(name for name, value in each.items() if value <= share)
    t = steps.temperature
    estimate = _estimate(heat, found.score, t, level)
    return DrawsVerdict(
        passed=p > alarm,
        p_value=p,
        temperature_p=each["temperature"],
        tail_p=each["tail"],
        place_p=each["place"],
        caught=("forbidden", *caught) if forbidden else caught,
        forbidden=forbidden,
        rows=contexts.rows,
        draws=contexts.draws.size,
        levels=found.levels,
        temperature=t,
        false_alarm=alarm,
        power=strength,
        confidence_level=level,
        temperature_score=found.score / heat.spread if heat.tells else 0.0,
        tail_edge=judged.edge,
        tail_share=float(np.mean(ranks < judged.edge)) if ranks.size else math.nan,
        place=judged.place,
        rank_counts=tuple(np.histogram(ranks, [0.0, *EDGES, 1.0])[0].tolist()),
        detectable_temperature=_relative(heat.detectable(share, strength), t),
        **_detectable_tails(found, ranks.size, share, strength),
        estimate=estimate[0],
        low=estimate[1],
        high=estimate[2],
    )


def required_draws(
    logits: Reals,
    temperature: float = 1.0,
    *,
    pipeline: Pipeline | None = None,
    relative_error: float = 0.01,
    false_alarm: float = 1e-3,
    power: float = 0.99,
    threads: int | None = None,
) -> int:
    """Return how many rows, with a draw of each, `verify_draws` needs to catch a wrong temperature.

    Parameters
    ----------
    logits : array_like, shape (K,) or (n, K)
        Rows such as the sampler will meet. How much a draw tells depends on them: peaked rows tell little.
    temperature, pipeline
        As in `verify_draws`.
    relative_error : float, optional
        The error of T, as a share of it, that is to be caught, hotter or colder.
    false_alarm, power, threads
        As in `verify_draws`.

    Returns
    -------
    int

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong kind, shape or range; or if no number of draws would do, as at T = 0.

    See Also
    --------
    verify_draws : Whether a sampler draws right, one draw a context.
    required_particles : How many particles show an error.

    Examples
    --------
    >>> import numpy as np
    >>> logits = np.random.default_rng(0).normal(0.0, 2.0, (1_000, 50))
    >>> required_draws(logits, 0.7, relative_error=0.05) < required_draws(logits, 0.7, relative_error=0.02)
    True
    """
    steps = as_pipeline(temperature, pipeline)
    error = as_positive("relative_error", relative_error)
    alarm, strength = as_probability("false_alarm", false_alarm), as_probability("power", power)
    workers = as_threads(threads)
    contexts = as_rows(logits)
    found = residuals(contexts, steps, workers, ranked=False)

    def caught(number: float) -> bool:
        heat = found.heat.times(number / contexts.rows)
        return _relative(heat.detectable(alarm / len(TESTS), strength), steps.temperature) <= error

    most = 2.0**53
    if not caught(most):
        raise ValueError(
            f"logits must tell temperatures apart at T = {steps.temperature:g}, got rows of which no number shows an "
            f"error of {percent(error)}; pass rows that leave more than one score to be drawn, and a temperature "
            "between 0 and infinity"
        )
    low, high = 0.0, math.log(most)
    while high - low > 1e-9 and math.ceil(math.exp(low)) < math.floor(math.exp(high)):
        middle = (low + high) / 2
        low, high = (low, middle) if caught(math.exp(middle)) else (middle, high)
    return math.ceil(math.exp(high))


class Judged(NamedTuple):
    """What the tests say."""

    each: dict[str, float]
    """A p-value of each of `TESTS`."""
    telling: int
    """How many of them have something to tell by."""
    edge: float
    """The edge, and the place, that are most surprising."""
    place: str
    ranks: Floats
    """The rank masses that were judged."""

    @property
    def p_value(self) -> float:
        """The least, times the number of tests that tell."""
        return min(1.0, self.telling * min(self.each.values()))


def judge(found: Residuals) -> Judged:
    """Judge what draws leave over."""
    ranks = found.ranks[np.isfinite(found.ranks)]
    edge, tail = _tail(ranks, found.chances[2])
    where, kinds, place = _place(found.places, found.part, found.levels)
    telling = int(found.heat.tells) + int(ranks.size > 0) + int(kinds > 0)
    heat = found.heat.p_value(found.score, normals(*found.chances[:2])[0])
    return Judged(dict(zip(TESTS, (heat, tail, place), strict=True)), max(telling, 1), edge, where, ranks)


# --- temperature ------------------------------------------------------------------------------------------------------


def _relative(theta: tuple[float, float], temperature: float) -> float:
    """Return the larger of two relative errors of T; of a T that has none, infinity."""
    return relative_error(theta) if 0 < temperature < math.inf else math.inf


def _estimate(heat: Heat, score: float, temperature: float, level: float) -> tuple[float, float, float]:
    """Return the temperature of the draws with its interval."""
    if not heat.tells or not 0 < temperature < math.inf:
        return math.nan, math.nan, math.nan
    best, hottest, coldest = heat.estimate(score, level)

    def at(theta: float) -> float:
        return math.inf if theta <= -1 else temperature / (1 + theta)

    return at(best), at(coldest), at(hottest)


# --- tail -------------------------------------------------------------------------------------------------------------


def _tail(ranks: Floats, chance: float) -> tuple[float, float]:
    """Return the edge at which the number of draws below it is most surprising, and a p-value of all edges.

    It lies between the probability of worse than that and that of as bad or worse: a uniform number decides where.
    """
    if not ranks.size:
        return float(EDGES[0]), 1.0
    below = np.searchsorted(np.sort(ranks), EDGES)
    each = np.minimum(stats.binom.cdf(below, ranks.size, EDGES), stats.binom.sf(below - 1, ranks.size, EDGES))
    worst = int(each.argmin())
    worse, as_bad = (_any_edge(ranks.size, float(each[worst]) * (1 + side * 1e-9)) for side in (-1, 1))
    return float(EDGES[worst]), worse + chance * (as_bad - worse)


def _bounds(number: int, level: float) -> tuple[Integers, Integers]:
    """Return, for each edge, the largest count below it with P(N <= count) <= level, and the least of P(N >= count)."""
    low, high = np.empty((2, len(EDGES)), np.int64)
    compiled(binomial_bounds)(number, EDGES, level, low, high)
    return low, high


def _any_edge(number: int, level: float) -> float:
    """Return the probability that a count below any edge is so surprising that it, or a worse one, has this level."""
    bounds, space = np.empty((2, len(EDGES)), np.int64), np.empty((3, min(number, EXACT) + 1))
    return float(compiled(any_edge)(number, EDGES, level, *bounds, *space))


@functools.lru_cache(maxsize=64)
def _critical_level(number: int, alarm: float) -> float:
    """Return the level at which the chance of `_any_edge` is the false-alarm rate of the test, from below."""
    low, high = math.log(alarm / (2 * len(EDGES))), math.log(alarm)
    while number <= EXACT and high - low > 0.005:
        middle = (low + high) / 2
        low, high = (middle, high) if _any_edge(number, math.exp(middle)) <= alarm else (low, middle)
    return math.exp(low)


def _detectable_tails(found: Residuals, number: int, alarm: float, power: float) -> dict[str, float]:
    """Return the smallest loss of mass at the tail, and the smallest share of even noise, that are caught."""
    telling = [masses for masses, ordered in zip(found.sorted_masses, found.ordered, strict=True) if ordered]
    if not number:
        telling = []
    low, high = _bounds(number, _critical_level(number, alarm)) if number else (-np.ones(1), np.ones(1))

    def caught(shares: Floats) -> Floats:
        """Return the power against shares of the draws below each edge, one row for each size of the fault."""
        if not telling:
            return np.zeros(len(shares))
        with np.errstate(invalid="ignore"):
            seen = stats.binom.cdf(low, number, shares) + stats.binom.sf(high - 1, number, shares)
        return np.asarray(np.nan_to_num(seen).max(axis=1))

    # The masses of a row, added up from the least, from 0 to 1, and those of the next from 1 to 2: one search finds the
    # place of a loss in each.
    sizes = np.array([len(masses) for masses in telling], dtype=np.int64)
    ends = np.cumsum(sizes)
    sums = np.empty(int(sizes.sum()))
    spread = np.zeros(len(EDGES))
    for row, (masses, end) in enumerate(zip(telling, ends, strict=True)):
        s = np.cumsum(masses)
        places = np.searchsorted(s, EDGES * s[-1], "right")  # tokens that lie below an edge, whole ones and the rest
        before = np.where(places > 0, s[places - 1], 0.0)
        inside = masses[np.minimum(places, len(masses) - 1)]
        spread += np.minimum(places + (EDGES * s[-1] - before) / inside, len(masses)) / found.levels / len(telling)
        sums[end - len(masses) : end] = s / s[-1] + row
    free = float(np.mean([len(masses) for masses in found.sorted_masses])) / found.levels
    rows = np.arange(len(telling))

    def truncated(losses: Floats) -> Bools:
        if not telling:
            return np.zeros(len(losses), bool)
        at = np.searchsorted(sums, losses[:, None] + rows, "right")
        lost = np.where(at > ends - sizes, sums[np.maximum(at - 1, 0)] - rows, 0.0)
        lost = np.minimum(lost, 1 - 1e-12)[..., None]
        return np.asarray(caught(np.mean(np.maximum(EDGES - lost, 0) / (1 - lost), axis=1)) >= power)

    def noisy(shares: Floats) -> Bools:
        outright = -np.expm1(found.ranks.size * np.log1p(-shares * (1 - free)))
        seen = caught((1 - shares[:, None]) * EDGES + shares[:, None] * spread)
        return np.asarray(np.maximum(seen, outright) >= power)

    return {"detectable_truncation": _smallest(truncated), "detectable_noise": _smallest(noisy)}


def _smallest(caught: Callable[[Floats], Bools]) -> float:
    """Return the smallest share, of those from 1e-7 to 1/2, from which on all are caught; infinite if 1/2 is not."""
    shares = np.geomspace(0.5, 1e-7, 80)
    for _ in range(3):
        missed = ~caught(shares)
        if missed[0]:
            return math.inf
        if not missed.any():
            return float(shares[-1])
        first = int(missed.argmax())
        shares = np.geomspace(shares[first - 1], shares[first], 65)
    return float(shares[0])


# --- place ------------------------------------------------------------------------------------------------------------


def _place(places: Places, part: int, levels: int) -> tuple[str, int, float]:
    """Return where draws are farthest from what was expected, in words, how many kinds of place tell, and a p-value."""
    worst: tuple[float, int, int] = (0.0, 0, 0)
    chances = []
    for kind in range(2):
        observed, expected, covariance, fourth = (numbers[kind] for numbers in places)
        excess, variance = observed - expected, np.maximum(np.diagonal(covariance), 0.0)
        with np.errstate(divide="ignore", invalid="ignore"):
            sizes = np.where(variance >= 1, excess / np.sqrt(variance), 0.0)
        at = int(abs(sizes).argmax())
        worst = max(worst, (float(sizes[at]), kind, at), key=lambda each: abs(each[0]))
        groups = _pooled(variance)
        if len(groups) > 1:
            join = np.zeros((len(groups), len(variance)))
            for number, group in enumerate(groups):
                join[number, group] = 1.0
            chances.append(_quadratic(join @ excess, join @ covariance @ join.T, join @ fourth))
    size, kind, at = worst
    which = (
        f"tokens {at * part} to {min((at + 1) * part, levels) - 1}"
        if kind == 0
        else f"tokens whose number leaves {at} divided by {len(places.observed[0])}"
    )
    words = f"{which} are drawn too {'often' if size > 0 else 'seldom'}, by {abs(size):.3g} standard deviations"
    return words, len(chances), min([1.0, *(len(chances) * chance for chance in chances)])


def _pooled(variance: Floats) -> list[list[int]]:
    """Return neighbours in groups of at least `POOL`; what is left over belongs to the last."""
    groups: list[list[int]] = [[]]
    total = 0.0
    for at, own in enumerate(variance):
        groups[-1].append(at)
        total += float(own)
        if total >= POOL:
            groups.append([])
            total = 0.0
    left = groups.pop()
    if groups:
        groups[-1] += left
    return groups


def _quadratic(excess: Floats, covariance: Floats, fourth: Floats) -> float:
    """Return a p-value of the quadratic form with the inverse covariance, by its mean and its variance.

    The mean is the number of directions; the variance is twice that, and more by what the fourth cumulants add.
    """
    values, vectors = linalg.eigh(covariance)
    used = values > 1e-9 * values[-1]
    freedom = int(used.sum())
    if values[-1] <= 0 or not freedom:
        return 1.0
    form = float((((vectors.T @ excess)[used]) ** 2 / values[used]).sum())
    variance = 2 * freedom + max(float((fourth / np.diagonal(covariance) ** 2).sum()), 0.0)
    scale = variance / (2 * freedom)
    return float(special.gammaincc(freedom / (2 * scale), form / (2 * scale)))
