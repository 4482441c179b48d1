"""Word vectors from text that every Python carries: co-occurrences, pointwise mutual information, an SVD.

Two words attract each other if they stand near each other more often than chance would put them there. The logarithm of
that ratio is their pointwise mutual information (K. W. Church and P. Hanks, Computational Linguistics 16 (1990)). What
is positive of it fills a table, words by neighbours, and a truncated singular value decomposition writes that table as
products of short vectors: one for a word that looks round (a query), and one for a word that is looked at (a key). See
O. Levy, Y. Goldberg and I. Dagan, Transactions of the ACL 3 (2015), also for the two choices below.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pydoc_data.topics import topics

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.linalg import svds

__all__ = ["WINDOW", "Words", "learn_words", "sentences"]

Floats = NDArray[np.float64]

_WORD = re.compile(r"[a-z]+(?:'[a-z]+)?")
#: Neighbours up to here count, the nearer the more: at distance k as 1 / k.
WINDOW = 4
#: Chances of neighbours are taken to this power, so that rare ones do not attract everybody.
_SMOOTHING = 0.75


def sentences(shortest: int = 6, longest: int = 30) -> list[list[str]]:
    """Return the sentences of Python's own help texts in lower case, each once, without code and grammar."""
    found: dict[tuple[str, ...], None] = {}
    for name in sorted(topics):
        for paragraph in re.split(r"\n\s*\n", topics[name]):
            if "::=" in paragraph or ">>>" in paragraph:
                continue
            for sentence in re.split(r"(?<=[.:!?])\s+(?=[A-Z])", " ".join(paragraph.split())):
                words = tuple(_WORD.findall(sentence.lower()))
                if sentence.endswith(".") and shortest <= len(words) <= longest:
                    found[words] = None
    return [list(words) for words in found]


@dataclass(frozen=True, eq=False)
class Words:
    """Vectors of words: a query and a key each.

    Attributes
    ----------
    place : dict
        The row of each word.
    counts : float64 array, shape (words,)
        How often each word stands in the text.
    queries, keys : float64 arrays, shape (words, d)
        Their products come near the positive pointwise mutual information, in nats.
    """

    place: dict[str, int]
    counts: Floats
    queries: Floats
    keys: Floats

    def __str__(self) -> str:
        return f"{len(self.place):,} words with {self.queries.shape[1]} numbers for each query and each key"

    def known(self, sentence: Iterable[str]) -> list[str]:
        """Return the words of a sentence that have vectors."""
        return [word for word in sentence if word in self.place]

    def rows(self, words: Iterable[str]) -> NDArray[np.intp]:
        """Return the row of each word."""
        return np.array([self.place[word] for word in words], dtype=np.intp)

    def scores(self, words: Sequence[str]) -> Floats:
        """Return query times key for all pairs of words, shape (words, words).

        It is -inf where a word would look at itself, and where one of the two has no vectors.
        """
        taking = np.array([word in self.place for word in words])
        rows = self.rows(self.known(words))
        scores = np.full((len(words), len(words)), -np.inf)
        scores[np.ix_(taking, taking)] = np.where(
            rows[:, None] == rows, -np.inf, self.queries[rows] @ self.keys[rows].T
        )
        return scores

    def shortened(self, d: int) -> Words:
        """Return the same words with the first d numbers of each vector, which hold the most of the table."""
        return Words(self.place, self.counts, self.queries[:, :d], self.keys[:, :d])


def learn_words(text: Sequence[Sequence[str]], d: int, *, common: int = 40, least: int = 5) -> Words:
    """Return vectors of d numbers for the words of a text of sentences.

    Words that stand there fewer than ``least`` times are left out, as too little is known of them, and so are single
    letters and the ``common`` most frequent words, which stand near everything.
    """
    counts = Counter(word for sentence in text for word in sentence if len(word) > 1)
    kept = sorted(word for word, count in counts.most_common()[common:] if count >= least)
    place = {word: row for row, word in enumerate(kept)}
    pairs: Counter[tuple[int, int]] = Counter()
    for sentence in text:
        rows = [place[word] for word in sentence if word in place]
        for i, one in enumerate(rows):
            for distance, other in enumerate(rows[i + 1 : i + 1 + WINDOW], 1):
                pairs[one, other] += 1 / distance
                pairs[other, one] += 1 / distance
    row, column = np.array(list(pairs)).T
    shape = len(place), len(place)
    near = sparse.coo_array((list(pairs.values()), (row, column)), shape=shape)
    looking = near.sum(axis=1)
    seen = looking**_SMOOTHING
    lift = near.data * seen.sum() / (looking[near.row] * seen[near.col])
    table = sparse.csr_array((np.maximum(np.log(lift), 0), (near.row, near.col)), shape=shape)
    left, strength, right = svds(table, k=d, random_state=0)
    order = np.argsort(-strength)
    root = np.sqrt(strength[order])
    frequency = np.array([counts[word] for word in kept], dtype=np.float64)
    return Words(place, frequency, left[:, order] * root, right.T[:, order] * root)
