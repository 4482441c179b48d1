"""The calibration explorer: its kernels against the package's functions, in a page against native, and the figure."""

import re

import numpy as np
import pytest
import traitlets
from scipy.special import betaincinv
from short import short
from visit import ARTEFACTS, SMALLEST_TEXT, UNFOLD, VIEWS, Visit, check_access, figure, number, out, shown, write_page

import simsoftmax as ss
from simsoftmax.kernels.page import reliability
from simsoftmax.live import CalibrationExplorer

TEMPERATURES = [0.0, 0.05, 0.6, 1.0, 2.6, 20.0, np.inf]
BINNINGS = [(bins, binning) for bins in (1, 5, 15, 30) for binning in ("width", "mass")]


def overconfident(rng, rows=400, levels=6, temperature=2.5):
    """Return logits and labels that call for a temperature."""
    truth = 2 * rng.standard_normal((rows, levels))
    return temperature * truth, (truth + rng.gumbel(size=truth.shape)).argmax(axis=1)


def forbid(logits, labels):
    """Forbid some levels and let some rows be alike, labels never forbidden."""
    logits = logits.copy()
    logits[::7, 0] = -np.inf
    logits[::5] = logits[0]
    rows = np.arange(len(labels))
    return logits, np.where(np.isfinite(logits[rows, labels]), labels, logits.argmax(axis=1))


def tempered(logits, labels, temperature):
    confidence, outcome = np.empty(len(labels)), np.empty(len(labels))
    nll = reliability.temper(logits.ravel(), labels, temperature, confidence, outcome)
    return nll, confidence, outcome


def binned(confidence, outcome, bins, binning):
    edges, table = np.empty(bins + 1), np.empty(bins * len(reliability.COLUMNS))
    used = reliability.bin_edges(confidence, int(binning == "mass"), np.empty(confidence.size), edges)
    error = reliability.bin_events(confidence, outcome, edges, used, table)
    columns = table[: used * len(reliability.COLUMNS)].reshape(used, -1).T
    return error, edges[: used + 1], dict(zip(reliability.COLUMNS, columns, strict=True))


@pytest.mark.parametrize("temperature", TEMPERATURES)
def test_tempered_confidences_are_those_of_softmax(rng, temperature):
    logits, labels = forbid(*overconfident(rng))
    nll, confidence, outcome = tempered(logits, labels, temperature)
    p = ss.softmax(logits, temperature)
    np.testing.assert_allclose(confidence, p.max(axis=1), rtol=1e-13)
    np.testing.assert_array_equal(outcome, logits.argmax(axis=1) == labels)
    expected = -ss.log_softmax(logits, temperature)[np.arange(len(labels)), labels].mean()
    assert nll == pytest.approx(expected, rel=1e-12)
    if 0.6 <= temperature < np.inf:
        assert nll == pytest.approx(ss.negative_log_likelihood(p, labels), rel=1e-12)
        assert nll != pytest.approx(
            ss.negative_log_likelihood(ss.softmax(logits, 1.01 * temperature), labels), rel=1e-6
        )


@pytest.mark.parametrize(("bins", "binning"), BINNINGS)
def test_bins_are_those_of_the_reliability_diagram(rng, bins, binning):
    logits, labels = forbid(*overconfident(rng))
    for temperature in TEMPERATURES:
        _, confidence, outcome = tempered(logits, labels, temperature)
        error, edges, table = binned(confidence, outcome, bins, binning)
        diagram = ss.reliability_diagram(confidence, outcome.astype(int), bins=bins, binning=binning)
        np.testing.assert_array_equal(edges, diagram.edges)
        np.testing.assert_array_equal(table["count"], diagram.count)
        full = diagram.count > 0
        for name in ("confidence", "accuracy", "by_chance"):
            np.testing.assert_allclose(table[name][full], getattr(diagram, name)[full], rtol=1e-12, atol=1e-15)
        assert error == pytest.approx(diagram.expected_calibration_error, rel=1e-12, abs=1e-15)
        if 0.6 <= temperature < 20 and binning == "width":
            p = ss.softmax(logits, temperature)
            assert error == pytest.approx(ss.expected_calibration_error(p, labels, bins=bins), rel=1e-12)


