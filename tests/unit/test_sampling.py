"""Exact draws: every pipeline against a plain reference, draws against their probabilities, tails, layouts."""

import itertools
import pickle
import time
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from short import short

import simsoftmax as ss
from simsoftmax import sampling
from simsoftmax.kernels import floating
from simsoftmax.kernels import sampling as kernels
from simsoftmax.sampling import MinP, Pipeline, Temperature, TopK, TopP, Typical, sample

STEPS = st.one_of(
    st.sampled_from([0.0, 0.2, 0.7, 1.0, 2.0, np.inf]).map(Temperature),
    st.builds(TopK, st.integers(1, 12), st.sampled_from(["keep", "first"])),
    st.builds(TopP, st.sampled_from([0.11, 0.37, 0.83, 0.97, 1.0]), st.sampled_from(["keep", "first"])),
    st.sampled_from([0.0, 0.013, 0.11, 1.0]).map(MinP),
    st.sampled_from([0.19, 0.53, 0.91, 1.0]).map(Typical),
)


def reference(z, steps):
    """Return the distribution of a pipeline by sorting, from the definition of each filter."""
    z = np.asarray(z, np.float64)
    kept, beta = z > -np.inf, 1.0

    def masses():
        p = np.where(kept, np.exp(np.where(kept, z - z[kept].max(), 0.0) * beta), 0.0)
        return p / p.sum()

    for step in steps:
        p = masses()
        if isinstance(step, Temperature):
            if step.temperature == 0:
                kept = kept & (z == z[kept].max())
            else:
                beta /= step.temperature
            continue
        if isinstance(step, MinP):
            kept = kept & (p >= step.p * p.max() * (1 - 1e-13))
            continue
        far = np.abs(z - p[kept] @ z[kept]) if isinstance(step, Typical) else -z
        if isinstance(step, Typical) and not beta:
            continue
        order = [i for i in np.argsort(far, kind="stable") if kept[i]]
        if isinstance(step, TopK):
            last = min(step.k, len(order)) - 1
        elif step.p == 1:
            continue
        else:
            last = min(int(np.searchsorted(np.cumsum(p[order]), step.p * (1 - 1e-13))), len(order) - 1)
        if getattr(step, "ties", "keep") == "first":
            kept = np.isin(np.arange(len(z)), order[: last + 1])
        else:
            kept = kept & (far <= far[order[last]])
    return masses()


def rows_of(rng, levels):
    """Return a row of one of the kinds that people have: spread, rounded, masked by -inf or by a large number."""
    z = rng.normal(size=levels) * rng.choice([0.01, 1.0, 3.0, 10.0])
    kind = rng.integers(4)
    if kind == 1:
        z = np.round(z * 4) / 4
    elif kind > 1:
        z[rng.random(levels) < 0.3] = -np.inf if kind == 2 else -1e30
        z[0] = 1.0
    return z.astype(rng.choice([np.float16, np.float32, np.float64]) if kind < 3 else np.float32)


@settings(max_examples=400)
@given(st.lists(STEPS, max_size=4), st.integers(0, 2**32), st.sampled_from([1, 2, 7, 8, 9, 33, 300]))
def test_a_pipeline_leaves_what_its_definition_leaves(steps, seed, levels):
    z = rows_of(np.random.default_rng(seed), levels)
    np.testing.assert_allclose(Pipeline(steps).probabilities(z), reference(z, steps), rtol=1e-11, atol=1e-300)


@pytest.mark.parametrize("levels", [257, 1000, 4097, 20_000])
def test_long_rows_need_no_sort(levels, rng):
    """Rows whose ends are found by histograms: spread, with ties of thousands, with masks a large number away."""
    makers = [
        lambda: TopK(int(rng.integers(1, levels + 5)), str(rng.choice(["keep", "first"]))),
        # of so many equal tokens no whole number has one of these masses, where the reference could round either way
        lambda: TopP(float(rng.choice([0.10703, 0.50033, 0.90707, 0.99031])), str(rng.choice(["keep", "first"]))),
        lambda: Typical(float(rng.choice([0.203, 0.903]))),
        lambda: MinP(float(rng.choice([0.013, 0.1]))),
        lambda: Temperature(float(rng.choice([0.2, 0.7, 2.0, 5.0]))),
    ]
    for _ in range(60):
        z = rows_of(rng, levels)
        steps = [makers[rng.integers(5)]() for _ in range(rng.integers(1, 4))]
        result, expected = Pipeline(steps).probabilities(z), reference(z, steps)
        assert ((result > 0) == (expected > 0)).all(), (steps, z.dtype)
        np.testing.assert_allclose(result, expected, rtol=1e-10, atol=1e-300, err_msg=str(steps))


