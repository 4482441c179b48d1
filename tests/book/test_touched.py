"""Chapters are executed again when what they use does something else, and only then."""

import subprocess
import sys
from pathlib import Path

import pytest
from building import extension

# Runs in the folder of the book, as a chapter does. Every way of using a file is there once.
CHAPTER = """
import importlib, multiprocessing, os, subprocess, sys
from pathlib import Path

sys.path[:0] = [".", "../simsoftmax"]
import imported
importlib.import_module("called")
Path("data/read.csv").read_text()
Path("data/missing.csv").exists() or open("data/opened.npy", "rb").close()
Path("looked_at.py").read_text()  # as the compiler does, to know whether it is stale
subprocess.run([sys.executable, "-c", "import sys; sys.path.insert(0, '.'); import in_a_child"], check=True)
with multiprocessing.get_context("spawn").Pool(1) as pool:
    pool.apply(importlib.import_module("pooled").work)
try:
    open("data/not_there.csv")
except FileNotFoundError:
    pass
"""
USED = {
    "book/imported.py",
    "simsoftmax/called.py",
    "book/data/read.csv",
    "book/data/opened.npy",
    "book/in_a_child.py",
    "book/pooled.py",
    "book/data/in_the_pool.csv",
    "book/data/not_there.csv",
}
OTHERS = {"book/looked_at.py", "simsoftmax/unused.py", "book/data/unused.csv", "tests/read.csv"}


@pytest.fixture(scope="module")
def touched():
    pytest.importorskip("sphinx", reason="needs Sphinx, which builds the book")
    return extension("touched")


@pytest.fixture
def root(tmp_path):
    for place in (USED | OTHERS) - {"book/data/not_there.csv"}:
        path = tmp_path / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x = 1\n" if path.suffix == ".py" else "1\n")
    (tmp_path / "book/pooled.py").write_text("def work():\n    return open('data/in_the_pool.csv').read()\n")
    return tmp_path


def watch(touched, root):
    """Run the chapter under the eyes of the witness; return what it used."""
    chapter = root / "chapter.py"
    chapter.write_text("if __name__ == '__main__':\n" + "\n".join(f"    {line}" for line in CHAPTER.splitlines()))
    with touched.witnessed(root) as (environment, used):
        subprocess.run([sys.executable, chapter], check=True, env=environment, cwd=root / "book")
    return used


@pytest.mark.process
def test_what_a_chapter_used_is_seen(touched, root):
    assert set(watch(touched, root)) == USED | {"libraries"}
    # And again, now that the modules are compiled.
    assert set(watch(touched, root)) == USED | {"libraries"}


@pytest.mark.process
def test_outputs_hold_as_long_as_what_they_used_does_the_same(touched, root):
    used = watch(touched, root)
    for place in sorted(OTHERS):
        Path(root, place).write_text("y = 2\n")
    assert touched.holds(root, used)
    for place in sorted(USED - {"book/data/not_there.csv"}):
        path = root / place
        content = path.read_bytes()
        if path.suffix == ".py":
            path.write_bytes(b'"""A title."""\n\n# A comment\n\n' + content)
            assert touched.holds(root, used), place
        path.write_bytes(content + b"\nchanged = 1\n")
        assert not touched.holds(root, used), place
        path.write_bytes(content)
        assert touched.holds(root, used), place
    (root / "book/data/not_there.csv").write_text("1")
    assert not touched.holds(root, used)


def test_other_libraries_or_no_witness_hold_nothing(touched, root):
    used = {"libraries": touched.libraries()}
    assert touched.holds(root, used)
    assert not touched.holds(root, {"libraries": "Python 3.9.0"})
    assert not touched.holds(root, {})
    assert not touched.holds(root, None)


def test_a_docstring_changes_nothing(touched, tmp_path):
    meanings = set()
    for name, text in (
        ("a.py", '"""One."""\ndef f():\n    """Two."""\n    return "three"\n'),
        ("b.py", 'def f():\n    return  "three" # four\n'),
    ):
        (tmp_path / name).write_text(text)
        meanings.add(touched.meaning(tmp_path / name))
    assert len(meanings) == 1
    (tmp_path / "c.py").write_text('def f():\n    return "four"\n')
    assert touched.meaning(tmp_path / "c.py") not in meanings
