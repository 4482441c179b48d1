"""What a particle proposes, and what follows for all of them: three proposals, each a small class.

A proposal says which level a particle in level i tries next: any of the K levels (`Uniform`), one of the two beside it
(`Neighbour`), or level j with a probability q_ij of a symmetric matrix (`Matrix`). It moves there with probability
min(1, w_j / w_i), w being the Boltzmann weights. Each class knows its matrix, the spectrum of the chain that it makes
at given weights, and the tables from which the engines draw.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .arguments import as_real, first_index, sums_to_one
from .boltzmann import log_partition
from .kernels.thresholds import acceptance

if TYPE_CHECKING:
    from .kernels.calling import Bundle

__all__ = ["Matrix", "Neighbour", "Rule", "Spectrum", "Uniform", "as_proposal", "matrix_moves", "rank_levels"]

Floats = NDArray[np.float64]

MOST_LEVELS_SPECTRUM = 4_096  # above, only the ends of a ladder's spectrum are computed
STILL = 5e-13  # a chance to stay, or to move, that is taken for none: a particle would alternate 1e12 times
# One recipe for every fault of a proposal matrix: each of its steps alone would undo another.
MEND = (
    "mend it by q = (q + q.T) / 2; q /= q.sum(axis=1).max(); q += np.diag(1 - q.sum(axis=1)), in float64 and with no "
    "entry below 0"
)


class Spectrum(NamedTuple):
    """How fast a chain forgets; see `markov.Relaxation`, which carries these three."""

    eigenvalues: Floats
    gap: float
    minorisation: float


@dataclass(frozen=True)
class Uniform:
    """Any of the K levels, the present one included."""

    levels: int
    given: ClassVar[Literal["uniform"]] = "uniform"
    """What the user calls it."""
    closed_form: ClassVar[bool] = True
    """Whether the spectrum costs nothing to speak of; then no landscape traps a particle either."""

    @property
    def matrix(self) -> Floats:
        """Proposal probabilities, shape (K, K)."""
        return np.full((self.levels, self.levels), 1.0 / self.levels)

    @property
    def binomials(self) -> int:
        """Binomials that the occupation engine draws in a sweep."""
        return 4 * self.levels

    @property
    def for_particles(self) -> str:
        """What the particle engine's kernels take."""
        return self.given

    def alternates(self, exponents: Floats) -> bool:
        """Return False: a particle that proposes its own level stays."""
        return False

    def spectrum(self, exponents: Floats) -> Spectrum:
        """Return the spectrum in closed form (J. S. Liu, Stat. Comput. 6 (1996)), O(K log K)."""
        allowed = int((exponents > -np.inf).sum())
        tails = 1.0 + rank_levels(exponents)[1][:allowed]
        places = self.levels - np.arange(allowed)  # levels from each rank on, the forbidden ones included
        eigenvalues = np.sort(((places - tails) / self.levels)[:-1])[::-1]
        # The leading one in the form that keeps the digits of a small gap: 1 / (K max p).
        gap = float(tails[0]) / self.levels
        return Spectrum(eigenvalues, gap, gap)

    @property
    def kernel(self) -> Callable[..., Any]:
        """The kernel of the occupation engine."""
        from .kernels.occupations import sweep_uniform

        return sweep_uniform

    def tables(self, exponents: Floats) -> tuple[Any, Bundle]:
        """Return the order in which the kernel takes the levels, as an index, and its tables."""
        from .kernels.occupations import uniform_tables

        order, above = rank_levels(exponents)
        return order, uniform_tables(above)


