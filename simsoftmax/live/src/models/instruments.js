// The instruments of the page "Bring your own": from files to an answer, with no page. A worker runs them in the browser.

import { readArray } from "../files/read.js";
import { general, quoted, shown, tuple } from "../files/python.js";
import { temperatureOf, verdictOn } from "./counted.js";
import { fitTemperature } from "./temperature_fit.js";

const LARGEST_WHOLE = 2 ** 53;

const all = (array) => array.read(0, array.shape.reduce((a, b) => a * b, 1));
const dtype = ({ kind, size }) => (kind === "b" ? "bool" : `${{ f: "float", i: "int", u: "uint" }[kind]}${8 * (size ?? 8)}`);

// As `simsoftmax calibrate` and `simsoftmax.arguments.one_label_a_row` check them.
async function labelsFor(labels, logits) {
  const [rows, levels] = logits.shape;
  const values = Float64Array.from(await all(labels), Number);
  const whole = labels.kind !== "f" || values.every((y) => Number.isInteger(y) && Math.abs(y) < LARGEST_WHOLE);
  const { shape } = labels;
  if (logits.shape.length === 2 && shape.length === 1 && shape[0] === rows + 1 && values[0] === 0) {
    throw new Error(
      `labels must hold one level for each of the ${rows} rows, got ${shape[0]}; the first is 0, which may be the heading that ` +
        "pandas gives a column without a name: write it with header=False",
    );
  }
  if (logits.shape.length > 2 && !logits.shape.includes(0)) {
    const wanted = tuple(logits.shape.slice(0, -1));
    throw new Error(
      `labels must have shape ${wanted} for logits of shape ${tuple(logits.shape)} with axis=-1, got shape ${tuple(shape)}; pass one ` +
        "level index per row, or axis=... for the axis that runs over the levels",
    );
  }
  if (logits.shape.length !== 2 || logits.shape.includes(0)) {
    throw new Error(
      `logits must have shape (rows, levels) with at least one of each, got shape ${tuple(logits.shape)}; pass one row of scores ` +
        "for every label",
    );
  }
  if (shape.length === 2 && levels > 1 && shape[0] === rows && shape[1] === levels) {
    throw new Error(
      `labels must hold one level for each of the ${rows} rows of logits, got shape ${tuple(shape)}; save the number of the true ` +
        "level of each row, labels.argmax(axis=1)",
    );
  }
  if (shape.length !== 1 || shape[0] !== rows) {
    const column = shape.length === 2 && shape[0] === rows && shape[1] === 1;
    const remedy = column ? "pass labels.ravel()" : "pass one level index per row";
    throw new Error(`labels must hold one level for each of the ${rows} rows of logits, got shape ${tuple(shape)}; ${remedy}`);
  }
  if (!whole) throw new Error(`labels must be integers from 0 to ${levels - 1}, got dtype ${dtype(labels)}; pass level indices`);
  const bad = values.findIndex((y) => y < 0 || y >= levels);
  if (bad >= 0) {
    const wrong = values[bad];
    const remedy =
      wrong === -100
        ? "-100 marks rows to be ignored: pass ignore_index=-100, or leave them out"
        : levels === 1
          ? "for a single column of scores of an event pass np.column_stack([np.zeros(n), scores])"
          : "number the levels from 0";
    throw new Error(
      `labels must be from 0 to ${levels - 1} for logits with ${levels} levels, got ${wrong} at index ${bad}; ${remedy}`,
    );
  }
  return values;
}

// What is said of rows that look like probabilities.
async function noteOn(logits) {
  const [rows, levels] = logits.shape;
  if (levels < 2) return undefined;
  const step = Math.max(1, Math.floor(rows / 16));
  for (let n = 0; n < rows; n += step) {
    const row = Float64Array.from(await logits.read(n * levels, (n + 1) * levels), Number);
    if (!row.every((p) => p >= 0)) return undefined;
    if (!(Math.abs(row.reduce((a, b) => a + b, 0) - 1) < 1e-3)) return undefined;
  }
  return (
    "logits look like probabilities: no row has a negative entry and every row sums to 1; give the option --probabilities instead"
  );
}

async function calibrate(kernels, { logits, labels }, { level, bins }, progress) {
  const z = await readArray(logits, "logits");
  const y = await labelsFor(await readArray(labels, "labels"), z);
  const { fit, diagrams } = await fitTemperature(kernels, z, y, { level, bins, progress });
  const note = await noteOn(z);
  return { facts: fit, sentence: fit.sentence, diagrams, note };
}

