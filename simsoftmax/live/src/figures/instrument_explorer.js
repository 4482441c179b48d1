// Instrument: a reader's own file goes in, an answer comes out, and nothing leaves the page.

import { add } from "../kit/dom.js";
import * as format from "../kit/format.js";
import { heat } from "../kit/heat.js";
import { haveDone, serve } from "../kit/helper.js";
import { pictureOf, saveFile } from "../kit/saving.js";
import { Stage } from "../kit/stage.js";
import { json, judge, NEEDS, recipe } from "../models/instruments.js";
import { general, percent } from "../files/python.js";
import { Bars } from "../parts/bars.js";
import { button, choose, Readouts, select, temperatureField } from "../parts/controls.js";
import { Reliability } from "../parts/reliability.js";
import { Well } from "../parts/well.js";

serve((kernels, { instrument, files, settings }, progress) => judge(kernels, instrument, files, settings, progress));

const COUNTS = { counts: "how many draws fell on each level; or the draws, an index each", logits: "one score for each level" };
const HINTS = {
  verify: COUNTS,
  thermometer: COUNTS,
  calibrate: { logits: "a row for each case, a column for each class", labels: "the true class of each row, counted from 0" },
};
const DO = { calibrate: "calibrate", verify: "check", thermometer: "take the temperature" };
const MOST_BARS = 24; // levels that are drawn
const CHOICES = {
  level: ["confidence", [[0.68, "68 %"], [0.9, "90 %"], [0.95, "95 %"], [0.99, "99 %"]]],
  kind: ["the first file holds", [["counts", "counts"], ["draws", "draws"]]],
  alarm: ["false alarms", [[0.01, "1 %"], [0.001, "0.1 %"], [0.0001, "0.01 %"]]],
  bins: ["bins", [[5, 5], [10, 10], [15, 15], [30, 30]]],
};

const at = (temperature) => `T = ${temperature === Infinity ? "∞" : format.temperature(temperature)}`;

// What came out for a classifier: two reliability diagrams and the numbers beside them.
class Calibrated {
  constructor(parent, { facts, diagrams }) {
    const { temperature, status } = facts;
    const after = status === "unidentified" ? 1 : temperature;
    this.titles = [`as trained, ${at(1)}`, `at the fitted ${at(after)}`];
    this.readouts = new Readouts(parent, { T: "temperature", nll: "NLL, nats", ece: "calibration error", rows: "rows" }, { paired: true });
    const [low, high] = [facts.low, facts.high].map((t) => (t === Infinity ? "∞" : format.temperature(t)));
    this.readouts.set("T", status === "unidentified" ? "none" : format.temperature(temperature), `${low} to ${high}`);
    this.readouts.set("nll", format.fixed(facts.nll_after, 4), `${format.fixed(facts.nll_before, 4)} before`);
    this.readouts.set("ece", format.percent(facts.error_after, 2), `${format.percent(facts.error_before, 2)} before`);
    this.readouts.set("rows", format.count(facts.rows), `${format.percent(facts.error_by_chance, 2)} error by chance`);
    const scene = add(parent, "div", { className: "ssm-scene ssm-halves" });
    this.views = [diagrams.before, diagrams.after].map(({ bins }, i) => {
      const cell = add(scene, "div", { className: "ssm-cell" });
      add(cell, "p", {}, this.titles[i]);
      const view = new Reliability(cell);
      view.describe(`${this.titles[i]}: calibration error ${format.percent([facts.error_before, facts.error_after][i], 2)}`);
      return { view, bins, colour: heat(i ? after : 1) };
    });
  }

  layout(width) {
    const narrow = width < 600;
    const side = narrow ? width : Math.floor((width - 20) / 2);
    for (const { view, bins, colour } of this.views) {
      view.layout(side, Math.min(400, side + 30));
      view.show(bins, colour);
    }
  }

  pictures() {
    return this.views.map(({ view }) => view.picture);
  }
}

