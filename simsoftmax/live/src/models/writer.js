// A language model that writes: its tables, its text, and the letter that comes, from the compiled kernels.

import * as format from "../kit/format.js";
import { copy } from "../kit/kernels.js";

const ROOM = 8192; // letters that are kept, and
const KEPT = 1024; // that many of them when there is no more room
const RECENT = 300; // letters whose variety and repetition are told
const PIECE = 4; // letters of a piece whose variety is counted
const PASSAGE = 20; // and of one that was said before

// The bytes of a table as they were before they were packed.
async function unpacked(table) {
  const stream = new Blob([copy(table)]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

const SIGNS = { "\n": "↵", " ": "␣" };

export class Writer {
  /**
   * letters: what it can write; sizes: numbers of contexts and of letters that follow them; table, discounts, stream: bytes
   * as Python sends them.
   * @param {any} kernels
   * @param {{ letters: string, sizes: number[], table: DataView, discounts: DataView, stream: DataView }} model
   */
  static async load(kernels, { letters, sizes, table, discounts, stream }) {
    return new Writer(kernels, { letters, sizes, bytes: await unpacked(table), discounts, stream });
  }

  constructor(kernels, { letters, sizes, bytes, discounts, stream }) {
    this.kernels = kernels;
    this.letters = [...letters];
    this.names = this.letters.map((letter) => SIGNS[letter] ?? letter);
    const [contexts, follow] = sizes;
    if (bytes.length !== 3 * contexts + 5 * follow) throw new RangeError(`the table has ${bytes.length} bytes`);
    let read = 0;
    const column = (length) => {
      const block = kernels.array("uint8", length);
      block.view.set(bytes.subarray(read, (read += length)));
      return block;
    };
    const before = column(contexts);
    const starts = [1, 0].map((first) => {
      const sums = kernels.array("int32", contexts + 1);
      kernels.running_sum(column(contexts), sums, first);
      return sums;
    });
    const following = column(follow);
    const counts = kernels.array("int32", follow);
    const whole = new Uint8Array(counts.view.buffer, counts.pointer, 4 * follow);
    for (let byte = 0; byte < 4; byte += 1) {
      for (let i = 0; i < follow; i += 1) whole[4 * i + byte] = bytes[read + byte * follow + i];
    }
    const levels = this.letters.length;
    this.tree = [before, ...starts, following, counts, kernels.floats(new Float64Array(copy(discounts)))];
    this.seen = discounts.byteLength / 24; // letters that a context can hold, and one more
    this.ranks = kernels.array("int64", levels);
    this.scores = kernels.array("float64", levels);
    this.probabilities = kernels.array("float64", levels);
    this.model = kernels.array("float64", levels);
    this.functional = kernels.array("float64", 3);
    this.stream = kernels.array("uint64", 4);
    this.first = new BigUint64Array(copy(stream));
    this.text = kernels.array("uint8", ROOM);
    this.held = kernels.array("uint8", this.seen);
    this.begin();
  }

  // Begin with a new line, or with the first letter where there is none, and with the same random numbers.
  begin() {
    this.stream.view.set(this.first);
    this.text.view[0] = Math.max(0, this.letters.indexOf("\n"));
    this.length = 1;
    this.written = 0;
  }

  // The dials as the kernels take them.
  dials({ temperature, topK, topP, minP, last }) {
    const levels = this.letters.length;
    return [temperature, topK > 0 ? Math.min(topK, levels) : levels, topP, minP, last ? 1 : 0];
  }

  // Write letters, and return them.
  write(count, dials) {
    const given = this.dials(dials);
    let added = "";
    for (let n = 0; n < count; n += 1) {
      if (this.length === ROOM) {
        this.text.view.copyWithin(0, ROOM - KEPT);
        this.length = KEPT;
      }
      this.weigh(this.text, this.length, given);
      const level = this.kernels.draw_level(this.probabilities, this.stream);
      this.text.view[this.length] = level;
      this.length += 1;
      added += this.letters[level];
    }
    this.written += count;
    return added;
  }

  weigh(text, length, given) {
    return this.kernels.coming_letter(text, length, ...this.tree, ...given, this.ranks, this.scores, this.probabilities);
  }

  // Keep what was written last, so that the letter which comes after it can be weighed again and again.
  hold() {
    this.holding = Math.min(this.seen - 1, this.length);
    const from = this.length - this.holding;
    this.held.view.set(this.text.view.subarray(from, this.length));
  }

  // The letter that comes after what is held: for each letter, from the likeliest, what the model says and how likely it is
  // to be drawn; how many may be drawn; and how open the draw is, in bits.
  coming(dials) {
    const left = this.weigh(this.held, this.holding, this.dials(dials));
    this.kernels.free_energy_functional(this.probabilities, this.scores, 1, this.functional);
    const entropy = this.functional.view[1] / Math.LN2;
    const drawn = this.probabilities.view.slice();
    const order = Array.from(this.ranks.view, Number);
    this.weigh(this.held, this.holding, this.dials({ temperature: 1, topK: 0, topP: 1, minP: 0, last: false }));
    return { left, entropy, order, drawn, model: this.probabilities.view.slice() };
  }

  // The text that is kept.
  get recent() {
    return Array.from(this.text.view.subarray(0, this.length), (level) => this.letters[level]).join("");
  }

  // Of the letters written last: the share of pieces that differ, and the share of letters that end a passage which was
  // there before.
  describe() {
    const begin = Math.max(0, this.length - RECENT);
    const part = this.text.part(begin, this.length);
    const pieces = part.length - PIECE + 1;
    const again = pieces > 0 ? this.kernels.said_before(part, PIECE - 1, part.length, PIECE) : 0;
    const all = this.text.part(Math.max(0, this.length - KEPT), this.length);
    const ends = Math.max(0, all.length - RECENT);
    const repeated = this.kernels.said_before(all, ends, all.length, PASSAGE) / Math.max(1, all.length - ends);
    return { variety: pieces > 0 ? 1 - again / pieces : 1, repeated };
  }

  // What has come of it, in words.
  told({ variety, repeated }, { left }, { last, topK, topP, minP }) {
    const what =
      repeated > 0.9
        ? "Frozen: it goes round in circles, and has said all of this before."
        : repeated > 0.15
          ? `Cold: ${format.percent(repeated, 0)} of the last letters repeat a passage that stands above.`
          : variety > 0.985
            ? "Noise: hardly a piece comes up twice, and hardly a word is one."
            : variety > 0.85
              ? "Sparks: much is new, and some of it is words."
              : "It writes much as it has read.";
    if (topK === 0 && topP === 1 && minP === 0) return `${what} Nothing is filtered: all ${left} letters may come.`;
    const which = last ? "Temperature last: heat does not change what is shaded" : "Temperature first: heat widens what is shaded";
    return `${what} ${which}, here ${left} of ${this.letters.length} letters.`;
  }
}
