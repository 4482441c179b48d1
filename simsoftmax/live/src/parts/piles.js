// Particles as piles of grains on their energy levels: low is down, a pile's height is its share, and a dashed line says
// how high softmax would have it. Levels can be dragged; a grain that changes its level hops over in an arc.

import { scaleLinear } from "d3-scale";
import { select } from "d3-selection";
import { add, reducedMotion, sharpness, sized } from "../kit/dom.js";
import { dragIn } from "../kit/drag.js";
import * as format from "../kit/format.js";
import { grainsFor, inkOf, shadeOf } from "../kit/grains.js";
import { scoreAt } from "../kit/rungs.js";
import { shelves, wholePile } from "../kit/shelves.js";
import { FARTHEST } from "../kit/typed.js";

const HOP = 0.45; // seconds
const POUR = 1.4; // seconds in which all grains fall at first
const RAIN = 500; // grains that are seen falling
const TOP = 26;
const BOTTOM = 10;

export class Piles {
  /** @type {any} what d3 calls a drag behaviour */
  dragging;

  /**
   * change(level, logit) is called when a level is moved; without it the levels stay where they are.
   * @param {Element} parent
   * @param {{ change?: (level: number, logit: number) => void }} options
   */
  constructor(parent, { change } = {}) {
    this.change = change;
    this.box = add(parent, "div", { className: "ssm-piles" });
    this.canvas = add(this.box, "canvas", { role: "img" });
    this.mask = document.createElement("canvas");
    this.svg = select(this.box).append("svg");
    this.headings = this.svg.append("g").attr("class", "ssm-muted").attr("aria-hidden", "true");
    this.levels = this.svg.append("g");
    this.hops = [];
    this.watched = [];
    this.logits = [];
    this.held = null;
    this.scored = true;
    this.poured = 0;
  }

  // logits: one score a level; order: levels from the top down; names: what to call them; grains: how many there are.
  show(logits, { order, names }, grains) {
    this.logits = [...logits];
    this.order = order;
    this.names = names;
    this.grains = grains;
    if (this.width) this.draw();
  }

  layout(width, height) {
    this.width = width;
    this.height = height;
    this.paper = null;
    this.svg.attr("width", width).attr("height", height).attr("viewBox", `0 0 ${width} ${height}`);
    this.draw();
  }

  get bottom() {
    return this.height - BOTTOM;
  }

  // How the width and the height are shared out.
  divide() {
    const { width, height } = this;
    const narrow = width < 420;
    const count = this.order.length;
    const least = Math.min(44, (0.9 * (this.bottom - TOP)) / count);
    this.stacked = least >= 38; // what is seen above what softmax says
    const grip = this.change ? 24 : 8;
    const needed = () => 7.4 * Math.max(...this.names.map((name, k) => [...name].length + this.score(k).length)) + grip;
    this.scored = true;
    this.scored = needed() <= 0.34 * width; // scores only where there is room for them
    const left = Math.min(width * 0.34, needed());
    const right = this.stacked ? (narrow ? 78 : 122) : 112;
    this.least = least;
    this.grip = grip;
    this.left = left;
    this.large = this.stacked && !narrow;
    const room = { top: TOP, bottom: this.bottom, least, most: 0.46 * height };
    const highest = wholePile(count, room);
    let ratio = sharpness();
    const lay = () => grainsFor(this.grains, (width - right - left) * ratio, highest * ratio);
    // Where pixels of the screen are too large for so many grains, a grain is a part of one: piles keep to their levels.
    while (lay().rows > highest * ratio && ratio < 16) ratio *= 2;
    if (!this.paper || Math.round(width * ratio) !== this.canvas.width) {
      this.paper = sized(this.canvas, width, height, ratio);
    }
    this.laid = lay();
    this.whole = (this.laid.rows * this.laid.down) / ratio;
    this.right = left + (this.laid.columns * this.laid.across) / ratio;
  }

  // What stands behind the name of a level: its score, unless that is its name.
  score(k) {
    return !this.scored || this.names[k].startsWith("z ") ? "" : ` ${format.score(this.logits[k])}`;
  }

