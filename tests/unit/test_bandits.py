"""Rules that choose arms: those of Boltzmann exploration draw from softmax, their rivals from what they should."""

import math

import numpy as np
import pytest
from scipy import stats

import simsoftmax as ss
from simsoftmax.kernels.page import bandits
from simsoftmax.kernels.seeds import seed_streams

ESTIMATES = np.array([0.3, -0.5, 0.9, 0.2])
PULLS = np.array([5, 40, 3, 10])


def stream(rng):
    return seed_streams(int(rng.integers(2**63)), 1)[0]


def chosen(rng, rule, setting, *, estimates=ESTIMATES, pulls=PULLS, draws=4000):
    state = stream(rng)
    arms = [bandits.choose_arm(rule, setting, pulls, estimates, state) for _ in range(draws)]
    return np.bincount(arms, minlength=len(pulls))


def by(rule, temperature):
    """Return the setting with which a rule is so hot at the next pull."""
    return bandits.exploration_setting(rule, temperature, PULLS.sum() + 1)


@pytest.mark.parametrize("rule", [bandits.HOLD, bandits.COOL_SLOWLY, bandits.COOL_ROOT])
def test_boltzmann_exploration_draws_from_softmax(rule, rng, alarm):
    for temperature in (0.2, 0.7, 3.0):
        counts = chosen(rng, rule, by(rule, temperature))
        assert ss.verify(counts, ESTIMATES, temperature, false_alarm=alarm / 9)


@pytest.mark.parametrize("rule", [bandits.COOL_SLOWLY, bandits.COOL_ROOT])
def test_cooling_goes_by_the_pull_that_is_next(rule, rng, alarm):
    """The third pull of two arms, where the schedules differ most from those of the second and the fourth."""
    estimates, pulls = np.array([0.8, 0.0]), np.array([1, 1])
    counts = chosen(rng, rule, bandits.exploration_setting(rule, 0.6, 3), estimates=estimates, pulls=pulls)
    assert ss.verify(counts, estimates, 0.6, false_alarm=alarm / 2)
    assert not ss.verify(counts, estimates, 0.6 * np.sqrt(3 / 2), false_alarm=1e-3)


def test_a_temperature_that_is_off_is_seen(rng):
    """Negative control: the verdict above would see a fifth too much."""
    assert not ss.verify(chosen(rng, bandits.HOLD, 0.84), ESTIMATES, 0.7)


def test_the_limits_of_temperature_are_exact(rng, alarm):
    tied = np.array([1.0, 0.0, 1.0, 1.0])
    for temperature in (0.0, math.inf):
        counts = chosen(rng, bandits.HOLD, temperature, estimates=tied)
        assert ss.verify(counts, tied, temperature, false_alarm=alarm / 2)
    for rule in (bandits.OWN_HEAT, bandits.POSTERIOR):
        assert chosen(rng, rule, 0.0, draws=10)[2] == 10
        alike = chosen(rng, rule, math.inf, pulls=np.full(4, 7))
        assert stats.chisquare(alike).pvalue > alarm


def test_each_arm_of_its_own_heat_is_softmax_where_all_are_known_alike(rng, alarm):
    counts = chosen(rng, bandits.OWN_HEAT, 1.2, pulls=np.full(4, 9))
    assert ss.verify(counts, ESTIMATES, 1.2 / 3, false_alarm=alarm)


@pytest.mark.parametrize("pulls", [[4, 4], [1, 16], [100, 2]])
def test_thompson_sampling_pulls_an_arm_as_often_as_it_may_be_the_best(pulls, rng, alarm):
    estimates = np.array([0.4, 0.1])
    share = stats.norm.cdf((estimates[0] - estimates[1]) / np.sqrt((1 / np.array(pulls)).sum()))
    counts = chosen(rng, bandits.POSTERIOR, 1.0, estimates=estimates, pulls=np.array(pulls))
    assert stats.binomtest(int(counts[0]), int(counts.sum()), share).pvalue > alarm / 3


