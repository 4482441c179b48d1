"""The helpers of the chapter on one knob and many: networks without a digit, shifts, and richer maps of the scores."""

import sys
from pathlib import Path

import numpy as np
import pytest

import simsoftmax as ss

sys.path.insert(0, str(Path(__file__).parents[2] / "book"))

import knobs

KINDS = [knobs.one_temperature, knobs.one_for_each_answer, knobs.vector_scaling, knobs.matrix_scaling]


def rows(rng, count=2000, levels=4):
    """Return scores that want a scale and a bias of their own for each level, and labels."""
    z = 3 * rng.normal(size=(count, levels))
    w, b = np.linspace(0.3, 0.9, levels), np.linspace(-1, 1, levels)
    true = (z - z.mean(axis=1, keepdims=True)) * w + b
    return z, (true + rng.gumbel(size=z.shape)).argmax(axis=1), np.asarray(ss.log_softmax(true))


def loss(log_p, labels):
    return -log_p[np.arange(len(labels)), labels].mean()


@pytest.mark.parametrize("fit", KINDS)
def test_all_knobs_give_probabilities_and_forget_what_softmax_forgets(rng, fit):
    z, labels, _ = rows(rng)
    log_p = fit(z[:1000], labels[:1000])(z[1000:])
    np.testing.assert_allclose(np.exp(log_p).sum(axis=1), 1, rtol=1e-9)
    moved = z + 50 * rng.normal(size=(len(z), 1))
    np.testing.assert_allclose(fit(moved[:1000], labels[:1000])(moved[1000:]), log_p, atol=2e-4)


def test_richer_knobs_find_what_one_temperature_cannot(rng):
    z, labels, true = rows(rng, 20_000)
    losses = [loss(fit(z[:10_000], labels[:10_000])(z[10_000:]), labels[10_000:]) for fit in KINDS]
    best = loss(true[10_000:], labels[10_000:])
    assert losses[0] > losses[1] > losses[2] > best - 0.002
    assert losses[2] < best + 0.002  # vector scaling holds the truth
    assert abs(losses[3] - losses[2]) < 0.003


def test_temperatures_change_no_answer(rng):
    z, labels, _ = rows(rng)
    for fit in KINDS[:2]:
        np.testing.assert_array_equal(fit(z, labels)(z).argmax(axis=1), z.argmax(axis=1))
    assert (knobs.vector_scaling(z, labels)(z).argmax(axis=1) != z.argmax(axis=1)).any()


def test_a_level_that_was_never_seen_does_no_harm(rng):
    z, labels, _ = rows(rng)
    three = labels != 2
    log_p = knobs.matrix_scaling(z[three], labels[three])(z)
    assert (log_p[:, 2] == -np.inf).all()
    assert np.isfinite(np.delete(log_p, 2, axis=1)).all()


def test_a_digit_left_out_is_neither_trained_on_nor_held_out():
    network = knobs.train(1, without=3)
    assert 3 not in knobs.NAMES[network.rest]
    assert network.second_bias.shape == (9,)
    levels = knobs.level(network.rest, 3)
    assert set(levels) == set(range(9))
    assert (network(knobs.PICTURES[network.rest]).argmax(axis=1) == levels).mean() > 0.9
    assert len(network.rest) == (knobs.NAMES != 3).sum() - knobs.TRAINED_ON


def test_photographs_are_as_large_and_as_grey_as_digits(rng):
    pieces = knobs.photographs(30, rng)
    assert pieces.shape == (30, 64)
    assert pieces.min() == 0
    assert 0.9 < pieces.max() <= 1
    assert len(np.unique(pieces, axis=0)) == 30
