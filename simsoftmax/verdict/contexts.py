"""Draws and the logits that each was made from, read once and in blocks of rows.

The logits are an array, a memory-mapped file, a `dask.array`, or blocks that come one after the other: a vocabulary of
128,000 tokens at 100,000 contexts lies in no memory. The draws, a number each, do.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..arguments import Reals, Row, as_indices, as_real
from ..kernels.compiler import compiled
from ..kernels.residuals import chain
from ..sampling import row_blocks

__all__ = ["Chunk", "Context", "Contexts", "as_contexts", "as_rows"]

_REMEDY = "pass one row of scores a context"


class Context(NamedTuple):
    """A few rows of logits and what was drawn from each of them."""

    start: int
    """The number of the first row."""
    logits: NDArray[Any]
    """float32 or float64, shape (b, K), C-contiguous."""
    draws: NDArray[np.int64]
    """Shape (b, m), from 0 to K - 1."""
    links: NDArray[np.uint64]
    """Shape (b,): random bits for each row, a hash of all draws up to its own."""


class Chunk(NamedTuple):
    """Rows of a `dask.array`, where they are."""

    start: int
    stop: int
    rows: Any
    """Delayed, shape (stop - start, K)."""


class Contexts:
    """All rows and all draws, to be read once."""

    def __init__(self, logits: Any, draws: NDArray[np.int64], progress: bool) -> None:
        self._logits, self._progress = logits, progress
        self.draws = draws
        """Shape (n, m)."""

    @cached_property
    def links(self) -> NDArray[np.uint64]:
        """Random bits for each row, shape (n,): a hash of all draws up to its own, so the same draws give the same."""
        links = np.empty(self.rows, np.uint64)
        compiled(chain)(np.ascontiguousarray(self.draws), links)
        return links

    @property
    def rows(self) -> int:
        """How many rows of logits there are."""
        return len(self.draws)

    def blocks(self) -> Iterator[Context]:
        """Yield all rows, in their order, in blocks that a kernel can read.

        Raises
        ------
        TypeError, ValueError
            If a block that was not there before is refused, if a token is out of range, or if there are more or fewer
            rows than draws.
        """
        start, levels = 0, 0
        with self.bar() as bar:
            for table in _tables(self._logits):
                levels = levels or table.shape[1]
                if table.shape[1] != levels:
                    raise ValueError(
                        f"logits must have one number of levels throughout, got {table.shape[1]} after {levels}, in "
                        f"the block that begins with row {start}; mark levels that are not there with -inf"
                    )
                if start + len(table) > self.rows:
                    raise ValueError(
                        f"draws must hold one row for each row of logits, got {self.rows} for {start + len(table)} or "
                        "more; pass all draws, or fewer logits"
                    )
                _check_range(self.draws[start : start + len(table)], levels, start)
                for begin, end, block in row_blocks(table):
                    own = slice(start + begin, start + end)
                    yield Context(own.start, block, self.draws[own], self.links[own])
                    bar.update(end - begin)
                start += len(table)
        if start < self.rows:
            raise ValueError(
                f"draws must hold one row for each row of logits, got {self.rows} for {start}; pass all logits, or "
                "fewer draws"
            )

    def chunks(self) -> list[Chunk]:
        """Return the chunks of a `dask.array`, in their order; of other logits none."""
        if not hasattr(self._logits, "to_delayed"):
            return []
        whole = self._logits.rechunk({1: -1})
        ends = np.cumsum(whole.chunks[0]).tolist()
        return [Chunk(*place) for place in zip([0, *ends[:-1]], ends, whole.to_delayed().ravel(), strict=True)]

    def head(self, rows: int) -> NDArray[Any]:
        """Return the first rows of a `dask.array`."""
        return as_real("logits", self._logits[:rows].compute(), _REMEDY)

    def bar(self) -> Any:
        """Return a progress bar that counts rows."""
        from tqdm.auto import tqdm

        return tqdm(total=self.rows, desc="rows", unit="row", unit_scale=True, leave=False, disable=not self._progress)


def as_contexts(draws: Row | Reals, logits: Reals | Iterable[Reals], *, progress: bool = False) -> Contexts:
    """Check draws and logits, and return them to be read in blocks.

    Parameters
    ----------
    draws : array_like of int, shape (n,) or (n, m)
        The tokens that were drawn, one or m of each row; with a single row of logits, shape (m,).
    logits : array_like, shape (K,) or (n, K); dask.array; or iterable of array_like, shape (b, K)
        Blocks from an iterable are read once, and checked when they come.
    progress : bool, optional
        Whether to show a bar.

    Raises
    ------
    TypeError, ValueError
        If draws or logits are of the wrong kind, shape or range.
    """
    y = given = as_indices("draws", draws, "pass the tokens that were drawn, as whole numbers from 0")
    if y.ndim > 2 or y.size == 0:
        raise ValueError(
            f"draws must have shape (n,) or (n, m) with at least one draw, got {y.shape}; pass one row of draws for "
            "each row of logits"
        )
    source = _checked(logits)
    one_row = getattr(source, "ndim", 2) == 1
    source = source[None, :] if one_row else source
    y = y if y.ndim == 2 else y.reshape((1, -1) if one_row else (-1, 1))
    shape = getattr(source, "shape", None)
    if shape is not None:
        if len(y) != shape[0]:
            raise ValueError(
                f"draws must hold one row for each of the {shape[0]} rows of logits, got shape {given.shape}; pass "
                "one draw, or one row of draws, for each"
            )
        _check_range(y, shape[1], 0)
    return Contexts(source, y, bool(progress))


def as_rows(logits: Reals) -> Contexts:
    """Check logits from which nothing was drawn yet; the draws are zeros."""
    source = _checked(logits)
    if not hasattr(source, "shape"):
        raise TypeError(f"logits must be an array here, got {type(logits).__name__}; {_REMEDY}")
    source = source[None, :] if source.ndim == 1 else source
    return Contexts(source, np.zeros((source.shape[0], 1), np.int64), False)


def _checked(logits: Any) -> Any:
    """Return logits as an array, a dask array, or something that yields blocks of rows."""
    if type(logits).__module__.partition(".")[0] == "dask":
        _check_dask(logits)
    elif _comes_in_blocks(logits):
        return logits
    else:
        logits = as_real("logits", logits, _REMEDY)
    if logits.ndim not in (1, 2) or 0 in logits.shape:
        raise ValueError(f"logits must have shape (K,) or (n, K), got {logits.shape}; {_REMEDY}")
    return logits


def _comes_in_blocks(logits: Any) -> bool:
    """Return whether logits are blocks of rows: whatever can be gone through and is neither an array nor a sequence.

    A list of two-dimensional arrays is meant so too.
    """
    if hasattr(logits, "__array__") or hasattr(logits, "__dlpack__"):
        return False
    if isinstance(logits, (list, tuple)):
        return len(logits) > 0 and getattr(logits[0], "ndim", 0) == 2
    return isinstance(logits, Iterable) and not isinstance(logits, (str, bytes))


def _tables(logits: Any) -> Iterator[NDArray[Any]]:
    """Yield tables of logits, one after the other."""
    if isinstance(logits, np.ndarray):
        yield logits
    elif hasattr(logits, "to_delayed"):
        dask: Any = importlib.import_module("dask")
        for chunk in logits.rechunk({1: -1}).to_delayed().ravel():
            yield as_real("logits", dask.compute(chunk)[0], _REMEDY)
    else:
        for number, block in enumerate(logits):
            table = as_real("logits", block, _REMEDY)
            if table.ndim != 2 or table.shape[1] == 0:
                raise ValueError(
                    f"logits must come in blocks of shape (b, K), got shape {table.shape} as block {number}; pass one "
                    "row of scores a context"
                )
            yield table


def _check_dask(logits: Any) -> None:
    if logits.dtype.kind not in "fiu":
        raise TypeError(f"logits must be real numbers, got dtype {logits.dtype}; {_REMEDY}")
    if any(size != size for size in logits.shape):
        raise ValueError("logits must have known chunk sizes; call logits.compute_chunk_sizes() first")


def _check_range(draws: NDArray[np.int64], levels: int, start: int) -> None:
    bad = (draws < 0) | (draws >= levels)
    if bad.any():
        row, column = np.argwhere(bad)[0]
        raise ValueError(
            f"draws must be from 0 to {levels - 1} for logits with {levels} levels, got {draws[row, column]} in row "
            f"{start + row}; number the tokens from 0"
        )
