import itertools
import json

import numpy as np
import pytest
from short import short
from test_command_line import run

import simsoftmax as ss

Z = "2,1,0.1"


@pytest.fixture
def logits(tmp_path):
    """Return the name of a file of logits, and what it holds."""
    z = np.random.default_rng(3).normal(0.0, 2.0, (3000, 40)).astype(np.float32)
    np.save(tmp_path / "logits.npy", z)
    return tmp_path / "logits.npy", z


@pytest.mark.parametrize(
    ("options", "pipeline"),
    [
        (["-T", 0.7], ss.Pipeline.of(0.7)),
        (["--top-k", 5, "--top-p", 0.9], ss.Pipeline.of(1.0, top_k=5, top_p=0.9)),
        (["-T", 2, "--min-p", 0.1, "--order", "temperature-last"],
         ss.Pipeline.of(2.0, min_p=0.1, order="temperature-last")),
        (["-T", 2, "--typical-p", 0.9, "--order", "transformers"], ss.Pipeline.transformers(2.0, typical_p=0.9)),
        (["-T", 2, "--top-p", 0.9, "--min-p", 0.1, "--order", "vllm"], ss.Pipeline.vllm(2.0, top_p=0.9, min_p=0.1)),
        (["-T", 2, "--top-k", 9, "--order", "llama.cpp"], ss.Pipeline.llama_cpp(2.0, top_k=9)),
    ],
)  # fmt: skip
def test_options_are_the_pipeline_that_they_say(options, pipeline, logits, capsys):
    path, z = logits
    status, out, err = run(capsys, "sample", "--logits", path, "--seed", 1, *options)
    assert (status, err) == (0, "")
    assert [int(line) for line in out.splitlines()] == pipeline.sample(z, rng=1).tolist()
    content = json.loads(run(capsys, "sample", "--logits", path, "--seed", 1, "--json", *options)[1])
    assert content == {"draws": pipeline.sample(z, rng=1).tolist(), "pipeline": str(pipeline)}


def test_a_row_has_draws_of_its_own_in_a_line_of_its_own(logits, capsys):
    path, z = logits
    out = run(capsys, "sample", "--logits", path, "--seed", 1, "--size", 3)[1]
    assert [list(map(int, line.split(","))) for line in out.splitlines()] == ss.sample(z, size=3, rng=1).tolist()
    assert run(capsys, "sample", "--logits", Z, "-T", 0)[1] == "0\n"
    assert run(capsys, "sample", "--logits", Z, "-T", 0, "--size", 2)[1] == "0\n0\n"
    assert json.loads(run(capsys, "sample", "--logits", Z, "-T", 0, "--json")[1])["draws"] == [0]


@pytest.mark.parametrize(
    ("kind", "size"),
    short(itertools.product(["csv", "json", "npy"], [1, 2]), ("csv", 1), ("json", 2), ("npy", 1)),
)
def test_what_was_sampled_is_verified(kind, size, logits, capsys, tmp_path):
    path, z = logits
    options = ["--logits", path, "-T", 0.7, "--top-k", 20]
    file = tmp_path / f"draws.{kind}"
    out = run(capsys, "sample", *options, "--seed", 4, "--size", size, *["--json"] * (kind == "json"))[1]
    if kind == "npy":
        np.save(file, ss.sample(z, 0.7, top_k=20, size=size, rng=4))
    else:
        file.write_text(out)
    status, out, err = run(capsys, "verify", "--draws", file, *options)
    assert (status, err) == (0, "")
    same = ss.verify_draws(
        ss.sample(z, 0.7, top_k=20, size=size, rng=4), z, pipeline=ss.Pipeline.of(0.7, top_k=20)
    )  # fmt: skip
    assert str(same) in out
    assert "rank mass up to" in out
    for wrong in (["-T", 0.8], ["--top-k", 10], ["--order", "temperature-last", "-T", 0.3]):
        assert run(capsys, "verify", "--draws", file, *options, *wrong)[0] == 1
    status, out, _ = run(capsys, "verify", "--draws", file, *options, "--json", "--false-alarm", 1e-4)
    content = json.loads(out)
    assert status == 0
    assert content["verdict"]["rank_counts"] == list(same.rank_counts)
    assert content["verdict"]["p_value"] == same.p_value
    assert content["verdict"]["false_alarm"] == 1e-4
    assert content["pipeline"] == str(ss.Pipeline.of(0.7, top_k=20))


