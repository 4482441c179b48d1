"""Words of the text that act on a live figure: the role ``{live}``.

``{live}`cool them to T = 0.1 <temperature=0.1>` `` becomes a button in the text. Between the angle brackets stands what
it does, parts with semicolons between: a trait of the figure and its value (``temperature=0.1``), or what is written on
one of its buttons (``start cold``). It acts on the nearest live figure above, or on the first of the page if there is
none above. Where a page has several, a name picks one: ``<hops: temperature=0.1>`` acts on the figure of the cell under
``(hops)=``.

Everything is checked while the book is built, by the figure's own class with the state that the page will hold: a trait
that it does not have, a value that it refuses, a button that it lacks, or no figure at all is a warning, and so stops
the build. The page gets values in the form in which the figure keeps them; ``assets/live-links.js`` hands them over.
Without scripts, on paper and in notebooks the words are plain text.
"""

from __future__ import annotations

import json
from html import escape
from importlib import import_module
from typing import Any

import anywidget
import traitlets
from docutils import nodes
from live_pages import VIEW, model_of, states
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.docutils import ReferenceRole

from simsoftmax.live import LiveFigure

log = logging.getLogger(__name__)


class live_link(nodes.Inline, nodes.TextElement):
    """Words that act on a figure."""


class Live(ReferenceRole):
    """The role ``{live}``."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Keep what the words do; the figure is known when the whole page has been read."""
        title = " ".join(self.title.split()).replace(" = ", "\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}")
        link = live_link(self.rawtext, "", nodes.Text(title), does=self.target if self.has_explicit_title else "")
        self.set_source_info(link)
        return [link], []


def revive(state: dict[str, Any]) -> LiveFigure:
    """Return a figure as a page holds it, but for its arrays of bytes."""
    module, _, name = state["_anywidget_id"].rpartition(".")
    kind = getattr(import_module(module), name)
    figure = kind.__new__(kind)
    LiveFigure.__init__(figure)
    figure.set_state({key: value for key, value in state.items() if key in traits_of(figure)})
    return figure


def traits_of(figure: LiveFigure) -> dict[str, traitlets.TraitType[Any, Any]]:
    """Return the traits that make the figure what it is, by their names."""
    foreign = {*anywidget.AnyWidget.class_trait_names(), "title", "caption"}
    return {
        name: trait
        for name, trait in figure.traits(sync=True).items()
        if name not in foreign and not name.startswith("_")
    }


def read(trait: traitlets.TraitType[Any, Any], text: str) -> Any:
    """Return the value of a trait that is written in a link; the items of a list have commas between."""
    if isinstance(trait, traitlets.List):
        return [trait._trait.from_string(item.strip()) for item in text.split(",")]
    return trait.from_string(text)


def interpret(does: str, figure: LiveFigure) -> dict[str, Any]:
    """Return what a link does, as the page needs it; whatever the figure cannot do is an error."""
    settings: dict[str, Any] = {}
    press: list[str] = []
    kind, traits = type(figure).__name__, traits_of(figure)
    for part in filter(None, (part.strip() for part in does.split(";"))):
        name, equals, text = (piece.strip() for piece in part.partition("="))
        if not equals:
            if part not in (buttons := figure.buttons.values()):
                raise ValueError(f"{kind} has no button {part!r}; it has {', '.join(buttons) or 'none'}")
            press.append(part)
            continue
        if name not in traits:
            raise ValueError(f"{kind} has no trait {name!r}; it has {', '.join(sorted(traits))}")
        try:
            setattr(figure, name, read(traits[name], text))
        except (ValueError, TypeError, SyntaxError, traitlets.TraitError) as error:
            raise ValueError(f"{kind} refuses {part}: {error}") from error
        settings[name] = figure.get_state(name)[name]
    if not settings and not press:
        raise ValueError("it does nothing; write, for instance, {live}`cool it <temperature=0.1>`")
    return {"set": settings, "press": press}


def connect(app: Sphinx, doctree: nodes.document) -> None:
    """Find the figure of every link of a page, and have it check what the link asks for."""
    if not any(doctree.findall(live_link)):
        return
    known = states(app)
    figures: list[tuple[nodes.Element, str, dict[str, Any]]] = []  # where they stand, their ids and their states
    links: list[tuple[live_link, int]] = []  # with the number of figures above
    for node in doctree.findall(lambda node: isinstance(node, live_link) or node_is_view(node)):
        if isinstance(node, live_link):
            links.append((node, len(figures)))
            continue
        state = known[model_of(node)]
        if "_anywidget_id" in state:
            place = node.parent.parent  # the output of a cell
            anchor = f"live-figure-{len(figures) + 1}"
            place["ids"].append(anchor)
            figures.append((place, anchor, state))
    for link, above in links:
        try:
            name, colon, does = link["does"].rpartition(":")
            fit = [i for i, (place, *_) in enumerate(figures) if not colon or has_name(place, name.strip())]
            if not fit:
                raise ValueError(f"there is no live figure named {name!r}" if colon else "the page has no live figure")
            _, anchor, state = figures[max((i for i in fit if i < above), default=fit[0])]
            link["act"] = json.dumps(interpret(does, revive(state)))
            link["figure"] = anchor
        except ValueError as error:
            log.warning("live link %r: %s", link.astext(), error, location=link, type="live")


def node_is_view(node: nodes.Node) -> bool:
    """Tell whether a node holds the view of a widget."""
    return isinstance(node, nodes.container) and node.get("mime_type") == VIEW


def has_name(node: nodes.Element | None, name: str) -> bool:
    """Tell whether a node, or one that it lies in, has a name."""
    while isinstance(node, nodes.Element) and not isinstance(node, nodes.section):
        if name in node["names"] or name in node["ids"]:
            return True
        node = node.parent
    return False


def visit_link(translator: Any, node: live_link) -> None:
    """Begin the words of a link."""
    if "act" in node:
        act, figure = escape(node["act"]), escape(node["figure"])
        translator.body.append(f'<span class="live-link" data-figure="{figure}" data-act="{act}">')
    else:
        translator.body.append("<span>")


def depart_link(translator: Any, node: live_link) -> None:
    """End the words of a link."""
    translator.body.append("</span>")


def pass_by(translator: Any, node: live_link) -> None:
    """Write the words alone."""


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    plain = (pass_by, pass_by)
    app.add_node(live_link, html=(visit_link, depart_link), latex=plain, text=plain)
    app.add_role("live", Live())
    app.connect("doctree-read", connect, priority=400)  # while the views stand where the cells have left them
    app.add_js_file("live-links.js", loading_method="defer")
    return {"env_version": 1, "parallel_read_safe": True, "parallel_write_safe": True}
