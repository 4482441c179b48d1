// A game on a bandit, and what such games come to on average.

import * as format from "../kit/format.js";
import { copy } from "../kit/kernels.js";
import { CURVE, place, temperatureAt } from "../kit/heat.js";
import { COLDEST, HOTTEST } from "../kit/look.js";

export const GAMES = 200; // that a mean is of
const BATCH = 20000; // pulls between two looks at the clock

// Temperatures at which the curve of the regret is known: the exact limits and every seventh mark between the ends.
const TEMPERATURES = [0, ...CURVE.filter((t) => t >= COLDEST && t <= HOTTEST).filter((_, i) => i % 7 === 0), Infinity];

// What games at one setting come to on average, from the same random numbers for each setting, so that they can be compared.
class Trials {
  constructor(kernels, seed, values, length) {
    const floats = (n) => kernels.array("float64", n);
    this.kernels = kernels;
    this.seed = seed;
    this.values = values;
    this.batch = Math.max(1, Math.floor(BATCH / length));
    this.game = [kernels.array("int64", values.length), floats(values.length), kernels.array("int64", length), floats(length)];
    this.total = floats(length);
    this.outcome = floats(3);
    this.stream = kernels.array("uint64", 4);
  }

  begin(kind, setting) {
    this.kind = kind;
    this.setting = setting;
    this.total.view.fill(0);
    this.outcome.view.fill(0);
    this.stream.view.set(this.seed);
  }

  get games() {
    return this.outcome.view[0];
  }

  get whole() {
    return this.games === GAMES;
  }

  get mean() {
    return this.outcome.view[1];
  }

  get error() {
    return this.outcome.view[2];
  }

  // Play some more.
  go() {
    const games = Math.min(this.batch, GAMES - this.games);
    this.kernels.add_games(this.kind, this.setting, this.values, games, ...this.game, this.total, this.outcome, this.stream);
  }
}

export class Bandit {
  constructor(kernels, stream, rules) {
    this.kernels = kernels;
    this.rules = rules;
    this.seed = new BigUint64Array(copy(stream));
    this.stream = kernels.array("uint64", 4);
    this.stream.view.set(this.seed);
    this.curve = []; // temperatures, each with what a whole game misses on average
  }

  // Another bandit, or another length of its games.
  meet(values, length) {
    const { kernels } = this;
    const floats = (n) => kernels.array("float64", n);
    this.values = kernels.floats(values);
    this.arms = values.length;
    this.best = values.indexOf(Math.max(...values));
    this.length = length;
    this.pulls = kernels.array("int64", this.arms);
    this.estimates = floats(this.arms);
    this.chosen = kernels.array("int64", length);
    this.regret = floats(length);
    this.here = new Trials(kernels, this.seed, this.values, length);
    this.elsewhere = new Trials(kernels, this.seed, this.values, length);
    this.rule = undefined;
    this.begin();
  }

  // A new game.
  begin() {
    this.pulls.view.fill(0n);
    this.estimates.view.fill(0);
    this.done = 0;
    this.owed = 0; // pulls due, with fractions
  }

  // From now on another rule or setting.
  follow(rule, setting) {
    const other = rule !== this.rule;
    this.rule = rule;
    this.setting = setting;
    this.here.begin(this.kind, setting);
    if (!other) return;
    this.curve = [];
    this.elsewhere.begin(this.kind, TEMPERATURES[0]);
  }

  get kind() {
    return this.rules[this.rule];
  }

  get finished() {
    return this.done >= this.length;
  }

  // Pull what is due.
  run(due) {
    this.owed += due;
    const pulls = Math.min(Math.floor(this.owed), this.length - this.done);
    this.owed -= Math.floor(this.owed);
    if (pulls < 1) return;
    const [from, to] = [this.done, this.done + pulls];
    const { kernels, kind, setting, values, estimates, chosen, regret, stream } = this;
    kernels.play_bandit(kind, setting, values, this.pulls, estimates, chosen.part(from, to), regret.part(from, to), stream);
    this.done = to;
  }

