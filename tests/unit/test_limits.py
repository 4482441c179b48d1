"""The limits that statistical tests of the verdict share."""

import pytest
from limits import MISSED, at_most, keeps


@pytest.mark.parametrize(("rate", "other", "farther"), [(0.9, 0.8, 0.99), (0.05, 0.1, 0.01)])
def test_a_rate_is_told_from_another(rate, other, farther, rng):
    def kept(true):
        return sum(keeps(iter(lambda: rng.random() < true, None), rate, other) for _ in range(300))

    assert kept(rate) == kept(farther) == 300
    assert at_most(kept(other), 300, MISSED)
    with pytest.raises(ValueError, match="until they tell"):
        keeps([True] * 3, rate, other)
