"""Measure what a sweep adds to its cells, and what a worker adds to a sweep.

    python -m benchmarks.scaling [--output FILE]

Small cells are run alone and by `sweep`, in turns, so that whatever else the machine does meets all alike. How far one
process can hand out work is measured with cells that wait and do not compute: they need no cores, so that more workers
can be had than the machine has. It takes two minutes on two idle cores, and needs the extra `dask`.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
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
WORKERS = (1, 2, 4, 8, 16, 32)
WAIT, WAITS = 0.05, 60
LARGE = {"particles": 2_000_000, "sweeps": 100, "engine": "particles", "threads": 1}


def small(temperature: float, replica: int, rng: Any) -> ss.Trajectory:
    """Run one small cell."""
    return ss.simulate(LOGITS, temperature, **SETTINGS, rng=rng)


def waiting(replica: int) -> float:
    """Take time and no core."""
    time.sleep(WAIT)
    return time.perf_counter()


def seconds(work: Callable[[], Any]) -> float:
    """Return how long something takes."""
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def overhead(pool: Any, client: Any) -> dict[str, dict[str, float]]:
    """Return what ten thousand small cells take, alone and in a sweep: seconds in all, and those of this process."""
    took: dict[str, dict[str, float]] = {}
    grids = [{"temperature": [0.5 + 0.1 * number], "replica": range(EACH)} for number in range(SLICES)]

    def alone(grid: dict[str, Any]) -> None:
        for replica in grid["replica"]:
            small(grid["temperature"][0], replica, np.random.default_rng(replica))

    for grid in grids:
        with tempfile.TemporaryDirectory() as folder:
            ways = {
                "alone": partial(alone, grid),
                "this process": partial(ss.sweep, small, grid, rng=1),
                "this process, kept on disk": partial(ss.sweep, small, grid, rng=1, path=folder),
                "2 processes": partial(ss.sweep, small, grid, rng=1, executor=pool),
                "dask, 2 workers": partial(ss.sweep, small, grid, rng=1, executor=client),
            }
            for name, work in ways.items():
                begin = time.process_time()
                whole = seconds(work)
                own = time.process_time() - begin
                sums = took.setdefault(name, {"seconds": 0.0, "busy": 0.0})
                sums["seconds"] += whole
                sums["busy"] += own
    return took


def cores(pool: Any) -> dict[str, float]:
    """Return what a few large cells take here and in two processes, medians over turns, in seconds."""
    grid = {"temperature": [0.5, 1.0], "replica": range(4)}
    here, there = [], []
    for _ in range(3):
        here.append(seconds(lambda: ss.sweep(ss.simulate, grid, logits=LOGITS, rng=1, **LARGE)))
        there.append(seconds(lambda: ss.sweep(ss.simulate, grid, logits=LOGITS, rng=1, executor=pool, **LARGE)))
    return {"this process": statistics.median(here), "2 processes": statistics.median(there)}


def waits() -> list[dict[str, float]]:
    """Return how near to the ideal cells that only wait come, for more and more workers."""
    found = []
    for workers in WORKERS:
        shape = {"n_workers": min(workers, 2), "threads_per_worker": max(1, workers // 2)}
        with (
            distributed.LocalCluster(**shape, dashboard_address=None) as cluster,
            distributed.Client(cluster) as client,
        ):
            ss.sweep(waiting, {"replica": range(workers)}, executor=client)  # workers have imported everything
            cells = WAITS * workers
            begin = time.process_time()
            took = seconds(partial(ss.sweep, waiting, {"replica": range(cells)}, executor=client))
            own = time.process_time() - begin
        found.append({"workers": workers, "cells": cells, "seconds": took, "busy": own, "ideal": WAITS * WAIT})
    return found


def main() -> None:
    """Run the study and write what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", default=str(OUTPUT))
    options = parser.parse_args()
    one = {"temperature": [0.5], "replica": [0]}
    ss.sweep(small, one, rng=1)  # everything is imported
    begin = time.perf_counter()
    with ProcessPoolExecutor(2) as pool:
        ss.sweep(small, one, rng=1, executor=pool)
        first_pool = time.perf_counter() - begin
        begin = time.perf_counter()
        shape = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None}
        with distributed.LocalCluster(**shape) as cluster, distributed.Client(cluster) as client:
            ss.sweep(small, one, rng=1, executor=client)
            first_dask = time.perf_counter() - begin
            took = overhead(pool, client)
        large = cores(pool)
    found = {
        "machine": {"cores": os.cpu_count(), "python": platform.python_version()},
        "versions": {name: version(name) for name in ("distributed", "numpy", "simsoftmax", "xarray")},
        "small": {"cells": SLICES * EACH, "ways": took},
        "first cell": {"2 processes": first_pool, "dask, 2 workers": first_dask},
        "large": {"cells": 8, "seconds": large},
        "waiting": {"wait": WAIT, "results": waits()},
    }
    Path(options.output).write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
