"""Least free energy: softmax as the distribution that minimises F(q) = <E>_q - T S(q).

Every distribution q over the levels has a variational free energy: its mean energy, minus its entropy at the exchange
rate T. The least value is -T ln Z, and softmax(z / T) alone attains it, because F(q) + T ln Z = T KL(q, p) >= 0
(Gibbs' inequality; D. J. C. MacKay, *Information Theory, Inference, and Learning Algorithms*, 2003, chapter 33).

The minimiser is found here by descent and not by that formula. The steps follow the natural gradient (S. Amari, 1998),
which for probabilities is mirror descent with the entropy as mirror (A. Beck and M. Teboulle, 2003). Its stopping rule
needs no knowledge of the answer either: when all levels have the same chemical potential, E_i + T ln q_i, there is
nothing left to gain.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray
from scipy.special import kl_div, xlogy

from .arguments import (
    Reals,
    Scalar,
    as_distribution,
    as_logits,
    as_positive,
    as_temperature,
    as_vector_logits,
    first_index,
)
from .boltzmann import expectation, log_softmax, reduced_logits
from .results import Result, counted

__all__ = [
    "FreeEnergyMinimum",
    "excess_free_energy",
    "free_energy_gradient",
    "minimize_free_energy",
    "variational_free_energy",
]

# exp() of anything lower is 0 in float64: such a level is empty.
_LOG_TINY = -746.0
_HOTTEST = 1e300  # the logarithm of no float takes T ln q out of range from here
_MOST_STEPS = 1_000_000


def _prepare(
    distribution: Reals, logits: Reals, temperature: Scalar | Reals
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Check the arguments; return q and z of one shape (..., K), and T broadcast to what is left."""
    q = as_distribution("distribution", distribution)
    z = as_logits(logits).astype(np.float64)
    t = as_temperature(temperature)
    if (high := (t > _HOTTEST) & (t < np.inf)).any():
        raise ValueError(
            f"temperature must be at most {_HOTTEST:g}, or infinite, got {t[high][0]:g}; T S would leave the range of "
            "floating point: divide F by T first"
        )
    if q.shape[-1] != z.shape[-1]:
        raise ValueError(
            f"distribution must hold one probability for each of the {z.shape[-1]} logits, got shape {q.shape}"
        )
    try:
        batch = np.broadcast_shapes(q.shape[:-1], z.shape[:-1], t.shape)
    except ValueError:
        raise ValueError(
            f"distribution {q.shape}, logits {z.shape} and temperature {t.shape} do not broadcast; "
            "let their leading axes agree"
        ) from None
    shape = (*batch, z.shape[-1])
    return np.broadcast_to(q, shape), np.broadcast_to(z, shape), np.broadcast_to(t, batch)


@overload
def variational_free_energy(
    distribution: Sequence[float], logits: Sequence[float], temperature: Scalar = 1.0
) -> np.float64: ...
@overload
def variational_free_energy(distribution: Reals, logits: Reals, temperature: Scalar | Reals = 1.0) -> Any: ...
def variational_free_energy(distribution: Reals, logits: Reals, temperature: Scalar | Reals = 1.0) -> Any:
    """Return F(q) = sum_i q_i E_i - T S(q), the free energy of any distribution q over the levels, E = -z.

    Parameters
    ----------
    distribution : array_like, shape (..., K)
        Probabilities q, levels last. An empty level adds nothing: 0 ln 0 = 0.
    logits : array_like, shape (..., K)
        Scores z; a distribution that occupies a level of logit -inf has F = +inf.
    temperature : array_like, optional
        T >= 0, broadcast against the leading axes. At T = 0 this is the mean energy; at T = infinity it is -inf
        unless q has no entropy at all.

    Returns
    -------
    float64 scalar or ndarray, in units of the logits

    Raises
    ------
    TypeError
        If an argument is not made of real numbers.
    ValueError
        If q is negative or does not sum to 1, if the shapes disagree, or if logits or temperature are refused by
        `simsoftmax.softmax`.

    See Also
    --------
    free_energy : The free energy, exactly: the least there is.
    minimize_free_energy : The descent that ends at softmax.
    variational.excess_free_energy : How far that lies above the least.

    Examples
    --------
    >>> print(round(variational_free_energy([0.5, 0.5], [1.0, 0.0], 2.0), 6))
    -1.886294
    """
    q, z, t = _prepare(distribution, logits, temperature)
    neg_entropy = xlogy(q, q).sum(axis=-1)
    energy = -expectation(q, z)
    with np.errstate(invalid="ignore"):
        heat = np.where(neg_entropy == 0, 0.0, t * neg_entropy)
        value = np.where(energy == np.inf, np.inf, energy + heat)
    return value[()]


