"""A page in a real browser, with every other host out of reach: how the tests write it, open it and read it.

The figures stand on a plain page with the host that the built book has.
"""

import contextlib
import functools
import http.server
import json
import os
import re
import shutil
import threading
from pathlib import Path

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from ipywidgets.embed import dependency_state, embed_data  # noqa: TID251
from patience import PATIENCE, until

ROOT = Path(__file__).parents[1]
ARTEFACTS = ROOT / "artefacts"  # screenshots
BOOK = ROOT / "_build" / "html"

# The browsers that will do. The headless shell is Chromium without its windows, and takes half the time for a page.
WHOLE = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"]
BROWSERS = ["chromium-headless-shell", "chrome-headless-shell", *WHOLE]
STARTED = [
    "--no-sandbox",
    "--no-first-run",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",  # no other host can be reached
]

# Counts the animation frames of a page, those that are asked for, and the figures that stand; notes when the first has
# appeared. A page gets one of so many frames of the screen.
PROBE = """
(() => {
  const asked = new Map(); // and what the browser calls what is waited for
  window.probe = { frames: 0, asked, ready: 0, appeared: null };
  const request = window.requestAnimationFrame.bind(window);
  const cancel = window.cancelAnimationFrame.bind(window);
  let last = 0;
  window.requestAnimationFrame = (callback) => {
    const id = (last += 1);
    const wait = (frames) => asked.set(id, request((now) => {
      if (frames > 1) {
        wait(frames - 1);
        return;
      }
      asked.delete(id);
      callback(now);
      window.probe.frames += 1;
    }));
    wait(EVERY);
    return id;
  };
  window.cancelAnimationFrame = (id) => {
    cancel(asked.get(id));
    asked.delete(id);
  };
  document.addEventListener("simsoftmax:ready", () => { window.probe.ready += 1; });
  new MutationObserver(() => {
    if (window.probe.appeared === null && document.querySelector(".ssm rect[width]")) {
      window.probe.appeared = performance.now();
    }
  }).observe(document, { childList: true, subtree: true, attributes: true, attributeFilter: ["width"] });
})();
"""

