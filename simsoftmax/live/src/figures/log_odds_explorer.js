// LogOddsExplorer: gradient descent takes the gap of the logits to T ln(q / (1 - q)), sooner or later or never.

import { scaleLinear } from "d3-scale";
import { add, reducedMotion } from "../kit/dom.js";
import * as format from "../kit/format.js";
import { heat } from "../kit/heat.js";
import { Kernels } from "../kit/kernels.js";
import { Stage } from "../kit/stage.js";
import { further, GapDescent, MOST, PLACES, placeOf, stepsAt } from "../models/gap_descent.js";
import { button, slider, verdict } from "../parts/controls.js";
import { Frame } from "../parts/frame.js";
import { Marks } from "../parts/marks.js";
import { Thermometer } from "../parts/thermometer.js";

const PACE = 14; // places of the slider a second

// What the reader sees: a thermometer over a fan of dots that approach a line, and words.
class View {
  constructor(root, { setTemperature, hottest }) {
    this.root = root;
    this.hottest = hottest;
    const scene = add(root, "div", { className: "ssm-stack" });
    this.thermometer = new Thermometer(add(scene, "div"), {
      change: setTemperature,
      label: "Temperature of the training",
      infinite: false,
    });
    this.frame = new Frame(add(scene, "div"), {
      title: "gap of the logits",
      xName: "log-odds of the labels, ln(q/(1−q))",
      label: "Gap of the logits against the log-odds of the labels",
    });
    this.line = this.frame.marks.append("line").attr("class", "ssm-theory");
    this.groups = new Marks(this.frame.marks, {
      way: ["line", { class: "ssm-way" }],
      dot: ["circle", { class: "ssm-dot", r: 6 }],
    });
    this.words = verdict(root);
  }

  layout(width, edge) {
    const narrow = width < 560;
    this.root.classList.toggle("ssm-narrow", narrow);
    const right = Math.min(width, 620);
    this.thermometer.layout(right, 76, [40, 12]);
    const tall = this.hottest * (edge - 0.5);
    this.frame.layout(right, narrow ? 300 : 360, {
      x: scaleLinear([-edge - 0.5, edge + 0.5], [0, 1]),
      y: scaleLinear([-tall, tall], [1, 0]),
      xTicks: [[-3, -2, -1, 0, 1, 2, 3].filter((t) => Math.abs(t) < edge), (t) => format.short(t)],
      yTicks: [[-15, -10, -5, 0, 5, 10, 15].filter((t) => Math.abs(t) < tall), (t) => format.short(t)],
    });
  }

  show(descent) {
    const { temperature, told, slope, edge } = descent;
    this.thermometer.show(temperature);
    this.words.textContent = told;
    this.frame.describe(`${format.count(descent.steps)} steps at T = ${format.temperature(temperature)}. ${told}`);
    if (!this.frame.box) return;
    const { x, y, box } = this.frame;
    const inside = (gap) => Math.min(box.bottom, Math.max(box.top, y(gap)));
    this.line.attr("x1", x(-edge)).attr("y1", inside(-slope * edge)).attr("x2", x(edge)).attr("y2", inside(slope * edge));
    const colour = heat(temperature);
    this.groups.show(descent.groups, ({ gap, odds, aim }) => {
      const across = Number.isFinite(odds) ? x(odds) : odds > 0 ? box.right : box.left;
      const end = Number.isFinite(aim) ? y(aim) : aim > 0 ? box.top : box.bottom;
      return {
        way: { x1: across, x2: across, y1: inside(gap), y2: end },
        dot: { cx: across, cy: inside(gap), fill: colour },
      };
    });
  }
}

async function render({ model, el }) {
  const stage = new Stage(el, model, "Training two logits, with an adjustable temperature and number of steps");
  const [coldest, hottest] = stage.limits("temperature");
  const descent = new GapDescent(await Kernels.load(model.get("_kernels")), model.get("frequencies"));
  const view = new View(stage.root, {
    setTemperature: (t) => stage.set({ temperature: Math.min(hottest, Math.max(coldest, t)) }),
    hottest,
  });
  const controls = add(stage.root, "div", { className: "ssm-controls" });
  const train = button(controls, "train", () => {
    if (!model.get("running") && model.get("steps") >= MOST) stage.set({ steps: 0 });
    stage.set({ running: !model.get("running") });
  });
  const scrubber = slider(controls, "steps", PLACES, (place) => stage.set({ running: false, steps: stepsAt(place) }));
  const reading = add(controls, "span", { className: "ssm-muted" });
  let wake = () => {};
  let due = 0; // places of the slider

  function draw() {
    const steps = model.get("steps");
    descent.train(steps, model.get("temperature"), model.get("rate"));
    scrubber.show(placeOf(steps), `${format.count(steps)} steps`);
    reading.textContent = format.count(steps);
    view.show(descent);
    if (!model.get("running")) stage.say(descent.late ? "Still on the way." : "The mixed groups have arrived.");
  }

  function frame(seconds) {
    if (!model.get("running")) return false;
    due += (reducedMotion() ? 2 : 1) * seconds * PACE;
    if (due >= 1) {
      const next = further(model.get("steps"), due);
      due = 0;
      stage.set({ steps: next, running: next < MOST });
    }
    return model.get("running");
  }

  stage.follow(["temperature", "steps"], draw);
  stage.follow(["running"], () => {
    train.textContent = model.get("running") ? "pause" : "train";
    wake();
  });
  stage.resize((width) => {
    view.layout(width, descent.edge);
    draw();
  });
  wake = stage.animate(frame);
  return () => stage.close();
}

export default { render };
