// Where live figures stand in wide windows: in a track beside the text, from their place (or the first of their words, if that
// is higher) until the last of their words has left the window. The track is out of the flow, so whatever a figure does, no line of text moves; in
// its track the figure sticks to the window (book.css). Narrow windows have no tracks. A figure that is higher than the window
// is scrolled in its track, by keys too, and a sign says so until its end is in sight.
(() => {
  const wide = matchMedia("(min-width: 1200px)");
  const article = document.querySelector(".bd-article");
  const tracks = [...document.querySelectorAll(".beside")];
  if (!tracks.length) return;
  const GAP = 48; // pixels between a figure and the next

  const top = (element) => element.getBoundingClientRect().top - article.getBoundingClientRect().top;
  function lay() {
    for (const track of tracks) track.style.removeProperty("top");
    for (const track of tracks) track.style.removeProperty("height");
    article.style.removeProperty("min-height");
    if (!wide.matches) return;
    const places = tracks.map((track) => {
      const figure = track.firstElementChild;
      const words = [...document.querySelectorAll(`.live-link[data-figure="${figure.id}"]`)];
      const tall = figure.offsetHeight;
      const own = top(track);
      const first = Math.min(own, ...words.map(top));
      const last = Math.max(own, ...words.map((word) => top(word) + word.offsetHeight)) + (words.length ? tall : 0);
      return { track, tall, first, last };
    });
    const free = document.querySelector(".bd-article .free");
    const foot = free ? top(free) - GAP : article.offsetHeight; // beyond it the margin has other uses
    let end = 0;
    for (const [i, { track, tall, first, last }] of places.entries()) {
      const from = Math.max(first, end);
      const to = Math.max(from + tall, Math.min(last, foot, (places[i + 1]?.first ?? Infinity) - GAP));
      track.style.top = `${from}px`;
      track.style.height = `${to - from}px`;
      end = to + GAP;
    }
    article.style.minHeight = `${end}px`;
  }
  const panes = tracks.map((track) => track.querySelector(":scope > .cell_output")).filter(Boolean);
  function mark(pane) {
    const scrolls = wide.matches && pane.scrollHeight > pane.clientHeight + 1;
    const below = scrolls && pane.scrollHeight - pane.clientHeight - pane.scrollTop > 1;
    pane.toggleAttribute("data-goes-on", below);
    if (scrolls === pane.hasAttribute("tabindex")) return;
    for (const [name, value] of Object.entries({ tabindex: 0, role: "region", "aria-label": "Figure, scrolls" })) {
      scrolls ? pane.setAttribute(name, value) : pane.removeAttribute(name);
    }
  }
  let asked = 0;
  const soon = () => {
    cancelAnimationFrame(asked);
    asked = requestAnimationFrame(() => {
      lay();
      panes.forEach(mark);
    });
  };
  lay();
  wide.addEventListener("change", soon);
  addEventListener("resize", soon);
  for (const pane of panes) pane.addEventListener("scroll", () => mark(pane), { passive: true });
  const sizes = new ResizeObserver(soon);
  for (const element of [article, ...tracks.map((track) => track.firstElementChild)]) sizes.observe(element);
  for (const pane of panes) for (const part of pane.children) sizes.observe(part); // which grow where the pane does not
})();
