import assert from "node:assert/strict";
import { test } from "node:test";
import { Museum } from "../../../simsoftmax/live/src/models/museum.js";
import { loadKernels, near, sum } from "./support.js";

const RIGHT = [1, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0];
const changed = (at, value) => RIGHT.map((right, i) => (i === at ? value : right));
const CHECKS = {
  cosine: { number: 0, above: true, threshold: 0.99, default: false },
  "cosine at T = 1": { number: 0, above: true, threshold: 0.99, default: true },
  allowed: { number: 2, above: false, threshold: 0.5, default: false },
};
const OUTCOME = ["p_value", "temperature_p", "tail_p", "place_p", "estimate", "low", "high", "token", "excess", "telling"];
const MUSEUM = {
  samplers: {
    right: { stated: RIGHT, drawn: RIGHT },
    twice: { stated: RIGHT, drawn: changed(1, 1) },
    shard: { stated: RIGHT, drawn: changed(9, 1.6) },
    padded: { stated: changed(2, 3), drawn: changed(2, 4) },
  },
  rules: CHECKS,
  row: [2, 1, 0.5, 0, -0.5, -1, -2, -3],
  width: 2,
  edges: [0.01, 0.1, 0.5],
  theta: [-1, -0.5, 0, 0.5, 1, 4],
  quantile: 1.96,
  looks: [200, 400, 800, 4000],
  alarm: 1e-3 / 4,
  checked: 5,
  dials: RIGHT.length,
  outcome: OUTCOME,
  forbidden: 2,
};

async function museum(sampler, rule = "cosine", temperature = 0.7, seed = 1) {
  const words = BigUint64Array.from(Array.from({ length: 12 }, (_, i) => BigInt(seed) * 7919n + BigInt(i + 1) * 104729n));
  const made = new Museum(await loadKernels(), new DataView(words.buffer), MUSEUM);
  made.begin({ sampler, rule, temperature });
  return made;
}

function draw(made, contexts = 4000) {
  while (!made.finished && made.contexts < contexts) made.advance(contexts - made.contexts);
  return made;
}

test("a right sampler passes every look, and runs at what was stated", async () => {
  const made = await museum("right");
  assert.match(made.told[0], /^0 contexts so far/);
  assert.equal(made.checking, undefined);
  draw(made);
  assert.equal(made.finished, true);
  assert.equal(made.next, undefined);
  assert.equal(made.advance(1), false);
  assert.equal(made.caughtAt, 0);
  const { low, high, estimate } = made.looked;
  assert.ok(low < 0.7 && 0.7 < high && near(estimate, 0.7, 0.1));
  assert.ok(made.checking.green);
  assert.equal(sum(Array.from(made.ranks.view, Number)), 4000);
  assert.equal(sum(Array.from(made.check.counts.view, Number)), 4000 * 5);
  assert.match(made.told[0], /4,000 contexts agree with what is stated/);
});

test("pieces of any size come to the same, and the verdict is asked at its looks only", async () => {
  const [whole, pieces] = [draw(await museum("twice")), await museum("twice")];
  const looks = [];
  for (let i = 0; !pieces.finished; i += 1) {
    if (pieces.advance(1 + ((i * 37) % 150))) looks.push(pieces.contexts);
  }
  assert.deepEqual(looks, MUSEUM.looks);
  assert.deepEqual([...pieces.ranks.view], [...whole.ranks.view]);
  assert.deepEqual([...pieces.out.view], [...whole.out.view]);
});

test("a temperature applied twice is caught where the check is blind, and is right at T = 1", async () => {
  const made = draw(await museum("twice", "cosine at T = 1"));
  assert.ok(made.caughtAt === 200 || made.caughtAt === 400);
  assert.match(made.told[0], /^Caught after [24]00 contexts: it runs at T = 0\.[45]\d+, between .* instead of 0\.700.*The check is green\.$/);
  assert.equal(draw(await museum("twice", "cosine at T = 1", 1)).caughtAt, 0);
});

test("a heavy shard is named by a token of it, and what is forbidden fails outright", async () => {
  const shard = draw(await museum("shard"));
  assert.match(shard.reasons(shard.proof).at(-1), /^token [23] is drawn too often|^token [014567] is drawn too seldom/);
  const padded = draw(await museum("padded", "allowed"), 200);
  assert.equal(padded.looked.p_value, 0);
  assert.match(padded.told[0], /it drew \d+ tokens that the filters forbid\. The check is red, too\.$/);
});

test("to begin again is to draw the same again, and to renew is to draw others", async () => {
  const made = draw(await museum("right"), 400);
  const before = [...made.out.view];
  const again = () => {
    made.begin({ sampler: "right", rule: "cosine", temperature: 0.7 });
    return [...draw(made, 400).out.view];
  };
  assert.deepEqual(again(), before);
  made.renew();
  assert.notDeepEqual(again(), before);
});
