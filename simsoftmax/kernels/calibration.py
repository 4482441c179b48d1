"""One fused pass over logits: the likelihood of a temperature and its derivatives.

Per row and at the inverse temperature beta the pass forms the maximum, the Boltzmann weights and the first six
cumulants of the logits under the tempered softmax; on request also the likelihood at a second temperature. Nothing is
written but a handful of sums, so the cost is an exponential an element or two, and the data are read once.

Exponents are kept in base two, t = (z - max z) * scale with scale = beta / ln 2: the weight 2^t is then a polynomial of
the fractional part times a power of two made from bits. ``scale`` is rounded to the type of the logits by the caller,
and the caller reckons with the rounded value, so that this rounding costs no accuracy.

Either the rows or the levels lie in the lanes of a vector. Many levels fill whole vectors, and their sums are added up
across the lanes once a row. Few levels would leave lanes empty, so there one vector holds the same level of 16 (or 8)
rows.
"""

from __future__ import annotations

import math
import threading
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simsoftmax.kernels import lanes
from simsoftmax.kernels.calling import Bundle
from simsoftmax.kernels.compiler import compiled
from simsoftmax.kernels.floating import (
    add_to_row,
    columns,
    divide,
    exp2,
    fill,
    fma,
    labelled,
    lane_maximum,
    lane_sum,
    larger,
    piece,
    piece_before,
    prefetch,
)

__all__ = ["SUMS", "likelihood_sums"]

INLINE = True

# What a pass returns, summed over its rows; g1 to g6 are the weighted cumulants of (z - z_label) * beta:
# g1 is the derivative of the negative log-likelihood in log(beta), g2 its curvature in beta times beta^2, and so on.
# The first likelihood is that of the second temperature. "squares" sums g1^2, "products" g1 g2 and "quartics" g1^4,
# row by row.
SUMS = ("weight", "nll_other", "nll", "g1", "g2", "g3", "g4", "g5", "g6", "squares", "products", "quartics")

_LN2 = math.log(2.0)
_NARROW = 512  # levels up to which the rows lie in the lanes: a tile of them fits the first-level cache
_CHUNK = 4096  # levels whose sums are kept in the type of the logits
_GROUP = 8  # blocks of rows whose sums are


# --- weights and moments ----------------------------------------------------------------------------------------------


# What is summed over the levels of a row: the powers 0 to 6 of the exponent, weighted, and the weights alone at the
# other temperature.


def _no_moments(zero):
    zero = fill(zero)
    return zero, zero, zero, zero, zero, zero, zero, zero


def _more_moments(moments, gap, scale, other):
    """Return the sums with one more vector of logits, less the maxima of their rows."""
    s0, s1, s2, s3, s4, s5, s6, total = moments
    total = total + exp2(gap * other)[1]
    t, e = exp2(gap * scale)
    q = t * t
    s0, s1, s2 = s0 + e, fma(e, t, s1), fma(e, q, s2)
    e = e * q
    s3, s4 = fma(e, t, s3), fma(e, q, s4)
    e = e * q
    return s0, s1, s2, s3, s4, fma(e, t, s5), fma(e, q, s6), total


def _cumulants(moments, one):
    """Return the mean and the second to sixth cumulant from raw moments, row by row.

    The recursion is k_n = m_n - sum_j C(n - 1, j - 1) k_j m_{n - j}.
    """
    s0, s1, s2, s3, s4, s5, s6, _ = moments
    inverse = divide(one, s0)
    m1, m2, m3, m4, m5, m6 = s1 * inverse, s2 * inverse, s3 * inverse, s4 * inverse, s5 * inverse, s6 * inverse
    k2 = m2 - m1 * m1
    k3 = m3 - m1 * m2 - 2 * k2 * m1
    k4 = m4 - m1 * m3 - 3 * k2 * m2 - 3 * k3 * m1
    k5 = m5 - m1 * m4 - 4 * k2 * m3 - 6 * k3 * m2 - 4 * k4 * m1
    k6 = m6 - m1 * m5 - 5 * k2 * m4 - 10 * k3 * m3 - 10 * k4 * m2 - 5 * k5 * m1
    return m1, k2, k3, k4, k5, k6


