"""The verdict: what it says, faults that must fail, and time averages."""

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from limits import ALARM, at_most
from scipy import stats
from short import repeated

from simsoftmax import detectable_difference, simulate, softmax, transition_matrix, verify, verify_average
from simsoftmax.proposals import as_proposal
from simsoftmax.verdict.verification import _average_covariance, _average_variance

EXAMPLE = np.array([2.0, 1.0, 0.1])


# -- what must fail, and what must pass --
WRONG = [(1.0, (0.71, 0.23, 0.06)), (2.0, (0.54, 0.33, 0.13)), (0.5, (0.88, 0.11, 0.01))]


@pytest.mark.parametrize(("temperature", "vector"), WRONG)
def test_the_widely_copied_example_is_rejected_and_the_right_one_passes(temperature, vector, rng):
    particles = 100_000
    wrong = np.round(np.array(vector) * particles).astype(int)
    assert not verify(wrong, EXAMPLE, temperature, false_alarm=1e-6)
    right = rng.multinomial(particles, softmax(EXAMPLE, temperature))
    assert verify(right, EXAMPLE, temperature, false_alarm=1e-6)
    rounded = np.round(softmax(EXAMPLE, temperature) * particles).astype(int)
    assert verify(rounded, EXAMPLE, temperature, false_alarm=1e-6).p_value > 0.5


def test_an_impossible_level_fails_outright_and_a_nearly_impossible_one_almost():
    verdict = verify([600, 400, 1], [1.0, 0.5, -np.inf], 1.0, false_alarm=1e-300)
    assert not verdict
    assert verdict.p_value == 0
    assert verdict.worst_level == 2
    assert "probability is zero" in str(verdict)
    counts = np.append(np.round(1e5 * softmax([0.0, 0.0, 0.0])), 1).astype(int)
    assert verify(counts, [0.0, 0.0, 0.0, -25.0]).p_value < 1e-4
    assert verify(counts, [0.0, 0.0, 0.0, -11.0]).p_value > 0.1
    assert not verify([1000, 20], [9.0, 0.0], false_alarm=ALARM)  # a single rare level that expects 0.1


def test_a_verdict_says_no_more_digits_than_it_needs():
    rounded = np.round(softmax(EXAMPLE) * 100_000).astype(int)
    passed = str(verify(rounded, EXAMPLE, false_alarm=1e-3 / 3))
    assert passed.startswith("Passed: 100,000 particles agree with softmax at T = 1 ")
    assert "rejected below 0.000333)" in passed
    assert "with 99.97 % confidence" in passed
    failed = str(verify([0, 0, 100_000_000], EXAMPLE))
    worst = np.sqrt(1e8 * (1 / softmax(EXAMPLE)[2] - 1))  # all in a level that should hold few
    assert f"the level at index 2 is worst, {int(float(f'{worst:.3g}')):,} standard deviations too full" in failed


def test_a_level_is_too_empty_where_others_share_what_it_lacks():
    """Each of the others has a tenth of it, and the level that lacks it is the worst."""
    z = [3.0, *[0.0] * 10]
    counts = np.round(100_000 * softmax(z, 1.5)).astype(int)
    counts += np.array([-1000, *[100] * 10])
    failed = str(verify(counts, z, 1.5))
    assert "the level at index 0 is worst" in failed
    assert "standard deviations too empty" in failed


def test_truncation_in_the_wrong_order_is_caught(rng):
    # Nucleus first, then temperature, where it should be the other way round.
    logits, t, nucleus = rng.normal(size=200) * 2, 1.8, 0.8

    def keep(p):
        order = np.argsort(-p)
        size = int(np.searchsorted(p[order].cumsum(), nucleus)) + 1
        truncated = np.full(len(p), -np.inf)
        truncated[order[:size]] = logits[order[:size]]
        return truncated

    right, wrong = keep(softmax(logits, t)), keep(softmax(logits))
    assert verify(rng.multinomial(20_000, softmax(right, t)), right, t, false_alarm=ALARM)
    assert not verify(rng.multinomial(20_000, softmax(wrong, t)), right, t, false_alarm=ALARM)


