"""The one door to the compiler: kernels compiled on first use, and their machine code, kept on disk.

numba takes most of a second to start, also when all it has to do is to read its own cache. The machine code of a kernel
needs nothing of numba: it is an object file, which llvmlite alone loads in a few milliseconds. So numba comes in only
where there is no such file yet.

A file belongs to the source of the kernels, the versions of numba and LLVM, the processor and the types of the
arguments; all of that is in its name, so nothing stale is ever read, and a folder may travel between machines.
`simsoftmax.kernels.cache` says where it lies and which files are trusted. Nothing is ever written into the package.

Much of this leans on how numba lays out its arguments and names its parts. Where a version of numba or LLVM does
otherwise, there is a warning, and the kernel is run by numba alone or, if that fails too, as it stands with NumPy: the
same function, so the same result, only later.
"""

from __future__ import annotations

import ctypes
import functools
import hashlib
import importlib
import importlib.resources
import os
import pkgutil
import re
import subprocess
import sys
import threading
import types
import warnings
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from simsoftmax.kernels import cache
from simsoftmax.kernels.calling import check, numba_type, plain, spread

#: What machine code may call besides itself, functions of the C library, also those behind an operation of LLVM's.
_LIBRARY = ("exp", "expm1", "log", "log1p", "log2", "sqrt", "floor", "fma", "fmaf", "memcpy", "memmove", "memset")

#: What a kernel may return, beside nothing and tuples of these: numba's name of it, and how it is read.
_RESULTS: dict[str, Any] = {
    **{f"{sign}int{bits}": getattr(ctypes, f"c_{sign}int{bits}") for sign in ("", "u") for bits in (8, 16, 32, 64)},
    "float32": ctypes.c_float,
    "float64": ctypes.c_double,
    "bool": ctypes.c_bool,
}

_lock = threading.RLock()


def _before_fork() -> None:
    """Wait for a compilation that is going on: a child would find the locks of numba and LLVM held for ever."""
    _forking.append(_lock.acquire(timeout=60))


def _after_fork() -> None:
    if _forking.pop():
        _lock.release()


_forking: list[bool] = []
if hasattr(os, "register_at_fork"):
    # Handlers that run before a fork take their locks in reverse order. That of logging, which numba calls, has to be
    # taken after this one, so it has to be there first.
    importlib.import_module("concurrent.futures.thread")
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork, after_in_child=_after_fork)


@functools.cache
def compiled(function: Callable[..., Any]) -> Any:
    """Return a kernel as machine code; where none is kept yet, the first call takes some seconds.

    Its arguments are arrays, numbers and tuples of these; its result is a number, a tuple of numbers or nothing;
    anything else is a TypeError that names it. Where numba is told not to compile (``NUMBA_DISABLE_JIT``), the function
    itself runs, by the same arithmetic. Kernels may call one another, and all functions of the modules of this package
    and of the packages in it.
    """
    disabled = os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0")
    return _Uncompiled(function) if disabled else _Kernel(function)


def njit(*arguments: Any, **options: Any) -> Any:
    """Return what ``numba.njit`` returns; what it compiles may call the functions of the kernels' modules."""
    return _register().njit(*arguments, **options)


def modules(package: str) -> list[types.ModuleType]:
    """Return all modules of a package, and of the packages in it, in the order of their names."""
    found = pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}.")
    return [importlib.import_module(name) for name in sorted(module.name for module in found)]


def functions(module: types.ModuleType) -> dict[str, Any]:
    """Return the functions and the kernels that stand in a module, by name, in the order of its text."""
    return {name: value for name, value in vars(module).items() if _home(value) == module.__name__}


def _home(value: Any) -> str | None:
    """Return the module in which a function or a kernel stands; None for anything else."""
    function = value.py_func if isinstance(value, _Kernel | _Uncompiled) else value
    return function.__module__ if isinstance(function, types.FunctionType) else None


@functools.cache
def _register() -> Any:
    """Import numba, teach it the vector operations, and let compiled kernels call the functions of their package.

    Those of a module that states ``INLINE = True`` become part of the kernels that call them, whatever LLVM thinks.
    """
    _check_processor()
    import numba
    from numba.extending import register_jitable, typeof_impl

    from .vector import lowered

    for module in modules(__package__):  # all are imported before the first is looked at, so `lowered` is complete
        jitable = register_jitable(forceinline=getattr(module, "INLINE", False), error_model="numpy")
        for function in functions(module).values():
            if isinstance(function, types.FunctionType) and function not in lowered:
                jitable(function)

    @typeof_impl.register(_Kernel)
    def type_of(kernel: _Kernel, _context: Any) -> Any:
        return numba.types.Dispatcher(kernel.dispatcher)

    return numba


