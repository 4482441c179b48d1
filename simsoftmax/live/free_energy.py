"""A live figure of the free energy of every distribution, and of the way down to softmax."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import traitlets

from ..arguments import as_distribution, as_real, as_temperature
from ..boltzmann import softmax
from ..kernels.page.exact import free_energy_landscape
from .base import STATIC, LevelExplorer
from .traits import Numbers, validate

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["FreeEnergyExplorer"]


class FreeEnergyExplorer(LevelExplorer):
    """The free energy F(q) = <E> - T S of every distribution q over the levels, and the way down to softmax.

    Parameters
    ----------
    logits : array_like, shape (K,), optional
        Two to sixteen scores; three are drawn as a landscape over a triangle. -inf marks a level that cannot be
        occupied.
    temperature : float, optional
        T >= 0, finite.
    distribution : list of float, optional
        The trial distribution q, shape (K,); even over the levels if not given. What it puts on a level that cannot be
        occupied goes to the others in proportion.
    names : list of str, optional
        What to call the levels.
    title, caption : str, optional
        What stands above the figure; empty for none.
    """

    _esm = STATIC / "free_energy_explorer.js"
    buttons: ClassVar[dict[str, str]] = {"flow": "let it flow", "even": "start even", "top": "start at the top"}
    limits: ClassVar[dict[str, tuple[float, float]]] = {**LevelExplorer.limits, "temperature": (0.0, 1e6)}
    distribution = Numbers().tag(
        kept=lambda figure: {
            "length": figure.limits["levels"],
            "from": 0,
            "to": 1,
            "as_long_as": "logits",
            "sum": 1,
            "empty": True,
        }
    )
    _title = "Softmax lies at the bottom"
    _caption = (
        "Every distribution q over the levels has a free energy F = ⟨E⟩ − T S: the stronger the colour, the lower. "
        "Energy pulls q down, entropy pushes it to the middle. Drag q, let it flow, or turn the heat."
    )

    def _draw(self, figure: Figure) -> None:
        from ..plotting import INKS, plot_occupancy, temperature_color

        z, q = np.array(self.logits), np.array(self.distribution)
        allowed = z > -np.inf
        q = allowed * (q if q.size == z.size and q[allowed].any() else 1.0)
        q /= q.sum()
        if len(q) != 3 or not allowed.all():
            ax = plot_occupancy(
                np.rint(q * 1e6), self.logits, self.temperature, names=self._names(), ax=figure.subplots()
            )
            ax.set_xlabel("trial distribution q; ticks are softmax")
            return
        side = 65
        surface = np.empty(side * side)
        free_energy_landscape(z, self.temperature, side, surface)
        v, u = (axis.ravel() for axis in np.meshgrid(*2 * [np.linspace(0, 1, side)], indexing="ij"))
        shares = np.stack([1 - u, u * (1 - v), u * v])
        order = np.argsort(self.logits)
        corners = np.empty((3, 2))
        corners[order] = [[0.5, np.sqrt(0.75)], [0, 0], [1, 0]]
        ax = figure.subplots()
        inside = u > 0  # the first column is one point, the first corner
        inside[0] = True
        x, y = (shares[:, inside].T @ corners).T
        steps = np.linspace(0, 1, 12)[1:-1] ** 2
        ax.tricontour(
            x, y, surface[inside], surface.min() + np.ptp(surface) * steps, colors=INKS["hair"], linewidths=0.8
        )
        ax.plot(*corners[[0, 1, 2, 0]].T, color=INKS["muted"], linewidth=1)
        ax.plot(
            *(np.asarray(softmax(self.logits, self.temperature)) @ corners), "+", color=INKS["theory"], ms=10, mew=2
        )
        ax.plot(*(q @ corners), "o", color=temperature_color(self.temperature), ms=9)
        names = self._names() or [f"z {z:g}" for z in self.logits]
        for level, (cx, cy) in enumerate(corners):
            ax.annotate(names[level], (cx, cy), (0, 8 if cy else -14), textcoords="offset points", ha="center")
        ax.set_aspect("equal")
        ax.axis("off")

    @validate("temperature")
    def _check_temperature(self, proposal: Any) -> float:
        temperature = float(as_temperature(proposal["value"], scalar=True))
        most = self.limits["temperature"][1]
        if temperature > most:
            raise ValueError(
                f"temperature must be finite here, and no more than {most:g}, got {temperature:g}; at infinity the "
                "free energy would be -inf everywhere"
            )
        return temperature

    @traitlets.observe("logits")
    def _forget_distribution(self, _change: Any) -> None:
        if len(self.distribution) != len(self.logits):
            self.distribution = []  # over other levels

    @validate("distribution")
    def _check_distribution(self, proposal: Any) -> list[float]:
        given = as_real("distribution", proposal["value"], "pass one probability per level")
        if given.size:
            as_distribution("distribution", given, len(self.logits))
        return [float(share) for share in given]  # as they came: the page would take others for a change
