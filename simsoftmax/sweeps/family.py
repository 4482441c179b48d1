"""One verdict for a whole family of runs, at one rate of false alarms."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import special

from ..arguments import as_probability
from ..boltzmann import softmax
from ..kernels.compiler import compiled
from ..kernels.residuals import chain
from ..kernels.streams import normals
from ..results import Displayed, counted
from ..verdict.null import Null
from ..verdict.power import percent
from ..verdict.residuals import chances_after
from ..verdict.tilting import Heat, relative_error
from ..verdict.verification import Verdict, verify

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["SweepVerdict", "verify_sweep"]

Floats = NDArray[np.float64]


_THETA = np.arange(-16, 33) / 16
"""Relative errors of 1 / T at which the law of the score is computed."""


@dataclass(frozen=True)
class SweepVerdict(Displayed):
    """Whether all runs of a family follow softmax; made by `verify_sweep`.

    Attributes
    ----------
    passed : bool
        ``p_value > false_alarm``; also the truth value of the verdict.
    p_value : float
        A perfect family has a p-value of at most a with a probability of at most a: twice the lesser of the next two.
    worst_p_value : float
        How often the worst of so many perfect cells would be as bad as the worst of these.
    shared_p_value : float
        How often the temperature of all cells of a perfect family together would seem as far off.
    shared_score : float
        The residual along the direction of one relative error of temperature in all cells, standard normal for a
        perfect family; positive means colder than stated.
    cells, left_out : int
        How many cells were judged; how many had no counts.
    false_alarm, power : float
        What was asked, for the whole family.
    detectable_temperature : float
        Relative error of temperature, the same in all cells, that would be caught with the stated power.
    worst : tuple of (str, value)
        The coordinates of the worst cell.
    verdict : Verdict
        That of the worst cell alone, at its share of the rate of false alarms.
    """

    passed: bool
    p_value: float
    worst_p_value: float
    shared_p_value: float
    shared_score: float
    cells: int
    left_out: int
    false_alarm: float
    power: float
    detectable_temperature: float
    worst: tuple[tuple[str, Any], ...]
    verdict: Verdict

    def __bool__(self) -> bool:
        return self.passed

    def __str__(self) -> str:
        who = counted(self.cells, "cell") + (f" ({self.left_out:,} without counts left out)" if self.left_out else "")
        where = ", ".join(f"{name} = {value}" for name, value in self.worst) or "the only one"
        rate = f"p = {self.p_value:.2g}, rejected below {self.false_alarm:.3g} for the whole family"
        if self.passed:
            seen = ""
            if math.isfinite(self.detectable_temperature):
                error = percent(self.detectable_temperature)
                seen = f" a temperature off by {error} in all would have been caught with {percent(self.power)} power;"
            return f"Passed: {who} follow softmax, each at its own temperature ({rate});{seen} the worst is {where}."
        if self.shared_p_value < self.worst_p_value:
            tendency = "colder" if self.shared_score > 0 else "hotter"
            return f"Failed: {who} together are {tendency} than stated ({rate}); the worst is {where}."
        return f"Failed: of {who} the worst is {where} ({rate}). {self.verdict}"


def verify_sweep(dataset: xr.Dataset, *, false_alarm: float = 1e-3, power: float = 0.99) -> SweepVerdict:
    """Judge whether all runs of a sweep follow softmax, each at its own temperature, at one rate of false alarms.

    Parameters
    ----------
    dataset : xarray.Dataset
        What `sweep` made of `simulate`, or a part of it: it needs ``counts``, ``scores`` and ``last_temperature``.
    false_alarm : float, optional
        Probability of failing a perfect family, at most, however many cells it has.
    power : float, optional
        Probability with which errors of the size that the verdict states are caught.

    Returns
    -------
    SweepVerdict

    Raises
    ------
    TypeError, ValueError
        If the dataset is something else, or its runs were annealed or have no counts.

    See Also
    --------
    sweep : A grid of runs.

    Notes
    -----
    Two tests share the rate, half each. *The worst cell.* The p-values of `verify` are valid by a theorem, and the
    streams of cells are independent, so the smallest p of m cells is at most a with a probability of at most
    1 - (1 - a)^m (Z. Šidák, J. Am. Stat. Assoc. 62 (1967)). *A shared error.* One too small for any cell to show, shows
    in the sum over all particles of beta (z - <z>), the score of one relative error of temperature in all cells. Its
    tails are those of `verify_draws`, which sums the same over contexts.

    Examples
    --------
    >>> from simsoftmax import simulate, sweep
    >>> found = sweep(simulate, {"temperature": [0.5, 2.0], "replica": range(3)}, logits=[2.0, 1.0, 0.1], rng=0)
    >>> verify_sweep(found).cells
    6
    """
    alarm, strength = as_probability("false_alarm", false_alarm), as_probability("power", power)
    runs, left_out = _runs(dataset)
    # Cells of one problem are judged together: what does not depend on their counts is computed once.
    problems: dict[tuple[bytes, float, int], list[int]] = {}
    for number, run in enumerate(runs):
        problems.setdefault((run.logits.tobytes(), run.temperature, int(run.counts.sum())), []).append(number)
    p, laws, score = np.empty(len(runs)), [], 0.0
    for (logits, temperature, particles), members in problems.items():
        z, counts = np.frombuffer(logits), np.stack([runs[member].counts for member in members])
        p[members] = Null.of(z, temperature, particles).judge(counts)[2]
        if 0 < temperature < math.inf:  # elsewhere a little more heat changes nothing
            own, x = _heat(z / temperature)
            laws.append(own.times(particles * len(members)))
            score += float(counts.sum(axis=0)[z > -np.inf] @ x)
    worst, cells = int(p.argmin()), len(p)
    worst_p = -math.expm1(cells * math.log1p(-p[worst])) if p[worst] < 1 else 1.0
    heat = _together(laws)
    shared_p = heat.p_value(score, _chance(runs))
    both = min(1.0, 2 * min(worst_p, shared_p))
    run = runs[worst]
    share = -math.expm1(math.log1p(-alarm / 2) / cells)
    return SweepVerdict(
        passed=both > alarm,
        p_value=both,
        worst_p_value=worst_p,
        shared_p_value=shared_p,
        shared_score=score / heat.spread if heat.tells else 0.0,
        cells=cells,
        left_out=left_out,
        false_alarm=alarm,
        power=strength,
        detectable_temperature=relative_error(heat.detectable(alarm / 2, strength)),
        worst=run.place,
        verdict=verify(run.counts, run.logits, run.temperature, false_alarm=share, power=strength),
    )


def _heat(scores: Floats) -> tuple[Heat, Floats]:
    """Return the law of beta (z - <z>) of one particle, given beta z; and its values at the allowed levels."""
    allowed = scores[scores > -np.inf]
    p = np.asarray(softmax(allowed))
    x = allowed - p @ allowed
    with np.errstate(over="ignore", invalid="ignore"):  # tilts beyond the range of floats are not used
        value = special.logsumexp(_THETA[:, None] * x, b=p, axis=1)
        tilted = np.asarray(softmax(_THETA[:, None] * x + np.log(p)))
        slope = tilted @ x
        curvature = np.einsum("tk,tk->t", tilted, (x - slope[:, None]) ** 2)
    return Heat(_THETA, value, slope, curvature, float(p @ abs(x) ** 3)), x


def _chance(runs: list[_Run]) -> float:
    """Return a standard normal number, from a hash of all counts."""
    link = np.empty(1, np.uint64)
    compiled(chain)(np.concatenate([run.counts for run in runs])[None], link)
    return float(normals(*chances_after(link)[:2])[0])


def _together(laws: list[Heat]) -> Heat:
    """Return the law of a sum of independent scores."""
    nothing = np.zeros_like(_THETA)
    return Heat(
        _THETA,
        sum((law.value for law in laws), nothing),
        sum((law.slope for law in laws), nothing),
        sum((law.curvature for law in laws), nothing),
        sum(law.cubes for law in laws),
    )


class _Run(NamedTuple):
    place: tuple[tuple[str, Any], ...]
    counts: NDArray[np.int64]
    logits: Floats
    temperature: float


def _runs(dataset: Any) -> tuple[list[_Run], int]:
    """Return all runs that have counts, and how many have none."""
    needed = ("counts", "scores", "last_temperature")
    if not hasattr(dataset, "data_vars"):
        raise TypeError(f"dataset must be what sweep returned, got {type(dataset).__name__}; pass that")
    lacking = [name for name in needed if name not in dataset.data_vars]
    if lacking:
        raise ValueError(f"dataset must hold {', '.join(needed)}, got none called {lacking[0]}; sweep over simulate")
    if "annealed" in dataset.data_vars and (dataset["annealed"] == 1).any():
        raise ValueError("dataset must hold runs at one temperature each, got annealed ones; judge those one by one")
    import xarray as xr

    grid = [dim for dim in dataset["counts"].dims if dim != "level"]
    several = xr.broadcast(*(dataset[name] for name in needed), exclude=["level"])
    counts, scores = (array.transpose(*grid, "level").values.reshape(-1, array.sizes["level"]) for array in several[:2])
    temperatures = several[2].transpose(*grid).values.ravel()
    axes = [dataset[name].values for name in grid]
    runs = []
    for cell, place in enumerate(np.ndindex(*map(len, axes))):
        there = ~np.isnan(counts[cell])
        if there.any():
            named = tuple((name, axis[i].item()) for name, axis, i in zip(grid, axes, place, strict=True))
            z = np.ascontiguousarray(scores[cell, there], np.float64)
            runs.append(_Run(named, counts[cell, there].astype(np.int64), z, float(temperatures[cell])))
    if not runs:
        raise ValueError("dataset must hold counts of one run at least, got none; run the cells that are missing")
    return runs, len(counts) - len(runs)
