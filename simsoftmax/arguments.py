"""Checks of arguments, shared by the whole package.

Each check runs before any work, and its error names the argument, the value and the remedy.
"""

from __future__ import annotations

import math
import operator
import os
from collections.abc import Iterable, Sequence
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
    "as_distribution",
    "as_indices",
    "as_labels",
    "as_logits",
    "as_names",
    "as_path",
    "as_positive",
    "as_probabilities",
    "as_probability",
    "as_temperature",
    "as_threads",
    "as_vector_logits",
    "as_weights",
    "check_labels",
    "check_order",
    "first_index",
    "generator",
    "one_for_each",
    "one_label_a_row",
    "sums_to_one",
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
    """Return ``value`` as an array of whatever it holds; masked entries and rows of unequal length are refused.

    Memory is shared with ``value`` where it is of numbers that lie in this machine's memory: arrays and tensors of any
    library, columns of frames without missing entries. What lies on a device is copied, if its library does so.
    """
    if np.ma.is_masked(value):
        raise ValueError(f"{name} must have no masked entries, got {_short(value)}; fill them first, or leave them out")
    try:
        if hasattr(value, "detach") and hasattr(value, "cpu"):  # a tensor of PyTorch, perhaps part of a graph
            value = value.detach().cpu()
            if "bfloat16" in str(value.dtype) or "float8" in str(value.dtype):
                value = value.float()  # NumPy has no such types, and float32 holds them all
        elif hasattr(value, "__dlpack__") and not isinstance(value, np.ndarray):
            return _over_dlpack(value)
        return np.asarray(value)
    except ValueError:
        raise ValueError(f"{name} must be a regular array of numbers, got rows of unequal length; {remedy}") from None
    except Exception as error:
        if hasattr(value, "__dlpack_device__") and not isinstance(value, np.ndarray):
            remedy = f"copy it to the memory of this machine first, or {remedy}"
        raise TypeError(
            f"{name} must be readable as a NumPy array, got {type(value).__name__} ({_short(error)}); {remedy}"
        ) from None


def _over_dlpack(value: Any) -> NDArray[Any]:
    """Return an array of a library that speaks DLPack; of what it cannot say, types and devices, by other ways."""
    if hasattr(value, "__array__"):
        try:
            return np.asarray(value)
        except Exception:
            if value.__dlpack_device__()[0] == 1:
                raise
    elif value.__dlpack_device__()[0] == 1:
        return np.from_dlpack(value)
    return np.from_dlpack(_OnHost(value))


