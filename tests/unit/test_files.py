"""Arrays in files, in whatever form they come: the right one is read, or it is said why none is."""

import gzip
import json
import sys

import numpy as np
import pytest

from simsoftmax import files
from simsoftmax.files import is_array_file, read_array

LOGITS = np.array([[2.0, -1.5, 0.25], [1e-300, -np.inf, 3.0]])
COUNTS = np.array([2**53, 0, 7])


def text(separator=",", end="\n", index=False, decimal=".", bom=b"", headings=("z0", "z1", "z2")):
    """Return the logits as a table of text."""
    lines = [[*([""] if index else []), *headings]] if headings else []
    lines += [[*([str(n)] if index else []), *(repr(v).replace(".", decimal) for v in row)] for n, row in
              enumerate(LOGITS.tolist())]  # fmt: skip
    return bom + "".join(separator.join(line) + end for line in lines).encode()


TEXTS = {
    "plain": text(),
    "no headings": text(headings=()),
    "index": text(index=True),
    "BOM": text(bom=b"\xef\xbb\xbf"),
    "CRLF": text(end="\r\n"),
    "semicolons": text(separator=";"),
    "decimal commas": text(separator=";", decimal=","),
    "all at once": text(separator=";", decimal=",", end="\r\n", index=True, bom=b"\xef\xbb\xbf"),
}


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("name", TEXTS)
def test_a_table_of_text_is_read_whoever_wrote_it(name, packed, tmp_path):
    path = tmp_path / ("z.csv.gz" if packed else "z.csv")
    path.write_bytes(gzip.compress(TEXTS[name]) if packed else TEXTS[name])
    np.testing.assert_array_equal(read_array(path, "logits"), LOGITS)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_an_archive_holds_what_is_asked_for(save, tmp_path, monkeypatch):
    path = tmp_path / "z.npz"
    save(path, logits=LOGITS, validation=2 * LOGITS)
    np.testing.assert_array_equal(read_array(path, "logits"), LOGITS)
    np.testing.assert_array_equal(read_array(f"{path}:validation", "logits"), 2 * LOGITS)
    with pytest.raises(ValueError, match="it holds 'logits', 'validation'; none is called 'test'"):
        read_array(f"{path}:test", "logits")
    with pytest.raises(ValueError, match=r"call the one that is meant 'counts', or say which: z\.npz:NAME"):
        read_array(path, "counts")
    save(path, whatever=LOGITS)
    np.testing.assert_array_equal(read_array(path, "logits"), LOGITS)
    if save is np.savez_compressed:
        monkeypatch.setattr(files, "LARGEST", 100)
        with pytest.raises(ValueError, match=r"it unpacks to \d+ bytes; write it with numpy.savez"):
            read_array(path, "logits")


def test_the_part_of_a_file_stands_after_a_colon(tmp_path):
    table, plain, content = tmp_path / "two.csv", tmp_path / "c.npy", tmp_path / "two.json"
    table.write_text("token,First,second\n0,5,6\n2,7,8\n")
    content.write_text(json.dumps({"first": [5, 7]}))
    np.save(plain, COUNTS)
    assert read_array(f"{table}:first", "logits").tolist() == [5, 7]
    assert read_array(f"{table}:second", "counts", length=3).tolist() == [6, 0, 8]  # by level, as the first column says
    assert read_array(f"{content}:first", "counts").tolist() == [5, 7]
    for path, says in ((f"{table}:third", "'token', 'first', 'second'; none is called 'third'"),
                       (f"{plain}:third", "it holds one array, and none called 'third'")):  # fmt: skip
        with pytest.raises(ValueError, match=says):
            read_array(path, "counts")
    table.write_text("5,6\n7,8\n")
    with pytest.raises(ValueError, match="it has no line of headings, and so no column 'first'"):
        read_array(f"{table}:first", "logits")
    odd = tmp_path / "odd.csv:x.csv"
    odd.write_text("5,6\n")
    assert read_array(odd, "logits").tolist() == [5, 6]
    assert is_array_file("z.npz:one")
    assert is_array_file("C:/data/z.csv.gz")
    assert not is_array_file("2:1")
    with pytest.raises(OSError, match="No such file"):
        read_array(tmp_path / "none.parquet", "logits")


