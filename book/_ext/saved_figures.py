"""Save every live figure of the gallery as a file of its own, beside the built pages: ``figures/NAME.html``.

A file is written again when the figures, or the line that makes it, have changed.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

from simsoftmax.live import base

PAGE = "book/gallery"  # which leads to the files; a book without it has no use for them

# Sphinx runs outside the folder of the book.
sys.path.insert(0, str(Path(__file__).parents[1]))


def save(app: Sphinx, error: Exception | None) -> None:
    """Write the files that are missing or old."""
    if error is not None or app.builder.format != "html" or PAGE not in app.env.found_docs:
        return
    gallery: Any = importlib.import_module("gallery")
    sources = [Path(gallery.__file__), *base.STATIC.parent.glob("*.py"), *base.STATIC.iterdir()]
    changed = max(source.stat().st_mtime for source in sources)
    folder = Path(app.outdir) / "figures"
    folder.mkdir(exist_ok=True)
    for name in gallery.FIGURES:
        target = folder / f"{name}.html"
        if not target.exists() or target.stat().st_mtime < changed:
            gallery.make(name).save(target)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.connect("build-finished", save)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
