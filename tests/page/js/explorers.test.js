import assert from "node:assert/strict";
import { test } from "node:test";
import { AffineClassifier, factor, Scaling } from "../../../simsoftmax/live/src/models/affine.js";
import { Cooling, streamOf } from "../../../simsoftmax/live/src/models/cooling.js";
import { Decays, decayText } from "../../../simsoftmax/live/src/models/decays.js";
import { further, GapDescent, MOST, PLACES, placeOf, stepsAt } from "../../../simsoftmax/live/src/models/gap_descent.js";
import { Gas } from "../../../simsoftmax/live/src/models/gas.js";
import { binText, dips, HeldOut, span, ticksOf, valleys } from "../../../simsoftmax/live/src/models/held_out.js";
import { LENGTHS, lengthAt, Runs, toldOf, withRun } from "../../../simsoftmax/live/src/models/runs.js";
import { Shift } from "../../../simsoftmax/live/src/models/shift.js";
import { Terrain } from "../../../simsoftmax/live/src/models/terrain.js";
import { loadKernels, near, stream, sum } from "./support.js";

const RUGGED = [0, -2, 1, -1, 0.5];

test("each level lies on the slopes of one valley", () => {
  const terrain = new Terrain(RUGGED);
  assert.deepEqual(terrain.valleys, [0, 2, 4]);
  assert.deepEqual(terrain.basin, [0, 2, 2, 2, 4]);
  assert.deepEqual(terrain.ground, [2]);
  assert.deepEqual(new Terrain([0, 0, 0]).valleys, [0]); // a plain is one valley
  assert.deepEqual(new Terrain([1, 0, 1]).ground, [0, 2]);
});

test("what the other valleys hold is trapped, and the fullest says how high", () => {
  const terrain = new Terrain(RUGGED);
  const held = terrain.held(Float64Array.from([0.125, 0.25, 0.25, 0.125, 0.25]));
  assert.deepEqual(held, [0.125, 0, 0.625, 0, 0.25]);
  assert.deepEqual(terrain.trapped(held), { share: 0.375, above: 0.5 });
  assert.deepEqual(new Terrain([0, 1, 2]).trapped([0, 0, 1]), { share: 0, above: 0 });
});

test("a tour tries every length, and a race alone ends it", () => {
  const runs = new Runs();
  assert.equal(runs.next(), undefined);
  assert.equal(runs.first, LENGTHS[0]);
  const slow = runs.pace(100);
  runs.tour();
  assert.ok(runs.pace(100) > slow);
  assert.deepEqual(Array.from({ length: LENGTHS.length - 1 }, () => runs.next()), LENGTHS.slice(1));
  assert.ok(runs.touring);
  assert.equal(runs.next(), undefined);
  assert.equal(runs.touring, false);
  runs.tour();
  runs.stop();
  assert.equal(runs.next(), undefined);
  assert.equal(lengthAt(299), 2);
});

test("runs of one kind and length are added up, and nothing given is changed", () => {
  const before = Object.freeze([Object.freeze({ quench: true, sweeps: 30, found: 2, walkers: 10 })]);
  const more = withRun(before, { quench: true, sweeps: 30, found: 3, walkers: 10 });
  assert.deepEqual(more, [{ quench: true, sweeps: 30, found: 5, walkers: 20 }]);
  assert.equal(withRun(more, { quench: false, sweeps: 30, found: 1, walkers: 10 }).length, 2);
  assert.equal(before[0].found, 2);
});

