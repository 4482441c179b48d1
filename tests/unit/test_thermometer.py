"""The thermometer: readings of exact counts, coverage, and its two ends."""

import math

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from limits import ALARM, at_most
from scipy import stats
from short import short

from simsoftmax import estimate_temperature, softmax
from simsoftmax.verdict.null import Null

EXAMPLE = np.array([2.0, 1.0, 0.1])


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
    short(
        [
            ([2.0, 1.0, 0.1], 0.5, 30),
            ([2.0, 1.0, 0.1], 2.0, 5),
            ([1.0, 0.0], 0.7, 12),
            ([4.0, 2.5, 2.0, 1.0, 0.0], 0.6, 50),
        ]
    ),
)
def test_the_interval_of_the_thermometer_covers(logits, temperature, particles, rng):
    runs, missed = 2000, 0
    drawn = rng.multinomial(particles, softmax(logits, temperature), size=runs)
    for counts, often in zip(*np.unique(drawn, axis=0, return_counts=True), strict=True):
        estimate = estimate_temperature(counts, logits)
        assert estimate.low <= estimate.temperature <= estimate.high
        missed += often * (not estimate.low <= temperature <= estimate.high)
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
    with pytest.raises(ValueError, match="confidence_level must lie strictly"):
        estimate_temperature([1, 2, 1], EXAMPLE, confidence_level=95)


@given(st.integers(0, 10**6), st.floats(0.3, 8), st.floats(1, 53), st.integers(2, 6))
def test_the_thermometer_reads_any_number_of_particles(seed, temperature, bits, levels):
    draw = np.random.default_rng(seed)
    logits, n = np.append(draw.normal(size=levels), 0.0), int(2**bits)
    counts = (n * softmax(logits, temperature)).astype(np.int64)
    counts[logits.argmax()] += n - counts.sum()
    estimate = estimate_temperature(counts, logits)
    assert estimate.low <= estimate.temperature <= estimate.high
    assert 0 <= estimate.p_value <= 1
    if n > 1e7:  # the interval is that of the information in the counts, to the last particle
        capacity = (
            (logits - softmax(logits, temperature) @ logits) ** 2 @ softmax(logits, temperature)
        ) / temperature**2
        width = 2 * 1.959964 * temperature / math.sqrt(n * capacity)
        assert estimate.high - estimate.low == pytest.approx(width, rel=0.02)


def test_an_interval_of_two_energies_is_that_of_clopper_and_pearson_at_any_size():
    for k, n in ((30, 100), (3_000_001, 10_000_000), (90_487_887_991, 10**12)):
        low, high = stats.binomtest(k, n).proportion_ci(0.95, method="exact") if n < 1e11 else (None, None)
        estimate = estimate_temperature([n - k, k], [3.0, 0.0])
        if low is not None:
            assert softmax([3.0, 0.0], estimate.low)[1] == pytest.approx(low, rel=1e-9)
            assert softmax([3.0, 0.0], estimate.high)[1] == pytest.approx(high, rel=1e-9)
    assert estimate.high == pytest.approx(estimate.temperature, rel=1e-5)
    assert estimate.low < estimate.temperature < estimate.high


@pytest.mark.parametrize("mask", [-1e9, -3.4028235e38, -1e100, -1e200, -1e300, -1.7976931348623157e308])
def test_a_mask_reads_as_no_level_at_all(mask):
    for counts in ([50, 30, 20, 0], [100, 0, 0, 0], [60, 40, 0, 0], [20, 25, 50, 0]):
        masked = estimate_temperature(counts, [2.0, 1.0, 0.1, mask])
        right = estimate_temperature(counts, [2.0, 1.0, 0.1, -np.inf])
        if counts[2] < 50 or mask < -1e100:  # a level that is only far down is fuller at infinity than nowhere
            assert masked.temperature == pytest.approx(right.temperature, rel=1e-6)
            assert masked.low == pytest.approx(right.low, rel=1e-6)
        if math.isfinite(right.high):
            assert masked.high == pytest.approx(right.high, rel=1e-6)


def test_a_truncation_that_was_not_declared_is_seen(rng):
    logits, t, nucleus = 2 * rng.normal(size=200), 0.8, 0.9
    p = softmax(logits, t)
    order = np.argsort(-p)
    kept = order[: int(np.searchsorted(p[order].cumsum(), nucleus)) + 1]
    truncated = np.zeros(200)
    truncated[kept] = p[kept] / p[kept].sum()
    counts = rng.multinomial(20_000, truncated)
    hidden = estimate_temperature(counts, logits)
    assert not hidden.low <= t <= hidden.high  # the interval is wrong, and the estimate says so
    assert hidden.p_value < ALARM
    assert "no temperature fits these counts" in str(hidden)
    declared = estimate_temperature(counts, np.where(truncated > 0, logits, -np.inf), confidence_level=1 - ALARM)
    assert declared.low <= t <= declared.high
    assert declared.p_value > ALARM
    assert "no temperature" not in str(declared)


