// Distributions over three levels as points of a triangle whose corners are the levels: barycentric coordinates.

/**
 * Where a distribution lies.
 * @param {number[]} q
 * @param {[number, number][]} corners
 * @returns {[number, number]}
 */
export function spotOf(q, corners) {
  const sum = (axis) => q[0] * corners[0][axis] + q[1] * corners[1][axis] + q[2] * corners[2][axis];
  return [sum(0), sum(1)];
}

/**
 * The distribution at a place, kept inside: shares below the least become that, and all are divided by their sum.
 * @param {number} x
 * @param {number} y
 * @param {[number, number][]} corners
 * @param {number} least
 */
export function distributionAt(x, y, corners, least) {
  const [[ax, ay], [bx, by], [cx, cy]] = corners;
  const area = (by - cy) * (ax - cx) + (cx - bx) * (ay - cy);
  const first = ((by - cy) * (x - cx) + (cx - bx) * (y - cy)) / area;
  const second = ((cy - ay) * (x - cx) + (ax - cx) * (y - cy)) / area;
  const q = [first, second, 1 - first - second].map((share) => Math.max(least, share));
  const total = q[0] + q[1] + q[2];
  return q.map((share) => share / total);
}
