"""Particles as piles: every grain is drawn, a pile is as high as its share, a meter reads the evidence of Python."""

import math

import numpy as np
import pytest
from patience import until
from short import short
from visit import VIEWS, Visit, figure, number, share, type_into, write_page

import simsoftmax as ss
from simsoftmax.live import ParticleExplorer, TemperatureExplorer

pytestmark = pytest.mark.browser

LOGITS = [2.0, 1.0, 0.1]

# For each level from the top, in pixels of the screen: how many are filled between its shelf and the next, how high
# they are at the left end, and how high its dashed line stands above the shelf.
PILES = """(root) => {
  const canvas = root.querySelector(".ssm-piles canvas");
  const ratio = canvas.width / canvas.clientWidth;
  const { data, width } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  let above = 0;
  return [...root.querySelectorAll(".ssm-piles g > g:has(.ssm-level)")].map((g) => {
    const foot = Math.round(Number(/,([-\\d.]+)/.exec(g.getAttribute("transform"))[1]) * ratio);
    let filled = 0;
    for (let at = above * width; at < foot * width; at += 1) filled += data[4 * at + 3] > 0;
    const at = Math.round(Number(g.querySelector(".ssm-level").getAttribute("x1")) * ratio) + 1;
    let top = foot - 1;
    while (top > above && data[4 * ((top - 1) * width + at) + 3] > 0) top -= 1;
    above = foot;
    return { filled, height: foot - top, due: -Number(g.querySelector(".ssm-due").getAttribute("y1")) * ratio };
  });
}"""


@pytest.fixture
def still(site):
    """Return a function that writes a page of particles that do not move."""
    return lambda name, **options: write_page(
        site, name, ParticleExplorer(LOGITS, 0.7, running=False, rng=1, **options)
    )


@pytest.mark.parametrize(("view", "particles"), short([("light", 800), ("narrow", 20_000)], ("narrow", 20_000)))
def test_every_particle_is_a_grain_of_its_pile(browser, site, still, view, particles):
    name = still("grains.html", particles=particles)
    with Visit(browser, **VIEWS[view]) as visit:
        visit.open((site / name).as_uri())
        root = figure(visit, 0)
        piles = root.evaluate(PILES)
        counts = [math.ceil(particles / 3), round(particles / 3), math.floor(particles / 3)]  # evenly, the first first
        filled = np.array([pile["filled"] for pile in piles], dtype=float)
        assert filled.min() > 0
        assert filled / filled.sum() == pytest.approx(np.array(counts[::-1]) / particles, abs=2 / particles)
        if particles == 20_000:  # grains without a seam: whole pixels each
            assert (filled / np.array(counts[::-1])) == pytest.approx(round(filled.sum() / particles), rel=1e-3)


# The mean darkness within the tallest pile, from 0 to 1: of its whole rows, from its left end to its right.
DARKNESS = """(root) => {
  const canvas = root.querySelector(".ssm-piles canvas");
  const { data, width, height } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  let [left, right] = [width, 0];
  const rows = Array.from({ length: height }, (_, y) => {
    let sum = 0;
    for (let x = 0; x < width; x += 1) {
      const alpha = data[4 * (y * width + x) + 3];
      sum += alpha;
      if (alpha) [left, right] = [Math.min(left, x), Math.max(right, x)];
    }
    return sum;
  });
  // Piles are apart by more than the rows of their grains are.
  const filled = rows.flatMap((sum, y) => (sum ? [y] : []));
  let best = [];
  let run = [];
  for (const y of filled) {
    run = y - (run.at(-1) ?? y) < 6 ? [...run, y] : [y];
    if (run.length > best.length) best = run;
  }
  const [top, bottom] = [best[0], best.at(-1)];
  const whole = rows.slice(Math.round((top + bottom) / 2), bottom + 1); // the row at its top has but some of its grains
  return whole.reduce((total, sum) => total + sum, 0) / (255 * whole.length * (right - left + 1));
}"""


