"""The verdict: whether particles follow softmax, how close they are, and what error would have been seen.

Counts of independent draws are judged by the tests of `null`; time averages of a chain by the same two tests, on
residuals that its exact covariance makes independent. `power` says what the tests would have seen.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ..arguments import (
    Proposal,
    Reals,
    as_count,
    as_distribution,
    as_probability,
    as_temperature,
    as_vector_logits,
)
from ..boltzmann import softmax
from ..levels import Tally, Tokens, as_draw_counts, level_names
from ..markov import boltzmann_exponents
from ..proposals import Rule, as_proposal, matrix_moves
from ..results import Displayed
from .null import Cells, Groups, Null, combine, pool, temperature_direction
from .power import DetectableDifference, detectable, errors_in_words, percent, prepare

__all__ = ["Verdict", "verify", "verify_average"]

Floats = NDArray[np.float64]

POOL_AVERAGE = 100.0
"""Time averages are pooled until a group expects this many, as their residuals are normal only in the limit."""


@dataclass(frozen=True)
class Verdict(Displayed):
    """What a check of counts against softmax found, and what it would have found.

    Attributes
    ----------
    passed : bool
        ``p_value > false_alarm``; also the truth value of the verdict.
    p_value : float
        A perfect sampler has a p-value of at most a with a probability of at most a, for every a: for `verify` by a
        theorem, for any number of levels and particles. 0 if a level of probability zero is occupied.
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
        Index of the level with the largest standardised residual (n_i - N p_i) / sqrt(N p_i (1 - p_i)) in size.
    worst_residual : float
        That residual; infinite where a level of probability zero is occupied.
    worst_name : str or None
        What that level is called, where names were given.
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
    worst_name: str | None = None

    def __post_init__(self) -> None:
        # Every comparison with a NaN is false: it would read as a failure here, and as a pass a little further on.
        if math.isnan(self.p_value) or math.isnan(self.total_variation_bound):
            raise FloatingPointError("the p-value is not a number: an error of simsoftmax, please report it")

    def __bool__(self) -> bool:
        return self.passed

    def __str__(self) -> str:
        who = f"{self.particles:,} particle{'s' if self.particles > 1 else ''}"
        impossible = math.isinf(self.worst_residual)
        chance = f"p = {self.p_value:.2g}" if impossible or self.p_value > 1e-290 else "p < 1e-290"
        within = (
            f"the sampler is within {percent(self.total_variation_bound)} of softmax in total variation, with "
            f"{percent(1 - self.false_alarm)} confidence"
        )
        if self.detectable_total_variation == 0:
            return f"Passed: {who} in the only level there is; nothing else was possible."
        if self.passed:
            errors = errors_in_words(self.detectable_temperature, self.detectable_total_variation)
            return (
                f"Passed: {who} agree with softmax at T = {self.temperature:g} ({chance}, rejected below "
                f"{self.false_alarm:.3g}); a {errors} "
                f"would have been caught with {percent(self.power)} power, and {within}."
            )
        size = float(f"{abs(self.worst_residual):.3g}")
        level = f"the level {'at index ' + str(self.worst_level) if self.worst_name is None else repr(self.worst_name)}"
        where = (
            f"{level} is occupied though its probability is zero"
            if impossible
            else f"{level} is worst, {size:,.12g} standard deviations too "
            + ("full" if self.worst_residual > 0 else "empty")
        )
        return (
            f"Failed: {who} do not follow softmax at T = {self.temperature:g} ({chance}, rejected below "
            f"{self.false_alarm:.3g}); they are {percent(self.total_variation)} away in total variation, and {where}."
        )


