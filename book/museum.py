"""The museum of wrong samplers: faults that real projects had, each in a few lines.

Every exhibit has a sampler, the contexts that it is judged on, and a check that lets it through. A sampler takes rows
of scores, the pipeline that it should follow, and a generator; it returns one token for each row.

A check draws many times from one row, as projects do, and looks at the shares. Which project had which fault is said in
``seen``; the pairing with a check is ours, as few reports say what had been tested.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from simsoftmax import Pipeline, Temperature, TopK, TopP, softmax

Floats = NDArray[Any]
Tokens = NDArray[np.int64]
Sampler = Callable[[Floats, Pipeline, np.random.Generator], Tokens]

HALF_LARGEST, HALF_SMALLEST = 65504.0, 2.0**-14  # of the normal numbers of a half-precision float
TICK = 2.0**-24  # between two uniform random numbers of single precision


# --- what is right ----------------------------------------------------------------------------------------------------


def invert(p: Floats, u: Floats) -> Tokens:
    """Return the token of each row in whose part of the distribution function u lies."""
    sums = np.cumsum(p, axis=1)
    return np.minimum((sums <= u[:, None] * sums[:, -1:]).sum(axis=1), p.shape[1] - 1)


def right(z: Floats, pipeline: Pipeline, rng: np.random.Generator) -> Tokens:
    """Draw from the stated distribution."""
    return invert(pipeline.probabilities(z), rng.random(len(z)))


# --- temperature ------------------------------------------------------------------------------------------------------


def applied_twice(z: Floats, pipeline: Pipeline, rng: np.random.Generator) -> Tokens:
    """Divide the scores by T, and hand them to a function that divides them by T."""
    return right(z / pipeline.temperature, pipeline, rng)


def never_applied(z: Floats, pipeline: Pipeline, rng: np.random.Generator) -> Tokens:
    """Take the temperature as an argument, and forget it."""
    return invert(softmax(z), rng.random(len(z)))


def hotter(share: float) -> Sampler:
    """Return a sampler that runs hotter by a share."""

    def sampler(z: Floats, pipeline: Pipeline, rng: np.random.Generator) -> Tokens:
        return right(z, Pipeline([*pipeline.steps, Temperature(1 + share)]), rng)

    return sampler


def after_the_nucleus(z: Floats, pipeline: Pipeline, rng: np.random.Generator) -> Tokens:
    """Filter first, and divide by the temperature last."""
    heat = [step for step in pipeline.steps if isinstance(step, Temperature)]
    filters = [step for step in pipeline.steps if not isinstance(step, Temperature)]
    return right(z, Pipeline([*filters, *heat]), rng)


def greedy_when_cold(z: Floats, pipeline: Pipeline, rng: np.random.Generator) -> Tokens:
    """Take a temperature below 0.3 for zero."""
    return z.argmax(axis=1) if pipeline.temperature < 0.3 else right(z, pipeline, rng)


def overflowing(z: Floats, pipeline: Pipeline, rng: np.random.Generator) -> Tokens:
    """Take exp(z / T) in half precision, where it ends at 65504: what would be larger is all alike."""
    with np.errstate(over="ignore"):
        return invert(np.minimum(np.exp(z / pipeline.temperature), HALF_LARGEST), rng.random(len(z)))


# --- distributions ----------------------------------------------------------------------------------------------------


def softmax_twice(z: Floats, pipeline: Pipeline, rng: np.random.Generator) -> Tokens:
    """Take probabilities for scores."""
    return invert(softmax(pipeline.probabilities(z)), rng.random(len(z)))


def speculative(z: Floats, pipeline: Pipeline, rng: np.random.Generator) -> Tokens:
    """Let a draft propose and the model accept, with the draft's probabilities from before the temperature.

    The draft knows the scores to a half only. Accepting with min(1, p/q), and drawing from what p has above q
    otherwise, is exact with the q that proposes (Y. Leviathan et al., 2023).
    """
    draft = np.round(2 * z) / 2
    p, q = pipeline.probabilities(z), pipeline.probabilities(draft)
    proposed = invert(q, rng.random(len(z)))
    at = np.arange(len(z)), proposed
    accepted = rng.random(len(z)) * softmax(draft)[at] < p[at]
    return np.where(accepted, proposed, invert(np.maximum(p - q, 0) + 1e-300, rng.random(len(z))))


def top_k_less_one(z: Floats, pipeline: Pipeline, rng: np.random.Generator) -> Tokens:
    """Count from zero, and leave k - 1 tokens."""
    return right(z, Pipeline(TopK(s.k - 1) if isinstance(s, TopK) else s for s in pipeline.steps), rng)


def nucleus_without_crossing(z: Floats, pipeline: Pipeline, rng: np.random.Generator) -> Tokens:
    """Leave the tokens whose mass stays below p, without the one that crosses it."""
    (share,) = (step.p for step in pipeline.steps if isinstance(step, TopP))
    p = softmax(z, pipeline.temperature)
    order = np.argsort(-p, axis=1)
    ranked = np.take_along_axis(p, order, axis=1)
    kept = np.cumsum(ranked, axis=1) < share
    kept[:, 0] = True
    chosen = invert(np.where(kept, ranked, 0.0), rng.random(len(z)))
    return order[np.arange(len(z)), chosen]


# --- what must not be drawn -------------------------------------------------------------------------------------------


def filtered_to_a_number(z: Floats, pipeline: Pipeline, rng: np.random.Generator) -> Tokens:
    """Set filtered scores to a large negative number, and keep weights from vanishing in half precision."""
    allowed = pipeline.probabilities(z) > 0
    scores = np.where(allowed, z, -1e4) / pipeline.temperature
    weights = np.exp(scores - scores.max(axis=1, keepdims=True))
    return invert(np.maximum(weights, HALF_SMALLEST), rng.random(len(z)))


def padding_drawn(z: Floats, pipeline: Pipeline, rng: np.random.Generator) -> Tokens:
    """Leave the tokens that fill the vocabulary up to a round number at the score of an untrained output, zero."""
    return right(np.where(np.isneginf(z), 0.0, z), pipeline, rng)


def uniform_of_one(z: Floats, pipeline: Pipeline, rng: np.random.Generator) -> Tokens:
    """Round a uniform number to half precision: it may be 1, and then belongs to the last token, whatever that is."""
    u = rng.random(len(z)).astype(np.float16)
    return invert(pipeline.probabilities(z), u)


# --- digits -----------------------------------------------------------------------------------------------------------
# One row with a first token, and a great many others that are alike and rare.


def noise_without_a_tail(z: Floats, pipeline: Pipeline, rng: np.random.Generator) -> Tokens:
    """Give the draw to the least of E / p, with E = -ln(1 - u) of a u that is zero or at least 2^-24, so never tiny.

    The others are alike, so that the least of their E is found at once: all exceed j ticks with (1 - j tick)^others.
    """
    p = pipeline.probabilities(z[0])
    others = len(p) - 1
    first = -np.log1p(-rng.integers(1, 2**24, len(z)) * TICK)
    least = TICK * np.ceil(-np.expm1(np.log(rng.random(len(z))) / others) / TICK)
    return np.where(first / p[0] <= least / p[1], 0, rng.integers(1, others + 1, len(z)))


def single_sums(z: Floats, pipeline: Pipeline, rng: np.random.Generator) -> Tokens:
    """Add the probabilities up in single precision, one by one: what is below half a digit of the sum is lost."""
    sums = np.cumsum(pipeline.probabilities(z[0]).astype(np.float32), dtype=np.float32)
    return np.minimum(np.searchsorted(sums, rng.random(len(z)) * sums[-1], "right"), len(sums) - 1)


# --- random numbers ---------------------------------------------------------------------------------------------------


def one_seed_a_batch(z: Floats, pipeline: Pipeline, rng: np.random.Generator) -> Tokens:
    """Draw all rows of a batch of 100 with one random number."""
    return invert(pipeline.probabilities(z), np.repeat(rng.random(-(-len(z) // 100)), 100)[: len(z)])


def one_seed_for_all_workers(z: Floats, pipeline: Pipeline, rng: np.random.Generator) -> Tokens:
    """Share the rows out to 100 workers, a stretch each, that all begin with the same seed."""
    each = -(-len(z) // 100)
    return invert(pipeline.probabilities(z), np.tile(rng.random(each), 100)[: len(z)])


# --- checks as they are made ------------------------------------------------------------------------------------------


def shares(draws: Tokens, p: Floats) -> Floats:
    """Return how often each token was drawn."""
    return np.bincount(draws, minlength=len(p)) / len(draws)


def cosine(draws: Tokens, p: Floats) -> bool:
    """Return whether the cosine of shares and probabilities is above 0.99."""
    q = shares(draws, p)
    return bool(q @ p > 0.99 * np.linalg.norm(q) * np.linalg.norm(p))


def divergence(draws: Tokens, p: Floats) -> bool:
    """Return whether the KL divergence of the shares from the probabilities is below 0.01."""
    q = shares(draws, p)
    drawn = q > 0
    with np.errstate(divide="ignore"):
        return bool((q[drawn] * np.log(q[drawn] / p[drawn])).sum() < 0.01)


def distance_ratio(draws: Tokens, p: Floats) -> bool:
    """Return whether the distance to p shrinks, from ten draws to all, twenty times as much as that to another one."""
    few, many, other = shares(draws[:10], p), shares(draws, p), p[::-1]

    def shrinks(to: Floats) -> float:
        return float(np.linalg.norm(few - to) / np.linalg.norm(many - to))

    return shrinks(p) > 20 * shrinks(other)


def inside(draws: Tokens, p: Floats) -> bool:
    """Return whether no token was drawn that the filters forbid."""
    return bool((p[draws] > 0).all())


def same_favourite(draws: Tokens, p: Floats) -> bool:
    """Return whether the likeliest token was drawn most often."""
    return bool(shares(draws, p).argmax() == p.argmax())


class Check(NamedTuple):
    """A rule, the row and the pipeline that it is tried on, and how many tokens are drawn from that row."""

    words: str
    rule: Callable[[Tokens, Floats], bool]
    row: Floats
    pipeline: Pipeline
    draws: int = 100_000

    def green(self, sampler: Sampler, rng: np.random.Generator) -> bool:
        """Return whether a sampler passes."""
        z = np.broadcast_to(self.row, (self.draws, len(self.row)))
        block = 20_000 if len(self.row) < 1_000 else self.draws
        drawn = [sampler(z[start : start + block], self.pipeline, rng) for start in range(0, self.draws, block)]
        return self.rule(np.concatenate(drawn), self.pipeline.probabilities(self.row))


# --- the museum -------------------------------------------------------------------------------------------------------

LEVELS, CONTEXTS = 100, 20_000
OFTEN = "in many projects, again and again"


def gaussian(contexts: int, masked: int = 0, levels: int = LEVELS, width: float = 2.0) -> Floats:
    """Return rows of Gaussian scores, of which the last tokens cannot be drawn."""
    z = width * np.random.default_rng([5, levels]).standard_normal((contexts, levels))
    z[:, levels - masked :] = -np.inf
    return z


def related(contexts: int) -> Floats:
    """Return rows that like the same tokens, as contexts of one language do."""
    rng = np.random.default_rng(9)
    return 1.7 * rng.standard_normal(LEVELS) + 0.6 * rng.standard_normal((contexts, LEVELS))


def far(gap: float, contexts: int) -> Floats:
    """Return one row, many times: a first token, and 131,071 others that lie lower by a gap. It takes no memory."""
    row = np.full(131_072, -gap)
    row[0] = 0.0
    return np.broadcast_to(row, (contexts, len(row)))


@dataclass(frozen=True)
class Exhibit:
    """A wrong sampler, where it was seen, the check that lets it through, and the contexts that convict it."""

    name: str
    seen: str
    sampler: Sampler
    check: Check
    pipeline: Pipeline
    contexts: Floats

    @property
    def logits(self) -> Floats:
        """Return what `verify_draws` is given: a row that repeats is given once."""
        return self.contexts[0] if self.contexts.strides[0] == 0 else self.contexts


def museum() -> list[Exhibit]:
    """Return all exhibits."""
    usual, row, alike = gaussian(CONTEXTS), gaussian(1)[0], related(CONTEXTS)
    padded, padded_row = gaussian(2 * CONTEXTS, 8), gaussian(1, 8)[0]
    warm, default = Pipeline.of(0.7), Pipeline.of(1.0)
    top_k, nucleus = Pipeline.of(0.7, top_k=20), Pipeline.of(0.7, top_p=0.9)
    often = OFTEN
    by_default = Check("cosine above 0.99, at the default T of 1", cosine, row, default)

    def like(pipeline: Pipeline, at: Floats = row) -> Check:
        return Check("cosine above 0.99", cosine, at, pipeline)

    def allowed(pipeline: Pipeline) -> Check:
        return Check("no forbidden token", inside, row, pipeline)

    ten = gaussian(1, levels=10, width=0.5)[0]
    return [
        Exhibit("temperature applied twice", often, applied_twice, by_default, warm, usual),
        Exhibit("temperature never applied", often, never_applied, by_default, warm, usual),
        Exhibit(
            "temperature 16 % too hot",
            "no bug: FlashInfer tests its sampling kernels by this rule",
            hotter(0.16),
            like(warm),
            warm,
            usual,
        ),
        Exhibit(
            "temperature 3 % too hot",
            "no bug: vLLM tests its rejection sampler by a rule of this kind",
            hotter(0.03),
            Check("ratio of distances, vocabulary of 10", distance_ratio, ten, default),
            warm,
            usual,
        ),
        Exhibit("temperature after the nucleus", often, after_the_nucleus, like(nucleus), nucleus, usual),
        Exhibit(
            "greedy below a small temperature",
            often,
            greedy_when_cold,
            Check("the likeliest token comes most often", same_favourite, row, Pipeline.of(0.25)),
            Pipeline.of(0.25),
            usual,
        ),
        Exhibit("temperature in float16 overflows", often, overflowing, by_default, Pipeline.of(0.3), usual),
        Exhibit(
            "softmax applied twice",
            "tt-metal, a pull request of 2025",
            softmax_twice,
            Check("the likeliest token comes most often", same_favourite, row, warm),
            warm,
            usual,
        ),
        Exhibit(
            "speculative acceptance from the wrong distribution",
            "transformers, issue 47932: a total variation of 0.0485 in the median, 0.31 at worst",
            speculative,
            like(warm),
            warm,
            usual,
        ),
        Exhibit("top-k off by one", often, top_k_less_one, allowed(top_k), top_k, usual),
        Exhibit(
            "nucleus without its crossing token", often, nucleus_without_crossing, allowed(nucleus), nucleus, usual
        ),
        Exhibit(
            "filtered to a number",
            "transformers, issue 23088: 0.158 % of the draws were forbidden tokens",
            filtered_to_a_number,
            like(top_k),
            top_k,
            usual,
        ),
        Exhibit("padding tokens drawn", often, padding_drawn, like(warm, padded_row), warm, padded),
        Exhibit(
            "zero probability drawn",
            "torch.multinomial, issue 48841",
            uniform_of_one,
            like(warm, padded_row),
            warm,
            padded,
        ),
        Exhibit(
            "noise without a tail",
            "vLLM, issue 43150: no hit where 32.76 were expected",
            noise_without_a_tail,
            Check("KL below 0.01", divergence, far(20.5, 1)[0], default),
            default,
            far(20.5, 1_000_000),
        ),
        Exhibit(
            "sums in float32",
            "torch.multinomial, issue 43115: categories beyond 2^24 are lost",
            single_sums,
            Check("KL below 0.01", divergence, far(17.5, 1)[0], default),
            default,
            far(17.5, 100_000),
        ),
        Exhibit("one seed for every row of a batch", often, one_seed_a_batch, like(warm), warm, alike),
        Exhibit("one seed for every worker", often, one_seed_for_all_workers, like(warm), warm, alike),
    ]
