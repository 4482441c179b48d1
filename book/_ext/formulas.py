"""Write formulas as MathML, which browsers set themselves: at once and without a script, so on paper too.

The chapters write TeX. Temml turns it into MathML while the book is built; it is a script, ``vendor/temml.min.js``, in
the version of ``package-lock.json``, and QuickJS runs it. How formulas look is said in ``assets/formulas.css``. TeX
that Temml does not know is a warning, and so stops the build.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import quickjs
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.math import get_node_equation_number

log = logging.getLogger(__name__)

TEMML = Path(__file__).parents[1] / "vendor" / "temml.min.js"

# The text is put together anew at the end: as it stands it is in pieces, which do not come through to Python.
SET = """(tex, display) => {
  try {
    return temml.renderToString(tex, { displayMode: display, throwOnError: true }).split(" ").join(" ");
  } catch (error) {
    return `!${error.message}`;
  }
}"""


@functools.cache
def typesetter() -> Callable[[str, bool], str]:
    """Return what writes TeX as MathML, or says after an exclamation mark why it cannot."""
    context = quickjs.Context()
    context.eval(TEMML.read_text(encoding="utf-8"))
    written: Callable[[str, bool], str] = context.eval(SET)
    return written


def mathml(tex: str, *, display: bool = False) -> str:
    """Return a formula as MathML.

    Parameters
    ----------
    tex : str
        The formula, in TeX.
    display : bool, optional
        Whether it stands by itself and not in a line of text.

    Raises
    ------
    ValueError
        If it is no TeX, or TeX that Temml does not know.
    """
    written = typesetter()(tex.strip(), display)
    if not written.startswith("<math"):
        reason = " ".join(written.removeprefix("!").replace("\u0332", "").split())  # Temml underlines what is wrong
        raise ValueError(f"{tex.strip()!r} cannot be set: {reason}; write it in TeX that Temml knows")
    return written


def write(translator: Any, node: nodes.math | nodes.math_block) -> None:
    """Write a formula into a page, as it is if it cannot be set."""
    try:
        translator.body.append(mathml(node.astext(), display=isinstance(node, nodes.math_block)))
    except ValueError as error:
        log.warning("formula %s", error, location=node, type="formula")
        translator.body.append(translator.encode(node.astext()))


def visit_inline(translator: Any, node: nodes.math) -> None:
    """Write a formula of a line of text."""
    translator.body.append(translator.starttag(node, "span", "", CLASS="math notranslate nohighlight"))
    write(translator, node)
    translator.body.append("</span>")
    raise nodes.SkipNode


def visit_display(translator: Any, node: nodes.math_block) -> None:
    """Write a formula that stands by itself, with its number."""
    translator.body.append(translator.starttag(node, "div", CLASS="math notranslate nohighlight"))
    if node["number"]:
        translator.body.append(f'<span class="eqno">({get_node_equation_number(translator, node)})')
        translator.add_permalink_ref(node, "Link to this equation")
        translator.body.append("</span>")
    write(translator, node)
    translator.body.append("</div>\n")
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.add_html_math_renderer("mathml", (visit_inline, None), (visit_display, None))
    app.add_css_file("formulas.css")
    return {"parallel_read_safe": True, "parallel_write_safe": True}
