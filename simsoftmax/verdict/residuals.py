"""What is left over between draws and the rows of logits that they were made from, summed in one pass.

Three things are kept of a draw, each with a known distribution if it is right: its score, how likely it is among what
could have been drawn (its rank mass), and its place.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..arguments import as_real
from ..kernels.residuals import MOMENTS, NOTHING, PARTS, SUMS, TILTS
from ..kernels.sampling import uniform_number
from ..kernels.seeds import splitmix
from ..sampling import Pipeline, Steps, as_read_only, each_row, masses_of, row_blocks, work_space
from ..threads import in_order
from .contexts import Chunk, Context, Contexts
from .tilting import Heat

__all__ = ["Residuals", "residuals"]

Floats = NDArray[np.float64]

_LN2 = math.log(2.0)
_SORT = 8  # draws a row from which on it is put in order
_SEEN, _ENTRIES = 256, 1 << 22  # rows, and entries, that tell what an error in the tail would change
_THETA = np.array(TILTS) / 4 - 1


class Places(NamedTuple):
    """Draws by their place, shape (2, PARTS) each: by parts of the row, and by the remainder of the token's number."""

    observed: Floats
    expected: Floats
    covariance: Floats
    """Shape (2, PARTS, PARTS)."""
    fourth: Floats
    """Fourth cumulant of each."""


def _no_places() -> Places:
    flat = (2, PARTS)
    return Places(np.zeros(flat), np.zeros(flat), np.zeros((*flat, PARTS)), np.zeros(flat))


@dataclass
class Residuals:
    """What all draws leave over."""

    ranks: Floats
    """Rank mass of each draw, shape (n, m): uniform on (0, 1) for right ones, infinite where all that can be drawn is
    as likely, NaN for what cannot be drawn."""
    levels: int = 0
    score: float = 0.0
    """Sum of beta (z_y - <z>) over the draws that are possible; at infinite temperature, of z in a unit of its own."""
    part: int = PARTS
    """Levels in a part of the row."""
    moments: Floats = field(default_factory=lambda: np.zeros((3, len(TILTS))))
    cubes: float = 0.0
    places: Places = field(default_factory=_no_places)
    """The draws by their place."""
    sorted_masses: list[Floats] = field(default_factory=list)
    """Of some rows, the masses of what is left, rising."""
    ordered: list[bool] = field(default_factory=list)
    """Whether such a row has tokens of more than one score, so that the ranks of its draws tell something."""
    chances: tuple[float, float, float] = (0.5, 0.5, 0.5)
    """Numbers uniform on (0, 1), from a hash of all draws."""

    @property
    def heat(self) -> Heat:
        """The distribution of the score."""
        return Heat(_THETA, self.moments[0], self.moments[1], self.moments[2], self.cubes)

    def add(self, found: _Found) -> None:
        """Add what was found in a block."""
        self.score += found.score
        self.moments += found.moments
        self.cubes += found.cubes
        self.places = Places(*(mine + new for mine, new in zip(self.places, found.places, strict=True)))
        self.sorted_masses += found.sorted_masses
        self.ordered += found.ordered


class _Found(NamedTuple):
    score: float
    moments: Floats
    cubes: float
    places: Places
    sorted_masses: list[Floats]
    ordered: list[bool]


