"""Operations on vectors of floating-point numbers and on tables of logits, beside those of ``lanes`` and ``vector``.

They exist compiled only. Like those of ``vector`` they are generic LLVM operations, which lower to any processor. A
table of logits is a C-contiguous array of rows, shape (N, K).
"""

from __future__ import annotations

import math
from typing import Any

from llvmlite import ir
from numba import extending, types
from numba.core import cgutils

from simsoftmax.kernels import lanes
from simsoftmax.kernels.vector import Vector

__all__ = [
    "add_to_row",
    "columns",
    "divide",
    "fill",
    "fma",
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

_intrinsic: Any = extending.intrinsic  # its type does not know of the first argument


def _call(builder: Any, name: str, returned: Any, *arguments: Any, **options: Any) -> Any:
    kind = ir.FunctionType(returned, [a.type for a in arguments])
    return builder.call(cgutils.get_or_insert_function(builder.module, kind, name), arguments, **options)


def _suffix(vector):
    return f"v{vector.count}f{vector.bits}"


def _whole(scalar):
    return Vector(scalar, lanes.WIDTH // scalar.bitwidth)


@_intrinsic
def fill(_, scalar):
    """Return a vector with the same number in every lane."""
    vector = _whole(scalar)

    def build(_context, builder, _signature, arguments):
        one = builder.insert_element(ir.Constant(vector.llvm, ir.Undefined), arguments[0], ir.IntType(32)(0))
        zeros = ir.Constant(ir.VectorType(ir.IntType(32), vector.count), None)
        return builder.shuffle_vector(one, ir.Constant(vector.llvm, ir.Undefined), zeros)

    return vector(scalar), build


@_intrinsic
def fma(_, a, b, c):
    """Return a * b + c, rounded once where the processor can."""

    def build(_context, builder, _signature, arguments):
        return _call(builder, f"llvm.fmuladd.{_suffix(a)}", a.llvm, *arguments)

    return a(a, b, c), build


@_intrinsic
def divide(_, a, b):
    """Return a / b."""

    def build(_context, builder, _signature, arguments):
        return builder.fdiv(*arguments)

    return a(a, b), build


@_intrinsic
def larger(_, a, b):
    """Return a where it is larger than b, and b elsewhere, also where a is NaN."""

    def build(_context, builder, _signature, arguments):
        return builder.select(builder.fcmp_ordered(">", *arguments), *arguments)

    return a(a, b), build


@_intrinsic
def no_lower(_, a, b):
    """Return b where a is lower, and a elsewhere, also where it is NaN."""

    def build(_context, builder, _signature, arguments):
        return builder.select(builder.fcmp_ordered("<", *arguments), *reversed(arguments))

    return a(a, b), build


@_intrinsic
def power_of_two(_, a):
    """Return the number whose exponent field is the low bits of ``a`` and whose fraction is 0."""

    def build(_context, builder, _signature, arguments):
        bits = ir.VectorType(ir.IntType(a.bits), a.count)
        shift = ir.Constant(bits, [23 if a.bits == 32 else 52] * a.count)
        return builder.bitcast(builder.shl(builder.bitcast(arguments[0], bits), shift), a.llvm)

    return a(a), build


@_intrinsic
def lane_sum(_, a):
    """Return the sum of the lanes."""

    def build(_context, builder, _signature, arguments):
        name, zero = f"llvm.vector.reduce.fadd.{_suffix(a)}", ir.Constant(a.llvm.element, 0.0)
        return _call(builder, name, a.llvm.element, zero, arguments[0], fastmath=("reassoc",))

    return a.lane(a), build


@_intrinsic
def lane_maximum(_, a):
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
def piece(_, logits, row, level):
    """Return the logits of one row from ``level`` on."""
    vector = _whole(logits.dtype)

    def build(context, builder, signature, arguments):
        return builder.load(_pointer(context, builder, signature.args, arguments, vector.llvm), align=vector.bits // 8)

    return vector(logits, row, level), build


@_intrinsic
def piece_before(_, logits, row, level, count):
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
def columns(_, logits, row, level, step):
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
def labelled(_, logits, labels, row, step):
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
def prefetch(_, logits, row, level):
    """Ask for the memory of ``logits[row, level]``, which may lie beyond the end."""

    def build(context, builder, signature, arguments):
        number = ir.IntType(32)
        byte = _pointer(context, builder, signature.args, arguments, ir.IntType(8))
        _call(builder, "llvm.prefetch.p0", ir.VoidType(), byte, number(0), number(3), number(1))
        return context.get_dummy_value()

    return types.none(logits, row, level), build


@_intrinsic
def add_to_row(_, totals, index, vector, weights):
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
