"""The temperature of a classifier from rows that come in blocks, for the reader's browser.

`simsoftmax.calibration.fit` says why these sums, and how they lead to the minimum. Its steps are those of `next_step`;
for the rest a test holds the two together. A file of logits may be far larger than what a page can hold, so each kernel
takes a block of rows and adds to a few sums. As in `simsoftmax.kernels.page.exact`, arrays belong to the caller and
nothing is allocated.
"""

import math

from ..tails import normal_quantile, student_quantile
from . import page_kernel

__all__ = [
    "END",
    "FAULTS",
    "SUMS",
    "add_likelihood",
    "add_limits",
    "end_fit",
    "find_fault",
    "likelihood_rise",
    "next_step",
    "temperature_at",
]

INLINE = True

#: What `add_likelihood` sums: the same as `simsoftmax.kernels.calibration.likelihood_sums`, without weights.
SUMS = ("rows", "nll_at_one", "nll", "g1", "g2", "g3", "g4", "g5", "g6", "squares", "products", "quartics")
#: What `end_fit` writes.
END = ("temperature", "low", "high", "nll")
#: What may be wrong with a block, by the number that `find_fault` returns.
FAULTS = ("nothing", "logit", "dead row", "impossible label")

TOLERANCE = 1e-9  # estimated relative error of T at which a fit stops
MARGIN = 8.0  # of that estimate: of 599 fits of 150 to 3,000 rows the worst was 6 times as far off as foretold
LAST_STEP = 0.1  # the longest step that may be the last, so that the interval belongs to the answer


@page_kernel("int64(float64[::1], int64[::1], int64[::1])")
def find_fault(logits, labels, place):
    """Return what is wrong with a block, a number of `FAULTS`, and write its row and level.

    As in the package a logit that is NaN or +inf is named first, then a row that is -inf throughout, then a label whose
    logit is -inf.

    Parameters
    ----------
    logits : float64 array, shape (n * K,)
        Row by row.
    labels : int64 array, shape (n,)
        From 0 to K - 1.
    place : int64 array, shape (2,)
    """
    levels = logits.size // labels.size
    for i in range(logits.size):
        if not logits[i] < math.inf:  # NaN too
            place[0] = i // levels
            place[1] = i % levels
            return 1
    for n in range(labels.size):
        top = -math.inf
        for k in range(levels):
            top = max(top, logits[n * levels + k])
        if top == -math.inf:
            place[0] = n
            return 2
    for n in range(labels.size):
        if logits[n * levels + labels[n]] == -math.inf:
            place[0] = n
            place[1] = labels[n]
            return 3
    return 0


