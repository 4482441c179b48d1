"""The attention of one word to the others of its context, and to a crowd of further words, as loops over arrays."""

import math

from . import page_kernel
from .exact import boltzmann_weights

__all__ = ["attend"]


@page_kernel("void(float64[::1], float64, float64, float64[::1], float64[::1], float64[::1])")
def attend(scores, others, temperature, exponents, shares, state):
    """Write the shares of the glances of one word, softmax(scores / T) with a crowd of equal scores counted as one.

    Parameters
    ----------
    scores : float64 array, shape (K + 1,)
        Scores of K words, finite or -inf, at least one finite. The last receives the score of each further word, 0: it
        stands near as often as chance has it. It is -inf without further words.
    others : float
        How many further words there are.
    temperature : float
        T >= 0; 0 and infinity mean the exact limits.
    exponents : float64 array, shape (K + 1,)
        Receives the exponents of `boltzmann_weights`.
    shares : float64 array, shape (K + 1,)
        Receives the share of each word, and last that of all further ones together.
    state : float64 array, shape (2,)
        Receives the entropy in nats, and Y = sum p^2, the chance that two glances fall on the same word; in both each
        further word counts for itself.
    """
    crowd = scores.size - 1
    scores[crowd] = 0.0 if others > 0.0 else -math.inf
    boltzmann_weights(scores, temperature, exponents, shares)
    total = others * shares[crowd]
    for j in range(crowd):
        total += shares[j]
    log_total = math.log(total)
    entropy = 0.0
    meeting = 0.0
    for j in range(scores.size):
        many = others if j == crowd else 1.0
        p = shares[j] / total
        if p > 0.0 and many > 0.0:
            entropy += many * p * (log_total - exponents[j])
            meeting += many * p * p
        shares[j] = many * p
    state[0] = max(entropy, 0.0)
    state[1] = meeting
