"""What strangers are told of the project is there: the commands, the paths, the map."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = ["README.md", "CONTRIBUTING.md"]


@pytest.mark.parametrize("page", PAGES)
def test_every_command_is_a_target(page):
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = re.findall(r"(?:`|    |, )make ((?:[a-z]+\b ?)+)", (ROOT / page).read_text(encoding="utf-8"))
    named = {target for names in named for target in names.split()}
    assert len(named) > 3
    assert named <= targets


@pytest.mark.parametrize("page", PAGES)
def test_every_path_is_there(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:simsoftmax|tests|book|benchmarks|\.ci)/[\w./-]+|_\w+\.yml|[A-Z]+\.md)`", text))
    missing = [name for name in named if "NAME" not in name and not (ROOT / name).exists()]
    assert named
    assert missing == []


def test_the_map_is_that_of_the_land():
    """Each line of the map begins with a path; one that is indented lies in the folder above it."""
    (drawn,) = re.findall(
        r"^```\n(.*?)^```", (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    )
    above, found = {}, 0
    for line in drawn.splitlines():
        indent, name = re.match(r"( *)(\S+)", line).groups()
        places = sorted(above.get(len(indent) - 2, ROOT).glob(name.rstrip("/")))
        assert places, line
        above[len(indent)] = places[0]
        found += 1
    assert found > 10


def test_the_map_of_the_kernels_names_every_module():
    folder = ROOT / "simsoftmax/kernels"
    named = set(re.findall(r"`([\w/]+)`", (folder / "README.md").read_text(encoding="utf-8").split("## Map")[1]))
    modules = (path.relative_to(folder).with_suffix("") for path in folder.rglob("*.py") if path.stem != "__init__")
    assert named == {path.as_posix() for path in modules}
