// Words of the text that act on a live figure (book/_ext/live_links.py writes them). They meet in three events on the root
// of the figure: "simsoftmax:ready" says that it stands and brings a function `get` that reads its traits, "simsoftmax:set"
// changes it, "simsoftmax:change" says that it has changed.
//
// The reader is at a word of a sentence and stays there: nothing scrolls unasked. Where the figure is out of sight, a note
// says what has changed and offers the way there, and from there the way back.
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
      if (event.key === "Escape") note.hidden = true;
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

  // What has changed out of sight. It stands behind its word, where the keyboard finds it, and says the figure's own words.
  const what = make("span", { className: "live-note-what" });
  const says = make("span", { className: "live-note-says" });
  const show = button("live-note-show", "show it", () => go());
  const close = button("live-note-close", "×", () => {
    note.hidden = true;
    left?.focus({ preventScroll: true });
  });
  close.setAttribute("aria-label", "Close this note");
  const note = make("span", { className: "live-note", hidden: true }, make("span", {}, what, says), show, close);
  const aloud = make("span", { className: "live-aloud" });
  aloud.setAttribute("role", "status");
  const ways = new IntersectionObserver((entries) => {
    if (!entries.at(-1).isIntersecting) note.hidden = true; // the reader has gone on
  });
  let left = null; // the word that was read
  let about = null; // the figure that it acts on

  const inSight = (figure) => {
    const { top, bottom } = figure.getBoundingClientRect();
    return Math.min(bottom, innerHeight) - Math.max(top, BAR) >= 0.5 * Math.min(bottom - top, innerHeight);
  };
  const quote = () => {
    const words = about.querySelector("[data-out=verdict]")?.textContent ?? "";
    const numbers = [...about.querySelectorAll(".ssm-readouts > div")].map(
      (item) => `${item.querySelector(".ssm-name").textContent} ${item.querySelector("[data-out]").textContent}`,
    );
    says.textContent = words || numbers.join(", ");
  };
  document.addEventListener("simsoftmax:change", ({ target }) => {
    if (target !== about || note.hidden) return;
    if (inSight(about)) note.hidden = true;
    else setTimeout(quote, 250); // the figure writes its words a few times a second
  });

  function tell(figure, link, text) {
    [left, about] = [link, figure];
    if (inSight(figure)) {
      note.hidden = true;
      return;
    }
    const place = figure.getBoundingClientRect().top < link.getBoundingClientRect().top ? "above" : "below";
    what.textContent = `The figure ${place} has changed: ${text}.`;
    if (!aloud.isConnected) (document.querySelector("main") ?? document.body).append(aloud);
    aloud.textContent = what.textContent;
    quote();
    link.after(note);
    note.classList.toggle("live-note-high", link.getBoundingClientRect().bottom > innerHeight - 180);
    note.hidden = false;
    ways.disconnect();
    ways.observe(link);
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
    note.hidden = true;
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
