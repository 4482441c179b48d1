// AnnealingExplorer: walkers on a rugged landscape, some cold at once, some cooled along a curve: haste races patience.

import { scaleLinear, scaleLog } from "d3-scale";
import { line } from "d3-shape";
import { add } from "../kit/dom.js";
import * as format from "../kit/format.js";
import { heat } from "../kit/heat.js";
import { Kernels } from "../kit/kernels.js";
import { tall } from "../kit/room.js";
import { Seldom } from "../kit/seldom.js";
import { Stage } from "../kit/stage.js";
import { Cooling, streamOf } from "../models/cooling.js";
import { LENGTHS, lengthAt, Runs, toldOf, withRun } from "../models/runs.js";
import { button, gauge, verdict } from "../parts/controls.js";
import { CoolingCurve } from "../parts/cooling_curve.js";
import { Frame } from "../parts/frame.js";
import { Landscape } from "../parts/landscape.js";
import { Marks } from "../parts/marks.js";
import { more } from "../parts/more.js";

const CURVE = [10, 13, 18, 24, 30, 42, 56, 75, 100, 130, 180, 240, 300, 420, 560, 750, 1000, 1800, 3000, 5600, 10000];
const NEWS = 150; // milliseconds between two tellings
const HANDLES = 5; // of a cooling curve
const SIDES = ["haste", "patience"];

// The share that found the lowest level against the length of a run: dots with whiskers, and exact lines.
class Success {
  constructor(parent) {
    this.frame = new Frame(parent, {
      title: "share in the lowest level",
      xName: "sweeps of a race",
      label: "Share in the lowest level against the length of a race",
    });
    const { marks } = this.frame;
    this.theory = ["ssm-line", "ssm-line", "ssm-way"].map((kind) => ({
      path: marks.append("path").attr("class", kind).attr("fill", "none"),
      name: marks.append("text").attr("class", "ssm-muted").attr("text-anchor", "end"),
    }));
    const shapes = { whisker: ["line", { "stroke-width": 1.5 }], dot: ["circle", { r: 4 }] };
    this.dots = new Marks(marks, shapes, ({ quench, sweeps }) => `${quench} ${sweeps}`);
  }

  layout(width, height) {
    this.frame.layout(width, height, {
      x: scaleLog([LENGTHS[0], LENGTHS.at(-1)], [0, 1]),
      y: scaleLinear([0, 1], [1, 0]),
      xTicks: [[10, 100, 1000, 10000], format.count],
      yTicks: [[0, 0.5, 1], (share) => `${100 * share} %`],
      left: 46,
    });
  }

  // What each line foretells, by the length of a race: [its name, a function], or nothing.
  foretell(lines) {
    if (!this.frame.box) return;
    const { x, y, box } = this.frame;
    this.theory.forEach(({ path, name }, i) => {
      const [called, share] = lines[i] ?? ["", undefined];
      const rates = share ? CURVE.map((sweeps) => [sweeps, share(sweeps)]) : [];
      path.attr("d", line((p) => x(p[0]), (p) => y(p[1]))(/** @type {[number, number][]} */ (rates)));
      const middle = rates[i === 2 ? 8 : rates.length - 1];
      name.attr("x", middle ? Math.min(box.right, x(middle[0])) : 0).attr("y", middle ? y(middle[1]) - 8 : 0).text(called);
    });
  }

  // The results so far; around: the interval of a rate; latest: whether a result has the race just made in it.
  show(results, { cold, around, latest }) {
    if (!this.frame.box) return;
    const { x, y } = this.frame;
    const seen = results.filter(({ sweeps }) => sweeps >= LENGTHS[0] && sweeps <= LENGTHS.at(-1));
    this.dots.show(seen, (result) => {
      const { quench, sweeps, found, walkers } = result;
      const [low, high] = around(found, walkers);
      const [across, colour] = [x(sweeps), heat(quench ? cold : 1)];
      return {
        whisker: { x1: across, x2: across, y1: y(low), y2: y(high), stroke: colour },
        dot: {
          cx: across, cy: y(found / walkers), fill: colour, class: latest(result) ? "ssm-latest" : "",
          "data-found": `${quench ? "haste" : "patience"}-${sweeps}`,
        },
      };
    });
    const kind = ({ quench, sweeps }) => `${quench ? "haste" : "patience"} after ${format.count(sweeps)} sweeps`;
    const parts = seen.map((result) => `${kind(result)} ${format.percent(result.found / result.walkers)}`);
    this.frame.describe(parts.length ? parts.join("; ") : "no race yet");
  }
}

