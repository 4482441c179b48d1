"""A kernel that runs in a page carries its signature, and is found by it."""

import sys

import pytest

from simsoftmax.kernels import page
from simsoftmax.kernels.page import page_kernel
from simsoftmax.kernels.wasm import KERNELS

RIGHT = """
from simsoftmax.kernels.page import page_kernel

@page_kernel("float64(float64[::1], int64)")
def pick(numbers, k):
    return _entry(numbers, k)

def _entry(numbers, k):
    return numbers[k]
"""


@pytest.fixture
def room(tmp_path, monkeypatch):
    """Return a function that makes a package of kernels from the texts of its modules."""
    monkeypatch.syspath_prepend(tmp_path)

    def make(**modules):
        (tmp_path / "room").mkdir()
        (tmp_path / "room" / "__init__.py").write_text("")
        for name, text in modules.items():
            (tmp_path / "room" / f"{name}.py").write_text(text)
        return "room"

    yield make
    for name in [name for name in sys.modules if name.split(".")[0] == "room"]:
        del sys.modules[name]


def test_kernels_are_found_by_module_and_in_the_order_of_its_text(room):
    second = RIGHT.replace("pick", "zeroth") + RIGHT.replace("pick", "first")
    signature = "float64(float64[::1], int64)"
    assert list(page.kernels(room(later=RIGHT, early=second)).items()) == [
        ("zeroth", ("room.early:zeroth", signature)),
        ("first", ("room.early:first", signature)),
        ("pick", ("room.later:pick", signature)),
    ]


def test_the_kernels_of_the_package():
    assert list(KERNELS) == list(page.kernels())
    assert KERNELS["exchange"] == (
        "simsoftmax.kernels.page.gas:exchange",
        "int64(int32[::1], int64, uint64[::1], int64)",
    )
    assert len(KERNELS) >= 27


@pytest.mark.parametrize("door", ["", "@compiled\n"])
def test_a_kernel_without_a_signature_is_refused(room, door):
    text = RIGHT + f"from simsoftmax.kernels.compiler import compiled\n\n{door}def bare(numbers):\n    return 1\n"
    with pytest.raises(ValueError, match=r"room.module:bare has no signature; mark it with @page_kernel"):
        page.kernels(room(module=text))


def test_two_kernels_of_one_name_are_refused(room):
    with pytest.raises(ValueError, match=r"room.two:pick and room.one:pick have one name in a page"):
        page.kernels(room(one=RIGHT, two=RIGHT))


def three(first, second, third):
    return first


@pytest.mark.parametrize("signature", ["int64(int64, int64)", "int64(int64, int64, int64, int64)", "int64()"])
def test_a_signature_that_does_not_fit_the_parameters_is_refused(signature):
    with pytest.raises(ValueError, match=r"three must name its 3 parameters \(first, second, third\)"):
        page_kernel(signature)(three)


@pytest.mark.parametrize("signature", ["", "int64", "(int64, int64, int64)", "int64(int64, int64, int64"])
def test_a_signature_of_another_form_is_refused(signature):
    with pytest.raises(ValueError, match=r"test_page_kernels.three must be like int64\(float64"):
        page_kernel(signature)(three)