@overload
def excess_free_energy(
    distribution: Sequence[float], logits: Sequence[float], temperature: Scalar = 1.0
) -> np.float64: ...
@overload
def excess_free_energy(distribution: Reals, logits: Reals, temperature: Scalar | Reals = 1.0) -> Any: ...
def excess_free_energy(distribution: Reals, logits: Reals, temperature: Scalar | Reals = 1.0) -> Any:
    """Return F(q) - F* = T KL(q, p) >= 0: how far q lies above the least free energy, F* = -T ln Z.

    It is computed from the divergence and not as a difference, so that it stays accurate next to the minimum.

    Parameters
    ----------
    distribution, logits, temperature
        As in `variational.variational_free_energy`.

    Returns
    -------
    float64 scalar or ndarray, in units of the logits
        At T = 0 this is <E>_q - min E.

    Raises
    ------
    TypeError, ValueError
        As `variational.variational_free_energy`.

    See Also
    --------
    variational.variational_free_energy : The free energy of any distribution.
    variational.free_energy_gradient : Its slope.

    Examples
    --------
    >>> round(float(excess_free_energy([0.5, 0.5], [1.0, 0.0], 2.0)), 4)
    0.0619
    """
    q, z, t = _prepare(distribution, logits, temperature)
    with np.errstate(over="ignore", invalid="ignore"):
        # Halves, so that no difference overflows whose mean does not.
        ground = -2 * expectation(q, z / 2 - z.max(axis=-1, keepdims=True) / 2)
        log_p = np.asarray(log_softmax(z, t))
        divergence = np.where(
            # where p underflows, its logarithm still tells
            np.exp(log_p) > 0,
            kl_div(q, np.exp(log_p)),
            np.where(q > 0, xlogy(q, q) - q * log_p - q, 0.0),
        ).sum(axis=-1)
        value = np.where(t == 0, ground, np.where(divergence == 0, 0.0, t * divergence))
    return np.maximum(value, 0.0)[()]


def free_energy_gradient(distribution: Reals, logits: Reals, temperature: Scalar | Reals = 1.0) -> NDArray[np.float64]:
    """Return the gradient of F along the simplex: each level's chemical potential less their mean under q.

    The chemical potential of a level, mu_i = E_i + T ln q_i, is what one more share of probability there costs. The
    gradient g_i = mu_i - sum_j q_j mu_j vanishes at the minimum alone: there every level has the same potential. The
    natural gradient flow is dq_i/dt = -q_i g_i, and keeps sum q = 1.

    Parameters
    ----------
    distribution, logits, temperature
        As in `variational.variational_free_energy`.

    Returns
    -------
    float64 ndarray, shape (..., K)
        -inf where an allowed level is empty and T > 0: at that edge of the simplex F falls infinitely steeply
        inwards. +inf at forbidden levels.

    Raises
    ------
    TypeError, ValueError
        As `variational.variational_free_energy`; also where T is infinite, or q occupies a level of logit -inf.

    See Also
    --------
    minimize_free_energy : The descent that ends at softmax.
    variational.excess_free_energy : How far that lies above the least.

    Examples
    --------
    >>> from simsoftmax import softmax
    >>> bool(abs(free_energy_gradient(softmax([2.0, 1.0, 0.1]), [2.0, 1.0, 0.1])).max() < 1e-12)
    True
    """
    q, z, t = _prepare(distribution, logits, temperature)
    if np.isinf(t).any():
        raise ValueError("temperature must be finite for a gradient, got inf; divide F by T first")
    if (forbidden := (q > 0) & np.isneginf(z)).any():
        raise ValueError(f"distribution must be 0 where the logit is -inf, got {q[forbidden][0]}; move that share away")
    with np.errstate(divide="ignore"):
        log_q = np.log(q)
    t = t[..., None]
    heat = np.where(t == 0, 0.0, t * np.where(t == 0, 0.0, log_q))
    potential = np.where(np.isneginf(z), np.inf, np.where(np.isneginf(z), 0.0, -z) + heat)
    return np.asarray(potential - expectation(q, potential)[..., None])


