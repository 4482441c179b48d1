"""The command line: ``python -m simsoftmax``, also installed as ``simsoftmax``.

Exit status 0: done, and the verdict passed; 1: the verdict failed; 2: the input is wrong, or the output cannot be
written, and one line says why; 70: a fault of this program; 130: stopped by Ctrl-C; 141: nobody reads the output.
"""

from __future__ import annotations

import codecs
import contextlib
import io
import json
import math
import os
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click
import numpy as np
from numpy.typing import NDArray

from . import __version__
from .boltzmann import softmax
from .delimited import numbers
from .files import SUFFIXES, atomic_writer, is_array_file, read_array

if TYPE_CHECKING:
    from rich.console import Console

    from .calibration.fit import TemperatureFit
    from .calibration.metrics import ReliabilityDiagram
    from .verdict.verification import Verdict

ROWS = 20  # levels shown in a table; the rest is counted


def _numbers(text: str, name: str, length: int | None = None) -> NDArray[Any]:
    """Return numbers given on the command line, 2,1,0.1, or in the file of that name."""
    if is_array_file(text):
        return read_array(text, name, length=length)
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
        "--logits", required=True, help="One score per level, 2,1,0.1, or a .csv, .tsv, .json, .npy or .npz file."
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


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="simsoftmax")
def app() -> None:
    """Softmax with temperature is the Gibbs-Boltzmann distribution: simulate it, and check it."""


@app.command()
@option_logits
@click.option("-N", "--particles", type=float, help="Number of particles, for example 1e6.  [default: 100000]")
@click.option("--sweeps", default="auto", show_default=True, help="Moves given to each particle.")
@click.option("--proposal", type=click.Choice(["uniform", "neighbour"]), default="uniform", show_default=True)
@click.option("--start", type=click.Choice(["ground", "uniform"]), default="ground", show_default=True)
@click.option("--engine", type=click.Choice(["auto", "particles", "occupations"]), default="auto", show_default=True)
@click.option("--seed", type=int, help="Seed; the same seed gives the same counts.")
@click.option("--threads", type=int, help="Threads; the result does not depend on them.")
@click.option("--progress", is_flag=True, help="Show a progress bar.")
@option_output
def simulate(
    logits: str,
    temperature: float,
    particles: float | None,
    sweeps: str,
    proposal: Literal["uniform", "neighbour"],
    start: Literal["ground", "uniform"],
    engine: Literal["auto", "particles", "occupations"],
    seed: int | None,
    threads: int | None,
    progress: bool,
    false_alarm: float,
    as_json: bool,
    plot: str | None,
) -> int:
    """Let particles hop between levels until they reach softmax(z/T), and check that they did."""
    from .metropolis import simulate as run_simulation

    _check_figure(plot)
    z = _numbers(logits, "logits")
    run = run_simulation(
        z,
        temperature,
        particles=particles,
        sweeps=_sweeps(sweeps),  # type: ignore[arg-type]  # texts are what simulate checks
        proposal=proposal,
        start=start,
        engine=engine,
        rng=seed,
        threads=threads,
        progress=progress,
    )
    if run.interrupted:  # particles on their way prove nothing, so there is no verdict
        print(f"simsoftmax: interrupted: {run}", file=sys.stderr)
        return 130
    verdict = run.verify(false_alarm=false_alarm)
    facts = {
        "sweeps": run.sweeps,
        "acceptance_rate": run.acceptance_rate,
        "engine": run.engine,
        "proposal": run.proposal,
        "interrupted": run.interrupted,
    }
    return _report(run.counts, z, temperature, verdict, str(run), facts, as_json, plot)


