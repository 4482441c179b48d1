"""Small pictures, turned and made noisy, and a small network that reads them, for the reader's browser.

Pictures are squares of grey values, row by row, one after another: shape (n * side * side,). As in
`simsoftmax.kernels.page.exact`, arrays belong to the caller and nothing is allocated.
"""

import math

from ..streams import draw_normals
from . import page_kernel

__all__ = ["read", "speckle", "turn"]


def _grey(pictures, first, side, row, column):
    """Return the grey value of a pixel of the picture that begins at ``first``; beyond the edge there is nothing."""
    if row < 0 or column < 0 or row >= side or column >= side:
        return 0.0
    return pictures[first + row * side + column]


@page_kernel("void(float64[::1], int64, float64, float64[::1])")
def turn(pictures, side, degrees, turned):
    """Write every picture turned about its middle, counter-clockwise.

    Each pixel takes the grey value that the picture has where the pixel was before the turn, in proportion between the
    four pixels around that place (bilinear interpolation); beyond the edge there is nothing. It is what
    `scipy.ndimage.rotate` does with ``order=1`` and ``reshape=False``, within its last pixel.

    Parameters
    ----------
    pictures, turned : float64 arrays, shape (n * side * side,)
    side : int
        Rows and columns of a picture.
    degrees : float
    """
    sine = math.sin(math.radians(degrees))
    cosine = math.cos(math.radians(degrees))
    middle = 0.5 * (side - 1)
    pixels = side * side
    for n in range(pictures.size // pixels):
        first = n * pixels
        for row in range(side):
            for column in range(side):
                down = row - middle
                right = column - middle
                y = middle + cosine * down + sine * right
                x = middle - sine * down + cosine * right
                top = math.floor(y)
                left = math.floor(x)
                dy = y - top
                dx = x - left
                i = int(top)
                j = int(left)
                turned[first + row * side + column] = (1.0 - dy) * (
                    (1.0 - dx) * _grey(pictures, first, side, i, j) + dx * _grey(pictures, first, side, i, j + 1)
                ) + dy * (
                    (1.0 - dx) * _grey(pictures, first, side, i + 1, j)
                    + dx * _grey(pictures, first, side, i + 1, j + 1)
                )


@page_kernel("void(float64[::1], float64, uint64[::1])")
def speckle(pictures, strength, stream):
    """Add normal noise to every pixel, in place.

    Parameters
    ----------
    pictures : float64 array
        As many pixels as one likes.
    strength : float
        Standard deviation of the noise.
    stream : uint64 array, shape (4,)
        State of the random numbers, which moves on.
    """
    for i in range(0, pictures.size, 2):
        one, other = draw_normals(stream)
        pictures[i] += strength * one
        if i + 1 < pictures.size:
            pictures[i + 1] += strength * other


@page_kernel("void(float64[::1], int64, int64, float64[::1], float64[::1], float64[::1], float64[::1], float64[::1])")
def read(pictures, count, pixels, first_bias, second_bias, first, second, logits):
    """Write the logits that a network with one hidden layer gives to every picture: max(0, x A + a) B + b.

    Parameters
    ----------
    pictures : float64 array, shape (count * pixels,)
    count, pixels : int
    first_bias : float64 array, shape (hidden,)
    second_bias : float64 array, shape (levels,)
    first : float64 array, shape (pixels * hidden,)
        A, row by row.
    second : float64 array, shape (hidden * levels,)
        B, row by row.
    logits : float64 array, shape (count * levels,)
        Receives the results, picture by picture.
    """
    hidden = first_bias.size
    levels = second_bias.size
    for n in range(count):
        for k in range(levels):
            logits[n * levels + k] = second_bias[k]
        for h in range(hidden):
            drive = first_bias[h]
            for i in range(pixels):
                drive += pictures[n * pixels + i] * first[i * hidden + h]
            if drive > 0.0:
                for k in range(levels):
                    logits[n * levels + k] += drive * second[h * levels + k]
