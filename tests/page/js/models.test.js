import assert from "node:assert/strict";
import { test } from "node:test";
import { place } from "../../../simsoftmax/live/src/kit/heat.js";
import { Bandit, below, GAMES, toldOf } from "../../../simsoftmax/live/src/models/bandit.js";
import { Cooling, streamOf } from "../../../simsoftmax/live/src/models/cooling.js";
import { FreeEnergy, LEAST, SIDE } from "../../../simsoftmax/live/src/models/free_energy.js";
import { Gas } from "../../../simsoftmax/live/src/models/gas.js";
import { Levels } from "../../../simsoftmax/live/src/models/levels.js";
import { Population, Recording } from "../../../simsoftmax/live/src/models/population.js";
import { tourAt } from "../../../simsoftmax/live/src/models/tour.js";
import { TemperatureSweep } from "../../../simsoftmax/live/src/models/temperature_sweep.js";
import { recordIn, verdictOn } from "../../../simsoftmax/live/src/models/verdict.js";
import { placeOf } from "../../../simsoftmax/live/src/parts/evidence_meter.js";
import { colder, Walk } from "../../../simsoftmax/live/src/models/walk.js";
import { loadKernels, near, stream, sum } from "./support.js";

const LOGITS = [2, 1, 0.1];
const SOFTMAX = [0.6590011389, 0.2424329707, 0.0985658904];

test("kernels refuse arrays that are too short or of another kind, before they read", async () => {
  const kernels = await loadKernels();
  const [z, out] = [kernels.floats(LOGITS), kernels.floats([0, 0])];
  assert.throws(() => kernels.boltzmann(z, 1, out, z, kernels.floats([0, 0, 0, 0, 0])), /array 2 must hold 3 numbers, got 2/);
  assert.throws(() => kernels.log_odds(kernels.array("int64", 2), 1, out), /must be a float64/);
  assert.throws(() => kernels.array("float64", -1), RangeError);
});

test("an array keeps its numbers when the memory grows", async () => {
  const kernels = await loadKernels();
  const block = kernels.floats([1, 2, 3]);
  const before = block.view;
  kernels.array("float64", 100000);
  assert.notEqual(block.view.buffer, before.buffer);
  assert.deepEqual([...block.view], [1, 2, 3]);
  assert.deepEqual([...block.part(1, 3).view], [2, 3]);
});

test("levels in balance are softmax, and have the least free energy", async () => {
  const levels = new Levels(await loadKernels());
  levels.equilibrate(LOGITS, 1);
  levels.probabilities.view.forEach((p, k) => assert.ok(near(p, SOFTMAX[k], 1e-8)));
  assert.ok(near(levels.weigh(levels.probabilities).freeEnergy, levels.theory.freeEnergy));
  assert.ok(near(levels.theory.freeEnergy, levels.theory.energy - levels.theory.entropy));
});

function population(kernels, { particles = 20000, hot = true, fault = 0, neighbour = false } = {}) {
  const people = new Population(kernels, stream());
  people.equilibrate(LOGITS, 1, fault);
  people.neighbour = neighbour;
  people.start(particles, hot);
  people.disturb();
  return people;
}

test("particles start evenly or in the ground level", async () => {
  const kernels = await loadKernels();
  assert.deepEqual([...population(kernels, { particles: 9 }).counts.view], [3n, 3n, 3n]);
  assert.deepEqual([...population(kernels, { particles: 9, hot: false }).counts.view], [9n, 0n, 0n]);
});

for (const neighbour of [false, true]) {
  test(`particles forget their start and find softmax, proposed ${neighbour ? "the next rung" : "any level"}`, async () => {
    const people = population(await loadKernels(), { neighbour });
    assert.match(verdictOn(people)[0], /finding their balance: sweep 0/);
    assert.ok(people.forgetting > 0);
    for (let n = 0; n <= 4 * people.forgetting + 4; n += 1) people.step();
    assert.ok(people.draws >= 3 * people.particles);
    people.shares.view.forEach((share, k) => assert.ok(near(share, SOFTMAX[k], 0.02), `${k}: ${share}`));
    assert.ok(people.moved > 0 && people.moved < people.proposed);
    assert.match(verdictOn(people)[0], /agree with softmax/);
    people.disturb();
    assert.deepEqual([people.sweeps, people.draws, people.proposed], [0, 0, 0]);
  });
}

