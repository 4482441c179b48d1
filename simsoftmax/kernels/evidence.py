"""The growth of evidence against a distribution, draw by draw: plain Python in numba's subset.

Nothing is allocated, nothing is random, and the one transcendental function is the logarithm that turns a product
into a sum when it is about to leave the range of floats.
"""

import math

__all__ = ["grow_evidence"]


def grow_evidence(log_evidence, seen, added, probabilities, concentration):
    """Return the log of the evidence after more draws, and add them to those seen.

    The next draw is foretold by a Dirichlet prior centred on the null, with weights a_i = c p_i, and by the n_i draws
    seen so far. A draw of level i then multiplies the evidence by

        ((c p_i + n_i) / (c + n)) / p_i = (c + n_i / p_i) / (c + n),

    the ratio of what was foretold to what the null says, whose mean under the null is 1. The product does not depend
    on the order of the draws.

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
    total = 0
    for i in range(seen.shape[0]):
        total += seen[i]
    product = 1.0
    for i in range(seen.shape[0]):
        for _ in range(added[i]):
            if probabilities[i] == 0.0:
                log_evidence = math.inf
            else:
                product *= (concentration + seen[i] / probabilities[i]) / (concentration + total)
            seen[i] += 1
            total += 1
            if product > 1e100 or product < 1e-100:
                log_evidence += math.log(product)
                product = 1.0
    return log_evidence + math.log(product)
