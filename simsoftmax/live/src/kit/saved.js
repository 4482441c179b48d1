// A figure's traits as a notebook has saved them, with the part of a widget model that figures use. No page, no kernel.

// An object's own value of a trait: text and numbers by what they are, lists and dictionaries by what they hold.
const same = (a, b) =>
  Object.is(a, b) || (!ArrayBuffer.isView(a) && !ArrayBuffer.isView(b) && JSON.stringify(a) === JSON.stringify(b));

const bytes = (text) => new DataView(Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer);

export class SavedModel {
  #traits;
  #listeners = new Map();

  /**
   * @param {{ state: { [name: string]: any }, buffers?: { path: (string | number)[], data: string }[] }} saved as a notebook
   *   writes it: binary values stand apart, in base64, each with the path to its place
   */
  constructor({ state, buffers = [] }) {
    this.#traits = structuredClone(state);
    for (const { path, data } of buffers) {
      const holder = path.slice(0, -1).reduce((place, key) => place[key], this.#traits);
      holder[path.at(-1)] = bytes(data);
    }
  }

  get(name) {
    return this.#traits[name];
  }

  // Several views may show one model: each hears of every change, whoever made it.
  set(name, value) {
    if (same(this.#traits[name], value)) return;
    this.#traits[name] = value;
    for (const event of [`change:${name}`, "change"]) {
      for (const listener of [...(this.#listeners.get(event) ?? [])]) listener(this, value);
    }
  }

  on(names, listener) {
    for (const name of names.split(" ")) {
      if (!this.#listeners.has(name)) this.#listeners.set(name, new Set());
      this.#listeners.get(name).add(listener);
    }
  }

  off(names, listener) {
    for (const name of names.split(" ")) this.#listeners.get(name)?.delete(listener);
  }

  // No kernel listens.
  save_changes() {}
  send() {}
}
