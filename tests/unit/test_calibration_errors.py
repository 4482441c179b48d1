"""Calibration errors and proper scores: by hand, against scikit-learn, against theory."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import binomtest, norm
from short import repeated
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss, log_loss

from simsoftmax import (
    brier_score,
    expected_calibration_error,
    negative_log_likelihood,
    reliability_diagram,
    softmax,
)
from simsoftmax.calibration.metrics import (
    brier_decomposition,
    estimate_calibration_error,
    maximum_calibration_error,
    smooth_calibration_error,
)


def forecasts(rng, rows=2000, levels=5, temperature=1.0):
    """Return probabilities and labels; at temperature 1 the probabilities are the truth."""
    logits = 2 * rng.standard_normal((rows, levels))
    labels = (logits + rng.gumbel(size=logits.shape)).argmax(axis=1)
    return softmax(logits, temperature), labels


def events(rng, rows):
    """Return perfectly calibrated confidences, uniform between 1/2 and 1, and outcomes."""
    confidence = rng.uniform(0.5, 1, rows)
    return confidence, (rng.random(rows) < confidence).astype(int)


# --- bins -------------------------------------------------------------------------------------------------------------


def test_by_hand():
    p = [[0.9, 0.1], [0.8, 0.2], [0.35, 0.65], [0.45, 0.55]]
    labels = [0, 1, 1, 1]
    table = reliability_diagram(p, labels, bins=5)
    assert table.count.tolist() == [0, 0, 1, 2, 1]
    np.testing.assert_allclose(table.confidence[2:], [0.55, 0.725, 0.9])
    np.testing.assert_allclose(table.accuracy[2:], [1, 0.5, 1])
    assert np.isnan(table.confidence[:2]).all()
    error = (0.45 + 2 * 0.225 + 0.1) / 4
    assert expected_calibration_error(p, labels, bins=5) == pytest.approx(error)
    assert expected_calibration_error(p, labels, bins=5, norm=2) == pytest.approx(
        math.sqrt((0.45**2 + 2 * 0.225**2 + 0.1**2) / 4)
    )
    assert maximum_calibration_error(p, labels, bins=5) == pytest.approx(0.45)
    assert "4 forecasts in 5 bins" in str(table)


def test_edges_belong_to_the_bin_on_their_left():
    confidence = [0.0, 0.2, 0.2000001, 0.4, 1.0]
    assert reliability_diagram(confidence, [0, 0, 0, 0, 1], bins=5).count.tolist() == [2, 2, 0, 0, 1]
    # Certainty is in the last bin, not beyond it.
    assert reliability_diagram([1.0, 1.0], [1, 0]).count[-1] == 2
    assert expected_calibration_error([1.0, 1.0], [1, 0]) == 0.5


def test_bins_agree_with_scikit_learn(rng):
    p, labels = forecasts(rng, levels=2)
    for binning, strategy in (("width", "uniform"), ("mass", "quantile")):
        table = reliability_diagram(p[:, 1], labels, bins=10, binning=binning)
        accuracy, confidence = calibration_curve(labels, p[:, 1], n_bins=10, strategy=strategy)
        if binning == "width":
            np.testing.assert_allclose(table.accuracy, accuracy)
            np.testing.assert_allclose(table.confidence, confidence)
        else:  # quantiles between two confidences there, at a confidence here: a bin differs by one forecast
            np.testing.assert_allclose(table.accuracy, accuracy, atol=0.02)
            assert set(table.count) == {200}


@given(
    st.lists(st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.5, 0.5, 0.75, 1.0]), min_size=1, max_size=60),
    st.integers(1, 12),
)
def test_equal_mass_splits_no_tie(confidence, bins):
    outcome = np.arange(len(confidence)) % 2
    table = reliability_diagram(confidence, outcome, bins=bins, binning="mass")
    assert table.count.sum() == len(confidence)
    assert (table.count > 0).all()
    assert len(table.count) <= bins
    assert (np.diff(table.edges) >= 0).all()
    # The order of the forecasts, which only a split tie could see, does not matter.
    backwards = reliability_diagram(confidence[::-1], outcome[::-1], bins=bins, binning="mass")
    np.testing.assert_array_equal(table.count, backwards.count)
    np.testing.assert_allclose(table.accuracy, backwards.accuracy)


def test_intervals_of_the_bins_are_those_of_clopper_and_pearson():
    table = reliability_diagram([0.7] * 10, [1] * 7 + [0] * 3, bins=1)
    assert table.low[0] == pytest.approx(0.347547, abs=1e-6)  # the tabulated limits for 7 of 10
    assert table.high[0] == pytest.approx(0.933260, abs=1e-6)
    assert reliability_diagram([0.7] * 10, [0] * 10, bins=1).low[0] == 0
    assert reliability_diagram([0.7] * 10, [1] * 10, bins=1).high[0] == 1


# --- the bias of the error --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rows", [1000, 10_000])
@pytest.mark.parametrize("repeats", repeated(150, 400))
def test_perfect_calibration_shows_an_error(rng, rows, repeats):
    """Theory: in each bin sqrt(2 n p q / pi) / rows. With 15 bins and n = 1000 it is 2.8 %."""
    shown, by_chance, debiased, squares = (np.empty(repeats) for _ in range(4))
    for r in range(repeats):
        c, y = events(rng, rows)
        shown[r] = expected_calibration_error(c, y)
        by_chance[r] = reliability_diagram(c, y).expected_by_chance
        debiased[r] = expected_calibration_error(c, y, debias=True)
        table = reliability_diagram(c, y)
        full = table.count > 1
        squares[r] = np.sum(
            (table.share * (table.gap**2 - table.accuracy * (1 - table.accuracy) / np.maximum(table.count - 1, 1)))[
                full
            ]
        )
    edges = np.arange(7, 16) / 15
    low, high = np.maximum(edges[:-1], 0.5), edges[1:]
    count, p = rows * (high - low) / 0.5, (low + high) / 2
    theory = np.sum(np.sqrt(2 * count * p * (1 - p) / np.pi)) / rows
    error = shown.std() / math.sqrt(repeats)
    assert theory == pytest.approx({1000: 0.0282, 10_000: 0.0089}[rows], abs=1e-4)
    assert abs(shown.mean() - theory) < 5.5 * error + 0.02 * theory  # the normal approximation is good to 2 %
    assert by_chance.mean() == pytest.approx(theory, rel=0.01)
    # With norm 1 the share sqrt(2) - 1 of the bias goes: E|x| falls from s sqrt(2 / pi) by the excess of E|y| over it,
    # where y is as far again from x as x from 0, so of twice the variance. With the square all of it goes.
    removed = 1 - debiased.mean() / shown.mean()
    assert abs(removed - (math.sqrt(2) - 1)) < 5.5 * debiased.std() / math.sqrt(repeats) / shown.mean() + 0.01
    assert abs(squares.mean()) < 5.5 * squares.std() / math.sqrt(repeats)
    # Negative control: without the correction the square is far from 0.
    assert shown.mean() > 20 * error


def test_debiasing_by_hand():
    c, y = [0.95, 0.25, 0.25, 0.25, 0.25], [0, 1, 1, 1, 0]
    # A variance of 3/4 * 1/4 over 4 - 1 in the first bin; in the second one forecast, whose noise may be 1/4.
    squares = [0.5**2 - 0.1875 / 3, 0.95**2 - 0.25]
    error = expected_calibration_error(c, y, bins=2, norm=2, debias=True)
    assert error == pytest.approx(math.sqrt((4 * squares[0] + squares[1]) / 5), rel=1e-12)
    # E|x| of a normal x about 0.5, by its integral; one forecast alone shows no noise of its own.
    noise = math.sqrt(0.1875 / 4)
    folded, _ = quad(lambda x: abs(x) * norm.pdf(x, 0.5, noise), -3, 4, points=[0])
    error = expected_calibration_error(c, y, bins=2, debias=True)
    assert error == pytest.approx((4 * (2 * 0.5 - folded) + 0.95) / 5, rel=1e-9)


def test_debiasing_leaves_a_large_error_alone(rng):
    c, _ = events(rng, 20_000)
    y = (rng.random(20_000) < c - 0.2).astype(int)
    plain = expected_calibration_error(c, y)
    assert plain == pytest.approx(0.2, abs=0.02)
    assert expected_calibration_error(c, y, debias=True) == pytest.approx(plain, abs=1e-3)
    assert expected_calibration_error(c, y, norm=2, debias=True) == pytest.approx(0.2, abs=0.02)


def test_interval_of_the_error_covers(rng):
    c, _ = events(rng, 200_000)
    truth = 0.1
    inside = 0
    for _ in range(100):
        c = rng.uniform(0.5, 1, 2000)
        y = (rng.random(2000) < c - truth).astype(int)
        estimate = estimate_calibration_error(c, y, resamples=200, rng=rng)
        inside += estimate.low <= truth <= estimate.high
        assert estimate.value == expected_calibration_error(c, y)
    assert inside >= 75  # 7 standard errors below 95 %
    value, debiased, low, high, chance = (
        f"{100 * share:.2f}"
        for share in (estimate.value, estimate.debiased, estimate.low, estimate.high, estimate.by_chance)
    )
    level = f"{100 * estimate.confidence_level:g}"
    assert str(estimate) == (
        f"calibration error {value} %, debiased {debiased} % ({level} % interval {low} to {high} %); "
        f"perfect calibration would show {chance} %"
    )
    assert estimate_calibration_error(c, y, rng=1) == estimate_calibration_error(c, y, rng=1)


def test_classwise_is_the_mean_of_the_columns(rng):
    p, labels = forecasts(rng, levels=4)
    columns = [expected_calibration_error(p[:, k], (labels == k).astype(int)) for k in range(4)]
    assert expected_calibration_error(p, labels, classwise=True) == pytest.approx(np.mean(columns))


def test_overconfidence_is_seen_and_cured(rng):
    p, labels = forecasts(rng, temperature=0.4)
    honest, _ = p**0.4 / (p**0.4).sum(axis=1, keepdims=True), labels
    assert expected_calibration_error(p, labels) > 3 * expected_calibration_error(honest, labels)
    assert (reliability_diagram(p, labels).gap[-3:] < 0).all()
    assert smooth_calibration_error(p, labels) > 3 * smooth_calibration_error(honest, labels)


# --- the smooth error -------------------------------------------------------------------------------------------------


def smoothed(confidence, outcome, width):
    """Return the definition's integral: residuals under a Gaussian kernel reflected at 0 and 1, by plain summation."""
    t = (np.arange(4000) + 0.5) / 4000
    total = np.zeros_like(t)
    for image in range(-6, 7, 2):
        for sign in (1, -1):
            centre = image + sign * np.asarray(confidence)[:, None]
            total += (norm.pdf(t, centre, width) * (outcome - np.asarray(confidence))[:, None]).sum(axis=0)
    return abs(total).mean() / len(outcome)


