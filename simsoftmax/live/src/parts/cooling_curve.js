// A cooling as a curve: the temperature over the run, with handles that can be dragged up and down.

import { scaleLinear, scaleLog } from "d3-scale";
import { line } from "d3-shape";
import { dragIn } from "../kit/drag.js";
import * as format from "../kit/format.js";
import { heat, turned } from "../kit/heat.js";
import { COLDEST, HOTTEST } from "../kit/look.js";
import { Frame } from "./frame.js";

const TICKS = [0.1, 1, 10];
const within = (temperature) => Number(Math.min(HOTTEST, Math.max(COLDEST, temperature)).toPrecision(2));

export class CoolingCurve {
  /**
   * change(knot, temperature) when the reader moves a handle, settle() when it is let go.
   * @param {Element} parent
   * @param {{ change: (knot: number, temperature: number) => void, settle: () => void }} options
   */
  constructor(parent, { change, settle }) {
    this.change = change;
    this.settle = settle;
    this.frame = new Frame(parent, { title: "temperature of the patient", xName: "share of the run", label: "Cooling curve" });
    this.frame.svg.attr("role", "group");
    const { marks } = this.frame;
    this.haste = marks.append("line").attr("class", "ssm-way");
    this.path = marks.append("path").attr("class", "ssm-line").attr("fill", "none");
    this.cursor = marks.append("line").attr("class", "ssm-cursor");
    this.hasteName = marks.append("text").attr("class", "ssm-muted").text("haste");
    this.handles = marks.append("g");
    this.dot = marks.append("circle").attr("class", "ssm-dot").attr("r", 5);
    this.reading = this.frame.svg.append("text").attr("class", "ssm-reading").attr("y", 13).attr("text-anchor", "end");
  }

  layout(width, height) {
    this.frame.layout(width, height, {
      x: scaleLinear([0, 1], [0, 1]),
      y: scaleLog([COLDEST, HOTTEST], [1, 0]),
      xTicks: [[0, 0.5, 1], (share) => `${100 * share} %`],
      yTicks: [TICKS, String],
      left: 34,
    });
  }

  // knots: temperatures at even distances over the run; cold: that of the hasty.
  show(knots, cold) {
    if (!this.frame.box) return;
    const { x, y, box } = this.frame;
    const at = (k) => x(k / (knots.length - 1));
    this.path.attr("d", line((_, k) => at(k), (temperature) => y(/** @type {any} */ (temperature)))(/** @type {any} */ (knots)));
    this.haste.attr("x1", box.left).attr("x2", box.right).attr("y1", y(cold)).attr("y2", y(cold));
    this.hasteName.attr("x", box.left + 6).attr("y", y(cold) - 5);
    this.cursor.attr("y1", box.top).attr("y2", box.bottom);
    const step = (box.right - box.left) / (knots.length - 1);
    const handle = this.handles
      .selectAll("g")
      .data(knots)
      .join((enter) => {
        const g = enter.append("g");
        g.append("rect").attr("class", "ssm-catch").attr("fill", "transparent");
        g.append("circle").attr("class", "ssm-grip").attr("r", 6).attr("tabindex", 0).attr("role", "slider").attr("aria-orientation", "vertical");
        return g.call(this.dragged());
      });
    handle
      .select("rect")
      .attr("x", (_, k) => at(k) - step / 2)
      .attr("y", (temperature) => y(temperature) - 24)
      .attr("width", step)
      .attr("height", 48);
    handle
      .select("circle")
      .attr("cx", (_, k) => at(k))
      .attr("cy", (temperature) => y(temperature))
      .attr("aria-label", (_, k) => `Temperature after ${format.fixed((100 * k) / (knots.length - 1), 0)} % of the run`)
      .attr("aria-valuemin", COLDEST)
      .attr("aria-valuemax", HOTTEST)
      .attr("aria-valuenow", (temperature) => temperature)
      .attr("aria-valuetext", (temperature) => `T = ${format.temperature(temperature)}`)
      .on("keydown", (event, temperature) => {
        const next = turned(temperature, event.key);
        if (next === undefined) return;
        event.preventDefault();
        this.change(this.indexOf(event.currentTarget), within(next));
        this.settle();
      });
  }

  dragged() {
    const curve = this;
    return dragIn(this.frame.svg)
      .on("start", /** @this {SVGElement} */ function () {
        /** @type {SVGElement} */ (this.querySelector("circle")).focus({ preventScroll: true });
      })
      .on("drag", /** @this {SVGElement} */ function (event) {
        curve.change(curve.indexOf(this), within(curve.frame.y.invert(event.y)));
      })
      .on("end", () => curve.settle());
  }

  indexOf(node) {
    return this.handles.selectAll("g").nodes().indexOf(node.closest("g"));
  }

  // Where the run is: the share of it that is done, and the temperature now.
  point(share, temperature) {
    if (!this.frame.box) return;
    const { x, y, box } = this.frame;
    const at = x(share);
    this.cursor.attr("x1", at).attr("x2", at);
    this.dot.attr("cx", at).attr("cy", y(temperature)).attr("fill", heat(temperature));
    this.reading.attr("x", box.right).text(`T = ${format.temperature(temperature)}`);
  }
}
