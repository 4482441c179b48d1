// A reliability diagram: bins of answers, across how sure, up how often right.

import { scaleLinear } from "d3-scale";
import { put } from "../kit/dom.js";
import { Frame } from "./frame.js";
import { Marks } from "./marks.js";

const FOOT = 0.13; // height of the tallest bar at the foot
const [LETTER, LINE] = [6.2, 12]; // pixels that a name takes up
const SIDE = [0, 0.2, 0.4, 0.6, 0.8, 1]; // ticks of the square

// The square in which bins stand: the closer to the diagonal, the more honest.
export class Reliability {
  /**
   * title, xName: what stands at its two axes; point(bin), if given, is called when the reader points at a bin, by its place.
   * @param {Element} parent
   * @param {{ title?: string, xName?: string, point?: (bin: number) => void }} options
   */
  constructor(parent, { title = "accuracy: how often it is right", xName = "confidence: how sure it is", point } = {}) {
    this.point = point;
    this.frame = new Frame(parent, { title, xName, label: "Reliability diagram" });
    const { marks } = this.frame;
    this.diagonal = marks.append("line").attr("class", "ssm-theory ssm-thin").node();
    this.bins = new Marks(marks, {
      foot: ["rect", { class: "ssm-foot" }],
      gap: ["line", { class: "ssm-gap" }],
      whisker: ["line", { class: "ssm-whisker" }],
      dot: ["circle", { class: "ssm-dot", r: 5.5 }],
    });
    // One handle for all bins: left and right choose one.
    this.catches = marks.append("g");
    this.ring = marks
      .append("rect")
      .attr("class", "ssm-chosen-bin")
      .attr("fill", "none")
      .attr("pointer-events", "none")
      .attr("display", "none");
    if (point) {
      this.frame.svg.attr("role", "group");
      this.ring.attr("tabindex", 0).attr("role", "slider").attr("aria-label", "Bin of confidence").on("keydown", (event) => {
        const aside = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1 }[event.key];
        if (!aside) return;
        event.preventDefault();
        point(Math.min(this.count - 1, Math.max(0, this.chosen + aside)));
      });
    }
    this.sides = ["too modest", "too sure"].map((text) =>
      marks.append("text").attr("class", "ssm-muted").text(text).node(),
    );
  }

  // The drawing, to be saved.
  get picture() {
    return this.frame.svg.node();
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
    this.stands = [0, 0];
    // From the corners on, towards the middle of each side.
    const steps = Array.from({ length: 9 }, (_, n) => 0.05 * n);
    this.spots = [
      steps.flatMap((down) => steps.map((along) => ({ x: x(0.02 + along), y: y(0.96 - down) }))),
      steps.flatMap((up) => steps.map((along) => ({ x: x(0.99 - along), y: y(0.16 + up), "text-anchor": "end" }))),
    ];
    this.name([]);
  }

  // Put the names of both sides where none of some upright strokes, [x, top, bottom], goes through: where they are, if they can stay.
  name(strokes) {
    const { x, y } = this.frame;
    this.sides.forEach((side, n) => {
      const wide = LETTER * side.textContent.length;
      const free = ({ x: at, y: foot }) => {
        const [left, right, top, bottom] = [n ? at - wide : at, n ? at : at + wide, foot - LINE, foot + 4];
        const off = n ? top > y(x.invert(left)) : bottom < y(x.invert(right)); // the diagonal
        return off && !strokes.some(([at, high, low]) => at > left - 4 && at < right + 4 && high < bottom && low > top);
      };
      if (!free(this.spots[n][this.stands[n]])) this.stands[n] = Math.max(0, this.spots[n].findIndex(free));
      put(side, this.spots[n][this.stands[n]]);
    });
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
    const filled = bins.filter(({ count }) => count);
    this.name(
      filled.map(({ confidence, accuracy, low, high }) => [
        x(confidence), y(Math.max(confidence, accuracy, high)) - 6, y(Math.min(confidence, accuracy, low)) + 6,
      ]),
    );
  }

  // Which bin is pointed at, and what is said of it.
  choose(bins, chosen, text) {
    if (!this.frame.box || !this.point) return;
    const { x, box } = this.frame;
    this.chosen = chosen;
    this.count = bins.length;
    const { point } = this;
    this.catches
      .selectAll("rect")
      .data(bins)
      .join("rect")
      .attr("class", "ssm-bin")
      .attr("fill", "transparent")
      .attr("x", ({ left }) => x(left))
      .attr("width", ({ left, right }) => Math.max(0, x(right) - x(left)))
      .attr("y", box.top)
      .attr("height", box.bottom - box.top)
      .each((_, i, nodes) => {
        /** @type {any} */ (nodes[i]).onpointerenter = () => point(i);
        /** @type {any} */ (nodes[i]).onclick = () => point(i);
      });
    const { left, right } = bins[chosen];
    put(this.ring.node(), {
      display: "inline", x: x(left), width: Math.max(1, x(right) - x(left)), y: box.top, height: box.bottom - box.top,
      "aria-valuemin": 0, "aria-valuemax": bins.length - 1, "aria-valuenow": chosen, "aria-valuetext": text,
    });
  }

  describe(text) {
    this.frame.describe(text);
  }
}
