"""The verdict on counts: whether they are those of softmax(z / T), how sure that is, and what would have been found.

Its public names are listed in ``__init__.pyi`` and imported on first use.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
