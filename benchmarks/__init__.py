"""Our kernels beside their peers, timed in one run: ``python -m benchmarks``."""
