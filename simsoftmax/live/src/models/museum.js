// A sampler of the museum at work: what it draws, what a check of the usual kind says, and what the verdict says.

import * as format from "../kit/format.js";
import { copy } from "../kit/kernels.js";

const MOST = 500; // contexts in one piece
const WORDS = 4; // of a stream's state
const CHECKS = 4; // numbers that checks look at

export class Museum {
  /** @type {any} what the verdict would be now */
  verdict;
  /** @type {any} what it was when it was last asked */
  looked;
  /** @type {any} and when it last failed */
  proof;

  // stream: the states of three streams, for contexts, for their draws and for those of the check; museum: what Python
  // says of samplers and checks.
  constructor(kernels, stream, museum) {
    this.kernels = kernels;
    this.museum = museum;
    const { row, edges, theta, outcome } = museum;
    const levels = row.length;
    const [bins, tilts] = [edges.length + 1, theta.length];
    const floats = (n) => kernels.array("float64", n);
    const whole = (n) => kernels.array("int64", n);
    this.levels = levels;
    this.streams = [0, 1, 2].map(() => kernels.array("uint64", WORDS));
    this.seeds = new BigUint64Array(copy(stream));
    this.dials = { stated: floats(museum.dials), drawn: floats(museum.dials) };
    this.row = kernels.floats(row);
    this.edges = kernels.floats(edges);
    this.theta = kernels.floats(theta);
    this.logits = floats(MOST * levels);
    this.masses = floats(MOST * levels);
    this.draws = whole(MOST);
    this.order = whole(levels);
    // The check's own row: what is drawn from, what should be, how often each token came.
    this.check = { drawn: floats(levels), stated: floats(levels), counts: whole(levels), out: floats(CHECKS) };
    this.checked = whole(MOST * museum.checked);
    this.link = kernels.array("uint64", 1); // a hash of all draws so far
    this.ranks = whole(bins);
    this.ratio = floats(bins);
    this.error = floats(bins);
    this.curve = [floats(tilts), floats(tilts), floats(tilts)];
    this.totals = floats(3);
    this.places = floats(3 * levels);
    this.products = floats(levels * levels);
    this.space = { group: whole(levels), excess: floats(levels), matrix: floats(levels * levels), coefficients: floats(6 * tilts) };
    const most = Math.max(...museum.looks) + 1;
    this.bounds = [whole(bins - 1), whole(bins - 1), floats(most), floats(most), floats(most)];
    this.tail = floats(2);
    this.out = floats(outcome.length);
  }

  // Begin with a sampler, a check and a stated temperature; the contexts and the random numbers are the same for all.
  begin({ sampler, rule, temperature }) {
    const { kernels, museum, check, order, dials } = this;
    this.temperature = temperature;
    this.rule = museum.rules[rule];
    this.streams.forEach((stream, i) => stream.view.set(this.seeds.subarray(WORDS * i, WORDS * (i + 1))));
    for (const which of ["stated", "drawn"]) {
      dials[which].view.set(museum.samplers[sampler][which]);
      kernels.token_masses(this.row, this.rule.default ? 1 : temperature, dials[which], order, check[which]);
    }
    for (const sums of [check.counts, this.ranks, this.link]) sums.view.fill(0n);
    for (const sums of [...this.curve, this.totals, this.places, this.products]) sums.view.fill(0);
    this.contexts = 0;
    this.looked = undefined;
    this.proof = undefined;
    this.caughtAt = 0;
    this.judge();
  }

  // Other contexts and other draws, from the next time on.
  renew() {
    this.seeds = BigUint64Array.from(this.streams.flatMap((stream) => Array.from(stream.view)));
  }

  get next() {
    return this.museum.looks.find((look) => look > this.contexts);
  }

  get finished() {
    return this.next === undefined;
  }

  // Draw from so many contexts more, as far as the next look at most; returns whether it was one.
  advance(contexts) {
    if (this.finished) return false;
    const look = this.next;
    const goal = Math.min(look, this.contexts + Math.max(1, Math.floor(contexts)));
    while (this.contexts < goal) this.add(Math.min(MOST, goal - this.contexts));
    this.judge(this.contexts === look);
    if (this.contexts < look) return false;
    this.looked = this.verdict;
    if (this.fails(this.looked)) {
      this.proof = this.looked;
      this.caughtAt ||= look;
    }
    return true;
  }

