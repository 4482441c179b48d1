"""The Metropolis chain in theory: its transition matrix, its spectrum, and the sweeps it needs to forget its start.

A particle in level i proposes a level j and moves there with probability min(1, exp((z_j - z_i) / T)) (N. Metropolis et
al., "Equation of state calculations by fast computing machines", J. Chem. Phys. 21 (1953)).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from .arguments import Proposal, Reals, as_probability, as_temperature, as_vector_logits
from .boltzmann import log_partition, reduced_logits
from .proposals import Rule, as_proposal, matrix_moves
from .results import Result

__all__ = ["Relaxation", "boltzmann_exponents", "relaxation", "transition_matrix"]

BIAS = 1e-9  # the total variation that is meant where none is given
MOST_LEVELS_DENSE = 10_000  # a (K, K) matrix of float64 then takes 800 MB
CUTOFF = 1e4  # exp(-CUTOFF) is zero in float64, many times over


def boltzmann_exponents(logits: NDArray[np.float64], temperature: float) -> NDArray[np.float64]:
    """Return ln of the Boltzmann weights, (z - max z) / T, such that their differences decide every acceptance.

    At T = 0, or where a gap divided by T overflows, the true exponents are -inf and would no longer tell which of two
    levels is the lower. Only their order matters then, so gaps between successive levels are cut at a size whose
    exponential is zero.

    Returns
    -------
    ndarray of float64, shape (K,)
        At most 0; finite for every level that can be occupied, -inf for the others.
    """
    exponents = reduced_logits(logits, np.asarray(temperature))
    allowed = logits > -np.inf
    if not np.isneginf(exponents[allowed]).any():
        return exponents
    scores, place = np.unique(logits[allowed], return_inverse=True)
    with np.errstate(divide="ignore", over="ignore"):
        gaps = np.minimum(np.diff(scores) / temperature, CUTOFF)
    exponents[allowed] = -np.append(np.cumsum(gaps[::-1])[::-1], 0.0)[place]
    return exponents


def transition_matrix(
    logits: Reals, temperature: float = 1.0, *, proposal: Proposal = "uniform"
) -> NDArray[np.float64]:
    """Return the transition matrix of one sweep: P_ij = q_ij min(1, exp((z_j - z_i) / T)) for j other than i.

    Parameters
    ----------
    logits : array_like, shape (K,)
        Scores z; -inf marks a level that cannot be occupied.
    temperature : float, optional
        T >= 0 in units of the logits.
    proposal : {"uniform", "neighbour"} or array_like, shape (K, K), optional
        Any of the K levels, the present one included; one step along the ladder, a step off its end being a rejection;
        or a symmetric matrix q of proposal probabilities.

    Returns
    -------
    ndarray of float64, shape (K, K)
        Row i is where a particle in level i goes; rows sum to 1. A level that cannot be occupied keeps what it has.

    Raises
    ------
    TypeError
        If an argument is not of numbers.
    ValueError
        If logits, temperature or proposal are out of range, or if K is above 10,000 (see `relaxation`).

    See Also
    --------
    relaxation : How fast they find it.
    verify_average : The same for time averages of a chain.
    annealing.annealed_distribution : Where a schedule leaves a particle, exactly.

    Examples
    --------
    >>> from simsoftmax import softmax
    >>> p = transition_matrix([2.0, 1.0, 0.1], 0.5)
    >>> softmax([2.0, 1.0, 0.1], 0.5).round(6).tolist()
    [0.863777, 0.1169, 0.019323]
    >>> (softmax([2.0, 1.0, 0.1], 0.5) @ p).round(6).tolist()  # a sweep leaves it as it is
    [0.863777, 0.1169, 0.019323]
    """
    z = as_vector_logits(logits)
    t = float(as_temperature(temperature, scalar=True))
    rule = as_proposal(proposal, len(z))
    if len(z) > MOST_LEVELS_DENSE:
        raise ValueError(
            f"logits must have at most {MOST_LEVELS_DENSE} levels for a full matrix, got {len(z)}; "
            "relaxation() gives the spectrum without one"
        )
    return matrix_moves(boltzmann_exponents(z, t), rule.matrix)


@dataclass(frozen=True, eq=False)
class Relaxation(Result):
    """How fast particles forget where they started.

    Attributes
    ----------
    eigenvalues : ndarray of float64
        Of the transition matrix on the levels that can be occupied, falling, without the leading 1. For a neighbour
        proposal over more than 4096 levels, its two largest and its smallest only.
    spectral_gap : float
        1 minus the largest modulus of an eigenvalue: 0 if the chain is stuck or alternates for ever.
    minorisation : float
        A part of every row of the transition matrix that already is softmax; 0 where none is known.
    """

    eigenvalues: NDArray[np.float64]
    spectral_gap: float
    minorisation: float
    _log_probabilities: NDArray[np.float64] = field(repr=False)
    _ground: int = field(repr=False)

    def __str__(self) -> str:
        if self.spectral_gap <= 0:
            return "These particles never forget where they started: the spectral gap is 0."
        return (
            f"Particles forget where they started at a spectral gap of {self.spectral_gap:.3g}: "
            f"{self.sweeps():,.0f} sweeps from the ground level leave a total variation of {BIAS:g} at most."
        )

    def sweeps(self, total_variation: float = BIAS, *, start: NDArray[np.float64] | None = None) -> float:
        """Return how many sweeps bring the distribution within ``total_variation`` of softmax.

        The bound is the smaller of two. A reversible chain has a distance of at most half the chi-square distance of
        the start times the second eigenvalue to the power t (P. Diaconis and D. Stroock, Ann. Appl. Probab. 1 (1991)).
        And where every row holds a part e of softmax, at most (1 - e)^t is left from any start (for this chain
        J. S. Liu, Stat. Comput. 6 (1996)).

        Parameters
        ----------
        total_variation : float
            The distance that may be left, between 0 and 1.
        start : ndarray of float64, shape (K,), optional
            The first distribution; all particles in the ground level by default.

        Returns
        -------
        float
            A whole number, or infinity.
        """
        target = math.log(as_probability("total_variation", total_variation))
        if len(self.eigenvalues) == 0:
            return 0.0
        log_p = self._log_probabilities
        if start is None:
            start = np.zeros(len(log_p))
            start[self._ground] = 1.0
        there = start > 0
        # chi-square + 1 = sum start^2 / p; near 1 from below it is rounding, and the start is softmax itself.
        log_sum = float(log_partition(2 * np.log(start[there]) - log_p[there]))
        if there.sum() == 1:  # 1/p - 1 = (1 - p)/p keeps its digits when p is nearly 1
            log_chi = (
                0.5 * (float(np.log(-np.expm1(log_p[there][0]))) - float(log_p[there][0])) if log_sum > 0 else -np.inf
            )
        else:
            log_chi = 0.5 * (log_sum + math.log(-math.expm1(-log_sum))) if log_sum > 1e-15 else -math.inf
        spectral = _steps(math.log(0.5) + log_chi - target, self.spectral_gap)
        return min(spectral, _steps(-target, self.minorisation))


def _steps(log_excess: float, rate: float) -> float:
    """Return the whole t with log_excess + t ln(1 - rate) <= 0."""
    if log_excess <= 0:
        return 0.0
    if rate <= 0:
        return math.inf
    return 1.0 if rate >= 1 else float(math.ceil(log_excess / -math.log1p(-rate)))


def relaxation(logits: Reals, temperature: float = 1.0, *, proposal: Proposal = "uniform") -> Relaxation:
    """Return the spectrum of the transition matrix and what it says about the sweeps that are needed.

    Uniform proposals have a closed form (J. S. Liu, "Metropolized independent sampling with comparisons to rejection
    sampling and importance sampling", Stat. Comput. 6 (1996)), O(K log K): with the levels sorted by falling p, the
    eigenvalues are sum_{i >= k} (1/K - p_i / (K p_k)), none of them negative, and the gap is 1 / (K max p). For the
    neighbour proposal the symmetrised matrix is tridiagonal. No K x K matrix is formed for either.

    Parameters
    ----------
    logits, temperature, proposal
        As in `transition_matrix`, any K for the named proposals.

    Returns
    -------
    Relaxation

    Raises
    ------
    TypeError, ValueError
        As `transition_matrix`.

    See Also
    --------
    simulate : Particles that find softmax by hopping.
    transition_matrix : Where a particle goes in one sweep.

    Examples
    --------
    >>> relaxed = relaxation([2.0, 1.0, 0.1], 0.5)
    >>> relaxed.eigenvalues.round(3).tolist()
    [0.614, 0.278]
    >>> relaxed.sweeps(1e-3)
    11.0
    """
    z = as_vector_logits(logits)
    t = float(as_temperature(temperature, scalar=True))
    return exponents_relaxation(boltzmann_exponents(z, t), as_proposal(proposal, len(z)))


def exponents_relaxation(exponents: NDArray[np.float64], rule: Rule) -> Relaxation:
    """Return the relaxation of particles that propose by ``rule``, from `boltzmann_exponents`."""
    log_probabilities = exponents - log_partition(exponents[exponents > -np.inf])
    return Relaxation(*rule.spectrum(exponents), log_probabilities, int(np.argmax(exponents)))
