"""Least free energy: exact identities first, then the descent and its certificate."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.special import rel_entr

import simsoftmax as sm
from simsoftmax.variational import (
    excess_free_energy,
    free_energy_gradient,
    minimize_free_energy,
    variational_free_energy,
)

temperatures = st.floats(0.05, 5.0)
logit_lists = st.lists(st.floats(-5, 5), min_size=2, max_size=12)


def distributions(draw, size):
    """A distribution that may touch the boundary of the simplex."""
    weights = np.array(draw(st.lists(st.just(0.0) | st.floats(1e-12, 1), min_size=size, max_size=size)))
    weights[draw(st.integers(0, size - 1))] += 0.5
    return weights / weights.sum()


@st.composite
def problems(draw, starts=1):
    z = np.array(draw(logit_lists))
    return z, draw(temperatures), *(distributions(draw, z.size) for _ in range(starts))


@given(problems())
def test_excess_is_temperature_times_divergence(problem):
    z, t, q = problem
    p = sm.softmax(z, t)
    excess = variational_free_energy(q, z, t) - variational_free_energy(p, z, t)
    assert abs(excess - t * rel_entr(q, p).sum()) < 1e-12
    assert abs(excess - excess_free_energy(q, z, t)) < 1e-12
    assert abs(variational_free_energy(p, z, t) + t * sm.log_partition(z, t)) < 1e-12


def test_the_identity_fails_for_the_common_slips():
    """Negative control: entropy added instead of subtracted, and temperature squared."""
    z, t = np.array([2.0, 1.0, 0.1]), 2.0
    q, p = np.array([0.1, 0.1, 0.8]), sm.softmax(z, t)
    right = t * rel_entr(q, p).sum()

    def added(d):
        return 2 * (-d @ z) - variational_free_energy(d, z, t)  # E + T S

    def squared(d):
        return variational_free_energy(d, z, t**2)

    for slip in (added, squared):
        assert abs(slip(q) - slip(p) - right) > 1e-2


@given(problems(starts=2), st.floats(0.1, 0.9))
def test_strictly_convex_along_every_segment(problem, share):
    """The chord lies above F by T times the Jensen-Shannon divergence of its ends."""
    z, t, q, r = problem
    mix = (1 - share) * q + share * r
    values = variational_free_energy(np.array([q, r, mix]), z, t)
    gap = (1 - share) * values[0] + share * values[1] - values[2]
    shannon = (1 - share) * rel_entr(q, mix).sum() + share * rel_entr(r, mix).sum()
    assert abs(gap - t * shannon) < 1e-12
    if np.abs(q - r).max() > 1e-4:
        assert gap > 0


@given(problems(starts=2))
def test_gradient_is_the_slope_along_the_simplex(problem):
    z, t, q, r = problem
    q = 0.9 * q + 0.1 / q.size  # away from the edge, where the slope is infinite
    r = 0.9 * r + 0.1 / r.size
    h = 1e-5
    along = [variational_free_energy(q + s * h * (r - q), z, t) for s in (-2, -1, 1, 2)]
    slope = (along[0] - 8 * along[1] + 8 * along[2] - along[3]) / (12 * h)
    assert abs(free_energy_gradient(q, z, t) @ (r - q) - slope) < 1e-7


def test_gradient_vanishes_at_softmax_alone_and_is_infinite_at_the_edge():
    z, t = np.array([2.0, 1.0, 0.1]), 0.7
    assert np.abs(free_energy_gradient(sm.softmax(z, t), z, t)).max() < 1e-14
    assert np.abs(free_energy_gradient([0.3, 0.3, 0.4], z, t)).max() > 0.1
    assert free_energy_gradient([0.5, 0.5, 0.0], z, t).tolist()[2] == -np.inf
    assert free_energy_gradient([0.5, 0.5, 0.0], z, 0.0).tolist() == [-0.5, 0.5, 1.4]
    assert free_energy_gradient([0.5, 0.5, 0.0], [1, 1, -np.inf], t).tolist() == [0, 0, np.inf]


@pytest.mark.parametrize("t", [0.0, 1e-3, 0.3, 1.0, 7.0, 1e6, np.inf])
@settings(max_examples=25)
@given(data=st.data())
def test_every_start_ends_at_softmax(t, data):
    z = np.array(data.draw(logit_lists))
    z[data.draw(st.integers(0, z.size - 1))] = data.draw(st.sampled_from([-np.inf, 5.5, -1.0]))
    allowed = z > -np.inf
    start = np.where(
        allowed, 10.0 ** np.array(data.draw(st.lists(st.floats(-300, 0), min_size=z.size, max_size=z.size))), 0
    )
    end = minimize_free_energy(z, t, start=start / start.sum())
    assert np.abs(end.distribution - sm.softmax(z, t)).max() < 1e-10
    assert end.spread < 2e-12
    if t < np.inf:
        assert abs(end.free_energy - sm.free_energy(z, t)) <= 1e-12 * max(1, t)
        assert (np.diff(end.path_free_energy) <= 1e-12 * max(1, t)).all()


@settings(max_examples=30)
@given(problems(), st.floats(0.05, 0.95))
def test_certificate_is_true_all_along_the_way(problem, step):
    """Stop anywhere: the certificate, which does not know softmax, bounds the true distance from it."""
    z, t, q = problem
    q = 0.99 * q + 0.01 / q.size
    p = sm.softmax(z, t)
    for tolerance in (1.0, 1e-2, 1e-5):
        end = minimize_free_energy(z, t, start=q, tolerance=tolerance, step=step)
        assert excess_free_energy(end.distribution, z, t) <= end.certificate * (1 + 1e-6) + 1e-13
        assert np.abs(np.log(end.distribution / p)).max() <= end.spread * (1 + 1e-6) + 1e-13
        assert end.spread <= tolerance


@pytest.mark.parametrize("t", [0.2, 3.0])
def test_certificate_promises_no_more_than_it_must(t):
    """Two equal levels are the worst case of Hoeffding's lemma, so there the certificate is all but attained."""
    end = minimize_free_energy([1.0, 1.0], t, start=[0.6, 0.4], tolerance=0.1)
    assert 0.01 < end.spread <= 0.1
    assert excess_free_energy(end.distribution, [1.0, 1.0], t) == pytest.approx(end.certificate, rel=1e-3)


