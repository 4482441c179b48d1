"""Where the Tab key stops: few times in a chapter, and nothing that can be pressed is out of the keyboard's reach."""

import pytest
from patience import until
from short import short
from test_widgets import MADE, arguments_of
from visit import Visit, figure, look, pages_of_the_book, write_page

from simsoftmax.live import SamplerExplorer
from simsoftmax.look import FOCUS

pytestmark = pytest.mark.browser

MOST = 40  # an empty round is an error of the test
STANDS = """(document.documentElement.dataset.live === "done" || !document.querySelector("script[type*=widget-view]"))
  && document.readyState === "complete" && document.querySelector(".stop-note")"""

# What a page offers to the keyboard before a script has put it into groups: each gets a number. Of radio buttons the
# browser itself makes one stop.
OFFERS = """() => {
  const all = [...document.querySelectorAll("a[href], button, input, select, textarea, summary, [tabindex]")];
  const names = new Set();
  const offers = all.filter((node) => {
    if (node.tabIndex < 0 || node.disabled || !node.checkVisibility({ visibilityProperty: true })) return false;
    if (node.tagName === "PRE" && node.scrollWidth <= node.clientWidth) return false;
    return node.type !== "radio" || (!names.has(node.name) && names.add(node.name));
  });
  offers.forEach((node, number) => { node.dataset.offer = number; });
  return offers.length;
}"""
REACHED = "document.activeElement === document.body ? null : document.activeElement.dataset.offer ?? 'other'"
HERE = "document.activeElement.outerHTML.slice(0, 120)"
GROUPED = "document.querySelector('.stop-note').textContent"


def open_still(visit, book, path):
    """Open a page whose figures stand; with reduced motion nothing sets the focus or adds a button later."""
    visit.page.goto(f"{book}/{path}")
    visit.page.wait_for_function(STANDS)


def stops(page):
    """Yield what the Tab key comes to, once round."""
    while True:
        page.keyboard.press("Tab")
        reached = page.evaluate(REACHED)
        if reached is None:
            return
        yield reached


@pytest.mark.parametrize(
    ("width", "pages"), short([(1440, "what-training"), (380, "what-training")], (380, "what-training"))
)
def test_all_that_can_be_pressed_is_reached_by_keys(browser, book, width, pages):
    for path in pages_of_the_book():
        if pages not in path.stem:
            continue
        with Visit(browser, viewport={"width": width, "height": 900}, reduced_motion="reduce") as visit:
            open_still(visit, book, path)
            offered = set(map(str, range(visit.page.evaluate(OFFERS))))
            reached = set()
            for stop in stops(visit.page):
                reached.add(stop)
                if visit.page.evaluate(GROUPED):
                    reached |= walk(visit.page)
            assert offered <= reached, (path, [describe(visit.page, number) for number in offered - reached])


def walk(page):
    """Return what the arrow keys come to in a group, there and back; where nobody has been, one begins at its first."""
    reached, last = set(), None
    key, back = "ArrowRight", "ArrowLeft"
    steps = 0
    while (now := page.evaluate(GROUPED)) != last:
        reached.add(page.evaluate(REACHED))
        last = now
        page.keyboard.press(key)
        steps += 1
    for _ in range(steps):
        page.keyboard.press(back)
    assert page.evaluate(GROUPED).startswith("1 of ")
    return reached


def describe(page, number):
    return page.evaluate("(n) => document.querySelector(`[data-offer='${n}']`).outerHTML.slice(0, 120)", number)


# How what is focused is framed; of a hidden button, its label.
FRAME = """() => {
  const node = document.activeElement;
  const style = getComputedStyle(node.matches(".ssm-hidden") ? node.closest("label") : node);
  return [style.outlineStyle, style.outlineWidth, style.outlineColor, style.boxShadow].join(" ");
}"""


def test_tab_leaves_a_group_and_comes_back_to_where_one_was(browser, book):
    with Visit(browser, viewport={"width": 1440, "height": 900}, reduced_motion="reduce") as visit:
        page = visit.page
        open_still(visit, book, "book/temperature.html")
        for _ in stops(page):
            if page.evaluate(GROUPED).startswith("1 of 3"):
                break
        page.keyboard.press("ArrowRight")
        here = page.evaluate_handle("document.activeElement")
        assert page.evaluate(GROUPED).startswith("2 of 3")
        assert page.evaluate("document.activeElement.matches(':focus-visible')")
        page.keyboard.press("Tab")
        assert not page.evaluate("(here) => here === document.activeElement", here)
        page.keyboard.press("Shift+Tab")
        assert page.evaluate("(here) => here === document.activeElement", here)
        page.keyboard.press("ArrowDown")  # scrolls the page, as everywhere in a text
        assert page.evaluate("(here) => here === document.activeElement", here)


