import hypothesis.strategies as st
import mpmath
import numpy as np
import pytest
from hypothesis import given, settings

import simsoftmax as ss
from simsoftmax.markov import boltzmann_exponents
from simsoftmax.proposals import as_proposal, matrix_moves

levels = st.one_of(st.floats(-20, 20), st.sampled_from([0.0, 1.0, 1.0, 1e308, -1e308, -np.inf]))
rows = st.lists(levels, min_size=1, max_size=7).filter(lambda z: max(z) > -np.inf)
temperatures = st.one_of(st.floats(0.05, 50), st.sampled_from([0.0, 1e-300, 1e300, np.inf]))


@st.composite
def proposals(draw, size):
    """Draw a named proposal, or a symmetric matrix: a mixture of permutations that are their own inverses."""
    kind = draw(st.sampled_from(["uniform", "neighbour", "matrix"]))
    if kind != "matrix":
        return kind
    mixture = np.zeros((size, size))
    parts = draw(st.lists(st.permutations(range(size)), min_size=1, max_size=4))
    for order in parts:
        swap = np.arange(size)
        for a, b in zip(order[::2], order[1::2], strict=False):
            swap[a], swap[b] = b, a
        mixture[np.arange(size), swap] += 1 / len(parts)
    return mixture


@settings(max_examples=500)
@given(st.data(), rows, temperatures)
def test_detailed_balance_and_stationarity(data, z, t):
    moves = ss.transition_matrix(z, t, proposal=data.draw(proposals(len(z))))
    p = ss.softmax(z, t)
    assert (moves >= -1e-15).all()
    assert np.abs(moves.sum(axis=1) - 1).max() <= 1e-12
    flow = p[:, None] * moves
    assert np.abs(flow - flow.T).max() <= 1e-12
    assert np.abs(p @ moves - p).max() <= 1e-12


@pytest.mark.parametrize("mistake", ["forgets T", "squares T", "lopsided", "rejections move"])
def test_detailed_balance_is_broken_by_mistakes(mistake):
    z, t = np.array([2.0, 1.0, 0.1]), 0.5
    p = ss.softmax(z, t)
    q = np.full((3, 3), 1 / 3)
    x = {"forgets T": z, "squares T": z / t**2}.get(mistake, z / t)
    if mistake == "lopsided":
        q = np.array([[0.32, 0.34, 0.34], [1 / 3, 1 / 3, 1 / 3], [1 / 3, 1 / 3, 1 / 3]])
    moves = matrix_moves(x - x.max(), q)
    if mistake == "rejections move":  # a rejected move is not counted: rows without their diagonal, scaled up
        np.fill_diagonal(moves, 0)
        moves /= moves.sum(axis=1, keepdims=True)
    assert np.abs(p @ moves - p).max() > 1e-4  # eight orders of magnitude above what is allowed above


@settings(max_examples=300)
@given(st.data(), rows, temperatures)
def test_spectrum_equals_that_of_the_full_matrix(data, z, t):
    proposal = data.draw(proposals(len(z)))
    z = np.array(z)
    theory = ss.relaxation(z, t, proposal=proposal)
    allowed = z > -np.inf
    moves = ss.transition_matrix(z, t, proposal=proposal)[np.ix_(allowed, allowed)]
    x = boltzmann_exponents(z, t)[allowed]
    # similar to a symmetric matrix, whose eigenvalues are well conditioned
    q = np.where(x[:, None] >= x[None, :], moves.T, moves) if allowed.sum() > 1 else moves
    symmetric = q * np.exp(-np.abs(x[:, None] - x[None, :]) / 2)
    np.fill_diagonal(symmetric, np.diag(moves))
    direct = np.sort(np.linalg.eigvalsh(symmetric))[::-1][1:]
    np.testing.assert_allclose(theory.eigenvalues, direct, atol=1e-12)
    if isinstance(proposal, str) and proposal == "uniform" and allowed.sum() > 1:
        assert theory.eigenvalues.min() > -1e-12
        assert theory.spectral_gap == pytest.approx(1 / (len(z) * ss.softmax(z, t).max()), rel=1e-9)


