"""The residuals and their two tests: exact rates of false alarms."""

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from limits import ALARM, all_outcomes, at_most
from scipy import stats

from benchmarks import enumeration_study as study
from simsoftmax import softmax, verify
from simsoftmax.verdict.null import (
    Caution,
    Cells,
    Groups,
    Null,
    binomial_quantile,
    combine,
    pool,
    residuals,
    rest_spread,
)

EXAMPLE = np.array([2.0, 1.0, 0.1])


SMALL = [
    ([9.0, 0.0], 0.7, 1000),
    ([1.0, 0.0], 0.5, 10),
    ([1.0, 0.0], 0.5, 1000),
    ([9.0, 0.0], 1.5, 1000),
    ([2.0, 1.0, 0.1], 2.0, 30),
    ([2.0, 1.0, 0.1], 0.5, 300),
    ([9.0, 0.5, 0.0], 1.3, 5000),
    ([9.0, 8.9, -4.0], 1.3, 60_000),
    ([4.0, 4.0, 0.0], 0.7, 1500),
    ([0.0, 0.0, 0.0], 1.0, 60),
    ([6.0, 1.0, 0.9, 0.0], 1.2, 700),
    ([6.0, 1.0, -3.0, -9.0], 1.2, 700),
]


@pytest.mark.parametrize("exact", [True, False])
@pytest.mark.parametrize(("logits", "temperature", "particles"), SMALL)
def test_false_alarms_of_larger_problems_summed_over_all_outcomes(logits, temperature, particles, exact):
    null = Null.of(np.array(logits), temperature, particles)
    if not exact:
        null.__dict__["_exact"] = None  # the theorem alone, as for problems with too many outcomes to sum over
    counts, chance = all_outcomes(null.p, particles)
    assert chance.sum() == pytest.approx(1, abs=1e-9)
    p_value = null.judge(counts)[2]
    order = np.argsort(p_value)
    rate, nominal = np.cumsum(chance[order]), p_value[order]
    tried = (nominal < 0.5) & (nominal > 1e-9)
    assert tried.any()
    assert (rate[tried] <= nominal[tried] * (1 + 1e-6) + 1e-12).all()


def few_outcomes():
    """Return a part of the problems of `benchmarks.enumeration_study`, every shape and number of levels among them."""
    sizes = {2: range(1, 41), 3: range(1, 41, 2), 4: (1, 2, 4, 10, 11, 15, 20), 5: (3, 10, 12)}
    return [
        (name, logits, t, n)
        for levels, particles in sizes.items()
        for name, logits in study.shapes(levels).items()
        for t in (0.4, 1.3)
        for n in particles
    ]


def test_no_p_value_of_a_small_problem_comes_more_often_than_it_says():
    attainable = 0
    for name, logits, t, n in few_outcomes():
        null = Null.of(logits, t, n)
        counts = study.outcomes(n, len(logits))
        chance = study.probability(counts, null.p)
        values, rate = study.attained(null.judge(counts)[2], chance)
        assert rate[-1] == pytest.approx(1, rel=1e-12)
        assert (rate <= values * (1 + study.ROUNDING)).all(), (name, len(logits), t, n)
        attainable += len(values)
    assert attainable > 5_000


def test_the_sum_over_outcomes_sees_p_values_that_are_a_little_too_small():
    # The negative control of the test above: levels apart and equal, where all that is left out is a little caution.
    for logits, n in ((np.zeros(2), 11), (np.array([2.0, 1.0, 0.1]), 40), (np.zeros(4), 20)):
        null = Null.of(logits, 1.3, n)
        counts = study.outcomes(n, len(logits))
        chance = study.probability(counts, null.p)
        right = null.judge(counts)[2]
        assert study.excess(right, chance) <= 1 + study.ROUNDING
        assert study.excess(0.999 * right, chance) > 1
    # And without what `Caution` asks for, the theorem would not be one.
    null = Null.of(np.zeros(4), 1.3, 20)
    null.__dict__.update(_exact=None, cautions=(Caution(0.0, 1.0), Caution(0.0, 1.0 + 1e-12)))
    assert study.excess(null.judge(study.outcomes(20, 4))[2], study.probability(study.outcomes(20, 4), null.p)) > 1