test("particles that run five percent too hot are found out", async () => {
  const people = population(await loadKernels(), { particles: 100000, fault: 0.05 });
  while (people.logEvidence < 10 && people.sweeps < 2000) people.step();
  assert.match(verdictOn(people)[0], /do not follow softmax/);
});

test("a sweep may be cut into pieces, and every particle has its turn", async () => {
  const [whole, pieces] = [population(await loadKernels(), { particles: 100 }), population(await loadKernels(), { particles: 100 })];
  whole.advance(300);
  for (const moves of [1, 49, 50, 120, 80]) pieces.advance(moves);
  assert.deepEqual([...pieces.all.view], [...whole.all.view]);
});

test("no frame is owed more moves than it has time for", async () => {
  const people = population(await loadKernels(), { particles: 1000 });
  people.pace = 100;
  assert.equal(people.run(1, 1e9), true);
  assert.ok(people.proposed <= 700);
  assert.ok(people.owed < 1);
});

test("every particle is a grain up to a number, and some are watched, evenly chosen from all", async () => {
  const counts = async (particles) => {
    const people = population(await loadKernels(), { particles });
    const drawn = people.drawn();
    assert.ok(drawn.every((level) => level < 3));
    return [people.grains, drawn.length, new Set(drawn).size];
  };
  assert.deepEqual(await counts(5), [5, 1, 1]);
  assert.deepEqual(await counts(3000), [3000, 375, 3]);
  assert.deepEqual(await counts(100000), [20000, 1200, 3]);
});

test("a tour leads from home to the cold, to the heat, and home, and ends", () => {
  const way = Array.from({ length: 116 }, (_, n) => tourAt(n / 10, 0.7));
  assert.equal(way[0], 0.7);
  assert.equal(Math.min(...way.filter(Boolean)), 0.15);
  assert.ok(Math.max(...way.filter(Boolean)) > 5.9);
  assert.ok(way.indexOf(Math.min(...way.filter(Boolean))) < way.indexOf(Math.max(...way.filter(Boolean))));
  assert.ok(near(way[114], 0.7, 0.02));
  assert.equal(way[115], undefined);
});

test("a meter shows both 100 to 1 and 10^1000 to 1, and stays on its scale", () => {
  assert.equal(placeOf(0), 0);
  assert.equal(placeOf(-20), 0);
  assert.equal(placeOf(1000), 1);
  assert.equal(placeOf(Infinity), 1);
  assert.ok(placeOf(2) > 0.1 && placeOf(2) < 0.25);
  assert.ok(near(placeOf(99) - placeOf(9), placeOf(9) - placeOf(0)));
});

test("a record is gone through in order, and stops at its end", async () => {
  const records = Float64Array.from([1, 0, 0, 0.5, 0.5, 0, 0.25, 0.25, 0.5]);
  const run = new Recording(await loadKernels(), { occupancies: new DataView(records.buffer), particles: 64, every: 10 });
  run.equilibrate(LOGITS, 1);
  run.disturb();
  assert.deepEqual([run.length, run.sweeps, run.finished], [3, 10, false]);
  const before = [...run.drawn()];
  run.step();
  const after = run.drawn();
  assert.deepEqual([...run.shares.view], [0.5, 0.5, 0]);
  assert.equal(before.filter((level, i) => level !== after[i]).length, 4); // as few as can be
  assert.equal(run.run(0.5, 1), true);
  assert.equal(run.at, 1);
  run.seek(0);
  for (const at of [1, 1, 2]) {
    run.run(0.5, 1);
    assert.equal(run.at, at); // halves add up
  }
  run.seek(1);
  assert.equal(run.run(5, 1), false);
  assert.ok(run.finished);
  assert.equal(recordIn(run)[0], "64 particles, recorded every 10 sweeps.");
});

