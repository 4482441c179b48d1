// Text as Python writes it, so that a page and the command line say the same of the same file.

const SPACE = "[\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]";
const ENDS = new RegExp(`^${SPACE}+|${SPACE}+$`, "g");

// str.strip()
export const strip = (text) => text.replace(ENDS, "");

// str.split()
export const words = (text) => text.split(new RegExp(`${SPACE}+`)).filter(Boolean);

const NAMED = { "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t" };
const HIDDEN = /[\p{C}\p{Z}]/u;

// repr() of a text.
export function quoted(text) {
  const mark = text.includes("'") && !text.includes('"') ? '"' : "'";
  const shown = Array.from(text, (letter) => {
    if (letter in NAMED) return NAMED[letter];
    if (letter === mark) return `\\${mark}`;
    if (letter === " " || !HIDDEN.test(letter)) return letter;
    const code = letter.codePointAt(0).toString(16);
    if (code.length <= 2) return `\\x${code.padStart(2, "0")}`;
    return code.length <= 4 ? `\\u${code.padStart(4, "0")}` : `\\U${code.padStart(8, "0")}`;
  });
  return mark + shown.join("") + mark;
}

// A text of at most so many letters, with dots in place of the rest.
export function shortened(text, most = 40) {
  const letters = Array.from(text);
  return letters.length <= most ? text : `${letters.slice(0, most - 3).join("")}...`;
}

// str() of a tuple of whole numbers.
export const tuple = (numbers) => `(${numbers.join(", ")}${numbers.length === 1 ? "," : ""})`;

const infinite = (value) => (Number.isNaN(value) ? "nan" : value > 0 ? "inf" : "-inf");

// repr() of a float.
export function shown(value) {
  if (!Number.isFinite(value)) return infinite(value);
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-4 || size >= 1e16)) {
    return value.toExponential().replace(/e([+-])(\d)$/, "e$10$2");
  }
  const text = Object.is(value, -0) ? "-0" : String(value);
  return text.includes(".") ? text : `${text}.0`;
}

// f"{value:.{digits}g}"
export function general(value, digits) {
  if (!Number.isFinite(value)) return infinite(value);
  if (value === 0) return Object.is(value, -0) ? "-0" : "0";
  const [mantissa, power] = value.toExponential(digits - 1).split("e");
  const exponent = Number(power);
  const bare = (text) => (text.includes(".") ? text.replace(/\.?0+$/, "") : text);
  if (exponent < -4 || exponent >= digits) {
    return `${bare(mantissa)}e${exponent < 0 ? "-" : "+"}${String(Math.abs(exponent)).padStart(2, "0")}`;
  }
  return bare(value.toFixed(Math.max(0, digits - 1 - exponent)));
}

// f"{value:,}" of a whole number.
export const grouped = (value) => String(value).replace(/\B(?=(\d{3})+$)/g, ",");

// A share as a percentage, as `simsoftmax.verdict.power.percent` writes it.
export function percent(share) {
  let digits = share <= 0.1 ? 2 : 3;
  if (share > 0.99 && share < 1) {
    const rest = (100 * (1 - share)).toExponential();
    digits = Math.max(4, 2 - Number(rest.slice(rest.indexOf("e") + 1)));
  }
  return `${general(100 * share, digits)} %`;
}
