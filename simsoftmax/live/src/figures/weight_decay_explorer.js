// WeightDecayExplorer: weights that shrink and turn, and how hot that makes the classifier. All fits were made in Python.

import { drag } from "d3-drag";
import { scaleLinear, scaleLog } from "d3-scale";
import { line } from "d3-shape";
import * as format from "../kit/format.js";
import { Frame } from "../parts/frame.js";
import { heat } from "../kit/heat.js";
import { Thermometer } from "../parts/thermometer.js";
import { add } from "../kit/dom.js";
import { Stage } from "../kit/stage.js";
import { gauge, Readouts, select as choose } from "../parts/controls.js";

async function render({ model, el }) {
  const stage = new Stage(el, model, "Weights of a classifier under weight decay, with an adjustable strength");
  const fits = model.get("fits");
  const names = model.get("names");
  const { decays, weights, cooled, heated, effective, calibration, low, high, tied, cosine, length } = fits;
  const last = decays.length - 1;
  const show = (i) => stage.set({ at: Math.min(last, Math.max(0, Math.round(i))) });

  const controls = add(stage.root, "div", { className: "ssm-controls" });
  const [strength, reading] = gauge(controls, "weight decay λ", last, show, "decay");
  const mode = choose(controls, "weights", [["plain", "as they are"], ["cooled", "with the heat taken out"]], (value) =>
    stage.set({ cooled: value === "cooled" }),
  );
  const thermometer = new Thermometer(add(stage.root, "div", { className: "ssm-below" }), {});
  const scene = add(stage.root, "div", { className: "ssm-scene ssm-halves" });
  const bars = new Frame(add(scene, "div", { className: "ssm-cell" }), {
    title: "weight of each feature; ticks: heat alone",
    label: "Weights, and what heat alone would make of them",
  });
  const plot = new Frame(add(scene, "div", { className: "ssm-cell" }), {
    title: "calibration temperature; line: heat alone",
    xName: "weight decay λ",
    label: "Calibration temperature against weight decay",
  });
  const readouts = new Readouts(stage.root, {
    effective: "effective temperature",
    calibration: "calibration temperature",
    length: "length of the weights",
    cosine: "cosine",
  });
  const words = add(stage.root, "p", { className: "ssm-verdict" });
  words.dataset.out = "verdict";
  const rows = bars.marks.append("g");
  const clip = `ssm-clip-${Math.random().toString(36).slice(2)}`; // several figures may share a page
  const room = plot.svg.append("clipPath").attr("id", clip).append("rect");
  const theory = plot.marks.append("g").attr("clip-path", `url(#${clip})`).append("path").attr("class", "ssm-line").attr("fill", "none");
  const cursor = plot.marks.append("line").attr("class", "ssm-cursor");
  const dots = plot.marks.append("g");
  plot.svg.classed("ssm-draggable", true).call(
    drag()
      .container(plot.svg.node())
      .on("start drag", ({ x }) => {
        const distance = decays.map((decay) => (decay ? Math.abs(plot.x(decay) - x) : Infinity));
        show(distance.indexOf(Math.min(...distance)));
      }),
  );

  let width = 0;
  const decayText = (decay) =>
    decay === 0 ? "0" : decay < 0.001 || decay >= 1e5 ? decay.toExponential(0) : decay < 100 ? format.short(Number(decay.toPrecision(2))) : format.significant(decay, 2);

  function draw() {
    const at = model.get("at");
    const colour = heat(effective[at]);
    strength.value = at;
    strength.setAttribute("aria-valuetext", decayText(decays[at]));
    reading.textContent = decayText(decays[at]);
    mode.value = model.get("cooled") ? "cooled" : "plain";
    thermometer.show(effective[at]);
    readouts.set("effective", format.significant(effective[at]), "against λ = 0");
    readouts.set("calibration", format.fixed(calibration[at], 2), `heat alone ${format.fixed(tied[at], 2)}`);
    readouts.set("length", `${length[at] < 0.1 ? format.significant(100 * length[at], 2) : format.fixed(100 * length[at], 0)} %`, "of that at λ = 0");
    readouts.set("cosine", format.fixed(cosine[at], 2), "with those at λ = 0");
    const turned = cosine[at] < 0.95;
    const inside = low[at] < tied[at] && tied[at] < high[at];
    words.textContent =
      decays[at] === 0
        ? "No decay: these weights are the reference."
        : `The weights are ${format.significant(1 / length[at])} times shorter${turned ? " and have turned" : ""}; the classifier is ${format.significant(effective[at])} times hotter. ` +
          (inside ? "Heat alone foretells how it must be cooled." : "Heat alone no longer foretells how it must be cooled: what is left is mostly the bias.");
    stage.say(words.textContent);
    bars.describe(words.textContent);
    plot.describe(`${format.fixed(calibration[at], 2)} at λ = ${decayText(decays[at])}; heat alone ${format.fixed(tied[at], 2)}`);
    if (!width) return;
    const [values, ticks] = model.get("cooled") ? [cooled[at], weights[0]] : [weights[at], heated[at]];
    const zero = bars.x(0);
    const { left, right, top, bottom } = bars.box;
    const step = (bottom - top) / names.length;
    const clamp = (x) => Math.min(right, Math.max(left, x));
    rows
      .selectAll("g")
      .data(names)
      .join((enter) => {
        const g = enter.append("g");
        g.append("text").attr("class", "ssm-name").attr("text-anchor", "end");
        g.append("rect").attr("class", "ssm-bar");
        g.append("line").attr("class", "ssm-theory");
        return g;
      })
      .each(function (name, k) {
        const y = top + (k + 0.5) * step;
        const [text, bar, tick] = this.children;
        const [end, mark] = [clamp(bars.x(values[k])), clamp(bars.x(ticks[k]))];
        const set = (node, attributes) => Object.entries(attributes).forEach(([key, value]) => node.setAttribute(key, value));
        text.textContent = name;
        set(text, { x: left - 8, y: y + 4.5 });
        set(bar, { x: Math.min(zero, end), width: Math.abs(end - zero), y: y - step * 0.28, height: step * 0.56, fill: colour });
        set(tick, { x1: mark, x2: mark, y1: y - step * 0.4, y2: y + step * 0.4 });
      });
    cursor.attr("x1", plot.x(decays[at] || decays[1])).attr("x2", plot.x(decays[at] || decays[1]));
    dots.selectAll("circle").attr("r", (_, i) => (i + 1 === at ? 6.5 : 4));
  }

  function layout(now = width) {
    width = now;
    if (!width) return;
    const narrow = width < 620;
    stage.root.classList.toggle("ssm-narrow", narrow);
    thermometer.layout(Math.min(width, 520), 76);
    const half = narrow ? width : (width - 20) / 2;
    const reach = weights[0].concat(...cooled).map(Math.abs);
    const most = Math.max(...reach);
    bars.layout(half, 320, {
      x: scaleLinear([Math.min(...weights[0], 0) * 1.1, Math.max(...weights[0]) * 1.05], [0, 1]),
      y: scaleLinear([0, 1], [1, 0]),
      xTicks: [[-5, 0, 5, 10].filter((t) => Math.abs(t) < most), (t) => format.short(t)],
      yTicks: [[], String],
      left: 126,
    });
    const powers = [-3, -2, -1, 0, 1, 2, 3, 4].map((k) => 10 ** k).filter((_, i) => i % 2 === 1 || half > 420);
    const superscript = (d) => `10${String(Math.round(Math.log10(d))).replace("-", "⁻").replace(/\d/g, (n) => "⁰¹²³⁴"[n])}`;
    plot.layout(half, 320, {
      x: scaleLog([decays[1], decays[last]], [0, 1]),
      y: scaleLog([0.1, 3], [1, 0]),
      xTicks: [powers, superscript],
      yTicks: [[0.1, 0.3, 1, 3], String],
    });
    const { left, right, top, bottom } = plot.box;
    room.attr("x", left).attr("y", top).attr("width", right - left).attr("height", bottom - top);
    cursor.attr("y1", top).attr("y2", bottom);
    const seen = decays.map((decay, i) => [decay, i]).slice(1);
    theory.attr("d", line(([d]) => plot.x(d), ([, i]) => plot.y(tied[i]))(seen));
    dots
      .selectAll("g")
      .data(seen)
      .join((enter) => {
        const g = enter.append("g");
        g.append("line").attr("stroke-width", 1.5);
        g.append("circle");
        return g;
      })
      .each(function ([decay, i]) {
        const [whisker, circle] = this.children;
        const [x, colour] = [plot.x(decay), heat(calibration[i])];
        const set = (node, attributes) => Object.entries(attributes).forEach(([key, value]) => node.setAttribute(key, value));
        set(whisker, { x1: x, x2: x, y1: plot.y(low[i]), y2: plot.y(high[i]), stroke: colour });
        set(circle, { cx: x, cy: plot.y(calibration[i]), fill: colour });
      });
    draw();
  }

  stage.follow(["at", "cooled"], draw);
  stage.resize(layout);
  return () => stage.close();
}

export default { render };
