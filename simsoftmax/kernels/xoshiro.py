"""Eight xoshiro256++ generators side by side, one in each 64-bit lane of a vector.

Source: D. Blackman and S. Vigna, "Scrambled linear pseudorandom number generators", ACM Trans. Math. Softw. 47 (2021).
"""

from simsoftmax.kernels.lanes import load, rotate, store

INLINE = True


def restore(stream):
    """Return the generator that is kept in ``stream``, shape (4, 8), uint64."""
    return load(stream, 0), load(stream, 1), load(stream, 2), load(stream, 3)


def keep(stream, generator):
    """Write the generator back to ``stream``."""
    s0, s1, s2, s3 = generator
    store(stream, 0, s0)
    store(stream, 1, s1)
    store(stream, 2, s2)
    store(stream, 3, s3)


def draw(generator):
    """Return 512 random bits and the next state of the generator."""
    s0, s1, s2, s3 = generator
    bits = rotate(s0 + s3, 23) + s0
    t = s1 << 17
    s2 = s2 ^ s0
    s3 = s3 ^ s1
    s1 = s1 ^ s2
    s0 = s0 ^ s3
    s2 = s2 ^ t
    s3 = rotate(s3, 45)
    return bits, (s0, s1, s2, s3)
