"""Let results of the search quote the pages, also where the book is read from the file system.

From there a page may not fetch another. So the text of all pages is written into a script, ``_static/excerpts.js``,
which ``assets/search-offline.js`` reads in place of the pages, and only then.
"""

from __future__ import annotations

import json
from html import escape
from pathlib import Path
from typing import Any

from docutils import nodes
from gathered import stale
from sphinx.application import Sphinx

UNSAID = (nodes.raw, nodes.comment, nodes.target, nodes.system_message, nodes.image)


def excerpt(node: nodes.Node) -> str:
    """Return the text of a page or of a part of it, sections with their ids."""
    if isinstance(node, nodes.Text):
        return escape(node.astext())
    if isinstance(node, UNSAID) or (isinstance(node, nodes.Element) and "live-place" in node["classes"]):
        return ""
    text = "".join(excerpt(child) for child in node.children)
    if isinstance(node, nodes.section):
        return f'<section id="{escape(node["ids"][0])}">{text}</section>'
    return text if isinstance(node, nodes.Inline) else text + " "


def write_excerpts(app: Sphinx, exception: Exception | None) -> None:
    """Write the text of all pages."""
    written = Path(app.outdir, "_static", "excerpts.js")
    if exception is None and app.builder.format == "html" and stale(app, written):
        texts = {name: " ".join(excerpt(app.env.get_doctree(name)).split()) for name in sorted(app.env.found_docs)}
        script = f"window.excerpts = {json.dumps(texts, ensure_ascii=False)};\n"
        written.write_text(script, encoding="utf-8")


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.setup_extension("gathered")
    app.connect("build-finished", write_excerpts)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
