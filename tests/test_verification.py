"""The verdict: exact rates of false alarms, promises of power kept, and faults that must be caught."""

import math

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from benchmarks.wrong_samplers import wrong_samplers
from simsoftmax import (
    EProcess,
    detectable_difference,
    estimate_temperature,
    required_particles,
    simulate,
    softmax,
    transition_matrix,
    verify,
    verify_average,
)
from simsoftmax.verification import _average_variance, _Null, _residuals, _tests

EXAMPLE = np.array([2.0, 1.0, 0.1])
ALARM = 1e-6  # of each random test here


def at_most(successes, trials, rate):
    """Whether so many successes are compatible with a rate of at most this, at a false-alarm rate of ALARM."""
    return stats.binom.sf(successes - 1, trials, rate) > ALARM


def at_least(successes, trials, rate):
    return stats.binom.cdf(successes, trials, rate) > ALARM


# -- the rate of false alarms ------------------------------------------------------------------------------------------


def all_outcomes(p, particles):
    """Return every outcome of some weight and its probability, for up to four levels."""
    largest = int(np.argmax(p))
    others = np.delete(np.arange(len(p)), largest)
    mean = particles * p[others]
    low = np.maximum(np.floor(mean - 8 * np.sqrt(mean)), 0).astype(int)
    high = np.minimum(np.ceil(mean + 8 * np.sqrt(mean) + 12), particles).astype(int)
    grid = np.meshgrid(*[np.arange(a, b + 1) for a, b in zip(low, high, strict=True)], indexing="ij")
    counts = np.zeros((grid[0].size, len(p)), dtype=np.int64)
    counts[:, others] = np.stack([g.ravel() for g in grid], axis=-1)
    counts[:, largest] = particles - counts.sum(axis=1)
    counts = counts[counts[:, largest] >= 0]
    return counts, stats.multinomial.pmf(counts, particles, p)


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


@pytest.mark.parametrize(("logits", "temperature", "particles"), SMALL)
def test_false_alarms_of_small_problems_summed_over_all_outcomes(logits, temperature, particles):
    null = _Null.of(np.array(logits), temperature, particles)
    counts, chance = all_outcomes(null.p, particles)
    assert chance.sum() == pytest.approx(1, abs=1e-9)
    p_value = null.judge(counts)[2]
    order = np.argsort(p_value)
    rate, nominal = np.cumsum(chance[order]), p_value[order]
    tried = (nominal < 0.5) & (nominal > 1e-9)
    assert tried.any()
    assert (rate[tried] <= nominal[tried] * (1 + 1e-6) + 1e-12).all()


def test_the_sum_over_outcomes_would_show_a_gaussian_verdict_to_be_wrong():
    # The negative control of the test above: Pearson's chi-square with ten levels' worth of comfort still cries wolf.
    p = np.array([0.9, 0.09, 0.01])
    counts, chance = all_outcomes(p, 1000)
    pearson = (((counts - 1000 * p) ** 2) / (1000 * p)).sum(axis=1)
    assert chance[stats.chi2.sf(pearson, 2) <= 1e-6].sum() > 2e-6


@pytest.mark.parametrize(
    ("levels", "temperature", "particles", "experiments"),
    [(2, 2.0, 10**9, 20_000), (3, 2.0, 10**5, 20_000), (10, 0.5, 1000, 20_000), (100, 1.7, 2000, 4000),
     (1000, 0.6, 10**5, 500)],
)  # fmt: skip
def test_false_alarms_come_at_most_at_the_stated_rate(levels, temperature, particles, experiments, rng):
    logits = np.linspace(0, 3, levels) + 0.3 * np.sin(np.arange(levels))
    null = _Null.of(logits, temperature, particles)
    p_value = null.judge(rng.multinomial(particles, null.p, size=experiments))[2]
    for rate in (0.1, 0.01, 0.001):
        assert at_most((p_value <= rate).sum(), experiments, rate)


@pytest.mark.parametrize("levels", [2, 3, 6])
def test_p_values_are_uniform_when_nothing_is_rare(levels, rng):
    logits = np.linspace(0, 2, levels)
    null = _Null.of(logits, 1.4, 10**12)
    p_value = null.judge(rng.multinomial(10**12, null.p, size=3000))[2]
    assert stats.kstest(p_value, "uniform").pvalue > ALARM


