"""The temperature that makes a classifier honest: fitted by maximum likelihood, with an interval and a reason.

A classifier with logits z predicts softmax(z / T). `fit_temperature` finds the T that makes held-out labels most
likely (Guo, Pleiss, Sun and Weinberger 2017). The negative log-likelihood is convex in beta = 1 / T: its derivative is
the mean of <z> - z_label and its curvature the mean variance of z, both under the tempered softmax. So there is one
minimum, at 0 < T < infinity or at one of the two ends, and a single pass over the data tells which.

Measures of calibration live in `simsoftmax.calibration.metrics`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri, stdtrit

from ..arguments import RNG, Reals, as_logits, as_probabilities, as_probability, as_threads, check_labels, generator
from ..boltzmann import softmax
from ..kernels.page.fitting import next_step
from ..results import Displayed
from .cases import Labels
from .rows import Block, Table, as_table

__all__ = ["FitStep", "TemperatureFit", "fit_temperature", "logits_from_probabilities"]

_LN2 = math.log(2.0)
_SAMPLES = (250, 2000)  # rows of the samples that a fit starts on
_FARTHEST = 690.0  # |ln T| beyond which floating point ends
_GROUPS = 2048  # the bootstrap weighs this many interleaved groups of rows

Status = Literal["interior", "zero", "infinite", "unidentified", "beyond"]


@dataclass(frozen=True)
class FitStep(Displayed):
    """One pass over the data: where it was made and what it found there.

    Attributes
    ----------
    temperature : float
        Temperature of the pass.
    nll : float
        Mean negative log-likelihood of the rows seen, in nats.
    slope : float
        Its derivative in ln(1 / T).
    rows : int
        Rows read: all of them, or the sample that a fit starts on.
    """

    temperature: float
    nll: float
    slope: float
    rows: int

    def __str__(self) -> str:
        return f"T = {self.temperature:.8g}: NLL {self.nll:.8g}, slope {self.slope:.2e}, {self.rows:,} rows"


@dataclass(frozen=True)
class TemperatureFit(Displayed):
    """A fitted temperature, its interval and its story.

    Attributes
    ----------
    temperature : float
        The maximum-likelihood temperature; 0 and infinity are answers, NaN means that no temperature is better than
        another.
    low, high : float
        Limits of the confidence interval.
    confidence_level : float
        Its nominal coverage.
    nll_before, nll_after : float
        Mean negative log-likelihood in nats at T = 1 and at the fitted temperature.
    rows, levels : int
        Shape of the logits.
    status : str
        "interior", or "zero", "infinite", "unidentified"; of rows that came in blocks also "beyond", where the answer
        lies beyond the temperatures that were looked at.
    reason : str
        Why the answer is what it is, in one sentence.
    steps : tuple of FitStep
        Every pass, in order.
    """

    temperature: float
    low: float
    high: float
    confidence_level: float
    nll_before: float
    nll_after: float
    rows: int
    levels: int
    status: Status
    reason: str
    steps: tuple[FitStep, ...]

    @property
    def passes(self) -> float:
        """Number of times that the data were read, the starting sample counted in proportion."""
        return sum(step.rows for step in self.steps) / self.rows

    def apply(self, logits: Reals, *, axis: int = -1) -> NDArray[Any]:
        """Return the calibrated probabilities softmax(logits / T) of other rows.

        Parameters
        ----------
        logits : array_like, shape (..., K, ...)
            Scores of the model whose temperature was fitted.
        axis : int, optional
            The axis that runs over the K levels.

        Returns
        -------
        ndarray
            In the shape and the floating type of the logits. Where no temperature was better than another they are
            left as they are, at T = 1.

        Raises
        ------
        TypeError, ValueError
            If the logits are of the wrong kind, or have another number of levels than those that T was fitted to.

        Examples
        --------
        >>> fit = fit_temperature([[2.0, 0.0], [2.0, 0.0], [0.0, 2.0]], [0, 1, 1])
        >>> fit.apply([4.0, 0.0]).round(3).tolist()  # two of three were right at a score of 2: the odds are 2 to 1
        [0.8, 0.2]
        """
        z = as_logits(logits, axis)
        if z.shape[-1] != self.levels:
            raise ValueError(
                f"logits must have the {self.levels} levels that the temperature was fitted to, got {z.shape[-1]} "
                f"along axis {axis}; pass rows of the same model"
            )
        return np.asarray(softmax(logits, 1.0 if self.status == "unidentified" else self.temperature, axis=axis))

    def __str__(self) -> str:
        shape = f"{self.rows:,} rows of {self.levels:,} logits"
        if self.status == "unidentified":
            return f"No temperature can be fitted to {shape}: {self.reason}"
        return (
            f"T = {self.temperature:.4g} ({100 * self.confidence_level:g} % interval {self.low:.4g} to {self.high:.4g})"
            f" on {shape}; NLL {_nats(self.nll_before)} → {_nats(self.nll_after)} nats; {self.reason}"
        )


def _nats(nll: float) -> str:
    return f"{nll:.4f}" if nll < 1e6 else f"{nll:.4g}"


@dataclass
class _Sums:
    """Sums of one pass over the weight: what the likelihood and its derivatives in log beta need."""

    beta: float
    weight: float
    nll_at_one: float
    nll: float
    g: tuple[float, ...]
    squares: float
    products: float
    quartics: float

    def step(self) -> tuple[float, float, bool]:
        """Return the step in log beta to the root of the slope, an estimate of its error, and whether it is the last.

        It is the step that a page takes too: `simsoftmax.kernels.page.fitting.next_step`.
        """
        found = [math.nan] * 3
        over_the_weight = [1.0, self.nll_at_one, self.nll, *self.g, self.squares, self.products, self.quartics]
        next_step.py_func(over_the_weight, found)  # a few numbers, for which no machine code is worth loading
        return found[0], found[1], bool(found[2])

    def nll_after(self, step: float) -> float:
        """Return the NLL a step further in log beta, from its Taylor series in beta."""
        x = math.expm1(step)
        g1, g2, g3, g4, g5, g6 = self.g
        return self.nll + x * (g1 + x * (g2 / 2 + x * (g3 / 6 + x * (g4 / 24 + x * (g5 / 120 + x * g6 / 720)))))

    def curvature_after(self, step: float) -> float:
        """Return the second derivative of the NLL in log beta where the first is 0, a step further."""
        x = math.expm1(step)
        _, g2, g3, g4, g5, g6 = self.g
        return (1 + x) ** 2 * (g2 + x * (g3 + x * (g4 / 2 + x * (g5 / 6 + x * g6 / 24))))

    def squares_after(self, step: float) -> float:
        """Return the mean square of the rows' slopes over the rows, a step further and to first order in it."""
        x = math.expm1(step)
        return (1 + x) ** 2 * (self.squares + 2 * x * self.products)

    def student(self, tail: float, rows: int) -> float:
        """Return the quantile of Student's t above which the share ``tail`` lies, for the noise of the mean slope.

        The degrees of freedom are those of a chi-square with the mean and the variance of the sum of the rows' squared
        slopes (Satterthwaite 1946): as many as rows if the slopes are normal, fewer if a few rows decide.
        """
        square = self.squares**2
        spread = self.quartics / square - 1 / rows if square > 0 else 0.0
        freedom = min(2 / spread, rows - 1.0) if spread > 0 else rows - 1.0
        return -float(stdtrit(freedom, tail))


