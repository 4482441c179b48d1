"""Questions in a page: answered by keys, mouse and touch, and kept in this browser alone, whatever it does to them.

The pages here hold what the directive writes, and the script and style sheet of the book. One test goes through the
built book.
"""

import contextlib
import html as escaping
import json
import re
import shutil

import pytest
from building import ROOT, extension
from docutils import nodes
from short import short
from visit import ARTEFACTS, VIEWS, Visit, check_access, serve

from simsoftmax.live import ReaderExplorer

KEY = "simsoftmax.answer."
TIE = """Two levels tie. How is it in the cold?

- [ ] One takes all.
- [x] Half each.
- [ ] Nobody knows.

They are alike."""
SHARE = "Which share is there?\n\n- [0 to 100 %, within 5]\n\nSo it is."
PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Questions</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">
<link rel="stylesheet" href="book.css"><link rel="stylesheet" href="questions.css">
<style>body {{ font-family: system-ui, sans-serif; margin: 16px; background: var(--ss-ground); color: var(--ss-ink) }}
</style></head><body><main class="bd-article"><h1>Questions</h1>{body}
<p id="answer-tie">Here. <span class="predict-yours" data-question="tie"></span></p></main>
<script defer src="questions.js"></script></body></html>"""


class Translator:
    """Takes what the directive writes."""

    def __init__(self):
        self.body = []


def written(questions, id, markdown, computed, version=1):
    """Return a question as it stands in a page, its prose in paragraphs."""
    found = questions.read(markdown)
    facts = {
        "id": id,
        "version": version,
        "chapter": "page",
        "alternatives": found.alternatives,
        "answer": computed,
        "scale": found.scale,
        "unit": found.unit,
    }

    def part(kind, inner):
        begin, end = questions.TAGS[kind]
        return begin + inner + end

    def prose(text):
        return f"<p>{escaping.escape(text)}</p>"

    choices = part("choices", "".join(part("choice", prose(choice)) for choice in found.choices))
    answer = part("given", prose(questions.judged(id, found, computed))) + part("why", prose(found.why))
    asked = choices if found.choices else part("scale", prose(questions.scale_in_words(found)))
    translator = Translator()
    questions.visit(translator, {"facts": facts, "ids": [f"predict-{id}"]})
    translator.body += [part("question", prose(found.text)), asked, part("answer", answer)]
    questions.depart(translator, None)
    return "".join(translator.body)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a folder with two pages of questions and one of answers."""
    questions = extension("questions")
    folder = tmp_path_factory.mktemp("questions")
    shutil.copytree(ROOT / "book" / "assets", folder, dirs_exist_ok=True)  # the style sheets bring fonts
    both = written(questions, "tie", TIE, 1) + written(questions, "share", SHARE, 76.4)
    (folder / "page.html").write_text(PAGE.format(body=both))
    (folder / "changed.html").write_text(PAGE.format(body=written(questions, "tie", TIE, 1, version=2)))
    translator = Translator()
    chapters = [{"title": "A page", "address": "page.html", "questions": {"tie": 1, "share": 1}}]
    with contextlib.suppress(nodes.SkipNode):
        questions.visit_answers(translator, {"chapters": chapters})
    (folder / "all.html").write_text(PAGE.format(body="".join(translator.body)))
    return folder


@pytest.fixture(scope="module")
def served(folder):
    """Return the address at which those pages are given out.

    To a page from the file system Chromium gives, once in many and on a busy machine, a store of its own.
    """
    with serve(folder) as address:
        yield address


def kept(visit):
    """Return what the browser keeps, by question."""
    entries = visit.page.evaluate("Object.entries(localStorage)")
    return {key.removeprefix(KEY): json.loads(text) for key, text in entries if key.startswith(KEY)}


def question(visit, id):
    return visit.page.locator(f"#predict-{id}")


def answer_by_keys(visit, id, moves=0, steps=50):
    """Answer with the keyboard alone, from the beginning of the page."""
    page, place = visit.page, question(visit, id)
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("(id) => document.activeElement.closest('.predict')?.id === id", f"predict-{id}"):
            break
    if place.locator("input[type=radio]").count():
        page.keyboard.press("Space")
        for _ in range(moves):
            page.keyboard.press("ArrowDown")
    else:
        for _ in range(moves):
            page.keyboard.press("ArrowRight")
    page.keyboard.press("Tab")
    for _ in range(steps):
        page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")


