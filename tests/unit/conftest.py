"""Tests of the package alone: one that starts a process carries the marker, so that `make quick` can leave it out."""

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
