"""The fitted temperature: exact sums, every hard case answered with the truth, intervals that cover."""

import math
import os
import re
import subprocess
import sys
import textwrap
import threading
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.optimize import brentq
from scipy.stats import binom, norm
from scipy.stats import t as student_t
from short import short

import simsoftmax
from simsoftmax import fit_temperature, log_softmax, logits_from_probabilities, mean_energy, softmax
from simsoftmax.calibration.fit import _Fit, _next, _Sums
from simsoftmax.calibration.rows import Block, as_table
from simsoftmax.kernels import calibration as kernels
from simsoftmax.kernels import floating, lanes
from simsoftmax.kernels.compiler import compiled


def draw(rng, rows, levels, temperature=2.0, scale=3.0, dtype=np.float32):
    """Return logits and labels drawn from softmax(logits / temperature)."""
    logits = (scale * rng.standard_normal((rows, levels))).astype(dtype)
    labels = (logits / temperature + rng.gumbel(size=(rows, levels))).argmax(axis=1)
    return logits, labels


def slope(logits, labels, temperature, weights=None):
    """Return the derivative of the NLL in 1/T, by the exact functions in double precision."""
    z = np.asarray(logits, np.float64)
    difference = -mean_energy(z, temperature) - z[np.arange(len(z)), labels]
    return np.average(difference, weights=weights)


def true_temperature(logits, labels, weights=None, low=1e-3, high=1e3):
    root = brentq(lambda u: slope(logits, labels, np.exp(u), weights), np.log(low), np.log(high), xtol=1e-13)
    return float(np.exp(root))


def nll(logits, labels, temperature, weights=None):
    z = np.asarray(logits, np.float64)
    return np.average(-log_softmax(z, temperature)[np.arange(len(z)), labels], weights=weights)


# --- the kernel -------------------------------------------------------------------------------------------------------


def expected_sums(logits, labels, weights, scale, other, first, step):
    z, y, w = logits[first::step].astype(np.float64), labels[first::step], weights[first::step]
    beta = scale * np.log(2)
    rows = np.arange(len(z))
    p = softmax(z, 1 / beta)
    x = np.where(p > 0, beta * z, 0)
    mean = (p * x).sum(axis=1)
    m2, m3, m4, m5, m6 = ((p * (x - mean[:, None]) ** power).sum(axis=1) for power in range(2, 7))
    g1 = mean - beta * z[rows, y]
    per_row = [
        np.ones(len(z)),
        -log_softmax(z, 1 / (other * np.log(2)))[rows, y],
        -log_softmax(z, 1 / beta)[rows, y],
        g1,
        m2,
        m3,
        m4 - 3 * m2**2,
        m5 - 10 * m3 * m2,
        m6 - 15 * m4 * m2 - 10 * m3**2 + 30 * m2**3,
    ]
    slope = w * g1
    sums = [*(np.sum(w * part) for part in per_row), np.sum(slope**2), np.sum(slope * w * m2), np.sum(slope**4)]
    return np.array(sums), np.stack(per_row[3:6], axis=1)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("levels", [1, 2, 3, 10, 64, 512, 513, 5000])
@pytest.mark.parametrize("weighted", [False, True])
def test_sums_are_those_of_the_exact_functions(rng, dtype, levels, weighted):
    rows, first, step = 203, 2, 3
    logits, labels = draw(rng, rows, levels, dtype=dtype)
    logits[rng.random(logits.shape) < 0.2] = -np.inf
    logits[np.arange(rows), labels] = rng.normal(size=rows)
    weights = rng.exponential(size=rows) if weighted else np.empty(0)
    scale, other, unit = float(dtype(0.7)), float(dtype(1.4)), 0.5 if weighted else 1.0
    per_row = np.full((rows, 3), np.nan)
    sums = kernels.likelihood_sums(logits, labels, weights, unit, scale, other, first, step, per_row)
    used = unit * weights if weighted else np.ones(rows)
    exact, exact_rows = expected_sums(logits, labels, used, scale, other, first, step)
    tolerance = 2e-5 if dtype == np.float32 else 1e-12
    # Cumulants of higher order are small differences of large moments, and only correct the step.
    looser = np.where(np.isin(kernels.SUMS, ["g4", "g5", "g6"]), 50, 1)
    np.testing.assert_array_less(abs(sums - exact), tolerance * looser * max(1.0, np.abs(exact).max()))
    np.testing.assert_allclose(
        per_row[first::step], exact_rows * used[first::step, None], rtol=100 * tolerance, atol=100 * tolerance
    )
    assert np.isnan(np.delete(per_row, np.s_[first::step], axis=0)).all()


@compiled
def powers(single, double):
    """Return the clipped exponents and the powers of two of two rows of lanes."""
    t, e = floating.exp2(lanes.load(single, 0))
    lanes.store(single, 0, t)
    lanes.store(single, 1, e)
    t, e = floating.exp2(lanes.load(double, 0))
    lanes.store(double, 0, t)
    lanes.store(double, 1, e)


def powers_of_two(t):
    """Return (clipped exponents, powers) in single and in double precision, each of shape (2, len(t))."""
    results = []
    for begin in range(0, len(t), 8):
        single, double = np.zeros((2, 16), np.float32), np.zeros((2, 8))
        single[0, :8] = double[0] = t[begin : begin + 8]
        powers(single, double)
        results.append((single[:, :8], double))
    return [np.concatenate(part, axis=1) for part in zip(*results, strict=True)]


def test_powers_of_two_are_as_good_as_the_type():
    t = np.linspace(-126, 0, 40_000)
    single, double = powers_of_two(t)
    np.testing.assert_allclose(single[1], np.exp2(np.float64(np.float32(t))), rtol=1.5e-7)
    np.testing.assert_allclose(double[1], np.exp2(t), rtol=5e-16)
    # Errors that lean to one side would not average out over the rows.
    assert abs(np.mean(single[1] / np.exp2(np.float64(np.float32(t))) - 1)) < 1e-8
    single, double = powers_of_two(np.array([-np.inf, np.nan, 0.0, -1.0, -3e4, -2.0, -0.5, -127.0]))
    assert single[:, 0].tolist() == [-127, 0]
    assert double[:, 0].tolist() == [-1023, 0]
    assert np.isnan([single[1, 1], double[1, 1]]).all()
    assert single[1, 2:6].tolist() == [*double[1, 2:4].tolist(), 0, 0.25]
    assert single[1, 7] == 0


