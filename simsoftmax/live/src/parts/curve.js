// Lines over temperature: a plot with hairline axes, a cursor that follows the temperature, names on the lines.

import { axisBottom, axisLeft } from "d3-axis";
import { scaleLinear } from "d3-scale";
import { select } from "d3-selection";
import { line } from "d3-shape";
import { dragIn } from "../kit/drag.js";
import * as format from "../kit/format.js";

const LINE = 16; // that a name takes up

export class Curve {
  /**
   * title: what is drawn; out: what to call the value that it shows; x: a scale for a range; xTicks: values for a length;
   * xName: what x is, below the axis; interval: an estimate of x with its ends, a colour and, above it, a name; move(x) when
   * the reader drags along the plot.
   * @param {Element} parent
   * @param {{ title: string, label: string, out?: string, x: (range: [number, number]) => any,
   *   xTicks?: (length: number) => number[], xFormat: (x: number) => string, xName?: string,
   *   interval?: { at: number, low: number, high: number, colour: string, name?: string }, move?: (x: number) => void }} options
   */
  constructor(parent, { title, out, x, xTicks, xFormat, xName, interval, move, label }) {
    this.title = title;
    this.makeX = x;
    this.xTicks = xTicks;
    this.xFormat = xFormat;
    this.label = label;
    this.interval = interval;
    this.svg = select(parent).append("svg").attr("class", "ssm-curve").attr("role", "img").attr("aria-label", label);
    this.heading = this.svg.append("text").attr("class", "ssm-muted").attr("y", 13).text(title);
    this.value = this.svg.append("text").attr("class", "ssm-value").attr("y", 13).attr("text-anchor", "end").attr("data-out", out);
    if (interval) {
      this.band = this.svg.append("rect").attr("class", "ssm-interval").attr("fill", interval.colour);
      this.best = this.svg.append("line").attr("stroke", interval.colour).attr("stroke-width", 1.5);
    }
    this.limits = this.svg.append("g").attr("class", "ssm-limits");
    this.axes = [this.svg.append("g").attr("class", "ssm-axis"), this.svg.append("g").attr("class", "ssm-axis")];
    this.cursor = this.svg.append("line").attr("class", "ssm-cursor");
    this.path = this.svg.append("path").attr("class", "ssm-line").attr("fill", "none");
    this.dips = this.svg.append("g");
    this.named = this.svg.append("g"); // names of limits, in front of the curve
    this.dot = this.svg.append("circle").attr("class", "ssm-dot").attr("r", 5);
    if (xName) {
      this.svg.style("margin-bottom", "16px");
      this.xName = this.svg.append("text").attr("class", "ssm-muted").attr("text-anchor", "end").text(xName);
    }
    if (interval?.name) {
      this.name = this.svg.append("text").attr("class", "ssm-muted").attr("y", 31).attr("text-anchor", "middle").text(interval.name);
    }
    if (move) {
      this.svg.classed("ssm-draggable", true).call(
        dragIn(this.svg)
          .on("start drag", (event) => move(this.x.invert(event.x))),
      );
    }
  }

  // ticks: whether to write the numbers under the axis. Without arguments it only takes a new scale.
  layout(width = this.width, height = this.height, ticks = this.ticks ?? true) {
    if (!width) return;
    this.width = width;
    this.height = height;
    this.ticks = ticks;
    this.svg.attr("width", width).attr("height", height).attr("viewBox", `0 0 ${width} ${height}`);
    this.frame = { left: 40, right: width - 10, top: 38, bottom: height - (ticks ? 24 : 8) };
    const { left, right, top, bottom } = this.frame;
    this.x = this.makeX([left, right]);
    this.value.attr("x", right);
    const axis = /** @type {import("d3-axis").Axis<any>} */ (axisBottom(this.x));
    this.axes[0]
      .attr("transform", `translate(0,${bottom})`)
      .call(axis.tickArguments([Math.min(10, (right - left) / 40)]).tickValues(this.xTicks?.(right - left)).tickFormat(ticks ? this.xFormat : () => "").tickSize(4).tickPadding(5));
    this.cursor.attr("y1", top).attr("y2", bottom);
    this.xName?.attr("x", right).attr("y", height + 14);
    if (this.interval) this.drawInterval(this.interval);
    if (this.points) this.draw();
  }

  /** @param {{ at: number, low: number, high: number, name?: string }} interval */
  drawInterval({ at, low, high, name }) {
    const { left, right, top, bottom } = this.frame;
    const [best, start, end] = [at, low, high].map((x) => this.x(x));
    this.band.attr("x", start).attr("width", Math.max(1, end - start)).attr("y", top).attr("height", bottom - top);
    this.best.attr("x1", best).attr("x2", best).attr("y1", top).attr("y2", bottom);
    if (!name) return;
    const half = 3.5 * name.length;
    this.name.attr("x", Math.min(right - half, Math.max(left + half, best)));
  }

  // points: [x, y] pairs; limits: [y, name] pairs to mark; range: what y must span; dips: [x, y] pairs to dot.
  show(points, limits, range, dips = []) {
    this.points = points;
    this.bottoms = dips;
    this.marks = limits;
    this.range = range;
    if (this.width) this.draw();
  }

  draw() {
    const { left, right, top, bottom } = this.frame;
    this.y = scaleLinear(this.range, [bottom, top]);
    this.axes[1]
      .attr("transform", `translate(${left},0)`)
      .call(axisLeft(this.y).ticks(3).tickSize(4).tickPadding(4).tickFormat(format.short));
    const path = line((p) => this.x(p[0]), (p) => this.y(p[1]));
    this.path.attr("d", path(this.points));
    this.limits
      .selectAll("line")
      .data(this.marks)
      .join("line")
      .attr("transform", ([y]) => `translate(0,${this.y(y)})`)
      .attr("x1", left)
      .attr("x2", right);
    // A limit's name stands at the far end, where a curve that comes from it has left it, unless the other's is there.
    const heights = this.marks.map(([y]) => this.y(y));
    const close = Math.max(...heights) - Math.min(...heights) < 2 * LINE;
    const near = (end) => close && end === "start";
    this.named
      .selectAll("text")
      .data(this.marks)
      .join("text")
      .attr("class", "ssm-muted")
      .attr("transform", ([y]) => `translate(0,${this.y(y)})`)
      .attr("x", ([, , end]) => (near(end) ? left + 6 : right - 2))
      .attr("text-anchor", ([, , end]) => (near(end) ? "start" : "end"))
      .attr("y", -8) // above the dot, too
      .text(([, name]) => name);
    this.dips
      .selectAll("circle")
      .data(this.bottoms)
      .join("circle")
      .attr("class", "ssm-dip")
      .attr("r", 2.6)
      .attr("cx", ([x]) => this.x(x))
      .attr("cy", ([, y]) => this.y(y));
  }

  // Where we are: x, y, a colour, the value in words, and what a screen reader says of it.
  point(x, y, colour, text, spoken = text) {
    if (!this.y) return;
    this.cursor.attr("x1", this.x(x)).attr("x2", this.x(x));
    this.dot.attr("cx", this.x(x)).attr("cy", this.y(y)).attr("fill", colour);
    this.value.text(text);
    this.svg.attr("aria-label", `${this.label}: ${spoken}`);
  }
}
