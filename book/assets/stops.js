// Where the Tab key stops. A chapter has a hundred links, words that act, folds and buttons, and who reads by the keyboard
// should not press on through all of them to come to the next question. What belongs to the text of a section is one stop
// together, as radio buttons are, up to the next figure or question, which is stepped over by none: the keys ← and → go from
// one to the next, and a note says so. So is the rail, with ↑ and ↓ too. Figures, questions, and what is scrolled by keys
// keep their own stops. Without scripts everything is a stop.
(() => {
  const ITEMS = "a[href], button, summary, .live-link[role]";
  const ALONE = ".ssm, .predict, .answers, .live-note";
  const RAIL = ".bd-sidebar-secondary";
  const STEPS = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: 1, ArrowUp: -1 };

  const taken = new WeakSet(); // those that were taken out of the order here, and not by their own makers
  const visits = new WeakMap(); // when the reader was where
  let visit = 0;
  const seen = (node) => node.checkVisibility({ visibilityProperty: true });

  // What is one stop together. Scripts add buttons and words come to life at any time, and folds hide what is in them, so
  // this is asked whenever a key is pressed.
  function groups() {
    const all = [];
    let place = null;
    for (const node of document.querySelectorAll(`${ITEMS}, ${ALONE}`)) {
      const here = node.closest(ALONE) ? null : node.closest(`${RAIL}, .bd-article section`);
      if (!seen(node) || (here && node.tabIndex < 0 && !taken.has(node))) continue;
      if (here && here !== place) all.push([]);
      if (here) all.at(-1).push(node);
      place = here;
    }
    return all;
  }
  const groupOf = (node) => (node.matches?.(ITEMS) && groups().find((group) => group.includes(node))) || [];

  // Where the reader was last stands for its group, or the first. It is settled when the focus is about to move.
  function settle() {
    for (const group of groups()) {
      const stop = group.reduce((best, node) => ((visits.get(node) ?? 0) > (visits.get(best) ?? 0) ? node : best));
      for (const node of group) {
        node.tabIndex = node === stop ? 0 : -1;
        node === stop ? taken.delete(node) : taken.add(node);
      }
    }
  }

  document.addEventListener(
    "keydown",
    (event) => {
      const { key, target } = event;
      if (event.altKey || event.ctrlKey || event.metaKey) return;
      if (key === "Tab") settle();
      const step = STEPS[key];
      if (!step || (/Up|Down/.test(key) && !target.closest?.(RAIL))) return;
      const group = groupOf(target);
      if (group.length < 2) return;
      event.preventDefault();
      group[group.indexOf(target) + step]?.focus();
    },
    { capture: true },
  );

  const note = document.createElement("p");
  note.className = "stop-note";
  note.setAttribute("role", "status");
  document.addEventListener("focusin", ({ target }) => {
    visits.set(target, (visit += 1));
    const group = target.matches(":focus-visible") ? groupOf(target) : [];
    const keys = target.closest(RAIL) ? "↑\u00a0↓" : "←\u00a0→"; // on one line
    note.textContent = group.length > 1 ? `${group.indexOf(target) + 1} of ${group.length} here: ${keys}` : "";
  });
  document.addEventListener("focusout", () => {
    note.textContent = "";
  });
  (document.querySelector("main") ?? document.body).append(note);
})();
