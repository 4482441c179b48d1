// Gaps of two logits on their way to T times the log-odds of the labels, group by group.

import { scaleSymlog } from "d3-scale";
import * as format from "../kit/format.js";

export const MOST = 100000; // steps
export const PLACES = 100; // of a slider for them, evenly spaced in ln(1 + steps)
const ARRIVED = 0.01;
const KEPT = 3; // earlier trainings
const SEEN = 50; // marks that a training must have passed to be kept

const place = scaleSymlog([0, MOST], [0, PLACES]);
export const placeOf = (steps) => place(steps);
export const stepsAt = (at) => Math.round(place.invert(at));

const MARKS = [...new Set(Array.from({ length: PLACES }, (_, i) => stepsAt(i + 1)))];

// The steps that come next when the slider moves on by some places: at least one.
export const further = (steps, places) => Math.min(MOST, Math.max(steps + 1, stepsAt(placeOf(steps) + places)));

export class GapDescent {
  constructor(kernels, frequencies) {
    this.kernels = kernels;
    this.frequencies = kernels.floats(frequencies);
    const floats = () => kernels.array("float64", frequencies.length);
    this.gaps = floats();
    this.aims = floats();
    this.odds = floats();
    kernels.log_odds(this.frequencies, 1, this.odds);
    const finite = [...this.odds.view].filter(Number.isFinite);
    this.edge = Math.max(...finite.map(Math.abs)) + 0.5; // beyond all log-odds that are finite
    this.largest = this.odds.view.indexOf(Math.max(...finite));
    this.steps = 0;
    this.course = []; // [steps, gaps] on the way of this training
    this.ghosts = []; // courses of earlier trainings at other temperatures
  }

  // Train to a number of steps; from the beginning if the temperature is another, or the steps are fewer.
  train(steps, temperature, rate) {
    if (temperature !== this.temperature || steps < this.steps) {
      this.gaps.view.fill(0);
      this.steps = 0;
      this.course = [];
      this.temperature = temperature;
      this.kernels.log_odds(this.frequencies, temperature, this.aims);
    }
    // From mark to mark, so that the way is known.
    while (this.steps < steps) {
      const next = Math.min(steps, MARKS.find((mark) => mark > this.steps));
      this.kernels.descend_gaps(this.gaps, this.frequencies, temperature, rate, next - this.steps);
      if (!MARKS.includes(this.steps)) this.course.pop(); // it only stood for the end
      this.steps = next;
      this.course.push([next, Array.from(this.gaps.view)]);
    }
  }

  // Keep this training to compare others with: the last few at different temperatures.
  remember() {
    if (this.course.length < SEEN) return;
    const others = this.ghosts.filter(({ temperature }) => temperature !== this.temperature);
    this.ghosts = [...others, { temperature: this.temperature, course: this.course }].slice(-KEPT);
  }

  // The gap of each group over the steps, [x, y] by [x, y]; divided: in units of the heat, gap / T over steps / T squared.
  static curves({ temperature, course }, divided) {
    const [across, up] = divided ? [temperature ** 2, temperature] : [1, 1];
    const groups = course[0]?.[1].length ?? 0;
    return Array.from({ length: groups }, (_, i) => course.map(([steps, gaps]) => [steps / across, gaps[i] / up]));
  }

  // How the aims climb with the log-odds.
  get slope() {
    return this.aims.view[this.largest] / this.odds.view[this.largest];
  }

  // Where each group is: its log-odds, its gap, its aim.
  get groups() {
    return Array.from(this.gaps.view, (gap, i) => ({ gap, odds: this.odds.view[i], aim: this.aims.view[i] }));
  }

  // What each group with mixed labels still lacks of its aim, as a share of it: nothing where the labels tie, for there it
  // begins at its aim, 0.
  get lacking() {
    return this.groups.filter(({ odds }) => Number.isFinite(odds)).map(({ gap, aim }) => (aim === 0 ? 0 : 1 - gap / aim));
  }

  get late() {
    return this.lacking.filter((rest) => Math.abs(rest) > ARRIVED).length;
  }

  get told() {
    if (!this.steps) return "Untrained: every gap is 0, every prediction one half.";
    const { late, lacking } = this;
    const mixed = late
      ? `${lacking.length - late} of ${lacking.length} groups have reached their log-odds; the slowest is ${format.fixed(100 * Math.max(...lacking), 0)} % short.`
      : `All ${lacking.length} groups with mixed labels have reached T times their log-odds.`;
    const endless = this.groups.filter(({ odds }) => !Number.isFinite(odds));
    if (!endless.length) return mixed;
    const widest = Math.max(...endless.map(({ gap }) => Math.abs(gap)));
    return `${mixed} Where all labels agree the gap is ${format.fixed(widest, 1)} and still growing.`;
  }
}