@pytest.mark.browser
@pytest.mark.parametrize("way", short(["http", "file"]))
def test_by_keyboard_alone_and_it_is_there_again(browser, folder, way):
    with serve(folder) as server, Visit(browser, offline=way == "file") as visit:
        visit.page.goto((folder / "page.html").as_uri() if way == "file" else f"{server}/page.html")
        assert question(visit, "tie").locator("details").is_hidden()
        answer_by_keys(visit, "tie", moves=1, steps=50)
        assert "You said B, 66\N{NO-BREAK SPACE}% sure. Right." in question(visit, "tie").inner_text()
        assert "They are alike." in question(visit, "tie").inner_text()
        visit.page.reload()  # the focus is at the beginning again
        answer_by_keys(visit, "share", moves=10, steps=100)
        said = question(visit, "share").inner_text().replace("\N{NO-BREAK SPACE}", " ")
        assert "You said 60 %, 99 % sure. Not so." in said
        found = kept(visit)
        assert found["tie"] == {
            "version": 1, "chapter": "page", "alternatives": 3, "answer": 1,
            "confidence": pytest.approx(1 / 3 + 0.5 * (0.99 - 1 / 3)), "right": True,
        }  # fmt: skip
        assert (found["share"]["alternatives"], found["share"]["confidence"]) == (10, pytest.approx(0.99))
        assert found["share"]["right"] is False
        visit.page.reload()
        for id in ("tie", "share"):
            assert "You said" in question(visit, id).inner_text()
            assert question(visit, id).locator("details").is_visible()
        assert "You said B" in visit.page.locator("#answer-tie").inner_text()
        assert kept(visit) == found
        # An answered question takes no second answer.
        assert question(visit, "tie").locator("input[type=radio]").first.is_disabled()


@pytest.mark.browser
@pytest.mark.parametrize("touch", [False, True], ids=["mouse", "touch"])
def test_one_tap_for_the_answer_and_one_for_the_confidence(browser, served, touch):
    options = {"viewport": {"width": 380, "height": 800}, "has_touch": touch}
    with Visit(browser, **options) as visit:
        visit.page.goto(f"{served}/page.html")
        place = question(visit, "tie")
        tap = (lambda target, **options: target.tap(**options)) if touch else (lambda target, **o: target.click(**o))
        assert place.locator(".predict-sure").is_hidden()
        tap(place.get_by_text("One takes all."))
        slider = place.get_by_role("slider", name="How sure are you?")
        box = slider.bounding_box()
        tap(slider, position={"x": 0.75 * box["width"], "y": box["height"] / 2})
        place.get_by_text("Not so.").wait_for()
        assert 0.75 < kept(visit)["tie"]["confidence"] < 0.9
        assert visit.page.evaluate("document.documentElement.scrollWidth") <= 380


@pytest.mark.browser
def test_confidence_stays_between_no_idea_and_certain(browser, served):
    for steps, expected in ((0, 1 / 3), (130, 0.99)):
        with Visit(browser) as visit:
            visit.page.goto(f"{served}/page.html")
            answer_by_keys(visit, "tie", steps=steps)
            assert kept(visit)["tie"]["confidence"] == pytest.approx(expected)


@pytest.mark.browser
def test_the_middle_of_a_scale_is_an_answer_if_it_is_confirmed(browser, served):
    with Visit(browser) as visit:
        visit.page.goto(f"{served}/page.html")
        number = question(visit, "share").locator("input").first
        sure = question(visit, "share").locator(".predict-sure")
        assert sure.is_hidden()
        number.focus()
        visit.page.keyboard.press("Enter")
        sure.wait_for()
        visit.page.reload()
        question(visit, "share").locator("input").first.click()
        sure.wait_for()


@pytest.mark.browser
def test_a_question_that_has_changed_is_asked_again(browser, served):
    with Visit(browser) as visit:
        visit.page.goto(f"{served}/page.html")
        answer_by_keys(visit, "tie")
        visit.page.goto(f"{served}/changed.html")
        assert "You said" not in question(visit, "tie").inner_text()
        answer_by_keys(visit, "tie", moves=1)
        assert kept(visit)["tie"]["version"] == 2
        visit.page.goto(f"{served}/all.html")
        visit.page.get_by_text("1 of your answers are to questions that have changed").wait_for()