# --- rows -------------------------------------------------------------------------------------------------------------

# What is found of a block of rows, a vector each: the sums over their levels, their maxima, their labels' logits.
_FOUND = 10


def _keep(found, at, moments, top, chosen):
    lanes.store(found, at, moments[0])
    lanes.store(found, at + 1, moments[1])
    lanes.store(found, at + 2, moments[2])
    lanes.store(found, at + 3, moments[3])
    lanes.store(found, at + 4, moments[4])
    lanes.store(found, at + 5, moments[5])
    lanes.store(found, at + 6, moments[6])
    lanes.store(found, at + 7, moments[7])
    lanes.store(found, at + 8, top)
    lanes.store(found, at + 9, chosen)


def _kept(found, at):
    return (
        lanes.load(found, at), lanes.load(found, at + 1), lanes.load(found, at + 2), lanes.load(found, at + 3),
        lanes.load(found, at + 4), lanes.load(found, at + 5), lanes.load(found, at + 6), lanes.load(found, at + 7),
    )  # fmt: skip


def _narrow_block(logits, labels, first, count, step, scale, other, tile, found, at):
    """Find the sums of a block of rows that lie in the lanes."""
    size, levels = tile.shape[1], logits.shape[1]
    zero = scale - scale
    top, chosen = fill(logits.dtype.type(-np.inf)), fill(zero)
    if count == size and levels >= 4:
        for begin in range(0, levels, 4):
            k = min(begin, levels - 4)
            a, b, c, d = columns(logits, first, k, step)
            lanes.store(tile, k, a)
            lanes.store(tile, k + 1, b)
            lanes.store(tile, k + 2, c)
            lanes.store(tile, k + 3, d)
            top = larger(larger(larger(a, b), larger(c, d)), top)
        chosen = labelled(logits, labels, first, step)
    else:
        for k in range(levels):
            for j in range(size):
                tile[k, j] = logits[first + j * step, k] if j < count else zero
            top = larger(lanes.load(tile, k), top)
        for j in range(count):
            y = labels[first + j * step]
            found[at, j] = logits[first + j * step, y] if 0 <= y < levels else np.nan
        for j in range(count, size):
            found[at, j] = 0
        chosen = lanes.load(found, at)
    moments = _no_moments(zero)
    ahead = levels >= 24
    for k in range(levels):
        if ahead:  # the next block, which lies in one piece; the processor does not guess 16 rows at once
            prefetch(logits, first + size, k * size)
        moments = _more_moments(moments, lanes.load(tile, k) - top, scale, other)
    _keep(found, at, moments, top, chosen)


def _wide_block(logits, labels, first, count, step, scale, other, tile, found, at):
    """Find the sums of a block of rows, one after the other, with the levels in the lanes."""
    size, levels = tile.shape[1], logits.shape[1]
    whole = levels - levels % size
    zero = scale - scale
    for j in range(size):
        i = first + min(j, count - 1) * step  # a row that is there, for lanes without one
        high = piece_before(logits, i, whole, levels - whole)
        for k in range(0, whole, size):
            high = larger(piece(logits, i, k), high)
        top = lane_maximum(high)
        a0, a1, a2, a3, a4, a5, a6, a7 = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
        for begin in range(0, levels, _CHUNK):
            moments = _no_moments(zero)
            for k in range(begin, min(begin + _CHUNK, whole), size):
                moments = _more_moments(moments, piece(logits, i, k) - top, scale, other)
            if begin + _CHUNK >= levels and whole < levels:
                end = piece_before(logits, i, whole, levels - whole)
                moments = _more_moments(moments, end - top, scale, other)
            a0 += lane_sum(moments[0])
            a1 += lane_sum(moments[1])
            a2 += lane_sum(moments[2])
            a3 += lane_sum(moments[3])
            a4 += lane_sum(moments[4])
            a5 += lane_sum(moments[5])
            a6 += lane_sum(moments[6])
            a7 += lane_sum(moments[7])
        found[at, j], found[at + 1, j], found[at + 2, j], found[at + 3, j] = a0, a1, a2, a3
        found[at + 4, j], found[at + 5, j], found[at + 6, j], found[at + 7, j] = a4, a5, a6, a7
        y = labels[i]
        found[at + 8, j], found[at + 9, j] = top, logits[i, y] if 0 <= y < levels else np.nan


