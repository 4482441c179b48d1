"""Bit-sliced kernels for two, three and four levels: 512 particles in a handful of vectors.

The level of a particle is spread over two bit planes, its high bit in one vector and its low bit in another, so that
one logical operation serves 512 particles. Levels are numbered by falling weight. A move is accepted if a random
number lies below a threshold; both are written in binary, and the comparison goes from the first bit down for all
particles at once, until no particle is tied: `FIRST` bits always, more only where a tie is left, 64 at most. It is
therefore exact to 2^-64.

The threshold differs from pair to pair of levels. Its k-th bit, for all particles, is a bit that they have in common,
flipped in those that attempt certain moves upwards in energy. There are few such moves, so the unions of these sets of
particles are stored once a sweep, and each bit is looked up.

K = 2 and K = 3 propose one of the *other* levels and scale every acceptance by (K-1)/K, which is the same chain as a
proposal among all K levels and needs no random integer in {0, 1, 2}. K = 4 draws the proposed level as two random
bits.
"""

import functools
import threading

import numpy as np

from simsoftmax.kernels.calling import Bundle
from simsoftmax.kernels.lanes import aligned, any_lane, load, population, store
from simsoftmax.kernels.thresholds import acceptance, binary
from simsoftmax.kernels.xoshiro import draw, keep, restore

INLINE = True

BLOCK = 512
MOST_LEVELS = 4
FIRST = 12
"""Random bits that are compared before it is asked whether a tie is left: 512 / 2^12 particles are, on average."""

FULL = np.uint64(0xFFFFFFFFFFFFFFFF)
ONES = np.uint64(0x0101010101010101)


def gather_plane(words, bit):
    """Return bit ``bit`` of 512 bytes, given as 8 rows of 8 words, as one vector; row v goes to bit v of each byte."""
    plane = (load(words, 0) >> bit) & ONES
    for row in range(1, 8):
        plane = plane | (((load(words, row) >> bit) & ONES) << row)
    return plane


def scatter_planes(words, high, low):
    """Write two planes back as 512 bytes."""
    for row in range(8):
        store(words, row, ((low >> row) & ONES) | (((high >> row) & ONES) << 1))


def relabel(high, low, table):
    """Return the planes of ``table[level]``, whose entries are two words: the high and the low bit, in every bit."""
    zero, one, two, three = ~(high | low), low & ~high, high & ~low, high & low
    return (
        (zero & table[0, 0]) | (one & table[1, 0]) | (two & table[2, 0]) | (three & table[3, 0]),
        (zero & table[0, 1]) | (one & table[1, 1]) | (two & table[2, 1]) | (three & table[3, 1]),
    )


def unite(unions, first, a, b, c):
    """Store the unions of three disjoint sets in eight rows from ``first`` on: bit s of a row says that s is in."""
    zero = a ^ a
    ab = a | b
    store(unions, first, zero)
    store(unions, first + 1, a)
    store(unions, first + 2, b)
    store(unions, first + 3, ab)
    store(unions, first + 4, c)
    store(unions, first + 5, a | c)
    store(unions, first + 6, b | c)
    store(unions, first + 7, ab | c)


def compare(generator, tied, unions, pattern):
    """Return the particles of ``tied`` whose random number lies below their threshold, and the next generator.

    Bit k of the thresholds is one in the particles of two rows of ``unions``, which row k of ``pattern`` names.
    """
    below = tied ^ tied
    k = 0
    while k < FIRST or (k < 64 and any_lane(tied)):
        random, generator = draw(generator)
        level = load(unions, pattern[k, 0]) ^ load(unions, pattern[k, 1])
        below = below ^ (tied & (below ^ level))
        tied = tied & ~(random ^ level)
        k += 1
    return below & ~tied, generator


# Absent particles, in the last block, must not be able to cause a tie: their levels are not kept between calls.


def uniform_two(generator, high, low, valid, unions, pattern, rises):
    """Propose the other level."""
    unite(unions, 0, ~low, low ^ low, low ^ low)
    moves, generator = compare(generator, valid, unions, pattern)
    return high, ~low, moves, generator


