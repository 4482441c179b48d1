"""What figures share stands in one place: colours, the range of heat, limits, and what is written on buttons."""

import importlib
import re
from pathlib import Path

import pytest
from matplotlib import rc_params_from_file

from simsoftmax import live, look
from simsoftmax.live.base import LiveFigure
from simsoftmax.live.look import script, style_sheet

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
    spelled = {*map(hexadecimal, heat), *(color.lower() for color in look.CATEGORIES)}
    triples = [re.compile(r"\b{}\s*,\s*{}\s*,\s*{}\b".format(*color)) for color in heat]
    for path, text in [*written(".py", ".js", ".css"), *chapters()]:
        assert not [color for color in spelled if color in text.lower()], path
        assert not [triple.pattern for triple in triples if triple.search(text)], path


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
    text = (SOURCES / "figures" / f"{name}.js").read_text(encoding="utf-8")
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
