"""The shift explorer: its kernels against SciPy, NumPy and the fit, in a page against native, and the figure."""

import re

import numpy as np
import pytest
import traitlets
from scipy import ndimage, stats
from short import short
from visit import (
    ARTEFACTS,
    BROKEN,
    SMALLEST_TEXT,
    VIEWS,
    Visit,
    check_access,
    figure,
    number,
    out,
    shown,
    type_into,
    write_page,
)

import simsoftmax as ss
from simsoftmax.kernels.page import pictures as kernels
from simsoftmax.kernels.page.reliability import honest_temperature
from simsoftmax.kernels.seeds import seed_streams
from simsoftmax.live import ShiftExplorer

SIDE = 6


def network(rng, hidden=12, levels=4):
    """Return the arrays of a network, and pictures whose labels follow what it says when they are upright."""
    parts = [
        rng.normal(size=(SIDE**2, hidden)),
        rng.normal(size=hidden),
        rng.normal(size=(hidden, levels)),
        rng.normal(size=levels),
    ]
    x = rng.random((150, SIDE**2))
    logits = np.maximum(x @ parts[0] + parts[1], 0) @ parts[2] + parts[3]
    return parts, x, (logits / 2.5 + rng.gumbel(size=logits.shape)).argmax(axis=1)


def turned(x, degrees):
    seen = np.empty(x.size)
    kernels.turn(x.ravel(), SIDE, float(degrees), seen)
    return seen.reshape(x.shape)


@pytest.mark.parametrize("degrees", [0, 10, -33, 45, 90, 180, 400])
def test_pictures_turn_as_in_scipy(rng, degrees):
    x = rng.random((7, SIDE**2))
    wanted = ndimage.rotate(
        x.reshape(-1, SIDE, SIDE), degrees, axes=(1, 2), reshape=False, order=1, mode="grid-constant"
    )
    np.testing.assert_allclose(turned(x, degrees).reshape(wanted.shape), wanted, atol=1e-12)


def test_a_positive_turn_is_counter_clockwise():
    upright = np.zeros((SIDE, SIDE))
    upright[0, 2:4] = 1  # above the middle
    assert turned(upright.reshape(1, -1), 90).reshape(SIDE, SIDE)[2:4, 0] == pytest.approx([1, 1])  # left of it


def test_noise_is_normal_and_goes_on(alarm):
    stream = seed_streams(1, 1)[0]
    noise = np.zeros(40_001)
    kernels.speckle(noise, 0.5, stream)
    assert stats.kstest(noise / 0.5, "norm").pvalue > alarm / 3
    again, onward = np.zeros_like(noise), np.zeros_like(noise)
    kernels.speckle(again, 0.5, seed_streams(1, 1)[0])
    kernels.speckle(onward, 0.5, stream)
    np.testing.assert_array_equal(noise, again)
    n = len(noise)
    assert abs(np.corrcoef(noise, onward)[0, 1]) < stats.norm.isf(alarm / 6) / np.sqrt(n)
    assert abs(np.corrcoef(noise[:-1], noise[1:])[0, 1]) < stats.norm.isf(alarm / 6) / np.sqrt(n)


def test_the_network_reads_as_numpy_does(rng):
    (first, first_bias, second, second_bias), x, _ = network(rng)
    logits = np.empty((len(x), second_bias.size))
    flat = logits.reshape(-1)
    kernels.read(x.ravel(), len(x), SIDE**2, first_bias, second_bias, first.ravel(), second.ravel(), flat)
    np.testing.assert_allclose(logits, np.maximum(x @ first + first_bias, 0) @ second + second_bias, rtol=1e-10)


@pytest.mark.parametrize("scale", [1e-2, 0.3, 1.0, 7.0, 500.0])
def test_the_honest_temperature_is_the_fitted_one(rng, scale):
    logits = rng.normal(size=(200, 5))
    labels = (2 * logits + rng.gumbel(size=logits.shape)).argmax(axis=1)
    logits[::7, 0] = np.where(labels[::7] == 0, logits[::7, 0], -np.inf)
    found = honest_temperature(scale * logits.ravel(), labels)
    assert found == pytest.approx(ss.fit_temperature(scale * logits, labels).temperature, rel=1e-8)
    finite = rng.normal(size=(200, 5))
    assert honest_temperature(finite.ravel(), finite.argmax(axis=1)) == 0.0
    assert honest_temperature(finite.ravel(), finite.argmin(axis=1)) == np.inf


