"""Calibration at a temperature as loops over arrays, for the reader's browser.

`simsoftmax.calibration.metrics` and `simsoftmax.calibration.fit` do the same in NumPy; a test holds the two together.
As in `simsoftmax.kernels.page.exact`, arrays belong to the caller and nothing is allocated.
"""

import math

from ..tails import beta_share
from . import page_kernel

__all__ = [
    "COLUMNS",
    "add_events",
    "bin_edges",
    "bin_events",
    "find_dips",
    "honest_temperature",
    "mean_events",
    "state_logits",
    "temper",
    "whisker",
]

#: What `bin_events` writes for every bin.
COLUMNS = ("count", "confidence", "accuracy", "by_chance")

# A step of the error smaller than this is rounding, not a slope.
_FLAT = 1e-12


@page_kernel("float64(float64[::1], int64[::1], float64, float64[::1], float64[::1])")
def temper(logits, labels, temperature, confidence, outcome):
    """Write the confidence of softmax(z / T) in the level it favours and whether that is right; return the NLL.

    Parameters
    ----------
    logits : float64 array, shape (n * K,)
        Row by row; -inf is a level that cannot be occupied.
    labels : int64 array, shape (n,)
    temperature : float
        T >= 0; 0 and infinity are the exact limits. The favoured level is that of the largest logit at each of them.
    confidence, outcome : float64 arrays, shape (n,)
        Receive the results; an outcome is 1 or 0.

    Returns
    -------
    float
        Mean negative log-likelihood of the labels, in nats.
    """
    rows = labels.size
    levels = logits.size // rows
    nll = 0.0
    for n in range(rows):
        first = n * levels
        favourite = 0
        for k in range(1, levels):
            if logits[first + k] > logits[first + favourite]:
                favourite = k
        top = logits[first + favourite]
        total = 0.0
        own = 0.0
        for k in range(levels):
            gap = logits[first + k] - top
            # Apart, so that neither 0 / 0 nor inf / inf arises at the limits.
            exponent = gap if gap == 0.0 or gap == -math.inf else gap / temperature
            total += math.exp(exponent)
            if k == labels[n]:
                own = exponent
        confidence[n] = 1.0 / total
        outcome[n] = 1.0 if favourite == labels[n] else 0.0
        nll += math.log(total) - own
    return nll / rows


@page_kernel("float64(float64[::1], int64[::1])")
def honest_temperature(logits, labels):
    """Return the temperature at which the labels are likeliest, as `simsoftmax.fit_temperature` does.

    The NLL is convex in beta = 1 / T, so the sign of its slope says on which side the minimum lies. Newton's steps find
    it, or halving where they would leave what is known. It is sought from 10^-4 to 10^4; beyond, the answer is 0 or
    infinity.

    Parameters
    ----------
    logits : float64 array, shape (n * K,)
        Row by row; -inf is a level that cannot be occupied, and no label.
    labels : int64 array, shape (n,)
    """
    levels = logits.size // labels.size
    low = 1e-4  # the minimum lies between these two beta
    high = 1e4
    beta = low
    for step in range(100):  # the two ends first
        slope = 0.0  # of the summed NLL in beta: the sum of <z> - z_label
        curvature = 0.0  # the sum of Var(z)
        for n in range(labels.size):
            first = n * levels
            top = logits[first]
            for k in range(1, levels):
                top = max(top, logits[first + k])
            total = 0.0
            moment = 0.0
            square = 0.0
            for k in range(levels):
                gap = logits[first + k] - top
                if gap > -math.inf:
                    weight = math.exp(gap * beta)
                    total += weight
                    moment += weight * gap
                    square += weight * gap * gap
            mean = moment / total
            slope += mean - (logits[first + labels[n]] - top)
            curvature += square / total - mean * mean
        if step == 0:
            if slope >= 0.0:
                return math.inf
            beta = high
        elif step == 1:
            if slope <= 0.0:
                return 0.0
            beta = 1.0
        else:
            if slope < 0.0:
                low = beta
            else:
                high = beta
            before = beta
            beta -= slope / max(curvature, 1e-300)
            if not low < beta < high:
                beta = math.sqrt(low * high)
            if abs(beta - before) <= 1e-12 * before:
                return 1.0 / beta
    return 1.0 / beta


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


