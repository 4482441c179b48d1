import numpy as np
import pytest
from scipy import stats
from short import short

import simsoftmax as ss
from simsoftmax.verdict.planted import Fault, as_fault, control
from simsoftmax.verdict.samplers import verify_draws

USUAL = ss.Pipeline([ss.Temperature(0.7), ss.TopK(20)])


@pytest.fixture
def logits():
    return np.random.default_rng(7).normal(0.0, 2.0, (3000, 40))


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("temperature 5 %", Fault("temperature", 0.05)),
        ("temperature  -2.5%", Fault("temperature", -0.025)),
        (" noise .5 % ", Fault("noise", 0.005)),
        ("top-p 0.75", Fault("top-p", 0.25)),
    ],
)
def test_a_text_describes_a_fault(text, fault):
    assert as_fault(text) == fault
    assert as_fault(str(fault)) == fault


@pytest.mark.parametrize(
    "text",
    ["", "5 %", "temperature", "temperature 5", "noise 0.01", "top-p 99 %", "top-p 1.0", "top-p 0.0", "top-p -0.5",
     "temperature 0 %", "temperature -100 %", "noise 0 %", "noise -1 %", "noise 101 %", "greedy 1 %"],
)  # fmt: skip
def test_what_describes_none_is_refused(text):
    with pytest.raises(ValueError, match=r"^fault must .*, got .*; pass 'temperature 5 %', 'top-p 0.99', 'noise 1 %'"):
        as_fault(text)


@pytest.mark.parametrize("thing", [None, 5, ["temperature 5 %"]])
def test_what_is_no_text_is_refused(thing):
    with pytest.raises(TypeError, match=r"^fault must be a text or a sampler, got .*; pass 'temperature 5 %'"):
        as_fault(thing)


@pytest.mark.parametrize("size", [None, 3])
def test_each_fault_is_what_it_says(logits, size, alarm):
    hot, cut, noisy = (as_fault(text) for text in ("temperature 30 %", "top-p 0.8", "noise 10 %"))
    draws = hot.draw(logits, USUAL, size, 1)
    assert draws.shape == (3000,) if size is None else (3000, size)
    warm = ss.Pipeline([ss.TopK(20), ss.Temperature(0.91)])
    assert verify_draws(draws, logits, pipeline=warm, false_alarm=alarm)
    assert not verify_draws(draws, logits, pipeline=USUAL, false_alarm=alarm)
    kept = USUAL.probabilities(logits)
    for draws, share in ((cut.draw(logits, USUAL, size, 2), 0.0), (noisy.draw(logits, USUAL, size, 2), 0.05)):
        # Half of the even noise falls on what top-k forbids, and none of the nucleus does.
        lost = np.take_along_axis(kept, draws.reshape(3000, -1), axis=1) == 0
        low, high = stats.binom.interval(1 - alarm, lost.size, share) if share else (0, 0)
        assert low <= lost.sum() <= high
    nucleus = ss.Pipeline([*USUAL.steps, ss.TopP(0.8)])
    assert verify_draws(cut.draw(logits, USUAL, size, 3), logits, pipeline=nucleus, false_alarm=alarm)


def test_draws_follow_from_the_seed(logits):
    for text in ("temperature 5 %", "top-p 0.9", "noise 5 %"):
        one, same, other = (as_fault(text).draw(logits, USUAL, None, seed) for seed in (1, 1, 2))
        assert np.array_equal(one, same)
        assert not np.array_equal(one, other)


def planted(fault, logits, size):
    """Plant a fault and judge it as a test of a suite would."""
    return control(
        fault,
        lambda number: fault.draw(logits, USUAL, size, number),
        lambda draws: verify_draws(draws, logits, pipeline=USUAL, false_alarm=1e-6),
        logits,
        USUAL,
    )


@pytest.mark.parametrize(
    "text",
    short(["temperature 5 %", "temperature -5 %", "top-p 0.995", "noise 0.02 %"], "temperature -5 %", "top-p 0.995"),
)
def test_so_many_draws_as_it_says_would_do(logits, text):
    few = planted(as_fault(text), logits, None)
    assert not few
    assert few.draws == 3000 < few.needed
    assert str(few).startswith(
        f"The sample is too small for its planted fault: 3,000 draws do not show {text} with 99 %"
    )
    assert str(few).endswith(f"take {few.needed:,} draws.")
    size = -(-few.needed // 3000)
    enough = planted(as_fault(text), logits, size)
    assert enough
    assert str(enough).startswith(f"{text} was planted and caught (p = ")
    assert not planted(as_fault(text), logits, max(1, size // 4))


def test_luck_is_no_promise(logits):
    """A sample that catches one planting in two has not shown that it sees."""
    fault = as_fault("temperature 8 %")

    def judge(draws):
        return verify_draws(draws, logits, pipeline=USUAL, false_alarm=1e-6)

    lucky = next(n for n in range(100) if not judge(fault.draw(logits, USUAL, None, n)))
    few = control(fault, lambda number: fault.draw(logits, USUAL, None, lucky + number), judge, logits, USUAL)
    assert not few
    assert few.p_value <= 1e-6
    assert few.needed > 3000


def test_a_fault_without_a_remedy_says_so(logits):
    few = control(
        "nothing at all",
        lambda number: USUAL.sample(logits[:50], rng=number),
        lambda draws: verify_draws(draws, logits[:50], pipeline=USUAL, false_alarm=1e-6),
        logits[:50],
        USUAL,
    )
    assert few.needed == 0
    assert str(few).endswith("plant a larger fault, for 64 times as many draws would not do either.")


@pytest.mark.parametrize("text", ["temperature 20 %", "noise 1 %", "top-p 0.95"])
def test_a_single_row_will_do(text):
    z, fault = np.linspace(0.0, 3.0, 30), as_fault(text)
    few = control(
        fault,
        lambda number: fault.draw(z, USUAL, 100, number),
        lambda draws: verify_draws(draws, z, pipeline=USUAL, false_alarm=1e-6),
        z,
        USUAL,
    )
    assert not few
    assert few.draws == 100 < few.needed
