"""A live figure that measures its reader: how sure he was of his answers, how often right, and his temperature."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import traitlets
from numpy.typing import ArrayLike, NDArray

from ..boltzmann import softmax
from ..calibration.fit import TemperatureFit, fit_temperature
from ..calibration.metrics import ReliabilityDiagram, reliability_diagram
from ..kernels.page import reliability
from .base import STATIC, LiveFigure
from .traits import Choice, Table, validate

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["ReaderExplorer"]

#: Who says "certain" still leaves one in a hundred: without it, one error would be infinitely wrong.
SUREST = 0.99

#: Readers to look at before one has answered: at which temperature they answer, and how sure they say they are, between
#: no idea (0) and certain (1).
DEMONSTRATIONS = {"careful": (0.6, (0.1, 0.8)), "bold": (2.5, (0.5, 1.0)), "tossing": (np.inf, (0.0, 1.0))}
_QUESTIONS = 60  # that each of them answers


class ReaderExplorer(LiveFigure):
    """Answers of a person as those of a classifier: a reliability diagram, and the temperature that makes him honest.

    Whoever says "80 %" of one of three answers leaves 10 % to each of the others: that is softmax of some logits, and
    they have a calibration temperature as a network's have. Above 1 he is too sure, below 1 too modest.

    Parameters
    ----------
    answers : array_like, shape (n, 3), optional
        A row an answer: how many alternatives the question had (2 to 100), how sure he was, from 1 / alternatives to
        0.99, and whether he was right (0 or 1). A page of the book puts those of its reader here.
    reader : {"yours", "careful", "bold", "tossing"}, optional
        Whose answers are shown: those, or those of a demonstration.
    title, caption : str, optional
        What stands above the figure; empty for none.

    Attributes
    ----------
    fit : TemperatureFit or None
        The temperature of the answers that are shown, or nothing where there are too few.
    """

    _esm = STATIC / "reader_explorer.js"
    buttons: ClassVar[dict[str, str]] = {
        "yours": "your answers",
        "careful": "a careful reader",
        "bold": "a bold reader",
        "tossing": "a coin-tosser",
    }
    limits: ClassVar[dict[str, tuple[float, float]]] = {
        "alternatives": (2, 100),
        "answers": (10, 2000),
    }
    answers = Table(3)
    reader = Choice(["yours", *DEMONSTRATIONS], "yours").tag(sync=True, kept=True)
    _demonstrations = traitlets.Dict().tag(sync=True)
    _bins = traitlets.Int(5).tag(sync=True)
    _title = "A thermometer for people"
    _caption = (
        "Dots are your answers in groups of equal size: across, how sure you were; up, how often you were right, with "
        "95\N{NO-BREAK SPACE}% intervals. On the line you know what you know."
    )

    def __init__(self, answers: ArrayLike = (), *, reader: str = "yours", **traits: Any) -> None:
        super().__init__(answers=answers, reader=reader, **traits)

    @traitlets.default("_demonstrations")
    def _default_demonstrations(self) -> dict[str, list[list[float]]]:
        rng = np.random.default_rng(11)
        return {name: answers_of(*how, rng=rng).tolist() for name, how in DEMONSTRATIONS.items()}

    @property
    def shown(self) -> NDArray[np.float64]:
        """The answers that are shown, shape (n, 3)."""
        rows = self.answers if self.reader == "yours" else self._demonstrations[self.reader]
        return np.reshape(np.array(rows, dtype=np.float64), (-1, 3))

    @property
    def logits(self) -> NDArray[np.float64]:
        """Logits of the answers that are shown, the one that was given first; their labels are 1 - right."""
        return logits_of(self.shown)

    @property
    def fit(self) -> TemperatureFit | None:
        """The temperature of the answers that are shown, or None where there are fewer than ten."""
        if len(self.shown) < self.limits["answers"][0]:
            return None
        return fit_temperature(self.logits, 1 - self.shown[:, 2].astype(np.int64))

    @property
    def diagram(self) -> ReliabilityDiagram:
        """The reliability diagram of the answers that are shown."""
        _, confidence, right = self.shown.T
        return reliability_diagram(confidence, right.astype(np.int64), bins=self._bins, binning="mass")

    @validate("answers")
    def _check_answers(self, proposal: Any) -> list[list[float]]:
        rows: list[list[float]] = proposal["value"]
        most = self.limits["answers"][1]
        if len(rows) > most:
            raise ValueError(f"answers must be at most {most:.0f} to be shown, got {len(rows)}; pass some of them")
        least, last = self.limits["alternatives"]
        for n, (alternatives, confidence, right) in enumerate(rows):
            if alternatives != int(alternatives) or not least <= alternatives <= last:
                raise ValueError(
                    f"answers must be to questions with {least} to {last} alternatives, got {alternatives:g} in row "
                    f"{n}; count them"
                )
            if not 1 / alternatives - 1e-9 <= confidence <= SUREST + 1e-9:
                raise ValueError(
                    f"answers must be given with a confidence from {1 / alternatives:.3g} to {SUREST} where there are "
                    f"{alternatives:g} alternatives, got {confidence:g} in row {n}; pass a share"
                )
            if right not in (0, 1):
                raise ValueError(f"answers must be right (1) or not (0), got {right:g} in row {n}; pass one of the two")
        return rows

    def _describe(self) -> str:
        return f"{self.title}: a live figure that measures how sure a reader of the book was, and how often right"

    def _draw(self, figure: Figure) -> None:
        from ..plotting import plot_reliability

        figure.set_figheight(4.2)
        shown = self if len(self.shown) else ReaderExplorer(reader="bold")
        plot_reliability(shown.diagram, ax=figure.subplots())


def logits_of(answers: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the logits that answers state, shape (n, K), the answer that was given first."""
    alternatives = answers[:, 0].astype(np.int64)
    levels = int(alternatives.max(initial=2))
    logits = np.empty(len(answers) * levels)
    reliability.state_logits(alternatives, np.ascontiguousarray(answers[:, 1]), logits)
    return logits.reshape(-1, levels)


def answers_of(
    temperature: float, sure: tuple[float, float], *, rng: np.random.Generator, questions: int = _QUESTIONS
) -> NDArray[np.float64]:
    """Return answers of a made-up reader with a temperature, shape (questions, 3).

    Parameters
    ----------
    temperature : float
        At which softmax of what he states is true.
    sure : tuple of float
        How sure he says he is, evenly between these two; 0 is no idea and 1 certain.
    rng : numpy.random.Generator
        What decides.
    questions : int, optional
        How many he answers, with two to five alternatives.
    """
    alternatives = rng.integers(2, 6, questions)
    confidence = 1 / alternatives + rng.uniform(*sure, questions) * (SUREST - 1 / alternatives)
    answers = np.column_stack([alternatives, confidence, np.zeros(questions)])
    chance = np.asarray(softmax(logits_of(answers), temperature))[:, 0]
    answers[:, 2] = rng.random(questions) < chance
    return answers
