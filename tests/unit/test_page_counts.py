"""Kernels that judge a reader's own counts and rows in a page, against the functions that they follow."""

import numpy as np
import pytest
from scipy import special

import simsoftmax as ss
from simsoftmax.kernels import tails
from simsoftmax.kernels.compiler import compiled
from simsoftmax.kernels.page import counts, exact, fitting, power, thermometer
from simsoftmax.verdict.power import FEW


def grouped(n, z, temperature):
    """Return the order of levels, their probabilities and groups, the direction and the cautions, as a page does."""
    levels, particles = len(z), int(n.sum())
    order = np.argsort(-z, kind="stable").astype(np.int64)
    p = np.empty(levels)
    exact.boltzmann(z, temperature, np.empty(levels), p, np.empty(5))
    every = np.zeros(4 * levels)
    number = counts.group_levels(z, n, order, p, np.empty(levels + 1), every)
    groups, direction, cautions = every[: 4 * number], np.zeros(number), np.zeros(4)
    counts.temperature_pull(groups, direction)
    counts.cautions_of(groups, direction, particles, cautions)
    return order, p, groups, direction, cautions


def judged(n, z, temperature):
    """Return the p-value and the score that the kernels find, in the order in which a page calls them."""
    _, p, groups, direction, cautions = grouped(n, z, temperature)
    number, particles = len(direction), int(n.sum())
    cells, found = np.zeros(4 * number), np.zeros(4)
    counts.cells_of(groups, cells)
    counts.judge_cells(cells, direction, cautions, found)
    value = found[2]
    if counts.outcomes(particles, number):
        table = np.zeros(4 * (number - 1) * (particles + 1) ** 2)
        counts.tabulate_cells(groups, particles, table)
        place, logs = np.zeros(number, np.int64), np.zeros(particles + 1)
        value = counts.exact_p_value(
            groups, particles, direction, cautions, table, value, np.zeros(4 * number), logs, place, np.zeros(4)
        )
    rarest = counts.rarest_p_value(n, p)
    if number < (p > 0).sum():
        value = min(value / 0.9, rarest / 0.1)
    return 0.0 if rarest == 0 else min(value, 1.0), found[0]


def shown(n, z, temperature, false_alarm, strength):
    """Return the total variation and the error of T that are caught, and whether few particles decide on the latter."""
    order, p, groups, direction, cautions = grouped(n, z, temperature)
    particles, number, need = int(n.sum()), len(direction), np.zeros(9)
    alarm = 0.9 * false_alarm if number < (p > 0).sum() else false_alarm
    power.thresholds_of(groups, direction, cautions, particles, alarm, need)
    shift = power.least_shift(need, strength) if number > 1 else 0.0
    variation = power.shown_variation(p, order, groups, particles, shift, strength)
    shares, problem = np.zeros(number), (z, order, p, groups)
    error = power.shown_temperature(*problem, direction, need, temperature, particles, strength, shares, np.zeros(4))
    errors = [x for x in (error, -error) if -1 < x < np.inf]
    few = any(power.tilted(*problem, temperature, particles, x, shares) <= FEW for x in errors)
    return variation, error, few


def problems(rng, number):
    """Yield counts, logits and the temperature claimed: few particles and many, some levels forbidden."""
    for _ in range(number):
        z = np.round(rng.normal(size=rng.integers(1, 12)) * rng.choice([0, 0.5, 2, 5]), 2)
        if len(z) > 3 and rng.random() < 0.2:
            z[rng.integers(len(z))] = -np.inf
        claimed = float(rng.choice([0.0, 0.3, 1.0, 2.0, np.inf]))
        true = claimed * rng.choice([1, 1, 1.02]) if 0 < claimed < np.inf else claimed
        yield rng.multinomial(rng.choice([1, 7, 30, 90, 200, 1000, 10**5, 10**9]), ss.softmax(z, true)), z, claimed