@settings(max_examples=30)
@given(problems(), st.floats(0.05, 0.95))
def test_convergence_is_linear_at_the_promised_rate(problem, step):
    z, t, q = problem
    q = 0.99 * q + 0.01 / q.size
    end = minimize_free_energy(z, t, start=q, tolerance=1e-6, step=step)
    ratio = np.log(end.path / sm.softmax(z, t))
    contrast = ratio - ratio[:, :1]
    expected = contrast[0] * (1 - step) ** np.arange(end.steps + 1)[:, None]
    assert np.abs(contrast - expected).max() < 1e-11


@given(logit_lists, temperatures)
def test_descent_from_uniform_is_a_cooling(z, t):
    end = minimize_free_energy(z, t, step=0.3, tolerance=1e-3)
    with np.errstate(divide="ignore"):
        hotter = t / (1 - 0.7 ** np.arange(end.steps + 1))
    assert np.abs(end.path - sm.softmax(np.broadcast_to(z, end.path.shape), hotter)).max() < 1e-12


def test_a_generic_optimiser_finds_the_same_minimum():
    z, t = np.array([2.0, 1.0, 0.1]), 2.0
    found = minimize(
        lambda q: variational_free_energy(q / q.sum(), z, t),
        np.array([0.05, 0.05, 0.9]),
        bounds=[(1e-9, 1)] * 3,
        constraints={"type": "eq", "fun": lambda q: q.sum() - 1},
        options={"ftol": 1e-14},
    )
    assert np.abs(found.x - minimize_free_energy(z, t).distribution).max() < 1e-5


