"""Set what Markdown leaves to chance: breaks of lines, and numbers in tables.

What belongs together stays on one line: a formula and its full stop, a number and its per cent sign. A column of
numbers stands at its decimal points, and one of words is known as such.
"""

from __future__ import annotations

import re
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

VERBATIM = (nodes.FixedTextElement, nodes.literal, nodes.math, nodes.raw)

# A browser may end a line between a formula, which is a box, and the signs around it.
FORMULA = re.compile(r'([(“]?)(<span class="math notranslate nohighlight">.*?</span>)((?:[.,;:?!)”]|-\w+)*)', re.DOTALL)


def embrace(found: re.Match[str]) -> str:
    """Wrap a formula that has signs around it."""
    before, formula, after = found.groups()
    return f'<span class="together">{before}{formula}{after}</span>' if before or after else formula


def space_numbers(app: Sphinx, doctree: nodes.document) -> None:
    """Put a space that does not break between every number of the text and its per cent sign."""
    for text in list(doctree.findall(nodes.Text)):
        parent: Any = text.parent
        while parent is not None and not isinstance(parent, VERBATIM):
            parent = parent.parent
        spaced = re.sub(r"(?<=\d)[ \n]?%(?!\w)", "\N{NO-BREAK SPACE}%", text)
        if parent is None and spaced != text:
            text.parent.replace(text, nodes.Text(spaced))


NUMBER = re.compile(r"[-+−]?[\d,]+(?:\.(\d+))?(\N{NO-BREAK SPACE}?%)?")


def align_numbers(app: Sphinx, doctree: nodes.document) -> None:
    """Let a column's numbers stand at their decimal points: to the right, with spaces for digits that are missing."""
    for group in doctree.findall(nodes.tgroup):
        rows = [row.children for body in group.findall(nodes.tbody) for row in body.children]
        heads = [row.children for head in group.findall(nodes.thead) for row in head.children]
        for number, column in enumerate(zip(*rows, strict=False)):
            found = [NUMBER.fullmatch(cell.astext().strip()) for cell in column]
            if sum(map(bool, found)) < max(1, len(column) - sum(not cell.astext().strip("–— ") for cell in column)):
                continue
            deepest = max(len(each[1] or "") for each in found if each)
            for cell, each in zip(column, found, strict=True):
                missing = deepest - len(each[1] or "") if each else 0
                text = next(cell.findall(nodes.Text), None)
                if each and missing and not each[2] and text is not None:
                    point = "" if each[1] else "\N{PUNCTUATION SPACE}"
                    text.parent.replace(text, nodes.Text(text + point + "\N{FIGURE SPACE}" * missing))
            for cells in (column, [head[number] for head in heads if number < len(head)]):
                for cell in cells:
                    cell["classes"].append("number")


WORDY, WORDIER = 20, 34  # letters


def widen_words(app: Sphinx, doctree: nodes.document) -> None:
    """Mark columns that hold words, some or many: on small screens they keep some width, and the table scrolls."""
    for group in doctree.findall(nodes.tgroup):
        rows = [row.children for body in group.findall(nodes.tbody) for row in body.children]
        for column in zip(*rows, strict=False):
            longest = max(len(cell.astext()) for cell in column)
            if longest >= WORDY:
                for cell in column:
                    cell["classes"].append("words" if longest < WORDIER else "many-words")


def hold(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None) -> None:
    """Hold formulas and the signs around them together."""
    if "body" in context:
        context["body"] = FORMULA.sub(embrace, context["body"])
        # A space at the beginning of a link stands before it, or it would be underlined.
        context["body"] = re.sub(r"(?<=\w)(<a [^>]*>) ", r" \1", context["body"])


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.connect("doctree-resolved", lambda app, doctree, docname: space_numbers(app, doctree), priority=900)
    app.connect("doctree-resolved", lambda app, doctree, docname: align_numbers(app, doctree), priority=950)
    app.connect("doctree-resolved", lambda app, doctree, docname: widen_words(app, doctree), priority=950)
    app.connect("html-page-context", hold)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
