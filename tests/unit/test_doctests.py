"""The examples in docstrings say what Python says."""

import doctest
import importlib
from pathlib import Path

import pytest

import simsoftmax

ROOT = Path(simsoftmax.__file__).parent
SHOWING = sorted(path for path in ROOT.rglob("*.py") if ">>> " in path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", SHOWING, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_the_examples_of_a_module_are_right(path):
    parts = path.relative_to(ROOT.parent).with_suffix("").parts
    module = importlib.import_module(".".join(parts).removesuffix(".__init__"))
    said, runner = [], doctest.DocTestRunner(verbose=False)
    for test in doctest.DocTestFinder().find(module):
        runner.run(test, out=said.append)
    assert runner.summarize(verbose=False).attempted == path.read_text(encoding="utf-8").count(">>> ")
    assert not said, "".join(said)


def test_examples_are_found():
    assert len(SHOWING) >= 10
