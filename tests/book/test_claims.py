"""A claim that is false stops the book; a claim that holds is in the ledger, whatever was cached."""

import json
import re
import shutil
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
from building import build_book

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "book"))

from claims import Badge, ClaimError, claim  # noqa: E402

FRONT = """---
jupytext: {text_representation: {extension: .md, format_name: myst}}
kernelspec: {display_name: Python 3, language: python, name: python3}
---
# %s

```{code-cell} ipython3
from claims import claim
%s
```
"""

CLAIM = """
claim("%s", "%s", evidence="seen", measured={"x": %s}, holds=lambda x: x > 0, faults={"minus one": {"x": -1}}%s)
"""


def state(id="cold", **changes):
    """State a claim that holds, but for the changes."""
    whole = {
        "sentence": "All are in one level.",
        "evidence": "7 of 7",
        "measured": {"there": 7, "all": 7},
        "holds": lambda there, all: there == all,
        "faults": {"one is elsewhere": {"there": 6}},
    }
    claim(id, **{**whole, **changes})


def test_a_false_claim_stops():
    with pytest.raises(ClaimError, match=r"'cold' does not hold: All .* level\. Evidence: 7 of 7"):
        state(measured={"there": 3, "all": 7})


def test_a_claim_that_cannot_fail_stops():
    with pytest.raises(ClaimError, match="'cold' cannot fail: it holds with this fault planted, too: one is elsewhere"):
        state(holds=lambda there, all: there <= all)


@pytest.mark.parametrize("faults", [{}, {"none": {}}, {"another name": {"here": 6}}])
def test_a_fault_changes_what_was_measured(faults):
    with pytest.raises(ValueError, match="faults must"):
        state(faults=faults)


def test_the_test_takes_all_that_was_measured():
    with pytest.raises(TypeError, match="must take what was measured"):
        state(holds=lambda there: there == 7)


@pytest.mark.parametrize("answer", [1, 0.5, None, "yes", [True]])
def test_a_mistaken_call_is_no_evidence(answer):
    with pytest.raises(TypeError, match="holds must answer True or False"):
        state(holds=lambda there, all: answer)
    with pytest.raises(TypeError, match="holds must be a function"):
        state(holds=answer)


@pytest.mark.parametrize("id", ["", "Cold", "two words", "-x", "a--b"])
def test_ids_are_plain(id):
    with pytest.raises(ValueError, match="id must be lower-case"):
        state(id)


def test_evidence_must_say_something():
    with pytest.raises(ValueError, match="evidence must say something"):
        state(evidence=" ")


def test_the_badge_carries_its_claim_through_html():
    fields = {"id": "odd", "sentence": 'If a < b & "c"', "evidence": "it's > 3"}
    fields |= {"over": "5 < 6 cases", "faults": ["a & b"], "erratum": None}
    found = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag, attrs):
            found.extend(json.loads(value) for name, value in attrs if name == "data-claim")

    Reader().feed(Badge(fields)._repr_html_())
    assert found == [fields]


@pytest.fixture
def small_book(tmp_path):
    """A book of two chapters and a ledger, built with the project's own settings."""
    parts = ["_ext", "_templates", "assets", "vendor", "data", "answers.py", "claims.py", "chapter.py"]
    parts += ["references.bib"]
    for name in ("_config.yml", "simsoftmax", *(f"book/{part}" for part in parts)):
        source, target = ROOT / name, tmp_path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    (tmp_path / "_toc.yml").write_text(
        "format: jb-book\nroot: book/index\nchapters:\n- file: book/one\n- file: book/two\n- file: book/ledger\n"
    )
    (tmp_path / "book/index.md").write_text("# A small book\n\nSee {claim}`first`.\n")
    (tmp_path / "book/ledger.md").write_text("# Ledger\n\n```{claims-ledger}\n```\n")
    (tmp_path / "book/one.md").write_text(
        FRONT % ("One", CLAIM % ("first", "One is one.", "1", ', erratum="Some say two."'))
    )
    (tmp_path / "book/two.md").write_text(FRONT % ("Two", CLAIM % ("second", "Two is two.", "2", "")))
    return tmp_path


WRITTEN = re.compile(r"writing output\.\.\..*?\[ *\d+%\] *(\S+)")
# Appended to an extension: where it is asked to, the build ends when all pages have been read and kept, and before any
# is written.
STOP = """

def stop(*_):
    import os
    if "STOP" in os.environ:
        raise SystemExit(3)


_setup = setup


def setup(app):
    app.connect("env-check-consistency", stop)
    return _setup(app)
"""