@dataclass(frozen=True)
class Neighbour:
    """One step up or down the ladder, neighbours by index; a step off its end is a rejection."""

    levels: int
    given: ClassVar[Literal["neighbour"]] = "neighbour"
    closed_form: ClassVar[bool] = False

    @property
    def matrix(self) -> Floats:
        """Proposal probabilities, shape (K, K)."""
        matrix = 0.5 * (np.eye(self.levels, k=1) + np.eye(self.levels, k=-1))
        np.fill_diagonal(matrix, 1.0 - matrix.sum(axis=1))
        return np.asarray(matrix)

    @property
    def binomials(self) -> int:
        """Binomials that the occupation engine draws in a sweep, with room to spare."""
        return 4 * self.levels

    @property
    def for_particles(self) -> str:
        """What the particle engine's kernels take."""
        return self.given

    def alternates(self, exponents: Floats) -> bool:
        """Return False: at the ends of a ladder a particle may stay."""
        return False

    def spectrum(self, exponents: Floats) -> Spectrum:
        """Return the spectrum of the symmetrised matrix, which is tridiagonal; its ends only where K is large."""
        from scipy.linalg import eigvalsh_tridiagonal

        allowed = exponents > -np.inf
        up = 0.5 * np.where(allowed[1:] & allowed[:-1], 1.0, 0.0)
        with np.errstate(invalid="ignore"):
            step = np.where(up > 0, exponents[1:] - exponents[:-1], 0.0)
        below, above = np.s_[:-1], np.s_[1:]
        rising, sinking = up * acceptance(exponents, below, above), up * acceptance(exponents, above, below)
        diagonal = 1.0 - np.append(rising, 0.0) - np.append(0.0, sinking)
        diagonal[~allowed] = 0.0  # cut off from the rest, and removed from the spectrum below
        beside = up * np.exp(-np.abs(step) / 2)
        if self.levels <= MOST_LEVELS_SPECTRUM:
            values = eigvalsh_tridiagonal(diagonal, beside)
            # each forbidden level is a block of its own with the eigenvalue 0
            drop = np.argsort(np.abs(values), kind="stable")[: int((~allowed).sum())]
            values = np.delete(values, drop)
        else:
            ends = [
                eigvalsh_tridiagonal(diagonal, beside, select="i", select_range=(a, b))
                for a, b in ((0, 0), (self.levels - 3, self.levels - 1))
            ]
            values = np.concatenate(ends)
        eigenvalues = np.sort(np.asarray(values, np.float64))[::-1][1:]
        gap = _ladder_gap(exponents)
        if len(eigenvalues):
            gap = min(gap, 1.0 - abs(float(eigenvalues[-1])))
        return Spectrum(eigenvalues, gap, 0.0)

    @property
    def kernel(self) -> Callable[..., Any]:
        """The kernel of the occupation engine."""
        from .kernels.occupations import sweep_neighbour

        return sweep_neighbour

    def tables(self, exponents: Floats) -> tuple[Any, Bundle]:
        """Return the order in which the kernel takes the levels, as an index, and its tables."""
        from .kernels.occupations import neighbour_tables

        return np.s_[:], neighbour_tables(exponents)


@dataclass(frozen=True, eq=False)
class Matrix:
    """Level j from level i with probability q_ij of a symmetric matrix."""

    matrix: Floats
    """Proposal probabilities, shape (K, K)."""
    closed_form: ClassVar[bool] = False

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Matrix) and np.array_equal(self.matrix, other.matrix)

    def __hash__(self) -> int:
        return hash(self.matrix.tobytes())

    @property
    def given(self) -> Floats:
        """What the user calls it."""
        return self.matrix

    @property
    def binomials(self) -> int:
        """Binomials that the occupation engine draws in a sweep."""
        return self.matrix.size

    @property
    def for_particles(self) -> tuple[Floats, NDArray[np.int64]]:
        """What the particle engine's kernels take."""
        return _alias_tables(self.matrix)

    def alternates(self, exponents: Floats) -> bool:
        """Return whether some particles alternate for ever: -1 is an eigenvalue of the transition matrix.

        It is if and only if a part that the proposals connect has no odd cycle of moves, staying where one is being
        the shortest. Where no particle ever stays, no move is ever rejected either, so what proposals connect, moves
        connect. A search in breadth gives each level of a part one of two sides; O(K^2) and no eigenvalue.
        """
        linked = self.matrix > STILL
        np.fill_diagonal(linked, np.diag(matrix_moves(exponents, self.matrix)) > STILL)
        if linked.diagonal().all():
            return False
        side = np.zeros(len(linked), np.int8)
        for first in range(len(linked)):
            if side[first]:
                continue
            odd, turn = False, 1
            front = np.arange(len(linked)) == first
            while front.any():
                side[front] = turn
                reached = linked[front].any(axis=0)
                odd |= bool((side[reached] == turn).any())
                front, turn = reached & (side == 0), -turn
            if not odd:
                return True
        return False

    def spectrum(self, exponents: Floats) -> Spectrum:
        """Return the spectrum of the symmetrised matrix, a dense one: O(K^3)."""
        from scipy.linalg import eigvalsh

        allowed = exponents > -np.inf
        x = exponents[allowed]
        q = self.matrix[np.ix_(allowed, allowed)]
        symmetrised = q * np.exp(-np.abs(x[None, :] - x[:, None]) / 2)
        np.fill_diagonal(symmetrised, np.diag(matrix_moves(x, q)))
        eigenvalues = np.asarray(eigvalsh(symmetrised), np.float64)[::-1][1:]
        gap = 1.0 - float(np.abs(eigenvalues).max()) if len(eigenvalues) else 1.0
        if gap < 1e-14 * math.sqrt(len(exponents)):
            gap = 0.0  # below what an eigenvalue near 1 resolves: say that it is stuck rather than invent a rate
        return Spectrum(eigenvalues, gap, 0.0)

    @property
    def kernel(self) -> Callable[..., Any]:
        """The kernel of the occupation engine."""
        from .kernels.occupations import sweep_matrix

        return sweep_matrix

    def tables(self, exponents: Floats) -> tuple[Any, Bundle]:
        """Return the order in which the kernel takes the levels, as an index, and its tables."""
        from .kernels.occupations import matrix_tables

        return np.s_[:], matrix_tables(matrix_moves(exponents, self.matrix))


