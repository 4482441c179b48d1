"""Tests of the package alone: one that starts a process carries the marker, so that `make quick` can leave it out."""

import math
import sys

import pytest

STARTED = []  # programs, one by one
MARKED = ("process", "browser", "slow")


def note(event, arguments):
    if event in ("subprocess.Popen", "os.fork", "os.posix_spawn"):
        STARTED.append(arguments[0] if arguments else event)


sys.addaudithook(note)


@pytest.fixture(autouse=True)
def no_process_without_its_marker(request):
    before = len(STARTED)
    yield
    if not any(map(request.node.get_closest_marker, MARKED)):
        assert STARTED[before:] == [], "a test that starts a process carries the marker process"


@pytest.fixture
def promise_nothing(monkeypatch):
    """Return a function after which verdicts on draws say nothing of what they would have caught.

    It takes most of their time and has no part in whether they pass, so a test of many verdicts can do without.
    """

    def without():
        nothing = dict.fromkeys(("detectable_truncation", "detectable_noise"), math.inf)
        monkeypatch.setattr("simsoftmax.verdict.samplers._detectable_tails", lambda *_: nothing)
        monkeypatch.setattr("simsoftmax.verdict.tilting.Heat.detectable", lambda *_: (-math.inf, math.inf))

    return without
