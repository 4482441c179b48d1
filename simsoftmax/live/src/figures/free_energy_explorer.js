// FreeEnergyExplorer: every distribution has a free energy, and softmax lies at the bottom.

import { scaleLinear } from "d3-scale";
import { Bars } from "../parts/bars.js";
import { Curve } from "../parts/curve.js";
import * as format from "../kit/format.js";
import { heat } from "../kit/heat.js";
import { Thermometer } from "../parts/thermometer.js";
import { Kernels } from "../kit/kernels.js";
import { levelNames, Levels } from "../models/levels.js";
import { Simplex } from "../parts/simplex.js";
import { Staircase } from "../parts/staircase.js";
import { add, reducedMotion } from "../kit/dom.js";
import { Stage } from "../kit/stage.js";
import { decode, encode } from "../kit/wire.js";
import { button, logitsField, Readouts, temperatureField } from "../parts/controls.js";

const SIDE = 65; // points along an edge of the landscape's grid
const STEPS = 90; // points along the path downhill
const LEAST = 0.001;

class Landscape extends Levels {
  allocate(levels) {
    super.allocate(levels);
    for (const name of ["trial", "walker"]) this[name] = this.kernels.array("float64", levels);
    this.grid ??= this.kernels.array("float64", SIDE * SIDE);
  }

  get allowed() {
    return Array.from(this.logits.view, Number.isFinite);
  }

  // The same distribution with nothing on forbidden levels, where F would be infinite; even if nothing else was left.
  admit(distribution) {
    const { allowed } = this;
    const kept = distribution.map((share, k) => (allowed[k] ? share : 0));
    const total = kept.reduce((sum, share) => sum + share, 0);
    if (total > 0) return kept.map((share) => share / total);
    const count = allowed.filter(Boolean).length;
    return allowed.map((open) => (open ? 1 / count : 0));
  }

  // F over the triangle of all distributions over three levels.
  survey() {
    this.kernels.free_energy_landscape(this.logits, this.temperature, SIDE, this.grid);
    return this.grid.view;
  }

  // How long the flow takes: a few of its own times 1 / T, or of the energies' where T is small.
  get duration() {
    const finite = Array.from(this.logits.view).filter(Number.isFinite);
    return 6 / Math.max(this.temperature, 0.25 * (Math.max(...finite) - Math.min(...finite)), 0.05);
  }

  // The way downhill from the trial distribution: [time, F, q].
  descend() {
    const step = this.duration / STEPS;
    this.walker.view.set(this.trial.view);
    const path = [];
    for (let n = 0; n <= STEPS; n += 1) {
      if (n) this.kernels.mirror_flow(this.walker, this.logits, this.temperature, step);
      path.push([n * step, this.weigh(this.walker).freeEnergy, Array.from(this.walker.view)]);
    }
    return path;
  }

  flow(time) {
    this.kernels.mirror_flow(this.trial, this.logits, this.temperature, time);
  }
}