PIPELINES = [
    Pipeline([Temperature(t)]) for t in (0.0, 0.2, 0.7, 1.0, 2.0, np.inf)
] + [
    Pipeline.of(t, order=order, **dials)
    for t in (0.2, 0.7, 2.0, np.inf)
    for order in ("temperature-first", "temperature-last")
    for dials in ({"top_k": 7}, {"top_p": 0.83}, {"min_p": 0.07}, {"typical_p": 0.8}, {"top_k": 20, "top_p": 0.9})
]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "table"),
    short(
        itertools.product([np.float16, np.float32, np.float64], [True, False]), (np.float16, True), (np.float32, False)
    ),
)
def test_draws_follow_the_probabilities(kind, table, rng, alarm):
    """Each pipeline, by a table of sums (many draws of a row) and without one (one draw a row)."""
    z = (rng.normal(size=50) * 2).astype(kind)
    draws = 200_000 if table else 20_000
    for pipeline in PIPELINES:
        p = pipeline.probabilities(z)
        rows = z if table else np.tile(z, (draws, 1))
        tokens = pipeline.sample(rows, size=draws if table else None, rng=rng)
        with np.errstate(divide="ignore"):
            verdict = ss.verify(np.bincount(tokens, minlength=50), np.log(p), false_alarm=alarm)
        assert verdict.passed, (pipeline, verdict)
        if np.count_nonzero(p) > 1:  # and what the wrong order would leave is seen, where it differs
            hotter = Pipeline([*pipeline.steps, Temperature(1.3)]).probabilities(z)
            if np.abs(hotter - p).sum() > 0.1:
                with np.errstate(divide="ignore"):
                    assert not ss.verify(np.bincount(tokens, minlength=50), np.log(hotter), false_alarm=1e-3).passed


@pytest.mark.slow
@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
def test_a_million_draws_follow_the_probabilities(kind, rng, alarm):
    z = (rng.normal(size=300) * 3).astype(kind)
    for pipeline in PIPELINES:
        p = pipeline.probabilities(z)
        counts = np.bincount(pipeline.sample(z, size=1_000_000, rng=rng), minlength=z.size)
        with np.errstate(divide="ignore"):
            assert ss.verify(counts, np.log(p), false_alarm=alarm).passed, pipeline


def test_rare_tokens_come_up_at_their_rate(rng, alarm):
    """Tokens e^-20.5 as likely as the first, which noise made of a float32 uniform never lets up."""
    others, draws, gap, t = 20_000, 4_000_000, 20.5, 0.7
    z = np.full(others + 1, -gap * t)
    z[0] = 0.0
    rare = np.count_nonzero(sample(z, t, size=draws, rng=rng))
    weight = others * np.exp(-gap)
    counts = ss.verify([draws - rare, rare], [0.0, np.log(weight)], false_alarm=alarm)
    assert counts.passed, counts
    assert not ss.verify([draws, 0], [0.0, np.log(weight)], false_alarm=alarm).passed  # what float32 noise gives
    highest = -np.log(-np.log(np.float32(1) - np.float32(2.0**-24)))
    lowest = -np.log(-np.log(np.float32(2.0**-24)))
    assert highest - lowest < gap


def test_a_rare_token_of_two_is_where_its_share_of_the_unit_interval_is():
    """The whole range of the uniform number, at its ends: the second of two tokens has e^-20.5 of it, to 2^-53."""
    weight = np.exp(-20.5)
    for last in (0.5, 1.5, 1e6):  # steps of 2^-53 from the end
        inside = 1 - last * 2.0**-53
        sums = np.array([1.0, 1.0 + weight])
        place = kernels._first_above(sums, 0, 2, inside * sums[-1])
        assert place == (inside * sums[-1] >= 1.0)
    assert kernels._first_above(np.array([1.0, 1.0 + weight]), 0, 2, 1.0 - 2.0**-53) == 0


def test_draws_depend_on_the_seed_and_the_row_alone(rng, monkeypatch):
    monkeypatch.setattr(sampling, "_TURN", 1 << 13)  # all threads have something to do
    monkeypatch.setattr(sampling, "_QUICK_TURN", 1 << 13)
    z = (rng.normal(size=(3000, 200)) * 2).astype(np.float32)
    for pipeline in (
        Pipeline.of(0.7),
        Pipeline.transformers(0.7, top_k=40, top_p=0.9),
        Pipeline.llama_cpp(0.7, min_p=0.1),
    ):
        whole = pipeline.sample(z, rng=5)
        for threads in (1, 2, 3):
            np.testing.assert_array_equal(pipeline.sample(z, rng=5, threads=threads), whole)
        np.testing.assert_array_equal(pipeline.sample(np.asfortranarray(z), rng=5), whole)
        np.testing.assert_array_equal(pipeline.sample(z[:700], rng=5), whole[:700])
        assert (pipeline.sample(z, rng=6) != whole).any()
        half = z.astype(np.float16)
        np.testing.assert_array_equal(pipeline.sample(half, rng=5), pipeline.sample(half.astype(np.float32), rng=5))


