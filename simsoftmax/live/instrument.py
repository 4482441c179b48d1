"""An instrument for a reader's own files: they are read, judged and drawn in the page, and leave it for nowhere.

The page reads files as `simsoftmax.files` and `simsoftmax.delimited` do, and refuses them in the same words; what it
computes with are the kernels of `simsoftmax.kernels.page`: `fitting` and `reliability`, `counts`, `power` and
`thermometer`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import traitlets
from numpy.typing import NDArray

from ..boltzmann import softmax
from .base import STATIC, LiveFigure
from .traits import Choice

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Instrument"]

_WORDS = {
    "calibrate": (
        "Calibrate a classifier",
        "Logits and labels that it was not trained with go in; the temperature that makes it honest comes out.",
    ),
    "verify": (
        "Check a sampler",
        "What it has drawn and the logits that it drew from go in; whether it follows softmax comes out.",
    ),
    "thermometer": (
        "Take its temperature",
        "What it has drawn and the logits go in; the temperature at which it really runs comes out.",
    ),
}


#: The example of a sampler: its counts, of one that runs 5 % too hot, and the logits.
LOGITS = np.array([2.0, 1.0, 0.1, -0.5, -1.5])
COUNTS = np.random.default_rng(4).multinomial(20_000, softmax(LOGITS, 1.05))


class Instrument(LiveFigure):
    """An instrument that takes a reader's own files: it says what a function of this package says of them.

    Parameters
    ----------
    instrument : {"calibrate", "verify", "thermometer"}
        "calibrate" is `fit_temperature`, from logits and labels; "verify" is `verify` and "thermometer" is
        `estimate_temperature`, from counts (or draws) and logits.
    title, caption : str, optional
        What stands above the figure; empty for none.
    """

    _esm = STATIC / "instrument_explorer.js"
    instrument = Choice(list(_WORDS), "calibrate").tag(sync=True)
    _examples = traitlets.Dict().tag(sync=True)

    def __init__(self, instrument: str = "calibrate", **traits: Any) -> None:
        super().__init__(instrument=instrument, **traits)

    def _describe(self) -> str:
        return f"{_WORDS[self.instrument][0]}: an instrument for your own files, which it reads in the page"

    @traitlets.default("title")
    def _default_title(self) -> str:
        return _WORDS[self.instrument][0]

    @traitlets.default("caption")
    def _default_caption(self) -> str:
        return _WORDS[self.instrument][1]

    @traitlets.default("_examples")
    def _default_examples(self) -> dict[str, dict[str, str]]:
        logits, labels = example()
        counted = {"counts": _as_csv(COUNTS, "d"), "logits": _as_csv(LOGITS, "g")}
        return {
            "calibrate": {"logits": _as_csv(logits, ".3f"), "labels": _as_csv(labels, "d")},
            "verify": counted,
            "thermometer": counted,
        }

    def _draw(self, figure: Figure) -> None:
        if self.instrument != "calibrate":
            from ..plotting import plot_occupancy
            from ..verdict.thermometer import estimate_temperature

            read = self.instrument == "thermometer"
            temperature = estimate_temperature(COUNTS, LOGITS).temperature if read else 1.0
            plot_occupancy(COUNTS, LOGITS, temperature, ax=figure.subplots())
            return
        from ..calibration.fit import fit_temperature
        from ..calibration.metrics import reliability_diagram
        from ..plotting import plot_reliability

        figure.set_figheight(4.2)
        logits, labels = example()
        end = fit_temperature(logits, labels).temperature
        before, after = (reliability_diagram(softmax(logits, t), labels) for t in (1.0, end))
        plot_reliability(before, after=after, temperatures=(1.0, end), ax=figure.subplots())


def example() -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return logits and labels of a classifier that is too sure by a factor of two."""
    rng = np.random.default_rng(11)
    truth = 1.5 * rng.standard_normal((600, 5))
    return np.round(2 * truth, 3), (truth + rng.gumbel(size=truth.shape)).argmax(axis=1)


def _as_csv(table: NDArray[Any], form: str) -> str:
    rows = table[:, None] if table.ndim == 1 else table
    return "".join(",".join(format(number, form) for number in row) + "\n" for row in rows.tolist())
