"""A live figure of what weight decay does: it is heat. It shows fits that were made beforehand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import traitlets
from numpy.typing import ArrayLike, NDArray

from ..arguments import as_names, as_real, one_for_each
from .base import STATIC, LiveFigure, plain, within
from .traits import Names, Whole, as_row, validate

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["WeightDecayExplorer"]

_MADE = "make another explorer, which computes them"


def _end(ends: list[float]) -> NDArray[np.float64]:
    """Return ends of intervals that a logarithmic scale can take; those beyond it leave the picture all the same."""
    return np.asarray(np.clip(np.nan_to_num(np.array(ends)), 1e-9, 1e9), dtype=np.float64)


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

    _esm = STATIC / "weight_decay_explorer.js"
    fits = traitlets.Dict().tag(sync=True)
    _columns = ("decays", "units", "effective", "calibration", "low", "high", "tied", "cosine", "angle", "length")
    names = Names()
    at = Whole(0).tag(
        sync=True, travels="in whole numbers", kept=lambda figure: (0, len(figure.fits.get("decays", ())) - 1)
    )
    _title = "Weights shrink, and turn"
    _caption = (
        "If decay were heat alone, the weights would only become shorter: their direction, the bars, would stay at the "
        "ticks, and the gauge would end at its own. Raise the decay: they shrink far more than they heat, and turn."
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
        decay = np.asarray(as_row("decays", decays))
        if decay.size < 2 or decay[0] != 0 or (np.diff(decay) <= 0).any():
            raise ValueError(f"decays must be two or more that grow from 0, got {decay}; sort them, with 0 first")
        names = as_names("names", names)
        w = as_real("weights", weights, "pass one row for each decay").astype(np.float64)
        if w.shape != (decay.size, len(names)) or not np.isfinite(w).all() or not w.any(axis=1).all():
            raise ValueError(
                f"weights must be finite, not all 0, and have shape {(decay.size, len(names))}, one row for each "
                f"decay, got shape {w.shape}; fit again what did not converge"
            )
        t = np.asarray(as_row("effective", effective, decay.size))
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
        units = w / size[:, None]
        # Exact also where the cosine is so close to 1 that it says nothing (W. Kahan, 2006).
        apart, along = (np.linalg.norm(units - sign * units[0], axis=1) for sign in (1, -1))
        fits: Mapping[str, NDArray[np.float64]] = {
            "decays": decay,
            "units": units,
            "effective": t,
            "calibration": np.array([fit.temperature for fit in calibration]),
            "low": _end([fit.low for fit in calibration]),
            "high": _end([fit.high for fit in calibration]),
            "tied": calibration[0].temperature / t,
            "cosine": units @ units[0],
            "angle": np.degrees(2 * np.arctan2(apart, along)),
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
        columns = set(self._columns)
        if rows < 2 or set(fits) != columns or any(np.shape(fits[key])[:1] != (rows,) for key in columns):
            raise ValueError(f"fits must hold {', '.join(sorted(columns))} of each decay, got {sorted(fits)}; {_MADE}")
        shape = np.shape(fits["units"])
        if len(shape) != 2:
            raise ValueError(f"fits must hold rows of one length in units, one a decay; {_MADE}")
        one_for_each("features", shape[1], names, _MADE)
        if self.at >= rows:
            raise ValueError(f"fits must reach the one that is shown, {self.at}, got {rows}; set at first")
        return value

    @validate("at")
    def _check_at(self, proposal: Any) -> int:
        return int(within("at", proposal["value"], (0, len(self.fits["decays"]) - 1)))

    def _draw(self, figure: Figure) -> None:
        from ..plotting import INKS, temperature_color

        ax = figure.subplots()
        rows = np.arange(len(self.names))
        color = temperature_color(self.fits["effective"][self.at])
        ax.barh(rows, self.fits["units"][self.at], height=0.6, color=color)
        ax.vlines(self.fits["units"][0], rows - 0.4, rows + 0.4, color=INKS["theory"], linewidth=1.6)
        ax.set_yticks(rows, [plain(name) for name in self.names])
        ax.invert_yaxis()
        decay, length = self.fits["decays"][self.at], self.fits["length"][self.at]
        ax.set_xlabel(f"direction at a decay of {decay:g}, {100 * length:.2g} % as long; ticks: heat alone")
