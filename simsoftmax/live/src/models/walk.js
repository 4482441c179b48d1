// A walk from infinite heat, where ln Z is known, down to the cold: mean energies are added up over beta = 1 / T.

import * as format from "../kit/format.js";
import { Levels } from "./levels.js";

export const STRIPS = 200; // that the walk is cut into, however far it goes

// The temperature a share of the whole way further down, in equal steps of beta. The way ends at the coldest itself, and
// not at what so many steps have rounded it to.
export function colder(temperature, share, coldest) {
  const next = 1 / (1 / temperature + share / coldest);
  return next > coldest * (1 + 1e-9) ? next : coldest;
}

export class Walk extends Levels {
  constructor(kernels) {
    super(kernels);
    this.slopes = kernels.array("float64", STRIPS);
    this.sums = kernels.array("float64", STRIPS);
  }

  // Walk to a beta: for each strip the middle, -<E> there, and the sum so far.
  strips(beta) {
    const width = beta / STRIPS;
    const { kernels, logits, exponents, probabilities, slopes, sums } = this;
    kernels.integrate_energy(logits, width, exponents, probabilities, this.state, slopes, sums);
    return Array.from(slopes.view, (slope, n) => ({ beta: (n + 0.5) * width, slope, end: (n + 1) * width, sum: sums.view[n] }));
  }

  // The whole way, for whoever wants to see where it leads: [beta, -<E>] and [beta, ln Z], both exact.
  course(last) {
    const states = Array.from({ length: STRIPS + 1 }, (_, n) => {
      const beta = (last * n) / STRIPS;
      return { beta, ...this.thermodynamics(beta ? 1 / beta : Infinity) };
    });
    return { slope: states.map(({ beta, energy }) => [beta, -energy]), ln: states.map(({ beta, logPartition }) => [beta, logPartition]) };
  }

  // Where a temperature is on the way: what has been added up, and what is exact.
  at(temperature) {
    const beta = 1 / temperature;
    const start = this.thermodynamics(Infinity).logPartition; // ln K
    const strips = this.strips(beta);
    const { energy, logPartition } = this.thermodynamics(temperature);
    const allowed = Array.from(this.logits.view).filter(Number.isFinite).length;
    const sum = strips.at(-1).sum;
    return { temperature, beta, allowed, start, area: sum - start, sum, exact: logPartition, energy, strips };
  }

  told({ temperature, allowed, start, area, sum, exact }) {
    const begin = `ln ${allowed}`;
    if (temperature === Infinity) return `At infinite heat all ${allowed} levels count alike: ln Z = ${begin} = ${format.fixed(start)}. Now cool.`;
    const climb = `${area < 0 ? "−" : "+"} ${format.fixed(Math.abs(area))}`;
    return `Cooled to T = ${format.temperature(temperature)}: ${STRIPS} strips of −⟨E⟩ add up to ${format.fixed(area)}. So ln Z = ${begin} ${climb} = ${format.fixed(sum)}; exact is ${format.fixed(exact)}.`;
  }
}