def test_smooth_error_solves_its_definition(rng):
    for shift in (0.0, 0.05, 0.3):
        c = rng.uniform(0, 1, 100)
        y = (rng.random(100) < np.clip(c - shift, 0, 1)).astype(int)
        width = smooth_calibration_error(c, y)
        assert smoothed(c, y, width) == pytest.approx(width, rel=2e-3)
    # Negative control: another width is no solution.
    assert abs(smoothed(c, y, 0.7 * width) / (0.7 * width) - 1) > 0.1


def test_smooth_error_of_simple_models():
    assert smooth_calibration_error([1.0, 1.0], [1, 1]) == 0
    # Where every forecast errs to one side no smoothing cancels anything: the error is the mean gap.
    assert smooth_calibration_error([0.9] * 10, [1, 0] * 5) == pytest.approx(0.4, abs=1e-6)


# --- proper scores ----------------------------------------------------------------------------------------------------


def test_scores_agree_with_scikit_learn(rng):
    p, labels = forecasts(rng, temperature=0.7)
    weights = rng.exponential(size=len(labels))
    for w in (None, weights):
        assert negative_log_likelihood(p, labels, weights=w) == pytest.approx(log_loss(labels, p, sample_weight=w))
        assert brier_score(p[:, 1], labels == 1, weights=w) == pytest.approx(
            brier_score_loss(labels == 1, p[:, 1], sample_weight=w)
        )
        square = ((p - np.eye(5)[labels]) ** 2).sum(axis=1)
        assert brier_score(p, labels, weights=w) == pytest.approx(np.average(square, weights=w))
    assert negative_log_likelihood(p[:, 1], labels == 1) == pytest.approx(log_loss(labels == 1, p[:, 1]))


