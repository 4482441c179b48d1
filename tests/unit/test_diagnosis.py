"""Every mistake is made by a sampler of its own, written without the models, and must be named first."""

import math

import numpy as np
import pytest
from short import short

import simsoftmax as ss
from simsoftmax import MinP, Pipeline, Temperature, TopK, TopP
from simsoftmax.kernels.compiler import compiled
from simsoftmax.kernels.rounding import rounded_sums
from simsoftmax.verdict import diagnosis
from simsoftmax.verdict.diagnosis import EXPLANATIONS, Explanation, diagnose

T = 0.7
NUCLEUS_LAST = Pipeline([Temperature(0.6), TopP(0.9)])
NUCLEUS_FIRST = Pipeline([TopP(0.9), Temperature(0.6)])
TEN = Pipeline([Temperature(T), TopK(10)])
TICK = 2.0**-24


# --- wrong samplers ---------------------------------------------------------------------------------------------------


def ordinary(rng, rows=10_000, levels=40, spread=2.0, middle=0.0):
    return rng.normal(middle, spread, (rows, levels))


def gumbel(z, rng):
    with np.errstate(divide="ignore"):
        return (z - np.log(rng.standard_exponential(z.shape))).argmax(axis=1)


def masses(z):
    p = np.exp(z - z.max(axis=1, keepdims=True))
    return p / p.sum(axis=1, keepdims=True)


def inverted(p, u):
    return np.minimum((np.cumsum(p, axis=1) <= u[:, None]).sum(axis=1), p.shape[1] - 1)


def best(z, keep):
    """Return the scores of which so many of each row stay, by their order."""
    order = np.argsort(-z, axis=1)
    left = np.full(z.shape, -np.inf)
    here = np.arange(z.shape[1]) < np.reshape(keep, (-1, 1))
    np.put_along_axis(left, order, np.where(here, np.take_along_axis(z, order, axis=1), -np.inf), axis=1)
    return left


def nucleus_size(z, p):
    """Return how many tokens a nucleus has, with the one that crosses."""
    ordered = np.sort(masses(z), axis=1)[:, ::-1]
    return (np.cumsum(ordered, axis=1) < p).sum(axis=1) + 1


def tail():
    """Return a row of 72 tokens that come up, 64 of them 2^-14 likely, and 2^16 of two fifths of 2^-24."""
    head = np.exp([2.0, 1.5, 1.0, 0.5, 0.0, -0.5, -1.0, -1.5])
    shares = [np.full(64, 2.0**-14), np.full(2**16, 0.4 * TICK)]
    return np.log(np.concatenate([head / head.sum() * (1 - sum(map(np.sum, shares))), *shares]))


def off(rng):
    z = ordinary(rng)
    return gumbel(z / (T * 1.06), rng), z, T


def twice(rng):
    z = ordinary(rng, 2000)
    scaled = z / T
    return gumbel(scaled / T, rng), z, T


def never(rng):
    z = ordinary(rng, 2000)
    return gumbel(z, rng), z, T


def upside_down(rng):
    z = ordinary(rng, 2000)
    return gumbel(z * T, rng), z, T


def heat_after(rng):
    z = ordinary(rng, 1000)
    return gumbel(best(z, nucleus_size(z, 0.9)) / 0.6, rng), z, NUCLEUS_LAST


def heat_before(rng):
    z = ordinary(rng, 2000)
    return gumbel(best(z / 0.6, nucleus_size(z / 0.6, 0.9)), rng), z, NUCLEUS_FIRST


def one_more(rng):
    z = ordinary(rng, 2000)
    return gumbel(best(z / T, 11), rng), z, TEN


def one_less(rng):
    z = ordinary(rng, 2000)
    return gumbel(best(z / T, 9), rng), z, TEN


def not_crossing(rng):
    z = ordinary(rng, 1500)
    return gumbel(best(z / 0.6, np.maximum(nucleus_size(z / 0.6, 0.9) - 1, 1)), rng), z, NUCLEUS_LAST


def narrow(x, digits):
    fraction, power = np.frexp(x)
    return np.ldexp(np.round(np.ldexp(fraction, digits)), power - digits)


