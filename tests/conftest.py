"""What the tests share: one seed, one false-alarm rate, and strategies for hard logits.

Every random test derives its generator from one seed, so that the suite can be swept: ``SIMSOFTMAX_SEED=1 make test``.
A statistical check fails by chance with probability ALARM at most. With fewer than 1000 checks in the suite, a sweep
over 100 seeds alarms falsely less than once in a hundred sweeps.
"""

import collections
import gc
import os
import signal
import sys
import tempfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock
from hypothesis import settings

pytest.register_assert_rewrite("patience", "visit")  # what helpers assert says what it saw, too

from building import build_book  # noqa: E402
from patience import PATIENCE  # noqa: E402
from short import deal  # noqa: E402

SEED = int(os.environ.get("SIMSOFTMAX_SEED", "20250101"))
ALARM = 1e-7

ROOT = Path(__file__).parents[1]
# Where the package is installed and the tests lie alone, those of the book, its pages and the sources have no object.
OF_THE_SOURCES = ["book", "page"]
OF_THE_SOURCES += [f"unit/test_{name}.py" for name in ("contributing", "layers", "null", "packaging", "power")]
collect_ignore = [] if (ROOT / "simsoftmax").is_dir() and (ROOT / "book").is_dir() else OF_THE_SOURCES


def pytest_report_header():
    """Say what is left out."""
    return f"the sources are not all beside the tests, so these are left out: {' '.join(collect_ignore)}" * bool(
        collect_ignore
    )


# A shell that starts the tests in the background has them ignore Ctrl-C; one that presses it would wait for ever.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

settings.register_profile("simsoftmax", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("simsoftmax")


def pytest_collection_modifyitems(config, items):
    """Begin with the book, which takes longest to build; what looks at its pages comes last, when it stands.

    In between long files come first, so that at the end no process waits for another.
    """
    shown, paged = (
        {item.path for item in items if fixture in getattr(item, "fixturenames", ())} for fixture in ("browser", "html")
    )

    def turn(item):
        if item.path.name == "test_book.py":
            return 0
        return 3 if item.path in paged else 2 if item.path in shown else 1

    sizes = collections.Counter(item.path for item in items)
    # A few pages that are long by nature are among all of them.
    items[:] = [item for item in items if not (item.get_closest_marker("slow") and few_of_all(item))]
    items.sort(key=lambda item: (turn(item), -sizes[item.path]))
    deal(items, getattr(config, "workerinput", {}).get("workercount", 1))


def few_of_all(item):
    return hasattr(item, "callspec") and item.callspec.params.get("chosen") == "few"


def pytest_collection_finish():
    """Refuse kernels that ran while the tests were read, and let the collector of garbage pass over what stays.

    Every process reads all tests, so each would compile those kernels before its first test.
    """
    compiler = sys.modules.get("simsoftmax.kernels.compiler")
    if compiler is not None and compiler._initialize.cache_info().currsize:
        raise pytest.UsageError("a kernel runs where tests are read; compute in the test, or in what it calls")
    gc.collect()
    gc.freeze()


LEFT = collections.Counter()  # how many tests of each file `make test` leaves to `make slow`


def pytest_deselected(items):
    LEFT.update(item.nodeid.partition("::")[0] for item in items if item.get_closest_marker("slow"))


def pytest_sessionfinish(session):
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["left"] = dict(LEFT)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node):
    """Take over what a process has left out; each has seen all tests."""
    LEFT.update({file: count - LEFT[file] for file, count in getattr(node, "workeroutput", {}).get("left", {}).items()})


def pytest_terminal_summary(terminalreporter):
    """Say what is left to `make slow`."""
    if LEFT:
        files = ", ".join(f"{count} of {file}" for file, count in sorted(LEFT.items()))
        terminalreporter.write_line(f"{LEFT.total()} tests are long and left to `make slow`: {files}")


@pytest.fixture
def rng(request):
    """Return a generator of the test's own, derived from the seed, the name of its file and its own name."""
    name = request.node.nodeid.replace("\\", "/")
    file, _, test = name.partition("::")
    return np.random.default_rng([SEED, zlib.crc32(f"tests/{Path(file).name}::{test}".encode())])


@pytest.fixture(scope="session")
def alarm():
    """Return the probability with which a statistical check may fail by chance."""
    return ALARM


@pytest.fixture(scope="session")
def html():
    """Build the book, what is unchanged from the cache, and return the folder of its pages."""
    lock = Path(tempfile.gettempdir()) / f"simsoftmax-{zlib.crc32(str(ROOT).encode()):08x}.lock"
    run, built = os.environ.get("PYTEST_XDIST_TESTRUNUID"), lock.with_suffix(".built")
    with FileLock(lock):  # tests run in several processes, and the first to come builds the book for all
        if run is None or not built.exists() or built.read_text() != run:
            done = build_book(ROOT)
            assert done.returncode == 0, (done.stdout + done.stderr)[-5000:]
            built.write_text(run or "")
    return ROOT / "_build" / "html"


@pytest.fixture(scope="session")
def browser():
    """Return Chromium, or skip; with SIMSOFTMAX_REQUIRE_BROWSER=1 a missing browser is a failure."""
    # Here, so that tests without a browser do without Playwright.
    if os.environ.get("SIMSOFTMAX_REQUIRE_BROWSER") != "1":
        pytest.importorskip("playwright", reason="needs Playwright")
    from playwright import sync_api
    from visit import BROWSERS, STARTED, path_of

    sync_api.expect.set_options(timeout=1000 * PATIENCE)
    with sync_api.sync_playwright() as playwright:
        instance = playwright.chromium.launch(executable_path=path_of(BROWSERS), args=STARTED)
        yield instance
        instance.close()
