"""Cases, a row of scores and a label each, in the forms that people have them in.

The levels may run along any axis, labels may be numbers or names, one level each or shares of all (soft labels), and a
label may say that its row does not count. What leaves here is a table with a row for each case.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..arguments import (
    Reals,
    as_count,
    as_distribution,
    as_real,
    as_regular,
    as_weights,
    check_order,
    levels_last,
    one_label_a_row,
)
from ..levels import Names, level_names

__all__ = ["Cases", "Labels", "as_cases"]

Labels = Reals | list[str] | tuple[str, ...]


class Cases(NamedTuple):
    """A table of cases."""

    scores: Any
    """Shape (n, K), or (n,) for events; a `dask.array` stays one."""
    labels: NDArray[Any]
    """Of integers, shape (n,): each row's level, its likeliest where labels are soft, 0 in rows that do not count."""
    soft: NDArray[np.float64] | None
    """Shape (n, K), with sum 1 in every row, where labels are soft."""
    weights: NDArray[np.float64] | None
    """Shape (n,), where rows do not count alike."""


def as_cases(
    name: str,
    scores: Any,
    labels: Any,
    weights: Any = None,
    *,
    classes: Sequence[Hashable] | None = None,
    ignore_index: Any = None,
    axis: int = -1,
    events: bool = False,
    soft: bool = True,
) -> Cases:
    """Return scores and labels as a table.

    Parameters
    ----------
    name : str
        What the scores are called: "logits" or "probabilities".
    scores : array_like, shape (..., K, ...)
        With ``events``, those of shape (n,) stand for an event each.
    labels : array_like, shape (...) or (..., K, ...)
        One level a row, or with ``soft`` a share for each level.
    weights : array_like, shape (...), optional
    classes : sequence of hashable, optional
        The names that labels call the levels by, in the order of the scores; numbers from 0 by default.
    ignore_index : optional
        The label of rows that do not count.
    axis : int, optional
        The axis of the scores, and of soft labels, that runs over the levels.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong kind or shape. Whether scores and labels are in range is the caller's to see.
    """
    dask = type(scores).__module__.partition(".")[0] == "dask"
    table: Any = scores if dask else as_real(name, scores, "pass one score per row and level")
    given = table.shape
    events = events and table.ndim == 1
    if (table.ndim < 2 and not events) or 0 in given:
        raise ValueError(
            f"{name} must have shape (rows, levels) with at least one of each, got shape {given}; "
            "pass one row of scores for every label"
        )
    if dask:
        if table.dtype.kind not in "fiu":
            raise TypeError(f"{name} must be real numbers, got dtype {table.dtype}; pass one score per row and level")
        if any(math.isnan(size) for size in given):
            raise ValueError(f"{name} must have known chunk sizes; call {name}.compute_chunk_sizes() first")
    if not events:
        table = levels_last(name, table, axis)
    elif axis not in (-1, 0) or isinstance(axis, bool):
        raise ValueError(f"axis must be -1 for probabilities of an event, got {axis!r}; leave it out")
    shape, levels = (given, 2) if events else (table.shape[:-1], table.shape[-1])
    if not events:
        table = table if table.ndim == 2 else table.reshape(-1, levels)
    names = level_names(classes, levels, argument="classes")
    order = None if names is None else names.names
    check_order(name, scores, order)
    w = None if weights is None else as_weights(weights, shape)

    y = as_regular("labels", labels, "pass level indices")
    if not events and levels > 1 and y.shape == given:
        if not soft:
            raise ValueError(
                f"labels must be one level for each row of {name} here, got shape {y.shape}; shares of several levels "
                "have a meaning in fit_temperature, negative_log_likelihood and brier_score: for others pass "
                "labels.argmax(axis=1), or draw a label from each row"
            )
        if ignore_index is not None:
            raise ValueError(
                f"ignore_index must be left out with soft labels, got {ignore_index!r}; give rows that do not count "
                "weight 0"
            )
        check_order("labels", labels, order)
        shares = _shares(y, axis, levels, w)
        return Cases(table, shares.argmax(axis=1), shares, w)

    if y.shape != shape:
        raise ValueError(_of_shape(y, shape, name, given, axis))
    y = y.reshape(-1)
    out = np.zeros(len(y), bool) if w is None else w == 0
    if ignore_index is not None:
        ignored = _ignored(y, ignore_index, names)
        out |= ignored
        if out.all():
            raise ValueError(f"ignore_index must leave at least one row, got {ignore_index!r} throughout")
        w = np.where(ignored, 0.0, 1.0 if w is None else w)
    if names is not None:
        values = [names.names[0] if nothing else value for value, nothing in zip(y.tolist(), out.tolist(), strict=True)]
        y = names.indices(values, "labels")
    else:
        y = one_label_a_row(y, len(y), levels)
    return Cases(table, np.where(out, 0, y) if out.any() else y, None, w)


def _shares(y: NDArray[Any], axis: int, levels: int, weights: NDArray[np.float64] | None) -> NDArray[np.float64]:
    """Return soft labels as a table; a row of weight 0 may hold anything."""
    q = np.moveaxis(y.astype(np.float64) if y.dtype.kind == "b" else y, axis, -1).reshape(-1, levels)
    if weights is not None and not weights.all():
        q = np.where(weights[:, None] > 0, q, 1 / levels)
    return as_distribution("labels", q)


def _of_shape(y: NDArray[Any], shape: tuple[int, ...], name: str, given: tuple[int, ...], axis: int) -> str:
    """Return what is wrong with the shape of labels."""
    remedy = "pass labels.ravel()" if y.shape == (*shape, 1) else "pass one level index per row"
    if len(shape) == 1 and axis in (-1, len(given) - 1):
        return f"labels must hold one level for each of the {shape[0]} rows of {name}, got shape {y.shape}; {remedy}"
    return (
        f"labels must have shape {shape} for {name} of shape {given} with axis={axis}, got shape {y.shape}; {remedy}, "
        "or axis=... for the axis that runs over the levels"
    )


def _ignored(y: NDArray[Any], ignore_index: Any, names: Names | None) -> NDArray[np.bool_]:
    """Return which labels say that their rows do not count."""
    if names is None:
        whole = as_count("ignore_index", ignore_index, low=-(2**53))
        if y.dtype.kind in "iu":
            return np.asarray(y == whole)
        ignore_index = whole
    elif not isinstance(ignore_index, Hashable):
        raise TypeError(f"ignore_index must be a label, got {ignore_index!r}; pass the name of rows that do not count")
    return np.fromiter((value == ignore_index for value in y.tolist()), bool, len(y))
