"""Random streams: xoshiro256++ generators, one a block of particles; `seeds` gives their first states.

A stream is four 64-bit words in an array that the caller owns, so a run can be saved, extended and divided among any
number of threads with the same result. Source: D. Blackman and S. Vigna, "Scrambled linear pseudorandom number
generators", ACM Trans. Math. Softw. 47 (2021).
"""

import math
from typing import Any

import numpy as np

INLINE = True

U = np.uint64
_TO_UNIT = 2.0**-53


def rotate_left(x, bits):
    """Return x rotated by 1 to 63 bits."""
    return (x << U(bits)) | (x >> U(64 - bits))


def draw(s0, s1, s2, s3):
    """Return 64 random bits and the next state of xoshiro256++, all in registers."""
    bits = rotate_left(s0 + s3, 23) + s0
    t = s1 << U(17)
    s2 = s2 ^ s0
    s3 = s3 ^ s1
    s1 = s1 ^ s2
    s0 = s0 ^ s3
    s2 = s2 ^ t
    s3 = rotate_left(s3, 45)
    return bits, s0, s1, s2, s3


def unit(bits):
    """Return a float64 uniform on the 2^53 midpoints of (0, 1)."""
    return (np.float64(bits >> U(11)) + 0.5) * _TO_UNIT


def draw_bits(stream):
    """Return 64 random bits and advance the stream in its array."""
    bits, s0, s1, s2, s3 = draw(stream[0], stream[1], stream[2], stream[3])
    stream[0] = s0
    stream[1] = s1
    stream[2] = s2
    stream[3] = s3
    return bits


def draw_unit(stream):
    """Return a uniform float64 in (0, 1) and advance the stream in its array."""
    return unit(draw_bits(stream))


def normals(one: Any, two: Any) -> Any:
    """Return two standard normal numbers made from two uniform ones.

    Source: G. E. P. Box and M. E. Muller, Ann. Math. Stat. 29 (1958).
    """
    radius = math.sqrt(-2.0 * math.log(one))
    angle = 2.0 * math.pi * two
    return radius * math.cos(angle), radius * math.sin(angle)


def draw_normals(stream):
    """Return two standard normal draws and advance the stream in its array."""
    one = draw_unit(stream)
    return normals(one, draw_unit(stream))
