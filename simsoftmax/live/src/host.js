// The host of the live figures in a page without a kernel: it reads the state that a notebook has saved with them and has
// each figure render itself where its view stands. Built books and saved figures load it in their head, as a script of its
// own kind (a module could not be loaded from the file system), once the script that holds the state has been read.
//
// A view's place, the element that holds its script, may hold a picture too. It is seen until the figure stands, which the
// attribute `data-live` of the place says: "alive", or "failed" if it could not. The root of the page has it, "done", once
// this has been said of all places.
//
// The address of the page carries what its reader has set, so that a reload, the way back, and whoever is sent the address
// come to the figures as they were.

import { readAddress, writeAddress } from "./kit/address.js";
import { SavedModel } from "./kit/saved.js";

const STATE = 'script[type="application/vnd.jupyter.widget-state+json"]';
const VIEW = 'script[type="application/vnd.jupyter.widget-view+json"]';

// What makes a value once for each key.
const remembered = (make) => {
  const made = new Map();
  return (key) => made.get(key) ?? made.set(key, make(key)).get(key);
};

// Figures of one kind share their program and their style sheet.
const program = remembered((text) => import(URL.createObjectURL(new Blob([text], { type: "text/javascript" }))));
const dress = remembered((text) => document.head.appendChild(Object.assign(document.createElement("style"), { textContent: text })));

const models = new Map();

function read(script) {
  for (const [id, saved] of Object.entries(JSON.parse(script.textContent).state)) {
    if (!saved.state._esm) continue; // a layout, or a widget that lives only with a kernel
    const model = new SavedModel(saved);
    models.set(id, model);
    dress(model.get("_css") ?? "");
    program(model.get("_esm")).catch(() => {}); // begun before the page has been read; whoever waits for it hears of it
  }
}

// The figures of the page for its address, in the order in which they stand; those that show one model are one.
const figures = [];

function number(scripts) {
  for (const id of new Set(scripts.map((script) => JSON.parse(script.textContent).model_id))) {
    const model = models.get(id);
    if (!model) continue;
    const rules = model.get("_kept") ?? {};
    const first = Object.fromEntries(Object.keys(rules).map((name) => [name, model.get(name)]));
    figures.push({ model, rules, touched: false, get: (name) => model.get(name), saved: (name) => first[name] });
  }
  for (const [place, taken] of readAddress(location.search, figures).entries()) figures[place].taken = taken;
}

const PACE = 350; // milliseconds between two writings: browsers refuse a hundred in half a minute
const TOUCHES = ["pointerdown", "keydown", "input", "change", "simsoftmax:set"];
let written = -Infinity;
let due = 0;

function write() {
  due = 0;
  written = performance.now();
  // Of a figure that does not stand yet, the address goes on saying what it says.
  const untouched = (one) => ({ ...one, get: (name) => one.taken[name] ?? one.saved(name) });
  const query = writeAddress(location.search, figures.map((one) => (one.touched ? one : untouched(one))));
  if (query === location.search) return;
  try {
    history.replaceState(history.state, "", location.pathname + query + location.hash);
  } catch {
    // A page without an address of its own, such as one in a frame, cannot say it.
  }
}

// What a figure does by itself is none of the reader's doing until the reader has touched it.
function keep(one, place) {
  for (const touch of TOUCHES) place.addEventListener(touch, () => (one.touched = true), { capture: true });
  place.addEventListener("simsoftmax:change", () => {
    if (one.touched && !due) due = setTimeout(write, Math.max(0, written + PACE - performance.now()));
  });
}

// Put a figure that stands where the address says; the first of those that show a model does it for all.
function restore(one, place) {
  const taken = Object.entries(one.taken);
  if (taken.length === 0) return;
  try {
    if (!one.touched) for (const [name, value] of taken) one.model.set(name, value);
  } catch {
    for (const [name] of taken) one.model.set(name, one.saved(name)); // it opens as usual
    one.taken = {};
  }
  // As a word of the page would, so that what the figure does by itself ends.
  place.querySelector(".ssm").dispatchEvent(new CustomEvent("simsoftmax:set", { detail: {} }));
}

// Have a figure stand in its place; the promise is kept when it is known whether it does.
async function show(script) {
  const model = models.get(JSON.parse(script.textContent).model_id);
  const place = script.parentElement;
  // Until it stands it is laid out unseen, as wide as it will be, over its picture.
  const figure = Object.assign(document.createElement("div"), { className: "live-figure" });
  const { paddingLeft, paddingRight } = getComputedStyle(place);
  figure.style.cssText = `position: absolute; inset: 0 ${paddingRight} auto ${paddingLeft}; visibility: hidden`;
  place.style.position = "relative";
  const stands = new Promise((done) => figure.addEventListener("simsoftmax:ready", done, { once: true }));
  try {
    if (!model) throw new Error("the page holds no figure for this view");
    const { default: widget } = await program(model.get("_esm"));
    script.before(figure);
    await widget.render({ model, el: figure });
    await stands;
    const one = figures.find((each) => each.model === model);
    keep(one, figure);
    restore(one, figure);
    figure.removeAttribute("style");
    place.dataset.live = "alive";
  } catch (error) {
    figure.remove();
    place.dataset.live = "failed";
    reportError(error);
  }
}

async function begin() {
  if (models.size === 0) document.querySelectorAll(STATE).forEach(read);
  const scripts = [...document.querySelectorAll(VIEW)];
  number(scripts);
  await Promise.all(scripts.map(show));
  // The way back to another section of the page leads to an address of before; the figures are as they are.
  addEventListener("popstate", () => figures.some((one) => one.touched) && write());
  document.documentElement.dataset.live = "done";
}

document.querySelectorAll(STATE).forEach(read);
// After scripts that wait for the end of the page: they want to hear of every figure that it stands.
if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", begin, { once: true });
else begin();