def test_labels_out_of_range_are_never_read(rng):
    logits, labels = draw(rng, 100, 5)
    for wrong in (-1, 5, 2**62):
        labels[37] = wrong
        sums = kernels.likelihood_sums(logits, labels, np.empty(0), 1.0, 0.7, 1.4, 0, 1, np.empty((0, 3)))
        assert np.isnan(sums[kernels.SUMS.index("g1")])


# --- the temperature --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("rows", "levels"), [(500, 2), (10_000, 10), (20_000, 100), (9000, 300)])
def test_temperature_is_the_root(rng, rows, levels):
    logits, labels = draw(rng, rows, levels, temperature=1.7)
    fit = fit_temperature(logits, labels)
    # The slope has one root, and it lies between two signs.
    assert slope(logits, labels, fit.temperature - 1e-7) > 0 > slope(logits, labels, fit.temperature + 1e-7)
    assert fit.nll_before == pytest.approx(nll(logits, labels, 1.0), rel=1e-7)
    assert fit.nll_after == pytest.approx(nll(logits, labels, fit.temperature), rel=1e-7)
    assert fit.status == "interior"
    assert fit.low < fit.temperature < fit.high


def test_small_tables_are_as_exact_in_single_precision(rng):
    """Fifty rows that hardly know their labels: rounding to seven digits would move T by its sixth."""
    logits, labels = draw(rng, 50, 30, temperature=0.5, scale=0.5)
    assert fit_temperature(logits, labels).temperature == pytest.approx(true_temperature(logits, labels), rel=2e-9)


def whole_passes(fit):
    return sum(step.rows == fit.rows for step in fit.steps)


def test_one_pass_suffices_where_the_sample_is_like_the_rest(rng):
    """Each row comes thirty times, so every thirtieth row has the temperature of all, and the pass is made there."""
    logits, labels = draw(rng, 2000, 40)
    fit = fit_temperature(np.repeat(logits, 30, axis=0), np.repeat(labels, 30))
    assert whole_passes(fit) == 1
    assert 1 < fit.passes < 1.2
    assert fit.passes == sum(step.rows for step in fit.steps) / fit.rows
    assert abs(fit.temperature - true_temperature(logits, labels)) < 1e-7


def test_a_second_pass_follows_where_the_sample_is_not_like_the_rest(rng):
    """Every sixth row, the sample, is colder than the others by more than chance makes it differ from them."""
    logits, labels = draw(rng, 12_000, 40)
    logits[::6], labels[::6] = draw(rng, 2000, 40, temperature=1.5)
    fit = fit_temperature(logits, labels)
    assert whole_passes(fit) == 2
    assert abs(fit.temperature - true_temperature(logits, labels)) < 1e-7


def test_weights_are_repetitions(rng):
    logits, labels = draw(rng, 400, 5, dtype=np.float64)
    times = rng.integers(0, 4, 400)
    weighted = fit_temperature(logits, labels, weights=times)
    repeated = fit_temperature(np.repeat(logits, times, axis=0), np.repeat(labels, times))
    assert weighted.temperature == pytest.approx(repeated.temperature, rel=1e-9)
    assert weighted.nll_before == pytest.approx(repeated.nll_before, rel=1e-12)
    assert weighted.temperature == pytest.approx(true_temperature(logits, labels, times), rel=1e-9)
    scaled = fit_temperature(logits, labels, weights=times * 1e-3)
    assert (scaled.low, scaled.high) == pytest.approx((weighted.low, weighted.high), rel=1e-9)
    # Counting rows twice adds no information, and a repeated row does: the robust interval knows the difference.
    doubled = fit_temperature(np.tile(logits, (2, 1)), np.tile(labels, 2))
    single = fit_temperature(logits, labels)
    assert np.log(single.high / single.low) / np.log(doubled.high / doubled.low) == pytest.approx(2**0.5, rel=0.02)


def test_rows_without_weight_do_not_matter(rng):
    logits, labels = draw(rng, 100, 4)
    weights = np.ones(100)
    weights[7] = 0
    logits[7, labels[7]] = -np.inf
    fit = fit_temperature(logits, labels, weights=weights)
    keep = weights > 0
    assert fit.temperature == pytest.approx(fit_temperature(logits[keep], labels[keep]).temperature, rel=1e-7)


def test_any_layout_and_type(rng, tmp_path):
    logits, labels = draw(rng, 9000, 12, dtype=np.float64)
    logits = np.round(logits * 8) / 8  # exact in every type
    fit = fit_temperature(logits, labels)
    single = logits.astype(np.float32)
    wide = np.zeros((18_000, 24), np.float32)
    wide[::2, ::2] = single
    file = np.memmap(tmp_path / "logits", np.float32, "w+", shape=single.shape)
    file[:] = single
    forms = {
        "float16": logits.astype(np.float16),
        "float32": single,
        "big-endian": single.astype(">f4"),
        "Fortran order": np.asfortranarray(single),
        "strides": wide[::2, ::2],
        "backwards": single[::-1].copy()[::-1],
        "memory map": file,
        "lists": logits.tolist(),
    }
    for name, form in forms.items():
        again = fit_temperature(form, labels)
        assert again.temperature == pytest.approx(fit.temperature, rel=2e-8), name
        assert again.high == pytest.approx(fit.high, rel=1e-5), name
    integers = (logits * 8).astype(np.int16)
    assert fit_temperature(integers, labels).temperature == pytest.approx(8 * fit.temperature, rel=1e-9)
    for y in (labels.astype(np.uint8), labels.tolist(), labels.astype(np.int32)[::1]):
        assert fit_temperature(logits, y).temperature == fit.temperature


def test_threads_do_not_show_in_the_result(rng):
    logits, labels = draw(rng, 90_000, 40)
    weights = rng.random(90_000)
    before = threading.active_count()
    fits = [fit_temperature(logits, labels, weights=weights, threads=n) for n in (1, 2, 5)]
    assert fits[0] == fits[1] == fits[2]
    assert threading.active_count() == before


def test_dask_gives_the_same(rng):
    array = pytest.importorskip("dask.array", reason="needs the extra `dask`")
    logits, labels = draw(rng, 5000, 30)
    fit = fit_temperature(logits, labels)
    for chunks in ((1300, 30), (700, 11), (5000, 30)):
        again = fit_temperature(array.from_array(logits, chunks), labels)
        assert again.temperature == pytest.approx(fit.temperature, rel=1e-8)
        assert again.high == pytest.approx(fit.high, rel=1e-4)
    many = array.from_array(np.tile(logits, (3, 1)), (999, 30))
    assert fit_temperature(many, np.tile(labels, 3)).temperature == pytest.approx(fit.temperature, rel=1e-8)
    half = array.from_array(logits, (1000, 30))
    unknown = half[half[:, 0] > 0]
    with pytest.raises(ValueError, match="compute_chunk_sizes"):
        fit_temperature(unknown, labels)


