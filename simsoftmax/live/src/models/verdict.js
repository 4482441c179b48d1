// What particles come to, in the words of a person.

import * as format from "../kit/format.js";

export const CAUGHT = 2 * Math.LN10; // odds of 100 to 1, as a logarithm

// A verdict on a population in words, and what of it is worth announcing.
export function verdictOn({ particles, forgetting, draws, sweeps, logEvidence }) {
  const n = format.count(particles);
  if (forgetting < 0) {
    return [`${n} particles are frozen in: they would need more than 10¹² sweeps to forget where they began.`, "Frozen in."];
  }
  if (!draws) {
    const due = format.count(forgetting + 1);
    return [`${n} particles are finding their balance: sweep ${format.count(Math.floor(sweeps))} of the ${due} after which their start is forgotten.`];
  }
  const drawn = format.roughly(draws);
  const odds = format.odds(logEvidence);
  if (logEvidence === Infinity) return ["A particle is in a level that softmax forbids.", "Not softmax."];
  if (logEvidence > CAUGHT) {
    return [
      `These particles do not follow softmax(z/T). Evidence against it: ${odds}, after ${drawn} draws. Under softmax such odds ever turn up in at most one run in ${odds.replace(/ to 1$/, "")}.`,
      "The particles do not follow softmax.",
    ];
  }
  if (logEvidence > 0) {
    return [`${drawn} draws leave it open. Evidence against softmax(z/T): ${odds}, which chance may bring.`, ""];
  }
  const lost = logEvidence < -2.3 ? "nearly all" : "some";
  const bet = logEvidence < -0.05 ? ` A fair bet on a difference would have lost ${lost} of its stake.` : "";
  return [
    `${drawn} draws agree with softmax(z/T). Evidence against it: ${odds}.${bet}`,
    "The particles agree with softmax.",
  ];
}

export const recordIn = ({ particles, every }) => [
  `${format.count(particles)} particles, recorded ${every === 1 ? "every sweep" : `every ${format.count(every)} sweeps`}.`,
];
