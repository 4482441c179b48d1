"""The instruments for a reader's own files say what the command line says, of good files and of broken ones."""

import contextlib
import gzip
import io
import json
import re
import shutil
import subprocess
from xml.etree import ElementTree

import numpy as np
import pytest
from building import ROOT
from short import short
from visit import check_access

import simsoftmax as ss
from simsoftmax.__main__ import main
from simsoftmax.live import Instrument

HELPER = ROOT / "tests" / "page" / "judge.mjs"


def npy(array, **options):
    out = io.BytesIO()
    np.save(out, np.asarray(array), **options)
    return out.getvalue()


def npz(**arrays):
    out = io.BytesIO()
    np.savez(out, **arrays)
    return out.getvalue()


def squeezed(**arrays):
    out = io.BytesIO()
    np.savez_compressed(out, **arrays)
    return out.getvalue()


def csv(table, form="%.6g", **options):
    out = io.StringIO()
    np.savetxt(out, table, fmt=form, **{"delimiter": ",", "comments": "", **options})
    return out.getvalue().encode()


RNG = np.random.default_rng(5)
Z = np.round(3 * RNG.standard_normal((40, 3)), 4)
Y = (Z / 2 + RNG.gumbel(size=Z.shape)).argmax(axis=1)
FORBIDDEN = np.where((np.arange(3) != Y[:, None]) & (Z < -2), -np.inf, Z)
LINES = csv(Z).decode().splitlines()
HEADED = csv(Z, header="a,b,c")
INDEXED = "\n".join([",a,b,c", *(f"{n},{line}" for n, line in enumerate(LINES))]).encode()
COUNTED = "\n".join(["id,a,b,c", *(f"{n},{line}" for n, line in enumerate(LINES))]).encode()
WHOLE = np.array([[2, 0, 1], [1, 0, 3]] * 20)


def line(n, text, ends="\n"):
    """Return the lines of the logits with another in place of one."""
    return ends.join([*LINES[:n], text, *LINES[n + 1 :]]).encode()


