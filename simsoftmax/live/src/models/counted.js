// Counts of a sampler against softmax: the verdict, and the temperature that it runs at. Kernels compute; what stands here
// is in which order, and what `simsoftmax.verify` and `simsoftmax.estimate_temperature` say in words.

import { general, grouped, percent } from "../files/python.js";

const GROUP = 4; // numbers of a group
const CELL = 4; // numbers of a cell
const RARE = 0.1; // the share of the false alarms that goes to rare levels
const MASKED = 1e100; // an empty level this many times farther down than any other that matters stands for -inf
const [FEW, OUTCOMES] = [50, 300]; // fewer particles outside one group are tried out; on so many outcomes
const POWER = 0.99; // with which the errors that a verdict states are caught
const MISFIT = 1e-3; // below this p-value an estimate says that no temperature fits

const total = (counts) => counts.reduce((a, b) => a + b, 0);

// The kernels' memory for counts over levels, with the probabilities expected.
function laidOut(kernels, logits, counts, temperature) {
  const levels = logits.length;
  const order = Array.from(logits, (_, k) => k).sort((a, b) => logits[b] - logits[a] || a - b);
  const whole = (values) => {
    const block = kernels.array("int64", levels);
    block.view.set(Array.from(values, BigInt));
    return block;
  };
  const space = {
    logits: kernels.floats(logits),
    counts: whole(counts),
    order: whole(order),
    p: kernels.array("float64", levels),
    particles: total(counts),
  };
  kernels.boltzmann(space.logits, temperature, kernels.array("float64", levels), space.p, kernels.array("float64", 5));
  return space;
}

// The groups of levels, the direction in which a wrong temperature moves them, and how cautiously each test is made.
function groupsOf(kernels, { logits, counts, order, p, particles }) {
  const floats = (n) => kernels.array("float64", n);
  const levels = p.length;
  const all = floats(GROUP * levels);
  const number = kernels.group_levels(logits, counts, order, p, floats(levels + 1), all);
  const groups = all.part(0, GROUP * number);
  const [direction, cautions] = [number, 4].map(floats);
  kernels.temperature_pull(groups, direction);
  kernels.cautions_of(groups, direction, particles, cautions);
  const pooled = number < p.view.filter((share) => share > 0).length;
  return { groups, direction, cautions, number, pooled };
}

// What is exact where all outcomes of the groups can be summed over: a function of what is stated, or undefined.
function exactly(kernels, { particles }, { groups, direction, cautions, number }) {
  if (!kernels.outcomes(particles, number)) return undefined;
  const floats = (n) => kernels.array("float64", n);
  const table = floats(CELL * (number - 1) * (particles + 1) ** 2);
  kernels.tabulate_cells(groups, particles, table);
  const space = [floats(CELL * number), floats(particles + 1), kernels.array("int64", number), floats(4)];
  return (stated) => kernels.exact_p_value(groups, particles, direction, cautions, table, stated, ...space);
}

const both = (value, rarest, pooled) => (pooled ? Math.min(value / (1 - RARE), rarest / RARE) : value);

// What groups of levels show: scores and p-values of `simsoftmax.verdict.null`.
function judged(kernels, space, found, wanted) {
  const { groups, direction, cautions, number, pooled } = found;
  const [cells, out] = [CELL * number, 4].map((n) => kernels.array("float64", n));
  kernels.cells_of(groups, cells);
  kernels.judge_cells(cells, direction, cautions, out);
  const [score, rest, stated, misfit] = out.view;
  const value = wanted === "misfit" ? misfit : (exactly(kernels, space, found)?.(stated) ?? stated);
  const rarest = kernels.rarest_p_value(space.counts, space.p);
  const p_value = rarest === 0 && wanted !== "misfit" ? 0 : Math.min(both(value, rarest, pooled), 1);
  return { score, statistic: score * score + rest, p_value, groups: number };
}

