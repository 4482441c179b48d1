"""The live figure of ln Z: its kernel against the package, and the figure in a browser."""

import numpy as np
import pytest
from short import short
from visit import BROKEN, SMALLEST_TEXT, VIEWS, Visit, check_access, figure, number, out, shown, write_page

import simsoftmax as ss
from simsoftmax.disorder import random_energies
from simsoftmax.kernels.page.exact import integrate_energy
from simsoftmax.live import LogPartitionExplorer

Z = random_energies(24, sigma=3.0, rng=1)
SCORES = [[2.0, 1.0, 0.1], [1.0, -np.inf, -2.0, 1.0], list(Z)]


def walked(logits, beta, strips):
    z = np.array(logits)
    work = [np.empty(z.size), np.empty(z.size), np.empty(5)]
    slopes, sums = np.empty((2, strips))
    integrate_energy(z, beta / strips, *work, slopes, sums)
    return slopes, sums


@pytest.mark.parametrize("logits", SCORES)
def test_strips_add_up_to_ln_z(logits):
    """With an error that falls with the square of their width, as it does where each is as high as in its middle."""
    for beta in (0.3, 1.0, 2.0):
        errors = [walked(logits, beta, n)[1][-1] - ss.log_partition(logits, 1 / beta) for n in (50, 100)]
        assert abs(errors[1]) < 1e-3
        assert errors[0] / errors[1] == pytest.approx(4, rel=0.02)
    slopes, sums = walked(logits, 2.0, 40)
    middles = (np.arange(40) + 0.5) * 2.0 / 40
    np.testing.assert_allclose(slopes, [-ss.mean_energy(logits, 1 / beta) for beta in middles], rtol=1e-13)
    assert walked(logits, 0.0, 3)[1] == pytest.approx([ss.log_partition(logits, np.inf)] * 3, rel=1e-15)
    assert sums[-1] > sums[0]


@pytest.mark.parametrize("logits", SCORES)
def test_the_page_adds_up_what_python_does(page, logits):
    z, n = np.array(logits), 30
    given = [z, 0.07, np.zeros(z.size), np.zeros(z.size), np.zeros(5), np.zeros(n), np.zeros(n)]
    [(_, left)] = page.call([("integrate_energy", given)])
    slopes, sums = walked(logits, 0.07 * n, n)
    np.testing.assert_allclose(left[5], slopes, rtol=1e-12)
    np.testing.assert_allclose(left[6], sums, rtol=1e-12)


@pytest.fixture(scope="module")
def walk(site):
    return write_page(site, "ln-z.html", LogPartitionExplorer(Z))


@pytest.mark.browser
def test_the_figure_says_what_python_computes(browser, site, walk):
    with Visit(browser) as visit:
        visit.open((site / walk).as_uri())
        root = figure(visit, 0)
        assert out(root, "verdict").startswith(
            f"At infinite heat all 24 levels count alike: ln Z = ln 24 = {np.log(24):.3f}."
        )
        knob = root.locator(".ssm-thermometer .ssm-knob")
        for key in ("Home", "PageUp", "PageUp"):
            knob.press(key)
            t = number(knob.get_attribute("aria-valuenow"))
            exact = ss.log_partition(Z, t)
            assert out(root, "verdict").endswith(f"exact is {shown(exact)}.")
            added = number(out(root, "verdict").split(" = ")[-1].split(";")[0])
            assert added == pytest.approx(exact, abs=1e-3)
        knob.press("Home")
        assert number(knob.get_attribute("aria-valuenow")) == 0.5  # the end of the walk
        assert visit.page.evaluate(BROKEN) == []


@pytest.mark.browser
def test_it_walks_by_itself_and_a_hand_stops_it(browser, site, walk):
    with Visit(browser, hurry=True) as visit:
        visit.open((site / walk).as_uri())
        root = figure(visit, 0)
        knob = root.locator(".ssm-thermometer .ssm-knob")
        root.get_by_role("button", name="cool down").click()
        visit.page.wait_for_function("Number(document.querySelector('.ssm-knob').getAttribute('aria-valuenow')) < 5")
        knob.press("End")
        root.get_by_role("button", name="cool down").wait_for()
        visit.rest()
        assert knob.get_attribute("aria-valuetext") == "T = infinity"
        for _ in range(5):  # each begins at another part of a frame, and all end at the coldest itself
            root.get_by_role("button", name="cool down").click()
            root.get_by_role("button", name="cool down").wait_for()
            assert knob.get_attribute("aria-valuenow") == "0.5"
            knob.press("End")


@pytest.mark.browser
def test_a_finger_walks_along_the_plot(browser, site, walk):
    with Visit(browser, viewport={"width": 380, "height": 800}, has_touch=True, is_mobile=True) as visit:
        visit.open((site / walk).as_uri())
        box = figure(visit, 0).locator(".ssm-frame").first.bounding_box()
        touch = visit.context.new_cdp_session(visit.page)
        for kind, share in [("touchStart", 0.2), ("touchMove", 0.4), ("touchMove", 0.5), ("touchEnd", None)]:
            at = [] if share is None else [{"x": box["x"] + share * box["width"], "y": box["y"] + 90}]
            touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": at})
        assert number(figure(visit, 0).locator(".ssm-knob").get_attribute("aria-valuenow")) == pytest.approx(
            1.1, abs=0.15
        )


@pytest.mark.browser
@pytest.mark.parametrize("view", short(VIEWS, "light"))
def test_everybody_can_read_it(browser, site, walk, view):
    with Visit(browser, **VIEWS[view]) as visit:
        visit.open((site / walk).as_uri())
        assert figure(visit, 0).bounding_box()["height"] < 800
        assert visit.page.evaluate("document.documentElement.scrollWidth") <= VIEWS[view]["viewport"]["width"]
        assert visit.page.evaluate(SMALLEST_TEXT) >= 11
        check_access(visit.page)


def test_its_walk_ends_where_python_says():
    with pytest.raises(ValueError, match=r"no lower than coldest, got temperature=0.4 and coldest=0.5"):
        LogPartitionExplorer(Z, 0.4)
    explorer = LogPartitionExplorer(Z, 0.4, coldest=0.3)
    with pytest.raises(ValueError, match=r"coldest must be from 0.05 to 20 to be drawn, got 0; pass one in between"):
        explorer.coldest = 0.0
    with pytest.raises(ValueError, match=r"got temperature=0.4 and coldest=2"):
        explorer.coldest = 2.0
    assert explorer.coldest == 0.3
