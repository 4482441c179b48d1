"""The programs that are timed: ours, and the same Metropolis sweep as others would write it.

Each peer is a function ``peer(case)`` that returns ``sweep(sweeps)``, which moves ``case.particles`` particles, or
raises `Absent` with the reason why it cannot run here. All use uniform proposals over all K levels.
None of the peers is exact beyond the 16 to 53 bits of its random numbers; ours are exact to 2^-64.
"""

from __future__ import annotations

import ctypes
import functools
import math
import os
import random
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import simsoftmax as ss
from simsoftmax.kernels import particles
from simsoftmax.kernels.compiler import compiled
from simsoftmax.kernels.seeds import seed_streams
from simsoftmax.kernels.xoshiro import draw, keep, restore
from simsoftmax.markov import boltzmann_exponents

TEMPERATURE = 1.3


class Absent(Exception):
    """A peer cannot run here."""


@dataclass(frozen=True)
class Case:
    """What is simulated: ``particles`` over ``levels`` evenly spaced levels, from 0 to 2, at temperature 1.3."""

    levels: int
    particles: int

    @property
    def exponents(self):
        """Logarithms of the Boltzmann weights."""
        return boltzmann_exponents(np.linspace(2.0, 0.0, self.levels), TEMPERATURE)

    @property
    def energies(self):
        """Energies in units of the temperature."""
        return -self.exponents

    @property
    def start(self):
        """States drawn from softmax, so that every peer does the work of equilibrium."""
        rng = np.random.default_rng(1)
        states = rng.choice(self.levels, size=self.particles, p=np.exp(self.exponents) / np.exp(self.exponents).sum())
        return states.astype(particles.state_dtype(self.levels))


def ours(case, threads):
    """Return our vector kernel, compiled whatever the size."""
    states, streams = case.start, particles.allocate_streams(1, case.particles, case.levels)
    exponents = case.exponents

    def sweep(sweeps):
        particles.advance(states, streams, exponents, "uniform", sweeps, threads)

    particles._interpreted.update(
        {particles._module(case.levels).prepare(exponents, "uniform")[0]: particles.SMALL + 1}
    )
    return sweep


def python_loop(case):
    """Return the textbook loop in Python."""
    states, energies, levels = case.start.tolist(), case.energies.tolist(), case.levels

    def sweep(sweeps):
        for _ in range(sweeps):
            for i, here in enumerate(states):
                there = random.randrange(levels)
                rise = energies[there] - energies[here]
                if rise <= 0 or random.random() < math.exp(-rise):
                    states[i] = there

    return sweep


def numpy_naive(case):
    """Return NumPy with exponentials of all differences."""
    rng, energies, box = np.random.default_rng(1), case.energies, [case.start.astype(np.int64)]

    def sweep(sweeps):
        for _ in range(sweeps):
            here = box[0]
            there = rng.integers(case.levels, size=case.particles)
            accepted = rng.random(case.particles) < np.exp(energies[here] - energies[there])
            box[0] = np.where(accepted, there, here)

    return sweep


def numpy_table(case):
    """Return NumPy with small types and a table of weights."""
    rng, weights = np.random.default_rng(1), np.exp(case.exponents).astype(np.float32)
    box = [case.start]

    def sweep(sweeps):
        for _ in range(sweeps):
            here = box[0]
            there = rng.integers(case.levels, size=case.particles, dtype=here.dtype)
            accepted = rng.random(case.particles, dtype=np.float32) * weights[here] < weights[there]
            box[0] = np.where(accepted, there, here)

    return sweep


def _naive(states, energies, sweeps):
    for _ in range(sweeps):
        for i in range(states.size):
            there = np.random.randint(energies.size)  # noqa: NPY002  (as one first writes it)
            rise = energies[there] - energies[states[i]]
            if rise <= 0 or np.random.random() < math.exp(-rise):  # noqa: NPY002
                states[i] = there


def numba_naive(case):
    """Return the textbook loop under numba."""
    import numba

    kernel = numba.njit(_naive)
    states, energies = case.start.astype(np.int64), case.energies
    return lambda sweeps: kernel(states, energies, sweeps)


def numba_scalar(case):
    """Return our scalar reference kernel, exact to 2^-53."""
    from simsoftmax.kernels.page.reference import sweep_uniform

    states, stream, exponents = case.start, seed_streams(1, 1)[0], case.exponents
    weights = np.exp(exponents)
    return lambda sweeps: sweep_uniform(states, exponents, weights, stream, sweeps)


