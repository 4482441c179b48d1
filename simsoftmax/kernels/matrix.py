"""The scalar kernel for proposals that are given as a matrix, which only `simulate` offers.

It goes on from `simsoftmax.kernels.page.reference`, whose kernels a page has too.
"""

import numpy as np

from .moves import accepts, any_level
from .streams import draw, unit

U = np.uint64


def sweep_matrix(states, exponents, weights, keep, alias, stream, sweeps):
    """Sweep with proposals from row ``here`` of a matrix, given as alias tables ``keep`` and ``alias``, shape (K, K).

    Arguments and result as in `sweep_uniform`. A uniform column c is kept with probability ``keep[here, c]`` and
    replaced by ``alias[here, c]`` otherwise (A. J. Walker, "An efficient method for generating discrete random
    variables with general distributions", ACM Trans. Math. Softw. 3 (1977)).
    """
    s0, s1, s2, s3 = stream[0], stream[1], stream[2], stream[3]
    levels = U(exponents.size)
    biased = U(4294967296) % levels
    moved = 0
    for _ in range(sweeps):
        for particle in range(states.size):
            there, s0, s1, s2, s3 = any_level(levels, biased, s0, s1, s2, s3)
            here = np.int64(states[particle])
            bits, s0, s1, s2, s3 = draw(s0, s1, s2, s3)
            if unit(bits) >= keep[here, there]:
                there = np.int64(alias[here, there])
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


def sweep_matrix_blocks(states, exponents, weights, keep, alias, streams, block, sweeps):
    """Sweep block after block as `sweep_matrix` does, each with its row of ``streams``, shape (blocks, 4)."""
    moved = 0
    for b in range(streams.shape[0]):
        own = states[b * block : (b + 1) * block]
        moved += sweep_matrix(own, exponents, weights, keep, alias, streams[b], sweeps)
    return moved