def test_the_page_computes_what_python_computes(page, rng):
    (first, first_bias, second, second_bias), x, labels = network(rng)
    z = rng.normal(size=600)
    cases = [("turn", [x.ravel(), SIDE, angle, np.zeros(x.size)]) for angle in (0.0, 25.0, -60.0)]
    cases.append(("speckle", [x.ravel().copy(), 0.3, seed_streams(3, 1)[0]]))
    logits = np.zeros(len(x) * 4)
    cases.append(("read", [x.ravel(), len(x), SIDE**2, first_bias, second_bias, first.ravel(), second.ravel(), logits]))
    cases.append(("honest_temperature", [z, labels]))
    copies = [(name, [np.copy(a) if isinstance(a, np.ndarray) else a for a in args]) for name, args in cases]
    for (name, args), (result, left) in zip(cases, page.call(copies), strict=True):
        function = honest_temperature if name == "honest_temperature" else getattr(kernels, name)
        assert result == pytest.approx(function(*args), rel=1e-10) if result is not None else function(*args) is None
        for mine, theirs in zip(args, left, strict=True):
            if isinstance(mine, np.ndarray):
                np.testing.assert_allclose(theirs, mine, rtol=1e-10, atol=1e-13, err_msg=name)


def test_pictures_and_network_travel_small_and_the_object_computes_with_what_travels(rng):
    parts, x, labels = network(rng)
    explorer = ShiftExplorer(x, labels, parts, rng=1)
    assert len(explorer._greys) == x.size
    assert len(explorer._network) == 4 * sum(part.size for part in parts)
    rounded = np.rint(255 * x) / 255
    first, first_bias, second, second_bias = (part.astype(np.float32).astype(float) for part in parts)
    for turn, noise in ((0, 0.0), (40, 0.0), (-20, 0.3)):
        explorer.turn, explorer.noise = turn, noise
        seen = turned(rounded, turn)
        if noise:
            kernels.speckle(seen.reshape(-1), noise, np.frombuffer(explorer._stream, np.uint64).copy())
        expected = np.maximum(seen @ first + first_bias, 0) @ second + second_bias
        np.testing.assert_allclose(explorer.scores, expected, rtol=1e-9, atol=1e-9)
        np.testing.assert_array_equal(explorer.scores, explorer.scores)  # the noise is the same every time
    fit = ss.fit_temperature(expected, labels)
    assert ShiftExplorer(x, labels, parts, fit=fit).fit is fit
    assert explorer.temperature == explorer.fit.temperature


def test_it_has_a_picture_and_words_for_where_it_cannot_live(rng):
    parts, x, labels = network(rng)
    data = ShiftExplorer(x, labels, parts, turn=30, noise=0.1, rng=1)._repr_mimebundle_()[0]
    assert "<svg" in data["image/svg+xml"]
    assert "150 pictures, turned by 30° and with noise of 0.1" in data["text/plain"]


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"pictures": np.zeros((2000, 36))}, r"pictures.*pictures\[:1666\]"),
        ({"pictures": np.zeros((150, 35))}, "pictures"),
        ({"pictures": np.zeros(36)}, "pictures"),
        ({"pictures": np.full((150, 36), 16.0)}, "pictures"),
        ({"pictures": np.full((150, 36), np.nan)}, "pictures"),
        ({"labels": np.full(150, 4)}, "labels"),
        ({"labels": [0]}, "labels"),
        ({"network": [np.zeros((36, 3))] * 3}, "network"),
        ({"network": [np.zeros((36, 3)), np.zeros(3), np.zeros((3, 2)), np.zeros(3)]}, "network"),
        ({"network": [np.full((36, 3), np.nan), np.zeros(3), np.zeros((3, 4)), np.zeros(4)]}, "network"),
        ({"network": "network"}, "network"),
        ({"fit": 2.0}, "fit"),
        ({"temperature": -1.0}, "temperature"),
        ({"turn": 61}, "turn"),
        ({"turn": 0.5}, "turn"),
        ({"noise": 1.5}, "noise"),
        ({"angle": 3}, "angle"),
    ],
)
def test_a_wrong_argument_is_named(rng, change, named):
    parts, x, labels = network(rng)
    with pytest.raises((ValueError, TypeError, traitlets.TraitError), match=named):
        ShiftExplorer(**{"pictures": x, "labels": labels, "network": parts} | change)


