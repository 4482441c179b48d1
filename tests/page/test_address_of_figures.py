"""The address of a page carries what its reader has set in the figures."""

import itertools
from urllib.parse import quote

import pytest
from short import short
from test_widgets import MADE, Z, arguments_of, fit
from visit import ALL_READY, BROKEN, STARTED, UNFOLD, WHOLE, Visit, figure, path_of, type_into, write_page

from simsoftmax.live import CalibrationExplorer, FreeEnergyExplorer, ParticleExplorer, TemperatureExplorer

pytestmark = pytest.mark.browser

# What stands behind each figure of the page, by its place.
TRAITS = """
const traits = new WeakMap();
document.addEventListener("simsoftmax:ready", ({ target, detail }) => traits.set(target, detail.get));
window.trait = (place, name) => traits.get(document.querySelectorAll(".ssm")[place])(name);
"""
STANDS = "document.documentElement.dataset.live === 'done'"
ALIVE = "document.querySelectorAll('[data-live=alive]').length"

# Whether the address says of every trait what it is, where that is not what it was at first.
SAYS = """(figures) => {
  const said = new URLSearchParams(location.search);
  return figures.every((first, place) => Object.entries(first).every(([name, value]) => {
    const [now, text] = [String(window.trait(place, name)), said.get(place ? `${place + 1}.${name}` : name)];
    return now === String(value) ? text === null : text === now;
  }));
}"""


class Reading(Visit):
    """A visit that looks behind the figures."""

    def __init__(self, browser, **options):
        super().__init__(browser, **options)
        self.page.add_init_script(TRAITS)

    def come(self, address):
        self.page.goto(address)
        self.page.wait_for_function(STANDS)

    def again(self, way):
        """Come to the page on another way; the old one is marked, and gone when the new one stands."""
        self.page.evaluate("document.documentElement.dataset.live = 'left'")
        way()
        self.page.wait_for_function(STANDS)
        self.page.wait_for_function(ALL_READY)

    def traits(self, named):
        return [
            {name: self.page.evaluate("([place, name]) => window.trait(place, name)", [place, name]) for name in names}
            for place, names in enumerate(named)
        ]

    def said(self, first):
        """Wait until the address says what the figures show."""
        self.page.wait_for_function(SAYS, arg=first)


def kept(widget):
    """Return the traits that a reader can set, as the page holds them at first."""
    state = widget.get_state()
    return {name: state[name] for name in state["_kept"]}


def address(site, host, scheme, name):
    return (site / name).as_uri() if scheme == "file" else f"{host}/{name}"


def choose(visit, which, label, value):
    box = figure(visit, which).locator("label", has_text=label).locator("select").first
    box.evaluate(UNFOLD)
    box.select_option(value)


@pytest.mark.parametrize("scheme", short(["file", "http"]))
def test_figures_come_back_as_they_were(browser, site, host, scheme):
    widgets = [
        TemperatureExplorer([2, 1, 0.1]),
        ParticleExplorer([2, 1, 0.1], particles=1000, rng=1),
        CalibrationExplorer(Z, [0, 1, 1, 0, 1, 1], fit=fit()),
        FreeEnergyExplorer([2, 1, 0.1]),
    ]
    first = [kept(widget) for widget in widgets]
    write_page(site, "kept.html", *widgets)
    there = address(site, host, scheme, "kept.html")
    with Reading(browser) as visit:
        visit.come(f"{there}?highlight=heat#somewhere")
        page = visit.page
        page.wait_for_function(ALL_READY)
        assert page.evaluate("location.search") == "?highlight=heat"
        type_into(figure(visit, 0), "Temperature T", "0.35")
        type_into(figure(visit, 0), "logits", "3, -inf, 0.5, -2")
        type_into(figure(visit, 1), "Temperature T", "inf")
        choose(visit, 1, "proposals", "neighbour")
        choose(visit, 1, "particles", "20000")
        figure(visit, 1).get_by_text("now cheat by 5 %").click()
        choose(visit, 2, "bins", "30")
        choose(visit, 2, "of equal", "mass")
        type_into(figure(visit, 3), "Temperature T", "0.5")
        figure(visit, 3).get_by_text("start at the top").click()
        visit.said(first)
        now = visit.traits(first)
        changed = [sum(was[name] != state[name] for name in was) for was, state in zip(first, now, strict=True)]
        assert changed == [2, 5, 2, 2]
        assert page.evaluate("location.hash") == "#somewhere"
        assert "highlight=heat" in page.evaluate("location.search")

        visit.again(page.reload)
        assert visit.traits(first) == now
        assert page.evaluate("location.hash") == "#somewhere"

        copied = page.url
        other = "about:blank" if scheme == "file" else f"{host}/kept.html?steps=none"
        page.goto(other)
        visit.again(page.go_back)
        assert page.url == copied
        assert visit.traits(first) == now

        page.evaluate(
            "location.hash = 'elsewhere'"
        )  # another section, and back: the figures stay, and the address says so
        type_into(figure(visit, 0), "Temperature T", "7")
        visit.said(first)
        page.evaluate("history.back()")
        page.wait_for_function("location.hash === '#somewhere'")
        visit.said(first)
        assert visit.traits(first)[0]["temperature"] == 7

        type_into(figure(visit, 0), "Temperature T", "1")  # as it was at first: the address need not say it
        type_into(figure(visit, 0), "logits", "2, 1, 0.1")
        visit.said(first)
        assert "&temperature=" not in page.url
    with Reading(browser) as visit:  # somebody else, who was sent the address
        visit.come(copied)
        assert visit.traits(first) == now
        field = figure(visit, 0).get_by_label("Temperature T", exact=True)
        assert field.input_value() == "0.350"


