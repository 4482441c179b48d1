"""Results that hold arrays: what cannot be changed, can be compared, and can be kept in a set.

A result states what was found, so its arrays are read-only, whoever made them. Two results are equal if they are of one
class and all their fields are equal, arrays entry by entry: a run that was saved and loaded equals itself.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Displayed", "Result", "counted", "read_only"]


class Displayed:
    """Base of all results: at the end of a notebook cell stands their sentence; ``repr`` still tells every field."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        # IPython prefers what a class itself defines, and a dataclass defines its repr.
        cls._repr_pretty_ = Displayed._repr_pretty_  # type: ignore[method-assign]

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(str(self))


class Result(Displayed):
    """Base of the frozen dataclasses that hold arrays, or NaN for what is not known.

    They are declared with ``eq=False``, to be compared as here.
    """

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):  # type: ignore[arg-type]  # those that inherit are dataclasses
            value = getattr(self, field.name)
            if isinstance(value, np.ndarray):
                object.__setattr__(self, field.name, read_only(value))

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Come back from a pickle by the same door as a new result: what is checked there is checked here."""
        type(self).__init__(self, **state)

    def __eq__(self, other: object) -> bool:
        if type(self) is not type(other):
            return NotImplemented
        return all(_same(mine, vars(other)[name]) for name, mine in vars(self).items())

    def __hash__(self) -> int:
        # Equal results have equal numbers and texts; arrays would take long, and NaN has a hash for each object.
        kept = (value for value in vars(self).values() if not isinstance(value, np.ndarray))
        return hash((type(self), *(None if isinstance(v, float) and math.isnan(v) else v for v in kept)))


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, np.ndarray) or isinstance(other, np.ndarray):
        return isinstance(one, np.ndarray) and isinstance(other, np.ndarray) and np.array_equal(one, other, True)
    return bool(one == other or (one != one and other != other))  # NaN, which is not measured, stays what it is


def read_only(array: NDArray[Any]) -> NDArray[Any]:
    """Return an array that nobody can write to: itself if that is so already, and else a copy, row by row in memory."""
    owner: Any = array
    while type(owner) is np.ndarray and not owner.flags.writeable:
        owner = owner.base
    if (owner is None or isinstance(owner, bytes)) and array.flags.c_contiguous and array.flags.aligned:
        return array
    array = np.array(array, order="C", subok=False)
    array.flags.writeable = False
    return array


def counted(number: int, thing: str) -> str:
    """Return ``1 sweep``, ``2 sweeps``, ``1,000 sweeps``."""
    return f"{number:,} {thing}" if number == 1 else f"{number:,} {thing}s"
