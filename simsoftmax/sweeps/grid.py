"""A grid: what varies, the cells that it makes, and a random stream for each.

A cell is known by its coordinates, their names and values, and by nothing else. So are its random numbers: a longer
grid, another order, one cell alone or any number of workers change no bit of it.
"""

from __future__ import annotations

import difflib
import hashlib
import inspect
import itertools
import json
import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np

from ..arguments import as_count

__all__ = ["Axis", "Cell", "as_axes", "cells", "check_call", "stream", "stream_of"]

Label = float | int | str | bool


class Axis(NamedTuple):
    """One thing that varies."""

    name: str
    labels: tuple[Label, ...]
    """What the dataset shows."""
    values: tuple[Any, ...]
    """What the function is given."""


class Cell(NamedTuple):
    """One point of a grid."""

    number: int
    coordinates: dict[str, Label]
    arguments: dict[str, Any]
    """The coordinates that the function takes, with the values behind their labels."""

    @property
    def place(self) -> str:
        """The coordinates, for messages."""
        return ", ".join(f"{name} = {label}" for name, label in self.coordinates.items())


def as_axes(grid: Any) -> list[Axis]:
    """Return the axes of a grid, in their order.

    Raises
    ------
    TypeError, ValueError
        If the grid is no mapping, or if an axis is empty, has a value twice, or values that cannot label a dimension.
    """
    if not isinstance(grid, Mapping):
        raise TypeError(
            f"grid must map names to values, got {type(grid).__name__}; pass a dict such as "
            '{"temperature": [0.5, 1.0], "replica": range(8)}'
        )
    return [_as_axis(name, values) for name, values in grid.items()]


def _as_axis(name: Any, values: Any) -> Axis:
    if not isinstance(name, str) or not name.isidentifier():
        raise ValueError(f"grid must have names such as 'temperature', got {name!r}; use letters, digits and _")
    where = f"grid[{name!r}]"
    if isinstance(values, (str, bytes)) or not isinstance(values, Iterable):
        raise TypeError(f"{where} must hold several values, got {values!r:.60}; pass a list, or name=value for one")
    labels = tuple(_plain(value) for value in values)
    given = tuple(values.values()) if isinstance(values, Mapping) else labels
    if not labels:
        raise ValueError(f"{where} must hold at least one value, got none; leave it out, or add a value")
    kinds = {_kind(label) for label in labels}
    if len(kinds) > 1 or None in kinds:
        odd = next((value for value in labels if _kind(value) is None), "numbers and words together")
        raise TypeError(
            f"{where} must hold numbers, or words, to label a dimension, got {odd!r:.60}; give each value a name, "
            f'{{"first": ..., "second": ...}}'
        )
    seen: set[str] = set()
    for label in labels:
        if _written(label) in seen:
            raise ValueError(
                f"{where} must hold each value once, got {label!r} twice, which would be the same run; for repeats "
                'add a dimension such as "replica": range(2)'
            )
        seen.add(_written(label))
    return Axis(name, labels, given)


def _plain(value: Any) -> Any:
    """Return a number of NumPy as Python's own, so that a list and an array make one grid."""
    return value.item() if isinstance(value, (np.generic, np.ndarray)) and not value.ndim else value


def _kind(label: Any) -> str | None:
    """Return what a label is, or None for what can be none."""
    if isinstance(label, (bool, str)):
        return type(label).__name__
    return "number" if isinstance(label, (int, float)) and not math.isnan(label) else None


def _written(label: Label) -> str:
    """Return a label as text that says all of it; 1, 1.0 and NumPy's one are one number."""
    if isinstance(label, (bool, str)):
        return f"{type(label).__name__} {label}"
    if isinstance(label, int) or label.is_integer():
        return f"number {int(label)}"
    return f"number {label.hex()}"


