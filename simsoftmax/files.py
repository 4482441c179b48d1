"""Arrays of numbers in files: .csv, .npy, .npz and .json, read without ever unpickling anything."""

from __future__ import annotations

import csv
import json
import math
import os
import re
import secrets
import stat
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

__all__ = ["atomic_writer", "read_array", "read_npz"]

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


# What numpy.save writes before the numbers: magic and version 1.0, the length of the text, and the text.
_NPY = re.compile(
    rb"\x93NUMPY\x01\x00(?s:..)\{'descr': '([<>|][biufcU]\d{1,9})', "
    rb"'fortran_order': (True|False), 'shape': \(((?:\d{1,18}(?:, ?|(?=\))))*)\), \} *\n"
)


def read_npz(path: str | Path, *, what: str) -> dict[str, NDArray[Any]]:
    """Return the arrays of a file that `numpy.savez` wrote, whatever anybody has done to its bytes since.

    Nothing is unpacked and nothing is unpickled: a file is read into no more memory than it has bytes.

    Parameters
    ----------
    path : str or Path
    what : str
        What the file should hold, for the error message: "a saved trajectory".

    Returns
    -------
    dict of str to ndarray
        Arrays of numbers or text, read-only.

    Raises
    ------
    ValueError
        If the file is of another kind, damaged, compressed, or holds Python objects.
    OSError
        If it cannot be opened.
    """
    path = Path(path)
    with path.open("rb") as file:
        try:
            return _from_npz(file)
        except Exception as error:  # damaged bytes make zipfile raise a dozen kinds, MemoryError among them
            reason = str(error) if type(error) is ValueError else "its archive is damaged"
            raise ValueError(f"path must name {what}, got {str(path)!r}: {reason}") from None


def _from_npz(file: BinaryIO) -> dict[str, NDArray[Any]]:
    length = os.fstat(file.fileno()).st_size
    arrays: dict[str, NDArray[Any]] = {}
    if not zipfile.is_zipfile(file):
        raise ValueError("it is no .npz file")
    with zipfile.ZipFile(file) as archive:
        members = archive.infolist()
        if any(member.compress_type != zipfile.ZIP_STORED for member in members):
            raise ValueError("it is compressed; write it with numpy.savez")
        if sum(max(member.file_size, member.compress_size) for member in members) > length:
            raise ValueError("its members are larger than itself")
        for member in members:
            name = member.filename.removesuffix(".npy")
            if name == member.filename or name in arrays:
                raise ValueError(f"its member {member.filename!r:.60} is unexpected")
            arrays[name] = _from_npy(archive.read(member))
    return arrays


def _from_npy(content: bytes) -> NDArray[Any]:
    """Return the array in the bytes of a .npy file, as a read-only view of them."""
    header = _NPY.match(content)
    if header is None or header.end() != 10 + int.from_bytes(content[8:10], "little"):
        raise ValueError("a member is no array of numbers")
    dtype = np.dtype(header[1].decode())
    shape = tuple(int(size) for size in re.findall(rb"\d+", header[3]))
    if dtype.itemsize == 0 or math.prod(shape) * dtype.itemsize != len(content) - header.end():
        raise ValueError("the size of a member is not that of its array")
    flat = np.frombuffer(content, dtype, offset=header.end())
    return flat.reshape(shape, order="F" if header[2] == b"True" else "C")


@contextmanager
def atomic_writer(path: str | Path) -> Iterator[BinaryIO]:
    """Open a file to be written whole or not at all; what was there before stays until all is on the disk.

    The bytes go to a temporary file in the same folder, which takes the name at the end. On any failure, a full disk or
    Ctrl-C, it is removed. Permissions are those that ``open(path, "wb")`` would give. A link is followed, and what is
    no plain file, such as ``/dev/stdout``, is written to directly.

    Parameters
    ----------
    path : str or Path

    Yields
    ------
    binary file

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    target = Path(os.path.realpath(path))
    if os.path.abspath(path).startswith(("/dev/", "/proc/")) or (target.exists() and not target.is_file()):
        with open(path, "wb") as file:  # a plain open, which names what is wrong with a folder
            yield file
        return
    mode = None
    if target.exists():
        mode = target.stat().st_mode
        target.open("r+b").close()  # refuses what may not be written, as writing in place would
    temporary = target.with_name(f".{secrets.token_hex(8)}.part")
    try:
        # open() and not tempfile: a new file gets the permissions that the user gives to new files.
        with open(temporary, "xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if mode is not None:
            temporary.chmod(stat.S_IMODE(mode))
        os.replace(temporary, target)
    except BaseException as error:
        with suppress(OSError):
            temporary.unlink()
        if isinstance(error, OSError) and error.errno is not None and error.filename in (None, str(temporary)):
            raise type(error)(error.errno, error.strerror, str(path)) from None  # a full disk names no file
        raise
