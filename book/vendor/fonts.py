"""Cut the book's fonts out of their families: ``python book/vendor/fonts.py``, with npm, fontTools and brotli at hand.

The families are Source Serif 4, Source Sans 3 and Source Code Pro, in the versions below. What is kept are the letters,
Greek and signs that a book in English on mathematics needs. The licence (SIL OFL 1.1, `fonts/OFL.txt`) reserves the
name "Source" for what is whole, so that the cuts have names of their own.
"""

from __future__ import annotations

import subprocess
import tarfile
import tempfile
from pathlib import Path

from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont

PLACE = Path(__file__).parents[1] / "assets" / "fonts"

VERSIONS = {"source-serif": "4.5.1", "source-sans": "3.52.0", "source-code-pro": "2.42.0"}

#: The cuts: what they are called, and the package and file that they are cut from.
FACES = {
    "serif-regular": ("source-serif", "SourceSerif4-Regular"),
    "serif-italic": ("source-serif", "SourceSerif4-It"),
    "serif-semibold": ("source-serif", "SourceSerif4-Semibold"),
    "sans-regular": ("source-sans", "SourceSans3-Regular"),
    "sans-semibold": ("source-sans", "SourceSans3-Semibold"),
    "mono-regular": ("source-code-pro", "SourceCodePro-Regular"),
}

#: First and last letter of each run that is kept: Latin, Greek, signs of text, raised and lowered digits, mathematics.
KEPT = [
    (0x20, 0x7E), (0xA0, 0xFF), (0x100, 0x17F), (0x1CE, 0x1CE), (0x391, 0x3C9), (0x2010, 0x2026), (0x2030, 0x2033),
    (0x2044, 0x2044), (0x2070, 0x209C), (0x20AC, 0x20AC), (0x2113, 0x2113), (0x215B, 0x215E), (0x2190, 0x2193),
    (0x21B5, 0x21B5), (0x2202, 0x2265), (0x2423, 0x2423), (0x25CF, 0x25CF), (0x2713, 0x2713), (0x27E8, 0x27E9),
]  # fmt: skip

FEATURES = ["kern", "mark", "ccmp", "liga", "locl", "tnum", "lnum", "pnum"]


def cut(source: Path, name: str) -> TTFont:
    """Return a font with the letters that are kept, under a name of its own."""
    font = TTFont(source)
    options = Options(layout_features=FEATURES, hinting=False, desubroutinize=True, name_IDs=[0, 1, 2, 4, 5, 6, 13, 14])
    subsetter = Subsetter(options)
    subsetter.populate(unicodes=[letter for first, last in KEPT for letter in range(first, last + 1)])
    subsetter.subset(font)
    family, _, style = name.partition("-")
    names = {1: f"simsoftmax {family.title()}", 2: style.title(), 4: f"simsoftmax {family.title()} {style}", 6: name}
    for number, text in names.items():
        font["name"].setName(text, number, 3, 1, 0x409)
    return font


def main() -> None:
    """Fetch the families and write the cuts, and their licence."""
    PLACE.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        for package, version in VERSIONS.items():
            subprocess.run(["npm", "pack", "--silent", f"{package}@{version}"], cwd=folder, check=True)
            with tarfile.open(Path(folder, f"{package}-{version}.tgz")) as archive:
                archive.extractall(Path(folder, package), filter="data")
        for name, (package, file) in FACES.items():
            font = cut(Path(folder, package, "package", "TTF", f"{file}.ttf"), name)
            font.flavor = "woff2"
            font.save(PLACE / f"{name}.woff2")
            print(f"{name} {(PLACE / name).with_suffix('.woff2').stat().st_size / 1000:.1f} kB")
        heads = {Path(folder, package, "package", "LICENSE.md").read_text().split("\n")[0] for package in VERSIONS}
        licence = Path(folder, "source-serif", "package", "LICENSE.md").read_text().partition("\n")[2]
        lead = "These are parts of Source Serif 4, Source Sans 3 and Source Code Pro, under other names.\n\n"
        (PLACE / "OFL.txt").write_text(lead + "\n".join(sorted(heads)) + "\n" + licence, encoding="utf-8")


if __name__ == "__main__":
    main()
