"""Machine code that is kept: right whatever is passed, never stale, never needed."""

import io
import os
import re
import shutil
import subprocess
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import simsoftmax
from simsoftmax.kernels import cache, compiler
from simsoftmax.kernels.calling import Bundle, plain

PACKAGE = Path(simsoftmax.__file__).parent
pytestmark = pytest.mark.process


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Let every test begin with nothing kept."""
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "kept"))
    return tmp_path / "kept"


def weigh(rows, weights, more, out, times):
    """Return how many entries there are; add to ``out`` their sums with weights, in an order that shows every slip."""
    (scales, shift), first = more
    for _ in range(times):
        for i in range(rows.shape[0]):
            for j in range(rows.shape[1]):
                out[i] += rows[i, j] * weights[j] * scales[i, 0, j] - shift[0] + first
    return rows.size


def allocate(size, out):
    """Return what takes memory of its own."""
    room = np.zeros(size, np.int64)
    for k in range(size):
        room[k] = k + out[0]
    out[0] = room.sum()


def refuse(out):
    """Raise, which a kernel must not."""
    if out[0] > 0:
        raise ValueError("no")
    return 7


def arguments(rng, layout):
    rows, weights = rng.integers(-9, 9, (4, 6)), rng.integers(9, size=3).astype(np.float32)
    scales, shift = rng.integers(9, size=(4, 2, 3)).astype(np.uint16), rng.random(1)
    rows = {"gaps": rows[:, ::2], "turned": rows[:3].T[:4, :3], "plain": rows[:, :3].copy()}[layout]
    rows.flags.writeable = layout != "turned"
    return rows, weights, ((scales, shift), -3), np.zeros(4), 2


@pytest.mark.parametrize("layout", ["plain", "gaps", "turned"])
@pytest.mark.parametrize("bundled", [False, True])
def test_what_is_computed_does_not_depend_on_how_it_is_called(layout, bundled, rng, folder):
    rows, weights, ((scales, shift), first), out, times = arguments(rng, layout)
    size = weigh(rows, weights, ((scales, shift), first), out, times)
    more = Bundle(((scales, shift), first)) if bundled else ((scales, shift), first)
    for _ in range(2):
        again = np.zeros(4)
        assert compiler._Kernel(weigh)(rows, weights, more, again, times) == size  # new, then from its file
        np.testing.assert_allclose(again, out, rtol=1e-14)
    assert len(list(folder.iterdir())) == 1
    # a sign that the words of all arguments arrive at their places
    scales += 1
    compiler._Kernel(weigh)(rows, weights, more, again, times)
    assert not np.allclose(again, 2 * out)


def test_other_types_are_other_code(folder):
    kernel = compiler._Kernel(refuse)
    for k, kind in enumerate((np.int64, np.float32, np.uint8)):
        assert kernel(np.zeros(1, kind)) == 7
        assert len(list(folder.iterdir())) == k + 1


@pytest.mark.parametrize("damage", [lambda b: b[:40], lambda b: b"", lambda b: b[:-1] + bytes([b[-1] ^ 1])])
def test_a_damaged_file_is_made_again(damage, folder):
    assert compiler._Kernel(refuse)(np.zeros(1)) == 7
    (path,) = folder.iterdir()
    path.write_bytes(damage(path.read_bytes()))
    assert cache.read(path.name) is None
    assert compiler._Kernel(refuse)(np.zeros(1)) == 7
    assert cache.read(path.name)
    assert list(folder.iterdir()) == [path]  # nothing half written is left


def test_where_nothing_can_be_kept_it_works_all_the_same(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "file" / "below"))
    assert compiler._Kernel(refuse)(np.zeros(1)) == 7


def test_what_a_function_closes_over_is_not_kept(folder):
    results = []
    for shift in (1, 2):

        def local(out, shift=shift):
            return out[0] + shift

        def closed(out, shift=shift):
            out[0] = shift
            return out.size

        out = np.zeros(1, np.int64)
        compiler._Kernel(closed)(out, shift)
        results.append(out[0])
    assert results == [1, 2]
    assert not folder.exists()


def test_a_kernel_that_allocates_is_left_to_numba(folder):
    out = np.ones(1, np.int64)
    compiler._Kernel(allocate)(5, out)
    assert out[0] == 15
    assert not folder.exists()


def test_a_kernel_that_raises_says_so():
    with pytest.raises(RuntimeError, match="bug of simsoftmax"):
        compiler._Kernel(refuse)(np.ones(1))


def test_whoever_waits_for_a_compiler_is_told(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    for kept in (False, True):
        monkeypatch.setattr(sys, "stderr", Terminal())
        compiler._Kernel(refuse)(np.zeros(1))
        assert sys.stderr.getvalue().startswith("" if kept else "simsoftmax: compiling refuse for this processor")
        assert bool(sys.stderr.getvalue()) != kept


@pytest.mark.parametrize("somebody", [True, False])
def test_a_notebook_is_told_if_somebody_reads_it(somebody):
    """A notebook that is executed for a book, with nobody there, keeps its output as it is."""
    from jupyter_client.manager import start_new_kernel

    manager, client = start_new_kernel(env=os.environ | {"PYTHONPATH": os.getcwd()})
    said = []
    try:
        client.execute_interactive(
            "import simsoftmax as ss; ss.simulate([1.0, 0.0], 0.7, particles=10**6, sweeps=2, engine='particles')",
            allow_stdin=somebody,
            stdin_hook=print,
            timeout=120,
            output_hook=lambda message: said.append(message["content"].get("text", "")),
        )
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    assert any("compiling sweep_uniform_two for this processor" in text for text in said) == somebody


def test_threads_that_come_at_once_share_one_compilation(monkeypatch):
    compiled = []
    compile_once = compiler._Kernel._compile
    monkeypatch.setattr(compiler._Kernel, "_compile", lambda *a: compiled.append(1) or compile_once(*a))
    kernel = compiler._Kernel(refuse)
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda _: kernel(np.zeros(1)), range(32))) == [7] * 32
    assert compiled == [1]


FIRST = """
import sys
import simsoftmax as ss
for engine in ("particles", "occupations"):
    run = ss.simulate([2.0, 1.0, 0.1], 0.7, particles=10**6, sweeps=5, engine=engine, rng=1)
    print(run.counts.tolist())