// What came out for counts: their shares beside softmax, and the numbers.
class Counted {
  constructor(parent, result) {
    const { shares, facts } = result;
    this.shares = shares;
    this.titles = [`shares beside softmax at ${at(shares.temperature)}`];
    if (facts.verdict) this.judged(parent, facts.verdict);
    else this.measured(parent, facts);
    const { analytic } = shares;
    this.order = Array.from(analytic, (_, k) => k);
    if (this.order.length > MOST_BARS) {
      this.order = this.order.sort((a, b) => analytic[b] - analytic[a] || a - b).slice(0, MOST_BARS);
      add(parent, "p", { className: "ssm-muted" }, `The ${MOST_BARS} likeliest of ${format.count(analytic.length)} levels are drawn.`);
    }
    this.bars = new Bars(add(parent, "div", { className: "ssm-below" }), { heading: "share of draws", columns: ["drawn", "softmax"], label: this.titles[0] });
  }

  judged(parent, verdict) {
    const readouts = new Readouts(parent, { p: "p-value", tv: "total variation", worst: "worst level", n: "particles" }, { paired: true });
    readouts.set("p", general(verdict.p_value, 2), `rejected below ${general(verdict.false_alarm, 3)}`);
    readouts.set("tv", percent(verdict.total_variation), `the sampler's own is below ${percent(verdict.total_variation_bound)}`);
    readouts.set("worst", String(verdict.worst_level), `${format.fixed(verdict.worst_residual, 2)} standard deviations`);
    readouts.set("n", format.count(verdict.particles), `in ${format.count(verdict.groups)} groups of levels`);
  }

  measured(parent, facts) {
    const readouts = new Readouts(parent, { T: "temperature", p: "p-value of the fit", n: "particles" });
    const [low, high] = [facts.low, facts.high].map((t) => (t === Infinity ? "∞" : format.temperature(t)));
    readouts.set("T", facts.temperature === Infinity ? "∞" : format.temperature(facts.temperature), `${low} to ${high}`);
    readouts.set("p", general(facts.p_value, 2), "small where no temperature fits");
    readouts.set("n", format.count(facts.particles));
  }

  layout(width) {
    const { empirical, analytic, temperature } = this.shares;
    const seen = this.order.flatMap((k) => [empirical[k], analytic[k]]);
    const names = analytic.map((_, k) => String(k));
    const height = 26 + Math.max(18, Math.min(36, 420 / this.order.length)) * this.order.length;
    this.bars.layout(Math.min(width, 640), height, { order: this.order, names, anchors: null, most: Math.max(...seen) });
    this.bars.show(empirical, analytic, heat(temperature));
    this.bars.describe(empirical, analytic);
  }

  pictures() {
    return [this.bars.picture];
  }
}

const VIEWS = { calibrate: Calibrated, verify: Counted, thermometer: Counted };

// One instrument in one place of the page.
class Bench {
  constructor(stage, instrument) {
    this.stage = stage;
    this.instrument = instrument;
    this.settings = { ...NEEDS[instrument].settings };
    this.root = add(stage.root, "div");
    const wells = add(this.root, "div", { className: "ssm-wells" });
    // A file that misses its place would open in the page's stead, and all that stands here would be gone.
    for (const kind of ["dragover", "drop"]) this.root.addEventListener(kind, (event) => event.preventDefault());
    this.wells = Object.entries(HINTS[instrument]).map(([name, hint]) => new Well(wells, { name, hint, change: () => this.changed() }));
    const row = add(this.root, "div", { className: "ssm-controls" });
    this.go = button(row, DO[instrument], () => this.run());
    button(row, "try an example", () => this.example());
    for (const [name, value] of Object.entries(this.settings)) {
      if (name === "temperature") this.temperature(row);
      else {
        const [words, choices] = CHOICES[name];
        const list = select(row, words, choices, (text) => this.choose(name, typeof value === "number" ? Number(text) : text));
        choose(list, value);
        if (name === "kind") this.kind = list;
      }
    }
    this.way = add(this.root, "p", { className: "ssm-way-on", hidden: true });
    this.bar = add(this.way, "progress", { max: 1, value: 0 });
    this.bar.setAttribute("aria-label", "how far the computation is");
    this.told = add(this.way, "span", { className: "ssm-muted" });
    this.complaint = add(this.root, "p", { className: "ssm-error ssm-complaint", role: "alert", hidden: true });
    this.answer = add(this.root, "div", { className: "ssm-answer", hidden: true });
    this.changed();
  }