@pytest.mark.filterwarnings("ignore:logits look like probabilities")
@given(
    st.integers(1, 5).flatmap(
        lambda levels: st.lists(
            st.tuples(
                st.lists(st.sampled_from([-2, -1, 0, 1, 2, None]), min_size=levels, max_size=levels),
                st.integers(0, levels - 1),
            ),
            min_size=1,
            max_size=6,
        )
    ),
    st.sampled_from([np.float32, np.float64]),
)
def test_small_tables_are_judged_exactly(rows, dtype):
    """The kind of answer follows from sums of fractions; an interior one is a minimum."""
    assume(all(row[label] is not None for row, label in rows))
    gain, certain, uneven = Fraction(0), True, False
    for row, label in rows:
        allowed = [z for z in row if z is not None]
        gain += Fraction(sum(allowed), len(allowed)) - row[label]
        certain &= row[label] == max(allowed)
        uneven |= len(set(allowed)) > 1
    expected = "unidentified" if not uneven else "zero" if certain else "infinite" if gain >= 0 else "interior"
    logits = np.array([[-np.inf if z is None else z for z in row] for row, _ in rows], dtype)
    labels = [label for _, label in rows]
    fit = fit_temperature(logits, labels)
    assert fit.status == expected
    assert fit.low <= fit.high
    if expected == "interior":
        t = fit.temperature
        assert fit.low <= t <= fit.high
        for other in (0.99 * t, 1.01 * t):
            assert nll(logits, labels, t) <= nll(logits, labels, other)
        assert abs(slope(logits, labels, t)) < 1e-6
    elif expected == "unidentified":
        assert np.isnan(fit.temperature)
        assert (fit.low, fit.high) == (0, np.inf)
    else:
        assert fit.temperature == (0 if expected == "zero" else np.inf)
        assert fit.nll_after == pytest.approx(nll(logits, labels, fit.temperature), abs=1e-12)


class TestHardCases:
    """n = 2000, K = 10, where other fits return almost anything."""

    @pytest.fixture
    def data(self, rng):
        return draw(rng, 2000, 10)

    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    @pytest.mark.parametrize("factor", [1e-30, 1e-4, 1e4, 1e30])
    def test_scale(self, data, dtype, factor):
        logits, labels = data
        t = true_temperature(logits, labels)
        fit = fit_temperature((logits.astype(np.float64) * factor).astype(dtype), labels)
        assert fit.temperature / factor == pytest.approx(t, rel=1e-6 if dtype == np.float32 else 1e-9)
        assert np.log(fit.high / fit.low) == pytest.approx(np.log(1.1), rel=0.2)

    def test_offset(self, data):
        logits, labels = data
        assert fit_temperature(logits.astype(np.float64) + 1e6, labels).temperature == pytest.approx(
            true_temperature(logits, labels), rel=1e-8
        )

    def test_forbidden_levels(self, data, rng):
        logits, labels = data
        logits[np.arange(2000), (labels + rng.integers(1, 10, 2000)) % 10] = -np.inf
        fit = fit_temperature(logits, labels)
        assert fit.temperature == pytest.approx(true_temperature(logits, labels), rel=1e-7)

    def test_separable(self, data):
        fit = fit_temperature(data[0], data[0].argmax(axis=1))
        assert (fit.temperature, fit.low, fit.nll_after, fit.status) == (0, 0, 0, "zero")
        rise = 2000 * nll(data[0], data[0].argmax(axis=1), fit.high)
        assert rise == pytest.approx(3.841459 / 2, rel=1e-3)  # chi-square's 95 % point with one degree of freedom
        assert "maximum of its row" in str(fit)

    def test_everything_wrong(self, data):
        labels = data[0].argmin(axis=1)
        fit = fit_temperature(data[0], labels)
        assert (fit.temperature, fit.high, fit.status) == (np.inf, np.inf, "infinite")
        assert fit.nll_after == pytest.approx(np.log(10))
        assert 2000 * (nll(data[0], labels, fit.low) - np.log(10)) == pytest.approx(3.841459 / 2, rel=1e-3)

    def test_constant(self, data):
        fit = fit_temperature(np.full((2000, 10), 0.3, np.float32), data[1])
        assert np.isnan(fit.temperature)
        assert fit.nll_after == pytest.approx(np.log(10))
        assert "do not depend on T" in str(fit)

    def test_uninformative(self, rng):
        """Labels that know nothing of the logits: the slope at 1/T = 0 decides, and T is huge or infinite."""
        logits, labels = rng.standard_normal((2000, 10)), rng.integers(0, 10, 2000)
        fit = fit_temperature(logits, labels)
        at_zero = np.mean(logits.mean(axis=1) - logits[np.arange(2000), labels])
        assert (fit.status == "infinite") == (at_zero >= 0)
        assert fit.temperature > 5
        assert fit.low > 1

    def test_half_precision(self, data):
        logits = data[0].astype(np.float16)
        assert fit_temperature(logits, data[1]).temperature == pytest.approx(
            true_temperature(logits, data[1]), rel=1e-7
        )

    def test_nearly_separable(self, rng):
        logits = 100 * rng.standard_normal((2000, 10))
        labels = logits.argmax(axis=1)
        labels[3] = logits[3].argsort()[-2]
        fit = fit_temperature(logits, labels)
        assert fit.status == "interior"
        assert fit.temperature == pytest.approx(true_temperature(logits, labels, low=0.1), rel=1e-9)

    def test_one_class(self, data):
        """Labels of one class only are as good as any."""
        labels = np.full(2000, 3)
        fit = fit_temperature(data[0] + 2 * np.eye(10)[3], labels)
        assert fit.temperature == pytest.approx(true_temperature(data[0] + 2 * np.eye(10)[3], labels), rel=1e-7)

    def test_one_row(self):
        fit = fit_temperature([[3.0, 1.0, -5.0]], [1])
        assert fit.temperature == pytest.approx(true_temperature(np.array([[3.0, 1.0, -5.0]]), [1]), rel=1e-9)
        assert (fit.low, fit.high) == (0, np.inf)  # one row tells nothing of its own noise

    def test_one_level(self):
        assert fit_temperature([[3.0], [1.0]], [0, 0]).status == "unidentified"


