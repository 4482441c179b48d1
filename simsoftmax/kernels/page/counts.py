"""The verdict on counts, for the reader's browser: the p-value of `simsoftmax.verify`, by its own statistics.

`simsoftmax.verdict.null` is the reference, and says what is done here and why; a test holds the two together. Groups of
levels come from `group_levels`. The cells of `cells_of` are four numbers for each group but the last: the mean of a
standard normal variable within the cell, its variance there, what bounds it, and the distance of the cell from 0. As in
`simsoftmax.kernels.page.exact`, arrays belong to the caller and nothing is allocated.
"""

import math

from ..stirling import deviance, stirling_error
from ..tails import beta_share, gamma_tail, normal_quantile, normal_tail
from . import page_kernel

__all__ = [
    "CAUTIONS",
    "GROUPS",
    "JUDGED",
    "RESIDUALS",
    "cautions_of",
    "cells_of",
    "exact_p_value",
    "group_levels",
    "judge_cells",
    "level_residuals",
    "outcomes",
    "rarest_p_value",
    "tabulate_cells",
    "temperature_pull",
    "variation_margin",
]

INLINE = True

#: What `group_levels` writes of each group; first is where it begins in the order of the levels.
GROUPS = ("probability", "energy", "count", "first")
#: What `cautions_of` writes: steps and factor of the score and of the chi-square.
CAUTIONS = ("score_steps", "score_factor", "rest_steps", "rest_factor")
#: What `judge_cells` writes: the score, the chi-square of the rest, the p-value of both, that of the rest alone.
JUDGED = ("score", "rest", "p_value", "misfit")
#: What `level_residuals` writes: the total variation, the level that is worst, and by how much.
RESIDUALS = ("total_variation", "worst_level", "worst_residual")

_POOL = 5.0  # particles that a group expects
_USUAL = 1e-3  # the rate of false alarms for which the cautions are chosen
_LARGE = 1e6  # binomial tails with more expected on both sides are those of Peizer and Pratt
_MOST_OUTCOMES = 150_000
_MOST_PARTICLES = 200


@page_kernel("int64(float64[::1], int64[::1], int64[::1], float64[::1], float64[::1], float64[::1])")
def group_levels(logits, counts, order, probabilities, tail, groups):
    """Pool neighbours in energy until each group expects a few particles; return how many groups there are.

    Parameters
    ----------
    logits : float64 array, shape (K,)
    counts : int64 array, shape (K,)
    order : int64 array, shape (K,)
        The levels by falling logit, equal ones by their index.
    probabilities : float64 array, shape (K,)
    tail : float64 array, shape (K + 1,)
        Work space.
    groups : float64 array, shape (4 * K,)
        Receives the columns named in `GROUPS`, group by group.
    """
    particles = 0
    allowed = 0
    largest = 1.0
    for i in range(counts.size):
        particles += counts[i]
        if probabilities[order[i]] > 0.0:
            allowed = i + 1
            largest = max(largest, abs(logits[order[i]]))
    tail[allowed] = 0.0
    rare = False
    for j in range(allowed):
        i = allowed - 1 - j
        expected = particles * probabilities[order[i]]
        tail[i] = tail[i + 1] + expected
        rare = rare or expected < _POOL
    found = 0
    start = 0
    while start < allowed:
        end = start + 1
        if rare:
            bar = tail[start] - _POOL * (1.0 - 1e-12)
            while end < allowed and tail[end] > bar:
                end += 1
            if bar < 0.0:
                end = allowed
        mass = 0.0
        energy = 0.0
        count = 0.0
        for i in range(start, end):
            p = probabilities[order[i]]
            mass += p
            energy += p * (logits[order[0]] / largest - logits[order[i]] / largest)
            count += counts[order[i]]
        groups[4 * found] = mass
        groups[4 * found + 1] = energy / mass
        groups[4 * found + 2] = count
        groups[4 * found + 3] = start
        found += 1
        start = end
    return found


