"""Words that may come next, with the scores that a small language model gives them.

The model is that of the chapter on sparks: it counts letters in the texts that Python's ``help()`` shows of its
language. A word's score is the logarithm of the probability that the model writes it, letter by letter, and then a
blank.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from simsoftmax.language import LanguageModel, fit_language, python_topics

__all__ = ["ORDER", "next_words"]

ORDER = 8  # letters that the model sees at once


@functools.cache
def _model() -> LanguageModel:
    topics = python_topics()
    names = sorted(topics)
    read = [topics[name] for name in names if name not in names[2::5]]  # every fifth topic is never read
    letters = "".join(sorted(set("".join(topics.values()))))
    return fit_language("\n" + "\n".join(read), order=ORDER, letters=letters)


def next_words(context: str, words: Sequence[str]) -> NDArray[np.float64]:
    """Return the score of each word after a context: ln of its probability, shape (words,)."""
    bits = [_model().surprise(f"{context}{word} ")[len(context) :].sum() for word in words]
    return -np.log(2) * np.array(bits)
