"""How the book sets numbers in tables, and the fonts that it ships."""

from pathlib import Path

from building import extension
from docutils import nodes
from docutils.utils import new_document

ROOT = Path(__file__).parents[2]


def test_fonts_have_their_licence_and_stay_small():
    fonts = ROOT / "book" / "assets" / "fonts"
    assert sum(path.stat().st_size for path in fonts.glob("*.woff2")) < 150_000
    licence = (fonts / "OFL.txt").read_text(encoding="utf-8")
    assert "SIL OPEN FONT LICENSE Version 1.1" in licence
    assert "Reserved Font Name" in licence


def table(rows):
    """Return a page with a table, and the body of the table."""
    group = nodes.tgroup(cols=3)
    body = nodes.tbody()
    for row in rows:
        line = nodes.row()
        for text in row:
            line += nodes.entry("", nodes.paragraph(text=text))
        body += line
    group += body
    page = new_document("table")
    page += nodes.table("", group)
    return page, body


def test_columns_of_numbers_stand_at_their_points():
    page, body = table(
        [["a", "1,200", "12\N{NO-BREAK SPACE}%"], ["b", "3.25", "3\N{NO-BREAK SPACE}%"], ["c", "−0.5", "–"]]
    )
    extension("typography").align_numbers(None, page)
    cells = [[cell.astext() for cell in row.children] for row in body.children]
    assert [row[1] for row in cells] == ["1,200\u2008\u2007\u2007", "3.25", "−0.5\u2007"]
    assert [row[2] for row in cells] == ["12\N{NO-BREAK SPACE}%", "3\N{NO-BREAK SPACE}%", "–"]
    assert [["number" in cell["classes"] for cell in row.children] for row in body.children] == [
        [False, True, True]
    ] * 3


def test_columns_of_words_are_known():
    page, body = table([["1", "a word", "a"], ["2", "a few words of text", "one sentence that breaks into lines"]])
    extension("typography").widen_words(None, page)
    assert [[cell["classes"] for cell in row.children] for row in body.children] == [[[], [], ["many-words"]]] * 2
    page, body = table([["a level more or less"]])
    extension("typography").widen_words(None, page)
    assert body.children[0].children[0]["classes"] == ["words"]
