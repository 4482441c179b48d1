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
from typing import Any

import numpy as np
from llvmlite import ir
from numba import extending, float32, njit, types
from numba.core import cgutils
from numba.extending import overload
from numpy.typing import NDArray

from simsoftmax.kernels import lanes
from simsoftmax.kernels.vector import Vector

__all__ = ["SUMS", "likelihood_sums"]

# What a pass returns, summed over its rows; g1 to g6 are the weighted cumulants of (z - z_label) * beta:
# g1 is the derivative of the negative log-likelihood in log(beta), g2 its curvature in beta times beta^2, and so on.
# The first likelihood is that of the second temperature. "squares" sums g1^2, "products" g1 g2 and "quartics" g1^4,
# row by row.
SUMS = ("weight", "nll_other", "nll", "g1", "g2", "g3", "g4", "g5", "g6", "squares", "products", "quartics")

_LN2 = math.log(2.0)
_NARROW = 512  # levels up to which the rows lie in the lanes: a tile of them fits the first-level cache
_CHUNK = 4096  # levels whose sums are kept in the type of the logits
_GROUP = 8  # blocks of rows whose sums are


_intrinsic: Any = extending.intrinsic  # its type does not know of the first argument


# --- operations on vectors --------------------------------------------------------------------------------------------


def _call(builder: Any, name: str, returned: Any, *arguments: Any, **options: Any) -> Any:
    kind = ir.FunctionType(returned, [a.type for a in arguments])
    return builder.call(cgutils.get_or_insert_function(builder.module, kind, name), arguments, **options)


def _suffix(vector):
    return f"v{vector.count}f{vector.bits}"


