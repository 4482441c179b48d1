"""Compilation of the kernels on first use, and their machine code, kept on disk.

numba takes most of a second to start, also when all it has to do is to read its own cache. The machine code of a kernel
needs nothing of numba: it is an object file, which llvmlite alone loads in a few milliseconds. So numba comes in only
where there is no such file yet.

A file belongs to the source of the kernels, the versions of numba and LLVM, the processor and the types of the
arguments; all of that is in its name, so nothing stale is ever read, and a folder may travel between machines. It lies
in the user's cache folder, or where numba is told to keep its own (``NUMBA_CACHE_DIR``). Where the folder cannot be
written, each process compiles for itself.
"""

from __future__ import annotations

import ctypes
import functools
import hashlib
import os
import re
import sys
import tempfile
import threading
import types
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

from simsoftmax.kernels import binomial, bitsliced, occupations, reference, streams, tabulated, xoshiro
from simsoftmax.kernels.calling import plain, spread

# Modules whose functions kernels may call: small ones, which are always inlined, and others.
_INLINED = (xoshiro, bitsliced, tabulated, streams)
_CALLED = (reference, binomial, occupations)

#: What machine code may call besides itself, functions of the C library, also those behind an operation of LLVM's.
_LIBRARY = ("exp", "expm1", "log", "log1p", "sqrt", "floor", "fma", "memcpy", "memmove", "memset")

_lock = threading.Lock()


@functools.cache
def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a kernel as machine code; where none is kept yet, the first call takes some seconds.

    Its arguments are arrays, integers and tuples of these; its result is an integer or nothing. Where numba is told not
    to compile (``NUMBA_DISABLE_JIT``), the function itself runs.
    """
    disabled = os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0")
    return function if disabled else _Kernel(function)


def njit(*arguments: Any, **options: Any) -> Any:
    """Return what ``numba.njit`` returns; what it compiles may call the functions of the kernels' modules."""
    return _register().njit(*arguments, **options)


@functools.cache
def _register() -> Any:
    """Import numba, teach it the vector operations, and let compiled kernels call the functions of their modules."""
    import numba
    from numba.extending import register_jitable

    from simsoftmax.kernels import vector  # noqa: F401

    for module in _INLINED + _CALLED:
        for value in vars(module).values():
            if isinstance(value, types.FunctionType) and value.__module__ == module.__name__:
                register_jitable(forceinline=module in _INLINED, error_model="numpy")(value)
    return numba


def uncounted(ir: str) -> str:
    """Return LLVM IR of numba's without the counting of references, if it allocates nothing.

    Then every array is an argument. Its owner is the caller, who passes no count to keep (a null pointer), so counting
    would do nothing.
    """
    if re.search(r"call .*@NRT_(?!incref|decref)", re.sub(r"^define .*@NRT_.*?^}", "", ir, flags=re.M | re.S)):
        return ir
    return re.sub(r"^.*call .*@NRT_(incref|decref)\(.*$", "", ir, flags=re.M)


