"""The live bandit: its kernels in a page, and the figure in a browser against the games that Python plays."""

import re

import numpy as np
import pytest
from short import short
from visit import ARTEFACTS, SMALLEST_TEXT, VIEWS, Visit, check_access, figure, out, write_page

from simsoftmax.kernels.page import bandits
from simsoftmax.kernels.seeds import seed_streams
from simsoftmax.live import BanditExplorer

VALUES = np.array([0.0, 0.4, -0.3, 0.9, 0.5])
LENGTH = 400


def play(stream, rule, setting, length=LENGTH):
    """Play a whole game natively; return pulls, estimates and regret, and go on with the stream."""
    pulls, estimates = np.zeros(VALUES.size, dtype=np.int64), np.zeros(VALUES.size)
    arms, regret = np.zeros(length, dtype=np.int64), np.zeros(length)
    bandits.play_bandit(rule, setting, VALUES, pulls, estimates, arms, regret, stream)
    return pulls, estimates, regret


def test_the_kernels_of_bandits_in_a_page(page, rng):
    key = int(rng.integers(2**63))
    for rule in range(6):
        stream = seed_streams(key, 1)[0]
        work = np.zeros(5, dtype=np.int64), np.zeros(5), np.zeros(60, dtype=np.int64), np.zeros(60)
        cases = [
            ("play_bandit", [rule, 0.4, VALUES, *work, stream]),
            ("add_games", [rule, 0.4, VALUES, 7, *work, np.zeros(60), np.zeros(3), stream]),
            ("choose_arm", [rule, 0.4, np.arange(1, 6), VALUES, stream]),
            ("exploration_temperature", [rule, 0.4, 17, 5]),
            ("exploration_setting", [rule, 0.4, 17]),
        ]
        copied = [[np.copy(a) if isinstance(a, np.ndarray) else a for a in args] for _, args in cases]
        answers = page.call(cases)
        for (name, _), mine, (result, theirs) in zip(cases, copied, answers, strict=True):
            native = getattr(bandits, name)(*mine)
            assert result == (None if native is None else pytest.approx(native, rel=1e-12)), (rule, name)
            for ours, left in zip(mine, theirs, strict=True):
                if isinstance(ours, np.ndarray):
                    np.testing.assert_allclose(left, ours, rtol=1e-11, atol=1e-13, err_msg=name)


def test_it_has_a_picture_and_words_for_where_it_cannot_live():
    data = BanditExplorer(VALUES, length=50)._repr_mimebundle_()[0]
    assert "<svg" in data["image/svg+xml"]
    assert "5 arms" in data["text/plain"]


@pytest.mark.parametrize(
    ("make", "named"),
    [
        (lambda: BanditExplorer([1.0]), "values"),
        (lambda: BanditExplorer([0.0, 11.0]), "values"),
        (lambda: BanditExplorer([0.0, np.inf]), "values"),
        (lambda: BanditExplorer(VALUES, -1.0), "temperature"),
        (lambda: BanditExplorer(VALUES, rule="greedy"), "rule"),
        (lambda: BanditExplorer(VALUES, length=10), "length"),
        (lambda: BanditExplorer(VALUES, speed=0.0), "speed"),
    ],
)
def test_a_wrong_argument_is_named(make, named):
    with pytest.raises((ValueError, TypeError), match=named):
        make()


