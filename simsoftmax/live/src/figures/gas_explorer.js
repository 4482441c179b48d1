// GasExplorer: particles that hand each other quanta come to have a temperature.

import { Bars } from "../parts/bars.js";
import * as format from "../kit/format.js";
import { Gas } from "../models/gas.js";
import { heat } from "../kit/heat.js";
import { Thermometer } from "../parts/thermometer.js";
import { Kernels } from "../kit/kernels.js";
import { Ladder } from "../parts/ladder.js";
import { add } from "../kit/dom.js";
import { Stage } from "../kit/stage.js";
import { encode } from "../kit/wire.js";
import { button, Readouts, select } from "../parts/controls.js";

const SIZES = [6, 20, 100, 1000, 10000, 100000];
const MEANS = [0.5, 1, 2, 4];
const SPEEDS = [[1, "1"], [4, "4"], [15, "15"], [60, "60"], [240, "240"], [10000, "10,000"]];
const FEW = 100; // particles that are seen better on average, and that are no good heat bath
const BUDGET = 6; // milliseconds of handovers a frame

async function render({ model, el }) {
  const stage = new Stage(el, model, "An isolated gas whose particles hand each other quanta of energy");
  const gas = new Gas(await Kernels.load(model.get("_kernels")), model.get("_stream"));

  const scene = add(stage.root, "div", { className: "ssm-scene" });
  const cell = () => add(scene, "div", { className: "ssm-cell" });
  const thermometer = new Thermometer(cell(), {});
  const ladder = new Ladder(cell(), { heading: "quanta" });
  const bars = new Bars(cell(), { heading: "share of particles", columns: ["seen", "exact"], label: "Share of particles with each number of quanta" });
  bars.length.clamp(true);
  const readouts = new Readouts(stage.root, {
    total: "total energy",
    reading: "temperature read",
    entropy: "entropy of a particle",
    sweeps: "sweeps",
  });
  readouts.list.classList.add("ssm-four");
  const words = add(stage.root, "p", { className: "ssm-verdict" });
  words.dataset.out = "verdict";

  const actions = add(stage.root, "div", { className: "ssm-controls" });
  const running = button(actions, "pause", () => stage.set({ running: !model.get("running") }));
  button(actions, stage.words("step"), () => {
    stage.set({ running: false });
    gas.advance(1, model.get("average"), 1000);
    refresh();
  });
  button(actions, stage.words("even"), () => restart("even"));
  button(actions, stage.words("rich"), () => restart("rich"));
  const settings = stage.settings();
  const mean = select(settings, "quanta a particle", MEANS.map((m) => [m, String(m)]), (value) => stage.set({ mean_quanta: Number(value) }));
  const size = select(settings, "particles", SIZES.map((n) => [n, format.count(n)]), (value) => {
    const few = Number(value) <= FEW;
    const changed = few !== model.get("particles") <= FEW;
    stage.set({ particles: Number(value), ...(changed ? { average: few, speed: few ? 10000 : 4 } : {}) });
  });
  const shown = select(settings, "bars show", [["now", "this moment"], ["average", "average over time"]], (value) =>
    stage.set({ average: value === "average" }),
  );
  const speed = select(settings, "sweeps a second", SPEEDS, (value) => stage.set({ speed: Number(value) }));

  let width = 0;
  let told = 0;
  let synced = 0;
  let wake = () => {};
  const few = () => gas.particles <= FEW;

  function restart(start) {
    stage.set({ start, running: true });
    gas.start(start === "rich");
    refresh();
  }

  function refresh() {
    told = 0;
    paint(0);
    tell();
    wake();
  }

  function paint(seconds) {
    const colour = heat(gas.reading);
    ladder.populate(gas.drawn());
    const flying = ladder.paint(colour, seconds);
    // Softmax is a second, grey tick where it differs from the exact shares.
    if (few()) bars.show(gas.shares.view, gas.exact.view, colour, gas.boltzmann.view);
    else bars.show(gas.shares.view, gas.boltzmann.view, colour);
    thermometer.show(gas.reading);
    return flying;
  }

  // Numbers and words, a few times a second.
  function tell() {
    const now = performance.now();
    if (!width || now - told < 200) return;
    told = now;
    const exact = format.temperature(gas.temperature);
    const digits = Math.max(1, Math.min(4, 1 + (gas.error < 0.095) + (gas.error < 0.0095) + (gas.error < 0.00095)));
    const error = gas.averaged || !gas.settled ? "" : `\u00a0±\u00a0${format.fixed(gas.error, digits)}`;
    const reading = error ? format.fixed(gas.reading, digits) : format.temperature(gas.reading);
    readouts.set("total", format.count(gas.total), "quanta, and it stands still");
    readouts.set("reading", reading + error, `the mean energy sets ${exact}`);
    readouts.set("entropy", format.fixed(gas.entropy), `largest ${format.fixed(gas.largestEntropy)}`);
    readouts.set("sweeps", format.count(Math.floor(gas.sweeps)), gas.averaged ? `${format.count(gas.averaged)} averaged` : "");
    const held = `a mean of ${format.short(gas.mean)} ${gas.mean === 1 ? "quantum" : "quanta"} a particle`;
    let news = "The gas has found its temperature.";
    if (!gas.settled) {
      news = "";
      words.textContent = `A gas that has not settled has no temperature yet: sweep ${format.count(Math.floor(gas.sweeps))} of the ${format.count(gas.waits)} after which the start is forgotten. Its energy never changes.`;
    } else if (few()) {
      words.textContent = `Nobody set a temperature. The mean energy did: ${held} would make T = ${exact} in a large gas. But ${format.count(gas.particles)} particles are a poor heat bath: each follows the exact count of ways (dark ticks), not quite softmax (grey).`;
    } else {
      words.textContent = `Nobody set a temperature. The mean energy did: ${held} makes T = ${exact}, and the thermometer reads ${reading}${error}.`;
    }
    if (news) stage.say(news);
    bars.describe(gas.shares.view, few() ? gas.exact.view : gas.boltzmann.view);
    if (now - synced > 1000 || !model.get("running")) {
      synced = now;
      stage.set({ counts: Array.from(gas.counts.view, Number), sweeps: Math.floor(gas.sweeps), reading: encode(gas.reading) });
    }
  }

  function frame(seconds) {
    const on = model.get("running");
    if (on) gas.advance(model.get("speed") * seconds, model.get("average"), BUDGET);
    const flying = paint(seconds);
    tell();
    return on || flying;
  }

  function layout(now = width) {
    width = now;
    if (!width) return;
    const narrow = width < 560;
    stage.root.classList.toggle("ssm-narrow", narrow);
    const rungs = gas.rungs;
    const levels = Array.from({ length: rungs }, (_, k) => k);
    const names = levels.map((k) => (k === rungs - 1 ? `${k} +` : String(k)));
    const order = [...levels].reverse();
    const most = Math.max(gas.exact.view[0], gas.boltzmann.view[0]);
    bars.length.domain([0, gas.mean <= 1 ? 1 : Math.min(1, 2.5 * most)]);
    bars.titles = ["seen", few() ? "exact" : "softmax"];
    bars.digits = gas.particles >= 100000 ? 4 : 3;
    ladder.show(levels.map((k) => -k), names);
    if (narrow) {
      thermometer.layout(width, 76);
      ladder.layout(width, Math.max(230, 82 + 12 * rungs));
      bars.layout(width, 30 + Math.min(34, 400 / rungs) * rungs, { order, names, anchors: null });
    } else {
      const height = Math.max(330, 60 + 19 * rungs);
      const ladderWidth = Math.round((width - 116) * (width < 700 ? 0.4 : 0.45));
      thermometer.layout(116, height);
      ladder.layout(ladderWidth, height);
      bars.layout(width - 116 - ladderWidth, height, { order, names, anchors: ladder.spots.map((spot) => spot.y) });
    }
    refresh(); // numbers too, so that nothing shifts when the figure comes into sight
  }

  stage.follow(["particles", "mean_quanta", "start"], () => {
    gas.foresee(model.get("particles"), model.get("mean_quanta"));
    gas.start(model.get("start") === "rich");
    layout();
    refresh();
  });
  stage.follow(["particles", "mean_quanta", "average", "speed"], () => {
    shown.value = model.get("average") ? "average" : "now";
    for (const [list, value] of [[mean, model.get("mean_quanta")], [size, model.get("particles")], [speed, model.get("speed")]]) {
      list.value = value;
      if (list.value === "") list.value = add(list, "option", { value }, format.short(value)).value;
    }
    if (gas.averaged && !model.get("average")) gas.observe(false);
    told = 0;
    wake();
  });
  stage.follow(["running"], () => {
    running.textContent = model.get("running") ? "pause" : "go on";
    told = 0;
    wake();
  });
  stage.resize(layout);
  wake = stage.animate(frame);
  return () => stage.close();
}

export default { render };