async function render({ model, el }) {
  const stage = new Stage(el, model, "The free energy of a distribution over energy levels");
  const land = new Landscape(await Kernels.load(model.get("_kernels")));
  const logitsNow = () => model.get("logits").map(decode);
  const names = () => levelNames(model.get("names"), logitsNow());
  const setTemperature = (temperature) => stage.set({ temperature });
  const setDistribution = (distribution) => {
    flowing = false;
    stage.set({ distribution: land.admit(distribution) });
  };

  const scene = add(stage.root, "div", { className: "ssm-scene ssm-side" });
  const thermometer = new Thermometer(add(scene, "div", { className: "ssm-cell ssm-above" }), {
    change: setTemperature,
    infinite: false,
  });
  const place = add(scene, "div", { className: "ssm-cell" });
  const simplex = new Simplex(place, { change: setDistribution, label: "Distribution q; arrow keys move it" });
  const column = add(scene, "div", { className: "ssm-cell" });
  const bars = new Bars(column, {
    heading: "distribution q",
    columns: ["q", "softmax"],
    label: "The distribution q",
    change(level, share) {
      if (!Number.isFinite(share)) return;
      const rest = 1 - Math.min(1 - LEAST, Math.max(LEAST, share));
      const q = Array.from(land.trial.view);
      const others = 1 - q[level];
      const open = land.allowed.filter(Boolean).length;
      setDistribution(
        q.map((now, k) => (k === level ? 1 - rest : others > 1e-12 ? (now * rest) / others : rest / (open - 1))),
      );
    },
  });
  const curve = new Curve(column, {
    title: "free energy against time, flowing downhill",
    label: "Free energy along the flow from q",
    x: (range) => scaleLinear([0, land.duration], range),
    xTicks: null,
    xFormat: format.short,
  });
  const staircase = new Staircase(add(stage.root, "div"));
  const readouts = new Readouts(stage.root, {
    energy: "energy ⟨E⟩",
    heat: "−T S",
    free_energy: "free energy F(q)",
    excess: "above the least",
  });
  const actions = add(stage.root, "div", { className: "ssm-controls" });
  button(actions, stage.words("flow"), () => {
    flowing = true;
    wake();
  });
  button(actions, stage.words("even"), () => setDistribution(logitsNow().map(() => 1 / logitsNow().length)));
  button(actions, stage.words("top"), () => {
    const logits = logitsNow();
    const top = logits.indexOf(Math.min(...logits.filter(Number.isFinite)));
    const rest = LEAST * (logits.length - 1);
    setDistribution(logits.map((_, k) => (k === top ? 1 - rest : LEAST)));
  });
  const settings = stage.settings();
  const typed = logitsField(settings, (logits) => stage.set({ logits: logits.map(encode) }), stage.limits("levels"));
  const typedTemperature = temperatureField(settings, setTemperature, {
    most: stage.limits("temperature")[1],
    why: "at infinity F would be −∞ everywhere",
  });
  settings.append(typed.error, typedTemperature.error);

  let width = 0;
  let flowing = false;
  let wake = () => {};

  function draw() {
    if (!width) return;
    const colour = heat(land.temperature);
    const q = Array.from(land.trial.view);
    const goal = Array.from(land.probabilities.view);
    const path = land.descend();
    const seen = land.weigh(land.trial);
    const least = land.theory.freeEnergy;
    if (land.levels === 3) simplex.show(q, goal, path.map((step) => step[2]), colour);
    bars.show(q, goal, colour);
    bars.svg.attr("aria-label", `The distribution q: ${names().map((name, k) => `${name} ${format.fixed(q[k], 3)}`).join("; ")}`);
    const values = path.map((step) => step[1]);
    let [low, high] = [Math.min(least, ...values), Math.max(...values)];
    if (!(high - low > 1e-6)) high = low + 1e-6;
    high += Math.max(0, 0.05 - (high - low)); // next to the bottom the curve looks as flat as it is
    curve.layout(curve.width, curve.height);
    curve.show(path.map((step) => [step[0], step[1]]), [[least, `least ${format.fixed(least)}`, "end"]], [low, high]);
    curve.point(0, seen.freeEnergy, colour, "");
    staircase.show(seen, land.theory, colour);
    readouts.set("energy", format.fixed(seen.energy), `softmax ${format.fixed(land.theory.energy)}`);
    readouts.set("heat", format.fixed(seen.freeEnergy - seen.energy), `softmax ${format.fixed(least - land.theory.energy)}`);
    readouts.set("free_energy", format.fixed(seen.freeEnergy), `least ${format.fixed(least)}`);
    readouts.set("excess", format.fixed(Math.max(0, seen.freeEnergy - least)), "");
  }

  let saved = 0;
  function frame(seconds) {
    if (!flowing) return false;
    land.flow(reducedMotion() ? land.duration : (land.duration * seconds) / 3);
    const arrived = land.weigh(land.trial).freeEnergy - land.theory.freeEnergy < 1e-6;
    if (arrived) {
      flowing = false;
      stage.say("Arrived at the least free energy: softmax.");
    }
    saved += seconds;
    if (arrived || saved > 0.2) {
      saved = 0;
      stage.set({ distribution: Array.from(land.trial.view) });
    }
    draw();
    return flowing;
  }

  function layout(now = width) {
    width = now;
    if (!width) return;
    const narrow = width < 560;
    stage.root.classList.toggle("ssm-narrow", narrow);
    const logits = logitsNow();
    const order = [...logits.keys()].sort((a, b) => logits[a] - logits[b] || b - a);
    const three = logits.length === 3;
    place.hidden = !three;
    const left = narrow ? width : three ? Math.round(width * 0.5) : 0;
    const right = narrow ? width : width - left - (three ? 28 : 0);
    thermometer.layout(right, 76);
    if (three) simplex.layout(left, { order, names: names() });
    bars.layout(right, 30 + (narrow ? 34 : 36) * order.length, { order, names: names(), anchors: null });
    curve.layout(right, 150);
    staircase.layout(width, 118);
    draw();
  }

  stage.follow(["logits", "names", "temperature", "distribution"], () => {
    const logits = logitsNow();
    const same = String(logits) === String(land.logits && Array.from(land.logits.view)) && land.temperature === model.get("temperature");
    land.equilibrate(logits, model.get("temperature"));
    const distribution = model.get("distribution");
    land.trial.view.set(land.admit(distribution.length === logits.length ? distribution : logits.map(() => 1)));
    thermometer.show(land.temperature);
    typed.show(logits.map(format.short).join(", "));
    typedTemperature.show(format.temperature(land.temperature));
    if (!same && logits.length === 3) simplex.landscape(land.survey(), SIDE);
    if (same) draw();
    else layout();
  });
  stage.resize(layout);
  wake = stage.animate(frame);
  return () => stage.close();
}

export default { render };
