"""What the scalar Metropolis kernels share: a level that is proposed, and whether the move to it is made."""

import math

import numpy as np

from .streams import draw

INLINE = True

U = np.uint64
SMALLEST = 1e-290  # weights below this are compared through their exponents
LOW = U(0xFFFFFFFF)


def any_level(levels, biased, s0, s1, s2, s3):
    """Return one of K = ``levels`` levels (uint64), each with the same chance, and the next state of the stream.

    It is (32 random bits * K) >> 32, redrawn in the rare case that would bias it, so it is exactly uniform (D. Lemire,
    "Fast random integer generation in an interval", ACM Trans. Model. Comput. Simul. 29 (2019)). ``biased`` is
    2^32 modulo K, which the caller works out once.
    """
    bits, s0, s1, s2, s3 = draw(s0, s1, s2, s3)
    scaled = (bits >> U(32)) * levels
    while (scaled & LOW) < biased:
        bits, s0, s1, s2, s3 = draw(s0, s1, s2, s3)
        scaled = (bits >> U(32)) * levels
    return np.int64(scaled >> U(32)), s0, s1, s2, s3


def accepts(exponents, weights, here, there, uniform):
    """Return whether a move upwards in energy is accepted."""
    if weights[here] > SMALLEST:
        return uniform * weights[here] < weights[there]
    return uniform < math.exp(exponents[there] - exponents[here])
