"""Small networks that read digits, a world that turns away from them, and knobs to turn on their scores.

What the chapter "When one knob is not enough" needs and the simulator does not: networks trained in a moment, shifts of
their pictures, pictures of what they have never seen, and the ways to calibrate that have more than one number.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from sklearn.datasets import load_digits, load_sample_images
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier

from simsoftmax import fit_temperature, log_softmax
from simsoftmax.kernels.page import pictures as page

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]
Knobs = Callable[[Floats], Floats]  # logits, shape (n, K), to log-probabilities

SIDE = 8  # pixels of a digit's edge
TRAINED_ON = 500  # digits; the others are held out

_grey, _names = load_digits(return_X_y=True)
PICTURES: Floats = _grey / 16.0
NAMES: Labels = _names.astype(np.int64)


# --- networks and their world -----------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Reader:
    """A network with one hidden layer, max(0, x A + a) B + b, and the rows that it was not trained on."""

    first: Floats
    first_bias: Floats
    second: Floats
    second_bias: Floats
    rest: Labels

    def __call__(self, pictures: Floats) -> Floats:
        """Return the logits of pictures, shape (n, 64)."""
        return np.maximum(pictures @ self.first + self.first_bias, 0) @ self.second + self.second_bias


def train(seed: int, *, without: int | None = None) -> Reader:
    """Return a network trained on 500 digits of its own, perhaps without one of the ten.

    With a digit left out the network has nine levels, those above it one lower; `level` translates.
    """
    rng = np.random.default_rng(seed if without is None else [seed, without])
    order = rng.permutation(len(NAMES))
    order = order[NAMES[order] != without]
    network = MLPClassifier(
        (64,),
        alpha=0,
        learning_rate_init=0.01,
        batch_size=100,
        max_iter=60,
        tol=0,
        n_iter_no_change=10**6,
        random_state=int(rng.integers(2**31)),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # it stops where it is told to
        network.fit(PICTURES[order[:TRAINED_ON]], level(order[:TRAINED_ON], without))
    (first, second), (first_bias, second_bias) = network.coefs_, network.intercepts_
    return Reader(first, first_bias, second, second_bias, order[TRAINED_ON:])


def level(rows: Labels, without: int | None = None) -> Labels:
    """Return the levels that stand for the digits of rows, where one digit has none."""
    names = NAMES[rows]
    return names if without is None else names - (names > without)


def turned(pictures: Floats, degrees: float) -> Floats:
    """Return pictures turned counter-clockwise."""
    out = np.empty(pictures.size)
    page.turn(np.ascontiguousarray(pictures).reshape(-1), SIDE, float(degrees), out)
    return out.reshape(pictures.shape)


def noisy(pictures: Floats, strength: float, rng: np.random.Generator) -> Floats:
    """Return pictures with normal noise; white is 0 and black is 1."""
    return pictures + strength * rng.standard_normal(pictures.shape)


def photographs(count: int, rng: np.random.Generator) -> Floats:
    """Return pieces of two photographs, a temple and a flower, in the size and the greys of a digit."""
    out = np.empty((count, SIDE * SIDE))
    images = [image.mean(axis=2) for image in load_sample_images().images]
    wide = 8 * SIDE
    for piece in out:
        image = images[rng.integers(len(images))]
        row, column = (int(rng.integers(size - wide)) for size in image.shape)
        small = image[row : row + wide, column : column + wide].reshape(SIDE, 8, SIDE, 8).mean(axis=(1, 3)).reshape(-1)
        piece[:] = (small - small.min()) / max(1.0, float(np.ptp(small)))
    return out


# --- knobs ------------------------------------------------------------------------------------------------------------
#
# What more than one number does to the scores depends on a constant that softmax forgets, so each row's mean is taken
# off first; and on their scale, so they are divided by the fitted temperature first.


def one_temperature(logits: Floats, labels: Labels) -> Knobs:
    """Fit softmax(z / T): one number."""
    t = fit_temperature(logits, labels).temperature
    return lambda z: np.asarray(log_softmax(z, t))


def one_for_each_answer(logits: Floats, labels: Labels) -> Knobs:
    """Fit a temperature of its own to the rows of each answer, where it lies between 0 and infinity: K numbers."""
    t = np.full(logits.shape[1], fit_temperature(logits, labels).temperature)
    answers = logits.argmax(axis=1)
    for k in np.unique(answers):
        own = answers == k
        fit = fit_temperature(logits[own], labels[own])
        if fit.status == "interior":
            t[k] = fit.temperature
    return lambda z: np.asarray(log_softmax(z / t[z.argmax(axis=1)][:, None]))


def vector_scaling(logits: Floats, labels: Labels) -> Knobs:
    """Fit softmax(w * z + b): 2 K numbers, by the likelihood alone (Guo, Pleiss, Sun and Weinberger 2017)."""
    prepare = _prepared(logits, labels)
    z, levels = prepare(logits), logits.shape[1]
    happened = np.eye(levels)[labels]

    def loss(knobs: Floats) -> tuple[float, Floats]:
        log_p = np.asarray(log_softmax(z * knobs[:levels] + knobs[levels:]))
        excess = np.exp(log_p) - happened
        slope = np.r_[(excess * z).mean(axis=0), excess.mean(axis=0)]
        return -float((log_p * happened).sum(axis=1).mean()), slope

    start = np.r_[np.ones(levels), np.zeros(levels)]
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 300}).x
    return lambda z: np.asarray(log_softmax(prepare(z) * found[:levels] + found[levels:]))


def matrix_scaling(logits: Floats, labels: Labels, *, C: float = 1.0) -> Knobs:
    """Fit softmax(W z + b), held back by |W|^2 / 2C: K^2 + K numbers, scikit-learn's regression on scores."""
    prepare = _prepared(logits, labels)
    model = LogisticRegression(C=C, max_iter=600).fit(prepare(logits), labels)

    def log_probabilities(z: Floats) -> Floats:
        out = np.full(z.shape, -np.inf)  # of a level that it has not seen
        out[:, model.classes_] = model.predict_log_proba(prepare(z))
        return out

    return log_probabilities


def _prepared(logits: Floats, labels: Labels) -> Callable[[Any], Floats]:
    t = fit_temperature(logits, labels).temperature
    return lambda z: (z - z.mean(axis=1, keepdims=True)) / t
