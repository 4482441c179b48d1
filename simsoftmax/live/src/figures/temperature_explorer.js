// TemperatureExplorer: softmax and its thermodynamics from one limit of temperature to the other.

import { add } from "../kit/dom.js";
import * as format from "../kit/format.js";
import { heat, temperatureScale, ticksFor, tickText } from "../kit/heat.js";
import { Kernels } from "../kit/kernels.js";
import { LevelTraits } from "../kit/level_traits.js";
import { Stage } from "../kit/stage.js";
import { TemperatureSweep } from "../models/temperature_sweep.js";
import { Bars } from "../parts/bars.js";
import { levelFields } from "../parts/controls.js";
import { Curve } from "../parts/curve.js";
import { Ladder } from "../parts/ladder.js";
import { Thermometer } from "../parts/thermometer.js";

const QUANTITIES = [
  { key: "entropy", name: "entropy S", label: "Entropy against temperature" },
  { key: "energy", name: "mean energy ⟨E⟩", label: "Mean energy against temperature" },
  { key: "heatCapacity", name: "heat capacity C", label: "Heat capacity against temperature" },
];
const KEYS = QUANTITIES.map(({ key }) => key);
const MARGINS = [40, 10];

// What the reader sees: a ladder with the probabilities beside it, and curves over the thermometer.
class View {
  constructor(root, { setTemperature, moveLevel }) {
    const scene = add(root, "div", { className: "ssm-scene ssm-side" });
    const above = add(scene, "div", { className: "ssm-cell ssm-above" });
    const pair = add(scene, "div", { className: "ssm-cell ssm-pair" });
    const plots = add(scene, "div", { className: "ssm-cell" });
    this.root = root;
    this.thermometer = new Thermometer(above, { change: setTemperature });
    this.ladder = new Ladder(add(pair, "div"), { change: moveLevel });
    this.bars = new Bars(add(pair, "div"), {
      heading: "probability",
      columns: ["softmax"],
      label: "Probability of each level",
    });
    const shared = { x: temperatureScale, xTicks: ticksFor, xFormat: tickText, move: setTemperature };
    this.curves = QUANTITIES.map(({ key, name, label }) => new Curve(plots, { title: name, label, out: key, ...shared }));
  }

  layout(width, logits, { order, names }) {
    const narrow = width < 480;
    const stacked = width < 760;
    this.root.classList.toggle("ssm-narrow", narrow);
    this.root.classList.toggle("ssm-stacked", stacked);
    const right = stacked ? width : Math.round(width * 0.5);
    const left = stacked ? width : width - right - 28;
    this.thermometer.layout(right, 76, narrow ? [14, 14] : MARGINS);
    this.curves.forEach((curve, i) => curve.layout(right, i < 2 ? 116 : 132, i === 2));
    this.ladder.show(logits, names);
    if (narrow) {
      this.ladder.layout(width, 170);
      this.bars.layout(width, 30 + Math.min(34, 400 / order.length) * order.length, { order, names, anchors: null });
      return;
    }
    const height = Math.max(stacked ? 210 : 430, 40 + 14 * order.length);
    const rungs = Math.round(left * 0.24);
    this.ladder.layout(rungs, height);
    this.bars.layout(left - rungs, height, { order, names, anchors: this.ladder.heights });
  }

  trace(traces) {
    traces.forEach(({ points, limits, range }, i) => this.curves[i].show(points, limits, range));
  }

  // Where we are.
  point({ temperature, theory, probabilities }) {
    const colour = heat(temperature);
    this.thermometer.show(temperature);
    this.bars.show(probabilities.view, probabilities.view, colour);
    this.bars.describe(null, probabilities.view);
    this.curves.forEach((curve, i) => curve.point(temperature, theory[KEYS[i]], colour, format.fixed(theory[KEYS[i]])));
  }
}

async function render({ model, el }) {
  const stage = new Stage(el, model, "Softmax and its thermodynamics, with an adjustable temperature");
  const sweep = new TemperatureSweep(await Kernels.load(model.get("_kernels")));
  const levels = new LevelTraits(stage);
  const view = new View(stage.root, {
    setTemperature: (temperature) => (levels.temperature = temperature),
    moveLevel: (level, logit) => levels.move(level, logit),
  });
  const settings = stage.settings();
  const fields = levelFields(settings, levels, stage.limits("levels"));
  fields.complain();

  let width = 0;
  function layout(now = width) {
    width = now;
    if (!width) return;
    view.layout(width, levels.logits, levels.rows);
    view.point(sweep);
  }
  stage.follow(["logits", "names"], () => {
    sweep.equilibrate(levels.logits, levels.temperature);
    fields.show();
    view.trace(sweep.trace(KEYS));
    layout();
  });
  stage.follow(["temperature"], () => {
    sweep.equilibrate(levels.logits, levels.temperature);
    fields.show();
    view.point(sweep);
  });
  stage.resize(layout);
  return () => stage.close();
}

export default { render };
