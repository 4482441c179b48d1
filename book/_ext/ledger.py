"""Collect the claims of every page, list them where a page says ``{claims-ledger}``, and link to one by its name.

``{claim}`gibbs` `` links to the place where the claim of that name is made, on whatever page; a name that no page
claims is a warning, and so stops the build.

The claims are read from the badges in the pages themselves (``book/claims.py``), as each page is parsed. Sphinx keeps
them with the page, so a build that reads only what changed still lists everything, and nothing that has gone.
"""

from __future__ import annotations

import json
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from docutils import nodes
from gathered import again
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.errors import ExtensionError
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective, SphinxRole

sys.path.insert(0, str(Path(__file__).parents[1]))

from claims import tested_in_words

log = logging.getLogger(__name__)


#: The search in the ledger, which appears with the script that serves it (``assets/furniture.js``).
FILTER = (
    '<p class="ledger-filter" hidden><label>Find claims <input type="search" autocomplete="off" spellcheck="false">'
    '</label> <span role="status"></span></p>'
)


class _Badges(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.claims: list[dict[str, Any]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name == "data-claim" and value:
                self.claims.append(json.loads(value))


class ledger_place(nodes.General, nodes.Element):
    """Where the ledger goes; filled in when every page has been read."""


class claim_link(nodes.Inline, nodes.TextElement):
    """A claim by its name; its address is known when every page has been read."""


class Claim(SphinxRole):
    """The role ``{claim}``."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Keep the name until every page has been read."""
        _pages(self.env, "ledgers")[self.env.docname] = True
        link = claim_link(self.rawtext, "", nodes.Text(self.text))
        self.set_source_info(link)
        return [link], []


class ClaimsLedger(SphinxDirective):
    """The directive ``{claims-ledger}``."""

    def run(self) -> list[nodes.Node]:
        """Hold the place until every page has been read."""
        _pages(self.env, "ledgers")[self.env.docname] = _pages(self.env, "homes")[self.env.docname] = True
        return [ledger_place()]


def _pages(env: BuildEnvironment, what: str) -> dict[str, Any]:
    """Return what is kept for each page, by its name, in the pickled environment."""
    return env.__dict__.setdefault(f"simsoftmax_{what}", {})


def collect(app: Sphinx, doctree: nodes.document) -> None:
    """Read the claims of a page that was just parsed."""
    badges = _Badges()
    for node in doctree.findall(nodes.raw):
        if "html" in node.get("format", "").split():
            badges.feed(node.astext())
    if badges.claims:
        _pages(app.env, "claims")[app.env.docname] = badges.claims


def purge(app: Sphinx, env: BuildEnvironment, docname: str) -> None:
    """Forget a page that changed or has gone."""
    for what in ("claims", "ledgers", "homes"):
        _pages(env, what).pop(docname, None)


def merge(app: Sphinx, env: BuildEnvironment, docnames: set[str], other: BuildEnvironment) -> None:
    """Take over the pages that another process has read."""
    for what in ("claims", "ledgers", "homes"):
        theirs = _pages(other, what)
        _pages(env, what).update({name: theirs[name] for name in docnames if name in theirs})


def check(app: Sphinx, env: BuildEnvironment) -> list[str]:
    """Refuse a claim made twice; write again what names claims, since any page may have changed."""
    seen: dict[str, str] = {}
    for docname, claims in sorted(_pages(env, "claims").items()):
        for claim in claims:
            if claim["id"] in seen:
                raise ExtensionError(f"claim {claim['id']!r} is made twice: in {seen[claim['id']]} and in {docname}")
            seen[claim["id"]] = docname
    return again(app, _pages(env, "ledgers"))


def fill(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Put the list of claims, in the order of the chapters, into the ledger."""
    for place in list(doctree.findall(ledger_place)):
        claims = _pages(app.env, "claims")
        order = [name for name in reading_order(app.env) if name in claims]
        total = sum(len(claims[name]) for name in order)
        errata = sum(bool(claim["erratum"]) for name in order for claim in claims[name])
        faults = sum(len(claim["faults"]) for name in order for claim in claims[name])
        lead = nodes.paragraph(classes=["ledger-total"])
        lead += nodes.strong(text=f"{total} claims, all of them held when this book was built.")
        lead += nodes.Text(f" In {errata} of them the common telling is wrong or loose, and is put right.")
        lead += nodes.Text(f" {faults} faults were planted in their evidence, one at a time; each made its claim fail.")
        parts: list[nodes.Node] = [lead, nodes.raw("", FILTER, format="html")]
        for name in order:
            parts.append(nodes.rubric(text=app.env.titles[name].astext()))
            ledger = nodes.container(classes=["ledger"])
            for claim in claims[name]:
                uri = app.builder.get_relative_uri(docname, name) + f"#claim-{claim['id']}"
                card = nodes.container(classes=["ledger-claim"], ids=[f"ledger-{claim['id']}"])
                card += nodes.paragraph(text=claim["sentence"], classes=["claim-sentence"])
                if claim["erratum"]:
                    erratum = nodes.paragraph(classes=["claim-erratum"])
                    erratum += [nodes.strong(text="Often told wrong."), nodes.Text(" " + claim["erratum"])]
                    card += erratum
                card += nodes.paragraph(text=claim["evidence"], classes=["claim-evidence"])
                card += nodes.paragraph(text=tested_in_words(claim), classes=["claim-tested"])
                way = nodes.paragraph(classes=["ledger-name"])
                way += nodes.reference(text=claim["id"], refuri=uri, internal=True)
                card += way
                ledger += card
            parts.append(ledger)
        place.replace_self(parts)


def link(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Turn names of claims into links to them."""
    places = {claim["id"]: name for name, claims in _pages(app.env, "claims").items() for claim in claims}
    for node in list(doctree.findall(claim_link)):
        id = node.astext()
        if id in places:
            uri = app.builder.get_relative_uri(docname, places[id]) + f"#claim-{id}"
            node.replace_self(nodes.reference("", id, refuri=uri, internal=True))
        else:
            log.warning("no page makes the claim %r; link to one of those in the ledger", id, location=node)
            node.replace_self(nodes.Text(id))


def lead_back(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Let every badge lead to its claim in the ledger."""
    home = next(iter(_pages(app.env, "homes")), None)
    if home is None:
        return
    for node in list(doctree.findall(nodes.raw)):
        text = node.astext()
        badge = _Badges()
        badge.feed(text)
        if badge.claims:
            uri = app.builder.get_relative_uri(docname, home) + f"#ledger-{badge.claims[0]['id']}"
            before, mark, after = text.rpartition("</p></div>")
            way = f' <a class="claim-way" href="{uri}">In the ledger.</a>'
            node.replace_self(nodes.raw("", before + way + mark + after, format="html"))


def reading_order(env: BuildEnvironment) -> list[str]:
    """Return the names of all pages, as the table of contents has them."""
    order, stack = [], [env.config.root_doc]
    while stack:
        name = stack.pop()
        if name not in order:
            order.append(name)
            stack.extend(reversed(env.toctree_includes.get(name, [])))
    return order


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.setup_extension("gathered")
    app.add_node(ledger_place)
    app.add_node(claim_link)
    app.add_role("claim", Claim())
    app.add_directive("claims-ledger", ClaimsLedger)
    app.connect("doctree-read", collect)
    app.connect("env-purge-doc", purge)
    app.connect("env-merge-info", merge)
    app.connect("env-updated", check)
    app.connect("doctree-resolved", fill)
    app.connect("doctree-resolved", link)
    app.connect("doctree-resolved", lead_back)
    return {"env_version": 4, "parallel_read_safe": True, "parallel_write_safe": True}