def uncounted(ir: str) -> str:
    """Return LLVM IR of numba's without the counting of references, if it allocates nothing.

    Then every array is an argument. Its owner is the caller, who passes no count to keep (a null pointer), so counting
    would do nothing.
    """
    if re.search(r"call .*@NRT_(?!incref|decref)", re.sub(r"^define .*@NRT_.*?^}", "", ir, flags=re.M | re.S)):
        return ir
    return re.sub(r"^.*call .*@NRT_(incref|decref)\(.*$", "", ir, flags=re.M)


class _Uncompiled:
    """A kernel as it stands: numbers as NumPy's, so that a division by zero or an overflow is that of the processor."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.py_func = function
        functools.update_wrapper(self, function)

    def __call__(self, *arguments: Any) -> Any:
        with np.errstate(all="ignore"):
            return self.py_func(*[np.float64(a) if isinstance(a, float) else a for a in arguments])


class _Kernel:
    """A kernel that is loaded, or compiled, for the types of arguments that it is called with."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.py_func = function
        self.variants: dict[Any, Callable[..., Any]] = {}
        functools.update_wrapper(self, function)

    def __call__(self, *arguments: Any) -> Any:
        words: list[bytes] = []
        kind = tuple([spread(argument, words) for argument in arguments])
        variant = self.variants.get(kind)
        if variant is None:
            with _lock:  # threads that come at once wait for the first
                variant = self.variants.get(kind) or self._prepare(kind)
                self.variants[kind] = variant
        return variant(arguments, b"".join(words))

    @functools.cached_property
    def dispatcher(self) -> Any:
        """What numba makes of the function, for itself and for kernels that call it."""
        return njit(nogil=True, error_model="numpy")(self.py_func)

    def _prepare(self, kind: Any) -> Callable[..., Any]:
        for each in kind:
            check(each, self.py_func.__name__)
        try:
            name = self._name(kind)
            code = cache.read(name) if name else None
            if code is not None:
                return _callable(code)
            code = self._compile(kind)
            if code is not None:
                if name:
                    cache.write(name, code)
                return _callable(code)
        except (_ProcessorError, _ResultError):
            raise
        except Exception as error:
            self._warn(error, "numba runs it in its own way, and starts slowly")
        try:
            function = self.dispatcher
            function.compile(tuple(numba_type(k) for k in kind))
            return lambda arguments, _: function(*plain(arguments))
        except Exception as error:
            self._warn(error, "it runs uncompiled, a hundred times slower or more")
        uncompiled = _Uncompiled(self.py_func)
        return lambda arguments, _: uncompiled(*arguments)

    def _warn(self, error: Exception, consequence: str) -> None:
        reason = f"{type(error).__name__}: {error}".splitlines()[0]
        warnings.warn(
            f"{self.py_func.__name__} could not be compiled with this version of numba or llvmlite ({reason}), so "
            f"{consequence}; the versions in the metadata of simsoftmax are known to work.",
            RuntimeWarning,
            stacklevel=2,
        )

    def _name(self, kind: Any) -> str | None:
        """Return the name of the file that holds the kernel, or None if not all that it depends on is known."""
        if "<" in self.py_func.__qualname__:  # <locals> may close over what is not in the name, <lambda> has none
            return None
        source, own = _source(), _own_source(self.py_func)
        if not source or own is None:
            return None
        place = self.py_func.__module__, self.py_func.__qualname__
        facts = (source, own, place, kind, version("numba"), version("llvmlite"), _target())
        return f"{self.py_func.__name__}-{hashlib.sha256(repr(facts).encode()).hexdigest()[:32]}.o"

    def _compile(self, kind: Any) -> bytes | None:
        """Compile with numba; return how the result is read and an object file, or None if it cannot stand alone."""
        import llvmlite.binding as llvm

        if _somebody_waits():
            often = "once" if cache.usable() else "and for every process, as nothing can be kept"
            name = self.py_func.__name__
            print(f"simsoftmax: compiling {name} for this processor, {often}; it takes some seconds", file=sys.stderr)
        function = njit(nogil=True, error_model="numpy")(self.py_func)
        function.compile(tuple(numba_type(k) for k in kind))
        ((signature, overload),) = function.overloads.items()
        result = self._result(overload.signature.return_type)
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
        return result.encode() + b"\n" + bytes(machine.emit_object(module))

    def _result(self, kind: Any) -> str:
        """Return how `_reader` knows numba's type of a result."""
        types = _register().types
        several = isinstance(kind, types.BaseTuple)
        names = [str(types.unliteral(part)) for part in (kind.types if several else [kind])]
        if names != ["none"] and not set(names) <= set(_RESULTS):
            raise _ResultError(
                f"{self.py_func.__name__} must return a number, a tuple of numbers or nothing, got {kind}; let it "
                "write into arrays that it is given"
            )
        return f"({','.join(names)})" if several else names[0]


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


