// CalibrationExplorer: how sure and how right at a temperature, and two measures of it at every temperature.

import { scaleLinear, scaleLog } from "d3-scale";
import { Curve } from "../parts/curve.js";
import * as format from "../kit/format.js";
import { Frame } from "../parts/frame.js";
import { heat } from "../kit/heat.js";
import { COLDEST, HOTTEST } from "../kit/look.js";
import { Thermometer } from "../parts/thermometer.js";
import { copy, Kernels } from "../kit/kernels.js";
import { add } from "../kit/dom.js";
import { Stage } from "../kit/stage.js";
import { decode, encode } from "../kit/wire.js";
import { button, Readouts, select, temperatureField } from "../parts/controls.js";

const GRID = 481; // temperatures of the curves
const BINS = [5, 15, 30];
const COLUMNS = 4; // of the table: count, confidence, accuracy, gap by chance
const TAIL = 0.025; // beyond each end of a whisker
const FOOT = 0.13; // height of the tallest bar at the foot

// Temperatures of the curves: those around the fit, and T = 1.
function span({ temperature }) {
  if (!(temperature > 0 && temperature < Infinity)) return [COLDEST, HOTTEST];
  return [Math.min(0.5, temperature / 5), Math.max(2, 2.2 * temperature)];
}
function ticksOf([low, high]) {
  const decades = Array.from({ length: 60 }, (_, i) => Number(`1e${i - 30}`));
  const all = decades.flatMap((ten) => [ten, 2 * ten, 5 * ten]).filter((t) => t >= low && t <= high);
  return all.length < 8 ? all : decades.filter((t) => t >= low && t <= high);
}

const percent = (share, digits = 1) => `${format.fixed(100 * share, digits)} %`;
const valleys = (count) => (count === 0 ? "no valley" : count === 1 ? "one valley" : `${count} valleys`);
const dips = (count) => (count === 0 ? "no dip" : count === 1 ? "one dip" : `${count} dips`);

// The rows, as they travel: distances below the largest logit, in steps.
class Rows {
  constructor(kernels, model) {
    const whole = new Uint16Array(copy(model.get("_gaps")));
    const truth = new Uint16Array(copy(model.get("_labels")));
    const step = model.get("_step");
    this.kernels = kernels;
    this.count = truth.length;
    this.logits = kernels.floats(Array.from(whole, (gap) => (gap === 65535 ? -Infinity : -step * gap)));
    this.labels = kernels.array("int64", truth.length);
    this.labels.view.set(Array.from(truth, BigInt));
    for (const name of ["confidence", "outcome", "ordered"]) this[name] = kernels.array("float64", this.count);
    this.errors = kernels.array("float64", GRID);
    this.likelihoods = kernels.array("float64", GRID);
    this.places = kernels.array("int64", GRID);
    this.blocks = new Map();
  }

  // Everything about one temperature; by: bins and binning.
  at(temperature, { bins, mass }) {
    const { kernels, confidence, outcome, ordered } = this;
    if (!this.blocks.has(bins)) {
      this.blocks.set(bins, [kernels.array("float64", bins + 1), kernels.array("float64", COLUMNS * bins)]);
    }
    const [edges, table] = this.blocks.get(bins);
    const nll = kernels.temper(this.logits, this.labels, temperature, confidence, outcome);
    const used = kernels.bin_edges(confidence, mass ? 1 : 0, ordered, edges);
    const ece = kernels.bin_events(confidence, outcome, edges, used, table);
    return { nll, ece, used, edges: edges.view, table: table.view };
  }

  sweep(range, binning) {
    const grid = scaleLog(range, [0, GRID - 1]);
    const states = Array.from({ length: GRID }, (_, i) => {
      const temperature = grid.invert(i);
      const { nll, ece } = this.at(temperature, binning);
      return { temperature, nll, ece };
    });
    this.errors.view.set(states.map(({ ece }) => ece));
    this.likelihoods.view.set(states.map(({ nll }) => nll));
    const valleys = this.kernels.find_dips(this.likelihoods, this.places);
    const count = this.kernels.find_dips(this.errors, this.places);
    const found = Array.from(this.places.view.subarray(0, count), (place) => states[Number(place)]);
    return { states, valleys, found };
  }

