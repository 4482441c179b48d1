"""Calibration: fit a temperature to logits and labels, and measure how honest probabilities are.

Its public names are listed in ``__init__.pyi`` and imported on first use: scikit-learn is slow to start.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
