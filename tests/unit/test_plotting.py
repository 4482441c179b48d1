"""The figures: what is drawn is what was measured, theory is theory, and both themes can read it."""

from dataclasses import dataclass

import matplotlib

matplotlib.use("agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_rgb

import simsoftmax as ss
from simsoftmax import boltzmann, plotting
from simsoftmax.plotting import number, plot_occupancy, plot_temperature_sweep, plot_trajectory, temperature_color
from simsoftmax.verdict.samplers import EDGES

Z = [2.0, 1.0, 0.1]


@dataclass
class Recorded:
    """As much of a trajectory as a plot needs."""

    logits: np.ndarray
    temperature: float
    counts: np.ndarray
    occupancies: np.ndarray
    energy: np.ndarray
    record: int


@pytest.fixture(autouse=True)
def _close():
    yield
    plt.close("all")


@pytest.fixture
def recorded():
    shares = np.array([[1, 0, 0], [0.8, 0.15, 0.05], [0.7, 0.2, 0.1], [0.66, 0.24, 0.1]])
    return Recorded(np.array(Z), 0.7, np.array([66, 24, 10]), shares, shares @ -np.array(Z), 2)


def luminance(color):
    r, g, b = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(color))
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def contrast(one, two):
    low, high = sorted((luminance(one), luminance(two)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("ground", ["#ffffff", "#14171b"])
def test_inks_read_on_both_grounds(ground):
    for ink in plotting.INKS.values():
        assert contrast(ink, ground) > 4
    for t in np.geomspace(0.01, 100, 41):
        assert contrast(temperature_color(t)[:3], ground) > 2.7


def test_inks_can_be_told_apart():
    assert len({ink.lower() for ink in plotting.INKS.values()}) == len(plotting.INKS)


def test_temperature_is_a_colour():
    assert np.allclose(np.array(temperature_color(0)[:3]) * 255, (16, 120, 240), atol=0.5)
    assert np.allclose(np.array(temperature_color(1)[:3]) * 255, (172, 54, 178), atol=1.5)
    assert np.allclose(np.array(temperature_color(np.inf)[:3]) * 255, (226, 108, 0), atol=0.5)


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [(-1.71234, 0.004, "−1.712"), (0.65912, 0.03, "0.66"), (1234.5, 20, "1234"), (0.1, None, "0.1"), (2, 0, "2")],
)
def test_numbers_have_the_digits_that_their_error_justifies(value, error, text):
    assert number(value, error) == text


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_occupancy_shows_shares_and_theory(temperature):
    counts = [610, 250, 140]
    ax = plot_occupancy(counts, Z, temperature)
    widths = [bar.get_width() for bar in ax.patches]
    assert np.allclose(widths, np.array(counts) / 1000)
    ticks = [path.vertices[0, 0] for path in ax.collections[0].get_paths()]
    assert np.allclose(ticks, boltzmann.softmax(Z, temperature))


def test_low_energy_is_down():
    ax = plot_occupancy([1, 2, 7], [0.1, 1.0, 2.0], names=["a", "b", "c"])
    assert [text.get_text() for text in ax.get_yticklabels()] == ["c", "b", "a"]
    assert np.all(np.diff(ax.get_yticks()) > 0)


def test_whiskers_are_two_standard_errors():
    ax = plot_occupancy([60, 40], [0.0, 0.0], 2.0)
    segments = next(c for c in ax.collections if len(c.get_paths()) == 2 and c is not ax.collections[0])
    low, high = segments.get_paths()[0].vertices[:, 0]
    assert np.isclose(high - low, 4 * np.sqrt(0.25 / 100))


def test_occupancy_takes_a_trajectory_many_levels_and_forbidden_ones(recorded):
    assert plot_occupancy(recorded).get_xlabel() == "share of 100 particles"
    plot_occupancy(np.ones(200, dtype=int), np.linspace(0, 1, 200))
    plot_occupancy([5, 0], [1.0, -np.inf], 0.0)


def test_arrays_are_as_good_as_lists():
    names = np.array(["low", "middle", "high"])
    ax = plot_occupancy(np.array([5, 2, 1]), np.array([2.0, 1.0, 0.1]), 0.7, names=names)
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["low", "middle", "high"]
    dots = np.array([[0.5, 2.0], [0.4, 0.9], [0.01, 0.02]])
    listed = plot_temperature_sweep([2.0, 1.0, 0.1], "entropy", measured=tuple(dots))
    given = plot_temperature_sweep([2.0, 1.0, 0.1], "entropy", measured=dots)
    for one, other in zip(given.collections, listed.collections, strict=True):
        np.testing.assert_array_equal(one.get_offsets(), other.get_offsets())
    plt.close("all")


def test_what_is_no_axes_is_refused(recorded):
    for wrong in (3, "left", plt.figure()):
        with pytest.raises(TypeError, match="ax must be a matplotlib Axes"):
            plot_occupancy(recorded, ax=wrong)
    plt.close("all")


def test_an_axes_given_is_the_axes_returned(recorded):
    _, ax = plt.subplots()
    for draw in (
        lambda: plot_occupancy([1, 1], [0, 0], ax=ax),
        lambda: plot_trajectory(recorded, ax=ax),
        lambda: plot_temperature_sweep(Z, ax=ax),
    ):
        assert draw() is ax


@pytest.mark.parametrize("quantity", ["occupancies", "energy"])
def test_trajectory_ends_where_it_ended(recorded, quantity):
    ax = plot_trajectory(recorded, quantity=quantity)
    curves = [line for line in ax.lines if len(line.get_xdata()) == 4]
    assert curves
    assert all(list(line.get_xdata()) == [2, 4, 6, 8] for line in curves)
    exact = [line.get_ydata()[0] for line in ax.lines if len(line.get_xdata()) == 2]
    wanted = boltzmann.softmax(Z, 0.7) if quantity == "occupancies" else [boltzmann.mean_energy(Z, 0.7)]
    assert np.allclose(exact, wanted)


@pytest.mark.parametrize("quantity", ["entropy", "heat_capacity", "mean_energy", "free_energy"])
def test_temperature_sweep_draws_the_exact_curve(quantity):
    t = np.array([0.3, 1.0, 4.0])
    ax = plot_temperature_sweep(Z, quantity, temperatures=t, measured=(t, t, 0.1 * t))
    assert np.allclose(ax.lines[0].get_ydata(), getattr(boltzmann, quantity)(Z, t))


def test_temperature_sweep_draws_a_curve_for_each_level():
    assert len(plot_temperature_sweep([0.0, 1.0, -np.inf, 3.0]).lines) == 4


@pytest.mark.parametrize("logits", [Z, [1.0, 0.0], [0.0, 3.0, 1.5]])
def test_no_curve_crosses_the_name_of_another(logits):
    ax = plot_temperature_sweep(logits)
    ax.figure.canvas.draw()
    assert len(ax.texts) == len(logits)
    for name in ax.texts:
        box = name.get_window_extent()
        for line in ax.lines:
            assert box.count_contains(ax.transData.transform(line.get_xydata())) == 0, name.get_text()


def test_the_shares_of_a_figure_have_the_same_digits():
    ax = plot_occupancy([86_400, 11_700, 1_900], Z, 0.5)
    assert {len(text.get_text()) for text in ax.texts} == {5}


def test_wrong_arguments_are_named(recorded):
    with pytest.raises(TypeError, match="logits must be given"):
        plot_occupancy([1, 2])
    with pytest.raises(ValueError, match="names must name each of the 3"):
        plot_occupancy([1, 2, 3], Z, names=["a"])
    with pytest.raises(TypeError, match="names must be a row of names, got 'abc'"):
        plot_occupancy([1, 2, 3], Z, names="abc")
    with pytest.raises(TypeError, match="names must be text, got None"):
        plot_occupancy([1, 2, 3], Z, names=["a", None, "c"])
    with pytest.raises(ValueError, match="temperatures must be two or more, finite and above 0"):
        plot_temperature_sweep(Z, temperatures=[0, 1])
    with pytest.raises(ValueError, match="quantity must be one of"):
        plot_temperature_sweep(Z, "colour")
    recorded.occupancies = None
    with pytest.raises(ValueError, match="simulate with record=1"):
        plot_trajectory(recorded)


def test_the_same_figure_is_the_same_file(tmp_path):
    for name in ("a.svg", "b.svg"):
        ax = plot_temperature_sweep(Z)
        with plt.style.context(plotting.STYLE):
            ax.figure.savefig(tmp_path / name, metadata={"Date": None})
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()


def test_draws_are_shown_by_their_rank_mass(rng):
    logits = rng.normal(0.0, 2.0, (4000, 60))
    for draws, tail in ((ss.sample(logits, 0.7, rng=1), 1.0), (ss.sample(logits, 0.7, top_p=0.98, rng=1), 0.0)):
        verdict = ss.verify_draws(draws, logits, 0.7)
        ax = ss.plot_draws(verdict)
        bars = [bar.get_height() for bar in ax.patches]
        widths = np.diff([0.0, *EDGES, 1.0])
        assert bars == pytest.approx(np.array(verdict.rank_counts) / (4000 * widths))
        assert sum(bars[:4]) / 4 == pytest.approx(tail, abs=0.6)
        plt.close(ax.figure)
    with pytest.raises(TypeError, match="verdict must be a DrawsVerdict, got list; verify_draws returns one"):
        ss.plot_draws([1])