def test_random_distributions_never_lie_below(rng):
    z, t = rng.normal(size=6), 0.5
    q = rng.dirichlet(np.full(6, 0.3), size=20_000)
    assert (variational_free_energy(q, z, t) >= sm.free_energy(z, t) - 1e-12).all()
    assert (excess_free_energy(q, z, t) > 0).all()


def test_limits_of_the_functional():
    z = [1.0, 0.0, -np.inf]
    assert variational_free_energy([0.5, 0.5, 0.0], z, 0.0) == -0.5
    assert variational_free_energy([0.5, 0.5, 0.0], z, np.inf) == -np.inf
    assert variational_free_energy([0.0, 1.0, 0.0], z, np.inf) == 0.0
    assert variational_free_energy([0.5, 0.0, 0.5], z, 1.0) == np.inf
    assert excess_free_energy([0.5, 0.5, 0.0], z, 0.0) == 0.5
    assert excess_free_energy([0.5, 0.5, 0.0], z, np.inf) == 0.0
    assert excess_free_energy([0.0, 0.0, 1.0], z, 1.0) == np.inf
    # where softmax underflows, the excess still tells
    assert excess_free_energy([0.0, 1.0], [1000.0, 0.0], 1.0) == 1000.0


def test_huge_logits_still_end(rng):
    z = rng.normal(size=50) * 1e5
    end = minimize_free_energy(z, 1.0)
    assert end.distribution.tolist() == sm.softmax(z).tolist()


def test_str_is_one_sentence():
    text = str(minimize_free_energy([2.0, 1.0, 0.1], 2.0))
    assert text.startswith("The free energy at T = 2 is least at -3.37955")
    assert text.endswith(".")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"start": [0.5, 0.5, 0.0]}, r"start must be > 0 on every allowed level, got 0 at index 2"),
        ({"start": [0.5, 0.5]}, r"start must hold one probability for each of the 3 logits, got shape \(2,\)"),
        ({"start": [0.5, 0.4, 0.3]}, r"start must sum to 1, got 1.2"),
        ({"start": [1.5, -0.25, -0.25]}, r"start must be >= 0, got -0.25 at index 1"),
        ({"tolerance": 0.0}, r"tolerance must be > 0 and finite, got 0.0"),
        ({"step": 1.5}, r"step must be in \(0, 1\], got 1.5"),
        ({"temperature": -1.0}, r"temperature must be >= 0, got -1.0"),
    ],
)
def test_wrong_input_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        minimize_free_energy([2.0, 1.0, 0.1], **arguments)


def test_wrong_shapes_are_refused():
    with pytest.raises(ValueError, match="one probability for each of the 3 logits"):
        variational_free_energy([0.5, 0.5], [2.0, 1.0, 0.1])
    with pytest.raises(ValueError, match="do not broadcast"):
        variational_free_energy(np.full((2, 3), 1 / 3), [2.0, 1.0, 0.1], [1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match="temperature must be finite for a gradient"):
        free_energy_gradient([0.5, 0.5], [1.0, 0.0], np.inf)


def test_a_descent_that_would_never_end_is_refused():
    for step in (1e-9, 1e-18, 5e-324):
        with pytest.raises(ValueError, match="step must be larger"):
            minimize_free_energy([2.0, 1.0, 0.1], step=step)
    assert minimize_free_energy([2.0, 1.0, 0.1], step=0.001, tolerance=1e-3).steps < 10_000


@pytest.mark.parametrize("step", [pytest.param(1e-3, marks=pytest.mark.slow), 0.02, 0.05, 0.3])
@pytest.mark.parametrize("width", [1.0, 40.0, 700.0, 745.0])
def test_short_steps_end_where_rounding_begins(step, width):
    z = [0.0, 0.3 * width, width]
    found = minimize_free_energy(z, 0.999, step=step)
    assert found.spread <= 1e-12 * max(1.0, 1 / step)
    np.testing.assert_allclose(found.distribution, sm.softmax(z, 0.999), rtol=2e-12 / step, atol=1e-300)
