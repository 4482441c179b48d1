// Particles in the kernels' memory, moved by the compiled Metropolis kernel.

export const DRAWN = 280;

export class Population {
  constructor(kernels, stream) {
    this.kernels = kernels;
    this.stream = kernels.array("uint64", 4);
    this.stream.view.set(new BigUint64Array(stream));
    this.state = kernels.array("float64", 5);
    this.capacity = 0;
    this.levels = 0;
    this.particles = 0;
  }

  // Softmax at the given temperature, and the weights that the kernel needs.
  equilibrate(logits, temperature) {
    const k = this.kernels;
    const levels = logits.length;
    if (levels !== this.levels) {
      this.levels = levels;
      this.logits = k.floats(logits);
      for (const name of ["exponents", "weights", "probabilities", "shares", "counts"]) this[name] = k.floats(logits);
      this.square = [k.array("float64", levels * levels), k.array("float64", levels * levels)];
      this.functional = k.array("float64", 3);
    }
    this.logits.view.set(logits);
    k.boltzmann_weights(this.logits, temperature, this.exponents, this.weights);
    k.boltzmann(this.logits, temperature, this.exponents, this.probabilities, this.state);
    const [logPartition, energy, entropy, freeEnergy, heatCapacity] = this.state.view;
    this.theory = { logPartition, energy, entropy, freeEnergy, heatCapacity };
    this.temperature = temperature;
  }

  // Sweeps until a particle has forgotten its start; -1 where that is out of reach.
  forgetting(neighbour, tolerance) {
    return this.kernels.forgetting_time(
      this.exponents, this.probabilities, neighbour ? 1 : 0, tolerance, ...this.square,
    );
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
    this.moved = 0;
    this.proposed = 0;
    this.count();
  }

  forgetRates() {
    this.moved = 0;
    this.proposed = 0;
  }

  // Propose a number of moves, particle after particle, going round; a sweep is one move for each.
  advance(moves, neighbour) {
    const sweep = neighbour ? this.kernels.sweep_neighbour : this.kernels.sweep_uniform;
    const run = (states, sweeps) => {
      this.moved += sweep(states, this.exponents, this.weights, this.stream, sweeps);
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
    this.kernels.count_states(this.all, this.counts);
    this.weigh();
  }

  // Shares, energy, entropy and free energy of the counts.
  weigh() {
    const { shares, counts, particles } = this;
    for (let i = 0; i < this.levels; i += 1) shares.view[i] = counts.view[i] / particles;
    this.kernels.free_energy_functional(shares, this.logits, this.temperature, this.functional);
    const [energy, entropy, freeEnergy] = this.functional.view;
    this.seen = { energy, entropy, freeEnergy };
  }

  // The levels of the particles that are drawn, evenly chosen from all.
  drawn() {
    const states = this.all.view;
    const n = Math.min(DRAWN, this.particles);
    this.sample ??= [];
    this.sample.length = n;
    for (let i = 0; i < n; i += 1) this.sample[i] = states[Math.floor((i * this.particles) / n)];
    return this.sample;
  }
}