@pytest.mark.browser
def test_several_tabs_keep_all_answers(browser, served):
    with Visit(browser) as visit:
        visit.page.goto(f"{served}/page.html")
        other = visit.context.new_page()
        other.goto(f"{served}/page.html")
        answer_by_keys(visit, "tie", moves=1)
        other.locator("#predict-tie").get_by_text("You said B").wait_for()  # without a reload
        other.locator("#predict-share input").first.focus()
        other.keyboard.press("ArrowRight")
        other.locator("#predict-share").get_by_role("button").click()
        question(visit, "share").get_by_text("You said").wait_for()
        assert set(kept(visit)) == {"tie", "share"}


@pytest.mark.browser
def test_saved_erased_and_loaded(browser, served, tmp_path):
    with Visit(browser) as visit:
        visit.page.goto(f"{served}/page.html")
        answer_by_keys(visit, "tie", moves=1)
        before = kept(visit)
        visit.page.goto(f"{served}/all.html")
        cells = visit.page.locator(".answers tfoot tr").inner_text().split("\t")
        assert [cell.strip() for cell in cells] == ["all", "1 of 2", "1", "66\N{NO-BREAK SPACE}%"]
        with visit.page.expect_download() as download:
            visit.page.get_by_role("button", name="Save to a file").click()
        saved = tmp_path / "answers.json"
        download.value.save_as(saved)
        assert json.loads(saved.read_text())["answers"] == before
        erase = visit.page.get_by_role("button", name=re.compile("Erase"))
        erase.click()
        assert kept(visit) == before  # asked once more
        erase.click()
        assert kept(visit) == {}
        assert "Erased" in visit.page.locator(".answers-says").inner_text()
        for content, complaint in [
            ("no json", "it is no JSON"),
            ('{"format": "another"}', "it holds no answers to this book"),
            ("null", "it holds no answers to this book"),
        ]:
            wrong = tmp_path / "wrong.json"
            wrong.write_text(content)
            visit.page.locator("input[type=file]").set_input_files(wrong)
            visit.page.get_by_text(f"wrong.json cannot be read: {complaint}").wait_for()
            assert kept(visit) == {}
        visit.page.locator("input[type=file]").set_input_files(saved)
        visit.page.get_by_text("1 answers read from answers.json").wait_for()
        assert kept(visit) == before


WHOLE = {"version": 1, "chapter": "page", "alternatives": 3, "answer": 1, "confidence": 0.5, "right": True}


DAMAGED = ["{", "[]", '"x"', "5", "null"]
DAMAGED += [json.dumps(WHOLE | wrong) for wrong in ({"confidence": 1.2}, {"alternatives": "3"}, {"right": 1})]


@pytest.mark.browser
@pytest.mark.parametrize("text", short(DAMAGED, DAMAGED[0], DAMAGED[-1]))
def test_damaged_answers_are_survived_with_one_line(browser, served, text):
    with Visit(browser) as visit:
        visit.page.goto(f"{served}/all.html")
        put = "([key, text]) => localStorage.setItem(key, text)"
        visit.page.evaluate(put, [f"{KEY}tie", text])
        visit.page.evaluate(put, [f"{KEY}other", json.dumps(WHOLE)])
        visit.page.reload()
        assert "1 of the answers kept in this browser were damaged" in visit.page.locator(".answers-says").inner_text()
        visit.page.goto(f"{served}/page.html")
        assert "You said" not in question(visit, "tie").inner_text()
        answer_by_keys(visit, "share", moves=3)
        assert set(kept(visit)) == {"share", "other"}
        visit.page.goto(f"{served}/all.html")
        assert "damaged" not in visit.page.locator(".answers-says").inner_text()


# Another process of the browser, which a page from a file may run in, can learn late of what was written.
LATE = """const behind = localStorage;
Object.defineProperty(window, "localStorage", { value: {
    length: 0, key: () => null, getItem: () => null,
    setItem: (key, text) => behind.setItem(key, text), removeItem: (key) => behind.removeItem(key) } });"""


