"""The museum of wrong samplers: each draws from the distribution that its arithmetic makes, computed here once more."""

import math
import sys
from pathlib import Path

import numpy as np
import pytest

import simsoftmax as ss

BOOK = Path(__file__).parents[2] / "book"
Z = np.array([1.0, -0.4, 2.0, 0.3, -1.2, 1.4])  # no two alike
DRAWS = 40_000


@pytest.fixture(scope="module")
def museum():
    sys.path.insert(0, str(BOOK))
    try:
        import museum
    finally:
        sys.path.remove(str(BOOK))
    return museum


def weighed(weights):
    return np.asarray(weights) / np.sum(weights)


def counted(sampler, pipeline, z=Z, rng=0):
    rows = np.broadcast_to(z, (DRAWS, len(z)))
    return np.bincount(sampler(rows, pipeline, np.random.default_rng(rng)), minlength=len(z))


def fits(counts, p):
    """Return whether counts follow probabilities, of which some may be zero."""
    with np.errstate(divide="ignore"):
        return bool(ss.verify(counts, np.log(p)))


def nucleus(z, share, whole):
    """Return which tokens are left of a nucleus, with or without the one that crosses its edge."""
    p = weighed(np.exp(z))
    left, mass = [], 0.0
    for token in np.argsort(-p):
        mass += p[token]
        if mass >= share and not whole:
            break
        left.append(token)
        if mass >= share:
            break
    return np.isin(np.arange(len(z)), left)


def half_accepted(z, t):
    """Return what speculation draws whose acceptance takes the draft's probabilities from before the temperature."""
    draft = np.round(2 * z) / 2
    p, q, wrong = (weighed(np.exp(x)) for x in (z / t, draft / t, draft))
    accepted = q * np.minimum(1, p / wrong)
    return accepted + (1 - accepted.sum()) * weighed(np.maximum(p - q, 0))


T = 0.7
CASES = {
    "applied_twice": ({}, lambda: np.exp(Z / T / T)),
    "never_applied": ({}, lambda: np.exp(Z)),
    "after_the_nucleus": ({"top_p": 0.87}, lambda: np.exp(Z / T) * nucleus(Z, 0.87, True)),
    "softmax_twice": ({}, lambda: np.exp(weighed(np.exp(Z / T)))),
    "speculative": ({}, lambda: half_accepted(Z, T)),
    "top_k_less_one": ({"top_k": 3}, lambda: np.exp(Z / T) * (Z >= 1.4)),
    "nucleus_without_crossing": ({"top_p": 0.9}, lambda: np.exp(Z / T) * nucleus(Z / T, 0.9, False)),
}


@pytest.mark.parametrize("name", CASES)
def test_a_wrong_sampler_draws_what_its_arithmetic_makes(museum, name):
    filters, weights = CASES[name]
    pipeline = ss.Pipeline.of(T, **filters)
    expected, right = weighed(weights()), pipeline.probabilities(Z)
    counts = counted(getattr(museum, name), pipeline)
    assert fits(counts, expected)
    assert not fits(counts, right)  # and that is wrong
    assert fits(counted(museum.right, pipeline), right)


@pytest.mark.parametrize("share", [0.03, 0.16])
def test_a_hot_sampler_is_hotter_after_all_steps(museum, share):
    pipeline = ss.Pipeline.of(T, top_k=4)
    left = np.where(np.sort(Z)[-4] <= Z, Z, -np.inf)
    assert ss.verify(counted(museum.hotter(share), pipeline), left, (1 + share) * T)


def test_below_three_tenths_it_is_greedy_and_above_it_is_right(museum):
    assert counted(museum.greedy_when_cold, ss.Pipeline.of(0.29)).tolist() == [0, 0, DRAWS, 0, 0, 0]
    assert ss.verify(counted(museum.greedy_when_cold, ss.Pipeline.of(0.3)), Z, 0.3)


def test_half_precision_ends_at_its_largest_number(museum):
    assert float(np.float16(museum.HALF_LARGEST)) == float(np.finfo(np.float16).max)
    assert float(np.finfo(np.float16).smallest_normal) == museum.HALF_SMALLEST
    z = np.array([4.0, 3.5, 0.0, -1.0])  # exp(z / 0.3) of the first two is too large
    weights = np.minimum(np.exp(z / 0.3), 65504.0)
    assert weights[0] == weights[1] > weights[2]
    assert ss.verify(counted(museum.overflowing, ss.Pipeline.of(0.3), z), np.log(weights))


