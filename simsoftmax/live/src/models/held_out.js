// Rows that a classifier has not been trained with, along all temperatures: two measures of calibration, and words.

import { scaleLog } from "d3-scale";
import * as format from "../kit/format.js";
import { copy } from "../kit/kernels.js";
import { COLDEST, HOTTEST } from "../kit/look.js";
import { Rows } from "./rows.js";

const GRID = 481; // temperatures of the curves
const FORBIDDEN = 65535; // stands for a logit of minus infinity

// A bin in words.
export function binText({ count, left, right, accuracy, low, high }) {
  const [from, to] = [left, right].map((share) => format.fixed(100 * share, 0));
  if (!count) return `No answer is ${from} to ${to} % sure.`;
  const [share, least, most] = [accuracy, low, high].map((part) => format.fixed(100 * part, 0));
  return `${format.count(count)} ${count === 1 ? "answer is" : "answers are"} ${from} to ${to} % sure; ${share} % are right, which could stand for ${least} to ${most} %.`;
}

// Temperatures of the curves: those around the fit, and T = 1.
export function span(temperature) {
  if (!(temperature > 0 && temperature < Infinity)) return [COLDEST, HOTTEST];
  return [Math.min(0.5, temperature / 5), Math.max(2, 2.2 * temperature)];
}

export function ticksOf([low, high]) {
  const decades = Array.from({ length: 60 }, (_, i) => Number(`1e${i - 30}`));
  const all = decades.flatMap((ten) => [ten, 2 * ten, 5 * ten]).filter((t) => t >= low && t <= high);
  return all.length < 8 ? all : decades.filter((t) => t >= low && t <= high);
}

export const valleys = (count) => (count === 0 ? "no valley" : count === 1 ? "one valley" : `${count} valleys`);
export const dips = (count) => (count === 0 ? "no deep dip" : count === 1 ? "one deep dip" : `${count} deep dips`);

export class HeldOut extends Rows {
  // The rows as they travel: distances below the largest logit, in steps.
  constructor(kernels, { gaps, labels, step }) {
    const whole = new Uint16Array(copy(gaps));
    super(
      kernels,
      kernels.floats(Array.from(whole, (gap) => (gap === FORBIDDEN ? -Infinity : -step * gap))),
      new Uint16Array(copy(labels)),
    );
    this.errors = kernels.array("float64", GRID);
    this.likelihoods = kernels.array("float64", GRID);
    this.places = kernels.array("int64", GRID);
  }

  // Both measures over a range of temperatures: points [T, value] and the range that they span; the deep dips of the error, in
  // percent; how many valleys the likelihood has, and its least.
  trace(range, binning) {
    const grid = scaleLog(range, [0, GRID - 1]);
    const states = Array.from({ length: GRID }, (_, i) => {
      const temperature = grid.invert(i);
      const state = this.at(temperature, binning);
      return { temperature, nll: state.nll, ece: state.ece, chance: this.chance(state) };
    });
    this.errors.view.set(states.map(({ ece }) => ece));
    this.likelihoods.view.set(states.map(({ nll }) => nll));
    const found = this.kernels.find_dips(this.likelihoods, this.places);
    const count = this.kernels.find_dips(this.errors, this.places);
    const errors = states.map(({ temperature, ece }) => [temperature, 100 * ece]);
    const [trained, guess] = [1, Infinity].map((temperature) => this.at(temperature, binning).nll);
    const least = Math.min(...states.map(({ nll }) => nll));
    // A dip matters that chance could have made the deepest: other rows might well have put the bottom there.
    const bottom = states.reduce((best, state) => (state.ece < best.ece ? state : best));
    const places = Array.from(this.places.view.subarray(0, count), Number);
    const deep = places.filter((place) => states[place].ece <= bottom.ece + bottom.chance);
    const rim = Math.max(guess, trained, least + 0.1); // beyond it the likelihood only climbs
    return {
      least,
      valleys: found,
      likelihood: {
        points: states.filter(({ nll }) => nll <= rim).map(({ temperature, nll }) => [temperature, nll]),
        range: [least - 0.1 * (rim - least), rim],
      },
      error: {
        points: errors,
        range: [0, Math.max(1, ...errors.map(([, ece]) => ece))],
        dips: deep.map((place) => errors[place]),
      },
    };
  }

  // Some of the rows that were judged to lie in a bin: what the classifier answers, whether it is right, how sure it is.
  some({ left, right }, most) {
    const [confidence, outcome, logits] = [this.confidence, this.outcome, this.logits].map(({ view }) => view);
    const levels = logits.length / this.count;
    const found = [];
    for (let n = 0; n < this.count && found.length < most; n += 1) {
      const sure = confidence[n];
      if (!(sure > left || left === 0) || sure > right) continue; // as the kernel bins them
      const row = logits.subarray(n * levels, (n + 1) * levels);
      found.push({ row: n, answer: row.indexOf(Math.max(...row)), right: outcome[n] === 1, confidence: sure });
    }
    return found;
  }

  // What has been judged, in words.
  told({ temperature, accuracy, confidence, points, bins }, traced, fit) {
    const inside = fit.low <= temperature && temperature <= fit.high;
    const off = `${format.fixed(points, points < 3 ? 1 : 0)} points too ${confidence > accuracy ? "sure" : "modest"}.`;
    const verdict =
      inside && points < 3
        ? `honest on the whole, as far as ${format.count(this.count)} rows can tell.`
        : points < 0.5
          ? "right on the whole, but look at the bins."
          : off;
    const [sure, right] = [confidence, accuracy].map((share) => format.percent(share, 0));
    const counted = `With ${bins.length} bins the ECE has ${dips(traced.error.dips.length)}, the NLL ${valleys(traced.valleys)}.`;
    return `${sure} sure on average, ${right} right: ${verdict} ${counted}`;
  }
}
