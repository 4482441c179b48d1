"""The plugin in projects of its own, each a few files in an empty folder."""

import importlib
import itertools
import os
import re
import tomllib
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from limits import keeps

from simsoftmax.kernels.cache import user_folder
from simsoftmax.pytest_plugin import SamplerCheck, derived_seed, share

pytest_plugins = "pytester"

ROOT = Path(__file__).parents[2]
PLUGIN = ("-p", "simsoftmax.pytest_plugin", "-p", "no:cacheprovider")
MADE = """
import numpy as np
import pytest
import simsoftmax as ss

logits = np.random.default_rng(0).normal(0.0, 2.0, (5000, 64))
logits[:, 60:] = -np.inf

def right(logits, seed):
    return ss.sample(logits, 0.7, rng=seed)

def hot(logits, seed):
    return ss.sample(logits, 0.77, rng=seed)
"""


KERNELS = user_folder()  # of this user: inside a project another folder is the home


@pytest.fixture(scope="module", autouse=True)
def _loaded():
    """Load what the plugin loads inside a project, once: what was loaded there is gone with the project."""
    SamplerCheck("once", 1e-6, 0, [])(lambda z: [0, 1] * 50, [[0.0, 0.0]] * 100, fault=lambda z: [0] * 100)


@pytest.fixture
def project(pytester, monkeypatch):
    """Return a function that writes a file of tests and runs it: (text, *options) -> RunResult."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")])))
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    if KERNELS and "NUMBA_CACHE_DIR" not in os.environ:
        monkeypatch.setenv("NUMBA_CACHE_DIR", str(KERNELS / "kernels"))

    def run(text, *options, made=MADE, alone=False):
        pytester.makepyfile(made + text)
        return (pytester.runpytest_subprocess if alone else pytester.runpytest_inprocess)(*PLUGIN, *options)

    return run


def facts(result):
    """Return {name of the test: {fact: value}} of what a run wrote down."""
    return {
        report.nodeid.partition("::")[2]: {name.removeprefix("check_sampler_"): value for name, value in found}
        for report in result.reprec.getreports("pytest_runtest_logreport")
        if report.when == "call" and (found := report.user_properties)
    }


def complaints(result):
    """Return {name of the test: what it said} of those that failed."""
    return {report.nodeid.partition("::")[2]: report.longreprtext for report in result.reprec.getfailures()}


# --- green and red ----------------------------------------------------------------------------------------------------


def test_three_lines_test_a_sampler(project):
    result = project("""
def test_sampler(check_sampler):
    check_sampler(right, logits, temperature=0.7, fault="temperature 10 %")
""")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines([
        "*samplers: 1e-06 for a false alarm, --sampler-seed=*",
        "*::test_sampler: 5,000 draws would show a temperature * % off, a loss of * % at the tail, a share of * % of "
        "noise with 99 % power. temperature 10 % was planted and caught (p = *).",
    ])  # fmt: skip


FAULTY = """
def truncated(logits, seed):
    return ss.sample(logits, 0.7, top_p=0.98, rng=seed)

def noisy(logits, seed):
    rng = np.random.default_rng(seed)
    draws = ss.sample(logits, 0.7, rng=rng)
    return np.where(rng.random(len(draws)) < 0.02, rng.integers(60, size=len(draws)), draws)

def forbidden(logits, seed):
    return np.where(np.arange(len(logits)) == 4321, 61, ss.sample(logits, 0.7, rng=seed))

def misplaced(logits, seed):
    draws = ss.sample(logits, 0.7, rng=seed)
    flat = np.random.default_rng(seed).random(len(draws)) < 0.6
    return np.where(flat & (draws % 32 == 5), draws - 1, draws)

FAULTY = [hot, truncated, noisy, forbidden, misplaced]
"""


def test_each_fault_is_red_and_says_which_seed_repeats_it(project):
    result = project(
        FAULTY
        + """
@pytest.mark.parametrize("sampler", [right, *FAULTY])
def test_sampler(check_sampler, sampler):
    check_sampler(sampler, logits, temperature=0.7, fault="temperature 10 %")
""",
        "--sampler-seed=5",
    )
    result.assert_outcomes(passed=1, failed=5)
    said = complaints(result)
    for name, words in {
        "hot": "it runs at T = 0.7",
        "truncated": "% of the draws, instead of 1.6 %",
        "noisy": "least likely",
        "forbidden": "token 61 was drawn in row 4321",
        "misplaced": "too often",
    }.items():
        text = said[f"test_sampler[{name}]"]
        assert words in text
        assert "\n--sampler-seed=5 repeats these draws." in text
    assert "test_sampler[right]: 5,000 draws would show" in result.stdout.str()
    assert "test_sampler[hot]: 5,000 draws would show a temperature" in result.stdout.str()
    assert "FAILED (p = " in result.stdout.str()


def test_a_faulty_sampler_of_the_users_own_is_planted(project, promise_nothing):
    promise_nothing()
    result = project(
        FAULTY
        + """
