"""Chapters as notebooks: they read as prose, and reading one rewrites nothing."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CHAPTERS = sorted(path for path in (ROOT / "book").glob("*.md") if "{code-cell}" in path.read_text(encoding="utf-8"))
# What a notebook would show as it is typed: roles, directives, targets and labels of formulas.
LEFT = re.compile(r"\{[a-z:-]+\}`|^(:::|```\{)|^\([a-z0-9-]+\)=|\$\$ \([a-z]", re.MULTILINE)


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_a_chapter_opened_and_saved_is_unchanged(path):
    """Each is kept in the form that Jupytext writes, so an editor of notebooks that saves it changes nothing."""
    import jupytext  # here and below, as it reads a dozen grammars first, which takes seconds of every process
    from jupytext.config import load_jupytext_config

    before = path.read_text(encoding="utf-8")
    config = load_jupytext_config(str(path))
    after = jupytext.writes(jupytext.read(path, config=config), fmt="md:myst", config=config)
    assert after == before, f"not in Jupytext's form; mend it with: jupytext --to md:myst {path}"


def test_every_chapter_becomes_a_notebook_that_reads_as_prose(html):
    import nbformat

    folder = html.parent / "notebooks"
    assert {path.stem for path in folder.glob("*.ipynb")} == {path.stem for path in CHAPTERS}
    assert {path.name for path in folder.iterdir()} >= {"chapter.py", "claims.py", "museum.py", "teaching.py", "data"}
    for path in folder.glob("*.ipynb"):
        notebook = nbformat.read(path, as_version=4)
        nbformat.validate(notebook)
        source = (ROOT / "book" / f"{path.stem}.md").read_text(encoding="utf-8")
        prose = "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
        code = [cell for cell in notebook.cells if cell.cell_type == "code"]
        assert not LEFT.search(prose), (path.name, LEFT.search(prose))
        assert source.count("```{code-cell}") == len(code)
        assert prose.count("**Exercise ") >= source.count("{exercise}")
        assert prose.count("<summary>Solution of exercise ") >= source.count("{exercise}")
        assert any(cell.outputs for cell in code)
        assert "scrapbook" not in path.read_text(encoding="utf-8")
        if "Explorer(" in source:
            assert notebook.metadata.widgets, "a figure has no state to live on"
        for link in re.findall(r"\]\(([^)#:]+\.(?:ipynb|html))\)", prose):
            assert (folder / link).exists(), (path.name, link)
