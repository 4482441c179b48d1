// Where piles stand: each at its energy, low is down, and so far apart that no pile of a softmax reaches the next.

// The k-th level from below holds at most a share of 1 / k, so it needs no more than that part of a whole pile's height.
const needs = (count, whole, least) => Array.from({ length: count }, (_, k) => Math.max(least, whole / (k + 1) + 6));
const sum = (values) => values.reduce((total, value) => total + value, 0);

// The height of a pile that holds everything, as high as may be: piles and their labels leave some room to energy.
export function wholePile(count, { top, bottom, least, most }) {
  let whole = Math.floor(most);
  while (whole > 20 && sum(needs(count, whole, least)) > 0.92 * (bottom - top)) whole -= 1;
  return whole;
}

/**
 * Heights on the screen, one a level. order: levels from the top down; height: a scale from logits; forbidden levels are
 * above all others.
 * @param {number[]} logits
 * @param {{ order: number[], height: (logit: number) => number, top: number, bottom: number, least: number, whole: number }} room
 */
export function shelves(logits, { order, height, top, bottom, least, whole }) {
  const up = [...order].reverse();
  const need = needs(up.length, whole, least);
  const wanted = up.map((k) => (Number.isFinite(logits[k]) ? height(logits[k]) : top));
  const places = [];
  wanted.forEach((y, i) => places.push(Math.min(y, i ? places[i - 1] - need[i - 1] : bottom)));
  let limit = top;
  for (let i = places.length - 1; i >= 0; i -= 1) {
    limit += need[i];
    places[i] = Math.max(places[i], limit);
    limit = places[i];
  }
  const found = [];
  up.forEach((k, i) => {
    found[k] = places[i];
  });
  return found;
}
