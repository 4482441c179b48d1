import hypothesis.strategies as st
import mpmath
import numpy as np
import pytest
import scipy.special
from hypothesis import assume, given, settings

import simsoftmax as ss
from simsoftmax.boltzmann import reduced_logits

EPS = np.finfo(float).eps
TINY = 1e-300
FUNCTIONS = [ss.softmax, ss.log_softmax, ss.log_partition, ss.mean_energy, ss.entropy, ss.free_energy, ss.heat_capacity]

ordinary = st.floats(-50, 50)
logit = st.one_of(ordinary, st.floats(-1e308, 1e308), st.sampled_from([0.0, 1.0, 1e308, -1e308, 1e-308]))
rows = st.lists(st.one_of(logit, st.just(-np.inf)), min_size=1, max_size=8).filter(lambda z: max(z) > -np.inf)
temperatures = st.one_of(st.floats(0.01, 100), st.floats(1e-300, 1e300))


def exact(z, t):
    """Return everything at 50 digits, with the error that float64 must at least be allowed for each.

    The exponents x = (z - max z) / T carry a relative error of a few eps, so exp(x) carries |x| times that. The
    allowance follows from propagating this through each formula, and is no free tolerance.
    """
    with mpmath.workdps(50):
        top = mpmath.mpf(max(z))
        levels = [mpmath.mpf(v) for v in z if v > -np.inf]
        x = [(v - top) / mpmath.mpf(t) for v in levels]
        weights = [mpmath.exp(v) for v in x]
        total = mpmath.fsum(weights)
        p = [w / total for w in weights]
        ground = x.index(0)
        log_z = mpmath.log1p(mpmath.fsum(weights[:ground] + weights[ground + 1 :]))
        log_p = [v - log_z for v in x]
        relative = [EPS * (8 + 4 * abs(v)) for v in x]
        mean = mpmath.fsum(a * b for a, b in zip(p, x, strict=True))
        mean_error = mpmath.fsum(a * r * abs(b) for a, r, b in zip(p, relative, x, strict=True)) + EPS * abs(mean)
        log_z_error = 8 * EPS * (log_z + mpmath.fsum(a * abs(b) for a, b in zip(p, x, strict=True)))
        several = list(zip(p, x, log_p, relative, levels, strict=True))
        return {
            ss.softmax: (p, [a * r for a, r in zip(p, relative, strict=True)]),
            ss.log_softmax: (log_p, [4 * EPS * abs(b) + log_z_error for b in x]),
            ss.log_partition: (top / t + log_z, 4 * EPS * abs(top / t) + log_z_error),
            ss.mean_energy: (
                -mpmath.fsum(a * v for a, v in zip(p, levels, strict=True)),
                mpmath.fsum(a * (r + 8 * EPS) * abs(v) for a, _, _, r, v in several),
            ),
            ss.entropy: (
                -mpmath.fsum(a * b for a, b in zip(p, log_p, strict=True)),
                mpmath.fsum(a * (r * abs(c) + 4 * EPS * abs(b) + log_z_error) for a, b, c, r, _ in several),
            ),
            ss.free_energy: (-(top + t * log_z), 4 * EPS * abs(top) + t * log_z_error),
            ss.heat_capacity: (
                mpmath.fsum(a * (b - mean) ** 2 for a, b in zip(p, x, strict=True)),
                mpmath.fsum(
                    a * (r * (b - mean) ** 2 + 2 * abs(b - mean) * (4 * EPS * abs(b) + mean_error))
                    for a, b, _, r, _ in several
                ),
            ),
        }


@settings(max_examples=300)
@given(rows, temperatures)
def test_every_function_equals_fifty_digits(z, t):
    truth = exact(z, t)
    allowed = np.array(z) > -np.inf
    for function in FUNCTIONS:
        value = np.atleast_1d(function(z, t))
        if value.size == len(z) and function in (ss.softmax, ss.log_softmax):
            empty = value[~allowed]
            assert (empty == (0.0 if function is ss.softmax else -np.inf)).all()
            value = value[allowed]
        wanted, error = truth[function]
        wanted = wanted if isinstance(wanted, list) else [wanted]
        error = error if isinstance(error, list) else [error]
        for got, true, allowance in zip(value, wanted, error, strict=True):
            if abs(true) > 1.79e308:
                assert np.isinf(got)
                assert (got > 0) == (true > 0)
            else:
                assert abs(mpmath.mpf(float(got)) - true) <= allowance + TINY, (function.__name__, got, true)