class _BeyondRange(Exception):
    """Something left the range of floating point: the logits need another unit."""


class _Fit:
    """One fit: evaluates passes and remembers them. Its temperatures are in the unit of the table."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self.steps: list[FitStep] = []

    @property
    def at_one(self) -> float:
        """The scale of T = 1."""
        return self.scale(0.0) if self.table.factor == 1 else min(1 / self.table.factor / _LN2, 1e308)

    def scale(self, log_beta: float) -> float:
        """Return beta / ln 2, rounded to the type of the kernel."""
        scale = math.exp(log_beta) / _LN2
        if not 1e-30 < scale < 1e30:
            self.table.double = True
        return float(self.table.dtype(scale))

    def evaluate(self, log_beta: float, step: int = 1) -> _Sums:
        table = self.table
        scale = self.scale(log_beta)
        sums = table.total(partial(Block.likelihood, scale=scale, other=self.at_one, unit=table.unit), step).tolist()
        if table.factor != 1:
            if not all(map(math.isfinite, sums[:1] + sums[2:])):  # the likelihood at T = 1 may well be 0
                raise _BeyondRange
        elif not all(map(math.isfinite, sums)):
            check_labels(table.labels, table.levels, table.weights)
            table.total(Block.find_fault)
            raise _BeyondRange
        weight = sums[0]
        if weight == 0:  # a sample of rows that all weigh nothing
            return _Sums(scale * _LN2, 0.0, math.nan, math.nan, (math.nan,) * 6, math.nan, math.nan, math.nan)
        _, nll_at_one, nll, *g = (s / weight for s in sums[:9])
        squares, products, quartics = sums[9] / weight**2, sums[10] / weight**2, sums[11] / weight**4
        values = _Sums(scale * _LN2, weight / table.unit, nll_at_one, nll, tuple(g), squares, products, quartics)
        self.steps.append(FitStep(1 / values.beta, nll, g[0], -(-table.rows // step)))
        return values

    def start(self) -> float:
        """Return a first log beta: the root on a sample of rows, found from the root on a smaller one."""
        u = 0.0
        for size in _SAMPLES:
            step = self.table.rows // size
            if step < 4:
                break
            low, high, v = -math.inf, math.inf, u
            for _ in range(20):
                sums = self.evaluate(v, step)
                v = math.log(sums.beta)
                low, high = (low, v) if sums.g[0] > 0 else (v, high)
                move, error, _ = sums.step()
                v = _next(v, move, low, high)
                if error < 1e-3:
                    u = v
                    break
                if not abs(v) < 5:  # perhaps there is no root, which the whole table must say
                    return u
        return u


def _next(u: float, step: float, low: float, high: float, reach: float = 2.0) -> float:
    """Return the next log beta: the step where it keeps to the bracket, else the bracket's middle or its far side."""
    step = max(-reach, min(reach, step))
    if low < u + step < high:
        return u + step
    if math.isinf(low):
        return high - reach
    if math.isinf(high):
        return low + reach
    return (low + high) / 2


