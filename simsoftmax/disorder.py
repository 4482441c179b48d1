"""Random landscapes: Gaussian levels that freeze at a true transition, and rugged ladders that trap.

The random energy model (B. Derrida, "Random-energy model: an exactly solvable model of disordered systems", Phys. Rev.
B 24 (1981)) has K levels with independent Gaussian logits. As K grows, a freezing point appears at T_c = sigma /
sqrt(2 ln K): above it very many levels share the particles, below it a handful hold them all.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .arguments import RNG, Reals, Scalar, as_count, as_positive, generator
from .boltzmann import averages, softmax

__all__ = ["freezing_temperature", "participation_ratio", "random_energies", "rugged_ladder"]


def random_energies(levels: float, *, sigma: float = 1.0, rng: RNG = None) -> NDArray[np.float64]:
    """Return K logits drawn independently from a normal distribution of mean 0 and standard deviation ``sigma``.

    Parameters
    ----------
    levels : int
        K, how many.
    sigma : float, optional
        Their standard deviation.
    rng : numpy.random.Generator, int or None, optional
        Source of randomness.

    Returns
    -------
    ndarray of float64, shape (levels,)

    See Also
    --------
    disorder.freezing_temperature : Where the random energy model freezes.
    disorder.rugged_ladder : A landscape with valleys within valleys.

    Examples
    --------
    >>> float(random_energies(1000, rng=1).std().round(1))
    1.0
    """
    size = as_count("levels", levels, high=2**31)
    return generator(rng).normal(scale=as_positive("sigma", sigma), size=size)


def freezing_temperature(levels: float, *, sigma: float = 1.0) -> float:
    """Return T_c = sigma / sqrt(2 ln K), where K Gaussian logits of standard deviation sigma freeze (Derrida 1981).

    With sigma = sqrt(N / 2) and K = 2^N it is Derrida's own 1 / (2 sqrt(ln 2)).

    Parameters
    ----------
    levels : int
        K, at least 2.
    sigma : float, optional
        The standard deviation of the logits.

    Returns
    -------
    float
        In units of the logits.

    See Also
    --------
    disorder.random_energies : Levels of the random energy model.
    disorder.participation_ratio : How few levels the particles share.

    Examples
    --------
    >>> round(freezing_temperature(65536), 6)
    0.21233
    """
    return as_positive("sigma", sigma) / float(np.sqrt(2 * np.log(as_count("levels", levels, low=2))))


@averages
def participation_ratio(logits: Reals, temperature: Scalar | Reals = 1.0, *, axis: int = -1) -> Any:
    """Return Y = sum p^2: the chance that two particles sit in the same level, and 1 / Y levels share them.

    In the random energy model, averaged over landscapes, Y tends to 1 - T / T_c below T_c and to 0 above as K grows
    (B. Derrida and G. Toulouse, J. Physique Lett. 46 (1985)).

    Parameters
    ----------
    logits, temperature, axis
        As in `simsoftmax.softmax`.

    Returns
    -------
    ndarray or scalar
        Between 1 / K and 1.

    See Also
    --------
    entropy : The entropy, exactly.
    disorder.freezing_temperature : Where the random energy model freezes.

    Examples
    --------
    >>> round(float(participation_ratio([0.0, 0.0, 0.0, 0.0])), 3)  # four levels share them
    0.25
    """
    return (softmax(logits, temperature, axis=axis) ** 2).sum(axis=axis)


def rugged_ladder(levels: float, *, roughness: float = 1.0, rng: RNG = None) -> NDArray[np.float64]:
    """Return logits along which the energy is a random walk: valleys within valleys, on every scale.

    Each level differs from its neighbours by independent normal steps of standard deviation ``roughness``, the
    landscape of Sinai (Theory Probab. Appl. 27 (1982)). Particles that move to neighbours only have to climb ridges
    about roughness sqrt(K) high to reach the ground level.

    Parameters
    ----------
    levels : int
        K, how many.
    roughness : float, optional
        The standard deviation of a step.
    rng : numpy.random.Generator, int or None, optional
        Source of randomness.

    Returns
    -------
    ndarray of float64, shape (levels,)
        The largest is 0, so the ground level has energy 0.

    See Also
    --------
    anneal : Particles that are cooled along a schedule.
    disorder.random_energies : Levels of the random energy model.

    Examples
    --------
    >>> z = rugged_ladder(1000, roughness=0.3, rng=1)
    >>> float(z.max()), float(abs(z[1:] - z[:-1]).mean().round(2))  # mean steps of 0.3 sqrt(2 / pi)
    (0.0, 0.23)
    """
    scale, size = as_positive("roughness", roughness), as_count("levels", levels, high=2**31)
    if scale > 1e290:  # the walk would leave the range of floating point
        raise ValueError(f"roughness must be at most 1e290, got {scale:g}; divide it by a power of ten")
    walk = np.cumsum(generator(rng).normal(scale=scale, size=size))
    return np.asarray(walk - walk.max())
