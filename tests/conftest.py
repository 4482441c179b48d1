"""Every random test derives its generator from one seed, so that the suite can be swept: SIMSOFTMAX_SEED=1 pytest."""

import os
import zlib

import numpy as np
import pytest
from hypothesis import settings

SEED = int(os.environ.get("SIMSOFTMAX_SEED", "20250101"))

settings.register_profile("simsoftmax", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("simsoftmax")


@pytest.fixture
def rng(request):
    """Return a generator of the test's own, derived from the seed and the test's name."""
    return np.random.default_rng([SEED, zlib.crc32(request.node.nodeid.encode())])
