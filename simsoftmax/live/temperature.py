"""A live figure of softmax and its thermodynamics at every temperature."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from ..boltzmann import entropy, heat_capacity, mean_energy
from ..look import COLDEST, HOTTEST
from .base import STATIC, LevelExplorer

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ..plotting import Quantity

__all__ = ["TemperatureExplorer"]


class TemperatureExplorer(LevelExplorer):
    """Softmax, entropy, mean energy and heat capacity from T = 0 to T = infinity.

    Parameters
    ----------
    logits : array_like, shape (K,), optional
        Two to 64 scores; -inf marks a level that cannot be occupied.
    temperature : float, optional
        T >= 0; 0 and infinity mean the exact limits.
    names : list of str, optional
        What to call the levels.
    title, caption : str, optional
        What stands above the figure; empty for none.
    """

    _esm = STATIC / "temperature_explorer.js"
    _title = "Between certainty and indifference"
    _caption = (
        "Drag the temperature. At 0 only the best level is left, at ∞ all are equal; in between, energy is traded for "
        "entropy."
    )
    limits: ClassVar[dict[str, tuple[float, float]]] = {"levels": (2, 64)}

    def _draw(self, figure: Figure) -> None:
        from ..plotting import plot_temperature_sweep, temperature_color

        here: dict[Quantity, Any] = {"entropy": entropy, "mean_energy": mean_energy, "heat_capacity": heat_capacity}
        figure.set_figheight(2.8)
        for ax, quantity in zip(figure.subplots(1, 3), here, strict=True):
            plot_temperature_sweep(self.logits, quantity, ax=ax)
            if COLDEST <= self.temperature <= HOTTEST:
                color = temperature_color(self.temperature)
                ax.plot(self.temperature, here[quantity](self.logits, self.temperature), "o", color=color, zorder=6)
