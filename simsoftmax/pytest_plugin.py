"""A plugin for pytest: the test of a sampler in three lines, with a fault planted in it.

::

    def test_sampler(check_sampler):
        check_sampler(my_sampler, logits, temperature=0.7, fault="temperature 5 %")

**One budget.** A suite of right samplers fails in one run of a million at most: ``sampler_false_alarm`` (in the ini
file, or ``--sampler-false-alarm``; 1e-6 by default) is shared out equally over the tests that ask for the fixture and
are selected. What ``-k`` or ``--lf`` leaves out has no part in it, and every process of pytest-xdist, which collects
all tests, comes to the same shares. So a test gives one verdict; another is another test, or another parameter.

**Two seeds.** Draws differ from run to run: the seed of a test follows from that of the run, which every failure names,
and from the name of the test, so ``--sampler-seed`` repeats the draws, of one test alone too. Logits from a function
and the planted fault follow from the name of the test alone: whether a test sees its fault does not depend on chance.

Nothing but pytest is imported here until a sampler is checked.
"""

from __future__ import annotations

import hashlib
import inspect
import math
import secrets
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from .sampling import Pipeline
    from .verdict.samplers import DrawsVerdict

__all__ = ["SamplerCheck", "check_sampler"]

FIXTURE = "check_sampler"
SEEDS = ("seed", "rng")
ERRORS = {"temperature": "temperature {} off", "truncation": "loss of {} at the tail", "noise": "share of {} of noise"}

_budget = pytest.StashKey[float]()
_seed = pytest.StashKey[int]()
_tests = pytest.StashKey[int]()


# --- one budget and one seed for a run --------------------------------------------------------------------------------


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the budget and the seed."""
    group = parser.getgroup("simsoftmax", "tests of samplers")
    group.addoption(
        "--sampler-false-alarm",
        metavar="P",
        help="Probability that any of the selected tests of right samplers fails; sampler_false_alarm by default.",
    )
    group.addoption(
        "--sampler-seed",
        type=int,
        metavar="N",
        help="Repeat the draws of the run that had this seed; by default each run has a new one.",
    )
    parser.addini("sampler_false_alarm", "Probability that any test of a right sampler fails.", default="1e-6")


def pytest_configure(config: pytest.Config) -> None:
    """Read the budget and choose the seed; a process of pytest-xdist is told it."""
    given = config.getoption("--sampler-false-alarm")
    text = config.getini("sampler_false_alarm") if given is None else given
    try:
        budget = float(text)
    except ValueError:
        budget = 0.0
    if not 0 < budget < 1:
        name = "sampler_false_alarm" if given is None else "--sampler-false-alarm"
        raise pytest.UsageError(f"{name} must lie strictly between 0 and 1, got {text!r}; pass a probability, 1e-6")
    config.stash[_budget] = budget
    seed = getattr(config, "workerinput", {}).get("sampler_seed", config.getoption("--sampler-seed"))
    config.stash[_seed] = secrets.randbelow(2**32) if seed is None else seed


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a process of pytest-xdist the seed of the run."""
    node.workerinput["sampler_seed"] = node.config.stash[_seed]


def pytest_collection_finish(session: pytest.Session) -> None:
    """Count the tests among which the budget is shared."""
    session.config.stash[_tests] = sum(FIXTURE in getattr(item, "fixturenames", ()) for item in session.items)


def share(budget: float, tests: int) -> float:
    """Return the false-alarm probability of each test: by Boole's inequality their sum bounds that of any."""
    return budget / tests


def derived_seed(*parts: object) -> int:
    """Return a seed from 0 to 2^32 - 1, which every generator takes, that follows from the parts."""
    return int.from_bytes(hashlib.sha256("\0".join(map(str, parts)).encode()).digest()[:4], "big")


# --- the fixture ------------------------------------------------------------------------------------------------------


