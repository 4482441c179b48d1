"""The scalar kernels: random streams, the binomial sampler, one exact sweep of particles and of occupations."""

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from short import repeated, short

import simsoftmax as ss
from simsoftmax.kernels import binomial, occupations, particles, seeds, streams
from simsoftmax.kernels.compiler import compiled
from simsoftmax.markov import boltzmann_exponents
from simsoftmax.proposals import rank_levels


def uniformity(cells, probabilities):
    """Return the chi-square p-value of counts, rare cells pooled so that each expects at least 10."""
    cells, expected = np.asarray(cells, float), np.asarray(probabilities) * np.sum(cells)
    order = np.argsort(expected)
    cells, expected = cells[order], expected[order]
    pooled = np.searchsorted(np.cumsum(expected), 10.0) + 1
    observed = np.append(cells[:pooled].sum(), cells[pooled:])
    wanted = np.append(expected[:pooled].sum(), expected[pooled:])
    if wanted[0] == 0:
        assert observed[0] == 0
        observed, wanted = observed[1:], wanted[1:]
    if len(wanted) < 2:
        return 1.0
    return scipy.stats.chi2.sf(((observed - wanted) ** 2 / wanted).sum(), len(wanted) - 1)


@compiled
def draw_bits(stream, out):
    s0, s1, s2, s3 = stream
    for i in range(len(out)):
        out[i], s0, s1, s2, s3 = streams.draw(s0, s1, s2, s3)


def test_xoshiro_matches_its_definition():
    """Compare with a transcription in Python integers of the recurrence in Blackman and Vigna's paper."""
    mask = (1 << 64) - 1

    def rotl(x, k):
        return ((x << k) | (x >> (64 - k))) & mask

    state = [1, 2, 3, 4]
    wanted = []
    for _ in range(1000):
        wanted.append((rotl((state[0] + state[3]) & mask, 23) + state[0]) & mask)
        t = (state[1] << 17) & mask
        state[2] ^= state[0]
        state[3] ^= state[1]
        state[1] ^= state[2]
        state[0] ^= state[3]
        state[2] ^= t
        state[3] = rotl(state[3], 45)
    bits = np.empty(1000, np.uint64)
    draw_bits(np.array([1, 2, 3, 4], np.uint64), bits)
    assert bits.tolist() == wanted


def test_streams_differ_between_keys_and_blocks():
    states = np.concatenate([seeds.seed_streams(key, 1000) for key in (0, 1, 2**64 - 1)])
    assert len(np.unique(states)) == states.size
    # neighbouring keys share no bit pattern: half the bits differ, within 8 standard deviations
    a, b = seeds.seed_streams(5, 4000), seeds.seed_streams(6, 4000)
    flips = np.bitwise_count(a ^ b).sum() / (64 * a.size)
    assert abs(flips - 0.5) < 8 * 0.5 / np.sqrt(64 * a.size)


@compiled
def log_probabilities(k, n, p, out):
    for i in range(len(k)):
        out[i] = binomial.log_binomial_pmf(k[i], n, p)


def log_pmf(k, n, p):
    """Return the logarithms of the probabilities of the values k."""
    out = np.empty(len(k))
    log_probabilities(k.astype(float), float(n), p, out)
    return out


@compiled
def draw_binomials(n, p, stream, out):
    for i in range(len(out)):
        out[i] = binomial.binomial(n, p, stream)


def binomials(n, p, size, rng):
    """Return so many draws of a stream of their own."""
    out = np.empty(size, np.int64)
    draw_binomials(n, p, seeds.seed_streams(int(rng.integers(2**63)), 1)[0], out)
    return out


