"""Kernels that run in a page too: each stands alone, and keeps the rules of `simsoftmax.kernels.wasm`.

Every public function of a module here is such a kernel, and says with `page_kernel` how a page calls it. What a kernel
calls besides begins with an underscore, or stands in a module of `simsoftmax.kernels`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from ..compiler import compiled, functions, modules

__all__ = ["kernels", "page_kernel"]

_FORM = re.compile(r"\w+\((.*)\)")


def page_kernel(signature: str) -> Callable[[Callable[..., Any]], Any]:
    """Return a decorator that makes a function a kernel, for Python and for a page.

    Parameters
    ----------
    signature : str
        The result and the parameters in numba's words: ``int64(uint8[::1], float64)``, ``void(float64[::1])``. Python
        may call the kernel with other types; a page has these only.

    Raises
    ------
    ValueError
        If the signature has not this form, or another number of parameters than the function.
    """

    def mark(function: Callable[..., Any]) -> Any:
        place = f"{function.__module__}.{function.__name__}"
        form = _FORM.fullmatch(signature)
        if form is None:
            raise ValueError(f"the signature of {place} must be like int64(float64[::1], float64), got {signature!r}")
        given = form[1].split(", ") if form[1] else []
        names = function.__code__.co_varnames[: function.__code__.co_argcount]
        if len(given) != len(names):
            wanted = f"{len(names)} parameters ({', '.join(names)})"
            raise ValueError(f"the signature of {place} must name its {wanted}, got {signature!r}")
        kernel = compiled(function)
        kernel.signature = signature
        return kernel

    return mark


def kernels(package: str = __name__) -> dict[str, tuple[str, str]]:
    """Return all kernels of a package: name -> ("module:function", signature), by module and in the order of its text.

    Raises
    ------
    ValueError
        If a public function has no signature, or two have one name.
    """
    found: dict[str, tuple[str, str]] = {}
    for module in modules(package):
        for name, value in functions(module).items():
            if name.startswith("_"):
                continue
            place = f"{module.__name__}:{name}"
            if not hasattr(value, "signature"):
                raise ValueError(
                    f"{place} has no signature; mark it with @page_kernel, or begin its name with an underscore if "
                    "only kernels call it"
                )
            if name in found:
                raise ValueError(f"{place} and {found[name][0]} have one name in a page; rename one of them")
            found[name] = place, value.signature
    return found
