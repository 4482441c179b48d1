"""The live figures of training in a real browser: they answer, and show the numbers that Python computes."""

import numpy as np
import pytest
from examples import fits
from short import short
from sklearn.datasets import load_iris
from visit import ARTEFACTS, SMALLEST_TEXT, VIEWS, Visit, check_access, figure, number, out, shown, write_page

from simsoftmax.kernels.page.training import affine_loss, descend_gaps, log_odds
from simsoftmax.live import LogOddsExplorer, SymmetryExplorer, WeightDecayExplorer

pytestmark = pytest.mark.browser

FREQUENCIES = np.array([0.0, 0.04, 0.3, 0.53, 0.92, 1.0])
WEIGHTS, BIASES = np.array([-39.1, 15.05, 24.05]), np.array([97.1, -26.65, -70.45])
DECAYS = [0.0, 0.1, 1.0, 10.0]
DECAYED = [[14.0, -7.0, 2.0], [4.0, -2.0, 1.5], [1.3, 0.5, 1.0], [0.6, 0.5, 0.4]]
EFFECTIVE = [1.0, 1.08, 1.23, 1.8]


@pytest.fixture(scope="module")
def iris():
    data = load_iris()
    return np.ascontiguousarray(data.data[:, 2]), data.target.astype(np.int64), data.target_names.tolist()


@pytest.fixture(scope="module")
def trio(site, iris):
    length, species, names = iris
    return write_page(
        site,
        "training.html",
        LogOddsExplorer(FREQUENCIES, temperature=2.0),
        SymmetryExplorer(length, species, WEIGHTS, BIASES, names=names, feature="petal length (cm)"),
        WeightDecayExplorer(DECAYS, DECAYED, EFFECTIVE, fits(4), ["area", "radius", "concave points"]),
    )


@pytest.fixture
def visit(browser, site, trio):
    with Visit(browser) as visit:
        yield visit.open((site / trio).as_uri())


def slide(root, name, value):
    root.get_by_role("slider", name=name, exact=True).fill(str(value))


def dots(root):
    """Return the gaps at which the dots of the fan stand, read off the vertical axis."""
    return root.evaluate(
        """(root) => {
          const crisp = devicePixelRatio > 1 ? 0 : 0.5; // d3-axis moves its ticks by half a pixel
          const fan = root.querySelector(".ssm-frame");
          const ticks = [...fan.querySelectorAll(".ssm-axis:nth-of-type(2) .tick")].map((tick) => [
            Number(tick.textContent.replace("−", "-")), tick.transform.baseVal[0].matrix.f - crisp]);
          const [[v, y], [w, x]] = [ticks[0], ticks.at(-1)];
          const height = (dot) => v + ((dot.cy.baseVal.value - y) * (w - v)) / (x - y);
          return [...fan.querySelectorAll(".ssm-dot")].map(height);
        }"""
    )


@pytest.mark.parametrize("temperature", short([0.25, 2.0, 5.0]))
def test_dots_stand_where_training_has_taken_them(visit, temperature):
    root = figure(visit, 0)
    root.get_by_text("more", exact=True).click()
    knob = root.get_by_role("slider", name="Temperature of the training")
    for key in {0.25: ["Home"], 2.0: [], 5.0: ["PageUp"] * 3}[temperature]:  # as far as it goes
        knob.press(key)
    for place in (0, 40, 75, 100):
        slide(root, "steps", place)
        steps = int(number(out(root, "steps")))
        gaps = np.zeros(FREQUENCIES.size)
        descend_gaps(gaps, FREQUENCIES, temperature, 0.05, steps)
        drawn = np.array(dots(root))
        inside = np.abs(gaps) < 14
        np.testing.assert_allclose(drawn[inside], gaps[inside], atol=1e-3)
        aims = np.empty(FREQUENCIES.size)
        log_odds(FREQUENCIES, temperature, aims)
        late = int((np.abs(1 - gaps[1:-1] / aims[1:-1]) > 0.01).sum())
        words = out(root, "verdict")
        expected = "Untrained" if steps == 0 else f"{4 - late} of 4 groups" if late else "All 4 groups"
        assert words.startswith(expected)


def test_training_runs_to_its_end(browser, site, trio):
    with Visit(browser, hurry=True) as visit:
        visit.open((site / trio).as_uri())
        root = figure(visit, 0)
        root.scroll_into_view_if_needed()
        root.get_by_role("button", name="train").click()
        visit.page.wait_for_function("document.querySelector('.ssm .ssm-verdict').textContent.startsWith('All')")
        root.get_by_role("button", name="train").wait_for()


