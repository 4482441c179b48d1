// Levels side by side as a landscape: its valleys, and which of them catches whom.

export class Terrain {
  constructor(logits) {
    this.energies = logits.map((z) => -z);
    const at = (k) => this.energies[k] ?? Infinity;
    this.valleys = [...this.energies.keys()].filter((k) => at(k) < at(k - 1) && at(k) <= at(k + 1));
    // Where a walker that only goes downhill ends up.
    this.basin = this.energies.map((_, start) => {
      let k = start;
      while (!this.valleys.includes(k)) k += at(k - 1) <= at(k) && at(k - 1) <= at(k + 1) ? -1 : at(k + 1) < at(k) ? 1 : -1;
      return k;
    });
    const best = Math.max(...logits);
    this.ground = [...logits.keys()].filter((k) => logits[k] === best);
  }

  // The share of the walkers in each valley and on its slopes, level by level: 0 where there is no valley.
  held(shares) {
    const held = Array.from(shares, () => 0);
    shares.forEach((share, k) => (held[this.basin[k]] += share));
    return held;
  }

  // What the other valleys hold, and how much higher than the ground lies the one that holds most.
  trapped(held) {
    const others = this.valleys.filter((k) => !this.ground.includes(k));
    if (!others.length) return { share: 0, above: 0 };
    const fullest = others.reduce((most, k) => (held[k] > held[most] ? k : most));
    const share = others.reduce((sum, k) => sum + held[k], 0);
    return { share, above: this.energies[fullest] - this.energies[this.ground[0]] };
  }
}
