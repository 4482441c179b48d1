"""The reader's thermometer: its kernels against the package's functions, made-up readers, and the figure in a page."""

import re

import numpy as np
import pytest
import traitlets
from scipy.stats import binomtest
from short import short
from visit import ARTEFACTS, SMALLEST_TEXT, VIEWS, Visit, check_access, figure, out, shown, write_page

import simsoftmax as ss
from simsoftmax.kernels.page import reliability
from simsoftmax.live import ReaderExplorer
from simsoftmax.live.reader import DEMONSTRATIONS, answers_of, logits_of


def python_fit(answers):
    return ss.fit_temperature(logits_of(answers), 1 - answers[:, 2].astype(int), threads=1)


def test_logits_state_what_was_said():
    answers = np.array([[2, 0.7, 1], [3, 0.8, 0], [5, 0.99, 1], [4, 0.25, 0]])
    p = ss.softmax(logits_of(answers))
    np.testing.assert_allclose(p[:, 0], answers[:, 1], rtol=1e-14)
    np.testing.assert_allclose(p[1], [0.8, 0.1, 0.1, 0, 0], atol=1e-15)
    assert (p[0, 2:] == 0).all()


def test_the_compiled_kernel_states_the_same(page, rng):
    answers = answers_of(1.0, (0, 1), rng=rng)
    given = [answers[:, 0].astype(np.int64), answers[:, 1].copy(), np.empty(logits_of(answers).size)]
    ((_, left),) = page.call([("state_logits", given)])
    np.testing.assert_allclose(left[2], logits_of(answers).ravel(), rtol=1e-13)
    assert reliability.state_logits.signature.startswith("void(int64")


@pytest.mark.slow
def test_planted_readers_are_found_at_the_stated_rate():
    """Ten temperatures, a hundred readers each: 95 of 100 intervals hold the truth; narrower ones would be missed."""
    rng = np.random.default_rng(5)
    planted = np.array([0.5, 0.6, 0.75, 0.9, 1.0, 1.2, 1.5, 1.9, 2.4, 3.0])
    held = narrow = total = 0
    for temperature in planted:
        for _ in range(100):
            fit = python_fit(answers_of(temperature, (0, 1), rng=rng, questions=54))
            held += fit.low <= temperature <= fit.high
            with np.errstate(invalid="ignore"):
                ends = fit.temperature * (np.array([fit.low, fit.high]) / fit.temperature) ** 0.8
            narrow += ends[0] <= temperature <= ends[1]
            total += 1
    assert total == 1000
    assert binomtest(held, total, 0.95).pvalue > 1e-3
    assert binomtest(narrow, total, 0.95).pvalue < 1e-3


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"answers": [[1, 0.9, 1]]}, "2 to 100 alternatives, got 1 in row 0"),
        ({"answers": [[2.5, 0.9, 1]]}, "alternatives, got 2.5"),
        ({"answers": [[2, 0.4, 1]]}, "confidence from 0.5 to 0.99"),
        ({"answers": [[2, 1.0, 1]]}, "got 1 in row 0"),
        ({"answers": [[2, 0.9, 2]]}, r"right \(1\) or not \(0\), got 2"),
        ({"answers": [[2, 0.9]]}, "answers must have 3 columns"),
        ({"answers": [[2, np.nan, 1]]}, "answers must hold finite numbers"),
        ({"answers": [[2, 0.9, 1]] * 2001}, "at most 2000"),
        ({"reader": "mine"}, "reader must be"),
        ({"answer": []}, "answer"),
    ],
)
def test_a_wrong_argument_is_named(change, named):
    with pytest.raises((ValueError, TypeError, traitlets.TraitError), match=named):
        ReaderExplorer(**change)


def test_demonstrations_are_what_they_are_called():
    for name, (temperature, _) in DEMONSTRATIONS.items():
        fit = ReaderExplorer(reader=name).fit
        assert fit.low <= temperature <= fit.high
        assert (fit.high < 1) == (name == "careful")
        assert (fit.low > 1) == (name != "careful")
    assert ReaderExplorer().fit is None


