"""A live figure of ln Z: mean energies, added up from infinite heat down to the cold."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import traitlets
from numpy.typing import ArrayLike

from ..arguments import as_temperature
from ..boltzmann import log_partition
from ..kernels.page.exact import integrate_energy
from ..look import COLDEST, HOTTEST
from .base import STATIC, WORKED_EXAMPLE, LevelExplorer, within
from .traits import Number, validate

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["LogPartitionExplorer"]


class LogPartitionExplorer(LevelExplorer):
    """The area under -<E> over 1/T from infinite heat on: with ln K, it is ln Z.

    Parameters
    ----------
    logits : array_like, shape (K,), optional
        Two to 64 scores; -inf marks a level that cannot be occupied.
    temperature : float, optional
        How far the walk has come; infinity is where it begins.
    coldest : float, optional
        Where it ends, from 0.05 to 20.
    names : list of str, optional
        What to call the levels.
    title, caption : str, optional
        What stands above the figure; empty for none.
    """

    _esm = STATIC / "log_partition_explorer.js"
    buttons: ClassVar[dict[str, str]] = {"cool": "cool down", "heat": "start at ∞"}
    limits: ClassVar[dict[str, tuple[float, float]]] = {"levels": (2, 64)}
    coldest = Number(0.5)
    _title = "The area is ln Z"
    _caption = (
        "At infinite heat all K levels count alike, and ln Z = ln K. Cool down: −⟨E⟩ is the slope of ln Z, so the area "
        "that you leave behind on the left is how far ln Z has climbed on the right."
    )

    def __init__(self, logits: ArrayLike = WORKED_EXAMPLE, temperature: float = math.inf, **traits: Any) -> None:
        super().__init__(logits, temperature, **traits)

    def _draw(self, figure: Figure) -> None:
        from ..plotting import INKS, temperature_color

        z, strips = np.array(self.logits), 120
        last, here = 1 / self.coldest, 1 / self.temperature
        exponents, probabilities, state = np.empty(z.size), np.empty(z.size), np.empty(5)
        slopes, sums = np.empty((2, strips))
        integrate_energy(z, last / strips, exponents, probabilities, state, slopes, sums)
        ends = np.arange(1, strips + 1) * last / strips
        figure.set_figheight(3.0)
        left, right = figure.subplots(1, 2)
        left.plot(ends - last / strips / 2, slopes, color=INKS["theory"], linewidth=1.2)
        right.plot([0, *ends], [log_partition(z, math.inf), *sums], color=INKS["theory"], linewidth=1.2)
        passed = ends <= here * (1 + 1e-9)
        colors = [temperature_color(1 / beta) for beta in ends[passed]]
        left.bar(ends[passed] - last / strips / 2, slopes[passed], width=last / strips, color=colors, alpha=0.88)
        right.plot(here, log_partition(z, self.temperature), "o", color=temperature_color(self.temperature), ms=8)
        right.axhline(log_partition(z, math.inf), color=INKS["hair"], linewidth=1)
        left.set(xlabel="1/T", ylabel="−⟨E⟩, the slope")
        right.set(xlabel="1/T", ylabel="ln Z")

    def _rule(self, name: str, trait: traitlets.TraitType[Any, Any]) -> dict[str, Any]:
        rule = super()._rule(name, trait)
        return {**rule, "from": self.coldest} if name == "temperature" else rule

    @validate("temperature", "coldest")
    def _check_temperature(self, proposal: Any) -> float:
        name, value = proposal["trait"].name, proposal["value"]
        if name == "coldest":
            value = within(name, value, (COLDEST, HOTTEST))
        else:
            value = float(as_temperature(value, scalar=True))
        now = {"temperature": self.temperature, "coldest": self.coldest, name: value}
        if now["temperature"] < now["coldest"]:
            raise ValueError(
                f"temperature must be no lower than coldest, got temperature={now['temperature']:g} and "
                f"coldest={now['coldest']:g}; set the other one first"
            )
        return float(value)