def test_what_a_figure_does_by_itself_is_not_in_the_address(browser, site):
    widget = ParticleExplorer([2, 1, 0.1], particles=1000, rng=1, tour=True)
    first = [kept(widget)]
    write_page(site, "tour.html", widget)
    there = (site / "tour.html").as_uri()
    with Reading(browser, hurry=True) as visit:
        visit.come(there)
        visit.page.wait_for_function("window.trait(0, 'temperature') < 0.9")  # it turns
        assert visit.page.url == there
        figure(visit, 0).locator(".ssm-title").click()  # the hand on it stops it
        type_into(figure(visit, 0), "Temperature T", "0.4")
        visit.said(first)
        visit.again(visit.page.reload)  # now it must stay where the reader has put it
        counts = visit.page.evaluate("window.trait(0, 'sweeps')")
        visit.page.wait_for_function("(before) => window.trait(0, 'sweeps') > before + 8 * 3", arg=counts)
        assert visit.page.evaluate("window.trait(0, 'temperature')") == 0.4


# Set by the page, and not by its reader; what runs at once when a page is opened should not stand still.
COURSE = {"counts", "log_evidence", "results", "reading", "pulls", "regret", "contexts", "p_value", "text", "running"}


def everything(site):
    """Write a page of all figures, and return what they are."""
    widgets = [kind(**arguments_of(kind)) for kind in MADE]
    first = [kept(widget) for widget in widgets]
    public = [
        [n for n in widget._own_traits() if n in widget._kept or n not in COURSE | {"sweeps"}] for widget in widgets
    ]
    rules = [widget.get_state()["_kept"] for widget in widgets]
    write_page(site, "everything.html", *widgets)
    return (site / "everything.html").as_uri(), first, public, rules


def test_a_figure_at_rest_tells_all_however_young_its_page_is(browser, site):
    """What is told a few times a second only is told at once where nothing will move."""
    widgets = [kind(**arguments_of(kind)) for kind in MADE]
    for widget in widgets:
        if widget.has_trait("running"):
            widget.running = False
    write_page(site, "at-rest.html", *widgets)
    silent = {}
    for age in (1, 1e6):
        with Visit(browser, reduced_motion="reduce") as visit:
            # Each look at the clock takes it on, as much is done for so many milliseconds.
            visit.page.add_init_script(f"let time = {age}; performance.now = () => (time += 0.05);")
            visit.open((site / "at-rest.html").as_uri())
            for _ in range(3):
                visit.page.evaluate("new Promise((drawn) => requestAnimationFrame(() => drawn()))")
            silent[age] = visit.page.evaluate(SILENT)
    assert silent[1] == silent[1e6]
    assert len(silent[1]) < 3  # the best arm of a bandit, which nobody has pulled yet


# The outputs of figures that hold no word.
SILENT = """() => [...document.querySelectorAll(".ssm")].flatMap((root, place) =>
  [...root.querySelectorAll("[data-out], .ssm-verdict")]
    .filter((node) => node.checkVisibility() && !node.textContent.trim())
    .map((node) => `${place}: ${node.dataset.out ?? "verdict"}`))"""


# Turn every knob of a figure to another place.
TURN = """(root) => {
  for (const fold of root.querySelectorAll("details")) fold.open = true;
  for (const knob of root.querySelectorAll("select, input[type=range]")) {
    if (knob.disabled) continue;
    if (knob.tagName === "SELECT") knob.selectedIndex = (knob.selectedIndex + 1) % knob.options.length;
    else knob.value = Math.round((Number(knob.min) + 2 * Number(knob.max)) / 3);
    knob.dispatchEvent(new Event(knob.tagName === "SELECT" ? "change" : "input", { bubbles: true }));
  }
}"""


def test_what_any_control_sets_comes_back(browser, site):
    there, first, public, _ = everything(site)
    with Reading(browser, reduced_motion="reduce") as visit:
        visit.come(there)
        for place in range(len(first)):
            root = figure(visit, place)
            root.evaluate(TURN)
            for field in root.get_by_label("Temperature T", exact=True).all():
                field.fill("0.8")
                field.press("Enter")
        visit.said(first)
        now = visit.traits(public)
        visit.again(visit.page.reload)
        assert visit.traits(public) == now
        assert visit.page.evaluate(BROKEN) == []


