"""Kernels that look weights up in a table: 32 particles a vector for K <= 64, and 16 for any number of levels.

One random number u a move serves as proposal and acceptance both: of u K (u in [0, 1)) the whole part is the proposed
level, uniform, and the fraction is again uniform and independent of it, to be compared with w_there / w_here. At
first only the leading 16 or 32 bits of u are drawn and the weights are rounded, with bounds on either side; in a
particle where these leave a doubt, about which level is proposed or whether it is accepted, 64 more bits of u are
drawn and the same u is decided upon in full (`settle`). So the roundings cost time and no exactness: a proposal is
uniform to K 2^-80, an acceptance exact to 2^-64 and the rounding of its exponential in float64.

A step to a neighbour has two proposals, down and up, instead of K.

Particles of a block are swept in turn, a vector at a time, and stay in the first-level cache.
"""

import math

import numpy as np

from simsoftmax.kernels.lanes import (
    any_lane,
    as_uint16,
    as_uint32,
    convert,
    gather,
    load,
    mask_bits,
    multiply_high,
    permute,
    population,
    select,
    store,
)
from simsoftmax.kernels.thresholds import acceptance
from simsoftmax.kernels.xoshiro import draw, keep, restore

BLOCK = 1024
NEAR = 64
"""Levels that fit in the two vectors of 16-bit weights."""

LOW = np.uint64(0xFFFFFFFF)
HALF = np.uint64(32)
SPAN = np.float32(2.0**100)
"""The largest weight of the float32 tables: well above one, to use the range of exponents on either side."""
FAINT = np.float32(2.0**-100)
"""Weights about this size and below are compared in full."""
SLACK = 2.0**-20
"""Bound on the relative rounding errors of a float32 comparison, about sixteen times larger than needed."""


def look_near(table, index, levels):
    """Return the 16-bit table's entries for up to 64 levels."""
    if levels <= 32:
        return permute(load(table, 0), index)
    low = index & 31
    return select(index < 32, permute(load(table, 0), low), permute(load(table, 1), low))


def look_far(table, index, levels):
    """Return the entries of a table of any length."""
    return gather(table, index)


def near_uniform(random, here, weight, table, levels):
    """Propose any of up to 64 levels; weights are 16-bit fractions of 65535, rounded down.

    The last row of the table holds K in every lane: LLVM knows the upper half of the product of two rows as one
    instruction, not that of a row and a scalar.
    """
    number = as_uint16(random)
    count = load(table, len(table) - 1)
    there = multiply_high(number, count)
    fraction = number * count
    other = look_near(table, there, levels)
    accepted = other > multiply_high(fraction + count, weight) + 1
    rejected = multiply_high(fraction, weight) > other
    doubtful = ~(accepted | rejected) | (fraction > ~count)
    return number, there, other, accepted, doubtful


def near_neighbour(random, here, weight, table, levels):
    """Propose a step among up to 64 levels; thresholds are 16-bit fractions of 65536, rounded down."""
    number = as_uint16(random)
    fraction = number + number
    up = number > 32767
    rows = (levels + 31) // 32
    threshold = select(up, look_near(table[rows:], here, levels), look_near(table, here, levels))
    accepted = threshold > fraction + 1
    doubtful = ~(accepted | (fraction > threshold)) | (fraction > 65533)
    return number, select(up, here + 1, here - 1), weight, accepted, doubtful


def far_uniform(random, here, weight, table, levels):
    """Propose any of K levels; weights are float32."""
    number = as_uint32(random)
    there = multiply_high(number, levels)
    fraction = number * levels
    other = look_far(table, there, levels)
    least = convert(fraction, weight) * np.float32(2.0**-32) * weight
    most = least + weight * np.float32(levels * 2.0**-32)
    accepted = most < other * np.float32(1 - SLACK)
    rejected = least > other * np.float32(1 + SLACK) + FAINT
    doubtful = ~(accepted | rejected) | (fraction > 4294967295 - levels)
    return number, there, other, accepted, doubtful


