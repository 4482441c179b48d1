"""What draws leave over, row by row: how their energy, their likelihood and their place differ from what was expected.

A row is described as in `sampling`, and read three times: for its mass, for its moments, and for the rank of what was
drawn from it. Scores are taken as t = (z - high) unit, in bits below the most likely one; moments are those of
t - <t>, where <t> is the mean over what is left of the row.
"""

from __future__ import annotations

from simsoftmax.kernels import lanes
from simsoftmax.kernels.floating import divide, exp2_double, fill, fma, lane_maximum, lane_sum, larger
from simsoftmax.kernels.sampling import (
    SOUND,
    farthest_kept,
    mass_above,
    narrow,
    read_eight,
    tied_mass,
    uniform_number,
    weight_of,
)
from simsoftmax.kernels.seeds import FIRST, following
from simsoftmax.kernels.streams import U

TILTS = (0, 1, 2, 3, 4, 5, 6, 8, 20)
"""Four times the inverse temperatures, in units of the one at hand, at which moments are taken."""
PARTS = 32
"""Places are told apart by so many parts of the row, and by the remainder of their number divided by as many."""
SUMS = 3 * len(TILTS) + 1
MOMENTS = SUMS + 1
WIDEST = 64.0  # bits that the scores of a row may differ by, where its temperature is infinite
NOTHING = 1e-12  # of a row's mass
_NAN, _INF = float("nan"), float("inf")


def _add(a, b, c, w, x, square):
    """Return sums of w, w x and w x^2 with one more term."""
    return a + w, fma(w, x, b), fma(w, square, c)


def _store(space, at, a, b, c):
    lanes.store(space, at, a)
    lanes.store(space, at + 1, b)
    lanes.store(space, at + 2, c)


def _moments(logits, row, left, unit, flat, mean, part, space, moments, places):
    """Write the moments of a row, and the masses of its parts and of the remainders.

    ``flat`` says that the temperature is infinite. The rows of ``space`` after `SUMS` hold the remainders.
    """
    levels = logits.shape[1]
    low, high = left[0], left[1]
    floor, roof, factor, middle = fill(low), fill(high), fill(unit), fill(mean)
    zero, one, quarter = fill(0.0), fill(1.0), fill(0.25)
    a0, b0, c0, a1, b1, c1, a2, b2, c2 = zero, zero, zero, zero, zero, zero, zero, zero, zero
    a3, b3, c3, a4, b4, c4, a5, b5, c5 = zero, zero, zero, zero, zero, zero, zero, zero, zero
    a6, b6, c6, a8, b8, c8 = zero, zero, zero, zero, zero, zero
    a20, b20, c20, third = zero, zero, zero, zero
    for j in range(4):
        lanes.store(space, SUMS + j, zero)
        lanes.store(space, SUMS + 4 + j, zero)
    for number, begin in enumerate(range(0, levels, part)):
        for k in range(begin, min(begin + part, levels), 8):
            z = read_eight(logits, row, k, levels)
            here = (z > floor) & (z <= roof)
            if lanes.any_lane(here):
                t = lanes.select(here, (z - roof) * factor, zero)
                r = exp2_double(t * quarter)[1]
                x = t - middle
                square = x * x
                r2 = r * r
                r4 = r2 * r2
                base = one
                if flat:
                    base = divide(one, r4)
                base = lanes.select(here, base, zero)
                r6, r8 = r4 * r2, r4 * r4
                r12 = r8 * r4
                w = base * r4
                a0, b0, c0 = _add(a0, b0, c0, base, x, square)
                a1, b1, c1 = _add(a1, b1, c1, base * r, x, square)
                a2, b2, c2 = _add(a2, b2, c2, base * r2, x, square)
                a3, b3, c3 = _add(a3, b3, c3, base * r2 * r, x, square)
                a4, b4, c4 = _add(a4, b4, c4, w, x, square)
                a5, b5, c5 = _add(a5, b5, c5, w * r, x, square)
                a6, b6, c6 = _add(a6, b6, c6, base * r6, x, square)
                a8, b8, c8 = _add(a8, b8, c8, base * r8, x, square)
                a20, b20, c20 = _add(a20, b20, c20, base * r12 * r8, x, square)
                third = fma(w * square, larger(x, middle - t), third)
                at = SUMS + ((k >> 3) & 3)
                lanes.store(space, at, lanes.load(space, at) + w)
        places[row, number] = _pour(space)
    _store(space, 0, a0, b0, c0)
    _store(space, 3, a1, b1, c1)
    _store(space, 6, a2, b2, c2)
    _store(space, 9, a3, b3, c3)
    _store(space, 12, a4, b4, c4)
    _store(space, 15, a5, b5, c5)
    _store(space, 18, a6, b6, c6)
    _store(space, 21, a8, b8, c8)
    _store(space, 24, a20, b20, c20)
    lanes.store(space, 27, third)
    for j in range(4):
        for i in range(8):
            places[row, PARTS + 8 * j + i] = space[SUMS + 4 + j, i]
    for j in range(SUMS):
        s = space
        moments[row, j] = ((s[j, 0] + s[j, 1]) + (s[j, 2] + s[j, 3])) + ((s[j, 4] + s[j, 5]) + (s[j, 6] + s[j, 7]))


def _pour(space):
    """Return the mass of a part, and add its remainders to those of the row."""
    total = 0.0
    for j in range(4):
        at = SUMS + j
        for i in range(8):
            total += space[at, i]
            space[at + 4, i] += space[at, i]
            space[at, i] = 0.0
    return total


