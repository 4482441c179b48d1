"""Keep on one line what belongs together: a formula and its full stop, a number and its per cent sign."""

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


def hold(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None) -> None:
    """Hold formulas and the signs around them together."""
    if "body" in context:
        context["body"] = FORMULA.sub(embrace, context["body"])
        # A space at the beginning of a link stands before it, or it would be underlined.
        context["body"] = re.sub(r"(?<=\w)(<a [^>]*>) ", r" \1", context["body"])


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.connect("doctree-resolved", lambda app, doctree, docname: space_numbers(app, doctree), priority=900)
    app.connect("html-page-context", hold)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
