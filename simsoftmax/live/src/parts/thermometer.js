// The thermometer that sets the temperature, or only shows it.

import { scaleLinear } from "d3-scale";
import { pointer, select } from "d3-selection";
import { dragIn } from "../kit/drag.js";
import * as format from "../kit/format.js";
import { heat, place, shadeAt, temperatureAt, ticksFor, tickText, turned } from "../kit/heat.js";
import { HOTTEST } from "../kit/look.js";

const LINE = 17; // pixels of a line of numbers
const TALL = 76; // pixels that a flat one has at its best

export class Thermometer {
  /**
   * change(temperature) is called when the reader moves it, and without it the thermometer only shows; infinite: whether
   * it reaches T = infinity; coldest, hottest: the ends of what the figure takes.
   * @param {Element} parent
   * @param {{ change?: (temperature: number) => void, label?: string, infinite?: boolean, coldest?: number, hottest?: number }} options
   */
  constructor(parent, { change, label = "Temperature", infinite = true, coldest = 0, hottest = HOTTEST }) {
    this.change = change;
    this.infinite = infinite;
    this.value = 1;
    this.two = []; // what two halves read, in place of the one value
    const id = `ssm-heat-${Math.random().toString(36).slice(2)}`; // several bundles may share a page
    this.svg = select(parent).append("svg").attr("class", "ssm-thermometer");
    this.gradient = this.svg.append("defs").append("linearGradient").attr("id", id);
    for (const u of [0, 0.25, 0.5, 0.75, 1]) {
      this.gradient.append("stop").attr("offset", u).attr("stop-color", shadeAt(u));
    }
    this.name = this.svg.append("text").attr("class", "ssm-muted").attr("aria-hidden", "true").text("temperature");
    this.ticks = this.svg.append("g").attr("aria-hidden", "true");
    this.track = this.svg.append("rect").attr("rx", 4).attr("fill", `url(#${id})`);
    this.reading = this.svg.append("text").attr("class", "ssm-reading").attr("aria-hidden", "true");
    this.pair = this.svg.append("g").attr("aria-hidden", "true");
    this.knob = this.svg
      .append("circle")
      .attr("class", "ssm-knob")
      .attr("r", 10)
      .attr("tabindex", 0)
      .attr("role", "slider")
      .attr("aria-label", label)
      .on("keydown", (event) => this.key(event));
    const move = (event) => this.set(temperatureAt(this.position.invert(this.vertical ? event.y : event.x)));
    if (!change) {
      // A thermometer that only shows.
      this.svg.classed("ssm-fixed", true);
      this.knob.attr("r", 5).attr("tabindex", null).attr("role", "img").on("keydown", null);
      return;
    }
    this.knob.attr("aria-valuemin", coldest).attr("aria-valuemax", hottest);
    const byFinger = (event) => !this.vertical && (event.pointerType ?? event.type.slice(0, 5)) === "touch";
    this.svg.call(
      dragIn(this.svg)
        .filter((event) => !event.ctrlKey && !event.button && !byFinger(event))
        .on("start", (event) => {
          this.knob.node().focus({ preventScroll: true });
          move(event);
        })
        .on("drag", move),
    );
    this.svg.style("touch-action", null); // the style sheet's, and not that of the drag
    this.followFinger(move, byFinger);
  }

  // A finger that comes down on a flat thermometer may want to scroll the page, which the browser decides when it goes up or
  // down, and cancels what we hear of it. So nothing moves before the finger goes along, or is lifted where it came down.
  followFinger(move, byFinger) {
    let from;
    const sideways = ({ clientX, clientY }) => Math.abs(clientX - from.x) > Math.abs(clientY - from.y);
    const follow = (event) => {
      const [x, y] = pointer(event, this.svg.node());
      move({ x, y });
    };
    this.svg
      .on("pointerdown.finger", (event) => {
        from = byFinger(event) ? { x: event.clientX, y: event.clientY, along: false } : undefined;
      })
      .on("pointermove.finger", (event) => {
        if (!from) return;
        from.along ||= sideways(event);
        if (from.along) follow(event);
      })
      .on("pointerup.finger", (event) => {
        if (from) follow(event);
        from = undefined;
      })
      .on("pointercancel.finger", () => {
        from = undefined;
      });
  }

  key(event) {
    const next = turned(this.value, event.key);
    if (next === undefined) return;
    event.preventDefault();
    this.set(next);
  }