Rule = Uniform | Neighbour | Matrix


def as_proposal(proposal: Any, levels: int) -> Rule:
    """Return what a user passed as one of the three: a name, or a symmetric matrix whose rows sum to 1."""
    if isinstance(proposal, str):
        for named in (Uniform, Neighbour):
            if proposal == named.given:
                return named(levels)
        raise ValueError(
            f"proposal must be 'uniform', 'neighbour' or a symmetric matrix, got {proposal!r}; choose one of them"
        )
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
    if not sums_to_one(matrix, given=given.dtype, counted=True).all():
        row = int(np.argmax(np.abs(sums - 1)))
        raise ValueError(f"proposal must have rows that sum to 1, got {sums[row]} in row {row}; {MEND}")
    return Matrix(_stochastic(matrix) if coarse else matrix)


def _stochastic(matrix: Floats) -> Floats:
    """Return a nearly symmetric, nearly stochastic matrix exactly so; what a row lacks becomes a proposal to stay."""
    even = (matrix + matrix.T) / 2
    even /= max(1.0, float(even.sum(axis=1).max()))
    np.fill_diagonal(even, 0.0)
    np.fill_diagonal(even, np.maximum(1.0 - even.sum(axis=1), 0.0))
    return np.asarray(even)


def matrix_moves(exponents: Floats, matrix: Floats) -> Floats:
    """Return the transition matrix of a proposal matrix: row i is where a particle in level i goes."""
    moves = matrix * acceptance(exponents, np.s_[:, None], np.s_[None, :])
    moves[exponents == -np.inf] = 0.0  # nobody is there
    np.fill_diagonal(moves, 0.0)
    np.fill_diagonal(moves, 1.0 - moves.sum(axis=1))
    return np.asarray(moves)


def rank_levels(exponents: Floats) -> tuple[NDArray[np.int64], Floats]:
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


def _alias_tables(matrix: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return Walker's alias tables of the rows of a matrix (M. D. Vose, IEEE Trans. Softw. Eng. 17 (1991))."""
    levels = len(matrix)
    keep = matrix / matrix.sum(axis=1, keepdims=True) * levels
    alias = np.tile(np.arange(levels), (levels, 1))
    for row, other in zip(keep, alias, strict=True):
        small = [i for i in range(levels) if row[i] < 1]
        large = [i for i in range(levels) if row[i] >= 1]
        while small and large:
            poor, rich = small.pop(), large[-1]
            other[poor] = rich
            row[rich] -= 1 - row[poor]
            if row[rich] < 1:
                small.append(large.pop())
        for i in small + large:
            row[i] = 1.0  # what rounding left
    return keep, alias
