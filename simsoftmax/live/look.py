"""Hand the look of figures on to the pages' scripts and style sheet: ``python -m simsoftmax.live.look``.

It writes ``src/kit/look.js`` and ``src/look.css`` from `simsoftmax.look`; ``make live`` does so before it bundles them.
"""

from __future__ import annotations

import json
from pathlib import Path

from .. import look

__all__ = ["main"]

SOURCES = Path(__file__).parent / "src"


def _rgb(color: tuple[int, int, int]) -> str:
    return f"rgb({','.join(map(str, color))})"


def script() -> str:
    """Return the look as a script's constants."""
    constants = {
        "COLDEST": look.COLDEST,
        "HOTTEST": look.HOTTEST,
        "HEAT": [_rgb(color) for color in (look.COLD, look.MILD, look.HOT)],
        "CATEGORIES": look.CATEGORIES,
    }
    lines = (f"export const {name} = {json.dumps(value)};\n" for name, value in constants.items())
    return "// Made from simsoftmax/look.py by `make live`.\n\n" + "".join(lines)


def style_sheet() -> str:
    """Return the look as a style sheet's variables."""
    variables = {"focus": look.FOCUS, "good": look.GOOD, "wrong": look.WRONG}
    lines = (f"  --ssm-{name}: {value};\n" for name, value in variables.items())
    return "/* Made from simsoftmax/look.py by `make live`. */\n.ssm {\n" + "".join(lines) + "}\n"


def main() -> None:
    """Write both."""
    (SOURCES / "kit" / "look.js").write_text(script(), encoding="utf-8")
    (SOURCES / "look.css").write_text(style_sheet(), encoding="utf-8")


if __name__ == "__main__":
    main()
