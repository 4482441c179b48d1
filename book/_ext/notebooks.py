"""Write every chapter that was built as a notebook that reads as prose in JupyterLab, Notebook and on Binder.

A chapter's source is MyST: in a notebook its roles would stand in the text as they are typed, and solutions would stand
open. Here is all that the source means but does not hold: the numbers that the cells computed, the numbers of formulas
and exercises, the titles of other pages. The notebooks lie in ``_build/notebooks``, with what their cells need beside
them, so the folder can be carried away, and nobody's reading rewrites the source.

What a notebook cannot show as a page does, a word that acts on a figure, is plain text there, and the notebook says so.
A role or a directive that nobody has taught to this file stops the build.
"""

from __future__ import annotations

import ast
import json
import re
import shutil
from pathlib import Path
from typing import Any

import nbformat
from gathered import stale
from jupyter_cache import get_cache
from pybtex.database import BibliographyData, Entry, parse_file
from pybtex.plugin import find_plugin
from questions import PREFIX, judged, letter, read, scale_in_words
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging

log = logging.getLogger(__name__)

ROLE = re.compile(r"\{([a-z:-]+)\}`([^`]*)`")
DIRECTIVE = re.compile(
    r"^(`{3,}|:{3,})\{([a-z-]+)\}[ \t]*([^\n]*)\n((?::[a-z-]+:[^\n]*\n)*)(.*?)^\1[ \t]*$", re.M | re.S
)
HIDDEN = {"remove-cell": ("source", "outputs"), "remove-input": ("source",), "hide-input": ("source",)}
NOTE = (
    "*This notebook was made from the [book]({page}). Words that act on a figure do so there; here, use the figure's "
    "own controls. Numbers in the text are those of the book. Hidden cells prepare the page: the bar on their left "
    "opens them.*"
)


