"""The letters of drawings can be read: no curve crosses them."""

import pytest
from test_widgets import MADE
from visit import VIEWS, Visit, write_page

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


@pytest.mark.parametrize("view", ["light", "narrow-dark"])
def test_no_curve_crosses_the_letters_of_a_figure(browser, site, view):
    name = write_page(site, "letters.html", *(kind(**given) for kind, given in MADE.items()))
    crossed = 0
    with Visit(browser, **VIEWS[view], reduced_motion="reduce") as visit:
        visit.open((site / name).as_uri())
        for temperature in (None, 0.1, 1.0, 5.0, 20.0):
            if temperature is not None:
                visit.page.evaluate(HEAT, temperature)
            visit.frames(3)
            found = visit.page.evaluate(CROSSED)
            assert found["letters"] > 300
            assert found["wrong"] == [], temperature
            crossed += found["crossed"]
    assert crossed > 0