test("a race is told from its beginning to its end", async () => {
  const kernels = await loadKernels();
  const state = streamOf(kernels, stream());
  const [haste, patience] = [0, 1].map(() => new Cooling(kernels, state, RUGGED));
  const told = (even) => toldOf({ haste, patience }, even);
  haste.begin({ walkers: 1000, knots: [0.1, 0.1], sweeps: 40 });
  patience.begin({ walkers: 1000, knots: [5, 0.1], sweeps: 40 });
  assert.match(told(), /^1,000 walkers on each side, spread evenly\./);
  patience.run(4.5, 1000);
  assert.deepEqual([patience.done, patience.owed], [4, 0.5]);
  assert.match(told(), /^The hasty have rolled down where they stood\. The patient are still hot/);
  patience.run(30, 1000);
  assert.match(told(), /^Colder/);
  patience.run(1000, 1000);
  assert.match(told(), /^Colder/); // the other side is still on its way
  haste.run(1000, 1000);
  assert.match(told(), /^After 40 sweeps haste has brought \d+\.\d % of 1,000 walkers to the lowest level, patience \d+\.\d %\. Most of the hasty who are trapped sit in a valley \d\.\d\d higher\.$/);
  assert.match(told(0.25), /Your curve foretells \d+\.\d %, equal factors 25\.0 %\.$/);
});

test("a small gas follows the exact law, a large one softmax", async () => {
  const gas = new Gas(await loadKernels(), stream());
  gas.foresee(6, 1);
  gas.start("rich");
  assert.match(gas.told[0], /^A gas that has not settled has no temperature yet: sweep 0 of the \d+/);
  assert.equal(gas.told[1], "");
  assert.equal(gas.law, gas.exact);
  assert.equal(gas.names.at(-1), `${gas.rungs - 1} +`);
  gas.advance(gas.waits + 1, false, 1000);
  assert.match(gas.told[0], /a mean of 1 quantum a particle would make T = 1\.44 in a large gas\. But 6 particles/);
  gas.foresee(2000, 2);
  gas.start("even");
  gas.advance(gas.waits + 1, false, 1000);
  assert.equal(gas.law, gas.boltzmann);
  assert.ok(gas.mostShare < 1);
  assert.match(gas.readingText, /^\d\.\d+\u00a0±\u00a00\.\d+$/);
  assert.ok(gas.told[0].endsWith(`the thermometer reads ${gas.readingText}.`));
  const digits = (error) => {
    gas.error = error;
    return gas.readingText.split(".").at(-1).length;
  };
  assert.deepEqual([0.2, 0.05, 0.005, 0.0005].map(digits), [1, 2, 3, 4]); // as many as the error justifies
  gas.observe(true);
  assert.doesNotMatch(gas.readingText, /±/); // the error is that of one look
  gas.start("rich");
  assert.doesNotMatch(gas.readingText, /±/); // and of a gas that has settled
});

const words = (...values) => new DataView(Uint16Array.from(values).buffer);
const FORBIDDEN = 65535;

async function heldOut(gaps = [0, 2, 4, 0, 2, 4, 2, 0, 4, 4, 0, FORBIDDEN], labels = [0, 1, 1, 0]) {
  return new HeldOut(await loadKernels(), { gaps: words(...gaps), labels: words(...labels), step: 0.5 });
}

test("rows travel as steps below their largest logit", async () => {
  const rows = await heldOut();
  assert.deepEqual(Array.from(rows.logits.view, (z) => z + 0), [0, -1, -2, 0, -1, -2, -1, 0, -2, -2, 0, -Infinity]);
  assert.deepEqual([...rows.labels.view], [0n, 1n, 1n, 0n]);
});

test("a temperature is judged by what the bins hold", async () => {
  const rows = await heldOut();
  const judged = rows.judge(1, { bins: 1, mass: false });
  const [three, two] = [1 + Math.exp(-1) + Math.exp(-2), 1 + Math.exp(-2)];
  assert.equal(judged.accuracy, 0.5);
  assert.ok(near(judged.confidence, (3 / three + 1 / two) / 4));
  assert.ok(near(judged.nll, (3 * Math.log(three) + 1 + Math.log(two) + 2) / 4));
  assert.ok(near(judged.ece, judged.confidence - 0.5));
  assert.ok(near(judged.points, 100 * judged.ece));
  const { low, high } = judged.bins[0];
  assert.ok(low < 0.1 && high > 0.9); // two of four
  const many = rows.judge(1, { bins: 30, mass: false }).bins;
  assert.equal(many.length, 30);
  assert.equal(sum(many.map(({ count }) => count)), 4);
  assert.deepEqual(Object.keys(many.find(({ count }) => !count)), ["count", "left", "right"]);
});

