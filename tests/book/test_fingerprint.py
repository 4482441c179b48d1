"""Chapters are executed again when what they call does something else, and only then."""

import os
import shutil
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from building import ROOT, extension


@pytest.fixture
def module():
    pytest.importorskip("sphinx", reason="needs Sphinx, which builds the book")
    return extension("fingerprint")


@pytest.fixture
def tree(tmp_path):
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "simsoftmax", tmp_path / "simsoftmax", ignore=ignored)
    shutil.copytree(ROOT / "book" / "data", tmp_path / "book" / "data")
    for path in (ROOT / "book").glob("*.py"):
        shutil.copy(path, tmp_path / "book")
    return tmp_path


def test_files_count_by_what_they_do(module, tree):
    """One of each kind."""
    before = module.fingerprint(tree)
    for path in {(p.suffix, "src" in p.parts): p for p in sorted(tree.rglob("*")) if p.is_file()}.values():
        content = path.read_bytes()
        silent = path.suffix == ".pyi" or "src" in path.parts
        if path.suffix == ".py":
            path.write_bytes(b"# A comment\n\n" + content + b"\n\n# Another\n")
            assert module.fingerprint(tree) == before, path
        path.write_bytes(content + (b"\nchanged = 1\n" if path.suffix == ".py" else b" "))
        assert (module.fingerprint(tree) == before) == silent, path
        path.write_bytes(content)
    assert module.fingerprint(tree) == before


def test_a_docstring_changes_nothing(module, tmp_path):
    file = tmp_path / "a.py"
    meanings = set()
    for text in (
        '"""One."""\ndef f():\n    """Two."""\n    return "three"\n',
        'def f():\n    return  "three" # four\n',
    ):
        file.write_text(text)
        meanings.add(module.meaning(file))
    assert len(meanings) == 1
    file.write_text('def f():\n    return "four"\n')
    assert module.meaning(file) not in meanings


def test_old_states_are_removed(module, tree):
    caches = tree / "_build" / ".jupyter_cache"
    old, recent, other = (caches / name for name in ("0" * 16, "1" * 16, "global.db"))
    for folder in (old, recent, other):
        folder.mkdir(parents=True)
    for folder in (old, other):
        os.utime(folder, (time.time() - 40 * 86400,) * 2)
    config = SimpleNamespace()
    module.place_cache(SimpleNamespace(outdir=str(tree / "_build" / "html"), srcdir=str(tree)), config)
    left = set(caches.iterdir())
    assert left == {recent, other, Path(config.nb_execution_cache_path)}
