"""What the tests of pages share: a folder with the host, servers on this machine, JavaScript engines for kernels."""

import shutil

import pytest
from javascript import DRIVER, LOADER, Page, evaluate_in_node
from visit import BOOK, FEW, serve

from simsoftmax.kernels import wasm
from simsoftmax.live.base import STATIC


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    """Return a folder with the host of live figures."""
    folder = tmp_path_factory.mktemp("site")
    shutil.copy(STATIC / "host.js", folder)
    return folder


@pytest.fixture(scope="session")
def host(site):
    """Return the address at which a server on this machine gives out that folder."""
    with serve(site) as address:
        yield address


@pytest.fixture(scope="session")
def book(html):
    """Return the address at which a server on this machine gives out the built book."""
    with serve(BOOK) as address:
        yield address


@pytest.fixture(params=["few", pytest.param("all", marks=[pytest.mark.slow, pytest.mark.minutes])])
def chosen(request, book):
    """Return what takes pages out of a list: a few that stand for the others, or all of them, which is slow."""

    def choose(pages):
        taken = [path for path in pages if request.param == "all" or path.stem in FEW]
        assert taken
        return taken

    choose.all = request.param == "all"
    return choose


@pytest.fixture(scope="session", params=["chromium", "node"])
def page(request):
    """Return what calls the kernels of the pages in a JavaScript engine."""
    if not LOADER.exists():
        pytest.skip("needs the sources of the pages' scripts, which an installed package leaves out")
    if request.param == "node":
        if shutil.which("node") is None:
            pytest.skip("needs Node.js; Chromium runs the same test")
        yield Page(evaluate_in_node, wasm.MODULE.read_bytes())
    else:
        tab = request.getfixturevalue("browser").new_page()
        yield Page(lambda argument: tab.evaluate(DRIVER, argument), wasm.MODULE.read_bytes())
        tab.close()