def fit_temperature(
    logits: Reals,
    labels: Labels,
    *,
    classes: Sequence[Hashable] | None = None,
    ignore_index: Any = None,
    axis: int = -1,
    weights: Reals | None = None,
    confidence_level: float = 0.95,
    interval: Literal["sandwich", "bootstrap"] = "sandwich",
    rng: RNG = None,
    threads: int | None = None,
    progress: bool = False,
) -> TemperatureFit:
    """Fit the temperature T at which softmax(logits / T) makes the labels most likely.

    Parameters
    ----------
    logits : array_like, shape (n, K) or (..., K, ...)
        Scores of held-out rows, not probabilities (`logits_from_probabilities` turns those into logits). float32 and
        float64 are read where they lie, also from a `numpy.memmap` larger than memory; float16, integers and arrays
        that are not C-contiguous are converted a block at a time, and small tables to float64. A ``dask.array`` is
        reduced with one task graph a pass. A logit of -inf is a level that cannot be occupied.
    labels : array_like, shape (n,) or (...), or soft labels in the shape of the logits
        The true level of every row, from 0 to K - 1, or by its name in ``classes``. Soft labels give every level a
        share, with sum 1 in each row; what is made likely then is a label drawn from them.
    classes : sequence, optional
        What labels call the levels, in the order of the logits.
    ignore_index : optional
        The label of rows that do not count, such as PyTorch's -100. They may hold anything, as rows of weight 0 may.
    axis : int, optional
        The axis that runs over the K levels: 1 for PyTorch's (n, K, height, width). Where it is not the last of two,
        the logits are copied once.
    weights : array_like, in the shape of one label a row, optional
        Weights of the rows, >= 0; only their ratios matter.
    confidence_level : float, optional
        Nominal coverage of the interval. At 95 % the sandwich covered 94.5 to 95.6 % of the book's study, and the
        bootstrap 93.4 to 95.2 %, least with 100 rows.
    interval : {"sandwich", "bootstrap"}, optional
        How the interval is made. "sandwich" is the robust variance of a maximum-likelihood estimate (Huber 1967), on
        the scale of ln T; it does not assume that softmax(logits / T) is the truth. "bootstrap" is the
        Bayesian one (Rubin 1981): it gives the rows exponential weights 1000 times over and moves T by one
        second-order step for each, without refitting; it needs one more pass. Both allow for few rows, or few that
        decide, with Student's t (Satterthwaite 1946), the bootstrap by quantiles farther out (Hesterberg 2015). Where
        T is 0 or infinite, the open end is the likelihood-ratio limit.
    rng : numpy.random.Generator, int or None, optional
        Source of randomness of the bootstrap.
    threads : int, optional
        Threads to use; all processors by default. The result does not depend on it.
    progress : bool, optional
        Show a progress bar for every pass over the data.

    Returns
    -------
    TemperatureFit

    Raises
    ------
    TypeError
        If an argument is not of the right kind.
    ValueError
        If shapes do not match, a label is out of range, a logit is NaN or +inf, a row is -inf throughout, or a label
        has logit -inf (the error names the row).

    Warns
    -----
    UserWarning
        If the rows look like probabilities: not negative and with sum 1.

    See Also
    --------
    estimate_temperature : At which temperature counts were drawn.
    TemperatureScaler : The same as an estimator of scikit-learn.
    logits_from_probabilities : Logits for it where only probabilities are known.
    negative_log_likelihood : The score that the fit makes least.
    reliability_diagram : Confidence and accuracy, bin by bin.
    calibration.datasets.load_digits_logits : Logits of a network that is too sure.

    Notes
    -----
    One pass over all rows suffices, or two. The fit starts on some 2000 rows; the pass is made at their temperature and
    takes six cumulants of the logits, and the step from there to the minimum has an error of sixth order. A second pass
    follows where that error could be above 1e-9: where the 2000 are not like the rest, and more often the more levels
    there are. The pass also takes the likelihood at T = 1.

    Temperature scaling: Guo, Pleiss, Sun and Weinberger, "On calibration of modern neural networks" (2017).

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(1)
    >>> logits = rng.normal(scale=4, size=(5000, 10))
    >>> gumbel = rng.gumbel(size=logits.shape)
    >>> labels = (logits / 2 + gumbel).argmax(axis=1)  # drawn from softmax(logits / 2)
    >>> fit = fit_temperature(logits, labels)
    >>> bool(fit.low < 2 < fit.high)
    True
    """
    confidence_level = as_probability("confidence_level", confidence_level)
    if interval not in ("sandwich", "bootstrap"):
        raise ValueError(f'interval must be "sandwich" or "bootstrap", got {interval!r}')
    if rng is not None:  # making one from nothing takes as long as a pass over a small table
        rng = generator(rng)
    forms = {"classes": classes, "ignore_index": ignore_index, "axis": axis}
    table = as_table(logits, labels, weights, as_threads(threads), progress, **forms)
    with table.opened():
        return _fit(table, confidence_level, interval, rng)


