"""Cut the font of formulas: ``python book/vendor/math_font.py STIXMath-Regular.otf``, with fontTools and brotli.

It is cut from the STIX fonts of version 1.1.1 (SIL Open Font License; the repository stipub/stixfonts of GitHub holds
it in ``archive``). What is kept are the letters and signs of mathematics in a book like this, and the table by which a
browser stretches roots and brackets. The licence reserves the name of what is whole, so that the cut has its own.
"""

from __future__ import annotations

import sys
from pathlib import Path

from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont

PLACE = Path(__file__).parents[1] / "assets" / "math.woff2"

#: First and last letter of each run that is kept: Latin and Greek, upright and slanted, sans serif capitals, signs.
KEPT = [
    (0x20, 0x7E), (0xA0, 0xFF), (0x131, 0x131), (0x237, 0x237), (0x2C6, 0x2DD), (0x300, 0x333), (0x391, 0x3F5),
    (0x2010, 0x2026), (0x2032, 0x2037), (0x203E, 0x203E), (0x2044, 0x2044), (0x2061, 0x2064), (0x2102, 0x2149),
    (0x2190, 0x21D5), (0x2200, 0x22EF), (0x2308, 0x230B), (0x23B4, 0x23B5), (0x23DC, 0x23DF), (0x27E6, 0x27EB),
    (0x27F5, 0x27FA), (0x2A7D, 0x2A7E), (0x1D434, 0x1D467), (0x1D5A0, 0x1D5B9), (0x1D6A4, 0x1D6A5), (0x1D6E2, 0x1D71B),
]  # fmt: skip


def main(source: str) -> None:
    """Write the cut of a font."""
    font = TTFont(source, recalcTimestamp=False)
    options = Options(
        layout_features=["ssty", "dtls"], hinting=False, desubroutinize=True, name_IDs=[0, 1, 2, 4, 5, 6, 13, 14]
    )
    subsetter = Subsetter(options)
    subsetter.populate(unicodes=[letter for first, last in KEPT for letter in range(first, last + 1)])
    subsetter.subset(font)
    for number, text in {1: "simsoftmax Math", 2: "Regular", 4: "simsoftmax Math", 6: "simsoftmax-Math"}.items():
        font["name"].setName(text, number, 3, 1, 0x409)
    font.flavor = "woff2"
    font.save(PLACE)
    print(f"{PLACE}: {PLACE.stat().st_size / 1000:.1f} kB", file=sys.stderr)


if __name__ == "__main__":
    main(sys.argv[1])