@page_kernel("int64(float64[::1], float64[::1])")
def temperature_pull(groups, direction):
    """Write the unit vector along which a wrong temperature moves the residuals, or zeros; return whether it is one.

    Parameters
    ----------
    groups : float64 array, shape (4 * G,)
    direction : float64 array, shape (G,)
        Receives the G - 1 components; the last is 0.
    """
    number = direction.size
    after = groups[4 * number - 4]
    heat = groups[4 * number - 4] * groups[4 * number - 3]
    length = 0.0
    scale = abs(groups[4 * number - 3])
    direction[number - 1] = 0.0
    for j in range(number - 1):
        i = number - 2 - j
        p = groups[4 * i]
        energy = groups[4 * i + 1]
        pull = math.sqrt(p * after / (after + p)) * (heat / after - energy)
        direction[i] = pull
        length += pull * pull
        scale = max(scale, abs(energy))
        after += p
        heat += p * energy
    length = math.sqrt(length)
    if not length > 1e-12 * scale:
        length = 0.0
    for i in range(number - 1):
        direction[i] = direction[i] / length if length > 0.0 else 0.0
    return 1 if length > 0.0 else 0


def _density(x):
    size = min(abs(x), 1e3)
    return math.exp(-0.5 * size * size) / math.sqrt(2.0 * math.pi)


def _excess(x):
    """Return (1 + x) ln(1 + x) - x, by its series near 0."""
    if abs(x) > 1e-4:
        return (1.0 + x) * math.log1p(x) - x
    return x * x * (0.5 - x * (1.0 / 6.0 - x * (1.0 / 12.0 - x / 20.0)))


def _large_quantile(n, trials, q, rest):
    """Return the normal quantile of P(X <= n) for large expectations (D. B. Peizer and J. W. Pratt 1968)."""
    mean = trials * q
    other = trials * rest
    width = math.sqrt(mean * rest)
    above = max(max(n + 0.5, 1e-3) / mean - 1.0, 2.0**-53 - 1.0)
    below = max(max(trials - n - 0.5, 1e-3) / other - 1.0, 2.0**-53 - 1.0)
    half_square = mean * _excess(above) + other * _excess(below)
    small = q / max(n + 1.0, 0.5) - rest / max(trials - n, 0.5) + (q - 0.5) / (trials + 1.0)
    centred = n - mean + 2.0 / 3.0 - q / 3.0 + 0.02 * small
    beyond = abs(n + 0.5 - mean)
    if beyond < 1e-6 * width:
        return centred / width
    return centred * math.sqrt(2.0 * max(half_square, 0.0) / (1.0 + 1.0 / (6.0 * trials))) / beyond


def _write_between(start, end, cells, at):
    """Write the cell between two normal quantiles; either may be infinite."""
    turned = start > -end  # always work in the smaller tail
    low = -end if turned else start
    high = -start if turned else end
    width = math.inf if low == -math.inf else high - low
    narrow = width < 1e-3
    far = not narrow and high < -37.0
    if far:
        low = -math.inf
        high = -37.0
    if narrow:
        mean = (high - 0.5 * width) * (1.0 - width * width / 12.0)
        within = 0.0
    else:
        mass = 0.0
        for upper in range(2):
            x = high if upper else low
            below = 0.0 if x < 0.0 else 1.0
            if abs(x) < math.inf:
                beyond = normal_tail(abs(x))
                below = beyond if x < 0.0 else 1.0 - beyond
            mass += below if upper else -below
        mean = (_density(low) - _density(high)) / mass
        surface = 0.0 if high == math.inf else high * _density(high)
        surface -= 0.0 if low == -math.inf else low * _density(low)
        within = max(1.0 - surface / mass - mean * mean, 0.0)
    cells[at] = -mean if turned else mean
    cells[at + 1] = within
    breadth = min(width / math.pi, 1.0)
    cells[at + 2] = 1.0 if far else breadth * breadth
    cells[at + 3] = max(-high, 0.0)


