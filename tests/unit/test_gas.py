"""The isolated gas: exact combinatorics first, then the kernel, then what a single gas may and may not show."""

import math
from dataclasses import replace
from itertools import product
from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from short import repeated

import simsoftmax as sm
from simsoftmax.gas import Gas, _cells, gas_temperature, microcanonical_marginal, simulate_gas


def ways(particles, quanta, levels):
    """Coefficient of x^quanta in (1 + x + ... + x^(levels-1))^particles, in whole numbers."""
    table = [1]
    for _ in range(particles):
        table = [sum(table[max(0, s - levels + 1) : s + 1]) for s in range(len(table) + levels - 1)]
    return table[quanta] if 0 <= quanta < len(table) else 0


@settings(max_examples=50)
@given(st.integers(2, 25), st.integers(2, 7), st.data())
def test_bounded_marginal_is_the_exact_count(particles, levels, data):
    quanta = data.draw(st.integers(0, particles * (levels - 1)))
    total = ways(particles, quanta, levels)
    exact = [ways(particles - 1, quanta - k, levels) / total for k in range(levels)]
    assert np.abs(microcanonical_marginal(quanta, particles, levels=levels) - exact).max() < 1e-13


@given(st.integers(2, 300), st.integers(0, 400))
def test_unbounded_marginal_is_the_exact_count(particles, quanta):
    shares = microcanonical_marginal(quanta, particles)
    total = comb(quanta + particles - 1, particles - 1)
    exact = [comb(quanta - k + particles - 2, particles - 2) / total for k in range(len(shares))]
    assert np.abs(shares / exact - 1).max() < 1e-11
    assert shares.sum() == pytest.approx(1, abs=1e-12)
    assert shares @ np.arange(len(shares)) == pytest.approx(quanta / particles, abs=1e-11)


def test_a_ladder_too_high_to_matter_is_unbounded():
    bounded = microcanonical_marginal(20_000, 10_000, levels=120)
    assert np.abs(bounded - microcanonical_marginal(20_000, 10_000)[:120]).max() < 1e-12


