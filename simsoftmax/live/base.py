"""What all live figures share: figures that compute in the reader's browser and that Python can read and set.

Each is an ipywidget whose front end runs the package's own kernels, compiled to WebAssembly
(`simsoftmax.kernels.wasm`). In JupyterLab its traits are shared with Python (``explorer.temperature = 0.3``,
``explorer.observe(...)``); in a built page, without a kernel, it goes on living by itself. On paper, and where no
script runs, a picture stands for it.
"""

from __future__ import annotations

import base64
import functools
import html
import importlib
import io
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import anywidget
import numpy as np
import traitlets
from numpy.typing import ArrayLike

from ..arguments import RNG, as_path, as_temperature, as_vector_logits, generator, one_for_each
from ..files import atomic_writer
from ..kernels.seeds import seed_streams
from ..kernels.webassembly import only
from .traits import Names, Number, Numbers, encode, validate

if TYPE_CHECKING:
    from matplotlib.figure import Figure


__all__ = ["LiveFigure"]

#: The bundles of the figures, their style sheet, and the compiled kernels.
STATIC = Path(__file__).parent / "static"
WORKED_EXAMPLE = (2.0, 1.0, 0.1)
# What every widget has, and no reader of ours asks for.
FOREIGN = frozenset(anywidget.AnyWidget.class_trait_names())

#: Logits further from 0 than this cannot be set in a page (``src/kit/typed.js``).
FARTHEST = 1000

