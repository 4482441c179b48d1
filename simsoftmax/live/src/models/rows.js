// Rows of logits with their labels, at any temperature: how sure a classifier is of them, and how often right.

const COLUMNS = 4; // of the table: count, confidence, accuracy, gap by chance
const TAIL = 0.025; // beyond each end of a whisker

export class Rows {
  // logits: an array in the kernels' memory, row by row; labels: whole numbers, one for each row.
  constructor(kernels, logits, labels) {
    this.kernels = kernels;
    this.count = labels.length;
    this.logits = logits;
    this.labels = kernels.array("int64", labels.length);
    this.labels.view.set(Array.from(labels, BigInt));
    const floats = (n) => kernels.array("float64", n);
    this.confidence = floats(this.count);
    this.outcome = floats(this.count);
    this.ordered = floats(this.count);
    this.blocks = new Map();
  }

  // NLL and calibration error at a temperature; bins: how many; mass: whether of equal counts.
  at(temperature, { bins, mass }) {
    const { kernels, confidence, outcome, ordered } = this;
    if (!this.blocks.has(bins)) {
      this.blocks.set(bins, [kernels.array("float64", bins + 1), kernels.array("float64", COLUMNS * bins)]);
    }
    const [edges, table] = this.blocks.get(bins);
    const nll = kernels.temper(this.logits, this.labels, temperature, confidence, outcome);
    const used = kernels.bin_edges(confidence, mass ? 1 : 0, ordered, edges);
    const ece = kernels.bin_events(confidence, outcome, edges, used, table);
    return { nll, ece, used, edges: edges.view, table: table.view };
  }

  // The bins of a state, with the interval of each accuracy; an empty one has only its edges.
  bins({ used, edges, table }) {
    return Array.from({ length: used }, (_, b) => {
      const [count, confidence, accuracy, chance] = table.subarray(COLUMNS * b, COLUMNS * (b + 1));
      const [left, right] = [edges[b], edges[b + 1]];
      if (!count) return { count, left, right };
      const hits = Math.round(accuracy * count);
      const [low, high] = [0, 1].map((upper) => this.kernels.whisker(hits, count, TAIL, upper));
      return { count, left, right, confidence, accuracy, chance, low, high };
    });
  }

  // The calibration error that chance alone would make in a state, if its confidences were honest.
  chance({ used, table }) {
    let total = 0;
    for (let b = 0; b < used; b += 1) total += table[COLUMNS * b] * table[COLUMNS * b + 3];
    return total / this.count;
  }

  // All that a figure says of one temperature.
  judge(temperature, binning) {
    const state = this.at(temperature, binning);
    const bins = this.bins(state);
    const full = bins.filter(({ count }) => count);
    const mean = (key) => full.reduce((sum, bin) => sum + bin.count * bin[key], 0) / this.count;
    const [accuracy, confidence, chance] = [mean("accuracy"), mean("confidence"), this.chance(state)];
    const points = Math.abs(100 * (confidence - accuracy)); // off, in percent
    return { temperature, nll: state.nll, ece: state.ece, bins, accuracy, confidence, chance, points };
  }
}