def test_courses_at_all_temperatures_are_one_when_divided_by_the_heat(visit):
    """Gap over T against steps over T squared: what was trained hot lies on what was trained cold."""
    root = figure(visit, 0)
    root.scroll_into_view_if_needed()
    knob = root.get_by_role("slider", name="Temperature of the training")
    train = root.get_by_role("button", name="train")
    for key in ("Home", "PageUp"):
        knob.press(key)
    for _ in range(2):
        train.click()
        root.get_by_role("button", name="pause").click()
        root.get_by_text("more", exact=True).click()
        slide(root, "steps", 100)
        root.get_by_text("more", exact=True).click()
        for _ in range(4):
            knob.press("PageUp")
    assert root.locator(".ssm-ghost").count() > 0
    far = """(root) => {
      const points = (path) => path.getAttribute("d").slice(1).split("L").map((pair) => pair.split(",").map(Number));
      const now = [...root.querySelectorAll(".ssm-course")].map(points);
      const then = [...root.querySelectorAll(".ssm-ghost")].map(points);
      const low = Math.max(now[1][0][0], then[1][0][0]);
      const high = Math.min(now[1].at(-1)[0], then[1].at(-1)[0]);
      const at = (curve, x) => {
        const i = Math.max(1, curve.findIndex(([a]) => a >= x));
        const [[a, b], [c, d]] = [curve[i - 1], curve[i]];
        return b + ((d - b) * (x - a)) / (c - a);
      };
      const places = [0.3, 0.4, 0.5, 0.6, 0.7].map((u) => low + u * (high - low));
      const off = (x) => now.slice(1, -1).map((curve, i) => Math.abs(at(curve, x) - at(then[i + 1], x)));
      return Math.max(...places.flatMap(off));
    }"""
    apart = root.evaluate(far)
    root.get_by_role("button", name="divide by the heat").click()
    together = root.evaluate(far)
    assert apart > 15
    assert together < 2


@pytest.mark.parametrize("along", [True, False])
@pytest.mark.parametrize("factor", short(["double a and T", "halve both"]))
def test_the_symmetry_holds_with_the_biases_and_not_without(visit, iris, along, factor):
    length, species, _ = iris
    root = figure(visit, 1)
    root.get_by_label("biases").select_option("along" if along else "stay")
    root.get_by_text("more", exact=True).click()
    root.get_by_role("button", name=factor).click()
    size = 2.0 if factor.startswith("double") else 0.5
    bias = size if along else 1.0
    loss = affine_loss(length, species, WEIGHTS, BIASES, size, bias, size)
    assert out(root, "loss") == shown(loss)
    z = (size * np.multiply.outer(length, WEIGHTS) + bias * BIASES) / size
    assert int(out(root, "right")) == int((z.argmax(1) == species).sum())
    assert ("no curve has moved" in out(root, "verdict")) == along
    trained = affine_loss(length, species, WEIGHTS, BIASES, 1.0, 1.0, 1.0)
    assert (abs(loss - trained) < 1e-12) == along


def test_the_map_can_be_dragged(visit, iris):
    length, species, _ = iris
    root = figure(visit, 1)
    root.scroll_into_view_if_needed()
    box = root.locator(".ssm-map").bounding_box()
    visit.drag(root.locator(".ssm-map"), box["width"] * 0.3, box["height"] * -0.2)
    scale = number(out(root, "scale"))
    temperature = number(root.locator(".ssm-reading").text_content().removeprefix("T = "))
    assert scale > 2
    assert temperature > 1.5
    assert out(root, "loss") == shown(affine_loss(length, species, WEIGHTS, BIASES, scale, scale, temperature))


@pytest.mark.parametrize("at", short(range(len(DECAYS)), 0, len(DECAYS) - 1))
def test_the_figure_of_weight_decay_shows_its_fits(visit, at):
    root = figure(visit, 2)
    slide(root, "weight decay λ", at)
    assert number(out(root, "decay")) == DECAYS[at]
    calibration = fits(4)
    for key, value in {"effective": EFFECTIVE[at], "calibration": calibration[at].temperature}.items():
        assert out(root, key) == shown(value, 2)
    w = np.array(DECAYED)
    assert out(root, "cosine") == shown(w[at] @ w[0] / np.linalg.norm(w[at]) / np.linalg.norm(w[0]), 2)
    bars = root.locator(".ssm-frame .ssm-bar")
    widths = bars.evaluate_all("(bars) => bars.map((bar) => bar.width.baseVal.value)")
    np.testing.assert_allclose(np.array(widths) / widths[0], np.abs(w[at] / w[at][0]), rtol=0.02, atol=0.02)


