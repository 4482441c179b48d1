"""Words of the text that act on live figures: checked while the book is built, and in every page of the built book."""

import json
import re
import sys

import pytest
from building import ROOT, extension
from short import short
from visit import BOOK, VIEWS, Visit, check_access, embedded, look, pages_of_the_book, tour

from simsoftmax.live import (
    AnnealingExplorer,
    FreeEnergyExplorer,
    GasExplorer,
    LogOddsExplorer,
    ParticleExplorer,
    SymmetryExplorer,
    TemperatureExplorer,
)


@pytest.fixture(scope="module")
def links():
    """Return the book's Sphinx extension as a module."""
    return extension("live_links")


def saved(widget):
    """Return the state in which a page keeps a widget."""
    data = embedded(widget)
    state = data["manager_state"]["state"][data["view_specs"][0]["model_id"]]["state"]
    widget.close()
    return json.loads(json.dumps(state))


GOOD = [
    (ParticleExplorer, "temperature=0.1", {"temperature": 0.1}, []),
    (ParticleExplorer, "temperature = inf; start cold", {"temperature": "inf"}, ["start cold"]),
    (TemperatureExplorer, "logits=3, 3, 1, -inf", {"logits": [3.0, 3.0, 1.0, "-inf"]}, []),
    (ParticleExplorer, "particles=1000; proposal=neighbour; running=false", None, []),
    (
        ParticleExplorer,
        "particles=100000; fault=0.05; running=true",
        {"particles": 100_000, "fault": 0.05, "running": True},
        [],
    ),
    (FreeEnergyExplorer, "distribution=0.5, 0.25, 0.25; let it flow", None, ["let it flow"]),
    (GasExplorer, "particles=6; average=true", {"particles": 6, "average": True}, []),
]
BAD = [
    (ParticleExplorer, "temprature=0.1", "has no trait 'temprature'; it has "),
    (ParticleExplorer, "temperature=-1", "temperature must be"),
    (ParticleExplorer, "temperature=warm", "refuses temperature=warm"),
    (ParticleExplorer, "particles=0", "particles must be"),
    (ParticleExplorer, "proposal=far", "refuses proposal=far"),
    (
        ParticleExplorer,
        "start over",
        "has no button 'start over'; it has now cheat by 5 %, be fair again, step, start",
    ),
    (ParticleExplorer, "_stream=1", "has no trait"),
    (ParticleExplorer, "caption=x", "has no trait"),
    (FreeEnergyExplorer, "temperature=inf", "finite"),
    (FreeEnergyExplorer, "distribution=0.5, 0.2, 0.1", "sum to 1"),
    (TemperatureExplorer, "let it flow", "it has none"),
    (TemperatureExplorer, "", "does nothing"),
    (TemperatureExplorer, " ; ", "does nothing"),
    (GasExplorer, "mean_quanta=100", "mean_quanta must be"),
]


@pytest.mark.parametrize(("kind", "does", "settings", "press"), GOOD)
def test_a_link_says_what_the_figure_keeps(links, kind, does, settings, press):
    widget = kind()
    act = links.interpret(does, links.revive(saved(widget)))
    assert act["press"] == press
    if settings is not None:
        assert act["set"] == settings
    # the page's form of a value is what the widget itself would send and take
    twin = kind()
    twin.set_state(act["set"])
    assert twin.get_state(list(act["set"])) == act["set"]


@pytest.mark.parametrize(("kind", "does", "complaint"), BAD)
def test_what_a_figure_cannot_do_is_refused(links, kind, does, complaint):
    with pytest.raises(ValueError, match=complaint.replace("(", r"\(")):
        links.interpret(does, links.revive(saved(kind())))


def test_a_figure_is_checked_in_the_state_that_the_page_holds(links):
    """Limits may come from the data of a figure, such as how many logits a distribution has."""
    explorer = SymmetryExplorer([0.0, 1.0, 2.0], [0, 0, 1], [1.0, -1.0], [0.0, 0.5], scale=4.0)
    figure = links.revive(saved(explorer))
    assert (figure.scale, figure.weights, figure.labels) == (4.0, [1.0, -1.0], [0, 0, 1])
    assert links.interpret("along=false", figure)["set"] == {"along": False}
    annealing = links.revive(saved(AnnealingExplorer([0.0, 1.0, 0.5])))
    with pytest.raises(ValueError, match="sweeps must be"):
        links.interpret("sweeps=0", annealing)
    training = links.revive(saved(LogOddsExplorer([0.2, 0.7])))
    with pytest.raises(ValueError, match="temperature must be from"):
        links.interpret("temperature=6", training)