ERRORS = {
    "nan": (
        lambda z, y: (np.where(z == z[4, 2], np.nan, z), y),
        r"logits must be finite or -inf, got nan at index \(4, 2\)",
    ),
    "inf": (lambda z, y: (np.where(z == z[4, 2], np.inf, z), y), r"got inf at index \(4, 2\)"),
    "dead": (lambda z, y: (np.where(np.arange(50)[:, None] == 7, -np.inf, z), y), "-inf throughout row 7"),
    "impossible": (
        lambda z, y: (np.where(np.arange(4) == y[:, None], np.where(np.arange(50)[:, None] == 9, -np.inf, z), z), y),
        r"labels must have finite logits, got the label \d with logit -inf in row 9",
    ),
    "high": (lambda z, y: (z, np.where(np.arange(50) == 5, 4, y)), "labels must be from 0 to 3 .* got 4 at index 5"),
    "low": (lambda z, y: (z, np.where(np.arange(50) == 5, -1, y)), "got -1 at index 5"),
    "short": (lambda z, y: (z, y[1:]), r"one level for each of the 50 rows of logits, got shape \(49,\)"),
    "many": (lambda z, y: (z, 2 * np.eye(4)[y]), "labels must sum to 1, got 2"),
    "empty": (lambda z, y: (z[:0], y[:0]), r"got shape \(0, 4\)"),
    "flat": (lambda z, y: (z[0], y[:1]), r"got shape \(4,\)"),
    "ragged": (lambda z, y: ([[1.0, 2.0], [1.0]], [0, 0]), "unequal length"),
}


@pytest.mark.parametrize("case", ERRORS)
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_wrong_data_are_named(rng, case, dtype):
    change, message = ERRORS[case]
    logits, labels = draw(rng, 50, 4, dtype=dtype)
    with pytest.raises(ValueError, match=message):
        fit_temperature(*change(logits, labels))


def test_wrong_arguments_are_named(rng):
    logits, labels = draw(rng, 50, 4)
    for error, message, arguments in (
        (TypeError, "labels must be integers", {"labels": labels * 1.0}),
        (TypeError, "logits must be real", {"logits": logits * 1j}),
        (ValueError, "confidence_level must lie strictly", {"confidence_level": 95}),
        (ValueError, "interval must be", {"interval": "exact"}),
        (
            ValueError,
            "weights must be finite and >= 0, got -1.0 at index 3",
            {"weights": np.where(np.arange(50) == 3, -1, 1)},
        ),
        (ValueError, "weights must not all be zero", {"weights": np.zeros(50)}),
        (ValueError, "weights must hold one number", {"weights": np.ones(49)}),
        (ValueError, "threads must be from 1", {"threads": 0}),
    ):
        with pytest.raises(error, match=message):
            fit_temperature(**{"logits": logits, "labels": labels, **arguments})


def test_probabilities_are_logits_by_name_only(rng):
    logits, labels = draw(rng, 3000, 7, dtype=np.float64)
    p = softmax(logits)
    fit = fit_temperature(logits_from_probabilities(p), labels)
    assert fit.temperature == pytest.approx(fit_temperature(logits, labels).temperature, rel=1e-9)
    with pytest.warns(UserWarning, match="look like probabilities"):
        wrong = fit_temperature(p, labels)
    assert abs(wrong.temperature / fit.temperature - 1) > 0.5  # which is why it warns
    assert logits_from_probabilities([0.0, 1.0]).tolist() == [-np.inf, 0.0]
    with pytest.raises(ValueError, match="must sum to 1, got 2 in row 1"):
        logits_from_probabilities([[0.5, 0.5], [1.0, 1.0]])
    with pytest.raises(ValueError, match=r"between 0 and 1, got -0\.5"):
        logits_from_probabilities([-0.5, 1.5])


def test_interrupt_is_passed_on_and_leaves_no_thread(rng, monkeypatch):
    logits, labels = draw(rng, 100_000, 40)
    calls = []

    def interrupted(*arguments):
        calls.append(1)
        raise KeyboardInterrupt

    before = threading.active_count()
    monkeypatch.setattr(kernels, "likelihood_sums", interrupted)
    with pytest.raises(KeyboardInterrupt):
        fit_temperature(logits, labels, threads=2)
    assert threading.active_count() == before
    assert len(calls) <= 2


def test_progress_is_shown_when_asked_for(rng, capfd):
    logits, labels = draw(rng, 3000, 5)
    fit_temperature(logits, labels)
    assert capfd.readouterr().err == ""
    fit_temperature(logits, labels, progress=True)
    assert "pass 1" in capfd.readouterr().err


@pytest.mark.parametrize("dask", [False, True])
def test_a_pass_is_one_over_all_rows(dask, rng, capfd):
    """Samples, on which a fit starts, are not counted, and show no bar."""
    logits, labels = draw(rng, 90, 5)
    if dask:
        logits = pytest.importorskip("dask.array", reason="needs the extra `dask`").from_array(logits, chunks=(40, 5))
    table = as_table(logits, labels, None, 1, True)

    def count(block):
        return np.array([len(range(block.first, len(block.logits), block.step))])

    assert table.total(count, 3) == 30
    assert (table.passes, capfd.readouterr().err) == (0, "")
    for number in (1, 2):
        assert table.total(count) == 90
        assert f"pass {number}" in capfd.readouterr().err
    assert table.passes == 2


def test_small_tables_are_computed_in_double_precision(rng):
    """Up to 2^15 elements: the rounding of single precision averages out over many rows only."""
    logits, labels = draw(rng, 1 << 13, 4)
    single = logits.astype(np.float32)
    fits = [fit_temperature(z, labels) for z in (single, single.astype(float))]
    assert fits[0].temperature == pytest.approx(fits[1].temperature, rel=1e-13)
    more = np.vstack([single, single[:1]])
    assert as_table(single, labels, None, 1, False).dtype == np.float64
    assert as_table(more, np.append(labels, 0), None, 1, False).dtype == np.float32
    assert as_table(more.astype(float), np.append(labels, 0), None, 1, False).dtype == np.float64


@pytest.mark.process
def test_a_file_larger_than_memory(tmp_path):
    """The limit holds for what is allocated; the file is four times larger, and a copy of it must fail."""
    script = textwrap.dedent(
        """
        import resource, sys
        import numpy as np
        from simsoftmax import fit_temperature
        rows, levels = 400_000, 100
        rng = np.random.default_rng(1)
        block = (3 * rng.standard_normal((4000, levels))).astype(np.float32)
        labels = np.tile((block / 2 + rng.gumbel(size=block.shape)).argmax(axis=1), rows // 4000)
        fit = fit_temperature(block, labels[:4000], threads=2)  # everything is loaded and compiled now
        file = np.memmap(sys.argv[1], np.float32, "w+", shape=(rows, levels))
        for start in range(0, rows, 4000):
            file[start : start + 4000] = block
        file.flush()
        file = np.memmap(sys.argv[1], np.float32, "r", shape=(rows, levels))
        status = open("/proc/self/status").read()
        used = int(status.split("VmData:")[1].split()[0]) * 1024
        resource.setrlimit(resource.RLIMIT_DATA, (used + 40_000_000,) * 2)
        again = fit_temperature(file, labels, threads=2)
        assert abs(again.temperature / fit.temperature - 1) < 1e-7, (again, fit)
        try:
            np.array(file)
        except MemoryError:
            print("limited", again.passes)
        """
    )
    if sys.platform != "linux":
        pytest.skip("the limit on data is Linux's")
    run = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "logits")],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.startswith("limited"), run.stdout


