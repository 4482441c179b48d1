"""The vector kernels: exact moves, the same result on every path, and random numbers that do not repeat."""

import math
import os
import shutil
import subprocess
import sys

import llvmlite.binding
import numpy as np
import pytest
import scipy.stats
from short import repeated, short

import simsoftmax as ss
from simsoftmax.kernels import bitsliced, cache, compiler, lanes, particles, tabulated, xoshiro
from simsoftmax.kernels.calling import plain
from simsoftmax.markov import boltzmann_exponents

PROPOSALS = ["uniform", "neighbour"]
# Every kernel, at both ends of its range; cold particles shun most levels, which other kernels do, or doubts decide.
WARM = [(levels, 1.0) for levels in (2, 3, 4, 5, 32, 33, 64, 65, 129, 300, 70_000)]
COLD = [(levels, 30.0) for levels in (3, 10, 100, 300)]


def ladder(levels, rng, coldness=1.0):
    """Return log-weights with ties, a forbidden level, a hopeless one and everything between."""
    reduced = coldness * (rng.permutation(np.linspace(0, 3, levels)) + 0.05 * rng.normal(size=levels))
    if levels > 3:
        reduced[1] = -np.inf
        reduced[2] = reduced[0]
    if levels > 4:
        reduced[4] = -800.0
    return reduced - reduced.max()


def occupied(levels, size, reduced, rng):
    """Return states uniform over the levels that can be occupied."""
    return rng.choice(np.flatnonzero(reduced > -np.inf), size=size).astype(particles.state_dtype(levels))


def compiled_only(monkeypatch):
    """Let no move run uncompiled."""
    monkeypatch.setattr(particles, "SMALL", 0)


def run(states, key, reduced, proposal, *sweeps, threads=1):
    """Return the states, the streams and the moves after calls of ``advance`` with the given sweeps."""
    states, streams = states.copy(), particles.allocate_streams(key, len(states), len(reduced))
    moved = [particles.advance(states, streams, reduced, proposal, n, threads) for n in sweeps]
    return states.tobytes(), streams.tobytes(), sum(moved)


@pytest.mark.parametrize("proposal", PROPOSALS)
@pytest.mark.parametrize(("levels", "coldness"), WARM + COLD)
def test_every_path_gives_the_same_result(levels, coldness, proposal, rng, monkeypatch):
    """NumPy or compiled, one thread or two, one call or several: the same bytes, and a last block that is not full."""
    reduced = ladder(levels, rng, coldness)
    states = occupied(levels, 2 * particles.block_size(levels) + 77, reduced, rng)
    monkeypatch.setattr(particles, "SMALL", math.inf)
    plain = run(states, 5, reduced, proposal, 5)
    monkeypatch.setattr(particles, "SMALL", 0)
    assert run(states, 5, reduced, proposal, 5) == plain
    assert run(states, 5, reduced, proposal, 5, threads=2) == plain
    assert run(states, 5, reduced, proposal, 1, 3, 1) == plain
    assert run(states, 6, reduced, proposal, 5) != plain


def moves_p_value(before, after, reduced, proposal):
    """Return the p-value of all moves of one sweep against the rows of the transition matrix; forbidden ones give 0."""
    levels = len(reduced)
    here, there = np.meshgrid(np.arange(levels), np.arange(levels), indexing="ij")
    offered = np.full((levels, levels), 1 / levels) if proposal == "uniform" else (np.abs(here - there) == 1) / 2
    with np.errstate(invalid="ignore"):
        rise = np.where(np.isneginf(reduced[there]), -np.inf, np.minimum(reduced[there] - reduced[here], 0))
    rows = offered * np.exp(rise)
    np.fill_diagonal(rows, 0)
    np.fill_diagonal(rows, 1 - rows.sum(axis=1))
    moves = before.astype(np.intp) * levels + after
    return rows_p_value(np.bincount(moves, minlength=levels**2).reshape(levels, levels).astype(float), rows)


def rows_p_value(seen, rows):
    """Return the chi-square p-value of counts, given their row sums; cells that expect less than 10 are pooled."""
    expected = seen.sum(axis=1, keepdims=True) * rows
    if seen[expected == 0].any():
        return 0.0
    rare = expected < 10
    statistic = ((seen - expected)[~rare] ** 2 / expected[~rare]).sum()
    pooled = expected[rare].sum()
    if pooled >= 10:
        statistic += (seen[rare].sum() - pooled) ** 2 / pooled
    freedom = (~rare).sum() + (pooled >= 10) - (seen.sum(axis=1) > 0).sum()
    return scipy.stats.chi2.sf(statistic, max(freedom, 1))


