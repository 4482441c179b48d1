// F = E - T S as a staircase: from zero to the energy, from there by -T S to the free energy. Filled for a trial
// distribution, thin for theory.

import { axisBottom } from "d3-axis";
import { scaleLinear } from "d3-scale";
import { select } from "d3-selection";
import * as format from "../kit/format.js";

const ROWS = ["q", "softmax"];

export class Staircase {
  constructor(parent) {
    this.svg = select(parent).append("svg").attr("class", "ssm-staircase").attr("role", "img");
    this.svg.append("text").attr("class", "ssm-muted").attr("y", 13).text("energy, then −T S, make F");
    this.axis = this.svg.append("g").attr("class", "ssm-axis");
    this.least = this.svg.append("line").attr("class", "ssm-cursor");
    this.rows = this.svg
      .append("g")
      .selectAll("g")
      .data(ROWS)
      .join("g")
      .attr("class", (row) => (row === "q" ? "ssm-thick" : "ssm-thin"));
    this.rows.append("text").attr("class", "ssm-muted").attr("text-anchor", "end").attr("y", 4).text((row) => row);
    for (const part of ["energy", "heat"]) this.rows.append("rect").attr("class", `ssm-part ssm-${part}`);
    this.rows.append("line").attr("class", "ssm-joint");
    this.rows.append("line").attr("class", "ssm-theory");
  }

  layout(width, height) {
    this.width = width;
    this.height = height;
    this.svg.attr("width", width).attr("height", height).attr("viewBox", `0 0 ${width} ${height}`);
    this.rows.attr("transform", (_, row) => `translate(0,${38 + row * 34})`);
    this.rows.select("text").attr("x", 50);
    this.axis.attr("transform", `translate(0,${height - 22})`);
    this.least.attr("y1", 24).attr("y2", height - 22);
  }

  // Two pairs of energy and free energy: of the trial distribution and of softmax.
  show(trial, theory, colour) {
    if (!this.width) return;
    const pairs = [trial, theory];
    const ends = [0, ...pairs.flatMap(({ energy, freeEnergy }) => [energy, freeEnergy])];
    const x = scaleLinear([Math.min(...ends), Math.max(...ends)], [60, this.width - 14]);
    this.axis.call(axisBottom(x).ticks(this.width / 130).tickSize(4).tickPadding(5).tickFormat(format.short));
    this.rows.each((row, index, nodes) => {
      const { energy, freeEnergy } = pairs[index];
      const g = select(nodes[index]);
      const thickness = row === "q" ? 9 : 3;
      const bar = (part, from, to, y) =>
        g
          .select(`.ssm-${part}`)
          .attr("x", Math.min(x(from), x(to)))
          .attr("width", Math.abs(x(to) - x(from)))
          .attr("y", y - thickness / 2)
          .attr("height", thickness)
          .attr("fill", colour);
      bar("energy", 0, energy, -6);
      bar("heat", energy, freeEnergy, 6);
      g.select(".ssm-joint").attr("x1", x(energy)).attr("x2", x(energy)).attr("y1", -10).attr("y2", 10);
      g.select(".ssm-theory").attr("x1", x(freeEnergy)).attr("x2", x(freeEnergy)).attr("y1", -1).attr("y2", 13);
    });
    this.least.attr("x1", x(theory.freeEnergy)).attr("x2", x(theory.freeEnergy));
    const words = pairs.map(
      ({ energy, freeEnergy }, i) =>
        `${ROWS[i]}: energy ${format.fixed(energy)}, minus T S ${format.fixed(freeEnergy - energy)}, free energy ${format.fixed(freeEnergy)}`,
    );
    this.svg.attr("aria-label", words.join("; "));
  }
}
