"""Every live figure takes what people have at hand, refuses the rest by name, and never keeps what it has refused."""

import base64
import contextlib
import itertools
import json
import pkgutil
import re
import warnings
from importlib import import_module

import numpy as np
import pytest
import traitlets
from matplotlib.figure import Figure
from short import short
from visit import ROOT, embedded

import simsoftmax as ss
import simsoftmax.live
from simsoftmax.language import fit_language
from simsoftmax.live import (
    AnnealingExplorer,
    AttentionExplorer,
    BanditExplorer,
    CalibrationExplorer,
    DistillationExplorer,
    FreeEnergyExplorer,
    GasExplorer,
    GenerationExplorer,
    Instrument,
    LiveFigure,
    LogOddsExplorer,
    LogPartitionExplorer,
    ParticleExplorer,
    ReaderExplorer,
    SamplerExplorer,
    ShiftExplorer,
    SymmetryExplorer,
    TemperatureExplorer,
    WeightDecayExplorer,
)
from simsoftmax.live.particle import draw_piles

X, Y = [0.0, 1.0, 2.0, 3.0], [0, 0, 1, 1]
Z = np.array([[2.0, 0.0], [1.0, 0.5], [0.0, 1.0], [0.3, 0.0], [0.0, 2.0], [1.0, 0.0]])
MADE = {
    ParticleExplorer: {"logits": [2.0, 1.0, 0.1], "particles": 100},
    TemperatureExplorer: {"logits": [2.0, 1.0, 0.1]},
    LogPartitionExplorer: {"logits": [2.0, 1.0, 0.1], "temperature": 0.8},
    FreeEnergyExplorer: {"logits": [2.0, 1.0, 0.1], "distribution": [0.2, 0.3, 0.5]},
    GasExplorer: {"particles": 20},
    BanditExplorer: {"values": [0.0, 0.5, 0.2], "length": 50},
    AnnealingExplorer: {"logits": [0.0, 1.0, 0.5, 2.0], "sweeps": 10, "walkers": 10},
    LogOddsExplorer: {"frequencies": [0.2, 0.7]},
    SymmetryExplorer: {"positions": X, "labels": Y, "weights": [1.0, -1.0], "biases": [0.0, 0.5]},
    WeightDecayExplorer: lambda: {
        "decays": [0.0, 1.0],
        "weights": [[1.0, 2.0], [0.5, 1.0]],
        "effective": [1.0, 2.0],
        "calibration": [fit(), fit()],
        "names": ["a", "b"],
    },
    SamplerExplorer: {"sampler": "right"},
    ReaderExplorer: {"answers": [[2, 0.7, 1], [3, 0.5, 0], [5, 0.99, 1]]},
    Instrument: {"instrument": "verify"},
    CalibrationExplorer: {"logits": Z, "labels": [0, 1, 1, 0, 1, 1], "pictures": np.eye(6, 4)},
    DistillationExplorer: {
        "pictures": [[0.0, 0.5, 1.0, 0.2], [0.1, 0.0, 0.0, 1.0], [0.3, 0.0, 0.2, 1.0]],
        "logits": [[2.0, 0.0], [0.0, 1.0], [1.0, 3.0]],
        "labels": [0, 1, 1],
        "means": [[0.0, 0.4, 0.9, 0.1], [0.2, 0.0, 0.1, 1.0]],
    },
    AttentionExplorer: {
        "sentences": ["a red fox", "it runs"],
        "scores": [
            [[-np.inf, 0.5, 1.0], [0.1, -np.inf, 2.0], [0.3, 1.5, -np.inf]],
            [[-np.inf, -np.inf], [-np.inf, 0.5]],
        ],
    },
    ShiftExplorer: {
        "pictures": np.eye(6, 9),
        "labels": [0, 1, 1, 0, 1, 1],
        "network": [np.eye(9, 3), np.zeros(3), np.eye(3, 2), [0.0, 0.1]],
    },
    GenerationExplorer: {"model": fit_language("to be or not to be, that is the question.\n", order=4)},
}


def fit():
    return ss.fit_temperature(Z, [0, 1, 1, 0, 1, 1])


def arguments_of(kind):
    """Return arguments of a figure; fits that it takes are computed now, as each process reads all tests."""
    given = MADE[kind]
    return given() if callable(given) else given