@pytest.mark.slow  # to compile; tests/page/test_instruments.py has the short form, with the module that pages load
def test_counts_have_the_p_value_of_verify(rng):
    for n, z, temperature in problems(rng, 60):
        value, score = judged(n, z, temperature)
        verdict = ss.verify(n, z, temperature)
        assert value == pytest.approx(verdict.p_value, rel=1e-6), (n, z, temperature)
        assert score == pytest.approx(verdict.temperature_score, abs=1e-5, rel=1e-6)


@pytest.mark.slow  # to compile, as above
def test_counts_would_have_caught_what_verify_says(rng):
    sharp = 0
    for n, z, temperature in problems(rng, 200):
        alarm, strength = (float(rng.choice(several)) for several in ([1e-4, 1e-3, 1e-2], [0.9, 0.99]))
        expected = ss.detectable_difference(int(n.sum()), z, temperature, false_alarm=alarm, power=strength)
        variation, error, few = shown(n, z, temperature, alarm, strength)
        assert variation == pytest.approx(expected.total_variation, rel=2e-6), (n, z, temperature)
        if not few or expected.temperature < np.inf:  # else outcomes were drawn, and the promise taken back
            assert error == pytest.approx(expected.temperature, rel=2e-6), (n, z, temperature)
            sharp += error < np.inf
    assert sharp > 10


def test_counts_have_the_temperature_that_is_estimated(rng):
    for n, z, _ in problems(rng, 200):
        if np.ptp(z) == 0 or np.isinf(z).any():
            continue
        estimate, read = ss.estimate_temperature(n, z, confidence_level=0.9), np.zeros(3)
        width = np.ptp(z)
        thermometer.take_temperature((z - z.max()) / width, n, 0.9, np.zeros(3), read)
        found = [width / b if b > 0 else np.inf for b in read[[0, 2, 1]]]
        np.testing.assert_allclose(found, [estimate.temperature, estimate.low, estimate.high], rtol=1e-7)


def test_rows_have_the_temperature_that_is_fitted(rng):
    for true in (0.4, 1.0, 3.0):
        z = 4 * rng.standard_normal((400, 6))
        z[::5, 2] = -np.inf
        labels = (z / true + rng.gumbel(size=z.shape)).argmax(axis=1)
        fit, u = ss.fit_temperature(z, labels, confidence_level=0.9), 0.0
        for _ in range(20):
            sums, step, end = np.zeros(12), np.zeros(3), np.zeros(4)
            for rows in (slice(0, 150), slice(150, None)):  # blocks of any length
                fitting.add_likelihood(z[rows].ravel(), labels[rows], u, sums)
            fitting.next_step(sums, step)
            if step[2]:
                break
            u += step[0]
        fitting.end_fit(sums, u, step[0], 0.9, end)
        np.testing.assert_allclose(end, [fit.temperature, fit.low, fit.high, fit.nll_after], rtol=1e-9)


def test_tails_are_those_of_scipy():
    share, student, normal = map(compiled, (tails.beta_share, tails.student_quantile, tails.normal_quantile))
    for a, b, x in [(0.5, 0.5, 0.3), (3.0, 40.0, 0.02), (200.0, 5.0, 0.99), (1e4, 2e4, 0.33), (1e-3, 2.0, 0.5)]:
        assert share(a, b, x, 1 - x) == pytest.approx(special.betainc(a, b, x), rel=1e-10)
    assert (share(2.0, 3.0, 0.0, 1.0), share(2.0, 3.0, 1.0, 0.0)) == (0, 1)
    for freedom in (0.7, 1.0, 3.0, 50.0, 1e4):
        for tail in (0.3, 0.025, 1e-6):
            assert student(freedom, tail) == pytest.approx(-special.stdtrit(freedom, tail), rel=1e-10)
    for tail in (0.5, 0.4, 0.025, 1e-10, 1e-300):
        assert normal(tail) == pytest.approx(-special.ndtri(tail), abs=1e-13)
    assert normal(0.0) == np.inf
