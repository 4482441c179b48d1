// A tray of small pictures in rows, each with words below it. Shades of the page's ink, so both themes can be read.

import { select } from "d3-selection";
import { put } from "../kit/dom.js";
import { Marks } from "./marks.js";

const SHADES = 6; // steps of grey, each a path of its own
const WORDS = 20; // pixels below a picture

export class Tray {
  /**
   * @param {Element} parent
   * @param {{ label: string, columns: number, side: number }} options side: pixels of a picture's edge
   */
  constructor(parent, { label, columns, side }) {
    this.label = label;
    this.columns = columns;
    this.side = side;
    this.svg = select(parent).append("svg").attr("class", "ssm-tray").attr("role", "img").attr("aria-label", label);
    this.shades = Array.from({ length: SHADES }, (_, i) =>
      this.svg.append("path").attr("class", "ssm-ink").attr("opacity", (i + 1) / SHADES).node(),
    );
    this.words = new Marks(this.svg, {
      words: ["text", { "text-anchor": "middle" }],
      cross: ["path", { class: "ssm-cross" }],
    });
  }

  layout(width, height) {
    this.width = width;
    this.svg.attr("width", width).attr("height", height).attr("viewBox", `0 0 ${width} ${height}`);
    this.height = height;
  }

  // pictures: grey values from 0 to 1, words, and whether they are crossed out, each.
  show(pictures) {
    if (!this.width) return;
    const { columns, side } = this;
    const rows = Math.ceil(pictures.length / columns);
    const [across, down] = [this.width / columns, this.height / rows];
    const pixel = Math.floor((Math.min(across - 10, down - WORDS - 6) / side) * 4) / 4;
    const paths = Array.from({ length: SHADES }, () => "");
    const corner = (n) => [(n % columns) * across + (across - pixel * side) / 2, Math.floor(n / columns) * down];
    pictures.forEach(({ greys }, n) => {
      const [left, top] = corner(n);
      greys.forEach((grey, i) => {
        const shade = Math.min(SHADES, Math.round(grey * SHADES));
        if (shade < 1) return;
        const [x, y] = [left + pixel * (i % side), top + pixel * Math.floor(i / side)];
        paths[shade - 1] += `M${x.toFixed(1)},${y.toFixed(1)}h${pixel}v${pixel}h${-pixel}z`;
      });
    });
    this.shades.forEach((node, i) => {
      put(node, { d: paths[i] });
    });
    this.words.show(pictures, ({ text, crossed }, n) => {
      const [left, top] = corner(n);
      const [x, y] = [left + (pixel * side) / 2, top + pixel * side + 15];
      const [a, b] = [left - 2, left + 10];
      return {
        words: { text, x, y, class: crossed ? "ssm-crossed" : "" },
        cross: { d: crossed ? `M${a},${top + 1}L${b},${top + 13}M${b},${top + 1}L${a},${top + 13}` : "" },
      };
    });
  }

  describe(text) {
    this.svg.attr("aria-label", `${this.label}: ${text}`);
  }
}
