import codecs
import gzip
import json
import os
import subprocess
import sys

import numpy as np
import pytest
from short import short

import simsoftmax as ss
from simsoftmax.__main__ import main

Z = "2,1,0.1"


def run(capsys, *arguments):
    """Run the command line in this process; return its exit status, its output and its error output."""
    with pytest.raises(SystemExit) as stop:
        main([str(a) for a in arguments])
    out, err = capsys.readouterr()
    return stop.value.code, out, err


def test_simulate_prints_a_table_and_a_verdict(capsys):
    status, out, err = run(capsys, "simulate", "--logits", Z, "-T", 0.5, "-N", "1e6", "--seed", 1)
    assert (status, err) == (0, "")
    for heading in ("level", "logit", "analytic", "empirical", "residual"):
        assert heading in out
    for share in ss.softmax([2, 1, 0.1], 0.5):
        assert f"{share:.6f}" in out
    assert "1,000,000 particles on 3 levels" in out
    assert str(ss.simulate([2, 1, 0.1], 0.5, particles=10**6, rng=1).verify()) in out


def test_json_holds_what_python_returns(capsys):
    status, out, _ = run(capsys, "simulate", "--logits", Z, "-T", 2, "--seed", 3, "--json")
    content = json.loads(out)
    same = ss.simulate([2, 1, 0.1], 2.0, rng=3)
    assert status == 0
    assert content["counts"] == same.counts.tolist()
    assert content["analytic"] == ss.softmax([2, 1, 0.1], 2.0).tolist()
    assert content["verdict"]["p_value"] == same.verify().p_value
    assert content["sentence"] == str(same.verify())
    assert content["sweeps"] == same.sweeps


def test_json_survives_infinities(capsys):
    status, out, _ = run(capsys, "verify", "5,5,1", "--logits", "1,1,-inf", "-T", 2, "--json")
    content = json.loads(out)
    assert status == 1
    assert content["residual"][2] == "inf"
    assert content["logits"][2] == "-inf"


@pytest.mark.parametrize("kind", ["csv row", "csv column", "csv headings", "npy", "json list", "json object"])
def test_verify_reads_every_kind_of_file(kind, capsys, tmp_path):
    counts = ss.simulate([2, 1, 0.1], 0.5, rng=5).counts.tolist()
    text = {
        "csv row": ",".join(map(str, counts)),
        "csv column": "\n".join(map(str, counts)),
        "csv headings": "\n".join(["level, counts", *[f"{i}, {n}" for i, n in enumerate(counts)]]),
        "json list": json.dumps(counts),
        "json object": json.dumps({"counts": counts}),
    }
    path = tmp_path / f"counts.{kind.split()[0]}"
    if kind == "npy":
        np.save(path, np.array(counts))
    else:
        path.write_text(text[kind])
    assert run(capsys, "verify", path, "--logits", Z, "-T", 0.5)[0] == 0
    status, out, _ = run(capsys, "verify", path, "--logits", Z, "-T", 0.6)  # negative control: another temperature
    assert status == 1
    assert "Failed" in out


def test_logits_can_come_from_a_file(capsys, tmp_path):
    np.save(tmp_path / "z.npy", np.linspace(0, 2, 50))
    status, out, _ = run(capsys, "simulate", "--logits", tmp_path / "z.npy", "-T", 0.7, "--seed", 2)
    assert status == 0
    assert "The 20 likeliest of 50 levels are shown." in out


