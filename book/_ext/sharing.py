"""Say what a page is about where it is linked to: its description, and a picture if the book has an address."""

from __future__ import annotations

import textwrap
from html import escape
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

PICTURE = "_static/share.png"
LETTERS = 200  # of a description; search engines and messengers cut what is longer
LEAST = 40  # letters of a paragraph that says something


def description(doctree: nodes.document) -> str:
    """Return the beginning of the first paragraph that says something."""
    for paragraph in doctree.findall(nodes.paragraph):
        text = " ".join(paragraph.astext().split())
        if len(text) >= LEAST and not isinstance(paragraph.parent, nodes.list_item):
            return textwrap.shorten(text, LETTERS, placeholder=" …")
    return ""


def describe(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None) -> None:
    """Put the description of a page into its head."""
    if doctree is None:
        return
    title = next((node.astext() for node in doctree.findall(nodes.title)), app.config.project)
    says = {"og:title": title, "og:type": "article", "og:site_name": app.config.project}
    if text := description(doctree):
        says["og:description"] = text
        context["metatags"] += f'<meta name="description" content="{escape(text)}">\n'
    if app.config.html_baseurl:
        says |= {"og:url": context["pageurl"], "og:image": app.config.html_baseurl + PICTURE}
        context["metatags"] += '<meta name="twitter:card" content="summary_large_image">\n'
    context["metatags"] += "".join(f'<meta property="{key}" content="{escape(text)}">\n' for key, text in says.items())


def draw(target: Path) -> None:
    """Draw the picture, 1200 by 630 pixels as all who show it want it: softmax from cold to hot."""
    import matplotlib.pyplot as plt
    from matplotlib.figure import Figure

    from simsoftmax.plotting import STYLE, plot_temperature_sweep

    with plt.style.context([STYLE, {"font.size": 22, "lines.linewidth": 4}]):
        figure = Figure(figsize=(12, 6.3), dpi=100, layout="none", facecolor="white")
        axes = figure.add_axes((0.08, 0.15, 0.86, 0.58))
        plot_temperature_sweep([2.0, 1.0, 0.1], ax=axes)
        figure.text(0.08, 0.83, "Softmax is statistical mechanics", fontsize=40, fontweight="bold", color="#1c2128")
        figure.savefig(target, metadata={"Software": None})


def finish(app: Sphinx, exception: Exception | None) -> None:
    """Draw the picture of a book that has an address."""
    if exception is None and app.builder.format == "html" and app.config.html_baseurl:
        draw(Path(app.outdir, PICTURE))


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.connect("html-page-context", describe)
    app.connect("build-finished", finish)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