def _write_cell(n, left, q, rest, cells, at):
    """Write the cell of a count n of X ~ Binomial(left, q); rest = 1 - q."""
    start = -math.inf
    end = math.inf
    large = left * min(q, rest) > _LARGE
    high_side = n > left * q
    for upper in range(2):
        k = n if upper else n - 1.0  # the quantile of P(X <= k)
        if k < 0.0 or k >= left:
            continue
        if large:
            edge = _large_quantile(k, left, q, rest)
        else:  # each formula stands here once, for it becomes part of this function
            share = beta_share(
                k + 1.0 if high_side else left - k,
                left - k if high_side else k + 1.0,
                q if high_side else rest,
                rest if high_side else q,
            )
            edge = normal_quantile(min(share, 1.0 - share))
            if (share <= 0.5) != high_side:
                edge = -edge
        if upper:
            end = edge
        else:
            start = edge
    _write_between(start, end, cells, at)


@page_kernel("void(float64[::1], float64[::1])")
def cells_of(groups, cells):
    """Write the cells of the counts of all groups but the last, peeled off one after the other.

    Parameters
    ----------
    groups : float64 array, shape (4 * G,)
    cells : float64 array, shape (4 * G,)
    """
    number = groups.size // 4
    after = groups[4 * number - 4]
    beyond = groups[4 * number - 2]
    for j in range(number - 1):  # from the rare end, where sums are small and exact
        i = number - 2 - j
        p = groups[4 * i]
        n = groups[4 * i + 2]
        _write_cell(n, n + beyond, p / (p + after), after / (p + after), cells, 4 * i)
        after += p
        beyond += n


@page_kernel("void(float64[::1], int64, float64[::1])")
def tabulate_cells(groups, particles, table):
    """Write the cells of all pairs of a count and of particles left, for every group but the last.

    Parameters
    ----------
    groups : float64 array, shape (4 * G,)
    particles : int
    table : float64 array, shape (4 * (G - 1) * (N + 1)^2,)
    """
    number = groups.size // 4
    side = particles + 1
    after = groups[4 * number - 4]
    for j in range(number - 1):
        i = number - 2 - j
        p = groups[4 * i]
        for left in range(side):
            for n in range(left + 1):
                at = 4 * ((i * side + left) * side + n)
                _write_cell(1.0 * n, 1.0 * left, p / (p + after), after / (p + after), table, at)
        after += p


def _chi_square(freedom, tail):
    """Return the chi-square beyond which the share ``tail`` lies, by halving."""
    low = 0.0
    high = 4.0 * freedom + 100.0
    for _ in range(70):
        middle = 0.5 * (low + high)
        if gamma_tail(0.5 * freedom, 0.5 * middle) > tail:
            low = middle
        else:
            high = middle
    return 0.5 * (low + high)


