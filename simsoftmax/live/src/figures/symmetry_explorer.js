// SymmetryExplorer: weights, biases and temperature may grow together, and the probabilities do not notice.

import { scaleLinear, scaleLog } from "d3-scale";
import { line } from "d3-shape";
import { add } from "../kit/dom.js";
import * as format from "../kit/format.js";
import { heat } from "../kit/heat.js";
import { Kernels } from "../kit/kernels.js";
import { CATEGORIES } from "../kit/look.js";
import { tall } from "../kit/room.js";
import { spread } from "../kit/spread.js";
import { Stage } from "../kit/stage.js";
import { AffineClassifier, factor, Scaling, times } from "../models/affine.js";
import { ContourMap } from "../parts/contour_map.js";
import { button, gauge, Readouts, select, verdict } from "../parts/controls.js";
import { Frame } from "../parts/frame.js";
import { more } from "../parts/more.js";
import { Thermometer } from "../parts/thermometer.js";

const PLACES = 120; // of the slider for the scale
const GESTURE = 700; // milliseconds of rest that part one change from the next
const POWERS = [1 / 8, 1 / 2, 2, 8];
const DECADES = Array.from({ length: 13 }, (_, i) => Number(`1e${i - 6}`));
const fraction = (t) => ({ 0.125: "⅛", 0.5: "½" })[t] ?? String(t);
const ink = (k) => CATEGORIES[k % CATEGORIES.length];

// The probability of each class over the feature: now, as trained, and where it was before the last change; examples below.
class ClassCurves {
  constructor(parent, { names, feature }) {
    this.names = names;
    this.frame = new Frame(parent, { title: "probability", xName: feature, label: "Probability of each class" });
    const { marks } = this.frame;
    this.before = marks.append("g");
    this.drawn = marks.append("g");
    this.ghosts = marks.append("g");
    this.dots = marks.append("g");
    this.legend = marks.append("g");
  }

  layout(width, height, [low, high]) {
    const ticks = Array.from({ length: 8 }, (_, i) => Math.ceil(low) + i).filter((t) => t <= high);
    this.frame.layout(width, height, {
      x: scaleLinear([low, high], [0, 1]),
      y: scaleLinear([-0.12, 1.07], [1, 0]),
      xTicks: [ticks, String],
      yTicks: [[0, 0.5, 1], String],
    });
  }

  trace(group, classifier, values) {
    const path = line(([x]) => this.frame.x(x), ([, p]) => this.frame.y(p));
    return group.selectAll("path").data(this.names).join("path").attr("d", (_, k) => path(classifier.curve(values, k)));
  }

  // What does not move: curves of training, examples, names.
  ground(classifier) {
    const { x, y } = this.frame;
    this.trace(this.ghosts, classifier, classifier.trained.curves).attr("class", "ssm-line").attr("fill", "none");
    this.dots
      .selectAll("circle")
      .data([...classifier.positions.view])
      .join("circle")
      .attr("r", 2.2)
      .attr("cx", (position) => x(position))
      .attr("cy", (_, n) => y(-0.04 - 0.06 * ((0.618 * n) % 1)))
      .attr("fill", (_, n) => ink(classifier.labelOf(n)));
  }

  show(classifier) {
    if (!this.frame.box) return;
    this.trace(this.drawn, classifier, classifier.curves.view).attr("class", "ssm-class").attr("stroke", (_, k) => ink(k));
    this.trace(this.before, classifier, classifier.before).attr("class", "ssm-class ssm-before").attr("stroke", (_, k) => ink(k));
    this.ride(classifier.crests);
  }

  // Each name rides on its curve, clear of the others.
  ride(crests) {
    const { x, y, box } = this.frame;
    const order = [...crests.keys()].sort((i, j) => crests[i][0] - crests[j][0]);
    const widest = 7.2 * Math.max(...this.names.map((name) => [...name].length)) + 6;
    const room = Math.min(widest, (box.right - box.left) / crests.length);
    const places = spread(order.map((k) => x(crests[k][0])), room, [box.left - 10, box.right + 10]);
    this.legend
      .selectAll("text")
      .data(order)
      .join("text")
      .attr("class", "ssm-named")
      .attr("text-anchor", "middle")
      .attr("x", (_, i) => places[i])
      .attr("y", (k) => y(crests[k][1]) - 7)
      .style("fill", (k) => `color-mix(in srgb, ${ink(k)} 65%, var(--ssm-ink))`)
      .text((k) => this.names[k]);
  }

  describe(text) {
    this.frame.describe(text);
  }
}

// The cross-entropy along the diagonal of the map, where scale and temperature are one.
class Along {
  constructor(parent, ends) {
    this.ends = ends;
    this.frame = new Frame(parent, { title: "cross-entropy along the line a = T", xName: "a = T", label: "Cross-entropy along the line" });
    const { marks } = this.frame;
    this.path = marks.append("path").attr("class", "ssm-line").attr("fill", "none");
    this.dot = marks.append("circle").attr("class", "ssm-dot").attr("r", 5);
  }

  layout(width, height) {
    this.size = [width, height];
  }

  // points: [a, loss]; here: the loss where a and T are now, if they are one.
  show(points, { scale, temperature, loss }) {
    if (!this.size) return;
    const losses = points.map(([, value]) => value);
    const [low, high] = [Math.min(...losses), Math.max(...losses)];
    const x = scaleLog(this.ends, [0, 1]);
    const y = scaleLog([low / 2, 2 * high], [1, 0]);
    const ticks = DECADES.filter((ten) => ten >= low / 2 && ten <= 2 * high);
    this.frame.layout(...this.size, { x, y, xTicks: [POWERS, fraction], yTicks: [ticks.length > 2 ? [ticks[0], ticks.at(-1)] : ticks, format.short], left: 30 });
    this.path.attr("d", line((p) => x(p[0]), (p) => y(p[1]))(points));
    const on = Math.abs(scale / temperature - 1) < 0.02;
    this.dot.attr("display", on ? null : "none").attr("cx", x(scale)).attr("cy", y(loss)).attr("fill", heat(temperature));
    this.frame.describe(high - low < 1e-9 ? `${format.fixed(low)} everywhere` : `from ${format.fixed(low)} to ${format.fixed(high)}`);
  }
}

