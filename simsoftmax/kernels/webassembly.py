"""The format of a WebAssembly module, as far as the kernels of a page need it (WebAssembly Core Specification 1.0)."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator

__all__ = ["CODE", "CUSTOM", "DATA", "EXPORT", "HEADER", "IMPORT", "Reader", "assemble", "only", "sections", "unsigned"]

HEADER = b"\0asm\1\0\0\0"
CUSTOM, IMPORT, EXPORT, CODE, DATA = 0, 2, 7, 10, 11
_ORDER = [1, 2, 3, 4, 5, 6, 7, 8, 9, 12, CODE, DATA, CUSTOM]
_NOTHING = b"\3\0\0\x0b"  # a function of three bytes: no variables, unreachable, end


def unsigned(n: int) -> bytes:
    """Return n in unsigned LEB128, the integers of the format."""
    out = b""
    while n > 127:
        out += bytes([n & 127 | 128])
        n >>= 7
    return out + bytes([n])


class Reader:
    """A cursor over the body of a section."""

    def __init__(self, data: bytes, at: int = 0) -> None:
        self.data, self.at = data, at

    def byte(self) -> int:
        """Return the next byte."""
        self.at += 1
        return self.data[self.at - 1]

    def unsigned(self) -> int:
        """Return the next integer."""
        value = shift = 0
        while True:
            byte = self.byte()
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    def bytes(self) -> bytes:
        """Return bytes that stand behind their number."""
        length = self.unsigned()
        self.at += length
        return self.data[self.at - length : self.at]

    def text(self) -> str:
        """Return the next name."""
        return self.bytes().decode()


def sections(module: bytes) -> Iterator[tuple[int, bytes]]:
    """Iterate over the kinds and bodies of a module's sections."""
    reader = Reader(module, len(HEADER))
    while reader.at < len(module):
        yield reader.byte(), reader.bytes()


def assemble(parts: Iterable[tuple[int, bytes]]) -> bytes:
    """Return a module of these sections, in the order that the format demands."""
    ordered = sorted(parts, key=lambda part: _ORDER.index(part[0]))
    return HEADER + b"".join(bytes([kind]) + unsigned(len(body)) + body for kind, body in ordered)


def only(module: bytes, names: Collection[str]) -> bytes:
    """Return a module of kernels with these alone.

    The others become functions of three bytes that nobody can call, so that no index in the module changes.
    """
    parts = list(sections(module))
    found = dict(parts)
    imported = sum(kind == 0 for kind in _imported(found.get(IMPORT, b"\0")))
    reader, kept = Reader(found[EXPORT]), {}
    for _ in range(reader.unsigned()):
        name, _, index = reader.text(), reader.byte(), reader.unsigned()  # all are functions
        if name in names:
            kept[name] = index
    reader = Reader(found[CODE])
    bodies = [reader.bytes() for _ in range(reader.unsigned())]
    code = b"".join(
        unsigned(len(body)) + body if number + imported in kept.values() else _NOTHING
        for number, body in enumerate(bodies)
    )
    exports = b"".join(unsigned(len(name)) + name.encode() + b"\0" + unsigned(index) for name, index in kept.items())
    custom = Reader(found[CUSTOM])
    title = custom.text()
    described = {name: value for name, value in json.loads(custom.data[custom.at :]).items() if name in kept}
    new = {
        EXPORT: unsigned(len(kept)) + exports,
        CODE: unsigned(len(bodies)) + code,
        CUSTOM: unsigned(len(title)) + title.encode() + json.dumps(described, separators=(",", ":")).encode(),
    }
    return assemble((kind, new.get(kind, body)) for kind, body in parts)


def _imported(body: bytes) -> Iterator[int]:
    """Iterate over the kinds of what an import section brings: 0 is a function, 2 is memory."""
    reader = Reader(body)
    for _ in range(reader.unsigned()):
        reader.text()
        reader.text()
        kind = reader.byte()
        yield kind
        if kind == 0:
            reader.unsigned()
        else:
            if kind == 1:
                reader.byte()
            if reader.unsigned() & 1:
                reader.unsigned()
            reader.unsigned()
