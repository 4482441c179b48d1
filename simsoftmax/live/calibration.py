"""A live figure about calibration: one temperature, a smooth likelihood and a jagged error.

It is built like the explorers of `simsoftmax.live.base` and computes in the page, with the kernels of
`simsoftmax.kernels.page.reliability`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import traitlets
from numpy.typing import NDArray

from ..arguments import Reals, as_labels, as_real, as_temperature
from ..boltzmann import softmax
from ..calibration.fit import TemperatureFit, fit_temperature
from ..calibration.metrics import Binning, ReliabilityDiagram, reliability_diagram
from .base import STATIC, LiveFigure
from .traits import Choice, Number, Whole, encode, validate

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["CalibrationExplorer"]

_MOST_LOGITS = 50_000
_MOST_PIXELS = 200_000
_STEPS = 65_534  # of the scale on which logits travel; one number more stands for -inf


def _pictures_of(pictures: Reals | None, rows: int) -> tuple[bytes, int]:
    """Return pictures as a page takes them, and how many pixels wide they are; 0 for none."""
    if pictures is None:
        return b"", 0
    grey = as_real("pictures", pictures, "pass one row of grey values for each row of logits").astype(np.float64)
    side = math.isqrt(grey.shape[1]) if grey.ndim == 2 else 0
    if side < 2 or grey.shape != (rows, side * side) or not np.isfinite(grey).all():
        raise ValueError(
            f"pictures must be finite and have shape ({rows}, side * side), one for each row of logits, got shape "
            f"{grey.shape}; flatten square pictures to rows"
        )
    if grey.size > _MOST_PIXELS:
        raise ValueError(f"pictures must hold at most {_MOST_PIXELS:,} pixels, got {grey.size:,}; pass fewer rows")
    return np.rint(255 * grey.clip(0, 1)).astype(np.uint8).tobytes(), side


class CalibrationExplorer(LiveFigure):
    """A reliability diagram whose temperature can be turned, over the NLL and the calibration error at every T.

    Parameters
    ----------
    logits : array_like, shape (n, K)
        Scores of held-out rows, at most 50,000 numbers in all; -inf is a level that cannot be occupied.
    labels : array_like of int, shape (n,)
        The true level of every row.
    temperature : float, optional
        T >= 0; 0 and infinity mean the exact limits.
    pictures : array_like, shape (n, side * side), optional
        What the rows are about, as grey values: white is 0, black is 1, and what lies beyond is cut. The page shows
        some of the bin that is pointed at.
    fit : TemperatureFit, optional
        A fit to show that was made with other rows; by default these rows are fitted.
    bins : int, optional
        Number of bins of confidence, from 1 to 60; the page offers 5, 15 and 30.
    binning : {"width", "mass"}, optional
        Bins of equal width, or of equal counts.
    title, caption : str, optional
        What stands above the figure; empty for none.

    Attributes
    ----------
    fit : TemperatureFit
        The fitted temperature and its interval.
    scores : ndarray, shape (n, K)
        The logits that the page computes with. They travel as 16-bit integers, two bytes each: every row is shifted so
        that its largest logit is 0, which changes no probability, and rounded to a step of at most 1/32,767 of the
        widest row. A level whose weight is 0 many times over, such as one masked by -1e9, lies no further down than
        1000 times the fitted temperature, so that it does not coarsen that step. The fit and the diagram of this object
        use the same rounded numbers, so page and Python agree.
    """

    _esm = STATIC / "calibration_explorer.js"
    buttons: ClassVar[dict[str, str]] = {"fit": "fit T", "trained": "as trained"}
    temperature = Number(1.0).tag(travels="by ratio", kept=(0.0, np.inf))
    bins = Whole(15).tag(sync=True, kept=(1, 60))
    binning = Choice(["width", "mass"], "width").tag(sync=True, kept=True)
    _gaps = traitlets.Bytes().tag(sync=True)
    _labels = traitlets.Bytes().tag(sync=True)
    _step = traitlets.Float(1.0).tag(sync=True)
    _fit = traitlets.Dict().tag(sync=True)
    _greys = traitlets.Bytes().tag(sync=True)
    _side = traitlets.Int(0).tag(sync=True)
    _title = "The likelihood has one valley, the error has many"
    _caption = (
        "Dots are bins of answers: across, how sure the network is; up, how often it is right. On the line it is "
        "honest. Turn the heat, drag along a curve, fit, or point at a bin."
    )

    fit: TemperatureFit
    scores: NDArray[np.float64]

    def __init__(
        self,
        logits: Reals,
        labels: Reals,
        temperature: float = 1.0,
        *,
        pictures: Reals | None = None,
        fit: TemperatureFit | None = None,
        **traits: Any,
    ) -> None:
        if not (fit is None or isinstance(fit, TemperatureFit)):
            raise TypeError(f"fit must be what fit_temperature returns, got {type(fit).__name__}")
        z = as_real("logits", logits, "pass one score per row and level").astype(np.float64)
        if z.ndim == 2 and z.size > _MOST_LOGITS:
            raise ValueError(
                f"logits must hold at most {_MOST_LOGITS:,} numbers to be computed in a page, got {z.size:,}; "
                f"pass fewer rows, such as logits[:{max(1, _MOST_LOGITS // z.shape[1])}]"
            )
        if z.ndim == 2 and z.shape[1] < 2:
            raise ValueError(f"logits must hold at least two levels, got shape {z.shape}; pass one score per level")
        exact = fit_temperature(z, labels)  # refuses what cannot be judged
        self._truth = as_labels(labels, *z.shape).astype(np.int64)
        half = z.max(axis=1, keepdims=True) / 2 - z / 2  # so that nothing overflows
        allowed = np.isfinite(half)
        gaps = np.minimum(half, np.finfo(np.float64).max / 4) * 2
        widest = min(float(gaps[allowed].max()), self._reach(exact, gaps))
        step = 2.0 ** math.ceil(math.log2(widest / _STEPS)) if widest > 1e-290 else 1.0
        whole = np.where(allowed, np.rint(np.minimum(gaps, widest) / step), _STEPS + 1).astype("<u2")
        self.scores = np.where(whole > _STEPS, -np.inf, -step * whole)
        self.fit = fit or fit_temperature(self.scores, self._truth)
        greys, side = _pictures_of(pictures, len(z))
        ends = {name: float(getattr(self.fit, name)) for name in ("temperature", "low", "high")}
        super().__init__(
            temperature=temperature,
            _gaps=whole.tobytes(),
            _labels=self._truth.astype("<u2").tobytes(),
            _step=step,
            _greys=greys,
            _side=side,
            _fit={name: None if math.isnan(end) else encode(end) for name, end in ends.items()},
            **traits,
        )

    def _reach(self, fit: TemperatureFit, gaps: NDArray[np.float64]) -> float:
        """Return the largest gap that has to be told from larger ones.

        The weight of a level further down is below exp(-500) at any temperature up to twice the fitted one, that is 0.
        A label that lies further down still counts, so the largest of their gaps is kept too.
        """
        ends = (t for t in (1.0, fit.low, fit.temperature, fit.high) if 0 < t < math.inf)
        return max(1000.0 * max(ends), float(gaps[np.arange(len(gaps)), self._truth].max()))

    @property
    def diagram(self) -> ReliabilityDiagram:
        """The reliability diagram at the temperature and with the bins that are set now."""
        return self._diagram_at(self.temperature)

    def _diagram_at(self, temperature: float) -> ReliabilityDiagram:
        favourite = self.scores.argmax(axis=1)  # also where T = infinity makes all levels alike
        p = np.asarray(softmax(self.scores, temperature))[np.arange(len(favourite)), favourite]
        binning: Binning = "mass" if self.binning == "mass" else "width"
        return reliability_diagram(p, favourite == self._truth, bins=self.bins, binning=binning)

    @validate("temperature")
    def _check_temperature(self, proposal: Any) -> float:
        return float(as_temperature(proposal["value"], scalar=True))

    @validate("bins")
    def _check_bins(self, proposal: Any) -> int:
        if not 1 <= proposal["value"] <= 60:
            raise ValueError(f"bins must be from 1 to 60 to be drawn, got {proposal['value']}; pass one in between")
        return int(proposal["value"])

    def _describe(self) -> str:
        rows, levels = self.scores.shape
        return f"{self.title}: a live figure for {rows} rows of {levels} logits at temperature {self.temperature:g}"

    def _draw(self, figure: Figure) -> None:
        from ..plotting import plot_reliability

        figure.set_figheight(4.2)
        end = self.fit.temperature if self.fit.status == "interior" else self.temperature
        after = None if end == self.temperature else self._diagram_at(end)
        plot_reliability(self.diagram, after=after, temperatures=(self.temperature, end), ax=figure.subplots())
