// The furniture of a page: the drawer of chapters closes again, the rail says where the reader is, terms and works open as
// cards, and the ledger can be searched. Without scripts all of it is plain pages and links.
(() => {
  // The drawer. The theme opens and closes it by a class that it means the other way round (book.css).
  const drawer = document.getElementById("pst-primary-sidebar");
  const opener = document.querySelector(".primary-toggle");
  const isOpen = () => drawer.classList.contains("pst-sidebar-hidden");
  if (drawer && opener) {
    opener.setAttribute("aria-label", "Chapters");
    opener.setAttribute("aria-controls", drawer.id);
    const say = () => opener.setAttribute("aria-expanded", String(isOpen()));
    say();
    new MutationObserver(say).observe(drawer, { attributeFilter: ["class"] });
    const close = () => drawer.classList.remove("pst-sidebar-hidden");
    document.addEventListener("keydown", ({ key }) => {
      if (key !== "Escape" || !isOpen()) return;
      close();
      opener.focus();
    });
    document.addEventListener("pointerdown", ({ target }) => {
      if (isOpen() && !drawer.contains(target) && !opener.contains(target)) close();
    });
  }

  // The rail: the section is that whose head has last gone by the upper third of the window.
  const entries = [...document.querySelectorAll(".bd-sidebar-secondary .toc-entry > a[href^='#']")]
    .map((link) => ({ link, head: document.getElementById(decodeURIComponent(link.hash.slice(1))) }))
    .filter(({ head }) => head);
  if (entries.length) {
    const mark = () => {
      const passed = entries.filter(({ head }) => head.getBoundingClientRect().top < innerHeight / 3);
      const end = scrollY + innerHeight >= document.documentElement.scrollHeight - 2;
      const now = end ? entries.at(-1) : (passed.at(-1) ?? entries[0]);
      for (const { link } of entries) {
        link.classList.toggle("active", link === now.link);
        link === now.link ? link.setAttribute("aria-current", "true") : link.removeAttribute("aria-current");
      }
    };
    let asked = 0;
    const soon = () => {
      cancelAnimationFrame(asked);
      asked = requestAnimationFrame(mark);
    };
    addEventListener("scroll", soon, { passive: true });
    addEventListener("resize", soon);
    // The theme marks sections, too, at other heights.
    const nav = entries[0].link.closest("nav");
    new MutationObserver((changes) => {
      if (changes.some(({ target }) => target.classList.contains("active") !== target.hasAttribute("aria-current"))) mark();
    }).observe(nav, { subtree: true, attributeFilter: ["class"] });
    mark();
  }

  // What is folded is laid out by who measures it, and the theme does, once, when the page has loaded.
  const folds = [...document.querySelectorAll(".bd-article details:not([open])")];
  for (const fold of folds) fold.dataset.waits = "";
  const measured = () => {
    for (const fold of folds) delete fold.dataset.waits;
  };
  addEventListener("load", () => setTimeout(measured)); // after all others who wait for it

  // An equation, code or a table that is wider than its column is scrolled by keys, too, and only then a stop of the Tab
  // key. For code and tables the theme sees to that when the page opens; where its window becomes narrower, not before all
  // figures have come to rest.
  // What is folded is seen to when it is opened.
  const wider = (node) => !node.closest("details:not([open])") && node.scrollWidth > node.clientWidth;
  const equations = [...document.querySelectorAll(".bd-article div.math")];
  const BLOCKS = ".bd-article :is(pre, .pst-scrollable-table-container, .cell_output .text_html)";
  const blocks = [...document.querySelectorAll(BLOCKS)];
  const reach = () => {
    for (const [node, hidden] of blocks.map((each) => [each, wider(each)])) node.tabIndex = hidden ? 0 : -1;
    for (const [equation, hidden] of equations.map((each) => [each, wider(each)])) {
      if (hidden === equation.hasAttribute("tabindex")) continue;
      for (const [name, value] of Object.entries({ tabindex: "0", role: "group", "aria-label": "Equation" })) {
        hidden ? equation.setAttribute(name, value) : equation.removeAttribute(name);
      }
    }
  };
  const columns = new ResizeObserver(reach);
  for (const node of [...blocks, ...equations]) columns.observe(node);

  // A link in the title of a solution is a link, and opens nothing.
  for (const link of document.querySelectorAll(".admonition-title a")) {
    link.addEventListener("click", (event) => event.stopPropagation());
  }

  // Cards: what a term means and which work is cited, beside the word, under the mouse, for the keyboard, and by a tap.
  const sources = new Map();
  for (const link of document.querySelectorAll(".bd-article a[href*='#']")) {
    const id = decodeURIComponent(link.hash.slice(1));
    const source = document.getElementById(`card-${id}`) ?? document.querySelector(`div.citation[id="${CSS.escape(id)}"]`);
    if (source && !source.contains(link)) sources.set(link, source);
  }
  if (sources.size) {
    const card = document.createElement("div");
    card.className = "card-of";
    card.id = "card-of";
    card.hidden = true;
    card.setAttribute("role", "tooltip");
    (document.querySelector("main") ?? document.body).append(card);
    let open = null;
    let timer = 0;
    const hide = () => {
      clearTimeout(timer);
      open?.removeAttribute("aria-describedby");
      open = null;
      card.hidden = true;
    };
    const show = (link) => {
      clearTimeout(timer);
      if (open === link) return;
      hide();
      open = link;
      card.replaceChildren(...[...sources.get(link).cloneNode(true).childNodes]);
      for (const each of card.querySelectorAll("[id]")) each.removeAttribute("id");
      for (const each of card.querySelectorAll(".label, .backrefs")) each.remove();
      for (const each of card.querySelectorAll("a")) each.tabIndex = -1;
      link.setAttribute("aria-describedby", card.id);
      card.hidden = false;
      place();
    };
    const place = () => {
      const word = open.getClientRects()[0];
      if (word.bottom < 0 || word.top > innerHeight) {
        hide();
        return;
      }
      const { width, height } = card.getBoundingClientRect();
      const below = word.bottom + 8 + height < innerHeight || word.top < height + 16;
      card.style.left = `${Math.max(12, Math.min(word.left, document.documentElement.clientWidth - width - 12))}px`;
      card.style.top = `${below ? word.bottom + 8 : word.top - height - 8}px`;
    };
    const later = (act, wait) => {
      clearTimeout(timer);
      timer = setTimeout(act, wait);
    };
    card.addEventListener("pointerenter", () => clearTimeout(timer));
    card.addEventListener("pointerleave", () => later(hide, 150));
    for (const link of sources.keys()) {
      link.addEventListener("pointerenter", ({ pointerType }) => pointerType === "mouse" && later(() => show(link), 120));
      link.addEventListener("pointerleave", ({ pointerType }) => pointerType === "mouse" && later(hide, 200));
      link.addEventListener("focus", () => link.matches(":focus-visible") && show(link));
      link.addEventListener("blur", hide);
      // The first tap shows the card, the second follows the link.
      link.addEventListener("click", (event) => {
        if (event.pointerType !== "touch" || open === link) return;
        event.preventDefault();
        show(link);
      });
    }
    addEventListener("scroll", () => open && place(), { passive: true });
    document.addEventListener("keydown", ({ key }) => key === "Escape" && hide());
    document.addEventListener("pointerdown", ({ target }) => !card.contains(target) && !sources.has(target.closest("a")) && hide());
  }

  // The ledger.
  const field = document.querySelector(".ledger-filter input");
  if (field) {
    const claims = [...document.querySelectorAll(".ledger-claim")];
    const words = new Map(claims.map((claim) => [claim, claim.textContent.toLowerCase()]));
    const told = document.querySelector(".ledger-filter [role=status]");
    const sift = () => {
      const wanted = field.value.toLowerCase().split(/\s+/).filter(Boolean);
      for (const claim of claims) claim.hidden = !wanted.every((word) => words.get(claim).includes(word));
      for (const list of document.querySelectorAll(".ledger")) {
        const empty = !list.querySelector(".ledger-claim:not([hidden])");
        list.hidden = empty;
        list.previousElementSibling.hidden = empty;
      }
      const left = claims.filter((claim) => !claim.hidden).length;
      told.textContent = wanted.length ? `${left} of ${claims.length} claims` : "";
    };
    field.closest(".ledger-filter").hidden = false;
    field.addEventListener("input", sift);
  }
})();
