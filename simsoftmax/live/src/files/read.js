// A file of numbers, as the command line reads it (`simsoftmax.files.read_array`), and what it says of one that it cannot.

import { Pieces, parse as parseDelimited } from "./delimited.js";
import { parse as parseJson } from "./json.js";
import { readNpy, readNpz } from "./npy.js";
import { grouped, quoted } from "./python.js";

const SUFFIXES = [".csv", ".tsv", ".json", ".npy", ".npz", ".parquet"];
const PACKED = [".csv.gz", ".tsv.gz", ".json.gz"];
const LARGEST = 1 << 30; // bytes of text
// What a page keeps in memory as text; a table of numbers is smaller, and need not be kept, as .npy.
export const MOST_TEXT = 1 << 26;

// An array in memory.
class Held {
  constructor({ values, shape, whole }) {
    this.values = values;
    this.shape = shape;
    this.kind = whole ? "i" : "f";
    this.size = 8;
  }
  async read(from, to) {
    return this.values.subarray(from, to);
  }
}

/** @type {[number[], string][]} */
const MARKS = [
  [[0xff, 0xfe, 0, 0], "utf-32"],
  [[0, 0, 0xfe, 0xff], "utf-32"],
  [[0xff, 0xfe], "utf-16le"],
  [[0xfe, 0xff], "utf-16be"],
];

async function textOf(blob) {
  if (blob.size > LARGEST) throw new Error(`it holds more than ${grouped(LARGEST)} bytes of text; save it as .npy`);
  if (blob.size > MOST_TEXT) {
    throw new Error(`it holds ${grouped(blob.size)} bytes of text, and a page reads ${grouped(MOST_TEXT)}; save it as .npy`);
  }
  const bytes = new Uint8Array(await blob.arrayBuffer());
  const [, encoding] = MARKS.find(([mark]) => mark.every((byte, i) => bytes[i] === byte)) ?? [[], "utf-8"];
  if (encoding === "utf-32") throw new Error("it is text in UTF-32, which a page cannot read; save it as CSV in UTF-8");
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch {
    const name = encoding.replace(/^utf-16/, "utf-16-").toUpperCase();
    throw new Error(`its line ${brokenLine(bytes, encoding)} is not text in ${name}; save it as CSV in UTF-8`);
  }
}

// The number of the line where text cannot be decoded: up to there it can, so that the place is found by halving.
function brokenLine(bytes, encoding) {
  const sound = (length) => {
    try {
      new TextDecoder(encoding, { fatal: true }).decode(bytes.subarray(0, length), { stream: true });
      return true;
    } catch {
      return false;
    }
  };
  let [low, high] = [0, bytes.length + 1]; // where no byte is wrong, the last one wants a companion
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (sound(middle)) low = middle;
    else high = middle;
  }
  const before = Math.max(0, high - (encoding === "utf-8" ? 1 : 2));
  return bytes.subarray(0, before).reduce((lines, byte) => lines + (byte === 10 ? 1 : 0), 1);
}

// A long table in pieces of whole lines, of which only the numbers are kept.
export async function inPieces(blob, name, { tabs, piece = MOST_TEXT / 8 }) {
  const pieces = new Pieces(name, { tabs });
  const decoder = new TextDecoder("utf-8", { fatal: true });
  for (let at = 0; at < blob.size; ) {
    let bytes = new Uint8Array(await blob.slice(at, at + piece).arrayBuffer());
    if (at + bytes.length < blob.size) bytes = bytes.subarray(0, bytes.lastIndexOf(10) + 1);
    if (!bytes.length) throw new Error("it has no line that ends within a piece of it; save it as .npy");
    let text;
    try {
      text = decoder.decode(bytes);
    } catch {
      throw new Error("it is not text in UTF-8 throughout; save it as CSV in UTF-8");
    }
    pieces.add(text);
    at += bytes.length;
  }
  return pieces.array();
}

async function unpacked(blob) {
  if (!blob.size) return blob; // as Python has it
  try {
    return await new Response(blob.stream().pipeThrough(new DecompressionStream("gzip"))).blob();
  } catch {
    throw new Error("it cannot be unpacked; pack it again");
  }
}

/**
 * The array of numbers in a file: shape, whether of whole numbers, and `read(from, to)`, which brings a part of them.
 * @param {{ name: string, blob: Blob }} file
 * @param {string} name what it is: "counts", "labels", "logits", "draws"
 * @param {{ length?: number, typed?: boolean }} [options] length: how many counts there must be; typed: whether the
 *   command line would take numbers in place of a file
 */
export async function readArray({ name: path, blob }, name, { length, typed = false } = {}) {
  const lower = path.toLowerCase();
  if (![...SUFFIXES, ...PACKED].some((suffix) => lower.endsWith(suffix))) {
    const kinds = SUFFIXES.join(", ");
    throw new Error(
      typed
        ? `${name} must be numbers separated by commas or a file ending in ${kinds}, got ${quoted(path)}`
        : `${name} must come from a file ending in ${kinds}, got ${quoted(path)}; save it as one of these, for example as .csv`,
    );
  }
  try {
    if (lower.endsWith(".npy")) return await readNpy(blob);
    if (lower.endsWith(".npz")) return await readNpz(blob, name, path);
    if (lower.endsWith(".parquet")) throw new Error("a page cannot read .parquet files; save it as .npy or .csv");
    const packed = lower.endsWith(".gz");
    const suffixes = lower.split(".").slice(-2);
    const tabs = suffixes.includes("tsv");
    const plain = packed ? await unpacked(blob) : blob;
    const long = plain.size > MOST_TEXT && plain.size <= LARGEST && !suffixes.includes("json") && name !== "counts";
    if (long) return new Held(await inPieces(plain, name, { tabs }));
    const text = await textOf(plain);
    if (suffixes.includes("json")) return new Held(parseJson(text, name));
    return new Held(parseDelimited(text, name, { tabs, length }));
  } catch (/** @type {any} */ error) {
    throw new Error(`${name} cannot be read from ${quoted(path)}: ${error.message}`);
  }
}
