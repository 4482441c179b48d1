"""Exact results for the Gibbs-Boltzmann distribution over K levels: softmax and its thermodynamics.

Logits z are scores, higher is likelier; energies are E = -z; Boltzmann's constant is 1, so a temperature is
measured in units of the logits and an entropy in nats. Every function takes logits with levels along ``axis``
and a temperature that broadcasts against what is left, so ``softmax(z, [0.5, 1, 2])`` of K logits has shape (3, K).

Temperatures 0 and infinity mean the exact limits: uniform over the maximisers, and uniform over the levels with
finite logits. A logit of -inf is a level that cannot be occupied. Arithmetic is done in float64; the result has the
floating type of the logits.

The formulas are those of the canonical ensemble in any text on statistical mechanics, for instance R. K. Pathria and
P. D. Beale, *Statistical Mechanics* (3rd ed., 2011), chapter 3.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar, cast, overload

import numpy as np
from numpy.typing import NDArray

from .arguments import Reals, Scalar, as_logits, as_temperature

__all__ = [
    "entropy",
    "free_energy",
    "heat_capacity",
    "log_partition",
    "log_softmax",
    "mean_energy",
    "reduced_logits",
    "softmax",
]

Floating = TypeVar("Floating", bound=np.floating[Any])


class Distributions(Protocol):
    """What type checkers know of a function that returns a value a level: the type of the logits stays."""

    @overload
    def __call__(
        self, logits: NDArray[Floating], temperature: Scalar | Reals = 1.0, *, axis: int = -1
    ) -> NDArray[Floating]: ...
    @overload
    def __call__(
        self,
        logits: Sequence[float] | Sequence[Sequence[float]] | NDArray[np.integer[Any]],
        temperature: Scalar | Reals = 1.0,
        *,
        axis: int = -1,
    ) -> NDArray[np.float64]: ...
    @overload
    def __call__(self, logits: Reals, temperature: Scalar | Reals = 1.0, *, axis: int = -1) -> NDArray[Any]: ...


class Averages(Protocol):
    """What type checkers know of a function that returns a number a distribution.

    The type of an array does not say how many axes it has, so whether a number or an array is left is then unknown, as
    it is in NumPy's own sums along an axis.
    """

    @overload
    def __call__(self, logits: Sequence[float], temperature: Scalar = 1.0, *, axis: int = -1) -> np.float64: ...
    @overload
    def __call__(
        self, logits: Sequence[float], temperature: Sequence[float] | NDArray[Any], *, axis: int = -1
    ) -> NDArray[np.float64]: ...
    @overload
    def __call__(
        self, logits: Sequence[Sequence[float]], temperature: Scalar | Reals = 1.0, *, axis: int = -1
    ) -> NDArray[np.float64]: ...
    @overload
    def __call__(
        self, logits: NDArray[Floating], temperature: Sequence[float] | NDArray[Any], *, axis: int = -1
    ) -> NDArray[Floating]: ...
    @overload
    def __call__(self, logits: Reals, temperature: Scalar | Reals = 1.0, *, axis: int = -1) -> Any: ...


def distributions(function: Callable[..., Any]) -> Distributions:
    """Return ``function`` itself, typed as `Distributions`."""
    return cast(Distributions, function)


def averages(function: Callable[..., Any]) -> Averages:
    """Return ``function`` itself, typed as `Averages`."""
    return cast(Averages, function)


def reduced_logits(logits: NDArray[Any], temperature: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (z - max z) / T along the last axis, the exponents of the Boltzmann weights.

    Parameters
    ----------
    logits : ndarray, shape (..., K)
        Checked logits (`arguments.as_logits`).
    temperature : ndarray
        Checked temperatures, broadcast against ``logits.shape[:-1]``.

    Returns
    -------
    ndarray of float64, shape (..., K)
        At most 0, and 0 at the maximisers. At T = 0 the other entries are -inf; at T = infinity they are 0 where the
        logit is finite. Nothing overflows on the way, whatever the size of z and T.
    """
    z = logits.astype(np.float64)
    t = temperature[..., None]
    # z - max z may overflow where z spans the whole range of floats. Halving both sides of the fraction avoids it;
    # below T = 1 an overflow is harmless, for the quotient would be -inf as well, and halving T might underflow.
    half = np.where(t >= 1, 0.5, 1.0)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        gap = z * half - z.max(axis=-1, keepdims=True) * half
        reduced = gap / (t * half)
    reduced = np.where(gap == 0, 0.0, reduced)  # 0 / 0 at T = 0
    return np.where(np.isinf(t) & np.isneginf(z), -np.inf, reduced)  # inf / inf at T = infinity


def _prepare(logits: Reals, temperature: Scalar | Reals, axis: int) -> tuple[NDArray[Any], NDArray[np.float64], int]:
    """Check the arguments; return logits with levels last, the temperatures and the axis counted from the end."""
    z = as_logits(logits, axis)
    t = as_temperature(temperature)
    try:
        np.broadcast_shapes(z.shape[:-1], t.shape)
    except ValueError:
        raise ValueError(
            f"temperature of shape {t.shape} does not broadcast against logits of shape {z.shape} without their "
            "levels; pass a scalar or one temperature per row"
        ) from None
    return z, t, axis if axis < 0 else axis - z.ndim


