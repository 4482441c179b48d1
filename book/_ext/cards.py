"""Lay what a page's terms mean into the page, so that it can be shown beside the word.

Pages are read without a server, and a script cannot look into another page. So each term of the glossary that a page
links to is copied to its end, unseen; ``assets/furniture.js`` shows it as a card. Works that are cited stand there.
"""

from __future__ import annotations

from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx

GLOSSARY = "book/glossary"


def follow(app: Sphinx, doctree: nodes.document) -> None:
    """Have a page with terms written again when the glossary has changed."""
    if any(node.get("reftype") == "term" for node in doctree.findall(addnodes.pending_xref)):
        app.env.note_dependency(app.env.doc2path(GLOSSARY))


def lay(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Put the terms of a page to its end."""
    if app.builder.format != "html" or docname == GLOSSARY or GLOSSARY not in app.env.found_docs:
        return
    links = (node.get("refuri", "").partition("#")[2] for node in doctree.findall(nodes.reference))
    wanted = dict.fromkeys(anchor for anchor in links if anchor.startswith("term-"))
    if not wanted:
        return
    meanings = {
        anchor: item
        for item in app.env.get_doctree(GLOSSARY).findall(nodes.definition_list_item)
        for term in item.findall(nodes.term)
        for anchor in term["ids"]
    }
    cards = nodes.container(classes=["cards"])
    for anchor in filter(meanings.__contains__, wanted):
        item = meanings[anchor].deepcopy()
        card = nodes.container(ids=[f"card-{anchor}"])
        card += nodes.paragraph("", "", nodes.strong(text=next(item.findall(nodes.term)).astext()))
        for definition in item.findall(nodes.definition):
            card += definition.children
        for link in list(card.findall(addnodes.pending_xref)):
            link.replace_self(nodes.inline(text=link.astext()))
        cards += card
    sections = [node for node in doctree.children if isinstance(node, nodes.section)]
    (sections[0] if sections else doctree).append(cards)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.connect("doctree-read", follow)
    app.connect("doctree-resolved", lay)
    app.add_js_file("furniture.js", loading_method="defer")
    return {"parallel_read_safe": True, "parallel_write_safe": True}