@pytest.mark.parametrize("c", [0.0, 0.5, 2.0, 8.0])
def test_an_upper_confidence_bound_is_that_of_its_formula(c, rng):
    for _ in range(200):
        pulls = rng.integers(1, 4, size=6)  # early in a game, where one pull more or less would be seen
        estimates = rng.normal(size=6)
        bound = estimates + np.sqrt(c * np.log(pulls.sum()) / pulls)
        assert bandits.choose_arm(bandits.OPTIMIST, c, pulls, estimates, stream(rng)) == bound.argmax()


def test_schedules_are_those_of_their_formulas():
    for pull in (2, 3, 10, 1000):
        heat = [bandits.exploration_temperature(rule, 1.5, pull, 7) for rule in range(4)]
        np.testing.assert_allclose(heat, 1.5 / np.array([1, np.log(pull), np.sqrt(pull), np.sqrt(7)]), rtol=1e-15)
        for rule in range(3):
            assert bandits.exploration_setting(rule, heat[rule], pull) == pytest.approx(1.5, rel=1e-15)
    assert bandits.exploration_temperature(bandits.COOL_SLOWLY, 1.0, 1, 1) == 1 / math.log(2)  # and not infinite


def play(rule, setting, values, pieces, state):
    pulls, estimates = np.zeros(len(values), dtype=np.int64), np.zeros(len(values))
    arms, regret = np.zeros(sum(pieces), dtype=np.int64), np.zeros(sum(pieces))
    end = 0
    for piece in pieces:
        part = slice(end, end + piece)
        bandits.play_bandit(rule, setting, values, pulls, estimates, arms[part], regret[part], state)
        end += piece
    return pulls, estimates, arms, regret


@pytest.mark.parametrize("rule", range(6))
def test_a_game_adds_up(rule, rng):
    values = rng.normal(size=5)
    state = stream(rng)
    pulls, estimates, arms, regret = play(rule, 1.0, values, [3, 1, 496], state.copy())
    np.testing.assert_array_equal(arms[:5], range(5))
    np.testing.assert_array_equal(pulls, np.bincount(arms, minlength=5))
    np.testing.assert_allclose(regret, np.cumsum(values.max() - values[arms]), rtol=1e-12, atol=1e-12)
    for one, whole in zip(play(rule, 1.0, values, [500], state), (pulls, estimates, arms, regret), strict=True):
        np.testing.assert_allclose(one, whole, rtol=1e-12, atol=1e-12)  # in pieces or not


def test_arms_pay_their_values_and_noise_of_one(rng, alarm):
    """At T = infinity no arm is chosen for what it has paid, so the estimates are plain means."""
    values = np.array([0.0, 3.0, -1.0])
    z = []
    for _ in range(60):
        pulls, estimates, _, _ = play(bandits.HOLD, math.inf, values, [300], stream(rng))
        z.append((estimates - values) * np.sqrt(pulls))
    assert stats.kstest(np.ravel(z), "norm").pvalue > alarm


def test_many_games_are_the_games_one_by_one(rng):
    values, length, games = np.array([0.2, 0.0, 0.5]), 40, 30
    begin = stream(rng)
    state = begin.copy()
    alone = np.array([play(bandits.HOLD, 0.3, values, [length], state)[3] for _ in range(games)])
    state, total, outcome = begin.copy(), np.zeros(length), np.zeros(3)
    for part in (1, 9, 20):
        work = np.zeros(3, dtype=np.int64), np.zeros(3), np.zeros(length, dtype=np.int64), np.zeros(length)
        bandits.add_games(bandits.HOLD, 0.3, values, part, *work, total, outcome, state)
        if part == 1:
            assert outcome[2] == 0
    np.testing.assert_allclose(total, alone.sum(axis=0), rtol=1e-12)
    np.testing.assert_allclose(outcome, [games, alone[:, -1].mean(), stats.sem(alone[:, -1])], rtol=1e-10)
