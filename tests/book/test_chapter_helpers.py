"""What chapters have beside them: exact averages of random energies, and word vectors."""

import sys
from pathlib import Path

import numpy as np
import pytest

import simsoftmax as ss
from simsoftmax.disorder import freezing_temperature, participation_ratio

sys.path.insert(0, str(Path(__file__).parents[2] / "book"))

from random_energy import exact_averages
from words import learn_words, sentences


@pytest.mark.parametrize(("levels", "x"), [(2, 0.7), (16, 0.3), (16, 2.0), (300, 0.6), (300, 1.5), (300, 4.0)])
def test_exact_averages_are_those_of_drawn_landscapes(levels, x, rng):
    z, t = rng.normal(size=(4000, levels)), x * freezing_temperature(levels)
    exact = exact_averages(np.log(levels), x)
    y, entropies = participation_ratio(z, t), ss.entropy(z, t)
    for values, expected in ((y, exact.participation), (entropies, exact.entropy)):
        # six cases of two: one false alarm in ten thousand runs
        assert abs(values.mean() - expected) < 4.7 * values.std(ddof=1) / np.sqrt(len(values))
    # of 4,000 landscapes, within seven standard errors of a spread as broad as any between 0 and 1
    assert x > 1 or exact.spread == pytest.approx(y.std(), rel=7 / np.sqrt(2 * 4000))


def test_words_that_stand_together_attract_each_other():
    noise = ["ant", "bee", "cow", "dog", "elk", "fox"]
    rng = np.random.default_rng(5)
    text = [["salt", "pepper"] * 2 for _ in range(20)] + [list(rng.permutation(noise)) for _ in range(60)]
    words = learn_words(text, 4, common=0)
    scores = words.scores(["salt", "pepper", "ant", "unheard"])
    assert scores.argmax(axis=1)[:2].tolist() == [1, 0]
    assert scores[0, 1] > scores[0, 2] + 1
    np.testing.assert_array_equal(
        np.isfinite(scores), np.array([[0, 1, 1, 0], [1, 0, 1, 0], [1, 1, 0, 0], [0] * 4]) > 0
    )


def test_the_first_numbers_of_the_vectors_hold_the_most():
    rng = np.random.default_rng(6)
    text = [list(rng.choice(["red", "blue", "green", "white", "black", "grey"], 6)) for _ in range(50)]
    words = learn_words(text, 5, common=0)
    full = words.queries @ words.keys.T
    left = [np.linalg.norm(full - each.queries @ each.keys.T) for each in map(words.shortened, range(1, 6))]
    assert (np.diff(left) < 0).all()
    assert left[-1] == 0


def test_sentences_are_words_alone_each_once():
    found = sentences()
    assert len(found) > 1000
    assert len({tuple(each) for each in found}) == len(found)
    assert all(6 <= len(each) <= 30 and all(word == word.lower() for word in each) for each in found)
    assert not any("::" in word or ">" in word for each in found for word in each)