@given(st.integers(2, 7), st.integers(0, 10**6), st.floats(0.2, 5))
def test_residuals_match_exact_binomial_tails(levels, seed, temperature):
    draw = np.random.default_rng(seed)
    p = softmax(draw.normal(size=levels), temperature)
    counts = draw.multinomial(int(draw.integers(1, 400)), p)
    z, jump, spread = _residuals(counts, p)
    assert (jump >= 0).all()
    assert (spread >= 0).all()
    left = counts[::-1].cumsum()[::-1]
    for j in range(levels - 1):
        x = stats.binom(left[j], p[j] / p[j:].sum())
        mid = x.cdf(counts[j] - 1) + x.pmf(counts[j]) / 2
        assert stats.norm.cdf(z[j]) == pytest.approx(mid, rel=1e-6, abs=1e-9) or abs(z[j]) < 1e-9


def test_far_tails_are_right():
    p = softmax([1.0, 0.0], 0.5)
    with mpmath.workdps(60):
        low = mpmath.mpf(float(p[0]))
        exact = mpmath.fsum(mpmath.binomial(2000, k) * low**k * (1 - low) ** (2000 - k) for k in range(1401))
    assert verify([1400, 600], [1.0, 0.0], 0.5).p_value == pytest.approx(2 * float(exact), rel=1e-9)


def test_the_direction_of_temperature_is_the_one_in_which_residuals_move():
    logits, t, n = np.array([1.0, 0.3, 0.2, -2.0]), 1.3, 10**12
    null = _Null.of(logits, t, n)
    moved = _residuals(np.round(n * softmax(logits, t * (1 - 1e-4))).astype(np.int64), null.groups.probability)[0]
    assert moved / np.linalg.norm(moved) == pytest.approx(null.direction, abs=1e-3)
    assert null.judge(np.round(n * softmax(logits, 0.9 * t)).astype(np.int64))[0] > 0


def test_residuals_add_up_to_pearsons_chi_square():
    p = softmax(EXAMPLE, 2.0)
    counts = np.array([5.0e9 + 3e4, 3.1e9, 0]).astype(np.int64)
    counts[2] = 10**10 - counts.sum()
    counts = np.round(10**10 * p).astype(np.int64) + np.array([60_000, -20_000, -40_000])
    z, _, _ = _residuals(counts, p)
    n = counts.sum()
    assert (z**2).sum() == pytest.approx(((counts - n * p) ** 2 / (n * p)).sum(), rel=1e-3)


# -- what must fail, and what must pass -------------------------------------------------------------------------------

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


@pytest.mark.parametrize(("temperature", "vector"), WRONG)
def test_few_particles_reject_the_widely_copied_example(temperature, vector, rng):
    distance = 0.5 * np.abs(np.array(vector) - softmax(EXAMPLE, temperature)).sum()
    particles = required_particles(distance, EXAMPLE, temperature, false_alarm=1e-6)
    assert particles < 50_000
    null = _Null.of(EXAMPLE, temperature, particles)
    caught = null.judge(rng.multinomial(particles, vector, size=3000))[2] <= 1e-6
    assert at_least(caught.sum(), 3000, 0.99)


@pytest.mark.parametrize("name", list(wrong_samplers()))
def test_negative_controls_are_caught_with_the_promised_power(name, rng):
    logits, temperature, wrong = wrong_samplers()[name]
    if name == "temperature off by 5 %":
        particles = required_particles(0.05, logits, temperature, of="temperature")
    else:
        distance = 0.5 * np.abs(wrong - softmax(logits, temperature)).sum()
        assert distance > 1e-6
        particles = required_particles(distance, logits, temperature)
    null = _Null.of(logits, temperature, particles)
    experiments = 3000
    caught = (null.judge(rng.multinomial(particles, wrong, size=experiments))[2] <= 1e-3).sum()
    assert at_least(caught, experiments, 0.99)
    alarms = (null.judge(rng.multinomial(particles, null.p, size=experiments))[2] <= 1e-3).sum()
    assert at_most(alarms, experiments, 1e-3)


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


# -- promises ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("logits", "temperature", "particles"),
    [(EXAMPLE, 2.0, 2000), (np.linspace(0, 3, 10), 0.5, 5000), (np.array([3.0, 0.0]), 0.7, 3000)],
)
def test_detectable_errors_are_caught_with_the_stated_power(logits, temperature, particles, rng):
    power, experiments = 0.9, 3000
    null = _Null.of(logits, temperature, particles)
    least = detectable_difference(particles, logits, temperature, power=power)
    p = null.p
    wrong = [softmax(logits, temperature * (1 + s * least.temperature)) for s in (1, -1)]
    for _ in range(6):  # the least visible errors move mass between two sets in proportion
        inside = rng.random(len(p)) < 0.5
        inside[p.argmax()], inside[p.argmin()] = True, False
        share = p[inside].sum() - least.total_variation
        wrong.append(np.where(inside, p * share / p[inside].sum(), p * (1 - share) / p[~inside].sum()))
    for q in wrong:
        caught = (null.judge(rng.multinomial(particles, q, size=experiments))[2] <= 1e-3).sum()
        assert at_least(caught, experiments, power)
    # Half of the error is not caught with that power: the promise is not an idle one.
    half = (p + wrong[0]) / 2
    caught = (null.judge(rng.multinomial(particles, half, size=experiments))[2] <= 1e-3).sum()
    assert at_most(caught, experiments, power)
    assert caught < 0.8 * experiments


