"""Acceptance probabilities from log-weights, and as binary numbers of 64 digits; NumPy only."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def acceptance(reduced: NDArray[np.float64], here: Any, there: Any) -> NDArray[np.float64]:
    """Return min(1, w_there / w_here) from log-weights; forbidden levels are never entered."""
    with np.errstate(invalid="ignore"):
        rise = np.where(reduced[there] == -np.inf, -np.inf, np.minimum(reduced[there] - reduced[here], 0.0))
    return np.asarray(np.exp(rise))


def binary(probability):
    """Return probabilities as 64-bit thresholds, rounded down; one becomes 1 - 2^-64."""
    return np.array([min(int(p * 2.0**64), 2**64 - 1) for p in np.ravel(probability)], dtype=np.uint64)
