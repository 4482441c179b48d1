"""Softmax with temperature is the Gibbs-Boltzmann distribution: see it, check it, use it.

The public names are listed in ``__init__.pyi`` and imported on first use, so that ``import simsoftmax``
costs no more than NumPy does.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

__version__ = "0.1.0"
