"""Evidence that may be watched: exact, fair under the null, and never wrong too often."""

import math

import mpmath
import numpy as np
import pytest
from limits import all_outcomes, at_most
from short import repeated

from simsoftmax import EProcess, softmax

EXAMPLE = np.array([2.0, 1.0, 0.1])


def test_evidence_is_the_dirichlet_multinomial_ratio(rng):
    p, counts = softmax(EXAMPLE, 2.0), np.array([40, 70, 3])
    watch = EProcess(EXAMPLE, 2.0)
    watch.update(counts)
    a = 3 * p
    with mpmath.workdps(40):
        exact = mpmath.loggamma(a.sum()) - mpmath.loggamma(a.sum() + counts.sum())
        for ai, ni, pi in zip(a, counts.tolist(), p, strict=True):
            exact += mpmath.loggamma(ai + ni) - mpmath.loggamma(ai) - ni * mpmath.log(pi)
    assert watch.log_evidence == pytest.approx(float(exact), rel=1e-10)
    stepwise = EProcess(EXAMPLE, 2.0)
    for level in rng.permutation(np.repeat(np.arange(3), counts)):
        stepwise.update(np.eye(3, dtype=int)[level])
    assert stepwise.log_evidence == pytest.approx(watch.log_evidence, rel=1e-10)
    assert (stepwise.counts == counts).all()


def test_evidence_is_fair_under_the_null():
    # Exactly: over all outcomes of 12 draws, the mean of the evidence is 1.
    p = softmax(EXAMPLE, 2.0)
    counts, chance = all_outcomes(p, 12)
    total = 0.0
    for n, weight in zip(counts, chance, strict=True):
        watch = EProcess(EXAMPLE, 2.0, concentration=5)
        watch.update(n)
        total += weight * watch.evidence
    assert total == pytest.approx(1, rel=1e-9)


@pytest.mark.parametrize("runs", repeated(300, 1000))
def test_peeking_is_allowed_at_evidence_and_not_at_chi_square(runs, rng):
    p, looks, batch = softmax(EXAMPLE, 2.0), 40, 50
    alarms = peeks = 0
    for _ in range(runs):
        watch, seen, peeked = EProcess(EXAMPLE, 2.0), np.zeros(3), False
        for _ in range(looks):
            draws = rng.multinomial(batch, p)
            watch.update(draws)
            seen += draws
            n = seen.sum()
            peeked |= ((seen - n * p) ** 2 / (n * p)).sum() > 9.21  # the 1 % point of two degrees of freedom
        alarms += watch.alarm(0.01)
        peeks += peeked
    assert at_most(alarms, runs, 0.01)
    assert not at_most(peeks, runs, 0.01)
    wrong = EProcess(EXAMPLE, 2.0)
    wrong.update(rng.multinomial(20_000, softmax(EXAMPLE)))
    assert wrong.alarm(1e-9)


def test_evidence_of_the_impossible_is_infinite():
    watch = EProcess([0.0, 0.0, -np.inf])
    watch.update([5, 5, 0])
    assert not watch.alarm(0.5)
    watch.update([0, 0, 1])
    watch.update([50, 50, 0])
    assert math.isinf(watch.log_evidence)
    assert math.isinf(watch.evidence)
    assert watch.alarm(1e-300)
    assert "inf" in str(watch)
    with pytest.raises(ValueError, match="concentration must be > 0 and finite"):
        EProcess(EXAMPLE, concentration=0)


@pytest.mark.parametrize(
    ("levels", "draws", "concentration"),
    [(3, 1, None), (3, 2**53, None), (40, 10**12, 3.0), (5, 10**15, 1e-3), (5, 1000, 1e9), (5, 40, 1e-200)],
)
def test_evidence_keeps_its_digits_however_many_draws(levels, draws, concentration, rng):
    z = 2 * rng.normal(size=levels)
    p = softmax(z, 0.7)
    counts = rng.multinomial(draws, p / p.sum())
    watch = EProcess(z, 0.7, concentration=concentration)
    watch.update(counts)
    with mpmath.workdps(60):
        c = mpmath.mpf(levels if concentration is None else concentration)
        total = mpmath.fsum(map(mpmath.mpf, p.tolist()))
        exact = mpmath.loggamma(c) - mpmath.loggamma(c + draws)
        for ni, pi in zip(counts.tolist(), p.tolist(), strict=True):
            share = mpmath.mpf(pi) / total
            exact += mpmath.loggamma(c * share + ni) - mpmath.loggamma(c * share) - ni * mpmath.log(share)
    assert watch.log_evidence == pytest.approx(float(exact), rel=1e-9, abs=1e-7)


def test_a_batch_of_any_size_takes_no_time():
    watch = EProcess([0.0, 0.0, 0.0])
    watch.update([2**53 - 2, 1, 1])  # draw by draw it would take months
    assert watch.log_evidence == pytest.approx((2**53) * math.log(3), rel=1e-12)
    with pytest.raises(ValueError, match=r"counts must sum to at most 2\*\*53 draws over all updates"):
        watch.update([1, 0, 0])
    assert watch.counts.sum() == 2**53


def test_evidence_does_not_depend_on_the_batches(rng):
    p = softmax(EXAMPLE, 0.3)
    whole, parts = EProcess(EXAMPLE, 0.3), EProcess(EXAMPLE, 0.3)
    batches = rng.multinomial(10**9, p, size=200)
    for batch in batches:
        parts.update(batch)
    whole.update(batches.sum(axis=0))
    assert parts.log_evidence == pytest.approx(whole.log_evidence, abs=1e-8)


def test_evidence_that_never_rose_says_nothing_of_a_probability():
    watch = EProcess([2.0, 1.0, 0.1])
    assert "nothing speaks against the sampler" in str(watch)
    assert "at most 1" not in str(watch)
    watch.update([0, 0, 50])
    assert "with probability at most" in str(watch)


def test_an_alarm_is_remembered_though_the_evidence_falls_again():
    # Who may stop at will may also look late: Ville's inequality is about the highest value ever.
    watch, p = EProcess(EXAMPLE, 2.0), softmax(EXAMPLE, 2.0)
    watch.update([300, 50, 50])
    highest = watch.log_evidence
    assert watch.alarm(1e-3)
    watch.update(np.rint(10**6 * p - [300, 50, 50]).astype(int))
    assert watch.log_evidence < 0
    assert watch.alarm(1e-3)
    assert not watch.alarm(math.exp(-highest) / 1.001)
    assert watch.alarm(math.exp(-highest) * 1.001)
    assert f"highest value of {math.exp(highest):.3g} with probability at most {math.exp(-highest):.2g}" in str(watch)
