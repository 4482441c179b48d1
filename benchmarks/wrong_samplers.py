"""Samplers with mistakes that are easily made, each as the exact distribution that it converges to.

A verdict must reject every one of them, with the power that it promises.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from simsoftmax import softmax

Floats = NDArray[np.float64]

LOGITS = (2.0, 1.0, 0.1)
TEMPERATURE = 2.0
FAR = (-200.0, -202.0, -204.0)  # logits at which exp() of a 32-bit float has hardly a digit left


def stationary(matrix: Floats) -> Floats:
    """Return the distribution that a transition matrix leaves unchanged."""
    levels = len(matrix)
    equations = np.vstack([matrix.T - np.eye(levels), np.ones(levels)])
    q = np.linalg.lstsq(equations, np.append(np.zeros(levels), 1.0), rcond=None)[0]
    return q / q.sum()


def metropolis(ratio: Floats, proposal: Floats) -> Floats:
    """Return the transition matrix of proposals g_j accepted with probability min(1, ratio_ij)."""
    matrix = proposal * np.minimum(ratio, 1.0)
    np.fill_diagonal(matrix, 0.0)
    np.fill_diagonal(matrix, 1 - matrix.sum(axis=1))
    return matrix


def wrong_samplers() -> dict[str, tuple[Floats, float, Floats]]:
    """Return {mistake: (logits, temperature, the distribution that the faulty sampler has)}."""
    z, t = np.array(LOGITS), TEMPERATURE
    p = softmax(z, t)
    levels = len(z)
    even = np.full(levels, 1 / levels)
    ratio = np.exp((z[None, :] - z[:, None]) / t)

    leaving = 1 - np.diag(metropolis(ratio, even))
    accepted_only = p * leaving / (p @ leaving)

    favoured = even * np.array([1.0, 1.0, 1.02])
    favoured /= favoured.sum()

    thresholds = np.floor(np.minimum(ratio, 1.0) * 2**16) / 2**16

    far = np.array(FAR)
    with np.errstate(under="ignore"):
        weights = np.exp((far / t).astype(np.float32)).astype(np.float64)

    q: dict[str, Any] = {
        "temperature off by 5 %": softmax(z, 1.05 * t),
        "temperature applied twice": softmax(z, t * t),
        "rejected moves not counted": accepted_only,
        "acceptance that forgot the temperature": stationary(metropolis(np.exp(z[None, :] - z[:, None]), even)),
        "one level proposed 2 % too often": stationary(metropolis(ratio, favoured)),
        "acceptance thresholds of 16 bits": stationary(metropolis(thresholds, even)),
    }
    result = {name: (z, t, np.asarray(wrong)) for name, wrong in q.items()}
    result["32-bit softmax without the maximum subtracted"] = (far, t, weights / weights.sum())
    return result
