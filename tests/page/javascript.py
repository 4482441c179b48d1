"""Kernels in a JavaScript engine, through the loader of the live figures."""

import base64
import json
import subprocess
from pathlib import Path

import numpy as np

from simsoftmax import live
from simsoftmax.kernels import wasm

LOADER = Path(live.__file__).parent / "src" / "kit" / "kernels.js"

# Runs a list of calls through the loader of the live figures; arrays travel as bytes.
DRIVER = """
async ({ source, module, calls, own }) => {
  const { Kernels, SIZES } = await import("data:text/javascript;base64," + source);
  // Kernels of the tests' own are in no list of the figures' arrays.
  for (const [name, given] of calls) if (own.includes(name)) SIZES[name] = given.map(() => "_").join(" ");
  const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const kernels = await Kernels.load(new DataView(bytes(module).buffer));
  const text = (view) => {
    let out = "";
    for (const byte of new Uint8Array(view.buffer, view.byteOffset, view.byteLength)) out += String.fromCharCode(byte);
    return btoa(out);
  };
  return calls.map(([name, given]) => {
    const args = given.map((arg) => {
      if (typeof arg !== "object") return Number(arg);
      const block = kernels.array(arg.type, arg.length);
      new Uint8Array(block.view.buffer, block.pointer, block.view.byteLength).set(bytes(arg.bytes));
      return block;
    });
    const result = kernels[name](...args);
    return [result === undefined ? null : String(result), args.map((arg) => (arg.view ? text(arg.view) : null))];
  });
}
"""


def encode(data):
    return base64.b64encode(data).decode()


class Page:
    """Calls kernels in a JavaScript engine and returns results and the arrays as they are left."""

    def __init__(self, evaluate, module):
        self.evaluate, self.module = evaluate, module

    def call(self, calls):
        packed = [
            [
                name,
                [
                    self.pack(arg) if isinstance(arg, np.ndarray) else repr(float(arg)).replace("inf", "Infinity")
                    for arg in args
                ],
            ]
            for name, args in calls
        ]
        own = [name for name, _ in calls if name not in wasm.KERNELS]
        source, module = encode(LOADER.read_bytes()), encode(self.module)
        answer = self.evaluate({"source": source, "module": module, "calls": packed, "own": own})
        out = []
        for (_, args), (result, arrays) in zip(calls, answer, strict=True):
            left = [
                np.frombuffer(base64.b64decode(text), arg.dtype) if text is not None else arg
                for arg, text in zip(args, arrays, strict=True)
            ]
            out.append((None if result is None else float(result.replace("Infinity", "inf")), left))
        return out

    @staticmethod
    def pack(array):
        return {"type": str(array.dtype), "length": array.size, "bytes": encode(array.tobytes())}


def evaluate_in_node(argument):
    script = f"const run = {DRIVER}; let text = ''; for await (const part of process.stdin) text += part;"
    script += "console.log(JSON.stringify(await run(JSON.parse(text))));"
    done = subprocess.run(
        ["node", "--input-type=module", "-e", script],
        input=json.dumps(argument),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
