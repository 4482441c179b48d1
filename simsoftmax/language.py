"""A small language model of letters, whose scores are real and whose table fits into a page.

It counts which letter follows which letters, and mixes what it has counted for long contexts with what it has counted
for short ones, by interpolated Kneser-Ney smoothing (R. Kneser and H. Ney, "Improved backing-off for m-gram language
modeling", ICASSP 1995; S. F. Chen and J. Goodman, Computer Speech and Language 13 (1999)). Its distribution and its
draws come from `simsoftmax.kernels.letters`, here and in a page.
"""

from __future__ import annotations

import math
import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .arguments import RNG, as_count, as_indices, generator
from .results import Result
from .sampling import Order, Pipeline

__all__ = ["LanguageModel", "fit_language", "python_topics"]

_PLAIN = str.maketrans({"‘": "'", "’": "'", "“": '"', "”": '"', "–": "-", "—": "-", "…": "..."})
_RULE = re.compile(r"[\s*=~^|+.\-]*")  # a line that is drawn, not read
_MOST = 255  # letters, so that each is a byte
_PIECE = 1 << 15  # letters that are written at a time
_FILLED = 0.98  # of the room for a table, where the search for the largest that fits ends


def python_topics() -> dict[str, str]:
    """Return the texts that Python's ``help()`` shows on its language: topic -> paragraphs, a line each.

    Every Python carries them; they differ between its versions. White space is one blank, tables and rules are left
    out, and letters are those of ASCII. Some topics repeat others, so a paragraph counts only where it first comes up,
    topics in the order of their names: no text is met twice, on whichever side of a split.

    Returns
    -------
    dict of str to str

    See Also
    --------
    language.fit_language : A model of a text, whose letters can be drawn.

    Examples
    --------
    >>> "exceptions" in python_topics()
    True
    """
    from pydoc_data.topics import topics

    seen: set[str] = set()
    found = {}
    for name in sorted(topics):
        own = []
        for part in re.split(r"\n\s*\n", topics[name].translate(_PLAIN)):
            lines = [line for line in part.splitlines() if not _RULE.fullmatch(line)]
            paragraph = " ".join(" ".join(lines).split()).encode("ascii", "ignore").decode()
            if paragraph and not any(line.lstrip().startswith("|") for line in lines) and paragraph not in seen:
                seen.add(paragraph)
                own.append(f"{paragraph}\n")
        if own:
            found[name] = "".join(own)
    return found


