"""Measure the built pages as a reader meets them: ``python -m benchmarks.pages [name ...]`` (needs Chromium).

Three tables of all pages:

* how soon a page is painted and its live figures are alive after that, also on a processor four times slower;
* how far what is seen shifts, at four widths, and what travels (compressed);
* how far down the first live figure stands, how many tab stops there are, and how long lines are.

And one of frames: what a frame of the particles' figure costs the page's own thread, and how many a second are drawn,
beside a page that does nothing. ``--only`` chooses tables, ``--json FILE`` keeps the numbers.

A time is the page's own clock, the median of several visits that take turns: whatever else the machine does in a while
reaches all pages.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import gzip
import http.server
import json
import shutil
import statistics
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

BOOK = Path("_build/html")
WIDTHS = {1440: 900, 1280: 720, 1024: 768, 380: 800}  # pixels, with the height of the window

# Notes when each figure stands, and how far what is seen has moved without the reader's doing.
PROBE = """
(() => {
  window.pages = { live: [], shift: 0, shifts: [] };
  document.addEventListener("simsoftmax:ready", () => window.pages.live.push(performance.now()));
  new PerformanceObserver((list) => {
    for (const { value, hadRecentInput, sources } of list.getEntries()) {
      if (hadRecentInput) continue;
      window.pages.shift += value;
      window.pages.shifts.push([value, sources.slice(0, 3).map(({ node }) => node?.outerHTML?.slice(0, 120))]);
    }
  }).observe({ type: "layout-shift", buffered: true });
})();
"""
VIEWS = "script[type='application/vnd.jupyter.widget-view+json']"
# In folds that are closed figures are laid out once they are opened.
STANDS = f"""() => window.pages && document.readyState === "complete" &&
  [...document.querySelectorAll("{VIEWS}")].filter((view) => !view.closest("details:not([open])")).length
    <= window.pages.live.length"""
SETTLED = """async () => {
  await document.fonts.ready;
  await new Promise((done) => setTimeout(done, 500));
}"""
FIRST_PAINT = "() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? null"
SCREENS = """() => {
  const figure = document.querySelector(".ssm");
  return figure && (figure.getBoundingClientRect().top + scrollY) / innerHeight;
}"""
# What the tab key stops at: of a group of radio buttons only one.
TAB_STOPS = """() => {
  const groups = new Set();
  return [...document.querySelectorAll("a[href], button, input, select, textarea, summary, iframe, [tabindex]")].filter(
    (node) => {
      if (node.tabIndex < 0 || node.disabled || !node.checkVisibility({ visibilityProperty: true })) return false;
      if (node.type !== "radio") return true;
      const known = groups.has(node.name);
      groups.add(node.name);
      return !known;
    }).map((node) => Boolean(node.closest("article")));
}"""
# Letters on the fullest line of each paragraph that has at least three lines, the median of them.
LETTERS = """() => {
  const full = [...document.querySelectorAll("article p")].map((p) => {
    const lines = new Map();
    const walk = document.createTreeWalker(p, NodeFilter.SHOW_TEXT);
    const range = document.createRange();
    if (p.closest(".ssm, figure, mjx-container, table") || p.querySelector(".math")) return 0;
    for (let node = walk.nextNode(); node; node = walk.nextNode()) {
      for (let i = 0; i < node.data.length; i += 1) {
        range.setStart(node, i);
        range.setEnd(node, i + 1);
        const { width, bottom } = range.getBoundingClientRect();
        if (width) lines.set(Math.round(bottom / 8), (lines.get(Math.round(bottom / 8)) ?? 0) + 1);
      }
    }
    return lines.size < 3 ? 0 : Math.max(...lines.values());
  }).filter(Boolean).sort((a, b) => a - b);
  return full.length ? full[full.length >> 1] : null;
}"""


@contextlib.contextmanager
def serve(folder: Path) -> Iterator[str]:
    """Give out a folder from a server on this machine, at the address that is returned."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=folder)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@functools.cache
def compressed(path: Path) -> int:
    """Return how many bytes of a file travel; fonts and pictures are compressed already."""
    data = path.read_bytes()
    return len(data) if path.suffix in {".woff", ".woff2", ".png", ".jpg"} else len(gzip.compress(data))


def pages_of(book: Path) -> list[Path]:
    """Return the pages of a built book; those that only send the reader on, and saved figures, are none."""
    others = [book / "_static", book / "figures"]
    pages = [page for page in book.rglob("*.html") if not any(page.is_relative_to(folder) for folder in others)]
    return sorted(page for page in pages if 'http-equiv="Refresh"' not in page.read_text(encoding="utf-8"))


