// LogPartitionExplorer: the area under the mean energy, from infinite heat down, is ln Z.

import { scaleLinear } from "d3-scale";
import { area, line } from "d3-shape";
import { add, put } from "../kit/dom.js";
import * as format from "../kit/format.js";
import { heat } from "../kit/heat.js";
import { Kernels } from "../kit/kernels.js";
import { LevelTraits } from "../kit/level_traits.js";
import { tall } from "../kit/room.js";
import { Stage } from "../kit/stage.js";
import { decode } from "../kit/wire.js";
import { colder, Walk } from "../models/walk.js";
import { button, levelFields, verdict } from "../parts/controls.js";
import { Frame } from "../parts/frame.js";
import { more } from "../parts/more.js";
import { Thermometer } from "../parts/thermometer.js";

const TRIP = 6; // seconds that the whole walk takes
const SHADES = 12;
const TICKS = 5;

const pair = ([x, y]) => line(([a]) => x(a), ([, b]) => y(b));

// A plot over beta that can be dragged, with its curve.
class Plot {
  constructor(parent, { title, label, move }) {
    this.frame = new Frame(parent, { title, xName: "1/T", label, move });
    this.under = this.frame.marks.append("g");
    this.curve = this.frame.marks.append("path").attr("class", "ssm-line ssm-thin").attr("fill", "none");
  }

  layout(width, height, last, points) {
    const values = points.map(([, y]) => y).concat(0);
    const [low, high] = [Math.min(...values), Math.max(...values)];
    const x = scaleLinear([0, last], [0, 1]);
    const y = scaleLinear([low, high + 0.08 * (high - low) + 1e-9], [1, 0]);
    this.frame.layout(width, height, {
      x, y, xTicks: [x.ticks(Math.min(6, width / 60)), format.short], yTicks: [y.ticks(TICKS), format.short], left: 40,
    });
    this.curve.attr("d", pair([x, y])(points));
  }
}

// What the reader sees: a thermometer over two plots, the slope of ln Z and ln Z; numbers, words.
class View {
  constructor(root, { setTemperature, setBeta, coldest }) {
    this.root = root;
    const head = add(root, "div", { className: "ssm-head" });
    this.thermometer = new Thermometer(add(head, "div"), { change: setTemperature, coldest });
    this.controls = add(head, "div", { className: "ssm-controls" });
    const scene = add(root, "div", { className: "ssm-scene ssm-halves" });
    const cell = () => add(scene, "div", { className: "ssm-cell" });
    this.slope = new Plot(cell(), { title: "−⟨E⟩, the slope of ln Z", label: "Minus the mean energy against 1/T", move: setBeta });
    this.height = new Plot(cell(), { title: "ln Z", label: "ln Z against 1/T", move: setBeta });
    const id = `ssm-walk-${Math.random().toString(36).slice(2)}`; // several figures may share a page
    this.shades = this.slope.under.append("defs").append("linearGradient").attr("id", id).attr("gradientUnits", "userSpaceOnUse");
    this.area = this.slope.under.append("path").attr("class", "ssm-bar").attr("fill", `url(#${id})`);
    this.base = this.height.under.append("line").attr("class", "ssm-way");
    this.baseName = this.height.under.append("text").attr("class", "ssm-muted").attr("text-anchor", "end");
    this.lift = this.height.frame.marks.append("line").attr("class", "ssm-lift");
    const front = ({ frame }) => frame.marks.append("circle").attr("class", "ssm-dot").attr("r", 6);
    this.dots = [front(this.slope), front(this.height)];
    const label = ({ frame }) => frame.marks.append("text").attr("class", "ssm-value").attr("text-anchor", "middle");
    this.areaName = label(this.slope);
    this.liftName = label(this.height).attr("text-anchor", "start");
    this.words = verdict(root);
  }

  layout(width, walk, last) {
    const narrow = width < 560;
    this.root.classList.toggle("ssm-narrow", narrow);
    this.thermometer.layout(narrow ? width : Math.min(width - 220, 620), tall(this.root, 76, 58));
    const half = narrow ? width : (width - 20) / 2;
    const { slope, ln } = walk.course(last);
    const height = tall(this.root, narrow ? 200 : 290, narrow ? 150 : 180);
    this.slope.layout(half, height, last, slope);
    this.height.layout(half, height, last, ln);
    const { x } = this.slope.frame;
    this.shades.attr("x1", x(0)).attr("x2", x(last));
    this.shades
      .selectAll("stop")
      .data(Array.from({ length: SHADES + 1 }, (_, n) => n / SHADES))
      .join("stop")
      .attr("offset", (share) => share)
      .attr("stop-color", (share) => heat(share ? 1 / (share * last) : Infinity));
  }