def test_whiskers_are_the_exact_intervals():
    cases = [(hits, count) for count in range(1, 13) for hits in range(count + 1)] + [(3, 900), (871, 900), (450, 900)]
    for hits, count in cases:
        low = betaincinv(hits, count - hits + 1, 0.025) if hits else 0.0
        high = betaincinv(hits + 1, count - hits, 0.975) if hits < count else 1.0
        assert reliability.whisker(hits, count, 0.025, 0) == pytest.approx(low, rel=1e-10)
        assert reliability.whisker(hits, count, 0.025, 1) == pytest.approx(high, rel=1e-10)


@pytest.mark.parametrize("mask", [-1e4, -1e9, -1e300, -np.finfo(float).max])
def test_one_masked_level_does_not_coarsen_the_others(rng, mask):
    logits, labels = overconfident(rng)
    never = logits.copy()
    never[3, (labels[3] + 1) % 6] = -np.inf
    masked = np.where(np.isneginf(never), mask, never)
    shown = CalibrationExplorer(masked, labels)
    assert shown.fit.temperature == pytest.approx(ss.fit_temperature(masked, labels).temperature, rel=1e-3)
    assert shown.fit.temperature == pytest.approx(CalibrationExplorer(never, labels).fit.temperature, rel=1e-3)
    low = logits.copy()
    low[3, labels[3]] = mask  # a label that lies as far down still counts
    there, here = (fit.temperature for fit in (CalibrationExplorer(low, labels).fit, ss.fit_temperature(low, labels)))
    assert there == here == np.inf if mask < -1e5 else there == pytest.approx(here, rel=1e-2)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([3, 1, 2, 0, 5], [1, 3]),
        ([3, 1, 1, 1, 2], [1]),
        ([1, 2, 3], []),
        ([3, 2, 1], []),
        ([1, 1 - 1e-15, 1, 1 - 1e-15, 1], []),
        ([1.0], []),
    ],
)
def test_dips_by_hand(values, expected):
    places = np.empty(len(values), np.int64)
    count = reliability.find_dips(np.array(values, float), places)
    assert places[:count].tolist() == expected


def test_the_page_computes_what_python_computes(page, rng):
    logits, labels = forbid(*overconfident(rng))
    rows = len(labels)
    cases = []
    for temperature in TEMPERATURES:
        _, confidence, outcome = tempered(logits, labels, temperature)
        cases.append(("temper", [logits.ravel(), labels, temperature, np.zeros(rows), np.zeros(rows)]))
        for bins, binning in BINNINGS[2:]:
            _, edges, _ = binned(confidence, outcome, bins, binning)
            cases.append(("bin_edges", [confidence, int(binning == "mass"), np.zeros(rows), np.zeros(bins + 1)]))
            cases.append(("bin_events", [confidence, outcome, edges, len(edges) - 1, np.zeros(bins * 4)]))
    cases.append(("find_dips", [rng.random(200), np.zeros(200, np.int64)]))
    cases += [("whisker", [hits, 40, 0.025, upper]) for hits in (0, 1, 17, 40) for upper in (0, 1)]
    copies = [(name, [np.copy(a) if isinstance(a, np.ndarray) else a for a in args]) for name, args in cases]
    answers = page.call(copies)
    for (name, args), (result, left) in zip(cases, answers, strict=True):
        assert result == pytest.approx(getattr(reliability, name)(*args), rel=1e-12), name
        for mine, theirs in zip(args, left, strict=True):
            if isinstance(mine, np.ndarray):
                np.testing.assert_allclose(theirs, mine, rtol=1e-12, atol=1e-15, err_msg=name)


def test_logits_travel_in_two_bytes_and_lose_next_to_nothing(rng):
    logits, labels = forbid(*overconfident(rng))
    explorer = CalibrationExplorer(logits, labels)
    assert len(explorer._gaps) == 2 * logits.size
    shifted = logits - logits.max(axis=1, keepdims=True)
    np.testing.assert_array_equal(np.isinf(explorer.scores), np.isinf(shifted))
    finite = np.isfinite(shifted)
    step = abs(shifted[finite]).max() / 32_767
    assert abs(explorer.scores[finite] - shifted[finite]).max() <= step / 2
    fit = ss.fit_temperature(logits, labels)
    assert explorer.fit.temperature == pytest.approx(fit.temperature, rel=1e-3)
    assert CalibrationExplorer(logits, labels, fit=fit).fit is fit
    explorer.temperature = 1.7
    exact = ss.expected_calibration_error(ss.softmax(explorer.scores, 1.7), labels)
    assert explorer.diagram.expected_calibration_error == pytest.approx(exact, rel=1e-12)


