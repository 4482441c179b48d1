"""Samplers that draw one token a row, right ones and wrong ones, and the verdict on them.

A sampler is a row of dials, named in `DIALS`; a wrong one has a dial turned. `simsoftmax.verdict.samplers` is the
reference for the verdict: any number of levels, any filters. Here rows have at most 32 levels, so that each token is a
place of its own, and scores are finite. The temperature test, the tails and the random part of a rank mass are the same
functions; a test holds the rest to the reference. As in `simsoftmax.kernels.page.exact`, nothing is allocated.
"""

import math

from .. import tilting
from ..crossing import any_edge
from ..residuals import NOTHING
from ..sampling import uniform_number
from ..seeds import following, splitmix
from ..streams import draw_normals, draw_unit, normals
from ..tails import binomial_tail, gamma_tail
from . import page_kernel

__all__ = [
    "DIALS",
    "OUTCOME",
    "TOTALS",
    "add_residuals",
    "compare_shares",
    "draw_contexts",
    "draw_tokens",
    "judge_draws",
    "rank_shares",
    "tail_p_value",
    "token_masses",
]

INLINE = True

#: What a sampler does: the factor by which its temperature is off, whether it divides twice, the filters (0 is no
#: top-k, 1 no top-p), whether these come before the temperature, whether the nucleus loses the token that crosses its
#: edge; the shares of draws that are greedy or even noise; the step of the uniform numbers that its exponential noise
#: is made from; the factor on the second quarter of the vocabulary; by how many places a token's number is off, 0 or 1.
DIALS = (
    "factor",
    "twice",
    "top_k",
    "top_p",
    "filters_first",
    "drops_crossing",
    "greedy",
    "noise",
    "step",
    "shard",
    "shift",
)
#: What `add_residuals` sums besides tables: the score, E |x|^3, draws of what is forbidden.
TOTALS = ("score", "cubes", "forbidden")
#: What `judge_draws` writes.
OUTCOME = (
    "p_value",
    "temperature_p",
    "tail_p",
    "place_p",
    "estimate",
    "low",
    "high",
    "token",
    "excess",
    "telling",
)
_POOL = 25.0  # as in verdict.samplers


def _masses(logits, at, temperature, dials, order, masses):
    """Write what a sampler draws from, for the row that begins at ``at``."""
    levels = order.size
    for k in range(levels):  # the likeliest token first
        i = k
        while i > 0 and logits[at + order[i - 1]] < logits[at + k]:
            order[i] = order[i - 1]
            i -= 1
        order[i] = k
    high = logits[at + order[0]]
    heat = dials[0] * temperature
    if dials[1] != 0.0:
        heat *= temperature
    kept = levels if dials[2] == 0.0 else min(levels, int(dials[2]))
    if dials[3] < 1.0:
        filtered_at = 1.0 if dials[4] != 0.0 else heat
        total = 0.0
        for i in range(kept):
            total += math.exp((logits[at + order[i]] - high) / filtered_at)
        inside = 0.0
        count = 0
        while count < kept and inside < dials[3] * total:
            inside += math.exp((logits[at + order[count]] - high) / filtered_at)
            count += 1
        kept = max(1, count - 1) if dials[5] != 0.0 else count
    total = 0.0
    for i in range(levels):
        weight = math.exp((logits[at + order[i]] - high) / heat) if i < kept else 0.0
        masses[at + order[i]] = weight
        total += weight
    again = 0.0
    for k in range(levels):
        p = masses[at + k] / total
        if dials[8] > 0.0 and p > 0.0:
            # The least of E_k / p_k with E in whole steps: see `simsoftmax.verdict.diagnosis`.
            p = dials[8] / math.expm1(dials[8] / p)
        if levels // 4 <= k < levels // 2:
            p *= dials[9]
        masses[at + k] = p
        again += p
    for k in range(levels):
        masses[at + k] = (1.0 - dials[6] - dials[7]) * masses[at + k] / again + dials[7] / levels
    masses[at + order[0]] += dials[6]
    if dials[10] != 0.0:
        last = masses[at + levels - 1]
        for i in range(levels - 1):
            masses[at + levels - 1 - i] = masses[at + levels - 2 - i]
        masses[at] = last


