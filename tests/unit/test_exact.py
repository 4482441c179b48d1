"""The loop form of the exact functions, for the browser, against the reference in `simsoftmax.boltzmann`."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import simsoftmax as ss
from simsoftmax.boltzmann import reduced_logits
from simsoftmax.kernels.page import exact

finite = st.floats(-1000, 1000)
rows = st.lists(st.one_of(finite, st.just(-np.inf)), min_size=1, max_size=12).filter(lambda z: max(z) > -np.inf)
temperatures = st.one_of(st.floats(1e-3, 1e3), st.sampled_from([0.0, 1.0, np.inf]))


def exact_state(logits, temperature):
    z = np.array(logits, dtype=np.float64)
    exponents, p, state = np.empty(len(z)), np.empty(len(z)), np.empty(5)
    exact.boltzmann(z, float(temperature), exponents, p, state)
    return (
        exponents,
        p,
        dict(zip(["log_partition", "mean_energy", "entropy", "free_energy", "heat_capacity"], state, strict=True)),
    )


def close(value, expected, scale=1.0):
    if not np.isfinite(expected):
        return value == expected
    return abs(value - expected) <= 2e-14 * max(scale, abs(expected))


@given(rows, temperatures)
def test_loops_agree_with_the_reference(logits, temperature):
    exponents, p, state = exact_state(logits, temperature)
    z = np.array(logits)
    np.testing.assert_array_equal(exponents, reduced_logits(z, np.array(float(temperature))))
    np.testing.assert_allclose(p, ss.softmax(z, temperature), rtol=2e-14, atol=1e-300)
    largest = np.abs(z[np.isfinite(z)]).max()
    for name, value in state.items():
        expected = float(getattr(ss, name)(z, temperature))
        scale = {"mean_energy": largest, "free_energy": largest, "heat_capacity": 1.0}.get(name, 1.0)
        # The variance sums squares of exponents, so its rounding is that of the largest of them that matters.
        assert close(value, expected, 30 * scale), (name, value, expected)


@pytest.mark.parametrize("name", ["log_partition", "mean_energy", "entropy", "free_energy", "heat_capacity"])
def test_a_wrong_temperature_would_show(name):
    assert not close(exact_state([2, 1, 0.1], 0.7)[2][name], float(getattr(ss, name)([2, 1, 0.1], 0.7 * (1 + 1e-12))))


@given(rows, temperatures)
def test_functional_of_softmax_is_the_free_energy(logits, temperature):
    z = np.array(logits)
    out = np.empty(3)
    exact.free_energy_functional(ss.softmax(z, temperature), z, float(temperature), out)
    largest = np.abs(z[np.isfinite(z)]).max()
    assert close(out[0], float(ss.mean_energy(z, temperature)), 30 * largest)
    assert close(out[1], float(ss.entropy(z, temperature)), 30)
    free = float(ss.free_energy(z, temperature))
    if np.isfinite(temperature):
        assert close(out[2], free, 30 * (largest + temperature))
    elif np.isfinite(free):
        assert close(out[2], free, 30 * largest)
    else:
        assert out[2] == free


def test_functional_on_a_forbidden_level_is_infinite():
    out = np.empty(3)
    for temperature in (0.0, 0.7, np.inf):
        exact.free_energy_functional(np.array([0.5, 0.5]), np.array([1.0, -np.inf]), temperature, out)
        assert out[2] == np.inf


def test_landscape_is_the_functional_on_a_folded_square(rng):
    side, z, temperature = 9, rng.normal(size=3) * 2, 0.7
    surface, out = np.empty(side * side), np.empty(3)
    exact.free_energy_landscape(z, temperature, side, surface)
    for row in range(side):
        for column in range(side):
            u, v = column / (side - 1), row / (side - 1)
            exact.free_energy_functional(np.array([1 - u, u * (1 - v), u * v]), z, temperature, out)
            assert surface[row * side + column] == pytest.approx(out[2], abs=1e-15)


logit_lists = st.lists(st.floats(-5, 5), min_size=2, max_size=6)


@given(logit_lists, st.floats(0.05, 10), st.floats(0, 3), st.integers(0, 2**32))
def test_flow_solves_its_equation(logits, temperature, time, seed):
    z = np.array(logits)
    q = np.random.default_rng(seed).dirichlet(np.ones(len(z)))
    # d ln q / dt = z - T ln q + const: small explicit steps (mirror descent) end where the closed form does.
    walker, steps = np.log(q), 2000
    for _ in range(steps):
        walker = walker + time / steps * (z - temperature * walker)
    descended = np.exp(walker - walker.max())
    flowed = q.copy()
    exact.mirror_flow(flowed, z, temperature, time)
    assert (
        np.abs(flowed - descended / descended.sum()).max()
        < 0.05 * max(1, temperature * time) * (time * 10 / steps + 1e-6) + 1e-12
    )


@pytest.mark.parametrize("temperature", [0.0, 0.7, 4.0])
def test_two_forces_add_up_to_the_flow(temperature, rng):
    z = np.array([2.0, 1.0, -np.inf, 0.1])
    q = np.append(rng.dirichlet(np.ones(3)), 0.0)[[0, 1, 3, 2]]
    pull, push = np.empty((2, 4))
    exact.flow_forces(q, z, temperature, pull, push)
    assert pull.sum() == pytest.approx(0, abs=1e-14)
    assert push.sum() == pytest.approx(0, abs=1e-14)
    # Where the flow goes in a short time; and each alone: energy at T = 0, entropy where all levels are equal.
    for force, logits, t in [
        (pull + push, z, temperature),
        (pull, z, 0.0),
        (push, np.where(np.isfinite(z), 0.0, z), temperature),
    ]:
        ahead, time = q.copy(), 1e-6
        exact.mirror_flow(ahead, logits, t, time)
        np.testing.assert_allclose((ahead - q) / time, force, atol=1e-5)
    p = np.asarray(ss.softmax(z, 0.7))
    exact.flow_forces(p, z, 0.7, pull, push)
    np.testing.assert_allclose(pull, -push, atol=1e-14)
    assert np.abs(pull).max() > 0.05


@given(logit_lists, st.floats(0, 10), st.integers(0, 2**32))
def test_flow_only_descends_and_ends_at_softmax(logits, temperature, seed):
    z = np.array(logits)
    q = np.random.default_rng(seed).dirichlet(np.ones(len(z)))
    out, last = np.empty(3), np.inf
    for time in (0.0, 0.1, 0.3, 1.0, 3.0):
        exact.mirror_flow(q, z, temperature, time)
        exact.free_energy_functional(q, z, temperature, out)
        assert out[2] <= last + 1e-12
        last = out[2]
    if temperature > 0.05:
        exact.mirror_flow(q, z, temperature, 1000.0 / temperature)
        np.testing.assert_allclose(q, ss.softmax(z, temperature), atol=1e-12)


@pytest.mark.parametrize(("neighbour", "proposal"), [(0, "uniform"), (1, "neighbour")])
@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_forgetting_time_is_the_first_power_of_two_that_is_enough(neighbour, proposal, temperature):
    z, tolerance = np.array([2.0, 1.0, 0.1, -0.5]), 1e-5
    exponents, p, _ = exact_state(z, temperature)
    work = np.empty(16), np.empty(16)
    sweeps = exact.forgetting_time(exponents, p, neighbour, tolerance, *work)
    matrix = ss.transition_matrix(z, temperature, proposal=proposal)

    def distance(t):
        return 0.5 * np.abs(np.linalg.matrix_power(matrix, t) - p).sum(axis=1).max()

    assert distance(sweeps) <= tolerance * (1 + 1e-6)
    assert distance(sweeps // 2) > tolerance


def test_forgetting_time_tells_what_is_frozen():
    exponents, p, _ = exact_state([50.0, -50.0, 50.0], 0.5)
    assert exact.forgetting_time(exponents, p, 1, 1e-5, np.empty(9), np.empty(9)) == -1
    assert exact.forgetting_time(exponents, p, 0, 1e-5, np.empty(9), np.empty(9)) > 0


def test_count_states(rng):
    states = rng.integers(0, 5, 1000).astype(np.uint8)
    counts, shares = np.empty(6, dtype=np.int64), np.empty(6)
    exact.count_states(states, counts, shares)
    np.testing.assert_array_equal(counts, np.bincount(states, minlength=6))
    np.testing.assert_array_equal(shares, counts / 1000)
