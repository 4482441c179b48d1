"""Work that is shared out over threads, and whose results do not tell how many there were."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

__all__ = ["in_order"]

Item = TypeVar("Item")
Found = TypeVar("Found")


def in_order(
    work: Callable[[Item], Found], items: Iterable[Item], workers: int, take: Callable[[Found], Any] | None = None
) -> None:
    """Do ``work`` with every item on so many threads, and let ``take`` have the results one by one, in their order.

    Items are made one at a time, when a thread is free for them. After an error, or Ctrl-C, every thread ends with the
    item in hand, and the first error is raised.
    """
    if workers == 1:
        for item in items:
            found = work(item)
            if take is not None:
                take(found)
        return
    from .kernels.particles import pool

    numbered = enumerate(items)
    lock, stopped = threading.Lock(), threading.Event()
    waiting: dict[int, Found] = {}
    due = 0

    def run() -> None:
        nonlocal due
        try:
            while not stopped.is_set():
                with lock:
                    number, item = next(numbered, (-1, None))
                if item is None:
                    return
                found = work(item)
                if take is None:
                    continue
                with lock:
                    waiting[number] = found
                    while due in waiting:
                        take(waiting.pop(due))
                        due += 1
        except BaseException:
            stopped.set()
            raise

    futures = [pool().submit(run) for _ in range(workers - 1)]
    try:
        run()
    finally:
        for future in futures:
            if not future.cancel():  # a thread that has not begun finds nothing left to do
                future.result()
