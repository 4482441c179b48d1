// Long tables are read in pieces, and come to the same as whole ones.

import assert from "node:assert/strict";
import { test } from "node:test";
import { parse } from "../../../simsoftmax/live/src/files/delimited.js";
import { inPieces } from "../../../simsoftmax/live/src/files/read.js";

const rows = Array.from({ length: 50 }, (_, n) => [n / 7 - 3, (n * n) % 11, -n]);
const text = (separator, end = "\n") => rows.map((row) => row.join(separator) + end).join("");
const TABLES = {
  plain: text(","),
  headed: `a,b,c\n${text(",")}`,
  indexed: `,a,b\n${rows.map(([a, b], n) => `${n},${a},${b}\n`).join("")}`,
  semicolons: text(";"),
  decimal: text(";").replaceAll(".", ","),
  windows: text(",", "\r\n"),
  ends: text(",", ",\n"),
  named: `case,logit,score\n${rows.map((row) => `${row.join(",")}\n`).join("")}`,
  marked: `\ufeff${text(",")}`,
};

for (const [name, table] of Object.entries(TABLES)) {
  test(`a table in pieces: ${name}`, async () => {
    const whole = parse(table.replace("\ufeff", ""), "logits");
    for (const piece of [120, 333, 1e6]) {
      assert.deepEqual(await inPieces(new Blob([table]), "logits", { tabs: false, piece }), whole);
    }
  });
}

test("what is wrong in a later piece is said with its line", async () => {
  const lines = text(",").split("\n");
  const pieces = (wrong) => {
    const broken = [...lines];
    broken[40] = wrong;
    return inPieces(new Blob([broken.join("\n")]), "logits", { tabs: false, piece: 120 });
  };
  await assert.rejects(pieces("1.5,high,1"), { message: "'high' in line 41 is no number; write digits with a decimal point" });
  await assert.rejects(pieces("1.5,2"), { message: /^line 41 holds 2 cells between commas where line 1 holds 3; give every line/ });
  for (let n = 1; n < 49; n += 1) {
    const gap = [...lines.slice(0, n), "", ...lines.slice(n)].join("\n");
    const read = inPieces(new Blob([gap]), "logits", { tabs: false, piece: 120 });
    await assert.rejects(read, { message: `line ${n + 1} is blank; fill it or remove it, for a missing number would be lost` });
  }
  await assert.rejects(pieces('1.5,"2",3'), { message: /quotation marks/ });
  await assert.rejects(pieces("1.5,2,\u00e93"), { message: /in line 41 is no number/ });
});