def _reader(result: str) -> tuple[Any, Callable[[Any], Any]]:
    """Return the room that a result of this name takes, and what reads it from there."""
    if result == "none":
        return ctypes.c_void_p, lambda room: None
    if not result.startswith("("):
        return _RESULTS[result], lambda room: room.value
    fields = [(f"item{k}", _RESULTS[name]) for k, name in enumerate(result[1:-1].split(",")) if name]
    kind = type("Results", (ctypes.Structure,), {"_fields_": fields})  # laid out as LLVM does
    return kind, lambda room: tuple([getattr(room, name) for name, _ in fields])


def _callable(code: bytes) -> Callable[..., Any]:
    """Load what `_Kernel._compile` made; return the kernel as a function of the arguments and their words."""
    import llvmlite.binding as llvm

    name, _, code = code.partition(b"\n")
    room, read = _reader(name.decode())
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), _machine())
    engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()
    prototype = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p, ctypes.c_char_p)
    call = prototype(engine.get_function_address("kernel"))

    # The engine holds the code, the arguments hold the memory.
    def kernel(arguments: Any, words: bytes, engine: Any = engine) -> Any:
        result = room()
        if call(ctypes.addressof(result), words):
            raise RuntimeError("a kernel stopped with an exception that is not known here; this is a bug of simsoftmax")
        return read(result)

    return kernel


class _ResultError(TypeError):
    """A kernel returns what cannot be read without numba."""


class _ProcessorError(ValueError):
    """The environment names a processor that LLVM does not know."""


@functools.cache
def _check_processor() -> None:
    """Refuse a processor that LLVM does not know, before LLVM ends the process over it."""
    import llvmlite.binding as llvm

    processor = os.environ.get("NUMBA_CPU_NAME")
    if not processor or processor in ("generic", llvm.get_host_cpu_name()):
        return
    # LLVM complains of some names and stops at others, so another process asks.
    done = subprocess.run(
        [sys.executable, "-I", "-c", _ASK, os.pathsep.join(sys.path), processor], capture_output=True, check=False
    )
    if done.returncode or b"not a recognized processor" in done.stderr:
        raise _ProcessorError(
            f"NUMBA_CPU_NAME must name a processor that LLVM knows, got {processor!r}; unset it to compile for this one"
        )


_ASK = """
import os, sys
sys.path[:] = sys.argv[1].split(os.pathsep)
import llvmlite.binding as llvm
llvm.initialize_native_target()
llvm.initialize_native_asmprinter()
machine = llvm.Target.from_triple(llvm.get_process_triple()).create_target_machine(sys.argv[2])
machine.emit_object(llvm.parse_assembly("define i64 @f() { ret i64 0 }"))
"""


@functools.cache
def _target() -> tuple[str, str, str]:
    """Return the triple, the processor and its features, or those that numba is told to compile for."""
    import llvmlite.binding as llvm

    _check_processor()
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
    """Return a digest of the source of all kernels, or of their byte code where that is all there is."""
    texts = dict(_texts(importlib.resources.files("simsoftmax.kernels")))
    return hashlib.sha256(repr(sorted(texts.items())).encode()).hexdigest() if texts else ""


def _texts(folder: Any, above: str = "") -> Iterator[tuple[str, bytes]]:
    """Yield the name and the text of every module in a folder and in the folders below."""
    for item in folder.iterdir():
        if item.is_dir():
            if item.name != "__pycache__":
                yield from _texts(item, f"{above}{item.name}/")
        elif item.name.endswith((".py", ".pyc")):
            yield above + item.name, item.read_bytes()


def _own_source(function: Callable[..., Any]) -> bytes | None:
    """Return the file in which a function stands: nothing for those of this package, None where it cannot be read."""
    if function.__module__.startswith(f"{__package__}."):
        return b""  # part of `_source`
    try:
        return Path(function.__code__.co_filename).read_bytes()
    except OSError:
        return None
