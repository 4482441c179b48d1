"""Mistakes that ``mypy --strict`` must report, each on its line with the code in the comment; nothing of this runs.

``not yet`` marks the gaps: mistakes that still pass. A gap that was closed becomes an ``error``.
"""

import numpy as np

import simsoftmax as ss

scores = [2.0, 1.0, 0.1]
run = ss.simulate(scores)

ss.softmax("abc")  # error: arg-type
ss.softmax(["a", "b"])  # error: arg-type
ss.softmax(scores, "hot")  # error: arg-type
ss.entropy(scores, temprature=2.0)  # error: call-overload
ss.entropy(scores, 1.0).tolist()[0]  # error: index
ss.softmax(scores).verify()  # error: attr-defined
ss.minimize_free_energy(scores, start="uniform")  # error: arg-type
ss.simulate("abc")  # error: arg-type
ss.simulate(scores, proposal="neighbor")  # error: arg-type
ss.simulate(scores, start="cold")  # error: arg-type
ss.simulate(scores, sweeps="all")  # error: arg-type
ss.simulate(scores, engine="steam")  # error: arg-type
ss.simulate(scores, particles="many")  # error: arg-type
ss.simulate(scores, rng=1.5)  # error: arg-type
ss.simulate(scores, np.ones(3), 100)  # error: call-arg
ss.relaxation(scores, proposal="neighbor")  # error: arg-type
run.verify(false_alrm=0.1)  # error: call-arg
run.verify_average(powr=0.1)  # error: call-arg
run.extend("more")  # error: arg-type
run.plot(colour="red")  # error: call-arg
run.occupancies.energy()  # error: attr-defined
ss.verify("abc", scores)  # error: arg-type
ss.verify(run.counts, scores, false_alrm=0.1)  # error: call-arg
ss.verify(tally=[5, 3, 2], logits=scores)  # error: arg-type
ss.required_particles(0.1, scores, of="energy")  # error: arg-type
ss.anneal(scores, "slowly")  # error: arg-type
ss.anneal(scores, [1.0], start="cold")  # error: arg-type
ss.simulate_gas(start="evn")  # error: arg-type
ss.fit_temperature("abc", [0, 1])  # error: arg-type
ss.fit_temperature([scores], ["cat"], classes=3)  # error: arg-type
ss.fit_temperature([scores], [0], interval="normal")  # error: arg-type
ss.expected_calibration_error([scores], [0], binning="masses")  # error: arg-type
ss.plot_occupancy("abc", scores)  # error: arg-type
ss.plot_trajectory(scores)  # error: arg-type
ss.plot_temperature_sweep(scores, "enthalpy")  # error: arg-type
ss.sample("abc")  # error: arg-type
ss.sample(scores, order="sideways")  # error: arg-type
ss.diagnose([0], scores, explanations="greedy")  # error: arg-type
ss.Explanation("greedy")  # error: call-arg
ss.TopK(3, ties="all")  # error: arg-type
