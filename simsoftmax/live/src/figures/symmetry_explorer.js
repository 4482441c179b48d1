// SymmetryExplorer: weights, biases and temperature may grow together, and the probabilities do not notice.

import { scaleLinear } from "d3-scale";
import { line } from "d3-shape";
import { add } from "../kit/dom.js";
import * as format from "../kit/format.js";
import { heat } from "../kit/heat.js";
import { Kernels } from "../kit/kernels.js";
import { CATEGORIES } from "../kit/look.js";
import { Stage } from "../kit/stage.js";
import { AffineClassifier, factor, Scaling, times } from "../models/affine.js";
import { ContourMap } from "../parts/contour_map.js";
import { button, gauge, Readouts, select, verdict } from "../parts/controls.js";
import { Frame } from "../parts/frame.js";
import { Thermometer } from "../parts/thermometer.js";

const PLACES = 120; // of the slider for the scale
const POWERS = [1 / 8, 1 / 2, 2, 8];
const fraction = (t) => ({ 0.125: "⅛", 0.5: "½" })[t] ?? String(t);
const ink = (k) => CATEGORIES[k % CATEGORIES.length];

// The probability of each class over the feature, now and as trained, with the examples below.
class ClassCurves {
  constructor(parent, { names, feature }) {
    this.names = names;
    this.frame = new Frame(parent, { title: "probability", xName: feature, label: "Probability of each class" });
    const { marks } = this.frame;
    this.drawn = marks.append("g");
    this.ghosts = marks.append("g");
    this.dots = marks.append("g");
    this.legend = marks.append("g");
  }

  layout(width, height, [low, high]) {
    const ticks = Array.from({ length: 8 }, (_, i) => Math.ceil(low) + i).filter((t) => t <= high);
    this.frame.layout(width, height, {
      x: scaleLinear([low, high], [0, 1]),
      y: scaleLinear([-0.12, 1], [1, 0]),
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
    // Each name stands over the examples that bear it, and clear of the name before it.
    let free = 0;
    const { middles } = classifier;
    const places = this.names.map((name, k) => {
      const half = 3.6 * [...name].length;
      const place = Math.max(x(middles[k]), free + half + 6);
      free = place + half;
      return place;
    });
    this.legend
      .selectAll("text")
      .data(this.names)
      .join("text")
      .attr("class", "ssm-named")
      .attr("text-anchor", "middle")
      .attr("y", 26)
      .attr("x", (_, k) => places[k])
      .style("fill", (_, k) => `color-mix(in srgb, ${ink(k)} 65%, var(--ssm-ink))`)
      .text((name) => name);
  }

  show(classifier) {
    if (!this.frame.box) return;
    this.trace(this.drawn, classifier, classifier.curves.view).attr("class", "ssm-class").attr("stroke", (_, k) => ink(k));
  }

  describe(text) {
    this.frame.describe(text);
  }
}

// What the reader sees: a thermometer, curves of probability beside a map of the cross-entropy, numbers, words. Between the
// thermometer and the rest is room for controls.
class View {
  constructor(root, { setTemperature, setBoth, names, feature, range, ends }) {
    this.root = root;
    this.range = range;
    this.thermometer = new Thermometer(add(root, "div"), { change: setTemperature, infinite: false });
    this.controls = add(root, "div", { className: "ssm-controls" });
    const scene = add(root, "div", { className: "ssm-scene ssm-halves" });
    this.curves = new ClassCurves(add(scene, "div", { className: "ssm-cell" }), { names, feature });
    this.map = new ContourMap(add(scene, "div", { className: "ssm-cell" }), {
      title: "temperature T",
      xName: "scale a",
      label: "Cross-entropy over scale and temperature",
      range: ends,
      ticks: [POWERS, fraction],
      move: setBoth,
    });
    this.readouts = new Readouts(root, {
      loss: "cross-entropy",
      right: "named rightly",
      weights: "weights count, a/T",
      biases: "biases count",
    });
    this.words = verdict(root);
  }

  layout(width, classifier) {
    const narrow = width < 620;
    this.root.classList.toggle("ssm-narrow", narrow);
    this.thermometer.layout(Math.min(width, 520), 76);
    const [left, right] = narrow ? [width, Math.min(width, 320)] : [width - 320, 300];
    this.curves.layout(left, 320, this.range);
    this.curves.ground(classifier);
    this.map.layout(right, 320);
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
  const scaler = gauge(controls, "scale a of the weights", PLACES, (place) => stage.set({ scale: scaling.at(place) }), "scale");
  const mode = select(controls, "biases", [["along", "scale along with a"], ["stay", "stay as trained"]], (value) =>
    stage.set({ along: value === "along" }),
  );
  button(controls, stage.words("double"), () => both(2));
  button(controls, stage.words("halve"), () => both(0.5));
  button(controls, stage.words("trained"), () => stage.set({ scale: 1, temperature: 1 }));

  function draw() {
    const [scale, temperature, along] = [model.get("scale"), model.get("temperature"), model.get("along")];
    scaler.show(scaling.placeOf(scale), times(scale));
    mode.value = along ? "along" : "stay";
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