// What the reader sees: two landscapes with walkers, a cooling curve, what all races came to, words.
class View {
  constructor(root, { moveLevel, moveKnot, settle }) {
    this.root = root;
    this.controls = add(root, "div", { className: "ssm-controls" });
    const scene = () => add(root, "div", { className: "ssm-scene ssm-halves" });
    const [above, below] = [scene(), scene()];
    const cell = (parent) => add(parent, "div", { className: "ssm-cell" });
    const headings = ["haste: cold at once", "patience: cooled"];
    this.landscapes = SIDES.map((out, i) =>
      new Landscape(cell(above), { heading: headings[i], out, change: moveLevel, settle }));
    this.curve = new CoolingCurve(cell(below), { change: moveKnot, settle });
    this.success = new Success(cell(below));
    this.words = verdict(root);
  }

  get held() {
    return this.landscapes.some(({ held }) => held !== null);
  }

  layout(width) {
    const narrow = width < 560;
    this.root.classList.toggle("ssm-narrow", narrow);
    this.walkers = narrow ? 72 : 120; // that are drawn, at most
    const half = narrow ? width : (width - 20) / 2;
    for (const landscape of this.landscapes) landscape.layout(half, tall(this.root, narrow ? 170 : 220, 140));
    this.curve.layout(half, tall(this.root, narrow ? 160 : 190, 130));
    this.success.layout(half, tall(this.root, narrow ? 180 : 190, 130));
  }

  // Draw the walkers, and what keeps step with them; returns whether any is still in the air. beat: seconds a sweep.
  paint(coolings, beat, seconds) {
    let flying = false;
    this.landscapes.forEach((landscape, i) => {
      landscape.populate(coolings[i].drawn(this.walkers ?? 120), beat);
      flying = landscape.paint(heat(coolings[i].temperature), seconds) || flying;
    });
    const { done, length, temperature } = coolings[1];
    this.curve.point(done / length, temperature);
    return flying;
  }

  tell(coolings, text) {
    this.landscapes.forEach((landscape, i) => {
      const cooling = coolings[i];
      const [share, exact] = [cooling.shares, cooling.distribution].map((block) => format.percent(cooling.inGround(block)));
      landscape.count(cooling.terrain.held(cooling.shares.view), `${share} down, exact ${exact}`);
    });
    this.words.textContent = text;
  }
}

class Explorer {
  runs = new Runs();
  told = new Seldom(NEWS); // when the words were last brought up to date
  width = 0;
  given = ""; // what the results of all races stand on
  coolings = [];
  wake = () => {};

  constructor(stage, kernels) {
    this.stage = stage;
    this.model = stage.model;
    this.kernels = kernels;
    this.stream = streamOf(kernels, this.model.get("_stream"));
    this.ends = kernels.floats([1, 1]);
    const settle = () => this.race();
    this.view = new View(stage.root, {
      moveLevel: (level, energy) => stage.set({ logits: this.model.get("logits").map((z, k) => (k === level ? -energy : z)) }),
      moveKnot: (knot, temperature) => stage.set({ schedule: this.handles.map((t, k) => (k === knot ? temperature : t)) }),
      settle,
    });
    const { controls } = this.view;
    button(controls, stage.words("race"), () => this.race());
    this.length = gauge(controls, "sweeps", LENGTHS.length - 1, (i) => this.race(LENGTHS[i]), "length");
    const row = more(stage.root);
    this.pause = button(row, "pause", () => {
      if (!this.model.get("running") && this.finished) this.race();
      else stage.set({ running: !this.model.get("running") });
    });
    button(row, stage.words("tour"), () => {
      this.race(this.runs.first);
      this.runs.tour();
    });
    button(row, stage.words("even"), () => {
      stage.set({ schedule: [] });
      this.race();
    });
  }

  // Follow the traits, the width and the clock.
  begin() {
    const { stage, model } = this;
    stage.follow(["logits", "hot", "cold", "schedule", "walkers"], () => {
      this.prepare();
      if (!this.view.held) this.putBack();
      this.layout();
    });
    stage.follow(["sweeps"], () => {
      const sweeps = model.get("sweeps");
      this.length.show(lengthAt(sweeps), format.count(sweeps), `${format.count(sweeps)} sweeps`);
      if (sweeps !== this.coolings[0].length) this.putBack();
    });
    stage.follow(["results"], () => this.accumulate());
    stage.follow(["running"], () => {
      if (model.get("running") && this.finished) this.putBack();
      this.name();
      this.wake();
    });
    stage.resize((width) => this.layout(width));
    this.wake = stage.animate((seconds) => this.frame(seconds));
  }

  get finished() {
    return this.coolings.every((cooling) => cooling.finished);
  }

  get even() {
    return [this.model.get("hot"), this.model.get("cold")];
  }

  // Temperatures of each side at even distances over the run.
  get knots() {
    const [cold, own] = [this.model.get("cold"), this.model.get("schedule")];
    return [[cold, cold], own.length ? own : this.even];
  }

