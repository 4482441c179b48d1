"""The verdict on draws from many rows: its parts against independent computations, each fault caught by its test."""

import dataclasses
import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from limits import keeps
from scipy import stats
from short import repeated

import simsoftmax as ss
from simsoftmax import MinP, Pipeline, Temperature, TopK, TopP, Typical
from simsoftmax.kernels.residuals import PARTS, TILTS
from simsoftmax.verdict import contexts, samplers
from simsoftmax.verdict.contexts import as_contexts
from simsoftmax.verdict.residuals import residuals

THETA = np.array(TILTS) / 4 - 1
PIPELINES = [
    Pipeline.of(0.7),
    Pipeline.of(2.5),
    Pipeline.of(math.inf),
    Pipeline.of(0.0),
    Pipeline.of(0.6, top_k=5),
    Pipeline.llama_cpp(1.7, top_p=0.8),
    Pipeline([Temperature(0.8), TopK(4, "first"), TopP(0.9, "first")]),
    Pipeline([MinP(0.05), Temperature(1.3)]),
    Pipeline([Temperature(0.9), Typical(0.7)]),
]


def scores(rng, rows=40, levels=70, ties=True):
    """Return rows with ties and with levels that cannot be occupied."""
    z = 2.5 * rng.standard_normal((rows, levels))
    if ties:
        z = np.round(z, 1)
        z[:, 3] = -np.inf
    return z


def found_of(draws, z, pipeline, threads=1):
    return residuals(as_contexts(draws, z), pipeline, threads)


