"""The isolated gas: particles on an equally spaced ladder hand each other quanta of energy, one at a time.

The kernel compiles to WebAssembly: arrays and scalars in, nothing allocated, no exception, no transcendental function.
"""

import numpy as np
from numba import njit

from .streams import draw

U = np.uint64


@njit(cache=True, nogil=True)
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


@njit(cache=True, nogil=True)
def exchange_each(quanta, top, streams, steps):
    """Run `exchange` in each of R gases that never meet: ``quanta`` (R, N), ``streams`` (R, 4)."""
    passed = 0
    for gas in range(quanta.shape[0]):
        passed += exchange(quanta[gas], top, streams[gas], steps)
    return passed
