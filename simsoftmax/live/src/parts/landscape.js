// Energy levels side by side as hills and valleys, low is down, with walkers heaped on them like grains. A reader can drag
// the ground up and down.

import { scaleLinear, scalePoint } from "d3-scale";
import { area, curveMonotoneX, line } from "d3-shape";
import { put } from "../kit/dom.js";
import { dragIn } from "../kit/drag.js";
import * as format from "../kit/format.js";
import { spread } from "../kit/spread.js";
import { FARTHEST } from "../kit/typed.js";
import { DOT, Heaps } from "./heaps.js";

const LEDGE = 0.34; // half the width of a level's ledge, in levels
const TOP = 26;
const FOOT = 40; // room for the numbers under the valleys
const APART = 42; // what a number takes up across
const ROW = 16; // and down
const FINGER = 22; // pixels above and below a ledge that take hold of it

export class Landscape extends Heaps {
  /**
   * heading: what is seen here; out: what to call the result that it shows; change(level, energy) when the reader moves the
   * ground, settle() when it is let go.
   * @param {Element} parent
   * @param {{ heading: string, out: string, change: (level: number, energy: number) => void, settle: () => void }} options
   */
  constructor(parent, { heading, out, change, settle }) {
    super(parent, { label: heading, heading, top: TOP });
    this.svg.attr("role", "group");
    this.heading = heading;
    this.change = change;
    this.settle = settle;
    this.held = null; // the level that is being dragged
    this.result = this.svg.append("text").attr("class", "ssm-value").attr("y", 13).attr("text-anchor", "end").attr("data-out", out);
    this.ground = this.svg.append("path").attr("class", "ssm-ground");
    this.line = this.svg.append("path").attr("class", "ssm-line").attr("fill", "none");
    this.walls = this.svg.append("g");
    this.numbers = this.svg.append("g").attr("text-anchor", "middle");
    this.catches = this.svg.append("g");
    // One handle for all levels: left and right choose one, up and down move it.
    this.grip = this.svg
      .append("circle")
      .attr("class", "ssm-grip")
      .attr("r", 5.5)
      .attr("pointer-events", "none") // what lies below is dragged
      .attr("tabindex", 0)
      .attr("role", "slider")
      .attr("aria-orientation", "vertical")
      .attr("aria-label", `Height of the ground, ${heading}`)
      .attr("aria-valuemin", -FARTHEST)
      .attr("aria-valuemax", FARTHEST)
      .on("keydown", (event) => this.key(event));
  }

  // energies: one a level; valleys: the levels that are lower than both neighbours.
  show({ energies, valleys }) {
    if (energies.length !== this.energies?.length) {
      this.dots = [];
      this.chosen = energies.indexOf(Math.max(...energies)); // the highest hill offers itself
    }
    this.energies = energies;
    this.valleys = valleys;
    if (this.width) this.layout(this.width, this.height);
  }

  layout(width, height) {
    if (width !== this.width || height !== this.height) this.fit(width, height);
    const { energies } = this;
    const x = scalePoint([...energies.keys()], [0, width]).padding(0.5);
    // Numbers of valleys that lie close move apart; where there is no room for that, they stand in several rows.
    const rows = Math.ceil(this.valleys.length / Math.floor(width / APART));
    const floor = height - FOOT - (rows - 1) * ROW;
    // The scale keeps still while the ground is held.
    if (this.held === null) {
      const [low, high] = [Math.min(...energies), Math.max(...energies)];
      this.y = scaleLinear([low, Math.max(high, low + 1e-9)], [floor, TOP + 44]);
    }
    this.bottom = height - 18;
    this.pitch = x.step();
    this.spots = energies.map((energy, k) => [x(k), Math.min(this.bottom, Math.max(TOP + 10, this.y(energy)))]);
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
    this.ground.attr("d", area((p) => p[0], (p) => p[1], Math.max(floor + 8, ...this.spots.map(([, cy]) => cy))).curve(curveMonotoneX)(hills));
    this.line.attr("d", line((p) => p[0], (p) => p[1]).curve(curveMonotoneX)(hills));
    this.result.attr("x", width - 2);
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
    this.offer();
  }

  // Where the ground can be taken hold of.
  offer() {
    const catches = this.catches
      .selectAll("rect")
      .data([...this.spots.keys()])
      .join((enter) => enter.append("rect").attr("class", "ssm-catch").attr("fill", "transparent").attr("height", 2 * FINGER).call(this.dragged()));
    catches
      .attr("x", (k) => this.spots[k][0] - this.pitch / 2)
      .attr("y", (k) => this.spots[k][1] - FINGER)
      .attr("width", this.pitch);
    const [cx, cy] = this.spots[this.chosen];
    const energy = this.energies[this.chosen];
    put(this.grip.node(), {
      cx, cy, "aria-valuenow": energy, "aria-valuetext": `level ${this.chosen + 1} of ${this.energies.length}, energy ${format.short(energy)}`,
    });
  }

  dragged() {
    return dragIn(this.svg)
      .on("start", (_, k) => {
        this.held = k;
        this.chosen = k;
        this.grip.node().focus({ preventScroll: true });
      })
      .on("drag", (event, k) => {
        const y = Math.min(this.bottom, Math.max(TOP + 10, event.y));
        const energy = Math.round(this.y.invert(y) * 50) / 50;
        if (energy !== this.energies[k]) this.change(k, energy);
      })
      .on("end", () => {
        this.held = null;
        this.layout(this.width, this.height);
        this.settle();
      });
  }

  key(event) {
    const far = { ArrowUp: 1, ArrowDown: -1, PageUp: 10, PageDown: -10 }[event.key];
    const aside = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!far && !aside) return;
    event.preventDefault();
    if (aside) {
      this.chosen = Math.min(this.energies.length - 1, Math.max(0, this.chosen + aside));
      this.offer();
      return;
    }
    const energy = Math.round((this.energies[this.chosen] + 0.1 * far) * 100) / 100;
    this.change(this.chosen, Math.min(FARTHEST, Math.max(-FARTHEST, energy)));
    this.settle();
  }

  // held: the share of the walkers in each valley and on its slopes, level by level; text: what has come of it.
  count(held, text) {
    this.result.text(text);
    this.numbers
      .selectAll("text")
      .attr("class", (k) => (held[k] >= 0.02 ? "ssm-valley" : "ssm-muted"))
      .text((k) => (held[k] >= 0.005 ? `${format.fixed(100 * held[k], 0)} %` : ""));
    const parts = this.valleys.map((k) => `energy ${format.fixed(this.energies[k], 1)} ${format.fixed(100 * held[k], 0)} %`);
    this.svg.attr("aria-label", `${this.heading}: ${this.valleys.length} valleys; share of the walkers in each: ${parts.join("; ")}`);
  }
}
