// Numbers as a reader expects them: tabular, with a true minus sign, and infinity as a symbol.

const tidy = (text) => text.replace("-", "−");

export function fixed(value, digits = 3) {
  if (!Number.isFinite(value)) return value > 0 ? "∞" : value < 0 ? "−∞" : "undefined";
  if (Math.abs(value) >= 1e5) return tidy(value.toExponential(2));
  const text = value.toFixed(digits);
  return Number(text) === 0 ? text.replace("-", "") : tidy(text);
}

export const temperature = (value) =>
  value === 0 ? "0" : value === Infinity ? "∞" : value >= 1000 || value < 0.001 ? tidy(value.toExponential(2)) : value.toPrecision(3);

// Up to four digits; what is only rounding is zero.
export const short = (value) =>
  !Number.isFinite(value) ? fixed(value) : Math.abs(value) < 1e-12 ? "0" : tidy(String(Number(value.toPrecision(4))));

// A score, to a hundredth: 2, 0.1, −2.09.
export const score = (value) => short(Number(value.toFixed(2)));

// Digits that count, and no more: 1.23, 17.0, 141.
export const significant = (value, digits = 3) =>
  tidy(value >= 10 ** digits ? count(Number(value.toPrecision(digits))) : value.toPrecision(digits));

export const percent = (share, digits = 1) => `${fixed(100 * share, digits)} %`;

export const count = (value) => Math.round(value).toLocaleString("en-US");

// 12,300,000 -> "12 million"
export function roughly(value) {
  if (value >= 1e9) return `${Number((value / 1e9).toPrecision(2))} billion`;
  if (value >= 1e6) return `${Number((value / 1e6).toPrecision(2))} million`;
  if (value < 10) return String(Number(value.toPrecision(2)));
  return count(Number(value.toPrecision(2)));
}

// What a person typed, as a number: "0.3", "−1", "inf", "∞"; NaN if it is none.
export function parse(text) {
  const clean = text.trim().replace(/[−–]/g, "-").toLowerCase();
  const infinite = /^([+-]?)(inf|infinity|∞)$/.exec(clean);
  if (infinite) return infinite[1] === "-" ? -Infinity : Infinity;
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/.test(clean) ? Number(clean) + 0 : NaN; // -0 would be minus infinitely cold
}

// An entropy, given in nats, as a number of equal choices: "1.9".
export const choices = (entropy) => fixed(Math.exp(entropy), 1);

// Ten to a whole power: "10⁶".
export const power = (exponent) => `10${[...String(exponent)].map((digit) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[digit]).join("")}`;

// Evidence, given as a logarithm, as odds: "120 to 1", "1 to 3".
export function odds(log) {
  const size = Math.abs(log);
  const times = size > 21 ? power(Math.floor(size / Math.LN10)) : roughly(Math.exp(size));
  return log >= 0 ? `${times} to 1` : `1 to ${times}`;
}