def test_what_was_called_impossible_costs_infinitely():
    assert negative_log_likelihood([[1.0, 0.0]], [1]) == math.inf
    assert negative_log_likelihood([[1.0, 0.0], [0.5, 0.5]], [1, 0], weights=[0, 1]) == pytest.approx(math.log(2))


@given(st.integers(0, 2**32 - 1), st.integers(1, 20), st.sampled_from(["width", "mass"]), st.integers(2, 5))
def test_brier_score_is_the_sum_of_its_parts(seed, bins, binning, levels):
    rng = np.random.default_rng(seed)
    p = rng.dirichlet(np.full(levels, 0.5), 40)
    if seed % 2:
        p = np.round(p[:, :1] * 4) / 4
        p = np.hstack([p, 1 - p])
    labels = rng.integers(0, p.shape[1], 40)
    parts = brier_decomposition(p, labels, bins=bins, binning=binning)
    assert parts.score == pytest.approx(brier_score(p, labels))
    total = parts.reliability - parts.resolution + parts.uncertainty + parts.within_bins
    assert total == pytest.approx(parts.score, abs=1e-12)
    assert min(parts.reliability, parts.resolution, parts.uncertainty) >= 0


def test_nothing_is_hidden_in_bins_of_one_value():
    p = np.array([0.1, 0.1, 0.7, 0.7, 0.7])
    parts = brier_decomposition(p, [0, 1, 1, 1, 0], bins=10)
    assert parts.within_bins == pytest.approx(0, abs=1e-15)
    assert "Brier score" in str(parts)


