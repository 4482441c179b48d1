"""Annealing: barriers and exact success rates first, then the simulation against them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from simsoftmax.annealing import (
    anneal,
    annealed_distribution,
    barrier,
    geometric_cooling,
    linear_cooling,
    logarithmic_cooling,
)
from simsoftmax.disorder import rugged_ladder
from simsoftmax.markov import relaxation

RUGGED = rugged_ladder(20, roughness=1.0, rng=6)


def minimax_barrier(energy):
    """The same depth from all pairs: the lowest highest point of any way (Floyd-Warshall)."""
    k = len(energy)
    highest = np.full((k, k), np.inf)
    np.fill_diagonal(highest, energy)
    for i in range(k - 1):
        highest[i, i + 1] = highest[i + 1, i] = max(energy[i], energy[i + 1])
    for via in range(k):
        highest = np.minimum(highest, np.maximum(highest[:, via, None], highest[None, via]))
    climbs = [
        min((highest[i, j] - energy[i] for j in range(k) if energy[j] < energy[i]), default=None)
        for i in range(k)
        if energy[i] > energy.min()
    ]
    return max(climbs, default=0.0)


@given(st.lists(st.sampled_from([0.0, 0.5, 1.0, 2.0, 3.5, 7.0]), min_size=1, max_size=15))
def test_barrier_agrees_with_all_ways(energy):
    assert barrier(-np.array(energy)) == minimax_barrier(np.array(energy))


def test_barrier_of_plain_landscapes():
    assert barrier([0.0, -1.0, -2.0]) == 0.0
    assert barrier([0.0, -3.0, -1.0]) == 2.0
    assert barrier([0.0, -np.inf, -1.0]) == np.inf


def test_the_barrier_sets_the_time_scale():
    """Freezing is in the spectrum: ln(gap) falls as -d / T, with d from the landscape alone."""
    d = barrier(RUGGED)
    t = np.array([0.05, 0.06]) * d
    gap = [relaxation(RUGGED, x, proposal="neighbour").spectral_gap for x in t]
    slope = -np.diff(np.log(gap))[0] / np.diff(1 / t)[0]
    assert abs(slope - d) < 0.05 * d


def test_schedules():
    assert geometric_cooling(4.0, 1.0, 3).tolist() == pytest.approx([4, 2, 1])
    assert linear_cooling(4.0, 0.0, 3).tolist() == [4, 2, 0]
    assert logarithmic_cooling(2.0, 3).tolist() == pytest.approx((2 / np.log([2, 3, 4])).tolist())


@pytest.mark.parametrize("sweeps", [10, 1000])
def test_simulated_success_is_the_exact_one(sweeps, rng, alarm):
    schedule = geometric_cooling(3.0, 0.2, sweeps)
    exact = annealed_distribution(RUGGED, schedule)
    result = anneal(RUGGED, schedule, particles=20_000, rng=rng)
    hits = round(result.success * 20_000)
    assert stats.binomtest(hits, 20_000, exact[RUGGED == 0].sum()).pvalue > alarm
    assert result.low < result.success < result.high
    # negative control: the exact rate of another schedule
    other = annealed_distribution(RUGGED, schedule * 2)[RUGGED == 0].sum()
    assert stats.binomtest(hits, 20_000, other).pvalue < alarm


def test_whole_distribution_after_a_schedule(rng, alarm):
    schedule = np.array([3.0, 3.0, 0.5, 0.5, 0.0, np.inf, 1.0])
    exact = annealed_distribution(RUGGED[:8], schedule)
    result = anneal(RUGGED[:8], schedule, particles=200_000, rng=rng)
    assert stats.chisquare(result.trajectory.counts, exact * 200_000).pvalue > alarm


def test_slow_cooling_beats_quenching():
    rates = [
        annealed_distribution(RUGGED, geometric_cooling(3.0, 0.1, n))[RUGGED == 0].sum()
        for n in (10, 100, 1000, 10_000)
    ]
    assert (np.diff(rates) > 0.05).all()
    assert rates[-1] > 0.95
    quench = annealed_distribution(RUGGED, np.full(1000, 0.1))[RUGGED == 0].sum()
    assert quench < 0.5 * rates[2]


def test_on_an_easy_ladder_quenching_is_enough():
    """Negative control for the claim above: without a barrier there is nothing to anneal."""
    slope = -np.arange(8.0)
    assert annealed_distribution(slope, np.full(300, 0.05))[0] > 0.999


def test_a_fixed_temperature_ends_in_equilibrium():
    z = np.array([0.0, -1.0, -0.5])
    p = annealed_distribution(z, np.full(400, 0.7))
    assert np.abs(p - np.exp(z / 0.7) / np.exp(z / 0.7).sum()).max() < 1e-12


def test_str_is_one_sentence(rng):
    text = str(anneal([0.0, -1.0], geometric_cooling(1.0, 0.1, 20), particles=1000, rng=rng))
    assert "% of 1,000 particles found the ground level in 20 sweeps (95 % interval" in text


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: geometric_cooling(1.0, 0.0, 5), "cold must be > 0 for geometric cooling, got 0"),
        (lambda: linear_cooling(1.0, 2.0, 5), "no lower than cold, got hot=1 and cold=2"),
        (lambda: linear_cooling(np.inf, 2.0, 5), "hot must be finite"),
        (lambda: logarithmic_cooling(0.0, 5), "depth must be > 0 and finite, got 0.0"),
        (lambda: anneal(RUGGED, 1.0), "schedule must hold one temperature a sweep"),
        (lambda: annealed_distribution(RUGGED, [1.0], start=[1.0]), "start must hold one probability"),
        (lambda: annealed_distribution(RUGGED, [1.0], start="hot"), "start must be"),
    ],
)
def test_wrong_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