def uniform_three(generator, high, low, valid, unions, pattern, rises):
    """Propose one of the two other levels: the next, or the one after it, cyclically."""
    second, generator = draw(generator)
    zero = ~(high | low)
    to_one, to_two, one_to_two = zero & ~second, zero & second, low & ~second
    unite(unions, 0, to_one, to_two, one_to_two)
    moves, generator = compare(generator, valid, unions, pattern)
    return to_two | one_to_two, to_one | (high & second), moves, generator


def uniform_four(generator, high, low, valid, unions, pattern, rises):
    """Propose any of the four levels."""
    new_high, generator = draw(generator)
    new_low, generator = draw(generator)
    zero, one = ~(high | low), low & ~high
    to_two, to_three = new_high & ~new_low, new_high & new_low
    zero_to_one, one_to_three, two_to_three = zero & new_low & ~new_high, one & to_three, high & ~low & to_three
    unite(unions, 0, zero_to_one, zero & to_two, zero & to_three)
    unite(unions, 8, one & to_two, one_to_three, two_to_three)
    rising = zero_to_one | (~high & new_high) | two_to_three
    accepted, generator = compare(generator, rising & valid, unions, pattern)
    moves = accepted | (~rising & ((high ^ new_high) | (low ^ new_low)))
    return new_high, new_low, moves, generator


def neighbour(generator, high, low, valid, unions, pattern, rises):
    """Propose one level up or down; ``rises`` tells on which of the three edges the way up is uphill.

    With fewer than four levels the edges that are missing have threshold zero.
    """
    up, generator = draw(generator)
    zero, one, two, three = ~(high | low), low & ~high, high & ~low, high & low
    first = ((zero & rises[0]) & up) | ((one & ~rises[0]) & ~up)
    second = ((one & rises[1]) & up) | ((two & ~rises[1]) & ~up)
    third = ((two & rises[2]) & up) | ((three & ~rises[2]) & ~up)
    uphill = first | second | third
    unite(unions, 0, first, second, third)
    accepted, generator = compare(generator, uphill & valid, unions, pattern)
    moves = accepted | ~(uphill | (zero & ~up) | (three & up))
    return high ^ ~(low ^ up), ~low, moves, generator


def sweep_block(propose, words, present, stream, unions, tables, sweeps):
    """Sweep 512 particles, given as bytes in 8 rows of 8 words; return how many moves were made."""
    pattern, rises, rank, level = tables
    generator = restore(stream)
    valid = gather_plane(present, 0)
    store(unions, 8, valid ^ valid)
    store(unions, 9, ~(valid ^ valid))
    high, low = relabel(gather_plane(words, 1), gather_plane(words, 0), rank)
    moved = 0
    for _ in range(sweeps):
        new_high, new_low, moves, generator = propose(generator, high, low, valid, unions, pattern, rises)
        high = high ^ (moves & (high ^ new_high))
        low = low ^ (moves & (low ^ new_low))
        moved += population(moves & valid)
    high, low = relabel(high, low, level)
    scatter_planes(words, high, low)
    keep(stream, generator)
    return moved


def sweep_blocks(propose, words, present, streams, unions, tables, sweeps):
    """Sweep blocks of particles, given as bytes in 8 rows of 8 words a block; return how many moves were made."""
    moved = 0
    for block in range(len(streams)):
        moved += sweep_block(propose, words[block], present, streams[block], unions, tables, sweeps)
    return moved


def sweep_uniform_two(words, present, streams, unions, tables, sweeps):
    """Sweep with uniform proposals, K = 2."""
    return sweep_blocks(uniform_two, words, present, streams, unions, tables, sweeps)


def sweep_uniform_three(words, present, streams, unions, tables, sweeps):
    """Sweep with uniform proposals, K = 3."""
    return sweep_blocks(uniform_three, words, present, streams, unions, tables, sweeps)


def sweep_uniform_four(words, present, streams, unions, tables, sweeps):
    """Sweep with uniform proposals, K = 4."""
    return sweep_blocks(uniform_four, words, present, streams, unions, tables, sweeps)