  show(now, text) {
    const { temperature, start, area: sum, sum: total, beta, energy, strips } = now;
    const colour = heat(temperature);
    this.thermometer.show(temperature);
    this.words.textContent = text;
    for (const { frame } of [this.slope, this.height]) frame.describe(text);
    if (!this.slope.frame.box) return;
    const { x, y } = this.slope.frame;
    const edge = [[0, strips[0].slope], ...strips.map((strip) => [strip.beta, strip.slope]), [beta, -energy]];
    this.area.attr("d", area(([a]) => x(a), y(0), ([, b]) => y(b))(/** @type {[number, number][]} */ (edge)));
    put(this.dots[0].node(), { cx: x(beta), cy: y(-energy), fill: colour });
    // The number stands in the area, once there is room for it.
    const room = x(beta) - x(0);
    const wide = room > 64;
    put(this.areaName.node(), {
      x: x(0) + room * 0.6, y: (y(0) + y(-energy)) / 2 + 5, display: wide ? "inline" : "none", text: format.fixed(sum, 2),
    });
    const { x: across, y: up, box } = this.height.frame;
    const here = across(beta);
    put(this.base.node(), { x1: box.left, x2: box.right, y1: up(start), y2: up(start) });
    put(this.baseName.node(), { x: box.right, y: up(start) + (sum < 0 ? -6 : 15), text: `ln K = ${format.fixed(start, 2)}` });
    put(this.lift.node(), { x1: here, x2: here, y1: up(start), y2: up(total), stroke: colour });
    put(this.dots[1].node(), { cx: here, cy: up(total), fill: colour });
    const left = here > (box.left + box.right) / 2;
    put(this.liftName.node(), {
      x: here + (left ? -10 : 10), y: (up(start) + up(total)) / 2 + 5, "text-anchor": left ? "end" : "start",
      display: Math.abs(up(start) - up(total)) > 22 ? "inline" : "none", text: `${sum < 0 ? "" : "+"}${format.fixed(sum, 2)}`,
    });
  }
}

async function render({ model, el }) {
  const stage = new Stage(el, model, "The area under the mean energy over 1/T, which is ln Z");
  const walk = new Walk(await Kernels.load(model.get("_kernels")));
  const levels = new LevelTraits(stage);
  let walking = false; // whether the figure walks by itself
  let stepping = false; // whether it is taking a step right now
  let width = 0;
  let wake = () => {};
  const coldest = () => decode(model.get("coldest"));
  const last = () => 1 / coldest();
  const arrived = () => levels.temperature <= coldest();

  const go = (temperature) => (levels.temperature = Math.max(coldest(), temperature));
  const goTo = (beta) => go(beta > 0 ? 1 / beta : Infinity);
  function walkOn(on) {
    walking = on;
    cool.textContent = on ? "pause" : stage.words("cool");
    wake();
  }
  const view = new View(stage.root, { setTemperature: go, setBeta: (beta) => goTo(Number(beta.toPrecision(3))), coldest: coldest() });
  const cool = button(view.controls, stage.words("cool"), () => {
    if (!walking && arrived()) goTo(0);
    walkOn(!walking);
  });
  cool.classList.add("ssm-renamed");
  button(view.controls, stage.words("heat"), () => goTo(0));
  const typed = Object.create(levels, { temperature: { get: () => levels.temperature, set: go } });
  const fields = levelFields(more(stage.root), typed, stage.limits("levels"));
  fields.complain();

  function frame(seconds) {
    if (!walking) return false;
    stepping = true;
    go(colder(levels.temperature, seconds / TRIP, coldest()));
    stepping = false;
    if (arrived()) {
      walkOn(false);
      draw();
    }
    return walking;
  }

  function draw() {
    const now = walk.at(levels.temperature);
    const text = walk.told(now);
    fields.show();
    view.show(now, text);
    if (!walking && !stage.glide.moving) stage.say(text);
  }

  function layout(now = width) {
    width = now;
    if (!width) return;
    view.layout(width, walk, last());
    draw();
  }

  stage.follow(["logits", "coldest"], () => {
    walk.equilibrate(levels.logits, levels.temperature);
    layout();
  });
  stage.follow(["temperature"], () => {
    if (walking && !stepping) walkOn(false); // a reader's hand, or a link
    draw();
  });
  // Words of the page end the walk before the heat glides to where they say.
  stage.root.addEventListener("simsoftmax:set", (event) => {
    const { set = {} } = /** @type {CustomEvent} */ (event).detail;
    if (walking && "temperature" in set) walkOn(false);
  });
  stage.resize(layout);
  wake = stage.animate(frame);
  return () => stage.close();
}

export default { render };
