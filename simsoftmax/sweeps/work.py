"""Cells carried out by this process, an executor or a cluster: in batches, and one way for all three."""

from __future__ import annotations

import math
import os
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, CancelledError, Executor, Future, wait
from typing import Any, NamedTuple

from ..interruption import postponed_interrupt
from .grid import Cell, stream_of
from .variables import Variables, variables_of

__all__ = ["NOT_RUN", "Task", "as_executor", "carry_out"]

NOT_RUN = "not run"
_BATCH = 0.25
"""Seconds that a batch should take: a task costs a millisecond or so to hand out, and a lost one is done again."""
_SMALLEST = 8
"""Part of a batch that the last ones are, at least."""
_LONGEST = 1.0
"""Seconds after which a batch goes back with what it has: cells may be dearer than those before them."""
_LOOK = 0.2
"""Seconds between two looks for Ctrl-C."""


class Task(NamedTuple):
    """What to do with each cell."""

    function: Callable[..., Any]
    options: dict[str, Any]
    seed: int
    random: bool
    """Whether the function takes a random stream."""

    def __call__(self, cells: Sequence[Cell]) -> tuple[list[tuple[int, Variables | str]], float]:
        """Carry out as many cells as fit into a second, one at least; return what each gave, or why it failed."""
        done: list[tuple[int, Variables | str]] = []
        begin = time.perf_counter()
        with postponed_interrupt() as interrupt:
            for cell in cells:
                source = {"rng": stream_of(self.seed, cell.coordinates)} if self.random else {}
                try:
                    found: Variables | str = variables_of(self.function(**self.options, **cell.arguments, **source))
                except Exception as error:
                    found = f"{type(error).__name__}: {error}"
                done.append((cell.number, found))
                if interrupt or time.perf_counter() - begin > _LONGEST:
                    break
        return done, (time.perf_counter() - begin) / len(done)


class _Here(Executor):
    """An executor that is this process."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result(fn(*args, **kwargs))
        return future


def as_executor(executor: Any) -> tuple[Executor, Callable[[], int]]:
    """Return an executor, and a function that says how many tasks keep it busy.

    Raises
    ------
    TypeError
        If it is neither an executor nor a client of dask.
    """
    if executor is None:
        return _Here(), lambda: 1
    if hasattr(executor, "get_executor") and hasattr(executor, "nthreads"):  # a dask.distributed.Client
        return executor.get_executor(pure=False), lambda: 2 * max(1, sum(executor.nthreads().values()))
    if isinstance(executor, type) or not hasattr(executor, "submit"):
        raise TypeError(
            f"executor must be a concurrent.futures.Executor or a dask.distributed.Client, got {executor!r:.60}; pass "
            "one that is open, or None for this process"
        )
    workers = getattr(executor, "_max_workers", None) or os.cpu_count() or 1
    return executor, lambda: 2 * workers


def carry_out(
    task: Task, cells: Sequence[Cell], executor: Any, take: Callable[[Cell, Variables | str], Any]
) -> tuple[bool, str]:
    """Carry out cells and let ``take`` have what each gave; return whether Ctrl-C came, and why an executor gave up."""
    pool, width = as_executor(executor)
    queue = deque(cells)
    known = {cell.number: cell for cell in cells}
    pending: dict[Future[Any], list[Cell]] = {}
    broken = ""
    size, most = 1, len(cells)
    with postponed_interrupt() as interrupt:
        wide, looked = width(), time.monotonic()
        while queue or pending:
            if time.monotonic() - looked > 1:  # a cluster may have grown
                wide, looked = width(), time.monotonic()
            while queue and len(pending) < wide and not interrupt and not broken:
                # The last batches are small, so that all workers end together, but never so small as to cost more.
                fair = min(len(queue), size, most, max(math.ceil(len(queue) / wide), size // _SMALLEST))
                batch = [queue.popleft() for _ in range(fair)]
                try:
                    pending[pool.submit(task.__call__, batch)] = batch
                except (BrokenExecutor, RuntimeError) as error:  # the latter from one that was shut down
                    broken = f"{type(error).__name__}: {error}"
            if interrupt or broken:
                for future in [future for future in pending if future.cancel()]:
                    del pending[future]
                if not pending:
                    break
            for future in wait(pending, _LOOK, FIRST_COMPLETED).done:
                batch = pending.pop(future)
                try:
                    done, seconds = future.result()
                except (BrokenExecutor, CancelledError, KeyboardInterrupt) as error:
                    broken = f"{type(error).__name__}: {error}".rstrip(": ")
                    continue
                except Exception as error:
                    if len(batch) > 1:  # which of them was it? one by one they will say
                        queue.extend(batch)
                        most = 1
                    else:
                        take(batch[0], f"{type(error).__name__}: {error}")
                    continue
                for number, found in done:
                    take(known[number], found)
                queue.extendleft(reversed(batch[len(done) :]))
                size = max(1, min(4 * size, int(_BATCH / max(seconds, 1e-9))))
    return bool(interrupt), broken
