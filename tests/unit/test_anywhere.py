"""The package computes the same wherever it is put and whoever runs it: no home, nothing writable, no compiler."""

import ast
import compileall
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
from another_user import BECOME

import simsoftmax

pytestmark = pytest.mark.process

PACKAGE = Path(simsoftmax.__file__).parent

# Whatever of the public interface stands on a kernel, at sizes that are no trouble without a compiler.
CALLS = """
import json, sys
import numpy as np
import simsoftmax as ss
from simsoftmax.gas import simulate_gas

rng = np.random.default_rng(5)
found = {}
for proposal in json.loads(sys.argv[1])["proposals"]:
    for engine in ("particles", "occupations"):
        run = ss.simulate([2.0, 1.0, 0.1], 0.7, particles=500, sweeps=9, proposal=proposal, engine=engine, rng=1)
        found[f"simulate {str(proposal)[:9]} {engine}"] = run.counts.tolist()
found["gas"] = simulate_gas(2.0, particles=50, sweeps=9, rng=1).quanta.tolist()
for kind, levels in json.loads(sys.argv[1])["tables"]:
    z = rng.normal(0, 3, (40, levels)).astype(kind)
    y = z.argmax(1) * (np.arange(40) % 3 > 0)
    for weights in (None, np.arange(40) % 4):
        fit = ss.fit_temperature(z, y, weights=weights)
        name = f"fit {kind} {levels} {weights is None}"
        found[name] = [fit.temperature, fit.low, fit.high, fit.nll_before, fit.nll_after]
found["scaler"] = ss.TemperatureScaler().fit(z, y).predict_proba(z[:3]).tolist()
watch = ss.EProcess([2.0, 1.0, 0.1])
watch.update([60, 30, 20])
found["evidence"] = watch.log_evidence
"""

FIGURES = """
from simsoftmax.live import LogOddsExplorer
from simsoftmax.live import FreeEnergyExplorer
found["figures"] = [
    len(str(figure._repr_mimebundle_())) > 1000 for figure in (FreeEnergyExplorer(), LogOddsExplorer([0.2, 0.7]))
]
"""

THIRD = [[1 / 3] * 3] * 3
FEW = {"proposals": [THIRD], "tables": [["float64", 5]]}
MORE = {"proposals": ["uniform", "neighbour", THIRD], "tables": [["float32", 600], ["float32", 7], ["float64", 5]]}


def call(code, root=PACKAGE.parent, become=False, given=None, **variables):
    """Run code in a process that takes the package from ``root`` and treats every warning as an error."""
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PYTHONPYCACHEPREFIX")} | variables
    environment["PYTHONDONTWRITEBYTECODE"] = "1"
    start = f"import sys; sys.path.insert(0, {str(root)!r})\n" + (BECOME if become else "")
    done = subprocess.run(
        [sys.executable, "-W", "error", "-W", "default::DeprecationWarning", "-c", start + code, json.dumps(given)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        cwd=root,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def results(given, figures=False, **options):
    return json.loads(call(CALLS + figures * FIGURES + "print(json.dumps(found))", given=given, **options))


def assert_same(found, usual):
    assert found.keys() == usual.keys()
    for name, value in usual.items():
        if name.startswith(("fit", "scaler", "evidence")):  # sums of floats, whose order is the processor's own
            tolerance = 1e-5 if "float32" in name else 1e-11
            np.testing.assert_allclose(found[name], value, rtol=tolerance, err_msg=name)
        else:
            assert found[name] == value, name


@pytest.fixture
def open_folder():
    """Return a folder that every user can read."""
    path = Path(tempfile.mkdtemp(prefix="simsoftmax-"))
    path.chmod(0o755)
    yield path
    for part in [path, *path.rglob("*")]:
        if part.is_dir() and not part.is_symlink():
            part.chmod(0o755)
    shutil.rmtree(path)


def copy(folder):
    shutil.copytree(PACKAGE, folder / "simsoftmax", ignore=shutil.ignore_patterns("__pycache__"))
    return folder


@pytest.mark.slow
def test_a_package_and_a_home_that_cannot_be_written(open_folder):
    """As in a container that is run as another user; nothing is said of it, and nothing is left behind."""
    copy(open_folder)
    before = sorted(open_folder.rglob("*"))
    for path in before:
        path.chmod(0o555 if path.is_dir() else 0o444)
    away = {"HOME": "/nonexistent", "XDG_CACHE_HOME": "", "NUMBA_CACHE_DIR": ""}
    away["MPLCONFIGDIR"] = tempfile.gettempdir()  # matplotlib warns where it finds no home
    found = results(FEW, figures=True, root=open_folder, become=True, **away)
    assert_same(found, results(FEW, figures=True))
    assert sorted(open_folder.rglob("*")) == before


def test_without_a_compiler_the_same():
    """NUMBA_DISABLE_JIT, for a debugger or for coverage."""
    assert_same(results(MORE, NUMBA_DISABLE_JIT="1"), results(MORE))


SHORT = """
import simsoftmax as ss
print(ss.simulate([2.0, 1.0, 0.1], 0.7, particles=10**6, sweeps=2, engine="particles", rng=1).counts.tolist())
import simsoftmax.kernels.compiler as compiler
print(compiler.__file__)
"""


def test_byte_code_alone(open_folder, tmp_path):
    copy(open_folder)
    compileall.compile_dir(open_folder, legacy=True, quiet=2)
    for path in open_folder.rglob("*.py"):
        path.unlink()
    first, second = (call(SHORT, root=open_folder, NUMBA_CACHE_DIR=str(tmp_path / "kept")) for _ in range(2))
    assert first == second
    assert first.split()[-1].endswith(".pyc")
    assert len(list((tmp_path / "kept").iterdir())) == 2  # the sweeps and the count


def names_of(path):
    """Return every (line, dotted name) that a module imports or reaches for."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            yield node.lineno, f"{node.value.id}.{node.attr}"
        elif isinstance(node, ast.keyword) and node.arg == "cache":
            yield node.value.lineno, "cache="


# Modules that tell numba how to lower an operation, which compiles nothing.
LOWERING = {
    "kernels/compiler.py",
    "kernels/calling.py",
    "kernels/vector.py",
    "kernels/vector_floating.py",
    "kernels/wasm.py",
}
COMPILING = {"numba.njit", "numba.jit", "numba.vectorize", "numba.guvectorize", "numba.cfunc", "cache="}


def test_there_is_one_door_to_the_compiler():
    """No other module compiles, so no other cache, and no other reason to fail, can come in."""
    modules = {path.relative_to(PACKAGE).as_posix(): path for path in PACKAGE.rglob("*.py")}
    assert modules.keys() >= LOWERING
    for name, path in modules.items():
        for line, reached in names_of(path):
            if name not in LOWERING:
                assert reached.split(".")[0] not in ("numba", "llvmlite"), f"{name}:{line} reaches for {reached}"
            if name != "kernels/compiler.py":
                assert reached not in COMPILING, f"{name}:{line}: {reached} belongs in kernels/compiler.py"
            assert reached != "cache=", f"{name}:{line} asks numba for a cache of its own"
