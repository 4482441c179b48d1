"""A finger on a live figure: what can be dragged follows it and the page stays; everywhere else the page scrolls."""

from itertools import combinations, pairwise

import numpy as np
import pytest
from short import short
from test_widgets import MADE, arguments_of, fit
from visit import Visit, write_page

from simsoftmax.live import BanditExplorer, SymmetryExplorer, WeightDecayExplorer

pytestmark = pytest.mark.browser

# What can be dragged is found by what listens to a finger, and not by a list: d3 keeps its listeners in `__on`; those
# of a group are for what takes hold of it.
FIND = """() => {
  for (const fold of document.querySelectorAll("details")) fold.open = true;
  const listens = ({ type, name }) => type === "touchstart" && name === "drag";
  const held = [...document.querySelectorAll(".ssm svg, .ssm svg *")].filter((node) => node.__on?.some(listens));
  window.things = [...held, ...document.querySelectorAll(".ssm input[type=range]")]
    .filter((node) => node.checkVisibility() && !node.disabled);
  window.grips = (thing) => (thing.tagName === "g" ? [...thing.querySelectorAll(".ssm-grip, .ssm-catch")] : [thing]);
  window.held = [
    ...held.flatMap(window.grips), ...document.querySelectorAll(".ssm :is(input, button, select, summary, a, label)"),
  ];
  return window.things.map((node) => `${node.tagName} ${node.getAttribute("class") ?? node.ariaLabel ?? ""}`);
}"""
# Where a thing is taken: near its middle, where it is what a finger meets.
TAKEN = """(k) => {
  const thing = window.things[k];
  const places = window.grips(thing).flatMap((grip) => {
    const { left, top, width, height } = grip.getBoundingClientRect();
    const at = (grip.value - grip.min) / (grip.max - grip.min);
    const shares = grip.tagName === "INPUT" ? [0.05 + 0.9 * at] : [0.5, 0.3, 0.7, 0.1, 0.9];
    return shares.flatMap((share) => [0.5, 0.75, 0.25].map((part) => [left + share * width, top + part * height]));
  });
  const meets = ([x, y]) => window.grips(thing).some((grip) => grip.contains(document.elementFromPoint(x, y)));
  return places.find(meets) ?? null;
}"""
# The edges and middles of all marks in the figure, across and down, and how far sliders of the browser's own are, once
# they have kept their places for some frames; a figure that runs on its own is waited for no longer than a few frames.
PLACES = """() => new Promise((done) => {
  window.marks ??= [...document.querySelectorAll(".ssm svg :is(circle, rect, line, path)")];
  const ends = (low, high) => [low, (low + high) / 2, high];
  const range = ({ value, min, max, clientWidth }) => ((value - min) / (max - min)) * clientWidth;
  const places = () => {
    const { left: x, top: y } = document.querySelector(".ssm").getBoundingClientRect();
    const boxes = window.marks.map((mark) => mark.getBoundingClientRect());
    const ranges = [...document.querySelectorAll(".ssm input[type=range]")].map(range);
    return {
      x: [...boxes.flatMap(({ left, right }) => ends(left - x, right - x)), ...ranges],
      y: boxes.flatMap(({ top, bottom }) => ends(top - y, bottom - y)),
    };
  };
  let [last, since, frames] = ["", 0, 0];
  const look = () => {
    const now = places();
    const text = JSON.stringify(now);
    [last, since, frames] = [text, text === last ? since + 1 : 0, frames + 1];
    if (since < 3 && frames < 40) requestAnimationFrame(look);
    else done({ ...now, scroll: scrollY });
  };
  requestAnimationFrame(look);
})"""
# Places of a figure with nothing to drag or to press under a finger, which is no point: in its words, in its pictures.
EMPTY = """() => {
  const { left, right, top, bottom } = document.querySelector(".ssm").getBoundingClientRect();
  const found = {};
  for (let y = Math.max(top, 80) + 6; y < Math.min(bottom, innerHeight - 6); y += 12) {
    for (let x = left + 6; x < right; x += 24) {
      const node = document.elementFromPoint(x, y);
      const near = [[0, 0], [10, 0], [-10, 0], [0, 10], [0, -10]].map(([across, down]) => [x + across, y + down]);
      const met = near.map(([across, down]) => document.elementFromPoint(across, down));
      if (!node?.closest(".ssm") || window.held.some((held) => met.some((each) => held.contains(each)))) continue;
      found[node.closest("svg") ? `picture ${node.closest("svg").getAttribute("class")}` : "words"] ??= [x, y];
    }
  }
  return found;
}"""
STEP, STEPS, SLACK = 12, 6, 5  # pixels, of which a page scrolls after one step; and by how much a mark may be off


