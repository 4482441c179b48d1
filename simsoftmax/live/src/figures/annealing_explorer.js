// AnnealingExplorer: walkers on a rugged landscape are cooled, quickly or slowly, and some find the lowest level.

import { scaleLinear, scaleLog } from "d3-scale";
import { line } from "d3-shape";
import { Cooling } from "../models/cooling.js";
import * as format from "../kit/format.js";
import { Frame } from "../parts/frame.js";
import { heat } from "../kit/heat.js";
import { Thermometer } from "../parts/thermometer.js";
import { Kernels } from "../kit/kernels.js";
import { Landscape } from "../parts/landscape.js";
import { add } from "../kit/dom.js";
import { Stage } from "../kit/stage.js";
import { button, gauge, Readouts } from "../parts/controls.js";

const LENGTHS = [10, 30, 100, 300, 1000, 3000, 10000];
const CURVE = [10, 13, 18, 24, 30, 42, 56, 75, 100, 130, 180, 240, 300, 420, 560, 750, 1000, 1800, 3000, 5600, 10000];
const CHUNK = 50000; // moves between two looks at the clock
const BRIEF = 0.5; // seconds that a run takes when all lengths are tried in turn

const percent = (share) => `${format.fixed(100 * share, 1)} %`;

async function render({ model, el }) {
  const stage = new Stage(el, model, "Walkers on a landscape of energy levels, cooled along a schedule");
  const kernels = await Kernels.load(model.get("_kernels"));
  let cooling;

  const scene = add(stage.root, "div", { className: "ssm-scene" });
  const thermometer = new Thermometer(add(scene, "div", { className: "ssm-cell" }), {});
  const landscape = new Landscape(add(scene, "div", { className: "ssm-cell" }));
  const controls = add(stage.root, "div", { className: "ssm-controls" });
  const start = (changes) => {
    queue = [];
    touring = false;
    stage.set(changes);
    begin();
    stage.set({ running: true });
  };
  button(controls, stage.words("quench"), () => start({ quench: true }));
  button(controls, stage.words("cool"), () => start({ quench: false }));
  const pause = button(controls, "pause", () => {
    if (!model.get("running") && cooling.finished) start({});
    else stage.set({ running: !model.get("running") });
  });
  pause.classList.add("ssm-renamed");
  const [length, reading] = gauge(controls, "sweeps", LENGTHS.length - 1, (i) => start({ sweeps: LENGTHS[i] }), "length");
  button(controls, stage.words("tour"), () => {
    const jobs = LENGTHS.flatMap((sweeps) => [{ sweeps, quench: true }, { sweeps, quench: false }]);
    start(jobs[0]);
    queue = jobs.slice(1);
    touring = true;
  });
  const readouts = new Readouts(stage.root, {
    temperature: "temperature now",
    success: "in the lowest level",
    trapped: "in other valleys",
    sweep: "sweep",
  });
  readouts.list.classList.add("ssm-four");
  const words = add(stage.root, "p", { className: "ssm-verdict" });
  words.dataset.out = "verdict";
  const plot = new Frame(add(stage.root, "div", { className: "ssm-below" }), {
    title: "share of the walkers that found the lowest level",
    xName: "sweeps of a run",
    label: "Share in the lowest level against the length of a run",
  });
  const theory = ["cooled", "quenched"].map((name) => ({
    path: plot.marks.append("path").attr("class", "ssm-line").attr("fill", "none"),
    name: plot.marks.append("text").attr("class", "ssm-muted").attr("text-anchor", "end").text(name),
  }));
  const dots = plot.marks.append("g");

  let width = 0;
  let queue = []; // runs still to be made
  let touring = false; // whether all lengths are tried in turn
  let owed = 0;
  let told = 0;
  let wake = () => {};

  // Put the walkers back and start a run.
  function begin() {
    cooling.begin({
      walkers: model.get("walkers"),
      hot: model.get("hot"),
      cold: model.get("cold"),
      sweeps: model.get("sweeps"),
      quench: model.get("quench"),
    });
    owed = 0;
    told = 0;
    name();
    wake();
  }

  // What the button in the middle does.
  function name() {
    pause.textContent = model.get("running") ? "pause" : cooling.finished ? "again" : cooling.done ? "go on" : "start";
  }

  // A run takes long enough to be watched, and a longer one a little longer.
  function pace() {
    if (touring) return cooling.length / BRIEF;
    return cooling.length / (2.5 + LENGTHS.findLastIndex((n) => n <= cooling.length));
  }

  function frame(seconds) {
    const on = model.get("running");
    if (on) {
      owed += seconds * pace();
      // At most half of the time goes into sweeps; many walkers take longer.
      const end = performance.now() + 500 * seconds;
      const chunk = Math.ceil(CHUNK / cooling.walkers);
      while (owed >= 1 && !cooling.finished) {
        const sweeps = Math.min(chunk, Math.floor(owed));
        cooling.advance(sweeps);
        owed -= sweeps;
        if (performance.now() > end) owed = 0;
      }
      if (cooling.finished) finish();
    }
    const flying = draw(seconds);
    return model.get("running") || flying;
  }

  // Keep what the run came to, with what earlier runs of its kind and length did.
  function finish() {
    const { quench, length: sweeps, walkers } = cooling;
    const results = model.get("results").map((entry) => ({ ...entry }));
    let entry = results.find((known) => known.quench === quench && known.sweeps === sweeps);
    if (!entry) results.push((entry = { quench, sweeps, found: 0, walkers: 0 }));
    entry.found += cooling.inGround(cooling.counts);
    entry.walkers += walkers;
    told = 0;
    const next = queue.shift();
    if (!next) touring = false;
    stage.set({ results, running: Boolean(next), ...next });
    if (next) begin();
  }

  function draw(seconds) {
    const colour = heat(cooling.temperature);
    thermometer.show(cooling.temperature);
    landscape.populate(cooling.drawn(width < 560 ? 72 : 180), model.get("running") ? 1 / pace() : Infinity);
    const flying = landscape.paint(colour, seconds);
    // The sweep and its temperature keep step with the thermometer; the rest is told more calmly.
    readouts.set("temperature", format.temperature(cooling.temperature), cooling.quench ? "cold from the start" : `from ${format.short(cooling.hot)} to ${format.short(cooling.cold)}`);
    readouts.set("sweep", format.count(cooling.done), `of ${format.count(cooling.length)}`);
    tell();
    return flying;
  }

  function tell() {
    const now = performance.now();
    if (!width || now - told < 150) return;
    told = now;
    const share = cooling.inGround(cooling.shares);
    const exact = cooling.inGround(cooling.distribution);
    const held = landscape.count(cooling.shares.view);
    const valleys = landscape.valleys.filter((k) => !cooling.ground.includes(k));
    const deepest = valleys.reduce((most, k) => (held[k] > held[most] ? k : most), valleys[0]);
    const trapped = valleys.reduce((sum, k) => sum + held[k], 0);
    const above = valleys.length ? landscape.energies[deepest] - landscape.energies[cooling.ground[0]] : 0;
    readouts.set("success", percent(share), `exact ${percent(exact)}`);
    readouts.set("trapped", percent(trapped), trapped > 0.005 ? `largest ${format.fixed(above, 2)} higher` : "");
    const many = format.count(cooling.walkers);
    const spent = `${format.count(cooling.length)} sweeps`;
    if (cooling.finished) {
      const rest = trapped > 0.02 ? ` ${percent(trapped)} sit trapped, the largest group in a valley ${format.fixed(above, 2)} higher.` : "";
      words.textContent = cooling.quench
        ? `Quenched and left for ${spent}: ${percent(share)} of ${many} walkers found the lowest level.${rest}`
        : `Cooled over ${spent}: ${percent(share)} of ${many} walkers found the lowest level.${rest}`;
      if (!queue.length) stage.say(words.textContent);
    } else if (!cooling.done) {
      words.textContent = `${many} walkers, spread evenly over the landscape.`;
    } else {
      words.textContent = cooling.quench
        ? "Quenched: they roll down where they are, and hardly ever climb out again."
        : cooling.temperature > 1
          ? "Still hot: they cross the ridges in both directions."
          : "Colder: the ridges close, and each valley keeps what it has.";
    }
  }

  // The points so far.
  function accumulate() {
    if (!width) return;
    const results = model.get("results").filter(({ sweeps }) => sweeps >= LENGTHS[0] && sweeps <= LENGTHS.at(-1));
    const latest = cooling.finished ? `${cooling.quench} ${cooling.length}` : "";
    dots
      .selectAll("g")
      .data(results, ({ quench, sweeps }) => `${quench} ${sweeps}`)
      .join((enter) => {
        const g = enter.append("g");
        g.append("line").attr("stroke-width", 1.5);
        g.append("circle").attr("r", 4);
        return g;
      })
      .each(function ({ quench, sweeps, found, walkers }) {
        const [whisker, dot] = this.children;
        const [low, high] = cooling.around(found, walkers);
        const [x, colour] = [plot.x(sweeps), heat(quench ? model.get("cold") : 1)];
        const set = (node, attributes) => Object.entries(attributes).forEach(([key, value]) => node.setAttribute(key, value));
        set(whisker, { x1: x, x2: x, y1: plot.y(low), y2: plot.y(high), stroke: colour });
        set(dot, { cx: x, cy: plot.y(found / walkers), fill: colour, "data-found": `${quench ? "quench" : "cool"}-${sweeps}` });
        dot.classList.toggle("ssm-latest", latest === `${quench} ${sweeps}`);
      });
    const parts = results.map(({ quench, sweeps, found, walkers }) => `${quench ? "quenched" : "cooled"} ${format.count(sweeps)} sweeps ${percent(found / walkers)}`);
    plot.describe(parts.length ? parts.join("; ") : "no run yet");
  }

  function layout(now = width) {
    width = now;
    if (!width) return;
    const narrow = width < 560;
    stage.root.classList.toggle("ssm-narrow", narrow);
    if (narrow) {
      thermometer.layout(width, 76);
      landscape.layout(width, 260);
    } else {
      thermometer.layout(116, 300);
      landscape.layout(width - 116, 300);
    }
    plot.layout(width - 10, 230, {
      x: scaleLog([LENGTHS[0], LENGTHS.at(-1)], [0, 1]),
      y: scaleLinear([0, 1], [1, 0]),
      xTicks: [[10, 100, 1000, 10000], format.count],
      yTicks: [[0, 0.5, 1], (share) => `${100 * share} %`],
      left: 46,
    });
    [model.get("hot"), model.get("cold")].forEach((hot, i) => {
      const rates = CURVE.map((sweeps) => [sweeps, cooling.foretell(hot, model.get("cold"), sweeps)]);
      theory[i].path.attr("d", line((p) => plot.x(p[0]), (p) => plot.y(p[1]))(rates));
      theory[i].name.attr("x", plot.box.right).attr("y", plot.y(rates.at(-1)[1]) - 8);
    });
    told = 0;
    accumulate();
    draw(0);
  }

  stage.follow(["logits", "hot", "cold", "walkers"], () => {
    const logits = model.get("logits");
    const [hot, cold] = [model.get("hot"), model.get("cold")];
    const given = String([hot, cold, ...logits]);
    if (cooling && given !== cooling.given) stage.set({ results: [] });
    if (given !== cooling?.given) {
      cooling = new Cooling(kernels, model.get("_stream"), logits);
      cooling.given = given;
      landscape.show(logits);
    }
    begin();
    layout();
  });
  stage.follow(["sweeps", "quench"], () => {
    const sweeps = model.get("sweeps");
    length.value = LENGTHS.findLastIndex((n) => n <= sweeps);
    length.setAttribute("aria-valuetext", `${format.count(sweeps)} sweeps`);
    reading.textContent = format.count(sweeps);
    if (sweeps !== cooling.length || model.get("quench") !== cooling.quench) begin();
  });
  stage.follow(["results"], accumulate);
  stage.follow(["running"], () => {
    if (model.get("running") && cooling.finished) begin();
    name();
    wake();
  });
  stage.resize(layout);
  wake = stage.animate(frame);
  return () => stage.close();
}

export default { render };
