"""Logarithms of probabilities without the loss of digits in differences of log-gammas.

Gamma functions are written by Stirling's formula, whose large terms then combine to deviances (C. Loader, "Fast and
accurate computation of binomial probabilities", 2000).
"""

import math

INLINE = True


def stirling_series(x):
    """Return ln Gamma(x) - (x - 1/2) ln x + x - ln(2 pi) / 2 for x >= 16 by its series (DLMF 5.11.1)."""
    xx = x * x
    return (1 / 12 - (1 / 360 - (1 / 1260 - 1 / 1680 / xx) / xx) / xx) / x


def stirling_error(x):
    """Return ln Gamma(x) - (x - 1/2) ln x + x - ln(2 pi) / 2, the error of Stirling's formula, for x > 0.

    From 16 on by its series (DLMF 5.11.1), below by Gamma(x) = Gamma(x + n) / (x (x + 1) ... (x + n - 1)).
    """
    product = 1.0
    y = x
    for _ in range(16):
        if y < 16.0:
            product *= y
            y += 1.0
    error = stirling_series(y)
    if y == x:
        return error
    return error + (y - 0.5) * math.log(y) - y - math.log(product) - (x - 0.5) * math.log(x) + x


def deviance(x, mean):
    """Return x ln(x / mean) + mean - x, by its series where the terms would cancel."""
    difference = x - mean
    if abs(difference) >= 0.1 * (x + mean):
        return x * math.log(x / mean) - difference
    v = difference / (x + mean)
    total = difference * v
    term = 2.0 * x * v
    v = v * v  # below 0.01: a dozen terms reach the last digit
    for j in range(1, 64):
        term *= v
        following = total + term / (2 * j + 1)
        if following == total:
            break
        total = following
    return total
