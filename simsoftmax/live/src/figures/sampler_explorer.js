// SamplerExplorer: a sampler draws one token from each context; a check of the usual kind beside the verdict.

import { scaleLinear, scaleLog } from "d3-scale";
import { add } from "../kit/dom.js";
import * as format from "../kit/format.js";
import { heat } from "../kit/heat.js";
import { Kernels } from "../kit/kernels.js";
import { tall } from "../kit/room.js";
import { Seldom } from "../kit/seldom.js";
import { Stage } from "../kit/stage.js";
import { decode, encode } from "../kit/wire.js";
import { Museum } from "../models/museum.js";
import { button, choose, Readouts, select, verdict } from "../parts/controls.js";
import { Frame } from "../parts/frame.js";
import { Marks } from "../parts/marks.js";

const GROWTH = 1.8; // by which the number of contexts grows in a second, as a power of e
const FEW = 60; // contexts a second, at first
const MOST = 2.5; // draws over expected draws, as high as the picture goes
const REACH = 1.5; // how far the picture of the temperature goes, as a factor
const NEWS = 200; // milliseconds between two tellings

// Draws over expected draws by rank mass: bars, a tick at the truth, whiskers.
class RankBars {
  constructor(parent, edges) {
    this.edges = edges;
    this.frame = new Frame(parent, {
      title: "drawn / expected",
      xName: "rank mass: the share of what is less likely",
      label: "Draws over expected draws, by rank mass",
    });
    this.bins = new Marks(this.frame.marks, {
      bar: ["rect", { class: "ssm-bar" }],
      tick: ["line", { class: "ssm-theory" }],
      whisker: ["line", { class: "ssm-latest" }],
      more: ["text", { class: "ssm-muted", "text-anchor": "middle" }],
    });
  }

  layout(width, height) {
    const last = this.edges.length + 1;
    const name = (i) => (i === last ? "1" : `1/${Math.round(1 / this.edges[i - 1])}`);
    this.frame.layout(width, height, {
      x: scaleLinear([0, last], [0, 1]),
      y: scaleLinear([0, MOST], [1, 0]).clamp(true),
      xTicks: [(width < 420 ? [3, 9, last] : [1, 3, 6, 9, 11, last]), name],
      yTicks: [[0, 1, 2], String],
      left: 24,
    });
  }

  show(ratio, error, colour) {
    if (!this.frame.box) return;
    const { x, y } = this.frame;
    this.bins.show(Array.from(ratio), (value, i) => {
      const [left, right, middle] = [x(i + 0.15), x(i + 0.85), x(i + 0.5)];
      const over = value > MOST;
      return {
        bar: { x: left, width: right - left, y: y(value), height: y(0) - y(value), fill: colour },
        tick: { x1: x(i + 0.04), x2: x(i + 0.96), y1: y(1), y2: y(1) },
        whisker: {
          x1: middle, x2: middle, y1: y(value - 2 * error[i]), y2: y(value + 2 * error[i]), visibility: over ? "hidden" : "visible",
        },
        more: { x: middle, y: y(MOST) - 3, text: over ? format.significant(value, 2) : "" },
      };
    });
  }

  describe(ratio) {
    const lowest = format.percent(this.edges[0]);
    const least = format.fixed(ratio[0], 2);
    this.frame.describe(`in the least likely ${lowest} of the mass ${least} times as many as expected; all bins: ${Array.from(ratio, (r) => format.fixed(r, 2)).join(", ")}`);
  }
}

// The temperature at which the sampler runs, with its interval, beside the stated one.
class Reading {
  constructor(parent) {
    this.frame = new Frame(parent, {
      title: "runs at, with its interval; tick: as stated",
      label: "Temperature at which the sampler runs",
    });
    const { marks } = this.frame;
    this.tick = marks.append("line").attr("class", "ssm-theory");
    this.dot = new Marks(marks, {
      interval: ["rect", { class: "ssm-foot" }],
      dot: ["circle", { class: "ssm-dot", r: 5 }],
    });
  }

