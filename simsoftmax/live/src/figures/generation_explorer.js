// GenerationExplorer: a language model writes, and the reader turns the heat while it does.

import { add } from "../kit/dom.js";
import * as format from "../kit/format.js";
import { heat } from "../kit/heat.js";
import { Kernels } from "../kit/kernels.js";
import { tall } from "../kit/room.js";
import { Seldom } from "../kit/seldom.js";
import { Stage } from "../kit/stage.js";
import { decode, encode } from "../kit/wire.js";
import { Writer } from "../models/writer.js";
import { Coming } from "../parts/coming.js";
import { button, choose, Readouts, select, temperatureField, verdict } from "../parts/controls.js";
import { Paper } from "../parts/paper.js";
import { Thermometer } from "../parts/thermometer.js";

const SPEEDS = [[1, "1"], [5, "5"], [30, "30"], [100, "100"], [300, "300"], [2000, "2,000"]];
const TOP_K = [[0, "all"], [1, "1"], [3, "3"], [10, "10"], [40, "40"]];
const TOP_P = [[1, "all"], [0.95, "0.95"], [0.9, "0.9"], [0.7, "0.7"], [0.5, "0.5"]];
const MIN_P = [[0, "all"], [0.02, "0.02"], [0.05, "0.05"], [0.1, "0.1"], [0.3, "0.3"]];
const ORDERS = [["temperature-first", "before filters"], ["temperature-last", "after filters"]];
const DIALS = ["temperature", "top_k", "top_p", "min_p", "order"];
const BEGUN = 240; // letters that stand there at first
const BUDGET = 600; // letters a frame at most
const NEWS = 300; // milliseconds for which bars, numbers and words tell of one letter, where many are written
const SAVED = 1000; // and between two savings

// What the reader sees: a thermometer over a page that fills and the letter that comes; numbers, words.
class View {
  constructor(root, setTemperature) {
    this.root = root;
    this.thermometer = new Thermometer(add(root, "div"), { change: setTemperature, label: "Temperature of the writing" });
    const scene = add(root, "div", { className: "ssm-scene ssm-desk" });
    this.paper = new Paper(add(scene, "div", { className: "ssm-cell" }), "What the model has written");
    this.coming = new Coming(add(scene, "div", { className: "ssm-cell" }));
    const names = { entropy: "entropy of the letter", left: "letters that may come", variety: "variety", repeated: "said before" };
    this.readouts = new Readouts(root, names, { paired: true });
    this.words = verdict(root);
  }

  layout(width) {
    const narrow = width < 560;
    this.root.classList.toggle("ssm-narrow", narrow);
    this.thermometer.layout(width, tall(this.root, 76, 58));
    const right = narrow ? width : Math.round(width * 0.38);
    const rows = tall(this.root, narrow ? 8 : 12, narrow ? 5 : 7); // letters that may come
    this.paper.layout(narrow ? width : width - right - 20, narrow ? tall(this.root, 220, 140) : this.coming.height(rows));
    this.coming.layout(right, rows);
  }
}

class Explorer {
  told = new Seldom(NEWS); // when numbers and words were last brought up to date
  taken = new Seldom(NEWS); // when another letter was last taken up
  saved = new Seldom(SAVED); // when Python was last told
  owed = 0; // letters, and parts of them
  wake = () => {};

  constructor(stage, writer) {
    this.stage = stage;
    this.model = stage.model;
    this.writer = writer;
    const setTemperature = (temperature) => stage.set({ temperature: encode(temperature) });
    this.view = new View(stage.root, setTemperature);
    const row = add(stage.root, "div", { className: "ssm-controls" });
    this.running = button(row, "pause", () => stage.set({ running: !this.model.get("running") }));
    this.running.classList.add("ssm-renamed");
    button(row, stage.words("step"), () => {
      stage.set({ running: false });
      this.write(1);
      this.refresh();
    });
    button(row, stage.words("again"), () => this.begin(0));
    this.typed = temperatureField(row, setTemperature);
    row.append(this.typed.error);
    this.settings();
  }

