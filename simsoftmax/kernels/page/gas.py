"""The isolated gas: particles on an equally spaced ladder hand each other quanta of energy, one at a time.

The kernels compile to WebAssembly: arrays and scalars in, nothing allocated, no exception. `simsoftmax.gas` is the
reference for those after the handovers, which are for the reader's browser; a test holds them to it.
"""

import math

import numpy as np

from ..streams import draw
from . import page_kernel

U = np.uint64


@page_kernel("int64(int32[::1], int64, uint64[::1], int64)")
def exchange(quanta, top, stream, steps):
    """Attempt ``steps`` handovers; return how many took place.

    A step draws a giver and a taker with equal chances. One quantum passes if the giver has one, the taker stands
    below the ``top`` level, and the two differ. ``quanta`` (N,) integers and ``stream`` (4,) uint64 change in place;
    N < 2^32.

    Giver and taker come from the two halves of one draw by the same map, (32 bits * N) >> 32. The map favours some
    particles by up to N / 2^32, and that does no harm: a handover and its reverse still have equal chances, which is
    all that makes every division of the energy equally likely in the long run.
    """
    s0, s1, s2, s3 = stream[0], stream[1], stream[2], stream[3]
    particles = U(quanta.size)
    passed = 0
    for _ in range(steps):
        bits, s0, s1, s2, s3 = draw(s0, s1, s2, s3)
        giver = np.int64(((bits >> U(32)) * particles) >> U(32))
        taker = np.int64(((bits & U(0xFFFFFFFF)) * particles) >> U(32))
        if giver != taker and quanta[giver] > 0 and quanta[taker] < top:
            quanta[giver] -= 1
            quanta[taker] += 1
            passed += 1
    stream[0], stream[1], stream[2], stream[3] = s0, s1, s2, s3
    return passed


@page_kernel("void(int32[::1], int64[::1], float64[::1])")
def tally(quanta, counts, shares):
    """Add the particles to the ``counts`` of each number of quanta, and write what share of all counted that is.

    The last cell holds all that have as much or more.
    """
    last = counts.size - 1
    for particle in range(quanta.size):
        counts[min(np.int64(quanta[particle]), last)] += 1
    total = 0
    for k in range(counts.size):
        total += counts[k]
    for k in range(counts.size):
        shares[k] = counts[k] / total


@page_kernel("void(int64, int64, float64, float64[::1], float64[::1], float64[::1])")
def gas_law(total, particles, tolerance, boltzmann, exact, state):
    """Write what a gas of N >= 2 particles with Q >= 1 quanta on an unbounded ladder comes to.

    Parameters
    ----------
    total, particles : int
        Q and N.
    tolerance : float
        How much of its start a particle may still know when it counts as having forgotten it.
    boltzmann, exact : float64 arrays, of one size
        Receive the Boltzmann shares at the temperature that the mean energy sets, and the microcanonical shares; the
        last cell holds all that have as much or more.
    state : float64 array, shape (3,)
        Receives the temperature 1 / ln(1 + N / Q) in quanta, the sweeps until the start is forgotten, and the largest
        entropy that a distribution with this mean energy can have.
    """
    mean = total / particles
    factor = total / (total + particles)  # exp(-1 / T)
    state[0] = 1.0 / math.log1p(1.0 / mean)
    state[1] = math.ceil(-math.log(tolerance) / (1.0 - math.sqrt(factor)) ** 2)
    state[2] = (1.0 + mean) * math.log1p(mean) - mean * math.log(mean)
    last = boltzmann.size - 1
    b = 1.0 - factor
    p = (particles - 1.0) / (total + particles - 1.0)
    rest = 1.0
    for k in range(last):
        boltzmann[k] = b
        exact[k] = p
        rest -= p
        b *= factor
        p = p * (total - k) / (total - k + particles - 2.0) if k < total else 0.0
    boltzmann[last] = b / (1.0 - factor)
    exact[last] = max(rest, 0.0)


@page_kernel("void(float64, int64, int64, float64[::1])")
def read_thermometer(none, total, particles, out):
    """Write the temperature that the share of particles with no quantum tells, and its standard error.

    Boltzmann's law leaves exp(-1 / T) of the particles with a quantum or more, so T = -1 / ln(1 - none). The total
    energy does not enter: away from balance this reads something else than the temperature that the energy sets. The
    standard error is that of many particles in balance. Their energy being fixed, the share varies with the variance
    m^2 / (1 + m)^3 / N, m = Q / N, so that T varies by T^2 / sqrt(N (1 + m)).
    """
    out[0] = -1.0 / math.log1p(-none)
    mean = total / particles
    out[1] = 1.0 / math.log1p(1.0 / mean) ** 2 / math.sqrt(particles + total)
