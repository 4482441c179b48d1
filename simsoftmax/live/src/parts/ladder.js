// Energy levels as a ladder, low is down, with particles on them. Levels can be dragged; particles hop in small arcs.

import { scaleLinear } from "d3-scale";
import { select } from "d3-selection";
import { dragIn } from "../kit/drag.js";
import * as format from "../kit/format.js";
import { add, reducedMotion, sized } from "../kit/dom.js";
import { rungs, scoreAt } from "../kit/rungs.js";
import { FARTHEST } from "../kit/typed.js";

const DOT = 2.6;
const HOP = 0.34; // seconds
const FLIGHT = 0.55; // and that a quantum takes from one particle to another
const TOP = 30;
const BOTTOM = 14;

export class Ladder {
  /** @type {any} what d3 calls a drag behaviour */
  dragging;

  /**
   * change(level, logit) is called when a level is moved; without it the levels stay where they are.
   * @param {Element} parent
   * @param {{ change?: (level: number, logit: number) => void, heading?: string }} options
   */
  constructor(parent, { change, heading = "energy" } = {}) {
    this.change = change;
    this.box = add(parent, "div", { className: "ssm-ladder" });
    this.canvas = add(this.box, "canvas");
    this.canvas.setAttribute("aria-hidden", "true");
    this.svg = select(this.box).append("svg");
    this.svg.append("text").attr("class", "ssm-muted").attr("x", 0).attr("y", 13).attr("aria-hidden", "true").text(heading);
    this.levels = this.svg.append("g");
    this.wall = this.svg.append("line").attr("class", "ssm-wall").attr("aria-hidden", "true").attr("display", "none");
    this.halved = false;
    this.dots = [];
    this.logits = [];
    this.held = null;
    this.flight = null; // a quantum on its way
  }

  // Light up two particles, and let a quantum fly from the one to the other. Until it has arrived nobody hops.
  hand(giver, taker) {
    if (this.dots[giver] && this.dots[taker] && !reducedMotion()) this.flight = { giver, taker, done: 0 };
  }

  // Whether the first half of the particles keeps to the left and the other to the right, and a wall stands between.
  split(halved, walled) {
    this.wall.attr("display", walled ? null : "none");
    if (halved === this.halved) return;
    this.halved = halved;
    for (const dot of this.dots) dot.level = -1; // all stand anew
  }

  // logits: one score a level; names: what to call them.
  show(logits, names) {
    this.logits = [...logits];
    this.names = names;
    if (this.width) this.draw();
  }

  layout(width, height) {
    this.width = width;
    this.height = height;
    this.paper = sized(this.canvas, width, height);
    this.svg.attr("width", width).attr("height", height).attr("viewBox", `0 0 ${width} ${height}`);
    this.wall.attr("x1", width / 2).attr("x2", width / 2).attr("y1", TOP - 8).attr("y2", height);
    this.draw();
  }

  // How high up the screen each level is drawn.
  get heights() {
    return this.spots.map((spot) => spot.y);
  }

  // Where each level is drawn. The scale keeps still while a level is held.
  place() {
    const finite = this.logits.filter(Number.isFinite);
    if (this.held === null || !this.height_of) {
      const [low, high] = [Math.min(...finite), Math.max(...finite)];
      const spare = Math.max((high - low) * 0.02, high - low < 1 ? (1 - (high - low)) / 2 : 0);
      this.height_of = scaleLinear([high + spare, low - spare], [this.height - BOTTOM, TOP + 26]);
    }
    return rungs(this.logits, this.height_of, { left: 4, right: this.width - 6, top: TOP, bottom: this.height - BOTTOM });
  }

  draw() {
    if (!this.logits.length) return;
    const old = this.spots;
    this.spots = this.place();
    if (old?.length === this.spots.length) {
      for (const dot of this.dots) this.move(dot, old[dot.level], this.spots[dot.level]);
    }
    const level = this.levels
      .selectAll("g")
      .data(this.spots)
      .join((enter) => {
        const g = enter.append("g");
        g.append("line").attr("class", "ssm-level");
        g.append("circle").attr("class", "ssm-grip").attr("r", 5.5);
        g.append("rect").attr("class", "ssm-catch").attr("fill", "transparent").attr("height", 26);
        return g;
      });
    level
      .attr("transform", (spot) => `translate(0,${spot.y})`)
      .select("line")
      .attr("x1", (spot) => spot.x0)
      .attr("x2", (spot) => spot.x1)
      .attr("stroke-dasharray", (_, k) => (Number.isFinite(this.logits[k]) ? null : "2 5"));
    const movable = (_, k) => Boolean(this.change) && Number.isFinite(this.logits[k]);
    level
      .select("rect")
      .attr("x", (spot) => spot.x0)
      .attr("y", -13)
      .attr("width", (spot) => Math.max(0, spot.x1 - spot.x0))
      .attr("display", (spot, k) => (movable(spot, k) ? null : "none"));
    const grip = level
      .select("circle")
      .attr("cx", (spot) => spot.x1 - 6)
      .attr("display", (spot, k) => (movable(spot, k) ? null : "none"));
    if (!this.change) return;
    grip
      .attr("tabindex", 0)
      .attr("role", "slider")
      .attr("aria-orientation", "vertical")
      .attr("aria-label", (_, k) => `Energy of ${this.names[k]}`)
      .attr("aria-valuemin", -FARTHEST)
      .attr("aria-valuemax", FARTHEST)
      .attr("aria-valuenow", (_, k) => (Number.isFinite(this.logits[k]) ? -this.logits[k] : 0))
      .attr("aria-valuetext", (_, k) => `energy ${format.short(-this.logits[k])}, logit ${format.short(this.logits[k])}`)
      .on("keydown", (event) => this.key(event));
    // Made once: another one would let go of a finger that drags while all is drawn again.
    this.dragging ??= dragIn(this.svg)
      .filter((event) => !event.button && movable(null, this.indexOf(event.currentTarget)))
      .on("start", (_, spot) => {
        this.held = this.spots.indexOf(spot);
        const grip = /** @type {SVGElement} */ (this.levels.selectAll("circle").nodes()[this.held]);
        grip.focus({ preventScroll: true });
      })
      .on("drag", (event) => {
        const y = Math.min(this.height - BOTTOM, Math.max(TOP, event.y));
        const logit = scoreAt(this.height_of, y);
        if (logit !== this.logits[this.held]) this.change(this.held, logit);
      })
      .on("end", () => {
        this.held = null;
        this.draw();
      });
    level.call(this.dragging);
  }

