// Energy levels side by side as hills and valleys, low is down, with walkers heaped on them like grains.

import { scaleLinear, scalePoint } from "d3-scale";
import { select } from "d3-selection";
import { area, curveMonotoneX, line } from "d3-shape";
import * as format from "../kit/format.js";
import { spread } from "../kit/spread.js";
import { add, reducedMotion } from "../kit/dom.js";

const DOT = 2.6;
const LEDGE = 0.34; // half the width of a level's ledge, in levels
const HOP = 0.16; // seconds, at most
const BLINK = 0.05; // a hop that had to be shorter is none
const TOP = 26;
const FOOT = 40; // room for the numbers under the valleys
const APART = 42; // what a number takes up across
const ROW = 16; // and down

export class Landscape {
  constructor(parent) {
    this.box = add(parent, "div", { className: "ssm-ladder" });
    this.canvas = add(this.box, "canvas");
    this.canvas.setAttribute("aria-hidden", "true");
    this.svg = select(this.box).append("svg").attr("role", "img").attr("aria-label", "Landscape");
    this.svg.append("text").attr("class", "ssm-muted").attr("y", 13).text("energy");
    this.ground = this.svg.append("path").attr("class", "ssm-ground");
    this.line = this.svg.append("path").attr("class", "ssm-line").attr("fill", "none");
    this.walls = this.svg.append("g");
    this.numbers = this.svg.append("g").attr("text-anchor", "middle");
    this.dots = [];
  }

  // energies: one a level; valleys: the levels that are lower than both neighbours.
  show({ energies, valleys }) {
    this.energies = energies;
    this.valleys = valleys;
    this.dots = [];
  }

  layout(width, height) {
    this.width = width;
    this.height = height;
    const ratio = globalThis.devicePixelRatio || 1;
    Object.assign(this.canvas, { width: Math.round(width * ratio), height: Math.round(height * ratio) });
    Object.assign(this.canvas.style, { width: `${width}px`, height: `${height}px` });
    this.paper = this.canvas.getContext("2d");
    this.paper.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.svg.attr("width", width).attr("height", height).attr("viewBox", `0 0 ${width} ${height}`);
    const { energies } = this;
    const [low, high] = [Math.min(...energies), Math.max(...energies)];
    const x = scalePoint([...energies.keys()], [0, width]).padding(0.5);
    // Numbers of valleys that lie close move apart; where there is no room for that, they stand in several rows.
    const rows = Math.ceil(this.valleys.length / Math.floor(width / APART));
    const floor = height - FOOT - (rows - 1) * ROW;
    const y = scaleLinear([low, Math.max(high, low + 1e-9)], [floor, TOP + 44]);
    this.pitch = x.step();
    this.spots = energies.map((energy, k) => [x(k), y(energy)]);
    // Each level is a ledge; beyond the first and the last there is a wall.
    const ledge = this.pitch * LEDGE;
    const hills = this.spots.flatMap(([cx, cy]) => [[cx - ledge, cy], [cx + ledge, cy]]);
    hills[0][0] = 0;
    hills.at(-1)[0] = width;
    this.walls
      .selectAll("line")
      .data([hills[0], hills.at(-1)])
      .join("line")
      .attr("class", "ssm-hair")
      .attr("x1", (p) => p[0])
      .attr("x2", (p) => p[0])
      .attr("y1", TOP)
      .attr("y2", (p) => p[1]);
    this.ground.attr("d", area((p) => p[0], (p) => p[1], floor + 8).curve(curveMonotoneX)(hills));
    this.line.attr("d", line((p) => p[0], (p) => p[1]).curve(curveMonotoneX)(hills));
    const places = [];
    for (let row = 0; row < rows; row += 1) {
      const inRow = this.valleys.filter((_, i) => i % rows === row);
      spread(inRow.map(x), APART, [0, width]).forEach((at, i) => (places[inRow[i]] = [at, floor + 26 + row * ROW]));
    }
    this.numbers
      .selectAll("text")
      .data(this.valleys)
      .join("text")
      .attr("x", (k) => places[k][0])
      .attr("y", (k) => places[k][1]);
    this.row = Math.max(1, Math.floor((2.1 * LEDGE * this.pitch) / (2 * DOT)));
  }