@pytest.mark.parametrize("suffix", ["png", "svg", "pdf"])
def test_a_figure_is_saved(suffix, capsys, tmp_path):
    path = tmp_path / f"figure.{suffix}"
    assert run(capsys, "simulate", "--logits", Z, "-T", 0.5, "--seed", 1, "--plot", path)[0] == 0
    assert path.stat().st_size > 1000


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["simulate"], "Missing option '--logits'"),
        (["melt"], "No such command 'melt'"),
        (["simulate", "--logits", "2,x"], "logits must be numbers separated by commas"),
        (["simulate", "--logits", ""], "logits must be numbers separated by commas"),
        (["simulate", "--logits", "nan,1"], "logits must be finite or -inf"),
        (["simulate", "--logits", "inf,1"], "logits must be finite or -inf"),
        (["simulate", "--logits", Z, "-T", "hot"], "'hot' is not a valid float"),
        (["simulate", "--logits", Z, "-T", "-1"], "temperature must be >= 0, got -1.0"),
        (["simulate", "--logits", Z, "-N", "1.5"], "particles must be a whole number, got 1.5"),
        (["simulate", "--logits", Z, "-N", "1e300"], "particles must be from 1 to"),
        (["simulate", "--logits", Z, "--sweeps", "some"], "sweeps must be a whole number or 'auto'"),
        (["simulate", "--logits", Z, "--seed", "-3"], "rng must be a seed"),
        (["simulate", "--logits", "2,0,2", "-T", "0.01", "--proposal", "neighbour"], "frozen"),
        (["simulate", "--logits", Z, "--plot", "figure.gif"], "plot must be a file ending in"),
        (["simulate", "--logits", Z, "--plot", "no/such/folder/figure.png"], "make the folder first"),
        (["verify", "1,2", "--logits", Z], "counts must hold one number for each of the 3 logits"),
        (["verify", "1,2,0.5", "--logits", Z], "counts must be whole numbers"),
        (["verify", "0,0,0", "--logits", Z], "counts must sum to"),
        (["verify", "missing.csv", "--logits", Z], "No such file or directory"),
        (["verify", "1,2,3", "--logits", Z, "--false-alarm", "2"], "false_alarm must lie strictly between 0 and 1"),
    ],
)
def test_mistakes_are_one_line_and_status_two(arguments, says, capsys):
    status, out, err = run(capsys, *arguments)
    assert status == 2
    assert says in err
    assert err.count("\n") == 1
    assert err.startswith("simsoftmax: error: ")
    assert out == ""


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("counts.csv", b"a,b\n1,x\n", "its columns are called 'a', 'b'"),
        ("counts.csv", b"", "it is empty"),
        ("counts.csv", "1\n2\n3,5 \u20ac".encode("cp1252"), "line 3 is not text in UTF-8"),
        ("counts.csv.gz", b"1,2,3", "it cannot be unpacked"),
        ("counts.tsv", b"1,2,3", "separate the cells"),
        ("counts.json", b"{", "line 1 is no JSON"),
        ("counts.json", b'{"other": [1]}', "it is an object with 'other'; put a list of numbers under 'counts'"),
        ("counts.json", b'{"counts": [1], "counts": [2]}', "'counts' stands in it twice"),
        ("counts.json", b"[[1], [2, 3]]", "its rows 0 and 1 are not of the same length"),
        ("counts.json", b'[1, ["a"]]', "its entry (1, 0) is"),
        ("counts.json", b'[1, "2", 3]', 'its entry 1 is "2" and no number'),
        ("counts.json", b"[1, true, 3]", "its entry 1 is true and no number"),
        ("counts.json", b"[1" + b"0" * 400 + b"]", "a whole number of 401 digits"),
        ("counts.json", b"[" * 100_000, "nested too deeply"),
        ("counts.npy", b"rubbish", "it is no .npy file"),
        ("counts.npz", b"rubbish", "counts cannot be read"),
        ("counts.feather", b"ARROW1", "or a file ending in .csv"),
    ],
)
def test_bad_files_are_named(name, content, says, capsys, tmp_path):
    (tmp_path / name).write_bytes(content)
    status, _, err = run(capsys, "verify", tmp_path / name, "--logits", Z)
    assert status == 2
    assert says in err
    assert err.count("\n") == 1


@pytest.mark.parametrize("change", ["short", "long", "shape", "negative", "complex", "evaluated"])
def test_a_damaged_npy_file_is_refused(change, capsys, tmp_path):
    path = tmp_path / "counts.npy"
    np.save(path, np.array([5, 3, 1], dtype=complex if change == "complex" else np.int64))
    content = path.read_bytes()
    content = {
        "short": content[:-1],
        "long": content + b"0",
        "shape": content.replace(b"(3,)", b"(9,)"),
        "negative": content.replace(b"(3,), ", b"(-3,),"),
        "complex": content,
        "evaluated": content.replace(b"(3,), }", b"(3,), [("),
    }[change]
    path.write_bytes(content)
    status, out, err = run(capsys, "verify", path, "--logits", Z)
    assert (status, out) == (2, "")
    assert "counts cannot be read from" in err
    assert "save" in err


@pytest.mark.parametrize(
    "write",
    [
        lambda path, n: path.with_suffix(".csv").write_bytes(
            codecs.BOM_UTF16_LE + "\r\n".join(map(str, n)).encode("utf-16-le")
        ),
        lambda path, n: path.with_suffix(".csv").write_bytes(codecs.BOM_UTF8 + ";".join(map(str, n)).encode()),
        lambda path, n: path.with_suffix(".tsv").write_text(
            "level\tcounts\n" + "\n".join(f"{k}\t{c}" for k, c in enumerate(n))
        ),
        lambda path, n: path.with_suffix(".csv.gz").write_bytes(gzip.compress(",".join(map(str, n)).encode())),
        lambda path, n: np.savez(path.with_suffix(".npz"), counts=n, other=[1, 2]),
        lambda path, n: path.with_suffix(".csv").write_text(
            "token,count\n" + "\n".join(f"{k},{n[k]}" for k in (1, 0, 2))
        ),
    ],
)
def test_files_that_people_have_are_read(write, capsys, tmp_path):
    counts = ss.simulate([2, 1, 0.1], 0.5, rng=5).counts.tolist()
    write(tmp_path / "counts", counts)
    (path,) = tmp_path.iterdir()
    status, out, err = run(capsys, "verify", path, "--logits", Z, "-T", 0.5, "--json")
    assert (status, err) == (0, "")
    assert json.loads(out)["counts"] == counts
    assert run(capsys, "verify", path, "--logits", Z, "-T", 0.6)[0] == 1  # negative control: another temperature


