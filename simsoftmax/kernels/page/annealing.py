"""Annealing as loops over arrays, for the reader's browser: walkers that are cooled, and what exactly comes of it.

`simsoftmax.annealing` is the reference; a test holds these kernels to it. They compile to WebAssembly: arrays and
scalars in, nothing allocated, no exception.
"""

import math

from . import page_kernel
from .exact import boltzmann_weights
from .reference import sweep_neighbour


@page_kernel("float64(float64, float64, int64, int64)")
def cooled(hot, cold, sweeps, sweep):
    """Return the temperature of a sweep, 0 to sweeps - 1, that falls from hot to cold by the same factor each time."""
    if sweep <= 0 or hot == cold:
        return hot
    if sweep >= sweeps - 1:
        return cold
    return hot * math.exp(math.log(cold / hot) * sweep / (sweeps - 1))


@page_kernel(
    "int64(uint8[::1], float64[::1], float64, float64, int64, int64, int64, float64[::1], float64[::1], uint64[::1])"
)
def anneal_walkers(states, logits, hot, cold, sweeps, first, last, exponents, weights, stream):
    """Take walkers through the sweeps first to last - 1 of a geometric cooling; return how many moves were made.

    ``states`` (N,) and ``stream`` (4,) as in `simsoftmax.kernels.page.reference.sweep_neighbour`; ``exponents`` and
    ``weights`` (K,) are work space.
    """
    moved = 0
    for sweep in range(first, last):
        boltzmann_weights(logits, cooled(hot, cold, sweeps, sweep), exponents, weights)
        moved += sweep_neighbour(states, exponents, weights, stream, 1)
    return moved


@page_kernel(
    "void(float64[::1], float64[::1], float64, float64, int64, int64, int64, float64[::1], float64[::1], float64[::1])"
)
def anneal_exactly(distribution, logits, hot, cold, sweeps, first, last, exponents, weights, before):
    """Take a distribution, in place, through the same sweeps: multiply it by their transition matrices.

    ``exponents``, ``weights`` and ``before`` (K,) are work space.
    """
    levels = distribution.size
    for sweep in range(first, last):
        boltzmann_weights(logits, cooled(hot, cold, sweeps, sweep), exponents, weights)
        for i in range(levels):
            before[i] = distribution[i]
        for i in range(levels - 1):
            # Between i and its neighbour above only the way up is refused, and then sometimes.
            rise = math.exp(-abs(exponents[i + 1] - exponents[i]))
            forth, back = (0.5 * rise, 0.5) if exponents[i + 1] < exponents[i] else (0.5, 0.5 * rise)
            passed = forth * before[i] - back * before[i + 1]
            distribution[i] -= passed
            distribution[i + 1] += passed
