"""Rows in blocks, none of them kept: the temperature is that of all rows at once."""

import pickle

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.stats import t as student_t
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression

from simsoftmax import TemperatureScaler, fit_temperature, heat_capacity, log_softmax, mean_energy
from simsoftmax.calibration.stream import TemperatureStream


def draw(rng, rows, levels, temperature=2.0, scale=3.0):
    logits = scale * rng.standard_normal((rows, levels))
    return logits, (logits / temperature + rng.gumbel(size=logits.shape)).argmax(axis=1)


def by_hand(logits, labels, near):
    """Return T where the slope is 0 by the exact functions, the NLL there, and the limits of the robust interval."""
    n, own = len(labels), logits[np.arange(len(labels)), labels]
    beta = brentq(lambda b: float(np.sum(-mean_energy(logits, 1 / b) - own)), 0.9 / near, 1.1 / near, xtol=1e-16)
    slopes = beta * (-mean_energy(logits, 1 / beta) - own)
    deviation = np.sqrt(n / (n - 1) * slopes @ slopes) / np.sum(heat_capacity(logits, 1 / beta))
    freedom = min(n - 1, 2 / (np.sum(slopes**4) / (slopes @ slopes) ** 2 - 1 / n))
    half = student_t(freedom).ppf(0.975) * deviation
    nll = -log_softmax(logits, 1 / beta)[np.arange(n), labels].mean()
    return 1 / beta, nll, np.exp(-half) / beta, np.exp(half) / beta


def streamed(blocks):
    stream = TemperatureStream()
    for block in blocks:
        stream.add(*block)
    return stream


def gap(rng, levels):
    """Return rows of one level above many: the hardest there is, whose sums turn most sharply."""
    logits = np.zeros((60, levels))
    logits[:, 0] = 1.3 * np.log(levels)
    return logits, np.where(rng.random(60) < 0.7, 0, rng.integers(1, levels, 60))


CASES = {
    "two levels": lambda rng: draw(rng, 3000, 2),
    "ten levels": lambda rng: draw(rng, 3000, 10),
    "cold": lambda rng: draw(rng, 2000, 10, 0.1, 0.3),
    "hot": lambda rng: draw(rng, 2000, 5, 25.0, 90.0),
    "wide gaps": lambda rng: draw(rng, 2000, 5, 1.3, 200.0),
    "many levels": lambda rng: draw(rng, 150, 1000, 0.7),
    "one above many": lambda rng: gap(rng, 5000),
}


@pytest.mark.parametrize("case", CASES)
def test_blocks_give_the_temperature_of_all_rows(case, rng):
    logits, labels = CASES[case](rng)
    stream = streamed(zip(np.array_split(logits, 7), np.array_split(labels, 7), strict=True))
    fit, whole = stream.fit(), fit_temperature(logits, labels)
    assert fit.status == whole.status == "interior"
    exact, nll, low, high = by_hand(logits, labels, whole.temperature)
    assert fit.temperature == pytest.approx(exact, rel=1e-11)
    assert fit.temperature == pytest.approx(whole.temperature, rel=1e-9)
    assert fit.nll_before == pytest.approx(whole.nll_before, rel=1e-12)
    assert fit.nll_after == pytest.approx(nll, rel=1e-12)
    # The limits are interpolated without derivatives, which tells where a sum turns most sharply.
    assert (fit.low, fit.high) == pytest.approx((low, high), rel=1e-3 if case == "one above many" else 1e-5)
    assert (fit.rows, fit.levels, fit.confidence_level) == (whole.rows, whole.levels, 0.95)
    assert fit.passes == 61
    stated = float(fit.reason.split("about ")[1].split()[0])
    assert abs(fit.temperature / exact - 1) < max(10 * stated, 1e-13)


def test_a_fit_to_all_rows_is_as_near_as_it_promises():
    """Terms of its last step that were small by accident once left a temperature wrong by 5e-8."""
    rng = np.random.default_rng(0)
    for rows in (400, 600, 3000):
        for _ in range(40):
            logits, labels = draw(rng, rows, 4)
            assert fit_temperature(logits, labels).temperature == pytest.approx(
                streamed([(logits, labels)]).fit().temperature, rel=1e-9
            )


def test_neither_order_nor_blocks_matter(rng):
    logits, labels = draw(rng, 900, 4)
    one = streamed([(logits, labels)]).fit()
    order = np.argsort(labels, kind="stable")  # the worst: class by class
    other = streamed((logits[n : n + 1], labels[n : n + 1]) for n in order[:200])
    other.add(logits[order[200:]], labels[order[200:]])
    assert other.fit().temperature == pytest.approx(one.temperature, rel=1e-13)


def test_weights_and_what_does_not_count(rng):
    logits, labels = draw(rng, 600, 4)
    w = rng.integers(0, 3, 600).astype(float)
    logits[w == 0] = np.nan
    stream = streamed((logits[at], labels[at], w[at]) for at in (slice(0, 100), slice(100, None)))
    whole = fit_temperature(logits, labels, weights=w)
    assert stream.fit(0.9).temperature == pytest.approx(whole.temperature, rel=1e-9)
    assert (stream.fit().low, stream.fit().high) == pytest.approx((whole.low, whole.high), rel=1e-4)
    some = streamed([(logits[w > 0], labels[w > 0], w[w > 0])])
    assert some.fit().low == pytest.approx(stream.fit().low, rel=1e-12)