def test_the_comparison_with_fifty_digits_can_fail():
    p, allowance = exact([2.0, 1.0, 0.1], 0.5)[ss.softmax]
    wrong = ss.softmax([2.0, 1.0, 0.1], 0.5 * (1 + 1e-14))
    assert any(abs(float(a) - b) > e for a, b, e in zip(p, wrong, allowance, strict=True))


@given(rows, temperatures)
def test_softmax_equals_scipy_where_scipy_does_not_overflow(z, t):
    with np.errstate(over="ignore"):
        scaled = np.array(z) / t
    assume(np.isfinite(scaled).any())
    assume((np.abs(scaled[np.isfinite(z)]) < 1e15).all())
    slack = 8 * EPS * (1 + np.abs(scaled[np.isfinite(scaled)]).max())
    np.testing.assert_allclose(ss.softmax(z, t), scipy.special.softmax(scaled), atol=slack)
    np.testing.assert_allclose(ss.log_partition(z, t), scipy.special.logsumexp(scaled), atol=slack, rtol=8 * EPS)
    np.testing.assert_allclose(ss.entropy(z, t), scipy.stats.entropy(scipy.special.softmax(scaled)), atol=50 * slack)


@given(rows, temperatures)
def test_order_is_kept_and_thermodynamics_holds(z, t):
    p = ss.softmax(z, t)
    order = np.argsort(z, kind="stable")
    assert (np.diff(p[order]) >= 0).all()
    assert p.max() == p[int(np.argmax(z))]
    assert 0 <= ss.entropy(z, t) <= np.log(np.isfinite(z).sum()) + 4 * EPS
    assert ss.heat_capacity(z, t) >= 0
    energy, heat = ss.mean_energy(z, t), ss.free_energy(z, t)
    with np.errstate(over="ignore"):
        product = t * ss.entropy(z, t)
    if np.isfinite(heat) and np.isfinite(product):
        scale = max(abs(v) for v in z if np.isfinite(v)) + abs(product)
        assert abs(heat - (energy - product)) <= 1e-12 * scale + TINY


@given(st.lists(ordinary, min_size=2, max_size=6), st.floats(0.3, 30))
def test_entropy_rises_at_the_rate_heat_capacity_over_temperature(z, t):
    step = 1e-5 * t
    slope = (ss.entropy(z, t + step) - ss.entropy(z, t - step)) / (2 * step)
    curvature = 1e-9 * (1 + np.ptp(z) / t) ** 4 / t
    assert abs(slope - ss.heat_capacity(z, t) / t) <= curvature


def test_cold_and_hot_limits_are_exact_with_ties_and_forbidden_levels():
    z = [3.0, 1.0, 3.0, -np.inf]
    assert ss.softmax(z, 0).tolist() == [0.5, 0.0, 0.5, 0.0]
    assert ss.entropy(z, 0) == pytest.approx(np.log(2), abs=EPS)
    assert ss.softmax(z, np.inf).tolist() == pytest.approx([1 / 3, 1 / 3, 1 / 3, 0.0])
    assert ss.entropy(z, np.inf) == pytest.approx(np.log(3), abs=2 * EPS)
    assert (ss.mean_energy(z, 0), ss.free_energy(z, 0)) == (-3.0, -3.0)
    assert ss.free_energy(z, np.inf) == -np.inf
    assert ss.free_energy([3.0, -np.inf], np.inf) == -3.0
    assert (ss.log_partition(z, 0), ss.log_partition([-1.0, -1.0], 0)) == (np.inf, -np.inf)
    assert ss.log_partition([0.0, 0.0, -1.0], 0) == pytest.approx(np.log(2))
    assert (ss.heat_capacity(z, 0), ss.heat_capacity(z, np.inf)) == (0.0, 0.0)
    np.testing.assert_array_equal(ss.log_softmax([1.0, 0.0], 0), [0.0, -np.inf])
    # without ties there is certainty, and not a negative zero
    assert str(ss.entropy([2.0, 1.0], 0)) == "0.0"


