"""The sampler explorer: its kernels against the package's functions, in a page against native, and the figure."""

import json
import sys

import numpy as np
import pytest
import traitlets
from building import ROOT
from short import short
from visit import VIEWS, Visit, figure, out, write_page

import simsoftmax as ss
from simsoftmax.kernels.page import samplers as kernels
from simsoftmax.kernels.residuals import TILTS
from simsoftmax.live import SamplerExplorer
from simsoftmax.live.sampler import BY_DEFAULT, EXHIBITS, FALSE_ALARM, LEVELS, LOOKS, RULES, dials
from simsoftmax.verdict.diagnosis import EXPLANATIONS, Rows
from simsoftmax.verdict.samplers import EDGES

THETA = np.array(TILTS) / 4 - 1
MODELS = {model.name: model for model in EXPLANATIONS}


def masses(logits, temperature, changes):
    found = np.empty(logits.size)
    kernels.token_masses(logits.ravel(), temperature, dials(changes), np.empty(logits.shape[1], np.int64), found)
    return found.reshape(logits.shape)


def modelled(logits, pipeline, name):
    """Return what `diagnose` takes a faulty sampler to draw from."""
    model = MODELS[name]
    if model.pipeline is not None:
        return model.pipeline(pipeline).probabilities(logits)
    return model.probabilities(
        Rows(pipeline, logits, pipeline.probabilities(logits), np.zeros((len(logits), 1), np.int64))
    )