test("what is seen at a temperature is said as a person would", async () => {
  const sweep = new TemperatureSweep(await loadKernels());
  const words = (logits, temperature) => {
    sweep.equilibrate(logits, temperature);
    return sweep.words(["cat", "dog", "owl"].slice(0, logits.length));
  };
  assert.equal(words(LOGITS, 0), "Only cat is left.");
  assert.equal(words([1, 1, 0], 0), "2 levels share it equally.");
  assert.equal(words([1, 2, -Infinity], Infinity), "2 levels share it equally.");
  assert.equal(words(LOGITS, 0.7), "The likeliest, cat, has 76.6 %. The choice is as open as one between 1.9 equals.");
  assert.match(words([1, 1, 0], 1), /^The likeliest, 2 of them, have 42\.2 %/);
});

test("a verdict is said in words that fit the evidence", () => {
  const people = { particles: 1000, forgetting: 9, draws: 5000, sweeps: 20, logEvidence: 0 };
  const words = (changes) => verdictOn({ ...people, ...changes });
  assert.match(words({ forgetting: -1 })[0], /frozen in/);
  assert.match(words({ draws: 0 })[0], /sweep 20 of the 10 /);
  assert.match(words({ logEvidence: Infinity })[0], /forbids/);
  assert.match(words({ logEvidence: Math.log(101) })[0], /at most one run in 100\./);
  assert.deepEqual(words({ logEvidence: Math.log(99) })[1], "");
  assert.match(words({ logEvidence: -3 })[0], /nearly all of its stake/);
  assert.doesNotMatch(words({ logEvidence: -0.01 })[0], /bet/);
});

async function landscape(logits = LOGITS, temperature = 0.7) {
  const land = new FreeEnergy(await loadKernels());
  land.equilibrate(logits, temperature);
  land.distribution = [];
  return land;
}

test("a trial distribution flows downhill to softmax", async () => {
  const land = await landscape();
  assert.deepEqual(land.distribution.map((q) => q.toFixed(6)), ["0.333333", "0.333333", "0.333333"]);
  land.distribution = [0.1, 0.2, 0.7];
  assert.deepEqual(land.descend()[0], land.distribution);
  land.distribution = [];
  const energies = land.descend().map((q) => land.weigh(land.kernels.floats(q)).freeEnergy);
  energies.forEach((energy, n) => assert.ok(n === 0 || energy <= energies[n - 1] + 1e-12));
  assert.deepEqual(land.distribution.map((q) => q.toFixed(6)), ["0.333333", "0.333333", "0.333333"]); // only foreseen
  assert.equal(land.flow(1e-3), false);
  while (!land.flow(land.duration));
  land.distribution.forEach((q, k) => assert.ok(near(q, land.probabilities.view[k], 2e-3)));
});

test("the two forces are told, and balance at the bottom", async () => {
  const land = await landscape();
  assert.match(land.told, /^0\.\d{3} above the least\. (Only energy pulls|Energy pulls harder)/); // even: entropy rests
  land.distribution = [0.01, 0.01, 0.98];
  assert.match(land.told, /Entropy pushes harder than energy pulls; q flows where both together point\.$/);
  land.distribution = Array.from(land.probabilities.view);
  const { pull, push } = land.forces;
  assert.ok(pull.every((force, k) => near(force, -push[k], 1e-12)) && Math.abs(pull[0]) > 0.01);
  assert.match(land.told, /^At the bottom: energy pulls as hard/);
  const cold = await landscape(LOGITS, 0);
  cold.distribution = Array.from(cold.probabilities.view);
  assert.match(cold.told, /^At the bottom: at T = 0 nothing pushes back/);
});

test("a trial distribution over other levels is none", async () => {
  const land = await landscape();
  land.distribution = [1, 0];
  assert.deepEqual(land.distribution, land.even);
});

test("nothing is put on a forbidden level", async () => {
  const land = await landscape([2, -Infinity, 0]);
  assert.deepEqual(land.admit([0.2, 0.6, 0.2]), [0.5, 0, 0.5]);
  assert.deepEqual(land.admit([0, 1, 0]), [0.5, 0, 0.5]);
  land.distribution = [0, 1, 0];
  assert.deepEqual(land.distribution, [0.5, 0, 0.5]);
  assert.equal(land.top.indexOf(Math.max(...land.top)), 2);
});