test("a bin shows the rows that were counted in it, and says so in words", async () => {
  const rows = await heldOut();
  const check = (bin) => {
    const some = rows.some(bin, 99);
    assert.equal(some.length, bin.count);
    if (bin.count) assert.ok(near(some.filter(({ right }) => right).length / bin.count, bin.accuracy));
  };
  for (const count of [60, 30]) for (const mass of [true, false]) rows.judge(1, { bins: count, mass }).bins.forEach(check);
  const { bins } = rows.judge(1, { bins: 5, mass: false });
  const full = bins.find(({ count }) => count > 1);
  assert.equal(rows.some(full, 1).length, 1);
  assert.match(binText(full), /^\d answers are \d+ to \d+ % sure; \d+ % are right, which could stand for \d+ to \d+ %\.$/);
  assert.match(binText({ count: 0, left: 0, right: 0.2 }), /^No answer is 0 to 20 % sure/);
});

test("curves of calibration keep to what matters, and count their valleys", async () => {
  const rows = await heldOut();
  const traced = rows.trace([0.1, 10], { bins: 5, mass: false });
  assert.equal(traced.error.points.length, 481);
  assert.ok(near(traced.error.points[0][0], 0.1) && near(traced.error.points.at(-1)[0], 10));
  const [low, high] = traced.likelihood.range;
  assert.ok(low < traced.least && traced.likelihood.points.every(([, nll]) => nll <= high));
  assert.ok(traced.likelihood.points.length < 481); // the climb at the cold end is left out
  assert.equal(traced.valleys, 1);
  for (const [temperature, ece] of traced.error.dips) {
    const i = traced.error.points.findIndex(([t]) => t === temperature);
    assert.ok(traced.error.points[i - 1][1] >= ece && traced.error.points[i + 1][1] >= ece);
  }
});

test("being too sure is told in points, an honest fit as honest", async () => {
  const rows = await heldOut();
  const told = (changes, fit) =>
    rows.told({ temperature: 1, accuracy: 0.6, confidence: 0.7, points: 10, bins: [1, 2], ...changes }, { error: { dips: [] }, valleys: 1 }, fit);
  const fit = { low: 0.9, high: 1.1 };
  assert.equal(told({}, fit), "70 % sure on average, 60 % right: 10 points too sure. With 2 bins the ECE has no deep dip, the NLL one valley.");
  assert.match(told({ accuracy: 0.8 }, fit), /10 points too modest/);
  assert.match(told({ points: 2 }, fit), /honest on the whole, as far as 4 rows/);
  assert.match(told({ points: 2 }, { low: NaN, high: NaN }), /2\.0 points too sure/);
  assert.match(told({ points: 0.4 }, { low: 2, high: 3 }), /look at the bins/);
  assert.deepEqual([valleys(0), valleys(1), valleys(2)], ["no valley", "one valley", "2 valleys"]);
  assert.deepEqual([dips(0), dips(1), dips(2)], ["no deep dip", "one deep dip", "2 deep dips"]);
});

test("curves of calibration span the fit and T = 1, and all that is marked where there is no fit", () => {
  assert.deepEqual(span(2.5), [0.5, 5.5]);
  assert.deepEqual(span(0.1), [0.02, 2]);
  for (const none of [NaN, 0, Infinity]) assert.deepEqual(span(none), [0.05, 20]);
  assert.deepEqual(ticksOf([0.5, 5.5]), [0.5, 1, 2, 5]);
  assert.deepEqual(ticksOf([0.05, 20]), [0.1, 1, 10]); // decades alone, where there would be too many
});

async function affine() {
  const positions = [-2, -1, 0, 1, 2];
  const given = { positions, labels: [0, 0, 0, 1, 1], weights: [0, 3], biases: [1, 0], range: [-3, 3], reach: 8 };
  return new AffineClassifier(await loadKernels(), given);
}