def far_neighbour(random, here, weight, table, levels):
    """Propose a step on a ladder; thresholds are 32-bit fractions of 2^32, rounded down, those upwards first."""
    number = as_uint32(random)
    fraction = number + number
    up = number > 2147483647
    threshold = look_far(table, select(up, here, here + levels), levels)
    accepted = threshold > fraction + 1
    doubtful = ~(accepted | (fraction > threshold)) | (fraction > 4294967293)
    return number, select(up, here + 1, here - 1), weight, accepted, doubtful


def settle(lead, bits, tail, here, reduced, ladder):
    """Return where the particle goes that drew the number ``lead`` of ``bits`` bits, followed by the 64 of ``tail``."""
    choices = np.uint64(2) if ladder else np.uint64(len(reduced))
    width = np.uint64(bits)
    low = (tail & LOW) * choices
    middle = (tail >> HALF) * choices + (low >> HALF)
    whole = np.uint64(lead) * choices + (middle >> HALF)
    rest = ((middle & LOW) << HALF) | (low & LOW)
    choice = np.int64(whole >> width)
    fraction = ((whole & ((np.uint64(1) << width) - np.uint64(1))) << (np.uint64(64) - width)) | (rest >> width)
    here = np.int64(here)
    there = here + 2 * choice - 1 if ladder else choice
    if there < 0 or there >= len(reduced) or reduced[there] == -np.inf:
        return here
    acceptance = math.exp(min(reduced[there] - reduced[here], 0.0))
    return there if acceptance >= 1.0 or fraction < np.uint64(acceptance * 2.0**64) else here


