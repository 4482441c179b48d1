"""Operations on vectors of floating-point numbers and on tables of logits, beside those of ``lanes``.

As there, every operation is stated for NumPy, and ``vector_floating`` tells numba how to lower it. Sums over lanes, and
products that are added, are rounded by the processor in its own way: here the last digits may differ. A table of
logits is a C-contiguous array of rows, shape (N, K).
"""

from __future__ import annotations

import numpy as np

from simsoftmax.kernels import lanes

__all__ = [
    "add_to_row",
    "chord_of_two",
    "columns",
    "divide",
    "eight",
    "eight_before",
    "exp2",
    "exp2_above",
    "exp2_double",
    "exp2_single",
    "fill",
    "fma",
    "fused",
    "halves",
    "labelled",
    "lane_maximum",
    "lane_sum",
    "larger",
    "no_lower",
    "piece",
    "piece_before",
    "power_of_two",
    "prefetch",
]

INLINE = True


def _size(dtype):
    """Return the number of lanes of a type."""
    return lanes.WIDTH // 8 // np.dtype(dtype).itemsize


def fill(scalar):
    """Return a vector with the same number in every lane."""
    dtype = np.asarray(scalar).dtype
    return np.full(_size(dtype), scalar, dtype)


def fma(a, b, c):
    """Return a * b + c, rounded once where the processor can."""
    return a * b + c


def fused(a, b, c):
    """Return a * b + c, rounded once on every processor; uncompiled it is rounded twice."""
    return a * b + c


def divide(a, b):
    """Return a / b."""
    return a / b


def larger(a, b):
    """Return a where it is larger than b, and b elsewhere, also where a is NaN."""
    return np.where(a > b, a, b)


def no_lower(a, b):
    """Return b where a is lower, and a elsewhere, also where it is NaN."""
    return np.where(a < b, b, a)


def power_of_two(a):
    """Return the number whose exponent field is the low bits of ``a`` and whose fraction is 0."""
    bits, shift = (np.uint32, 23) if a.dtype == np.float32 else (np.uint64, 52)
    return (a.view(bits) << bits(shift)).view(a.dtype)


def chord_of_two(a):
    """Return the float32 whose exponent field and first fourteen bits of fraction are the low bits of ``a``."""
    return (a.view(np.uint32) << np.uint32(9)).view(np.float32)


def lane_sum(a):
    """Return the sum of the lanes, ready to be added up in double precision."""
    return np.float64(a.sum())


def lane_maximum(a):
    """Return the largest lane; NaN counts as nothing."""
    return np.fmax.reduce(a)


def piece(logits, row, level):
    """Return the logits of one row from ``level`` on."""
    return logits[row, level : level + _size(logits.dtype)].copy()


def piece_before(logits, row, level, count):
    """Return the ``count`` logits of one row from ``level`` on, and -inf in the other lanes."""
    vector = fill(logits.dtype.type(-np.inf))
    vector[:count] = logits[row, level : level + count]
    return vector


def eight(logits, row, level):
    """Return eight logits of one row from ``level`` on, in double precision."""
    return logits[row, level : level + 8].astype(np.float64)


def eight_before(logits, row, level, count):
    """Return the ``count`` logits of one row from ``level`` on, and -inf in the others of eight."""
    vector = fill(-np.inf)
    vector[:count] = logits[row, level : level + count]
    return vector


def columns(logits, row, level, step):
    """Return four levels of the rows ``row``, ``row + step``, ..., a vector each."""
    block = logits[row : row + step * _size(logits.dtype) : step, level : level + 4]
    return block[:, 0].copy(), block[:, 1].copy(), block[:, 2].copy(), block[:, 3].copy()


def halves(a):
    """Return the lower and the upper lanes of single precision, in double precision."""
    half = len(a) // 2
    return a[:half].astype(np.float64), a[half:].astype(np.float64)