@pytest.mark.parametrize("proposal", PROPOSALS)
@pytest.mark.parametrize(("levels", "coldness"), WARM[:-1] + COLD)
def test_one_sweep_follows_the_transition_matrix(levels, coldness, proposal, rng, alarm, monkeypatch):
    compiled_only(monkeypatch)
    reduced = ladder(levels, rng, coldness)
    before = occupied(levels, 3_000_001, reduced, rng)
    after, streams = before.copy(), particles.allocate_streams(int(rng.integers(2**63)), len(before), levels)
    moved = particles.advance(after, streams, reduced, proposal, 1, 2)
    assert moved == np.count_nonzero(after != before)
    assert moves_p_value(before, after, reduced, proposal) > alarm
    # negative control: at a temperature off by 5 % the same moves would not have passed
    if levels < 10 and coldness == 1:
        assert moves_p_value(before, after, reduced / 1.05, proposal) < alarm


@pytest.mark.parametrize("proposal", PROPOSALS)
@pytest.mark.parametrize("levels", [2, 3, 4, 10, 100])
@pytest.mark.parametrize("seeds", repeated(20, 60))
def test_p_values_are_uniform_over_seeds(levels, proposal, seeds, rng, alarm, monkeypatch):
    """Many runs, each from a seed of its own: chi-square against softmax, p-values against the uniform law.

    From the ground level to equilibrium; where that takes long, the particles start in equilibrium and must keep it.
    """
    compiled_only(monkeypatch)
    logits = rng.normal(size=levels)
    temperature = 1.7
    sweeps = math.ceil(ss.relaxation(logits, temperature, proposal=proposal).sweeps(1e-9))
    truth = ss.softmax(logits, temperature)
    p_values = []
    for seed in range(seeds):
        states = np.full(50_000, np.argmax(logits)).astype(particles.state_dtype(levels))
        if sweeps > 500:
            states = rng.choice(levels, size=50_000, p=truth).astype(states.dtype)
        streams = particles.allocate_streams(seed, len(states), levels)
        reduced = boltzmann_exponents(logits, temperature)
        particles.advance(states, streams, reduced, proposal, min(sweeps, 500), 2)
        expected = len(states) * truth
        counts = particles.count(states, levels)
        p_values.append(scipy.stats.chi2.sf(((counts - expected) ** 2 / expected).sum(), levels - 1))
    assert scipy.stats.kstest(p_values, "uniform").pvalue > alarm


def bare_sixteen_bits(states, reduced, rng):
    """Sweep as the tempting short cut does: the acceptance and a random number, both cut to 8 + 8 bits."""
    there = rng.integers(len(reduced), size=states.size, dtype=np.uint8)
    thresholds = np.minimum(np.exp(np.subtract.outer(reduced, reduced)) * 65536, 65536).astype(np.int32)
    accepted = rng.integers(65536, size=states.size, dtype=np.uint16) < thresholds[there, states]
    return np.where(accepted, there, states)