def test_a_mistake_is_named(logits, capsys, tmp_path):
    path, z = logits
    usual = ss.Pipeline.of(0.7)
    for name, temperature in (("right", 0.7), ("temperature twice", 0.49)):
        draws = ss.sample(z, temperature, rng=2)
        np.savetxt(tmp_path / "draws.csv", draws, fmt="%d")
        options = ["--draws", tmp_path / "draws.csv", "--logits", path, "-T", 0.7]
        same = ss.diagnose(draws, z, pipeline=usual)
        status, out, err = run(capsys, "diagnose", *options)
        assert (status, err) == (0, "")
        assert str(same) in out
        assert same.table in out
        status, out, _ = run(capsys, "diagnose", *options, "--json", "--plot", tmp_path / "figure.png")
        content = json.loads(out)
        assert status == 0
        assert content["best"] == same.best
        assert name in (content["best"], *content["tied"])
        assert [each["name"] for each in content["ranking"]] == [each for each, _ in same.ranking]
        assert content["sentence"] == str(same)
    assert (tmp_path / "figure.png").stat().st_size > 1000


@pytest.mark.parametrize("suffix", ["png", "svg"])
def test_figures_are_saved(suffix, logits, capsys, tmp_path):
    path, z = logits
    np.save(tmp_path / "draws.npy", ss.sample(z, 0.7, rng=1))
    common = ["--logits", path, "-T", 0.7, "--plot"]
    assert run(capsys, "verify", "--draws", tmp_path / "draws.npy", *common, tmp_path / f"one.{suffix}")[0] == 0
    assert run(capsys, "sample", *common, tmp_path / f"two.{suffix}")[0] == 0
    for name in ("one", "two"):
        assert (tmp_path / f"{name}.{suffix}").stat().st_size > 1000


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["sample"], "Missing option '--logits'"),
        (["sample", "--logits", "2,x"], "logits must be numbers separated by commas"),
        (["sample", "--logits", Z, "--top-k", 0], "top_k must be from 1 to"),
        (["sample", "--logits", Z, "--top-p", 1.5], "top_p must be above 0 and at most 1, got 1.5"),
        (["sample", "--logits", Z, "--order", "random"], "'random' is not one of"),
        (["sample", "--logits", Z, "--order", "vllm", "--typical-p", 0.5], "typical_p must be left out with the order"),
        (["sample", "--logits", Z, "--seed", -1], "rng must be a seed"),
        (["sample", "--logits", Z, "--plot", "figure.gif"], "plot must be a file ending in"),
        (["verify", "--logits", Z], "verify must be given either COUNTS or --draws; pass one of them"),
        (["verify", "1,2,3", "--draws", "0,1", "--logits", Z], "verify must be given either COUNTS or --draws"),
        (["verify", "1,2,3", "--logits", Z, "--top-k", 2], "top_k must be left out with COUNTS, got 2; pass the draws"),
        (["verify", "1,2,3", "--logits", Z, "--order", "vllm"], "order must be left out with COUNTS, got 'vllm'"),
        (["verify", "--draws", "0,3", "--logits", Z], "draws must be from 0 to 2 for logits with 3 levels, got 3"),
        (["verify", "--draws", "0.5,1", "--logits", Z], "draws must be whole numbers"),
        (["diagnose", "--logits", Z], "Missing option '--draws'"),
        (["diagnose", "--draws", "0,3", "--logits", Z], "draws must be from 0 to 2 for logits with 3 levels, got 3"),
        (["diagnose", "--draws", "0,1", "--logits", Z, "--top-k", 0], "top_k must be from 1 to"),
        (["verify", "--draws", "none.csv", "--logits", Z], "No such file or directory"),
    ],
)
def test_mistakes_are_one_line_and_status_two(arguments, says, capsys):
    status, out, err = run(capsys, *arguments)
    assert (status, out) == (2, "")
    assert says in err
    assert err.count("\n") == 1
    assert err.startswith("simsoftmax: error: ")
