"""An exact binomial sampler for counts up to 2^53, on a stream of our own.

Small means are drawn by inversion, large ones by transformed rejection: algorithm BTRD of W. Hormann, "The generation
of binomial random variates", J. Stat. Comput. Simul. 46 (1993). Its acceptance test needs the ratio of two
probabilities. Near the mode that is a product of a few terms. Farther out a parabola with bounds on its error mostly
decides (V. Kachitvichyanukul and B. W. Schmeiser, "Binomial random variate generation", Commun. ACM 31 (1988)). Where
it does not, logarithms do, formed from deviance and Stirling terms (C. Loader, "Fast and accurate computation of
binomial probabilities", 2000), which lose no digits however large the count, where differences of log-gammas would.
"""

import math

import numpy as np
from numba import njit

from .streams import draw_unit

HALF_LOG_TWO_PI = 0.5 * math.log(2.0 * math.pi)
SMALL_STIRLING = (0.0, *(math.lgamma(n + 1.0) - (n + 0.5) * math.log(n) + n - HALF_LOG_TWO_PI for n in range(1, 16)))


@njit(cache=True)
def _stirling_error(n):
    """Return ln n! - ln(sqrt(2 pi n) (n/e)^n)."""
    if n < 16.0:
        return SMALL_STIRLING[int(n)]
    nn = n * n
    return (1 / 12 - (1 / 360 - (1 / 1260 - 1 / 1680 / nn) / nn) / nn) / n


@njit(cache=True)
def _deviance(x, mean):
    """Return x ln(x / mean) + mean - x, by its series where the terms would cancel."""
    difference = x - mean
    if abs(difference) >= 0.1 * (x + mean):
        return x * math.log(x / mean) - difference
    v = difference / (x + mean)
    total = difference * v
    term = 2.0 * x * v
    v = v * v
    j = 1
    while True:
        term *= v
        following = total + term / (2 * j + 1)
        if following == total:
            return total
        total = following
        j += 1


@njit(cache=True)
def log_binomial_pmf(k, n, p):
    """Return ln of the probability of k successes in n > 0 trials, 0 < p < 1."""
    q = 1.0 - p
    if k == 0.0:
        return n * math.log1p(-p)
    if k == n:
        return n * math.log(p)
    rest = n - k
    return (
        _stirling_error(n)
        - _stirling_error(k)
        - _stirling_error(rest)
        - _deviance(k, n * p)
        - _deviance(rest, n * q)
        - HALF_LOG_TWO_PI
        + 0.5 * (math.log(n / k) - math.log(rest))
    )


@njit(cache=True)
def _by_inversion(n, p, stream):
    ratio = p / (1.0 - p)
    while True:
        u = draw_unit(stream)
        probability = math.exp(n * math.log1p(-p))
        k = 0
        while u > probability and k < n:
            u -= probability
            probability *= ratio * (n - k) / (k + 1.0)
            k += 1
            if probability == 0.0:
                break
        if probability > 0.0:  # else rounding has eaten the last of the tail: draw again
            return k


@njit(cache=True)
def _is_below_ratio(v, k, n, p):
    """Return whether v is at most the probability of k divided by that of the mode."""
    mode = math.floor((n + 1.0) * p)
    distance = abs(k - mode)
    ratio = p / (1.0 - p)
    if distance <= 15.0:  # the product of the ratios of neighbours on the way
        product = 1.0
        for i in range(np.int64(min(k, mode)) + 1, np.int64(max(k, mode)) + 1):
            product *= (n + 1.0) * ratio / i - ratio
        return v <= product if k > mode else v * product <= 1.0
    variance = n * p * (1.0 - p)
    logarithm = math.log(v)
    if distance < variance / 2.0 - 1.0:  # a parabola with bounds on its error, as in Kachitvichyanukul and Schmeiser
        slack = distance / variance * ((distance * (distance / 3.0 + 0.625) + 1.0 / 6.0) / variance + 0.5)
        parabola = -distance * distance / (2.0 * variance)
        if logarithm < parabola - slack:
            return True
        if logarithm > parabola + slack:
            return False
    return logarithm <= log_binomial_pmf(k, n, p) - log_binomial_pmf(mode, n, p)


@njit(cache=True)
def _by_rejection(n, p, stream):
    trials = np.float64(n)
    spread = math.sqrt(trials * p * (1.0 - p))
    b = 1.15 + 2.53 * spread
    a = -0.0873 + 0.0248 * b + 0.01 * p
    centre = trials * p + 0.5
    core = 0.92 * b - 4.2  # Hormann's v_r, times b: the common path divides twice only
    while True:
        v = draw_unit(stream)
        if v * b <= 0.86 * core:  # four draws in five end here, with one random number
            u = v * b / core - 0.43
            return np.int64(math.floor((2.0 * a / (0.5 - abs(u)) + b) * u + centre))
        inner = core / b
        if v >= inner:
            u = draw_unit(stream) - 0.5
        else:
            u = v / inner - 0.93
            u = math.copysign(0.5, u) - u
            v = inner * draw_unit(stream)
        edge = 0.5 - abs(u)
        k = math.floor((2.0 * a / edge + b) * u + centre)
        if k < 0.0 or k > trials:
            continue
        v *= (2.83 + 5.1 / b) * spread / (a / (edge * edge) + b)
        if _is_below_ratio(v, k, trials, p):
            return np.int64(k)


@njit(cache=True)
def binomial(n, p, stream):
    """Return the number of successes in n trials of probability p, int64; the stream advances in its array."""
    if n <= 0 or p <= 0.0:
        return np.int64(0)
    if p >= 1.0:
        return np.int64(n)
    small = min(p, 1.0 - p)
    successes = _by_inversion(n, small, stream) if n * small < 10.0 else _by_rejection(n, small, stream)
    return np.int64(successes) if p <= 0.5 else np.int64(n - successes)
