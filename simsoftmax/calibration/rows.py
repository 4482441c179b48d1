"""Tables of logits, labels and weights, read in blocks of rows: in memory, in a file, or in a `dask.array`.

There is one door, `Table.total`: it sums what a function finds in a `Block` over all blocks, on however many threads or
machines, in an order that they do not change. What there is to find in a block are the methods of `Block`.
"""

from __future__ import annotations

import importlib
import itertools
import math
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..arguments import check_labels, sums_to_one
from .cases import Cases, as_cases

__all__ = ["Block", "Table", "as_table"]

_UNIT = 1 << 20  # elements that one thread takes at a time
_SMALL = 1 << 15  # elements of a table up to which it is always computed in double precision
_CONVERTED_UNIT = 1 << 17  # the same where a copy is needed: other types, other layouts
_NO_ROWS = np.empty((0, 3))

Floats = NDArray[np.float64]


class Block(NamedTuple):
    """Rows ``first``, ``first + step``, ... of a piece of a table, as kernels read them."""

    logits: NDArray[Any]
    """Shape (n, K), C-contiguous."""
    labels: NDArray[np.int64]
    """Shape (n,)."""
    weights: Floats
    """Shape (n,), or empty where all rows count alike."""
    first: int
    """The first row to be read; only `likelihood` and `groups` leave rows out."""
    step: int
    """From one row to be read to the next."""
    start: int
    """Where the piece begins in the table."""
    soft: Floats | None = None
    """Shape (n, K), where labels are soft; then ``labels`` are the levels with the largest shares."""

    def likelihood(self, scale: float, other: float, unit: float) -> Floats:
        """Return the sums that `kernels.calibration.likelihood_sums` makes in one pass."""
        return self._pass(scale, other, unit, _NO_ROWS)

    def groups(self, scale: float, unit: float, number: int) -> Floats:
        """Return g1, g2, g3 summed over so many interleaved groups of the table's rows, shape (number, 3)."""
        rows = np.empty((len(self.logits), 3))
        self._pass(scale, scale, unit, rows)
        group = np.arange(self.start, self.start + len(rows)) % number
        return np.stack([np.bincount(group, column, number) for column in rows.T], axis=1)

    def _pass(self, scale: float, other: float, unit: float, rows: Floats) -> Floats:
        from ..kernels.calibration import likelihood_sums

        if self.soft is not None and not rows.size:
            rows = np.zeros((len(self.logits), 3))
        sums = likelihood_sums(self.logits, self.labels, self.weights, unit, scale, other, self.first, self.step, rows)
        return sums if self.soft is None else self._softened(sums, scale, other, unit, rows)

    def _softened(self, sums: Floats, scale: float, other: float, unit: float, rows: Floats) -> Floats:
        """Return the sums of a pass for soft labels, and mend its rows.

        A soft label stands for a logit of sum_k q_k z_k. Beside the level that the kernel took for the label it moves
        a row's NLL, and its slope in log beta, by beta times the difference, and nothing else.
        """
        read = slice(self.first, None, self.step)
        labels, soft = self.labels[read], np.asarray(self.soft)[read]
        z = self.logits[read].astype(np.float64)
        with np.errstate(over="ignore", invalid="ignore"):
            gap = z[np.arange(len(z)), labels][:, None] - z
        w = self.weights[read] * unit if self.weights.size else np.ones(len(z))
        slope, curvature = rows[read].T[:2]
        sums = sums.copy()
        # Levels without a share may have any logit. What else is not finite the caller sees.
        with np.errstate(over="ignore", invalid="ignore"):
            moved = np.where(w > 0, np.sum(gap * soft, axis=1, where=soft > 0), 0.0) * w * math.log(2)
            slope += scale * moved
            sums[1:4] += np.array([other, scale, scale]) * moved.sum()
            sums[9:12] = slope @ slope, slope @ curvature, np.sum(slope**4)
        return sums

    def limits(self) -> Floats:
        """Return what decides whether the minimum lies at an end.

        Slope of the NLL in beta at beta = 0, its value there and at beta = infinity, the numbers of rows whose label is
        not a maximum and whose finite logits are not all alike, and the size of the terms that the slope was summed
        from.
        """
        result = np.zeros(6)
        length = max(1, _CONVERTED_UNIT // self.logits.shape[1])
        for begin in range(0, len(self.logits), length):
            z, y, w = self._harmless(slice(begin, begin + length))
            allowed = z > -np.inf
            count = allowed.sum(axis=1)
            with np.errstate(over="ignore", invalid="ignore", divide="ignore"):  # the caller sees what is not finite
                gap = z - z.max(axis=1, keepdims=True)
                own = _of_labels(gap, y, None if self.soft is None else self.soft[begin : begin + length])
                finite = np.where(allowed, gap, 0.0)
                result += [
                    np.sum(w * (finite.sum(axis=1) / count - own)),
                    np.sum(w * np.log(count)),
                    np.sum(w * np.log((gap == 0).sum(axis=1))),
                    np.count_nonzero(own),
                    np.count_nonzero(finite.any(axis=1) & (w > 0)),
                    np.sum(w * (abs(finite).sum(axis=1) / count + abs(own))),
                ]
        return result

    def widest(self) -> Floats:
        """Return half of the largest distance of a label, and of any level, from the maximum of its row."""
        z, y, _ = self._harmless(slice(None))
        half = z.max(axis=1, keepdims=True) / 2 - z / 2
        return np.array([_of_labels(half, y, self.soft).max(), half[np.isfinite(half)].max()])

    def _harmless(self, rows: slice) -> tuple[Floats, NDArray[np.int64], Floats]:
        """Return a few rows in double precision; those of weight 0 may hold anything, and are made harmless."""
        logits, labels = self.logits[rows].astype(np.float64), self.labels[rows]
        if not self.weights.size:
            return logits, labels, np.ones(len(logits))
        weights = self.weights[rows]
        out = weights == 0
        logits[out] = 0.0
        return logits, np.where(out, 0, labels), weights

    def find_fault(self) -> Floats:
        """Raise the error that says why a likelihood was not finite."""
        logits, labels, start = self.logits, self.labels, self.start
        used = self.weights > 0 if self.weights.size else np.ones(len(logits), bool)
        bad = (np.isnan(logits) | (logits == np.inf)) & used[:, None]
        if bad.any():
            row, level = (int(i) for i in np.argwhere(bad)[0])
            raise ValueError(
                f"logits must be finite or -inf, got {logits[row, level]} at index ({start + row}, {level}); "
                "use -inf for a level that cannot be occupied"
            )
        dead = (logits == -np.inf).all(axis=1) & used
        if dead.any():
            raise ValueError(
                f"logits must allow at least one level, got -inf throughout row {start + int(dead.argmax())}; "
                "give one a finite score"
            )
        impossible = (logits[np.arange(len(logits)), np.where(used, labels, 0)] == -np.inf) & used
        if self.soft is not None:
            there = (logits == -np.inf) & (self.soft > 0) & used[:, None]
            impossible, labels = there.any(axis=1), np.where(there.any(axis=1), there.argmax(axis=1), labels)
        if impossible.any():
            row = int(impossible.argmax())
            raise ValueError(
                f"labels must have finite logits, got the label {labels[row]} with logit -inf in row {start + row}: "
                "the likelihood is 0 at every temperature; give that level a finite score or leave the row out"
            )
        return np.zeros(1)


def _of_labels(table: Floats, labels: NDArray[np.int64], soft: Floats | None) -> Floats:
    """Return what a table holds at each row's label, or the mean of it over a soft one."""
    if soft is None:
        return np.asarray(table[np.arange(len(table)), labels])
    with np.errstate(invalid="ignore"):
        return np.asarray(np.sum(table * soft, axis=1, where=soft > 0))


class Table:
    """Logits, labels and weights as blocks of rows that a kernel can read, and nothing copied whole."""

    def __init__(self, cases: Cases, threads: int, progress: bool) -> None:
        logits, self.labels, self.soft, weights = cases
        self.logits = logits
        self.weights = np.empty(0) if weights is None else np.ascontiguousarray(weights)
        self.unit = 1.0 if weights is None else 1 / float(weights.max())
        if weights is not None:  # a weight that is nothing beside the largest is none, for kernels and checks alike
            self.weights = np.where(self.weights * self.unit > 0, self.weights, 0.0)
        self.factor = 1.0  # a power of two that the logits are multiplied by
        self.rows, self.levels = logits.shape
        # The rounding of single precision averages out over many rows only.
        self.double = logits.dtype.itemsize > 4 or self.rows * self.levels <= _SMALL
        self.progress = progress
        # Threads cost more than they save on small tables.
        self.threads = threads if self.rows * self.levels > _UNIT // 2 else 1
        self.length = max(1, min(_UNIT, max(self.rows * self.levels // 16, _UNIT // 8)) // self.levels)
        self.pool: ThreadPoolExecutor | None = None
        self.passes = 0

    @property
    def dtype(self) -> type[np.floating[Any]]:
        """The type that the kernel computes in."""
        return np.float64 if self.double else np.float32

    @contextmanager
    def opened(self) -> Iterator[None]:
        """Hold the threads for as long as a fit lasts."""
        if self.threads == 1:
            yield
            return
        with ThreadPoolExecutor(self.threads) as self.pool:
            yield

    def total(self, function: Callable[[Block], Floats], step: int = 1) -> Floats:
        """Sum ``function`` over the blocks, in their order, so that the threads do not show in the result."""
        direct = self.logits.flags.c_contiguous and self.logits.dtype == self.dtype and self.logits.dtype.isnative
        direct = direct and self.factor == 1
        length = (self.length if direct else max(1, _CONVERTED_UNIT // self.levels)) * step
        if direct and length >= self.rows * step and not self.progress and self.labels.dtype == np.int64:
            return function(Block(self.logits, np.ascontiguousarray(self.labels), self.weights, 0, step, 0, self.soft))
        starts = range(0, self.rows, length)
        results: list[Floats] = [np.empty(0)] * len(starts)
        queue = itertools.count()
        bar = self._bar() if step == 1 else None
        stopped = False

        def work() -> None:
            for number in queue:
                if stopped or number >= len(starts):
                    return
                start = starts[number]
                rows = slice(start, min(start + length, self.rows), 1 if direct else step)
                logits = self.logits[rows]
                if not direct:
                    logits = _converted(logits, self.dtype, self.factor)
                labels = np.ascontiguousarray(self.labels[rows], np.int64)
                weights = np.ascontiguousarray(self.weights[rows]) if self.weights.size else self.weights
                soft = None if self.soft is None else self.soft[rows]
                results[number] = function(Block(logits, labels, weights, 0, step if direct else 1, start, soft))
                if bar is not None:
                    bar.update(rows.stop - start)

        try:
            if self.pool is None or len(starts) == 1:
                work()
            else:
                for future in [self.pool.submit(work) for _ in range(min(self.threads, len(starts)))]:
                    future.result()
        finally:  # after an interrupt the threads end with the block in hand
            stopped = True
            if bar is not None:
                bar.close()
        return np.asarray(np.sum(results, axis=0))

    def _bar(self) -> Any:
        self.passes += 1
        if not self.progress:
            return None
        from tqdm.auto import tqdm

        return tqdm(total=self.rows, desc=f"pass {self.passes}", unit="row", unit_scale=True, leave=False)


class _DaskTable(Table):
    """The same for a `dask.array`: one task graph a pass, run by whatever scheduler is in force."""

    def __init__(self, cases: Cases, threads: int, progress: bool) -> None:
        super().__init__(cases, 1, progress)
        whole = cases.scores.rechunk({1: -1})
        self.chunks = list(whole.to_delayed().ravel())
        self.starts = np.concatenate([[0], np.cumsum(whole.chunks[0])])

    def total(self, function: Callable[[Block], Floats], step: int = 1) -> Floats:
        dask: Any = importlib.import_module("dask")
        apply = dask.delayed(partial(_in_chunk, function, self.dtype, self.factor, step), pure=False)
        tasks = []
        for chunk, start, stop in zip(self.chunks, self.starts[:-1], self.starts[1:], strict=True):
            weights = self.weights[start:stop] if self.weights.size else self.weights
            soft = None if self.soft is None else self.soft[start:stop]
            tasks.append(apply(chunk, self.labels[start:stop], weights, int(start), soft))
        bar = self._bar() if step == 1 else None
        results = dask.compute(*tasks)
        if bar is not None:
            bar.close()
        return np.asarray(np.sum(results, axis=0))


def _in_chunk(
    function: Callable[[Block], Floats],
    dtype: type[np.floating[Any]],
    factor: float,
    step: int,
    logits: NDArray[Any],
    labels: NDArray[Any],
    weights: Floats,
    start: int,
    soft: Floats | None,
) -> Floats:
    # What a network brings lies anywhere, and code for that is compiled aside, by each worker.
    logits = np.require(_converted(logits, dtype, factor), requirements="A")
    first = min(-start % step, len(logits) - 1)  # at least one row a block, so that every block answers alike
    labels = np.require(labels, np.int64, ["C", "A"])
    return function(Block(logits, labels, np.require(weights, requirements=["C", "A"]), first, step, start, soft))


def _converted(logits: NDArray[Any], dtype: type[np.floating[Any]], factor: float) -> NDArray[Any]:
    """Return logits as the kernel reads them; with a factor, times it and less the maximum of their row."""
    if factor == 1:
        return np.ascontiguousarray(logits, dtype)
    half = np.asarray(logits, np.float64) / 2  # so that no difference overflows
    with np.errstate(over="ignore", invalid="ignore"):
        return np.ascontiguousarray((half - half.max(axis=1, keepdims=True)) * factor * 2)


def as_table(logits: Any, labels: Any, weights: Any, threads: int, progress: bool, **forms: Any) -> Table:
    """Check logits, labels and weights, and return them as a table; ``forms`` are those of `as_cases`."""
    cases = as_cases("logits", logits, labels, weights, **forms)
    if cases.weights is not None and cases.soft is None:
        check_labels(cases.labels, cases.scores.shape[1], cases.weights)  # and else the kernel looks
    if isinstance(cases.scores, np.ndarray):
        _warn_of_probabilities(cases.scores)
        return Table(cases, threads, progress)
    return _DaskTable(cases, threads, progress)


def _warn_of_probabilities(logits: NDArray[Any]) -> None:
    if logits[0, 0] < 0 or logits[-1, -1] < 0:  # most logits answer at once
        return
    sample = logits[:: max(1, len(logits) // 16)].astype(np.float64)
    if sample.shape[1] > 1 and sample.min() >= 0 and sums_to_one(sample).all():
        warnings.warn(
            "logits look like probabilities: no row has a negative entry and every row sums to 1; "
            "pass logits_from_probabilities(p) instead",
            UserWarning,
            stacklevel=4,
        )
