// AnnealingExplorer: walkers on a rugged landscape are cooled, quickly or slowly, and some find the lowest level.

import { scaleLinear, scaleLog } from "d3-scale";
import { line } from "d3-shape";
import { add } from "../kit/dom.js";
import * as format from "../kit/format.js";
import { heat } from "../kit/heat.js";
import { Kernels } from "../kit/kernels.js";
import { Stage } from "../kit/stage.js";
import { Cooling } from "../models/cooling.js";
import { LENGTHS, lengthAt, Runs, toldOf, withRun } from "../models/runs.js";
import { button, gauge, Readouts, verdict } from "../parts/controls.js";
import { Frame } from "../parts/frame.js";
import { Landscape } from "../parts/landscape.js";
import { Marks } from "../parts/marks.js";
import { Thermometer } from "../parts/thermometer.js";

const CURVE = [10, 13, 18, 24, 30, 42, 56, 75, 100, 130, 180, 240, 300, 420, 560, 750, 1000, 1800, 3000, 5600, 10000];
const NEWS = 150; // milliseconds between two tellings

// The share that found the lowest level against the length of a run: dots with whiskers, and exact lines.
class Success {
  constructor(parent) {
    this.frame = new Frame(parent, {
      title: "share of the walkers that found the lowest level",
      xName: "sweeps of a run",
      label: "Share in the lowest level against the length of a run",
    });
    const { marks } = this.frame;
    this.theory = ["cooled", "quenched"].map((name) => ({
      path: marks.append("path").attr("class", "ssm-line").attr("fill", "none"),
      name: marks.append("text").attr("class", "ssm-muted").attr("text-anchor", "end").text(name),
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

  // What each line foretells: the exact share after a cooling, and after a quench.
  foretell(foretold) {
    const { x, y, box } = this.frame;
    foretold.forEach((share, i) => {
      const rates = CURVE.map((sweeps) => [sweeps, share(sweeps)]);
      this.theory[i].path.attr("d", line((p) => x(p[0]), (p) => y(p[1]))(/** @type {[number, number][]} */ (rates)));
      this.theory[i].name.attr("x", box.right).attr("y", y(rates.at(-1)[1]) - 8);
    });
  }

  // The results so far; around: the interval of a rate; latest: whether a result has the run just made in it.
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
          "data-found": `${quench ? "quench" : "cool"}-${sweeps}`,
        },
      };
    });
    const kind = ({ quench, sweeps }) => `${quench ? "quenched" : "cooled"} ${format.count(sweeps)} sweeps`;
    const parts = seen.map((result) => `${kind(result)} ${format.percent(result.found / result.walkers)}`);
    this.frame.describe(parts.length ? parts.join("; ") : "no run yet");
  }
}

// What the reader sees: a thermometer, the landscape with its walkers, numbers, words, what all runs came to. Below the
// landscape is room for controls.
class View {
  constructor(root) {
    this.root = root;
    const scene = add(root, "div", { className: "ssm-scene" });
    this.thermometer = new Thermometer(add(scene, "div", { className: "ssm-cell" }), {});
    this.landscape = new Landscape(add(scene, "div", { className: "ssm-cell" }));
    this.controls = add(root, "div", { className: "ssm-controls" });
    const names = { temperature: "temperature now", success: "in the lowest level", trapped: "in other valleys", sweep: "sweep" };
    this.readouts = new Readouts(root, names, { paired: true });
    this.words = verdict(root);
    this.success = new Success(add(root, "div", { className: "ssm-below" }));
  }

  layout(width) {
    const narrow = width < 560;
    this.root.classList.toggle("ssm-narrow", narrow);
    this.walkers = narrow ? 72 : 180; // that are drawn, at most
    this.thermometer.layout(narrow ? width : 116, narrow ? 76 : 300);
    this.landscape.layout(narrow ? width : width - 116, narrow ? 260 : 300);
    this.success.layout(width - 10, 230);
  }

  // Draw the walkers, and what keeps step with them; returns whether any is still in the air. beat: seconds a sweep.
  paint(cooling, beat, seconds) {
    const { temperature } = cooling;
    this.thermometer.show(temperature);
    this.landscape.populate(cooling.drawn(this.walkers ?? 180), beat);
    const flying = this.landscape.paint(heat(temperature), seconds);
    const way = cooling.quench ? "cold from the start" : `from ${format.short(cooling.hot)} to ${format.short(cooling.cold)}`;
    this.readouts.set("temperature", format.temperature(temperature), way);
    this.readouts.set("sweep", format.count(cooling.done), `of ${format.count(cooling.length)}`);
    return flying;
  }

  tell(cooling, held, trapped, text) {
    const [share, exact] = [cooling.shares, cooling.distribution].map((block) => format.percent(cooling.inGround(block)));
    this.landscape.count(held);
    this.readouts.set("success", share, `exact ${exact}`);
    const largest = trapped.share > 0.005 ? `largest ${format.fixed(trapped.above, 2)} higher` : "";
    this.readouts.set("trapped", format.percent(trapped.share), largest);
    this.words.textContent = text;
  }
}

class Explorer {
  runs = new Runs();
  told = 0; // when the words were last brought up to date
  width = 0;
  given = ""; // what the walkers stand on
  wake = () => {};

