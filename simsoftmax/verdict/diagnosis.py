"""Which mistake is it? Named explanations of a sampler's draws, and their odds.

An explanation is a small model of a faulty sampler: the distribution that it would draw from. The likelihood of each is
summed over all draws in one pass. What an explanation leaves open, a share or a temperature, is integrated out under a
flat prior, so that no freedom is gained for nothing (R. E. Kass and A. E. Raftery, "Bayes factors", 1995).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import interpolate, optimize, special, stats

from ..arguments import Reals, Row, sums_to_one
from ..results import Displayed, Result, counted
from ..sampling import Pipeline, Temperature, TopK, TopP, as_pipeline
from .contexts import Contexts, as_contexts
from .power import percent

__all__ = ["DOUBT", "EXPLANATIONS", "Diagnosis", "Explanation", "Finding", "Rows", "diagnose"]

Floats = NDArray[np.float64]

DOUBT = 1e-3
"""A fault is named if its odds over a right sampler are those of all explanations over this. The odds of a false one
are 1 in the mean over the draws of a right sampler, so that Markov's inequality leaves this chance of a false name."""
TIE = 0.01
"""Logarithms of likelihoods that differ by less, odds of 1.01 to 1, tell nothing apart."""
CONFIDENCE = 0.95

_TICKS = 2.0**24  # values of a uniform random number of 24 bits
_STEPS = (0.005, 0.01, 0.02, 0.03, 0.045, 0.065, 0.09, 0.12, 0.16, 0.21, 0.28, 0.37, 0.5, 0.7, 1.0, 1.6)
FACTORS = tuple(math.exp(x) for x in (*(-s for s in reversed(_STEPS)), 0.0, *_STEPS))
"""Factors by which a temperature is off; between them the likelihood is interpolated."""


class Rows(NamedTuple):
    """Some rows of logits, what a right sampler makes of them, and what was drawn.

    Attributes
    ----------
    pipeline : Pipeline
        What the sampler is said to do.
    logits : ndarray, shape (b, K)
        float32 or float64.
    right : ndarray of float64, shape (b, K)
        ``pipeline.probabilities(logits)``.
    draws : ndarray of int64, shape (b, m)
    """

    pipeline: Pipeline
    logits: NDArray[Any]
    right: Floats
    draws: NDArray[np.int64]

    def at_draws(self, table: NDArray[Any]) -> NDArray[Any]:
        """Return the entries of a table of shape (b, K) at what was drawn, shape (b, m)."""
        return np.take_along_axis(table, self.draws, axis=1)


@dataclass(frozen=True)
class Explanation(Displayed):
    """A sampler that could have made the draws; exactly one of its three functions is given.

    Attributes
    ----------
    name, sentence : str
        What it is called, and what such a sampler does.
    pipeline : callable, optional
        From the stated `Pipeline` to the one that the sampler really has, or None where there is no such sampler; with
        ``factors``, from the stated one and a factor.
    probabilities : callable, optional
        From `verdict.diagnosis.Rows` to the distributions that it draws from, shape (b, K), or None where there is no
        such sampler.
    pairs : callable, optional
        From the rows before and those after to the joint probabilities of the draws of neighbouring rows, shape
        (b, m). The share of pairs of which that holds is estimated.
    share : bool, optional
        Whether it is so now and then only, and right otherwise; the share is estimated.
    factors : tuple of float, optional
        Factors of the temperature, rising, of which the best is estimated.

    Raises
    ------
    TypeError, ValueError
        If there is no name, or if not exactly one function is given.

    See Also
    --------
    diagnose : Which mistake a sampler makes.

    Examples
    --------
    >>> from simsoftmax import Pipeline, TopK
    >>> def all_but_top_k(stated):
    ...     return Pipeline(step for step in stated.steps if not isinstance(step, TopK))
    >>> forgotten = Explanation("top-k forgotten", "Leaves out top-k.", pipeline=all_but_top_k)
    """

    name: str
    sentence: str
    pipeline: Callable[..., Pipeline | None] | None = None
    probabilities: Callable[[Rows], Floats | None] | None = None
    pairs: Callable[[Rows, Rows], Floats] | None = None
    share: bool = False
    factors: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        for field in ("name", "sentence"):
            value = getattr(self, field)
            if not isinstance(value, str):
                raise TypeError(f"{field} must be a text, got {value!r}; say what the sampler does")
        if not self.name or self.name == RIGHT:
            raise ValueError(f"name must not be empty or {RIGHT!r}, got {self.name!r}; pass another")
        given = {field: getattr(self, field) for field in ("pipeline", "probabilities", "pairs")}
        functions = [field for field, value in given.items() if value is not None]
        if len(functions) != 1:
            raise ValueError(
                f"explanation must have one function, got {len(functions)} for {self.name!r}; pass one of pipeline, "
                "probabilities and pairs"
            )
        if not callable(given[functions[0]]):
            raise TypeError(
                f"{functions[0]} must be a function, got {given[functions[0]]!r}; pass one as the documentation of "
                "Explanation has it"
            )
        if self.factors and (self.pipeline is None or self.share):
            raise ValueError(
                f"factors must come with a pipeline and no share, got {self.factors!r} for {self.name!r}; leave "
                "them out"
            )

    def __str__(self) -> str:
        return f"{self.name}: {self.sentence}"


