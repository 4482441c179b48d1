"""The language model: its probabilities against a plain account of the formula, its draws, and what it refuses."""

import math
import zlib
from collections import Counter, defaultdict

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import simsoftmax as ss
from simsoftmax.kernels.compiler import compiled
from simsoftmax.kernels.letters import narrow_row
from simsoftmax.kernels.page.language import draw_level, running_sum, said_before
from simsoftmax.kernels.seeds import seed_streams
from simsoftmax.language import fit_language, python_topics

TEXT = "\nthe cat sat on the mat, and the rat ate the hat.\nthat was that: a cat that sat at the tea. "
ORDERS = ("temperature-first", "temperature-last")


@pytest.fixture(scope="module")
def model():
    return fit_language(TEXT * 4, order=5)


def plainly(text, order, letters):
    """Return a function (context, letter) -> probability, by counting grams in dictionaries."""
    grams = [Counter() for _ in range(order)]  # by the length of the context
    grams[-1] = Counter(text[i : i + order] for i in range(len(text) - order + 1))
    for depth in reversed(range(order - 1)):
        grams[depth] = Counter(gram[1:] for gram in grams[depth + 1])
    taken = []
    for counts in grams:
        n = [max(1, sum(c == i for c in counts.values())) for i in (1, 2, 3, 4)]
        y = n[0] / (n[0] + 2 * n[1])
        free = [1 - 2 * y * n[1] / n[0], 2 - 3 * y * n[2] / n[1], 3 - 4 * y * n[3] / n[2]]
        taken.append([min(max(d, 0.05), i - 0.05) for i, d in enumerate(free, 1)])
    after = [defaultdict(dict) for _ in grams]
    for depth, counts in enumerate(grams):
        for gram, count in counts.items():
            after[depth][gram[:-1]][gram[-1]] = count

    def probability(context, letter):
        p = 1 / len(letters)
        for depth in range(min(order, len(context) + 1)):
            seen = after[depth].get(context[len(context) - depth :])
            if not seen:
                break
            whole = sum(seen.values())
            discounts = {w: taken[depth][min(c, 3) - 1] for w, c in seen.items()}
            own = seen.get(letter, 0) - discounts.get(letter, 0)
            p = own / whole + sum(discounts.values()) / whole * p
        return p

    return probability


@pytest.mark.parametrize("order", [1, 2, 3, 5])
def test_probabilities_are_those_of_the_formula(order):
    model = fit_language(TEXT, order=order)
    formula = plainly(TEXT, order, model.letters)
    story = TEXT[:40] + "seat teh\nn" + TEXT[50:]
    rows = model.probabilities(story)
    wanted = [[formula(story[:i], letter) for letter in model.letters] for i in range(len(story) + 1)]
    np.testing.assert_allclose(rows, wanted, rtol=1e-12)
    np.testing.assert_allclose(rows.sum(axis=1), 1, rtol=1e-12)
    np.testing.assert_array_equal(
        model.surprise(story), [-np.log2(row[model.letters.index(w)]) for row, w in zip(rows, story, strict=False)]
    )


def test_longer_contexts_predict_a_text_that_repeats_itself_better():
    bits = [fit_language(TEXT * 4, order=n).surprise(TEXT).mean() for n in (1, 2, 3, 5)]
    assert (np.diff(bits) < 0).all()


def test_a_shortened_model_sees_fewer_letters(model):
    for order in range(1, 6):
        short = model.shortened(order)
        assert short.order == order
        for end in (0, 3, 11, 30):
            seen = TEXT[max(0, end - order + 1) : end]
            np.testing.assert_array_equal(short.probabilities(TEXT[:end])[-1], model.probabilities(seen)[-1])
    assert model.shortened(5) == model


