"""What the tests share: one seed, one false-alarm rate, and strategies for hard logits.

Every random test derives its generator from one seed, so that the suite can be swept: ``SIMSOFTMAX_SEED=1 make test``.
A statistical check fails by chance with probability ALARM at most. With fewer than 1000 checks in the suite, a sweep
over 100 seeds alarms falsely less than once in a hundred sweeps.
"""

import os
import zlib

import numpy as np
import pytest
from hypothesis import settings

SEED = int(os.environ.get("SIMSOFTMAX_SEED", "20250101"))
ALARM = 1e-7

settings.register_profile("simsoftmax", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("simsoftmax")


@pytest.fixture
def rng(request):
    """Return a generator of the test's own, derived from the seed and the test's name."""
    return np.random.default_rng([SEED, zlib.crc32(request.node.nodeid.encode())])


@pytest.fixture(scope="session")
def alarm():
    """Return the probability with which a statistical check may fail by chance."""
    return ALARM
