// CalibrationExplorer: how sure and how right at a temperature, and two measures of it at every temperature.

import { scaleLog } from "d3-scale";
import { add } from "../kit/dom.js";
import * as format from "../kit/format.js";
import { heat } from "../kit/heat.js";
import { copy, Kernels } from "../kit/kernels.js";
import { tall } from "../kit/room.js";
import { Stage } from "../kit/stage.js";
import { decode, encode } from "../kit/wire.js";
import { binText, dips, HeldOut, span, ticksOf, valleys } from "../models/held_out.js";
import { button, choose, Readouts, select, temperatureField, verdict } from "../parts/controls.js";
import { Curve } from "../parts/curve.js";
import { more } from "../parts/more.js";
import { Reliability } from "../parts/reliability.js";
import { Thermometer } from "../parts/thermometer.js";
import { Tray } from "../parts/tray.js";

const BINS = [5, 15, 30];
const WHITE = 255; // grey values travel as bytes

// The fitted temperature as a curve marks it; nothing if there is none.
function intervalOf({ temperature, low, high }) {
  if (Number.isNaN(temperature)) return undefined;
  const [at, from, to] = [temperature, low, high].map((t) => (t > 0.1 && t < 100 ? format.fixed(t, 2) : format.temperature(t)));
  return { at: temperature, low, high, colour: heat(temperature), name: `fit ${at}, from ${from} to ${to}` };
}

// What the reader sees: a thermometer, a reliability diagram, two curves over the temperature, numbers, words. Between the
// thermometer and the rest is room for controls.
class View {
  constructor(root, { setTemperature, range, fit, side, point }) {
    this.root = root;
    const head = add(root, "div", { className: "ssm-head" });
    this.thermometer = new Thermometer(add(head, "div"), { change: setTemperature });
    this.controls = add(head, "div", { className: "ssm-controls" });
    const scene = add(root, "div", { className: "ssm-scene ssm-halves" });
    this.reliability = new Reliability(add(scene, "div", { className: "ssm-cell" }), { point });
    const plots = add(scene, "div", { className: "ssm-cell" });
    const within = (t) => Number(Math.min(range[1], Math.max(range[0], t)).toPrecision(3));
    const common = {
      x: (pixels) => scaleLog(range, pixels).clamp(true),
      xTicks: () => ticksOf(range),
      xFormat: format.short,
      move: (temperature) => setTemperature(within(temperature)),
    };
    const interval = intervalOf(fit);
    this.likelihood = new Curve(plots, {
      ...common,
      title: "NLL, nats",
      label: "Negative log-likelihood against temperature",
      out: "valleys",
      interval,
    });
    this.error = new Curve(plots, {
      ...common,
      title: "ECE, %",
      label: "Expected calibration error against temperature",
      out: "dips",
      xName: "temperature T",
      interval: interval && { ...interval, name: undefined },
    });
    this.side = side;
    this.inside = add(root, "p", { className: "ssm-muted ssm-inside" });
    this.inside.dataset.out = "bin";
    this.tray = new Tray(add(root, "div", { hidden: !side }), { label: "Some of the bin", columns: 8, side });
    const names = { ece: "calibration error ECE", nll: "NLL, nats", accuracy: "accuracy", confidence: "mean confidence" };
    this.readouts = new Readouts(root, names, { paired: true });
    this.words = verdict(root);
  }

  layout(width) {
    const narrow = width < 560;
    this.root.classList.toggle("ssm-narrow", narrow);
    this.thermometer.layout(narrow ? width : Math.min(width - 220, 620), tall(this.root, 76, 58));
    const left = narrow ? width : (width - 20) / 2;
    const right = narrow ? width : width - left - 20;
    const height = tall(this.root, Math.min(this.side ? 300 : 340, left + (narrow ? 20 : 70)), narrow ? 190 : 220);
    this.some = narrow ? 5 : 8; // pictures of a bin
    this.tray.columns = this.some;
    if (this.side) this.tray.layout(width, 74);
    this.likelihood.layout(right, narrow ? tall(this.root, 160, 120) : 0.385 * height, false);
    this.error.layout(right, narrow ? tall(this.root, 240, 160) : 0.577 * height);
    this.reliability.layout(left, height);
  }

  trace(traced) {
    this.traced = traced;
    const { likelihood, error } = traced;
    this.likelihood.show(likelihood.points, [], likelihood.range);
    this.error.show(error.points, [], error.range, error.dips);
  }

