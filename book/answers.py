"""Answers to the questions that a chapter asks: computed when the book is built, never typed.

A question stands in the text (``_ext/questions.py``), its answer in a code cell where the chapter comes to it:
``answer("id", ...)``. The build stops if the choice that the question marks is not the one that was computed.
"""

from __future__ import annotations

import math
import numbers
import re
from typing import Any

import myst_nb
from IPython.display import display

#: What is before a question's id in the name of its glued answer.
PREFIX = "answer-"


class AnswerError(AssertionError):
    """None of a question's choices is true, or more than one."""


class Place:
    """Where a chapter answers a question: a line that leads back to it, and into which a page writes the prediction."""

    def __init__(self, id: str, words: str) -> None:
        self.id = id
        self.words = words

    def __repr__(self) -> str:
        return f"Question {self.id}: {self.words}"

    def _repr_html_(self) -> str:
        return (
            f'<p class="predict-place" id="{PREFIX}{self.id}">This answers <a href="#predict-{self.id}">a question</a>.'
            f'<span class="predict-yours" data-question="{self.id}"></span></p>'
        )


def answer(id: str, *found: Any) -> None:
    """Give the computed answer to a question.

    Parameters
    ----------
    id : str
        The question's id.
    *found : bool or float
        For a question with choices, a truth value for each, in their order: is it the one? Exactly one must be. For a
        question for a number, that number, in the unit of its scale.

    Raises
    ------
    AnswerError
        If not exactly one choice is true. The build of the book stops.
    TypeError, ValueError
        If the id is none, or if there is neither a truth value for each choice nor one finite number.

    Examples
    --------
    >>> share = 0.736
    >>> answer("first-share", share < 0.6, 0.6 <= share < 0.9, share >= 0.9)
    Question first-share: choice 2 of 3
    """
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", id):
        raise ValueError(f"id must be lower-case letters, digits and hyphens, got {id!r}; for example 'cold-ties'")
    # NumPy's truth values are no bool, and its integers would be a number or a truth value by accident.
    if len(found) > 1 and all(type(one).__name__ in ("bool", "bool_") for one in found):
        true = [place for place, one in enumerate(found) if one]
        if len(true) != 1:
            raise AnswerError(f"exactly one choice of question {id!r} must be true, got {[bool(one) for one in found]}")
        value: int | float = true[0]
        words = f"choice {value + 1} of {len(found)}"
    elif len(found) == 1 and isinstance(found[0], numbers.Real) and not isinstance(found[0], bool):
        value = float(found[0])
        if not math.isfinite(value):
            raise ValueError(f"the answer to question {id!r} must be a finite number, got {value}")
        words = f"{value:.3g}"
    else:
        raise TypeError(f"question {id!r} needs a truth value for each choice, or one number; got {found!r}")
    myst_nb.glue(PREFIX + id, value, display=False)
    display(Place(id, words))
