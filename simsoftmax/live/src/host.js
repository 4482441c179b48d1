// The host of the live figures in a page without a kernel: it reads the state that a notebook has saved with them and has
// each figure render itself where its view stands. Built books and saved figures load it in their head, as a script of its
// own kind (a module could not be loaded from the file system), once the script that holds the state has been read.
//
// A view's place, the element that holds its script, may hold a picture too. It is seen until the figure stands, which the
// attribute `data-live` of the place says: "alive", or "failed" if it could not. The root of the page has it, "done", once
// this has been said of all places.

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
  await Promise.all([...document.querySelectorAll(VIEW)].map(show));
  document.documentElement.dataset.live = "done";
}

document.querySelectorAll(STATE).forEach(read);
// After scripts that wait for the end of the page: they want to hear of every figure that it stands.
if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", begin, { once: true });
else begin();
