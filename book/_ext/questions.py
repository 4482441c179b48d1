"""Questions to the reader: the directive ``{predict}``, and ``{my-answers}``, where a page shows what he has answered.

::

    :::{predict} cold-ties
    Two levels tie for the best score. How is the softmax shared at $T = 0$?

    - [ ] The first takes all.
    - [x] The two take a half each.
    - [ ] It is not defined.

    All levels of least energy share what is there.
    :::

A question, two to five choices of which one is marked, and why, in a sentence; the whole is prose, with roles and
formulas. Where the chapter comes to the answer, a code cell computes which choice is true:
``answer("cold-ties", p[0] == 1, p[0] == p[1] == 0.5, ...)`` (``book/answers.py``). The build stops if that is not the
choice that is marked. For a number, a scale stands in the place of the choices, and how close counts as right::

    - [0 to 100 %, within 5]

``:version: 2`` says that a question has changed so much that an answer to the old one counts no more.

The page holds the question, its choices, and a folded answer: so it is on paper, and without scripts. With them
(``assets/questions.js``) the reader answers, says how sure he is, and sees.
"""

from __future__ import annotations

import ast
import json
import re
import sys
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

from docutils import nodes
from docutils.parsers.rst import directives
from docutils.statemachine import StringList
from gathered import again
from ledger import reading_order
from myst_nb.ext.glue.utils import RetrievalError, retrieve_glue_data
from myst_nb.sphinx_ import HideCodeCellNode
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.errors import ExtensionError
from sphinx.util.docutils import SphinxDirective

sys.path.insert(0, str(Path(__file__).parents[1]))

from answers import PREFIX

CHOICE = re.compile(r"^- \[([ x])\] (.*)$")
SCALE = re.compile(r"^- \[(-?[\d.]+) to (-?[\d.]+)(?: ([^,]+))?, within ([\d.]+)\]$")


class Question(NamedTuple):
    """A question as it is written, in Markdown."""

    text: str
    choices: tuple[str, ...]
    marked: int
    scale: tuple[float, float, float] | None  # least, greatest, and how close counts as right
    unit: str
    why: str

    @property
    def alternatives(self) -> int:
        """How many answers there are; of a scale, how many that do not overlap."""
        if self.scale is None:
            return len(self.choices)
        least, greatest, within = self.scale
        return round((greatest - least) / (2 * within))

    def number(self, value: float) -> str:
        """Return a number in the question's unit."""
        return f"{value:.3g}" + ("\N{NO-BREAK SPACE}" + self.unit if self.unit else "")


def read(body: str) -> Question:
    """Return a question from the body of its directive; one that is not whole is an error."""
    lines = body.strip().splitlines()
    first = next((n for n, line in enumerate(lines) if line.startswith("- [")), len(lines))
    last = next((n for n in range(first, len(lines)) if not lines[n].strip()), len(lines))
    text, listed, why = ("\n".join(part).strip() for part in (lines[:first], lines[first:last], lines[last:]))
    if not text or not listed or not why:
        raise ValueError("a question needs its text, its choices, and why, with empty lines between")
    if scale := SCALE.match(listed):
        least, greatest, unit, within = scale.groups()
        numbers = (float(least), float(greatest), float(within))
        question = Question(text, (), -1, numbers, unit or "", why)
        cells = (numbers[1] - numbers[0]) / (2 * numbers[2])
        if question.alternatives < 2 or abs(cells - question.alternatives) > 1e-9:
            raise ValueError(
                f"a scale must hold what counts as right a whole number of times, twice at least, got {listed!r}"
            )
        return question
    marks: list[str] = []
    choices: list[str] = []
    for line in listed.splitlines():
        if choice := CHOICE.match(line):
            marks.append(choice[1])
            choices.append(choice[2])
        elif choices and line.startswith("  "):
            choices[-1] += " " + line.strip()
        else:
            raise ValueError(
                f"a choice begins with '- [ ] ' or '- [x] ', and a scale is '- [0 to 9, within 1]': {line!r}"
            )
    if not 2 <= len(choices) <= 5 or marks.count("x") != 1:
        raise ValueError(f"a question has two to five choices, one of them marked; got {marks}")
    return Question(text, tuple(choices), marks.index("x"), None, "", why)


def judged(id: str, question: Question, computed: float) -> str:
    """Return the answer in Markdown; one that the book did not compute is an error."""
    if question.scale is None:
        if computed != question.marked:
            raise ValueError(
                f"question {id!r} marks choice {question.marked + 1}, and the true one is {computed + 1:g}"
            )
        return f"**{letter(question.marked)}.** {question.choices[question.marked]}"
    least, greatest, _ = question.scale
    if not least <= computed <= greatest:
        raise ValueError(f"the answer to question {id!r} is {computed:g}, off its scale of {least:g} to {greatest:g}")
    return f"**{question.number(computed)}.**"


