"""A language model that writes, for the reader's browser; `simsoftmax.language` calls the same kernels.

As in `simsoftmax.kernels.page.exact`, arrays belong to the caller and nothing is allocated. What a model's tables hold
is said in `simsoftmax.kernels.letters`.
"""

import math

from ..letters import narrow_row, next_letters
from ..streams import draw_unit
from . import page_kernel

__all__ = ["coming_letter", "draw_level", "running_sum", "said_before"]


@page_kernel("void(uint8[::1], int32[::1], int64)")
def running_sum(numbers, sums, first):
    """Write first, first + numbers[0], first + numbers[0] + numbers[1], ...: where the parts of a table begin."""
    total = first
    for i in range(numbers.size):
        sums[i] = total
        total += numbers[i]
    sums[numbers.size] = total


@page_kernel(
    "int64(uint8[::1], int64, uint8[::1], int32[::1], int32[::1], uint8[::1], int32[::1], float64[::1], "
    "float64, int64, float64, float64, int64, int64[::1], float64[::1], float64[::1])"
)
def coming_letter(
    text, at, before, children, followers, letters, counts, discounts, temperature, top_k, top_p, min_p, last,
    order, logits, probabilities,
):  # fmt: skip
    """Write the scores of the letter that comes after the first ``at``, and its distribution; return how many may come.

    Tables as in `letters.next_letters`, filters as in `letters.narrow_row`. Scores are the logarithms of what the model
    says.
    """
    next_letters(text, at, at + 1, before, children, followers, letters, counts, discounts, logits)
    for k in range(logits.size):
        logits[k] = math.log(logits[k]) if logits[k] > 0.0 else -math.inf
    return narrow_row(logits, temperature, top_k, top_p, min_p, last, order, probabilities)


@page_kernel("int64(float64[::1], uint64[::1])")
def draw_level(probabilities, stream):
    """Draw a level: the first at which the running sum of probabilities passes a uniform number.

    ``stream`` (4,) uint64 advances by one number.
    """
    amount = draw_unit(stream)
    chosen = 0
    total = 0.0
    for k in range(probabilities.size):
        if probabilities[k] > 0.0:
            chosen = k  # the last of them, where rounding leaves the sum below the number
            total += probabilities[k]
            if total > amount:
                break
    return chosen


@page_kernel("int64(uint8[::1], int64, int64, int64)")
def said_before(text, begin, end, length):
    """Return at how many of the places begin to end - 1 a piece of so many letters ends that the text held before."""
    found = 0
    for i in range(max(begin, length), end):
        earlier = i - 1
        while earlier >= length - 1:
            same = 0
            while same < length and text[earlier - same] == text[i - same]:
                same += 1
            if same == length:
                found += 1
                break
            earlier -= 1
    return found
