"""Explorers: live figures that compute in the reader's browser and that Python can read and set.

Each is an ipywidget whose front end runs the package's own kernels, compiled to WebAssembly
(`simsoftmax.kernels.wasm`). In JupyterLab its traits are shared with Python (``explorer.temperature = 0.3``,
``explorer.observe(...)``); in a built page, without a kernel, it goes on living by itself. On paper, and where no
script runs, a picture stands for it.
"""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import anywidget
import numpy as np
import traitlets
from numpy.typing import ArrayLike, NDArray

from ..arguments import RNG, as_count, as_real, as_temperature, as_vector_logits, generator
from ..boltzmann import entropy, heat_capacity, mean_energy, softmax
from ..kernels.page.exact import free_energy_landscape
from ..kernels.seeds import seed_streams
from ..kernels.wasm import MODULE
from ..metropolis import simulate
from ..trajectory import Trajectory
from .traits import Choice, Flag, Names, Number, Numbers, Whole, validate

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ..plotting import Quantity

__all__ = ["FreeEnergyExplorer", "ParticleExplorer", "TemperatureExplorer"]

_HERE = Path(__file__).parent / "static"
WORKED_EXAMPLE = (2.0, 1.0, 0.1)


def within(name: str, value: float, low: float, high: float) -> float:
    """Return a number from low to high."""
    if not low <= value <= high:
        raise ValueError(f"{name} must be from {low:g} to {high:g} to be drawn, got {value:g}; pass one in between")
    return float(value)


def plain(name: str) -> str:
    """Return a name as matplotlib writes it letter by letter, and not as mathematics."""
    return name.replace("$", r"\$")


class LiveFigure(anywidget.AnyWidget):
    """What all live figures share: kernels, style sheet, a title, a caption, and a picture to stand for them."""

    _css = _HERE / "live.css"
    _kernels = traitlets.Bytes().tag(sync=True)
    title = traitlets.Unicode().tag(sync=True)
    caption = traitlets.Unicode().tag(sync=True)

    #: Buttons that the words of a page may press, by what is written on them.
    buttons: ClassVar[tuple[str, ...]] = ()
    _title = ""
    _caption = ""

    def __init__(self, **traits: Any) -> None:
        unknown = [name for name in traits if not self.has_trait(name)]
        if unknown:
            raise TypeError(
                f"{type(self).__name__} has no trait {unknown[0]!r}; see its documentation for those it has"
            )
        super().__init__(**traits)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self._describe()}>"

    def _repr_mimebundle_(self, **options: Any) -> tuple[dict[Any, Any], dict[Any, Any]] | None:
        """Return the live view, and a picture and a sentence for where nothing can live."""
        bundle = super()._repr_mimebundle_(**options)
        if bundle is not None:
            pictures = self._pictures()
            bundle[0]["text/plain"] = self._describe()
            bundle[0]["image/svg+xml"] = pictures["svg"].decode()
            bundle[0]["application/pdf"] = base64.b64encode(pictures["pdf"]).decode()  # what LaTeX can take
        return bundle

    def _pictures(self) -> dict[str, bytes]:
        import matplotlib.pyplot as plt
        from matplotlib.figure import Figure

        from ..plotting import STYLE

        self._check()
        pictures = {}
        with plt.style.context(STYLE):
            figure = Figure(figsize=(6.4, 3.2), layout="constrained")
            self._draw(figure)
            for kind, date in (("svg", "Date"), ("pdf", "CreationDate")):
                file = io.BytesIO()
                figure.savefig(file, format=kind, metadata={date: None})
                pictures[kind] = file.getvalue()
        return pictures

    def _check(self) -> None:
        """Check all traits once more: a list can be changed in place, which nothing notices."""
        for name in self._own_traits():
            setattr(self, name, self.traits()[name]._validate(self, getattr(self, name)))

    @classmethod
    def _own_traits(cls) -> list[str]:
        foreign = set(anywidget.AnyWidget.class_trait_names())
        return [name for name in cls.class_trait_names(sync=True) if name not in foreign and not name.startswith("_")]

    def get_state(self, key: Any = None, drop_defaults: bool = False) -> Any:
        """Return the state as ipywidgets does, whole: without its program, a default too, a figure is dead."""
        return super().get_state(key=key)

    def _draw(self, figure: Figure) -> None:
        raise NotImplementedError

    def _describe(self) -> str:
        return f"{self.title}: a live figure"

    @traitlets.default("_kernels")
    def _default_kernels(self) -> bytes:
        return MODULE.read_bytes()

    @traitlets.default("title")
    def _default_title(self) -> str:
        return self._title

    @traitlets.default("caption")
    def _default_caption(self) -> str:
        return self._caption