@pytest.mark.parametrize("fault", [right, *FAULTY])
def test_sampler(check_sampler, fault):
    check_sampler(right, logits[:4500], temperature=0.7, fault=fault)
""",
        "-k", "not forbidden",
    )  # fmt: skip
    result.assert_outcomes(passed=4, failed=1, deselected=1)
    (text,) = complaints(result).values()
    assert text.startswith("The sample is too small for its planted fault: 4,500 draws do not show right")
    assert "hot was planted and caught" in result.stdout.str()


def test_a_sample_that_is_too_small_is_red_and_says_how_many_would_do(project):
    test = """
size = {size}

def draw(logits, seed):
    return ss.sample(logits, 0.7, size=size, rng=seed)

@pytest.mark.parametrize("fault", ["temperature 4 %", "top-p 0.999", "noise 0.3 %"])
def test_sampler(check_sampler, fault):
    check_sampler(draw, logits, temperature=0.7, fault=fault)
"""
    result = project(test.format(size=None))
    result.assert_outcomes(failed=3)
    needed = [int(re.search(r"take ([\d,]+) draws", text)[1].replace(",", "")) for text in complaints(result).values()]
    assert "TOO FEW for noise 0.3 % (p = " in result.stdout.str()
    project(test.format(size=-(-max(needed) // 5000))).assert_outcomes(passed=3)


# --- how it is called -------------------------------------------------------------------------------------------------


def test_a_fault_is_compulsory_and_one_verdict_is_all(project, promise_nothing):
    promise_nothing()
    result = project("""
def test_without(check_sampler):
    check_sampler(right, logits, temperature=0.7)

def test_twice(check_sampler):
    check_sampler(right, logits, temperature=0.7, fault=hot)
    check_sampler(right, logits, temperature=0.7, fault=hot)

def test_by_the_back_door(request):
    request.getfixturevalue("check_sampler")

@pytest.fixture
def mine(check_sampler):
    return check_sampler

def test_by_the_front_door(mine):
    assert mine(right, logits, temperature=0.7, fault=hot).passed
""")
    result.assert_outcomes(passed=1, failed=3)
    said = complaints(result)
    assert "missing 1 required keyword-only argument: 'fault'" in said["test_without"]
    assert "check_sampler must be called once in a test, which has one share" in said["test_twice"]
    assert "check_sampler must be an argument of the test" in said["test_by_the_back_door"]
    assert facts(result)["test_by_the_front_door"]["false_alarm"] == 1e-6 / 3


def test_seeds_reach_a_sampler_by_name():
    given = []

    def call(sampler, **options):
        given.clear()
        check = SamplerCheck("test", 1e-6, 3, [])
        return check(sampler, [[0.0, 0.0]] * 200, fault=lambda logits: [0] * len(logits), **options)

    def seeded(logits, seed):
        given.append(seed)
        return [seed // 2**k % 2 for k in range(32)] * 5 + [0, 1] * 20

    def generator(logits, temperature=1.0, *, rng):
        given.append(rng)
        return rng.integers(2, size=200)

    def none(logits):
        return [0, 1] * 100

    assert call(seeded)
    assert given == [derived_seed("test", "draws", 3)]
    assert call(generator)
    assert given[0].bit_generator.seed_seq.entropy == derived_seed("test", "draws", 3)
    assert call(none)


@pytest.mark.parametrize(
    ("arguments", "error", "says"),
    [
        ({"sampler": 5}, TypeError, "sampler must be a function, got 5; pass one"),
        (
            {"sampler": lambda: 0},
            TypeError,
            "sampler must take logits, and may take a seed, got one with the parameters ()",
        ),
        (
            {"sampler": lambda z, s: 0},
            TypeError,
            "parameters (z, s) (missing a required argument: 's'); call the seed 'seed'",
        ),
        (
            {"fault": lambda z, s: 0},
            TypeError,
            "fault must take logits, and may take a seed, got one with the parameters (z, s)",
        ),
        ({"fault": "heat"}, ValueError, "fault must have a kind and a size, got 'heat'; pass 'temperature 5 %'"),
        ({"fault": None}, TypeError, "fault must be a text or a sampler, got None; pass"),
        (
            {"logits": lambda n: 0},
            TypeError,
            "logits must take nothing but a seed, or nothing, got one with the parameters (n)",
        ),
        ({"temperature": -1}, ValueError, "temperature must be >= 0, got -1"),
        ({"pipeline": 1}, TypeError, "pipeline must be a Pipeline, got 1"),
        ({"power": 2}, ValueError, "power must lie strictly between 0 and 1, got 2"),
    ],
)
def test_mistakes_are_named_before_anything_is_drawn(arguments, error, says):
    def sampler(logits):
        raise AssertionError("drawn")

    valid = {"sampler": sampler, "logits": [[0.0, 1.0]], "fault": "noise 1 %"}
    check = SamplerCheck("test", 1e-6, 3, [])
    with pytest.raises(error, match=re.escape(says)):
        check(**valid | arguments)


# --- one budget -------------------------------------------------------------------------------------------------------

FOUR = """
@pytest.mark.parametrize("number", range(4))
def test_sampler(check_sampler, number):
    check_sampler(right, logits, temperature=0.7, fault=hot)