#: File names and bytes of logits; the labels are right.
LOGITS = {
    "plain.csv": csv(Z),
    "headed.csv": HEADED,
    "indexed.csv": INDEXED,
    "unnamed.csv": b"Unnamed: 0" + INDEXED,
    "columns.csv": INDEXED.replace(b",a,b,c", b",0,1,2"),
    "semicolons.csv": csv(Z, delimiter=";"),
    "decimal.csv": csv(Z, delimiter=";").replace(b".", b","),
    "tabs.tsv": csv(Z, delimiter="\t"),
    "tabs.csv": csv(Z, delimiter="\t"),
    "windows.csv": csv(Z).replace(b"\n", b"\r\n"),
    "old.csv": csv(Z).replace(b"\n", b"\r"),
    "marked.csv": b"\xef\xbb\xbf" + csv(Z),
    "wide.csv": csv(Z).decode().encode("utf-16"),
    "quoted.csv": b"\n".join(b",".join(b'"%s"' % cell for cell in row.split(b",")) for row in csv(Z).splitlines()),
    "ends.csv": csv(Z).replace(b"\n", b",\n"),
    "hash.csv": csv(Z, header="a,b,c", comments="# "),
    "forbidden.csv": csv(FORBIDDEN),
    "minus.csv": csv(Z).decode().replace("-", "\N{MINUS SIGN}").encode(),
    "whole.csv": csv(WHOLE, "%d"),
    "packed.csv.gz": gzip.compress(csv(Z)),
    "list.json": json.dumps(Z.tolist()).encode(),
    "object.json": json.dumps({"logits": Z.tolist(), "more": "text"}, indent=1).encode(),
    "infinite.json": json.dumps(FORBIDDEN.tolist()).encode(),
    "double.npy": npy(Z),
    "single.npy": npy(Z.astype(np.float32)),
    "half.npy": npy(Z.astype(np.float16)),
    "big.npy": npy(Z.astype(">f8")),
    "turned.npy": npy(np.asfortranarray(Z)),
    "integers.npy": npy(WHOLE),
    "bytes.npy": npy(WHOLE.astype(np.int8)),
    "wide.npy": npy(np.pad(Z, ((0, 0), (0, 4997)), constant_values=-3.0)),
    "wide.csv.gz": gzip.compress(csv(np.pad(Z, ((0, 0), (0, 997)), constant_values=-np.inf))),
    "one.npz": npz(scores=Z),
    "named.npz": npz(logits=Z, labels=Y),
    "squeezed.npz": squeezed(logits=Z, labels=Y),
    # What cannot be read, and why.
    "empty.csv": b"",
    "spaces.csv": b" \n\n",
    "heading.csv": b"a,b,c\n",
    "short.csv": line(7, "1.5,2.5"),
    "long.csv": line(7, "1.5,2.5,1,1"),
    "word.csv": line(3, "1.5,high,1"),
    "gap.csv": line(3, "1.5,,1"),
    "blank.csv": line(5, ""),
    "thousands.csv": line(5, '1.5,"1,250.5",1'),
    "percent.csv": line(5, "1.5,50%,1"),
    "hexadecimal.csv": line(5, "1.5,0x10,1"),
    "comment.csv": line(5, "# nothing here"),
    "torn.csv": line(5, '1.5,"2.5,1'),
    "after.csv": line(5, '1.5,"2.5"x,1'),
    "tab_in_cell.csv": line(5, "1.5,a\tb,1"),
    "counted.csv": COUNTED,
    "pandas.csv": b"0,1,2\n" + csv(Z),
    "half_named.csv": b"a,b,3\n" + csv(Z),
    "no_heading.csv": b"a,,c\n" + csv(Z),
    "ambiguous.csv": b"\n".join(b"1,250;2,500" for _ in range(40)),
    "spaced.csv": b"\n".join(b"1.5 2.5 3" for _ in range(40)),
    "latin.csv": line(4, "1.5,\xe9,1").decode().encode("latin-1"),
    "marked_latin.csv": b"\xef\xbb\xbf" + line(4, "\xe9,1.5,1").decode().encode("latin-1"),
    "wide_cut.csv": csv(Z).decode().encode("utf-16")[:-1],
    "wide_odd.csv": csv(Z).decode().encode("utf-16").replace(b"1", b"", 1),
    "wide_torn.csv": b"\xff\xfe" + csv(Z[:9]).decode().encode("utf-16-le") + b"\x00\xdc" + b"\n\x00" * 9,
    "empty.json.gz": b"",
    "wide_turned.csv": b"\xfe\xff" + csv(Z[:9]).decode().encode("utf-16-be") + b"\xdc\x00\x00\n",
    "nan.csv": line(11, "1.5,nan,1"),
    "plus.csv": line(11, "1.5,inf,1"),
    "dead.csv": line(11, "-inf,-inf,-inf"),
    "row.csv": b"1.5,2.5,0.5\n",
    "broken.json": b"[[1, 2, 3],\n[1, 2,\n",
    "trailing.json": b"[[1, 2, 3],]",
    "more.json": b"[[1, 2, 3]] 5",
    "unquoted.json": b"{logits: [1]}",
    "colon.json": b'{"logits" [1]}',
    "unterminated.json": b'{"logits',
    "control.json": b'{"lo\ngits": 1}',
    "escape.json": b'{"lo\\qgits": 1}',
    "other.json": b'{"scores": [1, 2], "b": 2}',
    "number.json": b"5",
    "text.json": b'["a", 1]',
    "nested.json": b"[[1, [2]], [1, 2]]",
    "ragged.json": b"[[1, 2, 3], [1, 2]]",
    "null.json": b"[[1, 2, null]]",
    "twice.json": b'{"logits": [1], "logits": [2]}',
    "no.npy": b"hello, this is text",
    "tiny.npy": b"\x93NUM",
    "cut.npy": npy(Z)[:-8],
    "long.npy": npy(Z) + b"\0\0",
    "header.npy": npy(Z)[:40],
    "version.npy": npy(Z).replace(b"NUMPY\x01", b"NUMPY\x07"),
    "objects.npy": npy(np.array([[1, "a"]], object), allow_pickle=True),
    "complex.npy": npy(Z.astype(np.complex64)),
    "texts.npy": npy(np.array(["a", "bc"])),
    "flat.npy": npy(Z[0]),
    "scalar.npy": npy(np.float64(3)),
    "cube.npy": npy(Z.reshape(40, 3, 1)),
    "nothing.npy": npy(Z[:0]),
    "no.npz": b"hello",
    "several.npz": npz(a=Z, b=Y),
    "texts.npz": npz(a=np.array(["a", "b"])),
    "damaged.npz": npz(logits=Z).replace(Z[3].tobytes(), b"\1" * 24),
    "table.xlsx": b"PK",
    "table.txt": csv(Z),
    "probabilities.csv": csv(np.round(np.exp(Z) / np.exp(Z).sum(1, keepdims=True), 4), "%.17g"),
}
#: The same of labels; the logits are right.
LABELS = {
    "labels.csv": csv(Y, "%d"),
    "row.csv": ",".join(map(str, Y)).encode(),
    "points.csv": csv(Y, "%.1f"),
    "headed.csv": b"label\n" + csv(Y, "%d"),
    "column.csv": "\n".join(["case,label,score", *(f"c{n},{y},0.5" for n, y in enumerate(Y))]).encode(),
    "y.npy": npy(Y),
    "y.npz": npz(logits=Z, labels=Y),
    "bytes.npy": npy(Y.astype(np.uint8)),
    "right.csv": csv(Z.argmax(1), "%d"),
    "wrong.csv": csv(Z.argmin(1), "%d"),
    "short.csv": csv(Y[:-1], "%d"),
    "zero.csv": b"0\n" + csv(Y, "%d"),
    "high.csv": csv(np.where(np.arange(40) == 9, 3, Y), "%d"),
    "ignored.csv": csv(np.where(np.arange(40) == 9, -100, Y), "%d"),
    "halves.csv": csv(Y + 0.5, "%.1f"),
    "halves.npy": npy(Y + np.float32(0.5)),
    "onehot.csv": csv(np.eye(3)[Y], "%d"),
    "soft.csv": csv(np.full((40, 3), 1 / 3)),
    "names.csv": "\n".join(["kind", *("cat" if y else "dog" for y in Y)]).encode(),
    "two.csv": "\n".join(["a,b", *(f"{y},1" for y in Y)]).encode(),
    "both.csv": "\n".join(["label,labels", *(f"{y},1" for y in Y)]).encode(),
    "column.npy": npy(Y[:, None]),
}


