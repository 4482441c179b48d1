"""What all commands share: options, numbers in files, figures, JSON, the console."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np
from numpy.typing import NDArray

from .delimited import numbers
from .files import SUFFIXES, atomic_writer, is_array_file, read_array

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["check_figure", "console", "nested", "option_logits", "option_output", "plain", "read_numbers", "save"]


def read_numbers(text: str, name: str, *, length: int | None = None, memory_map: bool = False) -> NDArray[Any]:
    """Return numbers given on the command line, 2,1,0.1, or in the file of that name."""
    if is_array_file(text):
        return read_array(text, name, memory_map=memory_map, length=length)
    try:
        return np.array(numbers(text.split(",")))
    except ValueError:
        raise ValueError(
            f"{name} must be numbers separated by commas or a file ending in {', '.join(SUFFIXES)}, got {text!r}"
        ) from None


def option_logits(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --logits and --temperature, which every command about softmax takes."""
    command = click.option(
        "-T", "--temperature", type=float, default=1.0, show_default=True, help="Temperature, 0 to inf."
    )(command)
    return click.option(
        "--logits", required=True, help="Scores, 2,1,0.1, or a .csv, .tsv, .json, .npy, .npz or .parquet file of them."
    )(command)


def option_output(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --false-alarm, --json and --plot."""
    command = click.option("--plot", type=click.Path(dir_okay=False), help="Save a figure: .png, .svg or .pdf.")(
        command
    )
    command = click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of a table.")(command)
    return click.option(
        "--false-alarm",
        type=float,
        default=1e-3,
        show_default=True,
        help="How often a perfect sampler may fail the check.",
    )(command)


def check_figure(plot: str | None) -> None:
    """Refuse a figure that could not be written, before any work."""
    if plot is None:
        return
    if Path(plot).suffix.lower() not in (".png", ".svg", ".pdf"):
        raise ValueError(f"plot must be a file ending in .png, .svg or .pdf, got {plot!r}; choose one of them")
    if not Path(plot).resolve().parent.is_dir():
        raise ValueError(f"plot must be in a folder that exists, got {plot!r}; make the folder first")


def plain(value: Any) -> Any:
    """Return a value that JSON can hold: infinities and NaN become text."""
    if isinstance(value, (np.generic, np.ndarray)):
        value = value.tolist()
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return [plain(item) for item in value] if isinstance(value, (list, tuple)) else value


def nested(value: Any) -> Any:
    """Return a value, or an object of them, that JSON can hold."""
    return {key: plain(item) for key, item in value.items()} if isinstance(value, dict) else plain(value)


def save(path: str, draw: Callable[[Any], Any]) -> None:
    """Write the figure that is drawn on the axes given."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    from .plotting import STYLE

    with plt.style.context(STYLE):
        figure, axes = plt.subplots()
        draw(axes)
        # Files are looked at on paper as often as on a screen: give them a ground.
        with atomic_writer(path) as file:
            figure.savefig(file, format=Path(path).suffix[1:].lower(), facecolor="white")
        plt.close(figure)


def console() -> Console:
    """Return where tables are printed."""
    from rich.console import Console

    class Plain(Console):
        def on_broken_pipe(self) -> None:  # Rich would exit with 1, which means here that the verdict failed
            raise BrokenPipeError

    return Plain(highlight=False)
