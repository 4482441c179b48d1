"""What a test that is long with all its cases, or all its repetitions, runs of them each time."""

import pytest


def short(cases, *kept):
    """Return the cases of a parametrised test: those that are kept, or the first, and the others as long by nature.

    The others run in `make slow`; together the kept ones must meet the behaviour that the test is for.
    """
    cases = list(cases)
    kept = kept or cases[:1]
    assert all(case in cases for case in kept)
    return [
        case if case in kept else pytest.param(*(case if isinstance(case, tuple) else [case]), marks=pytest.mark.slow)
        for case in cases
    ]


def repeated(few, many):
    """Return how often an experiment is repeated: `few` times each time, and `many` times in `make slow`.

    What `few` allow to be seen is for the test's own bounds to say, which follow the number; the negative control must
    fail with either.
    """
    assert few < many
    return [few, pytest.param(many, marks=pytest.mark.slow)]


def deal(items, hands):
    """Let each process begin with its part of what takes minutes: where tests are stolen, each has one run of them."""
    long = [item for item in items if item.get_closest_marker("minutes")]
    rest = [item for item in items if not item.get_closest_marker("minutes")]
    dealt = []
    for hand in range(hands):
        share = (len(items) - len(dealt)) // (hands - hand)
        mine = long[hand::hands]
        dealt += mine + rest[: max(0, share - len(mine))]
        del rest[: max(0, share - len(mine))]
    items[:] = dealt + rest
