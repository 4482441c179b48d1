"""Execute the chapters again when the code that they call has changed.

The execution cache knows a chapter by its own cells. A change in the package would leave its old outputs standing,
and a claim that has become false would still be shown as true. So the cache lives in a folder named after a hash of
everything else that the outputs depend on; another folder is another Sphinx setting, which makes Sphinx read every
page again.
"""

from __future__ import annotations

import hashlib
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.config import Config

LIBRARIES = ["anywidget", "ipykernel", "ipywidgets", "matplotlib", "myst-nb", "numba", "numpy", "scikit-learn", "scipy"]


def fingerprint(root: Path) -> str:
    """Return a short hash of the package, the chapters' helpers and data, and the libraries."""
    digest = hashlib.sha256(platform.python_version().encode())
    for name in LIBRARIES:
        digest.update(f"{name} {version(name)}\n".encode())
    helpers = [*(root / "book").glob("*.py"), *(root / "book" / "data").glob("*")]
    package = [path for path in (root / "simsoftmax").rglob("*") if "__pycache__" not in path.parts]
    for path in sorted([*helpers, *package]):
        if path.is_file():
            digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


def place_cache(app: Sphinx, config: Config) -> None:
    """Point the execution cache at the folder of this state of the code."""
    config.nb_execution_cache_path = str(Path(app.outdir).parent / ".jupyter_cache" / fingerprint(Path(app.srcdir)))


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.connect("config-inited", place_cache)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
