"""The pages as they are laid out: edges, figures that stay beside their words, fonts, the furniture."""

import re
from itertools import pairwise
from pathlib import Path

import pytest
import yaml
from short import short
from visit import BOOK, FEW, ROOT, Visit, look

CHAPTER = ("After this chapter you can", 'class="live-link"')  # what the page of one holds whose words act on a figure
ALIVE = "document.querySelectorAll('.ssm').length > 0 && document.querySelector('.live-link[role]')"

pytestmark = pytest.mark.browser


# How far from the left edge of its section what is read ends on the right, as far as it fills its line; numbers of
# equations stand at the edge of their equation.
EDGES = """() => {
  const edges = {};
  const read = ".bd-article > section > section > :is(p, h2, ul, .cell, .math), .bd-article .claim";
  for (const block of document.querySelectorAll(read)) {
    if (block.closest(".beside, details:not([open])") || block.matches(".free .cell")) continue;
    // What answers a question stands in one row with the answer to another.
    if (!block.checkVisibility() || getComputedStyle(block).float !== "none") continue;
    const { right, width } = block.getBoundingClientRect();
    const { left } = block.closest(".bd-article > section > section, .bd-article > section").getBoundingClientRect();
    if (width) (edges[Math.round(right - left)] ??= []).push(block.tagName);
  }
  return Object.keys(edges).map(Number);
}"""


@look(*CHAPTER)
def text_has_one_right_edge(page, _):
    for width in (1440, 1024):
        page.set_viewport_size({"width": width, "height": 900})
        edges = page.evaluate(EDGES)
        assert max(edges) - min(edges) <= 1, (width, edges)
    return edges


FURNITURE = """() => {
  const inner = (node) => node.getBoundingClientRect().left + parseFloat(getComputedStyle(node).paddingLeft);
  const colours = (links) => [...new Set([...document.querySelectorAll(links)].map((a) => getComputedStyle(a).color))];
  const one = (selector) => document.querySelector(selector);
  const last = [...document.querySelectorAll(".bd-article > section > section")].at(-1) ?? one(".bd-article h1");
  const links = ":is(a.reference:not(.headerlink))";
  return {
    lefts: [last, one(".prev-next-footer"), one(".bd-footer-content__inner")].filter(Boolean).map(inner),
    colours: [colours(`.bd-article > section p > ${links}`), colours(`.bd-article td ${links}`)],
  };
}"""


@look(few=FEW | {"one-knob-many-names"})
def the_footer_stands_below_the_text_and_links_have_one_colour(page, _):
    tables = []
    for theme in ("dark", "light"):
        page.emulate_media(color_scheme=theme)
        page.wait_for_function(f"document.documentElement.dataset.theme === '{theme}'")
        found = page.evaluate(FURNITURE)
        assert max(found["lefts"]) - min(found["lefts"]) <= 1, found
        in_text, in_tables = found["colours"]
        assert not in_text or set(in_tables) <= set(in_text), (theme, found)
        tables += in_tables if in_text else []
    return tables


DRAWN = """document.fonts.ready.then(
  () => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))))"""
# Where the two columns of a chapter end, what stands in the left one, and what follows.
COLUMNS = """() => {
  const box = (node) => {
    const { left, right, top, bottom } = node.getBoundingClientRect();
    return { left, right, top: top + scrollY, bottom: bottom + scrollY, words: node.textContent.slice(0, 40) };
  };
  const seen = (selector) => [...document.querySelectorAll(selector)].filter((node) => node.checkVisibility());
  const free = (node) => node.closest(".free") !== null;
  const blocks = seen(".bd-article > section :is(p, pre, figure, table, .math):not(.beside *)");
  const lines = seen(".bd-article > section > section > p");
  const goesOn = (pre) => {
    const { lineHeight, paddingTop, paddingBottom } = getComputedStyle(pre);
    const high = pre.clientHeight - parseFloat(paddingTop) - parseFloat(paddingBottom);
    return high > (pre.textContent.trimEnd().split("\\n").length + 0.5) * parseFloat(lineHeight);
  };
  const code = seen(".free :is(.cell_input, .admonition) pre").filter(goesOn);
  return {
    window: document.documentElement.clientWidth,
    end: Math.max(...[...document.querySelectorAll(".beside")].map((track) => box(track).bottom)),
    column: blocks.filter((node) => !free(node)).map(box),
    after: [...document.querySelectorAll(".bd-article .free")].map(box),
    lines: lines.filter(free).map(box),
    foot: box(document.querySelector(".prev-next-area")),
    long: code.map(box),
  };
}"""


