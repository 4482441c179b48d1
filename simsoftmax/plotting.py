"""Figures in one visual language: theory is a thin line, experiment is filled, uncertainty is a whisker.

Temperature is a colour, cold blue through violet at T = 1 to hot orange, on a logarithmic scale; nothing else
uses these colours. Every function takes ``ax=None`` and returns the Axes. Figures have no ground of their own and
read on light and dark pages; ``matplotlib.style.use("simsoftmax.simsoftmax")`` gives your own figures the same look.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import matplotlib.pyplot as plt
import numpy as np
from matplotlib import rc_params_from_file, rcParamsDefault
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import LinearSegmentedColormap, LogNorm
from matplotlib.text import Annotation
from matplotlib.transforms import blended_transform_factory
from numpy.typing import NDArray

from .arguments import Reals, as_counts, as_names, as_real, as_temperature, as_vector_logits, one_for_each
from .boltzmann import entropy, free_energy, heat_capacity, mean_energy, softmax
from .levels import carried_names, check_index
from .look import COLD, COLDEST, HOT, HOTTEST, MILD

if TYPE_CHECKING:
    from .calibration.metrics import ReliabilityDiagram
    from .trajectory import Trajectory
    from .verdict.samplers import DrawsVerdict

__all__ = [
    "INKS",
    "STYLE",
    "TEMPERATURE_COLORS",
    "TEMPERATURE_NORM",
    "number",
    "plot_draws",
    "plot_occupancy",
    "plot_reliability",
    "plot_temperature_sweep",
    "plot_trajectory",
    "temperature_color",
]

STYLE = "simsoftmax.simsoftmax"

# Four middle greys that look alike and are told apart by their last digit, so that a page which sets the figure
# inline can give each role an ink of its own theme.
INKS = {"ink": "#767b83", "theory": "#767b84", "muted": "#767b85", "hair": "#767b86"}

TEMPERATURE_COLORS = LinearSegmentedColormap.from_list("temperature", np.array([COLD, MILD, HOT]) / 255)
TEMPERATURE_NORM = LogNorm(COLDEST, HOTTEST, clip=True)

Quantity = Literal["probabilities", "entropy", "heat_capacity", "mean_energy", "free_energy"]


def temperature_color(temperature: float) -> tuple[float, float, float, float]:
    """Return the colour of a temperature as RGBA; below 0.05 and above 20 it no longer changes.

    Parameters
    ----------
    temperature : float
        T >= 0.

    Returns
    -------
    tuple of float
        Red, green, blue and opacity, between 0 and 1.

    See Also
    --------
    plot_temperature_sweep : A quantity along the temperature, as a picture.

    Examples
    --------
    >>> [round(float(part), 2) for part in temperature_color(0.1)]  # a cold blue, with its opacity
    [0.2, 0.41, 0.89, 1.0]
    """
    t = float(as_temperature(temperature, scalar=True))
    red, green, blue, alpha = TEMPERATURE_COLORS(float(TEMPERATURE_NORM(min(max(t, COLDEST), HOTTEST))))
    return red, green, blue, alpha


def number(value: float, error: float | None = None) -> str:
    """Return a number with a true minus sign and, given its error, the digits that the error justifies.

    >>> number(-1.71234, 0.004)
    '−1.712'
    """
    if error is None or error == 0 or not math.isfinite(error):
        text = f"{value:.3g}"
    else:
        text = f"{value:.{max(0, -math.floor(math.log10(abs(error))))}f}"
    return text.replace("-", "−")


def _axes(ax: Axes | None) -> Axes:
    if ax is not None:
        if not isinstance(ax, Axes):
            raise TypeError(f"ax must be a matplotlib Axes, got {ax!r}; plt.subplots()[1] makes one, as does ax=None")
        return ax
    with plt.style.context(_style()):
        return plt.subplots()[1]


def _style() -> dict[str, Any]:
    """Return the package's style, but for what the user has set: a figure for a paper looks as the paper wants it."""
    style = rc_params_from_file(Path(__file__).with_name("simsoftmax.mplstyle"), use_default_template=False)
    return {key: value for key, value in style.items() if plt.rcParams[key] == rcParamsDefault[key]}


