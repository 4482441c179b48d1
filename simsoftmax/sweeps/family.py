"""One verdict for a whole family of runs, at one rate of false alarms."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from ..arguments import as_probability
from ..results import Displayed, counted
from ..verdict.null import Null
from ..verdict.verification import Verdict, verify

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["SweepVerdict", "verify_sweep"]


@dataclass(frozen=True)
class SweepVerdict(Displayed):
    """Whether all runs of a family follow softmax; made by `verify_sweep`.

    Attributes
    ----------
    passed : bool
        ``p_value > false_alarm``; also the truth value of the verdict.
    p_value : float
        A perfect family has a p-value of at most a with a probability of at most a, for every a.
    worst_p_value : float
        How often the worst of so many perfect cells would be as bad as the worst of these.
    joint_p_value : float
        How often all cells of a perfect family would be as far off together: small errors that all share show here.
    cells : int
        How many cells were judged.
    left_out : int
        How many had no counts.
    false_alarm : float
        What was asked, for the whole family.
    worst : tuple of (str, value)
        The coordinates of the worst cell.
    verdict : Verdict
        That of the worst cell, at its share of the rate of false alarms.
    """

    passed: bool
    p_value: float
    worst_p_value: float
    joint_p_value: float
    cells: int
    left_out: int
    false_alarm: float
    worst: tuple[tuple[str, Any], ...]
    verdict: Verdict

    def __bool__(self) -> bool:
        return self.passed

    def __str__(self) -> str:
        where = ", ".join(f"{name} = {value}" for name, value in self.worst) or "the only one"
        lacking = f", {self.left_out:,} without counts left out" if self.left_out else ""
        rate = f"p = {self.p_value:.2g}, rejected below {self.false_alarm:.3g}"
        if self.passed:
            return (
                f"Passed: {counted(self.cells, 'cell')}{lacking} follow softmax, each at its own temperature ({rate} "
                f"for the whole family); the worst is {where}."
            )
        if self.verdict.passed:
            return (
                f"Failed: {counted(self.cells, 'cell')}{lacking} do not follow softmax ({rate}), though none of them "
                f"fails alone: they share an error; the worst is {where}."
            )
        return (
            f"Failed: of {counted(self.cells, 'cell')}{lacking} the worst is {where} ({rate} for the whole family). "
            f"{self.verdict}"
        )


def verify_sweep(dataset: xr.Dataset, *, false_alarm: float = 1e-3, power: float = 0.99) -> SweepVerdict:
    """Judge whether all runs of a sweep follow softmax, each at its own temperature, at one rate of false alarms.

    Parameters
    ----------
    dataset : xarray.Dataset
        What `sweep` made of `simulate`, or a part of it: it needs ``counts``, ``scores`` and ``last_temperature``.
    false_alarm : float, optional
        Probability of failing a perfect family, at most, however many cells it has.
    power : float, optional
        As in `verify`, for what the verdict on the worst cell says.

    Returns
    -------
    SweepVerdict

    Raises
    ------
    TypeError, ValueError
        If the dataset is something else, or its runs were annealed or have no counts.

    Notes
    -----
    The p-values of `verify` are valid by a theorem, and the streams of cells are independent. So the smallest p of m
    cells is at most a with a probability of at most 1 - (1 - a)^m (Z. Šidák, J. Am. Stat. Assoc. 62 (1967)), and
    -2 sum ln p exceeds x at most as often as chi-square with 2 m degrees of freedom does (R. A. Fisher, Statistical
    Methods for Research Workers, 1932). The first finds one bad cell, the second a small error that all share. Each is
    given half of the rate.

    Examples
    --------
    >>> from simsoftmax import simulate, sweep
    >>> found = sweep(simulate, {"temperature": [0.5, 2.0], "replica": range(3)}, logits=[2.0, 1.0, 0.1], rng=0)
    >>> verify_sweep(found).cells
    6
    """
    alarm, strength = as_probability("false_alarm", false_alarm), as_probability("power", power)
    counts, scores, temperatures, coordinates = _runs(dataset)
    # Cells of one problem are judged together: what does not depend on their counts is computed once.
    problems: dict[tuple[bytes, float, int], list[int]] = {}
    for number, (n, z, t) in enumerate(zip(counts, scores, temperatures, strict=True)):
        problems.setdefault((z.tobytes(), t, int(n.sum())), []).append(number)
    p = np.empty(len(counts))
    for (scored, t, particles), members in problems.items():
        null = Null.of(np.frombuffer(scored), t, particles)
        p[members] = null.judge(np.stack([counts[member] for member in members]))[2]
    m = len(p)
    worst = int(p.argmin())
    smallest = float(p[worst])
    single = -math.expm1(m * math.log1p(-smallest)) if smallest < 1 else 1.0
    with np.errstate(divide="ignore"):
        joint = float(special.gammaincc(m, -np.log(p).sum()))
    both = min(1.0, 2 * min(single, joint)) if m > 1 else smallest
    share = -math.expm1(math.log1p(-alarm / 2) / m) if m > 1 else alarm
    verdict = verify(counts[worst], scores[worst], temperatures[worst], false_alarm=share, power=strength)
    return SweepVerdict(
        passed=both > alarm,
        p_value=both,
        worst_p_value=single,
        joint_p_value=joint,
        cells=m,
        left_out=coordinates[1] - m,
        false_alarm=alarm,
        worst=coordinates[0][worst],
        verdict=verdict,
    )


def _runs(
    dataset: Any,
) -> tuple[
    list[NDArray[np.int64]], list[NDArray[np.float64]], list[float], tuple[list[tuple[tuple[str, Any], ...]], int]
]:
    """Return counts, logits, temperature and coordinates of each run, and how many cells there are in all."""
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
    table, scores = (array.transpose(*grid, "level").values.reshape(-1, array.sizes["level"]) for array in several[:2])
    temperatures = several[2].transpose(*grid).values.ravel()
    places = [{name: value.item() for name, value in zip(grid, point, strict=True)} for point in _points(dataset, grid)]
    counts, logits, heat, where = [], [], [], []
    for n, z, t, place in zip(table, scores, temperatures, places, strict=True):
        here = ~np.isnan(n)
        if here.any():
            counts.append(n[here].astype(np.int64))
            logits.append(np.ascontiguousarray(z[here], np.float64))
            heat.append(float(t))
            where.append(tuple(place.items()))
    if not counts:
        raise ValueError("dataset must hold counts of one run at least, got none; run the cells that are missing")
    return counts, logits, heat, (where, len(table))


def _points(dataset: Any, grid: list[Any]) -> Any:
    """Yield the coordinates of every cell, the last dimension fastest."""
    axes = [dataset[name].values for name in grid]
    for place in np.ndindex(*(len(axis) for axis in axes)):
        yield [axis[index] for axis, index in zip(axes, place, strict=True)]
