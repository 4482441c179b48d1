"""The distribution of a score, against laws whose sums are known exactly: gamma and Poisson variables, centred."""

import math

import numpy as np
import pytest
from scipy import stats

from simsoftmax.verdict.tilting import SMOOTH, Heat

KNOTS = np.linspace(-1, 0.9, 96)
KNOTS[np.abs(KNOTS).argmin()] = 0.0


def exponentials(n, cubes=0.0, knots=KNOTS):
    """Return the heat of n waiting times less their means; at theta each of them is 1 / (1 - theta) as long."""
    left = 1 - knots
    return Heat(knots, -n * (np.log(left) + knots), n * knots / left, n / left**2, cubes)


def counts(mean, cubes=0.0):
    """Return the heat of a Poisson number less its mean; its skewness is exp(-theta / 2) / sqrt(mean)."""
    grown = np.exp(KNOTS)
    return Heat(KNOTS, mean * (grown - 1 - KNOTS), mean * (grown - 1), mean * grown, cubes)


def beyond(score, n, theta=0.0):
    """Return how often n waiting times sum to more than their mean and a score, or to less where that is below 0."""
    law = stats.gamma(n, scale=1 / (1 - theta))
    return law.sf(n + score) if score > n * theta / (1 - theta) else law.cdf(n + score)


@pytest.mark.parametrize("at", [0.0, -0.3, 0.2])
@pytest.mark.parametrize("n", [40, 4000])
def test_smooth_tails_are_those_of_a_gamma_distribution(n, at):
    heat, spread = exponentials(n), math.sqrt(n) / (1 - at)
    for size in (-5, -3, -1, 0.5, 2, 4, 6):
        score = n * at / (1 - at) + size * spread
        if heat.mean(-1) < score < heat.mean(0.9):
            assert heat.tail(score, at) == pytest.approx(beyond(score, n, at), rel=2e-3), (size, score)
    assert heat.tail(0.0) == 1.0


def test_sums_of_few_are_bounded():
    """Up to a skewness of `SMOOTH` tails are Lugannani's and Rice's; above it they are Chernoff's bound."""
    fewest = math.ceil((2 / SMOOTH) ** 2)
    for n, bounded in ((fewest, False), (fewest - 1, True)):
        for score in (-8.0, 9.0):
            bound = (1 + score / n) ** n * math.exp(-score)
            assert (exponentials(n).tail(score) == pytest.approx(bound, rel=1e-6)) == bounded
            assert beyond(score, n) < bound


def test_a_sum_that_is_smooth_only_near_its_mean_is_bounded_farther_out():
    mean = 10.0
    heat, last = counts(mean), -2 * math.log(SMOOTH * math.sqrt(mean))
    assert -0.25 < last < -0.15
    scores = np.linspace(-6.2, -0.1, 80)
    found = np.array([heat.tail(score) for score in scores])
    assert (np.diff(found) >= 0).all()  # farther out it is never more likely
    exact = np.array([stats.poisson.cdf(math.ceil(mean + s) - 1, mean) for s in scores])
    assert (found[scores < -2] >= exact[scores < -2]).all()
    bound = np.exp((mean + scores) * np.log(mean / (mean + scores)) + scores)
    far = scores < mean * math.expm1(last - 0.02)
    assert (found[far] <= bound[far] * (1 + 1e-6)).all()
    at_last = heat.tail(mean * math.expm1(last + 0.02))
    assert found[far] == pytest.approx(np.minimum(bound[far], at_last), rel=0.1)
    assert found[0] == pytest.approx(bound[0], rel=1e-6)
    # Judged at a temperature beyond it, nothing in between is smooth either.
    score = mean * math.expm1(-0.8)
    value = mean * (math.exp(-0.8) - math.exp(-0.5) + 0.3) + 0.3 * score
    assert heat.tail(score, -0.5) == pytest.approx(math.exp(value), rel=1e-6)


def test_a_sum_that_is_not_smooth_at_its_mean_is_bounded_everywhere():
    mean = 1 / (1.0003 * SMOOTH) ** 2  # a little farther up it would be smooth
    for score in (0.5, 5.0):
        bound = math.exp(score - (mean + score) * math.log1p(score / mean))
        assert counts(mean).tail(score) == pytest.approx(bound, rel=1e-6)


