"""What every figure shares to the eye, whoever draws it: matplotlib, a page's script or a style sheet.

Everything is said here once. Scripts and style sheets get it by ``make live``, which writes
``live/src/kit/look.js`` and ``live/src/look.css`` from it.
"""

from __future__ import annotations

__all__ = ["CATEGORIES", "COLD", "COLDEST", "FOCUS", "GOOD", "HOT", "HOTTEST", "MILD", "WRONG"]

#: Temperatures between which the colour of heat changes, and which a thermometer marks; colder and hotter looks alike.
COLDEST, HOTTEST = 0.05, 20.0

#: Colours of heat, as red, green and blue from 0 to 255: at COLDEST, at T = 1 and at HOTTEST. Nothing else has them.
#: All between them stand out from white and from a dark page by 3 to 1, T = 1 is vivid, and eyes that miss red or green
#: see blue turn grey and then ochre (G. M. Machado and others, IEEE Trans. Vis. Comput. Graph. 15 (2009), say how).
COLD, MILD, HOT = (16, 120, 240), (172, 54, 178), (226, 108, 0)

#: Colours of categories, told apart by colour-blind eyes too (Okabe and Ito, 2008, Color Universal Design).
CATEGORIES = ("#0072B2", "#009E73", "#CC79A7", "#D55E00", "#56B4E9", "#E69F00")

#: What is good, such as a low loss, and what is wrong, such as a field that was filled in badly.
GOOD, WRONG = CATEGORIES[1], CATEGORIES[3]

#: What the keyboard is at has a frame of this colour, in figures and in pages. Nothing else has it, neither heat nor
#: links, and it stands out from white and from a dark page alike (WCAG 2.2, 1.4.11, asks for 3 to 1).
FOCUS = "#4a8000"
