"""The public interface at the edge of floating point: only right values or clear errors.

The functions are found by looking (`interface`), and every parameter has a strategy by its name, so a new function or
parameter without one fails. Values lie at the edges: signed zeros, subnormals, the largest floats, masks, every real
type and layout, scalars of NumPy, huge integers, fractions. Whatever is drawn, a call returns a result without a
warning and without NaN, or raises ValueError or TypeError that names an argument; simple results are compared with
mpmath at 360 digits.

``SIMSOFTMAX_EXAMPLES=3000 python -m pytest tests/test_edges.py`` draws that many examples a function and not the same
ones each time: the nightly setting, more than 100,000 examples, some half an hour.
"""

import dataclasses
import functools
import inspect
import math
import os
import re
import signal
import warnings
from contextlib import contextmanager
from fractions import Fraction

import hypothesis.strategies as st
import mpmath
import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from interface import FUNCTIONS, valid
from sklearn.linear_model import LogisticRegression

import simsoftmax as ss
from simsoftmax import TemperatureScaler
from simsoftmax.verdict.diagnosis import EXPLANATIONS

EXAMPLES = int(os.environ.get("SIMSOFTMAX_EXAMPLES", "0"))
SECONDS = (
    90  # a call that takes longer hangs; the longest, 2,000 temperatures of an integral, take ten on a free machine
)


def examples(few):
    """Return settings for a few examples, always the same, or for as many as the nightly run asks."""
    return settings(
        max_examples=EXAMPLES or few,
        derandomize=not EXAMPLES,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        print_blob=True,
    )


# --- values at the edges ----------------------------------------------------------------------------------------------

TINY, LARGEST = 5e-324, float(np.finfo(float).max)
SIZES = [TINY, 3e-310, 2.3e-308, 1e-300, 1e-162, 1e-80, 1e-17, 1e-3, 1.0, 1 + 2**-52, 40.0, 745.2, 6e4, 3e38, 1e16]
SIZES += [2.0**53, 1e25, 1e80, 1e155, 1e300, 1e308, LARGEST]
EDGES = [0.0, -0.0, *SIZES, *(-size for size in SIZES)]
REALS = [np.float64, np.float32, np.float16]
INTEGERS = [np.int8, np.int16, np.int32, np.int64, np.uint8, np.uint64]
POISON = [math.nan, math.inf]


def one_of(*values):
    return st.sampled_from(values)


def numbers(usual, edges, rarely=3):
    """Draw a number: as a rule a usual one, and one of ``rarely`` times an edge."""
    edge = st.sampled_from(edges)
    return st.integers(1, rarely).flatmap(lambda n: edge if n == rarely else usual)


def retyped(values, kind):
    """Return an array of a type; what the type cannot hold becomes what a cast makes of it."""
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if np.issubdtype(kind, np.integer):
            info = np.iinfo(kind)
            values = np.clip(np.nan_to_num(values), max(info.min, -(2**62)), min(info.max, 2**62))
        return np.asarray(values).astype(kind)


@st.composite
def laid_out(draw, values, kinds=(*REALS, *REALS, *INTEGERS)):
    """Draw how an array lies in memory, and of which type: the values may be rounded by it."""
    array = retyped(np.array(values, float), draw(st.sampled_from(kinds)))
    layout = draw(st.integers(0, 7))
    if layout == 0:
        return array.tolist()
    if layout == 1 and array.ndim:
        return np.repeat(array, 2, axis=-1)[..., ::2]
    if layout == 2 and array.ndim:
        return array[..., ::-1].copy()[..., ::-1]
    if layout == 3:
        array.flags.writeable = False
    elif layout == 4:
        return np.asfortranarray(array)
    elif layout == 5:
        return array.astype(array.dtype.newbyteorder())
    elif layout == 6:
        return np.array(array.tolist(), object)
    return array


@st.composite
def scalar(draw, value):
    """Draw the form of a number: of Python, of NumPy, of no dimension, a fraction where that is exact."""
    form = draw(st.integers(0, 5))
    if isinstance(value, int) and not isinstance(value, bool):
        if abs(value) < 2**53:
            return [value, float(value), np.int64(value), np.array(value), Fraction(value), np.float64(value)][form]
        return value
    if form == 5:
        return Fraction(value) if math.isfinite(value) else value
    with np.errstate(over="ignore"):
        return [value, np.float64(value), np.float32(value), np.float16(value), np.array(value)][form]


