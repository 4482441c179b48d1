"""Do the tests notice when the statistical core is wrong? Break it in many small ways, one at a time, and count.

    pip install -e . --group mutation --group test
    python -m benchmarks.mutation --share 0.05 --seed 0
    python -m benchmarks.mutation --modules boltzmann verdict/power --share 1

Cosmic Ray makes the mutants: a sign turned, a number moved by one, a comparison or a condition reversed, a decorator
taken away. Each is put into a copy of the sources, and the tests that run its line are run there, the quickest first,
until one fails. What is printed is the share that was noticed, with an interval, and a diff for each mutant that was
not: either a test is missing there, or the mutant is no mistake. The working tree is never touched.

Which tests run a line is measured once, with coverage.py, in the tests as they stand. It sees no machine code, so the
kernels are broken, and measured, where they run uncompiled. What runs when a module is imported, such as a constant or
the default of an argument, is put to all tests that run anything of the module, and to those that only look at it.

Mutants that are no mistakes are named, with the reason, in `EQUIVALENT`, and not counted.

Left out, as they would flatter the score or say nothing: an operator of bits in the place of one of arithmetic and `is`
in the place of `==`, which floats refuse at once; what leaves the code as it is but for types and docstrings; and what
is no Python at all. A mutant whose tests do not end within the limit counts as noticed, and is counted apart as well.
"""

from __future__ import annotations

import argparse
import ast
import difflib
import multiprocessing
import os
import queue
import random
import re
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.util import cache_from_source
from pathlib import Path
from typing import Any

import pytest
from scipy import stats

ROOT = Path(__file__).parents[1]
COPIED = ("simsoftmax", "tests", "benchmarks", "pyproject.toml")

TESTS = {
    "boltzmann": "boltzmann defaults",
    "intervals": "intervals calibration_errors defaults",
    "kernels/crossing": "crossing",
    "kernels/tails": "tails page_counts",
    "kernels/tilting": "tilting",
    "markov": "markov defaults",
    "thermodynamics": "thermodynamics defaults",
    "calibration/fit": "calibration cases stream defaults",
    "calibration/metrics": "calibration_errors cases defaults",
    "calibration/rows": "calibration cases stream defaults",
    "verdict/evidence": "evidence defaults",
    "verdict/null": "verification power thermometer null defaults",
    "verdict/power": "power verification defaults",
    "verdict/residuals": "samplers defaults",
    "verdict/samplers": "samplers defaults",
    "verdict/thermometer": "thermometer defaults",
    "verdict/tilting": "tilting samplers defaults",
    "verdict/verification": "verification defaults",
}
"""The modules that are broken, and the files of tests/unit that ought to notice."""

LOOKING = "tests/unit/test_defaults.py"
"""Tests that look at what an import has made, and run nothing of it."""

PRELOADED = ["numpy", "scipy.optimize", "scipy.special", "scipy.stats", "mpmath", "pytest", "hypothesis", "sklearn"]
"""What every run of tests imports, and takes over from one process that has it."""

IDLE = re.compile("_(RShift|LShift|BitOr|BitAnd|BitXor)$|Comparison.*_(Eq|NotEq|Lt|LtE|Gt|GtE)_(Is|IsNot)$")

