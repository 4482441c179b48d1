// Words of the text that act on a live figure (book/_ext/live_links.py writes them). A figure answers three events on its
// root: "simsoftmax:set" changes it, "simsoftmax:ready" says that it stands, "simsoftmax:change" that it has changed.
(() => {
  const still = matchMedia("(prefers-reduced-motion: reduce)");
  const same = (a, b) => Object.keys(a).every((name) => JSON.stringify(a[name]) === JSON.stringify(b[name]));

  document.addEventListener("simsoftmax:ready", ({ target }) => {
    for (const link of document.querySelectorAll(".live-link:not([role])")) {
      if (document.getElementById(link.dataset.figure).contains(target)) enliven(link, target);
    }
  });

  function enliven(link, figure) {
    const { set, press } = JSON.parse(link.dataset.act);
    const names = Object.keys(set);
    // Settings alone are taken back by the same words; a button is pressed each time.
    const reversible = !press.length;
    let before = null;
    const mark = (state) => {
      before = state;
      if (reversible) link.setAttribute("aria-pressed", String(Boolean(state)));
      link.title = state ? "Once more: back to what it was" : "";
    };
    const act = () => {
      const detail = { set: before ?? set, press };
      figure.dispatchEvent(new CustomEvent("simsoftmax:set", { detail }));
      mark(before || !reversible || same(set, detail.before) ? null : detail.before);
      reveal(figure, link);
    };
    figure.addEventListener("simsoftmax:change", ({ detail }) => {
      if (before && !same(set, Object.fromEntries(names.map((name) => [name, detail.get(name)])))) mark(null);
    });
    link.setAttribute("role", "button");
    link.setAttribute("aria-controls", link.dataset.figure);
    link.tabIndex = 0;
    mark(null);
    link.addEventListener("click", act);
    link.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      if (!event.repeat) act();
    });
  }

  // Bring the figure into sight if it is not, and offer the way back.
  const back = document.createElement("button");
  Object.assign(back, { type: "button", className: "live-back", textContent: "back to the text", hidden: true });
  let left = null; // the link from which the reader has come
  back.addEventListener("click", () => {
    left.scrollIntoView({ behavior: still.matches ? "auto" : "smooth", block: "center" });
    left.focus({ preventScroll: true });
  });
  const returned = new IntersectionObserver((entries) => {
    const seen = entries.at(-1).isIntersecting;
    back.hidden = seen;
  });

  function reveal(figure, link) {
    const { top, bottom } = figure.getBoundingClientRect();
    const seen = Math.min(bottom, innerHeight) - Math.max(top, 0);
    if (seen >= 0.6 * Math.min(bottom - top, innerHeight)) return;
    const block = bottom - top < innerHeight ? "center" : "start";
    figure.scrollIntoView({ behavior: still.matches ? "auto" : "smooth", block });
    if (!back.isConnected) (document.querySelector("main") ?? document.body).append(back);
    left = link;
    returned.disconnect();
    returned.observe(link);
  }
})();
