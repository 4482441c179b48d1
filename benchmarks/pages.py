"""Measure the built pages as a reader meets them: ``python -m benchmarks.pages [name ...]`` (needs Chromium).

Of every page: how soon its live figure is alive after something is painted (also on a processor four times slower), how
far its contents shift, what travels (compressed), how far down the first live figure stands, how many tab stops there
are, and how long its lines are. ``--json FILE`` keeps the numbers.

The time is the page's own clock, the best of a few visits: what else the machine does only adds to it.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import gzip
import http.server
import json
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

BOOK = Path("_build/html")
WIDE, NARROW = (1440, 900), (380, 800)

# Notes when the first figure stands, and how far what is seen has moved without the reader's doing.
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
STANDS = f'() => document.querySelectorAll("{VIEWS}").length <= window.pages.live.length'
TYPESET = """async () => {
  await window.MathJax?.startup?.promise;
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


def visit(browser: Any, address: str, size: tuple[int, int], slower: int = 1) -> dict[str, Any]:
    """Return what one visit of a page has shown."""
    context = browser.new_context(viewport={"width": size[0], "height": size[1]})
    page = context.new_page()
    page.add_init_script(PROBE)
    if slower > 1:
        context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": slower})
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(address)
    page.wait_for_function(STANDS)
    page.evaluate(TYPESET)
    paint, seen = page.evaluate(FIRST_PAINT), page.evaluate("window.pages")
    stops = page.evaluate(TAB_STOPS)
    found = {
        "first paint": paint,
        "live": max(0.0, seen["live"][0] - paint) if seen["live"] else None,
        "shift": seen["shift"],
        "shifts": sorted(seen["shifts"], reverse=True)[:4],
        "screens": page.evaluate(SCREENS),
        "tab stops": len(stops),
        "tab stops of the text": sum(stops),
        "letters": page.evaluate(LETTERS),
        "asked": asked,
    }
    context.close()
    return found


def measure(browser: Any, host: str, book: Path, page: Path, visits: int) -> dict[str, Any]:
    """Return the measurements of a page."""
    address = f"{host}/{page.relative_to(book)}"
    wide = [visit(browser, address, WIDE) for _ in range(visits)]
    slow = [visit(browser, address, WIDE, slower=4) for _ in range(visits)]
    narrow = visit(browser, address, NARROW)
    sent = {urlparse(url).path for url in wide[0]["asked"] if url.startswith(host)}

    def best(runs: list[dict[str, Any]], key: str) -> float | None:
        values = [run[key] for run in runs if run[key] is not None]
        return min(values) / 1000 if values else None

    return {
        "first paint": best(wide, "first paint"),
        "live": best(wide, "live"),
        "live, 4 x slower": best(slow, "live"),
        "shift wide": max(run["shift"] for run in wide),
        "shift narrow": narrow["shift"],
        "megabytes": sum(compressed(book / path.lstrip("/")) for path in sent) / 1e6,
        "screens wide": wide[0]["screens"],
        "screens narrow": narrow["screens"],
        "tab stops": wide[0]["tab stops"],
        "tab stops of the text": wide[0]["tab stops of the text"],
        "letters wide": wide[0]["letters"],
        "letters narrow": narrow["letters"],
        "shifts": {"wide": wide[0]["shifts"], "narrow": narrow["shifts"]},
        "foreign": sorted({url for url in wide[0]["asked"] if not url.startswith((host, "data:", "blob:"))}),
    }


def line(name: str, found: dict[str, Any]) -> str:
    """Return a row of the table."""

    def write(key: str, digits: int) -> str:
        return "-" if found[key] is None else f"{found[key]:.{digits}f}"

    return (
        f"{name:<30}{write('first paint', 2):>6}{write('live', 2):>6}{write('live, 4 x slower', 2):>6}"
        f"{write('shift wide', 3):>8}{write('shift narrow', 3):>7}{write('megabytes', 2):>6}"
        f"{write('screens wide', 1):>6}{write('screens narrow', 1):>6}"
        f"{found['tab stops']:>6}{found['tab stops of the text']:>6}"
        f"{write('letters wide', 0):>6}{write('letters narrow', 0):>5}"
    )


HEAD = (
    f"{'':<30}{'paint':>6}{'live':>6}{'4 x':>6}{'shift':>8}{'phone':>7}{'MB':>6}"
    f"{'figure':>6}{'phone':>6}{'tabs':>6}{'text':>6}{'line':>6}{'phone':>5}"
)


def main() -> None:
    """Measure the pages that are named, or all of them."""
    from playwright.sync_api import sync_playwright

    options = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    options.add_argument("names", nargs="*", help="pages, without folder and ending; all if none is named")
    options.add_argument("--book", type=Path, default=BOOK, help="the folder of the built book")
    options.add_argument("--visits", type=int, default=3, help="visits whose best time counts")
    options.add_argument("--json", type=Path, help="a file that keeps the numbers")
    asked = options.parse_args()
    pages = sorted(asked.book.glob("book/*.html"))
    pages = [page for page in pages if not asked.names or page.stem in asked.names]
    if not pages:
        options.error(f"there is no such page in {asked.book}; build the book first: make book")
    browser_path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    results = {}
    print(HEAD)
    with serve(asked.book.resolve()) as host, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=["--no-sandbox", "--disable-gpu"])
        for page in pages:
            results[page.stem] = measure(browser, host, asked.book, page, asked.visits)
            print(line(page.stem, results[page.stem]), flush=True)
        browser.close()
    if asked.json:
        asked.json.write_text(json.dumps(results, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