// A row of logits, as `simsoftmax.arguments.as_vector_logits` checks it.
async function rowOf(logits, remedy) {
  const { shape } = logits;
  if (shape.length && shape.at(-1) === 0) {
    throw new Error(`logits must hold at least one level, got shape ${tuple(shape)}; pass one score per level`);
  }
  const values = Float64Array.from(await all(logits), Number);
  const [width] = shape.slice(-1);
  const place = (at) => (shape.length === 1 ? String(at) : tuple([Math.floor(at / width), at % width]));
  const bad = values.findIndex((z) => !(z < Infinity));
  if (bad >= 0) {
    throw new Error(
      `logits must be finite or -inf, got ${shown(values[bad])} at index ${place(bad)}; use -inf for a level that cannot be occupied`,
    );
  }
  for (let n = 0; n * width < values.length; n += 1) {
    if (values.subarray(n * width, (n + 1) * width).every((z) => z === -Infinity)) {
      const where = shape.length === 1 ? "" : ` in row ${n}`;
      throw new Error(`logits must allow at least one level, got -inf throughout${where}; give one a finite score`);
    }
  }
  if (shape.length !== 1) throw new Error(`logits must be one-dimensional here, got shape ${tuple(shape)}; ${remedy}`);
  return values;
}

// Counts, one for each level, as `simsoftmax.arguments.as_counts` checks them.
async function countsFor(counts, levels) {
  if (counts.shape.length !== 1 || counts.shape[0] !== levels) {
    throw new Error(
      `counts must hold one number for each of the ${levels} logits, got shape ${tuple(counts.shape)}; pass counts and logits of ` +
        "the same length, or for draws, one index each, pass tokens=...",
    );
  }
  const values = Float64Array.from(await all(counts), Number);
  const bad = values.findIndex((n) => !(n >= 0) || n !== Math.floor(n) || n > LARGEST_WHOLE);
  if (bad >= 0) {
    const value = values[bad];
    const remedy = value > 0 && value < 1 ? "multiply shares by the number of particles" : "pass the number of particles in each level";
    throw new Error(
      `counts must be whole numbers from 0 to 2**53, got ${counts.kind === "f" ? shown(value) : value} at index ${bad}; ${remedy}`,
    );
  }
  const sum = values.reduce((a, b) => a + b, 0);
  if (!(sum > 0 && sum <= LARGEST_WHOLE)) {
    throw new Error(`counts must sum to between 1 and 2**53 particles, got ${sum}; draw some first`);
  }
  return values;
}

// Draws, one index each, counted.
async function countedDraws(draws, levels) {
  const values = Float64Array.from(await all(draws), Number);
  const bad = values.findIndex((k) => !Number.isInteger(k) || k < 0 || k >= levels);
  if (bad >= 0) {
    throw new Error(`draws must be whole numbers from 0 to ${levels - 1}, got ${values[bad]} at index ${bad}; pass one level index for each draw`);
  }
  const counts = new Float64Array(levels);
  for (const k of values) counts[k] += 1;
  return counts;
}

async function counted({ logits, counts }, { kind }, remedy) {
  const row = await readArray(logits, "logits", { typed: true });
  const length = row.shape.length === 1 ? row.shape[0] : undefined;
  const given = await readArray(counts, kind, { typed: true, length: kind === "counts" ? length : undefined });
  const z = await rowOf(row, remedy);
  return [z, await (kind === "draws" ? countedDraws(given, z.length) : countsFor(given, z.length))];
}

const shares = (counts) => {
  const sum = counts.reduce((a, b) => a + b, 0);
  return Array.from(counts, (n) => n / sum);
};

async function verify(kernels, files, settings) {
  const rows = "pass one row at a time, or let `simsoftmax verify --draws` judge draws that have a row each";
  const [z, n] = await counted(files, settings, settings.kind === "draws" ? rows : "pass one row at a time");
  const { temperature, alarm } = settings;
  if (!(temperature >= 0)) throw new Error(`temperature must be >= 0, got ${shown(temperature)}; use 0 or inf for the limits`);
  const { facts, sentence, expected } = verdictOn(kernels, z, n, temperature, alarm);
  const table = { logits: Array.from(z), temperature, counts: Array.from(n), empirical: shares(n), analytic: Array.from(expected) };
  return { facts: { ...table, verdict: facts, sentence }, sentence, shares: { ...table, passed: facts.passed } };
}

