// The temperature of a classifier from a table that is read in blocks: the search of `simsoftmax.calibration.fit`, which
// kernels compute, on rows that may be far more than a page can hold.

import { general, grouped, shown, tuple } from "../files/python.js";

const BLOCK = 1 << 17; // numbers that are in the kernels' memory at a time
const SAMPLES = [250, 2000]; // rows of the samples that a fit starts on
const FARTHEST = 690; // |ln T| beyond which floating point ends
const REACH = 2; // the longest step
const COLUMNS = 4; // of a bin: count, confidence, accuracy, gap by chance
const TAIL = 0.025; // beyond each end of a whisker
const EPSILON = 2 ** -52;

// The next ln beta: the step where it keeps to the bracket, else the bracket's middle or its far side.
function next(u, step, low, high) {
  const moved = u + Math.max(-REACH, Math.min(REACH, step));
  if (low < moved && moved < high) return moved;
  if (low === -Infinity) return high - REACH;
  return high === Infinity ? low + REACH : (low + high) / 2;
}

// A root of a function that rises, between two places, to the last digits that matter.
async function root(rising, low, high) {
  for (let n = 0; n < 60 && high - low > 1e-7; n += 1) {
    const middle = (low + high) / 2;
    if ((await rising(middle)) < 0) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

// Logits and labels, block by block.
class Table {
  constructor(kernels, logits, labels, progress) {
    this.rows = logits.shape[0];
    this.levels = logits.shape[1];
    this.kernels = kernels;
    this.source = logits;
    this.truth = labels;
    this.progress = progress;
    this.length = Math.max(1, Math.floor(BLOCK / this.levels));
    const rows = Math.min(this.length, this.rows);
    this.logits = kernels.array("float64", rows * this.levels);
    this.labels = kernels.array("int64", rows);
    this.passes = 0;
    this.samples = [];
    this.limits = kernels.array("float64", 6);
  }

  // Call back with every block in the kernels' memory and the number of its first row.
  async each(what, found) {
    for (let start = 0; start < this.rows; start += this.length) {
      const stop = Math.min(this.rows, start + this.length);
      const values = await this.source.read(start * this.levels, stop * this.levels);
      const logits = this.logits.part(0, values.length);
      const labels = this.labels.part(0, stop - start);
      logits.view.set(values);
      labels.view.set(BigInt64Array.from(this.truth.subarray(start, stop), BigInt));
      await found(logits, labels, start);
      this.progress?.({ what, done: stop / this.rows });
    }
    this.passes += 1;
  }

  // Every so many rows, as a table of their own in the kernels' memory.
  sample(step) {
    const rows = Math.ceil(this.rows / step);
    return { step, logits: this.kernels.array("float64", rows * this.levels), labels: this.kernels.array("int64", rows) };
  }

  keep({ step, logits, labels }, block, truth, start) {
    const { levels } = this;
    const rows = truth.length;
    for (let n = (step - (start % step)) % step; n < rows; n += step) {
      const at = (start + n) / step;
      logits.view.set(block.view.subarray(n * levels, (n + 1) * levels), at * levels);
      labels.view[at] = truth.view[n];
    }
  }

  // The first reading: is anything wrong, and what do the ends say? Samples are put aside.
  async look() {
    const { kernels } = this;
    const place = kernels.array("int64", 2);
    this.samples = SAMPLES.map((size) => Math.floor(this.rows / size)).filter((step) => step >= 4).map((step) => this.sample(step));
    await this.each("reading", (logits, labels, start) => {
      const fault = kernels.find_fault(logits, labels, place);
      if (fault) throw new Error(this.faulty(fault, start, logits, place.view));
      kernels.add_limits(logits, labels, this.limits);
      for (const sample of this.samples) this.keep(sample, logits, labels, start);
    });
  }

  faulty(fault, start, logits, place) {
    const [row, level] = Array.from(place, Number);
    if (fault === 1) {
      const value = shown(logits.view[row * this.levels + level]);
      return (
        `logits must be finite or -inf, got ${value} at index ${tuple([start + row, level])}; use -inf for a level that ` +
        "cannot be occupied"
      );
    }
    if (fault === 2) {
      return `logits must allow at least one level, got -inf throughout row ${start + row}; give one a finite score`;
    }
    return (
      `labels must have finite logits, got the label ${level} with logit -inf in row ${start + row}: the likelihood is 0 at ` +
      "every temperature; give that level a finite score or leave the row out"
    );
  }

  async likelihood(u, what = "fitting") {
    const { kernels } = this;
    const sums = kernels.sums;
    sums.view.fill(0);
    await this.each(what, (logits, labels) => kernels.add_likelihood(logits, labels, u, sums));
    return this.step(sums);
  }

  likelihoodOf({ logits, labels }, u) {
    const { kernels } = this;
    kernels.sums.view.fill(0);
    kernels.add_likelihood(logits, labels, u, kernels.sums);
    return this.step(kernels.sums);
  }

  step(sums) {
    if (!Array.from(sums.view).every(Number.isFinite)) {
      throw new Error("logits must lie closer together to be fitted in a page; the command line can fit these");
    }
    this.kernels.next_step(sums, this.kernels.move);
    const [step, error, last] = this.kernels.move.view;
    const [rows, atOne, nll, slope] = sums.view;
    return { step, error, last: Boolean(last), slope: slope / rows, nll: nll / rows, atOne: atOne / rows };
  }

  // A first ln beta: the root on a sample of rows, found from the root on a smaller one.
  start() {
    let u = 0;
    for (const sample of this.samples) {
      let [low, high, v] = [-Infinity, Infinity, u];
      for (let n = 0; n < 20; n += 1) {
        const { step, error, slope } = this.likelihoodOf(sample, v);
        if (slope > 0) high = v;
        else low = v;
        v = next(v, step, low, high);
        if (error < 1e-3) {
          u = v;
          break;
        }
        if (!(Math.abs(v) < 5)) return u; // perhaps there is no root, which the whole table must say
      }
    }
    return u;
  }

  // The answer where the likelihood has no maximum at 0 < T < infinity.
  async atAnEnd(level) {
    const [slope, hot, cold, wrong, uneven, size] = this.limits.view;
    const [hottest, coldest] = [hot / this.rows, cold / this.rows];
    if (!uneven) {
      const reason = "every row's finite logits are all equal, so the probabilities do not depend on T";
      return { temperature: NaN, low: 0, high: Infinity, nll: hottest, status: "unidentified", reason };
    }
    if (wrong && slope < -4 * EPSILON * size) return undefined;
    const rise = this.kernels.likelihood_rise(level) / this.rows;
    if (!wrong) {
      const reason = "every label is a maximum of its row, so the likelihood grows as T falls to 0";
      const high = await this.reaches(coldest + rise, hottest, -1);
      return { temperature: 0, low: 0, high, nll: coldest, status: "zero", reason };
    }
    const reason = "the labels' logits are on average no higher than their rows' means, so the likelihood grows with T";
    const low = await this.reaches(hottest + rise, Infinity, 1);
    return { temperature: Infinity, low, high: Infinity, nll: hottest, status: "infinite", reason };
  }

  // T at which a NLL that rises (sign 1) or falls (-1) with ln beta reaches the target.
  async reaches(target, largest, sign) {
    if (largest <= target) return Infinity;
    const excess = async (u) => sign * ((await this.likelihood(u, "finding the limit")).nll - target);
    let [low, high] = [0, 0];
    while (high < FARTHEST && (await excess(high)) < 0) high += 3;
    while (low > -FARTHEST && (await excess(low)) > 0) low -= 3;
    return this.kernels.temperature_at(await root(excess, low, high));
  }

  // Confidence and accuracy in bins of equal width at a temperature.
  async diagram(temperature, bins) {
    const { kernels } = this;
    const rows = Math.min(this.length, this.rows);
    const [confidence, outcome, edges, table] = [rows, rows, bins + 1, COLUMNS * bins].map((n) => kernels.array("float64", n));
    kernels.bin_edges(confidence, 0, confidence, edges);
    table.view.fill(0);
    await this.each("drawing", (logits, labels) => {
      const [sure, right] = [confidence, outcome].map((block) => block.part(0, labels.length));
      kernels.temper(logits, labels, temperature, sure, right);
      kernels.add_events(sure, right, edges, bins, table);
    });
    const error = kernels.mean_events(bins, table);
    let chance = 0;
    const found = Array.from({ length: bins }, (_, b) => {
      const [count, mean, accuracy, byChance] = table.view.subarray(COLUMNS * b, COLUMNS * (b + 1));
      const [left, right] = edges.view.subarray(b, b + 2);
      if (!count) return { count, left, right };
      chance += (count / this.rows) * byChance;
      const hits = Math.round(accuracy * count);
      const [low, high] = [0, 1].map((upper) => kernels.whisker(hits, count, TAIL, upper));
      return { count, left, right, confidence: mean, accuracy, chance: byChance, low, high };
    });
    return { error, chance, bins: found };
  }
}

const nats = (nll) => (nll < 1e6 ? nll.toFixed(4) : general(nll, 4));

// What `str` of a TemperatureFit says.
export function sentence(fit) {
  const shape = `${grouped(fit.rows)} rows of ${grouped(fit.levels)} logits`;
  if (fit.status === "unidentified") return `No temperature can be fitted to ${shape}: ${fit.reason}`;
  const [at, low, high] = [fit.temperature, fit.low, fit.high].map((t) => general(t, 4));
  const interval = `${general(100 * fit.confidence_level, 6)} % interval ${low} to ${high}`;
  return `T = ${at} (${interval}) on ${shape}; NLL ${nats(fit.nll_before)} → ${nats(fit.nll_after)} nats; ${fit.reason}`;
}

/**
 * Fit the temperature, and judge calibration before and after.
 * @param {any} kernels
 * @param {any} logits an array of shape [rows, levels] with `read`
 * @param {Float64Array} labels
 * @param {{ level?: number, bins?: number, progress?: (at: object) => void }} [options]
 */
export async function fitTemperature(kernels, logits, labels, { level = 0.95, bins = 15, progress } = {}) {
  kernels.sums ??= kernels.array("float64", 12);
  kernels.move ??= kernels.array("float64", 3);
  const table = new Table(kernels, logits, labels, progress);
  await table.look();
  let u = table.start();
  let sums = await table.likelihood(u);
  const before = sums.atOne;
  let [low, high, far, end] = [-Infinity, Infinity, false, undefined];
  while (!sums.last) {
    if (sums.slope > 0) high = u;
    else low = u;
    u = next(u, sums.step, low, high);
    if (!far && Math.abs(u) > 3) {
      far = true;
      end = await table.atAnEnd(level);
      if (end) break;
    }
    if (Math.abs(u) > FARTHEST) throw new Error("logits must lie closer together to be fitted in a page; the command line can fit these");
    sums = await table.likelihood(u);
    if (u === low || u === high) {
      sums.step = 0;
      break;
    }
  }
  if (!end) {
    const out = kernels.array("float64", 4);
    kernels.end_fit(kernels.sums, u, sums.step, level, out);
    const [temperature, from, to, nll] = out.view;
    end = { temperature, low: from, high: to, nll, status: "interior", reason: "the slope of the NLL is 0 there" };
  }
  const { passes } = table;
  const temperature = end.status === "unidentified" ? 1 : end.temperature;
  const diagrams = { before: await table.diagram(1, bins), after: await table.diagram(temperature, bins) };
  const fit = {
    temperature: end.temperature,
    low: end.low,
    high: end.high,
    confidence_level: level,
    nll_before: before,
    nll_after: end.nll,
    rows: table.rows,
    levels: table.levels,
    status: end.status,
    reason: end.reason,
    passes,
    error_before: diagrams.before.error,
    error_after: diagrams.after.error,
    error_by_chance: diagrams.after.chance,
  };
  return { fit: { ...fit, sentence: sentence(fit) }, diagrams };
}