class _OnHost:
    """An array of a device, copied to the memory of this machine; NumPy 2.0 does not ask for that itself."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __dlpack_device__(self) -> tuple[int, int]:
        return 1, 0

    def __dlpack__(self, **options: Any) -> Any:
        return self.value.__dlpack__(**options | {"dl_device": self.__dlpack_device__()})


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


def as_counts(counts: Any, levels: int, *, name: str = "counts", remedy: str | None = None) -> NDArray[np.int64]:
    """Return occupation counts, shape (levels,), as int64.

    ``name`` is the argument that they came in, and ``remedy`` what to do with draws in their place.

    Raises
    ------
    TypeError
        If the counts are not numbers.
    ValueError
        If they are negative, not whole, not one per level, or sum to zero.
    """
    of_draws = remedy or f"for draws, one index each, np.bincount(draws, minlength={levels})"
    remedy = "pass the number of particles in each level"
    array = as_real(name, counts, remedy).astype(np.float64)
    if array.shape != (levels,):
        raise ValueError(
            f"{name} must hold one number for each of the {levels} logits, got shape {array.shape}; "
            f"pass counts and logits of the same length, or {of_draws}"
        )
    given = as_regular(name, counts, remedy)
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
            f"{name} must be whole numbers from 0 to 2**53, got {value} at index {first_index(bad)}; {remedy}"
        )
    whole = array.astype(np.int64)
    total: Any = float(array.sum())
    if total < 2.0**60:
        total = int(whole.sum())  # exact, where floating point would take 2**53 + 1 for 2**53
    if not 0 < total <= 2**53:
        raise ValueError(f"{name} must sum to between 1 and 2**53 particles, got {total}; draw some first")
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


def as_threads(threads: Any) -> int:
    """Return how many threads to use: by default as many as there are processors that this process may use."""
    if threads is not None:
        return as_count("threads", threads, high=4096)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


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


def as_names(name: str, value: Any) -> list[str]:
    """Return a row of names as a list of str; numbers become text, and None is no name at all."""
    remedy = "pass a list of names"
    if value is None:
        return []
    if isinstance(value, (str, bytes, dict)) or not isinstance(value, Iterable):
        raise TypeError(f"{name} must be a row of names, got {value!r}; {remedy}")
    names = list(value)
    for one in names:
        if not isinstance(one, (str, int, float, np.number)):
            raise TypeError(f"{name} must be text, got {one!r}; {remedy}")
    return [str(one) for one in names]


def one_for_each(things: str, count: int, names: list[str], remedy: str) -> None:
    """Refuse names that are not one for each of so many things, such as levels."""
    if len(names) != count:
        raise ValueError(f"names must name each of the {count} {things}, got {len(names)} names; {remedy}")


# How far from 1 a sum may be. Probabilities are often stated in single precision, or in a few digits, so that theirs
# misses 1 by little; half precision is coarser still. Whoever computes with them divides by it.
_STATED, _STATED_IN_HALF = 1e-3, 0.03
# What is asked for exactly: frequencies that were counted, and moves that are drawn by them.
_COUNTED = 1e-9


def sums_to_one(array: NDArray[Any], *, given: Any = np.float64, counted: bool = False) -> NDArray[np.bool_]:
    """Return for each row whether it sums to 1, as far as can be asked.

    Parameters
    ----------
    array : ndarray, shape (..., K)
    given : dtype, optional
        The type in which the numbers came.
    counted : bool, optional
        Whether they are frequencies or chances of moves, which are exact but for the rounding of their type.
    """
    allowed = max(_COUNTED, 8 * float(np.finfo(given).eps)) if counted else slack(given)
    return np.asarray(abs(array.sum(axis=-1, dtype=np.float64) - 1) <= allowed)


def slack(given: Any) -> float:
    """Return by how much probabilities of a type may exceed 1, one by one or in sum: what rounding does to them."""
    return _STATED_IN_HALF if given == np.float16 else _STATED


def as_distribution(name: str, value: Any, levels: int | None = None, *, counted: bool = False) -> NDArray[np.float64]:
    """Return distributions over the last axis as float64.

    Stated ones are divided by their sums; counted ones (`sums_to_one`) are returned as they are. With ``levels``, one
    distribution over so many levels is asked for.
    """
    given = as_real(name, value, "pass one probability per level")
    array = given.astype(np.float64)
    if array.ndim == 0 or array.shape[-1] == 0:
        raise ValueError(f"{name} must hold one probability per level, got shape {array.shape}; pass probabilities")
    if levels is not None and array.shape != (levels,):
        raise ValueError(
            f"{name} must hold one probability for each of the {levels} logits, got shape {array.shape}; "
            "pass one number per level"
        )
    bad = ~((array >= 0) & (array < np.inf))
    if bad.any():
        raise ValueError(f"{name} must be >= 0, got {array[bad][0]} at index {first_index(bad)}; pass probabilities")
    off = ~sums_to_one(array, given=given.dtype, counted=counted)
    total = array.sum(axis=-1, keepdims=True)
    if off.any():
        raise ValueError(f"{name} must sum to 1, got {total[off][0, 0]:.12g}; divide it by its sum")
    return array if counted else np.asarray(array / total)


def as_probabilities(probabilities: Any, axis: int = -1, *, events: bool = False) -> NDArray[Any]:
    """Return checked probabilities as a float array; those of events stand each for itself and have no sum."""
    p = as_real("probabilities", probabilities, "pass softmax(logits)")
    if p.ndim == 0 or p.size == 0:
        raise ValueError(f"probabilities must hold at least one row, got shape {p.shape}; pass softmax(logits)")
    bad = ~((p >= 0) & (p <= 1 + slack(p.dtype)))
    if bad.any():
        remedy = "pass probabilities of the event" if events else "pass softmax(logits)"
        raise ValueError(
            f"probabilities must lie between 0 and 1, got {p[bad][0]} at index {first_index(bad)}; {remedy}"
        )
    if events:
        return p
    table = levels_last("probabilities", p, axis)
    bad = ~sums_to_one(table, given=p.dtype)
    if bad.any():
        where = f" in row {first_index(bad)}" if bad.ndim else ""
        remedy = "pass softmax(logits)"
        if table.ndim == 2 and table.shape[1] == 1:
            remedy = "for probabilities of an event pass the column alone, p[:, 0]"
        raise ValueError(
            f"probabilities must sum to 1, got {table.sum(axis=-1, dtype=np.float64)[bad][0]:g}{where}; {remedy}"
        )
    return p


def check_order(name: str, table: Any, classes: Sequence[Any] | None = None) -> None:
    """Refuse a frame whose columns are the classes in another order: columns are read by position.

    Without ``classes``, they are the numbers of the columns.
    """
    columns = getattr(table, "columns", None)
    if columns is None or getattr(table, "ndim", 2) != 2:
        return
    given, wanted = list(columns), list(range(len(columns)) if classes is None else classes)
    if given != wanted and len(given) == len(wanted) and set(given) == set(wanted):
        raise ValueError(
            f"{name} must have its columns in the order of the classes, got {given[:6]}; pass {name}[{wanted[:6]}]"
        )


def as_weights(weights: Any, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Return weights of rows, one for each place of a shape, as one row of float64.

    Their unit is one in which neither they nor their squares leave its range.
    """
    w = as_regular("weights", weights, "pass one weight per row")
    if w.dtype.kind != "b":  # a mask says which rows count
        w = as_real("weights", weights, "pass one weight per row")
    w = w.astype(np.float64, copy=False)
    if w.shape != shape:
        places = f"each of the {shape[0]} rows" if len(shape) == 1 else f"each row, in the shape {shape} of the labels"
        raise ValueError(f"weights must hold one number for {places}, got shape {w.shape}; pass one weight per row")
    w = w.reshape(-1)
    bad = ~((w >= 0) & (w < np.inf))
    if bad.any():
        raise ValueError(
            f"weights must be finite and >= 0, got {w[bad][0]} at index {first_index(bad)}; use 0 to leave a row out"
        )
    if not w.any():
        raise ValueError("weights must not all be zero; give at least one row a positive weight")
    largest = float(w.max())
    if not 1e-100 < largest < 1e100:  # by a power of two, which is exact
        w = np.ldexp(w, -math.frexp(largest)[1])
    return w


