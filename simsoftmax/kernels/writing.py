"""Writing many letters at a time, each after those before it."""

from .page.language import coming_letter, draw_level

__all__ = ["write_letters"]


def write_letters(
    text, begin, end, before, children, followers, letters, counts, discounts, temperature, top_k, top_p, min_p, last,
    order, logits, probabilities, stream,
):  # fmt: skip
    """Write the letters begin to end - 1 of a text; arguments as in `coming_letter` and `draw_level`."""
    for i in range(begin, end):
        coming_letter(
            text, i, before, children, followers, letters, counts, discounts, temperature, top_k, top_p, min_p, last,
            order, logits, probabilities,
        )  # fmt: skip
        text[i] = draw_level(probabilities, stream)
