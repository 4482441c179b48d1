import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from simsoftmax import arguments


@given(st.lists(st.integers(0, 2**40), min_size=1, max_size=9).filter(any))
def test_counts_of_any_type_come_back_as_integers(counts):
    for given_counts in (counts, np.array(counts), np.array(counts, float), tuple(counts)):
        checked = arguments.as_counts(given_counts, len(counts))
        assert checked.dtype == np.int64
        assert checked.tolist() == counts


@given(st.floats(allow_nan=True, allow_infinity=True))
def test_a_count_is_whole_or_refused(value):
    if value.is_integer() and 1 <= value <= 2**53:
        assert arguments.as_count("n", value) == value
    else:
        with pytest.raises(ValueError, match="n must be"):
            arguments.as_count("n", value)


@pytest.mark.parametrize(
    ("counts", "error", "says"),
    [
        ([1, 2], ValueError, "counts must hold one number for each of the 3 logits"),
        ([[1, 2, 3]], ValueError, "counts must hold one number for each of the 3 logits"),
        ([1, -2, 3], ValueError, "counts must be whole numbers from 0 to 2.*53, got -2 at index 1"),
        ([1, 2.5, 3], ValueError, "got 2.5 at index 1; pass the number of particles"),
        ([0.2, 0.3, 0.5], ValueError, "got 0.2 at index 0; multiply shares by the number of particles"),
        ([1, np.nan, 3], ValueError, "got nan at index 1"),
        ([1, np.inf, 3], ValueError, "got inf at index 1"),
        ([0, 0, 0], ValueError, "counts must sum to between 1 and"),
        ([2**52, 2**52, 2**52], ValueError, "counts must sum to between 1 and"),
        (["a", "b", "c"], TypeError, "counts must be real numbers"),
        ([1j, 2, 3], TypeError, "counts must be real numbers"),
        ([True, False, True], TypeError, "counts must be real numbers"),
        (None, TypeError, "counts must be real numbers"),
    ],
)
def test_wrong_counts_are_named(counts, error, says):
    with pytest.raises(error, match=says):
        arguments.as_counts(counts, 3)


@pytest.mark.parametrize("value", [0, 1, -0.1, 1.1, np.nan, np.inf])
def test_probabilities_lie_strictly_between_0_and_1(value):
    with pytest.raises(ValueError, match="level must lie strictly between 0 and 1"):
        arguments.as_probability("level", value)


@pytest.mark.parametrize("value", ["0.5", None, True, 0.5j, [0.5]])
def test_probabilities_are_numbers(value):
    with pytest.raises(TypeError, match="level must be a number"):
        arguments.as_probability("level", value)


def test_seeds():
    assert arguments.generator(3).random() == np.random.default_rng(3).random()
    own = np.random.default_rng(3)
    assert arguments.generator(own) is own
    for seed, error in [(-1, ValueError), (1.5, TypeError), ("a", TypeError), (True, TypeError)]:
        with pytest.raises(error, match="rng must be a seed"):
            arguments.generator(seed)


def test_long_values_are_shortened_in_errors():
    with pytest.raises(TypeError, match=r"\.\.\."):
        arguments.as_logits(["x" * 500])
