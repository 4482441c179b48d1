"""Build the book as `make book` does, and take parts of its own out of it."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
LIMIT = 1800  # seconds; all chapters are executed, on a machine that may do something else


def build_book(root):
    """Build the book in a folder; return the finished process."""
    return subprocess.run(
        [Path(sys.executable).with_name("jupyter-book"), "build", "-W", "--keep-going", "-n", str(root)],
        capture_output=True,
        text=True,
        timeout=LIMIT,
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
    )


def extension(name):
    """Return one of the book's Sphinx extensions as a module."""
    folder = str(ROOT / "book" / "_ext")
    sys.path.insert(0, folder)
    try:
        spec = importlib.util.spec_from_file_location(name, f"{folder}/{name}.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(folder)
    return module
