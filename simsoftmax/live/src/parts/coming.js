// The letter that comes: a row for each of the likeliest, those shaded that may be drawn.

import { scaleLinear } from "d3-scale";
import { select } from "d3-selection";
import * as format from "../kit/format.js";
import { Marks } from "./marks.js";

const TOP = 22;
const ROW = 22;

export class Coming {
  constructor(parent) {
    this.svg = select(parent).append("svg").attr("role", "img").attr("class", "ssm-coming");
    this.heading = this.svg.append("text").attr("class", "ssm-muted").attr("y", 13).text("the letter that comes");
    this.column = this.svg.append("text").attr("class", "ssm-muted").attr("y", 13).attr("text-anchor", "end").text("drawn");
    this.shade = this.svg.append("rect").attr("class", "ssm-nucleus").attr("rx", 3).attr("x", 0).attr("y", TOP);
    this.rows = new Marks(this.svg, {
      name: ["text", { class: "ssm-glyph", "text-anchor": "middle", x: 12 }],
      ground: ["rect", { class: "ssm-ground", rx: 2 }],
      bar: ["rect", { class: "ssm-bar", rx: 2 }],
      tick: ["line", { class: "ssm-theory" }],
      share: ["text", { "text-anchor": "end" }],
    });
    this.more = this.svg.append("text").attr("class", "ssm-muted").attr("data-out", "more");
    this.length = scaleLinear([0, 1], [28, 100]);
  }

  // With so many rows.
  height(count) {
    return TOP + ROW * count + 20;
  }

  layout(width, count) {
    this.width = width;
    this.count = count;
    const height = this.height(count);
    this.svg.attr("width", width).attr("height", height).attr("viewBox", `0 0 ${width} ${height}`);
    this.length.range([28, width - 64]);
    this.column.attr("x", width - 4);
    this.shade.attr("width", width);
    this.more.attr("x", 4).attr("y", height - 5);
  }

  show({ order, drawn, model, left }, names, colour) {
    if (!this.count) return;
    const [start, end] = this.length.range();
    this.rows.show(order.slice(0, this.count), (level, i) => {
      const y = TOP + ROW * (i + 0.5);
      const x = this.length(model[level]);
      return {
        name: { y: y + 5, text: names[level] },
        ground: { x: start, y: y - 6, width: end - start, height: 12 },
        bar: { x: start, y: y - 6, width: this.length(drawn[level]) - start, height: 12, fill: colour },
        tick: { x1: x, x2: x, y1: y - 9, y2: y + 9 },
        share: { "data-drawn": level, x: this.width - 4, y: y + 4.5, text: i < left ? format.percent(drawn[level]) : "" },
      };
    });
    this.shade.attr("height", ROW * Math.min(left, this.count));
    const beyond = left - this.count;
    this.more.text(beyond > 0 ? `and ${beyond} more may come` : "");
  }

  // The same in words.
  describe({ order, drawn, left }, names) {
    const some = order.slice(0, Math.min(left, 5)).map((level) => `${names[level]} ${format.percent(drawn[level], 0)}`);
    const spoken = some.map((text) => text.replace("␣", "blank").replace("↵", "new line"));
    this.svg.attr("aria-label", `The letter that comes: ${left} may be drawn; ${spoken.join(", ")}`);
  }
}