FITS = {
    "example": (EXAMPLE, 2.0, 100),
    "ladder": (np.linspace(0, 9, 12), 1.3, 500),
    "ties": (np.zeros(30) + np.arange(30) % 3, 0.7, 300),
}


@pytest.mark.parametrize(("name", "runs"), short([("ties", 400), *((name, 1000) for name in FITS)]))
def test_the_fit_of_a_sampler_that_is_right_is_rarely_called_bad(name, runs, rng):
    logits, t, n = FITS[name]
    draws = rng.multinomial(n, softmax(logits, t), size=runs)
    assert at_most(sum(estimate_temperature(c, logits).p_value <= 0.01 for c in draws), runs, 0.01)


def test_a_table_of_logits_is_sent_to_the_fit():
    with pytest.raises(ValueError, match="use fit_temperature"):
        estimate_temperature([0, 1], np.zeros((2, 3)))
    with pytest.raises(ValueError, match=r"for draws, one index each, pass tokens="):
        estimate_temperature([0, 1, 2, 1], EXAMPLE)


@pytest.mark.parametrize("particles", [40, 10**5, 10**7, 10**9, 10**15])
def test_each_end_of_an_interval_is_where_the_modified_root_says(particles):
    """r* = r + ln(u / r) / r in 60 digits, without any series, is the normal quantile at both ends."""
    z = [mp.mpf(2), mp.mpf(1), mp.mpf(0)]
    counts = [round(particles * share) for share in (0.5, 0.3)]
    counts.append(particles - sum(counts))
    estimate = estimate_temperature(counts, [2.0, 1.0, 0.0], confidence_level=0.9)
    assert "with 90 % confidence" in str(estimate)
    with mp.workdps(60):
        observed = sum(n * x for n, x in zip(counts, z, strict=True)) / particles

        def log_z(b):
            return mp.log(sum(mp.exp(b * x) for x in z))

        best = mp.findroot(lambda b: mp.diff(log_z, b) - observed, 0.8)
        step = 1 / mp.sqrt(particles * mp.diff(log_z, best, 2))
        for t, sign in ((estimate.high, 1), (estimate.low, -1)):
            b = 1 / mp.mpf(t)
            r = sign * mp.sqrt(2 * particles * ((best - b) * observed - (log_z(best) - log_z(b))))
            u = (best - b) / step
            assert float(r + mp.log(u / r) / r) == pytest.approx(sign * stats.norm.isf(0.05), abs=2e-6)


@pytest.mark.parametrize("particles", [1, 2])
def test_particles_that_are_all_in_the_highest_level_exclude_the_cold(particles):
    """Exact: at the lower end all are there with probability 5 %; no temperature is too hot."""
    hot = estimate_temperature([0, 0, particles], EXAMPLE, confidence_level=0.9)
    assert math.isinf(hot.temperature)
    assert math.isinf(hot.high)
    assert softmax(EXAMPLE, hot.low)[2] ** particles == pytest.approx(0.05, rel=1e-9)
    tied = estimate_temperature([0, 0, particles, 0], [*EXAMPLE, 0.1], confidence_level=0.9)
    assert (2 * softmax([*EXAMPLE, 0.1], tied.low)[2]) ** particles == pytest.approx(0.05, rel=1e-9)


@pytest.mark.parametrize("counts", [[300, 300, 400], [120, 60, 120], [420, 320, 260]])
def test_counts_are_judged_without_temperature_unless_it_would_be_negative(counts):
    """Where no temperature fits, the one nearest is infinity, and how far the mean energy is off counts as well."""
    logits, particles = np.array([1.0, 0.0, -1.0]), sum(counts)
    found, null = estimate_temperature(counts, logits), Null.of(np.array([0.0, -0.5, -1.0]), math.inf, particles)
    assert found.inverted == (counts[2] > counts[0])
    if found.inverted:
        assert found.p_value == float(null.judge(np.array(counts))[2])
    elif counts[0] == counts[2]:
        assert found.p_value == null.misfit(np.array(counts)) != float(null.judge(np.array(counts))[2])
    else:
        assert found.p_value > 0.1