class Finger:
    """A finger on a page, by the protocol of the browser's own tools: the page hears of it as of a real one."""

    def __init__(self, visit):
        self.page = visit.page
        self.session = visit.context.new_cdp_session(visit.page)

    def send(self, kind, *points):
        points = [{"x": x, "y": y} for x, y in points]
        self.session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    def swipe(self, place, axis, *steps):
        """Put the finger down, move it in steps along an axis, lift it, and return where marks were after each step."""
        at = dict(zip("xy", place, strict=True))
        self.send("touchStart", (at["x"], at["y"]))
        places = []
        for step in steps:
            at[axis] += step
            self.send("touchMove", (at["x"], at["y"]))
            places.append(self.page.evaluate(PLACES))
        self.send("touchEnd")
        return places


def follows(courses):
    """Whether some mark has gone with a finger for a while: as far as it, and never back.

    A browser keeps the first of a finger's steps to itself, and some things have little way to go.
    """
    for i, j in combinations(range(STEPS + 1), 2):
        far = STEP * (j - i)
        if far < 2 * STEP:
            continue
        for course in courses:
            steps = [after - before for before, after in pairwise(course[i : j + 1])]
            # One step alone may be that to where the finger came down.
            if abs(sum(steps) - far) < SLACK and min(steps) >= 0 and sum(step > 1 for step in steps) > 1:
                return True
    return False


def dragged(finger, k, anew):
    """Drag a thing along either axis, either way, until something follows, and return whether the page stood then.

    It is a new page each time, on which nothing has been dragged to an end.
    """
    page = finger.page
    for axis, way in (("x", 1), ("y", 1), ("x", -1), ("y", -1)):
        anew()
        page.evaluate("(k) => window.things[k].scrollIntoView({ block: 'center', behavior: 'instant' })", k)
        before = page.evaluate(PLACES)
        place = page.evaluate(TAKEN, k)
        assert place, f"no finger reaches {k}"
        places = [before, *finger.swipe(place, axis, *[way * STEP] * STEPS)]
        if follows([[way * at for at in course] for course in zip(*(seen[axis] for seen in places), strict=True)]):
            return abs(places[-1]["scroll"] - before["scroll"]) < 2 * STEP  # words above may take one line more
    return False


MANY = np.linspace(0.0, 1.0, 61)


def call(kind):
    """Return the arguments of a figure, of weight decay so many that what snaps to the nearest goes with a finger."""
    if kind is not WeightDecayExplorer:
        return arguments_of(kind)
    return {
        "decays": MANY,
        "weights": [[1.0 - decay / 2, 2.0 - decay] for decay in MANY],
        "effective": 1 + MANY,
        "calibration": [fit()] * len(MANY),
        "names": ["a", "b"],
    }


@pytest.mark.parametrize(
    "kind",
    # In a bandit a game goes on beneath the finger, and moves the knob and the curve as well.
    short([kind for kind in MADE if kind is not BanditExplorer], SymmetryExplorer),
    ids=lambda kind: kind.__name__,
)
def test_what_can_be_dragged_follows_a_finger_and_elsewhere_the_page_scrolls(browser, site, kind):
    name = write_page(site, f"finger-{kind.__name__}.html", kind(**call(kind)))
    phone = {"viewport": {"width": 380, "height": 800}, "has_touch": True, "is_mobile": True}
    with Visit(browser, **phone, reduced_motion="reduce") as visit:
        page, finger = visit.page, Finger(visit)

        def anew():
            page.goto((site / name).as_uri())
            page.wait_for_function("window.probe.ready > 0")
            return page.evaluate(FIND)

        for k, thing in enumerate(anew()):
            # On a busy machine a browser may take several steps for one; what follows no finger never does.
            assert any(dragged(finger, k, anew) for _ in range(3)), thing
        anew()
        page.evaluate(PLACES)
        empty = page.evaluate(EMPTY)
        assert "words" in empty
        for what in empty:
            anew()
            page.evaluate(PLACES)
            finger.swipe(page.evaluate(EMPTY)[what], "y", *[-STEP] * STEPS)
            page.wait_for_function(f"scrollY > {2 * STEP}")
