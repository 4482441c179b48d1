"""The data sets: made once, checked by sum, and clear about what is missing."""

import io
import pickle

import numpy as np
import pytest

from simsoftmax import expected_calibration_error, fit_temperature, softmax
from simsoftmax.calibration import datasets


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


def damage(content):
    """Return every kind of thing that may lie where the digits should."""
    middle = len(content) // 2
    archive = io.BytesIO()
    np.savez(archive, logits=np.zeros((3, 3)), labels=np.arange(3), mark="0" * 64)
    foreign = io.BytesIO()
    np.savez(foreign, logits=np.eye(4), labels=np.arange(4))
    packed = io.BytesIO()
    np.savez_compressed(packed, logits=np.zeros((1000, 1000)), labels=np.arange(3), mark="0" * 64)
    array = io.BytesIO()
    np.save(array, np.eye(3))
    yield from (
        b"",
        b"half a file",
        content[:middle],
        content[middle:],
        b"PK\5\6" + bytes(18),
        b"\x93NUMPY",
        b"(" * 9999,
    )
    yield from (other.getvalue() for other in (archive, foreign, packed, array))
    yield pickle.dumps(np.eye(3))
    yield content + bytes(10**7)
    for place in range(0, len(content), max(1, len(content) // 150)):
        yield content[:place] + bytes([content[place] ^ 255]) + content[place + 1 :]


def test_whatever_lies_in_the_cache_is_made_again_or_right(tmp_path, monkeypatch):
    """Damage is never an error and never an answer."""
    logits, labels = np.eye(3) + 0.1, np.arange(3)
    made = []
    monkeypatch.setattr(datasets, "_train_digits", lambda: made.append(1) or (logits, labels))
    datasets.load_digits_logits(cache=tmp_path)
    (file,) = tmp_path.iterdir()
    whole = file.read_bytes()
    healed = 0
    for other in damage(whole):
        file.write_bytes(other)
        before = len(made)
        for _ in range(2):
            found = datasets.load_digits_logits(cache=tmp_path)
            np.testing.assert_array_equal(found.logits, logits)
            np.testing.assert_array_equal(found.labels, labels)
        assert len(made) <= before + 1  # what was made again is kept
        healed += len(made) - before
        assert list(tmp_path.iterdir()) == [file]
    assert healed > 100


def test_where_nothing_can_be_kept_the_digits_are_made_every_time(tmp_path, monkeypatch):
    monkeypatch.setattr(datasets, "_train_digits", lambda: (np.eye(3), np.arange(3)))
    nowhere = tmp_path / "file"
    nowhere.write_text("")
    assert datasets.load_digits_logits(cache=nowhere / "sub").accuracy == 1
    monkeypatch.delenv("SIMSOFTMAX_DATA", raising=False)
    monkeypatch.setattr(datasets, "user_folder", lambda: None)  # no home
    assert datasets.load_digits_logits().accuracy == 1
    with pytest.raises(ConnectionError, match="name a folder in the argument cache or in SIMSOFTMAX_DATA"):
        datasets.fetch_cifar_logits()

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(datasets.np, "savez", full)
    assert datasets.load_digits_logits(cache=tmp_path).accuracy == 1
    assert list(tmp_path.iterdir()) == [nowhere]


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
    folder = datasets._folder(None)
    if folder is None or not (folder / f"{name}.npz").exists():
        pytest.skip(f"{name}.npz is not in the cache: fetch_cifar_logits({name!r}) puts it there")
    data = datasets.fetch_cifar_logits(name)
    assert data.logits.shape == (10_000, 10 if name.endswith("-10") else 100)
    fit = fit_temperature(data.logits, data.labels)
    assert fit.low > 1.5  # overconfident, both
    assert fit.nll_after < fit.nll_before - 0.05


def test_pictures_belong_to_their_rows(tmp_path):
    """The nearest mean picture names most labels, and hardly any of those of the next row."""
    data, pictures = datasets.load_digits_logits(cache=tmp_path), datasets.load_digits_pictures()
    assert pictures.shape == (len(data.labels), 64)
    means = np.array([pictures[data.labels == k].mean(axis=0) for k in range(10)])
    named = ((pictures[:, None] - means) ** 2).sum(axis=2).argmin(axis=1)
    assert (named == data.labels).mean() > 0.7
    assert (named == np.roll(data.labels, 1)).mean() < 0.2