def test_the_sum_over_outcomes_would_show_a_gaussian_verdict_to_be_wrong():
    # The negative control of the test above: Pearson's chi-square with ten levels' worth of comfort still cries wolf.
    p = np.array([0.9, 0.09, 0.01])
    counts, chance = all_outcomes(p, 1000)
    pearson = (((counts - 1000 * p) ** 2) / (1000 * p)).sum(axis=1)
    assert chance[stats.chi2.sf(pearson, 2) <= 1e-6].sum() > 2e-6


@pytest.mark.parametrize(
    ("levels", "temperature", "particles", "experiments"),
    [(2, 2.0, 10**9, 8_000), (3, 2.0, 10**5, 8_000), (10, 0.5, 1000, 8_000), (100, 1.7, 2000, 1500),
     (1000, 0.6, 10**5, 500)]
    + [pytest.param(*case, marks=pytest.mark.slow) for case in
       [(2, 2.0, 10**9, 20_000), (3, 2.0, 10**5, 20_000), (10, 0.5, 1000, 20_000), (100, 1.7, 2000, 4000)]],
)  # fmt: skip
def test_false_alarms_come_at_most_at_the_stated_rate(levels, temperature, particles, experiments, rng):
    logits = np.linspace(0, 3, levels) + 0.3 * np.sin(np.arange(levels))
    null = Null.of(logits, temperature, particles)
    p_value = null.judge(rng.multinomial(particles, null.p, size=experiments))[2]
    for rate in (0.1, 0.01, 0.001):
        assert at_most((p_value <= rate).sum(), experiments, rate)


@pytest.mark.parametrize("levels", [2, 3, 6])
def test_p_values_are_uniform_when_nothing_is_rare(levels, rng):
    logits = np.linspace(0, 2, levels)
    null = Null.of(logits, 1.4, 10**12)
    p_value = null.judge(rng.multinomial(10**12, null.p, size=3000))[2]
    if levels > 2:  # twice the lesser of two independent p-values, which is uniform only where it is small
        p_value = p_value - p_value**2 / 4
        assert p_value.max() <= 0.75
        p_value = np.where(p_value < 0.75, p_value, rng.uniform(0.75, 1, size=len(p_value)))
    assert stats.kstest(p_value, "uniform").pvalue > ALARM


@given(st.integers(2, 7), st.integers(0, 10**6), st.floats(0.2, 5))
def test_residuals_match_exact_binomial_tails(levels, seed, temperature):
    draw = np.random.default_rng(seed)
    p = softmax(draw.normal(size=levels), temperature)
    counts = draw.multinomial(int(draw.integers(1, 400)), p)
    cells = residuals(counts, p)
    left = counts[::-1].cumsum()[::-1]
    for j in range(levels - 1):
        x = stats.binom(left[j], p[j] / p[j:].sum())
        low, high = stats.norm.ppf([x.cdf(counts[j] - 1), x.cdf(counts[j])])
        if min(x.cdf(counts[j]), x.sf(counts[j] - 1)) < 1e-10:
            continue  # SciPy's own tails have no digits left
        inside = stats.truncnorm(low, high)
        assert cells.mean[j] == pytest.approx(inside.mean(), rel=1e-5, abs=1e-7)
        assert cells.within[j] == pytest.approx(inside.var(), rel=1e-3, abs=1e-6)
        assert cells.within[j] <= cells.loose[j] <= min((high - low) / np.pi, 1) ** 2 * (1 + 1e-9)
        assert cells.nearest[j] == pytest.approx(max(low, -high, 0), rel=1e-6, abs=1e-7)


