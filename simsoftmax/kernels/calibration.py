"""One fused pass over logits: the likelihood of a temperature and its derivatives.

Per row and at the inverse temperature beta the pass forms the maximum, the Boltzmann weights and the first four
cumulants of the logits under the tempered softmax. Nothing is written but a handful of sums, so the cost is one
exponential an element and the data are read once.

Exponents are kept in base two, t = (z - max z) * scale with scale = beta / ln 2: the weight 2^t is then a polynomial of
the fractional part times a power of two made from bits. LLVM turns the loops into vector code for whatever
processor it finds. ``scale`` is rounded to the type of the logits by the caller, and the caller reckons with the
rounded value, so that this rounding costs no accuracy.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import float32, njit
from numba.extending import intrinsic, overload
from numpy.typing import NDArray

__all__ = ["SUMS", "likelihood_sums"]

# What a pass returns, summed over its rows; g1 to g4 are the weighted cumulants of (z - z_label) * beta:
# g1 is the derivative of the negative log-likelihood in log(beta), g2 its curvature in beta times beta^2, and so on.
SUMS = ("weight", "nll", "g1", "g2", "g3", "g4", "squares")

_LN2 = math.log(2.0)
_LANES = 64
_NARROW = 64
_CHUNK = 1024


# Taylor coefficients of 2^f, for |f| <= 1/2. What is left out is at most 5e-9 after the 7th power and 2e-16 after the
# 12th, below the rounding of either type.
_TAYLOR = [_LN2**k / math.factorial(k) for k in range(13)]
_A0, _A1, _A2, _A3, _A4, _A5, _A6, _A7 = (np.float32(c) for c in _TAYLOR[:8])
_B0, _B1, _B2, _B3, _B4, _B5, _B6, _B7, _B8, _B9, _B10, _B11, _B12 = _TAYLOR
_LOW32, _HALF32 = np.float32(-127.0), np.float32(0.5)


@njit(fastmath={"contract"}, inline="never")
def _weight32(t):
    """Return t >= -127 and 2^t for t <= 0 in single precision; below 2^-127 the weight is 0 and so is its product."""
    if t < _LOW32:
        t = _LOW32
    n = np.int32(t - _HALF32)
    f = t - np.float32(n)
    p = (((_A7 * f + _A6) * f + _A5) * f + _A4) * f + _A3
    p = ((p * f + _A2) * f + _A1) * f + _A0
    return t, p * np.int32((n + np.int32(127)) << np.int32(23)).view(np.float32)


@njit(fastmath={"contract"}, inline="never")
def _weight64(t):
    """Return t >= -1023 and 2^t for t <= 0 in double precision."""
    if t < -1023.0:
        t = -1023.0
    n = np.int64(t - 0.5)
    f = t - np.float64(n)
    p = (((((_B12 * f + _B11) * f + _B10) * f + _B9) * f + _B8) * f + _B7) * f + _B6
    p = (((((p * f + _B5) * f + _B4) * f + _B3) * f + _B2) * f + _B1) * f + _B0
    return t, p * np.int64((n + np.int64(1023)) << np.int64(52)).view(np.float64)


def _weight(t):
    """Return the clipped exponent and its weight; one implementation for each floating type."""
    raise NotImplementedError


@overload(_weight, inline="never")
def _weight_overload(t):
    if t == float32:
        return lambda t: _weight32(t)
    return lambda t: _weight64(t)


@njit
def _exponent(z, largest, scale):
    # Apart, so that no compiler flag may turn it into z * scale - largest * scale.
    return (z - largest) * scale


@intrinsic
def _larger(_, a, b):
    """Return the larger of two numbers; the flags, which an ordinary comparison lacks, let LLVM vectorise it."""

    def build(_context, builder, _signature, arguments):
        flags = ("nnan", "nsz")
        return builder.select(builder.fcmp_ordered(">", *arguments, flags=flags), *arguments, flags=flags)

    return a(a, b), build


@njit
def _max(a, b):
    return _larger(a, b)  # type: ignore[call-arg]


@njit
def _largest(row):
    largest = row[0]
    for j in range(row.size):
        largest = _max(row[j], largest)
    return largest


@njit(fastmath={"reassoc", "contract", "nsz"})
def _chunk_moments(row, largest, scale):
    zero = scale - scale
    s0, s1, s2, s3, s4 = zero, zero, zero, zero, zero
    for j in range(row.size):
        t, e = _weight(_exponent(row[j], largest, scale))
        s0 += e
        e *= t
        s1 += e
        e *= t
        s2 += e
        e *= t
        s3 += e
        s4 += e * t
    return s0, s1, s2, s3, s4


@njit(error_model="numpy")
def _cumulants(s0, s1, s2, s3, s4):
    """Return the mean and the second to fourth cumulant from raw moments."""
    m, m2, m3, m4 = s1 / s0, s2 / s0, s3 / s0, s4 / s0
    q = m * m
    variance = m2 - q
    three = variance + variance + variance
    third = m3 - m * (three + q)
    fourth = m4 - (m + m) * (m3 + m3) + q * (three + three + q + q + q) - three * variance
    return m, variance, third, fourth


@njit(nogil=True, cache=True)
def wide_rows(logits, labels, weights, scale, first, step, sums, rows):
    """Add rows ``first``, ``first + step``, ... to ``sums``, one row at a time.

    ``weights`` may be empty (all ones). Unless it is empty, ``rows`` receives g1, g2 and g3 of every row.
    """
    levels = logits.shape[1]
    product, nll = 1.0, 0.0
    a0, a1, a2, a3, a4, a5, a6 = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    for i in range(first, logits.shape[0], step):
        row = logits[i]
        largest = _largest(row)
        s0, s1, s2, s3, s4 = 0.0, 0.0, 0.0, 0.0, 0.0
        for j in range(0, levels, _CHUNK):
            c0, c1, c2, c3, c4 = _chunk_moments(row[j : min(j + _CHUNK, levels)], largest, scale)
            s0 += c0
            s1 += c1
            s2 += c2
            s3 += c3
            s4 += c4
        mean, variance, third, fourth = _cumulants(s0, s1, s2, s3, s4)
        w = weights[i] if weights.size else 1.0
        t = np.float64(_exponent(row[labels[i]], largest, scale)) if w else 0.0
        slope = w * (mean - t)
        a0 += w
        a1 -= w * t
        a2 += slope
        a3 += w * variance
        a4 += w * third
        a5 += w * fourth
        a6 += slope * slope
        # Logarithms are taken of products, many rows at a time: a logarithm costs as much as ten weights.
        if weights.size:
            nll += w * math.log(s0)
        else:
            product *= s0
            if product > 1e200:
                nll += math.log(product)
                product = 1.0
        if rows.size:
            rows[i, 0] = slope * _LN2
            rows[i, 1] = w * variance * _LN2**2
            rows[i, 2] = w * third * _LN2**3
    _store(sums, nll + math.log(product), a0, a1, a2, a3, a4, a5, a6)


@njit
def _store(sums, nll, a0, a1, a2, a3, a4, a5, a6):
    """Turn exponents in base two into natural ones."""
    sums[0] += a0
    sums[1] += nll + a1 * _LN2
    sums[2] += a2 * _LN2
    sums[3] += a3 * _LN2**2
    sums[4] += a4 * _LN2**3
    sums[5] += a5 * _LN2**4
    sums[6] += a6 * _LN2**2


# In what follows the rows of a tile lie in the lanes of a vector. ``work`` holds their maxima and, _LANES further on
# each time, their five moments: one array with fixed offsets, for LLVM to see that nothing overlaps.


@njit(fastmath={"contract"})
def _lane_moments(tile, scale, work):
    """Fill ``work`` with the maximum and the five moments of every row of a tile, shape (levels, _LANES)."""
    for j in range(_LANES):
        work[j] = tile[0, j]
    for k in range(1, tile.shape[0]):
        for j in range(_LANES):
            work[j] = _max(tile[k, j], work[j])
    for j in range(_LANES, 6 * _LANES):
        work[j] = 0
    for k in range(tile.shape[0]):
        for j in range(_LANES):
            t, e = _weight(_exponent(tile[k, j], work[j], scale))
            work[_LANES + j] += e
            e *= t
            work[2 * _LANES + j] += e
            e *= t
            work[3 * _LANES + j] += e
            e *= t
            work[4 * _LANES + j] += e
            work[5 * _LANES + j] += e * t


@njit(error_model="numpy")
def _lane_cumulants(work, j):
    return _cumulants(
        work[_LANES + j], work[2 * _LANES + j], work[3 * _LANES + j], work[4 * _LANES + j], work[5 * _LANES + j]
    )


@njit(fastmath={"reassoc", "contract", "nsz"}, error_model="numpy")
def _lane_sums(work, label, weight, scale):
    a0, a1, a2, a3, a4, a5, a6 = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    for j in range(_LANES):
        w = weight[j]
        t = _exponent(label[j], work[j], scale)
        mean, variance, third, fourth = _lane_cumulants(work, j)
        slope = w * np.float64(mean - t)
        a0 += w
        a1 -= w * np.float64(t)
        a2 += slope
        a3 += w * np.float64(variance)
        a4 += w * np.float64(third)
        a5 += w * np.float64(fourth)
        a6 += slope * slope
    return a0, a1, a2, a3, a4, a5, a6


@njit(nogil=True, cache=True)
def narrow_rows(logits, labels, weights, scale, first, step, sums, rows):
    """Do the work of `wide_rows` for few levels, with the rows in the lanes of a vector."""
    levels = logits.shape[1]
    tile = np.zeros((levels, _LANES), logits.dtype)
    label = np.zeros(_LANES, logits.dtype)
    weight = np.zeros(_LANES)
    work = np.empty(6 * _LANES, logits.dtype)
    product = np.ones(_LANES)
    nll = 0.0
    a0, a1, a2, a3, a4, a5, a6 = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    for start in range(first, logits.shape[0], step * _LANES):
        count = min(_LANES, (logits.shape[0] - start + step - 1) // step)
        for k in range(levels):
            for j in range(count):
                tile[k, j] = logits[start + j * step, k]
        for j in range(count):
            i = start + j * step
            label[j] = logits[i, labels[i]]
            weight[j] = weights[i] if weights.size else 1.0
            if weight[j] == 0:  # its label may be forbidden, and 0 * inf would poison the sum
                label[j] = _largest(logits[i])
        if count < _LANES:  # lanes without a row
            weight[count:] = 0
            label[count:] = 0
            tile[:, count:] = 0
        _lane_moments(tile, scale, work)
        b0, b1, b2, b3, b4, b5, b6 = _lane_sums(work, label, weight, scale)
        a0 += b0
        a1 += b1
        a2 += b2
        a3 += b3
        a4 += b4
        a5 += b5
        a6 += b6
        if weights.size:
            for j in range(count):
                nll += weight[j] * math.log(work[_LANES + j])
        else:
            top = 1.0
            for j in range(count):
                product[j] *= work[_LANES + j]
                top = _max(product[j], top)
            if not top < 1e200:  # NaN comes here too
                for j in range(_LANES):
                    nll += math.log(product[j])
                    product[j] = 1.0
        if rows.size:
            for j in range(count):
                i = start + j * step
                mean, variance, third, _ = _lane_cumulants(work, j)
                rows[i, 0] = weight[j] * (mean - _exponent(label[j], work[j], scale)) * _LN2
                rows[i, 1] = weight[j] * variance * _LN2**2
                rows[i, 2] = weight[j] * third * _LN2**3
    for j in range(_LANES):
        nll += math.log(product[j])
    _store(sums, nll, a0, a1, a2, a3, a4, a5, a6)


def likelihood_sums(
    logits: NDArray[Any],
    labels: NDArray[np.int64],
    weights: NDArray[np.float64],
    scale: float,
    first: int,
    step: int,
    rows: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return the sums named in `SUMS` over rows ``first``, ``first + step``, ... of C-contiguous logits.

    Parameters
    ----------
    logits : ndarray of float32 or float64, shape (n, K), C-contiguous
    labels : ndarray of int64, shape (n,)
    weights : ndarray of float64, shape (n,) or empty
    scale : float
        beta / ln 2, exactly representable in the type of the logits.
    rows : ndarray of float64, shape (n, 3) or empty
        Receives g1, g2 and g3 of each row.
    """
    sums = np.zeros(len(SUMS))
    # Read-only views, so that a file opened for reading needs no compilation of its own.
    logits, labels, weights = (_read_only(array) for array in (logits, labels, weights))
    kernel = narrow_rows if logits.shape[1] <= _NARROW else wide_rows
    kernel(logits, labels, weights, logits.dtype.type(scale), first, step, sums, rows)
    return sums


def _read_only(array: NDArray[Any]) -> NDArray[Any]:
    view = array.view()
    view.flags.writeable = False
    return view
