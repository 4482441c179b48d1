"""What every chapter starts with: ``from chapter import *``."""

import re
from typing import Any

import matplotlib.pyplot as plt
import myst_nb
import numpy as np
from answers import answer
from claims import claim
from IPython import get_ipython
from IPython.display import Markdown
from matplotlib.artist import Artist
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.scale import LogScale, register_scale
from matplotlib.ticker import LogFormatterSciNotation
from matplotlib_inline.backend_inline import set_matplotlib_formats

from simsoftmax.look import CATEGORIES, GOOD, WRONG
from simsoftmax.plotting import (
    INKS,
    STYLE,
    number,
    plot_occupancy,
    plot_temperature_sweep,
    plot_trajectory,
    temperature_color,
)

__all__ = [
    "CATEGORIES",
    "GOOD",
    "INKS",
    "WRONG",
    "answer",
    "claim",
    "glue",
    "number",
    "percent",
    "plot_occupancy",
    "plot_temperature_sweep",
    "plot_trajectory",
    "plt",
    "raised",
    "table",
    "temperature_color",
    "tiny",
]


def glue(name: str, value: Any, display: bool = False) -> None:
    """Keep a value for the prose under a name; NumPy's scalars become Python's, which can be formatted there."""
    myst_nb.glue(name, value.item() if isinstance(value, np.generic) else value, display=display)


def percent(share: float, digits: int = 1) -> str:
    """Return a share as a percentage, with a space that does not break: ``percent(0.021)`` is 2.1 %."""
    return f"{100 * share:.{digits}f}\N{NO-BREAK SPACE}%"


def table(head: list[str], rows: list[list[object]]) -> Markdown:
    """Return a table for the page."""
    lines = [head, ["---"] * len(head), *rows]
    return Markdown("\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines))


def tiny(value: float) -> str:
    """Return one digit and a power of ten, which no line can break: ``tiny(3.2e-9)`` is 3·10⁻⁹."""
    digit, power = f"{value:.0e}".split("e")
    return f"{digit}·10{raised(int(power))}" if value else "0"


def raised(power: int) -> str:
    """Return a whole number as an exponent: ``f"2{raised(10)}"`` is 2¹⁰."""
    return str(power).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))


class _Powers(LogFormatterSciNotation):
    """Powers of ten in plain letters: a formula is set letter by letter, as wide as in a font that the page has not."""

    def __call__(self, x: float, pos: int | None = None) -> str:
        formula = re.sub(r"\$|\\mathdefault|[{}]", "", super().__call__(x, pos)).replace(r"\times", "·")
        return re.sub(r"\^(-?\d+)", lambda found: raised(int(found[1])), formula)


class _PlainLogScale(LogScale):
    """A logarithmic scale whose numbers are plain letters."""

    def set_default_locators_and_formatters(self, axis: Axis) -> None:
        super().set_default_locators_and_formatters(axis)
        axis.set_major_formatter(_Powers(self.base))
        axis.set_minor_formatter(_Powers(self.base, labelOnlyBase=self.subs is not None))


register_scale(_PlainLogScale)


# Without a date the same figure is the same file, build after build.
set_matplotlib_formats("svg", metadata={"Date": None})
plt.style.use(STYLE)


def _hide(artist: Artist) -> None:
    """Show nothing of an axis or a label; a figure is shown as usual."""
    if isinstance(artist, Figure):
        raise NotImplementedError


# A cell that ends in a plotting call shows its figure, and not the name of a Python object as well.
get_ipython().display_formatter.ipython_display_formatter.for_type(Artist, _hide)