@given(st.floats(-6, 6), st.floats(1e-6, 1e-3))
def test_the_mean_of_a_narrow_cell_lies_within_it_as_in_the_normal_law(start, width):
    end = start + width
    (mean,) = Cells.between(np.array([start]), np.array([end])).mean
    density, tail = (lambda x: mpmath.npdf(x)), (lambda x: mpmath.ncdf(x))
    with mpmath.workdps(50):
        exact = float((density(start) - density(end)) / (tail(end) - tail(start)))
    assert mean == pytest.approx(exact, abs=1e-9 * max(1, abs(start)))


@pytest.mark.parametrize("share", [0.5, 1e-3])
def test_the_quantiles_at_both_ends_of_a_binomial_are_numbers(share):
    trials = 2.0**53
    n = np.array([-1.0, 0.0, 1.0, trials - 2, trials - 1, trials])
    quantiles = binomial_quantile(n, np.full(6, trials), np.full(6, share), np.full(6, 1 - share))
    assert np.isfinite(quantiles).all()
    assert (np.diff(quantiles) >= 0).all()
    assert quantiles[0] < -1e6
    assert quantiles[5] > 1e6


def test_a_table_of_counts_is_judged_row_by_row(rng):
    for logits in ([1.0, 0.0], [2.0, 1.0, 0.1], [2.0, 1.0, 0.1, -9.0]):
        null = Null.of(np.array(logits), 1.3, 40)
        counts = rng.multinomial(40, softmax(logits, 1.3), size=20)
        together, alone = null.judge(counts), [null.judge(row) for row in counts]
        np.testing.assert_allclose(together, np.stack(alone, axis=-1), rtol=1e-12)


@given(st.integers(2, 5), st.integers(0, 10**6), st.floats(0.2, 5), st.floats(0, 53), st.floats(-6, 6))
def test_p_values_of_any_number_of_particles_are_numbers(levels, seed, temperature, bits, off):
    draw = np.random.default_rng(seed)
    logits, n = draw.normal(size=levels) * draw.choice([0, 1, 5]), int(2**bits)
    p = softmax(logits, temperature)
    counts = np.clip(n * p + off * np.sqrt(n * p * (1 - p)) * draw.normal(size=levels), 0, None).astype(np.int64)
    counts[p.argmax()] = max(n - (counts.sum() - counts[p.argmax()]), 0)
    verdict = verify(counts if counts.any() else counts + 1, logits, temperature)
    assert 0 <= verdict.p_value <= 1
    assert np.isfinite([verdict.statistic, verdict.temperature_score, verdict.total_variation_bound]).all()
    assert 0 < verdict.detectable_total_variation <= 1


@pytest.mark.parametrize("share", [0.5, 0.3, 0.02])
@pytest.mark.parametrize("trials", [10**8, 2**52, 2**53 - 4])
@pytest.mark.parametrize("deviation", [-30.0, -3.0, -0.1, 0.7, 4.0])
def test_huge_binomial_tails_are_right(share, trials, deviation):
    with mpmath.workdps(40):
        q = mpmath.mpf(share)
        n = int(mpmath.floor(trials * q + deviation * mpmath.sqrt(trials * q * (1 - q))))
        exact = _tail(n, trials, q, up=deviation > 0)
    nearest = residuals(np.array([n, trials - n]), np.array([share, 1 - share])).nearest[0]
    assert stats.norm.sf(nearest) == pytest.approx(float(exact), rel=2e-6)


def _tail(k, trials, q, up):
    """Return P(X >= k), or P(X <= k), by the saddle point of H. E. Daniels (1987) with many digits."""
    side = 1 if up else -1
    share = (mpmath.mpf(k) - mpmath.mpf(side) / 2) / trials
    tilt = mpmath.log(share * (1 - q) / (q * (1 - share)))
    divergence = share * mpmath.log(share / q) + (1 - share) * mpmath.log((1 - share) / (1 - q))
    root = side * mpmath.sign(tilt) * mpmath.sqrt(2 * trials * divergence)
    lattice = side * 2 * mpmath.sinh(tilt / 2) * mpmath.sqrt(trials * share * (1 - share))
    return mpmath.ncdf(-root) - mpmath.npdf(root) * (1 / root - 1 / lattice)


