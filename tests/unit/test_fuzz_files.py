"""Damaged files of every kind that the command line reads: an answer or one clear line, and never anything else.

``SIMSOFTMAX_FUZZ=100000`` tries so many files instead of a thousand.
"""

import csv
import gzip
import io
import json
import os
import re
import signal

import numpy as np
import pytest

from simsoftmax import softmax
from simsoftmax.__main__ import main
from simsoftmax.delimited import parse

FILES = int(os.environ.get("SIMSOFTMAX_FUZZ", "1000"))
SECONDS = 20  # for one file, on a busy machine
SUFFIXES = ["csv", "tsv", "json", "npy", "npz", "csv.gz", "json.gz"]
SPICES = [
    *(b"1e999", b"-1e308", b"1e-320", b"-0", b"nan", b"inf", b"-inf", b"0x1f", b"1_0", b"9" * 400, b"1e25", b"5e-324"),
    *(b"\xe2\x80\xa8", b"\xc2\x85", b"\x0c", b"\x00", b"\xef\xbb\xbf", b"\xff\xfe", b"\xe2\x88\x92", b"\xc2\xa0"),
    *(b'"', b"'", b",", b";", b"\t", b"\r", b"\n", b"\r\n", b"[", b"]", b"{", b"}", b":", b"#", b"%", b"N/A", b" "),
    *(b"(", b")", b"true", b"null", b"'<i8'", b"'|O'", b"(3,)", b"(-1,)", b"9223372036854775807", b"9007199254740993"),
    *(b"L", b"**", b"lambda", b"\x1a"),
]


class Hung(BaseException):
    """A file took too long."""


def stop(*_):
    raise Hung


def written(values, name, suffix, rng):
    """Return an array as the bytes of a file."""
    if suffix == "npy":
        out = io.BytesIO()
        np.save(out, values)
        return out.getvalue()
    if suffix == "npz":
        out = io.BytesIO()
        np.savez(out, **{name: values, "other": values})
        return out.getvalue()
    if suffix.startswith("json"):
        text = json.dumps(values.tolist() if rng.random() < 0.5 else {name: values.tolist()})
    else:
        separator = "\t" if suffix == "tsv" else ",;"[rng.integers(2)]
        rows = [list(map(str, row)) for row in np.atleast_2d(values.T).T.tolist()]
        if rng.random() < 0.5:
            rows = [[f"{name if len(rows[0]) == 1 else 'z'}{k or ''}" for k in range(len(rows[0]))], *rows]
            if rng.random() < 0.5:
                rows = [["" if n == 0 else str(n - 1), *row] for n, row in enumerate(rows)]
        text = "".join(separator.join(row) + ("\n", "\r\n")[rng.integers(2)] for row in rows)
    content = text.encode(("utf-8", "utf-8-sig", "utf-16")[rng.integers(3)])
    return gzip.compress(content, mtime=0) if suffix.endswith("gz") else content


def damaged(content, rng):
    """Return a file's bytes with a few changes."""
    data = bytearray(content)
    for _ in range(rng.integers(1, 4)):
        at, kind = int(rng.integers(len(data) + 1)), rng.integers(6)
        length = int(rng.integers(1, 9))
        if kind == 0 and data:
            data[at % len(data)] = rng.integers(256)
        elif kind == 1:
            del data[at : at + length]
        elif kind == 2:
            data[at:at] = SPICES[rng.integers(len(SPICES))]
        elif kind == 3:
            data[at : at + length] = SPICES[rng.integers(len(SPICES))]
        elif kind == 4:
            data[at:at] = data[at : at + 10 * length]
        else:
            del data[at:]
    return bytes(data)


def run(capsys, arguments):
    """Run the command line within its time; return its status and what it said."""
    signal.alarm(SECONDS)
    try:
        with pytest.raises(SystemExit) as end:
            main([str(a) for a in arguments])
    finally:
        signal.alarm(0)
    out, err = capsys.readouterr()
    return end.value.code, out, err