# --- other libraries --------------------------------------------------------------------------------------------------


# The confidence 0.75 lies on the edge between two of four bins; only the first label is right.
EDGE, EDGE_LABELS = [[0.75, 0.15, 0.1], [0.9, 0.05, 0.05], [0.9, 0.05, 0.05]], [0, 1, 2]
ON_THE_LEFT, ON_THE_RIGHT = (0.25 + 2 * 0.9) / 3, 0.85 - 1 / 3


def ordinary(seed):
    """Return forecasts of some model on some task, none of them on the edge of a bin."""
    rng = np.random.default_rng(seed)
    rows, levels = int(rng.integers(30, 500)), int(rng.integers(3, 12))
    logits = rng.uniform(0.5, 2) * rng.standard_normal((rows, levels))
    labels = (logits / rng.uniform(0.5, 3) + rng.gumbel(size=logits.shape)).argmax(axis=1)
    return softmax(logits), labels, int(rng.integers(2, 30))


@given(st.integers(0, 2**32 - 1))
def test_measures_are_those_of_scikit_learn(seed):
    p, labels, bins = ordinary(seed)
    everywhere = list(range(p.shape[1]))
    assert negative_log_likelihood(p, labels) == pytest.approx(log_loss(labels, p, labels=everywhere), rel=1e-9)
    whole = brier_score_loss(labels, p, labels=everywhere, scale_by_half=False)
    assert brier_score(p, labels) == pytest.approx(whole, rel=1e-9)
    first = labels == 0
    table = reliability_diagram(p[:, 0], first, bins=bins)
    accuracy, confidence = calibration_curve(first, p[:, 0], n_bins=bins)  # leaves empty bins out
    np.testing.assert_allclose(table.accuracy[table.count > 0], accuracy)
    np.testing.assert_allclose(table.confidence[table.count > 0], confidence)


def test_where_scikit_learn_differs():
    # It clips a probability of 0, where the loss is infinite.
    assert log_loss([1, 0], [[1.0, 0.0], [0.5, 0.5]]) < 40
    assert negative_log_likelihood([[1.0, 0.0], [0.5, 0.5]], [1, 0]) == math.inf
    # Its quantiles may lie between two forecasts; ours are forecasts.
    c, y = np.array([0.1, 0.2, 0.3, 0.4]), np.array([0, 1, 0, 1])
    table = reliability_diagram(c, y, bins=3, binning="mass")
    _, confidence = calibration_curve(y, c, n_bins=3, strategy="quantile")
    assert table.confidence.tolist() == pytest.approx([0.15, 0.3, 0.4])
    assert confidence.tolist() != pytest.approx(table.confidence.tolist())


