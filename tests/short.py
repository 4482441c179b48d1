"""What a test that is long with all its cases runs of them each time."""

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