def test_else():
    pass
"""


@pytest.mark.parametrize(
    ("ini", "options", "budget", "tests"),
    [
        ("", [], 1e-6, 4),
        ("sampler_false_alarm = 1e-4", [], 1e-4, 4),
        ("sampler_false_alarm = 1e-4", ["--sampler-false-alarm=1e-3"], 1e-3, 4),
        ("", ["-k", "1 or 3 or else"], 1e-6, 2),
    ],
)
def test_the_budget_is_shared_by_what_is_selected(pytester, project, promise_nothing, ini, options, budget, tests):
    promise_nothing()
    pytester.makeini(f"[pytest]\n{ini}\n")
    found = facts(project(FOUR, *options))
    assert len(found) == tests
    assert [each["false_alarm"] for each in found.values()] == [budget / tests] * tests


@pytest.mark.parametrize("given", ["0", "1", "nan", "-1e-6", "little"])
def test_a_budget_that_is_none_is_refused(pytester, project, given):
    result = project(FOUR, f"--sampler-false-alarm={given}")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        [f"ERROR: --sampler-false-alarm must lie strictly between 0 and 1, got '{given}'; pass*"]
    )
    pytester.makeini(f"[pytest]\nsampler_false_alarm = {given}\n")
    result = project(FOUR)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: sampler_false_alarm must lie strictly between 0 and 1, got '{given}'; pass*"])


SUITE = """
import numpy as np, pytest
import simsoftmax as ss

logits = np.random.default_rng(1).normal(0.0, 2.0, (400, 10))

@pytest.mark.parametrize("number", range(5))
def test_sampler(check_sampler, number):
    right = lambda logits, rng: ss.sample(logits, 0.7, rng=rng)
    check_sampler(right, logits, temperature=0.7, fault=lambda logits: [0] * 400)
"""


@pytest.mark.slow
def test_suites_keep_the_budget(request, project, promise_nothing):
    """With a budget of 5 %: five tests that spent 5 % each, not shared, would make 23 % of them red; 10 % are seen.

    A suite is five calls of its test here. pytest itself runs some, red ones and others, and sees the same to the bit.
    """
    promise_nothing()
    suite, budget, tests = {}, 0.05, 5
    exec(SUITE, suite)

    def run(seed):
        """Return what the five write down, and whether any of them fails."""
        found, red = {}, False
        for number in range(tests):
            name, written = f"test_sampler[{number}]", []
            check = SamplerCheck(f"{request.node.name}.py::{name}", share(budget, tests), seed, written)
            try:
                suite["test_sampler"](check, number)
            except pytest.fail.Exception:
                red = True
            found[name] = {fact.removeprefix("check_sampler_"): value for fact, value in written}
        return found, red

    runs = []

    def reds():
        for seed in itertools.count():
            runs.append(run(seed))
            yield runs[-1][1]

    assert keeps(reds(), budget, other=2 * budget)
    red = [seed for seed, (_, failed) in enumerate(runs) if failed]
    for seed in (0, 1, 2, *red[:3]):
        found, failed = runs[seed]
        result = project(SUITE, f"--sampler-false-alarm={budget}", f"--sampler-seed={seed}", "-q", made="")
        assert result.ret == (pytest.ExitCode.TESTS_FAILED if failed else pytest.ExitCode.OK)
        assert facts(result) == found


def test_shares_make_up_the_budget():
    for budget, tests in ((1e-6, 1), (1e-6, 7), (0.05, 1000)):
        assert tests * share(budget, tests) == pytest.approx(budget, rel=1e-15)


# --- seeds ------------------------------------------------------------------------------------------------------------

SEEDED = """
def make(seed):
    return np.random.default_rng(seed).normal(0.0, 2.0, (2000, 20))

def faulty(logits, seed):
    return ss.sample(logits, 1.0, rng=seed)

@pytest.mark.parametrize("number", range(3))
def test_sampler(check_sampler, number):
    check_sampler(right, make, temperature=0.7, fault=faulty)
