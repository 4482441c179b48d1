"""An exact binomial sampler for counts up to 2^53, on a stream of our own.

Small means are drawn by inversion. Large ones by rejection: a normal deviate x, bent by the first term of Cornish and
Fisher's expansion, is nearly binomial once it is rounded, so nearly every one can be kept. In detail:

* x comes from a staircase of equal strips that covers the normal density, a tail beyond; that takes one multiplication,
  as in G. Marsaglia and W. W. Tsang, "The ziggurat method for generating random variables", J. Stat. Softw. 5 (2000);
* t = n p + 1/2 + (s + WIDER) x + (1 - 2p) (x^2 - 1) / 6, where s^2 = n p (1 - p); k is the whole part of t
  (E. A. Cornish and R. A. Fisher, "Moments and cumulants in the specification of distributions", 1938);
* R = P(k) (dt/dx) / phi(x) is what is wanted over what was drawn. For n p >= `LEAST_MEAN`, p <= 1/2 it lies below
  1 + ABOVE / s wherever |x| < 8, and above (1 + ABOVE / s) (1 - (BELOW + (1 + |x|)^2 / 4) / s) in the strips. The tests
  hold these bounds against the distribution itself. The chance of |x| > 8 is 10^-15.

The lower bound lets most draws pass with no more ado. For the others P(k) is formed from deviance and Stirling terms
(C. Loader, "Fast and accurate computation of binomial probabilities", 2000), which lose no digits however large the
count, where differences of log-gammas would.
"""

import math

import numpy as np

from .stirling import deviance, stirling_series
from .streams import draw_bits, draw_unit, unit

LEAST_MEAN = 10.0
WIDER, ABOVE, BELOW = 0.25, 0.6, 0.13
STRIPS = 256
HALF_LOG_TWO_PI = 0.5 * math.log(2.0 * math.pi)
SMALL_STIRLING = (0.0, *(math.lgamma(n + 1.0) - (n + 0.5) * math.log(n) + n - HALF_LOG_TWO_PI for n in range(1, 16)))


def strip_edges():
    """Return where the strips over one half of the normal density begin, shape (STRIPS,); the last one is the tail.

    Strip i is as high as the density at its inner edge. All strips have one area, the tail under an exponential too.
    """

    def edges(area):
        x = [0.0]
        while len(x) < STRIPS and x[-1] < 9.0:
            x.append(x[-1] + area * math.exp(0.5 * x[-1] ** 2 + HALF_LOG_TWO_PI))
        return x

    low, high = 0.5 / STRIPS, 0.6 / STRIPS
    for _ in range(60):
        area = (low + high) / 2
        x = edges(area)[-1]
        short = math.exp(-0.5 * x**2 - HALF_LOG_TWO_PI) > area * x
        low, high = (area, high) if short else (low, area)
    return np.array(edges(low))


EDGE = strip_edges()
LENGTH = np.append(np.diff(EDGE), 0.0)
SURE = np.append(np.exp((EDGE[:-1] ** 2 - EDGE[1:] ** 2) / 2), -1.0)
"""The density at the outer edge of each strip over that at the inner one; nothing is sure in the tail."""
DOUBT = BELOW + (1 + np.append(EDGE[1:], 0.0)) ** 2 / 4


def _stirling_error(n):
    """Return ln n! - ln(sqrt(2 pi n) (n/e)^n)."""
    if n < 16.0:
        return SMALL_STIRLING[int(n)]
    return stirling_series(n)


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
        - deviance(k, n * p)
        - deviance(rest, n * q)
        - HALF_LOG_TWO_PI
        + 0.5 * (math.log(n / k) - math.log(rest))
    )


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


def _by_rejection(n, p, stream):
    trials = np.float64(n)
    mean = trials * p
    spread = math.sqrt(mean * (1.0 - p))
    slope, bend = spread + WIDER, (1.0 - 2.0 * p) / 6.0
    while True:
        bits = draw_bits(stream)
        height = draw_unit(stream)
        strip = bits & np.uint64(STRIPS - 1)
        x = EDGE[strip] + LENGTH[strip] * unit(bits)
        size = x
        if strip == STRIPS - 1:
            x -= math.log(unit(bits)) / x
            size = x
        if bits & np.uint64(STRIPS):
            x = -x
        k = math.floor(mean + 0.5 + slope * x + bend * (x * x - 1.0))
        if (SURE[strip] - height) * spread >= DOUBT[strip]:
            return np.int64(k)
        stretch = slope + 2.0 * bend * x
        if k < 0.0 or k > trials or stretch <= 0.0:
            continue
        edge = EDGE[strip]
        log_hat = -0.5 * edge * edge - HALF_LOG_TWO_PI
        if strip == STRIPS - 1:
            log_hat -= edge * (size - edge)
        wanted = log_binomial_pmf(k, trials, p) + math.log(stretch)
        if math.log(height * (1.0 + ABOVE / spread)) + log_hat <= wanted:
            return np.int64(k)


def binomial(n, p, stream):
    """Return the number of successes in n trials of probability p, int64; the stream advances in its array."""
    if n <= 0 or not p > 0.0:  # NaN too, under which no draw would ever be kept
        return np.int64(0)
    if p >= 1.0:
        return np.int64(n)
    small = min(p, 1.0 - p)
    successes = _by_inversion(n, small, stream) if n * small < LEAST_MEAN else _by_rejection(n, small, stream)
    return np.int64(successes) if p <= 0.5 else np.int64(n - successes)