@dataclass(frozen=True, eq=False)
class Finding(Result):
    """What speaks for one explanation.

    Attributes
    ----------
    name, sentence : str
    log_likelihood : float
        Natural logarithm of the probability of all draws, what is estimated integrated out; -inf if one is impossible.
    log10_odds : float
        Decimal logarithm of the odds over the best one: the ratio of likelihoods.
    quantity : str
        What is estimated: "share", "temperature", or nothing.
    estimate, low, high : float
        Its likeliest value, with the interval of 95 % confidence of the likelihood ratio (S. S. Wilks 1938); NaN if
        nothing is estimated.
    excluded : tuple of int, or None
        Row and token of the first draw that could not have been made.
    """

    name: str
    sentence: str
    log_likelihood: float
    log10_odds: float = math.nan
    quantity: str = ""
    estimate: float = math.nan
    low: float = math.nan
    high: float = math.nan
    excluded: tuple[int, int] | None = None

    def __str__(self) -> str:
        if self.quantity == "share" and not math.isnan(self.estimate):
            return f"{self.name} (share {percent(self.estimate)}, {percent(self.low)} to {percent(self.high)})"
        if self.quantity == "temperature" and not math.isnan(self.estimate):
            return f"{self.name} (T = {self.estimate:.4g}, {self.low:.4g} to {self.high:.4g})"
        return self.name


@dataclass(frozen=True, eq=False)
class Diagnosis(Result):
    """Explanations of draws, the best first.

    Attributes
    ----------
    best : str
        Its name; "right" for a right sampler, empty if every explanation is excluded.
    tied : tuple of str
        Names of those that these draws do not tell apart from it: as a rule they say the same of these rows.
    findings : tuple of Finding
        All by likelihood, best first; a fault stands before "right" only if its odds suffice.
    rows, draws : int
    required_log10_odds : float
        Decimal logarithm of the odds over a right sampler from which on a fault is named.
    """

    best: str
    tied: tuple[str, ...]
    findings: tuple[Finding, ...]
    rows: int
    draws: int
    required_log10_odds: float

    @property
    def ranking(self) -> list[tuple[str, float]]:
        """Names and decimal logarithms of the odds over the best, best first."""
        return [(finding.name, finding.log10_odds) for finding in self.findings]

    @property
    def table(self) -> str:
        """All findings, a line each."""
        lines = ["log10 odds  explanation"]
        for finding in self.findings:
            odds = "excluded" if finding.log10_odds == -math.inf else f"{finding.log10_odds:.2f}"
            words = str(finding)
            if finding.excluded is not None:
                row, token = finding.excluded
                words += f": token {token} cannot come up in row {row}"
            lines.append(f"{odds:>10}  {words}")
        return "\n".join(lines)

    def __getitem__(self, name: str) -> Finding:
        """Return the finding of that name."""
        for finding in self.findings:
            if finding.name == name:
                return finding
        raise KeyError(name)

    def __str__(self) -> str:
        who = f"{counted(self.draws, 'draw')} from {counted(self.rows, 'row')}"
        if not self.best:
            row, token = self.findings[0].excluded or (0, 0)
            return (
                f"No explanation: {who}; none of {len(self.findings)} allows all of them, and a right sampler never "
                f"draws token {token} in row {row}."
            )
        best, right = self.findings[0], self[RIGHT]
        said = [f"Best: {best}"]
        if self.tied:
            said.append(f", from which these draws do not tell {_listed(self.tied)} apart")
        if best is not right and right.excluded is not None:
            row, token = right.excluded
            said.append(f", for a right sampler never draws token {token} in row {row}")
        elif best is not right:
            said.append(f", odds {_odds(-right.log10_odds)} over right")
        rivals = [f for f in self.findings if f.name not in (self.best, RIGHT, *self.tied)]
        rival = max(rivals, key=lambda f: f.log_likelihood, default=right)
        if best is right and rival.log10_odds > -math.inf and rival is not right:
            said.append(f"; of the others {rival} is the likeliest, odds {_odds(rival.log10_odds)} over right")
            if rival.log10_odds > 0:
                said.append(f", where {_odds(self.required_log10_odds)} would be needed")
        elif rival.log_likelihood > right.log_likelihood + TIE:
            joint = ", odds" if right.excluded is not None else ", and"
            said.append(f"{joint} {_odds(-rival.log10_odds)} over the next, {rival}")
        return f"{''.join(said)} ({who})."


