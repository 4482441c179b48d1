"""Live figures: the kernels of this package, compiled from Python to WebAssembly, in the reader's browser."""