def test_it_has_a_picture_and_words_for_where_it_cannot_live(rng):
    for temperature in (0.0, 1.7, np.inf):
        data = CalibrationExplorer(*overconfident(rng, rows=50), temperature)._repr_mimebundle_()[0]
        assert "<svg" in data["image/svg+xml"]
        assert "50 rows of 6 logits" in data["text/plain"]


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"logits": np.zeros((9000, 6)), "labels": np.zeros(9000, int)}, r"logits.*logits\[:8333\]"),
        ({"logits": np.zeros((5, 1)), "labels": np.zeros(5, int)}, "logits"),
        ({"logits": np.full((5, 3), np.nan)}, "logits"),
        ({"logits": np.zeros(5)}, "logits"),
        ({"labels": [0, 1, 2, 3, 3]}, "labels"),
        ({"labels": [0.5] * 5}, "labels"),
        ({"temperature": -1.0}, "temperature"),
        ({"bins": 0}, "bins"),
        ({"bins": 61}, "bins"),
        ({"binning": "size"}, "binning"),
        ({"bin": 5}, "bin"),
        ({"fit": 2.0}, "fit"),
    ],
)
def test_a_wrong_argument_is_named(change, named):
    with pytest.raises((ValueError, TypeError, traitlets.TraitError), match=named):
        CalibrationExplorer(**{"logits": np.eye(5, 3), "labels": [0, 1, 2, 0, 0]} | change)


# --- in a page --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def shown_rows():
    return overconfident(np.random.default_rng(3), rows=300)


@pytest.fixture(scope="module")
def explorer_page(site, shown_rows):
    return site / write_page(site, "calibration.html", CalibrationExplorer(*shown_rows, temperature=1.3))


def dips_of(values, by_chance):
    """Count the dips that chance could have made the deepest."""
    values = np.array(values)
    moved = np.flatnonzero(abs(np.diff(values)) > 1e-12)
    steps = np.sign(np.diff(values))[moved]
    bottoms = values[moved[1:][(steps[:-1] < 0) & (steps[1:] > 0)]]
    least = values.argmin()
    return int((bottoms <= values[least] + by_chance[least]).sum()), bottoms.size


def turn_to(root, temperature):
    field = root.get_by_label("Temperature T", exact=True)
    field.evaluate(UNFOLD)
    field.fill(str(temperature))
    field.press("Enter")


def heat_of(root):
    return number(root.locator(".ssm-thermometer .ssm-knob").get_attribute("aria-valuenow"))


@pytest.mark.browser
@pytest.mark.parametrize(
    ("bins", "binning"), short([(5, "width"), (15, "width"), (30, "width"), (15, "mass")], (15, "mass"))
)
def test_the_figure_shows_what_python_computes(browser, shown_rows, explorer_page, bins, binning):
    explorer = CalibrationExplorer(*shown_rows, bins=bins, binning=binning)
    labels = shown_rows[1]
    right = 100 * np.mean(explorer.scores.argmax(axis=1) == labels)
    grid = np.geomspace(min(0.5, explorer.fit.temperature / 5), max(2, 2.2 * explorer.fit.temperature), 481)
    errors, by_chance = [], []
    for t in grid:
        explorer.temperature = t
        errors.append(explorer.diagram.expected_calibration_error)
        by_chance.append(explorer.diagram.expected_by_chance)
    deep, all_dips = dips_of(errors, by_chance)
    assert 1 < deep < all_dips
    with Visit(browser) as visit:
        visit.open(explorer_page.as_uri())
        root = figure(visit, 0)
        root.get_by_text("more", exact=True).click()
        root.get_by_role("combobox", name="bins").select_option(str(bins))
        root.get_by_role("combobox", name="of equal").select_option(binning)
        assert out(root, "dips") == f"{deep} deep dips"
        assert out(root, "valleys") == "one valley"
        for temperature in (0, 0.3, 1, 2.6, np.inf):
            turn_to(root, temperature)
            explorer.temperature = temperature
            diagram = explorer.diagram
            p = ss.softmax(explorer.scores, temperature)
            nll = -ss.log_softmax(explorer.scores, temperature)[np.arange(len(labels)), labels].mean()
            assert out(root, "ece") == f"{shown(100 * diagram.expected_calibration_error, 1)} %"
            assert out(root, "nll") == shown(nll)
            assert out(root, "accuracy") == f"{shown(right, 1)} %"  # which stands still
            assert out(root, "confidence") == f"{shown(100 * p.max(axis=1).mean(), 1)} %"
            points = 100 * p.max(axis=1).mean() - right
            if abs(points) > 5:
                assert f"points too {'sure' if points > 0 else 'modest'}" in out(root, "verdict")
            by_chance = root.locator("[data-remark=ece]").text_content()
            assert by_chance == f"{shown(100 * diagram.expected_by_chance, 1)} % by chance"
            assert root.locator("circle.ssm-dot:visible").count() == (diagram.count > 0).sum() + 2