def test_nothing_is_promised_that_is_missed_more_often_than_not():
    assert exponentials(400).detectable(1e-3, 0.3) == (-math.inf, math.inf)


def test_a_saddle_is_where_the_mean_is_the_score():
    heat = exponentials(50)
    for theta in (-0.9, -0.31, 0.0, 0.17, 0.8):
        assert heat.saddle(50 * theta / (1 - theta)) == pytest.approx(theta, abs=1e-7)
        assert heat.mean(theta) == pytest.approx(50 * theta / (1 - theta), rel=1e-6)
    assert (heat.saddle(-49.0), heat.saddle(1e9)) == heat.ends() == (-1.0, 0.9)
    alone = Heat(np.zeros(1), np.zeros(1), np.zeros(1), np.ones(1), 0.0)
    assert alone.saddle(3.0) == 0.0


def test_knots_beyond_the_range_of_floats_are_left_out():
    whole = exponentials(50)
    for at, bad in ((10, np.nan), (85, np.inf)):
        spoiled = [values.copy() for values in (whole.value, whole.slope, whole.curvature)]
        for number in range(3):
            broken = [values.copy() for values in spoiled]
            broken[number][at] = bad
            low, high = Heat(KNOTS, *broken, 0.0).ends()
            assert (low, high) == ((KNOTS[11], 0.9) if at == 10 else (-1.0, KNOTS[84]))
    level = whole.slope.copy()
    level[80:] = level[80]
    level[:21] = level[20]
    assert Heat(KNOTS, whole.value, level, whole.curvature, 0.0).ends() == (KNOTS[20], KNOTS[80])


@pytest.mark.parametrize("cubes", [0.0, 150.0, 400.0, 2500.0])
@pytest.mark.parametrize("alarm", [0.2, 1e-3, 1e-6])
def test_the_critical_score_has_a_p_value_of_just_the_alarm(alarm, cubes):
    """That of waiting times and a normal number as wide as a step, of which tails are summed over its quantiles."""
    n = 100
    heat = exponentials(n, cubes)
    assert heat.step == cubes / n
    assert heat.width == min(heat.step, n / heat.step) if cubes else heat.width == 0  # the variance is n
    blur, share = np.polynomial.hermite_e.hermegauss(60)
    law = stats.gamma(n)
    for side in (1, -1):
        score = heat.critical(alarm, side)
        assert score * side > 0
        assert heat.p_value(score, 0.0) == pytest.approx(alarm, rel=1e-6)
        tails = (law.sf if side > 0 else law.cdf)(n + score - heat.width * blur) @ share / share.sum()
        assert heat.p_value(score, 0.0) == pytest.approx(2 * tails, rel=5e-3)
        assert heat.p_value(score - 1.5 * heat.width, 1.5) == pytest.approx(alarm, rel=1e-6)
        assert heat.p_value(1.01 * score, 0.0) < alarm < heat.p_value(0.99 * score, 0.0)
    assert heat.tail(7.0) == exponentials(n).tail(7.0)  # what is not judged is not blurred
    assert heat.saddle(7.0) == exponentials(n).saddle(7.0)


@pytest.mark.parametrize("n", [40, 10**4, 10**7, 10**10])
def test_next_to_the_mean_nothing_is_surprising(n):
    """However many there are: p-values fall from 1 outward, in every step, and are those of the gamma distribution."""
    heat = exponentials(n)
    for side in (-1, 1):
        sizes = np.geomspace(1e-6, 0.5, 150)
        p = np.array([heat.p_value(side * size * math.sqrt(n), 0.0) for size in sizes])
        assert (np.diff(p) <= 0.3 / math.sqrt(n) + 1e-3).all()  # its skewness counts from `NEAR` on
        assert p == pytest.approx([min(1.0, 2 * beyond(side * size * math.sqrt(n), n)) for size in sizes], abs=0.05)


