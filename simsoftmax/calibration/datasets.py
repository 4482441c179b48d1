"""Logits of real classifiers, with the labels that they should have found.

`load_digits_logits` needs no network: it trains a small network on the digits that come with scikit-learn.
`fetch_cifar_logits` downloads the outputs of two networks that were trained on CIFAR, once, and checks them by their
SHA-256. Both keep their files in the user's cache folder; the environment variable ``SIMSOFTMAX_DATA`` or the argument
``cache`` names another.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..files import atomic_writer, read_npz
from ..kernels.cache import user_folder
from ..results import Result
from .fit import logits_from_probabilities

__all__ = ["CIFAR", "LabelledLogits", "fetch_cifar_logits", "load_digits_logits", "load_digits_pictures"]

_CIFAR_SOURCE = "EFS-OpenSource/calibration-framework"
_CIFAR_ADDRESS = (
    f"https://raw.githubusercontent.com/{_CIFAR_SOURCE}/2a3db8d7cb2a557f3b563c98ce00954f43dfe927/"
    "examples/classification/records"
)

# Each network's folder there, and the SHA-256 of its file.
CIFAR = {
    "wideresnet-16-4-cifar-10": ("cifar10", "ce2bafe1fa22e8da7b132cb45556b5d154bd50bbec5d91913bba2e04fbd76182"),
    "densenet-bc-100-cifar-100": ("cifar100", "6b8c33de93bdf1ae7de335f485c73c9f7198b359f85de6b1f21066a7e7c6379e"),
}

# The recipe of the digits' network: changing it makes a new file in the cache.
_DIGITS: dict[str, Any] = {
    "training_rows": 300,
    "noise": 0.4,
    "seed": 0,
    "hidden_layer_sizes": (512,),
    "alpha": 0.0,
    "learning_rate_init": 0.01,
    "batch_size": 100,
    "max_iter": 60,
}

_MOST_BYTES = 1_000_000  # of the digits' file, which takes 133 kB


@dataclass(frozen=True, eq=False)
class LabelledLogits(Result):
    """Held-out logits and what was true.

    Attributes
    ----------
    logits : ndarray, shape (n, K)
    labels : ndarray of int64, shape (n,)
    name : str
    description : str
        Where they come from, in one sentence.
    """

    logits: NDArray[Any]
    labels: NDArray[np.int64]
    name: str
    description: str

    @property
    def accuracy(self) -> float:
        """Share of rows whose largest logit is the label's."""
        return float((self.logits.argmax(axis=1) == self.labels).mean())

    def __str__(self) -> str:
        rows, levels = self.logits.shape
        return f"{self.name}: {rows} rows of {levels} logits, {100 * self.accuracy:.1f} % right; {self.description}"


def _folder(cache: str | os.PathLike[str] | None) -> Path | None:
    """Return the folder of the files, or None if none is named and the user has none."""
    named = cache or os.environ.get("SIMSOFTMAX_DATA")
    return Path(named) if named else user_folder()


def load_digits_logits(*, cache: str | os.PathLike[str] | None = None) -> LabelledLogits:
    """Return the logits of a network that learned noisy digits by heart and is far too sure of itself.

    A wide network with one hidden layer is trained on 300 of scikit-learn's 1797 handwritten digits, to which normal
    noise of standard deviation 0.4 (white is 0, black is 1) was added, for 60 epochs: several times as long as it takes
    to make no error on them. The other 1497 digits, with noise of the same kind, give the logits. This takes a few
    seconds the first time; then the result is read from the cache. Where the cache cannot be written, it is made anew
    every time.

    Parameters
    ----------
    cache : path, optional
        Folder of the cache.

    Returns
    -------
    LabelledLogits
        1497 rows of 10 logits, float64. The digits of the last places may depend on the processor.

    See Also
    --------
    fit_temperature : The temperature that makes a classifier honest.
    calibration.datasets.load_digits_pictures : The pictures behind them.
    calibration.datasets.fetch_cifar_logits : Logits of networks that others trained.
    """
    import sklearn

    recipe = f"{sorted(_DIGITS.items())} scikit-learn {sklearn.__version__}"
    folder = _folder(cache)
    path = folder and folder / f"digits-{hashlib.sha256(recipe.encode()).hexdigest()[:16]}.npz"
    found = _read_digits(path) if path else None
    if found is None:
        found = _train_digits()
        if path:
            _store(path, *found)
    return LabelledLogits(*found, "digits", "a network trained long past its last error on 300 noisy digits")


