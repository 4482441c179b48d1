"""What figures share stands in one place: colours, the range of heat, limits, and what is written on buttons."""

import importlib
import re
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from matplotlib import rc_params_from_file
from matplotlib.colors import to_rgb

from simsoftmax import live, look
from simsoftmax.live.base import LiveFigure
from simsoftmax.live.look import script, style_sheet
from simsoftmax.plotting import temperature_color

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "simsoftmax"
SOURCES = PACKAGE / "live" / "src"
FIGURES = [getattr(live, name) for name in live.__all__ if name != "LiveFigure"]
#: Made from the one place, bundled from what was made, or the place itself.
MADE = {
    PACKAGE / "look.py",
    SOURCES / "kit" / "look.js",
    SOURCES / "look.css",
    *(PACKAGE / "live" / "static").iterdir(),
}
#: A style that people use without the package's help says its colours itself.
STYLE = PACKAGE / "simsoftmax.mplstyle"


def written(*suffixes):
    """Return files of the package and of the book's pages that people write, and their texts."""
    for folder in (PACKAGE, ROOT / "book" / "assets", ROOT / "book" / "_ext"):
        for path in sorted(folder.rglob("*")):
            if path.suffix in suffixes and path not in MADE and "__pycache__" not in path.parts:
                yield path, path.read_text(encoding="utf-8")


def chapters():
    """Return the chapters and what they share, and their texts."""
    for path in sorted([*(ROOT / "book").glob("*.md"), *(ROOT / "book").glob("*.py")]):
        yield path, path.read_text(encoding="utf-8")


def hexadecimal(color):
    return "#{:02x}{:02x}{:02x}".format(*color)


def test_scripts_and_style_sheets_have_the_look_of_today():
    assert (SOURCES / "kit" / "look.js").read_text(encoding="utf-8") == script(), "run `make live`"
    assert (SOURCES / "look.css").read_text(encoding="utf-8") == style_sheet(), "run `make live`"


def test_no_colour_is_written_a_second_time():
    heat = [look.COLD, look.MILD, look.HOT]
    spelled = {*map(hexadecimal, heat), *(color.lower() for color in (*look.CATEGORIES, look.FOCUS))}
    triples = [re.compile(r"\b{}\s*,\s*{}\s*,\s*{}\b".format(*color)) for color in heat]
    for path, text in [*written(".py", ".js", ".css"), *chapters()]:
        assert not [color for color in spelled if color in text.lower()], path
        assert not [triple.pattern for triple in triples if triple.search(text)], path


LINEAR = {  # how eyes of a kind mix red, green and blue: G. M. Machado and others (2009), full strength
    "all cones": np.eye(3),
    "no green cones": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]]
    ),
    "no red cones": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
}


def light(colors):
    """Return red, green and blue from 0 to 1 as amounts of light."""
    return np.where(colors <= 0.04045, colors / 12.92, ((colors + 0.055) / 1.055) ** 2.4)


def luminance(colors):
    return light(colors) @ [0.2126, 0.7152, 0.0722]


def oklab(colors, eyes="all cones"):
    """Return lightness and two opponent axes, in which equal steps look equal (B. Ottosson 2020)."""
    cones = np.array([[0.41222, 0.53633, 0.05145], [0.2119, 0.6807, 0.1074], [0.0883, 0.28172, 0.62998]]) @ np.clip(
        LINEAR[eyes] @ light(colors).T, 0, 1
    )
    axes = [[0.21045, 0.79362, -0.00407], [1.978, -2.42859, 0.45059], [0.0259, 0.78277, -0.80868]]
    return (axes @ np.cbrt(cones)).T


def ramp(*temperatures):
    return np.array([temperature_color(t)[:3] for t in temperatures])


def grounds():
    """Return the grounds of pages and figures, light and dark."""
    return colours_named(r"--ssm?-(?:plain-)?ground")


def colours_named(variable):
    """Return what style sheets set variables to: one light and one dark colour at least."""
    found = set()
    for _, text in written(".css"):
        found.update(re.findall(rf"{variable}: (#[0-9a-f]{{3,6}})", text))
    assert len(found) >= 2
    return found