  // The same cooling with as many knots as there are handles.
  get handles() {
    const own = this.model.get("schedule");
    if (own.length) return own;
    this.ends.view.set(this.even);
    return Array.from({ length: HANDLES }, (_, k) => Number(this.kernels.cooled(this.ends, HANDLES, k).toPrecision(3)));
  }

  // Another landscape or another cooling makes the results of earlier races meaningless.
  prepare() {
    const [logits, hot, cold, schedule] = ["logits", "hot", "cold", "schedule"].map((name) => this.model.get(name));
    const given = JSON.stringify([logits, hot, cold, schedule]);
    if (given === this.given) return;
    if (this.given && this.model.get("results").length) this.stage.set({ results: [] });
    this.given = given;
    if (this.coolings[0]?.levels === logits.length) for (const cooling of this.coolings) cooling.reshape(logits);
    else this.coolings = SIDES.map(() => new Cooling(this.kernels, this.stream, logits));
    for (const landscape of this.view.landscapes) landscape.show(this.coolings[0].terrain);
  }

  // A race that the reader asks for.
  race(sweeps = this.model.get("sweeps")) {
    this.runs.stop();
    this.stage.set({ sweeps });
    this.putBack();
    this.layout();
    this.stage.set({ running: true });
  }

  // Put the walkers back to where a race begins.
  putBack() {
    const [walkers, sweeps] = [this.model.get("walkers"), this.model.get("sweeps")];
    this.coolings.forEach((cooling, i) => cooling.begin({ walkers, knots: this.knots[i], sweeps }));
    this.told.soon();
    this.name();
    this.wake();
  }

  // What the button for pauses does.
  name() {
    const begun = this.coolings.some(({ done }) => done);
    this.pause.textContent = this.model.get("running") ? "pause" : this.finished ? "again" : begun ? "go on" : "start";
  }

  frame(seconds) {
    const running = this.model.get("running") && !this.view.held;
    if (running) {
      const [first] = this.coolings;
      // At most half of the time goes into sweeps; many walkers take longer.
      for (const cooling of this.coolings) cooling.run(seconds * this.runs.pace(first.length), 250 * seconds);
      if (this.finished) this.finish();
    }
    const flying = this.draw(seconds);
    return (this.model.get("running") && !this.view.held) || flying;
  }

  // Keep what the race came to, and go on to the next.
  finish() {
    let results = this.model.get("results");
    this.coolings.forEach((cooling, i) => {
      const { length: sweeps, walkers, counts } = cooling;
      results = withRun(results, { quench: i === 0, sweeps, found: cooling.inGround(counts), walkers });
    });
    this.told.soon();
    const sweeps = this.runs.next();
    this.stage.set({ results, running: Boolean(sweeps), ...(sweeps ? { sweeps } : {}) });
    if (sweeps) this.putBack();
  }

  draw(seconds) {
    const beat = this.model.get("running") ? 1 / this.runs.pace(this.coolings[0].length) : Infinity;
    const flying = this.view.paint(this.coolings, beat, seconds);
    this.tell();
    return flying;
  }

  // What need not keep step with the walkers is told more calmly.
  tell() {
    if (!this.width || !this.told.due()) return;
    const [haste, patience] = this.coolings;
    const own = this.model.get("schedule").length && patience.finished;
    const text = toldOf({ haste, patience }, own ? patience.foretell(this.even, patience.length) : undefined);
    this.view.tell(this.coolings, text);
    if (this.finished && !this.runs.queue.length) this.stage.say(text);
  }

  // The points so far.
  accumulate() {
    const [first] = this.coolings;
    this.view.success.show(this.model.get("results"), {
      cold: this.model.get("cold"),
      around: (found, walkers) => first.around(found, walkers),
      latest: ({ sweeps }) => this.finished && sweeps === first.length,
    });
  }

  layout(width = this.width) {
    this.width = width;
    if (!width) return;
    if (!this.view.held) this.view.layout(width);
    this.view.curve.show(this.handles, this.model.get("cold"));
    this.foretell();
    this.told.soon();
    this.accumulate();
    this.draw(0);
  }

  // The exact lines, once nothing is held: a long race takes a while to foretell.
  foretell() {
    const [patience] = this.coolings;
    const [hasty, patient] = this.knots;
    const lines = [["patience", patient], ["haste", hasty]];
    if (this.model.get("schedule").length) lines.push(["equal factors", this.even]);
    const key = JSON.stringify([this.given, this.width]);
    if (this.view.held || key === this.foretold) return;
    this.foretold = key;
    this.view.success.foretell(lines.map(([name, knots]) => [name, (sweeps) => patience.foretell(knots, sweeps)]));
  }
}

async function render({ model, el }) {
  const stage = new Stage(el, model, "Walkers on two landscapes of energy levels: cold at once, and cooled along a curve");
  new Explorer(stage, await Kernels.load(model.get("_kernels"))).begin();
  return () => stage.close();
}

export default { render };