# What people type, measure, or meet in a table; and what a page or a script might send.
EDGES = [
    None, True, "", "warm", "1", b"1", -1, 0, 1, 2.5, 10**400, np.nan, np.inf, -np.inf, -0.0, 1e-300, 1e300, 2**63,
    np.float32(0.5), np.int64(2), np.bool_(True), [], [np.nan], [1.0], [0, 1], [0, 1, 5, 1], [2.0, -np.inf, 0.1],
    [0.2, 0.3, 0.5], [0.2, 0.3, 0.6], [-1.0, 1.0, 1.0], [0.0] * 300, [[1.0, 2.0]], [1.0, [2.0]], ["a", "b"],
    ["50 % of $a_$", "$", "b"], ["a", None, "c"], [object()], range(3), range(0), np.arange(4), np.zeros((2, 2)),
    np.float16([1, 2, 3]), np.array(["a", "b", "c"]), np.array([None, 1]), {}, {"a": 1}, {"decays": []}, object(), 1j,
]  # fmt: skip


def figures():
    """Find all figures by looking."""
    for module in pkgutil.iter_modules(simsoftmax.live.__path__):
        import_module(f"simsoftmax.live.{module.name}")
    todo, found = [LiveFigure], set()
    while todo:
        kind = todo.pop()
        todo += kind.__subclasses__()
        if kind.__module__ != LiveFigure.__module__:  # what they stand on
            found.add(kind)
    return sorted(found, key=lambda kind: kind.__name__)


def is_json(value):
    try:
        json.dumps(value)
    except TypeError:
        return False
    return True


def public(figure, names=None):
    return {name: getattr(figure, name) for name in names or figure._own_traits()}


def test_every_figure_is_tried():
    def names(kinds):  # other tests may have loaded the modules anew
        return {f"{kind.__module__}.{kind.__name__}" for kind in kinds}

    assert names(figures()) == names(MADE)


@pytest.mark.parametrize("kind", MADE, ids=lambda kind: kind.__name__)
def test_edges_of_every_argument_and_trait(kind):
    """A value is taken, and then what stands can be drawn and sent; or it is refused by name and nothing changes."""
    figure = kind(**arguments_of(kind))
    own = figure._own_traits()
    arguments = dict.fromkeys([*own, *arguments_of(kind)])
    taken = refused = 0
    nameless = []
    for name in arguments:
        for value in EDGES:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                try:
                    made = kind(**{**arguments_of(kind), name: value})
                except (TypeError, ValueError, traitlets.TraitError) as error:
                    if not any(known in str(error) for known in arguments):
                        nameless.append((name, value, str(error)))
                    refused += 1
                else:
                    json.dumps(made.get_state(own), allow_nan=False)
                    repr(made)
                    taken += 1
                    made.close()
            if not figure.has_trait(name):
                continue
            for way in (lambda v: setattr(figure, name, v), lambda v: figure.set_state({name: v})):  # noqa: B023
                before = public(figure, own)
                if "set_state" in way.__code__.co_names and not is_json(value):
                    continue
                try:
                    way(value)
                except (TypeError, ValueError, traitlets.TraitError):
                    refused += 1
                    kept = public(figure, own) == before
                    assert kept, (name, value)
                else:
                    json.dumps(figure.get_state(own), allow_nan=False)
                    figure._check()
                    taken += 1
                with figure.hold_trait_notifications():
                    for key, old in before.items():
                        figure.set_trait(key, old)
                assert public(figure, own) == before
    assert nameless == []
    assert taken > 20
    assert refused > 100
    figure.close()


@pytest.mark.parametrize(
    "kind",
    short(MADE, FreeEnergyExplorer, CalibrationExplorer, GenerationExplorer, BanditExplorer),
    ids=lambda kind: kind.__name__,
)
def test_nothing_is_read_out_of_bounds_for_a_picture(kind):
    """Lists that were changed in place, which no trait notices, are refused before a kernel sees them."""
    figure = kind(**arguments_of(kind))
    for name, value in public(figure).items():
        if isinstance(value, list) and name not in ("counts", "results") and value:
            for spoil in (lambda row: row.pop(), lambda row: row.append(row[0])):
                with contextlib.suppress(ValueError, TypeError, KeyError):
                    row = list(value)
                    spoil(getattr(figure, name))
                    figure._pictures()
                    assert name in ("logits", "frequencies", "labels", "distribution", "range", "values", "answers")
                figure._trait_values[name] = row
    figure.close()


