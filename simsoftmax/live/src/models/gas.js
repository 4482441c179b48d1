// The isolated gas: how many quanta each particle holds, handed on by the compiled kernel.

import * as format from "../kit/format.js";
import { copy } from "../kit/kernels.js";

const DRAWN = 280; // particles, at most
const FINE = 256; // numbers of quanta told apart where the whole distribution is weighed
const TOLERANCE = 1e-3; // of its start that a particle may still know
export const FEW = 100; // particles that are seen better on average, and that are no good heat bath
const HOT = 0.8; // of all quanta that the left one of two gases has
const MOST_ATTEMPTS = 100; // to hand over a quantum, before others are let in
const CHUNK = 50000; // handovers between two looks at the clock

const UNBOUNDED = 2 ** 31 - 1; // the top of the ladder

// Give the quanta to so many owners, who stand evenly among all, so that those that are drawn are a fair sample.
function deal(view, total, owners) {
  view.fill(0);
  const each = Math.floor(total / owners);
  for (let n = 0; n < owners; n += 1) {
    view[Math.floor((n * view.length) / owners)] = each + (n < total - each * owners ? 1 : 0);
  }
}

export class Gas {
  constructor(kernels, stream) {
    this.kernels = kernels;
    this.stream = kernels.array("uint64", 4);
    this.stream.view.set(new BigUint64Array(copy(stream)));
    const floats = (n) => kernels.array("float64", n);
    this.whole = { counts: kernels.array("int64", FINE), shares: floats(FINE), energies: floats(FINE) };
    this.whole.energies.view.set(Array.from({ length: FINE }, (_, k) => -k));
    this.half = { counts: kernels.array("int64", FINE), shares: floats(FINE) }; // where one side is weighed
    this.state = floats(3);
    this.functional = floats(3);
    this.thermometer = floats(2);
    this.capacity = 0;
    this.sample = [];
  }

  // What the theory says of so many quanta among so many particles, on as many rungs as are worth showing.
  foresee(particles, mean) {
    const { kernels, state } = this;
    this.particles = particles;
    this.total = Math.max(1, Math.round(mean * particles));
    this.mean = this.total / particles;
    kernels.gas_law(this.total, particles, TOLERANCE, this.whole.shares, this.whole.shares, state);
    const tail = this.whole.shares.view.findIndex((share) => share < 0.012);
    const rungs = Math.min(20, Math.max(6, (tail < 0 ? 20 : tail) + 1));
    if (rungs !== this.rungs) {
      this.rungs = rungs;
      this.boltzmann = kernels.array("float64", rungs);
      this.exact = kernels.array("float64", rungs);
      this.shares = kernels.array("float64", rungs);
      this.counts = kernels.array("int64", rungs);
    }
    kernels.gas_law(this.total, particles, TOLERANCE, this.boltzmann, this.exact, state);
    const [temperature, waits, largestEntropy] = state.view;
    this.temperature = temperature;
    this.whole.waits = waits;
    this.whole.largestEntropy = largestEntropy;
  }

  // Deal the quanta out: evenly, to one particle in ten, or unevenly to two gases with a wall between them.
  start(how) {
    const { particles, total } = this;
    if (particles > this.capacity) {
      this.all = this.kernels.array("int32", particles);
      this.capacity = particles;
    }
    this.quanta = this.all.part(0, particles);
    this.walled = how === "wall";
    this.sides = [];
    if (this.walled) {
      const [middle, hot] = [Math.floor(particles / 2), Math.round(HOT * total)];
      this.sides = [this.side(0, middle, hot), this.side(middle, particles, total - hot)];
    } else {
      deal(this.quanta.view, total, how === "rich" ? Math.ceil(particles / 10) : particles);
    }
    this.sweeps = 0;
    this.averaged = 0;
    this.owed = 0;
    this.observe(false);
  }

