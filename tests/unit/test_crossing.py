"""The chance that counts below several edges leave their bounds, against all outcomes."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from simsoftmax.kernels.compiler import compiled
from simsoftmax.kernels.crossing import crossing_chance


def chance(number, edges, low, high):
    space = np.full((3, number + 1), np.nan)  # what stands in the work space is of no account
    return compiled(crossing_chance)(number, np.array(edges), np.array(low), np.array(high), *space)


def by_outcomes(number, edges, low, high):
    """Add up the multinomial probabilities of all outcomes that leave the bounds."""
    law = stats.multinomial(number, np.diff([0.0, *edges, 1.0]))
    total = 0.0
    for between in itertools.product(range(number + 1), repeat=len(edges)):
        below = np.cumsum(between)
        if below[-1] <= number and ((below <= low) | (below >= high)).any():
            total += law.pmf([*between, number - below[-1]])
    return total


@st.composite
def problems(draw):
    number, many = draw(st.integers(1, 7)), draw(st.integers(1, 4))
    edges = sorted(
        draw(st.lists(st.sampled_from(np.linspace(0.02, 0.98, 33)), min_size=many, max_size=many, unique=True))
    )
    low = sorted(draw(st.lists(st.integers(-1, number), min_size=many, max_size=many)))
    high = sorted(draw(st.lists(st.integers(0, number + 1), min_size=many, max_size=many)))
    return number, edges, low, high


@settings(max_examples=150)
@given(problems())
def test_all_outcomes_are_counted_once(problem):
    assert chance(*problem) == pytest.approx(by_outcomes(*problem), rel=1e-12, abs=1e-300)


@given(st.integers(1, 20_000), st.floats(1e-3, 0.999), st.floats(0.0, 1.0), st.sampled_from([np.inf, 2.0, 9.0]))
def test_one_edge_is_binomial(number, edge, place, reach):
    """Far into both tails: small chances keep their digits."""
    law = stats.binom(number, edge)
    middle, spread = law.mean(), law.std()
    low, high = int(max(middle - reach * spread * (1 + place), -1)), int(min(middle + reach * spread + 1, number + 1))
    exact = (law.cdf(low) if low >= 0 else 0.0) + law.sf(high - 1)
    if exact == 0 or exact > 1e-28:
        assert chance(number, [edge], [low], [high]) == pytest.approx(exact, rel=1e-9, abs=1e-300)


def test_many_edges_alarm_less_often_than_their_sum(rng):
    """As often as in simulated draws; and where the bounds are a draw wider, the difference is seen."""
    edges, number, runs = np.array([0.01, 0.1, 0.3, 0.6]), 300, 20_000
    law = stats.binom(number, edges)
    low, high = law.ppf(0.02).astype(np.int64) - 1, law.isf(0.02).astype(np.int64) + 1
    counts = np.cumsum(rng.multinomial(number, np.diff([0.0, *edges, 1.0]), size=runs), axis=1)[:, :-1]
    seen = int(((counts <= low) | (counts >= high)).any(axis=1).sum())
    exact = chance(number, edges, low, high)
    assert stats.binom.ppf(1e-7, runs, exact) <= seen <= stats.binom.isf(1e-7, runs, exact)
    assert exact < (law.cdf(low) + law.sf(high - 1)).sum()
    assert seen > stats.binom.isf(1e-7, runs, chance(number, edges, low - 1, high + 1))
