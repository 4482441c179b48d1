"""How long the tests wait for what must come: for a condition, never for a time. A busy machine fails nothing."""

import time

PATIENCE = 120  # seconds; a test that waits so long for one thing has failed


def until(condition, *, wait=time.sleep):
    """Wait until a condition holds and return what it gives; a page waits in its own way, so that its events come."""
    end = time.monotonic() + PATIENCE
    while not (found := condition()):
        assert time.monotonic() < end, f"it did not come within {PATIENCE} s"
        wait(0.1)
    return found
