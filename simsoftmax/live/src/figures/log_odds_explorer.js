// LogOddsExplorer: gradient descent takes the gap of the logits to T ln(q / (1 - q)), sooner or later or never.

import { scaleLinear, scaleLog } from "d3-scale";
import { line } from "d3-shape";
import { add, reducedMotion } from "../kit/dom.js";
import * as format from "../kit/format.js";
import { heat } from "../kit/heat.js";
import { Kernels } from "../kit/kernels.js";
import { tall } from "../kit/room.js";
import { Stage } from "../kit/stage.js";
import { further, GapDescent, MOST, PLACES, placeOf, stepsAt } from "../models/gap_descent.js";
import { button, gauge, verdict } from "../parts/controls.js";
import { Frame } from "../parts/frame.js";
import { Marks } from "../parts/marks.js";
import { more } from "../parts/more.js";
import { Thermometer } from "../parts/thermometer.js";

const PACE = 14; // places of the slider a second
const DECADES = [1, 10, 100, 1000, 10000, 100000];

// How the gaps have grown: a line for each group over the steps, and those of earlier trainings.
class Courses {
  constructor(parent) {
    this.frame = new Frame(parent, { title: "gap", xName: "steps", label: "Gap of the logits against steps of training" });
    const plot = this.frame.clipped();
    this.ghosts = plot.append("g");
    this.now = plot.append("g");
    this.names = this.frame.marks.append("g").attr("text-anchor", "end");
  }

  layout(width, height, highest) {
    this.size = [width, height];
    this.highest = highest;
  }

  show({ temperature, course, ghosts, edge }, divided) {
    if (!this.size) return;
    const high = divided ? edge + 0.5 : this.highest;
    const y = scaleLinear([-high, high], [1, 0]);
    const x = scaleLog([1, MOST], [0, 1]);
    this.frame.heading.text(divided ? "gap / T" : "gap");
    this.frame.xName.text(divided ? "steps / T²" : "steps");
    this.frame.layout(...this.size, {
      x, y, xTicks: [this.size[0] > 380 ? DECADES : DECADES.filter((_, i) => i % 2 === 1), (t) => format.count(t)], yTicks: [y.ticks(6), format.short],
    });
    const draw = line((p) => x(Math.max(1e-6, p[0])), (p) => y(p[1]));
    const lines = (one) =>
      GapDescent.curves(one, divided).map((points) => ({ d: draw(/** @type {any} */ (points)), colour: heat(one.temperature) }));
    const join = (group, kind, data) =>
      group.selectAll("path").data(data).join("path").attr("class", kind).attr("fill", "none").attr("d", ({ d }) => d).attr("stroke", ({ colour }) => colour);
    const others = ghosts.filter((ghost) => ghost.temperature !== temperature);
    join(this.ghosts, "ssm-ghost", others.flatMap(lines));
    join(this.now, "ssm-course", lines({ temperature, course }));
    this.names
      .selectAll("text")
      .data(course.length > 1 || others.length ? [...others.map((ghost) => ghost.temperature), temperature] : [])
      .join("text")
      .attr("class", "ssm-muted")
      .attr("x", (_, i, all) => this.frame.box.right - 70 * (all.length - 1 - i))
      .attr("y", 13)
      .style("fill", (t) => `color-mix(in srgb, ${heat(t)} 75%, var(--ssm-ink))`)
      .text((t) => `T = ${format.temperature(t)}`);
  }

  describe(text) {
    this.frame.describe(text);
  }
}

// What the reader sees: a thermometer, a fan of dots that approach a line beside their courses, words.
class View {
  constructor(root, { setTemperature, coldest, hottest }) {
    this.root = root;
    this.hottest = hottest;
    const head = add(root, "div", { className: "ssm-head" });
    this.thermometer = new Thermometer(add(head, "div"), {
      change: setTemperature,
      label: "Temperature of the training",
      infinite: false,
      coldest,
      hottest,
    });
    this.controls = add(head, "div", { className: "ssm-controls" });
    const scene = add(root, "div", { className: "ssm-scene ssm-halves" });
    const cell = () => add(scene, "div", { className: "ssm-cell" });
    this.frame = new Frame(cell(), {
      title: "gap of the logits",
      xName: "log-odds of the labels, ln(q/(1−q))",
      label: "Gap of the logits against the log-odds of the labels",
    });
    this.line = this.frame.marks.append("line").attr("class", "ssm-theory");
    this.groups = new Marks(this.frame.marks, {
      way: ["line", { class: "ssm-way" }],
      trail: ["line", { class: "ssm-trail" }],
      dot: ["circle", { class: "ssm-dot", r: 6 }],
    });
    this.courses = new Courses(cell());
    this.words = verdict(root);
  }

  layout(width, edge) {
    const narrow = width < 560;
    this.root.classList.toggle("ssm-narrow", narrow);
    this.thermometer.layout(narrow ? width : Math.min(width - 260, 560), tall(this.root, 76, 58));
    const half = narrow ? width : (width - 20) / 2;
    const highest = this.hottest * (edge - 0.5);
    const height = tall(this.root, narrow ? 240 : 320, narrow ? 160 : 200);
    this.frame.layout(half, height, {
      x: scaleLinear([-edge - 0.5, edge + 0.5], [0, 1]),
      y: scaleLinear([-highest, highest], [1, 0]),
      xTicks: [[-3, -2, -1, 0, 1, 2, 3].filter((t) => Math.abs(t) < edge), (t) => format.short(t)],
      yTicks: [[-15, -10, -5, 0, 5, 10, 15].filter((t) => Math.abs(t) < highest), (t) => format.short(t)],
    });
    this.courses.layout(half, height, highest);
  }

  show(descent, divided) {
    const { temperature, told, slope, edge } = descent;
    this.thermometer.show(temperature);
    this.words.textContent = told;
    const text = `${format.count(descent.steps)} steps at T = ${format.temperature(temperature)}. ${told}`;
    this.frame.describe(text);
    this.courses.describe(text);
    this.courses.show(descent, divided);
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
        trail: { x1: across, x2: across, y1: y(0), y2: inside(gap), style: `stroke: ${colour}` },
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
    coldest,
    hottest,
  });
  let divided = false; // whether the courses are seen in units of the heat
  let ran = false; // whether the reader has seen this training run
  const train = button(view.controls, "train", () => {
    if (!model.get("running") && model.get("steps") >= MOST) stage.set({ steps: 0 });
    stage.set({ running: !model.get("running") });
  });
  train.classList.add("ssm-renamed");
  const divide = button(view.controls, stage.words("divide"), () => {
    divided = !divided;
    draw();
  });
  const scrubber = gauge(more(stage.root), "steps", PLACES, (place) => stage.set({ running: false, steps: stepsAt(place) }), "steps");
  let wake = () => {};
  let due = 0; // places of the slider

  function draw() {
    const [steps, temperature] = [model.get("steps"), model.get("temperature")];
    if (ran && (temperature !== descent.temperature || steps < descent.steps)) {
      descent.remember();
      ran = false;
    }
    descent.train(steps, temperature, model.get("rate"));
    scrubber.show(placeOf(steps), format.count(steps), `${format.count(steps)} steps`);
    divide.setAttribute("aria-pressed", String(divided));
    view.show(descent, divided);
    if (!model.get("running")) stage.say(descent.late ? "Still on the way." : "The mixed groups have arrived.");
  }

  function frame(seconds) {
    if (!model.get("running")) return false;
    due += (reducedMotion() ? 2 : 1) * seconds * PACE;
    if (due >= 1) {
      const next = further(model.get("steps"), due);
      due = 0;
      ran = true;
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
