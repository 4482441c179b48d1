"""Grids of runs: here, on any executor, on a cluster; and one verdict for all of them."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
