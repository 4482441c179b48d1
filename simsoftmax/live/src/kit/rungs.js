// Where the rungs of a ladder stand: low is down, levels of (nearly) equal energy side by side, as physicists draw them.

const CLOSE = 12; // pixels between rungs that share a line
const GAP = 7; // either side of where two of them meet

// The logit at a height that a hand has chosen, in steps that a pixel can tell apart.
export function scoreAt(height, y) {
  const step = Math.abs(height.invert(1) - height.invert(0)) > 0.04 ? 10 : 100;
  return Math.round(height.invert(y) * step) / step;
}

// height: a scale from logits to pixels; forbidden levels are at the top, those out of sight at the edges.
export function rungs(logits, height, { left, right, top, bottom }) {
  const y = logits.map((z) => (Number.isFinite(z) ? Math.min(bottom, Math.max(top, height(z))) : top));
  const order = y.map((_, k) => k).sort((a, b) => y[a] - y[b] || a - b);
  const spots = [];
  for (let start = 0; start < order.length; ) {
    let end = start + 1;
    while (end < order.length && y[order[end]] - y[order[start]] < CLOSE) end += 1;
    const group = order.slice(start, end).sort((a, b) => a - b);
    const share = (right - left) / group.length;
    group.forEach((k, n) => {
      spots[k] = {
        y: y[k],
        x0: left + n * share + (n ? GAP : 0),
        x1: left + (n + 1) * share - (n + 1 < group.length ? GAP : 0),
      };
    });
    start = end;
  }
  return spots;
}