#: A page that holds one figure: its state, its place with a picture that is seen until it lives, and their host.
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title><link rel="icon" href="data:,">
<style>
html {{ color-scheme: light dark }}
body {{ margin: 16px; font-family: system-ui, sans-serif; background: #fff; color: #1c2128 }}
main {{ max-width: 860px; margin: 0 auto }}
h1 {{ position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%) }}
img {{ max-width: 100%; background: #fff }}
[data-live="alive"] > img {{ display: none }}
@media (prefers-color-scheme: dark) {{ body {{ background: #14171b; color: #e7e9ec }} }}
@media print {{ [data-live="alive"] > img {{ display: block }} }}
</style></head><body><main><h1>{title}</h1>
<div><script type="application/vnd.jupyter.widget-view+json">{view}</script>
<img alt="{words}" src="data:image/svg+xml;base64,{picture}"></div>
</main>
<script type="application/vnd.jupyter.widget-state+json">{state}</script><script>{host}</script></body></html>
"""


def within(name: str, value: float, limits: tuple[float, float]) -> float:
    """Return a number that lies within limits, the least and the most."""
    low, high = limits
    if not low <= value <= high:
        raise ValueError(f"{name} must be from {low:g} to {high:g} to be drawn, got {value:g}; pass one in between")
    return float(value)


def plain(name: str) -> str:
    """Return a name as matplotlib writes it letter by letter, and not as mathematics."""
    return name.replace("$", r"\$")


def stream(rng: RNG) -> bytes:
    """Return the first state of a stream of random numbers, as a page takes it."""
    key = int(generator(rng).integers(2**64, dtype=np.uint64))
    return bytes(seed_streams(key, 1).tobytes())


@functools.cache
def kernels_of(script: str) -> bytes:
    """Return a module of the kernels whose names stand in a script; the table of all array sizes does not count."""
    module = (STATIC / "kernels.wasm").read_bytes()
    return only(module, set(re.findall(r"\b[a-z]\w*\b(?!:[\"'`])", script)))


class LiveFigure(anywidget.AnyWidget):
    """What all live figures share: kernels, style sheet, a title, a caption, and a picture to stand for them."""

    _css = STATIC / "live.css"
    _kernels = traitlets.Bytes().tag(sync=True)
    title = traitlets.Unicode().tag(sync=True)
    caption = traitlets.Unicode().tag(sync=True)

    #: How traits come to values that words of a page give them, by name: those that are tagged with ``travels``, "by
    #: ratio", "in whole numbers" or "together" for a row, move there, and the others jump.
    _travels = traitlets.Dict().tag(sync=True)

    #: What is written on the buttons that the words of a page may press, by what the page's script calls them.
    buttons: ClassVar[dict[str, str]] = {}
    #: The least and the most of what the page lets a reader set.
    limits: ClassVar[dict[str, tuple[float, float]]] = {}
    #: What a page may take from its address: of each trait that is tagged with ``kept``, which values a reader can set.
    #: The tag holds the least and the most of a number, unless ``limits`` do, the rule of a row, or what returns them
    #: for a figure.
    _kept = traitlets.Dict().tag(sync=True)
    _buttons = traitlets.Dict().tag(sync=True)
    _limits = traitlets.Dict().tag(sync=True)

    _title = ""
    _caption = ""

    def __init__(self, **traits: Any) -> None:
        unknown = [name for name in traits if not self.has_trait(name)]
        if unknown:
            raise TypeError(
                f"{type(self).__name__} has no trait {unknown[0]!r}; see its documentation for those it has"
            )
        super().__init__(**traits)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self._describe()}>"

    def _repr_mimebundle_(self, **options: Any) -> tuple[dict[Any, Any], dict[Any, Any]] | None:
        """Return the live view, and a picture and a sentence for where nothing can live."""
        bundle = super()._repr_mimebundle_(**options)
        if bundle is not None:
            pictures = self._pictures()
            bundle[0]["text/plain"] = self._describe()
            bundle[0]["image/svg+xml"] = pictures["svg"].decode()
            bundle[0]["application/pdf"] = base64.b64encode(pictures["pdf"]).decode()  # what LaTeX can take
        return bundle

    def save(self, path: str | Path) -> None:
        """Write the figure as one HTML file that lives wherever it is opened: no server, no network, no Python.

        It holds the figure as it stands, with its program and its kernels, and a picture for where no script runs.

        Parameters
        ----------
        path : str or Path
            A name that ends in .html.

        Raises
        ------
        TypeError, ValueError
            If the path is no name of such a file, or a list of the figure was changed in place to what it cannot show.
        OSError
            If the file cannot be written.
        """
        target = as_path("path", path)
        if target.suffix.lower() not in (".html", ".htm"):
            raise ValueError(f"path must end in .html, got {str(path)!r}; a browser opens the file by that")
        text = _PAGE.format(
            title=html.escape(self.title or "A live figure"),
            # A script ends at the first </, in whatever text that stands.
            state=json.dumps(self._saved()).replace("</", "<\\/"),
            view=json.dumps({"model_id": self.model_id, "version_major": 2, "version_minor": 0}),
            words=html.escape(self._describe()),
            picture=base64.b64encode(self._pictures()["svg"]).decode(),
            host=(STATIC / "host.js").read_text(encoding="utf-8"),
        )
        with atomic_writer(target) as file:
            file.write(text.encode())

    def _saved(self) -> dict[str, Any]:
        """Return the state as a notebook saves it."""
        embed: Any = importlib.import_module("ipywidgets.embed")  # which has no types
        self._check()
        alone = embed.dependency_state([self], drop_defaults=False)
        state: dict[str, Any] = embed.embed_data(views=[self], state=alone, drop_defaults=False)["manager_state"]
        return state

    def _pictures(self) -> dict[str, bytes]:
        import matplotlib.pyplot as plt
        from matplotlib.figure import Figure

        from ..plotting import STYLE

        self._check()
        pictures = {}
        with plt.style.context(STYLE):
            figure = Figure(layout="constrained")  # as wide as the style has it: letters stay legible on phones
            self._draw(figure)
            for kind, date in (("svg", "Date"), ("pdf", "CreationDate")):
                file = io.BytesIO()
                figure.savefig(file, format=kind, metadata={date: None})
                pictures[kind] = file.getvalue()
        return pictures

    def _check(self) -> None:
        """Check all traits once more: a list can be changed in place, which nothing notices."""
        traits = self.traits()
        for name in self._own_traits():
            setattr(self, name, traits[name]._validate(self, getattr(self, name)))

    @classmethod
    def _own_traits(cls) -> list[str]:
        return [name for name in cls.class_trait_names(sync=True) if name not in FOREIGN and not name.startswith("_")]

    def get_state(self, key: Any = None, drop_defaults: bool = False) -> Any:
        """Return the state as ipywidgets does, whole: without its program, a default too, a figure is dead."""
        return super().get_state(key=key)

    def _draw(self, figure: Figure) -> None:
        raise NotImplementedError

    def _describe(self) -> str:
        return f"{self.title}: a live figure"

    @traitlets.default("_kernels")
    def _default_kernels(self) -> bytes:
        return kernels_of(str(self._esm))

    @traitlets.default("_travels")
    def _default_travels(self) -> dict[str, str]:
        return {name: trait.metadata["travels"] for name, trait in self.traits(travels=bool).items()}

    @traitlets.default("_buttons")
    def _default_buttons(self) -> dict[str, str]:
        return dict(self.buttons)

    @traitlets.default("_kept")
    def _default_kept(self) -> dict[str, dict[str, Any]]:
        kept = self.traits(kept=lambda how: how is not None)
        return {name: self._rule(name, trait) for name, trait in kept.items()}

    def _rule(self, name: str, trait: traitlets.TraitType[Any, Any]) -> dict[str, Any]:
        """Return which values of a trait a reader can set, as a page takes it."""
        how = trait.metadata["kept"]
        if isinstance(trait, traitlets.Bool | traitlets.Enum):
            return {"among": list(trait.values or ()) if isinstance(trait, traitlets.Enum) else [False, True]}
        how = how(self) if callable(how) else how
        if isinstance(trait, traitlets.List):
            return dict(how)
        low, high = self.limits.get(name, how)
        return {"from": encode(low), "to": encode(high), "whole": isinstance(trait, traitlets.Int)}

    @traitlets.default("_limits")
    def _default_limits(self) -> dict[str, list[float]]:
        return {name: list(ends) for name, ends in self.limits.items()}

    @traitlets.default("title")
    def _default_title(self) -> str:
        return self._title

    @traitlets.default("caption")
    def _default_caption(self) -> str:
        return self._caption


class LevelExplorer(LiveFigure):
    """What the explorers of levels share: the logits, their names, a temperature."""

    logits = Numbers(list(WORKED_EXAMPLE)).tag(
        travels="together",
        kept=lambda figure: {"length": figure.limits["levels"], "from": -FARTHEST, "to": FARTHEST, "forbidden": True},
    )
    names = Names()
    temperature = Number(1.0).tag(travels="by ratio", kept=(0.0, np.inf))

    limits: ClassVar[dict[str, tuple[float, float]]] = {"levels": (2, 16)}

    def __init__(self, logits: ArrayLike = WORKED_EXAMPLE, temperature: float = 1.0, **traits: Any) -> None:
        super().__init__(logits=as_vector_logits(logits), temperature=temperature, **traits)

    def _describe(self) -> str:
        logits = ", ".join(f"{z:g}" for z in self.logits)
        return f"{self.title}: a live figure for logits {logits} at temperature {self.temperature:g}"

    def _names(self) -> list[str] | None:
        return [plain(name) for name in self.names] or None

    @validate("logits")
    def _check_logits(self, proposal: Any) -> list[float]:
        logits: list[float] = as_vector_logits(proposal["value"]).tolist()
        least, most = self.limits["levels"]
        if not least <= len(logits) <= most:
            raise ValueError(f"logits must hold {least} to {most} levels to be drawn, got {len(logits)}; show fewer")
        return logits

    @validate("names")
    def _check_names(self, proposal: Any) -> list[str]:
        names: list[str] = proposal["value"]
        if names:
            one_for_each("levels", len(self.logits), names, "set logits first")
        return names

    @traitlets.observe("logits")
    def _forget_names(self, _change: Any) -> None:
        if len(self.names) != len(self.logits):
            self.names = []  # of other levels

    @validate("temperature")
    def _check_temperature(self, proposal: Any) -> float:
        return float(as_temperature(proposal["value"], scalar=True))
