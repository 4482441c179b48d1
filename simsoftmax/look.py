"""What every figure shares to the eye, whoever draws it: matplotlib, a page's script or a style sheet.

Everything is said here once. Scripts and style sheets get it by ``make live``, which writes
``live/src/kit/look.js`` and ``live/src/look.css`` from it.
"""

from __future__ import annotations

__all__ = ["CATEGORIES", "COLD", "COLDEST", "GOOD", "HOT", "HOTTEST", "MILD", "WRONG"]

#: Temperatures between which the colour of heat changes, and which a thermometer marks; colder and hotter looks alike.
COLDEST, HOTTEST = 0.05, 20.0

#: Colours of heat, as red, green and blue from 0 to 255: at COLDEST, at T = 1 and at HOTTEST. Nothing else has them.
COLD, MILD, HOT = (47, 111, 176), (140, 120, 150), (226, 118, 32)

#: Colours of categories, told apart by colour-blind eyes too (Okabe and Ito, 2008, Color Universal Design).
CATEGORIES = ("#0072B2", "#009E73", "#CC79A7", "#D55E00", "#56B4E9", "#E69F00")

#: What is good, such as a low loss, and what is wrong, such as a field that was filled in badly.
GOOD, WRONG = CATEGORIES[1], CATEGORIES[3]