async function thermometer(kernels, files, settings) {
  const [z, n] = await counted(files, settings, "for one label in each row of logits use fit_temperature");
  const { facts, sentence, expected } = temperatureOf(kernels, z, n, settings.level);
  return {
    facts: { ...facts, sentence },
    sentence,
    shares: { temperature: facts.temperature, logits: Array.from(z), empirical: shares(n), analytic: Array.from(expected) },
  };
}

const RUNS = { calibrate, verify, thermometer };

// The files that an instrument takes, and its settings with the values to begin with.
export const NEEDS = {
  calibrate: { files: ["logits", "labels"], settings: { level: 0.95, bins: 15 } },
  verify: { files: ["counts", "logits"], settings: { kind: "counts", temperature: 1, alarm: 1e-3 } },
  thermometer: { files: ["counts", "logits"], settings: { kind: "counts", level: 0.95 } },
};

/**
 * What an instrument says of files.
 * @param {any} kernels
 * @param {string} instrument
 * @param {Record<string, { name: string, blob: Blob }>} files
 * @param {Record<string, any>} [settings]
 * @param {(at: { what: string, done: number }) => void} [progress]
 */
export async function judge(kernels, instrument, files, settings = {}, progress = undefined) {
  for (const name of NEEDS[instrument].files) {
    if (!files[name]) throw new Error(`${name} must be given; drop a file, choose one, or paste numbers`);
  }
  return RUNS[instrument](kernels, files, { ...NEEDS[instrument].settings, ...settings }, progress);
}

// JSON that Python would write: infinities and NaN as text.
export const json = (facts) =>
  JSON.stringify(facts, (_, value) => (typeof value === "number" && !Number.isFinite(value) ? shown(value) : value), 1);


const quote = (name) => (/^[\w.-]+$/.test(name) ? name : `'${name.replaceAll("'", "'\\''")}'`);

const OPTIONS = { level: "confidence-level", bins: "bins", temperature: "temperature", alarm: "false-alarm" };

// The lines of Python and the command that say the same of the same files.
export function recipe(instrument, files, settings) {
  const path = (name) => `"${quoted(files[name].name).slice(1, -1).replaceAll('"', '\\"')}"`;
  const read = (name) => `read_array(${path(name)}, "${name}")`;
  const changed = Object.entries(settings).filter(([name, value]) => name in OPTIONS && value !== NEEDS[instrument].settings[name]);
  const options = changed.map(([name, value]) => ` --${OPTIONS[name]} ${typeof value === "number" ? general(value, 12) : value}`).join("");
  const [call, command] = RECIPES[instrument](read, (name) => quote(files[name].name), settings);
  const draws = settings.kind === "draws";
  const lines = ["import simsoftmax as ss", "from simsoftmax.files import read_array", ""];
  if (draws) lines.unshift("import numpy as np");
  const asked = `simsoftmax ${command}${options}`;
  return {
    python: [...lines, call].join("\n"),
    shell: draws ? `# the command takes counts: save those of the draws first, as the lines of Python above count them\n${asked}` : asked,
  };
}

const countedIn = (read, kind) =>
  kind === "draws"
    ? `logits = ${read("logits")}\ncounts = np.bincount(${read("counts").replace('"counts")', '"draws")')}, minlength=len(logits))`
    : `logits = ${read("logits")}\ncounts = ${read("counts").replace(/\)$/, ", length=len(logits))")}`;
const number = (value) => (Number.isFinite(value) ? general(value, 12) : 'float("inf")');

const RECIPES = {
  calibrate: (read, name, { level }) => [
    `fit = ss.fit_temperature(\n    ${read("logits")},\n    ${read("labels")},\n    confidence_level=${level},\n)\nprint(fit)`,
    `calibrate ${name("logits")} ${name("labels")}`,
  ],
  verify: (read, name, { kind, temperature, alarm }) => [
    `${countedIn(read, kind)}\nprint(ss.verify(counts, logits, ${number(temperature)}, false_alarm=${alarm}))`,
    `verify ${kind === "draws" ? "counts.csv" : name("counts")} --logits ${name("logits")}`,
  ],
  thermometer: (read, name, { kind, level }) => [
    `${countedIn(read, kind)}\nprint(ss.estimate_temperature(counts, logits, confidence_level=${level}))`,
    `thermometer ${kind === "draws" ? "counts.csv" : name("counts")} --logits ${name("logits")}`,
  ],
};