PAGE = """---
jupytext:
  text_representation: {{extension: .md, format_name: myst}}
kernelspec: {{display_name: Python 3, language: python, name: python3}}
---

# Two figures

{{live}}`Before all <temperature=0.2>`.

(first)=
```{{code-cell}} ipython3
from simsoftmax.live import ParticleExplorer, TemperatureExplorer

ParticleExplorer()
```

{{live}}`One <start cold>`.

```{{code-cell}} ipython3
TemperatureExplorer()
```

{{live}}`Two <temperature=inf>`, {{live}}`named <first: fault=0.05>`, {more}.
"""


def build(folder, more):
    """Build a small book; return its page and what was complained of."""
    from io import StringIO

    from sphinx.application import Sphinx
    from sphinx.util.docutils import docutils_namespace

    (folder / "source").mkdir()
    (folder / "source" / "index.md").write_text(PAGE.format(more=more), encoding="utf-8")
    complaints = StringIO()
    settings = {
        "extensions": ["myst_nb", "live_links"],
        "nb_execution_mode": "force",
        "nb_execution_raise_on_error": True,
        "html_theme": "basic",
    }
    sys.path.insert(0, str(ROOT / "book" / "_ext"))
    try:
        with docutils_namespace():
            source, out = folder / "source", folder / "out"
            Sphinx(source, None, out, folder / "trees", "html", settings, None, complaints).build()
    finally:
        sys.path.pop(0)
    return (out / "index.html").read_text(encoding="utf-8"), complaints.getvalue()


