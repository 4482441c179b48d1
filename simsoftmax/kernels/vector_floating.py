"""The lowering of ``simsoftmax.kernels.floating`` to vector registers.

As in ``vector``, these are generic LLVM operations, which lower to any processor. Importing this module imports numba
and registers the operations; nothing else needs to be called.
"""

from __future__ import annotations

import math
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import overload

from simsoftmax.kernels import floating, lanes
from simsoftmax.kernels.vector import Vector, lowered, operation

__all__: list[str] = []


_DOUBLE = Vector(types.float64, 8)


def _lowering(function: Any, *kinds: Any) -> Any:
    """Register what gives, from the types of the arguments, the type of the result and how it is built."""

    def register(define):
        def build(context, builder, signature, values):
            return define(*signature.args)[1](context, builder, signature, values)

        operation(function, kinds, lambda *arguments: define(*arguments)[0])(build)
        return define

    return register


lowered.add(floating.exp2)


@overload(floating.exp2, jit_options={"forceinline": True})
def _exp2(t):
    if t.lane == types.float32:
        return lambda t: floating.exp2_single(t)
    return lambda t: floating.exp2_double(t)


def _call(builder: Any, name: str, returned: Any, *arguments: Any, **options: Any) -> Any:
    kind = ir.FunctionType(returned, [a.type for a in arguments])
    return builder.call(cgutils.get_or_insert_function(builder.module, kind, name), arguments, **options)


def _suffix(vector):
    return f"v{vector.count}f{vector.bits}"


