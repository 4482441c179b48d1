"""A sum of scores of which ln E exp(theta S) is known at a few theta: its tails, and the theta that it speaks for.

K(theta) = ln E exp(theta S), K' and K'' come as a table, of which `lay_curve` makes a ``curve``: between its rows K is
the polynomial of degree five that has all of them. A curve is the tuple (theta, coefficients, first, last).
`simsoftmax.verdict.tilting` says what the sum is. A step is a length by which one term moves the sum. A sum that moves
in steps has no smooth tails, so it is blurred before it is judged: a normal number about as wide is added to it.

Tails are those of R. Lugannani and S. Rice (1980); where few terms decide, so that the sum is not smooth, they are the
bound exp(K - theta S) of H. Chernoff (1952).

Each function is written out wherever it is called, for a page has no stack: so what is asked twice is asked in a loop.
"""

import math

from simsoftmax.kernels.tails import normal_tail

INLINE = True
SMOOTH = 0.35
"""The skewness of a sum up to which its tails are taken as those of a smooth one."""
NEAR = 0.01  # standard deviations from the mean up to which a tail is that of a normal number
TERMS = 6  # of a polynomial
_VALUE, _MEAN, _VARIANCE, _THIRD = 0, 1, 2, 3
_PARTS = 200  # of the way to an end, at which smoothness is asked for
_HALVINGS = 100


def lay_curve(theta, value, slope, curvature, coefficients):
    """Write the polynomials between the rows of a table; return its first and its last sound row.

    Sound are the rows around theta = 0 where nothing overflowed and more heat means a smaller S.

    Parameters
    ----------
    theta, value, slope, curvature : float64 arrays, shape (t,)
        Rising theta, 0 among them; K, K' and K'' there.
    coefficients : float64 array, shape (t * TERMS,)
        Receives those of powers of the share of the way from one row to the next.
    """
    first = 0
    while theta[first] != 0.0:
        first += 1
    last = first
    for side in (-1, 1):
        while True:
            here = first if side < 0 else last
            there = here + side
            if there < 0 or there == theta.size or not side * (slope[there] - slope[here]) > 0.0:
                break
            if not abs(value[there]) + abs(slope[there]) + abs(curvature[there]) < math.inf:
                break
            if side < 0:
                first = there
            else:
                last = there
    for i in range(first, last):
        h = theta[i + 1] - theta[i]
        b = h * slope[i]
        c = 0.5 * h * h * curvature[i]
        rise = value[i + 1] - value[i] - b - c
        turn = h * slope[i + 1] - b - 2.0 * c
        bend = h * h * curvature[i + 1] - 2.0 * c
        at = TERMS * i
        coefficients[at] = value[i]
        coefficients[at + 1] = b
        coefficients[at + 2] = c
        coefficients[at + 3] = 10.0 * rise - 4.0 * turn + 0.5 * bend
        coefficients[at + 4] = -15.0 * rise + 7.0 * turn - bend
        coefficients[at + 5] = 6.0 * rise - 3.0 * turn + 0.5 * bend
    return first, last


def blur(curve, width):
    """Make a curve that of the sum and a normal number of this width: K gains (theta width)^2 / 2, a polynomial."""
    theta, coefficients, first, last = curve
    half = 0.5 * width * width
    for i in range(first, last):
        h = theta[i + 1] - theta[i]
        at = TERMS * i
        coefficients[at] += half * theta[i] * theta[i]
        coefficients[at + 1] += 2.0 * half * theta[i] * h
        coefficients[at + 2] += half * h * h


def ends(curve):
    """Return the lowest and the highest theta at which K is known."""
    return curve[0][curve[2]], curve[0][curve[3]]


def derivative(curve, x, order):
    """Return a derivative of K; the first is the mean of S at theta = x, the second its variance."""
    theta, coefficients, first, last = curve
    i = first
    while i < last - 1 and x >= theta[i + 1]:
        i += 1
    h = theta[i + 1] - theta[i]
    u = (x - theta[i]) / h
    total = 0.0
    for j in range(TERMS - 1, order - 1, -1):
        term = coefficients[TERMS * i + j]
        for k in range(order):
            term *= (j - k) / h
        total = total * u + term
    return total


def saddle(curve, score):
    """Return theta with K'(theta) = score, or the end that is nearest to it."""
    low, high = ends(curve)
    if low == high or score == 0.0:
        return 0.0
    for halving in range(_HALVINGS + 2):
        middle = low if halving == 0 else high if halving == 1 else 0.5 * (low + high)
        wanting = derivative(curve, middle, _MEAN) < score
        if halving < 2:
            if wanting == (halving == 1):
                return middle
        elif wanting:
            low = middle
        else:
            high = middle
    return 0.5 * (low + high)


def smooth_ends(curve):
    """Return the theta below and above 0 up to which sums with their means there are smooth."""
    low, high = ends(curve)
    for side in (-1, 1):
        end = low if side < 0 else high
        found = end
        for part in range(_PARTS):
            theta = end * (part / _PARTS)
            variance = max(derivative(curve, theta, _VARIANCE), 0.0)
            if not abs(derivative(curve, theta, _THIRD)) <= SMOOTH * variance * math.sqrt(variance):
                found = end * (max(part - 1, 0) / _PARTS)
                break
        if side < 0:
            low = found
        else:
            high = found
    return low, high