def _listed(names: tuple[str, ...]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def _odds(log10: float) -> str:
    if abs(log10) >= 6:
        return f"1e{log10:.0f} to 1"
    return f"{10**log10:,.0f} to 1" if log10 >= 2 else f"{10**log10:.2g} to 1"


# --- the table --------------------------------------------------------------------------------------------------------


def _each_temperature(change: Callable[[float], float]) -> Callable[[Pipeline], Pipeline]:
    def changed(pipeline: Pipeline) -> Pipeline:
        return Pipeline(Temperature(change(s.temperature)) if isinstance(s, Temperature) else s for s in pipeline.steps)

    return changed


def _inverse(t: float) -> float:
    return 1 / t if t else math.inf


def _off(pipeline: Pipeline, factor: float) -> Pipeline:
    steps = list(pipeline.steps)
    for at in reversed(range(len(steps))):
        step = steps[at]
        if isinstance(step, Temperature):
            steps[at] = Temperature(step.temperature * factor)
            return Pipeline(steps)
    return Pipeline([*steps, Temperature(factor)])


def _never(pipeline: Pipeline) -> Pipeline:
    return Pipeline(s for s in pipeline.steps if not isinstance(s, Temperature))


def _moved(last: bool) -> Callable[[Pipeline], Pipeline | None]:
    def moved(pipeline: Pipeline) -> Pipeline | None:
        heat = [s for s in pipeline.steps if isinstance(s, Temperature)]
        filters = [s for s in pipeline.steps if not isinstance(s, Temperature)]
        other = Pipeline([*filters, *heat] if last else [*heat, *filters])
        return None if other == pipeline else other

    return moved


def _top_k(more: int) -> Callable[[Pipeline], Pipeline | None]:
    def other(pipeline: Pipeline) -> Pipeline | None:
        steps = [replace(s, k=max(1, s.k + more)) if isinstance(s, TopK) else s for s in pipeline.steps]
        return Pipeline(steps) if any(isinstance(s, TopK) for s in steps) else None

    return other


def _without_crossing(rows: Rows) -> Floats | None:
    steps = rows.pipeline.steps
    at = next((i for i, s in enumerate(steps) if isinstance(s, TopP) and s.p < 1), None)
    if at is None:
        return None
    left = Pipeline(steps[: at + 1]).probabilities(rows.logits)
    kept = left > 0
    backward = np.where(kept, left, np.inf)[:, ::-1]
    crossing = left.shape[1] - 1 - backward.argmin(axis=1)  # of the least likely ones the last
    dropped = np.where(kept.sum(axis=1) > 1, crossing, -1)
    kept &= np.arange(left.shape[1]) != dropped[:, None]
    heat = [s for s in steps[:at] if isinstance(s, Temperature)]  # the filters before have done their work
    return Pipeline([*heat, *steps[at + 1 :]]).probabilities(np.where(kept, rows.logits, -np.inf))


def _within(z: NDArray[Any], most: float) -> NDArray[Any]:
    """Return scores of which none but -inf is beyond the largest number of a type."""
    return np.where(z == -np.inf, -np.inf, np.clip(z, -most, most))


def _half(rows: Rows) -> Floats:
    return rows.pipeline.probabilities(_within(rows.logits, float(np.finfo(np.float16).max)).astype(np.float16))


def _brain(rows: Rows) -> Floats:
    # bfloat16 is the upper half of a float32, rounded to nearest, ties to even
    bits = _within(rows.logits, (2 - 2**-7) * 2.0**127).astype(np.float32).view(np.uint32)
    rounded = (bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))) & np.uint32(0xFFFF0000)
    return rows.pipeline.probabilities(rounded.view(np.float32))


def _narrow_sums(digits: int, least: float) -> Callable[[Rows], Floats]:
    def probabilities(rows: Rows) -> Floats:
        from ..kernels.compiler import compiled
        from ..kernels.rounding import rounded_sums

        sums = np.empty(rows.right.shape)
        compiled(rounded_sums)(np.ascontiguousarray(rows.right), digits, least, sums)
        return np.asarray(np.diff(sums, axis=1, prepend=0.0) / sums[:, -1:])

    return probabilities


def _ticks(rows: Rows) -> Floats:
    # a token gets as many of the numbers k / 2^24 as lie in its part of the distribution function
    edges = np.ceil(np.cumsum(rows.right, axis=1) * _TICKS)
    edges[:, -1] = _TICKS
    return np.asarray(np.diff(np.minimum(edges, _TICKS), axis=1, prepend=0.0) / _TICKS)