EQUIVALENT = (
    ("calibration/metrics", "narrowest = 1 / cells", "//", "what is below the resolution may be any of it"),
    ("calibration/metrics", "empty = count == 0", "count <= 0", "a count is never below 0"),
    ("calibration/fit", "abs(step) <= _LAST_STEP", "abs.step. < _LAST", "differs at one float, where both hold"),
    ("calibration/fit", "if not abs(x) < 0.9", "abs.x. <= 0.9", "differs at one float, where both hold"),
    ("calibration/fit", "if 0.2 < denominator < 5", r"denominator <= 5|0\.2 <= den", "differs at one float"),
    ("calibration/fit", "_SAMPLES = (", r"249|251|1999|2001", "where a fit starts shows in the time alone"),
    ("calibration/fit", "while excess(low) > 0 and", " or low", "a wider bracket has the same root"),
    ("calibration/fit", "high += 3.0", "", "how far a search goes at once shows in the time alone"),
    ("calibration/fit", "low -= 3.0", "", "as above"),
    ("calibration/fit", "low > -_FARTHEST", "low >= -", "as above"),
    ("calibration/fit", "if not abs(v) < 5", "<= 5", "where a fit starts shows in the time alone"),
    ("calibration/fit", "sums[:1] + sums[2:]", r"sums\[ ?3:", "where the likelihood is infinite, so is its slope"),
    ("calibration/fit", "far = True", "False", "what is asked once more has the same answer"),
    ("calibration/rows", "UNIT = 1 << ", "^(?!.*1 / )", "how long blocks are shows in the time alone"),
    ("calibration/rows", "or len(starts) == 1", "<= 1", "a table has a block at least"),
    ("calibration/rows", "self.length = max(", r"[)] - self|max.. 2|// 1[57]|UNIT // [79]|[-+*%] (16|8)", "as above"),
    ("calibration/rows", "max(1, _CONVERTED_UNIT // ", r"max.. 2, _C|UNIT [-+*%] |not direct", "as above"),
    ("calibration/rows", "self.threads = threads if", r"levels [<>=!]+ _UNIT // \d else 1|UNIT [-+*] 2", "as above"),
    ("markov", "np.expm1(log_p[there][0])", r"log_p.there.. -1", "the first of one is the last"),
    ("markov", "if log_sum > 0 else", "log_sum != 0", "the logarithm of 1 / p is never below 0"),
    ("thermodynamics", "if not largest < np.inf", "largest != np.inf", "it is never NaN: scores are finite"),
    ("thermodynamics", "largest = float(np.abs(finite)", "// t", "it is compared with infinity alone"),
    ("thermodynamics", "zip(temperatures, share, strict=True)", "False", "both are as long"),
    ("thermodynamics", "reach = np.log(totals.sum()) + 1", r"[+] 2", "a search begins beyond any answer"),
    ("thermodynamics", "np.linspace(0.01, 0.999, 400)", r"0\.999, +(399|401)", "each height proves a bound"),
    ("verdict/null", "(q - 0.5) / (trials + 1)", r".trials ([*/]+ 1|\+ +[02])", "less than its stated error"),
    ("verdict/null", "middle = np.where(narrow, high,", r"high, -?1\.0", "it is used where cells are narrow"),
    ("verdict/null", "surface = np.where(np.isinf(b)", r"-?1\.0, [ab]", "the density at infinity is 0"),
    ("verdict/null", "np.where(a < r, special", "a != r", "of so many no more are counted"),
    ("verdict/null", "if length > 1e-12 * scale > 0", "!= 0", "a scale is never below 0"),
    ("verdict/null", "low = ~large & (n <= left * q)", "~large [*]", "of truths the product is the same"),
    ("verdict/null", "np.append(0.0, np.cumsum", "", "the first is never asked for"),
    ("verdict/null", "else MOST_OUTCOMES + 1", r"OUTCOMES \+ +2", "either is more than the most"),
    ("verdict/null", "p_value = 1.0", "p_value = 2.0", "the least of it and 1 is returned"),
    ("verdict/null", "far = ~narrow & (high < -37.0)", "high <= -37", "differs at one float"),
    ("verdict/null", "counts[..., self.p == 0] > 0", "!= 0", "a count is never below 0"),
    ("verdict/power", "@lru_cache(maxsize=", "lru_cache", "what is kept shows in the time alone"),
    ("verdict/power", "logits[groups.order[0]] / 2)", r"\] / [13]\)", "a constant cancels in the weights"),
    ("verdict/power", "high *= 2", "", "how far a search goes at once shows in the time alone"),
    ("verdict/power", "return -1.0 if math.isnan", r"return -? ?\d", "any number below 0 promises nothing"),
    ("verdict/power", "min(linear, 1.0) / 1.1", "", "where a search starts shows in the time alone"),
    (
        "verdict/power",
        "FEW, OUTCOMES = ",
        "299|301",
        "both ways are right there: this is where one becomes the quicker",
    ),
    ("verdict/residuals", "zip(chunks, dask", "False", "both are as long"),
    ("verdict/residuals", "_KEY = ", "", "any other number is as random"),
    ("verdict/residuals", "_SORT = 8", "", "both ways give the same ranks: this is where one becomes the quicker"),
    ("verdict/residuals", "contexts.rows * levels > 1 << 18", "else [12],", "threads show in the time alone"),
    ("verdict/residuals", "np.sort(row[row > 0])", "row != 0", "masses are never below 0"),
    ("verdict/samplers", "np.histogram(ranks, [0.0", r"\[ ?-1", "a rank is never below 0"),
    ("verdict/samplers", "@functools.lru_cache", "", "what is kept shows in the time alone"),
    ("verdict/samplers", "worst: tuple[float, int, int] =", "", "the first that is looked at takes its place"),
    ("verdict/samplers", "int(kinds > 0)", "!= 0", "a number is never below 0"),
    ("verdict/samplers", "np.empty((3, number + 1))", r"number \+ +2", "room for more than is used"),
    ("verdict/samplers", "low, high = 0.0, math.log(most)", r"= -1\.0, math", "a search begins below any answer"),
    ("verdict/samplers", "high - low > 1e-9", "low >= 1e-9", "differs where the search may end or not"),
    ("verdict/thermometer", "tilt**2 / 24", r"\*\* 3 / 24|2 (// 24|/ 2[35])", "less than 1e-7 of the sum it is in"),
    ("verdict/thermometer", "counts[scores == -1]", "<= -1", "no score is below -1"),
    ("verdict/thermometer", "xtol=1e-12 *", "1e-12 /", "as close as the other limit asks"),
    ("verdict/thermometer", "return _root(short, math.log", "", "where a search starts shows in the time alone"),
    ("verdict/thermometer", "while falling(near) * step < 0", "// step", "it has the same sign"),
    ("verdict/thermometer", "step = -1.0 if rising", "2.0", "how far a search goes at once shows in the time alone"),
    ("verdict/thermometer", "> 2 * LARGE", "[13] [*] LARGE", "both ways are right to 1e-9 there"),
    ("kernels/tails", "if rest <= 0.0", "rest < 0", "the fraction gives 1 there, too, by the arithmetic of kernels"),
    ("kernels/tails", "> 1e-300 else 1e-300", r"> -1\.0 e|e -?1\.0\)?$|[>!]= 1", "no denominator there comes near 0"),
    ("boltzmann", "np.where(gap == 0, 0.0, reduced)", "gap >= 0", "a gap is never above 0"),
    ("intervals", "np.where(hit > 0, betaincinv", "hit != 0", "a count is never below 0"),
    ("kernels/tilting", "_PARTS = 200", "", "how finely it is looked shows in less than is promised"),
    ("kernels/tilting", "if r < NEAR", "<= NEAR", "differs at one float"),
    ("kernels/tilting", "abs(curvature[there]) < math.inf", r"[)] [*] abs", "what is infinite stays so"),
    ("kernels/tilting", "if end == 0.0", r"end (==|<|<=) -?1\.0", "the search below ends at once there, too"),
    ("kernels/tilting", "if side > 0 ", "if side >= 0", "a side is 1 or -1"),
    ("verdict/verification", "np.clip(values[:-1], -1, 1)", "~1, 1", "it cuts rounding off, and 1e-16 are not 1"),
)
"""Mutants that are no mistakes, and are not counted: module, a part of the line, what the new line matches (any, if
nothing is said), and why no test could tell."""