def verify(
    counts: Reals | None = None,
    logits: Reals | None = None,
    temperature: float = 1.0,
    *,
    tokens: Tokens | None = None,
    tally: Tally | None = None,
    names: Sequence[Hashable] | None = None,
    false_alarm: float = 1e-3,
    power: float = 0.99,
) -> Verdict:
    """Judge whether independent draws follow softmax(z / T).

    Parameters
    ----------
    counts : array_like, shape (K,), optional
        Number of particles (draws) in each level, in the order of the logits. In its place ``tokens`` or ``tally`` may
        say what was drawn. The draws must be independent: for time averages of a Markov chain use `verify_average`.
    logits : array_like, shape (K,)
        Scores z; -inf marks a level that cannot be occupied, as after top-k or top-p truncation.
    temperature : float, optional
        T >= 0 in units of the logits; 0 and infinity are the exact limits.
    tokens : array_like, shape (n,), optional
        The draws themselves: numbers of levels from 0 or, with names, what the levels are called.
    tally : mapping, Series or frame, optional
        How often each level was drawn, by its number or name: a `collections.Counter`, a dict, or what
        ``value_counts()`` of pandas or polars gives, in any order. Levels that it does not list were never drawn.
    names : sequence, optional
        What the levels are called, in the order of the logits. By default the index of logits that are a pandas Series
        with names in it, and else numbers from 0.
    false_alarm : float, optional
        Probability of failing a perfect sampler, at most: the total of all tests made here.
    power : float, optional
        Probability with which errors of the size that the verdict states are caught.

    Returns
    -------
    Verdict

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong kind, shape or range.

    See Also
    --------
    simulate : Particles that find softmax by hopping.
    verify_average : The same for time averages of a chain.
    verify_draws : Whether a sampler draws right, one draw a context.
    EProcess : Evidence that may be watched while it grows.
    estimate_temperature : At which temperature counts were drawn.
    detectable_difference : Which errors so many particles show.
    plot_occupancy : Counts beside softmax, as a picture.
    scipy.stats.chisquare : A test without a temperature, and without a word on its power.

    Notes
    -----
    Neighbours in energy are pooled until each group expects 5 particles; what is left over at the high end is a group
    of its own. The groups' residuals are tested as the module `verdict.null` says: a theorem keeps the false alarms at
    or below the stated rate, whatever K, N and T. For the same power it asks for 1 to 2 % more particles than a test
    without that proof where every group expects 10,000, for 3 to 7 % more where it expects 100, and for about a tenth
    more at 20 or fewer. Where up to 200 particles have up to 150,000 outcomes, p is summed over them and exact. If
    levels were pooled, a tenth of the false-alarm rate goes to one more test: the probability that any particle is in a
    level at most as likely as the least likely one that is occupied. A level of probability zero that is occupied makes
    it zero.

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
    >>> from collections import Counter
    >>> drawn = Counter(sun=659, rain=242, snow=99)
    >>> bool(verify(tally=drawn, logits=[0.1, 2.0, 1.0], names=["snow", "sun", "rain"]))
    True
    """
    z, t = as_vector_logits(logits), float(as_temperature(temperature, scalar=True))
    called = level_names(names, len(z), carrier=logits)
    n = as_draw_counts(counts, len(z), tokens=tokens, tally=tally, names=called)
    alarm, strength = as_probability("false_alarm", false_alarm), as_probability("power", power)
    null, seen = prepare(z.tobytes(), t, int(n.sum()), alarm, strength)
    excess, spread = n - null.particles * null.p, np.sqrt(null.particles * null.p * (1 - null.p))
    verdict = _verdict(
        null, null.judge(n), seen, null.particles, t, n / null.particles, _residuals(excess, spread, null.p)
    )
    return verdict if called is None else replace(verdict, worst_name=str(called.names[verdict.worst_level]))


def _verdict(
    null: Null | AverageNull,
    judged: tuple[Floats, Floats, Floats],
    seen: DetectableDifference,
    particles: int,
    temperature: float,
    share: Floats,
    residuals: Floats,
) -> Verdict:
    """Return the verdict on shares of particles, shape (K,), that were judged, with their standardised residuals."""
    score, rest, p_value = map(float, judged)
    observed = 0.5 * float(np.abs(share - null.p).sum())
    # What McDiarmid's inequality allows; over a single level there is only one distribution.
    margin = math.sqrt(-math.log(seen.false_alarm) / (2 * particles))
    worst = int(np.abs(residuals).argmax())
    return Verdict(
        passed=p_value > seen.false_alarm,
        p_value=p_value,
        statistic=score**2 + rest,
        temperature_score=score,
        particles=particles,
        groups=len(null.groups.starts),
        temperature=temperature,
        false_alarm=seen.false_alarm,
        power=seen.power,
        total_variation=observed,
        total_variation_bound=min(1.0, observed + margin) if len(share) > 1 else 0.0,
        detectable_total_variation=seen.total_variation,
        detectable_temperature=seen.temperature,
        worst_level=worst,
        worst_residual=float(residuals[worst]),
    )