def _tailless(rows: Rows) -> Floats:
    # A token of probability p has the smallest of E / p; it wins with E = x if none of the others, of rate (1 - p) / p,
    # comes before: sum of h exp(-j h / p) over the values x = j h, h = 2^-24, of -ln(u) near u = 1.
    h = 1 / _TICKS
    with np.errstate(divide="ignore", over="ignore"):
        masses = np.where(rows.right > 0, h / np.expm1(h / rows.right), 0.0)
    return np.asarray(masses / masses.sum(axis=1, keepdims=True))


def _greedy(rows: Rows) -> Floats:
    result = np.zeros(rows.right.shape)
    np.put_along_axis(result, rows.right.argmax(axis=1)[:, None], 1.0, axis=1)
    return result


def _even(rows: Rows) -> Floats:
    return np.full(rows.right.shape, 1 / rows.right.shape[1])


def _one_number(before: Rows, after: Rows) -> Floats:
    # both draws belong to one uniform number if it lies in the parts of both
    tops = [rows.at_draws(np.cumsum(rows.right, axis=1)) for rows in (before, after)]
    lows = [top - rows.at_draws(rows.right) for top, rows in zip(tops, (before, after), strict=True)]
    return np.asarray(np.maximum(np.minimum(*tops) - np.maximum(*lows), 0.0))


def _one_noise(before: Rows, after: Rows) -> Floats:
    """Return the probabilities of pairs drawn as the smallest of E_k / p_k and of E_k / q_k, of one exponential noise.

    Let i win the first and j the second, with E_j = r E_i. Then p_j / p_i <= r <= q_j / q_i, every other E_k exceeds
    E_i max(p_k / p_i, r q_k / q_j), and E_i integrated out leaves the integral of dr / G(r)^2 with G(r) the sum of
    those maxima over all k, i and j among them. G is linear between the ratios of their two arguments, and there the
    integral is the length over the product of the two values of G. If i = j, r = 1 and the probability is 1 / G(1)
    (C. J. Maddison and D. Tarlow, "Gumbel machinery", 2017, for such couplings).
    """
    result: Floats = np.zeros(before.draws.shape)
    p, q = before.right, after.right
    if p is q:
        return np.where(before.draws == after.draws, before.at_draws(p), 0.0)
    numbers = np.arange(len(p))
    for m in range(result.shape[1]):
        i, j = before.draws[:, m], after.draws[:, m]
        pi, pj, qi, qj = p[numbers, i], p[numbers, j], q[numbers, i], q[numbers, j]
        with np.errstate(divide="ignore", invalid="ignore"):
            low, high = pj / pi, qj / qi
        possible = (pi > 0) & (qj > 0)
        same = possible & (i == j)
        a, b = p[same] / pi[same, None], q[same] / qj[same, None]
        result[same, m] = 1 / np.maximum(a, b).sum(axis=1)
        other = possible & (i != j) & (high > low)
        a, b = p[other] / pi[other, None], q[other] / qj[other, None]
        first, last = low[other, None], np.minimum(high[other, None], 1e300)
        with np.errstate(divide="ignore", invalid="ignore"):
            ratios = np.where(b > 0, a / b, np.inf)
        order = np.argsort(ratios, axis=1)
        r = np.clip(np.take_along_axis(ratios, order, axis=1), first, last)
        a, b = np.take_along_axis(a, order, axis=1), np.take_along_axis(b, order, axis=1)
        nothing = np.zeros_like(first)
        above = np.hstack([np.cumsum(a[:, ::-1], axis=1)[:, ::-1], nothing])  # of a from here on
        below = np.hstack([nothing, np.cumsum(b, axis=1)])  # of b up to here
        edges = np.hstack([first, r, last])
        begin, end = edges[:, :-1], edges[:, 1:]
        result[other, m] = ((end - begin) / (above + begin * below) / (above + end * below)).sum(axis=1)
    return result


RIGHT = "right"
_RIGHT_SENTENCE = "Draws from the stated distribution."

