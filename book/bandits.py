"""Bandits for the chapter on exploring: many games at once, on kernels that the page runs too.

A table of values holds a row for each bandit and a column for each arm. Every arm pays its value and normal noise of
standard deviation 1. The r-th game of a rule is played on the r-th row, so that rules can be compared pair by pair.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from simsoftmax.kernels.page import bandits as kernels
from simsoftmax.kernels.seeds import seed_streams

RULES = {
    "held": kernels.HOLD,
    "logarithm": kernels.COOL_SLOWLY,
    "root": kernels.COOL_ROOT,
    "own heat": kernels.OWN_HEAT,
    "optimist": kernels.OPTIMIST,
    "posterior": kernels.POSTERIOR,
}


class Games(NamedTuple):
    """What came of a rule: a row a bandit."""

    regret: NDArray[np.float64]
    """(bandits, looks): what was missed by each look at the game."""
    late: NDArray[np.int64]
    """(bandits, arms): pulls of each arm in the second half of the game."""


def normal_bandits(bandits: int, arms: int = 10, spread: float = 1.0, *, seed: int) -> NDArray[np.float64]:
    """Return normal values: with ten arms and a spread of 1 the testbed of Sutton and Barto (2018), section 2.3."""
    return spread * np.random.default_rng(seed).standard_normal((bandits, arms))


def play(rule: str, setting: float, values: NDArray[Any], looks: list[int], *, seed: int) -> Games:
    """Play one game on each row of ``values``, as long as the last look; its length must be even."""
    bandits, arms = values.shape
    length = looks[-1]
    streams = seed_streams(seed, bandits)
    chosen, missed = np.empty(length, dtype=np.int64), np.empty(length)
    regret, late = np.empty((bandits, len(looks))), np.empty((bandits, arms), dtype=np.int64)
    for row in range(bandits):
        pulls, estimates = np.zeros(arms, dtype=np.int64), np.zeros(arms)
        kernels.play_bandit(RULES[rule], setting, values[row], pulls, estimates, chosen, missed, streams[row])
        regret[row] = missed[np.array(looks) - 1]
        late[row] = np.bincount(chosen[length // 2 :], minlength=arms)
    return Games(regret, late)