@dataclass(frozen=True)
class Mutant:
    """A module with one thing changed."""

    module: str
    operator: str
    sound: str
    code: str
    diff: str

    @property
    def line(self) -> int:
        """The first line that is changed."""
        return int(re.search(r"^@@ -(\d+)", self.diff, re.M)[1])

    @property
    def equivalent(self) -> bool:
        """Whether `EQUIVALENT` says that it is no mistake."""
        before, after = (line[1:] for line in self.diff.splitlines()[3:5])
        return any(
            self.module == module and part in before and re.search(new, after) for module, part, new, _ in EQUIVALENT
        )


def meaning(code: str) -> str:
    """Return what code does: its syntax tree without types and docstrings; nothing where it is no Python."""
    try:
        tree = ast.parse(code)
    except SyntaxError:
        return ""
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef)):
            node.body = [part for part in node.body if not is_overload(part)]
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            node.returns = None
            arguments = node.args
            for argument in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs):
                argument.annotation = None
        if isinstance(node, ast.AnnAssign):
            node.annotation = ast.Constant(None)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            node.value = ast.Constant(None)
    return ast.dump(tree)


def is_overload(node: ast.stmt) -> bool:
    """Return whether this is a function without a body, which only a type checker reads."""
    if not isinstance(node, ast.FunctionDef) or len(node.body) != 1:
        return False
    line = node.body[0]
    return isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant) and line.value.value is ...


