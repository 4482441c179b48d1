// Races of haste and patience: how long they are, which comes next, what they have come to, and what to say of one.

import * as format from "../kit/format.js";

export const LENGTHS = [10, 30, 100, 300, 1000, 3000, 10000];
const BRIEF = 0.5; // seconds that a race takes when all lengths are tried in turn

// The place of the longest of these lengths that a race has.
export const lengthAt = (sweeps) => LENGTHS.findLastIndex((n) => n <= sweeps);

export class Runs {
  queue = []; // lengths still to be tried
  touring = false; // whether all lengths are tried in turn

  // From now on one race at a time.
  stop() {
    this.queue = [];
    this.touring = false;
  }

  // Try all lengths, after the first, which is under way.
  tour() {
    this.queue = LENGTHS.slice(1);
    this.touring = true;
  }

  get first() {
    return LENGTHS[0];
  }

  // The next length, if there is one.
  next() {
    const sweeps = this.queue.shift();
    if (!sweeps) this.touring = false;
    return sweeps;
  }

  // Sweeps a second: a race takes long enough to be watched, and a longer one a little longer.
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

// A race in words. even: what equal factors would have brought, where the reader has drawn another curve.
export function toldOf({ haste, patience }, even) {
  const many = format.count(patience.walkers);
  const brought = (cooling) => format.percent(cooling.inGround(cooling.shares));
  if (patience.finished && haste.finished) {
    const trapped = haste.terrain.trapped(haste.terrain.held(haste.shares.view));
    const rest = trapped.share > 0.02 ? ` Most of the hasty who are trapped sit in a valley ${format.fixed(trapped.above, 2)} higher.` : "";
    const own = even === undefined ? "" : ` Your curve foretells ${format.percent(patience.inGround(patience.distribution))}, equal factors ${format.percent(even)}.`;
    return `After ${format.count(patience.length)} sweeps haste has brought ${brought(haste)} of ${many} walkers to the lowest level, patience ${brought(patience)}.${own || rest}`;
  }
  if (!patience.done) return `${many} walkers on each side, spread evenly. Haste is cold from the start, patience cools.`;
  if (patience.temperature > 1) return "The hasty have rolled down where they stood. The patient are still hot and cross the ridges in both directions.";
  return "Colder: the ridges close, and each valley keeps what it has.";
}
