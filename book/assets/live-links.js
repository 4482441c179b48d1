// Words of the text that act on a live figure (book/_ext/live_links.py writes them). They meet in three events on the root
// of the figure: "simsoftmax:ready" says that it stands and brings a function `get` that reads its traits, "simsoftmax:set"
// changes it, "simsoftmax:change" says that it has changed.
//
// The reader is at a word of a sentence and stays there: nothing scrolls unasked. Where the figure is out of sight, it comes:
// what matters of it is pinned to the half of the window that the word is not in, over a note that says what has changed and
// offers the way to the whole figure, and from there the way back. It goes when its words have gone by.
(() => {
  const still = matchMedia("(prefers-reduced-motion: reduce)");
  const BAR = 64; // pixels at the top that a bar may cover
  const SETTLES = 1500; // milliseconds within which a figure may take its new height
  const same = (a, b) => Object.keys(a).every((name) => JSON.stringify(a[name]) === JSON.stringify(b[name]));

  document.addEventListener("simsoftmax:ready", ({ target, detail }) => {
    for (const link of document.querySelectorAll(".live-link:not([role])")) {
      if (document.getElementById(link.dataset.figure).contains(target)) enliven(link, target, detail.get);
    }
  });

  function enliven(link, figure, get) {
    const { set, press } = JSON.parse(link.dataset.act);
    const now = () => Object.fromEntries(Object.keys(set).map((name) => [name, get(name)]));
    // Settings alone are taken back by the same words; a button is pressed each time.
    const reversible = !press.length;
    let before = null;
    const mark = (state) => {
      before = state;
      if (reversible) link.setAttribute("aria-pressed", String(Boolean(state)));
      link.title = state ? "Once more: back to what it was" : "";
    };
    const act = () => {
      const goal = before ?? set;
      const next = before || !reversible || same(set, now()) ? null : now();
      hold(link, figure);
      figure.dispatchEvent(new CustomEvent("simsoftmax:set", { detail: { set: goal, press } }));
      tell(figure, link, before ? `${link.textContent}: taken back` : link.textContent);
      mark(next);
    };
    figure.addEventListener("simsoftmax:change", () => {
      if (before && !same(set, now())) mark(null);
    });
    link.setAttribute("role", "button");
    link.setAttribute("aria-controls", link.dataset.figure);
    link.tabIndex = 0;
    mark(null);
    link.addEventListener("click", act);
    link.addEventListener("keydown", (event) => {
      if (event.key === "Escape") hush();
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      if (!event.repeat) act();
    });
  }

  // A figure that grows or shrinks above a word must not move the word.
  let release = () => {};
  function hold(link, figure) {
    release();
    let { top } = link.getBoundingClientRect();
    const remember = () => ({ top } = link.getBoundingClientRect());
    const observer = new ResizeObserver(() => scrollBy({ top: link.getBoundingClientRect().top - top, behavior: "instant" }));
    observer.observe(figure);
    addEventListener("scroll", remember, { passive: true });
    const timer = setTimeout(() => release(), SETTLES);
    release = () => {
      clearTimeout(timer);
      observer.disconnect();
      removeEventListener("scroll", remember);
    };
  }

  const make = (tag, properties, ...children) => {
    const node = Object.assign(document.createElement(tag), properties);
    node.append(...children);
    return node;
  };
  const button = (className, text, onClick) => {
    const node = make("button", { type: "button", className, textContent: text });
    node.addEventListener("click", (event) => {
      event.stopPropagation();
      onClick();
    });
    return node;
  };

  // What has changed out of sight. It stands behind its word, where the keyboard finds it.
  const what = make("span", { className: "live-note-what" });
  const show = button("live-note-show", "show it", () => go());
  const close = button("live-note-close", "×", () => {
    hush();
    left?.focus({ preventScroll: true });
  });
  close.setAttribute("aria-label", "Close this note");
  const note = make("span", { className: "live-note", hidden: true }, what, show, close);
  const aloud = make("span", { className: "live-aloud" });
  aloud.setAttribute("role", "status");
  const near = new Set(); // the words of the figure that are in the window
  const ways = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) isIntersecting ? near.add(target) : near.delete(target);
    if (!near.size) hush(); // the reader has gone on
  });
  let left = null; // the word that was read
  let about = null; // the figure that it acts on

  // Where a figure belongs, also while it is pinned elsewhere.
  const placeOf = (figure) => figure.closest("[id^=live-figure]") ?? figure;
  const inSight = (figure) => {
    const { top, bottom } = placeOf(figure).getBoundingClientRect();
    return Math.min(bottom, innerHeight) - Math.max(top, BAR) >= 0.5 * Math.min(bottom - top, innerHeight);
  };
  const come = new IntersectionObserver(() => about && inSight(about) && hush(), { threshold: [0, 0.25, 0.5, 0.75] });

  // What matters of a figure, at most SHARE of the window's height. Its place keeps its height, so no line moves.
  const SHARE = 0.45;
  const SMALLEST = 0.75; // below this its letters could not be read; the rest is a matter of scrolling in it
  function pin(figure, high) {
    const place = placeOf(figure);
    const { left: x, width } = place.getBoundingClientRect();
    place.style.minHeight = `${place.offsetHeight}px`;
    const room = SHARE * innerHeight - note.offsetHeight - 36;
    const set = (name, value) => figure.style.setProperty(`--pin-${name}`, value);
    set("left", `${x}px`);
    set("width", `${width}px`);
    set("edge", `${note.offsetHeight + (high ? BAR : 12) + 16}px`);
    figure.classList.add("live-pinned");
    figure.classList.toggle("live-pinned-high", high);
    const scale = Math.min(1, Math.max(SMALLEST, room / figure.scrollHeight));
    set("scale", scale);
    set("height", `${room / scale}px`);
  }
  function hush() {
    note.hidden = true;
    ways.disconnect();
    come.disconnect();
    if (!about?.classList.contains("live-pinned")) return;
    about.classList.remove("live-pinned", "live-pinned-high");
    placeOf(about).style.removeProperty("min-height");
  }

  function tell(figure, link, text) {
    if (about !== figure) hush();
    [left, about] = [link, figure];
    if (inSight(figure)) {
      hush();
      return;
    }
    const where = placeOf(figure).getBoundingClientRect().top < link.getBoundingClientRect().top ? "above" : "below";
    what.textContent = `The figure ${where} has changed: ${text}.`;
    if (!aloud.isConnected) (document.querySelector("main") ?? document.body).append(aloud);
    aloud.textContent = what.textContent;
    link.after(note);
    const high = link.getBoundingClientRect().bottom > (1 - SHARE) * innerHeight - 12;
    note.classList.toggle("live-note-high", high);
    note.hidden = false;
    pin(figure, high);
    near.clear();
    const id = link.dataset.figure;
    for (const word of document.querySelectorAll(".live-link")) if (word.dataset.figure === id) ways.observe(word);
    come.observe(placeOf(figure));
  }

  // The way to the figure, and back.
  const back = button("live-back", "back to the text", () => {
    left.scrollIntoView({ behavior: still.matches ? "auto" : "smooth", block: "center" });
    left.focus({ preventScroll: true });
  });
  back.hidden = true;
  back.title = "Escape";
  const returned = new IntersectionObserver(
    (entries) => {
      back.hidden = entries.at(-1).isIntersecting;
    },
    { rootMargin: "-64px 0px -8px" }, // not under the bar at the top
  );
  document.addEventListener("keydown", ({ key }) => {
    if (key === "Escape" && !back.hidden && about?.contains(document.activeElement)) back.click();
  });

  function go() {
    release();
    hush();
    const { top, bottom } = about.getBoundingClientRect();
    const block = bottom - top < innerHeight ? "nearest" : "start";
    about.tabIndex = -1;
    about.focus({ preventScroll: true });
    about.scrollIntoView({ behavior: still.matches ? "auto" : "smooth", block });
    if (!back.isConnected) (document.querySelector("main") ?? document.body).append(back);
    returned.disconnect();
    returned.observe(left);
  }
})();