def _exponent(curve, theta, score, at):
    return derivative(curve, theta, _VALUE) - derivative(curve, at, _VALUE) - (theta - at) * score


def _beyond(r, u):
    """Return the tail beyond a signed root r > 0 with its factor u, both in standard deviations.

    Next to the mean 1 / u and 1 / r are large and nearly alike, and what rounding leaves of them could be anything.
    """
    if r < NEAR:
        return normal_tail(r)
    density = math.exp(-0.5 * r * r) / math.sqrt(2.0 * math.pi)
    return min(1.0, max(normal_tail(r) + density * (1.0 / u - 1.0 / r), 0.0))


def tail_from(curve, smooth, theta, score, at):
    """Return the probability, at theta = ``at``, of a score at least as far out as one whose saddle is theta.

    Out is on its own side of the mean. ``smooth`` is from `smooth_ends`.
    """
    if theta == at:
        return 1.0
    last = min(max(theta, smooth[0]), smooth[1])  # up to where the sum is smooth
    bound = math.exp(min(_exponent(curve, theta, score, at), 0.0))
    if last == at or not min(at, theta) <= last <= max(at, theta):
        return bound
    # Farther out it is less than there, and less than its bound.
    edge = score if last == theta else derivative(curve, last, _MEAN)
    r = math.sqrt(max(-2.0 * _exponent(curve, last, edge, at), 0.0))
    found = _beyond(r, abs(last - at) * math.sqrt(derivative(curve, last, _VARIANCE)))
    return found if last == theta else min(found, bound)


def tail(curve, score, at):
    """Return the probability of a score at least as far out, on its own side of the mean, at theta = ``at``."""
    theta = saddle(curve, score)
    if theta == at:
        return 1.0
    return tail_from(curve, smooth_ends(curve), theta, score, at)


def p_value(curve, score):
    """Return a two-sided p-value of a score at theta = 0."""
    return min(1.0, 2.0 * tail(curve, score, 0.0))


def critical(curve, alarm, side):
    """Return the score on one side (1 or -1) beyond which a p-value is at most ``alarm``; infinite if none is."""
    low, high = ends(curve)
    end = high if side > 0 else low
    if end == 0.0:
        return side * math.inf
    smooth = smooth_ends(curve)
    near = 0.0
    far = end * (1.0 - 1e-9)
    for halving in range(_HALVINGS + 1):
        middle = 0.5 * (near + far) if halving else far
        if 2.0 * tail_from(curve, smooth, middle, derivative(curve, middle, _MEAN), 0.0) <= alarm:
            far = middle
        elif halving:
            near = middle
        else:
            return side * math.inf
    return derivative(curve, far, _MEAN)


def detectable(curve, width, alarm, power, side):
    """Return the theta on one side of 0 from which on a wrong temperature is caught; infinite where none is.

    A wrong temperature tilts the sum, and not the normal number in it, which the curve at theta has moved by width^2
    theta: the score is moved as far.
    """
    score = critical(curve, alarm, side)
    if abs(score) == math.inf or power <= 0.5:  # nothing is promised that is missed every other time
        return side * math.inf
    low, high = ends(curve)
    caught = high if side > 0 else low
    moved = width * width
    smooth = smooth_ends(curve)
    missed = saddle(curve, score)  # every other time
    for halving in range(_HALVINGS + 1):
        middle = 0.5 * (missed + caught) if halving else caught  # far out it must be caught
        edge = score + moved * middle
        if tail_from(curve, smooth, saddle(curve, edge), edge, middle) <= 1.0 - power:
            caught = middle
        elif halving:
            missed = middle
        else:
            return side * math.inf
    return caught


def estimate(curve, score, quantile):
    """Return the most likely theta and the ends of its interval; infinite beyond the ends of what is known.

    The ends are where the modified root of the likelihood ratio, r + ln(u / r) / r (O. E. Barndorff-Nielsen 1986),
    is a quantile of the normal distribution.
    """
    low, high = ends(curve)
    best = saddle(curve, score)
    lower = -math.inf
    upper = math.inf
    for side in (-1, 1):
        inside = best
        outside = low if side < 0 else high
        for halving in range(_HALVINGS + 1):
            middle = 0.5 * (inside + outside) if halving else outside
            if middle != best and side * _root(curve, score, best, middle) + quantile <= 0.0:
                outside = middle
            elif halving:
                inside = middle
            else:
                outside = side * math.inf
                break
        if side < 0:
            lower = outside
        else:
            upper = outside
    if best == low:
        best = -math.inf
    elif best == high:
        best = math.inf
    return best, lower, upper


def _root(curve, score, best, theta):
    """Return the modified root of the likelihood ratio of theta; negative if it is above the most likely one."""
    away = best - theta
    r = math.copysign(math.sqrt(max(2.0 * -_exponent(curve, best, score, theta), 0.0)), away)
    u = away * math.sqrt(derivative(curve, best, _VARIANCE))
    return r + math.log(u / r) / r if abs(r) > 1e-3 and u * r > 0.0 else r