# --- the interval -----------------------------------------------------------------------------------------------------


def coverage(rng, fits, interval, factor=1.0):
    """Return how many intervals hold ``factor`` times the true temperature, with weights in half of the fits."""
    inside = 0
    for trial in range(fits):
        t = rng.uniform(0.7, 3)
        logits, labels = draw(rng, 300, 5, temperature=t, dtype=np.float64)
        weights = rng.uniform(0.5, 2, 300) if trial % 2 else None
        fit = fit_temperature(logits, labels, weights=weights, interval=interval, rng=rng)
        inside += fit.low <= factor * t <= fit.high
    return inside


@pytest.mark.parametrize(("interval", "fits"), short([("sandwich", 1200), ("sandwich", 4000), ("bootstrap", 1200)]))
def test_intervals_cover(rng, alarm, interval, fits):
    inside = coverage(rng, fits, interval)
    # Between 93 and 97 %, less what chance may do to a true coverage at either end.
    assert binom.ppf(alarm, fits, 0.93) <= inside <= binom.isf(alarm, fits, 0.97)
    # Negative control: a temperature 15 % off is not covered.
    wrong = coverage(rng, 200, interval, factor=1.15)
    assert wrong < binom.ppf(alarm, 200, 0.93)


def certain_in_part(rows):
    """Return logits and labels of an event that comes true in 3 rows of 4, at T = 1, and the freedom of its noise.

    A row's slope is 1/4 or -3/4, so the sums of their squares and fourth powers are known (Satterthwaite 1946).
    """
    share = 0.75
    labels = (np.arange(rows) % 4 > 0).astype(int)
    logits = np.column_stack([np.zeros(rows), np.full(rows, np.log(share / (1 - share)))])
    spread = ((share**3 + (1 - share) ** 3) / (share * (1 - share)) - 1) / rows
    return logits, labels, 2 / spread


@pytest.mark.parametrize("level", [0.5, 0.95, 0.999])
@pytest.mark.parametrize("rows", [8, 40])
def test_interval_of_few_rows_by_hand(rows, level):
    logits, labels, freedom = certain_in_part(rows)
    fit = fit_temperature(logits, labels, confidence_level=level)
    deviation = 1 / (logits[0, 1] * np.sqrt(0.1875 * (rows - 1)))
    half = student_t.isf((1 - level) / 2, min(freedom, rows - 1)) * deviation
    assert fit.temperature == pytest.approx(1, rel=1e-9)
    assert (np.log(fit.high), -np.log(fit.low)) == pytest.approx((half, half), rel=1e-6)


def test_bootstrap_of_few_rows_reaches_farther():
    rows = 40
    logits, labels, freedom = certain_in_part(rows)
    fit = fit_temperature(logits, labels, interval="bootstrap", rng=7)
    drawn = np.random.default_rng(7).standard_exponential((1000, rows))
    z, share = logits[0, 1], 0.75
    slope, curvature = drawn @ (share - labels) * z, drawn.sum(axis=1) * share * (1 - share) * z**2
    newton = -slope / curvature
    moved = newton / (1 + 0.5 * (1 + (1 - 2 * share) * z) * newton)  # Halley's step in ln(1 / T)
    reach = norm.cdf(-student_t.isf(0.025, min(freedom, rows - 1)) * np.sqrt(rows / (rows - 1)))
    assert reach < 0.024
    wanted = np.exp(-np.quantile(moved, [1 - reach, reach]))
    assert (fit.low, fit.high) == pytest.approx(tuple(wanted), rel=1e-6)


def test_few_rows_that_decide_widen_the_interval(rng):
    """Nearly all rows are certain; the noise is that of the few others, and its own size is hardly known."""
    logits, labels = draw(rng, 1000, 3, temperature=1.0, scale=1.0, dtype=np.float64)
    few = logits[:20], labels[:20]
    certain = np.tile([200.0, 0.0, 0.0], (980, 1)), np.zeros(980, int)
    mixed = fit_temperature(*(np.concatenate(parts) for parts in zip(few, certain, strict=True)))
    alone = fit_temperature(*few)
    assert mixed.temperature == pytest.approx(alone.temperature, rel=1e-6)
    assert np.log(mixed.high / mixed.low) == pytest.approx(np.log(alone.high / alone.low), rel=0.1)


def test_bootstrap_is_as_good_as_refitting(rng):
    rows = 1500
    logits, labels = draw(rng, rows, 10)
    fit = fit_temperature(logits, labels, interval="bootstrap", rng=7)
    drawn = np.random.default_rng(7).standard_exponential((1000, rows))
    refits = [fit_temperature(logits, labels, weights=w).temperature for w in drawn]
    assert (fit.low, fit.high) == pytest.approx(tuple(np.quantile(refits, [0.025, 0.975])), rel=1e-3)
    sandwich = fit_temperature(logits, labels)
    assert (fit.low, fit.high) == pytest.approx((sandwich.low, sandwich.high), rel=0.02)
    # The same seed gives the same interval, another seed another.
    assert fit == fit_temperature(logits, labels, interval="bootstrap", rng=7)
    assert fit.low != fit_temperature(logits, labels, interval="bootstrap", rng=8).low


def test_interval_does_not_believe_the_model(rng):
    """Half the rows at T = 1 and half at T = 4: the robust interval still covers the best single temperature."""
    inside = 0
    t_best = None
    for trial in range(400):
        rows = 100_000 if trial == 0 else 500
        logits = 3 * rng.standard_normal((rows, 5))
        t = np.where(rng.random(rows) < 0.5, 1.0, 4.0)[:, None]
        labels = (logits / t + rng.gumbel(size=logits.shape)).argmax(axis=1)
        fit = fit_temperature(logits, labels)
        if trial == 0:
            t_best = fit.temperature
        else:
            inside += fit.low <= t_best <= fit.high
    assert inside > binom.ppf(1e-7, 399, 0.93)


