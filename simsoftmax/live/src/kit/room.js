// How high drawings may be. The place of a figure says how much height it has, by --ssm-room: beside the text the window's,
// pinned over it a part of that. Where a figure would be higher, what waits behind a word is folded away first, and then
// its drawings become lower, all in one measure, down to what can still be read. A place that says nothing has room enough.

const squeezed = new WeakMap(); // root of a figure: 0, drawings as high as they like, to 1, as low as they may be

/**
 * Return the height of a drawing.
 * @param {Element} root of its figure
 * @param {number} full
 * @param {number} least
 */
export const tall = (root, full, least) => Math.round(full - (squeezed.get(root) ?? 0) * Math.max(0, full - least));

export const roomOf = (root) => parseFloat(getComputedStyle(root).getPropertyValue("--ssm-room")) || Infinity;

// What a reader has unfolded is not to be made room for.
function heightOf(root) {
  const open = [...root.querySelectorAll(".ssm-fold[open]")];
  return root.offsetHeight - open.reduce((sum, fold) => sum + fold.offsetHeight - fold.firstElementChild.offsetHeight, 0);
}

// Lay a figure out, by layout(tight), so that it has the room of its place, as far as it can.
export function fit(root, layout) {
  const room = roomOf(root);
  const height = (squeeze, tight) => {
    squeezed.set(root, squeeze);
    root.classList.toggle("ssm-tight", tight);
    layout(tight);
    return room === Infinity ? 0 : heightOf(root);
  };
  if (height(0, false) <= room) return;
  const folded = height(0, true);
  if (folded <= room) return;
  const least = height(1, true);
  if (least >= room) return;
  // Columns side by side are as high as the higher one, so the way between the two is no straight line.
  for (let squeeze = (folded - room) / (folded - least); squeeze < 0.98; squeeze += 0.3 * (1 - squeeze)) {
    if (height(squeeze, true) <= room) return;
  }
  height(1, true);
}
