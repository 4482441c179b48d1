// TemperatureExplorer: softmax and its thermodynamics from one limit of temperature to the other.

import { Bars } from "../parts/bars.js";
import { Curve } from "../parts/curve.js";
import * as format from "../kit/format.js";
import { CURVE, heat, temperatureScale, ticksFor, tickText } from "../kit/heat.js";
import { Thermometer } from "../parts/thermometer.js";
import { Kernels } from "../kit/kernels.js";
import { Ladder } from "../parts/ladder.js";
import { levelNames, Levels } from "../models/levels.js";
import { add } from "../kit/dom.js";
import { Stage } from "../kit/stage.js";
import { decode, encode } from "../kit/wire.js";
import { logitsField, temperatureField } from "../parts/controls.js";

const QUANTITIES = [
  { key: "entropy", name: "entropy S", label: "Entropy against temperature" },
  { key: "energy", name: "mean energy ⟨E⟩", label: "Mean energy against temperature" },
  { key: "heatCapacity", name: "heat capacity C", label: "Heat capacity against temperature" },
];
const MARGINS = [40, 10];

async function render({ model, el }) {
  const stage = new Stage(el, model, "Softmax and its thermodynamics, with an adjustable temperature");
  const levels = new Levels(await Kernels.load(model.get("_kernels")));
  const logitsNow = () => model.get("logits").map(decode);
  const names = () => levelNames(model.get("names"), logitsNow());
  const setTemperature = (temperature) => stage.set({ temperature: encode(temperature) });

  const scene = add(stage.root, "div", { className: "ssm-scene ssm-side" });
  const thermometer = new Thermometer(add(scene, "div", { className: "ssm-cell ssm-above" }), { change: setTemperature });
  const pair = add(scene, "div", { className: "ssm-cell ssm-pair" });
  const ladder = new Ladder(add(pair, "div"), {
    change: (level, logit) => stage.set({ logits: logitsNow().map((z, k) => encode(k === level ? logit : z)) }),
  });
  const bars = new Bars(add(pair, "div"), {
    heading: "probability",
    columns: ["softmax"],
    label: "Probability of each level",
  });
  const plots = add(scene, "div", { className: "ssm-cell" });
  const curves = QUANTITIES.map(({ key, name, label }) => {
    const curve = new Curve(plots, {
      title: name, label, x: temperatureScale, xTicks: ticksFor, xFormat: tickText, move: setTemperature,
    });
    curve.value.attr("data-out", key);
    return curve;
  });
  const settings = stage.settings();
  const typed = logitsField(settings, (logits) => stage.set({ logits: logits.map(encode) }), stage.limits("levels"));
  const typedTemperature = temperatureField(settings, setTemperature);
  settings.append(typed.error, typedTemperature.error);

  let width = 0;

  function trace() {
    const cold = levels.thermodynamics(0);
    const coldest = count(levels.probabilities.view);
    const hot = levels.thermodynamics(Infinity);
    const allowed = count(levels.probabilities.view);
    const states = CURVE.map((temperature) => levels.thermodynamics(temperature));
    const limits = {
      entropy: [
        [cold.entropy, coldest > 1 ? `ln ${coldest} = ${format.fixed(cold.entropy)}` : "0", "start"],
        [hot.entropy, `ln ${allowed} = ${format.fixed(hot.entropy)}`, "end"],
      ],
      energy: [
        [cold.energy, `ground level ${format.short(cold.energy)}`, "start"],
        [hot.energy, `mean of the levels ${format.short(hot.energy)}`, "end"],
      ],
      heatCapacity: [],
    };
    QUANTITIES.forEach(({ key }, i) => {
      const values = states.map((state) => state[key]);
      let [low, high] = [Math.min(...values), Math.max(...values)];
      if (!(high - low > 1e-9)) [low, high] = [low - 0.5, high + 0.5];
      curves[i].show(CURVE.map((temperature, n) => [temperature, values[n]]), limits[key], [low, high]);
    });
    levels.theory = levels.thermodynamics(levels.temperature);
  }

  function point() {
    const { temperature, theory } = levels;
    const colour = heat(temperature);
    bars.show(levels.probabilities.view, levels.probabilities.view, colour);
    if (bars.order) bars.describe(null, levels.probabilities.view);
    QUANTITIES.forEach(({ key }, i) => curves[i].point(temperature, theory[key], colour, format.fixed(theory[key])));
  }

  function layout(now = width) {
    width = now;
    if (!width) return;
    const narrow = width < 480;
    const stacked = width < 760;
    stage.root.classList.toggle("ssm-narrow", narrow);
    stage.root.classList.toggle("ssm-stacked", stacked);
    const logits = logitsNow();
    const order = [...logits.keys()].sort((a, b) => logits[a] - logits[b] || b - a);
    const right = stacked ? width : Math.round(width * 0.5);
    const left = stacked ? width : width - right - 28;
    thermometer.layout(right, 76, narrow ? [14, 14] : MARGINS);
    curves.forEach((curve, i) => curve.layout(right, i < 2 ? 116 : 132, i === 2));
    ladder.show(logits, names());
    if (narrow) {
      ladder.layout(width, 170);
      bars.layout(width, 30 + Math.min(34, 400 / order.length) * order.length, { order, names: names(), anchors: null });
    } else {
      const height = Math.max(stacked ? 210 : 430, 40 + 14 * order.length);
      const rungs = Math.round(left * 0.24);
      ladder.layout(rungs, height);
      bars.layout(left - rungs, height, { order, names: names(), anchors: ladder.spots.map((spot) => spot.y) });
    }
    point();
  }

  stage.follow(["logits", "names"], () => {
    levels.equilibrate(logitsNow(), decode(model.get("temperature")));
    typed.show(logitsNow().map(format.short).join(", "));
    trace();
    layout();
  });
  stage.follow(["temperature"], () => {
    levels.equilibrate(logitsNow(), decode(model.get("temperature")));
    thermometer.show(levels.temperature);
    typedTemperature.show(format.temperature(levels.temperature));
    point();
  });
  stage.resize(layout);
  return () => stage.close();
}

const count = (probabilities) => probabilities.filter((p) => p > 0).length;

export default { render };
