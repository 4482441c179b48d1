"""Data that several tests of figures take."""

import numpy as np

import simsoftmax as ss


def fits(count):
    """Return calibration fits of ever hotter logits."""
    labels = np.array([0, 1, 1, 0, 1, 0, 0, 1])
    gap = np.array([-1.0, 2.0, -0.5, -2.0, 1.0, 0.5, -1.0, 0.7])
    return [ss.fit_temperature(np.stack([0 * gap, gap / (k + 1)], -1), labels) for k in range(count)]