def _fit(table: Table, confidence_level: float, interval: str, rng: RNG) -> TemperatureFit:
    """Fit in the unit of the logits or, where floating point is too short for that, in the widest of their gaps."""
    try:
        return _search(table, confidence_level, interval, rng)
    except _BeyondRange:
        table.double = True
    widest = [float(half) for half in table.total(Block.widest)]
    for half in filter(None, widest):  # where labels lie far off they decide, and else what else lies far off
        table.factor = 2.0 ** max(-1022, min(1022, -math.frexp(half)[1]))
        try:
            return _search(table, confidence_level, interval, rng)
        except _BeyondRange:
            pass
    raise ValueError(
        "logits must call for a temperature that float64 can hold, got distances up to "
        f"{2 * widest[1]:.3g} within a row; divide them by a power of ten, or use -inf for levels that cannot be "
        "occupied"
    )


def _search(table: Table, confidence_level: float, interval: str, rng: RNG) -> TemperatureFit:
    """Find the root of the slope: it rises with log beta, so its sign gives a bracket, and a step is a proposal."""
    fit = _Fit(table)
    first = sums = fit.evaluate(fit.start())
    low, high = -math.inf, math.inf
    u = math.log(sums.beta)
    step, _, last = sums.step()
    far = False
    end: _End | None = None
    while not last:
        low, high = (low, u) if sums.g[0] > 0 else (u, high)
        u = _next(u, step, low, high)
        if not far and abs(u) > 3:
            # Before the search goes far, one pass settles whether there is anything to be found.
            far = True
            at_ends = fit.table.total(Block.limits)
            rows = (
                fit.table.rows
                if not fit.table.weights.size
                else sums.weight**2 / float(np.square(fit.table.weights).sum())
            )
            end = _at_an_end(at_ends, sums.weight, rows, partial(_reaches, fit), confidence_level)
            if end is not None:
                break
        if abs(u) > _FARTHEST:
            raise _BeyondRange
        sums = fit.evaluate(u)
        u = math.log(sums.beta)
        step, _, last = sums.step()
        if u in (low, high):  # the type of the kernel cannot tell apart what is left of the bracket
            if table.double:
                step = 0.0
                break
            table.double = True
    if end is None:
        limits = _interval(fit, sums, u + step, confidence_level, interval, rng)
        end = _End(math.exp(-u - step), *limits, sums.nll_after(step), "interior", "the slope of the NLL is 0 there")
    unit = 1 / table.factor
    if 0 < end.temperature < math.inf and not 0 < end.temperature * unit < math.inf:
        raise _BeyondRange
    return TemperatureFit(
        temperature=end.temperature * unit,
        low=end.low * unit,
        high=end.high * unit,
        confidence_level=confidence_level,
        nll_before=first.nll_at_one,
        nll_after=end.nll,
        rows=table.rows,
        levels=table.levels,
        status=end.status,
        reason=end.reason,
        steps=tuple(replace(step, temperature=step.temperature * unit) for step in fit.steps)
        if unit != 1
        else tuple(fit.steps),
    )