@dataclass(frozen=True, eq=False)
class LanguageModel(Result):
    """Which letter comes next, by how often it came after the same letters.

    Attributes
    ----------
    letters : str
        All that it can write, in the order of their numbers.
    before : ndarray of uint8, shape (C,)
        The oldest letter of each context. Contexts stand by their length, and then by their last letter, by the last
        but one, and so on.
    children, followers : ndarray of int32, shape (C + 1,)
        Where the contexts begin that are one letter longer than each, and where the letters that follow it.
    following : ndarray of uint8, shape (F,)
        Letters that follow the contexts, one context after the other.
    counts : ndarray of int32, shape (F,)
        How often; in contexts shorter than the longest, how many different letters came before.
    discounts : ndarray of float64, shape (order, 3)
        What is taken from a count of 1, of 2, and of more, after contexts of 0, 1, ... letters.

    Examples
    --------
    >>> model = fit_language("to be or not to be, that is the question. " * 3, order=5)
    >>> model.write(18, 0.0, prompt="not ")
    'to be to be to be '
    """

    letters: str
    before: NDArray[np.uint8]
    children: NDArray[np.int32]
    followers: NDArray[np.int32]
    following: NDArray[np.uint8]
    counts: NDArray[np.int32]
    discounts: NDArray[np.float64]

    @property
    def order(self) -> int:
        """Letters that it sees at once, the one that comes included."""
        return len(self.discounts)

    def __str__(self) -> str:
        return (
            f"A language model of order {self.order} over {len(self.letters)} letters: {self.before.size:,} contexts, "
            f"{self.following.size:,} counts, {len(self.table):,} bytes in a page."
        )

    @property
    def table(self) -> bytes:
        """What a page needs of it, compressed: columns one after the other, lengths for starts, counts byte by byte."""
        lengths = (np.diff(starts).astype(np.uint8) for starts in (self.children, self.followers))
        return _packed(self.before, *lengths, self.following, self.counts)

    def encode(self, text: str) -> NDArray[np.uint8]:
        """Return the numbers of letters.

        Raises
        ------
        TypeError, ValueError
            If it is no text, or holds a letter that the model does not know.
        """
        return _encode(self.letters, "text", text)

    def decode(self, numbers: Any) -> str:
        """Return the letters of numbers, shape (n,).

        Raises
        ------
        TypeError, ValueError
            If they are no whole numbers, or not numbers of letters.
        """
        codes = as_indices("numbers", numbers, "pass what encode returns")
        wrong = codes[(codes < 0) | (codes >= len(self.letters))]
        if wrong.size:
            raise ValueError(
                f"numbers must be from 0 to {len(self.letters) - 1}, got {wrong.flat[0]}; pass what encode returns"
            )
        return "".join(self.letters[number] for number in codes.ravel())

    def probabilities(self, text: str) -> NDArray[np.float64]:
        """Return the distribution of each letter of a text after those before it, and of the one to come.

        Returns
        -------
        ndarray, shape (len(text) + 1, K)
        """
        from .kernels.compiler import compiled
        from .kernels.letters import next_letters

        codes = self.encode(text)
        rows = np.empty((codes.size + 1, len(self.letters)))
        compiled(next_letters)(codes, 0, codes.size + 1, *self._tree, rows.ravel())
        return rows

    def surprise(self, text: str) -> NDArray[np.float64]:
        """Return -log2 of the probability that the model gave each letter, in bits, shape (len(text),)."""
        codes = self.encode(text)
        return np.asarray(-np.log2(self.probabilities(text)[np.arange(codes.size), codes]))

    def write(
        self,
        length: int,
        temperature: float = 1.0,
        *,
        prompt: str = "\n",
        top_k: int | None = None,
        top_p: float | None = None,
        min_p: float | None = None,
        order: Order = "temperature-first",
        rng: RNG = None,
    ) -> str:
        """Draw letters one by one, each after the prompt and those before it.

        Parameters
        ----------
        length : int
        temperature, top_k, top_p, min_p, order
            As in `simsoftmax.sample`, for scores that are logarithms of the probabilities.
        prompt : str, optional
            What was written before; a new line begins a paragraph.
        rng : numpy.random.Generator, int or None, optional

        Raises
        ------
        TypeError, ValueError
            If an argument is refused, before anything is drawn.
        """
        from .kernels.compiler import compiled
        from .kernels.seeds import seed_streams
        from .kernels.writing import write_letters

        given = _encode(self.letters, "prompt", prompt)
        size = as_count("length", length, low=0)
        Pipeline.of(temperature, top_k=top_k, top_p=top_p, min_p=min_p, order=order)  # checks them
        levels = len(self.letters)
        text = np.concatenate([given, np.zeros(size, np.uint8)])
        stream = seed_streams(int(generator(rng).integers(2**64, dtype=np.uint64)), 1)[0]
        dials = (
            float(temperature),
            levels if top_k is None else min(int(top_k), levels),
            1.0 if top_p is None else float(top_p),
            0.0 if min_p is None else float(min_p),
            int(order == "temperature-last"),
        )
        room = np.empty(levels, np.int64), np.empty(levels), np.empty(levels)
        for begin in range(given.size, text.size, _PIECE):  # between two pieces Ctrl-C is heard
            end = min(begin + _PIECE, text.size)
            compiled(write_letters)(text, begin, end, *self._tree, *dials, *room, stream)
        return self.decode(text[given.size :])

    @property
    def _tree(self) -> tuple[NDArray[Any], ...]:
        """The tables as the kernels take them."""
        return self.before, self.children, self.followers, self.following, self.counts, self.discounts.ravel()

    def shortened(self, order: int) -> LanguageModel:
        """Return what it knows of contexts of at most ``order - 1`` letters: each longer one is cut to these."""
        depth = as_count("order", order, high=self.order)
        end = 1
        for _ in range(depth - 1):
            end = int(self.children[end])  # where the children of the next level begin, this one's end
        following = int(self.followers[end])
        return LanguageModel(
            self.letters,
            self.before[:end],
            np.minimum(self.children[: end + 1], end),
            self.followers[: end + 1],
            self.following[:following],
            self.counts[:following],
            self.discounts[:depth],
        )