@pytest.mark.parametrize(
    ("n", "p"), [(1, 0.3), (7, 0.5), (40, 0.02), (100, 0.0999), (100, 0.35), (997, 0.97), (10**6, 0.25), (2**53, 0.7)]
)
def test_binomials_have_the_binomial_distribution(n, p, rng, alarm):
    drawn = binomials(n, p, 200_000, rng)
    quantiles = scipy.stats.norm.ppf(np.linspace(0, 1, 41)[1:-1])  # binom.ppf overflows at 2^53 trials
    edges = np.unique(np.floor(n * p + np.sqrt(n * p * (1 - p)) * quantiles))
    cells = np.bincount(np.searchsorted(edges, drawn), minlength=len(edges) + 1)
    truth = np.diff(np.concatenate([[0], scipy.stats.binom.cdf(edges, n, p), [1]]))
    assert uniformity(cells, truth) > alarm
    # negative control: the same draws do not fit a probability 2 % off in its odds' scale
    off = np.diff(np.concatenate([[0], scipy.stats.binom.cdf(edges, n, p + 0.02 * np.sqrt(p * (1 - p) / n)), [1]]))
    assert n == 1 or uniformity(cells * 100, off) < alarm


@pytest.mark.parametrize(
    ("n", "p"),
    short(
        [(20, 0.5), (101, 0.1), (1000, 0.0101), (2000, 0.31), (10**6, 0.999), (10**5, 0.5)],
        (101, 0.1),
        (10**6, 0.999),
        (10**5, 0.5),
    ),
)
def test_every_value_of_a_binomial_has_its_probability(n, p, rng, alarm):
    """Three million draws, level by level: the inner values, the shoulders and the tails."""
    drawn = binomials(n, p, 3_000_000, rng)
    probabilities = scipy.stats.binom.pmf(np.arange(n + 1), n, p)
    assert uniformity(np.bincount(drawn, minlength=n + 1), probabilities) > alarm
    # negative control: a mean that is off by a fiftieth of the standard deviation
    off = scipy.stats.binom.pmf(np.arange(n + 1), n, p - 0.02 * np.sqrt(p * (1 - p) / n))
    assert uniformity(np.bincount(drawn, minlength=n + 1), off) < alarm


def test_strips_cover_the_normal_density_and_are_equal():
    edge, length, sure = binomial.EDGE, binomial.LENGTH, binomial.SURE
    density = scipy.stats.norm.pdf(edge)
    areas = np.append((length * density)[:-1], density[-1] / edge[-1])
    np.testing.assert_allclose(areas, areas[0], rtol=1e-9)
    np.testing.assert_allclose(density[:-1] * sure[:-1], density[1:], rtol=1e-12)
    assert len(edge) == binomial.STRIPS
    assert 2 * areas.sum() < 1.01


def wanted_over_drawn(n, p, x):
    """Return R of the docstring of the module at the points x, nan where there is no such value; and s."""
    spread = np.sqrt(n * p * (1 - p))
    slope, bend = spread + binomial.WIDER, (1 - 2 * p) / 6
    k = np.floor(n * p + 0.5 + slope * x + bend * (x**2 - 1))
    stretch = slope + 2 * bend * x
    inside = (k >= 0) & (k <= n) & (stretch > 0)
    log_p = np.full(len(x), np.nan)
    log_p[inside] = log_pmf(k[inside], n, p)
    log_density = -(x**2) / 2 - np.log(2 * np.pi) / 2  # SciPy's takes most of the time of a few hundred points
    return np.exp(log_p + np.log(np.where(inside, stretch, np.nan)) - log_density), spread


@given(
    st.floats(np.log(binomial.LEAST_MEAN), np.log(1e9)),
    st.one_of(st.floats(np.log(1e-6), np.log(0.5)), st.just(np.log(0.5))),
    st.floats(0, 1),
)
@settings(max_examples=400, deadline=None)
def test_the_hat_of_the_binomial_sampler_is_a_hat(log_mean, log_p, between):
    """The two bounds upon which it rests, everywhere."""
    p = np.exp(log_p)
    n = np.ceil(np.exp(log_mean) / p)
    grid = np.linspace(-8, 8, 257)
    x = np.concatenate([grid, grid + between / 16])
    ratio, spread = wanted_over_drawn(n, p, x)
    hat = 1 + binomial.ABOVE / spread
    assert np.nanmax(ratio) <= hat
    strips = np.abs(x) < binomial.EDGE[-1]
    assert np.isfinite(ratio[strips]).all()
    doubt = binomial.BELOW + (1 + np.abs(x[strips])) ** 2 / 4
    assert (ratio[strips] >= hat * (1 - doubt / spread)).all()


