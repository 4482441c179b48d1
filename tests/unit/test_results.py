"""Every public result: arrays that cannot be written to, comparison, and a place in sets and pickles."""

import copy
import dataclasses
import importlib
import inspect
import pickle
import pkgutil

import numpy as np
import pytest

import simsoftmax as ss
from simsoftmax import annealing, gas, language, results, thermodynamics
from simsoftmax.calibration import datasets

Z = [2.0, 1.0, 0.1]


def dataclasses_of_the_package():
    """Yield every dataclass of the package."""
    for module in pkgutil.walk_packages(ss.__path__, "simsoftmax."):
        if module.name.startswith(("simsoftmax.live", "simsoftmax.__main__", "simsoftmax.kernels")):
            continue
        home = importlib.import_module(module.name)
        for thing in vars(home).values():
            own = inspect.isclass(thing) and thing.__module__ == home.__name__
            if own and dataclasses.is_dataclass(thing):
                yield thing


CLASSES = [kind for kind in dataclasses_of_the_package() if kind.__dataclass_params__.frozen]
OPEN = {"_Sums", "Residuals"}  # what is added up while rows are read, inside the package


def test_what_is_returned_cannot_be_changed():
    assert not any(kind.__name__ in OPEN for kind in CLASSES)
    assert {kind.__name__ for kind in dataclasses_of_the_package()} == {kind.__name__ for kind in CLASSES} | OPEN


def holds_arrays(kind):
    return any("Array" in str(field.type) for field in dataclasses.fields(kind))


def diagram():
    probabilities = ss.softmax(np.random.default_rng(0).normal(size=(50, 3)))
    return ss.reliability_diagram(probabilities, np.arange(50) % 3)


EXAMPLES = {
    language.LanguageModel: lambda: language.fit_language("to be or not to be", order=3),
    ss.Trajectory: lambda: ss.simulate(Z, 0.5, particles=50, sweeps=4, record=2, rng=1),
    annealing.Annealing: lambda: annealing.anneal(Z, [2.0, 1.0], particles=10, rng=1),
    gas.Gas: lambda: gas.simulate_gas(particles=10, sweeps=3, record=1, rng=1),
    thermodynamics.LogPartitionEstimate: lambda: thermodynamics.integrate_log_partition(Z, particles=1000, rng=1),
    ss.FreeEnergyMinimum: lambda: ss.minimize_free_energy(Z, 0.7),
    ss.Relaxation: lambda: ss.relaxation(Z),
    ss.ReliabilityDiagram: diagram,
    # A temperature that the rows do not tell is NaN.
    ss.DrawsVerdict: lambda: ss.verify_draws([0, 1], [Z, Z], 0.0, pipeline=None),
    ss.Diagnosis: lambda: ss.diagnose([0, 1], [Z, Z], 0.7),
    datasets.LabelledLogits: lambda: datasets.LabelledLogits(np.array([[1.0, 2.0]]), np.array([1]), "one", "row"),
}
"""A result of every class that holds arrays."""


def test_every_class_that_holds_arrays_is_a_result_with_an_example():
    holding = {kind for kind in CLASSES if holds_arrays(kind)}
    assert len(holding) >= 8
    assert {kind.__name__ for kind in holding if not issubclass(kind, results.Result)} == set()
    inside = {kind for kind in holding if kind.__module__ == "simsoftmax.verdict.null"}  # nobody sees these
    assert {kind.__name__ for kind in holding - inside - set(EXAMPLES)} == set()


@pytest.mark.parametrize("kind", EXAMPLES, ids=lambda kind: kind.__name__)
def test_results_can_be_compared_kept_and_not_written_to(kind):
    result = EXAMPLES[kind]()
    assert type(result) is kind
    for again in (copy.copy(result), copy.deepcopy(result), pickle.loads(pickle.dumps(result))):
        assert again == result
        assert hash(again) == hash(result)
        assert again in {result}
        assert again in [result]
        assert again != 3
        for field in dataclasses.fields(again):
            value = getattr(again, field.name)
            if isinstance(value, np.ndarray):
                assert not value.flags.writeable
                with pytest.raises(ValueError, match="read-only"):
                    value[...] = 0
    for field in dataclasses.fields(result):
        value = getattr(result, field.name)
        if isinstance(value, np.ndarray) and value.size:
            other = copy.copy(result)
            object.__setattr__(other, field.name, np.where(value == value, value + 1, value))
            assert other != result, field.name
            object.__setattr__(other, field.name, value[..., :-1])
            assert other != result, field.name


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_every_frozen_class_can_be_hashed_and_compared(kind):
    assert kind.__hash__ is not None
    assert (kind.__eq__ is results.Result.__eq__) == issubclass(kind, results.Result)


def test_numbers_that_are_not_measured_are_equal_to_themselves():
    before = ss.minimize_free_energy(Z)
    one, other = (dataclasses.replace(before, spread=float(value)) for value in ("nan", "nan"))
    assert one == other
    assert hash(one) == hash(other)
    assert one != before


def test_an_array_is_copied_only_if_somebody_could_write_to_it():
    mine = np.arange(6.0)
    kept = results.read_only(mine)
    assert kept is not mine
    assert results.read_only(kept) is kept
    assert results.read_only(kept[1:3]).base is kept  # nobody can write to that either
    view = mine.view()
    view.flags.writeable = False
    assert results.read_only(view) is not view
    assert results.read_only(np.asfortranarray(kept.reshape(2, 3))).flags.c_contiguous
    assert type(results.read_only(np.ma.array([1.0]))) is np.ndarray


@pytest.mark.parametrize(("number", "text"), [(0, "0 sweeps"), (1, "1 sweep"), (2, "2 sweeps"), (1234, "1,234 sweeps")])
def test_things_are_counted_as_one_would_say(number, text):
    assert results.counted(number, "sweep") == text


def test_one_of_a_kind_is_not_many():
    run = ss.simulate([1.0], 1.0, particles=1, sweeps=1, rng=1)
    assert str(run).startswith("1 particle on 1 level at T = 1 after 1 sweep;")
    assert "in 1 sweep (" in str(annealing.anneal(Z, [1.0], particles=5, rng=1))
    assert "after 1 sweep:" in str(gas.simulate_gas(particles=10, sweeps=1, rng=1))
    assert "reached in 1 step;" in str(ss.minimize_free_energy(Z, step=1.0))
    watch = ss.EProcess(Z)
    watch.update([1, 0, 0])
    assert str(watch).startswith("After 1 draw the")