# --- in a page --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def shown_world():
    parts, x, labels = network(np.random.default_rng(4))
    return {"pictures": x, "labels": labels, "network": parts, "rng": 2}


@pytest.fixture(scope="module")
def explorer_page(site, shown_world):
    return site / write_page(site, "shift.html", ShiftExplorer(**shown_world, turn=20))


def slide(root, name, value):
    root.get_by_label(name, exact=True).evaluate(
        "(node, value) => { node.value = value; node.dispatchEvent(new Event('input', { bubbles: true })); }", value
    )


@pytest.mark.browser
def test_the_figure_shows_what_python_computes(browser, shown_world, explorer_page):
    explorer = ShiftExplorer(**shown_world)
    labels = shown_world["labels"]
    with Visit(browser) as visit:
        visit.open(explorer_page.as_uri())
        root = figure(visit, 0)
        for turn, noise, temperature in ((0, 0.0, 1.0), (-35, 0.0, 0.4), (60, 0.3, 2.6), (10, 1.0, np.inf)):
            slide(root, "turn", turn + 60)
            slide(root, "noise", round(50 * noise))
            type_into(root, "Temperature T", str(temperature))
            explorer.turn, explorer.noise, explorer.temperature = turn, noise, temperature
            p = ss.softmax(explorer.scores, temperature)
            right = explorer.scores.argmax(axis=1) == labels
            assert out(root, "turn") == f"{turn}°".replace("-", "−")
            assert out(root, "noise") == shown(noise, 2)
            assert out(root, "confidence") == f"{shown(100 * p.max(axis=1).mean(), 1)} %"
            assert out(root, "accuracy") == f"{shown(100 * right.mean(), 1)} %"
            assert out(root, "ece") == f"{shown(100 * explorer.diagram.expected_calibration_error, 1)} %"
            honest = ss.fit_temperature(explorer.scores, labels).temperature
            assert number(out(root, "honest")) == pytest.approx(honest, rel=6e-3)
            crossed = root.locator(".ssm-tray text.ssm-crossed").count()
            assert crossed == (~right[:20]).sum()
            words = root.locator(".ssm-tray text").first.text_content()
            assert words == f"{explorer.scores[0].argmax()} · {shown(100 * p[0].max(), 0)} %"
        assert visit.page.evaluate(BROKEN) == []


@pytest.mark.browser
def test_the_course_is_the_honest_temperature_at_every_turn(browser, shown_world, explorer_page):
    explorer = ShiftExplorer(**shown_world)
    course = []
    for turn in range(-60, 61, 5):
        explorer.turn = turn
        course.append(ss.fit_temperature(explorer.scores, shown_world["labels"]).temperature)
    with Visit(browser) as visit:
        visit.open(explorer_page.as_uri())
        root = figure(visit, 0)
        path = root.locator(".ssm-below path.ssm-line").get_attribute("d")
        points = np.array([list(map(float, pair.split(","))) for pair in re.findall(r"[\d.]+,[\d.]+", path)])
        ends = root.locator(".ssm-below .ssm-cursor")
        top, bottom = (float(ends.get_attribute(name)) for name in ("y1", "y2"))
        share = (bottom - points[:, 1]) / (bottom - top)
        np.testing.assert_allclose(0.3 * 1000**share, np.clip(course, 0.3, 300), rtol=1e-2)