print(*(name for name in ("numba", "scipy", "matplotlib") if name in sys.modules))
"""


def test_a_second_process_needs_no_compiler():
    """What takes long to import is not imported."""
    runs = [subprocess.run([sys.executable, "-c", FIRST], check=True, capture_output=True, text=True) for _ in range(2)]
    first, second = (done.stdout.splitlines() for done in runs)
    assert "numba" in first[2]
    assert second[2] == ""
    assert first[:2] == second[:2]


def test_a_debugger_may_step_through(monkeypatch):
    monkeypatch.setenv("NUMBA_DISABLE_JIT", "1")

    def kernel(out):
        return len(out)

    assert compiler.compiled(kernel).py_func is kernel
    assert compiler.compiled(kernel)([1, 2]) == 2


def test_bundles_are_tuples_to_numba():
    array = np.arange(3)
    assert type(plain(Bundle((array, Bundle((1, array)))))) is tuple
    assert type(plain((array, Bundle((1, array))))[1]) is tuple


def halve(numbers, factor, single):
    """Return a sum, and halve what was summed."""
    total = 0.0
    for i in range(numbers.size):
        total += numbers[i] * factor + single
        numbers[i] /= 2.0
    return total


def test_numbers_of_every_kind_come_and_go(rng):
    numbers = rng.random(5)
    kernel = compiler._Kernel(halve)
    for _ in range(2):
        for factor, single in ((2.5, np.float32(0.1)), (np.float64(-1e300), np.float32(3)), (3, 7), (np.int32(3), -1)):
            expected = float(np.sum(numbers * factor + single))
            assert kernel(numbers.copy(), factor, single) == pytest.approx(expected, rel=1e-6)
        kernel = compiler._Kernel(halve)  # now from its files


def test_code_for_one_order_of_entries_is_not_run_on_another(rng):
    """An array that is contiguous in columns, and one with gaps, are of one kind here, and of two to numba."""
    table = rng.integers(0, 9, (6, 6))
    kernel = compiler._Kernel(weigh)
    for rows in (np.asfortranarray(table), table[::2, ::2], table.T[1:, ::3]):
        out, wanted = np.zeros(len(rows)), np.zeros(len(rows))
        rest = (np.ones(rows.shape[1]), ((np.ones((len(rows), 1, rows.shape[1])), np.zeros(1)), 0))
        kernel(rows, *rest, out, 1)
        weigh(rows, *rest, wanted, 1)
        np.testing.assert_array_equal(out, wanted)


SURPRISES = {
    "numba's own way": ("uncounted", "numba runs it in its own way"),
    "no way": ("_register", "it runs uncompiled"),
    "the loader": ("_callable", "numba runs it in its own way"),
}


@pytest.mark.parametrize("surprise", SURPRISES)
def test_a_compiler_that_has_changed_is_no_failure(surprise, monkeypatch, folder):
    """A private name that is gone costs time, and a warning says so."""
    name, consequence = SURPRISES[surprise]

    def gone(*_):
        raise AttributeError("module 'numba' has no attribute 'what'")

    monkeypatch.setattr(compiler, name, gone)
    kernel = compiler._Kernel(refuse)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        assert kernel(np.zeros(1)) == 7
    assert re.search(f"refuse could not be compiled .* no attribute 'what'.*{consequence}", str(said[-1].message))
    assert kernel(np.zeros(1)) == 7  # and says so once


def test_a_processor_that_does_not_exist_is_an_error_and_not_the_end():
    code = (
        "import numpy as np\nfrom simsoftmax.kernels.page.gas import tally\n"
        "tally(np.zeros(3, np.int32), np.zeros(2, np.int64), np.zeros(2))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | {"NUMBA_CPU_NAME": "nehalemm"}, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert "NUMBA_CPU_NAME must name a processor that LLVM knows, got 'nehalemm'; unset it" in done.stderr


FORK = """
import os, signal, sys, threading, time
import numpy as np
from simsoftmax.kernels import compiler
from simsoftmax.kernels.page.exact import boltzmann, forgetting_time

