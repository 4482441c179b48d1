import json
import subprocess
import sys

import numpy as np
import pytest

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
        ([], None),
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
    if says is None:  # no command at all: the help
        assert "Commands:" in out + err
        return
    assert status == 2
    assert says in err
    assert err.count("\n") == 1
    assert err.startswith("simsoftmax: error: ")
    assert out == ""


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("counts.csv", "a,b\n1,x\n", "does not hold a regular array of numbers"),
        ("counts.csv", "", "does not hold a regular array of numbers"),
        ("counts.csv", "x,y\n1,2\n3,4\n", "does not hold a regular array of numbers"),
        ("counts.json", "{", "does not hold a regular array of numbers"),
        ("counts.json", '{"other": [1]}', "does not hold a regular array of numbers"),
        ("counts.json", "[[1], [2, 3]]", "does not hold a regular array of numbers"),
        ("counts.json", '["a"]', "does not hold a regular array of numbers"),
        ("counts.npy", "rubbish", "it is no array of numbers"),
    ],
)
def test_bad_files_are_named(name, content, says, capsys, tmp_path):
    (tmp_path / name).write_text(content)
    status, _, err = run(capsys, "verify", tmp_path / name, "--logits", Z)
    assert status == 2
    assert says in err


def test_pickles_are_refused(capsys, tmp_path):
    np.save(tmp_path / "counts.npy", np.array([{"a": 1}], object), allow_pickle=True)
    status, _, err = run(capsys, "verify", tmp_path / "counts.npy", "--logits", Z)
    assert status == 2
    assert "it holds Python objects" in err


def test_the_module_runs_as_a_program():
    command = [sys.executable, "-m", "simsoftmax"]
    done = subprocess.run([*command, "verify", "1,2", "--logits", "x"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "Traceback" not in done.stderr
    done = subprocess.run([*command, "--help"], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert "simulate" in done.stdout
