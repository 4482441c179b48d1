"""Compile kernels from this package's Python source to WebAssembly, with numba and llvmlite alone.

``python -m simsoftmax.kernels.wasm [file]`` rebuilds the file that the live figures load. numba compiles each kernel
as it would for the processor; its optimised LLVM IR is retargeted to wasm32 and emitted as one object file, whose
symbols become the module's exports. No linker takes part, so a kernel must stand alone:

* arrays and scalars in, a scalar or nothing out; nothing is allocated;
* no ``raise``, no ``np.random`` (carry the generator's state in an array), no constant arrays;
* of the mathematical library only the functions in `IMPORTS`, which the page supplies from JavaScript's ``Math``.

A kernel that breaks a rule is refused with the reason. Heap arrays can abort the process inside LLVM, so the compiler
runs in a process of its own.

The module describes itself: the custom section named ``kernels`` holds, as JSON, the parameters and the result of
every export. All memory is imported (``env.__linear_memory``), so the page decides what lies where. An exported
function is called as ``f(ret*, exc*, parameters...)``, an array spread into
``0, 0, nitems i64, itemsize i64, data*, shape i64..., strides i64...``; it writes its result to ``ret`` and returns a
status, 0 for success.
"""

from __future__ import annotations

import importlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..files import atomic_writer
from . import page
from .compiler import njit, uncounted
from .webassembly import CUSTOM, DATA, EXPORT, IMPORT, Reader, assemble, sections, unsigned

__all__ = ["IMPORTS", "KERNELS", "MODULE", "build"]

#: Kernels of the live figures: exported name -> (module:function, numba signature).
KERNELS = page.kernels()

#: Functions of the C library that a kernel may use; the page passes JavaScript's ``Math`` for them.
IMPORTS = frozenset({"exp", "expm1", "log", "log1p", "log2", "sqrt", "sin", "cos", "tanh"})

#: The compiled kernels, package data.
MODULE = Path(__file__).parents[1] / "live" / "static" / "kernels.wasm"

# Set before numba is imported: no instruction of this machine in the IR, no vectors of its width.
_PORTABLE = {
    "NUMBA_CPU_NAME": "generic",
    "NUMBA_CPU_FEATURES": "",
    "NUMBA_LOOP_VECTORIZE": "0",
    "NUMBA_SLP_VECTORIZE": "0",
    "NUMBA_DISABLE_JIT": "0",
}

_HEAP = "it needs the heap; pass every array in, also the work space, and return none"
_RULES = {
    "@NRT_": _HEAP,
    "@numba_rnd": "it uses np.random; carry a generator's state in an array",
    "random_state": "it uses np.random; carry a generator's state in an array",
    "@numba_": "it calls numba's runtime; use plain arithmetic on arrays and scalars",
    "@Py": "it calls the Python interpreter; use plain arithmetic on arrays and scalars",
    "llvm.x86.": "it uses instructions of one processor; use generic operations",
    "llvm.aarch64.": "it uses instructions of one processor; use generic operations",
}


def build(kernels: Mapping[str, tuple[str, str]] | None = None) -> bytes:
    """Compile kernels to one WebAssembly module.

    Parameters
    ----------
    kernels : mapping, optional
        Exported name -> ("module:function", numba signature with the result's type); the default is `KERNELS`.

    Returns
    -------
    bytes
        The module. The same source, numba and llvmlite give the same bytes.

    Raises
    ------
    ValueError
        If a kernel breaks a rule of this module; the message names the kernel and what to do.
    """
    request = json.dumps(dict(KERNELS if kernels is None else kernels))
    environment = os.environ | _PORTABLE | {"PYTHONPATH": os.pathsep.join(p or os.getcwd() for p in sys.path)}
    worker = subprocess.run(
        [sys.executable, "-m", "simsoftmax.kernels.wasm", "--worker"],
        input=request.encode(),
        capture_output=True,
        env=environment,
        check=False,
    )
    if worker.returncode == 0:
        return worker.stdout
    lines = worker.stderr.decode(errors="replace").strip().splitlines() or [""]
    if worker.returncode == 3:  # refused by a rule
        raise ValueError(lines[-1])
    at_work = next((line for line in reversed(lines) if line.startswith("compiling ")), "compiling the kernels")
    if worker.returncode < 0:
        raise ValueError(f"{at_work}: LLVM gave up (signal {-worker.returncode}); most likely {_HEAP}")
    raise ValueError(f"{at_work}: " + "\n".join(lines))


