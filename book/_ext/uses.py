"""Where the chapters use a name of the package, and which claims stand on it: read from the sources of the chapters.

A claim stands on a name if the statement that makes it mentions the name, or if what it mentions comes, over however
many statements before it, from one that does. So ``run = ss.simulate(...)`` and, cells later, ``claim("gibbs", ...,
holds=run.verify(), ...)`` puts `simulate` under the claim. What a chapter's helpers do out of sight is not followed.
"""

from __future__ import annotations

import ast
import re
import symtable
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

CELL = re.compile(r"^```\{code-cell\}[^\n]*\n(?:---\n.*?^---\n|(?::[^\n]*\n)*)(.*?)^```", re.DOTALL | re.MULTILINE)

PACKAGE = "simsoftmax"


class Uses(NamedTuple):
    """What one chapter uses: names of the package below its own, and under each claim those that it stands on."""

    names: set[str]
    claims: dict[str, set[str]]


@cache
def uses_of(chapter: str) -> Uses:
    """Return the names of the package that the source of a chapter uses, in all and claim by claim."""
    tree = ast.parse("\n".join(CELL.findall(chapter)))
    known = _imported(tree)
    found = Uses(set(), {})
    before: list[Step] = []
    for statement in tree.body:
        step = Step(statement, _names(statement, known), _reads(statement), _binds(statement), _changes(statement))
        found.names.update(step.names)
        for claim in _claims(statement):
            found.claims[claim] = _stands_on(step, before)
        before.append(step)
    return found


class Step(NamedTuple):
    """A statement of a chapter: the names of the package in it, and what it reads, binds and changes of the chapter."""

    statement: ast.stmt
    names: set[str]
    reads: set[str]
    binds: set[str]
    changes: set[str]


def _imported(tree: ast.Module) -> dict[str, str]:
    """Return what each imported name means: ``{"ss": "", "anneal": "annealing.anneal"}``."""
    known = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for each in node.names:
                if each.name == PACKAGE:
                    known[each.asname or each.name] = ""
        elif isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == PACKAGE:
            for each in node.names:
                home = node.module.removeprefix(PACKAGE).removeprefix(".")
                known[each.asname or each.name] = f"{home}.{each.name}".removeprefix(".")
    return known


def _names(node: ast.AST, known: dict[str, str]) -> set[str]:
    """Return the names of the package in a statement, ``simulate`` for ``ss.simulate`` and for what was imported."""
    used = set()
    for inner in ast.walk(node):
        if isinstance(inner, ast.Name) and known.get(inner.id):
            used.add(known[inner.id])
        elif isinstance(inner, ast.Attribute):
            parts = [inner.attr]
            root = inner.value
            while isinstance(root, ast.Attribute):
                parts.append(root.attr)
                root = root.value
            if isinstance(root, ast.Name) and known.get(root.id) == "":
                used.add(".".join(reversed(parts)))
    return used


def _claims(statement: ast.stmt) -> Iterator[str]:
    for node in ast.walk(statement):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "claim":
            match node.args:
                case [ast.Constant(value=str(name)), *_]:
                    yield name


def _stands_on(step: Step, before: list[Step]) -> set[str]:
    """Return the names that a statement mentions, and those on the way to the values that it reads."""
    used, wanted = set(step.names), set(step.reads)
    for earlier in reversed(before):
        if wanted & (earlier.binds | earlier.changes):
            used |= earlier.names
            if isinstance(earlier.statement, ast.Assign | ast.FunctionDef | ast.ClassDef):  # the value before is gone
                wanted -= earlier.binds
            wanted |= earlier.reads
    return used


def _table(statement: ast.stmt) -> symtable.SymbolTable:
    return symtable.symtable(ast.unparse(statement), "chapter", "exec")


def _reads(statement: ast.stmt) -> set[str]:
    """Return the names of the chapter whose values a statement needs, also inside the functions that it makes."""
    top = _table(statement)
    read = {symbol.get_name() for symbol in top.get_symbols() if symbol.is_referenced()}
    rooms = list(top.get_children())
    while rooms:
        room = rooms.pop()
        read |= {symbol.get_name() for symbol in room.get_symbols() if symbol.is_global() and symbol.is_referenced()}
        rooms.extend(room.get_children())
    loops = [node.target for node in ast.walk(statement) if isinstance(node, ast.For)]
    return read - {node.id for loop in loops for node in ast.walk(loop) if isinstance(node, ast.Name)}


def _binds(statement: ast.stmt) -> set[str]:
    """Return the names of the chapter that a statement gives a value to."""
    return {symbol.get_name() for symbol in _table(statement).get_symbols() if symbol.is_assigned()}


def _changes(statement: ast.stmt) -> set[str]:
    """Return the names whose value a statement changes in a part: ``table[row] = ...``."""
    parts = (n.value for n in ast.walk(statement) if isinstance(n, ast.Subscript) and isinstance(n.ctx, ast.Store))
    return {node.id for part in parts for node in ast.walk(part) if isinstance(node, ast.Name)}