# --- in a page --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def answers():
    return answers_of(1.8, (0.2, 1), rng=np.random.default_rng(8), questions=54)


@pytest.fixture(scope="module")
def reader_page(site, answers):
    return site / write_page(site, "reader.html", ReaderExplorer(answers))


def two(value):
    return re.sub(r"\.0$", "", f"{float(f'{value:.2g}'):g}") if value >= 100 else f"{value:#.2g}".rstrip(".")


@pytest.mark.browser
def test_the_figure_shows_what_python_computes(browser, answers, reader_page):
    explorer = ReaderExplorer(answers)
    with Visit(browser) as visit:
        visit.open(reader_page.as_uri())
        root = figure(visit, 0)
        root.locator("[data-out=verdict]", has_text="factor of").wait_for()
        diagram = explorer.diagram
        assert out(root, "answers") == "54"
        assert out(root, "ece") == f"{shown(100 * diagram.expected_calibration_error, 1)} %"
        chance = root.locator("[data-remark=ece]").text_content()
        assert chance == f"{shown(100 * diagram.expected_by_chance, 1)} % by chance, if honest"
        assert out(root, "accuracy") == f"{shown(100 * answers[:, 2].mean(), 0)} %"
        assert out(root, "confidence") == f"{shown(100 * answers[:, 1].mean(), 0)} %"
        assert root.locator("circle.ssm-dot:visible").count() == (diagram.count > 0).sum()
        fit, more = explorer.fit, python_fit(np.tile(answers, (2, 1)))
        said = out(root, "verdict")
        assert f"factor of {two(fit.temperature)}, between {two(fit.low)} and {two(fit.high)}." in said
        assert f"to between {two(more.low)} and {two(more.high)}." in said
        for name in DEMONSTRATIONS:
            root.get_by_role("button", name=ReaderExplorer.buttons[name]).click()
            fit = ReaderExplorer(reader=name).fit
            words = {"careful": "too modest by a factor of", "bold": "too sure by a factor of"}.get(name, "too sure")
            root.locator("[data-out=verdict]", has_text=f"This reader is {words}").wait_for()
            if name == "bold":
                assert f"factor of {two(fit.temperature)}" in out(root, "verdict")


@pytest.mark.browser
def test_before_ten_answers_it_says_what_is_missing(browser, site, answers):
    few = site / write_page(site, "few.html", ReaderExplorer(answers[:7]))
    with Visit(browser) as visit:
        visit.open(few.as_uri())
        root = figure(visit, 0)
        assert "You have answered 7 questions" in out(root, "verdict")
        assert "3 more" in out(root, "verdict")
        assert out(root, "ece") == "–"
        # A page of the book hands over what its reader has answered meanwhile.
        more = answers[:12].tolist()
        visit.page.evaluate(
            """(answers) => document.querySelector(".ssm").dispatchEvent(
                new CustomEvent("simsoftmax:set", { detail: { set: { answers }, press: [] } }))""",
            more,
        )
        root.locator("[data-out=answers]", has_text="12").wait_for()
        assert "12 answers say so" in out(root, "verdict") or "measure" in out(root, "verdict")


@pytest.mark.browser
@pytest.mark.parametrize("view", short(VIEWS, "light"))
def test_the_figure_in_every_view(browser, reader_page, view):
    with Visit(browser, **VIEWS[view]) as visit:
        visit.open(reader_page.as_uri())
        root = figure(visit, 0)
        root.locator("[data-out=verdict]", has_text="factor of").wait_for()
        visit.rest()
        ARTEFACTS.mkdir(exist_ok=True)
        visit.page.screenshot(path=ARTEFACTS / f"reader-{view}.png")
        assert visit.page.evaluate("document.documentElement.scrollWidth") <= VIEWS[view]["viewport"]["width"]
        assert visit.page.evaluate(SMALLEST_TEXT) >= 11
        check_access(visit.page)