class _End(NamedTuple):
    """What a fit ends with."""

    temperature: float
    low: float
    high: float
    nll: float
    status: Status
    reason: str


def _at_an_end(
    limits: NDArray[np.float64],
    weight: float,
    rows: float,
    reaches: Callable[[float, float, int], float],
    confidence_level: float,
) -> _End | None:
    """Return the answer where the NLL has no minimum at 0 < T < infinity.

    Parameters
    ----------
    limits : ndarray
        What `Block.limits` returns, summed over all rows.
    weight, rows : float
        Sum of the weights, and how many rows that count alike would scatter as much.
    reaches : function
        `_reaches` without its first argument.
    confidence_level : float
    """
    slope, hot, cold, wrong, uneven, size = (float(x) for x in limits)
    hot, cold = hot / weight, cold / weight
    if not uneven:
        reason = "every row's finite logits are all equal, so the probabilities do not depend on T"
        return _End(math.nan, 0.0, math.inf, hot, "unidentified", reason)
    if wrong and (slope == -math.inf or slope < -4 * np.finfo(np.float64).eps * size):
        return None
    if wrong and not math.isfinite(slope):
        raise _BeyondRange
    rise = float(ndtri((1 + confidence_level) / 2)) ** 2 / (2 * rows)  # of the NLL, at the likelihood-ratio limit
    if not wrong:
        reason = "every label is a maximum of its row, so the likelihood grows as T falls to 0"
        return _End(0.0, 0.0, reaches(cold + rise, hot, -1), cold, "zero", reason)
    reason = "the labels' logits are on average no higher than their rows' means, so the likelihood grows with T"
    return _End(math.inf, reaches(hot + rise, math.inf, 1), math.inf, hot, "infinite", reason)