def test_the_hat_is_not_wider_than_it_must_be():
    """Negative control of the test above: either bound, drawn a little tighter, is broken."""
    ratio, spread = wanted_over_drawn(10_000, 0.3, np.linspace(-2.9, 2.9, 20_001))
    assert np.nanmax(ratio) > 1 + 0.8 * binomial.ABOVE / spread
    doubt = binomial.BELOW + (1 + np.abs(np.linspace(-2.9, 2.9, 20_001))) ** 2 / 4
    assert (ratio < (1 + binomial.ABOVE / spread) * (1 - 0.8 * doubt / spread)).any()


def test_binomial_probabilities_equal_scipys(rng):
    for n in (20, 1000, 10**6):
        k = np.unique(rng.binomial(n, 0.3, 20))
        np.testing.assert_allclose(log_pmf(k, n, 0.3), scipy.stats.binom.logpmf(k, n, 0.3), rtol=1e-9)
    assert binomial.binomial(5, 0.0, np.zeros(4, np.uint64)) == 0
    assert binomial.binomial(5, 1.0, np.zeros(4, np.uint64)) == 5


CASES = [
    ([2.0, 1.0, 0.1], 0.5),
    ([2.0, 1.0, 0.1], 2.0),
    ([0.0, 3.0], 1.5),
    ([1.0, 1.0, 1.0, -np.inf, 0.5], 0.8),
    ([5.0, -700.0, -705.0, -705.5], 0.9),  # weights that underflow, reached from a hot start
    ([1.0, 0.0, 2.0], 0.0),
    ([1.0, 0.0, 2.0], np.inf),
    (list(np.linspace(0, 2, 30)), 0.4),
]


def proposal_matrix(size):
    """Return a symmetric matrix that prefers far levels."""
    weights = np.abs(np.subtract.outer(np.arange(size), np.arange(size))) / size**2
    return weights + np.diag(1 - weights.sum(axis=1))


@pytest.mark.parametrize("engine", ["particles", "occupations"])
@pytest.mark.parametrize("proposal", ["uniform", "neighbour", "matrix"])
@pytest.mark.parametrize(("z", "t"), CASES)
def test_one_sweep_from_each_level_is_a_row_of_the_transition_matrix(z, t, proposal, engine, rng, alarm):
    rule = proposal_matrix(len(z)) if proposal == "matrix" else proposal
    moves = ss.transition_matrix(z, t, proposal=rule)
    n = 100_000
    for level in np.flatnonzero(np.isfinite(z)):
        start = n * np.eye(len(z), dtype=int)[level]
        run = ss.simulate(z, t, start=start, sweeps=1, proposal=rule, engine=engine, rng=rng)
        assert uniformity(run.counts, moves[level]) > alarm / len(z)
        assert run.moved == n - run.counts[level]
    # negative control: the rows of a temperature 5 % off do not fit, seen with a thousand times the particles
    if 0 < t < np.inf and z[0] == 2.0:
        wrong = ss.transition_matrix(z, 1.05 * t, proposal=rule)
        run = ss.simulate(z, t, start=[0, 10**9, 0], sweeps=1, proposal=rule, engine="occupations", rng=rng)
        assert uniformity(run.counts, wrong[1]) < alarm
        assert uniformity(run.counts, moves[1]) > alarm


