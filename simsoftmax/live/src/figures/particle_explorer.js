// ParticleExplorer: particles hop between energy levels until their piles are softmax.

import { add, reducedMotion } from "../kit/dom.js";
import * as format from "../kit/format.js";
import { heat } from "../kit/heat.js";
import { Kernels } from "../kit/kernels.js";
import { LevelTraits } from "../kit/level_traits.js";
import { tall } from "../kit/room.js";
import { Seldom } from "../kit/seldom.js";
import { Stage } from "../kit/stage.js";
import { encode } from "../kit/wire.js";
import { Population, Recording } from "../models/population.js";
import { tourAt } from "../models/tour.js";
import { recordIn, verdictOn } from "../models/verdict.js";
import { button, choose, levelFields, Readouts, select, slider, verdict } from "../parts/controls.js";
import { EvidenceMeter } from "../parts/evidence_meter.js";
import { more } from "../parts/more.js";
import { Piles } from "../parts/piles.js";
import { Thermometer } from "../parts/thermometer.js";

const PRESETS = {
  "worked example": [2, 1, 0.1],
  "two levels": [1, 0],
  ladder: [3, 2, 1, 0, -1],
  "close race": [2, 1.9, 0.4, -0.2, -1.5],
  "one and a crowd": [2, 0, 0, 0, 0],
};
const SIZES = [1000, 20000, 100000, 1000000];
const SPEEDS = [1, 8, 60, 240];
const FAULTS = [[0, "exactly T"], [0.02, "2 % too hot"], [0.05, "5 % too hot"]];
const CHEAT = 0.05;
const BRISK = 60; // sweeps a second at which evidence gathers while one watches

// What the reader sees of particles: thermometer, piles, a verdict; and, behind a word, numbers.
class View {
  /**
   * setTemperature, moveLevel: what the reader may do; simulated: whether there is evidence to be gathered, and moves and
   * not the sweeps of a record are counted.
   * @param {HTMLElement} root
   * @param {{ simulated: boolean, setTemperature?: (t: number) => void, moveLevel?: (level: number, logit: number) => void }} options
   */
  constructor(root, { setTemperature, moveLevel, simulated }) {
    const scene = add(root, "div", { className: "ssm-scene" });
    const cell = () => add(scene, "div", { className: "ssm-cell" });
    this.root = root;
    this.thermometer = new Thermometer(cell(), { change: setTemperature });
    this.piles = new Piles(cell(), { change: moveLevel });
    this.meter = simulated ? new EvidenceMeter(root, { label: "evidence against softmax" }) : undefined;
    const said = add(root, "div", { className: "ssm-said" });
    this.verdict = verdict(said);
    this.actions = add(said, "div", { className: "ssm-controls" });
    this.settings = more(root);
    this.settings.before((this.besides = add(root, "div", { className: "ssm-controls" })));
    this.readouts = new Readouts(this.settings.parentElement, {
      energy: "energy",
      entropy: "entropy",
      free_energy: "free energy",
      ...(simulated ? { acceptance: "moved", rate: "moves a second" } : { sweep: "sweep" }),
    });
  }

  // Lay out by the figure's own width.
  layout(width, logits, rows, grains) {
    const narrow = width < 560;
    const count = rows.order.length;
    this.root.classList.toggle("ssm-narrow", narrow);
    this.piles.show(logits, rows, grains);
    this.meter?.layout(width);
    if (narrow) {
      this.thermometer.layout(width, tall(this.root, 76, 58));
      this.piles.layout(width, tall(this.root, 290 + 24 * Math.max(0, count - 4), 158 + 24 * Math.max(0, count - 4)));
      return;
    }
    const height = tall(this.root, Math.max(372, Math.min(420, 0.37 * width), 60 + 26 * count), Math.max(240, 60 + 26 * count));
    this.thermometer.layout(104, height);
    this.piles.layout(width - 104, height);
  }

  warm(people) {
    this.digits = people.particles >= 500000 ? 2 : 1;
    this.thermometer.show(people.temperature);
  }

  // Draw the particles; returns whether anything is still on its way.
  paint(people, seconds, running) {
    this.piles.watch(people.drawn(), seconds);
    this.piles.tell(people.shares.view, people.probabilities.view, this.digits);
    const flying = this.piles.paint(people.shares.view, heat(people.temperature), seconds, running);
    const turning = this.meter?.paint(seconds) ?? false;
    return flying || turning;
  }

