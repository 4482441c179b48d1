"""The pages of the built book in a real browser, with every other host out of reach."""

import pytest
from playwright.sync_api import TimeoutError
from visit import ALL_WIDGETS_STAND, BOOK, VIEWS, Visit, check_access, pages_of_the_book

pytestmark = pytest.mark.browser


def test_every_page_of_the_book(browser, book, chosen):
    """No complaint, no request to another host, nothing that a screen reader or a small screen cannot show."""
    troubles = []
    for path in chosen(pages_of_the_book()):
        try:
            # With reduced motion the theme's colours change at once.
            with Visit(browser, **VIEWS["light"], reduced_motion="reduce") as visit:
                visit.page.goto(f"{book}/{path}")
                visit.page.wait_for_function(ALL_WIDGETS_STAND)
                check_access(visit.page)
                visit.page.emulate_media(color_scheme="dark")
                visit.page.wait_for_function("document.documentElement.dataset.theme === 'dark'")
                check_access(visit.page, "color-contrast")  # nothing else has changed
                visit.page.set_viewport_size(VIEWS["narrow"]["viewport"])
                visit.page.wait_for_function("document.documentElement.scrollWidth <= 380")
        except (AssertionError, TimeoutError) as trouble:
            troubles.append(f"{path}: {trouble}")
    assert not troubles, "\n".join(troubles)


def test_every_page_of_the_book_from_the_file_system(browser, book, chosen):
    for path in chosen(pages_of_the_book()):
        with Visit(browser) as visit:
            visit.page.goto((BOOK / path).as_uri())
            visit.page.wait_for_function(ALL_WIDGETS_STAND)


def test_paper_shows_pictures(browser, book, chosen):
    pages = [path for path in BOOK.rglob("*.html") if "live-picture" in path.read_text(encoding="utf-8")]
    assert len(pages) > 10
    for path in sorted(chosen(pages)):
        with Visit(browser) as visit:
            visit.open(path.as_uri())
            pictures = visit.page.locator(".live-picture")
            assert not pictures.first.is_visible()
            visit.page.emulate_media(media="print")
            assert pictures.first.is_visible()
            assert not visit.page.locator(".ssm").first.is_visible()
        with Visit(browser, java_script_enabled=False) as visit:
            visit.page.goto(path.as_uri())
            assert visit.page.locator(".live-picture").first.is_visible()
