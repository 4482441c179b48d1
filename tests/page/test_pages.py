"""The pages of the built book in a real browser, with every other host out of reach."""

import json
import re

import pytest
from playwright.sync_api import TimeoutError
from short import short
from visit import (
    ALL_WIDGETS_STAND,
    BOOK,
    FEW,
    TWO_FRAMES,
    VIEWS,
    Visit,
    check_access,
    check_contrast,
    look,
    pages_of_the_book,
    tour,
)

pytestmark = pytest.mark.browser


# What is folded is not seen, and what a formula is made of is one thing; axe would look for the places of both, which
# takes it half of its time. But for its colours, code is text; and drawings look alike at every width.
FOLDED = "for (const node of document.querySelectorAll('details:not([open]) > :not(summary), math > *')) node.remove()"
CODE = "for (const node of document.querySelectorAll('pre')) node.textContent = node.textContent"
DRAWN = "for (const node of document.querySelectorAll('svg.figure > *')) node.remove()"
# What may hold at one width and not at another: what is in sight, how large it is and what scrolls.
OF_WIDTH = [
    "aria-hidden-focus",
    "button-name",
    "label",
    "link-name",
    "nested-interactive",
    "scrollable-region-focusable",
    "target-size",
]


def test_everybody_can_read_every_page(browser, book, chosen):
    """No complaint, no request to another host, nothing that a screen reader or a small screen cannot show."""
    troubles = []
    wide = VIEWS["light"]["viewport"]
    # With reduced motion the theme's colours change at once.
    for path, page in tour(browser, book, chosen(pages_of_the_book()), viewport=wide, reduced_motion="reduce"):
        where = wide["width"]
        try:
            page.evaluate(FOLDED)
            check_contrast(page)
            page.emulate_media(color_scheme="dark")
            page.wait_for_function("document.documentElement.dataset.theme === 'dark'")
            check_contrast(page)  # nothing else has changed
            page.evaluate(CODE)
            check_access(page, but=["color-contrast"])
            page.evaluate(DRAWN)
            for where in (768, 380, 320, 1920) if chosen.all and page.locator(".ssm").count() else (380,):
                page.set_viewport_size({"width": where, "height": 900})
                page.wait_for_function(f"document.documentElement.scrollWidth <= {where}")
                check_access(page, *OF_WIDTH)
        except (AssertionError, TimeoutError) as trouble:
            troubles.append(f"{path}, {where} px: {trouble}")
        page.set_viewport_size(wide)
        page.emulate_media(color_scheme="light")
    assert not troubles, "\n".join(troubles)


# Notes the greatest width that a page had in any frame.
WIDEST = """
window.widest = 0;
(function look() {
  window.widest = Math.max(window.widest, document.documentElement?.scrollWidth ?? 0);
  requestAnimationFrame(look);
})();
"""


@look()
def it_was_never_wider_than_its_window(page, _):
    page.evaluate(TWO_FRAMES)
    widest = page.evaluate("window.widest")
    assert widest <= page.viewport_size["width"]
    return [widest]


@look()
def each_theme_has_its_own_inks(page, _):
    ink = "getComputedStyle(document.documentElement).getPropertyValue('--ss-theory')"
    inks = []
    for theme in ("dark", "light"):
        page.evaluate("(theme) => { document.documentElement.dataset.theme = theme; }", theme)
        inks.append(page.evaluate(ink))
    assert inks[0] != inks[1]
    return inks


@look()
def its_formulas_are_set(page, _):
    formulas = page.locator("article .math")
    assert formulas.count() == page.locator("article .math math").count()
    return formulas.all()


@look()
def where_there_is_room_formulas_are_no_stops_of_the_tab_key(page, _):
    indices = "[...document.querySelectorAll('.math, math, math *')].map((node) => node.tabIndex)"
    found = page.evaluate(indices)
    assert max(found, default=-1) < 0
    return found


@look("live-picture")
def on_paper_pictures_stand_for_figures(page, _):
    pictures = page.locator(".live-picture")
    assert not pictures.first.is_visible()
    page.emulate_media(media="print")
    assert pictures.first.is_visible()
    assert not page.locator(".ssm").first.is_visible()
    words = page.locator(".ssm-title:not([hidden]), .ssm-caption:not([hidden])").all_text_contents()
    assert page.locator(".live-title, .live-caption").all_inner_texts() == words
    return words


@look("live-picture")
def without_scripts_pictures_stand_for_figures(page, _):
    pictures = page.locator(".live-picture")
    assert pictures.first.is_visible()
    return pictures.all()


