"""Machine code that is kept: right whatever is passed, never stale, never needed."""

import io
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from jupyter_client.manager import start_new_kernel

from simsoftmax.kernels import compiler
from simsoftmax.kernels.calling import Bundle, plain


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
    assert compiler._read(path) is None
    assert compiler._Kernel(refuse)(np.zeros(1)) == 7
    assert compiler._read(path)
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

    assert compiler.compiled(kernel) is kernel


def test_bundles_are_tuples_to_numba():
    array = np.arange(3)
    assert type(plain(Bundle((array, Bundle((1, array)))))) is tuple
    assert type(plain((array, Bundle((1, array))))[1]) is tuple
