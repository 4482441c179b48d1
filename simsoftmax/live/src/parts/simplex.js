// Three levels as the corners of a triangle: a landscape over all distributions, a movable one, its path downhill.

import { contours } from "d3-contour";
import { select } from "d3-selection";
import { line } from "d3-shape";
import { dragIn } from "../kit/drag.js";
import * as format from "../kit/format.js";
import { CATEGORIES } from "../kit/look.js";
import { distributionAt, spotOf } from "../kit/triangle.js";

const BANDS = 14;
const REACH = 0.22; // of a side: how long the longer of two forces is drawn
const FAINT = 0.02; // change per unit of time; forces below are drawn shorter, and vanish in the corners of the triangle
const STEP = 0.004; // of a side: a trail takes no note of less
const JUMP = 0.12; // and does not join what is further apart
const KEPT = 600; // points of a trail
const FORCES = [
  { name: "energy pulls", colour: CATEGORIES[1] },
  { name: "entropy pushes", colour: CATEGORIES[2] },
];

export class Simplex {
  // change(q) when the reader moves the point, which stops short of an edge by `least`, the smallest share of a level.
  constructor(parent, { change, least, label }) {
    this.shortest = least;
    this.svg = select(parent).append("svg").attr("class", "ssm-simplex");
    this.bands = this.svg.append("g").attr("aria-hidden", "true");
    this.edge = this.svg.append("path").attr("class", "ssm-level").attr("fill", "none");
    this.corners = this.svg.append("g").attr("aria-hidden", "true");
    this.path = this.svg.append("path").attr("class", "ssm-way").attr("fill", "none");
    this.track = this.svg.append("path").attr("class", "ssm-trail").attr("fill", "none");
    this.trail = []; // distributions where the point has been
    this.goal = this.svg.append("path").attr("class", "ssm-theory").attr("d", "M-6,0H6M0,-6V6");
    // Two forces, and the dashes that add them to the third arrow.
    this.forces = this.svg.append("g").attr("aria-hidden", "true");
    this.frame = this.forces.append("path").attr("class", "ssm-way").attr("fill", "none");
    const forces = [...FORCES, { name: "", colour: "var(--ssm-ink)" }];
    const shafts = forces.map(({ colour }) => this.forces.append("path").attr("class", "ssm-force").attr("stroke", colour).attr("fill", "none"));
    this.arrows = forces.map(({ name, colour }, i) => ({
      shaft: shafts[i],
      name: this.forces.append("text").style("fill", `color-mix(in srgb, ${colour} 70%, var(--ssm-ink))`).text(name),
    }));
    this.goalName = this.svg.append("text").attr("class", "ssm-muted").attr("aria-hidden", "true").text("softmax");
    this.dot = this.svg
      .append("circle")
      .attr("class", "ssm-knob")
      .attr("r", 9)
      .attr("tabindex", 0)
      .attr("role", "application")
      .attr("aria-roledescription", "point in a triangle")
      .on("keydown", (event) => {
        const step = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] }[event.key];
        if (!step) return;
        event.preventDefault();
        const [x, y] = this.spot(this.q);
        const far = (event.shiftKey ? 0.1 : 0.02) * this.side;
        change(this.distribution(x + step[0] * far, y + step[1] * far));
      });
    this.label = label;
    this.svg.call(
      dragIn(this.svg)
        .on("start", (event) => {
          this.dot.node().focus({ preventScroll: true });
          change(this.distribution(event.x, event.y));
        })
        .on("drag", (event) => change(this.distribution(event.x, event.y))),
    );
  }

  // order: the level at the top, at the lower left and at the lower right; high energy is up.
  layout(width, { order, names }, side = Math.min(width - 40, 350)) {
    this.names = names;
    this.side = side;
    const height = (this.side * Math.sqrt(3)) / 2;
    const [left, top] = [(width - this.side) / 2, 24];
    this.places = [];
    this.places[order[0]] = [left + this.side / 2, top];
    this.places[order[1]] = [left, top + height];
    this.places[order[2]] = [left + this.side, top + height];
    this.svg.attr("width", width).attr("height", height + 54).attr("viewBox", `0 0 ${width} ${height + 54}`);
    this.edge.attr("d", `M${order.map((k) => this.places[k].join()).join("L")}Z`);
    this.corners
      .selectAll("text")
      .data(order)
      .join("text")
      .attr("x", (k) => this.places[k][0])
      .attr("y", (k, n) => this.places[k][1] + (n ? 22 : -9))
      .attr("text-anchor", "middle")
      .text((k) => ([...names[k]].length > 18 ? `${[...names[k]].slice(0, 17).join("")}…` : names[k]));
    if (this.values) this.landscape(this.values, this.count);
  }

  spot(q) {
    return spotOf(q, this.places);
  }

  distribution(x, y) {
    return distributionAt(x, y, this.places, this.shortest);
  }

  // values: F on the grid of the kernel free_energy_landscape, count x count.
  landscape(values, count) {
    this.values = values;
    this.count = count;
    if (!this.places) return;
    let [low, high] = [Infinity, -Infinity];
    for (const value of values) [low, high] = [Math.min(low, value), Math.max(high, value)];
    // Closer lines near the bottom, where F is flat.
    const thresholds = Array.from({ length: BANDS }, (_, k) => -(low + (high - low) * ((k + 1) / (BANDS + 1)) ** 2));
    // With a forbidden level F is infinite but on an edge or a corner, and there is nothing to draw.
    const rings = high < Infinity ? contours().size([count, count]).thresholds(thresholds)(Array.from(values, (value) => -value)) : [];
    // Contours live on the grid; the grid folds onto the triangle.
    const unit = (a) => Math.min(1, Math.max(0, (a - 0.5) / (count - 1)));
    const fold = (/** @type {number[]} */ [a, b]) => {
      const [u, v] = [unit(a), unit(b)];
      return this.spot([1 - u, u * (1 - v), u * v]);
    };
    const draw = line();
    this.bands
      .selectAll("path")
      .data(rings)
      .join("path")
      .attr("class", "ssm-band")
      .attr("d", ({ coordinates }) => coordinates.flat().map((ring) => `${draw(ring.map(fold))}Z`).join(""));
  }

  // The relief is as warm as the temperature.
  tint(colour) {
    this.bands.attr("fill", colour);
  }

  // forces: pull and push, changes of the distribution.
  show(q, goal, path, forces, colour) {
    this.q = q;
    this.follow(q);
    if (!this.places) return;
    const [x, y] = this.spot(q);
    this.dot
      .attr("cx", x)
      .attr("cy", y)
      .attr("fill", colour)
      .attr("aria-label", `${this.label}: ${this.names.map((name, k) => `${name} ${format.fixed(q[k], 3)}`).join(", ")}`);
    const [gx, gy] = this.spot(goal);
    this.goal.attr("transform", `translate(${gx},${gy})`);
    const right = gx < this.places.reduce((sum, place) => sum + place[0], 0) / 3 + this.side * 0.2;
    this.goalName.attr("x", gx + (right ? 10 : -10)).attr("y", gy - 9).attr("text-anchor", right ? "start" : "end");
    this.path.attr("d", line()(path.map((point) => this.spot(point))));
    this.push([x, y], forces);
  }

  // Remember where the point has been; what it jumps to begins a new stretch.
  follow(q) {
    const last = this.trail.at(-1);
    const far = last && last.length === q.length ? Math.max(...q.map((share, k) => Math.abs(share - last[k]))) : JUMP + 1;
    if (far > JUMP) this.trail = [];
    if (far > STEP) this.trail.push([...q]);
    if (this.trail.length > KEPT) this.trail.shift();
    if (this.places && q.length === 3) this.track.attr("d", line()([...this.trail, q].map((point) => this.spot(point))));
  }

  push([x, y], { pull, push }) {
    const vector = (change) => {
      const [end, start] = [this.spot(change), this.spot(change.map(() => 0))];
      return [end[0] - start[0], end[1] - start[1]];
    };
    const both = [vector(pull), vector(push)];
    const longest = Math.max(...both.map(([a, b]) => Math.hypot(a, b)));
    const scale = (REACH * this.side) / Math.max(longest, FAINT * this.side);
    const ends = [...both, [both[0][0] + both[1][0], both[0][1] + both[1][1]]].map(([a, b]) => [scale * a, scale * b]);
    this.arrows.forEach(({ shaft, name }, i) => {
      const [a, b] = ends[i];
      const length = Math.hypot(a, b);
      shaft.attr("d", length < 4 ? null : arrow([x, y], [a, b], length));
      // A name stands beyond the tip of its arrow, or beside it where the sum of both would cross the name.
      let [u, v] = length < 4 ? [0, -1] : [a / length, b / length];
      const [along, aside] = [u * ends[2][0] + v * ends[2][1], u * ends[2][1] - v * ends[2][0]];
      if (along > length - 16 && Math.abs(aside) < 48) [u, v] = aside > 0 ? [v, -u] : [-v, u];
      name
        .attr("display", length < 24 ? "none" : null)
        .attr("x", x + a + 8 * u)
        .attr("y", y + b + 8 * v + 4 + (Math.abs(u) < 0.5 ? 5 * Math.sign(v) : 0))
        .attr("text-anchor", u > 0.3 ? "start" : u < -0.3 ? "end" : "middle");
    });
    const at = (/** @type {number[]} */ [a, b]) => `${x + a},${y + b}`;
    this.frame.attr("d", `M${at(ends[0])}L${at(ends[2])}L${at(ends[1])}`);
  }
}

// A shaft with two barbs.
function arrow([x, y], [a, b], length) {
  const [u, v] = [(7 * a) / length, (7 * b) / length];
  const barb = (side) => `${x + a - u + (side * v) / 2},${y + b - v - (side * u) / 2}`;
  return `M${x},${y}L${x + a},${y + b}M${barb(1)}L${x + a},${y + b}L${barb(-1)}`;
}
