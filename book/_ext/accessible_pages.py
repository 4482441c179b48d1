"""Mend what screen readers and keyboards trip over in the pages that Docutils and Sphinx write.

``assets/stops.js`` makes the links of a section one stop of the Tab key.
"""

from __future__ import annotations

from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config

from simsoftmax.look import FOCUS

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

# What stands on the buttons that copy a block of code; a picture with a name is a button's name everywhere.
COPY = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" role="img" aria-label="Copy this code" fill="none" '
    'stroke="currentColor" stroke-width="1.8"><rect x="8" y="8" width="12" height="12" rx="2"/>'
    '<path d="M16 8V6a2 2 0 0 0-2-2H6a2 2 0 0 0-2 2v8a2 2 0 0 0 2 2h2"/></svg>'
)


def name_buttons(app: Sphinx, config: Config) -> None:
    """Name the buttons that copy."""
    config.copybutton_image_svg = COPY


def mend(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None) -> None:
    """Replace the faulty pieces, and give the style sheet the colour of what the keyboard is at."""
    context["metatags"] = context.get("metatags", "") + f"<style>html {{ --ss-focus: {FOCUS} }}</style>\n"
    for wrong, right in MENDED.items():
        if "body" in context:
            context["body"] = context["body"].replace(wrong, right)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.connect("config-inited", name_buttons, priority=100)  # before the buttons take it over
    app.connect("html-page-context", mend)
    app.add_js_file("stops.js", loading_method="defer")
    return {"parallel_read_safe": True, "parallel_write_safe": True}
