"""Scores and labels in the forms that people have them in: each form says the same as the plain one."""

import math

import numpy as np
import pytest
from interface import FUNCTIONS

from simsoftmax import brier_score, fit_temperature, log_softmax, negative_log_likelihood, softmax
from simsoftmax.calibration.rows import Block

NAMES = ["cat", "dog", "eel"]
METRICS = {name: f for name, f in FUNCTIONS.items() if f.__module__ == "simsoftmax.calibration.metrics"}


@pytest.fixture
def data(rng):
    """Return logits of shape (4, 5, 3), as many labels as rows, and soft labels."""
    logits = 3 * rng.standard_normal((4, 5, 3))
    labels = (logits / 2 + rng.gumbel(size=logits.shape)).argmax(axis=-1)
    return logits, labels, softmax(logits + rng.standard_normal(logits.shape), 1.7)


def called(name, scores, labels, **options):
    """Return what the fit, or a measure of the probabilities at T = 1.3, says."""
    if name == "fit_temperature":
        return fit_temperature(scores, labels, **options)
    axis = {"axis": options["axis"]} if "axis" in options else {}
    seed = {"rng": 1} if name == "estimate_calibration_error" else {}
    with np.errstate(invalid="ignore"):
        e = np.exp((np.asarray(scores) - np.max(scores, axis=axis.get("axis", -1), keepdims=True)) / 1.3)
        p = e / e.sum(axis=axis.get("axis", -1), keepdims=True)
    return METRICS[name](p, labels, **options, **seed)


@pytest.mark.parametrize("name", ["fit_temperature", *METRICS])
def test_every_form_of_a_table_says_the_same(name, data):
    logits, labels, _ = data
    flat, y = logits.reshape(-1, 3), labels.ravel()
    plain = called(name, flat, y)
    for axis in (0, 1, -3, -2, -1):
        assert called(name, np.moveaxis(logits, -1, axis), labels, axis=axis) == plain
    by_name = np.array(NAMES)[y]
    for form in (by_name, by_name.tolist(), tuple(by_name.tolist()), by_name.astype(object)):
        assert called(name, flat, form, classes=NAMES) == plain
    assert called(name, flat, 10 * y, classes=(0, 10, 20)) == plain

    # Rows that do not count may hold anything, and their labels need no name.
    out = np.array([3, 0, 19])
    more, marked = np.insert(flat, out, np.nan, axis=0), np.insert(y, out, -100)
    left_out = called(name, more, marked, ignore_index=-100)
    named = np.insert(by_name.astype(object), out, "?")
    assert called(name, more, named, classes=NAMES, ignore_index="?") == left_out
    if name == "fit_temperature":
        assert left_out.temperature == pytest.approx(plain.temperature, rel=1e-12)
        assert (left_out.low, left_out.high) == pytest.approx((plain.low, plain.high))
    else:
        assert left_out == plain or left_out == pytest.approx(plain, rel=1e-14)
    assert called(name, flat, y, ignore_index=2) == called(name, flat, np.where(y == 2, -1, y), ignore_index=-1)


@pytest.mark.parametrize("name", METRICS)
def test_an_event_may_have_names_too(name, rng):
    p, y = rng.random(30), rng.integers(0, 2, 30)
    if name != "expected_calibration_error":
        options = {"rng": 1} if name == "estimate_calibration_error" else {}
        plain = METRICS[name](p, y, **options)
        assert METRICS[name](p, np.array(["no", "yes"])[y], classes=["no", "yes"], **options) == plain


def repeated(table, soft):
    """Return each row once for each level, with its share as a weight."""
    levels = soft.shape[1]
    return np.repeat(table, levels, axis=0), np.tile(np.arange(levels), len(table)), soft.ravel()


