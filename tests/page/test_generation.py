"""The model that writes in a page: its kernels against Python's, its text, its bars, and how soon it obeys."""

import re

import numpy as np
import pytest
from visit import ARTEFACTS, SMALLEST_TEXT, VIEWS, Visit, check_access, figure, number, out, write_page

import simsoftmax as ss
from simsoftmax.kernels.page import language as letters
from simsoftmax.kernels.seeds import seed_streams
from simsoftmax.language import fit_language
from simsoftmax.live import GenerationExplorer

STORY = (
    "\nIt was the best of times, it was the worst of times, it was the age of wisdom, it was the age of foolishness, "
    "it was the epoch of belief, it was the epoch of incredulity, it was the season of Light, it was the season of "
    "Darkness, it was the spring of hope, it was the winter of despair.\n"
)
MODEL = fit_language(STORY, order=4)
BEGUN = 240  # letters that stand in a page at first


def explorer(**traits):
    return GenerationExplorer(MODEL, **({"temperature": 0.8, "rng": 5, "running": False} | traits))


@pytest.mark.parametrize("last", [0, 1])
def test_the_page_computes_what_python_computes(page, last, rng):
    levels = len(MODEL.letters)
    tree = [MODEL.before, MODEL.children, MODEL.followers, MODEL.following, MODEL.counts, MODEL.discounts.ravel()]
    text = MODEL.encode(STORY)
    room = [np.zeros(levels, np.int64), np.zeros(levels), np.zeros(levels)]
    calls = [
        ("coming_letter", [text, at, *tree, t, k, p, m, last, *room])
        for at in (0, 1, 40, 200)
        for t, k, p, m in [(0.7, levels, 1.0, 0.0), (2.0, 5, 0.9, 0.0), (0.0, levels, 0.5, 0.1), (np.inf, 9, 1.0, 0.3)]
    ]
    calls += [
        ("draw_level", [np.full(7, 1 / 7), seed_streams(int(rng.integers(2**63)), 1)[0]]),
        ("said_before", [text, 10, text.size, 6]),
        ("running_sum", [np.arange(9, dtype=np.uint8), np.zeros(10, np.int32), 3]),
    ]

    def fresh(arguments):
        return [a.copy() if isinstance(a, np.ndarray) else a for a in arguments]

    answers = page.call([(name, fresh(arguments)) for name, arguments in calls])
    for (name, arguments), (result, theirs) in zip(calls, answers, strict=True):
        mine = fresh(arguments)
        assert result == getattr(letters, name)(*mine), name
        for ours, left in zip(mine, theirs, strict=True):
            if isinstance(ours, np.ndarray):
                np.testing.assert_allclose(left, ours, rtol=1e-11, atol=1e-15, err_msg=name)


def test_it_has_a_picture_and_words_for_where_it_cannot_live():
    data = explorer(top_p=0.9, order="temperature-last")._repr_mimebundle_()[0]
    assert "<svg" in data["image/svg+xml"]
    assert data["text/plain"].endswith(f"a model of {len(MODEL.letters)} letters at T = 0.8")


@pytest.mark.parametrize(
    ("traits", "named"),
    [
        ({"model": "text"}, "model must be a LanguageModel"),
        ({"temperature": -1.0}, "temperature"),
        ({"top_k": -1}, "top_k"),
        ({"top_p": 0.0}, "top_p"),
        ({"min_p": 1.5}, "min_p"),
        ({"speed": 0.0}, "speed"),
        ({"order": "last"}, "order"),
        ({"heat": 1.0}, "heat"),
    ],
)
def test_a_wrong_argument_is_named(traits, named):
    with pytest.raises((ValueError, TypeError), match=named):
        GenerationExplorer(**({"model": MODEL} | traits))


def drawn(root):
    """Return the shares beside the bars, by letter."""
    rows = root.locator("[data-drawn]")
    return {int(row.get_attribute("data-drawn")): row.text_content() for row in rows.all()}


@pytest.mark.browser
@pytest.mark.parametrize("order", ["temperature-first", "temperature-last"])
def test_text_and_bars_are_those_of_python(browser, site, order):
    name = write_page(site, f"writes-{order}.html", explorer(top_p=0.8, order=order, rng=5))
    with Visit(browser, **VIEWS["light"]) as visit:
        visit.open((site / name).as_uri())
        root = figure(visit, 0)
        text = MODEL.write(BEGUN, 0.8, top_p=0.8, order=order, rng=5)
        paper = root.locator(".ssm-paper")
        assert paper.text_content() == text
        knob = root.locator(".ssm-thermometer .ssm-knob")
        for key, t in ((None, 0.8), ("PageUp", 1.29), ("End", np.inf), ("Home", 0.0)):
            if key:
                knob.press(key)
            scores = np.log(MODEL.probabilities("\n" + text)[-1])
            law = ss.Pipeline.of(t, top_p=0.8, order=order).probabilities(scores)
            seen = drawn(root)
            assert len(seen) == 12
            for level, shown in seen.items():
                wanted = f"{100 * law[level]:.1f} %" if law[level] > 0 else ""
                assert shown == wanted, (t, level)
        root.get_by_role("button", name="one letter").click()
        text += MODEL.letters[int(np.argmax(scores))]
        assert paper.text_content() == text
        # A run of letters has the colour of its temperature.
        colours = paper.locator("span").evaluate_all("(all) => all.map((e) => e.style.getPropertyValue('--ssm-run'))")
        assert len(set(colours)) == 2
        root.get_by_role("button", name="begin again").click()
        assert paper.text_content() == ""


