"""Live figures: the kernels of this package, compiled from Python to WebAssembly, in the reader's browser.

The explorers are in `simsoftmax.live.widgets`, the compiler in `simsoftmax.kernels.wasm`, what they show it with in
``src/``.
"""