@pytest.mark.parametrize("pipeline", PIPELINES, ids=str)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_what_is_left_over_is_what_the_probabilities_say(pipeline, dtype, rng):
    z = scores(rng).astype(dtype)
    draws = pipeline.sample(z, rng=rng)
    found = found_of(draws, z, pipeline)
    p, rows = pipeline.probabilities(z), np.arange(len(z))

    # Rank masses: between the mass of what is less likely and that with what is as likely.
    own = p[rows, draws]
    below, upto = (p * (p < own[:, None] * (1 - 1e-9))).sum(1), (p * (p <= own[:, None] * (1 + 1e-9))).sum(1)
    # Where all that could be drawn has one score, they tell nothing.
    alone = (np.where(z == z[rows, draws][:, None], p, 0).sum(1)) > 1 - 1e-12
    assert np.isinf(found.ranks[:, 0]).tolist() == alone.tolist()
    assert (found.ranks[~alone, 0] >= below[~alone] - 1e-12).all()
    assert (found.ranks[~alone, 0] <= upto[~alone] + 1e-12).all()

    # Places.
    part = found.part
    for kind, place in enumerate((np.arange(70) // part, np.arange(70) % PARTS)):
        mass = np.stack([np.bincount(place, row, PARTS) for row in p])
        covariance = np.diag(mass.sum(0)) - mass.T @ mass
        odds = mass * (1 - mass)
        assert found.places.observed[kind].tolist() == np.bincount(place[draws], minlength=PARTS).tolist()
        assert found.places.expected[kind] == pytest.approx(mass.sum(0), abs=1e-12)
        assert found.places.covariance[kind] == pytest.approx(covariance, abs=1e-11)
        assert found.places.fourth[kind] == pytest.approx((odds * (1 - 6 * odds)).sum(0), abs=1e-11)


@pytest.mark.parametrize("pipeline", [p for p in PIPELINES if 0 < p.temperature < math.inf], ids=str)
def test_the_score_is_that_of_an_exponential_family(pipeline, rng):
    z = scores(rng)
    draws = pipeline.sample(z, rng=rng)
    found = found_of(draws, z, pipeline)
    left = np.where(pipeline.probabilities(z) > 0, z, -np.inf) / pipeline.temperature
    base, mean = ss.log_partition(left), -ss.mean_energy(left)
    assert found.score == pytest.approx((left[np.arange(len(z)), draws] - mean).sum(), rel=1e-9, abs=1e-9)
    for number, theta in enumerate(THETA):
        hot = 1 / (1 + theta) if theta > -1 else math.inf
        k = ss.log_partition(left, hot) - base - theta * mean
        q = ss.softmax(left, hot)
        finite = np.where(q > 0, left, 0.0)
        average = (q * finite).sum(1)
        variance = (q * (finite - average[:, None]) ** 2).sum(1)
        heat = found.heat
        assert heat.value[number] == pytest.approx(k.sum(), rel=1e-9, abs=1e-9), theta
        assert heat.slope[number] == pytest.approx((average - mean).sum(), rel=1e-9, abs=1e-9)
        assert heat.curvature[number] == pytest.approx(variance.sum(), rel=1e-9)
    x = np.where(np.isfinite(left), left - mean[:, None], 0.0)
    assert found.heat.cubes == pytest.approx((ss.softmax(left) * abs(x) ** 3).sum(), rel=1e-9)


def test_the_verdict_is_that_of_the_rows_however_they_come(rng, tmp_path):
    z = scores(rng, 5000, 70).astype(np.float32)
    draws = ss.sample(z, 0.7, rng=rng)
    whole = ss.verify_draws(draws, z, 0.7, threads=1)
    np.save(tmp_path / "z.npy", z)
    mapped = np.load(tmp_path / "z.npy", mmap_mode="r")
    ways = [
        mapped,
        z.tolist(),
        (z[i : i + 333] for i in range(0, 5000, 333)),
        [z[:4999], z[4999:]],
        np.asfortranarray(z),
    ]
    for threads in (1, 2, 3):
        for way in ways[: 5 if threads == 2 else 1]:
            assert ss.verify_draws(draws, way, 0.7, threads=threads).p_value == pytest.approx(whole.p_value, rel=1e-9)
    assert ss.verify_draws(draws, z, 0.7, threads=3) == ss.verify_draws(draws, z, 0.7, threads=2)


def test_rows_of_a_dask_array_are_looked_at_where_they_are(rng, monkeypatch):
    array = pytest.importorskip("dask.array")
    z = scores(rng, 2000, 40)
    draws = ss.sample(z, 0.7, rng=rng)
    whole, one = ss.verify_draws(draws, z, 0.7), ss.verify_draws(draws[:99], z[0], 0.7)
    monkeypatch.setattr(contexts.Contexts, "blocks", lambda self: iter(()))  # what brings rows to this process
    assert ss.verify_draws(draws, array.from_array(z, (300, 25)), 0.7).p_value == pytest.approx(whole.p_value, rel=1e-9)
    again = ss.verify_draws(draws[:99], array.from_array(z[0], 30), 0.7)
    assert again.p_value == pytest.approx(one.p_value, rel=1e-9)
    whole_numbers = array.from_array(rng.integers(0, 5, z.shape, dtype=np.int8), (500, 40))
    assert ss.verify_draws(draws, whole_numbers, 0.7).rows == 2000
    z[1500, 3] = np.nan
    with pytest.raises(ValueError, match="1500"):
        ss.verify_draws(draws, array.from_array(z, (300, 40)), 0.7)


@pytest.mark.parametrize("each", [3, 20])
def test_many_draws_of_a_row_are_as_many_rows(each, rng):
    z = scores(rng, 300, 40)
    pipeline = Pipeline.of(0.8, top_k=9)
    draws = pipeline.sample(z, size=each, rng=rng)
    some, all_ = found_of(draws, z, pipeline), found_of(draws.ravel(), np.repeat(z, each, axis=0), pipeline)
    assert some.score == pytest.approx(all_.score, abs=1e-9)
    assert some.heat.value == pytest.approx(all_.heat.value, rel=1e-9)
    for name in ("expected", "covariance", "fourth"):
        assert getattr(some.places, name) == pytest.approx(getattr(all_.places, name), abs=1e-9)
    assert some.places.observed.tolist() == all_.places.observed.tolist()
    assert ss.verify_draws(draws, z, pipeline=pipeline).passed
    assert not ss.verify_draws(draws, z, pipeline=Pipeline.of(0.6, top_k=9)).passed


@given(st.integers(0, 10**6), st.sampled_from([0.4, 0.7, 2.0]), st.floats(0.3, 6))
def test_the_temperature_test_keeps_its_rate_where_all_outcomes_can_be_seen(seed, temperature, width):
    """Five rows of three tokens have 243 outcomes: with the blur, p <= a comes hardly more often than a."""
    z = width * np.random.default_rng(seed).standard_normal((5, 3))
    p = ss.softmax(z, temperature)
    outcomes = np.array(list(itertools.product(range(3), repeat=5)))
    chance = p[np.arange(5), outcomes].prod(axis=1)
    heat = found_of(np.zeros(5, int), z, Pipeline.of(temperature)).heat
    x = z / temperature
    totals = (x[np.arange(5), outcomes] - (p * x).sum(1)).sum(1)
    for alarm in (0.2, 0.01, 1e-3, 1e-5):
        low, high = ((heat.critical(alarm, side) - totals) / heat.width for side in (-1, 1))
        rate = (chance * (stats.norm.cdf(low) + stats.norm.sf(high))).sum()
        assert rate <= 1.03 * alarm  # the worst of thousands was 1.012 times
    out = np.linspace(0, abs(totals).max(), 100)  # and it falls outward
    for side in (-1, 1):
        values = np.array([heat.p_value(side * float(total), 0.0) for total in out])
        assert (np.diff(np.minimum(values, 0.3)) <= 1e-12).all()


def wrong(z, rng, fault):
    """Return draws of a sampler that says T = 0.7."""
    if fault == "temperature":
        return ss.sample(z, 0.74, rng=rng)
    if fault == "tail":
        return ss.sample(z, 0.7, top_p=0.99, rng=rng)
    draws = ss.sample(z, 0.7, rng=rng)
    if fault == "noise":
        return np.where(rng.random(len(z)) < 0.01, rng.integers(0, z.shape[1], len(z)), draws)
    # Tokens are drawn again, once, if their place is refused: the last tenth of the vocabulary, or every 32nd.
    refused = draws >= 0.9 * z.shape[1] if fault == "last places" else draws % 32 == 5
    return np.where(refused & (rng.random(len(z)) < 0.5), ss.sample(z, 0.7, rng=rng), draws)


@pytest.mark.parametrize(
    ("fault", "test"),
    [("temperature", "temperature"), ("tail", "tail"), ("noise", "tail"), ("last places", "place"), ("32nd", "place")],
)
def test_each_fault_is_caught_by_its_test(fault, test, rng, alarm):
    z = 2 * rng.standard_normal((20_000, 400), dtype=np.float32)
    right = ss.verify_draws(ss.sample(z, 0.7, rng=rng), z, 0.7, false_alarm=alarm)
    assert right, right
    verdict = ss.verify_draws(wrong(z, rng, fault), z, 0.7, false_alarm=1e-3)
    assert not verdict
    assert test in verdict.caught, verdict
    if fault in ("last places", "32nd"):
        assert verdict.caught == ("place",)
        assert ("leaves 5 divided by 32" in str(verdict)) == (fault == "32nd")


def test_a_forbidden_token_is_named_with_its_row(rng):
    z = scores(rng, 100, 50)
    pipeline = Pipeline.of(0.7, top_k=5)
    draws = pipeline.sample(z, rng=rng)
    for token in (3, int(z[61].argsort()[-30])):
        draws[61] = token
        verdict = ss.verify_draws(draws, z, pipeline=pipeline)
        assert (verdict.p_value, verdict.forbidden, verdict.caught[0]) == (0.0, (61, token), "forbidden")
        assert f"token {token} was drawn in row 61" in str(verdict)
    draws[61] = z[61].argmax()
    assert ss.verify_draws(draws, z, pipeline=pipeline).forbidden is None


def test_of_tied_tokens_only_the_first_are_allowed():
    z = np.array([[1.0, 0.0, 1.0, 1.0]])
    pipeline = Pipeline([Temperature(0.5), TopK(2, "first")])
    assert [ss.verify_draws([k], z, pipeline=pipeline).forbidden for k in range(4)] == [None, (0, 1), None, (0, 3)]


@pytest.mark.parametrize(("temperature", "levels"), [(0.0, 30), (math.inf, 30), (0.7, 1), (1e-300, 30), (1e300, 30)])
def test_limits(temperature, levels, rng, alarm):
    z = scores(rng, 300, levels, ties=False)
    z[0] *= 1e200
    verdict = ss.verify_draws(ss.sample(z, temperature, rng=rng), z, temperature, false_alarm=alarm)
    assert verdict, verdict
    if levels > 1:
        other = ss.sample(z, 0.7, rng=rng)
        assert not ss.verify_draws(other, z, temperature, false_alarm=1e-3)


def test_the_running_temperature_is_the_most_likely_one(rng):
    """The thermometer is the fit of a calibration temperature with the tokens as labels."""
    z = scores(rng, 3000, 50, ties=False)
    for temperature in (0.5, 0.7, 0.9):
        draws = ss.sample(z, temperature, rng=rng)
        verdict, fit = ss.verify_draws(draws, z, 0.7), ss.fit_temperature(z, draws)
        assert verdict.estimate == pytest.approx(fit.temperature, rel=1e-5)
        assert (verdict.low, verdict.high) == pytest.approx((fit.low, fit.high), rel=0.03)


def test_required_draws_are_enough_and_no_more(rng):
    z = scores(rng, 500, 50, ties=False)
    rows = ss.required_draws(z, 0.7, relative_error=0.1, power=0.9)
    many = np.resize(z, (rows, 50))
    draws = ss.sample(many, 0.7, rng=rng)
    stated = [
        ss.verify_draws(draws[:n], many[:n], 0.7, power=0.9).detectable_temperature for n in (rows, rows * 9 // 10)
    ]
    assert stated[0] <= 0.1 * 1.02
    assert stated[1] > 0.1
    for t in (0.0, math.inf):
        with pytest.raises(ValueError, match="logits must tell temperatures apart"):
            ss.required_draws(z, t)


def drawn(pipeline, z, rng):
    """Yield draws of all rows, again and again."""
    while True:
        yield from pipeline.sample(z, size=50, rng=rng).T


@pytest.mark.slow
@pytest.mark.parametrize("error", ["hot", "cold", "truncation", "noise"])
@pytest.mark.parametrize("pipeline", [Pipeline.of(0.7), Pipeline.of(0.9, top_k=20), Pipeline.of(0.25)], ids=str)
def test_errors_that_are_promised_are_caught(error, pipeline, rng, promise_nothing):
    """At a stated 90 % power; a promise that is kept in 80 % of all cases would pass once in 20 times."""
    z = scores(rng, 1500, 120, ties=False)
    verdict = ss.verify_draws(pipeline.sample(z, rng=rng), z, pipeline=pipeline, power=0.9)
    size = getattr(
        verdict,
        {"truncation": "detectable_truncation", "noise": "detectable_noise"}.get(error, "detectable_temperature"),
    )
    if math.isinf(size):
        pytest.skip("no promise is made")
    factor = {"hot": 1 + size, "cold": max(1 - size, 0)}.get(error, 1.0)
    steps = Pipeline([*pipeline.steps, Temperature(factor), *([TopP(1 - size)] if error == "truncation" else [])])
    promise_nothing()

    def caught(draws):
        if error == "noise":
            draws = np.where(rng.random(draws.shape) < size, rng.integers(0, 120, draws.shape), draws)
        return not ss.verify_draws(draws, z, pipeline=pipeline, power=0.9).passed

    assert keeps(map(caught, drawn(steps, z, rng)), 0.9, other=0.8)


@pytest.mark.slow
@pytest.mark.parametrize("pipeline", [Pipeline.of(0.7), Pipeline.of(0.3), Pipeline.llama_cpp(1.5, top_p=0.9)], ids=str)
def test_false_alarms_keep_their_rate(pipeline, rng):
    """Of 2 % for right samplers; alarms that are twice as many would pass once in 20 times."""
    z = scores(rng, 300, 60, ties=False)
    alarms = (samplers.judge(found_of(draws, z, pipeline)).p_value <= 0.02 for draws in drawn(pipeline, z, rng))
    assert keeps(alarms, 0.02, other=0.04)


def test_three_tests_share_one_budget(rng):
    z = scores(rng, 500, 40, ties=False)
    seen = [ss.verify_draws(ss.sample(z, t, rng=rng), z, 0.7) for t in (0.7, 0.75, 0.8, 0.85)]
    assert all(v.p_value == min(1.0, 3 * min(v.temperature_p, v.tail_p, v.place_p)) for v in seen)
    assert any(0 < v.p_value < 1 for v in seen)


def test_a_test_that_has_nothing_to_tell_by_takes_no_part_of_the_budget(rng):
    """Where rows leave one token, or all tokens alike, the tail tells nothing; of few draws their place does not."""
    z = scores(rng, 300, 40, ties=False)
    cases = [
        (z, 0.7, 3),
        (z[:4], 0.7, 2),  # not of their place
        (z, math.inf, 3),
        (z[:4], math.inf, 2),
        (np.zeros((300, 40)), 0.7, 1),  # of their place alone
    ]
    for rows, temperature, telling in cases:
        found = found_of(ss.sample(rows, temperature, rng=rng), rows, Pipeline.of(temperature))
        judged = samplers.judge(found)
        assert judged.telling == telling, (rows.shape, temperature)
        assert judged.p_value == min(1.0, telling * min(judged.each.values()))
        assert (judged.each["tail"] == 1.0) == (judged.ranks.size == 0)
    # What is certain is no matter of chance, however many rows there are.
    sure = z.copy()
    sure[np.arange(300), z.argmax(axis=1)] += 60
    for temperature in (0.0, 0.7):
        for rows in (1, 2, 3, 10, 40, 299):
            found = found_of(sure[:rows].argmax(axis=1), sure[:rows], Pipeline.of(temperature))
            assert samplers.judge(found).p_value == 1.0
            assert not found.ranks[np.isfinite(found.ranks)].size


def test_rows_that_tell_nothing_of_the_tail_change_no_promise_about_it(rng):
    """A row of one token, or of tokens that are all alike, makes the sample no larger."""
    z, pipeline = scores(rng, 240, 40, ties=False), Pipeline.of(0.7)
    z[::2] = 0.0
    z[::4, 5] = 90.0
    alone, with_others = (
        ss.verify_draws(pipeline.sample(rows, rng=1), rows, pipeline=pipeline, false_alarm=0.05, power=0.5)
        for rows in (z[1::2], z)
    )
    assert alone.detectable_truncation < math.inf
    assert with_others.detectable_truncation == alone.detectable_truncation
    assert sum(with_others.rank_counts) == sum(alone.rank_counts) == 120
    many = pipeline.sample(z, size=20, rng=1)  # they are put in order first
    ranks = found_of(many, z, pipeline).ranks
    assert np.isinf(ranks[::2]).all()
    assert np.isfinite(ranks[1::2]).all()


def test_equal_scores_of_other_draws_are_blurred_otherwise(rng):
    """Twenty rows that are alike have 21 possible scores, and as many p-values as there are orders of the draws."""
    z = np.tile([[1.0, 0.0]], (20, 1))
    p = [ss.verify_draws(rng.permutation(np.arange(20) < 9).astype(int), z, 0.7).temperature_p for _ in range(50)]
    assert len(set(p)) == 50


def test_the_random_part_of_a_verdict_comes_from_the_draws(rng):
    """The same draws get the same verdict; one other draw changes the random parts of all that come after it."""
    z = np.zeros((400, 3))
    z[:, 0] = -1.0
    draws = ss.sample(z, 0.7, rng=rng)
    found, again = (found_of(draws, z, Pipeline.of(0.7)) for _ in range(2))
    assert found.chances == again.chances
    np.testing.assert_array_equal(found.ranks, again.ranks)
    other = draws.copy()
    other[100] = (draws[100] + 1) % 3
    changed = found_of(other, z, Pipeline.of(0.7))
    assert changed.chances != found.chances
    same = changed.ranks[:, 0] == found.ranks[:, 0]
    assert same.tolist() == [True] * 100 + [False] * 300
    chances = np.array([found_of(draws[:n], z[:n], Pipeline.of(0.7)).chances for n in range(1, 400)])
    assert ((chances > 0) & (chances < 1)).all()
    for column in chances.T:
        assert stats.kstest(column, "uniform").pvalue > 1e-7
    assert abs(np.corrcoef(chances.T) - np.eye(3)).max() < 0.3  # six standard errors
    many = ss.sample(z[0], 0.7, size=400, rng=rng)[None]
    ranks = found_of(many, z[:1], Pipeline.of(0.7)).ranks[0]
    assert stats.kstest(ranks, "uniform").pvalue > 1e-7


@pytest.mark.parametrize("runs", repeated(600, 2000))
def test_the_tail_keeps_its_rate_over_all_edges(runs, rng):
    """Uniform samples alarm at 5 % in 5 % of all cases, few of them as well; the sum over the edges would at half."""
    assert 0.045 < samplers._any_edge(500, samplers._critical_level(500, 0.05)) <= 0.05
    for number in (3, 500):
        found = np.array([samplers._tail(rng.random(number), rng.random())[1] for _ in range(runs)])
        assert stats.binom.ppf(1e-7, runs, 0.05) <= (found <= 0.05).sum() <= stats.binom.isf(1e-7, runs, 0.05)
    assert samplers._any_edge(500, 0.05 / (2 * len(samplers.EDGES))) < 0.025


def test_the_edge_of_the_tail_is_named():
    ranks = np.linspace(0.008, 1, 4001)[1:]
    edge, p = samplers._tail(ranks, 1.0)
    assert edge == 0.008
    alone = (1 - 0.008) ** 4000
    assert alone < p < 2 * len(samplers.EDGES) * alone
    bound = 2 * len(samplers.EDGES) * (1 - 0.008) ** 8000
    assert samplers._tail(np.linspace(0.008, 1, 8001)[1:], 1.0)[1] == pytest.approx(bound, rel=1e-8)


@pytest.mark.parametrize(("fault", "estimate"), [(np.argmax, 0.0), (np.argmin, math.inf)])
def test_a_temperature_out_of_reach_has_an_interval_that_ends_there(fault, estimate, rng):
    """Greedy draws run at T = 0, not between infinity and less; the least likely tokens at no finite temperature."""
    z = scores(rng, 300, 40, ties=False)
    verdict = ss.verify_draws(fault(z, axis=1), z, 0.7)
    assert verdict.estimate == estimate
    assert (verdict.low if estimate == 0 else verdict.high) == estimate
    assert 0 <= verdict.low <= verdict.estimate <= verdict.high
    assert (verdict.high < 0.2) if estimate == 0 else (verdict.low > 3)


def test_an_error_of_temperature_is_relative():
    assert samplers._relative((-0.2, 0.1), 0.7) == pytest.approx(0.25)  # hotter by 1 / 0.8, colder by 1 / 1.1
    assert samplers._relative((-0.1, 0.5), 0.7) == pytest.approx(1 / 3)
    for theta, t in (((-1.0, 0.1), 0.7), ((-2.0, 0.1), 0.7), ((-0.1, math.inf), 0.7), ((-0.1, 0.1), 0.0)):
        assert math.isinf(samplers._relative(theta, t))
    assert math.isinf(samplers._relative((-0.1, 0.1), math.inf))


@pytest.mark.parametrize("least", [0.03, 3e-6, 0.4999])
def test_the_smallest_share_is_found(least):
    assert least <= samplers._smallest(lambda share: share >= least) <= least * (1 + 1e-4)


def test_a_share_is_promised_only_between_a_ten_millionth_and_a_half():
    assert samplers._smallest(lambda share: share > 0) == pytest.approx(1e-7, rel=1e-12)
    assert math.isinf(samplers._smallest(lambda share: share > 0.5))
    # All larger ones must be caught, too.
    assert samplers._smallest(lambda share: (share >= 0.2) | (share < 0.1)) == pytest.approx(0.2, rel=1e-4)


def rejected(number, alarm):
    """Return for each edge which numbers of draws below it are too few or too many, by going through all."""
    level, n = samplers._critical_level(number, alarm / 3), np.arange(number + 1)
    laws = [stats.binom(number, edge) for edge in samplers.EDGES]
    return [(law.cdf(n) <= level) | (law.sf(n - 1) <= level) for law in laws]


def power_of(shares, number, alarm):
    """Return how often the surest edge shows that draws lie below the edges with other shares."""
    n = np.arange(number + 1)
    return max(stats.binom.pmf(n, number, s)[out].sum() for s, out in zip(shares, rejected(number, alarm), strict=True))


@pytest.mark.parametrize("pipeline", [Pipeline.of(0.7), Pipeline.of(0.9, top_k=12)], ids=str)
@pytest.mark.parametrize(("power", "alarm"), [(0.9, 1e-3), (0.6, 0.05)])
def test_errors_in_the_tail_are_promised_as_they_are_caught(pipeline, power, alarm, rng):
    """For a few rows, all looked at: the power of both errors, token by token, is what was asked at the stated size."""
    z, each = scores(rng, 9, 30, ties=False), 200
    draws = pipeline.sample(z, size=each, rng=rng)
    verdict = ss.verify_draws(draws, z, pipeline=pipeline, power=power, false_alarm=alarm)
    rows = [np.sort(p[p > 0]) for p in pipeline.probabilities(z)]

    def truncated(loss):
        """Of each row the least likely tokens are gone, as many as together have less than that mass."""
        lost = np.array([p[: int((p.cumsum() <= loss).sum())].sum() for p in rows])
        return power_of(
            np.mean(np.clip((samplers.EDGES[:, None] - lost) / (1 - lost), 0, 1), axis=1), draws.size, alarm
        )

    def noisy(share):
        below = np.zeros(len(samplers.EDGES))
        for p in rows:
            start = p.cumsum() - p
            below += np.clip((samplers.EDGES[:, None] - start) / p, 0, 1).sum(axis=1) / 30 / len(rows)
        forbidden = 1 - sum(map(len, rows)) / 30 / len(rows)
        outright = 1 - (1 - share * forbidden) ** draws.size
        return max(power_of((1 - share) * samplers.EDGES + share * below, draws.size, alarm), outright)

    for size, seen in ((verdict.detectable_truncation, truncated), (verdict.detectable_noise, noisy)):
        assert 0 < size < 0.5
        assert seen(size * (1 + 1e-9)) >= power * (1 - 1e-9) > seen(size * (1 - 2e-4))


def test_places_are_pooled_with_their_neighbours():
    variance = np.array([10.0, 10.0, 5.0, 24.0, 1.0, 100.0, 3.0, 0.0, 4.0])
    assert samplers._pooled(variance) == [[0, 1, 2], [3, 4], [5, 6, 7, 8]]
    assert samplers._pooled(np.full(3, 8.0)) == []
    assert samplers._pooled(np.full(3, 25.0)) == [[0], [1], [2]]


def test_the_quadratic_form_is_pearsons_where_nothing_is_rare(rng):
    p, n = ss.softmax(rng.standard_normal(6), 0.7), 10**6
    excess = rng.multinomial(n, p) - n * p
    covariance = n * (np.diag(p) - np.outer(p, p))
    form = (excess**2 / (n * p)).sum()
    assert samplers._quadratic(excess, covariance, np.zeros(6)) == pytest.approx(stats.chi2.sf(form, 5), rel=1e-6)
    # With fourth cumulants its variance is theirs, each over the square of a variance, and 10 of the five directions.
    fourth = np.diag(covariance) ** 2 * np.array([0.5, 0.0, 1.5, 1.0, 0.0, 2.0])
    law = stats.gamma(25 / 15, scale=3.0)
    assert (law.mean(), law.var()) == pytest.approx((5, 15))
    assert samplers._quadratic(excess, covariance, fourth) == pytest.approx(law.sf(form), rel=1e-6)
    assert samplers._quadratic(excess, covariance, -fourth) == samplers._quadratic(excess, covariance, 0 * fourth)
    assert samplers._quadratic(0 * excess, 0 * covariance, fourth) == 1.0
    # What is nothing beside the largest variance is no direction, whatever is left of it.
    wide, seen = np.diag([1e-6, 1.0, 1e5]), np.array([0.1, 1.0, 300.0])
    assert samplers._quadratic(seen, wide, np.zeros(3)) == pytest.approx(stats.chi2.sf(1.9, 2), rel=1e-9)


def test_the_place_that_is_farthest_off_is_named():
    part, levels, even = 2, 61, np.full((2, PARTS), 200.0)
    covariance = np.stack([np.diag(np.full(PARTS, 100.0))] * 2)
    covariance[0, 3, 3] = 0.5

    def judged(*changes):
        observed = even.copy()
        for kind, at, change in changes:
            observed[kind, at] += change
        places = samplers.Places(observed, even, covariance, np.zeros((2, PARTS)))
        return samplers._place(places, part, levels)

    rare = (
        0,
        3,
        8,
    )  # eleven standard deviations, but of so few draws that it says nothing, and is judged with the next
    words, kinds, p = judged(rare, (0, 30, 100), (1, 7, -40))
    assert kinds == 2
    assert words == "tokens 60 to 60 are drawn too often, by 10 standard deviations"
    assert p == pytest.approx(2 * stats.chi2.sf(100 + 8**2 / 100.5, 31), rel=1e-9)
    words, _, p = judged(rare, (0, 30, 50), (1, 7, -120))
    assert words == "tokens whose number leaves 7 divided by 32 are drawn too seldom, by 12 standard deviations"
    assert p == pytest.approx(2 * stats.chi2.sf(144, 32), rel=1e-9)
    assert judged((0, 29, -5))[0] == "tokens 58 to 59 are drawn too seldom, by 0.5 standard deviations"
    few = samplers.Places(even / 100, even / 100, covariance / 100, 0 * even)
    assert samplers._place(few, part, levels)[1:] == (0, 1.0)
    off = few._replace(observed=few.expected + 3 * np.eye(2, PARTS))  # all places together are one, and say nothing
    assert samplers._place(off, part, levels)[1:] == (0, 1.0)


def test_a_verdict_says_what_it_would_have_caught_and_what_it_did(rng):
    z = scores(rng, 4000, 30, ties=False)
    right, wrong_ = ss.sample(z, 0.7, rng=rng), ss.sample(z, 0.8, top_p=0.9, rng=rng)
    fine = ss.verify_draws(right, z, 0.7, power=0.9, confidence_level=0.8)
    text = str(fine)
    assert text.startswith("Passed: 4,000 draws from 4,000 rows of 30 logits agree with what was stated (p = ")
    errors = [fine.detectable_temperature, fine.detectable_truncation, fine.detectable_noise]
    one, two, three = (samplers.percent(e) for e in errors)
    assert (
        f"a temperature {one} off, a loss of {two} of the mass at the tail, a share of {three} of even noise would "
        "have been caught with 90 % power; it runs at T = "
    ) in text
    assert text.endswith(f"between {fine.low:.4g} and {fine.high:.4g} with 80 % confidence.")
    bad = ss.verify_draws(wrong_, z, 0.7)
    assert "tail" in bad.caught
    ranks = residuals(as_contexts(wrong_, z), Pipeline.of(0.7), 1).ranks
    assert bad.tail_share == (ranks < bad.tail_edge).mean()
    assert list(bad.rank_counts) == np.histogram(ranks, [0, *samplers.EDGES, 1])[0].tolist()
    assert (
        f"{samplers.percent(bad.tail_share)} of the draws, instead of {samplers.percent(bad.tail_edge)}, are in the "
        f"least likely {samplers.percent(bad.tail_edge)} of the mass"
    ) in str(bad)
    for p, words in ((0.0, "p < 1e-290"), (1e-290, "p < 1e-290"), (2e-290, "p = 2e-290")):
        assert words in str(dataclasses.replace(bad, p_value=p))
    few = ss.verify_draws([0, 1], [[2.0, 1.0, 0.0], [1.0, 2.0, 0.0]], 0.7)
    assert "but they are too few to have caught an error" in str(few)
    frozen = ss.verify_draws(z.argmax(1), z, 0.0)
    assert math.isnan(frozen.estimate)
    assert "it runs at" not in str(frozen)


@pytest.mark.parametrize("levels", [1, 70, 1024, 1025, 2049])
def test_parts_are_as_small_as_whole_remainders_allow(levels):
    """Each holds every remainder alike, and no more than `PARTS` of them are needed."""
    found = found_of([0], np.zeros((1, levels)), Pipeline.of(0.7))
    assert found.part % PARTS == 0
    assert found.part * PARTS >= levels > (found.part - PARTS) * PARTS


@pytest.mark.parametrize(("rows", "levels", "stride"), [(1000, 20, 4), (256, 20, 1), (9, 3, 1)])
def test_rows_that_tell_of_the_tail_are_spread_evenly(rows, levels, stride, rng):
    z = np.zeros((rows, levels), np.float32)
    z[:, 0] = rng.standard_normal(rows)
    z[:, 1] = -np.inf
    pipeline = Pipeline.of(0.7)
    masses = found_of(np.zeros(rows, int), z, pipeline, threads=2).sorted_masses
    assert len(masses) == -(-rows // stride)
    for number in (0, 1, len(masses) - 1):
        p = pipeline.probabilities(z[number * stride])
        assert masses[number] / masses[number][-1] == pytest.approx(np.sort(p[p > 0]) / p.max(), rel=1e-5)


@pytest.mark.parametrize("unit", [1e-3, 1.0, 1e6])
def test_at_infinite_temperature_a_score_is_counted_in_standard_deviations(unit, rng):
    z = unit * scores(rng, 200, 30)
    draws = rng.integers(4, 30, 200)
    finite = np.where(np.isfinite(z), z, np.nan)
    away = finite[np.arange(200), draws] - np.nanmean(finite, axis=1)
    found = found_of(draws, z, Pipeline.of(math.inf))
    assert found.score == pytest.approx(math.log(2) * away.sum() / np.nanstd(finite), rel=1e-9)
    assert found.heat.curvature[THETA == 0] == pytest.approx(
        math.log(2) ** 2 * np.nanvar(finite, axis=1).sum() / np.nanvar(finite), rel=1e-9
    )
    assert found_of([0], np.ones((1, 5)), Pipeline.of(math.inf)).score == 0
    assert math.isfinite(found_of([1], np.array([[1e200, -1e200]]), Pipeline.of(0.7)).score)


@pytest.mark.parametrize("level", [0.3, 0.05, 0.01, 1e-4])
def test_the_chance_of_any_edge_is_summed_over_all_outcomes(level):
    """Three draws fall between fifteen edges in 3,375 ways."""
    places = np.array(list(itertools.product(range(15), repeat=3)))
    chance = np.diff([0.0, *samplers.EDGES, 1.0])[places].prod(axis=1)
    below = (places[:, :, None] <= np.arange(14)).sum(axis=1)
    law = stats.binom(3, samplers.EDGES)
    surprising = (np.minimum(law.cdf(below), law.sf(below - 1)) <= level).any(axis=1)
    assert samplers._any_edge(3, level) == pytest.approx(chance[surprising].sum(), rel=1e-9)


@pytest.mark.parametrize("number", [30, 2000])
def test_the_critical_level_of_the_tail_is_as_large_as_it_may_be(number):
    level = samplers._critical_level(number, 0.01)
    assert samplers._any_edge(number, level) <= 0.01
    around = [samplers._any_edge(number, level * math.exp(step)) for step in (0.006, 0.5)]
    assert around[1] > 0.01 or around[0] > 0.01  # counts are whole numbers: the chance moves in jumps
    many = samplers.EXACT + 1
    assert samplers._critical_level(many, 0.01) == pytest.approx(0.01 / 28, rel=1e-12)
    assert samplers._any_edge(many, 1e-3) == pytest.approx(0.028, rel=1e-12)
    assert samplers._any_edge(many, 0.5) == 1.0


def test_a_score_is_told_in_standard_deviations_positive_where_it_is_colder(rng):
    z = scores(rng, 2000, 30, ties=False)
    x = z / 0.7
    p = ss.softmax(x)
    mean, square = (p * x).sum(axis=1), (p * x**2).sum(axis=1)
    for t in (0.6, 0.7, 0.9):
        draws = ss.sample(z, t, rng=rng)
        off = x[np.arange(2000), draws].sum() - mean.sum()
        verdict = ss.verify_draws(draws, z, 0.7)
        assert verdict.temperature_score == pytest.approx(off / np.sqrt((square - mean**2).sum()), rel=1e-6)
    assert ss.verify_draws([0, 1], np.ones((2, 3)), 0.7).temperature_score == 0


@pytest.mark.parametrize("level", [0.3, 1e-3, 1e-13, 1e-18, 1e-24])
def test_bounds_of_any_level_are_the_last_counts_that_have_it(level):
    """Also of levels so small that 1 less them is 1."""
    number = 900
    for edge, low, high in zip(samplers.EDGES, *samplers._bounds(number, level), strict=True):
        law = stats.binom(number, edge)
        assert law.cdf(low) <= level < law.cdf(low + 1)
        assert law.sf(high - 1) <= level < law.sf(high - 2)


def test_no_p_value_of_a_tail_comes_more_often_than_it_says():
    """Three draws, every outcome: p <= a has a probability of just a, if chance decides between worse and as bad."""
    edges = np.array([0.0, *samplers.EDGES, 1.0])
    middles, law = (edges[1:] + edges[:-1]) / 2, stats.multinomial(3, np.diff(edges))
    found = []
    for bins in itertools.combinations_with_replacement(range(len(middles)), 3):
        chance = law.pmf(np.bincount(bins, minlength=len(middles)))
        worse, p = (samplers._tail(middles[list(bins)], float(end))[1] for end in (0, 1))
        assert samplers._tail(middles[list(bins)], 0.3)[1] == pytest.approx(0.7 * worse + 0.3 * p)
        found.append((worse, p, chance))
    worse, p, chances = np.array(found).T
    for a in np.unique(p[p < 1]):
        assert chances[p <= a * (1 + 1e-6)].sum() == pytest.approx(a, rel=1e-6)
        assert chances[p < a * (1 - 1e-6)].sum() == pytest.approx(worse[abs(p - a) <= 1e-6 * a][0], rel=1e-6, abs=1e-12)


@pytest.mark.parametrize("number", [1, 8, 9, 30])
def test_one_draw_of_what_is_left_out_is_named_among_any_number(number, rng):
    """Few draws from a row and many are looked up in two ways."""
    rows = np.sort(rng.normal(size=(6, 40)))[:, ::-1]
    rows[:, 5] = -np.inf
    pipeline = Pipeline.of(0.7, top_k=9)
    draws = rng.integers(0, 5, (6, number))
    assert ss.verify_draws(draws, rows, pipeline=pipeline).forbidden is None
    for token in (5, 10, 39):  # without a chance, the first that is cut off, and the last
        draws[4, number // 2] = token
        found = ss.verify_draws(draws, rows, pipeline=pipeline)
        assert (found.forbidden, found.p_value, found.passed) == ((4, token), 0.0, False)


def test_a_form_along_one_direction_has_one_degree_of_freedom():
    """Two places have one difference: the inverse of their covariance is that along it."""
    along = np.array([1.0, -1.0]) / math.sqrt(2)
    for spread, size in ((0.7, 0.3), (4.0, 2.5), (40.0, -5.0)):
        found = samplers._quadratic(size * along, spread * np.outer(along, along), np.zeros(2))
        assert found == pytest.approx(stats.chi2(1).sf(size**2 / spread), rel=1e-9)
    assert samplers._quadratic(np.zeros(2), np.zeros((2, 2)), np.zeros(2)) == 1.0
