// What a reader has set in the figures of a page, as the query of its address.

import assert from "node:assert/strict";
import { test } from "node:test";
import { readAddress, readTrait, writeAddress } from "../../../simsoftmax/live/src/kit/address.js";

const TEMPERATURE = { from: 0, to: "inf", whole: false };
const LOGITS = { length: [2, 4], from: -1000, to: 1000, forbidden: true };
const SHARES = { length: [2, 4], from: 0, to: 1, as_long_as: "logits", sum: 1, empty: true };
const RULES = {
  distribution: SHARES,
  logits: LOGITS,
  order: { among: ["first, of all", "last & least"] },
  running: { among: [false, true] },
  steps: { from: 0, to: 100, whole: true },
  temperature: TEMPERATURE,
};
const FIRST = { distribution: [], logits: [2, 1, 0.1], order: "first, of all", running: true, steps: 0, temperature: 1 };

const figure = (now = {}) => ({
  rules: RULES,
  get: (name) => ({ ...FIRST, ...now })[name],
  saved: (name) => FIRST[name],
});

test("what is written is read again, exactly, for each figure of the page", () => {
  const states = [
    { temperature: 0.1 + 0.2, logits: [3, "-inf"], distribution: [0.7, 0.3], order: "last & least" },
    { temperature: "inf", steps: 100, running: false, logits: [1e-7, -2.5, 0] },
    {},
  ];
  const query = writeAddress("", states.map(figure));
  assert.deepEqual(readAddress(query, states.map(() => figure())), states);
  assert.match(query, /^\?[^#\s]+$/);
});

test("a figure as it was first adds nothing, and what others have in the address stays", () => {
  assert.equal(writeAddress("", [figure()]), "");
  assert.equal(writeAddress("?temperature=3", [figure()]), "");
  assert.equal(writeAddress("?highlight=a+b&temperature=3&x=%26", [figure()]), "?highlight=a+b&x=%26");
  assert.equal(writeAddress("?highlight=a", [figure(), figure({ steps: 7 })]), "?highlight=a&2.steps=7");
});

test("what a reader could not set is as if it were not there", () => {
  const refused = {
    temperature: ["", " ", "-1", "NaN", "Infinity", "1e999", "-inf", "0x10", "1,2", "1_000", "١", "1e", ".", "<b>", "null", "[]"],
    logits: ["", "1", "1,2,3,4,5", "1,,2", "1,x", "inf,1", "-inf,-inf", "1,1001", "1,NaN", "1,2,", "1;2", ",".repeat(1e5)],
    steps: ["-1", "101", "0.5", "1e-1", "inf", "9007199254740993"],
    order: ["first", "", "toString", "__proto__", "FIRST, OF ALL"],
    running: ["", "1", "yes", "True"],
    distribution: ["0.5,0.6,0.1", "1,0", "-0.5,1.5,0", "0.5,0.5,-inf"],
  };
  for (const [name, texts] of Object.entries(refused)) {
    for (const text of texts) {
      assert.deepEqual(readAddress(`?${name}=${encodeURIComponent(text)}`, [figure()]), [{}], `${name}=${text}`);
    }
  }
  for (const query of ["?__proto__=1", "?constructor=1", "?%", "?%E0%A4%A", "?=&&=", "?0.temperature=2", "?1.temperature=2", "?3.steps=1"]) {
    assert.deepEqual(readAddress(query, [figure(), figure()]), [{}, {}], query);
    assert.doesNotThrow(() => writeAddress(query, [figure()]));
  }
});

test("a row that must be as long as another is read by the one that comes with it", () => {
  const [read] = readAddress("?distribution=0.5,0.5&logits=1,0", [figure()]);
  assert.deepEqual(read, { logits: [1, 0], distribution: [0.5, 0.5] });
  assert.deepEqual(readAddress("?distribution=0.5,0.5", [figure()]), [{}]);
});

test("there is no negative zero, and numbers at the ends of what is allowed are taken", () => {
  assert.ok(Object.is(readTrait("-0", { from: -1, to: 1, whole: false }), 0));
  assert.equal(readTrait("0", TEMPERATURE), 0);
  assert.equal(readTrait("100", RULES.steps), 100);
  assert.equal(readTrait("1e2", RULES.steps), 100);
});
