"""A live figure of a bandit that is explored by softmax."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import traitlets
from numpy.typing import ArrayLike

from ..arguments import RNG, as_count, as_temperature
from ..kernels.page import bandits
from ..kernels.seeds import seed_streams
from .base import STATIC, LiveFigure, stream
from .traits import Choice, Flag, Number, Numbers, Whole, as_row, validate

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["BanditExplorer"]


class BanditExplorer(LiveFigure):
    """Arms as energy levels, pulls as particles: too cold, and the game freezes on a wrong arm.

    Parameters
    ----------
    values : array_like, shape (K,)
        What two to eight arms pay in the mean, from -10 to 10; a single pay is off by normal noise of standard
        deviation 1.
    temperature : float, optional
        T >= 0, in units of the noise. Of a rule that cools it is the setting c.
    rule : {"held", "slow", "fast", "own"}, optional
        Hold the temperature, cool it as c / ln t or as c / sqrt(t) at pull t, or give each arm its own, c / sqrt(n)
        after n pulls of it.
    length : int, optional
        Pulls of a game, from 20 to 5000.
    speed : float, optional
        Pulls a second.
    rng : int, numpy.random.Generator or None, optional
        Seeds the games.
    title, caption : str, optional
        What stands above the figure; empty for none.

    Attributes
    ----------
    pulls : list of int
        How often each arm has been pulled in the present game; set by the page.
    regret : float
        What the present game has missed; set by the page.
    """

    _esm = STATIC / "bandit_explorer.js"
    buttons: ClassVar[dict[str, str]] = {"again": "new game"}
    limits: ClassVar[dict[str, tuple[float, float]]] = {"arms": (2, 8), "values": (-10, 10), "length": (20, 5000)}
    values = Numbers()
    # It jumps where words of the page send it: a game should begin with the one meant.
    temperature = Number(0.2).tag(kept=(0.0, np.inf))
    rule = Choice(["held", "slow", "fast", "own"], "held").tag(sync=True, kept=True)
    length = Whole(1000).tag(sync=True)
    speed = Number(60.0).tag(kept=(0.1, 100_000.0))
    running = Flag(True).tag(sync=True)
    pulls = traitlets.List(traitlets.Int()).tag(sync=True)
    regret = Number(0.0)
    _rules = traitlets.Dict().tag(sync=True)
    _stream = traitlets.Bytes().tag(sync=True)
    _title = "The heat that finds the best arm"
    _caption = (
        "Each column is an arm of a bandit. Its level is minus what it has paid so far, so low is good, with the error "
        "of that; the dark tick, which no player sees, is what it truly pays. Dots are the latest pulls. Below is what "
        "this game misses, and what 200 games miss on average at each temperature. Drag it."
    )

    def __init__(self, values: ArrayLike, temperature: float = 0.2, *, rng: RNG = None, **traits: Any) -> None:
        super().__init__(values=values, temperature=temperature, _stream=stream(rng), **traits)

    @traitlets.default("_rules")
    def _default_rules(self) -> dict[str, int]:
        """Return what the kernels call each rule."""
        return {
            "held": bandits.HOLD,
            "slow": bandits.COOL_SLOWLY,
            "fast": bandits.COOL_ROOT,
            "own": bandits.OWN_HEAT,
        }

    @validate("values")
    def _check_values(self, proposal: Any) -> list[float]:
        values = as_row("values", proposal["value"])
        least, most = self.limits["arms"]
        if not least <= len(values) <= most:
            raise ValueError(
                f"values must hold {least} to {most} arms to be drawn, got {len(values)}; pass some of them"
            )
        low, high = self.limits["values"]
        if min(values) < low or max(values) > high:
            raise ValueError(
                f"values must be from {low} to {high} to be drawn, got {min(values):g} to {max(values):g}; "
                "count them in units of the noise"
            )
        return values

    @validate("temperature")
    def _check_temperature(self, proposal: Any) -> float:
        return float(as_temperature(proposal["value"], scalar=True))

    @validate("speed")
    def _check_speed(self, proposal: Any) -> float:
        if not 0.1 <= proposal["value"] <= 100_000:
            raise ValueError(
                f"speed must be from 0.1 to 100,000 pulls a second, got {proposal['value']:g}; pass one in between"
            )
        return float(proposal["value"])

    @validate("length")
    def _check_length(self, proposal: Any) -> int:
        least, most = self.limits["length"]
        return as_count("length", proposal["value"], low=int(least), high=int(most))

    def _describe(self) -> str:
        return (
            f"{self.title}: a live figure of a bandit with {len(self.values)} arms, explored at a temperature that "
            f"begins with {self.temperature:g}"
        )

    def _games(self, temperature: float, games: int = 100) -> np.ndarray[Any, np.dtype[np.float64]]:
        """Return the mean regret after each pull, over games of the figure's rule at another temperature."""
        values = np.array(self.values)
        total = np.zeros(self.length)
        bandits.add_games(
            self._rules[self.rule],
            temperature,
            values,
            games,
            np.zeros(values.size, dtype=np.int64),
            np.zeros(values.size),
            np.zeros(self.length, dtype=np.int64),
            np.zeros(self.length),
            total,
            np.zeros(3),
            seed_streams(0, 1)[0],
        )
        return total / games

    def _draw(self, figure: Figure) -> None:
        from ..plotting import INKS, temperature_color

        values = np.array(self.values)
        figure.set_figheight(3.6)
        left, right = figure.subplots(1, 2, width_ratios=(2, 3))
        left.hlines(-values, np.arange(values.size) - 0.35, np.arange(values.size) + 0.35, color=INKS["theory"])
        left.set_xticks(np.arange(values.size), [chr(ord("A") + k) for k in range(values.size)])
        left.set(xlabel="arms", ylabel="energy: what it pays, less is more")
        left.margins(x=0.1, y=0.2)
        pulls = np.arange(1, self.length + 1)
        for temperature in sorted({0.0, self.temperature, 2.0}):
            regret = self._games(temperature)
            right.plot(pulls, regret, color=temperature_color(temperature))
            right.annotate(
                f"T = {temperature:.3g}",
                (pulls[-1], regret[-1]),
                (4, 0),
                textcoords="offset points",
                va="center",
                annotation_clip=False,
            )
        right.set(xlabel="pulls", ylabel="regret, mean of 100 games")