def test_a_vocabulary_with_most_levels_unseen(rng):
    logits = rng.normal(size=128_000) * 2
    draws = rng.multinomial(20_000, softmax(logits, 0.7))
    assert (draws == 0).mean() > 0.8
    verdict = verify(draws, logits, 0.7, false_alarm=ALARM)
    assert verdict
    assert verdict.groups < 20_000
    assert not verify(rng.multinomial(20_000, softmax(logits)), logits, 0.7, false_alarm=ALARM)


def test_the_bound_on_total_variation_holds_and_beats_weissman(rng):
    p, q = softmax(EXAMPLE, 2.0), softmax(EXAMPLE, 2.3)
    truth, n, runs, alarm = 0.5 * np.abs(p - q).sum(), 400, 1500, 0.05
    misses = 0
    for counts in rng.multinomial(n, q, size=runs):
        misses += truth > verify(counts, EXAMPLE, 2.0, false_alarm=alarm).total_variation_bound
    assert at_most(misses, runs, alarm)
    verdict = verify(counts, EXAMPLE, 2.0)
    weissman = 0.5 * math.sqrt(2 * math.log((2**3 - 2) / 1e-3) / n)
    assert verdict.total_variation < verdict.total_variation_bound < verdict.total_variation + weissman


def test_ends_of_the_range_of_floats_are_answered():
    assert verify([2**52, 2**52], [0.0, 0.0])
    assert not verify([2**52 + 2**30, 2**52 - 2**30], [0.0, 0.0])
    assert verify([50, 7], [1e308, -1e308], 1e308)
    least = 2.3e-308  # smaller rates are refused by name
    for alarm in (least, 1e-300, 1e-290):
        verdict = verify([5, 5], [1.0, 0.0], false_alarm=alarm)
        assert verdict
        assert verdict.detectable_total_variation > 0.9
    for power in (least, 1 - 2**-53):
        assert verify([50, 50, 90], [1.0, 0.9, 1.6], power=power)
    with pytest.raises(ValueError, match="false_alarm must be at least"):
        verify([5, 5], [1.0, 0.0], false_alarm=5e-324)


def test_a_verdict_that_is_not_a_number_is_none():
    fine = verify([5, 2, 1], EXAMPLE)
    with pytest.raises(FloatingPointError, match="not a number"):
        dataclasses.replace(fine, p_value=math.nan)


def test_limits():
    assert verify([5, 0, 0], EXAMPLE, 0.0)
    assert not verify([5, 1, 0], EXAMPLE, 0.0)
    assert verify([510, 490, 0], [1.0, 1.0, 0.0], 0.0)
    assert not verify([900, 100, 0], [1.0, 1.0, 0.0], 0.0)
    assert verify([1000, 1010, 990], EXAMPLE, math.inf)
    assert not verify([1200, 1000, 800], EXAMPLE, math.inf)
    assert not verify([0, 0, 7], EXAMPLE, 1e-3)
    one = verify([7], [3.0], 2.0)
    assert (one.p_value, one.total_variation_bound, one.detectable_total_variation) == (1.0, 0.0, 0.0)
    # At T = 0 a leak of t stays unseen with probability (1 - t)^N.
    leak = detectable_difference(50, EXAMPLE, 0.0, power=0.9).total_variation
    assert (1 - leak) ** 50 == pytest.approx(0.1)
    assert verify([1, 0, 0], EXAMPLE)
    assert verify(np.array([659, 242, 99]) * 10**12, np.log([0.659, 0.242, 0.099]))


