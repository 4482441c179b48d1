"""The built book: whole, from this host alone, with nothing unsaid."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
HTML = ROOT / "_build" / "html"
TOC = yaml.safe_load((ROOT / "_toc.yml").read_text())
CONFIG = yaml.safe_load((ROOT / "_config.yml").read_text())
PAGES = [TOC["root"]] + [entry["file"] for part in TOC["parts"] for entry in part["chapters"]]

CHAPTERS = [page for page in PAGES if "{exercise}" in (ROOT / f"{page}.md").read_text()]

# What the book must show, wherever it shows it. A claim that gets lost is missed here.
REQUIRED = {
    *("gibbs", "cold", "hot", "one", "order", "entropy", "example"),
    *("tradeoff", "minimum", "lnz", "maxent", "anneal", "freeze"),
    *("overconfident", "fit", "logodds", "symmetry", "l2"),
    *("verdict-power", "verdict-alarms", "verdict-controls", "verdict-naive"),
}


def claims_in_source(page):
    """Return the ids of the claims that a chapter's cells make, in their order."""
    return re.findall(r'^ *claim\(\s*"([^"]+)"', (ROOT / f"{page}.md").read_text(), flags=re.MULTILINE)


class Page(HTMLParser):
    """What the tests ask of a page."""

    def __init__(self, path):
        super().__init__()
        self.text = path.read_text(encoding="utf-8")
        self.tags = []
        self.feed(self.text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def find(self, tag=None, cls=None):
        return [a for t, a in self.tags if tag in (None, t) and (cls is None or cls in (a.get("class") or "").split())]

    def claims(self):
        return [json.loads(a["data-claim"]) for _, a in self.tags if "data-claim" in a]


@pytest.fixture(scope="session")
def book(html):
    """Return the pages of the built book."""
    return {page: Page(html / f"{page}.html") for page in PAGES}


def test_every_chapter_is_in_the_table_of_contents():
    assert {f"book/{path.stem}" for path in (ROOT / "book").glob("*.md")} == set(PAGES)


def test_failures_are_not_hidden():
    execute = CONFIG["execute"]
    assert execute["execute_notebooks"] == "cache"
    assert execute["allow_errors"] is False
    assert execute["raise_on_error"] is True
    assert CONFIG["only_build_toc_files"] is True


def test_nothing_of_another_host_is_configured():
    assert "launch_buttons" not in CONFIG
    assert "sphinx_thebe" not in CONFIG["sphinx"]["config"]["extensions"]
    assert CONFIG["sphinx"]["config"]["html_static_path"] == ["book/assets"]
    assert not (ROOT / "_static").exists()


def test_binder_and_the_project_agree():
    requirements = (ROOT / "requirements.txt").read_text().split("\n")
    assert "jupyter-book>=1.0.4,<2" in requirements
    assert requirements[-2] == "-e ."


@pytest.mark.slow
def test_every_page_is_built(book):
    assert (HTML / "index.html").exists()
    for page in book.values():
        assert page.find("h1")


@pytest.mark.slow
def test_the_pages_ask_no_other_host():
    """No element and no style sheet loads from elsewhere; links that a reader may follow are another matter."""
    outside = re.compile(r"^\s*(https?:)?//", re.IGNORECASE)
    wrong = []
    for path in HTML.rglob("*.html"):
        for tag, attributes in Page(path).tags:
            names = ["src", "srcset", "data", "poster", "action"] + (
                ["href"] if tag in ("link", "use", "image") else []
            )
            canonical = tag == "link" and attributes.get("rel") in ("canonical", "license")
            loads = [attributes[name] for name in names if attributes.get(name) and not canonical]
            wrong += [(path.name, tag, url) for url in loads if outside.match(url)]
    for path in HTML.rglob("*.css"):
        text = path.read_text(encoding="utf-8", errors="replace")
        wrong += [(path.name, url) for url in re.findall(r"url\(\s*['\"]?((?:https?:)?//[^)]*)\)", text)]
        wrong += [(path.name, url) for url in re.findall(r"@import\s+['\"]((?:https?:)?//[^'\"]*)", text)]
    assert wrong == []


@pytest.mark.slow
def test_every_claim_is_in_the_ledger(book):
    made = {name: [claim["id"] for claim in page.claims()] for name, page in book.items()}
    assert made == {name: claims_in_source(name) for name in PAGES}
    ledger = book["book/ledger"].text
    for name, ids in made.items():
        for id in ids:
            assert f'href="{Path(name).name}.html#claim-{id}"' in ledger
    everything = [id for ids in made.values() for id in ids]
    assert f"{len(everything)} claims" in ledger
    assert set(everything) >= REQUIRED


@pytest.mark.slow
def test_every_figure_has_words_in_its_place(book):
    for name, page in book.items():
        seen = set()
        for attributes in page.find("img"):
            assert attributes.get("alt"), f"{name}: {attributes}"
        for attributes in page.find("svg", "figure"):
            words = attributes.get("aria-label", "")
            assert len(words) > 60, f"{name}: {words!r}"
            assert words not in seen
            seen.add(words)
        assert seen or name not in CHAPTERS


@pytest.mark.slow
def test_no_number_is_missing(book):
    for name, page in book.items():
        for hole in ("{glue", "{numref}", "{eq}", "{cite", "{term}", "&#123;glue"):
            assert hole not in re.sub(r"<pre.*?</pre>", "", page.text, flags=re.DOTALL), name
        assert not re.search(r'<span class="pasted-text">\s*(nan|None)?\s*</span>', page.text), name


@pytest.mark.slow
@pytest.mark.parametrize("name", CHAPTERS)
def test_a_chapter_is_whole(book, name):
    """Aims, a prediction, a summary, exercises with their solutions out of sight, references."""
    page = book[name]
    source = (ROOT / f"{name}.md").read_text()
    headings = re.findall(r"^## (.+)$", source, flags=re.MULTILINE)
    assert headings[0] == "After this chapter you can"
    assert headings[1] == "Predict first"
    cites = "{cite" in source
    assert headings[-2 - cites :] == ["Summary", "Exercises"] + ["References"] * cites
    exercises = re.findall(r"\{exercise\}[^\n]*\n:label: (\S+)", source)
    solutions = re.findall(r"\{solution\} (\S+)\n:class: dropdown", source)
    assert exercises
    assert exercises == solutions
    assert len(page.find("div", "solution")) == len(exercises)
    assert all("dropdown" in a["class"] for a in page.find("div", "solution"))
    assert page.find("svg", "figure")
    assert ("citation-list" in page.text) == cites


def test_numbers_in_prose_come_from_code():
    """A measured number has a decimal point; in the prose of a chapter it must be glued. Exercises may give numbers."""
    for name in CHAPTERS:
        source = (ROOT / f"{name}.md").read_text()
        prose = re.sub(r"^```.*?^```$", "", source, flags=re.DOTALL | re.MULTILINE)
        prose = re.sub(r"^:::.*?^:::$", "", prose, flags=re.DOTALL | re.MULTILINE)
        prose = re.sub(r"^---.*?^---$", "", prose, count=1, flags=re.DOTALL | re.MULTILINE)
        prose = re.sub(r"\$\$.*?\$\$|\$[^$]*\$|`[^`]*`|\]\([^)]*\)", "", prose, flags=re.DOTALL)
        typed = re.findall(r"(?<![\w.])\d+\.\d+(?:\s*%)?", prose)
        assert typed == [], f"{name}: typed in by hand: {typed}"


# Notes the greatest width that a page had in any frame, and how many of its figures stand.
WIDTHS = """
(() => {
  window.probe = { widest: 0, ready: 0 };
  document.addEventListener("simsoftmax:ready", () => { window.probe.ready += 1; });
  const look = () => {
    window.probe.widest = Math.max(window.probe.widest, document.documentElement?.scrollWidth ?? 0);
    requestAnimationFrame(look);
  };
  look();
})();
"""
SETTLED = """
document.querySelectorAll("script[type='application/vnd.jupyter.widget-view+json']").length <= window.probe.ready
"""


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.parametrize("name", PAGES)
def test_a_page_fits_a_phone_and_keeps_to_itself(book, browser, name):
    """At 380 px no frame is wider; no request leaves, nothing fails; both themes have the inks they need."""
    context = browser.new_context(viewport={"width": 380, "height": 800}, offline=True)
    page = context.new_page()
    page.add_init_script(WIDTHS)
    requests, errors = [], []
    page.on("request", lambda request: requests.append(request.url))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.goto((HTML / f"{name}.html").as_uri())
    page.wait_for_load_state("load")
    page.wait_for_function(SETTLED)
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    assert page.evaluate("window.probe.widest") <= 380
    small = page.evaluate(
        """() => [...document.querySelectorAll('figure svg.figure text')].map(text => {
            const svg = text.ownerSVGElement;
            const scale = svg.getBoundingClientRect().width / svg.viewBox.baseVal.width;
            return parseFloat(getComputedStyle(text).fontSize) * scale;
        }).filter(size => size < 11)"""
    )
    assert small == []
    inks = {}
    for theme in ("light", "dark"):
        page.evaluate(f"document.documentElement.dataset.theme = '{theme}'")
        inks[theme] = page.evaluate("getComputedStyle(document.documentElement).getPropertyValue('--ss-theory')")
    assert inks["light"] != inks["dark"]
    assert [url for url in requests if not url.startswith(("file:", "data:", "blob:"))] == []
    assert errors == []
    context.close()