@pytest.mark.parametrize("temperature", [0.4, 0.7, 1.6])
def test_dials_are_the_samplers_that_the_package_knows(rng, temperature):
    z = 2 * rng.standard_normal((40, LEVELS))

    def pipeline(**filters):
        return ss.Pipeline.of(temperature, **filters)

    for filters in ({}, {"top_k": 8}, {"top_p": 0.9}, {"top_k": 8, "top_p": 0.9}, {"top_k": LEVELS + 9}):
        expected = pipeline(**filters).probabilities(z)
        np.testing.assert_allclose(masses(z, temperature, filters), expected, rtol=1e-12, atol=1e-15)
    for name, stated, turned in [
        ("temperature twice", {}, {"twice": 1}),
        ("temperature after the filters", {"top_p": 0.9}, {"filters_first": 1}),
        ("top-k one too few", {"top_k": 8}, {"top_k": 7}),
        ("nucleus without its crossing token", {"top_p": 0.9}, {"drops_crossing": 1}),
        ("greedy now and then", {}, {"greedy": 1}),
        ("uniform noise", {}, {"noise": 1}),
        ("24-bit noise", {}, {"step": 2.0**-24}),
        ("index one too high", {}, {"shift": 1}),
    ]:
        expected = modelled(z, pipeline(**stated), name)
        np.testing.assert_allclose(masses(z, temperature, stated | turned), expected, rtol=1e-10, atol=1e-15)
    right = ss.softmax(z, temperature)
    np.testing.assert_allclose(masses(z, temperature, {"factor": 1.05}), ss.softmax(z, 1.05 * temperature), rtol=1e-11)
    np.testing.assert_allclose(masses(z, temperature, {"noise": 0.2}), 0.8 * right + 0.2 / LEVELS, rtol=1e-11)
    heavy = np.where((np.arange(LEVELS) // 8) == 1, 1.3, 1) * right
    expected = heavy / heavy.sum(1, keepdims=True)
    np.testing.assert_allclose(masses(z, temperature, {"shard": 1.3}), expected, rtol=1e-11)


def test_tokens_come_up_at_their_rates_and_scores_are_normal():
    explorer = SamplerExplorer("uniform noise now and then", rng=5)
    p = np.array([0.5, 0.0, 0.3, 0.15, 0.05])
    draws = np.empty(40_000, np.int64)
    kernels.draw_tokens(np.tile(p, 2), 5, np.array([1, 2, 3, 4], np.uint64), draws)
    assert ss.verify(np.bincount(draws, minlength=5), np.where(p > 0, np.log(np.maximum(p, 1e-9)), -np.inf))
    _, logits = explorer.draw(2_000)
    assert logits.std() == pytest.approx(2, rel=0.02)
    assert (logits**4).mean() / logits.var() ** 2 == pytest.approx(3, rel=0.05)
    assert abs(np.corrcoef(logits[:, ::2].ravel(), logits[:, 1::2].ravel())[0, 1]) < 0.02


def sums(levels):
    """Return the tables that residuals are added to."""
    tilts = len(THETA)
    return {
        "ranks": np.zeros(len(EDGES) + 1, np.int64),
        **{name: np.zeros(tilts) for name in ("value", "slope", "curvature")},
        "totals": np.zeros(3),
        "places": np.zeros(3 * levels),
        "products": np.zeros(levels**2),
    }


def added(explorer, draws, logits):
    """Return the calls that judge draws: kernel and arguments."""
    levels = logits.shape[1]
    stated = masses(logits, explorer.temperature, EXHIBITS[explorer.sampler].stated)
    table = sums(levels)
    link = np.zeros(1, np.uint64)
    residuals = [
        draws,
        logits.ravel(),
        stated.ravel(),
        levels,
        explorer.temperature,
        link,
        EDGES,
        THETA,
        *table.values(),
    ]
    edges, most = np.zeros(len(EDGES), np.int64), np.zeros(len(draws) + 1)
    tail = [EDGES, table["ranks"], link, 1, edges, edges.copy(), most, most.copy(), most.copy(), np.zeros(2)]
    verdict = [
        *(THETA, table["value"], table["slope"], table["curvature"], table["totals"], link),
        *(np.zeros(levels, np.int64), np.zeros(levels), table["places"], table["products"], np.zeros(levels**2)),
        *(explorer.temperature, 1.959963984540054, 1.0, np.zeros(6 * len(THETA)), np.zeros(len(kernels.OUTCOME))),
    ]
    return residuals, tail, verdict


def copied(given):
    return [np.copy(one) if isinstance(one, np.ndarray) else one for one in given]


def check_verdict(outcome, ranks, tail, verdict):
    mine = dict(zip(kernels.OUTCOME, outcome, strict=True))
    assert ranks.tolist() == list(verdict.rank_counts)
    for name in ("p_value", "temperature_p", "tail_p", "place_p", "estimate", "low", "high"):
        assert mine[name] == pytest.approx(getattr(verdict, name), rel=1e-9, abs=1e-290), name
    if verdict.tail_p < 1e-3:
        assert tail.tolist() == [verdict.tail_edge, pytest.approx(verdict.tail_share)]
    if verdict.place_p < 1e-3:
        assert f"divided by {LEVELS}" in verdict.place
        assert f"leaves {mine['token']:.0f} " in verdict.place
        assert ("often" in verdict.place) == (mine["excess"] > 0)


CASES = [(name, 0.7, 900) for name in EXHIBITS] + [("right", 0.2, 60), ("right", 5.0, 300), ("a heavy shard", 1.3, 60)]


def test_the_page_judges_as_verify_draws_does(page):
    """The same draws get the same verdict: in Python, in the native kernels and in two JavaScript engines."""
    made = []
    for name, temperature, contexts in CASES:
        explorer = SamplerExplorer(name, temperature=temperature, rng=contexts)
        draws, logits = explorer.draw(contexts)
        verdict = ss.verify_draws(draws, logits, pipeline=explorer.pipeline)
        made.append((*added(explorer, draws, logits), verdict))
    answers = page.call([("add_residuals", copied(residuals)) for residuals, *_ in made])
    for (_, left), (residuals, *_) in zip(answers, made, strict=True):
        kernels.add_residuals(*residuals)
        for mine, theirs in zip(residuals[8:], left[8:], strict=True):
            np.testing.assert_allclose(theirs, mine, rtol=1e-10, atol=1e-10)
    tails = page.call([("tail_p_value", copied(tail)) for _, tail, _, _ in made])
    judged = []
    for (theirs, left), (_, tail, verdict, _) in zip(tails, made, strict=True):
        mine = kernels.tail_p_value(*tail)
        assert theirs == pytest.approx(mine, rel=1e-9)
        assert left[-1].tolist() == tail[-1].tolist()
        tail[3] = 0  # the bound, between looks
        assert mine <= kernels.tail_p_value(*tail) * (1 + 1e-12)
        verdict[-3] = mine
        judged.append(("judge_draws", copied(verdict)))
    for (_, left), (_, tail, given, verdict) in zip(page.call(judged), made, strict=True):
        kernels.judge_draws(*given)
        for outcome in (given[-1], left[-1]):
            check_verdict(outcome, tail[1], tail[-1], verdict)


def test_the_page_draws_what_python_draws(page):
    explorer = SamplerExplorer("a heavy shard", rng=3)
    draws, logits = explorer.draw(500)
    streams = np.frombuffer(explorer._stream, np.uint64).reshape(3, 4)
    weights = masses(logits, 0.7, {"shard": 1.3}).ravel()
    answers = page.call(
        [
            ("draw_contexts", [streams[0].copy(), 2.0, np.zeros(logits.size)]),
            ("token_masses", [logits.ravel(), 0.7, dials({"shard": 1.3}), np.zeros(LEVELS, np.int64), 0 * weights]),
            ("draw_tokens", [weights, LEVELS, streams[1].copy(), 0 * draws]),
            ("rank_shares", [EDGES, np.arange(15), np.zeros(15), np.zeros(15)]),
        ]
    )
    np.testing.assert_allclose(answers[0][1][2], logits.ravel(), rtol=1e-13, atol=1e-14)
    np.testing.assert_allclose(answers[1][1][4], weights, rtol=1e-13)
    np.testing.assert_array_equal(answers[2][1][3], draws)
    width = np.diff([0, *EDGES, 1])
    np.testing.assert_allclose(answers[3][1][2], np.arange(15) / 105 / width, rtol=1e-13)
    np.testing.assert_allclose(answers[3][1][3], np.sqrt((1 - width) / (105 * width)), rtol=1e-13)


@pytest.fixture(scope="module")
def museum():
    if not (ROOT / "book" / "museum.py").exists():
        pytest.skip("needs the book, which an installed package leaves out")
    sys.path.insert(0, str(ROOT / "book"))
    try:
        import museum
    finally:
        sys.path.remove(str(ROOT / "book"))
    return museum


def test_checks_are_those_of_the_museum(museum, rng):
    rules = dict(
        zip(RULES, [museum.cosine, museum.cosine, museum.divergence, museum.inside, museum.same_favourite], strict=True)
    )
    met = set()
    for _ in range(300):
        p = rng.dirichlet(np.full(6, 0.7))
        p[rng.integers(6)] *= rng.integers(2)
        p /= p.sum()
        draws = rng.choice(6, 300, p=p if rng.random() < 0.5 else 0.9 * p + 0.1 / 6)
        found = np.empty(4)
        kernels.compare_shares(np.bincount(draws, minlength=6), p, found)
        for name, rule in RULES.items():
            green = (found[rule.number] > rule.threshold) == rule.above
            assert green == rules[name](draws, p), name
            met.add((name, green))
    assert len(met) == 2 * len(RULES)


@pytest.mark.parametrize("name", EXHIBITS)
def test_what_each_exhibit_is_for(name):
    """The check is green and the verdict fails; but for a right sampler, and for a fault that anyone would see."""
    explorer = SamplerExplorer(name, rng=1)
    draws, logits = explorer.draw(LOOKS[-1])
    verdict = ss.verify_draws(draws, logits, pipeline=explorer.pipeline, false_alarm=FALSE_ALARM / len(LOOKS))
    assert verdict.passed == (name == "right")
    rule = RULES[explorer.rule]
    assert rule == RULES[EXHIBITS[name].rule]
    row, counts, found = np.array(explorer._museum["row"]), np.empty(LEVELS, np.int64), np.empty(4)
    at = 1.0 if rule.default else explorer.temperature
    one = EXHIBITS[name]
    counts = np.rint(1e9 * masses(row[None], at, one.stated | one.turned)[0]).astype(np.int64)
    kernels.compare_shares(counts, masses(row[None], at, one.stated)[0], found)
    assert ((found[rule.number] > rule.threshold) == rule.above) == (name != "index shifted by one")
    assert (rule is RULES[BY_DEFAULT]) == (name == "temperature applied twice")


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"sampler": "wrong"}, "sampler"),
        ({"sampler": 3}, "sampler"),
        ({"rule": "glance"}, "rule"),
        ({"temperature": 0.0}, "temperature"),
        ({"temperature": np.inf}, "temperature"),
        ({"contexts": 0.5}, "contexts"),
    ],
)
def test_a_wrong_argument_is_named(change, named):
    with pytest.raises((ValueError, TypeError, traitlets.TraitError), match=named):
        SamplerExplorer(**change)