@settings(max_examples=200)
@given(st.data(), st.lists(st.floats(-4, 4), min_size=2, max_size=6), st.floats(0.3, 5))
def test_the_promised_sweeps_are_enough(data, z, t):
    proposal = data.draw(st.sampled_from(["uniform", "neighbour"]))
    target = data.draw(st.sampled_from([1e-2, 1e-6, 1e-9]))
    ground = np.eye(len(z))[int(np.argmax(z))]
    even = np.full(len(z), 1 / len(z))
    other = np.array(data.draw(st.permutations(ground)))
    p = ss.softmax(z, t)
    theory = ss.relaxation(z, t, proposal=proposal)
    moves = ss.transition_matrix(z, t, proposal=proposal)
    for start in (ground, even, other):
        sweeps = theory.sweeps(target, start=start)
        left = np.abs(start @ np.linalg.matrix_power(moves, int(sweeps)) - p).sum() / 2
        rounding = np.finfo(float).eps * len(z) * (1 + sweeps)  # of the matrix power
        assert left <= target + rounding
    assert theory.sweeps(target) == theory.sweeps(target, start=ground)


def test_the_promise_is_not_extravagant():
    z, t = [2.0, 1.0, 0.1], 0.5
    moves = ss.transition_matrix(z, t)
    sweeps = int(ss.relaxation(z, t).sweeps(1e-9))
    p = ss.softmax(z, t)

    def left(n):
        return np.abs(np.linalg.matrix_power(moves, n)[0] - p).sum() / 2

    assert left(sweeps) <= 1e-9 < left(sweeps - 5)


@pytest.mark.parametrize("t", [0.9, 0.1, 0.02, 0.006])
def test_the_gap_of_a_frozen_ladder_keeps_its_digits(t):
    """Compare with eigenvalues at 200 digits: 1 minus a float64 eigenvalue would be pure rounding error."""
    z = [2.0, 0.3, 1.7, 0.0, 2.0]
    with mpmath.workdps(200):
        x = [mpmath.mpf(v) / mpmath.mpf(t) for v in z]
        moves = mpmath.matrix(5, 5)
        for i in range(4):
            moves[i, i + 1] = moves[i + 1, i] = mpmath.exp(-abs(x[i + 1] - x[i]) / 2) / 2
        for i in range(5):
            out = [mpmath.exp(min(x[j] - x[i], 0)) / 2 for j in (i - 1, i + 1) if 0 <= j < 5]
            moves[i, i] = 1 - mpmath.fsum(out)
        exact = 1 - sorted(mpmath.eigsy(moves, eigvals_only=True))[-2]
    gap = ss.relaxation(z, t, proposal="neighbour").spectral_gap
    assert abs(gap / exact - 1) < 1e-11


def test_the_gap_of_a_long_ladder_is_that_of_its_spectrum(rng):
    z = 0.3 * rng.normal(size=500)
    theory = ss.relaxation(z, 0.7, proposal="neighbour")
    assert theory.spectral_gap == pytest.approx(1 - theory.eigenvalues[0], rel=1e-6)


def test_a_frozen_ladder_and_a_split_one_say_so():
    assert ss.relaxation([2.0, 0.0, 2.0], 0.001, proposal="neighbour").spectral_gap == 0.0
    split = ss.relaxation([1.0, -np.inf, 0.5], 0.7, proposal="neighbour")
    assert split.spectral_gap == 0.0
    assert split.sweeps() == np.inf
    assert "never forget" in str(split)
    assert "spectral gap of" in str(ss.relaxation([1.0, 0.5], 0.7))


def test_a_matrix_that_never_mixes_has_no_gap_and_a_small_gap_is_kept(rng):
    """Two parts without a way between them: an eigenvalue of 1 but for rounding, from which no rate may be read."""
    for size in (2, 3, 5, 8, 20, 60):
        part = rng.random((size, size))
        part = (part + part.T) / (2 * part.sum(axis=1).max())
        part += np.diag(1 - (part + part.T).sum(axis=1) / 2)
        split = ss.relaxation(rng.normal(size=2 * size), 0.7, proposal=np.kron(np.eye(2), part))
        assert split.spectral_gap == 0.0
        assert split.sweeps() == np.inf
    rare = 1e-12
    joined = ss.relaxation([1.0, 1.0], proposal=[[1 - rare, rare], [rare, 1 - rare]])
    assert joined.spectral_gap == pytest.approx(2 * rare, rel=0.01)


