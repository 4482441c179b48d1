"""The command line: ``python -m simsoftmax``, also installed as ``simsoftmax``.

Exit status 0: done, and the verdict passed; 1: the verdict failed; 2: the input is wrong, or the output cannot be
written, and one line says why; 70: a fault of this program; 130: stopped by Ctrl-C; 141: nobody reads the output.
"""

from __future__ import annotations

import codecs
import contextlib
import io
import json
import os
import sys
import warnings
from typing import TYPE_CHECKING, Any, Literal

import click
import numpy as np
from numpy.typing import NDArray

from . import __version__
from .boltzmann import softmax
from .files import read_array
from .sampler_commands import diagnose, option_filters, pipeline_of, report, sample
from .terminal import check_figure, console, nested, option_logits, option_output, plain, read_numbers, save

if TYPE_CHECKING:
    from .calibration.fit import TemperatureFit
    from .calibration.metrics import ReliabilityDiagram
    from .verdict.verification import Verdict

ROWS = 20  # levels shown in a table; the rest is counted


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

    check_figure(plot)
    z = read_numbers(logits, "logits")
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


app.add_command(sample)
app.add_command(diagnose)


@app.command()
@click.argument("counts", required=False)
@click.option("--draws", help="Tokens, one or more for each row of logits, in place of COUNTS.")
@option_logits
@option_filters
@option_output
def verify(
    counts: str | None,
    draws: str | None,
    logits: str,
    temperature: float,
    order: str | None,
    false_alarm: float,
    as_json: bool,
    plot: str | None,
    **filters: Any,
) -> int:
    """Check COUNTS, how many draws of any sampler fell on each level, against softmax(z/T).

    COUNTS is a .csv, .tsv, .json, .npy, .npz or .parquet file, or numbers: 659,242,99. A table may list the counts by
    level. In every file the array or the column that is meant may be named after a colon: results.npz:second.

    With --draws each row of logits has draws of its own, after the filters that are given: a file with a line for each
    row, as `simsoftmax sample` writes it.
    """
    from .verdict.samplers import verify_draws
    from .verdict.verification import verify as check

    check_figure(plot)
    if draws is not None and counts is None:
        pipeline = pipeline_of(temperature, order, filters)
        tokens = read_numbers(draws, "draws")
        z = read_numbers(logits, "logits", memory_map=True)
        return report(verify_draws(tokens, z, pipeline=pipeline, false_alarm=false_alarm), pipeline, as_json, plot)
    if counts is None or draws is not None:
        raise ValueError("verify must be given either COUNTS or --draws; pass one of them")
    for name, value in {"order": order, **filters}.items():
        if value is not None:
            raise ValueError(f"{name} must be left out with COUNTS, got {value!r}; pass the draws with --draws")
    z = read_numbers(logits, "logits")
    n = read_numbers(counts, "counts", length=len(z) if z.ndim == 1 else None)
    verdict = check(n, z, temperature, false_alarm=false_alarm)
    return _report(n.astype(np.int64), z, temperature, verdict, None, {}, as_json, plot)