def test_a_rare_move_is_not_rounded_away(rng, alarm, monkeypatch):
    """Bare 16-bit thresholds make an acceptance of 1.5 / 65536 one of 1 / 65536; ours keep it, in every kernel."""
    compiled_only(monkeypatch)
    rare = 1.5 / 65536
    for levels in (2, 3, 4, 5, 100):
        reduced = np.full(levels, -np.inf)
        reduced[:2] = 0, math.log(rare)
        n = 40_000_000
        for proposal, offered in (("uniform", 1 / levels), ("neighbour", 0.5)):
            states = np.zeros(n, np.uint8)
            streams = particles.allocate_streams(int(rng.integers(2**63)), n, levels)
            moved = particles.advance(states, streams, reduced, proposal, 1, 2)
            assert scipy.stats.binomtest(moved, n, offered * rare).pvalue > alarm
    # negative control: the short cut is seen, in twice as many moves, for that no seed lets it through
    states = np.zeros(n // 8, np.uint8)
    moved = sum(np.count_nonzero(bare_sixteen_bits(states, np.array([0, math.log(rare)]), rng)) for _ in range(16))
    assert scipy.stats.binomtest(moved, 2 * n, 0.5 * rare).pvalue < alarm


@pytest.mark.parametrize("levels", [3, 10, 100])
def test_particles_sweeps_and_calls_are_independent(levels, rng, alarm, monkeypatch):
    """Pairs of particles 1, 8, 64 and a block apart, and two runs with successive keys: a product of frequencies."""
    compiled_only(monkeypatch)
    reduced = -np.arange(levels) / levels * 1.3
    truth = ss.softmax(reduced)
    n, sweeps = 1 << 20, math.ceil(ss.relaxation(reduced).sweeps(1e-9))

    def final(key):
        states, streams = np.zeros(n, np.uint8), particles.allocate_streams(key, n, levels)
        particles.advance(states, streams, reduced, "uniform", sweeps, 2)
        return states.astype(np.int64)

    one, other = final(11), final(12)

    def p_value(a, b):
        pairs = np.bincount(a * levels + b, minlength=levels**2)
        expected = len(a) * np.outer(truth, truth).ravel()
        return scipy.stats.chi2.sf(((pairs - expected) ** 2 / expected).sum(), levels**2 - 1)

    for apart in (1, 8, 64, particles.block_size(levels)):
        shaped = one.reshape(-1, 2, apart)
        assert p_value(shaped[:, 0].ravel(), shaped[:, 1].ravel()) > alarm
    assert p_value(one, other) > alarm
    assert p_value(one, one) < alarm  # negative control


@pytest.mark.parametrize("bits", [16, 32])
def test_settling_agrees_with_whole_numbers(bits, rng):
    """A doubtful particle is decided as exact integers decide it."""
    reduced = -np.sort(rng.exponential(size=7))
    for ladder_moves, choices in ((False, 7), (True, 2)):
        for _ in range(500):
            lead, tail = int(rng.integers(2**bits)), int(rng.integers(2**64, dtype=np.uint64))
            here = int(rng.integers(7))
            scaled = (lead * 2**64 + tail) * choices
            choice, fraction = divmod(scaled, 2 ** (bits + 64))
            there = here + 2 * choice - 1 if ladder_moves else choice
            wanted = here
            if 0 <= there < 7:
                accepted = math.exp(min(0.0, reduced[there] - reduced[here]))
                wanted = there if (fraction >> bits) < int(accepted * 2**64) or accepted == 1 else here
            assert tabulated.settle(lead, bits, np.uint64(tail), here, reduced, ladder_moves) == wanted


def test_thresholds_of_the_bitsliced_kernel_are_exact():
    """Row k of the pattern gives bit k of (2/3) exp(-gap) for every move upwards."""
    reduced = np.array([-0.7, 0.0, -2.5])
    _, (pattern, *_) = bitsliced.prepare(reduced, "uniform")
    for move, gap in enumerate([-0.7, -2.5, -1.8]):
        bits = ((pattern[:, 0] >> move) & 1) ^ (pattern[:, 1] - 8)
        threshold = sum(int(bit) << (63 - k) for k, bit in enumerate(bits))
        assert threshold == int(2 / 3 * np.exp(gap) * 2.0**64)
    assert "".join(map(str, pattern[:, 1] - 8)).startswith("10" * 26)  # two thirds, for the moves downwards


def test_generators_are_xoshiro():
    """Each lane follows the scalar generator of `streams`."""
    from simsoftmax.kernels import streams as scalar

    stream = particles.allocate_streams(3, 1, 3)[0]
    generator = xoshiro.restore(stream)
    lanes_drawn = []
    for _ in range(100):
        bits, generator = xoshiro.draw(generator)
        lanes_drawn.append(bits)
    for lane in range(8):
        state = tuple(stream[:, lane])
        for drawn in lanes_drawn:
            with np.errstate(over="ignore"):
                bits, *state = scalar.draw(*state)
            assert bits == drawn[lane]


@pytest.mark.parametrize("levels", [2, 4, 10, 300, 70_000])
def test_counts(levels, rng):
    states = rng.integers(levels, size=1_000_003).astype(particles.state_dtype(levels))
    states.flags.writeable = False
    np.testing.assert_array_equal(particles.count(states, levels), np.bincount(states, minlength=levels))


PORTABLE = """
import sys, hashlib
import numpy as np
from simsoftmax.kernels import particles
particles.SMALL = 0
digest = hashlib.sha256()
for levels in (3, 10, 100, 200):
    for proposal in ("uniform", "neighbour"):
        reduced = -np.linspace(0, 3, levels)[::-1].copy() * np.cos(np.arange(levels)) ** 2
        reduced -= reduced.max()
        states = (np.arange(1500) % levels).astype(np.uint8)
        streams = particles.allocate_streams(1, len(states), levels)
        particles.advance(states, streams, reduced, proposal, 20, 1)
        digest.update(states.tobytes() + streams.tobytes())
print(digest.hexdigest(), "numba" in sys.modules)
"""


@pytest.mark.minutes
@pytest.mark.slow
def test_a_plain_processor_gives_the_same_result(tmp_path):
    """Compiled for a processor without vector extensions, from the same cache directory, the states are the same.

    The directory begins with what is kept for this processor, so that nothing is compiled for it here.
    """

    def run(**special):
        environment = {**os.environ, **special, "PYTHONPATH": os.getcwd()}
        done = subprocess.run([sys.executable, "-c", PORTABLE], env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout.split()

    here = {"NUMBA_CACHE_DIR": str(tmp_path)}
    kept = cache.usable()
    said = [run(**({} if kept else here))]
    for file in cache._chosen().glob("*.o") if kept else ():
        shutil.copy(file, tmp_path)
    own = set(tmp_path.iterdir())
    said += [run(NUMBA_CPU_NAME="generic", NUMBA_CPU_FEATURES="", **here), run(**here)]
    assert len({digest for digest, _ in said}) == 1
    assert [compiling for _, compiling in said[1:]] == ["True", "False"]
    assert len(set(tmp_path.iterdir()) - own) == 7  # seven kernels, and both processors have their own entries


@pytest.mark.parametrize(("levels", "instruction"), short([(20, "vpermw"), (100, "vperm")]))
def test_tables_are_looked_up_by_permutations_where_the_processor_has_them(levels, instruction, rng):
    """LLVM recognises a permutation only in some shapes of the source; without it the kernels are ten times slower."""
    features = llvmlite.binding.get_host_cpu_features()
    if not features.get("avx512bw"):
        pytest.skip("this processor has no permutation of 16-bit lanes (AVX-512BW)")
    reduced = boltzmann_exponents(rng.normal(size=levels), 1.3)
    kernel, tables = tabulated.prepare(reduced, "uniform")
    function = compiler.njit(nogil=True)(kernel)
    states, streams, called = np.zeros(3000, np.uint8), particles.allocate_streams(1, 3000, levels), []
    tabulated.run(lambda *arguments, called=called: called.append(plain(arguments)), states, streams, tables, 1)
    function(*called[0])
    (assembly,) = function.inspect_asm().values()
    assert instruction in assembly
    # what it becomes otherwise: a load or an insertion for each of 32 lanes
    assert assembly.count("vpinsrw") < 32


@pytest.mark.process
def test_importing_the_engine_does_not_import_numba():
    code = "import sys, simsoftmax.kernels.particles; assert 'numba' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ, "PYTHONPATH": os.getcwd()})


def test_lanes_agree_with_numba(rng):
    """Every operation gives the same lanes compiled as with NumPy."""
    words = rng.integers(2**64, size=(4, 8), dtype=np.uint64)
    table = rng.integers(2**16, size=(1, 32), dtype=np.uint16)
    weights = rng.random(100).astype(np.float32)
    results = []
    for function in (_operations, compiler.compiled(_operations)):
        out = np.zeros((8, 8), np.uint64)
        shorts, floats, numbers = np.zeros((4, 32), np.uint16), np.zeros((2, 16), np.float32), np.zeros(4, np.int64)
        function(words, table, weights, out, shorts, floats, numbers)
        results.append((out.tobytes(), shorts.tobytes(), floats.tobytes(), numbers.tolist()))
    assert results[0] == results[1]


def _operations(words, table, weights, out, shorts, floats, numbers):
    a, b = lanes.load(words, 0), lanes.load(words, 1)
    lanes.store(out, 0, (a + b) ^ (a - b) ^ (a * b))
    lanes.store(out, 1, ~(a & b) | (a << 3) | (b >> 60))
    lanes.store(out, 2, lanes.rotate(a, 13) + 7)
    lanes.store(out, 3, lanes.select(a < b, a, b))
    short = lanes.as_uint16(a)
    lanes.store(shorts, 0, lanes.multiply_high(short, 1000))
    lanes.store(shorts, 1, lanes.multiply_high(short, lanes.as_uint16(b)))
    lanes.store(shorts, 2, lanes.permute(lanes.load(table, 0), short & 31))
    wide = lanes.as_uint32(a)
    floating = lanes.gather(weights, lanes.multiply_high(wide, 100))
    lanes.store(floats, 0, floating * lanes.convert(wide, floating) + floating)
    numbers[0] = lanes.population(a)
    numbers[1] = lanes.population(short > 5000)
    lanes.store(shorts, 3, lanes.gather(table[0], lanes.multiply_high(short, 32)))
    numbers[2] = lanes.mask_bits(wide <= 1 << 31)
    numbers[3] = lanes.any_lane(a ^ a) + 2 * lanes.any_lane(a == a)