# Turn the heat as a key does, and return what the bars say with the next frame.
WITHIN_A_FRAME = """
async (root) => {
  const shares = () => [...root.querySelectorAll("[data-drawn]")].map((e) => e.textContent).join();
  const before = shares();
  root.querySelector(".ssm-thermometer .ssm-knob").dispatchEvent(new KeyboardEvent("keydown", { key: "End" }));
  await new Promise(requestAnimationFrame);
  return before !== shares() && new Set(shares().split(",")).size === 1;
}
"""

# Letters that are written in 40 frames, and the seconds that these took.
LETTERS = """
async (root) => {
  const count = () => root.querySelector(".ssm-paper").textContent.length;
  const [letters, begin] = [count(), performance.now()];
  for (let frame = 0; frame < 40; frame += 1) await new Promise(requestAnimationFrame);
  return [count() - letters, (performance.now() - begin) / 1000];
}
"""


@pytest.mark.browser
def test_it_obeys_within_a_frame_while_it_writes_two_hundred_letters_a_second(browser, site):
    name = write_page(site, "fast.html", explorer(running=True, speed=300))
    with Visit(browser, every=1, **VIEWS["light"]) as visit:
        visit.open((site / name).as_uri())
        root = figure(visit, 0)
        letters, seconds = root.evaluate(LETTERS)
        frames = 40 * 0.1  # a busy machine may be slow to draw: of a frame at most a tenth of a second counts
        assert letters >= 200 * min(seconds, frames) - 1
        assert root.evaluate(WITHIN_A_FRAME)


# Frames, of sixty at least, in which the number beside the bars is of another letter than the bars; and how many
# numbers were seen. A busy machine writes its first letters late: it is looked at until two numbers were seen.
APART = """
async (root) => {
  let apart = 0;
  const seen = new Set();
  for (let frame = 0; frame < 60 || (seen.size < 2 && frame < 6000); frame += 1) {
    await new Promise(requestAnimationFrame);
    await new Promise((resolve) => setTimeout(resolve));
    const rows = [...root.querySelectorAll("[data-drawn]")].filter((e) => e.textContent).length;
    const more = Number(root.querySelector(".ssm-coming [data-out=more]").textContent.match(/\\d+/)?.[0] ?? 0);
    const left = root.querySelector("[data-out=left]").textContent;
    apart += Number(left) !== rows + more;
    seen.add(left);
  }
  return [apart, seen.size];
}
"""


@pytest.mark.browser
def test_the_number_of_letters_is_that_of_the_bars_while_it_writes(browser, site):
    name = write_page(site, "together.html", explorer(running=True, speed=300, top_p=0.8, temperature=0.7))
    with Visit(browser, every=1, **VIEWS["light"]) as visit:
        visit.open((site / name).as_uri())
        apart, changes = figure(visit, 0).evaluate(APART)
        assert apart == 0
        assert changes > 1


@pytest.mark.browser
@pytest.mark.parametrize(
    "view", [view if view == "narrow" else pytest.param(view, marks=pytest.mark.slow) for view in VIEWS]
)
def test_it_is_legible_and_obeys_its_controls(browser, site, view):
    name = write_page(site, f"writer-{view}.html", explorer())
    with Visit(browser, **VIEWS[view]) as visit:
        visit.open((site / name).as_uri())
        root = figure(visit, 0)
        if "narrow" in view:
            root.get_by_text("settings").click()
        for label, value in (("top-k", "3"), ("top-p", "0.7"), ("min-p", "0.1"), ("letters a second", "300")):
            root.get_by_label(label).select_option(value)
        root.get_by_label(re.compile("^temperature")).select_option("temperature-last")
        field = root.get_by_label("Temperature T", exact=True)
        field.fill("3")
        field.press("Enter")
        visit.rest()
        assert 1 <= number(out(root, "left")) <= 3
        assert "Temperature last" in out(root, "verdict")
        root.get_by_role("button", name="go on").click()
        root.get_by_role("button", name="pause").click()
        field.fill("cold")
        field.press("Enter")
        root.get_by_role("alert").wait_for()
        assert visit.page.evaluate("document.documentElement.scrollWidth") <= VIEWS[view]["viewport"]["width"]
        assert visit.page.evaluate(SMALLEST_TEXT) >= 12
        check_access(visit.page)
        ARTEFACTS.mkdir(exist_ok=True)
        root.screenshot(path=ARTEFACTS / f"writer-{view}.png")
