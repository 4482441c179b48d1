"""Arrays of numbers in files: .csv, .npy and .json, read without ever unpickling anything."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["read_array"]

SUFFIXES = (".csv", ".npy", ".json")


def read_array(path: str | Path, name: str, *, memory_map: bool = False) -> NDArray[Any]:
    """Return the array of numbers in a file.

    Parameters
    ----------
    path : str or Path
        A .npy file; a .json file with a list, or with an object that has a list under ``name``; or a .csv file of
        numbers, in one row, in one column or as a table, with or without a line of headings. In a table with headings
        the column called ``name`` is taken, if there is one.
    name : str
        What the array is, for the error message: "counts", "logits".
    memory_map : bool, optional
        Leave the numbers of a .npy file on disk until they are needed.

    Returns
    -------
    ndarray

    Raises
    ------
    ValueError
        If the file is of another kind, holds Python objects, or holds anything but numbers.
    OSError
        If it cannot be read.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise ValueError(f"{name} must come from a file ending in {', '.join(SUFFIXES)}, got {str(path)!r}; convert it")
    if suffix == ".npy":
        try:
            if memory_map:
                return np.lib.format.open_memmap(path, mode="r")
            with path.open("rb") as file:  # np.load would take a file without the .npy signature for a pickle
                return np.asarray(np.lib.format.read_array(file, allow_pickle=False))
        except (ValueError, EOFError) as error:
            reason = "it holds Python objects" if "object" in str(error).lower() else "it is no array of numbers"
            raise ValueError(f"{name} cannot be read from {str(path)!r}: {reason}; save a numeric array") from None
    try:
        text = path.read_text(encoding="utf-8-sig")
        values = _from_json(text, name) if suffix == ".json" else _from_csv(text, name)
        return np.asarray(values, dtype=np.float64)
    except (ValueError, TypeError, KeyError, RecursionError, csv.Error):
        raise ValueError(
            f"{name} cannot be read from {str(path)!r}: it does not hold a regular array of numbers; "
            f"write one number for each level, or a JSON list under {name!r}"
        ) from None


def _from_json(text: str, name: str) -> Any:
    content = json.loads(text)
    return content[name] if isinstance(content, dict) else content


def _from_csv(text: str, name: str) -> list[Any]:
    rows = [
        [cell.strip() for cell in row] for row in csv.reader(text.splitlines()) if any(cell.strip() for cell in row)
    ]
    if not rows:
        raise ValueError("an empty file")
    column = None
    try:
        [float(cell) for cell in rows[0]]
    except ValueError:
        headings = [cell.lower() for cell in rows[0]]
        rows = rows[1:]
        column = headings.index(name) if name in headings else None
        if column is None and len(headings) > 1 and len(rows) > 1:
            raise ValueError from None  # several columns, and none has the name
    if column is not None:
        return [float(row[column]) for row in rows]
    numbers = [[float(cell) for cell in row] for row in rows]
    if len(numbers) == 1:
        return numbers[0]
    return [row[0] for row in numbers] if all(len(row) == 1 for row in numbers) else numbers
