// The ground that every explorer stands on: its root element, its clock, its width, its words, its controls.

import * as format from "./format.js";
import { Glide } from "./glide.js";

export function add(parent, tag, properties = {}, text) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(properties)) {
    if (key in node && key !== "list" && key !== "form") node[key] = value;
    else node.setAttribute(key, value);
  }
  if (text !== undefined) node.textContent = text;
  parent.append(node);
  return node;
}

const still = globalThis.matchMedia?.("(prefers-reduced-motion: reduce)");
export const reducedMotion = () => Boolean(still?.matches);

// Infinities travel as text, for JSON has none.
export const decode = (value) => (value === "inf" ? Infinity : value === "-inf" ? -Infinity : Number(value) + 0); // no -0
export const encode = (value) => (value === Infinity ? "inf" : value === -Infinity ? "-inf" : value);

export class Stage {
  // One explorer in one place of a page. `label` names it to a screen reader.
  constructor(el, model, label) {
    this.model = model;
    this.cleanups = [];
    const travels = (name) => model.get("_travels")?.[name];
    this.glide = new Glide(travels, (changes) => this.put(changes), () => this.tellChange());
    this.onCleanup(() => this.glide.stop());
    this.root = add(el, "div", { className: "ssm", role: "group" });
    this.root.setAttribute("aria-label", label);
    this.title = add(this.root, "p", { className: "ssm-title" });
    this.caption = add(this.root, "p", { className: "ssm-caption" });
    this.follow(["title", "caption"], () => {
      for (const name of ["title", "caption"]) {
        this[name].textContent = model.get(name) ?? "";
        this[name].hidden = !this[name].textContent;
      }
    });
    this.live = add(this.root, "p", { className: "ssm-hidden", role: "status" });
    this.root.addEventListener("simsoftmax:set", (event) => this.obey(event.detail));
    this.follow([], () => this.tellChange());
  }

  // Words of the page act on the figure by an event "simsoftmax:set" on its root: `set` holds values for traits, `press`
  // the names of buttons.
  obey({ set = {}, press = [] }) {
    this.go(set);
    for (const name of press) {
      [...this.root.querySelectorAll("button")].find((node) => node.textContent === name)?.click();
    }
  }

  // Tell the page something: "ready" once the figure stands, "change" when traits may have changed and none is on its way.
  tell(what) {
    const detail = { get: (name) => this.model.get(name) };
    this.root.dispatchEvent(new CustomEvent(`simsoftmax:${what}`, { bubbles: true, detail }));
  }

  // Tell of many changes at one go once.
  tellChange() {
    if (this.telling) return;
    this.telling = true;
    queueMicrotask(() => {
      this.telling = false;
      if (!this.glide.moving) this.tell("change");
    });
  }

  // Set traits, on a way that the eye can follow.
  go(changes) {
    if (reducedMotion()) this.set(changes);
    else this.glide.start((name) => this.model.get(name), changes);
  }

  onCleanup(cleanup) {
    this.cleanups.push(cleanup);
  }

  // Call back now and whenever one of the traits changes, or any if none is named, whoever changed it. Each name has a
  // subscription of its own: not every host of a widget understands several at once.
  follow(traits, callback) {
    const names = traits.length ? traits.map((trait) => `change:${trait}`) : ["change"];
    for (const name of names) {
      this.model.on(name, callback);
      this.onCleanup(() => this.model.off(name, callback));
    }
    callback();
  }

  set(changes) {
    // A reader's hand stops what a link has set in motion.
    if (Object.keys(changes).some((name) => this.glide.traits.includes(name))) this.glide.stop();
    this.put(changes);
  }

  put(changes) {
    for (const [key, value] of Object.entries(changes)) this.model.set(key, value);
    this.model.save_changes();
  }

  // A row of settings under the figure; on a small screen it is opened when it is wanted.
  settings() {
    this.more = add(this.root, "details", { className: "ssm-more", open: true });
    add(this.more, "summary", {}, "settings");
    return add(this.more, "div", { className: "ssm-controls ssm-settings" });
  }

  // Tell a screen reader something, once.
  say(text) {
    if (this.live.textContent !== text) this.live.textContent = text;
  }

  // Call layout(width) whenever the figure's own width changes.
  resize(layout) {
    let last = 0;
    const observer = new ResizeObserver(([entry]) => {
      const width = Math.floor(entry.contentRect.width);
      if (width === 0 || width === last) return;
      const first = last === 0;
      layout((last = width));
      const wide = !this.root.classList.contains("ssm-narrow");
      if (this.more && (first || wide)) this.more.open = wide;
      if (first) this.tell("ready");
    });
    observer.observe(this.root);
    this.onCleanup(() => observer.disconnect());
  }