def test_the_keyboard_is_enough(visit):
    root = figure(visit, 2)
    root.get_by_label("weight decay λ").press("ArrowRight")
    assert number(out(root, "decay")) == DECAYS[1]
    root = figure(visit, 1)
    root.get_by_text("more", exact=True).press("Enter")
    root.get_by_label("scale a of the weights").press("End")
    assert number(out(root, "scale")) == 8


@pytest.mark.parametrize("temperature", short([0.01, 33.0, 141.45]))
def test_length_and_direction_are_told_apart(browser, site, temperature):
    """However short or hot: the needle stands at its angle, the gauge at its length, the tick at that of heat alone."""
    factor = 342.0
    explorer = WeightDecayExplorer(
        [0.0, 1.0, 10_000.0],
        [[3.0, 4.0], [1.5, 2.0], [4.0 / factor, 3.0 / factor]],
        [1.0, 2.0, temperature],
        fits(3),
        ["area", "radius"],
        at=2,
    )
    name = write_page(site, f"decay-{temperature}.html", explorer)
    with Visit(browser, **VIEWS["light"]) as visit:
        visit.open((site / name).as_uri())
        root = figure(visit, 0)
        turn = root.locator(".ssm-turn")
        bar, tick = turn.locator("rect"), turn.locator(".ssm-theory").nth(1)
        left, length = (float(bar.get_attribute(key)) for key in ("x", "width"))
        ticks = turn.locator(".tick").evaluate_all(
            "(ticks) => ticks.map((t) => [parseFloat(t.textContent) / 100, t.transform.baseVal[0].matrix.e - 0.5])"
        )
        (a, xa), (b, xb) = ticks[0], ticks[-1]

        def share(x):
            return a * (b / a) ** ((x - xa) / (xb - xa))

        assert share(left + length) == pytest.approx(1 / factor, rel=0.02)
        assert share(float(tick.get_attribute("x1"))) == pytest.approx(1 / temperature, rel=0.02)
        angle = np.degrees(np.arccos(24 / 25))
        assert turn.locator(".ssm-needle").get_attribute("transform").startswith(f"rotate({-angle:.6f}"[:12])
        assert out(root, "angle") == f"{angle:.0f}°"
        written = {0.01: "0.0100", 33.0: "33.0", 141.45: "141"}[temperature]
        assert out(root, "decay") == "10,000"
        assert out(root, "effective") == written
        assert out(root, "length") == "0.29 %"
        assert f"The weights are {factor:.0f} times shorter and have turned by {angle:.0f}°" in out(root, "verdict")
        assert f"{written} times hotter" in out(root, "verdict")


@pytest.mark.parametrize("view", short(["light", "narrow"], "narrow"))
def test_a_slider_and_its_value_share_a_line(browser, site, trio, view):
    with Visit(browser, **VIEWS[view]) as visit:
        visit.open((site / trio).as_uri())
        for which, (name, key) in enumerate([("scale a of the weights", "scale"), ("weight decay λ", "decay")], 1):
            root = figure(visit, which)
            root.locator("details").evaluate_all("(folds) => folds.forEach((fold) => { fold.open = true; })")
            for place in ("Home", "End"):
                knob = root.get_by_role("slider", name=name, exact=True)
                knob.press(place)
                left, right = knob.bounding_box(), root.locator(f"[data-out={key}]").bounding_box()
                assert abs(left["y"] + left["height"] / 2 - right["y"] - right["height"] / 2) < 4
                assert left["x"] + left["width"] < right["x"]
                assert left["width"] > 100


@pytest.mark.parametrize("view", short(VIEWS, "light"))
def test_everybody_can_read_it(browser, site, trio, view):
    with Visit(browser, **VIEWS[view]) as visit:
        visit.open((site / trio).as_uri())
        ARTEFACTS.mkdir(exist_ok=True)
        for which, name in enumerate(["log-odds", "symmetry", "weight-decay"]):
            figure(visit, which).screenshot(path=ARTEFACTS / f"{name}-{view}.png")
        assert visit.page.evaluate("document.documentElement.scrollWidth") <= VIEWS[view]["viewport"]["width"]
        assert visit.page.evaluate(SMALLEST_TEXT) >= 11
        check_access(visit.page)
