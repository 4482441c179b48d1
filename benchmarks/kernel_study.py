"""A hundred seeds for every kernel, a million particles each, and whether the p-values are uniform.

``python -m benchmarks.kernel_study`` runs some minutes and writes ``book/data/kernel_study.json``. Particles start in
the ground level and are swept until the bias is below 1e-9; their counts are tested against softmax by chi-square.
Over a hundred seeds the p-values of an exact kernel are uniform (Kolmogorov-Smirnov), and the counts of all seeds
together, a hundred million particles, pass the same test. Beside them, as a control, a kernel whose acceptances and
proposals have 16 bits and no more: it must not pass.
"""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path

import numpy as np
import scipy.stats

import simsoftmax as ss
from simsoftmax.arguments import as_threads
from simsoftmax.kernels import particles
from simsoftmax.markov import boltzmann_exponents

OUTPUT = Path(__file__).parents[1] / "book" / "data" / "kernel_study.json"
CASES = [
    # (levels, proposal, temperature, rare levels): every kernel once, and in each something that 16 bits round off
    (2, "uniform", 0.2, 0),
    (3, "uniform", 0.2, 0),
    (4, "uniform", 0.2, 0),
    (2, "neighbour", 0.2, 0),
    (3, "neighbour", 0.7, 1),
    (4, "neighbour", 0.7, 1),
    (10, "uniform", 2.0, 3),
    (50, "uniform", 2.0, 15),
    (100, "uniform", 2.0, 30),
    (300, "uniform", 0.2, 0),
    (300, "uniform", 0.02, 0),
    (10, "neighbour", 0.5, 1),
    (40, "neighbour", 0.2, 1),
    (70, "neighbour", 0.1, 1),
]


def place_levels(levels, proposal, temperature, rare):
    """Return logits evenly from 2 to 0, then rare levels: a move to them is accepted at most 1.9 times in 2^16.

    On a ladder the ground level is the one beside the rare one, so that the step between them is often tried.
    """
    logits = np.linspace(2.0, 0.0, levels - rare)
    if proposal == "neighbour":
        logits = logits[::-1]
    return np.append(logits, np.full(rare, logits[-1] + temperature * math.log(1.9 / 65536)))


def bare_sixteen_bits(size, reduced, proposal, sweeps, rng):
    """Return counts as of a kernel whose thresholds and proposals are cut to 16 bits: its chain, followed exactly."""
    levels = len(reduced)
    accepted = np.floor(np.minimum(np.exp(reduced[None, :] - reduced[:, None]), 1) * 65536) / 65536
    if proposal == "uniform":
        offered = np.bincount((np.arange(65536) * levels) >> 16, minlength=levels) / 65536
        rows = offered * accepted
    else:
        rows = 0.5 * accepted * (np.abs(np.subtract.outer(np.arange(levels), np.arange(levels))) == 1)
    np.fill_diagonal(rows, 0)
    np.fill_diagonal(rows, 1 - rows.sum(axis=1))
    return rng.multinomial(size, np.linalg.matrix_power(rows, sweeps)[np.argmax(reduced)])


def study(levels, proposal, temperature, rare, seeds, size):
    """Return the record of one kernel and of its control."""
    logits = place_levels(levels, proposal, temperature, rare)
    reduced, truth = boltzmann_exponents(logits, temperature), ss.softmax(logits, temperature)
    sweeps = math.ceil(ss.relaxation(logits, temperature, proposal=proposal).sweeps(1e-9))

    def p_value(counts):
        common = counts.sum() * truth >= 10  # levels that expect fewer are pooled
        expected = counts.sum() * np.append(truth[common], truth[~common].sum())
        found = np.append(counts[common], counts[~common].sum())
        kept = expected > 0
        return scipy.stats.chi2.sf(((found - expected)[kept] ** 2 / expected[kept]).sum(), np.count_nonzero(kept) - 1)

    p_values = []
    together, control = np.zeros(levels, np.int64), np.zeros(levels, np.int64)
    rng = np.random.default_rng(7)
    for seed in range(seeds):
        states = np.full(size, np.argmax(reduced), particles.state_dtype(levels))
        streams = particles.allocate_streams(seed, size, levels)
        particles.advance(states, streams, reduced, proposal, sweeps, as_threads(None))
        counts = particles.count(states, levels)
        p_values.append(p_value(counts))
        together += counts
        control += bare_sixteen_bits(size, reduced, proposal, sweeps, rng)
    return {
        "levels": levels,
        "proposal": proposal,
        "temperature": temperature,
        "rare": rare,
        "kernel": kernel_name(reduced, proposal),
        "seeds": seeds,
        "particles": size,
        "sweeps": sweeps,
        "p_values": [float(f"{p:.6g}") for p in p_values],
        "uniformity_p_value": float(scipy.stats.kstest(p_values, "uniform").pvalue),
        "together_p_value": float(p_value(together)),
        "control_p_value": float(p_value(control)),
    }


def kernel_name(reduced, proposal):
    """Return the name of the kernel that serves these log-weights."""
    kernel = particles._module(len(reduced)).prepare(reduced, proposal)[0]
    return f"{kernel.__module__.rsplit('.', 1)[1]}.{kernel.__name__}"


def main(arguments=None):
    """Run the study and write its result."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.kernel_study", description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--particles", type=float, default=1e6)
    parser.add_argument("--output", type=Path, default=OUTPUT)
    options = parser.parse_args(arguments)
    found = []
    for case in CASES:
        record = study(*case, options.seeds, int(options.particles))
        found.append(record)
        print(
            f"{record['kernel']}, K = {case[0]}, T = {case[2]}: uniformity p = {record['uniformity_p_value']:.3f}, "
            f"together p = {record['together_p_value']:.3f}, control p = {record['control_p_value']:.1e}",
            flush=True,
        )
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
