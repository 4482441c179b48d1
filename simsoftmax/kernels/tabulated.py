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

import functools
import math
import threading

import numpy as np

from simsoftmax.kernels.calling import Bundle
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

INLINE = True

BLOCK = 1024
MOST_BROAD = 65535
"""Levels that fit in lanes of 16 bits. So do their weights, unless most are too small for 16 bits:"""
WEIGHTY = 64
"""more than one level in so many must, on average, be as heavy as the ground level."""

LOW = np.uint64(0xFFFFFFFF)
HALF = np.uint64(32)
SPAN = 2.0**100
"""The largest weight of the float32 tables: well above one, to use the range of exponents on either side."""
FAINT = 2.0**-90
"""Smaller weights than this are taken as zero, and left in doubt."""
SLACK = 2.0**-20
"""Bound on the relative rounding errors of a float32 comparison, about eight times larger than needed."""


# No branches here: LLVM recognises a permutation only while all of it stays in one basic block.


def look_one(table, index):
    """Return entries of a table of 32, one row."""
    return permute(load(table, 0), index)


def look_two(table, index):
    """Return entries of a table of 64, in two rows."""
    return select(index < 32, permute(load(table, 0), index), permute(load(table, 1), index))


def look_four(table, index):
    """Return entries of a table of 128, in four rows."""
    one = select(index < 32, permute(load(table, 0), index), permute(load(table, 1), index))
    two = select(index < 96, permute(load(table, 2), index), permute(load(table, 3), index))
    return select(index < 64, one, two)


def look_far(table, index):
    """Return entries of a table of any length."""
    return gather(table, index)


def weigh_plain(look, table, here, factors):
    """Return the weights that are kept beside the levels."""
    return look(table, here)


def weigh_far(look, table, here, factors):
    """Return the weights that are kept beside the levels: divided by 2^32, like the numbers they are compared with."""
    return look(table, here) * load(factors, 3)


def weigh_nothing(look, table, here, factors):
    """Return something to keep where no weights are needed."""
    return here


# A move is made in two steps. To propose is to draw random numbers and to say where in the table the answer lies; to
# decide is to compare what was found there. A decision that is neither "accepted" nor "rejected" is a doubt.


def propose_near(generator, here, count, step):
    """Propose any of up to 64 levels with 16 random bits."""
    random, generator = draw(generator)
    number = as_uint16(random)
    return generator, (number, number, multiply_high(number, count), number * count)


def decide_near(other, proposal, here, weight, count, factors):
    """Compare weights that are 16-bit fractions of 65535, rounded down."""
    _, _, there, fraction = proposal
    clear = fraction <= ~count
    accepted = clear & (other > multiply_high(fraction + count, weight) + 1)
    rejected = clear & (multiply_high(fraction, weight) > other)
    return there, other, accepted, rejected


def propose_wide(generator, here, count, step):
    """Propose any of up to 65536 levels with 32 random bits, in lanes of 16; the fraction may be too small by two."""
    first, generator = draw(generator)
    second, generator = draw(generator)
    number, rest = as_uint16(first), as_uint16(second)
    least = number * count
    fraction = least + multiply_high(rest, count)
    there = multiply_high(number, count)
    return generator, (number, rest, select(fraction < least, there + 1, there), fraction)


def decide_wide(other, proposal, here, weight, count, factors):
    """Compare weights as in `decide_near`."""
    _, _, there, fraction = proposal
    clear = fraction < 65534
    accepted = clear & (other > multiply_high(fraction + 2, weight) + 1)
    rejected = clear & (multiply_high(fraction, weight) > other)
    return there, other, accepted, rejected


def propose_far(generator, here, count, step):
    """Propose any of K levels with 32 random bits."""
    random, generator = draw(generator)
    number = as_uint32(random)
    return generator, (number, number, multiply_high(number, count), number * count)


