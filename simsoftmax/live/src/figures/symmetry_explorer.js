// SymmetryExplorer: weights, biases and temperature may grow together, and the probabilities do not notice.

import { contours } from "d3-contour";
import { drag } from "d3-drag";
import { scaleLinear, scaleLog } from "d3-scale";
import { line } from "d3-shape";
import * as format from "../kit/format.js";
import { Frame } from "../parts/frame.js";
import { heat } from "../kit/heat.js";
import { CATEGORIES } from "../kit/look.js";
import { Thermometer } from "../parts/thermometer.js";
import { Kernels } from "../kit/kernels.js";
import { add } from "../kit/dom.js";
import { Stage } from "../kit/stage.js";
import { button, gauge, Readouts, select as choose } from "../parts/controls.js";

const PLACES = 120; // of the slider for the scale
const SIDE = 49; // of the map
const POINTS = 181; // of a curve
const STEPS = 10; // of the map: factors of 1.5 above the least
const ink = (k) => CATEGORIES[k % CATEGORIES.length];

const times = (value) => format.short(Number(value.toPrecision(3)));

async function render({ model, el }) {
  const stage = new Stage(el, model, "A classifier whose weights, biases and temperature can be scaled");
  const kernels = await Kernels.load(model.get("_kernels"));
  const [weights, biases] = [kernels.floats(model.get("weights")), kernels.floats(model.get("biases"))];
  const flowers = kernels.floats(model.get("positions"));
  const labels = kernels.array("int64", model.get("labels").length);
  labels.view.set(model.get("labels").map(BigInt));
  const [LEAST, REACH] = stage.limits("scale"); // of the scale and of the temperature; the map is as wide
  const within = (value) => Number(Math.min(REACH, Math.max(LEAST, value)).toPrecision(3));
  const placeOf = scaleLog([LEAST, REACH], [0, PLACES]);
  const scaleAt = (place) => within(placeOf.invert(place));
  const classes = weights.length;
  const names = model.get("names");
  const [low, high] = model.get("range");
  const grid = kernels.floats(Array.from({ length: POINTS }, (_, i) => low + ((high - low) * i) / (POINTS - 1)));
  const curves = kernels.array("float64", POINTS * classes);
  const named = kernels.array("float64", flowers.length * classes);
  const losses = kernels.array("float64", SIDE * SIDE);

  const probabilities = (where, out, scale, biasScale, temperature) =>
    kernels.affine_probabilities(where, weights, biases, scale, biasScale, temperature, out);
  const loss = (scale, biasScale, temperature) =>
    kernels.affine_loss(flowers, labels, weights, biases, scale, biasScale, temperature);
  const winners = () =>
    Array.from({ length: flowers.length }, (_, n) => {
      const row = named.view.subarray(n * classes, (n + 1) * classes);
      return row.indexOf(Math.max(...row));
    });

  // As trained.
  probabilities(grid, curves, 1, 1, 1);
  const trained = Float64Array.from(curves.view);
  probabilities(flowers, named, 1, 1, 1);
  const trainedNames = winners();
  const trainedLoss = loss(1, 1, 1);

  const setTemperature = (temperature) => stage.set({ temperature: within(temperature) });
  const thermometer = new Thermometer(add(stage.root, "div"), { change: setTemperature, infinite: false });
  const controls = add(stage.root, "div", { className: "ssm-controls" });
  const [scaler, scaleReading] = gauge(controls, "scale a of the weights", PLACES, (place) => stage.set({ scale: scaleAt(place) }), "scale");
  const mode = choose(controls, "biases", [["along", "scale along with a"], ["stay", "stay as trained"]], (value) =>
    stage.set({ along: value === "along" }),
  );
  const both = (factor) => stage.set({ scale: within(model.get("scale") * factor), temperature: within(model.get("temperature") * factor) });
  button(controls, stage.words("double"), () => both(2));
  button(controls, stage.words("halve"), () => both(0.5));
  button(controls, stage.words("trained"), () => stage.set({ scale: 1, temperature: 1 }));

  const scene = add(stage.root, "div", { className: "ssm-scene ssm-halves" });
  const plot = new Frame(add(scene, "div", { className: "ssm-cell" }), {
    title: "probability",
    xName: model.get("feature"),
    label: "Probability of each class",
  });
  const map = new Frame(add(scene, "div", { className: "ssm-cell" }), {
    title: "temperature T",
    xName: "scale a",
    label: "Cross-entropy over scale and temperature",
  });
  const readouts = new Readouts(stage.root, {
    loss: "cross-entropy",
    right: "named rightly",
    weights: "weights count, a/T",
    biases: "biases count",
  });
  const words = add(stage.root, "p", { className: "ssm-verdict" });
  words.dataset.out = "verdict";

  const drawn = plot.marks.append("g");
  const ghosts = plot.marks.append("g");
  const dots = plot.marks.append("g");
  const legend = plot.marks.append("g");
  const ground = map.marks.append("g");
  const ridge = map.marks.append("line").attr("class", "ssm-theory");
  const dot = map.marks.append("circle").attr("class", "ssm-dot").attr("r", 7);
  map.svg
    .attr("class", "ssm-frame ssm-map")
    .call(
      drag()
        .container(map.svg.node())
        .on("start drag", ({ x, y }) => stage.set({ scale: within(map.x.invert(x)), temperature: within(map.y.invert(y)) })),
    );

  let width = 0;
  const biasScale = () => (model.get("along") ? model.get("scale") : 1);
  const path = (values, k) =>
    line((_, i) => plot.x(grid.view[i]), (_, i) => plot.y(values[i * classes + k]))(grid.view);

  function drawMap() {
    kernels.affine_loss_map(flowers, labels, weights, biases, model.get("along") ? 1 : 0, REACH, SIDE, losses);
    if (!width) return;
    const steps = Array.from({ length: STEPS }, (_, i) => trainedLoss * 1.5 ** (STEPS - i));
    const { left, right, top, bottom } = map.box;
    // A contour's grid cell i is the value at i, drawn at i + 1/2.
    const px = (x) => left + (right - left) * Math.min(1, Math.max(0, (x - 0.5) / (SIDE - 1)));
    const py = (y) => bottom - (bottom - top) * Math.min(1, Math.max(0, (y - 0.5) / (SIDE - 1)));
    const ring = (points) => `M${points.map(([x, y]) => `${px(x).toFixed(1)},${py(y).toFixed(1)}`).join("L")}Z`;
    // Where the loss is below a step; contours() traces where its values are above.
    const below = steps.map((step) => {
      const { coordinates } = contours().size([SIDE, SIDE]).contour(Array.from(losses.view, (v) => -v), -step);
      return coordinates.map((polygon) => polygon.map(ring).join("")).join("");
    });
    ground
      .selectAll("path")
      .data(below)
      .join("path")
      .attr("class", "ssm-low")
      .attr("fill-rule", "evenodd")
      .attr("d", (d) => d);
    ridge.attr("x1", map.x(LEAST)).attr("y1", map.y(LEAST)).attr("x2", map.x(REACH)).attr("y2", map.y(REACH));
  }

  function draw() {
    const [scale, temperature, along] = [model.get("scale"), model.get("temperature"), model.get("along")];
    thermometer.show(temperature);
    scaler.value = placeOf(scale);
    scaler.setAttribute("aria-valuetext", times(scale));
    scaleReading.textContent = times(scale);
    mode.value = along ? "along" : "stay";
    probabilities(grid, curves, scale, biasScale(), temperature);
    probabilities(flowers, named, scale, biasScale(), temperature);
    const now = winners();
    const moved = now.filter((k, n) => k !== trainedNames[n]).length;
    const right = now.filter((k, n) => BigInt(k) === labels.view[n]).length;
    readouts.set("loss", `${format.fixed(loss(scale, biasScale(), temperature))}`, `trained ${format.fixed(trainedLoss)}`);
    readouts.set("right", `${right}`, `of ${flowers.length}`);
    readouts.set("weights", `× ${times(scale / temperature)}`, "as trained: 1");
    readouts.set("biases", `× ${times(biasScale() / temperature)}`, "as trained: 1");
    const far = Math.max(...curves.view.map((p, i) => Math.abs(p - trained[i])));
    const [ratio, share] = [scale / temperature, biasScale() / temperature];
    words.textContent =
      far < 1e-9
        ? scale === 1
          ? "As trained. Double a and T, and watch the curves."
          : "Weights, biases and temperature have grown together: no curve has moved."
        : Math.abs(ratio - 1) < 1e-9
          ? `Weights count as trained, but the biases × ${times(share)}: the boundaries have moved, and ${moved} of ${flowers.length} change their name.`
          : along
            ? `Everything counts × ${times(ratio)}: the classifier is ${ratio > 1 ? "surer" : "less sure"}, and ${moved || "none"} of its ${flowers.length} answers ${moved === 1 ? "has" : "have"} changed.`
            : `Weights count × ${times(ratio)}, biases × ${times(share)}; ${moved} of ${flowers.length} change their name.`;
    stage.say(words.textContent);
    plot.describe(words.textContent);
    map.describe(`at a = ${times(scale)} and T = ${times(temperature)} it is ${format.fixed(loss(scale, biasScale(), temperature))} nats`);
    if (!width) return;
    drawn.selectAll("path").data(names).join("path").attr("class", "ssm-class").attr("stroke", (_, k) => ink(k)).attr("d", (_, k) => path(curves.view, k));
    dot.attr("cx", map.x(scale)).attr("cy", map.y(temperature)).attr("fill", heat(temperature));
  }

  function layout(now = width) {
    width = now;
    if (!width) return;
    const narrow = width < 620;
    stage.root.classList.toggle("ssm-narrow", narrow);
    thermometer.layout(Math.min(width, 520), 76);
    const [left, right] = narrow ? [width, Math.min(width, 320)] : [width - 320, 300];
    const ticks = Array.from({ length: 8 }, (_, i) => Math.ceil(low) + i).filter((t) => t <= high);
    plot.layout(left, 320, {
      x: scaleLinear([low, high], [0, 1]),
      y: scaleLinear([-0.12, 1], [1, 0]),
      xTicks: [ticks, String],
      yTicks: [[0, 0.5, 1], String],
    });
    const powers = [1 / 8, 1 / 2, 2, 8];
    const fraction = (t) => ({ 0.125: "⅛", 0.5: "½" })[t] ?? String(t);
    map.layout(right, 320, {
      x: scaleLog([LEAST, REACH], [0, 1]),
      y: scaleLog([LEAST, REACH], [1, 0]),
      xTicks: [powers, fraction],
      yTicks: [powers, fraction],
      left: 30,
    });
    ghosts.selectAll("path").data(names).join("path").attr("class", "ssm-line").attr("fill", "none").attr("d", (_, k) => path(trained, k));
    dots
      .selectAll("circle")
      .data([...flowers.view])
      .join("circle")
      .attr("r", 2.2)
      .attr("cx", (x) => plot.x(x))
      .attr("cy", (_, n) => plot.y(-0.04 - 0.06 * ((0.618 * n) % 1)))
      .attr("fill", (_, n) => ink(Number(labels.view[n])));
    // Each name stands over the flowers that bear it, and clear of the name before it.
    let free = 0;
    const places = names.map((name, k) => {
      const own = [...flowers.view].filter((_, n) => Number(labels.view[n]) === k);
      const half = 3.6 * [...name].length;
      const place = Math.max(plot.x(own.reduce((a, b) => a + b, 0) / own.length), free + half + 6);
      free = place + half;
      return place;
    });
    legend
      .selectAll("text")
      .data(names)
      .join("text")
      .attr("class", "ssm-named")
      .attr("text-anchor", "middle")
      .attr("y", 26)
      .attr("x", (_, k) => places[k])
      .style("fill", (_, k) => `color-mix(in srgb, ${ink(k)} 65%, var(--ssm-ink))`)
      .text((name) => name);
    drawMap();
    draw();
  }

  stage.follow(["along"], () => {
    drawMap();
    draw();
  });
  stage.follow(["scale", "temperature"], draw);
  stage.resize(layout);
  return () => stage.close();
}

export default { render };