@look(*CHAPTER)
def what_follows_a_figure_stands_in_the_middle(page, _):
    """No text stands at the left of an empty page, and where nothing is beside it code is as wide as wide things."""
    measure, wide = 34 * 16, 50 * 16
    for width, height in ((1440, 900), (1280, 720), (1920, 1080), (1200, 800)):
        page.evaluate("for (const fold of document.querySelectorAll('article details')) fold.open = false")
        page.set_viewport_size({"width": width, "height": height})
        page.evaluate(DRAWN)
        seen = page.evaluate(COLUMNS)
        middle = (seen["window"] - wide) / 2
        assert seen["after"]
        assert [block for block in seen["column"] if block["bottom"] > seen["end"] + 48] == []
        for section in seen["after"]:
            assert section["top"] >= seen["end"], section
            assert section["left"] == pytest.approx(middle, abs=1), section
        for line in seen["lines"]:
            assert line["left"] == pytest.approx(middle, abs=1), line
            assert line["right"] <= middle + measure + 1, line
        assert seen["foot"]["left"] == pytest.approx(middle, abs=1)
        page.evaluate("for (const fold of document.querySelectorAll('article details')) fold.open = true")
        for code in page.evaluate(COLUMNS)["long"]:
            assert code["right"] == pytest.approx(middle + wide, abs=1), code
    return seen["lines"]


PLACES = """[...document.querySelectorAll(".bd-article > section > section")].map((section) => {
  const { left, top } = section.getBoundingClientRect();
  return [left, top + scrollY];
})"""


@look(*CHAPTER)
def no_line_moves_while_a_figure_grows(page, _):
    """Where the columns end is decided by the text and the window, and never by what a figure does."""
    grow = "(height) => { document.querySelector('.beside .ssm').style.minHeight = height; }"
    page.evaluate(DRAWN)
    before = page.evaluate(PLACES)
    for height in ("3000px", ""):
        page.evaluate(grow, height)
        page.evaluate(DRAWN)
        assert page.evaluate(PLACES) == before, height
    return before


def teaching():
    """Return the pages of the book that teach: all that the table of contents has, but for what is looked up."""
    parts = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))["parts"]
    return [Path(page["file"]) for part in parts if part["caption"] != "Reference" for page in part["chapters"]]


QUESTIONS = """() => {
  const size = (node) => parseFloat(getComputedStyle(node).fontSize);
  const largest = Math.max(...[...document.querySelectorAll(".bd-article :is(h1, h2, h3, p)")].map(size));
  return [...document.querySelectorAll(".bd-article .question")].map((node) => {
    const { top, bottom } = node.getBoundingClientRect();
    return {
      text: node.textContent, top, bottom, under: node.previousElementSibling?.tagName, seen: node.checkVisibility(),
      lines: Math.round((bottom - top) / parseFloat(getComputedStyle(node).lineHeight)),
      largest: size(node) === largest,
    };
  });
}"""


@look('class="question"')
def the_question_of_a_chapter_is_its_headline(page, _):
    (found,) = page.evaluate(QUESTIONS)
    assert found["text"].endswith("?")
    assert found["seen"]
    assert found["largest"]
    assert found["under"] == "H1"
    assert 0 < found["top"] < found["bottom"] < page.viewport_size["height"] / 3, found
    assert found["lines"] <= 2, found
    return [found]


def test_every_chapter_has_a_question_of_its_own(html):
    assert len(teaching()) > 20
    pages = [(BOOK / path).with_suffix(".html").read_text(encoding="utf-8") for path in teaching()]
    asked = [re.findall(r'<p class="question">(.*?)</p>', page, re.DOTALL) for page in pages]
    assert all(len(questions) == 1 for questions in asked)
    assert len({question for (question,) in asked}) == len(pages)


@look(*CHAPTER)
def goals_are_folded(page, _):
    goals = page.locator("details.goals")
    assert goals.locator("li").count() > 1
    assert not goals.locator("li").first.is_visible()
    goals.locator("summary").click()
    goals.locator("li").first.wait_for()
    return [goals]


# How far code goes beyond its column, that which is folded too.
CODE = """() => {
  for (const fold of document.querySelectorAll("article details")) fold.open = true;
  return Math.max(...[...document.querySelectorAll("article pre")].map((pre) => pre.scrollWidth - pre.clientWidth));
}"""


@look("<pre")
def code_goes_on_below_and_on_a_phone_to_the_right(page, _):
    for width in (1440, 1024):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate(CODE) <= 0, width
    page.set_viewport_size({"width": 380, "height": 800})
    beyond = page.evaluate(CODE)
    return [beyond] if beyond > 20 else []


