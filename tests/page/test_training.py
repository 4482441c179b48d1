"""Training at a temperature: the kernels against NumPy, in a page against native, and the figures that use them."""

import numpy as np
import pytest
from examples import fits
from hypothesis import given
from hypothesis import strategies as st

import simsoftmax as ss
from simsoftmax.kernels.page.training import affine_loss, affine_loss_map, affine_probabilities, descend_gaps, log_odds
from simsoftmax.live import LogOddsExplorer, SymmetryExplorer, WeightDecayExplorer

temperatures = st.floats(0.25, 8)
shares = st.lists(st.floats(0.02, 0.98), min_size=1, max_size=6)


def classifier(rng, examples=40, classes=3):
    return (
        rng.normal(scale=2, size=examples),
        rng.integers(classes, size=examples),
        rng.normal(size=classes),
        rng.normal(size=classes),
    )


@given(shares, temperatures)
def test_training_ends_at_the_log_odds(frequencies, temperature):
    q = np.array(frequencies)
    aims, gaps = np.empty(q.size), np.zeros(q.size)
    log_odds(q, temperature, aims)
    # The distance shrinks at least by 1 - 2 rate q (1 - q) / T^2 a step once it is near, so this is far beyond the end.
    descend_gaps(gaps, q, temperature, 0.1 * temperature**2, 12_000)
    np.testing.assert_allclose(gaps, aims, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(ss.softmax(np.stack([0 * gaps, gaps], -1), temperature)[:, 1], q, rtol=1e-9)


def test_a_step_of_descent_is_the_gradient_of_two_logits(rng):
    q, t, rate = rng.uniform(0, 1, size=5), 1.7, 0.03
    z = rng.normal(size=(5, 2))
    gaps = z[:, 1] - z[:, 0]
    for _ in range(3):
        z = z - rate * (ss.softmax(z, t) - np.stack([1 - q, q], -1)) / t
    descend_gaps(gaps, q, t, rate, 3)
    np.testing.assert_allclose(gaps, z[:, 1] - z[:, 0], rtol=1e-13)


def test_labels_that_all_agree_have_no_end():
    gaps, aims = np.zeros(2), np.empty(2)
    q = np.array([0.0, 1.0])
    log_odds(q, 3.0, aims)
    np.testing.assert_array_equal(aims, [-np.inf, np.inf])
    descend_gaps(gaps, q, 3.0, 0.05, 1000)
    half = gaps.copy()
    descend_gaps(gaps, q, 3.0, 0.05, 9000)
    assert np.isfinite(gaps).all()
    assert (np.abs(gaps) > np.abs(half) + 3.0).all()


def test_affine_kernels_are_softmax(rng):
    x, y, w, b = classifier(rng)
    for a, s, t in [(1.0, 1.0, 1.0), (0.3, 2.0, 0.5), (7.0, 1.0, 4.0)]:
        z = a * np.multiply.outer(x, w) + s * b
        p = np.empty(z.size)
        affine_probabilities(x, w, b, a, s, t, p)
        np.testing.assert_allclose(p.reshape(z.shape), ss.softmax(z, t), rtol=1e-12)
        loss = -ss.log_softmax(z, t)[np.arange(len(x)), y].mean()
        assert affine_loss(x, y, w, b, a, s, t) == pytest.approx(loss, rel=1e-12)


def test_the_valley_is_level_only_if_the_biases_scale_along(rng):
    x, y, w, b = classifier(rng)
    side, diagonal = 9, {}
    for along in (0, 1):
        losses = np.empty(side * side)
        affine_loss_map(x, y, w, b, along, 8.0, side, losses)
        diagonal[along] = np.diag(losses.reshape(side, side))
        scales = np.geomspace(1 / 8, 8, side)
        bias = scales[6] if along else 1.0
        assert losses[2 * side + 6] == pytest.approx(affine_loss(x, y, w, b, scales[6], bias, scales[2]), rel=1e-12)
    assert np.ptp(diagonal[1]) < 1e-12
    assert np.ptp(diagonal[0]) > 0.01


def test_the_page_computes_what_python_computes(page, rng):
    x, y, w, b = classifier(rng)
    q = np.array([0.0, 0.1, 0.6, 1.0])
    cases = [
        ("log_odds", log_odds, [q, 2.5, np.zeros(4)]),
        ("descend_gaps", descend_gaps, [np.zeros(4), q, 2.5, 0.05, 5000]),
        ("affine_probabilities", affine_probabilities, [x, w, b, 2.0, 1.0, 3.0, np.zeros(120)]),
        ("affine_loss", affine_loss, [x, y, w, b, 2.0, 1.0, 3.0]),
        ("affine_loss_map", affine_loss_map, [x, y, w, b, 0, 8.0, 9, np.zeros(81)]),
    ]
    answers = page.call(
        [(name, [np.copy(a) if isinstance(a, np.ndarray) else a for a in args]) for name, _, args in cases]
    )
    for (name, kernel, args), (result, left) in zip(cases, answers, strict=True):
        native = kernel(*args)
        assert result == (None if native is None else pytest.approx(native, rel=1e-12)), name
        for mine, theirs in zip(args, left, strict=True):
            if isinstance(mine, np.ndarray):
                np.testing.assert_allclose(theirs, mine, rtol=1e-11, atol=1e-15, err_msg=name)


def figures():
    return [
        LogOddsExplorer([0, 0.1, 0.4, 1], temperature=2.0),
        SymmetryExplorer([1.0, 2.0, 4.0], [0, 1, 1], [-1.0, 1.0], [2.0, -2.0], names=["a", "b"]),
        WeightDecayExplorer([0, 1, 10], [[3.0, 1.0], [1.0, 1.0], [0.1, 0.2]], [1, 2, 9], fits(3), ["one", "two"], at=1),
    ]


@pytest.mark.parametrize("place", range(3))
def test_a_figure_has_a_picture_and_words_for_where_it_cannot_live(place):
    figure = figures()[place]
    data = figure._repr_mimebundle_()[0]
    assert data["image/svg+xml"].lstrip().startswith("<?xml")
    assert "<svg" in data["image/svg+xml"]
    assert figure.title in data["text/plain"]


def test_the_figure_of_weight_decay_says_what_heat_alone_would_do():
    figure = figures()[2]
    w = np.array([[3.0, 1.0], [1.0, 1.0], [0.1, 0.2]])
    np.testing.assert_allclose(np.array(figure.fits["units"]) * np.linalg.norm(w, axis=1)[:, None], w)
    np.testing.assert_allclose(figure.fits["angle"], np.degrees([0, np.arctan(1 / 2), np.arctan(1)]), atol=1e-12)
    turned = WeightDecayExplorer([0, 1, 2], [[1.0, 0.0], [1.0, 1e-9], [-2.0, 0.0]], [1, 1, 1], fits(3), ["a", "b"])
    np.testing.assert_allclose(turned.fits["angle"], [0, np.degrees(1e-9), 180])  # the cosine alone would say 0
    np.testing.assert_allclose(figure.fits["cosine"][1], 4 / np.sqrt(20))
    np.testing.assert_allclose(figure.fits["tied"], figure.fits["calibration"][0] / np.array([1, 2, 9]))


@pytest.mark.parametrize(
    ("make", "named"),
    [
        (lambda: LogOddsExplorer([0.2, 1.2]), "frequencies"),
        (lambda: LogOddsExplorer([0.0, 1.0]), "frequencies"),
        (lambda: LogOddsExplorer([0.2], temperature=0.0), "temperature"),
        (lambda: LogOddsExplorer([0.2], steps=-1), "steps"),
        (lambda: LogOddsExplorer([0.2], rate=3.0), "rate"),
        (lambda: LogOddsExplorer([0.2], speed=3.0), "speed"),
        (lambda: SymmetryExplorer([1.0], [2], [1.0, 2.0], [0.0, 0.0]), "labels"),
        (lambda: SymmetryExplorer([1.0, 2.0], [0, 1], [1.0, 2.0], [0.0]), "biases"),
        (lambda: SymmetryExplorer([1.0, np.nan], [0, 1], [1.0, 2.0], [0.0, 1.0]), "positions"),
        (lambda: SymmetryExplorer([1.0, 2.0], [0, 1], [1.0, 2.0], [0.0, 1.0], scale=9.0), "scale"),
        (lambda: WeightDecayExplorer([1, 2], [[1.0], [1.0]], [1, 1], fits(2), ["w"]), "decays"),
        (lambda: WeightDecayExplorer([0, 2], [[1.0]], [1, 1], fits(2), ["w"]), "weights"),
        (lambda: WeightDecayExplorer([0, 2], [[1.0], [1.0]], [1, 1], fits(1), ["w"]), "calibration"),
        (lambda: WeightDecayExplorer([0, 2], [[1.0], [1.0]], [1, 1], fits(2), ["w"], at=2), "at"),
    ],
)
def test_a_wrong_argument_is_named(make, named):
    with pytest.raises((ValueError, TypeError), match=named):
        make()


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"units": [3.0, 1.5, 0.3]}, "rows of one length in units"),
        ({"units": [[1.0], [1.0], [1.0]]}, "each of the 1 features, got 2"),
        ({"tied": [1.0]}, "of each decay"),
    ],
)
def test_fits_that_do_not_go_together_are_refused(change, named):
    figure = figures()[2]
    with pytest.raises(ValueError, match=named):
        figure.fits = {**figure.fits, **change}


def test_classes_are_named_one_by_one():
    with pytest.raises(ValueError, match="each of the 2 classes, got 1 names; pass as many"):
        figures()[1].names = ["a"]
