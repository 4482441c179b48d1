"""A sum of scores of which ln E exp(theta S) is known at a few theta: its tails, and the theta that it speaks for.

K(theta) = ln E exp(theta S), K' and K'' come as a table; between its rows K is the polynomial of degree five that has
all of them. A ``heat`` is the tuple (theta, value, slope, curvature, cubes): rising theta with 0 among them, K, K' and
K'' there, and the sum of E |x|^3 over all terms x of S. `simsoftmax.verdict.tilting` says what the sum is.

Tails are those of R. Lugannani and S. Rice (1980); where few terms decide, so that the sum is not smooth, they are the
bound exp(K - theta S) of H. Chernoff (1952).
"""

import math

from simsoftmax.kernels.tails import normal_tail

INLINE = True
SMOOTH = 0.35
"""The skewness of a sum up to which its tails are taken as those of a smooth one."""
_VALUE, _MEAN, _VARIANCE, _THIRD = 0, 1, 2, 3
_PARTS = 200  # of the way to an end, at which smoothness is asked for
_HALVINGS = 100


def _sound(heat):
    """Return the place of 0, and the rows around it where nothing overflowed and more heat means a smaller S."""
    theta, value, slope, curvature, _ = heat
    centre = 0
    while theta[centre] != 0.0:
        centre += 1
    first = centre
    last = centre
    while first > 0 and _fine(heat, first - 1) and slope[first - 1] < slope[first]:
        first -= 1
    while last < theta.size - 1 and _fine(heat, last + 1) and slope[last + 1] > slope[last]:
        last += 1
    return centre, first, last


def _fine(heat, row):
    _, value, slope, curvature, _ = heat
    return abs(value[row]) < math.inf and abs(slope[row]) < math.inf and abs(curvature[row]) < math.inf


def _known(heat):
    """Return the table with the first and the last of its sound rows."""
    theta, value, slope, curvature, _ = heat
    _, first, last = _sound(heat)
    return theta, value, slope, curvature, first, last


def _ends(known):
    return known[0][known[4]], known[0][known[5]]


def _derivative(known, x, order):
    """Return a derivative of K, by the polynomial between two rows of the table."""
    theta, value, slope, curvature, first, last = known
    i = first
    while i < last - 1 and x >= theta[i + 1]:
        i += 1
    h = theta[i + 1] - theta[i]
    u = (x - theta[i]) / h
    a, b, c = value[i], h * slope[i], 0.5 * h * h * curvature[i]
    rise = value[i + 1] - a - b - c
    turn = h * slope[i + 1] - b - 2.0 * c
    bend = h * h * curvature[i + 1] - 2.0 * c
    d = 10.0 * rise - 4.0 * turn + 0.5 * bend
    e = -15.0 * rise + 7.0 * turn - bend
    f = 6.0 * rise - 3.0 * turn + 0.5 * bend
    if order == _VALUE:
        return a + u * (b + u * (c + u * (d + u * (e + u * f))))
    if order == _MEAN:
        return (b + u * (2.0 * c + u * (3.0 * d + u * (4.0 * e + u * 5.0 * f)))) / h
    if order == _VARIANCE:
        return (2.0 * c + u * (6.0 * d + u * (12.0 * e + u * 20.0 * f))) / (h * h)
    return (6.0 * d + u * (24.0 * e + u * 60.0 * f)) / (h * h * h)


def spread_and_step(heat):
    """Return the standard deviation of S, and E |x|^3 / E x^2, a length by which one term moves it."""
    centre, _, _ = _sound(heat)
    variance = heat[3][centre]
    if variance == 0.0:
        return 0.0, 0.0
    return math.sqrt(variance), heat[4] / variance


def _tells(heat):
    spread, step = spread_and_step(heat)
    return 0.0 < spread < math.inf and step < math.inf


def ends(heat):
    """Return the lowest and the highest theta at which K is known."""
    return _ends(_known(heat))


def mean(heat, theta):
    """Return the mean of S at theta."""
    return _derivative(_known(heat), theta, _MEAN)


def saddle(heat, score):
    """Return theta with K'(theta) = score, or the end that is nearest to it."""
    return _saddle(_known(heat), score)


def _saddle(known, score):
    low, high = _ends(known)
    if low == high or score == 0.0:
        return 0.0
    if score <= _derivative(known, low, _MEAN):
        return low
    if score >= _derivative(known, high, _MEAN):
        return high
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        if _derivative(known, middle, _MEAN) < score:
            low = middle
        else:
            high = middle
    return 0.5 * (low + high)


def _smooth_up_to(known, end):
    """Return the theta between 0 and an end up to which sums with their means there are smooth."""
    found = 0.0
    for part in range(_PARTS):
        theta = end * (part / _PARTS)
        variance = max(_derivative(known, theta, _VARIANCE), 0.0)
        if not abs(_derivative(known, theta, _THIRD)) <= SMOOTH * variance * math.sqrt(variance):
            return found
        found = theta
    return end


def _smooth(known):
    low, high = _ends(known)
    return _smooth_up_to(known, low), _smooth_up_to(known, high)


def _exponent(known, theta, score, at):
    return _derivative(known, theta, _VALUE) - _derivative(known, at, _VALUE) - (theta - at) * score


