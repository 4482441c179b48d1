"""Numba source: random streams, the scalar reference kernel, the exact occupation kernels, the fast kernels.

Those of the simulator are plain functions; `compiler` makes machine code of them and keeps it.

Nothing here checks its arguments; that is done once, above.
"""
