// Energy levels kept in the kernels' memory, with softmax at a temperature: what every explorer computes from.

export class Levels {
  constructor(kernels) {
    this.kernels = kernels;
    this.state = kernels.array("float64", 5);
    this.functional = kernels.array("float64", 3);
    this.levels = 0;
  }

  // Make room for K levels; subclasses add their own arrays.
  allocate(levels) {
    const floats = () => this.kernels.array("float64", levels);
    this.logits = floats();
    this.exponents = floats();
    this.probabilities = floats();
  }

  // Softmax at a temperature.
  equilibrate(logits, temperature) {
    if (logits.length !== this.levels) {
      this.levels = logits.length;
      this.allocate(logits.length);
    }
    this.logits.view.set(logits);
    this.temperature = temperature;
    this.theory = this.thermodynamics(temperature);
  }

  // The thermodynamics at a temperature; the probabilities are left in this.probabilities.
  thermodynamics(temperature) {
    this.kernels.boltzmann(this.logits, temperature, this.exponents, this.probabilities, this.state);
    const [logPartition, energy, entropy, freeEnergy, heatCapacity] = this.state.view;
    return { logPartition, energy, entropy, freeEnergy, heatCapacity };
  }

  // Energy, entropy and free energy of any distribution.
  weigh(distribution) {
    this.kernels.free_energy_functional(distribution, this.logits, this.temperature, this.functional);
    const [energy, entropy, freeEnergy] = this.functional.view;
    return { energy, entropy, freeEnergy };
  }
}
