// Words, buttons, lists and fields around a figure.

import { add } from "../kit/dom.js";
import * as format from "../kit/format.js";
import { readLogits, readTemperature } from "../kit/typed.js";

// A row of quantities: name, value, and a muted remark.
export class Readouts {
  // paired: on a small screen they stand in pairs.
  constructor(parent, names, { paired = false } = {}) {
    this.list = add(parent, "div", { className: paired ? "ssm-readouts ssm-four" : "ssm-readouts" });
    this.outputs = new Map();
    for (const [key, name] of Object.entries(names)) {
      const item = add(this.list, "div");
      add(item, "span", { className: "ssm-name" }, name);
      const value = add(item, "strong");
      value.dataset.out = key;
      const remark = add(item, "span", { className: "ssm-muted" });
      remark.dataset.remark = key;
      this.outputs.set(key, { value, remark });
    }
  }
  set(key, text, remark = "") {
    const output = this.outputs.get(key);
    if (output.value.textContent !== text) output.value.textContent = text;
    if (output.remark.textContent !== remark) output.remark.textContent = remark;
  }
}

export function button(parent, text, onClick) {
  const node = add(parent, "button", { type: "button" }, text);
  node.addEventListener("click", onClick);
  return node;
}

// The paragraph in which a figure says what has come of it.
export function verdict(parent) {
  const node = add(parent, "p", { className: "ssm-verdict" });
  node.dataset.out = "verdict";
  return node;
}

// A labelled list of choices; options is [value, text] pairs.
export function select(parent, name, options, onChoose) {
  const label = add(parent, "label", {}, name);
  const node = add(label, "select");
  for (const [value, text] of options) add(node, "option", { value }, text);
  node.addEventListener("change", () => onChoose(node.value));
  return node;
}

// Show what is chosen, also where it is none of the choices.
export function choose(list, value) {
  list.value = value;
  if (list.value === "") list.value = add(list, "option", { value }, format.short(value)).value;
}

// The fields that explorers of levels share, for traits of levels (kit/level_traits.js): logits and T, kept up to date by
// show(). Their complaints go to the end of the row, when all else is in it.
export function levelFields(parent, traits, limits, finite) {
  const logits = logitsField(parent, (values) => (traits.logits = values), limits);
  const temperature = temperatureField(parent, (value) => (traits.temperature = value), finite);
  return {
    complain: () => parent.append(logits.error, temperature.error),
    show() {
      logits.show(traits.logits.map(format.short).join(", "));
      temperature.show(format.temperature(traits.temperature));
    },
  };
}

// A labelled text field; commit(text) returns an error to show, or nothing. A long one takes as many lines as its text.
export function field(parent, name, commit, { long = false } = {}) {
  const label = add(parent, "label", { className: long ? "ssm-whole" : "" }, name);
  const kind = long ? { className: "ssm-field", rows: 1 } : { type: "text" };
  const node = add(label, long ? "textarea" : "input", { ...kind, autocomplete: "off", spellcheck: false });
  const error = add(parent, "p", { className: "ssm-error", role: "alert", hidden: true });
  const settle = () => {
    const complaint = commit(node.value) ?? "";
    error.textContent = complaint;
    error.hidden = !complaint;
    node.setAttribute("aria-invalid", String(Boolean(complaint)));
  };
  node.addEventListener("change", settle);
  const fit = long ? growing(node) : () => {};
  if (long) {
    node.addEventListener("keydown", (event) => {
      if (event.key !== "Enter") return;
      event.preventDefault();
      settle();
    });
  }
  return {
    node,
    error,
    show(text) {
      if (document.activeElement !== node || node.getAttribute("aria-invalid") !== "true") {
        node.value = text;
        fit();
        error.hidden = true;
        node.setAttribute("aria-invalid", "false");
      }
    },
  };
}

// Let a field be as high as its text, where the browser does not see to it; returns what to call when a text is put in.
function growing(node) {
  if (globalThis.CSS?.supports("field-sizing", "content")) return () => {};
  const fit = () => {
    node.style.height = "0";
    node.style.height = `${node.scrollHeight + 2}px`; // and its frame
  };
  node.addEventListener("input", fit);
  new ResizeObserver(fit).observe(node.parentElement);
  return fit;
}

// A field for a row of logits; set(logits) receives numbers that are fit to use.
export function logitsField(parent, set, limits) {
  const read = (text) => {
    const { logits, complaint } = readLogits(text, limits);
    if (logits) set(logits);
    return complaint;
  };
  return field(parent, "logits", read, { long: true });
}

export function temperatureField(parent, set, finite) {
  const typed = field(parent, "T", (text) => {
    const { temperature, complaint } = readTemperature(text, finite);
    if (complaint === undefined) set(temperature);
    return complaint;
  });
  typed.node.size = 4;
  typed.node.setAttribute("aria-label", "Temperature T");
  return typed;
}

// A plain slider over whole numbers from 0. show(at, spoken) puts it somewhere, in words where the number says little;
// reach(max) gives it another end.
export function slider(parent, name, max, onMove) {
  const label = add(parent, "label", {}, name);
  const node = add(label, "input", { type: "range", min: 0, max, step: 1, value: 0 });
  node.addEventListener("input", () => onMove(Number(node.value)));
  return {
    show(at, spoken) {
      node.value = at;
      if (spoken !== undefined) node.setAttribute("aria-valuetext", spoken);
    },
    reach(last) {
      node.max = last;
    },
  };
}

// A slider and its value on one line, whatever wraps around them. show(at, text, spoken) puts both somewhere.
export function gauge(parent, name, max, onMove, key) {
  const line = add(parent, "span", { className: "ssm-gauge" });
  const knob = slider(line, name, max, onMove);
  const reading = add(line, "span", { className: "ssm-reading-value" });
  reading.dataset.out = key;
  return {
    show(at, text, spoken = text) {
      knob.show(at, spoken);
      reading.textContent = text;
    },
  };
}
