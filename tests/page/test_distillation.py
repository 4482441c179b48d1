"""Teaching with warmth: the kernels against NumPy, in a page against native, and the figure that uses them."""

import numpy as np
import pytest
from short import short
from visit import ARTEFACTS, BROKEN, SMALLEST_TEXT, VIEWS, Visit, check_access, figure, out, shown, write_page

import simsoftmax as ss
from simsoftmax.kernels.page.teaching import blend, overlap, smooth_label
from simsoftmax.live import DistillationExplorer

PICTURES, CLASSES, PIXELS = 7, 4, 9


def lessons(seed=8, **traits):
    """Return a figure of pictures that nobody would recognise, of which one has blank paper and one is all ink."""
    rng = np.random.default_rng(seed)
    pictures = rng.random((PICTURES, PIXELS))
    pictures[0], pictures[1] = 0, 1
    logits = 3 * rng.normal(size=(PICTURES, CLASSES))
    return DistillationExplorer(pictures, logits, logits.argmax(axis=1), rng.random((CLASSES, PIXELS)), **traits)


def targets(rng, rows=PICTURES):
    return np.asarray(ss.softmax(2 * rng.normal(size=(rows, CLASSES))))


def test_the_kernels_are_their_formulas(rng):
    p, means = targets(rng), rng.random((CLASSES, PIXELS))
    picture, shares, even = np.empty(PIXELS), np.empty(PICTURES), np.empty(CLASSES)
    blend(picture, p[2], means.ravel())
    np.testing.assert_allclose(picture, p[2] @ means, rtol=1e-13)
    overlap(shares, p.ravel(), CLASSES, 3)
    np.testing.assert_allclose(shares, 1 - np.abs(p - p[3]).sum(axis=1) / 2, rtol=1e-13)
    for label in range(CLASSES):
        smooth_label(even, p[1], label)
        epsilon = CLASSES / (CLASSES - 1) * (1 - p[1, label])
        wanted = (1 - epsilon) * np.eye(CLASSES)[label] + epsilon / CLASSES
        np.testing.assert_allclose(even, wanted, rtol=1e-12, atol=1e-15)


def test_the_page_computes_what_python_computes(page, rng):
    p, means = targets(rng), rng.random((CLASSES, PIXELS))
    cases = [
        ("blend", blend, [np.zeros(PIXELS), p[0], means.ravel()]),
        ("overlap", overlap, [np.zeros(PICTURES), p.ravel(), CLASSES, 2]),
        ("smooth_label", smooth_label, [np.zeros(CLASSES), p[1], 3]),
    ]
    answers = page.call(
        [(name, [np.copy(a) if isinstance(a, np.ndarray) else a for a in args]) for name, _, args in cases]
    )
    for (name, kernel, args), (_, left) in zip(cases, answers, strict=True):
        kernel(*args)
        np.testing.assert_allclose(left[0], args[0], rtol=1e-12, err_msg=name)


@pytest.mark.parametrize("temperature", [0.0, 0.3, 1.0, 6.0, np.inf])
def test_what_is_told_of_a_picture(temperature):
    explorer = lessons(temperature=temperature, chosen=4)
    label = explorer.labels[4]
    assert explorer.target.sum() == pytest.approx(1)
    assert explorer.smoothed[label] == explorer.target[label]
    assert len({round(share, 12) for share in np.delete(explorer.smoothed, label)}) == 1
    assert explorer.overlaps[4] == pytest.approx(1)
    if temperature == 0:  # the label alone: pictures of one class are told the same, and others nothing of it
        np.testing.assert_array_equal(explorer.overlaps, np.array(explorer.labels) == label)
    if temperature == np.inf:
        np.testing.assert_allclose(explorer.overlaps, 1)
        np.testing.assert_allclose(explorer.smoothed, 1 / CLASSES)


def test_it_has_a_picture_and_words_for_where_it_cannot_live():
    data = lessons()._repr_mimebundle_()[0]
    assert "<svg" in data["image/svg+xml"]
    assert "7 pictures, showing one of class" in data["text/plain"]


