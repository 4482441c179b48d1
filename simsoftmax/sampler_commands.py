"""The commands about samplers: draws, of which each is made from a row of logits of its own."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import click
import numpy as np
from numpy.typing import NDArray

from .sampling import Pipeline
from .terminal import check_figure, console, nested, option_logits, plain, read_numbers, save

if TYPE_CHECKING:
    from .verdict.samplers import DrawsVerdict

__all__ = ["diagnose", "option_filters", "pipeline_of", "report", "sample"]

ORDERS: dict[str, Callable[..., Pipeline]] = {
    "temperature-first": Pipeline.of,
    "temperature-last": partial(Pipeline.of, order="temperature-last"),
    "transformers": Pipeline.transformers,
    "vllm": Pipeline.vllm,
    "llama.cpp": Pipeline.llama_cpp,
}
FILTERS = ("top_k", "top_p", "min_p", "typical_p")


def option_filters(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the filters of language models and their order."""
    order = click.option(
        "--order",
        type=click.Choice(list(ORDERS)),
        help="Where the temperature stands, or whose order and ties are meant.  [default: temperature-first]",
    )
    command = order(command)
    command = click.option("--typical-p", type=float, help="Leave the typical tokens, of so much mass.")(command)
    command = click.option("--min-p", type=float, help="Leave tokens so many times as likely as the likeliest.")(
        command
    )
    command = click.option("--top-p", type=float, help="Leave the nucleus, of so much mass.")(command)
    return click.option("--top-k", type=int, help="Leave so many of the likeliest tokens.")(command)


def pipeline_of(temperature: float, order: str | None, filters: dict[str, Any]) -> Pipeline:
    """Return the pipeline of the options."""
    given = {name: filters[name] for name in FILTERS if filters[name] is not None}
    if order == "vllm" and "typical_p" in given:
        raise ValueError(f"typical_p must be left out with the order of vllm, got {given['typical_p']}; vllm has none")
    return ORDERS[order or "temperature-first"](temperature, **given)


@click.command()
@option_logits
@option_filters
@click.option("--size", type=int, help="Draws of each row.  [default: 1]")
@click.option("--seed", type=int, help="Seed; the same seed gives the same draws.")
@click.option("--threads", type=int, help="Threads; the draws do not depend on them.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of a line a row.")
@click.option("--plot", type=click.Path(dir_okay=False), help="Save what was drawn beside what was expected.")
def sample(
    logits: str,
    temperature: float,
    order: str | None,
    size: int | None,
    seed: int | None,
    threads: int | None,
    as_json: bool,
    plot: str | None,
    **filters: Any,
) -> int:
    """Draw tokens exactly: a line for each row of logits, as `simsoftmax verify --draws` reads them."""
    check_figure(plot)
    pipeline = pipeline_of(temperature, order, filters)
    z = read_numbers(logits, "logits", memory_map=True)
    draws = pipeline.sample(z, size=size, rng=seed, threads=threads)
    if as_json:
        print(json.dumps({"draws": draws.tolist() if draws.ndim else [int(draws)], "pipeline": str(pipeline)}))
    else:
        for row in draws.reshape(-1, draws.shape[1] if draws.ndim == 2 else 1):
            print(",".join(map(str, row)))
    if plot is not None:
        _plot(plot, draws, z, pipeline)
    return 0


@click.command()
@click.option("--draws", required=True, help="Tokens, one or more for each row of logits: a file, as sample writes it.")
@option_logits
@option_filters
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of a table.")
@click.option("--plot", type=click.Path(dir_okay=False), help="Save what was drawn beside what was expected.")
def diagnose(
    draws: str, logits: str, temperature: float, order: str | None, as_json: bool, plot: str | None, **filters: Any
) -> int:
    """Name the mistake that explains the draws of a sampler best, from a table of those that samplers have had."""
    from .verdict.diagnosis import diagnose as explain

    check_figure(plot)
    pipeline = pipeline_of(temperature, order, filters)
    tokens = read_numbers(draws, "draws")
    z = read_numbers(logits, "logits", memory_map=True)
    found = explain(tokens, z, pipeline=pipeline)
    if as_json:
        content = {
            "pipeline": str(pipeline),
            "best": found.best,
            "tied": found.tied,
            "ranking": [{"name": name, "log10_odds": plain(odds)} for name, odds in found.ranking],
            "required_log10_odds": found.required_log10_odds,
            "sentence": str(found),
        }
        print(json.dumps({key: nested(value) for key, value in content.items()}))
    else:
        out = console()
        out.print(found.table, markup=False, soft_wrap=True)
        out.print(str(found), markup=False, soft_wrap=True)
    if plot is not None:
        _plot(plot, tokens, z, pipeline)
    return 0


def _plot(path: str, draws: NDArray[Any], logits: NDArray[Any], pipeline: Pipeline) -> None:
    from .plotting import plot_draws
    from .verdict.samplers import verify_draws

    verdict = verify_draws(draws, logits, pipeline=pipeline)
    save(path, lambda ax: plot_draws(verdict, ax=ax))


def report(verdict: DrawsVerdict, pipeline: Pipeline, as_json: bool, plot: str | None) -> int:
    """Print a verdict on draws with their rank masses, or one JSON object; return the exit status."""
    from .verdict.samplers import EDGES

    edges = np.array([0.0, *EDGES, 1.0])
    share, expected = np.array(verdict.rank_counts) / max(1, sum(verdict.rank_counts)), np.diff(edges)
    spread = np.sqrt(expected * (1 - expected) / max(1, sum(verdict.rank_counts)))
    if as_json:
        fields = {name: getattr(verdict, name) for name in verdict.__dataclass_fields__}
        content = {"pipeline": str(pipeline), "rank_edges": edges, "verdict": fields, "sentence": str(verdict)}
        print(json.dumps({key: nested(value) for key, value in content.items()}))
    else:
        _table(edges, expected, share, (share - expected) / spread, verdict)
    if plot is not None:
        from .plotting import plot_draws

        save(plot, lambda ax: plot_draws(verdict, ax=ax))
    return 0 if verdict else 1


def _table(
    edges: NDArray[Any], expected: NDArray[Any], share: NDArray[Any], residual: NDArray[Any], verdict: DrawsVerdict
) -> None:
    from rich import box
    from rich.table import Table

    out = console()
    table = Table(box=box.SIMPLE_HEAD)
    for heading in ("rank mass up to", "expected", "drawn", "residual"):
        table.add_column(heading, justify="right")
    for row in zip(edges[1:], expected, share, residual, strict=True):
        table.add_row(f"{row[0]:g}", f"{row[1]:.4f}", f"{row[2]:.4f}", f"{row[3]:+.2f}")
    out.print(table)
    tests = ", ".join(f"{name} {getattr(verdict, f'{name}_p'):.2g}" for name in ("temperature", "tail", "place"))
    out.print(f"p-values: {tests}", markup=False)
    out.print(str(verdict), style="green" if verdict else "bold red", markup=False, soft_wrap=True)
