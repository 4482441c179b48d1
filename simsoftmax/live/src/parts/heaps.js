// Dots heaped like grains on places that stand side by side, which hop from one to another.

import { select } from "d3-selection";
import { add, reducedMotion, sized } from "../kit/dom.js";

export const DOT = 2.6;
const HOP = 0.16; // seconds, at most
const BLINK = 0.05; // a hop that had to be shorter is none

export class Heaps {
  /** @type {[number, number][]} */
  spots = undefined;
  row = 1;

  /**
   * heading: what height is; top: the room above the highest dot. Those who extend it set `spots`, the middle of the
   * foot of each heap, and `row`, how many dots stand side by side.
   * @param {Element} parent
   * @param {{ label: string, heading: string, top: number }} options
   */
  constructor(parent, { label, heading, top }) {
    this.top = top;
    this.box = add(parent, "div", { className: "ssm-ladder" });
    this.canvas = add(this.box, "canvas");
    this.canvas.setAttribute("aria-hidden", "true");
    this.svg = select(this.box).append("svg").attr("role", "img").attr("aria-label", label);
    this.svg.append("text").attr("class", "ssm-muted").attr("y", 13).text(heading);
    this.dots = [];
  }

  // Take a size, in the picture and under it.
  fit(width, height) {
    this.width = width;
    this.height = height;
    this.paper = sized(this.canvas, width, height);
    this.svg.attr("width", width).attr("height", height).attr("viewBox", `0 0 ${width} ${height}`);
  }

  // levels[i] is where the i-th dot stands. It takes the lowest free place in the heap there. beat: seconds from one move
  // to the next. A hop must be over by then, or dots would trail behind what they stand for.
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
    const rises = this.spots.map(([, y], k) => (y - 2 * DOT - 1.5 - this.top) / (Math.ceil(sizes[k] / this.row) - 1));
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

  // Draw the dots, in a colour or in one for each level; returns whether any is still in the air.
  paint(colour, seconds) {
    if (!this.paper) return false;
    const { paper } = this;
    paper.clearRect(0, 0, this.width, this.height);
    paper.globalAlpha = 0.85;
    let flying = false;
    for (const dot of this.dots) {
      dot.hop = Math.min(1, dot.hop + seconds / this.time);
      flying ||= dot.hop < 1;
      const [x, y] = this.where(dot);
      paper.fillStyle = Array.isArray(colour) ? colour[dot.level] : colour;
      paper.beginPath();
      paper.arc(x, y, DOT, 0, 2 * Math.PI);
      paper.fill();
    }
    return flying;
  }
}