def half_logits(rng):
    z = ordinary(rng, 4000, middle=1000.0)
    return gumbel(z.astype(np.float16).astype(float) / T, rng), z, T


def brain_logits(rng):
    z = ordinary(rng, 4000, middle=100.0)
    return gumbel(narrow(z, 8) / T, rng), z, T


def half_sums(rng):
    z = ordinary(rng, 2000, 800, 1.0)
    sums = np.cumsum(masses(z / T).astype(np.float16), axis=1, dtype=np.float16).astype(float)
    return (sums <= (rng.random(len(z)) * sums[:, -1])[:, None]).sum(axis=1), z, T


def brain_sums(rng):
    z = ordinary(rng, 1500, 200, 1.0)
    p, sums = narrow(masses(z / T), 8), np.zeros(z.shape)
    for k in range(z.shape[1]):
        sums[:, k] = narrow(p[:, k] + (sums[:, k - 1] if k else 0.0), 8)
    return (sums <= (rng.random(len(z)) * sums[:, -1])[:, None]).sum(axis=1), z, T


def single_sums(rng):
    z = tail()
    sums = np.cumsum(masses(z[None])[0].astype(np.float32), dtype=np.float32).astype(float)
    return np.searchsorted(sums, rng.random(100_000) * sums[-1], side="right"), z, 1.0


def short_number(rng):
    z = tail()
    sums = np.cumsum(masses(z[None])[0])
    return np.searchsorted(sums, rng.integers(2**24, size=100_000) * TICK, side="right"), z, 1.0


def short_noise(rng):
    z, draws = tail(), 100_000
    u = rng.integers(2**24, size=(draws, 72))
    # The largest of 2^16 numbers stands for them: it is at most k with probability ((k + 1) / 2^24)^(2^16).
    largest = np.floor(2**24 * rng.random(draws) ** (2.0**-16))
    with np.errstate(divide="ignore"):
        # The largest of z - ln(-ln u) is the least of -ln u / e^z, which takes one logarithm.
        token = (-np.log(np.column_stack([u, largest]) * TICK) / np.exp(z[:73])).argmin(axis=1)
    return np.where(token < 72, token, 72 + rng.integers(2**16, size=draws)), z, 1.0


def greedy(rng):
    z = ordinary(rng)
    return np.where(rng.random(len(z)) < 0.06, z.argmax(axis=1), gumbel(z / T, rng)), z, T


def noisy(rng):
    z = ordinary(rng)
    return np.where(rng.random(len(z)) < 0.01, rng.integers(40, size=len(z)), gumbel(z / T, rng)), z, T


def one_number(rng):
    z = ordinary(rng, 4000)
    return inverted(masses(z / T), np.repeat(rng.random(1000), 4)), z, T


def one_noise(rng):
    z = ordinary(rng, 4000)
    noise = np.repeat(rng.gumbel(size=(1000, 40)), 4, axis=0)
    return (z / T + noise).argmax(axis=1), z, T


def too_high(rng):
    z = ordinary(rng, 500)
    return (gumbel(z / T, rng) + 1) % 40, z, T


def too_low(rng):
    z = ordinary(rng, 500)
    return (gumbel(z / T, rng) - 1) % 40, z, T


FAULTS = {
    "temperature off": off,
    "temperature twice": twice,
    "temperature never": never,
    "temperature inverted": upside_down,
    "temperature after the filters": heat_after,
    "temperature before the filters": heat_before,
    "top-k one too many": one_more,
    "top-k one too few": one_less,
    "nucleus without its crossing token": not_crossing,
    "float16 logits": half_logits,
    "bfloat16 logits": brain_logits,
    "float16 sums": half_sums,
    "bfloat16 sums": brain_sums,
    "float32 sums": single_sums,
    "24-bit uniform": short_number,
    "24-bit noise": short_noise,
    "greedy now and then": greedy,
    "uniform noise": noisy,
    "shared random number": one_number,
    "shared noise": one_noise,
    "index one too high": too_high,
    "index one too low": too_low,
}


def judged(draws, z, stated, explanations=EXPLANATIONS):
    how = {"pipeline": stated} if isinstance(stated, Pipeline) else {"temperature": stated}
    return diagnose(draws, z, explanations=explanations, **how)