@pytest.mark.browser
@pytest.mark.parametrize("motion", short(["no-preference", "reduce"]))
def test_fitting_ends_at_the_fitted_temperature(browser, shown_rows, explorer_page, motion):
    fit = CalibrationExplorer(*shown_rows).fit
    with Visit(browser, hurry=True, reduced_motion=motion) as visit:
        visit.open(explorer_page.as_uri())
        root = figure(visit, 0)
        root.get_by_text(f"fit {fit.temperature:.2f}, from {fit.low:.2f} to {fit.high:.2f}").wait_for()
        root.get_by_role("button", name="fit T").click()
        if motion == "reduce":  # it is there at once
            assert heat_of(root) == pytest.approx(fit.temperature, rel=1e-9)
        visit.page.wait_for_function(
            f"Math.abs(document.querySelector('.ssm-knob').getAttribute('aria-valuenow') - {fit.temperature}) < 1e-9"
        )
        root.get_by_text("more", exact=True).click()
        root.get_by_role("button", name="as trained").click()
        visit.page.wait_for_function("document.querySelector('.ssm-knob').getAttribute('aria-valuenow') === '1'")


@pytest.mark.browser
def test_out_of_sight_it_stands_still(browser, shown_rows, explorer_page):
    fit = CalibrationExplorer(*shown_rows).fit
    with Visit(browser, viewport={"width": 1000, "height": 700}) as visit:
        visit.open(explorer_page.as_uri())
        root = figure(visit, 0)
        turn_to(root, 0.05)
        root.get_by_role("button", name="fit T").evaluate(
            "(node) => { node.click(); window.scrollTo(0, document.body.scrollHeight); }"
        )
        visit.rest()  # what has been asked for is done, and then nothing moves
        assert heat_of(root) == pytest.approx(fit.temperature, abs=1e-9)


@pytest.mark.browser
def test_mouse_keyboard_and_finger_turn_the_heat(browser, explorer_page):
    with Visit(browser, viewport={"width": 1000, "height": 900}) as visit:
        visit.open(explorer_page.as_uri())
        root = figure(visit, 0)
        curve = root.locator(".ssm-curve").last
        visit.drag(curve, curve.bounding_box()["width"] - 100, 0, at=(60, 100))
        hot = heat_of(root)
        assert hot > 3
        root.locator(".ssm-thermometer .ssm-knob").focus()
        visit.page.keyboard.press("ArrowLeft")
        assert heat_of(root) == pytest.approx(hot / 1.1, rel=0.01)
        visit.page.keyboard.press("Home")
        assert out(root, "nll") == "∞"
        assert out(root, "confidence") == "100.0 %"
    with Visit(browser, viewport={"width": 380, "height": 800}, has_touch=True, is_mobile=True) as visit:
        visit.open(explorer_page.as_uri())
        root = figure(visit, 0)
        track = root.locator(".ssm-thermometer > rect").bounding_box()
        visit.page.touchscreen.tap(track["x"] + 0.75 * track["width"], track["y"] + 4)
        assert heat_of(root) > 2