@pytest.mark.browser
def test_games_in_a_page_are_those_that_python_plays(browser, site):
    """Pull by pull with the same random numbers, and so is the mean of two hundred."""
    explorer = BanditExplorer(VALUES, 0.15, length=LENGTH, speed=1000, rng=3)
    stream = np.frombuffer(explorer._stream, dtype=np.uint64).copy()
    seed = stream.copy()
    name = write_page(site, "bandit.html", explorer)
    with Visit(browser) as visit:
        visit.open((site / name).as_uri())
        root = figure(visit, 0)

        def agrees(rule, setting):
            pulls, _, regret = play(stream, rule, setting)
            for k, many in enumerate(pulls):  # waits for the end of this game: the words are still those of the last
                root.locator(f"[data-pulls='{k}']", has_text=re.compile(f"^{many}$")).wait_for(state="attached")
            root.locator("[data-out=verdict]", has_text=f"In {LENGTH} pulls").wait_for()
            assert out(root, "regret") == f"{regret[-1]:.1f}"
            missed, best = pulls[VALUES.argmax()], root.locator("[data-out=verdict]").text_content()
            assert ("froze" in best) == (missed < 3)
            return regret[-1]

        def mean(rule, setting):
            work = np.zeros(5, dtype=np.int64), np.zeros(5), np.zeros(LENGTH, dtype=np.int64), np.zeros(LENGTH)
            outcome = np.zeros(3)
            bandits.add_games(rule, setting, VALUES, 200, *work, np.zeros(LENGTH), outcome, seed.copy())
            root.locator("[data-out=mean]", has_text=f"{outcome[1]:.1f}\u00a0±\u00a0{outcome[2]:.1f}").wait_for()

        agrees(bandits.HOLD, 0.15)
        mean(bandits.HOLD, 0.15)
        # Another temperature begins another game.
        root.get_by_role("slider", name="Temperature").press("Home")
        agrees(bandits.HOLD, 0.0)
        mean(bandits.HOLD, 0.0)
        root.locator("select").first.select_option("own")
        agrees(bandits.OWN_HEAT, 0.0)
        assert root.locator("[data-remark=temperature]").text_content() == "c, of an arm pulled once"


@pytest.mark.browser
def test_a_thermometer_falls_while_it_cools(browser, site):
    name = write_page(
        site, "cooling-bandit.html", BanditExplorer(VALUES, 2.0, rule="fast", length=100, speed=400, rng=1)
    )
    with Visit(browser) as visit:
        visit.open((site / name).as_uri())
        root = figure(visit, 0)
        root.locator("[data-out=verdict]", has_text="In 100 pulls").wait_for()
        heat = bandits.exploration_temperature(bandits.COOL_ROOT, 2.0, 101, 1)
        assert out(root, "temperature") == f"{heat:.3g}"
        # What the reader sets is the temperature of the next pull.
        root.get_by_role("slider", name="Temperature").press("End")
        root.locator("[data-out=temperature]", has_text="∞").wait_for()


@pytest.mark.browser
@pytest.mark.parametrize("view", short(VIEWS, "light"))
def test_everybody_can_read_it(browser, site, view):
    evil = "<img src=x onerror=alert(1)>"
    name = write_page(site, f"bandit-{view}.html", BanditExplorer(VALUES, title=evil, rng=2))
    with Visit(browser, **VIEWS[view]) as visit:
        visit.open((site / name).as_uri())
        visit.frames(20)
        ARTEFACTS.mkdir(exist_ok=True)
        figure(visit, 0).screenshot(path=ARTEFACTS / f"bandit-{view}.png")
        assert figure(visit, 0).locator("img").count() == 0
        assert visit.page.evaluate("document.documentElement.scrollWidth") <= VIEWS[view]["viewport"]["width"]
        assert visit.page.evaluate(SMALLEST_TEXT) >= 11
        check_access(visit.page)


@pytest.mark.browser
def test_it_rests_when_the_game_is_over_and_out_of_sight(browser, site):
    over = BanditExplorer(VALUES, length=20, speed=1000)
    name = write_page(site, "bandit-rest.html", over, BanditExplorer(VALUES, length=5000, speed=5.0))
    with Visit(browser, viewport={"width": 1200, "height": 700}) as visit:
        visit.open((site / name).as_uri())
        figure(visit, 0).locator("[data-out=verdict]", has_text="In 20 pulls").wait_for()
        visit.page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
        visit.rest()


def test_python_sets_and_reads():
    explorer = BanditExplorer([0, 1], np.float32(0.5))
    explorer.set_state({"pulls": [3, 4], "regret": 2.5, "temperature": "inf"})
    assert (explorer.pulls, explorer.regret, explorer.temperature) == ([3, 4], 2.5, np.inf)
