"""Mend what screen readers and keyboards trip over in the pages that Docutils and Sphinx write."""

from __future__ import annotations

from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

MENDED = {
    # A bibliography has the role of a list, but its entries the role of an entry in a bibliography, which a list may
    # not contain. Without the role of a list the entries speak for themselves.
    '<div role="list" class="citation-list">': '<div class="citation-list">',
    # Every exercise of a page, and every solution, has the same id, which must be unique.
    '<section id="exercise-content">': "<section>",
    '<section id="solution-content">': "<section>",
    # A block of code may have to be scrolled sideways, and keys scroll only what can be reached with them. The theme
    # sees to this by a script, some time after the page has appeared.
    '<div class="highlight"><pre>': '<div class="highlight"><pre tabindex="0">',
}


def mend(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None) -> None:
    """Replace the faulty pieces."""
    for wrong, right in MENDED.items():
        if "body" in context:
            context["body"] = context["body"].replace(wrong, right)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.connect("html-page-context", mend)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
