"""The particle engine: every particle has a state, particles are grouped in blocks, a block owns a random stream.

A block is the unit of reproducibility. Threads share out the blocks, so their number changes nothing in the result; and
since a sweep always finishes its draws, sweeping a times and then b times is the same as sweeping a + b times.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from .reference import sweep_matrix, sweep_neighbour, sweep_uniform
from .streams import seed_streams

BLOCK = 4096  # particles a block: they stay in the first-level cache, and their stream costs 1/128 byte each


def state_dtype(levels: int) -> type[np.unsignedinteger[Any]]:
    """Return the smallest unsigned type that holds a level."""
    return np.uint8 if levels <= 1 << 8 else np.uint16 if levels <= 1 << 16 else np.uint32


def allocate_streams(key: int, particles: int, levels: int) -> NDArray[np.uint64]:
    """Return the generator state of every block, shape (blocks, 4), derived from a 64-bit key."""
    return seed_streams(key, -(-particles // BLOCK))


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
    weights = np.exp(exponents)
    blocks = len(streams)
    threads = max(1, min(threads, blocks))
    kernel: Callable[..., int]
    tables: tuple[NDArray[Any], ...] = ()
    if isinstance(proposal, tuple):
        kernel, tables = _blocks_matrix, proposal
    else:
        kernel = _blocks_uniform if proposal == "uniform" else _blocks_neighbour
    bounds = [blocks * t // threads for t in range(threads + 1)]
    jobs = [
        (states[a * BLOCK : b * BLOCK], exponents, weights, *tables, streams[a:b], sweeps) for a, b in pairwise(bounds)
    ]
    if threads == 1:
        return int(kernel(*jobs[0]))
    with ThreadPoolExecutor(threads) as pool:
        return sum(pool.map(lambda job: int(kernel(*job)), jobs))


def available_threads() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@njit(cache=True, nogil=True)
def _blocks_uniform(states, exponents, weights, streams, sweeps):
    moved = 0
    for b in range(streams.shape[0]):
        moved += sweep_uniform(states[b * BLOCK : (b + 1) * BLOCK], exponents, weights, streams[b], sweeps)
    return moved


@njit(cache=True, nogil=True)
def _blocks_neighbour(states, exponents, weights, streams, sweeps):
    moved = 0
    for b in range(streams.shape[0]):
        moved += sweep_neighbour(states[b * BLOCK : (b + 1) * BLOCK], exponents, weights, streams[b], sweeps)
    return moved


@njit(cache=True, nogil=True)
def _blocks_matrix(states, exponents, weights, keep, alias, streams, sweeps):
    moved = 0
    for b in range(streams.shape[0]):
        block = states[b * BLOCK : (b + 1) * BLOCK]
        moved += sweep_matrix(block, exponents, weights, keep, alias, streams[b], sweeps)
    return moved
