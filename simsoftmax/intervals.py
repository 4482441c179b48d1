"""The exact interval of a share: how often something happens, from how often it did."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betaincinv

__all__ = ["clopper_pearson"]


def clopper_pearson(hits: ArrayLike, trials: ArrayLike, tail: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the exact interval of a share of successes (C. J. Clopper and E. S. Pearson, Biometrika 26 (1934)).

    Parameters
    ----------
    hits, trials : array_like of whole numbers
        Successes among so many trials, of one shape.
    tail : float
        How often the interval may miss on either side; half of what its confidence level leaves.

    Returns
    -------
    low, high : ndarray of float64
        From 0 to 1; of no trials, which tell nothing, 0 and 1.
    """
    hit, missed = np.asarray(hits), np.asarray(trials) - np.asarray(hits)
    low = np.where(hit > 0, betaincinv(np.maximum(hit, 1), missed + 1, tail), 0.0)
    high = np.where(missed > 0, betaincinv(hit + 1, np.maximum(missed, 1), 1 - tail), 1.0)
    return low, high
