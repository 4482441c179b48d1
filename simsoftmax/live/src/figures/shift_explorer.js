// ShiftExplorer: pictures that turn away from what a network has learned, and a temperature that stays behind.

import { scaleLinear, scaleLog } from "d3-scale";
import { line } from "d3-shape";
import { add, put } from "../kit/dom.js";
import * as format from "../kit/format.js";
import { heat } from "../kit/heat.js";
import { Kernels } from "../kit/kernels.js";
import { tall } from "../kit/room.js";
import { Stage } from "../kit/stage.js";
import { decode, encode } from "../kit/wire.js";
import { Shift } from "../models/shift.js";
import { button, gauge, Readouts, temperatureField, verdict } from "../parts/controls.js";
import { Frame } from "../parts/frame.js";
import { Reliability } from "../parts/reliability.js";
import { Thermometer } from "../parts/thermometer.js";
import { Tray } from "../parts/tray.js";

const COLUMNS = 5;
const SHOWN = 20; // pictures in the tray
const COLDEST_DRAWN = 0.3;
const HOTTEST_DRAWN = 300;

// The temperature that would be honest at every turn, above the one in use.
class Course {
  constructor(parent, move) {
    this.frame = new Frame(parent, {
      title: "temperature that would be honest",
      xName: "turned by, in degrees",
      label: "Honest temperature against the turn of the pictures",
      move,
    });
    const { marks } = this.frame;
    this.cursor = marks.append("line").attr("class", "ssm-cursor").node();
    this.used = marks.append("line").attr("stroke-width", 1.5).node();
    this.path = this.frame.clipped().append("path").attr("class", "ssm-line").attr("fill", "none").node();
    this.dot = marks.append("circle").attr("class", "ssm-dot").attr("r", 6).node();
    this.name = marks.append("text").attr("class", "ssm-muted").attr("text-anchor", "end").text("in use").node();
  }

  layout(width, height, [least, most]) {
    const step = 30;
    const turns = Array.from({ length: Math.round((most - least) / step) + 1 }, (_, i) => least + i * step);
    this.frame.layout(width, height, {
      x: scaleLinear([least, most], [0, 1]),
      y: scaleLog([COLDEST_DRAWN, HOTTEST_DRAWN], [1, 0]).clamp(true),
      xTicks: [turns, (turn) => format.fixed(turn, 0)],
      yTicks: [[1, 10, 100], String],
    });
    if (this.points) this.show(this.points);
  }

  // points: [turn, T].
  show(points) {
    this.points = points;
    const { x, y, box } = this.frame;
    if (!box) return;
    const at = (t) => y(Math.min(HOTTEST_DRAWN, Math.max(COLDEST_DRAWN, t)));
    put(this.path, { d: line((p) => x(p[0]), (p) => at(p[1]))(points) });
  }

  point(turn, honest, temperature) {
    const { x, y, box } = this.frame;
    if (!box) return;
    const at = (t) => y(Math.min(HOTTEST_DRAWN, Math.max(COLDEST_DRAWN, t)));
    put(this.cursor, { x1: x(turn), x2: x(turn), y1: box.top, y2: box.bottom });
    put(this.used, { x1: box.left, x2: box.right, y1: at(temperature), y2: at(temperature), stroke: heat(temperature) });
    put(this.name, { x: box.right - 2, y: at(temperature) - 5 });
    put(this.dot, { cx: x(turn), cy: at(honest), fill: heat(honest) });
  }

  describe(text) {
    this.frame.describe(text);
  }
}

// What the reader sees: a thermometer, controls, pictures beside a reliability diagram, a course, numbers, words.
class View {
  constructor(root, { side, range, setTemperature, setTurn }) {
    this.root = root;
    this.range = range;
    this.thermometer = new Thermometer(add(root, "div"), { change: setTemperature });
    this.controls = add(root, "div", { className: "ssm-controls" });
    const scene = add(root, "div", { className: "ssm-scene ssm-halves" });
    this.tray = new Tray(add(scene, "div", { className: "ssm-cell" }), { label: "Some of the pictures", columns: COLUMNS, side });
    this.reliability = new Reliability(add(scene, "div", { className: "ssm-cell" }));
    this.course = new Course(add(root, "div", { className: "ssm-below" }), setTurn);
    const names = { confidence: "how sure", accuracy: "how often right", ece: "calibration error ECE", honest: "honest at" };
    this.readouts = new Readouts(root, names, { paired: true });
    this.words = verdict(root);
  }

