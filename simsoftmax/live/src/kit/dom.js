// Nodes of the page, and how its reader likes them to move.

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

/**
 * Give a node of a picture attributes; `text` is what it says.
 * @param {any} node
 * @param {{ [name: string]: any, text?: string }} attributes
 */
export function put(node, { text, ...attributes }) {
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  if (text !== undefined) node.textContent = text;
  return node;
}

// How many pixels of the screen a unit of the page is wide.
export const sharpness = () => globalThis.devicePixelRatio || 1;

// Give a canvas a size in units of the page, and return what draws on it in these, as sharp as the screen is.
export function sized(canvas, width, height, ratio = sharpness()) {
  Object.assign(canvas, { width: Math.round(width * ratio), height: Math.round(height * ratio) });
  Object.assign(canvas.style, { width: `${width}px`, height: `${height}px` });
  const paper = canvas.getContext("2d");
  paper.setTransform(ratio, 0, 0, ratio, 0, 0);
  return paper;
}

const still = globalThis.matchMedia?.("(prefers-reduced-motion: reduce)");
export const reducedMotion = () => Boolean(still?.matches);