def mutants(module: str, share: float, seed: int) -> tuple[int, list[Mutant]]:
    """Return how many mutants of a module there are, and a random share of them."""
    from cosmic_ray.commands import init
    from cosmic_ray.mutating import mutate_code
    from cosmic_ray.plugins import get_operator
    from cosmic_ray.work_db import WorkDB, use_db

    path = ROOT / "simsoftmax" / f"{module}.py"
    code = path.read_text()
    with tempfile.TemporaryDirectory() as room, use_db(f"{room}/work.sqlite", WorkDB.Mode.create) as work:
        init([path], work, {})
        places = sorted((m.operator_name, m.occurrence) for item in work.work_items for m in item.mutations)
    places = [place for place in places if not IDLE.search(place[0])]
    random.Random(f"{seed} {module}").shuffle(places)
    found, same = [], meaning(code)
    for operator, occurrence in places[: round(share * len(places))]:
        changed = mutate_code(code, get_operator(operator)(), occurrence)
        if changed is not None and meaning(changed) not in (same, ""):
            lines = difflib.unified_diff(code.splitlines(), changed.splitlines(), module, operator, n=0, lineterm="")
            mutant = Mutant(module, operator, code, changed, "\n".join(lines))
            found += [] if mutant.equivalent else [mutant]
    return len(places), found


class Watch:
    """A plugin of pytest's that notes which lines of the package each test runs, and how long it takes."""

    def __init__(self, coverage: Any) -> None:
        self.coverage = coverage
        self.seconds: dict[str, float] = {}

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        """Run a test in a context of its own."""
        forget()
        self.coverage.switch_context(item.nodeid)
        start = time.monotonic()
        result = yield
        self.seconds[item.nodeid] = time.monotonic() - start
        return result


class Choice:
    """A plugin of pytest's that leaves some tests, runs them in this order, and ends the process if one takes longer.

    The alarm of the system also ends a loop that is in compiled code.
    """

    def __init__(self, limits: dict[str, float]) -> None:
        self.limits = limits
        self.place = {test: place for place, test in enumerate(limits)}

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Put the tests into their order."""
        items[:] = [item for item in items if item.nodeid in self.place]
        items.sort(key=lambda item: self.place[item.nodeid])

    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Give the test its time."""
        signal.setitimer(signal.ITIMER_REAL, self.limits[item.nodeid])


