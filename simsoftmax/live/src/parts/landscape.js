// Energy levels side by side as hills and valleys, low is down, with walkers heaped on them like grains.

import { scaleLinear, scalePoint } from "d3-scale";
import { area, curveMonotoneX, line } from "d3-shape";
import * as format from "../kit/format.js";
import { spread } from "../kit/spread.js";
import { DOT, Heaps } from "./heaps.js";

const LEDGE = 0.34; // half the width of a level's ledge, in levels
const TOP = 26;
const FOOT = 40; // room for the numbers under the valleys
const APART = 42; // what a number takes up across
const ROW = 16; // and down

export class Landscape extends Heaps {
  constructor(parent) {
    super(parent, { label: "Landscape", heading: "energy", top: TOP });
    this.ground = this.svg.append("path").attr("class", "ssm-ground");
    this.line = this.svg.append("path").attr("class", "ssm-line").attr("fill", "none");
    this.walls = this.svg.append("g");
    this.numbers = this.svg.append("g").attr("text-anchor", "middle");
  }

  // energies: one a level; valleys: the levels that are lower than both neighbours.
  show({ energies, valleys }) {
    this.energies = energies;
    this.valleys = valleys;
    this.dots = [];
  }

  layout(width, height) {
    this.fit(width, height);
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
    /** @type {[number, number][]} */
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
}