  // One of two gases, and what the theory says of it while it is alone.
  side(begin, end, total) {
    const [quanta, particles] = [this.quanta.part(begin, end), end - begin];
    deal(quanta.view, total, particles);
    this.kernels.gas_law(total, particles, TOLERANCE, this.half.shares, this.half.shares, this.state);
    const [, waits, largestEntropy] = this.state.view;
    return { quanta, total, particles, waits, largestEntropy };
  }

  // Take the wall away: one gas, that has forgotten nothing yet.
  join() {
    this.walled = false;
    this.sweeps = 0;
    this.observe(false);
  }

  // Whether the two halves are told apart, behind a wall or since it is gone.
  get halved() {
    return this.sides.length > 0;
  }

  // A mean over the two gases.
  ofSides(value) {
    return this.sides.reduce((sum, side) => sum + (side.particles / this.particles) * value(side), 0);
  }

  get waits() {
    return this.walled ? Math.max(...this.sides.map((side) => side.waits)) : this.whole.waits;
  }

  get largestEntropy() {
    return this.walled ? this.ofSides((side) => side.largestEntropy) : this.whole.largestEntropy;
  }

  // Look at the gas; with `add` on top of what was counted before.
  observe(add) {
    for (const { counts, shares } of [this, this.whole]) {
      if (!add) counts.view.fill(0n);
      this.kernels.tally(this.quanta, counts, shares);
    }
    this.averaged = add ? this.averaged + 1 : 0;
    this.kernels.free_energy_functional(this.whole.shares, this.whole.energies, 0, this.functional);
    this.entropy = this.functional.view[1];
    this.kernels.read_thermometer(this.shares.view[0], this.total, this.particles, this.thermometer);
    const [reading, error] = this.thermometer.view;
    this.reading = reading;
    this.error = error;
    this.sides.forEach((side) => this.weigh(side));
    if (this.halved) this.entropy = this.ofSides((side) => side.entropy);
  }

  // What one side reads now, and its entropy.
  weigh(side) {
    const { kernels, half } = this;
    half.counts.view.fill(0n);
    kernels.tally(side.quanta, half.counts, half.shares);
    kernels.read_thermometer(half.shares.view[0], side.total, side.particles, this.thermometer);
    side.reading = this.thermometer.view[0];
    kernels.free_energy_functional(half.shares, this.whole.energies, 0, this.functional);
    side.entropy = this.functional.view[1];
  }

  get few() {
    return this.particles <= FEW;
  }

  // What the shares should be: softmax, which a small gas does not quite follow.
  get law() {
    return this.few ? this.exact : this.boltzmann;
  }

  // What the rungs are called; the top one also holds those above.
  get names() {
    return Array.from({ length: this.rungs }, (_, k) => (k === this.rungs - 1 ? `${k} +` : String(k)));
  }

  // The share that a whole bar stands for.
  get mostShare() {
    return this.mean <= 1 ? 1 : Math.min(1, 2.5 * Math.max(this.exact.view[0], this.boltzmann.view[0]));
  }

  // What the thermometer reads, with the digits that its error justifies, where it has one.
  get readingText() {
    if (this.halved) return this.sides.map((side) => format.temperature(side.reading)).join("\u2002|\u2002");
    if (this.averaged || !this.settled) return format.temperature(this.reading);
    const digits = Math.max(1, Math.min(4, 1 + [0.095, 0.0095, 0.00095].filter((limit) => this.error < limit).length));
    return `${format.fixed(this.reading, digits)}\u00a0±\u00a0${format.fixed(this.error, digits)}`;
  }

