"""What a stranger writes with this package; ``mypy --strict`` must have nothing to say, and it must run."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any, assert_type

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

import simsoftmax as ss
from simsoftmax.annealing import geometric_cooling
from simsoftmax.disorder import random_energies
from simsoftmax.live import CalibrationExplorer, GasExplorer, ParticleExplorer, TemperatureExplorer
from simsoftmax.variational import variational_free_energy

SCORES = [2.0, 1.0, 0.1]
TABLE = np.array([[2.0, 1.0, 0.1], [0.3, 1.0, 0.2], [0.5, 0.1, 1.2], [1.0, 0.2, 0.4]])
LABELS = [0, 1, 2, 1]


def exact(matrix: NDArray[np.float32]) -> None:
    assert_type(ss.softmax(SCORES, 0.5), NDArray[np.float64])
    assert_type(ss.softmax((2, 1, 0)), NDArray[np.float64])
    assert_type(ss.softmax([SCORES, SCORES], [0.5, 2.0]), NDArray[np.float64])
    assert_type(ss.softmax(matrix, axis=0), NDArray[np.float32])
    assert_type(ss.log_softmax(np.arange(3)), NDArray[np.float64])
    for function in (ss.entropy, ss.mean_energy, ss.free_energy, ss.heat_capacity, ss.log_partition):
        assert_type(function(SCORES, 0.5), np.float64)
        assert_type(function(SCORES), np.float64)
        assert_type(function(SCORES, [0.5, 1.0]), NDArray[np.float64])
        assert_type(function(SCORES, np.geomspace(0.1, 10, 5)), NDArray[np.float64])
        assert_type(function([SCORES, SCORES]), NDArray[np.float64])
        assert_type(function(matrix, [0.5] * len(matrix)), NDArray[np.float32])
        assert_type(function(matrix, 0.5), Any)  # a number or an array: the type does not say how many axes there are
    number: float = ss.entropy(SCORES, np.float64(0.5)) + ss.mean_energy(np.array(SCORES))
    assert f"{number:.3f}"
    assert_type(ss.transition_matrix(SCORES, 0.5, proposal="neighbour"), NDArray[np.float64])
    chain: ss.Relaxation = ss.relaxation(random_energies(5, rng=1), 0.5)
    assert chain.sweeps(1e-3) > 0
    least: ss.FreeEnergyMinimum = ss.minimize_free_energy(SCORES, 0.5, start=[0.2, 0.3, 0.5])
    assert_type(least.distribution, NDArray[np.float64])
    assert_type(variational_free_energy(least.distribution.tolist(), SCORES, 0.5), Any)
    assert_type(variational_free_energy([0.5, 0.3, 0.2], SCORES, 0.5), np.float64)


def simulated(folder: Path) -> ss.Trajectory:
    run = ss.simulate(SCORES, 0.7, particles=1e4, sweeps=20, record=2, engine="particles", rng=1, threads=1)
    assert_type(run, ss.Trajectory)
    ss.simulate(np.array(SCORES), proposal=np.full((3, 3), 1 / 3), start=[5, 3, 2], sweeps="auto", rng=1)
    ss.simulate(SCORES, [2.0, 1.0, 0.5], particles=100, sweeps=3, start="uniform", proposal="neighbour", rng=1)
    run = run.extend(30, temperature=0.7, threads=1)
    run.save(folder / "run.npz")
    assert ss.Trajectory.load(str(folder / "run.npz")) == run
    verdict = run.verify(false_alarm=0.01, power=0.9)
    assert_type(verdict, ss.Verdict)
    assert_type(run.verify_average(false_alarm=0.01), ss.Verdict)
    if verdict:
        assert verdict.p_value > verdict.false_alarm
    assert_type(run.occupancy, NDArray[np.float64])
    assert_type(run.counts, NDArray[np.int64])
    return run


def judged(run: ss.Trajectory) -> None:
    assert_type(ss.verify(run.counts, SCORES, 0.7), ss.Verdict)
    assert_type(ss.verify([60, 30, 10], run.logits), ss.Verdict)
    names = ["sun", "rain", "snow"]
    assert_type(ss.verify(tokens=["sun", "rain", "sun"], logits=SCORES, names=names), ss.Verdict)
    ss.verify(tally=Counter(names), logits=SCORES, names=names)
    ss.estimate_temperature(tokens=[0, 1, 2, 1], logits=SCORES)
    difference: ss.DetectableDifference = ss.detectable_difference(1e4, SCORES, power=0.9)  # type: ignore[arg-type]
    assert_type(ss.required_particles(0.1, SCORES, of="temperature"), int)
    estimate: ss.TemperatureEstimate = ss.estimate_temperature(run.counts, SCORES, confidence_level=0.9)
    assert estimate.low <= estimate.temperature <= estimate.high
    assert difference.total_variation > 0
    diagnosis = ss.diagnose([0, 1, 2, 1], TABLE, 0.7)
    assert_type(diagnosis, ss.Diagnosis)
    assert_type(diagnosis["right"].log10_odds, float)
    mine = ss.Explanation("greedy", "Takes the likeliest.", pipeline=lambda steps: ss.Pipeline([ss.Temperature(0.0)]))
    ss.diagnose(np.array([[0, 1]]), (block for block in [TABLE[:1]]), pipeline=ss.Pipeline(), explanations=[mine])
    process = ss.EProcess(SCORES, 0.7)
    process.update(run.counts)
    assert_type(process.alarm(1e-3), bool)
    heat: ss.Estimate = ss.heat_capacity_from_counts(run.counts, SCORES)
    assert heat.low <= heat.value
    assert_type(ss.mean_energy_from_counts(run.counts, SCORES), ss.Estimate)
    integral: ss.LogPartitionEstimate = ss.integrate_log_partition(SCORES, 0.7, particles=1000, rng=1)
    assert integral.error > 0


def cooled() -> None:
    cooling: ss.Annealing = ss.anneal(SCORES, geometric_cooling(2.0, 0.1, 50), particles=200, rng=1)
    assert_type(cooling.trajectory, ss.Trajectory)
    gas: ss.Gas = ss.simulate_gas(2.0, particles=1e3, sweeps=20, rng=1)
    passed: ss.GasVerdict = gas.verify(against="boltzmann", false_alarm=0.01)
    assert str(passed)


def calibrated() -> ss.ReliabilityDiagram:
    fit: ss.TemperatureFit = ss.fit_temperature(TABLE, LABELS, weights=[1.0] * 4, interval="bootstrap", rng=1)
    assert_type(fit.apply(TABLE), NDArray[Any])
    ss.fit_temperature(TABLE, ["a", "b", "c", "b"], classes=["a", "b", "c"])
    ss.fit_temperature(TABLE, ss.softmax(TABLE, 2.0))
    ss.brier_score(ss.softmax(TABLE).T, [0, -100, 2, 1], ignore_index=-100, axis=0)
    probabilities = ss.softmax(TABLE, max(fit.temperature, 0.1))
    score: float = ss.brier_score(probabilities, LABELS) + ss.negative_log_likelihood(probabilities, LABELS)
    rounded: float = ss.expected_calibration_error(probabilities, LABELS).round(3)
    score += rounded + ss.expected_calibration_error(probabilities, np.array(LABELS), bins=5, binning="mass", norm=2)
    parts: ss.BrierDecomposition = ss.brier_decomposition(probabilities, LABELS)
    assert score > 0
    assert str(parts)
    scaler = ss.TemperatureScaler(confidence_level=0.9).fit(TABLE, LABELS)
    assert_type(scaler, ss.TemperatureScaler)
    assert_type(scaler.predict_proba(TABLE), NDArray[Any])
    return ss.reliability_diagram(probabilities, LABELS, bins=5)


def drawn(run: ss.Trajectory, diagram: ss.ReliabilityDiagram) -> None:
    ax: Axes = ss.plot_occupancy(run, names=["a", "b", "c"])
    assert_type(ss.plot_occupancy([60, 30, 10], SCORES, 0.7, ax=ax), Axes)
    assert_type(ss.plot_trajectory(run, quantity="energy"), Axes)
    assert_type(ss.plot_temperature_sweep(SCORES, "entropy", measured=([1.0], [0.5], [0.1])), Axes)
    assert_type(ss.plot_draws(ss.verify_draws([0, 1], [SCORES, SCORES]), ax=ax), Axes)
    assert_type(ss.plot_reliability(diagram, after=diagram, temperatures=(1.0, 2.0)), Axes)
    assert_type(run.plot(names=["a", "b", "c"]), Axes)


def alive(run: ss.Trajectory) -> None:
    assert TemperatureExplorer(SCORES, 0.7).trait_names()
    assert ParticleExplorer(run).trait_names()
    assert GasExplorer(rng=1).trait_names()
    assert CalibrationExplorer(TABLE, LABELS).trait_names()


def everything(folder: Path) -> None:
    exact(TABLE.astype(np.float32))
    run = simulated(folder)
    judged(run)
    cooled()
    drawn(run, calibrated())
    alive(run)
