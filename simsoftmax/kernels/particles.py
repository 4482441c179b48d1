"""The particle engine: every particle has a state, particles are grouped in blocks, a block owns a random stream.

A block is the unit of reproducibility. Threads share out the blocks, so their number changes nothing in the result;
and since a sweep always finishes its draws, sweeping a times and then b times is the same as sweeping a + b times.

The kernel depends on the number of levels and on the proposal only: bit-sliced for up to four levels, tables beyond,
the scalar reference for proposals given as a matrix. A kernel written in vectors runs compiled by numba or, where the
work is too small to wait for a compiler, as it stands with NumPy: the same function, so the same result.
"""

from __future__ import annotations

import functools
import os
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import bitsliced, tabulated
from .compiler import compiled
from .seeds import seed_streams

SMALL = 200_000
"""Moves of a kernel, absent particles included, that are made before it is compiled: they take about 0.2 s."""


def state_dtype(levels: int) -> type[np.unsignedinteger[Any]]:
    """Return the smallest unsigned type that holds a level."""
    return np.uint8 if levels <= 1 << 8 else np.uint16 if levels <= 1 << 16 else np.uint32


def block_size(levels: int) -> int:
    """Return how many particles share a stream."""
    return _module(levels).BLOCK


def allocate_streams(key: int, particles: int, levels: int) -> NDArray[np.uint64]:
    """Return the generator state of every block, shape (blocks, 4, 8), derived from a 64-bit key."""
    shape = streams_shape(particles, levels)
    return seed_streams(key, shape[0], 32).reshape(shape)


def streams_shape(particles: int, levels: int) -> tuple[int, int, int]:
    """Return the shape of the array that holds the generator of every block."""
    return -(-particles // block_size(levels)), 4, 8


def advance(
    states: NDArray[Any],
    streams: NDArray[np.uint64],
    exponents: NDArray[np.float64],
    proposal: str | tuple[NDArray[np.float64], NDArray[np.int64]],
    sweeps: int,
    threads: int,
) -> int:
    """Give every particle ``sweeps`` moves and return how many of them led to another level.

    Parameters
    ----------
    states : ndarray of unsigned integers, shape (N,)
        The level of each particle; changed in place.
    streams : ndarray of uint64
        From `allocate_streams`; changed in place.
    exponents : ndarray of float64, shape (K,)
        ln of the Boltzmann weights, at most 0; -inf for levels that cannot be occupied.
    proposal : "uniform", "neighbour" or (keep, alias)
        The last are the alias tables of a proposal matrix.
    sweeps, threads : int
    """
    block, blocks = block_size(len(exponents)), len(streams)
    if len(exponents) == 1:
        return 0
    run: Callable[..., int]
    if isinstance(proposal, tuple):
        from .matrix import sweep_matrix_blocks

        run = functools.partial(_run_matrix, compiled(sweep_matrix_blocks), exponents, proposal, block, sweeps)
    else:
        module = _module(len(exponents))
        kernel, tables = _prepared(exponents.tobytes(), proposal)
        if not _worthwhile(kernel, blocks * block * sweeps):
            return int(module.run(kernel, states, streams, tables, sweeps))
        run = functools.partial(_run_vectors, module, compiled(kernel), tables, sweeps)
    threads = max(1, min(threads, blocks))
    bounds = [blocks * t // threads for t in range(threads + 1)]
    jobs = [(states[a * block : b * block], streams[a:b]) for a, b in pairwise(bounds)]
    if threads == 1:
        return run(*jobs[0])
    futures = [pool().submit(run, *job) for job in jobs[1:]]
    return run(*jobs[0]) + sum(future.result() for future in futures)


def count(states: NDArray[Any], levels: int) -> NDArray[np.int64]:
    """Return how many particles are in each level, shape (levels,)."""
    if states.size <= SMALL:
        return np.bincount(states, minlength=levels).astype(np.int64)
    module = _module(levels)
    kernel = module.count_blocks if module is bitsliced else module.count_states
    return np.asarray(module.count(compiled(kernel), states, levels))


def _module(levels: int) -> Any:
    return bitsliced if levels <= bitsliced.MOST_LEVELS else tabulated


@functools.lru_cache(maxsize=4)
def _prepared(exponents: bytes, proposal: str) -> tuple[Callable[..., Any], Any]:
    """Return the kernel and its tables, kept for the next call: a run that is recorded makes many calls alike."""
    x = np.frombuffer(exponents)
    return _module(len(x)).prepare(x, proposal)


_interpreted: Counter[Any] = Counter()


def _worthwhile(kernel: Callable[..., Any], moves: int) -> bool:
    """Return whether ``kernel`` has been asked for so much that it should be compiled."""
    _interpreted[kernel] += moves
    return _interpreted[kernel] > SMALL


def _run_vectors(module: Any, kernel: Any, tables: Any, sweeps: int, states: Any, streams: Any) -> int:
    return int(module.run(kernel, states, streams, tables, sweeps))


def _run_matrix(kernel: Any, exponents: Any, proposal: Any, block: int, sweeps: int, states: Any, streams: Any) -> int:
    # A scalar kernel needs one of the eight generators of a stream.
    return int(kernel(states, exponents, np.exp(exponents), *proposal, streams[:, :, 0], block, sweeps))


@functools.cache
def pool() -> ThreadPoolExecutor:
    """Return the threads that help the one that asks."""
    # One for all numbers of threads: more jobs than processors wait for their turn.
    return ThreadPoolExecutor(max(1, (os.cpu_count() or 1) - 1), thread_name_prefix="simsoftmax")


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=pool.cache_clear)  # threads do not survive a fork