def jax_threefry(case):
    """Return JAX with its own generator, on all cores."""
    jax = _import("jax")
    jnp = jax.numpy
    weights = jnp.asarray(np.exp(case.exponents), jnp.float32)

    def one(_, carry):
        key, here = carry
        key, first, second = jax.random.split(key, 3)
        there = jax.random.randint(first, here.shape, 0, case.levels)
        u = jax.random.uniform(second, here.shape)
        return key, jnp.where(u * weights[here] < weights[there], there, here)

    return _jax_sweep(jax, one, (jax.random.key(1), jnp.asarray(case.start.astype(np.int32))))


def jax_xoshiro(case):
    """Return JAX with a xoshiro128++ generator for each particle, written by hand, on all cores."""
    jax = _import("jax")
    jnp = jax.numpy
    weights = jnp.asarray(np.exp(case.exponents), jnp.float32)
    words = np.random.default_rng(1).integers(2**32, size=(4, case.particles), dtype=np.uint32)

    def rotate(x, k):
        return (x << k) | (x >> (32 - k))

    def draw(a, b, c, d):
        bits = rotate(a + d, 7) + a
        t = b << 9
        c, d = c ^ a, d ^ b
        b, a = b ^ c, a ^ d
        return bits, a, b, c ^ t, rotate(d, 11)

    def one(_, carry):
        (a, b, c, d), here = carry
        bits, a, b, c, d = draw(a, b, c, d)
        there = (((bits >> 16) * jnp.uint32(case.levels)) >> 16).astype(jnp.int32)
        bits, a, b, c, d = draw(a, b, c, d)
        u = (bits >> 8).astype(jnp.float32) * jnp.float32(2.0**-24)
        return (a, b, c, d), jnp.where(u * weights[here] < weights[there], there, here)

    return _jax_sweep(jax, one, (tuple(jnp.asarray(w) for w in words), jnp.asarray(case.start.astype(np.int32))))


def _jax_sweep(jax, one, start):
    run = jax.jit(lambda sweeps, carry: jax.lax.fori_loop(0, sweeps, one, carry))
    box = [start]

    def sweep(sweeps):
        box[0] = jax.block_until_ready(run(sweeps, box[0]))

    return sweep


def torch_eager(case):
    """Return PyTorch as one writes it, on all cores."""
    torch = _import("torch")
    weights = torch.as_tensor(np.exp(case.exponents), dtype=torch.float32)
    box = [torch.as_tensor(case.start.astype(np.int64))]

    def sweep(sweeps):
        for _ in range(sweeps):
            here = box[0]
            there = torch.randint(case.levels, here.shape)
            box[0] = torch.where(torch.rand(here.shape) * weights[here] < weights[there], there, here)

    return sweep


def c_scalar(case):
    """Return C, one particle at a time, gcc -O3 -march=native."""
    stream = seed_streams(1, 1)[0]
    if case.levels <= 16:
        states = case.start.astype(np.uint8)
        table = _pairs(case, 2.0**32, np.uint64)
        return _c("scalar", states, case, table, stream)
    return _c("scalar_weights", case.start.astype(np.uint16), case, np.exp(case.exponents).astype(np.float32), stream)


def c_lanes(case):
    """Return the scalar C moves in plain loops over lanes, vectorised by gcc."""
    return _c_lanes("lanes", case, 2.0**32, np.uint64)


def c_lanes_16(case):
    """Return the same with half the random bits: thresholds and proposals of 16 bits."""
    return _c_lanes("lanes16", case, 2.0**16, np.uint32)


def _c_lanes(name, case, scale, dtype):
    if case.levels > 100:
        raise Absent("its table of pairs is for up to 100 levels")
    return _c(name, case.start.astype(np.uint8), case, _pairs(case, scale, dtype), seed_streams(1, 1, 64)[0])


def c_gathers(case):
    """Return C with AVX-512 gathers by hand, float32 weights."""
    stream = seed_streams(1, 1, 32)[0]
    return _c("gathers", case.start.astype(np.uint32), case, np.exp(case.exponents).astype(np.float32), stream)


def _pairs(case, scale, dtype):
    x = case.exponents
    return np.minimum(np.exp(x[None, :] - x[:, None]) * scale, scale).astype(dtype)


def _c(name, states, case, table, stream):
    try:
        function = getattr(_library(), name)
    except AttributeError:
        raise Absent("this processor has no AVX-512") from None
    pointer = ctypes.c_void_p
    function.argtypes = [pointer, ctypes.c_int64, ctypes.c_int64, pointer, pointer, ctypes.c_int64]
    function.restype = None

    def sweep(sweeps):
        function(states.ctypes.data, states.size, case.levels, table.ctypes.data, stream.ctypes.data, sweeps)

    return sweep