def test_every_explanation_has_a_sampler():
    assert set(FAULTS) == {model.name for model in EXPLANATIONS}


@pytest.mark.parametrize("name", FAULTS)
def test_the_mistake_is_named_first(name):
    found = judged(*FAULTS[name](np.random.default_rng(1)))
    assert found.best == name, found.table
    assert found.draws <= 100_000


@pytest.mark.slow
@pytest.mark.parametrize("name", FAULTS)
def test_the_mistake_is_named_first_whatever_the_seed(name):
    """Of eight seeds: a mistake that takes another name once in three times would pass once in 25 times."""
    for seed in range(100, 108):
        found = judged(*FAULTS[name](np.random.default_rng(seed)))
        assert found.best == name, (seed, found.table)


@pytest.mark.parametrize("name", short(FAULTS, *list(FAULTS)[::5]))
def test_a_right_sampler_is_right(name, rng):
    _, z, stated = FAULTS[name](rng)  # where the mistake could be seen
    steps = stated if isinstance(stated, Pipeline) else Pipeline([Temperature(stated)])
    draws = ss.sample(z, pipeline=steps, rng=rng, size=None if z.ndim > 1 else 100_000)
    found = judged(draws, z, stated)
    assert found.best == "right", found.table


@pytest.mark.slow
def test_a_right_sampler_is_right_whatever_the_seed():
    """Of 300 draws a false name in fifty, twenty times what `DOUBT` allows, would stay unseen once in 400 times."""
    filters = Pipeline([TopK(20), Temperature(0.8), TopP(0.95), MinP(0.02)])
    for seed in range(150):
        rng = np.random.default_rng(seed)
        z = ordinary(rng, 300, 30)
        for steps in (Pipeline([Temperature(T)]), filters):
            found = diagnose(steps.sample(z, rng=rng), z, pipeline=steps)
            assert found.best == "right", (seed, found.table)


# --- what is said -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("steps", [Pipeline([Temperature(T)]), NUCLEUS_LAST, NUCLEUS_FIRST, TEN], ids=str)
def test_the_likelihood_of_right_is_that_of_the_pipeline(steps):
    z = ordinary(np.random.default_rng(3), 501, 20)
    draws = steps.sample(z, size=3, rng=1)
    found = diagnose(draws, z, pipeline=steps)["right"]
    expected = np.log(np.take_along_axis(steps.probabilities(z), draws, axis=1)).sum()
    assert found.log_likelihood == pytest.approx(expected, rel=1e-12)
    assert found.excluded is None


def test_blocks_of_any_size_say_the_same():
    rng = np.random.default_rng(4)
    z = ordinary(rng, 201, 20)
    draws = inverted(masses(z), np.repeat(rng.random(101), 2)[:201])
    whole = diagnose(draws, z)
    for size in (1, 2, 3, 100):
        parts = diagnose(draws, (z[i : i + size] for i in range(0, len(z), size)))
        for one, other in zip(whole.findings, parts.findings, strict=True):
            assert one.name == other.name
            assert one.excluded == other.excluded
            assert one.log_likelihood == pytest.approx(other.log_likelihood, rel=1e-10)


def test_shares_and_temperatures_are_estimated():
    rng = np.random.default_rng(5)
    for fault, name, truth in (
        (off, "temperature off", T * 1.06),
        (greedy, "greedy now and then", 0.06),
        (noisy, "uniform noise", 0.01),
    ):
        (model,) = (model for model in EXPLANATIONS if model.name == name)  # no other has a say in its estimate
        found = [judged(*fault(rng), [model])[name] for _ in range(10)]
        assert all(f.low < f.estimate < f.high for f in found)
        assert sum(f.low <= truth <= f.high for f in found) >= 8  # of 95 %: fewer have a probability of 0.01


def test_a_temperature_before_a_nucleus_lies_in_its_interval():
    rng = np.random.default_rng(15)
    z = ordinary(rng, 5000)
    found = diagnose(gumbel(best(z / 0.63, nucleus_size(z / 0.63, 0.9)), rng), z, pipeline=NUCLEUS_LAST)
    assert found.best == "temperature off"
    assert found.findings[0].low <= 0.63 <= found.findings[0].high < 0.66


