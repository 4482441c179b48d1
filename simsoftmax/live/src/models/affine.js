// A classifier of one feature with weights, biases and a temperature that can be scaled, over examples with known classes.

import { scaleLog } from "d3-scale";
import * as format from "../kit/format.js";

const SIDE = 49; // of the map
const POINTS = 181; // of a curve
const FLAT = 0.01; // below the top of a curve, and still on its crest
const STEPS = 10; // of the map: factors of 1.5 above the least

export const times = (value) => format.short(Number(value.toPrecision(3)));
export const factor = (value) => `×\u00a0${times(value)}`;

// Scales and temperatures between a least and a most, with three digits, and places of a slider for them.
export class Scaling {
  constructor([least, most], places) {
    this.ends = [least, most];
    this.places = scaleLog(this.ends, [0, places]);
  }

  within(value) {
    const [least, most] = this.ends;
    return Number(Math.min(most, Math.max(least, value)).toPrecision(3));
  }

  at(place) {
    return this.within(this.places.invert(place));
  }

  placeOf(value) {
    return this.places(value);
  }
}

export class AffineClassifier {
  constructor(kernels, { positions, labels, weights, biases, range: [low, high], reach }) {
    this.kernels = kernels;
    this.reach = reach;
    this.weights = kernels.floats(weights);
    this.biases = kernels.floats(biases);
    this.positions = kernels.floats(positions);
    this.labels = kernels.array("int64", labels.length);
    this.labels.view.set(labels.map(BigInt));
    this.classes = weights.length;
    this.grid = kernels.floats(Array.from({ length: POINTS }, (_, i) => low + ((high - low) * i) / (POINTS - 1)));
    this.curves = kernels.array("float64", POINTS * this.classes);
    this.named = kernels.array("float64", positions.length * this.classes);
    this.losses = kernels.array("float64", SIDE * SIDE);
    const { loss, winners } = this.scaled({ scale: 1, temperature: 1, along: true });
    this.trained = { loss, winners, curves: Float64Array.from(this.curves.view) };
    this.remember();
  }

  // Keep the curves as they are now, to compare with those that come.
  remember() {
    this.before = Float64Array.from(this.curves.view);
  }

  // The top of each curve: in the middle of where it is as high as it gets.
  get crests() {
    return Array.from({ length: this.classes }, (_, k) => {
      const curve = this.curve(this.curves.view, k);
      const top = Math.max(...curve.map(([, p]) => p));
      const high = curve.filter(([, p]) => p > top - FLAT);
      return [high[Math.floor(high.length / 2)][0], top];
    });
  }

  // The cross-entropy where scale and temperature are one: the diagonal of the map.
  get line() {
    const places = scaleLog([1 / this.reach, this.reach], [0, SIDE - 1]);
    return Array.from({ length: SIDE }, (_, i) => /** @type {[number, number]} */ ([places.invert(i), this.losses.view[i * (SIDE + 1)]]));
  }

  get examples() {
    return this.positions.length;
  }

  labelOf(example) {
    return Number(this.labels.view[example]);
  }

  // Curves, names and cross-entropy; along: whether the biases scale along with the weights.
  scaled({ scale, temperature, along }) {
    const { kernels, weights, biases, positions, labels, classes } = this;
    const biasScale = along ? scale : 1;
    kernels.affine_probabilities(this.grid, weights, biases, scale, biasScale, temperature, this.curves);
    kernels.affine_probabilities(positions, weights, biases, scale, biasScale, temperature, this.named);
    const loss = kernels.affine_loss(positions, labels, weights, biases, scale, biasScale, temperature);
    const winners = Array.from({ length: this.examples }, (_, n) => {
      const row = this.named.view.subarray(n * classes, (n + 1) * classes);
      return row.indexOf(Math.max(...row));
    });
    return { loss, winners, biasScale };
  }

  // Where the classifier is, beside where training left it.
  at(where) {
    const { loss, winners, biasScale } = this.scaled(where);
    const far = Math.max(...this.curves.view.map((p, i) => Math.abs(p - this.trained.curves[i])));
    return {
      ...where,
      loss,
      moved: winners.filter((k, n) => k !== this.trained.winners[n]).length,
      right: winners.filter((k, n) => k === this.labelOf(n)).length,
      ratio: where.scale / where.temperature,
      share: biasScale / where.temperature,
      still: far < 1e-9,
    };
  }

  // A curve of probability, [position, value] by position; of the curves now, or of those of training.
  curve(values, k) {
    return Array.from(this.grid.view, (x, i) => [x, values[i * this.classes + k]]);
  }

  // The cross-entropy over scale and temperature, and steps above the least of training, from the highest down.
  map(along) {
    const { kernels, positions, labels, weights, biases, reach, losses } = this;
    kernels.affine_loss_map(positions, labels, weights, biases, along ? 1 : 0, reach, SIDE, losses);
    const steps = Array.from({ length: STEPS }, (_, i) => this.trained.loss * 1.5 ** (STEPS - i));
    return { values: Array.from(losses.view), steps };
  }

  // A place in words.
  told({ scale, along, ratio, share, moved, still }) {
    const all = this.examples;
    if (still) {
      return scale === 1
        ? "As trained. Double a and T, and watch the curves."
        : "Weights, biases and temperature have grown together: no curve has moved.";
    }
    if (Math.abs(ratio - 1) < 1e-9) {
      return `Weights count as trained, but the biases ${factor(share)}: the boundaries have moved, and ${moved} of ${all} change their name.`;
    }
    if (along) {
      return `Everything counts ${factor(ratio)}: the classifier is ${ratio > 1 ? "surer" : "less sure"}, and ${moved || "none"} of its ${all} answers ${moved === 1 ? "has" : "have"} changed.`;
    }
    return `Weights count ${factor(ratio)}, biases ${factor(share)}; ${moved} of ${all} change their name.`;
  }
}
