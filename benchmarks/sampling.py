"""Draw tokens with simsoftmax and with the recipes of its peers: time in one run, and memory.

    python -m benchmarks.sampling [--repeats 7] [--output FILE]

Peers that are not installed are left out and named. Every round times each of them once, one after the other, so that
whatever else the machine does meets them alike; medians are reported, with the lowest and the highest beside them. A
peer that needs more than ten seconds is timed once. The recipes are written here from what the projects document; all
work on float32 logits with two threads and draw one token a row.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import platform
import statistics
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import simsoftmax as ss
from simsoftmax.sampling import Pipeline

THREADS = 2
TEMPERATURE, TOP_K, TOP_P = 0.7, 50, 0.9
SLOW = 10.0  # seconds after which a peer is timed once
REST = 0.3  # seconds before each, as the threads of some libraries wait busily for more work for a while
OUTPUT = Path(__file__).parents[1] / "book" / "data" / "speed_sampling.json"

GENERATOR = np.random.default_rng(1)  # one for all draws, as where tokens are made one after the other
Draw = Callable[[np.ndarray], Any]


def inverse(logits: np.ndarray) -> np.ndarray:
    """Draw by NumPy's exponentials, running sums and a binary search, row by row."""
    tokens = np.empty(len(logits), np.int64)
    for i, row in enumerate(logits):
        sums = np.cumsum(np.exp((row - row.max()) / TEMPERATURE), dtype=np.float64)
        tokens[i] = np.searchsorted(sums, GENERATOR.random() * sums[-1], side="right")
    return tokens


def gumbel(logits: np.ndarray) -> np.ndarray:
    """Draw by NumPy's Gumbel noise, in blocks of rows that stay in the cache's reach."""
    tokens = np.empty(len(logits), np.int64)
    step = max(1, (1 << 20) // logits.shape[1])
    for i in range(0, len(logits), step):
        rows = logits[i : i + step]
        tokens[i : i + step] = (rows / TEMPERATURE + GENERATOR.gumbel(size=rows.shape)).argmax(axis=1)
    return tokens


def nucleus(logits: np.ndarray) -> np.ndarray:
    """Draw after top-k and top-p by sorting each row with NumPy."""
    tokens = np.empty(len(logits), np.int64)
    for i, row in enumerate(logits):
        order = np.argsort(-row)[:TOP_K]
        p = np.exp((row[order] - row[order[0]]) / TEMPERATURE)
        p /= p.sum()
        last = np.searchsorted(np.cumsum(p), TOP_P) + 1
        sums = np.cumsum(p[:last])
        tokens[i] = order[np.searchsorted(sums, GENERATOR.random() * sums[-1], side="right")]
    return tokens


def ours(pipeline: Pipeline) -> Draw:
    """Return the draw of a pipeline, with two threads."""
    return lambda logits: pipeline.sample(logits, rng=GENERATOR, threads=THREADS)


def torch_peers() -> tuple[dict[str, Draw], dict[str, Draw]]:
    """Return PyTorch's softmax and multinomial, and the sort-based filters of transformers before them."""
    import torch

    torch.set_num_threads(THREADS)
    drop = -float("inf")

    def plain(logits: np.ndarray) -> Any:
        return torch.multinomial(torch.softmax(torch.from_numpy(logits) / TEMPERATURE, -1), 1)

    def filtered(top_k: int | None, top_p: float | None) -> Draw:
        def draw(logits: np.ndarray) -> Any:
            scores = torch.from_numpy(logits) / TEMPERATURE
            if top_k is not None:
                least = torch.topk(scores, top_k)[0][..., -1, None]
                scores = scores.masked_fill(scores < least, drop)
            if top_p is not None:
                ascending, order = torch.sort(scores, descending=False)
                out = ascending.softmax(dim=-1).cumsum(dim=-1) <= 1 - top_p
                out[..., -1:] = False
                scores = scores.masked_fill(out.scatter(1, order, out), drop)
            return torch.multinomial(torch.softmax(scores, -1), 1)

        return draw

    sorting = {
        "top-k and top-p": filtered(TOP_K, TOP_P),
        "top-p": filtered(None, TOP_P),
        "top-k": filtered(TOP_K, None),
    }
    return {"PyTorch softmax and multinomial": plain}, sorting


def cases() -> dict[str, tuple[tuple[int, int], dict[str, Draw]]]:
    """Return the cases: the shape of the logits, and what draws from them, ours first."""
    try:
        torched, sorted_ = torch_peers()
    except ImportError:
        print("PyTorch is not installed, and left out")
        torched, sorted_ = {}, {}
    wide = (16, 131_072)
    plain = Pipeline.of(TEMPERATURE)
    both = Pipeline.transformers(TEMPERATURE, top_k=TOP_K, top_p=TOP_P)
    result = {
        "temperature": (wide, {"simsoftmax": ours(plain), "NumPy inverse": inverse, "NumPy Gumbel": gumbel, **torched}),
        "top-k and top-p": (wide, {"simsoftmax": ours(both), "NumPy sort": nucleus}),
        "top-p": (wide, {"simsoftmax": ours(Pipeline.transformers(TEMPERATURE, top_p=TOP_P))}),
        "top-k": (wide, {"simsoftmax": ours(Pipeline.transformers(TEMPERATURE, top_k=TOP_K))}),
        "temperature, a million rows of 32": (
            (1_000_000, 32),
            {"simsoftmax": ours(plain), "NumPy Gumbel": gumbel, **torched},
        ),
    }
    for name, draw in sorted_.items():
        result[name][1]["transformers' sorting, in PyTorch"] = draw
    return result


def measure(draws: dict[str, Draw], logits: np.ndarray, repeats: int) -> dict[str, list[float]]:
    """Return the seconds of each draw, the rounds interleaved."""
    seconds: dict[str, list[float]] = {name: [] for name in draws}
    for draw in draws.values():
        draw(logits[:2])  # compiled, imported, warm
    for turn in range(repeats):
        for name, draw in draws.items():
            if turn and seconds[name][0] > SLOW:
                continue
            time.sleep(REST)
            begin = time.perf_counter()
            draw(logits)
            seconds[name].append(time.perf_counter() - begin)
    return seconds


def main() -> None:
    """Run all cases and write what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--output", default=str(OUTPUT))
    options = parser.parse_args()
    rng = np.random.default_rng(20)
    rows = []
    for case, (shape, draws) in cases().items():
        logits = 3 * rng.standard_normal(shape, dtype=np.float32)
        seconds = measure(draws, logits, options.repeats)
        own = statistics.median(seconds["simsoftmax"])
        tracemalloc.start()
        draws["simsoftmax"](logits)
        share = tracemalloc.get_traced_memory()[1] / logits.nbytes
        tracemalloc.stop()
        for name, times in seconds.items():
            middle = statistics.median(times)
            rows.append(
                {"case": case, "peer": name, "shape": shape, "seconds": middle, "low": min(times), "high": max(times)}
                | ({"extra_memory": share} if name == "simsoftmax" else {"times": middle / own})
            )
            print(f"{case:34} {name:42} {1000 * middle:9.2f} ms  {middle / own:7.1f}")
        print(f"{case:34} extra memory {share:.2%} of the logits")
    facts = {"processor": platform.processor() or platform.machine(), "cores": os.cpu_count(), "numpy": np.__version__}
    facts |= {"torch": importlib.metadata.version("torch")} if any("PyTorch" in r["peer"] for r in rows) else {}
    facts |= {"simsoftmax": ss.__version__, "threads": THREADS}
    Path(options.output).write_text(json.dumps({"facts": facts, "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
