// The free energy of every distribution over levels, a trial distribution among them, and its way down to softmax.

import * as format from "../kit/format.js";
import { Levels } from "./levels.js";

export const SIDE = 65; // points along an edge of the landscape's grid
export const LEAST = 0.001; // of a level's share that is set by hand: at 0 it would be lost for good
const STEPS = 90; // points along the path downhill
const ARRIVED = 1e-6; // above the least
const NEAR = 5e-4; // what is written as 0.000

export class FreeEnergy extends Levels {
  allocate(levels) {
    super.allocate(levels);
    this.trial = this.kernels.array("float64", levels);
    this.walker = this.kernels.array("float64", levels);
    this.pull = this.kernels.array("float64", levels);
    this.push = this.kernels.array("float64", levels);
    if (!this.grid) this.grid = this.kernels.array("float64", SIDE * SIDE);
  }

  get allowed() {
    return Array.from(this.logits.view, Number.isFinite);
  }

  get distribution() {
    return Array.from(this.trial.view);
  }

  // Put the trial distribution somewhere; evenly if what is given is over other levels.
  set distribution(q) {
    this.trial.view.set(this.admit(q.length === this.levels ? q : this.even));
  }

  // The same distribution with nothing on forbidden levels, where F would be infinite; even if nothing else was left.
  admit(distribution) {
    const { allowed } = this;
    const kept = distribution.map((share, k) => (allowed[k] ? share : 0));
    const total = kept.reduce((sum, share) => sum + share, 0);
    if (total > 0) return kept.map((share) => share / total);
    const count = allowed.filter(Boolean).length;
    return allowed.map((open) => (open ? 1 / count : 0));
  }

  get even() {
    return Array.from({ length: this.levels }, () => 1 / this.levels);
  }

  // Nearly all on the highest level that is allowed.
  get top() {
    const logits = Array.from(this.logits.view);
    const top = logits.indexOf(Math.min(...logits.filter(Number.isFinite)));
    return logits.map((_, k) => (k === top ? 1 - LEAST * (logits.length - 1) : LEAST));
  }

  // The trial distribution with another share of one level; the others keep their proportions.
  withShare(level, share) {
    const q = this.distribution;
    const rest = 1 - Math.min(1 - LEAST, Math.max(LEAST, share));
    const others = 1 - q[level];
    const open = this.allowed.filter(Boolean).length;
    return q.map((now, k) => (k === level ? 1 - rest : others > 1e-12 ? (now * rest) / others : rest / (open - 1)));
  }

  // F over the triangle of all distributions over three levels.
  survey() {
    this.kernels.free_energy_landscape(this.logits, this.temperature, SIDE, this.grid);
    return this.grid.view;
  }

  // How long the flow takes: a few of its own times 1 / T, or of the energies' where T is small.
  get duration() {
    const finite = Array.from(this.logits.view).filter(Number.isFinite);
    return 6 / Math.max(this.temperature, 0.25 * (Math.max(...finite) - Math.min(...finite)), 0.05);
  }

  // What moves the trial distribution: energy pulls, entropy pushes; parts of dq/dt, level by level.
  get forces() {
    this.kernels.flow_forces(this.trial, this.logits, this.temperature, this.pull, this.push);
    return { pull: Array.from(this.pull.view), push: Array.from(this.push.view) };
  }

  // Where the trial distribution is, in words.
  get told() {
    const excess = this.weigh(this.trial).freeEnergy - this.theory.freeEnergy;
    if (excess < NEAR && this.temperature === 0) return "At the bottom: at T = 0 nothing pushes back, and q is where the score is highest.";
    if (excess < NEAR) return "At the bottom: energy pulls as hard as entropy pushes, and q is softmax.";
    const [pull, push] = Object.values(this.forces).map((force) => Math.hypot(...force));
    const harder = push === 0 ? "Only energy pulls" : pull > push ? "Energy pulls harder than entropy pushes" : "Entropy pushes harder than energy pulls";
    return `${format.fixed(excess)} above the least. ${harder}; q flows where both together point.`;
  }

  // The way downhill from the trial distribution, point by point.
  descend() {
    const step = this.duration / STEPS;
    this.walker.view.set(this.trial.view);
    const path = [];
    for (let n = 0; n <= STEPS; n += 1) {
      if (n) this.kernels.mirror_flow(this.walker, this.logits, this.temperature, step);
      path.push(Array.from(this.walker.view));
    }
    return path;
  }

  // Let the trial distribution flow; returns whether it has arrived.
  flow(time) {
    this.kernels.mirror_flow(this.trial, this.logits, this.temperature, time);
    return this.weigh(this.trial).freeEnergy - this.theory.freeEnergy < ARRIVED;
  }
}