def _whole(scalar):
    return Vector(scalar, lanes.WIDTH // scalar.bitwidth)


@_lowering(floating.fill, types.Float)
def _fill(scalar):
    vector = _whole(scalar)

    def build(_context, builder, _signature, arguments):
        one = builder.insert_element(ir.Constant(vector.llvm, ir.Undefined), arguments[0], ir.IntType(32)(0))
        zeros = ir.Constant(ir.VectorType(ir.IntType(32), vector.count), None)
        return builder.shuffle_vector(one, ir.Constant(vector.llvm, ir.Undefined), zeros)

    return vector, build


@_lowering(floating.fma, Vector, Vector, Vector)
def _fma(a, b, c):
    def build(_context, builder, _signature, arguments):
        return _call(builder, f"llvm.fmuladd.{_suffix(a)}", a.llvm, *arguments)

    return a, build


@_lowering(floating.fused, Vector, Vector, Vector)
def _fused(a, b, c):
    def build(_context, builder, _signature, arguments):
        return _call(builder, f"llvm.fma.{_suffix(a)}", a.llvm, *arguments)

    return a, build


@_lowering(floating.divide, Vector, Vector)
def _divide(a, b):
    def build(_context, builder, _signature, arguments):
        return builder.fdiv(*arguments)

    return a, build


@_lowering(floating.larger, Vector, Vector)
def _larger(a, b):
    def build(_context, builder, _signature, arguments):
        return builder.select(builder.fcmp_ordered(">", *arguments), *arguments)

    return a, build


@_lowering(floating.no_lower, Vector, Vector)
def _no_lower(a, b):
    def build(_context, builder, _signature, arguments):
        return builder.select(builder.fcmp_ordered("<", *arguments), *reversed(arguments))

    return a, build


@_lowering(floating.power_of_two, Vector)
def _power_of_two(a):
    def build(_context, builder, _signature, arguments):
        bits = ir.VectorType(ir.IntType(a.bits), a.count)
        shift = ir.Constant(bits, [23 if a.bits == 32 else 52] * a.count)
        return builder.bitcast(builder.shl(builder.bitcast(arguments[0], bits), shift), a.llvm)

    return a, build


@_lowering(floating.chord_of_two, Vector)
def _chord_of_two(a):
    def build(_context, builder, _signature, arguments):
        bits = ir.VectorType(ir.IntType(32), a.count)
        shifted = builder.shl(builder.bitcast(arguments[0], bits), ir.Constant(bits, [9] * a.count))
        return builder.bitcast(shifted, a.llvm)

    return a, build


@_lowering(floating.lane_sum, Vector)
def _lane_sum(a):
    def build(_context, builder, _signature, arguments):
        name, zero = f"llvm.vector.reduce.fadd.{_suffix(a)}", ir.Constant(a.llvm.element, 0.0)
        return _call(builder, name, a.llvm.element, zero, arguments[0], fastmath=("reassoc",))

    return a.lane, build


@_lowering(floating.lane_maximum, Vector)
def _lane_maximum(a):
    def build(_context, builder, _signature, arguments):
        return _call(builder, f"llvm.vector.reduce.fmax.{_suffix(a)}", a.llvm.element, *arguments)

    return a.lane, build


def _pointer(context, builder, kinds, arguments, vector):
    """Return a pointer to where ``array[row, level]`` begins."""
    array = context.make_array(kinds[0])(context, builder, arguments[0])
    row, level = (context.cast(builder, arguments[k], kinds[k], types.intp) for k in (1, 2))
    at = builder.add(builder.mul(row, builder.extract_value(array.shape, 1)), level)
    return builder.bitcast(builder.gep(array.data, [at]), vector.as_pointer())


def _in_double(builder, value):
    """Return a vector of eight in double precision."""
    double = _DOUBLE.llvm
    return value if value.type == double else builder.fpext(value, double)


def _loaded(vector):
    def build(context, builder, signature, arguments):
        return builder.load(_pointer(context, builder, signature.args, arguments, vector.llvm), align=vector.bits // 8)

    return build


def _loaded_in_part(vector):
    def build(context, builder, signature, arguments):
        pointer = _pointer(context, builder, signature.args, arguments, vector.llvm)
        number = ir.IntType(32)
        some = context.cast(builder, arguments[3], signature.args[3], types.int32)
        first = builder.insert_element(ir.Constant(ir.VectorType(number, vector.count), ir.Undefined), some, number(0))
        same = ir.Constant(ir.VectorType(number, vector.count), None)
        every = builder.shuffle_vector(first, ir.Constant(first.type, ir.Undefined), same)
        mask = builder.icmp_signed("<", ir.Constant(first.type, list(range(vector.count))), every)
        nothing = ir.Constant(vector.llvm, [-math.inf] * vector.count)
        name = f"llvm.masked.load.{_suffix(vector)}.p0"
        return _call(builder, name, vector.llvm, pointer, number(vector.bits // 8), mask, nothing)

    return build


@_lowering(floating.piece, types.Array, types.Integer, types.Integer)
def _piece(logits, row, level):
    vector = _whole(logits.dtype)
    return vector, _loaded(vector)


@_lowering(floating.eight, types.Array, types.Integer, types.Integer)
def _eight(logits, row, level):
    load = _loaded(Vector(logits.dtype, 8))
    return _DOUBLE, lambda context, builder, *of: _in_double(builder, load(context, builder, *of))


@_lowering(floating.eight_before, types.Array, types.Integer, types.Integer, types.Integer)
def _eight_before(logits, row, level, count):
    load = _loaded_in_part(Vector(logits.dtype, 8))
    return _DOUBLE, lambda context, builder, *of: _in_double(builder, load(context, builder, *of))


@_lowering(floating.piece_before, types.Array, types.Integer, types.Integer, types.Integer)
def _piece_before(logits, row, level, count):
    vector = _whole(logits.dtype)
    return vector, _loaded_in_part(vector)


@_lowering(floating.columns, types.Array, types.Integer, types.Integer, types.Integer)
def _columns(logits, row, level, step):
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

    return result, build


@_lowering(floating.halves, Vector)
def _halves(a):
    half = Vector(types.float64, a.count // 2)

    def build(context, builder, signature, arguments):
        nothing = ir.Constant(a.llvm, ir.Undefined)
        order = ir.VectorType(ir.IntType(32), half.count)
        parts = [
            builder.shuffle_vector(arguments[0], nothing, ir.Constant(order, list(range(first, first + half.count))))
            for first in (0, half.count)
        ]
        return context.make_tuple(builder, signature.return_type, [builder.fpext(p, half.llvm) for p in parts])

    return types.UniTuple(half, 2), build


@_lowering(floating.labelled, types.Array, types.Array, types.Integer, types.Integer)
def _labelled(logits, labels, row, step):
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

    return vector, build


@_lowering(floating.prefetch, types.Array, types.Integer, types.Integer)
def _prefetch(logits, row, level):
    def build(context, builder, signature, arguments):
        number = ir.IntType(32)
        byte = _pointer(context, builder, signature.args, arguments, ir.IntType(8))
        _call(builder, "llvm.prefetch.p0", ir.VoidType(), byte, number(0), number(3), number(1))
        return context.get_dummy_value()

    return types.none, build


@_lowering(floating.add_to_row, types.Array, types.Integer, Vector, types.Array)
def _add_to_row(totals, index, vector, weights):
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

    return types.none, build
