// A figure's traits as a page without a kernel holds them.

import assert from "node:assert/strict";
import { test } from "node:test";
import { SavedModel } from "../../../simsoftmax/live/src/kit/saved.js";

const base64 = (...bytes) => btoa(String.fromCharCode(...bytes));

test("values are what the notebook saved, binary ones in their places", () => {
  const state = { temperature: "inf", _kernels: null, runs: { first: [null] } };
  const buffers = [
    { path: ["_kernels"], encoding: "base64", data: base64(0, 97, 115, 109) },
    { path: ["runs", "first", 0], encoding: "base64", data: base64(7) },
  ];
  const model = new SavedModel({ state, buffers });
  assert.equal(model.get("temperature"), "inf");
  assert.deepEqual([...new Uint8Array(model.get("_kernels").buffer)], [0, 97, 115, 109]);
  assert.equal(model.get("runs").first[0].getUint8(0), 7);
  assert.equal(state.runs.first[0], null); // the state is left as it was
});

test("whoever listens hears of a change once, and of none where nothing changes", () => {
  const model = new SavedModel({ state: { logits: [2, 1], temperature: 1 } });
  const heard = [];
  model.on("change:logits change:temperature", () => heard.push("one"));
  model.on("change", () => heard.push("any"));
  model.set("logits", [2, 1]);
  assert.deepEqual(heard, []);
  model.set("logits", [2, 0]);
  assert.deepEqual(heard, ["one", "any"]);
  model.set("temperature", "inf");
  assert.equal(heard.length, 4);
});

test("who has left hears nothing, even while others are told", () => {
  const model = new SavedModel({ state: { temperature: 1 } });
  const heard = [];
  const last = () => heard.push("last");
  const first = () => {
    heard.push("first");
    model.off("change:temperature", first);
  };
  model.on("change:temperature", first);
  model.on("change:temperature", last);
  model.set("temperature", 2);
  model.set("temperature", 3);
  assert.deepEqual(heard, ["first", "last", "last"]);
  model.off("change:never", last);
  model.save_changes();
  model.send();
});

test("two models of one state are two", () => {
  const saved = { state: { logits: [2, 1] } };
  const [one, other] = [new SavedModel(saved), new SavedModel(saved)];
  one.get("logits").push(0);
  assert.deepEqual(other.get("logits"), [2, 1]);
});