@settings(max_examples=300)
@given(st.data(), st.lists(st.sampled_from([0.0, 0.0, 0.0, 1.0, -np.inf]), min_size=2, max_size=8), temperatures)
def test_what_alternates_for_ever_has_an_eigenvalue_of_minus_one(data, z, t):
    """The search in breadth says what the eigenvalues of the transition matrix say, which it never looks at."""
    if max(z) == -np.inf:
        z[0] = 0.0
    q = data.draw(proposals(len(z)).filter(lambda proposal: not isinstance(proposal, str)))
    x = boltzmann_exponents(np.array(z), t)
    smallest = np.linalg.eigvals(matrix_moves(x, q)).real.min()
    assert as_proposal(q, len(z)).alternates(x) == (smallest < -1 + 1e-6)


@pytest.mark.parametrize("size", [2, 3, 4, 7, 8, 50])
def test_a_ring_alternates_if_it_is_even(size):
    ring = (np.roll(np.eye(size), 1, axis=0) + np.roll(np.eye(size), -1, axis=0)) / 2
    x = np.zeros(size)
    assert as_proposal(ring, size).alternates(x) == (size % 2 == 0)
    apart = np.kron(np.eye(2), ring)  # a second ring that may stay does not help the first
    apart[size:, size:] = (apart[size:, size:] + np.eye(size)) / 2
    assert as_proposal(apart, 2 * size).alternates(np.zeros(2 * size)) == (size % 2 == 0)
    x[0] = -1.0  # one level is higher: the climb to it is refused now and then
    assert not as_proposal(ring, size).alternates(x)


def test_barriers_slow_a_ladder_by_arrhenius():
    temperatures = np.array([0.25, 0.2, 0.16])
    gaps = [ss.relaxation([2.0, 0.0, 2.0], t, proposal="neighbour").spectral_gap for t in temperatures]
    slope = np.diff(np.log(gaps)) / np.diff(1 / temperatures)
    np.testing.assert_allclose(slope, -2.0, rtol=2e-3)


def test_large_ladders_need_no_matrix(rng):
    z = rng.normal(size=200_000)
    assert ss.relaxation(z, 1.7).eigenvalues.shape == (199_999,)
    near = ss.relaxation(0.3 * z[:6_000], 2.0, proposal="neighbour")
    assert near.eigenvalues.shape == (3,)
    # the ends agree with the whole spectrum of a ladder that is just small enough
    some = 0.3 * z[:4_096]
    whole = ss.relaxation(some, 2.0, proposal="neighbour").eigenvalues
    padded = ss.relaxation(np.append(some, [-np.inf] * 10), 2.0, proposal="neighbour").eigenvalues
    np.testing.assert_allclose(padded[0], whole[0], atol=1e-12)
    with pytest.raises(ValueError, match=r"at most 10000 levels.*relaxation\(\)"):
        ss.transition_matrix(z)


def test_one_level_is_at_rest():
    theory = ss.relaxation([3.0], 0.5)
    assert theory.eigenvalues.size == 0
    assert theory.sweeps() == 0
    assert ss.transition_matrix([3.0], 0.5).tolist() == [[1.0]]


@pytest.mark.parametrize(
    ("proposal", "error", "says"),
    [
        ("sideways", ValueError, "proposal must be 'uniform', 'neighbour' or a symmetric matrix, got 'sideways'"),
        (np.eye(2), ValueError, "proposal must have shape"),
        ([[0.5, 0.5, 0], [0.4, 0.6, 0], [0, 0, 1]], ValueError, "proposal must be symmetric"),
        (np.full((3, 3), 0.3), ValueError, "proposal must have rows that sum to 1"),
        (np.full((3, 3), -1 / 3), ValueError, "proposal must hold probabilities"),
        (np.full((3, 3), np.nan), ValueError, "proposal must hold probabilities"),
        (None, TypeError, "proposal must be real numbers"),
    ],
)
def test_wrong_proposals_are_named(proposal, error, says):
    for function in (ss.transition_matrix, ss.relaxation, ss.simulate):
        with pytest.raises(error, match=says):
            function([2.0, 1.0, 0.1], 0.5, proposal=proposal)


@pytest.mark.parametrize("function", [ss.transition_matrix, ss.relaxation])
def test_wrong_logits_and_temperatures_are_named(function):
    for logits in ([1, np.nan], [], "ab", [[1, 2]], 3):
        with pytest.raises((ValueError, TypeError), match="logits must"):
            function(logits)
    for temperature in (-1, np.nan, 1j, "hot", [1, 2]):
        with pytest.raises((ValueError, TypeError), match="temperature must"):
            function([1, 2], temperature)
    for total_variation in (0, 1, "small", np.nan):
        with pytest.raises((ValueError, TypeError), match="total_variation must"):
            ss.relaxation([1, 2]).sweeps(total_variation)