@pytest.mark.parametrize("weighted", [False, True])
def test_soft_labels_are_labels_drawn_from_them(weighted, data, rng):
    logits, _, soft = data
    z, q = logits.reshape(-1, 3), soft.reshape(-1, 3)
    w = rng.random(20) if weighted else np.ones(20)
    w[4] = 0 if weighted else 1
    options = {"weights": w} if weighted else {}
    rows, labels, shares = repeated(z, q)
    drawn = {"weights": shares * np.repeat(w, 3)}
    p = softmax(z, 1.3)
    assert negative_log_likelihood(p, q, **options) == pytest.approx(-np.sum(w * (q * np.log(p)).sum(1)) / w.sum())
    for score in (negative_log_likelihood, brier_score):
        assert score(p, q, **options) == pytest.approx(score(*repeated(p, q)[:2], **drawn))
    excess = w @ (1 - (q**2).sum(1)) / w.sum()
    assert brier_score(p, q, **options) == pytest.approx(w @ ((p - q) ** 2).sum(1) / w.sum() + excess)
    fit, by_rows = fit_temperature(z, q, **options), fit_temperature(rows, labels, **drawn)
    assert fit.temperature == pytest.approx(by_rows.temperature, rel=1e-9)
    assert fit.nll_before == pytest.approx(by_rows.nll_before)
    assert fit.nll_after == pytest.approx(by_rows.nll_after)
    assert fit == fit_temperature(
        np.moveaxis(logits, -1, 0),
        np.moveaxis(soft, -1, 0),
        axis=0,
        **({"weights": w.reshape(4, 5)} if weighted else {}),
    )


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("step", [1, 3])
def test_sums_of_soft_labels_are_those_of_the_exact_functions(dtype, step, data, rng):
    logits, _, soft = data
    z, q, w = logits.reshape(-1, 3).astype(dtype), soft.reshape(-1, 3), rng.random(20)
    w[3] = 0
    beta, other = 0.5, 1.5
    block = Block(np.ascontiguousarray(z), q.argmax(axis=1), w, 0, step, 0, q)
    sums = block.likelihood(scale=beta / math.log(2), other=other / math.log(2), unit=1.0)
    z, q, w = z[::step].astype(float), q[::step], w[::step]
    p = softmax(z, 1 / beta)
    mean = (p * z).sum(axis=1)
    slopes = w * beta * (mean - (q * z).sum(axis=1))
    curvature = w * beta**2 * ((p * z**2).sum(axis=1) - mean**2)
    expected = [
        w.sum(), -w @ (q * log_softmax(z, 1 / other)).sum(axis=1), -w @ (q * log_softmax(z, 1 / beta)).sum(axis=1),
        slopes.sum(), curvature.sum(),
    ]  # fmt: skip
    rel = 1e-10 if dtype == np.float64 else 1e-5
    assert sums[:5] == pytest.approx(expected, rel=rel)
    assert sums[9:] == pytest.approx([slopes @ slopes, slopes @ curvature, (slopes**4).sum()], rel=10 * rel)


@pytest.mark.parametrize("interval", ["sandwich", "bootstrap"])
def test_a_soft_label_that_is_certain_is_a_label(interval, data):
    logits, labels, _ = data
    z, y = logits.reshape(-1, 3), labels.ravel()
    fit = fit_temperature(z, y, interval=interval, rng=1)
    for form in (np.eye(3)[y], np.eye(3, dtype=int)[y], np.eye(3, dtype=bool)[y]):
        soft = fit_temperature(z, form, interval=interval, rng=1)
        assert soft.temperature == pytest.approx(fit.temperature, rel=1e-10)
        assert (soft.low, soft.high) == pytest.approx((fit.low, fit.high), rel=1e-8)
    p = softmax(z, 1.3)
    for score in (negative_log_likelihood, brier_score):
        assert score(p, np.eye(3)[y]) == pytest.approx(score(p, y))


def test_what_decides_about_the_ends_is_summed_in_pieces(rng):
    z, y = rng.standard_normal((300, 1000)), rng.integers(0, 1000, 300)
    hard, soft = (Block(z, y, np.empty(0), 0, 1, 0, q) for q in (None, np.eye(1000)[y]))
    assert soft.limits() == pytest.approx(hard.limits())
    assert soft.widest() == pytest.approx(hard.widest())


def test_the_ends_of_soft_labels(data):
    z = data[0].reshape(-1, 3)
    best = np.eye(3)[z.argmax(axis=1)]
    assert fit_temperature(z, best).status == "zero"
    assert fit_temperature(z, np.full_like(z, 1 / 3)).status == "infinite"
    assert fit_temperature(z, 0.9 * best + 0.1 / 3).status == "interior"
    assert fit_temperature(1e200 * z, 0.9 * best + 0.1 / 3).temperature == pytest.approx(
        1e200 * fit_temperature(z, 0.9 * best + 0.1 / 3).temperature
    )
    # A level without a share may be impossible, one with a share may not.
    z[2, 1] = -np.inf
    q = np.full_like(z, 1 / 3)
    with pytest.raises(ValueError, match=r"labels must have finite logits, got the label 1 with logit -inf in row 2"):
        fit_temperature(z, q)
    q[2] = [0.5, 0, 0.5]
    rows, labels, shares = repeated(z, q)
    assert fit_temperature(z + best, q).temperature == pytest.approx(
        fit_temperature(rows + np.repeat(best, 3, axis=0), labels, weights=shares).temperature
    )
    assert negative_log_likelihood(softmax(z), q) < np.inf
    assert negative_log_likelihood(softmax(z), np.full_like(z, 1 / 3)) == np.inf