@pytest.mark.parametrize("levels", [None, 6])
def test_the_marginal_tends_to_boltzmann_as_one_over_n(levels):
    """The finite-size correction: the distance falls tenfold for ten times the particles."""
    beta = 1 / gas_temperature(1.5, levels=levels)
    distance = []
    for n in (100, 1000, 10_000, 10**6):
        p = microcanonical_marginal(3 * n // 2, n, levels=levels)
        boltzmann = np.exp(-beta * np.arange(levels or 2000))
        boltzmann /= boltzmann.sum()
        p = np.pad(p, (0, len(boltzmann) - len(p))) if len(p) < len(boltzmann) else p[: len(boltzmann)]
        distance.append(np.abs(p - boltzmann).sum() / 2)
    assert distance[0] / distance[1] == pytest.approx(10, rel=0.05)
    assert distance[1] / distance[2] == pytest.approx(10, rel=0.01)
    assert distance[3] < 1e-6


@given(st.floats(0.01, 4.99))
def test_temperature_gives_back_the_mean(mean):
    beta = 1 / gas_temperature(mean, levels=6, spacing=2.0)
    weights = np.exp(-2.0 * beta * np.arange(6))
    assert weights @ np.arange(6) / weights.sum() == pytest.approx(mean, abs=1e-9)


def test_temperatures_of_note():
    assert gas_temperature(1.0) == 1 / np.log(2)
    assert gas_temperature(0.0) == 0.0
    assert gas_temperature(2.5, levels=6) == np.inf
    assert gas_temperature(4.0, levels=6) == -gas_temperature(1.0, levels=6)
    assert gas_temperature(1.0, spacing=3.0) == pytest.approx(3 / np.log(2))


@pytest.mark.parametrize("levels", [None, 3])
def test_every_division_of_the_energy_is_equally_likely(levels, rng, alarm):
    """The kernel, on a gas so small that all its states can be counted."""
    particles, quanta, gases = 3, 4, 60_000
    top = (levels or quanta + 1) - 1
    states = [s for s in product(range(top + 1), repeat=particles) if sum(s) == quanta]
    run = simulate_gas(start=[1, 1, 2], levels=levels, gases=gases, sweeps=60, rng=rng)
    assert (run.quanta.sum(axis=1) == quanta).all()
    assert run.quanta.min() >= 0
    assert run.quanta.max() <= top
    place = {s: i for i, s in enumerate(states)}
    counts = np.bincount([place[tuple(row)] for row in run.quanta.tolist()], minlength=len(states))
    assert stats.chisquare(counts).pvalue > alarm
    # one sweep is not yet enough, and the test sees it
    early = simulate_gas(start=[1, 1, 2], levels=levels, gases=gases, sweeps=1, rng=rng)
    counts = np.bincount([place[tuple(row)] for row in early.quanta.tolist()], minlength=len(states))
    assert stats.chisquare(counts).pvalue < alarm


@pytest.mark.parametrize("levels", [None, 5])
def test_verdict_has_uniform_p_values_under_the_truth(levels, rng, alarm):
    """One gas, its particles correlated by the fixed energy: chi-square with cells - 2 degrees of freedom."""
    runs = simulate_gas(1.0, particles=500, levels=levels, gases=400, rng=rng)
    verdicts = [replace(runs, quanta=row).verify() for row in runs.quanta]
    assert stats.kstest([v.p_value for v in verdicts], "uniform").pvalue > alarm
    total, degrees = sum(v.statistic for v in verdicts), sum(v.degrees for v in verdicts)
    assert 2 * min(stats.chi2.sf(total, degrees), stats.chi2.cdf(total, degrees)) > alarm
    # Negative control: a test that takes the particles for independent claims one degree of freedom too many. That lies
    # seven standard deviations off; what is asked of it leaves four of them to the chance of the draws.
    assert stats.chi2.cdf(total, degrees + len(verdicts)) < 1e-3


@pytest.mark.parametrize("particles", repeated(200_000, 10**6))
def test_many_particles_agree_with_the_exact_shares(particles, rng, alarm):
    run = simulate_gas(1.0, particles=particles, rng=rng)
    assert run.quanta.sum() == particles
    verdict = run.verify(false_alarm=alarm)
    assert verdict
    assert verdict.detectable_misfit < 20 / math.sqrt(particles)


def test_other_rules_fail(rng, alarm):
    """Negative controls: quanta that wander by themselves (Poisson), and a gas that has not come to rest."""
    n = 100_000
    wandering = np.bincount(rng.integers(n, size=n), minlength=n).astype(np.int32)
    run = simulate_gas(1.0, particles=n, sweeps=3, rng=rng)
    assert not run.verify(false_alarm=alarm)
    assert not replace(run, quanta=wandering).verify(false_alarm=alarm)


def test_a_detectable_misfit_is_detected(rng):
    """The promised power, with a distortion at fixed norm and energy of just the promised size."""
    run = simulate_gas(1.0, particles=20_000, levels=6, rng=rng)
    p = run.expected()
    k = np.arange(6)
    size = run.verify(false_alarm=0.01, power=0.9).detectable_misfit
    # a direction that changes neither the number of particles nor the energy
    basis = np.linalg.qr(np.array([np.sqrt(p), np.sqrt(p) * (k - 1), np.sqrt(p) * k**2]).T)[0]
    bent = p + size * np.sqrt(p) * basis[:, 2]
    caught = 0
    for _ in range(400):
        # draws from the bent law, kept at the fixed energy by trading between levels 0, 1 and 2
        counts = rng.multinomial(20_000, bent)
        excess = int(counts @ k) - 20_000
        counts[1] -= excess
        counts[0] += excess
        fixed = replace(run, quanta=np.repeat(k, counts).astype(np.int32))
        caught += not fixed.verify(false_alarm=0.01)
    # the shift between levels 0 and 1 repairs the energy at the cost of a little noise, so the power is 0.9 or more
    assert stats.binomtest(caught, 400, 0.9, alternative="less").pvalue > 1e-7
    assert caught < 400


def test_small_gases_are_not_boltzmann(rng, alarm):
    """Tagged particles of many gases are independent; five particles are too few to be each other's heat bath."""
    run = simulate_gas(1.0, particles=5, gases=50_000, sweeps=200, rng=rng)
    seen = run.tagged_counts
    assert seen.sum() == 50_000
    for against, agrees in (("microcanonical", True), ("boltzmann", False)):
        with np.errstate(divide="ignore"):
            logits = np.log(run.expected(against))
        assert bool(sm.verify(seen, logits, false_alarm=alarm)) is agrees
    with pytest.raises(ValueError, match="pass tagged_counts"):
        run.verify()


def test_two_gases_in_contact_find_one_temperature(rng, alarm):
    """Heat flows: half the particles start hot, half cold, and every part ends with the law of the whole."""
    start = np.repeat([0, 4], 50_000)
    run = simulate_gas(start=start, levels=8, rng=rng)
    assert run.mean_quanta == 2.0
    means = run.quanta.reshape(2, -1).mean(axis=1)
    k = np.arange(8)
    p = run.expected()
    spread = np.sqrt(p @ (k - 2) ** 2 / 100_000)  # of the mean of either half, whose sum is fixed
    assert stats.norm.sf(abs(means[0] - 2) / spread) * 2 > alarm
    assert run.verify(false_alarm=alarm)


def test_the_thermometer_reads_a_tenth_of_the_gas(rng, alarm):
    """A part of the gas exchanges energy with the rest, so its thermometer reading is a measurement."""
    run = simulate_gas(1.0, particles=200_000, levels=6, spacing=0.5, rng=rng)
    part = np.bincount(run.quanta[:20_000], minlength=6)
    reading = sm.estimate_temperature(part, run.logits, confidence_level=1 - alarm)
    assert reading.low < run.temperature < reading.high
    assert reading.high / reading.low < 1.3
    # negative control: the temperature of a gas with a fifth more energy is excluded
    assert not reading.low < gas_temperature(1.2, levels=6, spacing=0.5) < reading.high
    # the whole gas has no choice: its likeliest temperature is the one that its energy sets, without any error
    whole = sm.estimate_temperature(run.counts, run.logits)
    assert whole.temperature == pytest.approx(run.temperature, rel=1e-9)


def test_records_and_seeds(rng):
    a = simulate_gas(1.0, particles=1000, sweeps=10, record=4, rng=7)
    b = simulate_gas(1.0, particles=1000, sweeps=10, rng=7)
    assert (a.record, len(a.occupancies)) == (4, 2)  # after 4 and 8 sweeps, as a trajectory has it
    assert np.array_equal(a.quanta, b.quanta)
    assert np.allclose(a.occupancies.sum(axis=1), 1)
    assert np.allclose(a.occupancies @ np.arange(a.occupancies.shape[1]), 1)
    early = simulate_gas(1.0, particles=1000, sweeps=4, rng=7)
    assert np.array_equal(a.occupancies[0][: len(early.counts)], early.counts / 1000)
    assert simulate_gas(1.0, particles=1000, sweeps=3, record=4, rng=7).occupancies.shape[0] == 0
    assert 0 < a.acceptance_rate < 1
    assert a.counts.sum() == 1000
    assert len(a.logits) == len(a.counts)


def test_nothing_can_move():
    for mean in (0.0, 3.0):
        run = simulate_gas(mean, particles=10, levels=4, rng=0)
        assert (run.quanta == mean).all()
    text = str(simulate_gas(1.0, particles=1_000, sweeps=5, rng=0))
    assert text.startswith("An isolated gas of 1,000 particles with 1 quantum each, ")
    assert text.endswith("the energy sets T = 1.4427.")
    assert " with 2 quanta each, " in str(simulate_gas(2.0, particles=10, sweeps=5, rng=0))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"mean_quanta": 0.5, "particles": 3}, r"mean_quanta \* particles must be whole, got 1.5"),
        ({"mean_quanta": 5.0, "levels": 4}, "mean_quanta must be finite and from 0 to 3, got 5.0"),
        ({"particles": 1}, "particles must be from 2"),
        ({"levels": 1}, "levels must be from 2"),
        ({"spacing": 0.0}, "spacing must be > 0 and finite"),
        ({"start": "hot"}, "start must be"),
        ({"start": [0.5, 0.5]}, "start must be"),
        ({"start": [0, 9], "levels": 4}, "start must hold quanta from 0 to 3, got 0 to 9"),
        ({"sweeps": -1}, "sweeps must be from 0"),
    ],
)
def test_wrong_input_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        simulate_gas(**arguments)


