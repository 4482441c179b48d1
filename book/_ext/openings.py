"""Let every chapter open with its question and its live figure, and say which words a figure has to stay beside.

Under its title stands the question that a chapter answers, and it is the headline: ``:::{question}``. Titles are for
links and the table of contents. The first live figure of a chapter follows: it is what the chapter is about, and it is
alive while one reads. Where it was called the code stays, and a line leads up to it. What one can do after a chapter is
folded. In wide windows live figures stand beside the text (``assets/beside.js``) as long as words act on them; sections
after that are ``free``: they stand in the middle, and their wide things and captions may use the margin.
On other pages figures have the whole width.
"""

from __future__ import annotations

from typing import Any

from docutils import nodes
from live_links import live_link, node_is_view
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

log = logging.getLogger(__name__)

GOALS = "After this chapter you can"

#: What stands where a figure was called that stands at the head of its chapter.
WAY_UP = "The figure stands at the head of the page."

#: What a chapter opens with: its title and its question. A figure just after them is at its head already.
OPENING = 2


class question(nodes.General, nodes.TextElement):
    """The question that a chapter answers."""


class QuestionDirective(SphinxDirective):
    """The directive ``{question}``: one sentence that ends in a question mark."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        """Return the question; whatever is none stops the build."""
        text = " ".join(self.content)
        if not text.endswith("?") or text.count("?") > 1:
            raise self.error(f"a chapter opens with one question, which ends in a question mark, got {text!r}")
        inline, messages = self.parse_inline(text)
        return [question(text, "", *inline), *messages]


def visit_question(translator: Any, node: question) -> None:
    """Begin the question in a page."""
    translator.body.append(translator.starttag(node, "p", "", CLASS="question"))


def depart_question(translator: Any, node: question) -> None:
    """End it."""
    translator.body.append("</p>\n")


class goals(nodes.General, nodes.Element):
    """What one can do after a chapter, folded; its ``title`` stays in sight."""


def visit_goals(translator: Any, node: goals) -> None:
    """Begin the fold in a page."""
    head = translator.starttag(node, "details", "", CLASS="goals")
    translator.body.append(f"{head}<summary>{translator.encode(node['title'])}</summary>")


def depart_goals(translator: Any, node: goals) -> None:
    """End it."""
    translator.body.append("</details>")


def fold_goals(doctree: nodes.document) -> bool:
    """Fold the goals behind their title, and return whether there are any, so whether the page is a chapter."""
    for section in list(doctree.findall(nodes.section)):
        title = section[0].astext()
        if title == GOALS:
            section.replace_self(goals("", *section.children[1:], title=title, ids=section["ids"]))
            return True
    return False


def open_page(app: Sphinx, doctree: nodes.document) -> None:
    """Lift the first live figure to the head of its chapter, and mark what it stands beside."""
    is_chapter = fold_goals(doctree)
    tops = [node for node in doctree.children if isinstance(node, nodes.section)]
    if is_chapter and not any(isinstance(node, question) for node in tops[0][1:OPENING]):
        log.warning("a chapter asks its question right under its title, by :::{question}", location=tops[0])
    outputs = [view.parent.parent for view in doctree.findall(node_is_view)]
    outputs = [output for output in outputs if "cell_output" in output["classes"]]
    if not tops:
        return
    for number, output in enumerate(outputs):
        place = output.parent
        if not output["ids"]:  # no words act on it
            output["ids"].append(f"live-figure-{number + 1}")
        frame = nodes.container(classes=["cell", "beside" if is_chapter else "full"])
        if number == 0 and is_chapter and not within(output, tops[0], OPENING + 1):
            line = nodes.paragraph(classes=["figure-is-up"])
            line += nodes.reference("", WAY_UP, refid=output["ids"][0], internal=True)
            place.replace(output, line)
            tops[0].insert(OPENING, frame)
        else:
            place.replace(output, frame)
        frame += output
    if not is_chapter:
        tops[0]["classes"].append("free")
        return
    acting = [node for node in doctree.findall(lambda node: isinstance(node, live_link) or node_is_view(node))]
    sections = [node for node in tops[0].children if isinstance(node, nodes.section)]
    last = max((i for i, section in enumerate(sections) if acting and within(acting[-1], section)), default=0)
    for section in sections[last + 1 :]:  # as far as can be told here; where they are short, beside.js takes in more
        section["classes"].append("free")


def within(node: nodes.Node, section: nodes.section, first: int | None = None) -> bool:
    """Return whether a node lies in a section, or in one of its first children."""
    return any(node is found for child in section.children[:first] for found in child.findall())


def say_where(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None) -> None:
    """Tell the page where its figures stand (``_templates/layout.html``), so that its style sheets need not look."""
    frames = doctree.findall(nodes.container) if doctree else ()
    kinds = {kind for frame in frames for kind in ("beside", "full") if kind in frame["classes"]}
    context["figures_stand"] = "".join(f" with-{kind}" for kind in sorted(kinds))


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    # When links have found their figures, and before pictures are put under them and contents are collected.
    app.connect("doctree-read", open_page, priority=450)
    app.connect("html-page-context", say_where)
    plain = (lambda translator, node: None,) * 2
    app.add_directive("question", QuestionDirective)
    app.add_node(question, html=(visit_question, depart_question), latex=plain, text=plain)
    app.add_node(goals, html=(visit_goals, depart_goals), latex=plain, text=plain)
    app.add_js_file("beside.js", loading_method="defer")
    return {"env_version": 10, "parallel_read_safe": True, "parallel_write_safe": True}