def as_labels(labels: Any, rows: int, levels: int, weights: NDArray[np.float64] | None = None) -> NDArray[Any]:
    """Return labels as an array of integers from 0 to ``levels`` - 1, one for each row; 0 where the weight is 0."""
    y = one_label_a_row(labels, rows, levels)
    check_labels(y, levels, weights)
    return y if weights is None else np.where(weights > 0, y, 0)


def one_label_a_row(labels: Any, rows: int, levels: int) -> NDArray[Any]:
    """Return labels as an array of integers, one for each row; whether they are in range is `check_labels`'s."""
    y = _whole("labels", labels, "pass level indices")
    if y.shape != (rows,):
        remedy = "pass labels.ravel()" if y.shape == (rows, 1) else "pass one level index per row"
        raise ValueError(f"labels must hold one level for each of the {rows} rows, got shape {y.shape}; {remedy}")
    if y.dtype.kind == "b":
        y = y.astype(np.int64)
    if y.dtype.kind not in "iu":
        remedy = "pass level indices"
        if y.dtype.kind in "UTO":
            remedy += ", or labels by name with classes=..., in the order of the columns"
        raise TypeError(f"labels must be integers from 0 to {levels - 1}, got dtype {y.dtype}; {remedy}")
    return y


def as_indices(name: str, value: Any, remedy: str) -> NDArray[np.int64]:
    """Return whole numbers of any shape as int64; whether they are in range is the caller's."""
    y = _whole(name, value, remedy)
    if y.dtype.kind not in "iu":
        raise TypeError(f"{name} must be whole numbers, got dtype {y.dtype} ({_short(value)}); {remedy}")
    if y.dtype == np.uint64 and (y > 2**63 - 1).any():
        raise ValueError(f"{name} must be below 2**63, got {y.max()}; {remedy}")
    return np.ascontiguousarray(y, np.int64).reshape(y.shape)


def _whole(name: str, value: Any, remedy: str) -> NDArray[Any]:
    """Return an array, of integers where it holds Python's own; what else it holds is the caller's to refuse."""
    y = as_regular(name, value, remedy)
    if y.dtype.kind == "O" and all(isinstance(item, Integral) and abs(int(item)) < 2**63 for item in y.ravel()):
        return y.astype(np.int64)
    return y


def check_labels(y: NDArray[Any], levels: int, weights: NDArray[np.float64] | None = None) -> None:
    """Refuse labels out of range, but where a row weighs nothing."""
    low, high = int(y.min()), int(y.max())
    if low < 0 or high >= levels:
        bad = (y < 0) | (y >= levels)
        if weights is not None and weights.size:
            bad &= weights > 0
        if not bad.any():
            return
        wrong = int(y[bad][0])
        remedy = "number the levels from 0"
        if wrong == -100:
            remedy = "-100 marks rows to be ignored: pass ignore_index=-100, or leave them out"
        elif levels == 1:
            remedy = "for a single column of scores of an event pass np.column_stack([np.zeros(n), scores])"
        raise ValueError(
            f"labels must be from 0 to {levels - 1} for logits with {levels} levels, got {wrong} at index "
            f"{first_index(bad)}; {remedy}"
        )


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


def seed_of(rng: RNG) -> int | None:
    """Return the seed, where one was given and not a generator that may have been used before."""
    return int(rng) if isinstance(rng, (int, np.integer)) else None


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