# --- in a page --------------------------------------------------------------------------------------------------------


@pytest.mark.browser
@pytest.mark.parametrize("view", short(VIEWS, "narrow-dark"))
def test_the_figure_says_what_verify_draws_says(browser, site, view):
    name, fault = {
        "light": ("right", ()),
        "dark": ("temperature 5 % too hot", ("temperature",)),
        "narrow": ("a heavy shard", ("place",)),
        "narrow-dark": ("top-k off by one", ("tail",)),
    }[view]
    explorer = SamplerExplorer(name, rng=8, running=False)
    draws, logits = explorer.draw(LOOKS[-1])
    pipeline = explorer.pipeline
    page = site / write_page(site, f"samplers-{view}.html", explorer)
    with Visit(browser, **VIEWS[view]) as visit:
        visit.open(page.as_uri())
        root = figure(visit, 0)
        assert out(root, "check") == out(root, "judged") == "not yet"
        caught_at = 0
        for look in LOOKS:
            root.get_by_role("button", name="draw to the next look").click()
            assert out(root, "contexts") == f"{look:,}"
            verdict = ss.verify_draws(
                draws[:look], logits[:look], pipeline=pipeline, false_alarm=FALSE_ALARM / len(LOOKS)
            )
            caught_at = caught_at or (0 if verdict else look)
            assert out(root, "judged") == ("red" if caught_at else "green")
            assert out(root, "runs") == f"T = {ss_temperature(verdict.estimate)}"
            p = root.locator("[data-remark=judged]").text_content()
            assert p == f"p = {shown_p(verdict.p_value)} at {look:,}"
        assert out(root, "check") == "green"
        words = out(root, "verdict")
        assert ("Caught after" in words) == bool(fault)
        if fault:
            assert set(fault) <= set(verdict.caught)
            assert f"Caught after {caught_at:,} contexts" in words
            assert words.endswith("The check is green.")
        assert visit.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def ss_temperature(value):
    """Return a temperature with three digits, as the page has it."""
    return f"{value:#.3g}"