  // Call frame(seconds since the last one) while the figure is in sight; frame returns whether it wants another.
  // With reduced motion there are four frames a second: the picture changes, it does not move.
  animate(frame) {
    let inSight = true;
    let last = 0;
    let handle = 0;
    let wanted = true;
    const tick = (now) => {
      handle = 0;
      const elapsed = now - last;
      if (reducedMotion() && elapsed < 250) return schedule();
      last = now;
      this.frames = (this.frames ?? 0) + 1;
      wanted = frame(Math.min(elapsed / 1000, reducedMotion() ? 0.25 : 0.1));
      return schedule();
    };
    const schedule = () => {
      if (!handle && wanted && inSight && !document.hidden) handle = requestAnimationFrame(tick);
    };
    const observer = new IntersectionObserver(([entry]) => {
      inSight = entry.isIntersecting;
      schedule();
    });
    observer.observe(this.root);
    document.addEventListener("visibilitychange", schedule);
    this.onCleanup(() => {
      wanted = false;
      cancelAnimationFrame(handle);
      observer.disconnect();
      document.removeEventListener("visibilitychange", schedule);
    });
    schedule();
    return () => {
      wanted = true;
      schedule();
    };
  }

  close() {
    for (const cleanup of this.cleanups.splice(0)) cleanup();
    this.root.remove();
  }
}

// A row of quantities: name, value, and a muted remark.
export class Readouts {
  constructor(parent, names) {
    this.list = add(parent, "div", { className: "ssm-readouts" });
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

// A labelled list of choices; options is [value, text] pairs.
export function select(parent, name, options, onChoose) {
  const label = add(parent, "label", {}, name);
  const node = add(label, "select");
  for (const [value, text] of options) add(node, "option", { value }, text);
  node.addEventListener("change", () => onChoose(node.value));
  return node;
}

// A labelled text field; commit(text) returns an error to show, or nothing.
export function field(parent, name, commit) {
  const label = add(parent, "label", {}, name);
  const node = add(label, "input", { type: "text", autocomplete: "off", spellcheck: false });
  const error = add(parent, "p", { className: "ssm-error", role: "alert", hidden: true });
  const settle = () => {
    const complaint = commit(node.value) ?? "";
    error.textContent = complaint;
    error.hidden = !complaint;
    node.setAttribute("aria-invalid", String(Boolean(complaint)));
  };
  node.addEventListener("change", settle);
  return {
    node,
    error,
    show(text) {
      if (document.activeElement !== node || node.getAttribute("aria-invalid") !== "true") {
        node.value = text;
        error.hidden = true;
        node.setAttribute("aria-invalid", "false");
      }
    },
  };
}

// A field for a row of logits; set(logits) receives numbers that are fit to use.
export function logitsField(parent, set, most) {
  const typed = field(parent, "logits", (text) => {
    const logits = text.split(/[,;\s]+/).filter(Boolean).map(format.parse);
    if (logits.length < 2 || logits.length > most) return `Give 2 to ${most} logits, with commas between.`;
    if (logits.some((z) => Number.isNaN(z))) return "Each logit must be a number, such as 2, −0.5 or -inf.";
    if (logits.some((z) => z > 1000 || (z < -1000 && z > -Infinity))) return "Logits must lie between −1000 and 1000.";
    if (!logits.some(Number.isFinite)) return "At least one logit must be finite.";
    set(logits);
    return "";
  });
  typed.node.size = 12;
  return typed;
}

// finite: why infinity is refused, where it is.
export function temperatureField(parent, set, finite) {
  const typed = field(parent, "T", (text) => {
    const temperature = format.parse(text);
    if (finite && temperature > 1e6) return `The temperature must be finite here, and no more than 10⁶: ${finite}.`;
    if (!(temperature >= 0)) return "The temperature must be a number, 0 or more; inf is allowed.";
    set(temperature);
    return "";
  });
  typed.node.size = 4;
  typed.node.setAttribute("aria-label", "Temperature T");
  return typed;
}

// A plain slider over whole numbers from 0.
export function slider(parent, name, max, onMove) {
  const label = add(parent, "label", {}, name);
  const node = add(label, "input", { type: "range", min: 0, max, step: 1, value: 0 });
  node.addEventListener("input", () => onMove(Number(node.value)));
  return node;
}

// A slider and its value on one line, whatever wraps around them; returns the slider and the place for the value.
export function gauge(parent, name, max, onMove, key) {
  const line = add(parent, "span", { className: "ssm-gauge" });
  const node = slider(line, name, max, onMove);
  const reading = add(line, "span", { className: "ssm-reading-value" });
  reading.dataset.out = key;
  return [node, reading];
}
