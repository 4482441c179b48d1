"""What the statistical tests of the verdict share: limits on rates, and every outcome of a small problem."""

import math

import numpy as np
from scipy import stats

ALARM = 1e-6  # of each random test here


def at_most(successes, trials, rate):
    """Whether so many successes are compatible with a rate of at most this, at a false-alarm rate of ALARM."""
    return stats.binom.sf(successes - 1, trials, rate) > ALARM


def at_least(successes, trials, rate):
    """Whether so many successes are compatible with a rate of at least this, at a false-alarm rate of ALARM."""
    return stats.binom.cdf(successes, trials, rate) > ALARM


MISSED = 0.05


def keeps(outcomes, rate, other):
    """Whether outcomes, each true or false, come at a rate and not at another; no more are asked for than tell.

    The ratio of likelihoods decides as soon as it says enough (A. Wald, "Sequential tests of statistical hypotheses",
    1945). At the rate, or farther from the other, False is said with probability ALARM at most; at the other, or
    beyond, True with probability MISSED at most. No test of a fixed number that errs so seldom needs fewer on average.
    """
    hit, miss = math.log(rate / other), math.log((1 - rate) / (1 - other))
    odds = 0.0
    for outcome in outcomes:
        odds += hit if outcome else miss
        if odds >= -math.log(MISSED) or odds <= math.log(ALARM):
            return odds > 0
    raise ValueError("outcomes must go on until they tell")


def all_outcomes(p, particles):
    """Return every outcome of some weight and its probability, for up to four levels."""
    largest = int(np.argmax(p))
    others = np.delete(np.arange(len(p)), largest)
    mean = particles * p[others]
    low = np.maximum(np.floor(mean - 8 * np.sqrt(mean)), 0).astype(int)
    high = np.minimum(np.ceil(mean + 8 * np.sqrt(mean) + 12), particles).astype(int)
    grid = np.meshgrid(*[np.arange(a, b + 1) for a, b in zip(low, high, strict=True)], indexing="ij")
    counts = np.zeros((grid[0].size, len(p)), dtype=np.int64)
    counts[:, others] = np.stack([g.ravel() for g in grid], axis=-1)
    counts[:, largest] = particles - counts.sum(axis=1)
    counts = counts[counts[:, largest] >= 0]
    return counts, stats.multinomial.pmf(counts, particles, p)