@dataclass(frozen=True, eq=False)
class FreeEnergyMinimum(Result):
    """The end of a descent in free energy, the way there, and a certificate of how good the end is.

    Attributes
    ----------
    distribution : ndarray of float64, shape (K,)
        The minimiser q.
    free_energy : float
        F(q), in units of the logits.
    certificate : float
        Proven bound: F(q) exceeds the least free energy by no more than this (in exact arithmetic).
    spread : float
        Proven bound on every abs(ln q_i - ln p_i): the spread of the chemical potentials, over T.
    temperature : float
        T, in units of the logits.
    path : ndarray of float64, shape (steps + 1, K)
        The distributions on the way, from the start to the minimiser.
    path_free_energy : ndarray of float64, shape (steps + 1,)
        F along the path; it never rises.
    """

    distribution: NDArray[np.float64]
    free_energy: float
    certificate: float
    spread: float
    temperature: float
    path: NDArray[np.float64] = field(repr=False)
    path_free_energy: NDArray[np.float64] = field(repr=False)

    @property
    def steps(self) -> int:
        """How many steps the descent took."""
        return len(self.path) - 1

    def __str__(self) -> str:
        return (
            f"The free energy at T = {self.temperature:g} is least at {self.free_energy:.6g}, within "
            f"{self.certificate:.1g}, reached in {counted(self.steps, 'step')}; each probability is exact to a factor "
            f"1 ± {self.spread:.1g}."
        )


