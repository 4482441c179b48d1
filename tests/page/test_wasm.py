"""The kernels in WebAssembly: committed is what the source gives, and it computes what the native kernels compute."""

import subprocess
import sys
from importlib.metadata import version

import numpy as np
import pytest
from javascript import Page
from short import short

import simsoftmax as ss
from simsoftmax.kernels import wasm
from simsoftmax.kernels.page import exact, reference
from simsoftmax.kernels.page.evidence import grow_evidence
from simsoftmax.kernels.seeds import seed_streams


@pytest.mark.minutes
@pytest.mark.slow  # it compiles all of them; the tests of parity below meet what has changed
def test_committed_kernels_are_what_the_source_gives(tmp_path):
    pinned = {"numba": "0.68.1", "llvmlite": "0.50.0"}
    for name, wanted in pinned.items():
        if version(name) != wanted:
            pytest.skip(f"kernels.wasm is compiled with {name} {wanted}, this is {version(name)}")
    written = tmp_path / "k.wasm"
    done = subprocess.run([sys.executable, "-m", "simsoftmax.kernels.wasm", written], capture_output=True, check=True)
    assert b"kernels" in done.stdout
    assert written.read_bytes() == wasm.MODULE.read_bytes(), "run `make wasm` and commit kernels.wasm"


TEMPERATURES = [0.0, 0.001, 0.3, 1.0, 7.0, np.inf]


def weights_of(logits, temperature):
    exponents, weights = np.empty(len(logits)), np.empty(len(logits))
    exact.boltzmann_weights(logits, temperature, exponents, weights)
    return exponents, weights


@pytest.mark.parametrize("rule", ["sweep_uniform", "sweep_neighbour"])
def test_the_same_draws_as_the_native_kernel(page, rule, rng):
    calls, natives = [], []
    for temperature in TEMPERATURES:
        for levels in (2, 3, 7, 16):
            logits = rng.normal(size=levels) * 3
            exponents, weights = weights_of(logits, temperature)
            states = rng.integers(0, levels, 500).astype(np.uint8)
            stream = seed_streams(int(rng.integers(2**63)), 1)[0]
            calls.append((rule, [states, exponents, weights, stream, 40]))
            native = states.copy(), stream.copy()
            moved = getattr(reference, rule)(native[0], exponents, weights, native[1], 40)
            natives.append((moved, *native))
    for (moved, left), (native_moved, native_states, native_stream) in zip(page.call(calls), natives, strict=True):
        assert moved == native_moved
        np.testing.assert_array_equal(left[0], native_states)
        np.testing.assert_array_equal(left[3], native_stream)


def test_one_flipped_bit_of_the_seed_is_another_trajectory(page, rng):
    exponents, weights = weights_of(np.array([2.0, 1.0, 0.1]), 0.7)
    states, stream = np.zeros(500, dtype=np.uint8), seed_streams(1, 1)[0]
    other = stream.copy()
    other[0] ^= np.uint64(1)
    (_, one), (_, two) = page.call([("sweep_uniform", [states, exponents, weights, s, 40]) for s in (stream, other)])
    assert (one[0] != two[0]).any()


def test_exact_kernels_agree_with_the_native_ones(page, rng):
    logits = np.array([2.0, 1.0, 0.1, -0.7])
    q = rng.dirichlet(np.ones(4))
    three, counts = logits[:3].copy(), rng.multinomial(5000, ss.softmax(logits, 0.7))
    exponents, p, state = np.empty(4), np.empty(4), np.empty(5)
    exact.boltzmann(logits, 0.7, exponents, p, state)
    empty = np.zeros
    cases = [("boltzmann", exact.boltzmann, [logits, t, empty(4), empty(4), empty(5)]) for t in TEMPERATURES]
    cases += [("free_energy_functional", exact.free_energy_functional, [q, logits, t, empty(3)]) for t in TEMPERATURES]
    cases += [("mirror_flow", exact.mirror_flow, [q.copy(), logits, t, 0.8]) for t in TEMPERATURES[:-1]]
    cases += [("flow_forces", exact.flow_forces, [q, logits, t, empty(4), empty(4)]) for t in TEMPERATURES[:-1]]
    cases += [
        ("free_energy_landscape", exact.free_energy_landscape, [three, 0.7, 9, empty(81)]),
        ("forgetting_time", exact.forgetting_time, [exponents, p, 0, 1e-5, empty(16), empty(16)]),
        ("forgetting_time", exact.forgetting_time, [exponents, p, 1, 1e-5, empty(16), empty(16)]),
        ("grow_evidence", grow_evidence, [0.0, empty(4, np.int64), counts, ss.softmax(logits, 0.75), 4.0]),
    ]
    answers = page.call(
        [(name, [a.copy() if isinstance(a, np.ndarray) else a for a in args]) for name, _, args in cases]
    )
    for (name, kernel, args), (result, left) in zip(cases, answers, strict=True):
        native = kernel(*args)
        assert result == (None if native is None else pytest.approx(native, rel=1e-13)), name
        for mine, theirs in zip(args, left, strict=True):
            if isinstance(mine, np.ndarray):
                np.testing.assert_allclose(theirs, mine, rtol=1e-13, atol=1e-15, err_msg=name)


BAD = """
import math
import numpy as np
from numba import njit
TABLE = np.arange(1000.0)

def heap(x):
    y = np.empty(x.size)
    for i in range(x.size):
        y[i] = x[i]
    return y[0]

def dice(x):
    return np.random.random()

def complain(x):
    if x[0] < 0:
        raise ValueError("negative")
    return x[0]

def table(x):
    return TABLE[int(x[0])]

def special(x):
    return math.gamma(x[0])

def talk(x):
    print(x[0])
    return x[0]

def fine(x):
    return math.exp(x[0]) + x[1]
"""


@pytest.mark.parametrize(
    ("kernel", "reason"),
    short(
        [
            ("heap", "pass every array in"),
            ("talk", "numba's runtime|interpreter"),
            ("dice", r"np\.random"),
            ("complain", "raises an exception"),
            ("table", "constant array"),
            ("special", "calls tgamma|calls numba"),
        ]
    ),
)
def test_a_kernel_that_cannot_live_in_a_page_is_refused_with_the_reason(kernel, reason, tmp_path, monkeypatch):
    (tmp_path / "bad_kernels.py").write_text(BAD)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ValueError, match=f"(?s){kernel}.*({reason})"):
        wasm.build({kernel: (f"bad_kernels:{kernel}", "float64(float64[::1])")})


def test_a_kernel_that_can_is_compiled(tmp_path, monkeypatch, page):
    (tmp_path / "bad_kernels.py").write_text(BAD)
    monkeypatch.syspath_prepend(tmp_path)
    module = wasm.build({"fine": ("bad_kernels:fine", "float64(float64[::1])")})
    ((value, _),) = Page(page.evaluate, module).call([("fine", [np.array([0.5, 2.0])])])
    assert value == pytest.approx(np.exp(0.5) + 2, rel=1e-15)


def test_an_unknown_type_is_refused(tmp_path, monkeypatch):
    (tmp_path / "bad_kernels.py").write_text(BAD)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ValueError, match="contiguous"):
        wasm.build({"fine": ("bad_kernels:fine", "float64(float64[:])")})


def test_a_result_that_is_not_what_the_signature_says_is_refused(tmp_path, monkeypatch):
    """numba would turn a fraction into a whole number in silence."""
    (tmp_path / "bad_kernels.py").write_text(BAD)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ValueError, match=r"fine .*it returns float64, and its signature says int64"):
        wasm.build({"fine": ("bad_kernels:fine", "int64(float64[::1])")})
