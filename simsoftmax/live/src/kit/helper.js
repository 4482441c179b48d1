// A helper that computes beside the page, which stays alive: a worker that runs this very script. It is made from the
// script's text and not from its address, for a page that was opened from a disk may load no worker; nor may it load a
// module as one, so what the module exports is cut off.

import { Kernels } from "./kernels.js";

const isHelper = typeof document === "undefined" && typeof postMessage === "function";

// In a worker: wait for a task, tell how far it is, and answer.
export function serve(run) {
  if (!isHelper) return;
  globalThis.onmessage = async ({ data: { kernels, task } }) => {
    let told = 0;
    const progress = (at) => {
      const now = Date.now();
      if (now - told < 60 && at.done < 1) return;
      told = now;
      globalThis.postMessage({ progress: at });
    };
    try {
      const computing = await Kernels.load(kernels);
      const answer = await run(computing, task, progress);
      globalThis.postMessage({ answer, memory: computing.memory.buffer.byteLength });
    } catch (/** @type {any} */ error) {
      globalThis.postMessage({ error: error.message });
    }
  };
}

/**
 * In a page: have a task done. It is given up when `stop` of what is returned is called.
 * @param {string} script
 * @param {DataView} kernels
 * @param {object} task
 * @param {{ progress: (at: { what: string, done: number }) => void, answer: (result: any, memory: number) => void, error: (message: string) => void }} tell
 */
export function haveDone(script, kernels, task, tell) {
  const source = script.replace(/export\s*\{[^{}]*\};?\s*$/, "");
  const address = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
  const worker = new Worker(address);
  const stop = () => {
    worker.terminate();
    URL.revokeObjectURL(address);
  };
  worker.onmessage = ({ data }) => {
    if (data.progress) return tell.progress(data.progress);
    stop();
    return data.error === undefined ? tell.answer(data.answer, data.memory) : tell.error(data.error);
  };
  worker.onerror = (event) => {
    stop();
    tell.error(event.message || "the page could not start what computes beside it");
  };
  worker.postMessage({ kernels, task });
  return { stop };
}
