"""Training at a temperature as loops over arrays, for the reader's browser.

The chapters on training do the same in NumPy; a test holds the two together. As in `simsoftmax.kernels.page.exact`,
arrays belong to the caller and nothing is allocated.
"""

import math

from . import page_kernel

__all__ = ["affine_loss", "affine_loss_map", "affine_probabilities", "descend_gaps", "log_odds"]


@page_kernel("void(float64[::1], float64, float64[::1])")
def log_odds(frequencies, temperature, gaps):
    """Write the gaps T ln(q / (1 - q)) at which cross-entropy is least; -inf and inf where q is 0 and 1."""
    for i in range(frequencies.size):
        gaps[i] = temperature * (math.log(frequencies[i]) - math.log(1.0 - frequencies[i]))


@page_kernel("void(float64[::1], float64[::1], float64, float64, int64)")
def descend_gaps(gaps, frequencies, temperature, rate, steps):
    """Take steps of gradient descent on the cross-entropy of two logits, in place.

    Each gap between two logits predicts with probability p = 1 / (1 + exp(-gap / T)). The derivative of the
    cross-entropy is (p - q) / T in the one logit and the opposite in the other, so the gap moves by
    2 rate (q - p) / T.
    """
    for i in range(gaps.size):
        gap = gaps[i]
        for _ in range(steps):
            gap += 2.0 * rate * (frequencies[i] - 1.0 / (1.0 + math.exp(-gap / temperature))) / temperature
        gaps[i] = gap


@page_kernel("void(float64[::1], float64[::1], float64[::1], float64, float64, float64, float64[::1])")
def affine_probabilities(positions, weights, biases, scale, bias_scale, temperature, probabilities):
    """Write softmax((scale w x + bias_scale b) / T) for every position x, row by row.

    Parameters
    ----------
    positions : float64 array, shape (n,)
        One feature.
    weights, biases : float64 arrays, shape (K,)
        Of each class.
    scale, bias_scale, temperature : float
        T > 0, finite.
    probabilities : float64 array, shape (n * K,)
        Receives the result.
    """
    classes = weights.size
    for n in range(positions.size):
        top = -math.inf
        for k in range(classes):
            logit = (scale * weights[k] * positions[n] + bias_scale * biases[k]) / temperature
            probabilities[n * classes + k] = logit
            top = max(top, logit)
        total = 0.0
        for k in range(classes):
            weight = math.exp(probabilities[n * classes + k] - top)
            probabilities[n * classes + k] = weight
            total += weight
        for k in range(classes):
            probabilities[n * classes + k] /= total


@page_kernel("float64(float64[::1], int64[::1], float64[::1], float64[::1], float64, float64, float64)")
def affine_loss(positions, labels, weights, biases, scale, bias_scale, temperature):
    """Return the mean cross-entropy, in nats, of the classifier of `affine_probabilities` on labelled positions."""
    loss = 0.0
    for n in range(positions.size):
        top = -math.inf
        for k in range(weights.size):
            top = max(top, (scale * weights[k] * positions[n] + bias_scale * biases[k]) / temperature)
        total = 0.0
        own = 0.0
        for k in range(weights.size):
            excess = (scale * weights[k] * positions[n] + bias_scale * biases[k]) / temperature - top
            total += math.exp(excess)
            if k == labels[n]:
                own = excess
        loss += math.log(total) - own
    return loss / positions.size


@page_kernel("void(float64[::1], int64[::1], float64[::1], float64[::1], int64, float64, int64, float64[::1])")
def affine_loss_map(positions, labels, weights, biases, along, reach, side, losses):
    """Write `affine_loss` over a square of scales and temperatures, both from 1 / reach to reach in equal ratios.

    Row by row from the lowest temperature; the biases are multiplied by the scale if ``along`` is not 0, else left.
    """
    for row in range(side):
        temperature = math.exp(math.log(reach) * (2.0 * row / (side - 1) - 1.0))
        for column in range(side):
            scale = math.exp(math.log(reach) * (2.0 * column / (side - 1) - 1.0))
            bias_scale = scale if along else 1.0
            losses[row * side + column] = affine_loss(
                positions, labels, weights, biases, scale, bias_scale, temperature
            )
