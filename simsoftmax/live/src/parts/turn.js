// A vector beside the one that it comes from: a dial says how far it has turned, a gauge how much shorter it has become.

import { axisBottom } from "d3-axis";
import { scaleLinear, scaleLog } from "d3-scale";
import { select } from "d3-selection";
import { arc } from "d3-shape";
import { put } from "../kit/dom.js";
import * as format from "../kit/format.js";

const RADIUS = 78;
const TOP = 24;
const LEFT = 6;
const POWERS = Array.from({ length: 13 }, (_, i) => Number(`1e${i - 12}`));
const APART = 74; // pixels between two numbers of the gauge
const LONG = 200; // pixels of a gauge over which its title has room for what its tick means

export class Turn {
  constructor(parent, { label }) {
    this.label = label;
    this.svg = select(parent).append("svg").attr("class", "ssm-turn").attr("role", "img").attr("aria-label", label);
    const say = (/** @type {any} */ text) => this.svg.append("text").attr("class", "ssm-muted").attr("y", 13).text(text);
    this.titles = [say("turned by"), say("length; tick: heat alone")];
    this.values = ["angle", "length"].map((out) => this.svg.append("text").attr("class", "ssm-value").attr("text-anchor", "end").attr("y", 13).attr("data-out", out));
    this.rim = this.svg.append("path").attr("class", "ssm-hair").attr("fill", "none");
    this.sector = this.svg.append("path").attr("class", "ssm-bar").attr("fill-opacity", 0.25);
    this.first = this.svg.append("line").attr("class", "ssm-theory");
    this.firstName = this.svg.append("text").attr("class", "ssm-muted").text("λ = 0");
    this.needle = this.svg.append("line").attr("class", "ssm-needle");
    this.axis = this.svg.append("g").attr("class", "ssm-axis");
    this.bar = this.svg.append("rect").attr("class", "ssm-bar").attr("height", 16);
    this.tick = this.svg.append("line").attr("class", "ssm-theory");
  }

  // widest: degrees that the dial must reach; ends: of the gauge, as shares.
  layout(width, { widest, ends }) {
    this.wide = widest > 90;
    const dial = this.wide ? 2 * RADIUS : RADIUS;
    this.height = TOP + RADIUS + 22;
    this.svg.attr("width", width).attr("height", this.height).attr("viewBox", `0 0 ${width} ${this.height}`);
    this.centre = [LEFT + dial - RADIUS, TOP + RADIUS];
    const [cx, cy] = this.centre;
    this.rim
      .attr("transform", `translate(${cx},${cy})`)
      .attr("d", arc()({ innerRadius: RADIUS, outerRadius: RADIUS, startAngle: this.wide ? -Math.PI / 2 : 0, endAngle: Math.PI / 2 }));
    put(this.first.node(), { x1: cx, y1: cy, x2: cx + RADIUS, y2: cy });
    put(this.firstName.node(), { x: cx + RADIUS + 4, y: cy + 4 });
    const left = cx + RADIUS + 62;
    this.x = scaleLog(ends, [left, width - 12]);
    const decades = POWERS.filter((t) => t >= ends[0] && t <= ends[1]);
    const step = Math.ceil((decades.length * APART) / (width - 12 - left));
    const shown = decades.filter((_, i) => (decades.length - 1 - i) % step === 0);
    this.axis
      .attr("transform", `translate(0,${TOP + 52})`)
      .call(axisBottom(this.x).tickValues(shown).tickFormat((t) => `${format.short(100 * Number(t))} %`).tickSize(4).tickPadding(5));
    put(this.bar.node(), { x: left, y: TOP + 28 });
    put(this.tick.node(), { y1: TOP + 22, y2: TOP + 50 });
    put(this.titles[0].node(), { x: 0 });
    put(this.titles[1].node(), { x: left, text: width - left < LONG ? "length" : "length; tick: heat alone" });
    put(this.values[0].node(), { x: left - 16 });
    put(this.values[1].node(), { x: width - 2 });
  }

  // angle: in degrees; length and foretold: shares; colour: of the vector.
  show({ angle, length, foretold }, [turned, left], colour) {
    if (!this.x) return;
    const [cx, cy] = this.centre;
    const around = scaleLinear([0, 180], [Math.PI / 2, -Math.PI / 2]); // d3 measures clockwise from noon
    this.sector
      .attr("transform", `translate(${cx},${cy})`)
      .attr("fill", colour)
      .attr("d", arc()({ innerRadius: 0, outerRadius: RADIUS, startAngle: around(angle), endAngle: Math.PI / 2 }));
    put(this.needle.node(), { x1: cx, y1: cy, x2: cx + RADIUS, y2: cy, stroke: colour, transform: `rotate(${-angle},${cx},${cy})` });
    const start = this.x.range()[0];
    put(this.bar.node(), { width: Math.max(2, this.x(length) - start), fill: colour });
    put(this.tick.node(), { x1: this.x(foretold), x2: this.x(foretold) });
    this.values[0].text(turned);
    this.values[1].text(left);
    this.svg.attr("aria-label", `${this.label}: turned by ${turned}, ${left} long; heat alone would leave ${format.percent(foretold, 0)}`);
  }
}