test("a bar that is dragged leaves the others in proportion, and none is lost", async () => {
  const land = await landscape();
  land.distribution = [0.5, 0.3, 0.2];
  const q = land.withShare(0, 0.75);
  assert.ok(near(sum(q), 1));
  assert.ok(near(q[1] / q[2], 1.5));
  assert.ok(near(land.withShare(0, 2)[0], 1 - LEAST));
  assert.ok(near(land.withShare(0, -1)[0], LEAST));
  land.distribution = [1, 0, 0];
  assert.ok(near(sum(land.withShare(0, 0.5)), 1));
});

test("the landscape has its least where softmax is", async () => {
  const land = await landscape();
  const values = land.survey();
  assert.equal(values.length, SIDE * SIDE);
  assert.ok(near(Math.min(...values), land.theory.freeEnergy, 1e-3));
  assert.ok(Math.min(...values) >= land.theory.freeEnergy);
});

test("curves over the temperature end at the exact limits", async () => {
  const sweep = new TemperatureSweep(await loadKernels());
  sweep.equilibrate([2, 2, 0, -Infinity], 0.7);
  const before = [...sweep.probabilities.view];
  const [entropy, energy, heat] = sweep.trace(["entropy", "energy", "heatCapacity"]);
  assert.deepEqual([...sweep.probabilities.view], before);
  assert.equal(entropy.limits[0][1], "ln 2 = 0.693");
  assert.equal(entropy.limits[1][1], "ln 3 = 1.099");
  assert.equal(energy.limits[0][1], "ground level −2");
  assert.ok(near(energy.points.at(-1)[1], -4 / 3));
  assert.equal(entropy.points[0][0], 0);
  assert.deepEqual(heat.limits, []);
  sweep.equilibrate([1, 0], 1);
  assert.equal(sweep.trace(["entropy"])[0].limits[0][1], "0"); // one level alone is frozen in
  sweep.equilibrate([1, 1], 1);
  assert.deepEqual(sweep.trace(["energy"])[0].range, [-1.5, -0.5]); // a flat line has room, too
});

async function cooled(logits) {
  const kernels = await loadKernels();
  return new Cooling(kernels, streamOf(kernels, stream()), logits);
}

test("the ground moves under walkers that stand where they stood", async () => {
  const cooling = await cooled([0, -2, 1, -1, 0.5]);
  cooling.begin({ walkers: 500, knots: [0.1, 0.1], sweeps: 30 });
  cooling.advance(30);
  const before = [...cooling.counts.view];
  cooling.reshape([2, -2, 1, -1, 0.5]);
  assert.deepEqual([...cooling.counts.view], before);
  assert.deepEqual(cooling.terrain.ground, [0]);
  assert.equal(cooling.temperature, 0.1);
});

test("walkers are counted, and a long cooling foretells more success than a short one", async () => {
  const cooling = await cooled([0, -2, 1, -1, 0.5]);
  cooling.begin({ walkers: 500, knots: [3, 0.1], sweeps: 30 });
  assert.equal(cooling.finished, false);
  cooling.advance(20);
  cooling.advance(20);
  assert.ok(cooling.finished);
  assert.equal(cooling.done, 30);
  assert.equal(sum(Array.from(cooling.counts.view, Number)), 500);
  assert.ok(near(sum(cooling.distribution.view), 1));
  assert.ok(cooling.foretell([3, 0.1], 1000) > cooling.foretell([3, 0.1], 10));
  assert.ok(near(cooling.foretell([4, 2, 1], 100), cooling.foretell([4, 1], 100))); // the same factor throughout
  const [low, high] = cooling.around(90, 100);
  assert.ok(low > 0.7 && low < 0.9 && high > 0.9 && high < 1);
});

test("a handover takes one quantum from one particle to another", async () => {
  const gas = new Gas(await loadKernels(), stream());
  gas.foresee(20, 0.2);
  gas.start("rich");
  for (let n = 0; n < 50; n += 1) {
    const before = Array.from(gas.quanta.view);
    const [giver, taker] = gas.handOver() ?? [];
    if (giver === undefined) continue;
    before[giver] -= 1;
    before[taker] += 1;
    assert.deepEqual(Array.from(gas.quanta.view), before);
    assert.ok(before[giver] >= 0 && gas.sweeps > 0);
  }
});

