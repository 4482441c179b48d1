"""Random streams: xoshiro256++ generators, one a block of particles, seeded by hashing (key, block).

A stream is four 64-bit words in an array that the caller owns, so a run can be saved, extended and divided among any
number of threads with the same result. Sources: D. Blackman and S. Vigna, "Scrambled linear pseudorandom number
generators", ACM Trans. Math. Softw. 47 (2021), for xoshiro256++; G. L. Steele, D. Lea and C. H. Flood, "Fast splittable
pseudorandom number generators", OOPSLA 2014, for the hash splitmix64.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

U = np.uint64
_TO_UNIT = 2.0**-53


def seed_streams(key: int, blocks: int, words: int = 4) -> NDArray[np.uint64]:
    """Return the first states of ``blocks`` independent streams, shape (blocks, words), uint64.

    Word w of block b is the splitmix64 hash of a counter that starts at a hash of (key, b), which is how the authors of
    xoshiro recommend to fill its state. Different keys give unrelated streams.
    """
    with np.errstate(over="ignore"):
        start = _splitmix(np.uint64(key) ^ _splitmix(np.arange(blocks, dtype=np.uint64)))
        return np.asarray(_splitmix(start[:, None] + _GOLDEN * np.arange(words, dtype=np.uint64)))


_GOLDEN = U(0x9E3779B97F4A7C15)


def _splitmix(x):
    x = x + _GOLDEN
    x = (x ^ (x >> U(30))) * U(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> U(27))) * U(0x94D049BB133111EB)
    return x ^ (x >> U(31))


@njit(cache=True, inline="always")
def rotate_left(x, bits):
    """Return x rotated by 1 to 63 bits."""
    return (x << U(bits)) | (x >> U(64 - bits))


@njit(cache=True, inline="always")
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


@njit(cache=True, inline="always")
def unit(bits):
    """Return a float64 uniform on the 2^53 midpoints of (0, 1)."""
    return (np.float64(bits >> U(11)) + 0.5) * _TO_UNIT


@njit(cache=True, inline="always")
def draw_unit(stream):
    """Return a uniform float64 in (0, 1) and advance the stream in its array."""
    bits, s0, s1, s2, s3 = draw(stream[0], stream[1], stream[2], stream[3])
    stream[0] = s0
    stream[1] = s1
    stream[2] = s2
    stream[3] = s3
    return unit(bits)
