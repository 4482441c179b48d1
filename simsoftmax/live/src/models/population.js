// Where the particles are: simulated by the compiled Metropolis kernel, or recorded by a native run.

import { copy } from "../kit/kernels.js";
import { Levels } from "./levels.js";

export const GRAINS = 20000; // that are drawn at most
const WATCHED = 1200; // whose hops are seen, at most
const TOLERANCE = 1e-5; // total variation at which a particle has forgotten where it was
const BUDGET = 7; // milliseconds of moves a frame

// Levels with particles on them.
class Occupied extends Levels {
  particles = 0;
  sample = [];

  allocate(levels) {
    super.allocate(levels);
    const { kernels } = this;
    this.felt = kernels.array("float64", levels);
    this.weights = kernels.array("float64", levels);
    this.shares = kernels.array("float64", levels);
    this.counts = kernels.array("int64", levels);
    this.drawsSeen = kernels.array("int64", levels);
    this.square = [1, 2].map(() => kernels.array("float64", levels * levels));
  }

  // `fault` is how much too hot, in relative terms, the particles run: an error for the verdict to find.
  equilibrate(logits, temperature, fault = 0) {
    super.equilibrate(logits, temperature);
    this.kernels.boltzmann_weights(this.logits, temperature * (1 + fault), this.felt, this.weights);
  }

  settle() {
    this.seen = this.weigh(this.shares);
  }

  // How many particles are drawn, and of how many the hops: few enough to leave the piles whole.
  get grains() {
    return Math.min(GRAINS, this.particles);
  }
  get watched() {
    return Math.min(WATCHED, Math.ceil(this.grains / 8));
  }
}

export class Population extends Occupied {
  constructor(kernels, stream) {
    super(kernels);
    this.stream = kernels.array("uint64", 4);
    this.stream.view.set(new BigUint64Array(copy(stream)));
    this.capacity = 0;
    this.neighbour = false; // whether they are proposed the next rung, and not any
    this.sweeps = 0; // since the last disturbance
    this.judged = 0; // when the counts were last added to the evidence, in sweeps
    this.owed = 0; // moves due, with fractions
    this.rate = 0; // moves a second
    this.pace = 5000; // moves a millisecond, measured as we go
  }

  // Something changed: what is counted for the verdict begins again.
  disturb() {
    this.sweeps = 0;
    this.judged = 0;
    this.forgetRates();
    this.count();
    this.judge(true);
    // Sweeps until a particle has forgotten where it was; -1 where that is out of reach.
    const { kernels, exponents, probabilities, neighbour, square } = this;
    this.forgetting = kernels.forgetting_time(exponents, probabilities, neighbour ? 1 : 0, TOLERANCE, ...square);
  }

  // Simulate a number of moves; when every particle has forgotten, its level is a new, independent draw.
  walk(moves) {
    this.advance(moves);
    this.count();
    this.sweeps += moves / this.particles;
    if (this.forgetting > 0 && this.sweeps - this.judged >= this.forgetting + 1) {
      this.judge();
      this.judged = this.sweeps;
    }
  }

  step() {
    this.walk(this.particles);
  }

  // Simulate what is due after some time at a speed in sweeps a second, as far as a frame allows. Always goes on.
  run(seconds, speed) {
    this.owed = Math.min(this.owed + this.particles * speed * seconds, this.pace * BUDGET);
    const moves = Math.floor(this.owed);
    this.owed -= moves;
    const begun = performance.now();
    this.walk(moves);
    const took = performance.now() - begun;
    if (moves > 2000 && took > 0) this.pace += 0.1 * (moves / took - this.pace);
    if (seconds > 0) this.rate += 0.05 * (moves / seconds - this.rate);
    return true;
  }

  // Put every particle somewhere: all in the ground level, or evenly over the levels that are allowed.
  start(particles, hot) {
    if (particles > this.capacity) {
      this.states = this.kernels.array("uint8", particles);
      this.capacity = particles;
    }
    this.particles = particles;
    this.all = this.states.part(0, particles);
    const z = this.logits.view;
    const allowed = [...z.keys()].filter((i) => z[i] > -Infinity);
    const ground = allowed.reduce((best, i) => (z[i] > z[best] ? i : best), allowed[0]);
    const states = this.all.view;
    if (hot) for (let n = 0; n < particles; n += 1) states[n] = allowed[n % allowed.length];
    else states.fill(ground);
    this.at = 0;
    this.forgetRates();
    this.count();
  }

