"""An explorer in JupyterLab: the page and the kernel share its state, both ways."""

import contextlib
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from patience import PATIENCE, until

ROOT = Path(__file__).parents[2]

CELLS = [
    "from pathlib import Path\n"
    "from simsoftmax.live import TemperatureExplorer\n"
    "explorer = TemperatureExplorer([2.0, 1.0, 0.1], 0.7)\n"
    "explorer.observe(lambda change: Path('seen.txt').write_text(repr(change['new'])), 'temperature')\n"
    "explorer",
    "explorer.temperature = 0.3",
]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def serve_lab(work, tmp_path):
    """Start JupyterLab on a folder; give its address and the environment in which it runs."""
    port = free_port()
    own = {name: str(tmp_path / name.lower()) for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR")}
    environment = {**os.environ, **own, "PYTHONPATH": str(ROOT)}
    options = {
        "ServerApp.root_dir": str(work),
        "ServerApp.port": port,
        "ServerApp.port_retries": 0,
        "IdentityProvider.token": "let-me-in",
        "ServerApp.allow_root": True,
        "LabApp.news_url": None,
        "LabApp.check_for_updates_class": "jupyterlab.NeverCheckForUpdate",
    }
    command = [
        sys.executable,
        "-m",
        "jupyterlab",
        "--no-browser",
        *(f"--{key}={value}" for key, value in options.items()),
    ]
    with (tmp_path / "log.txt").open("wb") as log:
        server = subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT)
        try:
            address = f"http://127.0.0.1:{port}"

            def answers():
                assert server.poll() is None, (tmp_path / "log.txt").read_text()
                with contextlib.suppress(OSError):
                    urllib.request.urlopen(f"{address}/api?token=let-me-in", timeout=PATIENCE).close()
                    return True

            until(answers)
            yield address, environment
        finally:
            server.terminate()
            server.wait(PATIENCE)


@pytest.fixture
def lab(tmp_path):
    """Start JupyterLab on a notebook in a folder of its own; return its address and the folder."""
    pytest.importorskip("jupyterlab", reason="needs JupyterLab")
    cell = {"cell_type": "code", "metadata": {}, "execution_count": None, "outputs": []}
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    notebook = {
        "cells": [{**cell, "id": f"c{n}", "source": source} for n, source in enumerate(CELLS)],
        "metadata": kernel,
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    work = tmp_path / "work"
    work.mkdir()
    (work / "explorer.ipynb").write_text(json.dumps(notebook))
    with serve_lab(work, tmp_path) as (address, _):
        yield f"{address}/lab/tree/explorer.ipynb?token=let-me-in", work


@pytest.mark.browser
def test_page_and_kernel_share_an_explorer(browser, lab):
    address, work = lab
    page = browser.new_page(viewport={"width": 1200, "height": 900})
    page.set_default_timeout(1000 * PATIENCE)
    page.goto(address)
    page.get_by_text("Python 3 (ipykernel) | Idle").wait_for()
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    knob = page.locator(".ssm-thermometer .ssm-knob")
    # The second cell set the temperature: the page follows.
    page.wait_for_function("document.querySelector('.ssm-knob')?.getAttribute('aria-valuenow') === '0.3'")
    # The reader moves the slider: Python sees it.
    knob.focus()
    page.keyboard.press("ArrowUp")
    seen = work / "seen.txt"
    until(
        lambda: seen.exists() and seen.read_text() == "0.33", wait=lambda seconds: page.wait_for_timeout(1000 * seconds)
    )
    page.close()


LOOK = """() => {
  const text = [...document.querySelectorAll(".jp-RenderedMarkdown")].map((cell) => cell.textContent).join("\\n");
  const folded = [...document.querySelectorAll(".jp-RenderedMarkdown details")];
  return { text, folded: folded.length, open: folded.filter((details) => details.open).length };
}"""


@pytest.mark.slow
@pytest.mark.browser
def test_a_chapter_reads_as_prose_with_its_figure_alive(browser, html, tmp_path):
    """Once trusted, a figure lives on the state that was saved with it; no cell is run and no source is written."""
    pytest.importorskip("jupyterlab", reason="needs JupyterLab")
    work = tmp_path / "work"
    shutil.copytree(html.parent / "notebooks", work)
    sources = {path: path.read_bytes() for path in (ROOT / "book").glob("*.md")}
    with serve_lab(work, tmp_path) as (address, environment):
        trust = [sys.executable, "-m", "jupyter", "trust", "temperature.ipynb"]
        subprocess.run(trust, cwd=work, env=environment, check=True, capture_output=True)
        page = browser.new_page(viewport={"width": 1200, "height": 30_000})  # so that Lab draws every cell
        page.set_default_timeout(1000 * PATIENCE)
        page.goto(f"{address}/lab/tree/temperature.ipynb?token=let-me-in")
        page.locator(".ssm-thermometer .ssm-knob").first.wait_for()
        page.wait_for_function("document.querySelectorAll('.jp-RenderedMarkdown details').length >= 3")
        # Lab draws cell after cell.
        until(
            lambda: len(page.evaluate(LOOK)["text"]) > 5000, wait=lambda seconds: page.wait_for_timeout(1000 * seconds)
        )
        seen = page.evaluate(LOOK)
        page.close()
    assert not re.search(r"\{[a-z:-]+\}[`\w]|:::|^\([a-z-]+\)=", seen["text"], re.MULTILINE)
    assert seen["open"] == 0
    assert {path: path.read_bytes() for path in sources} == sources
