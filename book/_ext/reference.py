"""The reference: the names of the package on the pages of the book, told by their own docstrings.

A page of the reference says which names stand on it, below ``simsoftmax``, each on a line:

    ```{names}
    simulate
    annealing.geometric_cooling
    ```

Each gets its signature and its docstring, and under them links: to what returns it, to the chapters that use it and to
the claims that stand on it, as `uses` finds them in the chapters. ``{names-of-all-pages}`` lists the pages with their
names. Names of other libraries lead to their own documentation; the addresses come from ``inventories`` beside this
file, and a build asks nobody.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
import pkgutil
import re
from pathlib import Path
from typing import Any

from docutils import nodes
from docutils.statemachine import StringList
from gathered import again
from ledger import reading_order
from numpydoc.xref import DEFAULT_LINKS
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.environment import BuildEnvironment
from sphinx.util.docutils import SphinxDirective
from uses import uses_of

import simsoftmax
from simsoftmax.results import Displayed

LIBRARIES = {
    "python": "https://docs.python.org/3/",
    "numpy": "https://numpy.org/doc/stable/",
    "scipy": "https://docs.scipy.org/doc/scipy/",
    "sklearn": "https://scikit-learn.org/stable/",
    "matplotlib": "https://matplotlib.org/stable/",
    "xarray": "https://docs.xarray.dev/en/stable/",
}

TYPES = {
    "Axes": "matplotlib.axes.Axes",
    "Generator": "numpy.random.Generator",
    "ndarray": "numpy.ndarray",
}
"""How docstrings call the types of other libraries."""

PAGES = "book/reference"


class uses_place(nodes.General, nodes.Element):
    """Where the uses of a name go; filled in when every page has been read."""


class contents_place(nodes.General, nodes.Element):
    """Where the list of all names goes."""


def find(name: str) -> Any:
    """Return what a name below the package means; one that means nothing is an AttributeError or an ImportError."""
    return pkgutil.resolve_name(f"simsoftmax.{name}")


@functools.cache
def found(name: str) -> Any:
    """Return what a name below the package means, or None if it means nothing."""
    try:
        return find(name)
    except (AttributeError, ImportError, ValueError):  # the last where it is no name at all
        return None


class Names(SphinxDirective):
    """The directive ``{names}``."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        """Let autodoc tell of each name, and hold a place for its uses."""
        told: list[nodes.Node] = []
        for name in filter(None, map(str.strip, self.content)):
            thing = found(name)
            if thing is None:
                raise self.error(f"simsoftmax has no {name!r}; list names as they stand below the package")
            kind = "module" if inspect.ismodule(thing) else "class" if inspect.isclass(thing) else "function"
            says = [f".. auto{kind}:: simsoftmax.{name}"] + ["   :members:"] * (kind == "class")
            holder = nodes.Element()
            fence = ["````{eval-rst}", *says, "````"]
            self.state.nested_parse(StringList(fence, self.get_source_info()[0]), self.content_offset, holder)
            told_of = next(holder.findall(addnodes.desc_content), holder)  # a module is told without a frame
            told_of += uses_place(name=name)
            told += holder.children
        return told


def keep_small(app: Sphinx, doctree: nodes.document) -> None:
    """Let all of a page point to that page.

    What a parser in the parser made points to a document of its own, and with it to all that Sphinx knows: each page
    would be kept with 4 MB of it.
    """
    for node in doctree.findall():
        node.document = doctree


class AllNames(SphinxDirective):
    """The directive ``{names-of-all-pages}``."""

    def run(self) -> list[nodes.Node]:
        """Hold the place until every page has been read."""
        return [contents_place()]


def configure(app: Sphinx, config: Config) -> None:
    """Say how docstrings are told, and where other libraries tell of theirs."""
    folder = Path(__file__).with_name("inventories")
    config.intersphinx_mapping |= {name: (address, str(folder / f"{name}.inv")) for name, address in LIBRARIES.items()}
    # Types in docstrings lead to results of ours and to `TYPES`; other words, `int` among them, need no telling.
    config.numpydoc_xref_param_type = True
    config.numpydoc_xref_ignore = "all"
    config.numpydoc_xref_aliases |= {word: word for word in DEFAULT_LINKS}
    config.numpydoc_xref_aliases |= {name: f"simsoftmax.{name}" for name in simsoftmax.__all__} | TYPES


def leave_out(app: Sphinx, what: str, name: str, thing: Any, skip: bool, options: Any) -> bool | None:
    """Leave out the methods that scikit-learn puts into every estimator."""
    return True if str(getattr(thing, "__module__", "")).startswith("sklearn.") else None


def hide_construction(
    app: Sphinx, what: str, name: str, thing: Any, options: Any, signature: str | None, returns: str | None
) -> tuple[str, None] | None:
    """Tell of a result without its constructor: one gets it from the functions that return it."""
    made = inspect.isclass(thing) and dataclasses.is_dataclass(thing) and issubclass(thing, Displayed)
    return ("", None) if made else None


def resolve(app: Sphinx, env: BuildEnvironment, node: addnodes.pending_xref, words: nodes.TextElement) -> Any:
    """Resolve a name as docstrings give it, below the package; what is inside the package is named, and no link."""
    if node["refdomain"] != "py":
        return None
    domain = env.get_domain("py")
    name = node["reftarget"].removeprefix("simsoftmax.")
    owner, _, member = name.rpartition(".")
    for target in (name, owner):  # a field stands with its class
        if f"simsoftmax.{target}" in domain.objects and (target == name or member in fields(find(owner))):
            return domain.resolve_xref(env, node["refdoc"], app.builder, "obj", f"simsoftmax.{target}", node, words)
    return nodes.literal(text=words.astext()) if found(name) is not None else None


def fields(thing: Any) -> set[str]:
    """Return the names of the fields of a result."""
    return {field.name for field in dataclasses.fields(thing)} if dataclasses.is_dataclass(thing) else set()


def renew(app: Sphinx, env: BuildEnvironment) -> list[str]:
    """Write the pages again where any chapter may have changed."""
    return again(app, (name for name in env.found_docs if name.startswith(PAGES)))


def fill(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Put the uses under each name, and the names under each page."""
    for place in list(doctree.findall(uses_place)):
        thing = find(place["name"])
        place.replace_self([*returned_by(app, docname, thing), *used_in(app, docname, thing)])
    for place in list(doctree.findall(contents_place)):
        place.replace_self(contents(app, docname))