HOSTILE = [
    "", "nonsense", "-5e9", "NaN", "1e999", "-inf", "inf", "__proto__", "constructor", "<img src=x onerror=alert(1)>",
    "javascript:alert(1)", "1,2", "0.5,0.5,0.5", "-inf,-inf,-inf", ",,,", "\x00", "٣", "true", "9" * 400, "1," * 5000,
]  # fmt: skip


def query_of(values):
    """Return the query of an address that asks for values, one dictionary a figure."""
    return "?" + "&".join(
        f"{f'{place + 1}.{name}' if place else name}={quote(value, safe='')}"
        for place, each in enumerate(values)
        for name, value in each.items()
    )


@pytest.mark.parametrize("turn", short(range(3)))
def test_hostile_addresses_change_nothing_that_python_would_refuse(browser, site, turn):
    there, first, _, _ = everything(site)
    texts = itertools.cycle(HOSTILE[turn * 7 :] + HOSTILE[: turn * 7])
    with Reading(browser, reduced_motion="reduce") as visit:
        visit.come(there + query_of([{name: next(texts) for name in each} for each in first]))
        assert visit.page.evaluate(ALIVE) == len(first)
        for kind, was, now in zip(MADE, first, visit.traits(first), strict=True):
            widget = kind(**arguments_of(kind))
            for name in was:
                if now[name] != was[name]:
                    widget.set_state({name: now[name]})
                    assert widget.get_state()[name] == now[name], (kind, name)
        assert visit.page.evaluate(BROKEN) == []


def test_what_is_no_query_at_all_is_left_alone(browser, site):
    write_page(site, "one.html", TemperatureExplorer([2, 1, 0.1]))
    with Reading(browser, reduced_motion="reduce") as visit:
        for query in ("?%", "?%E0%A4%A&=&&temperature&__proto__=1&99.temperature=2&-1.temperature=2#%"):
            visit.come((site / "one.html").as_uri() + query)
            assert visit.page.evaluate(ALIVE) == 1, query
            assert visit.page.evaluate("window.trait(0, 'temperature')") == 1
            assert visit.page.evaluate("location.href").endswith(query)


def at_the_end(rules, end):
    """Return the values of a figure's traits at one end of what is allowed, as an address says them."""
    values = {}
    for name, rule in rules.items():
        if "among" in rule:
            values[name] = str(rule["among"][end]).lower() if isinstance(rule["among"][0], bool) else rule["among"][end]
        elif "sum" in rule:
            values[name] = ",".join(["1", *["0"] * (rule["length"][end] - 1)])
        elif "length" in rule:
            values[name] = ",".join([str(rule["to" if end else "from"]).removesuffix(".0")] * rule["length"][end])
        else:
            values[name] = str(rule["to" if end else "from"]).removesuffix(".0")
    return values


# Brings a figure into sight, where it draws.
DRAWN = """(root) => {
  root.scrollIntoView();
  return new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(() => requestAnimationFrame(drawn))));
}"""


def flat(value):
    """Return a trait of a page as an address says it."""
    if isinstance(value, list):
        return ",".join(map(flat, value))
    return str(value).lower() if isinstance(value, bool) else str(value)


@pytest.mark.parametrize("end", short([0, -1], -1), ids=["least", "most"])
def test_figures_stand_at_the_ends_of_what_is_allowed(browser, site, end):
    there, first, _, rules = everything(site)
    with Reading(browser, reduced_motion="reduce") as visit:
        values = [at_the_end(each, end) for each in rules]
        visit.come(there + query_of(values))
        assert visit.page.evaluate(ALIVE) == len(first)
        for place in range(len(first)):
            figure(visit, place).evaluate(DRAWN)
        now = visit.traits(first)
        assert [{name: flat(value) for name, value in each.items()} for each in now] == values
        assert visit.page.evaluate(BROKEN) == []


def test_a_page_that_the_browser_has_kept_whole_goes_on(browser, site, host):
    widget = TemperatureExplorer([2, 1, 0.1])
    first = [kept(widget)]
    write_page(site, "whole.html", widget)
    # The headless shell keeps none.
    keeping = browser.browser_type.launch(
        executable_path=path_of(WHOLE), args=STARTED, ignore_default_args=["--disable-back-forward-cache"]
    )
    with Reading(keeping) as visit:
        visit.come(f"{host}/whole.html")
        type_into(figure(visit, 0), "Temperature T", "0.35")
        visit.said(first)
        visit.page.evaluate("document.documentElement.dataset.mark = 'whole'")
        visit.page.goto(f"{host}/whole.html?other")
        visit.page.go_back(wait_until="commit")  # a page that was kept is not loaded again
        visit.page.wait_for_function("window.trait?.(0, 'temperature') === 0.35")
        assert visit.page.evaluate("document.documentElement.dataset.mark") == "whole"
        type_into(figure(visit, 0), "Temperature T", "0.45")
        visit.said(first)
    keeping.close()
