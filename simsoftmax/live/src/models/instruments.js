// The instruments of the page "Bring your own": from files to an answer, with no page. A worker runs them in the browser.

import { readArray } from "../files/read.js";
import { shown, tuple } from "../files/python.js";
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
  if (logits.shape.length !== 2 || logits.shape.includes(0)) {
    throw new Error(
      `logits must have shape (rows, levels) with at least one of each, got shape ${tuple(logits.shape)}; pass one row of scores ` +
        "for every label",
    );
  }
  if (shape.length === 2 && levels > 1 && shape[0] === rows && shape[1] === levels) {
    const sums = Array.from({ length: rows }, (_, n) => values.subarray(n * levels, (n + 1) * levels));
    const oneHot = values.every((y) => y === 0 || y === 1) && sums.every((row) => row.reduce((a, b) => a + b, 0) === 1);
    const remedy = oneHot
      ? "pass labels.argmax(axis=1)"
      : "soft labels are not supported: draw a label from each row; for the temperature alone, without its interval, repeat every " +
        "row K times with the labels 0 to K - 1 and its soft labels as weights";
    throw new Error(`labels must have shape (${rows},), got shape ${tuple(shape)}; ${remedy}`);
  }
  if (shape.length !== 1 || shape[0] !== rows) {
    const column = shape.length === 2 && shape[0] === rows && shape[1] === 1;
    const remedy = column ? "pass labels.ravel()" : "pass one level index per row";
    throw new Error(`labels must hold one level for each of the ${rows} rows, got shape ${tuple(shape)}; ${remedy}`);
  }
  if (!whole) throw new Error(`labels must be integers from 0 to ${levels - 1}, got dtype ${dtype(labels)}; pass level indices`);
  const bad = values.findIndex((y) => y < 0 || y >= levels);
  if (bad >= 0) {
    const wrong = values[bad];
    const remedy =
      wrong === -100
        ? "-100 marks rows to be ignored: leave them out, or give them weight 0"
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

const RUNS = { calibrate };

// The files that an instrument takes, and its settings with the values to begin with.
export const NEEDS = {
  calibrate: { files: ["logits", "labels"], settings: { level: 0.95, bins: 15 } },
};

/**
 * What an instrument says of files.
 * @param {any} kernels
 * @param {string} instrument
 * @param {Record<string, { name: string, blob: Blob }>} files
 * @param {Record<string, number>} [settings]
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

// The lines of Python and the command that say the same of the same files.
export function recipe(instrument, files, settings) {
  const read = (name) => `read_array(${JSON.stringify(files[name].name)}, "${name}")`;
  const changed = Object.entries(settings).filter(([name, value]) => value !== NEEDS[instrument].settings[name]);
  const options = changed.map(([name, value]) => ` --${OPTIONS[name]} ${value}`).join("");
  const [call, command] = RECIPES[instrument](read, (name) => quote(files[name].name), settings);
  return {
    python: `import simsoftmax as ss\nfrom simsoftmax.files import read_array\n\n${call}`,
    shell: `simsoftmax ${command}${options}`,
  };
}

const OPTIONS = { level: "confidence-level", bins: "bins" };

const RECIPES = {
  calibrate: (read, name, { level }) => [
    `fit = ss.fit_temperature(\n    ${read("logits")},\n    ${read("labels")},\n    confidence_level=${level},\n)\nprint(fit)`,
    `calibrate ${name("logits")} ${name("labels")}`,
  ],
};
