"""A live figure about data that have shifted: pictures turn, and a temperature that was fitted at home no longer holds.

The page turns the pictures, reads them with the network and judges the answers, all with the kernels of
`simsoftmax.kernels.page.pictures` and `simsoftmax.kernels.page.reliability`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import traitlets
from numpy.typing import NDArray

from ..arguments import RNG, Reals, as_labels, as_real, as_temperature
from ..boltzmann import softmax
from ..calibration.fit import TemperatureFit, fit_temperature
from ..calibration.metrics import ReliabilityDiagram, reliability_diagram
from ..kernels.page import pictures as kernels
from .base import STATIC, LiveFigure, stream, within
from .traits import Number, Whole, encode, validate

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["ShiftExplorer"]

_MOST_PIXELS = 60_000
_PARTS = ("first", "first_bias", "second", "second_bias")
_WHITE = 255  # grey values travel as bytes


class ShiftExplorer(LiveFigure):
    """Pictures that can be turned and made noisy, a network that reads them, and how far to believe it.

    Parameters
    ----------
    pictures : array_like, shape (n, side * side)
        Square pictures that the network was not trained on, with grey values from 0 to 1; at most 60,000 pixels.
    labels : array_like of int, shape (n,)
        The true level of every picture.
    network : sequence of four array_like
        A, a, B and b of a network with one hidden layer, max(0, x A + a) B + b: shapes (side * side, H), (H,), (H, K)
        and (K,), K from 2 to 20.
    temperature : float, optional
        T >= 0, the one in use; by default that of ``fit``. 0 and infinity mean the exact limits.
    fit : TemperatureFit, optional
        The fit at home, made with other pictures; by default these are fitted as they are.
    turn : int, optional
        Degrees by which the pictures are turned counter-clockwise, from -60 to 60.
    noise : float, optional
        Standard deviation of normal noise in every pixel, from 0 to 1.
    rng : int, numpy.random.Generator or None, optional
        Seeds the noise.
    title, caption : str, optional
        What stands above the figure; empty for none.

    Attributes
    ----------
    fit : TemperatureFit
        The fit at home.
    """

    _esm = STATIC / "shift_explorer.js"
    buttons: ClassVar[dict[str, str]] = {"home": "T from home", "honest": "honest T"}
    limits: ClassVar[dict[str, tuple[float, float]]] = {"turn": (-60.0, 60.0), "noise": (0.0, 1.0)}
    temperature = Number(1.0).tag(travels="by ratio", kept=(0.0, np.inf))
    turn = Whole(0).tag(sync=True, travels="in whole numbers", kept=True)
    noise = Number(0.0).tag(kept=True)
    _greys = traitlets.Bytes().tag(sync=True)
    _labels = traitlets.Bytes().tag(sync=True)
    _network = traitlets.Bytes().tag(sync=True)
    _shape = traitlets.Dict().tag(sync=True)
    _fit = traitlets.Dict().tag(sync=True)
    _stream = traitlets.Bytes().tag(sync=True)
    _title = "The world turns, and the network stays sure"
    _caption = (
        "Some of the pictures, each with the answer and how sure it is; wrong ones are crossed. In the "
        "diagram, dots on the line are honest. Turn the pictures, and see at which temperature they would be honest."
    )

    fit: TemperatureFit

    def __init__(
        self,
        pictures: Reals,
        labels: Reals,
        network: Sequence[Reals],
        *,
        temperature: float | None = None,
        fit: TemperatureFit | None = None,
        rng: RNG = None,
        **traits: Any,
    ) -> None:
        if not (fit is None or isinstance(fit, TemperatureFit)):
            raise TypeError(f"fit must be what fit_temperature returns, got {type(fit).__name__}")
        grey = as_real("pictures", pictures, "pass one row of grey values for each picture").astype(np.float64)
        self._side = math.isqrt(grey.shape[1]) if grey.ndim == 2 else 0
        if grey.ndim != 2 or not len(grey) or self._side < 2 or self._side**2 != grey.shape[1]:
            raise ValueError(
                f"pictures must have shape (n, side * side), got shape {grey.shape}; flatten square pictures to rows"
            )
        if grey.size > _MOST_PIXELS:
            raise ValueError(
                f"pictures must hold at most {_MOST_PIXELS:,} pixels to be read in a page, got {grey.size:,}; pass "
                f"fewer, such as pictures[:{max(1, _MOST_PIXELS // grey.shape[1])}]"
            )
        wrong = grey[~((grey >= 0) & (grey <= 1))]
        if wrong.size:
            raise ValueError(f"pictures must hold grey values from 0 to 1, got {wrong[0]:g}; divide by the largest")
        parts = _parts(network, grey.shape[1])
        whole = np.rint(grey * _WHITE).astype(np.uint8)
        self._grey = (whole / _WHITE).reshape(-1)
        self._parts = [part.astype(np.float64) for part in parts]
        self._truth = as_labels(labels, len(grey), parts[3].size).astype(np.int64)
        state = stream(rng)
        self.fit = fit or fit_temperature(self._read(0, 0.0, state), self._truth)
        ends = {name: float(getattr(self.fit, name)) for name in ("temperature", "low", "high")}
        if temperature is None:
            temperature = 1.0 if math.isnan(self.fit.temperature) else self.fit.temperature
        super().__init__(
            temperature=temperature,
            _greys=whole.tobytes(),
            _labels=self._truth.astype(np.uint8).tobytes(),
            _network=b"".join(part.tobytes() for part in parts),
            _shape={"side": self._side, "hidden": parts[1].size, "levels": parts[3].size},
            _fit={name: None if math.isnan(end) else encode(end) for name, end in ends.items()},
            _stream=state,
            **traits,
        )

    def _read(self, turn: float, noise: float, state: bytes) -> NDArray[np.float64]:
        """Return the logits of the pictures where the world has gone."""
        seen = np.empty_like(self._grey)
        kernels.turn(self._grey, self._side, float(turn), seen)
        if noise > 0:
            kernels.speckle(seen, float(noise), np.frombuffer(state, np.uint64).copy())
        first, first_bias, second, second_bias = (part.reshape(-1) for part in self._parts)
        logits = np.empty(self._truth.size * second_bias.size)
        kernels.read(seen, self._truth.size, self._side**2, first_bias, second_bias, first, second, logits)
        return logits.reshape(self._truth.size, -1)

    @property
    def scores(self) -> NDArray[np.float64]:
        """The logits of the pictures as they are turned and made noisy now, shape (n, K)."""
        return self._read(self.turn, self.noise, self._stream)

    @property
    def diagram(self) -> ReliabilityDiagram:
        """The reliability diagram of what is set now, in ten bins."""
        return self._diagram_at(self.temperature)

    def _diagram_at(self, temperature: float) -> ReliabilityDiagram:
        scores = self.scores
        favourite = scores.argmax(axis=1)  # also where T = infinity makes all levels alike
        p = np.asarray(softmax(scores, temperature))[np.arange(len(favourite)), favourite]
        return reliability_diagram(p, favourite == self._truth, bins=10)

    @validate("temperature")
    def _check_temperature(self, proposal: Any) -> float:
        return float(as_temperature(proposal["value"], scalar=True))

    @validate("turn", "noise")
    def _check_shift(self, proposal: Any) -> Any:
        name, value = proposal["trait"].name, proposal["value"]
        return type(value)(within(name, value, self.limits[name]))

    def _describe(self) -> str:
        return (
            f"{self.title}: a live figure of {self._truth.size} pictures, turned by {self.turn}° and with noise of "
            f"{self.noise:g}, read by a network at temperature {self.temperature:.3g}"
        )

    def _draw(self, figure: Figure) -> None:
        from ..plotting import plot_reliability

        figure.set_figheight(4.2)
        honest = fit_temperature(self.scores, self._truth)
        end = honest.temperature if honest.status == "interior" else self.temperature
        after = None if end == self.temperature else self._diagram_at(end)
        plot_reliability(self.diagram, after=after, temperatures=(self.temperature, end), ax=figure.subplots())


def _parts(network: Any, pixels: int) -> list[NDArray[np.float32]]:
    """Return the network's arrays as they travel."""
    remedy = "pass A, a, B and b of max(0, x A + a) B + b"
    if not isinstance(network, Sequence) or isinstance(network, (str, bytes)) or len(network) != len(_PARTS):
        raise TypeError(f"network must hold four arrays, got {network!r:.60}; {remedy}")
    parts = [as_real("network", part, remedy).astype(np.float32) for part in network]
    _, first_bias, _, second_bias = parts
    hidden, levels = first_bias.size, second_bias.size
    wanted = [(pixels, hidden), (hidden,), (hidden, levels), (levels,)]
    if [part.shape for part in parts] != wanted or not hidden or not 2 <= levels <= 20:
        raise ValueError(
            f"network must have shapes ({pixels}, H), (H,), (H, K) and (K,), K from 2 to 20, got "
            f"{', '.join(str(part.shape) for part in parts)}; {remedy}"
        )
    if not all(np.isfinite(part).all() for part in parts):
        raise ValueError("network must hold finite numbers, got infinity or NaN; train it again")
    return [np.ascontiguousarray(part) for part in parts]
