"""What a verdict on counts would have caught, for the reader's browser.

`simsoftmax.verdict.power` is the reference, and says what is done here and why; a test holds the two together. Groups,
directions and cautions are those of `simsoftmax.kernels.page.counts`. As in `simsoftmax.kernels.page.exact`, arrays
belong to the caller and nothing is allocated.
"""

import math

from ..few import draw_few
from ..stirling import deviance, stirling_error
from ..tails import gamma_tail, normal_quantile, normal_tail
from . import page_kernel
from .counts import _any_at_most, _chi_square, _large_quantile, _write_between

__all__ = [
    "THRESHOLDS",
    "draw_outcome",
    "least_shift",
    "shown_temperature",
    "shown_variation",
    "thresholds_of",
    "tilted",
]

INLINE = True

#: What `thresholds_of` writes: degrees of freedom and whether there is a direction; what the score must exceed, by how
#: many of which standard deviations; the same of the chi-square, with the sum and the largest of the squares.
THRESHOLDS = (
    "freedom",
    "directed",
    "score",
    "score_steps",
    "score_loose",
    "rest",
    "rest_steps",
    "loose",
    "loosest",
)

_MARGIN = 0.04  # these are those of verdict.power
_ALONG = 20
# Nodes of Gauss and Hermite, and the weight of the middle one, of the inner and of the outer ones.
_INNER, _OUTER = math.sqrt(5.0 - math.sqrt(10.0)), math.sqrt(5.0 + math.sqrt(10.0))
_MIDDLE_WEIGHT = 8.0 / 15.0
_INNER_WEIGHT, _OUTER_WEIGHT = (7.0 + 2.0 * math.sqrt(10.0)) / 60.0, (7.0 - 2.0 * math.sqrt(10.0)) / 60.0


def _allowed(order, probabilities):
    """Return how many levels can be occupied; they come first in the order."""
    number = 0
    for i in range(order.size):
        if probabilities[order[i]] > 0.0:
            number = i + 1
    return number


def _below(x):
    """Return the probability of less than x standard deviations."""
    beyond = normal_tail(abs(x))
    return beyond if x < 0.0 else 1.0 - beyond


@page_kernel("void(float64[::1], float64[::1], float64[::1], int64, float64, float64[::1])")
def thresholds_of(groups, direction, cautions, particles, false_alarm, need):
    """Write what the two tests ask for: `THRESHOLDS`, infinite where there is no such test.

    Parameters
    ----------
    groups : float64 array, shape (4 * G,)
    direction : float64 array, shape (G,)
        From `temperature_pull`.
    cautions : float64 array, shape (4,)
        From `cautions_of`.
    particles : int
    false_alarm : float
        What is left of it for these two tests.
    need : float64 array, shape (9,)
        Receives the results.
    """
    number = direction.size
    after = groups[4 * number - 4]
    directed = False
    along = 0.0
    need[7] = 0.0
    need[8] = 0.0
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
        need[7] += loose * (1.0 - square)
        need[8] = max(need[8], loose)
        after += p
    freedom = number - 1 - (1 if directed else 0)
    alarm = 0.5 * false_alarm if directed and freedom > 0 else false_alarm
    single = number == 2  # exact, up to the end of the cell that is nearer to 0
    need[0] = freedom
    need[1] = 1.0 if directed else 0.0
    need[2] = normal_quantile(0.5 * alarm / (1.0 if single else cautions[1])) if directed else math.inf
    need[3] = 0.5 * math.pi if single else cautions[0]
    need[4] = math.sqrt(along)
    need[5] = _chi_square(1.0 * freedom, alarm / (1.0 if single else cautions[3])) if freedom > 0 else math.inf
    need[6] = 0.5 * math.pi if single else cautions[2]


