"""Measure what a sweep adds to its cells, and what a worker adds to a sweep.

    python -m benchmarks.scaling [--output FILE]

Small cells are run alone and by `sweep`, in turns. What is kept is the time that this process spent on a processor, so
that whatever else the machine does is left out. How many workers one process can feed is measured with cells that wait
and do not compute: they need no cores. It takes a minute on two idle cores, and needs the extra `dask`.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import distributed
import numpy as np

import simsoftmax as ss

OUTPUT = Path(__file__).parents[1] / "book" / "data" / "scaling.json"
LOGITS = [2.0, 1.0, 0.1]
SETTINGS = {"particles": 100, "sweeps": 20}
SLICES, EACH = 10, 1000
WAITS = {0.001: 4000, 0.01: 1500, 0.1: 400, 1.0: 80}
"""How many cells wait for so many seconds."""


def small(temperature: float, replica: int, rng: Any) -> ss.Trajectory:
    """Run one small cell."""
    return ss.simulate(LOGITS, temperature, **SETTINGS, rng=rng)


def waiting(replica: int, seconds: float) -> int:
    """Take time and no core."""
    time.sleep(seconds)
    return replica


def busy(work: Callable[[], Any]) -> float:
    """Return for how many seconds this process was on a processor."""
    begin = time.process_time()
    work()
    return time.process_time() - begin


def overhead(pool: Any, client: Any) -> dict[str, float]:
    """Return how long ten thousand small cells keep this process busy, alone and in a sweep."""
    took: dict[str, float] = {}
    grids = [{"temperature": [0.5 + 0.1 * number], "replica": range(EACH)} for number in range(SLICES)]

    def alone(grid: dict[str, Any]) -> None:
        for replica in grid["replica"]:
            small(grid["temperature"][0], replica, np.random.default_rng(replica))

    for grid in grids:
        with tempfile.TemporaryDirectory() as folder:
            ways = {
                "alone": partial(alone, grid),
                "this process": partial(ss.sweep, small, grid, rng=1),
                "kept on disk": partial(ss.sweep, small, grid, rng=1, path=folder),
                "read from disk": partial(ss.sweep, small, grid, rng=1, path=folder),
                "2 processes": partial(ss.sweep, small, grid, rng=1, executor=pool),
                "dask, 2 workers": partial(ss.sweep, small, grid, rng=1, executor=client),
            }
            for name, work in ways.items():
                took[name] = took.get(name, 0.0) + busy(work)
    return took


def waits() -> list[dict[str, float]]:
    """Return how long longer and longer cells keep the process busy that hands them to eight threads of dask."""
    found = []
    shape = {"n_workers": 2, "threads_per_worker": 4, "dashboard_address": None}
    with distributed.LocalCluster(**shape) as cluster, distributed.Client(cluster) as client:
        ss.sweep(waiting, {"replica": range(8)}, executor=client, seconds=0.1)  # workers have imported everything
        idle = busy(partial(time.sleep, 5.0)) / 5.0
        for wait, cells in WAITS.items():
            begin = time.perf_counter()
            own = busy(partial(ss.sweep, waiting, {"replica": range(cells)}, executor=client, seconds=wait))
            own -= idle * (time.perf_counter() - begin)
            found.append({"seconds": wait, "cells": cells, "busy": own})
    return found


def main() -> None:
    """Run the study and write what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", default=str(OUTPUT))
    options = parser.parse_args()
    one = {"temperature": [0.5], "replica": [0]}
    ss.sweep(small, one, rng=1)  # everything is imported
    shape = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None}
    with (
        ProcessPoolExecutor(2) as pool,
        distributed.LocalCluster(**shape) as cluster,
        distributed.Client(cluster) as client,
    ):
        for executor in (pool, client):
            ss.sweep(small, {"temperature": [0.5], "replica": range(100)}, rng=1, executor=executor)
        took = overhead(pool, client)
    found = {
        "machine": {"cores": os.cpu_count(), "python": platform.python_version()},
        "versions": {name: version(name) for name in ("distributed", "numpy", "simsoftmax", "xarray")},
        "small": {"cells": SLICES * EACH, "busy": took},
        "waiting": waits(),
    }
    Path(options.output).write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