  layout(width, height, temperature) {
    const ticks = [1 / REACH, 0.8, 1, 1.25, REACH].map((factor) => factor * temperature);
    this.frame.layout(width, height, {
      x: scaleLog([temperature / REACH, REACH * temperature], [0, 1]).clamp(true),
      y: scaleLinear([0, 1], [1, 0]),
      xTicks: [ticks, (t) => format.short(Number(t.toPrecision(3)))],
      yTicks: [[], String],
      left: 24,
    });
    const { x, y } = this.frame;
    this.tick.attr("x1", x(temperature)).attr("x2", x(temperature)).attr("y1", y(0)).attr("y2", y(1));
  }

  show({ estimate, low, high }, colour) {
    if (!this.frame.box) return;
    const { x, y } = this.frame;
    const [least, most] = x.domain();
    const at = (t) => x(Math.min(most, Math.max(least, t)));
    this.dot.show(Number.isNaN(estimate) ? [] : [estimate], () => ({
      interval: { x: at(low), width: Math.max(1, at(high) - at(low)), y: y(1), height: y(0) - y(1), fill: colour },
      dot: { cx: at(estimate), cy: y(0.5), fill: colour },
    }));
  }

  describe(text) {
    this.frame.describe(text);
  }
}

const light = (green) => (green === undefined ? ["not yet", "none"] : green ? ["green", "good"] : ["red", "wrong"]);

// What the reader sees below the controls: bars, the reading, two judges and two numbers, words.
class View {
  constructor(root, edges) {
    this.root = root;
    const scene = add(root, "div", { className: "ssm-below" });
    this.bars = new RankBars(add(scene, "div"), edges);
    this.reading = new Reading(add(scene, "div"));
    const names = { check: "the check", judged: "the verdict", runs: "runs at", contexts: "contexts" };
    this.readouts = new Readouts(root, names, { paired: true });
    this.words = verdict(root);
  }

  layout(width, temperature) {
    const narrow = width < 560;
    this.root.classList.toggle("ssm-narrow", narrow);
    this.bars.layout(width, tall(this.root, narrow ? 250 : 290, narrow ? 160 : 180));
    this.reading.layout(width, 94, temperature);
  }

  paint(museum) {
    const { verdict: now } = museum;
    const colour = heat(Number.isNaN(now.estimate) ? museum.temperature : now.estimate);
    this.bars.show(museum.ratio.view, museum.error.view, colour);
    this.reading.show(now, colour);
  }

  judge(key, green, remark) {
    const [text, state] = light(green);
    this.readouts.set(key, text, remark);
    this.readouts.outputs.get(key).value.dataset.light = state;
  }

  tell(museum, text) {
    const { checking, looked, proof, verdict: now } = museum;
    const number = checking && [
      () => `cosine ${format.fixed(checking.value, 4)}`,
      () => `KL ${format.fixed(checking.value, 4)}`,
      () => `${format.count(checking.value)} forbidden`,
      () => (checking.value ? "likeliest first" : "another first"),
    ][checking.number]();
    this.judge("check", checking?.green, checking ? `${number}, ${format.roughly(checking.draws)} draws` : "");
    const p = looked && (looked.p_value === 0 ? "p = 0" : looked.p_value < 1e-4 ? `p = ${tiny(looked.p_value)}` : `p = ${format.significant(looked.p_value, 2)}`);
    this.judge("judged", looked && !proof, looked ? `${p} at ${format.count(looked.contexts)}` : "");
    const unknown = Number.isNaN(now.estimate);
    const interval = `${format.temperature(now.low)} to ${format.temperature(now.high)}`;
    this.readouts.set("runs", unknown ? "–" : `T = ${format.temperature(now.estimate)}`, unknown ? "" : interval);
    this.readouts.set("contexts", format.count(museum.contexts), museum.finished ? "the last look" : `next look at ${format.count(museum.next)}`);
    this.words.textContent = text;
    this.bars.describe(museum.ratio.view);
    this.reading.describe(unknown ? "not known yet" : `T = ${format.temperature(now.estimate)}, ${interval}; stated ${format.temperature(museum.temperature)}`);
  }
}

