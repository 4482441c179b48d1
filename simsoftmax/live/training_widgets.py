"""Live figures about training: what it aims at, what it cannot tell apart, and what weight decay does to it.

They are built like the explorers of `simsoftmax.live.widgets`. The first two compute in the page, with the kernels of
`simsoftmax.kernels.page.training`; the third shows fits that were made beforehand.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import traitlets
from numpy.typing import ArrayLike, NDArray

from ..arguments import as_real
from ..kernels.page.training import affine_loss_map, descend_gaps, log_odds
from .traits import Flag, Names, Number, Numbers, Whole, Wholes, as_names, validate
from .widgets import LiveFigure, plain, within

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["LogOddsExplorer", "SymmetryExplorer", "WeightDecayExplorer"]

_HERE = Path(__file__).parent / "static"
_REACH = 8.0
_MADE = "make another explorer, which computes them"
_APART = "pass as many, or make another explorer"


def _row(name: str, values: ArrayLike, length: int | None = None) -> list[float]:
    row = as_real(name, values, "pass one number for each").astype(np.float64)
    if row.ndim != 1 or row.size == 0 or not np.isfinite(row).all() or (length is not None and row.size != length):
        wanted = "one finite number or more" if length is None else f"{length} finite numbers"
        raise ValueError(f"{name} must be a row of {wanted}, got shape {row.shape}; pass one number for each")
    return [float(value) for value in row]


def _end(ends: list[float]) -> NDArray[np.float64]:
    """Return ends of intervals that a logarithmic scale can take; those beyond it leave the picture all the same."""
    return np.asarray(np.clip(np.nan_to_num(np.array(ends)), 1e-9, 1e9), dtype=np.float64)


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
    frequencies = Numbers()
    temperature = Number(1.0)
    steps = Whole(0).tag(sync=True)
    rate = Number(0.05)
    running = Flag(False).tag(sync=True)
    _title = "Training looks for the log-odds"
    _caption = (
        "Each dot is a group: across, the log-odds of its labels; up, the gap of its two logits. The line is "
        "T ln(q/(1−q)). Train, then turn the heat and train again. Dots at the edges are groups whose labels all agree."
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
        q = np.asarray(_row("frequencies", proposal["value"]))
        if not ((q >= 0) & (q <= 1)).all() or not ((q > 0) & (q < 1) & (q != 0.5)).any():
            raise ValueError(
                f"frequencies must be from 0 to 1, and one of them apart from 0, 1/2 and 1, got {q}; divide counts "
                "by their sum"
            )
        return [float(value) for value in q]

    @validate("temperature")
    def _check_temperature(self, proposal: Any) -> float:
        return within("temperature", proposal["value"], 0.25, 5.0)

    @validate("steps")
    def _check_steps(self, proposal: Any) -> int:
        return int(within("steps", proposal["value"], 0, 100_000))

    @validate("rate")
    def _check_rate(self, proposal: Any) -> float:
        return within("rate", proposal["value"], 1e-4, 0.1)

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
    positions, weights, biases, range = Numbers(), Numbers(), Numbers(), Numbers()
    labels = Wholes()
    names = Names()
    feature = traitlets.Unicode().tag(sync=True)
    scale = Number(1.0)
    temperature = Number(1.0)
    along = Flag(True).tag(sync=True)
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
        x, w = _row("positions", positions), _row("weights", weights)
        margin = 0.12 * (max(x) - min(x)) or 1.0
        super().__init__(
            positions=x,
            labels=labels,
            weights=w,
            biases=biases,
            names=[f"class {k}" for k in np.arange(len(w))] if names is None else names,
            feature=feature,
            range=[min(x) - margin, max(x) + margin],
            **traits,
        )

    @validate("positions", "labels", "weights", "biases", "names")
    def _check_together(self, proposal: Any) -> Any:
        name, value = proposal["trait"].name, proposal["value"]
        now = {key: getattr(self, key) for key in ("positions", "labels", "weights", "biases", "names")} | {name: value}
        for key in ("positions", "weights", "biases"):
            _row(key, now[key], len(now["weights"]) if key == "biases" else None)
        examples, classes, labels = len(now["positions"]), len(now["weights"]), now["labels"]
        if len(labels) != examples or not all(0 <= label < classes for label in labels):
            got = f"{len(labels)} labels" if len(labels) != examples else f"{min(labels)} to {max(labels)}"
            raise ValueError(
                f"labels must be {examples} classes from 0 to {classes - 1}, got {got}; pass one for each position"
            )
        if len(now["names"]) != classes:
            raise ValueError(f"names must name each of the {classes} classes, got {len(now['names'])} names; {_APART}")
        return value

    @validate("range")
    def _check_range(self, proposal: Any) -> list[float]:
        low, high = _row("range", proposal["value"], 2)
        if not low < high:
            raise ValueError(f"range must grow, got {low:g} and {high:g}; swap the two")
        return [low, high]

    def _describe(self) -> str:
        return (
            f"{self.title}: a live figure of the cross-entropy over scale and temperature, a level valley along the "
            f"diagonal if the biases of {', '.join(self.names)} scale along, a narrow hollow if they stay"
        )

    @validate("scale", "temperature")
    def _check_size(self, proposal: Any) -> float:
        return within(proposal["trait"].name, proposal["value"], 1 / _REACH, _REACH)

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
    _columns = (
        "decays", "weights", "cooled", "heated", "effective", "calibration", "low", "high", "tied", "cosine", "length",
    )  # fmt: skip
    names = Names()
    at = Whole(0).tag(sync=True)
    cooled = Flag(False).tag(sync=True)
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
        if decay.size < 2 or decay[0] != 0 or (np.diff(decay) <= 0).any():
            raise ValueError(f"decays must be two or more that grow from 0, got {decay}; sort them, with 0 first")
        names = as_names("names", names)
        w = as_real("weights", weights, "pass one row for each decay").astype(np.float64)
        if w.shape != (decay.size, len(names)) or not np.isfinite(w).all() or not w.any(axis=1).all():
            raise ValueError(
                f"weights must be finite, not all 0, and have shape {(decay.size, len(names))}, one row for each "
                f"decay, got shape {w.shape}; fit again what did not converge"
            )
        t = np.asarray(_row("effective", effective, decay.size))
        if (t <= 0).any():
            raise ValueError(f"effective must be temperatures > 0, got {t.min():g}; pass one for each decay")
        if not isinstance(calibration, Sequence) or isinstance(calibration, str):
            raise TypeError(f"calibration must be a list of fits, got {calibration!r}; pass one for each decay")
        if len(calibration) != decay.size:
            raise ValueError(
                f"calibration must hold {decay.size} fits, one for each decay, got {len(calibration)}; fit each one"
            )
        wrong = [fit for fit in calibration if not (hasattr(fit, "low") and 0 < fit.temperature < np.inf)]
        if wrong:
            raise ValueError(
                f"calibration must hold fits of a finite temperature > 0, got {wrong[0]}; pass what fit_temperature "
                "returns, and leave out decays that have none"
            )
        size = np.linalg.norm(w, axis=1)
        fits: Mapping[str, NDArray[np.float64]] = {
            "decays": decay,
            "weights": w,
            "cooled": w * t[:, None],
            "heated": w[0] / t[:, None],
            "effective": t,
            "calibration": np.array([fit.temperature for fit in calibration]),
            "low": _end([fit.low for fit in calibration]),
            "high": _end([fit.high for fit in calibration]),
            "tied": calibration[0].temperature / t,
            "cosine": w @ w[0] / (size * size[0]),
            "length": size / size[0],
        }
        super().__init__(fits={key: value.tolist() for key, value in fits.items()}, names=names, **traits)

    def _describe(self) -> str:
        decay, heat = self.fits["decays"][self.at], self.fits["effective"][self.at]
        return (
            f"{self.title}: a live figure of the weights of {len(self.names)} features at a decay of {decay:g}, beside "
            f"what an effective temperature of {heat:.2f} alone would make of them"
        )

    @validate("fits", "names")
    def _check_fits(self, proposal: Any) -> Any:
        name, value = proposal["trait"].name, proposal["value"]
        fits, names = (value, self.names) if name == "fits" else (self.fits, value)
        rows = len(fits.get("decays", ()))
        grids, columns = {"weights", "cooled", "heated"}, set(self._columns)
        if rows < 2 or set(fits) != columns or any(np.shape(fits[key])[:1] != (rows,) for key in columns):
            raise ValueError(f"fits must hold {', '.join(sorted(columns))} of each decay, got {sorted(fits)}; {_MADE}")
        if any(np.shape(fits[key]) != (rows, len(names)) for key in grids):
            features = len(fits["weights"][0])
            raise ValueError(f"names must name each of the {features} features, got {len(names)} names; {_MADE}")
        if self.at >= rows:
            raise ValueError(f"fits must reach the one that is shown, {self.at}, got {rows}; set at first")
        return value

    @validate("at")
    def _check_at(self, proposal: Any) -> int:
        return int(within("at", proposal["value"], 0, len(self.fits["decays"]) - 1))

    def _draw(self, figure: Figure) -> None:
        from ..plotting import INKS, temperature_color

        ax = figure.subplots()
        rows = np.arange(len(self.names))
        color = temperature_color(self.fits["effective"][self.at])
        ax.barh(rows, self.fits["weights"][self.at], height=0.6, color=color)
        ax.vlines(self.fits["heated"][self.at], rows - 0.4, rows + 0.4, color=INKS["theory"], linewidth=1.6)
        ax.set_yticks(rows, [plain(name) for name in self.names])
        ax.invert_yaxis()
        ax.set_xlabel(f"weight at a decay of {self.fits['decays'][self.at]:g}; ticks: heat alone")
