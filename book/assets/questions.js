// Questions to the reader (book/_ext/questions.py writes them) and what he has answered, which stays in this browser: no
// line of this file asks for anything over a network.
//
// `window.simsoftmaxAnswers` is the store, for the page that measures the reader. Whenever it changes, here or in
// another tab, the document hears "simsoftmax:answers".
(() => {
  const KEY = "simsoftmax.answer."; // and the name of its question
  const FORMAT = "simsoftmax answers 1"; // what a saved file says of itself
  const SUREST = 0.99; // who says "certain" still leaves one in a hundred: without it, one error would be infinitely wrong
  const LETTERS = "ABCDE";

  // ---------------------------------------------------------------------------------------------------------- the store

  const whole = (number) => Number.isInteger(number);
  /** Whether an answer is one that this page could have kept. */
  const sound = (kept) =>
    kept !== null &&
    typeof kept === "object" &&
    whole(kept.version) &&
    typeof kept.chapter === "string" &&
    whole(kept.alternatives) &&
    kept.alternatives >= 2 &&
    Number.isFinite(kept.answer) &&
    typeof kept.right === "boolean" &&
    kept.confidence >= 1 / kept.alternatives - 1e-9 &&
    kept.confidence <= SUREST + 1e-9;

  /** Return the sound answers in a text, by question, and how many others there were; a text that is none throws. */
  function parse(text) {
    const read = JSON.parse(text);
    if (read?.format !== FORMAT || read.answers === null || typeof read.answers !== "object") {
      throw new Error("it holds no answers to this book");
    }
    const all = Object.entries(read.answers);
    const answers = Object.fromEntries(all.filter(([, kept]) => sound(kept)));
    return { answers, broken: all.length - Object.keys(answers).length };
  }

  const write = (answers) => JSON.stringify({ format: FORMAT, answers }, null, 1);

  // Each answer has a place of its own: a page that does not know yet what another has written overwrites none of it.
  const kept = () =>
    Array.from({ length: localStorage.length }, (_, place) => localStorage.key(place)).filter((key) => key?.startsWith(KEY));

  let held = {}; // what this page knows, also where the browser keeps nothing
  let trouble = "";
  let refused = false;
  let damaged = []; // the places of answers that cannot be read

  const read = (key) => {
    try {
      return JSON.parse(localStorage.getItem(key));
    } catch (error) {
      if (error instanceof SyntaxError) return null;
      throw error;
    }
  };

  function refresh() {
    if (refused) return;
    try {
      const all = kept().map((key) => [key, read(key)]);
      damaged = all.filter(([, answer]) => !sound(answer)).map(([key]) => key);
      held = Object.fromEntries(all.filter(([, answer]) => sound(answer)).map(([key, answer]) => [key.slice(KEY.length), answer]));
      trouble = damaged.length ? `${damaged.length} of the answers kept in this browser were damaged and are left out.` : "";
    } catch {
      refused = true;
      trouble = "This browser keeps nothing for this page: answers last until you leave it.";
    }
  }

  /** Keep these answers beside those that are kept. */
  function keep(answers) {
    refresh();
    Object.assign(held, answers);
    if (!refused) {
      try {
        for (const key of damaged) localStorage.removeItem(key);
        for (const [id, answer] of Object.entries(answers)) localStorage.setItem(KEY + id, JSON.stringify(answer));
        damaged = [];
        trouble = "";
      } catch {
        refused = true;
        trouble = "This browser has no room for answers, or refuses to keep them: they last until you leave the page.";
      }
    }
    announce();
  }

  const announce = () => document.dispatchEvent(new CustomEvent("simsoftmax:answers"));
  addEventListener("storage", ({ key }) => {
    if (key !== null && !key.startsWith(KEY)) return;
    refresh();
    announce();
  });

  globalThis.simsoftmaxAnswers = {
    all: () => held,
    trouble: () => trouble,
    keep,
    text: () => write(held),
    /** Add the answers of a saved file to those here; where both have one, the file's counts. */
    load(text) {
      const { answers, broken } = parse(text);
      keep(answers);
      return { read: Object.keys(answers).length, broken };
    },
    erase() {
      held = {};
      refused = false;
      try {
        for (const key of kept()) localStorage.removeItem(key);
      } catch {} // where nothing can be kept, nothing is
      refresh();
      announce();
    },
  };

  // ------------------------------------------------------------------------------------------------------ the questions

  const make = (tag, properties = {}, ...children) => {
    const node = Object.assign(document.createElement(tag), properties);
    node.append(...children);
    return node;
  };
  const percent = (share) => `${Math.round(100 * share)}\u00a0%`;

  class Question {
    constructor(root) {
      this.root = root;
      this.facts = JSON.parse(root.dataset.predict);
      this.asked = root.querySelector(".predict-question");
      this.asked.id = `${root.id}-question`;
      this.details = root.querySelector("details");
      this.choice = this.facts.scale ? this.makeScale() : this.makeChoices();
      this.sure = this.makeSure();
      this.says = make("p", { className: "predict-says" });
      this.says.setAttribute("role", "status");
      this.form = make("form", {}, this.choice, this.sure, this.says);
      this.form.addEventListener("submit", (event) => {
        event.preventDefault();
        this.commit();
      });
      root.insertBefore(this.form, this.details);
      this.show();
    }

    group(className, legend) {
      const group = make("fieldset", { className }, make("legend", { textContent: legend }));
      group.setAttribute("aria-describedby", this.asked.id);
      return group;
    }

    makeChoices() {
      const group = this.group("predict-choices", "Your answer");
      const list = this.root.querySelector("ol.predict-choices");
      this.radios = [...list.children].map((item, place) => {
        const radio = make("input", { type: "radio", name: this.root.id, value: place });
        const words = make("span", { className: "predict-words" });
        words.append(...[...item.querySelectorAll(":scope > p")].flatMap((p) => [...p.childNodes]));
        const mark = make("span", { className: "predict-mark" });
        group.append(make("label", {}, radio, make("b", { textContent: LETTERS[place] }), words, mark));
        radio.addEventListener("change", () => this.ask());
        return radio;
      });
      list.remove();
      return group;
    }

    makeScale() {
      const [min, max, within] = this.facts.scale;
      const group = this.group("predict-scale", "Your answer");
      this.number = make("input", { type: "range", min, max, step: within / 5, value: (min + max) / 2 });
      this.number.setAttribute("aria-label", "Your answer");
      const reading = make("output", { textContent: "?" });
      const take = () => {
        reading.textContent = this.inUnit(this.number.value);
        this.number.setAttribute("aria-valuetext", reading.textContent);
        this.ask();
      };
      // The middle, where it stands, is an answer too, if it is touched or confirmed.
      this.number.addEventListener("input", take);
      this.number.addEventListener("pointerup", take);
      this.number.addEventListener("keydown", (event) => {
        if (event.key !== "Enter") return;
        event.preventDefault();
        take();
      });
      const ends = make("span", { className: "predict-ends" }, ...[min, max].map((end) => make("span", { textContent: this.inUnit(end) })));
      group.append(this.root.querySelector(".predict-scale"), this.number, reading, ends);
      this.reading = reading;
      return group;
    }

    makeSure() {
      const least = 1 / this.facts.alternatives;
      const group = this.group("predict-sure", "How sure are you?");
      group.hidden = true;
      this.level = make("input", { type: "range", min: 0, max: 100, step: 1, value: 0 });
      this.level.setAttribute("aria-label", "How sure are you?");
      const reading = make("output", {});
      const read = () => {
        reading.textContent = percent(this.confidence());
        this.level.setAttribute("aria-valuetext", reading.textContent);
      };
      this.level.addEventListener("input", read);
      // A finger or a mouse that lets go has said how sure; a key may press on, until Enter.
      this.level.addEventListener("pointerup", () => setTimeout(() => this.commit()));
      this.level.addEventListener("keydown", (event) => {
        if (event.key !== "Enter") return;
        event.preventDefault();
        this.commit();
      });
      this.least = least;
      read();
      const words = [`no idea, ${percent(least)}`, "certain"].map((textContent) => make("span", { textContent }));
      const ends = make("span", { className: "predict-ends" }, ...words);
      group.append(this.level, reading, ends, make("button", { type: "submit", textContent: "Show the answer" }));
      return group;
    }

    inUnit(number) {
      const text = Number(Number(number).toPrecision(6)).toString();
      return this.facts.unit ? `${text}\u00a0${this.facts.unit}` : text;
    }

    confidence() {
      return this.least + (SUREST - this.least) * (this.level.value / 100);
    }

    /** The choice is made; now, how sure? */
    ask() {
      if (this.mine()) return;
      this.sure.hidden = false;
      this.chosen = this.radios ? this.radios.findIndex((radio) => radio.checked) : Number(this.number.value);
    }

    mine() {
      const kept = simsoftmaxAnswers.all()[this.facts.id];
      return kept?.version === this.facts.version ? kept : undefined;
    }

    commit() {
      if (this.mine() || this.chosen === undefined) return;
      const { id, version, chapter, alternatives, scale, answer } = this.facts;
      const right = scale ? Math.abs(this.chosen - answer) <= scale[2] + 1e-9 : this.chosen === answer;
      const given = { version, chapter, alternatives, answer: this.chosen, confidence: this.confidence(), right };
      const focused = this.root.contains(document.activeElement);
      simsoftmaxAnswers.keep({ [id]: given });
      if (focused) this.details.querySelector("summary").focus({ preventScroll: true });
    }

    inWords(kept) {
      const what = this.facts.scale ? this.inUnit(kept.answer) : LETTERS[kept.answer];
      const verdict = kept.right ? "Right." : "Not so.";
      return `You said ${what ?? "?"}, ${percent(kept.confidence)} sure. ${verdict}`;
    }

    show() {
      const kept = this.mine();
      const trouble = simsoftmaxAnswers.trouble();
      this.root.classList.toggle("predict-done", Boolean(kept));
      this.details.hidden = !kept;
      this.details.open = Boolean(kept);
      this.says.textContent = [kept && this.inWords(kept), kept && trouble].filter(Boolean).join(" ");
      this.choice.disabled = Boolean(kept);
      this.sure.hidden = Boolean(kept) || this.chosen === undefined;
      this.radios?.forEach((radio, place) => {
        if (kept) radio.checked = place === kept.answer;
        else if (this.shown) radio.checked = false;
        const right = kept && place === this.facts.answer;
        radio.parentElement.classList.toggle("predict-right", Boolean(right));
        radio.parentElement.lastChild.textContent = right ? "✓" : "";
      });
      if (this.number && kept) {
        this.number.value = kept.answer;
        this.reading.textContent = this.inUnit(kept.answer);
      }
      if (this.shown && !kept) {
        this.chosen = undefined; // erased
        this.sure.hidden = true;
        if (this.reading) this.reading.textContent = "?";
      }
      this.shown = Boolean(kept);
      for (const place of document.querySelectorAll(`.predict-yours[data-question="${this.facts.id}"]`)) {
        place.textContent = kept ? ` ${this.inWords(kept)}` : "";
      }
    }
  }

  // -------------------------------------------------------------------------------------- the page that shows all answers

  /** The reader's answers, chapter by chapter, and what can be done with them. */
  class Ledger {
    constructor(root) {
      this.chapters = JSON.parse(root.dataset.chapters);
      const [head] = root.querySelector("thead").rows;
      head.lastElementChild.textContent = "answered";
      for (const textContent of ["right", "sure"]) head.append(make("th", { scope: "col", textContent }));
      this.rows = [...root.querySelector("tbody").rows, ...root.querySelector("tfoot").rows];
      for (const row of this.rows) for (let i = 0; i < 2; i += 1) row.insertCell();
      this.asked = [...this.chapters, Object.assign({}, ...this.chapters)].map((ids) => Object.keys(ids).length);
      this.says = make("p", { className: "answers-says" });
      this.says.setAttribute("role", "status");
      const button = (textContent, act) => {
        const node = make("button", { type: "button", textContent });
        node.addEventListener("click", act);
        return node;
      };
      this.file = make("input", { type: "file", accept: ".json,application/json", hidden: true });
      this.file.addEventListener("change", () => this.read());
      this.erase = button("Erase all answers", () => this.sureToErase());
      this.erase.addEventListener("blur", () => this.calm());
      this.save = button("Save to a file", () => this.write());
      const load = button("Load from a file", () => this.file.click());
      root.append(make("p", { className: "answers-keep" }, this.save, load, this.erase, this.file), this.says);
      this.show();
    }

    /** Answers to the questions of this edition, by chapter. */
    counted() {
      const kept = simsoftmaxAnswers.all();
      return this.chapters.map((questions) =>
        Object.entries(questions).flatMap(([id, version]) => (kept[id]?.version === version ? [kept[id]] : [])),
      );
    }

    write() {
      const url = URL.createObjectURL(new Blob([simsoftmaxAnswers.text()], { type: "application/json" }));
      make("a", { href: url, download: "simsoftmax-answers.json" }).click();
      setTimeout(() => URL.revokeObjectURL(url), 1000);
      this.say("Saved.");
    }

    async read() {
      const [file] = this.file.files;
      this.file.value = "";
      if (!file) return;
      try {
        const { read, broken } = simsoftmaxAnswers.load(await file.text());
        this.say(`${read} answers read from ${file.name}.${broken ? ` ${broken} damaged ones are left out.` : ""}`);
      } catch (error) {
        const why = error instanceof SyntaxError ? "it is no JSON" : error.message;
        this.say(`${file.name} cannot be read: ${why}. Choose a file that was saved here.`);
      }
    }

    // One button, pressed twice: what is erased is gone.
    sureToErase() {
      if (!this.asking) {
        this.asking = true;
        this.erase.textContent = "Erase, for good?";
        return;
      }
      this.calm();
      simsoftmaxAnswers.erase();
      this.say("Erased. Nothing is kept.");
    }

    calm() {
      this.asking = false;
      this.erase.textContent = "Erase all answers";
    }

    say(text) {
      this.says.textContent = [text, simsoftmaxAnswers.trouble()].filter(Boolean).join(" ");
    }

    show() {
      const byChapter = this.counted();
      [...byChapter, byChapter.flat()].forEach((answers, i) => {
        const sum = (value) => answers.reduce((total, kept) => total + value(kept), 0);
        const [answered, right, sure] = [...this.rows[i].cells].slice(-3);
        answered.textContent = `${answers.length} of ${this.asked[i]}`;
        right.textContent = answers.length ? sum((kept) => Number(kept.right)) : "";
        sure.textContent = answers.length ? percent(sum((kept) => kept.confidence) / answers.length) : "";
      });
      const kept = Object.keys(simsoftmaxAnswers.all()).length;
      this.save.disabled = kept === 0;
      const old = kept - byChapter.flat().length;
      const words = `${old} of your answers are to questions that have changed, and do not count.`;
      this.say(old ? words : "");
    }
  }

  // The figure that measures the reader takes his answers as its trait.
  const figures = new Set();
  document.addEventListener("simsoftmax:ready", ({ target, detail }) => {
    if (!ledger || detail.get("answers") === undefined) return;
    figures.add(target);
    feed();
  });
  function feed() {
    const answers = (ledger?.counted().flat() ?? []).map((kept) => [
      kept.alternatives,
      kept.confidence,
      Number(kept.right),
    ]);
    for (const figure of figures) {
      figure.dispatchEvent(new CustomEvent("simsoftmax:set", { detail: { set: { answers }, press: [] } }));
    }
  }

  refresh();
  const place = document.querySelector(".answers");
  const ledger = place && new Ledger(place);
  const questions = [...document.querySelectorAll(".predict")].map((root) => new Question(root));
  document.addEventListener("simsoftmax:answers", () => {
    for (const question of questions) question.show();
    ledger?.show();
    feed();
  });
})();
