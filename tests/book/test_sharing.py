"""What a page says of itself where it is linked to."""

import pytest
from building import extension
from docutils import nodes
from docutils.utils import new_document
from matplotlib.image import imread


@pytest.fixture(scope="module")
def sharing():
    """Return the book's Sphinx extension as a module."""
    return extension("sharing")


def page(*paragraphs):
    document = new_document("page")
    document.extend(nodes.paragraph(text=text) for text in paragraphs)
    return document


def test_a_description_is_the_first_paragraph_that_says_something(sharing):
    said = "Machine learning turns scores into probabilities,\n and tunes it with a number."
    assert sharing.description(page("Short.", said, "Another paragraph that is long enough to be one.")) == (
        "Machine learning turns scores into probabilities, and tunes it with a number."
    )
    assert sharing.description(page("Short.")) == ""
    long = sharing.description(page("word " * 100))
    assert len(long) <= 200
    assert long.endswith("word …")


def test_the_picture_has_the_size_that_is_asked_for(sharing, tmp_path):
    sharing.draw(tmp_path / "share.png")
    picture = imread(tmp_path / "share.png")
    assert picture.shape[:2] == (630, 1200)
    assert picture[:, :, :3].std() > 0.1


def test_every_page_has_a_description_of_its_own(html):
    found = {}
    for path in (html / "book").glob("*.html"):
        text = path.read_text(encoding="utf-8")
        found[path.stem] = text.partition('<meta name="description" content="')[2].partition('"')[0]
        assert "og:image" not in text, path  # which needs an address
    assert all(len(text) >= 40 for text in found.values()), found
    assert len(set(found.values())) == len(found)