def returned_by(app: Sphinx, docname: str, thing: Any) -> list[nodes.Node]:
    """Return a paragraph with links to the functions and methods that return a class."""
    if not inspect.isclass(thing):
        return []
    told = nodes.paragraph("", "", nodes.strong(text="Returned by "), classes=["uses"])
    for full, entry in app.env.get_domain("py").objects.items():
        if entry.objtype in ("function", "method") and not entry.aliased:
            name = full.removeprefix("simsoftmax.")
            annotation = str(find(name).__annotations__.get("return"))
            if re.search(rf"\b{thing.__name__}\b", annotation):
                uri = f"{app.builder.get_relative_uri(docname, entry.docname)}#{entry.node_id}"
                told += [nodes.Text(", ")] * (len(told) > 1)
                told += nodes.reference("", "", nodes.literal(text=name), refuri=uri, internal=True)
    told += nodes.Text(".")
    return [told] if len(told) > 2 else []


def used_in(app: Sphinx, docname: str, thing: Any) -> list[nodes.Node]:
    """Return a paragraph with links to the chapters that use a thing, each with its claims that stand on it."""
    claims = {each["id"] for made in getattr(app.env, "simsoftmax_claims", {}).values() for each in made}
    told = nodes.paragraph("", "", nodes.strong(text="In the book: "), classes=["uses"])
    for chapter in reading_order(app.env):
        if chapter.startswith(PAGES):
            continue
        used = uses_of(Path(app.env.doc2path(chapter)).read_text(encoding="utf-8"))
        if not any(means(name, thing) for name in used.names):
            continue
        page = app.builder.get_relative_uri(docname, chapter)
        if len(told) > 1:
            told += nodes.Text("; ")
        told += nodes.reference(text=app.env.titles[chapter].astext(), refuri=page, internal=True)
        standing = [id for id, names in used.claims.items() if id in claims and any(means(n, thing) for n in names)]
        for number, id in enumerate(standing):
            told += nodes.Text(", " if number else " (claim " if len(standing) == 1 else " (claims ")
            told += nodes.reference("", "", nodes.literal(text=id), refuri=f"{page}#claim-{id}", internal=True)
        told += [nodes.Text(")")] * bool(standing)
    if len(told) == 1:
        return []
    told += nodes.Text(".")
    return [told]


def means(used: str, thing: Any) -> bool:
    """Whether a name in a chapter means a thing, or something that belongs to it: ``Pipeline.of``."""
    parts = used.split(".")
    return any(found(".".join(parts[:end])) is thing for end in range(1, len(parts) + 1))


def contents(app: Sphinx, docname: str) -> list[nodes.Node]:
    """Return the pages in their order, each with the sentence that opens it and its names, in a line each."""
    told: list[nodes.Node] = []
    for page in filter(lambda name: name.startswith(PAGES), reading_order(app.env)):
        doctree = app.env.get_doctree(page)
        names = [place["name"] for place in doctree.findall(uses_place)]
        if not names:
            continue
        uri = app.builder.get_relative_uri(docname, page)
        title = nodes.reference(text=app.env.titles[page].astext(), refuri=uri, internal=True)
        listed = nodes.definition_list(classes=["names"])
        for name in names:
            place = f"{'module-' * inspect.ismodule(find(name))}simsoftmax.{name}"
            way = nodes.reference("", "", nodes.literal(text=name), refuri=f"{uri}#{place}", internal=True)
            line = (inspect.getdoc(find(name)) or "").splitlines()[0].replace("`", "")
            says = nodes.definition("", nodes.paragraph(text=line))
            listed += nodes.definition_list_item("", nodes.term("", "", way), says)
        told += [nodes.rubric("", "", title), next(doctree.findall(nodes.paragraph)).deepcopy(), listed]
    return told


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.setup_extension("gathered")
    for extension in ("sphinx.ext.autodoc", "sphinx.ext.intersphinx", "numpydoc"):
        app.setup_extension(extension)
    app.add_node(uses_place)
    app.add_node(contents_place)
    app.add_directive("names", Names)
    app.add_directive("names-of-all-pages", AllNames)
    app.add_css_file("reference.css")
    app.connect("config-inited", configure, priority=100)
    app.connect("autodoc-skip-member", leave_out)
    app.connect("autodoc-process-signature", hide_construction)
    app.connect("missing-reference", resolve)
    app.connect("doctree-read", keep_small)
    app.connect("env-updated", renew)
    app.connect("doctree-resolved", fill)
    return {"env_version": 1, "parallel_read_safe": True, "parallel_write_safe": True}
