// Walkers that are cooled, and the exact distribution that goes with them, sweep after sweep.

import { copy } from "../kit/kernels.js";
import { Terrain } from "./terrain.js";

const TAIL = 0.025; // beyond each end of an interval
const CHUNK = 50000; // moves between two looks at the clock

// The state of a stream of random numbers in the kernels' memory; several coolings may draw from it in turn.
export function streamOf(kernels, bytes) {
  const stream = kernels.array("uint64", 4);
  stream.view.set(new BigUint64Array(copy(bytes)));
  return stream;
}

export class Cooling {
  constructor(kernels, stream, logits) {
    this.kernels = kernels;
    this.stream = stream;
    this.levels = logits.length;
    this.logits = kernels.floats(logits);
    const floats = () => kernels.array("float64", this.levels);
    this.distribution = floats();
    this.exponents = floats();
    this.weights = floats();
    this.before = floats();
    this.trial = floats();
    this.shares = floats();
    this.counts = kernels.array("int64", this.levels);
    this.knots = kernels.floats([1, 1]);
    this.foretold = kernels.floats([1, 1]);
    this.capacity = 0;
    this.sample = [];
    this.reshape(logits);
  }

  // Move the ground under the walkers; there are as many levels as before.
  reshape(logits) {
    this.logits.view.set(logits);
    this.terrain = new Terrain(logits);
  }

  // knots: temperatures at even distances over the run, with equal factors in between.
  begin({ walkers, knots, sweeps }) {
    this.walkers = walkers;
    this.length = sweeps;
    this.done = 0;
    this.owed = 0; // sweeps due, with fractions
    if (knots.length !== this.knots.length) this.knots = this.kernels.array("float64", knots.length);
    this.knots.view.set(knots);
    if (walkers > this.capacity) {
      this.all = this.kernels.array("uint8", walkers);
      this.capacity = walkers;
    }
    this.states = this.all.part(0, walkers);
    const states = this.states.view;
    for (let n = 0; n < walkers; n += 1) states[n] = n % this.levels;
    this.distribution.view.fill(1 / this.levels);
    this.count();
  }

  get finished() {
    return this.done >= this.length;
  }

  get temperature() {
    return this.kernels.cooled(this.knots, this.length, Math.max(0, this.done - 1));
  }

  // Do what is due, in as many milliseconds as there are.
  run(sweeps, budget) {
    this.owed += sweeps;
    const end = performance.now() + budget;
    const chunk = Math.ceil(CHUNK / this.walkers);
    while (this.owed >= 1 && !this.finished) {
      const due = Math.min(chunk, Math.floor(this.owed));
      this.advance(due);
      this.owed -= due;
      if (performance.now() > end) this.owed = 0;
    }
  }

  advance(sweeps) {
    const { kernels, logits, knots, length, done, exponents, weights } = this;
    const end = Math.min(length, done + sweeps);
    kernels.anneal_walkers(this.states, logits, knots, length, done, end, exponents, weights, this.stream);
    kernels.anneal_exactly(this.distribution, logits, knots, length, done, end, exponents, weights, this.before);
    this.done = end;
    this.count();
  }

  count() {
    this.kernels.count_states(this.states, this.counts, this.shares);
  }

  // Of a distribution or of counts, what is in the ground level, in all of them if several tie.
  inGround(block) {
    return this.terrain.ground.reduce((sum, k) => sum + Number(block.view[k]), 0);
  }

  // The exact share that a whole run brings to the ground level.
  foretell(knots, sweeps) {
    const { kernels, logits, exponents, weights, before } = this;
    if (knots.length !== this.foretold.length) this.foretold = kernels.array("float64", knots.length);
    this.foretold.view.set(knots);
    this.trial.view.fill(1 / this.levels);
    kernels.anneal_exactly(this.trial, logits, this.foretold, sweeps, 0, sweeps, exponents, weights, before);
    return this.inGround(this.trial);
  }

  // The interval of a rate, as `simsoftmax.anneal` gives it: at 95 %, exact.
  around(found, tried) {
    return [0, 1].map((upper) => this.kernels.whisker(found, tried, TAIL, upper));
  }

  // The levels of a number of walkers. Neighbours in the list started on neighbouring levels: one stretch is fair.
  drawn(most) {
    const states = this.states.view;
    const n = Math.min(most, this.walkers);
    this.sample.length = n;
    for (let i = 0; i < n; i += 1) this.sample[i] = states[i];
    return this.sample;
  }
}
