// Words of sentences that look at each other, with a crowd of further words in the context that stand near by chance.

import * as format from "../kit/format.js";

// How many further words the context can hold: none, 1, 3, 10, 30, ... up to a most.
export function crowds(most) {
  const steps = [0];
  for (let ten = 1; ten <= most; ten *= 10) steps.push(...[ten, 3 * ten].filter((n) => n <= most));
  return steps;
}

export class Sentences {
  constructor(kernels, { sentences, scores }) {
    this.kernels = kernels;
    this.state = kernels.array("float64", 2);
    let start = 0;
    this.all = sentences.map((text) => {
      const words = text.split(/\s+/).filter(Boolean);
      const rows = words.map((_, i) => scores.slice(start + i * words.length, start + (i + 1) * words.length));
      start += words.length ** 2;
      const looks = rows.map((row) => row.some(Number.isFinite));
      const [exponents, shares] = [0, 0].map(() => kernels.array("float64", words.length + 1));
      return { words, looks, exponents, shares, rows: rows.map((row) => kernels.floats([...row, 0])) };
    });
  }

  // The words of a sentence, and which of them take part.
  of(sentence) {
    return this.all[sentence];
  }

  // The first word that takes part, and the one that takes part some places after another.
  first(sentence) {
    return this.of(sentence).looks.indexOf(true);
  }

  next(sentence, word, places) {
    const { looks } = this.of(sentence);
    const taking = [...looks.keys()].filter((k) => looks[k]);
    const at = taking.indexOf(word) + places;
    return taking[Math.min(taking.length - 1, Math.max(0, at))];
  }

  // Where a word looks: the share of each word, of all further ones together, entropy, and how many share its glances.
  look(sentence, word, { temperature, others }) {
    const { words, rows, exponents, shares } = this.of(sentence);
    this.kernels.attend(rows[word], others, temperature, exponents, shares, this.state);
    const [entropy, meeting] = this.state.view;
    const all = Array.from(shares.view);
    return { word, shares: all.slice(0, words.length), crowd: all[words.length], entropy, keys: 1 / meeting };
  }

  // Where each word looks; nothing for one that does not take part.
  looks(sentence, context) {
    return this.of(sentence).looks.map((looks, word) => (looks ? this.look(sentence, word, context) : undefined));
  }

  // A look in words.
  told(sentence, { word, shares, crowd }, { others }) {
    const { words } = this.of(sentence);
    const seen = [...shares.keys()].filter((k) => shares[k] >= 0.005).sort((a, b) => shares[b] - shares[a]);
    const name = (k) => `“${words[k]}”`;
    const share = (p) => (p > 0.995 ? "all" : format.percent(p, 0).replace(" ", "\u00a0"));
    const [best, second] = seen;
    const first = best === undefined ? "sees none of the sentence any more" : `gives ${share(shares[best])} of its glances to ${name(best)}`;
    const then = second === undefined ? "" : ` and ${share(shares[second])} to ${name(second)}`;
    const lost = others ? ` The ${others === 1 ? "further word takes" : `${format.count(others)} further words take`} ${share(crowd)}.` : "";
    return `${name(word)} ${first}${then}.${lost}`;
  }
}