test("weights, biases and temperature that grow together move no curve", async () => {
  const classifier = await affine();
  const trained = classifier.at({ scale: 1, temperature: 1, along: true });
  const loss = sum([-2, -1, 0, 1, 2].map((x, n) => Math.log1p(Math.exp((n < 3 ? 1 : -1) * (3 * x - 1)))));
  assert.ok(near(trained.loss, loss / 5));
  assert.deepEqual([trained.still, trained.moved, trained.right], [true, 0, 5]);
  assert.match(classifier.told(trained), /^As trained/);
  const both = classifier.at({ scale: 4, temperature: 4, along: true });
  assert.ok(both.still && near(both.loss, trained.loss));
  assert.match(classifier.told(both), /no curve has moved/);
  const stay = classifier.at({ scale: 8, temperature: 8, along: false });
  assert.equal(stay.still, false);
  assert.equal(classifier.told(stay), `Weights count as trained, but the biases ${factor(0.125)}: the boundaries have moved, and 0 of 5 change their name.`);
  const hot = classifier.at({ scale: 1, temperature: 4, along: true });
  assert.match(classifier.told(hot), /less sure, and none of its 5 answers have changed/);
  const low = classifier.at({ scale: 0.125, temperature: 1, along: false });
  assert.deepEqual([low.moved, low.right], [2, 3]); // the boundary has left the examples
  assert.match(classifier.told(low), /; 2 of 5 change their name/);
});

test("the map of the cross-entropy has training in its middle", async () => {
  const classifier = await affine();
  for (const along of [true, false]) {
    const { values, steps } = classifier.map(along);
    const side = Math.sqrt(values.length);
    assert.ok(near(values[(side * side - 1) / 2], classifier.trained.loss));
    assert.ok(near(values[0], classifier.at({ scale: 1 / 8, temperature: 1 / 8, along }).loss));
    assert.ok(steps.every((step, i) => step > classifier.trained.loss && (i === 0 || step < steps[i - 1])));
  }
});

test("names ride on the crests of their curves, and the ghost is what was before", async () => {
  const classifier = await affine();
  const tops = classifier.crests;
  assert.ok(tops[0][0] < -1 && tops[1][0] > 1 && tops.every(([, p]) => p > 0.99));
  const before = [...classifier.before];
  classifier.at({ scale: 1 / 8, temperature: 4, along: true });
  assert.deepEqual([...classifier.before], before);
  assert.ok(classifier.crests.every(([, p]) => p < 0.6));
  classifier.remember();
  assert.deepEqual([...classifier.before], [...classifier.curves.view]);
});

test("along a = T the cross-entropy is level with the biases, and not without", async () => {
  const classifier = await affine();
  for (const along of [true, false]) {
    classifier.map(along);
    const losses = classifier.line.map(([a, loss]) => loss - classifier.at({ scale: a, temperature: a, along }).loss);
    assert.ok(losses.every((difference) => Math.abs(difference) < 1e-12));
    const away = Math.max(...classifier.line.map(([, loss]) => Math.abs(loss - classifier.trained.loss)));
    assert.equal(away < 1e-9, along);
  }
});

test("curves of probability add up to one", async () => {
  const classifier = await affine();
  const [first, second] = [0, 1].map((k) => classifier.curve(classifier.trained.curves, k));
  assert.deepEqual([first[0][0], first.at(-1)[0]], [-3, 3]);
  first.forEach(([, p], i) => assert.ok(near(p + second[i][1], 1)));
});

test("scales go by ratio, and stay within", () => {
  const scaling = new Scaling([1 / 8, 8], 120);
  assert.deepEqual([scaling.at(0), scaling.at(60), scaling.at(120)], [0.125, 1, 8]);
  assert.ok(near(scaling.placeOf(scaling.at(37)), 37, 1e-2));
  assert.deepEqual([scaling.within(100), scaling.within(0)], [8, 0.125]);
});

