"""The fit of a temperature to rows that come one block after the other, none of which is kept.

No few numbers say all that rows have to say about every temperature. But where a fit ends only one function of
beta = 1 / T matters, the mean negative log-likelihood (NLL), and a sum of that over rows can be kept at fixed values of
beta: here at six an octave from T = 32 to T = 1/32, each with its first six derivatives. Between two of them the slope
is taken from the polynomial of eleventh degree that has the slope and its derivatives at both (Hermite).

The error is small because the NLL is smooth in ln beta on a scale that neither the unit of the logits nor the number of
rows decides. Of two levels with the gap d it is ln(1 + exp(-beta d)), whose nearest singularities in ln beta lie pi / 2
off the real axis, whatever d is; with m levels below one, at atan(pi / ln m), which is 0.3 for 20,000 of them. The
nodes lie ln(2) / 6 = 0.12 apart, and (0.06 / 0.3)^12 is 4e-9, of which the polynomial leaves a small part. With every
fit comes an estimate of its error, from the same without the highest derivatives. The interval's limits come from the
eight nodes around, to 1e-5 of themselves as a rule and to 1e-3 where one level stands above thousands.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..arguments import as_threads, check_labels
from .fit import FitStep, TemperatureFit, _at_an_end, _End, _sandwich, _Sums
from .rows import Block, as_table

__all__ = ["TemperatureStream"]

_LN2 = math.log(2.0)
_OCTAVES, _AN_OCTAVE = 5, 6
_SCALES = 2.0 ** (np.arange(-_OCTAVES * _AN_OCTAVE, _OCTAVES * _AN_OCTAVE + 1) / _AN_OCTAVE) / _LN2
_BETAS = _SCALES * _LN2
_ONE = _OCTAVES * _AN_OCTAVE  # where beta is 1
_LARGEST_WEIGHT = 1e50  # whose fourth power is a number

Floats = NDArray[np.float64]


class TemperatureStream:
    """What is kept of the rows: some thousand numbers, however many rows there are.

    The result does not depend on the blocks that the rows come in, nor on their order, but for rounding.
    """

    def __init__(self) -> None:
        self.rows = self.levels = 0
        self._counting = 0  # rows with a weight
        self._squares = 0.0  # of the weights
        self._sums: Floats = np.zeros((len(_BETAS), 12))  # `kernels.calibration.SUMS` at each beta
        self._limits: Floats = np.zeros(6)  # `Block.limits`

    def add(self, logits: Any, labels: Any, weights: Any = None) -> None:
        """Read a block of rows; arguments and errors are those of `fit_temperature`. A block that fails adds nothing.

        Raises
        ------
        ValueError
            If a positive weight lies beyond 1e-50 to 1e50: weights keep their unit from block to block.
        """
        table = as_table(logits, labels, weights, as_threads(None), False)
        if self.rows and table.levels != self.levels:
            raise ValueError(
                f"logits must have {self.levels} levels as in the rows before, got {table.levels}; mark levels that "
                "are not there with -inf"
            )
        w = table.weights if table.weights.size else np.ones(1)
        used = w[w > 0]
        if weights is not None and not 1 / _LARGEST_WEIGHT < float(np.max(weights)) < _LARGEST_WEIGHT:
            raise ValueError(
                f"weights must be from 1e-50 to 1e50, got up to {float(np.max(weights)):g}; divide all by one number"
            )
        table.double = True
        with table.opened():
            sums = table.total(_at_all_temperatures)
            if not np.isfinite(sums).all():
                check_labels(table.labels, table.levels, table.weights)
                table.total(Block.find_fault)
                raise ValueError("logits must lie within 1e300 of each other, got gaps beyond; use -inf for a mask")
            limits = table.total(Block.limits)
        self._sums, self._limits = self._sums + sums, self._limits + limits
        counting = len(used) if table.weights.size else table.rows
        self._squares += float(used @ used) if table.weights.size else counting
        self._counting += counting
        self.rows, self.levels = self.rows + table.rows, table.levels

    def fit(self, confidence_level: float = 0.95) -> TemperatureFit:
        """Return the fit to all rows that were read."""
        weight = float(self._sums[0, 0])
        end = _at_an_end(self._limits, weight, weight**2 / self._squares, self._reaches, confidence_level)
        end = end or self._beyond(weight, confidence_level) or self._inside(weight, confidence_level)
        return TemperatureFit(
            temperature=end.temperature,
            low=end.low,
            high=end.high,
            confidence_level=confidence_level,
            nll_before=float(self._sums[_ONE, 2]) / weight,
            nll_after=end.nll,
            rows=self.rows,
            levels=self.levels,
            status=end.status,
            reason=end.reason,
            steps=tuple(
                FitStep(1 / float(beta), float(sums[2]) / weight, float(sums[3]) / weight, self.rows)
                for beta, sums in zip(_BETAS, self._sums, strict=True)
            ),
        )

    def _between(self, first: int, order: int, kind: int = 3) -> Any:
        """Return the polynomial in beta over its first value that has the sums of a kind and their derivatives at two.

        Of the negative log-likelihood (kind 2), or of its slope in beta (kind 3), for which the sum is divided by beta.
        """
        from scipy.interpolate import BPoly

        ratio = _BETAS[first + 1] / _BETAS[first]
        weight = self._sums[0, 0]
        known = [
            [self._sums[at, kind + n] / weight / unit ** (n + kind - 2) for n in range(order)]
            for at, unit in ((first, 1.0), (first + 1, ratio))
        ]
        return BPoly.from_derivatives([1.0, ratio], known)

    def _inside(self, weight: float, confidence_level: float) -> _End:
        """Return the fit where the slope changes its sign between two of the temperatures."""
        slopes = self._sums[:, 3]
        first = min(max(int(np.count_nonzero(slopes < 0)) - 1, 0), len(slopes) - 2)
        ratio = _BETAS[first + 1] / _BETAS[first]
        root = _root(self._between(first, 6), ratio)
        error = abs(_root(self._between(first, 5), ratio) / root - 1)
        beta = float(_BETAS[first] * root)
        curvature = float(self._between(first, 6).derivative()(root)) * root**2
        squares, products, quartics = self._moments(first, beta)
        nll = float(self._between(first, 7, 2)(root))
        g = (0.0, curvature, 0.0, 0.0, 0.0, 0.0)
        found = _Sums(beta, weight, math.nan, nll, g, squares / weight**2, products / weight**2, quartics / weight**4)
        low, high = _sandwich(found, math.log(beta), self._counting, confidence_level)
        reason = f"the slope of the NLL is 0 there, as foretold to about {max(error, 1e-15):.0e} of T from both sides"
        return _End(1 / beta, low, high, nll, "interior", reason)

    def _moments(self, first: int, beta: float) -> list[float]:
        """Return squares, products and quartics at beta, which only the interval needs, from the eight nodes around."""
        from scipy.interpolate import KroghInterpolator

        start = min(max(first - 3, 0), len(_BETAS) - 8)
        near = slice(start, start + 8)
        values = KroghInterpolator(np.log(_BETAS[near]), self._sums[near, 9:])(math.log(beta))
        return [float(value) for value in np.maximum(values, [0.0, -math.inf, 0.0])]

    def _beyond(self, weight: float, confidence_level: float) -> _End | None:
        """Return what can be said where the likelihood still grows at one end of the temperatures."""
        slopes = self._sums[:, 3]
        if slopes[0] <= 0 <= slopes[-1]:
            return None
        from scipy.special import ndtri

        hot = bool(slopes[0] > 0)
        at = 0 if hot else -1
        t, nll = 1 / float(_BETAS[at]), float(self._sums[at, 2]) / weight
        # The least NLL is no more than this one, so the likelihood-ratio limit from here is on the safe side.
        target = nll + float(ndtri((1 + confidence_level) / 2)) ** 2 * self._squares / (2 * weight**2)
        limit = self._reaches(target, math.inf, 1 if hot else -1)
        low, high = (limit, math.inf) if hot else (0.0, limit)
        reason = (
            f"the likelihood still grows {'above' if hot else 'below'} T = {t:g}, where a fit by blocks does not look; "
            f"fit all rows at once, or {'divide' if hot else 'multiply'} the logits by 30"
        )
        return _End(t, low, high, nll, "beyond", reason)

    def _reaches(self, target: float, largest: float, sign: int) -> float:
        """Return T at which a NLL that rises (sign 1) or falls (-1) with beta reaches the target.

        Where that is beyond the temperatures that were looked at, the answer is what makes the interval wider.
        """
        excess = sign * (self._sums[:, 2] / self._sums[0, 0] - target)
        if largest <= target:
            return math.inf
        if excess[0] >= 0:
            return 1 / float(_BETAS[0]) if sign > 0 else math.inf
        if excess[-1] < 0:
            return 0.0 if sign > 0 else 1 / float(_BETAS[-1])
        first = int(np.flatnonzero(excess >= 0)[0]) - 1
        nll, ratio = self._between(first, 7, 2), _BETAS[first + 1] / _BETAS[first]
        return 1 / float(_BETAS[first] * _root(lambda x: sign * (float(nll(x)) - target), ratio))


def _at_all_temperatures(block: Block) -> Floats:
    return np.stack([block.likelihood(float(scale), 1 / _LN2, 1.0) for scale in _SCALES])


def _root(rising: Any, ratio: float) -> float:
    """Return the root between 1 and the ratio, an end where rounding hides the change of sign."""
    from scipy.optimize import brentq

    if rising(1.0) >= 0:
        return 1.0
    if rising(ratio) <= 0:
        return float(ratio)
    return float(brentq(rising, 1.0, ratio, xtol=1e-15, rtol=1e-15))
