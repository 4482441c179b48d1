"""The reference: every name on one page, the chapters and claims that use it found, and links that lead somewhere."""

import inspect
import pkgutil
import re
from collections import Counter
from pathlib import Path

import pytest
from building import ROOT, extension

import simsoftmax as ss

PAGES = sorted((ROOT / "book").glob("reference*.md"))
INVENTORIES = sorted((ROOT / "book" / "_ext" / "inventories").glob("*.inv"))

CHAPTER = """# A chapter

```{code-cell} ipython3
---
tags: [remove-cell]
---
import simsoftmax as ss
from simsoftmax.annealing import anneal as cool
from chapter import *
```

Words, `ss.sample` among them.

```{code-cell} ipython3
:tags: [remove-input]

z = [2.0, 1.0]
runs = {}
for t in (0.5, 2.0):
    runs[t] = ss.simulate(z, t)
shares = [ss.softmax(z, t) for t in runs]
lost = ss.entropy(z)
lost = cool(z, [1.0])

def worst(t):
    return ss.verify(runs[t].counts, z, t)
```

```{code-cell} ipython3
claim("hops", "Particles find it.", holds=lambda: worst(0.5), faults={})
claim("cools", "It cools.", holds=lost)
claim("share", "A share.", holds=[s for s in shares if s], measured=[t for t in (1, 2)])
for t in (1, 2):
    claim("looped", "A loop.", holds=t > 0)
```
"""


def names_of(path):
    blocks = re.findall(r"^```\{names\}\n(.*?)^```", path.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    return [name for block in blocks for name in block.split()]


def test_every_name_stands_on_one_page():
    counted = Counter(name for path in PAGES for name in names_of(path))
    assert set(ss.__all__) <= set(counted)
    assert {name for name, times in counted.items() if times > 1} == set()
    for name in set(counted) - set(ss.__all__):
        thing = pkgutil.resolve_name(f"simsoftmax.{name}")
        assert thing.__module__ == f"simsoftmax.{name.rpartition('.')[0]}", f"{name} is not where it is made"


def test_what_a_chapter_uses_is_found():
    uses = extension("uses").uses_of(CHAPTER)
    assert uses.names == {"simulate", "softmax", "entropy", "annealing.anneal", "verify"}


def test_a_claim_stands_on_what_its_values_come_from():
    claims = extension("uses").uses_of(CHAPTER).claims
    assert claims["hops"] == {"verify", "simulate"}  # through a function, and a dictionary that was filled in a loop
    assert claims["cools"] == {"annealing.anneal"}  # what `lost` held before is gone
    assert claims["looped"] == set()
    assert claims["share"] == {"softmax", "simulate"}  # and not what another `t` belonged to


def test_every_claim_of_the_chapters_is_found():
    uses = extension("uses")
    for path in set((ROOT / "book").glob("*.md")) - set(PAGES):
        text = path.read_text("utf-8")
        assert list(uses.uses_of(text).claims) == re.findall(r'^ *claim\(\s*"([^"]+)"', text, re.MULTILINE), path.name


def test_a_name_means_what_it_belongs_to():
    reference = extension("reference")
    assert reference.means("annealing.anneal", ss.anneal)
    assert reference.means("Pipeline.of", ss.Pipeline)
    assert not reference.means("annealing.barrier", ss.anneal)
    assert not reference.means("nothing.of.ours", ss.anneal)


@pytest.mark.parametrize("path", INVENTORIES, ids=lambda path: path.stem)
def test_what_an_inventory_lists_is_there(path):
    """Its lines are kept by hand, only for names that docstrings use; that each is used, a build of the book says."""
    head, entries = path.read_text().splitlines()[:3], path.read_text().splitlines()[3:]
    assert head[0] == "# Sphinx inventory version 1"
    assert entries == sorted(entries)
    for entry in entries:
        name, kind, page = entry.split()
        if path.stem == "xarray":
            pytest.importorskip("xarray")
        thing = pkgutil.resolve_name(name)
        assert kind == ("class" if inspect.isclass(thing) else "function")
        assert page.endswith(".html")
    told = "".join(source.read_text("utf-8") for source in Path(ss.__file__).parent.rglob("*.py"))
    types = set(extension("reference").TYPES.values())
    for name in (entry.split()[0] for entry in entries):
        assert name in types or re.search(rf"(?<![\w.])`?{re.escape(name)}\b", told), f"no docstring uses {name}"


def test_every_name_is_told_in_the_book(html):
    for path in PAGES:
        page = (html / "book" / f"{path.stem}.html").read_text("utf-8")
        for name in names_of(path):
            assert f'id="simsoftmax.{name}"' in page or f'id="module-simsoftmax.{name}"' in page, name


def test_the_first_page_of_the_reference_lists_every_name(html):
    page = (html / "book" / "reference.html").read_text("utf-8")
    listed = re.findall(r'href="reference-\w+\.html#(?:module-)?simsoftmax\.([\w.]+)"', page)
    assert sorted(listed) == sorted(name for path in PAGES for name in names_of(path))


def test_links_of_the_reference_lead_to_a_place(html):
    pages = {path.name: path.read_text("utf-8") for path in (html / "book").glob("*.html")}
    places = {name: set(re.findall(r'\bid="([^"]+)"', page)) for name, page in pages.items()}
    count = 0
    for path in PAGES:
        for target in re.findall(r'<a class="reference internal" href="([^"]*#[^"]*)"', pages[f"{path.stem}.html"]):
            page, _, place = target.partition("#")
            assert place in places[page or f"{path.stem}.html"], (path.name, target)
            count += place.startswith("claim-")
    assert count > 100