@pytest.mark.parametrize("kind", [np.float16, np.float32])
@pytest.mark.parametrize("levels", [2, 5, 40])
def test_a_proposal_is_as_exact_as_its_type(rng, kind, levels):
    """Rounding to a type breaks neither symmetry nor sums by more than the check allows, and is mended once."""
    q = rng.random((levels, levels))
    q = (q + q.T) / 2
    q /= q.sum(axis=1).max()
    q += np.diag(1 - q.sum(axis=1))
    narrow = q.astype(kind)
    narrow[0, 1] *= 1 + np.finfo(kind).eps  # as a computation in that type would leave it
    z = rng.standard_normal(levels)
    checked = as_proposal(narrow, levels).matrix
    assert (checked == checked.T).all()
    np.testing.assert_allclose(checked.sum(axis=1), 1, rtol=1e-14)
    np.testing.assert_allclose(checked, q, atol=8 * np.finfo(kind).eps)
    moves, p = ss.transition_matrix(z, 0.7, proposal=narrow), ss.softmax(z, 0.7)
    np.testing.assert_allclose(p @ moves, p, rtol=1e-13)
    assert as_proposal(q, levels).matrix is not q
    np.testing.assert_array_equal(as_proposal(q, levels).matrix, q)  # float64 is left as it is


@given(st.integers(2, 6), st.integers(0, 999), st.sampled_from([np.float16, np.float32, np.float64]))
@settings(max_examples=50)
def test_the_remedy_of_a_proposal_does_not_lead_in_a_circle(levels, seed, kind):
    q = np.random.default_rng(seed).random((levels, levels)).astype(kind)
    with pytest.raises(ValueError, match=r"proposal must .* mend it by") as refused:
        as_proposal(q, levels)
    recipe = str(refused.value).split("mend it by ")[1].split(", in float64")[0]
    scope = {"q": q.astype(float), "np": np}
    exec(recipe, scope)
    as_proposal(scope["q"], levels)


@given(st.lists(st.floats(-3, 3), min_size=2, max_size=6), st.floats(0.3, 5), st.integers(0, 99), st.floats(1e-6, 0.4))
def test_sweeps_are_the_fewest_that_either_bound_allows(logits, temperature, seed, left):
    """Half the chi-square distance of the start times the second eigenvalue to the power t, or (1 - e)^t."""
    p = ss.softmax(np.array(logits), temperature)
    ground, spread = np.arange(len(p)) == np.argmax(p), np.random.default_rng(seed).dirichlet(np.full(len(p), 0.3))

    def fewest(most, rate):
        if most <= left:
            return 0.0
        return np.inf if rate <= 0 else 1.0 if rate >= 1 else np.log(left / most) / np.log1p(-rate)

    for proposal in ("uniform", "neighbour"):
        chain = ss.relaxation(logits, temperature, proposal=proposal)
        for start, asked in ((spread, spread), (ground, None)):
            distance = 0.5 * np.sqrt(max((np.square(start) / p).sum() - 1, 0.0))
            needed = min(fewest(distance, chain.spectral_gap), fewest(1.0, chain.minorisation))
            if abs(needed - round(needed)) > 1e-6 or needed in (0, 1):
                assert chain.sweeps(left, start=asked) == np.ceil(needed)


@pytest.mark.parametrize("start", [[0.0, 1.0, 0.0], [0.5, 0.0, 0.5]])
def test_a_start_that_is_nowhere_else_may_be_any_level(start):
    """From level k alone chi-square is 1 / p_k - 1; from two halves it is the mean of their quarters, less 1."""
    p = ss.softmax([1.0, 0.3, -2.0], 0.7)
    chain = ss.relaxation([1.0, 0.3, -2.0], 0.7, proposal="neighbour")
    distance = 0.5 * np.sqrt((np.square(start) / p).sum() - 1)
    for left in (0.3, 1e-4):
        assert chain.sweeps(left, start=np.array(start)) == np.ceil(
            np.log(left / distance) / np.log1p(-chain.spectral_gap)
        )


def test_no_sweep_is_needed_where_all_particles_already_are():
    assert ss.relaxation([1.0, 0.0], 0.0).sweeps() == 0
    assert ss.relaxation([1.0, 0.0], 1e-3).sweeps(start=np.array([1.0, 0.0])) == 0
    assert ss.relaxation([3.0], 0.7).sweeps() == 0
