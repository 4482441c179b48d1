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

from ..arguments import RNG, as_count, as_real, as_temperature, as_vector_logits, generator
from ..kernels.streams import seed_streams
from ..metropolis import Trajectory
from .wasm import MODULE

__all__ = ["FreeEnergyExplorer", "ParticleExplorer", "TemperatureExplorer"]

_HERE = Path(__file__).parent
WORKED_EXAMPLE = (2.0, 1.0, 0.1)


def _encode(value: float, _owner: Any = None) -> float | str:
    """Return a number as JSON can carry it: infinities as text."""
    return "inf" if value == np.inf else "-inf" if value == -np.inf else value


def _temperature() -> Any:
    return traitlets.Float(1.0).tag(sync=True, to_json=_encode, from_json=lambda value, _owner: float(value))


def _logits() -> Any:
    return traitlets.List(traitlets.Float(), default_value=list(WORKED_EXAMPLE)).tag(
        sync=True,
        to_json=lambda values, _owner: [_encode(z) for z in values],
        from_json=lambda values, _owner: [float(z) for z in values],
    )


class _Explorer(anywidget.AnyWidget):  # type: ignore[misc]
    """What all explorers share: levels, a temperature, the kernels, the style sheet, a title and a caption."""

    _css = _HERE / "live.css"
    _kernels = traitlets.Bytes().tag(sync=True)
    title = traitlets.Unicode().tag(sync=True)
    caption = traitlets.Unicode().tag(sync=True)
    logits = _logits()
    labels = traitlets.List(traitlets.Unicode()).tag(sync=True)
    temperature = _temperature()

    _title = ""
    _caption = ""
    _most_levels = 16

    def __init__(self, logits: ArrayLike = WORKED_EXAMPLE, temperature: float = 1.0, **traits: Any) -> None:
        unknown = [name for name in traits if not self.has_trait(name)]
        if unknown:
            raise TypeError(f"{type(self).__name__} has no trait {unknown[0]!r}; see its documentation for those it has")
        super().__init__(logits=as_vector_logits(logits).tolist(), temperature=temperature, **traits)

    @traitlets.default("_kernels")
    def _default_kernels(self) -> bytes:
        return MODULE.read_bytes()

    @traitlets.default("title")
    def _default_title(self) -> str:
        return self._title

    @traitlets.default("caption")
    def _default_caption(self) -> str:
        return self._caption

    @traitlets.validate("logits")
    def _check_logits(self, proposal: Any) -> list[float]:
        logits: list[float] = as_vector_logits(proposal["value"]).tolist()
        if not 2 <= len(logits) <= self._most_levels:
            raise ValueError(f"logits must hold 2 to {self._most_levels} levels to be drawn, got {len(logits)}; show fewer")
        return logits

    @traitlets.validate("temperature")
    def _check_temperature(self, proposal: Any) -> float:
        return float(as_temperature(proposal["value"], scalar=True))


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
    particles = traitlets.Int(20_000).tag(sync=True)
    proposal = traitlets.Enum(["uniform", "neighbour"], "uniform").tag(sync=True)
    start = traitlets.Enum(["hot", "cold"], "hot").tag(sync=True)
    speed = traitlets.Float(4.0).tag(sync=True)
    fault = traitlets.Float(0.0).tag(sync=True)
    running = traitlets.Bool(True).tag(sync=True)
    counts = traitlets.List(traitlets.Int()).tag(sync=True)
    sweeps = traitlets.Int(0).tag(sync=True)
    log_evidence = traitlets.Float(None, allow_none=True).tag(
        sync=True,
        to_json=lambda value, _owner: value if value is None else _encode(value),
        from_json=lambda value, _owner: value if value is None else float(value),
    )
    _stream = traitlets.Bytes().tag(sync=True)
    _recording = traitlets.Any(None, allow_none=True).tag(sync=True)

    _title = "Heat decides how far particles spread"
    _caption = (
        "Each dot is a particle on an energy level E = −z. Metropolis kicks move it; bars count where the particles are, "
        "ticks are softmax(z/T). Turn the heat, or drag a level."
    )

    def __init__(
        self, logits: ArrayLike | Trajectory = WORKED_EXAMPLE, temperature: float = 1.0, *, rng: RNG = None, **traits: Any
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
        key = int(generator(rng).integers(2**64, dtype=np.uint64))
        super().__init__(logits, temperature, _stream=seed_streams(key, 1).tobytes(), **traits)

    @traitlets.validate("particles")
    def _check_particles(self, proposal: Any) -> int:
        return as_count("particles", proposal["value"], high=1_000_000)

    @traitlets.validate("speed", "fault")
    def _check_rate(self, proposal: Any) -> float:
        name, value = proposal["trait"].name, float(proposal["value"])
        low, high = (0.0, 1000.0) if name == "speed" else (-0.9, 10.0)
        if not low < value <= high and value != 0.0:
            raise ValueError(f"{name} must be from {low:g} to {high:g}, got {value}")
        return value


class TemperatureExplorer(_Explorer):
    """Softmax, entropy, mean energy and heat capacity from T = 0 to T = infinity.

    Parameters
    ----------
    logits : array_like, shape (K,), optional
        Two to 64 scores; -inf marks a level that cannot be occupied.
    temperature : float, optional
        T >= 0; 0 and infinity mean the exact limits.
    labels : list of str, optional
        What to call the levels.
    title, caption : str, optional
        What stands above the figure; empty for none.
    """

    _esm = _HERE / "temperature_explorer.js"
    _title = "Between certainty and indifference"
    _caption = "Drag the temperature. At 0 only the best level is left, at ∞ all are equal; in between, energy is traded for entropy."
    _most_levels = 64


class FreeEnergyExplorer(_Explorer):
    """The free energy F(q) = <E> - T S of every distribution q over the levels, and the way down to softmax.

    Parameters
    ----------
    logits : array_like, shape (K,), optional
        Two to sixteen finite scores; three are drawn as a landscape over a triangle.
    temperature : float, optional
        T >= 0, finite.
    distribution : list of float, optional
        The trial distribution q, shape (K,); even over the levels if not given.
    labels : list of str, optional
        What to call the levels.
    title, caption : str, optional
        What stands above the figure; empty for none.
    """

    _esm = _HERE / "free_energy_explorer.js"
    distribution = traitlets.List(traitlets.Float()).tag(sync=True)
    _title = "Softmax lies at the bottom"
    _caption = (
        "Every distribution q over the levels has a free energy F = ⟨E⟩ − T S. Drag q, let it flow downhill, or turn the "
        "heat: the bottom moves, and it is always softmax(z/T)."
    )

    @traitlets.validate("temperature")
    def _check_temperature(self, proposal: Any) -> float:
        temperature = super()._check_temperature(proposal)
        if temperature == np.inf:
            raise ValueError("temperature must be finite here, got inf: the free energy would be -inf everywhere")
        return temperature

    @traitlets.validate("distribution")
    def _check_distribution(self, proposal: Any) -> list[float]:
        q = as_real("distribution", proposal["value"], "pass one probability per level").astype(np.float64)
        if q.size and not (q.ndim == 1 and (q >= 0).all() and abs(q.sum() - 1) <= 1e-6):
            raise ValueError(f"distribution must be probabilities that sum to 1, got {q}; divide it by its sum")
        return q.tolist()
