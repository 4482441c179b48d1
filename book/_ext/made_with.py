"""Make all pages again when what they are made with has changed.

Sphinx sees to that for settings and templates alone. After a change in an extension pages are read again (the outputs
of their cells are kept). After one in a style sheet or a script they are written again, as each of them names these
files together with a hash of what is in them. What pages were made with is kept beside the pages that were read once
a build has ended well, so that one that was stopped is made up for.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from touched import meaning

from simsoftmax import look


@functools.cache  # so that what changes while a build runs is seen by the next one
def made_with(app: Sphinx) -> dict[str, str]:
    """Return hashes of what pages are read with, and of all that a builder writes them with."""
    read = [*Path(__file__).parent.rglob("*.py"), Path(look.__file__)]
    places = [Path(app.confdir, place) for place in app.config.html_static_path]
    assets = [file for place in places for file in ([place] if place.is_file() else place.rglob("*"))]
    return {"read": _together(read), f"written-{app.builder.name}": _together(read + assets)}


def _together(files: Iterable[Path]) -> str:
    known = hashlib.sha256()
    for file in sorted(file for file in files if file.is_file()):
        known.update(f"{file.name} {meaning(file)}\n".encode())
    return known.hexdigest()


def _changed(app: Sphinx, which: str) -> bool:
    now, kept = made_with(app)[which], Path(app.doctreedir, f"made-with-{which}")
    return not kept.exists() or kept.read_text() != now


def read_again(app: Sphinx, env: BuildEnvironment, *_: Any) -> Iterable[str]:
    """Return the pages that must be read again: all or none."""
    return sorted(env.found_docs) if _changed(app, "read") else []


def write_again(app: Sphinx, env: BuildEnvironment) -> Iterable[str]:
    """Return the pages that must be written again: all or none."""
    return sorted(env.found_docs) if _changed(app, f"written-{app.builder.name}") else []


def keep(app: Sphinx, exception: Exception | None) -> None:
    """Note what all pages were made with."""
    if exception is None:
        for which, known in made_with(app).items():
            Path(app.doctreedir, f"made-with-{which}").write_text(known)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.connect("env-get-outdated", read_again)
    app.connect("env-updated", write_again)
    app.connect("build-finished", keep, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
