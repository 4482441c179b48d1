"""A question whose marked answer is not the computed one stops the book; and what a question must have to be one."""

import json
import re
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
import yaml
from building import build_book, extension

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "book"))

from answers import AnswerError, answer  # noqa: E402

TOC = yaml.safe_load((ROOT / "_toc.yml").read_text())
PAGES = [entry["file"] for part in TOC["parts"] for entry in part["chapters"]]
CHAPTERS = [page for page in PAGES if "{exercise}" in (ROOT / f"{page}.md").read_text(encoding="utf-8")]
BODY = """Two levels tie.
How is it at $T = 0$?

- [ ] One takes all.
- [x] Half each,
  as they tie.

They are alike."""


NONE = BODY.replace("[x]", "[ ]")


@pytest.fixture(scope="module")
def questions():
    """Return the book's Sphinx extension as a module."""
    return extension("questions")


@pytest.fixture
def glued(monkeypatch):
    """Return what answers glue, by name."""
    kept = {}
    monkeypatch.setattr("answers.myst_nb.glue", lambda name, value, display: kept.update({name: value}))
    monkeypatch.setattr("answers.display", lambda place: None)
    return kept


def test_a_question_is_read(questions):
    found = questions.read(BODY)
    assert found.text == "Two levels tie.\nHow is it at $T = 0$?"
    assert found.choices == ("One takes all.", "Half each, as they tie.")
    assert (found.marked, found.alternatives, found.why) == (1, 2, "They are alike.")


@pytest.mark.parametrize(
    ("line", "scale", "unit", "alternatives"),
    [
        ("- [0 to 100 %, within 5]", (0, 100, 5), "%", 10),
        ("- [-1 to 1, within 0.25]", (-1, 1, 0.25), "", 4),
        ("- [0 to 300 kelvin, within 50]", (0, 300, 50), "kelvin", 3),
    ],
)
def test_a_scale_is_read(questions, line, scale, unit, alternatives):
    found = questions.read(f"How many?\n\n{line}\n\nSo it is.")
    assert (found.scale, found.unit, found.alternatives) == (scale, unit, alternatives)


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ("How?\n\n- [x] So.\n- [ ] Not so.", "needs its text, its choices, and why"),
        ("- [x] So.\n- [ ] Not so.\n\nWhy.", "needs its text"),
        ("How?\n\nWhy.", "needs its text"),
        ("How?\n\n- [x] So.\n\nWhy.", "two to five choices"),
        ("How?\n\n- [ ] So.\n- [ ] Not so.\n\nWhy.", "one of them marked"),
        ("How?\n\n- [x] So.\n- [x] Not so.\n\nWhy.", "one of them marked"),
        ("How?\n\n" + "- [ ] So.\n" * 5 + "- [x] So.\n\nWhy.", "two to five choices"),
        ("How?\n\n- [x] So.\n- Not so.\n\nWhy.", "a choice begins with"),
        ("How?\n\n- [0 to 100, within 60]\n\nWhy.", "twice at least"),
        ("How?\n\n- [0 to 100, within 7]\n\nWhy.", "a whole number of times"),
    ],
)
def test_what_is_no_question_is_refused(questions, body, named):
    with pytest.raises(ValueError, match=named):
        questions.read(body)


def test_the_marked_choice_must_be_the_computed_one(questions):
    found = questions.read(BODY)
    assert questions.judged("tie", found, 1) == "**B.** Half each, as they tie."
    with pytest.raises(ValueError, match=r"'tie' marks choice 2, and the true one is 1"):
        questions.judged("tie", found, 0)
    number = questions.read("How many?\n\n- [0 to 100 %, within 5]\n\nSo it is.")
    assert questions.judged("share", number, 76.42).startswith("**76.4")
    with pytest.raises(ValueError, match="off its scale of 0 to 100"):
        questions.judged("share", number, 101)


def test_an_answer_is_one_truth_or_one_number(glued):
    answer("tie", False, True, False)
    answer("share", 76.4)
    assert glued == {"answer-tie": 1, "answer-share": 76.4}
    for found in ((True, True), (False, False)):
        with pytest.raises(AnswerError, match="exactly one choice of question 'tie'"):
            answer("tie", *found)
    for found in ((), (True,), (1, 0), (0.2, True), ("yes", "no"), (None,)):
        with pytest.raises(TypeError, match="needs a truth value for each choice, or one number"):
            answer("tie", *found)
    with pytest.raises(ValueError, match="finite"):
        answer("share", float("nan"))
    with pytest.raises(ValueError, match="id must be"):
        answer("A tie", True, False)


