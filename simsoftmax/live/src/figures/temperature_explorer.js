// TemperatureExplorer: softmax and its thermodynamics from one limit of temperature to the other.

import { add } from "../kit/dom.js";
import * as format from "../kit/format.js";
import { heat, temperatureScale, ticksFor, tickText } from "../kit/heat.js";
import { Kernels } from "../kit/kernels.js";
import { LevelTraits } from "../kit/level_traits.js";
import { tall } from "../kit/room.js";
import { Stage } from "../kit/stage.js";
import { TemperatureSweep } from "../models/temperature_sweep.js";
import { Bars } from "../parts/bars.js";
import { levelFields, verdict } from "../parts/controls.js";
import { Curve } from "../parts/curve.js";
import { Formula } from "../parts/formula.js";
import { Ladder } from "../parts/ladder.js";
import { more } from "../parts/more.js";
import { Thermometer } from "../parts/thermometer.js";

const QUANTITIES = [
  { key: "entropy", name: "entropy S", label: "Entropy against temperature" },
  { key: "energy", name: "mean energy ⟨E⟩", label: "Mean energy against temperature" },
  { key: "heatCapacity", name: "heat capacity C", label: "Heat capacity against temperature" },
];
const KEYS = QUANTITIES.map(({ key }) => key);
const BETWEEN = 14; // panels

// What the reader sees: a thermometer, a ladder with the probabilities beside it, the formula, and curves over temperature.
class View {
  constructor(root, { setTemperature, moveLevel }) {
    this.root = root;
    this.thermometer = new Thermometer(root, { change: setTemperature });
    const pair = add(root, "div", { className: "ssm-pair" });
    this.ladder = new Ladder(add(pair, "div"), { change: moveLevel });
    this.bars = new Bars(add(pair, "div"), {
      heading: "probability",
      columns: ["softmax"],
      label: "Probability of each level",
    });
    this.formula = new Formula(root);
    this.words = verdict(root);
    const plots = add(root, "div", { className: "ssm-trio" });
    const shared = { x: temperatureScale, xTicks: ticksFor, xFormat: tickText, move: setTemperature };
    this.curves = QUANTITIES.map(({ key, name, label }) => new Curve(plots, { title: name, label, out: key, ...shared }));
  }

  layout(width, logits, { order, names }) {
    const narrow = width < 560;
    this.root.classList.toggle("ssm-narrow", narrow);
    this.thermometer.layout(width, tall(this.root, 76, 58));
    this.formula.name(names, order.at(-1));
    this.ladder.show(logits, names);
    const panel = narrow ? width : (width - 2 * BETWEEN) / 3;
    this.curves.forEach((curve) => curve.layout(panel, tall(this.root, narrow ? 150 : Math.min(190, 0.72 * panel), 120)));
    const height = tall(this.root, Math.max(190, 40 + 14 * order.length), Math.max(130, 40 + 14 * order.length));
    const rungs = Math.round(Math.max(60, width * 0.18));
    this.ladder.layout(rungs, height);
    this.bars.layout(width - rungs, height, { order, names, anchors: this.ladder.heights });
  }

  trace(traces) {
    traces.forEach(({ points, limits, range }, i) => this.curves[i].show(points, limits, range));
  }

  // Where we are.
  point(sweep, logits, names) {
    const { temperature, theory, probabilities } = sweep;
    const colour = heat(temperature);
    this.thermometer.show(temperature);
    this.bars.show(probabilities.view, probabilities.view, colour);
    this.bars.describe(null, probabilities.view);
    this.formula.show(logits, temperature, probabilities.view);
    this.words.textContent = sweep.words(names);
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
  const fields = levelFields(more(stage.root), levels, stage.limits("levels"));
  fields.complain();

  let width = 0;
  const point = () => view.point(sweep, levels.logits, levels.names);
  function layout(now = width) {
    width = now;
    if (!width) return;
    view.layout(width, levels.logits, levels.rows);
    point();
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
    point();
  });
  stage.resize(layout);
  return () => stage.close();
}

export default { render };
