"""Types as users meet them: what is right passes ``mypy --strict`` and runs, each mistake is reported where it is."""

import re
import subprocess
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import pytest

pytestmark = pytest.mark.process

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
USER, MISTAKES = HERE / "typed_user.py", HERE / "typed_mistakes.py"


@pytest.fixture(scope="module")
def said():
    """Return what mypy says of both files, as {(file, line): set of codes}; what it knew of the package is kept."""
    pytest.importorskip("mypy")
    command = [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", "--hide-error-context", "--no-pretty"]
    command += ["--config-file", ROOT / "pyproject.toml", "--cache-dir", ROOT / ".mypy_cache", USER, MISTAKES]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode in (0, 1), done.stdout + done.stderr
    found = {}
    for line in done.stdout.splitlines():
        if match := re.match(r"(.*):(\d+): error: (.*?)  \[([a-z-]+)\]$", line):
            name, number, _, code = match.groups()
            found.setdefault((Path(name).name, int(number)), set()).add(code)
    return found


def test_what_a_stranger_writes_has_types(said):
    assert not {place: codes for place, codes in said.items() if place[0] != MISTAKES.name}


def test_every_mistake_is_reported(said):
    lines = MISTAKES.read_text("utf-8").splitlines()
    wanted = {n: {c} for n, line in enumerate(lines, 1) for c in re.findall(r"# error: (\S+)$", line)}
    got = {line: codes for (name, line), codes in said.items() if name == MISTAKES.name}
    assert len(wanted) > 15
    wrong = {lines[n - 1]: got.get(n, "passed") for n in wanted.keys() | got.keys() if wanted.get(n) != got.get(n)}
    assert not wrong


def test_what_a_stranger_writes_runs(tmp_path):
    import typed_user  # here, for it imports all of the package

    typed_user.everything(tmp_path)
    plt.close("all")
