"""The live gas and the live walkers: their kernels against the Python functions, and the figures in a browser."""

import math
import re
from itertools import pairwise

import numpy as np
import pytest
from scipy import stats
from short import short
from visit import ARTEFACTS, SMALLEST_TEXT, VIEWS, Visit, check_access, figure, number, out, shown, write_page

import simsoftmax as ss
from simsoftmax.annealing import annealed_distribution, geometric_cooling
from simsoftmax.disorder import rugged_ladder
from simsoftmax.gas import gas_temperature, microcanonical_marginal, simulate_gas
from simsoftmax.kernels.page import annealing as cooling
from simsoftmax.kernels.page import gas as handovers
from simsoftmax.kernels.page.reliability import whisker
from simsoftmax.kernels.seeds import seed_streams
from simsoftmax.live import AnnealingExplorer, GasExplorer

Z = rugged_ladder(12, roughness=1.0, rng=6)
GROUND = Z.max() == Z
OWN = np.array([3.0, 0.5, 0.5, 1.0, 0.1])  # knots of a cooling of one's own


def law(total, particles, size=40):
    boltzmann, exact, state = np.empty(size), np.empty(size), np.empty(3)
    handovers.gas_law(total, particles, 1e-3, boltzmann, exact, state)
    return boltzmann, exact, state


@pytest.mark.parametrize(("total", "particles"), [(1, 2), (6, 2), (6, 6), (30, 20), (50, 100), (40_000, 10_000)])
def test_the_gas_law_is_that_of_the_package(total, particles):
    boltzmann, exact, (temperature, waits, most) = law(total, particles)
    mean = total / particles
    assert temperature == pytest.approx(gas_temperature(mean), rel=1e-14)
    wanted = np.zeros(max(total + 1, exact.size))
    marginal = microcanonical_marginal(total, particles)
    wanted[: marginal.size] = marginal
    wanted[exact.size - 1] = wanted[exact.size - 1 :].sum()
    np.testing.assert_allclose(exact, wanted[: exact.size], rtol=1e-11, atol=1e-14)
    # Boltzmann's law is softmax on the ladder, here cut off where nothing is left.
    ladder = -np.arange(3000.0)
    p = ss.softmax(ladder, temperature)
    np.testing.assert_allclose(boltzmann[:-1], p[: boltzmann.size - 1], rtol=1e-11)
    assert boltzmann.sum() == pytest.approx(1, abs=1e-13)
    assert most == pytest.approx(ss.entropy(ladder, temperature), rel=1e-11)
    assert waits >= np.log(1e3) / -(math.expm1(-1 / (2 * temperature)) ** 2) * (1 - 1e-12)


def test_the_tally_counts_every_particle_once(rng):
    quanta = rng.poisson(3, 1000).astype(np.int32)
    counts, shares = np.zeros(6, dtype=np.int64), np.empty(6)
    for times in (1, 2):
        handovers.tally(quanta, counts, shares)
        np.testing.assert_array_equal(counts, times * np.bincount(np.minimum(quanta, 5), minlength=6))
    np.testing.assert_allclose(shares, counts / counts.sum())


def read(none, total, particles):
    reading = np.empty(2)
    handovers.read_thermometer(none, total, particles, reading)
    return reading


@pytest.mark.parametrize("mean", short([0.5, 1.0, 4.0]))
def test_the_thermometer_reads_the_temperature_with_the_error_that_it_states(mean, rng, alarm):
    particles, gases = 1000, 400
    quanta = simulate_gas(mean, particles=particles, gases=gases, rng=rng).quanta
    readings = np.array([read((q == 0).mean(), q.sum(), particles) for q in quanta])
    error = readings[0, 1]
    # The share without quanta falls short of Boltzmann's by a part of 1/N: less than the error of the average.
    z = (readings[:, 0].mean() - gas_temperature(mean)) / (error / np.sqrt(gases))
    assert abs(z) < stats.norm.isf(alarm / 2) + 2
    spread = readings[:, 0].var(ddof=1) / error**2 * (gases - 1)
    # The formula is that of large N: give it 2 % of the variance.
    assert stats.chi2.isf(1 - alarm / 2, gases - 1) * 0.98 < spread < stats.chi2.isf(alarm / 2, gases - 1) * 1.02
    assert abs(read(0.5, particles, particles)[0] - 1 / np.log(2)) < 1e-14