@pytest.mark.parametrize("scale", [1.0, 3.0])
def test_ends_are_those_of_all_rows(scale, rng):
    logits = scale * rng.standard_normal((8, 4))
    for labels, status in ((logits.argmax(axis=1), "zero"), (logits.argmin(axis=1), "infinite")):
        fit, whole = streamed([(logits, labels)]).fit(), fit_temperature(logits, labels)
        assert fit.status == whole.status == status
        assert (fit.temperature, fit.nll_after) == (whole.temperature, pytest.approx(whole.nll_after))
        assert (fit.low, fit.high) == pytest.approx((whole.low, whole.high), rel=1e-3)
        # Where the limit lies beyond what is looked at, the interval is wider, and no narrower.
        for unit in (1e-4, 1e4):
            fit, whole = streamed([(unit * logits, labels)]).fit(), fit_temperature(unit * logits, labels)
            assert fit.low <= whole.low * (1 + 1e-3)
            assert fit.high >= whole.high / (1 + 1e-3)
    same = streamed([(np.ones((3, 2)), [0, 1, 1])]).fit()
    assert (same.status, same.nll_after) == ("unidentified", pytest.approx(np.log(2)))


@pytest.mark.parametrize(("unit", "t", "says"), [(1e-3, 1 / 32, "below T = 0.03125"), (1e3, 32.0, "above T = 32")])
def test_beyond_the_temperatures_it_says_so(unit, t, says, rng):
    logits, labels = draw(rng, 500, 4)
    fit, whole = streamed([(unit * logits, labels)]).fit(), fit_temperature(unit * logits, labels)
    assert (fit.status, fit.temperature) == ("beyond", t)
    assert f"still grows {says}" in fit.reason
    assert fit.low <= whole.low <= whole.high <= fit.high


def test_a_block_that_is_refused_adds_nothing(rng):
    logits, labels = draw(rng, 50, 4)
    stream = streamed([(logits, labels)])
    before = stream.fit()
    bad = logits.copy()
    bad[3, 1] = np.nan
    for block, says in (
        ((bad, labels), "logits must be finite or -inf, got nan at index .3, 1."),
        ((logits, labels + 3), "labels must be from 0 to 3"),
        ((logits[:, :3], labels % 3), "logits must have 4 levels as in the rows before, got 3"),
        ((logits, labels, np.full(50, 1e60)), "weights must be from 1e-50 to 1e50, got up to 1e"),
        ((1e305 * logits, labels), "logits must lie within"),
    ):
        with np.errstate(all="ignore"), pytest.raises(ValueError, match=says):
            stream.add(*block)
    assert stream.fit() == before


# --- as scikit-learn has it -------------------------------------------------------------------------------------------


def test_partial_fit_is_fit(rng):
    logits, labels = draw(rng, 1200, 3)
    names = np.array(["ant", "bee", "cat"])[labels]
    whole = TemperatureScaler().fit(logits, names)
    scaler = TemperatureScaler()
    for n, at in enumerate(np.array_split(np.argsort(labels), 5)):  # a block may lack classes
        assert scaler.partial_fit(logits[at], names[at], classes=["cat", "ant", "bee"] if n == 0 else None) is scaler
        again = pickle.loads(pickle.dumps(scaler))
        assert again.fit_ == scaler.fit_
    assert scaler.temperature_ == pytest.approx(whole.temperature_, rel=1e-9)
    np.testing.assert_allclose(scaler.predict_proba(logits), whole.predict_proba(logits), rtol=1e-7)
    np.testing.assert_array_equal(scaler.predict(logits), whole.predict(logits))
    assert not hasattr(clone(scaler), "stream_")
    assert len(pickle.dumps(scaler)) < 30_000
    scaler.fit(logits[:100], names[:100])
    assert not hasattr(scaler, "stream_")  # a fit begins anew


def test_integers_need_no_classes_and_others_do(rng):
    logits, labels = draw(rng, 300, 3)
    binary = TemperatureScaler().partial_fit(logits[:, :1], (logits[:, 0] + 3 * rng.standard_normal(300) > 0) + 0)
    assert binary.classes_.tolist() == [0, 1]
    scaler = TemperatureScaler().partial_fit(logits, labels)
    assert scaler.classes_.tolist() == [0, 1, 2]
    for y, options, says in (
        (labels + 1, {}, "y must hold classes that were named in the first call .* got 3; pass classes="),
        (labels, {"classes": [0, 1, 3]}, "classes must be those of the first call"),
    ):
        with pytest.raises(ValueError, match=says):
            scaler.partial_fit(logits, y, **options)
    with pytest.raises(ValueError, match="got 'a'; pass classes="):
        TemperatureScaler().partial_fit(logits, np.array(["a", "b", "c"])[labels])
    with pytest.raises(ValueError, match=r"X has 2 features, but .* 3"):
        scaler.partial_fit(logits[:, :2], labels)


def test_a_frozen_classifier_takes_blocks_and_another_does_not(rng):
    x = rng.standard_normal((400, 3))
    y = (x[:, 0] + rng.standard_normal(400) > 0).astype(int)
    model = FrozenEstimator(LogisticRegression().fit(x[:100], y[:100]))
    scaler = TemperatureScaler(model)
    for at in np.array_split(np.arange(100, 400), 3):
        scaler.partial_fit(x[at], y[at])
    assert scaler.temperature_ == pytest.approx(TemperatureScaler(model).fit(x[100:], y[100:]).temperature_, rel=1e-9)
    assert scaler.predict_proba(x).shape == (400, 2)
    assert not hasattr(TemperatureScaler(LogisticRegression()), "partial_fit")


def test_ends_are_warned_of(rng):
    logits, labels = draw(rng, 200, 3)
    with pytest.warns(ConvergenceWarning, match="every predicted probability is certain"):
        TemperatureScaler().partial_fit(logits, logits.argmax(axis=1))
    with pytest.warns(ConvergenceWarning, match="is but a limit: the likelihood still grows above T = 32"):
        TemperatureScaler().partial_fit(1e3 * logits, labels)