FINITE = numbers(st.floats(-10, 10), EDGES)
SCORES = numbers(numbers(FINITE, [-math.inf], 5), POISON, 30)
HEAT = [0.0, -0.0, TINY, 1e-310, 1e-300, 1e-155, 1e-17, 1e-3, 6e4, 1e16, 1e155, 1e300, 1e308, LARGEST, math.inf]
HEATS = numbers(numbers(st.floats(0.05, 20), HEAT), [-1.0, -TINY, math.nan], 30)
CHANCES = numbers(st.floats(0.01, 0.99), [TINY, 1e-310, 1e-300, 1e-17, 1 - 2**-53, 0.5, 0.0, 1.0, -0.0, math.nan], 4)
POSITIVES = numbers(st.floats(0.05, 5), [*SIZES, 0.0, -0.0, math.inf, math.nan, 10**400, Fraction(1, 10**400)])


def counted(counts):
    """Draw the form of counts; integers that no float holds stay as they are."""
    return st.just(counts) if max(counts) > 2**64 else st.one_of(st.just(counts), laid_out(counts))


MANY = numbers(st.integers(0, 40), [0, 1, 2**31, 2**32 - 1, 2**53 - 3, 2**53, 2**53 + 1, 2**63, 2**64, 10**400], 9)


def whole(low, high, *edges):
    """Draw a whole number that keeps the work small, or an edge that is refused."""
    edges = edges or (0, -1, 2**53 + 1, 2**64, 10**400, 10**5000)
    return numbers(st.integers(low, high), edges, 8).flatmap(scalar)


@st.composite
def shares(draw, levels):
    """Draw a distribution, now and then one that is not."""
    weights = np.array(draw(st.lists(one_of(0.0, TINY, 1e-300, 1e-9, 0.3, 1.0, 2.0), min_size=levels, max_size=levels)))
    total = weights.sum()
    weights = weights / total if total else weights
    return draw(laid_out(weights * draw(one_of(*[1] * 12, 1 + 2**-52, 1.0005, 1.5)), REALS))


@st.composite
def proposals(draw, levels):
    if draw(st.booleans()):
        return draw(one_of("uniform", "neighbour"))
    size = levels * levels
    q = np.array(draw(st.lists(one_of(0.0, TINY, 1e-9, 0.3, 1.0), min_size=size, max_size=size))).reshape(
        levels, levels
    )
    q = (q + q.T) / 2
    q = q / max(q.sum(axis=1).max(), 1e-300)
    q = q + np.diag(1 - q.sum(axis=1))
    return draw(laid_out(q * draw(one_of(*[1] * 9, 1.5)), REALS))


@st.composite
def tables(draw, rows, levels, entries):
    flat = draw(st.lists(entries, min_size=rows * levels, max_size=rows * levels))
    return np.array(flat, float).reshape(rows, levels)


@st.composite
def starts(draw, levels):
    return draw(
        st.one_of(
            one_of("ground", "uniform"),
            st.lists(MANY, min_size=levels, max_size=levels),
            shares(levels),
            st.lists(st.integers(-1, levels), min_size=1, max_size=9),
        )
    )