  bins(state) {
    return Array.from({ length: state.used }, (_, b) => {
      const [count, confidence, accuracy, chance] = state.table.subarray(COLUMNS * b, COLUMNS * (b + 1));
      const [left, right] = [state.edges[b], state.edges[b + 1]];
      if (!count) return { count, left, right };
      const hits = Math.round(accuracy * count);
      const [low, high] = [0, 1].map((upper) => this.kernels.whisker(hits, count, TAIL, upper));
      return { count, left, right, confidence, accuracy, chance, low, high };
    });
  }
}

const put = (node, attributes) => Object.entries(attributes).forEach(([key, value]) => node.setAttribute(key, value));

async function render({ model, el }) {
  const stage = new Stage(el, model, "Reliability diagram of a classifier with an adjustable temperature");
  const rows = new Rows(await Kernels.load(model.get("_kernels")), model);
  const fit = Object.fromEntries(
    Object.entries(model.get("_fit")).map(([name, value]) => [name, value === null ? NaN : decode(value)]),
  );
  const fitted = !Number.isNaN(fit.temperature);
  const range = span(fit);
  const now = () => decode(model.get("temperature"));
  const setTemperature = (temperature) => stage.set({ temperature: encode(temperature) });

  const thermometer = new Thermometer(add(stage.root, "div"), { change: setTemperature });
  const controls = add(stage.root, "div", { className: "ssm-controls" });
  button(controls, stage.words("fit"), () => stage.go({ temperature: encode(fit.temperature) })).disabled = !fitted;
  button(controls, stage.words("trained"), () => stage.go({ temperature: 1 }));
  const bins = select(controls, "bins", BINS.map((n) => [n, n]), (value) => stage.set({ bins: Number(value) }));
  const binning = select(controls, "of equal", [["width", "width"], ["mass", "count"]], (value) =>
    stage.set({ binning: value }),
  );
  const typed = temperatureField(controls, setTemperature);
  controls.append(typed.error);

  const scene = add(stage.root, "div", { className: "ssm-scene ssm-halves" });
  const plot = new Frame(add(scene, "div", { className: "ssm-cell" }), {
    title: "accuracy: how often it is right",
    xName: "confidence: how sure it is",
    label: "Reliability diagram",
  });
  const plots = add(scene, "div", { className: "ssm-cell" });
  const within = (t) => Number(Math.min(range[1], Math.max(range[0], t)).toPrecision(3));
  const common = {
    x: (pixels) => scaleLog(range, pixels).clamp(true),
    xTicks: () => ticksOf(range),
    xFormat: format.short,
    move: (temperature) => setTemperature(within(temperature)),
  };
  const likelihood = new Curve(plots, { ...common, title: "NLL, nats", label: "Negative log-likelihood against temperature" });
  const error = new Curve(plots, { ...common, title: "ECE, %", label: "Expected calibration error against temperature" });
  const axisName = error.svg.style("margin-bottom", "16px").append("text").attr("class", "ssm-muted").attr("text-anchor", "end").text("temperature T");
  const curves = [likelihood, error];
  for (const curve of curves) {
    curve.band = curve.svg.insert("rect", ".ssm-limits").attr("class", "ssm-interval").attr("fill", heat(fit.temperature));
    curve.best = curve.svg.insert("line", ".ssm-limits").attr("stroke", heat(fit.temperature)).attr("stroke-width", 1.5);
    for (const node of [curve.band, curve.best]) node.attr("display", fitted ? null : "none");
  }
  likelihood.value.attr("data-out", "valleys");
  error.value.attr("data-out", "dips");
  const name = likelihood.svg.append("text").attr("class", "ssm-muted").attr("y", 31).attr("text-anchor", "middle");
  const bottoms = error.svg.insert("g", ".ssm-dot");
  const readouts = new Readouts(stage.root, {
    ece: "calibration error ECE",
    nll: "NLL, nats",
    accuracy: "accuracy",
    confidence: "mean confidence",
  });
  readouts.list.classList.add("ssm-four");
  const words = add(stage.root, "p", { className: "ssm-verdict" });
  words.dataset.out = "verdict";

  const line = plot.marks.append("line").attr("class", "ssm-theory ssm-thin");
  const marks = plot.marks.append("g");
  const sides = ["too modest", "too sure"].map((text) => plot.marks.append("text").attr("class", "ssm-muted ssm-over").text(text));
  sides[1].attr("text-anchor", "end");

  let width = 0;
  let swept;

  const chosen = () => ({ bins: model.get("bins"), mass: model.get("binning") === "mass" });

  function trace() {
    const wanted = String(model.get("bins"));
    if (![...bins.options].some(({ value }) => value === wanted)) add(bins, "option", { value: wanted }, wanted);
    bins.value = wanted;
    binning.value = model.get("binning");
    swept = rows.sweep(range, chosen());
    const { states } = swept;
    const [trained, guess] = [1, Infinity].map((temperature) => rows.at(temperature, chosen()).nll);
    const least = Math.min(...states.map(({ nll }) => nll));
    const rim = Math.max(guess, trained, least + 0.1); // beyond it the likelihood only climbs
    likelihood.show(
      states.filter(({ nll }) => nll <= rim).map(({ temperature, nll }) => [temperature, nll]),
      [],
      [least - 0.1 * (rim - least), rim],
    );
    const errors = states.map(({ temperature, ece }) => [temperature, 100 * ece]);
    error.show(errors, [], [0, Math.max(1, ...errors.map(([, ece]) => ece))]);
    mark();
  }

  // The fit's interval and the dips, on the curves.
  function mark() {
    if (!width) return;
    for (const { band, best, x, frame } of curves) {
      if (!fitted) break;
      const { top, bottom } = frame;
      put(band.node(), { x: x(fit.low), width: Math.max(1, x(fit.high) - x(fit.low)), y: top, height: bottom - top });
      put(best.node(), { x1: x(fit.temperature), x2: x(fit.temperature), y1: top, y2: bottom });
    }
    const { left, right } = likelihood.frame;
    axisName.attr("x", error.frame.right).attr("y", error.height + 14);
    if (fitted) {
      const three = [fit.temperature, fit.low, fit.high].map((t) => (t > 0.1 && t < 100 ? format.fixed(t, 2) : format.temperature(t)));
      const text = `fit ${three[0]}, from ${three[1]} to ${three[2]}`;
      const half = 3.5 * text.length;
      name.attr("x", Math.min(right - half, Math.max(left + half, likelihood.x(fit.temperature)))).text(text);
    }
    bottoms
      .selectAll("circle")
      .data(swept.found)
      .join("circle")
      .attr("class", "ssm-dip")
      .attr("r", 2.6)
      .attr("cx", ({ temperature }) => error.x(temperature))
      .attr("cy", ({ ece }) => error.y(100 * ece));
  }

  function draw() {
    const temperature = now();
    const colour = heat(temperature);
    const state = rows.at(temperature, chosen());
    const table = rows.bins(state);
    const full = table.filter(({ count }) => count);
    const mean = (key) => full.reduce((sum, bin) => sum + bin.count * bin[key], 0) / rows.count;
    const [accuracy, confidence, chance] = [mean("accuracy"), mean("confidence"), mean("chance")];
    const least = swept.states.reduce((best, { nll }) => Math.min(best, nll), Infinity);
    thermometer.show(temperature);
    typed.show(format.temperature(temperature));
    readouts.set("ece", percent(state.ece), `${percent(chance)} by chance`);
    readouts.set("nll", format.fixed(state.nll), `least ${format.fixed(least)}`);
    const points = Math.abs(100 * (confidence - accuracy));
    readouts.set("accuracy", percent(accuracy), "the same at every T");
    const side = confidence > accuracy ? "high" : "low";
    readouts.set("confidence", percent(confidence), points < 0.05 ? "just right" : `${format.fixed(points, 1)} points too ${side}`);
    const inside = fit.low <= temperature && temperature <= fit.high;
    const [many, few] = [dips(swept.found.length), valleys(swept.valleys)];
    words.textContent =
      `${percent(confidence, 0)} sure on average, ${percent(accuracy, 0)} right: ` +
      (inside && points < 3
        ? `honest on the whole, as far as ${format.count(rows.count)} rows can tell.`
        : points < 0.5
          ? "right on the whole, but look at the bins."
          : `${format.fixed(points, points < 3 ? 1 : 0)} points too ${confidence > accuracy ? "sure" : "modest"}.`) +
      ` With ${table.length} bins the ECE has ${many}, the NLL ${few}.`;
    if (!stage.glide.moving) stage.say(words.textContent);
    plot.describe(words.textContent);
    if (!width) return;
    likelihood.point(temperature, Math.min(state.nll, likelihood.range[1]), colour, few);
    error.point(temperature, Math.min(100 * state.ece, error.range[1]), colour, many);
    const at = `at ${temperature === Infinity ? "T = infinity" : `T = ${format.temperature(temperature)}`}`;
    likelihood.svg.attr("aria-label", `${likelihood.label}: ${few}; ${format.fixed(state.nll)} nats ${at}`);
    error.svg.attr("aria-label", `${error.label}: ${many}; ${percent(state.ece)} ${at}`);
    const { x, y } = plot;
    const tallest = Math.max(...table.map(({ count }) => count));
    marks
      .selectAll("g")
      .data(table)
      .join((enter) => {
        const g = enter.append("g");
        g.append("rect").attr("class", "ssm-foot");
        g.append("line").attr("class", "ssm-gap");
        g.append("line").attr("class", "ssm-whisker");
        g.append("circle").attr("class", "ssm-dot").attr("r", 5.5);
        return g;
      })
      .each(function (bin) {
        const [foot, gap, whisker, dot] = this.children;
        this.setAttribute("display", bin.count ? "inline" : "none");
        if (!bin.count) return;
        const [left, right, across] = [x(bin.left), x(bin.right), x(bin.confidence)];
        const top = y((FOOT * bin.count) / tallest);
        put(foot, { x: left + 0.5, width: Math.max(0.5, right - left - 1), y: top, height: y(0) - top, fill: colour });
        put(gap, { x1: across, x2: across, y1: y(bin.confidence), y2: y(bin.accuracy), stroke: colour });
        put(whisker, { x1: across, x2: across, y1: y(bin.low), y2: y(bin.high), stroke: colour });
        put(dot, { cx: across, cy: y(bin.accuracy), fill: colour });
      });
  }

  function layout(next = width) {
    width = next;
    if (!width) return;
    const narrow = width < 600;
    stage.root.classList.toggle("ssm-narrow", narrow);
    thermometer.layout(Math.min(width, 520), 76);
    const left = narrow ? width : Math.round(width * 0.48);
    const right = narrow ? width : width - left - 20;
    const height = Math.min(416, left + (narrow ? 20 : 70));
    likelihood.layout(right, narrow ? 160 : 0.385 * height, false);
    error.layout(right, narrow ? 240 : 0.577 * height);
    const side = [0, 0.2, 0.4, 0.6, 0.8, 1];
    plot.layout(left, height, {
      x: scaleLinear([0, 1], [0, 1]),
      y: scaleLinear([0, 1], [1, 0]),
      xTicks: [side, String],
      yTicks: [side, String],
    });
    const { x, y } = plot;
    put(line.node(), { x1: x(0), y1: y(0), x2: x(1), y2: y(1) });
    put(sides[0].node(), { x: x(0.02), y: y(0.96) });
    put(sides[1].node(), { x: x(0.99), y: y(0.16) });
    mark();
    draw();
  }

  stage.follow(["bins", "binning"], () => {
    trace();
    draw();
  });
  stage.follow(["temperature"], draw);
  stage.resize(layout);
  return () => stage.close();
}

export default { render };