@pytest.mark.parametrize("cubes", [0.0, 1.2])
def test_more_draws_show_smaller_errors(cubes):
    errors = np.array([exponentials(n, cubes * n).detectable(1e-3, 0.99) for n in np.geomspace(100, 1e9, 150)])
    assert np.isfinite(errors).all()
    assert (np.diff(abs(errors), axis=0) < 0).all()


def test_what_cannot_be_judged_is_never_called_wrong():
    few = exponentials(3)
    assert (few.critical(1e-9, 1), few.critical(1e-9, -1)) == (math.inf, -math.inf)
    assert few.detectable(1e-9, 0.9) == (-math.inf, math.inf)
    flat = Heat(KNOTS, 0 * KNOTS, 0 * KNOTS, 0 * KNOTS, 0.0)
    assert not flat.tells
    assert flat.detectable(1e-3, 0.9) == (-math.inf, math.inf)
    assert (flat.p_value(5.0, 1.0), flat.step, flat.critical(0.1, 1)) == (1.0, 0.0, math.inf)
    endless = Heat(KNOTS, KNOTS**2 / 2, KNOTS, np.ones(96), math.inf)
    assert not endless.tells
    only_hot = exponentials(100, knots=KNOTS[KNOTS <= 0])
    assert only_hot.critical(0.1, 1) == math.inf
    assert exponentials(100, knots=KNOTS[KNOTS >= 0]).critical(0.1, -1) == -math.inf
    assert -20 < only_hot.critical(0.1, -1) < -10


@pytest.mark.parametrize("cubes", [0.0, 400.0])
@pytest.mark.parametrize(("alarm", "power"), [(0.01, 0.9), (1e-3, 0.99), (1e-3, 0.6)])
def test_the_error_that_is_caught_is_that_of_a_gamma_distribution(alarm, power, cubes):
    """With such an error the blurred score is beyond the critical one with the stated power."""
    n = 400
    heat = exponentials(n, cubes)
    blur, share = np.polynomial.hermite_e.hermegauss(40)
    share = share / share.sum()
    for theta, side in zip(heat.detectable(alarm, power), (-1, 1), strict=True):
        assert theta * side > 0
        law = stats.gamma(n, scale=1 / (1 - theta))
        seen = (law.sf if side > 0 else law.cdf)(n + heat.critical(alarm, side) - heat.width * blur) @ share
        assert seen == pytest.approx(power, rel=2e-3)


@pytest.mark.parametrize("level", [0.5, 0.95, 0.999])
@pytest.mark.parametrize("score", [-12.0, 0.0, 0.02, 15.0])
def test_the_interval_is_that_of_a_gamma_distribution(score, level):
    n = 60
    best, low, high = exponentials(n).estimate(score, level)
    assert best == pytest.approx(score / (n + score), abs=1e-7)
    tail = (1 - level) / 2
    assert 1 - low == pytest.approx(stats.gamma(n).isf(tail) / (n + score), rel=1e-4)
    assert 1 - high == pytest.approx(stats.gamma(n).ppf(tail) / (n + score), rel=1e-4)


def test_an_interval_is_open_where_nothing_is_known():
    heat = exponentials(4)
    best, low, high = heat.estimate(-3.9, 0.95)
    assert (best, low) == (-math.inf, -math.inf)
    assert -1 < high < math.inf
    best, low, high = heat.estimate(1e9, 0.95)
    assert (best, high) == (math.inf, math.inf)
    assert low < 0.9
    assert heat.estimate(0.0, 0.99)[1:] == (-math.inf, pytest.approx(1 - stats.gamma(4).ppf(0.005) / 4, rel=1e-3))


def test_three_times_the_draws_have_three_times_the_exponent():
    three, whole = exponentials(20, 5.0).times(3.0), exponentials(60, 15.0)
    for name in ("theta", "value", "slope", "curvature"):
        assert getattr(three, name) == pytest.approx(getattr(whole, name), rel=1e-12)
    assert (three.cubes, three.step) == pytest.approx((15.0, 0.25), rel=1e-12)
    assert three.spread == pytest.approx(math.sqrt(60), rel=1e-12)
