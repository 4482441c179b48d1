"""The two engines: what takes particles through some sweeps at one temperature.

An engine knows the logits and the proposal, holds the particles, and changes them in place. It knows nothing of records
or runs: sweeping a times and then b times is the same as sweeping a + b times, whoever asks for it.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .markov import boltzmann_exponents
from .proposals import Rule

__all__ = ["Occupations", "Particles"]

MOST_STATES = 1 << 34  # particles with a state each
BINOMIAL = 20  # moves that a particle kernel makes while the other engine draws one binomial


class Particles:
    """Every particle has a state.

    Parameters
    ----------
    logits : ndarray of float64, shape (K,)
    rule : Rule
    states : ndarray of unsigned integers, shape (N,)
        The level of each particle; changed in place.
    streams : ndarray of uint64
        From `kernels.particles.allocate_streams`; changed in place.
    threads : int
    """

    def __init__(
        self,
        logits: NDArray[np.float64],
        rule: Rule,
        states: NDArray[Any],
        streams: NDArray[np.uint64],
        threads: int,
    ) -> None:
        self.states = states
        self._streams = streams
        self._levels = len(logits)
        self._threads = threads
        self._rule = rule.for_particles
        # What depends on the temperature alone; one entry, for schedules may be long.
        self._exponents = functools.lru_cache(maxsize=1)(functools.partial(boltzmann_exponents, logits))

    @property
    def counts(self) -> NDArray[np.int64]:
        """Particles in each level now, shape (K,)."""
        from .kernels.particles import count

        return count(self.states, self._levels)

    def advance(self, temperature: float, sweeps: int) -> int:
        """Give every particle ``sweeps`` moves; return how many of them led to another level."""
        from .kernels.particles import advance

        return advance(self.states, self._streams, self._exponents(temperature), self._rule, sweeps, self._threads)

    @staticmethod
    def cost(particles: int, rule: Rule) -> int:
        """Return what a sweep costs, in moves of a particle."""
        return particles


class Occupations:
    """Exact counts only, at a cost that does not depend on the number of particles.

    Parameters
    ----------
    logits : ndarray of float64, shape (K,)
    rule : Rule
    counts : ndarray of int64, shape (K,)
        Particles in each level; changed in place.
    streams : ndarray of uint64, shape (1, 4)
        Changed in place.
    """

    states = None

    def __init__(
        self,
        logits: NDArray[np.float64],
        rule: Rule,
        counts: NDArray[np.int64],
        streams: NDArray[np.uint64],
    ) -> None:
        from .kernels.calling import Bundle
        from .kernels.compiler import compiled

        self.counts = counts
        self._stream = streams[0]
        self._work = Bundle(np.empty((2, len(logits)), np.int64))
        self._kernel = compiled(rule.kernel)
        self._tables = functools.lru_cache(maxsize=1)(lambda t: rule.tables(boltzmann_exponents(logits, t)))

    def advance(self, temperature: float, sweeps: int) -> int:
        """Give every particle ``sweeps`` moves; return how many of them led to another level."""
        order, tables = self._tables(temperature)
        ordered = self.counts[order]
        moved = int(self._kernel(ordered, tables, self._stream, self._work, sweeps))
        self.counts[order] = ordered
        return moved

    @staticmethod
    def cost(particles: int, rule: Rule) -> int:
        """Return what a sweep costs, in moves of a particle."""
        return BINOMIAL * rule.binomials
