"""What holds on every page: each is opened once in a window of each kind, and all that is asked of it asked.

To open a page takes longer than to look at it. So what looks at all pages stands where its subject is, marked by
`look`, and is called here, where each of its pages is a subtest.
"""

import pytest
import test_grid
import test_letters
import test_live_links
import test_pages
import test_small_windows
import test_stops
from visit import BOOK, pages_of_the_book, tour

pytestmark = pytest.mark.browser

# In this order: first what asks for a page that nobody has touched, last what touches its figures.
LOOKS = {
    "wide": [
        test_stops.stops_are_few_and_framed_alike_and_the_note_covers_no_text,
        test_pages.where_there_is_room_formulas_are_no_stops_of_the_tab_key,
        test_grid.the_question_of_a_chapter_is_its_headline,
        test_grid.the_footer_stands_below_the_text_and_links_have_one_colour,
        test_grid.text_has_one_right_edge,
        test_grid.what_follows_a_figure_stands_in_the_middle,
        test_grid.questions_that_are_answered_are_one_row_with_the_code,
        test_grid.a_figure_stays_beside_its_words,
        test_grid.goals_are_folded,
        test_grid.code_goes_on_below_and_on_a_phone_to_the_right,
        test_letters.fields_show_all_that_is_in_them,
        test_small_windows.a_figure_fits_its_window_or_says_that_it_goes_on,
        test_pages.what_changes_in_a_figure_leaves_the_style_of_its_page,
        test_pages.paper_has_dark_letters_whatever_the_screen_has,
        test_grid.no_line_moves_while_a_figure_grows,
        test_live_links.no_word_moves_its_own_line,
    ],
    "phone": [
        test_stops.stops_are_few_and_framed_alike_and_the_note_covers_no_text,
        test_grid.the_question_of_a_chapter_is_its_headline,
        test_letters.fields_show_all_that_is_in_them,
        test_small_windows.a_pinned_figure_is_one_sheet_of_whole_rows,
        test_small_windows.a_pinned_figure_is_one_sheet_on_other_phones,
        test_live_links.no_word_moves_its_own_line,
    ],
    "phone without a network": [
        test_pages.it_was_never_wider_than_its_window,
        test_pages.each_theme_has_its_own_inks,
        test_pages.its_formulas_are_set,
        test_pages.on_paper_pictures_stand_for_figures,
    ],
    "phone without scripts": [
        test_pages.without_scripts_pictures_stand_for_figures,
        test_pages.drawings_fit_a_phone_and_are_legible,
        test_letters.no_table_has_a_word_a_line_on_a_phone,
    ],
}
WINDOWS = {
    "wide": {"every": 1, "viewport": {"width": 1440, "height": 900}, "reduced_motion": "reduce"},
    "phone": {"every": 1, "viewport": {"width": 380, "height": 800}, "reduced_motion": "reduce"},
    "phone without a network": {"every": 1, "viewport": {"width": 380, "height": 800}, "offline": True},
    "phone without scripts": {"viewport": {"width": 380, "height": 800}, "java_script_enabled": False},
}
REMEMBER = "window.folds = [...document.querySelectorAll('details')].map((fold) => [fold, fold.open]); undefined"
RESTORE = "for (const [fold, open] of window.folds ?? []) fold.open = open; scrollTo({ top: 0, behavior: 'instant' })"


@pytest.mark.parametrize("where", LOOKS)
def test_every_page(browser, book, chosen, subtests, where):
    looks, window = LOOKS[where], WINDOWS[where]
    due = {
        path: [look for look in looks if (chosen.all or path.stem in look.few) and holds(path, *look.holding)]
        for path in pages_of_the_book()
    }
    found = {look: [] for look in looks}
    address, script = (BOOK.as_uri(), test_pages.WIDEST) if window.get("offline") else (book, "")
    for path, page in tour(browser, address, [path for path in due if due[path]], script, **window):
        if window.get("java_script_enabled", True):
            page.wait_for_function(test_stops.STANDS)
            page.evaluate(test_grid.DRAWN)
        page.evaluate(REMEMBER)
        for look in due[path]:
            with subtests.test(look.__name__, page=path.stem):
                found[look] += look(page, path)
            if page.viewport_size != window["viewport"]:
                page.set_viewport_size(window["viewport"])
            if page.evaluate("matchMedia('print').matches"):
                page.emulate_media(media="screen")
            page.evaluate(RESTORE)
    for look in {look for asked in due.values() for look in asked}:
        assert look.together(found[look]), look.__name__


def holds(path, *parts):
    text = (BOOK / path).read_text(encoding="utf-8")
    return all(part in text for part in parts)
