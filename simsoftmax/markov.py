"""The Metropolis chain in theory: its transition matrix, its spectrum, and the sweeps it needs to forget its start.

A particle in level i proposes a level j and moves there with probability min(1, exp((z_j - z_i) / T)) (N. Metropolis et
al., "Equation of state calculations by fast computing machines", J. Chem. Phys. 21 (1953)).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .arguments import as_probability, as_real, as_temperature, as_vector_logits, first_index
from .boltzmann import log_partition, reduced_logits
from .results import Result

__all__ = ["Proposal", "Relaxation", "boltzmann_exponents", "check_proposal", "relaxation", "transition_matrix"]

Proposal = Literal["uniform", "neighbour"] | ArrayLike

BIAS = 1e-9  # the total variation that is meant where none is given
MOST_LEVELS_DENSE = 10_000  # a (K, K) matrix of float64 then takes 800 MB
MOST_LEVELS_SPECTRUM = 4_096  # above, only the ends of a ladder's spectrum are computed
CUTOFF = 1e4  # exp(-CUTOFF) is zero in float64, many times over
# One recipe for every fault of a proposal matrix: each of its steps alone would undo another.
MEND = (
    "mend it by q = (q + q.T) / 2; q /= q.sum(axis=1).max(); q += np.diag(1 - q.sum(axis=1)), in float64 and with no "
    "entry below 0"
)


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


def rank_levels(exponents: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the levels by falling weight and, for each rank, the weights above it divided by its own.

    The sums run as in Horner's scheme, on ratios of successive weights: they neither underflow nor lose digits at any
    temperature, where sums of the weights or of their logarithms would.

    Returns
    -------
    order : ndarray of int64, shape (K,)
        The ground level first, levels that cannot be occupied last.
    above : ndarray of float64, shape (K,)
        sum_{j > k} w_j / w_k of rank k; 0 for levels that cannot be occupied.
    """
    order = np.argsort(-exponents, kind="stable")
    ranked = exponents[order]
    allowed = ranked[ranked > -np.inf]
    ratios = np.exp(np.diff(allowed))[::-1].tolist()
    above = np.zeros(len(exponents))
    above[: len(allowed)] = list(accumulate(ratios, lambda rest, ratio: ratio * (1.0 + rest), initial=0.0))[::-1]
    return order, above


def check_proposal(proposal: Any, levels: int) -> str | NDArray[np.float64]:
    """Return a proposal name or a checked symmetric matrix whose rows sum to 1."""
    if isinstance(proposal, str):
        if proposal not in ("uniform", "neighbour"):
            raise ValueError(
                f"proposal must be 'uniform', 'neighbour' or a symmetric matrix, got {proposal!r}; choose one of them"
            )
        return proposal
    given = as_real("proposal", proposal, "pass 'uniform', 'neighbour' or a symmetric matrix")
    matrix = given.astype(np.float64)
    if matrix.shape != (levels, levels):
        raise ValueError(
            f"proposal must have shape ({levels}, {levels}) for {levels} logits, got {matrix.shape}; "
            "pass one row and one column per level"
        )
    bad = ~((matrix >= 0) & (matrix <= 1))
    if bad.any():
        raise ValueError(f"proposal must hold probabilities, got {matrix[bad][0]} at {first_index(bad)}; {MEND}")
    # What rounding to the type of the matrix may have done to it; float64 has room for a sum over many levels.
    coarse = given.dtype.itemsize < 8
    rounding = 8 * float(np.finfo(given.dtype).eps)
    unequal = np.abs(matrix - matrix.T) > (rounding if coarse else 1e-12)
    if unequal.any():
        i, j = (int(n) for n in np.argwhere(unequal)[0])
        raise ValueError(
            f"proposal must be symmetric, got {matrix[i, j]} at ({i}, {j}) and {matrix[j, i]} at ({j}, {i}): "
            f"Metropolis keeps softmax only if a move and its reverse are proposed equally often; {MEND}"
        )
    sums = matrix.sum(axis=1)
    if (np.abs(sums - 1) > (rounding if coarse else 1e-9)).any():
        row = int(np.argmax(np.abs(sums - 1)))
        raise ValueError(f"proposal must have rows that sum to 1, got {sums[row]} in row {row}; {MEND}")
    return stochastic(matrix) if coarse else matrix


