// Answers of a person as rows of logits: his temperature and its interval, and words about it.

import * as format from "../kit/format.js";
import { Rows } from "./rows.js";
import { fitTemperature } from "./temperature_fit.js";

const MORE = 2; // times as many answers: what would they narrow?

export class Answers extends Rows {
  // answers: [alternatives, confidence, right or not], one for each question.
  constructor(kernels, answers) {
    const most = Math.max(...answers.map(([alternatives]) => alternatives));
    const logits = kernels.array("float64", answers.length * most);
    const alternatives = kernels.array("int64", answers.length);
    alternatives.view.set(answers.map(([number]) => BigInt(number)));
    kernels.state_logits(alternatives, kernels.floats(answers.map(([, sure]) => sure)), logits);
    const labels = answers.map(([, , right]) => 1 - right);
    super(kernels, logits, labels);
    this.levels = most;
    this.wrong = labels;
  }

  // The temperature that makes the reader honest and its interval, as `fit_temperature` has them; and the interval of more
  // answers of the same kind.
  async fit() {
    const [{ temperature, low, high, status }, more] = [await this.times(1), await this.times(MORE)];
    const inside = status === "interior";
    return { temperature, low, high, lower: inside ? more.low : NaN, upper: inside ? more.high : NaN };
  }

  // The fit of the same answers so many times over.
  async times(number) {
    const once = this.logits.view.slice();
    const read = (start, stop) => Array.from({ length: stop - start }, (_, i) => once[(start + i) % once.length]);
    const labels = Float64Array.from({ length: number * this.count }, (_, n) => this.wrong[n % this.count]);
    const { fit } = await fitTemperature(this.kernels, { shape: [labels.length, this.levels], read }, labels);
    return fit;
  }
}

const two = (value) => (value === 0 || value === Infinity ? format.temperature(value) : format.significant(value, 2));

/** What an interval says: too sure, too modest, or neither that one could tell. */
export function told({ temperature, low, high, lower, upper }, count, who) {
  const [You, are] = who === "yours" ? ["You", "are"] : ["This reader", "is"];
  if (Number.isNaN(temperature)) return `${You} had no idea of any answer, and said so: no temperature can be read off that.`;
  const sides = temperature >= 1 ? [temperature, low, high] : [1 / temperature, 1 / high, 1 / low];
  const [factor, least, most] = sides.map(two);
  const way = temperature >= 1 ? "too sure" : "too modest";
  const reach = `between ${two(low)} and ${two(high)}`;
  const sentence =
    low <= 1 && high >= 1
      ? `${You} may well be honest: the temperature is ${two(temperature)}, ${reach}, and that holds 1.`
      : temperature === Infinity || temperature === 0
        ? `${You} ${are} ${way} without measure: by a factor of ${least} at least.`
        : `${You} ${are} ${way} by a factor of ${factor}, between ${least} and ${most}.`;
  const narrower = `${format.count(count)} answers say so; twice as many of the same kind would narrow the temperature to between ${two(lower)} and ${two(upper)}.`;
  return Number.isNaN(lower) ? sentence : `${sentence} ${narrower}`;
}

/** What is missing, as long as it is too early. */
export function missing(count, least) {
  const more = least - count;
  const have = count === 0 ? "You have answered no question yet" : count === 1 ? "You have answered one question" : `You have answered ${count} questions`;
  return `${have}. From ten on a temperature can be read: ${more} more. Until then, look at a reader who has answered.`;
}