def plot_occupancy(
    counts: Trajectory | Reals,
    logits: Reals | None = None,
    temperature: float | None = None,
    *,
    names: Sequence[str] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw the share of particles in each level beside softmax(z/T).

    Parameters
    ----------
    counts : Trajectory or array_like, shape (K,)
        What was simulated, or the number of independent draws in each level.
    logits : array_like, shape (K,), optional
        Scores. Needed with plain counts; a trajectory knows its own.
    temperature : float, optional
        Temperature that the ticks stand for. By default the trajectory's, or 1.
    names : sequence of str, optional
        Names of the levels. By default the index of logits that are a pandas Series with names in it, and else their
        logits.
    ax : Axes, optional
        Where to draw. By default a new figure in the package's style.

    Returns
    -------
    Axes
        Bars are the measured shares, whiskers two standard errors to either side, ticks the exact probabilities.
        Energy is height: the likeliest level is at the bottom.

    Raises
    ------
    TypeError, ValueError
        If counts, logits, temperature and names do not belong together.

    See Also
    --------
    verify : Whether counts follow softmax.
    plot_trajectory : A run sweep by sweep, as a picture.

    Examples
    --------
    >>> ax = plot_occupancy([659, 242, 99], [2.0, 1.0, 0.1], names=["sun", "rain", "snow"])
    >>> ax.get_xlabel()
    'share of 1,000 particles'
    """
    if hasattr(counts, "counts"):
        run: Any = counts
        logits = run.logits if logits is None else logits
        temperature = float(np.ravel(run.temperature)[-1]) if temperature is None else temperature
        counts = run.counts
    if logits is None:
        raise TypeError("logits must be given with plain counts, got None; pass one score per level")
    z = as_vector_logits(logits)
    if names is None:
        names = carried_names(logits)
    check_index(counts, len(z), names)
    n = as_counts(counts, len(z))
    t = 1.0 if temperature is None else float(as_temperature(temperature, scalar=True))
    if names is None:
        names = [f"z {number(v)}" if np.isfinite(v) else "z −∞" for v in z]
    else:
        names = as_names("names", names)
        one_for_each("levels", len(z), names, "pass one for each")

    ax = _axes(ax)
    order = np.argsort(-z, kind="stable")
    share = n[order] / n.sum()
    # The binomial standard error at the exact probability: it does not vanish where nothing was counted.
    p = softmax(z, t)[order]
    error = np.sqrt(p * (1 - p) / n.sum())
    color = temperature_color(t)
    y = np.arange(len(z))
    many = len(z) > 16
    ax.barh(y, share, height=1.0 if many else 0.62, color=color, alpha=0.85, zorder=2)
    half = 0.5 if many else 0.42
    ax.vlines(p, y - half, y + half, color=INKS["theory"], linewidth=1.8, zorder=4)
    if not many:
        ax.errorbar(share, y, xerr=2 * error, fmt="none", ecolor=INKS["muted"], elinewidth=1.2, zorder=3)
        places = np.maximum(share + 2 * error, p)
        values = [
            ax.annotate(
                number(value, float(error.max())),  # all rows with the same digits
                (place, row),
                (7, 0),
                textcoords="offset points",
                va="center",
                color=INKS["ink"],
            )
            for row, (value, place) in enumerate(zip(share, places, strict=True))
        ]
        ax.set_yticks(y, [names[i] for i in order])
    else:
        ax.set_ylabel("level, likeliest at the bottom")
        ax.set_yticks([])
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    ax.set_xlabel(f"share of {int(n.sum()):,} particles")
    ax.set_xlim(0, max(float(share.max()), float(p.max())) * 1.12)
    ax.set_ylim(-0.6, len(z) - 0.4)
    if not many:
        _make_room(ax, values, places)
    return ax


def _make_room(ax: Axes, values: list[Annotation], places: NDArray[np.float64]) -> None:
    """Widen the axis until the values beside the bars end within it; where half of it would go for that, drop them."""
    figure = ax.figure.canvas.figure  # that of subfigures, too
    figure.draw_without_rendering()  # the layout decides how wide the axes are
    width = ax.get_window_extent().width
    beside = [text.get_window_extent().width + 9 * figure.dpi / 72 for text in values]
    if max(beside) > width / 2:
        for text in values:
            text.remove()
        return
    needed = max(place / (1 - taken / width) for place, taken in zip(places, beside, strict=True))
    ax.set_xlim(0, max(ax.get_xlim()[1], needed))


def plot_trajectory(
    trajectory: Trajectory, *, quantity: Literal["occupancies", "energy"] = "occupancies", ax: Axes | None = None
) -> Axes:
    """Draw how the particles approach equilibrium, sweep by sweep.

    Parameters
    ----------
    trajectory : Trajectory
        A simulation that was recorded (``simulate(..., record=1)``) at one temperature.
    quantity : {"occupancies", "energy"}
        The share of particles in each level, or the mean energy per particle.
    ax : Axes, optional
        Where to draw. By default a new figure in the package's style.

    Returns
    -------
    Axes
        Measured values filled in the colour of the temperature, with a band of two standard errors; the exact
        equilibrium as a thin line.

    Raises
    ------
    TypeError
        If it is no trajectory.
    ValueError
        If nothing was recorded.

    See Also
    --------
    simulate : Particles that find softmax by hopping.
    plot_occupancy : Counts beside softmax, as a picture.

    Examples
    --------
    >>> from simsoftmax import simulate
    >>> ax = plot_trajectory(simulate([2.0, 1.0, 0.1], particles=1000, sweeps=20, record=1, rng=1))
    >>> ax.get_xlabel()
    'sweeps'
    """
    if not hasattr(trajectory, "occupancies"):
        raise TypeError(
            f"trajectory must be a Trajectory, got {type(trajectory).__name__}; simulate(..., record=1) returns one"
        )
    if quantity not in ("occupancies", "energy"):
        raise ValueError(f"quantity must be 'occupancies' or 'energy', got {quantity!r}")
    values = trajectory.occupancies if quantity == "occupancies" else trajectory.energy
    if values is None or len(values) == 0:
        raise ValueError("trajectory must hold recorded sweeps, got none; simulate with record=1")
    z = as_vector_logits(trajectory.logits)
    t = float(np.ravel(trajectory.temperature)[-1])
    particles = int(np.sum(trajectory.counts))
    p = softmax(z, t)
    if quantity == "occupancies":
        values, exact = np.asarray(values), p
        error = np.sqrt(values * (1 - values) / particles)
        names = [f"z {number(v)}" for v in z]
    else:
        values, exact = np.asarray(values)[:, None], np.atleast_1d(mean_energy(z, t))
        error = np.broadcast_to(t * np.sqrt(heat_capacity(z, t) / particles), values.shape)
        names = ["softmax"]

    ax = _axes(ax)
    sweeps = trajectory.record * np.arange(1, len(values) + 1)
    color = temperature_color(t)
    for column, name in enumerate(names):
        y, band = values[:, column], 2 * error[:, column]
        ax.axhline(exact[column], color=INKS["theory"], linewidth=1.0, zorder=3)
        ax.fill_between(sweeps, y - band, y + band, color=color, alpha=0.25, linewidth=0, zorder=1)
        ax.plot(sweeps, y, color=color, zorder=2)
        ax.annotate(
            name, (1, exact[column]), (5, 0), xycoords=ax.get_yaxis_transform(), textcoords="offset points", va="center"
        )
    ax.set_xlabel("sweeps")
    ax.set_ylabel("share of particles" if quantity == "occupancies" else "energy per particle")
    return ax


def plot_temperature_sweep(
    logits: Reals,
    quantity: Quantity = "probabilities",
    *,
    temperatures: Reals | None = None,
    measured: tuple[Reals, Reals, Reals] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw an exact quantity along the temperature, and measurements of it.

    Parameters
    ----------
    logits : array_like, shape (K,)
        Scores. The index of a pandas Series names the curves.
    quantity : {"probabilities", "entropy", "heat_capacity", "mean_energy", "free_energy"}
        What to draw: per level for the probabilities, otherwise one curve. Entropies are in nats.
    temperatures : array_like, optional
        Where to evaluate, finite and above 0. By default 0.05 to 20 on a logarithmic scale.
    measured : tuple of array_like, optional
        Temperatures, measured values and their standard errors; values of shape (n,), or (n, K) for probabilities.
    ax : Axes, optional
        Where to draw. By default a new figure in the package's style.

    Returns
    -------
    Axes
        Theory as thin lines over a thermometer, measurements as dots in the colour of their temperature with
        whiskers of two standard errors.

    Raises
    ------
    ValueError
        If a temperature is 0 or infinite, which a logarithmic axis cannot show.

    See Also
    --------
    plotting.temperature_color : The colour of a temperature.
    heat_capacity : The heat capacity, exactly.

    Examples
    --------
    >>> ax = plot_temperature_sweep([2.0, 1.0, 0.1], "entropy")
    >>> ax.get_ylabel()
    'entropy (nats)'
    """
    z = as_vector_logits(logits)
    called = as_names("names", carried_names(logits)) or [f"z {number(v)}" for v in z]
    given = np.geomspace(COLDEST, HOTTEST, 400) if temperatures is None else temperatures
    t = np.ravel(as_temperature(given, name="temperatures"))
    if len(t) < 2 or not (np.isfinite(t).all() and (t > 0).all()):
        raise ValueError(
            "temperatures must be two or more, finite and above 0, for a logarithmic axis, "
            f"got {temperatures!r}; np.geomspace({COLDEST:g}, {HOTTEST:g}) makes some"
        )
    exact: dict[str, Callable[..., Any]] = {
        "probabilities": softmax,
        "entropy": entropy,
        "heat_capacity": heat_capacity,
        "mean_energy": mean_energy,
        "free_energy": free_energy,
    }
    if quantity not in list(exact):  # a list takes what cannot be hashed
        raise ValueError(f"quantity must be one of {', '.join(exact)}, got {quantity!r}")
    dots = None if measured is None else _measured(measured, len(z) if quantity == "probabilities" else 1)
    curves: NDArray[Any] = exact[quantity](z, t).reshape(len(t), -1)

    ax = _axes(ax)
    ax.set_xscale("log")
    ax.set_xlim(t.min(), t.max())
    for level, curve in enumerate(curves.T):
        ax.plot(t, curve, color=INKS["theory"], linewidth=1.2, zorder=2)
        if quantity == "probabilities" and len(z) <= 12 and np.isfinite(z[level]):
            gaps = np.delete(curves, level, axis=1) - curve[:, None]
            # The name stands where its curve is farthest from the others, away from the edges; above the curve, or
            # below it where all others are above and the axis leaves room.
            lowest = (gaps > 0).all(axis=1) & (len(z) > 1)
            room = np.abs(gaps).min(axis=1, initial=1.0)
            room = np.where(lowest, np.minimum(room, curve), room)
            room[: len(t) // 12] = room[-len(t) // 6 :] = -1.0
            place = int(room.argmax())
            rising, below = curve[place] < curve[place + 1], lowest[place]
            ax.annotate(
                called[level],
                (t[place], curve[place]),
                (-6 if rising != below else 6, -4 if below else 4),
                textcoords="offset points",
                ha="right" if rising != below else "left",
                va="top" if below else "baseline",
            )
    if dots is not None:
        at, values, errors = dots
        colors: Any = [temperature_color(float(value)) for value in at]
        for column, sigma in zip(values.T, errors.T, strict=True):
            ax.errorbar(at, column, yerr=2 * sigma, fmt="none", ecolor=colors, elinewidth=1.4, zorder=3)
            ax.scatter(at, column, s=26, c=colors, zorder=4)
    names = {"heat_capacity": "heat capacity", "mean_energy": "mean energy", "free_energy": "free energy"}
    ax.set_ylabel({"entropy": "entropy (nats)"}.get(quantity, names.get(quantity, "probability")))
    ax.set_xlabel("temperature")
    ax.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    _thermometer(ax, float(t.min()), float(t.max()))
    return ax


def _measured(measured: Any, columns: int) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Return temperatures, shape (n,), values and their errors, shape (n, columns)."""
    remedy = "pass temperatures, values and standard errors"
    if isinstance(measured, str) or not isinstance(measured, (Sequence, np.ndarray)) or len(measured) != 3:
        raise TypeError(f"measured must be three arrays, got {measured!r}; {remedy}")
    at = np.ravel(as_temperature(measured[0], name="measured"))
    values, errors = (as_real("measured", part, remedy) for part in measured[1:])
    if not values.size == errors.size == len(at) * columns:
        raise ValueError(
            f"measured must hold {columns} values and errors for each of the {len(at)} temperatures, "
            f"got shapes {values.shape} and {errors.shape}; {remedy}"
        )
    return at, values.reshape(len(at), columns), errors.reshape(len(at), columns)


def plot_reliability(
    diagram: ReliabilityDiagram,
    *,
    after: ReliabilityDiagram | None = None,
    temperatures: tuple[float, float] = (1.0, 1.0),
    ax: Axes | None = None,
) -> Axes:
    """Draw accuracy against confidence, before and after calibration.

    Parameters
    ----------
    diagram : ReliabilityDiagram
        What `simsoftmax.reliability_diagram` returns.
    after : ReliabilityDiagram, optional
        The same after calibration.
    temperatures : tuple of float, optional
        The temperatures of the two, which colour them; the uncalibrated model has T = 1.
    ax : Axes, optional
        Where to draw. By default a new figure in the package's style.

    Returns
    -------
    Axes
        The thin diagonal is perfect calibration. Dots are the bins' accuracies, with whiskers for their
        intervals; a faint bar spans the gap between accuracy and confidence, and the low bars at the foot, filled
        before and in outline after, are the share of forecasts in each bin. The legend gives the expected
        calibration errors.

    Raises
    ------
    TypeError
        If a diagram is something else.
    ValueError
        If the temperatures are not two.

    See Also
    --------
    reliability_diagram : Confidence and accuracy, bin by bin.

    Examples
    --------
    >>> from simsoftmax import reliability_diagram
    >>> diagram = reliability_diagram([0.9, 0.8, 0.9, 0.3, 0.6], [1, 1, 0, 0, 1], bins=5)
    >>> ax = plot_reliability(diagram)
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('confidence', 'accuracy')
    """
    pair = as_temperature(temperatures, name="temperatures")
    if pair.shape != (2,):
        raise ValueError(f"temperatures must be two, got {temperatures!r}; pass those before and after calibration")
    for name, table in {"diagram": diagram, "after": after}.items():
        if not hasattr(table, "expected_calibration_error") and not (table is None and name == "after"):
            raise TypeError(
                f"{name} must be a ReliabilityDiagram, got {type(table).__name__}; call reliability_diagram"
            )
    shown = [(diagram, pair[0], "" if after is None else "before")]
    if after is not None:
        shown.append((after, pair[1], "after"))
    ax = _axes(ax)
    ax.plot([0, 1], [0, 1], color=INKS["theory"], linewidth=1.0, zorder=2)
    tallest = max(float(table.share.max()) for table, _, _ in shown)
    for table, temperature, name in shown:
        full = table.count > 0
        color = temperature_color(temperature)
        confidence, accuracy = table.confidence[full], table.accuracy[full]
        # Bars stand below their dots, so that bins of unlike widths do not run into each other; those of the second
        # diagram are outlines, for where the two meet.
        width = np.minimum(np.diff(table.edges)[full], 0.03)
        foot = 0.14 * table.share[full] / tallest
        face = (*color[:3], 0.0 if name == "after" else 0.5)
        ax.bar(confidence, foot, width, facecolor=face, edgecolor=color, linewidth=0.8, zorder=1)
        ax.bar(confidence, accuracy - confidence, 0.012, bottom=confidence, color=color, alpha=0.35, zorder=2)
        whiskers = np.stack([accuracy - table.low[full], table.high[full] - accuracy])
        ax.errorbar(confidence, accuracy, yerr=whiskers, fmt="none", ecolor=color, elinewidth=1.2, zorder=3)
        error = f"{100 * table.expected_calibration_error:.1f} %"
        # Told apart by shape as well as by colour.
        ax.scatter(
            confidence,
            accuracy,
            s=30,
            color=color,
            marker="D" if name == "after" else "o",
            zorder=4,
            label=f"{name}, T = {number(temperature)}: error {error}".removeprefix(", "),
        )
    # Above the axes, for whiskers reach everywhere inside.
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1), frameon=False, borderaxespad=0)
    ax.set_xlim(0, 1.01)
    ax.set_ylim(0, 1.01)
    ax.set_xlabel("confidence")
    ax.set_ylabel("accuracy")
    return ax


def plot_draws(verdict: DrawsVerdict, *, ax: Axes | None = None) -> Axes:
    """Draw how often a sampler draws the tokens of each part of the mass, beside how often it should.

    Parameters
    ----------
    verdict : DrawsVerdict
        What `simsoftmax.verify_draws` returns.
    ax : Axes, optional
        Where to draw. By default a new figure in the package's style.

    Returns
    -------
    Axes
        From left to right parts of the mass of every row, the least likely tokens first; their edges are those of the
        verdict and halve toward the tail. Bars are the draws in each part over those expected, whiskers two standard
        errors to either side, the thin line what a right sampler has.

    Raises
    ------
    TypeError
        If it is no such verdict.

    See Also
    --------
    verify_draws : Whether a sampler draws right, one draw a context.

    Examples
    --------
    >>> import numpy as np
    >>> from simsoftmax import sample, verify_draws
    >>> logits = np.random.default_rng(0).normal(0.0, 2.0, (2_000, 50))
    >>> ax = plot_draws(verify_draws(sample(logits, 0.7, rng=1), logits, 0.7))
    >>> ax.get_xlabel()
    'mass of what is less likely'
    """
    if not hasattr(verdict, "rank_counts"):
        raise TypeError(f"verdict must be a DrawsVerdict, got {type(verdict).__name__}; verify_draws returns one")
    from .verdict.samplers import EDGES

    edges = np.array([0.0, *EDGES, 1.0])
    expected = np.diff(edges)
    counts = np.array(verdict.rank_counts)
    number_of = max(1, int(counts.sum()))
    ratio = counts / (expected * number_of)
    error = np.sqrt((1 - expected) / (expected * number_of))
    ax = _axes(ax)
    x = np.arange(len(counts))
    color = temperature_color(verdict.temperature)
    ax.bar(x, ratio, width=0.8, color=color, alpha=0.85, zorder=2)
    ax.errorbar(x, ratio, yerr=2 * error, fmt="none", ecolor=INKS["muted"], elinewidth=1.2, zorder=3)
    ax.axhline(1.0, color=INKS["theory"], linewidth=1.0, zorder=4)
    ax.set_xticks(np.arange(len(EDGES)) + 0.5, [f"{edge:g}" for edge in EDGES], rotation=60, ha="right")
    ax.set_ylim(0, max(1.5, 1.1 * float((ratio + 2 * error).max())))
    ax.set_xlabel("mass of what is less likely")
    ax.set_ylabel("drawn over expected")
    return ax


def _thermometer(ax: Axes, low: float, high: float) -> None:
    """Draw the scale of temperature colours along the lower edge."""
    edges = np.geomspace(low, high, 121)
    segments = [[(a, 0.0), (b, 0.0)] for a, b in pairwise(edges)]
    strip = LineCollection(segments, linewidth=3.0, clip_on=False, capstyle="projecting", zorder=5)
    strip.set_color([temperature_color(float(edge)) for edge in edges[:-1]])
    strip.set_transform(blended_transform_factory(ax.transData, ax.transAxes))
    ax.add_collection(strip, autolim=False)
    ax.spines["bottom"].set_visible(False)
