"""Execute a chapter again when what it depends on does something else, and no other chapter.

The execution cache knows a chapter by its own cells. A change in the package would leave its old outputs standing, and
a claim that has become false would still be shown as true. So a chapter is executed under the eyes of a witness
(``witness/``), and with its outputs is kept what it used: the modules of the package and of the book that it ran, in
whichever process, the data that it opened, and the libraries. Outputs of which any of these has changed are forgotten
before Sphinx asks which pages to read. A comment, a docstring or a blank line in Python changes no output.
"""

from __future__ import annotations

import ast
import contextlib
import functools
import hashlib
import os
import platform
import tempfile
from collections.abc import Iterable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

from jupyter_cache import get_cache
from myst_nb.core.read import create_nb_reader
from nbformat import NotebookNode
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.environment import BuildEnvironment

#: On these every chapter depends.
LIBRARIES = ["anywidget", "ipykernel", "ipywidgets", "matplotlib", "myst-nb", "numba", "numpy", "scikit-learn", "scipy"]

#: Where the files lie that are noticed.
FOLDERS = ["book", "simsoftmax"]

WITNESS = Path(__file__).with_name("witness")


@contextlib.contextmanager
def witnessed(root: Path) -> Iterator[tuple[dict[str, str], dict[str, str]]]:
    """Give the environment of a process to watch, and a dictionary with what it used, filled in at the end.

    Parameters
    ----------
    root : Path
        The folder of the project.

    Yields
    ------
    environment : dict of str
        The environment to start a process with.
    used : dict of str
        Of each file below `root` that the process, or any that it started, used, what it does (`meaning`).
    """
    used: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as folder:
        notes = Path(folder, "notes")
        notes.touch()
        path = os.pathsep.join(filter(None, [str(WITNESS), os.environ.get("PYTHONPATH")]))
        folders = os.pathsep.join(f"{root / name}{os.sep}" for name in FOLDERS)
        yield (
            {**os.environ, "PYTHONPATH": path, "SIMSOFTMAX_WITNESS": str(notes), "SIMSOFTMAX_WITNESSED": folders},
            used,
        )
        files = sorted(set(notes.read_text(encoding="utf-8").splitlines()))
    places = [Path(file).relative_to(root).as_posix() for file in files]
    used.update({place: meaning(root / place) for place in places}, libraries=libraries())


@functools.cache
def libraries() -> str:
    """Return which Python this is, and the versions of what every chapter depends on."""
    return ", ".join([f"Python {platform.python_version()}", *(f"{name} {version(name)}" for name in LIBRARIES)])


def holds(root: Path, used: dict[str, str] | None) -> bool:
    """Return whether all that was used still does what it did; `used` is None where nobody watched."""
    if used is None or used.get("libraries") != libraries():
        return False
    return all(meaning(root / place) == did for place, did in used.items() if place != "libraries")


def meaning(path: Path) -> str:
    """Return a hash of what a file does: of Python its syntax tree without docstrings, of others every byte."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return ""
    return _meaning(path, status.st_mtime_ns, status.st_size)


@functools.cache
def _meaning(path: Path, changed: int, size: int) -> str:
    content = path.read_bytes()
    if path.suffix in (".py", ".pyi"):
        tree = ast.parse(content)
        for node in ast.walk(tree):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and node.body:
                first = node.body[0]
                if (
                    isinstance(first, ast.Expr)
                    and isinstance(first.value, ast.Constant)
                    and isinstance(first.value.value, str)
                ):
                    node.body = node.body[1:]
        content = ast.dump(tree).encode()
    return hashlib.sha256(content).hexdigest()[:16]


def place_cache(app: Sphinx, config: Config) -> None:
    """Say where the outputs are kept, for all who ask."""
    config.nb_execution_cache_path = str(Path(app.outdir).parent / ".jupyter_cache")


def chapter(env: BuildEnvironment, name: str) -> NotebookNode | None:
    """Return the cells of a page, as they are before they are executed, or None of a page without any."""
    path = env.doc2path(name)
    text = Path(path).read_text(encoding="utf-8")
    reader = create_nb_reader(str(path), env.myst_config, env.mystnb_config, text)  # type: ignore[attr-defined]
    return reader.read(text) if reader else None


def forget(app: Sphinx, env: BuildEnvironment, *_: Any) -> Iterable[str]:
    """Forget the outputs that do not hold any more, and return the pages that have none that does."""
    cache = get_cache(app.config.nb_execution_cache_path)
    for name in sorted(env.found_docs):
        notebook = chapter(env, name)
        if notebook is None:
            continue
        with contextlib.suppress(KeyError):
            record = cache.match_cache_notebook(notebook)
            if holds(Path(app.srcdir), record.data.get("used")):
                continue
            cache.remove_cache(record.pk)
        yield name


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.connect("config-inited", place_cache)
    app.connect("env-get-outdated", forget)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