def test_each_link_finds_its_figure_and_wrong_ones_stop_the_build(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    wrong = "{live}`nowhere <third: fault=0>`, {live}`misspelt <tempreature=1>`, {live}`empty`"
    page, complaints = build(tmp_path, wrong)
    spans = [part.split(">")[0] for part in page.split('<span class="live-link" ')[1:]]
    figures = [span.split('data-figure="')[1].split('"')[0] for span in spans]
    assert figures == ["live-figure-1", "live-figure-1", "live-figure-2", "live-figure-1"]
    assert page.count('id="live-figure-1"') == page.count('id="live-figure-2"') == 1
    warnings = [line for line in complaints.splitlines() if "live link" in line]
    assert len(warnings) == 3
    assert "'nowhere': there is no live figure named 'third'" in warnings[0]
    assert "'misspelt': TemperatureExplorer has no trait 'tempreature'" in warnings[1]
    assert "'empty': it does nothing" in warnings[2]
    assert all("index.md:" in line for line in warnings)


# Keeps, for each figure, how to read it, what its traits were before words acted and have been since; and which buttons
# have been pressed.
LISTEN = """
(() => {
  Object.assign(window, { get: {}, before: {}, reached: {}, pressed: [] });
  const note = ({ type, target, detail }) => {
    const { id } = target.closest("[id^=live-figure-]");
    const links = [...document.querySelectorAll(`[data-figure=${id}]`)].map((link) => JSON.parse(link.dataset.act));
    const names = new Set(links.flatMap(({ set }) => Object.keys(set)));
    if (detail.get) window.get[id] = detail.get;
    const state = Object.fromEntries([...names].map((name) => [name, window.get[id]?.(name)]));
    if (type === "simsoftmax:set") window.before[id] = state;
    else (window.reached[id] ??= []).push(state);
  };
  for (const what of ["ready", "change", "set"]) document.addEventListener(`simsoftmax:${what}`, note, true);
  document.addEventListener("click", ({ target }) => {
    if (target.closest(".ssm") && target.matches("button")) window.pressed.push(target.textContent);
  }, true);
})();
"""
ALIVE = "document.querySelectorAll('.live-link').length === document.querySelectorAll('.live-link[role]').length"
BEFORE = "([id, names]) => Object.fromEntries(names.map((name) => [name, window.before[id][name]]))"
FORGET = "window.reached = {}; window.pressed = []; undefined"
REACHED = """
([id, wanted]) => window.reached[id]?.some((state) =>
  Object.entries(wanted).every(([name, value]) => JSON.stringify(state[name]) === JSON.stringify(value)))
"""


def pages_with_links():
    return [path for path in pages_of_the_book() if 'class="live-link"' in (BOOK / path).read_text(encoding="utf-8")]


@pytest.mark.browser
@pytest.mark.parametrize("motion", short(["no-preference", "reduce"]))
def test_every_link_of_the_book_does_what_it_says(browser, book, chosen, motion):
    """By mouse or by keyboard, each sets its figure to what was written; the same words once more take it back."""
    assert len(pages_with_links()) >= 12
    pages = chosen(pages_with_links())
    reversible = pressing = 0
    for path, page in tour(browser, book, pages, LISTEN, **VIEWS["light"], reduced_motion=motion):
        page.wait_for_function(ALIVE)
        links = page.locator(".live-link")
        assert links.count() >= 2, path
        for which in range(links.count()):
            link = links.nth(which)
            act, figure = json.loads(link.get_attribute("data-act")), link.get_attribute("data-figure")
            assert link.get_attribute("aria-controls") == figure
            page.evaluate(FORGET)
            activate(link, which)
            # An earlier link may have set the figure in motion: it counts what was there when this one acted.
            before = page.evaluate(BEFORE, [figure, list(act["set"])])
            goal = dict(act["set"])
            if "running" in goal:
                goal.pop("steps", None)  # which do not stay where they are put
            if before != act["set"]:
                page.wait_for_function(REACHED, arg=[figure, goal])
            assert page.evaluate("window.pressed") == act["press"]
            pressing += bool(act["press"])
            if act["press"] or before == act["set"] or "running" in act["set"]:
                continue
            assert link.get_attribute("aria-pressed") == "true"
            page.evaluate(FORGET)
            activate(link, which + 1)
            page.wait_for_function(REACHED, arg=[figure, before])
            assert link.get_attribute("aria-pressed") == "false"
            reversible += 1
    assert reversible >= len(pages)
    assert pressing >= len(pages) // 2


def activate(link, way):
    """Act on a link with the mouse or the keyboard, in turns."""
    if way % 3 == 0:
        link.click()
    else:
        link.focus()
        link.press("Enter" if way % 3 == 1 else "Space")


FIGURE_IN_SIGHT = """
(link) => {
  const { top, bottom, height } = document.querySelector(`#${link.dataset.figure} .ssm`).getBoundingClientRect();
  return Math.min(bottom, innerHeight) - Math.max(top, 0) >= 0.45 * Math.min(height, innerHeight);
}
"""
IN_SIGHT = """
(link) => {
  const { top, bottom } = link.getBoundingClientRect();
  return bottom > 64 && top < innerHeight - 8;
}
"""
SETTLED = f"(link) => ({IN_SIGHT})(link) || document.querySelector('.live-back')?.hidden === false"


# Acts on a word in the middle of the window, by a click or a key, and tells how far its line moved meanwhile.
MOVED = """
async ([link, key]) => {
  link.scrollIntoView({ block: "center", behavior: "instant" });
  const frame = () => new Promise(requestAnimationFrame);
  await frame();
  const { top } = link.getBoundingClientRect();
  link.focus({ preventScroll: true });
  if (key) link.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
  else link.click();
  let furthest = 0;
  for (const end = performance.now() + 300; performance.now() < end; ) {
    await frame();
    furthest = Math.max(furthest, Math.abs(link.getBoundingClientRect().top - top));
  }
  return furthest;
}
"""
NOTE = "The figure (above|below) has changed: "


@look('class="live-link"')
def no_word_moves_its_own_line(page, _):
    """The reader of a sentence stays at it, whatever its words do; what changes out of sight is told."""
    page.wait_for_function(ALIVE)
    words = page.locator(".live-link").element_handles()
    assert len(words) > 1
    moved = []
    for number, word in enumerate(words):
        moved.append(page.evaluate(MOVED, [word, "Enter" if number % 2 else ""]))
        told = page.locator(".live-note").is_visible()
        assert told or page.evaluate(FIGURE_IN_SIGHT, word), number
        if told:
            assert re.match(NOTE, page.locator(".live-aloud").text_content())
        assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]
    assert max(moved) <= 1, moved
    return words


@pytest.mark.browser
def test_a_note_leads_to_the_figure_and_the_reader_finds_back(browser, book, chosen):
    index, *others = sorted(chosen(pages_with_links()), key=lambda path: path.stem != "index")
    for number, path in enumerate([index, *others]):
        for view in VIEWS if path == index and chosen.all else [list(VIEWS)[number % len(VIEWS)]]:
            with Visit(browser, **VIEWS[view], reduced_motion="reduce") as visit:
                page = visit.page
                page.goto(f"{book}/{path}")
                page.wait_for_function(ALIVE)
                link = page.locator(".live-link").last
                handle = link.element_handle()
                page.evaluate("(link) => link.scrollIntoView({ block: 'start' })", handle)
                page.mouse.wheel(0, -80)
                link.press("Enter")
                if page.locator(".live-note").is_visible():
                    if path.stem == "index":
                        check_access(page)
                    page.keyboard.press("Tab")  # the way there is the next stop of the keyboard
                    assert page.evaluate("document.activeElement.textContent") == "show it"
                    page.keyboard.press("Enter")
                    page.wait_for_function(FIGURE_IN_SIGHT, arg=handle)
                    page.wait_for_function(SETTLED, arg=handle)
                    if not page.evaluate(IN_SIGHT, handle):
                        page.get_by_role("button", name="back to the text").click()
                page.wait_for_function(IN_SIGHT, arg=handle)
                page.locator(".live-back").wait_for(state="hidden")
                page.locator(".live-note").wait_for(state="hidden")