def test_torchmetrics_agrees_but_at_edges():
    reason = "torchmetrics is not installed"
    torch = pytest.importorskip("torch", reason=reason)
    theirs = pytest.importorskip("torchmetrics.functional.classification", reason=reason)

    def error(p, labels, bins, norm="l1"):
        p = np.asarray(p)
        arrays = torch.tensor(p), torch.tensor(np.asarray(labels))
        return float(theirs.multiclass_calibration_error(*arrays, p.shape[1], n_bins=bins, norm=norm))

    for seed in range(30):
        p, labels, bins = ordinary(seed)
        # It sums in single precision, whatever it is given.
        assert expected_calibration_error(p, labels, bins=bins) == pytest.approx(error(p, labels, bins), abs=2e-6)
        assert expected_calibration_error(p, labels, bins=bins, norm=2) == pytest.approx(
            error(p, labels, bins, "l2"), abs=2e-6
        )
        assert maximum_calibration_error(p, labels, bins=bins) == pytest.approx(error(p, labels, bins, "max"), abs=2e-6)
    # Its bins are closed on the left: 0.75 lies with 0.9, not below.
    assert error(EDGE, EDGE_LABELS, 4) == pytest.approx(ON_THE_RIGHT)
    assert expected_calibration_error(EDGE, EDGE_LABELS, bins=4) == pytest.approx(ON_THE_LEFT)
    # And a confidence of 1 is in a bin of its own, so that 0.9 and 1 are not averaged in the last bin.
    certain = [[1.0, 0.0], [0.9, 0.1]]
    assert error(certain, [1, 0], 5, "max") == pytest.approx(1)
    assert maximum_calibration_error(certain, [1, 0], bins=5) == pytest.approx(0.45)


@pytest.mark.filterwarnings("ignore")  # its own imports warn
def test_netcal_agrees_but_at_edges():
    theirs = pytest.importorskip("netcal.metrics", reason="netcal is not installed")
    for seed in range(30):
        p, labels, bins = ordinary(seed)
        assert expected_calibration_error(p, labels, bins=bins) == pytest.approx(theirs.ECE(bins).measure(p, labels))
        assert maximum_calibration_error(p, labels, bins=bins) == pytest.approx(theirs.MCE(bins).measure(p, labels))
        # Its ACE is no adaptive error: the bins are of equal width and count alike, however few forecasts they hold.
        gaps = reliability_diagram(p, labels, bins=bins).gap
        assert theirs.ACE(bins).measure(p, labels) == pytest.approx(np.nanmean(abs(gaps)))
        # Two columns it takes for an event and its opposite, and judges the second.
        pair = np.stack([1 - p[:, 0], p[:, 0]], axis=1)
        event = expected_calibration_error(p[:, 0], labels == 0, bins=bins)
        assert theirs.ECE(bins).measure(pair, (labels == 0).astype(int)) == pytest.approx(event)
    # Its bins are closed on the left.
    assert theirs.ECE(4).measure(np.array(EDGE), np.array(EDGE_LABELS)) == pytest.approx(ON_THE_RIGHT)
    # Labels of only two kinds among more columns it refuses.
    with pytest.raises(RuntimeError, match="binary"):
        theirs.ECE(4).measure(np.array(EDGE), np.array([0, 1, 1]))


# --- wrong input ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([[0.5, 0.6]], [0]), "must sum to 1"),
        (([[1.5, -0.5]], [0]), "must lie between 0 and 1"),
        (([[0.5, np.nan]], [0]), "must lie between 0 and 1, got nan"),
        (([0.5, 1.2], [0, 1]), "must lie between 0 and 1, got 1.2 at index 1"),
        (([[0.5, 0.5]], [2]), "labels must be from 0 to 1"),
        (([[0.5, 0.5]], [0, 1]), "one level for each of the 1 rows"),
        (([], []), r"shape \(0,\)"),
        ((np.zeros((0, 3)), []), r"shape \(0, 3\)"),
    ],
)
def test_wrong_input_is_named(arguments, message):
    functions = (expected_calibration_error, reliability_diagram, smooth_calibration_error, brier_score)
    for function in (*functions, negative_log_likelihood, estimate_calibration_error, brier_decomposition):
        with pytest.raises(ValueError, match=message):
            function(*arguments)


def test_wrong_options_are_named():
    p, labels = [[0.5, 0.5]], [0]
    for options, message in (({"bins": 0}, "bins"), ({"binning": "equal"}, "binning"), ({"norm": 3}, "norm")):
        with pytest.raises(ValueError, match=message):
            expected_calibration_error(p, labels, **options)
    with pytest.raises(ValueError, match="classwise"):
        expected_calibration_error([0.5], [0], classwise=True)
    with pytest.raises(ValueError, match="weights"):
        brier_score(p, labels, weights=[-1])


