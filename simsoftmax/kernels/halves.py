"""Numbers of 16 bits read as numbers of 32."""

import numpy as np

_FACTOR = np.float32(2.0**112)  # brings an exponent that counts from -15 to one that counts from -127
_ABOVE = np.float32(65536.0)  # what the exponent of infinity and NaN would be, were it one of a number
_INFINITE, _NAN = np.float32(np.inf), np.float32(np.nan)
_MAGNITUDE, _SIGN = np.uint32(0x7FFF), np.uint32(0x8000)
_SHIFT, _TO_SIGN = np.uint32(13), np.uint32(16)


def widen(halves, bits, floats):
    """Write float16 numbers as float32, exactly, with infinities; a NaN stays one.

    The digits are moved to their place, and one multiplication, which is exact, mends the exponent, that of subnormal
    numbers too. Each loop writes one array, so that it becomes vectors.

    Parameters
    ----------
    halves : uint16 array, shape (n, K)
        The bits of the float16 numbers.
    bits, floats : uint32 and float32 arrays, shape (n, K)
        The same memory, twice; receives the result.
    """
    for i in range(halves.shape[0]):
        for k in range(halves.shape[1]):
            bits[i, k] = (np.uint32(halves[i, k]) & _MAGNITUDE) << _SHIFT
        for k in range(halves.shape[1]):
            x = floats[i, k] * _FACTOR
            y = _INFINITE if x == _ABOVE else x
            floats[i, k] = _NAN if x > _ABOVE else y
        for k in range(halves.shape[1]):
            bits[i, k] |= (np.uint32(halves[i, k]) & _SIGN) << _TO_SIGN