def stochastic(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a nearly symmetric, nearly stochastic matrix exactly so; what a row lacks becomes a proposal to stay."""
    even = (matrix + matrix.T) / 2
    even /= max(1.0, float(even.sum(axis=1).max()))
    np.fill_diagonal(even, 0.0)
    np.fill_diagonal(even, np.maximum(1.0 - even.sum(axis=1), 0.0))
    return np.asarray(even)


def matrix_moves(exponents: NDArray[np.float64], matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the transition matrix of a proposal matrix."""
    with np.errstate(invalid="ignore"):  # -inf - -inf between forbidden levels, which nobody leaves or enters
        moves = matrix * np.exp(np.minimum(exponents[None, :] - exponents[:, None], 0.0))
    moves = np.where((exponents > -np.inf)[None, :] & (exponents > -np.inf)[:, None], moves, 0.0)
    np.fill_diagonal(moves, 0.0)
    np.fill_diagonal(moves, 1.0 - moves.sum(axis=1))
    return np.asarray(moves)


def _proposal_matrix(proposal: str | NDArray[np.float64], levels: int) -> NDArray[np.float64]:
    if not isinstance(proposal, str):
        return proposal
    if proposal == "uniform":
        return np.full((levels, levels), 1.0 / levels)
    matrix = 0.5 * (np.eye(levels, k=1) + np.eye(levels, k=-1))
    np.fill_diagonal(matrix, 1.0 - matrix.sum(axis=1))
    return matrix


def transition_matrix(
    logits: ArrayLike, temperature: float = 1.0, *, proposal: Proposal = "uniform"
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
    """
    z = as_vector_logits(logits)
    t = float(as_temperature(temperature, scalar=True))
    checked = check_proposal(proposal, len(z))
    if len(z) > MOST_LEVELS_DENSE:
        raise ValueError(
            f"logits must have at most {MOST_LEVELS_DENSE} levels for a full matrix, got {len(z)}; "
            "relaxation() gives the spectrum without one"
        )
    return matrix_moves(boltzmann_exponents(z, t), _proposal_matrix(checked, len(z)))


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


def relaxation(logits: ArrayLike, temperature: float = 1.0, *, proposal: Proposal = "uniform") -> Relaxation:
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
    """
    z = as_vector_logits(logits)
    t = float(as_temperature(temperature, scalar=True))
    return exponents_relaxation(boltzmann_exponents(z, t), check_proposal(proposal, len(z)))


def exponents_relaxation(exponents: NDArray[np.float64], proposal: str | NDArray[np.float64]) -> Relaxation:
    levels = len(exponents)
    allowed = exponents > -np.inf
    x = exponents[allowed]
    minorisation = 0.0
    if isinstance(proposal, str) and proposal == "uniform":
        tails = 1.0 + rank_levels(exponents)[1][: len(x)]
        places = levels - np.arange(len(x))  # levels from each rank on, the forbidden ones included
        eigenvalues = np.sort(((places - tails) / levels)[:-1])[::-1]
        # The leading one in the form that keeps the digits of a small gap: 1 / (K max p).
        gap = minorisation = float(tails[0]) / levels
    elif isinstance(proposal, str):
        from scipy.linalg import eigvalsh_tridiagonal

        up = 0.5 * np.where(allowed[1:] & allowed[:-1], 1.0, 0.0)
        with np.errstate(invalid="ignore"):
            step = np.where(up > 0, exponents[1:] - exponents[:-1], 0.0)
        rising, sinking = up * np.exp(np.minimum(step, 0)), up * np.exp(np.minimum(-step, 0))
        diagonal = 1.0 - np.append(rising, 0.0) - np.append(0.0, sinking)
        diagonal[~allowed] = 0.0  # cut off from the rest, and removed from the spectrum below
        beside = up * np.exp(-np.abs(step) / 2)
        if levels <= MOST_LEVELS_SPECTRUM:
            values = eigvalsh_tridiagonal(diagonal, beside)
            # each forbidden level is a block of its own with the eigenvalue 0
            drop = np.argsort(np.abs(values), kind="stable")[: int((~allowed).sum())]
            values = np.delete(values, drop)
        else:
            ends = [
                eigvalsh_tridiagonal(diagonal, beside, select="i", select_range=(a, b))
                for a, b in ((0, 0), (levels - 3, levels - 1))
            ]
            values = np.concatenate(ends)
        eigenvalues = np.sort(np.asarray(values, np.float64))[::-1][1:]
        gap = _ladder_gap(exponents)
        if len(eigenvalues):
            gap = min(gap, 1.0 - abs(float(eigenvalues[-1])))
    else:
        from scipy.linalg import eigvalsh

        q = proposal[np.ix_(allowed, allowed)]
        symmetrised = q * np.exp(-np.abs(x[None, :] - x[:, None]) / 2)
        moves = q * np.exp(np.minimum(x[None, :] - x[:, None], 0))
        np.fill_diagonal(moves, 0.0)
        np.fill_diagonal(symmetrised, 1.0 - moves.sum(axis=1))
        eigenvalues = np.asarray(eigvalsh(symmetrised), np.float64)[::-1][1:]
        gap = 1.0 - float(np.abs(eigenvalues).max()) if len(eigenvalues) else 1.0
        if gap < 1e-14 * math.sqrt(levels):
            gap = 0.0  # below what an eigenvalue near 1 resolves: say that it is stuck rather than invent a rate
    log_probabilities = exponents - log_partition(x)
    return Relaxation(eigenvalues, gap, minorisation, log_probabilities, int(np.argmax(exponents)))


def _ladder_gap(exponents: NDArray[np.float64]) -> float:
    """Return 1 minus the second eigenvalue of the neighbour proposal, to full relative precision however small.

    The gap is the least ratio of the flow sum_i c_i v_i^2, c_i = min(p_i, p_{i+1}) / 2, to the variance, over all
    functions with steps v on the ladder (the variational principle of reversible chains). The variance of such a
    function is sum_ij v_i v_j B_min(i,j) A_max(i,j), with B_i the probability below step i and A_i that above it. So
    1 / gap is the largest eigenvalue of a matrix of positive terms, in which nothing cancels; a product with it takes
    O(K).
    """
    allowed = np.flatnonzero(exponents > -np.inf)
    if len(allowed) == 1:
        return 1.0
    if allowed[-1] - allowed[0] + 1 != len(allowed):
        return 0.0  # a level that cannot be occupied splits the ladder
    x = exponents[allowed]
    p = np.exp(x - log_partition(x))
    below, above = np.cumsum(p)[:-1], np.cumsum(p[::-1])[::-1][1:]
    flow = 0.5 * np.minimum(p[1:], p[:-1])
    if flow.min() == 0.0:
        return 0.0  # a hill of more than 745 T
    root = 1.0 / np.sqrt(flow)
    largest = float((below * above / flow).max())  # divided out, so that no square overflows

    def product(v: NDArray[np.float64]) -> NDArray[np.float64]:
        scaled = root * v.ravel()
        left = np.cumsum(below * scaled)
        right = np.cumsum((above * scaled)[::-1])[::-1] - above * scaled
        return np.asarray(root * (above * left + below * right) / largest)

    # SciPy takes longer to import than all else here, and uniform proposals, the default, need none of it.
    from scipy.linalg import eigvalsh
    from scipy.sparse.linalg import LinearOperator, eigsh

    steps = len(flow)
    if steps <= 64:
        matrix = np.column_stack([product(unit) for unit in np.eye(steps)])
        return 1.0 / (float(eigvalsh(matrix)[-1]) * largest)
    operator = LinearOperator((steps, steps), matvec=product, dtype=np.float64)
    start = np.ones(steps)
    return 1.0 / (float(eigsh(operator, k=1, which="LA", v0=start, return_eigenvectors=False)[0]) * largest)
