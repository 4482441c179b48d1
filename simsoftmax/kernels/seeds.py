"""Seeds of random streams, by hashing; NumPy only.

Source of the hash splitmix64: G. L. Steele, D. Lea and C. H. Flood, "Fast splittable pseudorandom number generators",
OOPSLA 2014.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

INLINE = True
GOLDEN = np.uint64(0x9E3779B97F4A7C15)
FIRST = np.uint64(0)  # link of a chain


def seed_streams(key: int, blocks: int, words: int = 4) -> NDArray[np.uint64]:
    """Return the first states of ``blocks`` independent streams, shape (blocks, words), uint64.

    Word w of block b is the splitmix64 hash of a counter that starts at a hash of (key, b), which is how the authors of
    xoshiro recommend to fill its state. Different keys give unrelated streams.
    """
    with np.errstate(over="ignore"):
        start = splitmix(np.uint64(key) ^ splitmix(np.arange(blocks, dtype=np.uint64)))
        return np.asarray(splitmix(start[:, None] + GOLDEN * np.arange(words, dtype=np.uint64)))


def following(link, number):
    """Return the next link of a chain, a hash of all numbers so far, given the last one and a number of at least 0."""
    return splitmix(link ^ np.uint64(number))


def splitmix(x: Any) -> Any:
    """Return a hash of 64 bits."""
    x = x + GOLDEN
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))
