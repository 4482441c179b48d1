"""fast engine (interim)"""
import os
from concurrent.futures import ThreadPoolExecutor
import functools
import numpy as np
from simsoftmax.kernels import bitsliced, tabulated
from simsoftmax.kernels.compiler import compiled
from simsoftmax.kernels.seeds import seed_streams

SMALL = 100_000

def engine(levels):
    return bitsliced if levels <= 4 else tabulated

def allocate_streams(key, particles, levels):
    blocks = -(-particles // engine(levels).BLOCK)
    return seed_streams(key, blocks, 32).reshape(blocks, 4, 8)

@functools.cache
def _pool(threads):
    return ThreadPoolExecutor(threads)

def advance(states, streams, reduced, proposal, sweeps, threads=1, compile=None):
    levels = len(reduced)
    if levels == 1:
        return 0
    module = engine(levels)
    kernel, tables = module.prepare(reduced, proposal)
    if compile is None:
        compile = states.size * sweeps > SMALL
    if not compile:
        with np.errstate(over="ignore"):
            return module.run(kernel, states, streams, tables, sweeps)
    kernel = compiled(kernel)
    blocks = len(streams)
    threads = max(1, min(threads, blocks))
    if threads == 1:
        return module.run(kernel, states, streams, tables, sweeps)
    bounds = [blocks * t // threads for t in range(threads + 1)]
    jobs = [_pool(threads).submit(module.run, kernel, states[a * module.BLOCK : b * module.BLOCK], streams[a:b], tables, sweeps) for a, b in zip(bounds, bounds[1:])]
    return sum(j.result() for j in jobs)
