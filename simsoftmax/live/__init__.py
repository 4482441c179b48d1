"""Live figures: the kernels of this package, compiled from Python to WebAssembly, in the reader's browser.

Each figure is a module of its own; what they show it with is in ``src/``, bundled into ``static/``. Their names are
listed in ``__init__.pyi`` and imported on first use.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
