"""What the statistical tests of the verdict share: limits on rates, and every outcome of a small problem."""

import numpy as np
from scipy import stats

ALARM = 1e-6  # of each random test here


def at_most(successes, trials, rate):
    """Whether so many successes are compatible with a rate of at most this, at a false-alarm rate of ALARM."""
    return stats.binom.sf(successes - 1, trials, rate) > ALARM


def at_least(successes, trials, rate):
    """Whether so many successes are compatible with a rate of at least this, at a false-alarm rate of ALARM."""
    return stats.binom.cdf(successes, trials, rate) > ALARM


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
