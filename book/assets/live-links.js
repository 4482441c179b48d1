// Words of the text that act on a live figure (book/_ext/live_links.py writes them). They meet in three events on the root
// of the figure: "simsoftmax:ready" says that it stands and brings a function `get` that reads its traits, "simsoftmax:set"
// changes it, "simsoftmax:change" says that it has changed.
(() => {
  const still = matchMedia("(prefers-reduced-motion: reduce)");
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
      figure.dispatchEvent(new CustomEvent("simsoftmax:set", { detail: { set: goal, press } }));
      mark(next);
      reveal(figure, link);
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
  const returned = new IntersectionObserver(
    (entries) => {
      back.hidden = entries.at(-1).isIntersecting;
    },
    { rootMargin: "-64px 0px -8px" }, // not under the bar at the top
  );

  function reveal(figure, link) {
    const { top, bottom } = figure.getBoundingClientRect();
    const seen = Math.min(bottom, innerHeight) - Math.max(top, 0);
    if (seen >= 0.6 * Math.min(bottom - top, innerHeight)) return;
    const block = bottom - top < innerHeight ? "nearest" : "start";
    figure.scrollIntoView({ behavior: still.matches ? "auto" : "smooth", block });
    if (!back.isConnected) (document.querySelector("main") ?? document.body).append(back);
    left = link;
    returned.disconnect();
    returned.observe(link);
  }
})();
