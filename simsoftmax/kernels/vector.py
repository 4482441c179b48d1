"""The lowering of ``simsoftmax.kernels.lanes`` to vector registers: a numba type that is one LLVM vector.

Only generic LLVM operations are used, never a vendor's intrinsic, so that the same source lowers to AVX-512, AVX2,
SSE2 or NEON. Importing this module imports numba and registers the operations; nothing else needs to be called.
"""

from __future__ import annotations

import operator
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.typing.templates import AbstractTemplate, infer_global, signature
from numba.extending import lower_builtin, models, register_model

from simsoftmax.kernels import lanes

__all__ = ["Vector", "lowered", "operation"]


class Vector(types.Type):
    """``count`` lanes of one scalar type; masks have boolean lanes."""

    def __init__(self, lane, count):
        self.lane, self.count = lane, count
        super().__init__(name=f"Vector({lane}, {count})")

    @property
    def bits(self):
        """Bits of one lane."""
        return 1 if self.lane == types.boolean else self.lane.bitwidth

    @property
    def llvm(self):
        """The LLVM type."""
        floating = {types.float32: ir.FloatType(), types.float64: ir.DoubleType()}
        return ir.VectorType(floating.get(self.lane) or ir.IntType(self.bits), self.count)

    @property
    def is_integer(self):
        """Whether the lanes are unsigned integers."""
        return isinstance(self.lane, types.Integer)


@register_model(Vector)
class _VectorModel(models.PrimitiveModel):
    def __init__(self, manager, vector):
        super().__init__(manager, vector, vector.llvm)


