// The host of the live figures in a page without a kernel: it reads the state that a notebook has saved with them and has
// each figure render itself where its view stands. Built books and saved figures load it in their head, as a script of its
// own kind (a module could not be loaded from the file system), once the script that holds the state has been read.
//
// A view's place, the element that holds its script, may hold a picture too. It is seen until the figure stands, which the
// attribute `data-live` of the place says: "alive", or "failed" if it could not.

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

async function show(script) {
  const model = models.get(JSON.parse(script.textContent).model_id);
  const place = script.parentElement;
  if (!model) return;
  // Until it stands it is laid out unseen, at the width that it will have.
  const figure = Object.assign(document.createElement("div"), { className: "live-figure" });
  figure.style.cssText = `position: absolute; visibility: hidden; width: ${place.clientWidth}px`;
  figure.addEventListener("simsoftmax:ready", () => {
    figure.removeAttribute("style");
    place.dataset.live = "alive";
  }, { once: true });
  script.before(figure);
  try {
    const { default: widget } = await program(model.get("_esm"));
    await widget.render({ model, el: figure });
  } catch (error) {
    figure.remove();
    place.dataset.live = "failed";
    reportError(error);
  }
}

function begin() {
  if (models.size === 0) document.querySelectorAll(STATE).forEach(read);
  document.querySelectorAll(VIEW).forEach(show);
}

document.querySelectorAll(STATE).forEach(read);
// Before scripts that wait for the end of the page, such as the one that sets formulas.
if (document.readyState === "loading") document.addEventListener("readystatechange", begin, { once: true });
else begin();
