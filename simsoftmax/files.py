"""Arrays of numbers in files, read without ever unpickling anything."""

from __future__ import annotations

import codecs
import gzip
import importlib
import json
import math
import os
import re
import secrets
import stat
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from . import delimited

__all__ = ["atomic_writer", "read_array", "read_npz"]

SUFFIXES = (".csv", ".tsv", ".json", ".npy", ".npz", ".parquet")
PACKED = tuple(f"{suffix}.gz" for suffix in (".csv", ".tsv", ".json"))
LARGEST = 1 << 30  # bytes of text, or of numbers that are unpacked
MARKS = [  # byte-order marks, the longer before those that they begin with
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
]

Floats = NDArray[np.float64]


def is_array_file(text: str) -> bool:
    """Return whether a text is the name of a file that `read_array` reads, perhaps with a part of it."""
    return _file_and_part(text)[0].lower().endswith(SUFFIXES + PACKED)


def _file_and_part(text: str) -> tuple[str, str | None]:
    """Return the name of a file and, after a colon, the array or column in it that is meant."""
    file, colon, part = text.rpartition(":")
    whole = not colon or not part or not file.lower().endswith(SUFFIXES + PACKED) or Path(text).exists()
    return (text, None) if whole else (file, part)


def read_array(path: str | Path, name: str, *, memory_map: bool = False, length: int | None = None) -> NDArray[Any]:
    """Return the array of numbers in a file.

    Parameters
    ----------
    path : str or Path
        A .npy file; a .npz file with one array, or one called ``name``; a .json file with a list, or with an object
        that has a list under ``name``; a .parquet file, for which pyarrow must be installed; or a .csv or .tsv file of
        numbers, in one row, in one column or as a table, with or without a line of headings and a column that numbers
        the rows, as pandas and polars write them. Of several columns the one called ``name``, or its singular, is
        taken. Text may be packed (.gz). After a colon, ``results.npz:validation``, stands the array or the column that
        is meant where it has another name.
    name : str
        What the array is, for the choice of a column and for errors: "counts", "labels", "logits".
    memory_map : bool, optional
        Leave the numbers of a .npy file on disk until they are needed.
    length : int, optional
        How many counts there must be, where a file lists them by level without the levels that nobody drew.

    Returns
    -------
    ndarray
        Of real numbers. Whole numbers in text become int64, so that none is rounded.

    Raises
    ------
    ValueError
        If the file is of another kind, holds Python objects, or holds anything but numbers: what was seen, where, and
        what to do.
    OSError
        If it cannot be read.
    """
    file, part = _file_and_part(str(path))
    path = Path(file)
    if not is_array_file(path.name):
        raise ValueError(
            f"{name} must come from a file ending in {', '.join(SUFFIXES)}, got {str(path)!r}; "
            "save it as one of these, for example as .csv"
        )
    try:
        suffixes = [suffix.lower() for suffix in path.suffixes]
        if suffixes[-1] == ".npy":
            if part is not None:
                raise ValueError(f"it holds one array, and none called {part!r}; leave out the colon")
            return _read_npy(path, memory_map)
        if suffixes[-1] == ".npz":
            return _from_npz(path, name, part)
        if suffixes[-1] == ".parquet":
            return _from_parquet(path, name, part, length)
        text = _read_text(path, packed=suffixes[-1] == ".gz")
        if ".json" in suffixes[-2:]:
            return _from_json(text, part or name)
        return delimited.parse(text, name, tabs=".tsv" in suffixes[-2:], length=length, column=part)
    except ValueError as error:
        raise ValueError(f"{name} cannot be read from {str(path)!r}: {error}") from None


def _read_npy(path: Path, memory_map: bool) -> NDArray[Any]:
    with path.open("rb") as file:
        shape, fortran, dtype = _npy_header(file)
        start, size = file.tell(), file.seek(0, 2)
        needed = math.prod(shape) * dtype.itemsize
        if size - start != needed:
            raise ValueError(
                f"it holds {size - start:,} bytes of numbers and its header says {needed:,}; save it again"
            )
        if memory_map and needed:
            order = "F" if fortran else "C"
            return np.memmap(path, dtype=dtype, mode="r", offset=start, shape=shape, order=order)  # type: ignore[call-overload,no-any-return]
        file.seek(start)
        flat = np.fromfile(file, dtype=dtype, count=math.prod(shape))
    return flat.reshape(shape, order="F" if fortran else "C")