@page_kernel("int64(float64[::1], int64, float64[::1], float64[::1])")
def bin_edges(confidence, by_mass, ordered, edges):
    """Write the edges of bins of equal width or, with ``by_mass``, of equal counts; return the number of bins.

    Equal confidences are never split, so bins of equal mass may be fewer than ``edges.size - 1``.

    Parameters
    ----------
    confidence : float64 array, shape (n,)
    by_mass : int
        0 or 1.
    ordered : float64 array, shape (n,)
        Work space.
    edges : float64 array, shape (bins + 1,)
        Receives the edges.
    """
    bins = edges.size - 1
    if not by_mass:
        for b in range(bins + 1):
            edges[b] = b / bins
        return bins
    rows = confidence.size
    for n in range(rows):
        ordered[n] = confidence[n]
    stride = rows
    while stride > 1:  # sort in place (Shell 1959)
        stride = max(1, stride * 4 // 9)
        for n in range(stride, rows):
            value = ordered[n]
            m = n
            while m >= stride and ordered[m - stride] > value:
                ordered[m] = ordered[m - stride]
                m -= stride
            ordered[m] = value
    edges[0] = 0.0
    used = 0
    for b in range(1, bins):
        edge = ordered[max(0, (rows * b + bins - 1) // bins - 1)]
        if edge < ordered[rows - 1] and (used == 0 or edge > edges[used]):
            used += 1
            edges[used] = edge
    used += 1
    edges[used] = 1.0
    return used


@page_kernel("float64(float64[::1], float64[::1], float64[::1], int64, float64[::1])")
def bin_events(confidence, outcome, edges, bins, table):
    """Write count, mean confidence, accuracy and gap by chance of every bin; return the expected calibration error.

    Parameters
    ----------
    confidence, outcome : float64 arrays, shape (n,)
        From `temper`.
    edges : float64 array
    bins : int
        From `bin_edges`.
    table : float64 array, shape (4 * bins,) or longer
        Receives the columns named in `COLUMNS`, bin by bin. Means of an empty bin are 0.
    """
    for i in range(4 * bins):
        table[i] = 0.0
    add_events(confidence, outcome, edges, bins, table)
    return mean_events(bins, table)


@page_kernel("void(float64[::1], float64[::1], float64[::1], int64, float64[::1])")
def add_events(confidence, outcome, edges, bins, table):
    """Add a block of events to the sums of `bin_events`, of which `mean_events` then makes means."""
    for n in range(confidence.size):
        c = confidence[n]
        low = 0
        high = bins - 1
        while low < high:  # the first bin whose right edge is not below c
            middle = (low + high) // 2
            if edges[middle + 1] < c:
                low = middle + 1
            else:
                high = middle
        i = 4 * low
        table[i] += 1.0
        table[i + 1] += c
        table[i + 2] += outcome[n]
        table[i + 3] += c * (1.0 - c)


@page_kernel("float64(int64, float64[::1])")
def mean_events(bins, table):
    """Turn the sums of `add_events` into the columns of `bin_events`; return the expected calibration error."""
    error = 0.0
    events = 0.0
    for b in range(bins):
        i = 4 * b
        count = table[i]
        if count > 0.0:
            events += count
            error += abs(table[i + 2] - table[i + 1])
            table[i + 1] /= count
            table[i + 2] /= count
            table[i + 3] = math.sqrt(2.0 * table[i + 3] / math.pi) / count
    return error / events


@page_kernel("int64(float64[::1], int64[::1])")
def find_dips(values, places):
    """Write the places where values stop falling and later rise, and return their number; the ends do not count."""
    count = 0
    falling = False
    bottom = 0
    for i in range(1, values.size):
        if values[i] < values[i - 1] - _FLAT:
            falling = True
            bottom = i
        elif values[i] > values[i - 1] + _FLAT:
            if falling:
                places[count] = bottom
                count += 1
            falling = False
    return count


@page_kernel("float64(int64, int64, float64, int64)")
def whisker(hits, count, tail, upper):
    """Return one end of the interval of a share of successes (Clopper and Pearson 1934).

    Parameters
    ----------
    hits, count : int
        Successes and trials, 0 <= hits <= count, 0 < count.
    tail : float
        Probability left out beyond this end.
    upper : int
        0 for the lower end, 1 for the upper one.
    """
    if upper:  # the lower end for the failures, seen from the other side
        hits = count - hits
    if hits == 0:
        return 1.0 if upper else 0.0
    low = 0.0
    high = 1.0
    for _ in range(60):
        middle = 0.5 * (low + high)
        if beta_share(1.0 * hits, count - hits + 1.0, middle, 1.0 - middle) < tail:  # as many successes, or more
            low = middle
        else:
            high = middle
    p = 0.5 * (low + high)
    return 1.0 - p if upper else p