class _Kernel:
    """A kernel that is loaded, or compiled, for the types of arguments that it is called with."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.variants: dict[Any, Callable[..., Any]] = {}

    def __call__(self, *arguments: Any) -> Any:
        words: list[bytes] = []
        kind = tuple([spread(argument, words) for argument in arguments])
        variant = self.variants.get(kind)
        if variant is None:
            with _lock:  # threads that come at once wait for the first
                variant = self.variants.get(kind) or self._prepare(kind, arguments)
                self.variants[kind] = variant
        return variant(arguments, b"".join(words))

    def _prepare(self, kind: Any, arguments: tuple[Any, ...]) -> Callable[..., Any]:
        path = _folder() / f"{self.function.__name__}-{self._name(kind)}.o"
        code = _read(path)
        if code is None:
            code = self._compile(arguments)
            if code is None:
                function = njit(nogil=True, error_model="numpy")(self.function)
                return lambda arguments, _: function(*plain(arguments))
            if "<locals>" not in self.function.__qualname__:  # what it closes over is not in the name
                _write(path, code)
        return _callable(code)

    def _name(self, kind: Any) -> str:
        own = Path(self.function.__code__.co_filename).read_bytes()
        facts = (_source(), own, self.function.__qualname__, kind, version("numba"), version("llvmlite"), _target())
        return hashlib.sha256(repr(facts).encode()).hexdigest()[:32]

    def _compile(self, arguments: tuple[Any, ...]) -> bytes | None:
        """Compile with numba; return an object file that exports ``kernel``, or None if it cannot stand alone."""
        import llvmlite.binding as llvm

        if _somebody_waits():
            print(
                f"simsoftmax: compiling {self.function.__name__} for this processor, once; it takes some seconds",
                file=sys.stderr,
            )
        function = njit(nogil=True, error_model="numpy")(self.function)
        function.compile(tuple(_register().typeof(argument) for argument in plain(arguments)))
        ((signature, overload),) = function.overloads.items()
        module = llvm.parse_assembly(uncounted(function.inspect_llvm(signature)))
        module.link_in(llvm.parse_assembly(_entry(module.get_function(overload.fndesc.llvm_func_name))))
        # The wrappers that Python would call are of no use here, and need numba: nothing refers to them, so they go.
        for value in [*module.functions, *module.global_variables]:
            if not value.is_declaration:
                value.linkage = "external" if value.name == "kernel" else "internal"
        machine = _machine()
        passes = llvm.create_new_module_pass_manager()
        passes.add_global_dead_code_eliminate_pass()
        passes.run(module, llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options()))
        called = {f.name for f in module.functions if f.is_declaration and not f.name.startswith("llvm.")}
        if overload.library.has_dynamic_globals or not called.issubset(_LIBRARY):  # addresses of this process, or numba
            return None
        return bytes(machine.emit_object(module))


def _somebody_waits() -> bool:
    """Return whether standard error is read as it is written: in a terminal, or a notebook that could be asked back."""
    if sys.stderr.isatty():
        return True
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return bool(getattr(getattr(shell, "kernel", None), "_allow_stdin", False))


def _entry(function: Any) -> str:
    """Return IR of a function that takes all arguments of ``function`` as one row of words."""
    types = [str(argument.type) for argument in function.arguments]
    lines = [f'declare i32 @"{function.name}"({", ".join(types)})', "define i32 @kernel(ptr %result, ptr %words) {"]
    lines.append("  %trouble = alloca ptr")
    for k, type_ in enumerate(types[2:]):
        lines.append(f"  %place{k} = getelementptr i64, ptr %words, i64 {k}")
        lines.append(f"  %word{k} = load {type_}, ptr %place{k}")
    given = ["ptr %result", "ptr %trouble", *(f"{type_} %word{k}" for k, type_ in enumerate(types[2:]))]
    lines += [f'  %status = call i32 @"{function.name}"({", ".join(given)})', "  ret i32 %status", "}"]
    return "\n".join(lines)


def _callable(code: bytes) -> Callable[..., Any]:
    """Load an object file; return the kernel as a function of the arguments and their words."""
    import llvmlite.binding as llvm

    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), _machine())
    engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()
    prototype = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p, ctypes.c_char_p)
    call = prototype(engine.get_function_address("kernel"))

    # The engine holds the code, the arguments hold the memory.
    def kernel(arguments: Any, words: bytes, engine: Any = engine) -> int:
        result = ctypes.c_int64()
        if call(ctypes.addressof(result), words):
            raise RuntimeError("a kernel stopped with an exception that is not known here; this is a bug of simsoftmax")
        return result.value

    return kernel


@functools.cache
def _target() -> tuple[str, str, str]:
    """Return the triple, the processor and its features, or those that numba is told to compile for."""
    import llvmlite.binding as llvm

    processor = os.environ.get("NUMBA_CPU_NAME") or llvm.get_host_cpu_name()
    features = os.environ.get("NUMBA_CPU_FEATURES")
    if features is None:
        try:
            features = llvm.get_host_cpu_features().flatten() if processor == llvm.get_host_cpu_name() else ""
        except RuntimeError:  # LLVM cannot tell on every system
            features = ""
    return llvm.get_process_triple(), processor, features


def _machine() -> Any:
    """Return a new target machine; an engine keeps the one that it is given."""
    import llvmlite.binding as llvm

    _initialize()
    triple, processor, features = _target()
    reloc = "static" if triple.startswith(("x86", "i686")) else "default"  # addresses need no table; as numba has it
    return llvm.Target.from_triple(triple).create_target_machine(processor, features, opt=3, reloc=reloc, jit=True)


@functools.cache
def _initialize() -> None:
    import llvmlite.binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    library = ctypes.CDLL("ucrtbase" if os.name == "nt" else None)
    for name in _LIBRARY:
        llvm.add_symbol(name, ctypes.cast(getattr(library, name), ctypes.c_void_p).value)


@functools.cache
def _source() -> str:
    """Return a digest of the source of all kernels."""
    files = sorted(Path(__file__).parent.glob("*.py"))
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


def _folder() -> Path:
    chosen = os.environ.get("NUMBA_CACHE_DIR")
    if chosen:
        return Path(chosen)
    from platformdirs import user_cache_path

    return user_cache_path("simsoftmax") / "kernels"


def _read(path: Path) -> bytes | None:
    """Return an object file from the cache, or None if there is none or it is damaged."""
    try:
        digest, code = (content := path.read_bytes())[:32], content[32:]
    except OSError:
        return None
    return code if hashlib.sha256(code).digest() == digest else None


def _write(path: Path, code: bytes) -> None:
    """Keep an object file whole: other processes see all of it or nothing."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
            file.write(hashlib.sha256(code).digest() + code)
        os.replace(file.name, path)
    except OSError:
        pass  # the next process compiles again
