"""The random energy model at any size: exact averages over landscapes of K independent Gaussian levels.

With 1 / Z^2 = integral of lambda exp(-lambda Z), an average over independent levels factors into averages over one; see
B. Derrida, Phys. Rev. B 24 (1981), and B. Derrida and G. Toulouse, J. Physique Lett. 46 (1985), for the limit of many.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.special import log_ndtr

__all__ = ["RandomEnergies", "exact_averages"]


class RandomEnergies(NamedTuple):
    """Averages over landscapes: of Y = sum p^2, its standard deviation, and of the entropy in nats."""

    participation: float
    spread: float
    entropy: float


def exact_averages(log_k: float, x: float) -> RandomEnergies:
    """Return averages over landscapes of K Gaussian levels at T = x T_c, with T_c = sigma / sqrt(2 ln K).

    They are integrals over s with lambda = exp(-a s), where a = sigma / T, in units of sigma. Averages over one level
    are integrals over u = a (z - s). The probability of an empty place, <exp(-lambda Z)>, is the distribution function
    of (ln Z + Gumbel noise) / a; its mean gives <ln Z>. Integration by parts over a Gaussian level gives the mean
    energy -sigma a <1 - Y>, and with it the entropy: a difference of terms of the order of a^2, so use it for a up to
    100 only.
    """
    bottom = np.sqrt(2 * log_k)  # in units of sigma
    a = bottom / x
    slow = min(a, bottom)
    centre = bottom if a >= bottom else (log_k + a**2 / 2) / a
    s = np.linspace(centre - 12 / slow, centre + 45 / slow, 240)
    u = np.arange(-max(30, a * (s[-1] + 8)), 6, min(0.4, a / 6))
    z = s[:, None] + u / a
    density = log_k - z**2 / 2 - np.log(a * np.sqrt(2 * np.pi))
    weight = np.exp(u)
    du, ds = u[1] - u[0], a * (s[1] - s[0])
    # K <1 - exp(-lambda w)>: the tail of one level, averaged over Gumbel's law.
    tail = np.exp(log_k + log_ndtr(-z) + u - weight).sum(axis=1) * du
    empty = np.exp(np.where(tail < 30 * np.exp(min(log_k, 600)), -tail, 0))
    # <exp(-lambda Z)> of all levels, without the one that is averaged over, and without two: the same for very many.
    whole = pairs = empty
    if log_k < 30:
        k = np.exp(log_k)
        one = np.log1p(-np.minimum(tail / k, 1 - 1e-16))
        whole, empty, pairs = np.exp(k * one), np.exp((k - 1) * one), (1 - 1 / k) * np.exp((k - 2) * one)
    second, fourth = (np.exp(density + power * u - weight).sum(axis=1) * du for power in (2, 4))
    mean = (second * empty).sum() * ds
    square = (fourth * empty + second**2 * pairs).sum() * ds / 6
    log_z = a * s[-1] - (whole.sum() - whole[-1] / 2) * ds - np.euler_gamma
    return RandomEnergies(mean, np.sqrt(max(square - mean**2, 0.0)), log_z - a**2 * (1 - mean))