def test_a_law_that_would_not_fit_in_memory_is_refused():
    with pytest.raises(ValueError, match="quanta must be fewer for so few particles"):
        microcanonical_marginal(10**12, 10)


def test_too_few_particles_for_a_verdict():
    run = simulate_gas(1.0, particles=12, rng=0)
    assert isinstance(run, Gas)
    with pytest.raises(ValueError, match="at least three levels"):
        run.verify()
    with pytest.raises(ValueError, match="tagged_counts needs several gases"):
        _ = run.tagged_counts
    with pytest.raises(ValueError, match="against must be"):
        run.expected("bose")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"mean_quanta": 2.0**31 + 5, "particles": 2}, "mean_quanta must be at most 2,147,483,647"),
        ({"mean_quanta": 2.0**30, "particles": 2**24}, r"times particles at most 2\*\*53"),
        ({"mean_quanta": 1e9, "particles": 4}, "sweeps='auto' would take .* years of work"),
        ({"mean_quanta": 1e9, "particles": 4, "sweeps": 2, "record": 1}, "mean_quanta must be lower"),
        ({"sweeps": "some"}, "sweeps must be a whole number or 'auto'"),
    ],
)
def test_gases_that_fit_into_no_memory_or_lifetime_are_refused(options, says):
    with pytest.raises(ValueError, match=says):
        simulate_gas(**options)