class Chapter:
    """One page on its way into a notebook: what its roles and directives mean."""

    def __init__(self, env: BuildEnvironment, docname: str, library: BibliographyData, glued: dict[str, Any]) -> None:
        self.env = env
        self.docname = docname
        self.library = library
        self.glued = glued
        self.cited: list[str] = []
        source = Path(env.doc2path(docname)).read_text(encoding="utf-8")
        labels = re.findall(r"^:::\{exercise\}[^\n]*\n:label: (\S+)", source, re.MULTILINE)
        numbers = env.toc_fignumbers.get(docname, {}).get("exercise", {})  # the book counts through all chapters
        self.exercises = {
            label: ".".join(map(str, numbers.get(label, (n,)))) for n, label in enumerate(labels, start=1)
        }
        self.solving = ""

    # ------------------------------------------------------------------------------------------------------------ roles

    def role(self, match: re.Match[str]) -> str:
        """Return what a role stands for."""
        name, content = match.groups()
        text, _, target = content.rpartition("<") if content.endswith(">") else ("", "", content)
        text, target = " ".join(text.split()), " ".join(target.removesuffix(">").split())
        make = getattr(self, "_role_" + name.replace(":", "_"), None)
        if make is None:
            self.unknown(f"the role {name!r}")
            return content
        return str(make(text, target))

    def _role_glue_text(self, text: str, target: str) -> str:
        key, _, form = target.partition(":")
        value = ast.literal_eval(self.glued[key]["data"]["text/plain"])
        return format(value, form) if form else str(value)

    def _role_eq(self, text: str, target: str) -> str:
        return f"({self.equation(target)})"

    def _role_numref(self, text: str, target: str) -> str:
        page, label = self.env.get_domain("std").anonlabels.get(target, ("", ""))
        number = self.env.toc_fignumbers.get(page, {}).get("figure", {}).get(label)
        if number is None:
            self.unknown(f"the figure {target!r}")
            return target
        return f"Fig. {'.'.join(map(str, number))}"

    def _role_ref(self, text: str, target: str) -> str:
        return text or (f"exercise {self.exercises[target]}" if target in self.exercises else target)

    def _role_doc(self, text: str, target: str) -> str:
        name = f"{Path(self.docname).parent.as_posix()}/{target}".removeprefix("./")
        return f"[{text or self.env.titles[name].astext()}]({self.address(name)})"

    def _role_claim(self, text: str, target: str) -> str:
        name = next(page for page, made in self.env.simsoftmax_claims.items() if target in [c["id"] for c in made])
        return f"[{target}]({self.address(name)}#claim-{target})"

    def _role_term(self, text: str, target: str) -> str:
        return text or target

    def _role_live(self, text: str, target: str) -> str:
        return text or target

    def _role_cite(self, text: str, target: str) -> str:
        return "(" + "; ".join(f"{who}, {year}" for who, year in map(self.citation, target.split(","))) + ")"

    def _role_cite_t(self, text: str, target: str) -> str:
        return ", ".join(f"{who} ({year})" for who, year in map(self.citation, target.split(",")))

    def citation(self, key: str) -> tuple[str, str]:
        """Return who wrote a work, and when."""
        entry: Entry = self.library.entries[key.strip()]
        self.cited.append(key.strip())
        names = [" ".join([*person.prelast_names, *person.last_names]) for person in entry.persons["author"]]
        who = names[0] if len(names) == 1 else " and ".join(names) if len(names) == 2 else f"{names[0]} et al."
        return re.sub(r"[{}]", "", who), entry.fields["year"]

    def equation(self, label: str) -> str:
        """Return the number of a displayed formula."""
        docname, plain = self.env.get_domain("math").data["objects"][label]
        number = self.env.toc_fignumbers.get(docname, {}).get("displaymath", {}).get(f"equation-{label}", (plain,))
        return ".".join(map(str, number))

    def address(self, docname: str, page: bool = False) -> str:
        """Return where another page is: a notebook if it is one, or the page of the book."""
        if not page and is_notebook(self.env, docname):
            return f"{Path(docname).name}.ipynb"
        return f"../html/{docname}.html"

    # ------------------------------------------------------------------------------------------------------- directives

    def directive(self, match: re.Match[str]) -> str:
        """Return what stands in the place of a directive."""
        _, name, argument, options, body = match.groups()
        make = getattr(self, "_directive_" + name.replace("-", "_"), None)
        if make is None:
            self.unknown(f"the directive {name!r}")
            return body
        return str(make(argument.strip(), dict(re.findall(r"^:([a-z-]+): *(.*)$", options, re.M)), body.strip()))

    def _directive_exercise(self, title: str, options: dict[str, str], body: str) -> str:
        return f"**Exercise {self.exercises[options['label']]}.** {body}"

    def _directive_solution(self, label: str, options: dict[str, str], body: str) -> str:
        return folded(f"Solution of exercise {self.exercises[label]}", body)

    def _directive_solution_start(self, label: str, options: dict[str, str], body: str) -> str:
        return f"{START}Solution of exercise {self.exercises[label]}{START}"

    def _directive_solution_end(self, label: str, options: dict[str, str], body: str) -> str:
        return END

    def _directive_admonition(self, title: str, options: dict[str, str], body: str) -> str:
        return folded(title, body) if options.get("class") == "dropdown" else f"**{title}.** {body}"

    def _directive_predict(self, id: str, options: dict[str, str], body: str) -> str:
        question = read(body)
        computed = ast.literal_eval(self.glued[PREFIX + id]["data"]["text/plain"])
        choices = [f"- **{letter(place)}.** {choice}" for place, choice in enumerate(question.choices)]
        asked = [question.text, "\n".join(choices or [scale_in_words(question)])]
        return "\n\n".join([*asked, folded("The answer", f"{judged(id, question, computed)} {question.why}")])

    def _directive_question(self, title: str, options: dict[str, str], body: str) -> str:
        return f"**{body}**"

    def _directive_my_answers(self, title: str, options: dict[str, str], body: str) -> str:
        return f"*Your answers, chapter by chapter, are on the [page]({self.address(self.docname, page=True)}).*"

    def _directive_bibliography(self, title: str, options: dict[str, str], body: str) -> str:
        style = find_plugin("pybtex.style.formatting", "plain")()
        write = find_plugin("pybtex.backends", "markdown")()
        works = style.format_entries([self.library.entries[key] for key in dict.fromkeys(self.cited)])
        return "\n".join("- " + " ".join(work.text.render(write).split()) for work in works)

    def unknown(self, what: str) -> None:
        """Stop the build."""
        log.warning("%s cannot be shown in a notebook; teach it to book/_ext/notebooks.py", what, location=self.docname)

    # ------------------------------------------------------------------------------------------------------------ cells

    def prose(self, source: str) -> list[str]:
        """Return a cell of Markdown as a notebook shows it, in pieces: solutions that cells belong to are folded."""
        text = re.sub(r"^\([a-z0-9-]+\)=\n", "", source, flags=re.M)
        text = re.sub(r"\$\$ \(([a-z0-9-]+)\)", lambda m: rf"\tag{{{self.equation(m[1])}}} $$", text)
        text = ROLE.sub(self.role, DIRECTIVE.sub(self.directive, text)).rstrip()
        pieces = []
        for part in re.split(f"({START}.*?{START}|{END})", text):
            if part.startswith(START):
                self.solving = part.strip(START)
                if text.endswith(part):  # it begins with a cell
                    pieces.append(folded(self.solving, "Open the cells below."))
            elif part == END:
                self.solving = ""
            elif part.strip():
                pieces.append(folded(self.solving, part.strip()) if self.solving else part.strip())
        return pieces