@pytest.mark.browser
def test_a_page_that_knows_of_no_other_answer_overwrites_none(browser, served):
    with Visit(browser) as visit:
        visit.page.goto(f"{served}/page.html")
        answer_by_keys(visit, "tie", moves=1)
        late = visit.context.new_page()
        late.add_init_script(LATE)
        late.goto(f"{served}/page.html")
        late.locator("#predict-share input").first.focus()
        late.keyboard.press("ArrowRight")
        late.locator("#predict-share").get_by_role("button").click()
        late.locator("#predict-share").get_by_text("You said").wait_for()
        question(visit, "share").get_by_text("You said").wait_for()
        assert set(kept(visit)) == {"tie", "share"}


REFUSED = {
    "full": "Storage.prototype.setItem = () => { throw new DOMException('full', 'QuotaExceededError'); };",
    "forbidden": """Object.defineProperty(window, "localStorage", {
        get() { throw new DOMException("no", "SecurityError"); } });""",
}


@pytest.mark.browser
@pytest.mark.parametrize("how", REFUSED)
def test_a_storage_that_refuses_is_survived_with_one_line(browser, served, how):
    with Visit(browser) as visit:
        visit.page.add_init_script(REFUSED[how])
        visit.page.goto(f"{served}/page.html")
        answer_by_keys(visit, "tie", moves=1)
        said = question(visit, "tie").inner_text()
        assert "You said B" in said
        assert "last until you leave" in said
        visit.page.evaluate("document.activeElement.blur()")
        answer_by_keys(visit, "share", moves=3)
        assert len(visit.page.evaluate("Object.keys(simsoftmaxAnswers.all())")) == 2


@pytest.mark.browser
@pytest.mark.parametrize("view", short(VIEWS, "narrow-dark"))
def test_a_question_in_every_view(browser, served, view):
    with Visit(browser, **VIEWS[view]) as visit:
        visit.page.goto(f"{served}/page.html")
        theme = VIEWS[view]["color_scheme"]
        visit.page.evaluate("(theme) => { document.documentElement.dataset.theme = theme; }", theme)
        check_access(visit.page)
        question(visit, "tie").get_by_text("Half each.", exact=True).click()
        check_access(visit.page)
        answer_by_keys(visit, "share", moves=3)
        check_access(visit.page)
        visit.page.goto(f"{served}/all.html")
        check_access(visit.page)
        ARTEFACTS.mkdir(exist_ok=True)
        visit.page.screenshot(path=ARTEFACTS / f"answers-{view}.png")
        assert visit.page.evaluate("document.documentElement.scrollWidth") <= VIEWS[view]["viewport"]["width"]


@pytest.mark.browser
def test_on_paper_and_without_scripts_the_answer_is_folded(browser, served):
    with Visit(browser, java_script_enabled=False) as visit:
        visit.page.goto(f"{served}/page.html")
        assert "Half each." in question(visit, "tie").inner_text()
        why = question(visit, "tie").locator(".predict-why")
        assert not why.is_visible()
        question(visit, "tie").locator("summary").click()
        assert why.is_visible()
    with Visit(browser) as visit:
        visit.page.goto(f"{served}/page.html")
        answer_by_keys(visit, "tie", moves=1)
        assert question(visit, "tie").locator(".predict-why").is_visible()
        visit.page.emulate_media(media="print")
        for hidden in ("details", ".predict-says", ".predict-sure", ".predict-mark"):
            assert not question(visit, "tie").locator(hidden).first.is_visible()
        assert question(visit, "tie").get_by_text("Half each.", exact=True).is_visible()


def test_no_line_of_the_script_asks_for_anything():
    """Not one of the ways in which a script can send or fetch stands in it; the tests above see that none is taken."""
    script = (ROOT / "book" / "assets" / "questions.js").read_text(encoding="utf-8")
    code = re.sub(r"//.*|/\*.*?\*/", "", script)
    ways = r"\bfetch\b|XMLHttp|WebSocket|sendBeacon|EventSource|\bimport\b|importScripts|\.src\b|https?:|new Image"
    assert not re.search(ways, code)


ALL_PAGES = """() => [...document.querySelectorAll(".predict")].map((root) => root.id.slice("predict-".length))"""