def contrast(colors, ground):
    """Return by how much colours stand out from a ground (WCAG 2.2, contrast ratio)."""
    amount, behind = luminance(colors), luminance(np.array(to_rgb(ground)))
    return (np.maximum(amount, behind) + 0.05) / (np.minimum(amount, behind) + 0.05)


def test_every_heat_stands_out_from_every_ground():
    heats = ramp(*np.geomspace(look.COLDEST, look.HOTTEST, 200))
    for ground in grounds():
        assert contrast(heats, ground).min() >= 3, ground


def test_what_the_keyboard_is_at_stands_out_and_looks_like_nothing_else():
    frame = np.array(to_rgb(look.FOCUS))
    for ground in grounds() | colours_named("--pst-color-surface"):
        assert contrast(frame, ground) >= 3, ground
    others = np.array([*ramp(*np.geomspace(look.COLDEST, look.HOTTEST, 50)), *map(to_rgb, look.CATEGORIES)])
    assert np.linalg.norm(oklab(others) - oklab(frame[None]), axis=1).min() > 0.1


def test_heat_is_vivid_where_the_book_lives():
    assert np.hypot(*oklab(ramp(1.0))[0, 1:]) >= 0.2  # pure red has 0.26


@pytest.mark.parametrize("eyes", LINEAR)
def test_heats_are_told_apart_by_all_eyes(eyes):
    """Neighbouring marks of the thermometer differ by more than twice what is just seen side by side (0.02)."""
    marks = oklab(ramp(look.COLDEST, 0.2, 1.0, 5.0, look.HOTTEST), eyes)
    assert np.linalg.norm(np.diff(marks, axis=0), axis=1).min() > 0.04
    assert min(np.linalg.norm(one - other) for one, other in combinations(marks[::2], 2)) > 0.09


def test_no_end_of_heat_is_written_a_second_time():
    ends = re.compile(rf"\b{look.COLDEST:g}\b.*\b{look.HOTTEST:g}\b")
    for path, text in written(".py", ".js"):
        code = re.sub(r'""".*?"""|//.*', "", text, flags=re.DOTALL if path.suffix == ".py" else 0)
        assert not ends.search(code), path


def test_the_style_has_the_colours_of_categories():
    style = rc_params_from_file(STYLE, use_default_template=False)
    cycle = {f"#{color.lstrip('#').upper()}" for color in style["axes.prop_cycle"].by_key()["color"]}
    assert cycle == {color.upper() for color in look.CATEGORIES}


@pytest.mark.parametrize("figure", FIGURES, ids=lambda figure: figure.__name__)
def test_a_script_writes_on_no_button_what_python_says(figure):
    name = re.sub(r"(?<!^)(?=[A-Z])", "_", figure.__name__).lower()
    text = (SOURCES / "figures" / f"{name.removesuffix('_explorer')}_explorer.js").read_text(encoding="utf-8")
    assert set(re.findall(r'\.words\("(\w+)"\)', text)) == set(figure.buttons)
    assert not [words for words in figure.buttons.values() if f'"{words}"' in text and " " in words]
    assert set(re.findall(r'\.limits\("(\w+)"\)', text)) <= set(figure.limits)


@pytest.mark.parametrize("figure", FIGURES, ids=lambda figure: figure.__name__)
def test_limits_and_buttons_travel_to_the_page(figure):
    blank = figure.__new__(figure)
    LiveFigure.__init__(blank)
    assert blank.traits(sync=True).keys() >= {"_buttons", "_limits"}
    assert (blank._buttons, blank._limits) == (figure.buttons, {key: [*ends] for key, ends in figure.limits.items()})


def test_every_figure_is_in_a_module_named_after_it():
    for figure in FIGURES:
        module = re.sub(r"(?<!^)(?=[A-Z])", "_", figure.__name__.removesuffix("Explorer")).lower()
        assert getattr(importlib.import_module(f"simsoftmax.live.{module}"), figure.__name__) is figure