def _npy_header(file: BinaryIO) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Return (shape, whether columns come first, dtype) of a .npy file, which stands after its header then."""
    try:
        major, _ = np.lib.format.read_magic(file)
        read = {1: np.lib.format.read_array_header_1_0, 2: np.lib.format.read_array_header_2_0}
        shape, fortran, dtype = read[major](file)
    except Exception as error:  # NumPy evaluates the header: a damaged one raises whatever Python's parser does
        raise ValueError(f"it is no .npy file ({_one_line(error)}); save the array with numpy.save") from None
    if dtype.hasobject:
        raise ValueError("it holds Python objects; save a numeric array")
    if dtype.kind not in "biuf":
        raise ValueError(f"it holds no real numbers but dtype {dtype}; save a numeric array")
    if any(n < 0 for n in shape):
        raise ValueError(f"its header says that its shape is {shape}; save it again")
    return shape, fortran, dtype


def _one_line(error: Exception) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}"[:120]


def _from_npz(path: Path, name: str, part: str | None) -> NDArray[Any]:
    arrays = read_npz(path, what="an archive of arrays", unpack=True)
    if any(array.dtype.kind not in "biuf" for array in arrays.values()):
        raise ValueError("it holds text or complex numbers; save numeric arrays")
    wanted = part or name
    if wanted not in arrays and (part is not None or len(arrays) != 1):
        shown = ", ".join(map(repr, sorted(arrays))) or "nothing"
        raise ValueError(f"it holds {shown}; {_say_which(path, name, part)}")
    return arrays[wanted] if wanted in arrays else next(iter(arrays.values()))


def _say_which(path: Path, name: str, part: str | None) -> str:
    if part is not None:
        return f"none is called {part!r}"
    return f"call the one that is meant {name!r}, or say which: {path.name}:NAME"


# ------------------------------------------------------------------------------------------------------------- Parquet


def _from_parquet(path: Path, name: str, part: str | None, length: int | None) -> NDArray[Any]:
    path.open("rb").close()  # a plain error for a file that is not there
    try:
        parquet: Any = importlib.import_module("pyarrow.parquet")
    except ImportError:
        raise ValueError(
            "pyarrow, which reads .parquet files, is not installed; pip install pyarrow, or save it as .npy or .csv"
        ) from None
    try:
        file = parquet.ParquetFile(path)
        return _chosen_columns(file, path, name, part, length)
    except ValueError as error:
        if type(error) is ValueError:
            raise
        raise ValueError(f"it is no whole .parquet file ({_one_line(error)}); save it again") from None
    except (OSError, NotImplementedError) as error:  # as pyarrow says that bytes are damaged
        raise ValueError(f"it is no whole .parquet file ({_one_line(error)}); save it again") from None


def _chosen_columns(file: Any, path: Path, name: str, part: str | None, length: int | None) -> NDArray[Any]:
    """Return the column of a Parquet file that is meant, or for logits all of them, as `delimited.parse` chooses."""
    schema = file.schema_arrow
    index = [one for one in (schema.pandas_metadata or {}).get("index_columns", []) if isinstance(one, str)]
    columns = [column for column in schema.names if column not in index]
    low = (part or name).lower()
    wanted = [column for column in columns if column.lower() in (low, low if part else low.removesuffix("s"))]
    if not wanted and part is None:
        wanted = columns if len(columns) == 1 or name == "logits" else []
    if len(wanted) != 1 and (name != "logits" or part is not None):
        shown = ", ".join(map(repr, columns[:6])) or "nothing"
        raise ValueError(f"its columns are called {shown}; {_say_which(path, name, part)}")
    by_level = index if name == "counts" and len(index) == 1 else []
    _check_size(file, [*wanted, *by_level])
    table = file.read(columns=[*wanted, *by_level])
    arrays = [_column(table, column) for column in wanted]
    if by_level and table.num_rows:
        levels = table.column(index[0]).to_pylist()
        return delimited.in_order(wanted[0], levels, arrays[0].tolist(), length)
    return arrays[0] if len(arrays) == 1 else np.stack(arrays, axis=1)


def _check_size(file: Any, columns: list[str]) -> None:
    """Refuse a file that unpacks to more than it should: equal numbers take next to no space in one."""
    groups = [file.metadata.row_group(n) for n in range(file.metadata.num_row_groups)]
    parts = [group.column(k) for group in groups for k in range(group.num_columns)]
    numbers = sum(part.num_values for part in parts if part.path_in_schema.split(".")[0] in columns)
    if numbers * 8 > LARGEST:
        raise ValueError(f"it holds {numbers:,} numbers; save it as .npy, which is read where it lies")


def _column(table: Any, column: str) -> NDArray[Any]:
    """Return a column of numbers, or of rows of numbers, as an array."""
    cells = table.column(column).combine_chunks()
    what, rows = str(cells.type), len(cells)
    flat = cells
    if what.startswith(("list", "large_list", "fixed_size_list")):
        flat = cells.flatten()
        if cells.null_count or any(len(cell) * rows != len(flat) for cell in cells):
            raise ValueError(f"the rows in its column {column!r} are not of one length; give each the same number")
    if flat.null_count or cells.null_count:
        raise ValueError(f"its column {column!r} has cells without a number; give every cell a number")
    array = np.asarray(flat.to_numpy(zero_copy_only=False))
    if array.dtype.kind not in "iuf":
        raise ValueError(f"its column {column!r} holds {what} and no numbers; save it as numbers")
    return array if flat is cells else array.reshape(rows, -1)


def _read_text(path: Path, *, packed: bool) -> str:
    """Return the text of a file in UTF-8, or in what its byte-order mark says."""
    with path.open("rb") as file:
        try:
            content = (gzip.GzipFile(fileobj=file) if packed else file).read(LARGEST + 1)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise ValueError(f"it cannot be unpacked ({_one_line(error)}); pack it again") from None
    if len(content) > LARGEST:
        raise ValueError(f"it holds more than {LARGEST:,} bytes of text; save it as .npy")
    encoding = next((code for mark, code in MARKS if content.startswith(mark)), "utf-8-sig")
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1  # not in the content, which may begin with a mark
        raise ValueError(f"its line {line} is not text in {error.encoding.upper()}; save it as CSV in UTF-8") from None


# ---------------------------------------------------------------------------------------------------------------- JSON


def _from_json(text: str, name: str) -> NDArray[Any]:
    try:
        content = json.loads(text, object_pairs_hook=_once, parse_int=_whole)
    except json.JSONDecodeError as error:
        raise ValueError(f"line {error.lineno} is no JSON ({error.msg}); write a list of numbers") from None
    except RecursionError:
        raise ValueError("its lists are nested too deeply; write a list of numbers, or a list of such lists") from None
    if isinstance(content, dict):
        if name not in content:
            shown = ", ".join(repr(key) for key in list(content)[:6]) or "nothing"
            raise ValueError(f"it is an object with {shown}; put a list of numbers under {name!r}")
        content = content[name]
    if not isinstance(content, list):
        raise ValueError(f"it holds {_shown(content)} and no list; write a list of numbers")
    shape = _shape(content, ())
    flat: list[Any] = content
    for _ in shape[1:]:
        flat = [item for row in flat for item in row]
    whole = all(type(item) is int and abs(item) < 2**63 for item in flat)
    return np.array(flat, dtype=np.int64 if whole else np.float64).reshape(shape)


def _whole(digits: str) -> int:
    if len(digits) > 300:
        raise ValueError(
            f"it holds a whole number of {len(digits):,} digits, more than a float can; write a smaller one"
        )
    return int(digits)


def _once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object, and refuse a name that stands twice: one of the two would be lost."""
    content = dict(pairs)
    if len(content) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"{twice!r} stands in it twice; keep one")
    return content