def test_one_readable_sentence(rng):
    fit = fit_temperature(*draw(rng, 500, 5))
    assert re.fullmatch(r"T = \S+ \(95 % interval \S+ to \S+\) on 500 rows of 5 logits; NLL .* nats; .*", str(fit))
    assert len(fit.steps) >= 2
    assert "slope" in str(fit.steps[0])
    assert simsoftmax.TemperatureFit is type(fit)


SOFT = np.array([[0.8, 0.2], [0.4, 0.6]])


@pytest.mark.parametrize(
    ("labels", "says"),
    [
        (2 * SOFT, "labels must sum to 1, got 2"),
        (["no", "yes"], "labels must be integers from 0 to 1, got dtype <U3; .* by name with classes="),
        ([[0], [1]], "got shape .2, 1.; pass labels.ravel"),
        ([0, -100], "got -100 at index 1; -100 marks rows to be ignored: pass ignore_index=-100"),
        ([0, 10**400], "labels must be integers"),
    ],
)
def test_labels_of_other_kinds_are_told_what_to_do(labels, says):
    with pytest.raises((ValueError, TypeError), match=says):
        fit_temperature([[2.0, -1.0], [0.0, 1.0]], labels)


def test_soft_labels_as_weights_minimise_their_cross_entropy(rng):
    """The remedy that the error names gives the temperature of the soft labels."""
    logits = 3 * rng.standard_normal((40, 3))
    soft = softmax(logits + rng.standard_normal((40, 3)), 2.0)
    fit = fit_temperature(np.repeat(logits, 3, axis=0), np.tile(np.arange(3), 40), weights=soft.ravel())

    def cross_entropy(t):
        return -(soft * log_softmax(logits, t)).sum()

    assert all(cross_entropy(fit.temperature) < cross_entropy(fit.temperature * f) for f in (0.999, 1.001))


def test_a_mask_of_rows_is_a_weight(rng):
    logits = 3 * rng.standard_normal((40, 3))
    labels = logits.argmax(axis=1)
    labels[::3] = 1
    mask = np.arange(40) % 4 > 0
    assert fit_temperature(logits, labels, weights=mask) == fit_temperature(logits, labels, weights=mask.astype(float))


@pytest.mark.parametrize("large", [5e-324, 1e-300, 1e308])
def test_only_the_ratios_of_weights_matter(rng, large):
    logits = 3 * rng.standard_normal((40, 3))
    labels = (logits / 2 + rng.gumbel(size=logits.shape)).argmax(axis=1)
    fit, same = fit_temperature(logits, labels), fit_temperature(logits, labels, weights=np.full(40, large))
    assert same.temperature == pytest.approx(fit.temperature, rel=1e-9)
    assert same.high == pytest.approx(fit.high, rel=1e-6)


def test_gaps_of_any_two_sizes_are_fitted():
    """The squares of the slopes, and their squares, underflow here."""
    fit = fit_temperature([[1e25, 0], [1e-86, 0]], [0, 1])
    # d/dbeta: 1e25 exp(-1e25 beta) = 1e-86 / 2
    assert fit.temperature == pytest.approx(1e25 / np.log(2e111), rel=1e-6)
    assert 0 < fit.low < fit.temperature < fit.high


def test_scores_at_the_end_of_single_precision_are_fitted_in_double():
    logits = np.array([[3e38, 0], [0, 3e38], [3e38, 0], [3e38, 0]], np.float32)
    fit = fit_temperature(logits, [0, 1, 1, 0])
    assert fit.temperature == pytest.approx(3e38 / math.log(3), rel=1e-6)
    assert fit.temperature == pytest.approx(fit_temperature(logits.astype(float), [0, 1, 1, 0]).temperature, rel=1e-9)


def test_a_soft_label_that_is_impossible_is_named_where_its_row_counts():
    logits, soft = np.zeros((4, 2)), np.full((4, 2), 0.5)
    logits[1:3, 0] = -np.inf
    with pytest.raises(ValueError, match="got the label 0 with logit -inf in row 2"):
        fit_temperature(logits, soft, weights=[1, 0, 1, 1])
    assert fit_temperature(logits, soft, weights=[1, 0, 0, 1]).rows == 4


def test_a_fit_is_applied_to_other_rows(rng):
    fit = fit_temperature(*draw(rng, 500, 5))
    others = 3 * rng.standard_normal((5, 4, 2))
    np.testing.assert_array_equal(fit.apply(others, axis=0), softmax(others, fit.temperature, axis=0))
    assert fit.apply(others[:, 0, 0].astype(np.float32)).dtype == np.float32
    with pytest.raises(ValueError, match="logits must have the 5 levels that the temperature was fitted to, got 2"):
        fit.apply(others)
    with pytest.raises(ValueError, match="logits must have the 5 levels that the temperature was fitted to, got 6"):
        fit.apply(np.zeros(6))
    sure = fit_temperature([[2.0, 0.0], [0.0, 3.0]], [0, 1])
    assert sure.apply([0.0, 1e-3]).tolist() == [0, 1]  # T = 0
    same = fit_temperature([[2.0, 2.0]], [1])
    assert np.isnan(same.temperature)
    np.testing.assert_array_equal(same.apply([1.0, 0.0]), softmax([1.0, 0.0]))


@pytest.mark.process
def test_a_first_fit_loads_little():
    """With its kernel in the cache a fit starts without numba, and without SciPy's optimizers unless T is at an end."""
    script = (
        "import sys\nimport simsoftmax as ss\n"
        "fit = ss.fit_temperature([[2.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 3.0], [1.0, 0.0]], [0, 1, 1, 1, 0])\n"
        "assert fit.status == 'interior', fit\n"
        "print(*(name for name in ('numba', 'scipy.optimize', 'scipy.stats', 'sklearn') if name in sys.modules))"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    for _ in range(2):  # the first may have to compile
        run = subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True, check=True, env=environment
        )
    assert run.stdout.strip() == ""


@pytest.mark.parametrize("sign", [1, -1])
def test_the_limit_at_an_end_counts_weighted_rows_by_their_spread(sign):
    """There the mean NLL lies q^2 / 2n above its bound, with n = (sum w)^2 / sum w^2 (L. Kish 1965) rows."""
    logits, weights = np.array([[2.0, 0.0, -1.0], [1.0, 0.5, 0.0], [0.3, 0.0, -2.0]]), np.array([1.0, 2.0, 4.0])
    labels = np.full(3, 0 if sign > 0 else 2)
    result = fit_temperature(logits, labels, weights=weights, confidence_level=0.9)
    rows = weights.sum() ** 2 / (weights**2).sum()
    limit, bound = (result.high, 0.0) if sign > 0 else (result.low, np.log(3))
    at_limit = np.average(-log_softmax(logits, limit)[np.arange(3), labels], weights=weights)
    assert at_limit - bound == pytest.approx(norm.isf(0.05) ** 2 / (2 * rows), rel=1e-5)
    same = fit_temperature(logits, labels, weights=[3.0] * 3, confidence_level=0.9)
    plain = fit_temperature(logits, labels, confidence_level=0.9)
    assert (same.low, same.high) == pytest.approx((plain.low, plain.high), rel=1e-6)