def test_what_should_not_be_drawn_is_drawn_at_its_rate(museum):
    z = np.array([0.0, -1.0, -6.0, -np.inf])
    # Untrained outputs have a score of zero.
    padded = counted(museum.padding_drawn, ss.Pipeline.of(T), z)
    assert ss.verify(padded, np.where(np.isinf(z), 0.0, z), T)
    # A filter that leaves a weight: the smallest normal number of half precision, where the largest weight is one.
    filtered = counted(museum.filtered_to_a_number, ss.Pipeline.of(T, top_k=2))
    weights = np.maximum(np.exp((Z - Z.max()) / T) * (Z >= 1.4), 2.0**-14)
    assert fits(filtered, weighed(weights))
    assert filtered[Z < 1.4].sum() > 0
    # Half precision rounds to one what is above 1 - 2^-12: the last token gets that share.
    u = museum.uniform_of_one(np.tile(z, (200_000, 1)), ss.Pipeline.of(T), np.random.default_rng(4))
    share = (u == 3).mean()
    assert share == pytest.approx(2.0**-12, abs=5 * math.sqrt(2.0**-12 / 200_000))


def far_row(gap, others):
    return np.concatenate([[0.0], np.full(others, -gap)])


def test_noise_without_a_tail_never_lets_a_rare_token_win(museum):
    rng = np.random.default_rng(5)
    for gap, others in ((20.5, 4_000), (3.0, 4_000)):
        row = far_row(gap, others)
        z = np.broadcast_to(row, (200_000, len(row)))
        p = np.asarray(ss.softmax(row))
        hits = np.count_nonzero(museum.noise_without_a_tail(z, ss.Pipeline.of(1.0), rng))
        # E is at least 2^-24 = h, so a rare token wins with E = j h at most while the first has j h p_0 / p_1 or more:
        # sum over j of what the others' least is, exactly j h, times the chance that the first is larger.
        h, n = 2.0**-24, others
        ticks = np.arange(1, 4_000)
        least = np.exp(-(ticks - 1) * h * n) - np.exp(-ticks * h * n)
        expected = len(z) * float(np.sum(least * np.exp(-ticks * h * p[0] / p[1]))) if gap > 10 else len(z) * (1 - p[0])
        spread = math.sqrt(expected * max(1 - expected / len(z), 0)) + 1
        assert abs(hits - expected) < 5 * spread
    assert len(z) * 4_000 * math.exp(-20.5) > 0.9  # where a right sampler would have one in the mean


def test_single_precision_loses_what_is_below_half_a_digit(museum):
    row = far_row(17.5, 20_000)
    z = np.broadcast_to(row, (300_000, len(row)))
    p = np.asarray(ss.softmax(row))
    total = np.float32(p[0])
    for tiny in p[1:].astype(np.float32):  # added one by one, as the sampler does
        total = np.float32(total + tiny)
    hits = np.count_nonzero(museum.single_sums(z, ss.Pipeline.of(1.0), np.random.default_rng(6)))
    kept = 1 - float(np.float32(p[0])) / float(total)
    assert abs(hits - 300_000 * kept) <= 5 * math.sqrt(300_000 * kept) + 1
    assert kept < 0.5 * (1 - p[0])


@pytest.mark.parametrize(("name", "apart"), [("one_seed_a_batch", 1), ("one_seed_for_all_workers", 100)])
def test_shared_seeds_repeat_the_same_numbers_and_are_right_one_by_one(museum, name, apart):
    draws = getattr(museum, name)(np.tile(Z, (10_000, 1)), ss.Pipeline.of(T), np.random.default_rng(7))
    batches = draws.reshape(100, 100) if apart == 1 else draws.reshape(100, 100).T
    assert (batches == batches[:, :1]).all()  # 100 rows have one number
    assert len(np.unique(draws)) > 3
    assert ss.verify(np.bincount(batches[:, 0], minlength=len(Z)), Z, T)


def test_checks_are_as_they_say(museum):
    p = np.array([0.6, 0.3, 0.1, 0.0])
    exact = np.repeat([0, 1, 2], [600, 300, 100])
    rng = np.random.default_rng(8)
    assert museum.cosine(exact, p)
    assert museum.divergence(exact, p)
    assert museum.inside(exact, p)
    assert museum.same_favourite(exact, p)
    assert museum.distance_ratio(rng.permutation(np.append(exact, [0] * 9)), p)
    other = np.repeat([0, 1, 2, 3], [300, 600, 99, 1])
    q = np.array([0.3, 0.6, 0.099, 0.001])
    assert q @ p / np.linalg.norm(q) / np.linalg.norm(p) < 0.99
    assert not museum.cosine(other, p)
    assert not museum.divergence(other, p)
    assert not museum.inside(other, p)
    assert not museum.same_favourite(other, p)
    assert not museum.distance_ratio(rng.permutation(other), p)
    slightly = np.repeat([0, 1, 2], [540, 330, 130])
    shares = np.array([0.54, 0.33, 0.13])
    assert museum.divergence(slightly, p) == (np.sum(shares * np.log(shares / p[:3])) < 0.01)


def test_every_exhibit_is_wrong_on_its_contexts_and_its_row_is_whole(museum):
    exhibits = museum.museum()
    assert len({e.name for e in exhibits}) == len(exhibits) >= 12
    for exhibit in exhibits:
        assert exhibit.seen
        p = exhibit.check.pipeline.probabilities(exhibit.check.row)
        assert p.sum() == pytest.approx(1)
        assert exhibit.logits.ndim == (1 if exhibit.contexts.strides[0] == 0 else 2)
