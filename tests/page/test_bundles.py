"""The committed bundles of the live figures are what their sources give."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LIVE = ROOT / "simsoftmax" / "live"
LOCK = json.loads((ROOT / "package-lock.json").read_text())


@pytest.mark.slow
def test_bundles_are_fresh(tmp_path):
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("needs Node.js and npm to bundle the sources again; the committed bundles were not compared")
    modules = ROOT / "node_modules"
    if not modules.exists():
        for name in ("package.json", "package-lock.json"):
            shutil.copy(ROOT / name, tmp_path)
        shutil.copytree(LIVE / "src", tmp_path / "simsoftmax" / "live" / "src")
        command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    base = ROOT if modules.exists() else tmp_path
    out = tmp_path / "out"
    out.mkdir()
    subprocess.run(
        ["node", base / "simsoftmax" / "live" / "src" / "build.mjs", out], cwd=base, check=True, capture_output=True
    )
    built = sorted(out.iterdir())
    assert len(built) >= 5
    for path in built:
        assert path.read_bytes() == (LIVE / "static" / path.name).read_bytes(), f"{path.name} is stale: run `make live`"


def test_bundles_are_small_and_ask_for_nothing():
    bundles = sorted((LIVE / "static").glob("*.js"))
    assert bundles
    for path in bundles:
        text = path.read_text(encoding="utf-8")
        # The instrument reads a reader's files as well, by all the rules of the command line.
        assert path.stat().st_size < (130_000 if path.stem == "instrument_explorer" else 100_000), path.name
        addresses = set(re.findall(r"https?://[^\s\"'`)]+", text))
        assert addresses <= {
            # names of XML namespaces, which nobody fetches
            "http://www.w3.org/1999/xhtml",
            "http://www.w3.org/2000/svg",
            "http://www.w3.org/1999/xlink",
            "http://www.w3.org/XML/1998/namespace",
            "http://www.w3.org/2000/xmlns/",
        }


def test_no_formula_of_the_project_is_written_in_javascript():
    """JavaScript draws, Python computes: the sources use no exponential and no entropy of their own."""
    for path in (LIVE / "src").rglob("*.js"):
        text = re.sub(r"//.*", "", path.read_text(encoding="utf-8"))
        calls = set(re.findall(r"Math\.(exp|log|log1p|expm1|pow|tanh)\b", text))
        # format.js turns the logarithm of the evidence into words; nothing is computed with it.
        assert calls <= ({"exp", "log"} if path.name in {"format.js"} else set()), path.name


def test_the_script_that_sets_formulas_is_of_the_locked_version():
    version = LOCK["packages"]["node_modules/temml"]["version"]
    assert f'version:"{version}"' in (ROOT / "book" / "vendor" / "temml.min.js").read_text(encoding="utf-8")


def test_lock_file_names_no_host():
    for name, package in LOCK["packages"].items():
        assert "resolved" not in package, name
        assert not name.startswith("node_modules/") or "integrity" in package, name