def test_every_float16_is_widened_exactly():
    """All 65,536 of them, in any layout, against NumPy: each bit equal, and what is no number stays none."""
    halves = np.arange(1 << 16, dtype=np.uint16).reshape(64, -1).view(np.float16)
    for block in (halves, halves[:, ::3], np.asfortranarray(halves), halves.astype(">f2")):
        wide, wanted = sampling._widened(block), block.astype(np.float32)
        missing = np.isnan(wanted)
        np.testing.assert_array_equal(np.isnan(wide), missing)
        np.testing.assert_array_equal(wide.view(np.uint32)[~missing], wanted.view(np.uint32)[~missing])


def test_rows_do_not_share_their_random_numbers(rng, alarm):
    """The same row many times: neighbours agree as often as independent draws do."""
    z, rows = rng.normal(size=20), 40_000
    tokens = sample(np.tile(z, (rows, 1)), 0.7, rng=rng)
    p = ss.softmax(z, 0.7)
    chance = float(np.square(p).sum())
    for lag in (1, 2, 7):
        agree = np.count_nonzero(tokens[:-lag] == tokens[lag:])
        assert abs(agree / (rows - lag) - chance) < 6 * np.sqrt(chance / (rows - lag))
    assert np.count_nonzero(tokens == tokens) == rows  # a shared random number would look like this


def test_shapes_and_limits():
    z = [2.0, 1.0, -np.inf]
    assert sample(z, rng=0).shape == ()
    assert sample(z, size=4, rng=0).shape == (4,)
    assert sample(z, size=0, rng=0).shape == (0,)
    assert sample([z, z], rng=0).shape == (2,)
    assert sample([z, z], size=4, rng=0).shape == (2, 4)
    assert sample(np.empty((0, 3)), rng=0).shape == (0,)
    assert sample([z], rng=0).dtype == np.int64
    assert sample([3.0], 0.3, top_k=9, top_p=1.0, min_p=1.0, typical_p=0.2, size=5, rng=0).tolist() == [0] * 5
    assert set(sample(z, np.inf, size=100, rng=0).tolist()) == {0, 1}
    assert set(sample([1.0, 1.0, 0.0], 0.0, size=100, rng=0).tolist()) == {0, 1}


@pytest.mark.parametrize("exponent", [-320, -200, 200, 300])
def test_numbers_of_any_size(exponent):
    """Scores and temperatures that are too large or too small for their products are brought to a size of one."""
    z, power = np.array([3.0, 1.0, 0.0, -np.inf]), 10.0**exponent
    for steps in (
        [Temperature(0.7 * power)],
        [Temperature(0.7 * power), TopP(0.9)],
        [TopK(2), Temperature(0.7 * power)],
    ):
        same = [Temperature(0.7) if isinstance(step, Temperature) else step for step in steps]
        np.testing.assert_allclose(
            Pipeline(steps).probabilities(z * power), reference(z, same), rtol=1e-9 if exponent > -300 else 1e-3
        )
        assert (Pipeline(steps).sample([z * power] * 3, rng=0) < 3).all()
    spread = Pipeline([Temperature(1e300)]).probabilities([1.7e308, -1.7e308, 0.0])
    np.testing.assert_allclose(spread, [1, 0, 0], atol=1e-300)
    np.testing.assert_allclose(Pipeline([Temperature(1e308)]).probabilities([1e308, -1e308]), ss.softmax([1.0, -1.0]))


def test_libraries_differ_where_they_do():
    z = [2.0, 1.0, 1.0, 0.0]
    assert Pipeline.transformers(top_k=2).probabilities(z).astype(bool).tolist() == [True, True, True, False]
    assert Pipeline.vllm(top_k=2).probabilities(z).astype(bool).tolist() == [True, True, True, False]
    assert Pipeline.llama_cpp(top_k=2).probabilities(z).astype(bool).tolist() == [True, True, False, False]
    spread = [3.0, 2.0, 1.0, 0.0]  # 0.64 and 0.24 at T = 1; 0.38 and 0.27 at T = 3
    before = Pipeline.transformers(3.0, top_p=0.8).probabilities(spread)
    after = Pipeline.llama_cpp(3.0, top_p=0.8).probabilities(spread)
    assert (np.count_nonzero(before), np.count_nonzero(after)) == (3, 2)
    text = str(Pipeline.llama_cpp(0.7, top_k=40, top_p=0.95))
    assert text.index("top-k 40") < text.index("top-p 0.95") < text.index("temperature 0.7")


