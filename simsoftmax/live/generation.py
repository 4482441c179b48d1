"""A live figure of a language model that writes, letter by letter, under a temperature that the reader turns."""

from __future__ import annotations

from textwrap import wrap
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import traitlets

from ..arguments import RNG, as_count, as_temperature
from ..language import LanguageModel
from ..sampling import Order, Pipeline
from .base import STATIC, LiveFigure, plain, stream, within
from .traits import Choice, Flag, Number, Whole, validate

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["GenerationExplorer"]

_SIGNS = str.maketrans({"\n": "↵", " ": "␣"})


class GenerationExplorer(LiveFigure):
    """A model that writes: its text, coloured by the temperature of each letter, and the letter that comes as bars.

    Parameters
    ----------
    model : LanguageModel
        What `simsoftmax.language.fit_language` returns; its table is kept with the figure.
    temperature : float, optional
        T >= 0; 0 and infinity mean the exact limits.
    top_k : int, optional
        Letters that top-k leaves; 0 for all.
    top_p, min_p : float, optional
        As in `simsoftmax.sample`; 1 and 0 leave all.
    order : {"temperature-first", "temperature-last"}, optional
        Whether the filters see what the temperature has done.
    speed : float, optional
        Letters a second, from 0.1 to 10,000.
    rng : int, numpy.random.Generator or None, optional
        Seeds the draws.
    title, caption : str, optional
        What stands above the figure; empty for none.

    Attributes
    ----------
    text : str
        What was written last; set by the page.
    """

    _esm = STATIC / "generation_explorer.js"
    buttons: ClassVar[dict[str, str]] = {"step": "one letter", "again": "begin again"}
    limits: ClassVar[dict[str, tuple[float, float]]] = {
        "speed": (0.1, 10_000.0),
        "top_p": (0.001, 1.0),
        "min_p": (0, 1),
    }
    temperature = Number(0.7).tag(travels="by ratio", kept=(0.0, np.inf))
    top_k = Whole(0).tag(sync=True, kept=lambda figure: (0, len(figure._letters)))
    top_p = Number(1.0).tag(kept=True)
    min_p = Number(0.0).tag(kept=True)
    order = Choice(["temperature-first", "temperature-last"], "temperature-first").tag(sync=True, kept=True)
    speed = Number(30.0).tag(kept=True)
    running = Flag(True).tag(sync=True)
    text = traitlets.Unicode().tag(sync=True)
    _letters = traitlets.Unicode().tag(sync=True)
    _sizes = traitlets.List(traitlets.Int()).tag(sync=True)
    _table = traitlets.Bytes().tag(sync=True)
    _discounts = traitlets.Bytes().tag(sync=True)
    _stream = traitlets.Bytes().tag(sync=True)
    _title = "It writes while you turn the heat"
    _caption = (
        "The colour behind a letter is the temperature at which it was drawn. Bars are the letter that comes: filled, "
        "how likely it is to be drawn; ticks, what the model says at T = 1; shaded, what top-k, top-p and min-p leave."
    )

    def __init__(self, model: LanguageModel, temperature: float = 0.7, *, rng: RNG = None, **traits: Any) -> None:
        if not isinstance(model, LanguageModel):
            raise TypeError(
                f"model must be a LanguageModel, got {type(model).__name__}; pass what fit_language returns"
            )
        self.model = model
        super().__init__(
            temperature=temperature,
            _letters=model.letters,
            _sizes=[model.before.size, model.following.size],
            _table=model.table,
            _discounts=model.discounts.astype("<f8").tobytes(),
            _stream=stream(rng),
            **traits,
        )

    @property
    def pipeline(self) -> Pipeline:
        """What stands between the scores and a draw."""
        order: Order = "temperature-last" if self.order == "temperature-last" else "temperature-first"
        return Pipeline.of(
            self.temperature, top_k=self.top_k or None, top_p=self.top_p, min_p=self.min_p or None, order=order
        )

    @validate("temperature")
    def _check_temperature(self, proposal: Any) -> float:
        return float(as_temperature(proposal["value"], scalar=True))

    @validate("top_k")
    def _check_top_k(self, proposal: Any) -> int:
        return as_count("top_k", proposal["value"], low=0)

    @validate("top_p", "min_p", "speed")
    def _check_number(self, proposal: Any) -> float:
        name = proposal["trait"].name
        return within(name, proposal["value"], self.limits[name])

    def _describe(self) -> str:
        return (
            f"{self.title}: a live figure of a model of {len(self.model.letters)} letters at T = {self.temperature:g}"
        )

    def _draw(self, figure: Figure) -> None:
        from ..plotting import INKS, temperature_color

        order: Order = "temperature-last" if self.order == "temperature-last" else "temperature-first"
        text = self.model.write(
            330,
            self.temperature,
            top_k=self.top_k or None,
            top_p=self.top_p,
            min_p=self.min_p or None,
            order=order,
            prompt=self.model.letters[0],
            rng=0,
        )
        scores = np.log(self.model.probabilities(text)[-1])
        drawn = self.pipeline.probabilities(scores)
        best = np.argsort(-scores, kind="stable")[:10]
        left, right = figure.subplots(1, 2, width_ratios=(1.4, 1))
        left.axis("off")
        lines = "\n".join(wrap(" ".join(text.split()), 26)[:12])
        left.text(0, 1, plain(lines), transform=left.transAxes, va="top", family="monospace", linespacing=1.5)
        places = np.arange(best.size)
        right.barh(places, drawn[best], height=0.62, color=temperature_color(self.temperature), alpha=0.88)
        right.vlines(np.exp(scores[best]), places - 0.42, places + 0.42, color=INKS["theory"], linewidth=1.8)
        right.set_yticks(places, [plain(self.model.letters[k].translate(_SIGNS)) for k in best])
        right.invert_yaxis()
        right.set_xlim(0, 1)
        right.set_xlabel("the letter that comes")