  constructor(stage, kernels) {
    this.stage = stage;
    this.model = stage.model;
    this.kernels = kernels;
    this.view = new View(stage.root);
    const { controls } = this.view;
    button(controls, stage.words("quench"), () => this.start({ quench: true }));
    button(controls, stage.words("cool"), () => this.start({ quench: false }));
    this.pause = button(controls, "pause", () => {
      if (!this.model.get("running") && this.cooling.finished) this.start({});
      else stage.set({ running: !this.model.get("running") });
    });
    this.pause.classList.add("ssm-renamed");
    this.length = gauge(controls, "sweeps", LENGTHS.length - 1, (i) => this.start({ sweeps: LENGTHS[i] }), "length");
    button(controls, stage.words("tour"), () => {
      this.start(this.runs.first);
      this.runs.tour();
    });
  }

  // Follow the traits, the width and the clock.
  begin() {
    const { stage, model } = this;
    stage.follow(["logits", "hot", "cold", "walkers"], () => {
      this.prepare();
      this.putBack();
      this.layout();
    });
    stage.follow(["sweeps", "quench"], () => {
      const sweeps = model.get("sweeps");
      this.length.show(lengthAt(sweeps), format.count(sweeps), `${format.count(sweeps)} sweeps`);
      if (sweeps !== this.cooling.length || model.get("quench") !== this.cooling.quench) this.putBack();
    });
    stage.follow(["results"], () => this.accumulate());
    stage.follow(["running"], () => {
      if (model.get("running") && this.cooling.finished) this.putBack();
      this.name();
      this.wake();
    });
    stage.resize((width) => this.layout(width));
    this.wake = stage.animate((seconds) => this.frame(seconds));
  }

  // Another landscape or another range of heat makes the results of earlier runs meaningless.
  prepare() {
    const [logits, hot, cold] = ["logits", "hot", "cold"].map((name) => this.model.get(name));
    const given = String([hot, cold, ...logits]);
    if (given === this.given) return;
    if (this.given) this.stage.set({ results: [] });
    this.given = given;
    this.cooling = new Cooling(this.kernels, this.model.get("_stream"), logits);
    this.view.landscape.show(this.cooling.terrain);
  }

  // A run that the reader asks for.
  start(changes) {
    this.runs.stop();
    this.stage.set(changes);
    this.putBack();
    this.stage.set({ running: true });
  }

  // Put the walkers back to where a run begins.
  putBack() {
    const { model } = this;
    this.cooling.begin({
      walkers: model.get("walkers"),
      hot: model.get("hot"),
      cold: model.get("cold"),
      sweeps: model.get("sweeps"),
      quench: model.get("quench"),
    });
    this.told = 0;
    this.name();
    this.wake();
  }

  // What the button in the middle does.
  name() {
    const { finished, done } = this.cooling;
    this.pause.textContent = this.model.get("running") ? "pause" : finished ? "again" : done ? "go on" : "start";
  }

  frame(seconds) {
    if (this.model.get("running")) {
      // At most half of the time goes into sweeps; many walkers take longer.
      this.cooling.run(seconds * this.runs.pace(this.cooling.length), 500 * seconds);
      if (this.cooling.finished) this.finish();
    }
    const flying = this.draw(seconds);
    return this.model.get("running") || flying;
  }

  // Keep what the run came to, and go on to the next.
  finish() {
    const { quench, length: sweeps, walkers, counts } = this.cooling;
    const found = this.cooling.inGround(counts);
    const results = withRun(this.model.get("results"), { quench, sweeps, found, walkers });
    this.told = 0;
    const next = this.runs.next();
    this.stage.set({ results, running: Boolean(next), ...next });
    if (next) this.putBack();
  }

  draw(seconds) {
    const beat = this.model.get("running") ? 1 / this.runs.pace(this.cooling.length) : Infinity;
    const flying = this.view.paint(this.cooling, beat, seconds);
    this.tell();
    return flying;
  }

  // What need not keep step with the walkers is told more calmly.
  tell() {
    const now = performance.now();
    if (!this.width || now - this.told < NEWS) return;
    this.told = now;
    const { cooling } = this;
    const held = cooling.terrain.held(cooling.shares.view);
    const trapped = cooling.terrain.trapped(held);
    const text = toldOf(cooling, trapped);
    this.view.tell(cooling, held, trapped, text);
    if (cooling.finished && !this.runs.queue.length) this.stage.say(text);
  }

  // The points so far.
  accumulate() {
    const { cooling } = this;
    this.view.success.show(this.model.get("results"), {
      cold: this.model.get("cold"),
      around: (found, walkers) => cooling.around(found, walkers),
      latest: ({ quench, sweeps }) => cooling.finished && quench === cooling.quench && sweeps === cooling.length,
    });
  }

  layout(width = this.width) {
    this.width = width;
    if (!width) return;
    const [hot, cold] = [this.model.get("hot"), this.model.get("cold")];
    this.view.layout(width);
    this.view.success.foretell([hot, cold].map((from) => (sweeps) => this.cooling.foretell(from, cold, sweeps)));
    this.told = 0;
    this.accumulate();
    this.draw(0);
  }
}

async function render({ model, el }) {
  const stage = new Stage(el, model, "Walkers on a landscape of energy levels, cooled along a schedule");
  new Explorer(stage, await Kernels.load(model.get("_kernels"))).begin();
  return () => stage.close();
}

export default { render };
