// Judge files with an instrument's model, as its worker does: {instrument, files} on each line of standard input, an answer on
// each line of standard output.

import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import { createInterface } from "node:readline";
import { judge, json } from "../../simsoftmax/live/src/models/instruments.js";
import { loadKernels } from "./js/support.js";

for await (const line of createInterface({ input: process.stdin })) {
  const { instrument, files, settings } = JSON.parse(line);
  if (settings?.temperature === "Infinity") settings.temperature = Infinity;
  const given = {};
  for (const [name, path] of Object.entries(files)) given[name] = { name: basename(path), blob: new Blob([await readFile(path)]) };
  try {
    const { facts, note } = await judge(await loadKernels(), instrument, given, settings);
    console.log(JSON.stringify({ facts: JSON.parse(json(facts)), note }));
  } catch (error) {
    console.log(JSON.stringify({ error: error.message.split(/\s+/).join(" ").trim() }));
  }
}
