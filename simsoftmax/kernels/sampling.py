"""Exact draws from softmax after a chain of filters, row by row, without a sort.

What a filter leaves of a row is an interval of scores: top-k, top-p and min-p keep what is at least as likely as some
token, typical sampling keeps what lies within a distance of the mean score. So a row is described by four numbers
(`LEFT`): scores above ``low`` and up to ``high`` are left, and of those that equal ``low`` the first ``ties``; their
weights are 2^((z - high) scale). A filter narrows the interval, a temperature multiplies the scale.

The end of an interval is found by a histogram of the distances from the most likely score (or from the mean), weighed
by counts or by masses; the bin that holds the end is read once more, and its few entries are put in order. All sums
are made in the same order on every processor, and products that are added are rounded once, so the same seed gives the
same draws everywhere.
"""

from __future__ import annotations

from typing import Any

from simsoftmax.kernels import lanes
from simsoftmax.kernels.floating import (
    columns,
    eight,
    eight_before,
    exp2_above,
    exp2_double,
    fill,
    halves,
    lane_maximum,
    larger,
    piece,
    piece_before,
)
from simsoftmax.kernels.seeds import GOLDEN, splitmix
from simsoftmax.kernels.streams import U, unit

LEFT = ("low", "high", "ties", "scale")
TEMPERATURE, TOP_K, TOP_P, MIN_P, TYPICAL = range(5)
SOUND, UNSOUND, EXTREME, UNENDING = range(4)
"""What became of a row: all is well; it holds NaN or +inf, or -inf only; its numbers are too large or too small for a
product to stay a float; a search did not end."""

BLOCK = 1024  # entries whose masses are summed; a multiple of 8
BINS = 1024
MOST = 1024  # entries that are put in order; at least BINS, as the histogram lies where they are collected
FEW = 256  # levels that are put in order at once
CHUNK = 128  # entries of which the highest is remembered, so that they need not be read again; divides BLOCK
SAMPLE = 512  # entries that tell about where an end will be
LARGEST = 1e150  # scores and scales up to which no product leaves the range of floats
FARTHEST = 1e290  # a score lower than this by the highest has no weight at any scale
_INF = float("inf")


def read_eight(logits, row, k, levels):
    """Return eight scores of a row in double precision, -inf beyond its end."""
    if k + 8 <= levels:
        return eight(logits, row, k)
    return eight_before(logits, row, k, levels - k)


def sum_of_lanes(vector, space):
    """Return the sum of the lanes, in one order on every processor."""
    lanes.store(space, 0, vector)
    s = space
    return ((s[0, 0] + s[0, 1]) + (s[0, 2] + s[0, 3])) + ((s[0, 4] + s[0, 5]) + (s[0, 6] + s[0, 7]))


def _largest(vector, space):
    lanes.store(space, 0, vector)
    top = space[0, 0]
    for j in range(1, 8):
        top = max(top, space[0, j])
    return top


def _survey(logits, row, peaks, space):
    """Write the highest score of each chunk; return the highest of all, or NaN if a score is not a number."""
    levels = logits.shape[1]
    known = fill(0.0) == fill(0.0)
    top = -_INF
    for chunk in range(peaks.size):
        high = fill(-_INF)
        for k in range(chunk * CHUNK, min(chunk * CHUNK + CHUNK, levels), 8):
            z = read_eight(logits, row, k, levels)
            known = known & (z == z)
            high = larger(z, high)
        peaks[chunk] = lane_maximum(high)
        top = max(top, peaks[chunk])
    return top if lanes.mask_bits(known) == U(255) else float("nan")


def weight_of(z, high, scale):
    """Return the weight of a single score."""
    return 1.0 if z == high else lane_maximum(exp2_double(fill((z - high) * scale))[1])