def test_the_thermometer_does_not_read_the_energy():
    """Negative control: gases of one energy that have not settled read anything from 0 to infinity."""
    assert read(1.0, 1000, 1000)[0] == 0
    assert read(0.0, 1000, 1000)[0] == np.inf
    assert read(0.9, 1000, 1000)[0] == pytest.approx(1 / np.log(10))


@pytest.mark.parametrize(("hot", "cold", "sweeps"), [(3.0, 0.1, 1), (3.0, 0.1, 2), (5.0, 0.3, 70), (0.1, 0.1, 50)])
def test_cooling_is_that_of_the_package(hot, cold, sweeps):
    schedule = geometric_cooling(hot, cold, sweeps)
    knots = np.array([hot, cold])
    mine = [cooling.cooled(knots, sweeps, sweep) for sweep in range(sweeps)]
    np.testing.assert_allclose(mine, schedule, rtol=1e-13)
    p, (e, w, before) = np.full(Z.size, 1 / Z.size), np.empty((3, Z.size))
    for first, last in ((0, sweeps // 3), (sweeps // 3, sweeps)):
        cooling.anneal_exactly(p, Z, knots, sweeps, first, last, e, w, before)
    np.testing.assert_allclose(p, annealed_distribution(Z, schedule), rtol=1e-11, atol=1e-15)


def test_a_cooling_of_ones_own_goes_through_its_knots():
    """At even distances, and from each to the next by equal factors."""
    sweeps = 4 * 50 + 1
    mine = np.array([cooling.cooled(OWN, sweeps, sweep) for sweep in range(sweeps)])
    np.testing.assert_allclose(mine[::50], OWN, rtol=1e-13)
    parts = [np.geomspace(*pair, 51)[:-1] for pair in pairwise(OWN)]
    np.testing.assert_allclose(mine, np.append(np.concatenate(parts), OWN[-1]), rtol=1e-12)
    assert [cooling.cooled(OWN, 1, 0), cooling.cooled(OWN, 2, 0), cooling.cooled(OWN, 2, 1)] == [3.0, 3.0, 0.1]


def test_walkers_follow_the_exact_distribution(rng, alarm):
    hot, cold, sweeps = 3.0, 0.2, 60
    states = (np.arange(60_000) % Z.size).astype(np.uint8)
    stream = seed_streams(int(rng.integers(2**63)), 1)[0]
    e, w = np.empty((2, Z.size))
    for first in range(0, sweeps, 20):
        cooling.anneal_walkers(states, Z, np.array([hot, cold]), sweeps, first, first + 20, e, w, stream)
    counts = np.bincount(states, minlength=Z.size)
    p = annealed_distribution(Z, geometric_cooling(hot, cold, sweeps))
    likely = p * states.size > 20  # the rest is one cell
    cells = [np.append(x[likely], x[~likely].sum()) for x in (counts, p * states.size)]
    cells = [x[cells[1] > 0] for x in cells]
    # Starts are dealt out evenly, not drawn, so the counts vary a little less than the test allows for.
    assert stats.chisquare(cells[0], cells[1] * states.size / cells[1].sum()).pvalue > alarm
    quenched = annealed_distribution(Z, np.full(sweeps, cold))[likely] * states.size
    assert (
        stats.chisquare(cells[0][: likely.sum()], quenched * cells[0][: likely.sum()].sum() / quenched.sum()).pvalue
        < alarm
    )


def test_the_page_computes_what_python_computes(page, rng):
    quanta = rng.poisson(2, 300).astype(np.int32)
    states = rng.integers(0, Z.size, 500).astype(np.uint8)
    streams = seed_streams(int(rng.integers(2**63)), 2)
    work = np.zeros(Z.size)
    cases = [
        ("exchange", handovers.exchange, [quanta, 2**31 - 1, streams[0], 5000]),
        ("tally", handovers.tally, [quanta, np.zeros(7, dtype=np.int64), np.zeros(7)]),
        ("gas_law", handovers.gas_law, [6, 6, 1e-3, np.zeros(9), np.zeros(9), np.zeros(3)]),
        ("gas_law", handovers.gas_law, [40_000, 10_000, 1e-3, np.zeros(9), np.zeros(9), np.zeros(3)]),
        ("read_thermometer", handovers.read_thermometer, [0.45, 100, 50, np.zeros(2)]),
        ("read_thermometer", handovers.read_thermometer, [0.0, 100, 50, np.zeros(2)]),
        ("cooled", cooling.cooled, [OWN, 300, 77]),
        ("anneal_walkers", cooling.anneal_walkers, [states, Z, OWN, 90, 10, 80, work, work, streams[1]]),
        ("anneal_exactly", cooling.anneal_exactly, [work + 1 / Z.size, Z, OWN, 90, 10, 80, work, work, work]),
        ("whisker", whisker, [577, 1000, 0.025, 1]),
    ]
    copied = [[np.copy(a) if isinstance(a, np.ndarray) else a for a in args] for _, _, args in cases]
    answers = page.call(
        [(name, [np.copy(a) if isinstance(a, np.ndarray) else a for a in args]) for name, _, args in cases]
    )
    for (name, kernel, _), mine, (result, theirs) in zip(cases, copied, answers, strict=True):
        native = kernel(*mine)
        assert result == (None if native is None else pytest.approx(native, rel=1e-12)), name
        for ours, left in zip(mine, theirs, strict=True):
            if isinstance(ours, np.ndarray):
                np.testing.assert_allclose(left, ours, rtol=1e-11, atol=1e-15, err_msg=name)


@pytest.mark.parametrize("figure", [GasExplorer(2.0, particles=6), AnnealingExplorer(Z)], ids=["gas", "annealing"])
def test_a_figure_has_a_picture_and_words_for_where_it_cannot_live(figure):
    data = figure._repr_mimebundle_()[0]
    assert data["image/svg+xml"].lstrip().startswith("<?xml")
    assert "<svg" in data["image/svg+xml"]
    assert figure.title in data["text/plain"]


@pytest.mark.parametrize(
    ("make", "named"),
    [
        (lambda: GasExplorer(0.0), "mean_quanta"),
        (lambda: GasExplorer(np.nan), "mean_quanta"),
        (lambda: GasExplorer(particles=1), "particles"),
        (lambda: GasExplorer(speed=0.0), "speed"),
        (lambda: GasExplorer(temperature=1.0), "temperature"),
        (lambda: AnnealingExplorer([1.0, 2.0]), "logits"),
        (lambda: AnnealingExplorer([1.0, 2.0, -np.inf]), "logits"),
        (lambda: AnnealingExplorer(Z, cold=0.0), "cold"),
        (lambda: AnnealingExplorer(Z, hot=0.1, cold=0.2), "hot"),
        (lambda: setattr(AnnealingExplorer(Z), "cold", 5.0), "cold must be no higher than hot"),
        (lambda: AnnealingExplorer(Z, sweeps=0), "sweeps"),
        (lambda: AnnealingExplorer(Z, schedule=[1.0]), "schedule must hold 2 to 12"),
        (lambda: AnnealingExplorer(Z, schedule=[1.0, 0.0]), "schedule must be from 0.05"),
        (lambda: AnnealingExplorer(Z, walkers=10**6), "walkers"),
    ],
)
def test_a_wrong_argument_is_named(make, named):
    with pytest.raises((ValueError, TypeError), match=named):
        make()


@pytest.mark.browser
def test_a_gas_in_a_page_finds_its_temperature(browser, site):
    """The numbers of theory are Python's; those that are seen lie within six standard errors of them."""
    particles = 10_000
    name = write_page(site, "gas.html", GasExplorer(2.0, particles=particles, speed=240, rng=1))
    with Visit(browser, hurry=True) as visit:
        visit.open((site / name).as_uri())
        root = figure(visit, 0)
        root.locator("[data-out=verdict]", has_text="Nobody set a temperature").wait_for()
        root.get_by_role("button", name="pause").click()
        t = gas_temperature(2.0)
        assert root.locator("[data-remark=reading]").text_content() == f"the mean energy sets {t:.2f}"
        assert out(root, "total") == "20,000"
        p = ss.softmax(-np.arange(200.0), t)
        for level in range(6):
            assert root.locator(f"[data-expected='{level}']").text_content() == shown(p[level])
            seen = number(root.locator(f"[data-observed='{level}']").text_content())
            assert abs(seen - p[level]) < 6 * math.sqrt(p[level] * (1 - p[level]) / particles) + 5e-4
        reading, error = map(number, out(root, "reading").split("\u00a0±\u00a0"))
        assert abs(reading - t) < 6 * read(p[0], 2 * particles, particles)[1] + error / 2 + 5e-3
        assert (
            root.locator("[data-remark=entropy]").text_content() == f"largest {shown(ss.entropy(-np.arange(500.0), t))}"
        )
        root.get_by_text("more", exact=True).click()
        for label, value in [("particles", "1000"), ("quanta a particle", "0.5")]:
            root.get_by_label(re.compile(f"^{label}")).select_option(value)
        assert out(root, "total") == "500"
        root.get_by_role("button", name="start with a rich tenth").click()
        root.get_by_role("button", name="pause").click()
        root.get_by_role("button", name="step").click()
        assert out(root, "total") == "500"


@pytest.mark.browser
def test_a_wall_keeps_two_gases_apart_until_it_is_taken_away(browser, site):
    """Each side reads the temperature of its own energy, within six standard errors; without the wall, that of both."""
    particles, half = 20_000, 10_000
    name = write_page(site, "wall.html", GasExplorer(1.0, particles=particles, speed=240, wall=True, rng=1))

    def readings(root):
        return [number(text) for text in out(root, "reading").split("\u2002|\u2002")]

    with Visit(browser, hurry=True) as visit:
        visit.open((site / name).as_uri())
        root = figure(visit, 0)
        root.locator("[data-out=verdict]", has_text="Two gases, two temperatures").wait_for()
        own = [gas_temperature(1.6), gas_temperature(0.4)]
        for seen, t, total in zip(readings(root), own, (1.6 * half, 0.4 * half), strict=True):
            assert abs(seen - t) < 6 * read(-math.expm1(-1 / t), total, half)[1] + 5e-3
        apart = number(out(root, "entropy"))
        root.get_by_text("more", exact=True).click()
        root.get_by_role("button", name="take the wall away").click()
        root.locator("[data-out=verdict]", has_text="Two gases that touch").wait_for()
        t = gas_temperature(1.0)
        for seen in readings(root):
            # The energy of a half is not fixed any more; its share of those without a quantum varies by q(1 - q) / n.
            none = -math.expm1(-1 / t)
            assert abs(seen - t) < 6 * t**2 * math.sqrt(none / (1 - none) / half) + 5e-3
        assert number(out(root, "entropy")) > apart + 0.05
        assert out(root, "total") == "20,000"
        root.get_by_role("button", name="start even").click()
        root.locator("[data-out=verdict]", has_text="Nobody set a temperature").wait_for()


@pytest.mark.browser
def test_handovers_are_seen_one_by_one(browser, site):
    """Each is one quantum from one particle to another, and the gas keeps all."""
    name = write_page(site, "slow.html", GasExplorer(1.0, particles=1000, rng=1))
    with Visit(browser) as visit:
        visit.open((site / name).as_uri())
        root = figure(visit, 0)
        root.get_by_role("button", name="one by one").click()
        total = root.locator("[data-out=total]")
        total.filter(has_text=re.compile("^20$")).wait_for()
        seen = "() => [...document.querySelectorAll('[data-observed]')].map((node) => Number(node.textContent))"
        last, steps = None, []
        for _ in range(200):
            shares = np.round(20 * np.array(visit.page.evaluate(seen))).astype(int)[::-1]
            if last is not None and (shares != last).any():
                steps.append(shares - last)
            last = shares
            if len(steps) == 3:
                break
            visit.frames(3)
        assert len(steps) == 3
        for change in steps:
            assert change.sum() == 0
            assert np.abs(change).sum() <= 4  # two particles moved, each by one rung
            assert change @ np.arange(change.size) == 0


@pytest.mark.browser
def test_six_particles_follow_the_exact_law_and_not_softmax(browser, site):
    name = write_page(site, "few.html", GasExplorer(1.0, particles=6, average=True, speed=10_000, rng=1))
    with Visit(browser, hurry=True) as visit:
        visit.open((site / name).as_uri())
        root = figure(visit, 0)
        root.locator("[data-out=verdict]", has_text="poor heat bath").wait_for()
        visit.page.wait_for_function(
            "Number(document.querySelector('[data-out=sweeps]').textContent.replace(/,/g, '')) > 20000"
        )
        exact = microcanonical_marginal(6, 6)
        seen = number(root.locator("[data-observed='0']").text_content())
        assert root.locator("[data-expected='0']").text_content() == shown(exact[0])
        # 20,000 sweeps hold about 1000 independent looks at six particles.
        assert abs(seen - exact[0]) < 6 * math.sqrt(0.25 / 6000)
        assert root.locator(".ssm-softmax").count() > 4


def rate(text):
    return [number(part.split(" %")[0].removeprefix("exact ")) / 100 for part in text.split(", ")]


def check_race(root, sweeps, knots, walkers=2000):
    """What stands over the two landscapes is Python's, and what is seen lies within six standard errors of it."""
    rates = {}
    for side, temperatures in knots.items():
        schedule = [cooling.cooled(np.array(temperatures), sweeps, n) for n in range(sweeps)]
        p = annealed_distribution(Z, np.array(schedule))[GROUND].sum()
        seen, exact = rate(out(root, side))
        assert exact == pytest.approx(p, abs=5.1e-4)
        assert abs(seen - p) < 6 * math.sqrt(p * (1 - p) / walkers) + 5e-4
        assert root.locator(f"[data-found={side}-{sweeps}]").count() == 1
        rates[side] = p
    return rates


@pytest.mark.browser
@pytest.mark.slow
def test_a_curve_of_ones_own_succeeds_as_often_as_it_should(browser, site):
    own = write_page(site, "own.html", AnnealingExplorer(Z, sweeps=30, walkers=2000, schedule=OWN, rng=1))
    with Visit(browser) as visit:
        visit.open((site / own).as_uri())
        root = figure(visit, 0)
        root.locator("[data-out=verdict]", has_text="Your curve foretells").wait_for()
        rates = check_race(root, 30, {"haste": [0.1, 0.1], "patience": OWN})
        even = annealed_distribution(Z, geometric_cooling(3.0, 0.1, 30))[GROUND].sum()
        words = f"Your curve foretells {100 * rates['patience']:.1f} %, equal factors {100 * even:.1f} %."
        assert out(root, "verdict").endswith(words)


@pytest.mark.browser
def test_haste_and_patience_succeed_as_often_as_they_should(browser, site):
    name = write_page(site, "annealing.html", AnnealingExplorer(Z, sweeps=30, walkers=2000, rng=1))
    with Visit(browser, hurry=True) as visit:
        visit.open((site / name).as_uri())
        root = figure(visit, 0)
        root.locator("[data-out=verdict]", has_text="After 30 sweeps").wait_for()
        check_race(root, 30, {"haste": [0.1, 0.1], "patience": [3.0, 0.1]})
        slider = root.get_by_role("slider", name="sweeps")
        slider.focus()
        visit.page.keyboard.press("ArrowRight")
        assert out(root, "length") == "100"
        root.locator("[data-found=haste-100]").wait_for()  # a new length races at once


@pytest.mark.browser
@pytest.mark.slow
def test_all_lengths_can_be_tried(browser, site):
    name = write_page(site, "lengths.html", AnnealingExplorer(Z, sweeps=30, walkers=2000, running=False, rng=1))
    with Visit(browser) as visit:
        visit.open((site / name).as_uri())
        root = figure(visit, 0)
        root.get_by_text("more", exact=True).click()
        root.get_by_role("button", name="try all lengths").click()
        root.locator("[data-found=patience-10000]").wait_for()
        assert root.locator("[data-found]").count() == 14


@pytest.mark.browser
@pytest.mark.parametrize("how", short(["mouse", "finger", "keyboard"], "keyboard"))
def test_the_ground_and_the_cooling_can_be_moved(browser, site, how):
    name = write_page(site, f"moved-{how}.html", AnnealingExplorer(Z, sweeps=30, walkers=500, running=False, rng=1))
    with Visit(browser, hurry=True, viewport={"width": 420, "height": 900}, has_touch=True) as visit:
        visit.open((site / name).as_uri())
        root = figure(visit, 0)
        touch = visit.context.new_cdp_session(visit.page)

        def pull(node, far):
            if how == "mouse":
                visit.drag(node, 0, far)
                return
            node.scroll_into_view_if_needed()
            box = node.bounding_box()
            x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
            for kind, at in [("touchStart", 0), ("touchMove", far / 2), ("touchMove", far), ("touchEnd", None)]:
                points = [] if at is None else [{"x": x, "y": y + at}]
                touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

        ground = root.get_by_role("slider", name="Height of the ground, haste")
        knob = root.get_by_role("slider", name="Temperature after 50 % of the run")
        before = number(ground.get_attribute("aria-valuenow")), number(knob.get_attribute("aria-valuenow"))
        if how == "keyboard":
            for key in ("PageUp", "ArrowUp"):
                ground.press(key)
                knob.press(key)
        else:
            level = int(np.argmin(Z))  # the handle stands on the highest hill
            pull(root.locator(".ssm-ladder").first.locator(".ssm-catch").nth(level), -30)
            pull(root.locator(".ssm-frame .ssm-catch").nth(2), -30)
        after = number(ground.get_attribute("aria-valuenow")), number(knob.get_attribute("aria-valuenow"))
        assert after[0] > before[0] + 0.05
        assert after[1] > before[1] * 1.3
        root.locator("[data-out=verdict]", has_text="Your curve foretells").wait_for()  # it races at once


OVERPRINTED = """
(root) => {
  const boxes = [...root.querySelectorAll(".ssm-ladder text")].filter((node) => node.textContent)
    .map((node) => [node.textContent, node.getBoundingClientRect()]);
  const { left, right } = root.getBoundingClientRect();
  const meet = (a, b) => a.left < b.right && b.left < a.right && a.top + 3 < b.bottom && b.top + 3 < a.bottom;
  return boxes.flatMap(([text, box], i) => [
    ...boxes.slice(0, i).filter(([, other]) => meet(box, other)).map(([other]) => `${other} / ${text}`),
    ...(box.left < left - 1 || box.right > right + 1 ? [`${text} sticks out`] : []),
  ]);
}
"""


@pytest.mark.browser
@pytest.mark.parametrize("view", short(["light", "narrow"], "narrow"))
def test_numbers_of_valleys_do_not_overprint(browser, site, view):
    """Neither on the landscape of the book nor where every second level of forty is a valley."""
    many = AnnealingExplorer([0.0, 1.0] * 20, hot=1.0, cold=1.0, running=False)
    widgets = AnnealingExplorer(rugged_ladder(20, roughness=1.0, rng=6), running=False), many
    name = write_page(site, f"valleys-{view}.html", *widgets)
    with Visit(browser, **VIEWS[view]) as visit:
        visit.open((site / name).as_uri())
        for which, valleys in enumerate([5, 20]):
            texts = figure(visit, which).locator(".ssm-ladder").first.locator(".ssm-valley")
            texts.nth(valleys - 1).wait_for()
            assert texts.count() == valleys
            assert figure(visit, which).evaluate(OVERPRINTED) == []


# Over a number of frames: how many points of dots lie inside the ground or above the frame, and how many there are.
WATCH_DOTS = """
async (root, frames) => {
  const canvas = root.querySelector("canvas");
  const ground = root.querySelector(".ssm-ladder .ssm-ground");
  const top = Number(root.querySelector(".ssm-ladder .ssm-hair").getAttribute("y1"));
  const ratio = canvas.width / canvas.clientWidth;
  const seen = { inside: 0, above: 0, all: 0 };
  for (let frame = 0; frame < frames; frame += 1) {
    await new Promise(requestAnimationFrame);
    const { data, width, height } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    for (let y = 0; y < height; y += 1) {
      for (let x = 0; x < width; x += 1) {
        if (data[4 * (y * width + x) + 3] < 128) continue;
        const spot = new DOMPoint((x + 0.5) / ratio, (y + 0.5) / ratio);
        seen.all += 1;
        seen.above += spot.y < top;
        seen.inside += ground.isPointInFill(spot);
      }
    }
  }
  return seen;
}
"""


@pytest.mark.browser
@pytest.mark.parametrize("view", short(["light", "narrow"]))
def test_dots_stand_on_the_landscape_also_while_their_walkers_run(browser, site, view):
    ladder = rugged_ladder(20, roughness=1.0, rng=6)
    name = write_page(site, f"hot-{view}.html", AnnealingExplorer(ladder, sweeps=30_000, hot=20.0, cold=2.0, rng=1))
    with Visit(browser, **VIEWS[view]) as visit:
        visit.open((site / name).as_uri())
        root = figure(visit, 0)
        root.locator("[data-out=verdict]", has_text="still hot").wait_for()
        seen = root.evaluate(WATCH_DOTS, 20)
        assert "still hot" in out(root, "verdict")
        assert seen["all"] > 20 * 500
        assert (seen["inside"], seen["above"]) == (0, 0)


@pytest.mark.browser
@pytest.mark.parametrize("view", short(["light", "narrow"], "narrow"))
def test_a_heap_of_all_dots_fits_into_the_picture(browser, site, view):
    slope = -0.5 * np.arange(40.0)
    name = write_page(site, f"heap-{view}.html", AnnealingExplorer(slope, sweeps=300, cold=0.05, rng=1))
    with Visit(browser, hurry=True, **VIEWS[view]) as visit:
        visit.open((site / name).as_uri())
        root = figure(visit, 0)
        root.locator("[data-out=verdict]", has_text="After 300 sweeps").wait_for()
        assert rate(out(root, "haste"))[0] > 0.99
        visit.rest()
        seen = root.evaluate(WATCH_DOTS, 1)
        assert seen["all"] > 500
        assert (seen["inside"], seen["above"]) == (0, 0)


@pytest.mark.browser
@pytest.mark.parametrize("view", short(VIEWS, "narrow-dark"))
def test_everybody_can_read_them(browser, site, view):
    evil = "<img src=x onerror=alert(1)>"
    widgets = GasExplorer(4.0, title=evil), AnnealingExplorer(Z, caption=evil)
    name = write_page(site, f"gas-{view}.html", *widgets)
    with Visit(browser, **VIEWS[view]) as visit:
        visit.open((site / name).as_uri())
        visit.frames(20)
        ARTEFACTS.mkdir(exist_ok=True)
        for which, kind in enumerate(["gas", "annealing"]):
            figure(visit, which).screenshot(path=ARTEFACTS / f"{kind}-{view}.png")
            assert figure(visit, which).locator("img").count() == 0
        assert visit.page.evaluate("document.documentElement.scrollWidth") <= VIEWS[view]["viewport"]["width"]
        assert visit.page.evaluate(SMALLEST_TEXT) >= 11
        check_access(visit.page)


@pytest.mark.browser
def test_they_rest_out_of_sight(browser, site):
    name = write_page(site, "gas-rest.html", GasExplorer(), AnnealingExplorer(Z, sweeps=30_000))
    with Visit(browser, viewport={"width": 1200, "height": 700}) as visit:
        visit.open((site / name).as_uri())
        visit.frames(6)
        visit.page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
        visit.rest()


def test_python_sets_and_reads():
    gas = GasExplorer(1.5, particles=3)
    assert gas.total == 5
    gas.set_state({"reading": "inf", "counts": [1, 2], "average": True})
    assert gas.reading == np.inf
    assert gas.counts == [1, 2]
    walkers = AnnealingExplorer(Z, sweeps=7)
    found = {"quench": True, "sweeps": 7, "found": 3, "walkers": 10}
    walkers.set_state({"results": [found]})
    assert walkers.results == [found]
