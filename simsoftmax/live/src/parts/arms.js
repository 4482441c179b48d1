// The arms of a bandit as levels side by side, low is good: what each has paid so far with its error, and what it truly
// pays. The latest pulls lie on them like grains.

import { scaleLinear, scalePoint } from "d3-scale";
import { reducedMotion } from "../kit/dom.js";
import * as format from "../kit/format.js";
import { DOT, Heaps } from "./heaps.js";
import { Marks } from "./marks.js";

const TOP = 26;
const FOOT = 40; // room for names and numbers under the arms
const HALF = 0.4; // of a level's width, in columns
const CALM = 0.12; // seconds after which little is left of a level's way

export class Arms extends Heaps {
  constructor(parent) {
    super(parent, { label: "Arms", heading: "energy, minus the pay", top: TOP });
    const names = { name: ["text", { class: "ssm-name", "text-anchor": "middle" }], count: ["text", { class: "ssm-muted", "text-anchor": "middle" }] };
    this.columns = new Marks(this.svg, {
      whisker: ["line", { class: "ssm-level" }],
      level: ["line", { "stroke-width": 3, "stroke-linecap": "round" }],
      truth: ["line", { class: "ssm-theory" }],
      ...names,
    });
  }

  // values: what each arm truly pays; names: what to call them.
  show(values, names) {
    this.values = values;
    this.names = names;
    this.levels = undefined;
    this.dots = [];
  }

  layout(width, height) {
    this.fit(width, height);
    const { values } = this;
    const spare = Math.max(0.6, 0.35 * (Math.max(...values) - Math.min(...values)));
    this.x = scalePoint([...values.keys()], [0, width]).padding(0.5);
    this.y = scaleLinear([Math.max(...values) + spare, Math.min(...values) - spare], [height - FOOT, TOP + 60]).clamp(true);
    this.half = HALF * this.x.step();
    this.row = Math.max(1, Math.floor((2 * this.half) / (2 * DOT)));
    this.place();
  }

  // Where the levels are now.
  place() {
    this.spots = this.values.map((value, k) => [this.x(k), this.y(this.levels?.[k] ?? value)]);
  }

  // What is known of each arm: { estimate, error, pulls }; estimate is undefined before the first pull. Levels glide there.
  learn(known, colours, seconds) {
    this.known = known;
    if (!this.x) return;
    const way = reducedMotion() || !this.levels ? 1 : Math.min(1, seconds / CALM);
    this.levels = known.map(({ estimate }, k) => {
      const from = this.levels?.[k] ?? estimate;
      return estimate === undefined ? undefined : from + way * (estimate - from);
    });
    this.place();
    this.columns.show(known, ({ estimate, error, pulls }, k) => {
      const [cx, cy] = this.spots[k];
      const [at, seen] = [this.y(this.values[k]), estimate === undefined ? "none" : "inline"];
      const [low, high] = [-1, 1].map((side) => this.y(this.levels[k] + side * error));
      return {
        whisker: { display: seen, x1: cx + this.half, x2: cx + this.half, y1: low || 0, y2: high || 0 },
        level: { display: seen, x1: cx - this.half, x2: cx + this.half, y1: cy, y2: cy, stroke: colours[k] },
        truth: { x1: cx - this.half - 7, x2: cx - this.half + 3, y1: at, y2: at },
        name: { x: cx, y: this.height - 20, text: this.names[k] },
        count: { x: cx, y: this.height - 4, text: format.count(pulls), "data-pulls": k },
      };
    });
  }

  // The same as words, now and then.
  describe() {
    const parts = this.known.map(({ estimate, pulls }, k) => {
      const paid = pulls ? `has paid ${format.fixed(estimate, 2)} in ${pulls} pulls` : "has not been pulled";
      return `${this.names[k]} ${paid}, truly pays ${format.fixed(this.values[k], 2)}`;
    });
    this.svg.attr("aria-label", `Arms: ${parts.join("; ")}`);
  }
}
