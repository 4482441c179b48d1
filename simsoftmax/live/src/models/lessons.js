// What a teacher tells a student of some pictures, at a temperature.

import * as format from "../kit/format.js";
import { copy } from "../kit/kernels.js";

const HALF = 0.5; // of a target, from which on two pictures are told alike
const NAMED = 3; // classes that are named in words, at most

export class Lessons {
  // pictures and means: ink as bytes, row by row; logits: the teacher's scores, row by row; labels: a class for each.
  constructor(kernels, { pictures, means, logits, labels }) {
    const scores = new Float64Array(copy(logits));
    const ink = (bytes) => kernels.floats(Array.from(new Uint8Array(copy(bytes)), (value) => value / 255));
    this.kernels = kernels;
    this.labels = labels;
    this.count = labels.length;
    this.classes = scores.length / this.count;
    this.pictures = ink(pictures);
    this.means = ink(means);
    this.pixels = this.pictures.length / this.count;
    this.logits = kernels.floats(scores);
    this.targets = kernels.array("float64", scores.length);
    this.exponents = kernels.array("float64", this.classes);
    this.state = kernels.array("float64", 5);
    this.smoothed = kernels.array("float64", this.classes);
    this.blended = kernels.array("float64", this.pixels);
    this.overlaps = kernels.array("float64", this.count);
  }

  // One picture's row of what holds so many numbers for each.
  row(block, n, size) {
    return block.part(n * size, (n + 1) * size);
  }

  picture(n) {
    return this.row(this.pictures, n, this.pixels).view;
  }

  // All that is told at a temperature, and what it says of the chosen picture.
  tell(temperature, chosen) {
    const { kernels, classes } = this;
    for (let n = 0; n < this.count; n += 1) {
      const [scores, target] = [this.logits, this.targets].map((block) => this.row(block, n, classes));
      kernels.boltzmann(scores, temperature, this.exponents, target, this.state);
    }
    this.temperature = temperature;
    this.chosen = chosen;
    this.label = this.labels[chosen];
    const target = this.row(this.targets, chosen, classes);
    kernels.smooth_label(this.smoothed, target, this.label);
    kernels.blend(this.blended, target, this.means);
    kernels.overlap(this.overlaps, this.targets, classes, chosen);
    this.target = target.view;
  }

  // How many pictures of other classes are told half the same or more, and how many there are.
  get relatives() {
    const others = this.labels.flatMap((label, n) => (label === this.label ? [] : [this.overlaps.view[n]]));
    return { alike: others.filter((share) => share >= HALF).length, others: others.length };
  }

  // What the student is told, in words.
  get told() {
    if (this.temperature === Infinity) return "At T = ∞ every class is told alike, of every picture: nothing is said.";
    const order = Array.from(this.target.keys()).sort((a, b) => this.target[b] - this.target[a] || a - b);
    const heard = order.filter((k, place) => place < NAMED && this.target[k] >= 0.005);
    const parts = heard.map((k) => `${k} (${format.percent(this.target[k], 0)})`);
    const alone = heard.length === 1 ? ", and no more" : "";
    const { alike, others } = this.relatives;
    const relatives =
      alike === 0 ? "No picture of another class is told even half the same."
      : `${alike} of ${others} pictures of other classes ${alike === 1 ? "is" : "are"} told at least half the same.`;
    return `At T = ${format.temperature(this.temperature)} the student is told: ${parts.join(", or ")}${alone}. ${relatives}`;
  }
}