def residuals(contexts: Contexts, pipeline: Pipeline, threads: int, *, ranked: bool = True) -> Residuals:
    """Compare all draws with their rows, in one pass.

    Parameters
    ----------
    contexts : Contexts
    pipeline : Pipeline
    threads : int
    ranked : bool, optional
        Whether the rank masses are asked for; without them draws are not looked at.
    """
    chunks, blocks = contexts.chunks(), contexts.blocks()
    first = None if chunks else next(blocks)
    head = contexts.head(_SEEN) if first is None else first.logits
    levels = head.shape[1]
    whole = Residuals(np.empty(contexts.draws.shape if ranked else (contexts.rows, 0)), levels)
    whole.part = PARTS * -(-levels // PARTS**2)
    whole.chances = chances_after(contexts.links[-1:])
    stride = max(1, -(-contexts.rows // max(16, min(_SEEN, _ENTRIES // levels))))
    look = partial(_look, pipeline=pipeline, unit=_unit(head), part=whole.part, stride=stride)
    if first is None:
        _look_afar(chunks, contexts, look, whole)
        return whole

    def look_here(context: Context) -> _Found:
        return look(context, ranks=whole.ranks[context.start : context.start + len(context.draws)])

    rows: Iterator[Context] = chain([first], blocks)
    in_order(look_here, rows, threads if contexts.rows * levels > 1 << 18 else 1, whole.add)
    return whole


def chances_after(link: NDArray[np.uint64]) -> tuple[float, float, float]:
    """Return three numbers uniform on (0, 1), from the last link of a chain, shape (1,)."""
    one, two, three = uniform_number(splitmix(link), np.arange(3, dtype=np.uint64)).tolist()
    return one, two, three


def _look_afar(chunks: list[Chunk], contexts: Contexts, look: Callable[..., _Found], whole: Residuals) -> None:
    """Look at the chunks of a `dask.array` where they are; what is found travels, and the rows do not."""
    dask: Any = importlib.import_module("dask")
    apply = dask.delayed(partial(_in_chunk, look, whole.ranks.shape[1]), pure=False)
    tasks = [
        apply(chunk.rows, contexts.draws[own], contexts.links[own], chunk.start)
        for chunk in chunks
        for own in [slice(chunk.start, chunk.stop)]
    ]
    with contexts.bar() as bar:
        for chunk, (found, ranks) in zip(chunks, dask.compute(*tasks), strict=True):
            whole.ranks[chunk.start : chunk.stop] = ranks
            for part in found:
                whole.add(part)
            bar.update(chunk.stop - chunk.start)


def _in_chunk(
    look: Callable[..., _Found],
    columns: int,
    rows: NDArray[Any],
    draws: NDArray[np.int64],
    links: NDArray[np.uint64],
    start: int,
) -> tuple[list[_Found], Floats]:
    # What a network brings lies anywhere, and code for that is compiled aside, by each worker.
    rows, draws, links = (np.require(each, requirements="A") for each in (rows, draws, links))
    ranks = np.empty((len(draws), columns))
    return [
        look(Context(start + begin, block, draws[begin:end], links[begin:end]), ranks=ranks[begin:end])
        for begin, end, block in row_blocks(as_real("logits", rows, "pass one row of scores a context"))
    ], ranks


def _unit(block: NDArray[Any]) -> float:
    """Return bits a score for infinite temperature: one for a standard deviation of the first rows."""
    finite = block[np.isfinite(block)].astype(np.float64)
    spread = float(finite.std()) if finite.size and abs(finite).max() < 1e150 else 0.0
    return 1 / spread if spread > 0 else 1.0


def _look(context: Context, *, pipeline: Pipeline, unit: float, part: int, stride: int, ranks: Floats) -> _Found:
    from ..kernels import residuals as kernels
    from ..kernels.compiler import compiled

    rows, draws = context.logits.shape[0], context.draws
    levels, number = context.logits.shape[1], draws.shape[1]
    sorted_later = number > _SORT
    lefts, scores = np.empty((rows, 4)), np.empty((rows, number))
    moments, places = np.empty((rows, MOMENTS)), np.zeros((rows, 2 * PARTS))
    by_kernel = np.empty((rows, 0)) if sorted_later else ranks

    def read(block: NDArray[Any], steps: Steps, small: int, at: slice) -> tuple[int, int]:
        state = np.zeros(1, np.int64)
        stopped = compiled(kernels.residual_rows)(
            as_read_only(block),
            steps.codes,
            steps.values,
            steps.exactly,
            steps.scale,
            small,
            math.inf if small else unit,
            draws[at],
            context.links[at],
            part,
            lefts[at],
            scores[at],
            by_kernel[at],
            moments[at],
            places[at],
            work_space(levels, SUMS + 8),
            state,
        )
        return int(stopped), int(state[0])

    read_as = each_row(pipeline, context.logits, read, context.start)
    if sorted_later and ranks.shape[1]:
        _rank(read_as, lefts, context, ranks)
    possible = ~np.isnan(ranks) if ranks.shape[1] else np.zeros(draws.shape, bool)
    seen = np.arange(-context.start % stride, rows, stride)
    some = read_as[seen]
    kept = masses_of(some, lefts[seen])
    below = np.where(some < some.max(axis=1, keepdims=True), kept, 0.0)
    cumulants, cubes = _cumulants(moments, number)
    return _Found(
        float(np.where(possible, scores, 0.0).sum()) * _LN2,
        cumulants,
        cubes,
        _by_place(draws[possible], places, number, part),
        _rising(kept),
        (below.sum(axis=1) > NOTHING * kept.sum(axis=1)).tolist(),
    )


def _rising(masses: Floats) -> list[Floats]:
    """Return of each row what is positive, in rising order."""
    rising, first = np.sort(masses, axis=1), masses.shape[1] - np.count_nonzero(masses > 0, axis=1)
    return [row[start:].copy() for row, start in zip(rising, first.tolist(), strict=True)]


def _rank(scores: NDArray[Any], lefts: Floats, context: Context, ranks: Floats) -> None:
    """Write the rank masses of many draws of a row."""
    numbers = np.arange(context.draws.shape[1], dtype=np.uint64)
    for i, (row, own) in enumerate(zip(scores, context.draws, strict=True)):
        p = masses_of(row[None], lefts[i : i + 1])[0]
        z = row.astype(np.float64)
        order = np.argsort(z, kind="stable")
        sums = np.concatenate([[0.0], np.cumsum(p[order])])
        below, upto = (sums[np.searchsorted(z[order], z[own], side)] for side in ("left", "right"))
        chance = uniform_number(context.links[i : i + 1], numbers)
        told = np.where(
            sums[-1] - (upto - below) > NOTHING * sums[-1], (below + chance * (upto - below)) / sums[-1], np.inf
        )
        ranks[i] = np.where(p[own] > 0, told, np.nan)


def _cumulants(moments: Floats, number: int) -> tuple[Floats, float]:
    """Return K, K' and K'' of the score, shape (3, tilts), summed over draws, and the sum of E |x|^3."""
    table = moments[:, : SUMS - 1].reshape(len(moments), len(TILTS), 3)
    centre = TILTS.index(4)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):  # tilts beyond the range of floats are not used
        mass, first, second = (table[:, :, j] for j in range(3))
        mean = first / mass
        value = np.log(mass / mass[:, centre, None])
        value -= _THETA * _LN2 * moments[:, SUMS, None]  # weights are 2^(theta t), and t = x + <t>
        variance = np.maximum(second / mass - mean**2, 0.0)
        cubes = moments[:, SUMS - 1] / mass[:, centre]
        total = np.stack([value.sum(axis=0), mean.sum(axis=0) * _LN2, variance.sum(axis=0) * _LN2**2]) * number
    total[:2, centre] = 0.0  # but for rounding
    return total, float(cubes.sum()) * _LN2**3 * number


def _by_place(drawn: NDArray[np.int64], places: Floats, number: int, part: int) -> Places:
    """Return the draws by place, what was expected of them, their covariance and fourth cumulants."""
    p = places.reshape(len(places), 2, PARTS)
    p = p / p.sum(axis=2, keepdims=True)
    observed = np.stack([np.bincount(place, minlength=PARTS) for place in (drawn // part, drawn % PARTS)])
    expected = p.sum(axis=0)
    covariance = -np.matmul(p.transpose(1, 2, 0), p.transpose(1, 0, 2))
    covariance[:, np.arange(PARTS), np.arange(PARTS)] += expected
    odds = p * (1 - p)
    fourth = (odds * (1 - 6 * odds)).sum(axis=0)
    return Places(observed.astype(float), expected * number, covariance * number, fourth * number)