FRONT = """---
jupytext: {text_representation: {extension: .md, format_name: myst}}
kernelspec: {display_name: Python 3, language: python, name: python3}
---
# A page
%s
```{code-cell} ipython3
from answers import answer
%s
```
"""


def built(folder, questions, code):
    """Build a book of one page, with questions by name and the code that answers them; return what has run."""
    (folder / "book").mkdir()
    for name in ("_ext", "assets", "answers.py", "claims.py"):
        (folder / "book" / name).symlink_to(ROOT / "book" / name)
    asked = "".join(f"\n:::{{predict}} {name}\n{body}\n:::\n" for name, body in questions.items())
    (folder / "book" / "page.md").write_text(FRONT % (asked, code))
    (folder / "_toc.yml").write_text(json.dumps({"format": "jb-book", "root": "book/page"}))
    extensions = {"ledger": "book/_ext", "questions": "book/_ext"}
    sphinx = {"local_extensions": extensions, "config": {"html_static_path": ["book/assets"]}}
    (folder / "_config.yml").write_text(json.dumps({"title": "A book", "sphinx": sphinx}))
    return build_book(folder)


@pytest.mark.process
@pytest.mark.slow
def test_a_right_answer_is_built(tmp_path):
    done = built(tmp_path, {"tie": BODY}, "answer('tie', False, True)")
    assert done.returncode == 0, done.stdout + done.stderr
    page = (tmp_path / "_build" / "html" / "book" / "page.html").read_text(encoding="utf-8")
    assert "<b>" not in re.search(r'<div class="predict-why">(.*?)</div>', page, re.S)[1]
    assert "<details" in page


@pytest.mark.process
def test_the_build_stops_at_a_wrong_answer(tmp_path):
    """Each of the three counts as a warning, and one would do."""
    questions = {"wrong": BODY, "missing": BODY, "unmarked": NONE}
    done = built(tmp_path, questions, "answer('wrong', True, False); answer('unmarked', False, True)")
    assert done.returncode != 0
    said = done.stdout + done.stderr
    for complaint in (
        "question 'wrong' marks choice 2, and the true one is 1",
        "question 'missing' has no answer",
        "one of them marked",
    ):
        assert re.search(rf"page\.md:\d+: .*(WARNING|ERROR): .*{complaint}", said), said
    assert "build finished with problems, 3 warnings" in said


def test_every_chapter_asks_three_questions_or_more():
    """And the book fifty; each has a name of its own and an answer in the same chapter."""
    asked = {}
    for page in CHAPTERS:
        source = (ROOT / f"{page}.md").read_text(encoding="utf-8")
        names = re.findall(r"^:::\{predict\} (\S+)$", source, re.M)
        answered = re.findall(r'^ *answer\(\s*"([a-z0-9-]+)"', source, re.M)
        assert sorted(names) == sorted(answered), page
        assert len(names) >= 3, page
        opening = source[source.index("## Predict first") :]
        assert "{predict}" in opening[: opening.index("\n## ", 5)], page
        asked |= dict.fromkeys(names, page)
    assert len(asked) >= 50
    sources = "".join((ROOT / f"{page}.md").read_text(encoding="utf-8") for page in CHAPTERS)
    assert len(asked) == len(re.findall(r"^:::\{predict\}", sources, re.M))


class Asked(HTMLParser):
    """The questions of a page, and what it has of ids."""

    def __init__(self):
        super().__init__()
        self.facts, self.ids = [], set()

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.ids.add(given.get("id"))
        if "data-predict" in given:
            self.facts.append(json.loads(given["data-predict"]))


def test_the_right_answers_are_not_all_in_one_place(html):
    """Whoever always says the same letter is right as often as chance has it, and each place of an answer exists."""
    places, most = [], []
    for page in CHAPTERS:
        asked = Asked()
        asked.feed((html / f"{page}.html").read_text(encoding="utf-8"))
        for facts in asked.facts:
            assert f"answer-{facts['id']}" in asked.ids
            assert facts["chapter"] == page.rpartition("/")[2]
            if facts["scale"] is None:
                places.append(facts["answer"])
                most.append(1 / facts["alternatives"])
            else:
                low, high, _ = facts["scale"]
                assert low <= facts["answer"] <= high
    for place in (0, 1, 2):
        assert 0.15 < sum(p == place for p in places) / len(places) < 0.6
