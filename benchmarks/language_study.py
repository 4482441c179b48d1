"""Find the order at which a model of letters predicts best, if its table must fit into a page.

    python -m benchmarks.language_study [--size 290000] [--output FILE]

The models read what the chapter on generation lets its model read, and are judged by the same unread topics. The text
is that of the Python which runs the study, and differs a little between versions. It takes half a minute on two cores.
"""

from __future__ import annotations

import argparse
import json
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from simsoftmax.language import fit_language, python_topics

OUTPUT = Path(__file__).parents[1] / "book" / "data" / "language_study.json"
ORDERS = (5, 6, 7, 8, 9)


def judged(order: int, size: int | None) -> dict[str, Any]:
    """Return what a model of an order takes, and the bits that it needs for a letter of the unread topics."""
    topics = python_topics()
    names = sorted(topics)
    held = names[2::5]
    letters = "".join(sorted(set("".join(topics.values()))))
    read = "\n" + "\n".join(topics[name] for name in names if name not in held)
    model = fit_language(read, order=order, letters=letters, size=size)
    bits = np.concatenate([model.surprise("\n" + topics[name])[1:] for name in held])
    return {"order": order, "contexts": model.before.size, "bytes": len(model.table), "bits": float(bits.mean())}


def main() -> None:
    """Run the study and write what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=290_000)
    parser.add_argument("--output", default=str(OUTPUT))
    options = parser.parse_args()
    found = {
        "python": platform.python_version(),
        "versions": {name: version(name) for name in ("numpy", "simsoftmax")},
        "size": options.size,
        "in a page": [judged(order, options.size) for order in ORDERS],
        "whole": [judged(order, None) for order in ORDERS],
    }
    Path(options.output).write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