EXPLANATIONS = (
    Explanation("temperature off", "Runs at another temperature.", pipeline=_off, factors=FACTORS),
    Explanation("temperature twice", "Divides by the temperature twice.", pipeline=_each_temperature(lambda t: t * t)),
    Explanation("temperature never", "Does not divide by the temperature.", pipeline=_never),
    Explanation("temperature inverted", "Multiplies by the temperature instead.", pipeline=_each_temperature(_inverse)),
    Explanation(
        "temperature after the filters", "Filters first, and divides by the temperature then.", pipeline=_moved(True)
    ),
    Explanation(
        "temperature before the filters", "Divides by the temperature first, and filters then.", pipeline=_moved(False)
    ),
    Explanation("top-k one too many", "Leaves k + 1 tokens.", pipeline=_top_k(1)),
    Explanation("top-k one too few", "Leaves k - 1 tokens.", pipeline=_top_k(-1)),
    Explanation(
        "nucleus without its crossing token",
        "Leaves out the token with which the mass reaches p.",
        probabilities=_without_crossing,
    ),
    Explanation("float16 logits", "Rounds the logits to float16.", probabilities=_half),
    Explanation("bfloat16 logits", "Rounds the logits to bfloat16.", probabilities=_brain),
    Explanation("float16 sums", "Adds up the probabilities in float16.", probabilities=_narrow_sums(11, 2.0**-14)),
    Explanation("bfloat16 sums", "Adds up the probabilities in bfloat16.", probabilities=_narrow_sums(8, 2.0**-126)),
    Explanation("float32 sums", "Adds up the probabilities in float32.", probabilities=_narrow_sums(24, 2.0**-126)),
    Explanation("24-bit uniform", "Inverts the distribution function at a multiple of 2^-24.", probabilities=_ticks),
    Explanation("24-bit noise", "Takes exponential or Gumbel noise from a multiple of 2^-24.", probabilities=_tailless),
    Explanation("greedy now and then", "Takes the likeliest token at times.", probabilities=_greedy, share=True),
    Explanation("uniform noise", "Takes any token of the vocabulary at times.", probabilities=_even, share=True),
    Explanation(
        "shared random number", "Inverts the distribution functions of neighbours at one number.", pairs=_one_number
    ),
    Explanation("shared noise", "Adds one Gumbel noise to the logits of neighbours.", pairs=_one_noise),
    Explanation(
        "index one too high",
        "Reports the token after the drawn one.",
        probabilities=lambda rows: np.roll(rows.right, 1, axis=1),
    ),
    Explanation(
        "index one too low",
        "Reports the token before the drawn one.",
        probabilities=lambda rows: np.roll(rows.right, -1, axis=1),
    ),
)
"""What is tried beside a right sampler; add to it: ``diagnose(..., explanations=[*EXPLANATIONS, mine])``."""


# --- one pass ---------------------------------------------------------------------------------------------------------


def diagnose(
    draws: Row | Reals,
    logits: Reals | Iterable[Reals],
    temperature: float = 1.0,
    *,
    pipeline: Pipeline | None = None,
    explanations: Iterable[Explanation] = EXPLANATIONS,
    progress: bool = False,
) -> Diagnosis:
    """Rank explanations of a sampler's draws by their likelihood.

    Parameters
    ----------
    draws : array_like of int, shape (n,) or (n, m)
        The tokens that were drawn, one or m of each row; with a single row of logits, shape (m,).
    logits : array_like, shape (K,) or (n, K); dask.array; or iterable of array_like, shape (b, K)
        The scores that the sampler was given. Blocks that come from an iterable are read once.
    temperature : float, optional
        T >= 0; 0 and infinity are the exact limits.
    pipeline : Pipeline, optional
        What the sampler says that it does, in the place of a temperature alone.
    explanations : iterable of Explanation, optional
        What is tried beside a right sampler.
    progress : bool, optional
        Whether to show a bar.

    Returns
    -------
    Diagnosis

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong kind, shape or range; or if an explanation returns what is no distribution.

    See Also
    --------
    verify_draws : Whether a sampler draws right, one draw a context.
    Explanation : A mistake of your own to look for.

    Notes
    -----
    The best of these explanations need not be true: none may be. A fault is named only if its odds over a right sampler
    are the number of explanations over `verdict.diagnosis.DOUBT`. A draw that is impossible excludes
    an explanation, so a sampler that computes the edge of a nucleus with fewer digits may be excluded from being right:
    it is another one.

    Examples
    --------
    >>> import numpy as np
    >>> from simsoftmax import sample
    >>> logits = np.random.default_rng(0).normal(0.0, 2.0, (2_000, 20))
    >>> diagnose(sample(logits, 0.7 * 0.7, rng=1), logits, 0.7).best
    'temperature twice'
    >>> diagnose(sample(logits, 0.7, rng=1), logits, 0.7).best
    'right'
    """
    steps = as_pipeline(temperature, pipeline)
    models = _as_explanations(explanations)
    contexts = as_contexts(draws, logits, progress=progress)
    right = _Sum()
    sums = {model: _sum_for(model, steps) for model in models}
    for start, rows in _even_blocks(contexts, steps):
        right.add(rows.at_draws(rows.right), start, rows.draws)
        for model, total in list(sums.items()):
            if not total.add_rows(model, rows, start, contexts.rows == 1):
                del sums[model]
    findings = [total.finding(model, right, steps) for model, total in sums.items()]
    return _ranked(Finding(RIGHT, _RIGHT_SENTENCE, right.total, excluded=right.excluded), findings, contexts)


