"""Exact functions of the Gibbs-Boltzmann distribution as loops over arrays, for the reader's browser.

`simsoftmax.boltzmann` is the reference: NumPy, any shape, checked arguments. A browser has no NumPy, so figures call
these kernels, compiled to WebAssembly by `simsoftmax.kernels.wasm`. They take one row of checked logits, write into
arrays that the caller owns, and allocate nothing. A test holds them to `boltzmann` within rounding, so that the two
forms cannot drift apart.
"""

import math

from . import page_kernel

__all__ = [
    "boltzmann",
    "boltzmann_weights",
    "count_states",
    "flow_forces",
    "forgetting_time",
    "free_energy_functional",
    "free_energy_landscape",
    "integrate_energy",
    "mirror_flow",
]


@page_kernel("void(float64[::1], float64, float64[::1], float64[::1])")
def boltzmann_weights(logits, temperature, exponents, weights):
    """Write the exponents (z - max z) / T, at most 0, and the weights exp(exponents) that the Metropolis kernels take.

    Parameters
    ----------
    logits : float64 array, shape (K,)
        Scores, finite or -inf, at least one finite.
    temperature : float
        T >= 0; 0 and infinity mean the exact limits.
    exponents, weights : float64 arrays, shape (K,)
        Receive the results.
    """
    top = logits[0]
    for i in range(1, logits.size):
        top = max(top, logits[i])
    # As in boltzmann.reduced_logits: halving both sides of the fraction keeps the widest span from overflowing.
    half = 0.5 if temperature >= 1.0 else 1.0
    for i in range(logits.size):
        gap = logits[i] * half - top * half
        if gap == 0.0:
            exponents[i] = 0.0
        elif logits[i] == -math.inf:
            exponents[i] = -math.inf
        else:
            exponents[i] = gap / (temperature * half)
        weights[i] = math.exp(exponents[i])


@page_kernel("void(float64[::1], float64, float64[::1], float64[::1], float64[::1])")
def boltzmann(logits, temperature, exponents, probabilities, state):
    """Write softmax(z / T) and its thermodynamics.

    Parameters
    ----------
    logits, temperature
        As in `boltzmann_weights`.
    exponents : float64 array, shape (K,)
        Receives the exponents of `boltzmann_weights`.
    probabilities : float64 array, shape (K,)
        Receives the probabilities.
    state : float64 array, shape (5,)
        Receives ln Z, mean energy, entropy, free energy and heat capacity.
    """
    boltzmann_weights(logits, temperature, exponents, probabilities)
    best = 0
    for i in range(logits.size):
        if logits[i] > logits[best]:
            best = i
    rest = 0.0  # the sum of the weights without its largest, 1: exact also where it is tiny
    for i in range(logits.size):
        if i != best:
            rest += probabilities[i]
    log_normaliser = math.log1p(rest)

    energy = 0.0
    mean_exponent = 0.0
    entropy = 0.0
    for i in range(logits.size):
        p = probabilities[i] / (1.0 + rest)
        probabilities[i] = p
        if p > 0.0:
            energy -= p * logits[i]
            mean_exponent += p * exponents[i]
            entropy -= p * (exponents[i] - log_normaliser)
    heat_capacity = 0.0
    for i in range(logits.size):
        if probabilities[i] > 0.0:
            heat_capacity += probabilities[i] * (exponents[i] - mean_exponent) ** 2

    top = logits[best]
    state[0] = log_normaliser if top == 0.0 else top / temperature + log_normaliser
    state[1] = energy
    state[2] = max(entropy, 0.0)
    state[3] = -top if log_normaliser == 0.0 else -(top + temperature * log_normaliser)
    state[4] = heat_capacity


@page_kernel("void(float64[::1], float64, float64[::1], float64[::1], float64[::1], float64[::1], float64[::1])")
def integrate_energy(logits, width, exponents, probabilities, state, slopes, sums):
    """Add up -<E> over beta = 1/T in strips of one width, from beta = 0 on, where ln Z = ln K is known.

    This is thermodynamic integration (Kirkwood 1935): d ln Z / d beta = -<E>. Each strip is as high as the curve in its
    middle.

    Parameters
    ----------
    logits, exponents, probabilities, state
        As in `boltzmann`; all but the logits are work space.
    width : float
        Of a strip, >= 0.
    slopes, sums : float64 arrays, shape (n,)
        Receive -<E> in the middle of each strip, and ln K with all strips up to and including this one; K counts the
        levels that can be occupied.
    """
    allowed = 0
    for i in range(logits.size):
        if logits[i] > -math.inf:
            allowed += 1
    total = math.log(allowed)
    for n in range(slopes.size):
        beta = (n + 0.5) * width
        boltzmann(logits, 1.0 / beta if beta > 0.0 else math.inf, exponents, probabilities, state)
        slopes[n] = -state[1]
        total += width * slopes[n]
        sums[n] = total


@page_kernel("void(float64[::1], float64[::1], float64, float64[::1])")
def free_energy_functional(distribution, logits, temperature, out):
    """Write <E>, S and F = <E> - T S of any distribution q over the levels.

    A level with q = 0 adds nothing, whatever its energy; q > 0 on a level of logit -inf makes F = +inf. At an infinite
    temperature F is -inf unless S = 0.
    """
    energy = 0.0
    entropy = 0.0
    for i in range(logits.size):
        q = distribution[i]
        if q > 0.0:
            energy -= q * logits[i]
            entropy -= q * math.log(q)
    out[0] = energy
    out[1] = entropy
    out[2] = energy if entropy == 0.0 or energy == math.inf else energy - temperature * entropy


