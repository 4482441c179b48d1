"""Live figures about training: what it aims at, what it cannot tell apart, and what weight decay does to it.

They are built like the explorers of `simsoftmax.live.widgets`. The first two compute in the page, with the kernels of
`simsoftmax.kernels.training`; the third shows fits that were made beforehand.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import traitlets
from numpy.typing import ArrayLike, NDArray

from ..arguments import as_real
from ..kernels.training import affine_loss_map, descend_gaps, log_odds
from .widgets import LiveFigure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["LogOddsExplorer", "SymmetryExplorer", "WeightDecayExplorer"]

_HERE = Path(__file__).parent
_REACH = 8.0


def _numbers() -> Any:
    return traitlets.List(traitlets.Float()).tag(sync=True)


def _row(name: str, values: ArrayLike, length: int | None = None) -> list[float]:
    row = as_real(name, values, "pass one number for each").astype(np.float64)
    if row.ndim != 1 or row.size == 0 or not np.isfinite(row).all() or (length is not None and row.size != length):
        wanted = "one finite number or more" if length is None else f"{length} finite numbers"
        raise ValueError(f"{name} must be a row of {wanted}, got shape {row.shape}")
    return [float(value) for value in row]


def _within(name: str, value: float, low: float, high: float) -> float:
    if not low <= value <= high:
        raise ValueError(f"{name} must be from {low:g} to {high:g} to be drawn, got {value:g}")
    return float(value)


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

    _esm = _HERE / "log_odds_explorer.js"
    frequencies = _numbers()
    temperature = traitlets.Float(1.0).tag(sync=True)
    steps = traitlets.Int(0).tag(sync=True)
    rate = traitlets.Float(0.05).tag(sync=True)
    running = traitlets.Bool(False).tag(sync=True)
    _title = "Training looks for the log-odds"
    _caption = (
        "Each dot is a group: across, the log-odds of its labels; up, the gap of its two logits. The line is "
        "T ln(q/(1−q)). Train, then turn the heat and train again. Dots at the edges are groups whose labels all agree."
    )

    def __init__(self, frequencies: ArrayLike, temperature: float = 1.0, **traits: Any) -> None:
        super().__init__(frequencies=_row("frequencies", frequencies), temperature=temperature, **traits)

    def _describe(self) -> str:
        return (
            f"{self.title}: a live figure of {len(self.frequencies)} groups, their logit gaps trained at temperature "
            f"{self.temperature:g}, and the line of slope {self.temperature:g} that they approach"
        )

    @traitlets.validate("frequencies")
    def _check_frequencies(self, proposal: Any) -> list[float]:
        q = np.asarray(proposal["value"], dtype=np.float64)
        if not ((q >= 0) & (q <= 1)).all() or not ((q > 0) & (q < 1) & (q != 0.5)).any():
            raise ValueError(
                f"frequencies must be from 0 to 1, and one of them apart from 0, 1/2 and 1, got {q}; divide counts "
                "by their sum"
            )
        return [float(value) for value in q]

    @traitlets.validate("temperature")
    def _check_temperature(self, proposal: Any) -> float:
        return _within("temperature", proposal["value"], 0.25, 5.0)

    @traitlets.validate("steps")
    def _check_steps(self, proposal: Any) -> int:
        return int(_within("steps", proposal["value"], 0, 100_000))

    @traitlets.validate("rate")
    def _check_rate(self, proposal: Any) -> float:
        return _within("rate", proposal["value"], 1e-4, 0.1)

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


class SymmetryExplorer(LiveFigure):
    """A classifier of one feature whose weights, biases and temperature can be scaled, together or not.

    Parameters
    ----------
    positions : array_like, shape (n,)
        The feature of each example.
    labels : array_like of int, shape (n,)
        The class of each example, from 0 to K - 1.
    weights, biases : array_like, shape (K,)
        Of the trained classifier.
    names : sequence of str, optional
        What to call the classes.
    feature : str, optional
        What to call the feature.
    scale, temperature : float, optional
        Where to begin, from 1/8 to 8; 1 is the trained classifier.
    along : bool, optional
        Whether the biases scale along with the weights.
    title, caption : str, optional
        What stands above the figure; empty for none.
    """

    _esm = _HERE / "symmetry_explorer.js"
    buttons = ("double a and T", "halve both", "as trained")
    positions, weights, biases, range = _numbers(), _numbers(), _numbers(), _numbers()
    labels = traitlets.List(traitlets.Int()).tag(sync=True)
    names = traitlets.List(traitlets.Unicode()).tag(sync=True)
    feature = traitlets.Unicode().tag(sync=True)
    scale = traitlets.Float(1.0).tag(sync=True)
    temperature = traitlets.Float(1.0).tag(sync=True)
    along = traitlets.Bool(True).tag(sync=True)
    _title = "Biases belong to the symmetry"
    _caption = (
        "Coloured curves are the probabilities now, thin ones those of training. Walk along the line a = T: with "
        "biases that scale along nothing moves, with biases that stay the boundaries do. The map is the "
        "cross-entropy: the more strongly coloured, the lower; drag its dot."
    )

    def __init__(
        self,
        positions: ArrayLike,
        labels: ArrayLike,
        weights: ArrayLike,
        biases: ArrayLike,
        *,
        names: Sequence[str] | None = None,
        feature: str = "feature",
        **traits: Any,
    ) -> None:
        x = _row("positions", positions)
        w = _row("weights", weights)
        y = np.asarray(labels)
        if y.shape != (len(x),) or y.dtype.kind not in "iu" or y.min() < 0 or y.max() >= len(w):
            raise ValueError(
                f"labels must be {len(x)} classes from 0 to {len(w) - 1}, got shape {y.shape}, type {y.dtype}"
            )
        margin = 0.12 * (max(x) - min(x))
        super().__init__(
            positions=x,
            labels=[int(label) for label in y],
            weights=w,
            biases=_row("biases", biases, len(w)),
            names=list(names or [f"class {k}" for k in np.arange(len(w))]),
            feature=feature,
            range=[min(x) - margin, max(x) + margin],
            **traits,
        )

    def _describe(self) -> str:
        return (
            f"{self.title}: a live figure of the cross-entropy over scale and temperature, a level valley along the "
            f"diagonal if the biases of {', '.join(self.names)} scale along, a narrow hollow if they stay"
        )

    @traitlets.validate("scale", "temperature")
    def _check_size(self, proposal: Any) -> float:
        return _within(proposal["trait"].name, proposal["value"], 1 / _REACH, _REACH)

    def _draw(self, figure: Figure) -> None:
        from ..plotting import INKS

        side = 49
        axis = np.geomspace(1 / _REACH, _REACH, side)
        x, y = np.asarray(self.positions), np.asarray(self.labels, dtype=np.int64)
        for ax, along in zip(figure.subplots(1, 2, sharey=True), (1, 0), strict=True):
            losses = np.empty(side * side)
            affine_loss_map(x, y, np.asarray(self.weights), np.asarray(self.biases), along, _REACH, side, losses)
            steps = losses.min() * 1.5 ** np.arange(1, 11)
            ax.contour(axis, axis, losses.reshape(side, side), levels=steps, colors=INKS["muted"], linewidths=0.7)
            ax.plot(axis, axis, color=INKS["theory"], linewidth=1)
            ax.set(xscale="log", yscale="log", xlabel="scale a", aspect="equal")
            ax.set_title("biases scale along" if along else "biases stay")
        figure.axes[0].set_ylabel("temperature T")


class WeightDecayExplorer(LiveFigure):
    """Weights that shrink and turn under weight decay, and the temperatures that come of it.

    Parameters
    ----------
    decays : array_like, shape (S,)
        Strengths, growing; the first must be 0, the reference.
    weights : array_like, shape (S, n)
        Weights of the fit at each strength.
    effective : array_like, shape (S,)
        Effective temperature of each fit against the first.
    calibration : sequence of TemperatureFit, length S
        Calibration temperature of each fit.
    names : sequence of str
        What to call the n features.
    at : int, optional
        Which fit to show first.
    title, caption : str, optional
        What stands above the figure; empty for none.
    """

    _esm = _HERE / "weight_decay_explorer.js"
    fits = traitlets.Dict().tag(sync=True)
    names = traitlets.List(traitlets.Unicode()).tag(sync=True)
    at = traitlets.Int(0).tag(sync=True)
    cooled = traitlets.Bool(False).tag(sync=True)
    _title = "Weights shrink, and turn"
    _caption = (
        "Bars are the weights of the features. Ticks are what they would be if decay were heat alone: the weights "
        "without decay, divided by the effective temperature. Raise the decay, and see the bars leave the ticks "
        "before the thermometer rises."
    )

    def __init__(
        self,
        decays: ArrayLike,
        weights: ArrayLike,
        effective: ArrayLike,
        calibration: Sequence[Any],
        names: Sequence[str],
        **traits: Any,
    ) -> None:
        decay = np.asarray(_row("decays", decays))
        if decay[0] != 0 or (np.diff(decay) <= 0).any():
            raise ValueError(f"decays must grow from 0, got {decay}")
        w = as_real("weights", weights, "pass one row for each decay").astype(np.float64)
        if w.shape != (decay.size, len(names)):
            raise ValueError(
                f"weights must have shape {(decay.size, len(names))}, one row for each decay, got {w.shape}"
            )
        t = np.asarray(_row("effective", effective, decay.size))
        if len(calibration) != decay.size:
            raise ValueError(f"calibration must hold {decay.size} fits, one for each decay, got {len(calibration)}")
        size = np.linalg.norm(w, axis=1)
        fits: Mapping[str, NDArray[np.float64]] = {
            "decays": decay,
            "weights": w,
            "cooled": w * t[:, None],
            "heated": w[0] / t[:, None],
            "effective": t,
            "calibration": np.array([fit.temperature for fit in calibration]),
            "low": np.array([fit.low for fit in calibration]),
            "high": np.array([fit.high for fit in calibration]),
            "tied": calibration[0].temperature / t,
            "cosine": w @ w[0] / (size * size[0]),
            "length": size / size[0],
        }
        super().__init__(fits={key: value.tolist() for key, value in fits.items()}, names=list(names), **traits)

    def _describe(self) -> str:
        decay, heat = self.fits["decays"][self.at], self.fits["effective"][self.at]
        return (
            f"{self.title}: a live figure of the weights of {len(self.names)} features at a decay of {decay:g}, beside "
            f"what an effective temperature of {heat:.2f} alone would make of them"
        )

    @traitlets.validate("at")
    def _check_at(self, proposal: Any) -> int:
        return int(_within("at", proposal["value"], 0, len(self.fits["decays"]) - 1))

    def _draw(self, figure: Figure) -> None:
        from ..plotting import INKS, temperature_color

        ax = figure.subplots()
        rows = np.arange(len(self.names))
        color = temperature_color(self.fits["effective"][self.at])
        ax.barh(rows, self.fits["weights"][self.at], height=0.6, color=color)
        ax.vlines(self.fits["heated"][self.at], rows - 0.4, rows + 0.4, color=INKS["theory"], linewidth=1.6)
        ax.set_yticks(rows, self.names)
        ax.invert_yaxis()
        ax.set_xlabel(f"weight at a decay of {self.fits['decays'][self.at]:g}; ticks: heat alone")
