"""Checks of arguments, shared by the whole package.

Each check runs before any work, and its error names the argument, the value and the remedy.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from numbers import Integral, Real
from pathlib import Path
from typing import Any, Literal, Protocol, SupportsIndex

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "as_count",
    "as_counts",
    "as_logits",
    "as_path",
    "as_positive",
    "as_probability",
    "as_temperature",
    "as_vector_logits",
    "first_index",
    "generator",
]

LEAST_PROBABILITY = 2.3e-308  # below, its digits are lost and 1 / p overflows
RNG = np.random.Generator | int | None


def first_index(mask: Any) -> str:
    """Return the first true place of a mask as text: ``3`` or ``(0, 2)``."""
    where = tuple(int(i) for i in np.argwhere(mask)[0])
    return str(where[0]) if len(where) == 1 else str(where)


def as_real(name: str, value: Any, remedy: str) -> NDArray[Any]:
    """Return ``value`` as an array of real numbers, float16/32/64 kept and the rest made float64.

    Whatever holds real numbers is taken: arrays of any library, tensors that require gradients, the small floating
    types of machine learning, frames, objects such as fractions and integers of any size. Truth values, complex
    numbers, texts and missing entries are refused, as is extended precision, which float64 would cut.
    """
    array = as_regular(name, value, remedy)
    if array.dtype.kind == "O":
        array = _from_objects(name, value, array, remedy)
    if array.dtype.kind == "V" and array.dtype.type is not np.void and np.can_cast(array.dtype, np.float32):
        return array.astype(np.float32)  # bfloat16 and narrower, which arithmetic would not take as they are
    if array.dtype.kind not in "fiu" or array.dtype == np.longdouble != np.float64:
        raise TypeError(f"{name} must be real numbers, got dtype {array.dtype} ({_short(value)}); {remedy}")
    return array if array.dtype.kind == "f" else array.astype(np.float64)


def as_regular(name: str, value: Any, remedy: str) -> NDArray[Any]:
    """Return ``value`` as an array of whatever it holds; masked entries and rows of unequal length are refused."""
    if np.ma.is_masked(value):
        raise ValueError(f"{name} must have no masked entries, got {_short(value)}; fill them first, or leave them out")
    try:
        if hasattr(value, "detach") and hasattr(value, "cpu"):  # a tensor of PyTorch, perhaps part of a graph
            value = value.detach().cpu()
            if "bfloat16" in str(value.dtype) or "float8" in str(value.dtype):
                value = value.float()  # NumPy has no such types, and float32 holds them all
        elif hasattr(value, "__dlpack__") and not hasattr(value, "__array__"):
            return np.from_dlpack(value)
        return np.asarray(value)
    except ValueError:
        raise ValueError(f"{name} must be a regular array of numbers, got rows of unequal length; {remedy}") from None
    except Exception as error:
        raise TypeError(
            f"{name} must be readable as a NumPy array, got {type(value).__name__} ({_short(error)}); {remedy}"
        ) from None


def _from_objects(name: str, value: Any, array: NDArray[Any], remedy: str) -> NDArray[np.float64]:
    """Return an array of objects as float64, each number rounded to the nearest."""
    numbers = np.empty(array.shape)
    for place, item in np.ndenumerate(array):
        if isinstance(item, (bool, np.bool_)) or not isinstance(item, (Real, Decimal)):
            at = f"{_short(item)} at index {place[0] if len(place) == 1 else place}; " if place else ""
            raise TypeError(f"{name} must be real numbers, got {at or _short(value) + '; '}{remedy}")
        numbers[place] = number = _nearest(item)
        if (number == 0 and item != 0) or (math.isinf(number) and item != number):
            raise ValueError(f"{name} must fit in float64, got {_short(item)}, which becomes {number}; {remedy}")
    return numbers


def _nearest(number: Any) -> float:
    """Return the float64 nearest to a real number; infinity where it is larger than any."""
    try:
        return float(number)
    except OverflowError:
        return math.inf if number > 0 else -math.inf
    except ValueError:  # a signalling NaN of the decimal module
        return math.nan


def as_number(name: str, value: Any, remedy: str, kind: str = "a number") -> int | float:
    """Return one real number as an int or a float of Python: scalars of any library and 0-d arrays are taken."""
    array = None if isinstance(value, (list, tuple)) else as_regular(name, value, remedy)
    if array is None or array.ndim or array.dtype.kind == "b":
        raise TypeError(f"{name} must be {kind}, got {_short(value)}; {remedy}")
    item: Any = array[()]
    if array.dtype.kind in "iu" or type(item) is int:
        return int(item)
    try:
        return float(as_real(name, value, remedy)[()])
    except TypeError:
        raise TypeError(f"{name} must be {kind}, got {_short(value)}; {remedy}") from None


def as_logits(logits: Any, axis: int = -1) -> NDArray[Any]:
    """Return logits as a float array with the levels moved to the last axis.

    Raises
    ------
    TypeError
        If the logits are not real numbers.
    ValueError
        If there is no level along ``axis``, if a logit is NaN or +inf, or if a row is -inf throughout.
    """
    array = as_real("logits", logits, "pass one score per level")
    if array.ndim == 0:
        raise ValueError(f"logits must have at least one axis, got the scalar {array[()]!r}; pass a list of scores")
    array = levels_last("logits", array, axis)
    if array.shape[-1] == 0:
        raise ValueError(f"logits must hold at least one level, got shape {array.shape}; pass one score per level")
    bad: NDArray[np.bool_] = np.isnan(array) | (array == np.inf)
    if bad.any():
        raise ValueError(
            f"logits must be finite or -inf, got {array[bad][0]} at index {first_index(bad)}; "
            "use -inf for a level that cannot be occupied"
        )
    dead = ~(array > -np.inf).any(axis=-1)
    if dead.any():
        where = "" if array.ndim == 1 else f" in row {first_index(dead)}"
        raise ValueError(f"logits must allow at least one level, got -inf throughout{where}; give one a finite score")
    return array


def levels_last(name: str, array: NDArray[Any], axis: Any) -> NDArray[Any]:
    """Return ``array`` with the axis that runs over the levels moved to the end."""
    try:
        return np.moveaxis(array, operator.index(axis), -1)
    except TypeError:
        raise TypeError(f"axis must be an integer, got {axis!r}; pass the axis that runs over the levels") from None
    except (np.exceptions.AxisError, OverflowError):
        raise ValueError(
            f"axis must be in [{-array.ndim}, {array.ndim}) for {name} of shape {array.shape}, got {_short(axis)}"
        ) from None


def as_vector_logits(logits: Any) -> NDArray[np.float64]:
    """Return one row of logits, shape (K,), as float64; other shapes are refused."""
    array = as_logits(logits)
    if array.ndim != 1:
        raise ValueError(f"logits must be one-dimensional here, got shape {array.shape}; pass one row at a time")
    return array.astype(np.float64)


def as_temperature(temperature: Any, *, scalar: bool = False, name: str = "temperature") -> NDArray[np.float64]:
    """Return temperatures as a float64 array; 0 and infinity are allowed and mean the exact limits."""
    array = as_real(name, temperature, "pass a number >= 0").astype(np.float64)
    if scalar and array.ndim:
        raise ValueError(f"{name} must be one number here, got shape {array.shape}; pass a scalar >= 0")
    bad = ~(array >= 0)
    if bad.any():
        place = "" if array.ndim == 0 else f" at index {first_index(bad)}"
        remedy = "" if (array[bad] < 0).any() else "; pass a number >= 0"
        raise ValueError(f"{name} must be >= 0, got {array[bad][0]}{place}{remedy}")
    return np.asarray(array + 0.0)  # -0.0 becomes 0.0: divided by it, a score would change its sign


def as_counts(counts: Any, levels: int) -> NDArray[np.int64]:
    """Return occupation counts, shape (levels,), as int64.

    Raises
    ------
    TypeError
        If the counts are not numbers.
    ValueError
        If they are negative, not whole, not one per level, or sum to zero.
    """
    remedy = "pass the number of particles in each level"
    array = as_real("counts", counts, remedy).astype(np.float64)
    if array.shape != (levels,):
        raise ValueError(
            f"counts must hold one number for each of the {levels} logits, got shape {array.shape}; "
            "pass counts and logits of the same length, or of draws, one index each, "
            f"np.bincount(draws, minlength={levels})"
        )
    given = as_regular("counts", counts, remedy)
    bad = ~(array >= 0) | (array != np.floor(array)) | (array > 2**53)
    if given.dtype.kind in "iu":  # compared before float64 rounds them
        bad |= given > 2**53
    elif given.dtype.kind == "O":
        bad |= np.array([isinstance(number, Integral) and int(number) > 2**53 for number in given])
    if bad.any():
        if 0 < array[bad][0] < 1:
            remedy = "multiply shares by the number of particles"
        value = _plain(given[bad][0])
        raise ValueError(
            f"counts must be whole numbers from 0 to 2**53, got {value} at index {first_index(bad)}; {remedy}"
        )
    whole = array.astype(np.int64)
    total: Any = float(array.sum())
    if total < 2.0**60:
        total = int(whole.sum())  # exact, where floating point would take 2**53 + 1 for 2**53
    if not 0 < total <= 2**53:
        raise ValueError(f"counts must sum to between 1 and 2**53 particles, got {total}; draw some first")
    return whole


def as_count(name: str, value: Any, *, low: int = 1, high: int = 2**53) -> int:
    """Return a whole number in [low, high]; ``1e6`` is welcome, ``1.5`` and ``True`` are not."""
    remedy = f"pass a whole number from {low} to {high}"
    number = as_number(name, value, remedy, "a whole number")
    if isinstance(number, float) and not number.is_integer():
        raise ValueError(f"{name} must be a whole number, got {_short(value)}; {remedy}")
    whole = int(number)
    if not low <= whole <= high:
        raise ValueError(f"{name} must be from {low} to {high}, got {_short(whole)}; {remedy}")
    return whole


def as_positive(name: str, value: Any, *, high: float = np.inf) -> float:
    """Return a finite number above 0 and no higher than ``high``."""
    remedy = "pass a number > 0" if high == np.inf else f"pass a number in (0, {high:g}]"
    number = _nearest(as_number(name, value, remedy))
    if not 0 < number <= high or number == np.inf:
        limit = "> 0 and finite" if high == np.inf else f"in (0, {high:g}]"
        raise ValueError(f"{name} must be {limit}, got {_short(value)}; {remedy}")
    return number


def as_probability(name: str, value: Any) -> float:
    """Return a number strictly between 0 and 1."""
    remedy = "pass a number between 0 and 1, both excluded"
    number = _nearest(as_number(name, value, remedy))
    if not 0 < number < 1:
        raise ValueError(f"{name} must lie strictly between 0 and 1, got {_short(value)}; {remedy}")
    if number < LEAST_PROBABILITY:
        raise ValueError(f"{name} must be at least {LEAST_PROBABILITY}, got {_short(value)}; pass a larger one")
    return number


def as_path(name: str, value: Any) -> Path:
    """Return the path of a file; a number, which Python would take for an open file, is refused."""
    try:
        return Path(value)
    except TypeError:
        raise TypeError(
            f"{name} must be the path of a file, got {_short(value)}; pass a string or a pathlib.Path"
        ) from None


def generator(rng: RNG) -> np.random.Generator:
    """Return ``np.random.default_rng(rng)`` with an error that names the argument."""
    if isinstance(rng, (bool, np.bool_)):
        raise TypeError(f"rng must be a seed, a Generator or None, got {rng!r}; pass an integer >= 0")
    try:
        return np.random.default_rng(rng)
    except (TypeError, ValueError):
        kind = ValueError if isinstance(rng, (int, np.integer)) else TypeError
        raise kind(
            f"rng must be a seed >= 0, a numpy.random.Generator or None, got {_short(rng)}; pass an integer such as 0"
        ) from None


def _short(value: Any) -> str:
    try:
        text = " ".join(repr(value).split())
    except Exception:  # an integer of more digits than Python prints, an object whose repr fails
        return f"an object of type {type(value).__name__} that cannot be printed"
    return text if len(text) <= 60 else text[:57] + "..."


def _plain(value: Any) -> str:
    """Return a number of whatever type as it is written, without the name of its type."""
    return _short(value.item() if isinstance(value, np.generic) else value)


class Arrayed(Protocol):
    """An array, a tensor, a frame: whatever hands itself over to NumPy, as no text does."""

    def __array__(self) -> NDArray[Any]: ...


# What users may pass, for type checkers. numpy.typing.ArrayLike takes texts too, so that a misspelt option would pass.
Scalar = float | np.floating[Any] | np.integer[Any] | Fraction | Decimal
Reals = (
    Arrayed | Sequence[Scalar | Arrayed] | Sequence[Sequence[Scalar | Arrayed]] | Sequence[Sequence[Sequence[Scalar]]]
)
WholeNumber = SupportsIndex | float  # 10**6, 1e6, np.int64(10**6): see `as_count`
Row = Arrayed | Sequence[SupportsIndex | float]
Proposal = Literal["uniform", "neighbour"] | Arrayed | Sequence[Sequence[float] | Arrayed]
Start = Literal["ground", "uniform"] | Row