@pytest.mark.parametrize(
    ("logits", "temperature"),
    [
        ([2.0, 1.0, 0.1], 0.7),
        ([2.0, -np.inf, 1.9], 1.0),
        ([1.0, 0.0], 0.0),
        ([1.0, 1.0, 1.0], np.inf),
        (np.arange(16), 3),
    ],
)
def test_the_picture_of_particles_is_that_of_their_piles(logits, temperature):
    """A pile is as high as its share, none reaches the level above, and energy is height."""
    figure = Figure()
    p = ss.softmax(logits, temperature)
    draw_piles(figure, p, list(logits), temperature, None)
    (ax,) = figure.axes
    floors, piles = [], []
    for pile in ax.collections:
        y = pile.get_paths()[0].vertices[:, 1]
        floors.append(y.max())
        piles.append(np.ptp(y))
    np.testing.assert_allclose(np.array(piles) / sum(piles), p, atol=1e-12)
    order = np.argsort(-np.asarray(logits, float), kind="stable")  # from the lowest level up
    for low, high in itertools.pairwise(order):
        assert floors[low] - piles[low] > floors[high]
    assert floors[order[-1]] - piles[order[-1]] >= 0
    assert floors[order[0]] <= ax.get_ylim()[0]
    said = {text.get_text() for text in ax.texts}
    assert {f"{100 * share:.1f} %" for share in p} <= said
    assert len(logits) > 3 or {f"softmax {100 * share:.1f} %" for share in p} <= said


def test_the_common_kinds_of_numbers_are_welcome():
    class Column:
        """What the columns of all data frames have in common."""

        def __init__(self, *values):
            self.values = values

        def __array__(self, dtype=None, copy=None):
            return np.array(self.values, dtype=dtype)

        def __iter__(self):
            return iter(self.values)

    for logits in (np.float32([2, 1, 0]), Column(2, 1, 0), range(2, -1, -1), (2, 1, 0)):
        explorer = ParticleExplorer(logits, np.float32(0.5), particles=np.int64(50), names=Column("a", "b", "c"))
        assert (explorer.logits, explorer.temperature, explorer.particles) == ([2.0, 1.0, 0.0], 0.5, 50)
        assert explorer.names == ["a", "b", "c"]
        explorer.names = range(3)
        assert explorer.names == ["0", "1", "2"]
    with pytest.raises(ValueError, match="names must name each of the 3 levels, got 2 names"):
        TemperatureExplorer(names=["a", "b"])
    assert TemperatureExplorer(temperature=-0.0).get_state("temperature") == {"temperature": 0.0}
    assert np.copysign(1, FreeEnergyExplorer(temperature=-0.0).temperature) == 1


def test_names_and_shares_of_other_levels_are_forgotten():
    explorer = FreeEnergyExplorer([2, 1, 0], names=["a", "b", "c"], distribution=[0.2, 0.3, 0.5])
    explorer.set_state({"logits": [1.0, 2.0]})
    assert (explorer.names, explorer.distribution) == ([], [])
    explorer.set_state({"logits": [1.0, 2.0, 3.0], "names": ["x", "y", "z"]})
    assert explorer.names == ["x", "y", "z"]


def test_a_replay_shows_its_run_and_no_other():
    run = ss.simulate([2.0, 1.0, 0.1], 0.5, particles=5000, sweeps=30, record=1, rng=1)
    explorer = ParticleExplorer(run)
    assert explorer.counts == run.counts.tolist()
    assert explorer.particles == 5000
    assert "Turn the heat" not in explorer.caption
    for name, value in [("logits", [1.0, 2.0, 3.0]), ("logits", [1.0, 2.0]), ("temperature", 1.0)]:
        with pytest.raises(ValueError, match=f"{name} must stay as recorded"):
            setattr(explorer, name, value)
        with pytest.raises(traitlets.TraitError, match=f"{name} must stay as recorded"):
            explorer.set_state({name: value})
    assert explorer.logits == [2.0, 1.0, 0.1]


