// LogOddsExplorer: gradient descent takes the gap of the logits to T ln(q / (1 - q)), sooner or later or never.

import { scaleLinear, scaleSymlog } from "d3-scale";
import * as format from "../kit/format.js";
import { Frame } from "../parts/frame.js";
import { heat } from "../kit/heat.js";
import { Thermometer } from "../parts/thermometer.js";
import { Kernels } from "../kit/kernels.js";
import { add, reducedMotion } from "../kit/dom.js";
import { Stage } from "../kit/stage.js";
import { button, slider } from "../parts/controls.js";

const MOST = 100000; // steps
const PLACES = 100; // of the slider, evenly spaced in ln(1 + steps)
const ARRIVED = 0.01;

const placeOf = scaleSymlog([0, MOST], [0, PLACES]);
const stepsAt = (place) => Math.round(placeOf.invert(place));

async function render({ model, el }) {
  const stage = new Stage(el, model, "Training two logits, with an adjustable temperature and number of steps");
  const [COLD, HOT] = stage.limits("temperature");
  const kernels = await Kernels.load(model.get("_kernels"));
  const frequencies = kernels.floats(model.get("frequencies"));
  const groups = frequencies.length;
  const [gaps, aims, odds] = [0, 0, 0].map(() => kernels.array("float64", groups));
  kernels.log_odds(frequencies, 1, odds);
  const finite = [...odds.view].filter(Number.isFinite);
  const most = odds.view.indexOf(Math.max(...finite));
  const edge = Math.max(...finite.map(Math.abs)) + 0.5;

  const scene = add(stage.root, "div", { className: "ssm-stack" });
  const thermometer = new Thermometer(add(scene, "div"), {
    change: (t) => stage.set({ temperature: Math.min(HOT, Math.max(COLD, t)) }),
    label: "Temperature of the training",
    infinite: false,
  });
  const plot = new Frame(add(scene, "div"), {
    title: "gap of the logits",
    xName: "log-odds of the labels, ln(q/(1−q))",
    label: "Gap of the logits against the log-odds of the labels",
  });
  const line = plot.marks.append("line").attr("class", "ssm-theory");
  const words = add(stage.root, "p", { className: "ssm-verdict" });
  words.dataset.out = "verdict";
  const controls = add(stage.root, "div", { className: "ssm-controls" });
  const train = button(controls, "train", () => {
    if (!model.get("running") && model.get("steps") >= MOST) stage.set({ steps: 0 });
    stage.set({ running: !model.get("running") });
  });
  const scrubber = slider(controls, "steps", PLACES, (place) => stage.set({ running: false, steps: stepsAt(place) }));
  const reading = add(controls, "span", { className: "ssm-muted" });

  let width = 0;
  let known = { steps: 0, temperature: NaN }; // what the gaps have been trained to
  let wake = () => {};

  function compute() {
    const [steps, temperature] = [model.get("steps"), model.get("temperature")];
    if (temperature !== known.temperature || steps < known.steps) {
      gaps.view.fill(0);
      known = { steps: 0, temperature };
      kernels.log_odds(frequencies, temperature, aims);
    }
    kernels.descend_gaps(gaps, frequencies, temperature, model.get("rate"), steps - known.steps);
    known.steps = steps;
  }

  function draw() {
    compute();
    const temperature = model.get("temperature");
    const colour = heat(temperature);
    thermometer.show(temperature);
    scrubber.value = placeOf(model.get("steps"));
    scrubber.setAttribute("aria-valuetext", `${format.count(model.get("steps"))} steps`);
    reading.textContent = format.count(model.get("steps"));
    tell(temperature);
    if (!width) return;
    const { left, right, top, bottom } = plot.box;
    const inside = (gap) => Math.min(bottom, Math.max(top, plot.y(gap)));
    const slope = aims.view[most] / odds.view[most];
    line.attr("x1", plot.x(-edge)).attr("y1", inside(-slope * edge)).attr("x2", plot.x(edge)).attr("y2", inside(slope * edge));
    plot.marks
      .selectAll("g")
      .data([...gaps.view])
      .join((enter) => {
        const g = enter.append("g");
        g.append("line").attr("class", "ssm-way");
        g.append("circle").attr("class", "ssm-dot").attr("r", 6);
        return g;
      })
      .each(function (gap, i) {
        const x = Number.isFinite(odds.view[i]) ? plot.x(odds.view[i]) : odds.view[i] > 0 ? right : left;
        const end = Number.isFinite(aims.view[i]) ? plot.y(aims.view[i]) : aims.view[i] > 0 ? top : bottom;
        const [way, dot] = this.children;
        for (const [name, value] of [["x1", x], ["x2", x], ["y1", inside(gap)], ["y2", end]]) way.setAttribute(name, value);
        dot.setAttribute("cx", x);
        dot.setAttribute("cy", inside(gap));
        dot.setAttribute("fill", colour);
      });
  }

  function tell(temperature) {
    const short = [...gaps.view].map((gap, i) => 1 - gap / aims.view[i]).filter((_, i) => Number.isFinite(odds.view[i]));
    const late = short.filter((rest) => Math.abs(rest) > ARRIVED).length;
    const endless = groups - short.length;
    const widest = Math.max(...[...gaps.view].map(Math.abs).filter((_, i) => !Number.isFinite(odds.view[i])), 0);
    const mixed = late
      ? `${short.length - late} of ${short.length} groups have reached their log-odds; the slowest is ${format.fixed(100 * Math.max(...short), 0)} % short.`
      : `All ${short.length} groups with mixed labels have reached T times their log-odds.`;
    const rest = endless ? ` Where all labels agree the gap is ${format.fixed(widest, 1)} and still growing.` : "";
    words.textContent = model.get("steps") ? mixed + rest : "Untrained: every gap is 0, every prediction one half.";
    plot.describe(`${format.count(model.get("steps"))} steps at T = ${format.temperature(temperature)}. ${words.textContent}`);
    if (!model.get("running")) stage.say(late ? "Still on the way." : "The mixed groups have arrived.");
  }

  function layout(now = width) {
    width = now;
    if (!width) return;
    const narrow = width < 560;
    stage.root.classList.toggle("ssm-narrow", narrow);
    const right = Math.min(width, 620);
    thermometer.layout(right, 76, [40, 12]);
    const tall = HOT * (edge - 0.5);
    plot.layout(right, narrow ? 300 : 360, {
      x: scaleLinear([-edge - 0.5, edge + 0.5], [0, 1]),
      y: scaleLinear([-tall, tall], [1, 0]),
      xTicks: [[-3, -2, -1, 0, 1, 2, 3].filter((t) => Math.abs(t) < edge), (t) => format.short(t)],
      yTicks: [[-15, -10, -5, 0, 5, 10, 15].filter((t) => Math.abs(t) < tall), (t) => format.short(t)],
    });
    draw();
  }

  let due = 0;
  function frame(seconds) {
    if (!model.get("running")) return false;
    due += (reducedMotion() ? 2 : 1) * seconds * 14; // places of the slider
    if (due >= 1) {
      const next = Math.min(MOST, Math.max(model.get("steps") + 1, stepsAt(placeOf(model.get("steps")) + due)));
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
  stage.resize(layout);
  wake = stage.animate(frame);
  return () => stage.close();
}

export default { render };
