"""A live figure of what training aims at: the log odds of the labels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from ..kernels.page.training import descend_gaps, log_odds
from .base import STATIC, LiveFigure, within
from .traits import Flag, Number, Numbers, Whole, as_row, validate

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["LogOddsExplorer"]


class LogOddsExplorer(LiveFigure):
    """Gradient descent takes the gap of two logits to T ln(q / (1 - q)), and never ends where q is 0 or 1.

    Parameters
    ----------
    frequencies : array_like, shape (n,)
        Frequency q of the label in each group, from 0 to 1, not all of them 0 or 1.
    temperature : float, optional
        T of the training, from 0.25 to 5.
    steps : int, optional
        Steps taken at first, up to 100,000.
    rate : float, optional
        Size of a step; up to 0.1 the descent does not overshoot.
    title, caption : str, optional
        What stands above the figure; empty for none.
    """

    _esm = STATIC / "log_odds_explorer.js"
    buttons: ClassVar[dict[str, str]] = {"divide": "divide by the heat"}
    # Colder, the descent would overshoot; hotter, it would leave the picture.
    limits: ClassVar[dict[str, tuple[float, float]]] = {"temperature": (0.25, 5.0)}
    frequencies = Numbers()
    temperature = Number(1.0).tag(travels="by ratio", kept=True)
    steps = Whole(0).tag(sync=True, kept=(0, 100_000))
    rate = Number(0.05)
    running = Flag(False).tag(sync=True)
    _title = "Training looks for the log-odds"
    _caption = (
        "Each dot is a group: across, the log-odds of its labels; up, the gap of its two logits, on its way to the "
        "line T ln(q/(1−q)). Train at two temperatures, then divide by the heat. Dots at the edges have one label only."
    )

    def __init__(self, frequencies: ArrayLike, temperature: float = 1.0, **traits: Any) -> None:
        super().__init__(frequencies=frequencies, temperature=temperature, **traits)

    def _describe(self) -> str:
        return (
            f"{self.title}: a live figure of {len(self.frequencies)} groups, their logit gaps trained at temperature "
            f"{self.temperature:g}, and the line of slope {self.temperature:g} that they approach"
        )

    @validate("frequencies")
    def _check_frequencies(self, proposal: Any) -> list[float]:
        q = np.asarray(as_row("frequencies", proposal["value"]))
        if not ((q >= 0) & (q <= 1)).all() or not ((q > 0) & (q < 1) & (q != 0.5)).any():
            raise ValueError(
                f"frequencies must be from 0 to 1, and one of them apart from 0, 1/2 and 1, got {q}; divide counts "
                "by their sum"
            )
        return [float(value) for value in q]

    @validate("temperature")
    def _check_temperature(self, proposal: Any) -> float:
        return within("temperature", proposal["value"], self.limits["temperature"])

    @validate("steps")
    def _check_steps(self, proposal: Any) -> int:
        return int(within("steps", proposal["value"], (0, 100_000)))

    @validate("rate")
    def _check_rate(self, proposal: Any) -> float:
        return within("rate", proposal["value"], (1e-4, 0.1))

    def _draw(self, figure: Figure) -> None:
        from ..plotting import INKS, temperature_color

        q = np.asarray(self.frequencies)
        q = q[(q > 0) & (q < 1)]
        odds, gaps = np.empty(q.size), np.zeros(q.size)
        log_odds(q, 1.0, odds)
        descend_gaps(gaps, q, self.temperature, self.rate, 100_000)
        ax = figure.subplots()
        reach = np.array([-1, 1]) * (np.abs(odds).max() + 0.5)
        ax.plot(reach, self.temperature * reach, color=INKS["theory"], linewidth=1)
        ax.scatter(odds, gaps, color=temperature_color(self.temperature), zorder=3)
        ax.set_xlabel("log-odds of the labels")
        ax.set_ylabel(f"gap after training at T = {self.temperature:g}")
