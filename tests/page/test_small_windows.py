"""Live figures in small windows: pinned on phones, and beside the text of a laptop that is lower than they would be."""

import pytest
from visit import ALL_WIDGETS_STAND, TWO_FRAMES, Visit, look

pytestmark = pytest.mark.browser

ALIVE = "document.querySelectorAll('.live-link').length === document.querySelectorAll('.live-link[role]').length"


# What is seen of a sheet: its place, what lies over it or shows through it, the parts of its figure that it cuts, and
# the drawings that it shows, by their place among those of the figure.
SHEET = """() => {
  const figure = document.querySelector(".live-pinned");
  const note = document.querySelector(".live-note");
  const [one, two] = [figure ?? note, note].map((node) => node.getBoundingClientRect());
  const top = Math.min(one.top, two.top);
  const bottom = Math.max(one.bottom, two.bottom);
  const bars = [...document.querySelectorAll(".bd-header, .bd-header-article")]
    .filter((bar) => /sticky|fixed/.test(getComputedStyle(bar).position))
    .map((bar) => bar.getBoundingClientRect().bottom);
  const strange = [];
  for (let y = Math.ceil(top) + 1; y < bottom - 1; y += 11) {
    for (let x = 1; x < innerWidth; x += 19) {
      const node = document.elementFromPoint(x, y);
      if (!figure?.contains(node) && !note.contains(node)) strange.push([x, y, node.className]);
    }
  }
  const kinds = "svg, svg text, p:not(.ssm-hidden), button, label, select, .ssm-readouts, .ssm-paper";
  const parts = figure ? [...figure.querySelectorAll(kinds)] : [];
  const shown = parts.filter((part) => part.checkVisibility() && part.getBoundingClientRect().height > 1);
  const cut = shown.filter((part) => {
    const box = part.getBoundingClientRect();
    return box.top < one.top - 1 || box.bottom > one.bottom + 1 || box.left < -1 || box.right > innerWidth + 1;
  });
  return {
    pinned: Boolean(figure), left: Math.max(one.left, two.left), right: Math.min(one.right, two.right),
    gap: Math.max(one.top, two.top) - Math.min(one.bottom, two.bottom), height: bottom - top,
    foot: bottom === innerHeight, head: top === Math.max(0, ...bars), strange: strange.slice(0, 3),
    cut: cut.map((part) => part.getAttribute("class") ?? part.textContent),
    scrolls: figure ? figure.scrollHeight - figure.clientHeight : 0,
    drawings: parts.filter((part) => part.matches("svg, .ssm-paper"))
      .flatMap((part, n) => (shown.includes(part) ? [n] : [])),
  };
}"""
DRAWINGS = """(word) => [...document.querySelectorAll(`#${word.dataset.figure} .ssm :is(svg, .ssm-paper)`)]
  .flatMap((node, n) => (node.checkVisibility() && node.getBoundingClientRect().height > 1 ? [n] : []))"""


def check_sheet(seen, width, height, where):
    """See that a sheet goes from edge to edge, is at most half as high as the window, and cuts nothing."""
    assert (seen["left"], seen["right"]) == (0, width), where
    assert not seen["pinned"] or abs(seen["gap"]) < 1, where
    assert seen["height"] <= height / 2, (where, seen["height"])
    assert seen["foot"] or seen["head"], where
    assert seen["strange"] == [], where
    assert seen["cut"] == [], where
    assert seen["scrolls"] <= 1, where


# One with more drawings than a sheet has room for stands for all.
@look('class="live-link"', few={"temperature"})
def a_pinned_figure_is_one_sheet_of_whole_rows(page, _):
    """It covers the text from edge to edge, shows every drawing of the figure in turn, and leaves it as it was."""
    return check_pinning(page, (380, 800))


@look('class="live-link"', few=())
def a_pinned_figure_is_one_sheet_on_other_phones(page, _):
    return check_pinning(page, (320, 640), (480, 800))


def check_pinning(page, *sizes):
    pinned = []
    for width, height in sizes:
        if page.viewport_size != {"width": width, "height": height}:
            page.set_viewport_size({"width": width, "height": height})
            page.reload()  # as on a phone, whose window has one size from the beginning
            page.wait_for_function(ALL_WIDGETS_STAND)
            page.wait_for_function(ALIVE)
        word = page.locator(".live-link").last
        drawings = word.evaluate(DRAWINGS)
        for block in ("start", "end"):
            where = (width, block)
            word.evaluate("(word, block) => word.scrollIntoView({ block, behavior: 'instant' })", block)
            page.mouse.wheel(0, -80 if block == "start" else 40)
            page.evaluate(TWO_FRAMES)
            word.press("Enter")
            page.evaluate(TWO_FRAMES)
            if not page.locator(".live-note").is_visible():
                continue  # the figure is in sight
            seen = page.evaluate(SHEET)
            check_sheet(seen, width, height, where)
            assert seen["pinned"] or width != 380 or block == "end", where
            if not seen["pinned"]:
                continue
            pinned.append(where)
            shown, more = set(seen["drawings"]), page.get_by_role("button", name="more", exact=True)
            assert shown, where
            for _ in range(8 if more.is_visible() else 0):
                more.dispatch_event("click")
                page.evaluate(TWO_FRAMES)
                seen = page.evaluate(SHEET)
                check_sheet(seen, width, height, where)
                shown |= set(seen["drawings"])
            if width == 380 and block == "start":
                assert shown == set(drawings), where
            page.get_by_role("button", name="Close this note").click()
            page.locator(".live-note").wait_for(state="hidden")
            assert page.locator(".live-pinned").count() == 0
            assert page.evaluate("document.activeElement.matches('.live-link')"), where
            assert page.evaluate("document.querySelectorAll('.live-later, .ssm-tight').length") == 0, where
            assert len(word.evaluate(DRAWINGS)) >= len(drawings), where
    return pinned


