// A plot with hairline axes and nothing in it: figures put their own marks into `marks`.

import { axisBottom, axisLeft } from "d3-axis";
import { select } from "d3-selection";
import { dragIn } from "../kit/drag.js";

export class Frame {
  /**
   * move(x, y), if given, is called when the reader drags: sideways, or all over the plane.
   * @param {Element} parent
   * @param {{ title: string, label: string, xName?: string, move?: (x: number, y: number) => void, plane?: boolean }} options
   */
  constructor(parent, { title, label, xName = "", move, plane = false }) {
    this.label = label;
    this.svg = select(parent).append("svg").attr("class", "ssm-frame").attr("role", "img").attr("aria-label", label);
    this.axes = [this.svg.append("g").attr("class", "ssm-axis"), this.svg.append("g").attr("class", "ssm-axis")];
    this.marks = this.svg.append("g");
    this.heading = this.svg.append("text").attr("class", "ssm-muted").attr("y", 13).text(title);
    this.xName = this.svg.append("text").attr("class", "ssm-muted").attr("text-anchor", "end").text(xName);
    if (!move) return;
    this.svg.classed(plane ? "ssm-map" : "ssm-draggable", true).call(
      dragIn(this.svg)
        .on("start drag", ({ x, y }) => move(this.x.invert(x), this.y.invert(y))),
    );
  }

  // A group for marks that end where the plot ends.
  clipped() {
    const id = `ssm-clip-${Math.random().toString(36).slice(2)}`; // several figures may share a page
    this.window = this.svg.append("clipPath").attr("id", id).append("rect");
    return this.marks.append("g").attr("clip-path", `url(#${id})`);
  }

  // x, y: d3 scales, whose ranges are set here; ticks: [values, format] for each.
  layout(width, height, { x, y, xTicks, yTicks, left = 40 }) {
    this.width = width;
    this.height = height;
    this.x = x;
    this.y = y;
    this.box = { left, right: width - 12, top: 30, bottom: height - 40 };
    const { right, top, bottom } = this.box;
    this.svg.attr("width", width).attr("height", height).attr("viewBox", `0 0 ${width} ${height}`);
    this.window?.attr("x", left).attr("y", top).attr("width", right - left).attr("height", bottom - top);
    x.range([left, right]);
    y.range([bottom, top]);
    this.xName.attr("x", right).attr("y", height - 4);
    this.axes[0]
      .attr("transform", `translate(0,${bottom})`)
      .call(axisBottom(x).tickValues(xTicks[0]).tickFormat(xTicks[1]).tickSize(4).tickPadding(5));
    this.axes[1]
      .attr("transform", `translate(${left},0)`)
      .call(axisLeft(y).tickValues(yTicks[0]).tickFormat(yTicks[1]).tickSize(4).tickPadding(4));
  }

  describe(text) {
    this.svg.attr("aria-label", `${this.label}: ${text}`);
  }
}