# Animation frames that wait for no screen: each follows the last as soon as the page is done with it, and says that a
# sixtieth of a second has passed. What is drawn is drawn when the browser has time for it.
HURRY = """
(() => {
  const asked = new Map();
  const { port1, port2 } = new MessageChannel();
  let [last, now, called] = [0, performance.now(), false];
  window.requestAnimationFrame = (callback) => {
    asked.set((last += 1), callback);
    if (!called) port2.postMessage(null);
    called = true;
    return last;
  };
  window.cancelAnimationFrame = (id) => asked.delete(id);
  port1.onmessage = () => {
    called = false;
    now += 1000 / 60;
    for (const [id, callback] of [...asked]) if (asked.delete(id)) callback(now);
  };
})();
"""

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Live figures</title><link rel="icon" href="data:,">
<style>
html {{ color-scheme: light dark }}
body {{ margin: 24px 16px; font-family: system-ui, sans-serif; background: #fff; color: #1c2128 }}
@media (prefers-color-scheme: dark) {{ body {{ background: #14171b; color: #e7e9ec }} }}
</style></head><body><main><h1>Live figures</h1>{views}<p style="height: 3000px"></p></main>
<script type="application/vnd.jupyter.widget-state+json">{state}</script><script src="host.js"></script></body></html>
"""


ALL_READY = """
window.probe.appeared !== null &&
document.querySelectorAll("script[type='application/vnd.jupyter.widget-view+json']").length <= window.probe.ready
"""
# These two wait by the clock and not by frames, so that waiting draws none.
FRAMES = """
(count) => new Promise((done) => {
  const end = window.probe.frames + count;
  const look = () => (window.probe.frames >= end ? done() : setTimeout(look, 20));
  look();
})
"""
TWO_FRAMES = "new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))"
# Waits until a node has kept its place for three frames.
STILL = """
(node) => new Promise((done) => {
  let [last, since] = ["", 0];
  const look = () => {
    const { x, y } = node.getBoundingClientRect();
    [last, since] = [`${x} ${y}`, last === `${x} ${y}` ? since + 1 : 0];
    if (since < 3) requestAnimationFrame(look);
    else done();
  };
  look();
})
"""
REST = """
() => new Promise((done) => {
  let [frames, since] = [-1, 0];
  const look = () => {
    const { frames: now, asked } = window.probe;
    if (now !== frames || asked.size > 0) [frames, since] = [now, performance.now()];
    if (performance.now() - since > 500) done();
    else setTimeout(look, 50);
  };
  look();
})
"""


@contextlib.contextmanager
def serve(folder):
    """Give out a folder from a server on this machine, at the address that is returned."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=folder)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def embedded(*widgets, drop_defaults=False):
    """Return what a page holds of these figures, and of no other that the process has made.

    Else a page grows with the tests that ran before it, and takes the browser three times as long.
    """
    alone = dependency_state(widgets, drop_defaults=drop_defaults)
    return embed_data(views=widgets, state=alone, drop_defaults=drop_defaults)


def write_page(site, name, *widgets, spoil=None):
    """Write a page of figures; `spoil` puts other values into the state that it holds of them."""
    data = embedded(*widgets)
    for spec in data["view_specs"]:
        data["manager_state"]["state"][spec["model_id"]]["state"].update(spoil or {})
    view = '<div><script type="application/vnd.jupyter.widget-view+json">{}</script></div>'
    views = "".join(view.format(json.dumps(spec)) for spec in data["view_specs"])
    state = json.dumps(data["manager_state"]).replace("</", "<\\/")
    (site / name).write_text(PAGE.format(views=views, state=state), encoding="utf-8")
    for widget in widgets:
        widget.close()
    return name


def path_of(browsers):
    """Return where the first of these browsers is, or skip; with SIMSOFTMAX_REQUIRE_BROWSER=1 that is a failure."""
    path = next(filter(None, map(shutil.which, browsers)), None)
    if path is None:
        if os.environ.get("SIMSOFTMAX_REQUIRE_BROWSER") == "1":
            pytest.fail(f"a browser is required, and none of {', '.join(browsers)} is on the path")
        pytest.skip(f"needs Chromium or Chrome: none of {', '.join(browsers)} is on the path")
    return path


class Visit:
    """A page in the browser, what it asked of other hosts and what it complained of.

    One in a hurry does not wait for the screen: what a figure does by itself in a minute takes it seconds, and all the
    same steps. It says nothing about what is seen on the way.

    Otherwise a page gets one of ``every`` frames of the screen: a third are enough where nobody watches, and drawing is
    most of a figure's work. What is said of a frame, or must hold in each, is looked at with ``every=1``.
    """

    def __init__(self, browser, hurry=False, every=3, **options):
        self.context = browser.new_context(**options)
        self.context.set_default_timeout(1000 * PATIENCE)
        self.foreign, self.complaints = [], []
        self.page = self.context.new_page()
        if hurry:
            self.page.add_init_script(HURRY)
        self.page.add_init_script(PROBE.replace("EVERY", "1" if hurry else str(every)))
        self.context.on("request", self.note)
        self.page.on("console", lambda m: self.complain(m.text) if m.type == "error" else None)
        self.page.on("pageerror", self.complain)
        self.page.on("dialog", lambda dialog: (self.complaints.append("dialog"), dialog.dismiss()))

    def complain(self, what):
        self.complaints.append(f"{self.page.url}: {what}")

    def note(self, request):
        if not re.match(r"(file|data|blob):|http://127\.0\.0\.1[:/]", request.url):
            self.foreign.append(request.url)

    def open(self, address):
        """Go to a page and wait until each of its figures stands."""
        self.page.goto(address)
        self.page.wait_for_function(ALL_READY)
        return self

    def frames(self, count):
        """Wait for a number of frames of the page's own, which a busy machine draws late."""
        self.page.evaluate(FRAMES, count)

    def rest(self):
        """Wait until the page has drawn no frame, and asked for none, for half a second."""
        self.page.evaluate(REST)

    def drag(self, node, across, down, at=None):
        """Take a node by the mouse, once it stands still, let it go so many pixels away, and wait until that is drawn.

        It is taken in its middle, or at a place (x, y) within it.
        """
        place = "(node) => { const { x, y } = (node.ownerSVGElement ?? node).getBoundingClientRect(); return [x, y]; }"

        def taken():
            node.scroll_into_view_if_needed()
            node.evaluate(STILL)
            stood, box = node.evaluate(place), node.bounding_box()
            x, y = at or (box["width"] / 2, box["height"] / 2)
            x, y = box["x"] + x, box["y"] + y
            if not 0 <= y < self.page.viewport_size["height"]:
                return None  # what is above it has grown since it was scrolled into sight
            self.page.mouse.move(x, y)
            self.page.mouse.down()
            if node.evaluate(place) == stood:
                return x, y
            self.page.mouse.up()  # or just then
            return None

        x, y = until(taken)
        self.page.mouse.move(x + across, y + down, steps=5)
        self.page.mouse.up()
        self.page.evaluate(TWO_FRAMES)

    def complained(self):
        """Wait until the page complains of something."""
        until(lambda: self.complaints, wait=lambda seconds: self.page.wait_for_timeout(1000 * seconds))

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self.context.close()
        if kind is None:
            assert self.foreign == []
            assert self.complaints == []


def tour(browser, address, paths, script="", **options):
    """Go from page to page in one visit, and yield the path and the page of each once its figures stand.

    What pages share is fetched and compiled once, so each takes half as long as on a visit of its own. A script runs in
    each page before the page's own.
    """
    with Visit(browser, **options) as visit:
        if script:
            visit.page.add_init_script(script)
        for path in paths:
            visit.page.goto(f"{address}/{path}")
            if options.get("java_script_enabled", True):
                visit.page.wait_for_function(ALL_WIDGETS_STAND)
            yield path, visit.page


FEW = frozenset({"index", "what-training-aims-at"})  # pages that stand for all of them


def look(*holding, few=FEW, together=bool):
    """Mark what looks at a page and is called by `test_every_page.py`, which opens each page once for all of them.

    It takes a page and its path, asserts what must hold, and returns a list of what it looked at. It goes to the pages
    whose source holds all of these strings, or to those `few` of them. What it returned of all pages must satisfy
    `together`: it is something, if nothing else is said.
    """

    def mark(check):
        check.holding, check.few, check.together = holding, few, together
        return check

    return mark


def shown(value, digits=3):
    """Return a number as the figures write it."""
    if not np.isfinite(value):
        return "∞" if value > 0 else "−∞"
    text = f"{value:.{digits}f}"
    return text.replace("-", "") if float(text) == 0 else text.replace("-", "−")


def number(text):
    return float(text.replace("−", "-").replace("∞", "inf").replace(",", ""))


def figure(visit, which):
    return visit.page.locator(".ssm").nth(which)


def out(root, key):
    return root.locator(f"[data-out={key}]").text_content()


def share(root, kind, level):
    """Return a share that a figure shows as it is written without percentages; kind: "observed" or "expected"."""
    text = root.locator(f"[data-{kind}='{level}']").text_content()
    part = re.search(r"([\d.]+) %", text)
    return shown(float(part[1]) / 100) if part else text


UNFOLD = "node => node.closest('details')?.setAttribute('open', '')"


def type_into(root, label, text):
    field = root.get_by_label(label, exact=True)
    field.evaluate(UNFOLD)
    field.fill(text)
    field.press("Enter")


# Attributes that hold no number, in which a browser draws nothing.
BROKEN = """[...document.querySelectorAll(".ssm svg, .ssm svg *")].flatMap((node) => [...node.attributes])
  .filter(({ value }) => /NaN|Infinity|undefined/.test(value)).map(({ name, value }) => `${name}="${value}"`)"""

VIEWS = {
    "light": {"viewport": {"width": 1200, "height": 900}, "color_scheme": "light"},
    "dark": {"viewport": {"width": 1200, "height": 900}, "color_scheme": "dark"},
    "narrow": {"viewport": {"width": 380, "height": 800}, "color_scheme": "light"},
    "narrow-dark": {"viewport": {"width": 380, "height": 800}, "color_scheme": "dark"},
}


# Marks, of all letters that look alike, the first: their colour, size and weight, and the grounds they stand on. In
# figures and drawings letters stand on shapes, so there each is marked.
INKED = """() => {
  const grounds = new Map([[null, ""]]);
  const ground = (node) => {
    if (!grounds.has(node)) {
      const { backgroundColor, backgroundImage, opacity, filter } = getComputedStyle(node);
      const own = [backgroundColor, backgroundImage, opacity, filter].join();
      const under = ground(node.parentElement);
      grounds.set(node, own === "rgba(0, 0, 0, 0),none,1,none" ? under : `${under};${own}`);
    }
    return grounds.get(node);
  };
  const known = new Set();
  for (const node of document.body.querySelectorAll("*")) {
    node.removeAttribute("data-inked");
    if (![...node.childNodes].some(({ nodeType, data }) => nodeType === Node.TEXT_NODE && data.trim())) continue;
    if (!node.checkVisibility({ visibilityProperty: true, opacityProperty: true })) continue;
    const { color, fontSize, fontWeight, textShadow } = getComputedStyle(node);
    const kind = [color, fontSize, fontWeight, textShadow, ground(node)].join("|");
    if (known.has(kind) && !node.closest(".ssm, svg")) continue;
    known.add(kind);
    node.setAttribute("data-inked", "");
  }
  return known.size;
}"""


def check_contrast(page):
    """Let axe look at the contrast of letters with their ground, once for all that look alike."""
    assert page.evaluate(INKED) > 0
    check_access(page, "color-contrast", context="[data-inked]")


def check_access(page, *rules, context=None, but=()):
    """Let axe look for serious violations, of all its rules, of those that are named, or of all but some."""
    # Without preloading, which asks the server for style sheets at addresses that only axe believes in.
    options = {"preload": False, "resultTypes": ["violations"]} | ({"runOnly": list(rules)} if rules else {})
    options |= {"rules": {rule: {"enabled": False} for rule in but}} if but else {}

    if page.evaluate("window.axe === undefined"):
        page.evaluate(Axe().axe_script)

    def serious():
        found = page.evaluate(
            "([context, options]) => axe.run(context ?? document, options).then(({ violations }) => violations)",
            [context, options],
        )
        return [
            f"{v['id']}: {v['help']}: {[n['html'][:160] for n in v['nodes'][:3]]}"
            for v in found
            if v["impact"] in ("serious", "critical")
        ]

    # What is seen while a slow machine still lays the page out, words under the bar at its top, is not there a second
    # later; a violation is.
    found = serious()
    if found:
        page.wait_for_timeout(1000)
        found = serious()
    assert found == []


SMALLEST_TEXT = """
Math.min(...[...document.querySelectorAll(".ssm *")]
  .filter((e) => e.checkVisibility() && [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim()))
  .map((e) => parseFloat(getComputedStyle(e).fontSize)))
"""


ALL_WIDGETS_STAND = """
[...document.querySelectorAll("script[type='application/vnd.jupyter.widget-view+json']")]
  .every((script) => script.parentElement.dataset.live === "alive")
"""


def pages_of_the_book():
    # What is saved for the gallery are figures, and no pages with the book around them.
    others = [BOOK / "_static", BOOK / "figures"]
    pages = [path for path in BOOK.rglob("*.html") if not any(path.is_relative_to(folder) for folder in others)]
    # The first page only sends the reader on to another, and is gone while one looks at it.
    pages = [path.relative_to(BOOK) for path in pages if 'http-equiv="Refresh"' not in path.read_text(encoding="utf-8")]
    assert len(pages) > 10
    return sorted(pages)
