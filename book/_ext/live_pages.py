"""Let widgets live in pages that have no server and no network, and give each a picture for paper.

The browser files that a page of widgets and formulas needs (RequireJS, the Jupyter widgets manager, MathJax) lie in
``book/vendor/browser.zip``, in the versions of ``package-lock.json``. They are unpacked into the
built book, beside anywidget's own script from the installed package, so that its version is always the one that made
the widgets. ``make vendor`` packs them again.

A widget's output also holds a picture, drawn by matplotlib. It is put under the widget and shown where the widget
cannot be: on paper, without scripts, or when the widget does not appear.
"""

from __future__ import annotations

import json
import shutil
import sys
import zipfile
from pathlib import Path
from typing import Any

import anywidget
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config

ARCHIVE = Path("book/vendor/browser.zip")
VIEW = "application/vnd.jupyter.widget-view+json"
PICTURE = "image/svg+xml"
FOLDER = "vendor"
ORDER = ["require.js", "widgets-boot.js", "embed-amd.js"]

#: What is packed, package by package: files of node_modules and their places in the archive.
CONTENTS = {
    "requirejs": {"require.js": ""},
    "@jupyter-widgets/html-manager": {
        "dist/embed-amd.js": "",
        "dist/embed.js.LICENSE.txt": "",
        "dist/*.woff2": "",
    },
    "mathjax": {
        "LICENSE": "mathjax/",
        "es5/tex-mml-chtml.js": "mathjax/",
        "es5/input/tex/extensions/*.js": "mathjax/input/tex/extensions/",
        "es5/output/chtml/fonts/woff-v2/*.woff": "mathjax/output/chtml/fonts/woff-v2/",
    },
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
    for name in ("widgets-boot.js", "LICENSES.txt"):
        shutil.copyfile(root / "book" / "vendor" / name, place / name)
    shutil.copyfile(Path(anywidget.__file__).parent / "nbextension" / "index.js", place / "anywidget.js")


def provide(app: Sphinx, config: Config) -> None:
    """Unpack the browser files and tell Sphinx and MyST-NB where they are."""
    target = Path(app.outdir).parent / ".vendor"
    unpack(Path(app.srcdir), target)
    config.html_static_path.append(str(target))
    config.mathjax_path = f"{FOLDER}/mathjax/tex-mml-chtml.js"
    config.nb_ipywidgets_js = {f"{FOLDER}/{name}": {} for name in ORDER}


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