def test_soft_labels_on_dask(data):
    array = pytest.importorskip("dask.array")
    z, q = data[0].reshape(-1, 3), data[2].reshape(-1, 3)
    fit = fit_temperature(array.from_array(z, (7, 2)), q)
    assert fit.temperature == pytest.approx(fit_temperature(z, q).temperature, rel=1e-9)
    moved = array.from_array(np.moveaxis(data[0], -1, 0), (2, 2, 2))
    fit = fit_temperature(moved, data[1], axis=0)
    assert fit.temperature == pytest.approx(fit_temperature(z, data[1].ravel()).temperature, rel=1e-9)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"labels": ["cat", "dog"]}, "labels must be integers from 0 to 2, got dtype .*; .*classes="),
        ({"labels": ["cat", "cow"], "classes": NAMES}, "labels must be among the classes 'cat', .* got 'cow' at"),
        ({"labels": [0, 1], "classes": NAMES}, "labels must be among the classes .* got 0 at index 0"),
        ({"labels": [0, 1], "classes": NAMES[:2]}, "classes must name each of the 3 levels, got 2"),
        ({"labels": [-100, 1]}, "got -100 at index 0; -100 marks rows to be ignored: pass ignore_index=-100"),
        ({"labels": [-1, -1], "ignore_index": -1}, "ignore_index must leave at least one row, got -1 throughout"),
        ({"labels": [0, 1], "ignore_index": "?"}, "ignore_index must be a whole number, got '[?]'"),
        ({"labels": [0, 3], "ignore_index": -100}, "labels must be from 0 to 2 .* got 3 at index 1"),
        ({"labels": [0, 1], "axis": 0}, r"labels must have shape \(3,\) for \w+ of shape \(2, 3\) with axis=0, got"),
        ({"labels": [0, 1], "axis": 2}, r"axis must be in \[-2, 2\) for \w+ of shape \(2, 3\), got 2"),
        ({"labels": [[0], [1]]}, "pass labels.ravel"),
        ({"labels": np.full((2, 3), 1 / 3), "ignore_index": -100}, "ignore_index must be left out with soft|one level"),
        ({"labels": np.full((2, 3), 0.4)}, "labels must sum to 1, got 1.2|one level"),
        ({"labels": np.array([["a"] * 3] * 2)}, "labels must be real numbers|one level"),
    ],
)
def test_what_is_doubtful_is_refused(options, says):
    z = np.array([[2.0, 1.0, 0.1], [0.3, 1.0, 0.2]])
    for name, function in {**METRICS, "fit_temperature": fit_temperature}.items():
        with pytest.raises((TypeError, ValueError), match=says):
            function(z if name == "fit_temperature" else softmax(z, axis=options.get("axis", -1) % 2), **options)


def test_soft_labels_are_refused_where_they_have_no_meaning(data):
    p, q = softmax(data[0]), data[2]
    for name in set(METRICS) - {"negative_log_likelihood", "brier_score"}:
        with pytest.raises(ValueError, match=r"labels must be one level .* negative_log_likelihood and"):
            METRICS[name](p, q)


def test_columns_in_another_order_than_the_classes_are_refused(data):
    class Frame:
        def __init__(self, table, columns):
            self.table, self.columns, self.ndim = table, columns, 2

        def __array__(self, dtype=None, copy=None):
            return self.table

    z, y = data[0].reshape(-1, 3), np.array(NAMES)[data[1].ravel()]
    assert fit_temperature(Frame(z, NAMES), y, classes=NAMES) == fit_temperature(z, y, classes=NAMES)
    with pytest.raises(ValueError, match="logits must have its columns in the order of the classes"):
        fit_temperature(Frame(z, NAMES[::-1]), y, classes=NAMES)
    with pytest.raises(ValueError, match="labels must have its columns in the order of the classes"):
        fit_temperature(z, Frame(softmax(z), NAMES[::-1]), classes=NAMES)
