"""What every chapter starts with: ``from chapter import *``."""

import matplotlib.pyplot as plt
from claims import claim
from matplotlib_inline.backend_inline import set_matplotlib_formats
from myst_nb import glue

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
    "INKS",
    "claim",
    "glue",
    "number",
    "plot_occupancy",
    "plot_temperature_sweep",
    "plot_trajectory",
    "plt",
    "temperature_color",
]

# Without a date the same figure is the same file, build after build.
set_matplotlib_formats("svg", metadata={"Date": None})
plt.style.use(STYLE)