def sweep_neighbour(words, present, streams, unions, tables, sweeps):
    """Sweep with neighbour proposals, K = 2, 3 or 4."""
    return sweep_blocks(neighbour, words, present, streams, unions, tables, sweeps)


def count_blocks(words, present, counts):
    """Add the occupation of up to four levels to ``counts``."""
    valid = gather_plane(present, 0)
    for block in range(len(words)):
        high, low = gather_plane(words[block], 1), gather_plane(words[block], 0)
        counts[0] += population(valid & ~(high | low))
        counts[1] += population(low & ~high)
        counts[2] += population(high & ~low)
        counts[3] += population(high & low)


def run(kernel, states, streams, tables, sweeps):
    """Call ``kernel`` on all particles and return how many moves were made."""
    moved, done, unions = 0, 0, scratch(threading.get_ident())
    for words, present in in_blocks(states):
        own = states[done * BLOCK : (done + len(words)) * BLOCK]
        moved += kernel(words, present, streams[done : done + len(words)], unions, tables, sweeps)
        if len(own) < words.nbytes:  # the padded block is a copy
            own[:] = words.ravel().view(np.uint8)[: len(own)]
        done += len(words)
    return moved


@functools.lru_cache(maxsize=64)
def scratch(thread):
    """Return the work space of a thread, the rows that unions lie in."""
    return aligned((16, 8), np.uint64)


def count(kernel, states, levels):
    """Return how many particles are in each of up to four levels; ``kernel`` is `count_blocks`."""
    counts = np.zeros(4, np.int64)
    for words, present in in_blocks(states):
        kernel(words, present, counts)
    return counts[:levels]


def in_blocks(states):
    """Yield the whole blocks and then the last one, padded; each with its mask of particles that are present."""
    whole = len(states) // BLOCK * BLOCK
    if whole:
        yield states[:whole].view(np.uint64).reshape(-1, 8, 8), np.full((8, 8), ONES)
    if whole < len(states):
        padded, present = np.zeros((2, BLOCK), np.uint8)
        padded[: len(states) - whole], present[: len(states) - whole] = states[whole:], 1
        yield padded.view(np.uint64).reshape(1, 8, 8), present.view(np.uint64).reshape(8, 8)


def prepare(reduced, proposal):
    """Return the kernel for ``proposal`` and its tables.

    They are the pairs of unions that make up each bit of the thresholds, the edges that rise, and the maps between
    levels and their ranks.
    """
    levels = len(reduced)
    common, uphill = 0.0, np.ones(3, bool)
    if proposal == "neighbour":
        kernel, order = sweep_neighbour, np.arange(levels)
        lower, upper = np.arange(levels - 1), np.arange(1, levels)
        probabilities = np.minimum(acceptance(reduced, lower, upper), acceptance(reduced, upper, lower))
        uphill[: levels - 1] = reduced[upper] < reduced[lower]
    else:
        kernel = {2: sweep_uniform_two, 3: sweep_uniform_three, 4: sweep_uniform_four}[levels]
        order = np.argsort(-reduced, kind="stable")
        lower, upper = np.triu_indices(levels, 1)
        probabilities = acceptance(reduced, order[lower], order[upper])
        if levels < 4:
            common = (levels - 1) / levels
            probabilities = common * probabilities
    base = binary(common)
    places = np.arange(63, -1, -1, dtype=np.uint64)[:, None]
    flips = (((binary(probabilities) ^ base) >> places) & np.uint64(1)).astype(np.int64) << (np.arange(len(lower)) % 3)
    pattern = np.stack([flips[:, :3].sum(axis=1), 8 + flips[:, 3:].sum(axis=1)], axis=1)
    pattern[:, 1] += ((base >> places) & np.uint64(1)).astype(np.int64)[:, 0]
    rank = np.arange(4)
    rank[order] = np.arange(levels)
    return kernel, Bundle((pattern, uphill * FULL, planes(rank), planes(np.argsort(rank))))


def planes(numbers):
    """Return the high and the low bit of four two-bit numbers, as words of all ones or zero."""
    return np.stack([numbers >> 1, numbers & 1], axis=1).astype(np.uint64) * FULL
