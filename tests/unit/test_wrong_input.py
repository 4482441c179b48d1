"""Every public function, every argument, every kind of wrong value: refused before any work, and named.

The modules, their functions and the arguments are found by looking (`interface`), so a new one without a valid call and
wrong values here fails.
"""

import inspect

import matplotlib.pyplot as plt
import numpy as np
import pytest
from interface import APART, FUNCTIONS, SHARES, Z, modules, valid

from simsoftmax import EProcess, simulate

NOT_NUMBERS = ["abc", None, {"a": 1}, 1j, object(), True]
NOT_A_NUMBER = [*NOT_NUMBERS, "1", [1.0, 2.0], np.nan]
MASKED = np.ma.array([1.0, 2.0, 3.0], mask=[0, 1, 0])
NOT_ARRAYS = [
    *NOT_NUMBERS, [1j, 2, 3], ["a", "b", "c"], [True, False, True], np.array([1, None, 2], object), [[1.0], [1.0, 2.0]],
    np.array(["2020-01-01"] * 3, "M8[D]"), [], [[]], np.nan, [1.0, np.nan, 2.0], MASKED,
]  # fmt: skip
VECTOR = [*NOT_ARRAYS, 1.0, [1.0, np.inf, 0.0], [-np.inf] * 3]
COUNTS = [*NOT_ARRAYS, 5, [1, 2], np.ones((1, 3)), [1.5, 2, 3], [-1, 2, 3], [0, 0, 0], [2**63, 1, 1], [1e18, 1, 1],
          [1, np.inf, 2]]  # fmt: skip
WHOLE = [*NOT_A_NUMBER, 1.5, -1, np.inf, 2**63, 1e18, 10**400]
POSITIVE = [*NOT_A_NUMBER, 0.0, -1.0, np.inf]
SHARE = [*NOT_A_NUMBER, 0.0, 1.0, -0.1, 95]
TEMPERATURE = [*NOT_NUMBERS, "1", np.nan, -1.0, -np.inf, [1.0, -1.0]]
DISTRIBUTION = [*NOT_ARRAYS, [0.5, 0.5], [0.9, 0.2, -0.1], [0.9, 0.9, 0.9]]

WRONG = {
    "logits": VECTOR,
    "temperature": TEMPERATURE,
    "axis": [1.5, "last", None, 7, -2],
    "proposal": ["sideways", 3, None, np.ones((2, 2)), np.full((3, 3), np.nan), np.eye(3) * 2, [["a"]]],
    "particles": [*(value for value in WHOLE if value is not None), 0],
    "sweeps": [*WHOLE, 0],
    "start": ["sky", 1.5, {"a": 1}, [True, False], [-1, 0], [0.5], [[0, 1]], [np.nan, 1]],
    "engine": ["steam", 3, None],
    "record": WHOLE,
    "threads": [value for value in [*WHOLE, 0] if value is not None],
    "rng": [-1, 1.5, "abc", True, [[0.5]], {"a": 1}],
    "counts": COUNTS,
    "tokens": [3, "abc", [0, 1, 5], [[0, 1]], [1.5]],
    "tally": [3, "abc", {}, {"a": 1}, {5: 1}, {0: 1.5}, {0: -1}, [1, 2, 3]],
    "occupancy": DISTRIBUTION,
    "distribution": DISTRIBUTION,
    "recorded": [*WHOLE, 0],
    "every": [*WHOLE, 0],
    "false_alarm": SHARE,
    "power": SHARE,
    "names": [3, ["a"], ["a", "b", "c", "d"]],
    "confidence_level": SHARE,
    "difference": [*NOT_A_NUMBER, 0.0, -1.0],
    "relative_error": [*NOT_A_NUMBER, 0.0, -1.0],
    "of": ["energy", None, 3],
    "concentration": [value for value in POSITIVE if value is not None],
    "tolerance": POSITIVE,
    "step": [*POSITIVE, 5.0],
    "quadrature_error": POSITIVE,
    "sampler": [3, "abc"],
    "mean_quanta": [*NOT_A_NUMBER, -1.0, np.inf],
    "quanta": [*WHOLE],
    "levels": [value for value in [*WHOLE, 0] if value is not None],
    "spacing": POSITIVE,
    "gases": [*WHOLE, 0],
    "schedule": [*NOT_ARRAYS, [1.0, -1.0], np.ones((2, 2))],
    "hot": POSITIVE,
    "cold": [value for value in POSITIVE if value != 0],  # T = 0 is a limit that is exact
    "depth": POSITIVE,
    "sigma": POSITIVE,
    "roughness": [*NOT_A_NUMBER, -1.0, np.inf],
}

