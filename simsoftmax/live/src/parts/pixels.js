// A small square picture, as squares whose area is the ink.

import { select } from "d3-selection";

// The outline of all its squares; a pixel is one unit wide, and the first has its centre at 0, 0.
export function outline(ink) {
  const width = Math.round(Math.sqrt(ink.length));
  const squares = Array.from(ink, (value, pixel) => {
    const side = Math.sqrt(value);
    if (side < 0.02) return "";
    const [x, y] = [(pixel % width) - side / 2, Math.floor(pixel / width) - side / 2];
    const length = side.toFixed(2);
    return `M${x.toFixed(2)} ${y.toFixed(2)}h${length}v${length}h-${length}z`;
  });
  return squares.join("");
}

export class Pixels {
  /**
   * label: names it to a screen reader; none where words beside it do.
   * @param {Element} parent
   * @param {{ label?: string }} options
   */
  constructor(parent, { label } = {}) {
    this.label = label;
    this.svg = select(parent).append("svg").attr("class", "ssm-pixels");
    if (label) this.svg.attr("role", "img");
    else this.svg.attr("aria-hidden", "true");
    this.path = this.svg.append("path");
  }

  layout(side) {
    this.svg.attr("width", side).attr("height", side);
  }

  show(ink) {
    const width = Math.round(Math.sqrt(ink.length));
    this.svg.attr("viewBox", `-0.75 -0.75 ${width + 0.5} ${width + 0.5}`);
    this.path.attr("d", outline(ink));
  }

  describe(text) {
    this.svg.attr("aria-label", `${this.label}: ${text}`);
  }
}