// A tiny number as a power of ten.
function tiny(value) {
  const power = String(Math.floor(Math.log10(value)));
  return `10${power.replace("-", "⁻").replace(/\d/g, (digit) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[Number(digit)])}`;
}

class Explorer {
  told = new Seldom(NEWS);
  width = 0;
  wake = () => {};

  constructor(stage, museum, { samplers, rules, edges }) {
    this.stage = stage;
    this.model = stage.model;
    this.museum = museum;
    const lists = add(stage.root, "div", { className: "ssm-controls" });
    const same = (names) => Object.keys(names).map((name) => [name, name]);
    this.lists = {
      sampler: select(lists, "sampler", same(samplers), (name) => stage.set({ sampler: name, rule: samplers[name].rule })),
      rule: select(lists, "check", same(rules), (name) => stage.set({ rule: name })),
    };
    const actions = add(stage.root, "div", { className: "ssm-controls" });
    this.running = button(actions, "pause", () => stage.set({ running: !this.model.get("running") }));
    this.running.classList.add("ssm-renamed");
    this.look = button(actions, stage.words("look"), () => {
      stage.set({ running: false });
      this.draw(museum.next);
      this.refresh();
    });
    button(actions, stage.words("again"), () => this.restart());
    button(actions, stage.words("anew"), () => {
      museum.renew();
      this.restart();
    });
    this.view = new View(stage.root, edges);
  }

  // Follow the traits, the width and the clock.
  begin() {
    const { stage, model } = this;
    let begun = false;
    stage.follow(["sampler", "rule", "temperature"], () => {
      for (const [trait, list] of Object.entries(this.lists)) choose(list, model.get(trait));
      this.start();
      if (begun && !model.get("running")) stage.set({ running: true });
    });
    begun = true;
    stage.follow(["running"], () => this.attend());
    stage.resize((width) => this.layout(width));
    this.wake = stage.animate((seconds) => this.frame(seconds));
  }

  start() {
    const [sampler, rule] = ["sampler", "rule"].map((name) => this.model.get(name));
    this.museum.begin({ sampler, rule, temperature: decode(this.model.get("temperature")) });
    this.layout();
    this.refresh();
  }

  restart() {
    this.start();
    this.stage.set({ running: true });
  }

  layout(width = this.width) {
    this.width = width;
    if (!width) return;
    this.view.layout(width, this.museum.temperature);
    this.refresh();
  }

  attend() {
    const { museum } = this;
    this.running.textContent = this.model.get("running") ? "pause" : "run on";
    this.running.disabled = museum.finished;
    this.look.disabled = museum.finished;
    this.told.soon();
    this.wake();
  }

  refresh() {
    this.view.paint(this.museum);
    this.told.soon();
    this.tell();
    this.attend();
  }

  // Draw more; what the verdict says when it is asked is told to Python.
  draw(contexts) {
    const { museum, stage } = this;
    if (!museum.advance(contexts)) return;
    this.told.soon();
    stage.set({ contexts: museum.contexts, p_value: encode(museum.looked.p_value) });
    if (museum.finished) stage.set({ running: false });
  }

  frame(seconds) {
    const on = this.model.get("running") && !this.museum.finished;
    if (on) this.draw((FEW + GROWTH * this.museum.contexts) * seconds);
    this.view.paint(this.museum);
    this.tell();
    return on;
  }

  // Numbers and words, a few times a second.
  tell() {
    if (!this.width || !this.told.due()) return;
    const [text, news] = this.museum.told;
    this.view.tell(this.museum, text);
    if (news) this.stage.say(news);
  }
}

async function render({ model, el }) {
  const stage = new Stage(el, model, "A sampler that draws one token from each context, a check and a verdict");
  const museum = model.get("_museum");
  new Explorer(stage, new Museum(await Kernels.load(model.get("_kernels")), model.get("_stream"), museum), museum).begin();
  return () => stage.close();
}

export default { render };
