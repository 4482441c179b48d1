// Where live figures stand in wide windows: in a track beside the text, from their place (or the first of their words, if that
// is higher) until the two columns end. The track is out of the flow, so whatever a figure does, no line of text moves; in
// its track the figure sticks to the window (book.css). Narrow windows have no tracks. A figure that is higher than the window
// is scrolled in its track, by keys too, and a sign says so until its end is in sight.
// The two columns end with a section: what follows is free of figures and stands in the middle (`free`). It is the section of
// the last word that acts on a figure. Where that section ends before its figure can stand beside the word, room is left
// below it, or, where the next one is short, it is taken in. This is decided by the text and the window alone, for figures
// grow and shrink while one reads.
(() => {
  const wide = matchMedia("(min-width: 1200px)");
  const article = document.querySelector(".bd-article");
  const tracks = [...document.querySelectorAll(".beside")];
  if (!tracks.length) return;
  const GAP = 48; // pixels between a figure and what follows it

  const top = (element) => element.getBoundingClientRect().top - article.getBoundingClientRect().top;
  const bottom = (element) => element.getBoundingClientRect().bottom - article.getBoundingClientRect().top;
  const wordsOf = (track) => [...document.querySelectorAll(`.live-link[data-figure="${track.firstElementChild.id}"]`)];
  const seen = (track) => wordsOf(track).filter((word) => word.checkVisibility());
  // What the columns must hold: each figure, which is never higher than the window, and half a window below each word, so
  // that who reads it in the middle has all of the figure beside it.
  const needed = () =>
    Math.max(
      ...tracks.map((track) => Math.min(top(track), ...seen(track).map(top)) + innerHeight),
      ...tracks.flatMap(seen).map((word) => bottom(word) + innerHeight / 2),
    );

  const sections = [...document.querySelectorAll(".bd-article > section > section")];
  let after = sections.length; // the first free section
  const free = (section, is) => {
    section.classList.toggle("free", is);
    if (!is) section.style.removeProperty("margin-top");
  };
  function part() {
    if (!wide.matches) {
      for (const section of sections) free(section, false);
      lay();
      return;
    }
    const acting = [...tracks, ...tracks.flatMap(wordsOf)];
    after = 1 + Math.max(0, ...acting.map((node) => sections.findIndex((section) => section.contains(node))));
    for (const section of sections.slice(0, after)) free(section, false);
    const need = needed();
    while (after < sections.length && bottom(sections[after - 1]) < need) {
      free(sections[after], false);
      if (bottom(sections[after]) > need + innerHeight) break;
      after += 1;
    }
    for (const section of sections.slice(after)) free(section, true);
    lay();
  }

  function lay() {
    for (const track of tracks) track.style.removeProperty("top");
    for (const track of tracks) track.style.removeProperty("height");
    article.style.removeProperty("min-height");
    if (!wide.matches) return;
    const next = sections[after];
    const lacking = next ? needed() - bottom(sections[after - 1]) : 0;
    if (lacking > 0) next.style.marginTop = `${lacking + GAP}px`;
    else next?.style.removeProperty("margin-top");
    const places = tracks.map((track) => ({
      track,
      tall: track.firstElementChild.offsetHeight,
      first: Math.min(top(track), ...seen(track).map(top)),
    }));
    const foot = next ? top(next) : article.offsetHeight;
    let end = 0;
    for (const [i, { track, tall, first }] of places.entries()) {
      const from = Math.max(first, end);
      const to = Math.max(from + tall, (places[i + 1]?.first ?? foot) - GAP);
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
  part();
  document.fonts.ready.then(part);
  addEventListener("resize", () => {
    part();
    soon();
  });
  for (const pane of panes) pane.addEventListener("scroll", () => mark(pane), { passive: true });
  const sizes = new ResizeObserver(soon);
  for (const element of [article, ...tracks.map((track) => track.firstElementChild)]) sizes.observe(element);
  for (const pane of panes) for (const child of pane.children) sizes.observe(child); // which grow where the pane does not
})();
