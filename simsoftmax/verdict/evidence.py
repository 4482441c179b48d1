"""Evidence against softmax that may be watched while a sampler runs."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ..arguments import Reals, as_counts, as_positive, as_probability, as_temperature, as_vector_logits
from ..boltzmann import softmax
from ..results import Displayed, counted

__all__ = ["EProcess"]


class EProcess(Displayed):
    """Evidence against softmax that may be watched after every draw.

    The evidence is the ratio of two forecasts of the draws: that of a Dirichlet mixture centred on the null, which
    learns, and that of the null itself. Under the null it is a nonnegative martingale of mean 1, so it ever exceeds
    1 / a with probability at most a (J. Ville 1939): one may look at every step and stop at will. A. Ramdas, P.
    Gruenwald, V. Vovk and G. Shafer (2023) review such e-processes. It costs power: for a final answer use `verify`.

    Parameters
    ----------
    logits : array_like, shape (K,)
        Scores z; -inf marks a level that cannot be occupied.
    temperature : float, optional
        T >= 0 in units of the logits.
    concentration : float, optional
        Weight of the prior in draws: larger looks for smaller errors. The number of allowed levels if not given.

    See Also
    --------
    verify : Whether counts follow softmax.

    Examples
    --------
    >>> watch = EProcess([2.0, 1.0, 0.1])
    >>> watch.update([7100, 2300, 600])
    >>> watch.alarm(1e-6)
    True
    """

    def __init__(self, logits: Reals, temperature: float = 1.0, *, concentration: float | None = None) -> None:
        z, t = as_vector_logits(logits), float(as_temperature(temperature, scalar=True))
        self._probabilities = np.asarray(softmax(z, t), dtype=np.float64)
        allowed = float((self._probabilities > 0).sum())
        self._concentration = allowed if concentration is None else as_positive("concentration", concentration)
        self._counts = np.zeros(len(z), dtype=np.int64)
        self._log_evidence = 0.0
        self._highest = 0.0

    def update(self, counts: Reals) -> None:
        """Add new draws, given as counts per level; those added before are remembered."""
        from ..kernels.page.evidence import grow_evidence

        added = as_counts(counts, len(self._counts))
        if int(added.sum()) + int(self._counts.sum()) > 2**53:
            raise ValueError(
                f"counts must sum to at most 2**53 draws over all updates, got {int(added.sum()):,} more after "
                f"{int(self._counts.sum()):,}; begin a new EProcess"
            )
        self._log_evidence = float(
            grow_evidence(self._log_evidence, self._counts, added, self._probabilities, self._concentration)
        )
        self._highest = max(self._highest, self._log_evidence)

    @property
    def counts(self) -> NDArray[np.int64]:
        """All draws so far, shape (K,)."""
        return self._counts.copy()

    @property
    def log_evidence(self) -> float:
        """Natural logarithm of the present evidence; infinite once a level of probability zero was drawn."""
        return self._log_evidence

    @property
    def evidence(self) -> float:
        """The present evidence: a bet against the null with a fair stake of 1 would be worth this much now."""
        return math.exp(self._log_evidence) if self._log_evidence < 709 else math.inf

    def alarm(self, false_alarm: float = 1e-3) -> bool:
        """Return whether the evidence has ever, at the end of an update, reached 1 / false_alarm."""
        return self._highest >= -math.log(as_probability("false_alarm", false_alarm))

    def __str__(self) -> str:
        draws = counted(int(self._counts.sum()), "draw")
        if self._highest <= 0:
            return (
                f"After {draws} the evidence against softmax is {self.evidence:.3g}, and it has never been above 1: "
                "nothing speaks against the sampler."
            )
        return (
            f"After {draws} the evidence against softmax is {self.evidence:.3g}; a perfect "
            f"sampler ever reaches its highest value of {math.exp(min(self._highest, 709)):.3g} with probability at "
            f"most {math.exp(-self._highest):.2g}."
        )

    def __repr__(self) -> str:
        return f"<EProcess: {self}>"