def test_without_pyarrow_a_parquet_file_says_what_to_do(tmp_path, monkeypatch):
    path = tmp_path / "z.parquet"
    path.write_bytes(b"PAR1")
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(ValueError, match=r"logits cannot be read .*: pyarrow, .* pip install pyarrow, or"):
        read_array(path, "logits")


@pytest.fixture
def parquet():
    """Return (pyarrow, a function that writes columns and reads an array back)."""
    arrow = pytest.importorskip("pyarrow")
    return arrow, pytest.importorskip("pyarrow.parquet")


def written(parquet, path, columns, **schema):
    arrow, writer = parquet
    table = arrow.table(columns) if not schema else arrow.table(columns).replace_schema_metadata(schema)
    writer.write_table(table, path)
    return path


def test_columns_of_a_parquet_file(parquet, tmp_path, monkeypatch):
    arrow, path = parquet[0], tmp_path / "z.parquet"
    written(parquet, path, {"z0": LOGITS[:, 0], "z1": LOGITS[:, 1], "z2": LOGITS[:, 2].astype(np.float32)})
    np.testing.assert_array_equal(read_array(path, "logits"), LOGITS)
    assert read_array(f"{path}:z1", "logits").tolist() == LOGITS[:, 1].tolist()
    with pytest.raises(ValueError, match=r"its columns are called 'z0', 'z1', 'z2'; call .* z\.parquet:NAME"):
        read_array(path, "labels")
    written(parquet, path, {"id": ["a", "b"], "label": arrow.array([1, 0], arrow.int8())})
    assert read_array(path, "labels").tolist() == [1, 0]
    written(parquet, path, {"id": ["a", "b"], "logits": list(LOGITS)})
    np.testing.assert_array_equal(read_array(path, "logits"), LOGITS)
    written(parquet, path, {"counts": COUNTS})
    assert read_array(path, "counts").tolist() == COUNTS.tolist()
    for columns, says in (
        ({"counts": [1, None]}, "its column 'counts' has cells without a number"),
        ({"counts": ["1", "2"]}, "its column 'counts' holds string and no numbers"),
        ({"counts": [[1, 2], [3]]}, "the rows in its column 'counts' are not of one length"),
    ):
        with pytest.raises(ValueError, match=says):
            read_array(written(parquet, path, columns), "counts")
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(ValueError, match=r"it is no whole \.parquet file"):
        read_array(path, "counts")
    monkeypatch.setattr(files, "LARGEST", 100)
    with pytest.raises(ValueError, match=r"it holds 1,000 numbers; save it as \.npy"):
        read_array(written(parquet, path, {"counts": np.zeros(1000), "more": np.zeros(1000)}), "counts")


def test_an_index_of_pandas_says_which_level_was_counted(parquet, tmp_path):
    path = tmp_path / "c.parquet"
    pandas = json.dumps({"index_columns": ["token"], "columns": []})
    written(parquet, path, {"count": [7, 5], "token": [2, 0]}, pandas=pandas)
    assert read_array(path, "counts", length=4).tolist() == [5, 0, 7, 0]
    written(parquet, path, {"count": [7, 5], "token": ["sun", "rain"]}, pandas=pandas)
    with pytest.raises(ValueError, match="its counts stand in the order of their size, with 'sun' first"):
        read_array(path, "counts")
    written(parquet, path, {"z0": [1.0, 2.0], "z1": [3.0, 4.0], "token": [0, 1]}, pandas=pandas)
    assert read_array(path, "logits").tolist() == [[1, 3], [2, 4]]
