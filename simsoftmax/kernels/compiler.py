"""Compilation of the fast kernels, on first use."""

from __future__ import annotations

import functools
import types
from collections.abc import Callable
from typing import Any

from simsoftmax.kernels import bitsliced, tabulated, xoshiro

_SOURCES = (xoshiro, bitsliced, tabulated)


@functools.cache
def compiled(kernel: Callable[..., Any]) -> Callable[..., Any]:
    """Return a kernel compiled by numba; the first call in the first process takes some seconds, then it is cached."""
    numba = _register()
    return numba.njit(cache=True, nogil=True)(kernel)


@functools.cache
def _register() -> Any:
    """Import numba, teach it the vector operations, and let compiled kernels call the functions of their modules."""
    import numba
    from numba.extending import register_jitable

    from simsoftmax.kernels import vector  # noqa: F401

    for module in _SOURCES:
        for value in vars(module).values():
            if isinstance(value, types.FunctionType) and value.__module__ == module.__name__:
                register_jitable(forceinline=True)(value)
    return numba