@app.command()
@click.argument("counts")
@option_logits
@option_output
def verify(
    counts: str,
    logits: str,
    temperature: float,
    false_alarm: float,
    as_json: bool,
    plot: str | None,
) -> int:
    """Check COUNTS, how many draws of any sampler fell on each level, against softmax(z/T).

    COUNTS is a .csv, .tsv, .json, .npy or .npz file, or numbers: 659,242,99. A table may list the counts by level.
    """
    from .verdict.verification import verify as check

    _check_figure(plot)
    z = _numbers(logits, "logits")
    n = _numbers(counts, "counts", length=len(z) if z.ndim == 1 else None)
    verdict = check(n, z, temperature, false_alarm=false_alarm)
    return _report(n.astype(np.int64), z, temperature, verdict, None, {}, as_json, plot)


@app.command()
@click.argument("logits", type=click.Path(dir_okay=False))
@click.argument("labels", type=click.Path(dir_okay=False))
@click.option("--probabilities", is_flag=True, help="LOGITS holds probabilities; their logarithms are fitted.")
@click.option("--confidence-level", type=float, default=0.95, show_default=True, help="Coverage of the interval.")
@click.option("--bins", type=int, default=15, show_default=True, help="Bins of the calibration error.")
@click.option("--threads", type=int, help="Threads; the result does not depend on them.")
@click.option("--progress", is_flag=True, help="Show a progress bar for every pass.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of a table.")
@click.option("--plot", type=click.Path(dir_okay=False), help="Save a reliability diagram: .png, .svg or .pdf.")
def calibrate(
    logits: str,
    labels: str,
    probabilities: bool,
    confidence_level: float,
    bins: int,
    threads: int | None,
    progress: bool,
    as_json: bool,
    plot: str | None,
) -> int:
    """Fit the temperature that makes a classifier honest, from held-out LOGITS and LABELS.

    LOGITS is a .npy, .npz, .csv, .tsv or .json file with a row for each case and a column for each level; LABELS holds
    the true levels, counted from 0. A .npy file of logits may be larger than memory.
    """
    from .calibration.fit import fit_temperature, logits_from_probabilities
    from .calibration.metrics import reliability_diagram

    _check_figure(plot)
    z = read_array(logits, "logits", memory_map=not probabilities)
    if probabilities:
        z = logits_from_probabilities(z)
    y = read_array(labels, "labels")
    if y.dtype.kind == "f" and np.array_equal(y, np.floor(y)) and (np.abs(y) < 2.0**53).all():  # 1.0 is 1 in text
        y = y.astype(np.int64)
    if z.ndim == 2 and y.shape == (len(z) + 1,) and y[0] == 0:
        raise ValueError(
            f"labels must hold one level for each of the {len(z)} rows, got {len(y)}; the first is 0, which may be the "
            "heading that pandas gives a column without a name: write it with header=False"
        )
    fit = fit_temperature(z, y, confidence_level=confidence_level, threads=threads, progress=progress)
    temperature = 1.0 if fit.status == "unidentified" else fit.temperature
    before, after = (reliability_diagram(*_favourites(z, y, t), bins=bins) for t in (1.0, temperature))
    facts = {name: getattr(fit, name) for name in fit.__dataclass_fields__ if name != "steps"}
    facts |= {
        "passes": fit.passes,
        "error_before": before.expected_calibration_error,
        "error_after": after.expected_calibration_error,
        "error_by_chance": after.expected_by_chance,
        "sentence": str(fit),
    }
    if as_json:
        print(json.dumps({key: _plain(value) for key, value in facts.items()}))
    else:
        _calibration_table(fit, temperature, before, after, bins)
    if plot is not None:
        from .plotting import plot_reliability

        _save(plot, lambda ax: plot_reliability(before, after=after, temperatures=(1.0, temperature), ax=ax))
    return 0