  // The state of the gas in words, and what of it is worth announcing.
  get told() {
    if (this.halved) return this.toldOfTwo;
    if (!this.settled) {
      return [
        `A gas that has not settled has no temperature yet: sweep ${format.count(Math.floor(this.sweeps))} of the ${format.count(this.waits)} after which the start is forgotten. Its energy never changes.`,
        "",
      ];
    }
    const exact = format.temperature(this.temperature);
    const held = `a mean of ${format.short(this.mean)} ${this.mean === 1 ? "quantum" : "quanta"} a particle`;
    const comes = this.few
      ? `${held} would make T = ${exact} in a large gas. But ${format.count(this.particles)} particles are a poor heat bath: each follows the exact count of ways (dark ticks), not quite softmax (grey).`
      : `${held} makes T = ${exact}, and the thermometer reads ${this.readingText}.`;
    return [`Nobody set a temperature. The mean energy did: ${comes}`, "The gas has found its temperature."];
  }

  get toldOfTwo() {
    const [left, right] = this.sides.map((side) => format.temperature(side.reading));
    const sweep = `sweep ${format.count(Math.floor(this.sweeps))} of ${format.count(this.waits)}`;
    const read = `the left half reads ${left}, the right half ${right}`;
    if (this.walled && !this.settled) return [`A wall between two gases, and no quantum crosses it: ${sweep}.`, ""];
    if (this.walled) {
      return [
        `Two gases, two temperatures: ${read}. All particles together follow no softmax. Take the wall away.`,
        "Each of the two gases has found a temperature.",
      ];
    }
    if (!this.settled) return [`The wall is gone, and quanta cross: ${read}. The entropy grows: ${sweep}.`, ""];
    const exact = format.temperature(this.temperature);
    return [
      `Two gases that touch come to one temperature: ${read}, and the energy of both together sets T = ${exact}.`,
      "The two gases have come to one temperature.",
    ];
  }

  get settled() {
    return this.sweeps >= this.waits;
  }

  // Attempt a number of sweeps, whole or not, in as many milliseconds as there are.
  advance(sweeps, average, budget) {
    const { particles } = this;
    const end = performance.now() + budget;
    this.owed += sweeps * particles;
    const whole = average && this.settled;
    while (this.owed >= (whole ? particles : 1)) {
      const steps = whole ? particles : Math.min(CHUNK, Math.floor(this.owed));
      this.exchange(steps);
      this.owed -= steps;
      this.sweeps += steps / particles;
      if (whole) this.observe(this.averaged > 0 || this.fresh());
      if (performance.now() > end) this.owed = 0;
    }
    if (!whole) this.observe(false);
  }

  // Attempt so many handovers; each of two gases makes its share of them.
  exchange(steps) {
    if (!this.walled) return this.kernels.exchange(this.quanta, UNBOUNDED, this.stream, steps);
    const first = Math.round((steps * this.sides[0].particles) / this.particles);
    const [left, right] = this.sides;
    const passed = this.kernels.exchange(left.quanta, UNBOUNDED, this.stream, first);
    return passed + this.kernels.exchange(right.quanta, UNBOUNDED, this.stream, steps - first);
  }

  // Attempt handovers until a quantum passes; returns who gave and who took it, or nothing if nobody could.
  handOver() {
    const before = Array.from(this.quanta.view);
    for (let attempt = 0; attempt < MOST_ATTEMPTS; attempt += 1) {
      this.sweeps += 1 / this.particles;
      if (!this.exchange(1)) continue;
      this.observe(false);
      const change = before.map((quanta, n) => this.quanta.view[n] - quanta);
      return [change.indexOf(-1), change.indexOf(1)];
    }
    return undefined;
  }

  // Forget what was counted, so that an average begins.
  fresh() {
    for (const { counts } of [this, this.whole]) counts.view.fill(0n);
    return true;
  }

  // The quanta of the particles that are drawn, evenly chosen from all; those above the top rung stand on it.
  drawn() {
    const quanta = this.quanta.view;
    const n = Math.min(DRAWN, this.particles);
    this.sample.length = n;
    for (let i = 0; i < n; i += 1) this.sample[i] = Math.min(this.rungs - 1, quanta[Math.floor((i * this.particles) / n)]);
    return this.sample;
  }
}
