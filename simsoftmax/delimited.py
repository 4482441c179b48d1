"""Numbers in delimited text, as people and their tools write them: what is unambiguous is read, the rest is refused.

Nothing is dropped without a word: a cell that is no number is an error that names its line, never a gap.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["in_order", "numbers", "parse"]

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?|[+-]?(inf(inity)?|nan)", re.ASCII | re.IGNORECASE)
_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)
_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+", re.ASCII)
_LETTER = re.compile(r"[^\W\d]")
_MISSING = {"", "-", "--", "?", ".", "n/a", "na", "#n/a", "<na>", "none", "null", "nil", "missing"}
_SPACE = " \t\N{NO-BREAK SPACE}"
_SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs"}


def numbers(cells: Iterable[str]) -> list[int | float]:
    """Return what the cells say: whole numbers as integers, so that none is rounded, and the rest as floats.

    Raises
    ------
    ValueError
        With the first cell that is not a number, as its only argument.
    """
    found: list[int | float] = []
    for cell in cells:
        text = cell.strip(_SPACE).replace("\N{MINUS SIGN}", "-")
        if not _NUMBER.fullmatch(text):
            raise ValueError(cell)
        whole = text.lstrip("+-").isdigit() and len(text) < 20
        found.append(int(text) if whole else float(text))
    return found


def parse(
    text: str, name: str, *, tabs: bool = False, length: int | None = None, column: str | None = None
) -> NDArray[Any]:
    """Return the array of numbers in delimited text.

    Parameters
    ----------
    text : str
        Rows of cells separated by commas, semicolons or tabs, with or without a line of headings. Between semicolons or
        tabs a decimal comma is understood.
    name : str
        What the array is, "counts", "labels" or "logits": of several columns the one with this heading (or its
        singular) is taken. A first column without a heading numbers the rows, as pandas writes it, and is left out.
    tabs : bool, optional
        Only tabs separate.
    length : int, optional
        How many counts there must be, where they are listed by level, and levels that nobody drew are left out.
    column : str, optional
        The heading of the column that is meant, where it is not what the array is.

    Returns
    -------
    ndarray of int64 or float64
        One row or one column as shape (n,), a table as (rows, columns).

    Raises
    ------
    ValueError
        That says what was seen, in which line, and what to do.
    """
    grid = _grid(text, tabs)
    headings, grid = _headings(grid, name)
    if headings is not None:
        return _from_columns(headings, grid, name, length, column)
    if column is not None:
        raise ValueError(f"it has no line of headings, and so no column {column!r}; name every column")
    table = [grid.read(n) for n in range(len(grid.rows))]
    if len(table) > 1 and len(table[0]) > 1 and table[0] == list(range(len(table[0]))):
        raise ValueError(
            f"its first line counts the columns, {grid.shown(0)}, as pandas does where they have no names; "
            "write it with header=False, or with a heading for each column"
        )
    if len(table) == 1:
        return _array(table[0])
    if len(table[0]) == 1:
        values = [row[0] for row in table]
        if type(values[0]) is int and values[0] == 0 and all(type(value) is float for value in values[1:]):
            raise ValueError(
                "its first line is 0 and all others have a decimal point, as pandas writes a column without a name; "
                "write it with header=False"
            )
        return _array(values)
    return _array(table)


@dataclass(frozen=True)
class _Grid:
    """Rows of cells of one width, each with the line that it ends in."""

    rows: list[list[str]]
    lines: list[int]
    separator: str
    comma: bool = False  # whether a comma is a decimal point

    def read(self, n: int, columns: slice = slice(None)) -> list[int | float]:
        """Return the numbers of a row, in all columns or some of them."""
        cells = self.rows[n][columns]
        try:
            return numbers([cell.replace(",", ".") for cell in cells] if self.comma else cells)
        except ValueError:
            cell = next(cell for cell in cells if not _reads(cell, self.comma))
            raise ValueError(f"{cell!r} in line {self.lines[n]} is no number; {_remedy(cell)}") from None

    def column(self, place: int) -> list[int | float]:
        """Return the numbers of a column."""
        return [self.read(n, slice(place, place + 1))[0] for n in range(len(self.rows))]

    def below(self) -> _Grid:
        """Return all rows but the first."""
        return _Grid(self.rows[1:], self.lines[1:], self.separator, self.comma)

    def shown(self, n: int) -> str:
        """Return the beginning of a row as it stands in the file."""
        text = ",".join(self.rows[n])
        return repr(text if len(text) <= 40 else text[:37] + "...")


def _remedy(cell: str) -> str:
    """Return what to do about a cell that is no number."""
    text = cell.strip()
    if text.lower() in _MISSING:
        return "give every cell a number; a logit of -inf marks a level that cannot be occupied"
    if text.startswith("#"):
        return "remove comments"
    if text.endswith("%"):
        return "write a share as a decimal number, 0.5 for 50 %"
    if re.fullmatch(r"[+-]?\d+(,\d{3})+(\.\d+)?", text) or re.fullmatch(r"\d+([ _'\u00a0\u2009\u202f]\d{3})+", text):
        return "write it without marks between the thousands"
    if "," in text:
        return "write a decimal point, or separate the cells by semicolons"
    if text.lower().startswith("0x"):
        return "write it as a decimal number"
    if " " in text and all(_NUMBER.fullmatch(part) for part in text.split()):
        return "separate the numbers by commas, semicolons or tabs"
    return "write digits with a decimal point"


def _grid(text: str, tabs: bool) -> _Grid:
    """Return the cells, split by the separator that fits all rows and leaves most numbers."""
    candidates: list[_Grid] = []
    ragged: list[_Grid] = []
    broken: list[ValueError] = []
    for separator in "\t" if tabs else ",;\t":
        try:
            rows, lines = _split(text, separator)
        except ValueError as error:
            broken.append(error)
            continue
        if rows and all(len(row) > 1 and not row[-1].strip() for row in rows):
            rows = [row[:-1] for row in rows]  # every line ends in a separator
        widths = {len(row) for row in rows}
        (candidates if len(widths) <= 1 else ragged).append(_Grid(rows, lines, separator))
    if not candidates + ragged:
        raise broken[0]
    wide = [grid for grid in candidates if grid.rows and len(grid.rows[0]) > 1]
    if ragged and not wide:
        worst = max(ragged, key=lambda grid: len(grid.rows[0]))
        n = next(n for n, row in enumerate(worst.rows) if len(row) != len(worst.rows[0]))
        raise ValueError(
            f"line {worst.lines[n]} holds {_cells(len(worst.rows[n]))} between {_SEPARATORS[worst.separator]} where "
            f"line {worst.lines[0]} holds {len(worst.rows[0])}; give every line the same number, and remove comments"
        )
    if not candidates[0].rows:
        raise ValueError("it is empty; write one number for each level")
    if not wide:
        return candidates[0]
    if len(wide) == 1:
        return _with_decimal_comma(wide[0])
    read = [_with_decimal_comma(grid) for grid in wide]
    scores = [np.mean([_reads(cell, grid.comma) for row in grid.rows for cell in row]) for grid in read]
    best = [grid for grid, score in zip(read, scores, strict=True) if score == max(scores)]
    if len(best) > 1:
        raise ValueError(
            f"its cells may be separated by {' or by '.join(_SEPARATORS[grid.separator] for grid in best)}; "
            "put cells that hold one of them between quotation marks"
        )
    return best[0]


def _split(text: str, separator: str) -> tuple[list[list[str]], list[int]]:
    """Return the rows, each with its line; blank lines at the end are no rows, others are."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    rows: list[list[str]] = []
    lines: list[int] = []
    blank = 0
    try:
        for row in reader:
            if not row or (len(row) == 1 and row[0] and not row[0].strip()):
                blank = blank or reader.line_num
                continue
            if blank:
                raise ValueError(f"line {blank} is blank; fill it or remove it, for a missing number would be lost")
            blank = 0
            rows.append(row)
            lines.append(reader.line_num)
    except csv.Error as error:
        raise ValueError(
            f"line {reader.line_num} cannot be split into cells ({error}); mend its quotation marks"
        ) from None
    return rows, lines


