"""A live figure of an isolated gas, in which a temperature emerges."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import traitlets

from ..arguments import RNG, as_count
from ..gas import gas_temperature, microcanonical_marginal, simulate_gas
from .base import STATIC, LiveFigure, stream, within
from .traits import Choice, Flag, Number, Whole, validate

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["GasExplorer"]


class GasExplorer(LiveFigure):
    """An isolated gas: particles hand each other quanta, and a temperature emerges that nobody set.

    Parameters
    ----------
    mean_quanta : float, optional
        Quanta a particle, from 0.1 to 20; times ``particles`` they are rounded to a whole number.
    particles : int, optional
        From 2 to a million.
    start : {"even", "rich"}, optional
        Deal the quanta out evenly, or give all to one particle in ten.
    wall : bool, optional
        Whether a wall keeps two gases apart: the left half of more than a hundred particles begins with four fifths of
        the quanta, and none crosses until the wall is taken away.
    average : bool, optional
        Whether the bars count all sweeps since the start was forgotten, and not only the present.
    speed : float, optional
        Sweeps a second.
    rng : int, numpy.random.Generator or None, optional
        Seeds the particles' stream.
    title, caption : str, optional
        What stands above the figure; empty for none.

    Attributes
    ----------
    counts : list of int
        Particles with 0, 1, 2, ... quanta, the last entry for all above; set by the page.
    sweeps : int
        Sweeps since the start; set by the page.
    reading : float
        Temperature that the thermometer reads; set by the page.
    """

    _esm = STATIC / "gas_explorer.js"
    buttons: ClassVar[dict[str, str]] = {
        "watch": "one by one",
        "step": "step",
        "even": "start even",
        "rich": "start with a rich tenth",
        "wall": "put up a wall",
        "open": "take the wall away",
    }
    limits: ClassVar[dict[str, tuple[float, float]]] = {"mean_quanta": (0.1, 20.0), "speed": (0.1, 100_000.0)}
    mean_quanta = Number(1.0).tag(kept=True)
    particles = Whole(10_000).tag(sync=True, kept=(2, 1_000_000))
    start = Choice(["even", "rich"], "even").tag(sync=True, kept=True)
    wall = Flag(False).tag(sync=True, kept=True)
    average = Flag(False).tag(sync=True, kept=True)
    speed = Number(4.0).tag(kept=True)
    running = Flag(True).tag(sync=True)
    counts = traitlets.List(traitlets.Int()).tag(sync=True)
    sweeps = Whole(0).tag(sync=True)
    reading = Number(np.inf)
    _stream = traitlets.Bytes().tag(sync=True)
    _title = "Nobody set a temperature"
    _caption = (
        "Each dot is a particle, its height the quanta that it holds. Two are picked at random, and the first hands "
        "the second a quantum if it has one. That is the whole rule. Bars are shares of the particles, ticks are what "
        "theory expects."
    )

    def __init__(self, mean_quanta: float = 1.0, *, rng: RNG = None, **traits: Any) -> None:
        super().__init__(mean_quanta=mean_quanta, _stream=stream(rng), **traits)

    @property
    def total(self) -> int:
        """Quanta in the whole gas."""
        return max(1, int(np.floor(self.mean_quanta * self.particles + 0.5)))

    @validate("mean_quanta", "speed")
    def _check_number(self, proposal: Any) -> float:
        name = proposal["trait"].name
        return within(name, proposal["value"], self.limits[name])

    @validate("particles")
    def _check_particles(self, proposal: Any) -> int:
        return as_count("particles", proposal["value"], low=2, high=1_000_000)

    def _describe(self) -> str:
        return (
            f"{self.title}: a live figure of a gas of {self.particles:,} particles with {self.total:,} quanta, which "
            f"set the temperature {gas_temperature(self.total / self.particles):.4g}"
        )

    def _draw(self, figure: Figure) -> None:
        from ..plotting import INKS, temperature_color

        levels = np.arange(12)
        mean = self.total / self.particles
        # What the figure comes to once no wall stands: small gases are averaged over many.
        gases = max(1, 20_000 // self.particles)
        gas = simulate_gas(mean, particles=self.particles, gases=gases, rng=0)
        counts = np.bincount(gas.quanta.ravel(), minlength=levels.size)[: levels.size]
        exact = np.zeros(levels.size)
        law = microcanonical_marginal(self.total, self.particles)[: levels.size]
        exact[: law.size] = law
        ax = figure.subplots()
        ax.barh(
            levels, counts / gas.quanta.size, height=0.62, color=temperature_color(gas_temperature(mean)), alpha=0.88
        )
        ax.vlines(exact, levels - 0.42, levels + 0.42, color=INKS["theory"], linewidth=1.8)
        ax.set_ylabel("quanta of a particle")
        ax.set_xlabel("share of the particles")
