"""Time every peer on every case, interleaved, in one run.

``python -m benchmarks`` takes some minutes and writes ``book/data/speed.json``, which the book shows. Parts of it:
``--levels 3,10``,
``--only "ours|C"`` (a regular expression), ``--particles 1e6``, ``--repeats 3``, ``--output other.json``.

Peers take turns: each repeat times every peer of a case once, so that a busy moment hits all alike. The figure is the
median over repeats, with the lowest and the highest beside it. Where peers are not installed, a line says so.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from benchmarks import peers, report
from benchmarks.peers import Absent, Case

RESULTS = Path(__file__).parents[1] / "book" / "data" / "speed.json"
SPAN = 0.1
"""Seconds that one timing should take at least."""


def seconds(sweep, sweeps):
    """Return how long ``sweep(sweeps)`` takes."""
    begin = time.perf_counter()
    sweep(sweeps)
    return time.perf_counter() - begin


def enough(sweep):
    """Return how many sweeps take about `SPAN` seconds; the first calls also compile and warm up."""
    sweep(1)
    sweeps = 1
    while (taken := seconds(sweep, sweeps)) < SPAN / 4 and sweeps < 1 << 24:
        sweeps *= 4 if taken < SPAN / 20 else 2
    return max(1, round(sweeps * SPAN / taken))


def time_case(levels, particles, chosen, repeats, say):
    """Return one record a peer: moves a nanosecond (for the wall, bits), median and range over the repeats."""
    ready = {}
    for name, peer in chosen.items():
        case = Case(levels, max(1, particles // peers.FEWER.get(name, 1)))
        try:
            sweep = peer(case)
            ready[name] = (sweep, enough(sweep), case.particles)
        except Absent as reason:
            say(f"  {name}: left out, {reason}")
    rates: dict[str, list[float]] = {name: [] for name in ready}
    for _ in range(repeats):
        for name, (sweep, sweeps, size) in ready.items():
            rates[name].append(size * sweeps / seconds(sweep, sweeps) / 1e9)
    return [
        {
            "peer": name,
            "levels": levels,
            "particles": particles,
            "timed_particles": ready[name][2],
            "median": statistics.median(found),
            "low": min(found),
            "high": max(found),
            "repeats": repeats,
        }
        for name, found in rates.items()
    ]


FIRST = """
import simsoftmax as ss
ss.simulate([2.0, 1.0, 0.1], 1.3, particles={particles}, sweeps=100, engine="particles", rng=1)
"""
EMPTY = """
import numba

@numba.njit(cache=True)
def call():
    pass

call()
"""


def first_results(repeats):
    """Return the seconds that a new process takes for a first result: small, and large with and without a cache.

    Beside them what numba takes by itself, for an empty function that lies in the cache.
    """
    large = FIRST.format(particles=10**6)
    cases = {
        "small": FIRST.format(particles=1000),
        "large, nothing cached": large,
        "large, cached": large,
        "an empty function of numba, nothing cached": EMPTY,
        "an empty function of numba, cached": EMPTY,
    }
    found: dict[str, list[float]] = {name: [] for name in cases}
    for _ in range(repeats):
        with tempfile.TemporaryDirectory() as folder:
            environment = {**os.environ, "NUMBA_CACHE_DIR": folder}
            for name, source in cases.items():
                script = Path(folder) / ("empty.py" if source is EMPTY else "first.py")
                if not script.exists() or script.read_text() != source:  # numba caches by the age of the file too
                    script.write_text(source)
                begun = time.perf_counter()
                subprocess.run([sys.executable, script], env=environment, capture_output=True, check=True)
                found[name].append(time.perf_counter() - begun)
    return {name: statistics.median(values) for name, values in found.items()}


def machine():
    """Return a description of the machine and of the versions at work."""
    model = platform.processor() or platform.machine()
    flags = ""
    if Path("/proc/cpuinfo").exists():
        text = Path("/proc/cpuinfo").read_text()
        model = next((line.split(":")[1].strip() for line in text.splitlines() if line.startswith("model name")), model)
        flags = next((line for line in text.splitlines() if line.startswith(("flags", "Features"))), "")
    vectors = next((f for f in ("avx512bw", "avx2", "sse2", "asimd") if f in flags.split()), "unknown")
    found = {}
    for package in ("numpy", "numba", "llvmlite", "jax", "torch"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = None
    return {
        "processor": model,
        "cores": peers.CORES,
        "vectors": vectors,
        "system": platform.system(),
        "python": platform.python_version(),
        "versions": found,
        "load": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        "date": datetime.date.today().isoformat(),
    }


def main(arguments=None):
    """Run the benchmarks that are asked for and write the results."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.splitlines()[0])
    parser.add_argument("--levels", default="2,3,10,100,1000", help="numbers of levels, by commas")
    parser.add_argument("--particles", type=float, default=1e6, help="particles of the main comparison")
    parser.add_argument("--only", default="", help="regular expression for the names of the peers")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--sizes", default="1e3,1e4,1e5,1e7", help="further numbers of particles for K = 3, ours and C")
    parser.add_argument("--no-first", action="store_true", help="leave out the time to a first result")
    parser.add_argument("--output", type=Path, default=RESULTS)
    options = parser.parse_args(arguments)
    wanted = re.compile(options.only)

    def pick(table):
        return {name: peer for name, peer in table.items() if wanted.search(name)}

    found = {"machine": machine(), "moves": [], "wall": [], "draws": [], "counts": [], "first": {}}
    size = int(options.particles)
    for levels in (int(k) for k in options.levels.split(",") if k):
        print(f"K = {levels}, N = {size}", flush=True)
        records = time_case(levels, size, {**pick(peers.MOVES), "generator": peers.wall}, options.repeats, print)
        found["moves"] += [r for r in records if r["peer"] != "generator"]
        found["wall"] += [r for r in records if r["peer"] == "generator"]
        report.show(records)
        found["draws"] += time_case(levels, size, pick(peers.DRAWS), min(options.repeats, 3), print)
    for other in (int(float(n)) for n in options.sizes.split(",") if n):
        few = {k: v for k, v in pick(peers.MOVES).items() if k.startswith(("ours", "C, scalar", "numba, our"))}
        print(f"K = 3, N = {other}", flush=True)
        records = time_case(3, other, few, options.repeats, print)
        found["moves"] += records
        report.show(records)
    if pick(peers.COUNTS):
        print("occupations, K = 1000", flush=True)
        for record in time_case(1000, size, pick(peers.COUNTS), min(options.repeats, 3), print):
            record["microseconds"] = size / record["median"] / 1e3
            found["counts"].append(record)
            print(f"  {record['peer']:28} {record['microseconds']:12.1f} microseconds a sweep")
    if not options.no_first:
        found["first"] = first_results(min(options.repeats, 3))
        for name, value in found["first"].items():
            print(f"first result, {name}: {value:.2f} s")
    found["ratios"] = report.ratios(found)
    for line in report.lines(found["ratios"]):
        print(line)
    options.output.write_text(json.dumps(found, indent=1) + "\n")
