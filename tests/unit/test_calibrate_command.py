"""The command `calibrate` and its figure."""

import json

import matplotlib

matplotlib.use("agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest

from simsoftmax import expected_calibration_error, fit_temperature, plot_reliability, reliability_diagram, softmax
from simsoftmax.__main__ import main
from simsoftmax.plotting import temperature_color


@pytest.fixture(autouse=True)
def _close():
    yield
    plt.close("all")


@pytest.fixture
def files(rng, tmp_path):
    logits = (4 * rng.standard_normal((800, 6))).astype(np.float32)
    labels = (logits / 2 + rng.gumbel(size=logits.shape)).argmax(axis=1)
    np.save(tmp_path / "logits.npy", logits)
    np.save(tmp_path / "labels.npy", labels)
    return tmp_path, logits, labels


def run(capsys, *arguments):
    with pytest.raises(SystemExit) as stop:
        main(["calibrate", *map(str, arguments)])
    out, err = capsys.readouterr()
    return stop.value.code, out, err


def test_it_prints_what_python_returns(files, capsys):
    folder, logits, labels = files
    fit = fit_temperature(logits, labels)
    status, out, err = run(capsys, folder / "logits.npy", folder / "labels.npy", "--json")
    assert (status, err) == (0, "")
    content = json.loads(out)
    assert content["temperature"] == fit.temperature
    assert (content["low"], content["high"]) == (fit.low, fit.high)
    p = softmax(logits.astype(np.float64), fit.temperature)
    assert content["error_after"] == pytest.approx(expected_calibration_error(p, labels))
    assert content["error_before"] > content["error_after"]
    status, out, _ = run(capsys, folder / "logits.npy", folder / "labels.npy")
    assert status == 0
    assert str(fit) in out
    assert f"{fit.nll_after:.4f}" in out


def test_it_reads_text_and_probabilities(files, capsys):
    folder, logits, labels = files
    np.savetxt(folder / "logits.csv", logits, delimiter=",", fmt="%.9g")
    np.savetxt(folder / "labels.csv", labels, fmt="%d")
    np.save(folder / "p.npy", softmax(logits.astype(np.float64)))
    t = fit_temperature(logits.astype(np.float64), labels).temperature
    for arguments in (("logits.csv", "labels.csv"), ("p.npy", "labels.csv", "--probabilities")):
        paths = [folder / a if "." in a else a for a in arguments]
        status, out, _ = run(capsys, *paths, "--json")
        assert status == 0
        assert json.loads(out)["temperature"] == pytest.approx(t, rel=1e-6)


def test_ends_are_said_in_words(files, capsys):
    folder, logits, _ = files
    np.save(folder / "labels.npy", logits.argmax(axis=1))
    status, out, _ = run(capsys, folder / "logits.npy", folder / "labels.npy", "--json")
    assert status == 0
    assert json.loads(out)["status"] == "zero"
    np.save(folder / "logits.npy", np.zeros((800, 6)))
    status, out, _ = run(capsys, folder / "logits.npy", folder / "labels.npy")
    assert status == 0
    assert "No temperature can be fitted" in out


@pytest.mark.parametrize(
    ("logits", "labels", "options", "message"),
    [
        ("missing.npy", "labels.npy", (), "missing.npy"),
        ("logits.npy", "short.npy", (), "one level for each of the 800 rows"),
        ("logits.npy", "logits.npy", (), "labels must"),
        ("logits.txt", "labels.npy", (), "must come from a file ending in"),
        ("logits.npy", "labels.npy", ("--probabilities",), "must lie between 0 and 1"),
        ("logits.npy", "labels.npy", ("--plot", "figure.doc"), "plot must be a file ending in"),
        ("logits.npy", "labels.npy", ("--confidence-level", "95"), "confidence_level must lie strictly"),
    ],
)
def test_mistakes_are_one_line_and_status_2(files, capsys, logits, labels, options, message):
    folder, _, truth = files
    np.save(folder / "short.npy", truth[:10])
    status, out, err = run(capsys, folder / logits, folder / labels, *options)
    assert (status, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1


def test_the_figure_shows_the_table(files, capsys):
    folder, logits, labels = files
    status, _, _ = run(capsys, folder / "logits.npy", folder / "labels.npy", "--plot", folder / "figure.svg")
    assert status == 0
    assert (folder / "figure.svg").read_text().startswith("<?xml")
    before = reliability_diagram(softmax(logits), labels)
    after = reliability_diagram(softmax(logits, 2.0), labels)
    ax = plot_reliability(before, after=after, temperatures=(1, 2))
    dots = [c for c in ax.collections if len(c.get_offsets()) > 1]
    for drawn, table, t in zip(dots, (before, after), (1, 2), strict=True):
        full = table.count > 0
        np.testing.assert_allclose(
            drawn.get_offsets(), np.stack([table.confidence[full], table.accuracy[full]], axis=1)
        )
        np.testing.assert_allclose(drawn.get_facecolor()[0], temperature_color(t))
    legend = [text.get_text() for text in ax.get_legend().get_texts()]
    assert legend[1] == f"after, T = 2: error {100 * after.expected_calibration_error:.1f} %"
    alone = plot_reliability(before, ax=plt.subplots()[1])
    assert alone.get_legend().get_texts()[0].get_text().startswith("T = 1: error")
    with pytest.raises(TypeError, match="reliability_diagram"):
        plot_reliability(softmax(logits))
