"""Annealing as loops over arrays, for the reader's browser: walkers that are cooled, and what exactly comes of it.

`simsoftmax.annealing` is the reference; a test holds these kernels to it. They compile to WebAssembly: arrays and
scalars in, nothing allocated, no exception.
"""

import math

from . import page_kernel
from .exact import boltzmann_weights
from .reference import sweep_neighbour


@page_kernel("float64(float64[::1], int64, int64)")
def cooled(knots, sweeps, sweep):
    """Return the temperature of a sweep, 0 to sweeps - 1.

    ``knots`` (m,), m >= 2, are temperatures > 0 at even distances over the run. From each to the next the temperature
    changes by the same factor every sweep: two knots make a geometric cooling, two equal ones a quench.
    """
    if sweep <= 0:
        return knots[0]
    if sweep >= sweeps - 1:
        return knots[knots.size - 1]
    parts = knots.size - 1
    at = parts * sweep / (sweeps - 1)
    k = min(int(at), parts - 1)
    if knots[k] == knots[k + 1]:
        return knots[k]
    return knots[k] * math.exp(math.log(knots[k + 1] / knots[k]) * (at - k))


@page_kernel(
    "int64(uint8[::1], float64[::1], float64[::1], int64, int64, int64, float64[::1], float64[::1], uint64[::1])"
)
def anneal_walkers(states, logits, knots, sweeps, first, last, exponents, weights, stream):
    """Take walkers through the sweeps first to last - 1 of a cooling; return how many moves were made.

    ``states`` (N,) and ``stream`` (4,) as in `simsoftmax.kernels.page.reference.sweep_neighbour`; ``knots`` as in
    `cooled`; ``exponents`` and ``weights`` (K,) are work space.
    """
    moved = 0
    for sweep in range(first, last):
        boltzmann_weights(logits, cooled(knots, sweeps, sweep), exponents, weights)
        moved += sweep_neighbour(states, exponents, weights, stream, 1)
    return moved


@page_kernel(
    "void(float64[::1], float64[::1], float64[::1], int64, int64, int64, float64[::1], float64[::1], float64[::1])"
)
def anneal_exactly(distribution, logits, knots, sweeps, first, last, exponents, weights, before):
    """Take a distribution, in place, through the same sweeps: multiply it by their transition matrices.

    ``exponents``, ``weights`` and ``before`` (K,) are work space.
    """
    levels = distribution.size
    for sweep in range(first, last):
        boltzmann_weights(logits, cooled(knots, sweeps, sweep), exponents, weights)
        for i in range(levels):
            before[i] = distribution[i]
        for i in range(levels - 1):
            # Between i and its neighbour above only the way up is refused, and then sometimes.
            rise = math.exp(-abs(exponents[i + 1] - exponents[i]))
            forth, back = (0.5 * rise, 0.5) if exponents[i + 1] < exponents[i] else (0.5, 0.5 * rise)
            passed = forth * before[i] - back * before[i + 1]
            distribution[i] -= passed
            distribution[i + 1] += passed
