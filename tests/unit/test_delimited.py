"""Numbers in delimited text: what tools write is read exactly, and nothing is lost without a word."""

import csv
import io
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simsoftmax.delimited import parse

finite = st.floats(allow_nan=False, width=64)
# Tokens hold whatever a vocabulary holds: separators, quotation marks, line ends of Unicode, hashes.
tokens = st.text(min_size=1, max_size=6).map(
    lambda text: "t" + text.replace("\r", "").replace("\n", "").replace("\0", "")
)


def write(rows, separator=",", end="\n", decimal=".", quoting=csv.QUOTE_MINIMAL):
    """Return rows as text; floats as shortest decimal numbers."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=separator, lineterminator=end, quoting=quoting)
    writer.writerows(
        [repr(cell).replace(".", decimal) if isinstance(cell, float) else cell for cell in row] for row in rows
    )
    return out.getvalue()


@given(
    table=st.integers(2, 4).flatmap(
        lambda k: st.lists(st.lists(finite, min_size=k, max_size=k), min_size=2, max_size=5)
    ),
    index=st.booleans(),
    headed=st.booleans(),
    separator=st.sampled_from(",;\t"),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    decimal=st.sampled_from(".,"),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]),
    names=st.lists(tokens, min_size=4, max_size=4, unique_by=str.lower),
)
def test_a_table_comes_back_whatever_tool_wrote_it(table, index, headed, separator, end, decimal, quoting, names):
    if decimal == "," and (separator == "," or not headed):
        decimal = "."
    rows = [list(row) for row in table]
    if index:
        headed = True  # pandas gives an index with a line of headings
        rows = [[n, *row] for n, row in enumerate(rows)]
    if headed:
        rows = [[""] * index + names[: len(table[0])], *rows]
    text = write(rows, separator, end, decimal, quoting)
    thousands = [str(x).replace(".", decimal) for row in table for x in row]
    if decimal == "," and all(re.fullmatch(r"-?[1-9]\d{0,2},\d{3}", cell) for cell in thousands):
        return  # refused as ambiguous, tested below
    read = parse(text, "logits")
    assert read.dtype in (np.float64, np.int64)
    np.testing.assert_array_equal(read, np.array(table))


@given(counts=st.lists(st.integers(0, 2**53), min_size=1, max_size=9), rng=st.randoms(use_true_random=False))
def test_counts_by_level_come_back_in_order(counts, rng):
    drawn = [(level, count) for level, count in enumerate(counts) if count]
    rng.shuffle(drawn)
    if not drawn:
        return
    for heading in ("token_id,count", "token_id,counts", ",count", ",0"):
        text = heading + "\n" + write(drawn)
        np.testing.assert_array_equal(parse(text, "counts", length=len(counts)), counts)


@given(
    tokens=st.lists(tokens, min_size=2, max_size=8),
    counts=st.lists(st.integers(1, 10**6), min_size=8, max_size=8),
    separator=st.sampled_from(",;\t"),
)
def test_tokens_never_become_numbers(tokens, counts, separator):
    rows = [["token", "counts"], *([token, n] for token, n in zip(tokens, counts, strict=False))]
    np.testing.assert_array_equal(parse(write(rows, separator), "counts"), counts[: len(tokens)])


UNREADABLE = [
    "\N{MINUS SIGN}",
    "*",
    "N/A",
    "50 %",
    "0x10",
    "1.2.3",
    "1_000",
    "",
    "?",
    "--",
    "#3",
    "1 000",
    "١٢",
    "2\u2028",
    "1e",
    "None",
]


@given(
    size=st.integers(1, 5),
    width=st.integers(1, 3),
    at=st.tuples(st.integers(0, 4), st.integers(0, 2)),
    cell=st.sampled_from(UNREADABLE),
)
def test_a_cell_that_is_no_number_is_an_error_with_its_line(size, width, at, cell):
    rows = [[f"{1.5 + n + k}" for k in range(width)] for n in range(size)]
    n, k = at[0] % size, at[1] % width
    rows[n][k] = cell
    if width > 1 and size == 1 and k == width - 1 and cell == "":
        return  # a separator at the end of the only line
    with pytest.raises(ValueError, match=rf"(?s)^{re.escape(repr(cell))} in line {n + 1} is no number; \w+"):
        parse(write(rows), "counts")


@given(size=st.integers(2, 5), width=st.integers(2, 4), at=st.integers(1, 4), more=st.booleans())
def test_a_short_or_a_long_row_is_an_error_with_its_line(size, width, at, more):
    rows = [["1.5"] * width for _ in range(size)]
    rows[at % (size - 1) + 1] = ["1.5"] * (width + 1 if more else width - 1)
    with pytest.raises(ValueError, match=rf"^line {at % (size - 1) + 2} holds {width + 1 if more else width - 1} cell"):
        parse(write(rows), "logits")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "it is empty"),
        ("\n\n", "it is empty"),
        ("1\n\n2\n", "line 2 is blank"),
        ("\n1\n2\n", "line 1 is blank"),
        ("0,1,2\n5,6,7\n", "counts the columns"),
        ("0\n5.0\n7.0\n", "as pandas writes a column without a name"),
        ("a,2\n1,2\n", "mixes names and numbers"),
        ("a,,b\n1,2,3\n", "column 2 has no heading"),
        ("id,a\n0,5\n1,6\n2,7\n", "'id', numbers the rows"),
        ("a,b\n", "a line of headings and no numbers"),
        ("1,234;5,678\n", "may be a decimal number or a whole one"),
        ('"1,000,000"\n5\n', "marks between the thousands"),
        ("# hello\n1,2\n3,4\n", "remove comments"),
        ("1 2 3\n", "separate the numbers by commas"),
        ("107.\t875,5\n", "separated by commas or by tabs"),
        ('"a\n1\n', "mend its quotation marks"),
        ("logits,logits\n1,2\n", "several of its columns"),
    ],
)
def test_what_is_not_plain_is_said(text, says):
    with pytest.raises(ValueError, match=says):
        parse(text, "logits")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("x,count\ncat,500\ndog,300\n", "in the order of their size"),
        ("x,y\n1,2\n3,4\n", "call the one that is meant 'counts'"),
        ("x,count\n1,5\n1,6\n", "level 1 is counted twice"),
        ("x,count\n9,5\n1,6\n", "counts level 9, and there are 3 logits"),
    ],
)
def test_counts_that_cannot_be_placed_are_refused(text, says):
    with pytest.raises(ValueError, match=says):
        parse(text, "counts", length=3)


def test_whole_numbers_are_not_rounded():
    assert parse("9007199254740993\n1\n", "counts").tolist() == [2**53 + 1, 1]
    assert parse("\N{MINUS SIGN}3\n1.5\n", "logits").tolist() == [-3, 1.5]
    assert parse("1,2,3,\n4,5,6,\n", "logits").tolist() == [[1, 2, 3], [4, 5, 6]]
    assert parse("-inf\n1\n", "logits").tolist() == [-np.inf, 1]
