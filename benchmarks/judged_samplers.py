"""Judge the samplers of PyTorch and of Hugging Face's transformers with `verify_draws`, whatever comes out.

    python -m benchmarks.judged_samplers [--rows 20000] [--seed 1] [--output FILE]

Both libraries are needed. Every sampler is given rows of Gaussian scores as float32 and says what it does; the verdict
holds it to that. A token on which the libraries' float32 sums and exact arithmetic disagree, at the very edge of a
nucleus, fails outright: such rows are counted, and judged once more with the tokens that are left by the library's own
filters.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from simsoftmax import Pipeline, diagnose, verify_draws

OUTPUT = Path(__file__).parents[1] / "book" / "data" / "judged_samplers.json"
LEVELS, WIDTH = 1000, 3.0

Scores = Any
Sampler = Callable[[Scores], Scores]


def samplers() -> dict[str, tuple[Sampler, Sampler, Pipeline]]:
    """Return {name: (filters, draw, what they say that they do)}."""
    import torch
    from transformers.generation import logits_process as warpers

    def multinomial(scores: Scores) -> Scores:
        return torch.multinomial(torch.softmax(scores, -1), 1)[:, 0]

    def exponential(scores: Scores) -> Scores:
        p = torch.softmax(scores, -1)
        return p.div_(torch.empty_like(p).exponential_(1)).argmax(-1)

    def gumbel(scores: Scores) -> Scores:
        return torch.nn.functional.gumbel_softmax(scores, hard=True).argmax(-1)

    def categorical(scores: Scores) -> Scores:
        return torch.distributions.Categorical(logits=scores).sample()

    def warped(*steps: Any) -> Sampler:
        def apply(scores: Scores) -> Scores:
            for step in steps:
                scores = step(None, scores)
            return scores

        return apply

    heat = warpers.TemperatureLogitsWarper(0.7)
    plain, hf = warped(heat), Pipeline.transformers
    return {
        "PyTorch: multinomial of softmax": (plain, multinomial, hf(0.7)),
        "PyTorch: Categorical": (plain, categorical, hf(0.7)),
        "PyTorch: softmax over exponential noise": (plain, exponential, hf(0.7)),
        "PyTorch: gumbel_softmax, hard": (plain, gumbel, hf(0.7)),
        "transformers: top-k": (warped(heat, warpers.TopKLogitsWarper(50)), multinomial, hf(0.7, top_k=50)),
        "transformers: top-p": (warped(heat, warpers.TopPLogitsWarper(0.9)), multinomial, hf(0.7, top_p=0.9)),
        "transformers: min-p": (warped(heat, warpers.MinPLogitsWarper(0.05)), multinomial, hf(0.7, min_p=0.05)),
        "transformers: typical": (warped(heat, warpers.TypicalLogitsWarper(0.9)), multinomial, hf(0.7, typical_p=0.9)),
        "transformers: top-k and top-p": (
            warped(heat, warpers.TopKLogitsWarper(50), warpers.TopPLogitsWarper(0.9)),
            multinomial,
            hf(0.7, top_k=50, top_p=0.9),
        ),
    }


def main() -> None:
    """Judge all samplers and write what was found."""
    import torch

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--output", default=str(OUTPUT))
    options = parser.parse_args()
    z = WIDTH * np.random.default_rng(options.seed).standard_normal((options.rows, LEVELS), dtype=np.float32)
    torch.manual_seed(options.seed)
    rows = []
    for name, (filters, draw, stated) in samplers().items():
        draws, kept = np.empty(len(z), np.int64), np.empty(z.shape, bool)
        for start in range(0, len(z), 2000):
            part = slice(start, start + 2000)
            left = filters(torch.from_numpy(z[part].copy()))
            kept[part] = torch.isfinite(left).numpy()
            draws[part] = draw(left).numpy()
        verdict = verify_draws(draws, z, pipeline=stated)
        exact = stated.probabilities(z) > 0
        own = verify_draws(draws, np.where(kept, z, -np.inf), 0.7)
        rows.append(
            {
                "sampler": name,
                "stated": str(stated),
                "passed": verdict.passed,
                "p": verdict.p_value,
                "verdict": str(verdict),
                "rows that differ": int((kept != exact).any(axis=1).sum()),
                "p with its own filters": own.p_value,
                "passed with its own filters": own.passed,
                "detectable_temperature": own.detectable_temperature,
                "diagnosis": diagnose(draws[:10_000], z[:10_000], pipeline=stated).best,
            }
        )
        print(json.dumps(rows[-1], indent=1), flush=True)
    facts = {name: importlib.metadata.version(name) for name in ("torch", "transformers", "numpy")}
    facts |= {"rows": options.rows, "levels": LEVELS, "width": WIDTH, "seed": options.seed}
    Path(options.output).write_text(json.dumps({"facts": facts, "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
