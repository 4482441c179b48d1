// What is done now and then and not in every frame: telling numbers and words, telling Python.

export class Seldom {
  last = Number.NEGATIVE_INFINITY; // a page may be younger than the pause when the first time comes

  // pause: milliseconds between one time and the next.
  constructor(pause) {
    this.pause = pause;
  }

  // Whether its time has come; if so, the next comes after the pause.
  due() {
    const now = performance.now();
    if (now - this.last < this.pause) return false;
    this.last = now;
    return true;
  }

  // Whether it was done so lately that what has changed since may have waited.
  get lately() {
    return performance.now() - this.last < 2 * this.pause;
  }

  // Something has happened that cannot wait.
  soon() {
    this.last = Number.NEGATIVE_INFINITY;
  }
}
