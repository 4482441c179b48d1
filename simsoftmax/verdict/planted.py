"""Faults to be planted: draws that are wrong on purpose, on which a test of a sampler shows that it sees.

Each `Fault` is what `verify_draws` means by the errors that it promises to catch: a temperature that is off after all
steps of the pipeline, mass lost at the tail of every row, a share of draws that come evenly from the whole vocabulary.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..arguments import Reals
from ..results import Displayed, counted
from ..sampling import Pipeline, Temperature, TopP
from .power import percent
from .samplers import DrawsVerdict, required_draws

__all__ = ["Control", "Fault", "as_fault", "control"]

_REMEDY = "pass 'temperature 5 %', 'top-p 0.99', 'noise 1 %' or a faulty sampler"
_SHARE = re.compile(r"(temperature|noise)\s+([+-]?\d+(?:\.\d*)?|[+-]?\.\d+)\s*%")
_FACTORS = (2, 4, 8, 16, 32, 64)  # how many times as many draws are tried, to say how many would do
_NUCLEUS = re.compile(r"top-p\s+(\d*\.\d+)")


@dataclass(frozen=True)
class Fault(Displayed):
    """A fault with a size.

    Attributes
    ----------
    kind : {"temperature", "top-p", "noise"}
    size : float
        The relative error of T, below 0 for too cold; the mass that is lost at the tail; the share of even noise.
    """

    kind: Literal["temperature", "top-p", "noise"]
    size: float

    def __str__(self) -> str:
        return f"top-p {1 - self.size:g}" if self.kind == "top-p" else f"{self.kind} {100 * self.size:g} %"

    def draw(self, logits: Reals, pipeline: Pipeline, size: int | None, seed: int) -> NDArray[np.int64]:
        """Draw as `Pipeline.sample` does, but for the fault."""
        rng = np.random.default_rng(seed)
        steps = list(pipeline.steps)
        if self.kind == "temperature":
            steps.append(Temperature(1 + self.size))
        elif self.kind == "top-p":
            steps.append(TopP(1 - self.size))
        draws = Pipeline(steps).sample(logits, size=size, rng=rng)
        if self.kind == "noise":
            levels = np.asarray(logits).shape[-1]
            noisy = rng.random(draws.shape) < self.size
            draws = np.where(noisy, rng.integers(levels, size=draws.shape), draws)
        return draws

    def promised(self, verdict: DrawsVerdict) -> bool:
        """Return whether a verdict, right or wrong, states that an error of this size is caught."""
        least = {
            "temperature": verdict.detectable_temperature,
            "top-p": verdict.detectable_truncation,
            "noise": verdict.detectable_noise,
        }[self.kind]
        return least <= abs(self.size)


def as_fault(text: object) -> Fault:
    """Return the fault that a text describes: ``temperature 5 %``, ``top-p 0.99``, ``noise 1 %``.

    Raises
    ------
    TypeError, ValueError
        If it is no text, or describes none.
    """
    if not isinstance(text, str):
        raise TypeError(f"fault must be a text or a sampler, got {text!r}; {_REMEDY}")
    shown = " ".join(text.split())
    if nucleus := _NUCLEUS.fullmatch(shown):
        lost = 1 - float(nucleus[1])
        if not 0 < lost < 1:
            raise ValueError(f"fault must leave a share of the mass between 0 and 1, got {text!r}; {_REMEDY}")
        return Fault("top-p", lost)
    share = _SHARE.fullmatch(shown)
    if share is None:
        raise ValueError(f"fault must have a kind and a size, got {text!r}; {_REMEDY}")
    size = float(share[2]) / 100
    if share[1] == "temperature":
        if size <= -1 or size == 0:
            raise ValueError(f"fault must change the temperature, and leave it above 0, got {text!r}; {_REMEDY}")
        return Fault("temperature", size)
    if not 0 < size <= 1:
        raise ValueError(f"fault must be noise of more than 0 and at most 100 %, got {text!r}; {_REMEDY}")
    return Fault("noise", size)


@dataclass(frozen=True)
class Control(Displayed):
    """What became of a planted fault.

    Attributes
    ----------
    fault : str
    caught : bool
        Whether the draws failed, and a verdict on so many promises that such draws fail; also the truth value.
    p_value : float
    draws, needed : int
        How many were made, and how many would do; 0 if `_FACTORS` holds no number that does.
    power : float
        With which the needed ones do.
    """

    fault: str
    caught: bool
    p_value: float
    draws: int
    needed: int
    power: float

    def __bool__(self) -> bool:
        return self.caught

    def __str__(self) -> str:
        if self.caught:
            return f"{self.fault} was planted and caught (p = {self.p_value:.2g})."
        remedy = (
            f"take {counted(self.needed, 'draw')}"
            if self.needed
            else f"plant a larger fault, for {_FACTORS[-1]} times as many draws would not do either"
        )
        return (
            f"The sample is too small for its planted fault: {counted(self.draws, 'draw')} do not show {self.fault} "
            f"with {percent(self.power)} power (p = {self.p_value:.2g}); {remedy}."
        )


def control(
    fault: Fault | str,
    draw: Callable[[int], Any],
    judge: Callable[[Any], DrawsVerdict],
    logits: Reals,
    pipeline: Pipeline,
) -> Control:
    """Plant a fault, and tell whether it is caught and, if it is not, how many draws would do.

    Parameters
    ----------
    fault : Fault or str
        A fault of known size, or the name of another.
    draw : callable
        Returns as many wrong draws as the sampler made, others for each whole number.
    judge : callable
        Returns the verdict on draws.
    logits, pipeline
        As in `verify_draws`.
    """

    def seen(verdict: DrawsVerdict) -> bool:
        return not verdict and (not isinstance(fault, Fault) or fault.promised(verdict))

    draws = [draw(0)]
    verdict = judge(draws[0])

    def found(caught: bool, needed: int) -> Control:
        return Control(str(fault), caught, verdict.p_value, verdict.draws, needed, verdict.power)

    if seen(verdict):
        return found(True, verdict.draws)
    if isinstance(fault, Fault) and fault.kind == "temperature" and not fault.promised(verdict):
        needed = required_draws(
            logits,
            pipeline=pipeline,
            relative_error=abs(fault.size),
            false_alarm=verdict.false_alarm,
            power=verdict.power,
        )
        return found(False, needed)
    for factor in _FACTORS:
        draws += [draw(number) for number in range(len(draws), factor)]
        tables = [np.reshape(each, (verdict.rows, -1)) for each in draws]
        if seen(judge(np.concatenate(tables, axis=1))):
            return found(False, factor * verdict.draws)
    return found(False, 0)