  indexOf(node) {
    return this.levels.selectAll("g").nodes().indexOf(node.closest("g"));
  }

  key(event) {
    const step = { ArrowUp: 1, ArrowRight: 1, ArrowDown: -1, ArrowLeft: -1, PageUp: 10, PageDown: -10 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const k = this.indexOf(event.currentTarget);
    // Up the screen is up in energy, down in logit.
    this.change(k, Math.round((this.logits[k] - step * 0.1) * 100) / 100);
  }

  // Put a dot, at its place along the level, on another spot.
  move(dot, from, to) {
    if (!from || !to) return;
    dot.x = to.x0 + ((dot.x - from.x0) / Math.max(1, from.x1 - from.x0)) * (to.x1 - to.x0);
  }

  // levels[i] is the level of the i-th drawn particle. Those that have moved set off in an arc. A dot finishes its hop and
  // rests a while before it looks at its particle again, so that quick particles are seen as under a stroboscope.
  populate(levels) {
    if (!this.spots || this.flight) return;
    while (this.dots.length < levels.length) this.dots.push({ level: -1, hop: 1, rest: 0, jitter: 0 });
    this.dots.length = levels.length;
    this.dots.forEach((dot, i) => {
      const known = dot.level >= 0 && dot.level < this.spots.length;
      dot.late = dot.level !== levels[i];
      if (known && dot.rest > 0 && !reducedMotion()) return;
      // It looks at times that do not depend on what it sees, so the dots stay a fair sample.
      dot.rest = HOP + 0.1 + 0.5 * Math.random();
      if (!dot.late) return;
      dot.late = false;
      const to = this.spots[levels[i]];
      const [begin, end] = this.span(i, to);
      dot.from = !known || reducedMotion() ? null : this.where(dot);
      dot.hop = dot.from ? 0 : 1;
      dot.level = levels[i];
      dot.x = begin + 4 + Math.random() * Math.max(4, end - begin - 22);
      dot.jitter = Math.floor(Math.random() * 5) * 2.3;
    });
  }

  // From where to where a particle may stand on a level.
  span(i, spot) {
    if (!this.halved) return [spot.x0, spot.x1];
    const middle = this.width / 2;
    return 2 * i < this.dots.length ? [spot.x0, Math.min(middle + 10, spot.x1)] : [Math.max(middle + 2, spot.x0), spot.x1];
  }

  where(dot) {
    const spot = this.spots[dot.level] ?? this.spots[0];
    const [x, y] = [dot.x, spot.y - 5 - dot.jitter];
    if (dot.hop >= 1 || !dot.from) return [x, y];
    const u = dot.hop * dot.hop * (3 - 2 * dot.hop);
    return [dot.from[0] + (x - dot.from[0]) * u, dot.from[1] + (y - dot.from[1]) * u - 16 * Math.sin(Math.PI * u)];
  }

  // Draw the particles, each half in its colour; returns whether any is still in the air.
  paint([first, second], seconds) {
    if (!this.paper || !this.spots) return false;
    const paper = this.paper;
    paper.clearRect(0, 0, this.width, this.height);
    paper.globalAlpha = 0.82;
    let flying = false;
    for (const [i, dot] of this.dots.entries()) {
      paper.fillStyle = 2 * i < this.dots.length ? first : second;
      dot.hop = Math.min(1, dot.hop + seconds / HOP);
      dot.rest -= seconds;
      flying ||= dot.hop < 1 || dot.late;
      const [x, y] = this.where(dot);
      paper.beginPath();
      paper.arc(x, y, DOT, 0, 2 * Math.PI);
      paper.fill();
    }
    return this.paintFlight(seconds) || flying;
  }

  paintFlight(seconds) {
    const { flight, paper } = this;
    if (!flight) return false;
    flight.done += seconds / FLIGHT;
    const [from, to] = [flight.giver, flight.taker].map((i) => this.dots[i] && this.where(this.dots[i]));
    if (flight.done >= 1 || !from || !to) {
      this.flight = null;
      return true;
    }
    const ink = getComputedStyle(this.box).color;
    paper.globalAlpha = 1;
    paper.strokeStyle = ink;
    paper.fillStyle = ink;
    paper.lineWidth = 1.5;
    for (const [x, y] of [from, to]) {
      paper.beginPath();
      paper.arc(x, y, 2.4 * DOT, 0, 2 * Math.PI);
      paper.stroke();
    }
    const u = flight.done * flight.done * (3 - 2 * flight.done);
    paper.beginPath();
    paper.arc(from[0] + (to[0] - from[0]) * u, from[1] + (to[1] - from[1]) * u - 24 * Math.sin(Math.PI * u), 1.2 * DOT, 0, 2 * Math.PI);
    paper.fill();
    return true;
  }
}
