// Lines over temperature: a plot with hairline axes, a cursor that follows the temperature, names on the lines.

import { axisBottom, axisLeft } from "d3-axis";
import { scaleLinear } from "d3-scale";
import { select } from "d3-selection";
import { line } from "d3-shape";
import { drag } from "d3-drag";
import * as format from "../kit/format.js";

export class Curve {
  /**
   * title: what is drawn; out: what to call the value that it shows; x: a scale for a range; xTicks: values for a length;
   * move(x) when the reader drags along the plot.
   * @param {Element} parent
   * @param {{ title: string, label: string, out?: string, x: (range: [number, number]) => any,
   *   xTicks?: (length: number) => number[], xFormat: (x: number) => string, move?: (x: number) => void }} options
   */
  constructor(parent, { title, out, x, xTicks, xFormat, move, label }) {
    this.title = title;
    this.makeX = x;
    this.xTicks = xTicks;
    this.xFormat = xFormat;
    this.label = label;
    this.svg = select(parent).append("svg").attr("class", "ssm-curve").attr("role", "img").attr("aria-label", label);
    this.heading = this.svg.append("text").attr("class", "ssm-muted").attr("y", 13).text(title);
    this.value = this.svg.append("text").attr("class", "ssm-value").attr("y", 13).attr("text-anchor", "end").attr("data-out", out);
    this.limits = this.svg.append("g").attr("class", "ssm-limits");
    this.axes = [this.svg.append("g").attr("class", "ssm-axis"), this.svg.append("g").attr("class", "ssm-axis")];
    this.cursor = this.svg.append("line").attr("class", "ssm-cursor");
    this.path = this.svg.append("path").attr("class", "ssm-line").attr("fill", "none");
    this.dot = this.svg.append("circle").attr("class", "ssm-dot").attr("r", 5);
    if (move) {
      this.svg.classed("ssm-draggable", true).call(
        drag()
          .container(this.svg.node())
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
    this.axes[0]
      .attr("transform", `translate(0,${bottom})`)
      .call(axisBottom(this.x).tickArguments([Math.min(10, (right - left) / 40)]).tickValues(this.xTicks?.(right - left)).tickFormat(ticks ? this.xFormat : () => "").tickSize(4).tickPadding(5));
    this.cursor.attr("y1", top).attr("y2", bottom);
    if (this.points) this.draw();
  }

  // points: [x, y] pairs; limits: [y, name] pairs to mark; range: what y must span.
  show(points, limits, range) {
    this.points = points;
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
    const mark = this.limits.selectAll("g").data(this.marks).join((enter) => {
      const g = enter.append("g");
      g.append("line");
      g.append("text").attr("class", "ssm-muted");
      return g;
    });
    mark.attr("transform", ([y]) => `translate(0,${this.y(y)})`);
    mark.select("line").attr("x1", left).attr("x2", right);
    mark
      .select("text")
      .attr("x", ([, , end]) => (end === "start" ? left + 6 : right - 2))
      .attr("text-anchor", ([, , end]) => (end === "start" ? "start" : "end"))
      .attr("y", -5)
      .text(([, name]) => name);
  }

  // Where we are: x, y, a colour and the value in words.
  point(x, y, colour, text) {
    if (!this.y) return;
    this.cursor.attr("x1", this.x(x)).attr("x2", this.x(x));
    this.dot.attr("cx", this.x(x)).attr("cy", this.y(y)).attr("fill", colour);
    this.value.text(text);
    this.svg.attr("aria-label", `${this.label}: ${text}`);
  }
}