def _rows(logits, labels, weights, unit, scale, other, first, step, sums, rows, work):
    """Add rows ``first``, ``first + step``, ... to ``sums``; ``work`` is from `_work_space`."""
    rest, levels = logits.shape
    tile, found, per_row, used, weight, ones, totals, factors = work
    size, group = tile.shape[1], found.shape[0] // _FOUND
    for j in range(size):
        used[0, j] = weight[0, j] = factors[0, j] = factors[1, j] = 1
        for k in range(len(SUMS)):
            totals[k, j] = 0
    narrow = levels <= _NARROW
    one, none = fill(logits.dtype.type(1)), fill(scale - scale)
    nll, nll_other = 0.0, 0.0
    jump = step * size
    for begin in range(first, rest, jump * group):
        end = min(begin + jump * group, rest)
        at = 0
        for start in range(begin, end, jump):
            count = min(size, (rest - start + step - 1) // step)
            if narrow:
                _narrow_block(logits, labels, start, count, step, scale, other, tile, found, at)
            else:
                _wide_block(logits, labels, start, count, step, scale, other, tile, found, at)
            at += _FOUND
        a2, a3, a4, a5, a6, squares, products, quartics = none, none, none, none, none, none, none, none
        factor, factor_other = one, one
        at = 0
        for start in range(begin, end, jump):
            count = min(size, (rest - start + step - 1) // step)
            plain = count == size and not weights.size
            if not plain:
                for j in range(size):
                    weight[0, j] = 0.0 if j >= count else weights[start + j * step] * unit if weights.size else 1.0
                    used[0, j] = weight[0, j]
                    if weight[0, j] == 0:  # whatever it holds, for 0 * NaN would poison the sums
                        for kind in range(_FOUND):
                            found[at + kind, j] = 1 if kind == 0 or kind == 7 else 0
                    else:
                        nll += weight[0, j] * math.log(found[at, j])
                        nll_other += weight[0, j] * math.log(found[at + 7, j])
            w, gap = lanes.load(used, 0), lanes.load(found, at + 9) - lanes.load(found, at + 8)
            moments = _kept(found, at)
            t = gap * scale
            mean, k2, k3, k4, k5, k6 = _cumulants(moments, one)
            slope = mean - t
            if rows.size:
                lanes.store(per_row, 0, slope)
                lanes.store(per_row, 1, k2)
                lanes.store(per_row, 2, k3)
                for j in range(count):
                    i = start + j * step
                    rows[i, 0] = weight[0, j] * per_row[0, j] * _LN2
                    rows[i, 1] = weight[0, j] * per_row[1, j] * _LN2**2
                    rows[i, 2] = weight[0, j] * per_row[2, j] * _LN2**3
            add_to_row(totals, 0, one, weight)
            add_to_row(totals, 1, none - gap * other, weight)
            add_to_row(totals, 2, none - t, weight)
            add_to_row(totals, 3, slope, weight)
            a2, a3, a4 = fma(k2, w, a2), fma(k3, w, a3), fma(k4, w, a4)
            a5, a6 = fma(k5, w, a5), fma(k6, w, a6)
            slope = slope * w
            products = fma(slope, k2 * w, products)
            slope = slope * slope
            squares, quartics = squares + slope, fma(slope, slope, quartics)
            if plain:
                factor, factor_other = factor * moments[0], factor_other * moments[7]
            at += _FOUND
        add_to_row(totals, 4, a2, ones)
        add_to_row(totals, 5, a3, ones)
        add_to_row(totals, 6, a4, ones)
        add_to_row(totals, 7, a5, ones)
        add_to_row(totals, 8, a6, ones)
        add_to_row(totals, 9, squares, ones)
        add_to_row(totals, 10, products, ones)
        add_to_row(totals, 11, quartics, ones)
        lanes.store(per_row, 0, factor)
        lanes.store(per_row, 1, factor_other)
        highest = 0.0
        for j in range(size):
            factors[0, j] *= per_row[0, j]
            factors[1, j] *= per_row[1, j]
            highest = max(highest, factors[0, j], factors[1, j])
        if not highest < 1e200:  # NaN comes here too
            for j in range(size):
                nll += math.log(factors[0, j])
                nll_other += math.log(factors[1, j])
                factors[0, j] = factors[1, j] = 1
    for j in range(size):
        nll += math.log(factors[0, j])
        nll_other += math.log(factors[1, j])
    for k in range(len(SUMS)):
        sums[k] = np.sum(totals[k])
    sums[1] = nll_other + sums[1] * _LN2
    sums[2] = nll + sums[2] * _LN2
    for k in range(3, 9):
        sums[k] *= _LN2 ** (k - 2)
    sums[9] *= _LN2**2
    sums[10] *= _LN2**3
    sums[11] *= _LN2**4


_own = threading.local()


def _work_space(dtype: np.dtype[Any], levels: int) -> Bundle:
    """Return the arrays that a pass of this thread writes on its way; they are kept for its next pass."""
    if getattr(_own, "kind", None) != (dtype, levels):
        size = lanes.WIDTH // 8 // dtype.itemsize
        # Logarithms are taken of products, many rows at a time: a logarithm costs as much as ten weights. A sum of
        # weights is at most the number of levels, so the product of this many stays in range.
        group = max(1, min(_GROUP, int(120 / math.log2(levels + 1.0))))
        tile = lanes.aligned((levels if levels <= _NARROW else 1, size), dtype)
        found = lanes.aligned((group * _FOUND, size), dtype)
        per_row, used = lanes.aligned((3, size), dtype), lanes.aligned((1, size), dtype)
        weight, ones, totals, factors = (lanes.aligned((n, size), np.float64) for n in (1, 1, len(SUMS), 2))
        ones.fill(1)
        _own.kind, _own.space = (dtype, levels), Bundle((tile, found, per_row, used, weight, ones, totals, factors))
    return _own.space


def likelihood_sums(
    logits: NDArray[Any],
    labels: NDArray[np.int64],
    weights: NDArray[np.float64],
    unit: float,
    scale: float,
    other: float,
    first: int,
    step: int,
    rows: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return the sums named in `SUMS` over rows ``first``, ``first + step``, ... of C-contiguous logits.

    They are not finite if in a row with a weight a logit is NaN or +inf, all logits are -inf, or the label is out of
    range or has the logit -inf.

    Parameters
    ----------
    logits : ndarray of float32 or float64, shape (n, K), C-contiguous
    labels : ndarray of int64, shape (n,)
    weights : ndarray of float64, shape (n,) or empty
    unit : float
        What the weights are multiplied by, so that they are of the order of 1.
    scale, other : float
        beta / ln 2 of the pass and of the second temperature, exactly representable in the type of the logits.
    rows : ndarray of float64, shape (n, 3) or empty
        Receives g1, g2 and g3 of each row.
    """
    sums = np.zeros(len(SUMS))
    kind = logits.dtype.type
    # Read-only views, so that a file opened for reading needs no compilation of its own.
    logits, labels, weights = (_read_only(array) for array in (logits, labels, weights))
    work = _work_space(logits.dtype, logits.shape[1])
    compiled(_rows)(logits, labels, weights, unit, kind(scale), kind(other), first, step, sums, rows, work)
    return sums


def _read_only(array: NDArray[Any]) -> NDArray[Any]:
    view = array.view()
    view.flags.writeable = False
    return view