@pytest.fixture(scope="module")
def judged(tmp_path_factory):
    """Return what judges many sets of files at once, in Node.js."""
    if not (ROOT / "simsoftmax" / "live" / "src").exists() or shutil.which("node") is None:
        pytest.skip("needs Node.js and the sources of the pages' scripts")
    if subprocess.run(
        ["node", "-e", "new DecompressionStream('deflate-raw')"], capture_output=True, check=False
    ).returncode:
        pytest.skip("needs a Node.js that reads compressed archives as browsers do, 20.12 or newer")

    def judge(tasks):
        lines = "".join(json.dumps(task) + "\n" for task in tasks)
        done = subprocess.run(["node", HELPER], input=lines, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return [json.loads(answer) for answer in done.stdout.splitlines()]

    return judge


def commanded(capsys, *arguments):
    """Return what the command line says: its JSON or the error, and the note, if there is one."""
    with pytest.raises(SystemExit) as stop:
        main([*map(str, arguments), "--json"])
    out, err = capsys.readouterr()
    notes = [said.removeprefix("simsoftmax: note: ") for said in err.splitlines() if "note: " in said]
    if stop.value.code not in (0, 1):
        return {"error": err.splitlines()[-1].removeprefix("simsoftmax: error: ")}
    return {"facts": json.loads(out), "note": notes[0] if notes else None}


def differences(page, command, apart=()):
    """Return in what two answers differ."""
    if "error" in page or "error" in command:
        return [(page.get("error"), command.get("error"))] if page.get("error") != command.get("error") else []
    found = [(page.get("note"), command["note"])] if page.get("note") != command["note"] else []
    for key in set(page["facts"]) | set(command["facts"]):
        if key in apart:
            continue
        value, expected = page["facts"].get(key), command["facts"].get(key)
        if isinstance(expected, float):
            expected = pytest.approx(expected, rel=2e-6, abs=1e-12)
        if value != expected:
            found.append((key, value, expected))
    return found


@pytest.mark.filterwarnings("default:logits look like")
def test_a_classifier_is_calibrated_as_on_the_command_line(tmp_path, monkeypatch, capsys, judged):
    for folder, files in (("logits", LOGITS), ("labels", LABELS)):
        (tmp_path / folder).mkdir()
        for name, content in files.items():
            (tmp_path / folder / name).write_bytes(content)
    np.save(tmp_path / "z.npy", Z)
    np.save(tmp_path / "y.npy", Y)
    sets = [(f"logits/{name}", tmp_path / "logits", name, tmp_path / "y.npy") for name in LOGITS]
    tasks = [
        {"instrument": "calibrate", "files": {"logits": str(folder / name), "labels": str(y)}}
        for _, folder, name, y in sets
    ]
    tasks += [
        {
            "instrument": "calibrate",
            "files": {"logits": str(tmp_path / "z.npy"), "labels": str(tmp_path / "labels" / name)},
        }
        for name in LABELS
    ]
    answers = judged(tasks)
    names = [f"logits {name}" for name in LOGITS] + [f"labels {name}" for name in LABELS]
    refused, different = 0, {}
    for name, task, answer in zip(names, tasks, answers, strict=True):
        kind, file = name.split()
        monkeypatch.chdir(tmp_path / kind)  # so that both know the file by the same name
        given = [file, tmp_path / "y.npy"] if kind == "logits" else [tmp_path / "z.npy", file]
        command = commanded(capsys, "calibrate", *given)
        assert task["files"][kind].endswith(file)
        different[name] = differences(answer, command, apart=["passes"])
        refused += "error" in command
    assert {name: found for name, found in different.items() if found} == {}
    assert len(names) > 100
    assert refused > 60


#: Counts, logits and the temperature that is claimed.
SAMPLES = {
    "right": ([6590, 2424, 986], [2.0, 1.0, 0.1], 1.0),
    "hot": ([6290, 2624, 1086], [2.0, 1.0, 0.1], 1.0),
    "few": ([4, 2, 1, 0], [2.0, 1.0, 0.1, -1.0], 1.0),
    "exact": ([33, 20, 7, 3], [2.0, 1.5, 0.1, -0.5], 1.3),
    "two": ([630, 370], [0.5, 0.0], 1.0),
    "one": ([10], [0.5], 2.0),
    "alike": ([3, 5, 4, 8], [1.0, 1.0, 1.0, 1.0], 1.0),
    "cold": ([50, 0, 0], [2.0, 1.0, 0.1], 0.2),
    "frozen": ([7, 0, 0], [2.0, 1.0, 0.1], 0.0),
    "uniform": ([331, 340, 329], [2.0, 1.0, 0.1], np.inf),
    "inverted": ([10, 20, 300], [2.0, 1.0, 0.1], 1.0),
    "forbidden": ([10, 20, 0, 3], [2.0, 1.0, -np.inf, 0.1], 1.0),
    "impossible": ([10, 20, 1, 3], [2.0, 1.0, -np.inf, 0.1], 1.0),
    "pooled": ([900, 60, 25, 9, 4, 1, 1, 0], [3.0, 0.4, -0.6, -1.6, -2.6, -3.6, -4.6, -9.0], 1.0),
    "rare": ([900, 60, 25, 9, 4, 1, 1, 1], [3.0, 0.4, -0.6, -1.6, -2.6, -3.6, -4.6, -6.0], 1.0),
    "pooled hot": ([850, 80, 40, 15, 9, 4, 2, 0], [3.0, 0.4, -0.6, -1.6, -2.6, -3.6, -4.6, -9.0], 1.0),
    "many": ([65_902_113_400, 24_244_027_980, 9_853_858_620], [2.0, 1.0, 0.1], 1.0),
    "taken back": ([0, 10, 0, 0, 0, 190, 0, 0], [-1.83, 1.47, -0.79, 0.58, 0.27, 2.34, -np.inf, -0.18], 0.3),
    "tried out": ([58, 20, 8, 4], [1.1, 0.0, -0.8, -1.6], 1.0),
    "negative": ([5, -1, 2], [2.0, 1.0, 0.1], 1.0),
    "shares": ([0.66, 0.24, 0.1], [2.0, 1.0, 0.1], 1.0),
    "none": ([0, 0, 0], [2.0, 1.0, 0.1], 1.0),
    "short": ([5, 2], [2.0, 1.0, 0.1], 1.0),
    "dead": ([5, 2], [-np.inf, -np.inf], 1.0),
    "missing": ([5, 2], [np.nan, 1.0], 1.0),
    "table": ([5, 2], [[2.0, 1.0], [0.1, 0.2]], 1.0),
}


@pytest.mark.parametrize("instrument", ["verify", "thermometer"])
def test_counts_are_judged_as_on_the_command_line(tmp_path, monkeypatch, capsys, judged, instrument):
    monkeypatch.chdir(tmp_path)
    tasks, expected = [], {}
    for name, (counts, logits, temperature) in SAMPLES.items():
        (tmp_path / f"{name}.csv").write_bytes(csv(counts, "%.15g"))
        np.save(tmp_path / f"{name}.npy", logits)
        files = {"counts": str(tmp_path / f"{name}.csv"), "logits": str(tmp_path / f"{name}.npy")}
        tasks.append({"instrument": instrument, "files": files})
        given = [instrument, f"{name}.csv", "--logits", f"{name}.npy"]
        if instrument == "verify":
            # JSON has no infinity, so that temperature is said in words.
            tasks[-1]["settings"] = {"temperature": "Infinity" if temperature == np.inf else temperature}
            given += ["--temperature", temperature]
        expected[name] = commanded(capsys, *given)
    (tmp_path / "levels.csv").write_text("token,counts\n2,10\n0,66\n1,24\n")
    tasks.append({"instrument": instrument, "files": {**tasks[0]["files"], "counts": str(tmp_path / "levels.csv")}})
    expected["levels"] = commanded(capsys, instrument, "levels.csv", "--logits", "right.npy")
    different = {}
    for (name, command), page in zip(expected.items(), judged(tasks), strict=True):
        if instrument == "verify" and "facts" in page and "facts" in command:
            different[name, "sentence"] = [page["facts"]["sentence"]] * (
                page["facts"]["sentence"] != command["facts"]["sentence"]
            )
            page["facts"], command["facts"] = page["facts"]["verdict"], command["facts"]["verdict"]
        different[name] = differences(page, command)
    assert {name: found for name, found in different.items() if found} == {}
    assert sum("error" in command for command in expected.values()) >= 7


def test_draws_are_judged_as_python_counts_them(tmp_path, judged, rng):
    z = np.array([1.0, 0.4, -0.3, -2.0])
    draws = rng.choice(4, size=500, p=ss.softmax(z, 1.3))
    given = {
        "right": (draws, z),
        "rows": (draws, np.tile(z, (500, 1))),
        "high": (np.append(draws, 4), z),
        "halves": (draws + 0.5, z),
    }
    tasks = []
    for name, (tokens, logits) in given.items():
        np.save(tmp_path / f"{name}.npy", tokens)
        np.save(tmp_path / f"{name}_z.npy", logits)
        files = {"counts": str(tmp_path / f"{name}.npy"), "logits": str(tmp_path / f"{name}_z.npy")}
        tasks.append({"instrument": "verify", "files": files, "settings": {"kind": "draws", "temperature": 1.3}})
    right, rows, high, halves = judged(tasks)
    assert right["facts"]["sentence"] == str(ss.verify(tokens=draws, logits=z, temperature=1.3))
    assert right["facts"]["counts"] == np.bincount(draws, minlength=4).tolist()
    assert "got shape (500, 4)" in rows["error"]
    assert "`simsoftmax verify --draws`" in rows["error"]
    assert "got 4 at index 500" in high["error"]
    assert "draws must be whole numbers" in halves["error"]


@pytest.fixture
def bench(browser, tmp_path):
    """Return what opens an instrument as a saved file, with no network."""
    tabs = []

    def opened(instrument, **options):
        made = Instrument(instrument)
        made.save(tmp_path / f"{instrument}.html")
        made.close()
        tabs.append(browser.new_context(offline=True, **options))
        tab = tabs[-1].new_page()
        tab.goto((tmp_path / f"{instrument}.html").as_uri())
        tab.wait_for_selector("[data-live='alive']")
        return tab

    yield opened
    for context in tabs:
        context.close()


def put(tab, name, path):
    tab.get_by_label(f"File of {name}", exact=True).set_input_files(path)


@pytest.mark.browser
def test_files_pasted_and_chosen_are_answered_in_a_page_without_a_network(bench, tmp_path):
    tab = bench("calibrate")
    np.save(tmp_path / "z.npy", Z)
    put(tab, "logits", tmp_path / "z.npy")
    go = tab.get_by_role("button", name="calibrate", exact=True)
    assert go.is_disabled()
    tab.get_by_role("button", name="paste labels").click()
    tab.get_by_label("labels, one row a line, or JSON").fill("\n".join(map(str, Y)))
    go.click()
    tab.wait_for_selector("[data-out='sentence']")
    assert tab.locator("[data-out='sentence']").inner_text() == str(ss.fit_temperature(Z, Y))
    with tab.expect_download() as taken:
        tab.get_by_role("button", name="save the numbers").click()
    saved = json.loads(taken.value.path().read_text())
    assert saved["temperature"] == pytest.approx(ss.fit_temperature(Z, Y).temperature, rel=1e-9)
    with tab.expect_download() as taken:
        tab.get_by_role("button", name="save the picture").click()
    picture = ElementTree.parse(taken.value.path()).getroot()
    assert picture.tag.endswith("svg")
    assert len(picture.findall(".//{http://www.w3.org/2000/svg}circle")) > 10
    python = tab.locator("pre").first.inner_text()
    (tmp_path / "labels.csv").write_bytes(csv(Y, "%d"))
    out = io.StringIO()
    with contextlib.chdir(tmp_path), contextlib.redirect_stdout(out):
        exec(python, {})
    assert out.getvalue().strip() == saved["sentence"]
    # Another file takes the answer away; a wrong one is refused in words.
    tab.get_by_label("labels, one row a line, or JSON").fill("0\nyes")
    assert tab.locator("[data-out='sentence']").count() == 0 or tab.locator("[data-out='sentence']").is_hidden()
    go.click()
    tab.wait_for_selector(".ssm-complaint:not([hidden])")
    assert "'yes' in line 2 is no number" in tab.locator(".ssm-complaint").inner_text()


CARRY = """({ name, bytes, text }) => {
    const carried = new DataTransfer();
    if (text) carried.setData("text/plain", text);
    else carried.items.add(new File([Uint8Array.from(bytes)], name));
    return carried;
}"""


def drop(tab, place, **given):
    """Drop a file, or text, on a place; return whether the page took it, or left it to the browser to open."""
    carried = tab.evaluate_handle(CARRY, given)
    for kind in ("dragenter", "dragover"):
        place.dispatch_event(kind, {"dataTransfer": carried})
    over = "ssm-over-well" in (place.get_attribute("class") or "")
    taken = """(place, carried) => !place.dispatchEvent(
        new DragEvent("drop", { dataTransfer: carried, bubbles: true, cancelable: true }))"""
    return place.evaluate(taken, carried), over


@pytest.mark.browser
@pytest.mark.parametrize("instrument", short(["calibrate", "verify", "thermometer"], "verify"))
def test_files_and_text_that_are_dropped_are_answered(bench, instrument):
    tab = bench(instrument, viewport={"width": 380, "height": 800}, color_scheme="dark")
    counts, logits, temperature = SAMPLES["right"]
    first, second, content, text, sentence = (
        ("logits", "labels", npy(Z), "\n".join(map(str, Y)), ss.fit_temperature(Z, Y))
        if instrument == "calibrate"
        else ("counts", "logits", npy(counts), ",".join(map(str, logits)), ss.verify(counts, logits, temperature))
        if instrument == "verify"
        else ("counts", "logits", npy(counts), str(logits), ss.estimate_temperature(counts, logits))
    )
    wells = [tab.get_by_role("group", name=name, exact=True) for name in (first, second)]
    assert drop(tab, wells[0], name="mine.npy", bytes=list(content)) == (True, True)
    assert "mine.npy" in wells[0].inner_text()
    assert "ssm-over-well" not in wells[0].get_attribute("class")
    # A file that misses the wells is not opened in the page's stead, and changes nothing.
    assert drop(tab, tab.locator(".ssm-wells + .ssm-controls"), name="lost.npy", bytes=[1]) == (True, False)
    assert drop(tab, wells[1], text=text) == (True, True)
    tab.locator(".ssm-wells + .ssm-controls button").first.click()
    tab.wait_for_selector("[data-out='sentence']")
    assert tab.locator("[data-out='sentence']").inner_text() == str(sentence)
    check_access(tab)
    assert tab.evaluate("document.documentElement.scrollWidth") <= 380
    # Another file in its place takes the answer away, and a wrong one is refused by its name.
    drop(tab, wells[0], name="other.npy", bytes=list(b"hello"))
    assert tab.locator(".ssm-answer").is_hidden()
    tab.locator(".ssm-wells + .ssm-controls button").first.click()
    tab.wait_for_selector(".ssm-complaint:not([hidden])")
    assert f"{first} cannot be read from 'other.npy'" in tab.locator(".ssm-complaint").inner_text()


@pytest.mark.slow
@pytest.mark.browser
def test_a_file_of_200_megabytes_is_calibrated_while_the_page_lives(bench, tmp_path):
    rows, levels = 5_000_000, 10
    rng = np.random.default_rng(1)
    logits = np.lib.format.open_memmap(tmp_path / "z.npy", "w+", np.float32, (rows, levels))
    labels = np.empty(rows, np.int8)
    for start in range(0, rows, 500_000):
        truth = rng.standard_normal((500_000, levels), np.float32)
        logits[start : start + 500_000] = 2 * truth
        labels[start : start + 500_000] = (truth - np.log(rng.exponential(size=truth.shape))).argmax(axis=1)
    logits.flush()
    np.save(tmp_path / "y.npy", labels)
    tab = bench("calibrate")
    tab.evaluate(
        "() => { window.beats = 0; window.shown = new Set(); setInterval(() => { window.beats += 1;"
        " window.shown.add(document.querySelector('progress').value); }, 50); }"
    )
    put(tab, "logits", tmp_path / "z.npy")
    put(tab, "labels", tmp_path / "y.npy")
    tab.get_by_role("button", name="calibrate", exact=True).click()
    tab.wait_for_selector("[data-out='sentence']")
    said = tab.locator("[data-out='sentence']").inner_text()
    assert said == str(ss.fit_temperature(np.load(tmp_path / "z.npy", mmap_mode="r"), labels.astype(np.int64)))
    beats, shown = tab.evaluate("() => [window.beats, window.shown.size]")
    assert beats > 20  # the page answered all the while
    assert shown > 10
    cost = tab.locator(".ssm-answer .ssm-controls .ssm-muted").inner_text()
    kilobytes = int(re.search(r"([\d,]+) kB of memory", cost)[1].replace(",", ""))
    assert kilobytes < 4_000  # of 200,000