def _beyond(r, u):
    """Return the tail beyond a signed root r > 0 with its factor u, both in standard deviations."""
    if r < 1e-4:
        return 0.5
    density = math.exp(-0.5 * r * r) / math.sqrt(2.0 * math.pi)
    return min(1.0, max(normal_tail(r) + density * (1.0 / u - 1.0 / r), 0.0))


def _tail_from(known, smooth, theta, score, at):
    """Return the tail at theta = ``at`` beyond a score whose saddle is theta."""
    if theta == at:
        return 1.0
    last = min(max(theta, smooth[0]), smooth[1])  # up to where the sum is smooth
    bound = math.exp(min(_exponent(known, theta, score, at), 0.0))
    if last == at or not min(at, theta) <= last <= max(at, theta):
        return bound
    # Farther out it is less than there, and less than its bound.
    edge = score if last == theta else _derivative(known, last, _MEAN)
    r = math.sqrt(max(-2.0 * _exponent(known, last, edge, at), 0.0))
    found = _beyond(r, abs(last - at) * math.sqrt(_derivative(known, last, _VARIANCE)))
    return found if last == theta else min(found, bound)


def tail(heat, score, at):
    """Return the probability of a score at least as far out, on its own side of the mean, at theta = ``at``."""
    known = _known(heat)
    theta = _saddle(known, score)
    if theta == at:
        return 1.0
    return _tail_from(known, _smooth(known), theta, score, at)


def p_value(heat, score):
    """Return a two-sided p-value of a score at theta = 0, judged a step nearer to the mean."""
    if not _tells(heat):
        return 1.0
    _, step = spread_and_step(heat)
    return min(1.0, 2.0 * tail(heat, math.copysign(max(abs(score) - step, 0.0), score), 0.0))


def critical(heat, alarm, side):
    """Return the score on one side (1 or -1) beyond which a p-value is at most ``alarm``; infinite if none is."""
    known = _known(heat)
    low, high = _ends(known)
    end = high if side > 0 else low
    if not _tells(heat) or end == 0.0:
        return side * math.inf
    smooth = _smooth(known)
    near = 1e-9 * end
    far = end * (1.0 - 1e-9)
    if 2.0 * _tail_from(known, smooth, far, _derivative(known, far, _MEAN), 0.0) > alarm:
        return side * math.inf
    for _ in range(_HALVINGS):
        middle = 0.5 * (near + far)
        if 2.0 * _tail_from(known, smooth, middle, _derivative(known, middle, _MEAN), 0.0) > alarm:
            near = middle
        else:
            far = middle
    return _derivative(known, far, _MEAN) + side * spread_and_step(heat)[1]


def detectable(heat, alarm, power, side):
    """Return the theta on one side of 0 from which on a wrong temperature is caught; infinite where none is."""
    score = critical(heat, alarm, side)
    if abs(score) == math.inf:
        return side * math.inf
    known = _known(heat)
    low, high = _ends(known)
    end = high if side > 0 else low
    _, step = spread_and_step(heat)
    score += side * step  # one step more, as the score may fall short of a smooth one by so much
    if abs(_derivative(known, end, _MEAN)) <= abs(score):
        return side * math.inf
    smooth = _smooth(known)
    start = _saddle(known, score)
    if _tail_from(known, smooth, start, score, end) > 1.0 - power:
        return side * math.inf
    missed = start
    caught = end
    for _ in range(_HALVINGS):
        middle = 0.5 * (missed + caught)
        if _tail_from(known, smooth, start, score, middle) > 1.0 - power:
            missed = middle
        else:
            caught = middle
    return caught


def estimate(heat, score, quantile):
    """Return the most likely theta and the ends of its interval; infinite beyond the ends of what is known.

    The ends are where the modified root of the likelihood ratio, r + ln(u / r) / r (O. E. Barndorff-Nielsen 1986),
    is a quantile of the normal distribution.
    """
    known = _known(heat)
    low, high = _ends(known)
    best = _saddle(known, score)
    lower = _interval_end(known, score, best, low, quantile)
    upper = _interval_end(known, score, best, high, quantile)
    if best == low:
        best = -math.inf
    elif best == high:
        best = math.inf
    return best, lower, upper


def _interval_end(known, score, best, end, quantile):
    side = 1.0 if end > best else -1.0
    if best == end or side * _root(known, score, best, end) + quantile > 0.0:
        return side * math.inf
    inside = best
    outside = end
    for _ in range(_HALVINGS):
        middle = 0.5 * (inside + outside)
        if side * _root(known, score, best, middle) + quantile > 0.0:
            inside = middle
        else:
            outside = middle
    return outside


def _root(known, score, best, theta):
    """Return the modified root of the likelihood ratio of theta; negative if it is above the most likely one."""
    away = best - theta
    gain = away * score - (_derivative(known, best, _VALUE) - _derivative(known, theta, _VALUE))
    r = math.copysign(math.sqrt(max(2.0 * gain, 0.0)), away)
    u = away * math.sqrt(_derivative(known, best, _VARIANCE))
    return r + math.log(u / r) / r if abs(r) > 1e-3 and u * r > 0.0 else r