# Adds up how far what has been seen moves without the reader's doing; no machine is so slow that what follows a figure
# is shown before it stands.
SHIFT = """
window.shift = 0;
window.moved = []; // what moved, from where and to where
new PerformanceObserver((list) => {
  for (const entry of list.getEntries().filter((entry) => !entry.hadRecentInput)) {
    window.shift += entry.value;
    for (const { node, previousRect, currentRect } of entry.sources) {
      const name = node?.className || node?.nodeName;
      window.moved.push(`${name} ${previousRect.y} to ${currentRect.y} at ${entry.startTime}`);
    }
  }
}).observe({ type: "layout-shift", buffered: true });
const patient = new CSSStyleSheet();
patient.replaceSync("html:not([data-live]) .live-follows.live-follows { animation: none !important; }");
document.adoptedStyleSheets = [patient];
const soon = window.setTimeout; // nor so slow that fonts are not awaited
window.setTimeout = (what, when, ...rest) => (when === 1000 ? 0 : soon(what, when, ...rest));
"""
# Notes how wide each figure is whenever it is laid out.
WIDTHS = """
window.widths = [];
const Observer = window.ResizeObserver;
window.ResizeObserver = class extends Observer {
  constructor(call) {
    super((entries, observer) => {
      for (const { target, contentRect } of entries) if (target.matches(".ssm")) window.widths.push(contentRect.width);
      call(entries, observer);
    });
  }
};
"""
SETTLED = """async () => {
  await document.fonts.ready;
  for (let frame = 0; frame < 5; frame += 1) await new Promise(requestAnimationFrame);
  return window.widths;
}"""


@pytest.mark.parametrize("width", short([380, 1024, 1280, 1440]))
def test_what_has_been_seen_stays_where_it_is(browser, book, chosen, width):
    """On a visit of its own each, to which everything comes for the first time.

    Each figure is laid out as wide as it stays, and the first of a chapter is in the first screen.
    """
    for path in chosen(pages_of_the_book()):
        if width in (1024, 1280) and "jupyter.widget-view" not in (BOOK / path).read_text("utf-8"):
            continue  # only a figure may stand elsewhere there than in the widest window and the narrowest
        with Visit(browser, every=1, viewport={"width": width, "height": 800}) as visit:
            visit.page.add_init_script(SHIFT + WIDTHS)
            visit.page.goto(f"{book}/{path}")
            visit.page.wait_for_function(ALL_WIDGETS_STAND)
            widths = visit.page.evaluate(SETTLED)
            assert visit.page.evaluate("window.shift") < 0.02, (path, visit.page.evaluate("window.moved"))
            if visit.page.locator("details.goals").count() and visit.page.locator(".ssm").count():
                assert len(widths) > 0
                assert max(widths) - min(widths) < 1, (path, widths)
                top = visit.page.evaluate("document.querySelector('.ssm').getBoundingClientRect().top")
                assert top < 400 or width == 1024, path


@pytest.mark.parametrize("view", short(["light", "narrow"], "narrow"))
def test_nothing_is_seen_in_another_font_first(browser, book, view):
    seen = """[...document.querySelectorAll("body *")]
      .filter((node) => node.checkVisibility({ visibilityProperty: true })).map((node) => node.className)"""
    with Visit(browser, **VIEWS[view]) as visit:
        visit.page.add_init_script(SHIFT)
        visit.page.route("**/serif-regular.woff2*", lambda route: None)  # it never comes
        visit.page.goto(f"{book}/book/what-training-aims-at.html", wait_until="commit")
        visit.page.wait_for_function("document.documentElement.dataset.live !== undefined")
        assert visit.page.evaluate("document.documentElement.dataset.fonts") == "awaited"
        assert visit.page.evaluate(seen) == []


def test_what_follows_a_figure_is_seen_once_it_stands_and_even_if_it_never_does(browser, book):
    page = BOOK / "book" / "temperature.html"
    hidden = """[...document.querySelectorAll(".live-follows")]
      .filter((node) => !node.closest("details") && !node.checkVisibility({ visibilityProperty: true })).length"""
    # In wide windows figures stand beside the text, and nothing follows them.
    with Visit(browser, viewport={"width": 380, "height": 800}, reduced_motion="reduce") as visit:
        visit.page.goto(page.as_uri())
        visit.page.wait_for_function(ALL_WIDGETS_STAND)
        assert visit.page.evaluate(hidden) == 0
        assert visit.page.locator(".live-follows").count() > 5
    with Visit(browser, viewport={"width": 380, "height": 800}, reduced_motion="reduce") as visit:
        visit.page.route("**/host.js*", lambda route: route.fulfill(body=""))
        visit.page.goto(page.as_uri())
        assert visit.page.evaluate(hidden) > 5
        visit.page.wait_for_function(f"{hidden} === 0")
        assert visit.page.locator(".live-picture").first.is_visible()


# Where the letters of drawings stand, and how large they are; of those, too, that stand for figures without scripts.
LETTERS = """() => [...document.querySelectorAll("svg.figure")]
  .filter((node) => node.checkVisibility()).flatMap((drawing) => {
    const scale = drawing.getBoundingClientRect().width / drawing.viewBox.baseVal.width;
    return [...drawing.querySelectorAll("text")].map((text) => {
      const { left, right } = text.getBoundingClientRect();
      return [text.textContent.trim(), left, right, parseFloat(getComputedStyle(text).fontSize) * scale];
    });
  })"""


@look()
def drawings_fit_a_phone_and_are_legible(page, _):
    letters = page.evaluate(LETTERS)
    for words, left, right, size in letters:
        assert left >= 0, words
        assert right <= 380, words
        assert size > 10.5, words
    return letters


