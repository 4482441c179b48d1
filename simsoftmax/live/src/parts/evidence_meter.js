// Evidence against a hypothesis on a scale from 1 to 10^1000: a needle, a line at 100 to 1, and "caught" beyond it.

import { scaleSymlog } from "d3-scale";
import { select } from "d3-selection";
import { reducedMotion } from "../kit/dom.js";
import * as format from "../kit/format.js";
import { CAUGHT } from "../models/verdict.js";

const MOST = 1000; // powers of ten
const TICKS = [0, 1, 10, 100, MOST];
const HASTE = 7; // a second: how fast the needle comes to its place
const LINE = 34; // how far down the scale stands

// Where so many powers of ten stand, from 0 to 1: each tenfold of them by the same step, so that both 100 to 1 and
// 10^1000 to 1 can be seen. Evidence for the hypothesis stays at the left end.
export const placeOf = scaleSymlog([0, MOST], [0, 1]).clamp(true);

export class EvidenceMeter {
  /**
   * label: what the evidence speaks against.
   * @param {Element} parent
   * @param {{ label: string }} options
   */
  constructor(parent, { label }) {
    this.label = label;
    this.aim = 0;
    this.at = 0;
    this.svg = select(parent).append("svg").attr("class", "ssm-meter").attr("role", "meter");
    this.svg.attr("aria-label", label).attr("aria-valuemin", 0).attr("aria-valuemax", MOST);
    const text = (name) => this.svg.append("text").attr("class", name).attr("aria-hidden", "true").attr("y", 14);
    text("ssm-muted").text(label);
    this.value = text("ssm-value").attr("text-anchor", "end").attr("data-out", "odds");
    this.scale = this.svg.append("line").attr("class", "ssm-hair").attr("y1", LINE).attr("y2", LINE);
    this.ticks = this.svg.append("g").attr("class", "ssm-muted").attr("aria-hidden", "true");
    this.filled = this.svg.append("rect").attr("class", "ssm-amount").attr("y", LINE - 4).attr("height", 8).attr("rx", 2);
    this.limit = this.svg.append("line").attr("class", "ssm-theory").attr("y1", LINE - 11).attr("y2", LINE + 11);
    this.needle = this.svg.append("path").attr("class", "ssm-needle").attr("d", `M0,${LINE + 3}L-6,${LINE - 11}L6,${LINE - 11}Z`);
  }

  layout(width) {
    this.width = width;
    this.x = (powers) => 8 + placeOf(powers) * (width - 24);
    this.svg.attr("width", width).attr("height", 58).attr("viewBox", `0 0 ${width} 58`);
    this.scale.attr("x1", this.x(0)).attr("x2", this.x(MOST));
    this.value.attr("x", width);
    const caught = CAUGHT / Math.LN10;
    this.limit.attr("x1", this.x(caught)).attr("x2", this.x(caught));
    this.ticks
      .selectAll("text")
      .data([...TICKS, caught].filter((powers) => powers !== 1 || width > 500))
      .join("text")
      .attr("x", (powers) => this.x(powers))
      .attr("y", LINE + 22)
      .attr("text-anchor", (powers) => (powers === 0 ? "start" : powers === MOST ? "end" : "middle"))
      .text((powers) => (powers === caught ? format.odds(CAUGHT) : powers < 2 ? 10 ** powers : format.power(powers)));
    this.draw();
  }

  // Set it to the natural logarithm of some evidence; undefined where there is none yet.
  show(logEvidence) {
    const powers = (logEvidence ?? 0) / Math.LN10;
    this.aim = placeOf(powers);
    const caught = logEvidence > CAUGHT;
    const odds = logEvidence === undefined ? "none yet" : logEvidence === Infinity ? "beyond doubt" : format.odds(logEvidence);
    const words = caught ? `${odds}: caught` : odds;
    this.svg.classed("ssm-caught", caught).attr("aria-valuenow", Math.min(MOST, Math.max(0, powers)).toFixed(1));
    this.svg.attr("aria-valuetext", words);
    if (this.value.text() !== words) this.value.text(words);
  }

  // Let the needle come nearer to its place; returns whether it is still on its way.
  paint(seconds) {
    const left = this.aim - this.at;
    this.at = reducedMotion() || Math.abs(left) < 5e-4 ? this.aim : this.at + left * Math.min(1, HASTE * seconds);
    this.draw();
    return this.at !== this.aim;
  }

  draw() {
    if (!this.width) return;
    const x = 8 + this.at * (this.width - 24);
    this.filled.attr("x", 8).attr("width", x - 8);
    this.needle.attr("transform", `translate(${x},0)`);
  }
}