def test_far_tails_are_right():
    p = softmax([1.0, 0.0], 0.5)
    with mpmath.workdps(60):
        low = mpmath.mpf(float(p[0]))
        exact = mpmath.fsum(mpmath.binomial(2000, k) * low**k * (1 - low) ** (2000 - k) for k in range(1401))
    assert verify([1400, 600], [1.0, 0.0], 0.5).p_value == pytest.approx(2 * float(exact), rel=1e-9)


def test_the_direction_of_temperature_is_the_one_in_which_residuals_move():
    logits, t, n = np.array([1.0, 0.3, 0.2, -2.0]), 1.3, 10**12
    null = Null.of(logits, t, n)
    moved = residuals(np.round(n * softmax(logits, t * (1 - 1e-4))).astype(np.int64), null.groups.probability).mean
    assert moved / np.linalg.norm(moved) == pytest.approx(null.direction, abs=1e-3)
    assert null.judge(np.round(n * softmax(logits, 0.9 * t)).astype(np.int64))[0] > 0


def test_residuals_add_up_to_pearsons_chi_square():
    p = softmax(EXAMPLE, 2.0)
    counts = np.array([5.0e9 + 3e4, 3.1e9, 0]).astype(np.int64)
    counts[2] = 10**10 - counts.sum()
    counts = np.round(10**10 * p).astype(np.int64) + np.array([60_000, -20_000, -40_000])
    z = residuals(counts, p).mean
    n = counts.sum()
    assert (z**2).sum() == pytest.approx(((counts - n * p) ** 2 / (n * p)).sum(), rel=1e-3)


def test_two_tests_share_one_budget():
    # Independent normal residuals without jumps: the combined p-value of the pair is exactly uniform.
    u = (np.arange(400) + 0.5) / 400
    z1, z2 = np.meshgrid(stats.norm.ppf(u), stats.norm.ppf(u))
    z = np.stack([z1.ravel(), z2.ravel()], axis=-1)
    p_value = combine(Cells.points(z), np.array([1.0, 0.0]))[2]
    for rate in (0.3, 0.1, 0.03):
        assert (p_value <= rate).mean() == pytest.approx(rate, rel=0.03)


@given(st.integers(2, 9), st.integers(0, 10**6))
def test_the_spread_of_the_rest_is_that_of_its_components(levels, seed):
    """Four times each constant times the mean square of the component across, its mean and what the cells leave."""
    draw = np.random.default_rng(seed)
    z, loose, direction = draw.normal(size=levels), draw.random(levels), draw.normal(size=levels)
    direction = direction / np.linalg.norm(direction)
    across = np.eye(levels) - np.outer(direction, direction)
    square = (across @ z) ** 2 + across**2 @ loose
    cells = Cells(z, loose, loose, np.abs(z))
    assert rest_spread(cells, across @ z, direction) == pytest.approx(2 * np.sqrt(loose @ square), rel=1e-9)


@given(st.floats(0.001, 3))
def test_the_caution_of_a_score_costs_least(spread):
    """Its price where it just alarms, ln f + c s times the slope of the tail: no other caution is cheaper."""
    slope = stats.norm.isf(1e-3 / 4)
    caution = Caution.of_score(spread)

    def price(steps, factor):
        return np.log(factor) + slope * steps * spread

    steps = np.linspace(np.sqrt(5 / 3), 30, 20_000)
    cheapest = min(price(steps, 1 / (1 - 4 / 9 / (1 + steps**2))).min(), 1.0)
    assert price(caution.steps, caution.factor) <= 1.02 * cheapest + 0.01
    if caution.steps:
        assert caution.steps**2 >= 5 / 3 - 1e-12
        assert caution.factor == pytest.approx(1 / (1 - 4 / 9 / (1 + caution.steps**2)), rel=1e-12)
    else:
        assert caution.factor == np.e


