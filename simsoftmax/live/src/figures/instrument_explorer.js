// Instrument: a reader's own file goes in, an answer comes out, and nothing leaves the page.

import { add } from "../kit/dom.js";
import * as format from "../kit/format.js";
import { heat } from "../kit/heat.js";
import { haveDone, serve } from "../kit/helper.js";
import { pictureOf, saveFile } from "../kit/saving.js";
import { Stage } from "../kit/stage.js";
import { json, judge, NEEDS, recipe } from "../models/instruments.js";
import { button, choose, Readouts, select } from "../parts/controls.js";
import { Reliability } from "../parts/reliability.js";
import { Well } from "../parts/well.js";

serve((kernels, { instrument, files, settings }, progress) => judge(kernels, instrument, files, settings, progress));

const HINTS = {
  calibrate: { logits: "a row for each case, a column for each class", labels: "the true class of each row, counted from 0" },
};
const DO = { calibrate: "calibrate" };
const CHOICES = {
  level: ["confidence", [[0.68, "68 %"], [0.9, "90 %"], [0.95, "95 %"], [0.99, "99 %"]]],
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
    return this.views.map(({ view }) => view.frame.svg.node());
  }
}

const VIEWS = { calibrate: Calibrated };

// One instrument in one place of the page.
class Bench {
  constructor(stage, instrument) {
    this.stage = stage;
    this.instrument = instrument;
    this.settings = { ...NEEDS[instrument].settings };
    this.root = add(stage.root, "div");
    const wells = add(this.root, "div", { className: "ssm-wells" });
    this.wells = Object.entries(HINTS[instrument]).map(([name, hint]) => new Well(wells, { name, hint, change: () => this.changed() }));
    const row = add(this.root, "div", { className: "ssm-controls" });
    this.go = button(row, DO[instrument], () => this.run());
    button(row, "try an example", () => this.example());
    for (const [name, value] of Object.entries(this.settings)) {
      const [words, choices] = CHOICES[name];
      const list = select(row, words, choices, (text) => {
        this.settings[name] = Number(text);
        if (this.answered) this.run();
      });
      choose(list, value);
    }
    this.way = add(this.root, "p", { className: "ssm-way-on", hidden: true });
    this.bar = add(this.way, "progress", { max: 1, value: 0 });
    this.bar.setAttribute("aria-label", "how far the computation is");
    this.told = add(this.way, "span", { className: "ssm-muted" });
    this.complaint = add(this.root, "p", { className: "ssm-error ssm-complaint", role: "alert", hidden: true });
    this.answer = add(this.root, "div", { className: "ssm-answer", hidden: true });
    this.changed();
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
      saveFile(`${this.instrument}.svg`, pictureOf(this.view.pictures(), this.view.titles, this.stage.root), "image/svg+xml");
    });
    button(row, "save the numbers", () => saveFile(`${this.instrument}.json`, json(result.facts), "application/json"));
    const cost = `${format.significant(Math.max(seconds, 0.01), 2)} s, ${format.significant(memory / 1e6, 2)} MB of memory for the kernels`;
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
