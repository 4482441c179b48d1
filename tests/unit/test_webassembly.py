"""A module of kernels, and what is left of it for a figure."""

import json
import re

import pytest

from simsoftmax.kernels.webassembly import CODE, CUSTOM, EXPORT, HEADER, Reader, assemble, only, sections, unsigned
from simsoftmax.live.base import STATIC, kernels_of

WHOLE = (STATIC / "kernels.wasm").read_bytes()
SCRIPTS = sorted(STATIC.glob("*_explorer.js"))


def described(module):
    reader = Reader(dict(sections(module))[CUSTOM])
    assert reader.text() == "kernels"
    return json.loads(reader.data[reader.at :])


def exported(module):
    reader = Reader(dict(sections(module))[EXPORT])
    return [(reader.text(), reader.byte(), reader.unsigned()) for _ in range(reader.unsigned())]


def bodies(module):
    reader = Reader(dict(sections(module))[CODE])
    return [reader.bytes() for _ in range(reader.unsigned())]


@pytest.mark.parametrize("number", [0, 127, 128, 16_383, 16_384, 2**32 - 1])
def test_integers_are_read_as_they_were_written(number):
    written = unsigned(number)
    reader = Reader(written + b"\xff")
    assert (reader.unsigned(), reader.at) == (number, len(written))


def test_a_module_is_taken_apart_and_put_together():
    assert WHOLE.startswith(HEADER)
    assert assemble(reversed(list(sections(WHOLE)))) == WHOLE
    assert only(WHOLE, described(WHOLE)) == WHOLE


def test_a_part_has_the_named_kernels_as_they_were():
    before, places = bodies(WHOLE), dict((name, index) for name, _, index in exported(WHOLE))
    first = min(places.values())
    part = only(WHOLE, {"whisker", "tally", "no such kernel"})
    assert described(part).keys() == {"whisker", "tally"}
    assert exported(part) == [line for line in exported(WHOLE) if line[0] in ("whisker", "tally")]
    for number, body in enumerate(bodies(part)):
        kept = number + first in (places["whisker"], places["tally"])
        assert body == (before[number] if kept else b"\0\0\x0b")
    assert len(part) < len(WHOLE) / 5


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_a_figure_carries_every_kernel_that_it_calls(script):
    text = script.read_text()
    called = {name for name in re.findall(r"\.(\w+)\(", text) if name in described(WHOLE)}
    carried = described(kernels_of(text)).keys()
    assert called <= carried
    # The instrument is three figures in one.
    assert len(carried) < len(described(WHOLE)) / (2 if script.stem == "instrument_explorer" else 3)
