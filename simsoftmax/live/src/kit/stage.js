// The ground that every explorer stands on: its root element, its traits, its clock, its width, its words.

import { add, reducedMotion } from "./dom.js";
import { Glide } from "./glide.js";
import { fit, roomOf } from "./room.js";

export class Stage {
  // One explorer in one place of a page. `label` names it to a screen reader.
  constructor(el, model, label) {
    this.model = model;
    this.cleanups = [];
    const travels = (name) => model.get("_travels")?.[name];
    this.glide = new Glide(travels, (changes) => this.put(changes), () => this.tellChange());
    this.onCleanup(() => this.glide.stop());
    this.root = add(el, "div", { className: "ssm", role: "group" });
    this.root.setAttribute("aria-label", label);
    this.title = add(this.root, "p", { className: "ssm-title" });
    this.caption = add(this.root, "p", { className: "ssm-caption" });
    this.follow(["title", "caption"], () => {
      for (const name of ["title", "caption"]) {
        this[name].textContent = model.get(name) ?? "";
        this[name].hidden = !this[name].textContent;
      }
    });
    this.live = add(this.root, "p", { className: "ssm-hidden", role: "status" });
    this.root.addEventListener("simsoftmax:set", (event) => this.obey(event.detail));
    this.follow([], () => this.tellChange());
  }

  // Words of the page act on the figure by an event "simsoftmax:set" on its root: `set` holds values for traits, `press`
  // the names of buttons.
  obey({ set = {}, press = [] }) {
    this.go(set);
    for (const name of press) {
      [...this.root.querySelectorAll("button")].find((node) => node.textContent === name)?.click();
    }
  }

  // Tell the page something: "ready" once the figure stands, "change" when traits may have changed and none is on its way.
  tell(what) {
    const detail = { get: (name) => this.model.get(name) };
    this.root.dispatchEvent(new CustomEvent(`simsoftmax:${what}`, { bubbles: true, detail }));
  }

  // Tell of many changes at one go once.
  tellChange() {
    if (this.telling) return;
    this.telling = true;
    queueMicrotask(() => {
      this.telling = false;
      if (!this.glide.moving) this.tell("change");
    });
  }

  // Set traits, on a way that the eye can follow.
  go(changes) {
    if (reducedMotion()) this.set(changes);
    else this.glide.start((name) => this.model.get(name), changes);
  }

  onCleanup(cleanup) {
    this.cleanups.push(cleanup);
  }

  // Call back now and whenever one of the traits changes, or any if none is named, whoever changed it. Each name has a
  // subscription of its own: not every host of a widget understands several at once.
  follow(traits, callback) {
    const names = traits.length ? traits.map((trait) => `change:${trait}`) : ["change"];
    for (const name of names) {
      this.model.on(name, callback);
      this.onCleanup(() => this.model.off(name, callback));
    }
    callback();
  }

  set(changes) {
    // A reader's hand stops what a link has set in motion.
    if (Object.keys(changes).some((name) => this.glide.traits.includes(name))) this.glide.stop();
    this.put(changes);
  }

  put(changes) {
    for (const [key, value] of Object.entries(changes)) this.model.set(key, value);
    this.model.save_changes();
  }

  // A row of settings under the figure; on a small screen it is opened when it is wanted.
  settings() {
    this.more = add(this.root, "details", { className: "ssm-more", open: true });
    add(this.more, "summary", {}, "settings");
    return add(this.more, "div", { className: "ssm-controls ssm-settings" });
  }

  // What is written on a button that words of the page may press, by what Python calls it.
  words(name) {
    return this.model.get("_buttons")[name];
  }

  // The least and the most of what may be set here.
  limits(name) {
    return this.model.get("_limits")[name];
  }

  // Tell a screen reader something, once.
  say(text) {
    if (this.live.textContent !== text) this.live.textContent = text;
  }

  // Call layout(width) whenever the figure's own width changes, or the height that its place has for it.
  resize(layout) {
    let last = 0;
    let room = 0;
    const arrange = (width) => {
      const first = last === 0;
      [last, room] = [width, roomOf(this.root)];
      fit(this.root, (tight) => {
        layout(width);
        const wide = !this.root.classList.contains("ssm-narrow");
        if (this.more && (first || wide)) this.more.open = wide && !tight;
      });
      if (first) this.tell("ready");
    };
    const observer = new ResizeObserver(([entry]) => {
      const width = Math.floor(entry.contentRect.width);
      if (width !== 0 && width !== last) arrange(width);
    });
    observer.observe(this.root);
    const again = () => last && roomOf(this.root) !== room && arrange(last);
    addEventListener("resize", again);
    // A page that shows some parts of a figure alone has it find its measure again.
    this.root.addEventListener("simsoftmax:room", () => last && arrange(last));
    // Words may take other lines in the page's own font.
    document.fonts?.ready.then(() => room !== Infinity && this.root.isConnected && last && arrange(last));
    this.onCleanup(() => {
      observer.disconnect();
      removeEventListener("resize", again);
    });
  }

  // Call frame(seconds since the last one) while the figure is in sight; frame returns whether it wants another.
  // With reduced motion there are four frames a second: the picture changes, it does not move.
  animate(frame) {
    let inSight = true;
    let last = 0;
    let handle = 0;
    let wanted = true;
    const tick = (now) => {
      handle = 0;
      const elapsed = now - last;
      if (reducedMotion() && elapsed < 250) return schedule();
      last = now;
      this.frames = (this.frames ?? 0) + 1;
      wanted = frame(Math.min(elapsed / 1000, reducedMotion() ? 0.25 : 0.1));
      return schedule();
    };
    const schedule = () => {
      if (!handle && wanted && inSight && !document.hidden) handle = requestAnimationFrame(tick);
    };
    const observer = new IntersectionObserver(([entry]) => {
      inSight = entry.isIntersecting;
      schedule();
    });
    observer.observe(this.root);
    document.addEventListener("visibilitychange", schedule);
    this.onCleanup(() => {
      wanted = false;
      cancelAnimationFrame(handle);
      observer.disconnect();
      document.removeEventListener("visibilitychange", schedule);
    });
    schedule();
    return () => {
      wanted = true;
      schedule();
    };
  }

  close() {
    for (const cleanup of this.cleanups.splice(0)) cleanup();
    this.root.remove();
  }
}