def forget() -> None:
    """Empty what functions of the package keep: a test that gets a kept result would not be seen to need their lines.

    What is compiled stays.
    """
    for name, module in list(sys.modules.items()):
        if name.startswith("simsoftmax.") and not name.startswith("simsoftmax.kernels"):
            classes = [value for value in vars(module).values() if isinstance(value, type)]
            for value in [value for home in (module, *classes) for value in vars(home).values()]:
                if hasattr(value, "cache_clear"):
                    value.cache_clear()


def run_pytest(room: Path, files: list[str], interpreted: bool, plugin: object) -> int:
    """Run tests of a copy of the sources, here, until one fails; return what pytest returns."""
    os.chdir(room)
    sys.path.insert(0, str(room))
    os.environ["NUMBA_DISABLE_JIT"] = str(int(interpreted))
    with open("output", "w") as output:
        os.dup2(output.fileno(), 1)
        os.dup2(output.fileno(), 2)
    options = ["-x", "-q", "--assert=plain", "-p", "no:cacheprovider", "-m", "not slow and not process and not browser"]
    return int(pytest.main([*options, *files], plugins=[plugin]))


def measure(room: Path, files: list[str], interpreted: bool) -> tuple[int, dict[str, float], dict[str, Any]]:
    """Run tests; return what pytest returns, how long each took, and the tests that run each line of each module."""
    from coverage import Coverage

    coverage = Coverage(data_file=None, config_file=False, source=[str(room / "simsoftmax")])
    coverage.set_option("run:core", "ctrace")  # a quicker one does not tell tests apart
    watch = Watch(coverage)
    coverage.start()
    code = run_pytest(room, files, interpreted, watch)
    coverage.stop()
    data = coverage.get_data()
    lines = {file: data.contexts_by_lineno(file) for file in data.measured_files()}
    return code, watch.seconds, {Path(f).relative_to(room / "simsoftmax").as_posix()[:-3]: n for f, n in lines.items()}


def fails(room: Path, limits: dict[str, float], interpreted: bool) -> bool:
    """Return whether one of these tests fails, each within its limit in seconds."""
    files = list(dict.fromkeys(test.partition("::")[0] for test in limits))
    signal.setitimer(signal.ITIMER_REAL, 60 + max(limits.values()))  # an import, too, may never end
    done = run_pytest(room, files, interpreted, Choice(limits))
    signal.setitimer(signal.ITIMER_REAL, 0)
    return done not in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED)


def send(connection: Any, work: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    """Do some work and send what comes of it."""
    connection.send(work(*arguments))


def apart(work: Callable[..., Any], *arguments: Any) -> Any:
    """Return what a function returns in a process of its own; TimeoutError if an alarm ends it, EOFError if it dies."""
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload(PRELOADED)
    there, here = processes.Pipe(duplex=False)
    process = processes.Process(target=send, args=(here, work, arguments))
    process.start()
    here.close()
    try:
        result = there.recv()
        process.join(10)
        return result
    except EOFError:
        process.join(10)
        if process.exitcode == -signal.SIGALRM:
            raise TimeoutError from None
        raise
    finally:
        process.kill()
        process.join()


def reach(code: str, line: int) -> range:
    """Return the lines of which a test must run one to run this one: its statement, or all for what an import runs."""
    found = range(1, len(code.splitlines()) + 1)
    for function in ast.walk(ast.parse(code)):
        if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
            for node in ast.walk(function):
                if (
                    isinstance(node, ast.stmt) and node is not function
                ):  # its signature an import runs, or what it is in
                    first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))])
                    if first <= line <= node.end_lineno:
                        found = range(first, node.end_lineno + 1)
    return found


