// Shares as bars: experiment is filled, theory is a thin tick.

import { scaleLinear } from "d3-scale";
import { select } from "d3-selection";
import { dragIn } from "../kit/drag.js";
import * as format from "../kit/format.js";
import { spread } from "../kit/spread.js";

export class Bars {
  /**
   * heading: what the bars count; columns: names of the columns of numbers, what is seen and what theory says, or theory
   * alone; change(level, share), if given, lets the reader drag the bars. show() may be given a second theory, whose ticks
   * are grey.
   * @param {Element} parent
   * @param {{ heading: string, columns: string[], label: string, change?: (level: number, share: number) => void }} options
   */
  constructor(parent, { heading, columns, label, change }) {
    this.label = label;
    this.titles = columns;
    this.change = change;
    this.alone = columns.length === 1;
    this.long = heading;
    this.short = heading.split(" ")[0];
    this.svg = select(parent).append("svg").attr("class", "ssm-bars").attr("role", change ? "group" : "img");
    this.heading = this.svg.append("text").attr("class", "ssm-muted").attr("y", 13).text(heading);
    this.columns = this.svg.append("g").attr("class", "ssm-muted").attr("text-anchor", "end");
    this.rows = this.svg.append("g");
    this.length = scaleLinear().clamp(true);
    this.parts = new Map(); // of each level's row
  }

  // The drawing, to be saved.
  get picture() {
    return this.svg.node();
  }

  /**
   * order: level of each row from the top; anchors: heights where hairlines start, or null; columns: as at first, or other
   * names; most: the share that a whole bar stands for; digits: of the numbers.
   * @param {number} width
   * @param {number} height
   * @param {{ order: number[], names: string[], anchors: number[] | null, columns?: string[], most?: number, digits?: number }} rows
   */
  layout(width, height, { order, names, anchors, columns = this.titles, most = 1, digits = 3 }) {
    this.titles = columns;
    this.digits = digits;
    this.length.domain([0, most]);
    this.width = width;
    this.height = height;
    this.order = order;
    this.names = names;
    this.anchors = anchors;
    const n = order.length;
    /** @type {[number, number]} */
    const room = anchors ? [30, height - 4] : [24, height - 2];
    const step = Math.min(anchors ? 34 : 44, (room[1] - room[0]) / n);
    const heights = anchors ? spread(order.map((level) => anchors[level]), step, room) : order.map((_, row) => room[0] + (row + 0.5) * step);
    this.thickness = Math.min(18, step * 0.56);
    const longest = Math.max(...names.map((name) => [...name].length));
    const left = (anchors ? 46 : 0) + Math.min(width * 0.3, 14 + 7.2 * longest);
    const numbers = this.alone ? 56 : 100;
    this.svg.attr("width", width).attr("height", height).attr("viewBox", `0 0 ${width} ${height}`);
    this.heading.attr("x", left).text(width - left - numbers < 116 ? this.short : this.long);
    this.columns
      .selectAll("text")
      .data(this.titles)
      .join("text")
      .attr("y", 13)
      .attr("x", (_, i) => width - (i || this.alone ? 0 : 54))
      .text((text) => text);
    this.length.range([left, width - numbers - 8]);
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
        g.append("text").attr("class", "ssm-expected").classed("ssm-muted", !this.alone).attr("text-anchor", "end");
        g.append("line").attr("class", "ssm-softmax");
        if (this.change) this.makeDraggable(g);
        return g;
      })
      .each((level, row, nodes) => {
        const g = select(nodes[row]);
        const y = heights[row];
        g.select("path").attr("d", anchors ? `M0,${anchors[level]}C21,${anchors[level]},21,${y},42,${y}` : null);
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
        // Where rows are closer than lines of text, only some of them are labelled.
        const every = Math.ceil(12.5 / step);
        g.selectAll("text").attr("display", row % every ? "none" : null);
        const thick = this.alone ? 3 : this.thickness; // theory alone is thin throughout
        g.select(".ssm-bar")
          .attr("x", left)
          .attr("y", y - thick / 2)
          .attr("height", thick);
        g.select(".ssm-catch")
          .attr("x", left - 12)
          .attr("y", y - step / 2)
          .attr("width", this.length.range()[1] - left + 24)
          .attr("height", step)
          .attr("aria-label", `Share of ${names[level]}`);
        g.selectAll(".ssm-theory, .ssm-softmax")
          .attr("y1", y - this.thickness / 2 - 4)
          .attr("y2", y + this.thickness / 2 + 4);
        g.select(".ssm-observed").attr("x", width - 54).attr("y", y + 4.5).attr("data-observed", level);
        g.select(".ssm-expected").attr("x", width).attr("y", y + 4.5).attr("data-expected", level);
        const part = (name) => g.select(`.ssm-${name}`).node();
        this.parts.set(level, {
          bar: part("bar"), tick: part("theory"), second: part("softmax"), seen: part("observed"), due: part("expected"),
          handle: part("catch"),
        });
      });
  }

  show(observed, expected, colour, also) {
    if (!this.order) return;
    const start = this.length(0);
    for (const level of this.order) {
      const { bar, tick, second, seen, due, handle } = this.parts.get(level);
      bar.setAttribute("width", Math.max(0, this.length(observed[level]) - start));
      bar.setAttribute("fill", colour);
      const x = this.length(expected[level]);
      tick.setAttribute("x1", x);
      tick.setAttribute("x2", x);
      second.setAttribute("display", also ? "inline" : "none");
      if (also) {
        second.setAttribute("x1", this.length(also[level]));
        second.setAttribute("x2", this.length(also[level]));
      }
      if (handle) {
        handle.setAttribute("aria-valuenow", observed[level].toFixed(4));
        handle.setAttribute("aria-valuetext", format.fixed(observed[level], 3));
      }
      const texts = [this.alone ? "" : format.fixed(observed[level], this.digits), format.fixed(expected[level], this.digits)];
      if (seen.textContent !== texts[0]) seen.textContent = texts[0];
      if (due.textContent !== texts[1]) due.textContent = texts[1];
    }
  }

  makeDraggable(rows) {
    const levelOf = (node) => this.order[this.rows.selectAll("g").nodes().indexOf(node.parentNode)];
    const bars = this;
    rows
      .append("rect")
      .attr("class", "ssm-catch ssm-sideways")
      .attr("fill", "transparent")
      .attr("rx", 3)
      .attr("tabindex", 0)
      .attr("role", "slider")
      .attr("aria-valuemin", 0)
      .attr("aria-valuemax", 1)
      .on("keydown", /** @this {SVGElement} */ function (event) {
        const step = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, PageUp: 10, PageDown: -10 }[event.key];
        if (step === undefined) return;
        event.preventDefault();
        bars.change(levelOf(this), Number(this.getAttribute("aria-valuenow")) + 0.01 * step);
      })
      .call(
        dragIn(this.svg)
          .on("start drag", /** @this {SVGElement} */ function (event) {
            this.focus({ preventScroll: true });
            bars.change(levelOf(this), bars.length.invert(event.x));
          }),
      );
  }

  // The same as words, now and then: a picture has one text alternative.
  describe(observed, expected) {
    if (!this.order) return;
    const seen = (k) => (this.alone ? "" : ` ${format.fixed(observed[k], 3)},`);
    const parts = this.order.map((k) => `${this.names[k]}${seen(k)} softmax ${format.fixed(expected[k], 3)}`);
    this.tell(parts.join("; "));
  }

  tell(words) {
    this.svg.attr("aria-label", `${this.label}: ${words}`);
  }
}
