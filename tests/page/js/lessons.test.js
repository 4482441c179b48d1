import assert from "node:assert/strict";
import { test } from "node:test";
import { Lessons } from "../../../simsoftmax/live/src/models/lessons.js";
import { outline } from "../../../simsoftmax/live/src/parts/pixels.js";
import { loadKernels, near, sum } from "./support.js";

const bytes = (values) => new DataView(Uint8Array.from(values).buffer);
// Two pictures of class 0 and one of class 1, which looks a little like the first of them.
const lessons = async () =>
  new Lessons(await loadKernels(), {
    pictures: bytes([255, 0, 0, 0, 0, 255, 0, 0, 0, 0, 0, 255]),
    means: bytes([255, 0, 0, 0, 0, 0, 0, 255, 0, 0, 255, 0]),
    logits: new DataView(Float64Array.from([3, 2, -4, 3, -4, -4, 2, 3, -4]).buffer),
    labels: [0, 0, 1],
  });

test("in the cold the label is told alone, and in the heat everything alike", async () => {
  const taught = await lessons();
  taught.tell(0, 0);
  assert.deepEqual(Array.from(taught.target), [1, 0, 0]);
  assert.deepEqual(Array.from(taught.overlaps.view), [1, 1, 0]);
  assert.equal(taught.told, "At T = 0 the student is told: 0 (100 %), and no more. No picture of another class is told even half the same.");
  taught.tell(Infinity, 0);
  assert.ok(Array.from(taught.overlaps.view).every((share) => near(share, 1)));
  assert.match(taught.told, /nothing is said/);
});

test("between them a picture tells of its relatives", async () => {
  const taught = await lessons();
  taught.tell(1, 0);
  assert.ok(near(sum(taught.target), 1));
  assert.ok(near(taught.target[0] / taught.target[1], Math.E));
  assert.ok(near(taught.overlaps.view[2], 1 - (taught.target[0] - taught.target[1])));
  assert.deepEqual(taught.relatives, { alike: 1, others: 1 });
  assert.match(taught.told, /0 \(73 %\), or 1 \(27 %\)\. 1 of 1 pictures of other classes is told/);
  assert.ok(near(taught.smoothed.view[1], taught.smoothed.view[2]));
  assert.ok(near(taught.smoothed.view[0], taught.target[0]));
  assert.ok(near(taught.blended.view[3], taught.target[1]));
});

test("the area of a square is its ink, and paper has none", () => {
  assert.equal(outline([0, 0.25, 0, 1]), "M0.75 -0.25h0.50v0.50h-0.50zM0.50 0.50h1.00v1.00h-1.00z");
});