def fit_language(text: str, *, order: int = 8, letters: str | None = None, size: int | None = None) -> LanguageModel:
    """Return the language model of a text.

    Parameters
    ----------
    text : str
        What it learns from.
    order : int, optional
        Letters that the model sees at once: contexts hold up to ``order - 1`` letters.
    letters : str, optional
        All that it can write; those of the text by default.
    size : int, optional
        Bytes that its table may take. Contexts are dropped until it fits, those first that tell least a byte: how many
        bits they save on the text, each of its letters predicted from all others, over shorter contexts.

    Returns
    -------
    LanguageModel

    Raises
    ------
    TypeError, ValueError
        If an argument is refused, or if no table is as small as that.

    See Also
    --------
    sample : Exact draws.
    language.python_topics : Texts to fit it to.

    Examples
    --------
    >>> model = fit_language("to be or not to be", order=3)
    >>> print(model)
    A language model of order 3 over 7 letters: 21 contexts, 33 counts, 64 bytes in a page.
    """
    if not isinstance(text, str):
        raise TypeError(f"text must be a str, got {type(text).__name__}; pass the text itself")
    known = "".join(sorted(set(text))) if letters is None else letters
    if letters is None and len(known) < 2:
        raise ValueError(f"text must hold at least two different letters, got {text[:20]!r}; pass a longer text")
    if not isinstance(known, str) or len(set(known)) != len(known) or not 2 <= len(known) <= _MOST:
        raise ValueError(f"letters must be 2 to {_MOST} different ones in a str, got {known!r}; pass each once")
    longest = int(63 / math.log2(len(known)))
    depth = as_count("order", order, high=longest)
    codes = _encode(known, "text", text)
    if codes.size <= depth:
        raise ValueError(f"text must be longer than order = {depth}, got {codes.size} letters; pass more of it")
    room = None if size is None else as_count("size", size)
    grams = _count(codes.astype(np.int64), len(known), depth)
    whole = _model(known, grams)
    if room is None or len(whole.table) <= room:
        return whole
    ranks = _ranks(_worth(codes.astype(np.int64), len(known), grams))
    total = sum(each.size for each in ranks)
    fits = _model(known, _without(len(known), grams, ranks, total))
    if len(fits.table) > room:
        raise ValueError(f"size must be at least {len(fits.table)}, got {room}; that is what single letters take")
    few, many = 0, total  # contexts dropped: too few of them, and enough
    sizes = {few: len(whole.table), many: len(fits.table)}
    while many - few > 1 and sizes[many] < _FILLED * room:
        # Sizes are nearly proportional to what is kept, so aim between the two, and a little inward in any case.
        aim = few + (many - few) * (sizes[few] - 0.99 * room) / (sizes[few] - sizes[many])
        tried = int(min(max(aim, few + 0.05 * (many - few), few + 1), many - 1))
        model = _model(known, _without(len(known), grams, ranks, tried))
        sizes[tried] = len(model.table)
        if sizes[tried] <= room:
            fits, many = model, tried
        else:
            few = tried
    return fits