# A strategy for the number of levels of the call.
STRATEGIES = {
    "logits": lambda k: st.lists(SCORES, min_size=k, max_size=k).flatmap(laid_out),
    "temperature": lambda k: HEATS.flatmap(scalar),
    "axis": lambda k: one_of(-1, 0, np.int64(-1), -2, 10**400),
    "proposal": proposals,
    "particles": lambda k: whole(1, 40),
    "sweeps": lambda k: whole(1, 5),
    "start": starts,
    "engine": lambda k: one_of("particles", "occupations", "auto"),
    "record": lambda k: whole(0, 3, 0, 2**53 + 1),
    "threads": lambda k: whole(1, 2, 0, 10**400),
    "rng": lambda k: st.integers(0, 9).flatmap(scalar),
    "counts": lambda k: st.lists(MANY, min_size=k, max_size=k).flatmap(counted),
    "tokens": lambda k: st.none(),  # tokens and tallies become counts, and have tests of their own
    "tally": lambda k: st.none(),
    "names": lambda k: st.just([f"level {n}" for n in range(k)]),
    "occupancy": shares,
    "distribution": shares,
    "recorded": lambda k: whole(1, 9, 0, 2**31, 2**53, 2**53 + 1),
    "every": lambda k: whole(1, 9, 0, 2**31, 2**53, 2**53 + 1),
    "false_alarm": lambda k: CHANCES.flatmap(scalar),
    "power": lambda k: CHANCES.flatmap(scalar),
    "confidence_level": lambda k: CHANCES.flatmap(scalar),
    "quadrature_error": lambda k: numbers(st.floats(1e-6, 0.1), [TINY, 1e-300, 0.0, 1.0, 1 - 2**-53]).flatmap(scalar),
    "relative_error": lambda k: POSITIVES,
    "difference": lambda k: CHANCES.flatmap(scalar),
    "of": lambda k: one_of("total_variation", "temperature"),
    "concentration": lambda k: POSITIVES,
    "tolerance": lambda k: numbers(st.floats(1e-12, 0.1), [TINY, 1e-17, 1e300, 0.0]).flatmap(scalar),
    "step": lambda k: numbers(st.floats(0.05, 1), [TINY, 1e-17, 1.0, 1 + 2**-52, 0.0]).flatmap(scalar),
    "sampler": lambda k: st.none(),
    "mean_quanta": lambda k: numbers(st.floats(0, 9), [0.0, -0.0, *SIZES, -1.0, math.inf, 10**400]).flatmap(scalar),
    "quanta": lambda k: whole(0, 40),
    "levels": lambda k: whole(1, 9, 0, 2**64, 10**400),
    "spacing": lambda k: POSITIVES,
    "gases": lambda k: whole(1, 3, 0, 2**64),
    "schedule": lambda k: st.lists(HEATS, min_size=1, max_size=4).flatmap(laid_out),
    "hot": lambda k: HEATS.flatmap(scalar),
    "cold": lambda k: HEATS.flatmap(scalar),
    "depth": lambda k: POSITIVES,
    "sigma": lambda k: POSITIVES,
    "roughness": lambda k: POSITIVES,
    "labels": lambda k: st.lists(
        numbers(st.integers(0, k - 1), [k, -1, -100, 2**63, 10**400], 30), min_size=4, max_size=4
    ),
    "classes": lambda k: st.just(list(range(k))),
    "ignore_index": lambda k: numbers(st.integers(0, k), [-100, 2**63, 10**400, -(10**400)], 4),
    "weights": lambda k: st.lists(
        numbers(numbers(st.floats(0, 2), [0.0, -0.0, *SIZES]), [math.nan], 30), min_size=4, max_size=4
    ).flatmap(laid_out),
    "probabilities": lambda k: st.lists(shares(k), min_size=4, max_size=4).map(np.array),
    "bins": lambda k: whole(1, 20, 0, 10**6, 10**400),
    "binning": lambda k: one_of("width", "mass"),
    "norm": lambda k: one_of(1, 2),
    "debias": lambda k: st.booleans(),
    "classwise": lambda k: st.booleans(),
    "resamples": lambda k: whole(1, 9, 0, 10**400),
    "progress": lambda k: st.just(False),
    "size": lambda k: whole(0, 9, -1, 2**53 + 1, 10**400),
    "top_k": lambda k: whole(1, 9, 0, 2**53, 2**53 + 1, 10**400),
    "top_p": lambda k: CHANCES.flatmap(scalar),
    "min_p": lambda k: CHANCES.flatmap(scalar),
    "typical_p": lambda k: CHANCES.flatmap(scalar),
    "order": lambda k: one_of("temperature-first", "temperature-last"),
    "pipeline": lambda k: st.none(),
    "draws": lambda k: st.lists(
        numbers(st.integers(0, k - 1), [k, -1, -100, 2**63, 10**400], 30), min_size=4, max_size=4
    ),
    "explanations": lambda k: st.just(EXPLANATIONS),
    "steps": lambda k: st.lists(
        st.one_of(
            HEATS.flatmap(scalar).filter(lambda t: t >= 0).map(ss.Temperature),
            st.integers(1, 9).map(ss.TopK),
            st.floats(0.01, 1).map(ss.TopP),
            st.floats(0, 1).map(ss.MinP),
            st.floats(0.01, 1).map(ss.Typical),
        ),
        max_size=3,
    ),
}
# Where one name means different things to different functions.
ROWS = {
    "logits": lambda k: tables(4, k, SCORES).flatmap(laid_out),
    "interval": lambda k: one_of("sandwich", "bootstrap"),
}
STRATEGY_OF = {("fit_temperature", name): strategy for name, strategy in ROWS.items()}
STRATEGY_OF |= {(name, "logits"): ROWS["logits"] for name in ("diagnose", "verify_draws")}
STRATEGY_OF |= {
    ("log_partition_difference", "counts"): lambda k: tables(2, k, MANY.map(lambda n: min(n, 2**64))).flatmap(laid_out),
    ("log_partition_difference", "temperature"): lambda k: st.lists(HEATS, min_size=2, max_size=2),
    ("simulate_gas", "start"): lambda k: st.one_of(
        one_of("even"), st.lists(numbers(st.integers(0, 9), [2**31, -1, 2**64]), min_size=1, max_size=9)
    ),
}
# The work of these grows with a number that has no natural end: it is always given, and small.
ALWAYS = {"particles", "sweeps", "resamples", "threads"}
ALWAYS_OF = {"microcanonical_marginal": {"quanta"}, "integrate_log_partition": {"quadrature_error", "confidence_level"}}
# Figures are drawn for eyes; what they show is computed by the functions that are tried here.
TRIED = {name: function for name, function in FUNCTIONS.items() if not function.__module__.endswith("plotting")}