"""


def test_the_seed_of_a_run_repeats_its_draws_and_nothing_else_changes(project):
    one, same, other, alone = (
        facts(project(SEEDED, *options))
        for options in (
            ["--sampler-seed=1"], ["--sampler-seed=1"], ["--sampler-seed=2"], ["--sampler-seed=1", "-k", "1"],
        )
    )  # fmt: skip
    assert one == same
    own = one["test_sampler[1]"]
    assert {name for name in own if own[name] != alone["test_sampler[1]"][name]} <= {
        "false_alarm", "check_sampler", "detectable_temperature", "detectable_truncation", "detectable_noise",
    }  # fmt: skip
    for test, found in one.items():
        assert found["p_value"] != other[test]["p_value"]
        assert found["fault_p_value"] == other[test]["fault_p_value"]
        assert found["detectable_temperature"] == other[test]["detectable_temperature"]
    assert len({found["fault_p_value"] for found in one.values()}) == 3


def test_each_run_has_a_seed_of_its_own(project, promise_nothing):
    promise_nothing()
    seeds = {found["seed"] for _ in range(2) for found in facts(project(SEEDED)).values()}
    assert len(seeds) == 2


def test_a_sampler_without_a_seed_is_told_so(project):
    result = project("""
def test_sampler(check_sampler):
    check_sampler(lambda logits: ss.sample(logits, 1.0), logits, temperature=0.7, fault=hot)
""")
    (text,) = complaints(result).values()
    assert "The sampler takes no seed, so nothing repeats these draws; give it a parameter called seed." in text


# --- what is told, and to whom ----------------------------------------------------------------------------------------


def test_junit_has_what_was_seen(pytester, project):
    project(FOUR, "--junitxml=report.xml", "--sampler-seed=9")
    cases = ET.parse(pytester.path / "report.xml").findall(".//testcase")
    tables = [{each.get("name"): each.get("value") for each in case.iter("property")} for case in cases]
    assert sum(map(bool, tables)) == 4
    for table in filter(None, tables):
        assert 0 < float(table["check_sampler_detectable_temperature"]) < 0.2
        assert 0 < float(table["check_sampler_detectable_truncation"]) < 0.02
        assert 0 < float(table["check_sampler_detectable_noise"]) < 0.05
        assert table["check_sampler_seed"] == "9"
        assert table["check_sampler_fault"] == "hot"
        assert float(table["check_sampler_false_alarm"]) == 1e-6 / 4


def test_a_run_without_samplers_hears_nothing(project):
    result = project("def test_else():\n    pass\n", made="")
    result.assert_outcomes(passed=1)
    assert "sampler-seed" not in result.stdout.str()


@pytest.mark.process
@pytest.mark.slow
def test_any_number_of_processes_comes_to_the_same(project):
    hot = "\ndef test_hot(check_sampler):\n    check_sampler(hot, logits, 0.7, fault=hot)\n"
    told = []
    for options in (["-n0"], ["-n2"], ["-n2", "--dist=loadgroup"]):
        marked = FOUR.replace("@pytest", "@pytest.mark.xdist_group('one')\n@pytest", 1)
        result = project(marked + hot, "-p", "xdist", "--sampler-seed=4", *options, alone=True)
        result.assert_outcomes(passed=5, failed=1)
        told.append([line.replace("@one", "") for line in result.outlines if "draws would show" in line])
    assert len(told[0]) == 5
    assert told[0] == told[1] == told[2]


@pytest.mark.process
def test_processes_share_the_seed_of_a_run(project):
    test = """
@pytest.mark.parametrize("number", range(4))
def test_sampler(check_sampler, number, worker_id):
    check_sampler(hot, logits, temperature=0.7, fault=hot)
"""
    result = project(test, "-p", "xdist", "-n2", alone=True)
    result.assert_outcomes(failed=4)
    # On a server of continuous integration pytest prints each message a second time, whole, in its summary.
    detail = result.stdout.str().partition("short test summary info")[0]
    seeds = re.findall(r"--sampler-seed=(\d+)", detail)
    assert len(seeds) == 5
    assert len(set(seeds)) == 1


@pytest.mark.process
def test_nothing_heavy_is_imported_until_a_sampler_is_checked(project):
    test = """
import sys

def test_that_nothing_is_loaded(check_sampler):
    assert "simsoftmax.pytest_plugin" in sys.modules
    assert not {"numpy", "numba", "scipy", "matplotlib"} & set(sys.modules)
"""
    project(test, made="", alone=True).assert_outcomes(passed=1)


def test_the_entry_point_leads_to_the_plugin():
    if not (ROOT / "pyproject.toml").is_file():
        pytest.skip("the package is installed without its sources")
    points = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]["pytest11"]
    assert points == {"simsoftmax": "simsoftmax.pytest_plugin"}
    assert importlib.import_module(points["simsoftmax"]).check_sampler
