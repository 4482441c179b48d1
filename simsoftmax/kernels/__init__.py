"""Numba source: random streams, the scalar reference kernel, the exact occupation kernels, the fast kernels.

Nothing here checks its arguments; that is done once, above.
"""