def test_names_are_drawn_letter_by_letter():
    names = ["50 % of $a_$", "$x^", r"$\frac$"]
    for kind in (ParticleExplorer, TemperatureExplorer, FreeEnergyExplorer):
        assert kind([2, 1, 0.1], names=names)._pictures()["svg"].startswith(b"<?xml")
    decay = WeightDecayExplorer(**{**arguments_of(WeightDecayExplorer), "names": names[:2]})
    assert decay._pictures()["pdf"].startswith(b"%PDF")


@pytest.mark.parametrize("kind", short(MADE, ParticleExplorer, CalibrationExplorer), ids=lambda kind: kind.__name__)
def test_a_figure_travels_whole(kind):
    """Into a page that drops defaults, which would drop the program; and into LaTeX, which takes no SVG."""
    import nbformat  # here, as it takes a second of every process
    from nbconvert import LatexExporter

    figure = kind(**arguments_of(kind))
    bundle = figure._repr_mimebundle_()[0]
    assert base64.b64decode(bundle["application/pdf"]).startswith(b"%PDF")
    data = embedded(figure, drop_defaults=True)
    state = data["manager_state"]["state"][data["view_specs"][0]["model_id"]]["state"]
    assert "render" in state["_esm"]
    assert ".ssm" in state["_css"]
    output = nbformat.v4.new_output("display_data", bundle)
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("figure", outputs=[output])])
    notebook.cells[0].execution_count = None
    tex, resources = LatexExporter().from_notebook_node(notebook)
    assert any(name.endswith(".pdf") for name in resources["outputs"])
    assert r"\includegraphics" in tex or r"\adjustimage" in tex
    figure.close()


def test_a_page_holds_its_own_figures_and_no_other():
    other, shown = TemperatureExplorer(), [ParticleExplorer(), TemperatureExplorer()]
    held = embedded(*shown)["manager_state"]["state"]
    figures = [figure.model_id for figure in shown]
    assert [model for model, kept in held.items() if kept["model_module"] == "anywidget"] == figures
    assert len(held) == 2 * len(figures)  # each with its layout
    for figure in (other, *shown):
        figure.close()


def values_of(rule, others):
    """Return values at the ends of what a page takes from its address for a trait, and in between."""
    if "among" in rule:
        return rule["among"]
    if "length" not in rule:
        return [rule["from"], rule["to"]]
    least, most = [len(others[rule["as_long_as"]])] * 2 if "as_long_as" in rule else rule["length"]
    if "sum" in rule:
        return [[1] + [0] * (least - 1), [1 / least] * least]
    rows = [[end] * size for end in (rule["from"], rule["to"]) for size in (least, most)]
    return rows + [[rule["to"], "-inf"]] * rule.get("forbidden", False) + [[]] * rule.get("empty", False)


@pytest.mark.parametrize("kind", MADE, ids=lambda kind: kind.__name__)
def test_python_takes_whatever_a_page_takes_from_its_address(kind):
    figure = kind(**arguments_of(kind))
    first = figure.get_state()
    for name, rule in first["_kept"].items():
        for value in values_of(rule, first):
            figure.set_state({name: value})
            # Which word looks depends on the sentence; the page then has another look.
            assert figure.get_state()[name] == value or name == "word", (name, value)
        figure.set_state({name: first[name]})


def test_a_replay_takes_nothing_from_an_address():
    run = ss.simulate([2.0, 1.0, 0.1], particles=100, sweeps=5, record=1, rng=1)
    assert ParticleExplorer(run).get_state()["_kept"] == {}


def test_what_words_of_the_book_set_is_kept_in_the_address():
    """But for names, which anybody could make say anything, and for what should run when a page is opened."""
    texts = [path.read_text(encoding="utf-8") for path in (ROOT / "book").glob("*.md")]
    links = [link for text in texts for link in re.findall(r"\{live\}`[^`]*<([^<>`]*)>`", text)]
    named = {part.partition("=")[0].split(":")[-1].strip() for link in links for part in link.split(";") if "=" in part}
    kept = {name for kind in MADE for name in kind(**arguments_of(kind)).get_state()["_kept"]}
    assert len(named) > 10
    assert named <= kept | {"names", "running"}