@pytest.mark.parametrize("of", ["total_variation", "temperature"])
@pytest.mark.parametrize("difference", [0.1, 0.01, 1e-4])
def test_required_particles_inverts_detectable_difference(of, difference):
    n = required_particles(difference, EXAMPLE, 2.0, of=of)
    assert getattr(detectable_difference(n, EXAMPLE, 2.0), of) <= difference
    assert getattr(detectable_difference(n - 1, EXAMPLE, 2.0), of) > difference


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


def test_pooled_levels_count_as_unseen():
    wide = detectable_difference(100, np.zeros(1000), 1.0)
    assert wide.total_variation > 0.7
    assert detectable_difference(10**7, np.zeros(1000), 1.0).total_variation < 0.01
    assert math.isinf(wide.temperature)


# -- the corners ----------------------------------------------------------------------------------------------------


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


def test_wrong_differences_are_named():
    with pytest.raises(ValueError, match=r"difference must lie strictly between 0 and 1, got 1\.5"):
        required_particles(1.5, EXAMPLE)
    with pytest.raises(TypeError, match="difference must be a number, got 'x'"):
        required_particles("x", EXAMPLE)
    with pytest.raises(ValueError, match="of must be 'total_variation' or 'temperature'"):
        required_particles(0.1, EXAMPLE, of="energy")
    with pytest.raises(ValueError, match="is not caught by"):
        required_particles(0.1, [1.0, 1.0], of="temperature")
    with pytest.raises(ValueError, match="particles must be from 1"):
        detectable_difference(0, EXAMPLE)


# -- time averages ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("correlation", [0.0, 0.5, -0.7, 0.999, 1 - 1e-7, 1.0])
@pytest.mark.parametrize("records", [1, 2, 50])
def test_variance_of_an_average_of_correlated_records(correlation, records):
    d = np.arange(1, records)
    direct = (records + 2 * ((records - d) * correlation**d).sum()) / records**2
    assert _average_variance(np.array([correlation]), records)[0] == pytest.approx(direct, rel=1e-6)


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
def test_time_averages_are_judged_at_the_stated_rate(proposal, every, rng):
    logits, t, n, records, runs = np.array([1.0, 0.2, 0.0, -0.5, -1.0]), 1.5, 20_000, 20, 1500
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
    assert average.p_value == pytest.approx(count.p_value, rel=1e-2)
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


# -- the thermometer --------------------------------------------------------------------------------------------------


@given(st.floats(0.4, 20), st.lists(st.floats(-3, 3), min_size=2, max_size=8))
def test_the_thermometer_reads_exact_counts(temperature, logits):
    logits = np.append(logits, [4.0, -4.0])
    counts = np.round(softmax(logits, temperature) * 1e15).astype(np.int64)
    estimate = estimate_temperature(counts, logits)
    assert estimate.temperature == pytest.approx(temperature, rel=1e-4)
    assert estimate.low < estimate.temperature < estimate.high
    scaled = estimate_temperature(counts, 1e3 * logits + 5)
    assert scaled.temperature == pytest.approx(1e3 * estimate.temperature, rel=1e-6)


@pytest.mark.parametrize(
    ("logits", "temperature", "particles"),
    [(EXAMPLE, 2.0, 5), (EXAMPLE, 0.5, 30), (np.array([1.0, 0.0]), 0.7, 12), (np.linspace(0, 4, 10), 0.6, 50)],
)
def test_the_interval_of_the_thermometer_covers(logits, temperature, particles, rng):
    runs, missed = 2000, 0
    for counts in rng.multinomial(particles, softmax(logits, temperature), size=runs):
        estimate = estimate_temperature(counts, logits)
        assert estimate.low <= estimate.temperature <= estimate.high
        missed += not estimate.low <= temperature <= estimate.high
    # A lattice of few outcomes covers a little more or less than 95 %; half a per cent of slack stands for that.
    assert at_most(missed, runs, 0.055)
    missed = sum(
        not (e := estimate_temperature(c, logits)).low <= 3 * temperature <= e.high
        for c in rng.multinomial(1000, softmax(logits, temperature), size=100)
    )
    assert missed > 50


