"""Handovers of quanta in many isolated gases at once, for `simulate_gas`; a page has one gas (`page.gas`)."""

from .compiler import compiled
from .page.gas import exchange


@compiled
def exchange_each(quanta, top, streams, steps):
    """Run `exchange` in each of R gases that never meet: ``quanta`` (R, N), ``streams`` (R, 4)."""
    passed = 0
    for gas in range(quanta.shape[0]):
        passed += exchange(quanta[gas], top, streams[gas], steps)
    return passed