// The smallest errors that would have been caught, as `simsoftmax.verdict.power` finds them.
function shown(kernels, space, found, temperature, falseAlarm, power) {
  const { logits, order, p, particles } = space;
  const { groups, direction, cautions, number, pooled } = found;
  const floats = (n) => kernels.array("float64", n);
  const need = floats(9);
  const alarm = pooled ? falseAlarm * (1 - RARE) : falseAlarm;
  kernels.thresholds_of(groups, direction, cautions, particles, alarm, need);
  const shift = number > 1 ? kernels.least_shift(need, power) : 0;
  const variation = kernels.shown_variation(p, order, groups, particles, shift, power);
  const shares = floats(number);
  const change = kernels.shown_temperature(
    logits, order, p, groups, direction, need, temperature, particles, power, shares, floats(4),
  );
  // Where few particles decide, some outcomes are drawn at the wrong temperatures, and judged.
  const drawn = floats(GROUP * number);
  const [counts, cells, out] = [number, CELL * number, 4].map(floats);
  const known = new Map();
  let exact;
  const alarms = (outcome) => {
    const rarest = kernels.draw_outcome(p, order, shares, particles, outcome, counts, drawn);
    kernels.cells_of(drawn, cells);
    kernels.judge_cells(cells, direction, cautions, out);
    const [, , stated] = out.view;
    if (!known.has(stated)) known.set(stated, exact(stated));
    return both(known.get(stated), rarest, pooled) <= falseAlarm;
  };
  const caught = (error) => {
    if (error <= -1 || error === Infinity) return true;
    if (kernels.tilted(logits, order, p, groups, temperature, particles, error, shares) > FEW) return true;
    exact ??= exactly(kernels, space, found) ?? ((stated) => stated);
    drawn.view.set(groups.view);
    const share = Array.from({ length: OUTCOMES }, (_, outcome) => alarms(outcome)).filter(Boolean).length / OUTCOMES;
    return share >= power - 3 * Math.sqrt((power * (1 - power)) / OUTCOMES);
  };
  return { variation, temperature: caught(change) && caught(-change) ? change : Infinity };
}

const chance = (p) => (p > 1e-290 ? `p = ${general(p, 2)}` : "p < 1e-290");
const items = (n, name) => `${grouped(n)} ${name}${n === 1 ? "" : "s"}`;

/**
 * The verdict on counts.
 * @param {any} kernels
 * @param {Float64Array} logits
 * @param {Float64Array} counts
 * @param {number} temperature
 * @param {number} falseAlarm
 */
export function verdictOn(kernels, logits, counts, temperature, falseAlarm) {
  const space = laidOut(kernels, logits, counts, temperature);
  const found = groupsOf(kernels, space);
  const { p_value, score, statistic, groups } = judged(kernels, space, found, "both");
  const least = shown(kernels, space, found, temperature, falseAlarm, POWER);
  const residuals = kernels.array("float64", 3);
  kernels.level_residuals(space.counts, space.p, residuals);
  const [variation, worst, residual] = residuals.view;
  const bound = logits.length > 1 ? Math.min(1, variation + kernels.variation_margin(space.particles, falseAlarm)) : 0;
  const facts = {
    passed: p_value > falseAlarm,
    p_value,
    statistic,
    temperature_score: score,
    particles: space.particles,
    groups,
    temperature,
    false_alarm: falseAlarm,
    power: POWER,
    total_variation: variation,
    total_variation_bound: bound,
    detectable_total_variation: least.variation,
    detectable_temperature: least.temperature,
    worst_level: worst,
    worst_residual: residual,
  };
  return { facts, sentence: inWords(facts), expected: Float64Array.from(space.p.view) };
}

// What `str` of a Verdict says.
function inWords(verdict) {
  const { particles, passed, temperature, p_value: p, worst_level: worst, worst_residual: residual } = verdict;
  const who = items(particles, "particle");
  if (verdict.detectable_total_variation === 0) return `Passed: ${who} in the only level there is; nothing else was possible.`;
  const impossible = !Number.isFinite(residual);
  const at = `softmax at T = ${general(temperature, 6)} (${impossible ? `p = ${general(p, 2)}` : chance(p)}, rejected below ${general(verdict.false_alarm, 3)})`;
  if (passed) {
    const within = `the sampler is within ${percent(verdict.total_variation_bound)} of softmax in total variation, with ${percent(1 - verdict.false_alarm)} confidence`;
    const { detectable_total_variation: distance, detectable_temperature: heat } = verdict;
    const error = `${heat === Infinity ? "" : `temperature off by ${percent(heat)} or a `}total variation of ${percent(distance)}`;
    return `Passed: ${who} agree with ${at}; a ${error} would have been caught with ${percent(verdict.power)} power, and ${within}.`;
  }
  const size = grouped(Number(Math.abs(residual).toPrecision(3)));
  const where = impossible
    ? `the level at index ${worst} is occupied though its probability is zero`
    : `the level at index ${worst} is worst, ${size} standard deviations too ${residual > 0 ? "full" : "empty"}`;
  return `Failed: ${who} do not follow ${at}; they are ${percent(verdict.total_variation)} away in total variation, and ${where}.`;
}

