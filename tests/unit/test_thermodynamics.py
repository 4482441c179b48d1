"""Heat capacities and free energies from particles: right in the limit, and with intervals that cover."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, stats
from short import short

import simsoftmax as sm
from simsoftmax.thermodynamics import (
    _skewed,
    heat_capacity_from_counts,
    integrate_log_partition,
    log_partition_difference,
    mean_energy_from_counts,
)

Z = np.array([2.0, 1.0, 0.1, -3.0, -1.5])

logit_lists = st.lists(st.floats(-4, 4), min_size=2, max_size=10).map(np.array)


def noiseless(z, t, n=10**15):
    return np.rint(sm.softmax(z, t) * n).astype(np.int64)


def multinomial(z):
    return lambda t, n, rng: rng.multinomial(n, sm.softmax(z, t))


@given(logit_lists, st.floats(0.3, 5))
def test_without_noise_every_estimate_is_exact(z, t):
    counts = noiseless(z, t)
    assert abs(mean_energy_from_counts(counts, z).value - sm.mean_energy(z, t)) < 1e-12
    if np.ptp(z) > 1e-3:
        exact = sm.heat_capacity(z, t)
        assert abs(heat_capacity_from_counts(counts, z, t).value - exact) < 1e-9
    other = noiseless(z, 2 * t)
    difference = log_partition_difference([counts, other], z, [t, 2 * t])
    assert abs(difference.value - (sm.log_partition(z, 2 * t) - sm.log_partition(z, t))) < 1e-9


@settings(max_examples=50)
@given(logit_lists, st.floats(0.2, 5), st.sampled_from([0.5, 1e-2, 1e-4, 1e-9]))
def test_quadrature_keeps_its_proven_bound(z, t, wanted):
    result = integrate_log_partition(
        z, t, particles=1000, quadrature_error=wanted, sampler=lambda t, n, rng: noiseless(z, t)
    )
    assert result.quadrature_bound <= wanted
    assert abs(result.value - sm.log_partition(z, t)) <= result.quadrature_bound + 1e-11


def test_too_few_temperatures_would_miss_the_bound():
    """Negative control: the bound is not idle. One node instead of the needed ones errs by far more."""
    one = integrate_log_partition(Z, 0.3, quadrature_error=0.999, sampler=lambda t, n, rng: noiseless(Z, t))
    many = integrate_log_partition(Z, 0.3, quadrature_error=1e-9, sampler=lambda t, n, rng: noiseless(Z, t))
    assert len(one.particles) < len(many.particles)
    assert abs(one.value - sm.log_partition(Z, 0.3)) > 1e4 * abs(many.value - sm.log_partition(Z, 0.3))


def coverage(results, exact, shrink=1.0):
    """Share of the intervals that hold the truth; ``shrink`` spoils them for the negative control."""
    held = [(e.low - e.value) * shrink <= exact - e.value <= (e.high - e.value) * shrink for e in results]
    return np.mean(held)


ESTIMATES = {
    "heat capacity": (
        lambda rng, t: heat_capacity_from_counts(rng.multinomial(20_000, sm.softmax(Z, t)), Z, t),
        lambda t: sm.heat_capacity(Z, t),
    ),
    "mean energy": (
        lambda rng, t: mean_energy_from_counts(rng.multinomial(20_000, sm.softmax(Z, t)), Z),
        lambda t: sm.mean_energy(Z, t),
    ),
    "integration": (
        lambda rng, t: integrate_log_partition(
            Z, t, particles=20_000, quadrature_error=1e-5, rng=rng, sampler=multinomial(Z)
        ),
        lambda t: sm.log_partition(Z, t),
    ),
    "Bennett": (
        lambda rng, t: log_partition_difference(
            [rng.multinomial(n, sm.softmax(Z, s)) for n, s in ((3000, t), (1000, 2 * t))], Z, [t, 2 * t]
        ),
        lambda t: sm.log_partition(Z, 2 * t) - sm.log_partition(Z, t),
    ),
}


@pytest.mark.parametrize("name", ESTIMATES)
@pytest.mark.parametrize(("t", "runs"), short([(0.5, 300), (0.5, 1000), (2.0, 1000)]))
def test_intervals_cover(name, t, runs, rng):
    """Nominal 95 %. Two points are allowed for the approximations, five standard errors for chance."""
    estimate, exact = ESTIMATES[name]
    results = [estimate(rng, t) for _ in range(runs)]
    room = 0.02 + 5 * np.sqrt(0.95 * 0.05 / runs)
    assert abs(coverage(results, exact(t)) - 0.95) < room
    # negative control: errors that are too small by a good third do not get through
    assert coverage(results, exact(t), shrink=0.6) < 0.95 - room


def test_a_cold_mean_energy_is_missed_as_often_on_either_side(rng):
    """A thousand cold particles, of whom few sit high: 2.5 % of the intervals may lie below the truth, and above."""
    runs, t, n = 20_000, 0.3, 1000
    exact = sm.mean_energy(Z, t)
    # what comes up more than once is computed once
    counts, often = np.unique(rng.multinomial(n, sm.softmax(Z, t), size=runs), axis=0, return_counts=True)
    results = [mean_energy_from_counts(c, Z) for c in counts]
    below = often @ [e.high < exact for e in results] / runs
    above = often @ [e.low > exact for e in results] / runs
    # half a point for what the expansion leaves (of order 1 / n), five standard errors for chance
    room = 0.005 + 5 * np.sqrt(0.025 * 0.975 / runs)
    assert abs(below - 0.025) < room
    assert abs(above - 0.025) < room
    # negative control: the normal interval lies below the truth too often
    reach = stats.norm.isf(0.025)
    assert often @ [e.value + reach * e.error < exact for e in results] / runs > 0.025 + room


def test_the_interval_of_a_mean_energy_without_skewness_is_normal():
    symmetric = mean_energy_from_counts([300, 400, 300], [1.0, 0.0, -1.0])
    assert symmetric.low == pytest.approx(-stats.norm.isf(0.025) * symmetric.error, rel=1e-12)
    leaning = mean_energy_from_counts([300_001, 400_000, 299_999], [1.0, 0.0, -1.0])
    assert leaning.high - leaning.value == pytest.approx(stats.norm.isf(0.025) * leaning.error, rel=1e-5)
    same = mean_energy_from_counts([0, 7, 0], [1.0, 0.0, -1.0])
    assert same.low == same.value == same.high == 0


@pytest.mark.parametrize("t", [0.3, 1.0, 5.0])
def test_integration_of_simulated_energies(t, rng):
    result = integrate_log_partition(Z, t, particles=200_000, rng=rng)
    assert abs(result.value - sm.log_partition(Z, t)) < 5.4 * result.error + 1e-9
    assert result.error < 0.02


def test_a_sampler_at_the_wrong_temperature_is_seen(rng):
    """Negative control: temperature applied twice."""
    result = integrate_log_partition(Z, 0.5, rng=rng, sampler=lambda t, n, rng: rng.multinomial(n, sm.softmax(Z, t**2)))
    assert abs(result.value - sm.log_partition(Z, 0.5)) > 20 * result.error


def test_forbidden_levels_and_equal_levels(rng):
    z = np.array([0.0, -np.inf, 0.0])
    assert integrate_log_partition(z, 0.3).value == pytest.approx(np.log(2), abs=1e-15)
    assert integrate_log_partition(Z, np.inf).value == np.log(5)
    assert integrate_log_partition([3.0, 3.0], 2.0).value == pytest.approx(sm.log_partition([3.0, 3.0], 2.0))
    z = np.array([1.0, 0.0, -np.inf])
    assert abs(integrate_log_partition(z, 0.5, rng=rng).value - sm.log_partition(z, 0.5)) < 0.02


def test_bennett_is_antisymmetric_and_needs_overlap(rng):
    other = Z[::-1].copy()
    n = np.array([rng.multinomial(5000, sm.softmax(Z)), rng.multinomial(2000, sm.softmax(other))])
    there = log_partition_difference(n, [Z, other])
    back = log_partition_difference(n[::-1], [other, Z])
    assert there.value == pytest.approx(-back.value, abs=1e-10)
    assert there.error == pytest.approx(back.error, rel=1e-6)
    # a permutation of the levels has the same ln Z
    assert abs(there.value) < 5.4 * there.error
    with pytest.raises(ValueError, match="counts must overlap"):
        log_partition_difference([[5, 0], [0, 5]], [[0, -np.inf], [-np.inf, 0]])


def test_bennett_with_a_level_that_only_one_system_allows(rng):
    z = np.array([[1.0, 0.0, -np.inf], [1.0, 0.5, 2.0]])
    n = [rng.multinomial(100_000, sm.softmax(row)) for row in z]
    result = log_partition_difference(n, z)
    assert abs(result.value - np.diff(sm.log_partition(z))[0]) < 5.4 * result.error


def test_heat_capacity_of_a_real_simulation(rng):
    z = np.array([0.0, -1.0])
    for t in (0.2, 0.42, 1.0, 3.0):
        run = sm.simulate(z, t, particles=10**6, rng=rng)
        result = heat_capacity_from_counts(run.counts, z, t, confidence_level=1 - 2e-7)
        assert result.low < sm.heat_capacity(z, t) < result.high


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: heat_capacity_from_counts([5, 0], [1.0, 0.0]), "all 5 at one"),
        (lambda: heat_capacity_from_counts([5, 5], [1.0, 0.0], 0.0), "temperature must be > 0 and finite here, got 0"),
        (lambda: mean_energy_from_counts([5, 5], [1.0, -np.inf]), "counts must be 0 where the logit is -inf"),
        (lambda: mean_energy_from_counts([1, 0], [1.0, 0.0]), "at least 2 particles, got 1"),
        (lambda: integrate_log_partition(Z, 0.0), "temperature must be > 0 here, got 0"),
        (lambda: integrate_log_partition(Z, 1e-4), "the logits span 5e[+]04 T"),
        (lambda: integrate_log_partition([1e308, 1e308], 0.5), "logits must be at most 1.8e[+]308 T in size"),
        (lambda: integrate_log_partition([0.0, -1e300], 1e-9), "ln Z would leave the range of floating point"),
        (lambda: integrate_log_partition(Z, quadrature_error=0.0), "quadrature_error must lie strictly between"),
        (lambda: log_partition_difference([1, 2], [1.0, 0.0]), r"counts must have shape \(2, K\), got \(2,\)"),
        (lambda: log_partition_difference(np.ones((2, 2), int), np.ones((3, 2))), r"logits must have shape"),
        (lambda: log_partition_difference(np.ones((2, 2), int), [1.0, 0.0], [1.0, 0.0]), "one or two numbers > 0"),
        (lambda: log_partition_difference(np.ones((2, 2), int), [1.0, 0.0], [1.0, np.inf]), "> 0 and finite, got"),
    ],
)
def test_wrong_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_str_reads_as_a_sentence():
    text = str(mean_energy_from_counts([700, 300], [1.0, 0.0]))
    assert text.startswith("mean energy = -0.7 ± 0.014; 95 % interval")


@pytest.mark.parametrize("t", [0.0, np.inf])
def test_a_heat_capacity_is_not_measured_where_it_is_known(t):
    with pytest.raises(ValueError, match=f"temperature must be > 0 and finite here, got {t:g}; at its limits"):
        heat_capacity_from_counts([5, 3], [1.0, 0.0], t)


def test_the_skewness_of_few_particles_is_that_of_their_energies():
    e = mean_energy_from_counts([5, 1], [0.0, -1.0])
    skewness = stats.skew([0.0] * 5 + [1.0])
    ends = [e.value - e.error * _skewed(x, skewness, 6) for x in (stats.norm.isf(0.025), -stats.norm.isf(0.025))]
    assert (e.low, e.high) == pytest.approx(ends)


@pytest.mark.parametrize("lean", [-0.9, -0.02, -2e-6, 2e-6, 0.3])
def test_what_is_skewed_is_found_again_by_halls_polynomial(lean):
    """Of which it is the inverse: t + g t^2 / 3 + g^2 t^3 / 27 + g / 6, g the skewness by the root of n."""
    for quantile in (-2.5, -0.3, 0.0, 1.2, 3.0):
        t = _skewed(quantile, 7 * lean, 49)
        assert t + lean * t**2 / 3 + lean**2 * t**3 / 27 + lean / 6 == pytest.approx(quantile, rel=1e-8, abs=1e-8)


def test_two_particles_are_enough_to_integrate_with():
    assert np.isfinite(integrate_log_partition([1.0, 0.0], particles=2, rng=1).value)


def test_normal_reach():
    e = mean_energy_from_counts([500, 500], [1.0, 0.0], confidence_level=0.5)
    assert (e.high - e.value) / e.error == pytest.approx(stats.norm.isf(0.25))


def test_scores_of_any_size_have_fluctuations():
    """In another unit the estimates are the same; what no float can hold is refused by name."""
    counts, z = [5, 3, 2], np.array([0.0, 1.0, 0.3])
    for unit in (2.0**-900, 2.0**500, 2.0**1020, 2.0**1021):
        assert mean_energy_from_counts(counts, z * unit).error == unit * mean_energy_from_counts(counts, z).error
        assert heat_capacity_from_counts(counts, z * unit, 1.5 * unit) == heat_capacity_from_counts(counts, z, 1.5)
    for t, unit in ((1e-300, 1.0), (1e100, 1e-200)):  # beyond what a float can hold, and below
        with pytest.raises(ValueError, match="logits must keep their variance"):
            heat_capacity_from_counts(counts, z * unit, t)
    assert mean_energy_from_counts([1, 1], [0.9 * 2.0**1022, 0.0]).value == -0.45 * 2.0**1022
    with pytest.raises(ValueError, match=r"logits must lie within 2\*\*1022 of each other"):
        mean_energy_from_counts([1, 1], [1.1 * 2.0**1021, -1.1 * 2.0**1021])


@given(st.lists(st.integers(1, 9), min_size=2, max_size=6), st.floats(0.3, 5), st.floats(0.5, 0.99))
def test_errors_are_those_of_the_particles_one_by_one(counts, t, level):
    """The same numbers from a list of energies, one a particle: no table of shares, no reference energy."""
    z = np.cos(np.arange(len(counts)) * 1.7) * 3
    energies = np.repeat(-z, counts)
    n, reach = len(energies), stats.norm.isf((1 - level) / 2)
    mean = mean_energy_from_counts(counts, z, confidence_level=level)
    assert mean.value == pytest.approx(energies.mean(), abs=1e-12)
    assert mean.error == pytest.approx(stats.sem(energies), rel=1e-9)
    heat = heat_capacity_from_counts(counts, z, t, confidence_level=level)
    assert heat.value == pytest.approx(energies.var(ddof=1) / t**2, rel=1e-9)
    fluctuation = max(stats.kurtosis(energies, fisher=False) - 1, 2 / n) / n
    assert heat.error == pytest.approx(heat.value * np.sqrt(fluctuation), rel=1e-9)
    for end, sign in ((heat.low, -1), (heat.high, 1)):
        assert np.log(end / heat.value) == pytest.approx(sign * reach * np.sqrt(fluctuation), rel=1e-9)


def test_two_particles_are_enough_and_the_fewest():
    assert mean_energy_from_counts([1, 1], [1.0, 0.0]).error == pytest.approx(0.5)
    assert heat_capacity_from_counts([1, 1], [1.0, 0.0], 0.5).value == pytest.approx(2.0)


@pytest.mark.parametrize("t", [0.4, 2.5])
def test_an_integral_adds_up_its_measurements(t, rng):
    """Budget, error and reach of thermodynamic integration, from what was measured at each node."""
    result = integrate_log_partition(Z, t, particles=30_000, confidence_level=0.9, rng=rng, sampler=multinomial(Z))
    nodes, weights = np.polynomial.legendre.leggauss(len(result.particles))
    weights = weights / 2 / t
    assert result.inverse_temperatures == pytest.approx((1 + nodes) / 2 / t)
    assert result.particles == pytest.approx(30_000 * weights * t, abs=0.5001)
    assert result.value == pytest.approx(np.log(len(Z)) - weights @ result.mean_energies, abs=1e-12)
    assert result.error == pytest.approx(np.linalg.norm(weights * result.mean_energy_errors), rel=1e-9)
    reach = stats.norm.isf(0.05) * result.error + result.quadrature_bound
    assert (result.value - result.low, result.high - result.value) == pytest.approx((reach, reach), rel=1e-9)


@pytest.mark.parametrize("shift", [0.0, -2.0, 3.0, 4e307, -4e307])
def test_one_energy_needs_no_integral(shift):
    exact = integrate_log_partition([shift, -np.inf, shift], 0.5)
    assert exact.low == exact.value == exact.high == pytest.approx(np.log(2) + shift / 0.5)
    assert (exact.error, exact.quadrature_bound, len(exact.particles)) == (0, 0, 0)


def test_the_error_of_bennett_is_that_of_a_logistic_regression():
    """Its variance: the inverse curvature of the likelihood in numbers, less what fixed totals take away."""
    counts, z, t = np.array([[40, 30, 9], [20, 35, 70]]), np.array([[0.0, 0.3, -1.0], [0.2, 0.9, 2.0]]), (0.7, 1.6)
    result = log_partition_difference(counts, z, t, confidence_level=0.8)
    gap, (first, second) = z[1] / t[1] - z[0] / t[0], counts.sum(axis=1)

    def likelihood(difference):
        odds = np.log(second / first) + gap - difference
        return -(counts[1] @ np.logaddexp(0, -odds) + counts[0] @ np.logaddexp(0, odds))

    h = 1e-3
    below, here, above = (likelihood(result.value + x) for x in (-h, 0, h))
    assert max(below, above) < here
    variance = h**2 / (2 * here - below - above) - 1 / first - 1 / second
    assert result.error == pytest.approx(np.sqrt(variance), rel=1e-4)
    assert result.high - result.value == pytest.approx(stats.norm.isf(0.1) * result.error)
    assert result.value - result.low == pytest.approx(result.high - result.value)


def test_an_integral_shows_its_answer_and_not_its_tables():
    shown = repr(integrate_log_partition(Z, 0.7, particles=5000, rng=1))
    assert "quadrature_bound" in shown
    assert "array" not in shown
    assert "inverse_temperatures" not in shown


@pytest.mark.parametrize(("span", "wanted"), [(0.5, 1e-3), (7.0, 1e-9), (60.0, 1e-6)])
def test_the_bound_of_the_quadrature_is_the_least_that_an_ellipse_proves(span, wanted):
    """64 M rho^(-2n) / 15 (1 - rho^-2) on [-1, 1] (L. N. Trefethen 2008), M bounding <E> less the mid-range there."""
    t = 0.7
    result = integrate_log_partition(
        [0.0, span * t], t, quadrature_error=wanted, sampler=lambda t, n, rng: noiseless(np.array([0.0, span * 0.7]), t)
    )

    def bound(height, nodes):
        """Of the ellipse around beta from 0 to 1 / T that reaches up to an imaginary part of height / span T."""
        up = 2 * height / span
        rho = up + np.sqrt(1 + up**2)
        largest = span / 2 / np.cos(height / 2) / 2  # half of 1 / T is what a unit of [-1, 1] stands for
        return 64 / 15 * largest / rho ** (2 * nodes) / (1 - rho**-2)

    def least(nodes):
        return optimize.minimize_scalar(bound, bounds=(0.02, 3.14), args=(nodes,), method="bounded").fun

    nodes = len(result.particles)
    assert result.quadrature_bound == pytest.approx(least(nodes), rel=2e-3)
    assert result.quadrature_bound <= wanted
    assert nodes == 1 or least(nodes - 1) > wanted * 0.998


def test_between_a_system_and_itself_nothing_is_uncertain():
    """The gap of scores is 0 for every draw, so however many there are the difference is 0 without an error."""
    for first in range(1, 60, 3):
        same = log_partition_difference([[first, 3], [7, first + 1]], [1.0, 0.0], 0.7)
        assert same.value == pytest.approx(0, abs=1e-9)
        assert 0 <= same.error < 1e-7
