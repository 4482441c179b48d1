"""Put the chapters' SVG figures into the page itself, in the inks of the page.

An SVG in an ``<img>`` cannot see the page's light or dark theme, nor its font. Set inline it can: the neutral inks
of ``simsoftmax.plotting`` become the style sheet's variables, and the text is the page's text.
"""

from __future__ import annotations

import re
from html import escape
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx


def inline(svg: str, alt: str, prefix: str) -> str:
    """Return matplotlib's SVG as an element of an HTML page.

    Parameters
    ----------
    svg : str
        The file as matplotlib wrote it.
    alt : str
        The text alternative.
    prefix : str
        Put before every id, so that figures of one page do not collide.
    """
    from simsoftmax.plotting import INKS  # with matplotlib: a second that a build without figures need not take

    svg = svg[svg.index("<svg") :]
    # Matplotlib's own style element would reach every shape of the page.
    svg = re.sub(r"<style.*?</style>", "", svg, flags=re.DOTALL)
    svg = re.sub(r"<metadata>.*?</metadata>\s*", "", svg, flags=re.DOTALL)
    for role, ink in INKS.items():
        svg = re.sub(re.escape(ink), f"var(--ss-{role})", svg, flags=re.IGNORECASE)
    svg = re.sub(r'\bid="([^"]+)"', rf'id="{prefix}\1"', svg)
    svg = re.sub(r'(href="#|url\(#)', rf"\g<1>{prefix}", svg)
    # The font is the page's; what matplotlib measured with is only a stand-in.
    svg = re.sub(r"font-family: [^;\"]*", "font-family: var(--pst-font-family-base)", svg)
    # Words in the colour of a temperature or of a class are mixed with ink, so that they can be read on either ground.
    svg = re.sub(r"(<text [^>]*fill: )(#[0-9a-f]{6})", r"\1color-mix(in srgb, \2 60%, var(--ss-ink))", svg)
    width = float(re.search(r'width="([\d.]+)pt"', svg).group(1)) * 4 / 3  # type: ignore[union-attr]
    head = svg[: svg.index(">")]
    sized = re.sub(r' (?:height|width)="[\d.]+pt"', "", head)
    sized += f' class="figure" role="img" aria-label="{escape(alt)}" style="width: {width:.0f}px"'
    return sized + svg[len(head) :]


def replace_images(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Replace the images that executed cells have drawn."""
    if app.builder.format != "html":
        return
    for number, image in enumerate(list(doctree.findall(nodes.image))):
        path = Path(app.srcdir, image["uri"])
        if path.suffix == ".svg" and "jupyter_execute" in path.parts:
            page = inline(path.read_text(encoding="utf-8"), image.get("alt", ""), f"fig{number}-")
            image.replace_self(nodes.raw("", page, format="html"))


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.connect("doctree-resolved", replace_images)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