  tell(people, extra, text) {
    const { theory, seen, shares, probabilities } = people;
    this.readouts.set("energy", format.fixed(seen.energy), `softmax ${format.fixed(theory.energy)}`);
    this.readouts.set("entropy", format.fixed(seen.entropy), `softmax ${format.fixed(theory.entropy)}`);
    this.readouts.set("free_energy", format.fixed(seen.freeEnergy), `minimum ${format.fixed(theory.freeEnergy)}`);
    for (const [key, [value, remark]] of Object.entries(extra)) this.readouts.set(key, value, remark);
    this.verdict.textContent = text;
    this.meter?.show(people.draws ? people.logEvidence : undefined);
    this.piles.describe(shares.view, probabilities.view);
  }
}

// The settings of particles that are simulated; each is a trait.
function settings(stage, levels, row) {
  const { model } = stage;
  const list = (name, options, trait, read) => select(row, name, options, (value) => stage.set({ [trait]: read(value) }));
  const counts = (numbers) => numbers.map((n) => [n, format.count(n)]);
  const preset = select(row, "levels", [["", "your own"], ...Object.keys(PRESETS).map((k) => [k, k])], (name) => {
    if (PRESETS[name]) levels.logits = PRESETS[name];
  });
  const fields = levelFields(row, levels, stage.limits("levels"));
  const proposal = list("proposals", [["uniform", "any level"], ["neighbour", "one rung"]], "proposal", String);
  const numbers = {
    particles: list("particles", counts(SIZES), "particles", Number),
    speed: list("sweeps a second", counts(SPEEDS), "speed", Number),
    fault: list("particles obey", FAULTS, "fault", Number),
  };
  fields.complain();
  stage.follow(["logits", "temperature", "proposal", "particles", "speed", "fault"], () => {
    fields.show();
    preset.value = Object.keys(PRESETS).find((k) => String(PRESETS[k]) === String(levels.logits)) ?? "";
    proposal.value = model.get("proposal");
    for (const [trait, node] of Object.entries(numbers)) choose(node, model.get(trait));
  });
}

// What is the same for particles that are simulated and for those of a record: they are seen, told of, and set going.
class Explorer {
  told = new Seldom(200); // when the words were last brought up to date
  width = 0;
  wake = () => {};

  constructor(stage, people) {
    this.stage = stage;
    this.model = stage.model;
    this.people = people;
    this.levels = new LevelTraits(stage);
    this.view = new View(stage.root, this.options());
    this.running = button(this.view.actions, "pause", () => {
      this.toggle();
      stage.set({ running: !this.model.get("running") });
    });
    button(this.view.besides, stage.words("step"), () => {
      stage.set({ running: false });
      people.step();
      this.refresh();
    });
    this.controls();
  }

  // Follow the traits, the width and the clock.
  begin() {
    const { stage } = this;
    stage.follow(["logits", "names", "particles", "proposal"], () => {
      this.balance();
      this.layout();
    });
    stage.follow(["temperature", "fault"], () => {
      this.balance();
      this.refresh();
    });
    this.follow();
    stage.follow(["running"], () => {
      this.running.textContent = this.model.get("running") ? "pause" : "go on";
      this.told.soon();
      this.wake();
    });
    stage.resize((width) => this.layout(width));
    this.wake = stage.animate((seconds) => this.frame(seconds));
  }

  // What the two kinds may do in their own way: what the reader is allowed, controls, what is done at the beginning and
  // before going on, words and numbers, and what Python is told.
  options() {
    return { simulated: true };
  }
  controls() {}
  equilibrate() {}
  toggle() {}
  follow() {}
  travel(_seconds) {}
  words() {
    return [""];
  }
  /** @returns {Record<string, string[]>} values and remarks, by what they are called */
  extra() {
    return {};
  }
  sync() {}

  balance() {
    this.equilibrate();
    this.view.warm(this.people);
    this.disturb();
  }

  disturb() {
    this.people.disturb();
    this.told.soon();
    this.wake();
  }

  layout(width = this.width) {
    this.width = width;
    if (!width) return;
    this.view.layout(width, this.levels.logits, this.levels.rows, this.people.grains);
    this.refresh(); // numbers too, so that nothing shifts when the figure comes into sight
  }

  refresh() {
    if (!this.width) return;
    this.told.soon();
    this.view.paint(this.people, 0, this.model.get("running"));
    this.tell();
    this.wake();
  }

  // Numbers and words, a few times a second.
  tell() {
    if (!this.width || !this.told.due()) return;
    const [text, news] = this.words();
    this.view.tell(this.people, this.extra(), text);
    if (news) this.stage.say(news);
    this.sync();
  }

  frame(seconds) {
    const on = this.model.get("running");
    if (on) this.travel(seconds);
    if (on && !this.people.run(seconds, this.model.get("speed"))) this.stage.set({ running: false });
    const moving = this.view.paint(this.people, seconds, on);
    this.tell();
    return on || moving;
  }
}

