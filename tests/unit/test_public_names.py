"""What is at the top, and what stays in its module, by the rule at the head of ``simsoftmax/__init__.pyi``."""

import dataclasses
import importlib
import inspect
import pkgutil
import re
from pathlib import Path

import pytest

import simsoftmax as ss
from simsoftmax.results import Displayed

ROOT = Path(__file__).parents[2]

# Public functions that stay in their module, and why.
ARGUMENT = "prepares an argument"
YARDSTICK = "something to hold a result against"
INSIDE = "takes what others have checked"
IN_THEIR_MODULE = {
    "annealing.annealed_distribution": YARDSTICK,
    "annealing.barrier": YARDSTICK,
    "annealing.geometric_cooling": ARGUMENT,
    "annealing.linear_cooling": ARGUMENT,
    "annealing.logarithmic_cooling": ARGUMENT,
    "boltzmann.reduced_logits": INSIDE,
    "calibration.datasets.fetch_cifar_logits": ARGUMENT,
    "calibration.datasets.load_digits_logits": ARGUMENT,
    "calibration.datasets.load_digits_pictures": ARGUMENT,
    "disorder.freezing_temperature": YARDSTICK,
    "disorder.participation_ratio": YARDSTICK,
    "disorder.random_energies": ARGUMENT,
    "disorder.rugged_ladder": ARGUMENT,
    "gas.gas_temperature": YARDSTICK,
    "gas.microcanonical_marginal": YARDSTICK,
    "levels.as_draw_counts": INSIDE,
    "levels.carried_names": INSIDE,
    "levels.check_index": INSIDE,
    "levels.level_names": INSIDE,
    "language.fit_language": ARGUMENT,
    "language.python_topics": ARGUMENT,
    "markov.boltzmann_exponents": INSIDE,
    "proposals.as_proposal": INSIDE,
    "proposals.matrix_moves": INSIDE,
    "calibration.cases.as_cases": INSIDE,
    "calibration.rows.as_table": INSIDE,
    "proposals.rank_levels": INSIDE,
    "intervals.clopper_pearson": INSIDE,
    "plotting.number": "writes the numbers of a figure or a page",
    "plotting.temperature_color": ARGUMENT,
    "sweeps.grid.as_axes": INSIDE,
    "sweeps.grid.cells": INSIDE,
    "sweeps.grid.check_call": INSIDE,
    "sweeps.grid.stream_of": INSIDE,
    "sweeps.grid.stream": "runs one cell of a sweep by hand",
    "variational.excess_free_energy": YARDSTICK,
    "variational.free_energy_gradient": YARDSTICK,
    "variational.variational_free_energy": YARDSTICK,
    "verdict.null.combine": INSIDE,
    "verdict.null.pool": INSIDE,
    "verdict.null.residuals": INSIDE,
    "verdict.null.temperature_direction": INSIDE,
    "verdict.power.detectable": INSIDE,
    "verdict.samplers.judge": INSIDE,
    "verdict.tilting.relative_error": INSIDE,
}
RESULTS_IN_THEIR_MODULE = {
    "language.LanguageModel": "what gives logits, from where it is fitted",
    "calibration.datasets.LabelledLogits": "a data set, from where data sets are",
    "verdict.null.Groups": "a part of a verdict on its way",
    "verdict.null.Null": "the law of the counts, from which verdicts are computed",
}
# Rooms and modules whose functions serve the package itself.
APART = re.compile(
    r"(__main__|arguments|delimited|files|interruption|pytest_plugin|results|sampler_commands|terminal|threads|"
    r"sweeps.store|sweeps.variables|sweeps.work|verdict.contexts|verdict.planted|verdict.residuals|kernels.*|live.*)$"
)


def found(kind):
    """Return {name below the package: thing} of what the modules list in ``__all__`` and is of a kind."""
    things = {}
    for module in pkgutil.walk_packages(ss.__path__, "simsoftmax."):
        if not module.ispkg and not APART.match(module.name.removeprefix("simsoftmax.")):
            home = importlib.import_module(module.name)
            for name in home.__all__:
                thing = getattr(home, name)
                if kind(thing) and thing.__module__ == module.name:
                    things[f"{module.name}.{name}".removeprefix("simsoftmax.")] = thing
    return things


FUNCTIONS = found(inspect.isfunction)
RESULTS = found(lambda thing: inspect.isclass(thing) and issubclass(thing, Displayed))
TOP = [getattr(ss, name) for name in ss.__all__]
KINDS = [pytest.param(kind, id=kind.__name__) for kind in RESULTS.values() if dataclasses.is_dataclass(kind)]


@pytest.mark.parametrize(
    ("things", "apart", "least"), [(FUNCTIONS, IN_THEIR_MODULE, 50), (RESULTS, RESULTS_IN_THEIR_MODULE, 15)]
)
def test_a_name_is_at_the_top_or_has_a_reason(things, apart, least):
    assert len(things) > least
    at_the_top = {name for name, thing in things.items() if getattr(ss, name.rpartition(".")[2], None) is thing}
    assert set(things) - at_the_top == set(apart)


def test_what_a_function_at_the_top_returns_is_at_the_top():
    results = {kind.__name__ for kind in RESULTS.values()}
    returned = set()
    for name in ss.__all__:
        thing = getattr(ss, name)
        called = [thing] if inspect.isfunction(thing) else vars(thing).values() if inspect.isclass(thing) else []
        for function in filter(inspect.isfunction, called):
            returned |= set(re.findall(r"\w+", str(function.__annotations__.get("return", "")))) & results
    assert len(returned) > 8
    assert returned <= set(ss.__all__)


def test_no_name_means_two_things():
    names = [name.rpartition(".")[2] for name in (*FUNCTIONS, *RESULTS)]
    assert len(set(names)) == len(names)


def test_all_plots_are_called_alike():
    plots = {name for name, function in FUNCTIONS.items() if "Axes" in str(function.__annotations__.get("return"))}
    assert plots == {f"plotting.{name}" for name in ss.__all__ if name.startswith("plot_")}
    assert len(plots) >= 4


@pytest.mark.parametrize("kind", KINDS)
def test_help_names_every_field(kind):
    section = inspect.cleandoc(kind.__doc__).partition("\nAttributes\n----------\n")[2]
    section = re.split(r"\n\w[^\n]*\n---+\n", section)[0]
    heads = (line.partition(" :")[0] for line in section.splitlines() if line and not line.startswith(" "))
    named = {name for head in heads for name in head.split(", ")}
    public = {field.name for field in dataclasses.fields(kind) if not field.name.startswith("_")}
    properties = {name for name in named if isinstance(inspect.getattr_static(kind, name, None), property)}
    assert public - named == set()
    assert named - public - properties == set()  # nothing that is gone


def test_every_dataclass_at_the_top_is_a_result():
    assert all(issubclass(kind, Displayed) for kind in found(dataclasses.is_dataclass).values() if kind in TOP)
