// Temperature is a colour, and a place on a scale that has both exact limits.

import { interpolateRgb } from "d3-interpolate";
import { scaleLog } from "d3-scale";
import { COLDEST, HEAT, HOTTEST } from "./look.js";

const shade = scaleLog([COLDEST, 1, HOTTEST], HEAT)
  .interpolate(interpolateRgb)
  .clamp(true);
export const heat = (temperature) => shade(Math.min(HOTTEST, Math.max(COLDEST, temperature)));

// Most of the scale is logarithmic; its two ends are the exact limits, T = 0 and T = infinity.
const END = 0.07;
const along = scaleLog([COLDEST, HOTTEST], [END, 1 - END]);
// Between them and the marks next to them it goes with T and with 1 / T.
export const place = (t) => (t < COLDEST ? (END * t) / COLDEST : t > HOTTEST ? 1 - (END * HOTTEST) / t : along(t));
export function temperatureAt(u) {
  if (u < END / 2) return 0;
  if (u > 1 - END / 2) return Infinity;
  return Number(Math.min(HOTTEST, Math.max(COLDEST, along.invert(u))).toPrecision(3));
}
const TICKS = [0, COLDEST, 0.2, 1, 5, HOTTEST, Infinity];
// Where there is little room, the ends keep only the exact limits.
export const ticksFor = (length) => TICKS.filter((t) => Math.abs(length) > 280 || (t !== COLDEST && t !== HOTTEST));
export const tickText = (t) => (t === Infinity ? "∞" : String(t));

// Where a key takes a temperature: a tenth up or down, by 60 percent with a page, to the exact limits at the ends;
// undefined for other keys.
export function turned(temperature, key) {
  const steps = { ArrowUp: 1, ArrowRight: 1, ArrowDown: -1, ArrowLeft: -1, PageUp: 5, PageDown: -5 }[key];
  if (key === "Home") return 0;
  if (key === "End") return Infinity;
  if (steps === undefined) return undefined;
  if (temperature === 0) return steps > 0 ? COLDEST : 0;
  if (temperature === Infinity) return steps > 0 ? Infinity : HOTTEST;
  const next = Number((temperature * 1.1 ** steps).toPrecision(3));
  if (next > HOTTEST) return temperature >= HOTTEST ? Infinity : HOTTEST;
  if (next < COLDEST) return temperature <= COLDEST ? 0 : COLDEST;
  return next;
}

// Colours that mark evenly spaced places between the limits, from 0 to 1.
export const shadeAt = (u) => heat(along.invert(END + u * (1 - 2 * END)));

// The thermometer's scale for other plots, in the form that d3-axis expects.
export function temperatureScale([low, high]) {
  const scale = (t) => low + (high - low) * place(t);
  return Object.assign(scale, {
    invert: (x) => temperatureAt((x - low) / (high - low)),
    range: () => [low, high],
    copy: () => temperatureScale([low, high]),
  });
}

// Temperatures that draw a smooth curve from one exact limit to the other. Beyond the marks they lie evenly on the scale,
// and by the same factor down to a billionth and up to a billion, so that nothing is missed which happens there.
const FINE = 32;
const middle = Array.from({ length: 141 }, (_, i) => along.invert(END + ((1 - 2 * END) * i) / 140));
const even = Array.from({ length: FINE - 1 }, (_, i) => FINE / (i + 1)); // 32, 16, 10.7, ... 1.03
const steps = [...even, ...Array.from({ length: 88 }, (_, i) => 1.25 ** (i + 1))].sort((a, b) => a - b);
export const CURVE = [
  0, ...steps.map((step) => COLDEST / step).reverse(), ...middle, ...steps.map((step) => HOTTEST * step), Infinity,
];
