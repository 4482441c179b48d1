"""The scalar reference kernels: Metropolis moves of independent particles, one at a time, as one would explain them.

They are the definition that the fast kernels must agree with, and they compile to WebAssembly: arrays and scalars in,
nothing allocated, no exception, the generator's state in an array.

A particle in level i proposes level j and moves with probability min(1, w_j / w_i), w = exp(exponents)
(N. Metropolis et al., "Equation of state calculations by fast computing machines", J. Chem. Phys. 21 (1953)). In the
hot loop this is ``u w_i < w_j`` with weights computed once. Where w_i has left the normal range of floats, far above
the ground level, the ratio is formed from the exponents instead. Exact to the 2^-53 of a float64 uniform.
"""

import numpy as np

from ..moves import accepts, any_level
from ..streams import draw, unit
from . import page_kernel

U = np.uint64


@page_kernel("int64(uint8[::1], float64[::1], float64[::1], uint64[::1], int64)")
def sweep_uniform(states, exponents, weights, stream, sweeps):
    """Sweep with proposals uniform over all K levels, the present one included; return how many moves were made.

    ``states`` (N,) integers and ``stream`` (4,) uint64 change in place; ``exponents`` and ``weights`` (K,) float64.
    """
    s0, s1, s2, s3 = stream[0], stream[1], stream[2], stream[3]
    levels = U(exponents.size)
    biased = U(4294967296) % levels
    moved = 0
    for _ in range(sweeps):
        for particle in range(states.size):
            there, s0, s1, s2, s3 = any_level(levels, biased, s0, s1, s2, s3)
            here = np.int64(states[particle])
            if there == here:
                continue
            if exponents[there] < exponents[here]:
                bits, s0, s1, s2, s3 = draw(s0, s1, s2, s3)
                if not accepts(exponents, weights, here, there, unit(bits)):
                    continue
            states[particle] = there
            moved += 1
    stream[0], stream[1], stream[2], stream[3] = s0, s1, s2, s3
    return moved


@page_kernel("int64(uint8[::1], float64[::1], float64[::1], uint64[::1], int64)")
def sweep_neighbour(states, exponents, weights, stream, sweeps):
    """Sweep with proposals one level up or down by index; a step off the end is a rejection.

    Arguments and result as in `sweep_uniform`. One draw gives both the direction (its lowest bit) and the uniform (its
    upper 53 bits).
    """
    s0, s1, s2, s3 = stream[0], stream[1], stream[2], stream[3]
    levels = exponents.size
    moved = 0
    for _ in range(sweeps):
        for particle in range(states.size):
            bits, s0, s1, s2, s3 = draw(s0, s1, s2, s3)
            here = np.int64(states[particle])
            there = here + 2 * np.int64(bits & U(1)) - 1
            if there < 0 or there >= levels:
                continue
            if exponents[there] < exponents[here] and not accepts(exponents, weights, here, there, unit(bits)):
                continue
            states[particle] = there
            moved += 1
    stream[0], stream[1], stream[2], stream[3] = s0, s1, s2, s3
    return moved
