// ParticleExplorer: particles hop between energy levels until their shares are softmax.

import { Bars } from "./bars.js";
import * as format from "./format.js";
import { heat, Thermometer } from "./heat.js";
import { copy, Kernels } from "./kernels.js";
import { Ladder } from "./ladder.js";
import { Population } from "./population.js";
import { add, button, decode, encode, field, Readouts, select, Stage } from "./stage.js";

const PRESETS = {
  "the worked example": [2, 1, 0.1],
  "two levels": [1, 0],
  "a ladder": [3, 2, 1, 0, -1],
  "a close race": [2, 1.9, 0.4, -0.2, -1.5],
  "twins and a giant": [3, 1, 1, 0],
};
const SIZES = [1000, 20000, 100000, 1000000];
const SPEEDS = [1, 4, 15, 60, 240];
const MOST_LEVELS = 16;
const BUDGET = 7; // milliseconds of moves a frame
const TOLERANCE = 1e-5; // total variation at which a particle has forgotten where it was

async function render({ model, el }) {
  const stage = new Stage(el, model, "Particles on energy levels, with an adjustable temperature");
  const kernels = await Kernels.load(model.get("_kernels"));
  const people = new Population(kernels, copy(model.get("_stream")));
  const recording = model.get("_recording");
  const replay = recording ? new Replay(recording) : null;

  const get = {
    logits: () => model.get("logits").map(decode),
    temperature: () => decode(model.get("temperature")),
    neighbour: () => model.get("proposal") === "neighbour",
    names() {
      const labels = model.get("labels");
      return get.logits().map((z, k) => labels[k] || `z ${format.short(z)}`);
    },
  };

  // The scene: thermometer, ladder, bars.
  const scene = add(stage.root, "div", { className: "ssm-scene ssm-particles" });
  const thermometer = new Thermometer(add(scene, "div", { className: "ssm-cell" }), {
    change: (temperature) => stage.set({ temperature: encode(temperature) }),
  });
  const ladder = new Ladder(add(scene, "div", { className: "ssm-cell" }), {
    change: replay ? undefined : (level, logit) => setLogits(get.logits().map((z, k) => (k === level ? logit : z))),
  });
  const bars = new Bars(add(scene, "div", { className: "ssm-cell" }), {
    heading: "share",
    label: "Share of particles",
  });
  const readouts = new Readouts(stage.root, {
    energy: "energy",
    entropy: "entropy",
    free_energy: "free energy",
    acceptance: "moved",
    rate: "moves a second",
  });
  const verdict = add(stage.root, "p", { className: "ssm-verdict" });
  verdict.dataset.out = "verdict";

  // The controls.
  const controls = add(stage.root, "div", { className: "ssm-controls" });
  const running = button(controls, "pause", () => stage.set({ running: !model.get("running") }));
  const step = button(controls, "step", () => {
    stage.set({ running: false });
    people.advance(people.particles, get.neighbour());
    sweeps += 1;
    settle();
    wake();
  });
  button(controls, "start cold", () => restart(false));
  button(controls, "start hot", () => restart(true));
  const preset = select(controls, "levels", [["", "your own"], ...Object.keys(PRESETS).map((k) => [k, k])], (name) => {
    if (PRESETS[name]) setLogits(PRESETS[name]);
  });
  const typed = field(controls, "logits", (text) => {
    const logits = text.split(/[,;\s]+/).filter(Boolean).map(format.parse);
    if (logits.length < 2 || logits.length > MOST_LEVELS) return `Give 2 to ${MOST_LEVELS} logits, with commas between.`;
    if (logits.some((z) => Number.isNaN(z))) return "Each logit must be a number, such as 2, −0.5 or -inf.";
    if (logits.some((z) => z > 1000 || (z < -1000 && z > -Infinity))) return "Logits must lie between −1000 and 1000.";
    if (!logits.some(Number.isFinite)) return "At least one logit must be finite.";
    setLogits(logits);
    return "";
  });
  typed.node.size = 14;
  const typedTemperature = field(controls, "T", (text) => {
    const temperature = format.parse(text);
    if (!(temperature >= 0)) return "The temperature must be a number, 0 or more; inf is allowed.";
    stage.set({ temperature: encode(temperature) });
    return "";
  });
  typedTemperature.node.size = 5;
  typedTemperature.node.inputMode = "decimal";
  const proposal = select(controls, "proposals", [["uniform", "any level"], ["neighbour", "one rung"]], (value) =>
    stage.set({ proposal: value }),
  );
  const size = select(controls, "particles", SIZES.map((n) => [n, format.count(n)]), (value) =>
    stage.set({ particles: Number(value) }),
  );
  const speed = select(controls, "sweeps a second", SPEEDS.map((n) => [n, format.count(n)]), (value) =>
    stage.set({ speed: Number(value) }),
  );
  controls.append(typed.error, typedTemperature.error);

  // The state of this view.
  let sweeps = 0; // since the last disturbance
  let forgetting = 1;
  let owed = 0; // fractions of a move
  let lastTold = 0;
  let rate = 0;
  let pace = 5000; // moves a millisecond, measured as we go
  let wake = () => {};

  function setLogits(logits) {
    stage.set({ logits: logits.map(encode) });
  }

  function restart(hot) {
    people.start(model.get("particles"), hot);
    disturb();
  }

  // Something changed: what is counted for the verdict begins again.
  function disturb() {
    people.forgetRates();
    people.count();
    forgetting = people.forgetting(get.neighbour(), TOLERANCE);
    sweeps = 0;
    lastTold = 0;
    wake();
  }

  function settle() {
    people.count();
    paint(0);
    tell(performance.now());
  }

  function paint(seconds) {
    const colour = heat(people.temperature);
    ladder.populate(people.drawn());
    const flying = ladder.paint(colour, seconds);
    bars.show(people.shares.view, people.probabilities.view, colour);
    return flying;
  }

  // Numbers and words, a few times a second.
  function tell(now) {
    if (!width || now - lastTold < 200) return;
    lastTold = now;
    const { theory, seen } = people;
    readouts.set("energy", format.fixed(seen.energy), `softmax ${format.fixed(theory.energy)}`);
    readouts.set("entropy", format.fixed(seen.entropy), `softmax ${format.fixed(theory.entropy)}`);
    readouts.set("free_energy", format.fixed(seen.freeEnergy), `minimum ${format.fixed(theory.freeEnergy)}`);
    readouts.set("acceptance", people.proposed ? `${((100 * people.moved) / people.proposed).toFixed(0)} %` : "–");
    readouts.set("rate", model.get("running") ? format.roughly(rate) : "0");
    verdict.textContent = words();
    bars.describe(people.shares.view, people.probabilities.view);
  }

  function words() {
    const n = format.count(people.particles);
    if (forgetting < 0) return `${n} particles would need more than 10¹² sweeps to forget where they began: they are frozen in.`;
    if (sweeps < forgetting) {
      return `${n} particles are finding their balance: ${format.count(Math.floor(sweeps))} of ${format.count(forgetting)} sweeps until their start is forgotten.`;
    }
    return `${n} particles have forgotten where they began.`;
  }

  function frame(seconds) {
    const on = model.get("running");
    if (on) {
      owed += people.particles * model.get("speed") * seconds;
      const moves = Math.floor(Math.min(owed, pace * BUDGET));
      owed = moves < Math.floor(owed) ? 0 : owed - moves;
      const begun = performance.now();
      people.advance(moves, get.neighbour());
      people.count();
      const took = performance.now() - begun;
      if (moves > 2000 && took > 0) pace += 0.1 * (moves / took - pace);
      if (seconds > 0) rate += 0.05 * (moves / seconds - rate);
      sweeps += moves / people.particles;
    }
    const flying = paint(seconds);
    tell(performance.now());
    return on || flying;
  }

  // Layout by the figure's own width.
  let width = 0;
  function layout(now = width) {
    width = now;
    if (!width || !people.levels) return;
    const narrow = width < 560;
    scene.classList.toggle("ssm-narrow", narrow);
    const logits = get.logits();
    const order = [...logits.keys()].sort((a, b) => logits[a] - logits[b] || b - a);
    ladder.show(logits, get.names());
    if (narrow) {
      thermometer.layout(width, 76);
      ladder.layout(width, 230);
      bars.layout(width, 30 + 34 * order.length, { order, names: get.names(), anchors: null });
    } else {
      const height = Math.max(330, 60 + 26 * order.length);
      const ladderWidth = Math.round((width - 96) * 0.46);
      thermometer.layout(96, height);
      ladder.layout(ladderWidth, height);
      const anchors = ladder.spots.map((spot) => spot.y);
      bars.layout(width - 96 - ladderWidth, height, { order, names: get.names(), anchors });
    }
    paint(0);
  }

  // The state that Python and the page share.
  stage.follow(["logits", "labels"], () => {
    const logits = get.logits();
    const fresh = logits.length !== people.levels;
    people.equilibrate(logits, get.temperature());
    if (fresh) people.start(model.get("particles"), model.get("start") === "hot");
    typed.show(logits.map(format.short).join(", "));
    preset.value = Object.keys(PRESETS).find((k) => String(PRESETS[k]) === String(logits)) ?? "";
    disturb();
    layout();
  });
  stage.follow(["temperature"], () => {
    const temperature = get.temperature();
    people.equilibrate(get.logits(), temperature);
    thermometer.show(temperature);
    typedTemperature.show(format.temperature(temperature));
    disturb();
  });
  stage.follow(["particles"], () => {
    const particles = model.get("particles");
    if (particles !== people.particles) people.start(particles, model.get("start") === "hot");
    bars.digits = particles >= 500000 ? 4 : 3;
    size.value = particles;
    if (size.value === "") size.value = add(size, "option", { value: particles }, format.count(particles)).value;
    disturb();
  });
  stage.follow(["proposal"], () => {
    proposal.value = model.get("proposal");
    disturb();
  });
  stage.follow(["speed"], () => {
    const value = model.get("speed");
    speed.value = value;
    if (speed.value === "") speed.value = add(speed, "option", { value }, format.short(value)).value;
  });
  stage.follow(["running"], () => {
    running.textContent = model.get("running") ? "pause" : "go on";
    lastTold = 0;
    wake();
  });
  void step;

  stage.resize(layout);
  wake = stage.animate(frame);
  return () => stage.close();
}

class Replay {
  constructor(recording) {
    this.recording = recording;
  }
}

export default { render };