def letter(place: int) -> str:
    """Return the name of a choice."""
    return "ABCDE"[place]


def scale_in_words(question: Question) -> str:
    """Return what may be answered on a scale."""
    assert question.scale is not None
    least, greatest, within = map(question.number, question.scale)
    if question.unit == "%":
        within = f"{question.scale[2]:.3g} points"  # and not a share of the share
    return f"A number from {least} to {greatest}; within {within} counts as right."


class predict(nodes.General, nodes.Element):
    """A question with all that belongs to it."""


class predict_part(nodes.General, nodes.Element):
    """A part of a question: its text, a choice, the answer."""


class Predict(SphinxDirective):
    """The directive ``{predict}``."""

    has_content = True
    required_arguments = 1
    option_spec = {"version": directives.positive_int}  # noqa: RUF012

    def run(self) -> list[nodes.Node]:
        """Read the question, and hold what it marks against what the page has computed."""
        id = self.arguments[0]
        try:
            question = read("\n".join(self.content))
            glued = retrieve_glue_data(self.state.document, PREFIX + id)
            computed = ast.literal_eval(glued.data["text/plain"])
            answer = judged(id, question, computed)
        except RetrievalError as error:
            raise self.error(f"question {id!r} has no answer; compute it in a cell: answer({id!r}, ...)") from error
        except ValueError as error:
            raise self.error(str(error)) from error
        facts = {
            "id": id,
            "version": self.options.get("version", 1),
            "chapter": self.env.docname.rpartition("/")[2],
            "alternatives": question.alternatives,
            "answer": computed,
            "scale": question.scale,
            "unit": question.unit,
        }
        asked = _questions(self.env)
        asked.setdefault(self.env.docname, []).append(facts)
        whole = predict("", facts=facts, ids=[f"predict-{id}"])
        whole += self.part("question", question.text)
        if question.scale is None:
            listed = predict_part("", kind="choices")
            listed += [self.part("choice", choice) for choice in question.choices]
            whole += listed
        else:
            whole += self.part("scale", scale_in_words(question))
        folded = predict_part("", self.part("given", answer), self.part("why", question.why), kind="answer")
        place = nodes.reference("", "Where the chapter comes to it", refid=PREFIX + id, internal=True)
        folded += nodes.paragraph("", "", place, nodes.Text("."))
        whole += folded
        return [whole]

    def part(self, kind: str, markdown: str) -> predict_part:
        """Return a part of the question, read as prose."""
        part = predict_part("", kind=kind)
        self.state.nested_parse(StringList(markdown.splitlines(), self.env.docname), self.content_offset, part)
        return part


class answers_place(nodes.General, nodes.Element):
    """Where the reader's own answers go: a chapter a row, filled in when every page has been read."""


class MyAnswers(SphinxDirective):
    """The directive ``{my-answers}``."""

    def run(self) -> list[nodes.Node]:
        """Hold the place until every page has been read."""
        self.env.__dict__.setdefault("simsoftmax_answers", set()).add(self.env.docname)
        return [answers_place()]


def _questions(env: BuildEnvironment) -> dict[str, list[dict[str, Any]]]:
    """Return the questions of each page, by its name, in the pickled environment."""
    kept: dict[str, list[dict[str, Any]]] = env.__dict__.setdefault("simsoftmax_questions", {})
    return kept


def purge(app: Sphinx, env: BuildEnvironment, docname: str) -> None:
    """Forget a page that changed or has gone."""
    _questions(env).pop(docname, None)
    env.__dict__.get("simsoftmax_answers", set()).discard(docname)


def merge(app: Sphinx, env: BuildEnvironment, docnames: set[str], other: BuildEnvironment) -> None:
    """Take over the pages that another process has read."""
    theirs = _questions(other)
    _questions(env).update({name: theirs[name] for name in docnames if name in theirs})


def check(app: Sphinx, env: BuildEnvironment) -> list[str]:
    """Refuse a question that is asked twice."""
    seen: dict[str, str] = {}
    for docname, asked in sorted(_questions(env).items()):
        for facts in asked:
            if facts["id"] in seen:
                raise ExtensionError(
                    f"question {facts['id']!r} is asked twice: in {seen[facts['id']]} and in {docname}"
                )
            seen[facts["id"]] = docname
    return again(app, env.__dict__.get("simsoftmax_answers", ()))