def _log_normaliser(reduced: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return ln sum exp(x) for x <= 0 with a maximum of 0; exact also where the sum barely exceeds 1."""
    weights = np.exp(reduced)
    np.put_along_axis(weights, weights.argmax(axis=-1, keepdims=True), 0.0, axis=-1)
    return np.asarray(np.log1p(weights.sum(axis=-1)))


def _log_probabilities(reduced: NDArray[np.float64]) -> NDArray[np.float64]:
    return reduced - _log_normaliser(reduced)[..., None]


def _probabilities(reduced: NDArray[np.float64]) -> NDArray[np.float64]:
    weights = np.exp(reduced)
    return np.asarray(weights / weights.sum(axis=-1, keepdims=True))


def expectation(probabilities: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return sum p x along the last axis, with 0 times infinity taken as 0: an empty level adds nothing."""
    with np.errstate(invalid="ignore"):
        terms = probabilities * values
    return np.asarray(np.where(probabilities > 0, terms, 0.0).sum(axis=-1))


def _result(value: NDArray[np.float64], like: NDArray[Any]) -> Any:
    """Return ``value`` in the floating type of the logits, a scalar where it has no axis."""
    with np.errstate(over="ignore", under="ignore"):
        return value.astype(like.dtype)[()]


@distributions
def softmax(logits: Reals, temperature: Scalar | Reals = 1.0, *, axis: int = -1) -> NDArray[Any]:
    """Return the Gibbs-Boltzmann probabilities p_i = exp(z_i / T) / Z.

    Parameters
    ----------
    logits : array_like, shape (..., K, ...)
        Scores z, in any floating type; -inf marks a level that cannot be occupied. A frame is read by position,
        whatever its columns are called.
    temperature : array_like, optional
        T >= 0 in units of the logits, broadcast against the logits without ``axis``.
    axis : int, optional
        The axis that runs over the K levels.

    Returns
    -------
    ndarray
        Probabilities, levels along ``axis``, in the floating type of the logits.

    Raises
    ------
    TypeError
        If logits or temperature are not real numbers.
    ValueError
        If a logit is NaN or +inf, if a row has no finite logit, or if a temperature is negative or NaN.

    See Also
    --------
    log_softmax : Their logarithms, accurate where they are small.
    log_partition : Ln Z, exactly.
    simulate : Particles that find softmax by hopping.
    sample : Exact draws.
    minimize_free_energy : The descent that ends at softmax.
    scipy.special.softmax : The same at T = 1.

    Examples
    --------
    >>> softmax([2.0, 1.0, 0.1], 2.0).round(3).tolist()
    [0.502, 0.304, 0.194]
    """
    z, t, axis = _prepare(logits, temperature, axis)
    return np.moveaxis(_result(_probabilities(reduced_logits(z, t)), z), -1, axis)


@distributions
def log_softmax(logits: Reals, temperature: Scalar | Reals = 1.0, *, axis: int = -1) -> NDArray[Any]:
    """Return ln p_i = z_i / T - ln Z, accurate also where p_i is near 0 or near 1.

    Parameters
    ----------
    logits, temperature, axis
        As in `softmax`.

    Returns
    -------
    ndarray
        Logarithms of the probabilities, levels along ``axis``, in the floating type of the logits.

    See Also
    --------
    softmax : The probabilities themselves.
    scipy.special.log_softmax : The same at T = 1.
    logits_from_probabilities : Logits for it where only probabilities are known.

    Examples
    --------
    >>> log_softmax([2.0, 1.0, 0.1], 2.0).round(3).tolist()
    [-0.69, -1.19, -1.64]
    >>> float(log_softmax([0.0, 1000.0])[0])  # the probability itself is too small for a float
    -1000.0
    """
    z, t, axis = _prepare(logits, temperature, axis)
    return np.moveaxis(_result(_log_probabilities(reduced_logits(z, t)), z), -1, axis)


@averages
def log_partition(logits: Reals, temperature: Scalar | Reals = 1.0, *, axis: int = -1) -> Any:
    """Return ln Z with Z = sum_i exp(z_i / T).

    At T = 0 this is the limit: +inf or -inf by the sign of the largest logit, and the logarithm of the number of
    maximisers if that logit is 0. At T = infinity it is the logarithm of the number of levels with finite logits.

    Parameters
    ----------
    logits, temperature, axis
        As in `softmax`.

    Returns
    -------
    ndarray or scalar, shape of the logits without ``axis``

    See Also
    --------
    softmax : The probabilities themselves.
    free_energy : The free energy, exactly: the least there is.
    integrate_log_partition : Ln Z, measured.
    log_partition_difference : The difference of two ln Z, measured.
    scipy.special.logsumexp : The same at T = 1.

    Examples
    --------
    >>> round(float(log_partition([2.0, 1.0, 0.1], 2.0)), 3)
    1.69
    >>> log_partition([[2.0, 1.0, 0.1], [0.0, 0.0, 0.0]]).round(3).tolist()  # a row each
    [2.417, 1.099]
    """
    z, t, _ = _prepare(logits, temperature, axis)
    largest = z.max(axis=-1).astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        offset = np.where(largest == 0, 0.0, largest / t)
    return _result(offset + _log_normaliser(reduced_logits(z, t)), z)


@averages
def mean_energy(logits: Reals, temperature: Scalar | Reals = 1.0, *, axis: int = -1) -> Any:
    """Return <E> = -sum_i p_i z_i, in units of the logits.

    Parameters
    ----------
    logits, temperature, axis
        As in `softmax`.

    Returns
    -------
    ndarray or scalar, shape of the logits without ``axis``

    See Also
    --------
    heat_capacity : The heat capacity, exactly.
    free_energy : The free energy, exactly: the least there is.
    mean_energy_from_counts : The mean energy, measured.

    Examples
    --------
    >>> mean_energy([2.0, 1.0, 0.1], [0.0, 1.0, float("inf")]).round(3).tolist()  # from the lowest to the mean of all
    [-2.0, -1.57, -1.033]
    """
    z, t, _ = _prepare(logits, temperature, axis)
    return _result(-expectation(_probabilities(reduced_logits(z, t)), z.astype(np.float64)), z)


@averages
def entropy(logits: Reals, temperature: Scalar | Reals = 1.0, *, axis: int = -1) -> Any:
    """Return the entropy S = -sum_i p_i ln p_i, in nats, between 0 and ln K.

    Parameters
    ----------
    logits, temperature, axis
        As in `softmax`.

    Returns
    -------
    ndarray or scalar, shape of the logits without ``axis``

    See Also
    --------
    free_energy : The free energy, exactly: the least there is.
    scipy.stats.entropy : The same of probabilities.
    disorder.participation_ratio : How few levels the particles share.

    Examples
    --------
    >>> entropy([2.0, 1.0, 0.1], [0.0, 1.0, float("inf")]).round(3).tolist()  # from none to ln 3
    [0.0, 0.847, 1.099]
    """
    z, t, _ = _prepare(logits, temperature, axis)
    reduced = reduced_logits(z, t)
    # The maximum with +0 only turns the -0.0 of a certain outcome into 0.0.
    return _result(np.maximum(-expectation(_probabilities(reduced), _log_probabilities(reduced)), 0.0), z)


@averages
def free_energy(logits: Reals, temperature: Scalar | Reals = 1.0, *, axis: int = -1) -> Any:
    """Return the free energy F = <E> - T S = -T ln Z, in units of the logits.

    At T = 0 this is the ground-state energy -max z; at T = infinity it is -inf as soon as two levels are allowed.

    Parameters
    ----------
    logits, temperature, axis
        As in `softmax`.

    Returns
    -------
    ndarray or scalar, shape of the logits without ``axis``

    See Also
    --------
    log_partition : Ln Z, exactly.
    mean_energy : The mean energy, exactly.
    entropy : The entropy, exactly.
    minimize_free_energy : The descent that ends at softmax.
    variational.variational_free_energy : The free energy of any distribution.

    Examples
    --------
    >>> z = [2.0, 1.0, 0.1]
    >>> round(float(free_energy(z, 2.0)), 3)
    -3.38
    >>> round(float(mean_energy(z, 2.0) - 2.0 * entropy(z, 2.0)), 3)
    -3.38
    """
    z, t, _ = _prepare(logits, temperature, axis)
    normaliser = _log_normaliser(reduced_logits(z, t))
    with np.errstate(invalid="ignore", over="ignore"):
        heat = np.where(normaliser == 0, 0.0, t * normaliser)
    return _result(-(z.max(axis=-1).astype(np.float64) + heat), z)


@averages
def heat_capacity(logits: Reals, temperature: Scalar | Reals = 1.0, *, axis: int = -1) -> Any:
    """Return the heat capacity C = d<E>/dT = Var(E) / T^2 = T dS/dT, in units of Boltzmann's constant.

    Parameters
    ----------
    logits, temperature, axis
        As in `softmax`.

    Returns
    -------
    ndarray or scalar, shape of the logits without ``axis``
        At least 0, and exactly 0 at T = 0 and at T = infinity.

    See Also
    --------
    mean_energy : The mean energy, exactly.
    heat_capacity_from_counts : The heat capacity, measured.
    plot_temperature_sweep : A quantity along the temperature, as a picture.

    Examples
    --------
    >>> heat_capacity([1.0, 0.0], [0.1, 0.4, 2.0]).round(3).tolist()  # two levels: Schottky's peak
    [0.005, 0.438, 0.059]
    """
    z, t, _ = _prepare(logits, temperature, axis)
    reduced = reduced_logits(z, t)
    p = _probabilities(reduced)
    # The variance of z / T: dimensionless from the start, so that a T of 1e-300 is never squared.
    with np.errstate(invalid="ignore", over="ignore"):
        deviation = (reduced - expectation(p, reduced)[..., None]) ** 2
    return _result(expectation(p, deviation), z)