def visit(browser: Any, address: str, width: int, slower: int = 1) -> dict[str, Any]:
    """Return what one visit of a page has shown; times in seconds."""
    context = browser.new_context(viewport={"width": width, "height": WIDTHS[width]})
    page = context.new_page()
    page.add_init_script(PROBE)
    if slower > 1:
        context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": slower})
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(address)
    page.wait_for_function(STANDS)
    page.evaluate(SETTLED)
    paint, seen = page.evaluate(FIRST_PAINT), page.evaluate("window.pages")
    found = {
        "paint": paint / 1000,
        "live": max(0.0, seen["live"][0] - paint) / 1000 if seen["live"] else None,
        "shift": seen["shift"],
        "shifts": sorted(seen["shifts"], reverse=True)[:4],
        "asked": asked,
    }
    if slower == 1 and width in (min(WIDTHS), max(WIDTHS)):
        stops = page.evaluate(TAB_STOPS)
        found |= {"screens": page.evaluate(SCREENS), "letters": page.evaluate(LETTERS)}
        found |= {"tab stops": len(stops), "tab stops of the text": sum(stops)}
    context.close()
    return found


Row = dict[str, Any]
Tell = Callable[[str], None]


def times(browser: Any, addresses: dict[str, str], visits: int, tell: Tell) -> dict[str, Row]:
    """Return of each page how soon it is painted and alive: medians of visits that take turns."""
    seen: dict[str, dict[str, list[float]]] = {name: {} for name in addresses}
    for round_ in range(visits):
        for name, address in addresses.items():
            tell(f"times, {round_ + 1} of {visits}: {name}")
            for slower, suffix in ((1, ""), (4, ", 4 x slower")):
                found = visit(browser, address, max(WIDTHS), slower)
                for key in ("paint", "live"):
                    if found[key] is not None:
                        seen[name].setdefault(key + suffix, []).append(found[key])
                if found["live"] is None:
                    break  # without a figure there is nothing to wait for
    return {name: {key: statistics.median(values) for key, values in row.items()} for name, row in seen.items()}


def shifts(browser: Any, host: str, addresses: dict[str, str], book: Path, tell: Tell) -> dict[str, Row]:
    """Return of each page how far it shifts at each width, what travels, and how it is laid out wide and narrow."""
    rows = {}
    for name, address in addresses.items():
        tell(f"shifts: {name}")
        seen = {width: visit(browser, address, width) for width in WIDTHS}
        wide, narrow = seen[max(WIDTHS)], seen[min(WIDTHS)]
        sent = {urlparse(url).path for url in wide["asked"] if url.startswith(host)}
        rows[name] = {
            **{f"shift {width}": found["shift"] for width, found in seen.items()},
            "megabytes": sum(compressed(book / path.lstrip("/")) for path in sent) / 1e6,
            "screens": wide["screens"],
            "screens narrow": narrow["screens"],
            "letters": wide["letters"],
            "letters narrow": narrow["letters"],
            "tab stops": wide["tab stops"],
            "tab stops of the text": wide["tab stops of the text"],
            "shifts": {width: found["shifts"] for width, found in seen.items() if found["shift"]},
            "foreign": sorted({url for url in wide["asked"] if not url.startswith((host, "data:", "blob:"))}),
        }
    return rows


# Notes what the callbacks of each frame take, and asks for a frame after each, so that the rate can be told.
FRAMES = """
(() => {
  window.frames_seen = [];
  const request = window.requestAnimationFrame.bind(window);
  let spent = 0;
  window.requestAnimationFrame = (call) => request((now) => {
    const begun = performance.now();
    call(now);
    spent += performance.now() - begun;
  });
  const count = () => {
    window.frames_seen.push([performance.now(), spent]);
    spent = 0;
    request(count);
  };
  request(count);
})();
"""
SCENES = {"20,000 grains drawn": 20_000, "a million particles simulated": 1_000_000}
EMPTY = "data:text/html,<!doctype html><title>empty</title><p>nothing"


def frames(browser: Any, address: str, seconds: float, tell: Tell) -> dict[str, Row]:
    """Return what a frame of the particles' figure costs, and how many there are, beside an empty page."""
    rows = {}
    for name, particles in {"an empty page": 0, **SCENES}.items():
        tell(f"frames: {name}")
        context = browser.new_context(viewport={"width": 1440, "height": 900})
        page = context.new_page()
        page.add_init_script(FRAMES)
        # The time that the page's own thread has worked, which neighbours on the machine do not lengthen.
        clock = context.new_cdp_session(page)
        clock.send("Performance.enable", {"timeDomain": "threadTicks"})
        page.goto(address if particles else EMPTY)
        if particles:
            page.wait_for_function("document.documentElement.dataset.live === 'done'")
            event = f"new CustomEvent('simsoftmax:set', {{ detail: {{ set: {{ particles: {particles} }} }} }})"
            page.evaluate(f"document.querySelector('.ssm').dispatchEvent({event})")
        page.wait_for_timeout(2500)  # grains have fallen, and the pace of moves is known

        def worked(clock: Any = clock, page: Any = page) -> tuple[float, int]:
            metrics = {entry["name"]: entry["value"] for entry in clock.send("Performance.getMetrics")["metrics"]}
            return metrics["TaskDuration"], page.evaluate("window.frames_seen.length")

        (before, first), _, (after, last) = worked(), page.wait_for_timeout(1000 * seconds), worked()
        seen = page.evaluate(f"window.frames_seen.slice({first}, {last})")
        spent = sorted(entry[1] for entry in seen)
        rows[name] = {
            "frames a second": 1000 * (len(seen) - 1) / (seen[-1][0] - seen[0][0]),
            "scripts, median": statistics.median(spent),
            "scripts, 95 %": spent[int(0.95 * len(spent))],
            "thread": 1000 * (after - before) / (last - first),
        }
        context.close()
    return rows