  // held: the share of the walkers in each valley and on its slopes, level by level.
  count(held) {
    this.numbers
      .selectAll("text")
      .attr("class", (k) => (held[k] >= 0.02 ? "ssm-valley" : "ssm-muted"))
      .text((k) => (held[k] >= 0.005 ? `${format.fixed(100 * held[k], 0)} %` : ""));
    const parts = this.valleys.map((k) => `energy ${format.fixed(this.energies[k], 1)} ${format.fixed(100 * held[k], 0)} %`);
    this.svg.attr("aria-label", `Landscape with ${this.valleys.length} valleys; share of the walkers in each: ${parts.join("; ")}`);
  }

  // levels[i] is where the i-th drawn walker stands. It takes the lowest free place in the heap of its level. beat: seconds
  // from one move of the walkers to the next. A hop must be over by then, or dots would trail behind their walkers.
  populate(levels, beat) {
    if (!this.spots) return;
    this.time = Math.min(HOP, beat);
    const still = reducedMotion() || this.time < BLINK;
    while (this.dots.length < levels.length) this.dots.push({ level: -1, hop: 1 });
    this.dots.length = levels.length;
    const heaps = this.spots.map(() => new Set());
    const arrivals = [];
    this.dots.forEach((dot, i) => {
      if (dot.level === levels[i]) heaps[dot.level].add(dot.place);
      else arrivals.push(i);
    });
    const lowest = this.spots.map(() => 0);
    for (const i of arrivals) {
      const dot = this.dots[i];
      const heap = heaps[levels[i]];
      let place = lowest[levels[i]];
      while (heap.has(place)) place += 1;
      lowest[levels[i]] = place;
      heap.add(place);
      dot.from = dot.level < 0 || still ? null : this.where(dot);
      dot.hop = dot.from ? 0 : 1;
      dot.level = levels[i];
      dot.place = place;
    }
    // A heap that has lost grains sinks: what lies on top falls into the gaps.
    const sizes = this.spots.map(() => 0);
    for (const dot of this.dots) sizes[dot.level] += 1;
    for (const dot of this.dots) {
      const [heap, size] = [heaps[dot.level], sizes[dot.level]];
      if (dot.place < size) continue;
      let place = 0;
      while (heap.has(place)) place += 1;
      heap.delete(dot.place);
      heap.add(place);
      dot.place = place;
    }
    // Heaps are comparable: all rows are as high as the heap with the least room above it allows.
    const rises = this.spots.map(([, y], k) => (y - 2 * DOT - 1.5 - TOP) / (Math.ceil(sizes[k] / this.row) - 1));
    this.rise = Math.min(2 * DOT, ...rises.filter((rise) => rise > 0));
  }

  where(dot) {
    const [cx, cy] = this.spots[dot.level];
    const [row, column] = [Math.floor(dot.place / this.row), dot.place % this.row];
    // From the middle outwards.
    const side = (column % 2 ? 1 : -1) * Math.ceil(column / 2) * 2 * DOT + (this.row % 2 ? 0 : -DOT);
    const [x, y] = [cx + side, cy - DOT - 1.5 - row * this.rise];
    if (dot.hop >= 1 || !dot.from) return [x, y];
    // Up before across, and across before down: not through the hill.
    const u = dot.hop * dot.hop * (3 - 2 * dot.hop);
    const v = y < dot.from[1] ? u * (2 - u) : u * u;
    return [dot.from[0] + (x - dot.from[0]) * u, dot.from[1] + (y - dot.from[1]) * v - 9 * Math.sin(Math.PI * u)];
  }

  // Draw the walkers; returns whether any is still in the air.
  paint(colour, seconds) {
    if (!this.paper) return false;
    const { paper } = this;
    paper.clearRect(0, 0, this.width, this.height);
    paper.fillStyle = colour;
    paper.globalAlpha = 0.85;
    let flying = false;
    for (const dot of this.dots) {
      dot.hop = Math.min(1, dot.hop + seconds / this.time);
      flying ||= dot.hop < 1;
      const [x, y] = this.where(dot);
      paper.beginPath();
      paper.arc(x, y, DOT, 0, 2 * Math.PI);
      paper.fill();
    }
    return flying;
  }
}