@st.composite
def calls(draw, name):
    """Draw the keywords of a call."""
    levels = draw(st.integers(1, 6))
    always = ALWAYS | ALWAYS_OF.get(name, set())
    chosen = {}
    for parameter, how in inspect.signature(TRIED[name]).parameters.items():
        if how.default is inspect.Parameter.empty or parameter in always or draw(st.integers(0, 2)) == 0:
            strategy = STRATEGY_OF.get((name, parameter)) or STRATEGIES[parameter]
            chosen[parameter] = draw(made(strategy, levels))
    return chosen


@functools.cache
def made(strategy, levels):
    """Return a strategy; to make and to check one takes longer than a draw."""
    return strategy(levels)


# --- what must hold of every call -------------------------------------------------------------------------------------

# NaN is an answer only here, as the documentation of each says.
EMPTY = {"confidence", "accuracy", "low", "high", "by_chance", "gap", "maximum_calibration_error"}
NAN = {
    "ReliabilityDiagram": EMPTY,  # of bins that hold nothing
    "TemperatureFit": {"temperature"},  # where no temperature is better than another
    "FitStep": {"nll", "slope"},
    "DrawsVerdict": {"estimate", "low", "high", "tail_share"},  # where the rows do not tell, or nothing is possible
    "Finding": {"estimate", "low", "high"},  # where nothing is estimated
}


def nans(value, at="result", allowed=()):
    """Yield the places in a result that hold NaN."""
    if dataclasses.is_dataclass(value):
        free = NAN.get(type(value).__name__, set())
        for field in dataclasses.fields(value):
            if field.name not in free and not field.name.startswith("_"):
                yield from nans(getattr(value, field.name), f"{at}.{field.name}")
    elif isinstance(value, (tuple, list)):
        for i, item in enumerate(value):
            yield from nans(item, f"{at}[{i}]")
    elif isinstance(value, (float, np.floating, np.ndarray)):
        array = np.asarray(value)
        if array.dtype.kind == "f" and np.isnan(array).any():
            yield at


