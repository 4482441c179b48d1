"""A hundred seeds for every kernel, a million particles each, and whether the p-values are uniform.

``python -m benchmarks.kernel_study`` runs some minutes and writes ``book/data/kernel_study.json``. Particles start in
the ground level and are swept until the bias is below 1e-9; their counts are tested against softmax by chi-square.
Over a hundred seeds the p-values of an exact kernel are uniform (Kolmogorov-Smirnov), and their chi-squares sum to a
chi-square. Beside them, as a control, a kernel whose acceptances and proposals have 16 bits and no more.
"""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path

import numpy as np
import scipy.stats

import simsoftmax as ss
from simsoftmax.kernels import particles
from simsoftmax.markov import boltzmann_exponents

OUTPUT = Path(__file__).parents[1] / "book" / "data" / "kernel_study.json"
CASES = [
    # (levels, proposal, temperature): every kernel once, cold enough for levels so rare that 16 bits round them off
    (2, "uniform", 0.2),
    (3, "uniform", 0.2),
    (4, "uniform", 0.2),
    (3, "neighbour", 0.7),
    (10, "uniform", 0.2),
    (50, "uniform", 0.2),
    (10, "neighbour", 0.9),
    (100, "uniform", 0.2),
    (300, "uniform", 0.2),
    (300, "uniform", 0.02),
]


def bare_sixteen_bits(counts, reduced, sweeps, rng):
    """Sweep counts as a kernel would whose thresholds and proposals are cut to 16 bits: its chain, followed exactly."""
    levels = len(reduced)
    offered = np.bincount((np.arange(65536) * levels) >> 16, minlength=levels) / 65536
    accepted = np.floor(np.minimum(np.exp(reduced[None, :] - reduced[:, None]), 1) * 65536) / 65536
    rows = offered * accepted
    np.fill_diagonal(rows, 0)
    np.fill_diagonal(rows, 1 - rows.sum(axis=1))
    law = np.linalg.matrix_power(rows, sweeps)[0]
    return rng.multinomial(counts.sum(), law)


def study(levels, proposal, temperature, seeds, size):
    """Return the record of one kernel and of its control."""
    logits = np.linspace(2.0, 0.0, levels)
    reduced, truth = boltzmann_exponents(logits, temperature), ss.softmax(logits, temperature)
    sweeps = math.ceil(ss.relaxation(logits, temperature, proposal=proposal).sweeps(1e-9))
    common = size * truth >= 10  # levels that expect fewer are pooled

    def chi_square(counts):
        expected = size * np.append(truth[common], truth[~common].sum())
        found = np.append(counts[common], counts[~common].sum())
        kept = expected > 0
        return ((found - expected)[kept] ** 2 / expected[kept]).sum(), np.count_nonzero(kept) - 1

    statistics, control = [], []
    rng = np.random.default_rng(7)
    for seed in range(seeds):
        states = np.zeros(size, particles.state_dtype(levels))
        streams = particles.allocate_streams(seed, size, levels)
        particles.advance(states, streams, reduced, proposal, sweeps, particles.available_threads())
        value, freedom = chi_square(particles.count(states, levels))
        statistics.append(value)
        if proposal == "uniform":
            control.append(chi_square(bare_sixteen_bits(np.array([size]), reduced, sweeps, rng))[0])
    p_values = scipy.stats.chi2.sf(statistics, freedom)
    return {
        "levels": levels,
        "proposal": proposal,
        "temperature": temperature,
        "kernel": kernel_name(reduced, proposal),
        "seeds": seeds,
        "particles": size,
        "sweeps": sweeps,
        "p_values": [float(f"{p:.6g}") for p in p_values],
        "uniformity_p_value": float(scipy.stats.kstest(p_values, "uniform").pvalue),
        "total_chi_square_p_value": float(scipy.stats.chi2.sf(sum(statistics), freedom * seeds)),
        "control_total_chi_square_p_value": float(scipy.stats.chi2.sf(sum(control), freedom * seeds))
        if control
        else None,
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
    for levels, proposal, temperature in CASES:
        record = study(levels, proposal, temperature, options.seeds, int(options.particles))
        found.append(record)
        print(
            f"{record['kernel']}, K = {levels}, T = {temperature}: uniformity p = {record['uniformity_p_value']:.3f}, "
            f"total p = {record['total_chi_square_p_value']:.3f}, control {record['control_total_chi_square_p_value']}",
            flush=True,
        )
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
