// Runs of a cooling: how long they are, which comes next, what they have come to, and what to say of one.

import * as format from "../kit/format.js";

export const LENGTHS = [10, 30, 100, 300, 1000, 3000, 10000];
const BRIEF = 0.5; // seconds that a run takes when all lengths are tried in turn
const JOBS = LENGTHS.flatMap((sweeps) => [{ sweeps, quench: true }, { sweeps, quench: false }]);

// The place of the longest of these lengths that a run has.
export const lengthAt = (sweeps) => LENGTHS.findLastIndex((n) => n <= sweeps);

export class Runs {
  queue = []; // runs still to be made
  touring = false; // whether all lengths are tried in turn

  // From now on one run at a time.
  stop() {
    this.queue = [];
    this.touring = false;
  }

  // Try all lengths, after the first, which is under way.
  tour() {
    this.queue = JOBS.slice(1);
    this.touring = true;
  }

  get first() {
    return JOBS[0];
  }

  // The next run, if there is one.
  next() {
    const job = this.queue.shift();
    if (!job) this.touring = false;
    return job;
  }

  // Sweeps a second: a run takes long enough to be watched, and a longer one a little longer.
  pace(length) {
    return length / (this.touring ? BRIEF : 2.5 + lengthAt(length));
  }
}

// Results with one more run, added to what earlier runs of its kind and length came to.
export function withRun(results, { quench, sweeps, found, walkers }) {
  const same = (entry) => entry.quench === quench && entry.sweeps === sweeps;
  const before = results.find(same) ?? { found: 0, walkers: 0 };
  const entry = { quench, sweeps, found: before.found + found, walkers: before.walkers + walkers };
  return results.some(same) ? results.map((known) => (same(known) ? entry : { ...known })) : [...results, entry];
}

// A run in words; trapped: what other valleys than the lowest hold, as the terrain says.
export function toldOf(cooling, trapped) {
  const many = format.count(cooling.walkers);
  if (cooling.finished) {
    const rest = trapped.share > 0.02 ? ` ${format.percent(trapped.share)} sit trapped, the largest group in a valley ${format.fixed(trapped.above, 2)} higher.` : "";
    const how = cooling.quench ? "Quenched and left for" : "Cooled over";
    const share = format.percent(cooling.inGround(cooling.shares));
    return `${how} ${format.count(cooling.length)} sweeps: ${share} of ${many} walkers found the lowest level.${rest}`;
  }
  if (!cooling.done) return `${many} walkers, spread evenly over the landscape.`;
  if (cooling.quench) return "Quenched: they roll down where they are, and hardly ever climb out again.";
  if (cooling.temperature > 1) return "Still hot: they cross the ridges in both directions.";
  return "Colder: the ridges close, and each valley keeps what it has.";
}
