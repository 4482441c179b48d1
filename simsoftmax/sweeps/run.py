"""`sweep`: one function over a grid, as one labelled dataset."""

from __future__ import annotations

import importlib.util
import json
import warnings
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..arguments import RNG, as_path, generator
from ..interruption import progress_bar
from ..results import counted
from .grid import Cell, as_axes, cells, check_call
from .store import Store, fingerprint
from .variables import Variables, assembled, fitted
from .work import NOT_RUN, Task, as_executor, carry_out

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["sweep"]


def sweep(
    function: Callable[..., Any],
    grid: Mapping[str, Iterable[Any]],
    *,
    rng: RNG = None,
    executor: Any = None,
    path: str | Path | None = None,
    progress: bool = False,
    **options: Any,
) -> xr.Dataset:
    """Run a function at every point of a grid, here or on a cluster, and return one labelled dataset.

    Parameters
    ----------
    function : callable
        `simulate`, `anneal`, `simulate_gas`, or anything that returns numbers, arrays, a dict of these or a result of
        this package.
    grid : dict of str to sequence
        What varies, a dimension each. Numbers and words label themselves; other things are given a name each,
        ``{"logits": {"three levels": [2.0, 1.0, 0.1], "two levels": [1.0, 0.0]}}``. A name that the function does not
        take, such as "replica", numbers repeats.
    rng : numpy.random.Generator, int or None, optional
        Seed. A function with an argument ``rng`` is given a stream of its own in each cell, made from the seed and the
        names and values of the cell's coordinates: see `sweeps.stream`.
    executor : concurrent.futures.Executor, dask.distributed.Client or None, optional
        Who does the work; this process by default. The caller closes it. A function that takes ``threads`` is given
        one in each cell, unless ``options`` says otherwise.
    path : str or Path, optional
        A folder that keeps finished cells, one file each. A second call with the same function, options and seed goes
        on from there, with a longer grid too; nothing else is read. It needs a seed.
    progress : bool, optional
        Show a progress bar (tqdm).
    **options
        Further arguments of the function, the same in every cell.

    Returns
    -------
    xarray.Dataset
        One dimension for each name of the grid, then those of the results: "level", and "sweep" for records. Its
        attributes tell function, options, seed and version. Where a cell has nothing, or fewer levels than another, it
        holds NaN, and whole numbers are floats then; the variable ``fault`` says why. ``to_dataframe()`` makes a tidy
        table, ``to_netcdf()`` and ``to_zarr()`` a file. Of a run, ``counts``, ``scores`` (the logits) and
        ``last_temperature`` are what `verify_sweep` judges; of a gas the quanta of single particles are left out.

    Raises
    ------
    ImportError
        If xarray is not installed.
    TypeError, ValueError
        If an argument is refused, before any work.
    RuntimeError
        If every cell raised.
    KeyboardInterrupt
        If Ctrl-C came before any cell was done, or for the second time.

    Warns
    -----
    UserWarning
        If cells raised, with the coordinates of the first; or if the work was cut short, by Ctrl-C or because a worker
        died. What is done is returned.

    See Also
    --------
    simulate : Particles that find softmax by hopping.
    verify_sweep : One verdict for the whole family.
    sweeps.grid.stream : The random stream of one run of a grid.
    concurrent.futures.Executor : Who may do the work.

    Examples
    --------
    >>> from simsoftmax import simulate, verify_sweep
    >>> found = sweep(simulate, {"temperature": [0.5, 2.0], "replica": range(3)}, logits=[2.0, 1.0, 0.1], rng=0)
    >>> dict(found.counts.sizes)
    {'temperature': 2, 'replica': 3, 'level': 3}
    >>> bool(verify_sweep(found))
    True
    """
    if importlib.util.find_spec("xarray") is None:
        raise ImportError("sweep needs xarray; install it with: pip install 'simsoftmax[sweeps]'")
    axes = as_axes(grid)
    taken = check_call(function, axes, options)
    seed = _as_seed(rng)
    as_executor(executor)
    everything = cells(axes, taken)
    store = None
    if path is not None:
        if rng is None:
            raise ValueError("rng must be a seed where path keeps cells, got None; pass an integer such as 0")
        store = _opened(path, function, options, seed)

    found: list[Variables | None] = [None] * len(everything)
    faults = [NOT_RUN] * len(everything)
    first: Variables = {}

    def take(cell: Cell, given: Variables | str, known: bool = False) -> None:
        try:
            if not isinstance(given, str):
                given = fitted(given, first, cell.coordinates)
        except ValueError as error:
            given = f"ValueError: {error}"
        if isinstance(given, str):
            faults[cell.number] = given
        else:
            found[cell.number], faults[cell.number] = given, ""
            first.update({name: variable for name, variable in given.items() if name not in first})
            if store is not None and not known:
                store.write(cell, given)
        if bar is not None:
            bar.update(1)

    with progress_bar(len(everything), "cell", progress) as bar:
        for cell in everything if store is not None else ():
            kept = None if store is None else store.read(cell)
            if kept is not None:
                take(cell, kept, known=True)
        left = [cell for cell in everything if found[cell.number] is None]
        alone = {"threads": 1} if executor is not None and taken("threads") and "threads" not in options else {}
        task = Task(function, {**options, **alone}, seed, taken("rng"))
        interrupted, broken = carry_out(task, left, executor, take)
    _report(everything, faults, interrupted, broken, store is not None)
    return assembled(axes, found, faults, _attributes(function, options, seed))


