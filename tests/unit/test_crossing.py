"""The chance that counts below several edges leave their bounds, against all outcomes."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from simsoftmax.kernels.compiler import compiled
from simsoftmax.kernels.crossing import any_edge, binomial_bounds, crossing_chance


def chance(number, edges, low, high):
    space = np.full((3, number + 1), np.nan)  # what stands in the work space is of no account
    return compiled(crossing_chance)(number, np.array(edges), np.array(low), np.array(high), *space)


def by_outcomes(number, edges, low, high):
    """Add up the multinomial probabilities of all outcomes that leave the bounds."""
    law = stats.multinomial(number, np.diff([0.0, *edges, 1.0]))
    below = np.cumsum(list(itertools.product(range(number + 1), repeat=len(edges))), axis=1)
    below = below[(below[:, -1] <= number) & ((below <= low) | (below >= high)).any(axis=1)]
    return law.pmf(np.diff(below, axis=1, prepend=0, append=number)).sum() if len(below) else 0.0


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


def bounds(number, edges, level):
    low, high = np.full((2, len(edges)), 99)
    compiled(binomial_bounds)(number, np.array(edges), level, low, high)
    return low.tolist(), high.tolist()


@pytest.mark.parametrize("level", [0.3, 0.02, 1e-6])
@pytest.mark.parametrize("number", [1, 2, 9, 60])
def test_bounds_are_the_first_counts_that_are_as_rare_as_the_level(number, level):
    edges = [0.004, 0.1, 0.37, 0.5, 0.81, 0.999]
    counts = np.arange(number + 1)
    low = [int((stats.binom.cdf(counts, number, edge) <= level).sum()) - 1 for edge in edges]
    high = [number + 1 - int((stats.binom.sf(counts - 1, number, edge) <= level).sum()) for edge in edges]
    assert bounds(number, edges, level) == (low, high)


def test_a_count_that_is_just_as_rare_as_the_level_is_out_of_bounds():
    assert bounds(1, [0.25], 0.25) == ([-1], [1])
    assert bounds(1, [0.75], 0.25) == ([0], [2])
    assert bounds(2, [0.5], 0.25) == ([0], [2])


def test_any_edge_is_the_chance_to_leave_all_bounds_where_there_is_room_for_it():
    edges, level = [0.1, 0.15, 0.5, 0.55], 0.02

    def any_(number, room, level):
        work = np.full((3, room), np.nan)
        return compiled(any_edge)(number, np.array(edges), level, *np.zeros((2, 4), np.int64), *work)

    exact = by_outcomes(12, edges, *bounds(12, edges, level))
    assert 0 < exact < 0.7 * 8 * level  # neighbours alarm together
    assert any_(12, 13, level) == any_(12, 40, level) == pytest.approx(exact, rel=1e-12)
    assert any_(12, 12, level) == any_(12, 1, level) == pytest.approx(8 * level, rel=1e-12)
    assert any_(12, 13, 1e-27) == pytest.approx(8e-27, rel=1e-12)
    assert any_(12, 13, 1e-20) < 8e-20 * (1 - 1e-6)
    assert any_(12, 1, 0.3) == 1.0
    assert any_(1, 2, 0.6) == 1.0