def _noncentral_share(x, freedom, noncentrality):
    """Return the probability of a chi-square below x: a sum of central ones with the weights of Poisson.

    Source: R. A. Fisher (1928). Each chi-square has two degrees of freedom more, and so its own tail from the last.
    """
    mean = 0.5 * noncentrality
    half = 0.5 * x
    first = max(0.0, math.floor(mean - 12.0 * math.sqrt(mean) - 40.0))
    weight = math.exp(-mean)
    if first > 0.0:
        weight = math.exp(-deviance(first, mean) - stirling_error(first)) / math.sqrt(2.0 * math.pi * first)
    shape = 0.5 * freedom + first
    tail = gamma_tail(shape, half)
    step = math.exp(-deviance(shape, half) - stirling_error(shape)) / math.sqrt(2.0 * math.pi * shape)
    total = 0.0
    j = first
    while j < mean or weight > 1e-17:
        total += weight * (1.0 - tail)
        tail = min(tail + step, 1.0)
        shape += 1.0
        step *= half / shape
        j += 1.0
        weight *= mean / j
    return min(total, 1.0)


@page_kernel("float64(float64[::1], float64)")
def least_shift(need, power):
    """Return the length squared of a shift of the residuals that is caught with a power, wherever it points.

    Parameters
    ----------
    need : float64 array, shape (9,)
        From `thresholds_of`.
    power : float
    """
    freedom = need[0]
    directed = need[1] > 0.0
    critical = need[2] + need[3] * need[4] if directed else math.inf
    low = 0.0
    high = 0.0
    doubling = True
    for _ in range(1200):
        length = high if doubling else 0.5 * (low + high)
        most = 0.0
        for i in range(_ALONG + 1 if directed and freedom > 0.0 else 1):
            part = i / _ALONG if directed and freedom > 0.0 else need[1]
            missed = 1.0
            if directed:
                for side in range(2):
                    below = _below((-critical if side else critical) - length * part)
                    missed = missed - below if side else below
            if freedom > 0.0:
                across = length * length * (1.0 - part * part)
                within = 2.0 * math.sqrt(need[7] * need[5] / freedom + need[8] * across)
                missed *= _noncentral_share(need[5] + need[6] * within, freedom, max(across, 1e-12))
            most = max(most, missed)
        if most > 1.0 - power:
            low = length
            if doubling:
                high = max(1.0, 2.0 * high)
        else:
            high = length
            doubling = False
        if not doubling and high - low <= 1e-12 * high:
            break
    return high * high


@page_kernel("float64(float64[::1], int64[::1], float64[::1], int64, float64, float64)")
def shown_variation(probabilities, order, groups, particles, shift, power):
    """Return a total variation such that any sampler so far off, or farther, is caught.

    Parameters
    ----------
    probabilities : float64 array, shape (K,)
    order : int64 array, shape (K,)
    groups : float64 array, shape (4 * G,)
    particles : int
    shift : float
        From `least_shift`.
    power : float
    """
    number = groups.size // 4
    allowed = _allowed(order, probabilities)
    hidden = 0.0
    largest = 0.0
    for g in range(number):
        first = int(groups[4 * g + 3])
        end = int(groups[4 * g + 7]) if g < number - 1 else allowed
        lightest = math.inf
        for i in range(first, end):
            lightest = min(lightest, probabilities[order[i]])
        if end - first > 1:
            hidden += groups[4 * g] - lightest
        largest = max(largest, groups[4 * g])
    if allowed < order.size:
        hidden -= math.expm1(math.log1p(-power) / particles)
    if number == 1:
        return min(hidden, 1.0)
    a = min(1.0 - largest, 0.5)
    b = -shift * (1.0 - 2.0 * a)
    seen = (-b + math.sqrt(b * b + 4.0 * (particles + shift) * shift * a * (1.0 - a))) / (2.0 * (particles + shift))
    if a + seen > 0.5:
        seen = math.sqrt(shift / (4.0 * particles))
    return min(seen + hidden, 1.0)


def _tilt(logits, order, probabilities, groups, temperature, factor, shares):
    """Write the probabilities of the groups at another inverse temperature, so many times the stated one."""
    number = shares.size
    total = 0.0
    allowed = _allowed(order, probabilities)
    for g in range(number):
        end = int(groups[4 * g + 7]) if g < number - 1 else allowed
        shares[g] = 0.0
        for i in range(int(groups[4 * g + 3]), end):
            gap = 2.0 * ((0.5 * logits[order[i]] - 0.5 * logits[order[0]]) / temperature)  # halves cannot overflow
            shares[g] += math.exp(gap * factor)
        total += shares[g]
    for g in range(number):
        shares[g] /= total