def test_a_share_is_integrated_out():
    rng = np.random.default_rng(16)
    for rows in (1, 5, 200):
        z = ordinary(rng, rows, 6)
        draws = gumbel(z, rng)
        p = np.take_along_axis(masses(z), draws[:, None], axis=1)[:, 0]
        share = (np.arange(40_000) + 0.5) / 40_000
        likelihood = np.exp(np.log1p(-share) * np.sum(draws != z.argmax(axis=1)))
        for one in p[draws == z.argmax(axis=1)]:
            likelihood = likelihood * (1 - share + share / one)
        expected = np.log(p).sum() + math.log(likelihood.mean())
        assert diagnose(draws, z)["greedy now and then"].log_likelihood == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize(("rows", "each"), [(1, 1001), (1, 2), (7, 1), (8, 3)])
def test_pairs_that_are_independent_say_what_right_says(rows, each):
    def independent(before, after):
        return before.at_draws(before.right) * after.at_draws(after.right)

    z = ordinary(np.random.default_rng(17), rows, 5)
    model = Explanation("independent", "Draws neighbours apart.", pairs=independent)
    found = diagnose(ss.sample(z, size=each, rng=1), z, explanations=[model])
    assert found.tied == ("independent",)
    assert found["independent"].log_likelihood == pytest.approx(found["right"].log_likelihood, rel=1e-12)


def test_a_late_draw_excludes_no_temperature_that_allows_it():
    steps = Pipeline([Temperature(T), TopP(0.9)])
    z = np.tile([[1.0, 0.0, -1.0, -2.0, -3.0]], (100_000, 1))
    draws = steps.sample(z, rng=1)
    draws[-1] = 4
    (model,) = (model for model in EXPLANATIONS if model.name == "temperature off")
    found = diagnose(draws, z, pipeline=steps, explanations=[model])["temperature off"]
    assert found.excluded is None
    assert found.log10_odds > -math.inf
    assert found.low <= found.estimate <= found.high


def test_the_share_of_neighbours_is_estimated():
    rng = np.random.default_rng(6)
    z = ordinary(rng, 8000)
    u = rng.random(len(z))
    u[1::2] = np.where(rng.random(4000) < 0.3, u[::2], u[1::2])
    found = diagnose(inverted(masses(z / T), u), z, T)
    assert found.best == "shared random number"
    assert found.findings[0].low < 0.3 < found.findings[0].high


def test_what_says_the_same_is_tied():
    z = ordinary(np.random.default_rng(7), 500)
    found = diagnose(ss.sample(z, rng=1), z, 1.0)
    assert found.best == "right"
    assert {"temperature twice", "temperature never", "temperature inverted", "24-bit uniform"} <= set(found.tied)
    assert "do not tell" in str(found)
    exact = np.round(z)
    assert {"float16 logits", "bfloat16 logits"} <= set(diagnose(ss.sample(exact, T, rng=1), exact, T).tied)


def test_an_impossible_draw_excludes():
    z = ordinary(np.random.default_rng(8), 60, 5)
    steps = Pipeline([TopK(2)])
    draws = steps.sample(z, rng=1)
    draws[41] = z[41].argmin()
    found = diagnose(draws, z, pipeline=steps)
    assert found["right"].excluded == (41, draws[41])
    assert found["right"].log10_odds == -math.inf
    assert found["shared random number"].excluded == (41, draws[41])
    assert diagnose(draws[:42], z[:42], pipeline=steps)["shared noise"].excluded == (41, draws[41])
    assert diagnose(draws[41:42], z[41:42], pipeline=steps)["right"].excluded == (0, draws[41])
    assert diagnose(draws[1:42], z[1:42], pipeline=steps)["shared noise"].excluded == (40, draws[41])  # without a pair
    assert found.best == "uniform noise"
    assert f"token {draws[41]} in row 41" in str(found)
    never = diagnose(draws, z, pipeline=steps, explanations=[])
    assert never.best == ""
    assert "No explanation" in str(never)


