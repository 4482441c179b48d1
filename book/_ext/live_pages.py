"""Let widgets live in pages that have no server and no network, and give each a picture for paper.

A page of widgets needs one small script, the host that `simsoftmax.live` brings for pages without a kernel; it is the same
that a figure saved as a page of its own carries. What formulas need of MathJax lies in ``book/vendor/browser.zip``, in the
version of ``package-lock.json``, and is unpacked into the built book. ``make vendor`` packs it again.

A widget's output also holds a picture, drawn by matplotlib. It is put under the widget and shown until the widget stands,
and where the widget cannot be: on paper, without scripts, or when it does not come to life.
"""

from __future__ import annotations

import json
import shutil
import sys
import zipfile
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config

from simsoftmax.live.base import STATIC

ARCHIVE = Path("book/vendor/browser.zip")
VIEW = "application/vnd.jupyter.widget-view+json"
PICTURE = "image/svg+xml"
FOLDER = "vendor"
HOST = "host.js"

#: What is packed, package by package: files of node_modules and their places in the archive.
CONTENTS = {
    "mathjax": {
        "LICENSE": "mathjax/",
        "es5/startup.js": "mathjax/",
        "es5/core.js": "mathjax/",
        "es5/input/tex.js": "mathjax/input/",
        "es5/input/tex/extensions/*.js": "mathjax/input/tex/extensions/",
        "es5/output/chtml.js": "mathjax/output/",
        "es5/output/chtml/fonts/tex.js": "mathjax/output/chtml/fonts/",
        "es5/output/chtml/fonts/woff-v2/*.woff": "mathjax/output/chtml/fonts/woff-v2/",
        "es5/a11y/assistive-mml.js": "mathjax/a11y/",
    },
}

#: Formulas without the menu of MathJax, which would make each of them a stop of the tab key.
MATHJAX = {
    "loader": {"load": ["core", "input/tex", "output/chtml", "a11y/assistive-mml"]},
    "options": {},
}


def pack(node_modules: Path, archive: Path) -> None:
    """Pack the browser files and a list of their versions; the same files give the same bytes."""
    versions = {name: json.loads((node_modules / name / "package.json").read_text())["version"] for name in CONTENTS}
    entries = {"versions.json": json.dumps(versions, indent=1).encode()}
    for package, files in CONTENTS.items():
        for pattern, place in files.items():
            for path in sorted((node_modules / package).glob(pattern)):
                entries[place + path.name] = path.read_bytes()
    with zipfile.ZipFile(archive, "w") as packed:
        for name, data in entries.items():
            entry = zipfile.ZipInfo(f"{FOLDER}/{name}", (1980, 1, 1, 0, 0, 0))
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            packed.writestr(entry, data, compresslevel=9)


def unpack(root: Path, target: Path) -> None:
    """Lay the browser files into the folder ``target``."""
    place = target / FOLDER
    shutil.rmtree(target, ignore_errors=True)
    with zipfile.ZipFile(root / ARCHIVE) as packed:
        packed.extractall(target)
    shutil.copyfile(root / "book" / "vendor" / "LICENSES.txt", place / "LICENSES.txt")
    shutil.copyfile(STATIC / HOST, place / HOST)



def provide(app: Sphinx, config: Config) -> None:
    """Unpack the browser files and tell Sphinx and MyST-NB where they are."""
    target = Path(app.outdir).parent / ".vendor"
    unpack(Path(app.srcdir), target)
    config.html_static_path.append(str(target))
    config.mathjax_path = f"{FOLDER}/mathjax/startup.js"
    config.mathjax3_config = MATHJAX
    config.nb_ipywidgets_js = {f"{FOLDER}/{HOST}": {}}


def add_pictures(app: Sphinx, doctree: nodes.document) -> None:
    """Put the picture of every widget after it."""
    bundles = [node for node in doctree.findall(nodes.container) if node.get("nb_element") == "mime_bundle"]
    for bundle in bundles:
        kinds = {child["mime_type"]: child for child in bundle.children}
        if VIEW in kinds and PICTURE in kinds:
            picture = nodes.container(classes=["live-picture"])
            picture += [child.deepcopy() for child in kinds[PICTURE].children]
            for image in picture.findall(nodes.image):
                image["alt"] = kinds["text/plain"].astext() if "text/plain" in kinds else "Picture of a live figure"
            bundle.parent["classes"].append("live-place")
            bundle.parent.insert(bundle.parent.index(bundle) + 1, picture)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.connect("config-inited", provide, priority=100)  # before MyST-NB reads its settings
    app.connect("doctree-read", add_pictures)
    app.add_css_file("live-pages.css")
    return {"parallel_read_safe": True, "parallel_write_safe": True}


if __name__ == "__main__":
    pack(Path("node_modules"), ARCHIVE)
    print(f"{ARCHIVE}: {ARCHIVE.stat().st_size / 1e6:.2f} MB", file=sys.stderr)