test("a gas keeps its quanta", async () => {
  const gas = new Gas(await loadKernels(), stream());
  gas.foresee(1000, 1);
  for (const how of ["even", "rich"]) {
    gas.start(how);
    assert.equal(sum(gas.quanta.view), 1000);
    gas.advance(gas.waits + 1, false, 1000);
    assert.equal(sum(gas.quanta.view), 1000);
    assert.ok(gas.settled);
    assert.ok(near(gas.reading, gas.temperature, 0.3));
  }
});

test("a wall keeps two gases at two temperatures, and without it they come to one", async () => {
  const gas = new Gas(await loadKernels(), stream());
  gas.foresee(20001, 1);
  gas.start("wall");
  const energies = () => gas.sides.map((side) => sum(side.quanta.view));
  assert.deepEqual(energies(), [16001, 4000]);
  assert.match(gas.told[0], /^A wall between two gases, and no quantum crosses it: sweep 0 of /);
  gas.advance(gas.waits + 1, false, 1e6);
  assert.deepEqual(energies(), [16001, 4000]);
  assert.ok(gas.settled);
  // Each by the law of its own energy: T = 1 / ln(1 + N / Q).
  const readings = () => gas.sides.map((side) => side.reading);
  const own = gas.sides.map((side) => 1 / Math.log1p(side.particles / side.total));
  readings().forEach((reading, k) => assert.ok(near(reading / own[k], 1, 0.05), `${reading} for ${own[k]}`));
  assert.ok(near(gas.entropy, gas.largestEntropy, 0.02));
  const apart = gas.largestEntropy;
  gas.join();
  assert.ok(!gas.walled && gas.halved && !gas.settled && gas.largestEntropy > apart + 0.1);
  gas.advance(gas.waits + 1, false, 1e6);
  assert.equal(sum(energies()), 20001);
  readings().forEach((reading) => assert.ok(near(reading / gas.temperature, 1, 0.05), `${reading}`));
  assert.ok(near(gas.entropy, gas.largestEntropy, 0.02));
  assert.match(gas.told[0], /^Two gases that touch come to one temperature: the left half reads 1\.\d+, the right half 1\.\d+/);
  gas.start("even");
  assert.ok(!gas.halved && !gas.walled);
});

const RULES = { held: 0, slow: 1, fast: 2, own: 3 };

async function bandit(values, { length = 60, rule = "held", setting = 0.5 } = {}) {
  const made = new Bandit(await loadKernels(), stream(), RULES);
  made.meet(values, length);
  made.follow(rule, setting);
  return made;
}

test("a game pulls each arm once, and then as many times as are due", async () => {
  const game = await bandit([0, 1, 0.5]);
  game.run(0.7);
  assert.equal(game.done, 0);
  game.run(2.4);
  assert.deepEqual(game.latest(10), [0, 1, 2]);
  game.run(1000);
  assert.ok(game.finished);
  assert.equal(sum(Array.from(game.pulls.view, Number)), 60);
  const missed = Number(game.pulls.view[0]) + 0.5 * Number(game.pulls.view[2]);
  assert.ok(near(game.missed, missed));
  assert.equal(game.latest(7).length, 7);
  game.begin();
  assert.deepEqual([game.done, game.missed, game.latest(7).length], [0, 0, 0]);
});

test("the latest pulls keep their places, so that one dot moves a pull", async () => {
  const game = await bandit([0, 0.1, 0.2], { setting: 2 });
  game.run(30);
  const before = game.latest(8);
  game.run(1);
  const moved = game.latest(8).filter((arm, i) => arm !== before[i]);
  assert.ok(moved.length <= 1);
});

