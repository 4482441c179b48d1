// Words of the text that act on a live figure (book/_ext/live_links.py writes them). They meet in three events on the root
// of the figure: "simsoftmax:ready" says that it stands and brings a function `get` that reads its traits, "simsoftmax:set"
// changes it, "simsoftmax:change" says that it has changed.
//
// The reader is at a word of a sentence and stays there: nothing scrolls unasked. Where the figure is out of sight, it comes:
// what matters of it is pinned to the half of the window that the word is not in, in one sheet with a note that says what has
// changed and offers what else the figure has, the way to the whole of it, and from there the way back. It goes when its words
// have gone by. Where there is no room for it, the note stands alone.
(() => {
  const still = matchMedia("(prefers-reduced-motion: reduce)");
  const BAR = 64; // pixels at the top that a bar may cover
  const BARS = ".bd-header, .bd-header-article";
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
  const further = button("live-note-more", "more", () => turn());
  further.title = "What else the figure has";
  const note = make("span", { className: "live-note", hidden: true }, what, show, further, close);
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

  // The rows of a figure: what stands beside one another is one, what stands below one another are several. Each is a list
  // of nodes. Words over the figure and what is folded are left out.
  const LEFT_OUT = ".ssm-title, .ssm-caption, .ssm-hidden, details";
  const WHOLE = ".ssm-paper, .ssm-choices, .ssm-readouts";
  function rowsOf(node) {
    const boxes = [...node.children]
      .filter((child) => !child.matches(LEFT_OUT) && child.checkVisibility() && child.getBoundingClientRect().height > 1)
      .map((child) => ({ child, ...(({ top, bottom }) => ({ top, bottom }))(child.getBoundingClientRect()) }))
      .sort((a, b) => a.top - b.top);
    const bands = [];
    for (const { child, top, bottom } of boxes) {
      const band = bands.at(-1);
      if (!band || top > band.bottom - 1) bands.push({ nodes: [child], bottom });
      else band.nodes.push(child);
      bands.at(-1).bottom = Math.max(bands.at(-1).bottom, bottom);
    }
    return bands.flatMap(({ nodes }) => {
      const [only] = nodes;
      const parts = nodes.length === 1 && only.matches(`div:not(${WHOLE})`) ? rowsOf(only) : [];
      return parts.length ? parts : [nodes];
    });
  }
  const has = (nodes, selector) => nodes.some((node) => node.matches(selector) || node.querySelector(selector));
  const sum = (nodes, of) => nodes.reduce((all, node) => all + of(node.getBoundingClientRect()), 0);
  const areaOf = (nodes) => sum(nodes, ({ width, height }) => width * height);
  // The drawing that comes first, unless another is far larger; then what is said of it; then what it is turned by.
  const DRAWN = "svg:not(.ssm-thermometer, .ssm-meter), .ssm-paper";
  const TURNED = ".ssm-thermometer:not(.ssm-fixed), .ssm-controls";
  function mattering(rows) {
    const drawn = rows.filter((row) => has(row, DRAWN));
    const largest = Math.max(...drawn.map(areaOf));
    const main = drawn.find((row) => areaOf(row) > 0.85 * largest);
    const rest = rows.filter((row) => row !== main);
    return main ? [main, ...rest.filter((row) => has(row, ".ssm-verdict")), ...rest.filter((row) => has(row, TURNED) && !has(row, DRAWN))] : [];
  }

  // A sheet is at most SHARE of the window's height, and shows whole rows only. The place of its figure keeps its height, so
  // no line moves.
  const SHARE = 0.45;
  const LOWEST = 150; // pixels below which no drawing can be read
  const sheet = { rows: [], first: [], shown: [], later: [], least: new Map(), room: 0, bar: 0, wide: 0 };
  const barOf = () =>
    Math.max(0, ...[...document.querySelectorAll(BARS)].filter((bar) => /sticky|fixed/.test(getComputedStyle(bar).position)).map((bar) => bar.getBoundingClientRect().bottom));

  // Show as many of some rows as there is room for, from the first on; the figure lays itself out in that room.
  function lay(figure, wanted) {
    const least = (rows) => rows.reduce((all, row) => all + sheet.least.get(row), 0);
    for (let count = wanted.length; count > 0; count -= 1) {
      const shown = wanted.slice(0, count);
      if (count > 1 && least(shown) > sheet.room) continue;
      const nodes = new Set(shown.flat());
      for (const node of figure.querySelectorAll(".live-later")) node.classList.remove("live-later");
      const hide = (node) => {
        for (const child of node.children) {
          if (nodes.has(child) || child.matches(".ssm-hidden")) continue;
          if ([...nodes].some((one) => child.contains(one))) hide(child);
          else child.classList.add("live-later");
        }
      };
      hide(figure);
      figure.dispatchEvent(new CustomEvent("simsoftmax:room"));
      if (figure.offsetHeight <= sheet.room) return shown;
    }
    return [];
  }
  // On to the rows that have not been seen, but for one that is too high by itself, and from the last back to the first.
  function turn() {
    while (sheet.later.length) {
      const shown = lay(about, sheet.later);
      Object.assign(sheet, { shown, later: sheet.later.slice(shown.length || 1) });
      if (shown.length) return;
    }
    begin(about);
  }
  function begin(figure) {
    sheet.shown = lay(figure, sheet.first);
    sheet.later = sheet.rows.filter((row) => !sheet.shown.includes(row));
    return sheet.shown.length > 0;
  }

  function pin(figure, high) {
    const place = placeOf(figure);
    const { left: x, right } = place.getBoundingClientRect();
    const wide = document.documentElement.clientWidth;
    const bar = high ? barOf() : 0;
    for (const node of [figure, note]) {
      node.style.setProperty("--pin-left", `${x}px`);
      node.style.setProperty("--pin-right", `${wide - right}px`);
    }
    note.classList.add("live-note-sheet");
    note.classList.remove("live-note-alone");
    note.style.setProperty("--pin-edge", `${bar}px`);
    further.hidden = false;
    const below = (1 - SHARE) * innerHeight - 48 - bar; // where the word may be, from above
    Object.assign(sheet, { bar, wide: innerWidth, room: Math.min(SHARE * innerHeight, below) - note.offsetHeight });
    if (sheet.room < LOWEST) return false;
    if (!figure.classList.contains("live-pinned")) {
      place.style.minHeight = `${place.offsetHeight}px`;
      sheet.rows = rowsOf(figure);
      sheet.first = mattering(sheet.rows);
      // Drawings can become lower, not by half; words cannot.
      const heightOf = (row) => Math.max(...row.map((node) => node.getBoundingClientRect().height)) * (has(row, DRAWN) ? 0.5 : 1);
      sheet.least = new Map(sheet.rows.map((row) => [row, heightOf(row)]));
    }
    figure.classList.add("live-pinned");
    figure.classList.toggle("live-pinned-high", high);
    figure.style.setProperty("--ssm-room", `${sheet.room}px`);
    if (!begin(figure)) return false;
    further.hidden = !sheet.later.length;
    figure.style.setProperty("--pin-edge", `${high ? bar : note.offsetHeight}px`);
    grows.observe(figure);
    return true;
  }
  // What a figure says may take another line: the note below it gives way, and where a sheet would be higher than half of
  // the window, the figure does.
  const grows = new ResizeObserver(() => {
    if (!about.classList.contains("live-pinned")) return;
    if (about.offsetHeight + note.offsetHeight > innerHeight / 2) sheet.shown = lay(about, sheet.shown);
    note.style.setProperty("--pin-edge", `${sheet.bar + about.offsetHeight}px`);
  });
  const beside = matchMedia("(min-width: 1200px)");
  function alone(figure) {
    unpin(figure);
    note.classList.toggle("live-note-sheet", !beside.matches);
    note.classList.add("live-note-alone");
    further.hidden = true;
  }
  function unpin(figure) {
    grows.disconnect();
    if (!figure?.classList.contains("live-pinned")) return;
    figure.classList.remove("live-pinned", "live-pinned-high");
    for (const node of figure.querySelectorAll(".live-later")) node.classList.remove("live-later");
    figure.style.removeProperty("--ssm-room");
    figure.dispatchEvent(new CustomEvent("simsoftmax:room"));
    placeOf(figure).style.removeProperty("min-height");
  }
  function hush() {
    note.hidden = true;
    ways.disconnect();
    come.disconnect();
    unpin(about);
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
    if (!pin(figure, high)) alone(figure);
    near.clear();
    const id = link.dataset.figure;
    for (const word of document.querySelectorAll(".live-link")) if (word.dataset.figure === id) ways.observe(word);
    come.observe(placeOf(figure));
  }

  // In another window it would have other measures.
  addEventListener("resize", () => note.hidden || innerWidth === sheet.wide || hush());
  document.addEventListener("keydown", ({ key, target }) => {
    if (key !== "Escape" || note.hidden || target.closest?.(".live-link")) return;
    if (note.contains(target) || about.contains(target)) left.focus({ preventScroll: true });
    hush();
  });

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
