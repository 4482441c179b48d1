// Arrays as numpy.save and numpy.savez write them: their headers are read here, their numbers where and when they are wanted.

import { grouped, quoted, tuple } from "./python.js";

const MAGIC = "\x93NUMPY";
const HEADER = /^\{'descr': '([<>|=]?)([a-zA-Z])(\d*)(\[\w+\])?', 'fortran_order': (True|False), 'shape': \(((?:-?\d{1,18}(?:, ?|(?=\))))*)\), \}\s*$/;
const NAMES = { f: "float", i: "int", u: "uint", c: "complex" };
const EOCD = 22;
const LARGEST = 1 << 30; // bytes that are unpacked
const MOST_CHECKED = 1 << 26; // bytes of a member whose checksum is taken

const bytesOf = async (blob, start, end) => new Uint8Array(await blob.slice(start, end).arrayBuffer());
const latin = (bytes) => Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
const noFile = (reason) => new Error(`it is no .npy file (${reason.slice(0, 120)}); save the array with numpy.save`);
const cut = (what, wanted, got) => noFile(`ValueError: EOF: reading ${what}, expected ${wanted} bytes got ${got}`);

// repr() of bytes.
function shownBytes(bytes) {
  const text = latin(bytes);
  const mark = text.includes("'") && !text.includes('"') ? '"' : "'";
  const named = { "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t", [mark]: `\\${mark}` };
  const letters = Array.from(text, (c) => {
    const code = c.charCodeAt(0);
    return named[c] ?? (code < 32 || code > 126 ? `\\x${code.toString(16).padStart(2, "0")}` : c);
  });
  return `b${mark}${letters.join("")}${mark}`;
}

// What converts bytes into numbers, by kind and size.
const READERS = {
  f8: [Float64Array, "getFloat64"],
  f4: [Float32Array, "getFloat32"],
  i8: [BigInt64Array, "getBigInt64"],
  i4: [Int32Array, "getInt32"],
  i2: [Int16Array, "getInt16"],
  i1: [Int8Array, "getInt8"],
  u8: [BigUint64Array, "getBigUint64"],
  u4: [Uint32Array, "getUint32"],
  u2: [Uint16Array, "getUint16"],
  u1: [Uint8Array, "getUint8"],
  b1: [Uint8Array, "getUint8"],
};

// A half-precision number from its bits.
function half(bits) {
  const [sign, exponent, fraction] = [bits & 0x8000 ? -1 : 1, (bits >> 10) & 31, bits & 1023];
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return exponent ? sign * 2 ** (exponent - 25) * (1024 + fraction) : sign * 2 ** -24 * fraction;
}