def minimize_free_energy(
    logits: Reals,
    temperature: Scalar = 1.0,
    *,
    start: Reals | None = None,
    tolerance: float = 1e-12,
    step: float = 0.5,
) -> FreeEnergyMinimum:
    """Descend the free energy from any start; the end is softmax(z / T).

    A step of size a moves every ln q_i by -a mu_i / T and normalises, where mu_i = E_i + T ln q_i is the chemical
    potential. Hence ln(q_i / p_i) - ln(q_j / p_j) shrinks by exactly 1 - a a step, for every pair of levels: linear
    convergence at a rate that neither the logits nor the temperature can spoil. From the uniform start the path
    runs through the softmaxes of all higher temperatures, 1 / T_n = (1 - (1 - a)^n) / T: the descent is a cooling.

    Parameters
    ----------
    logits : array_like, shape (K,)
        Scores z; -inf marks a level that cannot be occupied.
    temperature : float, optional
        T >= 0; 0 and infinity give the exact limits (uniform over the maximisers, uniform over the allowed levels).
    start : array_like, shape (K,), optional
        Where to begin; uniform by default. It must be positive on every allowed level, for a step multiplies
        probabilities and so cannot fill an empty level.
    tolerance : float, optional
        Stop when the chemical potentials, over T, agree within this: then every probability is right to that
        relative error. Where float64 cannot resolve it, the descent stops at what can be resolved (1.4e-12 at worst
        with the default step, and about 1e-12 / step with a shorter one), and ``spread`` says how much that is.
        Levels whose probability float64 cannot tell from 0 end empty.
    step : float, optional
        The a above, in (0, 1]. With 1 the first step lands on the answer; smaller steps draw the path.

    Returns
    -------
    FreeEnergyMinimum

    Raises
    ------
    TypeError
        If an argument is not made of real numbers.
    ValueError
        If logits or temperature are refused by `simsoftmax.softmax`, if the start is no distribution or leaves an
        allowed level empty, or if tolerance or step are out of range (a step so small that the
        descent would take more than a million of them is).

    See Also
    --------
    softmax : The probabilities themselves.
    free_energy : The free energy, exactly: the least there is.
    variational.variational_free_energy : The free energy of any distribution.
    variational.free_energy_gradient : Its slope.

    Notes
    -----
    The certificate uses no knowledge of p. If the potentials over T differ by at most d, then T KL(q, p) is at most
    T d^2 / 8, by Hoeffding's lemma (1963).

    Examples
    --------
    >>> minimize_free_energy([2.0, 1.0, 0.1], 2.0).distribution.round(3).tolist()
    [0.502, 0.304, 0.194]
    """
    z = as_vector_logits(logits)
    t = as_temperature(temperature, scalar=True)
    tolerance = as_positive("tolerance", tolerance)
    step = as_positive("step", step, high=1.0)
    allowed = z > -np.inf
    if start is None:
        q = allowed / allowed.sum()
    else:
        q = as_distribution("start", start)
        if q.shape != z.shape:
            raise ValueError(f"start must hold one probability for each of the {z.size} logits, got shape {q.shape}")
        if (empty := allowed & (q == 0)).any():
            raise ValueError(
                f"start must be > 0 on every allowed level, got 0 at index {first_index(empty)}; a step multiplies "
                "probabilities and cannot fill an empty level, so put a little there, such as 1e-300"
            )
    target = reduced_logits(z, t)  # -E / T up to a constant, in the exact limits too
    target[target < _LOG_TINY] = -np.inf
    with np.errstate(divide="ignore"):
        log_q = np.log(q)
    path, spreads = [q], [_spread(log_q, target)]
    # Below this the rounding of ln q is all that is left; asking for more would never end.
    floor = 8 * np.finfo(float).eps * (1 + np.abs(target[np.isfinite(target)]).max())
    if spreads[0] > max(tolerance, floor) and step < 1:
        widest = min(spreads[0], -2 * _LOG_TINY)  # levels that are to end empty are so after one step
        with np.errstate(over="ignore"):
            steps = np.log(max(tolerance, floor) / widest) / np.log1p(-step)
        if not steps <= _MOST_STEPS:
            raise ValueError(
                f"step must be larger: with {step:g} the descent would take {steps:.3g} steps, more than "
                f"{_MOST_STEPS:,}; pass one such as 0.01"
            )
    while spreads[-1] > max(tolerance, floor):
        log_q = (1 - step) * log_q + step * target if step < 1 else target.copy()
        log_q -= _log_sum(log_q)
        path.append(np.exp(log_q))
        spreads.append(_spread(log_q, target))
        if spreads[-1] >= spreads[-2]:  # a short step undoes less than its own rounding adds
            break
    trail = np.array(path)
    energies = np.asarray(variational_free_energy(trail / trail.sum(axis=1, keepdims=True), z, t))
    spread = spreads[-1]
    return FreeEnergyMinimum(
        distribution=trail[-1],
        free_energy=float(energies[-1]),
        certificate=float(t * spread**2 / 8) if spread > 0 else 0.0,
        spread=spread,
        temperature=float(t),
        path=trail,
        path_free_energy=energies,
    )


def _log_sum(x: NDArray[np.float64]) -> np.float64:
    """Return ln of the sum of exp(x), as `scipy.special.logsumexp` adds it up, for a row with a finite maximum.

    That one asks first what kind of array it is given, which takes twenty times as long as the sum: too long for a step
    of which there may be a million.
    """
    top = x.max()
    at_top = x == top
    many = np.float64(np.count_nonzero(at_top))
    return np.float64(np.log1p(np.exp(np.where(at_top, -np.inf, x) - top).sum() / many) + np.log(many) + top)


def _spread(log_q: NDArray[np.float64], target: NDArray[np.float64]) -> float:
    """Return the spread of the chemical potentials over T, among the levels that either side occupies."""
    either = (log_q > -np.inf) | (target > -np.inf)
    with np.errstate(invalid="ignore"):
        return float(np.ptp(log_q[either] - target[either]))