def table(rows: dict[str, Row], columns: dict[str, tuple[str, int]]) -> str:
    """Return rows as lines of text; columns: the heading of each key, and how many decimals its numbers have."""

    def write(value: Any, digits: int) -> str:
        return "-" if value is None else f"{value:.{digits}f}"

    width = max(map(len, rows)) + 1
    lines = [" " * width + "".join(heading.rjust(10) for heading, _ in columns.values())]
    for name, row in rows.items():
        cells = [write(row.get(key), digits).rjust(10) for key, (_, digits) in columns.items()]
        lines.append(name.ljust(width) + "".join(cells))
    return "\n".join(lines)


#: The tables, with what each shows of a page (or of a scene) by its heading.
TABLES: dict[str, tuple[str, dict[str, tuple[str, int]]]] = {
    "times": (
        "Seconds to the first paint, and from it until the first figure is alive; the same, 4 x slower",
        {
            "paint": ("paint", 2),
            "live": ("live", 2),
            "paint, 4 x slower": ("paint 4 x", 2),
            "live, 4 x slower": ("live 4 x", 2),
        },
    ),
    "shifts": (
        "Layout shift at each width in pixels, and megabytes that travel",
        {**{f"shift {width}": (str(width), 3) for width in WIDTHS}, "megabytes": ("MB", 2)},
    ),
    "layout": (
        "Screens down to the first figure and letters on a line, wide and narrow; tab stops, and those of the text",
        {
            "screens": ("figure", 1),
            "screens narrow": ("narrow", 1),
            "letters": ("line", 0),
            "letters narrow": ("narrow", 0),
            "tab stops": ("tabs", 0),
            "tab stops of the text": ("text", 0),
        },
    ),
    "frames": (
        "Frames a second, and milliseconds of a frame: of the page's scripts, and all that its thread works",
        {
            "frames a second": ("rate", 1),
            "scripts, median": ("scripts", 2),
            "scripts, 95 %": ("95 %", 2),
            "thread": ("thread", 2),
        },
    ),
}


def main() -> None:
    """Measure the pages that are named, or all of them."""
    from playwright.sync_api import sync_playwright

    options = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    options.add_argument("names", nargs="*", help="pages, without folder and ending; all if none is named")
    options.add_argument("--book", type=Path, default=BOOK, help="the folder of the built book")
    options.add_argument("--only", nargs="+", choices=TABLES, default=list(TABLES), help="the tables that are wanted")
    options.add_argument("--visits", type=int, default=5, help="visits whose median counts")
    options.add_argument("--seconds", type=float, default=5, help="how long frames are counted")
    options.add_argument("--json", type=Path, help="a file that keeps the numbers")
    asked = options.parse_args()
    book = asked.book.resolve()
    pages = [page for page in pages_of(book) if not asked.names or page.stem in asked.names]
    if not pages:
        options.error(f"there is no such page in {asked.book}; build the book first: make book")
    browser_path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)

    def tell(what: str) -> None:
        print(f"\r{what:<78}", end="", file=sys.stderr, flush=True)

    results: dict[str, dict[str, Row]] = {}
    with serve(book) as host, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=["--no-sandbox", "--disable-gpu"])
        addresses = {page.stem: f"{host}/{page.relative_to(book).as_posix()}" for page in pages}
        if "times" in asked.only:
            results["times"] = times(browser, addresses, asked.visits, tell)
        if {"shifts", "layout"} & set(asked.only):
            found = shifts(browser, host, addresses, book, tell)
            results |= {name: found for name in ("shifts", "layout") if name in asked.only}
        if "frames" in asked.only:
            results["frames"] = frames(browser, f"{host}/book/index.html", asked.seconds, tell)
        tell("")
        browser.close()
    for name, rows in results.items():
        heading, columns = TABLES[name]
        print(f"\n{heading}\n{table(rows, columns)}")
    if asked.json:
        asked.json.write_text(json.dumps(results, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