def drawn(draw):
    """Return what a call draws, and the most memory it takes; what is loaded when it is first called is not its own."""
    draw()
    tracemalloc.start()
    tokens = draw()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return tokens, peak


def test_a_file_is_read_in_place(tmp_path, rng):
    rows, levels = 64, 50_000
    path = tmp_path / "logits.npy"
    np.save(path, rng.normal(size=(rows, levels)).astype(np.float32))
    logits = np.load(path, mmap_mode="r")
    pipeline = Pipeline.of(0.7, top_p=0.9)
    expected = pipeline.sample(np.array(logits), rng=1)
    tokens, peak = drawn(lambda: pipeline.sample(logits, rng=1, threads=2))
    np.testing.assert_array_equal(tokens, expected)
    assert peak < 0.02 * logits.nbytes


@pytest.mark.parametrize("filters", [{}, {"top_k": 50}, {"top_p": 0.9}, {"top_k": 50, "top_p": 0.9}])
def test_draws_need_little_memory(filters, rng):
    """Two threads, sixteen rows of as many levels as there are tokens: less than a hundredth of the scores."""
    logits = rng.standard_normal((16, 131_072), dtype=np.float32)
    _, peak = drawn(lambda: sample(logits, 0.7, **filters, rng=1, threads=2))
    assert peak < 0.01 * logits.nbytes


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: sample([[1.0, 2.0], [np.nan, 1.0]], rng=0),
            r"logits must be finite or -inf, got nan at index \(1, 0\)",
        ),
        (
            lambda: sample([[1.0, 2.0], [3.0, np.inf]], rng=0),
            r"logits must be finite or -inf, got inf at index \(1, 1\)",
        ),
        (lambda: sample([[1.0, 2.0], [-np.inf] * 2], rng=0), "logits must allow at least one level, got -inf .* row 1"),
        (lambda: sample([1.0, 2.0], top_k=0), "top_k must be from 1"),
        (lambda: sample([1.0, 2.0], top_p=0.0), "top_p must be above 0 and at most 1, got 0"),
        (lambda: sample([1.0, 2.0], min_p=1.5), "min_p must be from 0 to 1, got 1.5"),
        (lambda: sample([1.0, 2.0], order="sideways"), "order must be 'temperature-first' or"),
        (lambda: sample([1.0, 2.0], top_k=3, pipeline=Pipeline()), "top_k must be left out with a pipeline"),
        (lambda: sample([1.0, 2.0], order="temperature-last", pipeline=Pipeline()), "order must be left out"),
        (lambda: Pipeline([0.7]), "steps must be Temperature"),
        (lambda: TopK(3, ties="all"), "ties must be 'keep' or 'first'"),
    ],
)
def test_wrong_input_is_named(call, message):
    with pytest.raises((ValueError, TypeError), match=message):
        call()


def test_the_bound_of_single_precision_holds(rng):
    """Draws from bounds in single precision are accepted in proportion to the exact weights, most at once."""
    for scale in (2.0, 0.03, 700.0, 1e-20):
        gaps = -rng.uniform(0, 126 / scale, size=20_000).astype(np.float32)
        quick = np.concatenate(
            [floating.exp2_above(g, floating.fill(np.float32(scale)))[1] for g in gaps.reshape(-1, 16)]
        )
        exact = np.exp2(gaps.astype(np.float64) * scale)
        rounding = 1 + kernels.ROUNDING / 2
        assert (exact < quick * rounding).all()
        assert (kernels.SURE * quick < exact * rounding).all()
        assert ((kernels.SURE + 1e-3) * quick > exact).any()  # and no looser than it must be
        # What is certain to be accepted is accepted at once, what is certain not to be is not, and the rest is weighed.
        for gap, share, weight in zip(gaps[:50], quick[:50], exact[:50], strict=True):
            edge = weight / float(share) / (1 + kernels.ROUNDING)
            assert kernels._accepted(float(gap), float(share), scale, edge * (1 - 1e-9))
            assert not kernels._accepted(float(gap), float(share), scale, edge * (1 + 1e-9))