def _read_digits(path: Path) -> tuple[NDArray[np.float64], NDArray[np.int64]] | None:
    """Return what `_store` wrote, or None where that is not what lies there, whatever else does."""
    try:
        if path.stat().st_size > _MOST_BYTES:
            return None
        stored = read_npz(path, what="the digits")
        logits, labels, mark = stored["logits"], stored["labels"], stored["mark"]
        return (logits, labels) if mark.shape == () and mark.item() == _mark(logits, labels) else None
    except (OSError, ValueError, KeyError):  # not there, or not whole: it is made again
        return None


def _mark(logits: NDArray[Any], labels: NDArray[Any]) -> str:
    """Return what tells these arrays, their types and their shapes from all others."""
    digest = hashlib.sha256(b"simsoftmax digits")
    for array in (logits, labels):
        digest.update(f"{array.dtype.str} {array.shape}".encode() + np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def load_digits_pictures() -> NDArray[np.float64]:
    """Return the noisy pictures that the network of `load_digits_logits` saw, row by row as the logits.

    Returns
    -------
    ndarray, shape (1497, 64)
        Pictures of 8 x 8 pixels: white is 0 and black 1, and with the noise some are beyond.

    See Also
    --------
    calibration.datasets.load_digits_logits : Logits of a network that is too sure.
    sklearn.datasets.load_digits : The digits themselves.
    """
    return _noisy_digits()[0][_DIGITS["training_rows"] :]


def _noisy_digits() -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    from sklearn.datasets import load_digits

    rng = np.random.default_rng(_DIGITS["seed"])
    pictures, digits = load_digits(return_X_y=True)
    order = rng.permutation(len(digits))
    noisy = (pictures / 16 + _DIGITS["noise"] * rng.standard_normal(pictures.shape))[order]
    return noisy, digits[order].astype(np.int64)


def _train_digits() -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    import warnings

    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPClassifier
    from threadpoolctl import threadpool_limits

    recipe = dict(_DIGITS)
    rows, _, seed = (recipe.pop(key) for key in ("training_rows", "noise", "seed"))
    pictures, labels = _noisy_digits()
    network = MLPClassifier(random_state=seed, tol=0.0, n_iter_no_change=10**6, **recipe)
    # One thread: such small matrices are multiplied faster by one, and always in the same order.
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # it stops where the recipe says
        network.fit(pictures[:rows], labels[:rows])
        (first, second), (bias1, bias2) = network.coefs_, network.intercepts_
        logits = np.maximum(pictures[rows:] @ first + bias1, 0) @ second + bias2
    return logits, labels[rows:]


def _store(path: Path, logits: NDArray[Any], labels: NDArray[Any]) -> None:
    """Write the file whole or not at all; a cache is a convenience."""
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_writer(path) as file:
            np.savez(file, logits=logits, labels=labels, mark=_mark(logits, labels))


def fetch_cifar_logits(
    name: str = "densenet-bc-100-cifar-100", *, cache: str | os.PathLike[str] | None = None
) -> LabelledLogits:
    """Return the logits of a network trained on CIFAR, for 10,000 test pictures.

    The files hold softmax outputs, whose logarithms are the logits up to a constant in every row. They belong to the
    examples of the netcal calibration framework (Kuppers et al. 2020; Apache License 2.0).

    Parameters
    ----------
    name : str, optional
        "densenet-bc-100-cifar-100" (100 levels) or "wideresnet-16-4-cifar-10" (10 levels).
    cache : path, optional
        Folder where the file is kept, or where a copy lies already.

    Returns
    -------
    LabelledLogits

    Raises
    ------
    ValueError
        If there is no such network.
    ConnectionError
        If the file is not in the cache and cannot be downloaded; the message says where to put it by hand.

    See Also
    --------
    calibration.datasets.load_digits_logits : Logits of a network that is too sure.
    """
    if name not in CIFAR:
        raise ValueError(f"name must be one of {', '.join(sorted(CIFAR))}, got {name!r}")
    import pooch

    folder, file = _folder(cache), f"{name}.npz"
    if folder is None:
        raise ConnectionError(
            "there is no home folder to keep the file in; name a folder in the argument cache or in SIMSOFTMAX_DATA"
        )
    record, checksum = CIFAR[name]
    address = f"{_CIFAR_ADDRESS}/{record}/{file}"
    try:
        path = pooch.retrieve(address, known_hash=f"sha256:{checksum}", fname=file, path=folder)
    except OSError as error:  # every failure of requests is one
        raise ConnectionError(
            f"{file} is not in {folder} and could not be downloaded; fetch {address} on a machine that can, put it "
            "into that folder or name its folder in SIMSOFTMAX_DATA, or use load_digits_logits(), which needs none"
        ) from error
    with np.load(path) as stored:
        probabilities, labels = stored["predictions"], stored["ground_truth"]
    logits = logits_from_probabilities(probabilities)
    return LabelledLogits(logits, labels.reshape(-1).astype(np.int64), name, f"from {_CIFAR_SOURCE}")
