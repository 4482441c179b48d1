// WeightDecayExplorer: weights that shrink and turn, length and direction apart, and how hot that makes the classifier. All fits were made in Python.

import { scaleLinear, scaleLog } from "d3-scale";
import { line } from "d3-shape";
import { add } from "../kit/dom.js";
import * as format from "../kit/format.js";
import { heat } from "../kit/heat.js";
import { tall } from "../kit/room.js";
import { Stage } from "../kit/stage.js";
import { Decays, decayText, degrees } from "../models/decays.js";
import { gauge, Readouts, verdict } from "../parts/controls.js";
import { Frame } from "../parts/frame.js";
import { Marks } from "../parts/marks.js";
import { Turn } from "../parts/turn.js";

const power = (d) => `10${String(Math.round(Math.log10(d))).replace("-", "⁻").replace(/\d/g, (n) => "⁰¹²³⁴"[n])}`;

// The direction of the weights as bars, and the one that heat alone would leave as ticks.
class WeightBars {
  constructor(parent, names) {
    this.names = names;
    this.frame = new Frame(parent, {
      title: "direction of the weights; ticks: heat alone",
      label: "Direction of the weights, and what heat alone would leave of it",
    });
    this.rows = new Marks(this.frame.marks.append("g"), {
      name: ["text", { class: "ssm-name", "text-anchor": "end" }],
      bar: ["rect", { class: "ssm-bar" }],
      tick: ["line", { class: "ssm-theory" }],
    });
  }

  layout(width, height, { range }) {
    this.frame.layout(width, height, {
      x: scaleLinear(range, [0, 1]),
      y: scaleLinear([0, 1], [1, 0]),
      xTicks: [[-1, -0.5, 0, 0.5, 1].filter((t) => t >= range[0] && t <= range[1]), (t) => format.short(t)],
      yTicks: [[], String],
      left: 126,
    });
  }

  show([values, ticks], colour) {
    if (!this.frame.box) return;
    const { x, box } = this.frame;
    const step = (box.bottom - box.top) / this.names.length;
    const clamp = (value) => Math.min(box.right, Math.max(box.left, x(value)));
    this.rows.show(this.names, (name, k) => {
      const y = box.top + (k + 0.5) * step;
      const [end, mark] = [clamp(values[k]), clamp(ticks[k])];
      return {
        name: { text: name, x: box.left - 8, y: y + 4.5 },
        bar: { x: Math.min(x(0), end), width: Math.abs(end - x(0)), y: y - step * 0.28, height: step * 0.56, fill: colour },
        tick: { x1: mark, x2: mark, y1: y - step * 0.4, y2: y + step * 0.4 },
      };
    });
  }

  describe(text) {
    this.frame.describe(text);
  }
}

// The calibration temperature of each fit over its decay, and the line of heat alone.
class CalibrationPlot {
  constructor(parent, move) {
    this.frame = new Frame(parent, {
      title: "calibration temperature; line: heat alone",
      xName: "weight decay λ",
      label: "Calibration temperature against weight decay",
      move,
    });
    this.theory = this.frame.clipped().append("path").attr("class", "ssm-line").attr("fill", "none");
    this.cursor = this.frame.marks.append("line").attr("class", "ssm-cursor");
    this.dots = new Marks(this.frame.marks, { whisker: ["line", { "stroke-width": 1.5 }], dot: ["circle", {}] });
  }

  layout(width, height, decays) {
    const powers = [-3, -2, -1, 0, 1, 2, 3, 4].map((k) => 10 ** k).filter((_, i) => i % 2 === 1 || width > 420);
    this.frame.layout(width, height, {
      x: scaleLog(decays.ends, [0, 1]),
      y: scaleLog([0.1, 3], [1, 0]),
      xTicks: [powers, power],
      yTicks: [[0.1, 0.3, 1, 3], String],
    });
    const { x, y, box } = this.frame;
    this.cursor.attr("y1", box.top).attr("y2", box.bottom);
    this.theory.attr("d", line((p) => x(p[0]), (p) => y(p[1]))(decays.foretold));
  }