def _whole(scalar):
    return Vector(scalar, lanes.WIDTH // scalar.bitwidth)


@_intrinsic
def _fill(_, scalar):
    """Return a vector with the same number in every lane."""
    vector = _whole(scalar)

    def build(_context, builder, _signature, arguments):
        one = builder.insert_element(ir.Constant(vector.llvm, ir.Undefined), arguments[0], ir.IntType(32)(0))
        zeros = ir.Constant(ir.VectorType(ir.IntType(32), vector.count), None)
        return builder.shuffle_vector(one, ir.Constant(vector.llvm, ir.Undefined), zeros)

    return vector(scalar), build


@_intrinsic
def _fma(_, a, b, c):
    """Return a * b + c, rounded once where the processor can."""

    def build(_context, builder, _signature, arguments):
        return _call(builder, f"llvm.fmuladd.{_suffix(a)}", a.llvm, *arguments)

    return a(a, b, c), build


@_intrinsic
def _divide(_, a, b):
    def build(_context, builder, _signature, arguments):
        return builder.fdiv(*arguments)

    return a(a, b), build


@_intrinsic
def _larger(_, a, b):
    """Return a where it is larger than b, and b elsewhere, also where a is NaN."""

    def build(_context, builder, _signature, arguments):
        return builder.select(builder.fcmp_ordered(">", *arguments), *arguments)

    return a(a, b), build


@_intrinsic
def _no_lower(_, a, b):
    """Return b where a is lower, and a elsewhere, also where it is NaN."""

    def build(_context, builder, _signature, arguments):
        return builder.select(builder.fcmp_ordered("<", *arguments), *reversed(arguments))

    return a(a, b), build


@_intrinsic
def _power(_, a):
    """Return the number whose exponent field is the low bits of ``a`` and whose fraction is 0."""

    def build(_context, builder, _signature, arguments):
        bits = ir.VectorType(ir.IntType(a.bits), a.count)
        shift = ir.Constant(bits, [23 if a.bits == 32 else 52] * a.count)
        return builder.bitcast(builder.shl(builder.bitcast(arguments[0], bits), shift), a.llvm)

    return a(a), build


@_intrinsic
def _sum(_, a):
    """Return the sum of the lanes."""

    def build(_context, builder, _signature, arguments):
        name, zero = f"llvm.vector.reduce.fadd.{_suffix(a)}", ir.Constant(a.llvm.element, 0.0)
        return _call(builder, name, a.llvm.element, zero, arguments[0], fastmath=("reassoc",))

    return a.lane(a), build


@_intrinsic
def _maximum(_, a):
    """Return the largest lane."""

    def build(_context, builder, _signature, arguments):
        return _call(builder, f"llvm.vector.reduce.fmax.{_suffix(a)}", a.llvm.element, *arguments)

    return a.lane(a), build


def _pointer(context, builder, kinds, arguments, vector):
    """Return a pointer to where ``array[row, level]`` begins."""
    array = context.make_array(kinds[0])(context, builder, arguments[0])
    row, level = (context.cast(builder, arguments[k], kinds[k], types.intp) for k in (1, 2))
    at = builder.add(builder.mul(row, builder.extract_value(array.shape, 1)), level)
    return builder.bitcast(builder.gep(array.data, [at]), vector.as_pointer())


@_intrinsic
def _piece(_, logits, row, level):
    """Return the logits of one row from ``level`` on."""
    vector = _whole(logits.dtype)

    def build(context, builder, signature, arguments):
        return builder.load(_pointer(context, builder, signature.args, arguments, vector.llvm), align=vector.bits // 8)

    return vector(logits, row, level), build


@_intrinsic
def _rest(_, logits, row, level, count):
    """Return the ``count`` logits of one row from ``level`` on, and -inf in the other lanes."""
    vector = _whole(logits.dtype)

    def build(context, builder, signature, arguments):
        pointer = _pointer(context, builder, signature.args, arguments, vector.llvm)
        number = ir.IntType(32)
        some = context.cast(builder, arguments[3], count, types.int32)
        first = builder.insert_element(ir.Constant(ir.VectorType(number, vector.count), ir.Undefined), some, number(0))
        same = ir.Constant(ir.VectorType(number, vector.count), None)
        every = builder.shuffle_vector(first, ir.Constant(first.type, ir.Undefined), same)
        mask = builder.icmp_signed("<", ir.Constant(first.type, list(range(vector.count))), every)
        nothing = ir.Constant(vector.llvm, [-math.inf] * vector.count)
        name = f"llvm.masked.load.{_suffix(vector)}.p0"
        return _call(builder, name, vector.llvm, pointer, number(vector.bits // 8), mask, nothing)

    return vector(logits, row, level, count), build


@_intrinsic
def _columns(_, logits, row, level, step):
    """Return four levels of the rows ``row``, ``row + step``, ..., a vector each."""
    vector = _whole(logits.dtype)
    result = types.UniTuple(vector, 4)

    def build(context, builder, signature, arguments):
        four = ir.VectorType(vector.llvm.element, 4)
        array = context.make_array(logits)(context, builder, arguments[0])
        jump = builder.mul(context.cast(builder, arguments[3], step, types.intp), builder.extract_value(array.shape, 1))
        pointer = builder.bitcast(
            _pointer(context, builder, signature.args, arguments, four), vector.llvm.element.as_pointer()
        )
        parts = []
        for _lane in range(vector.count):
            parts.append(builder.load(builder.bitcast(pointer, four.as_pointer()), align=vector.bits // 8))
            pointer = builder.gep(pointer, [jump])

        def shuffle(a, b, order):
            return builder.shuffle_vector(a, b, ir.Constant(ir.VectorType(ir.IntType(32), len(order)), order))

        while len(parts) > 1:
            order = list(range(2 * parts[0].type.count))
            parts = [shuffle(a, b, order) for a, b in zip(parts[::2], parts[1::2], strict=True)]
        nothing = ir.Constant(parts[0].type, ir.Undefined)
        columns = [shuffle(parts[0], nothing, list(range(k, 4 * vector.count, 4))) for k in range(4)]
        return context.make_tuple(builder, signature.return_type, columns)

    return result(logits, row, level, step), build


@_intrinsic
def _chosen(_, logits, labels, row, step):
    """Return the labels' logits of the rows ``row``, ``row + step``, ..., NaN for labels out of range."""
    vector = _whole(logits.dtype)

    def build(context, builder, signature, arguments):
        z = context.make_array(logits)(context, builder, arguments[0])
        y = context.make_array(labels)(context, builder, arguments[1])
        i, jump = (context.cast(builder, arguments[k], signature.args[k], types.intp) for k in (2, 3))
        levels = builder.extract_value(z.shape, 1)
        result = ir.Constant(vector.llvm, ir.Undefined)
        for lane in range(vector.count):
            label = builder.load(builder.gep(y.data, [i]), align=8)
            known = builder.icmp_unsigned("<", label, levels)
            at = builder.add(builder.mul(i, levels), builder.select(known, label, ir.Constant(label.type, 0)))
            value = builder.load(builder.gep(z.data, [at]), align=vector.bits // 8)
            value = builder.select(known, value, ir.Constant(value.type, math.nan))
            result = builder.insert_element(result, value, ir.IntType(32)(lane))
            i = builder.add(i, jump)
        return result

    return vector(logits, labels, row, step), build


@_intrinsic
def _prefetch(_, logits, row, level):
    """Ask for the memory of ``logits[row, level]``, which may lie beyond the end."""

    def build(context, builder, signature, arguments):
        number = ir.IntType(32)
        byte = _pointer(context, builder, signature.args, arguments, ir.IntType(8))
        _call(builder, "llvm.prefetch.p0", ir.VoidType(), byte, number(0), number(3), number(1))
        return context.get_dummy_value()

    return types.none(logits, row, level), build


@_intrinsic
def _add(_, totals, index, vector, weights):
    """Add a vector times the weights, lane by lane in double precision, to row ``index`` of ``totals``."""

    def build(context, builder, signature, arguments):
        wide = ir.VectorType(ir.DoubleType(), vector.count)

        def pointer(number, row):
            array = context.make_array(signature.args[number])(context, builder, arguments[number])
            at = builder.mul(row, ir.Constant(row.type, vector.count))
            return builder.bitcast(builder.gep(array.data, [at]), wide.as_pointer())

        row = context.cast(builder, arguments[1], signature.args[1], types.intp)
        place = pointer(0, row)
        factor = builder.load(pointer(3, ir.Constant(row.type, 0)), align=8)
        value = arguments[2] if vector.bits == 64 else builder.fpext(arguments[2], wide)
        name = f"llvm.fmuladd.v{vector.count}f64"
        builder.store(_call(builder, name, wide, value, factor, builder.load(place, align=8)), place, align=8)
        return context.get_dummy_value()

    return types.none(totals, index, vector, weights), build


# --- weights and moments ----------------------------------------------------------------------------------------------


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


@njit(forceinline=True)
def _weight32(t):
    """Return t >= -127 and 2^t for t <= 0 in single precision; below 2^-127 the weight is 0 and so is its product."""
    t = _no_lower(t, _fill(_LOW32))
    n = t + _fill(_ROUND32)
    f = t - (n - _fill(_ROUND32))
    p = _fma(_fma(_fma(_fill(_A6), f, _fill(_A5)), f, _fill(_A4)), f, _fill(_A3))
    p = _fma(_fma(_fma(p, f, _fill(_A2)), f, _fill(_A1)), f, _fill(_A0))
    return t, p * _power(n)


@njit(forceinline=True)
def _weight64(t):
    """Return t >= -1023 and 2^t for t <= 0 in double precision."""
    t = _no_lower(t, _fill(_LOW64))
    n = t + _fill(_ROUND64)
    f = t - (n - _fill(_ROUND64))
    p = _fma(_fma(_fma(_fill(_B11), f, _fill(_B10)), f, _fill(_B9)), f, _fill(_B8))
    p = _fma(_fma(_fma(_fma(p, f, _fill(_B7)), f, _fill(_B6)), f, _fill(_B5)), f, _fill(_B4))
    p = _fma(_fma(_fma(_fma(p, f, _fill(_B3)), f, _fill(_B2)), f, _fill(_B1)), f, _fill(_B0))
    return t, p * _power(n)


def _weight(t):
    """Return the clipped exponent and its weight; one implementation for each floating type."""
    raise NotImplementedError


@overload(_weight, jit_options={"forceinline": True})
def _weight_overload(t):
    if t.lane == float32:
        return lambda t: _weight32(t)
    return lambda t: _weight64(t)


# What is summed over the levels of a row: the powers 0 to 6 of the exponent, weighted, and the weights alone at the
# other temperature.


@njit(forceinline=True)
def _no_moments(zero):
    zero = _fill(zero)
    return zero, zero, zero, zero, zero, zero, zero, zero


@njit(forceinline=True)
def _more_moments(moments, gap, scale, other):
    """Return the sums with one more vector of logits, less the maxima of their rows."""
    s0, s1, s2, s3, s4, s5, s6, total = moments
    total = total + _weight(gap * other)[1]
    t, e = _weight(gap * scale)
    q = t * t
    s0, s1, s2 = s0 + e, _fma(e, t, s1), _fma(e, q, s2)
    e = e * q
    s3, s4 = _fma(e, t, s3), _fma(e, q, s4)
    e = e * q
    return s0, s1, s2, s3, s4, _fma(e, t, s5), _fma(e, q, s6), total


@njit(forceinline=True)
def _cumulants(moments, one):
    """Return the mean and the second to sixth cumulant from raw moments, row by row.

    The recursion is k_n = m_n - sum_j C(n - 1, j - 1) k_j m_{n - j}.
    """
    s0, s1, s2, s3, s4, s5, s6, _ = moments
    inverse = _divide(one, s0)
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


@njit(forceinline=True)
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


@njit(forceinline=True)
def _kept(found, at):
    return (
        lanes.load(found, at), lanes.load(found, at + 1), lanes.load(found, at + 2), lanes.load(found, at + 3),
        lanes.load(found, at + 4), lanes.load(found, at + 5), lanes.load(found, at + 6), lanes.load(found, at + 7),
    )  # fmt: skip


@njit(forceinline=True)
def _narrow_block(logits, labels, first, count, step, scale, other, tile, found, at):
    """Find the sums of a block of rows that lie in the lanes."""
    size, levels = tile.shape[1], logits.shape[1]
    zero = scale - scale
    top, chosen = _fill(logits.dtype.type(-np.inf)), _fill(zero)
    if count == size and levels >= 4:
        for begin in range(0, levels, 4):
            k = min(begin, levels - 4)
            a, b, c, d = _columns(logits, first, k, step)
            lanes.store(tile, k, a)
            lanes.store(tile, k + 1, b)
            lanes.store(tile, k + 2, c)
            lanes.store(tile, k + 3, d)
            top = _larger(_larger(_larger(a, b), _larger(c, d)), top)
        chosen = _chosen(logits, labels, first, step)
    else:
        for k in range(levels):
            for j in range(size):
                tile[k, j] = logits[first + j * step, k] if j < count else zero
            top = _larger(lanes.load(tile, k), top)
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
            _prefetch(logits, first + size, k * size)
        moments = _more_moments(moments, lanes.load(tile, k) - top, scale, other)
    _keep(found, at, moments, top, chosen)


@njit(forceinline=True)
def _wide_block(logits, labels, first, count, step, scale, other, tile, found, at):
    """Find the sums of a block of rows, one after the other, with the levels in the lanes."""
    size, levels = tile.shape[1], logits.shape[1]
    whole = levels - levels % size
    zero = scale - scale
    for j in range(size):
        i = first + min(j, count - 1) * step  # a row that is there, for lanes without one
        high = _rest(logits, i, whole, levels - whole)
        for k in range(0, whole, size):
            high = _larger(_piece(logits, i, k), high)
        top = _maximum(high)
        a0, a1, a2, a3, a4, a5, a6, a7 = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
        for begin in range(0, levels, _CHUNK):
            moments = _no_moments(zero)
            for k in range(begin, min(begin + _CHUNK, whole), size):
                moments = _more_moments(moments, _piece(logits, i, k) - top, scale, other)
            if begin + _CHUNK >= levels and whole < levels:
                end = _rest(logits, i, whole, levels - whole)
                moments = _more_moments(moments, end - top, scale, other)
            a0 += _sum(moments[0])
            a1 += _sum(moments[1])
            a2 += _sum(moments[2])
            a3 += _sum(moments[3])
            a4 += _sum(moments[4])
            a5 += _sum(moments[5])
            a6 += _sum(moments[6])
            a7 += _sum(moments[7])
        found[at, j], found[at + 1, j], found[at + 2, j], found[at + 3, j] = a0, a1, a2, a3
        found[at + 4, j], found[at + 5, j], found[at + 6, j], found[at + 7, j] = a4, a5, a6, a7
        y = labels[i]
        found[at + 8, j], found[at + 9, j] = top, logits[i, y] if 0 <= y < levels else np.nan


@njit(nogil=True, cache=True, error_model="numpy")
def _rows(logits, labels, weights, unit, scale, other, first, step, sums, rows):
    """Add rows ``first``, ``first + step``, ... to ``sums``."""
    rest, levels = logits.shape
    size = lanes.WIDTH // 8 // logits.itemsize
    narrow = levels <= _NARROW
    # Logarithms are taken of products, many rows at a time: a logarithm costs as much as ten weights. A sum of weights
    # is at most the number of levels, so the product of this many stays in range.
    group = max(1, min(_GROUP, int(120 / math.log2(levels + 1.0))))
    tile = np.zeros((levels if narrow else 1, size), logits.dtype)
    found = np.zeros((group * _FOUND, size), logits.dtype)
    per_row = np.zeros((3, size), logits.dtype)
    used = np.ones((1, size), logits.dtype)
    weight, ones = np.ones((1, size)), np.ones((1, size))
    totals = np.zeros((len(SUMS), size))
    factors = np.ones((2, size))
    one, none = _fill(logits.dtype.type(1)), _fill(scale - scale)
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
                    if weight[0, j] == 0:  # its label may be forbidden, and 0 * inf would poison the sum
                        found[at + 9, j] = found[at + 8, j]
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
            _add(totals, 0, one, weight)
            _add(totals, 1, none - gap * other, weight)
            _add(totals, 2, none - t, weight)
            _add(totals, 3, slope, weight)
            a2, a3, a4 = _fma(k2, w, a2), _fma(k3, w, a3), _fma(k4, w, a4)
            a5, a6 = _fma(k5, w, a5), _fma(k6, w, a6)
            slope = slope * w
            products = _fma(slope, k2 * w, products)
            slope = slope * slope
            squares, quartics = squares + slope, _fma(slope, slope, quartics)
            if plain:
                factor, factor_other = factor * moments[0], factor_other * moments[7]
            at += _FOUND
        _add(totals, 4, a2, ones)
        _add(totals, 5, a3, ones)
        _add(totals, 6, a4, ones)
        _add(totals, 7, a5, ones)
        _add(totals, 8, a6, ones)
        _add(totals, 9, squares, ones)
        _add(totals, 10, products, ones)
        _add(totals, 11, quartics, ones)
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

    They are not finite if a logit is NaN or +inf, if a row is -inf throughout, or if a label is out of range or has
    the logit -inf in a row with a weight.

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
    _rows(logits, labels, weights, unit, kind(scale), kind(other), first, step, sums, rows)
    return sums


def _read_only(array: NDArray[Any]) -> NDArray[Any]:
    view = array.view()
    view.flags.writeable = False
    return view