def decide_far(other, proposal, here, weight, count, factors):
    """Compare weights that are float32; those of the levels here are divided by 2^32."""
    _, _, there, fraction = proposal
    clear = fraction <= ~count
    accepted = clear & (convert(fraction + count, weight) * weight < other * load(factors, 0))
    rejected = clear & (convert(fraction, weight) * weight > other * load(factors, 1) + load(factors, 2))
    return there, other * load(factors, 3), accepted, rejected


def aside(number, here, step):
    """Return a proposal to step up or down a ladder, as the first bit of ``number`` says.

    The table begins with the steps down, and those up follow at ``step``.
    """
    half = ~(number ^ number) >> 1
    return number, number, select(number > half, here + step, here), number + number


def propose_near_step(generator, here, count, step):
    """Propose a step among up to 64 levels with 16 random bits."""
    random, generator = draw(generator)
    return generator, aside(as_uint16(random), here, step)


def propose_far_step(generator, here, count, step):
    """Propose a step on a ladder of any length with 32 random bits."""
    random, generator = draw(generator)
    return generator, aside(as_uint32(random), here, step)


def decide_step(threshold, proposal, here, weight, count, factors):
    """Compare with thresholds that are 16-bit fractions of 2^16, or 32-bit fractions of 2^32, rounded down."""
    number, _, _, fraction = proposal
    full = ~(number ^ number)
    clear = fraction < full - 1
    accepted = clear & (count > 0) & (threshold > fraction + 1)
    rejected = clear & (fraction > threshold)
    return select(number > (full >> 1), here + 1, here - 1), weight, accepted, rejected


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


