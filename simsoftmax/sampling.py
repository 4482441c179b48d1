"""Exact draws from softmax, after the filters that language models put before a draw.

A pipeline is a list of steps, in an order that one can read: a temperature, and filters that leave the most likely
tokens only. Orders differ between libraries, and so do the distributions; `Pipeline.probabilities` is the exact one
that a pipeline draws from, whatever its order.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .arguments import (
    RNG,
    Reals,
    as_count,
    as_logits,
    as_number,
    as_real,
    as_temperature,
    as_threads,
    first_index,
    generator,
)
from .results import Displayed
from .threads import in_order

__all__ = ["MinP", "Pipeline", "Temperature", "TopK", "TopP", "Typical", "sample"]

Ties = Literal["keep", "first"]
Order = Literal["temperature-first", "temperature-last"]

_LN2 = math.log(2.0)
_UNIT = 1 << 20  # entries that one thread takes at a time
_CONVERTED_UNIT = 1 << 19  # the same where a copy is needed: other types, other layouts
# Entries for each thread: one that sleeps takes a third of a millisecond to wake, and often does so on the processor of
# the one that woke it. In single precision four million are read in a millisecond or two.
_TURN, _QUICK_TURN = 1 << 20, 1 << 22
_TABLE = 64  # a row of which more than one draw is made for so many levels gets a table of its sums


def _as_share(name: str, value: Any, *, low: float = 0.0) -> float:
    remedy = "pass a number above 0 and at most 1" if low == 0 else "pass a number from 0 to 1"
    number = float(as_number(name, value, remedy))
    if not (number >= 0 if low < 0 else number > 0) or number > 1:
        raise ValueError(f"{name} must be {remedy.removeprefix('pass a number ')}, got {value!r}; {remedy}")
    return number


def _as_ties(ties: Any) -> None:
    if ties not in ("keep", "first"):
        raise ValueError(f"ties must be 'keep' or 'first', got {ties!r}; pass one of them")


@dataclass(frozen=True)
class Temperature(Displayed):
    """Divide the scores by a temperature; 0 leaves the highest only, infinity makes all alike.

    Attributes
    ----------
    temperature : float
        T >= 0, in units of the scores.

    See Also
    --------
    Pipeline : Steps between logits and a draw.

    Examples
    --------
    >>> Pipeline([Temperature(0.5)]).probabilities([2.0, 1.0, 0.1]).round(3).tolist()
    [0.864, 0.117, 0.019]
    """

    temperature: float = 1.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "temperature", float(as_temperature(self.temperature, scalar=True)))

    def __str__(self) -> str:
        return f"temperature {self.temperature:g}"


@dataclass(frozen=True)
class TopK(Displayed):
    """Leave the k most likely tokens.

    ``ties`` says what becomes of tokens as likely as the k-th: "keep" leaves all of them (transformers, vLLM), "first"
    the first of them, so that k are left (llama.cpp).

    Attributes
    ----------
    k : int
        How many.
    ties : {"keep", "first"}
        What becomes of tokens as likely as the k-th.

    See Also
    --------
    Pipeline : Steps between logits and a draw.
    TopP : The most likely tokens, by their mass.

    Examples
    --------
    >>> Pipeline([TopK(2)]).probabilities([2.0, 1.0, 0.1]).round(3).tolist()
    [0.731, 0.269, 0.0]
    """

    k: int
    ties: Ties = "keep"

    def __post_init__(self) -> None:
        object.__setattr__(self, "k", as_count("top_k", self.k))
        _as_ties(self.ties)

    def __str__(self) -> str:
        return f"top-k {self.k}" + (", ties by index" if self.ties == "first" else "")


@dataclass(frozen=True)
class TopP(Displayed):
    """Leave the nucleus: the most likely tokens up to the one with which their mass reaches p.

    A. Holtzman et al., "The Curious Case of Neural Text Degeneration" (2020). ``ties`` says what becomes of tokens as
    likely as the last one: "keep" leaves all of them, "first" as many as are needed.

    Attributes
    ----------
    p : float
        The mass, above 0 and at most 1.
    ties : {"keep", "first"}
        What becomes of tokens as likely as the last one.

    See Also
    --------
    Pipeline : Steps between logits and a draw.
    TopK : The most likely tokens, by their number.
    MinP : Tokens by their probability over the greatest.
    Typical : Tokens whose surprise is nearest to the entropy.

    Examples
    --------
    >>> Pipeline([TopP(0.6)]).probabilities([2.0, 1.0, 0.1]).round(3).tolist()  # the first holds 0.659 by itself
    [1.0, 0.0, 0.0]
    """

    p: float
    ties: Ties = "keep"

    def __post_init__(self) -> None:
        object.__setattr__(self, "p", _as_share("top_p", self.p))
        _as_ties(self.ties)

    def __str__(self) -> str:
        return f"top-p {self.p:g}" + (", ties by index" if self.ties == "first" else "")


@dataclass(frozen=True)
class MinP(Displayed):
    """Leave the tokens that are at least p times as likely as the most likely one.

    Attributes
    ----------
    p : float
        The share of the largest probability, from 0 to 1.

    See Also
    --------
    Pipeline : Steps between logits and a draw.
    TopP : The most likely tokens, by their mass.

    Examples
    --------
    >>> Pipeline([MinP(0.3)]).probabilities([2.0, 1.0, 0.1]).round(3).tolist()
    [0.731, 0.269, 0.0]
    """

    p: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "p", _as_share("min_p", self.p, low=-1))

    def __str__(self) -> str:
        return f"min-p {self.p:g}"


@dataclass(frozen=True)
class Typical(Displayed):
    """Leave the tokens whose surprise is nearest to the entropy, up to the one with which their mass reaches p.

    C. Meister et al., "Locally Typical Sampling" (2023). -ln p is (<z> - z) / T away from the entropy, so these are the
    tokens whose energy is nearest to the mean energy. Tokens equally near stay together.

    Attributes
    ----------
    p : float
        The mass, above 0 and at most 1.

    See Also
    --------
    Pipeline : Steps between logits and a draw.
    TopP : The most likely tokens, by their mass.

    Examples
    --------
    >>> Pipeline([Typical(0.5)]).probabilities([2.0, 1.0, 1.0, 1.0]).round(3).tolist()
    [0.0, 0.333, 0.333, 0.333]
    """

    p: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "p", _as_share("typical_p", self.p))

    def __str__(self) -> str:
        return f"typical {self.p:g}"


Step = Temperature | TopK | TopP | MinP | Typical


class Pipeline(Displayed):
    """Steps between logits and a draw, in their order: temperatures, and filters that leave the likeliest tokens only.

    Each filter looks at the distribution that the steps before it have left, normalised.

    Parameters
    ----------
    steps : iterable of `Temperature`, `TopK`, `TopP`, `MinP`, `Typical`
        None draws from softmax(logits).

    See Also
    --------
    sample : Exact draws.
    Temperature : The step that divides by a temperature.
    TopK : The most likely tokens, by their number.
    TopP : The most likely tokens, by their mass.
    MinP : Tokens by their probability over the greatest.
    Typical : Tokens whose surprise is nearest to the entropy.

    Examples
    --------
    >>> pipeline = Pipeline([Temperature(0.5), TopK(2)])
    >>> print(pipeline)
    Scores pass temperature 0.5, then top-k 2; one token is drawn from what is left.
    >>> pipeline.probabilities([2.0, 1.0, 0.0]).round(3).tolist()
    [0.881, 0.119, 0.0]
    """

    def __init__(self, steps: Iterable[Step] = ()) -> None:
        try:
            self._steps = tuple(steps)
        except TypeError:
            raise TypeError(
                f"steps must be a list of steps, got {steps!r}; pass [Temperature(0.7), TopK(40)]"
            ) from None
        for step in self._steps:
            if not isinstance(step, (Temperature, TopK, TopP, MinP, Typical)):
                raise TypeError(
                    f"steps must be Temperature, TopK, TopP, MinP or Typical, got {step!r}; pass one of them, "
                    "such as TopK(40)"
                )

    @property
    def steps(self) -> tuple[Step, ...]:
        """The steps, in their order."""
        return self._steps

    @property
    def temperature(self) -> float:
        """The temperature that all steps make together, at which one of what is left is drawn."""
        each = [step.temperature for step in self._steps if isinstance(step, Temperature)]
        return 0.0 if 0 in each else math.prod(each)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Pipeline) and self._steps == other._steps

    def __hash__(self) -> int:
        return hash(self._steps)

    def __repr__(self) -> str:
        return f"Pipeline([{', '.join(map(repr, self._steps))}])"

    def __str__(self) -> str:
        passed = ", then ".join(map(str, self._steps))
        return f"Scores pass {passed}; one token is drawn from what is left." if passed else "A draw from softmax."

    @classmethod
    def of(
        cls,
        temperature: float = 1.0,
        *,
        top_k: int | None = None,
        top_p: float | None = None,
        min_p: float | None = None,
        typical_p: float | None = None,
        order: Order = "temperature-first",
    ) -> Pipeline:
        """Return the pipeline of the usual dials; those that are None are left out.

        ``order`` is "temperature-first" (temperature, top-k, top-p, min-p, typical) or "temperature-last" (top-k,
        typical, top-p, min-p, temperature).
        """
        if order not in ("temperature-first", "temperature-last"):
            raise ValueError(
                f"order must be 'temperature-first' or 'temperature-last', got {order!r}; pass one of them"
            )
        heat = Temperature(temperature)
        k = [] if top_k is None else [TopK(top_k)]
        nucleus = [] if top_p is None else [TopP(top_p)]
        least = [] if min_p is None else [MinP(min_p)]
        typical = [] if typical_p is None else [Typical(typical_p)]
        if order == "temperature-first":
            return cls([heat, *k, *nucleus, *least, *typical])
        return cls([*k, *typical, *nucleus, *least, heat])

    @classmethod
    def transformers(
        cls,
        temperature: float = 1.0,
        *,
        top_k: int | None = None,
        top_p: float | None = None,
        min_p: float | None = None,
        typical_p: float | None = None,
    ) -> Pipeline:
        """Return the order of Hugging Face's transformers: temperature, top-k, top-p, min-p, typical.

        Its top-k keeps ties; its nucleus breaks them, in an order that is not specified (here by index).
        """
        steps = cls.of(temperature, top_k=top_k, top_p=top_p, min_p=min_p, typical_p=typical_p).steps
        return cls([replace(step, ties="first") if isinstance(step, TopP) else step for step in steps])

    @classmethod
    def vllm(
        cls,
        temperature: float = 1.0,
        *,
        top_k: int | None = None,
        top_p: float | None = None,
        min_p: float | None = None,
    ) -> Pipeline:
        """Return the order of vLLM: temperature, min-p, top-k, top-p; top-k keeps ties, the nucleus breaks them."""
        steps: list[Step] = [Temperature(temperature)]
        steps += [] if min_p is None else [MinP(min_p)]
        steps += [] if top_k is None else [TopK(top_k)]
        steps += [] if top_p is None else [TopP(top_p, "first")]
        return cls(steps)

    @classmethod
    def llama_cpp(
        cls,
        temperature: float = 1.0,
        *,
        top_k: int | None = None,
        top_p: float | None = None,
        min_p: float | None = None,
        typical_p: float | None = None,
    ) -> Pipeline:
        """Return the default order of llama.cpp: top-k, typical, top-p, min-p, temperature; ties are broken."""
        usual = cls.of(
            temperature, top_k=top_k, top_p=top_p, min_p=min_p, typical_p=typical_p, order="temperature-last"
        )
        return cls([replace(step, ties="first") if isinstance(step, (TopK, TopP)) else step for step in usual.steps])

    def probabilities(self, logits: Reals) -> NDArray[np.float64]:
        """Return the exact distribution that is drawn from, shape (K,) or (n, K) as the logits.

        Raises
        ------
        TypeError, ValueError
            If the logits are refused, as by `simsoftmax.softmax`.
        """
        z = as_logits(logits)
        rows = z.reshape(-1, z.shape[-1])
        result = np.empty(rows.shape)
        for start, stop, block in row_blocks(rows):
            lefts = np.empty((len(block), 4))

            def describe(
                part: NDArray[Any], steps: Steps, small: int, at: slice, lefts: NDArray[np.float64] = lefts
            ) -> tuple[int, int]:
                return _describe(part, steps, small, lefts[at])

            scores = each_row(self, block, describe, start)
            result[start:stop] = masses_of(scores, lefts)
        return result.reshape(z.shape)

    def sample(
        self, logits: Reals, *, size: int | None = None, rng: RNG = None, threads: int | None = None
    ) -> NDArray[np.int64]:
        """Draw tokens: one of each row of logits, or ``size`` of each; arguments and result are those of `sample`."""
        return _sample(self, logits, size, rng, threads)


def sample(
    logits: Reals,
    temperature: float = 1.0,
    *,
    size: int | None = None,
    top_k: int | None = None,
    top_p: float | None = None,
    min_p: float | None = None,
    typical_p: float | None = None,
    order: Order = "temperature-first",
    pipeline: Pipeline | None = None,
    rng: RNG = None,
    threads: int | None = None,
) -> NDArray[np.int64]:
    """Draw from softmax(logits / temperature), after filters if any are asked for.

    Parameters
    ----------
    logits : array_like, shape (K,) or (n, K)
        Scores; -inf marks what is never drawn. float32 and float64, also in memory-mapped files, are read in place.
    temperature : float, optional
        0 and infinity mean the exact limits.
    size : int, optional
        Draws of each row; one, without an axis of its own, by default.
    top_k, top_p, min_p, typical_p : optional
        Filters, as in `TopK`, `TopP`, `MinP` and `Typical`, whose ties stay.
    order : {"temperature-first", "temperature-last"}, optional
        As in `Pipeline.of`: as transformers and vLLM have it, or as llama.cpp does.
    pipeline : Pipeline, optional
        Takes the place of temperature and filters.
    rng : numpy.random.Generator, int or None, optional
        Seed. The same seed gives the same draws whatever the number of threads.
    threads : int, optional
        As many as there are processors by default.

    Returns
    -------
    ndarray of int64
        Shape () or (size,) for one row of logits, (n,) or (n, size) for n rows.

    Raises
    ------
    TypeError, ValueError
        If an argument is refused, before anything is drawn.

    See Also
    --------
    softmax : The probabilities themselves.
    Pipeline : Steps between logits and a draw.
    verify_draws : Whether a sampler draws right, one draw a context.
    language.fit_language : A model of a text, whose letters can be drawn.

    Notes
    -----
    The inverse of the distribution function, in double precision: a block of tokens is drawn by its mass and then a
    token of it, each by a uniform number of 53 bits. So a token comes up at its rate to within 2^-53, and a rare one
    to that precision of the mass of its block.

    Examples
    --------
    >>> int(sample([2.0, 1.0, 0.1], 0.0))
    0
    >>> np.bincount(sample([2.0, 1.0, 0.1], 0.5, size=1000, rng=0), minlength=3).sum()
    np.int64(1000)
    """
    if pipeline is None:
        pipeline = Pipeline.of(temperature, top_k=top_k, top_p=top_p, min_p=min_p, typical_p=typical_p, order=order)
    else:
        pipeline = as_pipeline(temperature, pipeline)
        for name, value in {"top_k": top_k, "top_p": top_p, "min_p": min_p, "typical_p": typical_p}.items():
            if value is not None:
                raise _beside(name, value)
        if order != "temperature-first":
            raise ValueError(f"order must be left out with a pipeline, got {order!r}; the steps have an order")
    return _sample(pipeline, logits, size, rng, threads)


def as_pipeline(temperature: Any, pipeline: Any) -> Pipeline:
    """Return a pipeline, or that of a temperature alone where there is none."""
    if pipeline is None:
        return Pipeline.of(temperature)
    if not isinstance(pipeline, Pipeline):
        raise TypeError(f"pipeline must be a Pipeline, got {pipeline!r}; pass Pipeline([Temperature(0.7), TopK(40)])")
    if temperature is not None and not (isinstance(temperature, (int, float)) and temperature == 1):
        raise _beside("temperature", temperature)
    return pipeline


def _beside(name: str, value: Any) -> ValueError:
    return ValueError(f"{name} must be left out with a pipeline, got {value!r}; make it a step of the pipeline")


def _sample(pipeline: Pipeline, logits: Reals, size: Any, rng: RNG, threads: Any) -> NDArray[np.int64]:
    z = as_real("logits", logits, "pass one score per level")
    if z.ndim not in (1, 2) or z.shape[-1] == 0:
        raise ValueError(
            f"logits must have shape (K,) or (n, K) with K at least 1, got {z.shape}; pass one row of scores a draw"
        )
    number = 1 if size is None else as_count("size", size, low=0)
    workers = as_threads(threads)
    key = generator(rng).integers(2**64, size=1, dtype=np.uint64)
    rows = z[None] if z.ndim == 1 else z
    draws = np.empty((len(rows), number), np.int64)
    rooms: list[_Room] = []  # in which no thread works now

    def draw(item: tuple[int, int, NDArray[Any]]) -> None:
        start, stop, block = item
        own = draws[start:stop]
        room = rooms.pop() if rooms else _Room(rows.shape[1], number)

        def read(part: NDArray[Any], steps: Steps, small: int, at: slice) -> tuple[int, int]:
            return _draw(part, steps, small, key, start + at.start, own[at], room)

        each_row(pipeline, block, read, start)
        rooms.append(room)

    quick = rows.dtype == np.float32 and _in_numbers(pipeline).quick
    workers = min(workers, max(1, rows.size // (_QUICK_TURN if quick else _TURN)))
    in_order(draw, row_blocks(rows, max(_TURN // 4, rows.size // 2 // workers) if workers > 1 else _UNIT), workers)
    shaped = draws if size is not None else draws[:, 0]
    return shaped[0] if z.ndim == 1 else shaped


# --- rows as the kernel reads them ------------------------------------------------------------------------------------


def row_blocks(rows: NDArray[Any], unit: int = _UNIT) -> Iterable[tuple[int, int, NDArray[Any]]]:
    """Yield blocks of rows, of so many entries at most, that the kernel can read, in place where it can."""
    direct = rows.flags.c_contiguous and rows.dtype in (np.float32, np.float64) and rows.dtype.isnative
    length = max(1, min(unit, _UNIT if direct else _CONVERTED_UNIT) // rows.shape[1])
    for start in range(0, len(rows), length):
        block = rows[start : start + length]
        if block.dtype == np.float16:
            block = _widened(block)
        elif not direct:
            block = np.ascontiguousarray(block, np.float32 if block.dtype.itemsize <= 4 else np.float64)
        yield start, start + len(block), block


def _widened(block: NDArray[np.float16]) -> NDArray[np.float32]:
    """Return a block of float16 as float32; NumPy does it number by number."""
    from .kernels.compiler import compiled
    from .kernels.halves import widen

    wide = np.empty(block.shape, np.float32)
    bits = np.ascontiguousarray(block, np.float16).view(np.uint16)
    compiled(widen)(as_read_only(bits), wide.view(np.uint32), wide)
    return wide


class Steps(NamedTuple):
    """A pipeline in numbers, for the kernel."""

    codes: NDArray[np.int64]
    values: NDArray[np.float64]
    exactly: NDArray[np.int64]
    scale: float
    last: float  # the scale after all temperatures
    quick: bool  # whether single precision can bound the weights: a finite temperature above 0, and no filter


@functools.lru_cache
def _in_numbers(pipeline: Pipeline, exponent: int = 0) -> Steps:
    """Return the steps for scores that were multiplied by 2^-exponent."""
    from .kernels import sampling as kernels

    codes, values, exactly = [], [], []
    inverse, doublings = 1 / _LN2, exponent  # the scale is inverse * 2^doublings
    scale = first = _float(inverse, doublings)
    for step in pipeline.steps:
        if isinstance(step, Temperature):
            if 0 < step.temperature < math.inf:
                fraction, power = math.frexp(step.temperature)
                inverse, doublings = inverse / fraction, doublings - power
            elif step.temperature:
                inverse = 0.0
            scale = _float(inverse, doublings)
            code, value = kernels.TEMPERATURE, scale if step.temperature else math.inf
        elif isinstance(step, TopK):
            code, value = kernels.TOP_K, float(step.k)
        elif isinstance(step, TopP):
            code, value = kernels.TOP_P, step.p
        elif isinstance(step, MinP):
            code, value = kernels.MIN_P, math.log2(step.p) if step.p else -math.inf
        else:
            code, value = kernels.TYPICAL, step.p
        if not (isinstance(step, (TopP, Typical)) and value == 1) and value != -math.inf:  # else it leaves everything
            codes.append(code)
            values.append(value)
            exactly.append(int(getattr(step, "ties", "keep") == "first"))
    quick = all(code == kernels.TEMPERATURE for code in codes) and 1e-30 < scale < 1e30
    quick = quick and all(map(math.isfinite, values))
    return Steps(np.array(codes, np.int64), np.array(values), np.array(exactly, np.int64), first, scale, quick)


def _float(fraction: float, power: int) -> float:
    """Return fraction * 2^power, or the largest float if that is larger."""
    try:
        return math.ldexp(fraction, power)
    except OverflowError:
        return float(np.finfo(float).max)


def work_space(levels: int, vectors: int = 0) -> Any:
    """Return the room that kernels work in, with so many vectors more at its end."""
    from .kernels import lanes
    from .kernels import sampling as kernels
    from .kernels.calling import Bundle

    blocks = -(-levels // kernels.BLOCK)
    few = levels <= kernels.FEW  # what is put in order then is all there is
    most = kernels.FEW + 1 if few else kernels.MOST
    room = [np.empty(most), np.empty(most), np.empty(blocks), lanes.aligned((5, 8), np.float64)]
    room.append(np.empty(-(-levels // kernels.CHUNK)))
    if vectors:
        room.append(lanes.aligned((vectors, 8), np.float64))
    return Bundle(room)


# What reads some rows: scores, the steps in numbers, and which rows of the block they are. It returns the number of the
# row at which it stopped, or -1, and why.
_Reader = Callable[[NDArray[Any], Steps, int, slice], tuple[int, int]]


def each_row(pipeline: Pipeline, block: NDArray[Any], read: _Reader, first: int) -> NDArray[Any]:
    """Let ``read`` see every row of a block, and rows of extreme numbers one by one, brought to a size of one.

    Returns
    -------
    ndarray
        The scores as they were read.
    """
    from .kernels import sampling as kernels

    steps = _in_numbers(pipeline)
    scores = block
    begin = 0
    while begin < len(block):
        stopped, why = read(block[begin:], steps, 0, slice(begin, len(block)))
        if stopped < 0:
            break
        at = begin + stopped
        if why == kernels.UNSOUND:
            raise _refusal(block[at], first + at)
        gap, exponent = _brought_to_one(block[at])
        stopped, why = read(gap[None], _in_numbers(pipeline, exponent), 1, slice(at, at + 1))
        if stopped >= 0:
            raise ValueError(
                f"logits must differ by more, got row {first + at}, in which more than {kernels.MOST:,} differ by less "
                f"than 1e-290 of their range; round them first"
            )
        if scores is block:
            scores = block.astype(np.float64)
        scores[at] = gap
        begin = at + 1
    return scores


def _brought_to_one(row: NDArray[Any]) -> tuple[NDArray[np.float64], int]:
    """Return the scores less the highest, from -1 to 0, and the power of two by which they were divided."""
    half = row.astype(np.float64) / 2  # so that no difference overflows
    gap = half - half.max()
    largest = -gap[gap > -np.inf].min()
    exponent = math.frexp(largest)[1] + 1 if largest else 0
    return np.ldexp(gap, 1 - exponent), exponent


def _refusal(row: NDArray[Any], number: int) -> ValueError:
    """Return the error that says what is wrong with a row of logits."""
    bad = np.isnan(row) | (row == np.inf)
    if bad.any():
        return ValueError(
            f"logits must be finite or -inf, got {row[bad][0]} at index ({number}, {first_index(bad)}); use -inf for a "
            "level that cannot be occupied"
        )
    return ValueError(
        f"logits must allow at least one level, got -inf throughout row {number}; give one a finite score"
    )


def _describe(part: NDArray[Any], steps: Steps, small: int, lefts: NDArray[np.float64]) -> tuple[int, int]:
    from .kernels import sampling as kernels
    from .kernels.compiler import compiled

    state = np.zeros(1, np.int64)
    work = work_space(part.shape[1])
    numbers = (steps.codes, steps.values, steps.exactly, steps.scale, small)
    stopped = compiled(kernels.narrow_rows)(as_read_only(part), *numbers, lefts, work, state)
    return int(stopped), int(state[0])


class _Room:
    """What one thread needs to draw from rows, made once; and whether so many draws of a row are made from a table."""

    def __init__(self, levels: int, number: int) -> None:
        self.levels, self.number = levels, number
        self.many = number > max(1, levels // _TABLE)

    @functools.cached_property
    def quick(self) -> tuple[Any, ...]:
        """A kernel in single precision, and what it works in."""
        from .kernels import lanes
        from .kernels import sampling as kernels
        from .kernels.compiler import compiled

        if self.number == 1 and self.levels <= kernels.FEW:
            tile, space = lanes.aligned((self.levels, kernels.LANES), np.float32), lanes.aligned((6, 8), np.float64)
            return compiled(kernels.few_levels), tile, space
        weights = lanes.aligned((kernels.BLOCK // kernels.LANES + 1, kernels.LANES), np.float32)
        blocks, tops = np.empty((2, -(-self.levels // kernels.BLOCK)))
        return compiled(kernels.quick_rows), blocks, tops, weights

    @functools.cached_property
    def full(self) -> tuple[Any, ...]:
        """The kernel for everything, and what it works in."""
        from .kernels import sampling as kernels
        from .kernels.compiler import compiled

        table = np.empty(self.levels if self.many else 0)
        return compiled(kernels.draw_rows), table, work_space(self.levels), np.zeros(1, np.int64)


def _draw(
    part: NDArray[Any],
    steps: Steps,
    small: int,
    key: NDArray[np.uint64],
    first: int,
    draws: NDArray[np.int64],
    room: _Room,
) -> tuple[int, int]:
    if part.dtype == np.float32 and steps.quick and not room.many:
        quick, *where = room.quick
        begin = 0
        while begin < len(part):
            stopped = quick(
                as_read_only(part[begin:]),
                np.float32(steps.last),
                steps.last,
                key,
                first + begin,
                draws[begin:],
                *where,
            )
            if stopped < 0:
                return -1, 0
            row = slice(begin + stopped, begin + stopped + 1)
            stopped, why = _draw(part[row].astype(np.float64), steps, small, key, first + row.start, draws[row], room)
            if stopped >= 0:
                return row.start, why
            begin = row.stop
        return -1, 0
    full, table, work, state = room.full
    numbers = (steps.codes, steps.values, steps.exactly, steps.scale, small)
    stopped = full(as_read_only(part), *numbers, key, first, draws, table, work, state)
    return int(stopped), int(state[0])


def as_read_only(array: NDArray[Any]) -> NDArray[Any]:
    view = array.view()
    view.flags.writeable = False  # so that a file opened for reading needs no compilation of its own
    return view


def masses_of(scores: NDArray[Any], lefts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the distribution over each row that the kernel's description of it means."""
    z = scores.astype(np.float64, copy=False)
    low, high, ties, scale = (lefts[:, k, None] for k in range(4))
    tied = z == low
    kept = (z > low) & (z <= high)
    if tied.any():
        kept |= tied & (np.cumsum(tied, axis=1) <= ties)
    masses = np.where(kept, z - high, 0.0)
    masses *= scale
    np.exp2(masses, out=masses)
    masses *= kept
    masses /= masses.sum(axis=1, keepdims=True)
    return masses