function numbers(bytes, { kind, size, big }) {
  const code = `${kind}${size}`;
  const count = bytes.byteLength / size;
  if (code === "f2") {
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    return Float64Array.from({ length: count }, (_, n) => half(view.getUint16(2 * n, !big)));
  }
  const [View, method] = READERS[code];
  if (!big && bytes.byteOffset % size === 0) {
    const whole = new View(bytes.buffer, bytes.byteOffset, count);
    return typeof whole[0] === "bigint" ? Float64Array.from(whole, Number) : whole;
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  return Float64Array.from({ length: count }, (_, n) => Number(view[method](n * size, !big)));
}

// An array that stays where it lies; `read` brings numbers of it, in the order of its rows.
class Stored {
  constructor(blob, start, header) {
    this.blob = blob;
    this.start = start;
    this.shape = header.shape;
    this.kind = header.kind;
    this.size = header.size;
    this.big = header.big;
    this.columnsFirst = header.fortran && header.shape.length > 1;
    this.turned = undefined;
  }

  async read(from, to) {
    if (this.columnsFirst) {
      this.turned ??= this.turn();
      return (await this.turned).subarray(from, to);
    }
    return numbers(await bytesOf(this.blob, this.start + from * this.size, this.start + to * this.size), this);
  }

  async turn() {
    const total = this.shape.reduce((a, b) => a * b, 1);
    const columns = numbers(await bytesOf(this.blob, this.start, this.start + total * this.size), this);
    const [rows] = this.shape;
    const width = total / rows;
    const turned = new Float64Array(total);
    for (let i = 0; i < rows; i += 1) for (let k = 0; k < width; k += 1) turned[i * width + k] = Number(columns[k * rows + i]);
    return turned;
  }
}

function described(text) {
  const found = HEADER.exec(text);
  if (!found) throw noFile("its header is damaged");
  const [, order, kind, size, unit, fortran, sizes] = found;
  const shape = (sizes.match(/-?\d+/g) ?? []).map(Number);
  return { kind, size: Number(size), unit, big: order === ">", order, fortran: fortran === "True", shape };
}

// The array in a .npy file.
export async function readNpy(blob) {
  const head = await bytesOf(blob, 0, 12);
  if (head.length < 8) throw cut("magic string", 8, head.length);
  if (latin(head.subarray(0, 6)) !== MAGIC) {
    const got = `${shownBytes(latinBytes(MAGIC))}, got ${shownBytes(head.subarray(0, 6))}`;
    throw noFile(`ValueError: the magic string is not correct; expected ${got}`);
  }
  const major = head[6];
  if (major !== 1 && major !== 2) throw noFile(`KeyError: ${major}`);
  const wide = major === 1 ? 2 : 4;
  if (head.length < 8 + wide) throw cut("array header length", wide, head.length - 8);
  const view = new DataView(head.buffer);
  const length = wide === 2 ? view.getUint16(8, true) : view.getUint32(8, true);
  const start = 8 + wide + length;
  if (blob.size < start) throw cut("array header", length, blob.size - 8 - wide);
  const header = described(latin(await bytesOf(blob, 8 + wide, start)));
  const { kind, size, shape } = header;
  if (kind === "O") throw new Error("it holds Python objects; save a numeric array");
  if (!(`${kind}${size}` in READERS) && `${kind}${size}` !== "f2") {
    const name = kind in NAMES ? `${NAMES[kind]}${8 * size}` : `${header.order}${kind}${size || ""}`;
    throw new Error(`it holds no real numbers but dtype ${name}; save a numeric array`);
  }
  if (shape.some((n) => n < 0)) throw new Error(`its header says that its shape is ${tuple(shape)}; save it again`);
  const needed = shape.reduce((a, b) => a * b, size);
  if (blob.size - start !== needed) {
    const [held, said] = [blob.size - start, needed].map(grouped);
    throw new Error(`it holds ${held} bytes of numbers and its header says ${said}; save it again`);
  }
  return new Stored(blob, start, header);
}

const latinBytes = (text) => Uint8Array.from(text, (c) => c.charCodeAt(0));

let table;

function checksum(bytes) {
  table ??= Int32Array.from({ length: 256 }, (_, n) => {
    let c = n;
    for (let k = 0; k < 8; k += 1) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
    return c;
  });
  let crc = -1;
  for (const byte of bytes) crc = table[(crc ^ byte) & 255] ^ (crc >>> 8);
  return (crc ^ -1) >>> 0;
}

const DAMAGED = "its archive is damaged";

async function membersOf(blob) {
  const tail = await bytesOf(blob, Math.max(0, blob.size - 65535 - EOCD), blob.size);
  let at = tail.length - EOCD;
  const is = (bytes, place, text) => latin(bytes.subarray(place, place + 4)) === text;
  while (at >= 0 && !is(tail, at, "PK\x05\x06")) at -= 1;
  if (at < 0) throw new Error("it is no .npz file");
  const end = new DataView(tail.buffer, tail.byteOffset + at);
  const [count, length, start] = [end.getUint16(10, true), end.getUint32(12, true), end.getUint32(16, true)];
  const directory = await bytesOf(blob, start, start + length);
  const found = [];
  for (let n = 0, place = 0; n < count; n += 1) {
    if (!is(directory, place, "PK\x01\x02")) throw new Error(DAMAGED);
    const entry = new DataView(directory.buffer, directory.byteOffset + place);
    const [name, extra, comment] = [28, 30, 32].map((field) => entry.getUint16(field, true));
    found.push({
      method: entry.getUint16(10, true),
      crc: entry.getUint32(16, true),
      packed: entry.getUint32(20, true),
      size: entry.getUint32(24, true),
      at: entry.getUint32(42, true),
      name: new TextDecoder().decode(directory.subarray(place + 46, place + 46 + name)),
    });
    place += 46 + name + extra + comment;
  }
  return found;
}

async function unpacked(blob) {
  try {
    return await new Response(blob.stream().pipeThrough(new DecompressionStream("deflate-raw"))).blob();
  } catch {
    throw new Error(DAMAGED);
  }
}

async function memberOf(blob, member) {
  const local = await bytesOf(blob, member.at, member.at + 30);
  if (latin(local.subarray(0, 4)) !== "PK\x03\x04") throw new Error(DAMAGED);
  const view = new DataView(local.buffer);
  const start = member.at + 30 + view.getUint16(26, true) + view.getUint16(28, true);
  const packed = blob.slice(start, start + member.packed);
  const content = member.method === 0 ? packed : await unpacked(packed);
  if (content.size !== member.size) throw new Error(DAMAGED);
  if (member.size <= MOST_CHECKED && checksum(await bytesOf(content, 0, content.size)) !== member.crc) throw new Error(DAMAGED);
  const head = await bytesOf(content, 0, 10);
  const length = head.length === 10 ? new DataView(head.buffer).getUint16(8, true) : 0;
  const none = new Error("a member is no array of numbers");
  if (!latin(head).startsWith(`${MAGIC}\x01\x00`)) throw none;
  const text = latin(await bytesOf(content, 10, 10 + length));
  const found = HEADER.exec(text);
  if (!found || !/^[<>|]$/.test(found[1]) || !/^[biufcU]$/.test(found[2]) || !found[3] || !text.endsWith("\n")) throw none;
  const header = described(text);
  const bytes = header.kind === "U" ? 4 * header.size : header.size;
  if (!bytes || header.shape.reduce((a, b) => a * b, bytes) !== content.size - 10 - length) {
    throw new Error("the size of a member is not that of its array");
  }
  return new Stored(content, 10 + length, header);
}

// The array of a name in a .npz file, or the only one.
export async function readNpz(blob, name, path) {
  const arrays = new Map();
  try {
    const members = await membersOf(blob);
    const total = members.reduce((sum, { packed, size }) => sum + Math.max(packed, size), 0);
    if (members.every(({ method }) => method === 0)) {
      if (total > blob.size) throw new Error("its members are larger than itself");
    } else if (total > LARGEST) throw new Error(`it unpacks to ${grouped(total)} bytes; write it with numpy.savez`);
    for (const member of members) {
      const key = member.name.replace(/\.npy$/, "");
      if (key === member.name || arrays.has(key)) {
        throw new Error(`its member ${Array.from(quoted(member.name)).slice(0, 60).join("")} is unexpected`);
      }
      arrays.set(key, await memberOf(blob, member));
    }
  } catch (/** @type {any} */ error) {
    const reason = error instanceof RangeError ? DAMAGED : error.message;
    throw new Error(`path must name an archive of arrays, got ${quoted(path)}: ${reason}`);
  }
  if ([...arrays.values()].some(({ kind }) => !"biuf".includes(kind))) {
    throw new Error("it holds text or complex numbers; save numeric arrays");
  }
  if (!arrays.has(name) && arrays.size !== 1) {
    const held = [...arrays.keys()].sort().map(quoted).join(", ") || "nothing";
    throw new Error(`it holds ${held}; call the one that is meant ${quoted(name)}, or say which: ${path}:NAME`);
  }
  return arrays.get(name) ?? [...arrays.values()][0];
}