@functools.cache
def _library():
    compiler = shutil.which("gcc")
    if compiler is None:
        raise Absent("no gcc")
    folder = Path(tempfile.mkdtemp(prefix="simsoftmax-"))
    source = Path(__file__).with_name("kernels.c")
    command = [compiler, "-O3", "-march=native", "-shared", "-fPIC", "-o", str(folder / "kernels.so"), str(source)]
    subprocess.run(command, check=True)
    library = ctypes.CDLL(str(folder / "kernels.so"))
    shutil.rmtree(folder)
    return library


def _import(name):
    try:
        return __import__(name)
    except ImportError:
        raise Absent(f"{name} is not installed") from None


def alias_draws(case):
    """Return independent draws from softmax by Walker's alias method in NumPy: no chain, exact to 53 bits."""
    rng, keep, alias = np.random.default_rng(1), *_alias(np.exp(case.exponents))

    def sweep(sweeps):
        for _ in range(sweeps):
            column = rng.integers(case.levels, size=case.particles)
            np.where(rng.random(case.particles) < keep[column], column, alias[column])

    return sweep


def _alias(weights):
    keep, alias = weights / weights.mean(), np.arange(len(weights))
    small, large = list(np.flatnonzero(keep < 1)), list(np.flatnonzero(keep >= 1))
    while small and large:
        poor, rich = small.pop(), large[-1]
        alias[poor] = rich
        keep[rich] -= 1 - keep[poor]
        if keep[rich] < 1:
            small.append(large.pop())
    return keep, alias


def multinomial_draws(case):
    """Return NumPy's multinomial, which draws the counts of all particles at once."""
    rng, truth = np.random.default_rng(1), np.exp(case.exponents) / np.exp(case.exponents).sum()

    def sweep(sweeps):
        for _ in range(sweeps):
            rng.multinomial(case.particles, truth)

    return sweep


def occupations(case):
    """Return our occupation engine: an exact sweep of counts, at a cost that does not depend on the particles."""
    begin = np.bincount(case.start, minlength=case.levels)
    logits = np.linspace(2.0, 0.0, case.levels)

    def sweep(sweeps):
        ss.simulate(logits, TEMPERATURE, start=begin, sweeps=sweeps, engine="occupations", rng=1)

    return sweep


def numpy_occupations(case):
    """Return a multinomial step for every level with NumPy."""
    rng, rows = np.random.default_rng(1), ss.transition_matrix(np.linspace(2.0, 0.0, case.levels), TEMPERATURE)
    box = [np.bincount(case.start, minlength=case.levels)]

    def sweep(sweeps):
        for _ in range(sweeps):
            box[0] = rng.multinomial(box[0], rows).sum(axis=0)

    return sweep


def wall(case):
    """Return the bare generator: 512 bits a step, folded together and thrown away; ``particles`` counts its bits."""
    kernel, stream = compiled(draw_only), particles.allocate_streams(1, 1, 3)[0]
    return lambda sweeps: kernel(stream, sweeps * case.particles // 512)


def draw_only(stream, steps):
    """Draw and fold ``steps`` vectors of random bits."""
    generator = restore(stream)
    folded = generator[0]
    for _ in range(steps):
        bits, generator = draw(generator)
        folded = folded ^ bits
    keep(stream, (folded, generator[1], generator[2], generator[3]))


MOVES = {
    "ours, 1 thread": functools.partial(ours, threads=1),
    "ours, 2 threads": functools.partial(ours, threads=2),
    "Python loop": python_loop,
    "NumPy": numpy_naive,
    "NumPy, table": numpy_table,
    "numba, as first written": numba_naive,
    "numba, our scalar kernel": numba_scalar,
    "JAX, threefry": jax_threefry,
    "JAX, xoshiro by hand": jax_xoshiro,
    "PyTorch, eager": torch_eager,
    "C, scalar": c_scalar,
    "C, auto-vectorised": c_lanes,
    "C, auto-vectorised, 16 bits": c_lanes_16,
    "C, AVX-512 gathers": c_gathers,
}
DRAWS = {"alias method, NumPy": alias_draws, "multinomial counts, NumPy": multinomial_draws}
COUNTS = {"ours, occupations": occupations, "NumPy, K multinomials": numpy_occupations}
FEWER = {"Python loop": 1000, "numba, as first written": 10}
"""Peers that get fewer particles by this factor: their time a move does not depend on the number."""

CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
