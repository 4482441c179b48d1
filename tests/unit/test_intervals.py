"""The exact interval of a share, against SciPy's own root-finding one and against its definition."""

import numpy as np
import pytest
from scipy import stats

from simsoftmax.intervals import clopper_pearson


@pytest.mark.parametrize("level", [0.5, 0.95, 0.999])
def test_it_is_scipys(level):
    for trials in (1, 2, 17, 1000):
        hits = np.unique([0, 1, trials // 3, trials - 1, trials])
        low, high = clopper_pearson(hits, np.full(len(hits), trials), (1 - level) / 2)
        for h, a, b in zip(hits, low, high, strict=True):
            assert (a, b) == pytest.approx(stats.binomtest(int(h), trials).proportion_ci(level, "exact"), abs=1e-11)


def test_each_end_leaves_just_its_tail():
    low, high = clopper_pearson(30, 10**6, 0.01)
    assert stats.binom.sf(29, 10**6, low) == pytest.approx(0.01, rel=1e-9)
    assert stats.binom.cdf(30, 10**6, high) == pytest.approx(0.01, rel=1e-9)


def test_no_trials_tell_nothing():
    assert [float(x) for x in clopper_pearson(0, 0, 0.025)] == [0.0, 1.0]
