"""The live figures, each with a line that makes it: what the gallery shows, and what its files are saved from.

``book/_ext/saved_figures.py`` saves each of them beside the built pages.
"""

from __future__ import annotations

import re
from typing import Any

from IPython.display import HTML, Markdown, display

from simsoftmax import live

__all__ = ["FIGURES", "PREPARED", "exhibit", "make", "prepared"]

#: What the lines may use: a few numbers of one's own.
PREPARED = """
import numpy as np
import simsoftmax as ss
from simsoftmax.language import fit_language
from simsoftmax.live import *

rng = np.random.default_rng(1)
logits = 4 * rng.standard_normal((500, 5))  # of a classifier, a row for each case
labels = (logits / 2 + rng.gumbel(size=logits.shape)).argmax(axis=1)  # and what was true
pictures = rng.random((60, 64))  # small squares of grey values, row by row
classes = rng.integers(3, size=60)
network = [rng.standard_normal((64, 8)) / 8, np.zeros(8), rng.standard_normal((8, 3)), np.zeros(3)]
"""

#: The line that makes each figure.
FIGURES = {
    "ParticleExplorer": 'ParticleExplorer([2.0, 1.0, 0.1], temperature=0.7, names=["yes", "no", "perhaps"], rng=1)',
    "TemperatureExplorer": 'TemperatureExplorer([2.0, 1.0, 0.1], names=["yes", "no", "perhaps"])',
    "SamplerExplorer": 'SamplerExplorer("temperature 5 % too hot", temperature=0.7, rng=1)',
    "FreeEnergyExplorer": "FreeEnergyExplorer([2.0, 1.0, 0.1], temperature=2.0, distribution=[0.1, 0.1, 0.8])",
    "LogPartitionExplorer": "LogPartitionExplorer([2.0, 1.0, 0.1], temperature=0.8)",
    "GasExplorer": "GasExplorer(1.0, particles=10_000, rng=1)",
    "AnnealingExplorer": "AnnealingExplorer([0.0, 1.0, 0.2, 1.5, -1.0, 2.0], hot=3.0, cold=0.1, rng=1)",
    "CalibrationExplorer": "CalibrationExplorer(logits, labels)",
    "LogOddsExplorer": "LogOddsExplorer([0.2, 0.7, 0.95], temperature=2.0)",
    "SymmetryExplorer": (
        "SymmetryExplorer(logits[:, 0], labels % 2, weights=[1.0, -1.0], biases=[0.0, 0.5], names=['even', 'odd'])"
    ),
    "WeightDecayExplorer": (
        "WeightDecayExplorer([0.0, 1.0], [[1.0, 2.0], [0.5, 1.0]], effective=[1.0, 2.0],\n"
        "    calibration=[ss.fit_temperature(logits, labels), ss.fit_temperature(logits / 2, labels)],\n"
        "    names=['height', 'weight'])"
    ),
    "ShiftExplorer": "ShiftExplorer(pictures, classes, network, rng=1)",
    "GenerationExplorer": (
        'GenerationExplorer(fit_language("to be or not to be, that is the question.\\n", order=4), rng=1)'
    ),
    "DistillationExplorer": (
        "DistillationExplorer(pictures, logits[:60, :3], classes,\n"
        "    means=[pictures[classes == k].mean(axis=0) for k in range(3)])"
    ),
    "AttentionExplorer": 'AttentionExplorer(["a red fox runs"], [3 * rng.standard_normal((4, 4))])',
    "BanditExplorer": "BanditExplorer([0.0, 0.4, -0.3, 0.9], temperature=0.15, rng=3)",
    "ReaderExplorer": "ReaderExplorer([[2, 0.9, 1], [3, 0.8, 0], [4, 0.6, 1], [2, 0.7, 0]])",
    "Instrument": 'Instrument("calibrate")',
}


def make(name: str) -> live.LiveFigure:
    """Return a figure, made by its line."""
    names: dict[str, Any] = {}
    exec(f"{PREPARED}\nfigure = {FIGURES[name]}", names)
    figure: live.LiveFigure = names["figure"]
    return figure


def traits_of(name: str) -> list[tuple[str, str, str]]:
    """Return name, kind and meaning of each parameter, from the figure's documentation."""
    text = re.split(r"\n\s+Parameters\n\s+-+\n", getattr(live, name).__doc__ or "")[1]
    text = re.split(r"\n\n\s+\w+\n\s+-+\n", text)[0]
    found = re.findall(r"^    (\w[\w, ]*) : (.+)\n((?:        .+\n?)+)", text + "\n", re.MULTILINE)
    return [(names, kind, " ".join(words.split())) for names, kind, words in found]


def prepared() -> Markdown:
    """Return what the lines may use, to be shown."""
    return Markdown(f"```python{PREPARED}```")


def exhibit(name: str) -> None:
    """Show how a figure is made, its traits, and its file."""
    code = FIGURES[name]
    # A list and no table: what a trait means is to be read on a small screen too.
    traits = "".join(
        f"- **{names}**, {kind.removesuffix(', optional').replace('*', chr(92) + '*')}: {meaning}\n"
        for names, kind, meaning in traits_of(name)
    )
    display(Markdown(f'```python\nfigure = {code}\nfigure.save("{name}.html")\n```\n\n{traits}'))
    display(HTML(f'<p><a href="../figures/{name}.html">{name}.html, as these lines save it</a></p>'))


assert set(FIGURES) == set(live.__all__) - {"LiveFigure"}, "every live figure has its place here"
