// Grains that are laid row by row: how large they are, where they lie, and how dark they are.

/**
 * The largest grains, in whole pixels of the screen, of which so many fill a width no higher than a height.
 * @param {number} count
 * @param {number} width
 * @param {number} height
 */
export function grainsFor(count, width, height) {
  let best = { across: 1, down: 1, columns: Math.max(1, Math.floor(width)) };
  for (let across = 1; across <= 24; across += 1) {
    const columns = Math.floor(width / across);
    if (columns < 1) break;
    const down = Math.min(across, Math.floor(height / Math.ceil(count / columns)));
    if (down >= 1 && 2 * down >= across && across * down > best.across * best.down) best = { across, down, columns };
  }
  return { ...best, rows: Math.ceil(count / best.columns) };
}

const DARKNESS = 0.75; // of a pile, from 0 to 1
const DARKEST = 0.9; // of grains, on the mean
const SPREAD = 0.2; // by how much one may be darker or paler than the mean

/**
 * How dark grains of a size are, and the seam of a pixel between those that are large enough for one. A seam takes up more
 * of a small grain, so it is not quite pale there: piles are as dark on every screen, whatever the size of its pixels.
 * @param {{ across: number, down: number }} grain
 */
export function inkOf({ across, down }) {
  const seam = down > 2 ? 1 : 0;
  const inner = ((across - seam) * (down - seam)) / (across * down);
  const mean = Math.min(DARKEST, DARKNESS / inner);
  const between = seam && (DARKNESS - mean * inner) / (1 - inner);
  const spread = Math.min(SPREAD, 1 - mean);
  return { seam, between, darkest: mean + spread, palest: mean - spread };
}

// How dark the n-th grain is, from 0 to 1: without a pattern, and always the same, so that a pile which rests does not
// flicker (the finalizer of A. Appleby's MurmurHash3).
export function shadeOf(n) {
  const mixed = Math.imul(n ^ (n >>> 16), 0x85ebca6b);
  return ((Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35) >>> 8) % 4096) / 4096;
}