def _ranked(right: Finding, faults: list[Finding], contexts: Contexts) -> Diagnosis:
    required = math.log(max(1, len(faults)) / DOUBT)
    order = sorted([right, *faults], key=lambda f: -f.log_likelihood - (required if f is right else 0.0))
    best = order[0].log_likelihood
    none = best == -math.inf

    def odds(finding: Finding) -> float:
        return -math.inf if finding.log_likelihood == -math.inf else (finding.log_likelihood - best) / math.log(10)

    return Diagnosis(
        best="" if none else order[0].name,
        tied=() if none else tuple(f.name for f in order[1:] if abs(f.log_likelihood - best) <= TIE),
        findings=tuple(replace(finding, log10_odds=odds(finding)) for finding in order),
        rows=contexts.rows,
        draws=contexts.draws.size,
        required_log10_odds=required / math.log(10),
    )


def _as_explanations(explanations: Any) -> list[Explanation]:
    remedy = "pass [*EXPLANATIONS, Explanation(...)]"
    if isinstance(explanations, (str, bytes, Explanation)) or not isinstance(explanations, Iterable):
        raise TypeError(f"explanations must be a list of Explanation, got {explanations!r}; {remedy}")
    models = list(explanations)
    seen: set[str] = set()
    for model in models:
        if not isinstance(model, Explanation):
            raise TypeError(f"explanations must be a list of Explanation, got {model!r} in it; {remedy}")
        if model.name in seen:
            raise ValueError(f"explanations must have different names, got {model.name!r} twice; rename one")
        seen.add(model.name)
    return models


def _even_blocks(contexts: Contexts, pipeline: Pipeline) -> Iterator[tuple[int, Rows]]:
    """Yield all rows in blocks of an even number, the last one aside, so that no pair of neighbours is torn."""
    left: tuple[NDArray[Any], NDArray[np.int64]] | None = None
    start = 0
    for context in contexts.blocks():
        block, y = context.logits, context.draws
        if left is not None:
            block, y = np.concatenate([left[0], block]), np.concatenate([left[1], y])
        left = None
        if len(block) % 2 and start + len(block) < contexts.rows:
            left = block[-1:], y[-1:]
            block, y = block[:-1], y[:-1]
        if len(block):
            yield start, Rows(pipeline, block, pipeline.probabilities(block), y)
            start += len(block)


def _pairs(rows: Rows, alone: bool) -> tuple[Rows, Rows, Rows]:
    """Return rows, their neighbours, and what has none: of a row that is alone the draws are neighbours."""
    size = rows.draws.shape[1] if alone else len(rows.draws)
    even = size // 2 * 2
    parts = (slice(0, even, 2), slice(1, even, 2), slice(even, size))
    if alone:
        before, after, rest = (rows._replace(draws=rows.draws[:, part]) for part in parts)
    else:
        before, after, rest = (
            Rows(rows.pipeline, rows.logits[part], rows.right[part], rows.draws[part]) for part in parts
        )
    return before, after, rest


def _logarithm(values: Floats) -> Floats:
    with np.errstate(divide="ignore"):
        return np.log(values)


def _distributions(model: Explanation, rows: Rows) -> Floats | None:
    """Return what a model says, checked."""
    if model.pipeline is not None:
        other = model.pipeline(rows.pipeline)
        return None if other is None else rows.right if other == rows.pipeline else other.probabilities(rows.logits)
    assert model.probabilities is not None
    p = model.probabilities(rows)
    if p is None:
        return None
    given = np.asarray(p)
    p = given.astype(np.float64)
    if p.shape != rows.right.shape or not (p >= 0).all() or not sums_to_one(p, given=given.dtype, counted=True).all():
        raise ValueError(
            f"explanations must return distributions of shape {rows.right.shape}, got none from {model.name!r} (shape "
            f"{p.shape}); return rows that are not negative and sum to one"
        )
    return p


@cache
def _nodes() -> tuple[Floats, Floats]:
    """Return the nodes and the weights of an integral from -1 to 1 (C. F. Gauss and A. M. Legendre)."""
    nodes, weights = np.polynomial.legendre.leggauss(48)
    return nodes, weights


@cache
def _confident_drop() -> float:
    """Return by how much the logarithm of the likelihood drops from its top to the ends of its interval."""
    return float(stats.chi2.ppf(CONFIDENCE, 1)) / 2