def shown_p(value):
    """Return a p-value as the page has it."""
    if value >= 1e-4:
        return f"{value:#.2g}" if value < 1 else "1.0"
    power = str(int(np.floor(np.log10(value))))
    return "10" + power.translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))


@pytest.mark.browser
def test_it_runs_by_itself_rests_at_the_end_and_begins_anew(browser, site):
    page = site / write_page(site, "samplers-run.html", SamplerExplorer("temperature applied twice", rng=2))
    with Visit(browser, hurry=True) as visit:
        visit.open(page.as_uri())
        root = figure(visit, 0)
        visit.page.wait_for_function("document.querySelector('[data-remark=contexts]').textContent === 'the last look'")
        assert root.get_by_role("button", name="run on").is_disabled()
        assert "Caught after 250 contexts: it runs at T = 0.4" in out(root, "verdict")
        assert "10⁻" in root.locator("[data-remark=judged]").text_content() or "p = 0" in root.inner_text()
        # A sampler brings its own check, and the reader may take another.
        root.get_by_role("combobox", name="sampler").select_option("right")
        assert root.get_by_role("combobox", name="check").input_value() == "cosine above 0.99"
        visit.page.wait_for_function("document.querySelector('[data-out=judged]').textContent === 'green'")
        visit.page.wait_for_function("document.querySelector('[data-remark=contexts]').textContent === 'the last look'")
        first = root.locator("[data-remark=judged]").text_content()
        root.get_by_role("button", name="other draws").click()
        visit.page.wait_for_function(
            f"document.querySelector('[data-remark=judged]').textContent !== {json.dumps(first)}"
        )
        root.get_by_role("combobox", name="sampler").select_option("index shifted by one")
        visit.page.wait_for_function("document.querySelector('[data-out=judged]').textContent === 'red'")
        assert out(root, "check") == "red"
