"""What takes minutes is begun first by every process, and nothing is lost on the way."""

from types import SimpleNamespace

from hypothesis import given
from hypothesis import strategies as st
from short import deal


@given(st.lists(st.booleans(), max_size=40), st.integers(1, 5))
def test_each_process_begins_with_its_part_of_what_takes_minutes(minutes, hands):
    items = [SimpleNamespace(get_closest_marker=lambda _, long=long: long or None, long=long) for long in minutes]
    dealt = items.copy()
    deal(dealt, hands)
    assert sorted(map(id, dealt)) == sorted(map(id, items))
    if sum(minutes) <= len(items) // hands:  # where each part has room for its share
        for hand in range(hands):  # as pytest-xdist cuts them where tests are stolen
            size = len(dealt) // (hands - hand)
            part, dealt = dealt[:size], dealt[size:]
            long = [item.long for item in part]
            assert long == sorted(long, reverse=True)
            assert abs(sum(long) - sum(minutes) / hands) < 1