GOOD = {"pictures": np.zeros((3, 4)), "logits": np.zeros((3, 2)), "labels": [0, 1, 1], "means": np.ones((2, 4))}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"pictures": np.zeros((3, 5))}, "pictures must be square pictures of at most 1024 pixels, got 5"),
        ({"pictures": np.full((3, 4), 1.5)}, "pictures must be from 0 to 1, got 1.5"),
        ({"pictures": np.full((3, 4), np.nan)}, "pictures must be from 0 to 1"),
        ({"logits": np.zeros((2, 2))}, r"logits must be finite and have shape \(3, 2 to 16\)"),
        ({"logits": np.full((3, 2), np.inf)}, "logits must be finite"),
        ({"labels": [0, 1, 2]}, "labels"),
        ({"labels": [0, 1]}, "labels"),
        ({"means": np.ones((3, 4))}, r"means must have shape \(2, pixels\), got \(3, 4\)"),
        ({"means": np.ones((2, 9))}, "means must have 4 pixels each, got 9"),
        ({"chosen": 3}, "chosen must be from 0 to 2, got 3"),
        ({"temperature": -1}, "temperature must be >= 0, got -1"),
        ({"names": ["a"]}, "names"),
    ],
)
def test_a_wrong_argument_is_named(change, message):
    DistillationExplorer(**GOOD).close()
    with pytest.raises((ValueError, TypeError), match=message):
        DistillationExplorer(**{**GOOD, **change})


def test_more_pictures_than_can_be_drawn_are_refused():
    with pytest.raises(ValueError, match="pictures must be at most 60 to be drawn, got 61"):
        DistillationExplorer(np.zeros((61, 4)), np.zeros((61, 2)), [0] * 61, np.ones((2, 4)))


@pytest.fixture(scope="module")
def written(site):
    """Return the name of a page with the figure."""
    return write_page(site, "distillation.html", lessons(chosen=2))


def read(root, name):
    """Return a column of numbers beside the bars."""
    return [text.text_content() for text in root.locator(f".ssm-bars .ssm-{name}").all()]


def drawn_ink(root, which):
    """Return the ink of each pixel of a picture, as its squares show it."""
    outline = root.locator(".ssm-titled .ssm-pixels path").nth(which).get_attribute("d")
    ink = np.zeros(PIXELS)
    for square in outline.split("M")[1:]:
        place, side = square.split("h")[:2]
        side = float(side.split("v")[0])
        x, y = (round(float(corner) + side / 2) for corner in place.split())
        ink[3 * y + x] = side**2
    return ink


@pytest.mark.browser
@pytest.mark.parametrize("view", short(VIEWS, "narrow-dark"))
def test_the_page_shows_what_python_computes(browser, site, written, view):
    with Visit(browser, **VIEWS[view]) as visit:
        visit.open((site / written).as_uri())
        root = figure(visit, 0)
        knob = root.get_by_role("slider", name="Temperature")
        turned = {1.0: [], 0.0: ["Home"], np.inf: ["End"], 20.0: ["PageDown"]}
        for temperature, keys in turned.items():
            for key in keys:
                knob.press(key)
            expected = lessons(chosen=2, temperature=temperature)
            assert read(root, "observed") == [shown(share) for share in expected.target]
            assert read(root, "expected") == [shown(share) for share in expected.smoothed]
            np.testing.assert_allclose(drawn_ink(root, 0), expected._ink[2], atol=0.02)
            np.testing.assert_allclose(drawn_ink(root, 1), expected.blended, atol=0.02)
            clear = [float(path.get_attribute("opacity")) for path in root.locator(".ssm-choices path").all()]
            np.testing.assert_allclose(clear, 0.13 + 0.87 * expected.overlaps, atol=1e-3)
        assert visit.page.evaluate(BROKEN) == []
        assert visit.page.evaluate("document.documentElement.scrollWidth") <= VIEWS[view]["viewport"]["width"]
        assert visit.page.evaluate(SMALLEST_TEXT) >= 11
        ARTEFACTS.mkdir(exist_ok=True)
        root.screenshot(path=ARTEFACTS / f"distillation-{view}.png")
        check_access(visit.page)


@pytest.mark.browser
def test_a_picture_is_chosen_by_hand_and_by_keys(browser, site, written):
    with Visit(browser, **VIEWS["narrow"], has_touch=True) as visit:
        visit.open((site / written).as_uri())
        root = figure(visit, 0)
        radios = root.locator(".ssm-choices input")
        assert radios.nth(2).is_checked()
        root.locator(".ssm-choices label").nth(5).tap()
        assert read(root, "observed") == [shown(share) for share in lessons(chosen=5).target]
        radios.nth(5).press("ArrowRight")
        assert radios.nth(6).is_checked()
        assert read(root, "observed") == [shown(share) for share in lessons(chosen=6).target]
        assert radios.nth(6).get_attribute("aria-label").endswith("100 % told the same")
        assert f"{lessons(chosen=6).labels[6]} (" in out(root, "verdict")