@app.command()
@click.argument("counts")
@click.option(
    "--logits", required=True, help="One score per level, 2,1,0.1, or a .csv, .tsv, .json, .npy or .npz file."
)
@click.option("--confidence-level", type=float, default=0.95, show_default=True, help="Coverage of the interval.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of a sentence.")
def thermometer(counts: str, logits: str, confidence_level: float, as_json: bool) -> int:
    """Take the temperature of a sampler from its COUNTS, how many draws fell on each level."""
    from .verdict.thermometer import estimate_temperature

    z = read_numbers(logits, "logits")
    n = read_numbers(counts, "counts", length=len(z) if z.ndim == 1 else None)
    estimate = estimate_temperature(n, z, confidence_level=confidence_level)
    if as_json:
        facts = {name: getattr(estimate, name) for name in estimate.__dataclass_fields__} | {"sentence": str(estimate)}
        print(json.dumps({key: plain(value) for key, value in facts.items()}))
    else:
        console().print(str(estimate), markup=False, soft_wrap=True)
    return 0


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

    LOGITS is a .npy, .npz, .parquet, .csv, .tsv or .json file with a row for each case and a column for each level;
    LABELS holds the true levels, counted from 0. A .npy file of logits may be larger than memory.
    """
    from .calibration.fit import fit_temperature, logits_from_probabilities
    from .calibration.metrics import reliability_diagram

    check_figure(plot)
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
    if z.ndim == 2 and z.shape[1] > 1 and y.shape == z.shape:  # the diagrams below ask which level was true
        raise ValueError(
            f"labels must hold one level for each of the {len(z)} rows of logits, got shape {y.shape}; save the number "
            "of the true level of each row, labels.argmax(axis=1)"
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
        print(json.dumps({key: plain(value) for key, value in facts.items()}))
    else:
        _calibration_table(fit, temperature, before, after, bins)
    if plot is not None:
        from .plotting import plot_reliability

        save(plot, lambda ax: plot_reliability(before, after=after, temperatures=(1.0, temperature), ax=ax))
    return 0


def _calibration_table(
    fit: TemperatureFit, temperature: float, before: ReliabilityDiagram, after: ReliabilityDiagram, bins: int
) -> None:
    from rich import box
    from rich.table import Table

    out = console()
    table = Table(box=box.SIMPLE_HEAD)
    for heading in ("on these rows", "T", "NLL (nats)", "calibration error"):
        table.add_column(heading, justify="left" if heading == "on these rows" else "right")
    table.add_row("before", "1", f"{fit.nll_before:.4f}", f"{100 * before.expected_calibration_error:.2f} %")
    table.add_row(
        "after", f"{temperature:.4g}", f"{fit.nll_after:.4f}", f"{100 * after.expected_calibration_error:.2f} %"
    )
    out.print(table)
    out.print(f"Perfect calibration would show {100 * after.expected_by_chance:.2f} % in {bins} bins.", markup=False)
    out.print(str(fit), markup=False, soft_wrap=True)


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
        print(json.dumps({key: nested(value) for key, value in content.items()}))
    else:
        _table(logits, expected, share, residual, headline, str(verdict), bool(verdict))
    if plot is not None:
        _draw(counts, logits, temperature, plot)
    return 0 if verdict else 1


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

    out = console()
    if headline:
        out.print(headline, markup=False)
    table = Table(box=box.SIMPLE_HEAD)
    for heading in ("level", "logit", "analytic", "empirical", "residual"):
        table.add_column(heading, justify="right")
    shown = np.argsort(-expected, kind="stable")[:ROWS] if len(logits) > ROWS else np.arange(len(logits))
    for i in shown:
        table.add_row(str(i), f"{logits[i]:g}", f"{expected[i]:.6f}", f"{share[i]:.6f}", f"{residual[i]:+.2f}")
    out.print(table)
    if len(logits) > ROWS:
        out.print(f"The {ROWS} likeliest of {len(logits):,} levels are shown.", markup=False)
    out.print(sentence, style="green" if passed else "bold red", markup=False, soft_wrap=True)


def _draw(counts: NDArray[np.int64], logits: NDArray[np.float64], temperature: float, path: str) -> None:
    from .plotting import plot_occupancy

    save(path, lambda ax: plot_occupancy(counts, logits, temperature, ax=ax))


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
    try:
        sys.stdout.flush()
    except OSError:  # Python would try again at its end, fail, and exit with a status of its own
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
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


def _fail(text: str) -> int:
    with contextlib.suppress(OSError):  # where standard error cannot be written either, the status remains
        print("simsoftmax: error: " + " ".join(text.split()), file=sys.stderr)
    return 2


if __name__ == "__main__":
    main()
