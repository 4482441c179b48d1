// What a reader takes away: a file, or a picture of what is drawn, which looks the same without the page's style sheet.

import { add } from "./dom.js";

export function saveFile(name, content, type) {
  const address = URL.createObjectURL(new Blob([content], { type }));
  const link = add(document.body, "a", { href: address, download: name, hidden: true });
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}

const LOOKS = [
  "fill", "fill-opacity", "stroke", "stroke-width", "stroke-opacity", "stroke-dasharray", "stroke-linecap", "stroke-linejoin",
  "opacity", "font-family", "font-size", "font-weight", "text-anchor", "paint-order", "display",
];

// A node's picture with all looks written into it.
function plain(node) {
  const copy = node.cloneNode(true);
  const [from, to] = [node, copy].map((top) => [top, ...top.querySelectorAll("*")]);
  from.forEach((original, i) => {
    const style = getComputedStyle(original);
    to[i].setAttribute("style", LOOKS.map((look) => `${look}:${style.getPropertyValue(look)}`).join(";"));
    to[i].removeAttribute("class");
  });
  return copy;
}

// Pictures side by side as one, on the ground of the page; titles stand above them.
export function pictureOf(svgs, titles, root) {
  const gap = 24;
  const sizes = svgs.map((svg) => [Number(svg.getAttribute("width")), Number(svg.getAttribute("height"))]);
  const width = sizes.reduce((sum, [w]) => sum + w + gap, gap);
  const height = Math.max(...sizes.map(([, h]) => h)) + 3 * gap;
  const style = getComputedStyle(root);
  const ground = [root, ...ancestors(root)].map((node) => getComputedStyle(node).backgroundColor).find((colour) => !/, 0\)$|transparent/.test(colour));
  const whole = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const set = (node, attributes) => Object.entries(attributes).forEach(([name, value]) => node.setAttribute(name, value));
  set(whole, { width, height, viewBox: `0 0 ${width} ${height}`, xmlns: "http://www.w3.org/2000/svg" });
  const paper = whole.appendChild(document.createElementNS(whole.namespaceURI, "rect"));
  set(paper, { width, height, fill: ground ?? "#fff" });
  let left = gap;
  svgs.forEach((svg, i) => {
    const title = whole.appendChild(document.createElementNS(whole.namespaceURI, "text"));
    set(title, { x: left, y: 1.4 * gap, fill: style.color, "font-size": 14, "font-weight": 600, "font-family": style.fontFamily });
    title.textContent = titles[i];
    const copy = plain(svg);
    set(copy, { x: left, y: 2 * gap, overflow: "visible" });
    whole.append(copy);
    left += sizes[i][0] + gap;
  });
  return new XMLSerializer().serializeToString(whole);
}

function ancestors(node) {
  const found = [];
  for (let at = node.parentElement; at; at = at.parentElement) found.push(at);
  return found;
}