def _quick_cell(count, left, q, rest, cell):
    """Write the cell of a real count of X ~ Binomial(left, q), without a distribution function."""
    start = -math.inf
    end = math.inf
    for upper in range(2):
        edge = _large_quantile(count if upper else count - 1.0, left, q, rest)
        # Nothing lies beyond an empty group, nor beyond a group that holds all.
        share = 2.0 * (left - count if upper else count)
        if share < 1.0:
            tail = _below(-edge if upper else edge) * max(share, 0.0)
            edge = normal_quantile(min(tail, 1.0 - tail))
            if (tail < 0.5) != (upper == 1):
                edge = -edge
        if upper:
            end = max(edge, start)
        else:
            start = edge
    _write_between(start, end, cell, 0)


def _sure_score(groups, direction, need, shares, particles, quantile, cell):
    """Return the size of the score that counts drawn from shares exceed with the power of a normal quantile."""
    number = direction.size
    after = max(shares[number - 1], 1e-30)
    null_after = groups[4 * number - 4]
    pulled = 0.0
    passed_on = 0.0
    centre = 0.0
    variance = 0.0
    third = 0.0
    caught = 0.0
    grain = 0.0
    largest = 0.0
    for j in range(number - 1):
        i = number - 2 - j
        own = max(shares[i], 1e-30)
        x = own / (own + after)
        rest = after / (own + after)
        p = groups[4 * i]
        left = particles * (own + after)
        width = math.sqrt(left * x * rest)
        skew = (rest - x) / max(width, 0.3)
        kurtosis = (1.0 - 6.0 * x * rest) / (max(width, 0.3) * max(width, 0.3))
        at = direction[i]
        term = 0.0
        mean = 0.0
        residual = 0.0
        one = 0.0
        two = 0.0
        three = 0.0
        for node in range(6):
            u = 0.0
            weight = _MIDDLE_WEIGHT
            if node == 1 or node == 2:
                u = _INNER
                weight = _INNER_WEIGHT
            elif node == 3 or node == 4:
                u = _OUTER
                weight = _OUTER_WEIGHT
            elif node == 5:  # where the outcome is just caught
                u = quantile
            if node == 2 or node == 4 or (node == 5 and x > p / (p + null_after)):
                u = -u
            if node == 5 and x == p / (p + null_after):
                u = 0.0
            bent = u + skew * (u * u - 1.0) / 6.0
            bent += kurtosis * (u * u * u - 3.0 * u) / 24.0 - skew * skew * (2.0 * u * u * u - 5.0 * u) / 36.0
            count = min(max(left * x + width * bent, 0.0), left)
            _quick_cell(count, left, p / (p + null_after), null_after / (p + null_after), cell)
            if node == 5:
                break
            here = at * cell[0] - passed_on * count
            if node == 0:
                term = here
            here -= term
            residual += weight * cell[0]
            one += weight * here
            two += weight * here * here
            three += weight * here * here * here
        mean = one
        variance += two - mean * mean
        third += three - 3.0 * mean * two + 2.0 * mean * mean * mean
        centre += at * residual
        pulled += 0.5 * at * residual
        passed_on = pulled / left
        square = at * at
        caught += cell[2] * square
        grain = max(grain, 0.5 * math.pi * abs(at) * math.sqrt(cell[2]))
        largest = max(largest, square)
        after += own
        null_after += p
    sign = math.copysign(1.0, centre)
    width = math.sqrt(max(variance, 1e-9))
    skewness = third / (width * width * width)
    bend = sign * min(max(skewness, -1.0), 1.0) * (quantile * quantile - 1.0) / 6.0
    sure = sign * centre - math.sqrt(max(variance, 0.0)) * (quantile - bend)
    blur = max(1.0 - largest, 0.0)
    jump = grain * math.exp(-math.pi * math.pi * blur / (2.0 * grain * grain)) if grain > 1e-6 else 0.0
    return sure - need[3] * math.sqrt(caught) - jump


