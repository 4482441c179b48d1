"""Sums in a narrower type than double precision."""


def rounded_sums(masses, digits, least, sums):
    """Write the running sums of each row, every term and every sum rounded to so many binary digits.

    A double is rounded by multiplying out what lies below (T. J. Dekker, "A floating-point technique for extending the
    available precision", 1971, section 4.2): 53 digits are more than twice those of the narrow types, so that a sum
    that is rounded twice is what a narrow processor gives. Below the normal numbers of the type steps do not shrink.

    Parameters
    ----------
    masses : float64 (b, K)
    digits : int
        11 for float16, 8 for bfloat16, 24 for float32.
    least : float
        The smallest normal number of the type.
    sums : float64 (b, K)
        Result.
    """
    splitter = float(2 ** (53 - digits) + 1)
    coarse = 1.5 * 2.0**52 * least * 2.0 ** (1 - digits)
    for i in range(masses.shape[0]):
        total = 0.0
        for k in range(masses.shape[1]):
            total += _rounded(masses[i, k], splitter, least, coarse)
            total = _rounded(total, splitter, least, coarse)
            sums[i, k] = total


def _rounded(x, splitter, least, coarse):
    if x < least:
        return (x + coarse) - coarse
    product = x * splitter
    return product - (product - x)
