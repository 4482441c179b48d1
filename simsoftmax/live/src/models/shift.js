// Pictures that are turned and made noisy, the network that reads them, and the temperature that would be honest there.

import * as format from "../kit/format.js";
import { copy } from "../kit/kernels.js";
import { Rows } from "./rows.js";

const BINNING = { bins: 10, mass: false };
const WHITE = 255; // grey values travel as bytes
const STEP = 5; // degrees between the points of the course

export class Shift extends Rows {
  // What travels: grey values and labels as bytes, the network's arrays one after another, their sizes, a stream's state.
  constructor(kernels, { greys, labels, network, shape: { side, hidden, levels }, stream }) {
    const truth = new Uint8Array(copy(labels));
    super(kernels, kernels.array("float64", truth.length * levels), truth);
    this.side = side;
    this.pixels = side * side;
    this.levels = levels;
    this.pictures = kernels.floats(Array.from(new Uint8Array(copy(greys)), (grey) => grey / WHITE));
    this.seen = kernels.array("float64", this.pictures.length);
    const numbers = new Float32Array(copy(network));
    let from = 0;
    const next = (length) => kernels.floats(numbers.subarray(from, (from += length)));
    this.first = next(this.pixels * hidden);
    this.firstBias = next(hidden);
    this.second = next(hidden * levels);
    this.secondBias = next(levels);
    this.start = new BigUint64Array(copy(stream));
    this.stream = kernels.array("uint64", this.start.length);
  }

  // Turn the pictures, add the same noise every time, and let the network read them.
  look(turn, noise) {
    const { kernels, seen } = this;
    kernels.turn(this.pictures, this.side, turn, seen);
    if (noise > 0) {
      this.stream.view.set(this.start);
      kernels.speckle(seen, noise, this.stream);
    }
    kernels.read(
      seen, this.count, this.pixels, this.firstBias, this.secondBias, this.first, this.second, this.logits,
    );
  }

  // The temperature at which the labels are likeliest, for what was looked at last.
  honest() {
    return this.kernels.honest_temperature(this.logits, this.labels);
  }

  // The honest temperature at every turn between two, as points [turn, T].
  course([least, most], noise) {
    const turns = Array.from({ length: Math.round((most - least) / STEP) + 1 }, (_, i) => least + i * STEP);
    return turns.map((turn) => {
      this.look(turn, noise);
      return [turn, this.honest()];
    });
  }

  judged(temperature) {
    return this.judge(temperature, BINNING);
  }

  // Some of the pictures with what the network answers; to be asked after judged().
  some(count) {
    const [confidence, outcome, seen, logits] = [this.confidence, this.outcome, this.seen, this.logits].map(({ view }) => view);
    return Array.from({ length: Math.min(count, this.count) }, (_, n) => {
      const row = logits.subarray(n * this.levels, (n + 1) * this.levels);
      return {
        greys: seen.subarray(n * this.pixels, (n + 1) * this.pixels),
        answer: row.indexOf(Math.max(...row)),
        right: outcome[n] === 1,
        confidence: confidence[n],
      };
    });
  }

  told({ temperature, accuracy, confidence, points }, honest, { turn, noise }) {
    const [sure, right] = [confidence, accuracy].map((share) => format.percent(share, 0));
    const where = [turn ? `turned by ${format.count(Math.abs(turn))}° to the ${turn > 0 ? "left" : "right"}` : "", noise ? `noise of ${format.fixed(noise, 2)}` : ""];
    const place = where.filter(Boolean).join(" and ") || "at home";
    const verdict =
      points < 3 ? "honest on the whole." : `${format.fixed(points, 0)} points too ${confidence > accuracy ? "sure" : "modest"}.`;
    const wanted = honest === temperature ? "" : ` T = ${format.temperature(honest)} would be honest on the whole.`;
    return `${place[0].toUpperCase()}${place.slice(1)}: ${sure} sure, ${right} right: ${verdict}${wanted}`;
  }
}
