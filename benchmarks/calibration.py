"""Fit a temperature with simsoftmax and with its peers: time, error and memory in one run.

    python -m benchmarks.calibration [--sizes 10000x10,50000x100] [--peers scikit-learn,netcal] [--output FILE]

Peers that are not installed are left out and named. Every round times each of them once, one after the other, so that
whatever else the machine does meets them alike; medians are reported. A peer that needs more than ten seconds is timed
once, and left out where it would need more than a minute. The error is that of T against a root found in double
precision. The memory is the peak of the process's resident set during a fit above what it held before, in a process of
its own.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import platform
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
from scipy.optimize import brentq, minimize_scalar
from scipy.special import logsumexp

SIZES = ("10000x10", "50000x100", "50000x1000")
TEMPERATURE = 2.0
SLOW = 10.0  # seconds after which a peer is timed once
REST = 0.3  # seconds before each peer's turn: threads of OpenMP and BLAS keep turning for a while after their work
TURN = 0.1  # seconds that a peer's turn lasts at least, which is two fits at least
LIMIT = 60.0  # seconds after which it is left out, as foretold by the size before

Fit = Callable[[np.ndarray, np.ndarray], float]


def make(rows: int, levels: int) -> tuple[np.ndarray, np.ndarray]:
    """Return float32 logits and labels drawn from softmax(logits / 2)."""
    rng = np.random.default_rng([rows, levels])
    logits = 4 * rng.standard_normal((rows, levels), dtype=np.float32)
    labels = np.empty(rows, np.int64)
    for start in range(0, rows, 1000):
        block = logits[start : start + 1000]
        labels[start : start + 1000] = (block / TEMPERATURE + rng.gumbel(size=block.shape)).argmax(axis=1)
    return logits, labels


def first_rows(logits: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return enough rows for a fit to go the way of the whole."""
    few = 50_000 // logits.shape[1]
    return logits[:few], labels[:few]


def true_temperature(logits: np.ndarray, labels: np.ndarray) -> float:
    """Return the root of the likelihood's derivative in double precision, block by block."""

    def slope(u: float) -> float:
        total = 0.0
        for start in range(0, len(logits), 1000):
            z = logits[start : start + 1000].astype(np.float64)
            z -= z.max(axis=1, keepdims=True)
            weight = np.exp(z * np.exp(u))
            total += np.sum(
                (weight * z).sum(axis=1) / weight.sum(axis=1) - z[np.arange(len(z)), labels[start : start + 1000]]
            )
        return total

    return float(np.exp(-brentq(slope, -1.0, -0.4, xtol=1e-12)))


def ours(threads: int | None) -> Fit:
    from simsoftmax import fit_temperature

    return lambda logits, labels: fit_temperature(logits, labels, threads=threads).temperature


def scikit_learn() -> Fit:
    # What CalibratedClassifierCV(method="temperature") calls, without the cross-validation around it.
    from sklearn.calibration import _TemperatureScaling

    return lambda logits, labels: 1 / float(_TemperatureScaling().fit(logits, labels).beta_)


def netcal() -> Fit:
    from netcal.scaling import TemperatureScaling

    def fit(logits: np.ndarray, labels: np.ndarray) -> float:
        # It takes probabilities, and in single precision it returns T = 1.
        z = logits.astype(np.float64)
        z -= z.max(axis=1, keepdims=True)
        np.exp(z, out=z)
        z /= z.sum(axis=1, keepdims=True)
        model = TemperatureScaling().fit(z, labels)
        return 1 / float(np.ravel(model._sites["weights"]["values"])[0])

    return fit


def torch_recipe() -> Fit:
    import torch

    def fit(logits: np.ndarray, labels: np.ndarray) -> float:
        # The recipe that goes round: L-BFGS on T, started at 1.5, learning rate 0.01, 50 iterations.
        z, y = torch.from_numpy(logits), torch.from_numpy(labels)
        t = torch.nn.Parameter(torch.ones(1) * 1.5)
        optimizer = torch.optim.LBFGS([t], lr=0.01, max_iter=50)

        def closure() -> torch.Tensor:
            optimizer.zero_grad()
            loss = torch.nn.functional.cross_entropy(z / t, y)
            loss.backward()
            return loss

        optimizer.step(closure)
        return float(t.detach())

    return fit


def torch_uncertainty() -> Fit:
    import torch
    from torch_uncertainty.post_processing import TemperatureScaler

    def fit(logits: np.ndarray, labels: np.ndarray) -> float:
        model = TemperatureScaler()
        # One batch, which it need not join together.
        model.fit([(torch.from_numpy(logits), torch.from_numpy(labels))], progress=False)
        return 1 / float(model.inv_temp)

    return fit


def probmetrics() -> Fit:
    import torch
    from probmetrics.calibrators.temperature_scaling import TemperatureScalingCalibrator
    from probmetrics.distributions import CategoricalLogits

    def fit(logits: np.ndarray, labels: np.ndarray) -> float:
        model = TemperatureScalingCalibrator()
        model._fit_torch_impl(CategoricalLogits(torch.from_numpy(logits)), torch.from_numpy(labels))
        return 1 / float(model.invtemp_)

    return fit