// Leave out empty levels so far down that no temperature of interest could fill them: masks such as -1e300.
function withinReach(logits, counts) {
  const top = logits.reduce((a, b) => Math.max(a, b));
  const gaps = Array.from(logits, (z) => top - z);
  let seen = Math.max(...gaps.filter((_, k) => counts[k] > 0));
  if (seen === 0) seen = Math.min(Infinity, ...gaps.filter((gap) => gap > 0));
  return gaps.flatMap((gap, k) => (counts[k] > 0 || (gap / MASKED <= seen && gap < Infinity) ? [k] : []));
}

/**
 * The temperature that a sampler runs at.
 * @param {any} kernels
 * @param {Float64Array} logits
 * @param {Float64Array} counts
 * @param {number} level of confidence
 */
export function temperatureOf(kernels, logits, counts, level) {
  const forbidden = counts.findIndex((n, k) => n > 0 && logits[k] === -Infinity);
  if (forbidden >= 0) {
    throw new Error(
      `counts must be 0 where the logit is -inf, got ${counts[forbidden]} at index ${forbidden}; no temperature puts a particle there`,
    );
  }
  const allowed = Array.from(logits, (_, k) => k).filter((k) => logits[k] > -Infinity);
  const near = withinReach(allowed.map((k) => logits[k]), allowed.map((k) => counts[k])).map((k) => allowed[k]);
  const [z, n] = [near.map((k) => logits[k]), near.map((k) => counts[k])];
  const top = z.reduce((a, b) => Math.max(a, b));
  const width = top - z.reduce((a, b) => Math.min(a, b));
  if (!(width > 0 && width < Infinity)) {
    throw new Error(
      `logits must differ by a finite amount for a temperature to be seen, got a range of ${general(width, 6)}; with equal scores ` +
        "every temperature gives the same distribution",
    );
  }
  const scores = Float64Array.from(z, (value) => (value - top) / width);
  const counted = kernels.array("int64", n.length);
  counted.view.set(n.map(BigInt));
  const read = kernels.array("float64", 3);
  kernels.take_temperature(kernels.floats(scores), counted, level, kernels.array("float64", 3), read);
  const [best, least, most] = read.view;
  const temperature = (b) => (b > 0 ? width / b : Infinity);
  const space = laidOut(kernels, scores, n, best > 0 ? 1 / best : Infinity);
  const { p_value } = judged(kernels, space, groupsOf(kernels, space), best >= 0 ? "misfit" : "both");
  const facts = {
    temperature: temperature(best),
    low: temperature(most),
    high: temperature(least),
    confidence_level: level,
    particles: total(n),
    p_value,
    inverted: best < 0,
  };
  const whole = laidOut(kernels, logits, counts, facts.temperature);
  return { facts, sentence: estimateInWords(facts), expected: Float64Array.from(whole.p.view) };
}

// What `str` of a TemperatureEstimate says.
function estimateInWords({ temperature, low, high, confidence_level: level, particles, p_value: p, inverted }) {
  const [at, from, to] = [temperature, low, high].map((t) => general(t, 4));
  const text = `T = ${at}, between ${from} and ${to} with ${general(100 * level, 7)} % confidence (${items(particles, "particle")})`;
  if (inverted) return `${text}; the high levels are fuller than at any temperature, so infinity is the nearest.`;
  if (p >= MISFIT) return `${text}.`;
  return (
    `${text}; but no temperature fits these counts (${chance(p)}), so this is only the nearest: mark truncated levels with -inf, ` +
    "and see what else differs with verify."
  );
}