def main() -> None:
    """Break the modules named, and say what was noticed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--modules", nargs="+", choices=TESTS, default=list(TESTS), metavar="MODULE")
    parser.add_argument("--share", type=float, default=0.05, help="share of all mutants that are tried (default 0.05)")
    parser.add_argument("--seed", type=int, default=0, help="which ones (default 0)")
    parser.add_argument("--jobs", type=int, default=2, help="how many at a time (default 2)")
    parser.add_argument("--patience", type=float, default=6.0, help="limit, in times of a sound test (default 6)")
    asked = parser.parse_args()

    with tempfile.TemporaryDirectory() as folder:
        rooms: queue.SimpleQueue[Path] = queue.SimpleQueue()
        for number in range(asked.jobs):
            room = Path(folder).resolve() / str(number)
            for name in COPIED:
                source = ROOT / name
                if source.is_dir():
                    shutil.copytree(source, room / name, ignore=shutil.ignore_patterns("__pycache__", "node_modules"))
                else:
                    shutil.copy(source, room)
            rooms.put(room)

        seconds: dict[str, float] = {}
        runs: dict[str, dict[int, list[str]]] = {}

        def watch(interpreted: bool) -> None:
            modules = [module for module in asked.modules if module.startswith("kernels/") == interpreted]
            names = dict.fromkeys(name for module in modules for name in TESTS[module].split())
            files = [f"tests/unit/test_{name}.py" for name in names]
            if files:
                code, times, lines = apart(measure, room, files, interpreted)
                if code != pytest.ExitCode.OK:
                    raise SystemExit(
                        f"the tests fail as it stands, so they tell nothing:\n{(room / 'output').read_text()}"
                    )
                seconds.update(times)
                runs.update({module: lines.get(module, {}) for module in modules})

        def judge(mutant: Mutant) -> str:
            lines = runs[mutant.module]
            reached = reach(mutant.sound, mutant.line)
            tests = {test for line in reached for test in lines.get(line, [])} & set(seconds)
            if len(reached) == len(mutant.sound.splitlines()):
                tests |= {test for test in seconds if test.startswith(f"{LOOKING}::")}
            limits = {test: 20 + asked.patience * seconds[test] for test in sorted(tests, key=seconds.__getitem__)}
            room = rooms.get()
            target = room / "simsoftmax" / f"{mutant.module}.py"
            try:
                write(target, mutant.code)
                noticed = bool(tests) and apart(fails, room, limits, mutant.module.startswith("kernels/"))
            except TimeoutError:
                return "late"
            except EOFError:  # the process died
                return "noticed"
            finally:
                write(target, mutant.sound)
                rooms.put(room)
            if not noticed:
                print(f"\nNot noticed by {len(tests)} tests:\n{mutant.diff}\n", flush=True)
            return "noticed" if noticed else "survived"

        start = time.monotonic()
        for interpreted in (False, True):
            watch(interpreted)
        print(f"{len(seconds)} tests measured; {(time.monotonic() - start) / 60:.1f} minutes", flush=True)
        noticed = tried = late = 0
        for module in asked.modules:
            start = time.monotonic()
            total, sample = mutants(module, asked.share, asked.seed)
            with ThreadPoolExecutor(asked.jobs) as pool:
                verdicts = list(pool.map(judge, sample))
            seen = len(verdicts) - verdicts.count("survived")
            minutes = (time.monotonic() - start) / 60
            print(f"{module}: {seen} of {len(verdicts)} noticed, of {total} in all; {minutes:.1f} minutes", flush=True)
            noticed, tried, late = noticed + seen, tried + len(verdicts), late + verdicts.count("late")

    if tried:
        low, high = stats.binomtest(noticed, tried).proportion_ci(0.95)
        print(
            f"Noticed: {noticed} of {tried}, {noticed / tried:.1%} (95 % confidence: {low:.1%} to {high:.1%}; "
            f"Clopper and Pearson), {late} of them because their tests did not end."
        )


def write(target: Path, code: str) -> None:
    """Write a module; byte code goes, as it would pass for that of another text of the same length and second."""
    target.write_text(code)
    Path(cache_from_source(str(target))).unlink(missing_ok=True)


if __name__ == "__main__":
    main()