@page_kernel("void(float64[::1], float64, int64, float64[::1])")
def free_energy_landscape(logits, temperature, side, out):
    """Write F over the simplex of three levels on a square grid of ``side`` x ``side`` points.

    The point in row b and column a is q = (1 - u, u (1 - v), u v) with u = a / (side - 1) and v = b / (side - 1): the
    square folds onto the triangle, its column a = 0 onto the first corner, so that every edge lies on the grid.
    """
    for b in range(side):
        v = b / (side - 1)
        for a in range(side):
            u = a / (side - 1)
            energy = 0.0
            entropy = 0.0
            for i in range(3):
                q = 1.0 - u if i == 0 else (u * (1.0 - v) if i == 1 else u * v)
                if q > 0.0:
                    energy -= q * logits[i]
                    entropy -= q * math.log(q)
            out[b * side + a] = energy - temperature * entropy


@page_kernel("void(float64[::1], float64[::1], float64, float64)")
def mirror_flow(distribution, logits, temperature, time):
    """Follow the natural-gradient flow of F from q for a time, in place and exactly.

    The flow d ln q / dt = -dF/dq + const, with dF/dq = -z + T (1 + ln q), is linear in ln q. Its solution is
    ln q(t) = exp(-T t) ln q(0) + (1 - exp(-T t)) z / T + const: a geometric path from q(0) to softmax(z / T). This is
    mirror descent with the entropy as its mirror map (Beck and Teboulle 2003) in the limit of small steps. A level with
    q = 0 stays empty.
    """
    levels = logits.size
    memory = math.exp(-temperature * time)
    # (1 - exp(-T t)) / T, and its limit t at T = 0.
    drift = -math.expm1(-temperature * time) / temperature if temperature > 0.0 else time
    top = -math.inf
    for i in range(levels):
        q = distribution[i]
        log_q = -math.inf
        if q > 0.0:
            log_q = memory * math.log(q) + drift * logits[i]
        distribution[i] = log_q
        top = max(top, log_q)
    total = 0.0
    for i in range(levels):
        distribution[i] = math.exp(distribution[i] - top)
        total += distribution[i]
    for i in range(levels):
        distribution[i] /= total


@page_kernel("void(float64[::1], float64[::1], float64, float64[::1], float64[::1])")
def flow_forces(distribution, logits, temperature, pull, push):
    """Write the two parts of dq/dt along the flow of `mirror_flow`: what energy pulls, and what entropy pushes.

    From d ln q / dt = z - T ln q + const follows dq_i/dt = q_i (z_i - <z>) + T q_i (-ln q_i - S). Each part adds up to
    0 over the levels, and where q is softmax the one is minus the other. Logits are finite where q > 0.

    Parameters
    ----------
    distribution, logits : float64 arrays, shape (K,)
    temperature : float
        T >= 0, finite.
    pull, push : float64 arrays, shape (K,)
        Receive the results.
    """
    mean = 0.0
    entropy = 0.0
    for i in range(logits.size):
        q = distribution[i]
        if q > 0.0:
            mean += q * logits[i]
            entropy -= q * math.log(q)
    for i in range(logits.size):
        q = distribution[i]
        pull[i] = q * (logits[i] - mean) if q > 0.0 else 0.0
        push[i] = temperature * q * (-math.log(q) - entropy) if q > 0.0 else 0.0


@page_kernel("int64(float64[::1], float64[::1], int64, float64, float64[::1], float64[::1])")
def forgetting_time(exponents, probabilities, neighbour, tolerance, matrix, square):
    """Return the number of sweeps after which a particle has forgotten where it began.

    The transition matrix P of the Metropolis chain is squared until every row of P^t lies within ``tolerance`` of the
    stationary distribution in total variation: the first power of two that does, or -1 beyond 2^40.

    Parameters
    ----------
    exponents, probabilities : float64 arrays, shape (K,)
        From `boltzmann`.
    neighbour : int
        0 for a proposal uniform over all K levels, 1 for a step up or down the ladder.
    tolerance : float
        The total variation allowed.
    matrix, square : float64 arrays, shape (K * K,)
        Work space; ``matrix`` is left holding the power of P, row by row.
    """
    levels = probabilities.size
    for i in range(levels):
        stay = 1.0
        for j in range(levels):
            move = 0.0
            if neighbour:
                if j == i + 1 or j == i - 1:
                    move = 0.5
            elif j != i:
                move = 1.0 / levels
            if exponents[j] < exponents[i]:
                move *= math.exp(exponents[j] - exponents[i])
            matrix[i * levels + j] = move
            stay -= move
        matrix[i * levels + i] = stay
    for doubling in range(41):
        worst = 0.0
        for i in range(levels):
            distance = 0.0
            for j in range(levels):
                distance += 0.5 * abs(matrix[i * levels + j] - probabilities[j])
            worst = max(worst, distance)
        if worst <= tolerance:
            return 1 << doubling
        for i in range(levels):
            total = 0.0
            for j in range(levels):
                entry = 0.0
                for k in range(levels):
                    entry += matrix[i * levels + k] * matrix[k * levels + j]
                square[i * levels + j] = entry
                total += entry
            for j in range(levels):  # rows keep their sum of 1 through forty squarings
                square[i * levels + j] /= total
        for i in range(levels * levels):
            matrix[i] = square[i]
    return -1


@page_kernel("void(uint8[::1], int64[::1], float64[::1])")
def count_states(states, counts, shares):
    """Write how many particles are in each level, and what share of all they are."""
    for i in range(counts.size):
        counts[i] = 0
    for n in range(states.size):
        counts[states[n]] += 1
    for i in range(counts.size):
        shares[i] = counts[i] / states.size