@page_kernel("void(float64[::1], float64[::1], int64, float64[::1])")
def cautions_of(groups, direction, particles, cautions):
    """Write how far each statistic is drawn back, and what its tail is then multiplied with: `CAUTIONS`.

    Parameters
    ----------
    groups : float64 array, shape (4 * G,)
    direction : float64 array, shape (G,)
        From `temperature_pull`.
    particles : int
    cautions : float64 array, shape (4,)
        Receives the results; factors are 1 and steps 0 where there is no such test.
    """
    number = direction.size
    after = groups[4 * number - 4]
    along = 0.0
    across = 0.0
    freedom = number - 1
    directed = False
    for j in range(number - 1):
        i = number - 2 - j
        p = groups[4 * i]
        left = particles * (after + p)
        width = 1.0 / math.sqrt(left * (p / (p + after)) * (after / (p + after)))
        breadth = min(width / math.pi, 1.0)
        loose = breadth * breadth
        square = direction[i] * direction[i]
        directed = directed or square > 0.0
        along += loose * square
        across += loose * (1.0 - square)
        after += p
    if directed:
        freedom -= 1
    spread = math.sqrt(along)
    slope = normal_quantile(0.25 * _USUAL)
    steps = max(math.sqrt(5.0 / 3.0), math.exp(math.log(8.0 / (9.0 * slope * max(spread, 1e-300))) / 3.0))
    factor = 1.0 / (1.0 - 4.0 / 9.0 / (1.0 + steps * steps))
    cheap = math.log(factor) + slope * steps * spread < 1.0
    cautions[0] = steps if cheap else 0.0
    cautions[1] = factor if cheap else math.e
    cautions[2] = 0.0
    cautions[3] = 1.0
    if freedom < 1:
        return
    critical = _chi_square(1.0 * freedom, 0.5 * _USUAL)
    spread = 2.0 * math.sqrt(critical / freedom * across)
    # The density of the chi-square there, over its tail; deviance and error stand for logarithms of gamma functions.
    shape = 0.5 * freedom
    density = math.exp(-deviance(shape, 0.5 * critical) - stirling_error(shape)) * math.sqrt(shape / (2.0 * math.pi))
    slope = density / critical / (0.5 * _USUAL)
    steps = max(0.5, math.exp(math.log(2.0 / (slope * max(spread, 1e-300))) / 3.0))
    factor = 1.0 + 1.0 / (steps * steps)
    cheap = not (freedom > 1 and math.log(factor) + slope * steps * spread > 1.0)
    cautions[2] = steps if cheap else 0.0
    cautions[3] = factor if cheap else math.e


def _judge(cells, direction, cautions, judged):
    number = direction.size
    score = 0.0
    along = 0.0
    directed = False
    for i in range(number - 1):
        score += cells[4 * i] * direction[i]
        along += cells[4 * i + 2] * direction[i] * direction[i]
        directed = directed or direction[i] != 0.0
    square = 0.0
    spread = 0.0
    for i in range(number - 1):
        part = direction[i] * direction[i]
        rest = cells[4 * i] - score * direction[i]
        loose = cells[4 * i + 2]
        square += rest * rest + cells[4 * i + 1] * (1.0 - part)
        spread += loose * (rest * rest + loose * (1.0 - 2.0 * part) + part * along)
    freedom = number - 1 - (1 if directed else 0)
    judged[0] = score
    judged[1] = square
    judged[2] = 1.0
    judged[3] = 1.0
    tests = 0
    least = math.inf
    single = number == 2  # a single binomial count: twice its tail is exact
    if single or directed:
        near = cells[3] if single else max(abs(score) - cautions[0] * math.sqrt(along), 0.0)
        least = 2.0 * (1.0 if single else cautions[1]) * normal_tail(near)
        tests += 1
    if single:
        judged[2] = least
        judged[3] = least if freedom > 0 else 1.0
        return
    if freedom > 0:
        near = max(square - cautions[2] * 2.0 * math.sqrt(max(spread, 0.0)), 0.0)
        judged[3] = cautions[3] * gamma_tail(0.5 * freedom, 0.5 * near)
        least = min(least, judged[3])
        tests += 1
    if tests > 0:
        judged[2] = tests * least


@page_kernel("void(float64[::1], float64[::1], float64[::1], float64[::1])")
def judge_cells(cells, direction, cautions, judged):
    """Write what cells show against the null hypothesis: `JUDGED`. A p-value may exceed 1.

    Parameters
    ----------
    cells : float64 array, shape (4 * G,)
    direction : float64 array, shape (G,)
    cautions : float64 array, shape (4,)
    judged : float64 array, shape (4,)
    """
    _judge(cells, direction, cautions, judged)


@page_kernel("int64(int64, int64)")
def outcomes(particles, groups):
    """Return how many outcomes so many particles have in groups, or 0 where there are too many to sum over."""
    bars = groups - 1
    if bars < 2 or particles > _MOST_PARTICLES:
        return 0
    size = 1
    for k in range(1, bars + 1):
        size = size * (particles + k) // k
        if size > _MOST_OUTCOMES:
            return 0
    return size


