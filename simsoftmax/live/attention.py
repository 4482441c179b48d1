"""A live figure of attention: where the words of a sentence look, and what heat and a long context do to it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import traitlets
from numpy.typing import ArrayLike, NDArray

from ..arguments import as_names, as_real, as_temperature
from ..kernels.page.attention import attend
from .base import STATIC, LiveFigure, plain, within
from .traits import Names, Number, Numbers, Whole, validate

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["AttentionExplorer"]

_MADE = "make another explorer"


class AttentionExplorer(LiveFigure):
    """The words of a sentence light up where one of them looks, under a thermometer.

    Parameters
    ----------
    sentences : sequence of str
        Each of 2 to 16 words with a space between.
    scores : sequence of array_like, shape (n, n) for a sentence of n words
        Query of the word in a row times key of the word in a column; -inf where it cannot look. A row of -inf alone is
        a word that does not take part.
    sentence, word : int, optional
        Which sentence is shown, and which of its words looks first; by default the first that takes part.
    temperature : float, optional
        T >= 0, infinity included.
    others : int, optional
        How many further words of score 0 stand in the context, up to 1,000,000.
    title, caption : str, optional
        What stands above the figure; empty for none.
    """

    _esm = STATIC / "attention_explorer.js"
    limits: ClassVar[dict[str, tuple[float, float]]] = {"others": (0, 1_000_000)}
    sentences = Names()
    scores = Numbers()
    sentence = Whole(0).tag(sync=True, kept=lambda figure: (0, len(figure.sentences) - 1))
    word = Whole(0).tag(
        sync=True, kept=lambda figure: (0, max((len(text.split()) for text in figure.sentences), default=1) - 1)
    )
    temperature = Number(1.0).tag(travels="by ratio", kept=(0.0, np.inf))
    others = Whole(0).tag(sync=True, kept=True)
    _title = "Where a word looks"
    _caption = (
        "Choose a word: those that it looks at light up. The table has all of them, rows look and columns are looked "
        "at. Turn the heat, and let the context grow: further words stand near by chance alone."
    )

    def __init__(self, sentences: Sequence[str], scores: Sequence[ArrayLike], sentence: int = 0, **traits: Any) -> None:
        texts = as_names("sentences", sentences)
        remedy = "pass one square table for each sentence"
        if isinstance(scores, str) or not hasattr(scores, "__len__") or len(scores) != len(texts):
            raise ValueError(f"scores must be one table for each of the {len(texts)} sentences; {remedy}")
        tables = []
        for text, each in zip(texts, scores, strict=True):
            table, size = as_real("scores", each, remedy).astype(np.float64), len(text.split())
            if table.shape != (size, size):
                raise ValueError(
                    f"scores must have shape {(size, size)} for {text!r}, one row and column for each of its words, "
                    f"got {table.shape}; {remedy}"
                )
            tables.append(table)
        flat = np.concatenate([table.ravel() for table in tables]) if tables else np.empty(0)
        super().__init__(sentences=texts, scores=flat, sentence=sentence, **traits)
        self._choose_word()

    def table(self, sentence: int) -> NDArray[np.float64]:
        """Return the scores of a sentence, shape (words, words)."""
        sizes = [len(text.split()) for text in self.sentences]
        start = sum(size**2 for size in sizes[:sentence])
        size = sizes[sentence]
        return np.asarray(self.scores[start : start + size**2], dtype=np.float64).reshape(size, size)

    def _lookers(self) -> NDArray[np.intp]:
        return np.flatnonzero(np.isfinite(self.table(self.sentence)).any(axis=1))

    def _describe(self) -> str:
        words = self.sentences[self.sentence].split()
        return (
            f"{self.title}: a live figure of the sentence {' '.join(words)!r} at temperature {self.temperature:g}, "
            f"with {words[self.word]!r} looking at the others"
        )

    @traitlets.observe("sentence")
    def _choose_word(self, _change: Any = None) -> None:
        lookers = self._lookers()
        if self.word not in lookers:
            self.word = int(lookers[0])

    @validate("sentences", "scores")
    def _check_tables(self, proposal: Any) -> Any:
        name, value = proposal["trait"].name, proposal["value"]
        texts, scores = (value, self.scores) if name == "sentences" else (self.sentences, np.asarray(value))
        sizes = [len(text.split()) for text in texts]
        if not sizes or min(sizes) < 2 or max(sizes) > 16:
            raise ValueError(f"sentences must be one or more of 2 to 16 words each, got {sizes} words; pass others")
        if self.sentence >= len(texts):
            raise ValueError(f"sentences must reach the one that is shown, {self.sentence}, got {len(texts)}; {_MADE}")
        ends = np.cumsum([size**2 for size in sizes])
        if len(scores) != ends[-1]:
            raise ValueError(
                f"scores must hold a number for each pair of words of the sentences, {ends[-1]} in all, got "
                f"{len(scores)}; {_MADE}"
            )
        table = np.asarray(scores, dtype=np.float64)
        if (table == np.inf).any() or not all(np.isfinite(part).any() for part in np.split(table, ends[:-1])):
            raise ValueError(f"scores must be finite or -inf, and some of each sentence finite; {_MADE}")
        return value

    @validate("sentence")
    def _check_sentence(self, proposal: Any) -> int:
        return int(within("sentence", proposal["value"], (0, len(self.sentences) - 1)))

    @validate("word")
    def _check_word(self, proposal: Any) -> int:
        lookers = self._lookers()
        if proposal["value"] not in lookers:
            taking = ", ".join(map(str, lookers))
            raise ValueError(
                f"word must be one that takes part, of {taking}, got {proposal['value']}; pass one of these"
            )
        return int(proposal["value"])

    @validate("temperature")
    def _check_temperature(self, proposal: Any) -> float:
        return float(as_temperature(proposal["value"], scalar=True))

    @validate("others")
    def _check_others(self, proposal: Any) -> int:
        return int(within("others", proposal["value"], self.limits["others"]))

    def attention(self) -> NDArray[np.float64]:
        """Return which share of its glances each word gives to each, (words, words); NaN for one that takes no part."""
        table = self.table(self.sentence)
        shares = np.full(table.shape, np.nan)
        row, exponents, weights = np.empty((3, len(table) + 1))
        for i in self._lookers():
            row[:-1] = table[i]
            attend(row, float(self.others), self.temperature, exponents, weights, np.empty(2))
            shares[i] = weights[:-1]
        return shares

    def _draw(self, figure: Figure) -> None:
        from ..look import CATEGORIES
        from ..plotting import temperature_color

        ax = figure.subplots()
        lookers, words = self._lookers(), self.sentences[self.sentence].split()
        shares = self.attention()[np.ix_(lookers, lookers)]
        for (i, j), share in np.ndenumerate(shares):
            x, y = j - 0.5 + np.array([0, 0.94, 0.94, 0]), i - 0.5 + np.array([0, 0, 0.94, 0.94])
            ax.fill(x, y, color=CATEGORIES[1], alpha=float(share), linewidth=0)
        names = [plain(words[k]) for k in lookers]
        ax.set(xlim=(-0.5, len(names) - 0.5), ylim=(len(names) - 0.5, -0.5), aspect="equal")
        ax.set_yticks(range(len(names)), names)
        ax.set_xticks(range(len(names)), names, rotation=60, ha="right")
        ax.set_title(f"T = {self.temperature:g}", color=temperature_color(self.temperature))