@pytest.mark.parametrize(("width", "particles"), short([(1200, 20_000), (380, 20_000), (1200, 3_000)]))
def test_piles_are_as_dark_on_every_screen(browser, site, width, particles):
    explorer = ParticleExplorer([4.0, 1.0, 0.1], 0.7, start="cold", running=False, particles=particles, rng=1)
    name = write_page(site, "dark.html", explorer)
    dark = []
    for sharpness in (1.5, 1, 2, 3) if width == 380 else (1.5, 3):
        viewport = {"width": width, "height": 900}
        with Visit(browser, viewport=viewport, device_scale_factor=sharpness, reduced_motion="reduce") as visit:
            visit.open((site / name).as_uri())
            visit.rest()
            dark.append(figure(visit, 0).evaluate(DARKNESS))
    assert min(dark) > 0.6, dark
    assert max(dark) - min(dark) < 0.03, dark


@pytest.mark.parametrize("sharpness", short([1, 3], 3))
def test_piles_keep_to_their_levels_beside_long_names(browser, site, sharpness):
    """Where there is little room, and few pixels, all grains are drawn, and none makes the piles too high for it."""
    names = ["omitted -5.09", "empty -4.48", "called -3.54", "used -3.16"]
    explorer = ParticleExplorer([0, 0.61, 1.55, 1.93], names=names, running=False, particles=100_000, rng=1)
    name = write_page(site, "names.html", explorer)
    with Visit(browser, viewport={"width": 380, "height": 800}, device_scale_factor=sharpness) as visit:
        visit.open((site / name).as_uri())
        root = figure(visit, 0)
        piles = root.evaluate(PILES)
        assert sum(pile["filled"] for pile in piles) % 20_000 <= 4
        box = root.locator(".ssm-piles").bounding_box()
        for level in root.locator(".ssm-level").all():
            place = level.bounding_box()
            assert box["y"] < place["y"] < box["y"] + box["height"]


@pytest.mark.parametrize("temperature", short([0.4, np.inf, 0.0, 2.0]))
def test_a_dashed_line_says_how_high_softmax_would_have_the_pile(browser, site, still, temperature):
    name = still("lines.html", start="cold")
    with Visit(browser) as visit:
        visit.open((site / name).as_uri())
        root = figure(visit, 0)
        full = root.evaluate(PILES)[-1]
        type_into(root, "Temperature T", str(temperature))
        piles = root.evaluate(PILES)
        p = ss.softmax(LOGITS, temperature)[::-1]
        due = np.array([pile["due"] for pile in piles])
        assert due / due.sum() == pytest.approx(p, abs=1e-6)
        # a line at all would stand where the pile that holds all ends, but for a row of grains
        assert full["height"] == pytest.approx(due.sum(), abs=2)


def test_the_meter_reads_what_python_reads(browser, site):
    """A thousand particles, so that the percentages in sight are whole counts: the evidence is that of `EProcess`."""
    name = write_page(
        site, "meter.html", ParticleExplorer(LOGITS, 0.7, particles=1000, fault=0.4, rng=3, running=False)
    )
    with Visit(browser) as visit:
        visit.open((site / name).as_uri())
        root = figure(visit, 0)
        meter = root.get_by_role("meter", name="evidence against softmax")

        def reading():
            return meter.get_attribute("aria-valuenow"), meter.get_attribute("aria-valuetext")

        assert reading() == ("0.0", "none yet")
        root.get_by_text("more", exact=True).click()
        step = root.get_by_role("button", name="step")
        watch = ss.EProcess(LOGITS, 0.7)
        for _ in range(2):  # batches of draws, each when the last is forgotten
            before = reading()
            while (now := reading()) == before:
                step.press("Enter")
            watch.update([round(1000 * number(share(root, "observed", k))) for k in range(3)])
            assert float(now[0]) == pytest.approx(watch.log_evidence / math.log(10), abs=0.051)
            assert now[1].endswith(": caught") == watch.alarm(0.01)
        assert watch.alarm(1e-6)


