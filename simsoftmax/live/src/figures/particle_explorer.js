// ParticleExplorer: particles hop between energy levels until their shares are softmax.

import { Bars } from "../parts/bars.js";
import * as format from "../kit/format.js";
import { heat } from "../kit/heat.js";
import { Thermometer } from "../parts/thermometer.js";
import { Kernels } from "../kit/kernels.js";
import { Ladder } from "../parts/ladder.js";
import { levelNames } from "../models/levels.js";
import { Population, Recording } from "../models/population.js";
import { add } from "../kit/dom.js";
import { Stage } from "../kit/stage.js";
import { decode, encode } from "../kit/wire.js";
import { button, logitsField, Readouts, select, slider, temperatureField } from "../parts/controls.js";

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
const BUDGET = 7; // milliseconds of moves a frame
const TOLERANCE = 1e-5; // total variation at which a particle has forgotten where it was
const DOUBT = Math.log(100);

async function render({ model, el }) {
  const stage = new Stage(el, model, "Particles on energy levels, with an adjustable temperature");
  const kernels = await Kernels.load(model.get("_kernels"));
  const recorded = model.get("_recording");
  const people = recorded ? new Recording(kernels, recorded) : new Population(kernels, model.get("_stream"));

  const logitsNow = () => model.get("logits").map(decode);
  const neighbour = () => model.get("proposal") === "neighbour";
  const names = () => levelNames(model.get("names"), logitsNow());
  const setLogits = (logits) => stage.set({ logits: logits.map(encode) });
  const setTemperature = (temperature) => stage.set({ temperature: encode(temperature) });

  // The scene: thermometer, ladder, bars.
  const scene = add(stage.root, "div", { className: "ssm-scene" });
  const cell = () => add(scene, "div", { className: "ssm-cell" });
  const thermometer = new Thermometer(cell(), { change: recorded ? undefined : setTemperature });
  const ladder = new Ladder(cell(), {
    change: recorded ? undefined : (level, logit) => setLogits(logitsNow().map((z, k) => (k === level ? logit : z))),
  });
  const bars = new Bars(cell(), { heading: "share of particles", columns: ["seen", "softmax"], label: "Share of particles" });
  const readouts = new Readouts(stage.root, {
    energy: "energy",
    entropy: "entropy",
    free_energy: "free energy",
    ...(recorded ? { sweep: "sweep" } : { acceptance: "moved", rate: "moves a second" }),
  });
  const verdict = add(stage.root, "p", { className: "ssm-verdict" });
  verdict.dataset.out = "verdict";

  // The state of this view.
  let width = 0;
  let sweeps = 0; // since the last disturbance
  let forgetting = 1; // sweeps until a particle has forgotten where it was
  let judged = 0; // when the counts were last added to the evidence, in sweeps
  let owed = 0; // moves due, with fractions
  let told = 0; // when the words were last brought up to date
  let synced = 0;
  let rate = 0;
  let pace = 5000; // moves a millisecond, measured as we go
  let wake = () => {};

  // The controls.
  const actions = add(stage.root, "div", { className: "ssm-controls" });
  const running = button(actions, "pause", () => {
    if (recorded && !model.get("running") && people.at === people.length - 1) people.seek(0);
    stage.set({ running: !model.get("running") });
  });
  button(actions, stage.words("step"), () => {
    stage.set({ running: false });
    if (recorded) people.seek(people.at + 1);
    else walk(people.particles);
    refresh();
  });
  let scrubber;
  if (recorded) {
    scrubber = slider(actions, "record", 0, (at) => {
      stage.set({ running: false });
      people.seek(at);
      refresh();
    });
  } else {
    button(actions, stage.words("cold"), () => restart(false));
    button(actions, stage.words("hot"), () => restart(true));
    const settings = stage.settings();
    const preset = select(settings, "levels", [["", "your own"], ...Object.keys(PRESETS).map((k) => [k, k])], (name) => {
      if (PRESETS[name]) setLogits(PRESETS[name]);
    });
    const typed = logitsField(settings, setLogits, stage.limits("levels"));
    const typedTemperature = temperatureField(settings, setTemperature);
    const proposal = select(settings, "proposals", [["uniform", "any level"], ["neighbour", "one rung"]], (value) =>
      stage.set({ proposal: value }),
    );
    const size = select(settings, "particles", SIZES.map((n) => [n, format.count(n)]), (value) =>
      stage.set({ particles: Number(value) }),
    );
    const speed = select(settings, "sweeps a second", SPEEDS.map((n) => [n, format.count(n)]), (value) =>
      stage.set({ speed: Number(value) }),
    );
    const fault = select(settings, "particles obey", FAULTS, (value) => stage.set({ fault: Number(value) }));
    settings.append(typed.error, typedTemperature.error);
    stage.follow(["logits", "temperature", "proposal", "particles", "speed", "fault"], () => {
      const logits = logitsNow();
      typed.show(logits.map(format.short).join(", "));
      preset.value = Object.keys(PRESETS).find((k) => String(PRESETS[k]) === String(logits)) ?? "";
      typedTemperature.show(format.temperature(decode(model.get("temperature"))));
      proposal.value = model.get("proposal");
      for (const [list, value] of [[size, model.get("particles")], [speed, model.get("speed")], [fault, model.get("fault")]]) {
        list.value = value;
        if (list.value === "") list.value = add(list, "option", { value }, format.short(value)).value;
      }
    });
  }

  function restart(hot) {
    people.start(model.get("particles"), hot);
    disturb();
    refresh(); // numbers at once, also where nothing runs
  }

  // Something changed: what is counted for the verdict begins again.
  function disturb() {
    sweeps = 0;
    judged = 0;
    told = 0;
    if (recorded) people.seek(people.at);
    else {
      people.forgetRates();
      people.count();
      people.judge(true);
      forgetting = people.forgetting(neighbour(), TOLERANCE);
    }
    wake();
  }

  // Simulate a number of moves; when every particle has forgotten, its level is a new, independent draw.
  function walk(moves) {
    people.advance(moves, neighbour());
    people.count();
    sweeps += moves / people.particles;
    if (forgetting > 0 && sweeps - judged >= forgetting + 1) {
      people.judge();
      judged = sweeps;
    }
  }

  function refresh() {
    told = 0;
    paint(0);
    tell();
    wake();
  }

  function paint(seconds) {
    const colour = heat(people.temperature);
    ladder.populate(people.drawn());
    const flying = ladder.paint(colour, seconds);
    bars.show(people.shares.view, people.probabilities.view, colour);
    return flying;
  }

  // Numbers and words, a few times a second.
  function tell() {
    const now = performance.now();
    if (!width || now - told < 200) return;
    told = now;
    const { theory, seen } = people;
    readouts.set("energy", format.fixed(seen.energy), `softmax ${format.fixed(theory.energy)}`);
    readouts.set("entropy", format.fixed(seen.entropy), `softmax ${format.fixed(theory.entropy)}`);
    readouts.set("free_energy", format.fixed(seen.freeEnergy), `minimum ${format.fixed(theory.freeEnergy)}`);
    if (recorded) {
      readouts.set("sweep", format.count(people.sweeps), `of ${format.count(people.length * people.every)}`);
      scrubber.max = people.length - 1;
      scrubber.value = people.at;
    } else {
      readouts.set("acceptance", people.proposed ? `${((100 * people.moved) / people.proposed).toFixed(0)} %` : "–");
      readouts.set("rate", model.get("running") ? format.roughly(rate) : "0");
    }
    const [text, news] = words();
    verdict.textContent = text;
    if (news) stage.say(news);
    bars.describe(people.shares.view, people.probabilities.view);
    if (recorded) {
      const counts = Array.from(people.shares.view, (share) => Math.round(share * people.particles));
      if (String(counts) !== String(model.get("counts"))) stage.set({ counts, sweeps: people.sweeps });
    } else if (now - synced > 1000) {
      synced = now;
      stage.set({
        counts: Array.from(people.counts.view, Number),
        sweeps: Math.floor(sweeps),
        log_evidence: people.draws ? encode(people.logEvidence) : null,
      });
    }
  }

  // The verdict in words, and what of it is worth announcing.
  function words() {
    const n = format.count(people.particles);
    if (recorded) return [`${n} particles, recorded ${people.every === 1 ? "every sweep" : `every ${format.count(people.every)} sweeps`}.`];
    if (forgetting < 0) {
      return [`${n} particles are frozen in: they would need more than 10¹² sweeps to forget where they began.`, "Frozen in."];
    }
    if (!people.draws) {
      const due = format.count(forgetting + 1);
      return [`${n} particles are finding their balance: sweep ${format.count(Math.floor(sweeps))} of the ${due} after which their start is forgotten.`];
    }
    const draws = format.roughly(people.draws);
    const odds = format.odds(people.logEvidence);
    if (people.logEvidence === Infinity) return ["A particle is in a level that softmax forbids.", "Not softmax."];
    if (people.logEvidence > DOUBT) {
      return [
        `These particles do not follow softmax(z/T). Evidence against it: ${odds}, after ${draws} draws. Under softmax such odds ever turn up in at most one run in ${odds.replace(/ to 1$/, "")}.`,
        "The particles do not follow softmax.",
      ];
    }
    if (people.logEvidence > 0) {
      return [`${draws} draws leave it open. Evidence against softmax(z/T): ${odds}, which chance may bring.`, ""];
    }
    const lost = people.logEvidence < -2.3 ? "nearly all" : "some";
    const bet = people.logEvidence < -0.05 ? ` A fair bet on a difference would have lost ${lost} of its stake.` : "";
    return [
      `${draws} draws agree with softmax(z/T). Evidence against it: ${odds}.${bet}`,
      "The particles agree with softmax.",
    ];
  }

  let sinceRecord = 0;
  function frame(seconds) {
    const on = model.get("running");
    if (on && recorded) {
      sinceRecord += seconds * model.get("speed");
      const records = Math.floor(sinceRecord);
      sinceRecord -= records;
      if (records) people.seek(people.at + records);
      if (people.at === people.length - 1) stage.set({ running: false });
    } else if (on) {
      owed = Math.min(owed + people.particles * model.get("speed") * seconds, pace * BUDGET);
      const moves = Math.floor(owed);
      owed -= moves;
      const begun = performance.now();
      walk(moves);
      const took = performance.now() - begun;
      if (moves > 2000 && took > 0) pace += 0.1 * (moves / took - pace);
      if (seconds > 0) rate += 0.05 * (moves / seconds - rate);
    }
    const flying = paint(seconds);
    tell();
    return on || flying;
  }

  // Layout by the figure's own width.
  function layout(now = width) {
    width = now;
    if (!width) return;
    const narrow = width < 560;
    stage.root.classList.toggle("ssm-narrow", narrow);
    const logits = logitsNow();
    const order = [...logits.keys()].sort((a, b) => logits[a] - logits[b] || b - a);
    ladder.show(logits, names());
    if (narrow) {
      thermometer.layout(width, 76);
      ladder.layout(width, 230);
      bars.layout(width, 30 + 34 * order.length, { order, names: names(), anchors: null });
    } else {
      const height = Math.max(330, 60 + 26 * order.length);
      const ladderWidth = Math.round((width - 116) * (width < 700 ? 0.4 : 0.45));
      thermometer.layout(116, height);
      ladder.layout(ladderWidth, height);
      const anchors = ladder.spots.map((spot) => spot.y);
      bars.layout(width - 116 - ladderWidth, height, { order, names: names(), anchors });
    }
    refresh(); // numbers too, so that nothing shifts when the figure comes into sight
  }

  // The state that Python and the page share.
  stage.follow(["logits", "names", "temperature", "fault", "particles", "proposal"], () => {
    const logits = logitsNow();
    const fresh = logits.length !== people.levels;
    people.equilibrate(logits, decode(model.get("temperature")), model.get("fault"));
    const particles = recorded ? people.particles : model.get("particles");
    if (!recorded && (fresh || particles !== people.particles)) people.start(particles, model.get("start") === "hot");
    bars.digits = particles >= 500000 ? 4 : 3;
    thermometer.show(people.temperature);
    disturb();
    layout();
  });
  if (!recorded) stage.follow(["start"], () => restart(model.get("start") === "hot"));
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
