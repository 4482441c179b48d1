"""Execute the chapters again when the code that they call has changed.

The execution cache knows a chapter by its own cells. A change in the package would leave its old outputs standing,
and a claim that has become false would still be shown as true. So the cache lives in a folder named after a hash of
everything else that the outputs depend on; another folder is another Sphinx setting, which makes Sphinx read every
page again. A comment, a docstring or a blank line in Python changes no output, so it is not part of the hash. Folders
of states that were not built for a month are removed.
"""

from __future__ import annotations

import ast
import contextlib
import hashlib
import os
import platform
import shutil
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.config import Config

LIBRARIES = ["anywidget", "ipykernel", "ipywidgets", "matplotlib", "myst-nb", "numba", "numpy", "scikit-learn", "scipy"]

MONTH = 30 * 86400


def fingerprint(root: Path) -> str:
    """Return a short hash of the package, the chapters' helpers and data, and the libraries."""
    digest = hashlib.sha256(platform.python_version().encode())
    for name in LIBRARIES:
        digest.update(f"{name} {version(name)}\n".encode())
    helpers = [*(root / "book").glob("*.py"), *(root / "book" / "data").glob("*")]
    package = [path for path in (root / "simsoftmax").rglob("*") if "__pycache__" not in path.parts]
    for path in sorted([*helpers, *package]):
        place = path.relative_to(root)
        # The bundles are made from live/src, and they are in figures; their sources are not, nor are type stubs.
        if path.is_file() and place.suffix != ".pyi" and place.parts[:3] != ("simsoftmax", "live", "src"):
            digest.update(place.as_posix().encode() + b"\0" + meaning(path))
    return digest.hexdigest()[:16]


def meaning(path: Path) -> bytes:
    """Return what a file does: of Python its syntax tree without docstrings, of others every byte."""
    if path.suffix != ".py":
        return path.read_bytes()
    tree = ast.parse(path.read_bytes())
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and node.body:
            first = node.body[0]
            if (
                isinstance(first, ast.Expr)
                and isinstance(first.value, ast.Constant)
                and isinstance(first.value.value, str)
            ):
                node.body = node.body[1:]
    return ast.dump(tree).encode()


def place_cache(app: Sphinx, config: Config) -> None:
    """Point the execution cache at the folder of this state of the code, and remove those of old states."""
    caches = Path(app.outdir).parent / ".jupyter_cache"
    own = caches / fingerprint(Path(app.srcdir))
    config.nb_execution_cache_path = str(own)
    with contextlib.suppress(OSError):
        own.mkdir(parents=True, exist_ok=True)
        os.utime(own)
    for other in caches.glob("[0-9a-f]" * 16):
        with contextlib.suppress(OSError):
            if time.time() - other.stat().st_mtime > MONTH:
                shutil.rmtree(other)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.connect("config-inited", place_cache)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