  // Where each level is drawn. The scale keeps still while a level is held.
  place() {
    const { least, whole, bottom, order } = this;
    const finite = this.logits.filter(Number.isFinite);
    if (this.held === null || !this.height_of) {
      const [low, high] = [Math.min(...finite), Math.max(...finite)];
      const spare = high - low < 1 ? (1 - (high - low)) / 2 : 0;
      const highest = TOP + Math.max(least, whole / order.length);
      this.height_of = scaleLinear([high + spare, low - spare], [bottom, highest]);
    }
    this.shelves = shelves(this.logits, { order, height: this.height_of, top: TOP, bottom, least, whole });
  }

  // The whole pile, drawn once: a pile of n grains is what lies lowest in it.
  lay() {
    const { columns, rows, across, down } = this.laid;
    const wanted = [columns, rows, across, down, this.grains].join();
    if (wanted === this.laidOut) return;
    this.laidOut = wanted;
    Object.assign(this.mask, { width: columns * across, height: rows * down });
    const paper = this.mask.getContext("2d");
    const image = paper.createImageData(columns * across, rows * down);
    const { seam, between, darkest, palest } = inkOf(this.laid);
    for (let n = 0; n < this.grains; n += 1) {
      const alpha = 255 * (palest + (darkest - palest) * shadeOf(n));
      const x = (n % columns) * across;
      const y = (rows - 1 - Math.floor(n / columns)) * down;
      for (let j = 0; j < down; j += 1) {
        for (let i = 0; i < across; i += 1) {
          const within = j >= seam && i < across - seam;
          image.data[4 * ((y + j) * image.width + x + i) + 3] = within ? alpha : 255 * between;
        }
      }
    }
    paper.putImageData(image, 0, 0);
  }

  draw() {
    if (!this.logits.length) return;
    this.divide();
    this.place();
    this.lay();
    const { left, right, grip, stacked, large } = this;
    const columns = stacked ? [] : [["seen", right + 56], ["softmax", right + 108]];
    this.headings
      .selectAll("text")
      .data([["energy", 0, "start"], ...columns.map(([text, x]) => [text, x, "end"])])
      .join("text")
      .attr("x", ([, x]) => x)
      .attr("y", 13)
      .attr("text-anchor", ([, , anchor]) => anchor)
      .text(([text]) => text);
    const movable = (k) => Boolean(this.change) && Number.isFinite(this.logits[k]);
    const level = this.levels
      .selectAll("g")
      .data(this.order)
      .join((enter) => {
        const g = enter.append("g");
        g.append("line").attr("class", "ssm-level");
        g.append("line").attr("class", "ssm-due");
        const label = g.append("text").attr("class", "ssm-name").attr("text-anchor", "end").attr("aria-hidden", "true");
        label.append("tspan");
        label.append("tspan").attr("class", "ssm-muted");
        g.append("text").attr("class", "ssm-seen").attr("aria-hidden", "true");
        g.append("text").attr("class", "ssm-muted ssm-expected").attr("aria-hidden", "true");
        g.append("circle").attr("class", "ssm-grip").attr("r", 5.5);
        g.append("rect").attr("class", "ssm-catch").attr("fill", "transparent").attr("height", 30).attr("y", -15);
        return g;
      });
    this.parts = new Map();
    level.attr("transform", (k) => `translate(0,${this.shelves[k]})`).each((k, row, nodes) => {
      const g = select(nodes[row]);
      g.select(".ssm-level")
        .attr("x1", left)
        .attr("x2", right)
        .attr("stroke-dasharray", Number.isFinite(this.logits[k]) ? null : "2 5");
      g.select(".ssm-due").attr("x1", left - 4).attr("x2", right + 8);
      const widest = Math.max(4, Math.floor((left - grip + 8) / 7.4) - this.score(k).length);
      const name = [...this.names[k]];
      const label = g.select(".ssm-name").attr("x", left - grip).attr("y", 4.5);
      const [word, number] = /** @type {SVGElement[]} */ (label.selectAll("tspan").nodes());
      word.textContent = name.length > widest ? `${name.slice(0, widest - 1).join("")}…` : this.names[k];
      number.textContent = this.score(k);
      g.select(".ssm-seen")
        .classed("ssm-large", large)
        .attr("data-observed", k)
        .attr("text-anchor", stacked ? "start" : "end")
        .attr("x", stacked ? right + 16 : right + 56)
        .attr("y", stacked ? -18 : 4.5);
      g.select(".ssm-expected")
        .attr("data-expected", k)
        .attr("text-anchor", stacked ? "start" : "end")
        .attr("x", stacked ? right + 16 : right + 108)
        .attr("y", stacked ? -2 : 4.5);
      g.select("circle").attr("cx", left - 10).attr("display", movable(k) ? null : "none");
      g.select("rect").attr("width", left - 2).attr("display", movable(k) ? null : "none");
      const part = (name) => g.select(name).node();
      this.parts.set(k, { due: part(".ssm-due"), seen: part(".ssm-seen"), expected: part(".ssm-expected") });
    });
    if (this.change) this.makeMovable(level, movable);
  }

