"""The occupation engine: particles are exchangeable, so a sweep of all of them is a multinomial step of the counts.

The result has exactly the distribution of the particle engine's counts, at a cost that does not depend on the number of
particles: O(K) a sweep for uniform and neighbour proposals, O(K^2) for a proposal matrix. One stream (4,) uint64.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .binomial import binomial
from .calling import Bundle
from .thresholds import acceptance


def uniform_tables(above: NDArray[np.float64]) -> Bundle:
    """Return (climb, fall, land), each of shape (K,), for levels sorted by falling weight.

    Rank 0 is the ground level, and ``above`` holds the weights above each rank divided by its own. From rank i a
    particle climbs with probability above_i / K. If it did not climb it falls with probability (i / K) / (1 - climb),
    for each of the i levels below is proposed with probability 1/K and always accepted. A climber that passes rank j
    lands on it with probability 1 / (1 + above_j), whatever level it came from.
    """
    levels = len(above)
    climb = above / levels
    fall = np.minimum(np.arange(levels) / levels / (1.0 - climb), 1.0)
    return Bundle((climb, fall, 1.0 / (1.0 + above)))


def sweep_uniform(counts, tables, stream, work, sweeps):
    """Sweep counts that are sorted by falling weight, in place; return how many particles changed level, summed.

    ``work`` is two rows of K integers, one for the particles that climb and one for those that fall.
    """
    climb, fall, land = tables
    climbing, falling = work
    levels = counts.size
    moved = 0
    for _ in range(sweeps):
        for i in range(levels):
            climbing[i] = binomial(counts[i], climb[i], stream)
            falling[i] = binomial(counts[i] - climbing[i], fall[i], stream)
            counts[i] -= climbing[i] + falling[i]
            moved += climbing[i] + falling[i]
        travellers = np.int64(0)
        for j in range(1, levels):
            travellers += climbing[j - 1]
            landed = binomial(travellers, land[j], stream)
            counts[j] += landed
            travellers -= landed
        travellers = np.int64(0)
        for j in range(levels - 2, -1, -1):
            travellers += falling[j + 1]
            landed = binomial(travellers, 1.0 / (j + 1), stream)
            counts[j] += landed
            travellers -= landed
    return moved


def neighbour_tables(exponents: NDArray[np.float64]) -> Bundle:
    """Return (up, down), shape (K,): the chance to go up, and to go down if one did not go up."""
    both = (exponents[1:] > -np.inf) & (exponents[:-1] > -np.inf)
    below, above = np.s_[:-1], np.s_[1:]
    up = np.append(np.where(both, 0.5 * acceptance(exponents, below, above), 0.0), 0.0)
    down = np.append(0.0, np.where(both, 0.5 * acceptance(exponents, above, below), 0.0))
    return Bundle((up, down / (1.0 - up)))


def sweep_neighbour(counts, tables, stream, work, sweeps):
    """Sweep counts in place, each particle one step along the ladder at most; return how many particles moved."""
    up, down = tables
    levels = counts.size
    moved = 0
    for _ in range(sweeps):
        arriving = np.int64(0)  # from the level below
        for i in range(levels):
            rising = binomial(counts[i], up[i], stream)
            sinking = binomial(counts[i] - rising, down[i], stream)
            counts[i] += arriving - rising - sinking
            if i > 0:
                counts[i - 1] += sinking
            arriving = rising
            moved += rising + sinking
    return moved


def matrix_tables(transition: NDArray[np.float64]) -> Bundle:
    """Return conditional probabilities, shape (K, K): to go to j, given not to any level before j."""
    rest = np.cumsum(transition[:, ::-1], axis=1)[:, ::-1]
    with np.errstate(invalid="ignore", divide="ignore"):
        return Bundle((np.where(transition > 0, np.minimum(transition / rest, 1.0), 0.0),))


def sweep_matrix(counts, tables, stream, work, sweeps):
    """Sweep counts in place by one multinomial a level; return how many particles changed level, summed."""
    (conditional,) = tables
    following = work[0]
    levels = counts.size
    moved = 0
    for _ in range(sweeps):
        for j in range(levels):
            following[j] = 0
        for i in range(levels):
            left = counts[i]
            for j in range(levels):
                if left == 0:
                    break
                going = binomial(left, conditional[i, j], stream)
                following[j] += going
                left -= going
                if j != i:
                    moved += going
            # Rounding may leave a particle over when the last probabilities of a row are zero: it stays.
            following[i] += left
        for j in range(levels):
            counts[j] = following[j]
    return moved
