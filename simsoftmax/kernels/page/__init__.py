"""Kernels that run in a page too: each stands alone, and keeps the rules of `simsoftmax.kernels.wasm`."""