def _reaches(fit: _Fit, target: float, largest: float, sign: int) -> float:
    """Return T at which a NLL that rises (sign 1) or falls (-1) with log beta reaches the target."""
    if largest <= target:
        return math.inf

    def excess(u: float) -> float:
        return sign * (fit.evaluate(u).nll - target)

    low = high = 0.0
    while excess(high) < 0 and high < _FARTHEST:
        high += 3.0
    while excess(low) > 0 and low > -_FARTHEST:
        low -= 3.0
    if excess(high) < 0 or excess(low) > 0:
        raise _BeyondRange
    from scipy.optimize import brentq  # half of what a first fit takes to start, and rarely needed

    return math.exp(-float(brentq(excess, low, high, xtol=1e-7)))


def _interval(
    fit: _Fit, sums: _Sums, root: float, confidence_level: float, interval: str, rng: RNG
) -> tuple[float, float]:
    """Return the interval of T around exp(-root)."""
    table = fit.table
    rows = int(np.count_nonzero(table.weights)) if table.weights.size else table.rows
    if interval == "bootstrap" and rows > 1 and sums.squares > 0:
        scale = fit.scale(root)
        groups = min(table.rows, _GROUPS)
        parts = table.total(partial(Block.groups, scale=scale, unit=table.unit, number=groups))
        slope = float(parts[:, 0].sum()) / (sums.weight * table.unit)
        fit.steps.append(FitStep(1 / (scale * _LN2), sums.nll, slope, table.rows))
        drawn = generator(rng).standard_exponential((1000, groups)) @ parts
        with np.errstate(divide="ignore", invalid="ignore"):
            newton = -drawn[:, 0] / drawn[:, 1]
            moved = newton / (1 + 0.5 * (1 + drawn[:, 2] / drawn[:, 1]) * newton)
        # The quantiles are taken farther out, by as much as Student's t and n / (n - 1) would widen a normal interval.
        tail = float(ndtr(-math.sqrt(rows / (rows - 1)) * sums.student((1 - confidence_level) / 2, rows)))
        low, high = np.nanquantile(moved, [tail, 1 - tail])
        centre = -math.log(scale * _LN2)
        with np.errstate(over="ignore"):
            return float(np.exp(centre - high)), float(np.exp(centre - low))
    return _sandwich(sums, root, rows, confidence_level)


def _sandwich(sums: _Sums, root: float, rows: int, confidence_level: float) -> tuple[float, float]:
    """Return the interval of T around exp(-root) from the robust variance (Huber 1967) of so many rows that count."""
    if rows == 1 or sums.squares == 0:  # nothing tells how the slopes scatter
        return 0.0, math.inf
    step = root - math.log(sums.beta)
    deviation = math.sqrt(sums.squares_after(step) * rows / (rows - 1)) / sums.curvature_after(step)
    half = min(sums.student((1 - confidence_level) / 2, rows) * deviation, _FARTHEST)
    return math.exp(-root - half), math.exp(-root + half) if half - root < 709 else math.inf


def logits_from_probabilities(probabilities: Reals, *, axis: int = -1) -> NDArray[Any]:
    """Return log p, logits that softmax turns back into the probabilities.

    Logits are fixed by probabilities up to a constant in every row, which no temperature sees, so a temperature
    fitted to log p is the one that would be fitted to the logits behind p. A probability of 0 becomes -inf.

    Parameters
    ----------
    probabilities : array_like, shape (..., K, ...)
        Not negative, with sum 1 along ``axis``.
    axis : int, optional
        The axis that runs over the K levels.

    Returns
    -------
    ndarray
        In the floating type of the probabilities.

    Raises
    ------
    TypeError
        If the probabilities are not real numbers.
    ValueError
        If an entry lies outside [0, 1] or a sum is not 1.

    See Also
    --------
    log_softmax : Their logarithms, accurate where they are small.
    fit_temperature : The temperature that makes a classifier honest.

    Examples
    --------
    >>> from simsoftmax import softmax
    >>> softmax(logits_from_probabilities([0.7, 0.2, 0.1]), 2.0).round(3).tolist()  # the same, at twice the heat
    [0.523, 0.279, 0.198]
    """
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(as_probabilities(probabilities, axis)))
