// AttentionExplorer: the words of a sentence light up where one of them looks, under a thermometer.

import { add } from "../kit/dom.js";
import * as format from "../kit/format.js";
import { Kernels } from "../kit/kernels.js";
import { CATEGORIES } from "../kit/look.js";
import { tall } from "../kit/room.js";
import { Stage } from "../kit/stage.js";
import { decode, encode } from "../kit/wire.js";
import { crowds, Sentences } from "../models/attention.js";
import { gauge, Readouts, select, verdict } from "../parts/controls.js";
import { HeatMap } from "../parts/heat_map.js";
import { Thermometer } from "../parts/thermometer.js";

const LIGHT = CATEGORIES[1];

// The sentence itself: words that take part can be chosen, and those that are looked at light up.
class Line {
  constructor(parent, { choose, step }) {
    this.choose = choose;
    this.node = add(parent, "p", { className: "ssm-sentence" });
    this.node.addEventListener("keydown", (event) => {
      const places = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (!places) return;
      event.preventDefault();
      this.buttons.get(step(places))?.focus();
    });
  }

  write({ words, looks }) {
    this.node.replaceChildren();
    this.buttons = new Map();
    this.shares = new Map();
    words.forEach((word, k) => {
      if (k) this.node.append(" ");
      if (!looks[k]) return add(this.node, "span", { className: "ssm-passive" }, word);
      const button = add(this.node, "button", { type: "button", className: "ssm-word" });
      add(button, "span", {}, word);
      this.shares.set(k, add(button, "span", { className: "ssm-part-of" }));
      button.addEventListener("click", () => this.choose(k));
      return this.buttons.set(k, button);
    });
  }

  show({ word, shares }) {
    for (const [k, button] of this.buttons) {
      const chosen = k === word;
      button.setAttribute("aria-pressed", String(chosen));
      button.style.background = chosen ? "" : `color-mix(in srgb, ${LIGHT} ${(55 * shares[k]).toFixed(1)}%, transparent)`;
      this.shares.get(k).textContent = chosen ? "looks" : format.percent(shares[k], shares[k] < 0.095 && shares[k] >= 0.0005 ? 1 : 0);
    }
  }
}

class View {
  constructor(root, { sentences, setTemperature, choose, step }) {
    this.root = root;
    this.sentences = sentences;
    this.thermometer = new Thermometer(add(root, "div"), { change: setTemperature });
    this.controls = add(root, "div", { className: "ssm-controls" });
    this.line = new Line(root, { choose, step });
    const scene = add(root, "div", { className: "ssm-scene ssm-halves" });
    this.cell = add(scene, "div", { className: "ssm-cell" });
    this.map = new HeatMap(this.cell, {
      label: "Where each word looks",
      colour: LIGHT,
      crowd: "all further",
      choose: (row) => choose(this.taking[row]),
    });
    this.side = add(scene, "div", { className: "ssm-cell ssm-told" });
    this.words = verdict(this.side);
    this.readouts = new Readouts(
      this.side,
      { keys: "as if shared by", entropy: "entropy", best: "largest share", crowd: "lost to further words" },
      { paired: true },
    );
  }

  write(sentence) {
    const { words, looks } = this.sentences.of(sentence);
    this.taking = [...looks.keys()].filter((k) => looks[k]);
    this.names = this.taking.map((k) => words[k]);
    this.line.write({ words, looks });
    if (this.width) this.layout(this.width);
  }

  layout(width) {
    this.width = width;
    const narrow = width < 560;
    this.root.classList.toggle("ssm-narrow", narrow);
    this.thermometer.layout(Math.min(width, 520), tall(this.root, 76, 58));
    const left = tall(this.root, narrow ? width : Math.min(460, width - 260), narrow ? 230 : 300);
    this.map.layout(left, this.names);
    this.side.style.width = narrow ? `${width}px` : `${width - left - 20}px`;
  }

  show(sentence, word, context) {
    const looks = this.sentences.looks(sentence, context);
    const look = looks[word];
    const text = this.sentences.told(sentence, look, context);
    this.thermometer.show(context.temperature);
    this.line.show(look);
    const rows = this.taking.map((i) => [...this.taking.map((j) => looks[i].shares[j]), looks[i].crowd]);
    this.map.show(rows, this.taking.indexOf(word), text);
    this.words.textContent = text;
    const best = Math.max(...look.shares);
    this.readouts.set("keys", format.significant(look.keys), look.keys < 1.005 ? "word" : "words");
    this.readouts.set("entropy", format.fixed(look.entropy, 2), "nats");
    this.readouts.set("best", format.percent(best), "");
    this.readouts.set("crowd", format.percent(look.crowd), context.others ? `to ${format.count(context.others)}` : "there are none");
    return text;
  }
}

async function render({ model, el }) {
  const stage = new Stage(el, model, "The attention of the words of a sentence, with an adjustable temperature");
  const texts = model.get("sentences");
  const sentences = new Sentences(await Kernels.load(model.get("_kernels")), {
    sentences: texts,
    scores: model.get("scores").map(decode),
  });
  const steps = crowds(stage.limits("others")[1]);
  const choose = (word) => stage.set({ word });
  const view = new View(stage.root, {
    sentences,
    setTemperature: (temperature) => stage.set({ temperature: encode(temperature) }),
    choose,
    step(places) {
      const word = sentences.next(model.get("sentence"), model.get("word"), places);
      choose(word);
      return word;
    },
  });
  const list = select(view.controls, "sentence", texts.map((text, k) => [String(k), text]), (value) =>
    stage.set({ sentence: Number(value), word: sentences.first(Number(value)) }),
  );
  list.classList.add("ssm-long");
  const crowd = gauge(view.controls, "further words", steps.length - 1, (at) => stage.set({ others: steps[at] }), "others");

  function draw() {
    const [sentence, others] = [model.get("sentence"), model.get("others")];
    const temperature = decode(model.get("temperature"));
    const { looks } = sentences.of(sentence);
    const word = looks[model.get("word")] ? model.get("word") : sentences.first(sentence);
    list.value = String(sentence);
    const at = steps.findLastIndex((n) => n <= others);
    crowd.show(at, format.count(others));
    stage.say(view.show(sentence, word, { temperature, others }));
  }

  stage.follow(["sentence"], () => {
    view.write(model.get("sentence"));
    draw();
  });
  stage.follow(["word", "temperature", "others"], draw);
  stage.resize((width) => {
    view.layout(width);
    draw();
  });
  return () => stage.close();
}

export default { render };
