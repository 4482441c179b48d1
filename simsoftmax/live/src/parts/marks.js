// Marks of a plot: for each of some data a group of shapes that have names, such as a whisker and a dot.

import { create } from "d3-selection";
import { put } from "../kit/dom.js";

export class Marks {
  /**
   * shapes: the tag and the fixed attributes of each, by its name, in the order in which they are drawn; key: tells data
   * apart, where it is not their place that does.
   * @param {any} parent a d3 selection
   * @param {Record<string, any[]>} shapes
   * @param {(datum: any) => string} [key]
   */
  constructor(parent, shapes, key) {
    this.group = parent.append("g");
    this.shapes = Object.entries(shapes);
    this.key = key;
    this.nodes = new WeakMap(); // the shapes of each group, by name
  }

  // place(datum, i): attributes of each shape, by its name, or nothing for what is not to be seen.
  show(data, place) {
    this.group
      .selectAll("g")
      .data(data, this.key)
      .join((enter) => enter.append(() => this.make()))
      .each((datum, i, groups) => {
        const attributes = place(datum, i);
        put(groups[i], { display: attributes ? "inline" : "none" });
        for (const [name, values] of Object.entries(attributes ?? {})) put(this.nodes.get(groups[i])[name], values);
      });
  }

  make() {
    const group = create("svg:g");
    const shape = (/** @type {[string, any[]]} */ [name, [tag, attributes]]) => [name, put(group.append(tag).node(), attributes)];
    this.nodes.set(group.node(), Object.fromEntries(this.shapes.map(shape)));
    return group.node();
  }
}
