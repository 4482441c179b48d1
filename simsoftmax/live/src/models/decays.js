// Fits of a classifier, one for each strength of weight decay, as Python made them.

import { scaleLog } from "d3-scale";
import * as format from "../kit/format.js";

// A strength as a person writes it.
export function decayText(decay) {
  if (decay === 0) return "0";
  if (decay < 0.001 || decay >= 1e5) return decay.toExponential(0);
  return decay < 100 ? format.short(Number(decay.toPrecision(2))) : format.significant(decay, 2);
}

export class Decays {
  constructor(fits) {
    this.fits = fits;
    this.last = fits.decays.length - 1;
  }

  // The strengths that a logarithmic scale can show, all but the first, which is none.
  get ends() {
    return [this.fits.decays[1], this.fits.decays[this.last]];
  }

  // The range of the weights, with some room, and the most of all, cooled or not.
  get range() {
    const plain = this.fits.weights[0];
    return [Math.min(...plain, 0) * 1.1, Math.max(...plain) * 1.05];
  }

  get most() {
    return Math.max(...this.fits.weights[0].concat(...this.fits.cooled).map(Math.abs));
  }

  within(at) {
    return Math.min(this.last, Math.max(0, Math.round(at)));
  }

  // The fit whose strength is nearest, by ratio.
  nearest(decay) {
    const far = scaleLog([1, 10], [0, 1]);
    const distance = this.fits.decays.map((one) => (one ? Math.abs(far(one) - far(decay)) : Infinity));
    return distance.indexOf(Math.min(...distance));
  }

  // One fit: the values of each kind, by its name.
  at(i) {
    return Object.fromEntries(Object.entries(this.fits).map(([name, values]) => [name, values[i]]));
  }

  // The weights of a fit, and what they would be if decay were heat alone; with the heat taken out, if it is to be.
  bars(i, cooled) {
    const { weights, heated } = this.fits;
    return cooled ? [this.fits.cooled[i], weights[0]] : [weights[i], heated[i]];
  }

  // What a plot over the strength shows: all fits but the first.
  get points() {
    return this.fits.decays.map((_, i) => ({ i, ...this.at(i) })).slice(1);
  }

  /**
   * The line of heat alone: strengths and calibration temperatures.
   * @returns {[number, number][]}
   */
  get foretold() {
    return this.points.map(({ decays, tied }) => [decays, tied]);
  }

  told(i) {
    const { decays: decay, cosine, low, high, tied, length, effective } = this.at(i);
    if (decay === 0) return "No decay: these weights are the reference.";
    const turned = cosine < 0.95 ? " and have turned" : "";
    const inside = low < tied && tied < high;
    const foretold = inside
      ? "Heat alone foretells how it must be cooled."
      : "Heat alone no longer foretells how it must be cooled: what is left is mostly the bias.";
    return `The weights are ${format.significant(1 / length)} times shorter${turned}; the classifier is ${format.significant(effective)} times hotter. ${foretold}`;
  }
}