  settings() {
    const { stage, model } = this;
    const row = stage.settings();
    const number = (trait) => (value) => stage.set({ [trait]: Number(value) });
    const lists = {
      speed: select(row, "letters a second", SPEEDS, number("speed")),
      order: select(row, "temperature", ORDERS, (value) => stage.set({ order: value })),
      top_k: select(row, "top-k", TOP_K, number("top_k")),
      top_p: select(row, "top-p", TOP_P, number("top_p")),
      min_p: select(row, "min-p", MIN_P, number("min_p")),
    };
    stage.follow(Object.keys(lists), () => {
      for (const [trait, list] of Object.entries(lists)) choose(list, model.get(trait));
    });
  }

  // Follow the traits, the width and the clock.
  start() {
    const { stage, model } = this;
    this.read();
    this.begin(BEGUN);
    stage.follow(DIALS, () => this.turn());
    stage.follow(["speed"], () => this.attend());
    stage.follow(["running"], () => {
      this.running.textContent = model.get("running") ? "pause" : "go on";
      this.attend();
    });
    stage.resize((width) => {
      this.width = width;
      this.view.layout(width);
      this.refresh();
    });
    this.wake = stage.animate((seconds) => this.frame(seconds));
  }

  read() {
    const [temperature, topK, topP, minP, order] = DIALS.map((name) => this.model.get(name));
    this.dials = { temperature: decode(temperature), topK, topP: decode(topP), minP: decode(minP), last: order === "temperature-last" };
    this.colour = heat(this.dials.temperature);
  }

  // A knob was turned: what the next letter will be drawn from is seen at once.
  turn() {
    this.read();
    this.typed.show(format.temperature(this.dials.temperature));
    this.view.thermometer.show(this.dials.temperature);
    this.weigh();
    this.attend();
  }

  begin(letters) {
    this.writer.begin();
    this.view.paper.clear();
    this.owed = 0;
    this.write(letters);
    this.refresh();
  }

  write(count) {
    this.view.paper.write(this.writer.write(count, this.dials), this.colour);
  }

  // Show the letter that comes after what is held.
  weigh() {
    if (this.writer.holding === undefined) return;
    this.next = this.writer.coming(this.dials);
    this.view.coming.show(this.next, this.writer.names, this.colour);
  }

  attend() {
    this.told.soon();
    this.wake();
  }

  refresh() {
    this.writer.hold();
    this.weigh();
    this.told.soon();
    this.tell();
    this.wake();
  }

  frame(seconds) {
    const on = this.model.get("running");
    if (on) {
      this.owed += decode(this.model.get("speed")) * seconds;
      const count = Math.min(BUDGET, Math.floor(this.owed));
      this.owed = Math.min(1, this.owed - count);
      if (count) this.write(count);
    }
    if (this.taken.due()) {
      this.writer.hold();
      this.weigh();
      this.told.soon(); // numbers and words are of the letter that the bars show
    }
    this.tell();
    return on;
  }

  // Numbers and words, a few times a second.
  tell() {
    if (!this.width || !this.told.due()) return;
    const { writer, view, next, dials } = this;
    const found = writer.describe();
    view.readouts.set("entropy", `${format.fixed(next.entropy, 2)} bits`, "after the filters");
    view.readouts.set("left", String(next.left), `of ${writer.letters.length}`);
    view.readouts.set("variety", format.percent(found.variety, 0), "of pieces of 4 letters");
    view.readouts.set("repeated", format.percent(found.repeated, 0), "of the last 300 letters");
    const text = writer.told(found, next, dials);
    view.words.textContent = text;
    view.coming.describe(next, writer.names);
    if (!this.stage.glide.moving) this.stage.say(text);
    if (!this.saved.due() && this.model.get("running")) return;
    this.stage.set({ text: writer.recent });
  }
}

async function render({ model, el }) {
  const stage = new Stage(el, model, "A language model that writes under an adjustable temperature");
  const kernels = await Kernels.load(model.get("_kernels"));
  const [letters, sizes, table, discounts, stream] = ["_letters", "_sizes", "_table", "_discounts", "_stream"].map((name) =>
    model.get(name),
  );
  new Explorer(stage, await Writer.load(kernels, { letters, sizes, table, discounts, stream })).start();
  return () => stage.close();
}

export default { render };