def _as_seed(rng: RNG) -> int:
    """Return a seed that gives the same again, whatever was given: a whole number is one already."""
    source = generator(rng)
    if isinstance(rng, (int, np.integer)):
        return int(rng)
    return int(source.integers(2**63))


def _opened(path: Any, function: Callable[..., Any], options: dict[str, Any], seed: int) -> Store:
    from .. import __version__

    folder = as_path("path", path)
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"path must be a folder, which will keep a file a cell, got the file {str(folder)!r}")
    made_by = fingerprint([__version__, function, options, seed])
    folder.mkdir(parents=True, exist_ok=True)
    return Store(folder, made_by)


def _report(everything: list[Cell], faults: list[str], interrupted: bool, broken: str, kept: bool) -> None:
    """Say what is missing, or raise if everything is."""
    raised = [cell for cell in everything if faults[cell.number] not in ("", NOT_RUN)]
    missing = faults.count(NOT_RUN)
    done = len(everything) - missing - len(raised)
    first = f"{raised[0].place}: {faults[raised[0].number]}" if raised else ""
    if interrupted and not done:
        raise KeyboardInterrupt
    if missing and not done and not raised:
        raise RuntimeError(f"no cell was done, for the executor gave up: {broken}")
    if not done:
        raise RuntimeError(f"all of {counted(len(raised), 'cell')} raised; the first, at {first}")
    if raised:
        warnings.warn(
            f"{len(raised)} of {counted(len(everything), 'cell')} raised, the first at {first}. "
            "The variable `fault` says what happened where",
            stacklevel=3,
        )
    if missing:
        why = "Ctrl-C" if interrupted else f"the executor gave up ({broken})"
        remedy = "the same call again goes on from here" if kept else "pass path=... to be able to go on from there"
        warnings.warn(
            f"cut short, {why}: {done} of {counted(len(everything), 'cell')} are done; {remedy}", stacklevel=3
        )


def _attributes(function: Callable[..., Any], options: dict[str, Any], seed: int) -> dict[str, Any]:
    """Return what a file should say about where its numbers come from."""
    from .. import __version__

    name = f"{getattr(function, '__module__', '')}.{getattr(function, '__qualname__', type(function).__name__)}"
    told = {option: value.tolist() if isinstance(value, np.ndarray) else value for option, value in options.items()}
    return {
        "function": name,
        "options": json.dumps({option: _told(value) for option, value in told.items()}),
        "seed": seed if seed < 2**63 else str(seed),  # netCDF has no larger whole numbers
        "simsoftmax_version": __version__,
    }


def _told(value: Any) -> Any:
    """Return a value as JSON has it, or what it looks like in short."""
    try:
        text = json.dumps(value)
    except (TypeError, ValueError):
        text = ""
    return value if 0 < len(text) <= 1000 else repr(value)[:100]
