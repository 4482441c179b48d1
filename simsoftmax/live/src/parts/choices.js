// Pictures of which one is chosen: radio buttons, so that arrow keys go from one to the next.

import { add } from "../kit/dom.js";
import { Pixels } from "./pixels.js";

const PALEST = 0.13; // of pictures that have nothing in common with the chosen one

export class Choices {
  /**
   * columns: how many stand in a row; choose(n) is called when the reader has chosen.
   * @param {Element} parent
   * @param {{ label: string, pictures: ArrayLike<number>[], columns: number, choose: (n: number) => void }} options
   */
  constructor(parent, { label, pictures, columns, choose }) {
    const group = add(parent, "div", { className: "ssm-choices", role: "radiogroup" });
    group.setAttribute("aria-label", label);
    group.style.gridTemplateColumns = `repeat(${columns}, minmax(0, 1fr))`;
    const name = `ssm-choice-${Math.random().toString(36).slice(2)}`; // several figures may share a page
    this.items = pictures.map((ink, n) => {
      const item = add(group, "label");
      const radio = add(item, "input", { type: "radio", name, className: "ssm-hidden" });
      radio.addEventListener("change", () => choose(n));
      const pixels = new Pixels(item);
      pixels.show(ink);
      return { radio, pixels };
    });
    this.columns = columns;
  }

  layout(width) {
    const side = Math.min(46, Math.floor(width / this.columns) - 4);
    for (const { pixels } of this.items) pixels.layout(side);
  }

  // shares: from 0 to 1, how much each has in common with the chosen one; words(n): what each is.
  show(chosen, shares, words) {
    this.items.forEach(({ radio, pixels }, n) => {
      radio.checked = n === chosen;
      radio.setAttribute("aria-label", words(n));
      pixels.path.attr("opacity", (PALEST + (1 - PALEST) * shares[n]).toFixed(3));
    });
  }
}