@given(st.lists(st.integers(0, 50), min_size=2, max_size=6).filter(any), st.floats(0.05, 20), st.data())
def test_verdicts_hold_together(counts, temperature, data):
    # Quarters, so that a shift moves no score across another.
    logits = data.draw(st.lists(st.integers(-20, 20).map(lambda i: i / 4), min_size=len(counts), max_size=len(counts)))
    verdict = verify(counts, logits, temperature)
    assert 0 <= verdict.p_value <= 1
    assert verdict.passed == bool(verdict) == (verdict.p_value > 1e-3)
    assert 0 <= verdict.total_variation <= verdict.total_variation_bound <= 1
    assert 0 <= verdict.detectable_total_variation <= 1
    assert verdict.detectable_temperature > 0
    assert str(verdict).endswith(".")
    assert "nan" not in str(verdict) + repr(verdict)
    assert verify(counts, logits, temperature) == verdict
    shifted = verify(counts, np.array(logits) + 3, temperature)
    assert shifted.p_value == pytest.approx(verdict.p_value, rel=1e-6, abs=1e-12)


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"counts": [1.5, 2, 3]}, ValueError, "counts must be whole numbers"),
        ({"counts": [-1, 2, 3]}, ValueError, "counts must be whole numbers"),
        ({"counts": [np.nan, 2, 3]}, ValueError, "counts must be whole numbers"),
        ({"counts": [1, 2]}, ValueError, "counts must hold one number"),
        ({"counts": [0, 0, 0]}, ValueError, "counts must sum to"),
        ({"counts": "many"}, TypeError, "counts must be real numbers"),
        ({"logits": [1.0, np.nan, 2.0]}, ValueError, "logits must be finite or -inf"),
        ({"logits": "abc"}, TypeError, "logits must be real numbers"),
        ({"temperature": -1.0}, ValueError, r"temperature must be >= 0, got -1.0"),
        ({"temperature": [1.0, 2.0]}, ValueError, "temperature must be one number"),
        ({"false_alarm": 0.0}, ValueError, "false_alarm must lie strictly"),
        ({"false_alarm": "low"}, TypeError, "false_alarm must be a number"),
        ({"power": 1.0}, ValueError, "power must lie strictly"),
    ],
)
def test_wrong_input_is_named(change, error, words):
    arguments = {"counts": [5, 2, 1], "logits": EXAMPLE, "temperature": 2.0} | change
    with pytest.raises(error, match=words):
        verify(arguments.pop("counts"), arguments.pop("logits"), arguments.pop("temperature"), **arguments)


# -- time averages --
@pytest.mark.parametrize("correlation", [0.0, 0.5, -0.7, 0.999, 1 - 1e-7, 1.0])
@pytest.mark.parametrize("records", [1, 2, 50])
def test_variance_of_an_average_of_correlated_records(correlation, records):
    d = np.arange(1, records)
    direct = (records + 2 * ((records - d) * correlation**d).sum()) / records**2
    assert _average_variance(np.array([correlation]), records)[0] == pytest.approx(direct, rel=1e-6)


@pytest.mark.parametrize(("records", "every"), [(1, 1), (4, 1), (7, 3)])
@pytest.mark.parametrize("proposal", ["uniform", "neighbour", "others"])
def test_the_covariance_of_an_average_is_summed_over_pairs_of_records(proposal, records, every):
    """And no mode counts for more independent particles than there are records, also where records alternate."""
    logits = np.zeros(3) if proposal == "others" else np.array([1.0, 0.2, -0.7, 0.4])
    p = softmax(logits, 1.5)
    matrix = (1 - np.eye(3)) / 2 if proposal == "others" else transition_matrix(logits, 1.5, proposal=proposal)
    covariance, largest = _average_covariance(matrix, p, records, every)
    times = every * np.arange(records)
    between = [p[:, None] * np.linalg.matrix_power(matrix, abs(s - t)) - np.outer(p, p) for s in times for t in times]
    assert covariance == pytest.approx(np.mean(between, axis=0), abs=1e-14)
    root = np.sqrt(p)
    modes = np.linalg.eigvalsh(covariance / root[:, None] / root)
    assert largest == pytest.approx(max(modes.max(), 1 / records), rel=1e-10)