  // The temperature of the next pull; where each arm has its own, that of an arm pulled once.
  get temperature() {
    return this.kernels.exploration_temperature(this.kind, this.setting, this.done + 1, 1);
  }

  // The setting that brings the next pull to a temperature.
  settingAt(temperature) {
    return this.kernels.exploration_setting(this.kind, temperature, this.done + 1);
  }

  // What is known of each arm, and how hot it is.
  get known() {
    const { kernels, kind, setting } = this;
    return Array.from({ length: this.arms }, (_, k) => {
      const pulls = Number(this.pulls.view[k]);
      const known = Math.max(1, pulls);
      return {
        pulls,
        estimate: pulls ? this.estimates.view[k] : undefined,
        error: kernels.exploration_temperature(this.rules.own, 1, 1, known), // of a mean of so many pays
        heat: kernels.exploration_temperature(kind, setting, this.done + 1, known),
      };
    });
  }

  // The arms of the latest pulls, each in the place of the one that it follows.
  latest(most) {
    const arms = this.chosen.view;
    const first = Math.max(0, this.done - most);
    const sample = Array.from({ length: this.done - first });
    for (let t = first; t < this.done; t += 1) sample[t % most] = Number(arms[t]);
    return sample;
  }

  get missed() {
    return this.done ? this.regret.view[this.done - 1] : 0;
  }

  // The share of the pulls since one that went to the best arm.
  shareOfBest(first) {
    let hits = 0;
    for (let t = first; t < this.done; t += 1) hits += Number(this.chosen.view[t]) === this.best ? 1 : 0;
    return this.done > first ? hits / (this.done - first) : 0;
  }

  // Whether the best arm was not pulled once in the second half of a whole game.
  get frozen() {
    return this.finished && this.shareOfBest(Math.floor(this.length / 2)) === 0;
  }

  // Learn more of what such games come to, in as many milliseconds as there are; returns whether there is more to learn.
  study(budget) {
    const end = performance.now() + budget;
    const { here, elsewhere, curve } = this;
    do {
      if (!here.whole) here.go();
      else if (curve.length < TEMPERATURES.length) {
        elsewhere.go();
        if (!elsewhere.whole) continue;
        curve.push([elsewhere.setting, elsewhere.mean]);
        elsewhere.begin(this.kind, TEMPERATURES[curve.length] ?? 0);
      } else return false;
    } while (performance.now() < end);
    return true;
  }

  // The mean regret after a pull, over trial games.
  meanRegret(pull) {
    return this.here.total.view[pull - 1] / this.here.games;
  }
}

// A game in words.
export function toldOf(bandit, names, latest) {
  const { done, length, arms } = bandit;
  const best = names[bandit.best];
  if (done < arms) return "Every arm is pulled once. From then on the temperature decides how often a worse one gets another chance.";
  if (!bandit.finished) {
    const share = format.percent(bandit.shareOfBest(Math.max(0, done - latest)), 0);
    return `${best} is the best arm, and gets ${share} of the latest pulls. The player does not know it.`;
  }
  const missed = `In ${format.count(length)} pulls this game has missed ${format.fixed(bandit.missed, 1)}`;
  if (!bandit.frozen) return `${missed}. ${best} was found: it got ${format.percent(bandit.shareOfBest(Math.floor(length / 2)), 0)} of the second half.`;
  const favourite = bandit.pulls.view.reduce((most, n, k) => (n > bandit.pulls.view[most] ? k : most), 0);
  return `${missed}. It froze on ${names[favourite]}: ${best}, the best arm, was not pulled once in the second half.`;
}

/** Return a curve up to where it leaves a plot with this top, which its points may not meet. */
export function below(points, top) {
  return points.flatMap(([x, y], i) => {
    const next = points[i + 1];
    if (y <= top && !(next?.[1] > top)) return [[x, y]];
    if (!next || y > top === next[1] > top) return [];
    const [from, to] = [place(x), place(next[0])];
    const edge = [temperatureAt(from + ((top - y) / (next[1] - y)) * (to - from)), top];
    return y <= top ? [[x, y], edge] : [edge];
  });
}
