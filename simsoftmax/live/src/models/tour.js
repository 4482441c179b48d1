// A tour through the temperatures, from the cold to the heat and home.

const COLD = 0.15;
const HOT = 6;
const TIMES = [2.5, 1, 6, 2]; // seconds: at home, into the cold, into the heat, and home again

// The temperature after so many seconds, by ratio on each leg; undefined once the tour is over.
export function tourAt(seconds, home) {
  const places = [home, home, COLD, HOT, home];
  let left = seconds;
  for (let leg = 0; leg < TIMES.length; leg += 1) {
    if (left < TIMES[leg]) {
      const u = left / TIMES[leg];
      return Number((places[leg] * (places[leg + 1] / places[leg]) ** (u * u * (3 - 2 * u))).toPrecision(3));
    }
    left -= TIMES[leg];
  }
  return undefined;
}
