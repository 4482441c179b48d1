"""Imports point downward only, and in no circle: those for types and those inside functions count as well."""

import ast
import graphlib
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "simsoftmax"

# From the ground up. A room stands for all its modules, and a module may import from its own layer and from below.
LAYERS = [
    "delimited files interruption intervals look results arguments levels",
    "kernels",
    "boltzmann threads",
    "variational disorder markov proposals sampling",
    "verdict calibration language",
    "engine trajectory metropolis",
    "annealing gas thermodynamics",
    "sweeps",
    "plotting",
    "live",
    "terminal",
    "sampler_commands pytest_plugin",
    "__main__",
]
HEIGHT = {name: height for height, layer in enumerate(LAYERS) for name in layer.split()}

# Arrows upward or back that stay, inside functions only: a module, whom it may call upon, and why.
ALLOWED = {
    ("kernels.compiler", "kernels"): "on first use it teaches numba the functions that kernels call, module by module",
    ("trajectory", "plotting"): "Trajectory.plot, a thin method: what it draws with is loaded when it draws",
}


def modules(root):
    """Return {dotted name below the package: syntax tree}; a package has the name of its folder."""
    found = {}
    for path in sorted(root.rglob("*.py")):
        parts = path.relative_to(root).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = ast.parse(path.read_text("utf-8"))
    return found


def statements(tree, inside=False):
    """Yield (statement, whether inside a function) for all of a tree, but not expressions: they import nothing."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, (ast.stmt, ast.excepthandler, ast.match_case)):
            yield node, inside
            yield from statements(node, inside or isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)))


def imports(name, tree, known):
    """Yield (imported module, whether inside a function) for every import of the package's own modules."""
    is_package = any(other.startswith(f"{name}.") for other in known) or not name
    here = name.split(".") if is_package and name else name.split(".")[:-1]
    for node, inside in statements(tree):
        if isinstance(node, ast.ImportFrom):
            if node.level:
                home = [*here[: len(here) - node.level + 1], *filter(None, (node.module or "").split("."))]
            elif (node.module or "").split(".")[0] == "simsoftmax":
                home = node.module.split(".")[1:]
            else:
                continue
            names = [".".join([*home, alias.name]) for alias in node.names]
            targets = {full if full in known else ".".join(home) for full in names}
        elif isinstance(node, ast.Import):
            targets = {a.name.partition(".")[2] for a in node.names if a.name.split(".")[0] == "simsoftmax"}
        else:
            continue
        for target in sorted(targets):
            yield target, inside


def faults(root):
    """Return what is wrong with the arrows of a package, a sentence each."""
    known = modules(root)
    said, arrows = [], {name: set() for name in known}
    for name, tree in known.items():
        room = name.split(".")[0]
        if name and room not in HEIGHT:
            said.append(f"{name} has no layer: give it one")
            continue
        for target, inside in imports(name, tree, known):
            there = target.split(".")[0]
            if not target or (inside and {(name, there), (room, there)} & set(ALLOWED)):
                continue  # the package itself holds a version and no code
            if target not in known:
                said.append(f"{name} imports {target}, which is no module")
            elif HEIGHT.get(there, -1) > HEIGHT.get(room, -1):
                said.append(f"{name} imports {target}, which stands above it")
            else:
                arrows[name].add(target)
    try:
        graphlib.TopologicalSorter(arrows).prepare()
    except graphlib.CycleError as error:
        said.append("a circle: " + " <- ".join(error.args[1]))
    return said


def test_imports_point_downward_and_in_no_circle():
    assert len(list(PACKAGE.rglob("*.py"))) > 40
    assert not faults(PACKAGE)


@pytest.mark.parametrize(
    ("files", "fault"),
    [
        ({"boltzmann.py": "from .markov import x", "markov.py": ""}, "markov, which stands above"),
        ({"boltzmann.py": "import simsoftmax.markov", "markov.py": ""}, "markov, which stands above"),
        ({"boltzmann.py": "def f():\n    from . import plotting", "plotting.py": ""}, "plotting, which stands above"),
        ({"metropolis.py": "from .plotting import x", "plotting.py": ""}, "plotting, which stands above"),
        ({"gas.py": "try:\n    x\nexcept E:\n    from .live import x", "live.py": ""}, "live, which stands above"),
        ({"gas.py": "match x:\n    case 1:\n        from .live import x", "live.py": ""}, "live, which stands above"),
        ({"verdict/null.py": "if TYPE_CHECKING:\n    from ..gas import Gas", "gas.py": ""}, "gas, which stands above"),
        ({"gas.py": "from .annealing import x", "annealing.py": "def f():\n    from .gas import y"}, "a circle"),
        ({"verdict/null.py": "from .power import x", "verdict/power.py": "from .null import y"}, "a circle"),
        ({"kernels/compiler.py": "from . import a", "kernels/a.py": "from .compiler import b"}, "a circle"),
        ({"novel.py": ""}, "no layer"),
        ({"gas.py": "from .verdict.lost import x"}, "no module"),
    ],
)
def test_a_wrong_arrow_is_seen(tmp_path, files, fault):
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert [sentence for sentence in faults(tmp_path) if fault in sentence]


def test_what_is_allowed_is_right(tmp_path):
    (tmp_path / "trajectory.py").write_text("def plot():\n    if x:\n        from .plotting import plot_occupancy")
    (tmp_path / "plotting.py").write_text("from .arguments import as_real")
    (tmp_path / "arguments.py").write_text("")
    assert not faults(tmp_path)