@page_kernel("void(float64[::1], float64, float64[::1], int64[::1], float64[::1])")
def token_masses(logits, temperature, dials, order, masses):
    """Write the distributions that a sampler draws from.

    Parameters
    ----------
    logits : float64 array, shape (n * K,)
        Finite scores, row by row.
    temperature : float
        The stated T > 0, finite.
    dials : float64 array, shape (11,)
        The sampler, by `DIALS`.
    order : int64 array, shape (K,)
        Work space.
    masses : float64 array, shape (n * K,)
        Receives the probabilities.
    """
    levels = order.size
    for row in range(logits.size // levels):
        _masses(logits, row * levels, temperature, dials, order, masses)


@page_kernel("void(uint64[::1], float64, float64[::1])")
def draw_contexts(stream, width, logits):
    """Write Gaussian scores of a standard deviation, an even number of them."""
    for i in range(0, logits.size - 1, 2):
        one, other = draw_normals(stream)
        logits[i] = width * one
        logits[i + 1] = width * other


@page_kernel("void(float64[::1], int64, uint64[::1], int64[::1])")
def draw_tokens(masses, levels, stream, draws):
    """Write tokens, as many from each row as fit, by inversion of its distribution function.

    Parameters
    ----------
    masses : float64 array, shape (n * K,)
        From `token_masses`.
    levels : int
        K.
    stream : uint64 array, shape (4,)
        Changed in place.
    draws : int64 array, shape (n * m,)
        Receives m tokens of each row.
    """
    rows = masses.size // levels
    each = draws.size // rows
    for i in range(draws.size):
        at = i // each * levels
        u = draw_unit(stream)
        token = 0
        while token < levels - 1 and u >= masses[at + token]:
            u -= masses[at + token]
            token += 1
        draws[i] = token


@page_kernel(
    "void(int64[::1], float64[::1], float64[::1], int64, float64, uint64[::1], float64[::1], float64[::1], int64[::1],"
    " float64[::1], float64[::1], float64[::1], float64[::1], float64[::1], float64[::1])"
)
def add_residuals(
    draws,
    logits,
    masses,
    levels,
    temperature,
    link,
    edges,
    theta,
    ranks,
    value,
    slope,
    curvature,
    totals,
    places,
    products,
):
    """Add what draws leave over, one of each row, when they are held against what was stated.

    Parameters
    ----------
    draws : int64 array, shape (n,)
    logits, masses : float64 arrays, shape (n * K,)
        Scores, and what should be drawn from, by `token_masses`.
    levels : int
        K, at most 32.
    temperature : float
        The stated one.
    link : uint64 array, shape (1,)
        A hash of all draws so far, 0 before the first.
    edges : float64 array, shape (b - 1,)
        Rank masses between which draws are counted.
    theta : float64 array, shape (t,)
        Inverse temperatures are (1 + theta) / T; 0 among them.
    ranks : int64 array, shape (b,)
        Draws by rank mass.
    value, slope, curvature : float64 arrays, shape (t,)
        K, K' and K'' of the score.
    totals : float64 array, shape (3,)
        By `TOTALS`.
    places : float64 array, shape (3 * K,)
        Draws of each token, then expected draws, then fourth cumulants.
    products : float64 array, shape (K * K,)
        Sums of p p'.
    """
    for row in range(draws.size):
        at = row * levels
        token = draws[row]
        link[0] = following(link[0], token)
        high = logits[at]
        for k in range(1, levels):
            high = max(high, logits[at + k])
        mean = 0.0
        for k in range(levels):
            if masses[at + k] > 0.0:
                mean += masses[at + k] * (logits[at + k] - high) / temperature
        weight = 0.0
        for k in range(levels):
            p = masses[at + k]
            if p > 0.0:
                t = (logits[at + k] - high) / temperature
                weight += math.exp(t)
                totals[1] += p * abs(t - mean) ** 3
                places[levels + k] += p
                odds = p * (1.0 - p)
                places[2 * levels + k] += odds * (1.0 - 6.0 * odds)
                for j in range(levels):
                    products[k * levels + j] += p * masses[at + j]
        for i in range(theta.size):
            total = 0.0
            one = 0.0
            two = 0.0
            for k in range(levels):
                if masses[at + k] > 0.0:
                    t = (logits[at + k] - high) / temperature
                    w = math.exp((1.0 + theta[i]) * t)
                    x = t - mean
                    total += w
                    one += w * x
                    two += w * x * x
            one /= total
            curvature[i] += max(two / total - one * one, 0.0)
            if theta[i] != 0.0:
                value[i] += math.log(total / weight) - theta[i] * mean
                slope[i] += one
        if masses[at + token] == 0.0:
            totals[2] += 1.0
            continue
        totals[0] += (logits[at + token] - high) / temperature - mean
        places[token] += 1.0
        above = 0.0
        same = 0.0
        for k in range(levels):
            if logits[at + k] > logits[at + token]:
                above += masses[at + k]
            elif logits[at + k] == logits[at + token]:
                same += masses[at + k]
        if 1.0 - same <= NOTHING:
            continue  # of what could be drawn all is as likely, and tells nothing of the tail
        chance = uniform_number(link[0], 0)
        rank = max(1.0 - above - (1.0 - chance) * same, 0.0)
        bin_ = 0
        while bin_ < edges.size and rank >= edges[bin_]:
            bin_ += 1
        ranks[bin_] += 1


@page_kernel("void(float64[::1], int64[::1], float64[::1], float64[::1])")
def rank_shares(edges, ranks, ratio, error):
    """Write draws over expected draws in each bin of rank mass, and the standard error of that for a right sampler."""
    count = 0
    for i in range(edges.size + 1):
        count += ranks[i]
    for i in range(edges.size + 1):
        low = edges[i - 1] if i > 0 else 0.0
        high = edges[i] if i < edges.size else 1.0
        width = high - low
        ratio[i] = ranks[i] / (count * width) if count > 0 else 0.0
        error[i] = math.sqrt((1.0 - width) / (count * width)) if count > 0 else 0.0


@page_kernel(
    "float64(float64[::1], int64[::1], uint64[::1], int64, int64[::1], int64[::1], float64[::1], float64[::1],"
    " float64[::1], float64[::1])"
)
def tail_p_value(edges, ranks, link, exact, low, high, inside, step, rest, out):
    """Return a p-value of the most surprising number of draws below an edge, and write that edge and the share.

    2 where no draw tells of the tail.

    Parameters
    ----------
    edges, ranks, link
        As in `add_residuals`.
    exact : int
        Whether the chance of any edge is wanted, and not the sum over all edges, which is a little more.
    low, high : int64 arrays, shape (b - 1,)
        Work space.
    inside, step, rest : float64 arrays, shape (n + 1,)
        Work space; where it is too small for so many draws, the sum is what is returned.
    out : float64 array, shape (2,)
        Receives the edge and the share of draws below it.
    """
    count = 0
    for i in range(edges.size + 1):
        count += ranks[i]
    if count == 0:
        out[0] = edges[0]
        out[1] = math.nan
        return 2.0
    level = 2.0
    below = 0
    for i in range(edges.size):
        below += ranks[i]
        own = binomial_tail(below, count, edges[i])
        if own < level:
            level = own
            out[0] = edges[i]
            out[1] = below / count
    if exact == 0:
        return min(1.0, 2.0 * edges.size * level)
    worse = 0.0
    chance = 0.0
    for side in range(2):  # between worse than that and as bad or worse
        here = any_edge(count, edges, level * (1.0 + (2 * side - 1) * 1e-9), low, high, inside, step, rest)
        worse = here if side == 0 else worse
        chance = here
    return worse + uniform_number(splitmix(link[0]), 2) * (chance - worse)


@page_kernel("void(int64[::1], float64[::1], float64[::1])")
def compare_shares(counts, masses, out):
    """Write what checks of many draws from one row look at.

    They are the cosine between shares and probabilities, the KL divergence of the shares, how many draws were
    forbidden, and 1 if the likeliest token came most often, else 0.
    """
    total = 0
    for k in range(counts.size):
        total += counts[k]
    product = 0.0
    square_q = 0.0
    square_p = 0.0
    divergence = 0.0
    forbidden = 0
    often = 0
    likely = 0
    for k in range(counts.size):
        q = counts[k] / total
        p = masses[k]
        product += q * p
        square_q += q * q
        square_p += p * p
        if counts[k] > 0:
            if p > 0.0:
                divergence += q * math.log(q / p)
            else:
                divergence = math.inf
                forbidden += counts[k]
        if counts[k] > counts[often]:
            often = k
        if p > masses[likely]:
            likely = k
    out[0] = product / math.sqrt(square_q * square_p)
    out[1] = divergence
    out[2] = forbidden
    out[3] = 1.0 if often == likely else 0.0


@page_kernel(
    "void(float64[::1], float64[::1], float64[::1], float64[::1], float64[::1], uint64[::1], int64[::1], float64[::1],"
    " float64[::1], float64[::1], float64[::1], float64, float64, float64, float64[::1], float64[::1])"
)
def judge_draws(
    theta,
    value,
    slope,
    curvature,
    totals,
    link,
    group,
    excess,
    places,
    products,
    matrix,
    temperature,
    quantile,
    tail_p,
    coefficients,
    outcome,
):
    """Write the verdict on draws whose residuals were added.

    Parameters
    ----------
    theta, value, slope, curvature, totals, link, places, products, temperature
        As `add_residuals` leaves them.
    quantile : float
        Of the normal distribution, for the interval of the temperature.
    tail_p : float
        From `tail_p_value`.
    group, excess, matrix, coefficients : arrays, shape (K,), (K,), (K * K,), (t * 6,)
        Work space; the first one of int64.
    outcome : float64 array, shape (10,)
        Receives the results, by `OUTCOME`.
    """
    curve = (theta, coefficients, *tilting.lay_curve(theta, value, slope, curvature, coefficients))
    variance = 0.0
    for i in range(theta.size):
        variance = curvature[i] if theta[i] == 0.0 else variance
    step = totals[1] / variance if variance > 0.0 else 0.0
    tells = 0.0 < variance < math.inf and step < math.inf
    place_p = _place(places, products, group, excess, matrix)
    best, hottest, coldest = tilting.estimate(curve, totals[0], quantile)
    for i in range(3):
        tilt = best if i == 0 else coldest if i == 1 else hottest
        outcome[4 + i] = math.inf if tilt <= -1.0 else temperature / (1.0 + tilt)
        if not tells:
            outcome[4 + i] = math.nan
    token, size = _worst_place(places, products, group.size)
    outcome[7] = token
    outcome[8] = size
    temperature_p = 1.0
    if tells:
        key = splitmix(link[0])
        blur = normals(uniform_number(key, 0), uniform_number(key, 1))[0]
        width = min(step, variance / step)
        tilting.blur(curve, width)
        temperature_p = tilting.p_value(curve, totals[0] + width * blur)
    # One that has nothing to tell by takes no part of the budget.
    telling = (1.0 if tells else 0.0) + (1.0 if tail_p < 2.0 else 0.0) + (1.0 if place_p < 2.0 else 0.0)
    telling = max(telling, 1.0)
    outcome[1] = temperature_p
    outcome[2] = min(tail_p, 1.0)
    outcome[3] = min(place_p, 1.0)
    outcome[0] = 0.0 if totals[2] > 0.0 else min(1.0, telling * min(temperature_p, tail_p, place_p))
    outcome[9] = telling


def _variance(places, products, levels, k):
    return max(places[levels + k] - products[k * levels + k], 0.0)


def _worst_place(places, products, levels):
    """Return the token whose number of draws is farthest from what was expected, in standard deviations."""
    token = 0
    worst = 0.0
    for k in range(levels):
        variance = _variance(places, products, levels, k)
        if variance >= 1.0:
            size = (places[k] - places[levels + k]) / math.sqrt(variance)
            if abs(size) > abs(worst):
                token = k
                worst = size
    return token, worst


def _place(places, products, group, excess, matrix):
    """Return a p-value of all places: of the quadratic form of draws less expected draws with their covariance.

    2 where draws are too few to tell.

    The covariance is eliminated from the largest pivot on; what is left at the end has no variance. That is the number
    of all draws together; where some were forbidden it is made to agree first.
    """
    levels = group.size
    # Neighbours in groups whose draws vary enough; what is left over belongs to the last.
    groups = 0
    total = 0.0
    for k in range(levels):
        group[k] = groups
        total += _variance(places, products, levels, k)
        if total >= _POOL:
            groups += 1
            total = 0.0
    if groups < 2:
        return 2.0
    for k in range(levels):
        group[k] = min(group[k], groups - 1)
        excess[k] = 0.0
        for j in range(levels):
            matrix[k * levels + j] = 0.0
    for k in range(levels):
        g = group[k]
        excess[g] += places[k] - places[levels + k]
        matrix[g * levels + g] += places[levels + k]
        for j in range(levels):
            matrix[g * levels + group[j]] -= products[k * levels + j]
    fourth = 0.0
    surplus = 0.0
    for g in range(groups):
        surplus += excess[g] / groups
    for g in range(groups):
        excess[g] -= surplus
    for k in range(levels):
        g = group[k]
        fourth += places[2 * levels + k] / matrix[g * levels + g] ** 2
    form = 0.0
    freedom = 0
    largest = 0.0
    for _ in range(groups):
        at = 0
        for g in range(groups):
            if matrix[g * levels + g] > matrix[at * levels + at]:
                at = g
        pivot = matrix[at * levels + at]
        largest = max(largest, pivot)
        if pivot <= 1e-9 * largest:
            break
        freedom += 1
        form += excess[at] ** 2 / pivot
        for i in range(groups):
            if i != at:
                share = matrix[i * levels + at] / pivot
                excess[i] -= share * excess[at]
                for j in range(groups):
                    matrix[i * levels + j] -= share * matrix[at * levels + j]
        for i in range(groups):
            matrix[i * levels + at] = 0.0
            matrix[at * levels + i] = 0.0
    spread = 1.0 + max(fourth, 0.0) / (2.0 * freedom)
    return gamma_tail(freedom / (2.0 * spread), form / (2.0 * spread))
