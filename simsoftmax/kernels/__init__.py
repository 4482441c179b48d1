"""Numba source: random streams, the scalar reference kernel, the exact occupation kernels, the fast kernels.

All are plain Python, and `compiler` is the one door to machine code, which `cache` keeps. Operations on vectors are
stated for NumPy in `lanes` and `floating`; `vector` and `vector_floating` tell numba how to lower them.

Nothing here checks its arguments; that is done once, above.
"""