def averages(matrix, p, particles, records, every, rng):
    """Simulate the time-averaged occupancies of independent chains started in equilibrium."""
    counts = rng.multinomial(particles, p)
    total = np.zeros(len(p))
    stride = np.linalg.matrix_power(matrix, every)
    stride /= stride.sum(axis=1, keepdims=True)
    for r in range(records):
        if r:
            counts = rng.multinomial(counts, stride).sum(axis=0)
        total += counts
    return total / (particles * records)


@pytest.mark.parametrize(("proposal", "every"), [("uniform", 1), ("neighbour", 3)])
@pytest.mark.parametrize("runs", repeated(400, 1500))
def test_time_averages_are_judged_at_the_stated_rate(proposal, every, runs, rng):
    logits, t, n, records = np.array([1.0, 0.2, 0.0, -0.5, -1.0]), 1.5, 20_000, 20
    p, matrix = softmax(logits, t), transition_matrix(logits, t, proposal=proposal)
    p_values, naive = [], []
    for _ in range(runs):
        mean = averages(matrix, p, n, records, every, rng)
        arguments = {"particles": n, "recorded": records, "every": every, "proposal": proposal}
        p_values.append(verify_average(mean, logits, t, **arguments).p_value)
        naive.append(stats.chi2.sf((n * records * (mean - p) ** 2 / p).sum(), 4))
    assert stats.kstest(p_values, "uniform").pvalue > ALARM
    # The negative control: taken for independent draws, the same averages cry wolf far too often.
    assert not at_most((np.array(naive) < 0.01).sum(), runs, 0.01)
    wrong = softmax(logits, t * 1.05)
    mean = averages(transition_matrix(logits, t * 1.05, proposal=proposal), wrong, n, records, every, rng)
    assert not verify_average(mean, logits, t, **arguments, false_alarm=ALARM)


def test_an_average_over_one_record_is_a_count():
    n = 10**10
    counts = np.round(n * softmax(EXAMPLE, 2.0)).astype(np.int64) + np.array([60_000, -20_000, -40_000])
    n = int(counts.sum())
    average = verify_average(counts / n, EXAMPLE, 2.0, particles=n, recorded=1)
    count = verify(counts, EXAMPLE, 2.0)
    # Of the lesser m of the two p-values a count makes 2 m, an average of independent residuals 1 - (1 - m)^2.
    assert average.p_value == pytest.approx(count.p_value - count.p_value**2 / 4, rel=1e-2)
    assert average.temperature_score == pytest.approx(count.temperature_score, rel=1e-3)


def test_averages_of_the_simulator_pass(rng):
    run = simulate(EXAMPLE, 2.0, particles=50_000, rng=rng, record=1)
    longer = run.extend(40)
    mean = longer.occupancies[-40:].mean(axis=0)
    assert verify_average(mean, EXAMPLE, 2.0, particles=50_000, recorded=40, false_alarm=ALARM)
    assert verify(longer.counts, EXAMPLE, 2.0, false_alarm=ALARM)


def test_wrong_averages_are_named():
    for bad, words in [([0.5, 0.5], "occupancy must hold"), ([0.9, 0.2, -0.1], "occupancy must be >= 0"),
                       ([0.5, 0.3, 0.1], "occupancy must sum to 1")]:  # fmt: skip
        with pytest.raises(ValueError, match=words):
            verify_average(bad, EXAMPLE, 2.0, particles=100, recorded=3)
    with pytest.raises(ValueError, match="at most 4096 levels"):
        verify_average(np.full(5000, 1 / 5000), np.zeros(5000), particles=10, recorded=1)


