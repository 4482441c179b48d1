"""One meaning a name: an option that many functions take has one default, and is given by its name."""

import inspect

import pytest
from interface import FUNCTIONS

from simsoftmax.calibration import TemperatureFit, metrics
from simsoftmax.thermodynamics import integrate_log_partition
from simsoftmax.verdict.evidence import EProcess

SHARED = {
    "axis": -1, "bins": 15, "binning": "width", "classwise": False, "confidence_level": 0.95, "debias": False,
    "every": 1, "false_alarm": 1e-3, "norm": 1, "pipeline": None, "power": 0.99, "progress": False,
    "quadrature_error": 1e-9, "relative_error": 0.01, "resamples": 1000, "rng": None, "temperature": 1.0,
    "threads": None, "weights": None,
}  # fmt: skip
BY_PLACE = {"temperature"}
OTHER = {("plot_occupancy", "temperature"): None}  # that of the run which is drawn
CALLABLE = {
    **FUNCTIONS,
    "alarm": EProcess.alarm,
    "apply": TemperatureFit.apply,
    **{name: getattr(metrics, name) for name in metrics.__all__ if inspect.isfunction(getattr(metrics, name))},
}


@pytest.mark.parametrize("name", sorted(CALLABLE))
def test_shared_options_have_one_default_and_are_given_by_name(name):
    by_place = BY_PLACE | {"false_alarm"} if name == "alarm" else BY_PLACE
    for option in inspect.signature(CALLABLE[name]).parameters.values():
        if option.name in SHARED and option.default is not option.empty:
            assert option.default == OTHER.get((name, option.name), SHARED[option.name]), option
            assert option.kind is (option.POSITIONAL_OR_KEYWORD if option.name in by_place else option.KEYWORD_ONLY)


def test_other_defaults_are_those_of_their_documentation():
    assert inspect.signature(integrate_log_partition).parameters["particles"].default == 1_000_000
    assert {name for name in SHARED if not any(name in inspect.signature(f).parameters for f in CALLABLE.values())} == (
        set()
    )