@page_kernel("void(float64[::1], int64[::1], float64, float64[::1])")
def add_likelihood(logits, labels, log_beta, sums):
    """Add what a block tells of the likelihood at an inverse temperature to the sums named in `SUMS`.

    g1 to g6 are the cumulants of (z - z_label) beta under softmax(beta z), summed over the rows.

    Parameters
    ----------
    logits : float64 array, shape (n * K,)
        Row by row; -inf is a level that cannot be occupied, and no label.
    labels : int64 array, shape (n,)
    log_beta : float
        ln(1 / T).
    sums : float64 array, shape (12,)
    """
    beta = math.exp(log_beta)
    levels = logits.size // labels.size
    for n in range(labels.size):
        first = n * levels
        top = logits[first]
        for k in range(1, levels):
            top = max(top, logits[first + k])
        s0 = 0.0
        s1 = 0.0
        s2 = 0.0
        s3 = 0.0
        s4 = 0.0
        s5 = 0.0
        s6 = 0.0
        at_one = 0.0
        for k in range(levels):
            gap = logits[first + k] - top
            if gap > -math.inf:
                at_one += math.exp(gap)
                t = gap * beta
                w = math.exp(t)
                s0 += w
                w *= t
                s1 += w
                w *= t
                s2 += w
                w *= t
                s3 += w
                w *= t
                s4 += w
                w *= t
                s5 += w
                s6 += w * t
        m1 = s1 / s0
        m2 = s2 / s0
        m3 = s3 / s0
        m4 = s4 / s0
        m5 = s5 / s0
        m6 = s6 / s0
        # k_n = m_n - sum_j C(n - 1, j - 1) k_j m_{n - j}
        k2 = m2 - m1 * m1
        k3 = m3 - m1 * m2 - 2.0 * k2 * m1
        k4 = m4 - m1 * m3 - 3.0 * k2 * m2 - 3.0 * k3 * m1
        k5 = m5 - m1 * m4 - 4.0 * k2 * m3 - 6.0 * k3 * m2 - 4.0 * k4 * m1
        k6 = m6 - m1 * m5 - 5.0 * k2 * m4 - 10.0 * k3 * m3 - 10.0 * k4 * m2 - 5.0 * k5 * m1
        own = logits[first + labels[n]] - top
        slope = m1 - own * beta
        sums[0] += 1.0
        sums[1] += math.log(at_one) - own
        sums[2] += math.log(s0) - own * beta
        sums[3] += slope
        sums[4] += k2
        sums[5] += k3
        sums[6] += k4
        sums[7] += k5
        sums[8] += k6
        sums[9] += slope * slope
        sums[10] += slope * k2
        sums[11] += slope * slope * slope * slope


@page_kernel("void(float64[::1], int64[::1], float64[::1])")
def add_limits(logits, labels, limits):
    """Add what decides whether the likelihood is greatest at T = 0 or at T = infinity.

    Parameters
    ----------
    logits, labels
        As in `add_likelihood`.
    limits : float64 array, shape (6,)
        The slope of the NLL in beta at beta = 0, its value there and at beta = infinity, the rows whose label is not a
        maximum, those whose finite logits are not all alike, and the size of the terms that the slope was summed from.
    """
    levels = logits.size // labels.size
    for n in range(labels.size):
        first = n * levels
        top = logits[first]
        for k in range(1, levels):
            top = max(top, logits[first + k])
        allowed = 0
        highest = 0
        total = 0.0
        for k in range(levels):
            gap = logits[first + k] - top
            if gap > -math.inf:
                allowed += 1
                total += gap
                if gap == 0.0:
                    highest += 1
        own = logits[first + labels[n]] - top
        limits[0] += total / allowed - own
        limits[1] += math.log(1.0 * allowed)
        limits[2] += math.log(1.0 * highest)
        limits[3] += 1.0 if own < 0.0 else 0.0
        limits[4] += 1.0 if total < 0.0 else 0.0
        limits[5] += abs(total) / allowed + abs(own)


