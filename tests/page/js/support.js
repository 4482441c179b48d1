// What the tests share: the compiled kernels as a page gets them, and a host of a figure's traits.

import { readFile } from "node:fs/promises";
import { Kernels } from "../../../simsoftmax/live/src/kit/kernels.js";

const module = await readFile(new URL("../../../simsoftmax/live/static/kernels.wasm", import.meta.url));

export const loadKernels = () => Kernels.load(new DataView(module.buffer, module.byteOffset, module.byteLength));

// The state of a stream of random numbers, as Python sends it.
export const stream = (seed = 1) => new DataView(BigUint64Array.from([1, 2, 3, 4], (word) => BigInt(seed) * 7919n + BigInt(word) * 104729n).buffer);

// A stage that holds traits and keeps what was set.
export function fakeStage(traits) {
  const state = { ...traits };
  return { state, model: { get: (name) => state[name] }, set: (changes) => Object.assign(state, changes) };
}

export const near = (a, b, error = 1e-9) => Math.abs(a - b) <= error * Math.max(1, Math.abs(b));
export const sum = (values) => Array.from(values).reduce((total, value) => total + value, 0);
