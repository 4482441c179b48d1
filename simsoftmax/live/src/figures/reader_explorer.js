// ReaderExplorer: how sure a reader of the book was, how often right, and at which temperature he answers.

import { add } from "../kit/dom.js";
import * as format from "../kit/format.js";
import { heat } from "../kit/heat.js";
import { Kernels } from "../kit/kernels.js";
import { tall } from "../kit/room.js";
import { Stage } from "../kit/stage.js";
import { Answers, missing, told } from "../models/answers.js";
import { button, Readouts, verdict } from "../parts/controls.js";
import { Reliability } from "../parts/reliability.js";
import { Thermometer } from "../parts/thermometer.js";

// What the reader sees: whose answers, their temperature, a diagram, numbers, words.
class View {
  constructor(root) {
    this.root = root;
    root.classList.add("ssm-people");
    this.controls = add(root, "div", { className: "ssm-controls" });
    this.thermometer = new Thermometer(add(root, "div"), {});
    const axes = { title: "how often right", xName: "how sure" };
    this.reliability = new Reliability(add(root, "div", { className: "ssm-cell", style: "margin-top: 14px" }), axes);
    const names = { answers: "answers", accuracy: "right", confidence: "sure on average", ece: "calibration error" };
    this.readouts = new Readouts(root, names, { paired: true });
    this.words = verdict(root);
  }

  layout(width) {
    this.root.classList.toggle("ssm-narrow", width < 600);
    this.thermometer.layout(Math.min(width, 520), tall(this.root, 76, 58));
    const side = Math.min(width, 460);
    this.reliability.layout(side, tall(this.root, Math.min(416, side), 190));
  }

  show(judged, fit, count, text) {
    const { ece, bins, accuracy, confidence, chance, points } = judged;
    const known = !Number.isNaN(fit.temperature);
    if (known) this.thermometer.show(fit.temperature);
    else this.thermometer.hide();
    this.readouts.set("answers", format.count(count), "");
    this.readouts.set("accuracy", format.percent(accuracy, 0));
    const off = `${format.fixed(points, 0)} points too ${confidence > accuracy ? "sure" : "modest"}`;
    this.readouts.set("confidence", format.percent(confidence, 0), points < 0.5 ? "just right" : off);
    this.readouts.set("ece", format.percent(ece), `${format.percent(chance)} by chance, if honest`);
    this.words.textContent = text;
    this.reliability.describe(text);
    this.reliability.show(bins, known ? heat(fit.temperature) : heat(1));
  }

  wait(count, text) {
    this.thermometer.hide();
    this.reliability.show([], heat(1));
    this.readouts.set("answers", format.count(count), "");
    for (const name of ["accuracy", "confidence", "ece"]) this.readouts.set(name, "–");
    this.words.textContent = text;
    this.reliability.describe(text);
  }
}

async function render({ model, el }) {
  const stage = new Stage(el, model, "Reliability diagram of a reader's answers");
  const bytes = model.get("_kernels");
  const view = new View(stage.root);
  const [least] = stage.limits("answers");
  const names = {
    yours: stage.words("yours"),
    careful: stage.words("careful"),
    bold: stage.words("bold"),
    tossing: stage.words("tossing"),
  };
  const buttons = Object.entries(names).map(([reader, text]) => {
    const node = button(view.controls, text, () => stage.set({ reader }));
    return { reader, node };
  });
  const binning = { bins: model.get("_bins"), mass: true };
  let turn = 0;

  async function draw() {
    const own = ++turn;
    const reader = model.get("reader");
    for (const each of buttons) each.node.setAttribute("aria-pressed", String(each.reader === reader));
    const answers = reader === "yours" ? model.get("answers") : model.get("_demonstrations")[reader];
    const count = answers.length;
    if (count < least) {
      const text = missing(count, least);
      view.wait(count, text);
      stage.say(text);
      return;
    }
    const rows = new Answers(await Kernels.load(bytes), answers); // a memory of its own: answers come and go
    const fit = await rows.fit();
    if (own !== turn) return; // another change has come in between
    const text = told(fit, count, reader);
    view.show(rows.judge(1, binning), fit, count, text);
    stage.say(text);
  }

  stage.resize((width) => {
    view.layout(width);
    draw();
  });
  stage.follow(["answers", "reader"], draw);
  return () => stage.close();
}

export default { render };