def test_who_cheats_is_caught_and_who_is_fair_again_begins_anew(browser, site):
    name = write_page(site, "cheat.html", ParticleExplorer(LOGITS, 0.7, particles=100_000, rng=2))
    with Visit(browser, hurry=True) as visit:
        visit.open((site / name).as_uri())
        root = figure(visit, 0)
        meter = root.get_by_role("meter")
        wait = {"wait": lambda seconds: visit.page.wait_for_timeout(1000 * seconds)}
        root.get_by_role("button", name="now cheat by 5 %").click()
        until(lambda: meter.get_attribute("aria-valuetext").endswith(": caught"), **wait)
        root.locator("[data-out=verdict]", has_text="do not follow softmax").wait_for()
        root.get_by_role("button", name="be fair again").click()
        until(lambda: "caught" not in meter.get_attribute("aria-valuetext"), **wait)
        until(lambda: meter.get_attribute("aria-valuetext").startswith("1 to "), **wait)


MANY_FRAMES = """new Promise((done) => {
  let left = 200;
  const count = () => (left-- ? requestAnimationFrame(count) : done());
  count();
})"""


@pytest.mark.slow
def test_a_tour_turns_the_heat_until_somebody_touches_it(browser, site):
    name = write_page(site, "tour.html", ParticleExplorer(LOGITS, 0.7, tour=True, particles=1000, rng=2))
    for motion in ("no-preference", "reduce"):
        with Visit(browser, reduced_motion=motion) as visit:
            visit.open((site / name).as_uri())
            knob = figure(visit, 0).locator(".ssm-knob")

            def heat(knob=knob):
                return float(knob.get_attribute("aria-valuenow"))

            if motion == "reduce":
                visit.page.evaluate(MANY_FRAMES)  # the tour would be in the cold
                assert heat() == 0.7
                continue
            until(lambda: heat() < 0.5, wait=lambda seconds: visit.page.wait_for_timeout(1000 * seconds))
            knob.press("ArrowUp")
            still = heat()
            visit.frames(20)
            assert heat() == still


@pytest.mark.parametrize("way", ["up", "along"])
def test_a_finger_scrolls_over_a_flat_thermometer_and_turns_it_sideways(browser, site, still, way):
    name = still("touch.html")
    with Visit(browser, viewport={"width": 380, "height": 700}, has_touch=True, is_mobile=True) as visit:
        visit.open((site / name).as_uri())
        root = figure(visit, 0)
        box = root.locator(".ssm-thermometer rect").bounding_box()
        x, y = box["x"] + 0.8 * box["width"], box["y"] + box["height"] / 2
        touch = visit.context.new_cdp_session(visit.page)

        def send(kind, *steps):
            sideways, up = (1, 0) if way == "along" else (0, 1)
            points = [{"x": x - step * sideways, "y": y - step * up} for step in steps]
            touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

        def heat():
            return float(root.locator(".ssm-thermometer .ssm-knob").get_attribute("aria-valuenow"))

        send("touchStart", 0)
        for step in range(10, 61, 10):
            send("touchMove", step)
        send("touchEnd")
        turned = "() => document.querySelector('.ssm-knob').ariaValueNow !== '0.7'"
        visit.page.wait_for_function("() => scrollY > 20" if way == "up" else turned)
        assert (heat() == 0.7) == (way == "up")
        assert (visit.page.evaluate("scrollY") == 0) == (way == "along")


@pytest.mark.parametrize("kind", short([ParticleExplorer, TemperatureExplorer]))
def test_a_finger_drags_a_level_and_scrolls_beside_it(browser, site, kind):
    name = write_page(site, "levels.html", kind([2.0, 1.0, 0.1], names=["a", "b", "c"]))
    with Visit(browser, viewport={"width": 380, "height": 800}, has_touch=True, is_mobile=True) as visit:
        visit.open((site / name).as_uri())
        root = figure(visit, 0)
        level = root.get_by_role("slider", name="Energy of c")
        touch = visit.context.new_cdp_session(visit.page)

        def swipe(node, far):
            box = node.bounding_box()
            x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
            for step in range(9):
                kind, points = "touchMove" if step else "touchStart", [{"x": x, "y": y + far * step / 8}]
                touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

        def let_go():
            touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})

        before = level.bounding_box()["y"]
        swipe(level, 48)
        assert level.bounding_box()["y"] == pytest.approx(before + 48, abs=6)  # it is under the finger, all the way
        assert visit.page.evaluate("scrollY") == 0
        let_go()
        swipe(root.locator(".ssm-title"), -60)  # it is no level: there a finger scrolls, as everywhere in the page
        let_go()
        visit.page.wait_for_function("() => scrollY > 20")