def _full(lane):
    """Return the vector type of 512 bits with this scalar type in its lanes."""
    return Vector(lane, lanes.WIDTH // lane.bitwidth)


#: Functions that numba knows from here and from `vector_floating`: not by their source, which is for NumPy.
lowered: set[Any] = set()


def operation(function, arguments, result):
    """Register how numba types and lowers ``function``; ``result`` gives the type, or None for "not ours"."""
    lowered.add(function)

    def register(build):
        @infer_global(function)
        class _Template(AbstractTemplate):
            key = function

            def generic(self, args, kws):
                matches = len(args) == len(arguments) and all(map(isinstance, args, arguments))
                returned = result(*args) if matches else None
                return None if returned is None else signature(returned, *args)

        @lower_builtin(function, *arguments)
        def _lower(context, builder, sig, args):
            return build(context, builder, sig, args)

        return build

    return register


def _splat(builder, value, vector):
    """Repeat one LLVM scalar in every lane."""
    one = builder.insert_element(ir.Constant(vector.llvm, ir.Undefined), value, ir.IntType(32)(0))
    zeros = ir.Constant(ir.VectorType(ir.IntType(32), vector.count), None)
    return builder.shuffle_vector(one, ir.Constant(vector.llvm, ir.Undefined), zeros)


def _operand(context, builder, value, given, vector):
    """Return ``value`` as a vector: as it is, or a scalar converted to the lane type and repeated."""
    if isinstance(given, Vector):
        return value
    return _splat(builder, context.cast(builder, value, given, vector.lane), vector)


def _pair(left, right):
    """Return the common type of two vectors, or of a vector and a scalar."""
    if isinstance(left, Vector) and isinstance(right, Vector):
        return left if left == right else None
    return left if isinstance(left, Vector) else right


_SHAPES = ((Vector, Vector), (Vector, types.Number), (types.Number, Vector))


def _binary(function, result, integer, floating=None):
    for shape in _SHAPES:

        @operation(function, shape, lambda left, right: (common := _pair(left, right)) and result(common))
        def _build(context, builder, sig, args):
            common = _pair(*sig.args)
            operands = [_operand(context, builder, v, t, common) for v, t in zip(args, sig.args, strict=True)]
            method = floating if isinstance(common.lane, types.Float) else integer
            return method(builder, *operands)


_same = lambda vector: vector  # noqa: E731
_mask = lambda vector: Vector(types.boolean, vector.count)  # noqa: E731

_binary(operator.add, _same, ir.IRBuilder.add, ir.IRBuilder.fadd)
_binary(operator.sub, _same, ir.IRBuilder.sub, ir.IRBuilder.fsub)
_binary(operator.mul, _same, ir.IRBuilder.mul, ir.IRBuilder.fmul)
_binary(operator.and_, _same, ir.IRBuilder.and_)
_binary(operator.or_, _same, ir.IRBuilder.or_)
_binary(operator.xor, _same, ir.IRBuilder.xor)
_binary(operator.lshift, _same, ir.IRBuilder.shl)
_binary(operator.rshift, _same, ir.IRBuilder.lshr)
for _function, _sign in (
    (operator.lt, "<"),
    (operator.le, "<="),
    (operator.gt, ">"),
    (operator.ge, ">="),
    (operator.eq, "=="),
    (operator.ne, "!="),
):
    _binary(
        _function,
        _mask,
        lambda builder, left, right, sign=_sign: builder.icmp_unsigned(sign, left, right),
        lambda builder, left, right, sign=_sign: builder.fcmp_ordered(sign, left, right),
    )


@operation(operator.invert, (Vector,), _same)
def _invert(context, builder, sig, args):
    return builder.not_(args[0])


def _row_pointer(context, builder, array_type, array, index):
    """Return a pointer to row ``index``, whose length is that of a vector, and the alignment of its items."""
    view = context.make_array(array_type)(context, builder, array)
    vector = _full(array_type.dtype)
    at = builder.mul(index, ir.Constant(index.type, vector.count))
    pointer = builder.bitcast(builder.gep(view.data, [at]), vector.llvm.as_pointer())
    return pointer, array_type.dtype.bitwidth // 8


@operation(lanes.load, (types.Array, types.Integer), lambda rows, index: _full(rows.dtype))
def _load(context, builder, sig, args):
    index = context.cast(builder, args[1], sig.args[1], types.intp)
    pointer, align = _row_pointer(context, builder, sig.args[0], args[0], index)
    return builder.load(pointer, align=align)


@operation(lanes.store, (types.Array, types.Integer, Vector), lambda rows, index, vector: types.none)
def _store(context, builder, sig, args):
    index = context.cast(builder, args[1], sig.args[1], types.intp)
    pointer, align = _row_pointer(context, builder, sig.args[0], args[0], index)
    builder.store(args[2], pointer, align=align)
    return context.get_dummy_value()


def _name(vector):
    """Return LLVM's short name of a vector type, as in ``v8i64``."""
    return f"v{vector.count}{'f' if vector.lane == types.float32 else 'i'}{vector.bits}"


def _call(builder, name, returned, *args):
    """Call an LLVM intrinsic that exists for every target."""
    function_type = ir.FunctionType(returned, [a.type for a in args])
    return builder.call(cgutils.get_or_insert_function(builder.module, function_type, name), args)


@operation(lanes.rotate, (Vector, types.Integer), lambda vector, count: vector)
def _rotate(context, builder, sig, args):
    vector = sig.args[0]
    count = _operand(context, builder, args[1], sig.args[1], vector)
    return _call(builder, f"llvm.fshl.{_name(vector)}", vector.llvm, args[0], args[0], count)


def _ones(builder, vector, value):
    """Return the value of a mask as one integer with a bit a lane."""
    return builder.bitcast(value, ir.IntType(vector.count * vector.bits))


@operation(lanes.population, (Vector,), lambda vector: types.int64)
def _population(context, builder, sig, args):
    vector = sig.args[0]
    if vector.bits == 1:
        whole = _ones(builder, vector, args[0])
        count = _call(builder, f"llvm.ctpop.i{vector.count}", whole.type, whole)
        return builder.zext(count, ir.IntType(64)) if vector.count < 64 else count
    count = _call(builder, f"llvm.ctpop.{_name(vector)}", vector.llvm, args[0])
    total = _call(builder, f"llvm.vector.reduce.add.{_name(vector)}", vector.llvm.element, count)
    return builder.zext(total, ir.IntType(64)) if vector.bits < 64 else total


@operation(lanes.any_lane, (Vector,), lambda vector: types.boolean)
def _any_lane(context, builder, sig, args):
    vector, value = sig.args[0], args[0]
    if vector.bits > 1:
        value = builder.icmp_unsigned("!=", value, ir.Constant(vector.llvm, None))
    whole = _ones(builder, _mask(vector), value)
    return builder.icmp_unsigned("!=", whole, ir.Constant(whole.type, 0))


@operation(lanes.mask_bits, (Vector,), lambda vector: types.uint64 if vector.bits == 1 else None)
def _mask_bits(context, builder, sig, args):
    whole = _ones(builder, sig.args[0], args[0])
    return builder.zext(whole, ir.IntType(64)) if sig.args[0].count < 64 else whole


@operation(lanes.select, (Vector, Vector, Vector), lambda mask, yes, no: yes if yes == no else None)
def _select(context, builder, sig, args):
    return builder.select(*args)


for _shape in _SHAPES[:2]:

    @operation(lanes.multiply_high, _shape, _pair)
    def _multiply_high(context, builder, sig, args):
        vector = sig.args[0]
        wide = ir.VectorType(ir.IntType(2 * vector.bits), vector.count)
        left = builder.zext(args[0], wide)
        right = builder.zext(_operand(context, builder, args[1], sig.args[1], vector), wide)
        shift = ir.Constant(wide, [vector.bits] * vector.count)
        return builder.trunc(builder.lshr(builder.mul(left, right), shift), vector.llvm)


for _view_as, _lane in ((lanes.as_uint16, types.uint16), (lanes.as_uint32, types.uint32)):

    @operation(_view_as, (Vector,), lambda vector, lane=_lane: _full(lane))
    def _view(context, builder, sig, args):
        return builder.bitcast(args[0], sig.return_type.llvm)


@operation(lanes.convert, (Vector, Vector), lambda vector, like: like if like.lane == types.float32 else None)
def _convert(context, builder, sig, args):
    return builder.uitofp(args[0], sig.return_type.llvm)


@operation(lanes.permute, (Vector, Vector), lambda table, index: table if table.count == index.count else None)
def _permute(context, builder, sig, args):
    # LLVM recognises a row of variable extractions from one vector as a permutation where the target has one, provided
    # that they stay together: the mask keeps it from moving them in front of what gave the index.
    vector = sig.args[1]
    table, index = args[0], builder.and_(args[1], ir.Constant(vector.llvm, [vector.count - 1] * vector.count))
    result = ir.Constant(sig.args[0].llvm, ir.Undefined)
    for k in range(sig.args[0].count):
        lane = ir.IntType(32)(k)
        result = builder.insert_element(
            result, builder.extract_element(table, builder.extract_element(index, lane)), lane
        )
    return result


@operation(lanes.gather, (types.Array, Vector), lambda table, index: Vector(table.dtype, index.count))
def _gather(context, builder, sig, args):
    # Plain loads, one a lane: they are up to twice as fast as a processor's gather where that is made of many steps,
    # and as fast where it is not. The indices are taken out of the register 64 bits at a time.
    result, index = sig.return_type, sig.args[1]
    data = context.make_array(sig.args[0])(context, builder, args[0]).data
    word = ir.IntType(64)
    per_word = 64 // index.bits
    words = builder.bitcast(args[1], ir.VectorType(word, index.count // per_word))
    gathered = ir.Constant(result.llvm, ir.Undefined)
    for lane in range(index.count):
        if lane % per_word == 0:
            rest = builder.extract_element(words, ir.IntType(32)(lane // per_word))
        offset = builder.and_(rest, word((1 << index.bits) - 1))
        entry = builder.load(builder.gep(data, [offset]), align=result.bits // 8)
        gathered = builder.insert_element(gathered, entry, ir.IntType(32)(lane))
        rest = builder.lshr(rest, word(index.bits))
    return gathered
