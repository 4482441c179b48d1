"""Claims that the book makes: each is asserted when the book is built, and shown with its evidence.

A chapter calls ``claim(...)`` in a code cell. A claim that does not hold raises, and so stops the build; one that
holds leaves a badge in the cell's output. A claim that nothing could refute is no claim: each plants at least one fault
in its own evidence, judged by the same test, and a fault that passes stops the build too. The ledger
(``_ext/ledger.py``) reads the badges from the pages, so that it says what the pages say, whether a cell was executed
just now or its output came from the cache.
"""

from __future__ import annotations

import html
import inspect
import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from IPython.display import display

# A page has a style sheet, and a notebook has none.
FRAME = "border-block: 1px solid var(--ss-hair, #8888); padding: 0.65rem 0; margin: 1rem 0; max-width: 44rem"


class ClaimError(AssertionError):
    """A claim of the book that its own evidence contradicts, or that a planted fault does not contradict."""


class Badge:
    """What a reader sees of a claim that holds."""

    def __init__(self, fields: dict[str, Any]) -> None:
        self.fields = fields

    def __repr__(self) -> str:
        return f"Claim {self.fields['id']} holds: {self.fields['sentence']} ({self.fields['evidence']})"

    def _repr_html_(self) -> str:
        text = {key: html.escape(value) for key, value in self.fields.items() if isinstance(value, str)}
        erratum = (
            f'<p class="claim-erratum"><b>Often told wrong.</b> {text["erratum"]}</p>' if "erratum" in text else ""
        )
        tested = html.escape(tested_in_words(self.fields))
        return (
            f'<div class="claim" id="claim-{text["id"]}" role="note" aria-label="Claim {text["id"]}" style="{FRAME}" '
            f'data-claim="{html.escape(json.dumps(self.fields))}">'
            '<p class="claim-sentence"><span class="claim-mark" aria-hidden="true">✓</span> '
            f"<b>{text['sentence']}</b></p>"
            f'{erratum}<p class="claim-evidence">{text["evidence"]}</p><p class="claim-tested">{tested}</p></div>'
        )


def tested_in_words(fields: Mapping[str, Any]) -> str:
    """Return over what a claim was tested, and which faults would have stopped the build."""
    over = f"Tested over {fields['over']}. " if fields["over"] else ""
    return f"{over}It would have failed with: {'; '.join(fields['faults'])}."


def claim(
    id: str,
    sentence: str,
    *,
    evidence: str,
    measured: Mapping[str, Any],
    holds: Callable[..., bool],
    faults: Mapping[str, Mapping[str, Any]],
    over: str | None = None,
    erratum: str | None = None,
) -> None:
    """State a claim; stop if it does not hold, or if it would still hold with a planted fault.

    Parameters
    ----------
    id : str
        Short name, unique in the book: lower-case letters, digits and hyphens.
    sentence : str
        The claim as a person would say it.
    evidence : str
        What was measured, with its figures, computed in the same cell.
    measured : mapping
        The evidence itself, by name: numbers, arrays, or functions that give them.
    holds : callable
        Takes what was measured, by name, and returns whether it bears the claim out: exactly what the sentence says.
    faults : mapping
        Faults in words ("a temperature 5 % too high"), at least one, each with what it changes of ``measured``. With
        any of them the claim must not hold.
    over : str, optional
        Over how many cases the claim was tested, and how they were chosen ("200 random systems of 2 to 12 levels").
    erratum : str, optional
        What the common telling gets wrong, where it does.

    Raises
    ------
    ClaimError
        If the claim does not hold, or if it holds in spite of a planted fault. The build of the book stops.
    TypeError, ValueError
        If the test does not answer with a truth value, if no fault is planted, if a fault changes nothing that was
        measured, or if the id or a text is missing: a mistaken call must not pass for evidence.

    Examples
    --------
    >>> claim(
    ...     "one-third",
    ...     "Each level holds a third.",
    ...     evidence="the shares are 0.333, 0.334, 0.333",
    ...     measured=dict(shares=[0.333, 0.334, 0.333]),
    ...     holds=lambda shares: max(abs(share - 1 / 3) for share in shares) < 0.002,
    ...     faults={"one share a hundredth too large": dict(shares=[0.343, 0.334, 0.323])},
    ... )
    Claim one-third holds: Each level holds a third. (the shares are 0.333, 0.334, 0.333)
    """
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", id):
        raise ValueError(f"id must be lower-case letters, digits and hyphens, got {id!r}; for example 'cold-ties'")
    for name, text in {"sentence": sentence, "evidence": evidence}.items():
        if not text.strip():
            raise ValueError(f"{name} must say something, got {text!r}")
    if not callable(holds):
        raise TypeError(f"holds must be a function of what was measured, got {holds!r}; pass a lambda")
    if not faults:
        raise ValueError(f"faults must plant at least one, got {faults!r}; name an error that the test would see")
    for fault, changes in faults.items():
        unknown = [name for name in changes if name not in measured]
        if unknown or not changes:
            raise ValueError(
                f"faults must change what was measured ({', '.join(measured)}), got {list(changes)} in {fault!r}"
            )
    if not _judge(id, holds, measured):
        raise ClaimError(f"claim {id!r} does not hold: {sentence} Evidence: {evidence}")
    for fault, changes in faults.items():
        if _judge(id, holds, {**measured, **changes}):
            raise ClaimError(f"claim {id!r} cannot fail: it holds with this fault planted, too: {fault}")
    display(
        Badge(
            {
                "id": id,
                "sentence": sentence,
                "evidence": evidence,
                "over": over,
                "faults": list(faults),
                "erratum": erratum,
            }
        )
    )


def _judge(id: str, holds: Callable[..., bool], measured: Mapping[str, Any]) -> bool:
    wanted = inspect.signature(holds).parameters
    if set(wanted) != set(measured):
        raise TypeError(
            f"holds of claim {id!r} must take what was measured ({', '.join(measured)}), got {list(wanted)}"
        )
    answer = holds(**measured)
    # A number, an array or None would be true or false by accident.
    if type(answer).__name__ not in ("bool", "bool_"):
        raise TypeError(f"holds must answer True or False, got {answer!r}; compare the evidence with something")
    return bool(answer)