@pytest.mark.parametrize("proposal", ["uniform", "neighbour", "matrix"])
@pytest.mark.parametrize("replicates", repeated(1500, 4000))
def test_a_sweep_of_mixed_occupations_has_the_right_covariance(proposal, replicates, rng, alarm):
    """Each replicate gives one Mahalanobis distance; their sum is chi-square, a wrong covariance shifts it."""
    z, t = np.array([1.2, 0.4, 0.0, -0.7]), 0.8
    rule = proposal_matrix(4) if proposal == "matrix" else proposal
    moves = ss.transition_matrix(z, t, proposal=rule)
    n = np.array([400_000, 300_000, 200_000, 100_000])
    mean = n @ moves
    covariance = sum(a * (np.diag(row) - np.outer(row, row)) for a, row in zip(n, moves, strict=True))
    inverse = np.linalg.pinv(covariance)
    work = tuple(np.empty((2, 4), np.int64))
    stream = seeds.seed_streams(int(rng.integers(2**63)), 1)[0]
    x = boltzmann_exponents(z, t)
    distances = 0.0
    for _ in range(replicates):
        counts = n.copy()
        if proposal == "uniform":
            order, above = rank_levels(x)
            ranked = counts[order]
            compiled(occupations.sweep_uniform)(ranked, occupations.uniform_tables(above), stream, work, 1)
            counts[order] = ranked
        elif proposal == "neighbour":
            compiled(occupations.sweep_neighbour)(counts, occupations.neighbour_tables(x), stream, work, 1)
        else:
            compiled(occupations.sweep_matrix)(counts, occupations.matrix_tables(moves), stream, work, 1)
        assert counts.sum() == n.sum()
        distances += (counts - mean) @ inverse @ (counts - mean)
    degrees = 3 * replicates
    assert alarm / 2 < scipy.stats.chi2.sf(distances, degrees) < 1 - alarm / 2
    # negative control: independent draws from the mean have another covariance, and this statistic tells
    naive = rng.multinomial(n.sum(), mean / n.sum(), size=replicates) - mean
    assert scipy.stats.chi2.sf(np.einsum("ri,ij,rj", naive, inverse, naive), degrees) < alarm


def test_threads_share_out_blocks_without_changing_them():
    n = 3 * particles.block_size(3) + 17
    x = boltzmann_exponents(np.array([2.0, 1.0, 0.1]), 0.5)
    results = []
    for threads in (1, 2, 5):
        states = np.zeros(n, np.uint8)
        own = particles.allocate_streams(99, n, 3)
        moved = particles.advance(states, own, x, "uniform", 7, threads)
        results.append((states.tobytes(), own.tobytes(), moved))
    assert len(set(results)) == 1


def test_neighbouring_particles_and_successive_calls_are_independent(rng, alarm):
    """Pair counts of particles side by side, of particles a block apart, and of two runs from one generator."""
    z, t = [1.0, 0.3, 0.0], 0.7
    p = ss.softmax(z, t)
    pairs = np.outer(p, p).ravel()
    one = ss.simulate(z, t, particles=10**6, engine="particles", rng=rng).states.astype(int)
    two = ss.simulate(z, t, particles=10**6, engine="particles", rng=rng).states.astype(int)
    block = particles.block_size(3)
    assert uniformity(np.bincount(3 * one[::2] + one[1::2], minlength=9), pairs) > alarm
    apart = one[: 200 * block].reshape(100, 2, block)
    assert uniformity(np.bincount((3 * apart[:, 0] + apart[:, 1]).ravel(), minlength=9), pairs) > alarm
    assert uniformity(np.bincount(3 * one + two, minlength=9), pairs) > alarm
    # negative control: a run is not independent of itself
    assert uniformity(np.bincount(3 * one + one, minlength=9), pairs) < alarm


@compiled
def draw_pairs(stream, pairs):
    for i in range(len(pairs)):
        pairs[i, 0], pairs[i, 1] = streams.draw_normals(stream)


def test_normal_draws_are_normal_and_independent(rng, alarm):
    """In the plane: the squared distance is exponential and the direction even, which is all that they are."""
    pairs = np.empty((100_000, 2))
    draw_pairs(seeds.seed_streams(int(rng.integers(2**63)), 1)[0], pairs)

    def least(x, y):
        return min(
            scipy.stats.kstest((x * x + y * y) / 2, "expon").pvalue,
            scipy.stats.kstest(np.arctan2(y, x) / (2 * np.pi) + 0.5, "uniform").pvalue,
        )

    x, y = pairs.T
    assert least(x, y) > alarm
    for spoilt in ((1.03 * x, 1.03 * y), (x, 1.1 * y), (x, 0.1 * x + y), (np.abs(x), y)):
        assert least(*spoilt) < alarm