def test_a_table_that_must_be_small_drops_contexts_and_keeps_the_rest():
    text = "".join(np.random.default_rng(1).permutation(list(TEXT * 20)))
    whole = fit_language(text, order=6)
    sizes = (len(whole.table), len(whole.table) // 2, len(whole.table) // 4)
    kept = [fit_language(text, order=6, size=size) for size in sizes]
    assert kept[0] == whole
    for each, size in zip(kept[1:], sizes[1:], strict=True):
        assert 0.9 * size < len(each.table) <= size
        np.testing.assert_allclose(each.probabilities(text[:200]).sum(axis=1), 1, rtol=1e-12)
    assert whole.before.size > kept[1].before.size > kept[2].before.size


def test_what_tells_least_is_dropped_first():
    """Of two halves of a text, one is a law and one is noise: a small table keeps the law."""
    rng = np.random.default_rng(2)
    law, noise = "abcdefgh" * 300, "".join(rng.choice(list("ABCDEFGH"), 2400))
    whole = fit_language(law + noise, order=5)
    small = fit_language(law + noise, order=5, size=len(whole.table) // 3)
    assert small.surprise(law)[50:].mean() < whole.surprise(law)[50:].mean() + 0.01
    assert small.surprise(noise).mean() > whole.surprise(noise).mean() + 0.2


def test_the_table_holds_the_model(model):
    raw = np.frombuffer(zlib.decompress(model.table), np.uint8)
    contexts, follow = model.before.size, model.following.size
    before, children, followers, following, counts = np.split(raw, np.cumsum([contexts, contexts, contexts, follow]))
    np.testing.assert_array_equal(before, model.before)
    np.testing.assert_array_equal(following, model.following)
    np.testing.assert_array_equal(counts.reshape(4, -1).T.copy().view("<i4").ravel(), model.counts)
    for first, lengths, starts in ((1, children, model.children), (0, followers, model.followers)):
        sums = np.empty(contexts + 1, np.int32)
        running_sum(lengths.copy(), sums, first)
        np.testing.assert_array_equal(sums, starts)


# --- the way to a draw ------------------------------------------------------------------------------------------------


def narrowed(logits, temperature, top_k, top_p, min_p, last):
    z = np.array(logits, dtype=float)
    order, p = np.empty(z.size, np.int64), np.empty(z.size)
    left = compiled(narrow_row)(z, temperature, top_k, top_p, min_p, last, order, p)
    return p, left, order


scores = st.lists(
    st.one_of(st.floats(-30, 30), st.sampled_from([0.0, 1.0, 2.0, -math.inf])), min_size=1, max_size=12
).filter(lambda z: max(z) > -math.inf)


@given(
    logits=scores,
    temperature=st.one_of(st.sampled_from([0.0, math.inf, 0.7, 2.0]), st.floats(0.05, 20)),
    top_k=st.one_of(st.none(), st.integers(1, 14)),
    top_p=st.one_of(st.none(), st.floats(0.01, 0.999)),
    min_p=st.one_of(st.none(), st.floats(0.001, 0.999)),
    order=st.sampled_from(ORDERS),
)
def test_filters_leave_what_the_pipeline_leaves(logits, temperature, top_k, top_p, min_p, order):
    pipeline = ss.Pipeline.of(temperature, top_k=top_k, top_p=top_p, min_p=min_p, order=order)
    exact = pipeline.probabilities(logits)
    p, left, ranks = narrowed(
        logits, temperature, top_k or len(logits), top_p or 1.0, min_p or 0.0, int(order == ORDERS[1])
    )
    # A level exactly on the edge of a filter may fall on either side by rounding; such cases prove nothing.
    z = np.array(logits)
    seen = temperature if order == ORDERS[0] else 1.0
    before = ss.Pipeline.of(seen, top_k=top_k).probabilities(logits)
    sums = np.cumsum(np.sort(before)[::-1])
    assume(top_p is None or np.abs(sums - top_p).min() > 1e-9)
    assume(min_p is None or np.abs(before / before.max() - min_p).min() > 1e-9)
    np.testing.assert_allclose(p, exact, rtol=1e-12, atol=1e-12)
    assert left >= np.count_nonzero(exact)
    assert sorted(ranks) == list(range(len(logits)))
    assert (np.diff(z[ranks][np.isfinite(z[ranks])]) <= 0).all()


def test_a_level_is_drawn_as_often_as_it_should(rng, alarm):
    z = np.array([1.0, -np.inf, 0.3, 2.0, -1.0])
    p = np.asarray(ss.softmax(z, 0.6))
    stream = seed_streams(int(rng.integers(2**63)), 1)[0]
    counts = np.bincount([draw_level(p, stream) for _ in range(20_000)], minlength=p.size)
    assert ss.verify(counts, z, 0.6, false_alarm=alarm)
    assert not ss.verify(counts, z, 0.7, false_alarm=alarm)


@pytest.mark.parametrize("order", ORDERS)
def test_letters_are_drawn_from_the_model(order, rng, alarm):
    """One draw a context: the verdict on samplers, right and with faults planted."""
    model = fit_language(TEXT, order=3)
    text = model.write(8000, 1.6, prompt="\n", top_p=0.8, order=order, rng=rng)
    logits = np.log(model.probabilities("\n" + text)[1:-1])
    draws = model.encode(text).astype(np.int64)

    def right(temperature, which, top_p=0.8):
        pipeline = ss.Pipeline.of(temperature, top_p=top_p, order=which)
        return bool(ss.verify_draws(draws, logits, pipeline=pipeline, false_alarm=alarm))

    other = ORDERS[1 - ORDERS.index(order)]
    assert right(1.6, order)
    assert not right(1.6, other)
    assert not right(1.2, order)
    assert not right(1.6, order, top_p=0.7)


def test_the_exact_limits(model):
    text = model.write(200, 0.0, rng=3)
    best = model.probabilities("\n" + text)[1:-1].argmax(axis=1)
    np.testing.assert_array_equal(model.encode(text), best)
    assert text == model.write(200, 0.0, rng=4)
    even = np.bincount(model.encode(model.write(20_000, np.inf, rng=5)), minlength=len(model.letters))
    assert ss.verify(even, np.zeros(len(model.letters)), 2.0, false_alarm=1e-6)


def test_the_same_seed_writes_the_same_text(model):
    assert model.write(50, 0.8, rng=1) == model.write(50, 0.8, rng=1)
    assert model.write(50, 0.8, rng=1) != model.write(50, 0.8, rng=2)
    assert model.write(0, 0.8) == ""
    begun = model.write(30, 0.8, rng=1)
    assert model.write(60, 0.8, rng=1).startswith(begun)


@pytest.mark.parametrize(("length", "begin"), [(1, 0), (3, 0), (3, 20), (5, 1)])
def test_what_was_said_before_is_counted(length, begin, rng):
    text = rng.integers(0, 3, 60).astype(np.uint8)
    pieces = [tuple(text[end - length : end]) for end in range(length, text.size + 1)]
    wanted = sum(piece in pieces[:i] for i, piece in enumerate(pieces) if i + length - 1 >= begin)
    assert said_before(text, begin, text.size, length) == wanted


# --- the text ---------------------------------------------------------------------------------------------------------


def test_no_paragraph_of_the_topics_comes_up_twice():
    topics = python_topics()
    paragraphs = [line for text in topics.values() for line in text.splitlines()]
    assert len(topics) > 50
    assert len(paragraphs) == len(set(paragraphs)) > 1000
    assert all(text.isascii() and text.endswith("\n") for text in topics.values())
    assert not any(line != " ".join(line.split()) for line in paragraphs)


# --- what is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "given", "match"),
    [
        (TypeError, {"text": b"abc"}, "text must be a str, got bytes"),
        (ValueError, {"text": "ab", "order": 2}, "text must be longer than order = 2, got 2 letters"),
        (ValueError, {"order": 0}, "order must be"),
        (ValueError, {"order": 99}, "order must be"),
        (ValueError, {"text": "aaaa"}, "text must hold at least two different letters, got .aaaa."),
        (ValueError, {"text": ""}, "text must hold at least two different letters"),
        (ValueError, {"letters": "aab"}, "letters must be 2 to 255 different ones"),
        (ValueError, {"letters": "ab"}, "text must hold letters that the model knows, got 'c' at 2"),
        (ValueError, {"size": 10}, r"size must be at least \d+, got 10"),
        (ValueError, {"size": -1}, "size must be"),
    ],
)
def test_a_wrong_text_is_refused_by_name(error, given, match):
    with pytest.raises(error, match=match):
        fit_language(**({"text": "abcabcabcabdabc", "order": 3} | given))


@pytest.mark.parametrize(
    ("error", "given", "match"),
    [
        (ValueError, {"temperature": -1}, "temperature must be"),
        (ValueError, {"length": -1}, "length must be"),
        (ValueError, {"prompt": "Z"}, "prompt must hold letters that the model knows, got 'Z' at 0"),
        (TypeError, {"prompt": 3}, "prompt must be a str"),
        (ValueError, {"top_k": 0}, "top_k must be"),
        (ValueError, {"top_p": 0}, "top_p must be"),
        (ValueError, {"min_p": 2}, "min_p must be"),
        (ValueError, {"order": "last"}, "order must be"),
    ],
)
def test_a_wrong_way_to_write_is_refused_by_name(model, error, given, match):
    with pytest.raises(error, match=match):
        model.write(**({"length": 5} | given))


def test_unknown_letters_are_refused_by_name(model):
    for reading in (model.encode, model.probabilities, model.surprise):
        with pytest.raises(ValueError, match="text must hold letters that the model knows, got 'Z' at 1"):
            reading("tZ")
    with pytest.raises(ValueError, match="order must be"):
        model.shortened(6)


@pytest.mark.parametrize("numbers", [[-1], [99], [0.5], ["a"]])
def test_numbers_of_no_letter_are_refused_by_name(model, numbers):
    with pytest.raises((TypeError, ValueError), match="numbers must be"):
        model.decode(numbers)
    assert model.decode(model.encode(TEXT)) == TEXT


def test_pieces_of_a_text_are_those_of_the_whole(model, monkeypatch):
    whole = model.write(100, 0.8, rng=3)
    monkeypatch.setattr("simsoftmax.language._PIECE", 7)
    assert model.write(100, 0.8, rng=3) == whole
