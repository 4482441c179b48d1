"""Tails to nearly all digits, and the sum between the temperatures at which it is known."""

import math

import numpy as np
import pytest
from scipy import interpolate, special, stats

from simsoftmax.kernels import tails, tilting
from simsoftmax.kernels.compiler import compiled


def test_tails_are_those_of_scipy_far_out_too():
    for shape in (0.5, 1.0, 3.7, 15.5, 40.0, 300.0):
        for x in (1e-8, 0.01, 0.4, 1.0, 10.0, 39.0, 41.0, 200.0, 600.0):
            expected = special.gammaincc(shape, x)
            assert compiled(tails.gamma_tail)(shape, x) == pytest.approx(expected, rel=1e-12, abs=1e-300)
    for x in (0.0, 0.3, 2.0, 8.0, 30.0):
        assert compiled(tails.normal_tail)(x) == pytest.approx(special.ndtr(-x), rel=1e-12)
    for count in (1, 5, 250, 16_000):
        for p in (0.001, 0.25, 0.5, 0.875):
            for hits in range(0, count + 1, max(1, count // 40)):
                outward = stats.binom.cdf(hits, count, p) if hits < count * p else stats.binom.sf(hits - 1, count, p)
                found = compiled(tails.binomial_tail)(hits, count, p)
                assert found == pytest.approx(outward, rel=1e-10, abs=1e-290)


def test_shares_are_those_of_scipy_up_to_both_ends():
    share = compiled(tails.beta_share)
    for a, b in ((0.5, 0.5), (2.0, 3.0), (1e4, 0.5), (0.5, 1e4)):
        assert (share(a, b, 0.0, 1.0), share(a, b, 1.0, 0.0)) == (0.0, 1.0)
        for x in (1e-9, 0.1, 0.4, 0.9, 1 - 1e-9):
            assert share(a, b, x, 1 - x) == pytest.approx(special.betainc(a, b, x), rel=1e-11, abs=1e-290)


def heat(rng, rows=400):
    """Return the curve of a sum of Gaussian scores, its step, and the polynomials that SciPy puts through it."""
    z = 2 * rng.standard_normal((rows, 9))
    theta = np.array([-1.0, -0.5, 0.0, 0.25, 1.0, 3.0])
    x = z - (z * special.softmax(z, axis=1)).sum(1, keepdims=True)
    value, slope, curvature = np.empty((3, len(theta)))
    for i, t in enumerate(theta):
        q = special.softmax((1 + t) * z, axis=1)
        value[i] = (special.logsumexp((1 + t) * x, axis=1) - special.logsumexp(x, axis=1)).sum()
        slope[i] = (q * x).sum()
        curvature[i] = ((q * x**2).sum(1) - (q * x).sum(1) ** 2).sum()
    cubes = float((special.softmax(z, axis=1) * abs(x) ** 3).sum())
    coefficients = np.zeros(tilting.TERMS * len(theta))
    sound = compiled(tilting.lay_curve)(theta, value, slope, curvature, coefficients)
    assert sound == (0, len(theta) - 1)
    known = interpolate.BPoly.from_derivatives(theta, np.stack([value, slope, curvature], axis=1))
    return (theta, coefficients, *sound), cubes / float(known(0.0, 2)), known


def test_between_its_rows_the_table_is_the_polynomial_that_has_them(rng):
    curve, _, known = heat(rng)
    for at in np.linspace(-1, 3, 37):
        for order in range(4):
            expected = pytest.approx(float(known(at, order)), rel=1e-9, abs=1e-7)
            assert compiled(tilting.derivative)(curve, float(at), order) == expected
    for at in (-0.7, 0.1, 2.2):
        assert compiled(tilting.saddle)(curve, float(known(at, 1))) == pytest.approx(at, abs=1e-10)


def test_rows_that_overflowed_or_turn_back_are_left_out():
    theta, flat = np.array([-1.0, -0.5, 0.0, 1.0, 2.0]), np.zeros(5)
    for spoilt, sound in [({0: np.inf}, (1, 4)), ({4: np.nan}, (0, 3)), ({1: 0.1}, (2, 4)), ({3: -1.0}, (0, 2))]:
        slope = theta.copy()
        slope[list(spoilt)] = list(spoilt.values())
        assert compiled(tilting.lay_curve)(theta, flat, slope, flat, np.zeros(30)) == sound


def test_what_is_caught_is_where_the_tails_say(rng):
    """At the critical score the p-value is the alarm, and a caught theta reaches it with the stated power."""
    curve, step, known = heat(rng)
    variance = float(known(0.0, 2))
    sharp = curve[1].copy()
    compiled(tilting.blur)(curve, step)
    for at in np.linspace(-1, 3, 37):
        for order, more in enumerate([(step * at) ** 2 / 2, step**2 * at, step**2, 0.0]):
            expected = pytest.approx(float(known(at, order)) + more, rel=1e-9, abs=1e-7)
            assert compiled(tilting.derivative)(curve, float(at), order) == expected
    for side in (-1.0, 1.0):
        score = compiled(tilting.critical)(curve, 1e-3, side)
        assert compiled(tilting.p_value)(curve, score) == pytest.approx(1e-3, rel=1e-8)
        theta = compiled(tilting.detectable)(curve, step, 1e-3, 0.99, side)
        assert compiled(tilting.tail)(curve, score + step**2 * theta, theta) == pytest.approx(0.01, rel=1e-8)
        assert (theta - score / variance) * side > 0
    curve[1][:] = sharp
    best, low, high = compiled(tilting.estimate)(curve, 0.0, 1.96)
    assert low < best == 0 < high
    assert (high - low) / 2 == pytest.approx(1.96 / math.sqrt(variance), rel=0.02)