  // The temperature that is claimed.
  temperature(row) {
    const typed = temperatureField(row, (value) => {
      typed.show(format.temperature(value));
      this.choose("temperature", value);
    });
    typed.show("1.00");
    row.append(typed.error);
  }

  choose(name, value) {
    this.settings[name] = value;
    if (this.answered) this.run();
  }

  changed() {
    this.work?.stop();
    this.way.hidden = true;
    this.answered = undefined;
    this.answer.hidden = true;
    this.complaint.hidden = true;
    this.go.disabled = !this.wells.every(({ file }) => file);
  }

  example() {
    const texts = this.stage.model.get("_examples")[this.instrument];
    if ("kind" in this.settings) {
      this.settings.kind = "counts";
      choose(this.kind, "counts");
    }
    for (const well of this.wells) well.put(`${well.name}.csv`, new Blob([texts[well.name]]));
    this.run();
  }

  run() {
    this.work?.stop();
    this.answered = undefined;
    const files = Object.fromEntries(this.wells.map(({ name, file }) => [name, file]));
    const task = { instrument: this.instrument, files, settings: this.settings };
    const { model } = this.stage;
    this.complaint.hidden = true;
    this.way.hidden = false;
    this.show({ what: "reading", done: 0 });
    const began = performance.now();
    this.work = haveDone(model.get("_esm"), model.get("_kernels"), task, {
      progress: (state) => this.show(state),
      answer: (result, memory) => this.tell(result, files, { memory, seconds: (performance.now() - began) / 1000 }),
      error: (message) => this.complain(message),
    });
  }

  show({ what, done }) {
    this.bar.value = done;
    this.told.textContent = `${what}, ${format.percent(done, 0)}`;
  }

  complain(message) {
    this.way.hidden = true;
    this.answer.hidden = true;
    this.complaint.hidden = false;
    this.complaint.textContent = message;
  }

  tell(result, files, { memory, seconds }) {
    this.way.hidden = true;
    this.answered = result;
    this.answer.replaceChildren();
    this.answer.hidden = false;
    const sentence = add(this.answer, "p", { className: "ssm-verdict" }, result.sentence);
    sentence.dataset.out = "sentence";
    if (result.note) add(this.answer, "p", { className: "ssm-muted" }, `Note: ${result.note}.`);
    this.view = new VIEWS[this.instrument](this.answer, result);
    const row = add(this.answer, "div", { className: "ssm-controls" });
    button(row, "save the picture", () => {
      saveFile([this.instrument, "svg"].join("."), pictureOf(this.view.pictures(), this.view.titles, this.stage.root), "image/svg+xml");
    });
    button(row, "save the numbers", () => saveFile(`${this.instrument}.json`, json(result.facts), "application/json"));
    const cost = `${format.significant(Math.max(seconds, 0.01), 2)} s; the kernels took ${format.count(memory / 1e3)} kB of memory`;
    add(row, "span", { className: "ssm-muted" }, cost);
    const { python, shell } = recipe(this.instrument, files, this.settings);
    for (const [name, code] of [["The same in Python", python], ["The same in a shell", shell]]) {
      add(this.answer, "p", { className: "ssm-muted ssm-same" }, name);
      const pre = add(this.answer, "pre", { tabIndex: 0 });
      add(pre, "code", {}, code);
    }
    this.layout(this.width);
    this.stage.say(result.sentence);
    this.stage.tellChange();
  }

  layout(width) {
    this.width = width;
    this.stage.root.classList.toggle("ssm-narrow", width < 600);
    if (this.answered) this.view.layout(width);
  }

  close() {
    this.work?.stop();
    this.root.remove();
  }
}

function render({ model, el }) {
  const stage = new Stage(el, model, "An instrument for your own files");
  let bench;
  let width = 0;
  stage.follow(["instrument"], () => {
    bench?.close();
    bench = new Bench(stage, model.get("instrument"));
    if (width) bench.layout(width);
  });
  stage.resize((now) => {
    width = now;
    bench.layout(width);
  });
  stage.onCleanup(() => bench.close());
  return () => stage.close();
}

export default { render };
