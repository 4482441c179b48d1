"""Teachers and students: small networks that learn scikit-learn's digits from labels, or from one another.

Scikit-learn's networks take labels only, and a student needs whole distributions to learn from, each at a temperature.
So here is the least that does it in NumPy. Many students are taught at once, with the same start and the same pictures
in the same order: whatever differs between them then comes from their targets.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits

from simsoftmax import softmax

Floats = NDArray[Any]
Labels = NDArray[np.int64]

CLASSES = 10
TAUGHT = 1000  # pictures that a teacher may learn from; the other 797 are for the test
TEACHER, STUDENT = 256, 16  # hidden units
STEPS, BATCH, RATE = 1500, 50, 0.01


class Split(NamedTuple):
    """Pictures as rows of 64 numbers from 0 (paper) to 1 (ink), with their digits: to learn from, and for the test."""

    pictures: Floats
    labels: Labels
    test_pictures: Floats
    test_labels: Labels


def split(rng: np.random.Generator) -> Split:
    """Deal out all 1797 digits anew."""
    pictures, labels = load_digits(return_X_y=True)
    order = rng.permutation(len(labels))
    x, y = pictures[order] / 16, labels[order].astype(np.int64)
    return Split(x[:TAUGHT], y[:TAUGHT], x[TAUGHT:], y[TAUGHT:])


def mean_pictures(given: Split) -> Floats:
    """Return the mean picture of each digit among those to learn from, (classes, 64)."""
    return np.array([given.pictures[given.labels == digit].mean(axis=0) for digit in range(CLASSES)])


def nearest_other(given: Split) -> Labels:
    """Return, for each test picture, the digit other than its own whose mean picture is nearest."""
    distances = np.square(given.test_pictures[:, None] - mean_pictures(given)).sum(axis=-1)
    distances[np.arange(len(distances)), given.test_labels] = np.inf
    return distances.argmin(axis=1)


class Network(NamedTuple):
    """Students with one hidden layer each; the first axis numbers the students."""

    inner: Floats  # (students, 64, hidden)
    inner_bias: Floats  # (students, 1, hidden)
    outer: Floats  # (students, hidden, classes)
    outer_bias: Floats  # (students, 1, classes)

    def hidden(self, pictures: Floats) -> Floats:
        """Return the activities of the hidden layer, (students, n, hidden)."""
        return np.maximum(pictures @ self.inner + self.inner_bias, 0)

    def logits(self, pictures: Floats) -> Floats:
        """Return the scores of all students, (students, n, classes)."""
        return self.hidden(pictures) @ self.outer + self.outer_bias


def one_hot(labels: Labels) -> Floats:
    """Return targets that are certain."""
    return np.eye(CLASSES)[labels]


def smoothed(labels: Labels, epsilon: float) -> Floats:
    """Return smoothed labels (Szegedy et al. 2016): 1 - epsilon + epsilon / K for the label, epsilon / K for others."""
    return (1 - epsilon) * one_hot(labels) + epsilon / CLASSES


def shuffled(targets: Floats, labels: Labels, rng: np.random.Generator) -> Floats:
    """Return targets with the shares of the other classes dealt out anew among them, picture by picture.

    Each target keeps what it says of the label, and its entropy. What it says about likeness is gone.
    """
    changed = targets.copy()
    others = np.arange(CLASSES) != labels[:, None]
    changed[others] = rng.permuted(targets[others].reshape(-1, CLASSES - 1), axis=1).ravel()
    return changed


def gradient(logits: Floats, targets: Floats, temperature: Floats | float) -> Floats:
    """Return the derivative of T^2 times the cross-entropy with respect to the student's logits.

    That of the cross-entropy of softmax(z / T) is (softmax(z / T) - target) / T. The factor T^2 keeps it from fading as
    T grows (Hinton, Vinyals and Dean 2015, section 2.1).
    """
    t = np.asarray(temperature)[..., None, None]
    z = logits / t
    weights = np.exp(z - z.max(axis=-1, keepdims=True))
    return t * (weights / weights.sum(axis=-1, keepdims=True) - targets)


def teach(
    pictures: Floats,
    targets: Floats,
    temperatures: Floats,
    *,
    hidden: int,
    rng: np.random.Generator,
    steps: int = STEPS,
) -> Network:
    """Return students that were taught side by side.

    Adam (Kingma and Ba 2015) with a step size that falls to 0 in a straight line.

    Parameters
    ----------
    pictures : ndarray, shape (n, 64)
    targets : ndarray, shape (students, n, classes)
        What each student is told of each picture; rows that sum to 1.
    temperatures : ndarray, shape (students,)
        At which each student's logits are held against its targets.
    hidden : int
        Hidden units.
    rng : numpy.random.Generator
        For the common start and the common order of the pictures.
    steps : int, optional
        Steps of training, with `BATCH` pictures each.
    """
    students, rows, inputs = len(targets), *pictures.shape

    def begin(fan_in: int, fan_out: int) -> Floats:
        start = np.sqrt(2 / fan_in) * rng.standard_normal((fan_in, fan_out))
        return np.repeat(start[None], students, axis=0)

    network = Network(
        begin(inputs, hidden),
        np.zeros((students, 1, hidden)),
        begin(hidden, CLASSES),
        np.zeros((students, 1, CLASSES)),
    )
    mean, square = ([np.zeros_like(w) for w in network] for _ in range(2))
    for step in range(1, steps + 1):
        chosen = rng.integers(rows, size=BATCH)
        x = pictures[chosen]
        h = network.hidden(x)
        slope = gradient(h @ network.outer + network.outer_bias, targets[:, chosen], temperatures) / BATCH
        back = (slope @ network.outer.swapaxes(1, 2)) * (h > 0)
        slopes = (x.T @ back, back.sum(axis=1, keepdims=True), h.swapaxes(1, 2) @ slope, slope.sum(1, keepdims=True))
        rate = RATE * (1 - step / steps) * np.sqrt(1 - 0.999**step) / (1 - 0.9**step)
        for w, g, m, v in zip(network, slopes, mean, square, strict=True):
            m += 0.1 * (g - m)
            v += 0.001 * (g * g - v)
            w -= rate * m / (np.sqrt(v) + 1e-8)
    return network


def teacher_of(pictures: Floats, labels: Labels, rng: np.random.Generator) -> Network:
    """Return a large network, taught with labels."""
    return teach(pictures, one_hot(labels)[None], np.ones(1), hidden=TEACHER, rng=rng)


def warm(logits: Floats, temperature: float) -> Floats:
    """Return what a teacher with these logits tells at a temperature."""
    return np.asarray(softmax(logits, temperature))