// What the reader sees: a thermometer, curves of probability beside a map of the cross-entropy, numbers, words. Between the
// thermometer and the rest is room for controls.
class View {
  constructor(root, { setTemperature, setBoth, names, feature, range, ends }) {
    this.root = root;
    this.range = range;
    const head = add(root, "div", { className: "ssm-head" });
    this.thermometer = new Thermometer(add(head, "div"), { change: setTemperature, infinite: false, coldest: ends[0], hottest: ends[1] });
    this.controls = add(head, "div", { className: "ssm-controls" });
    const scene = add(root, "div", { className: "ssm-scene ssm-halves" });
    this.curves = new ClassCurves(add(scene, "div", { className: "ssm-cell" }), { names, feature });
    const column = add(scene, "div", { className: "ssm-cell" });
    this.map = new ContourMap(column, {
      title: "temperature T",
      xName: "scale a",
      label: "Cross-entropy over scale and temperature",
      range: ends,
      ticks: [POWERS, fraction],
      move: setBoth,
    });
    this.along = new Along(column, ends);
    this.readouts = new Readouts(root, {
      loss: "cross-entropy",
      right: "named rightly",
      weights: "weights count, a/T",
      biases: "biases count",
    });
    this.words = verdict(root);
  }

  layout(width, classifier) {
    const narrow = width < 560;
    this.root.classList.toggle("ssm-narrow", narrow);
    this.thermometer.layout(narrow ? width : Math.min(width - 380, 520), tall(this.root, 76, 58));
    const [left, right] = narrow ? [width, Math.min(width, 320)] : [width - 320, 300];
    this.curves.layout(left, tall(this.root, narrow ? 240 : 300, narrow ? 148 : 220), this.range);
    this.curves.ground(classifier);
    this.map.layout(right, tall(this.root, narrow ? 240 : 184, narrow ? 160 : 122));
    this.along.layout(right, tall(this.root, 116, 98));
  }

  show(classifier, now, text) {
    const { scale, temperature, loss, right, ratio, share } = now;
    this.thermometer.show(temperature);
    this.readouts.set("loss", format.fixed(loss), `trained ${format.fixed(classifier.trained.loss)}`);
    this.readouts.set("right", String(right), `of ${classifier.examples}`);
    this.readouts.set("weights", factor(ratio), "as trained: 1");
    this.readouts.set("biases", factor(share), "as trained: 1");
    this.words.textContent = text;
    this.curves.show(classifier);
    this.curves.describe(text);
    this.along.show(classifier.line, now);
    this.map.point(scale, temperature, heat(temperature));
    this.map.describe(`at a = ${times(scale)} and T = ${times(temperature)} it is ${format.fixed(loss)} nats`);
  }
}

async function render({ model, el }) {
  const stage = new Stage(el, model, "A classifier whose weights, biases and temperature can be scaled");
  const scaling = new Scaling(stage.limits("scale"), PLACES); // of the scale and of the temperature; the map is as wide
  const [positions, labels, weights, biases, range, names, feature] = [
    "positions", "labels", "weights", "biases", "range", "names", "feature",
  ].map((name) => model.get(name));
  const classifier = new AffineClassifier(await Kernels.load(model.get("_kernels")), {
    positions, labels, weights, biases, range, reach: scaling.ends[1],
  });
  const put = (scale, temperature) => stage.set({ scale: scaling.within(scale), temperature: scaling.within(temperature) });
  const both = (more) => put(model.get("scale") * more, model.get("temperature") * more);
  const view = new View(stage.root, {
    setTemperature: (temperature) => stage.set({ temperature: scaling.within(temperature) }),
    setBoth: put,
    names,
    feature,
    range,
    ends: scaling.ends,
  });
  const { controls } = view;
  const mode = select(controls, "biases", [["along", "scale along with a"], ["stay", "stay as trained"]], (value) =>
    stage.set({ along: value === "along" }),
  );
  button(controls, stage.words("double"), () => both(2));
  const row = more(stage.root);
  const scaler = gauge(row, "scale a of the weights", PLACES, (place) => stage.set({ scale: scaling.at(place) }), "scale");
  button(row, stage.words("halve"), () => both(0.5));
  button(row, stage.words("trained"), () => stage.set({ scale: 1, temperature: 1 }));
  let drawn = Number.NEGATIVE_INFINITY; // when the curves last moved

  function draw() {
    const [scale, temperature, along] = [model.get("scale"), model.get("temperature"), model.get("along")];
    scaler.show(scaling.placeOf(scale), times(scale));
    mode.value = along ? "along" : "stay";
    // What was there before a hand set out stays as a ghost.
    const time = performance.now();
    if (time - drawn > GESTURE) classifier.remember();
    drawn = time;
    const now = classifier.at({ scale, temperature, along });
    const text = classifier.told(now);
    view.show(classifier, now, text);
    stage.say(text);
  }

  stage.follow(["along"], () => {
    const { values, steps } = classifier.map(model.get("along"));
    view.map.show(values, steps);
    draw();
  });
  stage.follow(["scale", "temperature"], draw);
  stage.resize((width) => {
    view.layout(width, classifier);
    draw();
  });
  return () => stage.close();
}

export default { render };
