// A table of shares: rows look, columns are looked at, the stronger a cell the larger its share. One row is chosen.

import { select } from "d3-selection";

export class HeatMap {
  /**
   * choose(row) is called when the reader points at a row; colour: of a full share; crowd: the name of a last column that
   * stands apart.
   * @param {Element} parent
   * @param {{ label: string, colour: string, crowd: string, choose: (row: number) => void }} options
   */
  constructor(parent, { label, colour, crowd, choose }) {
    this.label = label;
    this.colour = colour;
    this.crowd = crowd;
    this.choose = choose;
    this.svg = select(parent).append("svg").attr("class", "ssm-heat-map").attr("role", "img").attr("aria-label", label);
    this.cells = this.svg.append("g");
    this.names = this.svg.append("g");
    this.columns = this.svg.append("g");
    this.frame = this.svg.append("rect").attr("class", "ssm-row").attr("fill", "none");
    this.svg.on("pointerdown", (event) => {
      const row = Math.floor((event.offsetY - this.top) / this.side);
      if (row >= 0 && row < this.count) this.choose(row);
    });
  }

  // names: of the rows, and of the columns before the last.
  layout(width, names) {
    this.count = names.length;
    this.left = Math.max(...names.map((name) => 7.4 * [...name].length)) + 12;
    this.side = Math.min(42, Math.floor((width - this.left - 12) / (names.length + 1)));
    this.top = 4;
    this.gap = 8; // before the last column
    const bottom = this.top + names.length * this.side;
    const height = bottom + 0.78 * Math.max(this.left, 7.4 * this.crowd.length + 12) + 18; // names hang at an angle
    this.svg.attr("width", width).attr("height", height).attr("viewBox", `0 0 ${width} ${height}`);
    this.names
      .selectAll("text")
      .data(names)
      .join("text")
      .attr("text-anchor", "end")
      .attr("x", this.left - 8)
      .attr("y", (_, k) => this.top + (k + 0.5) * this.side + 4.5)
      .text((name) => name);
    this.columns
      .selectAll("text")
      .data([...names, this.crowd])
      .join("text")
      .attr("class", "ssm-muted")
      .attr("text-anchor", "end")
      .attr("transform", (_, k) => `translate(${this.across(k) + this.side / 2 + 4},${bottom + 14}) rotate(-52)`)
      .text((name) => name);
  }

  across(column) {
    return this.left + column * this.side + (column === this.count ? this.gap : 0);
  }

  // shares: a row of numbers for each row, the last for what stands apart; chosen: a row.
  show(shares, chosen, text) {
    if (!this.side) return;
    const cells = shares.flatMap((row, i) => row.map((share, j) => ({ i, j, share })));
    this.cells
      .selectAll("rect")
      .data(cells)
      .join("rect")
      .attr("class", "ssm-share")
      .attr("x", ({ j }) => this.across(j) + 1)
      .attr("y", ({ i }) => this.top + i * this.side + 1)
      .attr("width", this.side - 2)
      .attr("height", this.side - 2)
      .attr("fill", this.colour)
      .attr("fill-opacity", ({ share }) => share.toFixed(4));
    this.names.selectAll("text").classed("ssm-chosen", (_, k) => k === chosen);
    this.frame
      .attr("x", this.left - 1)
      .attr("y", this.top + chosen * this.side - 1)
      .attr("width", (this.count + 1) * this.side + this.gap + 2)
      .attr("height", this.side + 2);
    this.svg.attr("aria-label", `${this.label}: ${text}`);
  }
}
