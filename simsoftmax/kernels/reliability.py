"""Calibration of a classifier at a temperature, as one loop over its rows, for the reader's browser.

`simsoftmax.calibration_errors` is the reference. This kernel obeys the rules of `simsoftmax.live.wasm`: arrays and
scalars in, nothing allocated, no exception.
"""

import math

import numba

__all__ = ["reliability"]


@numba.njit(error_model="numpy", cache=True)
def reliability(logits, labels, temperature, table, result):
    """Write the reliability diagram of softmax(logits / T), and what is computed from it.

    Parameters
    ----------
    logits : float64 array, shape (n, K)
        Scores, finite.
    labels : int64 array, shape (n,)
    temperature : float
        T > 0, finite.
    table : float64 array, shape (bins, 3)
        Receives the number of rows, the sum of their confidences and the number that are right, for bins of equal
        width, open on the left and closed on the right.
    result : float64 array, shape (4,)
        Receives the negative log-likelihood in nats, the expected calibration error, the accuracy and the mean
        confidence.
    """
    rows, levels = logits.shape
    bins = table.shape[0]
    for b in range(bins):
        for column in range(3):
            table[b, column] = 0.0
    nll = 0.0
    for i in range(rows):
        best = 0
        for k in range(1, levels):
            if logits[i, k] > logits[i, best]:
                best = k
        top = logits[i, best]
        total = 0.0
        for k in range(levels):
            total += math.exp((logits[i, k] - top) / temperature)
        nll += math.log(total) - (logits[i, labels[i]] - top) / temperature
        confidence = 1.0 / total
        b = min(max(int(math.ceil(confidence * bins)) - 1, 0), bins - 1)  # noqa: RUF046 -- a float in numba
        table[b, 0] += 1.0
        table[b, 1] += confidence
        if best == labels[i]:
            table[b, 2] += 1.0
    error = 0.0
    right = 0.0
    sure = 0.0
    for b in range(bins):
        error += abs(table[b, 2] - table[b, 1])
        sure += table[b, 1]
        right += table[b, 2]
    result[0] = nll / rows
    result[1] = error / rows
    result[2] = right / rows
    result[3] = sure / rows
