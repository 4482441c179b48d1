"""The public interface, found by looking: everything that computes something, and one valid call of each."""

import dataclasses
import importlib
import inspect
import pkgutil

import simsoftmax as ss

# Modules whose functions are not meant here, and why.
APART = {
    "simsoftmax.__main__": "the command line, which has tests of its own",
    "simsoftmax.arguments": "the checks themselves, tested one by one",
    "simsoftmax.calibration.datasets": "takes files and the network",
    "simsoftmax.delimited": "text in files, which has tests and a fuzzer of its own",
    "simsoftmax.calibration.rows": "tables as blocks, for `fit_temperature`, whose arguments they check",
    "simsoftmax.calibration.cases": "scores and labels in their forms, for the fit and the measures",
    "simsoftmax.calibration.stream": "rows in blocks, for the scikit-learn estimator",
    "simsoftmax.calibration.estimator": "a scikit-learn estimator, held to scikit-learn's own checks",
    "simsoftmax.files": "the formats of files, which have tests and a fuzzer of their own",
    "simsoftmax.intervals": "the interval of a share, which takes what others have counted",
    "simsoftmax.language": "takes text, and has tests of its own, of what it refuses too",
    "simsoftmax.interruption": "Ctrl-C and progress, inside the functions that take long",
    "simsoftmax.levels": "levels by their names, inside the functions whose arguments they check",
    "simsoftmax.sweeps.family": "takes what `sweep` returns, and has tests of its own, of what it refuses too",
    "simsoftmax.sweeps.grid": "what varies, for `sweep`, whose arguments it checks",
    "simsoftmax.sweeps.run": "takes any function, and has tests of its own, of what it refuses too",
    "simsoftmax.sweeps.store": "finished cells in files, for `sweep`",
    "simsoftmax.sweeps.variables": "results as variables, for `sweep`",
    "simsoftmax.sweeps.work": "who does the work of `sweep`",
    "simsoftmax.threads": "work shared out over threads, inside the functions that take long",
    "simsoftmax.verdict.contexts": "draws and rows in blocks, for `verify_draws`, whose arguments they check",
    "simsoftmax.verdict.planted": "faults on purpose, for the plugin of pytest, with tests of their own",
    "simsoftmax.pytest_plugin": "a plugin, tested in projects of its own",
    "simsoftmax.sampler_commands": "commands, tested with the command line",
    "simsoftmax.terminal": "what commands share, tested with the command line",
    "simsoftmax.results": "what all results share; it takes what was checked",
}
ROOMS_APART = {"kernels", "live"}  # compiled code behind the functions, and figures before them

INTERNAL = {
    "reduced_logits", "boltzmann_exponents", "matrix_moves", "rank_levels",  # take what others have checked
    "as_proposal",  # a check itself, which whatever takes a proposal makes
    "combine", "pool", "residuals", "temperature_direction", "detectable", "prepare", "judge", "relative_error",
    "number", "temperature_color",  # the book's own hands
}  # fmt: skip


def modules():
    """Yield every module of the package whose functions people call."""
    for found in pkgutil.walk_packages(ss.__path__, "simsoftmax."):
        if found.name not in APART and found.name.split(".")[1] not in ROOMS_APART:
            yield importlib.import_module(found.name)


def called(name, thing):
    """Whether people call it: a function, or a class at the top of the package that is no result and no error."""
    if inspect.isclass(thing):
        return name in dir(ss) and not dataclasses.is_dataclass(thing) and not issubclass(thing, BaseException)
    return inspect.isfunction(thing)


def public():
    """Yield (name, function or class) of everything public that computes something."""
    for home in modules():
        for name in getattr(home, "__all__", []):
            thing = getattr(home, name)
            own = getattr(thing, "__module__", "") == home.__name__ and name not in INTERNAL
            if own and called(name, thing):
                yield name, thing


FUNCTIONS = dict(public())

Z = [2.0, 1.0, 0.1]
TABLE = [[2.0, 1.0, 0.1], [0.3, 1.0, 0.2], [0.5, 0.1, 1.2], [1.0, 0.2, 0.4]]
TRUE = [0, 1, 2, 1]
SHARES = [0.5, 0.3, 0.2]
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
    "diagnose": {"draws": TRUE, "logits": TABLE},
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
    "verify_draws": {"draws": TRUE, "logits": TABLE},
    "required_draws": {"logits": TABLE, "relative_error": 0.5},
    "fit_temperature": {"logits": TABLE, "labels": TRUE},
    "logits_from_probabilities": {"probabilities": ss.softmax(Z, 1.5)},
    "Pipeline": {},
    "plot_occupancy": COUNTED | {"temperature": 1.5},
    "plot_draws": lambda: {"verdict": ss.verify_draws(TRUE, TABLE, 1.5)},
    "plot_reliability": {"diagram": ss.reliability_diagram(ss.softmax(TABLE, 1.5), TRUE)},
    "plot_trajectory": lambda: {"trajectory": ss.simulate(Z, 1.5, particles=10, sweeps=2, record=1, rng=1)},
}
VALID |= {
    name: {"probabilities": ss.softmax(TABLE, 1.5), "labels": TRUE}
    for name, function in FUNCTIONS.items()
    if function.__module__ == "simsoftmax.calibration.metrics"
}


def valid(name):
    """Return the keywords of a valid call; results that it takes are computed now, as each process reads all tests."""
    call = VALID.get(name, {"logits": Z})
    return call() if callable(call) else call
