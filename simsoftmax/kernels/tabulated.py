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
    aligned,
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
SPAN = 2.0**100
"""The largest weight of the float32 tables: well above one, to use the range of exponents on either side."""
FAINT = 2.0**-90
"""Smaller weights than this are taken as zero, and left in doubt."""
SLACK = 2.0**-20
"""Bound on the relative rounding errors of a float32 comparison, about eight times larger than needed."""


def look_near(table, index, levels):
    """Return the 16-bit table's entries for up to 64 levels."""
    if levels <= 32:
        return permute(load(table, 0), index)
    low = index & 31
    return select(index < 32, permute(load(table, 0), low), permute(load(table, 1), low))


def look_far(table, index, levels):
    """Return the entries of a table of any length."""
    return gather(table, index)


def weigh_near(table, here, levels, factors):
    """Return the weights that are kept beside the levels."""
    return look_near(table, here, levels)


def weigh_far(table, here, levels, factors):
    """Return the weights that are kept beside the levels: divided by 2^32, like the numbers they are compared with."""
    return look_far(table, here, levels) * load(factors, 3)


def weigh_nothing(table, here, levels, factors):
    """Return something to keep where no weights are needed."""
    return here


def near_uniform(random, here, weight, count, table, levels, factors):
    """Propose any of up to 64 levels; weights are 16-bit fractions of 65535, rounded down."""
    number = as_uint16(random)
    there, fraction = multiply_high(number, count), number * count
    other = look_near(table, there, levels)
    clear = fraction <= ~count
    accepted = clear & (other > multiply_high(fraction + count, weight) + 1)
    rejected = clear & (multiply_high(fraction, weight) > other)
    return number, there, other, accepted, rejected


def near_neighbour(random, here, weight, count, table, levels, factors):
    """Propose a step among up to 64 levels; thresholds are 16-bit fractions of 65536, rounded down."""
    number = as_uint16(random)
    fraction = number + number
    up = number > 32767
    rows = (levels + 31) // 32
    threshold = select(up, look_near(table[rows:], here, levels), look_near(table, here, levels))
    clear = fraction < 65534
    accepted = clear & (count > 0) & (threshold > fraction + 1)
    rejected = clear & (fraction > threshold)
    return number, select(up, here + 1, here - 1), weight, accepted, rejected


def far_uniform(random, here, weight, count, table, levels, factors):
    """Propose any of K levels; weights are float32, and those of the levels here are divided by 2^32."""
    number = as_uint32(random)
    there, fraction = multiply_high(number, count), number * count
    other = look_far(table, there, levels)
    clear = fraction <= ~count
    accepted = clear & (convert(fraction + count, weight) * weight < other * load(factors, 0))
    rejected = clear & (convert(fraction, weight) * weight > other * load(factors, 1) + load(factors, 2))
    return number, there, other * load(factors, 3), accepted, rejected


def far_neighbour(random, here, weight, count, table, levels, factors):
    """Propose a step on a ladder; thresholds are 32-bit fractions of 2^32, rounded down, those upwards first."""
    number = as_uint32(random)
    fraction = number + number
    up = number > 2147483647
    threshold = look_far(table, select(up, here, here + levels), levels)
    clear = fraction < 4294967294
    accepted = clear & (count > 0) & (threshold > fraction + 1)
    rejected = clear & (fraction > threshold)
    return number, select(up, here + 1, here - 1), weight, accepted, rejected


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


