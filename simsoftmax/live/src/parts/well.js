// A place for a file: it is dropped here, chosen, or its numbers are pasted.

import { add } from "../kit/dom.js";
import * as format from "../kit/format.js";
import { button } from "./controls.js";

const KINDS = ".csv,.tsv,.json,.npy,.npz,.gz";

const sized = (bytes) =>
  bytes < 1e3 ? `${bytes} bytes` : bytes < 1e6 ? `${format.significant(bytes / 1e3)} kB` : `${format.significant(bytes / 1e6)} MB`;

export class Well {
  // name: what belongs here; hint: how it is laid out; change(): called when there is another file.
  constructor(parent, { name, hint, change }) {
    this.name = name;
    this.change = change;
    this.box = add(parent, "div", { className: "ssm-well", role: "group" });
    this.box.setAttribute("aria-label", name);
    add(this.box, "strong", {}, name);
    add(this.box, "span", { className: "ssm-muted ssm-hint" }, hint);
    this.state = add(this.box, "span", { className: "ssm-held" }, "Drop a file here, or");
    const row = add(this.box, "div", { className: "ssm-controls" });
    this.input = add(this.box, "input", { type: "file", accept: KINDS, hidden: true });
    this.input.setAttribute("aria-label", `File of ${name}`);
    this.input.addEventListener("change", () => {
      if (this.input.files.length) this.put(this.input.files[0].name, this.input.files[0]);
      this.input.value = "";
    });
    button(row, "choose a file", () => this.input.click()).setAttribute("aria-label", `choose a file of ${name}`);
    const paste = button(row, "paste", () => this.open(this.pasted.hidden));
    paste.setAttribute("aria-label", `paste ${name}`);
    this.pasted = add(this.box, "textarea", { rows: 4, spellcheck: false, hidden: true });
    this.pasted.setAttribute("aria-label", `${name}, one row a line, or JSON`);
    this.pasted.addEventListener("input", () => this.write(this.pasted.value));
    for (const kind of ["dragenter", "dragover"]) this.box.addEventListener(kind, (event) => this.over(event, true));
    this.box.addEventListener("dragleave", (event) => this.over(event, false));
    this.box.addEventListener("drop", (event) => {
      this.over(event, false);
      const [file] = event.dataTransfer.files;
      if (file) this.put(file.name, file);
      else this.paste(event.dataTransfer.getData("text"));
    });
  }

  over(event, here) {
    event.preventDefault();
    this.box.classList.toggle("ssm-over-well", here);
  }

  open(wanted) {
    this.pasted.hidden = !wanted;
    if (wanted) this.pasted.focus();
  }

  paste(text) {
    this.pasted.value = text;
    this.pasted.hidden = false;
    this.write(text);
  }

  // Take what was typed for a file.
  write(text) {
    const kind = /^\s*[[{]/.test(text) ? "json" : "csv";
    if (text.trim()) this.put(`${this.name}.${kind}`, new Blob([text]));
    else this.empty();
  }

  put(name, blob) {
    this.file = { name, blob };
    this.state.textContent = `${name}, ${sized(blob.size)}`;
    this.change();
  }

  empty() {
    this.file = undefined;
    this.state.textContent = "Drop a file here, or";
    this.change();
  }
}