def test_the_ends_of_the_thermometer():
    cold = estimate_temperature([10, 0, 0], EXAMPLE)
    assert (cold.temperature, cold.low) == (0.0, 0.0)
    # Exact: at the upper end, ten particles out of ten are in the ground state with probability 2.5 %.
    assert softmax(EXAMPLE, cold.high)[0] ** 10 == pytest.approx(0.025, rel=1e-9)
    inverted = estimate_temperature([20, 25, 50], EXAMPLE)
    assert math.isinf(inverted.temperature)
    assert inverted.inverted
    assert "infinity" in str(inverted)
    even = estimate_temperature([30, 30, 30], EXAMPLE)
    assert math.isinf(even.high)
    assert math.isfinite(even.low)
    with pytest.raises(ValueError, match="logits must differ"):
        estimate_temperature([1, 2], [1.0, 1.0])
    with pytest.raises(ValueError, match="counts must be 0 where the logit is -inf"):
        estimate_temperature([1, 2, 1], [1.0, 0.0, -np.inf])
    with pytest.raises(ValueError, match="confidence must lie strictly"):
        estimate_temperature([1, 2, 1], EXAMPLE, confidence=95)


# -- evidence --------------------------------------------------------------------------------------------------------


def test_evidence_is_the_dirichlet_multinomial_ratio(rng):
    p, counts = softmax(EXAMPLE, 2.0), np.array([40, 70, 3])
    watch = EProcess(EXAMPLE, 2.0)
    watch.update(counts)
    a = 3 * p
    with mpmath.workdps(40):
        exact = mpmath.loggamma(a.sum()) - mpmath.loggamma(a.sum() + counts.sum())
        for ai, ni, pi in zip(a, counts.tolist(), p, strict=True):
            exact += mpmath.loggamma(ai + ni) - mpmath.loggamma(ai) - ni * mpmath.log(pi)
    assert watch.log_evidence == pytest.approx(float(exact), rel=1e-10)
    stepwise = EProcess(EXAMPLE, 2.0)
    for level in rng.permutation(np.repeat(np.arange(3), counts)):
        stepwise.update(np.eye(3, dtype=int)[level])
    assert stepwise.log_evidence == pytest.approx(watch.log_evidence, rel=1e-10)
    assert (stepwise.counts == counts).all()


def test_evidence_is_fair_under_the_null():
    # Exactly: over all outcomes of 12 draws, the mean of the evidence is 1.
    p = softmax(EXAMPLE, 2.0)
    counts, chance = all_outcomes(p, 12)
    total = 0.0
    for n, weight in zip(counts, chance, strict=True):
        watch = EProcess(EXAMPLE, 2.0, concentration=5)
        watch.update(n)
        total += weight * watch.evidence
    assert total == pytest.approx(1, rel=1e-9)


def test_peeking_is_allowed_at_evidence_and_not_at_chi_square(rng):
    p, runs, looks, batch = softmax(EXAMPLE, 2.0), 1000, 40, 50
    alarms = peeks = 0
    for _ in range(runs):
        watch, seen, peeked = EProcess(EXAMPLE, 2.0), np.zeros(3), False
        for _ in range(looks):
            draws = rng.multinomial(batch, p)
            watch.update(draws)
            seen += draws
            n = seen.sum()
            peeked |= ((seen - n * p) ** 2 / (n * p)).sum() > 9.21  # the 1 % point of two degrees of freedom
        alarms += watch.alarm(0.01)
        peeks += peeked
    assert at_most(alarms, runs, 0.01)
    assert not at_most(peeks, runs, 0.01)
    wrong = EProcess(EXAMPLE, 2.0)
    wrong.update(rng.multinomial(20_000, softmax(EXAMPLE)))
    assert wrong.alarm(1e-9)


def test_evidence_of_the_impossible_is_infinite():
    watch = EProcess([0.0, 0.0, -np.inf])
    watch.update([5, 5, 0])
    assert not watch.alarm(0.5)
    watch.update([0, 0, 1])
    watch.update([50, 50, 0])
    assert math.isinf(watch.log_evidence)
    assert math.isinf(watch.evidence)
    assert watch.alarm(1e-300)
    assert "inf" in str(watch)
    with pytest.raises(ValueError, match="concentration must be a positive number"):
        EProcess(EXAMPLE, concentration=0)


def test_two_tests_share_one_budget():
    # Independent normal residuals without jumps: the combined p-value of the pair is exactly uniform.
    u = (np.arange(400) + 0.5) / 400
    z1, z2 = np.meshgrid(stats.norm.ppf(u), stats.norm.ppf(u))
    z = np.stack([z1.ravel(), z2.ravel()], axis=-1)
    p_value = _tests(z, np.zeros_like(z), np.zeros_like(z), np.array([1.0, 0.0]))[2]
    for rate in (0.3, 0.1, 0.03):
        assert (p_value <= rate).mean() == pytest.approx(rate, rel=0.03)