def settle_row(here, queue, place, reduced, ladder):
    """Decide upon the doubtful particles of row ``place`` of the queue; return how many moves were made."""
    numbers, tails, doubts, rows = queue
    row, lanes = rows[place], here.shape[1]
    moved = 0
    for lane in range(lanes):
        if (doubts[place] >> np.uint64(lane)) & np.uint64(1):
            tail = tails[place * (lanes // 8) + lane // 8, lane % 8]
            level = settle(numbers[place, lane], 512 // lanes, tail, here[row, lane], reduced, ladder)
            moved += level != here[row, lane]
            here[row, lane] = level
    return moved


def sweep_block(move, weigh, here, weight, counts, queue, stream, table, factors, reduced, ladder, sweeps):
    """Sweep a block, given as rows of levels, and of their weights; return how many moves were made.

    ``counts`` holds the number of levels for each particle, and 0 for those that are absent: they are in level 0, and
    it is all that they propose. Rows with a doubt wait until the end of the sweep, which keeps the loop over rows within the
    vector registers.
    """
    numbers, tails, doubts, rows = queue
    generator = restore(stream)
    parts, levels = here.shape[1] // 8, len(reduced)
    for row in range(len(here)):
        store(weight, row, weigh(table, load(here, row), levels, factors))
    moved = 0
    for _ in range(sweeps):
        waiting = 0
        for row in range(len(here)):
            random, generator = draw(generator)
            old, old_weight, count = load(here, row), load(weight, row), load(counts, row)
            number, there, there_weight, accepted, rejected = move(
                random, old, old_weight, count, table, levels, factors
            )
            store(here, row, select(accepted, there, old))
            store(weight, row, select(accepted, there_weight, old_weight))
            moved += population(accepted & (there != old))
            doubtful = ~(accepted | rejected)
            if any_lane(doubtful) and any_lane(doubtful & (count > 0)):
                rows[waiting], doubts[waiting] = row, mask_bits(doubtful & (count > 0))
                store(numbers, waiting, number)
                for part in range(parts):
                    random, generator = draw(generator)
                    store(tails, waiting * parts + part, random)
                waiting += 1
        for place in range(waiting):
            moved += settle_row(here, queue, place, reduced, ladder)
            store(weight, rows[place], weigh(table, load(here, rows[place]), levels, factors))
    keep(stream, generator)
    return moved


def sweep_blocks(move, weigh, scratch, states, streams, table, factors, reduced, ladder, sweeps):
    """Sweep all particles, block by block; return how many moves were made."""
    here, weight, counts, queue = scratch
    levels, proposals = here.ravel(), counts.ravel()
    proposals[:] = len(reduced)
    moved = 0
    for block in range(len(streams)):
        own = states[block * BLOCK : (block + 1) * BLOCK]
        for k in range(len(own)):
            levels[k] = own[k]
        levels[len(own) :] = 0
        proposals[len(own) :] = 0
        rows = here[: (len(own) + here.shape[1] - 1) // here.shape[1]]
        moved += sweep_block(
            move, weigh, rows, weight, counts, queue, streams[block], table, factors, reduced, ladder, sweeps
        )
        for k in range(len(own)):
            own[k] = levels[k]
    return moved


def sweep_near_uniform(scratch, states, streams, table, factors, reduced, sweeps):
    """Sweep with uniform proposals, K <= 64."""
    return sweep_blocks(near_uniform, weigh_near, scratch, states, streams, table, factors, reduced, False, sweeps)


def sweep_near_neighbour(scratch, states, streams, table, factors, reduced, sweeps):
    """Sweep with neighbour proposals, K <= 64."""
    return sweep_blocks(near_neighbour, weigh_nothing, scratch, states, streams, table, factors, reduced, True, sweeps)


def sweep_far_uniform(scratch, states, streams, table, factors, reduced, sweeps):
    """Sweep with uniform proposals, any K."""
    return sweep_blocks(far_uniform, weigh_far, scratch, states, streams, table, factors, reduced, False, sweeps)


def sweep_far_neighbour(scratch, states, streams, table, factors, reduced, sweeps):
    """Sweep with neighbour proposals, any K."""
    return sweep_blocks(far_neighbour, weigh_nothing, scratch, states, streams, table, factors, reduced, True, sweeps)


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
    table = tables[0]
    level = np.uint16 if table.dtype == np.uint16 else np.uint32
    lanes = 64 // np.dtype(level).itemsize
    rows = BLOCK // lanes
    # Levels and weights of a block, the proposals of each particle, and the queue of doubtful rows. Of 4096 bytes each,
    # they would begin at equal places in a page, which delays loads; hence the rows between them.
    here, _, weight, _, counts, _, numbers, tails = np.split(
        aligned((4 * rows + 3 * 4 + rows * (lanes // 8), lanes), level), np.cumsum([rows, 4, rows, 4, rows, 4, rows])
    )
    queue = numbers, tails.view(np.uint64), np.empty(rows, np.uint64), np.empty(rows, np.int64)
    scratch = here, weight.view(table.dtype), counts, queue
    return kernel(scratch, states, streams, *tables, sweeps)


def count(kernel, states, levels):
    """Return how many particles are in each level; ``kernel`` is `count_states`."""
    counts = np.zeros((4, levels), np.int64)
    kernel(states, counts)
    return counts.sum(axis=0)


def prepare(reduced, proposal):
    """Return the kernel for ``proposal``, its table, factors in every lane, and the log-weights.

    The factors are rows in memory: as constants they would fill registers, and be saved and restored beside them.
    """
    levels = len(reduced)
    near = levels <= NEAR
    factors = aligned((4, 16), np.float32)
    factors.T[:] = 1 - SLACK, 1 + SLACK, FAINT, 2.0**-32
    if proposal == "neighbour":
        top = 65535 if near else 4294967295
        lower, upper = np.arange(levels - 1), np.arange(1, levels)
        steps = np.zeros((2, levels))  # acceptance of a step down in index, and of one up; none off the ends
        steps[0, 1:] = acceptance(reduced, upper, lower)
        steps[1, :-1] = acceptance(reduced, lower, upper)
        entries = np.minimum(steps * (top + 1.0), top)
        if near:
            table = np.concatenate([rows_of(entries[0]), rows_of(entries[1])])
            return sweep_near_neighbour, (table, factors, reduced)
        return sweep_far_neighbour, (np.concatenate([entries[1], entries[0]]).astype(np.uint32), factors, reduced)
    if near:
        return sweep_near_uniform, (rows_of(np.exp(reduced) * 65535), factors, reduced)
    weights = np.exp(reduced) * SPAN
    weights[weights < FAINT] = 0.0
    return sweep_far_uniform, (weights.astype(np.float32), factors, reduced)


def rows_of(entries):
    """Return up to 64 numbers as rows of 32 lanes of uint16."""
    rows = np.zeros((-(-len(entries) // 32), 32), np.uint16)
    rows.ravel()[: len(entries)] = entries
    return rows
