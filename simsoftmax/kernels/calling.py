"""Arguments as machine code of numba's takes them, written from Python.

All of them are 64-bit words: a number is one; an array is the object that owns it and its parent (none here), its
number of entries, its item size, its address, its shape and its strides; a tuple is its items, one after the other.
"""

from __future__ import annotations

import ctypes
import functools
import struct
from typing import Any

import numpy as np

_INTEGER, _FLOAT, _SINGLE = struct.Struct("=q"), struct.Struct("=d"), struct.Struct("<f4x")
_ARRAYS = [struct.Struct(f"={5 + 2 * dimensions}q") for dimensions in range(4)]
_WELCOME = "an array of numbers of at most 64 bits and 3 axes, an integer of 64 bits, a float or a tuple of these"
_TOLD = 0x1 | 0x100 | 0x400  # the flags that matter to code: contiguous, aligned, writable


def spread(value: Any, words: list[bytes]) -> Any:
    """Append the words of an argument: an array, a number or a tuple of these; return what tells its type."""
    if isinstance(value, np.ndarray):
        try:
            address = ctypes.addressof(ctypes.c_char.from_buffer(value))  # type: ignore[arg-type]  # the fast way
        except (TypeError, ValueError, BufferError):  # read-only, empty, with gaps
            address = value.ctypes.data
        dimensions = value.ndim
        if dimensions >= len(_ARRAYS):
            raise TypeError(f"an argument of a kernel must be {_WELCOME}, got an array of shape {value.shape}")
        words.append(_ARRAYS[dimensions].pack(0, 0, value.size, value.itemsize, address, *value.shape, *value.strides))
        return value.dtype, dimensions, value.flags.num & _TOLD
    if isinstance(value, Bundle):
        words.append(value.words)
        return value.kind
    if isinstance(value, tuple):
        return tuple([spread(item, words) for item in value])
    if isinstance(value, float):
        words.append(_FLOAT.pack(value))
        return float
    if isinstance(value, np.float32):
        words.append(_SINGLE.pack(value))
        return np.float32
    try:
        words.append(_INTEGER.pack(value))
    except struct.error:
        raise TypeError(f"an argument of a kernel must be {_WELCOME}, got {value!r}") from None
    return int


def check(kind: Any, kernel: str) -> None:
    """Refuse by name a kind of argument, as `spread` tells it, that no kernel takes."""
    if isinstance(kind, tuple) and kind and isinstance(kind[0], np.dtype):
        if kind[0].kind not in "biuf" or kind[0].itemsize > 8 or not kind[0].isnative:
            raise TypeError(f"an argument of {kernel} must be {_WELCOME}, got an array of {kind[0]}")
    elif isinstance(kind, tuple):
        for each in kind:
            check(each, kernel)


class Bundle(tuple):
    """Arrays that are passed again and again, as a tuple: their words are written once."""

    @functools.cached_property
    def _spread(self) -> tuple[Any, bytes]:
        words: list[bytes] = []
        kind = spread(tuple(self), words)
        return kind, b"".join(words)

    @property
    def kind(self) -> Any:
        """What tells the types."""
        return self._spread[0]

    @property
    def words(self) -> bytes:
        """The words of all items."""
        return self._spread[1]


def numba_type(kind: Any) -> Any:
    """Return numba's type of an argument from what `spread` tells of it, and from nothing else.

    Whole numbers are int64, whatever type they came in. An array whose rows have gaps, or run the other way, is any
    array: code for one order of its entries would misread another.
    """
    from numba import types
    from numba.np.numpy_support import from_dtype

    if not isinstance(kind, tuple):
        return {int: types.int64, float: types.float64, np.float32: types.float32}[kind]
    if kind and isinstance(kind[0], np.dtype):
        dtype, dimensions, told = kind
        entry: Any = from_dtype(dtype)
        return types.Array(
            entry, dimensions, "C" if told & 0x1 else "A", readonly=not told & 0x400, aligned=bool(told & 0x100)
        )
    return types.BaseTuple.from_types([numba_type(item) for item in kind])


def plain(value: Any) -> Any:
    """Return an argument with bundles as the tuples that numba knows."""
    return tuple(plain(item) for item in value) if isinstance(value, tuple) else value
