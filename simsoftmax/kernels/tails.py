"""Tails of the distributions that verdicts rest on, to nearly all digits: gamma, normal, binomial.

Large terms are written as deviances (`stirling`), so that none are lost where there are many draws.
"""

import math

from simsoftmax.kernels.stirling import deviance, stirling_error

INLINE = True


def gamma_tail(shape, x):
    """Return the regularised upper incomplete gamma function Q(a, x), for a > 0.

    Up to a + 1 by the series of its complement (DLMF 8.7.1), beyond by the continued fraction (DLMF 8.9.2) in the form
    of W. J. Lentz (1976).
    """
    if x <= 0.0:
        return 1.0
    # x^a exp(-x) / Gamma(a)
    front = math.exp(-deviance(shape, x) - stirling_error(shape)) * math.sqrt(shape / (2.0 * math.pi))
    if x < shape + 1.0:
        term = 1.0 / shape
        total = term
        for n in range(1, 100_000):
            term *= x / (shape + n)
            if total + term == total:
                break
            total += term
        return max(1.0 - front * total, 0.0)
    b = x + 1.0 - shape
    c = 1e300
    d = 1.0 / b
    fraction = d
    for n in range(1, 100_000):
        a = -n * (n - shape)
        b += 2.0
        d = 1.0 / (a * d + b)
        c = b + a / c
        change = c * d
        fraction *= change
        if abs(change - 1.0) < 1e-16:
            break
    return front * fraction


def normal_tail(x):
    """Return the probability of more than x >= 0 standard deviations on one side."""
    return 0.5 * gamma_tail(0.5, 0.5 * x * x)


def binomial_tail(hits, count, p):
    """Return the probability of as many hits or, from the mean on outward, more: of a number on its own side of it.

    The first term is C. Loader's (2000), the others follow from their ratios.
    """
    mean = count * p
    if hits == 0:
        return math.exp(count * math.log1p(-p))
    if hits == count:
        return math.exp(count * math.log(p))
    rest = count - hits
    error = stirling_error(1.0 * count) - stirling_error(1.0 * hits) - stirling_error(1.0 * rest)
    distance = deviance(1.0 * hits, mean) + deviance(1.0 * rest, count - mean)
    term = math.exp(error - distance) * math.sqrt(count / (2.0 * math.pi * hits * rest))
    total = term
    odds = p / (1.0 - p)
    k = hits
    fewer = hits < mean
    for _ in range(count):
        if fewer:
            term *= k / (count - k + 1.0) / odds
            k -= 1
        else:
            term *= (count - k) / (k + 1.0) * odds
            k += 1
        if total + term == total:
            break
        total += term
    return min(total, 1.0)