def _calibration_table(
    fit: TemperatureFit, temperature: float, before: ReliabilityDiagram, after: ReliabilityDiagram, bins: int
) -> None:
    from rich import box
    from rich.table import Table

    console = _console()
    table = Table(box=box.SIMPLE_HEAD)
    for heading in ("on these rows", "T", "NLL (nats)", "calibration error"):
        table.add_column(heading, justify="left" if heading == "on these rows" else "right")
    table.add_row("before", "1", f"{fit.nll_before:.4f}", f"{100 * before.expected_calibration_error:.2f} %")
    table.add_row(
        "after", f"{temperature:.4g}", f"{fit.nll_after:.4f}", f"{100 * after.expected_calibration_error:.2f} %"
    )
    console.print(table)
    console.print(
        f"Perfect calibration would show {100 * after.expected_by_chance:.2f} % in {bins} bins.", markup=False
    )
    console.print(str(fit), markup=False, soft_wrap=True)


def _favourites(
    logits: NDArray[Any], labels: NDArray[Any], temperature: float
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return the probability of each row's likeliest level and whether it is the label, a block at a time."""
    confidence, right = np.empty(len(logits)), np.empty(len(logits), np.int64)
    length = max(1, 10**6 // logits.shape[1])
    for start in range(0, len(logits), length):
        rows = slice(start, start + length)
        z = np.asarray(logits[rows], np.float64)
        confidence[rows] = softmax(z, temperature).max(axis=1)
        right[rows] = z.argmax(axis=1) == labels[rows]
    return confidence, right


def _sweeps(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


def _check_figure(plot: str | None) -> None:
    """Refuse a figure that could not be written, before any work."""
    if plot is None:
        return
    if Path(plot).suffix.lower() not in (".png", ".svg", ".pdf"):
        raise ValueError(f"plot must be a file ending in .png, .svg or .pdf, got {plot!r}; choose one of them")
    if not Path(plot).resolve().parent.is_dir():
        raise ValueError(f"plot must be in a folder that exists, got {plot!r}; make the folder first")


def _plain(value: Any) -> Any:
    """Return a value that JSON can hold: infinities and NaN become text."""
    if isinstance(value, (np.generic, np.ndarray)):
        value = value.tolist()
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return [_plain(item) for item in value] if isinstance(value, list) else value


def _report(
    counts: NDArray[np.int64],
    logits: NDArray[np.float64],
    temperature: float,
    verdict: Verdict,
    headline: str | None,
    facts: dict[str, Any],
    as_json: bool,
    plot: str | None,
) -> int:
    """Print the table and the verdict, or one JSON object; return the exit status."""
    expected = softmax(logits, temperature)
    total = int(counts.sum())
    spread = np.sqrt(expected * (1 - expected) / total)
    share = counts / total
    residual = np.divide(share - expected, spread, out=np.zeros(len(counts)), where=spread > 0)
    residual[(spread == 0) & (share != expected)] = np.inf
    if as_json:
        content = {
            "logits": logits,
            "temperature": temperature,
            "counts": counts,
            "empirical": share,
            "analytic": expected,
            "residual": residual,
            **facts,
            "verdict": {name: getattr(verdict, name) for name in verdict.__dataclass_fields__ if name[0] != "_"},
            "sentence": str(verdict),
        }
        print(json.dumps({key: _nested(value) for key, value in content.items()}))
    else:
        _table(logits, expected, share, residual, headline, str(verdict), bool(verdict))
    if plot is not None:
        _draw(counts, logits, temperature, plot)
    return 0 if verdict else 1


def _nested(value: Any) -> Any:
    return {key: _plain(item) for key, item in value.items()} if isinstance(value, dict) else _plain(value)


def _table(
    logits: NDArray[np.float64],
    expected: NDArray[np.float64],
    share: NDArray[np.float64],
    residual: NDArray[np.float64],
    headline: str | None,
    sentence: str,
    passed: bool,
) -> None:
    from rich import box
    from rich.table import Table

    console = _console()
    if headline:
        console.print(headline, markup=False)
    table = Table(box=box.SIMPLE_HEAD)
    for heading in ("level", "logit", "analytic", "empirical", "residual"):
        table.add_column(heading, justify="right")
    shown = np.argsort(-expected, kind="stable")[:ROWS] if len(logits) > ROWS else np.arange(len(logits))
    for i in shown:
        table.add_row(str(i), f"{logits[i]:g}", f"{expected[i]:.6f}", f"{share[i]:.6f}", f"{residual[i]:+.2f}")
    console.print(table)
    if len(logits) > ROWS:
        console.print(f"The {ROWS} likeliest of {len(logits):,} levels are shown.", markup=False)
    console.print(sentence, style="green" if passed else "bold red", markup=False, soft_wrap=True)


def _draw(counts: NDArray[np.int64], logits: NDArray[np.float64], temperature: float, path: str) -> None:
    from .plotting import plot_occupancy

    _save(path, lambda ax: plot_occupancy(counts, logits, temperature, ax=ax))


def _save(path: str, draw: Callable[[Any], Any]) -> None:
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


PLAIN = {"\N{MINUS SIGN}": "-", "\N{EN DASH}": "-", "\N{MULTIPLICATION SIGN}": "x", "\N{HORIZONTAL ELLIPSIS}": "..."}


def _in_plain(error: UnicodeError) -> tuple[str, int]:
    """Return what stands for characters that a stream cannot hold: a minus for a minus, and never a question mark."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lost = error.object[error.start : error.end]
    return "".join(PLAIN.get(c, " " if c.isspace() else f"\\u{ord(c):04x}") for c in lost), error.end


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit with its status; wrong input is one line on standard error."""
    codecs.register_error("simsoftmax", _in_plain)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="simsoftmax")
    with warnings.catch_warnings():
        warnings.showwarning = _note
        status = _run(sys.argv[1:] if arguments is None else arguments)
    sys.exit(status)


def _run(arguments: list[str]) -> int:
    """Run a command; return its status, and say on standard error why it is not 0 or 1."""
    try:
        status = app(args=arguments or ["--help"], prog_name="simsoftmax", standalone_mode=False)
        sys.stdout.flush()  # a full disk shows here, and not after the status is given
        return int(status or 0)
    except click.ClickException as error:
        return _fail(error.format_message())
    except (BrokenPipeError, SystemExit):  # as in `simsoftmax ... | head -1`; Click itself would exit with 1 here
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nothing is left to be written at the end
        return 141
    except OSError as error:
        return _fail(f"{error.strerror or error}" + ("" if error.filename is None else f": {error.filename!r}"))
    except (ValueError, TypeError) as error:
        return _fail(str(error))
    except MemoryError as error:
        return _fail(f"out of memory; use fewer levels, rows or particles ({error})")
    except (KeyboardInterrupt, click.Abort):
        print("simsoftmax: interrupted", file=sys.stderr)
        return 130
    except Exception as error:
        if os.environ.get("SIMSOFTMAX_DEBUG"):
            raise
        _fail(
            f"a fault of simsoftmax itself, not of your input: {type(error).__name__}: {error}. "
            "Please report it; with SIMSOFTMAX_DEBUG=1 it says where"
        )
        return 70


def _note(message: Warning | str, *_: Any, **__: Any) -> None:
    """Show a warning as a line for people who run a program, not for those who write one."""
    text = str(message).replace("pass logits_from_probabilities(p)", "give the option --probabilities")
    print("simsoftmax: note: " + " ".join(text.split()), file=sys.stderr)


def _console() -> Console:
    from rich.console import Console

    class Plain(Console):
        def on_broken_pipe(self) -> None:  # Rich would exit with 1, which means here that the verdict failed
            raise BrokenPipeError

    return Plain(highlight=False)


def _fail(text: str) -> int:
    with contextlib.suppress(OSError):  # where standard error cannot be written either, the status remains
        print("simsoftmax: error: " + " ".join(text.split()), file=sys.stderr)
    return 2


if __name__ == "__main__":
    main()