# Letters that the note covers: those of lines of text that would be seen where it stands; it lets a pointer through.
COVERED = """() => {
  const note = document.querySelector(".stop-note");
  const box = note.getBoundingClientRect();
  const covered = new Set();
  for (let x = box.left + 1; x < box.right; x += 3) {
    for (let y = box.top + 1; y < box.bottom; y += 3) {
      const seen = document.elementFromPoint(x, y);
      for (const text of seen?.childNodes ?? []) {
        if (text.nodeType !== Node.TEXT_NODE || !text.data.trim()) continue;
        const range = document.createRange();
        range.selectNodeContents(text);
        const lines = [...range.getClientRects()];
        const meets = ({ left, right, top, bottom }) => left <= x && x <= right && top <= y && y <= bottom;
        if (lines.some(meets)) covered.add(text.data.trim());
      }
    }
  }
  return [...covered];
}"""
INSIDE = """() => {
  const { left, top, right, bottom } = document.querySelector(".stop-note").getBoundingClientRect();
  return left >= 0 && top >= 0 && right <= innerWidth && bottom <= innerHeight && right - left > 20;
}"""


NOTE_STOPS = "addEventListener('focusin', ({ target }) => { window.stop = target; }); undefined"
LAST = "[window.stop.isConnected, window.stop.checkVisibility(), window.stop.disabled, window.stop.outerHTML]"


@look()
def stops_are_few_and_framed_alike_and_the_note_covers_no_text(page, path):
    """Go round by the Tab key, look at all at every stop, so at the note over whatever part of the page stands there.

    Beside figures it has least room in the narrowest of wide windows. What is told of a stop in words beside it goes a
    tenth of a second after it was left, over what comes then.
    """
    if path.stem == "genindex":  # a list of links, nothing else
        return []
    wide = page.viewport_size["width"] >= 1200
    if wide and page.locator(".ssm").count():
        page.set_viewport_size({"width": 1200, "height": 900})
    red, green, blue = (int(FOCUS[at : at + 2], 16) for at in (1, 3, 5))
    frame = f"solid 2px rgb({red}, {green}, {blue}) none"
    count, noted = 0, []
    page.evaluate(NOTE_STOPS)
    for _ in stops(page):
        count += 1
        assert page.evaluate(FRAME) == frame, page.evaluate(HERE)
        if not page.evaluate(GROUPED):
            continue
        noted.append(path)
        assert page.evaluate(INSIDE)
        until(lambda: page.evaluate(COVERED) == [], wait=lambda seconds: page.wait_for_timeout(1000 * seconds))
    assert count > 4, page.evaluate(LAST)
    assert count < MOST or not wide  # in narrower windows more is scrolled by keys
    return noted


ARRIVED = "([knob, end]) => knob.getAttribute('aria-valuenow') === knob.getAttribute(end)"


@pytest.mark.browser
def test_home_and_end_lead_to_the_ends_that_a_thermometer_states(browser, site):
    widgets = [kind(**arguments_of(kind)) for kind in MADE]
    for widget in widgets:
        if widget.has_trait("running"):
            widget.running = False
    # The temperature by which draws are judged is chosen with their sampler.
    heated = [widget.has_trait("temperature") and not isinstance(widget, SamplerExplorer) for widget in widgets]
    write_page(site, "ends.html", *widgets)
    with Visit(browser, reduced_motion="reduce") as visit:
        visit.open((site / "ends.html").as_uri())
        for number, has in enumerate(heated):
            knobs = [
                knob for knob in figure(visit, number).locator(".ssm-knob[aria-valuemin]").all() if knob.is_visible()
            ]
            assert len(knobs) == has, number
            for knob in knobs:
                for key, end in (("Home", "aria-valuemin"), ("End", "aria-valuemax")):
                    knob.press(key)
                    visit.page.wait_for_function(ARRIVED, arg=[knob.element_handle(), end])