ROWS = [*NOT_ARRAYS, 1.0, [1.0, 2.0], np.ones((2, 3, 4)), np.ones((4, 0)), np.full((4, 3), np.nan)]
PROBABILITIES = [*ROWS, np.full((4, 3), 0.5), np.tile([1.5, -0.25, -0.25], (4, 1))]
AXES = [3, "left", object(), plt.figure()]
WEIGHTS = [1.0, [1.0, 2.0], [1.0, 1.0, 1.0, -1.0], [0.0] * 4, [1.0, 1.0, 1.0, np.inf]]
CHOICE = ["sideways", 3, None, ["width"]]
TABLE_OF_BLOCKS = [np.ones((2, 3)), np.ones((2, 4))]
# Where one name means different things to different functions.
WRONG_OF = {
    ("fit_temperature", "logits"): ROWS,
    ("diagnose", "logits"): [*NOT_ARRAYS, 1.0, np.ones((2, 3, 4)), np.ones((4, 0)), np.ones((3, 3)), TABLE_OF_BLOCKS],
    ("sample", "logits"): [value for value in VECTOR if value is not None] + [np.ones((2, 2, 2))],
    ("plot_temperature_sweep", "logits"): VECTOR,
    ("plot_temperature_sweep", "temperatures"): [3, "abc", (1.0,), (1.0, -1.0), (np.nan, 1.0), (0.0, 1.0)],
    ("plot_trajectory", "quantity"): CHOICE,
    ("verify", "names"): [3, "abc", ["a"], ["a", "a", "b"], ["a", "b", None], ["a", "b", "c", "d"], {"a": 1}],
    ("plot_occupancy", "counts"): [value for value in COUNTS if value is not None],
    ("plot_occupancy", "temperature"): [value for value in TEMPERATURE if value is not None],
}
WRONG_OF["estimate_temperature", "names"] = WRONG_OF["verify", "names"]
WRONG |= {
    "labels": [*NOT_ARRAYS, 1, [0, 1], [0, 1, 2, 3], [0, 1, 2, -1], [0.5, 1, 2, 1], [[0, 1, 2, 1]], [0, 1, 2, 2**63]],
    "classes": [3, "abc", ["a"], ["a", "a", "b"], ["a", "b", None], ["a", "b", "c", "d"], [3, 4, 5]],
    "ignore_index": ["abc", 1.5, {"a": 1}, 1j, True, [0]],
    "weights": [*(value for value in NOT_ARRAYS if value is not None), *WEIGHTS],
    "interval": CHOICE,
    "probabilities": PROBABILITIES,
    "bins": [*WHOLE, 0],
    "binning": CHOICE,
    "norm": [3, 0, "1", None, 1.5],
    "resamples": [*WHOLE, 0],
    "verdict": [3, None, "abc", SHARES],
    "diagram": [3, None, "abc", SHARES],
    "after": [3, "abc", SHARES],
    "temperatures": [3, None, "abc", (1.0,), (1.0, -1.0), (1.0, 2.0, 3.0), (np.nan, 1.0)],
    "quantity": CHOICE,
    "measured": [3, "abc", ([1.0], [2.0]), ([1.0], [2.0], [3.0, 4.0])],
    "trajectory": [3, None, "abc", Z],
    "ax": AXES,
    "draws": [*NOT_ARRAYS, 1.5, [0, 1], [0, 1, 2, 3], [0, 1, 2, -1], [0.5, 1, 2, 1], [0, 1, 2, 2**63]],
    "explanations": [3, None, "abc", [3], ["right"], [None]],
    "size": [value for value in WHOLE if value is not None],
    "top_k": [*(value for value in WHOLE if value is not None), 0],
    "top_p": [*(value for value in NOT_A_NUMBER if value is not None), 0.0, -0.1, 1.1],
    "min_p": [*(value for value in NOT_A_NUMBER if value is not None), -0.1, 1.1],
    "typical_p": [*(value for value in NOT_A_NUMBER if value is not None), 0.0, -0.1, 1.1],
    "order": CHOICE,
    "pipeline": [3, "abc", [1.0], True],
    "steps": [3, None, "abc", [1.0], [None], {"a": 1}, 0.7],
}
WELCOME = {("simulate_gas", "sweeps"): [0]}  # a gas as it is prepared
INSTEAD = {"tokens": ["counts"], "tally": ["counts"]}  # what is left out where another argument says the same
FLAGS = {"progress", "debias", "classwise"}  # any truth value will do

