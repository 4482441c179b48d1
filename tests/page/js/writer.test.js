import assert from "node:assert/strict";
import { test } from "node:test";
import { deflateSync } from "node:zlib";
import { Writer } from "../../../simsoftmax/live/src/models/writer.js";
import { loadKernels, near, stream } from "./support.js";

// Two letters: a is followed by b, b by a, and a came up twice after something new, b once.
const COLUMNS = [
  [0, 0, 1], // the oldest letter of each context: of none, of a, of b
  [2, 0, 0], // contexts that are one letter longer
  [2, 1, 1], // letters that follow
  [0, 1, 1, 0], // which
  [2, 1, 3, 300 % 256], [0, 0, 0, 1], [0, 0, 0, 0], [0, 0, 0, 0], // and how often, byte by byte
];
const DISCOUNTS = new DataView(Float64Array.from([0.5, 0.5, 0.5, 0.5, 0.5, 0.5]).buffer);
const PLAIN = { temperature: 1, topK: 0, topP: 1, minP: 0, last: false };

async function writer(columns = COLUMNS) {
  const bytes = deflateSync(Uint8Array.from(columns.flat()));
  const table = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Writer.load(await loadKernels(), { letters: "ab", sizes: [3, 4], table, discounts: DISCOUNTS, stream: stream() });
}

test("a table is read as it was packed, and the letter that comes is that of the formula", async () => {
  const model = await writer();
  assert.deepEqual([...model.tree[4].view], [2, 1, 3, 300]);
  model.hold();
  const shorter = 0.5 / 3 + (1 / 3) * 0.5; // p(b) after nothing
  const { order, drawn, model: own, left, entropy } = model.coming(PLAIN);
  assert.ok(near(drawn[1], 2.5 / 3 + (0.5 / 3) * shorter));
  assert.deepEqual([...drawn], [...own]);
  assert.deepEqual(order, [1, 0]);
  assert.equal(left, 2);
  assert.ok(near(entropy, -drawn.reduce((total, p) => total + p * Math.log2(p), 0)));
});

test("a table of another length is refused", async () => {
  await assert.rejects(writer(COLUMNS.slice(1)), /the table has 26 bytes/);
});

test("dials change what is drawn, and not what the model says", async () => {
  const model = await writer();
  model.hold();
  const plain = model.coming(PLAIN);
  const hot = model.coming({ ...PLAIN, temperature: Infinity });
  assert.ok(near(hot.drawn[0], 0.5));
  assert.deepEqual([...hot.model], [...plain.model]);
  assert.deepEqual([...model.coming({ ...PLAIN, topK: 1 }).drawn], [0, 1]);
  assert.equal(model.coming({ ...PLAIN, topP: 0.5 }).left, 1);
  assert.equal(model.coming({ ...PLAIN, topP: 0.5, temperature: Infinity, last: true }).left, 1);
  assert.equal(model.coming({ ...PLAIN, topP: 0.6, temperature: Infinity }).left, 2);
  assert.equal(model.coming({ ...PLAIN, minP: 0.5 }).left, 1);
});

test("it goes on after any length, and begins again with the same letters", async () => {
  const model = await writer();
  const begun = model.write(50, PLAIN);
  assert.match(begun, /^[ab]{50}$/);
  model.write(20000, PLAIN);
  assert.ok(model.length <= 8192);
  assert.equal(model.written, 20050);
  assert.equal(model.recent.length, model.length);
  const end = model.recent.at(-1);
  assert.equal(model.write(1, { ...PLAIN, temperature: 0 }), end === "a" ? "b" : "a");
  model.begin();
  assert.equal(model.write(50, PLAIN), begun);
});

test("what comes of the heat is told", async () => {
  const model = await writer();
  assert.deepEqual(model.describe(), { variety: 1, repeated: 0 });
  model.write(700, { ...PLAIN, temperature: 0 });
  const found = model.describe();
  assert.equal(found.repeated, 1);
  assert.ok(found.variety < 0.01);
  assert.match(model.told(found, { left: 1 }, { ...PLAIN, topP: 0.9 }), /^Frozen.*Temperature first.*here 1 of 2 letters\.$/);
  const told = (seen, dials = PLAIN) => model.told(seen, { left: 2 }, dials);
  assert.match(told({ variety: 0.6, repeated: 0.4 }), /^Cold: 40 % of the last letters/);
  assert.match(told({ variety: 0.7, repeated: 0 }), /^It writes much.*all 2 letters may come\.$/);
  assert.match(told({ variety: 0.9, repeated: 0 }), /^Sparks/);
  assert.match(told({ variety: 1, repeated: 0 }, { ...PLAIN, minP: 0.1, last: true }), /^Noise.*Temperature last/);
});
