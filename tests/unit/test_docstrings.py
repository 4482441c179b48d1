"""What docstrings promise a stranger: each argument told, an example of each name, and what to see beside it."""

import inspect
import pkgutil
import re

import pytest
from test_public_names import IN_THEIR_MODULE, INSIDE

import simsoftmax as ss
from simsoftmax.results import Displayed

validate = pytest.importorskip("numpydoc.validate")
docscrape = pytest.importorskip("numpydoc.docscrape")

NAMES = [name for name in ss.__all__ if not inspect.ismodule(getattr(ss, name))]
NAMES += [
    name for name, why in IN_THEIR_MODULE.items() if why != INSIDE and name != "plotting.number"
]  # the book's own

# Checks of numpydoc that are left out, and why.
LEFT_OUT = {
    "ES01": "one line says enough of many a function",
    "EX01": "held to below, with the names that need none",
    "SA01": "held to below, with the names that need none",
    "PR04": "`logits, temperature, axis` as in another function are told there",
    "RT03": "a result tells of itself",
}
NOT_FOR_RESULTS = {"PR01"}  # their fields are told as attributes, and `test_public_names` misses none of them

NO_EXAMPLE = {
    "FitStep": "a part of `TemperatureFit`",
    "Finding": "a part of `Diagnosis`",
    "calibration.datasets.fetch_cifar_logits": "takes the network",
    "calibration.datasets.load_digits_logits": "trains a network at first",
    "calibration.datasets.load_digits_pictures": "belongs to those",
}


def found(name):
    return pkgutil.resolve_name(f"simsoftmax.{name}")


def returned():
    """Return the names of the results that functions and methods return: the example of a result is theirs."""
    kinds = set()
    for thing in map(found, NAMES):
        for function in [thing] if inspect.isfunction(thing) else vars(thing).values():
            if inspect.isfunction(function):
                kinds |= set(re.findall(r"\w+", str(function.__annotations__.get("return"))))
    return {name for name in kinds & set(NAMES) if issubclass(found(name), Displayed)}


TOLD_BY_OTHERS = returned() | {"FitStep", "Finding"}


@pytest.fixture(scope="module")
def see_also():
    """Return {name: names that it leads to}."""
    docs = {name: docscrape.get_doc_object(found(name)) for name in NAMES}
    return {name: {target for targets, _ in doc["See Also"] for target, _ in targets} for name, doc in docs.items()}


@pytest.mark.parametrize("name", NAMES)
def test_a_docstring_is_whole(name):
    left_out = set(LEFT_OUT) | (NOT_FOR_RESULTS if inspect.isclass(found(name)) else set())
    errors = validate.validate(f"simsoftmax.{name}")["errors"]
    assert [error for error in errors if error[0] not in left_out] == []


def test_no_check_is_left_out_in_vain():
    made = {code for name in NAMES for code, _ in validate.validate(f"simsoftmax.{name}")["errors"]}
    assert made == set(LEFT_OUT) | NOT_FOR_RESULTS


def test_every_name_has_an_example():
    without = {name for name in NAMES if not docscrape.get_doc_object(found(name))["Examples"]}
    assert without - TOLD_BY_OTHERS == set(NO_EXAMPLE) - TOLD_BY_OTHERS
    assert set(NAMES) > TOLD_BY_OTHERS


def test_every_name_leads_on(see_also):
    assert {name for name in NAMES if not see_also[name]} <= TOLD_BY_OTHERS


def test_ways_go_both_ways(see_also):
    ways = {(name, target) for name, targets in see_also.items() for target in targets}
    inside = {(name, target) for name, target in ways if target in see_also}
    assert {(target, name) for name, target in inside} == inside
    assert {
        target for _, target in ways - inside if not target.startswith(("scipy.", "sklearn.", "concurrent."))
    } == set()
    assert len(inside) > 100