def _shape(item: Any, place: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape of nested lists of numbers."""
    if isinstance(item, list):
        if len(place) >= 8:
            raise ValueError("its lists are nested too deeply; write a list of numbers, or a list of such lists")
        shapes = [_shape(inner, (*place, n)) for n, inner in enumerate(item)]
        for n, shape in enumerate(shapes):
            if shape != shapes[0]:
                raise ValueError(
                    f"its rows {_index((*place, 0))} and {_index((*place, n))} are not of the same length; "
                    "give every row the same number of numbers"
                )
        return (len(item), *(shapes[0] if shapes else ()))
    if type(item) not in (int, float):
        raise ValueError(f"its entry {_index(place)} is {_shown(item)} and no number; write digits")
    return ()


def _index(place: tuple[int, ...]) -> str:
    return str(place[0]) if len(place) == 1 else str(place)


def _shown(item: Any) -> str:
    text = json.dumps(item)
    return text if len(text) <= 40 else text[:37] + "..."


# What numpy.save writes before the numbers: magic and version 1.0, the length of the text, and the text.
_NPY = re.compile(
    rb"\x93NUMPY\x01\x00(?s:..)\{'descr': '([<>|][biufcU]\d{1,9})', "
    rb"'fortran_order': (True|False), 'shape': \(((?:\d{1,18}(?:, ?|(?=\))))*)\), \} *\n"
)


def read_npz(path: str | Path, *, what: str, unpack: bool = False) -> dict[str, NDArray[Any]]:
    """Return the arrays of a file that `numpy.savez` wrote, whatever anybody has done to its bytes since.

    Nothing is unpickled, and nothing is unpacked that is not asked for: a file is read into no more memory than it has
    bytes, or than `LARGEST`.

    Parameters
    ----------
    path : str or Path
    what : str
        What the file should hold, for the error message: "a saved trajectory".
    unpack : bool, optional
        Read what `numpy.savez_compressed` wrote, too.

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
            return _members(file, unpack)
        except Exception as error:  # damaged bytes make zipfile raise a dozen kinds, MemoryError among them
            reason = str(error) if type(error) is ValueError else "its archive is damaged"
            raise ValueError(f"path must name {what}, got {str(path)!r}: {reason}") from None


def _members(file: BinaryIO, unpack: bool) -> dict[str, NDArray[Any]]:
    length = os.fstat(file.fileno()).st_size
    arrays: dict[str, NDArray[Any]] = {}
    if not zipfile.is_zipfile(file):
        raise ValueError("it is no .npz file")
    with zipfile.ZipFile(file) as archive:
        members = archive.infolist()
        packed = any(member.compress_type != zipfile.ZIP_STORED for member in members)
        if packed and not unpack:
            raise ValueError("it is compressed; write it with numpy.savez")
        size = sum(max(member.file_size, member.compress_size) for member in members)
        if packed and size > LARGEST:
            raise ValueError(f"it unpacks to {size:,} bytes; write it with numpy.savez")
        if not packed and size > length:
            raise ValueError("its members are larger than itself")
        for member in members:
            name = member.filename.removesuffix(".npy")
            if name == member.filename or name in arrays:
                raise ValueError(f"its member {member.filename!r:.60} is unexpected")
            arrays[name] = _member(archive.read(member))
    return arrays


def _member(content: bytes) -> NDArray[Any]:
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
def atomic_writer(path: str | Path, *, durable: bool = True) -> Iterator[BinaryIO]:
    """Open a file to be written whole or not at all; what was there before stays until all is on the disk.

    The bytes go to a temporary file in the same folder, which takes the name at the end. On any failure, a full disk or
    Ctrl-C, it is removed. Permissions are those that ``open(path, "wb")`` would give. A link is followed, and what is
    no plain file, such as ``/dev/stdout``, is written to directly.

    Parameters
    ----------
    path : str or Path
    durable : bool, optional
        Wait until all is on the disk. Without that a power cut, but no other end of a process, may leave a damaged
        file: for many small ones that are made again if they cannot be read.

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
            if durable:
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