def test_the_sentence_and_the_table_agree():
    found = judged(*twice(np.random.default_rng(9)))
    assert str(found).startswith("Best: temperature twice, odds 1e")
    lines = found.table.splitlines()
    assert len(lines) == len(found.findings) + 1
    assert found.ranking[0] == ("temperature twice", 0.0)
    odds = [value for name, value in found.ranking if name != "right"]
    assert odds == sorted(odds, reverse=True)
    with pytest.raises(KeyError):
        found["no such name"]


def test_one_draw_and_limits_do():
    for t in (0.0, 1.0, math.inf):
        found = diagnose([0], [[3.0, 1.0, -math.inf]], t)
        assert found.best == "right", found.table
    assert diagnose([0, 0], [[0.0], [1.0]]).best == "right"


def test_a_user_adds_an_explanation():
    z = ordinary(np.random.default_rng(10), 2000)

    def softmax_twice(rows):
        return ss.softmax(rows.right)

    mine = Explanation("softmax twice", "Takes the softmax of probabilities.", probabilities=softmax_twice)
    draws = gumbel(masses(z / T), np.random.default_rng(11))
    assert diagnose(draws, z, T, explanations=[*EXPLANATIONS, mine]).best == "softmax twice"


# --- models -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pairs", [diagnosis._one_number, diagnosis._one_noise])
def test_pairs_have_the_right_margins(pairs):
    rng = np.random.default_rng(12)
    p = np.vstack([rng.dirichlet(np.ones(6), 1), [[0.0, 0.5, 0.0, 0.25, 0.125, 0.125]]])
    first, second = (np.broadcast_to(row, (36, 6)) for row in p)
    i, j = np.divmod(np.arange(36), 6)
    before = diagnosis.Rows(Pipeline(), first, first, i[:, None])
    after = diagnosis.Rows(Pipeline(), second, second, j[:, None])
    joint = pairs(before, after).reshape(6, 6)
    assert joint.sum(axis=1) == pytest.approx(p[0], abs=1e-14)
    assert joint.sum(axis=0) == pytest.approx(p[1], abs=1e-14)


def test_pairs_of_one_noise_are_drawn_at_their_rate():
    rng = np.random.default_rng(13)
    p, q = rng.dirichlet(np.ones(4), 2)
    noise = rng.standard_exponential((400_000, 4))
    counts = np.bincount((noise / p).argmin(axis=1) * 4 + (noise / q).argmin(axis=1), minlength=16)
    first, second = (np.broadcast_to(row, (16, 4)) for row in (p, q))
    i, j = np.divmod(np.arange(16), 4)
    joint = diagnosis._one_noise(
        diagnosis.Rows(Pipeline(), first, first, i[:, None]), diagnosis.Rows(Pipeline(), second, second, j[:, None])
    ).ravel()
    assert not counts[joint == 0].any()
    assert ss.verify(counts[joint > 0], np.log(joint[joint > 0]), false_alarm=1e-6)


@pytest.mark.parametrize(("digits", "least", "kind"), [(11, 2.0**-14, np.float16), (24, 2.0**-126, np.float32)])
def test_sums_are_those_of_the_type(digits, least, kind):
    rng = np.random.default_rng(14)
    p = masses(rng.normal(0, 3, (50, 300)))
    expected = np.cumsum(p.astype(kind), axis=1, dtype=kind).astype(float)
    for function in (rounded_sums, compiled(rounded_sums)):
        sums = np.empty(p.shape)
        function(p, digits, least, sums)
        assert (sums == expected).all()


def test_a_short_number_never_gives_what_lies_between_its_values():
    p = np.array([[0.5, 0.25 * TICK, 0.5 * TICK, 0.5 - 0.75 * TICK]])
    rows = diagnosis.Rows(Pipeline(), np.log(p), p, np.zeros((1, 1), np.int64))
    assert diagnosis._ticks(rows).tolist() == [[0.5, TICK, 0.0, 0.5 - TICK]]


def test_short_noise_wins_as_often_as_its_values_do():
    # E / p of a token comes first if none of the others, at a rate of (1 - p) / p, is before; E is -ln(1 - j 2^-24)
    for p in (0.3 * TICK, TICK, 20 * TICK):
        expected = (TICK * np.exp(np.log1p(-np.arange(1, 2000) * TICK) * (1 - p) / p)).sum()
        table = np.array([[1 - p, p]])
        rows = diagnosis.Rows(Pipeline(), np.log(table), table, np.zeros((1, 1), np.int64))
        assert diagnosis._tailless(rows)[0, 1] == pytest.approx(expected, rel=1e-4)