def _with_decimal_comma(grid: _Grid) -> _Grid:
    """Return the grid with its commas understood, where they cannot separate cells."""
    if grid.separator == ",":
        return grid
    commas = [cell.strip() for row in grid.rows for cell in row if _DECIMAL_COMMA.fullmatch(cell.strip())]
    if not commas or any("." in cell and _reads(cell, False) for row in grid.rows for cell in row):
        return grid  # nobody writes both in one file
    if all(_THOUSANDS.fullmatch(cell) for cell in commas):
        raise ValueError(f"{commas[0]!r} may be a decimal number or a whole one; write it without the comma")
    return _Grid(grid.rows, grid.lines, grid.separator, comma=True)


def _reads(cell: str, comma: bool) -> bool:
    text = cell.strip(_SPACE).replace("\N{MINUS SIGN}", "-")
    return bool(_NUMBER.fullmatch(text.replace(",", ".") if comma else text))


def _cells(n: int) -> str:
    return f"{n} cell{'s' if n != 1 else ''}"


# ------------------------------------------------------------------------------------------------------------ headings


def _headings(grid: _Grid, name: str) -> tuple[list[str] | None, _Grid]:
    """Return the headings, if the first line holds some, and the rows below; the heading of an index is empty."""
    first = [cell.strip() for cell in grid.rows[0]]
    if first[0].startswith("#") and _is_name(first[0].lstrip("# ")):  # as numpy.savetxt marks them
        first[0] = first[0].lstrip("# ")
    readable = [_reads(cell, grid.comma) for cell in first]
    if all(readable):
        return None, grid
    if any(readable):
        if not readable[0] and (not first[0] or _is_name(first[0])) and first[1:] == _counted(len(first) - 1):
            first = ["", *first[1:]]  # pandas: an index, and columns without names
        elif _is_name(first[readable.index(False)]):
            raise ValueError(f"its first line mixes names and numbers, {grid.shown(0)}; name every column, or none")
        else:
            grid.read(0)
    elif "" in first[1:]:
        raise ValueError(f"column {first.index('', 1) + 1} has no heading; name it, or remove it")
    else:
        names = first[1:] if first[0] == "" and len(first) > 1 else first
        wrong = next((cell for cell in names if not _is_name(cell)), None)
        if wrong is None and not any(_LETTER.search(cell) for cell in names):
            wrong = names[0]  # marks alone are tokens among other names, and numbers gone wrong among none
        if wrong is not None:
            place = first.index(wrong)
            grid.read(0, slice(place, place + 1))
    if len(grid.rows) == 1:
        raise ValueError(f"it holds a line of headings and no numbers, {grid.shown(0)}; write one for each level")
    return [cell.lower() for cell in first], grid.below()