def stream(rng: int, coordinates: Mapping[str, Label]) -> np.random.Generator:
    """Return the random stream of one cell of `simsoftmax.sweep`, to run that cell by hand.

    Parameters
    ----------
    rng : int
        The seed of the sweep, which its dataset keeps as ``seed``.
    coordinates : dict
        Name and value of every dimension of the grid.

    Returns
    -------
    numpy.random.Generator
        PCG64, seeded by 128 bits of the SHA-256 of the seed and of the coordinates in the order of their names: so many
        that no two cells of any sweep will ever share a stream.

    Raises
    ------
    TypeError, ValueError
        If the seed is no whole number, or a coordinate no number and no word.

    See Also
    --------
    sweep : A grid of runs.

    Examples
    --------
    >>> from simsoftmax import simulate, sweep
    >>> grid = {"temperature": [0.5, 1.0], "replica": range(3)}
    >>> found = sweep(simulate, grid, logits=[2.0, 1.0, 0.1], particles=1000, rng=7)
    >>> alone = simulate([2.0, 1.0, 0.1], 0.5, particles=1000, rng=stream(7, {"temperature": 0.5, "replica": 2}))
    >>> bool((found.counts.sel(temperature=0.5, replica=2) == alone.counts).all())
    True
    """
    seed = as_count("rng", rng, low=0, high=2**128)
    if not isinstance(coordinates, Mapping):
        raise TypeError(f"coordinates must map names to values, got {coordinates!r:.60}; pass a dict")
    known = {str(name): _plain(label) for name, label in coordinates.items()}
    for name, label in known.items():
        if _kind(label) is None:
            raise TypeError(f"coordinates must be numbers or words, got {label!r:.60} for {name!r}; pass its label")
    return stream_of(seed, known)


def stream_of(seed: int, coordinates: Mapping[str, Label]) -> np.random.Generator:
    """Return the stream of `stream`, whose arguments were checked."""
    text = json.dumps([str(seed), sorted([name, _written(label)] for name, label in coordinates.items())])
    return np.random.Generator(np.random.PCG64(int.from_bytes(hashlib.sha256(text.encode()).digest()[:16])))


def cells(axes: list[Axis], taken: Callable[[str], bool]) -> list[Cell]:
    """Return all cells, the last axis fastest."""
    names = [axis.name for axis in axes]
    points = itertools.product(*(tuple(zip(axis.labels, axis.values, strict=True)) for axis in axes))
    return [
        Cell(
            number,
            {name: label for name, (label, _) in zip(names, point, strict=True)},
            {name: value for name, (_, value) in zip(names, point, strict=True) if taken(name)},
        )
        for number, point in enumerate(points)
    ]


def check_call(function: Callable[..., Any], axes: list[Axis], options: dict[str, Any]) -> Callable[[str], bool]:
    """Refuse a grid or options that a function cannot be called with; return whether it takes an argument of a name.

    Raises
    ------
    TypeError, ValueError
        If the function is none, lacks an argument, does not know an option, or has a name that is nearly one of the
        grid's; or if a grid repeats what would be the same each time.
    """
    if not callable(function):
        raise TypeError(f"function must be a function, got {function!r:.60}; pass one such as simsoftmax.simulate")
    name = getattr(function, "__name__", type(function).__name__)
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        raise TypeError(
            f"function must say what arguments it takes, got {name}; wrap it in a function of yours"
        ) from None
    kinds = {p.kind for p in signature.parameters.values()}
    anything = inspect.Parameter.VAR_KEYWORD in kinds
    named = {
        n
        for n, p in signature.parameters.items()
        if p.kind in (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    }

    def taken(argument: str) -> bool:
        return anything or argument in named

    for option in options:
        if not taken(option):
            raise TypeError(f"{option} is no argument of {name}, whose arguments are {', '.join(sorted(named))}")
    for axis in axes:
        if axis.name in options:
            raise ValueError(f"{axis.name} must stand in the grid or beside it, got both; leave one of them out")
        if axis.name == "rng":
            raise ValueError('grid must not hold "rng", for each cell has a stream of its own; add "replica": range(8)')
        if not taken(axis.name):
            close = difflib.get_close_matches(axis.name, named, 1, 0.8)
            if close:
                raise ValueError(f"grid must name arguments of {name}, got {axis.name!r}; did you mean {close[0]!r}?")
            if not taken("rng"):
                raise ValueError(
                    f"grid must name arguments of {name}, got {axis.name!r}, and without an argument rng every repeat "
                    "would be the same; let the function take rng"
                )
    given = {**options, **{axis.name: None for axis in axes if taken(axis.name)}}
    lacking = [
        n
        for n, p in signature.parameters.items()
        if p.default is p.empty and p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL) and n not in {*given, "rng"}
    ]
    if lacking:
        raise TypeError(
            f"{lacking[0]} must be given, for {name} needs it; pass {lacking[0]}=..., or put it in the grid"
        )
    return taken
