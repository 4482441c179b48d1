// Shares as bars: experiment is filled, theory is a thin tick.

import { scaleLinear } from "d3-scale";
import { select } from "d3-selection";
import { linkHorizontal } from "d3-shape";
import * as format from "./format.js";

export class Bars {
  // heading: what the bars count; link: leave room for hairlines that come from a ladder on the left.
  constructor(parent, { heading, label }) {
    this.label = label;
    this.svg = select(parent).append("svg").attr("class", "ssm-bars").attr("role", "img");
    this.heading = this.svg.append("text").attr("class", "ssm-muted").attr("y", 13).text(heading);
    this.columns = this.svg.append("g").attr("class", "ssm-muted").attr("text-anchor", "end");
    this.rows = this.svg.append("g");
    this.length = scaleLinear();
    this.digits = 3;
  }

  // order: level of each row from the top; anchors: heights where hairlines start, or null.
  layout(width, height, { order, names, anchors }) {
    Object.assign(this, { width, height, order, names, anchors });
    const n = order.length;
    const room = anchors ? [30, height - 4] : [24, height - 2];
    const step = Math.min(anchors ? 58 : 44, (room[1] - room[0]) / n);
    const first = anchors ? (room[0] + room[1] - step * (n - 1)) / 2 : room[0] + step / 2;
    this.thickness = Math.min(20, step * 0.56);
    const longest = Math.max(...names.map((name) => [...name].length));
    const left = (anchors ? 46 : 0) + Math.min(width * 0.3, 14 + 7.2 * longest);
    const numbers = 88;
    this.svg.attr("width", width).attr("height", height).attr("viewBox", `0 0 ${width} ${height}`);
    this.heading.attr("x", left);
    this.columns
      .selectAll("text")
      .data(["particles", "softmax"])
      .join("text")
      .attr("y", 13)
      .attr("x", (_, i) => width - (i ? 0 : 47))
      .text((text) => text);
    this.length.range([left, width - numbers - 8]);
    const link = linkHorizontal();
    const widest = Math.max(4, Math.floor(left - (anchors ? 46 : 0)) / 7);
    this.rows
      .selectAll("g")
      .data(order)
      .join((enter) => {
        const g = enter.append("g");
        g.append("path").attr("class", "ssm-hair").attr("fill", "none");
        g.append("text").attr("class", "ssm-name").attr("text-anchor", "end");
        g.append("rect").attr("class", "ssm-ground").attr("rx", 2);
        g.append("rect").attr("class", "ssm-bar").attr("rx", 2);
        g.append("line").attr("class", "ssm-theory");
        g.append("text").attr("class", "ssm-observed").attr("text-anchor", "end");
        g.append("text").attr("class", "ssm-expected ssm-muted").attr("text-anchor", "end");
        return g;
      })
      .each((level, row, nodes) => {
        const g = select(nodes[row]);
        const y = first + row * step;
        g.select("path").attr("d", anchors ? link({ source: [0, anchors[level]], target: [42, y] }) : null);
        const name = [...names[level]];
        g.select(".ssm-name")
          .attr("x", left - 8)
          .attr("y", y + 4.5)
          .text(name.length > widest ? `${name.slice(0, widest - 1).join("")}…` : names[level]);
        g.select(".ssm-ground")
          .attr("x", left)
          .attr("y", y - this.thickness / 2)
          .attr("width", this.length.range()[1] - left)
          .attr("height", this.thickness);
        g.select(".ssm-bar")
          .attr("x", left)
          .attr("y", y - this.thickness / 2)
          .attr("height", this.thickness);
        g.select(".ssm-theory")
          .attr("y1", y - this.thickness / 2 - 4)
          .attr("y2", y + this.thickness / 2 + 4);
        g.select(".ssm-observed").attr("x", width - 47).attr("y", y + 4.5).attr("data-observed", level);
        g.select(".ssm-expected").attr("x", width).attr("y", y + 4.5).attr("data-expected", level);
      });
  }

  show(observed, expected, colour) {
    if (!this.order) return;
    const start = this.length(0);
    this.rows.selectAll("g").each((level, row, nodes) => {
      const node = nodes[row];
      const [, , , bar, tick, seen, due] = node.children;
      bar.setAttribute("width", Math.max(0, this.length(observed[level]) - start));
      bar.setAttribute("fill", colour);
      const x = this.length(expected[level]);
      tick.setAttribute("x1", x);
      tick.setAttribute("x2", x);
      const texts = [format.fixed(observed[level], this.digits), format.fixed(expected[level], this.digits)];
      if (seen.textContent !== texts[0]) seen.textContent = texts[0];
      if (due.textContent !== texts[1]) due.textContent = texts[1];
    });
  }

  // The same as words, now and then: a picture has one text alternative.
  describe(observed, expected) {
    const parts = this.order.map(
      (k) => `${this.names[k]} ${format.fixed(observed[k], 3)}, softmax ${format.fixed(expected[k], 3)}`,
    );
    this.svg.attr("aria-label", `${this.label}: ${parts.join("; ")}`);
  }
}
