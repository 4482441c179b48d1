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


def normal_quantile(tail):
    """Return the number of standard deviations, x >= 0, beyond which a share ``tail`` <= 1/2 lies on one side.

    M. Abramowitz and I. A. Stegun's 26.2.23 to start from, and Halley's steps.
    """
    if tail <= 0.0:
        return math.inf
    t = math.sqrt(-2.0 * math.log(tail))
    x = t - (2.515517 + t * (0.802853 + t * 0.010328)) / (1.0 + t * (1.432788 + t * (0.189269 + t * 0.001308)))
    x = max(x, 0.0)
    for _ in range(4):
        density = math.exp(-0.5 * x * x) / math.sqrt(2.0 * math.pi)
        off = (normal_tail(x) - tail) / density
        x = max(x + off / (1.0 - 0.5 * off * x), 0.0)
        if abs(off) < 1e-15 * x:
            break
    return x


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


def beta_share(a, b, x, rest):
    """Return the regularised incomplete beta function I_x(a, b), for a, b > 0; rest = 1 - x, with all its digits.

    By its continued fraction (DLMF 8.17.22) in the form of W. J. Lentz (1976), in whichever of the two variables it
    converges.
    """
    if x <= 0.0:
        return 0.0
    if rest <= 0.0:
        return 1.0
    swapped = x > (a + 1.0) / (a + b + 2.0)
    if swapped:
        a, b = b, a
        x, rest = rest, x
    total = a + b
    # x^a (1 - x)^b / B(a, b)
    error = stirling_error(total) - stirling_error(a) - stirling_error(b)
    distance = deviance(a, total * x) + deviance(b, total * rest)
    front = math.exp(error - distance) * math.sqrt(a / total * b / (2.0 * math.pi))
    c = 1.0
    d = 1.0 - total * x / (a + 1.0)
    d = 1.0 / (d if abs(d) > 1e-300 else 1e-300)
    fraction = d
    for m in range(1, 100_000):
        even = m * (b - m) * x / ((a + 2 * m - 1.0) * (a + 2 * m))
        d = 1.0 + even * d
        c = 1.0 + even / c
        d = 1.0 / (d if abs(d) > 1e-300 else 1e-300)
        c = c if abs(c) > 1e-300 else 1e-300
        fraction *= d * c
        odd = -(a + m) * (total + m) * x / ((a + 2 * m) * (a + 2 * m + 1.0))
        d = 1.0 + odd * d
        c = 1.0 + odd / c
        d = 1.0 / (d if abs(d) > 1e-300 else 1e-300)
        c = c if abs(c) > 1e-300 else 1e-300
        change = d * c
        fraction *= change
        if abs(change - 1.0) < 1e-15:
            break
    share = front * fraction / a
    return 1.0 - share if swapped else share


def student_quantile(freedom, tail):
    """Return the t > 0 beyond which the share ``tail`` < 1/2 of Student's distribution lies, by halving."""
    low = 0.0
    high = 1.0
    doubling = True
    for _ in range(1200):
        t = high if doubling else 0.5 * (low + high)
        square = t * t
        beyond = 0.5 * beta_share(0.5 * freedom, 0.5, freedom / (freedom + square), square / (freedom + square))
        if beyond <= tail:
            high = t
            doubling = False
        else:
            low = t
            if doubling and high < 1e150:
                high *= 2.0
        if not doubling and high - low <= 1e-15 * high:
            break
    return high