def _residuals(excess: Floats, spread: Floats, p: Floats) -> Floats:
    """Return excess over spread for each level, infinite where a level of probability zero is occupied.

    A level of probability one that lacks particles is never the culprit: they are where none may be.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where((spread == 0) & ((excess == 0) | (p == 1)), 0.0, excess / spread)


def verify_average(
    occupancy: Reals,
    logits: Reals,
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
    logits, temperature
        As in `verify`.
    particles : int
        Number of independent particles N, started in equilibrium.
    recorded : int
        Number t of recorded sweeps.
    every : int, optional
        Sweeps from one record to the next.
    proposal : optional
        The proposal of the chain, as in `transition_matrix`.
    false_alarm, power
        As in `verify`.

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

    See Also
    --------
    transition_matrix : Where a particle goes in one sweep.
    verify : Whether counts follow softmax.

    Notes
    -----
    With D = diag(p) and the symmetrised transition matrix D^(1/2) P D^(-1/2) = sum_j lambda_j u_j u_j^T, the average
    over t records of N particles has variance f(lambda_j^every, t) / N along u_j, where
    f(l, t) = (t + 2 sum_{d=1}^{t-1} (t - d) l^d) / t^2. Groups that expect 100 particles are whitened with that
    covariance. The residuals are normal in the limit of many particles only, so this false-alarm rate is measured, not
    proved: over six chains of the book's study, 20,000 or 100,000 experiments each, at most .98 % at a stated 1 %,
    .11 % at .1 % and .011 % at .01 %, which is within chance. Use `verify` on the counts of one sweep for rates below.

    Examples
    --------
    >>> import numpy as np
    >>> from simsoftmax import simulate, softmax
    >>> z = [2.0, 1.0, 0.1]
    >>> settled = np.random.default_rng(0).multinomial(10_000, softmax(z))  # begin in equilibrium
    >>> run = simulate(z, sweeps=50, record=1, start=settled, rng=1)
    >>> bool(verify_average(run.occupancies.mean(axis=0), z, particles=run.particles, recorded=50))
    True
    """
    z, t = as_vector_logits(logits), float(as_temperature(temperature, scalar=True))
    n, records = as_count("particles", particles), as_count("recorded", recorded)
    stride = as_count("every", every)
    alarm, strength = as_probability("false_alarm", false_alarm), as_probability("power", power)
    mean = as_distribution("occupancy", occupancy, len(z), counted=True)
    if len(z) > 4096:
        raise ValueError(
            f"logits must hold at most 4096 levels here, got {len(z)}; pass the counts of one sweep to verify instead"
        )
    rule = as_proposal(proposal, len(z))
    null, seen = _prepare_average(z.tobytes(), t, n, records, stride, rule, alarm, strength)
    return _verdict(null, null.judge(mean), seen, n, t, mean, _residuals(mean - null.p, null.spread, null.p))


@dataclass(frozen=True)
class AverageNull:
    """Everything about the hypothesis of `verify_average` that does not depend on the occupancy.

    Attributes
    ----------
    p, spread : ndarray, shape (K,)
        Probability of each level, and the standard deviation of its mean share.
    groups : Groups
    whiten : ndarray, shape (G - 1, G - 1)
        Cholesky factor of the covariance of all groups but the last.
    direction : ndarray, shape (G - 1,)
        The unit vector along which a wrong temperature moves the whitened residuals.
    equivalent : int
        Independent draws whose variance equals that of the slowest mode.
    """

    p: Floats
    spread: Floats
    groups: Groups
    whiten: Floats
    direction: Floats
    equivalent: int

    @classmethod
    def of(cls, z: Floats, t: float, particles: int, records: int, every: int, rule: Rule) -> AverageNull:
        """Return the hypothesis for so many particles, records and sweeps from one record to the next."""
        p = np.asarray(softmax(z, t), dtype=np.float64)
        groups = pool(z, p, particles, POOL_AVERAGE, merge=True)
        order = groups.order
        matrix = matrix_moves(boltzmann_exponents(z, t), rule.matrix)[np.ix_(order, order)]
        by_level, slowest = _average_covariance(matrix, p[order], records, every)
        covariance = np.add.reduceat(np.add.reduceat(by_level, groups.starts, axis=0), groups.starts, axis=1)
        # The covariance of all groups but one is regular, and a Cholesky factor whitens it.
        factor = np.linalg.cholesky(covariance[:-1, :-1] / particles)
        pull = np.linalg.solve(factor, (groups.probability * (groups.probability @ groups.energy - groups.energy))[:-1])
        length = float(np.sqrt((pull**2).sum()))
        direction = pull / length if length > 0 else np.zeros_like(pull)
        spread = np.zeros(len(z))
        spread[order] = np.sqrt(np.diag(by_level) / particles)
        return cls(p, spread, groups, np.asarray(factor, np.float64), direction, max(1, int(particles / slowest)))

    def judge(self, mean: Floats) -> tuple[Floats, Floats, Floats]:
        """Return (score, chi-square of the rest, p-value) for mean occupancies of shape (..., K)."""
        off = (self.groups.gather(mean) - self.groups.probability)[..., :-1]
        residuals = np.asarray(np.linalg.solve(self.whiten, off[..., None])[..., 0], dtype=np.float64)
        score, rest, p_value = combine(Cells.points(residuals), self.direction)
        return score, rest, np.where((mean[..., self.p == 0] > 0).any(axis=-1), 0.0, p_value)


@lru_cache(maxsize=1)
def _prepare_average(
    logits: bytes,
    temperature: float,
    particles: int,
    records: int,
    every: int,
    rule: Rule,
    false_alarm: float,
    power: float,
) -> tuple[AverageNull, DetectableDifference]:
    """Return all that does not depend on the occupancy; kept, as `prepare` keeps it."""
    z = np.frombuffer(logits)
    null = AverageNull.of(z, temperature, particles, records, every, rule)
    direction = temperature_direction(null.groups.probability, null.groups.energy)
    counts = Null(null.equivalent, null.p, null.groups, direction)
    return null, detectable(counts, z, temperature, false_alarm, power)


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
