"""Traits of live figures: they take what people have at hand, and refuse the rest by name.

NumPy's numbers, arrays, Series and ranges come in as plain Python, which travels as JSON. Whatever is refused, in a
constructor, by an assignment or in the state that a page sends back, raises an error that is a TraitError as well: only
then does traitlets put the old value back.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import traitlets
from numpy.typing import ArrayLike

from ..arguments import as_count, as_names, as_real

__all__ = [
    "Choice",
    "Flag",
    "Names",
    "Number",
    "Numbers",
    "Table",
    "Whole",
    "Wholes",
    "as_row",
    "encode",
    "validate",
]


class _BadValue(traitlets.TraitError, ValueError):
    """A value that a figure cannot show."""


class _BadType(traitlets.TraitError, TypeError):
    """Something that is no such value at all."""


@contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except traitlets.TraitError:
        raise
    except TypeError as error:
        raise _BadType(*error.args) from None
    except (ValueError, OverflowError) as error:
        raise _BadValue(*error.args) from None


def validate(*names: str) -> Callable[[Callable[[Any, Any], Any]], Any]:
    """Register a check of traits, as `traitlets.validate` does; a trait is left as it was when the check fails."""

    def register(check: Callable[[Any, Any], Any]) -> Any:
        @functools.wraps(check)
        def guarded(figure: Any, proposal: Any) -> Any:
            with _refusals():
                return check(figure, proposal)

        return traitlets.validate(*names)(guarded)

    return register


def encode(value: Any, _owner: Any = None) -> Any:
    """Return a number as JSON can carry it: infinities as text."""
    return "inf" if value == np.inf else "-inf" if value == -np.inf else value


def _decode(value: Any, _owner: Any = None) -> Any:
    return float(value) if isinstance(value, str) and value in ("inf", "-inf") else value


class Number(traitlets.Float):  # type: ignore[type-arg]
    """One real number, also NumPy's; infinities travel as text."""

    def __init__(self, *given: Any, **options: Any) -> None:
        super().__init__(*given, **options)
        self.tag(sync=True, to_json=encode, from_json=_decode)

    def validate(self, obj: Any, value: Any) -> Any:
        """Return the number as a float."""
        with _refusals():
            array = as_real(str(self.name), value, "pass one number")
            if array.ndim or np.isnan(array):
                raise ValueError(f"{self.name} must be one number, got {value!r}; pass a scalar")
            return float(array)


class Whole(traitlets.Int):  # type: ignore[type-arg]
    """A whole number, also NumPy's or one such as 1e6."""

    def validate(self, obj: Any, value: Any) -> Any:
        """Return the number as an int; the figure's own check knows its limits."""
        with _refusals():
            return as_count(str(self.name), value, low=-(2**53))


class Flag(traitlets.Bool):  # type: ignore[type-arg]
    """Yes or no, also NumPy's."""

    def validate(self, obj: Any, value: Any) -> Any:
        """Return the answer as a bool."""
        with _refusals():
            if not isinstance(value, (bool, np.bool_)):
                raise TypeError(f"{self.name} must be True or False, got {value!r}; pass one of the two")
            return bool(value)


class _Row(traitlets.List):  # type: ignore[type-arg]
    """A row of values: a list, an array, a Series, a range."""

    _item: type[traitlets.TraitType[Any, Any]]

    def __init__(self, *given: Any, **options: Any) -> None:
        super().__init__(self._item(), *given, **options)
        self.tag(sync=True)

    def validate(self, obj: Any, value: Any) -> Any:
        """Return the row as a list of plain values."""
        with _refusals():
            return self._row(list(value) if isinstance(value, range) else value)

    def _row(self, value: Any) -> list[Any]:
        raise NotImplementedError


class Numbers(_Row):
    """A row of real numbers."""

    _item = traitlets.Float

    def __init__(self, *given: Any, **options: Any) -> None:
        super().__init__(*given, **options)
        self.tag(
            to_json=lambda values, _owner: [encode(value) for value in values],
            from_json=lambda values, _owner: [_decode(v) for v in values] if isinstance(values, list) else values,
        )

    def _row(self, value: Any) -> list[float]:
        row = as_real(str(self.name), value, "pass a row of numbers")
        if row.ndim != 1 or np.isnan(row).any():
            got = f"shape {row.shape}" if row.ndim != 1 else "NaN"
            raise ValueError(f"{self.name} must be a row of numbers, got {got}; pass one number for each")
        return [float(number) for number in row]


class Wholes(_Row):
    """A row of whole numbers."""

    _item = traitlets.Int

    def _row(self, value: Any) -> list[int]:
        remedy = "pass one whole number for each"
        row = as_real(str(self.name), value, remedy).astype(np.float64)
        if row.ndim != 1 or not (row == np.floor(row)).all() or (np.abs(row) > 2**53).any():
            raise ValueError(f"{self.name} must be a row of whole numbers, got {row}; {remedy}")
        return [int(number) for number in row]


class Table(traitlets.List):  # type: ignore[type-arg]
    """Rows of finite numbers, all of one length; none is a table too."""

    def __init__(self, columns: int, **options: Any) -> None:
        super().__init__(**options)
        self.columns = columns
        self.tag(sync=True)

    def validate(self, obj: Any, value: Any) -> Any:
        """Return the table as a list of lists of floats."""
        with _refusals():
            remedy = f"pass rows of {self.columns} numbers"
            table = as_real(str(self.name), list(value) if isinstance(value, range) else value, remedy)
            if table.size and (table.ndim != 2 or table.shape[1] != self.columns):
                raise ValueError(f"{self.name} must have {self.columns} columns, got shape {table.shape}; {remedy}")
            if not np.isfinite(table).all():
                raise ValueError(f"{self.name} must hold finite numbers, got NaN or infinity; {remedy}")
            return table.astype(np.float64).reshape(-1, self.columns).tolist()


class Names(_Row):
    """A row of names; numbers become text."""

    _item = traitlets.Unicode

    def _row(self, value: Any) -> list[str]:
        return as_names(str(self.name), value)


class Choice(traitlets.Enum):  # type: ignore[type-arg]
    """One of a few words."""

    def validate(self, obj: Any, value: Any) -> Any:
        """Return the word."""
        with _refusals():
            words = list(self.values or ())
            if not isinstance(value, str) or value not in words:
                choices = " or ".join(map(repr, words))
                raise ValueError(f"{self.name} must be {choices}, got {value!r}; pass one of them")
            return str(value)


def as_row(name: str, values: ArrayLike, length: int | None = None) -> list[float]:
    """Return a row of finite numbers, as many as asked for, as a list of floats."""
    row = as_real(name, values, "pass one number for each").astype(np.float64)
    if row.ndim != 1 or row.size == 0 or not np.isfinite(row).all() or (length is not None and row.size != length):
        wanted = "one finite number or more" if length is None else f"{length} finite numbers"
        raise ValueError(f"{name} must be a row of {wanted}, got shape {row.shape}; pass one number for each")
    return [float(value) for value in row]
