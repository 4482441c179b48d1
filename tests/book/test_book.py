"""The built book: whole, from this host alone, with nothing unsaid."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
HTML = ROOT / "_build" / "html"
TOC = yaml.safe_load((ROOT / "_toc.yml").read_text())
CONFIG = yaml.safe_load((ROOT / "_config.yml").read_text())
ENTRIES = [entry for part in TOC["parts"] for entry in part["chapters"]]
BELOW = [entry["file"] for above in ENTRIES for entry in above.get("sections", [])]  # a page below another's
PAGES = [TOC["root"]] + [entry["file"] for entry in ENTRIES] + BELOW

CHAPTERS = [page for page in PAGES if "{exercise}" in (ROOT / f"{page}.md").read_text()]

# Every claim of the book by name, page by page. Written out, not collected from the pages: a claim that gets lost with
# its paragraph, or that moves, is missed here, and a new one is put on the list by whoever makes it.
CLAIMS = {
    "book/energy-and-chance": {"one", "bayes", "gibbs", "global-balance", "example"},
    "book/temperature": {"cold", "hot", "order", "gumbel-max", "diversity", "entropy"},
    "book/verdict": {"verdict-power", "verdict-alarms", "verdict-controls", "verdict-naive"},
    "book/samplers": {"draws-tests", "draws-museum", "draws-right"},
    "book/free-energy": {"tradeoff", "accuracy", "minimum", "log-sum-exp", "response"},
    "book/seeing-ln-z": {"generating", "bennett", "lnz-coverage", "lnz", "lnz-ways"},
    "book/emergent-temperature": {"maxent"},
    "book/annealing": {"anneal", "freeze-in", "replica-exchange", "freeze"},
    "book/making-models-honest": {"overconfident", "training-cools", "confident-errors", "fit", "ece-bias", "stakes"},
    "book/beyond-one-machine": {"coordinates", "shared-error"},
    "book/what-training-aims-at": {"logodds", "logodds-approach", "logodds-endless", "signal-noise"},
    "book/a-hidden-symmetry": {"symmetry", "symmetry-valley", "symmetry-biases", "symmetry-fixed-scale"},
    "book/weight-decay-is-heat": {"l2-overfit", "l2", "l2-calibration", "l2-limit", "l2-clock"},
    "book/teaching-with-warmth": {
        "dark-knowledge",
        "distil",
        "warm-student",
        "warmth-and-knowledge",
        "warm-honesty",
        "never-seen",
        "label-smoothing",
    },
    "book/where-to-look": {
        "attention",
        "dilution",
        "dilution-lead",
        "dilution-overtaken",
        "dilution-tails",
        "attention-words",
    },
    "book/when-one-knob-is-not-enough": {
        "shift",
        "mixture",
        "vector-scaling",
        "vector-scaling-pays",
        "free-energy-score",
        "energy-score",
    },
    "book/one-knob-many-names": {"one-knob", "what-is-heated"},
    "book/explore-or-exploit": {
        "explore",
        "explore-price",
        "bandit-heat",
        "bandit-second-chance",
        "bandit-cooling",
        "bandit-rivals",
    },
    "book/sparks": {"letters", "create", "best-likelihood", "nucleus-order", "loops", "zero-ties"},
    "book/how-well-do-you-know": {"readers"},
    "book/speed": {"fast-exact"},
}


def source_of(page):
    """Return the text of a page as it was written."""
    return (ROOT / f"{page}.md").read_text(encoding="utf-8")


def cells_in_source(page):
    """Return the code cells of a page, each as its options (tags, the words for its figure) and its code."""
    cells = re.findall(r"^```\{code-cell\}[^\n]*\n(.*?)^```", source_of(page), flags=re.DOTALL | re.MULTILINE)
    found = [re.fullmatch(r"(?:---\n(.*?)^---\n)?(.*)", cell, flags=re.DOTALL | re.MULTILINE) for cell in cells]
    return [(yaml.safe_load(cell[1] or "{}"), cell[2]) for cell in found]


def claims_in_source(page):
    """Return the ids of the claims that a chapter's cells make, in their order."""
    return re.findall(r'^ *claim\(\s*"([^"]+)"', source_of(page), flags=re.MULTILINE)


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
    assert requirements[-2] == "-e .[sweeps]"  # which a page needs


def test_the_first_page_names_all_others():
    named = re.findall(r"\{doc\}`(?:[^`<]*<)?([\w-]+)>?`", source_of(TOC["root"]))
    assert {f"book/{name}" for name in named} == set(PAGES) - {TOC["root"], *BELOW}


def test_no_claim_is_lost():
    assert {page: set(ids) for page in PAGES if (ids := claims_in_source(page))} == CLAIMS