def mass_above(logits, row, left, peaks, blocks, space):
    """Write the mass of what lies above ``low``, block by block; return their sum and that of weight times z - high."""
    levels = logits.shape[1]
    low, high, scale = left[0], left[1], left[3]
    floor, roof, factor, zero = fill(low), fill(high), fill(scale), fill(0.0)
    total, lever = 0.0, 0.0
    for block, begin in enumerate(range(0, levels, BLOCK)):
        mass, moment = zero, zero
        for start in range(begin, min(begin + BLOCK, levels), CHUNK):
            if peaks[start // CHUNK] > low:
                for k in range(start, min(start + CHUNK, levels), 8):
                    z = read_eight(logits, row, k, levels)
                    here = (z > floor) & (z <= roof)
                    if lanes.any_lane(here):
                        gap = z - roof
                        w = lanes.select(here, exp2_double(gap * factor)[1], zero)
                        mass = mass + w
                        moment = moment + w * lanes.select(here, gap, zero)
        blocks[block] = sum_of_lanes(mass, space)
        total += blocks[block]
        lever += sum_of_lanes(moment, space)
    return total, lever


def tied_mass(left):
    """Return the mass of the entries that equal ``low``."""
    return left[2] * weight_of(left[0], left[1], left[3]) if left[2] > 0 else 0.0


def _equal(logits, row, value, peaks):
    """Return how many scores equal ``value``."""
    levels = logits.shape[1]
    same = fill(value)
    number = 0
    for chunk in range(peaks.size):
        if peaks[chunk] < value:
            continue
        for k in range(chunk * CHUNK, min(chunk * CHUNK + CHUNK, levels), 8):
            number += lanes.population(read_eight(logits, row, k, levels) == same)
    return number


def _distance(z, centre):
    gap = z - centre
    return larger(gap, centre - z)


def farthest_kept(logits, row, left, centre, peaks, space):
    """Return the largest distance from the centre of what is left."""
    levels = logits.shape[1]
    floor, roof, middle = fill(left[0]), fill(left[1]), fill(centre)
    none = fill(-_INF)
    far = none
    for chunk in range(peaks.size):
        if not peaks[chunk] > left[0]:
            continue
        for k in range(chunk * CHUNK, min(chunk * CHUNK + CHUNK, levels), 8):
            z = read_eight(logits, row, k, levels)
            far = larger(lanes.select((z > floor) & (z <= roof), _distance(z, middle), none), far)
    end = _largest(far, space)
    return max(end, abs(left[0] - centre)) if left[2] > 0 else end


def _order(keys, values, count):
    """Put pairs in order: the smallest key first, and of equal keys the largest value (D. L. Shell 1959)."""
    gap = 1
    while gap < count // 3:
        gap = 3 * gap + 1
    while gap > 0:
        for i in range(gap, count):
            key, value = keys[i], values[i]
            j = i
            while j >= gap and (keys[j - gap] > key or (keys[j - gap] == key and values[j - gap] < value)):
                keys[j], values[j] = keys[j - gap], values[j - gap]
                j -= gap
            keys[j], values[j] = key, value
        gap //= 3


def _nth_largest(keys, count, number):
    """Return the entry with this number, from 1, in falling order; the entries move (C. A. R. Hoare 1961)."""
    low, high, at = 0, count - 1, number - 1
    while low < high:
        pivot = keys[(low + high) // 2]
        i, j = low, high
        while i <= j:
            while keys[i] > pivot:
                i += 1
            while keys[j] < pivot:
                j -= 1
            if i <= j:
                keys[i], keys[j] = keys[j], keys[i]
                i += 1
                j -= 1
        if at <= j:
            high = j
        elif at >= i:
            low = i
        else:
            break
    return keys[at]


def _guess(logits, row, left, centre, share, by_mass, keys, values):
    """Return a distance that holds a share of what is left, from a sample of the row; or infinity."""
    levels = logits.shape[1]
    low, high, scale = left[0], left[1], left[3]
    step = max(1, levels // SAMPLE)
    count, total = 0, 0.0
    for k in range(step // 2, levels, step):
        z = float(logits[row, k])
        if low < z <= high and count < MOST:
            keys[count], values[count] = abs(z - centre), z
            total += weight_of(z, high, scale) if by_mass else 1.0
            count += 1
    _order(keys, values, count)
    reached = 0.0
    for i in range(count):
        reached += weight_of(values[i], high, scale) if by_mass else 1.0
        if reached >= share * total:
            further = i + 8 + i // 8
            return keys[further] if further < count else _INF
    return _INF


def _bin(logits, row, left, centre, near, far, by_mass, peaks, bins, space):
    """Fill the histogram of distances from ``near`` to ``far``; return how much lies nearer."""
    levels = logits.shape[1]
    low, high, scale = left[0], left[1], left[3]
    floor, roof, middle, factor = fill(low), fill(high), fill(centre), fill(scale)
    begin, end, zero, one = fill(near), fill(far), fill(0.0), fill(1.0)
    per_bin = BINS / (far - near)
    for i in range(BINS):
        bins[i] = 0.0
    nearer = zero
    for chunk in range(peaks.size):
        if not peaks[chunk] > low or centre - peaks[chunk] > far:
            continue
        for k in range(chunk * CHUNK, min(chunk * CHUNK + CHUNK, levels), 8):
            z = read_eight(logits, row, k, levels)
            d = _distance(z, middle)
            here = (z > floor) & (z <= roof) & (d <= end)
            if lanes.any_lane(here):
                w = exp2_double((z - roof) * factor)[1] if by_mass else one
                before = d < begin
                nearer = nearer + lanes.select(here & before, w, zero)
                bits = lanes.mask_bits(here & ~before)
                if bits != U(0):
                    lanes.store(space, 1, d)
                    lanes.store(space, 2, w)
                    for j in range(8):
                        if (bits >> U(j)) & U(1) != U(0):
                            i = min(int((space[1, j] - near) * per_bin), BINS - 1)
                            bins[i] += space[2, j]
    found = sum_of_lanes(nearer, space)
    if left[2] > 0:
        d = abs(low - centre)
        w = tied_mass(left) if by_mass else left[2]
        if d < near:
            found += w
        elif d <= far:
            bins[min(int((d - near) * per_bin), BINS - 1)] += w
    return found


def _gather(logits, row, left, centre, near, far, by_mass, peaks, keys, values, space):
    """Collect what lies from ``near`` to ``far``; return how many there are, and how much lies nearer.

    An entry that equals ``low`` is collected once for all of them. Of more entries than there is room for, the first
    are collected, and the negative number is returned if all have one distance.
    """
    levels = logits.shape[1]
    low, high, scale = left[0], left[1], left[3]
    floor, roof, middle, factor = fill(low), fill(high), fill(centre), fill(scale)
    begin, end, zero, one = fill(near), fill(far), fill(0.0), fill(1.0)
    nearer = zero
    count = 0
    nearest, farthest = _INF, -_INF
    for chunk in range(peaks.size):
        if not peaks[chunk] > low or centre - peaks[chunk] > far:
            continue
        for k in range(chunk * CHUNK, min(chunk * CHUNK + CHUNK, levels), 8):
            z = read_eight(logits, row, k, levels)
            d = _distance(z, middle)
            here = (z > floor) & (z <= roof) & (d <= end)
            if lanes.any_lane(here):
                before = d < begin
                if by_mass:
                    nearer = nearer + lanes.select(here & before, exp2_double((z - roof) * factor)[1], zero)
                else:
                    nearer = nearer + lanes.select(here & before, one, zero)
                bits = lanes.mask_bits(here & ~before)
                if bits != U(0):
                    lanes.store(space, 1, d)
                    lanes.store(space, 2, z)
                    for j in range(8):
                        if (bits >> U(j)) & U(1) != U(0):
                            if count < MOST:
                                keys[count], values[count] = space[1, j], space[2, j]
                            nearest, farthest = min(nearest, space[1, j]), max(farthest, space[1, j])
                            count += 1
    found = sum_of_lanes(nearer, space)
    if left[2] > 0:
        d = abs(low - centre)
        if d < near:
            found += tied_mass(left) if by_mass else left[2]
        elif d <= far:
            if count < MOST:
                keys[count], values[count] = d, low
            nearest, farthest = min(nearest, d), max(farthest, d)
            count += 1
    return -count if count > MOST and nearest == farthest else count, found


def _search(logits, row, left, centre, one_sided, target, share, by_mass, work, found):
    """Find the entry at which the sum over the nearest entries reaches the target.

    ``found`` receives its distance, its score, how many entries are tied with it, and the sum before them. Return
    whether there is such an entry; -1 if the search did not end.
    """
    keys, values, _, space, peaks = work
    bins = keys  # what is put in order is collected after the histogram has been read
    levels = logits.shape[1]
    refine = levels > FEW
    near, far, reach = 0.0, _INF, _INF
    if one_sided and not by_mass and target <= peaks.size <= MOST:
        # As many entries as chunks have one at least as high as that many-th highest chunk.
        for i in range(peaks.size):
            keys[i] = peaks[i]
        reach = centre - _nth_largest(keys, peaks.size, int(target))
        refine = False
    elif refine and levels > 2 * SAMPLE:
        reach = _guess(logits, row, left, centre, share, by_mass, keys, values)
    if not 0 < reach < _INF:
        reach = far = farthest_kept(logits, row, left, centre, peaks, space)
    for _ in range(500):
        if refine and reach > near:
            if reach - near < 1 / FARTHEST:
                return -1
            reached = _bin(logits, row, left, centre, near, reach, by_mass, peaks, bins, space)
            width, i = (reach - near) / BINS, 0
            while i < BINS and reached + bins[i] < target:
                reached += bins[i]
                i += 1
            if i == BINS:
                if far == _INF:
                    far = farthest_kept(logits, row, left, centre, peaks, space)
                if reach >= far:
                    return 0
                near, reach = reach, far
                continue
            # A little more on either side, as the edges of bins are rounded.
            near, reach = near + (i - 1e-9) * width, min(near + (i + 1 + 1e-9) * width, reach)
            near = max(near, 0.0)
        count, reached = _gather(logits, row, left, centre, near, reach, by_mass, peaks, keys, values, space)
        if count > MOST:
            refine = True
            continue
        many = -count
        if many > 0:
            count = MOST
            if one_sided and values[0] != left[0] and _equal(logits, row, values[0], peaks) != many:
                return -1  # different scores at one distance, by rounding
        else:
            _order(keys, values, count)
        i = 0
        while i < count:
            j = i + 1
            while j < count and (values[j] == values[i] if one_sided else keys[j] == keys[i]):
                j += 1
            mass, number = 0.0, 0.0
            first = i
            while first < j:  # entries of one distance may lie on both sides of a centre
                z = values[first]
                times = 1.0
                if z == left[0]:
                    times = left[2]
                mass += times * weight_of(z, left[1], left[3]) if by_mass else times
                number += times
                first += 1
            if many > 0:
                number = left[2] if values[0] == left[0] else float(many)
            if reached + mass >= target or many > 0:
                found[0], found[1], found[2], found[3] = keys[i], values[i], number, reached
                return 1
            reached += mass
            i = j
        if far == _INF:
            far = farthest_kept(logits, row, left, centre, peaks, space)
        if reach >= far:
            return 0
        near, reach, refine = reach, far, levels > FEW
    return -1


def _narrow(logits, row, left, low, keep, peaks):
    """Let ``low`` be the least score that is left, with ``keep`` of those that equal it, or all of them for -1."""
    if keep < 0:
        keep = left[2] if low == left[0] else float(_equal(logits, row, low, peaks))
    left[0], left[2] = low, keep


def _within(logits, row, left, centre, reach, peaks, space):
    """Leave what lies within a distance of the centre."""
    levels = logits.shape[1]
    floor, roof, middle, radius = fill(left[0]), fill(left[1]), fill(centre), fill(reach)
    none = fill(-_INF)
    high, low = none, none
    for chunk in range(peaks.size):
        if not peaks[chunk] > left[0]:
            continue
        for k in range(chunk * CHUNK, min(chunk * CHUNK + CHUNK, levels), 8):
            z = read_eight(logits, row, k, levels)
            here = (z > floor) & (z <= roof) & (_distance(z, middle) <= radius)
            high = larger(lanes.select(here, z, none), high)
            low = larger(lanes.select(here, fill(0.0) - z, none), low)
    top, bottom = _largest(high, space), -_largest(low, space)
    if left[2] > 0 and abs(left[0] - centre) <= reach:
        bottom = left[0]
        top = max(top, bottom)
    _narrow(logits, row, left, bottom, -1.0, peaks)
    left[1] = top


def _likely(logits, row, left, bits, peaks, space):
    """Leave what has at least 2^bits of the largest weight."""
    levels = logits.shape[1]
    floor, roof, factor, least = fill(left[0]), fill(left[1]), fill(left[3]), fill(bits)
    none = fill(-_INF)
    low = none
    for chunk in range(peaks.size):
        if not peaks[chunk] > left[0]:
            continue
        for k in range(chunk * CHUNK, min(chunk * CHUNK + CHUNK, levels), 8):
            z = read_eight(logits, row, k, levels)
            here = (z > floor) & (z <= roof) & ((z - roof) * factor >= least)
            low = larger(lanes.select(here, fill(0.0) - z, none), low)
    bottom = -_largest(low, space)
    if left[2] > 0 and (left[0] - left[1]) * left[3] >= bits:
        return  # the least likely are likely enough
    _narrow(logits, row, left, bottom, -1.0, peaks)


def narrow(logits, row, codes, values, exactly, scale, small, left, work):
    """Describe what a chain of filters leaves of a row.

    Parameters
    ----------
    logits : array, shape (n, K), float32 or float64
    row : int
    codes, values : int64 and float64 arrays, shape (steps,)
        What each step is: a temperature (the scale from there on; infinity leaves the highest scores), top-k, top-p,
        min-p (its binary logarithm), typical.
    exactly : int64 array, shape (steps,)
        1 where ties beyond the number asked for go, the last first; 0 where all stay.
    scale : float
        That of the first steps: 1 / ln 2 at a temperature of 1, for weights are powers of two.
    small : int
        1 if scores lie from -1 to 0, which makes all scales harmless.
    left : float64 array, shape (4,)
        Receives the numbers of `LEFT`.
    work : arrays of the caller, from `work_space`

    Returns
    -------
    int
        `SOUND`, `UNSOUND`, `EXTREME` or `UNENDING`.
    """
    _, _, blocks, space, peaks = work
    top = _survey(logits, row, peaks, space)
    if not (top > -_INF and top < _INF):
        return UNSOUND
    if not small and abs(top) > LARGEST:
        return EXTREME
    left[0], left[1], left[2], left[3] = -FARTHEST, top, 0.0, scale
    found = space[3]
    for step in range(codes.size):
        code, value = codes[step], values[step]
        one = left[0] == left[1]  # one score is left
        if code == TEMPERATURE:
            if value == _INF:
                if not one:
                    _narrow(logits, row, left, left[1], -1.0, peaks)
            else:
                left[3] = value
                if not small and (value > LARGEST or 0 < value < 1 / LARGEST):
                    return EXTREME
        elif code == MIN_P:
            if not one and left[3] > 0:
                _likely(logits, row, left, value, peaks, space)
        elif code == TOP_K:
            if one:
                if exactly[step]:
                    left[2] = min(left[2], value)
            elif value < logits.shape[1]:
                share = value / logits.shape[1]
                status = _search(logits, row, left, left[1], True, value, share, False, work, found)
                if status < 0:
                    return UNENDING
                if status == 1:
                    _narrow(logits, row, left, found[1], value - found[3] if exactly[step] else found[2], peaks)
        elif code == TOP_P:
            total = mass_above(logits, row, left, peaks, blocks, space)[0] + tied_mass(left)
            status = _search(logits, row, left, left[1], True, value * total, value, True, work, found)
            if status < 0:
                return UNENDING
            if status == 1:
                keep = found[2]
                if exactly[step]:
                    w = weight_of(found[1], left[1], left[3])
                    keep = 1.0
                    while keep < found[2] and found[3] + keep * w < value * total:
                        keep += 1
                _narrow(logits, row, left, found[1], keep, peaks)
        elif left[3] > 0 and not one:
            above, lever = mass_above(logits, row, left, peaks, blocks, space)
            tied = tied_mass(left)
            if tied > 0:
                lever += tied * (left[0] - left[1])
            total = above + tied
            centre = left[1] + lever / total
            status = _search(logits, row, left, centre, False, value * total, value, True, work, found)
            if status < 0:
                return UNENDING
            if status == 1:
                _within(logits, row, left, centre, found[0], peaks, space)
    return SOUND


# --- draws ------------------------------------------------------------------------------------------------------------


def stream_of(key, row):
    """Return where the random numbers of a row begin."""
    return splitmix(key ^ splitmix(U(row)))


def uniform_number(stream: Any, number: Any) -> Any:
    """Return the random number of a row with this number, uniform on (0, 1)."""
    return unit(splitmix(stream + GOLDEN * U(number)))


# Single precision. Weights of float32 scores are first bounded in single precision, by the chord of the exponential
# between powers of two; a draw from these is then accepted in proportion to its weight in double precision (J. von
# Neumann 1951), so it is as exact as the others. Of one hundred draws four are made again, and all together take a
# quarter of the time that they take of the same scores in float64.

ROUNDING = 2.0**-13
"""More than the relative error of a bound, or of a sum of a block of them, in single precision: a rounding of the
score's distance and one of its scale, 2 * 127 * 2^-24, that of t to 2^-14, 2^-15, and those of 65 sums, 65 * 2^-24."""
SURE = 0.942
"""Less than the lowest ratio of 2^t to its chord, 2^f / (1 + f) at 1 + f = 1 / ln 2."""
LOWEST = -3.4028234663852886e38  # of float32
ATTEMPT = 1 << 40  # random numbers that belong to one attempt
LANES = 16  # float32 in a vector


def _quick_read(logits, row, k, levels):
    if k + LANES <= levels:
        return piece(logits, row, k)
    return piece_before(logits, row, k, levels - k)


def _sum_of(rows, i):
    """Return the sum of sixteen numbers in double precision, in one order on every processor."""
    a = (float(rows[i, 0]) + float(rows[i, 1])) + (float(rows[i, 2]) + float(rows[i, 3]))
    b = (float(rows[i, 4]) + float(rows[i, 5])) + (float(rows[i, 6]) + float(rows[i, 7]))
    c = (float(rows[i, 8]) + float(rows[i, 9])) + (float(rows[i, 10]) + float(rows[i, 11]))
    d = (float(rows[i, 12]) + float(rows[i, 13])) + (float(rows[i, 14]) + float(rows[i, 15]))
    return (a + b) + (c + d)


def _quick_weigh(logits, row, begin, end, top, factor, known, weights):
    """Write bounds on the weights of a block, and on its mass; return ``known``, NaN in a lane where a score is."""
    high, mass = fill(top), factor - factor
    for k in range(begin, end, LANES):
        t, w = exp2_above(_quick_read(logits, row, k, logits.shape[1]) - high, factor)
        lanes.store(weights, (k - begin) // LANES, w)
        known = known + t
        mass = mass + w
    lanes.store(weights, BLOCK // LANES, mass)
    return known


def _quick_mass(logits, row, scale, exact, blocks, tops, weights):
    """Write bounds on the masses of blocks, and on the last block's weights; return their sum.

    A row is read from memory once: the weights of a block are those beside the highest score so far, kept in ``tops``,
    and only its mass is brought to the row's. The sum is NaN if a score is not a number.
    """
    levels = logits.shape[1]
    factor, best = fill(scale), logits.dtype.type(LOWEST)
    known, high = factor - factor, fill(best)
    for block, begin in enumerate(range(0, levels, BLOCK)):
        end = min(begin + BLOCK, levels)
        top = high
        for k in range(begin, end, LANES):
            top = larger(_quick_read(logits, row, k, levels), top)
        if lanes.any_lane(top > high):
            best = logits.dtype.type(lane_maximum(top))
            high = fill(best)
        known = _quick_weigh(logits, row, begin, end, best, factor, known, weights)
        tops[block], blocks[block] = best, _sum_of(weights, BLOCK // LANES)
    lanes.store(weights, BLOCK // LANES, known)
    if not _sum_of(weights, BLOCK // LANES) < _INF:
        return float("nan")
    total = 0.0
    for block in range(blocks.size):
        if tops[block] < best and blocks[block] > 0:
            blocks[block] *= weight_of(tops[block], float(best), exact)
        total += blocks[block]
    return total


def _quick_place(weights, count, amount):
    """Return where the running sum of weights exceeds an amount, or -1; beyond the end of a row all weights are 0."""
    for i in range(count):
        for j in range(LANES):
            w = float(weights[i, j])
            if amount < w:
                return i * LANES + j
            amount -= w
    return -1


def _accepted(gap, share, exact, chance):
    """Return whether a draw from bounds in single precision stands, given a uniform number."""
    chance = chance * (1 + ROUNDING)
    return chance < SURE - ROUNDING or chance * share < lane_maximum(exp2_double(fill(gap * exact))[1])


def _quick_one(logits, row, scale, exact, stream, number, total, blocks, tops, weights):
    """Return one draw from a row, or -1 if none was accepted."""
    levels = logits.shape[1]
    count = blocks.size
    factor = fill(scale)
    for attempt in range(1000):
        at = attempt * ATTEMPT + 3 * number
        block, mass = 0, blocks[0]
        if count > 1:
            amount = uniform_number(stream, at) * total
            while block < count - 1 and amount >= blocks[block]:
                amount -= blocks[block]
                block += 1
        begin = block * BLOCK
        end = min(begin + BLOCK, levels)
        if count > 1:
            _quick_weigh(logits, row, begin, end, logits.dtype.type(tops[block]), factor, factor, weights)
            mass = _sum_of(weights, BLOCK // LANES)
        # A little more than the sum of the weights, so that none is cut short; what lies beyond is drawn again.
        amount = uniform_number(stream, at + 1) * mass * (1 + ROUNDING)
        place = _quick_place(weights, (end - begin + LANES - 1) // LANES, amount)
        if place < 0:
            continue
        share = float(weights[place >> 4, place & 15])
        gap = float(logits[row, begin + place]) - tops[block]
        if _accepted(gap, share, exact, uniform_number(stream, at + 2)):
            return begin + place
    return -1


def few_levels(logits, scale, exact, key, first, draws, tile, space):
    """Draw one of each row of few float32 scores, sixteen rows at a time in the lanes of a vector.

    Arguments and result are those of `quick_rows`, with room for the tile, float32 of shape (K, 16), and for sums and
    amounts, float64 of shape (6, 8), in the place of blocks and weights. Running sums are kept in double precision, so
    that a rare token keeps its share.
    """
    rows, levels = logits.shape
    factor, zero, one = fill(scale), fill(0.0), fill(1.0)
    for begin in range(0, rows, LANES):
        count = min(LANES, rows - begin)
        top = fill(logits.dtype.type(-_INF))
        if count == LANES and levels >= 4:
            for start in range(0, levels, 4):
                k = min(start, levels - 4)
                a, b, c, d = columns(logits, begin, k, 1)
                lanes.store(tile, k, a)
                lanes.store(tile, k + 1, b)
                lanes.store(tile, k + 2, c)
                lanes.store(tile, k + 3, d)
                top = larger(larger(larger(a, b), larger(c, d)), top)
        else:
            for k in range(levels):
                for j in range(LANES):
                    tile[k, j] = logits[begin + min(j, count - 1), k]
                top = larger(lanes.load(tile, k), top)
        low_sum, high_sum = zero, zero
        known = fill(scale - scale)
        for k in range(levels):
            t, w = exp2_above(lanes.load(tile, k) - top, factor)
            lanes.store(tile, k, w)
            known = known + t
            low, high = halves(w)
            low_sum, high_sum = low_sum + low, high_sum + high
        low, high = halves(known - known)  # 0, or NaN where a score is not a number
        lanes.store(space, 0, low_sum + low)
        lanes.store(space, 1, high_sum + high)
        for j in range(count):
            total = space[j >> 3, j & 7]
            if not total < _INF:
                return begin + j
            space[2 + (j >> 3), j & 7] = uniform_number(stream_of(key[0], first + begin + j), 0) * total
        for j in range(count, LANES):
            space[2 + (j >> 3), j & 7] = 0.0
        low_amount, high_amount = lanes.load(space, 2), lanes.load(space, 3)
        low_sum, high_sum, low_place, high_place = zero, zero, zero, zero
        for k in range(levels):
            low, high = halves(lanes.load(tile, k))
            low_sum, high_sum = low_sum + low, high_sum + high
            low_place = low_place + lanes.select(low_sum <= low_amount, one, zero)
            high_place = high_place + lanes.select(high_sum <= high_amount, one, zero)
        lanes.store(space, 4, low_place)
        lanes.store(space, 5, high_place)
        for j in range(count):
            row = begin + j
            place = min(int(space[4 + (j >> 3), j & 7]), levels - 1)
            stream = stream_of(key[0], first + row)
            share = float(tile[place, j])
            chance = uniform_number(stream, 1)
            if share > 0 and chance * (1 + ROUNDING) < SURE - ROUNDING:
                draws[row, 0] = place
                continue
            best = -_INF
            for k in range(levels):
                best = max(best, float(logits[row, k]))
            attempt = 0
            while not (share > 0 and _accepted(float(logits[row, place]) - best, share, exact, chance)):
                attempt += 2
                amount, place, running = uniform_number(stream, attempt) * space[j >> 3, j & 7], 0, float(tile[0, j])
                while place < levels - 1 and running <= amount:
                    place += 1
                    running += float(tile[place, j])
                share, chance = float(tile[place, j]), uniform_number(stream, attempt + 1)
            draws[row, 0] = place
    return -1


def quick_rows(logits, scale, exact, key, first, draws, blocks, tops, weights):
    """Draw from every row of float32 scores at one temperature; stop at a row that is not sound, and return it, or -1.

    Parameters
    ----------
    logits : float32 array, shape (n, K), C-contiguous
    scale, exact : float32 and float64
        1 / (T ln 2), from 1e-30 to 1e30.
    key, first, draws
        As in `draw_rows`.
    blocks, tops : float64 arrays, shape (ceil(K / BLOCK),)
    weights : float32 array, shape (BLOCK / lanes + 1, lanes)
    """
    for row in range(logits.shape[0]):
        total = _quick_mass(logits, row, scale, exact, blocks, tops, weights)
        if not total < _INF:
            return row
        stream = stream_of(key[0], first + row)
        for j in range(draws.shape[1]):
            draws[row, j] = _quick_one(logits, row, scale, exact, stream, j, total, blocks, tops, weights)
            if draws[row, j] < 0:
                return row
    return -1


def _tie(logits, row, low, number):
    """Return where the entry with this number is, among those that equal ``low``."""
    levels = logits.shape[1]
    same = fill(low)
    for k in range(0, levels, 8):
        bits = lanes.mask_bits(read_eight(logits, row, k, levels) == same)
        if bits != U(0):
            for j in range(8):
                if (bits >> U(j)) & U(1) != U(0):
                    if number == 0:
                        return k + j
                    number -= 1
    return -1


def _pick(logits, row, left, begin, amount, space):
    """Return the entry of a block at which the sum of weights exceeds an amount."""
    levels = logits.shape[1]
    floor, roof, factor, zero = fill(left[0]), fill(left[1]), fill(left[3]), fill(0.0)
    last = -1
    for k in range(begin, min(begin + BLOCK, levels), 8):
        z = read_eight(logits, row, k, levels)
        here = (z > floor) & (z <= roof)
        if lanes.any_lane(here):
            lanes.store(space, 1, lanes.select(here, exp2_double((z - roof) * factor)[1], zero))
            for j in range(8):
                w = space[1, j]
                if w > 0:
                    last = k + j
                    if amount < w:
                        return last
                    amount -= w
    return last  # rounding left a little over


def _one(logits, row, left, stream, number, above, total, blocks, space):
    """Return one draw: a block (or the ties) by its mass, then an entry of it, each by a random number of its own."""
    amount = uniform_number(stream, 2 * number) * total
    second = uniform_number(stream, 2 * number + 1)
    if left[2] > 0 and amount >= above:
        return _tie(logits, row, left[0], min(int(second * left[2]), int(left[2]) - 1))
    block, last = 0, -1
    count = (logits.shape[1] + BLOCK - 1) // BLOCK
    while block < count:
        if blocks[block] > 0:
            last = block
            if amount < blocks[block]:
                break
            amount -= blocks[block]
        block += 1
    return _pick(logits, row, left, last * BLOCK, second * blocks[last], space)


def _table(logits, row, left, sums, blocks, space):
    """Write the running sums of weights within each block, ties included, and their masses; return the total."""
    levels = logits.shape[1]
    low, high = left[0], left[1]
    floor, roof, factor, zero = fill(low), fill(high), fill(left[3]), fill(0.0)
    ties, tied = left[2], weight_of(low, high, left[3]) if left[2] > 0 else 0.0
    total = 0.0
    for block, begin in enumerate(range(0, levels, BLOCK)):
        running = 0.0
        for k in range(begin, min(begin + BLOCK, levels), 8):
            z = read_eight(logits, row, k, levels)
            w = lanes.select((z > floor) & (z <= roof), exp2_double((z - roof) * factor)[1], zero)
            lanes.store(space, 1, w)
            lanes.store(space, 2, z)
            for j in range(min(8, levels - k)):
                w = space[1, j]
                if ties > 0 and space[2, j] == low:
                    w = tied
                    ties -= 1
                running += w
                sums[k + j] = running
        total += running
        blocks[block] = total
    return total


def _first_above(sums, begin, end, amount):
    """Return the first place in sorted sums that holds more than an amount; the last that rises if none does."""
    low, high = begin, end
    while low < high:
        middle = (low + high) // 2
        if sums[middle] > amount:
            high = middle
        else:
            low = middle + 1
    if low == end:
        low = end - 1
        while low > begin and sums[low] == sums[low - 1]:
            low -= 1
    return low


def draw_rows(logits, codes, values, exactly, scale, small, key, first, draws, sums, work, state):
    """Draw from every row; stop at a row that is not sound, and return its number, or -1.

    Parameters
    ----------
    logits : array, shape (n, K), float32 or float64, C-contiguous
    codes, values, exactly, scale, small, work
        As in `narrow`.
    key : uint64 array, shape (1,)
        Chooses the random numbers, with the number of the row.
    first : int
        The number of the first row.
    draws : int64 array, shape (n, m)
        Receives the draws.
    sums : float64 array, shape (K,) or empty
        Room for a table, where many draws are made of a row.
    state : int64 array, shape (1,)
        Receives what is wrong with the row that is returned.
    """
    _, _, blocks, space, peaks = work
    left = space[4]
    levels = logits.shape[1]
    count = (levels + BLOCK - 1) // BLOCK
    for row in range(logits.shape[0]):
        state[0] = narrow(logits, row, codes, values, exactly, scale, small, left, work)
        if state[0] != SOUND:
            return row
        stream = stream_of(key[0], first + row)
        if sums.size:
            total = _table(logits, row, left, sums, blocks, space)
            for j in range(draws.shape[1]):
                amount = uniform_number(stream, 2 * j) * total
                second = uniform_number(stream, 2 * j + 1)
                block = _first_above(blocks, 0, count, amount)
                begin, end = block * BLOCK, min((block + 1) * BLOCK, levels)
                draws[row, j] = _first_above(sums, begin, end, second * sums[end - 1])
        else:
            above = 0.0 if left[0] == left[1] else mass_above(logits, row, left, peaks, blocks, space)[0]
            total = above + tied_mass(left)
            for j in range(draws.shape[1]):
                draws[row, j] = _one(logits, row, left, stream, j, above, total, blocks, space)
    return -1


def narrow_rows(logits, codes, values, exactly, scale, small, lefts, work, state):
    """Describe what a chain of filters leaves of every row, shape (n, 4); else as `draw_rows`."""
    left = work[3][4]
    for row in range(logits.shape[0]):
        state[0] = narrow(logits, row, codes, values, exactly, scale, small, left, work)
        if state[0] != SOUND:
            return row
        for j in range(4):
            lefts[row, j] = left[j]
    return -1
