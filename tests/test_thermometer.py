"""The thermometer: readings of exact counts, coverage, and its two ends."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from limits import at_most

from simsoftmax import estimate_temperature, softmax

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
