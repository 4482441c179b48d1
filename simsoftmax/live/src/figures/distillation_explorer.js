// DistillationExplorer: what a teacher tells a student of a picture, and which others are told the same.

import { add } from "../kit/dom.js";
import * as format from "../kit/format.js";
import { heat } from "../kit/heat.js";
import { Kernels } from "../kit/kernels.js";
import { tall } from "../kit/room.js";
import { Stage } from "../kit/stage.js";
import { decode, encode } from "../kit/wire.js";
import { Lessons } from "../models/lessons.js";
import { Bars } from "../parts/bars.js";
import { Choices } from "../parts/choices.js";
import { verdict } from "../parts/controls.js";
import { Pixels } from "../parts/pixels.js";
import { Thermometer } from "../parts/thermometer.js";

const GAP = 24;

// A picture with a line of words over it.
class Titled {
  constructor(parent, label) {
    const cell = add(parent, "div", { className: "ssm-cell ssm-titled" });
    this.title = add(cell, "p", { className: "ssm-muted" });
    this.pixels = new Pixels(cell, { label });
  }

  layout(side) {
    this.pixels.layout(side);
  }

  show(title, ink, text = title) {
    this.title.textContent = title;
    this.pixels.show(ink);
    this.pixels.describe(text);
  }
}

// What the reader sees: a thermometer over a picture, what is told of it and what that looks like; all pictures; words.
class View {
  constructor(root, { setTemperature, choose, lessons }) {
    this.root = root;
    this.thermometer = new Thermometer(add(root, "div"), { change: setTemperature });
    this.scene = add(root, "div", { className: "ssm-scene ssm-lesson" });
    this.picture = new Titled(this.scene, "Picture");
    this.bars = new Bars(add(this.scene, "div", { className: "ssm-cell" }), {
      heading: "what the student is told",
      columns: ["told", "even"],
      label: "What the student is told of the picture",
    });
    this.blend = new Titled(this.scene, "The mean pictures mixed in these shares");
    this.words = verdict(root);
    this.choices = new Choices(add(root, "div"), {
      label: "Pictures; the clearer one stands, the more is told the same of it",
      pictures: lessons.labels.map((_, n) => lessons.picture(n)),
      columns: lessons.classes,
      choose,
    });
  }

  layout(width, classes) {
    const narrow = width < 560;
    this.root.classList.toggle("ssm-narrow", narrow);
    this.thermometer.layout(Math.min(width, 520), tall(this.root, 76, 58));
    const side = narrow ? Math.min(150, Math.floor((width - GAP) / 2)) : Math.min(170, Math.round(width * 0.22));
    this.picture.layout(side);
    this.blend.layout(side);
    const order = Array.from({ length: classes }, (_, k) => k);
    const wide = narrow ? width : Math.min(400, width - 2 * side - 2 * GAP);
    this.bars.layout(wide, 26 + tall(this.root, 22, 17) * order.length, { order, names: order.map(String), anchors: null });
    this.choices.layout(Math.min(width, 560));
  }

  show(lessons) {
    const { temperature, target, smoothed, overlaps, label, labels, chosen } = lessons;
    const text = lessons.told;
    this.thermometer.show(temperature);
    this.picture.show(`a picture of ${label}`, lessons.picture(chosen));
    this.bars.show(target, smoothed.view, heat(temperature));
    this.bars.tell(`${shares(target)}; smoothed: ${shares(smoothed.view)}`);
    this.blend.show("mixed in these shares", lessons.blended.view, text);
    this.choices.show(chosen, overlaps.view, (n) => `${labels[n]}, ${format.percent(overlaps.view[n], 0)} told the same`);
    this.words.textContent = text;
  }
}

const shares = (target) => Array.from(target, (share, k) => `${k} ${format.fixed(share, 3)}`).join(", ");

async function render({ model, el }) {
  const stage = new Stage(el, model, "What a teacher tells of a picture, with an adjustable temperature");
  const [pictures, means, logits] = ["_pictures_sent", "_means", "_logits"].map((name) => model.get(name));
  const lessons = new Lessons(await Kernels.load(model.get("_kernels")), { pictures, means, logits, labels: model.get("labels") });
  const view = new View(stage.root, {
    setTemperature: (temperature) => stage.set({ temperature: encode(temperature) }),
    choose: (chosen) => stage.set({ chosen }),
    lessons,
  });

  function draw() {
    lessons.labels = model.get("labels");
    lessons.tell(decode(model.get("temperature")), model.get("chosen"));
    view.show(lessons);
    if (!stage.glide.moving) stage.say(lessons.told);
  }

  stage.follow(["temperature", "chosen", "labels"], draw);
  stage.resize((width) => {
    view.layout(width, lessons.classes);
    draw();
  });
  return () => stage.close();
}

export default { render };
