"""Tests wait for conditions: none has a clock of its own, so none fails because the machine is busy."""

import re
from pathlib import Path

import patience
import pytest

TESTS = Path(__file__).parents[1]
CLOCKS = r"timeout\w*[=(]\s*[\d._]+\s*[,)]|\bsleep\(|getloadavg|time\.monotonic|perf_counter"


def test_what_looks_at_pages_and_the_book_has_no_clock_of_its_own():
    found = {
        path.name: clocks
        for folder in ("page", "book")
        for path in (TESTS / folder).glob("*.py")
        if (clocks := re.findall(CLOCKS, path.read_text(encoding="utf-8")))
    }
    assert found == {}, "wait for a condition: `until` of tests/patience.py, or a locator's own wait"


def test_what_comes_is_returned_and_what_does_not_is_said(monkeypatch):
    answers = iter([None, 0, "here"])
    assert patience.until(lambda: next(answers), wait=lambda seconds: None) == "here"
    monkeypatch.setattr(patience, "PATIENCE", 0)
    with pytest.raises(AssertionError, match="did not come"):
        patience.until(lambda: False)
