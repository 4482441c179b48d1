"""Every public function, every argument, every kind of wrong value: refused before any work, and named.

The functions and their arguments are found by looking, so a new one without a valid call and wrong values here fails.
Data sets, which are files, and the scikit-learn estimator have tests of their own.
"""

import importlib
import inspect

import matplotlib.pyplot as plt
import numpy as np
import pytest

from simsoftmax import EProcess, calibration_errors, reliability_diagram, simulate, softmax

MODULES = [
    "boltzmann", "markov", "metropolis", "variational", "thermodynamics", "gas", "annealing", "disorder", "null",
    "power", "verification", "thermometer", "evidence", "calibration", "calibration_errors", "plotting",
]  # fmt: skip
INTERNAL = {"reduced_logits", "boltzmann_exponents", "check_proposal"}  # take what others have checked
INTERNAL |= {"combine", "pool", "residuals", "temperature_direction", "detectable", "prepare"}
INTERNAL |= {"number", "temperature_color"}  # the book's own hands

Z = [2.0, 1.0, 0.1]
TABLE = [[2.0, 1.0, 0.1], [0.3, 1.0, 0.2], [0.5, 0.1, 1.2], [1.0, 0.2, 0.4]]
TRUE = [0, 1, 2, 1]
SHARES = [0.5, 0.3, 0.2]
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
    "occupancy": DISTRIBUTION,
    "distribution": DISTRIBUTION,
    "recorded": [*WHOLE, 0],
    "every": [*WHOLE, 0],
    "false_alarm": SHARE,
    "power": SHARE,
    "confidence": SHARE,
    "difference": [*NOT_A_NUMBER, 0.0, -1.0],
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
# Where one name means different things to different functions.
WRONG_OF = {
    ("fit_temperature", "logits"): ROWS,
    ("plot_occupancy", "labels"): [3, ["a"], ["a", "b", "c", "d"]],
    ("plot_temperature_sweep", "logits"): VECTOR,
    ("plot_temperature_sweep", "temperatures"): [3, "abc", (1.0,), (1.0, -1.0), (np.nan, 1.0), (0.0, 1.0)],
    ("plot_trajectory", "quantity"): CHOICE,
    ("reliability_diagram", "interval"): SHARE,
    ("plot_occupancy", "counts"): [value for value in COUNTS if value is not None],
    ("plot_occupancy", "temperature"): [value for value in TEMPERATURE if value is not None],
}
WRONG |= {
    "labels": [*NOT_ARRAYS, 1, [0, 1], [0, 1, 2, 3], [0, 1, 2, -1], [0.5, 1, 2, 1], [[0, 1, 2, 1]], [0, 1, 2, 2**63]],
    "weights": [*(value for value in NOT_ARRAYS if value is not None), *WEIGHTS],
    "interval": CHOICE,
    "probabilities": PROBABILITIES,
    "bins": [*WHOLE, 0],
    "binning": CHOICE,
    "norm": [3, 0, "1", None, 1.5],
    "resamples": [*WHOLE, 0],
    "diagram": [3, None, "abc", SHARES],
    "after": [3, "abc", SHARES],
    "temperatures": [3, None, "abc", (1.0,), (1.0, -1.0), (1.0, 2.0, 3.0), (np.nan, 1.0)],
    "quantity": CHOICE,
    "measured": [3, "abc", ([1.0], [2.0]), ([1.0], [2.0], [3.0, 4.0])],
    "trajectory": [3, None, "abc", Z],
    "ax": AXES,
}
WELCOME = {("simulate_gas", "sweeps"): [0]}  # a gas as it is prepared
FLAGS = {"progress", "debias", "classwise"}  # any truth value will do

COUNTED = {"counts": [5, 2, 1], "logits": Z}
OCCUPANCY = {"occupancy": SHARES, "logits": Z, "particles": 100, "recorded": 3}
VALID = {
    "free_energy_gradient": {"distribution": SHARES, "logits": Z},
    "excess_free_energy": {"distribution": SHARES, "logits": Z},
    "variational_free_energy": {"distribution": SHARES, "logits": Z},
    "heat_capacity_from_counts": COUNTED,
    "mean_energy_from_counts": COUNTED,
    "log_partition_difference": {"counts": [[5, 2, 1], [4, 3, 2]], "logits": Z, "temperature": [1.0, 2.0]},
    "estimate_temperature": COUNTED,
    "verify": COUNTED,
    "verify_average": OCCUPANCY,
    "detectable_difference": {"particles": 100, "logits": Z},
    "required_particles": {"difference": 0.1, "logits": Z},
    "simulate": {"logits": Z, "particles": 10, "sweeps": 2},
    "integrate_log_partition": {"logits": Z, "particles": 100},
    "gas_temperature": {"mean_quanta": 1.0},
    "simulate_gas": {"particles": 10, "sweeps": 2},
    "microcanonical_marginal": {"quanta": 5, "particles": 4},
    "anneal": {"logits": Z, "schedule": [2.0, 1.0], "particles": 10},
    "annealed_distribution": {"logits": Z, "schedule": [2.0, 1.0]},
    "geometric_cooling": {"hot": 2.0, "cold": 1.0, "sweeps": 3},
    "linear_cooling": {"hot": 2.0, "cold": 1.0, "sweeps": 3},
    "logarithmic_cooling": {"depth": 1.0, "sweeps": 3},
    "freezing_temperature": {"levels": 10},
    "random_energies": {"levels": 10},
    "rugged_ladder": {"levels": 10},
    "fit_temperature": {"logits": TABLE, "labels": TRUE},
    "logits_from_probabilities": {"probabilities": softmax(Z, 1.5)},
    "plot_occupancy": COUNTED | {"temperature": 1.5},
    "plot_reliability": {"diagram": reliability_diagram(softmax(TABLE, 1.5), TRUE)},
    "plot_trajectory": {"trajectory": simulate(Z, 1.5, particles=10, sweeps=2, record=1, rng=1)},
}
VALID |= {
    name: {"probabilities": softmax(TABLE, 1.5), "labels": TRUE}
    for name in calibration_errors.__all__
    if name.islower()
}


def public():
    """Yield (name, function) of everything public that computes something; results that are returned are left out."""
    for module in MODULES:
        home = importlib.import_module(f"simsoftmax.{module}")
        for name in home.__all__:
            thing = getattr(home, name)
            own = getattr(thing, "__module__", "") == home.__name__ and name not in INTERNAL
            if own and (inspect.isfunction(thing) or name == "EProcess"):
                yield name, thing


FUNCTIONS = dict(public())
CASES = [(name, p) for name, f in FUNCTIONS.items() for p in inspect.signature(f).parameters if p not in FLAGS]


def test_nothing_public_is_forgotten():
    assert len(FUNCTIONS) > 30
    assert {parameter for _, parameter in CASES} == set(WRONG)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_valid_call_is_valid(name):
    FUNCTIONS[name](**VALID.get(name, {"logits": Z}))


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


@pytest.mark.parametrize(("name", "parameter"), CASES)
def test_wrong_input_is_named(name, parameter):
    valid = VALID.get(name, {"logits": Z})
    faults = []
    for value in WRONG_OF.get((name, parameter), WRONG[parameter]):
        if any(value is one for one in WELCOME.get((name, parameter), [])):
            continue
        try:
            FUNCTIONS[name](**(valid | {parameter: value}))
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