def test_the_statistic_of_many_particles_is_pearsons(rng):
    p, n = softmax(EXAMPLE, 1.7), 10**8
    for t in (1.7, 1.702, 1.698):
        counts = rng.multinomial(n, softmax(EXAMPLE, t))
        verdict = verify(counts, EXAMPLE, 1.7)
        assert verdict.statistic == pytest.approx(stats.chisquare(counts, n * p).statistic, rel=5e-3, abs=1e-3)
        assert verdict.temperature_score**2 <= verdict.statistic * (1 + 1e-9)


@pytest.mark.parametrize("recorded", [1, 7, 40])
@pytest.mark.parametrize("every", [1, 3])
def test_an_average_says_what_it_is_worth_in_independent_draws(recorded, every):
    z, t, n = np.array([0.0, 0.0, -1.0]), 0.8, 1000
    slow = np.linalg.eigvals(transition_matrix(z, t, proposal="neighbour")).real
    correlation = np.sort(slow)[-2] ** every
    days = np.abs(np.subtract.outer(np.arange(recorded), np.arange(recorded)))
    worth = int(n / (correlation**days).mean())
    share = np.array([0.5, 0.4, 0.1])
    verdict = verify_average(share, z, t, particles=n, recorded=recorded, every=every, proposal="neighbour")
    least = detectable_difference(worth, z, t)
    assert verdict.detectable_total_variation == least.total_variation
    assert verdict.total_variation == pytest.approx(0.5 * np.abs(share - softmax(z, t)).sum(), abs=1e-12)
    if recorded == 1:  # one record is one multinomial draw
        counts = np.rint(n * share).astype(int)
        assert verdict.worst_level == verify(counts, z, t).worst_level
        assert verdict.worst_residual == pytest.approx(verify(counts, z, t).worst_residual, rel=1e-9)


@pytest.mark.parametrize("levels", [([1.0, 0.0], [9, 1]), ([0.0, 1.0], [1, 9])])
def test_the_level_that_is_occupied_though_impossible_is_named(levels):
    # Not the one that lacks its particles, which has probability one.
    z, counts = levels
    of_counts = verify(counts, z, 0.0)
    of_average = verify_average(np.array(counts) / 10, z, 0.0, particles=10, recorded=5)
    assert of_counts.worst_level == of_average.worst_level == int(np.argmin(z))
    assert of_counts.worst_residual == of_average.worst_residual == math.inf
    fine = verify_average(np.array(z), z, 0.0, particles=10, recorded=5)
    assert (fine.passed, fine.worst_residual) == (True, 0.0)


def test_an_average_is_judged_by_what_the_proposal_is_not_by_how_it_was_passed():
    ladder = as_proposal("neighbour", 3)
    assert as_proposal(ladder.matrix.tolist(), 3) == as_proposal(ladder.matrix.copy(), 3)  # so that a null is kept
    asked = {"particles": 3000, "recorded": 9, "every": 2}
    share = [0.5, 0.31, 0.19]
    named = verify_average(share, EXAMPLE, 2.0, **asked, proposal="neighbour")
    given = verify_average(share, EXAMPLE, 2.0, **asked, proposal=ladder.matrix)
    assert given.p_value == pytest.approx(named.p_value, rel=1e-9)
    uniform = verify_average(share, EXAMPLE, 2.0, **asked)
    assert named.detectable_temperature == given.detectable_temperature > 1.1 * uniform.detectable_temperature
    swapped = as_proposal(np.eye(3)[[1, 0, 2]], 3)
    assert swapped != as_proposal(np.eye(3)[[0, 2, 1]], 3)


def test_an_average_over_equal_levels_has_no_direction_of_temperature():
    verdict = verify_average([0.26, 0.24, 0.25, 0.25], np.zeros(4), 0.7, particles=1000, recorded=1)
    assert (verdict.temperature_score, verdict.detectable_temperature) == (0.0, math.inf)
    form = 1000 * 4 * 2 * 0.01**2  # Pearson's, as one record is one multinomial draw
    assert verdict.statistic == pytest.approx(form, rel=1e-9)
    assert verdict.p_value == pytest.approx(stats.chi2.sf(form, 3), rel=1e-9)
