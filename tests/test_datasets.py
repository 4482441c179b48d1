"""The data sets: made once, checked by sum, and clear about what is missing."""

import numpy as np
import pytest

from simsoftmax import datasets, expected_calibration_error, fit_temperature, softmax


def test_digits_are_made_once_and_overconfident(tmp_path, monkeypatch):
    made = datasets.load_digits_logits(cache=tmp_path)
    assert len(list(tmp_path.iterdir())) == 1
    monkeypatch.setattr(datasets, "_train_digits", None)  # a second training would fail
    again = datasets.load_digits_logits(cache=tmp_path)
    np.testing.assert_array_equal(made.logits, again.logits)
    monkeypatch.setenv("SIMSOFTMAX_DATA", str(tmp_path))
    np.testing.assert_array_equal(made.labels, datasets.load_digits_logits().labels)
    assert made.logits.shape == (1497, 10)
    assert made.accuracy > 0.6
    assert "1497 rows of 10 logits" in str(made)
    fit = fit_temperature(made.logits[:700], made.labels[:700])
    rest, labels = made.logits[700:], made.labels[700:]
    assert fit.low > 1.5
    before = expected_calibration_error(softmax(rest), labels)
    assert before > 0.1
    assert expected_calibration_error(softmax(rest, fit.temperature), labels) < before / 2


def test_a_broken_or_forbidden_cache_is_no_obstacle(tmp_path, monkeypatch):
    logits, labels = np.eye(3), np.arange(3)
    monkeypatch.setattr(datasets, "_train_digits", lambda: (logits, labels))
    datasets.load_digits_logits(cache=tmp_path)
    (file,) = tmp_path.iterdir()
    file.write_bytes(b"half a file")
    assert datasets.load_digits_logits(cache=tmp_path).accuracy == 1
    assert np.load(file)["labels"].tolist() == [0, 1, 2]
    nowhere = tmp_path / "file"
    nowhere.write_text("")
    assert datasets.load_digits_logits(cache=nowhere / "sub").accuracy == 1


def test_without_a_network_the_error_says_what_to_do(tmp_path, monkeypatch):
    import pooch

    def offline(*_, **__):
        raise OSError("no route to host")

    monkeypatch.setattr(pooch, "retrieve", offline)
    with pytest.raises(ConnectionError, match=r"fetch https://raw\.githubusercontent\.com/\S+/cifar100/densenet\S+"):
        datasets.fetch_cifar_logits(cache=tmp_path)
    with pytest.raises(ValueError, match="name must be one of"):
        datasets.fetch_cifar_logits("resnet")


@pytest.mark.parametrize("name", datasets.CIFAR)
def test_cifar_where_it_was_fetched(name):
    """Runs where the file is in the cache already, for tests use no network."""
    file = datasets._folder(None) / f"{name}.npz"
    if not file.exists():
        pytest.skip(f"{file.name} is not in the cache: fetch_cifar_logits({name!r}) puts it there")
    data = datasets.fetch_cifar_logits(name)
    assert data.logits.shape == (10_000, 10 if name.endswith("-10") else 100)
    fit = fit_temperature(data.logits, data.labels)
    assert fit.low > 1.5  # overconfident, both
    assert fit.nll_after < fit.nll_before - 0.05