# For every line that says which question is answered, how far down it stands, and so what belongs to its row: others of
# its kind, and the word that opens the code of the cell after it, or of one before it that shows nothing else.
ANSWERED = """() => [...document.querySelectorAll(".cell:has(.predict-place)")].map((cell) => {
  const [before, after] = [cell.previousElementSibling, cell.nextElementSibling];
  const word = (code) => (code?.matches(".cell") ? code.querySelector(":scope > details.hide > summary") : null);
  const more = after?.querySelector(":scope > .cell_output > .output > .predict-place");
  const words = [word(after), before?.children.length === 1 ? word(before) : null, more].filter(Boolean);
  const row = [...cell.querySelectorAll(".predict-place"), ...words].map((node) => node.getBoundingClientRect());
  return { code: words.length, middles: row.map(({ top, bottom }) => (top + bottom) / 2) };
})"""
# How each line that says so begins, and how far down it stands.
ANSWERS = """() => [...document.querySelectorAll(".predict-place")].map((line) => [
  line.textContent.match(/\\w+/)[0], Math.round(line.getBoundingClientRect().top)
])"""


def of_every_kind(rows):
    return any(len(row["middles"]) > 1 for row in rows) and any(row["code"] for row in rows)


@look("predict-place", few={"temperature"}, together=of_every_kind)
def questions_that_are_answered_are_one_row_with_the_code(page, _):
    rows = page.evaluate(ANSWERED)
    for row in rows:
        assert max(row["middles"]) - min(row["middles"]) < 2, row
    apart = "[...document.querySelectorAll('.row-goes-on')].map((c) => getComputedStyle(c).marginRight)"
    assert all(float(gap.removesuffix("px")) > 12 for gap in page.evaluate(apart))
    for (_, above), (begins, top) in pairwise([("", -1), *page.evaluate(ANSWERS)]):
        assert begins == ("And" if top == above else "This"), begins
    return rows


# Puts a word in the middle of the window and tells which share of its figure is in sight.
SHARE = """async (word) => {
  word.scrollIntoView({ block: "center", behavior: "instant" });
  await new Promise(requestAnimationFrame);
  await new Promise(requestAnimationFrame);
  const { top, bottom, left } = document.querySelector(`#${word.dataset.figure} .ssm`).getBoundingClientRect();
  const shown = Math.min(bottom, innerHeight) - Math.max(top, 0);
  return [shown / Math.min(bottom - top, innerHeight), left - word.getBoundingClientRect().right];
}"""


@look(*CHAPTER)
def a_figure_stays_beside_its_words(page, _):
    """In wide windows the reader of a word that acts on a figure has the figure beside it, wherever the word is."""
    words = page.locator(".live-link").element_handles()
    for word in words:
        share, apart = page.evaluate(SHARE, word)
        assert share > 0.9
        assert apart > 0
    return words


PINNED = """(link) => {
  const figure = document.querySelector(".live-pinned")?.getBoundingClientRect();
  const note = document.querySelector(".live-note").getBoundingClientRect();
  const word = link.getBoundingClientRect();
  const over = (box) => box.top < word.bottom && word.top < box.bottom;
  const all = figure && Math.max(figure.bottom, note.bottom) - Math.min(figure.top, note.top);
  return figure && { share: all / innerHeight, covers: over(figure) || over(note) };
}"""


@pytest.mark.parametrize("width", short([380, 1024]))
def test_a_far_figure_is_pinned_and_covers_no_word(browser, book, width):
    with Visit(browser, viewport={"width": width, "height": 800}, reduced_motion="reduce") as visit:
        page = visit.page
        page.goto(f"{book}/book/temperature.html")
        page.wait_for_function(ALIVE)
        word = page.locator(".live-link").last
        for block in ("start", "center", "end"):
            word.evaluate("(word, block) => word.scrollIntoView({ block, behavior: 'instant' })", block)
            page.mouse.wheel(0, {"start": -80, "center": 0, "end": 40}[block])
            word.focus()
            word.press("Enter")
            page.locator(".live-pinned").wait_for()
            seen = word.evaluate(PINNED)
            assert seen["share"] <= 0.45, (block, seen)
            assert not seen["covers"], block
            page.keyboard.press("Escape")
            page.locator(".live-pinned").wait_for(state="detached")
        word.press("Enter")
        page.locator(".live-pinned").wait_for()
        page.evaluate("scrollTo({ top: document.documentElement.scrollHeight, behavior: 'instant' })")
        page.locator(".live-pinned").wait_for(state="detached")  # its words have gone by