def labelled(logits, labels, row, step):
    """Return the labels' logits of the rows ``row``, ``row + step``, ..., NaN for labels out of range."""
    rows = np.arange(row, row + step * _size(logits.dtype), step)
    label = labels[rows]
    known = (label >= 0) & (label < logits.shape[1])
    return np.where(known, logits[rows, np.where(known, label, 0)], logits.dtype.type(np.nan))


def prefetch(logits, row, level):
    """Ask for the memory of ``logits[row, level]``, which may lie beyond the end."""


def add_to_row(totals, index, vector, weights):
    """Add a vector times the weights, lane by lane in double precision, to row ``index`` of ``totals``."""
    totals[index] += vector * weights[0]


# --- powers of two ----------------------------------------------------------------------------------------------------


def _polynomial(degree):
    """Return the coefficients of 2^f for |f| <= 1/2, interpolated at the roots of Chebyshev's polynomial.

    What is left out is at most 2e-9 at degree 6 and 3e-18 at degree 11, below the rounding of either type.
    """
    nodes = np.polynomial.chebyshev.chebpts1(degree + 1) / 2
    coefficients = np.linalg.solve(np.vander(nodes, increasing=True), np.exp2(nodes))
    return coefficients / coefficients[0]


_A0, _A1, _A2, _A3, _A4, _A5, _A6 = (np.float32(c) for c in _polynomial(6))
_B0, _B1, _B2, _B3, _B4, _B5, _B6, _B7, _B8, _B9, _B10, _B11 = (float(c) for c in _polynomial(11))
# Adding this rounds to the nearest whole number and leaves it, plus the bias of the exponent, in the lowest bits.
_ROUND32, _ROUND64 = np.float32(1.5 * 2**23 + 127), 1.5 * 2.0**52 + 1023
_LOW32, _LOW64 = np.float32(-127.0), -1023.0


def exp2_single(t):
    """Return t >= -127 and 2^t for t <= 0 in single precision; below 2^-127 the weight is 0 and so is its product."""
    t = no_lower(t, fill(_LOW32))
    n = t + fill(_ROUND32)
    f = t - (n - fill(_ROUND32))
    p = fused(fused(fused(fill(_A6), f, fill(_A5)), f, fill(_A4)), f, fill(_A3))
    p = fused(fused(fused(p, f, fill(_A2)), f, fill(_A1)), f, fill(_A0))
    return t, p * power_of_two(n)


# Here fourteen bits behind the point stay too: the numbers from 2^9 on, of which neither bit that goes before is set.
_ROUND_CHORD, _LOW_CHORD = np.float32(2**9 + 127), np.float32(2**9)


def exp2_above(gap, factor):
    """Return a number that is NaN where t = gap * factor is, and a bound on 2^t for t <= 0, in single precision.

    The bound is the chord between powers of two: 2^n (1 + f) for t = n + f, with t rounded to 2^-14. But for rounding
    it is at least 2^t, and at most 1.0615 times that; below 2^-127 it is 0.
    """
    n = no_lower(fused(gap, factor, fill(_ROUND_CHORD)), fill(_LOW_CHORD))
    return n, chord_of_two(n)


def exp2_double(t):
    """Return t >= -1023 and 2^t for t <= 0 in double precision."""
    t = no_lower(t, fill(_LOW64))
    n = t + fill(_ROUND64)
    f = t - (n - fill(_ROUND64))
    p = fused(fused(fused(fill(_B11), f, fill(_B10)), f, fill(_B9)), f, fill(_B8))
    p = fused(fused(fused(fused(p, f, fill(_B7)), f, fill(_B6)), f, fill(_B5)), f, fill(_B4))
    p = fused(fused(fused(fused(p, f, fill(_B3)), f, fill(_B2)), f, fill(_B1)), f, fill(_B0))
    return t, p * power_of_two(n)


def exp2(t):
    """Return the clipped exponent and 2^t for t <= 0, in the precision of ``t``."""
    return exp2_single(t) if t.dtype == np.float32 else exp2_double(t)