  set(value) {
    const next = value === Infinity && !this.infinite ? HOTTEST : value;
    if (next !== this.value) this.change(next);
  }

  // Lay out in a box; vertical when it is taller than wide. `inset` leaves room left and right of a flat one, so that it
  // stands over the axis of a plot.
  layout(width, height, inset = [14, 14]) {
    this.vertical = height > width;
    this.svg.attr("width", width).attr("height", height).attr("viewBox", `0 0 ${width} ${height}`);
    const flat = !this.vertical;
    const spared = flat ? TALL - height : 0; // where a figure has little height, its lines move together
    const [x, y] = flat ? [inset[0], Math.round(34 - 0.45 * spared)] : [42, 30];
    this.cross = flat ? y + 4 : x + 4;
    this.position = flat ? scaleLinear([0, 1], [x, width - inset[1]]) : scaleLinear([0, 1], [height - 16, y]);
    const [low, high] = [this.position(0), this.position(1)];
    this.gradient.attr("x1", 0).attr("x2", flat ? 1 : 0).attr("y1", flat ? 0 : 1).attr("y2", 0);
    this.track
      .attr("x", flat ? low - 4 : x)
      .attr("y", flat ? y : high - 4)
      .attr("width", flat ? high - low + 8 : 8)
      .attr("height", flat ? 8 : low - high + 8);
    this.name.attr("x", flat ? x - 4 : 2).attr("y", 13);
    this.ticks
      .selectAll("text")
      .data(ticksFor(high - low).filter((t) => this.infinite || t < Infinity))
      .join("text")
      .attr("class", "ssm-muted")
      .attr("text-anchor", flat ? "middle" : "end")
      .attr("x", (t) => (flat ? this.position(place(t)) : 32))
      .attr("y", (t) => (flat ? height - 10 + spared / 3 : this.position(place(t)) + 4))
      .text(tickText);
    if (this.change) this.knob.attr("aria-orientation", flat ? "horizontal" : "vertical");
    this.draw();
  }

  // Nothing is known of a temperature.
  hide() {
    this.svg.style("display", "none");
  }

  // two: what the left and the right half of the system read, where they are told apart.
  show(value, two = []) {
    this.svg.style("display", null);
    this.value = value;
    this.two = two;
    this.draw();
  }

  draw() {
    const text = `T = ${format.temperature(this.value)}`;
    const spoken = this.value === 0 ? "T = 0, frozen" : this.value === Infinity ? "T = infinity" : text;
    if (this.change) this.knob.attr("aria-valuenow", Math.min(this.value, HOTTEST)).attr("aria-valuetext", spoken);
    else this.knob.attr("aria-label", `Temperature: ${this.two.length ? this.two.map(format.temperature).join(" and ") : spoken}`);
    if (!this.position) return;
    const at = this.position(place(this.value));
    this.knob
      .attr("cx", this.vertical ? this.cross : at)
      .attr("cy", this.vertical ? at : this.cross)
      .attr("fill", heat(this.value))
      .attr("opacity", this.two.length ? 0 : null);
    this.drawTwo();
    this.reading
      .attr("x", this.vertical ? this.cross + 16 : this.position(1) + 4)
      .attr("y", this.vertical ? at + 5 : 13)
      .attr("text-anchor", this.vertical ? "start" : "end")
      .text(this.two.length ? "" : this.vertical ? format.temperature(this.value) : text);
  }

  // A mark for each of two halves, with its number beside an upright track.
  drawTwo() {
    const at = this.two.map((t) => this.position(place(t)));
    const near = Math.max(0, LINE - Math.abs(at[0] - at[1])) / 2; // numbers that would meet are moved apart
    const shift = (k) => (at[k] < at[1 - k] || (at[0] === at[1] && k) ? -near : near);
    const marks = this.pair.selectAll("g").data(this.two).join((enter) => {
      const g = enter.append("g");
      g.append("circle").attr("class", "ssm-mark").attr("r", 5);
      g.append("text").attr("class", "ssm-reading");
      return g;
    });
    marks.attr("transform", (_, k) => (this.vertical ? `translate(${this.cross},${at[k]})` : `translate(${at[k]},${this.cross})`));
    marks.select("circle").attr("fill", heat);
    marks
      .select("text")
      .attr("x", 16)
      .attr("y", (_, k) => 5 + shift(k))
      .text((t) => (this.vertical ? format.temperature(t) : ""));
  }
}