@pytest.mark.parametrize("shape", [(400_000, 5), (400_000, 33), (30_000, 1500)])
def test_the_quick_way_draws_what_the_exact_way_draws(shape, rng, alarm):
    """One draw of each float32 row, by lanes of rows, of levels, and in double precision: the same distribution."""
    row = 2 * rng.standard_normal(shape[1], dtype=np.float32)
    for kind in (np.float32, np.float64):
        rows = np.broadcast_to(row.astype(kind), shape)  # read a block at a time, so none of it is kept
        counts = np.bincount(sample(rows, 0.7, rng=rng), minlength=shape[1])
        assert ss.verify(counts, row, 0.7, false_alarm=alarm).passed
        assert not ss.verify(counts, row, 0.72, false_alarm=1e-3).passed


_ROW = np.random.default_rng(8).standard_normal(5000, dtype=np.float32)


@pytest.mark.parametrize(
    "row",
    {
        "any": _ROW,
        "rising": np.sort(_ROW),
        "falling": -np.sort(_ROW),
        "steep": _ROW + np.arange(5000, dtype=np.float32) // 1024,
        "masked": np.where(np.arange(5000) // 1024 % 2, _ROW, np.float32(-np.inf)),
        "out of reach": _ROW + np.arange(5000, dtype=np.float32) // 1024 * 1000,
        "lowest": np.full(5000, np.finfo(np.float32).min),
    }.items(),
    ids=lambda item: item[0],
)
def test_masses_in_single_precision_bound_those_of_the_row(row, rng, alarm):
    """Each block is read beside the highest score so far: its mass, beside that of the row, is bounded all the same."""
    z, scale = row[1][None], 1 / (0.7 * np.log(2))
    blocks, tops = np.empty((2, 5))
    room = blocks, tops, np.zeros((kernels.BLOCK // kernels.LANES + 1, kernels.LANES), np.float32)
    total = kernels._quick_mass(z, 0, np.float32(scale), scale, *room)
    weights = np.exp2((z[0].astype(float) - z.max()) * scale)
    exact = np.add.reduceat(weights, np.arange(0, 5000, 1024))
    assert total == pytest.approx(blocks.sum(), rel=1e-12)
    assert (exact <= blocks * (1 + kernels.ROUNDING) + 1e-30).all()
    assert (blocks * kernels.SURE <= exact * (1 + kernels.ROUNDING)).all()
    # The bound is loosest midway between powers of two: draws by block, half of it and place between powers.
    place = np.arange(5000)
    with np.errstate(invalid="ignore"):
        between = np.nan_to_num(((z[0] - tops[place // 1024]) * scale) % 1 * 4).astype(int).clip(0, 3)
    group = place // 512 * 4 + between
    masses = np.bincount(group, weights, 40)
    counts = np.bincount(group[sample(np.tile(z, (2_500, 1)), 0.7, size=78, rng=rng).ravel()], minlength=40)
    if (masses > 0).sum() > 1:
        heights = np.log(masses, where=masses > 0, out=np.full(40, -np.inf))
        assert ss.verify(counts, heights, false_alarm=alarm).passed
    else:
        assert counts[masses > 0] == counts.sum()


@pytest.mark.parametrize("levels", [1, 3, 5, 40, 256, 257, 1500])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_score_that_is_no_number_is_refused_wherever_it_stands(levels, bad, rng):
    """By every way in which float32 rows are drawn from: sixteen rows at a time, and level by level."""
    for row, level in [(0, 0), (16, levels - 1), (40, levels // 2)]:
        z = rng.standard_normal((41, levels), dtype=np.float32)
        z[row, level] = bad
        with pytest.raises(ValueError, match=rf"got {bad} at index \({row}, {level}\)"):
            sample(z, 0.7, rng=1)


def test_an_error_ends_all_threads(monkeypatch):
    """One thread meets a row that is refused; the other does not go on to the end of a long table."""
    rows = np.zeros((4_000, 1_024), np.float32)
    rows[0, 3] = np.nan
    seen, one = [], sampling._draw

    def counted(part, *others):
        seen.append(len(part))
        time.sleep(1e-3)
        return one(part, *others)

    monkeypatch.setattr(sampling, "_draw", counted)
    monkeypatch.setattr(sampling, "_UNIT", 1 << 13)  # eight rows a block
    monkeypatch.setattr(sampling, "_QUICK_TURN", 1 << 13)
    with pytest.raises(ValueError, match=r"got nan at index \(0, 3\)"):
        sample(rows, 0.7, rng=1, threads=2)
    assert sum(seen) < 2_000  # it takes a while to see what is wrong with a row


def test_pipelines_survive_a_pickle():
    pipeline = Pipeline.llama_cpp(0.7, top_k=40, top_p=0.9)
    assert pickle.loads(pickle.dumps(pipeline)) == pipeline