class _Refused(Exception):
    """A kernel breaks a rule; the message says which and what to do."""


def _imports(body: bytes) -> list[tuple[str, int]]:
    """Return (name, kind) of everything that an import section brings; kind 0 is a function."""
    reader, found = Reader(body), []
    for _ in range(reader.unsigned()):
        reader.text()
        name, kind = reader.text(), reader.byte()
        if kind == 0:
            reader.unsigned()
        elif kind in (1, 2):
            if kind == 1:
                reader.byte()
            has_maximum = reader.unsigned() & 1
            reader.unsigned()
            if has_maximum:
                reader.unsigned()
        else:
            raise _Refused(f"{name}: it uses a global variable; pass the value in")
        found.append((name, kind))
    return found


def _symbols(linking: bytes) -> dict[str, int]:
    """Return function name -> index of the defined functions in a "linking" section's symbol table."""
    reader = Reader(linking)
    reader.text()
    reader.unsigned()  # version
    found: dict[str, int] = {}
    while reader.at < len(linking):
        kind, size = reader.byte(), reader.unsigned()
        end = reader.at + size
        if kind == 8:  # the symbol table
            for _ in range(reader.unsigned()):
                symbol, flags = reader.byte(), reader.unsigned()
                undefined, named = flags & 0x10, flags & 0x40
                if symbol in (0, 2, 4, 5):  # function, global, event, table
                    index = reader.unsigned()
                    if not undefined or named:
                        name = reader.text()
                        if symbol == 0 and not undefined:
                            found[name] = index
                elif symbol == 1:  # data
                    reader.text()
                    if not undefined:
                        reader.unsigned(), reader.unsigned(), reader.unsigned()
                else:  # section
                    reader.unsigned()
        reader.at = end
    return found


def _describe(signature: Any) -> dict[str, Any]:
    """Return the parameters and the result of a compiled signature, for the loader in the page."""
    from numba import types

    def name(kind: Any) -> str:
        if isinstance(kind, types.Array):
            if kind.layout != "C":
                raise _Refused(f"its array {kind} is not contiguous; write {kind.dtype}[::1]")
            return f"{kind.dtype}[{kind.ndim}]"
        if str(kind) in {"none", "void"}:
            return "none"
        if str(kind) in {"int32", "int64", "float64"}:
            return str(kind)
        raise _Refused(f"{kind} cannot cross the border; use int32, int64, float64 and arrays")

    return {"parameters": [name(kind) for kind in signature.args], "result": name(signature.return_type)}


def _intermediate(function: Any, signature: str, captured: dict[str, str]) -> tuple[str, str, dict[str, Any]]:
    """Compile one kernel with numba; return its optimised IR, its symbol and its description."""
    stated, _, parameters = signature[:-1].partition("(")
    compiled = njit(f"({parameters},)" if parameters else "()", error_model="numpy")(
        getattr(function, "py_func", function)
    )
    overload: Any
    (overload,) = compiled.overloads.values()
    returned = str(overload.signature.return_type).replace("none", "void")
    if returned != stated:  # numba would convert in silence, a fraction to a whole number too
        raise _Refused(f"it returns {returned}, and its signature says {stated}")
    ir = captured[overload.library.name]
    # The IR says what machine it is for; the new target says so again.
    ir = re.sub(r"^target (triple|datalayout).*$", "", ir, flags=re.M)
    ir = re.sub(r'"(target-cpu|target-features|tune-cpu|probe-stack)"="[^"]*"', "", ir)
    return uncounted(ir), overload.fndesc.llvm_func_name, _describe(overload.signature)


