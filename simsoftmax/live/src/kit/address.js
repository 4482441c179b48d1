// What a reader has set in the figures of a page, as the query of its address: "?temperature=0.5&2.bins=30" is a trait of
// the first figure and one of the second. No page, no kernel.
//
// Anybody can write an address, and one may be older than the page. So a value is taken only by the rule that Python gives
// for its trait (LiveFigure in simsoftmax/live/base.py), and all else is as if it were not there.

import { decode, encode } from "./wire.js";

const DECIMAL = /^-?(\d+\.?\d*|\.\d+)(e[-+]?\d{1,3})?$/i;

// A number that is written out, as traits hold it, or nothing.
function number(text, { from, to, whole }) {
  const value = DECIMAL.test(text) ? Number(text) + 0 : /^-?inf$/.test(text) ? decode(text) : NaN;
  const fits = value >= decode(from) && value <= decode(to) && (whole ? Number.isSafeInteger(value) : true);
  return fits && (Number.isFinite(value) || /inf/.test(text)) ? encode(value) : undefined;
}

// A row of numbers, or nothing. `length` is that of the row whose length it must have, if there is one.
function row(text, rule, length) {
  if (text === "") return rule.empty ? [] : undefined;
  const parts = text.split(",");
  const [least, most] = length === undefined ? rule.length : [length, length];
  if (parts.length < least || parts.length > most) return undefined;
  const values = parts.map((part) => (rule.forbidden && part === "-inf" ? part : number(part, rule)));
  if (values.includes(undefined) || !values.some(Number.isFinite)) return undefined;
  if (rule.sum === undefined) return values;
  return Math.abs(values.reduce((sum, value) => sum + value, -rule.sum)) <= 1e-9 ? values : undefined;
}

// The value of a trait that a text stands for, or nothing.
export function readTrait(text, rule, length) {
  if (rule.among) return rule.among.find((choice) => String(choice) === text);
  return rule.length ? row(text, rule, length) : number(text, rule);
}

const key = (place, name) => (place ? `${place + 1}.${name}` : name);

/**
 * What the query of an address sets in each figure of a page.
 * @param {string} query
 * @param {{ rules: { [name: string]: any }, get: (name: string) => any }[]} figures in the order of the page
 */
export function readAddress(query, figures) {
  const given = new URLSearchParams(query);
  return figures.map(({ rules, get }, place) => {
    const taken = {};
    const dependentLast = Object.entries(rules).sort(([, a], [, b]) => Number("as_long_as" in a) - Number("as_long_as" in b));
    for (const [name, rule] of dependentLast) {
      const text = given.get(key(place, name));
      if (text === null) continue;
      const value = readTrait(text, rule, rule.as_long_as && (taken[rule.as_long_as] ?? get(rule.as_long_as)).length);
      if (value !== undefined) taken[name] = value;
    }
    return taken;
  });
}

/**
 * The query of an address in which figures are as they are now; what it says of other things stays.
 * @param {string} query
 * @param {{ rules: { [name: string]: any }, get: (name: string) => any, saved: (name: string) => any }[]} figures
 */
export function writeAddress(query, figures) {
  const ours = new Set(figures.flatMap(({ rules }, place) => Object.keys(rules).map((name) => key(place, name))));
  const parts = query.replace(/^\?/, "").split("&");
  const kept = parts.filter((part) => part && !ours.has([...new URLSearchParams(part).keys()][0]));
  for (const [place, { rules, get, saved }] of figures.entries()) {
    for (const name of Object.keys(rules)) {
      const [text, first] = [String(get(name)), String(saved(name))];
      if (text !== first) kept.push(`${key(place, name)}=${encodeURIComponent(text).replace(/%2C/g, ",").replace(/%20/g, "+")}`);
    }
  }
  return kept.length ? `?${kept.join("&")}` : "";
}