class _Explorer(LiveFigure):
    """What the explorers of levels share: the logits, their names, a temperature."""

    logits = Numbers(list(WORKED_EXAMPLE))
    labels = Names()
    temperature = Number(1.0)

    _most_levels = 16

    def __init__(self, logits: ArrayLike = WORKED_EXAMPLE, temperature: float = 1.0, **traits: Any) -> None:
        super().__init__(logits=as_vector_logits(logits), temperature=temperature, **traits)

    def _describe(self) -> str:
        logits = ", ".join(f"{z:g}" for z in self.logits)
        return f"{self.title}: a live figure for logits {logits} at temperature {self.temperature:g}"

    def _names(self) -> list[str] | None:
        return [plain(name) for name in self.labels] or None

    @validate("logits")
    def _check_logits(self, proposal: Any) -> list[float]:
        logits: list[float] = as_vector_logits(proposal["value"]).tolist()
        if not 2 <= len(logits) <= self._most_levels:
            raise ValueError(
                f"logits must hold 2 to {self._most_levels} levels to be drawn, got {len(logits)}; show fewer"
            )
        return logits

    @validate("labels")
    def _check_labels(self, proposal: Any) -> list[str]:
        labels: list[str] = proposal["value"]
        if labels and len(labels) != len(self.logits):
            raise ValueError(
                f"labels must name each of the {len(self.logits)} levels, got {len(labels)} names; set logits first"
            )
        return labels

    @traitlets.observe("logits")
    def _forget_names(self, _change: Any) -> None:
        if len(self.labels) != len(self.logits):
            self.labels = []  # of other levels

    @validate("temperature")
    def _check_temperature(self, proposal: Any) -> float:
        return float(as_temperature(proposal["value"], scalar=True))