def _check(module: Any) -> None:
    """Refuse a compiled kernel that cannot stand alone."""
    text = str(module)
    for sign, reason in _RULES.items():
        if sign in text:
            raise _Refused(reason)
    if "@.const.pickle" in text:
        raise _Refused("it raises an exception, or can; return a status instead")
    if any(not value.is_declaration for value in module.global_variables):
        raise _Refused("it needs static data (a constant array, a table, a text); pass it in as an array")
    declared = {value.name for value in module.functions if value.is_declaration}
    _check_imports({name for name in declared if not name.startswith("llvm.")})


def _check_imports(names: set[str]) -> None:
    if names - IMPORTS:
        foreign = ", ".join(sorted(names - IMPORTS))
        raise _Refused(f"it calls {foreign}; a page supplies only {', '.join(sorted(IMPORTS))}")


def _compile(kernels: Mapping[str, tuple[str, str]]) -> bytes:
    """Compile the kernels in this process (the worker's part)."""
    import llvmlite.binding as llvm
    from numba.core import codegen

    # The optimised IR as it is before the host's code generator rewrites it: a private method, so numba is pinned.
    captured: dict[str, str] = {}
    library_class: Any = codegen.CPUCodeLibrary
    finalize = library_class._finalize_final_module

    def keep_ir(library: Any) -> Any:
        captured[library.name] = str(library._final_module)
        return finalize(library)

    library_class._finalize_final_module = keep_ir
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    machine = llvm.Target.from_triple("wasm32-unknown-unknown").create_target_machine(opt=3)
    passes = llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options(speed_level=3))
    header = f'target triple="wasm32-unknown-unknown"\ntarget datalayout="{machine.target_data}"\n'

    description: dict[str, Any] = {}
    whole = None
    for export, (place, signature) in kernels.items():
        print(f"compiling {export}", file=sys.stderr, flush=True)
        module_name, _, function_name = place.partition(":")
        function = getattr(importlib.import_module(module_name), function_name)
        try:
            ir, symbol, description[export] = _intermediate(function, signature, captured)
            part = llvm.parse_assembly(header + ir)
            for value in [*part.functions, *part.global_variables]:
                if not value.is_declaration:
                    value.linkage = "external" if value.name == symbol else "internal"
            passes.getModulePassManager().run(part, passes)
            part.get_function(symbol).name = export
            _check(part)
        except _Refused as refused:
            raise _Refused(f"{export} ({place}): {refused}") from None
        if whole is None:
            whole = part
        else:
            whole.link_in(part)
    assert whole is not None
    return _assemble(machine.emit_object(whole), description)


def _assemble(emitted: bytes, description: dict[str, Any]) -> bytes:
    """Turn an object file into a module: drop what a linker would read, export the kernels."""
    found: list[tuple[int, bytes]] = []
    symbols: dict[str, int] = {}
    for kind, body in sections(emitted):
        if kind == CUSTOM:
            if Reader(body).text() == "linking":
                symbols = _symbols(body)
        else:
            found.append((kind, body))
    if any(kind == DATA for kind, _ in found):
        raise _Refused("a kernel needs static data that the code generator added; simplify it")
    # The code generator adds calls of its own: exp for an intrinsic, memset for a loop.
    _check_imports({name for name, kind in _imports(dict(found).get(IMPORT, b"\0")) if kind == 0})
    exports = b"".join(unsigned(len(name)) + name.encode() + b"\0" + unsigned(symbols[name]) for name in description)
    found.append((EXPORT, unsigned(len(description)) + exports))
    found.append((CUSTOM, unsigned(7) + b"kernels" + json.dumps(description, separators=(",", ":")).encode()))
    return assemble(found)


def _worker() -> None:
    try:
        module = _compile(json.load(sys.stdin))
    except _Refused as refused:
        print(refused, file=sys.stderr)
        sys.exit(3)
    sys.stdout.buffer.write(module)


if __name__ == "__main__":
    if "--worker" in sys.argv[1:]:
        _worker()
    else:
        target = Path(sys.argv[1]) if len(sys.argv) > 1 else MODULE
        compiled = build()
        with atomic_writer(target) as file:
            file.write(compiled)
        print(f"{target.name}: {len(compiled)} bytes, {len(KERNELS)} kernels")
