"""Long work: Ctrl-C that loses nothing, and a progress bar."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

__all__ = ["finished", "postponed_interrupt", "progress_bar"]


@contextmanager
def postponed_interrupt() -> Iterator[list[bool]]:
    """Turn the first Ctrl-C into a note, so that the step in hand is finished and nothing is lost.

    A second Ctrl-C acts at once. Only where Python's own handler is installed is anything changed: somebody else's, of
    the user or of a program that Python is a part of, is called as always, and a signal that is ignored stays ignored.
    Outside the main thread Python delivers no signals.
    """
    noted: list[bool] = []
    main = threading.current_thread() is threading.main_thread()
    if not main or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield noted
        return

    def note(*_: Any) -> None:
        noted.append(True)
        signal.signal(signal.SIGINT, signal.default_int_handler)

    signal.signal(signal.SIGINT, note)
    try:
        yield noted
    finally:
        if signal.getsignal(signal.SIGINT) is note:
            signal.signal(signal.SIGINT, signal.default_int_handler)


def finished(noted: list[bool], complete: bool) -> bool:
    """Return whether the work was done to its end; an interrupt that was noted too late to cut it is raised here."""
    if noted and complete:
        raise KeyboardInterrupt
    return complete


def progress_bar(total: int, unit: str, progress: bool) -> AbstractContextManager[Any]:
    """Return a progress bar (tqdm), or a context without one."""
    if not progress:
        return nullcontext()
    from tqdm.auto import tqdm

    bar: AbstractContextManager[Any] = tqdm(total=total, unit=unit)
    return bar