@pytest.mark.browser
def test_extreme_rows_and_hostile_words_do_no_harm(browser, site, rng):
    hostile = "<img src=x onerror=alert(1)></script><script>alert(2)</script>"
    right = np.arange(40) % 3
    certain = 3 * np.eye(3)[right]
    explorers = [
        CalibrationExplorer(certain, right, title=hostile, caption=hostile),
        CalibrationExplorer(certain, (right + 1) % 3),
        CalibrationExplorer(np.zeros((40, 3)), right),
        CalibrationExplorer(1e4 * rng.standard_normal((200, 4)), rng.integers(4, size=200)),
        CalibrationExplorer(np.array([[2.0, 0.0]]), [0], bins=7),
    ]
    assert [explorer.fit.status for explorer in explorers[:3]] == ["zero", "infinite", "unidentified"]
    name = write_page(site, "extremes.html", *explorers)
    with Visit(browser, reduced_motion="reduce") as visit:
        visit.open((site / name).as_uri())
        visit.page.wait_for_function("document.querySelectorAll('.ssm').length === 5")
        assert figure(visit, 0).locator(".ssm-title").text_content() == hostile
        assert figure(visit, 2).get_by_role("button", name="fit T").is_disabled()
        figure(visit, 4).get_by_text("more", exact=True).click()
        assert figure(visit, 4).get_by_role("combobox", name="bins").input_value() == "7"
        for which, end in [(0, "0, frozen"), (1, "infinity")]:
            root = figure(visit, which)
            root.get_by_role("button", name="fit T").click()
            spoken = root.locator(".ssm-thermometer .ssm-knob").get_attribute("aria-valuetext")
            assert spoken == f"T = {end}"
        for which in range(5):
            for temperature in ("0", "0.001", "inf", "5"):
                turn_to(figure(visit, which), temperature)
            text = figure(visit, which).inner_text()
            assert not re.search("NaN|undefined", text), text
        broken = ", ".join(
            f".ssm svg [{name}*=NaN]" for name in ("x", "y", "cx", "cy", "x1", "y1", "width", "d", "fill")
        )
        assert visit.page.locator(broken).count() == 0


@pytest.mark.browser
@pytest.mark.parametrize("view", short(VIEWS, "light"))
def test_everybody_can_read_it(browser, explorer_page, view):
    with Visit(browser, **VIEWS[view]) as visit:
        visit.open(explorer_page.as_uri())
        ARTEFACTS.mkdir(exist_ok=True)
        figure(visit, 0).screenshot(path=ARTEFACTS / f"calibration-{view}.png")
        assert visit.page.evaluate("document.documentElement.scrollWidth") <= VIEWS[view]["viewport"]["width"]
        assert visit.page.evaluate(SMALLEST_TEXT) >= 11
        check_access(visit.page)


@pytest.mark.browser
def test_a_bin_shows_what_is_in_it(browser, site, shown_rows):
    """Pointed at by mouse or keys: how many answers, how many right, and some of their pictures, wrong ones crossed."""
    logits, labels = shown_rows
    pictures = np.random.default_rng(1).random((len(labels), 9))
    explorer = CalibrationExplorer(logits, labels, temperature=2.0, pictures=pictures)
    diagram = explorer.diagram
    p = ss.softmax(explorer.scores, 2.0)
    name = write_page(site, "bins.html", explorer)
    with Visit(browser) as visit:
        visit.open((site / name).as_uri())
        root = figure(visit, 0)
        for way in ("mouse", "keys"):
            if way == "mouse":
                root.locator(".ssm-bin").nth(7).hover()
                at = 7
            else:
                root.get_by_role("slider", name="Bin of confidence").press("ArrowRight")
                at = 8
            inside = (p.max(axis=1) > at / 15) & (p.max(axis=1) <= (at + 1) / 15)
            right = 100 * (p.argmax(axis=1) == labels)[inside].mean()
            assert inside.sum() == diagram.count[at] > 1
            assert out(root, "bin").startswith(f"{inside.sum()} answers are ")
            assert f"{right:.0f} % are right" in out(root, "bin")
            answers = root.locator(".ssm-tray text").all_text_contents()
            rows = np.flatnonzero(inside)[:8]
            assert answers[: len(rows)] == [f"{p[n].argmax()}: {100 * p[n].max():.0f} %" for n in rows]
            crossed = root.locator(".ssm-tray text.ssm-crossed").count()
            assert crossed == (p.argmax(axis=1) != labels)[rows].sum()


def test_pictures_that_do_not_fit_are_refused():
    logits, labels = overconfident(np.random.default_rng(1), rows=20)
    for pictures in (np.zeros((19, 4)), np.zeros((20, 5)), np.full((20, 4), np.nan), np.zeros(20)):
        with pytest.raises(ValueError, match="pictures must be finite and have shape"):
            CalibrationExplorer(logits, labels, pictures=pictures)
