"""Levels by name: tokens and tallies say what counts say, and what is doubtful is refused."""

import collections

import matplotlib.pyplot as plt
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simsoftmax import estimate_temperature, plot_occupancy, plot_temperature_sweep, verify

Z = [0.1, 2.0, 1.0]
NAMES = ["snow", "sun", "rain"]
COUNTS = [99, 659, 242]


class Series:  # in place of pandas, so that these tests need none
    """What a Series of pandas is to us: values with an index, which has names."""

    def __init__(self, values, index):
        self.values, self.index, self.ndim = np.asarray(values), tuple(index), 1
        self.index = self.Index(index)

    class Index(list):
        index = None

    def __array__(self, dtype=None, copy=None):
        return self.values

    def items(self):
        return zip(self.index, self.values, strict=True)


class Frame(dict):
    """What a frame of two columns is to us, as polars gives for value_counts."""

    ndim = 2

    @property
    def columns(self):
        return list(self)


@given(st.lists(st.integers(0, 2), min_size=1, max_size=40), st.booleans())
@settings(max_examples=30)  # ten verdicts each
def test_tokens_and_tallies_say_what_counts_say(drawn, named):
    options = {"logits": Z, "names": NAMES} if named else {"logits": Z}
    tokens = [NAMES[k] for k in drawn] if named else drawn
    counted = collections.Counter(tokens)
    values = [int(n) for n in counted.values()]
    tallies = [
        counted,
        dict(counted),
        Series(values, counted),
        Frame(token=list(counted), count=values),
        Frame(count=values, token=np.array(list(counted))),
    ]
    expected = verify(np.bincount(drawn, minlength=3), **options)
    thermometer = estimate_temperature(np.bincount(drawn, minlength=3), **options)
    for form in (tokens, tuple(tokens), np.array(tokens), np.array(tokens, object), Series(tokens, range(len(tokens)))):
        assert verify(tokens=form, **options) == expected
        assert estimate_temperature(tokens=form, **options) == thermometer
    for form in tallies:
        assert verify(tally=form, **options) == expected
        assert estimate_temperature(tally=form, **options) == thermometer


def test_names_are_said_where_they_are_known():
    assert verify(COUNTS, Z).worst_name is None
    wrong = verify([659, 99, 242], Z, names=NAMES)
    assert wrong.worst_name == "snow"
    assert "the level 'snow' is worst" in str(wrong)
    assert "the level at index 0 is worst" in str(verify([659, 99, 242], Z))
    impossible = verify([1, 659, 242], [-np.inf, 2.0, 1.0], names=(10, 20, 30))
    assert "the level '10' is occupied though" in str(impossible)


def test_an_index_with_names_goes_with_the_logits():
    logits = Series(Z, NAMES)
    assert verify(tally={"sun": 659, "rain": 242, "snow": 99}, logits=logits) == verify(COUNTS, Z, names=NAMES)
    assert verify(COUNTS, Series(Z, range(3))).worst_name is None
    assert verify(Series(COUNTS, NAMES), logits)
    assert verify(Series(COUNTS, range(3)), Z)
    for counts, options in (
        (Series([659, 242, 99], ["sun", "rain", "snow"]), {"names": NAMES}),
        (Series([659, 242, 99], ["sun", "rain", "snow"]), {}),
        (Series([659, 242, 99], [1, 2, 0]), {}),  # value_counts, whose order is that of size
    ):
        with pytest.raises(ValueError, match=r"its index in the order of the levels, got .* tally=counts"):
            verify(counts, Z, **options)
        assert verify(tally=counts, logits=Z, names=None if counts.index[0] == 1 else NAMES)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({}, "got none of them; pass the draws of each level as counts"),
        ({"counts": COUNTS, "tokens": [0]}, "counts, tokens and tally .* got counts and tokens; pass"),
        ({"counts": collections.Counter([0, 1])}, "counts must be .*, got a Counter; pass it as tally=..."),
        ({"counts": [0, 1, 1, 2]}, r"counts must hold one number for each of the 3 logits, .* pass tokens=\.\.\."),
        ({"tokens": ["sun"]}, "tokens must be whole numbers, got .*; pass the draws as numbers of levels, or names="),
        ({"tokens": [0, 3]}, "tokens must be from 0 to 2 for 3 logits, got 3 at index 1; number the levels from 0"),
        ({"tokens": [0, -1]}, "got -1 at index 1"),
        ({"tokens": [[0, 1]]}, r"tokens must be one row of draws, got shape \(1, 2\); pass tokens.ravel"),
        ({"tokens": []}, "tokens must be"),
        ({"tokens": [0.0, 1.0]}, "tokens must be whole numbers"),
        ({"tokens": [True, False]}, "tokens must be whole numbers"),
        ({"tokens": "sun"}, r"tokens must be a row of draws, got the text 'sun'; pass list\(text\)"),
        ({"tokens": ["sun", "fog"], "names": NAMES}, "tokens must be among the names 'snow', .* got 'fog' at index 1"),
        ({"tokens": np.array(["sun", None], object), "names": NAMES}, "got None at index 1"),
        ({"tally": {"sun": 3}}, "tally must list levels by number, got 'sun'; pass names="),
        ({"tally": {3: 1}}, "tally must list levels from 0 to 2 for 3 logits, got 3"),
        ({"tally": {"fog": 3}, "names": NAMES}, "tally must be among the names .* got 'fog' at index 0"),
        ({"tally": {}}, "tally must count at least one level"),
        ({"tally": {0: 0}}, "tally must sum to between 1"),
        ({"tally": {0: 1.5}}, "tally must be whole numbers"),
        ({"tally": Series([1, 2], [0, 0])}, "tally must count each level once, got 0 twice"),
        ({"tally": [3, 4, 5]}, "tally must say of each level how often .* got a list; pass a Counter"),
        ({"tally": Frame(a=[1], b=[2])}, r"got columns \['a', 'b'\]"),
        ({"tally": Frame(a=[1], b=[2], count=[2])}, "got columns"),
        ({"counts": COUNTS, "names": ["a", "b", "a"]}, "names must differ, got 'a' twice"),
        ({"counts": COUNTS, "names": ["a", "b"]}, "names must name each of the 3 levels, got 2"),
        ({"counts": COUNTS, "names": "abc"}, "names must be a row of names, got 'abc'"),
        ({"counts": COUNTS, "names": ["a", np.nan, "b"]}, "names must be names, got nan"),
    ],
)
def test_what_is_doubtful_is_refused(arguments, says):
    for function in (verify, estimate_temperature):
        with pytest.raises((TypeError, ValueError), match=says):
            function(**{"logits": Z, **arguments})


def test_figures_carry_the_names():
    logits = Series(Z, NAMES)
    for counts in (COUNTS, Series(COUNTS, NAMES)):
        ax = plot_occupancy(counts, logits)
        assert [tick.get_text() for tick in ax.get_yticklabels()] == ["sun", "rain", "snow"]  # the likeliest below
    ax = plot_occupancy(COUNTS, logits, names=["a", "b", "c"])
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["b", "c", "a"]
    assert {text.get_text() for text in plot_temperature_sweep(logits).texts} >= set(NAMES)
    with pytest.raises(ValueError, match="counts must have its index in the order of the levels"):
        plot_occupancy(Series([659, 242, 99], ["sun", "rain", "snow"]), logits)
    plt.close("all")
