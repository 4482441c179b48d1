"""A live figure of walkers that are cooled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import traitlets
from numpy.typing import ArrayLike, NDArray

from ..annealing import annealed_distribution
from ..arguments import RNG, as_count, as_vector_logits
from ..kernels.page.annealing import cooled
from ..look import COLDEST, HOTTEST
from .base import FARTHEST, STATIC, LiveFigure, stream, within
from .traits import Flag, Number, Numbers, Whole, validate

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["AnnealingExplorer"]


def _temperatures(knots: NDArray[np.float64], sweeps: int) -> NDArray[np.float64]:
    """Return the temperature of every sweep, as the page cools."""
    return np.array([cooled(knots, sweeps, sweep) for sweep in range(sweeps)])


class AnnealingExplorer(LiveFigure):
    """Walkers on a rugged landscape, some cold at once, some cooled from hot to cold: haste races patience.

    Parameters
    ----------
    logits : array_like, shape (K,)
        Three to 40 finite scores, neighbours in this order; E = -z is the height of the landscape.
    hot, cold : float, optional
        Where cooling begins and ends, from 0.05 to 20. A quench holds ``cold`` all the time.
    schedule : list of float, optional
        A cooling of one's own: 2 to 12 temperatures from 0.05 to 20 at even distances over the run, with equal factors
        in between. By default equal factors lead from ``hot`` to ``cold``.
    sweeps : int, optional
        Length of a run, from 1 to 30,000.
    walkers : int, optional
        On each side, from 1 to 20,000, spread evenly at the start.
    rng : int, numpy.random.Generator or None, optional
        Seeds the walkers' stream.
    title, caption : str, optional
        What stands above the figure; empty for none.

    Attributes
    ----------
    results : list of dict
        What all runs so far came to, one entry for each kind and length: ``quench``, ``sweeps``, ``found`` and
        ``walkers``; set by the page.
    """

    _esm = STATIC / "annealing_explorer.js"
    buttons: ClassVar[dict[str, str]] = {"race": "race", "tour": "try all lengths", "even": "cool by equal factors"}
    logits = Numbers().tag(
        kept=lambda figure: {"length": (len(figure.logits), len(figure.logits)), "from": -FARTHEST, "to": FARTHEST}
    )
    hot = Number(3.0)
    cold = Number(0.1)
    schedule = Numbers().tag(kept={"length": (2, 12), "from": COLDEST, "to": HOTTEST, "empty": True})
    sweeps = Whole(300).tag(sync=True, kept=(1, 30_000))
    walkers = Whole(1000).tag(sync=True)
    running = Flag(True).tag(sync=True)
    results = traitlets.List(traitlets.Dict()).tag(sync=True)
    _stream = traitlets.Bytes().tag(sync=True)
    _title = "Haste is trapped, patience gets down"
    _caption = (
        "Dots are walkers, height is energy. They step to neighbours under the Metropolis rule: the hasty are cold at "
        "once, the patient follow the curve below. Drag the hills, drag the curve, and race."
    )

    def __init__(self, logits: ArrayLike, *, rng: RNG = None, **traits: Any) -> None:
        super().__init__(logits=as_vector_logits(logits), _stream=stream(rng), **traits)

    @validate("logits")
    def _check_logits(self, proposal: Any) -> list[float]:
        logits = as_vector_logits(proposal["value"])
        if not (3 <= logits.size <= 40 and np.isfinite(logits).all()):
            raise ValueError(f"logits must be 3 to 40 finite scores to be drawn, got {logits.size}")
        return [float(z) for z in logits]

    @validate("hot", "cold")
    def _check_temperature(self, proposal: Any) -> float:
        value = within(proposal["trait"].name, proposal["value"], (COLDEST, HOTTEST))
        ends = {"hot": self.hot, "cold": self.cold, proposal["trait"].name: value}
        if ends["cold"] > ends["hot"]:
            raise ValueError(
                f"cold must be no higher than hot, got hot={ends['hot']:g} and cold={ends['cold']:g}; swap the two"
            )
        return value

    @validate("schedule")
    def _check_schedule(self, proposal: Any) -> list[float]:
        knots: list[float] = proposal["value"]
        if len(knots) == 1 or len(knots) > 12:
            raise ValueError(f"schedule must hold 2 to 12 temperatures, or none, got {len(knots)}; leave some out")
        return [within("schedule", knot, (COLDEST, HOTTEST)) for knot in knots]

    @validate("sweeps", "walkers")
    def _check_size(self, proposal: Any) -> int:
        name = proposal["trait"].name
        return as_count(name, proposal["value"], high={"sweeps": 30_000, "walkers": 20_000}[name])

    def _describe(self) -> str:
        return (
            f"{self.title}: a live figure of {self.walkers:,} walkers on {len(self.logits)} levels, cooled from "
            f"T = {self.hot:g} to {self.cold:g}"
        )

    def _draw(self, figure: Figure) -> None:
        from ..plotting import INKS, temperature_color

        z = np.array(self.logits)
        figure.set_figheight(3.0)
        left, right = figure.subplots(1, 2, width_ratios=(3, 2))
        cooling = np.array(self.schedule or [self.hot, self.cold])
        shares = annealed_distribution(z, _temperatures(cooling, min(self.sweeps, 1000)))
        left.plot(-z, color=INKS["theory"], linewidth=1.2, zorder=1)
        left.scatter(
            np.arange(z.size),
            -z,
            s=900 * shares,
            color=temperature_color(self.cold),
            alpha=0.85,
            linewidths=0,
            zorder=2,
        )
        left.set_xticks([])
        left.set_xlabel("levels, neighbour to neighbour")
        left.set_ylabel("energy")
        lengths = [10, 30, 100, 300, 1000]
        for name, knots in (("patience", cooling), ("haste", np.full(2, self.cold))):
            rates = [annealed_distribution(z, _temperatures(knots, n))[z == z.max()].sum() for n in lengths]
            right.plot(lengths, rates, color=INKS["theory"], linewidth=1.2)
            right.annotate(name, (lengths[-1], rates[-1]), (-4, 5), textcoords="offset points", ha="right")
        right.set(xscale="log", ylim=(0, 1.05), xlabel="sweeps", ylabel="share in the ground level")
        right.set_xticks([10, 100, 1000], ["10", "100", "1,000"])
        right.minorticks_off()
