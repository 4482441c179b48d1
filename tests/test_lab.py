"""An explorer in JupyterLab: the page and the kernel share its state, both ways."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

CELLS = [
    "from pathlib import Path\n"
    "from simsoftmax.live.widgets import TemperatureExplorer\n"
    "explorer = TemperatureExplorer([2.0, 1.0, 0.1], 0.7)\n"
    "explorer.observe(lambda change: Path('seen.txt').write_text(repr(change['new'])), 'temperature')\n"
    "explorer",
    "explorer.temperature = 0.3",
]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


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
    port = free_port()
    own = {name: str(tmp_path / name.lower()) for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR")}
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
        server = subprocess.Popen(
            command, env={**os.environ, **own, "PYTHONPATH": str(ROOT)}, stdout=log, stderr=subprocess.STDOUT
        )
        try:
            address = f"http://127.0.0.1:{port}"
            for _ in range(240):
                try:
                    urllib.request.urlopen(f"{address}/api?token=let-me-in", timeout=1).close()
                    break
                except OSError:
                    assert server.poll() is None, (tmp_path / "log.txt").read_text()
                    time.sleep(0.25)
            yield f"{address}/lab/tree/explorer.ipynb?token=let-me-in", work
        finally:
            server.terminate()
            server.wait(30)


@pytest.mark.slow
@pytest.mark.browser
def test_page_and_kernel_share_an_explorer(browser, lab):
    address, work = lab
    page = browser.new_page(viewport={"width": 1200, "height": 900})
    page.set_default_timeout(90_000)
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
    for _ in range(100):
        if seen.exists() and seen.read_text() == "0.33":
            break
        page.wait_for_timeout(200)
    assert seen.read_text() == "0.33"
    page.close()