def _add_ties(logits, row, left, unit, flat, mean, part, moments, places):
    """Add the entries that equal ``low`` to the moments and masses of a row."""
    levels = logits.shape[1]
    t = (left[0] - left[1]) * unit
    x = t - mean
    for j, tilt in enumerate(TILTS):
        w = _power(t * (0.25 * tilt - 1.0 if flat else 0.25 * tilt))
        moments[row, 3 * j] += left[2] * w
        moments[row, 3 * j + 1] += left[2] * w * x
        moments[row, 3 * j + 2] += left[2] * w * x * x
    w = 1.0 if flat else _power(t)
    moments[row, SUMS - 1] += left[2] * w * abs(x) ** 3
    same = fill(left[0])
    number = left[2]
    for k in range(0, levels, 8):
        bits = lanes.mask_bits(read_eight(logits, row, k, levels) == same)
        if bits != U(0):
            for j in range(8):
                if (bits >> U(j)) & U(1) != U(0) and number > 0:
                    number -= 1
                    places[row, (k + j) // part] += w
                    places[row, PARTS + (k + j) % PARTS] += w


def _power(exponent):
    """Return 2^exponent, for a number of at most 64."""
    return lane_maximum(exp2_double(fill(exponent))[1])


def _rank(logits, row, left, token, total, chance):
    """Return the mass of what is less likely than a token, and a part of what is as likely; NaN for what is not left.

    That a token is left is asked first: of those that equal ``low``, the first ones are. Infinity stands for a row of
    which nothing is less likely or more, so that its ranks would tell of the random part alone.
    """
    levels = logits.shape[1]
    low, high, scale = left[0], left[1], left[3]
    z = 1.0 * logits[row, token]  # in double precision
    ties = left[2]
    if z == low and ties > 0:
        before = 0
        for k in range(token):
            before += 1 if float(logits[row, k]) == low else 0
        if before >= ties:
            return _NAN
        tied = tied_mass(left)
        return chance * tied / total if total - tied > NOTHING * total else _INF
    if not low < z <= high:
        return _NAN
    roof, factor, zero, own = fill(high), fill(scale), fill(0.0), fill(z)
    above = zero
    same = 0
    for k in range(0, levels, 8):
        other = read_eight(logits, row, k, levels)
        more = (other > own) & (other <= roof)
        if lanes.any_lane(more):  # what is more likely is seldom much to read
            above = above + lanes.select(more, exp2_double((other - roof) * factor)[1], zero)
        same += lanes.population(other == own)
    upto = total - lane_sum(above)
    alike = float(same) * weight_of(z, high, scale)
    if not total - alike > NOTHING * total:
        return _INF
    return max(upto - (1.0 - chance) * alike, 0.0) / total


def chain(draws, links):
    """Write, for each row of draws, a hash of all draws up to its end."""
    link = FIRST
    for row in range(draws.shape[0]):
        for j in range(draws.shape[1]):
            link = following(link, draws[row, j])
        links[row] = link


def residual_rows(
    logits,
    codes,
    values,
    exactly,
    scale,
    small,
    unit,
    draws,
    links,
    part,
    lefts,
    scores,
    ranks,
    moments,
    places,
    work,
    state,
):
    """Compare draws with what was expected of every row; stop at a row that is not sound, and return its number, or -1.

    Parameters
    ----------
    logits : array, shape (n, K), float32 or float64, C-contiguous
    codes, values, exactly, scale, small
        As in `sampling.narrow`.
    unit : float
        Bits a score, where the temperature is infinite; a row that would be wider than `WIDEST` has one of its own.
    draws : int64 array, shape (n, m)
    links : uint64 array, shape (n,)
        From `chain`: choose the random part of the ranks.
    part : int
        Levels in a part, a multiple of `PARTS`.
    lefts : float64 array, shape (n, 4)
        Receives what the steps leave.
    scores : float64 array, shape (n, m)
        Receives t - <t> of each draw.
    ranks : float64 array, shape (n, m) or (n, 0)
        Receives the rank of each draw, if it has room: uniform on (0, 1) if the draws are right, infinity where all
        that could have been drawn is as likely, NaN for a draw of what is not left.
    moments : float64 array, shape (n, MOMENTS)
        Receives the sums of w, w x and w x^2 at each of `TILTS`, that of w |x|^3, and <t>.
    places : float64 array, shape (n, 2 PARTS)
        Receives the masses of the parts and of the remainders.
    work
        As in `sampling.narrow`, with one more array of vectors, shape (SUMS + 8, 8).
    state : int64 array, shape (1,)
        Receives what is wrong with the row that is returned.
    """
    searched = work[0], work[1], work[2], work[3], work[4]
    _, _, blocks, narrow_space, peaks = searched
    left = narrow_space[4]
    space = work[5]
    for row in range(logits.shape[0]):
        state[0] = narrow(logits, row, codes, values, exactly, scale, small, left, searched)
        if state[0] != SOUND:
            return row
        above, lever = mass_above(logits, row, left, peaks, blocks, narrow_space)
        tied = tied_mass(left)
        total = above + tied
        flat = left[3] == 0.0
        bits = left[3]
        if flat:
            far = farthest_kept(logits, row, left, left[1], peaks, narrow_space)
            bits = min(unit, WIDEST / far) if far > 0 else unit
        mean = (lever + (tied * (left[0] - left[1]) if tied > 0 else 0.0)) / total * bits
        _moments(logits, row, left, bits, flat, mean, part, space, moments, places)
        if tied > 0:
            _add_ties(logits, row, left, bits, flat, mean, part, moments, places)
        moments[row, MOMENTS - 1] = mean
        for j in range(draws.shape[1]):
            token = draws[row, j]
            scores[row, j] = (float(logits[row, token]) - left[1]) * bits - mean
            if ranks.shape[1] > 0:
                ranks[row, j] = _rank(logits, row, left, token, total, uniform_number(links[row], j))
        for j in range(4):
            lefts[row, j] = left[j]
    return -1
