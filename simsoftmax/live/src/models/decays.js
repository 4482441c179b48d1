// Fits of a classifier, one for each strength of weight decay, as Python made them.

import { scaleLog } from "d3-scale";
import * as format from "../kit/format.js";

// A strength as a person writes it.
export function decayText(decay) {
  if (decay === 0) return "0";
  if (decay < 0.001 || decay >= 1e5) return decay.toExponential(0);
  return decay < 100 ? format.short(Number(decay.toPrecision(2))) : format.significant(decay, 2);
}

export const degrees = (angle) => `${format.fixed(angle, 0)}°`;

export class Decays {
  constructor(fits) {
    this.fits = fits;
    this.last = fits.decays.length - 1;
  }

  // The strengths that a logarithmic scale can show, all but the first, which is none.
  get ends() {
    return [this.fits.decays[1], this.fits.decays[this.last]];
  }

  // The range of all directions, with some room.
  get range() {
    const all = this.fits.units.flat();
    return [Math.min(...all, 0) * 1.1, Math.max(...all, 0) * 1.05];
  }

  // How far they turn at most, in degrees, and what lengths there are, as shares of the first, with or without heat alone.
  get reach() {
    const lengths = this.fits.length.concat(this.fits.effective.map((t) => 1 / t));
    return { widest: Math.max(...this.fits.angle), ends: [Math.min(...lengths) / 1.5, Math.max(...lengths) * 1.1] };
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

  // The direction of the weights of a fit, and that of those without decay, which heat alone would leave as it is.
  bars(i) {
    return [this.fits.units[i], this.fits.units[0]];
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
    const { decays: decay, angle, low, high, tied, length, effective } = this.at(i);
    if (decay === 0) return "No decay: these weights are the reference.";
    const turned = angle < 0.5 ? "" : ` and have turned by ${degrees(angle)}`;
    const inside = low < tied && tied < high;
    const foretold = inside
      ? "Heat alone foretells how it must be cooled."
      : "Heat alone no longer foretells how it must be cooled: what is left is mostly the bias.";
    return `The weights are ${format.significant(1 / length)} times shorter${turned}; the classifier is ${format.significant(effective)} times hotter. ${foretold}`;
  }
}
