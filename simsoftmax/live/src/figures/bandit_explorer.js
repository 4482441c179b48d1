// BanditExplorer: arms are levels, pulls are particles, and a temperature decides how often a worse arm gets a chance.

import { scaleLinear } from "d3-scale";
import { line } from "d3-shape";
import { add } from "../kit/dom.js";
import * as format from "../kit/format.js";
import { heat, temperatureScale, ticksFor, tickText } from "../kit/heat.js";
import { Kernels } from "../kit/kernels.js";
import { tall } from "../kit/room.js";
import { Seldom } from "../kit/seldom.js";
import { Stage } from "../kit/stage.js";
import { decode, encode } from "../kit/wire.js";
import { below, Bandit, toldOf } from "../models/bandit.js";
import { Arms } from "../parts/arms.js";
import { button, choose, Readouts, select, verdict } from "../parts/controls.js";
import { Curve } from "../parts/curve.js";
import { Frame } from "../parts/frame.js";
import { Marks } from "../parts/marks.js";
import { Thermometer } from "../parts/thermometer.js";

const RULES = [["held", "held"], ["slow", "falls as 1/ln t"], ["fast", "falls as 1/√t"], ["own", "each arm its own"]];
const HEATS = { held: "held", slow: "falling", fast: "falling", own: "c, of an arm pulled once" };
const COOLS = { slow: "c, of T = c/ln t", fast: "c, of T = c/√t", own: "c, of c/√n for each arm" }; // what the curve is against
const SPEEDS = [[5, "5"], [20, "20"], [60, "60"], [200, "200"], [1000, "1,000"]];
const KEPT = 8; // games that stay in sight
const BUDGET = 6; // milliseconds of trial games a frame
const NEWS = 200; // milliseconds between two tellings
const SAVED = 1000; // and between two savings
const HIGHER = 150 / 142; // the plot of a game is this much higher than the plot beside it, at the same scale
const LIKE_RANDOM = 0.45; // of what random pulls miss, at the top of the plots

// What was missed, pull by pull: this game filled in its colour, earlier ones thinner, the mean of many as a thin line.
class Regret {
  constructor(parent) {
    this.frame = new Frame(parent, { title: "regret of this game", xName: "pulls", label: "Regret against pulls" });
    const window = this.frame.clipped();
    this.earlier = new Marks(window, { path: ["path", { fill: "none", "stroke-width": 1.5, "stroke-opacity": 0.55 }] });
    this.now = window.append("path").attr("class", "ssm-class").attr("fill", "none");
    this.theory = window.append("path").attr("class", "ssm-line").attr("fill", "none");
    this.name = this.frame.marks.append("text").attr("class", "ssm-muted").attr("text-anchor", "end");
  }

  layout(width, height, { length, top }) {
    const y = scaleLinear([0, top * HIGHER], [1, 0]);
    this.frame.layout(width, height, {
      x: scaleLinear([0, length], [0, 1]),
      y,
      xTicks: [[0, 0.4, 0.8].map((part) => part * length), format.count],
      yTicks: [y.ticks(3), format.short],
      left: 40,
    });
    this.length = length;
  }

  // A curve of some of the first so many pulls.
  path(at, pulls) {
    const { x, y } = this.frame;
    const marks = Math.min(160, pulls);
    const times = [0, ...Array.from({ length: marks }, (_, i) => Math.ceil(((i + 1) * pulls) / marks))];
    return line()(times.map((t) => [x(t), y(at(t))]));
  }

  show(bandit, colour, earlier) {
    if (!this.frame.box) return;
    const regret = bandit.regret.view;
    this.now.attr("d", this.path((t) => (t ? regret[t - 1] : 0), bandit.done)).attr("stroke", colour);
    this.earlier.show(earlier, ({ points, colour: shade }) => ({ path: { d: this.path((t) => points(t), this.length), stroke: shade } }));
    const mean = (t) => (t ? bandit.meanRegret(t) : 0);
    const { games } = bandit.here;
    for (const part of [this.theory, this.name]) part.attr("display", games ? "inline" : "none");
    if (!games) return;
    this.theory.attr("d", this.path(mean, this.length));
    const { x, y, box } = this.frame;
    // The name stands where the line leaves the plot, or at its end.
    let end = this.length;
    while (end > 1 && y(mean(end)) < box.top + 16) end = Math.floor(end * 0.98);
    this.name.attr("x", x(end) - 8).attr("y", y(mean(end)) - 7).text(`mean of ${format.count(games)} games`);
  }
}