@given(st.integers(1, 50), st.floats(0.001, 5))
def test_the_caution_of_a_chi_square_costs_least(freedom, spread):
    law = stats.chi2(freedom)
    critical = law.isf(1e-3 / 2)
    slope = law.pdf(critical) / (1e-3 / 2)
    caution = Caution.of_rest(freedom, spread)

    def price(steps, factor):
        return np.log(factor) + slope * steps * spread

    steps = np.geomspace(0.5, 100, 20_000)
    cheapest = price(steps, 1 + 1 / steps**2).min()
    if freedom > 1:
        cheapest = min(cheapest, 1.0)
    assert price(caution.steps, caution.factor) <= 1.1 * cheapest + 0.01
    if caution.steps:
        assert caution.factor == pytest.approx(1 + 1 / caution.steps**2, rel=1e-12)
    else:
        assert freedom > 1
        assert caution.factor == np.e


@pytest.mark.parametrize("merge", [False, True])
def test_levels_that_expect_just_enough_are_no_group_together(merge):
    """Whatever rounding does to K equal probabilities, 5 K particles leave each level alone, and fewer do not."""
    for levels in range(2, 120):
        p = softmax(np.zeros(levels), 0.7)
        assert len(pool(np.zeros(levels), p, 5 * levels, 5.0, merge=merge).starts) == levels
        few = pool(np.zeros(levels), p, 5 * levels - 1, 5.0, merge=merge)
        assert len(few.starts) == (levels // 2 if merge else -(-levels // 2))


@given(st.integers(2, 40), st.integers(0, 10**6), st.floats(1, 200), st.booleans())
def test_groups_are_the_fewest_neighbours_that_expect_enough(levels, seed, particles, merge):
    """Group by group from the lowest energy: a group ends as soon as it expects enough, and not before."""
    logits = np.random.default_rng(seed).normal(size=levels) * 3
    logits[seed % levels] = -np.inf if levels > 2 else 0.0
    p = softmax(logits, 1.7)
    groups = pool(logits, p, particles, 5.0, merge=merge)
    order = np.argsort(-logits)[: (p > 0).sum()]
    assert groups.order.tolist() == order.tolist()
    starts, total = [0], 0.0
    for place, level in enumerate(order):
        if total >= 5.0:
            starts.append(place)
            total = 0.0
        total += particles * p[level]
    if merge and total < 5.0 and len(starts) > 1:
        starts.pop()
    if (particles * p[order] >= 5).all():
        starts = list(range(len(order)))
    assert groups.starts.tolist() == starts
    parts = np.split(order, starts[1:])
    assert groups.probability == pytest.approx([p[part].sum() for part in parts], rel=1e-12)
    assert groups.unresolved == pytest.approx(
        sum(p[part].sum() - p[part].min() for part in parts if len(part) > 1), abs=1e-12
    )
    scale = max(1.0, np.abs(logits[order]).max())
    energy = [(p[part] * (logits[order[0]] - logits[part])).sum() / p[part].sum() / scale for part in parts]
    assert groups.energy == pytest.approx(energy, abs=1e-12)
    assert groups.gather(np.arange(levels)).tolist() == [part.sum() for part in parts]


@pytest.mark.parametrize("counts", [[60, 30, 8, 1, 1, 0], [61, 31, 8, 0, 0, 0], [50, 30, 17, 2, 0, 1]])
def test_rare_levels_take_a_tenth_of_the_budget(counts):
    """The p-value is the lesser of those of the groups over 9/10 and of the rarest level occupied over 1/10."""
    logits, counts = 1.4 * np.log([0.6, 0.3, 0.08, 0.01, 0.006, 0.004]), np.array(counts)
    null = Null.of(logits, 1.4, counts.sum())
    assert null.pooled
    sums = np.array([counts[0], counts[1], counts[2], counts[3:].sum()])
    if len(null.groups.starts) == 3:
        sums = np.array([counts[0], counts[1], counts[2:].sum()])
    together = Groups(np.arange(len(sums)), np.arange(len(sums)), null.groups.probability, null.groups.energy, 0.0)
    alone = Null(int(counts.sum()), null.groups.probability, together, null.direction).judge(sums)[2]
    least = null.p[counts > 0].min()
    rare = 1 - (1 - null.p[null.p <= least * (1 + 1e-9)].sum()) ** counts.sum()
    assert null.judge(counts)[2] == pytest.approx(min(alone / 0.9, rare / 0.1, 1.0), rel=1e-9)
    assert null.share(1e-3) == pytest.approx(9e-4)
    assert null.misfit(counts) <= min(rare / 0.1, 1.0) + 1e-12


def test_a_particle_where_one_in_a_million_is_expected_is_a_misfit():
    null = Null.of(1.4 * np.log([0.6, 0.3, 0.08, 0.012, 0.007999, 1e-6]), 1.4, 100)
    rare = 1 - (1 - null.p[-1]) ** 100
    assert null.misfit(np.array([60, 30, 8, 1, 0, 1])) == pytest.approx(rare / 0.1, rel=1e-6)


@pytest.mark.parametrize("particles", [300, 10**6])
def test_a_misfit_is_what_no_temperature_mends(particles):
    """At another temperature the counts fit as before; across its direction they are judged by a chi-square."""
    logits, t = np.array([1.0, 0.4, -0.3, -0.9]), 1.3
    null = Null.of(logits, t, particles)
    off = np.rint(particles * softmax(logits, t * 1.02)).astype(int)
    assert null.misfit(off) > 0.2
    for shift in (1.0, 2.5):
        across = off + np.rint(shift * np.sqrt(particles) * np.array([0.5, -1.0, 0.5, 0.0])).astype(int)
        p = null.misfit(across)
        cells = residuals(across, null.groups.probability)
        rest = cells.mean - (cells.mean @ null.direction) * null.direction
        assert stats.chi2.sf((rest**2).sum(), 2) <= p * 1.05
        if particles > 1000:
            assert p == pytest.approx(stats.chi2.sf((rest**2).sum(), 2), rel=0.2)
    two = Null.of(np.zeros(2), t, 100)
    assert two.misfit(np.array([60, 40])) == pytest.approx(2 * stats.binom.sf(59, 100, 0.5), rel=1e-9)
    assert Null.of(np.array([1.0, 0.0]), t, 100).misfit(np.array([60, 40])) == 1.0


@pytest.mark.parametrize("particles", [40, 2000, 10**7])
def test_cautions_are_chosen_for_cells_of_the_expected_width(particles):
    """A cell is one count wide; its constant is the square of width / pi, or 1. The chi-square just alarms."""
    logits = np.array([1.0, 0.4, -0.3, -0.9])
    null = Null.of(logits, 1.3, particles)
    p, along = null.groups.probability, null.direction**2
    left = p[::-1].cumsum()[::-1]
    share = p[:-1] / left[:-1]
    loose = np.minimum(1 / (particles * left[:-1] * share * (1 - share)) / np.pi**2, 1.0)
    assert null.usual_cells.loose == pytest.approx(loose, rel=1e-9)
    freedom = len(p) - 2
    critical = stats.chi2.isf(1e-3 / 2, freedom)
    expected = (
        Caution.of_score(np.sqrt(loose @ along)),
        Caution.of_rest(freedom, 2 * np.sqrt(critical / freedom * (loose @ (1 - along)))),
    )
    for found, wanted in zip(null.cautions, expected, strict=True):
        assert (found.steps, found.factor) == pytest.approx((wanted.steps, wanted.factor), rel=1e-7)