class Simulated extends Explorer {
  synced = new Seldom(1000);
  toured = 0; // seconds of the tour so far

  options() {
    return {
      simulated: true,
      setTemperature: (temperature) => (this.levels.temperature = temperature),
      moveLevel: (level, logit) => this.levels.move(level, logit),
    };
  }

  controls() {
    const { stage, view } = this;
    this.cheat = button(view.actions, stage.words("cheat"), () => {
      const fair = this.model.get("fault") === 0;
      const speed = Math.max(BRISK, this.model.get("speed"));
      stage.set(fair ? { fault: CHEAT, speed, running: true } : { fault: 0 });
    });
    this.cheat.classList.add("ssm-renamed");
    button(view.besides, stage.words("cold"), () => this.restart(false));
    button(view.besides, stage.words("hot"), () => this.restart(true));
    settings(stage, this.levels, view.settings);
  }

  equilibrate() {
    const { people, model } = this;
    const { logits } = this.levels;
    const fresh = logits.length !== people.levels;
    people.equilibrate(logits, this.levels.temperature, model.get("fault"));
    people.neighbour = model.get("proposal") === "neighbour";
    const particles = model.get("particles");
    if (fresh || particles !== people.particles) people.start(particles, model.get("start") === "hot");
  }

  follow() {
    const { stage, model } = this;
    stage.follow(["start"], () => this.restart(model.get("start") === "hot"));
    stage.follow(["fault"], () => {
      this.cheat.textContent = model.get("fault") === 0 ? stage.words("cheat") : stage.words("fair");
    });
    if (!model.get("tour") || reducedMotion()) return;
    this.home = this.levels.temperature;
    for (const touch of ["pointerdown", "keydown", "simsoftmax:set"]) {
      stage.root.addEventListener(touch, () => (this.home = undefined), { capture: true, once: true });
    }
  }

  // On a tour the temperature turns by itself, until the reader touches the figure.
  travel(seconds) {
    if (this.home === undefined) return;
    this.toured += seconds;
    const temperature = tourAt(this.toured, this.home);
    if (temperature === undefined) this.home = undefined;
    else if (temperature !== this.levels.temperature) this.levels.temperature = temperature;
  }

  restart(hot) {
    this.people.start(this.model.get("particles"), hot);
    this.disturb();
    this.refresh(); // numbers at once, also where nothing runs
  }

  extra() {
    const { moved, proposed, rate } = this.people;
    return {
      acceptance: [proposed ? `${((100 * moved) / proposed).toFixed(0)} %` : "–"],
      rate: [this.model.get("running") ? format.roughly(rate) : "0"],
    };
  }

  words() {
    return verdictOn(this.people);
  }

  sync() {
    if (!this.synced.due()) return;
    const { counts, sweeps, draws, logEvidence } = this.people;
    this.stage.set({
      counts: Array.from(counts.view, Number),
      sweeps: Math.floor(sweeps),
      log_evidence: draws ? encode(logEvidence) : null,
    });
  }
}

class Replayed extends Explorer {
  options() {
    return { simulated: false };
  }

  controls() {
    this.scrubber = slider(this.view.actions, "record", 0, (at) => {
      this.stage.set({ running: false });
      this.people.seek(at);
      this.refresh();
    });
  }

  // At the end it begins again.
  toggle() {
    if (!this.model.get("running") && this.people.finished) this.people.seek(0);
  }

  equilibrate() {
    this.people.equilibrate(this.levels.logits, this.levels.temperature, this.model.get("fault"));
  }

  extra() {
    const { sweeps, length, every, at } = this.people;
    this.scrubber.reach(length - 1);
    this.scrubber.show(at);
    return { sweep: [format.count(sweeps), `of ${format.count(length * every)}`] };
  }

  words() {
    return recordIn(this.people);
  }

  sync() {
    const { shares, particles, sweeps } = this.people;
    const counts = Array.from(shares.view, (share) => Math.round(share * particles));
    if (String(counts) !== String(this.model.get("counts"))) this.stage.set({ counts, sweeps });
  }
}

async function render({ model, el }) {
  const stage = new Stage(el, model, "Particles on energy levels, with an adjustable temperature");
  const kernels = await Kernels.load(model.get("_kernels"));
  const recorded = model.get("_recording");
  const explorer = recorded
    ? new Replayed(stage, new Recording(kernels, recorded))
    : new Simulated(stage, new Population(kernels, model.get("_stream")));
  explorer.begin();
  return () => stage.close();
}

export default { render };