// What the reader sees: a thermometer, the arms with the latest pulls, numbers, words, and what was missed.
class View {
  constructor(root, { setTemperature, choose }) {
    this.root = root;
    const scene = add(root, "div", { className: "ssm-scene" });
    this.thermometer = new Thermometer(add(scene, "div", { className: "ssm-cell" }), { change: setTemperature });
    this.arms = new Arms(add(scene, "div", { className: "ssm-cell" }));
    this.controls = add(root, "div", { className: "ssm-controls" });
    const names = { temperature: "temperature now", pulls: "pulls", regret: "regret", best: "on the best arm" };
    this.readouts = new Readouts(root, names, { paired: true });
    this.words = verdict(root);
    const below = add(root, "div", { className: "ssm-scene ssm-halves" });
    this.regret = new Regret(add(below, "div", { className: "ssm-cell" }));
    this.curve = new Curve(add(below, "div", { className: "ssm-cell" }), {
      title: "regret of a whole game",
      label: "Mean regret of whole games against the temperature",
      out: "mean",
      x: temperatureScale,
      xTicks: ticksFor,
      xFormat: tickText,
      xName: "temperature",
      move: choose,
    });
  }

  layout(width, { length, top }) {
    const narrow = width < 560;
    this.narrow = narrow;
    this.root.classList.toggle("ssm-narrow", narrow);
    this.latest = narrow ? 80 : 160; // pulls in sight
    const height = tall(this.root, narrow ? 270 : 300, narrow ? 170 : 210);
    this.thermometer.layout(narrow ? width : 116, narrow ? tall(this.root, 76, 58) : height);
    this.arms.layout(narrow ? width : width - 116, height);
    const half = narrow ? width : Math.floor((width - 20) / 2);
    const low = tall(this.root, 220, 150);
    this.regret.layout(half, low, { length, top });
    this.curve.layout(half, low - 16);
  }

  // Draw the arms and the pulls; returns whether anything still moves.
  paint(bandit, known, beat, seconds) {
    const colours = known.map((arm) => heat(arm.heat));
    this.thermometer.show(bandit.temperature);
    this.arms.learn(known, colours, seconds);
    this.arms.populate(bandit.latest(this.latest), beat);
    return this.arms.paint(colours, seconds);
  }

  // Numbers, words and curves, which need not keep step with the pulls.
  tell(bandit, { colour, earlier, text, name, top }) {
    this.readouts.set("temperature", format.temperature(bandit.temperature), HEATS[bandit.rule]);
    this.readouts.set("pulls", format.count(bandit.done), `of ${format.count(bandit.length)}`);
    const { here } = bandit;
    const mean = here.games && bandit.done ? `mean of games ${format.fixed(bandit.meanRegret(bandit.done), 1)}` : "";
    this.readouts.set("regret", format.fixed(bandit.missed, 1), mean);
    const share = bandit.shareOfBest(Math.max(0, bandit.done - this.latest));
    this.readouts.set("best", bandit.done ? format.percent(share, 0) : "", `${name}, of the latest pulls`);
    this.words.textContent = text;
    this.arms.describe();
    this.regret.show(bandit, colour, earlier);
    this.regret.frame.describe(`${format.fixed(bandit.missed, 1)} after ${format.count(bandit.done)} pulls`);
    this.curve.xName.text(COOLS[bandit.rule] ?? "temperature");
    this.curve.show(below(bandit.curve, top), [], [0, top]);
    const whole = here.games > 1 ? `${format.fixed(here.mean, 1)}\u00a0±\u00a0${format.fixed(here.error, 1)}` : "";
    const beyond = here.mean > top ? "\u2191 " : ""; // the dot stands at the edge, and what it means lies above
    this.curve.point(bandit.setting, Math.min(here.mean, top), heat(bandit.setting), beyond + whole, `${whole} at ${format.temperature(bandit.setting)}`);
  }
}

class Explorer {
  earlier = []; // finished games: what was missed, and in which colour
  told = new Seldom(NEWS); // when the words were last brought up to date
  saved = new Seldom(SAVED); // and when Python was last told
  width = 0;
  wake = () => {};

