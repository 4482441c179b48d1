"""No kernel loops for ever, whatever numbers it is given: NaN and infinities in every table, in its own process."""

import subprocess
import sys

import pytest

pytestmark = pytest.mark.process

CODE = """
import itertools
import numpy as np
from simsoftmax.kernels import binomial, occupations, particles, stirling
from simsoftmax.kernels.page import evidence, reference
from simsoftmax.kernels.calling import Bundle
from simsoftmax.kernels.seeds import seed_streams

np.seterr(all="ignore")
NUMBERS = [np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, 0.5, 1e-320, 1e308, -1.0, 2.0]
stream = seed_streams(1, 1)[0]
work = Bundle(np.empty((2, 5), np.int64))

def ends(kernel, *arguments):
    try:
        return kernel(*arguments)
    except (ValueError, OverflowError, ZeroDivisionError):  # as Python; machine code has no exceptions
        return None

for n, p in itertools.product([-1, 0, 1, 50, 10**6, 2**53, 2**63 - 1], NUMBERS):
    assert 0 <= binomial.binomial(n, p, stream) <= max(n, 0), (n, p)
for x, mean in itertools.product(NUMBERS, repeat=2):
    ends(stirling.deviance, x, mean)
for a, b in itertools.product(NUMBERS, repeat=2):
    row = np.resize([a, b], 5)
    for counts in ([10**6] * 5, [3, 0, 10**12, 1, 0]):
        for kernel, table in (
            (occupations.sweep_uniform, Bundle((row, row[::-1].copy(), row))),
            (occupations.sweep_uniform, occupations.uniform_tables(row)),
            (occupations.sweep_neighbour, Bundle((row, row[::-1].copy()))),
            (occupations.sweep_neighbour, occupations.neighbour_tables(row)),
            (occupations.sweep_matrix, Bundle((np.tile(row, (5, 1)),))),
        ):
            ends(kernel, np.array(counts), table, stream, work, 2)
    for levels, rule in itertools.product((2, 3, 4, 5, 70), ("uniform", "neighbour")):
        module, streams = particles._module(levels), particles.allocate_streams(1, 40, levels)
        prepared = ends(module.prepare, np.resize([a, b], levels), rule)
        if prepared:
            ends(module.run, prepared[0], np.zeros(40, np.uint8), streams, prepared[1], 1)
    for kernel in (reference.sweep_uniform, reference.sweep_neighbour):
        ends(kernel, np.zeros(40, np.uint8), row, np.exp(row), stream, 2)
    seen = np.array([1, 5, 0, 7, 2])
    evidence.grow_evidence(0.0, seen.copy(), seen, row, 5.0)
    evidence.grow_evidence(a, seen.copy(), seen, np.full(5, 0.2), b)
print("end")
"""


def test_kernels_end():
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", CODE], capture_output=True, text=True, timeout=120)
    assert done.stdout == "end\n", done.stderr[-2000:]
