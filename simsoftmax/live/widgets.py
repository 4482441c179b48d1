"""Explorers: live figures that compute in the reader's browser and that Python can read and set.

Each is an ipywidget whose front end runs the package's own kernels, compiled to WebAssembly (`simsoftmax.live.wasm`). In
JupyterLab its traits are shared with Python (``explorer.temperature = 0.3``, ``explorer.observe(...)``); in a built page,
without a kernel, it goes on living by itself.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anywidget
import numpy as np
import traitlets
from numpy.typing import ArrayLike

from ..arguments import RNG, as_count, as_temperature, as_vector_logits, generator
from ..kernels.streams import seed_streams
from .wasm import MODULE

__all__ = ["ParticleExplorer"]

_HERE = Path(__file__).parent
WORKED_EXAMPLE = (2.0, 1.0, 0.1)


def _encode(value: float, _owner: Any = None) -> float | str:
    """Return a number as JSON can carry it: infinities as text."""
    return "inf" if value == np.inf else "-inf" if value == -np.inf else value


def _temperature(default: float) -> Any:
    return traitlets.Float(default).tag(
        sync=True, to_json=_encode, from_json=lambda value, _owner: float(value)
    )


def _logits(default: tuple[float, ...]) -> Any:
    return traitlets.List(traitlets.Float(), default_value=list(default)).tag(
        sync=True,
        to_json=lambda values, _owner: [_encode(z) for z in values],
        from_json=lambda values, _owner: [float(z) for z in values],
    )


class _Explorer(anywidget.AnyWidget):  # type: ignore[misc]
    """What all explorers share: the kernels, the style sheet, a title, a caption."""

    _css = _HERE / "live.css"
    _kernels = traitlets.Bytes().tag(sync=True)
    title = traitlets.Unicode().tag(sync=True)
    caption = traitlets.Unicode().tag(sync=True)

    @traitlets.default("_kernels")
    def _default_kernels(self) -> bytes:
        return MODULE.read_bytes()


class ParticleExplorer(_Explorer):
    """Particles on energy levels, hopping under the Metropolis rule until their shares are softmax(z / T).

    Parameters
    ----------
    logits : array_like, shape (K,), optional
        Two to sixteen scores; -inf marks a level that cannot be occupied.
    temperature : float, optional
        T >= 0; 0 and infinity mean the exact limits.
    particles : int, optional
        From 1 to a million.
    proposal : {"uniform", "neighbour"}, optional
        Propose any of the K levels, or one up or down the ladder.
    start : {"hot", "cold"}, optional
        Begin evenly over the levels, or all in the ground level.
    rng : int, numpy.random.Generator or None, optional
        Seeds the particles' stream.
    """

    _esm = _HERE / "particle_explorer.js"
    logits = _logits(WORKED_EXAMPLE)
    labels = traitlets.List(traitlets.Unicode()).tag(sync=True)
    temperature = _temperature(1.0)
    particles = traitlets.Int(20_000).tag(sync=True)
    proposal = traitlets.Enum(["uniform", "neighbour"], "uniform").tag(sync=True)
    start = traitlets.Enum(["hot", "cold"], "hot").tag(sync=True)
    speed = traitlets.Float(4.0).tag(sync=True)
    running = traitlets.Bool(True).tag(sync=True)
    _stream = traitlets.Bytes().tag(sync=True)
    _recording = traitlets.Any(None, allow_none=True).tag(sync=True)

    @traitlets.default("title")
    def _default_title(self) -> str:
        return "Heat decides how far particles spread"

    @traitlets.default("caption")
    def _default_caption(self) -> str:
        return (
            "Each dot is a particle on an energy level E = −z. Metropolis kicks move it; bars count where the particles "
            "are, ticks are softmax(z/T). Turn the heat, or drag a level."
        )

    def __init__(self, logits: ArrayLike = WORKED_EXAMPLE, temperature: float = 1.0, *, rng: RNG = None, **traits: Any):
        key = int(generator(rng).integers(2**64, dtype=np.uint64))
        super().__init__(
            logits=as_vector_logits(logits).tolist(),
            temperature=temperature,
            _stream=seed_streams(key, 1).tobytes(),
            **traits,
        )

    @traitlets.validate("logits")
    def _check_logits(self, proposal: Any) -> list[float]:
        logits: list[float] = as_vector_logits(proposal["value"]).tolist()
        if not 2 <= len(logits) <= 16:
            raise ValueError(f"logits must hold 2 to 16 levels to be drawn, got {len(logits)}; show fewer")
        return logits

    @traitlets.validate("temperature")
    def _check_temperature(self, proposal: Any) -> float:
        return float(as_temperature(proposal["value"], scalar=True))

    @traitlets.validate("particles")
    def _check_particles(self, proposal: Any) -> int:
        return as_count("particles", proposal["value"], high=1_000_000)
