// The traits that explorers of levels share, as numbers: logits, what to call the levels, a temperature.

import * as format from "./format.js";
import { decode, encode } from "./wire.js";

// What to call levels: by names of their own if there is one for each, else by their logits.
export const levelNames = (names, logits) =>
  logits.map((z, k) => (names.length === logits.length && names[k]) || `z ${format.short(z)}`);

// Levels from the top down: low is down, and of equal ones the first.
export const fromTheTop = (logits) => [...logits.keys()].sort((a, b) => logits[a] - logits[b] || b - a);

export class LevelTraits {
  constructor(stage) {
    this.stage = stage;
  }

  get logits() {
    return this.stage.model.get("logits").map(decode);
  }

  set logits(logits) {
    this.stage.set({ logits: logits.map(encode) });
  }

  get temperature() {
    return decode(this.stage.model.get("temperature"));
  }

  set temperature(temperature) {
    this.stage.set({ temperature: encode(temperature) });
  }

  get names() {
    return levelNames(this.stage.model.get("names"), this.logits);
  }

  // The rows of a figure: the level of each from the top, and what to call the levels.
  get rows() {
    return { order: fromTheTop(this.logits), names: this.names };
  }

  move(level, logit) {
    this.logits = this.logits.map((z, k) => (k === level ? logit : z));
  }
}