def sums_at(log_beta, rows=60):
    """Return what one pass finds at beta and a step further, in a table of its own."""
    logits, labels = draw(np.random.default_rng(5), rows, 4, temperature=1.7, dtype=np.float64)
    fit = _Fit(as_table(logits, labels, None, 1, False))
    return lambda step: fit.evaluate(log_beta + step)


@pytest.mark.parametrize("log_beta", [-0.9, 0.0, 0.4])
def test_what_is_foretold_from_a_pass_is_found_by_the_next(log_beta):
    """Series in the step: the error of each falls as the first power that it leaves out."""
    at = sums_at(log_beta)
    here = at(0.0)
    for step in (0.04, -0.03):
        errors = []
        for size in (step, step / 2):
            there = at(size)
            # The curvature where the slope is 0: that of the slope's own derivative, without the slope.
            errors.append(
                [
                    abs(here.nll_after(size) - there.nll),
                    abs(here.curvature_after(size) - there.g[1]),
                    abs(here.squares_after(size) - there.squares) / here.squares,
                ]
            )
        first, second = np.array(errors)
        assert (first <= [1e-9, 1e-6, 1e-2]).all()
        assert (second <= first / [50, 12, 3] + [1e-14, 1e-12, 0]).all()
    assert here.products != pytest.approx(0, abs=1e-3 * here.squares)


@pytest.mark.parametrize("log_beta", [-0.35, -0.5, -0.8, 0.0, 0.2, 1.1])
def test_a_step_leads_to_the_root_as_near_as_it_says(log_beta):
    at = sums_at(log_beta)
    here = at(0.0)
    root = brentq(lambda step: at(step).g[0], -3, 3, xtol=1e-14)
    step, error, last = here.step()
    g1, g2, g3, *_ = here.g
    newton = -g1 / g2
    if math.isfinite(error):
        assert abs(step - root) <= (1.5 if abs(step) <= 0.1 else 6) * error + 1e-12
    elif abs(newton) > 10:
        assert step == newton
    else:  # too far for the series: Halley's step in log beta
        assert step == pytest.approx(newton / (1 + newton * (g2 + g3) / g2 / 2), rel=1e-12)
    near = abs(step) <= 0.1 and 2 * abs(step * here.products) <= 0.2 * here.squares
    assert last == (near and error <= 1e-9)


def test_steps_keep_to_the_bracket():
    inf = math.inf
    assert _next(0.5, 0.3, -inf, inf) == 0.8
    assert _next(0.5, 9.0, -inf, inf) == 2.5
    assert _next(0.5, -9.0, -inf, 1.0) == -1.5
    assert _next(0.25, -0.25, 0.0, 1.0) == _next(0.25, 0.75, 0.0, 1.0) == 0.5
    assert _next(0.2, -9.0, 0.0, 1.0) == 0.5
    assert _next(3.0, 0.2, -inf, 3.1) == pytest.approx(1.1)
    assert _next(3.0, -0.2, 2.9, inf) == pytest.approx(4.9)


@pytest.mark.parametrize("rows", [5, 40, 3000])
def test_degrees_of_freedom_are_those_of_the_sum_of_squared_slopes(rows):
    """Satterthwaite's: twice the squared mean over the variance, as if slopes were normal and few rows decided."""
    here = sums_at(0.3, rows)(0.0)
    logits, labels = draw(np.random.default_rng(5), rows, 4, temperature=1.7, dtype=np.float64)
    slopes = [np.exp(0.3) * slope(row[None], [y], np.exp(-0.3)) for row, y in zip(logits, labels, strict=True)]
    square = np.square(slopes)
    assert here.squares == pytest.approx(square.sum() / rows**2, rel=1e-9)
    spread = (square**2).sum() / square.sum() ** 2 - 1 / rows
    assert here.student(0.03, rows) == pytest.approx(student_t.isf(0.03, min(2 / spread, rows - 1)), rel=1e-7)


@pytest.mark.parametrize("weighted", [True, False])
def test_limits_and_widest_gaps_are_those_of_the_rows(weighted, rng):
    """Row by row with plain sums: what decides whether a temperature exists at all."""
    z = np.round(3 * rng.standard_normal((9, 4)), 1)
    z[2, 1], z[3], z[5, [0, 2]], z[8, :3] = -np.inf, 0.7, 9.0, -np.inf
    z[4, 1] = np.nan if weighted else 1.0  # of weight 0
    labels = np.array([0, 1, 2, 3, 2, 1, 0, 3, 3])
    weights = np.array([1, 0.5, 2, 1, 0, 0.25, 3, 1, 0.5]) if weighted else np.ones(9)
    limits, wide = np.zeros(6), np.zeros(2)
    for row, label, weight in zip(z, labels, weights, strict=True):
        if not weight:
            continue
        allowed = row[np.isfinite(row)]
        top, mean = allowed.max(), allowed.mean()
        limits += [
            weight * (mean - row[label]),
            weight * math.log(len(allowed)),
            weight * math.log((allowed == top).sum()),
            row[label] < top,
            np.ptp(allowed) > 0,
            weight * ((top - allowed).sum() / len(allowed) + top - row[label]),
        ]
        wide = np.maximum(wide, [(top - row[label]) / 2, np.ptp(allowed) / 2])
    block = Block(z, labels, weights if weighted else np.empty(0), 0, 1, 0)
    assert block.limits() == pytest.approx(limits, rel=1e-12, abs=1e-12)
    assert block.widest() == pytest.approx(wide, rel=1e-12)


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        ([math.nan, 0.0], r"got nan at index \(1, 0\)"),
        ([0.0, math.inf], r"got inf at index \(1, 1\)"),
        ([-math.inf, -math.inf], "throughout row 1"),
        ([0.0, -math.inf], "the label 1 with logit -inf in row 1"),
    ],
)
def test_a_fault_is_named_whatever_the_weight_of_its_row(bad, words):
    rows = [[1.0, 0.0], bad, [0.0, 1.0]]
    for weights in ([0.5, 0.5, 0.5], [0.1, 0.2, 0.7], [3.0, 3.0, 3.0], None):
        with pytest.raises(ValueError, match=words):
            fit_temperature(rows, [0, 1, 1], weights=weights)
    fit_temperature([*rows, [0.3, 0.0]], [0, 1, 1, 1], weights=[1.0, 0.0, 1.0, 1.0])