@pytest.fixture
def cases(rng, tmp_path):
    """Yield command lines with a damaged file among their arguments."""
    z = np.array([2.0, 1.0, 0.1, -1.5])
    table = rng.normal(size=(6, 3)) * 3
    good = {
        "counts": np.array([659, 242, 99, 7]),
        "logits": z,
        "table": table,
        "labels": np.array([0, 2, 1, 1, 0, 2]),
        "probabilities": softmax(table),
    }
    for name, values in good.items():
        np.save(tmp_path / f"{name}.npy", values)

    def make():
        name = list(good)[rng.integers(len(good))]
        suffix = SUFFIXES[rng.integers(len(SUFFIXES))]
        column = "logits" if name in ("table", "probabilities") else name
        content = damaged(written(good[name], column, suffix, rng), rng)
        path = tmp_path / f"damaged.{suffix}"
        path.write_bytes(content)
        places = {key: tmp_path / f"{key}.npy" for key in good} | {name: path}
        alarm = ["1e-3", "5e-324", "0.999999", "1e-300"][rng.integers(4)]
        t = ["0.7", "0", "-0", "inf", "1e-320", "1e308"][rng.integers(6)]
        if name in ("counts", "logits"):
            command = ["verify", places["counts"], "--logits", places["logits"], "-T", t, "--false-alarm", alarm]
        elif name == "probabilities":
            command = ["calibrate", places[name], places["labels"], "--probabilities"]
        else:
            command = ["calibrate", places["table"], places["labels"]]
        return content, [*command, "--json"]

    return make


@pytest.mark.filterwarnings("default")
def test_damaged_files_get_an_answer_or_one_clear_line(cases, capsys):
    before = signal.signal(signal.SIGALRM, stop)
    answered = 0
    try:
        for n in range(FILES):
            content, command = cases()
            try:
                status, out, err = run(capsys, command)
            except Hung:
                pytest.fail(f"file {n} took more than {SECONDS} seconds: {command} {content!r}")
            where = f"file {n}: {command} {content!r}: {status} {err}"
            assert status in (0, 1, 2), where
            lines = [line for line in err.splitlines() if not line.startswith("simsoftmax: note: ")]
            assert len(lines) == (status == 2), where
            if status == 2:
                assert out == "", where
                assert re.match(r"simsoftmax: error: [\w']", err.splitlines()[-1]), where
                assert "Traceback" not in err, where
            else:
                answered += 1
                json.loads(out)
    finally:
        signal.signal(signal.SIGALRM, before)
    assert answered > FILES / 200  # about one in fifty is: the damage is small enough to be read sometimes


def test_no_row_is_lost_or_gained(rng):
    """What is read of damaged text has a row for every line, but for headings, and every number stands in the text."""
    read = 0
    for _ in range(FILES):
        values = rng.integers(0, 1000, size=(4, rng.integers(1, 4))) / 8
        content = damaged(written(values, "logits", "csv", rng), rng)
        try:
            text = content.decode("utf-8-sig")
            array = parse(text, "logits")
        except ValueError:
            continue
        read += 1
        lines = re.sub(r'"[^"]*"', "q", text).rstrip()
        lines = re.split(r"\r\n|\r|\n", lines)
        rows = 1 if array.ndim == 1 and len(lines) == 1 else len(array)
        headed = len(lines) - rows
        assert headed in (0, 1), (text, array)
        if headed:
            assert re.search(r"[^\W\d]", lines[0]) or lines[0].strip().startswith(","), (text, array)
        cells = {cell.strip(" \t\xa0") for row in csv.reader(io.StringIO(text, newline="")) for cell in row}
        cells |= set(re.split(r"[,;\t\r\n\"]", text))
        number = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?", re.ASCII | re.IGNORECASE)
        said = {float(cell) for cell in cells if number.fullmatch(cell.strip(" "))}
        if "\N{MINUS SIGN}" not in text and ";" not in text:
            assert {float(value) for value in array.ravel().tolist() if np.isfinite(value)} <= said, (text, array)
    assert read > FILES / 20
