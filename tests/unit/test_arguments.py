from decimal import Decimal
from fractions import Fraction

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from simsoftmax import arguments
from simsoftmax.calibration.rows import as_table


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


def test_probabilities_have_a_reciprocal():
    assert 1 / arguments.as_probability("level", 2.3e-308) < np.inf
    with pytest.raises(ValueError, match=r"level must be at least 2.3e-308, got 5e-324"):
        arguments.as_probability("level", 5e-324)


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


class Tensor:
    """A tensor as PyTorch has them: part of a graph, on a device, and of a type that NumPy does not know."""

    def __init__(self, values, dtype="torch.float32", state="graph"):
        self.values, self.dtype, self.state = values, dtype, state

    def detach(self):
        return Tensor(self.values, self.dtype, "device")

    def cpu(self):
        return Tensor(self.values, self.dtype, "memory" if self.state == "device" else self.state)

    def float(self):
        return Tensor(self.values, "torch.float32", self.state)

    def __array__(self, dtype=None, copy=None):
        if self.state != "memory" or self.dtype == "torch.bfloat16":
            raise RuntimeError("Can't call numpy() on a tensor like this")
        return np.array(self.values, np.float32)


class Capsule:
    """An array of a library that speaks DLPack alone."""

    def __init__(self, array):
        self.array = array

    def __dlpack__(self, **options):
        return self.array.__dlpack__(**options)

    def __dlpack_device__(self):
        return self.array.__dlpack_device__()


class Interface:
    """An array of a library that describes its memory to NumPy."""

    def __init__(self, array):
        self.array, self.__array_interface__ = array, array.__array_interface__


class OnDevice(Capsule):
    """An array in the memory of a device, as CuPy has them: it comes to the host when asked, and never by itself."""

    def __array__(self, dtype=None, copy=None):
        raise TypeError("Implicit conversion to a NumPy array is not allowed.")

    def __dlpack__(self, *, dl_device=None, **options):
        if dl_device != (1, 0):
            raise BufferError("not on this device")
        return self.array.copy().__dlpack__(**options)

    def __dlpack_device__(self):
        return 2, 0


@pytest.mark.parametrize("kind", [np.float64, np.float32, np.int64])
@pytest.mark.parametrize("wrap", [Capsule, Interface])
def test_what_lies_in_memory_is_read_where_it_lies(wrap, kind):
    array = np.arange(6).reshape(2, 3).astype(kind)
    for one in (array, array[:, ::2], array.T):
        seen = arguments.as_regular("x", wrap(one), "pass numbers")
        assert np.shares_memory(seen, array)
        np.testing.assert_array_equal(seen, one)
    if kind != np.int64:
        assert np.shares_memory(as_table(wrap(array), wrap(np.array([0, 2])), None, 1, False).logits, array)
    with pytest.raises((TypeError, ValueError), match="x must be real numbers"):
        arguments.as_real("x", wrap(np.array([1j])), "pass numbers")


def test_a_device_that_does_not_copy_is_named():
    class Stubborn(OnDevice):
        def __dlpack__(self, **options):
            raise BufferError("cannot be moved")

    with pytest.raises(TypeError, match=r"x must be readable as a NumPy array, got Stubborn \(BufferError.*; copy it"):
        arguments.as_real("x", Stubborn(np.ones(2)), "pass numbers")


@pytest.mark.parametrize(
    "given",
    [
        [0.5, 2.0, -8.0],
        np.array([0.5, 2, -8], np.float16),
        np.array([0.5, 2, -8], ">f4"),
        np.array([0.5, 2.0, -8.0], object),
        [Fraction(1, 2), Decimal(2), -8],
        np.ma.array([0.5, 2.0, -8.0], mask=False),
        Tensor([0.5, 2.0, -8.0]),
        Tensor([0.5, 2.0, -8.0], "torch.bfloat16"),
        Capsule(np.array([0.5, 2.0, -8.0])),
        Interface(np.array([0.5, 2.0, -8.0])),
        OnDevice(np.array([0.5, 2.0, -8.0])),
    ],
)
def test_whatever_holds_real_numbers_is_taken(given):
    array = arguments.as_real("x", given, "pass numbers")
    assert array.dtype.kind == "f"
    assert array.tolist() == [0.5, 2.0, -8.0]


@pytest.mark.parametrize(
    ("given", "error", "says"),
    [
        ([1.0, None], TypeError, "x must be real numbers, got None at index 1; pass"),
        ([True, Fraction(1, 2)], TypeError, "x must be real numbers, got True at index 0; pass"),
        ([1, 10**400], ValueError, "x must fit in float64, got 1000.*, which becomes inf; pass"),
        ([1, -(10**5000)], ValueError, "x must fit in float64, got an object of type int that cannot be printed"),
        ([1, Fraction(1, 10**400)], ValueError, "x must fit in float64, got .*, which becomes 0.0; pass"),
        (np.array([1.0], np.longdouble), TypeError, "x must be real numbers, got dtype [a-z]+[0-9]+"),
        (object(), TypeError, "x must be real numbers"),
    ],
)
def test_what_float64_cannot_hold_is_named(given, error, says):
    with pytest.raises(error, match=says):
        arguments.as_real("x", given, "pass numbers")


FORMS = [float, np.float64, np.float32, np.float16, np.array, Fraction, Decimal]
CHECKS = {
    "positive": (arguments.as_positive, 0.25),
    "count": (arguments.as_count, 4),
    "probability": (arguments.as_probability, 0.25),
    "temperature": (lambda name, value: arguments.as_temperature(value, scalar=True, name=name), 0.25),
}


@pytest.mark.parametrize(("check", "value"), CHECKS.values(), ids=CHECKS)
def test_one_number_has_many_forms(check, value):
    for form in FORMS:
        assert check("x", form(value)) == value
    wrong = [True, np.array(True), "1", None, 1j, [[0.5], [1, 2]], [0.25], np.ma.masked, np.array("a"), -(10**5000)]
    for no_number in [*wrong, np.nan, np.datetime64("2020"), Decimal("sNaN"), np.longdouble(1), {"a": 1}]:
        with pytest.raises((TypeError, ValueError), match="x must"):
            check("x", no_number)


def test_limits_of_counts_are_exact():
    most = 2**53
    assert arguments.as_counts(np.array([60000, 60000], np.float16), 2).tolist() == [60000, 60000]
    assert arguments.as_counts([most, 0], 2).tolist() == [most, 0]
    for kind in (np.int64, np.uint64, object):
        with pytest.raises(ValueError, match=f"whole numbers from 0 to .*, got {most + 1} at index 0"):
            arguments.as_counts(np.array([most + 1, 0], kind), 2)
    with pytest.raises(ValueError, match=f"sum to between 1 and .* got {most + 1};"):
        arguments.as_counts([most, 1], 2)
    with pytest.raises(ValueError, match="n must be from 1 to"):
        arguments.as_count("n", 10**5000)