def test_a_gas_of_very_many_quanta_still_runs():
    gas = simulate_gas(1e9, particles=4, sweeps=100, rng=1)
    assert gas.total == 4 * 10**9
    with pytest.raises(ValueError, match="mean_quanta must be lower for particles to be counted"):
        _ = gas.counts


def test_a_long_automatic_run_of_a_gas_is_announced(monkeypatch):
    monkeypatch.setattr("simsoftmax.gas._MANY", 1e5)
    with pytest.warns(UserWarning, match=r"sweeps='auto' takes [\d,]+ sweeps, .* handovers"):
        simulate_gas(1.0, particles=1000, rng=1)
    simulate_gas(1.0, particles=1000, rng=1, progress=True)


@pytest.mark.parametrize("levels", [2, 3, 100, None])
@pytest.mark.parametrize("mean", [5e-324, 1e-162, 1e-15, 1e-9, 1e-7])
def test_hardly_any_quanta_have_a_temperature(mean, levels):
    """Nearly all particles are on the ground: the mean is exp(-1/T) but for its own square."""
    assert 1 / gas_temperature(mean, levels=levels) == pytest.approx(-np.log(mean), rel=2e-7)


@pytest.mark.parametrize(
    ("expected", "cells"),
    [
        ([12, 12, 12], [0, 1, 2]),
        ([12, 12, 3], [0, 1, 1]),  # what is left over at the top is no cell of its own
        ([12, 4, 5, 3, 12], [0, 1, 1, 1, 2]),
        ([4, 7, 9, 1, 9, 0.5], [0, 0, 1, 1, 1, 1]),
        ([10, 10], [0, 1]),
        ([3, 3], [0, 0]),
        ([40], [0]),
        ([12, 0, 0, 0], [0, 0, 0, 0]),
    ],
)
def test_levels_are_pooled_until_each_cell_expects_enough(expected, cells):
    assert _cells(np.array(expected, float)).tolist() == cells


@given(st.lists(st.floats(0, 30), min_size=1, max_size=60))
def test_every_cell_is_as_small_as_it_may_be(expected):
    cell = _cells(np.array(expected))
    held = np.bincount(cell, expected)
    assert (np.diff(cell) >= 0).all()
    assert (held >= 10 - 1e-9).all() or len(held) == 1
    for one in range(len(held) - 1):  # but for the last, a cell could not end a level earlier
        assert held[one] - np.array(expected)[cell == one][-1] < 10


class Watched(np.ndarray):
    """An array that counts the entries that are worked through."""

    work = 0

    def __array_ufunc__(self, ufunc, method, *inputs, **options):
        Watched.work += max(np.size(x) for x in inputs)
        return getattr(ufunc, method)(*(np.asarray(x) for x in inputs), **options)

    def tolist(self):
        Watched.work += self.size
        return np.asarray(self).tolist()


def test_pooling_takes_time_in_proportion_to_the_levels():
    work = []
    for levels in (1000, 2000, 4000):
        Watched.work = 0
        _cells(np.full(levels, 3.0).view(Watched))
        work.append(Watched.work)
    assert work[0] >= 1000
    assert max(work[1] / work[0], work[2] / work[1]) < 2.5  # 4 where each level sums up what is above it


@pytest.mark.parametrize("levels", [4, None])
def test_a_gas_at_rest_has_the_shares_of_zero_temperature(levels):
    still = simulate_gas(0.0, particles=10, levels=levels, rng=0)
    for against in ("boltzmann", "microcanonical"):
        assert still.expected(against)[0] == 1.0
        assert still.expected(against)[1:].sum() == 0.0
    if levels:
        full = simulate_gas(3.0, particles=10, levels=levels, rng=0)
        assert full.expected("boltzmann").tolist() == full.expected().tolist() == [0, 0, 0, 1]
