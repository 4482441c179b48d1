// GasExplorer: particles that hand each other quanta come to have a temperature.

import { add } from "../kit/dom.js";
import * as format from "../kit/format.js";
import { heat } from "../kit/heat.js";
import { Kernels } from "../kit/kernels.js";
import { tall } from "../kit/room.js";
import { Seldom } from "../kit/seldom.js";
import { Stage } from "../kit/stage.js";
import { encode } from "../kit/wire.js";
import { FEW, Gas } from "../models/gas.js";
import { Bars } from "../parts/bars.js";
import { button, choose, Readouts, select, verdict } from "../parts/controls.js";
import { Ladder } from "../parts/ladder.js";
import { more } from "../parts/more.js";
import { Thermometer } from "../parts/thermometer.js";

const SIZES = [6, 20, 100, 1000, 10000, 100000];
const MEANS = [0.5, 1, 2, 4];
const SPEEDS = [[0.1, "one at a time"], [1, "1"], [4, "4"], [15, "15"], [60, "60"], [240, "240"], [10000, "10,000"]];
const QUICK = { average: true, speed: 10000 }; // how a small gas is seen at first
const CALM = { average: false, speed: 4 }; // and a large one
const SLOW = { particles: 20, average: false, speed: 0.1, running: true }; // how single handovers are seen
const TWO = { average: false, speed: 4, running: true, wall: true }; // how two gases are seen
const ENOUGH = 10000; // particles for that
const ATTEMPTS = 12; // a second: at most so many are shown one by one
const PAUSE = 1; // seconds between two of them
const BUDGET = 6; // milliseconds of handovers a frame
const NEWS = 200; // milliseconds between two tellings
const SAVED = 1000; // and between two savings

// What the reader sees: a thermometer that only shows, a ladder of quanta, bars, numbers, words.
class View {
  constructor(root) {
    this.root = root;
    const scene = add(root, "div", { className: "ssm-scene" });
    const cell = () => add(scene, "div", { className: "ssm-cell" });
    this.thermometer = new Thermometer(cell(), {});
    this.ladder = new Ladder(cell(), { heading: "quanta" });
    this.bars = new Bars(cell(), {
      heading: "share of particles",
      columns: ["seen", "exact"],
      label: "Share of particles with each number of quanta",
    });
    const names = { total: "total energy", reading: "temperature read", entropy: "entropy of a particle", sweeps: "sweeps" };
    this.readouts = new Readouts(root, names, { paired: true });
    this.words = verdict(root);
  }

  layout(width, gas) {
    const narrow = width < 560;
    this.root.classList.toggle("ssm-narrow", narrow);
    const { rungs, names } = gas;
    const levels = [...names.keys()];
    const rows = {
      order: [...levels].reverse(),
      names,
      columns: ["seen", gas.few ? "exact" : "softmax"],
      most: gas.mostShare,
      digits: gas.particles >= 100000 ? 4 : 3,
    };
    this.ladder.show(levels.map((k) => -k), names);
    if (narrow) {
      this.thermometer.layout(width, tall(this.root, 76, 58));
      this.ladder.layout(width, tall(this.root, Math.max(230, 82 + 12 * rungs), 170));
      const row = Math.min(34, 400 / rungs);
      this.bars.layout(width, tall(this.root, 30 + row * rungs, 30 + Math.min(row, 12) * rungs), { ...rows, anchors: null });
      return;
    }
    const height = tall(this.root, Math.max(330, 60 + 19 * rungs), 220);
    const ladderWidth = Math.round((width - 116) * (width < 700 ? 0.4 : 0.45));
    this.thermometer.layout(116, height);
    this.ladder.layout(ladderWidth, height);
    this.bars.layout(width - 116 - ladderWidth, height, { ...rows, anchors: this.ladder.heights });
  }

  // Draw the particles; returns whether any is still in the air.
  paint(gas, seconds) {
    const colour = heat(gas.reading);
    const readings = gas.sides.map((side) => side.reading);
    this.ladder.split(gas.halved, gas.walled);
    this.ladder.populate(gas.drawn());
    const flying = this.ladder.paint(gas.halved ? readings.map(heat) : [colour, colour], seconds);
    // Softmax is a second, grey tick where it differs from the exact shares.
    this.bars.show(gas.shares.view, gas.law.view, colour, gas.few ? gas.boltzmann.view : undefined);
    this.thermometer.show(gas.reading, gas.halved ? readings : []);
    return flying;
  }

  tell(gas, text) {
    const averaged = gas.averaged ? `${format.count(gas.averaged)} averaged` : "";
    this.readouts.set("total", format.count(gas.total), "quanta, and it stands still");
    this.readouts.set("reading", gas.readingText, `the mean energy sets ${format.temperature(gas.temperature)}`);
    this.readouts.set("entropy", format.fixed(gas.entropy), `largest ${format.fixed(gas.largestEntropy)}`);
    this.readouts.set("sweeps", format.count(Math.floor(gas.sweeps)), averaged);
    this.words.textContent = text;
    this.bars.describe(gas.shares.view, gas.law.view);
  }
}