def settle_row(here, queue, place, bits, reduced, ladder):
    """Decide upon the doubtful particles of row ``place`` of the queue; return how many moves were made."""
    numbers, tails, doubts, rows = queue
    row, lanes = rows[place], here.shape[1]
    moved = 0
    for lane in range(lanes):
        if (doubts[place] >> np.uint64(lane)) & np.uint64(1):
            tail = tails[place * (lanes // 8) + lane // 8, lane % 8]
            lead = np.uint64(numbers[2 * place, lane])
            if bits * lanes > 512:
                lead = (lead << np.uint64(16)) | np.uint64(numbers[2 * place + 1, lane])
            level = settle(lead, bits, tail, here[row, lane], reduced, ladder)
            moved += level != here[row, lane]
            here[row, lane] = level
    return moved


def put(proposals, row, proposal):
    """Keep the proposal for a row of particles."""
    numbers, rests, places, fractions = proposals
    number, rest, place, fraction = proposal
    store(numbers, row, number)
    store(rests, row, rest)
    store(places, row, place)
    store(fractions, row, fraction)


def take(proposals, row):
    """Return a proposal that was kept."""
    numbers, rests, places, fractions = proposals
    return load(numbers, row), load(rests, row), load(places, row), load(fractions, row)


def sweep_block(move, ahead, scratch, stream, tables, facts, sweeps):
    """Sweep a block, given as rows of levels, and of their weights; return how many moves were made.

    ``counts`` holds the number of levels for each particle, and 0 for those that are absent: they are in level 0, and
    it is all that they propose. Rows with a doubt wait until the end of the sweep, which keeps the loop over rows in
    the vector registers. With ``ahead`` all rows are proposed for before the first is decided upon: a look-up in memory
    takes long, and without what leads to it many of them fit into the processor's window of work.
    """
    propose, look, decide, weigh = move
    here, weight, counts, proposals, queue = scratch
    table, factors, reduced = tables
    step, bits, ladder = facts
    numbers, tails, doubts, rows = queue
    generator = restore(stream)
    parts = here.shape[1] // 8
    for row in range(len(here)):
        store(weight, row, weigh(look, table, load(here, row), factors))
    moved = 0
    for _ in range(sweeps):
        if ahead:
            for row in range(len(here)):
                generator, proposal = propose(generator, load(here, row), load(counts, row), step)
                put(proposals, row, proposal)
        waiting = 0
        for row in range(len(here)):
            old, old_weight, count = load(here, row), load(weight, row), load(counts, row)
            if ahead:
                proposal = take(proposals, row)
            else:
                generator, proposal = propose(generator, old, count, step)
            found = look(table, proposal[2])
            there, there_weight, accepted, rejected = decide(found, proposal, old, old_weight, count, factors)
            store(here, row, select(accepted, there, old))
            store(weight, row, select(accepted, there_weight, old_weight))
            moved += population(accepted & (there != old))
            doubtful = ~(accepted | rejected)
            if any_lane(doubtful) and any_lane(doubtful & (count > 0)):
                rows[waiting], doubts[waiting] = row, mask_bits(doubtful & (count > 0))
                if ahead:  # once more, so that it need not be kept until here
                    proposal = take(proposals, row)
                store(numbers, 2 * waiting, proposal[0])
                store(numbers, 2 * waiting + 1, proposal[1])
                for part in range(parts):
                    random, generator = draw(generator)
                    store(tails, waiting * parts + part, random)
                waiting += 1
        for place in range(waiting):
            moved += settle_row(here, queue, place, bits, reduced, ladder)
            store(weight, rows[place], weigh(look, table, load(here, rows[place]), factors))
    keep(stream, generator)
    return moved


def sweep_blocks(move, ahead, scratch, states, streams, tables, facts, sweeps):
    """Sweep all particles, block by block; return how many moves were made."""
    here, weight, counts, proposals, queue, flat = scratch
    levels, choices = flat
    choices[:] = len(tables[2])
    moved = 0
    for block in range(len(streams)):
        own = states[block * BLOCK : (block + 1) * BLOCK]
        for k in range(len(own)):
            levels[k] = own[k]
        levels[len(own) :] = 0
        choices[len(own) :] = 0
        rows = here[: (len(own) + here.shape[1] - 1) // here.shape[1]]
        moved += sweep_block(
            move, ahead, (rows, weight, counts, proposals, queue), streams[block], tables, facts, sweeps
        )
        for k in range(len(own)):
            own[k] = levels[k]
    return moved


def sweep_uniform_32(scratch, states, streams, tables, sweeps):
    """Sweep with uniform proposals, K <= 32."""
    move = propose_near, look_one, decide_near, weigh_plain
    return sweep_blocks(move, False, scratch, states, streams, tables, (0, 16, False), sweeps)


def sweep_uniform_64(scratch, states, streams, tables, sweeps):
    """Sweep with uniform proposals, K <= 64."""
    move = propose_near, look_two, decide_near, weigh_plain
    return sweep_blocks(move, False, scratch, states, streams, tables, (0, 16, False), sweeps)


def sweep_uniform_128(scratch, states, streams, tables, sweeps):
    """Sweep with uniform proposals, K <= 128."""
    move = propose_wide, look_four, decide_wide, weigh_plain
    return sweep_blocks(move, False, scratch, states, streams, tables, (0, 32, False), sweeps)


def sweep_uniform_broad(scratch, states, streams, tables, sweeps):
    """Sweep with uniform proposals, K <= 65535, where not many weights are too small for 16 bits."""
    move = propose_wide, look_far, decide_wide, weigh_plain
    return sweep_blocks(move, True, scratch, states, streams, tables, (0, 32, False), sweeps)


def sweep_uniform_any(scratch, states, streams, tables, sweeps):
    """Sweep with uniform proposals, any K."""
    move = propose_far, look_far, decide_far, weigh_far
    return sweep_blocks(move, True, scratch, states, streams, tables, (0, 32, False), sweeps)


def sweep_neighbour_32(scratch, states, streams, tables, sweeps):
    """Sweep with neighbour proposals, K <= 32."""
    move = propose_near_step, look_two, decide_step, weigh_nothing
    return sweep_blocks(move, False, scratch, states, streams, tables, (32, 16, True), sweeps)


def sweep_neighbour_64(scratch, states, streams, tables, sweeps):
    """Sweep with neighbour proposals, K <= 64."""
    move = propose_near_step, look_four, decide_step, weigh_nothing
    return sweep_blocks(move, False, scratch, states, streams, tables, (64, 16, True), sweeps)


def sweep_neighbour_any(scratch, states, streams, tables, sweeps):
    """Sweep with neighbour proposals, any K."""
    move = propose_far_step, look_far, decide_step, weigh_nothing
    return sweep_blocks(move, True, scratch, states, streams, tables, (len(tables[2]), 32, True), sweeps)


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
    lanes, arrays = tables
    return kernel(scratch(threading.get_ident(), lanes, arrays[0].dtype), states, streams, arrays, sweeps)


@functools.lru_cache(maxsize=64)
def scratch(thread, lanes, weight):
    """Return the work space of a thread, written anew in every call of a kernel.

    It is levels and weights of a block, the number of levels for each particle, proposals, the queue of doubtful rows,
    and levels and numbers once more without rows.
    """
    level = np.uint16 if lanes == 32 else np.uint32
    rows = BLOCK // lanes
    # Of 4096 bytes each, they would begin at equal places in a page, which delays loads; hence the rows between them.
    arrays = aligned((7, rows + 4, lanes), level)[:, :rows]
    here, weights, counts = arrays[:3]
    numbers, tails = aligned((2 * rows, lanes), level), aligned((rows * (lanes // 8), 8), np.uint64)
    queue = numbers, tails, np.empty(rows, np.uint64), np.empty(rows, np.int64)
    if lanes == 16:
        weights = weights.view(weight)
    return Bundle((here, weights, counts, tuple(arrays[3:]), queue, (here.ravel(), counts.ravel())))


def count(kernel, states, levels):
    """Return how many particles are in each level; ``kernel`` is `count_states`."""
    counts = np.zeros((4, levels), np.int64)
    kernel(states, counts)
    return counts.sum(axis=0)


def prepare(reduced, proposal):
    """Return the kernel for ``proposal`` and its tables: the lanes, and a table, factors and the log-weights.

    The factors are rows in memory: as constants they would fill registers, and be saved and restored beside them.
    """
    levels = len(reduced)
    factors = aligned((4, 16), np.float32)
    factors.T[:] = 1 - SLACK, 1 + SLACK, FAINT, 2.0**-32
    if proposal == "neighbour":
        near = levels <= 64
        top = 65535 if near else 4294967295
        lower, upper = np.arange(levels - 1), np.arange(1, levels)
        steps = np.zeros((2, levels))  # acceptance of a step down in index, and of one up; none off the ends
        steps[0, 1:] = acceptance(reduced, upper, lower)
        steps[1, :-1] = acceptance(reduced, lower, upper)
        down, up = np.minimum(steps * (top + 1.0), top)
        if near:
            rows = 1 if levels <= 32 else 2
            table = np.concatenate([rows_of(down, rows), rows_of(up, rows)])
            return sweep_neighbour_32 if rows == 1 else sweep_neighbour_64, (32, Bundle((table, factors, reduced)))
        table = np.concatenate([down, up]).astype(np.uint32)
        return sweep_neighbour_any, (16, Bundle((table, factors, reduced)))
    weights = np.exp(reduced)
    for rows, kernel in ((1, sweep_uniform_32), (2, sweep_uniform_64), (4, sweep_uniform_128)):
        if levels <= 32 * rows:
            return kernel, (32, Bundle((rows_of(weights * 65535, rows), factors, reduced)))
    if levels <= MOST_BROAD and levels < WEIGHTY * weights.sum():
        return sweep_uniform_broad, (32, Bundle(((weights * 65535).astype(np.uint16), factors, reduced)))
    weights *= SPAN
    weights[weights < FAINT] = 0.0
    return sweep_uniform_any, (16, Bundle((weights.astype(np.float32), factors, reduced)))


def rows_of(entries, rows):
    """Return numbers as rows of 32 lanes of uint16."""
    table = aligned((rows, 32), np.uint16)
    table.ravel()[: len(entries)] = entries
    return table