@pytest.mark.parametrize("scale", [1e-250, 1e-30, 1e20, 1e200, 1e305])
@pytest.mark.parametrize("labels", ["drawn", "likeliest", "least likely"])
def test_in_another_unit_of_the_logits_a_fit_is_the_same(scale, labels):
    """T and its interval have the unit of the logits, and the NLL at the fit has none; that at T = 1 is another's."""
    logits, y = draw(np.random.default_rng(5), 30, 3, temperature=1.7, dtype=np.float64)
    if labels != "drawn":
        y = logits.argmax(axis=1) if labels == "likeliest" else logits.argmin(axis=1)
    here, there = fit_temperature(logits, y), fit_temperature(scale * logits, y)
    assert (there.status, there.reason) == (here.status, here.reason)
    for end in ("temperature", "low", "high"):
        assert getattr(there, end) == pytest.approx(scale * getattr(here, end), rel=1e-2), end
    if labels == "drawn":
        assert there.temperature == pytest.approx(scale * here.temperature, rel=1e-8)
        assert there.steps[-1].temperature == pytest.approx(there.temperature, rel=0.2)
    assert there.nll_after == pytest.approx(here.nll_after, rel=1e-8, abs=1e-12)
    assert there.nll_before == pytest.approx(nll(scale * logits, y, 1.0), rel=1e-6, abs=1e-12)


def test_gaps_that_no_unit_brings_within_reach_are_refused():
    with pytest.raises(ValueError, match="logits must call for a temperature that float64 can hold"):
        fit_temperature([[1e308, -1e308]] * 3, [0, 0, 1])
    wrong = fit_temperature([[1e308, -1e308]] * 3, [1, 1, 1])  # at T = 1 the labels are impossible
    assert (wrong.status, wrong.nll_before, wrong.nll_after) == ("infinite", math.inf, pytest.approx(math.log(2)))
    one = fit_temperature([[1e308, -1e308], *[[1.0, 0.0]] * 3], [0, 0, 0, 1])
    assert one.temperature == pytest.approx(1 / math.log(2), rel=1e-9)


def step_of(*cumulants):
    return _Sums(1.0, 1.0, 0.0, 0.0, cumulants, 1.0, 0.0, 1.0).step()[:2]


@pytest.mark.parametrize(
    ("slope", "last_term", "products", "is_last"),
    [(-0.05, 0.0, 0.0, True), (-0.11, 0.0, 0.0, False), (-0.05, 1.0, 0.0, False), (-0.05, 0.0, 2.1, False),
     (-0.05, 0.0, 1.9, True)],
)  # fmt: skip
def test_the_last_step_is_short_sure_and_leaves_the_interval_where_it_is(slope, last_term, products, is_last):
    cumulants = (slope, 1.0, 0.0, 0.0, 0.0, last_term)
    step, error, last = _Sums(1.0, 1.0, 0.0, 0.0, cumulants, 1.0, products, 1.0).step()
    assert last is is_last
    assert (abs(step) > 0.1, error > 1e-9, 2 * abs(step * products) > 0.2).count(True) == 1 - is_last


def test_a_step_is_the_root_of_the_series_where_it_says_that_it_is_good():
    c = (-0.3, 1.0, 0.4, -0.6, 1.2, 2.0)
    coefficients = [c[0], c[1], c[2] / 2, c[3] / 6, c[4] / 24, c[5] / 120]
    x = brentq(np.polynomial.Polynomial(coefficients), 0.0, 0.8, xtol=1e-15)
    slope_there = np.polynomial.Polynomial(coefficients).deriv()(x)
    first, before, last = (abs(coefficients[k] * x**k / slope_there) for k in (3, 4, 5))
    share = min(1, max(before / first, math.sqrt(last / first)))
    error = 8 * max(last, before * share) * share
    assert step_of(*c) == pytest.approx((math.log1p(x), error / (1 + x)), rel=1e-9)
    assert step_of(*c[:4], 0.0, 0.0)[1] == 0.0
    # Where the last terms decide, Halley's step in log beta is the better one.
    assert step_of(-0.3, 1.0, 0.0, 0.0, 0.0, 2e5) == (pytest.approx(0.3 / 1.15, rel=1e-12), math.inf)


@pytest.mark.parametrize(
    ("newton", "denominator", "taken"),
    [(9.9, 1.5, 6.6), (10.1, 1.5, 10.1), (-9.9, 1.5, -6.6), (2.0, 4.9, 2 / 4.9), (2.0, 5.1, 2.0),
     (0.8, 0.21, 0.8 / 0.21), (0.8, 0.19, 0.8), (-0.6, 0.8, -0.75)],
)  # fmt: skip
def test_far_from_the_root_a_step_is_halleys_or_newtons(newton, denominator, taken):
    g3 = 2 * (denominator - 1) / newton - 1
    assert step_of(-newton, 1.0, g3, 0.0, 0.0, 0.0) == (pytest.approx(taken, rel=1e-12), math.inf)
    assert step_of(-3 * newton, 3.0, 3 * g3, 0.0, 0.0, 0.0)[0] == pytest.approx(taken, rel=1e-12)


def test_without_curvature_a_step_goes_to_the_end():
    assert step_of(0.5, 0.0, 0.0, 0.0, 0.0, 0.0) == (-math.inf, math.inf)
    assert step_of(-0.5, 0.0, 0.0, 0.0, 0.0, 0.0) == (math.inf, math.inf)


def test_a_bootstrap_looks_once_more_at_all_rows_where_the_slope_is_nothing(rng):
    logits, labels = draw(rng, 300, 4)
    weights = rng.exponential(size=300)
    plain = fit_temperature(logits, labels, weights=weights)
    fit = fit_temperature(logits, labels, weights=weights, interval="bootstrap", rng=1)
    last = fit.steps[-1]
    assert len(fit.steps) == len(plain.steps) + 1
    assert (last.temperature, last.rows) == (pytest.approx(fit.temperature, rel=1e-7), 300)
    assert last.slope == pytest.approx(0, abs=1e-6)


def test_a_sample_of_rows_without_weight_is_no_start_but_no_obstacle(rng):
    logits, labels = draw(rng, 1200, 3)
    weights = np.ones(1200)
    weights[::4] = 0.0  # just the rows of the sample that a fit starts on
    used = weights > 0
    expected = fit_temperature(logits[used], labels[used])
    assert fit_temperature(logits, labels, weights=weights).temperature == pytest.approx(expected.temperature, rel=1e-6)
