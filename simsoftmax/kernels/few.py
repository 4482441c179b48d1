"""Outcomes of particles of which all but a few are in one group: always the same ones, here and in a page.

Nothing is allocated, and no state is kept: the random numbers of an outcome follow from its number.
"""

import math

from .sampling import stream_of, uniform_number
from .streams import U

__all__ = ["draw_few"]

INLINE = True

_KEY = U(0xF3)


def draw_few(shares, particles, outcome, counts):
    """Write how many of the particles fall in each group, in the outcome of this number.

    The groups are peeled off one by one, the largest last, and each count is the quantile of its binomial distribution
    at a uniform random number.

    Parameters
    ----------
    shares : float64 array, shape (G,)
        Probabilities of the groups; less than 700 particles are expected outside the largest one.
    particles : float
    outcome : int
    counts : float64 array, shape (G,)
        Receives them.
    """
    home = 0
    for i in range(shares.size):
        if shares[i] > shares[home]:
            home = i
    stream = stream_of(_KEY, outcome)
    left = 1.0 * particles
    mass = 1.0
    for i in range(shares.size):
        if i == home:
            continue
        share = min(shares[i] / mass, 0.5)  # no more, for the largest is among what is left
        odds = share / (1.0 - share)
        u = uniform_number(stream, i)
        term = math.exp(left * math.log1p(-share))
        count = 0.0
        while u > term and count < left and term > 0.0:  # a term of 0 is a tail that rounding has eaten
            u -= term
            term *= odds * (left - count) / (count + 1.0)
            count += 1.0
        counts[i] = count
        left -= count
        mass -= shares[i]
    counts[home] = left