@pytest.fixture
def check_sampler(request: pytest.FixtureRequest) -> SamplerCheck:
    """Check a sampler, and that a planted fault is caught: check_sampler(sampler, logits, temperature, fault=...)."""
    item, config = request.node, request.config
    if FIXTURE not in item.fixturenames:
        raise pytest.UsageError(
            f"{FIXTURE} must be an argument of the test, or of a fixture that is one, so that the tests can be counted"
        )
    path, _, name = item.location  # and not its id, to which pytest-xdist may add a group
    return SamplerCheck(
        f"{path}::{name}", share(config.stash[_budget], config.stash[_tests]), config.stash[_seed], item.user_properties
    )


class SamplerCheck:
    """What the fixture ``check_sampler`` gives to a test: call it once.

    Parameters
    ----------
    name : str
        The name of the test, from which its seeds follow.
    false_alarm : float
        Its share of the budget.
    seed : int
        That of the run.
    properties : list
        Where what was seen is written down, as (name, value).
    """

    def __init__(self, name: str, false_alarm: float, seed: int, properties: list[tuple[str, object]]) -> None:
        self.name, self.false_alarm, self.seed = name, false_alarm, seed
        self._properties = properties
        self._used = False

    def __call__(
        self,
        sampler: Callable[..., Any],
        logits: Any,
        temperature: float = 1.0,
        *,
        fault: str | Callable[..., Any],
        pipeline: Pipeline | None = None,
        power: float = 0.99,
    ) -> DrawsVerdict:
        """Fail the test if the sampler is wrong, or if the test could not have seen that it is.

        Parameters
        ----------
        sampler : callable
            ``sampler(logits)``. If it has a parameter called ``seed``, this gets a whole number from 0 to 2^32 - 1; one
            called ``rng`` gets a NumPy generator. It returns tokens: one of each row of logits, shape (n,), or m, shape
            (n, m); of a single row, shape (m,).
        logits : array_like, shape (n, K) or (K,), or callable
            What the sampler is given, or a function that makes it; a parameter called ``seed`` or ``rng`` is filled in.
        temperature : float, optional
        fault : str or callable
            What is planted: ``"temperature 5 %"`` (the draws are that much too hot; -5 % is too cold), ``"top-p 0.99"``
            (a nucleus that nobody asked for), ``"noise 1 %"`` (so many draws come evenly from the vocabulary); or a
            faulty sampler, called as the sampler is.
        pipeline : Pipeline, optional
            What the sampler says that it does, in the place of a temperature alone.
        power : float, optional
            Probability with which errors of the size that is printed are caught.

        Returns
        -------
        DrawsVerdict
            That on the sampler.

        Raises
        ------
        TypeError, ValueError
            If an argument is refused, before anything is drawn; or what was drawn.
        RuntimeError
            If it is called for the second time.
        """
        __tracebackhide__ = True
        import numpy as np

        from .arguments import as_probability
        from .sampling import as_pipeline
        from .verdict.planted import as_fault, control
        from .verdict.samplers import verify_draws

        if self._used:
            raise RuntimeError(
                f"{FIXTURE} must be called once in a test, which has one share of the false-alarm budget, got a second "
                "call; write a test for each sampler, or parametrise one"
            )
        steps, strength = as_pipeline(temperature, pipeline), as_probability("power", power)
        draw = _Seeded("sampler", sampler, 1)
        faulty = _Seeded("fault", fault, 1) if callable(fault) else as_fault(fault)
        make = _Seeded("logits", logits, 0) if callable(logits) else None
        self._used = True
        rows = make(derived_seed(self.name, "logits")) if make else logits

        def judge(draws: Any) -> DrawsVerdict:
            return verify_draws(draws, rows, pipeline=steps, false_alarm=self.false_alarm, power=strength)

        draws = draw(derived_seed(self.name, "draws", self.seed), rows)
        verdict = judge(draws)
        self._note(verdict)
        if not verdict:
            self._conclude(verdict, f"FAILED (p = {verdict.p_value:.2g}).")
            pytest.fail(f"{verdict}\n{self._again(draw)}", pytrace=False)

        size = np.shape(draws)[-1] if np.ndim(draws) == np.ndim(rows) else None

        def plant(number: int) -> Any:
            own = derived_seed(self.name, "fault", number)
            return faulty(own, rows) if isinstance(faulty, _Seeded) else faulty.draw(rows, steps, size, own)

        named = getattr(fault, "__name__", "the faulty sampler") if isinstance(faulty, _Seeded) else faulty
        found = control(named, plant, judge, rows, steps)
        self._properties += [(f"{FIXTURE}_fault", str(named)), (f"{FIXTURE}_fault_p_value", found.p_value)]
        self._conclude(verdict, str(found) if found else f"TOO FEW for {named} (p = {found.p_value:.2g}).")
        if not found:
            pytest.fail(str(found), pytrace=False)
        return verdict

    def _note(self, verdict: DrawsVerdict) -> None:
        facts = ("draws", "p_value", "false_alarm", *(f"detectable_{kind}" for kind in ERRORS))
        self._properties += [(f"{FIXTURE}_{fact}", getattr(verdict, fact)) for fact in facts]
        self._properties.append((f"{FIXTURE}_seed", self.seed))

    def _conclude(self, verdict: DrawsVerdict, words: str) -> None:
        """Write the line for the summary."""
        self._properties.append((FIXTURE, f"{_would_have_seen(verdict)} {words}"))

    def _again(self, draw: _Seeded) -> str:
        if draw.keyword is None:
            return "The sampler takes no seed, so nothing repeats these draws; give it a parameter called seed."
        return f"--sampler-seed={self.seed} repeats these draws."


