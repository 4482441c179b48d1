"""What a teacher tells a student, as loops over arrays, for the reader's browser.

A target is a row of probabilities over the classes, such as a teacher's softmax at a temperature. Arrays belong to the
caller, and nothing is allocated. What is written comes first.
"""

from . import page_kernel

__all__ = ["blend", "overlap", "smooth_label"]


@page_kernel("void(float64[::1], float64[::1], float64[::1])")
def blend(picture, target, pictures):
    """Write the mean of the classes' pictures (K * P,), row by row, with the target (K,) as weights, into (P,)."""
    for pixel in range(picture.size):
        ink = 0.0
        for k in range(target.size):
            ink += target[k] * pictures[k * picture.size + pixel]
        picture[pixel] = ink


@page_kernel("void(float64[::1], float64[::1], int64, int64)")
def overlap(overlaps, targets, classes, chosen):
    """Write how much of each target (n * classes,) is that of the chosen row: sum min(p, q), 1 less total variation."""
    for row in range(overlaps.size):
        common = 0.0
        for k in range(classes):
            common += min(targets[row * classes + k], targets[chosen * classes + k])
        overlaps[row] = common


@page_kernel("void(float64[::1], float64[::1], int64)")
def smooth_label(smoothed, target, label):
    """Write the smoothed label that is as sure as the target: what this leaves for other classes, spread evenly.

    Label smoothing by epsilon (Szegedy et al. 2016) gives 1 - epsilon + epsilon / K to the label and epsilon / K to
    each other class; this is the one with the target's own share for the label. The classes are at least two.
    """
    rest = 0.0
    for k in range(target.size):
        if k != label:
            rest += target[k]
    for k in range(target.size):
        smoothed[k] = target[k] if k == label else rest / (target.size - 1)
