"""Formulas are set while the book is built."""

import re

import pytest
from building import extension


@pytest.fixture(scope="module")
def mathml():
    """Return what sets a formula."""
    return extension("formulas").mathml


def words(written):
    """Return the leaves of a formula, one after another."""
    return re.findall(r"<m[ino](?: [^>]*)?>([^<]*)<", written)


@pytest.mark.parametrize(
    ("tex", "leaves"),
    [
        (r"-T \ln Z", ["−", "T", "ln", "\u2061", "Z"]),
        (r"\hat Q_i", ["Q", "ˆ", "i"]),
        (r"\bigl\langle x \bigr\rangle", ["⟨", "x", "⟩"]),
        (r"\operatorname{softmax}(z)", ["softmax", "\u2061", "(", "z", ")"]),
        (r"a < b", ["a", "&lt;", "b"]),
    ],
)
def test_a_formula_says_what_was_written(mathml, tex, leaves):
    assert words(mathml(tex)) == leaves


def test_a_formula_of_its_own_has_room(mathml):
    assert 'display="block"' in mathml(r"\sum_i p_i", display=True)
    assert "<munder>" in mathml(r"\sum_i p_i", display=True)  # limits below, not beside
    assert "<munder>" not in mathml(r"\sum_i p_i")


def test_a_system_of_equations_is_aligned_at_its_signs(mathml):
    rows = mathml(r"\begin{aligned} F &= U - TS \\ S &= -\sum_i p_i \ln p_i \end{aligned}", display=True)
    assert rows.count("<mtr>") == 2
    assert rows.count('class="tml-right"') == rows.count('class="tml-left"') == 2


@pytest.mark.parametrize("tex", [r"\sofmax z", r"\frac{1}{2", r"a & b", r"x_"])
def test_a_formula_that_is_no_tex_is_refused_by_name(mathml, tex):
    with pytest.raises(ValueError, match=re.escape(repr(tex)) + " cannot be set: .+; write it"):
        mathml(tex)


def test_a_long_formula_comes_through_whole(mathml):
    written = mathml("+".join(rf"\frac{{x_{{{i}}}}}{{y}}" for i in range(200)))
    assert written.count("<mfrac>") == 200
    assert written.endswith("</math>")
