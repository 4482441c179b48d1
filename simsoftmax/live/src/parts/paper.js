// A page that fills with letters, each before the colour of the temperature at which it was drawn.

import { add } from "../kit/dom.js";

const SHOWN = 1600; // letters

export class Paper {
  constructor(parent, label) {
    this.node = add(parent, "div", { className: "ssm-paper", tabIndex: 0, role: "region" });
    this.node.setAttribute("aria-label", label);
    this.clear();
  }

  layout(width, height) {
    this.node.style.width = `${width}px`;
    this.node.style.height = `${height}px`;
    this.follow();
  }

  clear() {
    this.node.replaceChildren();
    this.shown = 0;
    this.colour = undefined;
    this.caret = add(this.node, "span", { className: "ssm-caret" });
    this.caret.setAttribute("aria-hidden", "true");
  }

  write(letters, colour) {
    if (!letters) return;
    const near = this.node.scrollHeight - this.node.scrollTop - this.node.clientHeight < 60; // a reader may look further up
    if (colour !== this.colour) {
      this.run = document.createElement("span");
      this.run.style.setProperty("--ssm-run", colour);
      this.words = document.createTextNode("");
      this.run.append(this.words);
      this.caret.before(this.run);
      this.caret.style.setProperty("--ssm-run", colour);
      this.colour = colour;
    }
    this.words.appendData(letters);
    this.shown += letters.length;
    while (this.shown > SHOWN) {
      const oldest = this.node.firstChild;
      const some = Math.min(this.shown - SHOWN, oldest.textContent.length);
      /** @type {Text} */ (oldest.firstChild).deleteData(0, some);
      this.shown -= some;
      if (!oldest.textContent.length && oldest !== this.run) oldest.remove();
    }
    if (near) this.follow();
  }

  follow() {
    this.node.scrollTop = this.node.scrollHeight;
  }
}