  show(decays, at) {
    if (!this.frame.box) return;
    const { x, y } = this.frame;
    const here = x(decays.fits.decays[at] || decays.ends[0]);
    this.cursor.attr("x1", here).attr("x2", here);
    this.dots.show(decays.points, ({ i, decays: decay, calibration, low, high }) => {
      const [across, colour] = [x(decay), heat(calibration)];
      return {
        whisker: { x1: across, x2: across, y1: y(low), y2: y(high), stroke: colour },
        dot: { cx: across, cy: y(calibration), r: i === at ? 6.5 : 4, fill: colour },
      };
    });
  }

  describe(text) {
    this.frame.describe(text);
  }
}

// What the reader sees below the control: bars beside a dial, a gauge and a plot; numbers, words.
class View {
  constructor(root, { names, setDecay }) {
    this.root = root;
    const scene = add(root, "div", { className: "ssm-scene ssm-halves" });
    this.bars = new WeightBars(add(scene, "div", { className: "ssm-cell" }), names);
    const column = add(scene, "div", { className: "ssm-cell" });
    this.turn = new Turn(add(column, "div"), { label: "The weights against those at λ = 0" });
    this.plot = new CalibrationPlot(add(column, "div"), setDecay);
    this.readouts = new Readouts(root, {
      effective: "effective temperature",
      calibration: "calibration temperature",
      cosine: "cosine",
    });
    this.words = verdict(root);
  }

  layout(width, decays) {
    const narrow = width < 560;
    this.root.classList.toggle("ssm-narrow", narrow);
    const half = narrow ? width : (width - 20) / 2;
    this.bars.layout(half, tall(this.root, narrow ? 270 : 320, narrow ? 180 : 254), decays);
    this.turn.layout(half, decays.reach);
    this.plot.layout(half, tall(this.root, 190, 124), decays);
  }

  show(decays, at, text) {
    const { decays: decay, effective, calibration, tied, angle, cosine, length } = decays.at(at);
    const percent = length < 0.1 ? format.significant(100 * length, 2) : format.fixed(100 * length, 0);
    const colour = heat(effective);
    this.readouts.set("effective", format.significant(effective), "against λ = 0");
    this.readouts.set("calibration", format.fixed(calibration, 2), `heat alone ${format.fixed(tied, 2)}`);
    this.readouts.set("cosine", format.fixed(cosine, 2), "with the weights at λ = 0");
    this.words.textContent = text;
    this.bars.show(decays.bars(at), colour);
    this.bars.describe(text);
    this.turn.show({ angle, length, foretold: 1 / effective }, [degrees(angle), `${percent} %`], colour);
    this.plot.show(decays, at);
    this.plot.describe(`${format.fixed(calibration, 2)} at λ = ${decayText(decay)}; heat alone ${format.fixed(tied, 2)}`);
  }
}

async function render({ model, el }) {
  const stage = new Stage(el, model, "Weights of a classifier under weight decay, with an adjustable strength");
  const decays = new Decays(model.get("fits"));
  const choose = (at) => stage.set({ at: decays.within(at) });
  const controls = add(stage.root, "div", { className: "ssm-controls" });
  const strength = gauge(controls, "weight decay λ", decays.last, choose, "decay");
  const view = new View(stage.root, { names: model.get("names"), setDecay: (decay) => choose(decays.nearest(decay)) });

  function draw() {
    const at = model.get("at");
    strength.show(at, decayText(decays.fits.decays[at]));
    const text = decays.told(at);
    view.show(decays, at, text);
    stage.say(text);
  }

  stage.follow(["at"], draw);
  stage.resize((width) => {
    view.layout(width, decays);
    draw();
  });
  return () => stage.close();
}

export default { render };
