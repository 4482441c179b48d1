"""Finished cells on disk: one file each, written whole or not at all, under a key that names all that made it."""

from __future__ import annotations

import functools
import hashlib
import json
import pickle
import types
from pathlib import Path
from typing import Any

import numpy as np

from ..files import atomic_writer, read_npz
from .grid import Cell
from .variables import Variable, Variables

__all__ = ["Store", "fingerprint"]

_FORMAT = "simsoftmax-cell-1"


class Store:
    """A folder of finished cells."""

    def __init__(self, folder: Path, made_by: bytes) -> None:
        self._folder, self._made_by = folder, made_by

    def _file(self, cell: Cell) -> Path:
        key = hashlib.sha256(self._made_by + fingerprint([cell.coordinates, cell.arguments])).hexdigest()
        return self._folder / f"{key[:40]}.npz"

    def read(self, cell: Cell) -> Variables | None:
        """Return what was kept of a cell; None if nothing was, or nothing that can be read."""
        try:
            arrays = read_npz(self._file(cell), what="a finished cell")
            header = json.loads(str(arrays.pop("header")))
            if header["format"] != _FORMAT or set(header["variables"]) != set(arrays):
                return None
            return {
                name: Variable(tuple(dims), arrays[name], attributes)
                for name, (dims, attributes) in header["variables"].items()
            }
        except (OSError, ValueError, KeyError, TypeError):
            return None  # it will be computed again, and written anew

    def write(self, cell: Cell, found: Variables) -> None:
        """Keep a finished cell."""
        header = {
            "format": _FORMAT,
            "coordinates": cell.coordinates,  # for people who look
            "variables": {name: [variable.dims, variable.attributes] for name, variable in found.items()},
        }
        with atomic_writer(self._file(cell), durable=False) as file:
            arrays: dict[str, Any] = {name: variable.values for name, variable in found.items()}
            np.savez(file, header=np.array(json.dumps(header)), **arrays)


def fingerprint(value: Any) -> bytes:
    """Return a digest that changes when a value does.

    Functions are known by their names, their code, and what they use of their own module: an edited function is
    another one. What they call in other modules is not looked at.

    Raises
    ------
    TypeError
        If the value is something of which nothing can be said.
    """
    digest = hashlib.sha256()
    for part in _parts(value, set()):
        digest.update(len(part).to_bytes(8))
        digest.update(part)
    return digest.digest()


def _parts(value: Any, seen: set[int]) -> Any:
    """Yield bytes that tell a value from all others of any kind."""
    kind = type(value).__name__.encode()
    if isinstance(value, np.generic):
        value = np.asarray(value)
    if value is None or isinstance(value, (bool, int, float, complex, str, bytes)):
        yield from (kind, repr(value).encode())
    elif isinstance(value, np.ndarray) and not value.dtype.hasobject:
        yield from (b"array", value.dtype.str.encode(), repr(value.shape).encode(), value.tobytes())
    elif isinstance(value, (list, tuple, range)):
        yield from (kind, str(len(value)).encode())
        for item in value:
            yield from _parts(item, seen)
    elif isinstance(value, (dict, set, frozenset)):
        pairs = value.items() if isinstance(value, dict) else ((item, None) for item in value)
        yield from (kind, *sorted(fingerprint(item) for item in pairs))
    elif isinstance(value, types.CodeType):
        yield from (kind, value.co_code, repr((value.co_names, value.co_varnames)).encode())
        yield from _parts(value.co_consts, seen)
    elif isinstance(value, functools.partial):
        yield from _parts(("partial", value.func, value.args, value.keywords), seen)
    elif isinstance(value, types.MethodType):
        yield from _parts(("method", value.__func__, value.__self__), seen)
    elif isinstance(value, types.FunctionType):
        yield from (kind, value.__module__.encode(), value.__qualname__.encode())
        if id(value) not in seen:
            seen.add(id(value))
            yield from _parts((value.__code__, value.__defaults__, value.__kwdefaults__), seen)
            for cell in value.__closure__ or ():
                yield from _parts(cell.cell_contents, seen)
            for name in _names(value.__code__):
                used = value.__globals__.get(name)
                own = isinstance(used, types.FunctionType) and used.__module__ == value.__module__
                if own or isinstance(used, (bool, int, float, complex, str, bytes, tuple, list, dict, np.ndarray)):
                    yield name.encode()
                    yield from _parts(used, seen)
    elif isinstance(value, (type, types.BuiltinFunctionType, types.ModuleType)):
        yield from (kind, f"{getattr(value, '__module__', '')} {value.__name__}".encode())
    else:
        try:
            yield from (kind, pickle.dumps(value, protocol=4))
        except Exception:
            raise TypeError(
                f"what is kept under path must be known again, got a {type(value).__name__} that cannot be pickled; "
                "pass numbers, arrays, words and functions, or leave path out"
            ) from None


def _names(code: types.CodeType) -> list[str]:
    """Return the names that code, and the functions inside it, look up."""
    inner = (name for const in code.co_consts if isinstance(const, types.CodeType) for name in _names(const))
    return sorted({*code.co_names, *inner})