  add(rows) {
    const { kernels, museum, levels, temperature, order, dials, check, streams } = this;
    const [logits, masses] = [this.logits.part(0, rows * levels), this.masses.part(0, rows * levels)];
    const draws = this.draws.part(0, rows);
    kernels.draw_contexts(streams[0], museum.width, logits);
    kernels.token_masses(logits, temperature, dials.drawn, order, masses);
    kernels.draw_tokens(masses, levels, streams[1], draws);
    kernels.token_masses(logits, temperature, dials.stated, order, masses);
    kernels.add_residuals(
      draws, logits, masses, levels, temperature, this.link, this.edges, this.theta, this.ranks, ...this.curve,
      this.totals, this.places, this.products,
    );
    const checked = this.checked.part(0, rows * museum.checked);
    kernels.draw_tokens(check.drawn, levels, streams[2], checked);
    const counts = check.counts.view;
    for (const token of checked.view) counts[Number(token)] += 1n;
    this.contexts += rows;
  }

  // What the verdict is now. Between its looks the tail is judged by a bound that takes no time.
  judge(looks = false) {
    const { kernels, museum, check } = this;
    const { edges, ranks, theta, curve, totals, places, products, space, out, link } = this;
    kernels.rank_shares(edges, ranks, this.ratio, this.error);
    const tail = kernels.tail_p_value(edges, ranks, link, looks ? 1 : 0, ...this.bounds, this.tail);
    kernels.judge_draws(
      theta, ...curve, totals, link, space.group, space.excess, places, products, space.matrix, this.temperature, museum.quantile,
      tail, space.coefficients, out,
    );
    this.verdict = Object.fromEntries(museum.outcome.map((name, i) => [name, out.view[i]]));
    [this.verdict.tail_edge, this.verdict.tail_share] = this.tail.view;
    this.verdict.contexts = this.contexts;
    this.verdict.forbidden = totals.view[museum.forbidden];
    if (this.contexts) kernels.compare_shares(check.counts, check.stated, check.out);
  }

  fails({ p_value }) {
    return p_value <= this.museum.alarm;
  }

  // What the check looks at, and whether it is content; nothing before there are draws.
  get checking() {
    if (!this.contexts) return undefined;
    const { number, above, threshold } = this.rule;
    const value = this.check.out.view[number];
    return { number, value, green: value > threshold === above, draws: this.contexts * this.museum.checked };
  }

  // Why a verdict failed, in words.
  reasons(verdict) {
    if (verdict.forbidden) {
      const many = verdict.forbidden === 1 ? "a token" : `${format.count(verdict.forbidden)} tokens`;
      return [`it drew ${many} that the filters forbid`];
    }
    const failed = (p) => verdict.telling * p <= this.museum.alarm;
    const { estimate, low, high, tail_edge, tail_share, token, excess } = verdict;
    const [edge, share] = [format.percent(tail_edge), format.percent(tail_share)];
    return [
      failed(verdict.temperature_p) &&
        `it runs at T = ${format.temperature(estimate)}, between ${format.temperature(low)} and ${format.temperature(high)}, instead of ${format.temperature(this.temperature)}`,
      failed(verdict.tail_p) && `${share} of the draws, instead of ${edge}, are in the least likely ${edge} of the mass`,
      failed(verdict.place_p) &&
        `token ${token} is drawn too ${excess > 0 ? "often" : "seldom"}, by ${format.significant(Math.abs(excess), 2)} standard deviations`,
    ].filter(Boolean);
  }

  // How things stand in words, and what of it is worth announcing.
  get told() {
    const { checking, proof, looked } = this;
    if (!looked) {
      const first = format.count(this.museum.looks[0]);
      return [`${format.count(this.contexts)} contexts so far. The verdict is asked after ${first} of them, and each time that there are twice as many.`, ""];
    }
    const check = checking.green ? "The check is green." : "The check is red, too.";
    if (!proof) {
      const { contexts, estimate, low, high } = looked;
      const runs = `it runs at T = ${format.temperature(estimate)}, between ${format.temperature(low)} and ${format.temperature(high)}`;
      const text = `${format.count(contexts)} contexts agree with what is stated; as far as they tell, ${runs}. ${checking.green ? check : "The check is red."}`;
      return [text, this.finished ? "The verdict passed." : ""];
    }
    const after = format.count(this.caughtAt);
    return [`Caught after ${after} contexts: ${this.reasons(proof).join("; ")}. ${check}`, `Caught after ${after} contexts.`];
  }
}