@pytest.mark.parametrize("kind", [np.float64, np.float32])
def test_one_tolerance_for_what_exceeds_1(kind):
    """Probabilities may exceed 1 by rounding, alone as in rows."""
    above = np.array([1 + np.finfo(kind).eps, 0.25], kind)
    exact = np.minimum(above, 1)
    for events, rows in ((above, above), (exact, exact)):
        assert negative_log_likelihood(events, [1, 0]) == negative_log_likelihood(exact, [1, 0])
        table = np.stack([rows, np.maximum(1 - rows, 0)], axis=1)
        assert brier_score(table, [0, 1]) == pytest.approx(2 * brier_score(exact, [1, 0]), rel=1e-6)
    for wrong in ([1.01, 0.25], [-0.01, 0.25]):
        with pytest.raises(ValueError, match="probabilities must lie between 0 and 1"):
            brier_score(wrong, [1, 0])
    with pytest.raises(ValueError, match="for probabilities of an event pass the column alone"):
        brier_score(np.array([[0.5], [0.25]]), [1, 0])


@pytest.mark.parametrize("level", [0.5, 0.9])
def test_the_interval_of_an_error_turns_the_resampled_ones_around_it(level):
    """Each resample one by one, with a table of bins of its own."""
    draw = np.random.default_rng(3)
    c = np.round(draw.uniform(0.2, 1, 60), 2)
    y = (draw.random(60) < c - 0.1).astype(int)
    found = estimate_calibration_error(c, y, bins=4, confidence_level=level, resamples=50, rng=7)
    draw, drawn = np.random.default_rng(7), []
    for _ in range(50):
        pick = draw.integers(60, size=60)
        places = np.ceil(c[pick] * 4)
        drawn.append(sum(abs((y[pick] - c[pick])[places == b].sum()) for b in range(1, 5)) / 60)
    few, many = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    assert (found.low, found.high) == pytest.approx((max(0, 2 * found.value - many), 2 * found.value - few), rel=1e-9)
    assert found.debiased == expected_calibration_error(c, y, bins=4, debias=True)
    assert found.by_chance == reliability_diagram(c, y, bins=4).expected_by_chance


def test_the_interval_of_no_error_is_none():
    """Where the measured error is 0 every resample shows more, and turned around it all are below 0: they are cut."""
    found = estimate_calibration_error([0.5] * 40, [0, 1] * 20, resamples=50, rng=1)
    assert (found.low, found.value, found.high) == (0.0, 0.0, 0.0)
    nearly = estimate_calibration_error([0.5] * 40 + [0.9] * 40, [0, 1] * 20 + [1] * 34 + [0] * 6, rng=1)
    assert nearly.low == 0.0 < nearly.high


@pytest.mark.parametrize("confidence_level", [0.5, 0.99])
def test_a_diagram_says_bin_by_bin_what_was_counted(confidence_level):
    draw = np.random.default_rng(4)
    c = np.append(draw.uniform(0, 0.7, 50), [0.0, 1.0])
    y = draw.integers(0, 2, 52)
    table = reliability_diagram(c, y, bins=5, confidence_level=confidence_level)
    assert table.edges.tolist() == [0, 0.2, 0.4, 0.6, 0.8, 1]
    for b in range(5):
        inside = (c > b / 5) & (c <= (b + 1) / 5) | ((c == 0) & (b == 0))
        assert table.count[b] == inside.sum()
        if not inside.any():
            assert np.isnan([table.confidence[b], table.accuracy[b], table.low[b], table.high[b]]).all()
            continue
        hits, n = y[inside].sum(), inside.sum()
        assert (table.confidence[b], table.accuracy[b]) == pytest.approx((c[inside].mean(), y[inside].mean()))
        by_chance = math.sqrt(2 / math.pi * (c[inside] * (1 - c[inside])).sum()) / n
        assert table.by_chance[b] == pytest.approx(by_chance, rel=1e-12)
        limits = binomtest(int(hits), int(n)).proportion_ci(confidence_level, "exact")
        assert (table.low[b], table.high[b]) == pytest.approx(tuple(limits), abs=1e-9)
    gaps = np.where(table.count > 0, abs(table.gap), 0)
    assert table.expected_calibration_error == pytest.approx((table.share @ gaps), rel=1e-12)
    assert table.maximum_calibration_error == pytest.approx(gaps.max(), rel=1e-12)
    assert str(table).startswith("52 forecasts in 5 bins: expected calibration error ")
    assert f"largest gap {gaps.max():.4f}" in str(table)