  forgetRates() {
    this.moved = 0;
    this.proposed = 0;
  }

  // Propose a number of moves, particle after particle, going round; a sweep is one move for each.
  advance(moves) {
    const sweep = this.neighbour ? this.kernels.sweep_neighbour : this.kernels.sweep_uniform;
    const run = (states, sweeps) => {
      this.moved += sweep(states, this.felt, this.weights, this.stream, sweeps);
      this.proposed += states.length * sweeps;
    };
    let left = moves;
    while (left > 0) {
      if (this.at === 0 && left >= this.particles) {
        const sweeps = Math.floor(left / this.particles);
        run(this.all, sweeps);
        left -= sweeps * this.particles;
      } else {
        const end = Math.min(this.particles, this.at + left);
        run(this.states.part(this.at, end), 1);
        left -= end - this.at;
        this.at = end === this.particles ? 0 : end;
      }
    }
  }

  count() {
    this.kernels.count_states(this.all, this.counts, this.shares);
    this.settle();
  }

  // The evidence against softmax after the present counts, as new draws; starts again with fresh = true.
  judge(fresh) {
    if (fresh) {
      this.drawsSeen.view.fill(0n);
      this.logEvidence = 0;
      this.draws = 0;
      return;
    }
    const concentration = this.probabilities.view.filter((p) => p > 0).length;
    this.logEvidence = this.kernels.grow_evidence(
      this.logEvidence, this.drawsSeen, this.counts, this.probabilities, concentration,
    );
    this.draws += this.particles;
  }

  // The levels of the particles whose hops are seen, evenly chosen from all.
  drawn() {
    const states = this.all.view;
    const n = this.watched;
    this.sample.length = n;
    for (let i = 0; i < n; i += 1) this.sample[i] = states[Math.floor((i * this.particles) / n)];
    return this.sample;
  }
}

// A native run, record by record.
export class Recording extends Occupied {
  constructor(kernels, { occupancies, particles, every }) {
    super(kernels);
    this.records = new Float64Array(copy(occupancies));
    this.particles = particles;
    this.every = every;
    this.at = 0;
    this.owed = 0; // records due, with fractions
  }

  get finished() {
    return this.at === this.length - 1;
  }

  // Levels may be called otherwise; the record stays.
  disturb() {
    this.seek(this.at);
  }

  step() {
    this.seek(this.at + 1);
  }

  // Go on by what is due after some time at a speed in records a second; returns whether there is more.
  run(seconds, speed) {
    this.owed += seconds * speed;
    const records = Math.floor(this.owed);
    this.owed -= records;
    if (records) this.seek(this.at + records);
    return !this.finished;
  }

  get length() {
    return this.records.length / this.levels;
  }

  get sweeps() {
    return (this.at + 1) * this.every;
  }

  // Show one record.
  seek(record) {
    if (this.records.length % this.levels) throw new RangeError(`the recorded run does not have ${this.levels} levels`);
    this.at = Math.max(0, Math.min(this.length - 1, record));
    this.shares.view.set(this.records.subarray(this.at * this.levels, (this.at + 1) * this.levels));
    this.settle();
  }

  // Particles that stand for the shares, with as few moves from one record to the next as can be.
  drawn() {
    const n = this.watched;
    const shares = this.shares.view;
    const due = Array.from(shares, (share) => Math.floor(share * n));
    const rest = Array.from(shares.keys()).sort((a, b) => ((shares[b] * n) % 1) - ((shares[a] * n) % 1));
    for (let i = 0, missing = n - due.reduce((a, b) => a + b, 0); i < missing; i += 1) due[rest[i % rest.length]] += 1;
    const homeless = [];
    for (let i = 0; i < n; i += 1) {
      const level = this.sample[i];
      if (due[level] > 0) due[level] -= 1;
      else homeless.push(i);
    }
    for (let level = 0; level < due.length; level += 1) {
      while (due[level] > 0 && homeless.length) {
        this.sample[homeless.pop()] = level;
        due[level] -= 1;
      }
    }
    return this.sample;
  }
}