test("gaps descend to T times the log-odds, and go on where all labels agree", async () => {
  const descent = new GapDescent(await loadKernels(), [0, 0.2, 0.5, 0.9]);
  descent.train(0, 2, 0.05);
  assert.match(descent.told, /^Untrained/);
  descent.train(40, 2, 0.05);
  assert.match(descent.told, /^1 of 3 groups have reached their log-odds; the slowest is \d+ % short\./); // the tie has
  descent.train(20000, 2, 0.05);
  assert.equal(descent.late, 0);
  const [never, , tie, last] = descent.groups;
  assert.ok(near(last.gap, 2 * Math.log(9), 1e-6) && near(last.aim, 2 * Math.log(9)));
  assert.ok(near(descent.slope, 2) && near(descent.edge, Math.log(9) + 0.5));
  assert.deepEqual([tie.gap, never.aim], [0, -Infinity]);
  assert.match(descent.told, /^All 3 groups .* still growing\.$/);
});

test("training in pieces is training at once, and another temperature begins anew", async () => {
  const kernels = await loadKernels();
  const [whole, pieces] = [1, 2].map(() => new GapDescent(kernels, [0.2, 0.9]));
  whole.train(300, 1, 0.05);
  for (const [steps, temperature] of [[500, 2], [400, 1], [100, 1], [250, 1], [300, 1]]) pieces.train(steps, temperature, 0.05);
  assert.deepEqual([...pieces.gaps.view], [...whole.gaps.view]);
});

test("courses are kept for other temperatures, and are one in units of the heat", async () => {
  const descent = new GapDescent(await loadKernels(), [0.2, 0.9]);
  descent.train(50, 2, 0.05);
  descent.remember();
  assert.deepEqual(descent.ghosts, []); // hardly begun
  descent.train(4000, 2, 0.05);
  assert.equal(descent.course.at(-1)[0], 4000);
  assert.ok(descent.course.every(([steps], i) => i === 0 || steps > descent.course[i - 1][0]));
  descent.remember();
  descent.train(1000, 1, 0.05);
  const [hot, cold] = [descent.ghosts[0], descent].map((one) => GapDescent.curves(one, true)[1].at(-1));
  assert.deepEqual([hot[0], cold[0]], [1000, 1000]);
  assert.ok(near(hot[1], cold[1], 1e-3) && !near(descent.ghosts[0].course.at(-1)[1][1], descent.gaps.view[1], 1e-1));
  for (const temperature of [0.5, 3, 4, 0.5]) {
    descent.train(2000, temperature, 0.05);
    descent.remember();
  }
  assert.deepEqual(descent.ghosts.map(({ temperature }) => temperature), [3, 4, 0.5]);
});

test("the slider of steps reaches both ends, and always moves on", () => {
  assert.deepEqual([stepsAt(0), stepsAt(PLACES)], [0, MOST]);
  assert.equal(further(0, 0.01), 1);
  assert.equal(further(MOST - 1, 50), MOST);
  assert.ok(near(placeOf(stepsAt(70)), 70, 1e-2));
});

const FITS = {
  decays: [0, 0.1, 1, 10],
  units: [[0.89, -0.45], [0.89, -0.45], [0.93, 0.36], [0.77, 0.64]],
  effective: [1, 1.08, 1.23, 1.8],
  calibration: [2, 1.8, 1.5, 0.9],
  low: [1, 1, 1, 1],
  high: [3, 3, 3, 1.05],
  tied: [2, 1.85, 1.63, 1.11],
  cosine: [1, 0.99, 0.9, 0.8],
  angle: [0, 0.1, 47.6, 66.3],
  length: [1, 0.5, 0.1, 0.05],
};

test("a fit of weight decay is told by what heat alone foretells", () => {
  const decays = new Decays(FITS);
  assert.match(decays.told(0), /^No decay/);
  assert.equal(decays.told(1), "The weights are 2.00 times shorter; the classifier is 1.08 times hotter. Heat alone foretells how it must be cooled.");
  assert.match(decays.told(3), /^The weights are 20\.0 times shorter and have turned by 66°; .* no longer foretells/);
});

