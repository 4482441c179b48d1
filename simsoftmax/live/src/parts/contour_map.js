// A map of a quantity over two scales that share their range: rings round what is low, a diagonal, a dot where we are.

import { contours } from "d3-contour";
import { scaleLog } from "d3-scale";
import { Frame } from "./frame.js";

export class ContourMap {
  /**
   * range: of both scales; ticks: their values and what to write at each; move(x, y) when the reader drags.
   * @param {Element} parent
   * @param {{ title: string, xName: string, label: string, range: number[], ticks: [number[], (value: any) => string],
   *   move: (x: number, y: number) => void }} options
   */
  constructor(parent, { title, xName, label, range, ticks, move }) {
    this.range = range;
    this.ticks = ticks;
    this.frame = new Frame(parent, { title, xName, label, move, plane: true });
    this.ground = this.frame.marks.append("g");
    this.ridge = this.frame.marks.append("line").attr("class", "ssm-theory");
    this.dot = this.frame.marks.append("circle").attr("class", "ssm-dot").attr("r", 7);
  }

  layout(width, height) {
    this.frame.layout(width, height, {
      x: scaleLog(this.range, [0, 1]),
      y: scaleLog(this.range, [1, 0]),
      xTicks: this.ticks,
      yTicks: this.ticks,
      left: 30,
    });
    const { x, y } = this.frame;
    const [least, most] = this.range;
    this.ridge.attr("x1", x(least)).attr("y1", y(least)).attr("x2", x(most)).attr("y2", y(most));
    if (this.values) this.show(this.values, this.steps);
  }

  // values: on a grid with as many rows as columns, evenly spaced along the scales; steps: below which there is a ring.
  show(values, steps) {
    this.values = values;
    this.steps = steps;
    if (!this.frame.box) return;
    const side = Math.sqrt(values.length);
    const { left, right, top, bottom } = this.frame.box;
    // A contour's grid cell i is the value at i, drawn at i + 1/2.
    const share = (at) => Math.min(1, Math.max(0, (at - 0.5) / (side - 1)));
    const point = ([a, b]) => `${(left + (right - left) * share(a)).toFixed(1)},${(bottom - (bottom - top) * share(b)).toFixed(1)}`;
    const ring = (points) => `M${points.map(point).join("L")}Z`;
    // contours() traces where its values are above.
    const upside = Array.from(values, (value) => -value);
    const below = steps.map((step) => {
      const { coordinates } = contours().size([side, side]).contour(upside, -step);
      return coordinates.map((polygon) => polygon.map(ring).join("")).join("");
    });
    this.ground
      .selectAll("path")
      .data(below)
      .join("path")
      .attr("class", "ssm-low")
      .attr("fill-rule", "evenodd")
      .attr("d", (path) => path);
  }

  point(x, y, colour) {
    if (!this.frame.box) return;
    this.dot.attr("cx", this.frame.x(x)).attr("cy", this.frame.y(y)).attr("fill", colour);
  }

  describe(text) {
    this.frame.describe(text);
  }
}