def test_every_reference_is_cited():
    """A work on the list that no page cites was meant to support something, and supports nothing."""
    listed = re.findall(r"^@\w+\{([^,\s]+),", (ROOT / "book/references.bib").read_text(encoding="utf-8"), re.MULTILINE)
    cited = {
        key.strip()
        for page in PAGES
        for keys in re.findall(r"\{cite(?::\w+)?\}`([^`]+)`", source_of(page))
        for key in keys.split(",")
    }
    assert len(listed) == len(set(listed))
    assert set(listed) == cited


def test_words_for_a_figure_type_in_no_measurement():
    """A number in an alternative text or a caption is an input, so in the page's code; a measurement may change."""
    wrong = []
    for page in PAGES:
        cells = cells_in_source(page)
        inputs = {float(number) for _, code in cells for number in re.findall(r"\d*\.\d+", code)}
        for options, _ in cells:
            shown = options.get("mystnb", {})
            words = f"{shown.get('image', {}).get('alt')} {shown.get('figure', {}).get('caption')}"
            typed = re.findall(r"(?<![\w.])\d+\.\d+", words)
            wrong += [(page, shown["figure"]["name"], number) for number in typed if float(number) not in inputs]
    assert wrong == []


def test_code_that_is_shown_is_executed():
    """Code in a chapter is a code cell, in solutions too: what is never run is never right for long."""
    plain = r"^ *(?:`{3,}|~{3,}|:{3,}) *\{?((?:i?python3?|sourcecode|code(?:-block)?)\b(?!-cell).*)$"
    for page in PAGES:
        fences = re.findall(plain, source_of(page), flags=re.MULTILINE)
        assert fences == [], page


def test_every_page_is_built(book):
    assert (HTML / "index.html").exists()
    for page in book.values():
        assert page.find("h1")


def test_pages_are_kept_without_all_that_sphinx_knows(book):
    """A directive that lets another parse its words can leave the whole environment in the page, 4 MB of each."""
    kept = list((HTML.parent / ".doctrees").rglob("*.doctree"))
    assert len(kept) > 30
    assert [path.stem for path in kept if b"BuildEnvironment" in path.read_bytes()] == []


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


def test_every_claim_is_in_the_ledger(book):
    made = {name: [claim["id"] for claim in page.claims()] for name, page in book.items()}
    assert made == {name: claims_in_source(name) for name in PAGES}
    ledger = book["book/ledger"].text
    for name, ids in made.items():
        for id in ids:
            assert f'href="{Path(name).name}.html#claim-{id}"' in ledger
    assert f"{sum(map(len, made.values()))} claims" in ledger


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


def test_no_number_is_missing(book):
    for name, page in book.items():
        for hole in ("{glue", "{numref}", "{eq}", "{cite", "{term}", "&#123;glue"):
            assert hole not in re.sub(r"<pre.*?</pre>", "", page.text, flags=re.DOTALL), name
        assert not re.search(r'<span class="pasted-text">\s*(nan|None)?\s*</span>', page.text), name


@pytest.mark.parametrize("name", CHAPTERS)
def test_a_chapter_is_whole(book, name):
    """Aims, a prediction, a summary, exercises with their solutions out of sight, references."""
    page = book[name]
    source = source_of(name)
    headings = re.findall(r"^## (.+)$", source, flags=re.MULTILINE)
    assert headings[0] == "After this chapter you can"
    assert headings[1] == "Predict first"
    cites = "{cite" in source
    assert headings[-2 - cites :] == ["Summary", "Exercises"] + ["References"] * cites
    exercises = re.findall(r"\{exercise\}[^\n]*\n:label: (\S+)", source)
    solutions = re.findall(r"\{solution(?:-start)?\} (\S+)\n:class: dropdown", source)
    assert exercises
    assert exercises == solutions
    assert len(page.find("div", "solution")) == len(exercises)
    assert all("dropdown" in a["class"] for a in page.find("div", "solution"))
    assert page.find("svg", "figure")
    assert ("citation-list" in page.text) == cites


def test_numbers_in_prose_come_from_code():
    """A measured number has a decimal point; in the prose of a chapter it must be glued. Exercises may give numbers."""
    for name in CHAPTERS:
        prose = re.sub(r"^```.*?^```$", "", source_of(name), flags=re.DOTALL | re.MULTILINE)
        prose = re.sub(r"^:::.*?^:::$", "", prose, flags=re.DOTALL | re.MULTILINE)
        prose = re.sub(r"^---.*?^---$", "", prose, count=1, flags=re.DOTALL | re.MULTILINE)
        prose = re.sub(r"\$\$.*?\$\$|\$[^$]*\$|`[^`]*`|\]\([^)]*\)", "", prose, flags=re.DOTALL)
        typed = re.findall(r"(?<![\w.])\d+\.\d+(?:\s*%)?", prose)
        assert typed == [], f"{name}: typed in by hand: {typed}"