  constructor(stage, kernels) {
    this.stage = stage;
    this.model = stage.model;
    this.bandit = new Bandit(kernels, this.model.get("_stream"), this.model.get("_rules"));
    this.view = new View(stage.root, {
      // The reader wants the next pull at a temperature, or takes a setting from the curve.
      setTemperature: (temperature) => stage.set({ temperature: encode(this.bandit.settingAt(temperature)) }),
      choose: (setting) => stage.set({ temperature: encode(setting) }),
    });
    const { controls } = this.view;
    this.pause = button(controls, "pause", () => {
      if (!this.model.get("running") && this.bandit.finished) this.again();
      else stage.set({ running: !this.model.get("running") });
    });
    this.pause.classList.add("ssm-renamed");
    button(controls, stage.words("again"), () => this.again());
    this.rule = select(controls, "temperature", RULES, (rule) => stage.set({ rule }));
    this.speed = select(controls, "pulls a second", SPEEDS, (speed) => stage.set({ speed: Number(speed) }));
  }

  // Follow the traits, the width and the clock.
  begin() {
    const { stage, model, bandit } = this;
    stage.follow(["values", "length"], () => {
      const [values, length] = [model.get("values"), model.get("length")];
      if (String([length, values]) === this.given) return;
      this.given = String([length, values]);
      bandit.meet(values, length);
      bandit.follow(model.get("rule"), decode(model.get("temperature")));
      this.earlier = [];
      this.names = values.map((_, k) => String.fromCharCode(65 + k));
      this.view.arms.show(values, this.names);
      const best = Math.max(...values);
      const random = values.reduce((sum, value) => sum + (best - value) / values.length, 0) * length;
      this.top = Math.max(1, LIKE_RANDOM * random);
      this.layout();
    });
    stage.follow(["rule", "temperature"], () => {
      const [rule, setting] = [model.get("rule"), decode(model.get("temperature"))];
      this.rule.value = rule;
      if (rule === bandit.rule && setting === bandit.setting) return;
      bandit.follow(rule, setting);
      if (bandit.finished) this.again();
      this.attend();
    });
    stage.follow(["speed"], () => choose(this.speed, model.get("speed")));
    stage.follow(["running"], () => {
      if (model.get("running") && bandit.finished) this.putBack();
      this.name();
      this.attend();
    });
    stage.resize((width) => this.layout(width));
    this.wake = stage.animate((seconds) => this.frame(seconds));
  }

  again() {
    this.putBack();
    this.stage.set({ running: true });
  }

  // A new game; a whole one before it stays in sight.
  putBack() {
    const { bandit } = this;
    if (bandit.finished) {
      const regret = bandit.regret.view.slice();
      this.earlier = [...this.earlier, { points: (t) => (t ? regret[t - 1] : 0), colour: heat(bandit.setting) }].slice(-KEPT);
    }
    bandit.begin();
    this.view.arms.show(this.model.get("values"), this.names);
    this.name();
    this.attend();
  }

  // What the first button does.
  name() {
    const { finished, done } = this.bandit;
    this.pause.textContent = this.model.get("running") ? "pause" : finished ? "again" : done ? "go on" : "start";
  }

  attend() {
    this.told.soon();
    this.wake();
  }

  frame(seconds) {
    const { bandit, model } = this;
    if (model.get("running")) {
      bandit.run(seconds * model.get("speed"));
      if (bandit.finished) {
        this.told.soon();
        this.saved.soon();
        this.stage.set({ running: false });
      }
    }
    const learning = bandit.study(BUDGET);
    const moving = this.draw(seconds);
    return model.get("running") || moving || learning || this.told.lately;
  }

  draw(seconds) {
    const { bandit } = this;
    const known = bandit.known;
    const moving = this.view.paint(bandit, known, 1 / this.model.get("speed"), seconds);
    if (!this.width || !this.told.due()) return moving;
    const text = toldOf(bandit, this.names, this.view.latest);
    const colour = heat(bandit.temperature);
    this.view.tell(bandit, { colour, earlier: this.earlier, text, name: this.names[bandit.best], top: this.top });
    if (bandit.finished) this.stage.say(text);
    if (!this.saved.due()) return moving;
    this.stage.set({ pulls: Array.from(bandit.pulls.view, Number), regret: bandit.missed });
    return moving;
  }

  layout(width = this.width) {
    this.width = width;
    if (!width) return;
    this.view.layout(width, { length: this.bandit.length, top: this.top });
    this.told.soon();
    this.draw(0);
  }
}

async function render({ model, el }) {
  const stage = new Stage(el, model, "A bandit whose arms are levels, explored at an adjustable temperature");
  new Explorer(stage, await Kernels.load(model.get("_kernels"))).begin();
  return () => stage.close();
}

export default { render };