def by_keys(visit, place, n):
    choices = place.locator("input[type=radio]")
    if choices.count():
        choices.nth(n % choices.count()).focus()
        visit.page.keyboard.press("Space")
    else:
        place.locator("input[type=range]").first.focus()
        visit.page.keyboard.press("ArrowRight")
    place.locator(".predict-sure input").focus()
    for _ in range(5 + (13 * n) % 17):
        visit.page.keyboard.press("PageUp")
    visit.page.keyboard.press("Enter")


def by_touch(visit, place, n):
    """Tap once for the answer and once for the confidence, and press no key."""
    choices = place.locator("label:has(input[type=radio])")
    if choices.count():
        choices.nth(n % choices.count()).tap()
    else:
        scale = place.locator("input[type=range]").first
        scale.tap(position={"x": scale.bounding_box()["width"] * (0.3 + 0.1 * (n % 5)), "y": 8})
    sure = place.locator(".predict-sure input")
    sure.tap(position={"x": sure.bounding_box()["width"] * (0.2 + 0.07 * (n % 11)), "y": 8})


WAYS = {
    "keys": (by_keys, {"viewport": {"width": 900, "height": 1200}}),
    "touch": (by_touch, {"viewport": {"width": 380, "height": 800}, "has_touch": True, "is_mobile": True}),
}


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.parametrize(("way", "address"), [("keys", "file"), ("touch", "http")])
def test_all_questions_of_the_book_are_answered_and_measured(browser, html, book, way, address, tmp_path):
    """Answered, reloaded, saved, erased, loaded; then the closing page says what Python says of the same answers."""
    answer, options = WAYS[way]
    chapters = (html / "book").as_uri() if address == "file" else f"{book}/book"
    with Visit(browser, offline=address == "file", **options) as visit:
        files = sorted((html / "book").glob("*.html"))
        pages = [path.name for path in files if "data-predict" in path.read_text("utf-8")]
        numbers = {}

        def go_through(names):
            for name in names:
                visit.page.goto(f"{chapters}/{name}")
                for id in visit.page.evaluate(ALL_PAGES):
                    place = question(visit, id)
                    if not place.get_by_text("You said").is_visible():
                        answer(visit, place, numbers.setdefault(id, (len(numbers), name))[0])
                        place.get_by_text("You said").wait_for()

        go_through(pages)
        # To a page from the file system Chromium gives, once in many and on a busy machine, a store that goes with the
        # page. What was answered there is asked again.
        lost = {numbers[id][1] for id in set(numbers) - set(kept(visit))}
        assert len(lost) <= (1 if address == "file" else 0), lost
        go_through([*sorted(lost), pages[-1]])
        total, found = len(numbers), kept(visit)
        assert len(found) == total >= 50
        visit.page.reload()
        assert question(visit, max(numbers, key=numbers.__getitem__)).get_by_text("You said").is_visible()
        visit.open(f"{chapters}/how-well-do-you-know.html")
        with visit.page.expect_download() as download:
            visit.page.get_by_role("button", name="Save to a file").click()
        download.value.save_as(tmp_path / "answers.json")
        erase = visit.page.get_by_role("button", name=re.compile("Erase"))
        for _ in range(2):
            erase.tap() if way == "touch" else erase.press("Enter")
        assert kept(visit) == {}
        visit.page.locator(".answers input[type=file]").set_input_files(tmp_path / "answers.json")
        visit.page.get_by_text(f"{total} answers read from answers.json").wait_for()
        assert kept(visit) == found
        root = visit.page.locator(".ssm").first
        root.locator("[data-out=answers]", has_text=str(total)).wait_for()
        explorer = ReaderExplorer([(a["alternatives"], a["confidence"], a["right"]) for a in found.values()])
        error = f"{100 * explorer.diagram.expected_calibration_error:.1f} %"
        root.locator("[data-out=ece]", has_text=error).wait_for()
        assert f"{total} of {total}" in visit.page.locator(".answers tfoot").inner_text()
        heat = root.locator(".ssm-thermometer .ssm-reading").text_content().removeprefix("T = ")
        assert float(heat.replace("∞", "inf")) == pytest.approx(explorer.fit.temperature, rel=5e-3)