class ParticleExplorer(_Explorer):
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
    labels : list of str, optional
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

    _esm = _HERE / "particle_explorer.js"
    buttons = ("step", "start cold", "start hot")
    particles = Whole(20_000).tag(sync=True)
    proposal = Choice(["uniform", "neighbour"], "uniform").tag(sync=True)
    start = Choice(["hot", "cold"], "hot").tag(sync=True)
    speed = Number(8.0)
    fault = Number(0.0)
    running = Flag(True).tag(sync=True)
    counts = traitlets.List(traitlets.Int()).tag(sync=True)
    sweeps = Whole(0).tag(sync=True)
    log_evidence = Number(None, allow_none=True)
    _stream = traitlets.Bytes().tag(sync=True)
    _recording = traitlets.Any(None, allow_none=True).tag(sync=True)

    _counts: NDArray[np.int64] | None = None
    _recorded: dict[str, Any]
    _title = "Heat decides how far particles spread"
    _caption = (
        "Each dot is a particle on an energy level E = −z. Metropolis kicks move it; bars count where the particles "
        "are, ticks are softmax(z/T). Turn the heat, or drag a level."
    )
    _replay = (
        "Each dot is a particle on an energy level E = −z, as it was recorded; bars count where the particles are, "
        "ticks are softmax(z/T). Let the record run, or move through it."
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
        key = int(generator(rng).integers(2**64, dtype=np.uint64))
        super().__init__(logits, temperature, _stream=seed_streams(key, 1).tobytes(), **traits)

    def _draw(self, figure: Figure) -> None:
        from ..plotting import plot_occupancy

        counts = self._counts
        if counts is None:  # what the figure comes to when the particles have found their balance
            run = simulate(self.logits, self.temperature, particles=self.particles, engine="occupations", rng=0)
            counts = run.counts
        plot_occupancy(counts, self.logits, self.temperature, names=self._names(), ax=figure.subplots())

    @traitlets.default("caption")
    def _default_caption(self) -> str:
        return self._caption if self._recording is None else self._replay

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
    _caption = (
        "Drag the temperature. At 0 only the best level is left, at ∞ all are equal; in between, energy is traded for "
        "entropy."
    )
    _most_levels = 64

    def _draw(self, figure: Figure) -> None:
        from ..plotting import plot_temperature_sweep, temperature_color

        here: dict[Quantity, Any] = {"entropy": entropy, "mean_energy": mean_energy, "heat_capacity": heat_capacity}
        figure.set_size_inches(7.2, 2.8)
        for ax, quantity in zip(figure.subplots(1, 3), here, strict=True):
            plot_temperature_sweep(self.logits, quantity, ax=ax)
            if 0.05 <= self.temperature <= 20:
                color = temperature_color(self.temperature)
                ax.plot(self.temperature, here[quantity](self.logits, self.temperature), "o", color=color, zorder=6)


class FreeEnergyExplorer(_Explorer):
    """The free energy F(q) = <E> - T S of every distribution q over the levels, and the way down to softmax.

    Parameters
    ----------
    logits : array_like, shape (K,), optional
        Two to sixteen scores; three are drawn as a landscape over a triangle. -inf marks a level that cannot be
        occupied.
    temperature : float, optional
        T >= 0, finite.
    distribution : list of float, optional
        The trial distribution q, shape (K,); even over the levels if not given. What it puts on a level that cannot be
        occupied goes to the others in proportion.
    labels : list of str, optional
        What to call the levels.
    title, caption : str, optional
        What stands above the figure; empty for none.
    """

    _esm = _HERE / "free_energy_explorer.js"
    buttons = ("let it flow", "start even", "start at the top")
    distribution = Numbers()
    _title = "Softmax lies at the bottom"
    _caption = (
        "Every distribution q over the levels has a free energy F = ⟨E⟩ − T S. Drag q, let it flow downhill, or turn "
        "the heat: the bottom moves, and it is always softmax(z/T)."
    )

    def _draw(self, figure: Figure) -> None:
        from ..plotting import INKS, plot_occupancy, temperature_color

        z, q = np.array(self.logits), np.array(self.distribution)
        allowed = z > -np.inf
        q = allowed * (q if q.size == z.size and q[allowed].any() else 1.0)
        q /= q.sum()
        if len(q) != 3 or not allowed.all():
            ax = plot_occupancy(
                np.rint(q * 1e6), self.logits, self.temperature, names=self._names(), ax=figure.subplots()
            )
            ax.set_xlabel("trial distribution q; ticks are softmax")
            return
        side = 65
        surface = np.empty(side * side)
        free_energy_landscape(z, self.temperature, side, surface)
        v, u = (axis.ravel() for axis in np.meshgrid(*2 * [np.linspace(0, 1, side)], indexing="ij"))
        shares = np.stack([1 - u, u * (1 - v), u * v])
        order = np.argsort(self.logits)
        corners = np.empty((3, 2))
        corners[order] = [[0.5, np.sqrt(0.75)], [0, 0], [1, 0]]
        ax = figure.subplots()
        inside = u > 0  # the first column is one point, the first corner
        inside[0] = True
        x, y = (shares[:, inside].T @ corners).T
        steps = np.linspace(0, 1, 12)[1:-1] ** 2
        ax.tricontour(
            x, y, surface[inside], surface.min() + np.ptp(surface) * steps, colors=INKS["hair"], linewidths=0.8
        )
        ax.plot(*corners[[0, 1, 2, 0]].T, color=INKS["muted"], linewidth=1)
        ax.plot(
            *(np.asarray(softmax(self.logits, self.temperature)) @ corners), "+", color=INKS["theory"], ms=10, mew=2
        )
        ax.plot(*(q @ corners), "o", color=temperature_color(self.temperature), ms=9)
        names = self._names() or [f"z {z:g}" for z in self.logits]
        for level, (cx, cy) in enumerate(corners):
            ax.annotate(names[level], (cx, cy), (0, 8 if cy else -14), textcoords="offset points", ha="center")
        ax.set_aspect("equal")
        ax.axis("off")

    @validate("temperature")
    def _check_temperature(self, proposal: Any) -> float:
        temperature = float(as_temperature(proposal["value"], scalar=True))
        if temperature > 1e6:
            raise ValueError(
                f"temperature must be finite here, and no more than 1e6, got {temperature:g}; at infinity the free "
                "energy would be -inf everywhere"
            )
        return temperature

    @traitlets.observe("logits")
    def _forget_distribution(self, _change: Any) -> None:
        if len(self.distribution) != len(self.logits):
            self.distribution = []  # over other levels

    @validate("distribution")
    def _check_distribution(self, proposal: Any) -> list[float]:
        q = as_real("distribution", proposal["value"], "pass one probability per level").astype(np.float64)
        if q.size not in (0, len(self.logits)):
            raise ValueError(
                f"distribution must hold one share for each of the {len(self.logits)} levels, got {q.size}; set logits "
                "first"
            )
        if q.size and not (q.ndim == 1 and (q >= 0).all() and abs(q.sum() - 1) <= 1e-6):
            raise ValueError(f"distribution must be probabilities that sum to 1, got {q}; divide it by its sum")
        return [float(share) for share in q]