def test_where_there_is_no_room_nothing_is_pinned(browser, book):
    with Visit(browser, viewport={"width": 740, "height": 380}, reduced_motion="reduce") as visit:
        page = visit.page
        page.goto(f"{book}/book/temperature.html")
        page.wait_for_function(ALIVE)
        word = page.locator(".live-link").last
        word.evaluate("(word) => word.scrollIntoView({ block: 'center', behavior: 'instant' })")
        word.press("Enter")
        page.locator(".live-note").wait_for()
        seen = page.evaluate(SHEET)
        assert not seen["pinned"]
        check_sheet(seen, 740, 380, "landscape")
        assert seen["height"] < 80
        page.keyboard.press("Escape")
        page.locator(".live-note").wait_for(state="hidden")


# Of each figure beside the text or across the page: by how much it is higher than it may be, whether it says so, and
# whether it still does at its end.
ROOM = """async () => {
  const said = (pane) => getComputedStyle(pane, "::before").visibility === "visible" && pane.tabIndex === 0;
  const found = [];
  for (const figure of document.querySelectorAll(":is(.beside, .full) .ssm")) {
    const pane = figure.closest(".beside > .cell_output");
    const over = pane ? pane.scrollHeight - pane.clientHeight : figure.offsetHeight - innerHeight;
    const says = Boolean(pane) && said(pane);
    pane?.scrollTo({ top: pane.scrollHeight, behavior: "instant" });
    for (let frame = 0; frame < 3; frame += 1) await new Promise(requestAnimationFrame);
    found.push({ over, says, after: Boolean(pane) && getComputedStyle(pane, "::before").visibility === "visible" });
  }
  return found;
}"""


def fit(figures):
    return sum(one["over"] <= 1 for one in figures) >= 0.9 * len(figures) > 0


@look("widget-view+json", together=fit)
def a_figure_fits_its_window_or_says_that_it_goes_on(page, _):
    """On a laptop; at the end of what is scrolled nothing says so any more."""
    figures = []
    for width, height in ((1440, 900), (1280, 720)):
        page.set_viewport_size({"width": width, "height": height})
        page.evaluate(TWO_FRAMES)
        page.evaluate(TWO_FRAMES)
        figures += page.evaluate(ROOM)
    for one in figures:
        assert one["says"] == (one["over"] > 1), one
        assert not one["after"], one
    return figures


PANE = "document.querySelector('.beside > .cell_output')"


def test_drawings_give_way_in_a_low_window_and_return(browser, book):
    drawing = "document.querySelector('.beside .ssm-frame').getBoundingClientRect().height"
    with Visit(browser, viewport={"width": 1280, "height": 900}, reduced_motion="reduce") as visit:
        page = visit.page
        page.goto(f"{book}/book/what-training-aims-at.html")
        page.wait_for_function(ALL_WIDGETS_STAND)
        high = page.evaluate(drawing)
        page.set_viewport_size({"width": 1280, "height": 600})
        page.wait_for_function(f"{drawing} < {high - 20}")
        assert page.evaluate(f"{PANE}.scrollHeight <= {PANE}.clientHeight")
        page.set_viewport_size({"width": 1280, "height": 900})
        page.wait_for_function(f"{drawing} === {high}")


@pytest.mark.parametrize("colours", ["none", "active"])
def test_a_figure_that_goes_on_is_scrolled_by_keys_and_lets_the_wheel_go_on(browser, book, colours):
    sign = f"getComputedStyle({PANE}, '::before').visibility === 'visible'"
    end = f"{PANE}.scrollTop > 0 && {PANE}.scrollTop + {PANE}.clientHeight >= {PANE}.scrollHeight - 1"
    boxes = (
        f"[...{PANE}.querySelectorAll('.ssm > *')].map((part) => part.getBoundingClientRect().top + {PANE}.scrollTop)"
    )
    with Visit(
        browser, viewport={"width": 1280, "height": 420}, reduced_motion="reduce", forced_colors=colours
    ) as visit:
        page = visit.page
        page.goto(f"{book}/book/what-training-aims-at.html")
        page.wait_for_function(ALL_WIDGETS_STAND)
        page.wait_for_function(sign)
        assert page.evaluate(f"parseFloat(getComputedStyle({PANE}, '::before').borderBottomWidth)") >= 1
        before = page.evaluate(boxes)
        page.evaluate(f"{PANE}.focus({{ preventScroll: true }})")
        page.keyboard.press("End")
        page.wait_for_function(end)
        page.wait_for_function(f"!({sign})")
        assert page.evaluate(boxes) == pytest.approx(before, abs=1)  # the sign takes no room
        assert page.evaluate("scrollY") == 0
        x, y = page.evaluate(f"(({{ left, top }}) => [left + 40, top + 60])({PANE}.getBoundingClientRect())")
        page.mouse.move(x, y)
        page.mouse.wheel(0, 200)
        page.wait_for_function("scrollY > 0")
