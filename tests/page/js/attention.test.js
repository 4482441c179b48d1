import assert from "node:assert/strict";
import { test } from "node:test";
import { crowds, Sentences } from "../../../simsoftmax/live/src/models/attention.js";
import { loadKernels, near, sum } from "./support.js";

const OUT = -Infinity;
const GIVEN = {
  sentences: ["the fox  sees", "a hen"],
  scores: [OUT, OUT, OUT, OUT, OUT, 2, OUT, 1, OUT, OUT, 0.5, 1, OUT],
};

test("the context grows from nothing to its most in even steps", () => {
  assert.deepEqual(crowds(100), [0, 1, 3, 10, 30, 100]);
  assert.equal(crowds(1e6).length, 14);
});

test("words that take part look, and their glances add up", async () => {
  const sentences = new Sentences(await loadKernels(), GIVEN);
  assert.deepEqual(sentences.of(0).words, ["the", "fox", "sees"]);
  assert.deepEqual(sentences.of(0).looks, [false, true, true]);
  const context = { temperature: 1, others: 3 };
  const [none, fox] = sentences.looks(0, context);
  assert.equal(none, undefined);
  assert.ok(near(fox.shares[2], Math.E ** 2 / (Math.E ** 2 + 3)));
  assert.ok(near(sum(fox.shares) + fox.crowd, 1));
  const [first] = sentences.looks(1, { temperature: 0.5, others: 0 });
  assert.ok(near(sum(first.shares), 1));
});

test("one goes from word to word, past those that take no part, and not beyond the ends", async () => {
  const sentences = new Sentences(await loadKernels(), GIVEN);
  assert.equal(sentences.first(0), 1);
  assert.equal(sentences.next(0, 1, 1), 2);
  assert.equal(sentences.next(0, 2, 1), 2);
  assert.equal(sentences.next(0, 1, -1), 1);
});

test("a look is told in words, also where nothing is left to see", async () => {
  const sentences = new Sentences(await loadKernels(), GIVEN);
  const told = (context) => sentences.told(0, sentences.look(0, 1, context), context);
  assert.equal(told({ temperature: 1, others: 0 }), "“fox” gives all of its glances to “sees”.");
  assert.match(told({ temperature: 1, others: 1 }), /^“fox” gives 88\u00a0% of its glances to “sees”. The further word takes 12\u00a0%.$/);
  assert.match(told({ temperature: 1, others: 1e6 }), /^“fox” sees none of the sentence any more. The 1,000,000 further words take all.$/);
});