test("a setting brings the next pull to a temperature, whatever the rule", async () => {
  for (const rule of ["held", "slow", "fast", "own"]) {
    const game = await bandit([0, 1], { rule });
    game.run(20);
    game.follow(rule, game.settingAt(0.3));
    assert.ok(near(game.temperature, 0.3), rule);
  }
  const own = await bandit([0, 5], { rule: "own", setting: 0.2 });
  own.run(50);
  const [worse, better] = own.known;
  assert.ok(worse.heat > better.heat && worse.error > better.error);
  assert.ok(near(better.error, 1 / Math.sqrt(better.pulls)));
});

test("what games come to is studied bit by bit, and again when the setting changes", async () => {
  const game = await bandit([0, 1]);
  let steps = 0;
  while (game.study(0)) steps += 1;
  assert.ok(steps > 10);
  assert.equal(game.here.games, GAMES);
  assert.ok(near(game.meanRegret(game.length), game.here.mean));
  const [coldest, hottest] = [game.curve[0], game.curve.at(-1)];
  assert.deepEqual([coldest[0], hottest[0]], [0, Infinity]);
  assert.ok(Math.abs(hottest[1] - game.length / 2) < 3); // at random, half of the pulls miss 1
  const { curve } = game;
  game.follow("held", 0.1);
  assert.equal(game.here.games, 0);
  assert.equal(game.curve, curve); // that of the rule stays
  game.follow("own", 0.1);
  assert.deepEqual(game.curve, []);
});

test("a game that froze says on which arm", async () => {
  const game = await bandit([0, 0.2], { setting: 0, length: 200 });
  let told = "";
  for (let n = 0; n < 200 && !game.frozen; n += 1) {
    game.begin();
    game.run(200);
    told = toldOf(game, ["A", "B"], 50);
  }
  assert.match(told, /froze on A: B, the best arm, was not pulled once/);
});

test("a walk ends where it leads, whatever its steps", () => {
  for (const coldest of [0.05, 0.5, 0.7, 3]) {
    for (let steps = 1; steps <= 1000; steps += 1) {
      let temperature = Infinity;
      for (let n = 1; n <= steps; n += 1) {
        assert.ok(temperature > coldest);
        temperature = colder(temperature, 1 / steps, coldest);
      }
      assert.equal(temperature, coldest);
      assert.equal(colder(temperature, 0.1, coldest), coldest);
    }
  }
});

test("a walk from infinite heat adds up to ln Z, and tells so", async () => {
  const walk = new Walk(await loadKernels());
  walk.equilibrate([2, 1, -Infinity, 0.1], Infinity);
  const start = walk.at(Infinity);
  assert.deepEqual([start.allowed, start.area], [3, 0]);
  assert.equal(walk.told(start), "At infinite heat all 3 levels count alike: ln Z = ln 3 = 1.099. Now cool.");
  const now = walk.at(0.5);
  assert.ok(near(now.sum, now.exact, 1e-4) && near(now.start + now.area, now.sum));
  assert.equal(now.strips.at(-1).end, 2);
  assert.match(walk.told(now), /^Cooled to T = 0\.500: 200 strips of −⟨E⟩ add up to \d\.\d{3}\. So ln Z = ln 3 \+ /);
  const { slope, ln } = walk.course(2);
  assert.deepEqual([slope.at(-1)[0], ln.at(-1)[1]], [2, now.exact]);
});

test("a curve ends where it leaves its plot, and comes back where it returns", () => {
  const at = [0, 0.1, 0.5, 2, 8, Infinity];
  const inside = at.map((t) => [t, 3]);
  assert.deepEqual(below(inside, 5), inside);
  assert.deepEqual(below(at.map((t) => [t, 7]), 5), []);
  const crossing = [9, 4, 2, 6, 8, 7];
  const seen = below(at.map((t, i) => [t, crossing[i]]), 5);
  assert.ok(seen.every(([, y]) => y <= 5));
  assert.deepEqual(seen.map(([, y]) => y), [5, 4, 2, 5]);
  // The ends lie on the straight lines between the points, in the places of the thermometer, which have three digits.
  for (const [end, from, to, share] of [[seen[0], 0, 0.1, 4 / 5], [seen[3], 0.5, 2, 3 / 4]]) {
    assert.ok(near(place(end[0]), place(from) + share * (place(to) - place(from)), 1e-3));
  }
});
