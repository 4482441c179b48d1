// A list of numbers, or of such lists, in JSON as Python reads it: NaN and infinities are numbers, and what is wrong is said
// in Python's words.

import { grouped, quoted, shortened, tuple } from "./python.js";

const DEEPEST = 8;
const NESTED = "its lists are nested too deeply; write a list of numbers, or a list of such lists";
const WORDS = { null: null, true: true, false: false, NaN: NaN, Infinity: Infinity, "-Infinity": -Infinity };
const NUMBER = /-?(?:0|[1-9]\d*)(\.\d+)?([eE][-+]?\d+)?/y;
const ESCAPES = { '"': '"', "\\": "\\", "/": "/", b: "\b", f: "\f", n: "\n", r: "\r", t: "\t" };

class Whole {
  constructor(value) {
    this.value = value;
  }
}

class Reader {
  constructor(text) {
    this.text = text;
    this.at = 0;
    this.depth = 0;
  }

  wrong(message, at = this.at) {
    const line = this.text.slice(0, at).split("\n").length;
    return new Error(`line ${line} is no JSON (${message}); write a list of numbers`);
  }

  space() {
    while (" \t\n\r".includes(this.text[this.at] ?? "x")) this.at += 1;
  }

  value() {
    const { text, at } = this;
    const letter = text[at];
    if (letter === '"') return this.string();
    if (letter === "[") return this.nested(() => this.list());
    if (letter === "{") return this.nested(() => this.object());
    for (const [word, value] of Object.entries(WORDS)) {
      if (text.startsWith(word, at)) {
        this.at += word.length;
        return value;
      }
    }
    NUMBER.lastIndex = at;
    const found = NUMBER.exec(text);
    if (!found) throw this.wrong("Expecting value");
    this.at = NUMBER.lastIndex;
    if (found[1] !== undefined || found[2] !== undefined) return Number(found[0]);
    const digits = found[0].length;
    if (digits > 300) {
      throw new Error(`it holds a whole number of ${grouped(digits)} digits, more than a float can; write a smaller one`);
    }
    return new Whole(Number(found[0]));
  }

  nested(read) {
    this.depth += 1;
    if (this.depth > 900) throw new Error(NESTED);
    const value = read();
    this.depth -= 1;
    return value;
  }

  list() {
    const items = [];
    this.at += 1;
    this.space();
    if (this.text[this.at] === "]") {
      this.at += 1;
      return items;
    }
    for (;;) {
      items.push(this.value());
      this.space();
      const letter = this.text[this.at];
      if (letter === "]") break;
      if (letter !== ",") throw this.wrong("Expecting ',' delimiter");
      this.at += 1;
      this.space();
    }
    this.at += 1;
    return items;
  }

  object() {
    /** @type {[string, any][]} */
    const pairs = [];
    this.at += 1;
    this.space();
    if (this.text[this.at] === "}") {
      this.at += 1;
      return new Map();
    }
    for (;;) {
      if (this.text[this.at] !== '"') throw this.wrong("Expecting property name enclosed in double quotes");
      const key = this.string();
      this.space();
      if (this.text[this.at] !== ":") throw this.wrong("Expecting ':' delimiter");
      this.at += 1;
      this.space();
      pairs.push([key, this.value()]);
      this.space();
      const letter = this.text[this.at];
      if (letter === "}") break;
      if (letter !== ",") throw this.wrong("Expecting ',' delimiter");
      this.at += 1;
      this.space();
    }
    this.at += 1;
    const content = new Map(pairs);
    if (content.size < pairs.length) {
      const names = pairs.map(([key]) => key);
      const twice = names.find((key, n) => names.indexOf(key) !== n || names.indexOf(key, n + 1) > 0);
      throw new Error(`${quoted(twice)} stands in it twice; keep one`);
    }
    return content;
  }

  string() {
    const begin = this.at;
    let out = "";
    this.at += 1;
    for (;;) {
      const piece = this.at;
      while (this.at < this.text.length && this.text[this.at] >= " " && !'"\\'.includes(this.text[this.at])) this.at += 1;
      out += this.text.slice(piece, this.at);
      const letter = this.text[this.at];
      if (letter === undefined) throw this.wrong("Unterminated string starting at", begin);
      if (letter === '"') break;
      if (letter !== "\\") throw this.wrong("Invalid control character at");
      const escaped = this.text[this.at + 1];
      if (escaped === undefined) throw this.wrong("Unterminated string starting at", begin);
      if (escaped === "u") {
        const code = this.text.slice(this.at + 2, this.at + 6);
        if (!/^[0-9a-fA-F]{4}$/.test(code)) throw this.wrong("Invalid \\uXXXX escape");
        out += String.fromCharCode(Number.parseInt(code, 16));
        this.at += 6;
      } else {
        if (!(escaped in ESCAPES)) throw this.wrong("Invalid \\escape");
        out += ESCAPES[escaped];
        this.at += 2;
      }
    }
    this.at += 1;
    return out;
  }
}

// json.dumps
function dumped(item) {
  if (item instanceof Whole) return String(item.value);
  if (item instanceof Map) return `{${[...item].map(([key, value]) => `${dumped(key)}: ${dumped(value)}`).join(", ")}}`;
  if (Array.isArray(item)) return `[${item.map(dumped).join(", ")}]`;
  if (typeof item === "number" && !Number.isFinite(item)) return Number.isNaN(item) ? "NaN" : item > 0 ? "Infinity" : "-Infinity";
  const text = JSON.stringify(item).replace(/[\u007f-\uffff]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);
  return typeof item === "number" && !/[.e]/.test(text) ? `${text}.0` : text;
}

const index = (place) => (place.length === 1 ? String(place[0]) : tuple(place));

function shapeOf(item, place) {
  if (Array.isArray(item)) {
    if (place.length >= DEEPEST) throw new Error(NESTED);
    const shapes = item.map((inner, n) => shapeOf(inner, [...place, n]));
    shapes.forEach((shape, n) => {
      if (String(shape) !== String(shapes[0]) || shape.length !== shapes[0].length) {
        throw new Error(
          `its rows ${index([...place, 0])} and ${index([...place, n])} are not of the same length; give every row the same ` +
            "number of numbers",
        );
      }
    });
    return [item.length, ...(shapes[0] ?? [])];
  }
  if (!(item instanceof Whole || typeof item === "number")) {
    throw new Error(`its entry ${index(place)} is ${shortened(dumped(item))} and no number; write digits`);
  }
  return [];
}

// The array under a name in an object, or that of a list alone.
export function parse(text, name) {
  const reader = new Reader(text);
  reader.space();
  let content = reader.value();
  reader.space();
  if (reader.at < text.length) throw reader.wrong("Extra data");
  if (content instanceof Map) {
    if (!content.has(name)) {
      const names = [...content.keys()].slice(0, 6).map(quoted).join(", ") || "nothing";
      throw new Error(`it is an object with ${names}; put a list of numbers under ${quoted(name)}`);
    }
    content = content.get(name);
  }
  if (!Array.isArray(content)) throw new Error(`it holds ${shortened(dumped(content))} and no list; write a list of numbers`);
  const shape = shapeOf(content, []);
  const flat = content.flat(DEEPEST);
  const whole = flat.every((item) => item instanceof Whole && Math.abs(item.value) < 2 ** 63);
  return { values: Float64Array.from(flat, (item) => (item instanceof Whole ? item.value : item)), shape, whole };
}