def test_a_nucleus_loses_its_last_token_and_keeps_its_temperature():
    z = np.log([[0.1, 0.4, 0.3, 0.2]])
    for steps, kept in (
        (Pipeline([Temperature(0.5), TopP(0.9)]), [0.0, 16 / 25, 9 / 25, 0.0]),  # 16, 9, 4, 1 of 30
        (Pipeline([TopP(0.85), Temperature(0.5)]), [0.0, 16 / 25, 9 / 25, 0.0]),
        (Pipeline([TopP(0.85)]), [0.0, 4 / 7, 3 / 7, 0.0]),
        (Pipeline([TopP(0.3)]), [0.0, 1.0, 0.0, 0.0]),
    ):
        rows = diagnosis.Rows(steps, z, steps.probabilities(z), np.zeros((1, 1), np.int64))
        assert diagnosis._without_crossing(rows)[0] == pytest.approx(kept, abs=1e-15)


# --- wrong input ------------------------------------------------------------------------------------------------------


def flat(rows):
    return np.ones(rows.right.shape)


@pytest.mark.parametrize(("kind", "room"), [(np.float64, 1e-9), (np.float32, 8 * 2.0**-23)])
def test_explanations_may_miss_a_sum_of_one_by_the_rounding_of_their_type(kind, room):
    def nearly(share):
        return Explanation(
            "near", "Sums to nearly 1.", probabilities=lambda rows: (rows.right * (1 + share * room)).astype(kind)
        )

    diagnose([0], [1.0, 2.0], 0.7, explanations=[nearly(0.4)])
    with pytest.raises(ValueError, match="explanations must return distributions"):
        diagnose([0], [1.0, 2.0], 0.7, explanations=[nearly(2.0)])


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: diagnose([0], [1.0, 2.0], explanations=EXPLANATIONS[0]), TypeError, "explanations must be a list"),
        (lambda: diagnose([0], [1.0, 2.0], explanations=["right"]), TypeError, "got 'right' in it"),
        (lambda: diagnose([0], [1.0, 2.0], explanations=5), TypeError, "explanations must be a list"),
        (lambda: diagnose([0], [1.0, 2.0], explanations=EXPLANATIONS[:1] * 2), ValueError, "different names"),
        (lambda: diagnose([2], [1.0, 2.0]), ValueError, "draws must be from 0 to 1"),
        (lambda: diagnose([0], [1.0, 2.0], -1.0), ValueError, "temperature must be >= 0"),
        (lambda: diagnose([0], [1.0, 2.0], pipeline="softmax"), TypeError, "pipeline must be a Pipeline"),
        (lambda: diagnose([0], [1.0, 2.0], 0.5, pipeline=Pipeline()), ValueError, "temperature must be left out"),
        (
            lambda: diagnose([0], [1.0, 2.0], explanations=[Explanation("flat", "Sums to K.", probabilities=flat)]),
            ValueError,
            "must return distributions of shape .1, 2., got none from 'flat'",
        ),
        (
            lambda: diagnose([0, 1], [1.0, 2.0], explanations=[Explanation("odd", "Counts.", pairs=lambda a, b: 2.0)]),
            ValueError,
            "probabilities of pairs of shape .1, 1., got others from 'odd'",
        ),
        (lambda: Explanation("a", "b"), ValueError, "one function, got 0"),
        (lambda: Explanation("a", "b", pipeline=flat, pairs=flat), ValueError, "one function, got 2"),
        (lambda: Explanation("right", "b", pipeline=flat), ValueError, "name must not be"),
        (lambda: Explanation("a", 3, pipeline=flat), TypeError, "sentence must be a text, got 3"),
        (lambda: Explanation("a", "b", pipeline=3), TypeError, "pipeline must be a function, got 3"),
        (lambda: Explanation("a", "b", probabilities=flat, factors=(1.0,)), ValueError, "factors must come with"),
    ],
)
def test_wrong_input_is_named(call, error, words):
    with pytest.raises(error, match=words):
        call()
