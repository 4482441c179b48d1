"""Tests of the live figures' models, parts and tools, in JavaScript: they run under Node.js, without a browser."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TESTS = sorted((ROOT / "tests" / "page" / "js").glob("*.test.js"))


def test_no_figure_reaches_into_the_nodes_of_a_part():
    figures = sorted((ROOT / "simsoftmax" / "live" / "src" / "figures").glob("*.js"))
    if not figures:
        pytest.skip("needs the sources of the pages' scripts, which an installed package leaves out")
    for path in figures:
        reach = re.findall(r"\.(?:svg|children|spots|list|axes|insert)\b", path.read_text(encoding="utf-8"))
        assert not reach, (path.name, reach)


def test_javascript_passes_its_tests():
    if shutil.which("node") is None:
        pytest.skip("needs Node.js to run the tests in tests/page/js; the models of the live figures were not tested")
    if not (ROOT / "node_modules" / "d3-scale").is_dir():
        pytest.skip("needs node_modules (`make node_modules`); the models of the live figures were not tested")
    command = ["node", "--test", "--test-reporter=tap", *TESTS]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert int(re.search(r"^# pass (\d+)$", done.stdout, re.MULTILINE)[1]) >= len(TESTS)
