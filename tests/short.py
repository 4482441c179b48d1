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
