"""What a result is in a dataset: its numbers under names, with dimensions and units; and all cells put together."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..annealing import Annealing
from ..gas import Gas
from ..results import Displayed
from ..trajectory import Trajectory
from .grid import Axis

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["Variable", "Variables", "assembled", "fitted", "variables_of"]


class Variable(NamedTuple):
    """An array with named dimensions; one that bears the name of its only dimension labels it."""

    dims: tuple[str, ...]
    values: NDArray[Any]
    attributes: dict[str, str]


Variables = dict[str, Variable]

_PURE = "1"
_ENERGY = "logits"
_OF_AXES = {"temperature": {"long_name": "temperature", "units": _ENERGY}}
_ONCE = ("scores",)  # what cells were given; kept once where they share it


def _variable(values: Any, dims: str, said: str, units: str = _PURE) -> Variable:
    return Variable(tuple(dims.split()), np.asarray(values), {"long_name": said, "units": units})


def _of_trajectory(run: Trajectory) -> Variables:
    found = {
        "counts": _variable(run.counts, "level", "particles in each level after the last sweep"),
        "scores": _variable(run.logits, "level", "logit of each level", _ENERGY),
        "last_temperature": _variable(run.temperature, "", "temperature of the last sweep", _ENERGY),
        "annealed": _variable(run.annealed, "", "whether the temperature changed on the way"),
        "acceptance_rate": _variable(run.acceptance_rate, "", "share of the proposals that moved a particle"),
        "sweeps_done": _variable(run.sweeps, "", "sweeps done"),
    }
    if run.record:
        records = run.record * np.arange(1, len(run.energy) + 1)
        found |= {
            "sweep": _variable(records, "sweep", "sweeps done at a record"),
            "energy": _variable(run.energy, "sweep", "mean energy of a particle", _ENERGY),
            "occupancies": _variable(run.occupancies, "sweep level", "share of the particles in each level"),
        }
    return found


def _of_gas(gas: Gas) -> Variables:
    found = {
        "counts": _variable(gas.counts, "level", "particles in each level, all gases together"),
        "gas_temperature": _variable(gas.temperature, "", "temperature that the mean energy sets", "units of spacing"),
        "acceptance_rate": _variable(gas.acceptance_rate, "", "share of the handovers that took place"),
        "sweeps_done": _variable(gas.sweeps, "", "sweeps done"),
    }
    if gas.quanta.ndim == 2:
        found["tagged_counts"] = _variable(gas.tagged_counts, "level", "gases with their first particle in each level")
    if gas.record:
        records = gas.record * np.arange(1, len(gas.occupancies) + 1)
        found |= {
            "sweep": _variable(records, "sweep", "sweeps done at a record"),
            "occupancies": _variable(gas.occupancies, "sweep level", "share of the particles in each level"),
        }
    return found


def _of_annealing(cooled: Annealing) -> Variables:
    level = f"at a confidence of {cooled.confidence_level:g}"
    return {
        "success": _variable(cooled.success, "", "share of the particles in the ground level"),
        "success_low": _variable(cooled.low, "", f"lower end of the interval of success, {level}"),
        "success_high": _variable(cooled.high, "", f"upper end of the interval of success, {level}"),
        **_of_trajectory(cooled.trajectory),
    }


def variables_of(result: Any) -> Variables:
    """Return what a function gave as variables.

    Raises
    ------
    TypeError
        If it is no number, no array, no dict of these and no result of this package.
    KeyboardInterrupt
        If it is a run that Ctrl-C cut short.
    """
    if getattr(result, "interrupted", False) is True:
        raise KeyboardInterrupt
    if isinstance(result, Trajectory):
        return _of_trajectory(result)
    if isinstance(result, Gas):
        return _of_gas(result)
    if isinstance(result, Annealing):
        return _of_annealing(result)
    if isinstance(result, Displayed):  # a verdict, an estimate: the fields that are numbers
        public = {name: value for name, value in vars(result).items() if not name.startswith("_")}
        return {n: _plain(n, v) for n, v in public.items() if isinstance(v, (np.ndarray, np.generic, int, float))}
    named = result if isinstance(result, Mapping) else {"value": result}
    return {str(name): _plain(str(name), value) for name, value in named.items()}


def _plain(name: str, value: Any) -> Variable:
    try:
        array = np.asarray(value)
    except ValueError:  # rows of several lengths
        array = np.empty(0, object)
    if array.dtype.kind not in "biufcU":
        raise TypeError(
            f"function must return numbers, arrays, a dict of these, or a result of simsoftmax, got "
            f"{type(value).__name__} as {name!r}"
        )
    return Variable(tuple(f"{name}_{axis}" for axis in range(array.ndim)), array, {})


def fitted(found: Variables, first: Variables, coordinates: Mapping[str, Any]) -> Variables:
    """Return variables that fit beside those of another cell, and into the grid; what only repeats a coordinate goes.

    Raises
    ------
    ValueError
        What does not fit, and what to do.
    """
    repeated = {
        name for name, v in found.items() if name in coordinates and not v.dims and v.values == coordinates[name]
    }
    found = {name: variable for name, variable in found.items() if name not in repeated}
    for name, variable in found.items():
        clash = ({name, *variable.dims} & {*coordinates}) | ({name} & {"fault"})
        if clash:
            raise ValueError(f"function must not return {clash.pop()!r}, which the dataset itself has; rename it")
        other = first.get(name, variable)
        if variable.dims != other.dims:
            raise ValueError(
                f"function must return {name!r} with as many dimensions in every cell, got {len(variable.dims)} here "
                f"and {len(other.dims)} elsewhere; return arrays of one kind"
            )
    return found


def assembled(
    axes: Sequence[Axis], found: Sequence[Variables | None], faults: Sequence[str], attributes: dict[str, Any]
) -> xr.Dataset:
    """Return all cells as one `xarray.Dataset`, NaN where a cell has nothing."""
    import xarray as xr

    shape = tuple(len(axis.labels) for axis in axes)
    grid = tuple(axis.name for axis in axes)
    coordinates: dict[str, Any] = {
        axis.name: (axis.name, np.array(axis.labels), _OF_AXES.get(axis.name, {}) if _numbers(axis) else {})
        for axis in axes
    }
    done = [(number, cell) for number, cell in enumerate(found) if cell is not None]
    names = {name: variable for _, cell in reversed(done) for name, variable in cell.items()}
    ordered = sorted(names, key=list(done[0][1]).index if set(names) == set(done[0][1]) else None)
    labels = {dim: _labels(dim, done) for dim in dict.fromkeys(dim for n in ordered for dim in names[n].dims)}
    data: dict[str, Any] = {}
    for name in ordered:
        dims, _, said = names[name]
        if dims == (name,):
            coordinates[name] = (dims, labels[name], said)
            continue
        here = [(number, cell) for number, cell in done if name in cell]
        table = _table(name, here, labels, math.prod(shape)).reshape(shape + tuple(len(labels[d]) for d in dims))
        kept = grid
        if name in _ONCE:
            table, kept = _once(table, grid)
        data[name] = (kept + dims, table, said)
    if any(faults):
        said = {"long_name": "why a cell has no numbers"}
        data["fault"] = (grid, np.array(faults).reshape(shape), said)
    for dim, values in labels.items():
        if dim == "level":
            coordinates[dim] = (dim, values, {"long_name": "index of a level"})
    return xr.Dataset(data, coordinates, attributes)


def _numbers(axis: Axis) -> bool:
    return not isinstance(axis.labels[0], (str, bool))


def _own_labels(dim: str, cell: Variables) -> list[NDArray[Any]]:
    """Return the labels of a dimension in one cell: those that it gives, or numbers from 0."""
    if dim in cell:
        return [cell[dim].values]
    return [np.arange(size) for v in cell.values() for d, size in zip(v.dims, v.values.shape, strict=True) if d == dim][
        :1
    ]


def _labels(dim: str, done: Sequence[tuple[int, Variables]]) -> NDArray[Any]:
    """Return the labels of a dimension over all cells."""
    several = {array.tobytes(): array for _, cell in done for array in _own_labels(dim, cell)}
    arrays = list(several.values())
    return arrays[0] if len(arrays) == 1 else np.unique(np.concatenate(arrays))


def _table(
    name: str, here: Sequence[tuple[int, Variables]], labels: dict[str, NDArray[Any]], cells: int
) -> NDArray[Any]:
    """Return one variable of all cells, shape (cells, ...), padded with NaN: whole numbers are floats then."""
    dims = here[0][1][name].dims
    whole = tuple(len(labels[dim]) for dim in dims)
    arrays = [cell[name].values for _, cell in here]
    kind = np.result_type(*{array.dtype for array in arrays})
    if all(array.shape == whole for array in arrays) and len(arrays) == cells:
        return np.stack(arrays).astype(kind, copy=False)
    if kind.kind in "biu":
        kind = np.dtype(np.float64)
    table = np.full((cells, *whole), "" if kind.kind == "U" else np.nan, kind)
    for (number, cell), array in zip(here, arrays, strict=True):
        places = [np.searchsorted(labels[dim], _own_labels(dim, cell)[0]) for dim in dims]
        table[number, ...][np.ix_(*places)] = array
    return table


def _once(table: NDArray[Any], grid: tuple[str, ...]) -> tuple[NDArray[Any], tuple[str, ...]]:
    """Return a table without the dimensions of the grid along which it does not change."""
    kept = list(grid)
    for axis in reversed(range(len(grid))):
        first = table.take([0], axis)
        if ((table == first) | ((table != table) & (first != first))).all():
            table = first.squeeze(axis)
            del kept[axis]
    return table, tuple(kept)