test("a plot over the decay leaves out none, and the nearest is by ratio", () => {
  const decays = new Decays(FITS);
  assert.deepEqual(decays.points.map(({ i, decays: decay }) => [i, decay]), [[1, 0.1], [2, 1], [3, 10]]);
  assert.deepEqual(decays.foretold, [[0.1, 1.85], [1, 1.63], [10, 1.11]]);
  assert.deepEqual([0.001, 0.31, 0.32, 3.1, 3.2, 99].map((decay) => decays.nearest(decay)), [1, 1, 2, 2, 3, 3]);
  assert.deepEqual([decays.within(-1), decays.within(1.6), decays.within(9)], [0, 2, 3]);
});

test("bars are directions beside the first, and the gauge has room for all lengths and for heat alone", () => {
  const decays = new Decays(FITS);
  assert.deepEqual(decays.bars(2), [FITS.units[2], FITS.units[0]]);
  assert.deepEqual(decays.range, [-0.45 * 1.1, 0.93 * 1.05]);
  assert.deepEqual(decays.reach, { widest: 66.3, ends: [0.05 / 1.5, 1.1] });
});

test("a strength is written as a person writes it", () => {
  assert.deepEqual([0, 0.0003, 0.25, 12.34, 1234, 1e6].map(decayText), ["0", "3e-4", "0.25", "12", "1,200", "1e+6"]);
});

const bytes = (...values) => new DataView(Uint8Array.from(values).buffer);
const floats = (...values) => new DataView(Float32Array.from(values).buffer);

// Three pictures of 2 x 2 pixels; the network gives each level the light in one column.
async function shifted() {
  const network = floats(1, 0, 0, 1, 1, 0, 0, 1, 0, 0, 8, 0, 0, 8, 0, 0);
  const greys = bytes(255, 0, 255, 0, 0, 255, 0, 255, 255, 0, 255, 0);
  const shape = { side: 2, hidden: 2, levels: 2 };
  return new Shift(await loadKernels(), { greys, labels: bytes(0, 1, 1), network, shape, stream: stream() });
}

test("a network reads the pictures as they stand", async () => {
  const world = await shifted();
  world.look(0, 0);
  assert.deepEqual([...world.logits.view], [16, 0, 0, 16, 16, 0]);
  const { accuracy, confidence } = world.judged(16);
  assert.ok(near(accuracy, 2 / 3));
  assert.ok(near(confidence, Math.E / (Math.E + 1)));
  const [left, right, wrong, ...rest] = world.some(20);
  assert.deepEqual([left.answer, right.answer, wrong.right, rest.length], [0, 1, false, 0]);
  assert.ok(near(world.honest(), 16 / Math.log(2))); // two of three are right
});

test("turned by a right angle it sees no difference, and the same noise every time", async () => {
  const world = await shifted();
  world.look(90, 0);
  assert.ok([...world.logits.view].every((z) => near(z, 8)));
  world.look(0, 0.5);
  const first = [...world.logits.view];
  world.look(0, 0.5);
  assert.deepEqual([...world.logits.view], first);
  world.look(0, 0.4);
  assert.notDeepEqual([...world.logits.view], first);
  assert.deepEqual(world.course([-60, 60], 0).map(([turn]) => turn).slice(0, 3), [-60, -55, -50]);
});

test("a world is told by its place, its faults and its remedy", async () => {
  const world = await shifted();
  const judged = { temperature: 1, accuracy: 0.5, confidence: 0.8, points: 30 };
  assert.equal(world.told(judged, 4, { turn: 30, noise: 0 }), "Turned by 30° to the left: 80 % sure, 50 % right: 30 points too sure. T = 4.00 would be honest on the whole.");
  assert.match(world.told(judged, 1, { turn: -5, noise: 0.25 }), /^Turned by 5° to the right and noise of 0\.25: .* too sure\.$/);
  assert.match(world.told({ ...judged, points: 2 }, 4, { turn: 0, noise: 0 }), /^At home: .* honest on the whole\. /);
});
