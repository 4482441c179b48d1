"""A live figure of particles that hop between energy levels under the Metropolis rule."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import traitlets
from numpy.typing import ArrayLike, NDArray

from ..arguments import RNG, as_count, as_vector_logits
from ..boltzmann import softmax
from ..metropolis import simulate
from ..trajectory import Trajectory
from .base import STATIC, WORKED_EXAMPLE, LevelExplorer, stream
from .traits import Choice, Flag, Number, Whole, validate

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["ParticleExplorer"]


class ParticleExplorer(LevelExplorer):
    """Particles on energy levels, hopping under the Metropolis rule until their shares are softmax(z / T).

    ``ParticleExplorer(trajectory)`` replays the records of a native run instead.

    Parameters
    ----------
    logits : array_like, shape (K,), or Trajectory, optional
        Two to sixteen scores; -inf marks a level that cannot be occupied. A trajectory must hold records.
    temperature : float, optional
        T >= 0; 0 and infinity mean the exact limits.
    particles : int, optional
        From 1 to a million.
    proposal : {"uniform", "neighbour"}, optional
        Propose any of the K levels, or one up or down the ladder.
    start : {"hot", "cold"}, optional
        Begin evenly over the levels, or all in the ground level.
    speed : float, optional
        Sweeps a second, or records a second in a replay.
    fault : float, optional
        How much too hot the particles run, in relative terms: 0.05 makes an error of five percent for the verdict to
        find.
    running : bool, optional
        Whether the particles move.
    tour : bool, optional
        Turn the heat once, from the cold to the heat and back, until the reader touches the figure.
    names : list of str, optional
        What to call the levels.
    title, caption : str, optional
        What stands above the figure; empty for none.
    rng : int, numpy.random.Generator or None, optional
        Seeds the particles' stream.

    Attributes
    ----------
    counts : list of int
        Particles in each level, about once a second.
    sweeps : int
        Sweeps since something was last changed.
    log_evidence : float or None
        Natural logarithm of the evidence against softmax, as in `simsoftmax.EProcess`; None until the particles have
        forgotten where they began.
    """

    _esm = STATIC / "particle_explorer.js"
    buttons: ClassVar[dict[str, str]] = {
        "cheat": "now cheat by 5 %",
        "fair": "be fair again",
        "step": "step",
        "cold": "start cold",
        "hot": "start hot",
    }
    particles = Whole(20_000).tag(sync=True, kept=(1, 1_000_000))
    proposal = Choice(["uniform", "neighbour"], "uniform").tag(sync=True, kept=True)
    start = Choice(["hot", "cold"], "hot").tag(sync=True, kept=True)
    speed = Number(8.0).tag(kept=(1.0, 1000.0))
    fault = Number(0.0).tag(kept=(0.0, 10.0))
    running = Flag(True).tag(sync=True)
    tour = Flag(False).tag(sync=True)
    counts = traitlets.List(traitlets.Int()).tag(sync=True)
    sweeps = Whole(0).tag(sync=True)
    log_evidence = Number(None, allow_none=True)
    _stream = traitlets.Bytes().tag(sync=True)
    _recording = traitlets.Any(None, allow_none=True).tag(sync=True)

    _counts: NDArray[np.int64] | None = None
    _recorded: dict[str, Any]
    _title = "Heat decides how far particles spread"
    _caption = (
        "Each grain is a particle on an energy level E = −z, and Metropolis kicks move it. A dashed line says how high "
        "softmax(z/T) would have its pile. Turn the heat, or drag a level."
    )
    _replay = (
        "Each grain is a particle on an energy level E = −z, as it was recorded. A dashed line says how high "
        "softmax(z/T) would have its pile. Let the record run, or move through it."
    )

    def __init__(
        self,
        logits: ArrayLike | Trajectory = WORKED_EXAMPLE,
        temperature: float = 1.0,
        *,
        rng: RNG = None,
        **traits: Any,
    ) -> None:
        if isinstance(logits, Trajectory):
            trajectory = logits
            if not trajectory.record or not len(trajectory.occupancies):
                raise ValueError("trajectory must hold records to be replayed, got none; simulate with record=1")
            traits["_recording"] = {
                "occupancies": np.ascontiguousarray(trajectory.occupancies, dtype="<f8").tobytes(),
                "particles": trajectory.particles,
                "every": trajectory.record,
            }
            logits, temperature = trajectory.logits, trajectory.temperature
            self._recorded = {"logits": as_vector_logits(logits).tolist(), "temperature": temperature}
            self._counts = trajectory.counts
            traits.setdefault("particles", trajectory.particles)
            traits.setdefault("counts", trajectory.counts.tolist())
            traits.setdefault("sweeps", trajectory.record * len(trajectory.occupancies))
        super().__init__(logits, temperature, _stream=stream(rng), **traits)

    def _draw(self, figure: Figure) -> None:
        counts = self._counts
        if counts is None:  # what the figure comes to when the particles have found their balance
            run = simulate(self.logits, self.temperature, particles=self.particles, engine="occupations", rng=0)
            counts = run.counts
        draw_piles(figure, counts / counts.sum(), self.logits, self.temperature, self._names())

    @traitlets.default("caption")
    def _default_caption(self) -> str:
        return self._caption if self._recording is None else self._replay

    @traitlets.default("_kept")
    def _default_kept(self) -> dict[str, dict[str, Any]]:
        return {} if self._recording is not None else super()._default_kept()  # a replay stays as it was recorded

    @validate("logits")
    def _check_logits(self, proposal: Any) -> Any:
        return self._as_recorded("logits", super()._check_logits(proposal))

    @validate("temperature")
    def _check_temperature(self, proposal: Any) -> Any:
        return self._as_recorded("temperature", super()._check_temperature(proposal))

    def _as_recorded(self, name: str, value: Any) -> Any:
        if self._recording is not None and value != self._recorded[name]:
            raise ValueError(f"{name} must stay as recorded in a replay, got {value}; make another explorer")
        return value

    @validate("particles")
    def _check_particles(self, proposal: Any) -> int:
        recorded = self._recording is not None
        return as_count("particles", proposal["value"], high=2**53 if recorded else 1_000_000)

    @validate("speed", "fault")
    def _check_rate(self, proposal: Any) -> float:
        name, value = proposal["trait"].name, float(proposal["value"])
        low, high = (0.0, 1000.0) if name == "speed" else (-0.9, 10.0)
        if not low < value <= high and value != 0.0:
            raise ValueError(f"{name} must be from {low:g} to {high:g}, got {value}")
        return value


def draw_piles(
    figure: Figure, shares: NDArray[np.float64], logits: list[float], temperature: float, names: list[str] | None
) -> None:
    """Draw piles on their levels, as the page does, at rest: low is down, and dashed lines say what softmax has.

    Parameters
    ----------
    figure : Figure
        What is drawn on; its height follows the number of levels.
    shares : ndarray, shape (K,)
        The height of each pile.
    logits : list of float
        One score a level; -inf stands above all others.
    temperature : float
        Whose softmax the dashed lines are, and the colour of the piles.
    names : list of str or None
        What to call the levels; by default by their scores.
    """
    from ..plotting import INKS, number, temperature_color

    z = np.array(logits)
    due = softmax(z, temperature)
    width, height = 96 * figure.get_figwidth(), max(307.0, 40.0 + 26.0 * len(z))  # in pixels of a page
    figure.set_figheight(height / 96)
    figure.set_layout_engine("none")
    ax = figure.add_axes((0, 0, 1, 1))
    ax.set(xlim=(0, width), ylim=(height, 0))
    ax.set_axis_off()
    scores = [f"z {number(score)}" if np.isfinite(score) else "z −∞" for score in z]
    labels = scores if names is None else names
    left = min(0.34 * width, 20 + 7.4 * max(map(len, labels)))
    right = width - 146
    floors, whole = shelves(z, top=4.0, bottom=height - 8)
    roomy = len(z) < 2 or np.diff(np.sort(floors)).min() > 40  # for what softmax has, under what is
    color = temperature_color(temperature)
    for label, share, exact, y in zip(labels, shares, due, floors, strict=True):
        ax.fill_between([left, right], y - whole * share, y, color=color, alpha=0.8, linewidth=0)
        ax.plot([left, right], [y, y], color=INKS["muted"], linewidth=0.75)
        ax.plot([left - 4, right + 8], [y - whole * exact] * 2, color=INKS["theory"], linewidth=1.5, dashes=(0.6, 2.4))
        ax.text(left - 8, y, label, ha="right", va="center", color=INKS["ink"])
        said = f"{100 * share:.1f} %"
        ax.text(right + 14, y - (18 if roomy else 0), said, va="center", color=INKS["ink"])
        if roomy:
            ax.text(right + 14, y, f"softmax {100 * exact:.1f} %", va="center", color=INKS["muted"])


def shelves(logits: NDArray[np.float64], *, top: float, bottom: float) -> tuple[NDArray[np.float64], float]:
    """Return where piles stand, and how high one that holds everything is.

    The k-th level from below holds at most a share of 1 / k of a softmax, so it needs no more than that part of the
    height of a whole pile.
    """
    count = len(logits)
    room = bottom - top
    parts = 1 / np.arange(1, count + 1)
    least = min(34.0, 0.8 * room / count)
    whole = 0.5 * room
    while whole > 20 and np.maximum(least, whole * parts + 6).sum() > 0.9 * room:
        whole -= 1
    need = np.maximum(least, whole * parts + 6)
    up = np.argsort(-logits, kind="stable")
    finite = logits[np.isfinite(logits)]
    spread = max(float(np.ptp(finite)), 1.0)
    highest = top + need[-1]
    wanted = np.where(np.isfinite(logits), bottom - (finite.max() - logits) / spread * (bottom - highest), highest)[up]
    for i in range(1, count):
        wanted[i] = min(wanted[i], wanted[i - 1] - need[i - 1])
    limit = top
    for i in reversed(range(count)):
        limit = wanted[i] = max(wanted[i], limit + need[i])
    found = np.empty(count)
    found[up] = wanted
    return found, whole
