"""Letters can be read: no curve crosses those of drawings, no field cuts its numbers, no table has a word a line."""

import re

import pytest
from short import short
from test_widgets import MADE, arguments_of
from visit import BOOK, VIEWS, Visit, look, pages_of_the_book, write_page

from simsoftmax.live import TemperatureExplorer

pytestmark = pytest.mark.browser

# Which letters are crossed by a stroke, and by which, though they stand in front of it on a rim of the ground.
CROSSED = """() => {
  const ground = (root) => {
    const probe = document.createElement("i");
    root.append(probe);
    probe.style.color = "var(--ssm-ground)";
    const { color } = getComputedStyle(probe);
    probe.remove();
    return color;
  };
  const seen = (node) => node.checkVisibility({ visibilityProperty: true, opacityProperty: true });
  const drawn = (node) => {
    const { stroke, strokeWidth, strokeOpacity } = getComputedStyle(node);
    return seen(node) && !/none|, 0\\)/.test(stroke) && parseFloat(strokeWidth) > 0 && parseFloat(strokeOpacity) > 0;
  };
  const inside = ({ left, right, top, bottom }, { x, y }) => x > left && x < right && y > top && y < bottom;
  const passes = (shape, box) => {
    const { left, right, top, bottom } = shape.getBoundingClientRect();
    if (left > box.right || right < box.left || top > box.bottom || bottom < box.top) return false;
    const clip = shape.closest("[clip-path]")?.getAttribute("clip-path").slice(5, -1);
    const window = clip && shape.closest("svg").getElementById(clip).firstElementChild;
    const length = shape.getAttribute("d") === "" ? 0 : shape.getTotalLength();
    const steps = Math.min(2000, Math.ceil(length));
    for (let step = 0; step <= steps; step += 1) {
      const point = shape.getPointAtLength((length * step) / steps);
      if (window && !window.isPointInFill(point)) continue;
      if (inside(box, point.matrixTransform(shape.getScreenCTM()))) return true;
    }
    return false;
  };
  const found = { letters: 0, crossed: 0, wrong: [] };
  for (const svg of document.querySelectorAll(".ssm svg")) {
    const behind = ground(svg.closest(".ssm"));
    const shapes = [...svg.querySelectorAll(":is(path, line, circle, rect):not(clipPath *)")].filter(drawn);
    for (const text of [...svg.querySelectorAll("text")].filter((node) => node.textContent.trim() && seen(node))) {
      found.letters += 1;
      const { left, right, top, bottom } = text.getBoundingClientRect();
      const { fontSize, paintOrder, stroke, strokeWidth } = getComputedStyle(text);
      const spare = (bottom - top - 0.75 * parseFloat(fontSize)) / 2; // above and below the letters
      const box = { left, right, top: top + spare, bottom: bottom - spare };
      const rimmed = paintOrder.startsWith("stroke") && stroke === behind && parseFloat(strokeWidth) >= 2;
      for (const shape of shapes.filter((node) => passes(node, box))) {
        found.crossed += 1;
        const front = shape.compareDocumentPosition(text) & Node.DOCUMENT_POSITION_FOLLOWING;
        if (!rimmed || !front) found.wrong.push(`${text.textContent}: ${shape.getAttribute("class")}`);
      }
    }
  }
  return found;
}"""
# Sets the temperature of all figures that have one.
HEAT = """(temperature) => {
  for (const root of document.querySelectorAll(".ssm")) {
    root.dispatchEvent(new CustomEvent("simsoftmax:set", { detail: { set: { temperature } } }));
  }
}"""


@pytest.mark.parametrize(
    ("view", "temperatures"),
    short([("narrow-dark", (None, 0.1)), ("narrow-dark", (1.0, 5.0, 20.0)), ("light", (None, 0.1, 1.0, 5.0, 20.0))]),
)
def test_no_curve_crosses_the_letters_of_a_figure(browser, site, view, temperatures):
    name = write_page(site, "letters.html", *(kind(**arguments_of(kind)) for kind in MADE))
    crossed = 0
    with Visit(browser, **VIEWS[view], reduced_motion="reduce") as visit:
        visit.open((site / name).as_uri())
        for temperature in temperatures:
            if temperature is not None:
                visit.page.evaluate(HEAT, temperature)
            visit.frames(3)
            found = visit.page.evaluate(CROSSED)
            assert found["letters"] > 300
            assert found["wrong"] == [], temperature
            crossed += found["crossed"]
    assert crossed > 0


