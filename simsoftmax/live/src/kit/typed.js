// What a person typed, as numbers that are fit to use, or what is wrong with it in words.

import * as format from "./format.js";

// Logits further from 0 than this cannot be set here.
export const FARTHEST = 1000;

// A row of logits that a person typed, or a complaint.
export function readLogits(text, [least, most]) {
  const logits = text.split(/[,;\s]+/).filter(Boolean).map(format.parse);
  if (logits.length < least || logits.length > most) return { complaint: `Give ${least} to ${most} logits, with commas between.` };
  if (logits.some((z) => Number.isNaN(z))) return { complaint: "Each logit must be a number, such as 2, −0.5 or -inf." };
  if (logits.some((z) => z > FARTHEST || (z < -FARTHEST && z > -Infinity))) {
    return { complaint: `Logits must lie between −${FARTHEST} and ${FARTHEST}.` };
  }
  if (!logits.some(Number.isFinite)) return { complaint: "At least one logit must be finite." };
  return { logits };
}

// A temperature that a person typed, or a complaint. finite: the most that it may be and why, where infinity is refused.
export function readTemperature(text, finite) {
  const temperature = format.parse(text);
  if (finite && temperature > finite.most) {
    return { complaint: `The temperature must be finite here, and no more than ${format.roughly(finite.most)}: ${finite.why}.` };
  }
  if (!(temperature >= 0)) return { complaint: "The temperature must be a number, 0 or more; inf is allowed." };
  return { temperature };
}