@contextmanager
def no_longer_than(seconds):
    """Turn a call that hangs into a failure that shows what was called."""

    def stop(*_):
        raise AssertionError(f"still running after {seconds} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def outcome(function, keywords, names):
    """Return the result of a call or None; fail if it is neither a sound result nor a clear error."""
    with warnings.catch_warnings(record=True) as caught, no_longer_than(SECONDS):
        warnings.simplefilter("always")
        result = text = refusal = None
        try:
            result = function(**keywords)
            text = str(result)
        except (ValueError, TypeError) as error:
            refusal = f"{type(error).__name__}: {error}"
        assert refusal is None or any(re.search(rf"\b{name}\b", refusal) for name in names), refusal
    # Words of our own to the user are welcome if they name an argument; warnings of NumPy's are faults.
    for warning in caught:
        assert issubclass(warning.category, UserWarning), warning
        assert any(name in str(warning.message) for name in names), warning
    if text is not None:
        assert "nan" not in text.lower() or any(type(result).__name__ == kind for kind in NAN), text
        assert not list(nans(result)), (list(nans(result)), text)
    return result


def test_every_parameter_has_a_strategy():
    for name, function in TRIED.items():
        for parameter in inspect.signature(function).parameters:
            assert parameter in STRATEGIES or (name, parameter) in STRATEGY_OF, (name, parameter)


@pytest.mark.parametrize("name", TRIED)
def test_a_result_or_a_clear_error(name):
    @examples(12)
    @given(calls(name))
    def check(keywords):
        result = outcome(TRIED[name], keywords, list(inspect.signature(TRIED[name]).parameters))
        if isinstance(result, ss.EProcess):
            outcome(result.update, {"counts": [1] * len(np.asarray(keywords["logits"]))}, ["counts"])

    check()


@pytest.mark.parametrize(
    ("name", "parameter"),
    [(n, p) for n, f in TRIED.items() for p in inspect.signature(f).parameters if p in ("temperature", "hot", "cold")],
)
def test_minus_zero_is_zero(name, parameter):
    """A temperature of -0.0, which passes every comparison with 0, means the limit that 0.0 means."""
    given_rng = {"rng": 3} if "rng" in inspect.signature(TRIED[name]).parameters else {}
    answers = []
    for zero in (0.0, -0.0):
        keywords = valid(name) | given_rng
        pair = isinstance(keywords.get(parameter), list)
        try:
            found = TRIED[name](**(keywords | {parameter: [zero, 2.0] if pair else zero}))
            answers.append(repr(vars(found) if isinstance(found, ss.EProcess) else found))
        except ValueError as error:
            answers.append(str(error))
    assert answers[0] == re.sub(r"(got \[?)-0.0", r"\g<1>0.0", answers[1])


# --- against mpmath ---------------------------------------------------------------------------------------------------


def exact(z, t):
    """Return the canonical ensemble in so many digits that 1 + 1e-324 is not 1: softmax, ln Z, <E>, S, F, C."""
    with mpmath.workdps(360):
        best = max(z)
        allowed = [mpmath.mpf(float(x)) if x > -math.inf else None for x in z]
        if t == 0:
            weights = [mpmath.mpf(x == best) for x in z]
        elif t == math.inf:
            weights = [mpmath.mpf(x is not None) for x in allowed]
        else:
            top, heat = mpmath.mpf(float(best)), mpmath.mpf(float(t))
            weights = [mpmath.mpf(0) if x is None else mpmath.exp((x - top) / heat) for x in allowed]
        total = mpmath.fsum(weights)
        p = [w / total for w in weights]
        energy = -mpmath.fsum(q * x for q, x in zip(p, allowed, strict=True) if x is not None)
        entropy = -mpmath.fsum(q * mpmath.log(q) for q in p if q)
        top = mpmath.mpf(float(best))
        if t in (0, math.inf):
            capacity = mpmath.mpf(0)
            ln_z = mpmath.log(total) if t or top == 0 else mpmath.inf * mpmath.sign(top)
            free = -top if t == 0 or total == 1 else -mpmath.inf
        else:
            capacity = mpmath.fsum(
                q * ((x + energy) / heat) ** 2 for q, x in zip(p, allowed, strict=True) if x is not None
            )
            ln_z = top / heat + mpmath.log(total)
            free = -(top + heat * mpmath.log(total))
        return p, ln_z, energy, entropy, free, capacity


def close(value, truth, error):
    """Whether a float is what a number of many digits rounds to, within a relative error or one subnormal."""
    truth = (
        float(mpmath.mpf(truth))
        if abs(truth) < mpmath.mpf(LARGEST) * (1 + mpmath.mpf(2) ** -54)
        else (math.inf if truth > 0 else -math.inf)
    )
    return (
        value == truth
        or abs(value - truth) <= error * abs(truth) + 2 * TINY
        or (min(abs(value), abs(truth)) > LARGEST * (1 - error))
    )


FORBIDDING = st.one_of(FINITE, FINITE, FINITE, one_of(-math.inf))
ALLOWED = st.lists(FORBIDDING, min_size=1, max_size=6).filter(lambda z: max(z) > -math.inf)
SOUND_HEATS = numbers(st.floats(0.05, 20), HEAT)


@given(ALLOWED, SOUND_HEATS)
@examples(150)
def test_the_canonical_ensemble_is_exact(z, t):
    p, ln_z, energy, entropy, free, capacity = exact(z, t)
    assert all(close(a, b, 3e-13) for a, b in zip(ss.softmax(z, t), p, strict=True)), (ss.softmax(z, t), p)
    assert close(ss.entropy(z, t), entropy, 1e-12)
    assert close(ss.heat_capacity(z, t), capacity, 1e-10) or capacity < 1e-290  # a square that underflows
    # Sums whose terms may cancel are as good as their largest term.
    finite = [(float(q), abs(x)) for q, x in zip(p, z, strict=True) if x > -math.inf]
    size = max(q * x for q, x in finite)
    assert close(ss.mean_energy(z, t), energy, 1e-12) or abs(ss.mean_energy(z, t) - float(energy)) <= 1e-12 * size
    top = max(z)
    offset = abs(top / t) if 0 < t < math.inf and abs(top) < 1e300 and t > 1e-300 else 0.0
    value = ss.log_partition(z, t)
    assert close(value, ln_z, 1e-12) or abs(value - float(ln_z)) <= 1e-15 * offset + 1e-15
    value = ss.free_energy(z, t)
    assert close(value, free, 1e-12) or abs(value - float(free)) <= 1e-15 * abs(top)


ENSEMBLE = [ss.softmax, ss.log_softmax, ss.log_partition, ss.mean_energy, ss.entropy, ss.free_energy, ss.heat_capacity]


@given(ALLOWED, SOUND_HEATS, st.sampled_from([np.float16, np.float32]), st.sampled_from(ENSEMBLE))
@examples(80)
def test_narrow_types_are_computed_in_double_and_rounded_once(z, t, kind, function):
    narrow = retyped(z, kind)
    if not (narrow < math.inf).all() or not (narrow > -math.inf).any():
        return
    value = function(narrow, t)
    assert value.dtype == kind
    np.testing.assert_array_equal(value, retyped(function(narrow.astype(float), t), kind))


WHOLE_SCORES = st.lists(st.integers(-50, 50), min_size=1, max_size=6)


@given(WHOLE_SCORES, SOUND_HEATS, st.integers(-1000, 1000), st.randoms(use_true_random=False))
@examples(60)
def test_probabilities_see_neither_a_shift_nor_an_order(z, t, shift, random):
    z = np.array(z, float)
    p = ss.softmax(z, t)
    np.testing.assert_array_equal(ss.softmax(z + shift, t), p)
    order = random.sample(range(len(z)), len(z))
    np.testing.assert_allclose(ss.softmax(z[order], t), p[order], rtol=1e-15)
    for function in (ss.entropy, ss.heat_capacity):
        assert function(z + shift, t) == function(z, t)


@pytest.mark.parametrize("mask", [-1e200, -1e300, -LARGEST])
@given(WHOLE_SCORES, st.floats(0.05, 20))
@example([0, -32], 1.5)  # the slope at T = infinity overflows
@examples(15)
def test_a_mask_is_minus_infinity(mask, z, t):
    """A score so low that its weight is 0 in floating point is a level that cannot be occupied."""
    masked, forbidden = [*z, mask], [*z, -math.inf]
    for function in ENSEMBLE:
        low, never = np.atleast_1d(function(masked, t)), np.atleast_1d(function(forbidden, t))
        end = -1 if function is ss.log_softmax else None
        np.testing.assert_array_equal(low[:end], never[:end])
    counts = [*range(1, len(z) + 1), 0]
    assert ss.verify(counts, masked, t).p_value == pytest.approx(ss.verify(counts, forbidden, t).p_value, rel=1e-9)
    rows = np.array([masked, masked[::-1]] * 3, float)
    labels = [0, len(z)] * 2 + [0, 1]
    fits = [ss.fit_temperature(np.where(rows == mask, m, rows), labels) for m in (mask, -math.inf)]
    if fits[1].status != "interior":
        return  # the masked levels are all that tells temperatures apart
    ends = [(fit.temperature, fit.low, fit.high, fit.nll_before, fit.nll_after) for fit in fits]
    np.testing.assert_allclose(ends[0], ends[1], rtol=1e-9)


# --- fits, in any unit ------------------------------------------------------------------------------------------------


@given(st.integers(-1060, 1010), st.integers(0, 99))
@examples(30)
def test_a_fit_is_the_same_in_every_unit(exponent, seed):
    """Logits times a power of two, as far as floating point reaches, give the temperature times that power."""
    rng = np.random.default_rng(seed)
    logits = rng.integers(-8, 9, size=(30, 3)).astype(float)
    labels = (logits / 4 + rng.gumbel(size=logits.shape)).argmax(axis=1)
    fit, scaled = ss.fit_temperature(logits, labels), ss.fit_temperature(np.ldexp(logits, exponent), labels)
    assert scaled.status == fit.status
    if fit.status == "interior":
        assert scaled.temperature == pytest.approx(math.ldexp(fit.temperature, exponent), rel=1e-8, abs=2 * TINY)
        if scaled.low > 1e-310:
            # The width is first order in the last step, whose length depends on the unit; that changes the mean square
            # of the slopes by 20 % at most, so the second order is 4 % of it, or 2 % of the width.
            width, there = math.log(fit.high) - math.log(fit.low), math.log(scaled.high) - math.log(scaled.low)
            assert there == pytest.approx(width, rel=0.04)
    assert scaled.nll_after == pytest.approx(fit.nll_after, rel=1e-9)


@given(tables(8, 3, st.one_of(FINITE, one_of(-math.inf))), st.lists(st.integers(0, 2), min_size=8, max_size=8))
@examples(40)
def test_a_fit_is_where_the_likelihood_is_highest(logits, labels):
    if (logits[np.arange(8), labels] == -math.inf).any():
        with pytest.raises(ValueError, match=r"labels must have finite logits|logits must allow"):
            ss.fit_temperature(logits, labels)
        return
    fit = ss.fit_temperature(logits, labels)
    if fit.status == "unidentified":
        return

    def nll(t):
        with np.errstate(over="ignore"):
            return -ss.log_softmax(logits, t)[np.arange(8), labels].mean()

    best = nll(fit.temperature)
    assert best == pytest.approx(fit.nll_after, rel=1e-7, abs=1e-9)
    for factor in (0.25, 0.9, 1.1, 4.0):
        other = min(fit.temperature * factor, LARGEST) if 0 < fit.temperature < math.inf else factor
        assert nll(other) >= best - 1e-9 * (1 + abs(best))


@given(st.integers(0, 999), st.sampled_from([math.nan, math.inf, -math.inf, 1e308]), st.integers(-100, 99))
@examples(20)
def test_a_weight_of_zero_leaves_a_row_out_whatever_it_holds(seed, poison, label):
    rng = np.random.default_rng(seed)
    rows = int(rng.integers(2, 60))
    logits = 3 * rng.standard_normal((rows, 4))
    labels = (logits / 2 + rng.gumbel(size=logits.shape)).argmax(axis=1)
    weights = rng.random(rows)
    weights[rng.random(rows) < 0.4] = 0
    weights[0] = 1.0
    out = weights == 0
    worse, wrong = logits.copy(), labels.copy()
    worse[out], wrong[out] = poison, label
    assert ss.fit_temperature(worse, wrong, weights=weights) == ss.fit_temperature(logits, labels, weights=weights)
    p = ss.softmax(logits, 1.5)
    spoiled = p.copy()
    spoiled[out] = poison
    for score in (ss.brier_score, ss.negative_log_likelihood):
        assert score(spoiled, wrong, weights=weights) == score(p, labels, weights=weights)


@given(tables(12, 3, SCORES), st.lists(st.sampled_from("abc"), min_size=12, max_size=12))
@examples(20)
def test_the_scaler_gives_probabilities_or_a_clear_error(logits, labels):
    for scaler in (TemperatureScaler(), TemperatureScaler(LogisticRegression(max_iter=50), cv=2)):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            refusal = None
            try:
                p = scaler.fit(logits, labels).predict_proba(logits)
            except ValueError as error:
                refusal = str(error)
        if refusal is not None:
            assert re.search(r"\b(X|y|logits|labels|classes|cv|class|samples)\b", refusal), refusal
            continue
        np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-12)
        assert (scaler.predict(logits) == scaler.classes_[p.argmax(axis=1)]).mean() > 0.5
