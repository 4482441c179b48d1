"""Let widgets live in pages that have no server and no network, and give each a picture for paper.

A page of widgets needs one small script, the host that `simsoftmax.live` brings for pages without a kernel.

A widget's output also holds a picture, drawn by matplotlib. It is put under the widget, with the widget's title and
caption, and shown until the widget stands, and where the widget cannot be: on paper, without scripts, or when it does
not come to life.
"""

from __future__ import annotations

import json
import re
from typing import Any

from docutils import nodes
from myst_nb.sphinx_ import NbMetadataCollector
from sphinx.application import Sphinx
from sphinx.config import Config

from simsoftmax.live.base import STATIC

HOST = "host.js"
VIEW = "application/vnd.jupyter.widget-view+json"
PICTURE = "image/svg+xml"
WORDS = ("title", "caption")


def provide(app: Sphinx, config: Config) -> None:
    """Give the pages that have widgets their host."""
    config.html_static_path.append(str(STATIC / HOST))
    config.nb_ipywidgets_js = {HOST: {}}


def states(app: Sphinx) -> dict[str, dict[str, Any]]:
    """Return what the page that is being read holds of its widgets, by their models."""
    scripts = NbMetadataCollector.get_js_files(app.env, app.env.docname)
    _, saved = scripts.get("ipywidgets_state", (None, {"body": '{"state": {}}'}))
    return {model: saved["state"] for model, saved in json.loads(saved["body"])["state"].items()}


def model_of(view: nodes.Node) -> str:
    """Return which model a view shows."""
    model: str = json.loads(re.sub(r"</?script[^>]*>", "", view.astext()))["model_id"]
    return model


def add_pictures(app: Sphinx, doctree: nodes.document) -> None:
    """Put the picture of every widget after it."""
    known = states(app)
    bundles = [node for node in doctree.findall(nodes.container) if node.get("nb_element") == "mime_bundle"]
    for bundle in bundles:
        kinds = {child["mime_type"]: child for child in bundle.children}
        if VIEW in kinds and PICTURE in kinds:
            picture = nodes.container(classes=["live-picture"])
            state = known.get(model_of(kinds[VIEW]), {})
            picture += [nodes.paragraph("", state[part], classes=[f"live-{part}"]) for part in WORDS if state.get(part)]
            picture += [child.deepcopy() for child in kinds[PICTURE].children]
            for image in picture.findall(nodes.image):
                image["alt"] = kinds["text/plain"].astext() if "text/plain" in kinds else "Picture of a live figure"
            bundle.parent["classes"].append("live-place")
            bundle.parent.insert(bundle.parent.index(bundle) + 1, picture)
            withhold(bundle.parent)


def withhold(place: nodes.Element) -> None:
    """Mark what follows a figure, which is shown once the figure stands: nobody knows before how high it will be."""
    while place.parent is not None:
        for node in place.parent.children[place.parent.index(place) + 1 :]:
            if isinstance(node, nodes.Element) and "live-follows" not in node["classes"]:
                node["classes"].append("live-follows")
        place = place.parent


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.connect("config-inited", provide, priority=100)  # before MyST-NB reads its settings
    app.connect("doctree-read", add_pictures)
    app.add_css_file("live-pages.css")
    return {"env_version": 2, "parallel_read_safe": True, "parallel_write_safe": True}