@page_kernel("void(float64[::1], float64[::1])")
def next_step(sums, step):
    """Write the step in ln beta to the root of the derivative, an estimate of its error, and whether it is the last.

    Near the root it is the root of the derivative's Taylor polynomial of fifth degree in beta, and the error is
    foretold from what its last three terms contribute. Farther off it is Halley's or Newton's step in ln beta.

    Parameters
    ----------
    sums : float64 array, shape (12,)
        From `add_likelihood`.
    step : float64 array, shape (3,)
        Receives the results; the last is 1 or 0.
    """
    rows = sums[0]
    g1 = sums[3] / rows
    g2 = sums[4] / rows
    step[1] = math.inf
    step[2] = 0.0
    if not g2 > 0.0:
        step[0] = -math.inf if g1 > 0.0 else math.inf
        return
    newton = -g1 / g2
    if abs(newton) < 0.5:
        c2 = sums[5] / rows / 2.0
        c3 = sums[6] / rows / 6.0
        c4 = sums[7] / rows / 24.0
        c5 = sums[8] / rows / 120.0
        x = newton
        for _ in range(6):
            value = g1 + x * (g2 + x * (c2 + x * (c3 + x * (c4 + x * c5))))
            slope = g2 + x * (2.0 * c2 + x * (3.0 * c3 + x * (4.0 * c4 + x * 5.0 * c5)))
            change = value / slope if slope > 0.0 else math.inf
            x -= change
            if not abs(x) < 0.9:
                break
            if abs(change) < 1e-12:
                first = abs(c3 * x * x * x / slope)
                before = abs(c4 * x * x * x * x / slope)
                last = abs(c5 * x * x * x * x * x / slope)
                # Each term is some share of the one before, and any one of them may be small by accident.
                share = min(1.0, max(before / first, math.sqrt(last / first))) if first > 0.0 else 1.0
                error = MARGIN * max(last, before * share) * share
                if error < 0.1 * abs(x) or error < TOLERANCE:
                    step[0] = math.log1p(x)
                    step[1] = error / (1.0 + x)
                    squares = sums[9] / (rows * rows)
                    products = sums[10] / (rows * rows)
                    near = abs(step[0]) <= LAST_STEP and 2.0 * abs(step[0] * products) <= 0.2 * squares
                    step[2] = 1.0 if near and step[1] <= TOLERANCE else 0.0
                    return
                break
    if abs(newton) > 10.0:
        step[0] = newton
        return
    denominator = 1.0 + (g2 + sums[5] / rows) / g2 * newton / 2.0
    step[0] = newton / denominator if 0.2 < denominator < 5.0 else newton


@page_kernel("void(float64[::1], float64, float64, float64, float64[::1])")
def end_fit(sums, log_beta, step, confidence_level, end):
    """Write the temperature a step further, its interval and the NLL there: `END`.

    The interval is the robust one (P. J. Huber 1967) on the scale of ln T, with Student's t for few rows or few that
    decide (F. E. Satterthwaite 1946).

    Parameters
    ----------
    sums : float64 array, shape (12,)
    log_beta, step : float
        Where the sums were made, and the step from there; no more than 0.1.
    confidence_level : float
    end : float64 array, shape (4,)
        Receives the results.
    """
    rows = sums[0]
    root = log_beta + step
    x = math.expm1(step)
    g1 = sums[3] / rows
    g2 = sums[4] / rows
    g3 = sums[5] / rows
    g4 = sums[6] / rows
    g5 = sums[7] / rows
    g6 = sums[8] / rows
    end[0] = math.exp(-root)
    end[3] = sums[2] / rows + x * (
        g1 + x * (g2 / 2.0 + x * (g3 / 6.0 + x * (g4 / 24.0 + x * (g5 / 120.0 + x * g6 / 720.0))))
    )
    squares = sums[9] / (rows * rows)
    if rows == 1.0 or squares == 0.0:  # nothing tells how the slopes scatter
        end[1] = 0.0
        end[2] = math.inf
        return
    spread = sums[11] / (sums[9] * sums[9]) - 1.0 / rows
    freedom = min(2.0 / spread, rows - 1.0) if spread > 0.0 else rows - 1.0
    curvature = (1.0 + x) * (1.0 + x) * (g2 + x * (g3 + x * (g4 / 2.0 + x * (g5 / 6.0 + x * g6 / 24.0))))
    square = (1.0 + x) * (1.0 + x) * (squares + 2.0 * x * sums[10] / (rows * rows))
    deviation = math.sqrt(square * rows / (rows - 1.0)) / curvature
    half = min(student_quantile(freedom, 0.5 * (1.0 - confidence_level)) * deviation, 690.0)
    end[1] = math.exp(-root - half)
    end[2] = math.exp(-root + half) if half - root < 709.0 else math.inf


@page_kernel("float64(float64)")
def likelihood_rise(confidence_level):
    """Return by how much the summed NLL rises up to the likelihood-ratio limit: half a squared normal quantile."""
    quantile = normal_quantile(0.5 * (1.0 - confidence_level))
    return 0.5 * quantile * quantile


@page_kernel("float64(float64)")
def temperature_at(log_beta):
    """Return T = exp(-log_beta)."""
    return math.exp(-log_beta)