def test_a_heading_of_pandas_is_no_label(capsys, tmp_path):
    np.save(tmp_path / "logits.npy", np.eye(4))
    (tmp_path / "labels.csv").write_text("0\n1\n2\n3\n0\n")
    status, _, err = run(capsys, "calibrate", tmp_path / "logits.npy", tmp_path / "labels.csv")
    assert status == 2
    assert "the heading that pandas gives" in err


def test_pickles_are_refused(capsys, tmp_path):
    np.save(tmp_path / "counts.npy", np.array([{"a": 1}], object), allow_pickle=True)
    status, _, err = run(capsys, "verify", tmp_path / "counts.npy", "--logits", Z)
    assert status == 2
    assert "it holds Python objects" in err


def program(*arguments, **options):
    """Run the command line as a program of its own."""
    command = [sys.executable, "-m", "simsoftmax", *map(str, arguments)]
    return subprocess.run(command, **{"capture_output": True, "text": True, "check": False, **options})


@pytest.mark.process
def test_the_module_runs_as_a_program():
    done = program("verify", "1,2", "--logits", "x")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "Traceback" not in done.stderr
    for arguments in (["--help"], []):
        done = program(*arguments)
        assert (done.returncode, done.stderr) == (0, "")
        assert "Commands:" in done.stdout
        assert "simulate" in done.stdout


@pytest.mark.process
@pytest.mark.parametrize("encoding", short(["ascii", "cp1252", "latin-1"]))
def test_every_stream_can_be_written(encoding, tmp_path):
    np.save(tmp_path / "logits.npy", np.repeat(np.eye(4), 5, axis=0))
    np.save(tmp_path / "labels.npy", np.tile([0, 1, 2, 3, 0], 4))
    environment = {**os.environ, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}
    for arguments in (
        ["calibrate", tmp_path / "logits.npy", tmp_path / "labels.npy"],
        ["verify", "700,200,100", "--logits", Z],
        ["verify", "1,2\N{MINUS SIGN}", "--logits", Z],
    ):
        done = program(*arguments, env=environment, text=False)
        assert done.returncode in (0, 1, 2)
        assert done.returncode == 2 or done.stdout.count(b"\n") > 4
        done.stdout.decode(encoding)
        assert b"codec" not in done.stderr


@pytest.mark.process
@pytest.mark.parametrize("unbuffered", ["", "1"])  # empty is as if it were not set
def test_a_full_disk_and_a_closed_pipe_are_no_verdicts(unbuffered):
    environment = {**os.environ, "PYTHONUNBUFFERED": unbuffered}
    if os.path.exists("/dev/full"):
        with open("/dev/full", "w") as full:
            done = program(
                "simulate",
                "--logits",
                Z,
                "-N",
                100,
                "--seed",
                1,
                env=environment,
                capture_output=False,
                stdout=full,
                stderr=-1,
            )
        assert done.returncode == 2
        assert done.stderr == "simsoftmax: error: No space left on device\n"
    for more in ([], ["--json"]):
        reads, writes = os.pipe()
        os.close(reads)
        command = ["simulate", "--logits", Z, "-N", 100, "--seed", 1, *more]
        done = program(*command, env=environment, capture_output=False, stdout=writes, stderr=-1)
        os.close(writes)  # Python ignores SIGPIPE, so the program sees an error
        assert (done.returncode, done.stderr) == (141, "")


def test_a_figure_that_fails_leaves_the_table(capsys, tmp_path, monkeypatch):
    def fail(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("matplotlib.figure.Figure.savefig", fail)
    status, out, err = run(capsys, "simulate", "--logits", Z, "--seed", 1, "--plot", tmp_path / "figure.png")
    assert status == 2
    assert "agree with softmax" in out
    assert "No space left on device" in err


def test_a_fault_of_the_program_has_a_status_of_its_own(capsys, monkeypatch):
    def fail(*_, **__):
        raise ZeroDivisionError("by zero")

    monkeypatch.setattr("simsoftmax.__main__._report", fail)
    status, _, err = run(capsys, "simulate", "--logits", Z, "-N", 100)
    assert status == 70
    assert err.startswith("simsoftmax: error: a fault of simsoftmax itself, not of your input: ZeroDivisionError")
    assert err.count("\n") == 1


@pytest.mark.process
def test_a_warning_is_a_line_for_people(tmp_path):
    np.save(tmp_path / "p.npy", np.full((4, 2), 0.5))
    np.save(tmp_path / "y.npy", [0, 1, 0, 1])
    done = program("calibrate", tmp_path / "p.npy", tmp_path / "y.npy")
    assert done.returncode == 0
    assert done.stderr.startswith("simsoftmax: note: ")
    assert done.stderr.count("\n") == 1
    assert "--probabilities" in done.stderr
