"""The attention explorer: its kernel against softmax, in a page against native, and the figure in a browser."""

import numpy as np
import pytest
import traitlets
from hypothesis import given
from hypothesis import strategies as st
from short import short
from visit import ARTEFACTS, BROKEN, SMALLEST_TEXT, VIEWS, Visit, check_access, figure, number, out, write_page

import simsoftmax as ss
from simsoftmax.disorder import participation_ratio
from simsoftmax.kernels.page.attention import attend
from simsoftmax.live import AttentionExplorer

OUT = -np.inf
SENTENCES = ["the quick fox sees the hen", "a hen runs"]
LONG = "a misunderstanding that has been seen by a fox had better run away"
SCORES = [
    [
        [OUT, OUT, OUT, OUT, OUT, OUT],
        [OUT, OUT, 2.0, 0.5, OUT, 0.1],
        [OUT, 1.7, OUT, 1.2, OUT, 1.9],
        [OUT, 0.2, 1.1, OUT, OUT, 1.0],
        [OUT, OUT, OUT, OUT, OUT, OUT],
        [OUT, -0.5, 2.2, 0.8, OUT, OUT],
    ],
    [[OUT, OUT, OUT], [OUT, OUT, 1.0], [OUT, 0.5, OUT]],
]
rows = st.lists(st.one_of(st.floats(-50, 50), st.just(OUT)), min_size=1, max_size=9).filter(lambda z: max(z) > OUT)
temperatures = st.one_of(st.floats(0.02, 50), st.sampled_from([0.0, np.inf]))


def attended(scores, others, temperature):
    row, exponents, shares = np.empty((3, len(scores) + 1))
    state = np.empty(2)
    row[:-1] = scores
    attend(row, float(others), temperature, exponents, shares, state)
    return shares, *state


@given(rows, st.integers(0, 40), temperatures)
def test_a_crowd_counted_as_one_is_softmax_over_all(scores, others, temperature):
    shares, entropy, meeting = attended(scores, others, temperature)
    z = np.append(scores, np.zeros(others))
    p = ss.softmax(z, temperature)
    expected = np.append(p[: len(scores)], p[len(scores) :].sum())
    np.testing.assert_allclose(shares, expected, rtol=1e-12, atol=1e-300)
    assert entropy == pytest.approx(ss.entropy(z, temperature), rel=1e-12, abs=1e-12)
    assert meeting == pytest.approx(participation_ratio(z, temperature), rel=1e-12)


def test_a_million_further_words_are_balanced_by_a_lead():
    lead = 3.0
    shares, *_ = attended([lead, OUT], 10**6, lead / np.log(10**6))
    np.testing.assert_allclose(shares, [0.5, 0, 0.5], rtol=1e-12)


def test_the_figure_knows_where_its_words_look():
    explorer = AttentionExplorer(SENTENCES, SCORES, temperature=0.5, others=10)
    assert explorer.word == 1
    attention = explorer.attention()
    assert np.isnan(attention[[0, 4]]).all()
    row = np.append(SCORES[0][2], np.zeros(10))
    np.testing.assert_allclose(attention[2], ss.softmax(row, 0.5)[:6], rtol=1e-12)
    assert "'quick' looking" in repr(explorer)
    explorer.sentence = 1
    assert explorer.word == 1
    np.testing.assert_array_equal(explorer.table(1), SCORES[1])
    assert b"svg" in explorer._pictures()["svg"]


@pytest.mark.parametrize(
    ("made", "message"),
    [
        ({"sentences": ["one"], "scores": [[[0.0]]]}, "sentences must be one or more of 2 to 16 words"),
        ({"sentences": ["one two"], "scores": [[[0.0]]]}, r"scores must have shape \(2, 2\) for 'one two'"),
        ({"sentences": ["one two"], "scores": []}, "scores must be one table for each of the 1 sentences"),
        ({"sentences": ["one two"], "scores": [[[OUT, OUT], [OUT, OUT]]]}, "scores must be finite or -inf, and some"),
        (
            {"sentences": SENTENCES, "scores": SCORES, "word": 0},
            "word must be one that takes part, of 1, 2, 3, 5, got 0",
        ),
        # Which of the two is looked at first is not said.
        (
            {"sentences": SENTENCES, "scores": SCORES, "sentence": 2},
            "sentence must be from 0 to 1 |sentences must reach the one that is shown, 2",
        ),
        ({"sentences": SENTENCES, "scores": SCORES, "others": 10**7}, "others must be from 0 to 1e"),
        ({"sentences": SENTENCES, "scores": SCORES, "temperature": -1}, "temperature must be >= 0, got -1.0"),
    ],
)
def test_what_cannot_be_shown_is_refused(made, message):
    with pytest.raises(ValueError, match=message):
        AttentionExplorer(**made)


def test_a_word_of_another_sentence_is_refused():
    explorer = AttentionExplorer(SENTENCES, SCORES, sentence=1)
    with pytest.raises(traitlets.TraitError, match="word must be one that takes part, of 1, 2, got 5"):
        explorer.set_state({"word": 5})
    assert explorer.word == 1


