// Places as near to the wanted ones as a least distance between neighbours allows, all within [start, end] with half the
// distance to spare; wanted in growing order.
export function spread(wanted, step, [start, end]) {
  const places = [];
  wanted.forEach((at, i) => places.push(Math.max(at, i ? places[i - 1] + step : start + step / 2)));
  for (let i = places.length - 1, limit = end - step / 2; i >= 0; i -= 1, limit = places[i + 1] - step) {
    places[i] = Math.min(places[i], limit);
  }
  return places;
}
