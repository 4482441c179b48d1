// Softmax and its thermodynamics at every temperature: curves, and the exact limits that they come from and go to.

import * as format from "../kit/format.js";
import { CURVE } from "../kit/heat.js";
import { Levels } from "./levels.js";

const occupied = (probabilities) => probabilities.filter((p) => p > 0).length;

export class TemperatureSweep extends Levels {
  // What is seen at the temperature, as a person would say it: who leads, and between how many equals one might as well
  // choose.
  words(names) {
    const shares = this.probabilities.view;
    const most = Math.max(...shares);
    const ahead = names.filter((_, k) => shares[k] > most - 1e-12);
    if (ahead.length === occupied(shares)) {
      return ahead.length === 1 ? `Only ${ahead[0]} is left.` : `${ahead.length} levels share it equally.`;
    }
    const leads = ahead.length === 1 ? `The likeliest, ${ahead[0]}, has` : `The likeliest, ${ahead.length} of them, have`;
    return `${leads} ${format.percent(most)}. The choice is as open as one between ${format.choices(this.theory.entropy)} equals.`;
  }

  // Of each quantity: points [T, value], limits [value, what it is called, at which end], and the range that they span.
  trace(quantities) {
    const cold = this.thermodynamics(0);
    const coldest = occupied(this.probabilities.view);
    const hot = this.thermodynamics(Infinity);
    const allowed = occupied(this.probabilities.view);
    const states = CURVE.map((temperature) => this.thermodynamics(temperature));
    const limits = {
      entropy: [
        [cold.entropy, coldest > 1 ? `ln ${coldest} = ${format.fixed(cold.entropy)}` : "0", "start"],
        [hot.entropy, `ln ${allowed} = ${format.fixed(hot.entropy)}`, "end"],
      ],
      energy: [
        [cold.energy, `ground level ${format.short(cold.energy)}`, "start"],
        [hot.energy, `mean of the levels ${format.short(hot.energy)}`, "end"],
      ],
      heatCapacity: [],
    };
    this.theory = this.thermodynamics(this.temperature); // and the probabilities, as they were
    return quantities.map((key) => {
      const values = states.map((state) => state[key]);
      let [low, high] = [Math.min(...values), Math.max(...values)];
      if (!(high - low > 1e-9)) [low, high] = [low - 0.5, high + 0.5];
      return { points: CURVE.map((temperature, n) => [temperature, values[n]]), limits: limits[key], range: [low, high] };
    });
  }
}