class _Sum:
    """The log-likelihood of draws, and the first that is impossible."""

    def __init__(self) -> None:
        self.total = 0.0
        self.excluded: tuple[int, int] | None = None

    def add(self, probabilities: Floats, start: int, draws: NDArray[np.int64]) -> None:
        self.total += float(_logarithm(probabilities).sum())
        self.exclude(probabilities <= 0, start, draws)

    def exclude(self, bad: NDArray[np.bool_], start: int, draws: NDArray[np.int64]) -> None:
        if self.excluded is None and bad.any():
            row, column = (int(i) for i in np.argwhere(bad)[0])
            self.excluded = (start + row, int(draws[row, column]))

    def add_rows(self, model: Explanation, rows: Rows, start: int, alone: bool) -> bool:
        """Add draws; return whether there is such a sampler."""
        if self.excluded is not None:
            return True
        p = _distributions(model, rows)
        if p is None:
            return False
        self.add(rows.at_draws(p), start, rows.draws)
        return True

    def finding(self, model: Explanation, right: _Sum, pipeline: Pipeline) -> Finding:
        return Finding(model.name, model.sentence, self.total, excluded=self.excluded)


class _Mixture(_Sum):
    """Draws of which an unknown share is explained, and the rest is right."""

    def __init__(self) -> None:
        super().__init__()
        self.ratios: list[Floats] = []
        self.only = 0
        """Draws that only the explanation allows."""

    def add_rows(self, model: Explanation, rows: Rows, start: int, alone: bool) -> bool:
        if model.pairs is not None:
            before, after, rest = _pairs(rows, alone)
            if alone and not before.draws.size:
                return False
            p = before.at_draws(before.right) * after.at_draws(after.right)
            q = np.asarray(model.pairs(before, after), dtype=np.float64)
            if q.shape != p.shape or not ((q >= 0) & (q <= 1)).all():
                raise ValueError(
                    f"explanations must return probabilities of pairs of shape {p.shape}, got others from "
                    f"{model.name!r} (shape {q.shape}); return one from 0 to 1 for each pair"
                )
            self.add(rest.at_draws(rest.right), start if alone else start + 2 * len(p), rest.draws)
        else:
            table = _distributions(model, rows)
            if table is None:
                return False
            p, q = rows.at_draws(rows.right), rows.at_draws(table)
        possible = p > 0
        log_p, log_q = _logarithm(p), _logarithm(q)
        only = ~possible & (q > 0)
        self.total += float(log_p[possible].sum() + log_q[only].sum())
        self.only += int(only.sum())
        self.ratios.append(np.exp(np.minimum(log_q[possible] - log_p[possible], 700.0)))
        if (~possible & ~only).any():
            self.exclude(rows.at_draws(rows.right) <= 0, start, rows.draws)
        return True

    def finding(self, model: Explanation, right: _Sum, pipeline: Pipeline) -> Finding:
        if self.excluded is not None:
            return Finding(model.name, model.sentence, -math.inf, quantity="share", excluded=self.excluded)
        # Many draws of one row have few ratios.
        ratios, often = np.unique(np.concatenate([ratios.ravel() for ratios in self.ratios]), return_counts=True)
        excess = ratios - 1

        def log_likelihood(share: float) -> float:
            with np.errstate(divide="ignore"):
                logarithms = np.log1p(share * excess)
            return float((often * logarithms).sum()) + (self.only * math.log(share) if self.only else 0.0)

        def slope(share: float) -> float:
            return float((often * excess / (1 + share * excess)).sum()) + self.only / share

        low, high = 1e-12, 1 - 1e-12
        if slope(low) <= 0:
            best = low
        elif slope(high) >= 0:
            best = high
        else:
            best = float(optimize.brentq(slope, low, high, xtol=1e-14))
        top = log_likelihood(best)

        def edge(end: float, drop: float) -> float:
            """Return the share, between the best and an end, at which the logarithm has dropped by so much."""
            if best == end or top - log_likelihood(end) < drop:
                return end
            return float(optimize.brentq(lambda s: log_likelihood(s) - top + drop, best, end, xtol=1e-14))

        # The logarithm is concave: the integral over all shares is that where it is within exp(-40) of its maximum.
        nodes, weights = _nodes()
        begin, end = edge(low, 40.0), edge(high, 40.0)
        values = [log_likelihood(begin + (end - begin) * (x + 1) / 2) - top for x in nodes]
        integral = float(special.logsumexp(values, b=weights)) + math.log((end - begin) / 2)
        drop = _confident_drop()
        least, most = edge(low, drop), edge(high, drop)
        return Finding(
            model.name,
            model.sentence,
            self.total + top + integral,
            quantity="share",
            estimate=0.0 if best == low else 1.0 if best == high else best,
            low=0.0 if least == low else least,
            high=1.0 if most == high else most,
        )


