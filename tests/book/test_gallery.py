"""The gallery shows every live figure, with a line that makes it; a saved figure lives without Python and network."""

import sys
from pathlib import Path

import pytest
from short import short
from visit import check_access

from simsoftmax import live

sys.path.insert(0, str(Path(__file__).parents[2] / "book"))

import gallery


def test_every_figure_is_shown_with_what_it_takes():
    assert set(gallery.FIGURES) == set(live.__all__) - {"LiveFigure"}
    page = (Path(__file__).parents[2] / "book" / "gallery.md").read_text(encoding="utf-8")
    for name in gallery.FIGURES:
        assert f'exhibit("{name}")' in page
        traits = gallery.traits_of(name)
        assert ("title, caption", "str, optional") in [found[:2] for found in traits]
        assert all(meaning for _, _, meaning in traits)


@pytest.mark.browser
@pytest.mark.parametrize("name", short(gallery.FIGURES, "TemperatureExplorer"))
def test_a_saved_figure_lives_wherever_it_is_opened(browser, tmp_path, name):
    figure = gallery.make(name)
    figure.title = 'A </script> and an <img alt="x"> in its name'
    figure.save(tmp_path / "figure.html")
    figure.close()
    complaints, asked = [], []
    context = browser.new_context(offline=True)
    tab = context.new_page()
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    tab.on("request", lambda request: asked.append(request.url))
    tab.goto((tmp_path / "figure.html").as_uri())
    tab.wait_for_selector("[data-live='alive']")
    assert tab.locator(".ssm-title").inner_text() == figure.title
    assert tab.locator("main img").is_hidden()
    check_access(tab)
    assert complaints == []
    assert all(address.startswith(("file:", "blob:", "data:")) for address in asked)
    tab.close()
    # Without scripts the picture stands for it.
    still = browser.new_context(java_script_enabled=False, offline=True)
    tab = still.new_page()
    tab.goto((tmp_path / "figure.html").as_uri())
    assert tab.locator("main img").is_visible()
    assert len(tab.locator("main img").get_attribute("alt")) > 20
    still.close()
    context.close()


@pytest.mark.parametrize("path", ["figure.txt", 5, "no/such/folder/figure.html"])
def test_a_place_where_it_cannot_be_saved_is_refused(tmp_path, monkeypatch, path):
    monkeypatch.chdir(tmp_path)
    figure = live.TemperatureExplorer()
    with pytest.raises((TypeError, ValueError, OSError), match=r"path|figure\.html"):
        figure.save(path)
    figure.close()
    assert list(tmp_path.iterdir()) == []
