"""Operations on rows of equal lanes, the vocabulary in which the fast kernels are written.

A vector is 512 bits: 8 lanes of uint64, 16 of uint32 or float32, 32 of uint16, 64 of uint8. Here every operation is
stated for NumPy, where a vector is a small array; ``simsoftmax.kernels.vector`` tells numba how to lower the same
operations to the processor's vector registers. A kernel written with them, and with the operators
``+ - * & | ^ ~ << >> < <= > >= == !=``, so runs uncompiled and compiled, with the same result bit for bit.

Comparisons give masks: one truth value a lane.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "WIDTH",
    "aligned",
    "any_lane",
    "as_uint16",
    "as_uint32",
    "convert",
    "gather",
    "load",
    "mask_bits",
    "multiply_high",
    "permute",
    "population",
    "rotate",
    "select",
    "store",
]

WIDTH = 512
"""Bits in a vector."""


def aligned(shape: tuple[int, ...], dtype: Any) -> NDArray[Any]:
    """Return an array of zeros whose rows lie on the boundaries of vectors, where memory is read in one piece."""
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    room = np.zeros(size + WIDTH // 8, np.uint8)
    first = -room.ctypes.data % (WIDTH // 8)
    return room[first : first + size].view(dtype).reshape(shape)


def load(rows, index):
    """Return row ``index`` of a C-contiguous two-dimensional array as a vector."""
    return rows[index].copy()


def store(rows, index, vector):
    """Write a vector to row ``index`` of a C-contiguous two-dimensional array."""
    rows[index] = vector


def rotate(vector, count):
    """Rotate the bits of every lane left by ``count``, 0 < count < bits of a lane."""
    return (vector << count) | (vector >> (8 * vector.itemsize - count))


def population(vector):
    """Return the number of ones in the whole vector, or of true lanes in a mask."""
    return int(np.bitwise_count(vector).sum(dtype=np.int64)) if vector.dtype != np.bool_ else int(vector.sum())


def any_lane(vector):
    """Return whether any bit of any lane is set."""
    return bool(vector.any())


def select(mask, yes, no):
    """Return ``yes`` in the lanes where the mask is true, and ``no`` in the others."""
    return np.where(mask, yes, no)


def multiply_high(vector, other):
    """Return the upper half of the double-width product of unsigned lanes of at most 32 bits."""
    bits = 8 * vector.itemsize
    return ((vector.astype(np.uint64) * other) >> bits).astype(vector.dtype)


def mask_bits(mask):
    """Return a mask as an integer, lane 0 in the lowest bit."""
    return int(np.packbits(mask, bitorder="little").view(f"<u{len(mask) // 8}")[0])


def as_uint16(vector):
    """Read the same bits as 32 lanes of uint16."""
    return vector.view(np.uint16)


def as_uint32(vector):
    """Read the same bits as 16 lanes of uint32."""
    return vector.view(np.uint32)


def convert(vector, like):
    """Convert the unsigned value of every lane to the lane type of ``like``, float32."""
    return vector.astype(like.dtype)


def permute(table, index):
    """Return ``table[index]`` lane by lane, for a table that is itself one vector; indices are modulo its length."""
    return table[index % len(table)]


def gather(table, index):
    """Return ``table[index]`` lane by lane, for a one-dimensional array; every index must be within it."""
    return table[index]
