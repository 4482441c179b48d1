// Grains that are laid row by row: how large they are, and where they lie.

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

// How dark the n-th grain is, from 0 to 1: without a pattern, and always the same, so that a pile which rests does not
// flicker (the finalizer of A. Appleby's MurmurHash3).
export function shadeOf(n) {
  const mixed = Math.imul(n ^ (n >>> 16), 0x85ebca6b);
  return ((Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35) >>> 8) % 4096) / 4096;
}