def _counted(n: int) -> list[str]:
    return [str(k) for k in range(n)]


def _is_name(text: str) -> bool:
    """Return whether a cell can be a heading: no number, no word for a missing one, and no number gone wrong."""
    if not text or text.lower() in _MISSING or text[0] in "#+-.\N{MINUS SIGN}" or _reads(text, False):
        return False
    rest = text[1:]
    stray = _reads(rest, False) and not rest.isdigit()  # z0 is a name, e5.5 is not
    return not stray and (text[0].isalpha() or text[0] == "_" or not any(c.isdigit() for c in text))


def _from_columns(
    headings: Sequence[str], grid: _Grid, name: str, length: int | None, column: str | None
) -> NDArray[Any]:
    """Return the column that is asked for, or all of them."""
    names = (name, name.removesuffix("s")) if column is None else (column.lower(),)
    wanted = [n for n, heading in enumerate(headings) if heading in names]
    index = headings[0] in ("", "unnamed: 0")
    if len(wanted) > 1:
        raise ValueError(f"several of its columns are called {column or name!r}; keep one of them")
    if not wanted and column is None and len(headings) - index == 1:
        wanted = [len(headings) - 1]
    if wanted:
        values = grid.column(wanted[0])
        by_level = name == "counts" and wanted[0] > 0
        return _by_level(headings[wanted[0]], grid, values, length) if by_level else _array(values)
    if name != "logits" or column is not None:
        shown = ", ".join(repr(heading) for heading in headings[:6])
        if column is not None:
            raise ValueError(f"its columns are called {shown}; none is called {column!r}")
        raise ValueError(f"its columns are called {shown}; call the one that is meant {name!r}")
    rows = [grid.read(n, slice(int(index), None)) for n in range(len(grid.rows))]
    if not index and len(rows) > 2 and all(type(row[0]) is int and row[0] == n for n, row in enumerate(rows)):
        raise ValueError(f"its first column, {headings[0]!r}, numbers the rows; leave it out (index=False in pandas)")
    return _array(rows)


def _by_level(heading: str, grid: _Grid, values: list[int | float], length: int | None) -> NDArray[Any]:
    """Return counts in the order of the levels, where the first column says which level each is of."""
    levels: Sequence[Any] = [row[0] for row in grid.rows]
    with suppress(ValueError):  # names, which say nothing of an order
        levels = numbers(levels)
    return in_order(heading, levels, values, length)


def in_order(heading: str, levels: Sequence[Any], values: list[int | float], length: int | None) -> NDArray[Any]:
    """Return counts, listed under a heading, in the order of the levels that they are of.

    Where these are not numbered, the counts stay in the order in which they are, unless that is the order of their
    size.
    """
    if any(type(level) not in (int, float) for level in levels):
        if heading == "count" and len(values) > 1 and sorted(values, reverse=True) == values:
            raise ValueError(
                f"its counts stand in the order of their size, with {levels[0]!r} first, as value_counts gives "
                "them; bring them into the order of the logits (reindex), and call the column 'counts'"
            )
        return _array(values)
    if any(type(level) is float or level < 0 for level in levels):
        return _array(values)
    if len(set(levels)) < len(levels):
        twice = next(level for level, lines in Counter(levels).items() if lines > 1)
        raise ValueError(f"level {twice} is counted twice; give each level one line")
    size = max(int(max(levels)) + 1, length or 0)
    if length is not None and size > length:
        raise ValueError(f"it counts level {max(levels)}, and there are {length} logits, for levels 0 to {length - 1}")
    if size > max(1000, 1000 * len(levels)):
        raise ValueError(f"it counts level {max(levels)} in {len(levels)} lines; list the levels from 0 on")
    placed: list[int | float] = [0] * size
    for level, value in zip(levels, values, strict=True):
        placed[int(level)] = value
    return _array(placed)


def _array(values: Any) -> NDArray[Any]:
    """Return integers as int64 where all are, and otherwise floats."""
    array = np.array(values, dtype=object)
    whole = all(type(value) is int and abs(value) < 2**63 for value in array.flat)
    return array.astype(np.int64 if whole else np.float64)
