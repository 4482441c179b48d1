"""Build the book as `make book` does, and take parts of its own out of it."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
LIMIT = 1800  # seconds; all chapters are executed, on a machine that may do something else
# A grammar of internationalised addresses takes longer to read than some books to build. It comes with `jsonschema`,
# which does without where it is not there; no scheme of a notebook or of a book asks for it. Tests that
# read notebooks themselves do without as well.
GRAMMAR = "rfc3987_syntax"
BUILD = f"import sys; sys.modules['{GRAMMAR}'] = None; from jupyter_book.cli.main import main; main()"
sys.modules.setdefault(GRAMMAR, None)


def build_book(root):
    """Build the book in a folder; return the finished process."""
    return subprocess.run(
        [sys.executable, "-c", BUILD, "build", "-W", "--keep-going", "-n", str(root)],
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
