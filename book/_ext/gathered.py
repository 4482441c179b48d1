"""Write what gathers the words of all pages again, but only where a page has been read since it was last written.

Whether one has is kept in a file beside the pages that were read, so that a build that was stopped goes on rightly.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment


def _mark(app: Sphinx) -> Path:
    return Path(app.doctreedir, "read-since-gathered")


def note(app: Sphinx, env: BuildEnvironment, docname: str) -> None:
    """Note that a page is read, or gone."""
    _mark(app).touch()


def stale(app: Sphinx, written: Path | None = None) -> bool:
    """Whether what was gathered may hold no more, or a file of it is missing."""
    return _mark(app).exists() or (written is not None and not written.exists())


def again(app: Sphinx, pages: Iterable[str]) -> list[str]:
    """Return those of the pages, which gather what others say, that must be written again: all or none."""
    return sorted(pages) if stale(app) else []


def finish(app: Sphinx, exception: Exception | None) -> None:
    """Note that all is written."""
    if exception is None and app.builder.name == "html":
        _mark(app).unlink(missing_ok=True)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.connect("env-purge-doc", note)  # which comes before each reading, too
    app.connect("build-finished", finish, priority=900)  # after those that write then
    return {"parallel_read_safe": True, "parallel_write_safe": True}
