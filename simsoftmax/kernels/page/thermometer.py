"""The temperature of a sampler from its counts, for the reader's browser.

`simsoftmax.verdict.thermometer` is the reference; a test holds the two together. Scores are logits less the largest,
over their range: from -1 to 0; the inverse temperature is in units of that range. As in
`simsoftmax.kernels.page.exact`, arrays belong to the caller and nothing is allocated.
"""

import math

from ..tails import beta_share, normal_quantile
from . import page_kernel
from .counts import _large_quantile

__all__ = ["READ", "take_temperature"]

INLINE = True

#: What `take_temperature` writes: the inverse temperature that is likeliest, and the two ends of its interval.
READ = ("best", "low", "high")

_LARGE = 1e6


def _moments(scores, beta, moments):
    """Write ln Z, the mean score and its variance under exp(beta s)."""
    shift = max(0.0, -beta)
    total = 0.0
    mean = 0.0
    for i in range(scores.size):
        weight = math.exp(beta * scores[i] - shift)
        total += weight
        mean += weight * scores[i]
    mean /= total
    variance = 0.0
    for i in range(scores.size):
        off = scores[i] - mean
        variance += math.exp(beta * scores[i] - shift) / total * off * off
    moments[0] = math.log(total) + shift
    moments[1] = mean
    moments[2] = variance


def _signed_root(scores, seen, particles, beta, best, log_z, variance, moments):
    """Return the modified signed root of the likelihood ratio, r* = r + ln(u / r) / r, which falls in beta."""
    widest = 0.0
    for i in range(scores.size):
        widest = max(widest, abs((beta - best) * (scores[i] - seen)))
    if widest < 1e-3:  # written like this it keeps its digits for 1e15 particles
        more = 0.0
        for i in range(scores.size):
            tilt = (beta - best) * (scores[i] - seen)
            more += math.exp(best * scores[i] - log_z) * (tilt * tilt * (0.5 + tilt / 6.0 + tilt * tilt / 24.0))
        divergence = math.log1p(more)
    else:
        _moments(scores, beta, moments)
        divergence = max((best - beta) * seen - (log_z - moments[0]), 0.0)
    r = math.sqrt(2.0 * particles * divergence)
    if beta > best:
        r = -r
    u = (best - beta) * math.sqrt(particles * variance)
    return r + math.log(u / r) / r if r != 0.0 else 0.0


def _share_limit(hits, particles, tail, upper):
    """Return the logit of an end of the interval of a share (C. J. Clopper and E. S. Pearson 1934)."""
    if upper == 0 and hits == 0.0:
        return -math.inf
    if upper == 1 and hits == particles:
        return math.inf
    large = min(hits, particles - hits) > 2.0 * _LARGE
    wanted = normal_quantile(tail)
    low = -800.0
    high = 800.0
    for _ in range(120):
        x = 0.5 * (low + high)
        share = 1.0 / (1.0 + math.exp(-x))
        rest = 1.0 / (1.0 + math.exp(x))
        if large:  # the quantile of P(X < hits) or of P(X <= hits) falls as the share grows
            k = hits if upper else hits - 1.0
            short = _large_quantile(k, particles, share, rest) > (-wanted if upper else wanted)
        elif upper:
            short = beta_share(particles - hits, hits + 1.0, rest, share) > tail
        else:
            short = beta_share(hits, particles - hits + 1.0, share, rest) < tail
        if short:
            low = x
        else:
            high = x
    return 0.5 * (low + high)


@page_kernel("void(float64[::1], int64[::1], float64, float64[::1], float64[::1])")
def take_temperature(scores, counts, confidence_level, moments, read):
    """Write the inverse temperature of counts, and its interval: `READ`. Any sign is possible, and infinity too.

    Parameters
    ----------
    scores : float64 array, shape (K,)
        From -1 to 0, both present.
    counts : int64 array, shape (K,)
    confidence_level : float
    moments : float64 array, shape (3,)
        Work space.
    read : float64 array, shape (3,)
        Receives the results.
    """
    tail = 0.5 * (1.0 - confidence_level)
    particles = 0.0
    seen = 0.0
    top = 0.0
    bottom = 0.0
    tops = 0.0
    bottoms = 0.0
    for i in range(scores.size):
        particles += counts[i]
        seen += counts[i] * scores[i]
        if scores[i] == 0.0:
            top += counts[i]
            tops += 1.0
        if scores[i] == -1.0:
            bottom += counts[i]
            bottoms += 1.0
    seen /= particles
    coldest = top == particles
    hottest = bottom == particles
    best = math.inf if coldest else -math.inf
    if not coldest and not hottest:  # the mean score rises with beta
        _moments(scores, 0.0, moments)
        sign = 1.0 if moments[1] < seen else -1.0
        near = 0.0
        far = sign
        for _ in range(1000):
            _moments(scores, far, moments)
            if (moments[1] - seen) * sign >= 0.0:
                break
            near = far
            far *= 2.0
        low = min(near, far)
        high = max(near, far)
        for _ in range(100):
            best = 0.5 * (low + high)
            _moments(scores, best, moments)
            if moments[1] < seen:
                low = best
            else:
                high = best
        best = 0.5 * (low + high)
    read[0] = best
    if tops + bottoms == scores.size:
        ways = math.log(tops / bottoms)
        read[1] = _share_limit(top, particles, tail, 0) - ways
        read[2] = _share_limit(top, particles, tail, 1) - ways
        return
    if coldest or hottest:
        # The probability that every particle is at this end is known exactly, and only one tail can be small.
        bar = math.log(tail) / particles
        sign = 1.0 if coldest else -1.0
        ways = math.log(tops if coldest else bottoms)
        low = -1.0
        high = 1.0
        for _ in range(2000):  # widen until the answer lies between
            _moments(scores, low, moments)
            wide = sign * (ways - (0.0 if coldest else low) - moments[0] - bar) <= 0.0
            if wide:
                break
            low *= 2.0
        for _ in range(2000):
            _moments(scores, high, moments)
            if sign * (ways - (0.0 if coldest else high) - moments[0] - bar) >= 0.0:
                break
            high *= 2.0
        for _ in range(120):
            middle = 0.5 * (low + high)
            _moments(scores, middle, moments)
            if sign * (ways - (0.0 if coldest else middle) - moments[0] - bar) < 0.0:
                low = middle
            else:
                high = middle
        read[1] = 0.5 * (low + high) if coldest else -math.inf
        read[2] = math.inf if coldest else 0.5 * (low + high)
        return
    _moments(scores, best, moments)
    log_z = moments[0]
    variance = moments[2]
    quantile = normal_quantile(tail)
    for end in range(2):
        sign = 1.0 if end else -1.0
        step = sign / math.sqrt(particles * variance)
        # r* less its quantile changes sign once on this side, half a step away or more; nearer to the best estimate it
        # takes a removable singularity.
        near = best + 0.5 * step
        for _ in range(12):
            if (
                sign * (_signed_root(scores, seen, particles, near, best, log_z, variance, moments) + sign * quantile)
                >= 0
            ):
                break
            near = best + 0.5 * (near - best)
        far = best + 2.0 * (near - best)
        for _ in range(1000):
            if (
                sign * (_signed_root(scores, seen, particles, far, best, log_z, variance, moments) + sign * quantile)
                <= 0
            ):
                break
            far = best + 2.0 * (far - best)
        for _ in range(100):
            middle = 0.5 * (near + far)
            root = _signed_root(scores, seen, particles, middle, best, log_z, variance, moments)
            if sign * (root + sign * quantile) > 0:
                near = middle
            else:
                far = middle
        read[1 + end] = 0.5 * (near + far)
