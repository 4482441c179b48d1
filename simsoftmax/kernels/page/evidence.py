"""The growth of evidence against a distribution, whole batches of draws at once.

Nothing is allocated, nothing is random, and the time does not depend on how many draws there are. The kernels compile
to WebAssembly, where there is no stack to call with, so what they call is inlined.
"""

import math

from ..stirling import deviance, stirling_error
from . import page_kernel

__all__ = ["grow_evidence"]

INLINE = True


def _log_forecast(seen, probabilities, concentration):
    """Return, up to a constant, ln of what the prior foretold of all draws so far over what the null says of them.

    It is ln of prod_i Gamma(x_i) p_i^-x_i / Gamma(X), x_i = c p_i + n_i and X their sum. With Gamma by Stirling's
    formula the large terms become deviances x ln(x / (p X)) - x + p X, which are small where the draws agree with the
    null, so no digits are lost however many draws there are.
    """
    total = concentration
    for i in range(seen.size):
        total += seen[i]
    value = 0.5 * math.log(total) - stirling_error(total)
    for i in range(seen.size):
        p = probabilities[i]
        if p > 0.0:
            x = concentration * p + seen[i]
            if x > 0.0:  # a weight that underflows, never drawn, tells nothing
                value += deviance(x, p * total) - 0.5 * math.log(x) + stirling_error(x)
    return value


@page_kernel("float64(float64, int64[::1], int64[::1], float64[::1], float64)")
def grow_evidence(log_evidence, seen, added, probabilities, concentration):
    """Return the log of the evidence after more draws, and add them to those seen.

    The next draw is foretold by a Dirichlet prior centred on the null, with weights a_i = c p_i, and by the n_i draws
    seen so far. A draw of level i then multiplies the evidence by

        ((c p_i + n_i) / (c + n)) / p_i,

    the ratio of what was foretold to what the null says, whose mean under the null is 1. The product does not depend
    on the order of the draws, and over many of them it is a ratio of gamma functions, the Dirichlet-multinomial.

    Parameters
    ----------
    log_evidence : float
        Natural logarithm of the evidence so far.
    seen : ndarray of int64, shape (K,)
        Draws so far in each level; changed in place.
    added : ndarray of int64, shape (K,)
        New draws in each level.
    probabilities : ndarray of float64, shape (K,)
        The null hypothesis.
    concentration : float
        The weight c of the prior, in draws.

    Returns
    -------
    float
        Infinite once a level of probability zero has been drawn.
    """
    before = _log_forecast(seen, probabilities, concentration)
    for i in range(seen.size):
        if added[i] > 0 and probabilities[i] == 0.0:
            log_evidence = math.inf
        seen[i] += added[i]
    return log_evidence + (_log_forecast(seen, probabilities, concentration) - before)
