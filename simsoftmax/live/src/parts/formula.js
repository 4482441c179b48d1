// Softmax with the reader's numbers in it: the probability of one level, which can be chosen.

import { add } from "../kit/dom.js";
import * as format from "../kit/format.js";

const TERMS = 5; // of the sum that are written out

export class Formula {
  /** @type {number[]} */
  logits = [];
  /** @type {ArrayLike<number>} */
  probabilities = [];
  temperature = 1;

  /** @param {HTMLElement} parent */
  constructor(parent) {
    this.line = add(parent, "p", { className: "ssm-formula" });
    const label = add(this.line, "label", {}, "p(");
    this.choice = add(label, "select");
    this.choice.setAttribute("aria-label", "The level whose probability is written out");
    this.choice.addEventListener("change", () => this.write());
    label.append(")");
    this.line.append(" = ");
    const fraction = add(this.line, "span", { className: "ssm-fraction" });
    this.above = add(fraction, "span");
    this.below = add(fraction, "span");
    this.result = add(this.line, "span");
    this.result.dataset.out = "probability";
  }

  // names: of the levels; best: the one that is chosen at first.
  name(names, best) {
    if (String(names) === this.named) return;
    this.named = String(names);
    this.choice.replaceChildren();
    names.forEach((name, k) => {
      add(this.choice, "option", { value: k }, name);
    });
    this.choice.value = best;
  }

  show(logits, temperature, probabilities) {
    Object.assign(this, { logits, temperature, probabilities });
    this.write();
  }

  // e to a score over T; what no exponent can say is said as what it comes to.
  power(parent, z) {
    if (z === -Infinity) return add(parent, "span", {}, "0");
    const node = add(parent, "span", {}, "e");
    add(node, "sup", {}, `${format.score(z)}/${format.short(this.temperature)}`);
    return node;
  }

  write() {
    const { logits, temperature, probabilities } = this;
    const chosen = Number(this.choice.value);
    this.above.replaceChildren();
    this.below.replaceChildren();
    if (temperature === 0) {
      const [best, ties] = [Math.max(...logits), logits.filter((z) => z === Math.max(...logits)).length];
      this.above.append(logits[chosen] === best ? "1" : "0");
      this.below.append(`${ties}, the best ${ties > 1 ? "ones" : "one"}`);
    } else {
      this.power(this.above, logits[chosen]);
      logits.slice(0, TERMS).forEach((z, k) => {
        if (k) this.below.append(" + ");
        this.power(this.below, z);
      });
      if (logits.length > TERMS) this.below.append(` + … (${logits.length})`);
    }
    this.result.textContent = ` = ${format.fixed(probabilities[chosen])}`;
  }
}
