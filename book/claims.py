"""Claims that the book makes: each is asserted when the book is built, and shown with its evidence.

A chapter calls ``claim(...)`` in a code cell. A claim that does not hold raises, and so stops the build; one that
holds leaves a badge in the cell's output. The ledger (``_ext/ledger.py``) reads the badges from the pages, so that
it says what the pages say, whether a cell was executed just now or its output came from the cache.
"""

from __future__ import annotations

import html
import json
import re

from IPython.display import display


class ClaimError(AssertionError):
    """A claim of the book that its own evidence contradicts."""


class Badge:
    """What a reader sees of a claim that holds."""

    def __init__(self, fields: dict[str, str | None]) -> None:
        self.fields = fields

    def __repr__(self) -> str:
        return f"Claim {self.fields['id']} holds: {self.fields['sentence']} ({self.fields['evidence']})"

    def _repr_html_(self) -> str:
        text = {key: html.escape(value or "") for key, value in self.fields.items()}
        erratum = f'<p class="claim-erratum"><b>Often told wrong.</b> {text["erratum"]}</p>' if text["erratum"] else ""
        return (
            f'<div class="claim" id="claim-{text["id"]}" role="note" aria-label="Claim {text["id"]}" '
            f'data-claim="{html.escape(json.dumps(self.fields))}">'
            f'<p class="claim-sentence"><span class="claim-mark" aria-hidden="true">✓</span> {text["sentence"]}</p>'
            f'{erratum}<p class="claim-evidence">{text["evidence"]}</p></div>'
        )


def claim(id: str, sentence: str, *, evidence: str, holds: bool, erratum: str | None = None) -> None:
    """State a claim, and stop if it does not hold.

    Parameters
    ----------
    id : str
        Short name, unique in the book: lower-case letters, digits and hyphens.
    sentence : str
        The claim as a person would say it.
    evidence : str
        What was measured, with its figures, computed in the same cell.
    holds : bool
        Whether the evidence bears the claim out.
    erratum : str, optional
        What the common telling gets wrong, where it does.

    Raises
    ------
    ClaimError
        If the claim does not hold. The build of the book stops.
    TypeError, ValueError
        If ``holds`` is not a truth value, or the id or a text is missing: a mistaken call must not pass for evidence.
    """
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", id):
        raise ValueError(f"id must be lower-case letters, digits and hyphens, got {id!r}; for example 'cold-ties'")
    for name, text in {"sentence": sentence, "evidence": evidence}.items():
        if not text.strip():
            raise ValueError(f"{name} must say something, got {text!r}")
    # A number, an array or None would be true or false by accident.
    if type(holds).__name__ not in ("bool", "bool_"):
        raise TypeError(f"holds must be True or False, got {holds!r}; compare the evidence with something")
    if not holds:
        raise ClaimError(f"claim {id!r} does not hold: {sentence} Evidence: {evidence}")
    display(Badge({"id": id, "sentence": sentence, "evidence": evidence, "erratum": erratum}))