def build(book):
    """Build a book; return the exit code, what was said and the ledger page."""
    done = build_book(book)
    page = book / "_build/html/book/ledger.html"
    return done.returncode, done.stdout + done.stderr, page.read_text() if page.exists() else ""


@pytest.mark.minutes
@pytest.mark.slow
def test_the_ledger_follows_the_pages_and_these_what_they_are_made_with(small_book, monkeypatch):
    """What follows upon the first build is seen in the same book, each thing by its own build."""
    with (small_book / "book/_ext/sharing.py").open("a") as stopping:
        stopping.write(STOP)
    package = small_book / "simsoftmax/__init__.py"
    whole = package.read_text()
    package.write_text(whole + "\ndef truth():\n    return 1\n")
    one = small_book / "book/one.md"
    one.write_text(one.read_text().replace("import claim\n", "import claim\nimport simsoftmax\n"))
    one.write_text(one.read_text().replace('{"x": 1}', '{"x": simsoftmax.truth()}'))
    code, said, ledger = build(small_book)
    assert code == 0, said[-3000:]
    assert 'href="one.html#claim-first"' in ledger
    assert 'href="two.html#claim-second"' in ledger
    assert "2 claims" in ledger
    assert "2 faults were planted" in ledger
    assert "It would have failed with: minus one." in ledger
    assert "Some say two." in ledger
    index = small_book / "book/index.md"
    assert 'href="one.html#claim-first"' in (small_book / "_build/html/book/index.html").read_text()

    # Nothing changes but a comment, and nothing is written: neither the ledger, which gathers from all pages, nor
    # another page.
    extension = small_book / "book/_ext/openings.py"
    extension.write_text(extension.read_text() + "\n# A comment\n")
    code, said, _ = build(small_book)
    assert code == 0, said[-3000:]
    assert WRITTEN.findall(said) == []

    # After another style sheet all pages are written again, and none is read.
    style = small_book / "book/assets/book.css"
    style.write_text(style.read_text() + "p { color: red }\n")
    code, said, _ = build(small_book)
    assert code == 0, said[-3000:]
    assert len(WRITTEN.findall(said)) == 4
    assert "0 added, 0 changed" in said
    assert (small_book / "_build/html/_static/book.css").read_text() == style.read_text()

    # After another extension they are read as well, and no cell is executed again.
    extension.write_text(extension.read_text() + "\nANOTHER = 1\n")
    code, said, _ = build(small_book)
    assert code == 0, said[-3000:]
    assert "4 changed" in said
    assert len(WRITTEN.findall(said)) == 4
    assert "Executing" not in said

    # One chapter changes; the other comes from the environment, unread.
    two = small_book / "book/two.md"
    two.write_text(two.read_text().replace("second", "other"))
    code, said, ledger = build(small_book)
    assert code == 0, said[-3000:]
    assert "claim-other" in ledger
    assert "claim-second" not in ledger
    assert "claim-first" in ledger
    assert "one.md: Executing" not in said

    # A build that is stopped between reading and writing leaves the ledger as it was; the next one writes it.
    two.write_text(two.read_text().replace("other", "third"))
    monkeypatch.setenv("STOP", "1")
    assert build(small_book)[0] != 0
    monkeypatch.delenv("STOP")
    code, said, ledger = build(small_book)
    assert code == 0, said[-3000:]
    assert "claim-third" in ledger

    # A name that no page claims stops the build.
    linked = index.read_text()
    index.write_text(linked.replace("first", "second"))
    code, said, _ = build(small_book)
    assert code != 0
    assert "no page makes the claim 'second'" in said
    index.write_text(linked)

    # A change in the package alone makes an old claim false: the cache must not hide it.
    package.write_text(whole + "\n# A comment\ndef truth():\n    return 2\n")
    code, said, _ = build(small_book)
    assert code == 0, said[-3000:]
    assert "outputs of book/one are there" in said
    assert "book/two" not in said  # which does not use the package
    package.write_text(whole + "\ndef truth():\n    return 0\n")
    code, said, _ = build(small_book)
    assert code != 0
    assert "claim 'first' does not hold" in said


def test_a_claim_made_twice_stops_the_build(small_book):
    two = small_book / "book/two.md"
    two.write_text(two.read_text().replace("second", "first"))
    code, said, _ = build(small_book)
    assert code != 0
    assert "claim 'first' is made twice: in book/one and in book/two" in said