  layout(width) {
    const narrow = width < 560;
    this.root.classList.toggle("ssm-narrow", narrow);
    this.thermometer.layout(Math.min(width, 520), tall(this.root, 76, 58));
    const [left, right] = narrow ? [width, width] : [Math.round(width * 0.46), width - Math.round(width * 0.46) - 20];
    const height = tall(this.root, narrow ? Math.min(400, width + 20) : Math.min(430, right + 10), 184);
    this.tray.layout(left, height);
    this.reliability.layout(right, height);
    this.course.layout(width, tall(this.root, narrow ? 200 : 190, 130), this.range);
  }

  show(judged, some, honest, { turn }, text) {
    const { temperature, ece, bins, accuracy, confidence, chance, points } = judged;
    this.thermometer.show(temperature);
    this.readouts.set("confidence", format.percent(confidence), `at T = ${format.temperature(temperature)}`);
    this.readouts.set("accuracy", format.percent(accuracy), "the same at every T");
    this.readouts.set("ece", format.percent(ece), `${format.percent(chance)} by chance`);
    const off = `${format.fixed(points, 1)} points too ${confidence > accuracy ? "sure" : "modest"} now`;
    this.readouts.set("honest", format.temperature(honest), off);
    this.words.textContent = text;
    this.tray.show(
      some.map(({ greys, answer, right, confidence: sure }) => ({
        greys,
        crossed: !right,
        text: `${answer} · ${format.percent(sure, 0)}`,
      })),
    );
    const wrong = some.filter(({ right }) => !right).length;
    this.tray.describe(`${some.length} of them, ${wrong} read wrong`);
    this.reliability.describe(text);
    this.reliability.show(bins, heat(temperature));
    this.course.point(turn, honest, temperature);
    this.course.describe(`${format.temperature(honest)} at a turn of ${format.fixed(turn, 0)}°; ${format.temperature(temperature)} in use`);
  }
}

async function render({ model, el }) {
  const stage = new Stage(el, model, "Pictures that turn away from what a network has learned");
  const [greys, labels, network, shape, stream] = ["_greys", "_labels", "_network", "_shape", "_stream"].map((name) => model.get(name));
  const world = new Shift(await Kernels.load(model.get("_kernels")), { greys, labels, network, shape, stream });
  const home = model.get("_fit").temperature;
  const range = stage.limits("turn");
  const [quiet, loud] = stage.limits("noise");
  const within = (turn) => Math.round(Math.min(range[1], Math.max(range[0], turn)));
  const setTemperature = (temperature) => stage.set({ temperature: encode(temperature) });
  const setTurn = (turn) => stage.set({ turn: within(turn) });
  const view = new View(stage.root, { side: shape.side, range, setTemperature, setTurn });

  const { controls } = view;
  const turning = gauge(controls, "turn", range[1] - range[0], (at) => setTurn(range[0] + at), "turn");
  const grain = gauge(controls, "noise", 50, (at) => stage.set({ noise: quiet + (at / 50) * (loud - quiet) }), "noise");
  const back = button(controls, stage.words("home"), () => stage.go({ temperature: home }));
  back.disabled = home === null;
  button(controls, stage.words("honest"), () => {
    world.look(model.get("turn"), model.get("noise"));
    stage.go({ temperature: encode(world.honest()) });
  });
  const typed = temperatureField(controls, setTemperature);
  controls.append(typed.error);

  let coursed;

  function draw() {
    const where = { turn: model.get("turn"), noise: model.get("noise") };
    const temperature = decode(model.get("temperature"));
    if (coursed !== where.noise) {
      coursed = where.noise;
      view.course.show(world.course(range, coursed));
    }
    world.look(where.turn, where.noise);
    const honest = world.honest();
    const judged = world.judged(temperature);
    const text = world.told(judged, honest, where);
    turning.show(where.turn - range[0], `${format.fixed(where.turn, 0)}°`);
    grain.show(Math.round((50 * (where.noise - quiet)) / (loud - quiet)), format.fixed(where.noise, 2));
    typed.show(format.temperature(temperature));
    view.show(judged, world.some(SHOWN), honest, where, text);
    if (!stage.glide.moving) stage.say(text);
  }

  stage.follow(["turn", "noise", "temperature"], draw);
  stage.resize((width) => {
    view.layout(width);
    draw();
  });
  return () => stage.close();
}

export default { render };