def _would_have_seen(verdict: DrawsVerdict) -> str:
    """Return the errors that a verdict promises to catch."""
    from .verdict.power import percent

    sizes = {kind: getattr(verdict, f"detectable_{kind}") for kind in ERRORS}
    errors = [ERRORS[kind].format(percent(size)) for kind, size in sizes.items() if size < math.inf]
    if not errors:
        return f"{verdict.draws:,} draws are too few to have shown any error."
    return f"{verdict.draws:,} draws would show a {', a '.join(errors)} with {percent(verdict.power)} power."


class _Seeded:
    """A function that is called with a seed, if it has a parameter for one."""

    def __init__(self, name: str, function: Any, arguments: int) -> None:
        if not callable(function):
            raise TypeError(
                f"{name} must be a function, got {function!r}; pass one that takes logits and returns tokens"
            )
        self.function, self.keyword = function, None
        try:
            signature = inspect.signature(function)
        except (TypeError, ValueError):  # written in C
            return
        self.keyword = next((keyword for keyword in SEEDS if keyword in signature.parameters), None)
        try:
            signature.bind(*(arguments * [None]), **({self.keyword: None} if self.keyword else {}))
        except TypeError as error:
            takes = "logits, and may take a seed" if arguments else "nothing but a seed, or nothing"
            raise TypeError(
                f"{name} must take {takes}, got one with the parameters {signature} ({error}); call the seed 'seed', "
                "and set others with functools.partial"
            ) from None

    def __call__(self, seed: int, *arguments: Any) -> Any:
        if self.keyword is None:
            return self.function(*arguments)
        import numpy as np

        value = seed if self.keyword == "seed" else np.random.default_rng(seed)
        return self.function(*arguments, **{self.keyword: value})


# --- what was seen ----------------------------------------------------------------------------------------------------


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print the errors that each test would have seen, when all is green too."""
    lines = {
        report.nodeid: text
        for reports in terminalreporter.stats.values()
        for report in reports
        if getattr(report, "when", None) == "call"
        for name, text in report.user_properties
        if name == FIXTURE
    }
    if not lines:
        return
    terminalreporter.section(
        f"samplers: {config.stash[_budget]:g} for a false alarm, --sampler-seed={config.stash[_seed]}"
    )
    for test, text in sorted(lines.items()):
        terminalreporter.write_line(f"{test}: {text}")
