// Bundle the explorers: node build.mjs [output folder]. Each becomes one ES module, which a notebook saves with every widget,
// so they are kept small; their host in pages without a kernel becomes a script. The licences of what was bundled are written
// beside them.

import { readdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const out = process.argv[2] ?? join(dirname(here), "static");
const figures = (await readdir(join(here, "figures"))).map((name) => join("figures", name));

const options = {
  absWorkingDir: here,
  outdir: out,
  entryNames: "[name]",
  bundle: true,
  minify: true,
  target: "es2022",
  charset: "utf8",
  legalComments: "none",
  metafile: true,
};
const built = await Promise.all([
  build({ ...options, format: "esm", entryPoints: ["live.css", ...figures.sort()] }),
  build({ ...options, format: "iife", entryPoints: ["host.js"] }),
]);
const inputs = built.flatMap(({ metafile }) => Object.keys(metafile.inputs));
const outputs = built.flatMap(({ metafile }) => Object.entries(metafile.outputs));

const packages = new Map();
for (const input of inputs) {
  const [, folder, name] = /^(.*node_modules\/)((?:@[^/]+\/)?[^/]+)\//.exec(input) ?? [];
  if (name) packages.set(name, join(here, folder, name));
}
const notices = [];
for (const [name, folder] of [...packages].sort()) {
  const { version, license } = JSON.parse(await readFile(join(folder, "package.json"), "utf8"));
  const text = await readFile(join(folder, "LICENSE"), "utf8");
  notices.push(`${name} ${version} (${license})\n\n${text.trim()}\n`);
}
await writeFile(
  join(out, "LICENSES.txt"),
  `The bundled explorers hold parts of the following packages.\n\n${notices.join(`\n${"-".repeat(80)}\n\n`)}`,
);
for (const [file, { bytes }] of outputs) {
  console.log(`${relative(out, join(here, file))} ${(bytes / 1000).toFixed(1)} kB`);
}