def fill(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Put the chapters and their questions, in the order of the book, where a page shows the reader's answers."""
    asked = _questions(app.env)
    for place in doctree.findall(answers_place):
        place["chapters"] = [
            {
                "title": app.env.titles[name].astext(),
                "address": app.builder.get_relative_uri(docname, name) + f"#predict-{asked[name][0]['id']}",
                "questions": {facts["id"]: facts["version"] for facts in asked[name]},
            }
            for name in reading_order(app.env)
            if name in asked
        ]


TAGS = {
    "question": ('<div class="predict-question">', "</div>"),
    "choices": ('<ol class="predict-choices" type="A">', "</ol>"),
    "choice": ("<li>", "</li>"),
    "scale": ('<div class="predict-scale">', "</div>"),
    "given": ('<div class="predict-given">', "</div>"),
    "why": ('<div class="predict-why">', "</div>"),
    "answer": ('<details class="predict-answer"><summary>The answer</summary>', "</details>"),
}


def visit(translator: Any, node: predict) -> None:
    """Begin a question."""
    facts = escape(json.dumps(node["facts"]))
    translator.body.append(f'<div class="predict" id="{node["ids"][0]}" data-predict="{facts}">')


def depart(translator: Any, node: predict) -> None:
    """End a question."""
    translator.body.append("</div>")


def visit_part(translator: Any, node: predict_part) -> None:
    """Begin a part."""
    translator.body.append(TAGS[node["kind"]][0])


def depart_part(translator: Any, node: predict_part) -> None:
    """End a part."""
    translator.body.append(TAGS[node["kind"]][1])


def visit_answers(translator: Any, node: answers_place) -> None:
    """Write a row for each chapter, to which a page adds what its reader has answered."""
    chapters = escape(json.dumps([chapter["questions"] for chapter in node["chapters"]]))
    translator.body.append(f'<div class="answers" data-chapters="{chapters}">')
    translator.body.append('<div class="pst-scrollable-table-container"><table class="table"><thead><tr>')
    translator.body.append('<th scope="col">chapter</th><th scope="col">questions</th></tr></thead><tbody>')
    for chapter in node["chapters"]:
        link = f'<a href="{escape(chapter["address"])}">{escape(chapter["title"])}</a>'
        translator.body.append(f'<tr><th scope="row">{link}</th><td>{len(chapter["questions"])}</td></tr>')
    total = sum(len(chapter["questions"]) for chapter in node["chapters"])
    translator.body.append(f'</tbody><tfoot><tr><th scope="row">all</th><td>{total}</td></tr></tfoot></table>')
    translator.body.append("</div></div>")
    raise nodes.SkipNode


def pass_by(translator: Any, node: nodes.Element) -> None:
    """Write the words alone."""


#: How the first answer of a row says what it is, and those after it.
FIRST = re.compile("This answers (<a [^>]*>)a question</a>")
NEXT = ("another", "a third", "one more")


def lay_rows(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Mark the cells that say which question is answered, and those beside them that share a row with them."""
    row = 0  # answers that are in this row already
    for here in doctree.findall(nodes.container):
        if "cell" not in here["classes"]:
            continue
        after = here.next_node(descend=False, siblings=True)
        if not isinstance(after, nodes.container) or "cell" not in after["classes"]:
            after = None
        row = go_on(here, row)
        if row:
            here["classes"].append("answers-here")
            if after and (places(after) or isinstance(after[0], HideCodeCellNode)):
                here["classes"].append("row-goes-on")
            if not (after and places(after)):
                row = 0
        elif after and places(after) and [type(child) for child in here] == [HideCodeCellNode]:
            here["classes"].append("row-begins")


def places(cell: nodes.container) -> list[nodes.raw]:
    """Return what says, in a cell, which questions are answered here."""
    return [raw for raw in cell.findall(nodes.raw) if 'class="predict-place"' in raw.astext()]


def go_on(cell: nodes.container, row: int) -> int:
    """Let a cell's answers go on with a row that has some, and return how many it has then; 0 if the cell has none."""
    found = places(cell)
    for raw in found:
        if row:
            word = NEXT[min(row, len(NEXT)) - 1]
            text = FIRST.sub(rf"And \1{word}</a>", raw.astext())
            raw.children = [nodes.Text(text)]
            raw.rawsource = text
        row += 1
    return row if found else 0


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.setup_extension("gathered")
    plain = (pass_by, pass_by)
    app.add_node(predict, html=(visit, depart), latex=plain, text=plain)
    app.add_node(predict_part, html=(visit_part, depart_part), latex=plain, text=plain)
    app.add_node(answers_place, html=(visit_answers, None), latex=plain, text=plain)
    app.add_directive("predict", Predict)
    app.add_directive("my-answers", MyAnswers)
    app.connect("env-purge-doc", purge)
    app.connect("env-merge-info", merge)
    app.connect("env-updated", check)
    app.connect("doctree-resolved", fill)
    app.connect("doctree-resolved", lay_rows)
    app.add_css_file("questions.css")
    app.add_js_file("questions.js", loading_method="defer")
    return {"env_version": 2, "parallel_read_safe": True, "parallel_write_safe": True}