class _Factors(_Sum):
    """Draws at a temperature that is off by an unknown factor."""

    def __init__(self, model: Explanation, pipeline: Pipeline) -> None:
        super().__init__()
        assert model.pipeline is not None
        self.pipelines = [model.pipeline(pipeline, factor) for factor in model.factors]
        self.totals = np.zeros(len(model.factors))
        self.hopeless = np.zeros(len(model.factors), np.bool_)
        self.smooth = (
            model.pipeline is _off
            and not any(isinstance(step, Temperature) for step in pipeline.steps[:-1])
            and 0 < pipeline.temperature < math.inf
        )

    def add_rows(self, model: Explanation, rows: Rows, start: int, alone: bool) -> bool:
        if None in self.pipelines:
            return False
        log_right = _logarithm(rows.right)
        tilted, own = np.empty_like(log_right), rows.at_draws(log_right)
        for at in np.flatnonzero(~self.hopeless & (self.totals > -np.inf)):
            other = self.pipelines[at]
            assert other is not None
            if other == rows.pipeline:
                self.totals[at] += _logarithm(rows.at_draws(rows.right)).sum()
            elif self.smooth:  # the last step: p^(1 / factor), normalised
                np.exp(np.divide(log_right, model.factors[at], out=tilted), out=tilted)
                sums = tilted.sum(axis=1, keepdims=True)
                self.totals[at] += (own / model.factors[at] - np.log(sums)).sum()
            else:
                self.totals[at] += _logarithm(rows.at_draws(other.probabilities(rows.logits))).sum()
        self.hopeless |= ~self._near()
        self.hopeless[-1] = False  # where filters leave the most tokens: if a draw excludes all others, not this one
        if not (~self.hopeless & (self.totals > -np.inf)).any():
            hottest = self.pipelines[-1]
            assert hottest is not None
            self.exclude(rows.at_draws(hottest.probabilities(rows.logits)) <= 0, start, rows.draws)
        return True

    def finding(self, model: Explanation, right: _Sum, pipeline: Pipeline) -> Finding:
        found = Finding(model.name, model.sentence, -math.inf, quantity="temperature", excluded=self.excluded)
        possible = np.flatnonzero(self._near() & (self.totals > -np.inf))
        if not possible.size:
            return found
        x, values = np.log(model.factors)[possible], self.totals[possible]
        top, nodes = float(values.max()), np.log(model.factors)
        fine = np.linspace(x[0], x[-1], 40_001 if len(x) > 1 else 1)
        # The logarithm of a filtered distribution has edges, over which a spline would swing.
        curve = np.zeros(1)
        if len(x) > 1 and self.smooth:
            curve = np.asarray(interpolate.CubicSpline(x, values - top)(fine))
        elif len(x) > 1:
            curve = np.asarray(interpolate.Akima1DInterpolator(x, values - top, method="makima")(fine))
        part = (x[-1] - x[0]) / (nodes[-1] - nodes[0]) if len(x) > 1 else 1 / len(nodes)
        integral = float(special.logsumexp(curve)) + math.log(part / len(fine))
        if len(x) == len(nodes) and np.ptp(values) <= 1e-9 * abs(top):
            return replace(found, log_likelihood=top)  # no temperature changes anything
        within = fine[curve >= curve.max() - _confident_drop()]
        low, high = float(within[0]), float(within[-1])
        t = pipeline.temperature
        if (
            low == fine[0] and possible[0] and self.totals[possible[0] - 1] == -np.inf
        ):  # the edge lies between this factor and the one that is excluded
            low = float(nodes[possible[0] - 1])
        end = int(possible[-1]) + 1
        if high == fine[-1] and end < len(nodes) and self.totals[end] == -np.inf:
            high = float(nodes[end])
        return replace(
            found,
            log_likelihood=top + integral,
            estimate=t * math.exp(fine[int(curve.argmax())]),
            low=t * math.exp(low),
            high=t * math.exp(high),
        )

    def _near(self) -> NDArray[np.bool_]:
        """Return which factors count: the likeliest one, its neighbours, and those that may still come to be it.

        Odds of e^100 against a factor turn with a probability of at most e^-100 (J. Ville 1939).
        """
        totals = np.where(self.hopeless, -np.inf, self.totals)
        best = int(totals.argmax())
        beside = abs(np.arange(len(totals)) - best) <= 3
        return np.asarray(~self.hopeless & (beside | ~(totals < totals[best] - 100.0)))


def _sum_for(model: Explanation, pipeline: Pipeline) -> _Sum:
    if model.factors:
        return _Factors(model, pipeline)
    return _Mixture() if model.share or model.pairs is not None else _Sum()
