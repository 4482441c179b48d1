"""Time the same kernel source, compiled natively and to WebAssembly, taking turns: ``python -m benchmarks.wasm``.

WebAssembly runs in Node.js, whose engine is that of Chromium. Each turn times both over the same particles, so that a
busy moment hits both; the figure is the median of the ratios of the turns.
"""

from __future__ import annotations

import base64
import json
import shutil
import statistics
import subprocess
import time
from pathlib import Path
from typing import Any

import numpy as np

from simsoftmax import live
from simsoftmax.kernels import wasm
from simsoftmax.kernels.page.reference import sweep_neighbour, sweep_uniform
from simsoftmax.kernels.seeds import seed_streams

KERNELS = {"uniform": sweep_uniform, "neighbour": sweep_neighbour}
LOGITS, TEMPERATURE, PARTICLES, SPAN = (2.0, 1.0, 0.1), 0.7, 100_000, 0.4

# Answers every line of input, the name of a kernel, with nanoseconds a move.
NODE = """
const { Kernels } = await import("data:text/javascript;base64," + process.argv[1]);
const job = JSON.parse(process.argv[2]);
const kernels = await Kernels.load(new DataView(new Uint8Array(Buffer.from(job.module, "base64")).buffer));
const states = kernels.array("uint8", job.particles);
const [exponents, weights] = [kernels.floats(job.exponents), kernels.floats(job.weights)];
const stream = kernels.array("uint64", 4);
stream.view.set(job.stream.map(BigInt));
for await (const line of (await import("node:readline")).createInterface({ input: process.stdin })) {
  const sweep = (sweeps) => kernels[`sweep_${line}`](states, exponents, weights, stream, sweeps);
  sweep(3);
  const begin = performance.now();
  let sweeps = 0;
  for (; performance.now() - begin < job.span * 1000; sweeps += 10) sweep(10);
  console.log(((performance.now() - begin) * 1e6) / (sweeps * job.particles));
}
"""


def native(kernel: Any, states: Any, exponents: Any, weights: Any, stream: Any) -> float:
    """Return nanoseconds a move of the native kernel."""
    kernel(states, exponents, weights, stream, 3)
    begin, sweeps = time.perf_counter(), 0
    while time.perf_counter() - begin < SPAN:
        kernel(states, exponents, weights, stream, 10)
        sweeps += 10
    return (time.perf_counter() - begin) * 1e9 / (sweeps * len(states))


def compare(turns: int = 7) -> dict[str, dict[str, float]]:
    """Return, for each proposal, million moves a second in both forms and the median ratio, WebAssembly to native.

    Raises
    ------
    RuntimeError
        If Node.js is not there.
    """
    if shutil.which("node") is None:
        raise RuntimeError("Node.js is needed to time WebAssembly; install it, or leave this benchmark out")
    exponents = (np.array(LOGITS) - max(LOGITS)) / TEMPERATURE
    weights, stream = np.exp(exponents), seed_streams(1, 1)[0]
    job = {
        "module": base64.b64encode(wasm.MODULE.read_bytes()).decode(),
        "particles": PARTICLES,
        "exponents": exponents.tolist(),
        "weights": weights.tolist(),
        "stream": [str(word) for word in stream],
        "span": SPAN,
    }
    loader = base64.b64encode((Path(live.__file__).parent / "src" / "kit" / "kernels.js").read_bytes()).decode()
    command = ["node", "--input-type=module", "-e", NODE, loader, json.dumps(job)]
    found = {}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1) as node:
        assert node.stdin is not None
        assert node.stdout is not None
        for name, kernel in KERNELS.items():
            times = []
            for _ in range(turns):
                states = np.zeros(PARTICLES, dtype=np.uint8)
                mine = native(kernel, states, exponents, weights, stream.copy())
                node.stdin.write(f"{name}\n")
                times.append((mine, float(node.stdout.readline())))
            found[name] = {
                "native": 1e3 / statistics.median(mine for mine, _ in times),
                "wasm": 1e3 / statistics.median(theirs for _, theirs in times),
                "ratio": statistics.median(mine / theirs for mine, theirs in times),
            }
        node.stdin.close()
    return found


def main() -> None:
    """Print the comparison."""
    for name, row in compare().items():
        print(
            f"{name:9} native {row['native']:6.1f}, WebAssembly {row['wasm']:6.1f} million moves a second; "
            f"ratio {row['ratio']:.2f}"
        )


if __name__ == "__main__":
    main()
