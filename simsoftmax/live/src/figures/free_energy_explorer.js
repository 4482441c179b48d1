// FreeEnergyExplorer: every distribution has a free energy, and softmax lies at the bottom.

import { add, reducedMotion } from "../kit/dom.js";
import * as format from "../kit/format.js";
import { heat } from "../kit/heat.js";
import { Kernels } from "../kit/kernels.js";
import { LevelTraits } from "../kit/level_traits.js";
import { tall } from "../kit/room.js";
import { Stage } from "../kit/stage.js";
import { FreeEnergy, LEAST, SIDE } from "../models/free_energy.js";
import { Bars } from "../parts/bars.js";
import { button, levelFields, Readouts, verdict } from "../parts/controls.js";
import { more } from "../parts/more.js";
import { Simplex } from "../parts/simplex.js";
import { Staircase } from "../parts/staircase.js";
import { Thermometer } from "../parts/thermometer.js";

const TRIP = 3; // seconds that the flow takes
const SAVED = 0.2; // seconds between two savings of where it is

// What the reader sees: a triangle with two forces if there are three levels, bars, a staircase, numbers, words.
class View {
  // setDistribution and setShare are called when the reader moves the point or a bar.
  constructor(root, { setTemperature, setDistribution, setShare }) {
    const scene = add(root, "div", { className: "ssm-scene ssm-side" });
    const above = add(scene, "div", { className: "ssm-cell ssm-above" });
    this.root = root;
    this.thermometer = new Thermometer(above, { change: setTemperature, infinite: false });
    this.place = add(scene, "div", { className: "ssm-cell" });
    this.simplex = new Simplex(this.place, { change: setDistribution, least: LEAST, label: "Distribution q; arrow keys move it" });
    const column = add(scene, "div", { className: "ssm-cell" });
    this.bars = new Bars(column, {
      heading: "distribution q",
      columns: ["q", "softmax"],
      label: "The distribution q",
      change: setShare,
    });
    this.staircase = new Staircase(add(column, "div"));
    this.readouts = new Readouts(root, {
      energy: "energy ⟨E⟩",
      heat: "−T S",
      free_energy: "free energy F(q)",
      excess: "above the least",
    });
    this.words = verdict(root);
  }

  layout(width, { order, names }) {
    const narrow = width < 560;
    const three = order.length === 3;
    this.root.classList.toggle("ssm-narrow", narrow);
    this.place.hidden = !three;
    const left = narrow ? width : three ? Math.round(width * 0.5) : 0;
    const right = narrow ? width : width - left - (three ? 28 : 0);
    this.thermometer.layout(right, tall(this.root, 76, 58));
    if (three) this.simplex.layout(left, { order, names }, tall(this.root, Math.min(left - 40, 350), narrow ? 170 : 220));
    this.bars.layout(right, 30 + tall(this.root, narrow ? 34 : 36, 26) * order.length, { order, names, anchors: null });
    this.staircase.layout(right, 118);
  }

  // The ground changes with the levels and with the heat.
  survey(land) {
    this.thermometer.show(land.temperature);
    if (land.levels !== 3) return;
    this.simplex.landscape(land.survey(), SIDE);
    this.simplex.tint(heat(land.temperature));
  }

  draw(land) {
    const colour = heat(land.temperature);
    const q = land.distribution;
    const goal = Array.from(land.probabilities.view);
    const seen = land.weigh(land.trial);
    const { theory } = land;
    const least = theory.freeEnergy;
    if (land.levels === 3) this.simplex.show(q, goal, land.descend(), land.forces, colour);
    this.bars.show(q, goal, colour);
    this.bars.describe(q, goal);
    this.staircase.show(seen, theory, colour);
    this.readouts.set("energy", format.fixed(seen.energy), `softmax ${format.fixed(theory.energy)}`);
    this.readouts.set("heat", format.fixed(seen.freeEnergy - seen.energy), `softmax ${format.fixed(least - theory.energy)}`);
    this.readouts.set("free_energy", format.fixed(seen.freeEnergy), `least ${format.fixed(least)}`);
    this.readouts.set("excess", format.fixed(Math.max(0, seen.freeEnergy - least)), "");
    this.words.textContent = land.told;
  }
}

async function render({ model, el }) {
  const stage = new Stage(el, model, "The free energy of a distribution over energy levels");
  const land = new FreeEnergy(await Kernels.load(model.get("_kernels")));
  const levels = new LevelTraits(stage);
  let width = 0;
  let flowing = false;
  let saved = 0; // seconds since the flow was last saved
  let wake = () => {};

  const setDistribution = (distribution) => {
    flowing = false;
    stage.set({ distribution: land.admit(distribution) });
  };
  const view = new View(stage.root, {
    setTemperature: (temperature) => (levels.temperature = temperature),
    setDistribution,
    setShare(level, share) {
      if (Number.isFinite(share)) setDistribution(land.withShare(level, share));
    },
  });
  const actions = add(stage.root, "div", { className: "ssm-controls" });
  button(actions, stage.words("flow"), () => {
    flowing = true;
    wake();
  });
  button(actions, stage.words("top"), () => setDistribution(land.top));
  const settings = more(stage.root);
  button(settings, stage.words("even"), () => setDistribution(land.even));
  const fields = levelFields(settings, levels, stage.limits("levels"), {
    most: stage.limits("temperature")[1],
    why: "at infinity F would be −∞ everywhere",
  });
  fields.complain();

  function frame(seconds) {
    if (!flowing) return false;
    const arrived = land.flow(reducedMotion() ? land.duration : (land.duration * seconds) / TRIP);
    if (arrived) {
      flowing = false;
      stage.say("Arrived at the least free energy: softmax.");
    }
    saved += seconds;
    if (arrived || saved > SAVED) {
      saved = 0;
      stage.set({ distribution: land.distribution });
    }
    draw();
    return flowing;
  }

  function draw() {
    if (width) view.draw(land);
  }

  function layout(now = width) {
    width = now;
    if (!width) return;
    view.layout(width, levels.rows);
    draw();
  }

  stage.follow(["logits", "names", "temperature", "distribution"], () => {
    const { logits, temperature } = levels;
    const same = String(logits) === String(land.logits && Array.from(land.logits.view)) && land.temperature === temperature;
    land.equilibrate(logits, temperature);
    land.distribution = model.get("distribution");
    fields.show();
    if (same) return draw();
    view.survey(land);
    return layout();
  });
  stage.resize(layout);
  wake = stage.animate(frame);
  return () => stage.close();
}

export default { render };
