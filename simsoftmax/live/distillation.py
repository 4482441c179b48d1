"""A live figure of what a teacher tells a student of a picture, at a temperature."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import traitlets
from numpy.typing import ArrayLike, NDArray

from ..arguments import as_labels, as_real, as_temperature
from ..boltzmann import softmax
from ..kernels.page.teaching import blend, overlap, smooth_label
from .base import STATIC, LiveFigure
from .traits import Number, Whole, Wholes, validate

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["DistillationExplorer", "draw_pixels"]

_MOST_PICTURES, _MOST_CLASSES, _MOST_PIXELS = 60, 16, 1024


def draw_pixels(ax: Axes, picture: ArrayLike, color: str) -> None:
    """Draw a square picture, given row by row from 0 (paper) to 1 (ink), as squares whose area is the ink."""
    from matplotlib.patches import Rectangle

    ink = np.asarray(picture, dtype=float).ravel()
    width = math.isqrt(ink.size)
    ax.set(xlim=(-1, width), ylim=(width, -1), aspect="equal")
    ax.axis("off")
    for pixel in np.flatnonzero(ink > 0):
        side = math.sqrt(ink[pixel])
        corner = pixel % width - side / 2, pixel // width - side / 2
        ax.add_patch(Rectangle(corner, side, side, color=color, linewidth=0))


def _as_ink(name: str, values: ArrayLike, rows: int | None) -> NDArray[np.uint8]:
    """Return square pictures as bytes, one row each."""
    remedy = "pass one row for each picture, from 0 (paper) to 1 (ink)"
    ink = as_real(name, values, remedy).astype(np.float64)
    if ink.ndim != 2 or not ink.size or (rows is not None and len(ink) != rows):
        wanted = "(n, pixels)" if rows is None else f"({rows}, pixels)"
        raise ValueError(f"{name} must have shape {wanted}, got {ink.shape}; {remedy}")
    if not ((ink >= 0) & (ink <= 1)).all():
        raise ValueError(f"{name} must be from 0 to 1, got {ink.min():g} to {ink.max():g}; {remedy}")
    pixels = ink.shape[1]
    if math.isqrt(pixels) ** 2 != pixels or pixels > _MOST_PIXELS:
        raise ValueError(f"{name} must be square pictures of at most {_MOST_PIXELS} pixels, got {pixels}; crop them")
    return np.asarray(np.rint(255 * ink), dtype=np.uint8)


class DistillationExplorer(LiveFigure):
    """A picture, what a teacher tells a student of it at a temperature, and which other pictures are told the same.

    Parameters
    ----------
    pictures : array_like, shape (n, P)
        Square pictures, row by row, from 0 (paper) to 1 (ink); at most 60 of at most 1024 pixels.
    logits : array_like, shape (n, K)
        The teacher's scores, finite, for two to 16 classes.
    labels : array_like of int, shape (n,)
        The class of each picture.
    means : array_like, shape (K, P)
        A picture for each class, such as the mean of many.
    temperature : float, optional
        T >= 0; 0 and infinity mean the exact limits.
    chosen : int, optional
        The picture that is shown, from 0.
    title, caption : str, optional
        What stands above the figure; empty for none.

    Attributes
    ----------
    target, smoothed, blended, overlaps : ndarray
        What is shown of the chosen picture at the present temperature: the target (K,), the smoothed label that is as
        sure (K,), the mean pictures mixed by the target (P,), and how much of the target of each picture is the same
        (n,). Ink travels in 255 steps, and is rounded to them here too.
    """

    _esm = STATIC / "distillation_explorer.js"
    limits: ClassVar[dict[str, tuple[float, float]]] = {"classes": (2, _MOST_CLASSES)}
    temperature = Number(1.0).tag(travels="by ratio", kept=(0.0, np.inf))
    chosen = Whole(0).tag(sync=True, kept=lambda figure: (0, len(figure.labels) - 1))
    labels = Wholes()
    _pictures_sent = traitlets.Bytes().tag(sync=True)
    _means = traitlets.Bytes().tag(sync=True)
    _logits = traitlets.Bytes().tag(sync=True)
    _title = "Heat shows what a picture resembles"
    _caption = (
        "What a teacher tells of a picture, and the mean pictures of all classes mixed in these shares. Ticks deal out "
        "evenly what the label leaves: a smoothed label, which knows of no likeness. Below, the more of its target a "
        "picture shares, the clearer it stands. Turn the heat, and choose another picture."
    )

    def __init__(
        self, pictures: ArrayLike, logits: ArrayLike, labels: ArrayLike, means: ArrayLike, **traits: Any
    ) -> None:
        ink = _as_ink("pictures", pictures, None)
        z = as_real("logits", logits, "pass one score per picture and class").astype(np.float64)
        least, most = self.limits["classes"]
        if z.ndim != 2 or len(z) != len(ink) or not least <= z.shape[1] <= most or not np.isfinite(z).all():
            raise ValueError(
                f"logits must be finite and have shape ({len(ink)}, {least} to {most}), got shape {z.shape}; pass one "
                "row for each picture"
            )
        if len(ink) > _MOST_PICTURES:
            raise ValueError(f"pictures must be at most {_MOST_PICTURES} to be drawn, got {len(ink)}; choose some")
        mean = _as_ink("means", means, z.shape[1])
        if mean.shape[1] != ink.shape[1]:
            raise ValueError(f"means must have {ink.shape[1]} pixels each, got {mean.shape[1]}; pass pictures alike")
        self._scores, self._ink, self._mean_ink = z, ink / 255, mean / 255
        super().__init__(
            labels=labels,
            _pictures_sent=ink.tobytes(),
            _means=mean.tobytes(),
            _logits=z.astype("<f8").tobytes(),
            **traits,
        )

    @property
    def target(self) -> NDArray[np.float64]:
        """What the student is told of the chosen picture."""
        return np.asarray(softmax(self._scores[self.chosen], self.temperature))

    @property
    def smoothed(self) -> NDArray[np.float64]:
        """The smoothed label that is as sure as the target."""
        target = self.target
        smoothed = np.empty_like(target)
        smooth_label(smoothed, target, self.labels[self.chosen])
        return smoothed

    @property
    def blended(self) -> NDArray[np.float64]:
        """The mean pictures of the classes, mixed by the target."""
        picture = np.empty(self._ink.shape[1])
        blend(picture, self.target, self._mean_ink.ravel())
        return picture

    @property
    def overlaps(self) -> NDArray[np.float64]:
        """How much of each picture's target is the chosen one's."""
        targets = np.ascontiguousarray(softmax(self._scores, self.temperature))
        overlaps = np.empty(len(targets))
        overlap(overlaps, targets.ravel(), targets.shape[1], self.chosen)
        return overlaps

    def _describe(self) -> str:
        return (
            f"{self.title}: a live figure of {len(self.labels)} pictures, showing one of class "
            f"{self.labels[self.chosen]} and what a teacher tells of it at temperature {self.temperature:g}"
        )

    @validate("temperature")
    def _check_temperature(self, proposal: Any) -> float:
        return float(as_temperature(proposal["value"], scalar=True))

    @validate("labels")
    def _check_labels(self, proposal: Any) -> list[int]:
        labels: list[int] = proposal["value"]
        scores = getattr(self, "_scores", None)  # a figure that is read back from a page has none
        return labels if scores is None else as_labels(labels, *scores.shape).tolist()

    @validate("chosen")
    def _check_chosen(self, proposal: Any) -> int:
        last = len(self.labels) - 1
        if not 0 <= proposal["value"] <= last:
            raise ValueError(f"chosen must be from 0 to {last}, got {proposal['value']}; pass the place of a picture")
        return int(proposal["value"])

    def _draw(self, figure: Figure) -> None:
        from ..plotting import INKS, temperature_color

        left, middle, right = figure.subplots(1, 3, width_ratios=(1, 1.7, 1))
        draw_pixels(left, self._ink[self.chosen], INKS["theory"])
        left.set_title(f"a picture of {self.labels[self.chosen]}")
        rows = np.arange(self._scores.shape[1])
        middle.barh(rows, self.target, 0.56, color=temperature_color(self.temperature))
        middle.vlines(self.smoothed, rows - 0.4, rows + 0.4, color=INKS["theory"], linewidth=1.2)
        middle.set_yticks(rows)
        middle.set(xlim=(0, 1), xlabel=f"told at T = {self.temperature:g}")
        middle.invert_yaxis()
        draw_pixels(right, self.blended, INKS["theory"])
        right.set_title("mixed so")
