"""Levels by their names: labels, tokens and tallies as people have them, turned into indices and counts.

A level is a number from 0 or, where names are given, what is called so. Nothing is guessed: whether numbers are counts,
draws or a tally of draws is said by the argument that they come in.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any, SupportsIndex

import numpy as np
from numpy.typing import NDArray

from .arguments import Arrayed, as_counts, as_indices, as_regular

__all__ = ["Names", "Tally", "Tokens", "as_draw_counts", "carried_names", "check_index", "level_names"]

Tokens = Arrayed | Sequence[SupportsIndex] | list[str] | tuple[str, ...]
Tally = Mapping[Any, SupportsIndex | float] | Arrayed


class Names:
    """The names of K levels, each with its index.

    Parameters
    ----------
    names : sequence of hashable
        A name for each level, in the order of the logits.
    argument : str
        The argument that they came in, for errors.
    """

    def __init__(self, names: Sequence[Hashable], argument: str) -> None:
        self.names, self.argument = list(names), argument
        self._index = {name: k for k, name in enumerate(self.names)}
        if len(self._index) < len(self.names):
            seen: set[Hashable] = set()
            twice = next(name for name in self.names if name in seen or seen.add(name))  # type: ignore[func-returns-value]
            raise ValueError(f"{argument} must differ, got {twice!r} twice; give every level a name of its own")

    def indices(self, values: Sequence[Any], name: str) -> NDArray[np.int64]:
        """Return the levels that values name, shape (n,)."""
        try:
            return np.fromiter((self._index[value] for value in values), np.int64, len(values))
        except (KeyError, TypeError):  # a list cannot be a name
            place = next(n for n, value in enumerate(values) if not self._knows(value))
            shown = ", ".join(map(repr, self.names[:4])) + (", ..." if len(self.names) > 4 else "")
            raise ValueError(
                f"{name} must be among the {self.argument} {shown}, got {values[place]!r} at index {place}; "
                f"leave it out, or pass {self.argument}=... with every level in the order of the columns"
            ) from None

    def _knows(self, value: Any) -> bool:
        return isinstance(value, Hashable) and value in self._index


def level_names(names: Any, levels: int, *, argument: str = "names", carrier: Any = None) -> Names | None:
    """Return the names of the levels, or None where they are numbered.

    Parameters
    ----------
    names : sequence of hashable or None
        What the user gave.
    levels : int
        How many levels there are.
    argument : str, optional
        The name of the argument.
    carrier : optional
        Logits that may carry names of their own, as the index of a pandas Series; used where none are given.

    Raises
    ------
    TypeError, ValueError
        If they are no row of names, not one for each level, or if two are alike.
    """
    if names is None:
        own = carried_names(carrier)
        return None if own is None else Names(own, argument)
    remedy = f"pass a list of {levels} {argument}, in the order of the logits"
    if isinstance(names, (str, bytes, Mapping)) or not isinstance(names, Iterable):
        raise TypeError(f"{argument} must be a row of names, got {names!r}; {remedy}")
    row = names.tolist() if hasattr(names, "tolist") else list(names)
    for one in row if isinstance(row, list) else [row]:
        if not isinstance(one, Hashable) or _is_missing(one):
            raise TypeError(f"{argument} must be names, got {one!r}; {remedy}")
    if not isinstance(row, list) or len(row) != levels:
        size = len(row) if isinstance(row, list) else 1
        raise ValueError(f"{argument} must name each of the {levels} levels, got {size}; {remedy}")
    return Names(row, argument)


def _is_missing(value: Any) -> bool:
    try:
        return value is None or bool(value != value)
    except TypeError:  # pandas.NA
        return True


def carried_names(row: Any) -> list[Any] | None:
    """Return the names that a row carries, as the index of a pandas Series, unless they only number the entries."""
    index = getattr(row, "index", None)
    if index is None or callable(index) or getattr(row, "ndim", 0) != 1:
        return None
    names = list(index)
    return None if names == list(range(len(names))) else names


def check_index(counts: Any, levels: int, names: Sequence[Any] | None) -> None:
    """Refuse counts whose index, as that of a pandas Series, is not in the order of the levels."""
    own = carried_names(counts)
    if own is not None and own != (list(range(levels)) if names is None else list(names)):
        raise ValueError(
            f"counts must have its index in the order of the levels, got {own[:6]}; pass counts.to_numpy() to go by "
            "the order, or to go by the index counts.reindex(names), in verify also tally=counts"
        )


def as_draw_counts(
    counts: Any, levels: int, *, tokens: Any = None, tally: Any = None, names: Names | None = None
) -> NDArray[np.int64]:
    """Return how often each level was drawn, from the one argument of three that says it.

    Parameters
    ----------
    counts : array_like, shape (K,), or None
        By level.
    levels : int
        K.
    tokens : array_like, shape (n,), or None
        The draws themselves.
    tally : mapping, Series, frame with a column "count", or None
        How often each level was drawn, by its name; what is not listed was never drawn.
    names : Names, optional
        What the levels are called; numbers from 0 by default.

    Raises
    ------
    TypeError, ValueError
        If not exactly one is given, or if it is of the wrong kind, shape or range.
    """
    given = [name for name, value in (("counts", counts), ("tokens", tokens), ("tally", tally)) if value is not None]
    if len(given) != 1:
        raise TypeError(
            f"counts, tokens and tally say one thing in three ways, got {' and '.join(given) or 'none of them'}; pass "
            "the draws of each level as counts, or the draws themselves as tokens=..., or a Counter as tally=..."
        )
    if tokens is not None:
        return as_counts(_count_tokens(tokens, levels, names), levels)
    if tally is not None:
        found, number = _entries(tally)
        where = _places(found, levels, names, "tally")
        if len(np.unique(where)) < len(where):
            twice = next(name for name in found if found.count(name) > 1)
            raise ValueError(f"tally must count each level once, got {twice!r} twice; add them up")
        checked = as_counts(number, len(number), name="tally")
        placed = np.zeros(levels, np.int64)
        placed[where] = checked
        return placed
    if isinstance(counts, Mapping):
        raise TypeError(
            f"counts must be one number for each level, in their order, got a {type(counts).__name__}; pass it as "
            "tally=..."
        )
    check_index(counts, levels, None if names is None else names.names)
    return as_counts(counts, levels, remedy="for draws, one index each, pass tokens=...")


def _count_tokens(tokens: Any, levels: int, names: Names | None) -> NDArray[np.int64]:
    if isinstance(tokens, (str, bytes)):
        raise TypeError(f"tokens must be a row of draws, got the text {tokens[:40]!r}; pass list(text) for its letters")
    if names is None:
        drawn = as_indices("tokens", tokens, "pass the draws as numbers of levels, or names=... of the levels")
        _one_row(drawn.shape)
        bad = (drawn < 0) | (drawn >= levels)
        if bad.any():
            raise ValueError(
                f"tokens must be from 0 to {levels - 1} for {levels} logits, got {drawn[bad][0]} at index "
                f"{int(bad.argmax())}; number the levels from 0, or pass names=..."
            )
    else:
        row = as_regular("tokens", tokens, "pass the draws, one name each")
        _one_row(row.shape)
        drawn = names.indices(row.tolist(), "tokens")
    return np.bincount(drawn, minlength=levels)


def _one_row(shape: tuple[int, ...]) -> None:
    if len(shape) != 1 or shape[0] == 0:
        raise ValueError(
            f"tokens must be one row of draws, got shape {shape}; pass tokens.ravel() if all come from the same logits"
        )


def _entries(tally: Any) -> tuple[list[Any], list[Any]]:
    """Return the levels that a tally lists, and how often each was drawn."""
    remedy = "pass a Counter, a dict, value_counts(), or dict(zip(tokens, counts))"
    if getattr(tally, "ndim", 1) == 1 and callable(getattr(tally, "items", None)):  # a mapping or a pandas Series
        pairs = list(tally.items())
        found, number = [name for name, _ in pairs], [count for _, count in pairs]
    else:
        columns = list(getattr(tally, "columns", ()))
        if len(columns) != 2 or columns.count("count") != 1:
            what = f"columns {columns}" if columns else f"a {type(tally).__name__}"
            raise TypeError(f"tally must say of each level how often it was drawn, got {what}; {remedy}")
        level = columns[1 - columns.index("count")]
        found, number = list(tally[level]), list(tally["count"])
    if not found:
        raise ValueError(f"tally must count at least one level, got an empty one; {remedy}")
    return found, number


def _places(found: list[Any], levels: int, names: Names | None, argument: str) -> NDArray[np.int64]:
    """Return the indices of levels that are listed by name or, without names, by number."""
    if names is not None:
        return names.indices(found, argument)
    try:
        where = as_indices(argument, found, "")
    except (TypeError, ValueError):
        wrong = next((name for name in found if not isinstance(name, (int, np.integer))), found[0])
        raise TypeError(
            f"{argument} must list levels by number, got {wrong!r}; pass names=... of the levels, in the order of the "
            "logits"
        ) from None
    bad = (where < 0) | (where >= levels)
    if bad.any():
        raise ValueError(
            f"{argument} must list levels from 0 to {levels - 1} for {levels} logits, got {where[bad][0]}; number the "
            "levels from 0, or pass names=..."
        )
    return where