def sweep_block(move, look, here, weight, present, numbers, tails, stream, table, reduced, ladder, sweeps):
    """Sweep a block, given as rows of levels, and of their weights; return how many moves were made."""
    generator = restore(stream)
    lanes, levels = here.shape[1], len(reduced)
    for row in range(len(here)):
        store(weight, row, look(table, load(here, row), levels))
    moved = 0
    for _ in range(sweeps):
        for row in range(len(here)):
            random, generator = draw(generator)
            old, old_weight, valid = load(here, row), load(weight, row), load(present, row) > 0
            number, there, there_weight, accepted, doubtful = move(random, old, old_weight, table, levels)
            new, new_weight = select(accepted, there, old), select(accepted, there_weight, old_weight)
            if any_lane(doubtful & valid):
                store(here, row, new)
                store(numbers, 0, number)
                store(numbers, 1, old)
                for part in range(lanes // 8):
                    random, generator = draw(generator)
                    store(tails, part, random)
                doubts = mask_bits(doubtful & valid)
                for lane in range(lanes):
                    if (doubts >> lane) & 1:
                        tail = tails[lane // 8, lane % 8]
                        here[row, lane] = settle(
                            numbers[0, lane], 512 // lanes, tail, numbers[1, lane], reduced, ladder
                        )
                new = load(here, row)
                new_weight = look(table, new, levels)
            store(here, row, new)
            store(weight, row, new_weight)
            moved += population((new != old) & valid)
    keep(stream, generator)
    return moved


def sweep_blocks(move, look, here, weight, present, numbers, states, streams, table, reduced, ladder, sweeps):
    """Sweep all particles, block by block, with the given arrays for one block; return how many moves were made."""
    tails = np.empty((4, 8), np.uint64)
    levels, mine = here.ravel(), present.ravel()
    mine[:] = 1
    moved = 0
    for block in range(len(streams)):
        own = states[block * BLOCK : (block + 1) * BLOCK]
        for k in range(len(own)):
            levels[k] = own[k]
        levels[len(own) :] = 0
        mine[len(own) :] = 0
        rows = (len(own) + here.shape[1] - 1) // here.shape[1]
        moved += sweep_block(
            move,
            look,
            here[:rows],
            weight,
            present,
            numbers,
            tails,
            streams[block],
            table,
            reduced,
            ladder,
            sweeps,
        )
        for k in range(len(own)):
            own[k] = levels[k]
    return moved


def sweep_near(move, states, streams, table, reduced, ladder, sweeps):
    """Sweep with 16-bit lanes."""
    here, weight, present = np.empty((32, 32), np.uint16), np.empty((32, 32), np.uint16), np.empty((32, 32), np.uint16)
    numbers = np.empty((2, 32), np.uint16)
    return sweep_blocks(
        move, look_near, here, weight, present, numbers, states, streams, table, reduced, ladder, sweeps
    )


def sweep_far(move, states, streams, table, reduced, ladder, sweeps):
    """Sweep with 32-bit lanes."""
    here, weight, present = (
        np.empty((64, 16), np.uint32),
        np.empty((64, 16), table.dtype),
        np.empty((64, 16), np.uint32),
    )
    numbers = np.empty((2, 16), np.uint32)
    return sweep_blocks(move, look_far, here, weight, present, numbers, states, streams, table, reduced, ladder, sweeps)


def sweep_near_uniform(states, streams, table, reduced, sweeps):
    """Sweep with uniform proposals, K <= 64."""
    return sweep_near(near_uniform, states, streams, table, reduced, False, sweeps)


def sweep_near_neighbour(states, streams, table, reduced, sweeps):
    """Sweep with neighbour proposals, K <= 64."""
    return sweep_near(near_neighbour, states, streams, table, reduced, True, sweeps)


def sweep_far_uniform(states, streams, table, reduced, sweeps):
    """Sweep with uniform proposals, any K."""
    return sweep_far(far_uniform, states, streams, table, reduced, False, sweeps)


def sweep_far_neighbour(states, streams, table, reduced, sweeps):
    """Sweep with neighbour proposals, any K."""
    return sweep_far(far_neighbour, states, streams, table, reduced, True, sweeps)


def count_states(states, counts):
    """Add how many particles are in each level to four rows of ``counts``, so that equal neighbours do not queue."""
    quarter = len(states) // 4
    for k in range(quarter):
        counts[0, states[k]] += 1
        counts[1, states[quarter + k]] += 1
        counts[2, states[2 * quarter + k]] += 1
        counts[3, states[3 * quarter + k]] += 1
    for k in range(4 * quarter, len(states)):
        counts[0, states[k]] += 1


def run(kernel, states, streams, tables, sweeps):
    """Call ``kernel`` on all particles and return how many moves were made."""
    return kernel(states, streams, *tables, sweeps)


def count(kernel, states, levels):
    """Return how many particles are in each level; ``kernel`` is `count_states`."""
    counts = np.zeros((4, levels), np.int64)
    kernel(states, counts)
    return counts.sum(axis=0)


def prepare(reduced, proposal):
    """Return the kernel for ``proposal`` and its tables."""
    levels = len(reduced)
    near = levels <= NEAR
    if proposal == "neighbour":
        top = 65535 if near else 4294967295
        lower, upper = np.arange(levels - 1), np.arange(1, levels)
        steps = np.zeros((2, levels))  # acceptance of a step down in index, and of one up; none off the ends
        steps[0, 1:] = acceptance(reduced, upper, lower)
        steps[1, :-1] = acceptance(reduced, lower, upper)
        entries = np.minimum(steps * (top + 1.0), top)
        if near:
            return sweep_near_neighbour, (np.concatenate([rows_of(entries[0]), rows_of(entries[1])]), reduced)
        return sweep_far_neighbour, (np.concatenate([entries[1], entries[0]]).astype(np.uint32), reduced)
    weights = np.exp(reduced)
    if near:
        return sweep_near_uniform, (np.vstack([rows_of(weights * 65535), np.full(32, levels, np.uint16)]), reduced)
    weights *= float(SPAN)
    weights[weights < np.finfo(np.float32).tiny] = 0.0
    return sweep_far_uniform, (weights.astype(np.float32), reduced)


def rows_of(entries):
    """Return up to 64 numbers as rows of 32 lanes of uint16."""
    rows = np.zeros((-(-len(entries) // 32), 32), np.uint16)
    rows.ravel()[: len(entries)] = entries
    return rows