@pytest.mark.browser
@pytest.mark.parametrize("motion", short(["no-preference", "reduce"]))
def test_the_buttons_go_home_and_to_the_honest_temperature(browser, shown_world, explorer_page, motion):
    explorer = ShiftExplorer(**shown_world, turn=20)
    honest = ss.fit_temperature(explorer.scores, shown_world["labels"]).temperature
    knob = "document.querySelector('.ssm-thermometer .ssm-knob').getAttribute('aria-valuenow')"
    with Visit(browser, hurry=True, reduced_motion=motion) as visit:
        visit.open(explorer_page.as_uri())
        root = figure(visit, 0)
        for name, goal in (("honest T", honest), ("T from home", explorer.fit.temperature)):
            root.get_by_role("button", name=name, exact=True).click()
            visit.page.wait_for_function(f"Math.abs({knob} - {min(goal, 20)}) < 1e-6")
        root.get_by_role("button", name="honest T", exact=True).click()
        visit.page.wait_for_function(f"Math.abs({knob} - {min(honest, 20)}) < 1e-6")
        assert "honest on the whole." in out(root, "verdict")
        assert "would be" not in out(root, "verdict")


@pytest.mark.browser
def test_mouse_keyboard_and_finger_turn_the_pictures(browser, explorer_page):
    with Visit(browser, viewport={"width": 1000, "height": 1400}) as visit:
        visit.open(explorer_page.as_uri())
        root = figure(visit, 0)
        course = root.locator(".ssm-below .ssm-frame")
        visit.drag(course, course.bounding_box()["width"] - 112, 0, at=(100, 80))
        assert out(root, "turn") == "60°"
        root.get_by_label("turn", exact=True).focus()
        visit.page.keyboard.press("ArrowLeft")
        assert out(root, "turn") == "59°"
    with Visit(browser, viewport={"width": 380, "height": 800}, has_touch=True, is_mobile=True) as visit:
        visit.open(explorer_page.as_uri())
        root = figure(visit, 0)
        course = root.locator(".ssm-below .ssm-frame")
        course.scroll_into_view_if_needed()
        box = course.bounding_box()
        visit.page.touchscreen.tap(box["x"] + 42, box["y"] + 80)
        assert number(out(root, "turn").rstrip("°")) < -50


@pytest.mark.browser
def test_worlds_at_the_edge_do_no_harm(browser, site, rng):
    parts, x, labels = network(rng)
    flat = [np.zeros_like(part) for part in parts]
    certain = [np.zeros_like(parts[0]), parts[1], parts[2], np.array([900.0, 0, 0, 0])]
    explorers = [
        ShiftExplorer(x, labels, flat),
        ShiftExplorer(x, np.zeros(150, int), certain),
        ShiftExplorer(x, np.ones(150, int), certain),
        ShiftExplorer(x[:1], labels[:1], parts),
    ]
    assert [explorer.fit.status for explorer in explorers[:3]] == ["unidentified", "zero", "infinite"]
    name = write_page(site, "edges.html", *explorers)
    with Visit(browser, reduced_motion="reduce") as visit:
        visit.open((site / name).as_uri())
        assert figure(visit, 0).get_by_role("button", name="T from home").is_disabled()
        for which in range(len(explorers)):
            root = figure(visit, which)
            root.get_by_role("button", name="honest T", exact=True).click()
            for temperature in ("0", "0.001", "inf", "5"):
                type_into(root, "Temperature T", temperature)
            slide(root, "turn", 97)
            slide(root, "noise", 50)
            assert not re.search("NaN|undefined", root.inner_text())
        assert visit.page.evaluate(BROKEN) == []


@pytest.mark.browser
@pytest.mark.parametrize("view", short(VIEWS, "narrow-dark"))
def test_everybody_can_read_it(browser, explorer_page, view):
    with Visit(browser, **VIEWS[view]) as visit:
        visit.open(explorer_page.as_uri())
        ARTEFACTS.mkdir(exist_ok=True)
        figure(visit, 0).screenshot(path=ARTEFACTS / f"shift-{view}.png")
        assert visit.page.evaluate("document.documentElement.scrollWidth") <= VIEWS[view]["viewport"]["width"]
        assert visit.page.evaluate(SMALLEST_TEXT) >= 11
        check_access(visit.page)