# The fields of all figures, unfolded, whose text goes on beyond what is seen of it; and how many there are.
CUT = """() => {
  for (const fold of document.querySelectorAll(".ssm details")) fold.open = true;
  const seen = (node) => node.checkVisibility();
  const fields = [...document.querySelectorAll(".ssm :is(input[type=text], textarea)")].filter(seen);
  const cut = fields.filter((node) => node.scrollWidth > node.clientWidth || node.scrollHeight > node.clientHeight);
  return [fields.length, cut.map(({ value }) => value)];
}"""


@look("widget-view")
def fields_show_all_that_is_in_them(page, _):
    fields, cut = page.evaluate(CUT)
    assert cut == []
    return fields * [page]


@pytest.mark.parametrize("width", [380, 1440])
def test_a_long_row_of_logits_is_seen_whole_and_taken_by_enter(browser, site, width):
    logits = [round(0.1234 * (-1) ** k * (k + 1), 4) for k in range(16)]
    name = write_page(site, "long.html", TemperatureExplorer(logits))
    with Visit(browser, viewport={"width": width, "height": 800}) as visit:
        visit.open((site / name).as_uri())
        assert visit.page.evaluate(CUT) == [2, []]
        field = visit.page.get_by_label("logits")
        field.fill(", ".join(map(str, reversed(logits))))
        assert visit.page.evaluate(CUT) == [2, []]
        field.press("Enter")
        assert field.input_value().startswith("−1.974, 1.851")


# Narrow cells, hardly more than a column of single words: four lines and more, and fewer than two words in each.
COLUMNS_OF_WORDS = """() => [...document.querySelectorAll(".bd-article :is(td, th)")].filter((cell) => {
  if (!cell.checkVisibility() || cell.clientWidth > 160) return false;
  const text = document.createRange();
  text.selectNodeContents(cell);
  const size = parseFloat(getComputedStyle(cell).fontSize);
  const boxes = [...text.getClientRects()].filter(({ height }) => height < 1.4 * size); // of letters, not of paragraphs
  const lines = new Set(boxes.map(({ bottom }) => Math.round(bottom / size))).size;
  return lines >= 4 && cell.textContent.trim().split(/\\s+/).length < 2 * lines;
}).map((cell) => cell.textContent)"""
# Tables that are wider than their frame, which must scroll and show at its edge that they go on; and how many they are.
WIDE_TABLES = """() => [...document.querySelectorAll(".bd-article table")].flatMap((table) => {
  const frame = table.parentElement;
  if (!table.checkVisibility() || table.scrollWidth <= frame.clientWidth) return [];
  const { overflowX, backgroundImage, backgroundAttachment } = getComputedStyle(frame);
  return [overflowX === "auto" && backgroundImage.includes("gradient") && backgroundAttachment === "local, scroll"];
})"""


@look("<table", few={"one-knob-many-names"})
def no_table_has_a_word_a_line_on_a_phone(page, _):
    assert page.evaluate(COLUMNS_OF_WORDS) == []
    wide = page.evaluate(WIDE_TABLES)
    assert all(wide)
    return wide


def test_no_letters_of_a_drawing_are_set_one_by_one(html):
    """A formula of matplotlib's is: each letter at a place of its own, as wide as in a font that the page has not."""
    found = 0
    for path in pages_of_the_book():
        drawings = re.findall(r'<svg[^>]*class="figure".*?</svg>', (BOOK / path).read_text("utf-8"), re.DOTALL)
        found += len(drawings)
        assert not [1 for drawing in drawings if "<tspan" in drawing], path
    assert found > 20
