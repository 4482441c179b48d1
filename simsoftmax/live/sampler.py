"""A live figure of wrong samplers: a check of the usual kind stays green, and the verdict on draws turns.

It is built like the explorers of `simsoftmax.live.base` and computes in the page, with the kernels of
`simsoftmax.kernels.page.samplers`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np
import traitlets
from numpy.typing import NDArray
from scipy import special

from ..arguments import RNG, as_count, generator
from ..kernels.page import samplers as kernels
from ..kernels.residuals import TILTS
from ..kernels.seeds import seed_streams
from ..sampling import Pipeline
from ..verdict.samplers import EDGES, verify_draws
from .base import STATIC, LiveFigure, within
from .traits import Choice, Flag, Number, Whole, validate

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["SamplerExplorer"]

LEVELS, WIDTH = 32, 2.0
"""Tokens of a row, and the standard deviation of its scores."""
LOOKS = (250, 500, 1_000, 2_000, 4_000, 8_000, 16_000)
"""Contexts after which the verdict is asked; they share its false-alarm budget."""
FALSE_ALARM = 1e-3
CHECKED = 20
"""Draws from the row of the check for each context."""
RIGHT = dict.fromkeys(kernels.DIALS, 0.0) | {"factor": 1.0, "top_p": 1.0, "shard": 1.0}


class Exhibit(NamedTuple):
    """A sampler of the museum: what it states, which dials are turned, the check that lets it through."""

    stated: dict[str, float]
    turned: dict[str, float]
    rule: str


class Rule(NamedTuple):
    """A check of many draws from one row: which number it looks at, and what it asks of it."""

    number: int
    above: bool
    threshold: float
    default: bool = False
    """Whether it is made at the default temperature, 1."""


COSINE, BY_DEFAULT = "cosine above 0.99", "cosine above 0.99, at the default T of 1"
KL, ALLOWED, FAVOURITE = "KL below 0.01", "no forbidden token", "the likeliest comes most often"
RULES = {
    COSINE: Rule(0, True, 0.99),
    BY_DEFAULT: Rule(0, True, 0.99, default=True),
    KL: Rule(1, False, 0.01),
    ALLOWED: Rule(2, False, 0.5),
    FAVOURITE: Rule(3, True, 0.5),
}
EXHIBITS = {
    "right": Exhibit({}, {}, COSINE),
    "temperature 5 % too hot": Exhibit({}, {"factor": 1.05}, COSINE),
    "temperature applied twice": Exhibit({}, {"twice": 1.0}, BY_DEFAULT),
    "temperature after the nucleus": Exhibit({"top_p": 0.9}, {"filters_first": 1.0}, COSINE),
    "top-k off by one": Exhibit({"top_k": 8.0}, {"top_k": 7.0}, ALLOWED),
    "nucleus without its crossing token": Exhibit({"top_p": 0.9}, {"drops_crossing": 1.0}, ALLOWED),
    "greedy now and then": Exhibit({}, {"greedy": 0.05}, FAVOURITE),
    "uniform noise now and then": Exhibit({}, {"noise": 0.01}, KL),
    "noise without a tail": Exhibit({}, {"step": 2.0**-8}, COSINE),
    "a heavy shard": Exhibit({}, {"shard": 1.3}, COSINE),
    "index shifted by one": Exhibit({}, {"shift": 1.0}, FAVOURITE),
}


def dials(changes: dict[str, float]) -> NDArray[np.float64]:
    """Return the dials of a sampler, by what differs from a right one without filters."""
    return np.array(list((RIGHT | changes).values()))


class SamplerExplorer(LiveFigure):
    """Wrong samplers that draw one token from each context: a project's check beside the verdict.

    Parameters
    ----------
    sampler : str, optional
        One of the exhibits, "right" among them; ``SamplerExplorer.sampler.values`` has them all.
    rule : str, optional
        The check of the usual kind; by default one that lets the sampler through, if there is one.
    temperature : float, optional
        The stated temperature, from 0.2 to 5.
    rng : int, numpy.random.Generator or None, optional
        Seeds contexts and draws.
    title, caption : str, optional
        What stands above the figure; empty for none.

    Attributes
    ----------
    contexts : int
        Contexts drawn from so far; set by the page.
    p_value : float
        The verdict's p-value when it was last asked; set by the page.
    """

    _esm = STATIC / "sampler_explorer.js"
    buttons: ClassVar[dict[str, str]] = {"look": "draw to the next look", "again": "start again", "anew": "other draws"}
    limits: ClassVar[dict[str, tuple[float, float]]] = {"temperature": (0.2, 5.0)}
    sampler = Choice(list(EXHIBITS), "right").tag(sync=True, kept=True)
    rule = Choice(list(RULES), COSINE).tag(sync=True, kept=True)
    temperature = Number(0.7).tag(kept=True)
    running = Flag(True).tag(sync=True)
    contexts = Whole(0).tag(sync=True)
    p_value = Number(1.0)
    _stream = traitlets.Bytes().tag(sync=True)
    _museum = traitlets.Dict().tag(sync=True)
    _title = "The check stays green, the verdict turns"
    _caption = (
        "One token is drawn from each context. Bars are draws over expected draws, by how likely the token was: toward "
        "the left the bins halve and the tokens get rarer. Whiskers are two standard errors, the tick is the truth."
    )

    def __init__(
        self,
        sampler: str = "right",
        rule: str | None = None,
        temperature: float = 0.7,
        *,
        rng: RNG = None,
        **traits: Any,
    ) -> None:
        usual = EXHIBITS[sampler].rule if isinstance(sampler, str) and sampler in EXHIBITS else COSINE
        key = int(generator(rng).integers(2**64, dtype=np.uint64))
        super().__init__(
            sampler=sampler,
            rule=usual if rule is None else rule,
            temperature=temperature,
            _stream=seed_streams(key, 3).tobytes(),
            _museum={
                "samplers": {
                    name: {
                        "stated": dials(one.stated).tolist(),
                        "drawn": dials(one.stated | one.turned).tolist(),
                        "rule": one.rule,
                    }
                    for name, one in EXHIBITS.items()
                },
                "rules": {name: rule._asdict() for name, rule in RULES.items()},
                "row": _checked_row().tolist(),
                "width": WIDTH,
                "edges": EDGES.tolist(),
                "theta": (np.array(TILTS) / 4 - 1).tolist(),
                "quantile": float(special.ndtri(0.975)),
                "looks": list(LOOKS),
                "alarm": FALSE_ALARM / len(LOOKS),
                "checked": CHECKED,
                "dials": len(kernels.DIALS),
                "outcome": list(kernels.OUTCOME),
                "forbidden": kernels.TOTALS.index("forbidden"),
            },
            **traits,
        )

    @property
    def pipeline(self) -> Pipeline:
        """What the sampler says that it does."""
        stated = EXHIBITS[self.sampler].stated
        top_k = int(stated["top_k"]) if "top_k" in stated else None
        return Pipeline.of(self.temperature, top_k=top_k, top_p=stated.get("top_p"))

    def draw(self, contexts: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return the first draws that the page makes, and the logits that they are drawn from.

        Parameters
        ----------
        contexts : int
            How many.

        Returns
        -------
        draws : ndarray of int64, shape (contexts,)
        logits : ndarray of float64, shape (contexts, 32)
        """
        rows = as_count("contexts", contexts)
        streams = np.frombuffer(self._stream, np.uint64).reshape(3, 4).copy()
        logits, masses, draws = np.empty(rows * LEVELS), np.empty(rows * LEVELS), np.empty(rows, np.int64)
        one = EXHIBITS[self.sampler]
        kernels.draw_contexts(streams[0], WIDTH, logits)
        turned = dials(one.stated | one.turned)
        kernels.token_masses(logits, self.temperature, turned, np.empty(LEVELS, np.int64), masses)
        kernels.draw_tokens(masses, LEVELS, streams[1], draws)
        return draws, logits.reshape(rows, LEVELS)

    @validate("temperature")
    def _check_temperature(self, proposal: Any) -> float:
        return within("temperature", proposal["value"], self.limits["temperature"])

    def _describe(self) -> str:
        return f"{self.title}: a live figure of a sampler, {self.sampler}, at temperature {self.temperature:g}"

    def _draw(self, figure: Figure) -> None:
        from ..plotting import INKS, temperature_color

        draws, logits = self.draw(LOOKS[-2])
        verdict = verify_draws(draws, logits, pipeline=self.pipeline)
        ranks = np.array(verdict.rank_counts)
        ratio, error = np.empty(len(ranks)), np.empty(len(ranks))
        kernels.rank_shares(EDGES, ranks, ratio, error)
        ax = figure.subplots()
        bins = np.arange(len(ranks))
        ax.bar(bins, ratio, 0.7, color=temperature_color(self.temperature), yerr=2 * error, ecolor=INKS["muted"])
        ax.hlines(np.ones(len(ranks)), bins - 0.45, bins + 0.45, color=INKS["theory"], linewidth=1.6)
        ax.set(ylim=(0, 2.5), xlabel="rank mass below", ylabel="drawn / expected", title=self.sampler)
        ax.set_xticks([2.5, 8.5, 14.5], ["1/250", "1/4", "1"])


def _checked_row() -> NDArray[np.float64]:
    return WIDTH * np.random.default_rng(6).standard_normal(LEVELS)