def scipy_scalar() -> Fit:
    def fit(logits: np.ndarray, labels: np.ndarray) -> float:
        z = logits.astype(np.float64)
        own = z[np.arange(len(z)), labels]
        found = minimize_scalar(
            lambda b: np.mean(logsumexp(b * z, axis=1) - b * own), bounds=(0.05, 20), method="bounded"
        )
        return 1 / float(found.x)

    return fit


PEERS: dict[str, Callable[[], Fit]] = {
    "simsoftmax": lambda: ours(None),
    "simsoftmax, 1 thread": lambda: ours(1),
    "scikit-learn": scikit_learn,
    "netcal": netcal,
    "torch L-BFGS recipe": torch_recipe,
    "torch-uncertainty": torch_uncertainty,
    "probmetrics": probmetrics,
    "scipy minimize_scalar": scipy_scalar,
}
PACKAGES = (
    "simsoftmax",
    "numba",
    "numpy",
    "scipy",
    "scikit-learn",
    "netcal",
    "torch",
    "torch-uncertainty",
    "probmetrics",
)


def available(names: list[str]) -> tuple[dict[str, Fit], dict[str, str]]:
    """Return the peers that can be imported, and why the others cannot."""
    found, missing = {}, {}
    for name in names:
        try:
            found[name] = PEERS[name]()
        except ImportError as error:
            missing[name] = str(error)
    return found, missing


def measure(size: str, fits: dict[str, Fit], rounds: int) -> list[dict[str, object]]:
    """Return one record a peer: median time, error, ratio to simsoftmax."""
    logits, labels = make(*map(int, size.split("x")))
    truth = true_temperature(logits, labels)
    times: dict[str, list[float]] = {name: [] for name in fits}
    temperatures = {}
    for fit in fits.values():  # compilation and caches
        fit(*first_rows(logits, labels))
    for _ in range(rounds):
        for name, fit in fits.items():
            if times[name] and times[name][0] > SLOW:
                continue
            # Repeated at once, and the best of the repetitions is the round's: the first wakes threads and caches.
            turn: list[float] = []
            time.sleep(REST)
            while len(turn) < 2 or sum(turn) < TURN:
                begin = time.perf_counter()
                temperatures[name] = fit(logits, labels)
                turn.append(time.perf_counter() - begin)
            times[name].append(min(turn))
    first = next(iter(fits))
    records = []
    for name in fits:
        paired = [other / own for other, own in zip(times[name], times[first], strict=False)]
        records.append(
            {
                "peer": name,
                "size": size,
                "seconds": statistics.median(times[name]),
                "ratio": statistics.median(paired),
                "rounds": len(times[name]),
                "temperature": temperatures[name],
                "error": abs(temperatures[name] - truth),
            }
        )
    return records


def _status(field: str) -> int:
    text = Path("/proc/self/status").read_text()
    return int(text.split(field + ":")[1].split()[0]) * 1024


def peak(name: str, size: str) -> int:
    """Return the bytes that one fit adds to this process at its peak (Linux)."""
    logits, labels = make(*map(int, size.split("x")))
    fit = PEERS[name]()
    fit(*first_rows(logits, labels))
    Path("/proc/self/clear_refs").write_text("5")
    before = _status("VmRSS")
    fit(logits, labels)
    return max(0, _status("VmHWM") - before)


def measured_peak(name: str, size: str) -> int | None:
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.calibration", "--peak", name, "--sizes", size]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    return int(run.stdout.split()[-1]) if run.returncode == 0 else None


def main() -> None:
    """Run the benchmark and write its results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default=",".join(SIZES))
    parser.add_argument(
        "--peers", default=",".join(p for p in PEERS if "," not in p), help="names, separated by commas"
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--output", default=str(Path(__file__).parents[1] / "book" / "data" / "speed_calibration.json"))
    parser.add_argument("--peak", help=argparse.SUPPRESS)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    sizes = options.sizes.split(",")
    if options.peak:
        print(peak(options.peak, sizes[0]))
        return
    names = list(dict.fromkeys(["simsoftmax", "simsoftmax, 1 thread", *options.peers.split(",")]))
    fits, missing = available(names)
    for name, why in missing.items():
        print(f"left out: {name} ({why})")
    results: list[dict[str, object]] = []
    elements = {size: int(np.prod([int(n) for n in size.split("x")])) for size in sizes}
    for size in sizes:
        for record in results:
            name = str(record["peer"])
            foretold = float(record["seconds"]) * elements[size] / elements[str(record["size"])]
            if name in fits and foretold > LIMIT:
                del fits[name]
                missing[f"{name} at {size}"] = f"it would take about {foretold:.0f} s"
                print(f"left out: {name} at {size}, it would take about {foretold:.0f} s")
        records = measure(size, fits, options.rounds)
        for record in records:
            record["memory"] = measured_peak(str(record["peer"]), size) if sys.platform == "linux" else None
            memory = "" if record["memory"] is None else f"{record['memory'] / 2**20:8.1f} MiB"
            print(
                f"{size:>11} {record['peer']:<22} {1e3 * float(record['seconds']):10.2f} ms {record['ratio']:8.2f}x "
                f"error {record['error']:.1e} {memory}",
                flush=True,
            )
        results.extend(records)
    versions = {}
    for package in PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    report = {
        "temperature": TEMPERATURE,
        "machine": {
            "processors": os.cpu_count(),
            "architecture": platform.machine(),
            "python": platform.python_version(),
        },
        "versions": versions,
        "left_out": missing,
        "results": results,
    }
    Path(options.output).write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
