"""Random landscapes: their law, and the freezing of the random energy model."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

import simsoftmax as sm
from simsoftmax.disorder import freezing_temperature, participation_ratio, random_energies, rugged_ladder


def test_random_energies_are_gaussian(rng, alarm):
    z = random_energies(20_000, sigma=3.0, rng=rng)
    assert stats.kstest(z / 3, "norm").pvalue > alarm
    assert stats.kstest(z, "norm").pvalue < alarm  # negative control: the wrong sigma
    assert np.array_equal(random_energies(5, rng=1), random_energies(5, rng=1))


def test_rugged_ladder_is_a_random_walk(rng, alarm):
    z = rugged_ladder(20_000, roughness=0.5, rng=rng)
    assert z.max() == 0
    assert stats.kstest(np.diff(z) / 0.5, "norm").pvalue > alarm
    # a walk spreads as the square root of the distance; independent levels would not
    assert np.std(z[1024:] - z[:-1024]) / np.std(z[1:] - z[:-1]) > 10


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=20), st.floats(0, 10))
def test_participation_counts_levels(z, t):
    y = participation_ratio(z, t)
    assert 1 / len(z) - 1e-12 <= y <= 1 + 1e-12
    assert participation_ratio(z, np.inf) == pytest.approx(1 / len(z))
    assert participation_ratio(np.zeros(len(z)), 1.0) == pytest.approx(1 / len(z))


def test_participation_is_the_chance_of_meeting(rng, alarm):
    p = sm.softmax([2.0, 1.0, 0.1], 1.5)
    first, second = rng.choice(3, p=p, size=(2, 100_000))
    hits = int((first == second).sum())
    assert stats.binomtest(hits, 100_000, participation_ratio([2.0, 1.0, 0.1], 1.5)).pvalue > alarm


def test_freezing_point_is_where_entropy_runs_out():
    """At T_c the annealed entropy ln K - sigma^2 / (2 T^2) reaches zero."""
    for levels, sigma in ((100, 1.0), (65536, 2.5)):
        t = freezing_temperature(levels, sigma=sigma)
        assert np.log(levels) - sigma**2 / (2 * t**2) == pytest.approx(0, abs=1e-12)


def test_random_energy_model_freezes(rng):
    """Y follows 1 - T / T_c when cold and vanishes when hot, with a finite-size gap of less than 0.7 / ln K."""
    landscapes = 300
    share = np.array([0.25, 0.5, 2.0])
    for levels in (4096, 65536):
        rows = (random_energies(levels, rng=rng) for _ in range(landscapes))
        t = share * freezing_temperature(levels)
        y = np.array([participation_ratio(np.broadcast_to(z, (3, levels)), t) for z in rows])
        error = y.std(axis=0, ddof=1) / np.sqrt(landscapes)
        room = 5.4 * error + 0.7 / np.log(levels)
        assert (np.abs(y.mean(axis=0) - [0.75, 0.5, 0.0]) < room).all()
    assert y.mean(axis=0)[2] < 0.005
    # negative control: at the largest K a freezing point twice as high is excluded
    assert abs(y.mean(axis=0)[1] - 0.75) > room[1]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: random_energies(0), "levels must be from 1"),
        (lambda: random_energies(5, sigma=0.0), "sigma must be > 0 and finite, got 0.0"),
        (lambda: freezing_temperature(1), "levels must be from 2"),
        (lambda: rugged_ladder(5, roughness=-1.0), "roughness must be > 0 and finite, got -1.0"),
    ],
)
def test_wrong_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