// The settings of a gas, in a row; each is a trait.
function settings(stage, row) {
  const { model } = stage;
  const means = MEANS.map((m) => [m, String(m)]);
  const lists = {
    mean_quanta: select(row, "quanta a particle", means, (value) => stage.set({ mean_quanta: Number(value) })),
    particles: select(row, "particles", SIZES.map((n) => [n, format.count(n)]), (value) => {
      const few = Number(value) <= FEW;
      const changed = few !== model.get("particles") <= FEW;
      stage.set({ particles: Number(value), ...(changed ? (few ? QUICK : CALM) : {}) });
    }),
  };
  const shown = select(row, "bars show", [["now", "this moment"], ["average", "average over time"]], (value) =>
    stage.set({ average: value === "average" }),
  );
  const speed = select(row, "sweeps a second", SPEEDS, (value) => stage.set({ speed: Number(value) }));
  stage.follow(["particles", "mean_quanta", "average", "speed"], () => {
    shown.value = model.get("average") ? "average" : "now";
    for (const [trait, list] of Object.entries({ ...lists, speed })) choose(list, model.get(trait));
  });
}

class Explorer {
  told = new Seldom(NEWS); // when the words were last brought up to date
  saved = new Seldom(SAVED); // when Python was last told
  width = 0;
  rest = 0; // seconds until the next single handover
  wake = () => {};

  constructor(stage, gas) {
    this.stage = stage;
    this.model = stage.model;
    this.gas = gas;
    this.view = new View(stage.root);
    const actions = add(stage.root, "div", { className: "ssm-controls" });
    this.running = button(actions, "pause", () => stage.set({ running: !this.model.get("running") }));
    button(actions, stage.words("watch"), () => {
      stage.set(SLOW);
      this.restart("even");
    });
    this.row = more(stage.root);
    button(this.row, stage.words("step"), () => {
      stage.set({ running: false });
      gas.advance(1, this.model.get("average"), 1000);
      this.refresh();
    });
    button(this.row, stage.words("even"), () => this.restart("even"));
    button(this.row, stage.words("rich"), () => this.restart("rich"));
    this.wall = button(this.row, stage.words("wall"), () => {
      const particles = Math.max(ENOUGH, this.model.get("particles"));
      stage.set(gas.walled ? { wall: false, running: true } : { ...TWO, particles });
    });
  }

  // Follow the traits, the width and the clock.
  begin() {
    const { stage, model, gas } = this;
    stage.follow(["particles", "mean_quanta", "start"], () => {
      gas.foresee(model.get("particles"), model.get("mean_quanta"));
      this.start();
      this.layout();
      this.refresh();
    });
    stage.follow(["wall"], () => {
      const wall = model.get("wall");
      if (wall && !gas.walled) this.start();
      else if (gas.walled && !wall) gas.join();
      this.refresh();
    });
    settings(stage, this.row);
    stage.follow(["particles", "mean_quanta", "average", "speed"], () => {
      if (gas.averaged && !model.get("average")) gas.observe(false);
      this.attend();
    });
    stage.follow(["running"], () => {
      this.running.textContent = model.get("running") ? "pause" : "go on";
      this.attend();
    });
    stage.resize((width) => this.layout(width));
    this.wake = stage.animate((seconds) => this.frame(seconds));
  }

  restart(start) {
    this.stage.set({ start, running: true, wall: false });
    this.gas.start(start);
    this.refresh();
  }

  // Begin as the traits say. A handful of particles has no temperature to compare, so it gets no wall.
  start() {
    this.gas.start(this.model.get("wall") && !this.gas.few ? "wall" : this.model.get("start"));
  }

  layout(width = this.width) {
    this.width = width;
    if (!width) return;
    this.view.layout(width, this.gas);
    this.refresh(); // numbers too, so that nothing shifts when the figure comes into sight
  }

  // Tell what is new with the next frame.
  attend() {
    this.told.soon();
    this.wake();
  }

  refresh() {
    this.told.soon();
    this.wall.textContent = this.gas.walled ? this.stage.words("open") : this.stage.words("wall");
    this.view.paint(this.gas, 0);
    this.tell();
    this.wake();
  }

  frame(seconds) {
    const on = this.model.get("running");
    if (on && this.singly) this.handOver(seconds);
    else if (on) this.gas.advance(this.model.get("speed") * seconds, this.model.get("average"), BUDGET);
    const flying = this.view.paint(this.gas, seconds);
    this.tell();
    return on || flying;
  }

  // Whether so little happens that every handover can be watched.
  get singly() {
    return this.gas.few && this.model.get("speed") * this.gas.particles <= ATTEMPTS;
  }

  // One quantum after the other: two particles light up, and it flies.
  handOver(seconds) {
    if (this.view.ladder.flight) return;
    this.rest -= seconds; // so that the two hop before the next
    if (this.rest > 0) return;
    this.rest = PAUSE;
    const pair = this.gas.handOver();
    if (pair) this.view.ladder.hand(...pair);
  }

  // Numbers and words, a few times a second.
  tell() {
    if (!this.width || !this.told.due()) return;
    const { gas } = this;
    const [text, news] = gas.told;
    this.view.tell(gas, text);
    if (news) this.stage.say(news);
    if (!this.saved.due() && this.model.get("running")) return;
    const counts = Array.from(gas.counts.view, Number);
    this.stage.set({ counts, sweeps: Math.floor(gas.sweeps), reading: encode(gas.reading) });
  }
}

async function render({ model, el }) {
  const stage = new Stage(el, model, "An isolated gas whose particles hand each other quanta of energy");
  const gas = new Gas(await Kernels.load(model.get("_kernels")), model.get("_stream"));
  new Explorer(stage, gas).begin();
  return () => stage.close();
}

export default { render };
