// Traits that a link of the page has set travel to their new values, so that the eye can follow.

import { COLDEST, HOTTEST } from "./look.js";

const TIME = 600; // milliseconds

// A function of the way done, from 0 to 1; nothing for a trait that jumps.
export function way(how, from, to) {
  if (how === "by ratio") {
    const number = (value) => (value === "inf" ? HOTTEST : Math.min(HOTTEST, Math.max(COLDEST, value)));
    const [start, ratio] = [number(from), number(to) / number(from)];
    return (u) => Number((start * ratio ** u).toPrecision(4));
  }
  if (how === "in whole numbers") return (u) => Math.round(from + (to - from) * u);
  if (how === "together" && from.length === to.length && [...from, ...to].every(Number.isFinite)) {
    return (u) => from.map((z, k) => z + (to[k] - z) * u);
  }
  return undefined;
}

export class Glide {
  // travels(name) tells how a trait travels; put(changes) sets traits; rest() is called on arrival.
  constructor(travels, put, rest) {
    this.travels = travels;
    this.put = put;
    this.rest = rest;
    this.handle = 0;
    this.traits = [];
  }

  get moving() {
    return this.handle !== 0;
  }

  // now(name): the present value of a trait; goal: the values to come to.
  start(now, goal) {
    this.stop();
    const all = Object.entries(goal).map(([name, to]) => ({ name, at: way(this.travels(name), now(name), to) }));
    const ways = all.filter(({ at }) => at);
    this.traits = ways.map(({ name }) => name);
    this.put(Object.fromEntries(Object.entries(goal).filter(([name]) => !this.traits.includes(name))));
    if (!ways.length) return;
    let begun;
    const tick = (time) => {
      begun ??= time;
      const u = Math.min(1, (time - begun) / TIME);
      this.handle = u < 1 ? requestAnimationFrame(tick) : 0;
      this.put(Object.fromEntries(ways.map(({ name, at }) => [name, u < 1 ? at(u * u * (3 - 2 * u)) : goal[name]])));
      if (!this.moving) this.rest();
    };
    this.handle = requestAnimationFrame(tick);
  }

  stop() {
    cancelAnimationFrame(this.handle);
    this.handle = 0;
  }
}