def test_no_page_carries_what_none_needs(book):
    """No script of icons or formulas, no widget manager; the index of the search on its own page alone."""
    unwanted = re.compile(r"<script[^>]*(fontawesome|mathjax|require|embed-amd|thebe)", re.IGNORECASE)
    for path in pages_of_the_book():
        text = (BOOK / path).read_text(encoding="utf-8")
        assert not unwanted.search(text), path
        assert ("searchindex.js" in text) == (path.stem == "search"), path
    assert not list(BOOK.rglob("mathjax"))


def test_buttons_that_copy_have_a_name(browser, book):
    with Visit(browser) as visit:
        visit.page.goto((BOOK / "book" / "temperature.html").as_uri())
        buttons = visit.page.locator(".copybtn")
        buttons.first.wait_for(state="attached")
        assert (
            visit.page.get_by_role("button", name="Copy this code", include_hidden=True).count() == buttons.count() > 3
        )


@pytest.mark.parametrize("scheme", short(["http", "file"], "file"))
def test_results_of_the_search_quote_the_pages(browser, book, scheme):
    address = book if scheme == "http" else BOOK.as_uri()
    with Visit(browser) as visit:
        visit.page.goto(f"{address}/search.html?q=Gumbel")
        # Which result comes first depends on which page is read first; a term of the glossary quotes only itself.
        visit.page.wait_for_function("""
          [...document.querySelectorAll("#search-results .context")]
            .some(({ textContent }) => textContent.includes("Gumbel") && textContent.length > 100)
        """)


# The least contrast of the letters of a page with white paper, as WCAG 2 has it, and the words that have it.
PALEST = """() => {
  const channel = (value) => (value <= 10.31475 ? value / 3294.6 : ((value / 255 + 0.055) / 1.055) ** 2.4);
  const paper = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const contrast = (colour) => {
    paper.fillStyle = "#fff";
    paper.fillRect(0, 0, 1, 1);
    paper.fillStyle = colour;
    paper.fillRect(0, 0, 1, 1);
    const [red, green, blue] = [...paper.getImageData(0, 0, 1, 1).data].map(channel);
    return 1.05 / (0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05);
  };
  const found = [[21, ""]];
  const walk = document.createTreeWalker(document.querySelector(".bd-article"), NodeFilter.SHOW_TEXT);
  for (let node = walk.nextNode(); node; node = walk.nextNode()) {
    const parent = node.parentElement;
    if (!node.data.trim() || !parent.checkVisibility({ visibilityProperty: true })) continue;
    const { color, fill } = getComputedStyle(parent);
    found.push([contrast(parent.closest("svg") ? fill : color), node.data.trim()]);
  }
  return found.sort(([a], [b]) => a - b)[0];
}"""


def show(page, scheme):
    """Have the page on a screen that asks for dark or light, and wait until it is so."""
    page.emulate_media(media="screen", color_scheme=scheme)
    page.wait_for_function(f"document.documentElement.dataset.theme === '{scheme}'")
    page.evaluate(TWO_FRAMES)


@look()
def paper_has_dark_letters_whatever_the_screen_has(page, path):
    if path.stem in ("genindex", "search"):
        return []
    for scheme in ("dark", "light") if path.stem in FEW else ("dark",):
        show(page, scheme)
        page.emulate_media(media="print", color_scheme=scheme)
        contrast, words = page.evaluate(PALEST)
        assert contrast > 4.4, (scheme, words)
        assert page.locator("h1:visible").count() == 1
    show(page, "light")
    return [words]


# Adds a node to the first figure, and takes it away again, each before a frame of its own.
COMES_AND_GOES = """async () => {
  const frame = () => new Promise((drawn) => requestAnimationFrame(() => setTimeout(drawn)));
  const node = document.createElement("mark");
  await frame();
  performance.mark("comes");
  document.querySelector(".ssm").append(node);
  await frame();
  node.remove();
  await frame();
  performance.mark("went");
}"""


def styled(page):
    """Return how many nodes at most are styled at once while a node of a figure comes and goes."""
    browser = page.context.browser
    browser.start_tracing(page=page, categories=["devtools.timeline", "blink.user_timing"])
    page.evaluate(COMES_AND_GOES)
    events = json.loads(browser.stop_tracing())["traceEvents"]
    began, ended = (next(event["ts"] for event in events if event["name"] == name) for name in ("comes", "went"))
    updates = [event for event in events if event["name"] == "UpdateLayoutTree" and began < event["ts"] < ended]
    return max(update["args"]["elementCount"] for update in updates)


@look("jupyter.widget-view")
def what_changes_in_a_figure_leaves_the_style_of_its_page(page, path):
    """A rule by which the page looks into its figures, as :has() may, has it styled anew at each of their changes."""
    within = page.evaluate("document.querySelector('.ssm').querySelectorAll('*').length")
    assert 0 < styled(page) < within
    if path.stem in FEW:
        rule = page.add_style_tag(content=".bd-article:has(.ssm > mark) * { margin: 0; }")  # one that does look
        assert styled(page) > within
        rule.evaluate("(node) => node.remove()")
    return [within]
