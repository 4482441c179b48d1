"""How likely it is that uniform numbers, counted below several edges, ever leave their bounds.

Nothing is allocated. Every term that is added is positive, so small probabilities keep their digits, down to
about 1e-30, where the weights that are left out begin to count.
"""

import math

from .tails import binomial_tail

__all__ = ["any_edge", "binomial_bounds", "crossing_chance"]

INLINE = True

NEGLIGIBLE = 1e-45  # of the largest weight of a Poisson distribution
TINY = 1e-25  # of a sum over all edges


def _poisson(mean, most, weights):
    """Write the Poisson weights of 0 to most, 1 at the mode; return the sum of all, the first and the last that count.

    Weights follow from their neighbour, p(d + 1) / p(d) = mean / (d + 1), away from the mode on either side.
    """
    mode = math.floor(mean)
    total = 0.0
    weight = 1.0
    first = mode + 1
    while first > 0 and weight > NEGLIGIBLE:
        first -= 1
        if first <= most:
            weights[first] = weight
        total += weight
        weight *= first / mean
    weight = mean / (mode + 1.0)
    last = mode
    while weight > NEGLIGIBLE:
        last += 1
        if last <= most:
            weights[last] = weight
        total += weight
        weight *= mean / (last + 1.0)
    return total, first, min(last, most)


def crossing_chance(number, edges, low, high, inside, step, rest):
    """Return the probability that for some edge the count below it is `low` or less, or `high` or more.

    Parameters
    ----------
    number : int
        n >= 1 independent uniform numbers on (0, 1).
    edges : float64 (k,)
        Growing, between 0 and 1.
    low, high : int64 (k,)
        What is too few, and too many, below each: from -1 and up to n + 1. Both grow along the edges.
    inside, step, rest : float64 (n + 1,)
        Work space.

    Returns
    -------
    float

    Notes
    -----
    Counts between edges are multinomial, that is, independent Poisson variables given that their sum is n. So from edge
    to edge the distribution of the count, as far as it has never left its bounds, is convolved with a Poisson
    distribution; what leaves is set apart, weighted with the chance that the rest of the n comes to lie above, and
    divided by the Poisson probability of n (G. P. Steck 1971; M. Noe 1972, Annals of Mathematical Statistics 43).
    """
    whole, _, _ = _poisson(float(number), number, rest)
    all_of_them = rest[number] / whole
    inside[0] = 1.0
    first, last = 0, 0  # the counts that are possible inside
    left = 0.0
    before = 0.0
    for k in range(edges.size):
        steps, least, most = _poisson(number * (edges[k] - before), number, step)
        others, fewest, highest = _poisson(number * (1.0 - edges[k]), number, rest)
        before = edges[k]
        top = min(last + most, number)
        # From the top down, so that a count is read before it is written.
        for m in range(top, first - 1, -1):
            chance = 0.0
            for origin in range(max(first, m - most), min(last, m - least) + 1):
                chance += inside[origin] * step[m - origin]
            chance /= steps
            if m <= low[k] or m >= high[k]:
                if fewest <= number - m <= highest:
                    left += chance * rest[number - m] / others
            else:
                inside[m] = chance
        first, last = max(low[k] + 1, first), min(high[k] - 1, top)
    return min(left / all_of_them, 1.0)


def binomial_bounds(number, edges, level, low, high):
    """Write, for each edge, the largest count below it with P(N <= count) <= level, and the least of P(N >= count).

    Arguments as in `crossing_chance`; ``low`` and ``high`` receive the results, -1 and number + 1 where there is none.
    """
    for k in range(edges.size):
        for side in (-1, 1):
            # From the mean outward: the first count of which as many, or a worse one, has this level at most.
            near = math.ceil(number * edges[k]) - (1 if side > 0 else 0)
            far = -1 if side < 0 else number + 1
            while abs(far - near) > 1:
                middle = (near + far) // 2
                if binomial_tail(middle, number, edges[k]) <= level:
                    far = middle
                else:
                    near = middle
            if side < 0:
                low[k] = far
            else:
                high[k] = far


def any_edge(number, edges, level, low, high, inside, step, rest):
    """Return the probability that a count below any edge is so surprising that it, or a worse one, has this level.

    Where the work space, shaped as in `crossing_chance`, has no room for so many numbers, the sum over all edges is
    returned, which is then little more; and where that sum is tiny, as nobody minds.
    """
    bound = min(1.0, 2.0 * edges.size * level)
    if number >= inside.size or bound < TINY:
        return bound
    binomial_bounds(number, edges, level, low, high)
    return min(bound, crossing_chance(number, edges, low, high, inside, step, rest))