  makeMovable(level, movable) {
    level
      .select("circle")
      .attr("tabindex", 0)
      .attr("role", "slider")
      .attr("aria-orientation", "vertical")
      .attr("aria-label", (k) => `Energy of ${this.names[k]}`)
      .attr("aria-valuemin", -FARTHEST)
      .attr("aria-valuemax", FARTHEST)
      .attr("aria-valuenow", (k) => (Number.isFinite(this.logits[k]) ? -this.logits[k] : 0))
      .attr("aria-valuetext", (k) => `energy ${format.short(-this.logits[k])}, logit ${format.short(this.logits[k])}`)
      .on("keydown", (event, k) => this.turn(event, k));
    // Made once: another one would let go of a finger that drags while all is drawn again.
    this.dragging ??= dragIn(this.svg)
      .filter((event, k) => !event.button && movable(k) && event.target.matches(".ssm-catch, .ssm-grip"))
      .on("start", (event, k) => {
        this.held = k;
        this.grasp = this.height_of(this.logits[k]) - event.y;
        this.focus(k);
      })
      .on("drag", (event) => {
        const y = Math.min(this.bottom, Math.max(TOP, event.y + this.grasp));
        const logit = scoreAt(this.height_of, y);
        if (logit !== this.logits[this.held]) this.change(this.held, logit);
      })
      .on("end", () => {
        this.held = null;
        this.draw();
      });
    level.call(this.dragging);
  }

  focus(k) {
    const grip = /** @type {SVGElement} */ (this.levels.selectAll("circle").filter((level) => level === k).node());
    grip.focus({ preventScroll: true });
  }

