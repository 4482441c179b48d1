"""How well a temperature of calibration is known, and answers of a person as logits, for the reader's browser.

`simsoftmax.calibration.fit` makes the same interval with SciPy, from slopes that it extrapolates from where it last
looked; here they are taken at the temperature itself. A test holds the two together. As in
`simsoftmax.kernels.page.exact`, arrays belong to the caller and nothing is allocated.
"""

import math

from . import page_kernel

__all__ = ["honest_interval", "state_logits"]

# A page has no stack: what is called becomes part of the kernel.
INLINE = True


def _log_cosh(u):
    """Return ln cosh u without losing what is small."""
    s = 0.5 * math.expm1(u) * math.exp(-0.5 * u)  # sinh(u / 2)
    return math.log1p(2.0 * s * s)


def _student(tail, freedom):
    """Return the quantile of Student's t above which the share ``tail`` lies, 0 < tail < 1/2.

    With t = sqrt(freedom) sinh u the density of t becomes cosh(u)^-freedom in u, which is smooth and falls
    exponentially: the trapezoidal rule on all of it, and Simpson's on a part, are exact to rounding.
    """
    width = 1.0 / math.sqrt(freedom)
    step = min(0.25, 0.5 * width)
    half = 0.5  # of the integral, over the step
    n = 1
    value = 1.0
    while value > 1e-18:
        value = math.exp(-freedom * _log_cosh(n * step))
        half += value
        n += 1
    wanted = half * step * (1.0 - 2.0 * tail)
    low = 0.0
    high = n * step
    for _ in range(60):
        end = 0.5 * (low + high)
        pieces = 200 + 2 * int(10.0 * end / max(width, 0.1))
        h = end / pieces
        area = 1.0 + math.exp(-freedom * _log_cosh(end))
        for i in range(1, pieces):
            area += (4.0 if i % 2 else 2.0) * math.exp(-freedom * _log_cosh(i * h))
        if area * h / 3.0 < wanted:
            low = end
        else:
            high = end
    u = 0.5 * (low + high)
    return math.sqrt(freedom) * 0.5 * (math.exp(u) - math.exp(-u))


def _mean_nll(logits, labels, beta):
    """Return the mean negative log-likelihood of the labels at an inverse temperature above 0."""
    levels = logits.size // labels.size
    nll = 0.0
    for n in range(labels.size):
        first = n * levels
        top = logits[first]
        for k in range(1, levels):
            top = max(top, logits[first + k])
        total = 0.0
        for k in range(levels):
            total += math.exp((logits[first + k] - top) * beta)
        nll += math.log(total) - (logits[first + labels[n]] - top) * beta
    return nll / labels.size


@page_kernel("void(float64[::1], int64[::1], float64, float64, float64, float64[::1])")
def honest_interval(logits, labels, temperature, tail, more, limits):
    """Write the interval of the honest temperature, as `simsoftmax.fit_temperature` has it.

    It is the robust one of a maximum-likelihood estimate (Huber 1967) on the scale of ln T, with Student's t for few
    rows (Satterthwaite 1946). Where the temperature is 0 or infinite, the open end is the likelihood-ratio limit.

    Parameters
    ----------
    logits : float64 array, shape (n * K,)
        Row by row; -inf is a level that cannot be occupied, and no label. At least one row has two levels that differ.
    labels : int64 array, shape (n,)
    temperature : float
        From `honest_temperature`.
    tail : float
        Probability left out beyond each end, below 1/2.
    more : float
        A factor: with so many times as many rows of the same kind, what would the interval be?
    limits : float64 array, shape (4,)
        Receives the two ends, and the two ends with more rows; without an interior temperature the latter are NaN.
    """
    rows = labels.size
    levels = logits.size // rows
    limits[0] = 0.0
    limits[1] = math.inf
    limits[2] = math.nan
    limits[3] = math.nan
    cold = temperature == 0.0
    inside = 0.0 < temperature < math.inf
    beta = 1.0 / temperature if inside else 0.0
    squares = 0.0  # of the rows' slopes of the likelihood in ln beta
    quartics = 0.0
    curvature = 0.0
    at_end = 0.0  # the likelihood at T = 0, where every label is a maximum of its row, or at T = infinity
    at_rest = 0.0  # and at infinity in any case
    for n in range(rows):
        first = n * levels
        top = logits[first]
        for k in range(1, levels):
            top = max(top, logits[first + k])
        ties = 0.0
        allowed = 0.0
        total = 0.0
        moment = 0.0
        square = 0.0
        for k in range(levels):
            gap = logits[first + k] - top
            if gap > -math.inf:
                weight = math.exp(gap * beta)
                ties += 1.0 if gap == 0.0 else 0.0
                allowed += 1.0
                total += weight
                moment += weight * gap
                square += weight * gap * gap
        mean = moment / total
        slope = beta * (mean - (logits[first + labels[n]] - top))
        squares += slope * slope
        quartics += slope * slope * slope * slope
        curvature += beta * beta * (square / total - mean * mean)
        at_end += math.log(ties if cold else allowed)
        at_rest += math.log(allowed)
    if inside and (rows == 1 or squares == 0.0):  # nothing tells how the slopes scatter
        return
    freedom = 1e9  # as good as normal
    if inside:
        spread = quartics / (squares * squares) - 1.0 / rows
        freedom = min(2.0 / spread, rows - 1.0) if spread > 0.0 else rows - 1.0
    for way in range(2):  # as many rows as there are, and more
        times = more if way else 1.0
        quantile = _student(tail, freedom * times)
        if not inside:
            target = (at_end + 0.5 * quantile * quantile) / rows
            if cold and at_rest / rows <= target:
                return
            low = -690.0
            high = 690.0
            for _ in range(100):  # of ln beta
                middle = 0.5 * (low + high)
                if (_mean_nll(logits, labels, math.exp(middle)) < target) == cold:
                    high = middle
                else:
                    low = middle
            limits[1 if cold else 0] = math.exp(-0.5 * (low + high))
            return
        correction = 1.0 if way else rows / (rows - 1.0)
        half = quantile * math.sqrt(squares * correction / times) / curvature
        factor = math.exp(min(half, 690.0))
        limits[2 * way] = temperature / factor
        limits[2 * way + 1] = temperature * factor


@page_kernel("void(int64[::1], float64[::1], float64[::1])")
def state_logits(alternatives, confidence, logits):
    """Write logits of what a person states: an answer, how sure he is, and what is left shared out among the others.

    The answer that he gives stands first. Of what he leaves open, each of the others gets the same, so softmax of the
    row at T = 1 is what he states.

    Parameters
    ----------
    alternatives : int64 array, shape (n,)
        How many answers each question has, from 2 to K.
    confidence : float64 array, shape (n,)
        How sure he is of the one that he gives, between 1 / alternatives and 1.
    logits : float64 array, shape (n * K,)
        Receives the rows; beyond the alternatives they are -inf.
    """
    levels = logits.size // confidence.size
    for n in range(confidence.size):
        for k in range(levels):
            logits[n * levels + k] = -math.inf
        logits[n * levels] = math.log(confidence[n])
        for k in range(1, alternatives[n]):
            logits[n * levels + k] = math.log((1.0 - confidence[n]) / (alternatives[n] - 1.0))