@pytest.mark.browser
def test_a_hand_on_the_figure_lets_the_link_go(browser, book):
    with Visit(browser, **VIEWS["light"]) as visit:
        page = visit.page
        page.goto(f"{book}/book/temperature.html")
        page.wait_for_function(ALIVE)
        link = page.locator(".live-link", has_text="T = 0").first
        link.click()
        page.wait_for_function("document.querySelector('.ssm-knob').ariaValueText === 'T = 0, frozen'")
        assert link.get_attribute("aria-pressed") == "true"
        page.locator(".ssm-knob").first.press("ArrowUp")
        page.wait_for_function("document.querySelector('.live-link').getAttribute('aria-pressed') === 'false'")


@pytest.mark.browser
def test_links_are_plain_words_on_paper_and_without_scripts(browser, book):
    look = """(link) => { const s = getComputedStyle(link);
        return [s.textDecorationLine, s.backgroundColor, s.color === getComputedStyle(link.parentElement).color]; }"""
    plain = ["none", "rgba(0, 0, 0, 0)", True]
    with Visit(browser) as visit:
        visit.page.goto(f"{book}/book/index.html")
        visit.page.wait_for_function(ALIVE)
        link = visit.page.locator(".live-link").first
        assert link.evaluate(look)[0] == "underline"
        assert link.bounding_box()["height"] >= 24
        visit.page.emulate_media(media="print")
        assert link.evaluate(look) == plain
    with Visit(browser, java_script_enabled=False) as visit:
        visit.page.goto(f"{book}/book/index.html")
        link = visit.page.locator(".live-link").first
        assert link.get_attribute("role") is None
        assert link.evaluate(look) == plain


# The characters of each line of text, with the line's width.
LINES = """() => {
  const full = [];
  for (const block of document.querySelectorAll(".bd-article :is(p, li, dd, figcaption)")) {
    if (block.closest(".ssm-readouts, table, .cell_output pre, .ssm-hidden") || block.querySelector("p, li")) continue;
    if (!block.checkVisibility() || block.querySelector("mjx-container, math, .math")) continue;
    const range = document.createRange();
    const lines = new Map();
    const walker = document.createTreeWalker(block, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      const node = walker.currentNode;
      for (let i = 0; i < node.length; i += 1) {
        range.setStart(node, i);
        range.setEnd(node, i + 1);
        const [box] = range.getClientRects();
        if (!box) continue;
        const y = Math.round(box.bottom / 8);
        lines.set(y, (lines.get(y) ?? 0) + 1);
      }
    }
    full.push(...[...lines.values()].slice(0, -1));
  }
  return full;
}"""


@pytest.mark.browser
@pytest.mark.parametrize("width", short([320, 1024, 2560, 1440], 320))
def test_lines_of_text_are_not_too_long(browser, book, width):
    for closed in (False, True) if width >= 1024 else (False,):
        lines = []
        for path in ("book/free-energy.html", "book/glossary.html", "book/verdict.html"):
            with Visit(browser, viewport={"width": width, "height": 900}) as visit:
                visit.page.goto(f"{book}/{path}")
                if closed:
                    visit.page.add_style_tag(content=".bd-sidebar { display: none !important; }")
                lines += visit.page.evaluate(LINES)
        lines.sort()
        assert len(lines) > 40
        assert lines[int(0.98 * len(lines))] <= 75, lines[-10:]
        assert width == 320 or lines[len(lines) // 2] >= 55


INKS = """() => ["ink", "muted", "hair", "ground", "held"].map((name) =>
  getComputedStyle(document.documentElement).getPropertyValue(`--ss-${name}`).trim())"""


@pytest.mark.browser
def test_pages_have_their_inks_without_scripts_and_on_paper(browser, book):
    def inks(**options):
        with Visit(browser, **options) as visit:
            visit.page.goto(f"{book}/book/free-energy.html")
            on_screen = visit.page.evaluate(INKS)
            visit.page.emulate_media(media="print")
            return on_screen, visit.page.evaluate(INKS)

    light, light_paper = inks(color_scheme="light")
    dark, dark_paper = inks(color_scheme="dark")
    assert all(light + dark)
    assert light != dark
    assert light_paper == dark_paper == light
    for scheme, wanted in (("light", light), ("dark", dark)):
        assert inks(color_scheme=scheme, java_script_enabled=False) == (wanted, light)