  turn(event, k) {
    const step = { ArrowUp: 1, ArrowRight: 1, ArrowDown: -1, ArrowLeft: -1, PageUp: 10, PageDown: -10 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    // Up the screen is up in energy, down in logit. The levels may change their order, and this one keeps the focus.
    this.change(k, Math.round((this.logits[k] - step * 0.1) * 100) / 100);
    this.focus(k);
  }

  // seen and due: what is and what softmax says, as shares; digits: of the percentages.
  tell(seen, due, digits) {
    if (!this.parts) return;
    for (const [k, part] of this.parts) {
      const texts = [format.percent(seen[k], digits), format.percent(due[k], digits)];
      if (this.stacked) texts[1] = `${this.large ? "softmax" : "due"} ${texts[1]}`;
      if (part.seen.textContent !== texts[0]) part.seen.textContent = texts[0];
      if (part.expected.textContent !== texts[1]) part.expected.textContent = texts[1];
      const y = -this.whole * due[k];
      part.due.setAttribute("y1", y);
      part.due.setAttribute("y2", y);
    }
  }

  // The same as words, now and then: a picture has one text alternative.
  describe(seen, due) {
    if (!this.order) return;
    const words = this.order.map((k) => `${this.names[k]} ${format.percent(seen[k])}, softmax ${format.percent(due[k])}`);
    this.canvas.setAttribute("aria-label", `Share of particles: ${words.join("; ")}`);
  }

  // levels[i] is the level of the i-th particle that is watched. One that has moved sets off in an arc; it is looked at
  // again after a while, at times that do not depend on what is seen, as under a stroboscope.
  watch(levels, seconds) {
    if (!this.shelves || reducedMotion()) {
      this.watched.length = 0;
      return;
    }
    for (let i = 0; i < levels.length; i += 1) {
      this.watched[i] ??= { level: levels[i], rest: Math.random() };
      const particle = this.watched[i];
      particle.rest -= seconds;
      if (particle.rest > 0) continue;
      particle.rest = HOP + 0.6 * Math.random();
      if (particle.level !== levels[i] && particle.level < this.shelves.length) {
        this.hops.push({ from: particle.level, to: levels[i], x: [Math.random(), Math.random()], done: 0 });
      }
      particle.level = levels[i];
    }
    this.watched.length = levels.length;
  }

  // Draw the piles of shares, and what is in the air; returns whether anything is. Where nothing runs they lie at once.
  paint(shares, colour, seconds, running) {
    if (!this.paper || !this.shelves) return false;
    if (!running || reducedMotion()) this.poured = 1;
    this.poured = Math.min(1, this.poured + seconds / POUR);
    const { columns, across, down } = this.laid;
    const { paper, mask, canvas } = this;
    const ratio = canvas.width / this.width;
    const left = Math.round(this.left * ratio);
    paper.save();
    paper.setTransform(1, 0, 0, 1, 0, 0);
    paper.clearRect(0, 0, canvas.width, canvas.height);
    const height = [];
    for (const k of this.order) {
      const grains = Math.round(this.grains * shares[k] * this.poured);
      const foot = Math.round(this.shelves[k] * ratio);
      const [rows, rest] = [Math.floor(grains / columns), grains % columns];
      const lay = (from, to, width) => {
        if (!width || to === from) return;
        const [w, h] = [width * across, (to - from) * down];
        paper.drawImage(mask, 0, mask.height - to * down, w, h, left, foot - to * down, w, h);
      };
      lay(0, rows, columns);
      lay(rows, rows + 1, rest);
      height[k] = (rows * down) / ratio;
    }
    paper.globalCompositeOperation = "source-in";
    paper.fillStyle = colour;
    paper.fillRect(0, 0, canvas.width, canvas.height);
    paper.restore();
    this.throw(height, shares, colour, seconds);
    return this.hops.length > 0 || this.poured < 1;
  }

  // Grains in the air: those that fall at first, and those that hop.
  throw(height, shares, colour, seconds) {
    const { paper } = this;
    const ratio = this.canvas.width / this.width;
    const [w, h] = [Math.max(2, this.laid.across / ratio), Math.max(2, this.laid.down / ratio)];
    const across = (u) => this.left + u * (this.right - this.left - w);
    const top = (k) => this.shelves[k] - height[k] - h;
    paper.fillStyle = colour;
    paper.globalAlpha = 0.85;
    if (this.poured < 1) {
      for (let n = 0; n < Math.min(RAIN, this.grains); n += 1) {
        const [lot, fall] = [shadeOf(n), (shadeOf(n + 7919) + 1.6 * this.poured) % 1];
        let k = 0;
        for (let heap = shares[0]; k < shares.length - 1 && heap < lot; ) heap += shares[(k += 1)];
        paper.fillRect(across(shadeOf(3 * n + 1)), TOP - 20 + (top(k) - TOP + 20) * fall * fall, w, h);
      }
    }
    this.hops = this.hops.filter((hop) => {
      hop.done += seconds / HOP;
      return hop.done < 1 && hop.to < height.length && hop.from < height.length;
    });
    for (const { from, to, x, done } of this.hops) {
      const u = done * done * (3 - 2 * done);
      const y = top(from) + (top(to) - top(from)) * u - 30 * Math.sin(Math.PI * u);
      paper.fillRect(across(x[0] + 0.25 * (x[1] - x[0]) * u), Math.max(0, y), w, h);
    }
    paper.globalAlpha = 1;
  }
}