x = np.zeros(3)
thread = threading.Thread(target=forgetting_time, args=(x, x, 0, 0.1, np.zeros(9), np.zeros(9)))
thread.start()
time.sleep(float(sys.argv[1]))
child = os.fork()
if not child:
    signal.alarm(60)  # ends a child that waits for ever
    boltzmann(x, 1.0, np.zeros(3), np.zeros(3), np.zeros(5))
    os._exit(0)
thread.join()
print(os.waitpid(child, 0)[1])
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_fork_during_a_compilation_can_compile():
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", FORK, "0.8"], check=True, capture_output=True, text=True, timeout=120
    )
    assert done.stdout.split() == ["0"]


def several(numbers, flag):
    """Return a tuple of numbers of other types and lengths."""
    return numbers[0], numbers.size, flag > 0, np.float32(0.5), np.uint8(200), -1.75


def fraction(numbers):
    return numbers[0] / 4.0


def unsigned(words):
    return words[0]


def nothing_in_it(numbers):
    return ()


def nested(numbers):
    return 1, (2, 3)


def itself(numbers):
    return numbers


@pytest.mark.parametrize(
    ("kernel", "given", "wanted"),
    [
        (fraction, (np.array([7.0]),), 1.75),
        (unsigned, (np.array([2**64 - 1], np.uint64),), 2**64 - 1),
        (unsigned, (np.array([200], np.uint8),), 200),
        (unsigned, (np.array([-7], np.int32),), -7),
        (unsigned, (np.array([0.1], np.float32),), float(np.float32(0.1))),
        (several, (np.array([0.25, 1.0]), 3), (0.25, 2, True, 0.5, 200, -1.75)),
        (several, (np.array([-1e300]), 0), (-1e300, 1, False, 0.5, 200, -1.75)),
        (nothing_in_it, (np.zeros(1),), ()),
    ],
)
def test_results_come_as_they_are(kernel, given, wanted, folder):
    """Also from the file that is kept, where numba reads none of it."""
    for _ in range(2):
        result = compiler._Kernel(kernel)(*given)
        assert result == wanted
        assert type(result) is type(wanted)
    assert len(list(folder.iterdir())) == 1


@pytest.mark.parametrize("kernel", [itself, nested])
def test_other_results_are_refused_by_name(kernel):
    with pytest.raises(TypeError, match=f"{kernel.__name__} must return a number, a tuple of numbers or nothing, got "):
        compiler._Kernel(kernel)(np.zeros(1))