class _Grams(NamedTuple):
    """What was counted at one length of contexts.

    A gram is a context and a letter that follows, as a number to the base K whose first digit is the last letter of the
    context and whose last digit is the follower. So grams in order are grouped by context, contexts by the context that
    is one letter shorter.
    """

    codes: NDArray[np.int64]
    counts: NDArray[np.int64]
    discounts: NDArray[np.float64]

    def by_context(self, base: int) -> tuple[NDArray[np.int64], NDArray[np.intp], NDArray[np.intp]]:
        """Return the contexts, where each begins among the grams, and how many letters follow it."""
        contexts, first = np.unique(self.codes // base, return_index=True)
        return contexts, first, np.diff(np.append(first, self.codes.size))

    def taken(self, counts: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the discount of each count."""
        return np.append(0.0, self.discounts)[np.minimum(counts, 3)]


def _seen(codes: NDArray[np.int64], base: int, depth: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the grams of a text with contexts of so many letters, and how often each stands in it."""
    size = codes.size - depth
    grams = np.zeros(size, np.int64)
    for back in range(1, depth + 1):
        grams = grams * base + codes[depth - back : depth - back + size]
    return np.unique(grams * base + codes[depth:], return_counts=True)


def _count(codes: NDArray[np.int64], base: int, order: int) -> list[_Grams]:
    """Count the longest grams, and for shorter ones how many different letters came before them."""
    grams, counts = _seen(codes, base, order - 1)
    found = [_Grams(grams, counts, _discounts(counts))]
    for _ in range(order - 1):
        grams, counts = np.unique(_shorter(found[0].codes, base), return_counts=True)
        found.insert(0, _Grams(grams, counts, _discounts(counts)))
    return found


def _shorter(grams: NDArray[np.int64], base: int) -> NDArray[np.int64]:
    """Return grams without the oldest letter of their contexts."""
    return grams // base // base * base + grams % base


def _discounts(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the discounts of Chen and Goodman (1999), equation 17, kept above 0 and below the count.

    Where too few counts are small for their estimate, it may leave these bounds.
    """
    n = [max(1, int((counts == c).sum())) for c in (1, 2, 3, 4)]
    share = n[0] / (n[0] + 2 * n[1])
    free = [i - (i + 1) * share * n[i] / n[i - 1] for i in (1, 2, 3)]
    return np.clip(free, 0.05, [0.95, 1.95, 2.95])


def _model(letters: str, grams: list[_Grams]) -> LanguageModel:
    base = len(letters)
    contexts, _, following = zip(*(each.by_context(base) for each in grams), strict=True)
    children = [
        np.bincount(np.searchsorted(shorter, longer // base), minlength=shorter.size)
        for shorter, longer in pairwise(contexts)
    ]
    return LanguageModel(
        letters,
        np.concatenate([each % base for each in contexts]).astype(np.uint8),
        _starts(1, [*children, np.zeros(contexts[-1].size, np.intp)]),
        _starts(0, following),
        np.concatenate([each.codes % base for each in grams]).astype(np.uint8),
        np.concatenate([each.counts for each in grams]).astype(np.int32),
        np.array([each.discounts for each in grams]),
    )


def _starts(first: int, lengths: Sequence[NDArray[np.intp]]) -> NDArray[np.int32]:
    """Return where each of many parts begins, and where the last one ends."""
    return np.cumsum([first, *np.concatenate(lengths)], dtype=np.int32)


def _worth(codes: NDArray[np.int64], base: int, grams: list[_Grams]) -> list[NDArray[np.float64]]:
    """Return for each length the bits a byte that its contexts save over those that are one letter shorter.

    Each occurrence is left out of the counts with which it is predicted, or else a context that came up once would seem
    to know all.
    """
    worth = []
    shorter = np.full(grams[0].codes.size, 1 / base)  # of each gram, its probability after the shorter context
    for depth, each in enumerate(grams):
        _, first, following = each.by_context(base)
        often = _often(codes, base, depth, each)
        taken, rest = each.taken(often), each.taken(often - 1)
        whole, left = (np.repeat(np.add.reduceat(values, first), following) for values in (often, taken))
        others = np.maximum(whole - 1, 1)
        known = (often - 1 - rest + (left - taken + rest) * shorter) / others
        saved = np.where(whole > 1, often * np.log2(np.where(whole > 1, known, 1) / shorter), 0.0)
        worth.append(np.add.reduceat(saved, first) / (3 + 2 * following))
        if depth + 1 < len(grams):
            taken = each.taken(each.counts)
            whole, left = (np.repeat(np.add.reduceat(values, first), following) for values in (each.counts, taken))
            here = (each.counts - taken + left * shorter) / whole
            shorter = here[np.searchsorted(each.codes, _shorter(grams[depth + 1].codes, base))]
    return worth


def _often(codes: NDArray[np.int64], base: int, depth: int, grams: _Grams) -> NDArray[np.int64]:
    """Return how often each gram stands in the text."""
    seen, counts = _seen(codes, base, depth)
    return np.asarray(counts[np.searchsorted(seen, grams.codes)])


def _ranks(worth: list[NDArray[np.float64]]) -> list[NDArray[np.intp]]:
    """Return places in the order in which contexts are dropped: by their worth, and of equal ones the longest first."""
    ranks = np.empty(sum(each.size for each in worth), np.intp)
    ranks[np.argsort(np.concatenate(worth)[::-1], kind="stable")] = np.arange(ranks.size)
    return np.split(ranks[::-1], np.cumsum([each.size for each in worth])[:-1])


def _without(base: int, grams: list[_Grams], ranks: list[NDArray[np.intp]], dropped: int) -> list[_Grams]:
    """Drop so many contexts, but those that a longer one needs, and the empty one."""
    kept: list[_Grams] = []
    needed = np.empty(0, np.int64)
    for each, rank in zip(reversed(grams), reversed(ranks), strict=True):
        contexts, _, following = each.by_context(base)
        stays = np.isin(contexts, needed) | (rank >= dropped)
        if each is grams[0]:
            stays[:] = True
        if stays.any():
            stay = np.repeat(stays, following)
            kept.insert(0, _Grams(each.codes[stay], each.counts[stay], each.discounts))
        needed = contexts[stays] // base
    return kept


def _packed(*columns: NDArray[Any]) -> bytes:
    """Return columns one after the other, compressed, wide numbers as all their first bytes, all their second ..."""
    planes = [np.ascontiguousarray(c).view(np.uint8).reshape(c.size, -1).T.tobytes() for c in columns]
    return zlib.compress(b"".join(planes))


def _encode(letters: str, name: str, text: Any) -> NDArray[np.uint8]:
    if not isinstance(text, str):
        raise TypeError(f"{name} must be a str, got {type(text).__name__}; pass the text itself")
    numbers = {letter: number for number, letter in enumerate(letters)}
    for place, letter in enumerate(text):
        if letter not in numbers:
            raise ValueError(
                f"{name} must hold letters that the model knows, got {letter!r} at {place}; leave it out, or fit the "
                "model with letters= that include it"
            )
    return np.fromiter((numbers[letter] for letter in text), np.uint8, len(text))
