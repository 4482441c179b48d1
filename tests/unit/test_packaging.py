"""What is built for others is whole: sources from which all can be made, and a package that needs none of them."""

import ast
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

from simsoftmax import __version__

pytestmark = pytest.mark.process

ROOT = Path(__file__).parents[2]
LEFT = shutil.ignore_patterns(
    ".git*", ".venv", "_build", "build", "dist", "node_modules", "artefacts", "__pycache__", ".*_cache", ".hypothesis",
    ".ipynb_checkpoints", "*.egg-info", "*.py[co]", "*.nb[ic]",
)  # fmt: skip
BUILD = """
import sys
from hatchling import build
print(build.build_sdist(sys.argv[1]), build.build_wheel(sys.argv[1]))
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Build both distributions from a copy; return (files of the copy, unpacked sdist, unpacked wheel)."""
    room = tmp_path_factory.mktemp("built")
    shutil.copytree(ROOT, room / "tree", ignore=LEFT)
    files = {path.relative_to(room / "tree").as_posix() for path in (room / "tree").rglob("*") if path.is_file()}
    subprocess.run([sys.executable, "-c", BUILD, room], cwd=room / "tree", check=True, capture_output=True)
    (sdist,), (wheel,) = room.glob("*.tar.gz"), room.glob("*.whl")
    with tarfile.open(sdist) as packed:
        packed.extraction_filter = getattr(tarfile, "data_filter", None)  # 3.11.3 and older have none
        packed.extractall(room / "sdist")
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(room / "wheel")
    return files, next((room / "sdist").iterdir()), room / "wheel"


def files_of(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_the_sources_are_whole(built):
    files, sdist, _ = built
    missing = {name for name in files - files_of(sdist) if not re.match(r"\.[^/]*(/workflows)?/|\.git", name)}
    assert not missing
    assert {"Makefile", "tests/conftest.py", "simsoftmax/live/src/build.mjs"} <= files


def test_the_package_is_what_runs_and_nothing_else(built):
    files, _, wheel = built
    wanted = {name for name in files if re.match(r"simsoftmax/(?!live/src/|.*\.md$)", name)}
    assert {name for name in files_of(wheel) if ".dist-info/" not in name} == wanted
    assert (wheel / f"simsoftmax-{__version__}.dist-info").is_dir()
    assert {"simsoftmax/py.typed", "simsoftmax/__init__.pyi", "simsoftmax/live/static/kernels.wasm"} <= wanted


@pytest.mark.slow
def test_the_tests_run_from_the_sources_and_are_found_without_them(built, tmp_path):
    _, sdist, wheel = built
    shutil.copytree(sdist / "tests", tmp_path / "tests")
    shutil.copy(sdist / "pyproject.toml", tmp_path)
    for there, package, what in ((sdist, sdist, "tests/unit/test_arguments.py"), (tmp_path, wheel, "--collect-only")):
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", what]
        environment = os.environ | {"PYTHONPATH": str(package)}
        done = subprocess.run(command, cwd=there, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout[-3000:]


def test_the_version_is_in_one_file():
    tree = ast.parse((ROOT / "simsoftmax" / "__init__.py").read_text("utf-8"))
    (version,) = (
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__version__"
    )
    assert version == __version__
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    assert "version" not in project["project"]
    assert project["project"]["dynamic"] == ["version"]
    assert project["tool"]["hatch"]["version"]["path"] == "simsoftmax/__init__.py"
    assert f"\nversion: {version}\n" in (ROOT / "CITATION.cff").read_text("utf-8")
    assert (ROOT / "CHANGELOG.md").read_text("utf-8").partition("## ")[2].startswith(version)