@pytest.mark.parametrize(
    "argument",
    [
        1j,
        "text",
        None,
        2**63,
        np.zeros(1, complex),
        np.zeros(1, object),
        np.zeros(1, ">f8"),
        np.zeros(1, np.longdouble),
        np.zeros((1, 1, 1, 1)),
        (np.zeros(1), [1]),
        (1, np.array(["a"])),
    ],
)
def test_other_arguments_are_refused_by_name(argument):
    with pytest.raises(TypeError, match=r"an argument of .* must be an array of numbers .* got "):
        compiler._Kernel(fraction)(argument)


def copy_of_the_package(folder):
    shutil.copytree(PACKAGE, folder / "simsoftmax", ignore=shutil.ignore_patterns("__pycache__", "static", "src"))
    return folder / "simsoftmax"


NAMES = """
import functools, sys
from pathlib import Path
import simsoftmax.kernels
from simsoftmax.kernels import compiler

compiler.version = functools.cache(compiler.version)  # which reads files, thousands of times here

def names():
    compiler._source.cache_clear()
    modules = compiler.modules("simsoftmax.kernels")
    found = [getattr(f, "py_func", f) for module in modules for f in compiler.functions(module).values()]
    return [compiler._Kernel(f)._name(()) for f in found if f.__name__ != "<lambda>"]

room = Path(simsoftmax.kernels.__file__).parent
assert room.is_relative_to(sys.argv[1])
before = names()
assert len(set(before)) == len(before) > 150, len(before)
assert None not in before
for path in sorted(room.rglob("*.py")):
    text = path.read_text()
    path.write_text(text + "#")
    after = names()
    path.write_text(text)
    assert not set(before) & set(after), path
    print(path.relative_to(room).as_posix())
assert names() == before
"""


def test_a_change_of_any_helper_is_seen_by_every_kernel(tmp_path):
    """What is kept has another name as soon as anything is edited that a kernel might call."""
    package = copy_of_the_package(tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", NAMES, str(tmp_path)], cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(tmp_path)},
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    edited = set(done.stdout.split())
    assert edited == {path.relative_to(package / "kernels").as_posix() for path in (package / "kernels").rglob("*.py")}
    assert edited >= {"streams.py", "page/gas.py", "page/__init__.py"}


GAS = (
    "from simsoftmax.gas import simulate_gas; print(simulate_gas(2.0, particles=50, sweeps=20, rng=1).quanta.tolist())"
)


def test_a_change_of_a_helper_is_seen_in_the_result(tmp_path):
    """A rotation of the generator, two modules away from the kernel of the gas, with the code of before still kept."""
    package = copy_of_the_package(tmp_path)
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}

    def counts():
        return subprocess.run(
            [sys.executable, "-c", GAS], cwd=tmp_path, env=environment, check=True, capture_output=True, text=True
        ).stdout

    before = counts()
    path, line = package / "kernels" / "streams.py", "s3 = rotate_left(s3, 45)"
    text = path.read_text(encoding="utf-8")
    assert line in text
    path.write_text(text.replace(line, "s3 = rotate_left(s3, 44)"), encoding="utf-8")
    assert counts() != before
    path.write_text(text, encoding="utf-8")
    assert counts() == before


ADDED = """
import numpy as np
from simsoftmax.kernels import compiler, added
from simsoftmax.kernels.deep import below
print(compiler.compiled(added.kernel)(np.array([3.0])))
print(sorted(m.__name__ for m in compiler.modules("simsoftmax.kernels.deep")))
"""


def test_a_new_module_of_kernels_needs_no_entry_anywhere(tmp_path):
    package = copy_of_the_package(tmp_path)
    (package / "kernels" / "deep").mkdir()
    (package / "kernels" / "deep" / "__init__.py").write_text("")
    (package / "kernels" / "deep" / "below.py").write_text("INLINE = True\n\ndef twice(x):\n    return 2.0 * x\n")
    (package / "kernels" / "added.py").write_text(
        "from .deep.below import twice\n\ndef more(x):\n    return twice(x) + 0.5\n\n"
        "def kernel(numbers):\n    return more(numbers[0])\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", ADDED], cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(tmp_path)},
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.stdout.split("\n")[:2] == ["6.5", "['simsoftmax.kernels.deep.below']"], done.stderr
