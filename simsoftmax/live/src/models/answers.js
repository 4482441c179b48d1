// Answers of a person as rows of logits: his temperature and its interval, and words about it.

import * as format from "../kit/format.js";
import { Rows } from "./rows.js";

const TAIL = 0.025; // beyond each end of an interval
const MORE = 2; // times as many answers: what would they narrow?

export class Answers extends Rows {
  // answers: [alternatives, confidence, right or not], one for each question.
  constructor(kernels, answers) {
    const most = Math.max(...answers.map(([alternatives]) => alternatives));
    const logits = kernels.array("float64", answers.length * most);
    const alternatives = kernels.array("int64", answers.length);
    alternatives.view.set(answers.map(([number]) => BigInt(number)));
    kernels.state_logits(alternatives, kernels.floats(answers.map(([, sure]) => sure)), logits);
    super(kernels, logits, answers.map(([, , right]) => 1 - right));
    this.limits = kernels.array("float64", 4);
    this.open = answers.some(([number, sure]) => sure * number > 1 + 1e-9); // somebody was not without any idea
  }

  // The temperature that makes the reader honest, its interval, and that of twice as many answers; none if he had no idea
  // of anything.
  fit() {
    if (!this.open) return { temperature: NaN, low: 0, high: Infinity, lower: NaN, upper: NaN };
    const temperature = this.kernels.honest_temperature(this.logits, this.labels);
    this.kernels.honest_interval(this.logits, this.labels, temperature, TAIL, MORE, this.limits);
    const [low, high, lower, upper] = this.limits.view;
    return { temperature, low, high, lower, upper };
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