START, END = "\0", "\1"


def folded(title: str, body: str) -> str:
    """Return text that stands behind its title until it is asked for."""
    return f"<details><summary>{title}</summary>\n\n{body}\n\n</details>"


def is_notebook(env: BuildEnvironment, docname: str) -> bool:
    """Return whether a page holds code."""
    return "{code-cell}" in Path(env.doc2path(docname)).read_text(encoding="utf-8")


def convert(chapter: Chapter, executed: nbformat.NotebookNode, page: str) -> nbformat.NotebookNode:
    """Return an executed chapter as a notebook for readers."""
    cells: list[nbformat.NotebookNode] = []
    for cell in executed.cells:
        if cell.cell_type == "markdown":
            for text in chapter.prose(cell.source):
                cells.append(nbformat.v4.new_markdown_cell(text))
            continue
        tags = cell.metadata.get("tags", [])
        hidden = {part for tag in tags for part in HIDDEN.get(tag, ())}
        if chapter.solving:
            hidden = {"source", "outputs"}
        cell.outputs = [output for output in cell.outputs if "scrapbook" not in output.get("metadata", {})]
        figure = cell.metadata.pop("mystnb", {}).get("figure", {})
        folds = {f"{part}_hidden": True for part in sorted(hidden)}
        cell.metadata = nbformat.from_dict({"jupyter": folds} if folds else {})
        cells.append(cell)
        if figure.get("caption"):
            caption = ROLE.sub(chapter.role, " ".join(figure["caption"].split()))
            cells.append(nbformat.v4.new_markdown_cell(f"<small>{caption}</small>"))
    cells.insert(1, nbformat.v4.new_markdown_cell(NOTE.format(page=page)))
    for n, cell in enumerate(cells):
        cell.id = f"cell-{n}"
    kept = ("kernelspec", "language_info", "widgets")
    metadata = {key: executed.metadata[key] for key in kept if key in executed.metadata}
    return nbformat.v4.new_notebook(cells=cells, metadata=metadata)


def write(app: Sphinx, exception: Exception | None) -> None:
    """Write the notebooks when the pages stand."""
    if exception is not None or app.builder.name != "html":
        return
    build = Path(app.outdir).parent
    folder = build / "notebooks"
    folder.mkdir(exist_ok=True)
    source = Path(__file__).parents[1]
    for helper in source.glob("*.py"):
        shutil.copy(helper, folder)
    shutil.copytree(source / "data", folder / "data", dirs_exist_ok=True)
    if not stale(app, folder / "index.ipynb"):
        return
    cache = get_cache(app.config.nb_execution_cache_path)
    library = parse_file(str(source / "references.bib"))
    for docname in sorted(app.env.found_docs):
        executed = build / "jupyter_execute" / f"{docname}.ipynb"
        if not executed.exists() or not is_notebook(app.env, docname):
            continue
        glued = executed.with_suffix(".glue.json")
        values = json.loads(glued.read_text(encoding="utf-8")) if glued.exists() else {}
        chapter = Chapter(app.env, docname, library, values)
        # Where nothing had to be executed, the outputs are in the cache alone.
        _, whole = cache.merge_match_into_notebook(nbformat.read(executed, as_version=4))
        notebook = convert(chapter, whole, f"../html/{docname}.html")
        nbformat.write(notebook, folder / f"{Path(docname).name}.ipynb")


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.setup_extension("gathered")
    app.connect("build-finished", write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
