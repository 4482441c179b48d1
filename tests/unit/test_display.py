"""Results show themselves by their sentence, and completion offers nothing that is not there."""

import dataclasses
import importlib
import pkgutil

import matplotlib.pyplot as plt
from IPython.lib.pretty import pretty

import simsoftmax as ss
from simsoftmax.results import Displayed


def test_every_result_with_a_sentence_shows_it():
    """Found by looking: each public dataclass or class that has a sentence of its own."""
    found = set()
    for info in pkgutil.walk_packages(ss.__path__, "simsoftmax."):
        module = importlib.import_module(info.name)
        for name, kind in vars(module).items():
            if isinstance(kind, type) and kind.__module__ == module.__name__ and "__str__" in vars(kind):
                found.add(name)
                assert issubclass(kind, Displayed) or name.startswith("_"), name
                assert kind.__repr__ is not object.__repr__, f"{name} shows an address in the memory"
    assert len(found) >= 12
    run = ss.simulate([2.0, 1.0, 0.1], 0.7, particles=1000, rng=0)
    verdict = run.verify()
    assert dataclasses.is_dataclass(verdict)
    assert pretty(verdict) == str(verdict)
    assert pretty([verdict]) == f"[{verdict}]"
    assert repr(verdict).startswith("Verdict(")


def test_what_completion_offers_is_there():
    for name in dir(ss):
        getattr(ss, name)
    axes = ss.simulate([1.0, 0.0], particles=10, rng=0).plot(names=["up", "down"])
    assert [text.get_text() for text in axes.get_yticklabels()] == ["up", "down"]
    plt.close(axes.figure)
