// A reliability diagram: bins of answers, across how sure, up how often right.

import { scaleLinear } from "d3-scale";
import { put } from "../kit/dom.js";
import { Frame } from "./frame.js";
import { Marks } from "./marks.js";

const FOOT = 0.13; // height of the tallest bar at the foot
const SIDE = [0, 0.2, 0.4, 0.6, 0.8, 1]; // ticks of the square

// The square in which bins stand: the closer to the diagonal, the more honest.
export class Reliability {
  // title, xName: what stands at its two axes.
  constructor(parent, { title = "accuracy: how often it is right", xName = "confidence: how sure it is" } = {}) {
    this.frame = new Frame(parent, { title, xName, label: "Reliability diagram" });
    const { marks } = this.frame;
    this.diagonal = marks.append("line").attr("class", "ssm-theory ssm-thin").node();
    this.bins = new Marks(marks, {
      foot: ["rect", { class: "ssm-foot" }],
      gap: ["line", { class: "ssm-gap" }],
      whisker: ["line", { class: "ssm-whisker" }],
      dot: ["circle", { class: "ssm-dot", r: 5.5 }],
    });
    this.sides = ["too modest", "too sure"].map((text) =>
      marks.append("text").attr("class", "ssm-muted ssm-over").text(text).node(),
    );
  }

  layout(width, height) {
    this.frame.layout(width, height, {
      x: scaleLinear([0, 1], [0, 1]),
      y: scaleLinear([0, 1], [1, 0]),
      xTicks: [SIDE, String],
      yTicks: [SIDE, String],
    });
    const { x, y } = this.frame;
    put(this.diagonal, { x1: x(0), y1: y(0), x2: x(1), y2: y(1) });
    put(this.sides[0], { x: x(0.02), y: y(0.96) });
    put(this.sides[1], { x: x(0.99), y: y(0.16), "text-anchor": "end" });
  }

  show(bins, colour) {
    if (!this.frame.box) return;
    const { x, y } = this.frame;
    const tallest = Math.max(...bins.map(({ count }) => count));
    this.bins.show(bins, ({ count, left, right, confidence, accuracy, low, high }) => {
      if (!count) return undefined;
      const across = x(confidence);
      const top = y((FOOT * count) / tallest);
      return {
        foot: { x: x(left) + 0.5, width: Math.max(0.5, x(right) - x(left) - 1), y: top, height: y(0) - top, fill: colour },
        gap: { x1: across, x2: across, y1: y(confidence), y2: y(accuracy), stroke: colour },
        whisker: { x1: across, x2: across, y1: y(low), y2: y(high), stroke: colour },
        dot: { cx: across, cy: y(accuracy), fill: colour },
      };
    });
  }

  describe(text) {
    this.frame.describe(text);
  }
}
