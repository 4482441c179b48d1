// Numbers in delimited text. It reads and refuses what `simsoftmax.delimited` does, in the same words: both are put to one
// table of files.

import { quoted, shortened, strip, words } from "./python.js";

const NUMBER = /^(?:[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?|[+-]?(?:inf(?:inity)?|nan))$/i;
const DECIMAL_COMMA = /^[+-]?\d+,\d+(?:e[+-]?\d+)?$/i;
const THOUSANDS = /^[+-]?[1-9]\d{0,2}(?:,\d{3})+$/;
const LETTER = /[\p{L}\p{Nl}\p{No}_]/u;
const DIGIT = /[\p{Nd}\u00b2\u00b3\u00b9\u2070\u2074-\u2079\u2080-\u2089]/u;
const MISSING = new Set(["", "-", "--", "?", ".", "n/a", "na", "#n/a", "<na>", "none", "null", "nil", "missing"]);
const SEPARATORS = { ",": "commas", ";": "semicolons", "\t": "tabs" };
const LONGEST_CELL = 131072;

const bare = (cell) => cell.replace(/^[ \t\u00a0]+|[ \t\u00a0]+$/g, "").replaceAll("\u2212", "-");
const point = (cell, comma) => (comma ? cell.replaceAll(",", ".") : cell);

export const reads = (cell, comma = false) => NUMBER.test(point(bare(cell), comma));

// Whether a cell that reads is a whole number.
const isWhole = (cell, comma = false) => {
  const text = point(bare(cell), comma);
  return text.length < 20 && /^[+-]*\d+$/.test(text);
};

export function numberIn(cell, comma = false) {
  const text = point(bare(cell), comma);
  const word = /(inf|nan)/i.exec(text);
  if (!word) return Number(text);
  if (word[1].toLowerCase() === "nan") return NaN;
  return text[0] === "-" ? -Infinity : Infinity;
}

function remedy(cell) {
  const text = strip(cell);
  if (MISSING.has(text.toLowerCase())) return "give every cell a number; a logit of -inf marks a level that cannot be occupied";
  if (text.startsWith("#")) return "remove comments";
  if (text.endsWith("%")) return "write a share as a decimal number, 0.5 for 50 %";
  if (/^[+-]?\d+(,\d{3})+(\.\d+)?$/.test(text) || /^\d+([ _'\u00a0\u2009\u202f]\d{3})+$/.test(text)) {
    return "write it without marks between the thousands";
  }
  if (text.includes(",")) return "write a decimal point, or separate the cells by semicolons";
  if (text.toLowerCase().startsWith("0x")) return "write it as a decimal number";
  if (text.includes(" ") && words(text).every((part) => NUMBER.test(part))) {
    return "separate the numbers by commas, semicolons or tabs";
  }
  return "write digits with a decimal point";
}

// Rows of cells of one width, each with the line that it ends in; comma: whether a comma is a decimal point.
class Grid {
  constructor(rows, lines, separator, comma = false) {
    this.rows = rows;
    this.lines = lines;
    this.separator = separator;
    this.comma = comma;
  }

  // The numbers of a row, in all columns or some of them.
  read(n, start = 0, end = undefined) {
    return this.rows[n].slice(start, end).map((cell) => {
      if (!reads(cell, this.comma)) throw new Error(`${quoted(cell)} in line ${this.lines[n]} is no number; ${remedy(cell)}`);
      return numberIn(cell, this.comma);
    });
  }

  whole(n, start = 0, end = undefined) {
    return this.rows[n].slice(start, end).every((cell) => isWhole(cell, this.comma));
  }

  below() {
    return new Grid(this.rows.slice(1), this.lines.slice(1), this.separator, this.comma);
  }

  shown(n) {
    return quoted(shortened(this.rows[n].join(",")));
  }
}

// The rows of a text as Python's csv module splits them, strictly, each with its line; blank lines at the end are no rows,
// others are refused. number: the lines before them.
function split(text, separator, number = 0) {
  const rows = [];
  const lines = [];
  let blank = 0;
  let row = [];
  let cell = "";
  let state = "start"; // start, plain, quoted, after
  const broken = (reason) => new Error(`line ${number} cannot be split into cells (${reason}); mend its quotation marks`);
  const end = () => {
    if (!row.length || (row.length === 1 && row[0] && !strip(row[0]))) blank ||= number;
    else {
      if (blank) throw new Error(`line ${blank} is blank; fill it or remove it, for a missing number would be lost`);
      rows.push(row);
      lines.push(number);
    }
    row = [];
  };
  for (let at = 0; at < text.length; ) {
    let stop = at;
    while (stop < text.length && text[stop] !== "\n" && text[stop] !== "\r") stop += 1;
    const ending = text.startsWith("\r\n", stop) ? "\r\n" : text.slice(stop, stop + 1);
    number += 1;
    if (state === "start" && !text.slice(at, stop).includes('"')) {
      if (stop > at) row = text.slice(at, stop).split(separator);
      if (row.some(({ length }) => length > LONGEST_CELL)) throw broken(`field larger than field limit (${LONGEST_CELL})`);
      end();
      at = stop + ending.length;
      continue;
    }
    for (; at < stop; at += 1) {
      const letter = text[at];
      if (state === "quoted") {
        if (letter === '"') state = "after";
        else cell += letter;
      } else if (letter === separator) {
        row.push(cell);
        cell = "";
        state = "fresh";
      } else if (state === "after") {
        if (letter !== '"') throw broken(`'${separator}' expected after '"'`);
        cell += letter;
        state = "quoted";
      } else if (letter === '"' && state !== "plain") state = "quoted";
      else {
        cell += letter;
        state = "plain";
      }
      if (cell.length > LONGEST_CELL) throw broken(`field larger than field limit (${LONGEST_CELL})`);
    }
    at = stop + ending.length;
    if (state === "quoted") {
      cell += ending;
      continue;
    }
    row.push(cell);
    cell = "";
    state = "start";
    end();
  }
  if (state === "quoted") throw broken("unexpected end of data");
  return [rows, lines];
}

function withDecimalComma(grid) {
  if (grid.separator === ",") return grid;
  const commas = grid.rows.flatMap((row) => row.map(strip).filter((cell) => DECIMAL_COMMA.test(cell)));
  if (!commas.length || grid.rows.some((row) => row.some((cell) => cell.includes(".") && reads(cell)))) return grid;
  if (commas.every((cell) => THOUSANDS.test(cell))) {
    throw new Error(`${quoted(commas[0])} may be a decimal number or a whole one; write it without the comma`);
  }
  return new Grid(grid.rows, grid.lines, grid.separator, true);
}

const cells = (n) => `${n} cell${n === 1 ? "" : "s"}`;

// The cells, split by the separator that fits all rows and leaves most numbers.
function gridOf(text, tabs) {
  const candidates = [];
  const ragged = [];
  const broken = [];
  for (const separator of tabs ? "\t" : ",;\t") {
    let rows, lines;
    try {
      [rows, lines] = split(text, separator);
    } catch (error) {
      broken.push(error);
      continue;
    }
    if (rows.length && rows.every((row) => row.length > 1 && !strip(row.at(-1)))) rows = rows.map((row) => row.slice(0, -1));
    const even = rows.every((row) => row.length === rows[0].length);
    (even ? candidates : ragged).push(new Grid(rows, lines, separator));
  }
  if (!candidates.length && !ragged.length) throw broken[0];
  const wide = candidates.filter(({ rows }) => rows.length && rows[0].length > 1);
  if (ragged.length && !wide.length) {
    const worst = ragged.reduce((a, b) => (b.rows[0].length > a.rows[0].length ? b : a));
    const n = worst.rows.findIndex((row) => row.length !== worst.rows[0].length);
    throw new Error(
      `line ${worst.lines[n]} holds ${cells(worst.rows[n].length)} between ${SEPARATORS[worst.separator]} where line ` +
        `${worst.lines[0]} holds ${worst.rows[0].length}; give every line the same number, and remove comments`,
    );
  }
  if (!candidates[0].rows.length) throw new Error("it is empty; write one number for each level");
  if (!wide.length) return candidates[0];
  if (wide.length === 1) return withDecimalComma(wide[0]);
  const read = wide.map(withDecimalComma);
  const scores = read.map(({ rows, comma }) => {
    const all = rows.flat();
    return all.filter((cell) => reads(cell, comma)).length / all.length;
  });
  const best = read.filter((_, i) => scores[i] === Math.max(...scores));
  if (best.length > 1) {
    const names = best.map(({ separator }) => SEPARATORS[separator]).join(" or by ");
    throw new Error(`its cells may be separated by ${names}; put cells that hold one of them between quotation marks`);
  }
  return best[0];
}

// Whether a cell can be a heading: no number, no word for a missing one, and no number gone wrong.
function isName(text) {
  if (!text || MISSING.has(text.toLowerCase()) || "#+-.\u2212".includes(text[0]) || reads(text)) return false;
  const [first, ...others] = text;
  const rest = others.join("");
  const stray = reads(rest) && !/^\d+$/.test(rest); // z0 is a name, e5.5 is not
  return !stray && (/[\p{L}_]/u.test(first) || !DIGIT.test(text));
}

// The headings, if the first line holds some, and the rows below; the heading of an index is empty.
function headingsOf(grid) {
  let first = grid.rows[0].map(strip);
  const unmarked = first[0].replace(/^[# ]+/, "");
  if (first[0].startsWith("#") && isName(unmarked)) first[0] = unmarked;
  const readable = first.map((cell) => reads(cell, grid.comma));
  if (readable.every(Boolean)) return [null, grid];
  if (readable.some(Boolean)) {
    const counted = first.slice(1).every((cell, k) => cell === String(k));
    if (!readable[0] && (!first[0] || isName(first[0])) && counted) first = ["", ...first.slice(1)];
    else if (isName(first[readable.indexOf(false)])) {
      throw new Error(`its first line mixes names and numbers, ${grid.shown(0)}; name every column, or none`);
    } else grid.read(0);
  } else if (first.slice(1).includes("")) {
    throw new Error(`column ${first.indexOf("", 1) + 1} has no heading; name it, or remove it`);
  } else {
    const names = first[0] === "" && first.length > 1 ? first.slice(1) : first;
    let wrong = names.find((cell) => !isName(cell));
    if (wrong === undefined && !names.some((cell) => LETTER.test(cell))) wrong = names[0];
    if (wrong !== undefined) {
      const place = first.indexOf(wrong);
      grid.read(0, place, place + 1);
    }
  }
  if (grid.rows.length === 1) {
    throw new Error(`it holds a line of headings and no numbers, ${grid.shown(0)}; write one for each level`);
  }
  return [first.map((cell) => cell.toLowerCase()), grid.below()];
}

// An array of numbers: whole is whether all were written as whole numbers.
const array = (values, shape, whole) => ({
  values: Float64Array.from(values),
  shape,
  whole: whole && values.every((value) => Math.abs(value) < 2 ** 63),
});

function fromColumns(headings, grid, name, length) {
  const count = grid.rows.length;
  const single = name.replace(/s$/, "");
  let wanted = headings.flatMap((heading, n) => (heading === name || heading === single ? [n] : []));
  const index = headings[0] === "" || headings[0] === "unnamed: 0";
  if (wanted.length > 1) throw new Error(`several of its columns are called ${quoted(name)}; keep one of them`);
  if (!wanted.length && headings.length - Number(index) === 1) wanted = [headings.length - 1];
  if (wanted.length) {
    const [at] = wanted;
    const values = grid.rows.map((_, n) => grid.read(n, at, at + 1)[0]);
    const whole = grid.rows.every((_, n) => grid.whole(n, at, at + 1));
    if (name === "counts" && at > 0) return byLevel(headings[at], grid, values, whole, length);
    return array(values, [count], whole);
  }
  if (name !== "logits") {
    const names = headings.slice(0, 6).map(quoted).join(", ");
    throw new Error(`its columns are called ${names}; call the one that is meant ${quoted(name)}`);
  }
  const rows = grid.rows.map((_, n) => grid.read(n, Number(index)));
  if (!index && count > 2 && rows.every(([first], n) => first === n && grid.whole(n, 0, 1))) {
    throw new Error(`its first column, ${quoted(headings[0])}, numbers the rows; leave it out (index=False in pandas)`);
  }
  return array(rows.flat(), [count, rows[0].length], grid.rows.every((_, n) => grid.whole(n, Number(index))));
}

// Counts in the order of the levels, where the first column says which level each is of.
function byLevel(heading, grid, values, whole, length) {
  const plain = () => array(values, [values.length], whole);
  const column = grid.rows.map(([cell]) => cell);
  if (!column.every((cell) => reads(cell))) {
    const falling = values.every((value, n) => !n || values[n - 1] >= value);
    if (heading === "count" && values.length > 1 && falling) {
      throw new Error(
        `its counts stand in the order of their size, with ${quoted(column[0])} first, as value_counts gives them; bring ` +
          "them into the order of the logits (reindex), and call the column 'counts'",
      );
    }
    return plain();
  }
  const levels = column.map((cell) => numberIn(cell));
  if (!column.every((cell) => isWhole(cell)) || levels.some((level) => level < 0)) return plain();
  if (new Set(levels).size < levels.length) {
    const twice = levels.find((level, n) => levels.indexOf(level, n + 1) > 0);
    throw new Error(`level ${twice} is counted twice; give each level one line`);
  }
  const most = levels.reduce((a, b) => Math.max(a, b));
  const size = Math.max(most + 1, length ?? 0);
  if (length !== undefined && size > length) {
    throw new Error(`it counts level ${most}, and there are ${length} logits, for levels 0 to ${length - 1}`);
  }
  if (size > Math.max(1000, 1000 * levels.length)) {
    throw new Error(`it counts level ${most} in ${levels.length} lines; list the levels from 0 on`);
  }
  const placed = Array(size).fill(0);
  levels.forEach((level, n) => (placed[level] = values[n]));
  return array(placed, [size], whole);
}

// A table that is read in pieces, each of whole lines: how it is written and which columns are meant, the first piece shows.
export class Pieces {
  constructor(name, { tabs = false } = {}) {
    this.name = name;
    this.tabs = tabs;
    this.lines = 0; // before the piece at hand
    this.rows = 0;
    this.whole = true;
    this.parts = [];
  }

  add(text) {
    if (text.includes('"')) throw new Error("it is read in pieces, and holds quotation marks, which may hold lines; save it as .npy");
    const grid = this.lines ? this.next(text) : this.first(text);
    const values = new Float64Array(grid.rows.length * (this.end - this.start));
    grid.rows.forEach((_, n) => {
      values.set(grid.read(n, this.start, this.end), n * (this.end - this.start));
      this.whole &&= grid.whole(n, this.start, this.end);
    });
    this.parts.push(values);
    this.rows += grid.rows.length;
    this.lines += text.split(/\r\n|\n|\r/).length - 1;
    const last = grid.lines.at(-1) ?? this.last;
    this.blank = last < this.lines ? last + 1 : 0;
    this.last = last;
  }

  first(text) {
    const { shape } = parse(text, this.name, { tabs: this.tabs }); // says what is wrong with it
    const whole = gridOf(text, this.tabs);
    const [headings, grid] = headingsOf(whole);
    this.separator = grid.separator;
    this.comma = grid.comma;
    this.width = grid.rows[0].length;
    this.trailing = split(text, grid.separator)[0][0].length > this.width;
    const single = this.name.replace(/s$/, "");
    const wanted = headings?.findIndex((heading) => heading === this.name || heading === single) ?? -1;
    const width = shape[1] ?? 1;
    this.start = wanted >= 0 ? wanted : this.width - width;
    this.end = this.start + width;
    return grid;
  }

  next(text) {
    let [rows, lines] = split(text, this.separator, this.lines);
    if (this.blank && rows.length) {
      throw new Error(`line ${this.blank} is blank; fill it or remove it, for a missing number would be lost`);
    }
    if (this.trailing) rows = rows.map((row) => (row.length > this.width ? row.slice(0, -1) : row));
    const bad = rows.findIndex((row) => row.length !== this.width);
    if (bad >= 0) {
      throw new Error(
        `line ${lines[bad]} holds ${cells(rows[bad].length)} between ${SEPARATORS[this.separator]} where line 1 holds ${this.width}; ` +
          "give every line the same number, and remove comments",
      );
    }
    return new Grid(rows, lines, this.separator, this.comma);
  }

  array() {
    const width = this.end - this.start;
    const values = new Float64Array(this.rows * width);
    let at = 0;
    for (let part = this.parts.shift(); part; part = this.parts.shift()) {
      values.set(part, at);
      at += part.length;
    }
    return { values, shape: width === 1 ? [this.rows] : [this.rows, width], whole: this.whole };
  }
}

/**
 * The array of numbers in delimited text; `name` is what it is, "counts", "labels" or "logits".
 * @param {string} text
 * @param {string} name
 * @param {{ tabs?: boolean, length?: number }} [options]
 */
export function parse(text, name, { tabs = false, length } = {}) {
  const [headings, grid] = headingsOf(gridOf(text, tabs));
  if (headings) return fromColumns(headings, grid, name, length);
  const table = grid.rows.map((_, n) => grid.read(n));
  const [first] = table;
  if (table.length > 1 && first.length > 1 && first.every((value, k) => value === k)) {
    throw new Error(
      `its first line counts the columns, ${grid.shown(0)}, as pandas does where they have no names; write it with ` +
        "header=False, or with a heading for each column",
    );
  }
  const whole = table.every((_, n) => grid.whole(n));
  if (table.length === 1) return array(first, [first.length], whole);
  if (first.length === 1) {
    const points = table.slice(1).every((_, n) => !grid.whole(n + 1));
    if (grid.whole(0) && first[0] === 0 && points) {
      throw new Error(
        "its first line is 0 and all others have a decimal point, as pandas writes a column without a name; write it with " +
          "header=False",
      );
    }
    return array(table.flat(), [table.length], whole);
  }
  return array(table.flat(), [table.length, first.length], whole);
}
