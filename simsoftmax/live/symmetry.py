"""A live figure of what training cannot tell apart: a hidden symmetry of softmax."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import traitlets
from numpy.typing import ArrayLike

from ..arguments import one_for_each
from ..kernels.page.training import affine_loss_map
from .base import STATIC, LiveFigure, within
from .traits import Flag, Names, Number, Numbers, Wholes, as_row, validate

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["SymmetryExplorer"]

_REACH = 8.0


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

    _esm = STATIC / "symmetry_explorer.js"
    buttons: ClassVar[dict[str, str]] = {"double": "double a and T", "halve": "halve both", "trained": "as trained"}
    limits: ClassVar[dict[str, tuple[float, float]]] = dict.fromkeys(("scale", "temperature"), (1 / _REACH, _REACH))
    positions, weights, biases, range = Numbers(), Numbers(), Numbers(), Numbers()
    labels = Wholes()
    names = Names()
    feature = traitlets.Unicode().tag(sync=True)
    scale = Number(1.0).tag(travels="by ratio", kept=True)
    temperature = Number(1.0).tag(travels="by ratio", kept=True)
    along = Flag(True).tag(sync=True, kept=True)
    _title = "Biases belong to the symmetry"
    _caption = (
        "Coloured curves are the probabilities now, thin ones those of training. Walk along a = T: with biases that "
        "scale along nothing moves, with biases that stay the boundaries do. Drag the dot of the map: green is good."
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
        x, w = as_row("positions", positions), as_row("weights", weights)
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
            as_row(key, now[key], len(now["weights"]) if key == "biases" else None)
        examples, classes, labels = len(now["positions"]), len(now["weights"]), now["labels"]
        if len(labels) != examples or not all(0 <= label < classes for label in labels):
            got = f"{len(labels)} labels" if len(labels) != examples else f"{min(labels)} to {max(labels)}"
            raise ValueError(
                f"labels must be {examples} classes from 0 to {classes - 1}, got {got}; pass one for each position"
            )
        one_for_each("classes", classes, now["names"], "pass as many, or make another explorer")
        return value

    @validate("range")
    def _check_range(self, proposal: Any) -> list[float]:
        low, high = as_row("range", proposal["value"], 2)
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
        name = proposal["trait"].name
        return within(name, proposal["value"], self.limits[name])

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
            ends, words = [1 / _REACH, 1, _REACH], [f"1/{_REACH:g}", "1", f"{_REACH:g}"]
            ax.set_xticks(ends, words)
            ax.set_yticks(ends, words)
            ax.minorticks_off()
            ax.set_title("biases scale along" if along else "biases stay")
        figure.axes[0].set_ylabel("temperature T")