@page_kernel(
    "float64(float64[::1], int64, float64[::1], float64[::1], float64[::1], float64, float64[::1], float64[::1], "
    "int64[::1], float64[::1])"
)
def exact_p_value(groups, particles, direction, cautions, table, stated, cells, logs, place, judged):
    """Return the probability of all outcomes that are as extreme as a stated p-value or more.

    Parameters
    ----------
    groups : float64 array, shape (4 * G,)
    particles : int
    direction : float64 array, shape (G,)
    cautions : float64 array, shape (4,)
    table : float64 array
        From `tabulate_cells`.
    stated : float
        The p-value of `judge_cells`.
    cells : float64 array, shape (4 * G,)
        Work space, as are those that follow.
    logs : float64 array, shape (N + 1,)
    place : int64 array, shape (G,)
    judged : float64 array, shape (4,)
    """
    number = place.size
    side = particles + 1
    logs[0] = 0.0
    for n in range(1, side):
        logs[n] = logs[n - 1] + math.log(1.0 * n)
    whole = 0.0
    for i in range(number):
        whole += groups[4 * i]
        place[i] = 0
    limit = stated * (1.0 + 1e-9)  # outcomes that tie but for rounding count as equally extreme
    total = 0.0
    place[number - 1] = particles
    while True:
        left = particles
        chance = logs[particles]
        for i in range(number):
            n = place[i]
            chance += n * math.log(groups[4 * i] / whole) - logs[n]
            if i < number - 1:
                at = 4 * ((i * side + left) * side + n)
                for k in range(4):
                    cells[4 * i + k] = table[at + k]
            left -= n
        _judge(cells, direction, cautions, judged)
        if judged[2] <= limit:
            total += math.exp(chance)
        # The next way to share the particles out: what the last group holds moves on by one.
        i = number - 2
        while i >= 0 and place[number - 1] == 0:
            place[number - 1] = place[i]
            place[i] = 0
            i -= 1
        if i < 0:
            return min(total, 1.0)
        place[i] += 1
        place[number - 1] -= 1


def _any_at_most(least, particles, probabilities):
    """Return P(any of the particles is in a level of at most this probability), or 0 where it is 0."""
    if least == 0.0:
        return 0.0
    at_most = 0.0
    for i in range(probabilities.size):
        if probabilities[i] <= least:
            at_most += probabilities[i]
    return 1.0 if at_most >= 1.0 else -math.expm1(particles * math.log1p(-at_most))


@page_kernel("float64(int64[::1], float64[::1])")
def rarest_p_value(counts, probabilities):
    """Return P(any of the particles is in a level at most as likely as the least likely one occupied).

    It is 0 where a level of probability zero is occupied.
    """
    particles = 0
    least = math.inf
    for i in range(counts.size):
        particles += counts[i]
        if counts[i] > 0:
            least = min(least, probabilities[i])
    return _any_at_most(least, particles, probabilities)


@page_kernel("void(int64[::1], float64[::1], float64[::1])")
def level_residuals(counts, probabilities, found):
    """Write the total variation of the counts from what is expected, and the level that is worst: `RESIDUALS`."""
    particles = 0
    for i in range(counts.size):
        particles += counts[i]
    found[0] = 0.0
    found[1] = 0.0
    found[2] = 0.0
    for i in range(counts.size):
        p = probabilities[i]
        found[0] += 0.5 * abs(counts[i] / particles - p)
        excess = counts[i] - particles * p
        spread = math.sqrt(particles * p * (1.0 - p))
        residual = 0.0
        if spread > 0.0:
            residual = excess / spread
        elif excess != 0.0 and p != 1.0:
            residual = math.inf if excess > 0.0 else -math.inf
        if abs(residual) > abs(found[2]) or i == 0:
            found[1] = i
            found[2] = residual


@page_kernel("float64(int64, float64)")
def variation_margin(particles, false_alarm):
    """Return by how much a total variation may fall short of the sampler's own (C. McDiarmid 1989)."""
    return math.sqrt(-math.log(false_alarm) / (2.0 * particles))