  // Where we are.
  show(judged, text) {
    const { temperature, nll, ece, bins, accuracy, confidence, chance, points } = judged;
    const { least, likelihood, error } = this.traced;
    const colour = heat(temperature);
    this.thermometer.show(temperature);
    this.readouts.set("ece", format.percent(ece), `${format.percent(chance)} by chance`);
    this.readouts.set("nll", format.fixed(nll), `least ${format.fixed(least)}`);
    this.readouts.set("accuracy", format.percent(accuracy), "the same at every T");
    const off = `${format.fixed(points, 1)} points too ${confidence > accuracy ? "high" : "low"}`;
    this.readouts.set("confidence", format.percent(confidence), points < 0.05 ? "just right" : off);
    this.words.textContent = text;
    this.reliability.describe(text);
    this.reliability.show(bins, colour);
    const at = `at ${temperature === Infinity ? "T = infinity" : `T = ${format.temperature(temperature)}`}`;
    const [few, many] = [valleys(this.traced.valleys), dips(error.dips.length)];
    this.likelihood.point(temperature, Math.min(nll, likelihood.range[1]), colour, few, `${few}; ${format.fixed(nll)} nats ${at}`);
    this.error.point(temperature, Math.min(100 * ece, error.range[1]), colour, many, `${many}; ${format.percent(ece)} ${at}`);
  }
}

// A bin as pictures with words: the answer, crossed where it is wrong.
function pictured(some, greys, side) {
  const pixels = side * side;
  return some.map(({ row, answer, right, confidence }) => ({
    greys: Array.from(greys.subarray(row * pixels, (row + 1) * pixels), (grey) => grey / WHITE),
    text: `${answer}: ${format.fixed(100 * confidence, 0)} %`,
    crossed: !right,
  }));
}

async function render({ model, el }) {
  const stage = new Stage(el, model, "Reliability diagram of a classifier with an adjustable temperature");
  const [gaps, labels, step] = ["_gaps", "_labels", "_step"].map((name) => model.get(name));
  const rows = new HeldOut(await Kernels.load(model.get("_kernels")), { gaps, labels, step });
  const given = model.get("_fit");
  const [best, low, high] = ["temperature", "low", "high"].map((name) => (given[name] === null ? NaN : decode(given[name])));
  const fit = { temperature: best, low, high };
  const range = span(fit.temperature);
  const setTemperature = (temperature) => stage.set({ temperature: encode(temperature) });
  const [side, greys] = [model.get("_side"), new Uint8Array(copy(model.get("_greys")))];
  let pointed; // the bin that the reader has pointed at
  const point = (bin) => {
    pointed = bin;
    show();
  };
  const view = new View(stage.root, { setTemperature, range, fit, side, point });

  const { controls } = view;
  const fitting = button(controls, stage.words("fit"), () => stage.go({ temperature: encode(fit.temperature) }));
  fitting.disabled = Number.isNaN(fit.temperature);
  const row = more(stage.root);
  const bins = select(row, "bins", BINS.map((n) => [n, n]), (value) => stage.set({ bins: Number(value) }));
  const binning = select(row, "of equal", [["width", "width"], ["mass", "count"]], (value) =>
    stage.set({ binning: value }),
  );
  const typed = temperatureField(row, setTemperature);
  button(row, stage.words("trained"), () => stage.go({ temperature: 1 }));
  row.append(typed.error);

  const chosen = () => ({ bins: model.get("bins"), mass: model.get("binning") === "mass" });
  let traced;
  let judged;

  // The bin that is pointed at, at first the fullest.
  function show() {
    const { bins: all } = judged;
    const fullest = all.reduce((best, { count }, i) => (count > all[best].count ? i : best), 0);
    const at = pointed < all.length ? pointed : fullest;
    const text = binText(all[at]);
    view.reliability.choose(all, at, text);
    view.inside.textContent = text;
    if (!side) return;
    const some = pictured(rows.some(all[at], view.some ?? 8), greys, side);
    view.tray.show(some);
    view.tray.describe(some.map(({ text: words, crossed }) => `${words}${crossed ? ", wrong" : ""}`).join("; "));
  }

  function draw() {
    const temperature = decode(model.get("temperature"));
    judged = rows.judge(temperature, chosen());
    const text = rows.told(judged, traced, fit);
    typed.show(format.temperature(temperature));
    view.show(judged, text);
    show();
    if (!stage.glide.moving) stage.say(text);
  }

  stage.follow(["bins", "binning"], () => {
    choose(bins, model.get("bins"));
    choose(binning, model.get("binning"));
    traced = rows.trace(range, chosen());
    view.trace(traced);
    draw();
  });
  stage.follow(["temperature"], draw);
  stage.resize((width) => {
    view.layout(width);
    draw();
  });
  return () => stage.close();
}

export default { render };