@page_kernel(
    "float64(float64[::1], int64[::1], float64[::1], float64[::1], float64[::1], float64[::1], float64, int64, float64,"
    " float64[::1], float64[::1])"
)
def shown_temperature(
    logits, order, probabilities, groups, direction, need, temperature, particles, power, shares, cell
):
    """Return the relative error in T that the score alone catches, hotter or colder; infinite if none is.

    Where few particles decide, outcomes of `draw_outcome` have the last word.

    Parameters
    ----------
    logits : float64 array, shape (K,)
    order : int64 array, shape (K,)
    probabilities : float64 array, shape (K,)
    groups : float64 array, shape (4 * G,)
    direction : float64 array, shape (G,)
    need : float64 array, shape (9,)
        From `thresholds_of`.
    temperature : float
    particles : int
    power : float
    shares, cell : float64 arrays, shape (G,), (4,)
        Work space.
    """
    if need[1] == 0.0 or temperature == 0.0 or temperature == math.inf:
        return math.inf
    number = direction.size
    first = 0.0
    second = 0.0
    allowed = _allowed(order, probabilities)
    for g in range(number):
        end = int(groups[4 * g + 7]) if g < number - 1 else allowed
        mean = 0.0
        for i in range(int(groups[4 * g + 3]), end):
            gap = 2.0 * ((0.5 * logits[order[i]] - 0.5 * logits[order[0]]) / temperature)
            mean += probabilities[order[i]] * gap
        first += mean
        second += mean * mean / groups[4 * g]
    variance = second - first * first
    if not variance > 0.0:
        return math.inf
    quantile = normal_quantile(min(power, 1.0 - power))
    if power < 0.5:
        quantile = -quantile
    linear = min((need[2] + max(quantile, 0.0)) / math.sqrt(particles * variance), 1.0)
    change = 0.0
    for side in range(2):
        near = linear / 1.1
        far = linear * 1.1
        x = far
        state = 0  # the far end is moved out until the score is enough, the near end in until it is not, then halved
        for _ in range(400):
            _tilt(logits, order, probabilities, groups, temperature, math.exp(x if side else -x), shares)
            more = _sure_score(groups, direction, need, shares, particles, quantile, cell) - need[2] - _MARGIN
            enough = more > 0.0  # what is not a number promises nothing
            if state == 0:
                if not enough:
                    if far > 60.0:
                        return math.inf
                    near = far
                    far *= 1.5
                    x = far
                    continue
                state = 1
                x = near
                continue
            if state == 1:
                if enough:
                    if near < 1e-12:  # more false alarms allowed than power asked for
                        far = 0.0
                        break
                    far = near
                    near /= 1.5
                    x = near
                    continue
                state = 2
            elif enough:
                far = x
            else:
                near = x
            if far - near < 1e-9 * far:
                break
            x = 0.5 * (near + far)
        change = max(change, -math.expm1(-far) if side else math.expm1(far))
    return change


@page_kernel("float64(float64[::1], int64[::1], float64[::1], float64[::1], float64, int64, float64, float64[::1])")
def tilted(logits, order, probabilities, groups, temperature, particles, change, shares):
    """Write the probabilities of the groups at T (1 + change); return the particles expected outside the largest.

    Parameters
    ----------
    logits, order, probabilities, groups, temperature, particles
        As in `shown_temperature`.
    change : float
        More than -1.
    shares : float64 array, shape (G,)
        Receives the probabilities.
    """
    _tilt(logits, order, probabilities, groups, temperature, 1.0 / (1.0 + change), shares)
    largest = 0.0
    for g in range(shares.size):
        largest = max(largest, shares[g])
    return particles * (1.0 - largest)


@page_kernel("float64(float64[::1], int64[::1], float64[::1], int64, int64, float64[::1], float64[::1])")
def draw_outcome(probabilities, order, shares, particles, outcome, counts, groups):
    """Write the counts of an outcome of which all but a few particles are in one group; return its `rarest_p_value`.

    Parameters
    ----------
    probabilities : float64 array, shape (K,)
    order : int64 array, shape (K,)
    shares : float64 array, shape (G,)
        What is drawn from, by `tilted`.
    particles : int
    outcome : int
        Its number.
    counts : float64 array, shape (G,)
        Work space.
    groups : float64 array, shape (4 * G,)
        Those of the counts that were seen; receives the others in their place.
    """
    draw_few(shares, particles, outcome, counts)
    least = math.inf
    for g in range(shares.size):
        groups[4 * g + 2] = counts[g]
        if counts[g] > 0.0:
            least = min(least, probabilities[order[int(groups[4 * g + 3])]])
    return _any_at_most(least, particles, probabilities)