CASES = [(name, p) for name, f in FUNCTIONS.items() for p in inspect.signature(f).parameters if p not in FLAGS]


def test_nothing_public_is_forgotten():
    assert len(FUNCTIONS) > 30
    homes = {function.__module__ for function in FUNCTIONS.values()}
    assert all(home.__all__ for home in modules())  # without a list of names a module would be passed over
    assert not homes & set(APART)
    assert {"simsoftmax.boltzmann", "simsoftmax.metropolis", "simsoftmax.calibration.fit"} <= homes
    assert {parameter for _, parameter in CASES} == set(WRONG)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_valid_call_is_valid(name):
    FUNCTIONS[name](**valid(name))


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


@pytest.mark.parametrize(("name", "parameter"), CASES)
def test_wrong_input_is_named(name, parameter):
    faults = []
    for value in WRONG_OF.get((name, parameter), WRONG[parameter]):
        if any(value is one for one in WELCOME.get((name, parameter), [])):
            continue
        try:
            FUNCTIONS[name](**(valid(name) | dict.fromkeys(INSTEAD.get(parameter, [])) | {parameter: value}))
        except (ValueError, TypeError) as error:
            if parameter not in str(error):
                faults.append(f"{value!r}: {error}")
        except Exception as error:
            faults.append(f"{value!r}: {type(error).__name__}: {error}")
        else:
            faults.append(f"{value!r} was accepted")
    assert not faults, "\n".join(faults)


METHODS = [
    ("extend", "sweeps", [*WHOLE, 0]),
    ("extend", "temperature", [value for value in [*TEMPERATURE, [1.0] * 7] if value is not None]),
    ("save", "path", [3, None, 1.5, ["x"]]),
    ("load", "path", [3, None, 1.5, ["x"]]),
    ("verify", "false_alarm", SHARE),
    ("verify", "power", SHARE),
    ("update", "counts", COUNTS),
    ("alarm", "false_alarm", SHARE),
]


@pytest.mark.parametrize(("method", "parameter", "values"), METHODS)
def test_wrong_input_of_methods_is_named(method, parameter, values):
    run, watch = simulate(Z, particles=10, sweeps=2, rng=1), EProcess(Z)
    valid = {"sweeps": 2} if method == "extend" else {}
    for value in values:
        with pytest.raises((ValueError, TypeError), match=parameter):
            getattr(run if hasattr(run, method) else watch, method)(**(valid | {parameter: value}))
    assert run.counts.sum() == 10  # nothing has changed
    assert watch.counts.sum() == 0