def test_without_scripts_pictures_stand_in_the_text(browser, book):
    """Nothing would keep them beside it, nor hold what lies below them away."""
    with Visit(browser, viewport={"width": 1440, "height": 900}, java_script_enabled=False) as visit:
        visit.page.goto(f"{book}/book/temperature.html")
        assert visit.page.locator(".live-picture").first.is_visible()
        place = "getComputedStyle(document.querySelector('.beside')).position"
        assert visit.page.evaluate(place) == "static"
        assert visit.page.locator("#pst-primary-sidebar").is_visible()  # no script could open the drawer
        assert not visit.page.locator("#pst-secondary-sidebar").is_visible()


def test_fonts_are_the_books_own(browser, book):
    with Visit(browser) as visit:
        visit.page.goto(f"{book}/book/temperature.html")
        visit.page.wait_for_function(ALIVE)
        page = visit.page
        page.evaluate("document.fonts.ready.then(() => 0)")
        loaded = "[...document.fonts].filter(({ status }) => status === 'loaded').map(({ family }) => family)"
        names = {name.strip('"') for name in page.evaluate(loaded)}
        assert {"simsoftmax Serif", "simsoftmax Sans", "simsoftmax Mono"} <= names
        family = "(selector) => getComputedStyle(document.querySelector(selector)).fontFamily"
        assert "simsoftmax Serif" in visit.page.evaluate(family, ".bd-article section > p:not(.question)")
        assert "simsoftmax Sans" in visit.page.evaluate(family, ".ssm svg text")
        assert "simsoftmax Mono" in visit.page.evaluate(family, ".cell_input pre")


def test_the_drawer_opens_and_closes(browser, book):
    with Visit(browser, viewport={"width": 1440, "height": 900}) as visit:
        page = visit.page
        page.goto(f"{book}/book/index.html")
        drawer, opener = page.locator("#pst-primary-sidebar"), page.get_by_role("button", name="Chapters")
        assert not drawer.is_visible()
        opener.click()
        drawer.wait_for()
        assert opener.get_attribute("aria-expanded") == "true"
        page.keyboard.press("Escape")
        drawer.wait_for(state="hidden")
        opener.click()
        page.mouse.click(1300, 700)
        drawer.wait_for(state="hidden")


def test_the_rail_says_where_the_reader_is(browser, book):
    with Visit(browser, viewport={"width": 1440, "height": 900}, reduced_motion="reduce") as visit:
        page = visit.page
        page.goto(f"{book}/book/temperature.html")
        page.wait_for_function(ALIVE)
        for name in ("hot", "summary", "cold"):
            page.evaluate("(id) => document.getElementById(id).scrollIntoView({ behavior: 'instant' })", name)
            page.wait_for_function(f"document.querySelector('.toc-entry > a.active')?.hash === '#{name}'")
            assert page.locator(".bd-sidebar-secondary .toc-entry > a.active").count() == 1


def test_terms_and_works_open_as_cards(browser, book):
    with Visit(browser, viewport={"width": 1440, "height": 900}) as visit:
        page = visit.page
        page.goto(f"{book}/book/verdict.html")
        page.wait_for_function(ALIVE)
        card = page.locator(".card-of")
        term = page.locator("a[href$='#term-power']").first
        term.hover()
        card.wait_for(state="visible")
        assert card.text_content().strip().lower().startswith("power")
        page.mouse.move(5, 5)
        card.wait_for(state="hidden")
        work = page.locator(".bd-article a.internal[href^='#']", has_text=re.compile(r"^\d{4}$")).first
        page.keyboard.press("Tab")  # now the keyboard leads
        work.focus()
        card.wait_for(state="visible")
        assert work.text_content() in card.text_content()
        page.keyboard.press("Escape")
        card.wait_for(state="hidden")


def test_the_ledger_is_searched_and_leads_both_ways(browser, book):
    with Visit(browser, viewport={"width": 1440, "height": 900}) as visit:
        page = visit.page
        page.goto(f"{book}/book/ledger.html")
        claims = page.locator(".ledger-claim:visible")
        every = claims.count()
        page.get_by_label("Find claims").fill("detailed balance")
        assert 0 < claims.count() < every
        assert all("balance" in text.lower() for text in claims.all_text_contents())
        assert page.locator(".ledger-filter [role=status]").text_content() == f"{claims.count()} of {every} claims"
        page.get_by_label("Find claims").fill("no such claim")
        assert claims.count() == 0
        page.get_by_label("Find claims").fill("")
        assert claims.count() == every
        page.locator(".ledger-name a").first.click()
        page.wait_for_url("**#claim-*")
        name = page.url.partition("#claim-")[2]
        page.locator(f"#claim-{name} a.claim-way").click()
        page.wait_for_url(f"**/ledger.html#ledger-{name}")