def test_nothing_overflows_at_the_ends_of_the_floats():
    assert ss.softmax([1e308, -1e308], 1e308).tolist() == pytest.approx(scipy.special.softmax([1.0, -1.0]))
    assert ss.softmax([1e308, -1e308], 1e-300).tolist() == [1.0, 0.0]
    assert ss.softmax([1e308, 1e308], 1e-300).tolist() == [0.5, 0.5]
    assert ss.mean_energy([1e308, 1e308], 5.0) == -1e308
    assert ss.heat_capacity([1e-300, 0.0], 1e-300) == pytest.approx(ss.heat_capacity([1.0, 0.0], 1.0))


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_results_keep_the_type_and_are_the_rounded_exact_ones(dtype, rng):
    z = rng.normal(size=(50, 7)).astype(dtype)
    for function in FUNCTIONS:
        value = function(z, 0.7)
        assert value.dtype == dtype
        np.testing.assert_array_equal(value, function(z.astype(float), 0.7).astype(dtype))
    assert ss.softmax([1, 2]).dtype == np.float64
    # A temperature of 1e6 in half precision: computed in float64, the order survives until the last rounding.
    assert ss.log_softmax(np.array([1, 2], dtype)[::-1], 3.0)[0] > ss.log_softmax(np.array([1, 2], dtype)[::-1], 3.0)[1]


def test_any_axis_and_broadcast_temperatures(rng):
    z = rng.normal(size=(3, 4, 5))
    t = rng.uniform(0.3, 3, size=(3, 5))
    for axis in (1, -2):
        p = ss.softmax(z, t, axis=axis)
        assert p.shape == z.shape
        for i in range(3):
            for j in range(5):
                np.testing.assert_array_equal(p[i, :, j], ss.softmax(z[i, :, j], t[i, j]))
                assert ss.entropy(z, t, axis=axis)[i, j] == pytest.approx(ss.entropy(z[i, :, j], t[i, j]), rel=1e-14)
    sweep = ss.softmax(z[0, 0], [0.5, 1.0, 2.0])
    assert sweep.shape == (3, 5)
    assert ss.free_energy(z[0, 0], [0.5, 1.0, 2.0]).shape == (3,)
    # more temperature axes than the logits have rows: levels stay where they were, counted from the end
    assert ss.softmax(z[0], np.ones((2, 1)), axis=0).shape == (2, 4, 5)


@given(rows, temperatures, st.floats(-50, 50))
def test_shifting_every_logit_changes_no_probability(z, t, shift):
    z = np.clip(z, -1e3, 1e3)
    t = max(t, 1e-2)
    np.testing.assert_allclose(ss.softmax(z + shift, t), ss.softmax(z, t), atol=1e-11 / min(t, 1))


def test_reduced_logits_have_a_maximum_of_zero(rng):
    z = rng.normal(size=(20, 6)) * 10.0 ** rng.integers(-3, 300, size=(20, 1))
    for t in (0.0, 1e-300, 0.7, 1e300, np.inf):
        reduced = reduced_logits(z, np.full(20, t))
        assert (reduced.max(axis=1) == 0).all()
        assert not np.isnan(reduced).any()


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize(
    ("logits", "temperature", "error", "says"),
    [
        ([1, np.nan], 1.0, ValueError, "logits must be finite or -inf, got nan at index 1"),
        ([1, np.inf], 1.0, ValueError, "logits must be finite or -inf, got inf at index 1"),
        ([], 1.0, ValueError, "logits must hold at least one level"),
        (3.0, 1.0, ValueError, "logits must have at least one axis"),
        ([[1, 2], [3]], 1.0, ValueError, "logits must be a regular array"),
        ([-np.inf, -np.inf], 1.0, ValueError, "logits must allow at least one level"),
        ("abc", 1.0, TypeError, "logits must be real numbers"),
        ([1j], 1.0, TypeError, "logits must be real numbers"),
        ([None, 1], 1.0, TypeError, "logits must be real numbers"),
        ([1, 2], -1.0, ValueError, r"temperature must be >= 0, got -1\.0"),
        ([1, 2], np.nan, ValueError, "temperature must be >= 0, got nan"),
        ([1, 2], 1j, TypeError, "temperature must be real numbers"),
        ([1, 2], "hot", TypeError, "temperature must be real numbers"),
        ([1, 2], True, TypeError, "temperature must be real numbers"),
        ([[1, 2], [3, 4]], [1, 2, 3], ValueError, "temperature of shape"),
    ],
)
def test_wrong_input_is_named(function, logits, temperature, error, says):
    with pytest.raises(error, match=says):
        function(logits, temperature)


def test_wrong_axis_is_named():
    with pytest.raises(ValueError, match="axis must be in"):
        ss.softmax([[1, 2]], axis=2)
    with pytest.raises(TypeError, match="axis must be an integer"):
        ss.softmax([[1, 2]], axis="levels")


def test_the_smallest_of_floats_is_a_temperature():
    np.testing.assert_array_equal(ss.softmax([0.0, -5e-324], 5e-324), ss.softmax([0.0, -1.0]))