def test_a_page_attends_as_python_does(page):
    scores = [2.0, OUT, -0.5, 0.7]
    settings = [(others, temperature) for others in (0, 1000) for temperature in (0.0, 0.3, 1.0, np.inf)]
    calls = [
        ("attend", [np.array([*scores, 0.0]), others, temperature, np.zeros(5), np.zeros(5), np.zeros(2)])
        for others, temperature in settings
    ]
    for (_, left), setting in zip(page.call(calls), settings, strict=True):
        shares, *state = attended(scores, *setting)
        np.testing.assert_allclose(left[4], shares, rtol=1e-13)
        np.testing.assert_allclose(left[5], state, rtol=1e-13, atol=1e-15)


@pytest.fixture(scope="module")
def attention_page(site):
    words = len(LONG.split())
    scores = np.where(np.eye(words), OUT, np.linspace(-2, 3, words))
    explorer = AttentionExplorer([*SENTENCES, LONG], [*SCORES, scores])
    return site / write_page(site, "attention.html", explorer)


def under_words(root):
    """Return what stands under each word that takes part, as shares; nothing under the one that looks."""
    told = [node.text_content() for node in root.locator(".ssm-part-of").all()]
    return [None if text == "looks" else number(text.split()[0]) / 100 for text in told]


def expected(word, temperature, others=0, sentence=0):
    explorer = AttentionExplorer(SENTENCES, SCORES, sentence, temperature=temperature, others=others)
    row = explorer.attention()[word]
    return [None if k == word else row[k] for k in explorer._lookers()]


def agree(root, wanted):
    for seen, share in zip(under_words(root), wanted, strict=True):
        assert (seen is None) == (share is None)
        assert seen is None or seen == pytest.approx(share, abs=0.0051)


@pytest.mark.browser
def test_words_light_up_as_softmax_says(browser, attention_page):
    with Visit(browser, viewport={"width": 1000, "height": 900}) as visit:
        visit.open(attention_page.as_uri())
        root = figure(visit, 0)
        agree(root, expected(1, 1.0))
        root.get_by_role("button", name="fox").click()
        agree(root, expected(2, 1.0))
        assert root.get_by_role("button", name="fox").get_attribute("aria-pressed") == "true"
        visit.page.keyboard.press("ArrowRight")
        agree(root, expected(3, 1.0))
        root.locator(".ssm-thermometer .ssm-knob").focus()
        visit.page.keyboard.press("Home")
        agree(root, expected(3, 0.0))
        assert out(root, "verdict").startswith("“sees” gives all of its glances to “fox”.")
        visit.page.keyboard.press("End")
        agree(root, expected(3, np.inf))
        entropy = ss.entropy([0.0, 0.0, 0.0])
        assert number(out(root, "entropy")) == pytest.approx(entropy, abs=0.0051)


@pytest.mark.browser
def test_a_longer_context_takes_the_light_and_another_sentence_comes(browser, attention_page):
    with Visit(browser, viewport={"width": 1000, "height": 900}) as visit:
        visit.open(attention_page.as_uri())
        root = figure(visit, 0)
        crowd = root.get_by_label("further words")
        crowd.focus()
        for _ in range(7):
            visit.page.keyboard.press("ArrowRight")
        assert out(root, "others") == "1,000"
        agree(root, expected(1, 1.0, 1000))
        lost = 1 - sum(share for share in expected(1, 1.0, 1000) if share is not None)
        assert number(out(root, "crowd").split()[0]) / 100 == pytest.approx(lost, abs=0.0006)
        root.get_by_label("sentence").select_option("1")
        agree(root, expected(1, 1.0, 1000, sentence=1))


@pytest.mark.browser
def test_a_row_of_the_table_can_be_chosen_by_finger(browser, attention_page):
    with Visit(browser, viewport={"width": 380, "height": 800}, has_touch=True, is_mobile=True) as visit:
        visit.open(attention_page.as_uri())
        root = figure(visit, 0)
        table = root.locator(".ssm-heat-map")
        table.scroll_into_view_if_needed()
        place = table.locator("text", has_text="hen").first.bounding_box()
        visit.page.touchscreen.tap(place["x"] + place["width"] / 2, place["y"] + place["height"] / 2)
        agree(root, expected(5, 1.0))


@pytest.mark.browser
@pytest.mark.parametrize("view", short(VIEWS, "narrow-dark"))
def test_everybody_can_read_it(browser, attention_page, view):
    with Visit(browser, **VIEWS[view]) as visit:
        visit.open(attention_page.as_uri())
        ARTEFACTS.mkdir(exist_ok=True)
        figure(visit, 0).get_by_label("sentence").select_option("2")
        figure(visit, 0).screenshot(path=ARTEFACTS / f"attention-{view}.png")
        assert visit.page.evaluate("document.documentElement.scrollWidth") <= VIEWS[view]["viewport"]["width"]
        assert visit.page.evaluate(SMALLEST_TEXT) >= 11
        assert visit.page.evaluate(BROKEN) == []
        table = figure(visit, 0).locator(".ssm-heat-map").bounding_box()
        for name in figure(visit, 0).locator(".ssm-heat-map text").all():
            box = name.bounding_box()
            assert table["x"] <= box["x"] + 1
            assert box["y"] + box["height"] <= table["y"] + table["height"] + 1
        check_access(visit.page)
